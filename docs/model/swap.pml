/* SPDX-License-Identifier: Apache-2.0
 *
 * swap.pml - the exchange of two slots without scratch, forward and back, cut
 * at any instant, any number of times.
 *
 * Slot A has N sectors, slot B one more. The old image lies in A, the new one
 * is staged in B from its second sector on. A half step copies one sector:
 *
 *   forward, i = 0 .. N-1    B[i] <- A[i],    A[i] <- B[i+1]
 *   back,    i = N-1 .. 0    B[i+1] <- A[i],  A[i] <- B[i]
 *
 * so that the source of each half step is what the next one erases.
 *
 * Kept: the order of erases, copies, marks and journal records; cuts inside
 *   each; a torn mark reads either way at each boot, and so does a torn record
 *   (it passes its check at one boot and not at the next); an erase of the
 *   marks that was cut leaves any of them torn; an application on trial that
 *   overwrites slot B.
 * Left out: bytes (a sector holds a symbol or junk), how a record is found
 *   (journal.pml), who asks and who judges (boot.pml), sectors that wear out.
 *
 * With -DBROKEN_... one rule is left out, and the checker must object. */
#ifndef N
#define N 3
#endif
#define STEPS (2 * N)

/* Contents. */
#define JUNK 0
#define OLD(i) (1 + (i))
#define NEW(i) (1 + N + (i))

/* Marks. */
#define ERASED 0
#define SET 1
#define TORN 2

/* Journal records. STAGED: nothing moved yet, the request is good. A move's
 * record says how many half steps are done; AGAIN: the next one may have been
 * done, in part or whole, and its mark is not to be looked at. */
#define STAGED 0
#define TRIAL 1
#define CONFIRMED 2
#define REVERTED 3
#define REFUSED 4
#define UNDONE 5 /* nothing is on trial, what lies in B is to go back */
#define FORWARD 6
#define AGAIN (STEPS + 1)
#define BACK (FORWARD + 2 * AGAIN)
#define LAST (BACK + 2 * AGAIN - 1)

byte a[N];
byte b[N + 1];
byte mark[STEPS];
byte solid;          /* the last record that was written whole */
bool torn[LAST + 1]; /* those that were cut since then: each may be found
                        whole at one boot and not at the next */
int need;    /* a bit for each symbol that must not be lost */
byte record; /* what this boot read or wrote last */
byte step, i, value;
byte base; /* FORWARD or BACK: where this move's records begin */
bool again; /* the next half step goes to the journal, not to its mark */
bool sound;

#define in_a(s) (a[0] == s || a[1] == s || a[N - 1] == s || a[N - 2] == s)
#define in_b(s)                                                              \
    (b[0] == s || b[1] == s || b[N] == s || b[N - 1] == s || b[N - 2] == s)

/* M8: each symbol that matters has a whole copy somewhere. */
inline M8()
{
    i = 1;
    do
    :: i <= 2 * N ->
        assert(((need >> i) & 1) == 0 || in_a(i) || in_b(i));
        i++
    :: else -> break
    od;
    i = 0
}

/* Power may go now. */
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
        :: i < STEPS -> mark[i] = how; i++
        :: else -> break
        od;
        i = 0
    }
}

/* M3: in the same call as the record that begins the move, however they
 * read. */
inline erase_marks()
{
    if
#ifdef BROKEN_MARKS_LOOK_ERASED
    :: mark[0] != SET && mark[1] != SET && mark[2] != SET && mark[3] != SET &&
       mark[STEPS - 1] != SET && mark[STEPS - 2] != SET -> skip
#endif
    :: else ->
        set_marks(TORN);
        cut();
        set_marks(ERASED);
        cut()
    fi
}

/* Adds to step the marks from there on; each is looked at once. */
inline count_marks()
{
    do
    :: step < STEPS && mark[step] != ERASED -> step++
    :: step == STEPS -> break
    :: step < STEPS && mark[step] != SET -> break
    od
}

inline write_mark()
{
    assert(mark[step] == ERASED); /* M3: a unit is written once */
    mark[step] = TORN;
    cut();
    mark[step] = SET;
    cut()
}

/* One sector: the destination is junk from the first bit of its erase on to
 * the last bit of the copy. */
inline half_step()
{
    d_step {
        if
        :: base == FORWARD && step % 2 == 0 ->
            value = a[step / 2]; b[step / 2] = JUNK
        :: base == FORWARD && step % 2 == 1 ->
            value = b[step / 2 + 1]; a[step / 2] = JUNK
#ifdef BROKEN_DIRECTION
        :: base != FORWARD && step % 2 == 0 ->
            value = a[step / 2]; b[step / 2 + 1] = JUNK
        :: base != FORWARD && step % 2 == 1 ->
            value = b[step / 2]; a[step / 2] = JUNK
#else
        :: base != FORWARD && step % 2 == 0 ->
            value = a[N - 1 - step / 2]; b[N - step / 2] = JUNK
        :: base != FORWARD && step % 2 == 1 ->
            value = b[N - 1 - step / 2]; a[N - 1 - step / 2] = JUNK
#endif
        fi;
        M8()
    }
    cut();
    d_step {
        if
        :: base == FORWARD && step % 2 == 0 -> b[step / 2] = value
        :: base == FORWARD && step % 2 == 1 -> a[step / 2] = value
#ifdef BROKEN_DIRECTION
        :: base != FORWARD && step % 2 == 0 -> b[step / 2 + 1] = value
        :: base != FORWARD && step % 2 == 1 -> a[step / 2] = value
#else
        :: base != FORWARD && step % 2 == 0 -> b[N - step / 2] = value
        :: base != FORWARD && step % 2 == 1 -> a[N - 1 - step / 2] = value
#endif
        fi;
        value = 0;
        M8()
    }
    cut()
}

/* From half step `step` to the end. The first one after a resume is recorded
 * in the journal: its mark's unit may be torn from an earlier boot. */
inline move()
{
    do
    :: step < STEPS ->
#ifdef BROKEN_MARK_FIRST
        write_mark();
#endif
        half_step();
        if
#ifndef BROKEN_MARK_TWICE
        :: again -> journal_write(base + step + 1)
#endif
        :: else ->
#ifndef BROKEN_MARK_FIRST
            write_mark()
#endif
        fi;
        again = false;
        step++
    :: else -> break
    od
}

/* Whether slot B holds the image that is to come to A: the new one where it was
 * staged, or the old one where the way forward left it. */
inline look_at_b()
{
    d_step {
        i = 0; sound = true;
        do
#ifndef BROKEN_LOOK
        :: i < N && base == FORWARD ->
            sound = sound && b[i + 1] == NEW(i); i++
        :: i < N && base == BACK ->
            sound = sound && b[i] == OLD(i); i++
#endif
        :: else -> break
        od;
        i = 0
    }
}

/* M10: a call changes nothing before a record of its own; also when an older
 * record says the same, since that one may be torn. A mark is looked at for
 * one decision. M11: before the first half step forward, slot B is looked at,
 * again at each resume: the application may have run since the look before. On
 * the way back it cannot: what a torn record hides is UNDONE, at which nothing
 * runs. */
inline resume()
{
    step = record - base;
    if
    :: step >= AGAIN -> step = step - AGAIN
    :: else -> count_marks()
    fi;
    if
#ifndef BROKEN_LOOK_AT_RESUME
    :: step == 0 && base == FORWARD -> look_at_b()
#endif
    :: else -> sound = true
    fi;
    if
    :: !sound -> journal_write(STAGED); base = 0 /* struck out */
    :: else ->
        if
#if defined(BROKEN_RESUME_SILENT)
        :: false -> skip
#elif defined(BROKEN_RESUME_LAZY)
        :: record != base + step && record != base + AGAIN + step ->
            journal_write(base + AGAIN + step)
#elif defined(BROKEN_MARK_LOOKED_AT_TWICE)
        :: true -> journal_write(base + step)
#else
        :: true -> journal_write(base + AGAIN + step)
#endif
        :: else
        fi;
        again = true;
        move()
    fi
}

inline begin(from)
{
    base = from;
    look_at_b();
    if
    :: !sound -> stay()
    :: else ->
#ifndef BROKEN_RECORD_FIRST
        journal_write(record);
#endif
        erase_marks();
        journal_write(base);
        step = 0;
        again = false; /* nobody has touched a mark since the erase */
        move()
    fi
}

/* No move: A stays what it is. */
inline stay()
{
    if
    :: base == FORWARD -> journal_write(REFUSED)
    :: base == BACK -> journal_write(CONFIRMED)
    fi;
    base = 0
}

/* M9: what runs is whole, and is what the journal says. */
inline M9(first_symbol)
{
    d_step {
        i = 0;
        do
        :: i < N -> assert(a[i] == first_symbol + i); i++
        :: else -> break
        od;
        i = 0
    }
}

/* The application does to slot B what it likes, and then there is a reset. */
inline application()
{
    if
    :: true
    :: true -> d_step {
            i = 0;
            do
            :: i <= N ->
                need = need & ~(1 << b[i]);
                b[i] = JUNK;
                i++
            :: else -> break
            od;
            i = 0
        }
    fi
}

inline on_trial()
{
    if
    :: true -> journal_write(TRIAL) /* the next attempt */
    :: true -> journal_write(CONFIRMED)
#ifdef BROKEN_UNDONE
    :: true -> begin(BACK)
#else
    :: true -> journal_write(UNDONE); begin(BACK)
#endif
    fi
}

active proctype bootloader()
{
    d_step {
        i = 0;
        do
        :: i < N -> a[i] = OLD(i); b[i + 1] = NEW(i); i++
        :: else -> break
        od;
        i = 0;
        need = (1 << (2 * N + 1)) - 2;
        solid = STAGED
    }

    /* A turn is a boot; only what lies in flash between two boots is a state
     * of the search. */
    do
    :: atomic {
        journal_read();
        if
        :: record == STAGED -> begin(FORWARD)
        :: record == STAGED -> skip /* the request cannot be read */
        :: record >= FORWARD && record < BACK -> base = FORWARD; resume()
        :: record >= BACK -> base = BACK; resume()
        :: record == TRIAL -> on_trial()
        :: record == UNDONE -> begin(BACK)
        :: record == CONFIRMED || record == REVERTED || record == REFUSED
        fi;
        if
        :: base == FORWARD -> journal_write(TRIAL)
        :: base == BACK -> journal_write(REVERTED)
        :: else
        fi;
        if
        :: record == TRIAL || record == CONFIRMED -> M9(NEW(0))
        :: else -> M9(OLD(0))
        fi;
        application();
    off:
        skip;
        d_step {
            record = 0; step = 0; base = 0; value = 0; i = 0;
            again = false; sound = false
        }
    }
    od
}
