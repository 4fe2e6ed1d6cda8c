/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/cli.h - what the commands of `selvage` share: the grammar table, option
 * parsing, and how results and errors are printed. */
#ifndef SELV_CLI_CLI_H
#define SELV_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "host/error.h"
#include "host/key.h"

/* ---- the grammar ------------------------------------------------------------
 */

/* Flags that stand anywhere on the command line. */
struct selv_cli {
    bool json;        /* results as JSON on standard output, lists as arrays;
                         failures as one object on standard error */
    bool quiet;       /* errors only */
    bool no_progress; /* no progress lines, as when standard error is no
                         terminal */
    const struct selv_cli_command *command; /* the one that runs */
};

/* A row: noun, verb (NULL: the noun says it all), the function, and one line
 * for the list of commands. run gets the arguments behind the verb and returns
 * the exit code. */
struct selv_cli_command {
    const char *noun;
    const char *verb;
    int (*run)(struct selv_cli *cli, int argc, char **argv);
    const char *summary;
};

int selv_cli_key_generate(struct selv_cli *cli, int argc, char **argv);
int selv_cli_key_export(struct selv_cli *cli, int argc, char **argv);
int selv_cli_key_show(struct selv_cli *cli, int argc, char **argv);
int selv_cli_manifest_create(struct selv_cli *cli, int argc, char **argv);
int selv_cli_manifest_sign(struct selv_cli *cli, int argc, char **argv);
int selv_cli_manifest_verify(struct selv_cli *cli, int argc, char **argv);
int selv_cli_manifest_extract(struct selv_cli *cli, int argc, char **argv);
int selv_cli_manifest_lint(struct selv_cli *cli, int argc, char **argv);
int selv_cli_manifest_show(struct selv_cli *cli, int argc, char **argv);
int selv_cli_manifest_simulate(struct selv_cli *cli, int argc, char **argv);
int selv_cli_manifest_diff(struct selv_cli *cli, int argc, char **argv);
int selv_cli_release_publish(struct selv_cli *cli, int argc, char **argv);
int selv_cli_release_list(struct selv_cli *cli, int argc, char **argv);
int selv_cli_release_show(struct selv_cli *cli, int argc, char **argv);
int selv_cli_device_list(struct selv_cli *cli, int argc, char **argv);
int selv_cli_device_show(struct selv_cli *cli, int argc, char **argv);
int selv_cli_device_provision(struct selv_cli *cli, int argc, char **argv);
int selv_cli_device_push(struct selv_cli *cli, int argc, char **argv);
int selv_cli_device_track(struct selv_cli *cli, int argc, char **argv);
int selv_cli_recover(struct selv_cli *cli, int argc, char **argv);

/* ---- options ----------------------------------------------------------------
 */

enum { SELV_CLI_LIST_MAX = 16 };

/* An option that may be given several times. */
struct selv_cli_list {
    const char *values[SELV_CLI_LIST_MAX];
    size_t count;
};

/* Exactly one of flag, value, list and number is set. */
struct selv_cli_option {
    const char *name;       /* such as "--key" */
    const char *letter;     /* such as "-o", or NULL */
    const char *value_name; /* such as "FILE"; NULL for a flag */
    const char *help;       /* one line */
    bool *flag;
    const char **value;
    struct selv_cli_list *list;
    uint64_t *number;
    uint64_t number_max; /* the highest number taken; 0: any of 64 bits */
    bool *is_given;      /* of a number; may be NULL */
    bool is_required;    /* for the usage line; the command asks for it */
    bool is_optional;    /* the value, and then it stands behind a '=' only;
                            without one it is "" */
};

/* The highest sequence number that flags, device files and servers take: JSON
 * numbers are signed here. Templates say higher ones as text. */
#define SELV_CLI_SEQUENCE_MAX ((uint64_t)INT64_MAX)

/* Arguments that are no options, in order; missing ones stay NULL. */
struct selv_cli_positional {
    const char *name; /* such as "ENVELOPE" */
    const char **value;
    bool is_required;
};

struct selv_cli_syntax {
    const struct selv_cli_option *options;
    size_t option_count;
    const struct selv_cli_positional *positionals;
    size_t positional_count;
    struct selv_cli_list *rest; /* any number more of them; NULL: none */
    const char *rest_name;      /* such as "IMAGE" */
    bool has_progress;          /* shows how far it is, unless --no-progress */
    const char *see; /* last line of the help: where more is written, or NULL */
};

/* A command's name: "key show" or "recover". */
#define SELV_CLI_NAME(command)                                                 \
    (command)->noun, (command)->verb == NULL ? "" : " ",                       \
        (command)->verb == NULL ? "" : (command)->verb

/* --help or -h */
bool selv_cli_is_help(const char *argument);

/* "--name VALUE", "--name=VALUE", "-x VALUE"; "--" ends the options; --help
 * prints them. True: run the command. False: help or a usage error was printed,
 * and *code is the exit code, 0 or 2. */
bool selv_cli_parse(const struct selv_cli *cli,
                    const struct selv_cli_syntax *syntax, int argc, char **argv,
                    int *code);

/* ---- output -----------------------------------------------------------------
 */

/* On standard error, "selvage: text" or, with --json, the object
 * {"error":text,"exit":code} as one line. Returns the exit code. */
int selv_cli_fail(const struct selv_cli *cli, const struct selv_error *error);

/* A usage error of this command, with where to find help. Returns 2. */
__attribute__((format(printf, 2, 3))) int
selv_cli_usage(const struct selv_cli *cli, const char *format, ...);

/* --vendor and --class, each of which may be NULL: ids are made of them, and of
 * a slip of the pen nothing that a device has. 0, or 2 when the usage error was
 * printed. */
int selv_cli_names_check(const struct selv_cli *cli, const char *domain,
                         const char *class_name);

/* By device and inode, so by whatever paths. False for what is no regular file:
 * a terminal or a pipe may well be both input and output. */
bool selv_cli_is_same_file(const char *a, const char *b);

/* -o must not name the file of an input, by whatever path: it would be lost.
 * Each input may be NULL, and output too. 0, or 2 when the error was printed.
 */
int selv_cli_output_check(const struct selv_cli *cli, const char *output,
                          const char *const *inputs, size_t count);

/* The same for the files that a template or a device file names as {"file":
 * NAME}, below its folder (NULL: the working folder). */
int selv_cli_output_check_json(const struct selv_cli *cli, const char *output,
                               json_t *json, const char *folder);

/* A line for people on standard output; nothing with --json or --quiet. */
__attribute__((format(printf, 2, 3))) void
selv_cli_say(const struct selv_cli *cli, const char *format, ...);

/* "selvage: " and a line for people on standard error, beside what is done all
 * the same; nothing with --json or --quiet. */
__attribute__((format(printf, 2, 3))) void
selv_cli_note(const struct selv_cli *cli, const char *format, ...);

/* With --json: the object on standard output. It is decref'd either way. */
void selv_cli_result(const struct selv_cli *cli, json_t *object);

enum selv_cli_key_need {
    SELV_CLI_KEY_PUBLIC, /* P-256, to go into devices */
    SELV_CLI_KEY_ANY,    /* P-256 or a secret */
    SELV_CLI_KEY_PRIVATE /* the same, able to sign */
};

/* Load a key. False: the error was printed, and *exit_code says what to
 * return. */
bool selv_cli_key_load(const struct selv_cli *cli, const char *path,
                       enum selv_cli_key_need need, struct selv_key *key,
                       int *exit_code);

#endif
