/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/stages.h - a bootloader that is updated itself: stage 0 is the
 * simulator's bootloader, what it starts is stage 1, a second one with flash
 * and an application of its own. */
#ifndef SELV_SIM_STAGES_H
#define SELV_SIM_STAGES_H

#include "sim/world.h"

/* Whether a search is about that. */
bool sim_has_stages(const struct sim_world *w);

/* Flash twice as large, stage 1's half with the old application. False: it does
 * not fit. */
size_t sim_stages_mem_len(const struct selv_geometry *g);
bool sim_stages_open(struct sim_world *w);

/* Stage 1's turn, and then its application's, which brings an update of its own
 * once stage 1's is over. SIM_END_IDLE: go on with what updates stage 1;
 * SIM_END_RESET: for *cause. */
enum sim_end sim_stages_run(struct sim_world *w, enum selv_reset_cause *cause);

/* How the inner application's update must have ended. */
bool sim_stages_check_end(struct sim_world *w);

#endif
