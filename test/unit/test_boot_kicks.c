/* SPDX-License-Identifier: Apache-2.0
 *
 * The watchdog is kicked often enough: how much flash a boot reads, writes and
 * erases between two kicks is bounded by a few sectors, however long slots and
 * moves are. What that takes in time is the board's (bench/boot, porttest). */
#include "store_fixture.h"

#include "boot/boot_int.h"
#include "crypto/crypto.h"
#include "sim/release.h"
#include "store/slot.h"

enum { AB, RAM, SWAP, OVERWRITE, STRATEGY_COUNT };

/* Sectors between two kicks. Most of what is read is journal and log, two
 * sectors each, which are gone through several times where a record is decided,
 * written and read back. */
enum { READ_MAX = 32, ERASED_MAX = 2, WRITTEN_MAX = 2 };

static const struct {
    const char *name;
    const struct selv_strategy *strategy;
    enum selv_release_install install;
    bool is_in_place;
} rows[STRATEGY_COUNT] = {
    {"ab", &selv_strategy_ab, SELV_RELEASE_FETCHED, false},
    {"ram", &selv_strategy_ram, SELV_RELEASE_LOADED, false},
    {"swap", &selv_strategy_swap, SELV_RELEASE_SWAPPED, true},
    {"overwrite", &selv_strategy_overwrite, SELV_RELEASE_COPIED, true},
};

/* Since the last kick, and the most there was between two. */
struct meter {
    uint32_t read, written, erased; /* bytes; bytes; sectors */
};
static struct meter since, most;
static enum selv_err (*real_write)(void *, uint32_t, const void *, uint32_t);
static enum selv_err (*real_erase)(void *, uint32_t);
static enum selv_err (*real_read)(void *, uint32_t, void *, uint32_t);

static uint32_t max32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static void kick(void *port)
{
    (void)port;
    most.read = max32(most.read, since.read);
    most.written = max32(most.written, since.written);
    most.erased = max32(most.erased, since.erased);
    memset(&since, 0, sizeof since);
}

static enum selv_err meter_read(void *port, uint32_t off, void *p, uint32_t len)
{
    since.read += len;
    return real_read(port, off, p, len);
}

static enum selv_err meter_write(void *port, uint32_t off, const void *p,
                                 uint32_t len)
{
    since.written += len;
    return real_write(port, off, p, len);
}

static enum selv_err meter_erase(void *port, uint32_t off)
{
    since.erased++;
    return real_erase(port, off);
}

struct bench {
    const struct selv_geometry *geometry;
    int row;
    struct selv_layout layout;
    struct selv_vflash v;
    uint8_t *mem;
    struct selv_factory factory;
    struct selv_boot boot;
    struct selv_boot_record record;
    struct selv_release old, new;
    uint8_t scratch[SELV_SUIT_ENVELOPE_MAX];
    struct selv_buf ram;
    uint8_t ram_bytes[16 * 1024];
};

static void open_flash(struct bench *b)
{
    const struct selv_geometry *g = b->geometry;
    if (rows[b->row].is_in_place) {
        b->mem = malloc(selv_geometry_mem_len_in_place(g));
        assert_non_null(b->mem);
        selv_geometry_init_in_place(g, &b->v, b->mem);
        selv_geometry_layout_in_place(g, &b->layout);
    } else {
        b->mem = malloc(selv_geometry_mem_len(g));
        assert_non_null(b->mem);
        selv_geometry_init(g, &b->v, b->mem);
        selv_geometry_layout(g, &b->layout);
    }
    b->v.is_unmapped = true; /* every byte is read by a call */
    real_read = b->v.flash.read;
    real_write = b->v.flash.write;
    real_erase = b->v.flash.erase;
    b->v.flash.read = meter_read;
    b->v.flash.write = meter_write;
    b->v.flash.erase = meter_erase;
    b->v.flash.kick = kick;
}

static void make(struct selv_release *release, const struct bench *b,
                 uint64_t sequence)
{
    const struct selv_release_plan plan = {
        .sequence = sequence,
        .content = (uint32_t)sequence,
        .image_len = b->layout.slot[SELV_SLOT_A].image_len,
        .install = (uint8_t)rows[b->row].install};
    assert_int_equal(selv_release_make(&plan, release), SELV_OK);
}

static bool boot(struct bench *b, enum selv_reset_cause cause)
{
    selv_vflash_power_on(&b->v);
    memset(&b->boot, 0xee, sizeof b->boot);
    b->boot.flash = &b->v.flash;
    b->boot.layout = &b->layout;
    b->boot.factory = &b->factory;
    b->boot.strategy = rows[b->row].strategy;
    b->boot.reset_cause = cause;
    b->boot.scratch = (struct selv_buf){b->scratch, sizeof b->scratch, 0};
    b->ram = (struct selv_buf){b->ram_bytes, sizeof b->ram_bytes, 0};
    b->boot.ram = b->row == RAM ? &b->ram : NULL;
    memset(&since, 0, sizeof since); /* the port kicks before and after */
    bool is_good = selv_is_good(selv_boot_choose(&b->boot, &b->record));
    kick(NULL);
    return is_good;
}

static void write_log(struct bench *b, enum selv_log_state state, uint8_t slot)
{
    struct selv_log log = {.state = (uint8_t)state, .slot = slot};
    memcpy(log.digest, b->new.digest, 32);
    memcpy(log.nonce, b->record.nonce, SELV_NONCE_LEN);
    assert_int_equal(selv_log_write(&b->v.flash, &b->layout, &log), SELV_OK);
}

/* Birth, an update that is reverted or confirmed, a rotten slot, nothing that
 * boots. */
static void run(struct bench *b, bool is_confirmed)
{
    assert_int_equal(
        selv_release_install(&b->old, &b->v.flash, &b->layout, SELV_SLOT_A),
        SELV_OK);
    assert_true(boot(b, SELV_RESET_POWER_ON));
    assert_int_equal(
        selv_release_install(&b->new, &b->v.flash, &b->layout, SELV_SLOT_B),
        SELV_OK);
    write_log(b, SELV_LOG_TRIAL, SELV_SLOT_B);
    assert_true(boot(b, SELV_RESET_REQUESTED));
    assert_int_equal(b->record.sequence, 2);
    if (is_confirmed) {
        write_log(b, SELV_LOG_CONFIRM, b->record.slot);
    }
    assert_true(boot(b, SELV_RESET_WATCHDOG));
    const struct selv_slot_place *now = &b->layout.slot[b->record.slot];
    for (uint32_t i = 0; i < 2; i++) {
        b->mem[now->image_off + 9] ^= 1;
        (void)boot(b, SELV_RESET_POWER_ON);
        now = &b->layout.slot[!(now - b->layout.slot)];
    }
}

static void test_boot_kicks_between_a_few_sectors(void **state)
{
    static const char *const geometries[] = {"320x1-ff", "512x8-ff",
                                             "1024x32-00"};
    static struct bench b;
    (void)state;
    assert_int_equal(selv_crypto_init(), SELV_OK);
    for (int row = 0; row < STRATEGY_COUNT; row++) {
        for (size_t g = 0; g < 3; g++) {
            memset(&most, 0, sizeof most);
            for (int is_confirmed = 0; is_confirmed < 2; is_confirmed++) {
                memset(&b, 0, sizeof b);
                b.row = row;
                b.geometry = selv_geometry_find(geometries[g]);
                open_flash(&b);
                selv_release_factory(&b.factory);
                make(&b.old, &b, 1);
                make(&b.new, &b, 2);
                memset(&since, 0, sizeof since);
                run(&b, is_confirmed);
                free(b.mem);
            }
            uint32_t sector = b.geometry->sector_len;
            print_message("%s %s: %u sectors read, %u bytes written, %u "
                          "sectors erased\n",
                          rows[row].name, geometries[g], most.read / sector,
                          most.written, most.erased);
            assert_in_range(most.read, 1, READ_MAX * sector);
            assert_in_range(most.written, 1, WRITTEN_MAX * sector);
            assert_in_range(most.erased, 1, ERASED_MAX);
        }
    }
}

/* Marks may take several sectors where slots are long. */
static void test_boot_kicks_between_sectors_of_marks(void **state)
{
    static struct bench b;
    (void)state;
    memset(&b, 0, sizeof b);
    b.row = SWAP;
    b.geometry = selv_geometry_find("512x8-ff");
    open_flash(&b);
    b.layout.marks_off = b.layout.slot[SELV_SLOT_A].envelope_off;
    b.layout.marks_len = 4 * b.geometry->sector_len;
    b.boot.flash = &b.v.flash;
    b.boot.layout = &b.layout;
    selv_vflash_power_on(&b.v);
    memset(&most, 0, sizeof most);
    memset(&since, 0, sizeof since);
    assert_int_equal(selv_boot_marks_erase(&b.boot), SELV_OK);
    kick(NULL);
    assert_int_equal(b.v.erase_count, 4);
    assert_int_equal(most.erased, 1);
    free(b.mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_kicks_between_a_few_sectors),
        cmocka_unit_test(test_boot_kicks_between_sectors_of_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
