/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage release publish | list | show, selvage device list | show: the
 * command lines of cli/fleet.h. */
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/fleet.h"
#include "cli/manifest_parts.h"
#include "cli/publish_static.h"

/* Where the server is; the same two options in each command. */
struct target {
    const char *server;
    const char *token_file;
};

#define TARGET_OPTIONS(target)                                                 \
    {.name = "--server",                                                       \
     .value_name = "URL",                                                      \
     .help = "such as http://127.0.0.1:8683",                                  \
     .value = &(target).server},                                               \
    {                                                                          \
        .name = "--token-file", .value_name = "FILE",                          \
        .help = "the operator's token", .value = &(target).token_file          \
    }

/* One question to the server; name may be NULL. */
typedef bool ask_fn(const struct selv_api *api,
                    const struct selv_fleet_style *style, const char *name,
                    struct selv_error *error);

static int ask(struct selv_cli *cli, const struct target *target, ask_fn *fn,
               const char *name)
{
    const struct selv_fleet_style style = {cli->json, cli->quiet, false};
    struct selv_api api;
    struct selv_error error;
    bool done;

    if (!selv_api_open(&api, target->server, target->token_file, &error)) {
        return selv_cli_fail(cli, &error);
    }
    api.has_progress = !cli->no_progress && !cli->quiet;
    done = fn(&api, &style, name, &error);
    selv_api_close(&api);
    return done ? SELV_EXIT_OK : selv_cli_fail(cli, &error);
}

static bool ask_releases(const struct selv_api *api,
                         const struct selv_fleet_style *style, const char *name,
                         struct selv_error *error)
{
    (void)name;
    return selv_fleet_releases(api, style, error);
}

static bool ask_devices(const struct selv_api *api,
                        const struct selv_fleet_style *style, const char *name,
                        struct selv_error *error)
{
    (void)name;
    return selv_fleet_devices(api, style, error);
}

/* A command that takes the target, and a name where name_of is not NULL. */
static int run(struct selv_cli *cli, int argc, char **argv, ask_fn *fn,
               const char *name_of)
{
    struct target target = {NULL, NULL};
    const char *name = NULL;
    const struct selv_cli_option options[] = {TARGET_OPTIONS(target)};
    const struct selv_cli_positional positionals[] = {{name_of, &name, true}};
    const struct selv_cli_syntax syntax = {.options = options,
                                           .option_count = 2,
                                           .positionals = positionals,
                                           .positional_count =
                                               name_of == NULL ? 0 : 1};
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    return ask(cli, &target, fn, name);
}

int selv_cli_release_list(struct selv_cli *cli, int argc, char **argv)
{
    return run(cli, argc, argv, ask_releases, NULL);
}

int selv_cli_release_show(struct selv_cli *cli, int argc, char **argv)
{
    return run(cli, argc, argv, selv_fleet_release, "DIGEST");
}

int selv_cli_device_list(struct selv_cli *cli, int argc, char **argv)
{
    return run(cli, argc, argv, ask_devices, NULL);
}

int selv_cli_device_show(struct selv_cli *cli, int argc, char **argv)
{
    return run(cli, argc, argv, selv_fleet_device, "DEVICE");
}

/* ---- publish
 * ----------------------------------------------------------------- */

/* What is published, and where. */
struct publish {
    struct target target;
    const char *envelope;
    const char *folder; /* NULL: on the server */
    struct selv_cli_list images;
    struct selv_cli_list key_paths;
    struct selv_cli_keys keys;
};

static const struct selv_cli_keys *keys_of(const struct publish *p)
{
    return p->key_paths.count > 0 ? &p->keys : NULL;
}

static bool publish_to_server(struct selv_cli *cli, const struct publish *p,
                              struct selv_error *error)
{
    const struct selv_fleet_style style = {cli->json, cli->quiet,
                                           keys_of(p) != NULL};
    struct selv_bytes envelope;
    struct selv_api api;
    struct selv_buf bytes;
    bool done;

    if (!selv_fleet_envelope_read(p->envelope, p->images.values,
                                  p->images.count, &bytes, error)) {
        return false;
    }
    envelope = selv_bytes(bytes.p, bytes.len);
    done = (keys_of(p) == NULL ||
            selv_cli_envelope_verify(p->envelope, envelope, &p->keys, error)) &&
           selv_api_open(&api, p->target.server, p->target.token_file, error);
    if (done) {
        api.has_progress = !cli->no_progress && !cli->quiet;
        done = selv_fleet_publish(&api, &style, p->envelope, envelope,
                                  p->images.values, p->images.count, error);
        selv_api_close(&api);
    }
    free(bytes.p);
    return done;
}

static int publish(struct selv_cli *cli, struct publish *p)
{
    struct selv_error error;
    bool done = selv_cli_keys_load(&p->key_paths, &p->keys, &error);

    if (done && p->folder == NULL) {
        done = publish_to_server(cli, p, &error);
    } else if (done) {
        done = selv_cli_publish_static(cli, p->folder, p->envelope,
                                       p->images.values, p->images.count,
                                       keys_of(p), &error);
    }
    selv_wipe(&p->keys, sizeof(p->keys));
    if (!done) {
        return selv_cli_fail(cli, &error);
    }
    if (p->key_paths.count == 0) {
        selv_cli_note(cli, "note: the signature was not verified here; --key "
                           "FILE does that before anything is published");
    }
    return SELV_EXIT_OK;
}

int selv_cli_release_publish(struct selv_cli *cli, int argc, char **argv)
{
    struct publish p = {.envelope = NULL};
    const struct selv_cli_option options[] = {
        TARGET_OPTIONS(p.target),
        {.name = "--image",
         .value_name = "FILE",
         .help = "an image that the manifest names; may be given several times",
         .list = &p.images},
        {.name = "--key",
         .value_name = "FILE",
         .help = "publish only what this key verifies; may be given several "
                 "times",
         .list = &p.key_paths},
        {.name = "--static",
         .value_name = "DIR",
         .help = "instead of a server: write files that any server can serve",
         .value = &p.folder},
    };
    const struct selv_cli_positional positionals[] = {
        {"ENVELOPE", &p.envelope, true}};
    const struct selv_cli_syntax syntax = {.options = options,
                                           .option_count = sizeof(options) /
                                                           sizeof(options[0]),
                                           .positionals = positionals,
                                           .positional_count = 1,
                                           .rest = &p.images,
                                           .rest_name = "IMAGE",
                                           .has_progress = true};
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    if (p.folder != NULL &&
        (p.target.server != NULL || p.target.token_file != NULL)) {
        return selv_cli_usage(cli, "--static needs no server");
    }
    return publish(cli, &p);
}
