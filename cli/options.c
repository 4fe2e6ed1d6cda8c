/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

int selv_cli_usage(const struct selv_cli *cli, const char *format, ...)
{
    char what[SELV_ERROR_LEN];
    struct selv_error error;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    selv_error_set(&error, SELV_EXIT_USAGE,
                   "%.900s; try `selvage %s%s%s --help`", what,
                   SELV_CLI_NAME(cli->command));
    return selv_cli_fail(cli, &error);
}

bool selv_cli_is_help(const char *argument)
{
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

static void help_print(const struct selv_cli *cli,
                       const struct selv_cli_syntax *syntax)
{
    printf("selvage %s%s%s - %s\n\n", SELV_CLI_NAME(cli->command),
           cli->command->summary);
    printf("usage: selvage %s%s%s", SELV_CLI_NAME(cli->command));
    for (size_t i = 0; i < syntax->positional_count; i++) {
        const struct selv_cli_positional *p = &syntax->positionals[i];

        printf(p->is_required ? " %s" : " [%s]", p->name);
    }
    if (syntax->rest != NULL) {
        printf(" [%s]...", syntax->rest_name);
    }
    for (size_t i = 0; i < syntax->option_count; i++) {
        const struct selv_cli_option *o = &syntax->options[i];

        if (o->is_required) {
            printf(" %s %s", o->name, o->value_name);
        }
    }
    printf(" [options]\n\n");
    for (size_t i = 0; i < syntax->option_count; i++) {
        const struct selv_cli_option *o = &syntax->options[i];
        char left[64];

        snprintf(left, sizeof(left), "%s%s%s%s%s%s",
                 o->letter == NULL ? "" : o->letter,
                 o->letter == NULL ? "" : ", ", o->name,
                 o->value_name == NULL ? ""
                 : o->is_optional      ? "[="
                                       : " ",
                 o->value_name == NULL ? "" : o->value_name,
                 o->is_optional ? "]" : "");
        printf("  %-26s %s\n", left, o->help);
    }
    printf("  %-26s %s\n  %-26s %s\n", "--json",
           "the result as JSON on standard output", "--quiet", "errors only");
    if (syntax->has_progress) {
        printf("  %-26s %s\n", "--no-progress", "not how far it is");
    }
    if (syntax->see != NULL) {
        printf("\n%s; also selvage(1)\n", syntax->see);
    }
}

/* True when the argument is this option; *value points behind a '=', or is
 * NULL. */
static bool option_is(const struct selv_cli_option *o, const char *argument,
                      const char **value)
{
    size_t len = strlen(o->name);

    *value = NULL;
    if (o->letter != NULL && strcmp(argument, o->letter) == 0) {
        return true;
    }
    if (strncmp(argument, o->name, len) != 0) {
        return false;
    }
    if (argument[len] == '=') {
        *value = argument + len + 1;
        return true;
    }
    return argument[len] == '\0';
}

static bool number_take(const struct selv_cli *cli,
                        const struct selv_cli_option *o, const char *text)
{
    const uint64_t max = o->number_max == 0 ? UINT64_MAX : o->number_max;
    char *end;

    errno = 0;
    *o->number = strtoull(text, &end, 10);
    if (*end != '\0' || text[0] < '0' || text[0] > '9') {
        selv_cli_usage(cli, "%s: \"%s\" is not a whole number", o->name, text);
        return false;
    }
    if (errno == ERANGE || *o->number > max) {
        selv_cli_usage(cli, "%s: %s is too large; the highest number is %llu",
                       o->name, text, (unsigned long long)max);
        return false;
    }
    if (o->is_given != NULL) {
        *o->is_given = true;
    }
    return true;
}

static bool value_take(const struct selv_cli *cli,
                       const struct selv_cli_option *o, const char *value)
{
    if (o->number != NULL) {
        return number_take(cli, o, value);
    }
    if (o->list != NULL) {
        if (o->list->count == SELV_CLI_LIST_MAX) {
            selv_cli_usage(cli, "%s more than %d times", o->name,
                           (int)SELV_CLI_LIST_MAX);
            return false;
        }
        o->list->values[o->list->count++] = value;
        return true;
    }
    if (*o->value != NULL) {
        selv_cli_usage(cli, "%s twice", o->name);
        return false;
    }
    *o->value = value;
    return true;
}

/* Takes the option at argv[*i], and its value. numbers: a bit for each option
 * with a number that was given. */
static bool option_take(const struct selv_cli *cli,
                        const struct selv_cli_syntax *syntax, int argc,
                        char **argv, int *i, uint64_t *numbers)
{
    for (size_t k = 0; k < syntax->option_count; k++) {
        const struct selv_cli_option *o = &syntax->options[k];
        const char *value;

        if (!option_is(o, argv[*i], &value)) {
            continue;
        }
        if (o->flag != NULL) {
            if (value != NULL) {
                selv_cli_usage(cli, "%s takes no value", o->name);
                return false;
            }
            *o->flag = true;
            return true;
        }
        if (o->is_optional) {
            return value_take(cli, o, value != NULL ? value : "");
        }
        if (value == NULL && *i + 1 >= argc) {
            selv_cli_usage(cli, "%s needs a value (%s)", o->name,
                           o->value_name);
            return false;
        }
        if (o->number != NULL && (*numbers >> k & 1) != 0) {
            selv_cli_usage(cli, "%s twice", o->name);
            return false;
        }
        *numbers |= o->number != NULL ? UINT64_C(1) << k : 0;
        return value_take(cli, o, value != NULL ? value : argv[++*i]);
    }
    selv_cli_usage(cli, "unknown option %s", argv[*i]);
    return false;
}

bool selv_cli_parse(const struct selv_cli *cli,
                    const struct selv_cli_syntax *syntax, int argc, char **argv,
                    int *code)
{
    size_t positional = 0;
    uint64_t numbers = 0;
    bool is_behind = false; /* behind "--" */

    *code = SELV_EXIT_USAGE;
    for (int i = 0; i < argc; i++) {
        const char *argument = argv[i];

        if (!is_behind && strcmp(argument, "--") == 0) {
            is_behind = true;
        } else if (!is_behind && selv_cli_is_help(argument)) {
            help_print(cli, syntax);
            *code = SELV_EXIT_OK;
            return false;
        } else if (!is_behind && argument[0] == '-' && argument[1] != '\0') {
            if (!option_take(cli, syntax, argc, argv, &i, &numbers)) {
                return false;
            }
        } else if (positional < syntax->positional_count) {
            *syntax->positionals[positional++].value = argument;
        } else if (syntax->rest == NULL ||
                   syntax->rest->count == SELV_CLI_LIST_MAX) {
            selv_cli_usage(cli, "unexpected argument \"%s\"", argument);
            return false;
        } else {
            syntax->rest->values[syntax->rest->count++] = argument;
        }
    }
    for (size_t i = positional; i < syntax->positional_count; i++) {
        if (syntax->positionals[i].is_required) {
            selv_cli_usage(cli, "%s is missing", syntax->positionals[i].name);
            return false;
        }
    }
    *code = SELV_EXIT_OK;
    return true;
}

int selv_cli_names_check(const struct selv_cli *cli, const char *domain,
                         const char *class_name)
{
    if (domain != NULL && domain[0] == '\0') {
        return selv_cli_usage(cli, "--vendor: the domain is empty");
    }
    for (const char *c = domain; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f) {
            return selv_cli_usage(cli,
                                  "--vendor: \"%s\" is no domain: there "
                                  "are blanks or control characters in it",
                                  domain);
        }
    }
    if (class_name != NULL && class_name[0] == '\0') {
        return selv_cli_usage(cli, "--class: the name is empty");
    }
    return 0;
}
