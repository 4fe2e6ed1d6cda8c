/* SPDX-License-Identifier: Apache-2.0
 *
 * boot.pml - which slot starts: the decisions of device/boot/boot.c, two slots,
 * the update log, and an application that wants the device's ruin.
 *
 * Kept: every branch of selv_boot_choose with its order of commits; power cuts
 *   before and after each commit, any number; commits that flash does not
 *   take; resets of every cause at any time; an application that writes
 *   whatever it likes into the log and into both slots, but for nonces that
 *   it was not given.
 *   Where nothing boots: a release over the serial line, written to either
 *   slot, and cuts in that.
 * Left out: bytes (an image is a number; 0 stands for all that is not
 *   authentic); reads that fail once (B9), and looks that are taken twice
 *   (B16); that refusals are counted (B11); how a record is stored
 *   (journal.pml: a commit is whole or nothing, J1); the error codes; nonces
 *   are the latest attempt's, or another's.
 *
 * With -DBROKEN_... one rule is left out, and the checker must object. */
#ifndef SELV_BOOT_ATTEMPTS_MAX
#define SELV_BOOT_ATTEMPTS_MAX 3
#endif

/* Authentic images and their sequence numbers; with a fourth, two share one. */
#define JUNK 0
#ifndef IMAGES
#define IMAGES 3
#endif
#define number(image) (image - (image > 3)) /* 1, 2, 3, 3 */
#define NONE 2 /* no slot */

mtype = { IDLE, TRIAL, CONFIRM, POWER, WATCHDOG, CRASH };

byte slot[2]; /* an image each */

/* The journal; on_trial is an image, JUNK when there is no trial. */
byte current, current_image, accepted, floor;
byte on_trial, attempts, refused;
bool is_new = true; /* it was never written */

/* The update log; nonce: whether it is the latest attempt's. */
mtype log = IDLE;
byte log_slot, log_image;
bool log_nonce;

mtype cause = POWER; /* of the reset */
bool nonce_known;     /* the latest attempt's nonce was handed over */
bool is_running;      /* the application */
byte given;           /* hand-overs on trial since the trial began */
byte reverted;        /* a bit for each image that was on trial in vain */
byte confirmed_floor; /* the highest number born or confirmed */
byte quiet; /* boots since the application, a cut or a bad flash meddled */

/* Of one boot. */
byte running, seen, i, next_accepted, next_floor, commits;
bool sound, is_committed;

#define QUIET_MAX (2 * SELV_BOOT_ATTEMPTS_MAX + 2)

/* ---- commits -------------------------------------------------------------- */

/* Whether the change that follows reaches flash. A cut after it is a cut at
 * the next commit, or a reset before the application does anything. */
inline commit()
{
    commits++;
    if
    :: true -> is_committed = true
    :: true -> is_committed = false; quiet = 0
    :: true -> quiet = 0; goto off
    fi;
    assert(commits <= 4); /* B10 */
    assert(quiet <= QUIET_MAX) /* B6 */
}

/* A cut right behind a commit, before anything is handed over. */
inline cut()
{
    if
    :: true
    :: true -> quiet = 0; goto off
    fi
}

inline raise(new_accepted, new_floor)
{
    next_accepted = new_accepted;
    next_floor = new_floor;
    assert(next_accepted >= accepted && next_floor >= floor); /* B2, J4 */
    assert(next_floor <= next_accepted);                      /* J7 */
    accepted = next_accepted;
    floor = next_floor;
    assert(floor == confirmed_floor);                         /* B2 */
    next_accepted = 0;
    next_floor = 0
}

inline forget_trial()
{
    on_trial = JUNK;
    attempts = 0;
    given = 0;
    nonce_known = false;
    log_nonce = false
}

/* A nonce that nobody knows yet. */
inline new_nonce()
{
    nonce_known = false;
    log_nonce = false
}

/* ---- looks and the hand-over ------------------------------------------------ */

inline look(which, least)
{
    seen = slot[which];
    sound = (seen != JUNK && number(seen) >= least)
}

inline hand_over(which, is_trial)
{
    running = which;
    assert(slot[running] != JUNK && number(slot[running]) >= floor); /* B1 */
    if
    :: is_trial ->
        assert(on_trial == slot[running] && running != current); /* B3 */
        given++;
        assert(given <= attempts);                               /* B3 */
        assert(given <= SELV_BOOT_ATTEMPTS_MAX);                 /* B6 */
        nonce_known = true
    :: else
    fi
}

inline refuse()
{
    running = NONE;
    /* B7: as long as there is something that may run, something runs. */
    assert(slot[0] == JUNK || number(slot[0]) < floor); /* B7 */
    assert(slot[1] == JUNK || number(slot[1]) < floor)  /* B7 */
}

/* ---- the decisions --------------------------------------------------------------- */

inline be_born()
{
    i = (number(slot[1]) > number(slot[0]));
    if
    :: slot[i] == JUNK -> goto off
    :: else
    fi;
    commit();
    if
    :: is_committed ->
        is_new = false;
        current = i;
        current_image = slot[i];
        confirmed_floor = number(slot[i]);
        raise(number(slot[i]), number(slot[i]))
    :: else -> i = 0; goto off
    fi;
    i = 0;
    cut()
}

inline adopt(which)
{
    commit();
    if
    :: is_committed ->
        refused = current_image;
        current = which;
        current_image = seen;
        forget_trial();
        if
        :: number(seen) > accepted -> raise(number(seen), floor)
        :: else
        fi;
        cut()
    :: else
    fi
}

/* B7: the current slot, whatever authentic image it holds, then the other one:
 * what was reverted lies there. */
inline boot_current()
{
    look(current, floor);
    i = current;
    if
#ifdef BROKEN_OWN_SLOT
    :: sound && seen == current_image -> skip
#else
    :: sound -> skip
#endif
    :: else ->
        i = 1 - current;
#ifdef BROKEN_FALLBACK
        sound = false
#elif defined(BROKEN_FLOOR_LOOK)
        look(i, 0)
#else
        look(i, floor)
#endif
    fi;
    if
    :: !sound -> refuse()
    :: sound && i == current && seen == current_image ->
        hand_over(current, false)
    :: else ->
        /* B7: what is not current, only where that does not verify. */
        assert(i == current || slot[current] == JUNK ||
               number(slot[current]) < floor); /* B7 */
        adopt(i);
        hand_over(i, false)
    fi;
    i = 0
}

inline revert()
{
    commit();
    if
    :: is_committed ->
        reverted = reverted | (1 << on_trial);
        refused = on_trial;
        forget_trial();
        cut()
    :: else
    fi;
    boot_current()
}

inline confirm()
{
    assert(log_nonce && nonce_known); /* B4 */
    commit();
    if
    :: is_committed ->
        current = 1 - current;
        current_image = on_trial;
        if
        :: number(on_trial) > confirmed_floor ->
            confirmed_floor = number(on_trial)
        :: else
        fi;
        refused = JUNK;
        forget_trial();
        raise(accepted, confirmed_floor);
        cut();
        hand_over(current, false)
    :: else -> boot_current()
    fi
}

inline attempt()
{
#ifndef BROKEN_COUNT
    commit();
#else
    is_committed = true;
#endif
    if
    :: is_committed ->
#ifndef BROKEN_COUNT
        attempts++;
#endif
        new_nonce();
#ifdef BROKEN_FLOOR
        raise(accepted, number(on_trial));
#endif
        cut();
        hand_over(1 - current, true)
    :: else -> boot_current()
    fi
}

/* The table trial_rules: the first that fits. */
inline run_trial()
{
    look(1 - current, number(on_trial));
    sound = sound && seen == on_trial;
    if
    :: !sound -> revert()
#ifdef BROKEN_NONCE
    :: sound && log == CONFIRM -> confirm()
    :: sound && log != CONFIRM && cause != POWER -> revert()
    :: sound && log != CONFIRM && cause == POWER &&
#else
    :: sound && log == CONFIRM && log_nonce -> confirm()
    :: sound && !(log == CONFIRM && log_nonce) && cause != POWER -> revert()
    :: sound && !(log == CONFIRM && log_nonce) && cause == POWER &&
#endif
#ifdef BROKEN_SPENT
       true -> attempt()
#else
       attempts >= SELV_BOOT_ATTEMPTS_MAX -> revert()
    :: sound && !(log == CONFIRM && log_nonce) && cause == POWER &&
       attempts < SELV_BOOT_ATTEMPTS_MAX -> attempt()
#endif
    fi
}

inline answer_request()
{
    look(log_slot, accepted);
    sound = sound && log_slot == 1 - current && seen == log_image;
#ifndef BROKEN_EQUAL
    sound = sound && number(seen) > accepted;
#endif
    commit();
    if
    :: is_committed && sound ->
        on_trial = seen;
        attempts = 1;
        given = 0;
        new_nonce();
        raise(number(seen), floor);
        assert(((reverted >> seen) & 1) == 0); /* B5 */
        cut();
        hand_over(1 - current, true)
    :: is_committed && !sound ->
        refused = log_image;
        cut();
        boot_current()
    :: else -> boot_current()
    fi
}

inline choose()
{
    if
    :: is_new -> be_born()
    :: else
    fi;
    if
    :: on_trial != JUNK -> run_trial()
    :: on_trial == JUNK && log == TRIAL && log_image != current_image &&
       log_image != refused -> answer_request()
    :: else -> boot_current()
    fi
}

/* ---- recovery --------------------------------------------------------------- */

/* Somebody sends an image, if anybody comes: authentic, and not below the
 * floor. The slot's envelope goes first and comes last; what boots then is
 * decided after the reset. */
inline recover()
{
    if
    :: true
    :: true ->
        i = 1;
        do
        :: i < IMAGES -> i++
        :: true -> break
        od;
        if
#ifndef BROKEN_RECOVERY_FLOOR
        :: number(i) < floor
        :: number(i) >= floor ->
#else
        :: true ->
#endif
            if
            :: running = 1 - current
            :: running = current
            fi;
            assert(slot[0] == JUNK || number(slot[0]) < floor); /* R3 */
            assert(slot[1] == JUNK || number(slot[1]) < floor); /* R3 */
            slot[running] = JUNK;
            cut();
            slot[running] = i;
            assert(number(slot[running]) >= floor) /* R5 */
        fi
    fi;
    i = 0;
    running = NONE
}

/* ---- the application ---------------------------------------------------------- */

inline any_image()
{
    i = 0;
    do
    :: i < IMAGES -> i++
    :: true -> break
    od
}

/* One write of its choice. */
inline meddle()
{
    quiet = 0;
    if
    :: any_image(); slot[0] = i
    :: any_image(); slot[1] = i
    :: log = IDLE; log_image = JUNK; log_slot = 0; log_nonce = false
    :: any_image(); log = TRIAL; log_image = i; log_nonce = false;
        if
        :: log_slot = 0
        :: log_slot = 1
        fi
    :: log = CONFIRM; log_image = JUNK; log_slot = 0; log_nonce = nonce_known
    :: log = CONFIRM; log_image = JUNK; log_slot = 0; log_nonce = false
    fi;
    i = 0
}

/* How it ended. */
inline any_cause()
{
    if
    :: cause = POWER
    :: is_running -> cause = WATCHDOG
    :: is_running -> cause = CRASH
    fi;
    is_running = false
}

active proctype device()
{
    atomic {
        any_image();
        slot[0] = i;
        any_image();
        slot[1] = i;
        i = 0
    };
    do
    :: is_running -> atomic { meddle() }
    :: atomic { /* a reset, and what the bootloader does */
        any_cause();
        choose();
        if
        :: running == NONE -> recover()
#ifdef BROKEN_RECOVERY_LOOK
        :: running != NONE -> recover()
#endif
        :: running != NONE
        fi;
        is_running = (running != NONE);
        quiet++;
        if
        :: commits == 0 -> quiet = 0
        :: else
        fi;
    off:
        skip;
        d_step {
            cause = POWER; running = 0; seen = 0; i = 0; next_accepted = 0;
            next_floor = 0; commits = 0; sound = false; is_committed = false
        }
    }
    od
}
