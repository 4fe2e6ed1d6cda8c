/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/recover_int.h - what the two files of the recovery share: recover.c, the
 * session, and recover_slot.c, what is written where and why that is safe. */
#ifndef SELV_BOOT_RECOVER_INT_H
#define SELV_BOOT_RECOVER_INT_H

#include "boot/boot_int.h"
#include "boot/recover.h"

/* In this order. */
enum selv_recover_state {
    RECOVER_IDLE,    /* no manifest yet, or a part of one */
    RECOVER_REFUSED, /* the whole manifest, for what `judged` says */
    RECOVER_CHOSEN,  /* manifest authentic and for us; slot chosen; nothing
                        changed yet */
    RECOVER_WRITING, /* the slot's envelope is erased, image bytes come */
    RECOVER_READY,   /* the slot holds all, and would boot */
    RECOVER_OVER     /* the other end wants us to boot */
};

/* Set minimum, is_lost and closed from the journal and the slots. */
void selv_recover_open(struct selv_recover *r, uint64_t floor);

/* Look at both slots, for INFO: a hello is answered at once, however slow the
 * device is, since it may be repeated in the meantime. */
void selv_recover_inspect(struct selv_recover *r);

/* The envelope is there: authenticate it, choose the slot, and learn size and
 * digest of the image that it wants there; next is size when the slot holds
 * all of it already. */
SELV_MUST_CHECK enum selv_err selv_recover_judge(struct selv_recover *r);

/* All bytes of the image are there: check them, write the envelope. */
SELV_MUST_CHECK enum selv_err selv_recover_finish(struct selv_recover *r);

#endif
