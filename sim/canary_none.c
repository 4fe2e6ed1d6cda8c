/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/canary_none.c - selvage-sim has the real journal and no other. */
#include "sim/canary.h"

const size_t sim_canary_count = 0;

const char *sim_canary_name(size_t i)
{
    (void)i;
    return "";
}

void sim_canary_select(size_t i)
{
    (void)i;
}

const char *sim_canary_strategy(size_t i)
{
    (void)i;
    return "ab";
}

unsigned sim_canary_flow(size_t i)
{
    (void)i;
    return 0;
}

bool sim_canary_takes_two(size_t i)
{
    (void)i;
    return false;
}

enum sim_mistake sim_mistake = SIM_MISTAKE_NONE;
