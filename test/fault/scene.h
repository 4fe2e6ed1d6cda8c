/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/scene.h - flash contents, each with one thing wrong for which an
 * image must not boot. */
#ifndef SELV_TEST_FAULT_SCENE_H
#define SELV_TEST_FAULT_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/flash.h"

/* When slot B may run. */
enum slot_b {
    B_NEVER,
    B_ON_TRIAL, /* when the journal says so, and no more often */
    B_CURRENT   /* then, and when the journal says that it is confirmed */
};

/* The number of the release in slot A. */
enum { SCENE_SEQUENCE_A = 5 };

struct scene {
    const char *name;
    const char *what;
    /* The slot that is booted, or SELV_SLOT_NONE. Slot A may be, whenever one
     * is. */
    uint8_t good_slot;
    enum slot_b slot_b;
    /* The number of an authentic manifest that is asked for with an image that
     * is bad: accepted may rise to it. 0: none. */
    uint64_t asked;
    bool (*make)(uint8_t *flash);
};

/* The first one has nothing wrong. */
extern const struct scene scenes[];
extern const size_t scene_count;

/* Read what the scenes are made of from a folder: base.bin, a new device with
 * release 5 in slot A; N.envelope, N.a, N.b of the releases 3, 5, 6; and for
 * 6 those of `stranger`, signed by another key, and `other`, for another
 * class. False, with a line on stderr. */
bool scene_open(const char *folder);

/* The scene's flash for the store's code. */
struct selv_flash scene_flash(uint8_t *flash);

#endif
