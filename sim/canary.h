/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/canary.h - journals that are broken on purpose. A search that does not
 * catch them proves nothing. Only the program selvage-sim-canary holds them. */
#ifndef SELV_SIM_CANARY_H
#define SELV_SIM_CANARY_H

#include <stddef.h>

/* How many there are: 0 in selvage-sim. */
extern const size_t sim_canary_count;
const char *sim_canary_name(size_t i);
/* From now on the journal is the i-th broken one. */
void sim_canary_select(size_t i);

#endif
