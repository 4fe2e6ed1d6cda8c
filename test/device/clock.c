/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.c - stands between a program and the C library (LD_PRELOAD) and lets
 * its time go faster: SELV_CLOCK_SPEED times (1 to 100). Its waits end so much
 * earlier. So what a device does after a minute of silence can be seen in
 * seconds. To it the network is so many times slower. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *real(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);
    if (f == NULL) {
        abort();
    }
    return f;
}

static int64_t speed(void)
{
    static int64_t times;
    const char *text = getenv("SELV_CLOCK_SPEED");

    if (times == 0) {
        times = text != NULL ? strtol(text, NULL, 10) : 1;
        times = times < 1 || times > 100 ? 1 : times;
    }
    return times;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    static __typeof__(&clock_gettime) call;
    static int64_t start_ns; /* of the program's first look */
    int64_t ns;
    int err;

    if (call == NULL) {
        void *found = real("clock_gettime");
        memcpy(&call, &found, sizeof call);
    }
    err = call(clock, out);
    if (err != 0 || clock != CLOCK_MONOTONIC) {
        return err;
    }
    ns = (int64_t)out->tv_sec * 1000000000 + out->tv_nsec;
    if (start_ns == 0) {
        start_ns = ns;
    }
    ns = start_ns + (ns - start_ns) * speed();
    out->tv_sec = (time_t)(ns / 1000000000);
    out->tv_nsec = (long)(ns % 1000000000);
    return 0;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static __typeof__(&poll) call;

    if (call == NULL) {
        void *found = real("poll");
        memcpy(&call, &found, sizeof call);
    }
    if (timeout > 0) {
        timeout = (int)((timeout + speed() - 1) / speed());
    }
    return call(fds, count, timeout);
}
