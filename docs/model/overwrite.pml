/* SPDX-License-Identifier: Apache-2.0
 *
 * overwrite.pml - the copy of a staged image over the one that runs, cut at any
 * instant, any number of times.
 *
 * Slot A holds the old image, slot B the new one, N sectors each; sector i of B
 * is copied over sector i of A and then marked. B stays whole, so that a step may
 * be repeated at any time, and there is no way back.
 *
 * Kept: erases, copies, marks, journal records, and cuts inside each, as in
 *   swap.pml: a torn mark, and a torn record, reads either way at each boot;
 *   the application, which may overwrite slot B and asks no more.
 * Left out: as in swap.pml; a slot A that rots later (boot.pml: B7).
 *
 * With -DBROKEN_... one rule is left out, and the checker must object. */
#ifndef N
#define N 3
#endif

/* Contents. */
#define JUNK 0
#define OLD(i) (1 + (i))
#define NEW(i) (1 + N + (i))

/* Marks. */
#define ERASED 0
#define SET 1
#define TORN 2

/* Journal records: FORWARD + steps done, with AGAIN as in swap.pml; STAGED: the
 * request is good. */
#define STAGED 0
#define DONE 1
#define REFUSED 2
#define FORWARD 3
#define AGAIN (N + 1)
#define LAST (FORWARD + 2 * AGAIN - 1)

byte a[N];
byte b[N];
byte mark[N];
byte solid;          /* the last record that was written whole */
bool torn[LAST + 1]; /* those cut since then */

/* Of one boot. */
byte record, step, i;
bool sound, again;

inline cut()
{
    if
    :: true
    :: true -> goto off
    fi
}

inline journal_write(r)
{
    d_step { record = r; torn[record] = true }
    cut();
    d_step {
        solid = record;
        i = 0;
        do
        :: i <= LAST -> torn[i] = false; i++
        :: else -> break
        od;
        i = 0
    }
    cut()
}

inline journal_read()
{
    record = 0;
    do
    :: torn[record] -> break
    :: record < LAST -> record++
    :: record == LAST -> record = solid; break
    od
}

inline set_marks(how)
{
    d_step {
        i = 0;
        do
        :: i < N -> mark[i] = how; i++
        :: else -> break
        od;
        i = 0
    }
}

inline look_at_a(first_symbol)
{
    d_step {
        i = 0; sound = true;
        do
        :: i < N -> sound = sound && a[i] == first_symbol + i; i++
        :: else -> break
        od;
        i = 0
    }
}

inline look_at_b()
{
    d_step {
        i = 0; sound = true;
        do
#ifndef BROKEN_LOOK
        :: i < N -> sound = sound && b[i] == NEW(i); i++
#endif
        :: else -> break
        od;
        i = 0
    }
}

inline copy()
{
    a[step] = JUNK;
    cut();
    a[step] = b[step];
    cut()
}

/* M3: the first step after a resume gets a record and no mark, whose unit may
 * be torn. */
inline move()
{
    do
    :: step < N ->
#ifndef BROKEN_MARK_FIRST
        copy();
#endif
        if
        :: again -> journal_write(FORWARD + step + 1)
        :: else ->
            assert(mark[step] == ERASED); /* M3 */
            mark[step] = TORN;
            cut();
            mark[step] = SET;
            cut()
        fi;
#ifdef BROKEN_MARK_FIRST
        copy();
#endif
        again = false;
        step++
    :: else -> break
    od
}

/* M11: nothing is copied before slot B was looked at in this call, as long as
 * nothing was copied; M10: nor before a record of this call. At a resume the
 * application may have run since: the record was not seen at a boot. */
inline begin()
{
    look_at_b();
    if
    :: sound ->
#ifndef BROKEN_RECORD_FIRST
        journal_write(record);
#endif
        set_marks(TORN);
        cut();
        set_marks(ERASED);
        cut();
        journal_write(FORWARD);
        step = 0;
        again = false;
        move();
        journal_write(DONE)
    :: else -> journal_write(REFUSED)
    fi
}

inline resume()
{
    step = record - FORWARD;
    if
    :: step >= AGAIN -> step = step - AGAIN
    :: else ->
        do
        :: step < N && mark[step] != ERASED -> step++
        :: step == N -> break
        :: step < N && mark[step] != SET -> break
        od
    fi;
    if
#ifndef BROKEN_LOOK_AT_RESUME
    :: step == 0 -> look_at_b()
#endif
    :: else -> sound = true
    fi;
    if
    :: sound ->
#ifdef BROKEN_MARK_LOOKED_AT_TWICE
        journal_write(FORWARD + step);
#else
        journal_write(FORWARD + AGAIN + step);
#endif
        again = true;
        move();
        journal_write(DONE)
    :: else -> journal_write(STAGED) /* struck out */
    fi
}

inline application()
{
    if
    :: true
    :: true -> d_step {
            i = 0;
            do
            :: i < N -> b[i] = JUNK; i++
            :: else -> break
            od;
            i = 0
        }
    fi
}

active proctype bootloader()
{
    d_step {
        i = 0;
        do
        :: i < N -> a[i] = OLD(i); b[i] = NEW(i); i++
        :: else -> break
        od;
        i = 0;
        solid = STAGED
    }
    /* A turn is a boot. */
    do
    :: atomic {
        journal_read();
        if
        :: record == STAGED -> begin()
        :: record == STAGED -> skip /* the request cannot be read */
        :: record >= FORWARD -> resume()
        :: record == DONE || record == REFUSED
        fi;
        /* M9: what runs is whole, and is what the journal says. */
        if
        :: record == DONE -> look_at_a(NEW(0))
        :: else -> look_at_a(OLD(0))
        fi;
        assert(sound); /* M9 */
        application();
    off:
        skip;
        d_step { record = 0; step = 0; i = 0; sound = false; again = false }
    }
    od
}
