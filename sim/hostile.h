/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/hostile.h - `selvage-sim hostile`: at each stage of an update, flash
 * that rotted or that somebody wrote to, and what the bootloader makes of it.
 */
#ifndef SELV_SIM_HOSTILE_H
#define SELV_SIM_HOSTILE_H

#include "sim/cut.h"

/* Every case on the geometries chosen, or the one that o->replay names
 * ("geometry/stage/case"). Exit codes as in sim/cut.h. */
int sim_hostile(const struct cut_options *o);

#endif
