/* SPDX-License-Identifier: Apache-2.0
 *
 * generate_int.h - what the parts of the generator share: decisions
 * (generate_dice.c), values and parameters (generate_value.c), commands and
 * sequences (generate_command.c), the manifest (generate_manifest.c); the
 * envelope and the device are in generate.c. Each put_ function appends to
 * out, which the caller frees. */
#ifndef GENERATE_INT_H
#define GENERATE_INT_H

#include "test/reference/generate.h"

struct generator {
    struct dice *dice;
    int fault_in; /* chances until a fault is put in; negative: never */
    unsigned faults;
    unsigned commands; /* so far */
    size_t components;
    struct generate_known known;
};

/* Where the commands will stand. */
struct spot {
    int section; /* enum selv_suit_section, -1: shared */
    unsigned depth;
    bool is_loose; /* strict-order was likely set to false */
};

/* ---- decisions ---------------------------------------------------------- */

/* 0 to sides - 1; sides is 1 to 256. */
unsigned roll(struct generator *g, unsigned sides);

/* True in so many percent of cases; false when the dice have run out. */
bool chance(struct generator *g, unsigned percent);

/* Is this the place for the fault? Counts it. */
bool fault(struct generator *g);

/* A content of the pool: most often the same one, so that digests match. */
unsigned some_content(struct generator *g);

/* An index of a component, or, as a fault, one too high. */
uint64_t some_index(struct generator *g);

/* ---- values ------------------------------------------------------------- */

/* An item of a type that is seldom the right one. */
void put_odd(struct generator *g, struct grown *out);

/* A content of the pool, as a byte string. */
void put_pool(struct generator *g, struct grown *out);

/* A SUIT_Digest of bytes, not wrapped. */
void put_digest(struct generator *g, struct grown *out, struct selv_bytes of);

/* override-parameters of those whose bit is set in wanted; none: of some. n:
 * the content of the pool that they are about. */
void put_override(struct generator *g, struct grown *out, struct spot *spot,
                  uint64_t wanted, unsigned n);

/* ---- sequences and the manifest ----------------------------------------- */

/* A section's (enum selv_suit_section) or the shared sequence (-1), as a byte
 * string. */
void put_outermost(struct generator *g, struct grown *out, int section);

/* The manifest, not wrapped; what it severs goes to severed, in pairs for the
 * envelope, counted in *severed_count. */
void put_manifest(struct generator *g, struct grown *out, struct grown *severed,
                  unsigned *severed_count, const struct generated *made);

#endif
