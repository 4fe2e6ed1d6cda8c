/* SPDX-License-Identifier: Apache-2.0
 *
 * Round trips: random templates, and envelopes of others, come back as
 * templates that make the same bytes. SELVAGE_VECTORS names a folder of
 * envelopes; without it that test is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/manifest_extract.h"
#include "host/manifest_template.h"

static struct selv_error error;
static const struct selv_manifest_template_style style;

static struct selv_buf build(json_t *template)
{
    struct selv_buf out = {NULL, 0, 0};

    if (!selv_manifest_build_json(template, NULL, &out, &error)) {
        char *text = json_dumps(template, 0);

        fail_msg("%s: %s", error.text, text);
    }
    return out;
}

static struct selv_bytes view(struct selv_buf buf)
{
    return selv_bytes(buf.p, buf.len);
}

/* show, create, and show again: the same bytes and the same template. */
static json_t *round_trip(struct selv_bytes envelope)
{
    json_t *shown = selv_manifest_template(envelope, &style, &error);
    struct selv_buf again;

    assert_non_null(shown);
    again = build(shown);
    if (!selv_bytes_equal(view(again), envelope)) {
        fail_msg("other bytes from %s", json_dumps(shown, 0));
    }
    free(again.p);
    return shown;
}

/* ---- random templates ------------------------------------------------------
 */

static uint32_t seed;

static uint32_t pick(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static json_t *random_bytes(void)
{
    static const char *const texts[] = {"a", "hello world", "\x01\n",
                                        "#\xc3\xa4"};
    char digits[65];
    uint32_t len = pick(32);

    if (pick(2) == 0) {
        return json_string(texts[pick(4)]);
    }
    for (uint32_t i = 0; i < len; i++) {
        snprintf(digits + 2 * i, 3, "%02x", (unsigned)pick(256));
    }
    digits[2 * len] = '\0';
    return json_pack("{s:s}", "hex", digits);
}

static json_t *random_component(size_t i)
{
    if (pick(2) == 0) {
        return json_sprintf("c%zu/x", i);
    }
    return json_pack("[o, o]", json_sprintf("c%zu", i), random_bytes());
}

static json_t *random_parameter(uint32_t kind, const char **name)
{
    static const char *const names[] = {"vendor-identifier",
                                        "class-identifier",
                                        "image-digest",
                                        "component-slot",
                                        "strict-order",
                                        "soft-failure",
                                        "image-size",
                                        "content",
                                        "uri",
                                        "source-component",
                                        "invoke-args",
                                        "device-identifier",
                                        "fetch-arguments",
                                        "-300",
                                        "-70000"};

    *name = names[kind];
    switch (kind) {
    case 0:
        return pick(2) == 0 ? json_pack("{s:i}", "pen", (int)pick(1u << 20))
                            : json_pack("{s:s}", "vendor", "example.com");
    case 1:
    case 11:
        return pick(2) == 0
                   ? json_string("2ed6657d-e927-568b-95e1-2665a8aea6a2")
                   : json_pack("{s:i, s:s}", "pen", (int)pick(100000), "class",
                               "sensor");
    case 2:
        return pick(2) == 0 ? json_string("00112233445566778899aabbccddeeff"
                                          "0123456789abcdeffedcba9876543210")
                            : json_pack("{s:s, s:s}", "algorithm", "sha-384",
                                        "hex", "0011");
    case 4:
    case 5:
        return json_boolean(pick(2));
    case 3:
    case 6:
    case 9:
        return pick(3) == 0 ? json_string("18446744073709551615")
                            : json_integer(pick(70000));
    case 8:
        return json_string("coap://[2001:db8::1]/i/\xc3\xa4");
    case 13:
        return pick(2) == 0 ? json_integer(-(json_int_t)pick(1000))
                            : json_string("text");
    case 14:
        return pick(2) == 0 ? json_pack("{s:s}", "cbor-hex", "820102")
                            : json_true();
    default:
        return random_bytes();
    }
}

static json_t *random_sequence(uint32_t depth, size_t components);

static json_t *random_index(size_t components)
{
    json_t *list;

    switch (pick(3)) {
    case 0:
        return json_true();
    case 1:
        return json_integer(pick((uint32_t)components));
    default:
        list = json_array();
        for (uint32_t i = 1 + pick(3); i > 0; i--) {
            json_array_append_new(list,
                                  json_integer(pick((uint32_t)components)));
        }
        return list;
    }
}

static json_t *random_command(uint32_t depth, size_t components)
{
    static const char *const policies[] = {"vendor-identifier",
                                           "class-identifier",
                                           "image-match",
                                           "component-slot",
                                           "check-content",
                                           "abort",
                                           "write",
                                           "fetch",
                                           "copy",
                                           "invoke",
                                           "device-identifier",
                                           "swap",
                                           "-257",
                                           "-99999"};
    json_t *value;

    switch (depth > 3 ? pick(4) : pick(6)) {
    case 0:
        return json_string(policies[pick(14)]);
    case 1:
        return json_pack("{s:i}", policies[pick(14)], (int)pick(16));
    case 2:
        return json_pack("{s:o}", "set-component-index",
                         random_index(components));
    case 3:
        value = json_object();
        for (uint32_t i = 1 + pick(5); i > 0; i--) {
            const char *name;
            json_t *parameter = random_parameter(pick(15), &name);

            json_object_set_new(value, name, parameter);
        }
        return json_pack("{s:o}", "override-parameters", value);
    case 4:
        return json_pack("{s:o}", "run-sequence",
                         random_sequence(depth + 1, components));
    default:
        value = json_array();
        for (uint32_t i = 2 + pick(3); i > 0; i--) {
            json_array_append_new(value,
                                  random_sequence(depth + 1, components));
        }
        if (pick(3) == 0) {
            json_array_append_new(value, json_null());
        }
        return json_pack("{s:o}", "try-each", value);
    }
}

static json_t *random_sequence(uint32_t depth, size_t components)
{
    json_t *list = json_array();

    for (uint32_t i = 1 + pick(4); i > 0; i--) {
        json_array_append_new(list, random_command(depth, components));
    }
    return list;
}

static json_t *random_text(json_t *components)
{
    json_t *texts = json_pack("{s:s, s:s, s:s}", "manifest-description", "m",
                              "json-source", "{}", "-5", "ours");
    json_t *of = json_pack("{s:O, s:s, s:s, s:s}", "component",
                           json_array_get(components, 0), "vendor-domain",
                           "example.com", "model-info", "sensor", "-1", "x");

    if (pick(2) == 0) {
        json_object_set_new(texts, "components", json_pack("[o]", of));
    } else {
        json_decref(of);
    }
    return json_pack("{s:o, s:{}}", "en", texts, "de-AT");
}

static json_t *random_template(void)
{
    static const char *const names[] = {"shared",   "payload-fetch", "install",
                                        "validate", "load",          "invoke"};
    json_t *components = json_array();
    json_t *sever = json_array();
    json_t *out = json_object();
    size_t count = 1 + pick(4);

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(components, random_component(i));
    }
    json_object_set_new(out, "sequence-number",
                        pick(4) == 0 ? json_string("9223372036854775808")
                                     : json_integer(pick(100000)));
    json_object_set_new(out, "components", components);
    for (size_t i = 0; i < 6; i++) {
        if (pick(3) == 0) {
            continue;
        }
        json_object_set_new(out, names[i], random_sequence(0, count));
        if ((i == 1 || i == 2) && pick(2) == 0) {
            json_array_append_new(sever, json_string(names[i]));
        }
    }
    if (json_object_get(out, "install") == NULL && pick(2) == 0) {
        json_object_set_new(out, "absent",
                            json_pack("{s:s}", "install",
                                      "00112233445566778899aabbccddeeff"
                                      "0123456789abcdeffedcba9876543210"));
    }
    if (pick(2) == 0) {
        json_object_set_new(out, "text", random_text(components));
        if (pick(2) == 0) {
            json_array_append_new(sever, json_string("text"));
        }
    }
    json_object_set_new(out, "sever", sever);
    if (pick(2) == 0) {
        json_object_set_new(out, "payloads",
                            json_pack("{s:o, s:o, s:o}", "#b", random_bytes(),
                                      "#a", random_bytes(), "coap://x/y",
                                      random_bytes()));
    }
    if (pick(2) == 0) {
        json_object_set_new(out, "reference-uri", json_string("coaps://x/m"));
    }
    return out;
}

static void test_host_manifest_random_round_trips(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 400; i++) {
        json_t *template;
        json_t *shown;
        struct selv_buf first;

        seed = i;
        template = random_template();
        first = build(template);
        shown = round_trip(view(first));
        if (json_object_get(shown, "unchecked") != NULL ||
            json_object_get(json_object_get(shown, "about"),
                            "not_a_template") != NULL) {
            fail_msg("seed %u: %s", (unsigned)i, json_dumps(shown, 0));
        }
        json_decref(shown);
        json_decref(template);
        free(first.p);
    }
}

/* What the draft has no words for comes back as encoded items. */
static void test_host_manifest_unchecked_round_trips(void **state)
{
    static const char *const rows[] = {
        "\"install\": [{\"19\": 15}, {\"fetch\": {\"cbor-hex\": \"80\"}}]",
        "\"install\": [{\"override-parameters\": {\"19\": {\"hex\": \"00\"}}}]",
        "\"install\": [{\"override-parameters\": {\"image-size\": "
        "{\"cbor-hex\": \"f4\"}}}]",
        "\"install\": [{\"override-parameters\": {}}]",
        "\"install\": [{\"try-each\": []}, {\"try-each\": [null]}]",
        "\"install\": [{\"set-component-index\": 7}]",
        "\"install\": {\"cbor-hex\": \"43010203\"}",
        "\"install\": {\"cbor-hex\": \"43010203\"}, \"sever\": [\"install\"]",
        "\"validate\": [\"image-match\"], \"sever\": [\"validate\"]",
        "\"text\": {\"cbor-hex\": \"41ff\"}",
        "\"text\": {\"en\": {\"7\": \"x\", \"components\": "
        "[{\"component\": \"other\"}]}}",
        "\"manifest-version\": 2",
        "\"reference-uri\": {\"cbor-hex\": \"07\"}",
        "\"other-keys\": {\"manifest\": {\"17\": {\"cbor-hex\": \"41ff\"}}, "
        "\"common\": {\"1\": {\"cbor-hex\": \"a0\"}}, \"envelope\": {\"14\": "
        "{\"cbor-hex\": \"4100\"}}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *template = json_loads("{}", 0, NULL);
        char text[512];
        struct selv_buf first;
        json_t *shown;

        json_decref(template);
        snprintf(text, sizeof(text),
                 "{\"sequence-number\": 1, \"components\": [\"app\"], "
                 "\"unchecked\": true, %s}",
                 rows[i]);
        template = json_loads(text, 0, NULL);
        assert_non_null(template);
        first = build(template);
        shown = round_trip(view(first));
        assert_true(json_is_true(json_object_get(shown, "unchecked")));
        json_object_del(shown, "unchecked");
        if (selv_manifest_build_json(shown, NULL, &first, &error)) {
            fail_msg("without \"unchecked\" it builds: %s", rows[i]);
        }
        json_decref(shown);
        json_decref(template);
        free(first.p);
    }
}

/* Bytes that no template makes are said to be none. */
static void test_host_manifest_not_a_template(void **state)
{
    json_t *template =
        json_pack("{s:i, s:[s], s:[s]}", "sequence-number", 1, "components",
                  "app", "validate", "image-match");
    struct selv_buf envelope = build(template);
    struct selv_buf more = {NULL, 0, 0};
    json_t *shown;

    (void)state;
    /* A byte behind the envelope. */
    envelope.p = realloc(envelope.p, envelope.len + 1);
    assert_non_null(envelope.p);
    envelope.p[envelope.len] = 0;
    shown = selv_manifest_template(selv_bytes(envelope.p, envelope.len + 1),
                                   &style, &error);
    assert_non_null(json_string_value(
        json_object_get(json_object_get(shown, "about"), "not_a_template")));
    assert_false(selv_manifest_build_json(shown, NULL, &more, &error));
    json_decref(shown);
    json_decref(template);
    free(envelope.p);
}

static void test_host_manifest_vectors_round_trip(void **state)
{
    const char *folder = getenv("SELVAGE_VECTORS");
    struct dirent *entry;
    size_t count = 0;
    char where[4096];
    DIR *dir = NULL;

    (void)state;
    if (folder != NULL) {
        snprintf(where, sizeof(where), "%s/suit", folder);
        dir = opendir(where);
    }
    if (dir == NULL) {
        print_message("skip: SELVAGE_VECTORS names no folder\n");
        skip();
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        struct selv_buf file;
        struct selv_bytes manifest;
        struct selv_bytes again;
        struct selv_buf made;
        char path[4096];
        json_t *shown;

        snprintf(path, sizeof(path), "%.2000s/%.2000s", where, entry->d_name);
        if (strstr(entry->d_name, ".suit") == NULL ||
            !selv_file_read(path, SELV_MANIFEST_FILE_MAX, &file, &error)) {
            continue;
        }
        shown = selv_manifest_template(view(file), &style, &error);
        if (shown != NULL && json_object_get(json_object_get(shown, "about"),
                                             "not_a_template") == NULL) {
            made = build(shown);
            assert_true(selv_manifest_content(view(file), &manifest, &error));
            assert_true(selv_manifest_content(view(made), &again, &error));
            if (!selv_bytes_equal(manifest, again)) {
                fail_msg("%s: another manifest", entry->d_name);
            }
            free(made.p);
            count++;
        }
        json_decref(shown);
        free(file.p);
    }
    closedir(dir);
    print_message("%zu envelopes\n", count);
    assert_true(count > 0);
}

/* ---- names of files ---------------------------------------------------------
 */

static void test_host_manifest_evil_file_names(void **state)
{
    static const struct {
        const char *payload;
        const char *file;
    } rows[] = {
        {"#app.bin", "app.bin"},
        {"app.bin", "7-app.bin"},
        {"#../../etc/passwd", "7-.._.._etc_passwd"},
        {"/etc/passwd", "7-_etc_passwd"},
        {"#", "7-payload"},
        {"", "7-payload"},
        {"#.", "7-."},
        {"#..", "7-.."},
        {"#.bashrc", "7-.bashrc"},
        {"#-rf", "7--rf"},
        {"#a\nb", "7-a_b"},
        {"#1-app.bin", "7-1-app.bin"},
        {"#manifest.cbor", "7-manifest.cbor"},
        {"#template.json", "7-template.json"},
        {"#text.cbor", "7-text.cbor"},
        {"#\xc3\xa4", "7-__"},
        {"#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aa",
         "7-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[SELV_MANIFEST_FILE_NAME_MAX];

        selv_manifest_file_name(
            selv_bytes(rows[i].payload, strlen(rows[i].payload)), 7, name);
        assert_string_equal(name, rows[i].file);
        assert_null(strchr(name, '/'));
    }
}

/* ---- fewer parts, and more
 * --------------------------------------------------- */

static void test_host_manifest_drop_and_put(void **state)
{
    json_t *template = json_loads(
        "{\"sequence-number\": 1, \"components\": [\"app\"], \"install\": "
        "[\"fetch\"], \"text\": {\"en\": {}}, \"sever\": [\"install\", "
        "\"text\"], \"payloads\": {\"#a\": \"1\", \"#b\": \"2\"}}",
        0, NULL);
    struct selv_buf full = build(template);
    struct selv_buf small;
    struct selv_buf back;
    struct selv_bytes text;
    struct selv_bytes bytes;
    struct selv_manifest_part drop[] = {
        {false, "text", {NULL, 0}},
        {true, "#a", {NULL, 0}},
    };
    struct selv_manifest_part put[] = {
        {true, "#a", selv_bytes("1", 1)},
        {false, "text", {NULL, 0}},
    };
    json_t *shown;

    (void)state;
    assert_true(selv_manifest_change(view(full), drop, 2, &small, &error));
    assert_true(small.len < full.len);
    shown = round_trip(view(small));
    assert_non_null(json_object_get(json_object_get(shown, "absent"), "text"));
    json_decref(shown);
    assert_false(selv_manifest_element(view(small), "text", &bytes, &error));
    assert_non_null(strstr(error.text, "taken out"));
    assert_false(selv_manifest_payload(view(small), "a", &bytes, &error));
    assert_non_null(strstr(error.text, "it has #b"));

    assert_true(selv_manifest_element(view(full), "text", &text, &error));
    put[1].bytes = text;
    assert_true(selv_manifest_change(view(small), put, 2, &back, &error));
    assert_true(selv_bytes_equal(view(back), view(full)));
    put[1].bytes = selv_bytes("\xa0", 1);
    free(back.p);
    assert_false(selv_manifest_change(view(small), put, 2, &back, &error));
    assert_non_null(strstr(error.text, "not the text that was severed"));
    drop[0].name = "validate";
    assert_false(selv_manifest_change(view(full), drop, 1, &back, &error));
    assert_non_null(strstr(error.text, "no severed"));
    json_decref(template);
    free(full.p);
    free(small.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_manifest_random_round_trips),
        cmocka_unit_test(test_host_manifest_unchecked_round_trips),
        cmocka_unit_test(test_host_manifest_not_a_template),
        cmocka_unit_test(test_host_manifest_vectors_round_trip),
        cmocka_unit_test(test_host_manifest_evil_file_names),
        cmocka_unit_test(test_host_manifest_drop_and_put),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
