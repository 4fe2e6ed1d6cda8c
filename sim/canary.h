/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/canary.h - journals that are broken on purpose. A search that does not
 * catch them proves nothing. Only the program selvage-sim-canary holds them. */
#ifndef SELV_SIM_CANARY_H
#define SELV_SIM_CANARY_H

#include <stdbool.h>
#include <stddef.h>

/* How many there are: 0 in selvage-sim. */
extern const size_t sim_canary_count;
const char *sim_canary_name(size_t i);
/* From now on the journal, or the bootloader, is the i-th broken one. */
void sim_canary_select(size_t i);
/* The strategy under which it errs, the flow in which it shows the soonest, and
 * whether it takes two cuts to show. */
const char *sim_canary_strategy(size_t i);
unsigned sim_canary_flow(size_t i); /* enum sim_flow */
bool sim_canary_takes_two(size_t i);

/* What a bootloader does wrong (canary_*.c, stages.c). */
enum sim_mistake {
    SIM_MISTAKE_NONE,
    SIM_MISTAKE_MARK_FIRST,  /* marks a step before it copies */
    SIM_MISTAKE_TRUST_MARKS, /* goes on by the marks alone, without a record */
    SIM_MISTAKE_MARKS_LATE,  /* erases the marks after the journal says go */
    SIM_MISTAKE_TRY_FIRST,   /* journals the end of the move before it */
    SIM_MISTAKE_READ_MARK_LAST, /* looks again at the mark of a resume */
    SIM_MISTAKE_GO_ON,          /* leaves a sector out that takes nothing */
    SIM_MISTAKE_HASH_STORED,    /* ram: hashes what it loaded from */
    SIM_MISTAKE_TRY_UNASKED,    /* loader: tries what it did not ask for yet */
    SIM_MISTAKE_SHARED_JOURNAL, /* stages: both write the same journal */
    SIM_MISTAKE_CONFIRM_EARLY,  /* stages: stage 1 confirms itself */
    SIM_MISTAKE_DEAD_END,       /* recovery: takes nothing in a move */
    SIM_MISTAKE_RESTART_BLANK, /* erases a lost journal before it begins anew */
    SIM_MISTAKE_TRUST_EMPTY    /* takes a slot that reads as empty once for
                                  one */
};
extern enum sim_mistake sim_mistake;

#endif
