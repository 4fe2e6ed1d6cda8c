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
#include "store/layout.h"

/* Whose bootloader it is, as bits. */
enum strategy {
    ON_AB = 1,
    ON_SWAP = 2,
    ON_OVERWRITE = 4,
    ON_RAM = 8,
    ON_LOADER = 16,
    ON_RECOVERY = 32, /* A/B, with a serial line for a device that boots none */
    IN_PLACE = ON_SWAP | ON_OVERWRITE,
    ON_ALL = 31 /* that boot from flash alone */
};

/* What a session over the serial line may leave. */
enum session {
    SESSION_NONE,    /* there is none */
    SESSION_REFUSED, /* the flash as it was */
    SESSION_BEGUN,   /* a slot written, or not, and nothing that boots */
    SESSION_DONE     /* release 6 in slot B, which runs at the next boot */
};

/* What lies somewhere, as bits: nothing that may run, an image of the release
 * 5 or 6, the loader. */
enum image { IMAGE_NONE = 0, IMAGE_5 = 1, IMAGE_6 = 2, IMAGE_LOADER = 4 };

/* When release 6 may run. */
enum six {
    SIX_NEVER,
    SIX_ON_TRIAL, /* when the journal says so, and no more often */
    SIX_CURRENT   /* then, and when the journal says that it is confirmed */
};

enum { SCENE_SEQUENCE_5 = 5 };

struct scene {
    const char *name;
    const char *what;
    unsigned on;      /* bits of enum strategy */
    uint8_t slot;     /* that is booted, or SELV_SLOT_NONE */
    enum image image; /* that is booted */
    unsigned may;     /* images that may run, beside that one */
    enum six six;
    /* The number of an authentic manifest that is asked for: accepted may rise
     * to it. 0: none. */
    uint64_t asked;
    bool (*make)(uint8_t *flash);
};

/* The first one has nothing wrong. */
extern const struct scene scenes[];
extern const size_t scene_count;

/* Read what the scenes of a strategy are made of from a folder: base.bin, a new
 * device with release 5 in slot A; N.envelope, N.a, N.b of the releases 3, 5,
 * 6; and for 6 those of `stranger`, signed by another key, and `other`, for
 * another class. False, with a line on stderr. */
bool scene_open(const char *folder, const char *strategy);
enum strategy scene_strategy(void);
const struct selv_layout *scene_layout(void);
/* What the serial line brings in that scene, before it is silent: the length of
 * it, M3_LINE_MAX at most, or 0. */
uint32_t scene_say(const struct scene *scene, uint8_t *line);
enum session scene_session(const struct scene *scene);
/* Whether images move from slot to slot: what lies where is no matter then, as
 * long as the right one runs. */
bool scene_moves(void);
/* What lies at p, which has room for an image, as that slot's. */
enum image scene_image(const uint8_t *p, uint8_t slot);
/* Whether that is the digest of release 6. */
bool scene_is_six(const uint8_t digest[32]);
/* Whether the release that a swap took from slot A lies where it is kept. */
bool scene_is_kept(const uint8_t *flash);

/* The scene's flash for the store's code. */
struct selv_flash scene_flash(uint8_t *flash);

#endif
