/* SPDX-License-Identifier: Apache-2.0
 *
 * Strategy ram: authentic manifests whose load section asks for what must not
 * be done, more than the RAM takes above all. No validate section stands in
 * front of it: the storage alone would refuse most of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "test/unit/consumer_world.h"

enum { IMAGE_LEN = 600 };

/* Component 1 is RAM; %B is the digest of the image in slot B, %b its size. */
#define HEAD                                                                   \
    "{1: 1, 2: %n, 3: <<{2: [[h'00'], [h'00', h'72']], 4: <<[12, [0, 1], "     \
    "20, {1: " MAKER_VENDOR ", 2: " MAKER_CLASS                                \
    "}, 1, 15, 2, 15]>>}>>, 8: <<[12, 1, "
#define TAIL                                                                   \
    "]>>, 9: <<[12, 1, 23, 2]>>, 16: <<[12, 0, 20, {3: <<[-16, h'%B']>>, "     \
    "14: %b, 21: \"/i/%B\"}, 21, 2, 3, 15]>>}"
#define LOAD(parameters) "20, {3: <<[-16, h'%B']>>, " parameters "22: 0}, 22, 2"

static const struct {
    const char *name;
    const char *text;
    enum selv_err reason; /* SELV_OK: it runs */
} rows[] = {
    {"good", HEAD LOAD("14: %b, ") ", 3, 15" TAIL, SELV_OK},
    /* The slot, and so the RAM, has far fewer bytes. */
    {"more than the slot", HEAD LOAD("14: 65537, ") ", 3, 15" TAIL,
     SELV_ERR_STORE_FULL},
    {"as much as there is", HEAD LOAD("14: 4294967295, ") ", 3, 15" TAIL,
     SELV_ERR_STORE_FULL},
    {"no size", HEAD LOAD("") ", 3, 15" TAIL, SELV_ERR_SUIT_UNSET},
    {"nothing", HEAD LOAD("14: 0, ") ", 3, 15" TAIL, SELV_ERR_STORE_FULL},
    {"a look at more than was loaded",
     HEAD LOAD("14: 16, ") ", 20, {14: %b}, 3, 15" TAIL, SELV_ERR_STORE_FULL},
    {"the other way round",
     HEAD LOAD("14: %b, ") ", 12, 0, 20, {14: %b, 22: 1}, 22, 2" TAIL,
     SELV_ERR_SUIT_OPERATION},
    {"no look behind the last copy",
     HEAD LOAD("14: %b, ") ", 3, 15, 22, 2" TAIL, SELV_ERR_SUIT_IMAGE},
    {"no copy", HEAD "20, {3: <<[-16, h'%B']>>, 14: %b}, 3, 15" TAIL,
     SELV_ERR_STORE_FULL},
};

static void test_boot_ram_evil_loads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct world w;
        static struct world_release r;
        world_open_with(&w, "512x8-ff", &selv_strategy_ram);
        world_release_custom(&r, 2, IMAGE_LEN, IMAGE_LEN, rows[i].text);
        world_request(&w, &r, SELV_SLOT_B);
        w.cause = SELV_RESET_REQUESTED;
        assert_true(world_boot(&w));
        if (w.record.refused_reason != rows[i].reason ||
            (rows[i].reason == SELV_OK) != (w.record.slot == SELV_SLOT_B)) {
            fail_msg("%s: slot %u, %s", rows[i].name, w.record.slot,
                     selv_err_name((enum selv_err)w.record.refused_reason));
        }
        world_close(&w);
    }
}

/* B12: a look at the head of what was loaded says nothing of the rest, which
 * storage may answer as it likes. The consumer refuses before it fetches. */
static void test_boot_ram_looks_at_all(void **state)
{
    enum { PART_LEN = 16 };
    static struct world w;
    static struct world_release r;
    char text[2048], hex[65];
    uint8_t part[PART_LEN], digest[SELV_SHA256_LEN];
    struct selv_sha256 hash;
    (void)state;
    world_open_with(&w, "512x8-ff", &selv_strategy_ram);
    world_release_load(&r, 2, IMAGE_LEN);
    world_image_put(&w, &r, SELV_SLOT_B);
    assert_int_equal(w.v.flash.read(w.v.flash.port,
                                    w.layout.slot[SELV_SLOT_B].image_off, part,
                                    PART_LEN),
                     SELV_OK);
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, part, PART_LEN);
    selv_sha256_finish(&hash, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    world_close(&w);
    for (uint32_t size = PART_LEN; size <= IMAGE_LEN;
         size += IMAGE_LEN - PART_LEN) { /* what is loaded: that much */
        snprintf(text, sizeof text,
                 "%s20, {14: %u, 22: 0}, 22, 2, 20, {3: <<[-16, h'%s']>>, "
                 "14: 16}, 3, 15%s",
                 HEAD, (unsigned)size, hex, TAIL);
        world_release_custom(&r, 2, IMAGE_LEN, IMAGE_LEN, text);
        world_open_with(&w, "512x8-ff", &selv_strategy_ram);
        world_request(&w, &r, SELV_SLOT_B);
        w.cause = SELV_RESET_REQUESTED;
        assert_true(world_boot(&w));
        bool is_all = size == PART_LEN;
        assert_int_equal(w.record.slot, is_all ? SELV_SLOT_B : SELV_SLOT_A);
        assert_int_equal(w.record.refused_reason,
                         is_all ? SELV_OK : SELV_ERR_STORE_FULL);
        world_close(&w);
        world_open_with(&w, "512x8-ff", &selv_strategy_ram);
        w.release = &r;
        world_settle(&w);
        assert_int_equal(strstr(w.log, "downloading") != NULL, is_all);
        assert_int_equal(strstr(w.log, "rejected:SELV_ERR_SUIT_IMAGE") == NULL,
                         is_all);
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_ram_looks_at_all),
        cmocka_unit_test(test_boot_ram_evil_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
