/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of devices that were shipped with a lying flash driver, and no
 * port test: the table in docs/porting.md. Whatever else happens, no image
 * runs that is not authentic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "sim/release.h"
#include "store/slot.h"
#include "test/porttest/board_sim.h"

enum end {
    REFUSED, /* at start: nothing boots, ever */
    WORKS,   /* the lie does no harm */
    STUCK,   /* some or all updates are not taken */
    STOPS,   /* nothing boots any more, after some updates */
    FALLS    /* the floor falls: older releases are taken again */
};

/* None of them FALLS or STOPS. That a sector declared twice as long is STUCK,
 * and does not fall, is invariant J10 of lib/store/DESIGN.md. */
static const struct {
    enum lie lie;
    enum end end; /* the worst of all cuts */
} cases[] = {
    {LIE_NONE, WORKS},          {LIE_ERASED_VALUE, REFUSED},
    {LIE_SECTOR_DOUBLE, STUCK}, {LIE_SECTOR_HALF, STUCK},
    {LIE_SECTOR_TABLE, WORKS},  {LIE_UNIT_SMALL, STUCK},
    {LIE_UNIT_PADS, STUCK},     {LIE_SIZE, WORKS},
    {LIE_ERASE_NEXT, STUCK},    {LIE_ERASE_PART, WORKS},
    {LIE_ERASE_NOTHING, STUCK}, {LIE_ERASE_INSIDE, WORKS},
    {LIE_ERASE_ALIEN, WORKS},   {LIE_WRITE_NOTHING, REFUSED},
    {LIE_WRITE_AGAIN, WORKS},   {LIE_WRITE_PAGE, STUCK},
    {LIE_WRITE_SHORT, REFUSED}, {LIE_WRITE_WORDS, WORKS},
    {LIE_READ_ALIGNED, WORKS},  {LIE_MAP_STALE, REFUSED},
};

static const struct selv_geometry geometry = {"start", 1024, 8,     0xff,
                                              4,       4,    false, NULL};

enum { RELEASES = 14, IMAGE_LEN = 600, WAYS = 4, CUTS = 6 * WAYS };

static struct board_sim board;
static struct selv_release releases[RELEASES]; /* of the number of its index */
static struct selv_factory factory;
static struct selv_layout layout;
static struct selv_boot boot;
static struct selv_boot_record record;
static uint64_t floor_seen;

static uint32_t take(uint32_t *off, uint32_t len)
{
    uint32_t from = *off;
    while (*off < from + len) {
        *off += selv_flash_sector(&board.shown, *off).len;
    }
    return *off - from;
}

/* The product's layout, made for the flash that the port declares. */
static void make_layout(void)
{
    uint32_t *const pairs[] = {layout.journal_off, layout.log_off,
                               layout.random_off};
    uint32_t off = 0;
    memset(&layout, 0, sizeof layout);
    layout.factory_len = take(&off, 1);
    for (size_t i = 0; i < 6; i++) {
        pairs[i / 2][i % 2] = off;
        take(&off, 1);
    }
    for (size_t i = 0; i < SELV_SLOT_COUNT; i++) {
        struct selv_slot_place *place = &layout.slot[i];
        place->envelope_off = off;
        place->envelope_len = take(&off, SELV_RELEASE_ENVELOPE_MAX + 4);
        place->image_off = off;
        place->image_len = take(&off, IMAGE_LEN);
    }
    assert_int_equal(selv_layout_check(&layout, &board.shown), SELV_OK);
}

/* The factory programs the true flash. */
static void make_device(enum lie lie)
{
    const struct selv_release *r = &releases[1];
    const struct selv_slot_place *place = &layout.slot[SELV_SLOT_A];
    uint8_t len[4];
    board_sim_open(&board, &geometry, lie);
    selv_vflash_protect(&board.v, 0, board.v.flash.size, false);
    make_layout();
    selv_put_be32(len, r->envelope_len);
    selv_vflash_poke(&board.v, place->envelope_off, len, 4);
    selv_vflash_poke(&board.v, place->envelope_off + 4, r->envelope,
                     r->envelope_len);
    selv_vflash_poke(&board.v, place->image_off, r->image[0], r->image_len);
    floor_seen = 0;
}

/* False: nothing boots. */
static bool boots(void)
{
    memset(&boot, 0, sizeof boot);
    boot.flash = &board.shown;
    boot.layout = &layout;
    boot.factory = &factory;
    boot.strategy = &selv_strategy_ab;
    boot.reset_cause = SELV_RESET_REQUESTED;
    boot.scratch = (struct selv_buf){board.scratch, sizeof board.scratch, 0};
    if (!selv_is_good(selv_boot_choose(&boot, &record))) {
        return false;
    }
    assert_true(record.sequence > 0 && record.sequence < RELEASES);
    assert_true(selv_release_is_in(&releases[record.sequence], &board.shown,
                                   &layout, record.slot));
    return true;
}

static jmp_buf on_cut;

static void jump(void *arg)
{
    (void)arg;
    longjmp(on_cut, 1);
}

/* Which of its operations each boot loses power in, and how; the next boot
 * goes on from there. */
static uint32_t cut_op, cut_way;

static void boot_and_cut(void)
{
    struct selv_vflash *v = &board.v;
    if (setjmp(on_cut) == 0) {
        v->cut_op = v->op_count + cut_op;
        v->cut_way = cut_way;
        v->on_cut = jump;
        (void)boots();
    }
    selv_vflash_power_on(v);
}

/* What an application does, with the same driver. True: it was confirmed. */
static bool update(uint32_t number)
{
    const struct selv_release *r = &releases[number];
    struct selv_log log = {.state = SELV_LOG_TRIAL, .slot = !record.slot};
    memcpy(log.digest, r->digest, 32);
    if (selv_release_install(r, &board.shown, &layout, log.slot) ||
        selv_log_write(&board.shown, &layout, &log)) {
        return false;
    }
    boot_and_cut();
    if (!boots() || !record.is_trial) {
        return false;
    }
    log.state = SELV_LOG_CONFIRM;
    memcpy(log.nonce, record.nonce, SELV_NONCE_LEN);
    if (selv_log_write(&board.shown, &layout, &log)) {
        return false;
    }
    boot_and_cut();
    return boots() && record.sequence == number && !record.is_trial;
}

static enum end live(void)
{
    uint32_t confirmed = 0;
    if (!boots()) {
        return REFUSED;
    }
    for (uint32_t number = 2; number < RELEASES; number++) {
        uint64_t before = floor_seen;
        confirmed += update(number);
        if (!boots()) {
            return STOPS;
        }
        if (record.floor < before) {
            return FALLS;
        }
        floor_seen = record.floor;
    }
    return confirmed == RELEASES - 2 ? WORKS : STUCK;
}

static const char *const words[] = {"refused", "works", "stuck", "stops",
                                    "falls"};

static int make_releases(void **state)
{
    (void)state;
    if (selv_crypto_init() != SELV_OK) {
        return -1;
    }
    selv_release_factory(&factory);
    for (uint32_t i = 1; i < RELEASES; i++) {
        const struct selv_release_plan plan = {
            .sequence = i, .image_len = IMAGE_LEN, .content = i};
        if (selv_release_make(&plan, &releases[i]) != SELV_OK) {
            return -1;
        }
    }
    return 0;
}

static void test_porttest_start_lies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum end worst = REFUSED;
        for (uint32_t j = 0; j < CUTS; j++) {
            enum end end;
            make_device(cases[i].lie);
            cut_op = j / WAYS;
            cut_way = j % WAYS;
            end = live();
            worst = end > worst ? end : worst;
            board_sim_close(&board);
        }
        print_message("lie %d: %s\n", cases[i].lie, words[worst]);
        assert_int_equal(worst, cases[i].end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_porttest_start_lies),
    };
    return cmocka_run_group_tests(tests, make_releases, NULL);
}
