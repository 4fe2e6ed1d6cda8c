/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder as a source: file:///PATH, which may be where a USB stick is when
 * it is there. The folder is looked up anew for each fetch, so that a stick
 * may come and go between two. Below it names are followed one by one, never
 * through a symbolic link: nothing outside can be reached. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coap/coap.h"
#include "posix/source.h"

struct folder {
    struct selv_source s;
    int fd; /* of the file, or -1 */
    uint8_t piece[SELV_SOURCE_PIECE];
};

static const char scheme[] = "file://";

static struct selv_source *folder_open(const char *uri,
                                       struct selv_posix_why *why)
{
    struct folder *f;

    if (uri[strlen(scheme)] != '/') {
        snprintf(why->text, sizeof why->text,
                 "'%.120s': a folder is named by its whole path, such as "
                 "file:///media/usb",
                 uri);
        return NULL;
    }
    f = calloc(1, sizeof *f);
    if (f == NULL) {
        snprintf(why->text, sizeof why->text, "out of memory");
        return NULL;
    }
    f->fd = -1;
    return &f->s;
}

/* What a failed system call means: a name that is not there, one that is not
 * for us, or a stick that is gone. */
static void fail(struct folder *f, int number, const char *what)
{
    bool is_absent = number == ENOENT || number == ENOTDIR;
    bool is_link = number == ELOOP;

    if (is_link) {
        selv_source_fail(&f->s, SELV_ERR_COAP_CODE, SELV_COAP_FORBIDDEN,
                         "%s is a symbolic link, which is not followed", what);
    } else if (is_absent || number == EACCES || number == EPERM) {
        selv_source_fail(&f->s, SELV_ERR_COAP_CODE,
                         is_absent ? SELV_COAP_NOT_FOUND : SELV_COAP_FORBIDDEN,
                         "%s: %s", what, strerror(number));
    } else {
        selv_source_fail(&f->s, SELV_ERR_COAP_TIMEOUT, 0, "%s: %s", what,
                         strerror(number));
    }
}

/* The folder itself may be reached through links: its name is the user's. */
static int open_root(struct folder *f)
{
    int fd =
        open(f->s.uri + strlen(scheme), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        selv_source_fail(&f->s, SELV_ERR_COAP_TIMEOUT, 0,
                         "the folder cannot be opened: %s", strerror(errno));
    }
    return fd;
}

/* From the folder down to the file. -1: failed. */
static int walk(struct folder *f, int at)
{
    const char *p = f->s.path;
    char name[SELV_SOURCE_PATH_LEN];

    while (at >= 0 && *p == '/') {
        size_t len = strcspn(p + 1, "/");
        bool is_last = p[1 + len] == '\0';
        /* O_NONBLOCK: a pipe of that name would hold us up. */
        int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
                    (is_last ? O_NONBLOCK : O_DIRECTORY);
        int next;

        snprintf(name, sizeof name, "%.*s", (int)len, p + 1);
        next = openat(at, name, flags);
        if (next < 0) {
            struct stat about;
            int number = errno;
            /* O_DIRECTORY makes ENOTDIR of a link. */
            if (fstatat(at, name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISLNK(about.st_mode)) {
                number = ELOOP;
            }
            fail(f, number, name);
        }
        close(at);
        at = next;
        p += 1 + len;
    }
    return at;
}

static void folder_start(struct selv_source *s)
{
    struct folder *f = (struct folder *)(void *)s;
    struct stat about;

    if (strpbrk(s->path, "%?") != NULL) {
        selv_source_fail(s, SELV_ERR_SUIT_URI, 0,
                         "names in a folder have neither %% nor ?");
        return;
    }
    f->fd = walk(f, open_root(f));
    if (f->fd < 0) {
        return;
    }
    if (fstat(f->fd, &about) != 0) {
        fail(f, errno, "the file");
    } else if (!S_ISREG(about.st_mode)) {
        selv_source_fail(s, SELV_ERR_COAP_CODE, SELV_COAP_FORBIDDEN,
                         "it is no file");
    } else if ((uint64_t)about.st_size < s->offset) {
        selv_source_fail(s, SELV_ERR_COAP_BLOCK, 0,
                         "it has %lld bytes, and those from %u on are wanted",
                         (long long)about.st_size, (unsigned)s->offset);
    } else {
        s->total = (uint64_t)about.st_size;
    }
}

static enum selv_source_action folder_poll(struct selv_source *s,
                                           struct selv_source_event *event)
{
    struct folder *f = (struct folder *)(void *)s;
    uint64_t end = s->total < s->end ? s->total : s->end;
    size_t want = (size_t)(end - s->offset);
    ssize_t n;

    if (want == 0) {
        return SELV_SOURCE_DONE;
    }
    want = want < sizeof f->piece ? want : sizeof f->piece;
    do {
        n = pread(f->fd, f->piece, want, (off_t)s->offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        fail(f, errno, "reading it");
        return SELV_SOURCE_FAILED;
    }
    if (n == 0) {
        selv_source_fail(s, SELV_ERR_COAP_ETAG, 0,
                         "it became shorter while it was read");
        return SELV_SOURCE_FAILED;
    }
    event->bytes = selv_bytes(f->piece, (size_t)n);
    return SELV_SOURCE_BYTES;
}

/* Files are always ready: poll does not say WAIT. */
static size_t folder_fds(struct selv_source *s, struct pollfd *fds, size_t cap)
{
    (void)s;
    (void)fds;
    (void)cap;
    return 0;
}

static void folder_cancel(struct selv_source *s)
{
    struct folder *f = (struct folder *)(void *)s;

    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
    }
}

static void folder_close(struct selv_source *s)
{
    folder_cancel(s);
    free(s);
}

const struct selv_source_kind selv_source_folder = {
    scheme,      folder_open,   folder_start, folder_fds,
    folder_poll, folder_cancel, folder_close};
