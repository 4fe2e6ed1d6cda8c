/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/app_unfit.c - for tests: its self-test fails. */
#include "app.h"

void selv_app_start(void)
{
}

bool selv_app_selftest(bool is_well, bool *answer)
{
    (void)is_well;
    *answer = false;
    return true;
}
