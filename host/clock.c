/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.c - see host/clock.h. */
#include "host/clock.h"

#include <time.h>

uint64_t selv_clock_monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

int64_t selv_clock_wall_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec;
}

void selv_clock_text(int64_t wall_s, char text[static SELV_CLOCK_TEXT_LEN])
{
    time_t t = (time_t)wall_s;
    struct tm tm;
    text[0] = 0;
    if (gmtime_r(&t, &tm) != NULL && tm.tm_year >= -1900 &&
        tm.tm_year <= 9999 - 1900) {
        if (strftime(text, SELV_CLOCK_TEXT_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) ==
            0) {
            text[0] = 0;
        }
    }
}
