/* SPDX-License-Identifier: Apache-2.0
 *
 * Device files, what a device and then its bootloader make of a manifest, and
 * that every refusal says what was expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "host/manifest_int.h"
#include "host/manifest_verify.h"

static struct selv_key author;
static struct selv_key stranger;
static struct selv_error error;

#define DIGEST                                                                 \
    "\"00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210\""
#define IDS                                                                    \
    "\"vendor-identifier\": {\"vendor\": \"example.com\"}, "                   \
    "\"class-identifier\": {\"vendor\": \"example.com\", \"class\": "          \
    "\"sensor\"}"
#define CHECKS "\"vendor-identifier\", \"class-identifier\""
#define SET(parameters) "{\"override-parameters\": {" parameters "}}"
#define INDEX(index) "{\"set-component-index\": " index "}"
#define HEAD "\"sequence-number\": 5, \"components\": [\"app\"], "
#define SHARED                                                                 \
    "\"shared\": [" SET(IDS ", \"image-digest\": " DIGEST ", \"image-size\": " \
                            "9") ", " CHECKS "], "
#define PLAIN                                                                  \
    HEAD SHARED "\"install\": [" SET(                                          \
        "\"uri\": \"/x\"") ", \"fetch\", "                                     \
                           "\"image-match\"], \"validate\": "                  \
                           "[\"image-match\"], \"invoke\": "                   \
                           "[\"invoke\"]"
#define DEVICE "\"vendor\": \"example.com\", \"class\": \"sensor\""
#define APP "\"components\": [{\"id\": \"app\"}]"

/* A signed envelope; the caller frees p. */
static struct selv_buf make(const char *members, const struct selv_key *key)
{
    struct selv_buf bare = {NULL, 0, 0};
    struct selv_buf out = {NULL, 0, 0};
    char text[4096];
    json_t *template;

    snprintf(text, sizeof(text), "{%s}", members);
    template = json_loads(text, 0, NULL);
    if (template == NULL ||
        !selv_manifest_build_json(template, NULL, &bare, &error) ||
        !selv_manifest_sign(selv_bytes(bare.p, bare.len), key, &out, &error)) {
        fail_msg("%s: %s", error.text, text);
    }
    json_decref(template);
    free(bare.p);
    return out;
}

static bool device_read(const char *members, struct selv_manifest_device *d)
{
    char text[2048];
    json_t *json;
    bool done;

    snprintf(text, sizeof(text), "{%s}", members);
    json = json_loads(text, 0, NULL);
    if (json == NULL) {
        fail_msg("no JSON: %s", text);
    }
    done = selv_manifest_device_parse(json, d, &error);
    json_decref(json);
    return done;
}

static struct selv_manifest_verdict judge(const char *manifest,
                                          const char *device)
{
    struct selv_buf envelope = make(manifest, &author);
    struct selv_manifest_device d;
    struct selv_manifest_verdict v;

    if (!device_read(device, &d)) {
        fail_msg("%s", error.text);
    }
    selv_manifest_verify(selv_bytes(envelope.p, envelope.len), &author.cose, 1,
                         &d, &v);
    free(envelope.p);
    return v;
}

/* ---- decisions
 * ----------------------------------------------------------------- */

#define TWO                                                                    \
    "\"sequence-number\": 5, \"components\": [\"app\", \"stage\"], "           \
    "\"shared\": [" INDEX("true") ", " SET(                                    \
        IDS ", \"image-digest\": " DIGEST ", \"image-size\": 9") ", " CHECKS   \
                                                                 "], "
#define FETCH_1                                                                \
    INDEX("1") ", " SET("\"uri\": \"/x\"") ", \"fetch\", \"image-match\""
#define BOOT_0                                                                 \
    ", \"validate\": [" INDEX("0") ", \"image-match\"], \"invoke\": [" INDEX(  \
        "0") ", \"invoke\"]"
#define TWO_APPS "\"components\": [{\"id\": \"app\"}, {\"id\": \"stage\"}]"

static const struct {
    const char *manifest;
    const char *device;
    enum selv_err err;
    enum selv_manifest_boot boot;
} rows[] = {
    {PLAIN, DEVICE ", " APP, SELV_OK, SELV_MANIFEST_BOOT_STARTS},
    /* Numbers. */
    {PLAIN, DEVICE ", \"sequence_number\": 5, " APP, SELV_OK,
     SELV_MANIFEST_BOOT_STARTS},
    {PLAIN, DEVICE ", \"sequence_number\": 6, " APP, SELV_ERR_SUIT_SEQUENCE,
     SELV_MANIFEST_BOOT_UNKNOWN},
    {PLAIN, DEVICE ", \"security_floor\": 6, " APP, SELV_ERR_SUIT_SEQUENCE,
     SELV_MANIFEST_BOOT_REFUSES},
    /* Identity: an enterprise number, and the device's own. */
    {HEAD "\"shared\": [" SET("\"vendor-identifier\": {\"pen\": 12345}, "
                              "\"class-identifier\": {\"pen\": 12345, "
                              "\"class\": \"sensor\"}") ", " CHECKS "]",
     "\"vendor_pen\": 12345, \"class\": \"sensor\", " APP, SELV_OK,
     SELV_MANIFEST_BOOT_NOTHING},
    {HEAD "\"shared\": [" SET("\"vendor-identifier\": {\"pen\": 12345}, "
                              "\"class-identifier\": {\"pen\": 12345, "
                              "\"class\": \"sensor\"}") ", " CHECKS "]",
     "\"vendor_pen\": 12346, \"class\": \"sensor\", " APP, SELV_ERR_SUIT_VENDOR,
     SELV_MANIFEST_BOOT_UNKNOWN},
    {HEAD "\"install\": [" SET(
         "\"device-identifier\": "
         "\"2ed6657d-e927-568b-95e1-2665a8aea6a2\"") ", \"device-identifier\"]",
     DEVICE ", \"device_id\": \"2ed6657d-e927-568b-95e1-2665a8aea6a2\", " APP,
     SELV_OK, SELV_MANIFEST_BOOT_NOTHING},
    {HEAD "\"install\": [" SET(
         "\"device-identifier\": "
         "\"2ed6657d-e927-568b-95e1-2665a8aea6a2\"") ", \"device-identifier\"]",
     DEVICE ", " APP, SELV_ERR_SUIT_DEVICE, SELV_MANIFEST_BOOT_UNKNOWN},
    /* Algorithms. */
    {PLAIN, DEVICE ", \"algorithms\": [\"ESP256\"], " APP, SELV_OK,
     SELV_MANIFEST_BOOT_STARTS},
    {PLAIN, DEVICE ", \"algorithms\": [\"HMAC 256/256\", -19], " APP,
     SELV_ERR_COSE_ALG, SELV_MANIFEST_BOOT_UNKNOWN},
    /* What the bootloader can do. */
    {PLAIN, DEVICE ", \"bootloader\": \"boot-select\", " APP, SELV_OK,
     SELV_MANIFEST_BOOT_STARTS},
    {PLAIN,
     DEVICE ", \"bootloader\": {\"profile\": \"boot-select\", \"commands\": "
            "[\"override-parameters\", \"vendor-identifier\", "
            "\"class-identifier\", \"invoke\"]}, " APP,
     SELV_ERR_SUIT_BOOTLOADER, SELV_MANIFEST_BOOT_UNKNOWN},
    {PLAIN,
     DEVICE ", \"bootloader\": {\"profile\": \"boot-select\", \"envelope\": "
            "100}, " APP,
     SELV_ERR_SUIT_BOOTLOADER, SELV_MANIFEST_BOOT_UNKNOWN},
    {TWO "\"payload-fetch\": [" FETCH_1 "], \"load\": [" INDEX("0") ", " SET(
         "\"source-component\": 1") ", \"copy\"]" BOOT_0,
     DEVICE ", \"bootloader\": \"boot-select\", " TWO_APPS,
     SELV_ERR_SUIT_BOOTLOADER, SELV_MANIFEST_BOOT_UNKNOWN},
    /* What is where. */
    {TWO "\"payload-fetch\": [" FETCH_1 "], \"install\": [" INDEX("0") ", " SET(
         "\"source-component\": 1") ", \"copy\"]" BOOT_0,
     DEVICE ", " TWO_APPS, SELV_OK, SELV_MANIFEST_BOOT_STARTS},
    {TWO "\"payload-fetch\": [" FETCH_1 "], \"install\": [" INDEX("0") ", " SET(
         "\"source-component\": 1") ", \"swap\", \"swap\", "
                                    "\"swap\"]" BOOT_0,
     DEVICE ", " TWO_APPS, SELV_OK, SELV_MANIFEST_BOOT_STARTS},
    {TWO "\"payload-fetch\": [" FETCH_1 "], \"install\": [" INDEX("0") ", " SET(
         "\"source-component\": 1") ", \"swap\", \"swap\"]" BOOT_0,
     DEVICE ", " TWO_APPS, SELV_ERR_SUIT_IMAGE, SELV_MANIFEST_BOOT_UNKNOWN},
    {TWO "\"payload-fetch\": [" FETCH_1 "]" BOOT_0,
     DEVICE ", \"components\": [{\"id\": \"app\", \"digest\": " DIGEST
            ", \"size\": 9}, {\"id\": \"stage\"}]",
     SELV_OK, SELV_MANIFEST_BOOT_STARTS},
    {TWO "\"payload-fetch\": [" FETCH_1 "]" BOOT_0,
     DEVICE ", \"components\": [{\"id\": \"app\", \"digest\": " DIGEST
            ", \"size\": 8}, {\"id\": \"stage\"}]",
     SELV_ERR_UPDATE_SIZE, SELV_MANIFEST_BOOT_UNKNOWN},
    {HEAD "\"install\": [" SET(
         "\"content\": \"hello\"") ", \"write\", \"check-content\"]",
     DEVICE ", " APP, SELV_OK, SELV_MANIFEST_BOOT_NOTHING},
    {HEAD "\"install\": [" SET("\"content\": \"hello\"") ", \"check-content\"]",
     DEVICE ", \"components\": [{\"id\": \"app\", \"content\": "
            "\"68656c6c6f\"}]",
     SELV_OK, SELV_MANIFEST_BOOT_NOTHING},
    {HEAD "\"install\": [" SET("\"content\": \"hello\"") ", \"check-content\"]",
     DEVICE ", \"components\": [{\"id\": \"app\", \"content\": "
            "\"68656c6c70\"}]",
     SELV_ERR_SUIT_CONTENT, SELV_MANIFEST_BOOT_UNKNOWN},
    /* Fetched, so that anything may be there: no content is known of it. */
    {HEAD "\"install\": [" SET("\"uri\": \"coap://x/y\"") ", \"fetch\", " SET(
         "\"content\": \"hello\", \"image-digest\": " DIGEST) ", "
                                                              "\"check-"
                                                              "content\"]",
     DEVICE ", " APP, SELV_ERR_SUIT_CONTENT, SELV_MANIFEST_BOOT_UNKNOWN},
    /* An integrated payload is what it is. */
    {HEAD SHARED "\"install\": [" SET(
         "\"uri\": \"#a\"") ", \"fetch\", \"image-match\"], \"payloads\": "
                            "{\"#a\": \"123456789\"}",
     DEVICE ", " APP, SELV_ERR_SUIT_IMAGE, SELV_MANIFEST_BOOT_UNKNOWN},
    {HEAD SHARED "\"install\": [" SET(
         "\"uri\": \"#a\", \"image-digest\": "
         "\"15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb22"
         "5\"") ", \"fetch\", \"image-match\"], \"payloads\": {\"#a\": "
                "\"123456789\"}",
     DEVICE ", " APP, SELV_OK, SELV_MANIFEST_BOOT_NOTHING},
    /* Nothing compared, nothing started. */
    {HEAD SHARED "\"invoke\": [\"invoke\"]", DEVICE ", " APP,
     SELV_ERR_SUIT_IMAGE, SELV_MANIFEST_BOOT_REFUSES},
    /* Private numbers. */
    {HEAD "\"install\": [" SET("\"-300\": 1") ", \"-301\"]",
     DEVICE ", \"private\": {\"parameters\": [-300], \"commands\": "
            "[{\"code\": -301, \"sections\": [\"install\"]}]}, " APP,
     SELV_OK, SELV_MANIFEST_BOOT_NOTHING},
    {HEAD "\"install\": [\"-301\"]",
     DEVICE ", \"private\": {\"commands\": [{\"code\": -301, \"sections\": "
            "[\"validate\"]}]}, " APP,
     SELV_ERR_SUIT_COMMAND, SELV_MANIFEST_BOOT_UNKNOWN},
    {HEAD "\"install\": [" SET("\"-300\": 1") "]", DEVICE ", " APP,
     SELV_ERR_SUIT_PARAMETER, SELV_MANIFEST_BOOT_UNKNOWN},
};

static void test_host_manifest_verify_decides(void **state)
{
    size_t failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct selv_manifest_verdict v =
            judge(rows[i].manifest, rows[i].device);

        if (v.err != rows[i].err || v.boot != rows[i].boot ||
            v.is_accepted != (v.err == SELV_OK)) {
            char why[SELV_ERROR_LEN];

            selv_manifest_why(&v, why);
            print_error("row %zu: %s, boot %d instead of %s, boot %d: %s\n", i,
                        selv_err_name(v.err), (int)v.boot,
                        selv_err_name(rows[i].err), (int)rows[i].boot, why);
            failed++;
        }
    }
    assert_int_equal(failed, 0);
}

static void test_host_manifest_device_errors(void **state)
{
    static const struct {
        const char *device;
        const char *says;
    } bad[] = {
        {APP, "\"vendor\": missing"},
        {"\"vendor\": \"x\", " APP, "\"class\": missing"},
        {"\"vendor_id\": \"x\", \"class\": \"y\", " APP, "\"vendor_id\""},
        {"\"vendor_pen\": -1, \"class\": \"y\", " APP, "\"vendor_pen\""},
        {DEVICE ", \"device_id\": \"x\", " APP, "\"device_id\""},
        {DEVICE, "\"components\""},
        {DEVICE ", \"components\": [{}]", "\"id\""},
        {DEVICE ", \"components\": [{\"id\": \"a\", \"slot\": -1}]",
         "\"slot\""},
        {DEVICE ", \"components\": [{\"id\": \"a\", \"size\": 1.5}]",
         "\"size\""},
        {DEVICE ", \"components\": [{\"id\": \"a\", \"content\": \"0\"}]",
         "\"content\""},
        {DEVICE ", \"sequence_number\": \"1\", " APP, "\"sequence_number\""},
        {DEVICE ", \"sequence_number\": \"9223372036854775807\", " APP,
         "text only above 2^63 - 1"},
        {DEVICE ", \"sequence_number\": \"18446744073709551616\", " APP,
         "\"sequence_number\""},
        {DEVICE ", \"sequence_number\": \"9223372036854775808x\", " APP,
         "\"sequence_number\""},
        {DEVICE ", \"security_floor\": -1, " APP, "\"security_floor\""},
        {DEVICE ", \"algorithms\": [], " APP, "\"algorithms\""},
        {DEVICE ", \"algorithms\": [\"RSA\"], " APP, "\"algorithms\""},
        {DEVICE ", \"bootloader\": \"grub\", " APP, "\"bootloader\""},
        {DEVICE ", \"bootloader\": {}, " APP, "\"bootloader\""},
        {DEVICE ", \"bootloader\": {\"profile\": \"boot-select\", "
                "\"commands\": [\"jump\"]}, " APP,
         "\"commands\""},
        {DEVICE ", \"private\": {\"parameters\": [-256]}, " APP, "below -256"},
        {DEVICE ", \"private\": {\"parameters\": [-300, -301, -302]}, " APP,
         "at most 2"},
        {DEVICE ", \"private\": {\"commands\": [{\"code\": 3}]}, " APP,
         "below -256"},
        {DEVICE ", \"private\": {\"commands\": [{\"code\": -300, "
                "\"sections\": [\"shared\"]}]}, " APP,
         "no such section"},
        /* Members that nobody knows: the place, and what is near. */
        {DEVICE ", \"sequence-number\": 5, " APP,
         "device: \"sequence-number\" is not known here; near it is "
         "\"sequence_number\""},
        {DEVICE ", \"Digest\": \"00\", " APP, "near it is \"digest\""},
        {DEVICE ", \"\": 1, " APP, "there are \"vendor\", "},
        {DEVICE ", \"a name that is far longer than any of ours\": 1, " APP,
         "there are \"vendor\", "},
        {DEVICE ", \"components\": [{\"id\": \"a\"}, "
                "{\"id\": \"b\", \"slts\": 2}]",
         "device.components[1]: \"slts\" is not known here; near it is "
         "\"slot\", \"slots\""},
        {DEVICE ", \"components\": [{\"id\": \"a\", "
                "\"other\": {\"slot\": 1}}]",
         "device.components[0].other: \"slot\""},
        {DEVICE ", \"components\": [{\"id\": [{\"hex\": \"00\", "
                "\"text\": \"x\"}]}]",
         "device.components[0].id[0]: \"text\""},
        {DEVICE ", \"bootloader\": {\"profile\": \"boot-select\", "
                "\"command\": []}, " APP,
         "device.bootloader: \"command\" is not known here; near it is "
         "\"commands\""},
        {DEVICE ", \"private\": {\"parameter\": [-300]}, " APP,
         "device.private: \"parameter\""},
        {DEVICE ", \"private\": {\"commands\": [{\"code\": -300, "
                "\"section\": []}]}, " APP,
         "device.private.commands[0]: \"section\""},
        {DEVICE ", \"digest\": 5, " APP, "\"digest\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct selv_manifest_device d;

        error.text[0] = '\0';
        assert_false(device_read(bad[i].device, &d));
        if (strstr(error.text, bad[i].says) == NULL) {
            fail_msg("row %zu: \"%s\" does not say %s", i, error.text,
                     bad[i].says);
        }
    }
}

/* ---- blocks
 * --------------------------------------------------------------------- */

static void test_host_manifest_blocks(void **state)
{
    static const char *const names[] = {"mine"};
    struct selv_buf one = make(PLAIN, &stranger);
    struct selv_buf two;
    json_t *blocks;
    json_t *block;

    (void)state;
    assert_true(
        selv_manifest_sign(selv_bytes(one.p, one.len), &author, &two, &error));
    blocks = selv_manifest_blocks(selv_bytes(two.p, two.len), &author.cose,
                                  NULL, names, 1);
    assert_int_equal(json_array_size(blocks), 2);
    block = json_array_get(blocks, 0);
    assert_true(json_is_false(json_object_get(block, "verified")));
    assert_non_null(json_object_get(block, "error"));
    assert_null(json_object_get(block, "key"));
    block = json_array_get(blocks, 1);
    assert_true(json_is_true(json_object_get(block, "verified")));
    assert_string_equal(json_string_value(json_object_get(block, "key")),
                        "mine");
    assert_string_equal(json_string_value(json_object_get(block, "algorithm")),
                        "ESP256");
    json_decref(blocks);
    free(one.p);
    free(two.p);
}

/* ---- words
 * ---------------------------------------------------------------------- */

/* No error that a manifest can end with lacks its expectation. */
static void test_host_manifest_why_is_complete(void **state)
{
    size_t count = 0;

    (void)state;
    for (int number = 1; number < 320; number++) {
        enum selv_err err = (enum selv_err)number;
        struct selv_manifest_verdict v;
        char why[SELV_ERROR_LEN];
        bool is_manifests =
            (number >= 32 && number < 192) || err == SELV_ERR_UPDATE_SIZE ||
            err == SELV_ERR_UPDATE_EQUAL || err == SELV_ERR_UPDATE_REVERTED;

        if (!is_manifests || strcmp(selv_err_name(err), "SELV_ERR_?") == 0) {
            continue;
        }
        count++;
        memset(&v, 0, sizeof(v));
        v.err = err;
        v.where.err = err;
        v.where.section = SELV_SUIT_KEY_INSTALL;
        v.where.offset = 123;
        v.where.code = 3;
        v.where.component = 1;
        selv_manifest_why(&v, why);
        if (strstr(why, "; expected: ") == NULL ||
            strstr(why, ", in install") == NULL ||
            strstr(why, "at byte 123") == NULL) {
            fail_msg("%s: \"%s\"", selv_err_name(err), why);
        }
    }
    assert_true(count > 60);
}

/* The argument of every command and the value of every parameter has words. */
static void test_host_manifest_why_arguments(void **state)
{
    struct selv_suit_failure where = {.err = SELV_ERR_SUIT_ARGUMENT,
                                      .section = SELV_SUIT_KEY_INSTALL};
    const char *vague;

    (void)state;
    where.section = 0; /* the manifest itself */
    assert_non_null(strstr(selv_manifest_expected(&where, false), "a map"));
    where.code = SELV_SUIT_KEY_SEQUENCE_NUMBER; /* of the manifest */
    assert_non_null(strstr(selv_manifest_expected(&where, false), "2^64"));
    where.section = SELV_SUIT_KEY_INSTALL;
    where.code = 0;
    vague = selv_manifest_expected(&where, false);
    assert_non_null(strstr(vague, "a sequence"));
    for (const struct manifest_word *w = manifest_commands; w->name != NULL;
         w++) {
        where.code = w->code;
        assert_string_not_equal(selv_manifest_expected(&where, false), vague);
    }
    for (const struct manifest_word *w = manifest_parameters; w->name != NULL;
         w++) {
        where.code = w->code;
        assert_string_not_equal(selv_manifest_expected(&where, true), vague);
    }
}

/* Number 3 is a command and a parameter: the bytes say which. */
static void test_host_manifest_why_tells_parameters(void **state)
{
    static const struct {
        const char *manifest;
        const char *says;
    } cases[] = {
        {"\"unchecked\": true, " HEAD "\"install\": [{\"image-match\": "
         "{\"cbor-hex\": \"10\"}}]",
         "command image-match (3), at byte"},
        {"\"unchecked\": true, " HEAD
         "\"install\": [" SET("\"image-digest\": {\"cbor-hex\": \"10\"}") "]",
         "parameter image-digest (3), at byte"},
        {"\"unchecked\": true, " HEAD
         "\"install\": [{\"set-component-index\": {\"cbor-hex\": \"60\"}}]",
         "expected: the number of a component"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct selv_buf envelope = make(cases[i].manifest, &author);
        struct selv_manifest_verdict v;
        char why[SELV_ERROR_LEN];

        assert_false(selv_manifest_verify(selv_bytes(envelope.p, envelope.len),
                                          &author.cose, 1, NULL, &v));
        selv_manifest_why(&v, why);
        if (strstr(why, cases[i].says) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", why, cases[i].says);
        }
        free(envelope.p);
    }
}

/* Keys and components have names. */
static void test_host_manifest_why_names(void **state)
{
    static const struct {
        const char *manifest, *device;
        const char *says;
    } cases[] = {
        {PLAIN, DEVICE ", \"sequence_number\": 6, " APP,
         "lower than allowed, key 2 (sequence-number), at byte"},
        {PLAIN, DEVICE ", \"components\": [{\"id\": \"other\"}]",
         "key 2 (components), component 0 (app), at byte"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct selv_manifest_verdict v =
            judge(cases[i].manifest, cases[i].device);
        char why[SELV_ERROR_LEN];

        selv_manifest_why(&v, why);
        if (strstr(why, cases[i].says) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", why, cases[i].says);
        }
    }
}

static int keys_make(void **state)
{
    (void)state;
    return selv_key_generate(&author, &error) &&
                   selv_key_generate(&stranger, &error)
               ? 0
               : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_manifest_verify_decides),
        cmocka_unit_test(test_host_manifest_device_errors),
        cmocka_unit_test(test_host_manifest_blocks),
        cmocka_unit_test(test_host_manifest_why_is_complete),
        cmocka_unit_test(test_host_manifest_why_arguments),
        cmocka_unit_test(test_host_manifest_why_tells_parameters),
        cmocka_unit_test(test_host_manifest_why_names),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, keys_make, NULL);
}
