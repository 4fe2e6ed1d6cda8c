/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/recover.h - devices in which nothing boots, and who sends them a release
 * over the serial line: the real recovery, frame by frame. */
#ifndef SELV_SIM_RECOVER_H
#define SELV_SIM_RECOVER_H

#include "sim/world.h"

/* Ruin a device that was just made. SIM_FLOW_RECOVER: an update was under way
 * (on trial, or bytes on the move), and all images have rotted, with what a
 * move would need to go on. SIM_FLOW_LOST: at rest, the image has rotted, and
 * the boot journal. Where there is a loader, it has, too. False: it cannot be
 * done; w->fault says why. */
bool sim_recover_ruin(struct sim_world *w);

/* Nothing boots: sessions, until one went well or the other end gives up for
 * this boot. First it sends what is below the floor. False: a rule was broken;
 * w->fault says which. */
bool sim_recover_run(struct sim_world *w);

/* What must hold of a boot record after that, beside what always must. */
bool sim_recover_check(struct sim_world *w);

#endif
