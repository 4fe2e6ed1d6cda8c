/* SPDX-License-Identifier: Apache-2.0
 *
 * generate.h - random manifests with a structure: mostly well formed, deep
 * and busy; a few with one fault, seldom two. Always valid CBOR at the
 * outside. From a seed, or from a fuzzer's bytes. */
#ifndef GENERATE_H
#define GENERATE_H

#include "test/reference/world.h"

/* Where decisions come from: bytes, then zeros; or, without bytes, a
 * generator that the seed starts. Zero is always the dullest choice, so that
 * bytes that end lead to an end. */
struct dice {
    const uint8_t *p;
    size_t len, at;
    uint64_t state; /* seed; bytes are used when it is 0 */
};

struct dice dice_of_seed(uint32_t seed);
struct dice dice_of_bytes(const uint8_t *p, size_t len);

/* 0 to sides - 1; sides is 1 to 256. */
unsigned dice_roll(struct dice *d, unsigned sides);

/* A device, an envelope for it, and how the world will answer. Views point
 * into the struct: it must stay where it was made. */
struct generated {
    struct grown envelope;
    unsigned faults; /* put in on purpose */
    struct selv_suit_device device;
    struct selv_suit_component components[WORLD_COMPONENTS];
    uint8_t ids[WORLD_COMPONENTS][3];
    struct selv_cose_key anchor;
    struct selv_suit_private private;
    struct selv_suit_capability boot;
    struct world world; /* before a procedure; no trace */
};

/* What to use where no fault is meant. */
struct generate_known {
    uint64_t commands;   /* 1 << number */
    uint32_t parameters; /* the same */
    bool has_private;
    bool has_bootloader; /* the device may name what its bootloader can do */
};

void generate(struct generated *g, struct dice *d,
              const struct generate_known *known);
void generate_free(struct generated *g);

#endif
