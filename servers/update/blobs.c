/* SPDX-License-Identifier: Apache-2.0
 *
 * blobs.c - see update/blobs.h. */
#include "blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- hex ----------------------------------------------------------------- */

void selv_name_encode(const uint8_t *p, size_t len, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[p[i] >> 4];
        text[2 * i + 1] = digits[p[i] & 15];
    }
    text[2 * len] = 0;
}

static int digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool selv_name_decode(struct selv_bytes text, uint8_t *p, size_t len)
{
    if (text.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = digit_value(text.p[2 * i]);
        int low = digit_value(text.p[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        p[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* ---- the folder ---------------------------------------------------------- */

/* Open folder name below parent, making it first if it is not there; its
 * name is on disk before we return. That it is there already does not say so:
 * whoever made it may have failed, or died, before the parent was synced. */
static int folder_open(int parent, const char *name)
{
    if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST) {
        return -1;
    }
    if (fsync(parent) < 0) {
        return -1;
    }
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool temporary_clean(int fd, unsigned *cleaned)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (dir == NULL) {
        if (copy >= 0) {
            close(copy);
        }
        return false;
    }
    bool is_good = true;
    const struct dirent *entry;
    while (is_good && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            is_good = unlinkat(fd, entry->d_name, 0) == 0;
            *cleaned += is_good;
        }
    }
    int err = errno;
    closedir(dir);
    errno = err;
    return is_good;
}

bool selv_blobs_open(struct selv_blobs *blobs, int state_fd, unsigned *cleaned)
{
    memset(blobs, 0, sizeof *blobs);
    *cleaned = 0;
    blobs->temporary_fd = -1;
    blobs->folder_fd = folder_open(state_fd, "images");
    if (blobs->folder_fd >= 0) {
        blobs->temporary_fd = folder_open(blobs->folder_fd, "tmp");
    }
    return blobs->temporary_fd >= 0 &&
           temporary_clean(blobs->temporary_fd, cleaned);
}

void selv_blobs_close(struct selv_blobs *blobs)
{
    if (blobs->temporary_fd >= 0) {
        close(blobs->temporary_fd);
    }
    if (blobs->folder_fd >= 0) {
        close(blobs->folder_fd);
    }
    blobs->folder_fd = blobs->temporary_fd = -1;
}

/* "ab/cdef..." */
static void path_make(const uint8_t digest[static SELV_SHA256_LEN],
                      char path[static SELV_HEX_DIGEST_LEN + 1])
{
    selv_name_encode(digest, 1, path);
    path[2] = '/';
    selv_name_encode(digest + 1, SELV_SHA256_LEN - 1, path + 3);
}

int selv_blob_open(const struct selv_blobs *blobs,
                   const uint8_t digest[static SELV_SHA256_LEN], uint64_t *size)
{
    char path[SELV_HEX_DIGEST_LEN + 1];
    path_make(digest, path);
    int fd = openat(blobs->folder_fd, path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) < 0) {
        int err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    if (fd >= 0) {
        *size = (uint64_t)st.st_size;
    }
    return fd;
}

/* ---- writing one --------------------------------------------------------- */

static void failure_keep(struct selv_blob *blob)
{
    if (blob->status == SELV_BLOB_OK) {
        blob->err = errno;
        blob->status = errno == ENOSPC || errno == EDQUOT || errno == EFBIG
                           ? SELV_BLOB_FULL
                           : SELV_BLOB_FAILED;
    }
}

void selv_blob_begin(struct selv_blobs *blobs, struct selv_blob *blob)
{
    memset(blob, 0, sizeof *blob);
    blob->blobs = blobs;
    snprintf(blob->name, sizeof blob->name, "%" PRIu64, blobs->counter++);
    selv_sha256_init(&blob->hash);
    blob->fd = openat(blobs->temporary_fd, blob->name,
                      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (blob->fd < 0) {
        failure_keep(blob);
    }
}

void selv_blob_append(struct selv_blob *blob, struct selv_bytes piece)
{
    selv_sha256_update(&blob->hash, piece.p, piece.len);
    blob->size += piece.len;
    while (blob->status == SELV_BLOB_OK && piece.len > 0) {
        ssize_t n = write(blob->fd, piece.p, piece.len);
        if (n < 0 && errno != EINTR) {
            failure_keep(blob);
        } else if (n > 0) {
            piece.p += n;
            piece.len -= (size_t)n;
        }
    }
}

/* The bytes, then the name, then the folder that holds the name. */
static bool name_give(struct selv_blob *blob, const uint8_t *digest)
{
    char path[SELV_HEX_DIGEST_LEN + 1];
    path_make(digest, path);
    if (fsync(blob->fd) < 0) {
        return false;
    }
    path[2] = 0;
    int folder = folder_open(blob->blobs->folder_fd, path);
    if (folder < 0) {
        return false;
    }
    bool is_good =
        renameat(blob->blobs->temporary_fd, blob->name, folder, path + 3) == 0;
    if (is_good) {
        blob->name[0] = 0;
        is_good = fsync(folder) == 0;
    }
    int err = errno;
    close(folder);
    errno = err;
    return is_good;
}

enum selv_blob_status selv_blob_commit(struct selv_blob *blob,
                                       const uint8_t *want,
                                       uint8_t digest[static SELV_SHA256_LEN])
{
    selv_sha256_finish(&blob->hash, digest);
    blob->is_hashed = true;
    if (blob->status == SELV_BLOB_OK && want != NULL &&
        memcmp(want, digest, SELV_SHA256_LEN) != 0) {
        blob->status = SELV_BLOB_OTHER;
    }
    if (blob->status == SELV_BLOB_OK && !name_give(blob, digest)) {
        failure_keep(blob);
    }
    enum selv_blob_status status = blob->status;
    selv_blob_abort(blob);
    return status;
}

void selv_blob_abort(struct selv_blob *blob)
{
    if (blob->blobs == NULL) {
        return;
    }
    if (!blob->is_hashed) {
        uint8_t unused[SELV_SHA256_LEN];
        selv_sha256_finish(&blob->hash, unused);
    }
    if (blob->fd >= 0) {
        close(blob->fd);
        if (blob->name[0] != 0) {
            unlinkat(blob->blobs->temporary_fd, blob->name, 0);
        }
    }
    blob->fd = -1;
    blob->blobs = NULL;
}
