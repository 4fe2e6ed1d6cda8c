/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/digest.h - a number for all that a machine's next instructions
 * depend on, and one for its flash; and what is known of such states.
 *
 * Terms: a *point* is an instruction behind a call, at which states are
 *        compared. */
#ifndef SELV_TEST_FAULT_DIGEST_H
#define SELV_TEST_FAULT_DIGEST_H

#include "m3.h"

/* Of flash, 0 never. */
uint64_t digest_flash(struct m3 *m);
/* Of the machine at a point: registers, but for the flags, which no call
 * leaves; memory, but for the stack below its pointer. False: its stack
 * pointer is astray, or it is in the middle of something. */
bool digest_state(struct m3 *m, uint64_t *digest);

/* How a run from a state ended, and what was wrong with it: NULL, nothing. */
struct ending {
    const char *wrong;
    enum m3_end end;
};

/* States met, with their endings. */
void known_forget(void);
const struct ending *known_find(uint64_t digest);
void known_add(uint64_t digest, struct ending ending);

#endif
