/* SPDX-License-Identifier: Apache-2.0
 *
 * journal.pml - the boot journal: each record in two sectors of P places, cut
 * at any instant. lib/store/ring.c, and what device/boot/boot.c does with a
 * record that may be torn.
 *
 * Kept: which sector is written first, which is erased when, which place takes
 *   a record; what a reader takes for the newest, and when it writes that
 *   again; places that do not take a record.
 * Half erased: a write to a sector whose erase was cut breaks J3, however it
 *   reads (not with REFUSING=1: of places that refuse in it nothing is claimed).
 * Cells: what a cut write leaves reads as erased, junk or whole; what a cut
 *   erase leaves, in each place, as it read then, junk or erased.
 * FLICKERS=0: so it stays from the next boot on. Cuts: any number in a row.
 * FLICKERS=1: the cells of the latest cut read anew at each boot, also when they
 *   were written over; at the next cut they stay as they read in that boot, or,
 *   with ONCE_MORE=1, as they read in the one after. At most CUTS cuts in a
 *   row, then a boot ends undisturbed. A record that was cut may come to count
 *   at any boot before the next one is written; with STRICT only at the boot
 *   that follows.
 * REFUSING=1: places that do not take a record. REFUSING=2: one sector takes
 *   nothing any more, from some boot on.
 * ROT=1: one sector loses all that it holds, once, at rest.
 * Left out: what a record says; records that another wrote (the journal is
 *   locked); the wrap of serials: only their order is kept, so that the states
 *   are finitely many.
 *
 * With -DBROKEN_... one rule is left out, and the checker must object. */
#ifndef P
#define P 2
#endif
#define PLACES (2 * P)
#ifndef FLICKERS
#define FLICKERS 0
#endif
#ifndef ONCE_MORE
#define ONCE_MORE 0
#endif
#define SLOTS (1 + ONCE_MORE) /* the last one: read once more */
#define settles (FLICKERS == 0 || ONCE_MORE == 1)
#ifndef REFUSING
#define REFUSING 0
#endif
#ifndef ROT
#define ROT 0
#endif
#ifndef CUTS
#define CUTS 0
#endif
#if CUTS == 0
#define may_cut true
#define count_cut skip
#else
#define may_cut (cuts < CUTS)
#define count_cut cuts++
#endif

#ifdef STRICT
#define late false
#else
#define late (FLICKERS > 0)
#endif

/* How a place reads in this boot. */
#define ERASED 0
#define JUNK 1
#define WHOLE 2

/* What its record says, as an observer knows who forgets nothing. */
#define OLD 0
#define CURRENT 1 /* acted upon, or its write was reported done */
#define NEXT 2    /* cut since then: it may count, or not */
#define ANOTHER 3 /* likewise, of another text */

#define NONE 255
#define NOTHING 0
#define OF_RECORD 1
#define OF_SECTOR 2

byte look[PLACES], most[PLACES], serial[PLACES], says[PLACES];
byte flicker[SLOTS], flicker_at[SLOTS];
bool half[2]; /* the sector's erase was cut: nothing may be written there */
bool born, rotten, quiet;
#if CUTS > 0
byte cuts; /* in a row */
#endif
byte dead = NONE;

/* Of one boot. */
byte i, k, at, newest, top[2], end[2], room[2], next_serial, text, first, second;
bool has[2], done[2], twice, even, settled, failed, wrote;

inline cut()
{
    if
    :: true
    :: may_cut -> count_cut; goto off
    fi
}

/* ---- cells ------------------------------------------------------------------ */

inline push(what, where)
{
    d_step {
#if FLICKERS > 0 && !ONCE_MORE
        /* What flickered stays, but for what was cut now. */
        i = 0;
        do
        :: i < PLACES ->
            if
            :: what == OF_RECORD && i == where
            :: flicker[0] == OF_RECORD && flicker_at[0] == i ->
                most[i] = look[i]
            :: flicker[0] == OF_SECTOR && flicker_at[0] == i / P ->
                most[i] = look[i]
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 0;
#endif
        k = SLOTS - 1;
        do
        :: k > 0 ->
            flicker[k] = flicker[k - 1];
            flicker_at[k] = flicker_at[k - 1];
            k--
        :: else -> break
        od;
        flicker[0] = what;
        flicker_at[0] = where;
        k = 0
    }
}

/* What flickers in sector s does so no more. */
inline forget(s)
{
    k = 0;
    do
    :: k < SLOTS ->
        if
        :: (flicker[k] == OF_SECTOR && flicker_at[k] == s) ||
           (flicker[k] == OF_RECORD && flicker_at[k] / P == s) ->
            flicker[k] = NOTHING; flicker_at[k] = 0
        :: else
        fi;
        k++
    :: else -> break
    od;
    k = 0
}

inline read_place(p)
{
    if
    :: look[p] = ERASED
    :: look[p] = JUNK
    :: most[p] == WHOLE -> look[p] = WHOLE
    fi
}

/* How each cell reads in this boot. */
inline power_on()
{
    atomic {
        k = SLOTS;
        do
        :: k == 0 -> break
        :: else ->
            k--;
            if
            :: flicker[k] == OF_RECORD -> at = flicker_at[k]; read_place(at)
            :: flicker[k] == OF_SECTOR ->
                i = flicker_at[k] * P;
                do
                :: i == (flicker_at[k] + 1) * P -> break
                :: else -> read_place(i); i++
                od;
                i = 0
            :: else
            fi;
            if
            :: settles && k == SLOTS - 1 && flicker[k] != NOTHING ->
                if
                :: flicker[k] == OF_SECTOR ->
                    i = flicker_at[k] * P;
                    do
                    :: i == (flicker_at[k] + 1) * P -> break
                    :: else -> most[i] = look[i]; i++
                    od;
                    i = 0
                :: else -> most[flicker_at[k]] = look[flicker_at[k]]
                fi;
                flicker[k] = NOTHING;
                flicker_at[k] = 0
            :: else
            fi
        od;
        at = 0
    }
}

/* ---- reading --------------------------------------------------------------- */

/* The last record of sector s, and from which place on it is erased. */
inline find(s)
{
    top[s] = NONE;
    room[s] = P;
    i = (s + 1) * P;
    do
    :: i == s * P || look[i - 1] != ERASED -> break
    :: else -> i--; room[s] = room[s] - 1
    od;
    do
    :: i == s * P || top[s] != NONE -> break
    :: else ->
        i--;
        if
        :: look[i] == WHOLE -> top[s] = i
        :: else
        fi
    od;
    i = 0
}

/* Whether the record below the newest is the same one. */
inline find_twice()
{
    twice = false;
    i = newest;
    do
    :: i == newest / P * P -> break
    :: else ->
        i--;
        if
        :: look[i] == WHOLE ->
            twice = (serial[i] == serial[newest] && says[i] == says[newest]);
            break
        :: else
        fi
    od;
    i = 0
}

#define is_clean(s) (top[s] + 1 - (s) * P == room[s])

inline ring_read()
{
    d_step {
        find(0);
        find(1);
        newest = NONE;
        if
        :: top[0] != NONE && top[1] != NONE ->
            newest = (serial[top[0]] > serial[top[1]] -> top[0] : top[1])
        :: top[0] != NONE && top[1] == NONE -> newest = top[0]
        :: top[0] == NONE -> newest = top[1]
        fi;
        has[0] = false;
        has[1] = false;
        settled = false;
        if
        :: newest != NONE ->
            if
            :: top[0] != NONE ->
                has[0] = (serial[top[0]] == serial[newest] &&
                          says[top[0]] == says[newest])
            :: else
            fi;
            if
            :: top[1] != NONE ->
                has[1] = (serial[top[1]] == serial[newest] &&
                          says[top[1]] == says[newest])
            :: else
            fi;
            find_twice();
            twice = (twice && !(has[0] && has[1]) && serial[newest] != 1);
            settled = (has[0] && has[1]);
            if
            :: has[0] -> settled = (settled && is_clean(0))
            :: else
            fi;
            if
            :: has[1] -> settled = (settled && is_clean(1))
            :: else
            fi
        :: else
        fi
    }
}

/* J5 */
#if P == 2
#define is_unborn (room[1] == 0 && newest == NONE)
#else
#define is_unborn                                                              \
    (room[1] == 0 && room[0] < P && (newest == NONE || (newest == 0 && serial[0] == 1)))
#endif

/* ---- writing ------------------------------------------------------------------ */

inline erase(s)
{
    d_step {
        i = s * P;
        do
        :: i == (s + 1) * P -> break
        :: else -> most[i] = look[i]; i++
        od;
        i = 0;
        forget(s)
    }
    if
    :: may_cut -> count_cut; half[s] = true; push(OF_SECTOR, s); goto off
    :: true
    fi;
    d_step {
        half[s] = false;
        i = s * P;
        do
        :: i == (s + 1) * P -> break
        :: else ->
            look[i] = ERASED; most[i] = ERASED; serial[i] = 0; says[i] = OLD;
            i++
        od;
        i = 0
    }
    cut()
}

/* Into place `at`, or the next one of sector s that takes it. */
inline write_from(s)
{
    do
    :: at >= (s + 1) * P || done[s] -> break
    :: else ->
        if
        :: look[at] != ERASED -> break
        :: else ->
            assert(!half[s] || REFUSING == 1); /* J3 */
            serial[at] = next_serial;
            says[at] = text;
            most[at] = WHOLE;
            if
            :: may_cut -> count_cut; push(OF_RECORD, at); goto off
            :: REFUSING == 1 ->
                look[at] = JUNK; most[at] = JUNK; failed = true; /* J6 */
                room[s]++;
                end[s] = room[s]
            :: true ->
                look[at] = WHOLE;
                done[s] = true;
                room[s]++;
                end[s] = room[s]
            fi
        fi;
        at++
    od;
    at = 0;
    cut()
}

/* Behind all that is not erased in sector s. */
inline append(s)
{
    if
    :: s == dead -> failed = true; room[s] = P; end[s] = P
    :: else -> at = s * P + room[s]; write_from(s)
    fi
}

inline begin(s)
{
    if
    :: s == dead -> failed = true
    :: else -> erase(s); room[s] = 0; at = s * P; write_from(s)
    fi
}

/* A sector that lacks the newest record is not appended to. */
inline set_ends()
{
#ifdef BROKEN_STALE
    end[0] = (top[0] != NONE -> top[0] + 1 : P + 1);
    end[1] = (top[1] != NONE -> top[1] + 1 - P : P + 1)
#else
    end[0] = (has[0] -> top[0] + 1 : P + 1);
    end[1] = (has[1] -> top[1] + 1 - P : P + 1);
    room[0] = (has[0] -> room[0] : P);
    room[1] = (has[1] -> room[1] : P)
#endif
}

#define in_sector(f, s) \
    if :: s == 0 -> f(0) :: else -> f(1) fi

inline put(s, anew)
{
    if
    :: !(anew) -> append(s)
    :: else
    fi;
    if
    :: done[s]
    :: else -> begin(s)
    fi
}

inline ring_write()
{
    d_step {
        next_serial = serial[newest] + 1;
        done[0] = false;
        done[1] = false;
        set_ends();
#ifdef BROKEN_FULL_FIRST
        first = (end[0] > P || end[1] > P -> newest / P : (end[0] >= end[1] -> 0 : 1));
#else
        first = (end[0] >= end[1] -> 1 : 0);
#endif
        even = (end[0] == end[1]);
#ifdef BROKEN_EVEN
        even = false
#endif
    }
#ifdef BROKEN_ERASE_FIRST
    in_sector(begin, first);
#endif
    if
    :: !wrote && twice
    :: else -> in_sector(append, first)
    fi;
    if
    :: done[first]
    :: else ->
        first = 1 - first;
        if
        :: first == 0 -> put(0, even)
        :: else -> put(1, even)
        fi
    fi;
    wrote = true;
    second = 1 - first;
    if
    :: !done[first]
    :: done[first] && second == 0 -> put(0, end[0] < end[1])
    :: done[first] && second == 1 -> put(1, end[1] < end[0])
    fi;
    /* One sector takes nothing: twice in the other. */
    if
    :: done[first] && !done[second] ->
        done[first] = false; in_sector(append, first); done[first] = true
    :: else
    fi
}

/* J5 */
inline be_born()
{
    next_serial = 1;
    done[0] = false;
    done[1] = false;
    wrote = true;
    put(0, P == 2);
    if
    :: !done[0] -> goto off
    :: else
    fi;
    done[0] = false;
    append(0);
    append(1);
    if
    :: !done[1] -> goto off
    :: else
    fi
}

/* What counts from now on: what says the same as `text`. */
inline believe()
{
    d_step {
        i = 0;
        do
        :: i < PLACES ->
            says[i] = (says[i] == text -> CURRENT :
                       (late && !wrote && text == CURRENT -> says[i] : OLD));
            i++
        :: else -> break
        od;
        i = 0;
        text = CURRENT
    }
}

/* ---- between two boots ------------------------------------------------------ */

/* Only the order of serials counts. */
inline renumber()
{
    d_step {
        i = 0;
        do
        :: i < PLACES ->
            if
            :: look[i] != WHOLE && most[i] != WHOLE -> serial[i] = 0; says[i] = OLD
            :: else
            fi;
            i++
        :: else -> break
        od;
        k = PLACES + 2;
        do
        :: k == 1 -> break /* the first record's */
        :: else ->
            at = 0;
            i = 0;
            do
            :: i < PLACES -> at = at + (serial[i] == k -> 1 : 0); i++
            :: else -> break
            od;
            if
            :: at == 0 ->
                i = 0;
                do
                :: i < PLACES ->
                    serial[i] = (serial[i] > k -> serial[i] - 1 : serial[i]);
                    i++
                :: else -> break
                od
            :: else
            fi;
            k--
        od;
        at = 0;
        i = 0
    }
}

inline rot()
{
    if
    :: ROT > 0 && quiet && !rotten ->
        if
        :: top[0] = 0
        :: top[0] = 1
        fi;
        rotten = true;
        d_step {
            i = top[0] * P;
            do
            :: i == (top[0] + 1) * P -> break
            :: else -> look[i] = JUNK; most[i] = JUNK; i++
            od;
            i = 0;
            forget(top[0])
        }
    :: true
    fi
}

active proctype bootloader()
{
    /* A turn is a boot. */
    do
    :: rot();
        quiet = false;
        if
        :: REFUSING == 2 && dead == NONE && born -> dead = 0
        :: REFUSING == 2 && dead == NONE && born -> dead = 1
        :: true
        fi;
        power_on();
        ring_read();
        if
        :: is_unborn ->
            assert(!born); /* J5: a device is new once */
            text = NEXT;
            be_born();
            ring_read()
        :: newest == NONE && !is_unborn ->
            assert(false) /* J5: and never lost */
        :: else ->
            text = says[newest];
            assert(text != OLD); /* J1 */
            if
#ifndef BROKEN_SOLID
            :: !settled -> /* J9 */
                wrote = false;
                ring_write();
                ring_read()
#endif
            :: else
            fi
        fi;
        believe();
        born = true;
        /* What the boot decides: nothing, or a record or more. */
        do
        :: true -> break
        :: true ->
            renumber();
            ring_read();
            if
            :: text = NEXT
            :: text = ANOTHER
            fi;
            failed = false;
            wrote = true;
            ring_write();
            if
            :: done[0] || done[1] -> believe()
            :: else -> assert(failed || dead != NONE); text = CURRENT
            fi;
            ring_read()
        od;
        quiet = (has[0] && has[1]);
#if CUTS > 0
        cuts = 0;
#endif
    off:
        renumber();
        d_step {
            i = 0; k = 0; at = 0; newest = 0; top[0] = 0; top[1] = 0;
            next_serial = 0; text = 0; first = 0; second = 0; room[0] = 0;
            room[1] = 0; even = false; has[0] = false;
            has[1] = false; twice = false; done[0] = false; done[1] = false;
            settled = false; failed = false; wrote = false; end[0] = 0; end[1] = 0
        }
    od
}
