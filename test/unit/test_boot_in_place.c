/* SPDX-License-Identifier: Apache-2.0
 *
 * Strategies that install in place: swap and overwrite. What is planned and
 * what is refused, moves cut short at each operation, marks that read
 * differently at the next boot, slots of any length, staging areas that change,
 * sectors that take nothing, images that rot. */
#include "store_fixture.h"

#include "boot/boot.h"
#include "crypto/crypto.h"
#include "sim/release.h"
#include "store/slot.h"

/* Releases for either strategy, made once. */
enum name {
    V1,
    V2,
    V3,
    V2_LONG,  /* fills the slot */
    V2_SHORT, /* a few bytes */
    V2_OTHER, /* by the other strategy's directive */
    V2_UNMOVED,
    V2_UNMOVED_SAME, /* the image that runs already */
    V2_MOVED_TWICE,
    V2_FETCHED, /* for two slots that run */
    V2_STRANGER,
    V2_VENDOR,
    V2_COMPONENT,
    V2_NO_INVOKE,
    V2_SEVERED,   /* payload-fetch, install and text stand in the envelope */
    V2_TAKEN_OUT, /* the same manifest, without them */
    NAME_COUNT
};

enum { SWAP, OVERWRITE, STRATEGY_COUNT, IMAGE_LEN = 1100, SECTORS_MAX = 64 };

static struct selv_release releases[STRATEGY_COUNT][NAME_COUNT];
static const struct selv_strategy *const strategies[] = {
    &selv_strategy_swap, &selv_strategy_overwrite};

static int make_releases(void **state)
{
    static const uint8_t own[] = {SELV_RELEASE_SWAPPED, SELV_RELEASE_COPIED};
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct selv_release_plan plans[NAME_COUNT] = {
            [V1] = {.sequence = 1, .content = 1},
            [V2] = {.sequence = 2, .content = 2},
            [V3] = {.sequence = 3, .content = 3},
            [V2_LONG] = {.sequence = 2, .content = 4, .image_len = 4 * 512},
            [V2_SHORT] = {.sequence = 2, .content = 5, .image_len = 3},
            [V2_OTHER] = {.sequence = 2, .content = 2},
            [V2_UNMOVED] = {.sequence = 2, .content = 2},
            [V2_UNMOVED_SAME] = {.sequence = 2, .content = 1},
            [V2_MOVED_TWICE] = {.sequence = 2, .content = 2},
            [V2_FETCHED] = {.sequence = 2, .content = 2},
            [V2_STRANGER] = {.sequence = 2, .is_other_key = true},
            [V2_VENDOR] = {.sequence = 2, .is_other_vendor = true},
            [V2_COMPONENT] = {.sequence = 2, .is_other_component = true},
            [V2_NO_INVOKE] = {.sequence = 2, .has_no_invoke = true},
            [V2_SEVERED] = {.sequence = 2, .sever = SELV_RELEASE_SEVERED},
            [V2_TAKEN_OUT] = {.sequence = 2, .sever = SELV_RELEASE_TAKEN_OUT},
        };
        for (int i = 0; i < NAME_COUNT; i++) {
            plans[i].install = own[s];
            if (plans[i].image_len == 0) {
                plans[i].image_len = IMAGE_LEN;
            }
        }
        plans[V2_OTHER].install = own[!s];
        plans[V2_UNMOVED].install = SELV_RELEASE_UNMOVED;
        plans[V2_UNMOVED_SAME].install = SELV_RELEASE_UNMOVED;
        plans[V2_MOVED_TWICE].install = SELV_RELEASE_MOVED_TWICE;
        plans[V2_FETCHED].install = SELV_RELEASE_FETCHED;
        for (int i = 0; i < NAME_COUNT; i++) {
            assert_int_equal(selv_release_make(&plans[i], &releases[s][i]),
                             SELV_OK);
        }
    }
    return 0;
}

struct bench {
    int strategy;
    const struct selv_geometry *geometry;
    struct selv_layout layout;
    struct selv_vflash v;
    uint8_t *mem;
    size_t mem_len;
    struct selv_factory factory;
    struct selv_boot boot;
    struct selv_boot_record record;
    uint64_t accepted, floor;
    enum selv_reset_cause cut_cause; /* of the boot that is cut short */
    uint8_t scratch[SELV_SUIT_ENVELOPE_MAX];
};

/* How often each sector was erased, and bytes written to it. */
static uint32_t erases[SECTORS_MAX], writes[SECTORS_MAX];
/* A sector that takes no writes, one whose units do not read, and one that
 * says it was erased and was not. */
static uint32_t dead_off, dumb_off, lying_off;
static uint32_t dumb_count; /* reads that fail yet */
static bool is_dead_to_erase;
/* Of the reads of slot B's image, the one that fails, once. */
static uint32_t bad_read, read_count, read_off, read_len;
static enum selv_err (*real_write)(void *, uint32_t, const void *, uint32_t);
static enum selv_err (*real_erase)(void *, uint32_t);
static enum selv_err (*real_read)(void *, uint32_t, void *, uint32_t);

static enum selv_err count_write(void *port, uint32_t off, const void *p,
                                 uint32_t len)
{
    const struct selv_vflash *v = port;
    uint32_t sector = off / v->flash.sector_len;
    if (sector == dead_off / v->flash.sector_len) {
        return SELV_ERR_FLASH_IO;
    }
    writes[sector] += len;
    return real_write(port, off, p, len);
}

static enum selv_err count_erase(void *port, uint32_t off)
{
    const struct selv_vflash *v = port;
    uint32_t sector = off / v->flash.sector_len;
    if (is_dead_to_erase && sector == dead_off / v->flash.sector_len) {
        return SELV_ERR_FLASH_IO;
    }
    if (sector == dumb_off / v->flash.sector_len) {
        dumb_off = UINT32_MAX; /* as torn units with error correction */
    }
    erases[sector]++;
    return sector == lying_off / v->flash.sector_len ? SELV_OK
                                                     : real_erase(port, off);
}

static enum selv_err dumb_read(void *port, uint32_t off, void *p, uint32_t len)
{
    if (off <= dumb_off && dumb_off < off + len && dumb_count > 0) {
        dumb_count -= dumb_count != UINT32_MAX;
        return SELV_ERR_FLASH_IO;
    }
    if (off < read_off + read_len && read_off < off + len &&
        read_count++ == bad_read) {
        return SELV_ERR_FLASH_IO;
    }
    return real_read(port, off, p, len);
}

static void bench_open(struct bench *b, int strategy, const char *geometry)
{
    memset(b, 0, sizeof *b);
    b->strategy = strategy;
    b->geometry = selv_geometry_find(geometry);
    b->mem_len = selv_geometry_mem_len_in_place(b->geometry);
    b->mem = malloc(b->mem_len);
    assert_non_null(b->mem);
    selv_geometry_init_in_place(b->geometry, &b->v, b->mem);
    selv_geometry_layout_in_place(b->geometry, &b->layout);
    assert_int_equal(selv_layout_check(&b->layout, &b->v.flash), SELV_OK);
    assert_int_equal(selv_layout_check_in_place(&b->layout, &b->v.flash, 2),
                     SELV_OK);
    selv_release_factory(&b->factory);
    assert_int_equal(selv_release_install(&releases[strategy][V1], &b->v.flash,
                                          &b->layout, SELV_SLOT_A),
                     SELV_OK);
    dead_off = dumb_off = lying_off = dumb_count = bad_read = UINT32_MAX;
    read_len = 0;
    is_dead_to_erase = true;
    real_write = b->v.flash.write;
    real_erase = b->v.flash.erase;
    real_read = b->v.flash.read;
    b->v.flash.write = count_write;
    b->v.flash.erase = count_erase;
    b->v.flash.read = dumb_read;
}

static void bench_close(struct bench *b)
{
    if (b->v.violation_count != 0) {
        fail_msg("%s: %s at %u", b->geometry->name, b->v.violation,
                 (unsigned)b->v.violation_off);
    }
    free(b->mem);
}

static jmp_buf on_cut;

static void lose_power(void *arg)
{
    (void)arg;
    longjmp(on_cut, 1);
}

/* One boot that may write journal, marks and slots. */
static bool boot_on(struct bench *b, enum selv_reset_cause cause)
{
    struct selv_vflash *v = &b->v;
    uint32_t sector = b->geometry->sector_len;
    selv_vflash_boot(v);
    selv_vflash_protect(v, 0, b->layout.marks_off, true);
    for (int i = 0; i < 2; i++) {
        selv_vflash_protect(v, b->layout.journal_off[i], sector, false);
    }
    memset(&b->boot, 0xee, sizeof b->boot);
    b->boot.flash = &v->flash;
    b->boot.layout = &b->layout;
    b->boot.factory = &b->factory;
    b->boot.strategy = strategies[b->strategy];
    b->boot.reset_cause = cause;
    b->boot.scratch = (struct selv_buf){b->scratch, sizeof b->scratch, 0};
    bool is_good = selv_is_good(selv_boot_choose(&b->boot, &b->record));
    selv_vflash_protect(v, 0, v->flash.size, false);
    assert_true(selv_record_is_valid(&b->record));
    assert_int_equal(v->violation_count, 0);
    if (!is_good) {
        assert_int_equal(b->record.slot, SELV_SLOT_NONE);
        assert_int_not_equal(b->record.refused_reason, SELV_OK);
        return false;
    }
    assert_int_equal(b->record.slot, SELV_SLOT_A);
    assert_true(b->record.accepted >= b->accepted);
    assert_true(b->record.floor >= b->floor);
    assert_true(b->record.sequence >= b->record.floor);
    b->accepted = b->record.accepted;
    b->floor = b->record.floor;
    return true;
}

static bool bench_boot(struct bench *b, enum selv_reset_cause cause)
{
    memset(erases, 0, sizeof erases);
    memset(writes, 0, sizeof writes);
    selv_vflash_power_on(&b->v);
    return boot_on(b, cause);
}

/* The same, with the power lost in operation op. False when op is beyond the
 * last. */
static bool bench_cut(struct bench *b, uint32_t op, uint32_t way)
{
    selv_vflash_power_on(&b->v);
    b->v.on_cut = lose_power;
    b->v.cut_op = op;
    b->v.cut_way = way;
    bool is_cut = setjmp(on_cut) != 0;
    if (!is_cut) {
        boot_on(b, b->cut_cause);
    }
    b->v.on_cut = NULL;
    selv_vflash_power_on(&b->v);
    selv_vflash_protect(&b->v, 0, b->v.flash.size, false);
    return is_cut;
}

static void load(struct bench *b, const uint8_t *mem)
{
    memcpy(b->mem, mem, b->mem_len);
    b->accepted = b->floor = 1;
    selv_vflash_power_on(&b->v);
}

static bool is_in(struct bench *b, enum name name, uint8_t slot)
{
    return selv_release_is_in(&releases[b->strategy][name], &b->v.flash,
                              &b->layout, slot);
}

static void assert_runs(struct bench *b, enum name name)
{
    const struct selv_release *r = &releases[b->strategy][name];
    assert_int_equal(b->record.slot, SELV_SLOT_A);
    assert_memory_equal(b->record.digest, r->digest, 32);
    assert_true(is_in(b, name, SELV_SLOT_A));
}

static void assert_refused(struct bench *b, enum name name,
                           enum selv_err reason, int was_trial)
{
    const struct selv_release *r = &releases[b->strategy][name];
    assert_int_equal(b->record.refused_reason, reason);
    assert_memory_equal(b->record.refused_digest, r->digest, 32);
    assert_int_equal(b->record.refused_was_trial, was_trial);
}

static void stage(struct bench *b, enum name name)
{
    assert_int_equal(selv_release_install(&releases[b->strategy][name],
                                          &b->v.flash, &b->layout, SELV_SLOT_B),
                     SELV_OK);
}

static void request(struct bench *b, enum name name)
{
    struct selv_log log = {.state = SELV_LOG_TRIAL, .slot = SELV_SLOT_B};
    memcpy(log.digest, releases[b->strategy][name].digest, 32);
    assert_int_equal(selv_log_write(&b->v.flash, &b->layout, &log), SELV_OK);
}

static void confirm(struct bench *b)
{
    struct selv_log log = {.state = SELV_LOG_CONFIRM, .slot = b->record.slot};
    memcpy(log.digest, b->record.digest, 32);
    memcpy(log.nonce, b->record.nonce, SELV_NONCE_LEN);
    assert_int_equal(selv_log_write(&b->v.flash, &b->layout, &log), SELV_OK);
}

static struct selv_journal read_journal(struct bench *b)
{
    struct selv_journal j;
    assert_int_equal(selv_journal_read(&b->v.flash, &b->layout, &j), SELV_OK);
    return j;
}

static void name_trial(struct bench *b, struct selv_journal *j, enum name name)
{
    const struct selv_release *r = &releases[b->strategy][name];
    j->accepted = j->trial_sequence = r->sequence;
    memcpy(j->trial_digest, r->digest, 32);
    j->trial_slot = SELV_SLOT_A;
}

/* A device that runs V1, with name staged and asked for. */
static void open_asked(struct bench *b, int strategy, const char *geometry,
                       enum name name)
{
    bench_open(b, strategy, geometry);
    assert_true(bench_boot(b, SELV_RESET_POWER_ON));
    assert_runs(b, V1);
    stage(b, name);
    request(b, name);
}

static void update(struct bench *b, enum name name)
{
    stage(b, name);
    request(b, name);
    assert_true(bench_boot(b, SELV_RESET_REQUESTED));
    assert_runs(b, name);
    if (b->strategy == SWAP) {
        assert_int_equal(b->record.is_trial, 1);
        confirm(b);
        assert_true(bench_boot(b, SELV_RESET_REQUESTED));
        assert_runs(b, name);
    }
    assert_int_equal(b->record.is_trial, 0);
    assert_int_equal(b->record.floor, b->record.sequence);
}

/* ---- moves -----------------------------------------------------------------
 */

static void test_boot_swap_tries_and_confirms(void **state)
{
    (void)state;
    struct bench b;
    open_asked(&b, SWAP, "512x8-ff", V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_runs(&b, V2);
    assert_int_equal(b.record.facts.decision, SELV_BOOT_TRIAL);
    assert_int_equal(b.record.is_trial, 1);
    assert_int_equal(b.record.attempt, 1);
    assert_int_equal(b.record.floor, 1);
    assert_int_equal(b.record.accepted, 2);
    confirm(&b);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_runs(&b, V2);
    assert_int_equal(b.record.is_trial, 0);
    assert_int_equal(b.record.floor, 2);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.v.op_count, 0);
    bench_close(&b);
}

static void test_boot_swap_goes_back(void **state)
{
    static const enum selv_reset_cause causes[] = {SELV_RESET_WATCHDOG,
                                                   SELV_RESET_CRASH};
    static const enum selv_err reasons[] = {SELV_ERR_BOOT_WATCHDOG,
                                            SELV_ERR_BOOT_CRASH};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct bench b;
        open_asked(&b, SWAP, "512x16-ff", V2);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_true(bench_boot(&b, causes[i]));
        assert_runs(&b, V1);
        assert_refused(&b, V2, reasons[i], 1);
        assert_int_equal(b.record.floor, 1);
        assert_true(is_in(&b, V2, SELV_SLOT_B));
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(b.v.op_count, 0);
        update(&b, V3);
        bench_close(&b);
    }
}

static void test_boot_swap_attempts_are_bounded(void **state)
{
    (void)state;
    struct bench b;
    open_asked(&b, SWAP, "1024x16-00", V2);
    for (int i = 1; i <= SELV_BOOT_ATTEMPTS_MAX; i++) {
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V2);
        assert_int_equal(b.record.attempt, i);
    }
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V1);
    assert_refused(&b, V2, SELV_ERR_BOOT_ATTEMPTS, 1);
    bench_close(&b);
}

static void test_boot_overwrite_installs_for_good(void **state)
{
    (void)state;
    struct bench b;
    open_asked(&b, OVERWRITE, "512x8-00", V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_runs(&b, V2);
    assert_int_equal(b.record.facts.decision, SELV_BOOT_INSTALLED);
    assert_int_equal(b.record.is_trial, 0);
    assert_int_equal(b.record.floor, 2);
    assert_true(is_in(&b, V2, SELV_SLOT_B));
    assert_true(bench_boot(&b, SELV_RESET_WATCHDOG));
    assert_runs(&b, V2);
    assert_int_equal(b.v.op_count, 0);
    bench_close(&b);
}

/* Each sector of a swap is erased once and written once, in either direction;
 * of an overwrite only slot A's. */
static void test_boot_in_place_wears_each_sector_once(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        open_asked(&b, s, "512x8-ff", V2);
        uint32_t a = b.layout.slot[SELV_SLOT_A].envelope_off / 512;
        uint32_t spare = b.layout.slot[SELV_SLOT_B].envelope_off / 512 - 1;
        uint32_t n = 2 + (IMAGE_LEN + 511) / 512;
        for (int back = 0; back <= (s == SWAP); back++) {
            assert_true(
                bench_boot(&b, back ? SELV_RESET_CRASH : SELV_RESET_REQUESTED));
            for (uint32_t i = 0; i < 6; i++) {
                assert_int_equal(erases[a + i], i < n);
                assert_true(writes[a + i] <= 512);
            }
            for (uint32_t i = 0; i < 7; i++) {
                bool is_in_way =
                    s == SWAP && i >= (uint32_t)back && i < n + (uint32_t)back;
                assert_int_equal(erases[spare + i], is_in_way);
                assert_true(writes[spare + i] <= (is_in_way ? 512 : 0));
            }
            assert_int_equal(erases[b.layout.marks_off / 512], 1);
            assert_int_equal(writes[b.layout.marks_off / 512],
                             8 * n * (s == SWAP ? 2 : 1));
        }
        bench_close(&b);
    }
}

/* Long after short, short after long, the whole slot. */
static void test_boot_in_place_moves_images_of_any_length(void **state)
{
    static const enum name names[] = {V2_LONG, V2_SHORT, V2};
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        for (int i = 0; i < 3; i++) {
            struct bench b;
            open_asked(&b, s, "512x8-ff", names[i]);
            assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
            assert_runs(&b, names[i]);
            if (s == SWAP) {
                assert_true(bench_boot(&b, SELV_RESET_CRASH));
                assert_runs(&b, V1);
                assert_true(is_in(&b, names[i], SELV_SLOT_B));
            }
            update(&b, V3);
            bench_close(&b);
        }
    }
}

static void test_boot_in_place_takes_update_after_update(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        bench_open(&b, s, "512x4-ff");
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        update(&b, V2);
        update(&b, V3);
        /* Nothing older comes back, whether asked for or not. */
        stage(&b, V2);
        request(&b, V2);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_runs(&b, V3);
        assert_refused(&b, V2, SELV_ERR_SUIT_SEQUENCE, 0);
        bench_close(&b);
    }
}

/* The power lost in each operation, in each way, forward and back. */
static void test_boot_in_place_goes_on_after_any_cut_powerloss(void **state)
{
    static const char *const geometries[] = {"512x32-ff", "1024x16-00",
                                             "512x8-ff-ecc"};
    (void)state;
    unsigned cuts = 0;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        for (int g = 0; g < 3; g++) {
            struct bench b;
            open_asked(&b, s, geometries[g], V2);
            uint8_t *whole = malloc(b.mem_len);
            memcpy(whole, b.mem, b.mem_len);
            bool is_more = true;
            for (uint32_t op = 0; is_more; op++) {
                for (uint32_t way = 0; way < 11 && is_more; way++) {
                    memcpy(b.mem, whole, b.mem_len);
                    b.accepted = b.floor = 1;
                    is_more = bench_cut(&b, op, way);
                    cuts += is_more;
                    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
                    assert_runs(&b, V2);
                    if (s == SWAP) {
                        assert_true(bench_boot(&b, SELV_RESET_CRASH));
                        assert_runs(&b, V1);
                    }
                }
            }
            free(whole);
            bench_close(&b);
        }
    }
    printf("%u cuts\n", cuts);
    assert_true(cuts > 500);
}

/* A mark that was torn reads as erased, then as set: no step is left out, and
 * none is done again whose source is gone. */
static void test_boot_in_place_reads_a_mark_once_powerloss(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        open_asked(&b, s, "512x32-ff", V2);
        uint32_t marks = b.layout.marks_off;
        uint8_t *whole = malloc(b.mem_len), *half = malloc(b.mem_len);
        unsigned mark_count = 0;
        memcpy(whole, b.mem, b.mem_len);
        bool is_more = true;
        for (uint32_t op = 0; is_more; op++) {
            uint8_t before[512];
            memcpy(b.mem, whole, b.mem_len);
            is_more = bench_cut(&b, op, 0);
            memcpy(before, b.mem + marks, 512);
            memcpy(b.mem, whole, b.mem_len);
            bench_cut(&b, op, 1);
            if (!is_more || memcmp(before, b.mem + marks, 512) == 0 ||
                before[0] == 0xff) {
                continue; /* no mark, or the first: its unit is enough below */
            }
            mark_count++;
            memcpy(half, b.mem, b.mem_len);
            /* It reads as erased at the first boot, which is cut anywhere. */
            bool is_open = true;
            for (uint32_t next = 0; is_open && next < 12; next++) {
                uint8_t set[512];
                memcpy(b.mem, half, b.mem_len);
                memcpy(set, b.mem + marks, 512);
                for (uint32_t i = 0; i < 512; i++) {
                    if (set[i] != before[i]) {
                        b.mem[marks + i] = 0xff;
                    }
                }
                is_open = bench_cut(&b, next, 1);
                /* And now as set. */
                for (uint32_t i = 0; i < 512; i++) {
                    if (set[i] != before[i]) {
                        b.mem[marks + i] = set[i];
                    }
                }
                b.accepted = b.floor = 1;
                assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
                assert_runs(&b, V2);
                if (s == SWAP) {
                    assert_true(bench_boot(&b, SELV_RESET_CRASH));
                    assert_runs(&b, V1);
                }
            }
        }
        assert_true(mark_count >= 4);
        free(whole);
        free(half);
        bench_close(&b);
    }
}

/* ---- plans that are refused ------------------------------------------------
 */

static void test_boot_in_place_refuses_what_it_cannot_install(void **state)
{
    static const struct {
        enum name name;
        enum selv_err swap, overwrite; /* SELV_OK: it is installed */
    } rows[] = {
        {V2_OTHER, SELV_OK, SELV_ERR_SUIT_OPERATION},
        {V2_UNMOVED, SELV_ERR_SUIT_IMAGE, SELV_ERR_SUIT_IMAGE},
        {V2_UNMOVED_SAME, SELV_ERR_SUIT_MISSING, SELV_ERR_SUIT_MISSING},
        {V2_MOVED_TWICE, SELV_ERR_SUIT_OPERATION, SELV_ERR_SUIT_OPERATION},
        {V2_FETCHED, SELV_ERR_SUIT_COMMAND, SELV_ERR_SUIT_COMMAND},
        {V2_STRANGER, SELV_ERR_COSE_NO_KEY, SELV_ERR_COSE_NO_KEY},
        {V2_VENDOR, SELV_ERR_SUIT_VENDOR, SELV_ERR_SUIT_VENDOR},
        {V2_COMPONENT, SELV_ERR_SUIT_COMPONENT, SELV_ERR_SUIT_COMPONENT},
        {V2_NO_INVOKE, SELV_ERR_BOOT_NO_IMAGE, SELV_ERR_BOOT_NO_IMAGE},
    };
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct bench b;
            enum selv_err why = s == SWAP ? rows[i].swap : rows[i].overwrite;
            open_asked(&b, s, "512x8-ff", rows[i].name);
            assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
            if (why == SELV_OK) {
                assert_runs(&b, rows[i].name);
            } else {
                assert_runs(&b, V1);
                assert_refused(&b, rows[i].name, why, 0);
                assert_int_equal(b.record.accepted, 1);
                /* Judged once. */
                assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
                assert_int_equal(b.v.op_count, 0);
            }
            bench_close(&b);
        }
    }
}

/* ---- severable elements ----------------------------------------------------
 */

/* The envelope of slot A, as whoever holds the flash would write it. */
static void put_envelope(struct bench *b, enum name name)
{
    const struct selv_release *r = &releases[b->strategy][name];
    const struct selv_slot_place *place = &b->layout.slot[SELV_SLOT_A];
    for (uint32_t off = 0; off < place->envelope_len;) {
        uint32_t at = place->envelope_off + off;
        assert_int_equal(b->v.flash.erase(b->v.flash.port, at), SELV_OK);
        off += selv_flash_sector(&b->v.flash, at).len;
    }
    assert_int_equal(
        selv_slot_put_envelope(&b->v.flash, place,
                               selv_bytes(r->envelope, r->envelope_len)),
        SELV_OK);
}

/* They are there, byte for byte, when the install is over, whatever cut it
 * short; from then on nobody asks for them. */
static void test_boot_in_place_keeps_what_is_severed_powerloss(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        uint32_t op = 0;
        bool is_cut = true;
        assert_memory_equal(releases[s][V2_SEVERED].digest,
                            releases[s][V2_TAKEN_OUT].digest, 32);
        for (; is_cut; op++) {
            open_asked(&b, s, "512x8-ff", V2_SEVERED);
            is_cut = bench_cut(&b, op, 1);
            assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
            assert_runs(&b, V2_SEVERED);
            if (s == SWAP) {
                confirm(&b);
                assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
            }
            assert_int_equal(b.record.floor, 2);
            assert_runs(&b, V2_SEVERED);
            put_envelope(&b, V2_TAKEN_OUT);
            assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
            assert_runs(&b, V2_TAKEN_OUT);
            assert_int_equal(b.v.op_count, 0);
            bench_close(&b);
        }
        assert_in_range(op, 8, 1000);
    }
}

/* Before that they are: what is staged without its install is refused. */
static void test_boot_in_place_needs_what_is_severed_evil(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        open_asked(&b, s, "512x8-ff", V2_TAKEN_OUT);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_runs(&b, V1);
        assert_refused(&b, V2_TAKEN_OUT, SELV_ERR_SUIT_ABSENT, 0);
        bench_close(&b);
    }
}

static void test_boot_in_place_refuses_damage_in_the_staging_area(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        open_asked(&b, s, "512x8-ff", V2);
        uint8_t *whole = malloc(b.mem_len);
        memcpy(whole, b.mem, b.mem_len);
        const struct selv_slot_place *place = &b.layout.slot[SELV_SLOT_B];
        for (uint32_t i = 0; i < IMAGE_LEN; i += 7) {
            memcpy(b.mem, whole, b.mem_len);
            b.accepted = b.floor = 1;
            b.mem[place->image_off + i] ^= 0x20;
            assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
            assert_runs(&b, V1);
            assert_refused(&b, V2, SELV_ERR_SUIT_IMAGE, 0);
        }
        free(whole);
        bench_close(&b);
    }
}

/* A request for what is not the one staged, and one for the slot that runs. */
static void test_boot_in_place_request_evil(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, SWAP, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    stage(&b, V2);
    request(&b, V3);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_runs(&b, V1);
    assert_refused(&b, V3, SELV_ERR_BOOT_REQUEST, 0);
    struct selv_log log = {.state = SELV_LOG_TRIAL, .slot = SELV_SLOT_A};
    memcpy(log.digest, releases[SWAP][V2].digest, 32);
    assert_int_equal(selv_log_write(&b.v.flash, &b.layout, &log), SELV_OK);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_runs(&b, V1);
    assert_refused(&b, V2, SELV_ERR_BOOT_REQUEST, 0);
    bench_close(&b);
}

/* ---- what changes on the way -----------------------------------------------
 */

/* The staging area is replaced while a copy is cut short: what comes out of it
 * is either authentic and not below the floor, or does not run. */
static void test_boot_overwrite_staging_changes_on_the_way_evil(void **state)
{
    (void)state;
    struct bench b;
    open_asked(&b, OVERWRITE, "512x8-ff", V2);
    uint8_t *whole = malloc(b.mem_len);
    memcpy(whole, b.mem, b.mem_len);
    bool is_more = true;
    for (uint32_t op = 4; is_more; op++) {
        for (int i = 0; i < 3; i++) {
            memcpy(b.mem, whole, b.mem_len);
            b.accepted = b.floor = 1;
            is_more = bench_cut(&b, op, 1);
            static const enum name others[] = {V3, V1, V2_VENDOR};
            stage(&b, others[i]);
            bool is_good = bench_boot(&b, SELV_RESET_POWER_ON);
            if (is_good) {
                bool is_known = memcmp(b.record.digest,
                                       releases[OVERWRITE][V1].digest, 32) == 0;
                if (is_known) {
                    assert_runs(&b, V1);
                } else {
                    assert_runs(&b, b.record.sequence == 3 ? V3 : V2);
                }
            }
            /* What is asked for again is installed. */
            stage(&b, V3);
            request(&b, V3);
            assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
            assert_runs(&b, V3);
        }
    }
    free(whole);
    bench_close(&b);
}

/* M11: the record that begins a move was torn: one boot does not see it, in
 * which the application runs and writes over what it staged; the next one sees
 * it. What runs stays what it is. */
static void test_boot_in_place_looks_again_at_a_resume_evil(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        open_asked(&b, s, "512x8-ff", V2);
        uint8_t *whole = malloc(b.mem_len);
        memcpy(whole, b.mem, b.mem_len);
        bool is_more = true;
        unsigned count = 0;
        for (uint32_t op = 0; is_more; op++) {
            struct selv_journal j;
            load(&b, whole);
            is_more = bench_cut(&b, op, 0);
            j = read_journal(&b);
            if (j.install_state != SELV_INSTALL_FORWARD ||
                !is_in(&b, V1, SELV_SLOT_A) || !is_in(&b, V2, SELV_SLOT_B)) {
                continue;
            }
            count++;
            b.mem[b.layout.slot[SELV_SLOT_B].image_off] ^= 1;
            assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
            assert_runs(&b, V1);
            assert_int_equal(read_journal(&b).install_state, SELV_INSTALL_NONE);
            assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
            assert_int_equal(b.v.op_count, 0);
            update(&b, V3);
            /* Another release, authentic, is not what was asked for. */
            load(&b, whole);
            (void)bench_cut(&b, op, 0);
            stage(&b, V3);
            assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
            assert_runs(&b, V1);
        }
        assert_true(count >= 1);
        free(whole);
        bench_close(&b);
    }
}

static void test_boot_overwrite_copies_again_what_rots(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, OVERWRITE, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    update(&b, V2);
    for (uint32_t i = 0; i < IMAGE_LEN; i += 97) {
        b.mem[b.layout.slot[SELV_SLOT_A].image_off + i] ^= 1;
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V2);
        assert_int_equal(b.record.refused_reason, SELV_OK);
    }
    /* Both rot: nothing runs, nothing is written, until something is staged. */
    b.mem[b.layout.slot[SELV_SLOT_A].image_off] ^= 1;
    b.mem[b.layout.slot[SELV_SLOT_B].image_off] ^= 1;
    for (int i = 0; i < 3; i++) {
        assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(b.v.op_count, 0);
    }
    stage(&b, V1); /* below the floor: it helps nobody */
    assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.v.op_count, 0);
    stage(&b, V3);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V3);
    bench_close(&b);
}

/* A sector of slot A takes nothing any more: help is called for once in a
 * boot. */
static void test_boot_overwrite_helps_once_a_boot_fault(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, OVERWRITE, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    update(&b, V2);
    uint32_t image = b.layout.slot[SELV_SLOT_A].image_off;
    b.mem[image + 600] ^= 1;
    dead_off = image + 512;
    assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(erases[image / 512], 1);
    dead_off = UINT32_MAX;
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V2);
    bench_close(&b);
}

/* What was copied is not what was asked for: it runs, if it may, but nothing
 * of it was confirmed. */
static void test_boot_overwrite_confirms_only_what_was_asked_evil(void **state)
{
    (void)state;
    struct bench b;
    open_asked(&b, OVERWRITE, "512x8-ff", V2);
    uint8_t *asked = malloc(b.mem_len);
    assert_non_null(asked);
    memcpy(asked, b.mem, b.mem_len);
    unsigned kept = 0;
    for (uint32_t op = 0; op < 8; op++) {
        load(&b, asked);
        assert_true(bench_cut(&b, op, 1));
        stage(&b, V3);
        if (bench_boot(&b, SELV_RESET_POWER_ON)) {
            /* M11; or slot A had a piece of V2 already, and V3 was copied as
             * help, for good. */
            bool is_kept = b.record.sequence == 1;
            assert_runs(&b, is_kept ? V1 : V3);
            assert_int_equal(b.record.floor, is_kept ? 1 : 3);
            kept += is_kept;
        }
    }
    assert_true(kept > 0);
    /* It changes when a sector was copied that is the same in both. */
    load(&b, asked);
    stage(&b, V3);
    uint32_t from = b.layout.slot[SELV_SLOT_B].envelope_off;
    memcpy(b.mem + b.layout.slot[SELV_SLOT_A].envelope_off, b.mem + from, 512);
    struct selv_journal j = read_journal(&b);
    name_trial(&b, &j, V2);
    j.install_state = SELV_INSTALL_FORWARD;
    j.install_step = j.install_again = 1;
    j.install_count = (uint16_t)(b.layout.slot[SELV_SLOT_A].envelope_len / 512 +
                                 (IMAGE_LEN + 511) / 512);
    assert_int_equal(selv_journal_write(&b.v.flash, &b.layout, &j), SELV_OK);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V3);
    assert_int_equal(b.record.floor, 1);
    assert_refused(&b, V1, SELV_ERR_BOOT_REQUEST, 0);
    free(asked);
    bench_close(&b);
}

/* Slot A holds another image than the journal says, from a programmer: it runs,
 * and the journal follows. */
static void test_boot_in_place_adopts_what_is_there(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        bench_open(&b, s, "512x8-ff");
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(selv_release_install(&releases[s][V2], &b.v.flash,
                                              &b.layout, SELV_SLOT_A),
                         SELV_OK);
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V2);
        assert_refused(&b, V1, SELV_ERR_BOOT_REQUEST, 0);
        assert_int_equal(b.record.facts.decision, SELV_BOOT_REPLACED);
        assert_int_equal(b.record.accepted, 2);
        assert_int_equal(b.record.floor, 1);
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V2);
        assert_int_equal(b.v.op_count, 0);
        bench_close(&b);
    }
}

/* What was reverted comes back only when nothing else is left; and then it
 * stays. */
static void test_boot_swap_current_rots(void **state)
{
    (void)state;
    struct bench b;
    open_asked(&b, SWAP, "512x8-ff", V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_true(bench_boot(&b, SELV_RESET_CRASH));
    assert_runs(&b, V1);
    b.mem[b.layout.slot[SELV_SLOT_A].image_off] ^= 1;
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V2);
    assert_int_equal(b.record.is_trial, 0);
    assert_int_equal(b.record.floor, 1);
    assert_refused(&b, V1, SELV_ERR_SUIT_IMAGE, 0);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.v.op_count, 0);
    /* A second time there is nothing, and no end of swaps. */
    b.mem[b.layout.slot[SELV_SLOT_A].image_off] ^= 1;
    for (int i = 0; i < 3; i++) {
        assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(b.v.op_count, 0);
    }
    bench_close(&b);
}

/* An application on trial that writes where the way back lies does not bring
 * its own release down with it. */
static void test_boot_swap_way_back_is_gone_evil(void **state)
{
    (void)state;
    struct bench b;
    open_asked(&b, SWAP, "512x8-ff", V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_int_equal(b.record.is_trial, 1);
    b.mem[b.layout.slot[SELV_SLOT_B].image_off] ^= 1;
    assert_true(bench_boot(&b, SELV_RESET_CRASH));
    assert_runs(&b, V2);
    assert_int_equal(b.record.is_trial, 0);
    assert_int_equal(b.record.floor, 1);
    assert_refused(&b, V1, SELV_ERR_SUIT_IMAGE, 0);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.v.op_count, 0);
    bench_close(&b);
}

/* Puts a release where the way back of a trial lies. */
static void put_back(struct bench *b, enum name name)
{
    struct selv_layout lower = b->layout;
    lower.slot[SELV_SLOT_B].envelope_off -= lower.spare_len;
    lower.slot[SELV_SLOT_B].image_off -= lower.spare_len;
    assert_int_equal(selv_release_install(&releases[SWAP][name], &b->v.flash,
                                          &lower, SELV_SLOT_B),
                     SELV_OK);
}

/* V2 is confirmed, and V3 on trial. */
static void open_trial_of_three(struct bench *b)
{
    bench_open(b, SWAP, "512x8-ff");
    assert_true(bench_boot(b, SELV_RESET_POWER_ON));
    update(b, V2);
    stage(b, V3);
    request(b, V3);
    assert_true(bench_boot(b, SELV_RESET_REQUESTED));
    assert_int_equal(b->record.is_trial, 1);
}

/* An application on trial that puts an older release in the place of the one
 * that would go back: it is authentic, and does not come back. */
static void test_boot_swap_way_back_is_another_evil(void **state)
{
    (void)state;
    struct bench b;
    open_trial_of_three(&b);
    put_back(&b, V1);
    assert_true(bench_boot(&b, SELV_RESET_CRASH));
    assert_runs(&b, V3);
    assert_int_equal(b.record.is_trial, 0);
    assert_int_equal(b.record.floor, 2);
    assert_refused(&b, V2, SELV_ERR_BOOT_REQUEST, 0);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.v.op_count, 0);
    bench_close(&b);
}

/* It damages the one that would go back, and puts an older release in its own
 * place: nothing below the floor becomes current, and when the way back is
 * there again it is gone. */
static void test_boot_swap_nothing_older_stays_evil(void **state)
{
    (void)state;
    struct bench b;
    open_trial_of_three(&b);
    put_back(&b, V1);
    assert_int_equal(selv_release_install(&releases[SWAP][V1], &b.v.flash,
                                          &b.layout, SELV_SLOT_A),
                     SELV_OK);
    for (int i = 0; i < 2; i++) {
        assert_false(bench_boot(&b, SELV_RESET_CRASH));
        assert_int_equal(b.record.refused_reason, SELV_ERR_BOOT_REQUEST);
    }
    assert_int_equal(b.v.op_count, 0);
    put_back(&b, V2);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V2);
    bench_close(&b);
}

/* A trial whose image is damaged goes back without running. */
static void test_boot_swap_trial_rots(void **state)
{
    (void)state;
    struct bench b;
    open_asked(&b, SWAP, "512x8-ff", V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    b.mem[b.layout.slot[SELV_SLOT_A].image_off] ^= 1;
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V1);
    assert_refused(&b, V2, SELV_ERR_SUIT_IMAGE, 1);
    bench_close(&b);
}

/* ---- flash that fails ------------------------------------------------------
 */

/* A sector of slot B takes nothing any more: what was moved goes back. */
static void test_boot_swap_dead_sector_turns_back_fault(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        struct bench b;
        open_asked(&b, SWAP, "512x8-ff", V2);
        dead_off = b.layout.slot[SELV_SLOT_B].envelope_off - 512 + i * 512;
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_runs(&b, V1);
        assert_refused(&b, V2, SELV_ERR_FLASH_IO, 0);
        assert_int_equal(b.record.is_trial, 0);
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(b.v.op_count, 0);
        bench_close(&b);
    }
}

/* A sector of slot A takes nothing for one boot (a supply that sags), on the
 * way forward or back: nothing boots in it, nothing is lost, and the next boot
 * ends the move. */
static void test_boot_swap_dead_sector_of_a_waits_fault(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        struct bench b;
        bool is_back = i >= 5;
        open_asked(&b, SWAP, "512x8-ff", V2);
        if (is_back) {
            assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        }
        dead_off = b.layout.slot[SELV_SLOT_A].envelope_off + i % 5 * 512;
        assert_false(bench_boot(&b, SELV_RESET_CRASH));
        assert_int_equal(b.record.refused_reason, SELV_ERR_FLASH_IO);
        dead_off = UINT32_MAX;
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, is_back ? V1 : V2);
        bench_close(&b);
    }
}

/* And the power is lost anywhere in that. */
static void test_boot_swap_turns_back_through_cuts_fault(void **state)
{
    (void)state;
    unsigned cut_count = 0;
    for (uint32_t i = 1; i < 5; i++) {
        struct bench b;
        open_asked(&b, SWAP, "512x8-ff", V2);
        uint8_t *whole = malloc(b.mem_len);
        assert_non_null(whole);
        memcpy(whole, b.mem, b.mem_len);
        dead_off = b.layout.slot[SELV_SLOT_B].envelope_off - 512 + i * 512;
        bool is_more = true;
        for (uint32_t op = 0; is_more; op++) {
            for (uint32_t way = 0; way < 2; way++) {
                memcpy(b.mem, whole, b.mem_len);
                b.accepted = b.floor = 1;
                is_more = bench_cut(&b, op, way);
                cut_count += is_more;
                assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
                assert_runs(&b, V1);
                assert_refused(&b, V2, SELV_ERR_FLASH_IO, 0);
            }
        }
        free(whole);
        bench_close(&b);
    }
    print_message("  %u cuts\n", cut_count);
    assert_true(cut_count > 100);
}

/* Marks that take nothing: each step has a record instead, also after a cut
 * at any operation. */
static void test_boot_in_place_dead_marks_powerloss(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        open_asked(&b, s, "512x8-ff", V2);
        uint8_t *asked = malloc(b.mem_len);
        assert_non_null(asked);
        memcpy(asked, b.mem, b.mem_len);
        bool is_cut = true;
        for (uint32_t op = 0; is_cut; op++) {
            for (uint32_t way = 0; way < 5 && is_cut; way++) {
                load(&b, asked);
                dead_off = b.layout.marks_off;
                is_cut = bench_cut(&b, op, way);
                assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
                assert_runs(&b, V2);
            }
        }
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        update(&b, V3);
        dead_off = UINT32_MAX;
        free(asked);
        bench_close(&b);
    }
}

/* Marks that only say that they were erased, and are all set. */
static void test_boot_in_place_lying_marks_powerloss(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        open_asked(&b, s, "512x8-ff", V2);
        selv_vflash_poke(&b.v, b.layout.marks_off, (uint8_t[512]){0}, 512);
        uint8_t *asked = malloc(b.mem_len);
        assert_non_null(asked);
        memcpy(asked, b.mem, b.mem_len);
        bool is_cut = true;
        for (uint32_t op = 0; is_cut; op++) {
            load(&b, asked);
            lying_off = b.layout.marks_off;
            is_cut = bench_cut(&b, op, 1);
            assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
            assert_runs(&b, V2);
        }
        free(asked);
        bench_close(&b);
    }
}

/* B9: no single read that fails costs a staged release its place, whether it
 * is looked at, gone through, or moved. */
static void test_boot_in_place_one_bad_read_refuses_nothing_fault(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        open_asked(&b, s, "512x8-ff-ecc", V2); /* not mapped: all is read */
        uint8_t *asked = malloc(b.mem_len);
        assert_non_null(asked);
        memcpy(asked, b.mem, b.mem_len);
        uint32_t i = 0;
        do {
            load(&b, asked);
            read_off = b.layout.slot[SELV_SLOT_B].image_off;
            read_len = IMAGE_LEN;
            read_count = 0;
            bad_read = i;
            assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
            assert_runs(&b, V2);
            assert_int_equal(b.record.refused_reason, SELV_OK);
            read_len = 0;
        } while (i++ < read_count);
        assert_true(i > 20);
        free(asked);
        bench_close(&b);
    }
}

/* A journal that takes nothing any more. In the middle of a move nothing boots
 * until it does again (no record, no end); on trial, and when the confirmation
 * is in the log, the sound image in slot A goes on. */
static uint32_t worn_off[2];
static enum selv_err (*sound_write)(void *, uint32_t, const void *, uint32_t);
static enum selv_err (*sound_erase)(void *, uint32_t);

static bool is_worn(uint32_t off)
{
    return off / 512 == worn_off[0] / 512 || off / 512 == worn_off[1] / 512;
}

static enum selv_err worn_write(void *port, uint32_t off, const void *p,
                                uint32_t len)
{
    return is_worn(off) ? SELV_ERR_FLASH_IO : sound_write(port, off, p, len);
}

static enum selv_err worn_erase(void *port, uint32_t off)
{
    return is_worn(off) ? SELV_ERR_FLASH_IO : sound_erase(port, off);
}

static void wear_out(struct bench *b)
{
    worn_off[0] = b->layout.journal_off[0];
    worn_off[1] = b->layout.journal_off[1];
    sound_write = b->v.flash.write;
    sound_erase = b->v.flash.erase;
    b->v.flash.write = worn_write;
    b->v.flash.erase = worn_erase;
}

static void test_boot_in_place_worn_journal_fault(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        for (int is_confirmed = 0; is_confirmed < 2; is_confirmed++) {
            struct bench b;
            open_asked(&b, s, "512x8-ff", V2);
            assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
            if (is_confirmed && s == SWAP) {
                confirm(&b);
            }
            wear_out(&b);
            for (int i = 0; i < 5; i++) {
                assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
                assert_runs(&b, V2);
            }
            bench_close(&b);
        }
    }
}

static void test_boot_in_place_worn_journal_in_a_move_fault(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        open_asked(&b, s, "512x8-ff", V2);
        assert_true(bench_cut(&b, 14, 0));
        wear_out(&b);
        assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(b.record.refused_reason, SELV_ERR_FLASH_IO);
        b.v.flash.write = sound_write;
        b.v.flash.erase = sound_erase;
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V2);
        bench_close(&b);
    }
}

/* What an application asks for and is refused wears nothing but the journal,
 * and that only so much (B11). */
static void test_boot_in_place_refusals_leave_the_marks_evil(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        open_asked(&b, s, "512x8-ff", V2);
        struct selv_log log = {.state = SELV_LOG_TRIAL, .slot = SELV_SLOT_B};
        for (uint8_t i = 0; i < 20; i++) {
            memset(log.digest, i, sizeof log.digest);
            assert_int_equal(selv_log_write(&b.v.flash, &b.layout, &log),
                             SELV_OK);
            assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
            assert_runs(&b, V1);
            assert_int_equal(erases[b.layout.marks_off / 512], 0);
        }
        bench_close(&b);
    }
}

/* A unit that does not read, in what a move takes along but no image needs. */
static void test_boot_swap_unreadable_unit_stops_nothing_fault(void **state)
{
    (void)state;
    struct bench b;
    open_asked(&b, SWAP, "512x8-ff", V2_SHORT);
    dumb_off = b.layout.slot[SELV_SLOT_B].image_off + 512 + 24;
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_runs(&b, V2_SHORT);
    bench_close(&b);

    /* One that reads when it is asked again is what it was, at once. */
    const uint8_t there[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    open_asked(&b, SWAP, "512x8-ff", V2_SHORT);
    dumb_off = b.layout.slot[SELV_SLOT_B].image_off + 512 + 24;
    selv_vflash_poke(&b.v, dumb_off, there, sizeof there);
    dumb_count = 2; /* with others, and alone */
    uint32_t to = b.layout.slot[SELV_SLOT_A].image_off + 512 + 24;
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_runs(&b, V2_SHORT);
    assert_int_equal(dumb_count, 0);
    assert_int_equal(erases[to / 512], 1);
    assert_memory_equal(b.mem + to, there, sizeof there);
    bench_close(&b);
}

/* ---- what one fault may leave
 * ------------------------------------------------
 */

/* A move of no sectors began by a fault: nothing moves, and what runs stays. */
static void test_boot_in_place_strikes_out_no_move_fault(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        open_asked(&b, s, "512x8-ff", V2);
        struct selv_journal j = read_journal(&b);
        name_trial(&b, &j, V2);
        j.install_state = SELV_INSTALL_FORWARD;
        assert_int_equal(selv_journal_write(&b.v.flash, &b.layout, &j),
                         SELV_OK);
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V1);
        assert_int_equal(read_journal(&b).install_state, SELV_INSTALL_NONE);
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V1);
        bench_close(&b);
    }
}

/* Too few sectors came forward, by a fault: neither image is whole, and what
 * came goes back, which makes the old one whole. */
static void test_boot_swap_too_short_goes_back_fault(void **state)
{
    (void)state;
    struct bench b;
    open_asked(&b, SWAP, "512x8-ff", V2);
    uint32_t last = b.layout.slot[SELV_SLOT_A].envelope_len / 512;
    struct selv_journal j = read_journal(&b);
    for (uint32_t i = 0; i <= last; i++) {
        uint32_t a = b.layout.slot[SELV_SLOT_A].envelope_off + 512 * i;
        uint32_t staged = b.layout.slot[SELV_SLOT_B].envelope_off + 512 * i;
        uint8_t old[512];
        memcpy(old, b.mem + a, sizeof old);
        selv_vflash_poke(&b.v, a, b.mem + staged, 512);
        selv_vflash_poke(&b.v, staged - 512, old, sizeof old);
    }
    name_trial(&b, &j, V2);
    j.current_slot = SELV_SLOT_B;
    j.trial_state = SELV_TRIAL_RUNNING;
    j.install_count = (uint16_t)(last + 1);
    assert_int_equal(selv_journal_write(&b.v.flash, &b.layout, &j), SELV_OK);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V1);
    assert_int_equal(b.record.is_trial, 0);
    assert_int_equal(b.record.floor, 1);
    bench_close(&b);
}

/* ---- layouts that lie ------------------------------------------------------
 */

static void test_boot_in_place_refuses_a_layout_that_does_not_fit(void **state)
{
    (void)state;
    for (int s = 0; s < STRATEGY_COUNT; s++) {
        struct bench b;
        bench_open(&b, s, "512x8-ff");
        const struct selv_layout good = b.layout;
        struct selv_slot_place *a = &b.layout.slot[SELV_SLOT_A];
        struct selv_slot_place *slot_b = &b.layout.slot[SELV_SLOT_B];
#define REFUSED(change)                                                        \
    do {                                                                       \
        b.layout = good;                                                       \
        change;                                                                \
        assert_false(bench_boot(&b, SELV_RESET_POWER_ON));                     \
        assert_int_equal(b.record.refused_reason, SELV_ERR_STORE_LAYOUT);      \
    } while (0)
        REFUSED(b.layout.marks_len = 0);
        REFUSED(b.layout.marks_len = 40);
        REFUSED(a->image_len -= 512);
        REFUSED(slot_b->image_len -= 512);
        REFUSED(slot_b->envelope_len -= 512);
        REFUSED(slot_b->image_off += 512);
        if (s == SWAP) {
            REFUSED(b.layout.spare_len = 0);
        }
        /* Marks where something else lies. */
        REFUSED(b.layout.marks_off = b.layout.factory_off);
        REFUSED(b.layout.marks_off = b.layout.journal_off[1]);
        REFUSED(b.layout.marks_off = b.layout.log_off[0]);
        REFUSED(b.layout.marks_off = a->image_off);
        REFUSED(b.layout.marks_off += 8);
        REFUSED(b.layout.marks_off = b.v.flash.size);
#undef REFUSED
        b.layout = good;
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        bench_close(&b);
    }
}

/* After a sector that took nothing takes bytes again, and one more cut, an
 * image that was there before runs. */
static void assert_boots_one(struct bench *b, uint32_t sector, uint32_t op,
                             uint32_t way, uint32_t then)
{
    bool is_good = bench_boot(b, SELV_RESET_POWER_ON);
    if (!is_good || !(is_in(b, V1, SELV_SLOT_A) || is_in(b, V2, SELV_SLOT_A))) {
        fail_msg("sector %u dead, cut at %u.%u, alive, cut at %u.0: %s",
                 (unsigned)sector, (unsigned)op, (unsigned)way, (unsigned)then,
                 is_good ? "runs what is neither" : "nothing boots");
    }
}

/* A sector of the spare side takes nothing for one boot (a supply that sags),
 * so that the way turns; power is lost in the turn; then all sectors work, and
 * power is lost once more. Marks that a torn erase left must count for
 * nothing. */
static void test_boot_swap_turns_back_and_forward_again_powerloss(void **state)
{
    (void)state;
    struct bench b;
    open_asked(&b, SWAP, "512x8-ff", V2);
    uint8_t *whole = malloc(b.mem_len), *cut = malloc(b.mem_len);
    assert_true(whole != NULL && cut != NULL);
    memcpy(whole, b.mem, b.mem_len);
    uint32_t spare = b.layout.slot[SELV_SLOT_B].envelope_off - 512;
    unsigned pairs = 0;
    for (uint32_t i = 1; i < 4; i += 2) {
        bool is_cut = true;
        for (uint32_t op = 0; is_cut; op++) {
            for (uint32_t way = 0; way < 11 && is_cut; way++) {
                load(&b, whole);
                dead_off = spare + 512 * i;
                is_cut = bench_cut(&b, op, way);
                dead_off = UINT32_MAX;
                memcpy(cut, b.mem, b.mem_len);
                bool is_cut_again = is_cut;
                for (uint32_t then = 0; is_cut_again; then++, pairs++) {
                    load(&b, cut);
                    is_cut_again = bench_cut(&b, then, 0);
                    assert_boots_one(&b, i, op, way, then);
                }
            }
        }
    }
    print_message("  %u pairs\n", pairs);
    free(whole);
    free(cut);
    bench_close(&b);
}

/* The marks die while a swap is on trial: it goes back without them, each step
 * a record, through a cut at each operation. */
static void test_boot_swap_goes_back_without_marks_powerloss(void **state)
{
    (void)state;
    struct bench b;
    open_asked(&b, SWAP, "512x8-ff", V2);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    uint8_t *trial = malloc(b.mem_len);
    assert_non_null(trial);
    memcpy(trial, b.mem, b.mem_len);
    for (int marks = 0; marks < 2; marks++) {
        is_dead_to_erase = marks == 0;
        bool is_cut = true;
        for (uint32_t op = 0; is_cut; op++) {
            for (uint32_t way = 0; way < 5 && is_cut; way++) {
                load(&b, trial);
                dead_off = b.layout.marks_off;
                b.cut_cause = SELV_RESET_WATCHDOG;
                is_cut = bench_cut(&b, op, way);
                assert_true(bench_boot(&b, SELV_RESET_WATCHDOG));
                assert_runs(&b, V1);
            }
        }
    }
    dead_off = UINT32_MAX;
    free(trial);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_swap_tries_and_confirms),
        cmocka_unit_test(test_boot_swap_goes_back),
        cmocka_unit_test(test_boot_swap_attempts_are_bounded),
        cmocka_unit_test(test_boot_overwrite_installs_for_good),
        cmocka_unit_test(test_boot_in_place_strikes_out_no_move_fault),
        cmocka_unit_test(test_boot_swap_too_short_goes_back_fault),
        cmocka_unit_test(test_boot_in_place_wears_each_sector_once),
        cmocka_unit_test(test_boot_in_place_moves_images_of_any_length),
        cmocka_unit_test(test_boot_in_place_takes_update_after_update),
        cmocka_unit_test(test_boot_in_place_goes_on_after_any_cut_powerloss),
        cmocka_unit_test(test_boot_in_place_reads_a_mark_once_powerloss),
        cmocka_unit_test(test_boot_in_place_refuses_what_it_cannot_install),
        cmocka_unit_test(test_boot_in_place_keeps_what_is_severed_powerloss),
        cmocka_unit_test(test_boot_in_place_needs_what_is_severed_evil),
        cmocka_unit_test(test_boot_in_place_refuses_damage_in_the_staging_area),
        cmocka_unit_test(test_boot_in_place_request_evil),
        cmocka_unit_test(test_boot_overwrite_staging_changes_on_the_way_evil),
        cmocka_unit_test(test_boot_in_place_looks_again_at_a_resume_evil),
        cmocka_unit_test(test_boot_overwrite_copies_again_what_rots),
        cmocka_unit_test(test_boot_overwrite_helps_once_a_boot_fault),
        cmocka_unit_test(test_boot_overwrite_confirms_only_what_was_asked_evil),
        cmocka_unit_test(test_boot_in_place_adopts_what_is_there),
        cmocka_unit_test(test_boot_swap_current_rots),
        cmocka_unit_test(test_boot_swap_way_back_is_gone_evil),
        cmocka_unit_test(test_boot_swap_way_back_is_another_evil),
        cmocka_unit_test(test_boot_swap_nothing_older_stays_evil),
        cmocka_unit_test(test_boot_swap_trial_rots),
        cmocka_unit_test(test_boot_swap_dead_sector_turns_back_fault),
        cmocka_unit_test(test_boot_swap_dead_sector_of_a_waits_fault),
        cmocka_unit_test(test_boot_swap_turns_back_through_cuts_fault),
        cmocka_unit_test(test_boot_swap_turns_back_and_forward_again_powerloss),
        cmocka_unit_test(test_boot_swap_goes_back_without_marks_powerloss),
        cmocka_unit_test(test_boot_in_place_dead_marks_powerloss),
        cmocka_unit_test(test_boot_in_place_lying_marks_powerloss),
        cmocka_unit_test(test_boot_in_place_one_bad_read_refuses_nothing_fault),
        cmocka_unit_test(test_boot_in_place_worn_journal_fault),
        cmocka_unit_test(test_boot_in_place_worn_journal_in_a_move_fault),
        cmocka_unit_test(test_boot_in_place_refusals_leave_the_marks_evil),
        cmocka_unit_test(test_boot_swap_unreadable_unit_stops_nothing_fault),
        cmocka_unit_test(test_boot_in_place_refuses_a_layout_that_does_not_fit),
    };
    assert_int_equal(selv_crypto_init(), SELV_OK);
    return cmocka_run_group_tests(tests, make_releases, NULL);
}
