/* SPDX-License-Identifier: Apache-2.0
 *
 * A manifest that breaks each rule, and its neighbour that does not. Rows are
 * members put over a manifest without findings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "host/manifest_lint.h"

static struct selv_error error;
static struct selv_key author;
static struct selv_key stranger;

#define DIGEST                                                                 \
    "\"00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210\""
#define IDS                                                                    \
    "\"vendor-identifier\": {\"vendor\": \"example.com\"}, "                   \
    "\"class-identifier\": {\"vendor\": \"example.com\", \"class\": "          \
    "\"sensor\"}"
#define IMAGE "\"image-digest\": " DIGEST ", \"image-size\": 9"
#define LIST(size)                                                             \
    "\"chunk-list\": {\"sha256\": " DIGEST ", \"size\": " size "}"
#define CHECKS "\"vendor-identifier\", \"class-identifier\""
#define SET(parameters) "{\"override-parameters\": {" parameters "}}"
#define INDEX(index) "{\"set-component-index\": " index "}"
#define SHARED SET(IDS ", " IMAGE) ", " CHECKS
#define INSTALL SET("\"uri\": \"/i/x\"") ", \"fetch\", \"image-match\""

static const char base[] =
    "{\"sequence-number\": 1, \"components\": [\"app\"], \"shared\": [" SHARED
    "], \"install\": [" INSTALL "], \"validate\": [\"image-match\"], "
    "\"invoke\": [\"invoke\"]}";

struct row {
    const char *rule;
    const char *bad;
    const char *good; /* NULL: the base itself */
};

/* Two components, of which the second is the staging place. */
#define TWO "\"components\": [\"app\", \"stage\"], "
#define TWO_SHARED "\"shared\": [" INDEX("true") ", " SHARED "], "
#define TWO_REST                                                               \
    ", \"validate\": [" INDEX("0") ", \"image-match\"], \"invoke\": [" INDEX(  \
        "0") ", \"invoke\"]"
#define FETCH_1                                                                \
    INDEX("1")                                                                 \
    ", " SET("\"uri\": \"/i/x\"") ", \"fetch\", \"image-match\""
#define COPY_0                                                                 \
    INDEX("0")                                                                 \
    ", " SET("\"source-component\": 1") ", \"copy\", \"image-match\""

static const struct row rows[] = {
    {"no-vendor-check",
     "\"shared\": [" SET(IDS ", " IMAGE) ", \"class-identifier\"]", NULL},
    {"no-class-check",
     "\"shared\": [" SET(IDS ", " IMAGE) ", \"vendor-identifier\"]", NULL},
    {"no-component-index", TWO TWO_SHARED "\"install\": [" INSTALL "]" TWO_REST,
     TWO TWO_SHARED "\"install\": [" FETCH_1 ", " COPY_0 "]" TWO_REST},
    {"index-range",
     "\"unchecked\": true, \"invoke\": [" INDEX("1") ", \"invoke\"]",
     "\"invoke\": [" INDEX("0") ", \"invoke\"]"},
    {"shared-effect",
     "\"shared\": [" SHARED
     ", " SET("\"uri\": \"/x\"") ", \"fetch\", \"image-match\"]",
     NULL},
    {"private-in-shared", "\"shared\": [" SHARED ", \"-300\"]",
     "\"invoke\": [\"-300\", \"invoke\"]"},
    {"private-in-shared", "\"shared\": [" SHARED ", " SET("\"-300\": 1") "]",
     "\"install\": [" SET("\"-300\": 1") ", " INSTALL "]"},
    {"private-number", "\"install\": [" SET("\"-300\": 1") ", " INSTALL "]",
     NULL},
    {"unassigned", "\"unchecked\": true, \"invoke\": [\"4\", \"invoke\"]",
     NULL},
    {"unassigned",
     "\"unchecked\": true, \"other-keys\": {\"manifest\": {\"17\": "
     "{\"cbor-hex\": \"41ff\"}}}",
     NULL},
    {"malformed",
     "\"unchecked\": true, \"invoke\": [{\"invoke\": {\"cbor-hex\": "
     "\"10\"}}]",
     "\"invoke\": [{\"invoke\": 15}]"},
    {"malformed", "\"unchecked\": true, \"invoke\": {\"cbor-hex\": \"420102\"}",
     NULL},
    {"malformed", "\"unchecked\": true, \"text\": {\"cbor-hex\": \"41ff\"}",
     NULL},
    {"text-not-severable", "\"text\": {\"en\": {}}, \"sever\": []",
     "\"text\": {\"en\": {\"manifest-description\": \"some forty bytes "
     "of "
     "text, or more than that\"}}"},
    {"severed-too-small", "\"text\": {\"en\": {}}, \"sever\": [\"text\"]",
     "\"text\": {\"en\": {\"manifest-description\": \"some forty bytes "
     "of "
     "text, or more than that\"}}, \"sever\": [\"text\"]"},
    {"parameter-unset", "\"install\": [\"fetch\", \"image-match\"]", NULL},
    {"parameter-unset",
     "\"shared\": [" SET(IDS) ", " CHECKS
                              "], \"install\": [" SET(IMAGE) ", " INSTALL "]",
     NULL},
    {"parameter-maybe-unset",
     "\"install\": [{\"try-each\": [[" SET(
         "\"component-slot\": 0, \"uri\": "
         "\"/a\"") ", \"component-slot\"], "
                   "[" SET("\"component-slot\": 1") ", "
                                                    "\"component-slot\"]]},"
                                                    " \"fetch\", "
                                                    "\"image-match\"]",
     "\"install\": [{\"try-each\": [[" SET(
         "\"component-slot\": 0") ", "
                                  "\"component-slot\", " SET(
                                      "\"uri\": "
                                      "\"/a\"") "], [" SET("\"component-slot\":"
                                                           " 1") ", "
                                                                 "\"compo"
                                                                 "nent-"
                                                                 "slot\","
                                                                 " " SET(
                                                                     "\"uri\": "
                                                                     "\"/b\"") "]]},"
                                                                               " \"fetch\", \"image-match\"]"},
    {"parameter-unused",
     "\"invoke\": [" SET("\"content\": \"x\"") ", \"invoke\"]",
     "\"invoke\": [" SET("\"invoke-args\": \"x\"") ", \"invoke\"]"},
    {"parameter-unused",
     "\"install\": [" SET("\"uri\": \"/old\"") ", " INSTALL "]", NULL},
    {"chunk-list-length",
     "\"install\": [" SET("\"uri\": \"/i/x\", " LIST("72")) ", \"fetch\", "
                                                            "\"image-match\"]",
     "\"install\": [" SET("\"uri\": \"/i/x\", " LIST("40")) ", \"fetch\", "
                                                            "\"image-match\"]"},
    {"private-in-shared", "\"shared\": [" SHARED ", " SET(LIST("40")) "]",
     "\"install\": [" SET(LIST("40")) ", " INSTALL "]"},
    {"malformed",
     "\"install\": [" SET("\"chunk-list\": {\"cbor-hex\": \"01\"}") ", " INSTALL
                                                                    "]",
     "\"install\": [" SET(LIST("40")) ", " INSTALL "]"},
    {"parameter-unused", "\"install\": [" INSTALL ", " SET(LIST("40")) "]",
     "\"install\": [" SET(LIST("40")) ", " INSTALL "]"},
    {"fetch-without-size",
     "\"shared\": [" SET(IDS ", \"image-digest\": " DIGEST) ", " CHECKS "]",
     NULL},
    {"fetch-without-digest",
     "\"shared\": [" SET(IDS) ", " CHECKS "], \"install\": [" SET(
         "\"uri\": \"/i/x\"") ", \"fetch\", " SET(IMAGE) ", "
                                                         "\"image-"
                                                         "match\"], "
                                                         "\"validate\":"
                                                         " [" SET(IMAGE) ", "
                                                                         "\""
                                                                         "im"
                                                                         "ag"
                                                                         "e-"
                                                                         "ma"
                                                                         "tc"
                                                                         "h"
                                                                         "\""
                                                                         "]",
     NULL},
    {"written-unchecked",
     "\"install\": [" SET("\"uri\": \"/i/x\"") ", \"fetch\"], \"validate\": "
                                               "[\"vendor-identifier\"]",
     "\"install\": [" SET("\"uri\": \"/i/x\"") ", \"fetch\"]"},
    {"invoke-unchecked", "\"validate\": [\"vendor-identifier\"]", NULL},
    {"validate-without-match",
     "\"validate\": [\"vendor-identifier\"], \"invoke\": "
     "[\"image-match\", "
     "\"invoke\"]",
     NULL},
    {"source-is-target",
     TWO TWO_SHARED "\"install\": [" FETCH_1 ", " INDEX("1") ", " SET(
         "\"source-component\": 1") ", \"copy\", "
                                    "\"image-match\"]" TWO_REST,
     TWO TWO_SHARED "\"install\": [" FETCH_1 ", " COPY_0 "]" TWO_REST},
    {"soft-failure-outside",
     "\"invoke\": [" SET("\"soft-failure\": true") ", \"invoke\"]",
     "\"invoke\": [{\"run-sequence\": [" SET(
         "\"soft-failure\": true") ", \"image-match\"]}, \"invoke\"]"},
    {"soft-failure-default",
     "\"invoke\": [{\"run-sequence\": [" SET(
         "\"soft-failure\": false") ", \"image-match\"]}, \"invoke\"]",
     "\"invoke\": [{\"run-sequence\": [" SET(
         "\"soft-failure\": true") ", \"image-match\"]}, \"invoke\"]"},
    {"strict-order-race",
     TWO TWO_SHARED "\"install\": [" SET("\"uri\": \"/a\"") ", " INDEX(
         "0") ", " SET("\"strict-order\": false") ", " FETCH_1 ", " COPY_0
                                                  "]" TWO_REST,
     TWO TWO_SHARED "\"install\": [" INDEX("0") ", " SET(
         "\"strict-order\": false") ", " FETCH_1 ", " SET("\"strict-order\": "
                                                          "true") ", " COPY_0
                                                                  "]" TWO_REST},
    {"strict-order-index",
     "\"install\": [" SET(
         "\"strict-order\": false, \"uri\": \"/i/x\"") ", "
                                                       "{\"run-"
                                                       "sequence\": "
                                                       "[\"fetch\"]},"
                                                       " " SET(
                                                           "\"stric"
                                                           "t-"
                                                           "order\""
                                                           ": true") ", "
                                                                     "\"image-"
                                                                     "match\"]",
     "\"install\": [" SET(
         "\"strict-order\": false, \"uri\": \"/i/x\"") ", "
                                                       "{\"run"
                                                       "-seque"
                                                       "nce\":"
                                                       " "
                                                       "[" INDEX(
                                                           "0") ", "
                                                                "\"fetch\"]},"
                                                                " " SET(
                                                                    "\""
                                                                    "st"
                                                                    "ri"
                                                                    "ct"
                                                                    "-o"
                                                                    "rd"
                                                                    "er"
                                                                    "\""
                                                                    ": "
                                                                    "tr"
                                                                    "u"
                                                                    "e") ","
                                                                         " "
                                                                         "\"ima"
                                                                         "ge-"
                                                                         "m"
                                                                         "a"
                                                                         "t"
                                                                         "c"
                                                                         "h"
                                                                         "\""
                                                                         "]"},
    {"dead-alternative",
     "\"install\": [{\"try-each\": [[" SET("\"uri\": \"/a\"") "], [" SET(
         "\"uri\": \"/b\"") "]]}, "
                            "\"fetch\", "
                            "\"image-"
                            "match\"]",
     "\"install\": [{\"try-each\": [[\"image-match\", " SET(
         "\"uri\": \"/a\"") "], [" SET("\"uri\": \"/b\"") "]]}, "
                                                          "\"fetch\", "
                                                          "\"image-"
                                                          "match\"]"},
    {"dead-alternative",
     "\"install\": [" SET(
         "\"uri\": \"/a\"") ", {\"try-each\": "
                            "[[\"image-match\"], [\"fetch\"], null]}]",
     "\"install\": [" SET("\"uri\": \"/a\"") ", {\"try-each\": "
                                             "[[\"image-match\"], [\"fetch\", "
                                             "\"image-match\"], null]}]"},
    {"alternative-fails",
     "\"invoke\": [{\"try-each\": [[\"abort\"], [\"invoke\"]]}]",
     "\"invoke\": [{\"try-each\": [[\"image-match\"], [\"abort\", " SET(
         "\"soft-failure\": false") "]]}, \"invoke\"]"},
    {"only-nil-left",
     "\"invoke\": [{\"try-each\": [[\"abort\"], [\"abort\"], null]}, "
     "\"invoke\"]",
     "\"invoke\": [{\"try-each\": [[\"abort\"], [\"image-match\"], "
     "null]}, "
     "\"invoke\"]"},
    {"dead-command", "\"invoke\": [\"abort\", \"invoke\"]", NULL},
    {"slot-without-try-each",
     "\"invoke\": [" SET(
         "\"component-slot\": 0") ", \"component-slot\", \"invoke\"]",
     "\"invoke\": [{\"try-each\": [[" SET(
         "\"component-slot\": 0") ", \"component-slot\"], [" SET("\"com"
                                                                 "ponen"
                                                                 "t-"
                                                                 "slot"
                                                                 "\": "
                                                                 "1") ", "
                                                                      "\"compon"
                                                                      "ent-"
                                                                      "slot\"]]"
                                                                      "}, "
                                                                      "\"invoke"
                                                                      "\"]"},
    {"uri-loopback",
     "\"install\": [" SET(
         "\"uri\": \"coap://127.0.0.1:5683/i/x\"") ", \"fetch\", "
                                                   "\"image-match\"]",
     "\"install\": [" SET(
         "\"uri\": \"coap://[2001:db8::1]/localhost\"") ", \"fetch\", "
                                                        "\"image-"
                                                        "match\"]"},
    {"uri-loopback",
     "\"install\": [" SET("\"uri\": \"http://LocalHost\"") ", \"fetch\", "
                                                           "\"image-match\"]",
     "\"install\": [" SET(
         "\"uri\": \"http://localhosts.example\"") ", \"fetch\", "
                                                   "\"image-match\"]"},
    {"uri-userinfo",
     "\"install\": [" SET(
         "\"uri\": \"http://me:secret@example.com/x\"") ", \"fetch\", "
                                                        "\"image-"
                                                        "match\"]",
     "\"install\": [" SET(
         "\"uri\": \"http://example.com/x@y\"") ", \"fetch\", "
                                                "\"image-match\"]"},
    {"payload-missing",
     "\"install\": [" SET("\"uri\": \"#app\"") ", \"fetch\", \"image-match\"]",
     "\"install\": [" SET(
         "\"uri\": \"#app\"") ", \"fetch\", \"image-match\"], "
                              "\"payloads\": {\"#app\": \"x\"}"},
    {"payload-unused", "\"payloads\": {\"#app\": \"x\"}", NULL},
    {"payload-order",
     "\"install\": [" SET("\"uri\": \"#b\"") ", \"fetch\", "
                                             "\"image-match\", " SET(
                                                 "\"uri\": \"#a\"") ", "
                                                                    "\""
                                                                    "fe"
                                                                    "tc"
                                                                    "h"
                                                                    "\""
                                                                    ", "
                                                                    "\""
                                                                    "im"
                                                                    "ag"
                                                                    "e-"
                                                                    "ma"
                                                                    "tc"
                                                                    "h"
                                                                    "\""
                                                                    "],"
                                                                    " "
                                                                    "\""
                                                                    "pa"
                                                                    "yl"
                                                                    "oa"
                                                                    "ds"
                                                                    "\""
                                                                    ": "
                                                                    "{"
                                                                    "\""
                                                                    "#a"
                                                                    "\""
                                                                    ": "
                                                                    "\""
                                                                    "x"
                                                                    "\""
                                                                    ", "
                                                                    "\""
                                                                    "#b"
                                                                    "\""
                                                                    ": "
                                                                    "\""
                                                                    "y"
                                                                    "\""
                                                                    "}",
     "\"install\": [" SET("\"uri\": \"#a\"") ", \"fetch\", "
                                             "\"image-match\", " SET(
                                                 "\"uri\": \"#b\"") ", "
                                                                    "\""
                                                                    "fe"
                                                                    "tc"
                                                                    "h"
                                                                    "\""
                                                                    ", "
                                                                    "\""
                                                                    "im"
                                                                    "ag"
                                                                    "e-"
                                                                    "ma"
                                                                    "tc"
                                                                    "h"
                                                                    "\""
                                                                    "],"
                                                                    " "
                                                                    "\""
                                                                    "pa"
                                                                    "yl"
                                                                    "oa"
                                                                    "ds"
                                                                    "\""
                                                                    ": "
                                                                    "{"
                                                                    "\""
                                                                    "#a"
                                                                    "\""
                                                                    ": "
                                                                    "\""
                                                                    "x"
                                                                    "\""
                                                                    ", "
                                                                    "\""
                                                                    "#b"
                                                                    "\""
                                                                    ": "
                                                                    "\""
                                                                    "y"
                                                                    "\""
                                                                    "}"},
    {"sequence-zero", "\"sequence-number\": 0", NULL},
    {"nothing-to-do", "\"install\": null, \"invoke\": null", NULL},
    {"uuid-version",
     "\"shared\": [" SET(
         "\"vendor-identifier\": "
         "\"c232ab00-9414-11ec-b3c8-9f6bdeced846\", "
         "\"class-identifier\": "
         "\"2ed6657d-e927-568b-95e1-2665a8aea6a2\", " IMAGE) ", " CHECKS "]",
     NULL},
    {"content-large",
     "\"install\": [" INSTALL
     ", " SET("\"content\": "
              "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
              "aaaaaaaaa\"") ", \"write\"]",
     "\"install\": [" INSTALL ", " SET("\"content\": \"a\"") ", \"write\"]"},
    {"digest-algorithm",
     "\"shared\": [" SET(
         IDS ", \"image-size\": 1, \"image-digest\": "
             "{\"algorithm\": \"sha-384\", \"hex\": \"00\"}") ", " CHECKS "]",
     NULL},
    {"component-twice", "\"components\": [\"app\", \"app\"]", NULL},
    {"component-unused", "\"components\": [\"app\", \"stage\"]", NULL},
    {"text-language",
     "\"text\": {\"en_GB\": {\"manifest-description\": \"some forty "
     "bytes of "
     "text, or more than that\"}}",
     "\"text\": {\"zh-Hant-1994\": {\"manifest-description\": \"some "
     "forty "
     "bytes of text, or more than that\"}}"},
    {"text-component",
     "\"unchecked\": true, \"text\": {\"en\": {\"components\": "
     "[{\"component\": \"other\", \"vendor-name\": \"some forty bytes "
     "of "
     "text\"}]}}",
     "\"text\": {\"en\": {\"components\": [{\"component\": \"app\", "
     "\"vendor-name\": \"some forty bytes of text, or more\"}]}}"},
    {"text-vendor",
     "\"text\": {\"en\": {\"components\": [{\"component\": \"app\", "
     "\"vendor-domain\": \"example.org\", \"vendor-name\": \"some more "
     "text, "
     "for length\"}]}}",
     "\"text\": {\"en\": {\"components\": [{\"component\": \"app\", "
     "\"vendor-domain\": \"example.com\", \"vendor-name\": \"some more "
     "text, "
     "for length\"}]}}"},
    {"text-class",
     "\"text\": {\"en\": {\"components\": [{\"component\": \"app\", "
     "\"model-info\": \"pump\", \"vendor-name\": \"some more text, for "
     "length, "
     "and more\"}]}}",
     "\"text\": {\"en\": {\"components\": [{\"component\": \"app\", "
     "\"model-info\": \"sensor\", \"vendor-name\": \"some more text, "
     "for "
     "length, and more\"}]}}"},
    {"device-limit",
     "\"install\": [" SET(
         "\"uri\": "
         "\"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaa"
         "\"") ", \"fetch\", \"image-match\"]",
     NULL},
    {"device-limit",
     "\"components\": [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", "
     "\"g\", "
     "\"h\", \"i\"]",
     NULL},
    {"boot-command",
     "\"invoke\": [{\"run-sequence\": [\"image-match\"]}, \"invoke\"]", NULL},
};

static json_t *template_make(const char *members)
{
    json_t *template = json_loads(base, 0, NULL);
    const char *key;
    json_t *value;
    json_t *over;
    void *next;
    char *text;

    assert_non_null(template);
    if (members == NULL) {
        return template;
    }
    text = malloc(strlen(members) + 3);
    assert_non_null(text);
    sprintf(text, "{%s}", members);
    over = json_loads(text, 0, NULL);
    if (over == NULL) {
        fail_msg("no JSON: %s", text);
    }
    json_object_update(template, over);
    json_object_foreach_safe(template, next, key, value)
    {
        if (json_is_null(value)) {
            json_object_del(template, key);
        }
    }
    json_decref(over);
    free(text);
    return template;
}

static struct selv_buf make(const char *members)
{
    json_t *template = template_make(members);
    struct selv_buf out = {NULL, 0, 0};

    if (!selv_manifest_build_json(template, NULL, &out, &error)) {
        fail_msg("%s: %s", error.text, members);
    }
    json_decref(template);
    return out;
}

static bool has(const struct selv_lint_result *result, const char *rule)
{
    size_t i;
    json_t *finding;

    json_array_foreach(result->findings, i, finding)
    {
        if (strcmp(json_string_value(json_object_get(finding, "rule")), rule) ==
            0) {
            return true;
        }
    }
    return false;
}

static bool breaks(struct selv_buf envelope, bool is_bare, const char *rule)
{
    struct selv_lint_result result;
    bool found;

    assert_true(selv_manifest_lint(selv_bytes(envelope.p, envelope.len),
                                   is_bare, &result, &error));
    found = has(&result, rule);
    json_decref(result.findings);
    return found;
}

static void test_host_manifest_lint_base_is_clean(void **state)
{
    struct selv_buf envelope = make(NULL);
    struct selv_lint_result result;

    (void)state;
    assert_true(selv_manifest_lint(selv_bytes(envelope.p, envelope.len), true,
                                   &result, &error));
    if (json_array_size(result.findings) > 0) {
        fail_msg("%s", json_dumps(result.findings, JSON_INDENT(1)));
    }
    json_decref(result.findings);
    free(envelope.p);
}

static void test_host_manifest_lint_rules(void **state)
{
    size_t failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct selv_buf bad = make(rows[i].bad);
        struct selv_buf good = make(rows[i].good);

        if (!breaks(bad, true, rows[i].rule)) {
            print_error("row %zu: %s is not found\n", i, rows[i].rule);
            failed++;
        }
        if (breaks(good, true, rows[i].rule)) {
            print_error("row %zu: %s is found in the good one\n", i,
                        rows[i].rule);
            failed++;
        }
        free(bad.p);
        free(good.p);
    }
    assert_int_equal(failed, 0);
}

static struct selv_buf sign(struct selv_buf envelope,
                            const struct selv_key *key)
{
    struct selv_buf out = {NULL, 0, 0};

    if (!selv_manifest_sign(selv_bytes(envelope.p, envelope.len), key, &out,
                            &error)) {
        fail_msg("%s", error.text);
    }
    free(envelope.p);
    return out;
}

static void test_host_manifest_lint_signatures(void **state)
{
    struct selv_buf envelope = make(NULL);
    size_t at;

    (void)state;
    assert_true(breaks(envelope, false, "not-signed"));
    assert_false(breaks(envelope, true, "not-signed"));
    envelope = sign(envelope, &author);
    assert_false(breaks(envelope, false, "not-signed"));
    assert_false(breaks(envelope, false, "algorithm-old"));
    assert_false(breaks(envelope, false, "signer-twice"));
    assert_false(breaks(envelope, false, "digest-wrong"));
    envelope = sign(envelope, &stranger);
    assert_false(breaks(envelope, false, "signer-twice"));
    assert_false(breaks(envelope, false, "device-limit"));
    envelope = sign(envelope, &author);
    assert_true(breaks(envelope, false, "signer-twice"));
    assert_true(breaks(envelope, false, "device-limit"));
    /* {1: -9} of the first block as {1: -7}. */
    for (at = 0; memcmp(envelope.p + at, "\xa1\x01\x28", 3) != 0; at++) {
    }
    envelope.p[at + 2] = 0x26;
    assert_true(breaks(envelope, false, "algorithm-old"));
    envelope.p[envelope.len - 1] ^= 1;
    assert_true(breaks(envelope, false, "digest-wrong"));
    free(envelope.p);
}

/* What no rule of ours says, the engine still does. */
static void test_host_manifest_lint_engine(void **state)
{
    struct selv_buf envelope =
        make("\"validate\": [" SET("\"uri\": \"/x\"") ", \"fetch\", "
                                                      "\"image-match\"]");

    (void)state;
    assert_true(breaks(envelope, true, "device-refuses"));
    free(envelope.p);
}

/* Each rule has a row above, or a test of its own. */
static void test_host_manifest_lint_is_complete(void **state)
{
    static const char *const elsewhere[] = {
        "not-signed",     "algorithm-old", "signer-twice", "digest-wrong",
        "device-refuses", "not-verified",  "kid-wrong",    "uri-malformed"};

    (void)state;
    for (const struct selv_lint_rule *r = selv_lint_rules; r->name != NULL;
         r++) {
        bool found = false;

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            found = found || strcmp(rows[i].rule, r->name) == 0;
        }
        for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
            found = found || strcmp(elsewhere[i], r->name) == 0;
        }
        if (!found) {
            fail_msg("no row for %s", r->name);
        }
        assert_true(r->clause[0] != '\0' && r->advice[0] != '\0');
    }
}

/* Where a finding is, in the template and in the bytes. */
static void test_host_manifest_lint_places(void **state)
{
    struct selv_buf envelope =
        make("\"install\": [{\"try-each\": [[\"image-match\"], [" SET(
            "\"uri\": \"http://u@localhost/x\"") ", \"fetch\", "
                                                 "\"image-match\"]]}]");
    struct selv_lint_result result;
    size_t i;
    json_t *finding;
    bool found = false;

    (void)state;
    assert_true(selv_manifest_lint(selv_bytes(envelope.p, envelope.len), true,
                                   &result, &error));
    json_array_foreach(result.findings, i, finding)
    {
        if (strcmp(json_string_value(json_object_get(finding, "rule")),
                   "uri-userinfo") == 0) {
            json_int_t at =
                json_integer_value(json_object_get(finding, "offset"));

            found = true;
            assert_string_equal(
                json_string_value(json_object_get(finding, "path")),
                "template.install[0].try-each[1][0].override-parameters.uri");
            assert_string_equal(
                json_string_value(json_object_get(finding, "section")),
                "install");
            assert_int_equal(envelope.p[at], 21);
        }
    }
    assert_true(found);
    json_decref(result.findings);
    free(envelope.p);
}

/* Whatever bit is flipped, lint answers. */
static void test_host_manifest_lint_evil(void **state)
{
    struct selv_buf envelope = sign(make("\"text\": {\"en\": {}}"), &author);

    (void)state;
    for (size_t bit = 0; bit < envelope.len * 8; bit += 3) {
        struct selv_lint_result result;

        envelope.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (selv_manifest_lint(selv_bytes(envelope.p, envelope.len), false,
                               &result, &error)) {
            json_decref(result.findings);
        }
        envelope.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(envelope.p);
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
        cmocka_unit_test(test_host_manifest_lint_base_is_clean),
        cmocka_unit_test(test_host_manifest_lint_rules),
        cmocka_unit_test(test_host_manifest_lint_signatures),
        cmocka_unit_test(test_host_manifest_lint_engine),
        cmocka_unit_test(test_host_manifest_lint_is_complete),
        cmocka_unit_test(test_host_manifest_lint_places),
        cmocka_unit_test(test_host_manifest_lint_evil),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, keys_make, NULL);
}
