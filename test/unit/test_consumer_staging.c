/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices whose bootloader installs: the consumer stages, as the boot record
 * says, and refuses before it fetches what the bootloader would refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/slot.h"
#include "test/unit/consumer_world.h"

enum { COPY = 22, SWAP = 31 };

static struct world w;
static struct world_release two, three;

static void test_consumer_stages_for_a_swap(void **state)
{
    (void)state;
    for (size_t i = 0; i < selv_geometry_count; i++) {
        if (!selv_geometry_has_in_place(&selv_geometries[i])) {
            continue;
        }
        uint32_t room = selv_geometry_image_max(&selv_geometries[i]);
        world_open_with(&w, selv_geometries[i].name, &selv_strategy_swap);
        world_release_stage(&two, 2, room, SWAP);
        world_release_stage(&three, 3, 1, COPY);
        w.release = &two;
        world_settle(&w);
        assert_string_equal(
            w.log, "notified authorized downloading <downloading verified "
                   "waiting <waiting reboot trial confirmed <confirmed ");
        assert_int_equal(w.record.slot, SELV_SLOT_A);
        assert_int_equal(w.record.sequence, 2);
        assert_int_equal(w.record.is_trial, 1);
        w.release = &three;
        world_next_cycle(&w);
        assert_int_equal(w.record.slot, SELV_SLOT_A);
        assert_int_equal(w.record.sequence, 3);
        world_close(&w);
    }
}

static void test_consumer_reports_a_revert_of_a_swap(void **state)
{
    (void)state;
    world_open_with(&w, "512x8-ff", &selv_strategy_swap);
    world_release_stage(&two, 2, 900, SWAP);
    w.release = &two;
    w.is_selftest_good = false;
    world_settle(&w);
    assert_non_null(strstr(w.log, "<reverted"));
    assert_int_equal(w.record.sequence, 1);
    assert_int_equal(w.record.refused_reason, SELV_ERR_BOOT_WATCHDOG);
    world_close(&w);
}

/* Without a trial the next boot is the confirmation, told once. */
static void test_consumer_stages_for_an_overwrite(void **state)
{
    (void)state;
    world_open_with(&w, "512x8-ff", &selv_strategy_overwrite);
    world_release_stage(&two, 2, 900, COPY);
    w.release = &two;
    world_settle(&w);
    assert_string_equal(
        w.log, "notified authorized downloading <downloading verified waiting "
               "<waiting reboot confirmed <confirmed idle ");
    assert_int_equal(w.record.sequence, 2);
    assert_int_equal(w.record.is_trial, 0);
    world_forget(&w);
    assert_true(world_boot(&w));
    world_settle(&w);
    assert_null(strstr(w.log, "confirmed"));
    world_close(&w);
}

#define HEAD                                                                   \
    "{1: 1, 2: %n, 3: <<{2: [[h'00'], [h'00', h'73']], 4: <<[12, [0, 1], 20, " \
    "{1: " MAKER_VENDOR ", 2: " MAKER_CLASS                                    \
    ", 3: <<[-16, h'%A']>>, 14: %a}, 1, 15, 2, 15]>>}>>, 7: <<[12, 0, 3, "     \
    "15]>>, 9: <<[12, 0, 23, 2]>>, "
#define FETCH "16: <<[12, 1, 20, {21: \"/i/%A\"}, 21, 2, 3, 15]>>, "

static void test_consumer_refuses_before_staging(void **state)
{
    static const struct {
        const char *what, *text;
        enum selv_err swap, overwrite; /* SELV_OK: it is installed */
    } rows[] = {
        {"copy", HEAD FETCH "20: <<[12, 0, 20, {22: 1}, 22, 2, 3, 15]>>}",
         SELV_OK, SELV_OK},
        {"swap", HEAD FETCH "20: <<[12, 0, 20, {22: 1}, 31, 2, 3, 15]>>}",
         SELV_OK, SELV_ERR_SUIT_BOOTLOADER},
        {"nothing moved", HEAD FETCH "20: <<[12, 1, 3, 15]>>}",
         SELV_ERR_SUIT_IMAGE, SELV_ERR_SUIT_IMAGE},
        {"moved away", HEAD FETCH "20: <<[12, 1, 20, {22: 0}, 22, 2]>>}",
         SELV_ERR_SUIT_OPERATION, SELV_ERR_SUIT_OPERATION},
        {"moved twice",
         HEAD FETCH "20: <<[12, 0, 20, {22: 1}, 22, 2, 22, 2]>>}",
         SELV_ERR_SUIT_OPERATION, SELV_ERR_SUIT_OPERATION},
        {"fetched into the application",
         HEAD "16: <<[12, 0, 20, {21: \"/i/%A\"}, 21, 2, 3, 15]>>, 20: <<[12, "
              "0, 20, {22: 1}, 22, 2]>>}",
         SELV_ERR_SUIT_OPERATION, SELV_ERR_SUIT_OPERATION},
        {"fetched by the install",
         HEAD "20: <<[12, 0, 20, {21: \"/i/%A\"}, 21, 2, 3, 15]>>}",
         SELV_ERR_SUIT_BOOTLOADER, SELV_ERR_SUIT_BOOTLOADER},
        {"not looked at",
         HEAD "16: <<[12, 1, 20, {21: \"/i/%A\"}, 21, 2]>>, 20: <<[12, 0, 20, "
              "{22: 1}, 22, 2]>>}",
         SELV_ERR_SUIT_MISSING, SELV_ERR_SUIT_MISSING},
        {"the staging area started",
         "{1: 1, 2: %n, 3: <<{2: [[h'00'], [h'00', h'73']], 4: <<[12, [0, 1], "
         "20, {1: " MAKER_VENDOR ", 2: " MAKER_CLASS
         ", 3: <<[-16, h'%A']>>, 14: %a}, 1, 15, 2, 15]>>}>>, 7: <<[12, 1, 3, "
         "15]>>, 9: <<[12, 1, 23, 2]>>, " FETCH
         "20: <<[12, 0, 20, {22: 1}, 22, 2]>>}",
         SELV_ERR_SUIT_IMAGE, SELV_ERR_SUIT_IMAGE},
        {"loaded at boot",
         "{1: 1, 2: %n, 3: <<{2: [[h'00'], [h'00', h'73']], 4: <<[12, [0, 1], "
         "20, {1: " MAKER_VENDOR ", 2: " MAKER_CLASS
         ", 3: <<[-16, h'%A']>>, 14: %a}, 1, 15, 2, 15]>>}>>, 7: <<[12, 0, 3, "
         "15]>>, 8: <<[12, 0, 20, {22: 1}, 22, 2]>>, 9: <<[12, 0, 23, "
         "2]>>, " FETCH "20: <<[12, 0, 20, {22: 1}, 22, 2]>>}",
         SELV_ERR_SUIT_OPERATION, SELV_ERR_SUIT_OPERATION},
    };
    static const struct selv_strategy *const strategies[] = {
        &selv_strategy_swap, &selv_strategy_overwrite};

    (void)state;
    for (int s = 0; s < 2; s++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            char wanted[80];
            enum selv_err err = s == 0 ? rows[i].swap : rows[i].overwrite;

            world_open_with(&w, "512x8-ff", strategies[s]);
            world_release_custom(&two, 2, 900, 900, rows[i].text);
            w.release = &two;
            uint32_t op_count = w.v.erase_count + w.v.write_count;
            world_settle(&w);
            snprintf(wanted, sizeof wanted, "rejected:%s", selv_err_name(err));
            bool is_refused = strstr(w.log, wanted) && w.image_count == 0 &&
                              w.v.erase_count + w.v.write_count == op_count;
            if (err == SELV_OK ? w.record.sequence != 2 : !is_refused) {
                fail_msg("%s %d: %s", rows[i].what, s, w.log);
            }
            world_close(&w);
        }
    }
}

/* ---- loading into RAM ------------------------------------------------------
 */

static void test_consumer_updates_what_is_loaded(void **state)
{
    (void)state;
    for (size_t i = 0; i < selv_geometry_count; i++) {
        uint32_t room = selv_geometry_image_max(&selv_geometries[i]);
        world_open_with(&w, selv_geometries[i].name, &selv_strategy_ram);
        world_release_load(&two, 2, room);
        world_release_load(&three, 3, 1);
        w.release = &two;
        world_settle(&w);
        assert_string_equal(
            w.log, "notified authorized downloading <downloading verified "
                   "waiting <waiting reboot trial confirmed <confirmed ");
        assert_int_equal(w.record.slot, SELV_SLOT_B);
        assert_int_equal(w.record.sequence, 2);
        w.release = &three;
        w.is_selftest_good = false;
        world_next_cycle(&w);
        assert_non_null(strstr(w.log, "<reverted"));
        assert_int_equal(w.record.slot, SELV_SLOT_B);
        assert_int_equal(w.record.sequence, 2);
        world_close(&w);
    }
}

#define LOAD_HEAD                                                              \
    "{1: 1, 2: %n, 3: <<{2: [[h'00'], [h'00', h'72']], 4: <<[12, [0, 1], 20, " \
    "{1: " MAKER_VENDOR ", 2: " MAKER_CLASS                                    \
    ", 3: <<[-16, h'%A']>>, 14: %a}, 1, 15, 2, 15]>>}>>, 7: <<[12, 0, 3, "     \
    "15]>>, "
#define LOAD_FETCH ", 16: <<[12, 0, 20, {21: \"/i/%A\"}, 21, 2, 3, 15]>>}"
#define LOAD_INVOKE "9: <<[12, 1, 23, 2]>>"

static void test_consumer_refuses_what_cannot_be_loaded(void **state)
{
    static const struct {
        const char *what, *text;
        enum selv_err err; /* SELV_OK: it is installed */
    } rows[] = {
        {"as it should be",
         LOAD_HEAD
         "8: <<[12, 1, 20, {22: 0}, 22, 2, 3, 15]>>, " LOAD_INVOKE LOAD_FETCH,
         SELV_OK},
        {"twice",
         LOAD_HEAD
         "8: <<[12, 1, 20, {22: 0}, 22, 2, 22, 2, 3, 15]>>, " LOAD_INVOKE
             LOAD_FETCH,
         SELV_OK},
        {"not looked at",
         LOAD_HEAD
         "8: <<[12, 1, 20, {22: 0}, 22, 2]>>, " LOAD_INVOKE LOAD_FETCH,
         SELV_ERR_SUIT_IMAGE},
        {"looked at before",
         LOAD_HEAD
         "8: <<[12, 1, 20, {22: 0}, 3, 15, 22, 2]>>, " LOAD_INVOKE LOAD_FETCH,
         SELV_ERR_SUIT_IMAGE},
        {"not loaded", LOAD_HEAD LOAD_INVOKE LOAD_FETCH, SELV_ERR_SUIT_IMAGE},
        {"started where it lies",
         LOAD_HEAD "8: <<[12, 1, 20, {22: 0}, 22, 2, 3, 15]>>, 9: <<[12, 0, "
                   "23, 2]>>" LOAD_FETCH,
         SELV_ERR_SUIT_IMAGE},
        {"stored from RAM",
         LOAD_HEAD
         "8: <<[12, 0, 20, {22: 1}, 22, 2]>>, " LOAD_INVOKE LOAD_FETCH,
         SELV_ERR_SUIT_OPERATION},
        {"less than its size",
         LOAD_HEAD "8: <<[12, 1, 20, {14: 899, 22: 0}, 22, 2, 20, {14: 900}, "
                   "3, 15]>>, " LOAD_INVOKE LOAD_FETCH,
         SELV_ERR_SUIT_IMAGE},
        {"more than fits",
         LOAD_HEAD "8: <<[12, 1, 20, {14: 99999, 22: 0}, 22, 2, 20, {14: 900}, "
                   "3, 15]>>, " LOAD_INVOKE LOAD_FETCH,
         SELV_ERR_STORE_FULL},
        {"swapped",
         LOAD_HEAD
         "8: <<[12, 1, 20, {22: 0}, 31, 2, 3, 15]>>, " LOAD_INVOKE LOAD_FETCH,
         SELV_ERR_SUIT_BOOTLOADER},
        {"fetched into RAM",
         LOAD_HEAD "8: <<[12, 1, 20, {22: 0}, 22, 2, 3, 15]>>, " LOAD_INVOKE
                   ", 16: <<[12, 1, 20, {21: \"/i/%A\"}, 21, 2, 3, 15]>>}",
         SELV_ERR_SUIT_OPERATION},
        {"copied by the install",
         LOAD_HEAD "8: <<[12, 1, 20, {22: 0}, 22, 2, 3, 15]>>, " LOAD_INVOKE
                   ", 16: <<[12, 0, 20, {21: \"/i/%A\"}, 21, 2, 3, 15]>>, 20: "
                   "<<[12, 1, 20, {22: 0}, 22, 2]>>}",
         SELV_ERR_SUIT_OPERATION},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char wanted[80];
        world_open_with(&w, "512x8-ff", &selv_strategy_ram);
        world_release_custom(&two, 2, 900, 900, rows[i].text);
        w.release = &two;
        uint32_t op_count = w.v.erase_count + w.v.write_count;
        world_settle(&w);
        snprintf(wanted, sizeof wanted, "rejected:%s",
                 selv_err_name(rows[i].err));
        bool is_refused = strstr(w.log, wanted) && w.image_count == 0 &&
                          w.v.erase_count + w.v.write_count == op_count;
        if (rows[i].err == SELV_OK ? w.record.sequence != 2 : !is_refused) {
            fail_msg("%s: %s", rows[i].what, w.log);
        }
        world_close(&w);
    }
}

/* Release 2 with payload-fetch, install and text beside the manifest. */
static void make_severed(struct world_release *r, int directive)
{
    static const uint8_t head[] = {0x82, 0x2f, 0x58, 0x20};
    char image[65], fetch[256], install[128], manifest[1536], pairs[512];
    struct maker_spec spec = {.manifest = manifest, .pairs = pairs};

    world_release_stage(r, 2, 900, directive);
    for (size_t i = 0; i < 32; i++) {
        snprintf(image + 2 * i, 3, "%02x", r->image_digest[0][i]);
    }
    snprintf(fetch, sizeof fetch,
             "<<[12, 1, 20, {21: \"/i/%s\"}, 21, 2, 3, 15]>>", image);
    snprintf(install, sizeof install, "<<[12, 0, 20, {22: 1}, %d, 2, 3, 15]>>",
             directive);
    snprintf(manifest, sizeof manifest,
             "{1: 1, 2: 2, 3: <<{2: [[h'00'], [h'00', h'73']], 4: <<[12, [0, "
             "1], 20, {1: " MAKER_VENDOR ", 2: " MAKER_CLASS
             ", 3: <<[-16, h'%s']>>, 14: 900}, 1, 15, 2, 15]>>}>>, 7: <<[12, "
             "0, 3, 15]>>, 9: <<[12, 0, 23, 2]>>, 16: digest(%s), 20: "
             "digest(%s), 23: digest(<<{\"en\": {1: \"it\"}}>>)}",
             image, fetch, install);
    snprintf(pairs, sizeof pairs,
             "{16: %s, 20: %s, 23: <<{\"en\": {1: \"it\"}}>>}", fetch, install);
    maker_envelope(&spec, &r->envelope);
    const uint8_t *p = r->envelope.p;
    while (memcmp(p, head, sizeof head) != 0) {
        p++;
    }
    memcpy(r->digest, p + sizeof head, 32);
}

static bool is_stored(uint8_t slot, const struct world_release *r)
{
    static uint8_t stored[MAKER_CAP];
    struct selv_buf out = {stored, sizeof stored, 0};
    struct selv_bytes v;
    return selv_slot_envelope(&w.v.flash, &w.layout.slot[slot], &out, &v) ==
               SELV_OK &&
           v.len == r->envelope.len && memcmp(v.p, r->envelope.p, v.len) == 0;
}

/* What can be severed is stored with the manifest, goes with it where that is
 * moved, and stays there: before, while and after the bootloader installs. */
static void test_consumer_keeps_what_is_severed(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        world_open_with(&w, "512x8-ff",
                        i == 0 ? &selv_strategy_swap
                               : &selv_strategy_overwrite);
        make_severed(&two, i == 0 ? SWAP : COPY);
        w.release = &two;
        assert_int_equal(world_run(&w, 100000), WORLD_REBOOT);
        assert_true(is_stored(SELV_SLOT_B, &two));
        world_settle(&w);
        assert_non_null(strstr(w.log, "<confirmed "));
        assert_true(world_boot(&w));
        assert_int_equal(w.record.sequence, 2);
        assert_int_equal(w.record.floor, 2);
        assert_true(is_stored(SELV_SLOT_A, &two));
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_stages_for_a_swap),
        cmocka_unit_test(test_consumer_reports_a_revert_of_a_swap),
        cmocka_unit_test(test_consumer_stages_for_an_overwrite),
        cmocka_unit_test(test_consumer_refuses_before_staging),
        cmocka_unit_test(test_consumer_updates_what_is_loaded),
        cmocka_unit_test(test_consumer_refuses_what_cannot_be_loaded),
        cmocka_unit_test(test_consumer_keeps_what_is_severed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
