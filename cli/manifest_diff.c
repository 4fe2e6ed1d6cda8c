/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage manifest diff */
#include "host/manifest.h"
#include "host/manifest_diff.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/manifest_parts.h"
#include "host/file.h"
#include "host/paper.h"

static int diff_print(struct selv_cli *cli, json_t *diff, bool wants_code)
{
    bool is_same = json_is_true(json_object_get(diff, "same"));

    if (!cli->json && !cli->quiet) {
        char *text = selv_manifest_diff_prose(diff, selv_paper_has_colours());

        fputs(text == NULL ? "" : text, stdout);
        free(text);
    }
    selv_cli_result(cli, diff);
    return wants_code && !is_same ? SELV_EXIT_REFUSED : SELV_EXIT_OK;
}

/* The comparison is of envelopes; bytes behind one are no part of it. */
static void trailing_note(struct selv_cli *cli, const char *path,
                          struct selv_bytes file)
{
    struct selv_error ignored;
    json_t *d = selv_manifest_describe(file, NULL, &ignored);
    json_int_t len = json_integer_value(json_object_get(d, "trailing"));

    if (len > 0) {
        selv_cli_note(cli,
                      "note: %s has %lld bytes behind the envelope: every "
                      "device refuses it",
                      path, (long long)len);
    }
    json_decref(d);
}

static bool envelope_read(struct selv_cli *cli, const char *path,
                          struct selv_buf *file, struct selv_error *error)
{
    if (!selv_cli_envelope_read(path, file, error) ||
        !selv_cli_envelope_check(path, selv_bytes(file->p, file->len), error)) {
        return false;
    }
    trailing_note(cli, path, selv_bytes(file->p, file->len));
    return true;
}

int selv_cli_manifest_diff(struct selv_cli *cli, int argc, char **argv)
{
    const char *paths[2] = {NULL, NULL};
    struct selv_manifest_names names = {NULL, NULL};
    bool wants_code = false;
    const struct selv_cli_option options[] = {
        {.name = "--exit-code",
         .help = "exit with 1 when the envelopes differ",
         .flag = &wants_code},
        {.name = "--vendor",
         .value_name = "DOMAIN",
         .help = "a domain that a vendor id may come from",
         .value = &names.vendor},
        {.name = "--class",
         .value_name = "NAME",
         .help = "a name that a class id may come from",
         .value = &names.class_name},
    };
    const struct selv_cli_positional positionals[] = {{"OLD", &paths[0], true},
                                                      {"NEW", &paths[1], true}};
    const struct selv_cli_syntax syntax = {
        .options = options,
        .option_count = 3,
        .positionals = positionals,
        .positional_count = 2,
        .see = "JSON output: docs/spec/manifest-stories.md"};
    struct selv_buf file[2] = {{NULL, 0, 0}, {NULL, 0, 0}};
    struct selv_error error;
    json_t *diff = NULL;
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    if (envelope_read(cli, paths[0], &file[0], &error) &&
        envelope_read(cli, paths[1], &file[1], &error)) {
        diff = selv_manifest_diff(selv_bytes(file[0].p, file[0].len), paths[0],
                                  selv_bytes(file[1].p, file[1].len), paths[1],
                                  &names, &error);
    }
    free(file[0].p);
    free(file[1].p);
    return diff == NULL ? selv_cli_fail(cli, &error)
                        : diff_print(cli, diff, wants_code);
}
