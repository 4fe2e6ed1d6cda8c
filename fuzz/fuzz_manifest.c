/* SPDX-License-Identifier: Apache-2.0
 *
 * What people look at comes from anybody: an envelope is described and told in
 * prose, without a control character; judged without a key it is never
 * accepted; linted; taken apart; and the template that it comes back as makes
 * its manifest again. A template is built or refused with a place. A key file
 * is a key or an error with text.
 *
 * Input: an envelope (first byte 0xd8), a template (first byte '{'), or any
 * other byte and a key file. */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "host/key.h"
#include "host/manifest.h"
#include "host/manifest_extract.h"
#include "host/manifest_lint.h"
#include "host/manifest_template.h"
#include "host/manifest_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void describe_run(struct selv_bytes in)
{
    struct selv_error error;
    json_t *description = selv_manifest_describe(in, NULL, &error);
    char *prose;

    if (description == NULL) {
        return;
    }
    prose = selv_manifest_prose(description);
    must(prose != NULL);
    for (const char *p = prose; *p != '\0'; p++) {
        must(*p == '\n' || (unsigned char)*p >= ' ');
    }
    free(prose);
    json_decref(description);
}

static void verify_run(struct selv_bytes in)
{
    struct selv_manifest_verdict verdict;
    char why[SELV_ERROR_LEN];

    must(!selv_manifest_verify(in, NULL, 0, NULL, &verdict));
    must(selv_manifest_exit(&verdict) != SELV_EXIT_OK);
    selv_manifest_why(&verdict, why);
    must(why[0] != '\0');
    json_decref(selv_manifest_blocks(in, NULL, NULL, NULL, 0));
}

/* What says that it is a template makes the manifest again. */
static void template_run(struct selv_bytes in)
{
    static const struct selv_manifest_template_style style;
    struct selv_error error;
    struct selv_bytes before;
    struct selv_bytes after;
    struct selv_buf again;
    json_t *template = selv_manifest_template(in, &style, &error);

    if (template == NULL) {
        return;
    }
    json_object_del(template, "payloads"); /* they may be named as files */
    if (selv_manifest_build_json(template, NULL, &again, &error)) {
        must(selv_manifest_content(in, &before, &error));
        must(selv_manifest_content(selv_bytes(again.p, again.len), &after,
                                   &error));
        must(selv_bytes_equal(before, after));
        free(again.p);
    } else {
        must(json_object_get(json_object_get(template, "about"),
                             "not_a_template") != NULL);
    }
    json_decref(template);
}

static void lint_run(struct selv_bytes in)
{
    struct selv_lint_result result;
    struct selv_error error;

    if (selv_manifest_lint(in, true, &result, &error)) {
        must(json_array_size(result.findings) ==
             result.count[0] + result.count[1] + result.count[2]);
        json_decref(result.findings);
    }
}

/* Without its text and its first payload; every file has a safe name. */
static void extract_run(struct selv_bytes in)
{
    const struct selv_manifest_part text = {false, "text", {NULL, 0}};
    struct selv_manifest_file *files;
    struct selv_error error;
    struct selv_buf out;
    size_t count;

    if (selv_manifest_change(in, &text, 1, &out, &error)) {
        must(out.len <= in.len + 16);
        free(out.p);
    }
    if (selv_manifest_files(in, &files, &count, &error)) {
        for (size_t i = 0; i < count; i++) {
            must(files[i].name[0] != '.' && files[i].name[0] != '\0');
            for (const char *p = files[i].name; *p != '\0'; p++) {
                must(*p != '/' && *p >= '-');
            }
        }
        free(files);
    }
}

/* File names in a template are the author's own; here they would only read
 * this machine's files. */
static bool names_files(struct selv_bytes in)
{
    for (size_t i = 0; i + 4 <= in.len; i++) {
        if (memcmp(in.p + i, "file", 4) == 0 || in.p[i] == '\\') {
            return true;
        }
    }
    return false;
}

static void build_run(struct selv_bytes in)
{
    struct selv_error error = {SELV_EXIT_OK, ""};
    struct selv_buf out;
    json_t *template =
        names_files(in)
            ? NULL
            : json_loadb((const char *)in.p, in.len,
                         JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    if (template == NULL) {
        return;
    }
    if (selv_manifest_build_json(template, NULL, &out, &error)) {
        must(out.len > 0);
        template_run(selv_bytes(out.p, out.len));
        lint_run(selv_bytes(out.p, out.len));
        free(out.p);
    } else {
        must(error.exit != SELV_EXIT_OK && error.text[0] != '\0');
    }
    json_decref(template);
}

/* A zero byte must stand behind a key file. */
static void key_run(struct selv_bytes in)
{
    uint8_t *copy = calloc(1, in.len + 1);
    struct selv_error error = {SELV_EXIT_OK, ""};
    struct selv_key key;

    must(copy != NULL);
    if (in.len > 0) {
        memcpy(copy, in.p, in.len);
    }
    if (!selv_key_parse(selv_bytes(copy, in.len), "key", &key, &error)) {
        must(error.exit != SELV_EXIT_OK && error.text[0] != '\0');
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_started;
    struct selv_bytes in = selv_bytes(data, size);

    if (!is_started) {
        must(selv_crypto_init() == SELV_OK);
        is_started = true;
    }
    if (size == 0) {
        return 0;
    }
    if (data[0] == 0xd8) {
        describe_run(in);
        verify_run(in);
        template_run(in);
        lint_run(in);
        extract_run(in);
    } else if (data[0] == '{') {
        build_run(in);
    } else {
        key_run(selv_bytes(data + 1, size - 1));
    }
    return 0;
}
