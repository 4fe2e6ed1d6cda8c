/* SPDX-License-Identifier: Apache-2.0
 *
 * Published manifests: the draft's own example 0 from its text, and every
 * envelope of a folder of collected vectors, read in place. Each row of the
 * folder's index.json says what a processor of draft -37 must conclude, and
 * which features the manifest uses:
 *   ACCEPT, and only features that we have: accepted
 *   ACCEPT, but more features: refused by naming the one that we lack
 *   REJECT, or a policy that we decided against: refused
 * The folder is $SELVAGE_VECTORS/suit; without it those are skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <jansson.h>

#include "test/unit/suit_maker.h"

static struct selv_suit suit;

/* [manifest B.1], signed */
static const uint8_t example0[] = {
    0xd8, 0x6b, 0xa2, 0x02, 0x58, 0x73, 0x82, 0x58, 0x24, 0x82, 0x2f, 0x58,
    0x20, 0x66, 0x58, 0xea, 0x56, 0x02, 0x62, 0x69, 0x6d, 0xd1, 0xf1, 0x3b,
    0x78, 0x22, 0x39, 0xa0, 0x64, 0xda, 0x7c, 0x6c, 0x5c, 0xba, 0xf5, 0x2f,
    0xde, 0xd4, 0x28, 0xa6, 0xfc, 0x83, 0xc7, 0xe5, 0xaf, 0x58, 0x4a, 0xd2,
    0x84, 0x43, 0xa1, 0x01, 0x26, 0xa0, 0xf6, 0x58, 0x40, 0x40, 0x8d, 0x08,
    0x16, 0xf9, 0xb5, 0x10, 0x74, 0x9b, 0xf6, 0xa5, 0x1b, 0x06, 0x69, 0x51,
    0xe0, 0x8a, 0x44, 0x38, 0xf8, 0x49, 0xeb, 0x09, 0x2a, 0x1a, 0xc7, 0x68,
    0xee, 0xd9, 0xde, 0x69, 0x6c, 0x1b, 0x1d, 0xd3, 0x5d, 0x82, 0xef, 0x14,
    0x9e, 0x6a, 0x73, 0xa6, 0x19, 0x76, 0xad, 0x2c, 0xfe, 0x78, 0x44, 0x4b,
    0x80, 0x64, 0x29, 0x33, 0x50, 0xa1, 0x22, 0xf3, 0x32, 0xcb, 0x49, 0xf0,
    0xda, 0x03, 0x58, 0x71, 0xa5, 0x01, 0x01, 0x02, 0x00, 0x03, 0x58, 0x5f,
    0xa2, 0x02, 0x81, 0x81, 0x41, 0x00, 0x04, 0x58, 0x56, 0x86, 0x14, 0xa4,
    0x01, 0x50, 0xfa, 0x6b, 0x4a, 0x53, 0xd5, 0xad, 0x5f, 0xdf, 0xbe, 0x9d,
    0xe6, 0x63, 0xe4, 0xd4, 0x1f, 0xfe, 0x02, 0x50, 0x14, 0x92, 0xaf, 0x14,
    0x25, 0x69, 0x5e, 0x48, 0xbf, 0x42, 0x9b, 0x2d, 0x51, 0xf2, 0xab, 0x45,
    0x03, 0x58, 0x24, 0x82, 0x2f, 0x58, 0x20, 0x00, 0x11, 0x22, 0x33, 0x44,
    0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x01,
    0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76,
    0x54, 0x32, 0x10, 0x0e, 0x19, 0x87, 0xd0, 0x01, 0x0f, 0x02, 0x0f, 0x07,
    0x43, 0x82, 0x03, 0x0f, 0x09, 0x43, 0x82, 0x17, 0x02,
};

static void test_suit_vectors_example0(void **state)
{
    (void)state;
    struct maker_world world = {.image = {0}};
    assert_int_equal(maker_load(&suit, &selv_suit_profile_consumer,
                                maker_device(0),
                                selv_bytes(example0, sizeof example0)),
                     SELV_OK);
    assert_int_equal(selv_suit_sequence_number(&suit), 0);
    assert_string_equal(maker_trace(&suit, SELV_SUIT_INVOCATION, &world),
                        "digest(0) failed(SELV_ERR_SUIT_IMAGE 7 3 0)");
    assert_int_equal(maker_load(&suit, &selv_suit_profile_boot_select,
                                maker_device(0),
                                selv_bytes(example0, sizeof example0)),
                     SELV_OK);
    struct selv_suit_todo todo;
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_INVOCATION), SELV_OK);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_DIGEST);
    assert_int_equal(todo.size, 34768);
    uint8_t digest[SELV_SHA256_LEN];
    memcpy(digest, todo.digest, sizeof digest);
    assert_int_equal(digest[1], 0x11);
    selv_suit_answer_digest(&suit, digest);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_INVOKE);
    assert_true(selv_is_good(selv_suit_may_invoke(&suit)));
}

/* ---- the folder --------------------------------------------------------- */

static const char *const have[] = {"alg-7",
                                   "alg-9",
                                   "c-cid",
                                   "c-img",
                                   "c-slot",
                                   "c-vid",
                                   "common2",
                                   "common4",
                                   "d-fetch",
                                   "d-idx",
                                   "d-invoke",
                                   "d-ovr",
                                   "d-try",
                                   "dig-16",
                                   "idx-int",
                                   "idx-true",
                                   "integrated",
                                   "mk1",
                                   "mk2",
                                   "mk3",
                                   "mk4",
                                   "mk7",
                                   "mk9",
                                   "mk16",
                                   "mk20",
                                   "mk23",
                                   "p1",
                                   "p2",
                                   "p3",
                                   "p5",
                                   "p14",
                                   "p21",
                                   "severable-present20",
                                   "severable-present23",
                                   "severed20",
                                   "severed23",
                                   "sign1"};

static bool has_all(const json_t *features)
{
    size_t i;
    json_t *feature;
    json_array_foreach(features, i, feature)
    {
        bool is_known = false;
        for (size_t k = 0; k < sizeof have / sizeof have[0]; k++) {
            is_known |= strcmp(have[k], json_string_value(feature)) == 0;
        }
        if (!is_known) {
            return false;
        }
    }
    return true;
}

/* Errors that say "I lack this", in words that a user can act on. */
static bool is_by_name(enum selv_err err)
{
    return err == SELV_ERR_SUIT_COMMAND || err == SELV_ERR_SUIT_PARAMETER ||
           err == SELV_ERR_SUIT_KEY || err == SELV_ERR_COSE_TAG;
}

static struct selv_bytes slurp(const char *folder, const char *name)
{
    static uint8_t bytes[16384];
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/suit/%s", folder, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(bytes, 1, sizeof bytes, f);
    (void)fclose(f);
    assert_true(len < sizeof bytes);
    return selv_bytes(bytes, len);
}

static const struct selv_suit_profile *const profiles[] = {
    &selv_suit_profile_consumer, &selv_suit_profile_boot_select};

/* True when the row was as it should be. */
static bool judge(const char *folder, const json_t *row)
{
    const char *file = json_string_value(json_object_get(row, "file"));
    const char *expected = json_string_value(json_object_get(row, "expected"));
    bool is_accept = strncmp(expected, "ACCEPT", 6) == 0;
    bool is_whole = has_all(json_object_get(row, "features"));
    struct selv_suit_device device = *maker_device(0);
    device.components = NULL; /* whatever components they name */
    enum selv_err err =
        maker_load(&suit, profiles[0], &device, slurp(folder, file));
    bool is_right = is_accept && is_whole ? err == SELV_OK
                    : is_accept           ? is_by_name(err)
                                          : err != SELV_OK;
    if (!is_right) {
        print_error("%s: %s; the index says: %s\n", file, selv_err_name(err),
                    expected);
    }
    /* What the consumer takes, the bootloader takes. */
    if (err == SELV_OK) {
        err = maker_load(&suit, profiles[1], &device, slurp(folder, file));
        is_right &= err == SELV_OK;
    }
    return is_right;
}

static void test_suit_vectors_folder(void **state)
{
    (void)state;
    const char *folder = getenv("SELVAGE_VECTORS");
    if (folder == NULL) {
        print_message("skip: SELVAGE_VECTORS names no folder\n");
        skip();
    }
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/suit/index.json", folder);
    json_error_t error;
    json_t *rows = json_load_file(path, JSON_DECODE_INT_AS_REAL, &error);
    if (rows == NULL) {
        print_message("skipped: %s: %s\n", path, error.text);
        skip();
    }
    size_t i;
    json_t *row;
    unsigned wrong = 0;
    unsigned seen = 0;
    unsigned whole = 0;
    json_array_foreach(rows, i, row)
    {
        const char *kind = json_string_value(json_object_get(row, "kind"));
        if (strcmp(kind, "envelope") == 0) {
            seen++;
            wrong += !judge(folder, row);
            whole +=
                suit.state != 0 && selv_suit_failure(&suit)->err == SELV_OK;
        }
    }
    print_message("%u envelopes, %u accepted\n", seen, whole);
    json_decref(rows);
    assert_int_equal(wrong, 0);
    assert_true(seen > 90);
    assert_true(whole >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suit_vectors_example0),
        cmocka_unit_test(test_suit_vectors_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
