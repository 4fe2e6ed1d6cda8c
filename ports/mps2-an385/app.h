/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/app.h - what differs between the applications that the
 * build makes. Each variant is one file app_*.c: app_good.c is the one that is
 * shipped, the others are broken on purpose, for the tests. */
#ifndef SELV_BOARD_APP_H
#define SELV_BOARD_APP_H

#include <stdbool.h>

/* Called once, after the version was printed. */
void selv_app_start(void);

/* Called when the consumer wants the self-test. is_well: what the self-test
 * found. True: answer the consumer with *answer. False: stay silent. */
bool selv_app_selftest(bool is_well, bool *answer);

#endif
