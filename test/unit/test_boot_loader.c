/* SPDX-License-Identifier: Apache-2.0
 *
 * Strategy loader: who runs when, what is put on trial, what comes back, and
 * what happens when the loader itself is no good. */
#include "store_fixture.h"

#include "boot/boot.h"
#include "crypto/crypto.h"
#include "sim/release.h"
#include "store/slot.h"

enum name {
    V1,
    V2,
    V3,
    V3_STRANGER,
    LOADER,
    LOADER_OLD,      /* below the floor that the build fixes */
    LOADER_STRANGER, /* signed by nobody that we know */
    NAME_COUNT
};

static struct selv_release releases[NAME_COUNT];

static int make_releases(void **state)
{
    struct selv_release_plan plans[NAME_COUNT] = {
        [V1] = {.sequence = 100, .content = 1},
        [V2] = {.sequence = 200, .content = 2},
        [V3] = {.sequence = 300, .content = 3},
        [V3_STRANGER] = {.sequence = 300, .is_other_key = true},
        [LOADER] = {.sequence = SELV_LOADER_FLOOR, .part = SELV_PART_LOADER},
        [LOADER_OLD] = {.sequence = SELV_LOADER_FLOOR - 1,
                        .part = SELV_PART_LOADER},
        [LOADER_STRANGER] = {.sequence = 500,
                             .part = SELV_PART_LOADER,
                             .is_other_key = true},
    };
    (void)state;
    for (int i = 0; i < NAME_COUNT; i++) {
        plans[i].image_len = 700;
        assert_int_equal(selv_release_make(&plans[i], &releases[i]), SELV_OK);
    }
    return 0;
}

struct bench {
    struct device d;
    struct selv_factory factory;
    struct selv_boot boot;
    struct selv_boot_record record;
    uint8_t scratch[SELV_SUIT_ENVELOPE_MAX];
};

static void put(struct bench *b, enum name name, uint8_t slot)
{
    assert_int_equal(selv_release_install(&releases[name], &b->d.v.flash,
                                          &b->d.layout, slot),
                     SELV_OK);
}

/* One boot, which writes the journal alone. */
static bool bench_boot(struct bench *b, enum selv_reset_cause cause)
{
    struct selv_vflash *v = &b->d.v;
    uint32_t violations = v->violation_count;
    selv_vflash_power_on(v);
    selv_vflash_protect(v, 0, v->flash.size, true);
    for (int i = 0; i < 2; i++) {
        selv_vflash_protect(v, b->d.layout.journal_off[i],
                            b->d.geometry->sector_len, false);
    }
    memset(&b->boot, 0xee, sizeof b->boot);
    b->boot.flash = &v->flash;
    b->boot.layout = &b->d.layout;
    b->boot.factory = &b->factory;
    b->boot.strategy = &selv_strategy_loader;
    b->boot.reset_cause = cause;
    b->boot.scratch = (struct selv_buf){b->scratch, sizeof b->scratch, 0};
    bool is_good = selv_is_good(selv_boot_choose(&b->boot, &b->record));
    selv_vflash_protect(v, 0, v->flash.size, false);
    assert_int_equal(v->violation_count, violations);
    assert_true(selv_record_is_valid(&b->record));
    return is_good;
}

/* A device that runs V1, with a loader. */
static void bench_open(struct bench *b, enum name loader)
{
    memset(b, 0, sizeof *b);
    device_open(&b->d, selv_geometry_find("512x8-ff"));
    selv_release_factory(&b->factory);
    put(b, V1, SELV_SLOT_A);
    put(b, loader, SELV_SLOT_B);
    assert_true(bench_boot(b, SELV_RESET_POWER_ON));
}

static void write_log(struct bench *b, enum selv_log_state state,
                      enum name name)
{
    struct selv_log log = {.state = (uint8_t)state, .slot = SELV_SLOT_A};
    memcpy(log.digest, releases[name].digest, 32);
    memcpy(log.nonce, b->record.nonce, SELV_NONCE_LEN);
    assert_int_equal(selv_log_write(&b->d.v.flash, &b->d.layout, &log),
                     SELV_OK);
}

static void break_slot(struct bench *b, uint8_t slot)
{
    b->d.mem[b->d.layout.slot[slot].image_off + 77] ^= 1;
}

static void assert_application(struct bench *b, enum name name, int is_trial)
{
    assert_int_equal(b->record.slot, SELV_SLOT_A);
    assert_int_equal(b->record.loader, SELV_LOADER_RESTS);
    assert_int_equal(b->record.is_trial, is_trial);
    assert_int_equal(b->record.sequence, releases[name].sequence);
    assert_memory_equal(b->record.digest, releases[name].digest, 32);
    assert_true(selv_release_is_in(&releases[name], &b->d.v.flash, &b->d.layout,
                                   SELV_SLOT_A));
}

/* confirmed: the application that was confirmed last. */
static void assert_loader(struct bench *b, enum selv_loader_role role,
                          enum name confirmed)
{
    assert_int_equal(b->record.slot, SELV_SLOT_B);
    assert_int_equal(b->record.loader, role);
    assert_int_equal(b->record.is_trial, 0);
    assert_int_equal(b->record.sequence, releases[confirmed].sequence);
    assert_int_equal(b->record.floor, releases[confirmed].sequence);
    assert_memory_equal(b->record.digest, releases[confirmed].digest, 32);
}

static void assert_refused(struct bench *b, enum name name,
                           enum selv_err reason, int was_trial)
{
    assert_int_equal(b->record.refused_reason, reason);
    assert_memory_equal(b->record.refused_digest, releases[name].digest, 32);
    assert_int_equal(b->record.refused_was_trial, was_trial);
}

/* The journal takes nothing. */
static struct bench *worn;
static enum selv_err (*real_write)(void *, uint32_t, const void *, uint32_t);

static enum selv_err worn_write(void *port, uint32_t off, const void *p,
                                uint32_t len)
{
    const struct selv_layout *l = &worn->d.layout;
    uint32_t sector = worn->d.geometry->sector_len;
    bool is_journal =
        off - l->journal_off[0] < sector || off - l->journal_off[1] < sector;
    return is_journal ? SELV_ERR_FLASH_IO : real_write(port, off, p, len);
}

static struct selv_journal journal_of(struct bench *b)
{
    struct selv_journal j;
    assert_int_equal(selv_journal_read(&b->d.v.flash, &b->d.layout, &j),
                     SELV_OK);
    return j;
}

/* What the loader does when it has fetched a release. */
static void deliver(struct bench *b, enum name name)
{
    put(b, name, SELV_SLOT_A);
    write_log(b, SELV_LOG_TRIAL, name);
}

static void test_boot_loader_updates(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, LOADER);
    assert_application(&b, V1, 0);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.d.v.op_count, 0);
    write_log(&b, SELV_LOG_LOADER, V2);
    for (int i = 0; i < 3; i++) { /* until it answers */
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_loader(&b, SELV_LOADER_ASKED, V1);
        assert_int_equal(b.d.v.op_count, 0);
    }
    deliver(&b, V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V2, 1);
    assert_int_equal(b.record.attempt, 1);
    assert_int_equal(b.record.accepted, 200);
    assert_int_equal(b.record.floor, 100);
    write_log(&b, SELV_LOG_CONFIRM, V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V2, 0);
    assert_int_equal(b.record.floor, 200);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_application(&b, V2, 0);
    device_close(&b.d);
}

/* Nothing to be had: the loader gives the device back. */
static void test_boot_loader_hands_back(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, LOADER);
    write_log(&b, SELV_LOG_LOADER, V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_loader(&b, SELV_LOADER_ASKED, V1);
    write_log(&b, SELV_LOG_IDLE, V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V1, 0);
    /* What runs already is no reason to run a loader. */
    write_log(&b, SELV_LOG_LOADER, V1);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V1, 0);
    device_close(&b.d);
}

/* A loader that hangs or crashes keeps no application from running. */
static void test_boot_loader_that_hangs(void **state)
{
    static const struct {
        enum selv_reset_cause cause;
        enum selv_err reason;
    } rows[] = {{SELV_RESET_WATCHDOG, SELV_ERR_BOOT_WATCHDOG},
                {SELV_RESET_CRASH, SELV_ERR_BOOT_CRASH}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bench b;
        bench_open(&b, LOADER);
        write_log(&b, SELV_LOG_LOADER, V2);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_loader(&b, SELV_LOADER_ASKED, V1);
        assert_true(bench_boot(&b, rows[i].cause));
        assert_application(&b, V1, 0);
        assert_refused(&b, V2, rows[i].reason, 0);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_application(&b, V1, 0);
        write_log(&b, SELV_LOG_LOADER, V3);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_loader(&b, SELV_LOADER_ASKED, V1);
        device_close(&b.d);
    }
}

/* The way back: the loader, which fetches what was confirmed last. */
static void test_boot_loader_after_a_revert(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, LOADER);
    deliver(&b, V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V2, 1);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.record.attempt, 2);
    assert_true(bench_boot(&b, SELV_RESET_WATCHDOG));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    assert_refused(&b, V2, SELV_ERR_BOOT_WATCHDOG, 1);
    /* What was reverted stays out, however often it is delivered. */
    deliver(&b, V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    assert_int_equal(b.d.v.op_count, 0);
    assert_int_equal(journal_of(&b).current_slot, SELV_SLOT_B);
    deliver(&b, V1);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V1, 0);
    assert_int_equal(journal_of(&b).current_slot, SELV_SLOT_A);
    assert_int_equal(b.record.accepted, 200);
    assert_refused(&b, V2, SELV_ERR_BOOT_WATCHDOG, 1);
    deliver(&b, V3);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V3, 1);
    device_close(&b.d);
}

/* All attempts of V2 from that one on, each after the same kind of reset. */
static void spend(struct bench *b, int attempt, enum selv_reset_cause cause)
{
    for (int i = attempt; i <= SELV_BOOT_ATTEMPTS_MAX; i++) {
        assert_true(bench_boot(b, cause));
        assert_application(b, V2, 1);
        assert_int_equal(b->record.attempt, i);
    }
}

/* A trial whose attempts are spent, by resets of its own. */
static void test_boot_loader_ends_a_trial(void **state)
{
    static const enum selv_reset_cause causes[] = {SELV_RESET_REQUESTED,
                                                   SELV_RESET_UNKNOWN};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bench b;
        bench_open(&b, LOADER);
        deliver(&b, V2);
        spend(&b, 1, causes[i]);
        assert_true(bench_boot(&b, causes[i]));
        assert_loader(&b, SELV_LOADER_NEEDED, V1);
        assert_refused(&b, V2, SELV_ERR_BOOT_ATTEMPTS, 1);
        device_close(&b.d);
    }
}

/* Power cuts spent the attempts: this boot is the loader's, and what is on
 * trial is nothing new to it. */
static void assert_given_away(struct bench *b)
{
    assert_true(bench_boot(b, SELV_RESET_POWER_ON));
    assert_int_equal(b->record.slot, SELV_SLOT_B);
    assert_int_equal(b->record.loader, SELV_LOADER_ASKED);
    assert_int_equal(b->record.is_trial, 0);
    assert_memory_equal(b->record.digest, releases[V2].digest, 32);
    assert_int_equal(b->record.sequence, 200);
    assert_int_equal(b->record.floor, 100);
    assert_int_equal(b->record.refused_reason, SELV_OK);
}

/* B6: no number of power cuts refuses a release, and however the loader's boot
 * ends, the attempts begin anew. */
static void test_boot_loader_outlasts_power_cuts(void **state)
{
    static const enum selv_reset_cause ends[] = {
        SELV_RESET_POWER_ON, SELV_RESET_REQUESTED, SELV_RESET_WATCHDOG,
        SELV_RESET_CRASH};
    (void)state;
    struct bench b;
    bench_open(&b, LOADER);
    deliver(&b, V2);
    spend(&b, 1, SELV_RESET_POWER_ON);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        assert_given_away(&b);
        assert_true(bench_boot(&b, ends[i]));
        assert_application(&b, V2, 1);
        assert_int_equal(b.record.attempt, 1);
        assert_int_equal(b.record.refused_reason, SELV_OK);
        spend(&b, 2, SELV_RESET_POWER_ON);
    }
    /* A confirmation in the last attempt counts. */
    write_log(&b, SELV_LOG_CONFIRM, V2);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_application(&b, V2, 0);
    assert_int_equal(b.record.floor, 200);
    device_close(&b.d);
    /* One of an attempt before the loader's boot does not. */
    bench_open(&b, LOADER);
    deliver(&b, V2);
    spend(&b, 1, SELV_RESET_POWER_ON);
    struct selv_boot_record last = b.record;
    assert_given_away(&b);
    b.record = last;
    write_log(&b, SELV_LOG_CONFIRM, V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V2, 1);
    /* A hanging one still goes. */
    assert_true(bench_boot(&b, SELV_RESET_WATCHDOG));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    assert_refused(&b, V2, SELV_ERR_BOOT_WATCHDOG, 1);
    device_close(&b.d);
}

static void wear(struct bench *b)
{
    real_write = b->d.v.flash.write;
    b->d.v.flash.write = worn_write;
    worn = b;
}

/* The journal takes nothing in the boot that is given away. */
static void test_boot_loader_keeps_a_trial(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, LOADER);
    deliver(&b, V2);
    spend(&b, 1, SELV_RESET_POWER_ON);
    wear(&b);
    for (int i = 0; i < 3; i++) {
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_loader(&b, SELV_LOADER_NEEDED, V1);
        assert_int_equal(b.record.refused_reason, SELV_OK);
    }
    b.d.v.flash.write = real_write;
    assert_given_away(&b);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V2, 1);
    assert_int_equal(b.record.attempt, 1);
    device_close(&b.d);
}

/* In its boot the loader brings a newer release, or is cut off at it. */
static void test_boot_loader_replaces_a_trial(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, LOADER);
    deliver(&b, V2);
    spend(&b, 1, SELV_RESET_POWER_ON);
    assert_given_away(&b);
    deliver(&b, V3);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V3, 1);
    assert_int_equal(b.record.attempt, 1);
    assert_int_equal(b.record.accepted, 300);
    assert_int_equal(b.record.refused_reason, SELV_OK);
    assert_true(bench_boot(&b, SELV_RESET_CRASH));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    assert_refused(&b, V3, SELV_ERR_BOOT_CRASH, 1);
    device_close(&b.d);
    bench_open(&b, LOADER);
    deliver(&b, V2);
    spend(&b, 1, SELV_RESET_POWER_ON);
    assert_given_away(&b);
    write_log(&b, SELV_LOG_DOWNLOADING, V3);
    break_slot(&b, SELV_SLOT_A);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    deliver(&b, V3);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V3, 1);
    device_close(&b.d);
    bench_open(&b, LOADER); /* the boot given away was not counted */
    deliver(&b, V2);
    spend(&b, 1, SELV_RESET_POWER_ON);
    wear(&b);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    b.d.v.flash.write = real_write;
    deliver(&b, V3);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V3, 1);
    assert_int_equal(b.record.attempt, 1);
    device_close(&b.d);
    /* An older one, or the same again, replaces nothing. */
    bench_open(&b, LOADER);
    deliver(&b, V3);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V3, 1);
    deliver(&b, V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    assert_refused(&b, V3, SELV_ERR_SUIT_SEQUENCE, 1);
    device_close(&b.d);
}

/* Without a loader that may run, the trial goes on by itself. */
static void test_boot_loader_that_cannot_help(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, LOADER_OLD);
    deliver(&b, V2);
    spend(&b, 1, SELV_RESET_POWER_ON);
    spend(&b, 1, SELV_RESET_POWER_ON);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_application(&b, V2, 1);
    device_close(&b.d);
}

/* A journal that takes nothing any more stops updates, not boots. */
static void test_boot_loader_worn_journal(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, LOADER);
    deliver(&b, V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V2, 1);
    struct selv_boot_record trial = b.record;
    wear(&b);
    for (int i = 0; i < 3; i++) { /* confirmed */
        b.record = trial;
        write_log(&b, SELV_LOG_CONFIRM, V2);
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_application(&b, V2, 0);
        assert_int_equal(b.record.floor, 100);
    }
    /* With another nonce it is not; nor when something else lies there. */
    b.record = trial;
    b.record.nonce[0] ^= 1;
    write_log(&b, SELV_LOG_CONFIRM, V2);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    b.record = trial;
    write_log(&b, SELV_LOG_CONFIRM, V2);
    put(&b, V3, SELV_SLOT_A);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    break_slot(&b, SELV_SLOT_A);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    device_close(&b.d);

    /* It came back, and stays, whatever it asks. */
    bench_open(&b, LOADER);
    deliver(&b, V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_true(bench_boot(&b, SELV_RESET_WATCHDOG));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    put(&b, V1, SELV_SLOT_A);
    wear(&b);
    for (int i = 0; i < 3; i++) {
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_application(&b, V1, 0);
        write_log(&b, SELV_LOG_LOADER, V3);
    }
    device_close(&b.d);
}

/* Flash of which slot A holds something else, from a look at the loader on. */
static uint8_t *turned;
static enum selv_err (*real_read)(void *, uint32_t, void *, uint32_t);

static enum selv_err turning_read(void *port, uint32_t off, void *p,
                                  uint32_t len)
{
    const struct selv_slot_place *slot = worn->d.layout.slot;
    uint32_t from = slot[SELV_SLOT_A].envelope_off;
    if (off == slot[SELV_SLOT_B].envelope_off) {
        memcpy(worn->d.mem + from, turned + from, off - from);
    }
    return real_read(port, off, p, len);
}

/* B14: what is looked at again must be what was confirmed; else it is the last
 * resort, and the journal says so. */
static void test_boot_loader_looks_again(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, LOADER_OLD);
    turned = malloc(b.d.v.flash.size);
    assert_non_null(turned);
    put(&b, V3, SELV_SLOT_A);
    memcpy(turned, b.d.mem, b.d.v.flash.size);
    put(&b, V1, SELV_SLOT_A);
    write_log(&b, SELV_LOG_LOADER, V2);
    b.d.v.is_unmapped = true;
    worn = &b;
    real_read = b.d.v.flash.read;
    b.d.v.flash.read = turning_read;
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_application(&b, V3, 0);
    assert_int_equal(b.record.facts.decision, SELV_BOOT_REPLACED);
    assert_memory_equal(journal_of(&b).current_digest, releases[V3].digest, 32);
    assert_int_equal(b.record.floor, 100);
    b.d.v.flash.read = real_read;
    free(turned);
    device_close(&b.d);
}

/* Slot A rots, is half written, or holds what nobody asked for. */
static void test_boot_loader_runs_when_needed(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, LOADER);
    break_slot(&b, SELV_SLOT_A);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    assert_int_equal(b.d.v.op_count, 0);
    assert_true(bench_boot(&b, SELV_RESET_WATCHDOG)); /* even so */
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    put(&b, V2, SELV_SLOT_A); /* and power was lost before the request */
    write_log(&b, SELV_LOG_DOWNLOADING, V2);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    deliver(&b, V3_STRANGER);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    deliver(&b, LOADER); /* is no application */
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    put(&b, V2, SELV_SLOT_A); /* whole, but something else is asked for */
    write_log(&b, SELV_LOG_TRIAL, V3);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    put(&b, V1, SELV_SLOT_A);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_application(&b, V1, 0);
    device_close(&b.d);
}

/* B3: an attempt that cannot be counted is not given. */
static void test_boot_loader_counts_or_waits(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, LOADER);
    deliver(&b, V2);
    real_write = b.d.v.flash.write;
    b.d.v.flash.write = worn_write;
    worn = &b;
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_loader(&b, SELV_LOADER_NEEDED, V1);
    b.d.v.flash.write = real_write;
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_application(&b, V2, 1);
    device_close(&b.d);
}

/* A loader that may not run never does; the application runs on. */
static void test_boot_loader_that_is_none(void **state)
{
    static const enum name bad[] = {LOADER_OLD, LOADER_STRANGER, V3};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct bench b;
        bench_open(&b, bad[i]);
        assert_application(&b, V1, 0);
        write_log(&b, SELV_LOG_LOADER, V2);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_application(&b, V1, 0);
        /* What was reverted beats a device that waits for hands. */
        deliver(&b, V2);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_application(&b, V2, 1);
        assert_true(bench_boot(&b, SELV_RESET_CRASH));
        assert_application(&b, V2, 0);
        assert_int_equal(b.record.floor, 100);
        assert_memory_equal(journal_of(&b).current_digest, releases[V2].digest,
                            32);
        break_slot(&b, SELV_SLOT_A);
        assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(b.record.slot, SELV_SLOT_NONE);
        device_close(&b.d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_loader_updates),
        cmocka_unit_test(test_boot_loader_hands_back),
        cmocka_unit_test(test_boot_loader_that_hangs),
        cmocka_unit_test(test_boot_loader_after_a_revert),
        cmocka_unit_test(test_boot_loader_ends_a_trial),
        cmocka_unit_test(test_boot_loader_outlasts_power_cuts),
        cmocka_unit_test(test_boot_loader_keeps_a_trial),
        cmocka_unit_test(test_boot_loader_replaces_a_trial),
        cmocka_unit_test(test_boot_loader_that_cannot_help),
        cmocka_unit_test(test_boot_loader_worn_journal),
        cmocka_unit_test(test_boot_loader_looks_again),
        cmocka_unit_test(test_boot_loader_runs_when_needed),
        cmocka_unit_test(test_boot_loader_counts_or_waits),
        cmocka_unit_test(test_boot_loader_that_is_none),
    };
    assert_int_equal(selv_crypto_init(), SELV_OK);
    return cmocka_run_group_tests(tests, make_releases, NULL);
}
