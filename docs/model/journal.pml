/* SPDX-License-Identifier: Apache-2.0
 *
 * journal.pml - the boot journal: records appended in two sectors of P places
 * each, cut at any instant, any number of times.
 *
 * Kept: which place a record goes to, which sector is erased when, which
 *   record a reader takes, serials (here in a small circle), places that do not take
 *   a record. A cut write leaves the place junk or whole. A cut erase leaves
 *   each place as it was, junk, or looking erased, which a later reading may
 *   see otherwise.
 * With -DFLICKERING=1 one record at a time may be torn so that it passes its
 *   check at one reading and not at the next. The ring does not bear that: see
 *   README.md.
 * With -DROT sector 0 may lose everything, once; this, too, has a hole.
 * Left out: what a record says; a write that was cut so early that its place
 *   still looks erased; records that another wrote (the journal is locked).
 *
 * With -DBROKEN_... one rule is left out, and the checker must object. */
#ifndef P
#define P 2
#endif
#define PLACES (2 * P)
#ifndef FLICKERING
#define FLICKERING 0
#endif

/* What a place holds. */
#define ERASED 0
#define WHOLE 1
#define TORN 2 /* whole or not, at each reading */
#define JUNK 3
#define WEAK 4 /* erased or not, at each reading */

/* What its record is, as an observer knows who forgets nothing. */
#define OLD 0
#define CURRENT 1 /* acted upon, or its write was reported done */
#define NEXT 2    /* cut since then: it may count, or not */

#define NONE 255
#define SERIALS (4 * P) /* 1 is the first, then 2 and up in a circle */
#define following(x) ((x - 1) % SERIALS + 2)
#define is_newer(x, y) \
    ((SERIALS + x - y) % SERIALS != 0 && (SERIALS + x - y) % SERIALS < SERIALS / 2)

byte kind[PLACES], serial[PLACES], tag[PLACES];
bool born; /* something was handed over */
bool rotten;

/* Of one boot. */
byte flickering, i, target, newest, last[2], next_serial;
bool is_written;

/* How many records read either way now. */
inline count_flickering()
{
    flickering = 0;
    i = 0;
    do
    :: i < PLACES ->
        flickering = flickering + (kind[i] == TORN -> 1 : 0);
        i++
    :: else -> break
    od;
    i = 0
}

inline cut()
{
    if
    :: true
    :: true -> goto off
    fi
}

/* ---- reading --------------------------------------------------------------- */

/* Sets last[s] to the last place of sector s that holds a record. */
inline find_in_sector(s)
{
    last[s] = NONE;
    i = P;
    do
    :: i == 0 -> break
    :: i > 0 && kind[s * P + i - 1] == WHOLE -> last[s] = s * P + i - 1; break
    :: i > 0 && kind[s * P + i - 1] == TORN -> last[s] = s * P + i - 1; break
    :: i > 0 && kind[s * P + i - 1] != WHOLE -> i--
    od;
    i = 0
}

/* J1: the newest of both. NONE: there is none. */
inline read_newest()
{
    find_in_sector(0);
    find_in_sector(1);
    if
    :: last[0] == NONE -> newest = last[1]
    :: last[1] == NONE -> newest = last[0]
    :: else ->
        if
        :: is_newer(serial[last[0]], serial[last[1]]) -> newest = last[0]
        :: else -> newest = last[1]
        fi
    fi;
    assert(newest == NONE || tag[newest] != OLD || rotten) /* J1 */
}

/* ---- writing ------------------------------------------------------------------ */

inline erase(s)
{
    count_flickering();
    i = (s) * P;
    do
    :: i == ((s) + 1) * P -> break
    :: else ->
        assert(tag[i] != CURRENT || kind[i] != WHOLE); /* J2 */
        if
        :: true
        :: kind[i] != ERASED -> kind[i] = JUNK
        :: true -> kind[i] = WEAK
        :: kind[i] == WHOLE && flickering < FLICKERING ->
            kind[i] = TORN;
            flickering++
        fi;
        i++
    od;
    cut();
    i = (s) * P;
    do
    :: i == ((s) + 1) * P -> break
    :: else ->
        kind[i] = ERASED; serial[i] = 0; tag[i] = OLD;
        i++
    od;
    i = 0;
    cut()
}

/* Into the first place of target's sector, from target on, that takes it. */
inline write_from()
{
    count_flickering();
    i = (target / P + 1) * P;
    is_written = false;
    do
    :: target == i || is_written -> break
    :: target != i && !is_written &&
       (kind[target] == ERASED || kind[target] == WEAK) ->
        assert(kind[target] == ERASED); /* J3 */
        serial[target] = next_serial;
        tag[target] = NEXT;
        if
        :: true -> kind[target] = JUNK; goto off
        :: flickering < FLICKERING -> kind[target] = TORN; goto off
#ifdef WEAK_WRITES
        :: true -> kind[target] = WEAK; goto off
#endif
        :: true -> kind[target] = JUNK; tag[target] = OLD; target++ /* J6 */
        :: true -> kind[target] = WHOLE; is_written = true
        fi
    :: target != i && !is_written && kind[target] != ERASED -> target++
    od;
    i = 0;
    cut()
}

/* However it reads. */
inline write_anew(s)
{
    if
#ifdef BROKEN_LOOKS_ERASED
    :: kind[(s) * P] == WEAK -> skip
#endif
    :: else -> erase(s)
    fi;
    target = (s) * P;
    write_from()
}

/* What counts from now on: place p, and nothing else. */
inline believe(p)
{
    i = 0;
    do
    :: i < PLACES ->
        tag[i] = (i == p -> CURRENT : OLD);
        i++
    :: else -> break
    od;
    i = 0
}

inline append()
{
    next_serial = following(serial[newest]);
    is_written = false;
#ifdef BROKEN_ERASE_FIRST
    write_anew(newest / P);
#else
    target = newest + 1;
    if
    :: target % P != 0 -> write_from()
    :: else
    fi;
    if
    :: is_written
    :: else -> write_anew(1 - newest / P)
    fi;
#endif
    if
    :: is_written -> newest = target; believe(newest)
    :: else
    fi
}

/* J5: two records, the second in the other sector. */
inline be_born()
{
    next_serial = 1;
    write_anew(0);
    if
    :: is_written -> newest = target; believe(newest)
    :: else -> goto off
    fi
}

inline close_birth()
{
    next_serial = 2;
    write_anew(1);
    if
    :: is_written -> newest = target; believe(newest)
    :: else
    fi
}

/* Both can hold, of a sector whose erase was cut. */
#define looks_erased(p) (kind[p] == ERASED || kind[p] == WEAK)
#define looks_used(p) (kind[p] != ERASED)
#ifndef BROKEN_BIRTH
#define is_empty (looks_erased(P) && looks_erased(PLACES - 1))
#define is_lost (looks_used(P) || looks_used(PLACES - 1))
#else
#define is_empty (looks_erased(0) && looks_erased(P - 1))
#define is_lost (looks_used(0) || looks_used(P - 1))
#endif

/* Sector 0 loses all that it holds. */
inline rot()
{
    i = 0;
    do
    :: i < P -> kind[i] = JUNK; i++
    :: else -> break
    od;
    rotten = true;
    i = 0
}

active proctype bootloader()
{
    /* A turn is a boot. */
    do
    :: read_newest();
        if
        :: newest != NONE -> believe(newest)
        :: newest == NONE && is_empty ->
            assert(!born); /* J5: a device is new once */
            be_born()
        :: newest == NONE && is_lost ->
            assert(rotten); /* J5: and never lost */
            goto off
        fi;
        if
        :: newest == 0 && serial[0] == 1 -> close_birth()
        :: else
        fi;
        born = true;
        /* What the boot decides: nothing, or a record or more. */
        do
        :: true -> break
        :: true -> append()
        od;
#ifdef ROT
        if
        :: newest > 0 && !rotten -> rot()
        :: true
        fi;
#endif
    off:
        skip;
        d_step {
            flickering = 0; i = 0; target = 0; newest = 0;
            last[0] = 0; last[1] = 0; next_serial = 0;
            is_written = false
        }
    od
}
