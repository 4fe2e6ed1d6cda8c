/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage manifest extract: parts of an envelope, or the envelope with other
 * ones. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/manifest_parts.h"
#include "host/file.h"
#include "host/manifest.h"
#include "host/manifest_extract.h"
#include "host/manifest_template.h"

enum { PATH_CAP = 4096 };

/* ---- files -----------------------------------------------------------------
 */

/* What is no regular file holds nothing to lose; /dev/stdout may lead to one,
 * which the shell has opened already. */
static bool part_write(const char *path, struct selv_bytes bytes, bool force,
                       struct selv_error *error)
{
    struct stat st;

    if (strcmp(path, "/dev/stdout") == 0) {
        fwrite(bytes.p, 1, bytes.len, stdout);
        return true; /* main sees whether it could be written */
    }
    return force || (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
               ? selv_file_write(path, bytes, 0644, error)
               : selv_file_create(path, bytes, 0644, error);
}

static bool folder_make(const char *folder, struct selv_error *error)
{
    struct stat st;

    if (mkdir(folder, 0755) == 0 ||
        (errno == EEXIST && stat(folder, &st) == 0 && S_ISDIR(st.st_mode))) {
        return true;
    }
    return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                          "cannot make the folder %.800s: %s", folder,
                          strerror(errno == EEXIST ? ENOTDIR : errno));
}

static bool path_join(const char *folder, const char *name,
                      char path[static PATH_CAP], struct selv_error *error)
{
    return snprintf(path, PATH_CAP, "%s/%s", folder, name) < PATH_CAP ||
           selv_error_set(error, SELV_EXIT_USAGE, "the path is too long");
}

/* Nothing is written when one of the files is there already; hint says what
 * the command can do about it. */
static bool files_are_free(const char *folder,
                           const struct selv_manifest_file *files, size_t count,
                           const char *hint, struct selv_error *error)
{
    for (size_t i = 0; i < count; i++) {
        char path[PATH_CAP];
        struct stat st;

        if (!path_join(folder, files[i].name, path, error)) {
            return false;
        }
        if (lstat(path, &st) == 0) {
            return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                                  "%.800s is there already; %s", path, hint);
        }
    }
    return true;
}

static bool files_write(const char *folder,
                        const struct selv_manifest_file *files, size_t count,
                        bool force, const char *hint, struct selv_error *error)
{
    if (!folder_make(folder, error) ||
        (!force && !files_are_free(folder, files, count, hint, error))) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        char path[PATH_CAP];

        if (!path_join(folder, files[i].name, path, error) ||
            !part_write(path, files[i].bytes, force, error)) {
            return false;
        }
    }
    return true;
}

bool selv_cli_payloads_write(const char *folder, const char *path,
                             struct selv_bytes envelope,
                             struct selv_error *error)
{
    struct selv_manifest_file *files = NULL;
    size_t count = 0;
    size_t kept = 0;
    bool done;

    if (!selv_manifest_files(envelope, &files, &count, error)) {
        return selv_cli_envelope_explain(path, envelope, error);
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(files[i].what, "payload") == 0) {
            files[kept++] = files[i];
        }
    }
    done =
        files_write(folder, files, kept, false, "give another folder", error);
    free(files);
    return done;
}

/* ---- the command -----------------------------------------------------------
 */

struct extract {
    const char *in, *payload, *element, *all, *output;
    struct selv_cli_list drop, drop_payload, put, put_payload;
    bool manifest, force;
};

/* A part of it might have the envelope's own name, and --force be given. */
static bool envelope_is_spared(const struct extract *e,
                               const struct selv_manifest_file *files,
                               size_t count, struct selv_error *error)
{
    for (size_t i = 0; i < count; i++) {
        char path[PATH_CAP];

        if (!path_join(e->all, files[i].name, path, error)) {
            return false;
        }
        if (selv_cli_is_same_file(path, e->in)) {
            return selv_error_set(error, SELV_EXIT_USAGE,
                                  "%.800s would replace it; give another "
                                  "folder",
                                  path);
        }
    }
    return true;
}

/* Every part, and a template that makes the envelope of them again. */
static int all_extract(struct selv_cli *cli, const struct extract *e,
                       struct selv_bytes envelope)
{
    const struct selv_manifest_template_style style = {.no_inline = true};
    struct selv_manifest_file *files = NULL;
    struct selv_error error;
    size_t count = 0;
    json_t *template = selv_manifest_template(envelope, &style, &error);
    json_t *list = json_array();
    char *text = template == NULL ? NULL : json_dumps(template, JSON_INDENT(2));
    bool done =
        text != NULL && selv_manifest_files(envelope, &files, &count, &error);

    if (done) {
        struct selv_manifest_file *more =
            realloc(files, (count + 1) * sizeof(*files));

        done = more != NULL ||
               selv_error_set(&error, SELV_EXIT_ENVIRONMENT, "out of memory");
        files = more == NULL ? files : more;
    }
    if (done) {
        snprintf(files[count].name, sizeof(files[count].name), "template.json");
        files[count].what = "template";
        files[count++].bytes = selv_bytes(text, strlen(text));
        done = envelope_is_spared(e, files, count, &error) &&
               files_write(e->all, files, count, e->force,
                           "give another folder, or --force", &error);
    }
    for (size_t i = 0; done && i < count; i++) {
        selv_cli_say(cli, "%s/%s   %s, %zu bytes", e->all, files[i].name,
                     files[i].what, files[i].bytes.len);
        json_array_append_new(
            list,
            json_pack("{s:o, s:s, s:I}", "file",
                      json_sprintf("%s/%s", e->all, files[i].name), "what",
                      files[i].what, "size", (json_int_t)files[i].bytes.len));
    }
    free(files);
    free(text);
    json_decref(template);
    if (!done) {
        json_decref(list);
        if (error.exit == SELV_EXIT_REFUSED) {
            selv_cli_envelope_explain(e->in, envelope, &error);
        }
        return selv_cli_fail(cli, &error);
    }
    selv_cli_result(cli, list);
    return SELV_EXIT_OK;
}

static int part_say(struct selv_cli *cli, const struct extract *e,
                    const char *what, size_t len)
{
    if (strcmp(e->output, "/dev/stdout") != 0) {
        selv_cli_say(cli, "%s   %s, %zu bytes", e->output, what, len);
        selv_cli_result(cli, json_pack("{s:s, s:s, s:I}", "file", e->output,
                                       "what", what, "size", (json_int_t)len));
    }
    return SELV_EXIT_OK;
}

static int part_extract(struct selv_cli *cli, const struct extract *e,
                        struct selv_bytes envelope)
{
    struct selv_bytes bytes = {NULL, 0};
    struct selv_error error;
    bool done =
        e->manifest ? selv_manifest_content(envelope, &bytes, &error)
        : e->payload != NULL
            ? selv_manifest_payload(envelope, e->payload, &bytes, &error)
            : selv_manifest_element(envelope, e->element, &bytes, &error);

    if (!done) {
        selv_cli_envelope_explain(e->in, envelope, &error);
        return selv_cli_fail(cli, &error);
    }
    if (!part_write(e->output, bytes, e->force, &error)) {
        return selv_cli_fail(cli, &error);
    }
    return part_say(cli, e,
                    e->manifest          ? "manifest"
                    : e->payload != NULL ? "payload"
                                         : "element",
                    bytes.len);
}

/* "NAME=FILE"; the name is cut out of a copy. */
static bool put_read(const char *text, bool is_payload,
                     struct selv_manifest_part *part, char **name,
                     struct selv_buf *file, struct selv_error *error)
{
    const char *sign = strrchr(text, '=');

    if (sign == NULL || sign == text || sign[1] == '\0') {
        return selv_error_set(error, SELV_EXIT_USAGE,
                              "%s: \"%.200s\" is not NAME=FILE",
                              is_payload ? "--put-payload" : "--put", text);
    }
    if (!selv_file_read(sign + 1, SELV_MANIFEST_FILE_MAX, file, error)) {
        return false;
    }
    *name = strndup(text, (size_t)(sign - text));
    part->is_payload = is_payload;
    part->name = *name;
    part->bytes = selv_bytes(file->p, file->len);
    return *name != NULL ||
           selv_error_set(error, SELV_EXIT_ENVIRONMENT, "out of memory");
}

/* The envelope with other parts, for the device or for the archive. */
static int change_run(struct selv_cli *cli, const struct extract *e,
                      struct selv_bytes envelope)
{
    struct selv_manifest_part parts[4 * SELV_CLI_LIST_MAX];
    struct selv_buf files[2 * SELV_CLI_LIST_MAX] = {{NULL, 0, 0}};
    char *names[2 * SELV_CLI_LIST_MAX] = {NULL};
    const size_t puts = e->put.count + e->put_payload.count;
    struct selv_buf out = {NULL, 0, 0};
    struct selv_error error;
    size_t count = 0;
    bool done = true;
    int code;

    memset(parts, 0, sizeof(parts));
    for (size_t i = 0; i < e->drop.count; i++) {
        parts[count++].name = e->drop.values[i];
    }
    for (size_t i = 0; i < e->drop_payload.count; i++) {
        parts[count].is_payload = true;
        parts[count++].name = e->drop_payload.values[i];
    }
    for (size_t i = 0; done && i < puts; i++) {
        bool is_payload = i >= e->put.count;

        done =
            put_read(is_payload ? e->put_payload.values[i - e->put.count]
                                : e->put.values[i],
                     is_payload, &parts[count++], &names[i], &files[i], &error);
    }
    if (done && !selv_manifest_change(envelope, parts, count, &out, &error)) {
        done = selv_cli_envelope_explain(e->in, envelope, &error);
    }
    done = done &&
           part_write(e->output, selv_bytes(out.p, out.len), e->force, &error);
    for (size_t i = 0; i < puts; i++) {
        free(files[i].p);
        free(names[i]);
    }
    code = done ? part_say(cli, e, "envelope", out.len)
                : selv_cli_fail(cli, &error);
    free(out.p);
    return code;
}

/* 0, or the usage error was printed: no --force replaces an input. */
static int inputs_check(const struct selv_cli *cli, const struct extract *e)
{
    const struct selv_cli_list *const puts[] = {&e->put, &e->put_payload};
    int code = selv_cli_output_check(cli, e->output, &e->in, 1);

    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; code == 0 && i < puts[k]->count; i++) {
            const char *sign = strrchr(puts[k]->values[i], '=');
            const char *path = sign == NULL ? NULL : sign + 1;

            code = selv_cli_output_check(cli, e->output, &path, 1);
        }
    }
    return code;
}

/* 0, or the usage error was printed. */
static int extract_check(const struct selv_cli *cli, const struct extract *e)
{
    bool is_change = e->drop.count + e->drop_payload.count + e->put.count +
                         e->put_payload.count >
                     0;
    int count = (e->payload != NULL) + (e->element != NULL) + (e->all != NULL) +
                e->manifest + is_change;

    if (count != 1) {
        return selv_cli_usage(cli, "give one of --payload, --element, "
                                   "--manifest, --all, or what to drop or to "
                                   "put in");
    }
    if (e->all == NULL && e->output == NULL) {
        return selv_cli_usage(cli, "-o FILE is missing");
    }
    if (e->all != NULL && e->output != NULL) {
        return selv_cli_usage(cli, "--all FOLDER needs no -o");
    }
    if (e->output != NULL && strcmp(e->output, "-") == 0) {
        return selv_cli_usage(cli, "-o - is no file; for standard output give "
                                   "-o /dev/stdout");
    }
    return inputs_check(cli, e);
}

int selv_cli_manifest_extract(struct selv_cli *cli, int argc, char **argv)
{
    struct extract e = {.in = NULL};
    const struct selv_cli_option options[] = {
        {.name = "--payload",
         .value_name = "NAME",
         .help = "write this integrated payload",
         .value = &e.payload},
        {.name = "--element",
         .value_name = "NAME",
         .help = "write this element: text, install, payload-fetch, ...",
         .value = &e.element},
        {.name = "--manifest",
         .help = "write the manifest, without envelope and signatures",
         .flag = &e.manifest},
        {.name = "--all",
         .value_name = "FOLDER",
         .help = "write every part, and a template that makes them again",
         .value = &e.all},
        {.name = "--drop",
         .value_name = "ELEMENT",
         .help = "write the envelope without this severed element",
         .list = &e.drop},
        {.name = "--drop-payload",
         .value_name = "NAME",
         .help = "write the envelope without this payload",
         .list = &e.drop_payload},
        {.name = "--put",
         .value_name = "ELEMENT=FILE",
         .help = "write the envelope with this severed element back in",
         .list = &e.put},
        {.name = "--put-payload",
         .value_name = "NAME=FILE",
         .help = "write the envelope with this payload in it",
         .list = &e.put_payload},
        {.name = "--output",
         .letter = "-o",
         .value_name = "FILE",
         .help = "where to; a file that is there is not replaced",
         .value = &e.output},
        {.name = "--force", .help = "replace what is there", .flag = &e.force},
    };
    const struct selv_cli_positional positionals[] = {
        {"ENVELOPE", &e.in, true}};
    const struct selv_cli_syntax syntax = {.options = options,
                                           .option_count = sizeof(options) /
                                                           sizeof(options[0]),
                                           .positionals = positionals,
                                           .positional_count = 1};
    struct selv_buf file = {NULL, 0, 0};
    struct selv_error error;
    struct selv_bytes envelope;
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    code = extract_check(cli, &e);
    if (code != 0) {
        return code;
    }
    if (!selv_cli_envelope_read(e.in, &file, &error)) {
        return selv_cli_fail(cli, &error);
    }
    envelope = selv_bytes(file.p, file.len);
    code = e.all != NULL ? all_extract(cli, &e, envelope)
           : e.payload != NULL || e.element != NULL || e.manifest
               ? part_extract(cli, &e, envelope)
               : change_run(cli, &e, envelope);
    free(file.p);
    return code;
}
