/* SPDX-License-Identifier: Apache-2.0
 *
 * state.c - see update/state.h. */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHY SELV_STATE_WHY_LEN

/* ---- the folder ---------------------------------------------------------- */

/* Make a folder, if it is not there, and have its name on disk. A parent that
 * we may not read was there before us. */
static bool folder_make(const char *path)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        return false;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int parent =
        fd >= 0 ? openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool is_good = parent >= 0 ? fsync(parent) == 0
                               : fd >= 0 && (errno == EACCES || errno == EPERM);
    int err = errno;
    if (parent >= 0) {
        close(parent);
    }
    if (fd >= 0) {
        close(fd);
    }
    errno = err;
    return is_good;
}

static bool path_choose(struct selv_state *state, const char *path,
                        char why[static WHY])
{
    const char *home = getenv("HOME");
    int len;
    if (path == NULL) {
        path = getenv("SELVAGE_STATE");
    }
    if (path != NULL && path[0] != 0) {
        len = snprintf(state->path, sizeof state->path, "%s", path);
    } else if (home != NULL && home[0] != 0) {
        len = snprintf(state->path, sizeof state->path,
                       "%s/.local/state/selvage", home);
        for (char *p = state->path + strlen(home) + 1;
             len < (int)sizeof state->path && (p = strchr(p, '/')) != NULL;
             p++) {
            *p = 0;
            (void)folder_make(state->path); /* the last step below tells */
            *p = '/';
        }
    } else {
        snprintf(why, WHY,
                 "no state folder: neither --state, nor"
                 " SELVAGE_STATE, nor HOME is given");
        return false;
    }
    if (len >= (int)sizeof state->path) {
        snprintf(why, WHY, "the state folder's path is longer than %u bytes",
                 SELV_STATE_PATH_MAX - 1);
        return false;
    }
    return true;
}

static const char *advice(int err)
{
    switch (err) {
    case ENOENT:
        return "make the folder that should hold it, or give another --state";
    case ENOTDIR:
    case EEXIST:
        return "a file stands in its place: give another --state";
    case EACCES:
    case EPERM:
        return "give this user the right to write there, or another --state";
    case EROFS:
        return "the file system is read-only: give another --state";
    case ENOSPC:
    case EDQUOT:
        return "the disk is full: make room";
    default:
        return "see what the system says about it";
    }
}

static bool lock_take(struct selv_state *state, char why[static WHY])
{
    state->lock_fd =
        openat(state->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (state->lock_fd < 0) {
        snprintf(why, WHY, "cannot write in the state folder %s: %s; %s",
                 state->path, strerror(errno), advice(errno));
        return false;
    }
    if (flock(state->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        char text[24];
        int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
        /* For people only: the lock itself is what counts. */
        if (ftruncate(state->lock_fd, 0) < 0 ||
            write(state->lock_fd, text, (size_t)len) < 0) {
            (void)advice(errno);
        }
        return true;
    }
    char pid[16] = "";
    ssize_t n = pread(state->lock_fd, pid, sizeof pid - 1, 0);
    pid[n > 0 ? strcspn(pid, "\n") : 0] = 0;
    snprintf(why, WHY,
             "the state folder %s is in use by another selvaged (process %s);"
             " stop that one, or give another --state",
             state->path, pid[0] != 0 ? pid : "unknown");
    return false;
}

bool selv_state_open(struct selv_state *state, const char *path,
                     char why[static SELV_STATE_WHY_LEN])
{
    state->folder_fd = state->lock_fd = -1;
    if (!path_choose(state, path, why)) {
        return false;
    }
    if (!folder_make(state->path)) {
        snprintf(why, WHY, "cannot make the state folder %s: %s; %s",
                 state->path, strerror(errno), advice(errno));
        return false;
    }
    state->folder_fd = open(state->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state->folder_fd < 0) {
        snprintf(why, WHY, "cannot open the state folder %s: %s; %s",
                 state->path, strerror(errno), advice(errno));
        return false;
    }
    return lock_take(state, why);
}

void selv_state_close(struct selv_state *state)
{
    if (state->lock_fd >= 0) {
        close(state->lock_fd);
    }
    if (state->folder_fd >= 0) {
        close(state->folder_fd);
    }
    state->folder_fd = state->lock_fd = -1;
}

/* ---- the token ----------------------------------------------------------- */

/* 1: read; 0: there is none; -1: errno. */
static int token_read(const struct selv_state *state,
                      char token[static SELV_SERVER_TOKEN_LEN + 1])
{
    char text[SELV_SERVER_TOKEN_LEN + 2];
    int fd = openat(state->folder_fd, "token", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? 0 : -1;
    }
    ssize_t n = read(fd, text, sizeof text);
    int err = errno;
    close(fd);
    if (n < 0) {
        errno = err;
        return -1;
    }
    size_t len = (size_t)n;
    if (len == SELV_SERVER_TOKEN_LEN + 1 && text[len - 1] == '\n') {
        len--;
    }
    if (len != SELV_SERVER_TOKEN_LEN) {
        errno = EINVAL;
        return -1;
    }
    memcpy(token, text, len);
    token[len] = 0;
    selv_wipe(text, sizeof text);
    return 1;
}

static bool token_make(const struct selv_state *state,
                       char token[static SELV_SERVER_TOKEN_LEN + 1])
{
    uint8_t random[SELV_SERVER_TOKEN_LEN / 2];
    char text[SELV_SERVER_TOKEN_LEN + 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return false;
    }
    selv_name_encode(random, sizeof random, token);
    snprintf(text, sizeof text, "%s\n", token);
    int fd = openat(state->folder_fd, "token.new",
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    bool is_good =
        write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1 &&
        fsync(fd) == 0;
    is_good = close(fd) == 0 && is_good;
    is_good = is_good &&
              renameat(state->folder_fd, "token.new", state->folder_fd,
                       "token") == 0 &&
              fsync(state->folder_fd) == 0;
    selv_wipe(random, sizeof random);
    selv_wipe(text, sizeof text);
    return is_good;
}

bool selv_state_token(const struct selv_state *state,
                      char token[static SELV_SERVER_TOKEN_LEN + 1],
                      char why[static SELV_STATE_WHY_LEN])
{
    int found = token_read(state, token);
    if (found == 1 || (found == 0 && token_make(state, token))) {
        return true;
    }
    if (found < 0 && errno == EINVAL) {
        snprintf(why, WHY,
                 "%s/token is not a token of %u hex digits; delete it and a"
                 " new one is made",
                 state->path, SELV_SERVER_TOKEN_LEN);
    } else {
        snprintf(why, WHY, "cannot %s %s/token: %s; %s",
                 found < 0 ? "read" : "write", state->path, strerror(errno),
                 advice(errno));
    }
    return false;
}
