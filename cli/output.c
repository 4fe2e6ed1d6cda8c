/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void selv_cli_result(const struct selv_cli *cli, json_t *object)
{
    if (cli->json) {
        json_dumpf(object, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(object);
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
