/* SPDX-License-Identifier: Apache-2.0
 *
 * The decoders of what devices send: good ones, every cut, bad values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those four first */
#include <cmocka.h>
#include <stdio.h>

#include "servers/update/profile.h"
#include "suit_maker.h"

#define DIGEST "repeat(32, 7)"
#define RUNNING "{1: [h'617070'], 2: 5, 3: " DIGEST ", 4: 1, 5: \"1.1.0\"}"
#define PROFILE_HEAD                                                           \
    "{1: 1, 2: repeat(16, 1), 3: repeat(16, 2), 4: repeat(16, 3), 5: "
#define PROFILE_TAIL ", 6: 2048, 7: 65536, 8: {1: 1, 2: 5, 3: 4}}"
#define STATUS_HEAD                                                            \
    "{1: 1, 2: {3: [], 4: true, 99: [\"\", [-16, " DIGEST "]]}, "
#define STATUS_TAIL "4: 5, 5: " RUNNING ", 6: 0}"

static struct maker_bytes made;

static struct selv_bytes cbor(const char *text)
{
    maker_encode(text, &made);
    return selv_bytes(made.p, made.len);
}

static void test_profile_good(void **state)
{
    struct selv_profile p;
    const char *where;
    (void)state;
    assert_int_equal(
        selv_profile_decode(cbor(PROFILE_HEAD "[" RUNNING "]" PROFILE_TAIL), &p,
                            &where),
        SELV_OK);
    assert_int_equal(p.device_id[15], 1);
    assert_int_equal(p.vendor_id[0], 2);
    assert_int_equal(p.class_id[0], 3);
    assert_int_equal(p.component_count, 1);
    assert_int_equal(p.running.sequence_number, 5);
    assert_int_equal(p.running.digest[0], 7);
    assert_int_equal(p.running.slot, 1);
    assert_memory_equal(p.running.version.p, "1.1.0", 5);
    assert_int_equal(p.envelope_max, 2048);
    assert_int_equal(p.slot_size, 65536);
    assert_int_equal(p.boot_version, 1);
    assert_int_equal(p.accepted, 5);
    assert_int_equal(p.floor, 4);
}

static void test_profile_bad(void **state)
{
    static const struct {
        const char *text;
        const char *where; /* a piece of it */
    } cases[] = {
        {"[]", "a map"},
        {"{}", "all of 1 to 8"},
        {"{1: 2}", "format version"},
        {"{1: true}", "format version"},
        {"{1: 1, 1: 1}", "keys"},
        {"{2: repeat(16, 1), 1: 1}", "keys"},
        {"{1: 1, 9: 1}", "keys"},
        {"{\"a\": 1}", "keys"},
        {"{-1: 1}", "keys"},
        {"{1: 1, 2: repeat(15, 1)}", "device id"},
        {"{1: 1, 2: \"0123456789abcdef\"}", "device id"},
        {"{1: 1, 2: repeat(16, 1), 3: repeat(17, 1)}", "vendor id"},
        {PROFILE_HEAD "[]" PROFILE_TAIL, "components"},
        {PROFILE_HEAD "[{}]" PROFILE_TAIL, "components"},
        {PROFILE_HEAD "[{1: [], 2: 5, 3: " DIGEST ", 4: 1}]" PROFILE_TAIL,
         "components"},
        {PROFILE_HEAD "[{1: [1], 2: 5, 3: " DIGEST ", 4: 1}]" PROFILE_TAIL,
         "components"},
        {PROFILE_HEAD "[{1: [h'00'], 2: 9223372036854775808, 3: " DIGEST
                      ", 4: 1}]" PROFILE_TAIL,
         "components"},
        {PROFILE_HEAD
         "[{1: [h'00'], 2: 5, 3: repeat(31, 7), 4: 1}]" PROFILE_TAIL,
         "components"},
        {PROFILE_HEAD "[{1: [h'00'], 2: 5, 3: " DIGEST
                      ", 4: 1, 6: 1}]" PROFILE_TAIL,
         "components"},
        {PROFILE_HEAD "[" RUNNING ", " RUNNING ", " RUNNING ", " RUNNING
                      ", " RUNNING ", " RUNNING ", " RUNNING ", " RUNNING
                      ", " RUNNING "]" PROFILE_TAIL,
         "components"},
        {PROFILE_HEAD "[" RUNNING "], 6: 4294967296}", "largest envelope"},
        {PROFILE_HEAD "[" RUNNING "], 6: 1, 7: -1}", "image space"},
        {PROFILE_HEAD "[" RUNNING "], 6: 1, 7: 1, 8: {1: 1, 2: 5}}", "boot"},
    };
    struct selv_profile p;
    const char *where;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum selv_err err =
            selv_profile_decode(cbor(cases[i].text), &p, &where);
        if (err == SELV_OK || strstr(where, cases[i].where) == NULL) {
            fail_msg("case %zu: %s, '%s'", i, selv_err_name(err), where);
        }
    }
}

static void test_status_good(void **state)
{
    struct selv_status s;
    const char *where;
    (void)state;
    assert_int_equal(
        selv_status_decode(cbor(STATUS_HEAD "3: 8, " STATUS_TAIL), &s, &where),
        SELV_OK);
    assert_int_equal(s.state, 8);
    assert_int_equal(s.sequence_number, 5);
    assert_int_equal(s.error, 0);
    assert_true(s.report.is_success);
    assert_int_equal(s.report.digest[0], 7);
    assert_string_equal(selv_status_state_name(s.state), "confirmed");
    assert_string_equal(selv_status_state_name(11), "reverted");
    assert_string_equal(selv_status_state_name(12), "unknown");
}

static void test_status_bad(void **state)
{
    static const struct {
        const char *text;
        const char *where;
    } cases[] = {
        {"1", "a map"},
        {"{}", "all of 1 to 6"},
        {"{1: 0}", "format version"},
        {"{1: 1, 2: {}}", "SUIT_Report"},
        {"{1: 1, 7: 1}", "keys"},
        {STATUS_HEAD "3: 12, " STATUS_TAIL, "state"},
        {STATUS_HEAD "3: -1, " STATUS_TAIL, "state"},
        {STATUS_HEAD "3: 8, 4: 5, 5: {}, 6: 0}", "running"},
        {STATUS_HEAD "3: 8, 4: 5, 5: " RUNNING ", 6: 65536}", "error number"},
        {STATUS_HEAD "3: 8, 4: 5, 5: " RUNNING "}", "all of 1 to 6"},
    };
    struct selv_status s;
    const char *where;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum selv_err err = selv_status_decode(cbor(cases[i].text), &s, &where);
        if (err == SELV_OK || strstr(where, cases[i].where) == NULL) {
            fail_msg("case %zu: %s, '%s'", i, selv_err_name(err), where);
        }
    }
}

/* No cut passes, and no byte behind the end. */
static void test_profile_evil(void **state)
{
    struct selv_profile p;
    struct selv_status s;
    const char *where;
    (void)state;
    struct selv_bytes whole = cbor(PROFILE_HEAD "[" RUNNING "]" PROFILE_TAIL);
    for (size_t len = 0; len < whole.len; len++) {
        assert_int_not_equal(
            selv_profile_decode(selv_bytes(whole.p, len), &p, &where), SELV_OK);
    }
    made.p[made.len] = 0;
    assert_int_equal(
        selv_profile_decode(selv_bytes(whole.p, whole.len + 1), &p, &where),
        SELV_ERR_CBOR_TRAILING);
    whole = cbor(STATUS_HEAD "3: 8, " STATUS_TAIL);
    for (size_t len = 0; len < whole.len; len++) {
        assert_int_not_equal(
            selv_status_decode(selv_bytes(whole.p, len), &s, &where), SELV_OK);
    }
    made.p[made.len] = 0;
    assert_int_equal(
        selv_status_decode(selv_bytes(whole.p, whole.len + 1), &s, &where),
        SELV_ERR_CBOR_TRAILING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profile_good), cmocka_unit_test(test_profile_bad),
        cmocka_unit_test(test_status_good),  cmocka_unit_test(test_status_bad),
        cmocka_unit_test(test_profile_evil),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
