/* SPDX-License-Identifier: Apache-2.0
 *
 * SUIT_Report: what is written, what is read back, what is refused; and the
 * reason that each error has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "suit/report.h"
#include "test/unit/suit_maker.h"

#define REFERENCE "99: [\"coap://x\", [-16, repeat(32, 7)]]"
#define FAILURE(code, reason)                                                  \
    "{5: " code ", 6: [[], 20, 9, 1, {}], 7: " reason "}"

static struct maker_bytes bytes;

static struct selv_suit_report sample(bool is_success)
{
    struct selv_suit_report report = {.is_success = is_success};
    memset(report.digest, 7, sizeof report.digest);
    report.uri = selv_bytes("coap://x", 8);
    report.reason = SELV_SUIT_REASON_CONDITION_FAILED;
    report.failure = (struct selv_suit_failure){.err = SELV_ERR_SUIT_VENDOR,
                                                .section = 20,
                                                .section_offset = 9,
                                                .offset = 300,
                                                .component = 1};
    return report;
}

static void expect_written(const struct selv_suit_report *report,
                           const char *text)
{
    uint8_t out[256];
    struct selv_cbor_writer w;
    struct selv_bytes done;
    selv_cbor_writer_init(&w, out, sizeof out);
    selv_suit_report_put(&w, report);
    assert_int_equal(selv_cbor_finish(&w, &done), SELV_OK);
    maker_encode(text, &bytes);
    assert_int_equal(done.len, bytes.len);
    assert_memory_equal(done.p, bytes.p, done.len);
}

static void test_suit_report_is_written(void **state)
{
    (void)state;
    struct selv_suit_report report = sample(true);
    expect_written(&report, "{3: [], 4: true, " REFERENCE "}");
    report = sample(false);
    expect_written(&report,
                   "{3: [], 4: " FAILURE("153", "10") ", " REFERENCE "}");
    report.uri = selv_bytes(NULL, 0);
    report.failure.component = 0xff;
    expect_written(&report, "{3: [], 4: {5: 153, 6: [[], 20, 9, 255, {}], 7:"
                            " 10}, 99: [\"\", [-16, repeat(32, 7)]]}");
}

static enum selv_err get(const char *text, struct selv_suit_report *out)
{
    struct selv_cbor r;
    maker_encode(text, &bytes);
    selv_cbor_init(&r, selv_bytes(bytes.p, bytes.len));
    enum selv_err err = selv_suit_report_get(&r, out);
    assert_ptr_equal(r.p, bytes.p + (err == SELV_OK ? bytes.len : 0));
    return err;
}

static void test_suit_report_is_read(void **state)
{
    (void)state;
    struct selv_suit_report out;
    assert_int_equal(get("{3: [], 4: true, " REFERENCE "}", &out), SELV_OK);
    assert_true(out.is_success);
    assert_int_equal(out.digest[31], 7);
    assert_int_equal(out.uri.len, 8);
    /* Everybody's extras are skipped. */
    assert_int_equal(
        get("{2: h'01', 3: [[[1], 7, 0, 0, {}], {0: [h'00'], 14: 5}], 4: {5:"
            " -77, 6: [[2, 1], 7, 3, 0, {14: 1}, 5], 7: 12}, 8: {1: "
            "[]}, " REFERENCE "}",
            &out),
        SELV_OK);
    assert_false(out.is_success);
    assert_int_equal(out.failure.err, SELV_ERR_SUIT_OPERATION);
    assert_int_equal(out.failure.section, 7);
    assert_int_equal(out.failure.section_offset, 3);
    assert_int_equal(out.reason, SELV_SUIT_REASON_INVOKE_PENDING);
    assert_int_equal(
        get("{3: [], 4: " FAILURE("153", "10") ", " REFERENCE "}", &out),
        SELV_OK);
    assert_int_equal(out.failure.err, SELV_ERR_SUIT_VENDOR);
    assert_int_equal(out.failure.component, 1);
}

static void test_suit_report_is_refused(void **state)
{
    (void)state;
    struct selv_suit_report out;
    static const struct {
        const char *text;
        enum selv_err err;
    } cases[] = {
        {"{}", SELV_ERR_SUIT_MISSING},
        {"{3: [], 4: true}", SELV_ERR_SUIT_MISSING},
        {"{4: true, " REFERENCE "}", SELV_ERR_SUIT_MISSING},
        {"{3: [], " REFERENCE "}", SELV_ERR_SUIT_MISSING},
        {"{3: [], 4: false, " REFERENCE "}", SELV_ERR_CBOR_TYPE},
        {"{3: [], 4: 1, " REFERENCE "}", SELV_ERR_CBOR_TYPE},
        {"{3: [], 4: {}, " REFERENCE "}", SELV_ERR_SUIT_MISSING},
        {"{3: [], 4: {5: 1, 7: 1}, " REFERENCE "}", SELV_ERR_SUIT_MISSING},
        {"{3: [], 4: " FAILURE("1", "13") ", " REFERENCE "}",
         SELV_ERR_CBOR_RANGE},
        {"{3: [], 4: " FAILURE("\"1\"", "1") ", " REFERENCE "}",
         SELV_ERR_CBOR_TYPE},
        {"{3: [], 4: {5: 1, 6: [[], 7, 0, 0], 7: 1}, " REFERENCE "}",
         SELV_ERR_SUIT_MISSING},
        {"{3: [], 4: {5: 1, 6: [[], 7, 65536, 0, {}], 7: 1}, " REFERENCE "}",
         SELV_ERR_CBOR_RANGE},
        {"{3: [], 4: {5: 1, 6: [[], 40000, 0, 0, {}], 7: 1}, " REFERENCE "}",
         SELV_ERR_CBOR_RANGE},
        {"{3: [], 4: {5: 1, 6: [[], 7, 0, 0, {}], 7: 1, 8: 0}, " REFERENCE "}",
         SELV_ERR_SUIT_KEY},
        {"{3: [], 4: true, 9: 0, " REFERENCE "}", SELV_ERR_SUIT_KEY},
        {"{4: true, 3: [], " REFERENCE "}", SELV_ERR_CBOR_ORDER},
        {"{3: [], 3: [], 4: true, " REFERENCE "}", SELV_ERR_CBOR_DUPLICATE},
        {"{3: [], 4: true, 99: [\"\", [-43, repeat(48, 1)]]}",
         SELV_ERR_SUIT_DIGEST_ALG},
        {"{3: [], 4: true, 99: [\"\", [-16, repeat(31, 1)]]}",
         SELV_ERR_SUIT_ARGUMENT},
        {"{3: [], 4: true, 99: [[-16, repeat(32, 1)]]}", SELV_ERR_CBOR_TYPE},
        {"[]", SELV_ERR_CBOR_TYPE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum selv_err err = get(cases[i].text, &out);
        if (err != cases[i].err) {
            print_error("%s: %s\n", cases[i].text, selv_err_name(err));
        }
        assert_int_equal(err, cases[i].err);
    }
    /* Every cut of a good one. */
    maker_encode("{3: [], 4: " FAILURE("153", "10") ", " REFERENCE "}", &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        struct selv_cbor r;
        selv_cbor_init(&r, selv_bytes(bytes.p, len));
        assert_int_not_equal(selv_suit_report_get(&r, &out), SELV_OK);
    }
}

/* Each error has a reason, and none but SELV_OK reads as good. */
static void test_suit_report_reasons(void **state)
{
    (void)state;
    static const struct {
        enum selv_err err;
        enum selv_suit_reason reason;
    } cases[] = {
        {SELV_OK, SELV_SUIT_REASON_OK},
        {SELV_ERR_CBOR_END, SELV_SUIT_REASON_CBOR_PARSE},
        {SELV_ERR_CBOR_UTF8, SELV_SUIT_REASON_CBOR_PARSE},
        {SELV_ERR_COSE_TAG, SELV_SUIT_REASON_COSE_UNSUPPORTED},
        {SELV_ERR_COSE_ALG, SELV_SUIT_REASON_ALG_UNSUPPORTED},
        {SELV_ERR_COSE_NO_KEY, SELV_SUIT_REASON_UNAUTHORISED},
        {SELV_ERR_SUIT_DIGEST, SELV_SUIT_REASON_UNAUTHORISED},
        {SELV_ERR_SUIT_NOT_SIGNED, SELV_SUIT_REASON_UNAUTHORISED},
        {SELV_ERR_SUIT_DIGEST_ALG, SELV_SUIT_REASON_ALG_UNSUPPORTED},
        {SELV_ERR_SUIT_KEY, SELV_SUIT_REASON_CBOR_PARSE},
        {SELV_ERR_SUIT_SEQUENCE, SELV_SUIT_REASON_CONDITION_FAILED},
        {SELV_ERR_SUIT_COMPONENT, SELV_SUIT_REASON_COMPONENT_UNSUPPORTED},
        {SELV_ERR_SUIT_COMMAND, SELV_SUIT_REASON_COMMAND_UNSUPPORTED},
        {SELV_ERR_SUIT_PARAMETER, SELV_SUIT_REASON_PARAMETER_UNSUPPORTED},
        {SELV_ERR_SUIT_ABSENT, SELV_SUIT_REASON_SEVERING_UNSUPPORTED},
        {SELV_ERR_SUIT_VENDOR, SELV_SUIT_REASON_CONDITION_FAILED},
        {SELV_ERR_SUIT_TRY_EACH, SELV_SUIT_REASON_CONDITION_FAILED},
        {SELV_ERR_SUIT_OPERATION, SELV_SUIT_REASON_OPERATION_FAILED},
        {SELV_ERR_COAP_TIMEOUT, SELV_SUIT_REASON_OPERATION_FAILED},
        {SELV_ERR_FLASH_IO, SELV_SUIT_REASON_OPERATION_FAILED},
        {SELV_ERR_BOOT_CRASH, SELV_SUIT_REASON_OPERATION_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(selv_suit_reason(cases[i].err), cases[i].reason);
    }
    for (int err = 1; err < 512; err++) {
        assert_in_range(selv_suit_reason((enum selv_err)err), 1, 11);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suit_report_is_written),
        cmocka_unit_test(test_suit_report_is_read),
        cmocka_unit_test(test_suit_report_is_refused),
        cmocka_unit_test(test_suit_report_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
