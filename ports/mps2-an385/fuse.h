/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/fuse.h - a power cut at a chosen flash operation. Two
 * implementations: fuse_none.c for every image that is shipped, and fuse.c for
 * the test builds, which obeys the test's words in the free sector 7. */
#ifndef SELV_BOARD_FUSE_H
#define SELV_BOARD_FUSE_H

#include <stdint.h>

enum selv_board_cut {
    SELV_BOARD_CUT_NONE = 0,
    SELV_BOARD_CUT_BEFORE = 1, /* the operation does nothing */
    SELV_BOARD_CUT_TORN = 2,   /* it does a part */
    SELV_BOARD_CUT_AFTER = 3   /* it ends, and its caller never learns */
};

struct selv_board_fuse {
    enum selv_board_cut cut;
    uint32_t random; /* TORN: where, and which bits */
};

/* Count one operation (one call of write or erase) and say what it does. */
struct selv_board_fuse selv_board_fuse_step(void);
/* Call after it: ends QEMU when the power went. */
void selv_board_fuse_end(struct selv_board_fuse fuse);

#endif
