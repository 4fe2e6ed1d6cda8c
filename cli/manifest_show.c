/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage manifest show */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/manifest_parts.h"
#include "host/file.h"
#include "host/manifest.h"
#include "host/manifest_template.h"

static int prose_show(struct selv_cli *cli, const char *path,
                      struct selv_bytes envelope,
                      const struct selv_manifest_names *names)
{
    struct selv_error error;
    json_t *d = selv_manifest_describe(envelope, names, &error);
    char *prose;

    if (d == NULL) {
        selv_cli_envelope_explain(path, envelope, &error);
        return selv_cli_fail(cli, &error);
    }
    prose = selv_manifest_prose(d);
    fputs(prose == NULL ? "" : prose, stdout);
    free(prose);
    json_decref(d);
    return SELV_EXIT_OK;
}

static int template_show(struct selv_cli *cli, const char *path,
                         struct selv_bytes envelope,
                         const struct selv_manifest_template_style *style)
{
    struct selv_error error;
    json_t *template;

    if (style->payloads != NULL &&
        !selv_cli_payloads_write(style->payloads, path, envelope, &error)) {
        return selv_cli_fail(cli, &error);
    }
    template = selv_manifest_template(envelope, style, &error);
    if (template == NULL) {
        selv_cli_envelope_explain(path, envelope, &error);
        return selv_cli_fail(cli, &error);
    }
    selv_cli_result(cli, template);
    return SELV_EXIT_OK;
}

int selv_cli_manifest_show(struct selv_cli *cli, int argc, char **argv)
{
    const char *in = NULL;
    struct selv_manifest_template_style style = {.payloads = NULL};
    const struct selv_cli_option options[] = {
        {.name = "--vendor",
         .value_name = "DOMAIN",
         .help = "a domain that the vendor id may come from",
         .value = &style.names.vendor},
        {.name = "--class",
         .value_name = "NAME",
         .help = "a name that the class id may come from",
         .value = &style.names.class_name},
        {.name = "--explicit",
         .help = "with --json: every reporting policy, the usual ones too",
         .flag = &style.is_explicit},
        {.name = "--payloads",
         .value_name = "FOLDER",
         .help = "with --json: write the integrated payloads there",
         .value = &style.payloads},
    };
    const struct selv_cli_positional positionals[] = {{"ENVELOPE", &in, true}};
    const struct selv_cli_syntax syntax = {
        .options = options,
        .option_count = sizeof(options) / sizeof(options[0]),
        .positionals = positionals,
        .positional_count = 1,
        .see = "what --json prints: docs/spec/manifest-template.md, "
               "docs/spec/manifest-json.md"};
    struct selv_buf file = {NULL, 0, 0};
    struct selv_error error;
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    if (!cli->json && (style.is_explicit || style.payloads != NULL)) {
        return selv_cli_usage(cli, "--explicit and --payloads go with --json");
    }
    style.no_inline = style.payloads != NULL;
    if (!selv_cli_envelope_read(in, &file, &error)) {
        return selv_cli_fail(cli, &error);
    }
    code =
        cli->json
            ? template_show(cli, in, selv_bytes(file.p, file.len), &style)
            : prose_show(cli, in, selv_bytes(file.p, file.len), &style.names);
    free(file.p);
    return code;
}
