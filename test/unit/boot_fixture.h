/* SPDX-License-Identifier: Apache-2.0
 *
 * A device with a bootloader, two slots and releases to put in them. */
#ifndef TEST_BOOT_FIXTURE_H
#define TEST_BOOT_FIXTURE_H

#include "store_fixture.h"

#include "boot/boot.h"
#include "crypto/crypto.h"
#include "sim/release.h"

/* Releases are made once: signing costs more than all the rest. */
enum release_name {
    V1,           /* sequence number 1 */
    V2,           /* 2 */
    V2_OTHER,     /* 2, other images */
    V3,           /* 3 */
    V3_STRANGER,  /* signed by another key */
    V3_VENDOR,    /* for another vendor */
    V3_CLASS,     /* for another class */
    V3_COMPONENT, /* for another component */
    V3_NO_INVOKE, /* says nothing of how to start it */
    V3_SWAPPED,   /* names each slot's digest for the other slot */
    RELEASE_COUNT
};

static struct selv_release releases[RELEASE_COUNT];

static inline int make_releases(void **state)
{
    static const struct selv_release_plan plans[RELEASE_COUNT] = {
        [V1] = {.sequence = 1, .content = 1},
        [V2] = {.sequence = 2, .content = 2},
        [V2_OTHER] = {.sequence = 2, .content = 22},
        [V3] = {.sequence = 3, .content = 3},
        [V3_STRANGER] = {.sequence = 3, .content = 33, .is_other_key = true},
        [V3_VENDOR] = {.sequence = 3, .content = 3, .is_other_vendor = true},
        [V3_CLASS] = {.sequence = 3, .content = 3, .is_other_class = true},
        [V3_COMPONENT] = {.sequence = 3,
                          .content = 3,
                          .is_other_component = true},
        [V3_NO_INVOKE] = {.sequence = 3, .content = 3, .has_no_invoke = true},
        [V3_SWAPPED] = {.sequence = 3, .content = 3, .is_swapped = true},
    };
    (void)state;
    for (size_t i = 0; i < RELEASE_COUNT; i++) {
        struct selv_release_plan plan = plans[i];
        plan.image_len = 1100;
        assert_int_equal(selv_release_make(&plan, &releases[i]), SELV_OK);
    }
    return 0;
}

struct bench {
    struct device d;
    struct selv_factory factory;
    struct selv_boot boot;
    struct selv_boot_record record;
    uint64_t accepted, floor; /* the highest seen */
    uint32_t cut_boot; /* lose power in the next boot's n-th operation, n from
                          1; 0: do not */
    const struct selv_strategy *strategy; /* NULL: ab */
    uint8_t scratch[SELV_SUIT_ENVELOPE_MAX];
    struct selv_buf ram; /* of strategy ram */
    uint8_t ram_bytes[16 * 1024];
};

/* A new device: the factory put V1 in slot A and nothing else. */
static inline void bench_open(struct bench *b, const char *geometry)
{
    memset(b, 0, sizeof *b);
    device_open(&b->d, selv_geometry_find(geometry));
    selv_release_factory(&b->factory);
    assert_int_equal(selv_release_install(&releases[V1], &b->d.v.flash,
                                          &b->d.layout, SELV_SLOT_A),
                     SELV_OK);
}

static inline void bench_close(struct bench *b)
{
    device_close(&b->d);
}

/* One boot, in which nothing but the journal can be written. What must hold
 * after every boot is checked here. */
static inline bool bench_boot(struct bench *b, enum selv_reset_cause cause)
{
    struct selv_vflash *v = &b->d.v;
    uint32_t sector = b->d.geometry->sector_len;
    uint32_t violations = v->violation_count;
    selv_vflash_power_on(v);
    v->cut_op = b->cut_boot > 0 ? b->cut_boot - 1 : SELV_VFLASH_NO_CUT;
    b->cut_boot = 0;
    selv_vflash_protect(v, 0, v->flash.size, true);
    for (int i = 0; i < 2; i++) {
        selv_vflash_protect(v, b->d.layout.journal_off[i], sector, false);
    }
    if (b->d.layout.marks_len > 0) { /* it moves bytes in place */
        selv_vflash_protect(v, b->d.layout.marks_off,
                            v->flash.size - b->d.layout.marks_off, false);
    }
    memset(&b->boot, 0xee, sizeof b->boot);
    b->boot.flash = &v->flash;
    b->boot.layout = &b->d.layout;
    b->boot.factory = &b->factory;
    b->boot.strategy = b->strategy != NULL ? b->strategy : &selv_strategy_ab;
    b->boot.reset_cause = cause;
    b->boot.scratch = (struct selv_buf){b->scratch, sizeof b->scratch, 0};
    if (b->strategy == &selv_strategy_ram) {
        b->ram = (struct selv_buf){b->ram_bytes, sizeof b->ram_bytes, 0};
        b->boot.ram = &b->ram;
    }
    bool is_good = selv_is_good(selv_boot_choose(&b->boot, &b->record));
    selv_vflash_protect(v, 0, v->flash.size, false);

    assert_int_equal(v->violation_count, violations);
    assert_true(selv_record_is_valid(&b->record));
    if (!is_good) {
        assert_int_equal(b->record.slot, SELV_SLOT_NONE);
        assert_int_not_equal(b->record.refused_reason, SELV_OK);
        return false;
    }
    assert_true(b->record.accepted >= b->accepted);
    assert_true(b->record.floor >= b->floor);
    assert_true(b->record.sequence >= b->record.floor);
    b->accepted = b->record.accepted;
    b->floor = b->record.floor;
    return true;
}

/* Assert that the running release is this one, byte for byte. */
#define assert_runs(b, name, slot_)                                            \
    do {                                                                       \
        assert_int_equal((b)->record.slot, (slot_));                           \
        assert_int_equal((b)->record.sequence, releases[name].sequence);       \
        assert_memory_equal((b)->record.digest, releases[name].digest, 32);    \
        assert_true(selv_release_is_in(&releases[name], &(b)->d.v.flash,       \
                                       &(b)->d.layout, (slot_)));              \
    } while (0)

#define assert_refused(b, name, reason, was_trial)                             \
    do {                                                                       \
        assert_memory_equal((b)->record.refused_digest, releases[name].digest, \
                            32);                                               \
        assert_int_equal((b)->record.refused_reason, (reason));                \
        assert_int_equal((b)->record.refused_was_trial, (was_trial));          \
    } while (0)

static inline void bench_install(struct bench *b, enum release_name name,
                                 uint8_t slot)
{
    assert_int_equal(selv_release_install(&releases[name], &b->d.v.flash,
                                          &b->d.layout, slot),
                     SELV_OK);
}

static inline void bench_log(struct bench *b, struct selv_log *log)
{
    assert_int_equal(selv_log_write(&b->d.v.flash, &b->d.layout, log), SELV_OK);
}

static inline void bench_request(struct bench *b, const uint8_t *digest,
                                 uint8_t slot)
{
    struct selv_log log = {.state = SELV_LOG_TRIAL, .slot = slot};
    memcpy(log.digest, digest, 32);
    bench_log(b, &log);
}

static inline void bench_confirm(struct bench *b, const uint8_t *nonce)
{
    struct selv_log log = {.state = SELV_LOG_CONFIRM, .slot = b->record.slot};
    memcpy(log.digest, b->record.digest, 32);
    memcpy(log.nonce, nonce, SELV_NONCE_LEN);
    bench_log(b, &log);
}

/* Install, request and boot into the trial. */
static inline void bench_try(struct bench *b, enum release_name name,
                             uint8_t slot)
{
    bench_install(b, name, slot);
    bench_request(b, releases[name].digest, slot);
    assert_true(bench_boot(b, SELV_RESET_REQUESTED));
}

/* The same, and confirm it. */
static inline void bench_update(struct bench *b, enum release_name name,
                                uint8_t slot)
{
    bench_try(b, name, slot);
    assert_int_equal(b->record.is_trial, 1);
    bench_confirm(b, b->record.nonce);
    assert_true(bench_boot(b, SELV_RESET_REQUESTED));
    assert_int_equal(b->record.is_trial, 0);
}

static inline void flip(struct bench *b, uint32_t off)
{
    b->d.mem[off] ^= 0x10;
}

#endif
