/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage manifest create | sign */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/chunks.h"
#include "cli/cli.h"
#include "cli/manifest_parts.h"
#include "host/chunks.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/manifest.h"
#include "host/manifest_verify.h"
#include "host/uri.h"

#define NO_DASH                                                                \
    "-o - is no file; for standard output give -o /dev/stdout --quiet"

/* ---- create
 * ------------------------------------------------------------------ */

struct create {
    const char *vendor, *class_name, *version, *description, *component;
    const char *uri_base, *image, *image_a, *image_b, *template, *key, *output;
    const char *chunk_len; /* NULL: not said; "": chosen */
    uint64_t sequence;
    bool has_sequence, print_template, no_chunks;
};

/* Of --chunks=LEN; 0: chosen by the image, or no such length. */
static uint32_t create_shift(const struct create *c)
{
    char *end;
    unsigned long long len;

    if (c->chunk_len == NULL || c->chunk_len[0] < '0' ||
        c->chunk_len[0] > '9') {
        return 0;
    }
    len = strtoull(c->chunk_len, &end, 10);
    return *end == '\0' ? selv_chunks_shift(len) : 0;
}

/* What flags are missing or do not go together; 0 when all is well. */
static int create_check(const struct selv_cli *cli, const struct create *c)
{
    bool has_flags = c->vendor || c->class_name || c->version ||
                     c->description || c->component || c->uri_base ||
                     c->image || c->image_a || c->image_b || c->has_sequence ||
                     c->chunk_len || c->no_chunks;

    if (c->output == NULL && !c->print_template) {
        return selv_cli_usage(cli, "-o FILE is missing");
    }
    if (c->output != NULL && strcmp(c->output, "-") == 0) {
        return selv_cli_usage(cli, NO_DASH);
    }
    if (c->template != NULL) {
        return has_flags ? selv_cli_usage(cli, "--template says it all: leave "
                                               "the flags for vendor, images "
                                               "and the like away")
                         : 0;
    }
    if (c->vendor == NULL || c->class_name == NULL || !c->has_sequence) {
        return selv_cli_usage(cli, "--vendor DOMAIN, --class NAME and "
                                   "--sequence NUMBER are needed");
    }
    if (selv_cli_names_check(cli, c->vendor, c->class_name) != 0) {
        return SELV_EXIT_USAGE;
    }
    if (c->uri_base != NULL) {
        const char *wrong =
            selv_uri_base_wrong(selv_bytes(c->uri_base, strlen(c->uri_base)));

        if (wrong != NULL) {
            return selv_cli_usage(cli, "--uri-base \"%.200s\" %s", c->uri_base,
                                  wrong);
        }
    }
    if (c->image != NULL ? c->image_a != NULL || c->image_b != NULL
                         : c->image_a == NULL || c->image_b == NULL) {
        return selv_cli_usage(cli, "give --image FILE, or --image-a FILE and "
                                   "--image-b FILE");
    }
    if (c->no_chunks && c->chunk_len != NULL) {
        return selv_cli_usage(cli, "--chunks and --no-chunks: give one");
    }
    if (c->chunk_len != NULL && c->chunk_len[0] != '\0' &&
        create_shift(c) == 0) {
        return selv_cli_usage(cli,
                              "--chunks: \"%.100s\" is not a power of two from "
                              "512 to 65536",
                              c->chunk_len);
    }
    return 0;
}

static bool image_take(const struct create *c, const char *path,
                       struct selv_manifest_image *image,
                       struct selv_cli_chunks *chunks, struct selv_error *error)
{
    const struct selv_cli_chunk_list *list;
    uint64_t len = 0;

    if (!selv_file_digest(path, SELV_IMAGE_FILE_MAX, image->digest, &len,
                          error)) {
        return false;
    }
    image->size = (uint32_t)len;
    if (len == 0) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "%s is empty: no image to run", path);
    }
    if (c->no_chunks) {
        return true;
    }
    if (!selv_cli_chunks_add(chunks, path, create_shift(c), c->output, &list,
                             error)) {
        return false;
    }
    if (list != NULL) {
        image->chunks_size = (uint32_t)list->bytes.len;
        memcpy(image->chunks_digest, list->digest, sizeof(list->digest));
    }
    return true;
}

/* The template that the flags describe, or the file's; and the lists that go
 * with it. */
static json_t *create_template(const struct create *c,
                               struct selv_cli_chunks *chunks,
                               struct selv_error *error)
{
    struct selv_manifest_plan plan = {
        .vendor = c->vendor,
        .class_name = c->class_name,
        .sequence_number = c->sequence,
        .version = c->version,
        .description = c->description,
        .component = c->component,
        .uri_base = c->uri_base,
        .image_count = c->image == NULL ? 2 : 1,
    };

    if (c->template == NULL) {
        if (!image_take(c, c->image == NULL ? c->image_a : c->image,
                        &plan.image[0], chunks, error) ||
            (c->image_b != NULL &&
             !image_take(c, c->image_b, &plan.image[1], chunks, error))) {
            return NULL;
        }
        return selv_manifest_plan_json(&plan, error);
    }
    return selv_cli_template_load(c->template, error);
}

static bool sign_in_place(struct selv_buf *envelope, const struct selv_key *key,
                          struct selv_error *error)
{
    struct selv_buf out;

    if (!selv_manifest_sign(selv_bytes(envelope->p, envelope->len), key, &out,
                            error)) {
        return false;
    }
    free(envelope->p);
    *envelope = out;
    return true;
}

/* A device refuses what its engine cannot take; better to hear it here. */
static bool engine_check(struct selv_buf envelope, const struct selv_key *key,
                         struct selv_error *error)
{
    struct selv_cose_key anchor = key->cose;
    struct selv_manifest_verdict verdict;
    char why[SELV_ERROR_LEN];

    anchor.kid_len = 0;
    if (selv_manifest_verify(selv_bytes(envelope.p, envelope.len), &anchor, 1,
                             NULL, &verdict)) {
        return true;
    }
    selv_manifest_why(&verdict, why);
    return selv_error_set(error, SELV_EXIT_REFUSED,
                          "devices would refuse this manifest: %.700s; to "
                          "sign it all the same, use manifest sign --force",
                          why);
}

/* What is not signed yet, signed by a key of this moment: "" when devices would
 * take it. */
static void unsigned_check(struct selv_buf envelope,
                           char warning[static SELV_ERROR_LEN])
{
    struct selv_buf out;
    struct selv_error error;
    struct selv_key key;

    warning[0] = '\0';
    if (!selv_key_generate(&key, &error)) {
        return;
    }
    if (selv_manifest_sign(selv_bytes(envelope.p, envelope.len), &key, &out,
                           &error)) {
        if (!engine_check(out, &key, &error)) {
            memcpy(warning, error.text, SELV_ERROR_LEN);
        }
        free(out.p);
    }
    selv_key_wipe(&key);
}

static void created_say(struct selv_cli *cli, const char *path,
                        struct selv_buf envelope, bool is_signed,
                        const struct selv_cli_chunks *chunks)
{
    char warning[SELV_ERROR_LEN] = "";
    json_t *result;
    struct selv_error error;
    json_t *d = selv_manifest_describe(selv_bytes(envelope.p, envelope.len),
                                       NULL, &error);
    const char *digest = json_string_value(json_object_get(d, "digest"));

    selv_cli_say(cli, "%s   %zu bytes, %s, digest sha-256 %s", path,
                 envelope.len, is_signed ? "signed" : "not signed yet", digest);
    result = json_pack("{s:s, s:I, s:s, s:O, s:O}", "file", path, "size",
                       (json_int_t)envelope.len, "digest", digest,
                       "sequence_number", json_object_get(d, "sequence_number"),
                       "signatures", json_object_get(d, "signatures"));
    if (chunks != NULL) {
        selv_cli_chunks_say(cli, chunks);
        json_object_set_new(result, "chunk_lists",
                            selv_cli_chunks_json(chunks));
    }
    if (!is_signed) {
        unsigned_check(envelope, warning);
    }
    if (warning[0] != '\0') {
        selv_cli_note(cli, "warning: %s", warning);
        json_object_set_new(result, "warning", json_string(warning));
    }
    selv_cli_result(cli, result);
    json_decref(d);
}

/* Where an output goes no input may be. 0, or the exit code. */
static int create_places_check(const struct selv_cli *cli,
                               const struct create *c, json_t *template)
{
    char folder[4096];

    return selv_cli_output_check_json(cli, c->output, template,
                                      selv_cli_folder_of(c->template, folder));
}

/* Build, sign, and write, the envelope last. key: NULL, or who signs. */
static bool create_write(const struct create *c, json_t *template,
                         const struct selv_key *key,
                         struct selv_cli_chunks *chunks,
                         struct selv_buf *envelope, struct selv_error *error)
{
    char folder[4096];

    return selv_cli_template_build(c->template, template, envelope, error) &&
           (key == NULL || (sign_in_place(envelope, key, error) &&
                            engine_check(*envelope, key, error))) &&
           (c->template == NULL ||
            selv_cli_chunks_of_template(chunks, template,
                                        selv_cli_folder_of(c->template, folder),
                                        c->output, error)) &&
           selv_cli_chunks_check(chunks, c->output, error) &&
           selv_cli_chunks_write(chunks, error) &&
           selv_file_write(c->output, selv_bytes(envelope->p, envelope->len),
                           0644, error);
}

/* With a key, or NULL, and with chunks empty, which the caller frees. */
static int create_with(struct selv_cli *cli, const struct create *c,
                       const struct selv_key *key,
                       struct selv_cli_chunks *chunks)
{
    struct selv_buf envelope = {NULL, 0, 0};
    struct selv_error error;
    json_t *template = create_template(c, chunks, &error);
    int code;
    bool done;

    if (template == NULL) {
        return selv_cli_fail(cli, &error);
    }
    if (c->print_template) {
        json_dumpf(template, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(template);
        return SELV_EXIT_OK;
    }
    code = create_places_check(cli, c, template);
    if (code != 0) {
        json_decref(template);
        return code;
    }
    done = create_write(c, template, key, chunks, &envelope, &error);
    json_decref(template);
    if (done) {
        created_say(cli, c->output, envelope, key != NULL, chunks);
    }
    free(envelope.p);
    return done ? SELV_EXIT_OK : selv_cli_fail(cli, &error);
}

static int create_run(struct selv_cli *cli, const struct create *c)
{
    struct selv_cli_chunks chunks = {.count = 0};
    struct selv_key key;
    int code = SELV_EXIT_OK;

    if (c->key != NULL &&
        !selv_cli_key_load(cli, c->key, SELV_CLI_KEY_PRIVATE, &key, &code)) {
        return code;
    }
    code = create_with(cli, c, c->key == NULL ? NULL : &key, &chunks);
    selv_cli_chunks_free(&chunks);
    if (c->key != NULL) {
        selv_key_wipe(&key);
    }
    return code;
}

int selv_cli_manifest_create(struct selv_cli *cli, int argc, char **argv)
{
    struct create c = {0};
    const struct selv_cli_option options[] = {
        {.name = "--vendor",
         .value_name = "DOMAIN",
         .help = "the vendor's domain; its id is a UUID made from it",
         .value = &c.vendor},
        {.name = "--class",
         .value_name = "NAME",
         .help = "the class of devices, such as greenhouse-sensor",
         .value = &c.class_name},
        {.name = "--sequence",
         .value_name = "NUMBER",
         .help = "sequence number: higher than any before, below 2^63",
         .number = &c.sequence,
         .number_max = SELV_CLI_SEQUENCE_MAX,
         .is_given = &c.has_sequence},
        {.name = "--version",
         .value_name = "TEXT",
         .help = "the version, for people",
         .value = &c.version},
        {.name = "--description",
         .value_name = "TEXT",
         .help = "what is new, for people",
         .value = &c.description},
        {.name = "--image-a",
         .value_name = "FILE",
         .help = "the image linked for slot A",
         .value = &c.image_a},
        {.name = "--image-b",
         .value_name = "FILE",
         .help = "the image linked for slot B",
         .value = &c.image_b},
        {.name = "--image",
         .value_name = "FILE",
         .help = "instead of both: an image that runs anywhere",
         .value = &c.image},
        {.name = "--component",
         .value_name = "PATH",
         .help = "component, such as app (default) or radio/firmware",
         .value = &c.component},
        {.name = "--uri-base",
         .value_name = "URI",
         .help = "before /i/<digest>; default: whatever server gave the "
                 "manifest",
         .value = &c.uri_base},
        {.name = "--chunks",
         .value_name = "LEN",
         .help = "bytes of a chunk in the chunk lists; default: 4096, more for "
                 "large images",
         .value = &c.chunk_len,
         .is_optional = true},
        {.name = "--no-chunks",
         .help = "no chunk lists: for devices that do not know them",
         .flag = &c.no_chunks},
        {.name = "--template",
         .value_name = "FILE",
         .help = "a JSON template instead of the flags above",
         .value = &c.template},
        {.name = "--print-template",
         .help = "print what the flags say as a template, and stop",
         .flag = &c.print_template},
        {.name = "--key",
         .value_name = "FILE",
         .help = "sign at once with this private key",
         .value = &c.key},
        {.name = "--output",
         .letter = "-o",
         .value_name = "FILE",
         .help = "the envelope",
         .value = &c.output},
    };
    const struct selv_cli_syntax syntax = {
        .options = options,
        .option_count = sizeof(options) / sizeof(options[0]),
        .see = "templates: docs/spec/manifest-template.md, examples/"};
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    code = create_check(cli, &c);
    if (code == 0) {
        const char *const inputs[] = {c.image, c.image_a, c.image_b, c.template,
                                      c.key};

        code = selv_cli_output_check(cli, c.output, inputs, 5);
    }
    return code != 0 ? code : create_run(cli, &c);
}

/* ---- sign
 * -------------------------------------------------------------------- */

int selv_cli_manifest_sign(struct selv_cli *cli, int argc, char **argv)
{
    const char *in = NULL;
    const char *output = NULL;
    const char *key_path = NULL;
    bool force = false;
    const struct selv_cli_option options[] = {
        {.name = "--key",
         .value_name = "FILE",
         .help = "the author's private key",
         .value = &key_path},
        {.name = "--output",
         .letter = "-o",
         .value_name = "FILE",
         .help = "the signed envelope (may be the same file)",
         .value = &output},
        {.name = "--force",
         .help = "sign even what the device's engine would refuse",
         .flag = &force},
    };
    const struct selv_cli_positional positionals[] = {{"ENVELOPE", &in, true}};
    const struct selv_cli_syntax syntax = {.options = options,
                                           .option_count = 3,
                                           .positionals = positionals,
                                           .positional_count = 1};
    struct selv_buf envelope = {NULL, 0, 0};
    struct selv_error error;
    struct selv_key key;
    int code = SELV_EXIT_OK;
    bool done;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    if (key_path == NULL || output == NULL) {
        return selv_cli_usage(cli, "--key FILE and -o FILE are needed");
    }
    if (strcmp(output, "-") == 0) {
        return selv_cli_usage(cli, NO_DASH);
    }
    code = selv_cli_output_check(cli, output, &key_path, 1);
    if (code != 0) {
        return code;
    }
    if (!selv_cli_key_load(cli, key_path, SELV_CLI_KEY_PRIVATE, &key, &code)) {
        return code;
    }
    /* What is cut is told by its own bytes, not by those of what is signed. */
    done = selv_cli_envelope_read(in, &envelope, &error) &&
           (force || selv_cli_envelope_check(
                         in, selv_bytes(envelope.p, envelope.len), &error));
    if (done && !sign_in_place(&envelope, &key, &error)) {
        done = selv_cli_envelope_explain(
            in, selv_bytes(envelope.p, envelope.len), &error);
    }
    done = done && (force || engine_check(envelope, &key, &error)) &&
           selv_file_write(output, selv_bytes(envelope.p, envelope.len), 0644,
                           &error);
    selv_key_wipe(&key);
    if (done) {
        created_say(cli, output, envelope, true, NULL);
    }
    free(envelope.p);
    return done ? SELV_EXIT_OK : selv_cli_fail(cli, &error);
}
