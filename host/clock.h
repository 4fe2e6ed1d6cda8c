/* SPDX-License-Identifier: Apache-2.0
 *
 * host/clock.h - the two clocks of a host, and their text. */
#ifndef SELV_HOST_CLOCK_H
#define SELV_HOST_CLOCK_H

#include <stdint.h>

/* Milliseconds from an origin of the machine's choice; never goes back. */
uint64_t selv_clock_monotonic_ms(void);

/* Seconds since 1970-01-01T00:00:00Z. */
int64_t selv_clock_wall_s(void);

/* Bytes of an RFC 3339 time in UTC, with its final 0. */
#define SELV_CLOCK_TEXT_LEN 32u

/* "2026-11-22T10:00:00Z". A time out of the range of years 0 to 9999 becomes
 * an empty string. */
void selv_clock_text(int64_t wall_s, char text[static SELV_CLOCK_TEXT_LEN]);

#endif
