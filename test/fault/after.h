/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/after.h - what a fault may leave in flash: a journal that clean
 * runs of the same scene may leave, too, in all that later boots rest on.
 *
 * Calls: 1 after_begin  2 after_clean, for each state that a clean run leaves
 *        3 after_wrong, any number of times */
#ifndef SELV_TEST_FAULT_AFTER_H
#define SELV_TEST_FAULT_AFTER_H

#include <stdbool.h>
#include <stdint.h>

#include "scene.h"

/* The flash before the fault. */
void after_begin(const struct scene *scene, const uint8_t *flash);
/* The flash as a clean run leaves it. */
void after_clean(const uint8_t *flash);
/* NULL, or what is wrong with a flash that a fault left and so many clean
 * boots after it. */
const char *after_wrong(const uint8_t *flash, int boots);

/* Whether that is no harm, but a loss that is counted: the way back from what
 * a swap has on trial. */
bool after_is_loss(const char *wrong);
/* Whether release 6, authentic and asked for, runs without its trial, or once
 * more on trial than it should: such a loss, too. */
bool after_is_untried(const uint8_t *flash, enum image image);

/* What the journal says, on a line of its own. */
void after_print(const uint8_t *flash);
/* Whether that image may be handed over to, with that flash. */
bool after_may_run(const uint8_t *flash, enum image image);

#endif
