/* SPDX-License-Identifier: Apache-2.0
 *
 * world.h - the rest of a pretended device: components in memory that todos
 * act on, answers that fail now and then, and a trace in words of all that
 * was asked. Engine and reference each run in a copy of the same world, so
 * that equal questions get equal answers. */
#ifndef WORLD_H
#define WORLD_H

#include "suit/suit.h"
#include "test/reference/tree.h"

#define WORLD_COMPONENTS (SELV_SUIT_COMPONENTS_MAX + 1u)
#define WORLD_CONTENT_MAX 32u /* bytes of a component */
#define WORLD_POOL 4u         /* contents that can be fetched */
#define WORLD_RECORDS 64u     /* records of commands that are kept */

struct world {
    uint8_t content[WORLD_COMPONENTS][WORLD_CONTENT_MAX];
    size_t content_len[WORLD_COMPONENTS];
    struct selv_bytes envelope; /* for integrated payloads */
    uint32_t mood;              /* decides which answers fail */
    unsigned fail_in;           /* one in so many; 0: none */
    unsigned answers;           /* given so far */
    struct grown trace;         /* text, a line for each event */
};

/* Content number n of the pool: what fetching "u<n>" gives. */
struct selv_bytes world_pool(unsigned n);

/* Do what is asked and answer. DIGEST and CONTENT give a digest. */
enum selv_err world_answer(struct world *w, const struct selv_suit_todo *todo,
                           uint8_t digest[static SELV_SHA256_LEN]);

/* Add to the trace. */
void world_say(struct world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void world_say_todo(struct world *w, const struct selv_suit_todo *todo,
                    bool may_invoke);
/* A named value, its bytes in hexadecimal. */
void world_say_bytes(struct world *w, const char *name, struct selv_bytes b);
void world_say_record(struct world *w, const struct selv_suit_record *record);
void world_say_failure(struct world *w, enum selv_err err, int section,
                       int64_t code, size_t section_offset, size_t component);

void sha256(struct selv_bytes in, uint8_t digest[static SELV_SHA256_LEN]);

#endif
