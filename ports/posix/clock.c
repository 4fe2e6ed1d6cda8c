/* SPDX-License-Identifier: Apache-2.0
 *
 * Clock and random bytes. */
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "posix/posix.h"

uint64_t selv_posix_now_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

enum selv_err selv_posix_random(void *p, size_t len)
{
    uint8_t *at = p;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno != EINTR) {
            return SELV_ERR_RANDOM;
        }
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
    return SELV_OK;
}
