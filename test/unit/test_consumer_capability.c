/* SPDX-License-Identifier: Apache-2.0
 *
 * What each strategy's bootloader says that it can do is what it does: every
 * command and every parameter, in each sequence of a boot, in a release that is
 * good but for it. Whatever the consumer fetches, the bootloader runs; whatever
 * the consumer refuses for the bootloader's sake, the bootloader does not run
 * when it is put there in spite of that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "boot/boot_int.h"
#include "test/unit/consumer_world.h"

enum { SHARED, INSTALL, VALIDATE, LOAD, INVOKE, PLACE_COUNT };

#define FACTS "20, {1: " MAKER_VENDOR ", 2: " MAKER_CLASS ", 3: <<[-16, h'%%"
#define STAGED                                                                 \
    "{1: 1, 2: %%n, 3: <<{2: [[h'00'], [h'00', h'73']], 4: <<[12, [0, "        \
    "1], " FACTS                                                               \
    "A']>>, 14: %%a}, 1, 15, 2, 15%s]>>}>>, 7: <<[12, 0, 3, 15%s]>>%s, "       \
    "9: <<[12, 0%s, 23, 2]>>, 16: <<[12, 1, 20, {21: \"/i/%%A\"}, 21, 2, 3, "  \
    "15]>>, 20: <<[12, 0, 20, {22: 1}, "

/* A good release for each; %s: more of shared, validate, load, invoke and
 * install. */
static const struct kind {
    const char *name;
    const struct selv_strategy *strategy;
    const char *text;
    bool has_load, has_install;
    uint8_t slot; /* that a release is put into */
} kinds[] = {
    {"ab", &selv_strategy_ab,
     "{1: 1, 2: %%n, 3: <<{2: [[h'00']], 4: <<[" FACTS
     "B']>>, 14: %%b}, 1, 15, 2, 15%s]>>}>>, 7: <<[3, 15%s]>>%s, 9: <<[3, "
     "15%s, 23, 2]>>, 20: <<[20, {21: \"/i/%%B\"}, 21, 2, 3, 15%s]>>}",
     false, false, SELV_SLOT_B},
    {"swap", &selv_strategy_swap, STAGED "31, 2, 3, 15%s]>>}", false, true,
     SELV_SLOT_B},
    {"overwrite", &selv_strategy_overwrite, STAGED "22, 2, 3, 15%s]>>}", false,
     true, SELV_SLOT_B},
    {"ram", &selv_strategy_ram,
     "{1: 1, 2: %%n, 3: <<{2: [[h'00'], [h'00', h'72']], 4: <<[12, [0, "
     "1], " FACTS
     "A']>>, 14: %%a}, 1, 15, 2, 15%s]>>}>>, 7: <<[12, 0, 3, 15%s]>>, 8: "
     "<<[12, 1, 20, {22: 0}, 22, 2, 3, 15%s]>>, 9: <<[12, 1%s, 23, 2]>>, "
     "20: <<[12, 0, 20, {21: \"/i/%%A\"}, 21, 2, 3, 15%s]>>}",
     true, false, SELV_SLOT_B},
    {"loader", &selv_strategy_loader,
     "{1: 1, 2: %%n, 3: <<{2: [[h'00']], 4: <<[" FACTS
     "A']>>, 14: %%a}, 1, 15, 2, 15%s]>>}>>, 7: <<[3, 15%s]>>%s, 9: <<[3, "
     "15%s, 23, 2]>>, 20: <<[20, {21: \"/i/%%A\"}, 21, 2, 3, 15%s]>>}",
     false, false, SELV_SLOT_A},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

static struct world w;
static struct world_release release;

static void make(const struct kind *k, int place, const char *commands)
{
    static char text[2048];
    char more[PLACE_COUNT][256] = {"", "", "", "", ""};
    if (place < PLACE_COUNT) {
        bool is_alone = place == LOAD && !k->has_load;
        snprintf(more[place], sizeof more[place],
                 is_alone ? ", 8: <<[%s]>>" : ", %s", commands);
    }
    assert_true((size_t)snprintf(text, sizeof text, k->text, more[SHARED],
                                 more[VALIDATE], more[LOAD], more[INVOKE],
                                 more[INSTALL]) < sizeof text);
    world_release_custom(&release, 2, 900, 900, text);
}

/* The consumer's verdict; SELV_OK: the release was fetched and runs. */
static enum selv_err ask_consumer(const struct kind *k)
{
    enum selv_err err = SELV_OK;
    world_open_with(&w, "512x8-ff", k->strategy);
    w.release = &release;
    world_settle(&w);
    const char *refused = strstr(w.log, "rejected:");
    if (refused != NULL) {
        assert_int_equal(w.image_count, 0);
        err = strstr(w.log, "rejected:SELV_ERR_SUIT_BOOTLOADER") != NULL
                  ? SELV_ERR_SUIT_BOOTLOADER
                  : SELV_ERR_STATE;
    } else if (w.record.sequence != 2 || w.record.refused_reason != SELV_OK) {
        fail_msg("%s fetched what its bootloader refuses with %s: %s", k->name,
                 selv_err_name((enum selv_err)w.record.refused_reason), w.log);
    }
    world_close(&w);
    return err;
}

static bool runs(const struct kind *k)
{
    world_open_with(&w, "512x8-ff", k->strategy);
    if (k->strategy != &selv_strategy_ab) { /* one image, wherever it lies */
        release.fill[1] = release.fill[0];
    }
    world_request(&w, &release, k->slot);
    assert_true(world_boot(&w));
    bool is_running = w.record.sequence == 2;
    world_close(&w);
    return is_running;
}

static unsigned good_count, refused_count;

static void agree(const struct kind *k, int place, const char *commands)
{
    make(k, place, commands);
    enum selv_err err = ask_consumer(k);
    good_count += err == SELV_OK;
    if (err == SELV_ERR_SUIT_BOOTLOADER) {
        refused_count++;
        if (runs(k)) {
            fail_msg("%s, place %d, %s: refused for the bootloader, which "
                     "runs it",
                     k->name, place, commands);
        }
    }
}

static const char *argument_of(int code)
{
    switch (code) {
    case SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX:
        return "0";
    case SELV_SUIT_DIRECTIVE_TRY_EACH:
        return "[<<[1, 15]>>, <<[2, 15]>>]";
    case SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS:
        return "{14: 900}";
    case SELV_SUIT_DIRECTIVE_RUN_SEQUENCE:
        return "<<[1, 15]>>";
    default:
        return "15";
    }
}

/* Such as leave a good release good. */
static const char *value_of(const struct kind *k, int parameter)
{
    switch (parameter) {
    case SELV_SUIT_PARAMETER_IMAGE_SIZE:
        return "900";
    case SELV_SUIT_PARAMETER_VENDOR_ID:
        return MAKER_VENDOR;
    case SELV_SUIT_PARAMETER_CLASS_ID:
    case SELV_SUIT_PARAMETER_DEVICE_ID:
        return MAKER_CLASS;
    case SELV_SUIT_PARAMETER_IMAGE_DIGEST:
        return k->strategy == &selv_strategy_ab ? "<<[-16, h'%B']>>"
                                                : "<<[-16, h'%A']>>";
    case SELV_SUIT_PARAMETER_STRICT_ORDER:
    case SELV_SUIT_PARAMETER_SOFT_FAILURE:
        return "true";
    case SELV_SUIT_PARAMETER_URI:
        return "\"/i\"";
    case SELV_SUIT_PARAMETER_CONTENT:
    case SELV_SUIT_PARAMETER_INVOKE_ARGS:
    case SELV_SUIT_PARAMETER_FETCH_ARGUMENTS:
        return "h'01'";
    default:
        return "0";
    }
}

static void test_consumer_knows_each_bootloader(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        make(&kinds[i], PLACE_COUNT, "");
        assert_int_equal(ask_consumer(&kinds[i]), SELV_OK);
        assert_true(runs(&kinds[i]));
    }
}

static void test_consumer_knows_their_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        good_count = refused_count = 0;
        for (int code = 1; code < 34; code++) {
            for (int place = 0; place < PLACE_COUNT; place++) {
                char commands[64];
                snprintf(commands, sizeof commands, "%d, %s", code,
                         argument_of(code));
                agree(&kinds[i], place, commands);
            }
        }
        print_message("%s: %u commands run, %u are refused for it\n",
                      kinds[i].name, good_count, refused_count);
        assert_in_range(good_count, 15, 100);
        assert_in_range(refused_count, 5, 100);
    }
}

static void test_consumer_knows_their_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        good_count = refused_count = 0;
        for (int n = 1; n < 26; n++) {
            for (int place = 0; place < PLACE_COUNT; place++) {
                char commands[192];
                /* In an alternative, where soft-failure may stand, and whose
                 * failure does no harm. */
                snprintf(commands, sizeof commands,
                         "15, [<<[20, {%d: %s}, 1, 15]>>, <<[2, 15]>>]", n,
                         value_of(&kinds[i], n));
                agree(&kinds[i], place, commands);
            }
        }
        print_message("%s: %u parameters are taken, %u are refused for it\n",
                      kinds[i].name, good_count, refused_count);
        assert_in_range(good_count, 10, 100);
        /* boot-install knows all of them. */
        bool is_select =
            kinds[i].strategy->profile == &selv_suit_profile_boot_select;
        assert_int_equal(refused_count > 10, is_select);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_knows_each_bootloader),
        cmocka_unit_test(test_consumer_knows_their_commands),
        cmocka_unit_test(test_consumer_knows_their_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
