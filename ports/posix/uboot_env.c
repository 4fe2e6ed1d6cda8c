/* SPDX-License-Identifier: Apache-2.0
 *
 * U-Boot's environment, through libubootenv's fw_printenv and fw_setenv: they
 * know flash, eMMC and UBI, the two copies and their check. Running them
 * rather than linking the library keeps its licence and its ABI outside. */
#define _GNU_SOURCE 1 /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/uboot.h"

#define OUTPUT_MAX (256u * 1024u) /* environments are 4 to 128 KiB */
#define TOOL_S 60u                /* and not a second more */
#define NOT_FOUND 127

/* ---- one tool -------------------------------------------------------------
 */

struct tool {
    const char *argv[6];
    const char *input; /* for its standard input; short */
    char *output;      /* OUTPUT_MAX bytes; what it said, ended by 0 */
    char said[128];    /* the first line of its complaints */
};

static void become(const struct tool *t, int in, int out, int err)
{
    char *argv[6];

    for (size_t i = 0; i < sizeof argv / sizeof argv[0]; i++) {
        argv[i] = t->argv[i] ? strdup(t->argv[i]) : NULL;
    }
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) {
        _exit(NOT_FOUND);
    }
    setenv("LC_ALL", "C", 1);
    alarm(TOOL_S); /* it outlives exec */
    execvp(argv[0], argv);
    _exit(NOT_FOUND);
}

static size_t drain(int fd, char *p, size_t cap)
{
    char rest[512];
    size_t len = 0;
    ssize_t n;

    do {
        bool is_full = len + 1 >= cap;
        n = is_full ? read(fd, rest, sizeof rest)
                    : read(fd, p + len, cap - 1 - len);
        if (n > 0 && !is_full) {
            len += (size_t)n;
        }
    } while (n > 0 || (n < 0 && errno == EINTR));
    p[len] = '\0';
    close(fd);
    return len;
}

/* The tool's exit status; -1 when it cannot be started or was killed. Its
 * complaints are shorter than a pipe is deep. */
static int run(struct tool *t)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
    int status = -1;
    pid_t child = -1;

    t->output[0] = '\0';
    t->said[0] = '\0';
    if (pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 &&
        pipe2(err, O_CLOEXEC) == 0) {
        fflush(stdout);
        child = fork();
    }
    if (child == 0) {
        become(t, in[0], out[1], err[1]);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    if (child > 0) {
        size_t len = strlen(t->input);
        /* One that ends early has not read it: SIGPIPE is ignored. */
        ssize_t n = write(in[1], t->input, len);
        (void)n;
    }
    close(in[1]);
    if (child > 0) {
        drain(out[0], t->output, OUTPUT_MAX);
        drain(err[0], t->said, sizeof t->said);
        t->said[strcspn(t->said, "\r\n")] = '\0';
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    close(out[0]);
    close(err[0]);
    return -1;
}

static bool run_well(struct tool *t, struct selv_posix_why *why)
{
    int status = run(t);

    if (status == NOT_FOUND) {
        snprintf(why->text, sizeof why->text,
                 "%.100s cannot be run; Debian has it in libubootenv-tool",
                 t->argv[0]);
    } else if (status != 0) {
        snprintf(why->text, sizeof why->text,
                 "U-Boot's environment: %.60s failed (status %d)%s%.120s",
                 t->argv[0], status, t->said[0] ? ": " : "", t->said);
    }
    return status == 0;
}

/* ---- what it says ---------------------------------------------------------
 */

/* The value behind "name=" at the start of a line, up to its end; NULL. */
static const char *find(const char *output, const char *name, size_t *len)
{
    size_t name_len = strlen(name);

    for (const char *line = output; *line != '\0';) {
        size_t line_len = strcspn(line, "\n");
        if (line_len > name_len && strncmp(line, name, name_len) == 0 &&
            line[name_len] == '=') {
            *len = line_len - name_len - 1;
            return line + name_len + 1;
        }
        line += line_len + (line[line_len] == '\n');
    }
    *len = 0;
    return NULL;
}

/* Decimal, as U-Boot reads these. */
static uint32_t number(const char *output, const char *name)
{
    size_t len;
    const char *text = find(output, name, &len);

    return text && len > 0 ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

bool selv_posix_uboot_env_read(const struct selv_posix_uboot_config *c,
                               struct selv_posix_uboot_env *env,
                               struct selv_posix_why *why)
{
    static char output[OUTPUT_MAX];
    struct tool t = {.argv = {c->printenv, "-c", c->env_config},
                     .input = "",
                     .output = output};
    size_t len;
    const char *slot;

    memset(env, 0, sizeof *env);
    if (!run_well(&t, why)) {
        return false;
    }
    slot = find(output, c->var_slot, &len);
    env->slot = SELV_SLOT_NONE;
    if (slot && len == 1 && (*slot == 'A' || *slot == 'B')) {
        env->slot = *slot == 'A' ? SELV_SLOT_A : SELV_SLOT_B;
    }
    env->is_available = number(output, c->var_available) != 0;
    env->count = number(output, c->var_count);
    env->limit = number(output, c->var_limit);
    return true;
}

bool selv_posix_uboot_env_write(const struct selv_posix_uboot_config *c,
                                uint8_t slot, bool is_available,
                                struct selv_posix_why *why)
{
    static char output[OUTPUT_MAX];
    char script[4 * SELV_POSIX_WORD_MAX];
    struct tool t = {
        .argv = {c->setenv, "-c", c->env_config, "-s", "/dev/stdin"},
        .input = script,
        .output = output};
    struct selv_posix_uboot_env env;

    snprintf(script, sizeof script, "%s=%c\n%s=%d\n%s=0\n", c->var_slot,
             slot == SELV_SLOT_A ? 'A' : 'B', c->var_available, is_available,
             c->var_count);
    if (!run_well(&t, why) || !selv_posix_uboot_env_read(c, &env, why)) {
        return false;
    }
    if (env.slot != slot || env.is_available != is_available ||
        env.count != 0) {
        snprintf(why->text, sizeof why->text,
                 "U-Boot's environment: %.100s said that it was written, but "
                 "it was not",
                 c->setenv);
        return false;
    }
    return true;
}
