/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage manifest simulate */
#include "host/manifest_simulate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/manifest_parts.h"
#include "host/file.h"
#include "host/paper.h"

struct simulate {
    const char *envelope, *device, *procedure, *install;
    struct selv_cli_list key_paths, faults;
    struct selv_simulate_plan plan;
    struct selv_cli_keys keys;
    char folder[4096];
    struct selv_buf file;
};

static bool device_load(struct simulate *c, struct selv_error *error)
{
    const char *slash = strrchr(c->device, '/');

    c->plan.device = selv_cli_json_load(c->device, 0, error);
    if (c->plan.device == NULL) {
        return false;
    }
    if (slash != NULL && (size_t)(slash - c->device) < sizeof(c->folder) - 1) {
        memcpy(c->folder, c->device, (size_t)(slash - c->device) + 1);
        c->plan.folder = c->folder;
    }
    return true;
}

/* "fetch", or "fetch:2" for the second one only. */
static int faults_take(const struct selv_cli *cli, struct simulate *c)
{
    for (size_t i = 0; i < c->faults.count; i++) {
        const char *text = c->faults.values[i];
        size_t len = strcspn(text, ":");
        const char *const *name = selv_simulate_operations;
        char *end = NULL;
        unsigned long number = 0;

        while (*name != NULL &&
               (strlen(*name) != len || strncmp(*name, text, len) != 0)) {
            name++;
        }
        if (text[len] == ':') {
            number = strtoul(text + len + 1, &end, 10);
        }
        if (*name == NULL || (end != NULL && (*end != '\0' || number == 0 ||
                                              number > UINT32_MAX))) {
            return selv_cli_usage(
                cli,
                "--fail: give fetch, image, copy, write, swap, invoke or "
                "private, with :N for the Nth one only; not \"%.40s\"",
                text);
        }
        c->plan.faults[i].operation = *name;
        c->plan.faults[i].number = (uint32_t)number;
    }
    c->plan.fault_count = c->faults.count;
    return 0;
}

static int procedure_take(const struct selv_cli *cli, struct simulate *c)
{
    const char *p = c->procedure == NULL ? "both" : c->procedure;

    c->plan.has_update = strcmp(p, "invocation") != 0;
    c->plan.has_invocation = strcmp(p, "update") != 0;
    if (strcmp(p, "both") != 0 && c->plan.has_update &&
        c->plan.has_invocation) {
        return selv_cli_usage(cli,
                              "--procedure: give update, invocation or both");
    }
    return c->device == NULL ? selv_cli_usage(cli, "--device FILE is missing")
                             : 0;
}

static int inputs_check(const struct selv_cli *cli, const struct simulate *c)
{
    const char *const inputs[] = {c->envelope, c->device};
    int code = selv_cli_output_check(cli, c->install, inputs, 2);

    return code != 0
               ? code
               : selv_cli_output_check(cli, c->install, c->key_paths.values,
                                       c->key_paths.count);
}

static bool install_write(const struct simulate *c, json_t *story,
                          struct selv_error *error)
{
    char *text;
    bool done;

    if (c->install == NULL) {
        return true;
    }
    text = json_dumps(json_object_get(story, "device"), JSON_INDENT(2));
    if (text == NULL) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT, "out of memory");
    }
    done = selv_file_write(c->install, selv_bytes(text, strlen(text)), 0644,
                           error);
    free(text);
    return done;
}

/* Why it did not end well, as every failure is said. */
static void failure_say(const struct selv_cli *cli, const struct simulate *c,
                        json_t *story)
{
    json_t *list = json_object_get(story, "procedures");
    json_t *last = json_array_get(list, json_array_size(list) - 1);

    if (!cli->json) {
        fprintf(stderr, "selvage: %s: %s %s: %s\n", c->envelope,
                json_string_value(json_object_get(last, "procedure")),
                json_string_value(json_object_get(last, "result")),
                json_string_value(json_object_get(last, "reason")));
    }
}

static int simulate_run(const struct selv_cli *cli, struct simulate *c)
{
    struct selv_error error;
    json_t *story = NULL;
    json_t *fault;
    size_t i;
    enum selv_exit code;

    if (!selv_cli_keys_load(&c->key_paths, &c->keys, &error) ||
        !device_load(c, &error)) {
        return selv_cli_fail(cli, &error);
    }
    c->plan.keys = c->keys.keys;
    c->plan.key_names = c->keys.names;
    c->plan.key_count = c->keys.count;
    if (selv_cli_output_check_json(cli, c->install, c->plan.device,
                                   c->plan.folder) != 0) {
        return SELV_EXIT_USAGE;
    }
    if (selv_file_read(c->envelope, SELV_MANIFEST_FILE_MAX, &c->file, &error)) {
        c->plan.envelope = selv_bytes(c->file.p, c->file.len);
        story = selv_manifest_simulate(&c->plan, &error);
    }
    if (c->file.p != NULL && story == NULL) {
        selv_error_prefix(&error, c->device);
    }
    if (story == NULL) {
        return selv_cli_fail(cli, &error);
    }
    if (!cli->json && !cli->quiet) {
        char *text =
            selv_manifest_simulate_prose(story, selv_paper_has_colours());

        fputs(text == NULL ? "" : text, stdout);
        fflush(stdout);
        free(text);
    }
    json_array_foreach(json_object_get(story, "faults_unreached"), i, fault)
    {
        selv_cli_note(cli,
                      "note: --fail %s: it never came to that, so nothing "
                      "failed for it",
                      json_string_value(fault));
    }
    code = selv_manifest_simulate_exit(story);
    if (code != SELV_EXIT_OK) {
        failure_say(cli, c, story);
    }
    if (!install_write(c, story, &error)) {
        json_decref(story);
        return selv_cli_fail(cli, &error);
    }
    selv_cli_result(cli, story);
    return (int)code;
}

int selv_cli_manifest_simulate(struct selv_cli *cli, int argc, char **argv)
{
    static struct simulate c; /* keys and a path: large for a stack */
    const struct selv_cli_option options[] = {
        {.name = "--key",
         .value_name = "FILE",
         .help = "a key that may have signed; also several times",
         .list = &c.key_paths},
        {.name = "--device",
         .value_name = "FILE",
         .help = "the device (JSON)",
         .value = &c.device},
        {.name = "--procedure",
         .value_name = "NAME",
         .help = "update, invocation or both (default)",
         .value = &c.procedure},
        {.name = "--fail",
         .value_name = "OPERATION[:N]",
         .help = "fetch, image, copy, write, swap, invoke or private",
         .list = &c.faults},
        {.name = "--install",
         .value_name = "FILE",
         .help = "write the device as it is afterwards, for the next manifest",
         .value = &c.install},
    };
    const struct selv_cli_positional positionals[] = {
        {"ENVELOPE", &c.envelope, true}};
    const struct selv_cli_syntax syntax = {
        .options = options,
        .option_count = sizeof(options) / sizeof(options[0]),
        .positionals = positionals,
        .positional_count = 1,
        .see = "device files: docs/spec/manifest-json.md; what is told, and "
               "its JSON: docs/spec/manifest-stories.md"};
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    code = procedure_take(cli, &c);
    code = code != 0 ? code : faults_take(cli, &c);
    code = code != 0 ? code : inputs_check(cli, &c);
    if (code == 0) {
        code = simulate_run(cli, &c);
    }
    selv_wipe(&c.keys, sizeof(c.keys));
    json_decref(c.plan.device);
    free(c.file.p);
    return code;
}
