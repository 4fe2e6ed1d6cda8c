/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/fuse_none.c - the power stays on. */
#include "fuse.h"

struct selv_board_fuse selv_board_fuse_step(void)
{
    struct selv_board_fuse fuse = {SELV_BOARD_CUT_NONE, 0};

    return fuse;
}

void selv_board_fuse_end(struct selv_board_fuse fuse)
{
    (void)fuse;
}
