/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage key generate | export | show */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "host/file.h"
#include "host/hex.h"

/* "pem" (also for NULL) or "cose". */
static bool format_parse(const char *name, enum selv_key_format *format)
{
    *format = name != NULL && strcmp(name, "cose") == 0 ? SELV_KEY_COSE
                                                        : SELV_KEY_PEM;
    return name == NULL || strcmp(name, "cose") == 0 ||
           strcmp(name, "pem") == 0;
}

/* The key id as it stands in blocks that we make: a P-256 key's thumbprint;
 * a secret's own, if it has one. */
static void kid_text(const struct selv_key *key, char text[static 17])
{
    struct selv_cose_key cose = key->cose;

    if (key->kind == SELV_KEY_P256) {
        selv_cose_key_set_kid(&cose);
    }
    selv_hex_encode(selv_bytes(cose.kid, cose.kid_len), text);
}

/* The two files of a pair: from a NAME both get an ending; with -o FILE the
 * private one is that file. */
static bool paths_make(const char *name, const char *file,
                       enum selv_key_format format, char private_path[],
                       char public_path[], size_t cap)
{
    const char *ending = format == SELV_KEY_COSE ? "cosekey" : "pem";
    int a;
    int b;

    if (file != NULL) {
        a = snprintf(private_path, cap, "%s", file);
        b = snprintf(public_path, cap, "%s.pub", file);
    } else {
        a = snprintf(private_path, cap, "%s.%s", name, ending);
        b = snprintf(public_path, cap, "%s.pub.%s", name, ending);
    }
    return a < (int)cap && b < (int)cap;
}

/* Writes both halves; neither replaces a file that is there. */
static bool pair_write(const struct selv_key *key, enum selv_key_format format,
                       const char *private_path, const char *public_path,
                       struct selv_error *error)
{
    uint8_t bytes[SELV_KEY_ENCODED_MAX];
    struct selv_buf out = {bytes, sizeof(bytes), 0};
    bool done;

    if (access(public_path, F_OK) == 0) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "cannot create %s: it exists; choose another "
                              "name, or remove it first",
                              public_path);
    }
    done =
        selv_key_encode(key, format, true, &out, error) &&
        selv_file_create(private_path, selv_bytes(out.p, out.len), 0600, error);
    selv_wipe(bytes, sizeof(bytes));
    return done && selv_key_encode(key, format, false, &out, error) &&
           selv_file_create(public_path, selv_bytes(out.p, out.len), 0644,
                            error);
}

/* A secret is one file, which is never shown to anybody. */
static int secret_generate(struct selv_cli *cli, const char *path)
{
    uint8_t bytes[SELV_KEY_ENCODED_MAX];
    struct selv_buf out = {bytes, sizeof(bytes), 0};
    struct selv_error error;
    struct selv_key key;
    char kid[17];
    bool done =
        selv_key_generate_secret(&key, &error) &&
        selv_key_encode(&key, SELV_KEY_COSE, true, &out, &error) &&
        selv_file_create(path, selv_bytes(out.p, out.len), 0600, &error);

    kid_text(&key, kid);
    selv_wipe(bytes, sizeof(bytes));
    selv_key_wipe(&key);
    if (!done) {
        return selv_cli_fail(cli, &error);
    }
    selv_cli_say(cli,
                 "%s   secret: signs manifests and verifies them; whoever has "
                 "it can do both",
                 path);
    selv_cli_say(cli, "key id %s", kid);
    selv_cli_result(cli, json_pack("{s:s, s:s}", "private", path, "kid", kid));
    return SELV_EXIT_OK;
}

int selv_cli_key_generate(struct selv_cli *cli, int argc, char **argv)
{
    const char *name = NULL;
    const char *file = NULL;
    const char *format_name = NULL;
    const char *type = NULL;
    const struct selv_cli_option options[] = {
        {.name = "--output",
         .letter = "-o",
         .value_name = "FILE",
         .help = "private half here, public half to FILE.pub",
         .value = &file},
        {.name = "--format",
         .value_name = "FORMAT",
         .help = "pem (default) or cose (a binary COSE_Key)",
         .value = &format_name},
        {.name = "--type",
         .value_name = "TYPE",
         .help = "p256 (default), or hmac256: a secret, a COSE_Key",
         .value = &type},
    };
    const struct selv_cli_positional positionals[] = {{"NAME", &name, false}};
    const struct selv_cli_syntax syntax = {.options = options,
                                           .option_count = 3,
                                           .positionals = positionals,
                                           .positional_count = 1};
    enum selv_key_format format;
    char private_path[4096];
    char public_path[4096];
    char kid[17];
    struct selv_error error;
    struct selv_key key;
    bool is_secret;
    bool done;
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    is_secret = type != NULL && strcmp(type, "hmac256") == 0;
    if (type != NULL && !is_secret && strcmp(type, "p256") != 0) {
        return selv_cli_usage(cli, "--type is p256 or hmac256");
    }
    if ((name == NULL) == (file == NULL)) {
        return selv_cli_usage(cli, "give either a NAME or -o FILE");
    }
    if (!format_parse(format_name, &format)) {
        return selv_cli_usage(cli, "--format is pem or cose");
    }
    if (is_secret) {
        if (format_name != NULL && format != SELV_KEY_COSE) {
            return selv_cli_usage(cli, "PEM has no form for a secret");
        }
        format = SELV_KEY_COSE;
    }
    if (!paths_make(name, file, format, private_path, public_path,
                    sizeof(private_path))) {
        return selv_cli_usage(cli, "the name is too long");
    }
    if (is_secret) {
        return secret_generate(cli, private_path);
    }
    done = selv_key_generate(&key, &error) &&
           pair_write(&key, format, private_path, public_path, &error);
    kid_text(&key, kid);
    selv_key_wipe(&key);
    if (!done) {
        return selv_cli_fail(cli, &error);
    }
    selv_cli_say(cli, "%s   private half: signs manifests, keep it secret",
                 private_path);
    selv_cli_say(cli, "%s   public half: goes into devices", public_path);
    selv_cli_say(cli, "key id %s", kid);
    selv_cli_result(cli, json_pack("{s:s, s:s, s:s}", "private", private_path,
                                   "public", public_path, "kid", kid));
    return SELV_EXIT_OK;
}

int selv_cli_key_export(struct selv_cli *cli, int argc, char **argv)
{
    const char *in = NULL;
    const char *file = NULL;
    const char *format_name = NULL;
    bool with_private = false;
    const struct selv_cli_option options[] = {
        {.name = "--output",
         .letter = "-o",
         .value_name = "FILE",
         .help = "where to write (default: standard output)",
         .value = &file},
        {.name = "--format",
         .value_name = "FORMAT",
         .help = "pem (default) or cose (a binary COSE_Key)",
         .value = &format_name},
        {.name = "--private",
         .help = "the private half too (default: the public half only)",
         .flag = &with_private},
    };
    const struct selv_cli_positional positionals[] = {{"KEY", &in, true}};
    const struct selv_cli_syntax syntax = {.options = options,
                                           .option_count = 3,
                                           .positionals = positionals,
                                           .positional_count = 1};
    uint8_t bytes[SELV_KEY_ENCODED_MAX];
    struct selv_buf out = {bytes, sizeof(bytes), 0};
    enum selv_key_format format;
    struct selv_error error;
    struct selv_key key;
    int code = SELV_EXIT_OK;
    bool done;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    if (!format_parse(format_name, &format)) {
        return selv_cli_usage(cli, "--format is pem or cose");
    }
    code = selv_cli_output_check(cli, file, &in, 1);
    if (code != 0) {
        return code;
    }
    if (!selv_cli_key_load(
            cli, in, with_private ? SELV_CLI_KEY_PRIVATE : SELV_CLI_KEY_ANY,
            &key, &code)) {
        return code;
    }
    done = selv_key_encode(&key, format, with_private, &out, &error);
    selv_key_wipe(&key);
    if (done && file != NULL) {
        done = selv_file_write(file, selv_bytes(out.p, out.len),
                               with_private ? 0600 : 0644, &error);
    } else if (done) {
        fwrite(out.p, 1, out.len, stdout);
    }
    selv_wipe(bytes, sizeof(bytes));
    return done ? SELV_EXIT_OK : selv_cli_fail(cli, &error);
}

int selv_cli_key_show(struct selv_cli *cli, int argc, char **argv)
{
    const char *in = NULL;
    const struct selv_cli_positional positionals[] = {{"KEY", &in, true}};
    const struct selv_cli_syntax syntax = {.positionals = positionals,
                                           .positional_count = 1};
    struct selv_error error;
    struct selv_key key;
    char kid[17] = "";
    char x[65] = "";
    char y[65] = "";
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    if (!selv_key_load(in, &key, &error)) {
        return selv_cli_fail(cli, &error);
    }
    if (key.kind == SELV_KEY_HMAC256) {
        kid_text(&key, kid);
        selv_cli_say(cli, "kind     HMAC-256 (a secret: makes and verifies "
                          "COSE_Mac0)");
        selv_cli_say(cli, "key id   %s", kid[0] == '\0' ? "none" : kid);
        selv_cli_result(cli, json_pack("{s:s, s:b, s:s}", "kind", "HMAC-256",
                                       "private", 1, "kid", kid));
        selv_key_wipe(&key);
        return SELV_EXIT_OK;
    }
    if (key.kind != SELV_KEY_P256) {
        selv_cli_say(cli, "kind     %s: fits no block that Selvage checks",
                     key.what);
        selv_cli_result(cli, json_pack("{s:s}", "kind", key.what));
        return SELV_EXIT_OK;
    }
    kid_text(&key, kid);
    selv_hex_encode(selv_bytes(key.cose.public_key, 32), x);
    selv_hex_encode(selv_bytes(key.cose.public_key + 32, 32), y);
    selv_cli_say(cli, "kind     P-256 (ESP256 signatures)");
    selv_cli_say(cli, "private  %s", key.has_private ? "yes" : "no");
    selv_cli_say(cli, "key id   %s", kid);
    selv_cli_say(cli, "x        %s", x);
    selv_cli_say(cli, "y        %s", y);
    selv_cli_result(cli, json_pack("{s:s, s:b, s:s, s:s, s:s}", "kind", "P-256",
                                   "private", (int)key.has_private, "kid", kid,
                                   "x", x, "y", y));
    selv_key_wipe(&key);
    return SELV_EXIT_OK;
}
