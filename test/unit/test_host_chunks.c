/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunk lists on hosts: of files, in templates and back, and on devices that
 * know them or do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "host/chunks.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/manifest.h"
#include "host/manifest_template.h"
#include "host/manifest_verify.h"

#define LEN(a) (sizeof(a) / sizeof(a)[0])

static struct selv_error error;
static struct selv_key author;
static char folder[] = "/tmp/selv_chunks_XXXXXX";

/* An image of 9000 bytes: three chunks of 4096, 18 of 512. */
static int setup(void **state)
{
    static uint8_t image[9000];
    char path[64];

    (void)state;
    for (size_t i = 0; i < sizeof(image); i++) {
        image[i] = (uint8_t)(i / 7);
    }
    if (selv_crypto_init() != SELV_OK || mkdtemp(folder) == NULL ||
        !selv_key_generate(&author, &error)) {
        return -1;
    }
    snprintf(path, sizeof(path), "%s/app.bin", folder);
    if (!selv_file_write(path, selv_bytes(image, sizeof(image)), 0600,
                         &error)) {
        return -1;
    }
    snprintf(path, sizeof(path), "%s/empty.bin", folder);
    return selv_file_write(path, selv_bytes(image, 0), 0600, &error) ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const names[] = {"app.bin", "empty.bin"};
    char path[64];

    (void)state;
    for (size_t i = 0; i < LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    selv_key_wipe(&author);
    return rmdir(folder);
}

/* ---- lengths ------------------------------------------------------------ */

static void test_host_chunks_shifts(void **state)
{
    static const uint64_t none[] = {0,
                                    1,
                                    256,
                                    511,
                                    513,
                                    4095,
                                    4097,
                                    65535,
                                    65537,
                                    UINT64_C(1) << 17,
                                    UINT64_C(1) << 44,
                                    UINT64_MAX};

    (void)state;
    for (uint32_t shift = 9; shift <= 16; shift++) {
        assert_int_equal(selv_chunks_shift(UINT64_C(1) << shift), shift);
    }
    for (size_t i = 0; i < LEN(none); i++) {
        assert_int_equal(selv_chunks_shift(none[i]), 0);
    }
    assert_int_equal(selv_chunks_shift_of(9000, 8 + 32 * 3), 12);
    assert_int_equal(selv_chunks_shift_of(9000, 8 + 32 * 18), 9);
    assert_int_equal(selv_chunks_shift_of(9000, 8 + 32 * 4), 0);
    assert_int_equal(selv_chunks_shift_of(9000, 0), 0);
    assert_int_equal(selv_chunks_shift_of(0, 8), 0);
    assert_int_equal(selv_chunks_shift_of(UINT64_C(9000) << 32, 104), 0);
}

static void test_host_chunks_of_a_file(void **state)
{
    struct selv_suit_chunks header;
    struct selv_buf list;
    char path[64];

    (void)state;
    snprintf(path, sizeof(path), "%s/app.bin", folder);
    assert_true(selv_chunks_make(path, 0, &list, &error));
    assert_int_equal(
        selv_suit_chunks_read(list.p, (uint32_t)list.len, 9000, &header),
        SELV_OK);
    assert_int_equal(header.shift, 12);
    free(list.p);
    assert_true(selv_chunks_make(path, 9, &list, &error));
    assert_int_equal(list.len, 8 + 32 * 18);
    free(list.p);
    snprintf(path, sizeof(path), "%s/empty.bin", folder);
    assert_false(selv_chunks_make(path, 0, &list, &error));
    assert_non_null(strstr(error.text, "is empty"));
    snprintf(path, sizeof(path), "%s/none.bin", folder);
    assert_false(selv_chunks_make(path, 0, &list, &error));
    assert_int_equal(error.exit, SELV_EXIT_ENVIRONMENT);
}

/* ---- templates ---------------------------------------------------------- */

static json_t *template_make(const char *value)
{
    json_t *list = json_loads(value, JSON_DECODE_ANY, NULL);
    json_t *template = json_pack(
        "{s:i, s:[s], s:[{s:{s:s, s:s, s:i}}], s:[{s:{s:s, s:o}}, s, s]}",
        "sequence-number", 1, "components", "app", "shared",
        "override-parameters", "vendor-identifier",
        "00000000-0000-5000-8000-000000000000", "image-digest",
        "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210",
        "image-size", 9000, "install", "override-parameters", "uri", "/i/x",
        "chunk-list", list, "fetch", "image-match");

    assert_non_null(template);
    return template;
}

static bool build(const char *value, struct selv_buf *out)
{
    json_t *template = template_make(value);
    bool done = selv_manifest_build_json(template, folder, out, &error);

    json_decref(template);
    return done;
}

/* What the list's file says, and what a digest and a length say, are the same
 * bytes; and show gives the latter. */
static void test_host_chunks_in_a_template(void **state)
{
    struct selv_suit_chunks_name name;
    uint8_t digest[SELV_SHA256_LEN];
    char digits[2 * SELV_SHA256_LEN + 1];
    char value[160];
    char path[64];
    struct selv_buf list;
    struct selv_buf one;
    struct selv_buf two;
    char *text;
    json_t *d;

    (void)state;
    snprintf(path, sizeof(path), "%s/app.bin", folder);
    assert_true(selv_chunks_make(path, 9, &list, &error));
    selv_chunks_name(selv_bytes(list.p, list.len), digest, &name);
    selv_hex_encode(selv_bytes(digest, sizeof(digest)), digits);
    snprintf(value, sizeof(value), "{\"sha256\": \"%s\", \"size\": %zu}",
             digits, list.len);
    free(list.p);
    assert_true(build(value, &one));
    assert_true(build("{\"file\": \"app.bin\", \"chunk\": 512}", &two));
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.p, two.p, one.len);
    free(two.p);
    assert_true(build("{\"file\": \"app.bin\"}", &two));
    assert_memory_not_equal(one.p, two.p, one.len);
    free(two.p);

    d = selv_manifest_describe(selv_bytes(one.p, one.len), NULL, &error);
    assert_non_null(d);
    text = json_dumps(json_object_get(d, "commands"), JSON_COMPACT);
    snprintf(value, sizeof(value),
             "\"chunk-list\":{\"sha256\":\"%s\",\"size\":584}", digits);
    assert_non_null(strstr(text, value));
    free(text);
    text = selv_manifest_prose(d);
    snprintf(value, sizeof(value),
             "a list of its chunks is sha-256 %s (584 bytes)", digits);
    assert_non_null(strstr(text, value));
    free(text);
    json_decref(d);
    free(one.p);
}

static void test_host_chunks_template_errors(void **state)
{
    static const struct {
        const char *value;
        const char *says;
    } rows[] = {
        {"1", "give {\"file\": IMAGE}"},
        {"null", "give {\"file\": IMAGE}"},
        {"[]", "give {\"file\": IMAGE}"},
        {"\"app.bin\"", "give {\"file\": IMAGE}"},
        {"{}", "give {\"file\": IMAGE}"},
        {"{\"size\": 40}", "give {\"file\": IMAGE}"},
        {"{\"sha256\": \"00\"}", "give {\"file\": IMAGE}"},
        {"{\"sha256\": \"00\", \"size\": 40}", "64 hexadecimal digits"},
        {"{\"file\": 1}", "give {\"file\": IMAGE}"},
        {"{\"file\": \"none.bin\"}", "none.bin"},
        {"{\"file\": \"empty.bin\"}", "is empty"},
        {"{\"file\": \"app.bin\", \"size\": 1}", "\"size\" is not known"},
        {"{\"file\": \"app.bin\", \"chunk\": 0}", "not a power of two"},
        {"{\"file\": \"app.bin\", \"chunk\": -512}", "not a power of two"},
        {"{\"file\": \"app.bin\", \"chunk\": 1000}", "not a power of two"},
        {"{\"file\": \"app.bin\", \"chunk\": 256}", "not a power of two"},
        {"{\"file\": \"app.bin\", \"chunk\": 131072}", "not a power of two"},
        {"{\"file\": \"app.bin\", \"chunk\": \"512\"}", "not a power of two"},
        {"{\"file\": \"app.bin\", \"chunk\": 512.0}", "not a power of two"},
        {"{\"sha256\": \"00112233445566778899aabbccddeeff0123456789abcdef"
         "fedcba9876543210\", \"size\": -1}",
         "length in bytes"},
        {"{\"sha256\": \"00112233445566778899aabbccddeeff0123456789abcdef"
         "fedcba9876543210\", \"size\": 4294967296}",
         "length in bytes"},
        {"{\"sha256\": \"00112233445566778899aabbccddeeff0123456789abcdef"
         "fedcba9876543210\", \"size\": 41}",
         "length in bytes"},
        {"{\"sha256\": \"00112233445566778899aabbccddeeff0123456789abcdef"
         "fedcba9876543210\", \"size\": 40, \"chunk\": 512}",
         "\"chunk\" is not known"},
    };

    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        struct selv_buf out = {NULL, 0, 0};

        if (build(rows[i].value, &out) ||
            strstr(error.text, rows[i].says) == NULL ||
            strstr(error.text, "override-parameters.chunk-list") == NULL) {
            fail_msg("%s: %s", rows[i].value,
                     out.p != NULL ? "taken" : error.text);
        }
    }
}

/* ---- devices ------------------------------------------------------------ */

static enum selv_err judge(struct selv_buf bare, const char *more)
{
    struct selv_manifest_verdict verdict;
    struct selv_manifest_device device;
    struct selv_buf envelope;
    char text[256];
    json_t *json;

    snprintf(text, sizeof(text),
             "{\"vendor_id\": \"00000000-0000-5000-8000-000000000000\", "
             "\"class\": \"x\", \"vendor\": \"x\", "
             "\"components\": [{\"id\": \"app\"}]%s}",
             more == NULL ? "" : more);
    assert_true(selv_manifest_sign(selv_bytes(bare.p, bare.len), &author,
                                   &envelope, &error));
    if (more != NULL) {
        json = json_loads(text, 0, NULL);
        assert_non_null(json);
        if (!selv_manifest_device_parse(json, &device, &error)) {
            fail_msg("%s", error.text);
        }
        json_decref(json);
    }
    selv_manifest_verify(selv_bytes(envelope.p, envelope.len), &author.cose, 1,
                         more == NULL ? NULL : &device, &verdict);
    free(envelope.p);
    return verdict.err;
}

static void test_host_chunks_devices(void **state)
{
    struct selv_buf good;
    struct selv_buf other;
    struct selv_manifest_device device;
    json_t *json;

    (void)state;
    assert_true(build("{\"file\": \"app.bin\"}", &good));
    assert_true(build("{\"cbor-hex\": \"01\"}", &other));
    assert_int_equal(judge(good, NULL), SELV_OK);
    assert_int_equal(judge(good, ""), SELV_OK);
    assert_int_equal(judge(good, ", \"chunk_lists\": true"), SELV_OK);
    assert_int_equal(judge(good, ", \"chunk_lists\": false"),
                     SELV_ERR_SUIT_PARAMETER);
    /* There is room for two private parameters, whosever they are. */
    assert_int_equal(judge(good, ", \"private\": {\"parameters\": [-300]}"),
                     SELV_OK);
    assert_int_equal(
        judge(good, ", \"private\": {\"parameters\": [-300, -301]}"),
        SELV_ERR_SUIT_PARAMETER);
    assert_int_equal(
        judge(good, ", \"private\": {\"parameters\": [-300, -21316]}"),
        SELV_OK);
    assert_int_equal(judge(other, NULL), SELV_ERR_SUIT_ARGUMENT);
    assert_int_equal(judge(other, ""), SELV_ERR_SUIT_ARGUMENT);
    free(good.p);
    free(other.p);
    json = json_loads("{\"vendor\": \"x\", \"class\": \"x\", \"components\": "
                      "[{\"id\": \"app\"}], \"chunk_lists\": true, "
                      "\"private\": {\"parameters\": [-300, -301]}}",
                      0, NULL);
    assert_false(selv_manifest_device_parse(json, &device, &error));
    assert_non_null(strstr(error.text, "chunk_lists"));
    json_object_set_new(json, "chunk_lists", json_integer(1));
    assert_false(selv_manifest_device_parse(json, &device, &error));
    assert_non_null(strstr(error.text, "chunk_lists"));
    json_decref(json);
    /* It is no bootloader's. */
    json = json_loads("{\"vendor\": \"x\", \"class\": \"x\", \"components\": "
                      "[{\"id\": \"app\"}], \"bootloader\": {\"profile\": "
                      "\"boot-select\", \"parameters\": [\"chunk-list\"]}}",
                      0, NULL);
    assert_false(selv_manifest_device_parse(json, &device, &error));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_chunks_shifts),
        cmocka_unit_test(test_host_chunks_of_a_file),
        cmocka_unit_test(test_host_chunks_in_a_template),
        cmocka_unit_test(test_host_chunks_template_errors),
        cmocka_unit_test(test_host_chunks_devices),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
