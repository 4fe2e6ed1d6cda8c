/* SPDX-License-Identifier: Apache-2.0 */
#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"

enum { PIECE = 65536 };

/* What to try, for the errors that a user can mend. */
static const char *advice(int number)
{
    switch (number) {
    case ENOENT:
        return "; check the path";
    case EACCES:
    case EPERM:
    case EROFS:
        return "; check the permissions of the file and its folder";
    case ENOSPC:
    case EDQUOT:
        return "; free some space";
    case EISDIR:
        return "; name a file, not a folder";
    case EEXIST:
        return "; choose another name, or remove it first";
    default:
        return "";
    }
}

static bool fail(struct selv_error *error, const char *verb, const char *path)
{
    int number = errno;

    return selv_error_set(error, SELV_EXIT_ENVIRONMENT, "cannot %s %s: %s%s",
                          verb, path, strerror(number), advice(number));
}

static ssize_t read_retry(int fd, void *p, size_t len)
{
    ssize_t got;

    do {
        got = read(fd, p, len);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Reads to the end or to max + 1 bytes, whatever kind of file it is. */
static bool fd_read(int fd, size_t max, struct selv_buf *out)
{
    out->p = NULL;
    out->cap = 0;
    out->len = 0;
    for (;;) {
        ssize_t got;

        if (out->len + 1 >= out->cap) {
            size_t cap = out->cap == 0 ? 8192 : out->cap * 2;
            uint8_t *p = realloc(out->p, cap);
            if (p == NULL) {
                return false;
            }
            out->p = p;
            out->cap = cap;
        }
        got = read_retry(fd, out->p + out->len, out->cap - out->len - 1);
        if (got < 0) {
            return false;
        }
        out->len += (size_t)got;
        out->p[out->len] = 0;
        if (got == 0 || out->len > max) {
            return true;
        }
    }
}

bool selv_file_read(const char *path, size_t max, struct selv_buf *out,
                    struct selv_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool done;

    if (fd < 0) {
        return fail(error, "open", path);
    }
    done = fd_read(fd, max, out);
    if (!done) {
        fail(error, "read", path);
    } else if (out->len > max) {
        done = selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "%s is longer than the %zu bytes taken here",
                              path, max);
    }
    close(fd);
    if (!done) {
        free(out->p);
        out->p = NULL;
        out->len = 0;
    }
    return done;
}

bool selv_file_digest(const char *path, uint64_t max, uint8_t digest[static 32],
                      uint64_t *len, struct selv_error *error)
{
    static uint8_t piece[PIECE];
    struct selv_sha256 h;
    uint64_t total = 0;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return fail(error, "open", path);
    }
    selv_sha256_init(&h);
    while ((got = read_retry(fd, piece, sizeof(piece))) > 0 && total <= max) {
        selv_sha256_update(&h, piece, (size_t)got);
        total += (uint64_t)got;
    }
    if (got < 0) {
        fail(error, "read", path);
    }
    close(fd);
    selv_sha256_finish(&h, digest);
    if (got < 0) {
        return false;
    }
    if (total > max) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "%s is longer than the %llu bytes taken here",
                              path, (unsigned long long)max);
    }
    *len = total;
    return true;
}

static bool fd_write(int fd, struct selv_bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.p, bytes.len);

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return false;
        }
        bytes.p += put;
        bytes.len -= (size_t)put;
    }
    return true;
}

/* A rename is durable only once its folder is on disk. */
static bool folder_sync(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    bool done;
    int fd;

    if (len >= sizeof(folder)) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (slash == NULL) {
        memcpy(folder, ".", 2);
    } else if (len == 0) {
        memcpy(folder, "/", 2);
    } else {
        memcpy(folder, path, len);
        folder[len] = '\0';
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    /* Some file systems cannot sync a folder, and say EINVAL. */
    done = fsync(fd) == 0 || errno == EINVAL;
    close(fd);
    return done;
}

static bool in_place_write(const char *path, struct selv_bytes bytes,
                           struct selv_error *error)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done;

    if (fd < 0) {
        return fail(error, "open", path);
    }
    done = fd_write(fd, bytes) || fail(error, "write", path);
    close(fd);
    return done;
}

/* Writes a temporary file beside path; its name comes out in temporary. */
static bool temporary_write(const char *path, struct selv_bytes bytes,
                            unsigned mode, char temporary[static 4096])
{
    bool done;
    int fd;

    if (snprintf(temporary, 4096, "%s.XXXXXX", path) >= 4096) {
        errno = ENAMETOOLONG;
        return false;
    }
    fd = mkstemp(temporary);
    if (fd < 0) {
        return false;
    }
    done =
        fchmod(fd, (mode_t)mode) == 0 && fd_write(fd, bytes) && fsync(fd) == 0;
    if (close(fd) != 0 || !done) {
        int number = errno;
        unlink(temporary);
        errno = number;
        return false;
    }
    return true;
}

static bool file_put(const char *path, struct selv_bytes bytes, unsigned mode,
                     bool may_replace, struct selv_error *error)
{
    char temporary[4096];
    char target[PATH_MAX];
    struct stat status;
    bool done;

    /* A link stays: it may be /dev/stdout, which leads to a file when the shell
     * says so. */
    if (may_replace && lstat(path, &status) == 0 && S_ISLNK(status.st_mode) &&
        realpath(path, target) != NULL) {
        path = target;
    }
    if (stat(path, &status) == 0) {
        if (S_ISDIR(status.st_mode)) {
            errno = EISDIR;
            return fail(error, "write", path);
        }
        if (!S_ISREG(status.st_mode)) {
            return in_place_write(path, bytes, error);
        }
    }
    if (!temporary_write(path, bytes, mode, temporary)) {
        return fail(error, "write", path);
    }
    done =
        may_replace ? rename(temporary, path) == 0 : link(temporary, path) == 0;
    if (!done) {
        fail(error, may_replace ? "replace" : "create", path);
    }
    if (!done || !may_replace) {
        unlink(temporary);
    }
    if (!done) {
        return false;
    }
    return folder_sync(path) || fail(error, "sync the folder of", path);
}

bool selv_file_write(const char *path, struct selv_bytes bytes, unsigned mode,
                     struct selv_error *error)
{
    return file_put(path, bytes, mode, true, error);
}

bool selv_file_create(const char *path, struct selv_bytes bytes, unsigned mode,
                      struct selv_error *error)
{
    return file_put(path, bytes, mode, false, error);
}
