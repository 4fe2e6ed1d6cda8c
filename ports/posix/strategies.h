/* SPDX-License-Identifier: Apache-2.0
 *
 * posix/strategies.h - the bootloader's strategies by name, and the one that a
 * state folder was provisioned for: a file beside flash.bin with that name. */
#ifndef SELV_POSIX_STRATEGIES_H
#define SELV_POSIX_STRATEGIES_H

#include "boot/boot.h"
#include "posix/posix.h"

#define SELV_POSIX_STRATEGY_NAME "strategy"
#define SELV_POSIX_STRATEGIES "ab, swap, overwrite, ram or loader"

struct selv_posix_strategy {
    const char *name;
    const struct selv_strategy *strategy;
    const struct selv_layout *layout;
};

/* NULL: no such name. The first one is "ab". */
const struct selv_posix_strategy *selv_posix_strategy_find(const char *name);

/* The strategy of a state folder. wanted: the name that is asked for, or NULL;
 * a folder that names none has that one, or "ab". NULL: it was provisioned for
 * another, or the file says nothing that is known (why). */
SELV_MUST_CHECK const struct selv_posix_strategy *
selv_posix_strategy_of(const char *state_dir, const char *wanted,
                       struct selv_posix_why *why);

#endif
