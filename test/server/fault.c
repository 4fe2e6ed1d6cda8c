/* SPDX-License-Identifier: Apache-2.0
 *
 * fault.c - stands between a program and the C library (LD_PRELOAD) and does
 * two things with the calls that write: it notes their names, in order, and
 * lets one of them fail. Both begin with SIGUSR1.
 *
 *   SELV_FAULT_LOG=FILE   one name a line; "!" stands before the one that
 *                         failed
 *   SELV_FAULT_AT=N       the Nth call fails: EIO for those that make things
 *                         durable, ENOSPC for those that need space. Answers
 *                         to clients are noted, but neither counted nor
 *                         failed. 0: none
 *
 * And, from the beginning:
 *
 *   SELV_FAULT_KILL=N        the process is killed before its Nth batch of
 *                            datagrams is sent
 *   SELV_FAULT_KILL_AFTER=N  or at once after it; each write into a file takes
 *                            20 ms then, so that what is answered before it is
 *                            written is lost for certain */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t is_armed;
static long fault_at;
static long kill_at; /* 0: never */
static long kill_after;
static long count;
static int log_fd = -1;

static void *real(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);
    if (f == NULL) {
        abort();
    }
    return f;
}

/* POSIX has function pointers and object pointers interchangeable; C has
 * not. */
#define REAL(name)                                                             \
    static __typeof__(&name) call;                                             \
    if (call == NULL) {                                                        \
        void *found = real(#name);                                             \
        memcpy(&call, &found, sizeof call);                                    \
    }

static ssize_t write_real(int fd, const void *p, size_t len)
{
    REAL(write)
    return call(fd, p, len);
}

static void note(const char *name, int is_failing)
{
    char line[32];
    int len =
        snprintf(line, sizeof line, "%s%s\n", is_failing ? "!" : "", name);
    int err = errno;
    if (log_fd >= 0 && write_real(log_fd, line, (size_t)len) < 0) {
        abort();
    }
    errno = err;
}

static int fails(const char *name, int err)
{
    if (!is_armed) {
        return 0;
    }
    int is_failing = ++count == fault_at;
    note(name, is_failing);
    if (is_failing) {
        errno = err;
    }
    return is_failing;
}

static void on_signal(int number)
{
    (void)number;
    is_armed = 1;
}

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("SELV_FAULT_AT");
    const char *log = getenv("SELV_FAULT_LOG");
    const char *killed = getenv("SELV_FAULT_KILL");
    const char *after = getenv("SELV_FAULT_KILL_AFTER");
    fault_at = at != NULL ? atol(at) : 0;
    kill_at = killed != NULL ? atol(killed) : 0;
    kill_after = after != NULL ? atol(after) : 0;
    if (log != NULL) {
        log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    signal(SIGUSR1, on_signal);
}

/* ---- calls that are counted ---------------------------------------------- */

ssize_t write(int fd, const void *p, size_t len);
ssize_t write(int fd, const void *p, size_t len)
{
    /* The log of the program under test goes on whatever happens. */
    if (fd > 2 && fails("write", ENOSPC)) {
        return -1;
    }
    return write_real(fd, p, len);
}

static void linger(void)
{
    struct timespec t = {0, 20000000};
    if (kill_after > 0) {
        nanosleep(&t, NULL);
    }
}

ssize_t pwrite(int fd, const void *p, size_t len, off_t off);
ssize_t pwrite(int fd, const void *p, size_t len, off_t off)
{
    REAL(pwrite)
    linger();
    return fails("pwrite", ENOSPC) ? -1 : call(fd, p, len, off);
}

ssize_t pwrite64(int fd, const void *p, size_t len, off64_t off);
ssize_t pwrite64(int fd, const void *p, size_t len, off64_t off)
{
    REAL(pwrite64)
    linger();
    return fails("pwrite", ENOSPC) ? -1 : call(fd, p, len, off);
}

int fsync(int fd);
int fsync(int fd)
{
    REAL(fsync)
    return fails("fsync", EIO) ? -1 : call(fd);
}

int fdatasync(int fd);
int fdatasync(int fd)
{
    REAL(fdatasync)
    return fails("fdatasync", EIO) ? -1 : call(fd);
}

int renameat(int a, const char *from, int b, const char *to);
int renameat(int a, const char *from, int b, const char *to)
{
    REAL(renameat)
    return fails("renameat", EIO) ? -1 : call(a, from, b, to);
}

int mkdirat(int fd, const char *path, mode_t mode);
int mkdirat(int fd, const char *path, mode_t mode)
{
    REAL(mkdirat)
    return fails("mkdirat", ENOSPC) ? -1 : call(fd, path, mode);
}

int openat(int fd, const char *path, int flags, ...);
int openat(int fd, const char *path, int flags, ...)
{
    REAL(openat)
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
        if (fails("create", ENOSPC)) {
            return -1;
        }
    }
    return call(fd, path, flags, mode);
}

/* ---- answers ------------------------------------------------------------- */

ssize_t send(int fd, const void *p, size_t len, int flags);
ssize_t send(int fd, const void *p, size_t len, int flags)
{
    REAL(send)
    if (is_armed) {
        note("answer", 0);
    }
    return call(fd, p, len, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    REAL(sendmsg)
    if (is_armed) {
        note("answer", 0);
    }
    return call(fd, m, flags);
}

ssize_t sendto(int fd, const void *p, size_t len, int flags,
               const struct sockaddr *to, socklen_t to_len);
ssize_t sendto(int fd, const void *p, size_t len, int flags,
               const struct sockaddr *to, socklen_t to_len)
{
    REAL(sendto)
    if (is_armed) {
        note("answer", 0);
    }
    return call(fd, p, len, flags, to, to_len);
}

int sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags);
int sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
    REAL(sendmmsg)
    static atomic_long batches;
    long batch = n > 0 ? atomic_fetch_add(&batches, 1) + 1 : 0;
    if (batch > 0 && batch == kill_at) {
        raise(SIGKILL);
    }
    if (is_armed) {
        note("answer", 0);
    }
    int result = call(fd, m, n, flags);
    if (batch > 0 && batch == kill_after) {
        raise(SIGKILL);
    }
    return result;
}
