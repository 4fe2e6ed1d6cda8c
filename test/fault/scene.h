/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/scene.h - flash contents, each with one thing wrong for which an
 * image must not boot. */
#ifndef SELV_TEST_FAULT_SCENE_H
#define SELV_TEST_FAULT_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scene {
    const char *name;
    const char *what;
    /* The only slot that may be booted, or SELV_SLOT_NONE. */
    uint8_t good_slot;
    /* Slot B is authentic and not below the floor, so that it may be booted
     * when slot A is not found good; only not on trial. */
    bool has_fallback;
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

#endif
