/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

int selv_cli_fail(const struct selv_cli *cli, const struct selv_error *error)
{
    char text[SELV_ERROR_LEN];
    json_t *o;
    char *line;

    if (!cli->json) {
        fprintf(stderr, "selvage: %s\n", error->text);
        return (int)error->exit;
    }
    memcpy(text, error->text, sizeof(text));
    o = json_pack("{s:s, s:i}", "error", text, "exit", (int)error->exit);
    if (o == NULL) {
        /* A file's name need not be UTF-8; JSON must. */
        for (char *c = text; *c != '\0'; c++) {
            *c = (unsigned char)*c < 0x80 ? *c : '?';
        }
        o = json_pack("{s:s, s:i}", "error", text, "exit", (int)error->exit);
    }
    line = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    fprintf(stderr, "%s\n", line != NULL ? line : "{}");
    free(line);
    json_decref(o);
    return (int)error->exit;
}

void selv_cli_say(const struct selv_cli *cli, const char *format, ...)
{
    va_list arguments;

    if (cli->json || cli->quiet) {
        return;
    }
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

void selv_cli_note(const struct selv_cli *cli, const char *format, ...)
{
    va_list arguments;

    if (cli->json || cli->quiet) {
        return;
    }
    fputs("selvage: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void selv_cli_result(const struct selv_cli *cli, json_t *object)
{
    if (cli->json) {
        json_dumpf(object, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(object);
}

bool selv_cli_is_same_file(const char *a, const char *b)
{
    struct stat of_a;
    struct stat of_b;

    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 &&
           S_ISREG(of_a.st_mode) && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

int selv_cli_output_check(const struct selv_cli *cli, const char *output,
                          const char *const *inputs, size_t count)
{
    for (size_t i = 0; output != NULL && i < count; i++) {
        if (inputs[i] != NULL && selv_cli_is_same_file(output, inputs[i])) {
            return selv_cli_usage(cli,
                                  "%.300s would replace the input %.300s; "
                                  "write to another file",
                                  output, inputs[i]);
        }
    }
    return 0;
}

int selv_cli_output_check_json(const struct selv_cli *cli, const char *output,
                               json_t *json, const char *folder)
{
    const char *name = json_string_value(json_object_get(json, "file"));
    const char *key;
    char path[4096];
    const char *paths[] = {path};
    int code = 0;
    size_t i;
    json_t *value;

    if (output != NULL && name != NULL) {
        bool is_below = folder != NULL && name[0] != '/';

        snprintf(path, sizeof(path), "%s%s%s", is_below ? folder : "",
                 is_below ? "/" : "", name);
        code = selv_cli_output_check(cli, output, paths, 1);
    }
    json_object_foreach(json, key, value)
    {
        code = code != 0
                   ? code
                   : selv_cli_output_check_json(cli, output, value, folder);
    }
    json_array_foreach(json, i, value)
    {
        code = code != 0
                   ? code
                   : selv_cli_output_check_json(cli, output, value, folder);
    }
    return code;
}

bool selv_cli_key_load(const struct selv_cli *cli, const char *path,
                       enum selv_cli_key_need need, struct selv_key *key,
                       int *exit_code)
{
    bool takes_secret = need != SELV_CLI_KEY_PUBLIC;
    bool need_private = need == SELV_CLI_KEY_PRIVATE;
    struct selv_error error;

    if (selv_key_load(path, key, &error) &&
        (key->kind == SELV_KEY_P256 ||
         (takes_secret && key->kind == SELV_KEY_HMAC256) ||
         selv_error_set(&error, SELV_EXIT_REFUSED,
                        "%s is a key of another kind (%s); P-256%s is needed",
                        path, key->what, takes_secret ? " or HMAC-256" : "")) &&
        (key->has_private || !need_private ||
         selv_error_set(&error, SELV_EXIT_REFUSED,
                        "%s is a public key; its private half is needed",
                        path))) {
        return true;
    }
    *exit_code = selv_cli_fail(cli, &error);
    return false;
}
