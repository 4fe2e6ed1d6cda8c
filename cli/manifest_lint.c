/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage manifest lint */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/manifest_parts.h"
#include "host/file.h"
#include "host/manifest_lint.h"
#include "host/paper.h"

/* "warning  no-class-check   shared, byte 85: what" and what to do. */
static void finding_say(struct selv_cli *cli, json_t *finding)
{
    const char *section =
        json_string_value(json_object_get(finding, "section"));
    char *path = selv_paper_words(json_object_get(finding, "path"));
    json_t *offset = json_object_get(finding, "offset");
    char byte[32] = "";

    if (json_is_integer(offset)) {
        snprintf(byte, sizeof(byte), ", byte %lld",
                 (long long)json_integer_value(offset));
    }
    selv_cli_say(cli, "%s %s: %s\n    at   %s%s%s%s%s\n    do   %s  [%s]",
                 json_string_value(json_object_get(finding, "severity")),
                 json_string_value(json_object_get(finding, "rule")),
                 json_string_value(json_object_get(finding, "what")), path,
                 section == NULL ? "" : " (", section == NULL ? "" : section,
                 section == NULL ? "" : ")", byte,
                 json_string_value(json_object_get(finding, "do")),
                 json_string_value(json_object_get(finding, "clause")));
    free(path);
}

static int result_say(struct selv_cli *cli, const char *name,
                      struct selv_lint_result *result, bool is_strict)
{
    const size_t *count = result->count;
    bool is_bad = count[SELV_LINT_ERROR] + count[SELV_LINT_WARNING] +
                      (is_strict ? count[SELV_LINT_NOTE] : 0) >
                  0;
    char sum[128];
    size_t i;
    json_t *finding;

    json_array_foreach(result->findings, i, finding)
    {
        finding_say(cli, finding);
    }
    snprintf(sum, sizeof(sum), "%zu error%s, %zu warning%s, %zu note%s",
             count[SELV_LINT_ERROR], count[SELV_LINT_ERROR] == 1 ? "" : "s",
             count[SELV_LINT_WARNING], count[SELV_LINT_WARNING] == 1 ? "" : "s",
             count[SELV_LINT_NOTE], count[SELV_LINT_NOTE] == 1 ? "" : "s");
    if (!is_bad) {
        selv_cli_say(cli, "%s%s: %s", i > 0 ? "\n" : "", name, sum);
    } else if (!cli->json) {
        fflush(stdout);
        fprintf(stderr, "selvage: %s: %s\n", name, sum);
    }
    selv_cli_result(cli,
                    json_pack("{s:s, s:O, s:I, s:I, s:I}", "verdict",
                              is_bad ? "findings" : "clean", "findings",
                              result->findings, "errors",
                              (json_int_t)count[SELV_LINT_ERROR], "warnings",
                              (json_int_t)count[SELV_LINT_WARNING], "notes",
                              (json_int_t)count[SELV_LINT_NOTE]));
    json_decref(result->findings);
    return is_bad ? SELV_EXIT_REFUSED : SELV_EXIT_OK;
}

/* The envelope that a template makes. */
static bool template_build(const char *path, struct selv_buf *out,
                           struct selv_error *error)
{
    json_t *template = selv_cli_template_load(path, error);
    bool done =
        template != NULL && selv_cli_template_build(path, template, out, error);

    json_decref(template);
    return done;
}

static int rules_print(struct selv_cli *cli)
{
    json_t *list = json_array();

    for (const struct selv_lint_rule *r = selv_lint_rules; r->name != NULL;
         r++) {
        const char *severity = selv_lint_severity_name(r->severity);

        selv_cli_say(cli, "%-24s %-8s %-22s %s", r->name, severity, r->clause,
                     r->advice);
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s}", "rule", r->name, "severity",
                            severity, "clause", r->clause, "do", r->advice));
    }
    selv_cli_result(cli, list);
    return SELV_EXIT_OK;
}

int selv_cli_manifest_lint(struct selv_cli *cli, int argc, char **argv)
{
    const char *in = NULL;
    const char *template = NULL;
    bool is_strict = false;
    bool rules = false;
    struct selv_cli_list key_paths = {{NULL}, 0};
    const struct selv_cli_option options[] = {
        {.name = "--key",
         .value_name = "FILE",
         .help = "a key that may have signed; may be given several times",
         .list = &key_paths},
        {.name = "--template",
         .value_name = "FILE",
         .help = "look at what this template makes, instead of an envelope",
         .value = &template},
        {.name = "--strict",
         .help = "exit 1 for notes, too",
         .flag = &is_strict},
        {.name = "--rules", .help = "list the rules", .flag = &rules},
    };
    const struct selv_cli_positional positionals[] = {{"ENVELOPE", &in, false}};
    const struct selv_cli_syntax syntax = {
        .options = options,
        .option_count = sizeof(options) / sizeof(options[0]),
        .positionals = positionals,
        .positional_count = 1,
        .see = "the rules: docs/spec/manifest-lint.md; JSON output: "
               "docs/spec/manifest-json.md"};
    struct selv_lint_result result;
    struct selv_cli_keys keys;
    struct selv_lint_keys given = {keys.keys, keys.ids, keys.names, 0};
    struct selv_buf file = {NULL, 0, 0};
    struct selv_error error;
    const char *name;
    bool done;
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    if (rules) {
        return rules_print(cli);
    }
    if ((in == NULL) == (template == NULL)) {
        return selv_cli_usage(cli, "give an ENVELOPE, or --template FILE");
    }
    if (in == NULL && key_paths.count > 0) {
        return selv_cli_usage(cli, "--key is for an ENVELOPE: nobody signs a "
                                   "template");
    }
    name = in == NULL ? template : in;
    done = selv_cli_keys_load(&key_paths, &keys, &error) &&
           (in == NULL ? template_build(template, &file, &error)
                       : selv_cli_envelope_read(in, &file, &error));
    given.count = keys.count;
    if (!done) {
        selv_wipe(&keys, sizeof(keys));
        return selv_cli_fail(cli, &error);
    }
    done = selv_manifest_lint_keys(selv_bytes(file.p, file.len), in == NULL,
                                   &given, &result, &error);
    selv_wipe(&keys, sizeof(keys));
    if (!done) {
        selv_cli_envelope_explain(name, selv_bytes(file.p, file.len), &error);
        free(file.p);
        return selv_cli_fail(cli, &error);
    }
    code = result_say(cli, name, &result, is_strict);
    free(file.p);
    return code;
}
