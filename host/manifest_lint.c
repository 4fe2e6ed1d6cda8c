/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules, and how a finding is written down. */
#include "host/manifest_lint_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/text.h"

/* In the order of enum lint_rule. */
const struct selv_lint_rule selv_lint_rules[] = {
    {"no-vendor-check", SELV_LINT_WARNING, "manifest 6.2",
     "put override-parameters with vendor-identifier, and the condition, into "
     "shared"},
    {"no-class-check", SELV_LINT_WARNING, "manifest 6.2",
     "put override-parameters with class-identifier, and the condition, into "
     "shared"},
    {"no-component-index", SELV_LINT_ERROR, "manifest 6.2",
     "begin the sequence with set-component-index"},
    {"index-range", SELV_LINT_ERROR, "manifest 6.5",
     "name components by their places in the list, from 0"},
    {"shared-effect", SELV_LINT_ERROR, "manifest 5.3.2",
     "move the command to payload-fetch, install, load or invoke"},
    {"private-in-shared", SELV_LINT_ERROR, "manifest 6.2, 8.4.8.16",
     "move it behind the identity checks, into another section"},
    {"private-number", SELV_LINT_NOTE, "manifest 8.4.11",
     "send it only to devices whose port knows the number"},
    {"unassigned", SELV_LINT_ERROR, "manifest 11",
     "leave it out: devices refuse what the draft does not assign"},
    {"malformed", SELV_LINT_ERROR, "manifest 8", "make the manifest again"},
    {"text-not-severable", SELV_LINT_WARNING, "manifest 8.4.4",
     "name text in \"sever\", so that devices need not get it"},
    {"severed-too-small", SELV_LINT_NOTE, "manifest 8.4",
     "leave it in the manifest: its digest and the second key take more"},
    {"parameter-unset", SELV_LINT_ERROR, "manifest 7",
     "set it with override-parameters before the command"},
    {"parameter-maybe-unset", SELV_LINT_WARNING, "manifest 7",
     "set it on every way to the command, or before the try-each"},
    {"parameter-unused", SELV_LINT_WARNING, "manifest 7",
     "leave it out, or add the command that reads it"},
    {"fetch-without-size", SELV_LINT_WARNING, "manifest 7.3, 8.4.10.4",
     "set image-size beside image-digest, so that a device can refuse an image "
     "that does not fit, and stop a server that sends for ever"},
    {"fetch-without-digest", SELV_LINT_WARNING, "manifest 7.3, 8.4.10.4",
     "set image-digest and image-size before the fetch, in shared"},
    {"chunk-list-length", SELV_LINT_WARNING, "docs/spec/chunks.md",
     "name the list of the image that is fetched, or none: devices do without "
     "a list that is not the image's"},
    {"written-unchecked", SELV_LINT_WARNING, "manifest 6.3, 7.3",
     "add image-match behind it"},
    {"invoke-unchecked", SELV_LINT_ERROR, "manifest 6.3, 7.2",
     "add image-match for the component to validate; our bootloaders start "
     "nothing else"},
    {"validate-without-match", SELV_LINT_WARNING, "manifest 7.2",
     "add a validate section with image-match"},
    {"source-is-target", SELV_LINT_ERROR, "manifest 8.4.8.11",
     "give another component as source"},
    {"soft-failure-outside", SELV_LINT_ERROR, "manifest 8.4.8.15",
     "set it inside the sequence of a try-each or run-sequence"},
    {"soft-failure-default", SELV_LINT_NOTE, "manifest 8.4.8.15",
     "leave it out: that is its value there already"},
    {"strict-order-race", SELV_LINT_ERROR, "manifest 6.7",
     "set strict-order to true before the component is used again"},
    {"strict-order-index", SELV_LINT_ERROR, "manifest 6.7",
     "begin the nested sequence with its only set-component-index"},
    {"dead-alternative", SELV_LINT_WARNING, "manifest 8.4.10.2",
     "put the alternative that cannot fail last, or take the others out"},
    {"alternative-fails", SELV_LINT_WARNING, "manifest 8.4.10.2",
     "take it out, or set soft-failure to false if its failure is meant"},
    {"only-nil-left", SELV_LINT_WARNING, "manifest 8.4.10.2",
     "leave the try-each out: it does nothing"},
    {"dead-command", SELV_LINT_WARNING, "manifest 8.4.9.5",
     "take it out: nothing runs behind abort"},
    {"slot-without-try-each", SELV_LINT_WARNING, "manifest 7.7",
     "put it into an alternative of a try-each, one for each slot"},
    {"uri-malformed", SELV_LINT_WARNING, "RFC 3986 4.1",
     "write it as a URI reference: percent-encode what may not stand in it"},
    {"uri-loopback", SELV_LINT_WARNING, "manifest 8.4.8.10",
     "name the server as devices see it, or give a relative reference"},
    {"uri-userinfo", SELV_LINT_WARNING, "RFC 3986 3.2.1, 7.5",
     "leave the name and password out: everybody can read a manifest"},
    {"payload-missing", SELV_LINT_ERROR, "manifest 7.5",
     "add the payload to the envelope under that name"},
    {"payload-unused", SELV_LINT_WARNING, "manifest 7.5",
     "drop the payload, or fetch it by its name"},
    {"payload-order", SELV_LINT_WARNING, "manifest 8.2",
     "name the payloads so that canonical order (shorter first) is the order "
     "in which they are fetched"},
    {"sequence-zero", SELV_LINT_WARNING, "manifest 8.4.2",
     "count from 1: no manifest can ever be older than 0"},
    {"nothing-to-do", SELV_LINT_WARNING, "manifest 8.4.6",
     "add install or invoke: nothing would happen"},
    {"uuid-version", SELV_LINT_WARNING, "manifest 8.4.8.2",
     "make UUIDs of version 5 from names: {\"vendor\": ..., \"class\": ...}"},
    {"content-large", SELV_LINT_WARNING, "manifest 8.4.8.9",
     "make it an integrated payload, and fetch it"},
    {"digest-algorithm", SELV_LINT_WARNING, "manifest 10, MTI",
     "use SHA-256: our devices refuse others"},
    {"component-twice", SELV_LINT_ERROR, "manifest 8.4.5",
     "name each component once"},
    {"component-unused", SELV_LINT_NOTE, "manifest 8.4.5",
     "leave it out, or select it with set-component-index"},
    {"text-language", SELV_LINT_WARNING, "manifest 8.4.4",
     "use a language tag such as en, de-AT or zh-Hant"},
    {"text-component", SELV_LINT_ERROR, "manifest 8.4.4",
     "write text only about components that the manifest has"},
    {"text-vendor", SELV_LINT_WARNING, "manifest 8.4.4",
     "give the domain that the vendor id was made from: people read the text, "
     "devices the id"},
    {"text-class", SELV_LINT_WARNING, "manifest 8.4.4",
     "give the information that the class id was made from"},
    {"not-signed", SELV_LINT_NOTE, "manifest 8.3",
     "sign it: every device refuses it as it is"},
    {"not-verified", SELV_LINT_ERROR, "manifest 8.3",
     "give the key of its author, or get the envelope again from there"},
    {"kid-wrong", SELV_LINT_WARNING, "RFC 9052 3.1",
     "sign it again: a device may pass over a block whose key id is not that "
     "of its key"},
    {"digest-wrong", SELV_LINT_ERROR, "manifest 8.3",
     "make the envelope again: the manifest was changed or damaged"},
    {"algorithm-old", SELV_LINT_NOTE, "RFC 9864, MTI",
     "sign with the fully-specified algorithm (ESP256, Ed25519); old "
     "devices may want the other"},
    {"signer-twice", SELV_LINT_WARNING, "manifest 8.3",
     "let each block have another algorithm or authority"},
    {"device-limit", SELV_LINT_WARNING, "base/limits.h",
     "make it smaller, or build the devices with a higher limit"},
    {"boot-command", SELV_LINT_WARNING, "manifest 8.4.6",
     "check that the bootloader is built for more than boot-select, or do "
     "this in install"},
    {"device-refuses", SELV_LINT_ERROR, "the device's engine",
     "see manifest verify"},
    {NULL, SELV_LINT_NOTE, NULL, NULL},
};

_Static_assert(sizeof(selv_lint_rules) / sizeof(selv_lint_rules[0]) ==
                   LINT_RULE_COUNT + 1,
               "a row for each rule");

const char *selv_lint_severity_name(enum selv_lint_severity severity)
{
    return severity == SELV_LINT_ERROR     ? "error"
           : severity == SELV_LINT_WARNING ? "warning"
                                           : "note";
}

/* ---- findings ------------------------------------------------------------ */

void lint_spot_set(struct lint_spot *spot, const struct lint_at *at)
{
    spot->section = at->section;
    spot->byte = at->byte;
    place_print(at->path, spot->path, sizeof(spot->path));
}

/* The same thing may be met on several paths: it is said once. */
static bool is_known(const struct lint *l, const char *rule, const char *path,
                     const char *what)
{
    size_t i;
    json_t *finding;

    json_array_foreach(l->findings, i, finding)
    {
        if (strcmp(json_string_value(json_object_get(finding, "rule")), rule) ==
                0 &&
            strcmp(json_string_value(json_object_get(finding, "path")), path) ==
                0 &&
            strcmp(json_string_value(json_object_get(finding, "what")), what) ==
                0) {
            return true;
        }
    }
    return false;
}

static void find(struct lint *l, enum lint_rule number,
                 const struct lint_spot *spot, const char *what)
{
    const struct selv_lint_rule *rule = &selv_lint_rules[number];

    if (is_known(l, rule->name, spot->path, what)) {
        return;
    }
    l->count[rule->severity]++;
    json_array_append_new(
        l->findings, json_pack("{s:s, s:s, s:s?, s:o, s:s, s:s, s:s, s:s}",
                               "rule", rule->name, "severity",
                               selv_lint_severity_name(rule->severity),
                               "section", spot->section, "offset",
                               spot->byte == NULL
                                   ? json_null()
                                   : json_integer((json_int_t)manifest_tree_off(
                                         l->tree, spot->byte)),
                               "path", spot->path, "clause", rule->clause,
                               "what", what, "do", rule->advice));
}

/* Names out of the manifest may hold anything. */
static void say(char what[static SELV_ERROR_LEN / 2], const char *format,
                va_list arguments)
{
    json_t *json;

    vsnprintf(what, SELV_ERROR_LEN / 2, format, arguments);
    selv_text_clean(what);
    json = json_string(what); /* NULL when it was cut inside a character */
    if (json == NULL) {
        for (char *p = what; *p != '\0'; p++) {
            *p = (unsigned char)*p >= 0x80 ? '?' : *p;
        }
    }
    json_decref(json);
}

void lint_find_spot(struct lint *l, enum lint_rule rule,
                    const struct lint_spot *spot, const char *format, ...)
{
    char what[SELV_ERROR_LEN / 2];
    va_list arguments;

    va_start(arguments, format);
    say(what, format, arguments);
    va_end(arguments);
    find(l, rule, spot, what);
}

void lint_find(struct lint *l, enum lint_rule rule, const struct lint_at *at,
               const char *format, ...)
{
    char what[SELV_ERROR_LEN / 2];
    struct lint_spot spot;
    va_list arguments;

    va_start(arguments, format);
    say(what, format, arguments);
    va_end(arguments);
    lint_spot_set(&spot, at);
    find(l, rule, &spot, what);
}

/* ---- names --------------------------------------------------------------- */

static const char *name_of(const struct manifest_word *list, int32_t code,
                           char text[static 16])
{
    const struct manifest_word *word = manifest_word_at(list, code);

    if (word != NULL) {
        return word->name;
    }
    snprintf(text, 16, "%d", (int)code);
    return text;
}

const char *lint_command_name(int32_t code, char text[static 16])
{
    return name_of(manifest_commands, code, text);
}

const char *lint_parameter_name(int32_t code, char text[static 16])
{
    return name_of(manifest_parameters, code, text);
}

void lint_component_name(const struct lint *l, size_t component,
                         char text[static 80])
{
    struct selv_cbor r;
    struct selv_bytes segment;
    uint32_t count = 0;
    size_t len = (size_t)snprintf(text, 80, "component %zu", component);

    if (component >= l->tree->components.count) {
        return;
    }
    selv_cbor_init(&r, l->tree->components.pairs[component].value);
    if (selv_cbor_array(&r, &count) != SELV_OK) {
        return;
    }
    for (uint32_t i = 0; i < count && len < 70; i++) {
        if (selv_cbor_bstr(&r, &segment) != SELV_OK || segment.len > 24) {
            text[len] = '\0';
            return;
        }
        for (size_t k = 0; k < segment.len; k++) {
            if (segment.p[k] < 0x20 || segment.p[k] > 0x7e) {
                snprintf(text, 80, "component %zu", component);
                return;
            }
        }
        len += (size_t)snprintf(text + len, 80 - len, "%s%.*s",
                                i == 0 ? " (" : "/", (int)segment.len,
                                (const char *)segment.p);
    }
    if (count > 0 && len < 79) {
        snprintf(text + len, 80 - len, ")");
    }
}

bool lint_index_read(const struct lint *l, struct selv_bytes argument,
                     uint64_t *components)
{
    const size_t all = l->tree->components.count;
    struct selv_cbor r;
    uint64_t index;
    uint32_t count;
    bool flag;

    *components = 0;
    selv_cbor_init(&r, argument);
    if (selv_cbor_bool(&r, &flag) == SELV_OK) {
        *components = all >= 64 ? UINT64_MAX : (UINT64_C(1) << all) - 1;
        return flag;
    }
    if (selv_cbor_array(&r, &count) != SELV_OK) {
        count = 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (selv_cbor_uint(&r, &index) != SELV_OK || index >= all ||
            index >= LINT_COMPONENTS_MAX) {
            return false;
        }
        *components |= UINT64_C(1) << index;
    }
    return count > 0;
}

/* ---- the whole ----------------------------------------------------------- */

static int finding_compare(const void *a, const void *b)
{
    json_t *left = *(json_t *const *)a;
    json_t *right = *(json_t *const *)b;
    json_int_t x = json_integer_value(json_object_get(left, "offset"));
    json_int_t y = json_integer_value(json_object_get(right, "offset"));

    return x != y ? (x > y ? 1 : -1)
                  : strcmp(json_string_value(json_object_get(left, "rule")),
                           json_string_value(json_object_get(right, "rule")));
}

static json_t *sorted(json_t *findings)
{
    size_t count = json_array_size(findings);
    json_t **list = calloc(count + 1, sizeof(*list));
    json_t *out = json_array();

    for (size_t i = 0; list != NULL && i < count; i++) {
        list[i] = json_array_get(findings, i);
    }
    if (list != NULL && count > 1) {
        qsort(list, count, sizeof(*list), finding_compare);
    }
    for (size_t i = 0; list != NULL && i < count; i++) {
        json_array_append(out, list[i]);
    }
    free(list);
    return out;
}

bool selv_manifest_lint(struct selv_bytes envelope, bool is_bare,
                        struct selv_lint_result *result,
                        struct selv_error *error)
{
    const struct selv_lint_keys none = {NULL, NULL, NULL, 0};

    return selv_manifest_lint_keys(envelope, is_bare, &none, result, error);
}

bool selv_manifest_lint_keys(struct selv_bytes envelope, bool is_bare,
                             const struct selv_lint_keys *keys,
                             struct selv_lint_result *result,
                             struct selv_error *error)
{
    struct manifest_tree tree;
    struct lint l = {.tree = &tree, .is_bare = is_bare, .keys = keys};

    if (!manifest_tree_open(&tree, envelope, error)) {
        return false;
    }
    l.findings = json_array();
    lint_blocks(&l);
    lint_shape(&l);
    lint_flow(&l);
    lint_uris(&l);
    lint_text(&l);
    lint_device(&l);
    result->findings = sorted(l.findings);
    memcpy(result->count, l.count, sizeof(l.count));
    json_decref(l.findings);
    manifest_tree_close(&tree);
    return true;
}
