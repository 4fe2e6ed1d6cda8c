/* SPDX-License-Identifier: Apache-2.0
 *
 * Strategy ram: what runs is what was hashed in RAM, whatever the storage that
 * it came from answers before, meanwhile and afterwards. */
#include "store_fixture.h"

#include "boot/boot.h"
#include "crypto/crypto.h"
#include "sim/release.h"
#include "store/slot.h"

enum name {
    V1,
    V2,
    V3,
    V3_UNLOOKED, /* asks for the digest in the slot alone */
    V3_ASTRAY,   /* would run where it lies */
    V3_FETCHED,
    V3_STAGED,
    V3_NO_INVOKE,
    V3_STRANGER,
    V3_LONG, /* fills the slot */
    NAME_COUNT
};

enum { IMAGE_LEN = 1100, RAM_LEN = 4 * 512, READS_MAX = 4000 };

static struct selv_release releases[NAME_COUNT];

static int make_releases(void **state)
{
    struct selv_release_plan plans[NAME_COUNT] = {
        [V1] = {.sequence = 1, .content = 1},
        [V2] = {.sequence = 2, .content = 2},
        [V3] = {.sequence = 3, .content = 3},
        [V3_UNLOOKED] = {.sequence = 3, .content = 3, .is_unlooked = true},
        [V3_ASTRAY] = {.sequence = 3, .content = 3, .is_astray = true},
        [V3_FETCHED] = {.sequence = 3, .content = 3},
        [V3_STAGED] = {.sequence = 3, .content = 3},
        [V3_NO_INVOKE] = {.sequence = 3, .content = 3, .has_no_invoke = true},
        [V3_STRANGER] = {.sequence = 3, .content = 3, .is_other_key = true},
        [V3_LONG] = {.sequence = 3, .content = 3, .image_len = RAM_LEN},
    };
    (void)state;
    for (int i = 0; i < NAME_COUNT; i++) {
        plans[i].install = SELV_RELEASE_LOADED;
        if (plans[i].image_len == 0) {
            plans[i].image_len = IMAGE_LEN;
        }
    }
    plans[V3_FETCHED].install = SELV_RELEASE_FETCHED;
    plans[V3_STAGED].install = SELV_RELEASE_COPIED;
    for (int i = 0; i < NAME_COUNT; i++) {
        assert_int_equal(selv_release_make(&plans[i], &releases[i]), SELV_OK);
    }
    return 0;
}

struct bench {
    struct device d;
    struct selv_factory factory;
    struct selv_boot boot;
    struct selv_boot_record record;
    struct selv_buf ram;
    size_t scratch_cap;
    uint8_t ram_bytes[RAM_LEN];
    uint8_t scratch[SELV_SUIT_ENVELOPE_MAX];
};

/* Reads of the slots lie, by one bit, from one of them up to another. */
static uint32_t slot_off, read_count, lie_from, lie_to;
static enum selv_err (*real_read)(void *, uint32_t, void *, uint32_t);

static enum selv_err lying_read(void *port, uint32_t off, void *p, uint32_t len)
{
    enum selv_err err = real_read(port, off, p, len);
    if (off >= slot_off && len > 0) {
        if (read_count >= lie_from && read_count < lie_to) {
            ((uint8_t *)p)[read_count * 7 % len] ^= 0x10;
        }
        read_count++;
    }
    return err;
}

static void bench_open(struct bench *b)
{
    memset(b, 0, sizeof *b);
    device_open(&b->d, selv_geometry_find("512x8-ff"));
    b->d.v.is_unmapped = true;
    b->scratch_cap = sizeof b->scratch;
    b->ram = (struct selv_buf){b->ram_bytes, sizeof b->ram_bytes, 0};
    selv_release_factory(&b->factory);
    slot_off = b->d.layout.slot[SELV_SLOT_A].envelope_off;
    real_read = b->d.v.flash.read;
    b->d.v.flash.read = lying_read;
    lie_from = lie_to = UINT32_MAX;
}

static void put(struct bench *b, enum name name, uint8_t slot)
{
    assert_int_equal(selv_release_install(&releases[name], &b->d.v.flash,
                                          &b->d.layout, slot),
                     SELV_OK);
}

/* One boot. It writes the journal alone, and never the storage. */
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
    memset(b->ram_bytes, 0xa5, sizeof b->ram_bytes);
    memset(&b->boot, 0xee, sizeof b->boot);
    b->boot.flash = &v->flash;
    b->boot.layout = &b->d.layout;
    b->boot.factory = &b->factory;
    b->boot.strategy = &selv_strategy_ram;
    b->boot.reset_cause = cause;
    b->boot.scratch = (struct selv_buf){b->scratch, b->scratch_cap, 0};
    b->boot.ram = &b->ram;
    read_count = 0;
    bool is_good = selv_is_good(selv_boot_choose(&b->boot, &b->record));
    selv_vflash_protect(v, 0, v->flash.size, false);
    assert_int_equal(v->violation_count, violations);
    assert_true(selv_record_is_valid(&b->record));
    return is_good;
}

static bool is_loaded(const struct bench *b, enum name name)
{
    return memcmp(b->record.digest, releases[name].digest, 32) == 0 &&
           b->ram.len == releases[name].image_len &&
           memcmp(b->ram_bytes, releases[name].image[0], b->ram.len) == 0;
}

static void request(struct bench *b, enum name name, uint8_t slot)
{
    struct selv_log log = {.state = SELV_LOG_TRIAL, .slot = slot};
    memcpy(log.digest, releases[name].digest, 32);
    assert_int_equal(selv_log_write(&b->d.v.flash, &b->d.layout, &log),
                     SELV_OK);
}

static void confirm(struct bench *b)
{
    struct selv_log log = {.state = SELV_LOG_CONFIRM, .slot = b->record.slot};
    memcpy(log.nonce, b->record.nonce, SELV_NONCE_LEN);
    assert_int_equal(selv_log_write(&b->d.v.flash, &b->d.layout, &log),
                     SELV_OK);
}

static void test_boot_ram_loads_and_updates(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    put(&b, V1, SELV_SLOT_A);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_true(is_loaded(&b, V1));
    assert_int_equal(b.record.boot_sections,
                     1u << SELV_SUIT_SECTION_VALIDATE |
                         1u << SELV_SUIT_SECTION_LOAD |
                         1u << SELV_SUIT_SECTION_INVOKE);
    put(&b, V2, SELV_SLOT_B);
    request(&b, V2, SELV_SLOT_B);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_true(is_loaded(&b, V2));
    assert_memory_equal(b.record.facts.measured[SELV_SLOT_B],
                        releases[V2].image_digest[0], 32);
    assert_int_equal(b.record.is_trial, 1);
    assert_int_equal(b.record.slot, SELV_SLOT_B);
    confirm(&b);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_true(is_loaded(&b, V2));
    assert_int_equal(b.record.is_trial, 0);
    assert_int_equal(b.record.floor, 2);
    /* The whole slot, into the other one, which hangs. */
    put(&b, V3_LONG, SELV_SLOT_A);
    request(&b, V3_LONG, SELV_SLOT_A);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_true(is_loaded(&b, V3_LONG));
    assert_true(bench_boot(&b, SELV_RESET_WATCHDOG));
    assert_true(is_loaded(&b, V2));
    assert_int_equal(b.record.refused_reason, SELV_ERR_BOOT_WATCHDOG);
    assert_int_equal(b.record.refused_was_trial, 1);
    device_close(&b.d);
}

/* The way back is the other slot, for a confirmed image that rots, too. */
static void test_boot_ram_takes_the_other_slot(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    put(&b, V1, SELV_SLOT_A);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    put(&b, V2, SELV_SLOT_B);
    b.d.mem[b.d.layout.slot[SELV_SLOT_A].image_off + 77] ^= 1;
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_true(is_loaded(&b, V2));
    assert_int_equal(b.record.slot, SELV_SLOT_B);
    b.d.mem[b.d.layout.slot[SELV_SLOT_B].image_off + 77] ^= 1;
    assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.record.refused_reason, SELV_ERR_SUIT_IMAGE);
    device_close(&b.d);
}

/* Storage that lies for one read, or from one read on: nothing runs, or what
 * was signed does. From the last read of a good boot on, it does. */
static void test_boot_ram_runs_what_was_hashed(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    put(&b, V1, SELV_SLOT_A);
    put(&b, V2, SELV_SLOT_B);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_true(is_loaded(&b, V2));
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    uint32_t honest = read_count;
    assert_in_range(honest, 4, READS_MAX);
    uint8_t *mem = malloc(b.d.v.flash.size);
    assert_non_null(mem);
    memcpy(mem, b.d.mem, b.d.v.flash.size);
    unsigned bad_count = 0;
    for (int is_forever = 0; is_forever < 2; is_forever++) {
        for (uint32_t from = 0; from <= honest; from++) {
            memcpy(b.d.mem, mem, b.d.v.flash.size);
            lie_from = from;
            lie_to = is_forever ? UINT32_MAX : from + 1;
            bool is_good = bench_boot(&b, SELV_RESET_POWER_ON);
            if (is_good && !is_loaded(&b, V1) && !is_loaded(&b, V2)) {
                fail_msg("read %u %d: something else runs", from, is_forever);
            }
            /* B9: one lie costs nothing. */
            assert_true(is_good || is_forever);
            assert_true(is_forever || is_loaded(&b, V2));
            bad_count += !is_good;
        }
    }
    assert_int_equal(bad_count, honest); /* all but the last, forever */
    free(mem);
    device_close(&b.d);
}

static void test_boot_ram_refuses(void **state)
{
    static const struct {
        enum name name;
        enum selv_err reason;
    } rows[] = {
        {V3_UNLOOKED, SELV_ERR_SUIT_IMAGE},
        {V3_ASTRAY, SELV_ERR_SUIT_IMAGE},
        {V3_FETCHED, SELV_ERR_SUIT_IMAGE},
        {V3_STAGED, SELV_ERR_SUIT_COMPONENT},
        {V3_NO_INVOKE, SELV_ERR_BOOT_NO_IMAGE},
        {V3_STRANGER, SELV_ERR_COSE_NO_KEY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench b;
        bench_open(&b);
        put(&b, V1, SELV_SLOT_A);
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        put(&b, rows[i].name, SELV_SLOT_B);
        request(&b, rows[i].name, SELV_SLOT_B);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_true(is_loaded(&b, V1));
        assert_int_equal(b.record.refused_reason, rows[i].reason);
        assert_memory_equal(b.record.refused_digest,
                            releases[rows[i].name].digest, 32);
        device_close(&b.d);
    }
}

/* What the port gets wrong is found out, not run into. */
static void test_boot_ram_wants_its_port_right(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    put(&b, V1, SELV_SLOT_A);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    b.d.v.is_unmapped = false; /* read where it lies: it may change */
    assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.record.refused_reason, SELV_ERR_STORE_LAYOUT);
    b.d.v.is_unmapped = true;
    b.ram.cap = b.d.layout.slot[SELV_SLOT_A].image_len - 1;
    assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.record.refused_reason, SELV_ERR_STORE_LAYOUT);
    b.ram.cap = sizeof b.ram_bytes;
    b.scratch_cap = releases[V1].envelope_len - 1;
    assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.record.refused_reason, SELV_ERR_SPACE);
    b.scratch_cap = sizeof b.scratch;
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_true(is_loaded(&b, V1));
    device_close(&b.d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_ram_loads_and_updates),
        cmocka_unit_test(test_boot_ram_takes_the_other_slot),
        cmocka_unit_test(test_boot_ram_runs_what_was_hashed),
        cmocka_unit_test(test_boot_ram_refuses),
        cmocka_unit_test(test_boot_ram_wants_its_port_right),
    };
    assert_int_equal(selv_crypto_init(), SELV_OK);
    return cmocka_run_group_tests(tests, make_releases, NULL);
}
