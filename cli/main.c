/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage: the author's and operator's command line. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "crypto/crypto.h"
#include "posix/posix.h"

/* The grammar: each command is a row. */
static const struct selv_cli_command commands[] = {
    {"key", "generate", selv_cli_key_generate, "make a new P-256 key pair"},
    {"key", "export", selv_cli_key_export, "write a key in another format"},
    {"key", "show", selv_cli_key_show, "say what a key file holds"},
    {"manifest", "create", selv_cli_manifest_create,
     "make an unsigned manifest from images or a template"},
    {"manifest", "sign", selv_cli_manifest_sign, "sign a manifest"},
    {"manifest", "verify", selv_cli_manifest_verify,
     "judge a manifest as a device would"},
    {"manifest", "show", selv_cli_manifest_show,
     "tell in words what a manifest does"},
    {"manifest", "lint", selv_cli_manifest_lint,
     "say what a manifest should not do"},
    {"manifest", "extract", selv_cli_manifest_extract,
     "take parts out of an envelope, or put some in"},
    {"manifest", "diff", selv_cli_manifest_diff,
     "say what changed between two manifests"},
    {"manifest", "simulate", selv_cli_manifest_simulate,
     "tell step by step what a device would do, and why"},
    {"release", "publish", selv_cli_release_publish,
     "put a manifest and its images on a server, or into a static tree"},
    {"release", "list", selv_cli_release_list, "list the server's releases"},
    {"release", "show", selv_cli_release_show, "show one release"},
    {"device", "list", selv_cli_device_list, "list the devices that report"},
    {"device", "show", selv_cli_device_show, "show one device and its reports"},
    {"device", "provision", selv_cli_device_provision,
     "write the flash that a new device leaves the factory with"},
    {"device", "push", selv_cli_device_push,
     "hand a manifest to a device that listens"},
    {"device", "track", selv_cli_device_track,
     "tell what a device that listens does, and push to it"},
    {"recover", NULL, selv_cli_recover,
     "bring a device back in which nothing boots, over a serial line"},
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void commands_print(FILE *f, const char *noun)
{
    fprintf(f, "usage: selvage NOUN VERB [NAME] [options]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (noun == NULL || strcmp(noun, commands[i].noun) == 0) {
            fprintf(f, "  %-9s %-10s %s\n", commands[i].noun,
                    commands[i].verb == NULL ? "" : commands[i].verb,
                    commands[i].summary);
        }
    }
    fprintf(f, "\noptions everywhere: --json --quiet --no-progress --help; "
               "alone: --version\n");
}

/* Takes the flags that may stand anywhere out of argv; what is left moves
 * up. */
static int global_flags_take(struct selv_cli *cli, int argc, char **argv)
{
    int kept = 0;
    int i = 0;

    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            cli->json = true;
        } else if (strcmp(argv[i], "--quiet") == 0 ||
                   strcmp(argv[i], "-q") == 0) {
            cli->quiet = true;
        } else if (strcmp(argv[i], "--no-progress") == 0) {
            cli->no_progress = true;
        } else {
            argv[kept++] = argv[i];
        }
    }
    for (; i < argc; i++) {
        argv[kept++] = argv[i];
    }
    return kept;
}

static bool noun_exists(const char *noun)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].noun, noun) == 0) {
            return true;
        }
    }
    return false;
}

static int wrong(const struct selv_cli *cli, const char *what, const char *word)
{
    struct selv_error error;

    selv_error_set(&error, SELV_EXIT_USAGE,
                   "%s%s%.200s%s; try `selvage --help`", what,
                   word == NULL ? "" : " \"", word == NULL ? "" : word,
                   word == NULL ? "" : "\"");
    return selv_cli_fail(cli, &error);
}

/* The verbs that there are are few enough to be named. verb NULL: none was
 * given. */
static int verb_wrong(const struct selv_cli *cli, const char *noun,
                      const char *verb)
{
    struct selv_error error;
    char verbs[256] = "";

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t len = strlen(verbs);

        if (strcmp(commands[i].noun, noun) == 0) {
            snprintf(verbs + len, sizeof(verbs) - len, "%s%s",
                     len == 0 ? "" : ", ", commands[i].verb);
        }
    }
    selv_error_set(&error, SELV_EXIT_USAGE,
                   verb == NULL ? "a verb is missing behind \"%s\"%.0s: %s"
                                : "%s: no such verb \"%.200s\"; it has %s",
                   noun, verb == NULL ? "" : verb, verbs);
    return selv_cli_fail(cli, &error);
}

static int fail(const struct selv_cli *cli, const char *what)
{
    struct selv_error error;

    selv_error_set(&error, SELV_EXIT_ENVIRONMENT, "%s", what);
    return selv_cli_fail(cli, &error);
}

static int dispatch(struct selv_cli *cli, int argc, char **argv)
{
    if (argc == 0 && cli->json) {
        return wrong(cli, "a noun and a verb are missing", NULL);
    }
    if (argc == 0) {
        commands_print(stderr, NULL);
        return SELV_EXIT_USAGE;
    }
    if (strcmp(argv[0], "--version") == 0) {
        printf("selvage " SELVAGE_VERSION "\n");
        return SELV_EXIT_OK;
    }
    if (selv_cli_is_help(argv[0]) || strcmp(argv[0], "help") == 0) {
        commands_print(stdout, NULL);
        return SELV_EXIT_OK;
    }
    if (!noun_exists(argv[0])) {
        return wrong(cli, "no such noun", argv[0]);
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].noun, argv[0]) == 0 &&
            commands[i].verb == NULL) {
            cli->command = &commands[i];
            return commands[i].run(cli, argc - 1, argv + 1);
        }
    }
    if (argc == 1) {
        return verb_wrong(cli, argv[0], NULL);
    }
    if (selv_cli_is_help(argv[1]) || strcmp(argv[1], "help") == 0) {
        commands_print(stdout, argv[0]);
        return SELV_EXIT_OK;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].noun, argv[0]) == 0 &&
            strcmp(commands[i].verb, argv[1]) == 0) {
            cli->command = &commands[i];
            return commands[i].run(cli, argc - 2, argv + 2);
        }
    }
    return verb_wrong(cli, argv[0], argv[1]);
}

int main(int argc, char **argv)
{
    struct selv_cli cli = {false, false, false, NULL};
    int code;

    if (!selv_posix_streams_hold()) {
        return SELV_EXIT_ENVIRONMENT;
    }
    /* A reader that went away is an error of ours to report, not a death. */
    signal(SIGPIPE, SIG_IGN);
    argc = global_flags_take(&cli, argc - 1, argv + 1);
    if (selv_crypto_init() != SELV_OK) {
        return fail(&cli, "the crypto library does not start");
    }
    code = dispatch(&cli, argc, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        int broken = fail(&cli, "cannot write to standard output");
        return code == SELV_EXIT_OK ? broken : code;
    }
    return code;
}
