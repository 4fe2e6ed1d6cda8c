/* SPDX-License-Identifier: Apache-2.0
 *
 * The consumer on devices that boot through MCUboot: whole updates in each of
 * its modes, on every geometry, every way they end, and power cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "consumer/mcuboot.h"
#include "test/unit/consumer_world.h"
#include "test/unit/mcuboot_model.h"

#define RESETS_MAX 6u
#define SECTORS_MAX 4u

static struct world w;
static struct world_release two, three;
static struct mcuboot_model model;
static struct selv_mcuboot mcuboot;
static enum mcuboot_model_kind kind; /* of the next world */
static uint8_t align;                /* the same; 0: the least */
static unsigned resets;              /* that start asked for */
static uint8_t refused_fill;         /* first byte of images not good */

static bool is_good(const uint8_t *image)
{
    return image[0] != refused_fill;
}

static void protect(bool is_application)
{
    const struct selv_slot_place *running =
        &w.layout.slot[mcuboot.running_slot];

    selv_vflash_protect(&w.v, 0, w.v.flash.size, false);
    selv_vflash_protect(&w.v, w.layout.factory_off, w.layout.factory_len, true);
    selv_vflash_protect(&w.v, running->image_off, running->image_len,
                        is_application);
}

/* The boot record names the image that runs: a release's first byte says its
 * number and slot. */
static void check_record(void)
{
    bool is_b = kind == MODEL_XIP ? mcuboot.running_slot == SELV_SLOT_B
                                  : w.record.sequence != 1;
    uint8_t want = (uint8_t)(w.record.sequence * 16u + is_b);

    assert_int_equal(w.mem[model.slot_off[mcuboot.running_slot]], want);
}

static bool boot(struct world *world)
{
    bool is_reset_due = true;

    for (resets = 0; is_reset_due; resets++) {
        int slot = mcuboot_model_boot(&model);
        enum selv_err err;

        if (slot < 0 || resets == RESETS_MAX) {
            return false;
        }
        mcuboot.running_slot = (uint8_t)slot;
        protect(true);
        err = selv_mcuboot_start(&mcuboot, world->cause, &world->record,
                                 &is_reset_due);
        if (world->v.is_off) {
            return false;
        }
        assert_int_equal(err, SELV_OK);
        if (is_reset_due) {
            world->cause = SELV_RESET_REQUESTED;
        }
    }
    resets--;
    if (w.release != NULL) { /* there is one after the first boot */
        check_record();
    }
    return true;
}

/* Whole sectors from the slot's end, for the trailer. */
static uint32_t trailer_room(const struct selv_slot_place *place, uint32_t need)
{
    uint32_t room = 0;

    while (room < need) {
        uint32_t last = place->image_off + place->image_len - room - 1u;
        room += selv_flash_sector(&w.v.flash, last).len;
    }
    return room;
}

static void prepare(struct world *world)
{
    unsigned unit = world->v.flash.write_unit;

    resets = 0;
    refused_fill = 0xee;
    memset(&mcuboot, 0, sizeof mcuboot);
    mcuboot.flash = &world->v.flash;
    mcuboot.layout = &world->layout;
    mcuboot.sectors_max = SECTORS_MAX;
    mcuboot.max_align = (uint8_t)(align != 0 ? align : unit < 8 ? 8 : unit);
    mcuboot.mode = kind == MODEL_SWAP        ? SELV_MCUBOOT_SWAP
                   : kind == MODEL_OVERWRITE ? SELV_MCUBOOT_OVERWRITE
                                             : SELV_MCUBOOT_DIRECT_XIP;
    mcuboot.born_sequence = 1;
    model = (struct mcuboot_model){.v = &world->v,
                                   .kind = kind,
                                   .align = mcuboot.max_align,
                                   .is_good = is_good};
    for (unsigned i = 0; i < 2; i++) {
        struct selv_slot_place *place = &world->layout.slot[i];
        model.slot_off[i] = place->image_off;
        model.slot_end[i] = place->image_off + place->image_len;
        mcuboot.slot_end[i] = model.slot_end[i];
        place->image_len -= trailer_room(
            place, SECTORS_MAX * 3u * unit + 5u * mcuboot.max_align +
                       (mcuboot.max_align > 16 ? 32u : 16u));
    }
    model.image_len = world->layout.slot[0].image_len;
    if (model.image_len > world->layout.slot[1].image_len) {
        model.image_len = world->layout.slot[1].image_len;
    }
    if (kind == MODEL_XIP) {
        mcuboot_model_confirm(&model, 0);
    }
    world->boot = boot;
    world->config.installer = &selv_installer_mcuboot;
    world->config.installer_context = &mcuboot;
    assert_int_equal(selv_mcuboot_check(&mcuboot), SELV_OK);
}

static void open_world(const char *geometry, enum mcuboot_model_kind of,
                       uint8_t max_align)
{
    uint32_t size;

    kind = of;
    align = max_align;
    world_open_foreign(&w, geometry, prepare);
    size = model.image_len;
    world_release_make(&two, 2, size, size);
    world_release_make(&three, 3, size - 7u, size - 7u);
}

/* That this image lies where the running one is booted from. */
static void check_runs(const struct world_release *r)
{
    unsigned from = mcuboot.running_slot;
    unsigned of = kind == MODEL_XIP ? from : 1u;
    uint8_t digest[32];

    assert_int_equal(selv_flash_digest(&w.v.flash, model.slot_off[from],
                                       r->size[of], digest),
                     SELV_OK);
    assert_memory_equal(digest, r->image_digest[of], 32);
}

static void check_confirmed(const struct world_release *r)
{
    assert_true(world_boot(&w));
    check_runs(r);
    assert_int_equal(w.record.is_trial, 0);
    assert_int_equal(w.record.sequence, r->sequence);
    assert_int_equal(w.record.accepted, r->sequence);
    assert_int_equal(w.record.floor, r->sequence);
    assert_memory_equal(w.record.digest, r->digest, 32);
}

static const char *const told[] = {
    [MODEL_SWAP] = "notified authorized downloading <downloading verified "
                   "waiting <waiting reboot trial confirmed <confirmed ",
    [MODEL_OVERWRITE] = "notified authorized downloading <downloading "
                        "verified waiting <waiting reboot confirmed "
                        "<confirmed idle ",
    [MODEL_XIP] = "notified authorized downloading <downloading verified "
                  "waiting <waiting reboot trial confirmed <confirmed "};

static void update_twice(const char *geometry, uint8_t max_align)
{
    for (int of = MODEL_SWAP; of <= MODEL_XIP; of++) {
        open_world(geometry, (enum mcuboot_model_kind)of, max_align);
        w.release = &two;
        world_settle(&w);
        assert_string_equal(w.log, told[of]);
        assert_int_equal(resets, 0);
        assert_int_equal(w.record.slot, of == MODEL_XIP);
        check_confirmed(&two);
        w.release = &three;
        world_next_cycle(&w);
        check_confirmed(&three);
        assert_int_equal(model.erase_count, 0);
        world_close(&w);
    }
}

static void test_consumer_mcuboot_updates(void **state)
{
    (void)state;
    for (size_t i = 0; i < selv_geometry_count; i++) {
        update_twice(selv_geometries[i].name, 0);
    }
    update_twice("512x4-ff", 16);
    update_twice("4096x1-ff", 32);
    update_twice("512x8-00", 32);
}

/* What was offered is refused from now on, told once; the next one is good. */
static void check_refused(const struct world_release *r, bool was_trial,
                          enum selv_err reason)
{
    assert_memory_equal(w.record.refused_digest, r->digest, 32);
    assert_int_equal(w.record.refused_reason, reason);
    assert_int_equal(w.record.refused_was_trial, was_trial);
    assert_int_equal(w.record.is_trial, 0);
    assert_int_equal(w.record.sequence, 1);
    assert_non_null(strstr(w.log, was_trial ? "<reverted" : "<failed"));
    world_forget(&w);
    assert_true(world_boot(&w));
    world_settle(&w);
    assert_null(strstr(w.log, "downloading"));
    assert_null(strstr(w.log, "<reverted"));
    assert_null(strstr(w.log, "<failed"));
    w.is_selftest_good = true;
    w.is_selftest_mute = false;
    refused_fill = 0xee;
    w.release = &three;
    world_next_cycle(&w);
    check_confirmed(&three);
}

static void test_consumer_mcuboot_reverts_a_bad_selftest(void **state)
{
    (void)state;
    for (int of = MODEL_SWAP; of <= MODEL_XIP; of += MODEL_XIP - MODEL_SWAP) {
        open_world("512x8-ff", (enum mcuboot_model_kind)of, 0);
        w.release = &two;
        w.is_selftest_good = false;
        world_settle(&w);
        assert_non_null(strstr(w.log, "reboot trial failed:"
                                      "SELV_ERR_UPDATE_SELFTEST give-up "));
        check_refused(&two, true, SELV_ERR_BOOT_WATCHDOG);
        world_close(&w);
    }
}

static void test_consumer_mcuboot_reverts_a_crash(void **state)
{
    (void)state;
    for (int of = MODEL_SWAP; of <= MODEL_XIP; of += MODEL_XIP - MODEL_SWAP) {
        open_world("512x8-00", (enum mcuboot_model_kind)of, 0);
        w.release = &two;
        assert_int_equal(world_run(&w, 100000), WORLD_REBOOT);
        assert_true(world_boot(&w));
        assert_int_equal(w.record.is_trial, 1);
        assert_int_equal(w.record.attempt, 1);
        assert_int_equal(w.record.accepted, 2);
        assert_int_equal(w.record.floor, 1);
        w.cause = SELV_RESET_CRASH;
        assert_true(world_boot(&w));
        world_settle(&w);
        check_refused(&two, true, SELV_ERR_BOOT_CRASH);
        world_close(&w);
    }
}

/* The new image crashes before anything of ours runs in it. */
static void test_consumer_mcuboot_reverts_what_was_never_seen(void **state)
{
    (void)state;
    for (int of = MODEL_SWAP; of <= MODEL_XIP; of += MODEL_XIP - MODEL_SWAP) {
        open_world("512x8-ff", (enum mcuboot_model_kind)of, 0);
        w.release = &two;
        assert_int_equal(world_run(&w, 100000), WORLD_REBOOT);
        assert_int_equal(mcuboot_model_boot(&model), of == MODEL_XIP);
        w.cause = SELV_RESET_POWER_ON;
        assert_true(world_boot(&w));
        world_settle(&w);
        check_refused(&two, true, SELV_ERR_BOOT_ATTEMPTS);
        world_close(&w);
    }
}

/* MCUboot's own signature check fails: it erases the image. Direct-xip does
 * so with one that was tried, too: the two look alike. */
static void test_consumer_mcuboot_does_not_take_it(void **state)
{
    (void)state;
    for (int of = MODEL_SWAP; of <= MODEL_XIP; of++) {
        open_world("512x16-ff", (enum mcuboot_model_kind)of, 0);
        w.release = &two;
        refused_fill = two.fill[1];
        world_settle(&w);
        assert_int_equal(model.erase_count, 1);
        check_refused(&two, of == MODEL_XIP,
                      of == MODEL_XIP ? SELV_ERR_BOOT_ATTEMPTS
                                      : SELV_ERR_UPDATE_BOOTLOADER);
        world_close(&w);
    }
}

/* Its version is not the higher one: direct-xip passes it over for ever. */
static void test_consumer_mcuboot_passes_it_over(void **state)
{
    static struct world_release sixteen;

    (void)state;
    open_world("512x8-ff", MODEL_XIP, 0);
    world_release_make(&sixteen, 16, 100, 100);
    assert_true(sixteen.fill[1] < 16);
    w.release = &sixteen;
    world_settle(&w);
    assert_int_equal(resets, SELV_FOREIGN_TRIES_MAX);
    assert_int_equal(w.record.refused_reason, SELV_ERR_UPDATE_BOOTLOADER);
    assert_int_equal(w.record.refused_was_trial, 0);
    assert_int_equal(w.record.accepted, 1);
    /* The request does not stand any more. */
    assert_true(selv_flash_is_erased(&w.v.flash, model.slot_end[1] - 16, 16));
    w.release = &three;
    world_next_cycle(&w);
    check_confirmed(&three);
    world_close(&w);
}

static void test_consumer_mcuboot_refuses_an_equal_number(void **state)
{
    static struct world_release other;

    (void)state;
    open_world("512x8-ff", MODEL_SWAP, 0);
    w.release = &two;
    world_settle(&w);
    world_release_make(&other, 2, 100, 100);
    w.release = &other;
    world_next_cycle(&w);
    assert_non_null(strstr(w.log, "rejected:SELV_ERR_UPDATE_EQUAL"));
    world_release_make(&other, 1, 100, 100);
    w.release = &other;
    world_next_cycle(&w);
    assert_non_null(strstr(w.log, "rejected:SELV_ERR_SUIT_SEQUENCE"));
    check_confirmed(&two);
    world_close(&w);
}

/* A release with the bytes that run already, under another number. */
static void test_consumer_mcuboot_takes_the_same_bytes(void **state)
{
    static struct world_release again;

    (void)state;
    for (int of = MODEL_SWAP; of <= MODEL_OVERWRITE; of++) {
        open_world("512x8-ff", (enum mcuboot_model_kind)of, 0);
        world_release_make(&again, 17, 500, 500);
        assert_int_equal(again.fill[1], 17);
        w.release = &again;
        world_settle(&w);
        check_confirmed(&again);
        world_release_make(&again, 33, 500, 500);
        assert_int_equal(again.fill[1], 17);
        w.release = &again;
        world_next_cycle(&w);
        check_confirmed(&again);
        world_close(&w);
    }
}

/* The same, where MCUboot does not follow: what runs is not what was asked
 * for, though it looks alike. */
static void test_consumer_mcuboot_the_same_bytes_passed_over(void **state)
{
    static struct world_release again;

    (void)state;
    open_world("512x8-ff", MODEL_SWAP, 0);
    world_release_make(&again, 17, 500, 500);
    w.release = &again;
    world_settle(&w);
    check_confirmed(&again);
    world_release_make(&again, 33, 500, 500);
    w.release = &again;
    model.align = 16;
    world_next_cycle(&w);
    assert_int_equal(w.record.refused_reason, SELV_ERR_UPDATE_BOOTLOADER);
    assert_int_equal(w.record.sequence, 17);
    world_close(&w);
}

/* Swap-using-offset leaves a trailer with copy_done in the secondary slot on
 * its way back: that asks for nothing. */
static void test_consumer_mcuboot_old_copy_done_is_no_request(void **state)
{
    bool is_reset_due;

    (void)state;
    open_world("512x8-ff", MODEL_SWAP, 0);
    w.release = &two;
    assert_int_equal(world_run(&w, 100000), WORLD_REBOOT);
    assert_int_equal(mcuboot_model_boot(&model), 0);
    selv_vflash_poke(&w.v, model.slot_end[1] - 32u,
                     mcuboot_model_tail(&model, 0, 32), 32);
    selv_vflash_blank(&w.v, model.slot_end[1] - 24u, 8);
    assert_int_equal(selv_mcuboot_start(&mcuboot, SELV_RESET_POWER_ON,
                                        &w.record, &is_reset_due),
                     SELV_OK);
    assert_false(is_reset_due);
    assert_int_equal(w.record.is_trial, 1);
    world_close(&w);
}

/* A request that somebody else left must not name half an image. */
static void test_consumer_mcuboot_takes_back_what_stands(void **state)
{
    (void)state;
    open_world("512x8-ff", MODEL_SWAP, 0);
    mcuboot_model_confirm(&model, 1);
    w.release = &two;
    while (w.image_count < 3) {
        assert_int_equal(world_run(&w, 1), WORLD_TIRED);
    }
    assert_true(world_boot(&w));
    assert_int_equal(model.swap_count, 0);
    world_settle(&w);
    check_confirmed(&two);
    world_close(&w);
}

/* An image too long would reach into the trailer. */
static void test_consumer_mcuboot_keeps_trailers_free(void **state)
{
    static struct world_release long_one;

    (void)state;
    open_world("512x8-ff", MODEL_SWAP, 0);
    world_release_make(&long_one, 2, 1, w.layout.slot[1].image_len + 1u);
    w.release = &long_one;
    world_settle(&w);
    assert_non_null(strstr(w.log, "rejected:SELV_ERR_STORE_FULL"));
    world_close(&w);
}

/* ---- what the port said is not so -----------------------------------------
 */

/* MCUboot was built for another alignment than the port says: nothing happens
 * at the reset, and in the end the request is taken back. */
static void test_consumer_mcuboot_of_another_alignment(void **state)
{
    (void)state;
    open_world("512x8-ff", MODEL_SWAP, 0);
    model.align = 16;
    w.release = &two;
    world_settle(&w);
    assert_int_equal(w.record.refused_reason, SELV_ERR_UPDATE_BOOTLOADER);
    assert_int_equal(w.record.sequence, 1);
    assert_int_equal(model.swap_count, 0);
    world_close(&w);
}

/* The new image runs, but its trailer is not one: neither confirmed nor
 * taken for confirmed. */
static void test_consumer_mcuboot_wrong_trailer(void **state)
{
    static const uint8_t zeros[16];
    bool is_reset_due;

    (void)state;
    open_world("512x8-ff", MODEL_SWAP, 0);
    w.release = &two;
    assert_int_equal(world_run(&w, 100000), WORLD_REBOOT);
    assert_int_equal(mcuboot_model_boot(&model), 0);
    selv_vflash_poke(&w.v, model.slot_end[0] - 16, zeros, 16);
    assert_int_equal(selv_mcuboot_start(&mcuboot, SELV_RESET_POWER_ON,
                                        &w.record, &is_reset_due),
                     SELV_ERR_STORE_LAYOUT);
    assert_int_equal(selv_installer_mcuboot.confirm(&mcuboot),
                     SELV_ERR_STORE_LAYOUT);
    world_close(&w);
}

static void test_consumer_mcuboot_check_finds_lies(void **state)
{
    struct selv_mcuboot m;
    struct selv_layout layout;

    (void)state;
    open_world("512x8-ff", MODEL_SWAP, 0);
#define LIE(change)                                                            \
    m = mcuboot;                                                               \
    layout = w.layout;                                                         \
    m.layout = &layout;                                                        \
    change;                                                                    \
    assert_int_equal(selv_mcuboot_check(&m), SELV_ERR_STORE_LAYOUT)
    assert_int_equal(selv_mcuboot_check(&mcuboot), SELV_OK);
    LIE(m.max_align = 4);
    LIE(m.max_align = 24);
    LIE(m.max_align = 64);
    LIE(m.sectors_max = 0);
    LIE(m.sectors_max = 400);
    LIE(m.mode = 3);
    LIE(m.running_slot = SELV_SLOT_B);
    LIE(m.slot_end[0] = 0);
    LIE(m.slot_end[1] += 512);
    LIE(m.slot_end[0] += 512); /* into envelope B */
    LIE(m.slot_end[1] -= 8);
    LIE(layout.slot[1].image_len += 512); /* over the trailer */
    LIE(layout.slot[0].image_len -= 8);
    LIE(layout.journal_off[0] = m.slot_end[1] - 512); /* in the trailer */
    m = mcuboot;
    m.mode = SELV_MCUBOOT_DIRECT_XIP;
    m.running_slot = SELV_SLOT_B;
    assert_int_equal(selv_mcuboot_check(&m), SELV_OK);
    LIE(m.mode = SELV_MCUBOOT_DIRECT_XIP; m.running_slot = 2);
    world_close(&w);
    open_world("512x32-ff", MODEL_SWAP, 0);
    LIE(m.max_align = 16); /* below the flash's unit */
    world_close(&w);
}

/* What we remember is lost: no update, and no lower number either. */
static void test_consumer_mcuboot_memory_lost(void **state)
{
    static const uint8_t zeros[8];
    bool is_reset_due;

    (void)state;
    open_world("512x8-ff", MODEL_SWAP, 0);
    w.release = &two;
    world_settle(&w);
    for (unsigned i = 0; i < 2; i++) {
        /* One is mended at start; then both. */
        for (uint32_t at = 0; at < 512; at += 8) {
            selv_vflash_poke(&w.v, w.layout.journal_off[0] + at, zeros, 8);
            if (i == 1) {
                selv_vflash_poke(&w.v, w.layout.journal_off[1] + at, zeros, 8);
            }
        }
        assert_int_equal(selv_mcuboot_start(&mcuboot, SELV_RESET_POWER_ON,
                                            &w.record, &is_reset_due),
                         i == 0 ? SELV_OK : SELV_ERR_STORE_DAMAGED);
    }
    world_close(&w);
}

/* A record that stands in one sector may be torn, and read otherwise at the
 * next boot: nothing is decided on it before it stands in both (J9). */
static void test_consumer_mcuboot_writes_a_lone_record_again(void **state)
{
    struct selv_foreign s;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        open_world("512x8-ff", MODEL_SWAP, 0);
        w.release = &two;
        assert_int_equal(world_run(&w, 100000), WORLD_REBOOT);
        selv_vflash_blank(&w.v, w.layout.journal_off[i], 512);
        assert_int_equal(selv_foreign_read(&w.v.flash, &w.layout, &s), SELV_OK);
        assert_true(s.is_alone);
        assert_true(world_boot(&w));
        assert_int_equal(selv_foreign_read(&w.v.flash, &w.layout, &s), SELV_OK);
        assert_false(s.is_alone);
        assert_int_equal(s.phase, SELV_FOREIGN_TRIAL);
        /* Once more, where nothing else is written. */
        selv_vflash_blank(&w.v, w.layout.journal_off[i], 512);
        model.kind = MODEL_OVERWRITE; /* which does not swap back */
        assert_true(world_boot(&w));
        assert_int_equal(selv_foreign_read(&w.v.flash, &w.layout, &s), SELV_OK);
        assert_false(s.is_alone);
        world_close(&w);
    }
}

/* ---- cuts of power --------------------------------------------------------
 */

enum { OPS_MAX = 512 };

struct ops {
    uint32_t count;
    uint32_t ways[OPS_MAX];
};

static void note_op(void *arg, uint32_t op, uint32_t ways)
{
    struct ops *ops = arg;

    assert_true(op < OPS_MAX);
    ops->ways[op] = ways;
    ops->count = op + 1;
}

/* One update, whole, in one power-on time of the flash, or what of it there
 * is until the power goes. Sets how many operations came before the trial. */
static void update_until_dark(uint32_t *before_trial)
{
    unsigned boots = 0;

    *before_trial = UINT32_MAX;
    while (boots++ < 3 && world_boot(&w)) {
        enum world_stop stop = WORLD_TIRED;
        while (stop == WORLD_TIRED && !w.v.is_off) {
            stop = world_run(&w, 1);
        }
        if (stop == WORLD_REBOOT) {
            *before_trial = w.v.op_count;
        }
        if (w.v.is_off || stop == WORLD_RESTED) {
            return;
        }
    }
}

/* After a cut: confirmed, perhaps at the second try; or, if the power went
 * during the trial, which MCUboot ends at any reset, reverted. */
static void check_after_cut(uint32_t op, uint32_t way, bool may_revert,
                            unsigned *reverts)
{
    selv_vflash_power_on(&w.v);
    w.cause = SELV_RESET_POWER_ON;
    world_forget(&w);
    if (!world_boot(&w)) {
        fail_msg("cut %u/%u: nothing boots", op, way);
    }
    world_settle(&w);
    if (w.record.sequence == 1 && !w.record.refused_reason) {
        world_next_cycle(&w);
    }
    if (w.record.refused_reason) {
        if (!may_revert || !w.record.refused_was_trial ||
            w.record.sequence != 1 || !strstr(w.log, "<reverted")) {
            fail_msg("cut %u/%u: refused %u: %s", op, way,
                     w.record.refused_reason, w.log);
        }
        ++*reverts;
        w.release = &three;
        world_next_cycle(&w);
        check_confirmed(&three);
    } else if (w.record.sequence != 2) {
        fail_msg("cut %u/%u: %s", op, way, w.log);
    } else {
        check_confirmed(&two);
    }
    if (w.v.violation_count != 0) {
        fail_msg("cut %u/%u: %s", op, way, w.v.violation);
    }
}

static void cut_everywhere(const char *geometry, enum mcuboot_model_kind of)
{
    static struct ops ops;
    uint32_t before_trial, unused;
    unsigned cuts = 0, reverts = 0;

    open_world(geometry, of, 0);
    w.release = &two;
    /* What an older request left: it is erased first, and that is cut, too. */
    selv_vflash_poke(&w.v, model.slot_end[1] - 16u, "of an older update", 16);
    world_save(&w);
    world_restore(&w);
    w.v.on_op = note_op;
    w.v.on_op_arg = &ops;
    update_until_dark(&before_trial);
    check_confirmed(&two);
    assert_true(ops.count > 10);
    w.v.on_op = NULL;
    for (uint32_t op = 0; op < ops.count; op++) {
        uint32_t step = ops.ways[op] > 40 ? 13 : 1;
        for (uint32_t way = 0; way < ops.ways[op]; way += step) {
            world_restore(&w);
            w.release = &two;
            w.v.cut_op = op;
            w.v.cut_way = way;
            w.v.seed = op * 1000u + way;
            update_until_dark(&unused);
            check_after_cut(op, way, op >= before_trial, &reverts);
            cuts++;
        }
    }
    print_message("%s: %u cuts of %u operations, %u reverted\n", geometry, cuts,
                  ops.count, reverts);
    if (of == MODEL_OVERWRITE) {
        assert_int_equal(reverts, 0);
    } else {
        assert_true(reverts > 0);
    }
    world_close(&w);
}

static void test_consumer_mcuboot_power_loss_swap(void **state)
{
    (void)state;
    cut_everywhere("512x8-ff", MODEL_SWAP);
    cut_everywhere("1024x32-00", MODEL_SWAP);
    cut_everywhere("320x1-ff", MODEL_SWAP);
}

static void test_consumer_mcuboot_power_loss_overwrite(void **state)
{
    (void)state;
    cut_everywhere("512x8-ff", MODEL_OVERWRITE);
    cut_everywhere("mixed16-00", MODEL_OVERWRITE);
}

static void test_consumer_mcuboot_power_loss_xip(void **state)
{
    (void)state;
    cut_everywhere("512x16-ff", MODEL_XIP);
    cut_everywhere("mixed4-ff", MODEL_XIP);
}

/* ---- what is remembered ---------------------------------------------------
 */

static void test_consumer_foreign_judges(void **state)
{
    static const struct {
        uint8_t phase, tries;
        enum selv_foreign_seen seen;
        enum selv_foreign_todo todo;
        uint8_t phase_then;
        uint16_t refused;
        bool was_trial;
        uint64_t accepted, floor;
    } rows[] = {
        {SELV_FOREIGN_NONE, 0, SELV_FOREIGN_NEW_KEPT, SELV_FOREIGN_GO_ON,
         SELV_FOREIGN_NONE, 0, false, 5, 5},
        {SELV_FOREIGN_WANTED, 0, SELV_FOREIGN_OLD_ASKED, SELV_FOREIGN_REPEAT,
         SELV_FOREIGN_WANTED, 0, false, 5, 5},
        {SELV_FOREIGN_WANTED, 0, SELV_FOREIGN_OLD_BACK, SELV_FOREIGN_REPEAT,
         SELV_FOREIGN_WANTED, 0, false, 5, 5},
        {SELV_FOREIGN_WANTED, 2, SELV_FOREIGN_OLD_ASKED, SELV_FOREIGN_GIVE_UP,
         SELV_FOREIGN_GIVEN_UP, 0, false, 5, 5},
        {SELV_FOREIGN_WANTED, 0, SELV_FOREIGN_OLD_ALONE, SELV_FOREIGN_WRITE,
         SELV_FOREIGN_NONE, 0, false, 5, 5},
        {SELV_FOREIGN_WANTED, 0, SELV_FOREIGN_NEW_TRIAL, SELV_FOREIGN_WRITE,
         SELV_FOREIGN_TRIAL, 0, false, 7, 5},
        {SELV_FOREIGN_WANTED, 0, SELV_FOREIGN_NEW_KEPT, SELV_FOREIGN_WRITE,
         SELV_FOREIGN_NONE, 0, false, 7, 7},
        {SELV_FOREIGN_ASKED, 0, SELV_FOREIGN_OLD_ASKED, SELV_FOREIGN_REPEAT,
         SELV_FOREIGN_ASKED, 0, false, 5, 5},
        {SELV_FOREIGN_ASKED, 0, SELV_FOREIGN_OLD_BACK, SELV_FOREIGN_WITHDRAW,
         SELV_FOREIGN_NONE, SELV_ERR_BOOT_ATTEMPTS, true, 7, 5},
        {SELV_FOREIGN_ASKED, 0, SELV_FOREIGN_OLD_ALONE, SELV_FOREIGN_WITHDRAW,
         SELV_FOREIGN_NONE, SELV_ERR_UPDATE_BOOTLOADER, false, 5, 5},
        {SELV_FOREIGN_ASKED, 1, SELV_FOREIGN_NEW_TRIAL, SELV_FOREIGN_WRITE,
         SELV_FOREIGN_TRIAL, 0, false, 7, 5},
        {SELV_FOREIGN_TRIAL, 0, SELV_FOREIGN_NEW_TRIAL, SELV_FOREIGN_GO_ON,
         SELV_FOREIGN_TRIAL, 0, false, 5, 5},
        {SELV_FOREIGN_TRIAL, 0, SELV_FOREIGN_NEW_KEPT, SELV_FOREIGN_WRITE,
         SELV_FOREIGN_NONE, 0, false, 7, 7},
        {SELV_FOREIGN_TRIAL, 0, SELV_FOREIGN_OLD_ASKED, SELV_FOREIGN_WITHDRAW,
         SELV_FOREIGN_NONE, SELV_ERR_BOOT_ATTEMPTS, true, 7, 5},
        {SELV_FOREIGN_TRIAL, 0, SELV_FOREIGN_OLD_ALONE, SELV_FOREIGN_WITHDRAW,
         SELV_FOREIGN_NONE, SELV_ERR_BOOT_ATTEMPTS, true, 7, 5},
        {SELV_FOREIGN_GIVEN_UP, 2, SELV_FOREIGN_OLD_BACK, SELV_FOREIGN_WITHDRAW,
         SELV_FOREIGN_NONE, SELV_ERR_UPDATE_BOOTLOADER, false, 5, 5},
        {SELV_FOREIGN_GIVEN_UP, 2, SELV_FOREIGN_NEW_TRIAL, SELV_FOREIGN_WRITE,
         SELV_FOREIGN_TRIAL, 0, false, 7, 5},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct selv_foreign s = {.phase = rows[i].phase,
                                 .tries = rows[i].tries,
                                 .trial_sequence = 7,
                                 .accepted = 5,
                                 .floor = 5,
                                 .trial_digest = {0x77}};
        enum selv_foreign_todo todo =
            selv_foreign_judge(&s, rows[i].seen, SELV_RESET_POWER_ON);
        if (todo != rows[i].todo || s.phase != rows[i].phase_then ||
            s.refused_reason != rows[i].refused ||
            s.refused_was_trial != rows[i].was_trial ||
            (s.refused_digest[0] == 0x77) != (rows[i].refused != 0) ||
            s.accepted != rows[i].accepted || s.floor != rows[i].floor) {
            fail_msg("row %u: todo %d, phase %u, refused %u, accepted %u",
                     (unsigned)i, (int)todo, s.phase, s.refused_reason,
                     (unsigned)s.accepted);
        }
    }
}

static void test_consumer_foreign_numbers_never_fall(void **state)
{
    struct selv_foreign s, read;

    (void)state;
    open_world("512x8-ff", MODEL_SWAP, 0);
    memset(&s, 0, sizeof s);
    s.accepted = 9;
    s.floor = 4;
    assert_int_equal(selv_foreign_write(&w.v.flash, &w.layout, &s), SELV_OK);
    s.floor = 3;
    assert_int_equal(selv_foreign_write(&w.v.flash, &w.layout, &s),
                     SELV_ERR_ARG);
    s.floor = 4;
    s.accepted = 8;
    assert_int_equal(selv_foreign_write(&w.v.flash, &w.layout, &s),
                     SELV_ERR_ARG);
    s.accepted = 9;
    s.floor = 10;
    assert_int_equal(selv_foreign_write(&w.v.flash, &w.layout, &s),
                     SELV_ERR_ARG);
    assert_int_equal(selv_foreign_read(&w.v.flash, &w.layout, &read), SELV_OK);
    assert_int_equal(read.accepted, 9);
    assert_int_equal(read.floor, 4);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_mcuboot_updates),
        cmocka_unit_test(test_consumer_mcuboot_reverts_a_bad_selftest),
        cmocka_unit_test(test_consumer_mcuboot_reverts_a_crash),
        cmocka_unit_test(test_consumer_mcuboot_reverts_what_was_never_seen),
        cmocka_unit_test(test_consumer_mcuboot_does_not_take_it),
        cmocka_unit_test(test_consumer_mcuboot_passes_it_over),
        cmocka_unit_test(test_consumer_mcuboot_refuses_an_equal_number),
        cmocka_unit_test(test_consumer_mcuboot_takes_the_same_bytes),
        cmocka_unit_test(test_consumer_mcuboot_the_same_bytes_passed_over),
        cmocka_unit_test(test_consumer_mcuboot_old_copy_done_is_no_request),
        cmocka_unit_test(test_consumer_mcuboot_takes_back_what_stands),
        cmocka_unit_test(test_consumer_mcuboot_keeps_trailers_free),
        cmocka_unit_test(test_consumer_mcuboot_of_another_alignment),
        cmocka_unit_test(test_consumer_mcuboot_wrong_trailer),
        cmocka_unit_test(test_consumer_mcuboot_check_finds_lies),
        cmocka_unit_test(test_consumer_mcuboot_memory_lost),
        cmocka_unit_test(test_consumer_mcuboot_writes_a_lone_record_again),
        cmocka_unit_test(test_consumer_mcuboot_power_loss_swap),
        cmocka_unit_test(test_consumer_mcuboot_power_loss_overwrite),
        cmocka_unit_test(test_consumer_mcuboot_power_loss_xip),
        cmocka_unit_test(test_consumer_foreign_judges),
        cmocka_unit_test(test_consumer_foreign_numbers_never_fall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
