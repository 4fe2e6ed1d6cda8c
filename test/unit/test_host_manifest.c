/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests made here and judged with the device's engine: the common cases,
 * the errors of templates, and every truncation and single bit flip of a
 * signed envelope. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "cbor/cbor.h"
#include "crypto/crypto.h"
#include "host/hex.h"
#include "host/manifest.h"
#include "host/manifest_verify.h"

static struct selv_key author;
static struct selv_key stranger;
static struct selv_error error;

static int keys_make(void **state)
{
    (void)state;
    return selv_key_generate(&author, &error) &&
                   selv_key_generate(&stranger, &error)
               ? 0
               : -1;
}

static struct selv_manifest_plan plan_ab(void)
{
    struct selv_manifest_plan plan = {
        .vendor = "example.com",
        .class_name = "greenhouse-sensor",
        .sequence_number = 2,
        .version = "1.1.0",
        .description = "Reads the new soil probe",
        .image_count = 2,
    };

    memset(plan.image[0].digest, 0xa1, 32);
    memset(plan.image[1].digest, 0xb2, 32);
    plan.image[0].size = 12345;
    plan.image[1].size = 54321;
    return plan;
}

/* The caller frees the result's p. */
static struct selv_buf signed_ab(void)
{
    struct selv_manifest_plan plan = plan_ab();
    struct selv_buf bare = {NULL, 0, 0};
    struct selv_buf out = {NULL, 0, 0};

    assert_true(selv_manifest_build(&plan, &bare, &error));
    assert_true(selv_manifest_sign(selv_bytes(bare.p, bare.len), &author, &out,
                                   &error));
    free(bare.p);
    return out;
}

static struct selv_manifest_device device_make(const char *text)
{
    struct selv_manifest_device device;
    json_t *json = json_loads(text, 0, NULL);

    assert_non_null(json);
    if (!selv_manifest_device_parse(json, &device, &error)) {
        fail_msg("%s", error.text);
    }
    json_decref(json);
    return device;
}

static enum selv_err judge(struct selv_buf envelope, const char *device_text)
{
    struct selv_manifest_verdict verdict;
    struct selv_manifest_device device;

    if (device_text != NULL) {
        device = device_make(device_text);
    }
    selv_manifest_verify(selv_bytes(envelope.p, envelope.len), &author.cose, 1,
                         device_text == NULL ? NULL : &device, &verdict);
    assert_int_equal(verdict.is_accepted, verdict.err == SELV_OK);
    return verdict.err;
}

#define DEVICE(sequence, slot)                                                 \
    "{\"vendor\": \"example.com\", \"class\": \"greenhouse-sensor\", "         \
    "\"sequence_number\": " sequence ", "                                      \
    "\"components\": [{\"id\": \"app\", \"slot\": " slot "}]}"

static void test_host_manifest_ab_is_accepted(void **state)
{
    struct selv_buf envelope = signed_ab();

    (void)state;
    assert_true(envelope.len < SELV_SUIT_ENVELOPE_MAX);
    assert_int_equal(judge(envelope, NULL), SELV_OK);
    assert_int_equal(judge(envelope, DEVICE("1", "0")), SELV_OK);
    assert_int_equal(judge(envelope, DEVICE("2", "1")), SELV_OK);
    assert_int_equal(judge(envelope, DEVICE("3", "0")), SELV_ERR_SUIT_SEQUENCE);
    assert_int_equal(judge(envelope, DEVICE("1", "2")), SELV_ERR_SUIT_TRY_EACH);
    free(envelope.p);
}

static void test_host_manifest_decides_as_the_device(void **state)
{
    struct selv_buf envelope = signed_ab();

    (void)state;
    assert_int_equal(
        judge(envelope,
              "{\"vendor\": \"example.org\", \"class\": \"greenhouse-sensor\","
              "\"components\": [{\"id\": \"app\", \"slot\": 0}]}"),
        SELV_ERR_SUIT_VENDOR);
    assert_int_equal(judge(envelope,
                           "{\"vendor\": \"example.com\", \"class\": \"other\","
                           "\"components\": [{\"id\": \"app\"}]}"),
                     SELV_ERR_SUIT_CLASS);
    assert_int_equal(
        judge(envelope,
              "{\"vendor\": \"example.com\", \"class\": \"greenhouse-sensor\","
              "\"components\": [{\"id\": \"radio/app\"}]}"),
        SELV_ERR_SUIT_COMPONENT);
    /* The same number with another digest is another manifest. */
    assert_int_equal(
        judge(envelope,
              "{\"vendor\": \"example.com\", \"class\": \"greenhouse-sensor\","
              "\"sequence_number\": 2, \"digest\": \"00112233445566778899aabb"
              "ccddeeff00112233445566778899aabbccddeeff\","
              "\"components\": [{\"id\": [{\"hex\": \"617070\"}]}]}"),
        SELV_ERR_UPDATE_EQUAL);
    free(envelope.p);
}

static void test_host_manifest_single_image(void **state)
{
    struct selv_manifest_plan plan = plan_ab();
    struct selv_buf bare = {NULL, 0, 0};
    struct selv_buf envelope = {NULL, 0, 0};

    (void)state;
    plan.image_count = 1;
    plan.component = "radio/firmware";
    plan.uri_base = "coap://[2001:db8::1]";
    plan.version = NULL;
    plan.description = NULL;
    assert_true(selv_manifest_build(&plan, &bare, &error));
    assert_true(selv_manifest_sign(selv_bytes(bare.p, bare.len), &author,
                                   &envelope, &error));
    assert_int_equal(judge(envelope, NULL), SELV_OK);
    assert_int_equal(
        judge(envelope,
              "{\"vendor\": \"example.com\", \"class\": \"greenhouse-sensor\","
              "\"components\": [{\"id\": \"radio/firmware\"}]}"),
        SELV_OK);
    free(bare.p);
    free(envelope.p);
}

static void test_host_manifest_signatures(void **state)
{
    struct selv_manifest_plan plan = plan_ab();
    struct selv_buf bare = {NULL, 0, 0};
    struct selv_buf one = {NULL, 0, 0};
    struct selv_buf two = {NULL, 0, 0};
    struct selv_manifest_verdict v;

    (void)state;
    assert_true(selv_manifest_build(&plan, &bare, &error));
    assert_int_equal(judge(bare, NULL), SELV_ERR_SUIT_NOT_SIGNED);
    assert_true(selv_manifest_sign(selv_bytes(bare.p, bare.len), &stranger,
                                   &one, &error));
    assert_int_equal(judge(one, NULL), SELV_ERR_COSE_NO_KEY);
    assert_true(
        selv_manifest_sign(selv_bytes(one.p, one.len), &author, &two, &error));
    assert_int_equal(judge(two, NULL), SELV_OK);
    assert_false(
        selv_manifest_verify(selv_bytes(two.p, two.len), NULL, 0, NULL, &v));
    assert_int_equal(selv_manifest_exit(&v), SELV_EXIT_SIGNATURE);
    /* What was changed is not signed again. */
    bare.p[120] ^= 1;
    free(two.p);
    assert_false(selv_manifest_sign(selv_bytes(bare.p, bare.len), &author, &two,
                                    &error));
    assert_non_null(strstr(error.text, "digest"));
    free(bare.p);
    free(one.p);
}

static void test_host_manifest_same_input_same_bytes(void **state)
{
    struct selv_buf a = signed_ab();
    struct selv_buf b = signed_ab();

    (void)state;
    assert_true(
        selv_bytes_equal(selv_bytes(a.p, a.len), selv_bytes(b.p, b.len)));
    free(a.p);
    free(b.p);
}

/* Cut anywhere: refused. A copy of exactly that size lets the sanitizer see
 * overreads. */
static void test_host_manifest_evil_truncations(void **state)
{
    struct selv_buf envelope = signed_ab();

    (void)state;
    for (size_t len = 0; len < envelope.len; len++) {
        uint8_t *cut = malloc(len + 1);
        struct selv_manifest_verdict v;

        assert_non_null(cut);
        memcpy(cut, envelope.p, len);
        assert_false(selv_manifest_verify(selv_bytes(cut, len), &author.cose, 1,
                                          NULL, &v));
        assert_int_not_equal(v.err, SELV_OK);
        assert_true(v.where.offset <= len);
        free(cut);
    }
    free(envelope.p);
}

/* Each bit flipped: refused, unless only the unprotected kid changed, which
 * nothing authenticates; then the effect is the same. The key has no kid to
 * compare, which is the worst case. */
static void test_host_manifest_evil_bit_flips(void **state)
{
    struct selv_buf envelope = signed_ab();
    struct selv_cose_key any = author.cose;
    struct selv_manifest_verdict right;
    size_t harmless = 0;

    (void)state;
    any.kid_len = 0;
    assert_true(selv_manifest_verify(selv_bytes(envelope.p, envelope.len), &any,
                                     1, NULL, &right));
    for (size_t bit = 0; bit < envelope.len * 8; bit++) {
        struct selv_manifest_verdict v;

        envelope.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (selv_manifest_verify(selv_bytes(envelope.p, envelope.len), &any, 1,
                                 NULL, &v)) {
            assert_memory_equal(v.digest, right.digest, 32);
            assert_true(v.sequence_number == right.sequence_number);
            harmless++;
        } else {
            assert_int_not_equal(v.err, SELV_OK);
        }
        envelope.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    /* 8 bytes of kid, and six other labels that the kid's can turn into. */
    assert_int_equal(harmless, 64 + 6);
    free(envelope.p);
}

static void test_host_manifest_describe(void **state)
{
    struct selv_buf envelope = signed_ab();
    json_t *d = selv_manifest_describe(selv_bytes(envelope.p, envelope.len),
                                       NULL, &error);
    char *prose;

    (void)state;
    assert_non_null(d);
    assert_int_equal(json_integer_value(json_object_get(d, "sequence_number")),
                     2);
    assert_true(json_is_true(json_object_get(d, "digest_is_right")));
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(d, "components"), 0)),
        "app");
    prose = selv_manifest_prose(d);
    assert_non_null(strstr(prose, "(example.com)"));
    assert_non_null(strstr(prose, "(greenhouse-sensor)"));
    assert_non_null(strstr(prose, "[try-each]"));
    assert_non_null(strstr(prose, "12345 bytes"));
    assert_non_null(strstr(prose, "component-version: 1.1.0"));
    assert_non_null(strstr(prose, "/i/a1a1a1a1"));
    free(prose);
    json_decref(d);
    /* Anything cut or changed is described or refused, never a crash. */
    for (size_t bit = 0; bit < envelope.len * 8; bit++) {
        envelope.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        d = selv_manifest_describe(selv_bytes(envelope.p, envelope.len), NULL,
                                   &error);
        if (d != NULL) {
            free(selv_manifest_prose(d));
        }
        json_decref(d);
        envelope.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < envelope.len; len++) {
        json_decref(
            selv_manifest_describe(selv_bytes(envelope.p, len), NULL, &error));
    }
    free(envelope.p);
}

/* Text in an envelope cannot steer the terminal. */
static void test_host_manifest_prose_has_no_controls(void **state)
{
    struct selv_manifest_plan plan = plan_ab();
    struct selv_buf bare = {NULL, 0, 0};
    json_t *d;
    char *prose;

    (void)state;
    plan.description = "a\033[2Jb\nsigned by nobody\xc2\x9b"
                       "c";
    assert_true(selv_manifest_build(&plan, &bare, &error));
    d = selv_manifest_describe(selv_bytes(bare.p, bare.len), NULL, &error);
    prose = selv_manifest_prose(d);
    assert_null(strchr(prose, '\033'));
    assert_null(strstr(prose, "\xc2\x9b"));
    assert_null(strstr(prose, "\nsigned by nobody"));
    assert_non_null(strstr(prose, "a?[2Jb?signed by nobody?c"));
    free(prose);
    json_decref(d);
    free(bare.p);
}

#define BASE "\"sequence-number\": 1, \"components\": [\"app\"]"

static void test_host_manifest_template_errors(void **state)
{
    static const struct {
        const char *template;
        const char *says;
    } rows[] = {
        {"[]", "not a JSON object"},
        {"{}", "template.sequence-number"},
        {"{\"sequence-number\": -1, \"components\": [\"a\"]}", "not negative"},
        {"{\"sequence-number\": 1}", "template.components"},
        {"{\"sequence-number\": 1, \"components\": []}", "template.components"},
        {"{\"sequence-number\": 1, \"components\": [\"\"]}",
         "template.components[0]: an empty path segment"},
        {"{\"sequence-number\": 1, \"components\": [[]]}",
         "template.components[0]"},
        {"{" BASE ", \"instal\": [\"fetch\"]}", "\"instal\" is not known"},
        {"{" BASE ", \"install\": []}", "template.install: give a list"},
        {"{" BASE ", \"install\": \"fetch\"}", "template.install: give a list"},
        {"{" BASE ", \"install\": [\"fetsh\"]}",
         "template.install[0]: \"fetsh\" is not a command"},
        {"{" BASE ", \"install\": [{\"fetch\": 16}]}",
         "template.install[0].fetch: a reporting policy"},
        {"{" BASE ", \"install\": [{}]}", "template.install[0]: a command is"},
        {"{" BASE ", \"install\": [{\"fetch\": 1, \"copy\": 1}]}",
         "template.install[0]: a command is"},
        {"{" BASE ", \"install\": [{\"try-each\": [[\"fetch\"]]}]}",
         "at least two"},
        {"{" BASE ", \"install\": [{\"try-each\": [null, [\"fetch\"]]}]}",
         "try-each[0]: null may only stand last"},
        {"{" BASE ", \"install\": [{\"set-component-index\": 1}]}",
         "the number of a component"},
        {"{" BASE ", \"install\": [{\"override-parameters\": {}}]}",
         "an object of parameters"},
        {"{" BASE ", \"install\": [{\"override-parameters\": {\"color\": 1}}]}",
         "\"color\" is not a parameter"},
        {"{" BASE ", \"install\": [{\"override-parameters\": "
         "{\"image-digest\": \"abc\"}}]}",
         "template.install[0].override-parameters.image-digest: a SHA-256"},
        {"{" BASE ", \"install\": [{\"override-parameters\": "
         "{\"image-digest\": {\"file\": \"/no/such/image\"}}}]}",
         "/no/such/image"},
        {"{" BASE ", \"install\": [{\"override-parameters\": "
         "{\"image-size\": 1.5}}]}",
         "whole number"},
        {"{" BASE ", \"install\": [{\"override-parameters\": "
         "{\"vendor-identifier\": \"example.com\"}}]}",
         "not a UUID"},
        {"{" BASE ", \"install\": [{\"override-parameters\": "
         "{\"vendor-identifier\": {\"class\": \"x\"}}}]}",
         "give a UUID"},
        {"{" BASE ", \"sever\": [\"validate\"], \"validate\": [\"invoke\"]}",
         "only payload-fetch"},
        {"{" BASE ", \"sever\": [\"install\"]}", "has no \"install\""},
        {"{" BASE ", \"text\": {}}", "template.text"},
        {"{" BASE ", \"text\": {\"en\": {\"author\": \"me\"}}}",
         "template.text.en: \"author\" is not a kind of text"},
        {"{" BASE ", \"text\": {\"en\": {\"components\": "
         "[{\"component\": \"other\"}]}}}",
         "no such component"},
        {"{" BASE ", \"payloads\": {\"\": \"y\"}}", "without a name"},
        {"{" BASE ", \"payloads\": [\"#x\"]}", "not an object"},
        {"{" BASE ", \"payloads\": {\"#x\": {\"hex\": \"abc\"}}}",
         "template.payloads.#x: \"hex\" is not"},
        {"{" BASE ", \"payloads\": {\"#x\": {\"file\": \"/dev/null\","
         "\"size\": 1}}}",
         "is another than \"size\""},
        {"{" BASE ", \"install\": [\"3\"]}",
         "template.install[0]: 3 has a name: \"image-match\""},
        {"{" BASE ", \"install\": [\"-256\"]}", "has no command -256"},
        {"{" BASE ", \"install\": [\"-0300\"]}", "is not a command"},
        {"{" BASE ", \"install\": [{\"-300\": 16}]}",
         "template.install[0].-300: a reporting policy"},
        {"{" BASE ", \"install\": [{\"fetch\": {\"cbor-hex\": \"02\"}}]}",
         "\"unchecked\""},
        {"{" BASE ", \"unchecked\": true, \"install\": [{\"fetch\": "
         "{\"cbor-hex\": \"0202\"}}]}",
         "not one item"},
        {"{" BASE ", \"unchecked\": 1}", "\"unchecked\" is true or false"},
        {"{" BASE ", \"other-keys\": {}}", "template.other-keys: only"},
        {"{" BASE ", \"manifest-version\": 2}", "version is 1"},
        {"{" BASE ", \"absent\": {\"validate\": \"00\"}}",
         "only payload-fetch"},
        {"{" BASE ", \"install\": [\"fetch\"], \"absent\": {\"install\": "
         "\"00\"}}",
         "it is not absent"},
        {"{" BASE ", \"install\": [{\"override-parameters\": {\"26\": 1}}]}",
         "has no parameter 26"},
        {"{" BASE ", \"install\": [{\"override-parameters\": {\"-301\": "
         "1.5}}]}",
         "override-parameters.-301: give a whole number"},
        {"{" BASE ", \"install\": [{\"override-parameters\": "
         "{\"image-digest\": {\"algorithm\": \"md5\", \"hex\": \"00\"}}}]}",
         "\"algorithm\" is not sha-256"},
        {"{" BASE ", \"install\": [{\"override-parameters\": "
         "{\"class-identifier\": {\"pen\": 1}}}]}",
         "with \"pen\" give \"class\""},
        {"{" BASE ", \"install\": [{\"override-parameters\": "
         "{\"vendor-identifier\": {\"pen\": -1}}}]}",
         "not a private enterprise number"},
        {"{" BASE ", \"install\": [{\"override-parameters\": "
         "{\"vendor-identifier\": {\"vendor\": \"example.com\", \"uuid\": "
         "\"2ed6657d-e927-568b-95e1-2665a8aea6a2\"}}}]}",
         "the names give"},
        {"{" BASE ", \"about\": {\"not_a_template\": \"x\"}}",
         "would not give the same manifest"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *template = json_loads(rows[i].template, 0, NULL);
        struct selv_buf out = {NULL, 0, 0};

        assert_non_null(template);
        error.text[0] = '\0';
        assert_false(selv_manifest_build_json(template, NULL, &out, &error));
        if (strstr(error.text, rows[i].says) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].template,
                     error.text, rows[i].says);
        }
        json_decref(template);
    }
}

/* All that a template can say comes out deterministic, with maps in order
 * however the template has them, and described again. */
static void test_host_manifest_template_everything(void **state)
{
    static const char text[] =
        "{\"sequence-number\": 7, \"reference-uri\": \"https://example.com\","
        " \"components\": [\"b/a\", [\"x\", {\"hex\": \"00ff\"}], \"a\"],"
        " \"shared\": [{\"set-component-index\": true},"
        "   {\"override-parameters\": {\"strict-order\": false,"
        "     \"vendor-identifier\": \"2ed6657d-e927-568b-95e1-2665a8aea6a2\","
        "     \"content\": \"hello\", \"image-size\": 9}}],"
        " \"payload-fetch\": [{\"set-component-index\": [0, 2]},"
        "   {\"run-sequence\": [\"fetch\"]}],"
        " \"install\": [{\"set-component-index\": 1},"
        "   {\"try-each\": [[\"image-match\"], [{\"copy\": 15}], null]}],"
        " \"invoke\": [{\"set-component-index\": 0}, \"invoke\"],"
        " \"text\": {\"de\": {\"components\": [{\"component\": \"b/a\","
        "   \"vendor-name\": \"V\"}, {\"component\": \"a\"}]},"
        "   \"en-GB\": {\"update-description\": \"u\","
        "   \"manifest-description\": \"m\"}, \"a\": {}},"
        " \"sever\": [\"install\", \"payload-fetch\"],"
        " \"payloads\": {\"#bb\": \"2\", \"#a\": {\"hex\": \"01\"},"
        "   \"#ab\": \"3\"}}";
    json_t *template = json_loads(text, 0, NULL);
    struct selv_buf out = {NULL, 0, 0};
    struct selv_cbor r;
    json_t *d;
    char *prose;

    (void)state;
    assert_non_null(template);
    if (!selv_manifest_build_json(template, NULL, &out, &error)) {
        fail_msg("%s", error.text);
    }
    selv_cbor_init(&r, selv_bytes(out.p, out.len));
    assert_int_equal(selv_cbor_skip(&r, NULL), SELV_OK);
    assert_int_equal(selv_cbor_end(&r), SELV_OK);
    d = selv_manifest_describe(selv_bytes(out.p, out.len), NULL, &error);
    assert_non_null(d);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(d, "components"), 1)),
        "x/h'00ff'");
    assert_string_equal(
        json_string_value(json_object_get(
            json_array_get(json_object_get(d, "payloads"), 0), "name")),
        "#a");
    assert_int_equal(json_array_size(json_object_get(d, "severed")), 2);
    prose = selv_manifest_prose(d);
    assert_non_null(strstr(prose, "or else nothing"));
    assert_non_null(
        strstr(prose, "From here on, for components 0 (b/a) and 2 (a)"));
    free(prose);
    json_decref(d);
    json_decref(template);
    free(out.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_manifest_ab_is_accepted),
        cmocka_unit_test(test_host_manifest_decides_as_the_device),
        cmocka_unit_test(test_host_manifest_single_image),
        cmocka_unit_test(test_host_manifest_signatures),
        cmocka_unit_test(test_host_manifest_same_input_same_bytes),
        cmocka_unit_test(test_host_manifest_evil_truncations),
        cmocka_unit_test(test_host_manifest_evil_bit_flips),
        cmocka_unit_test(test_host_manifest_describe),
        cmocka_unit_test(test_host_manifest_prose_has_no_controls),
        cmocka_unit_test(test_host_manifest_template_errors),
        cmocka_unit_test(test_host_manifest_template_everything),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, keys_make, NULL);
}
