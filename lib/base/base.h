/* SPDX-License-Identifier: Apache-2.0
 *
 * base/base.h - bytes, errors, verdicts and assertions: what every other
 * module stands on.
 *
 * Terms: a *view* points into memory that somebody else owns and never
 *        outlives it; a *buffer* is memory that the caller owns and lends.
 * Owns:  nothing. No function here allocates, blocks or keeps a pointer. */
#ifndef SELV_BASE_BASE_H
#define SELV_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"

#if defined(__GNUC__)
#define SELV_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SELV_MUST_CHECK
#endif

/* A call of this function is a call, in a program that is optimised as a whole,
 * too. */
#if defined(__GNUC__) && !defined(__clang__)
#define SELV_OPAQUE __attribute__((noipa))
#else
#define SELV_OPAQUE
#endif

/* ---- bytes ------------------------------------------------------------ */

/* A read-only view. len 0 is the empty view; p may then be NULL. */
struct selv_bytes {
    const uint8_t *p;
    size_t len; /* bytes */
};

/* A caller's buffer: cap bytes at p, of which the first len are in use. */
struct selv_buf {
    uint8_t *p;
    size_t cap; /* bytes */
    size_t len; /* bytes, <= cap */
};

static inline struct selv_bytes selv_bytes(const void *p, size_t len)
{
    struct selv_bytes view = {(const uint8_t *)p, len};
    return view;
}

/* True when both views hold the same bytes. Not constant time: for public
 * values only. */
bool selv_bytes_equal(struct selv_bytes a, struct selv_bytes b);

/* ---- secrets ---------------------------------------------------------- */

/* Overwrite len bytes at p with zeros in a way that no compiler removes. */
void selv_wipe(void *p, size_t len);

/* True when len bytes at a and at b are equal; len is a multiple of 4. Takes
 * the same time wherever they differ. */
SELV_OPAQUE bool selv_ct_equal(const void *a, const void *b, size_t len);

/* ---- verdicts --------------------------------------------------------- */

/* The result of a security check on the path to a boot decision. Neither
 * value is 0, 1 or all ones, and they differ in every bit but the sign's (an
 * enumerator is an int), so that a skipped instruction or a few flipped bits
 * do not turn one into the other.
 * Always test with selv_is_good, never with == or !. */
enum selv_verdict { SELV_GOOD = 0x3ca5965a, SELV_BAD = 0x435a69a5 };

/* True only for SELV_GOOD; reads the value twice. */
inline bool selv_is_good(enum selv_verdict v)
{
    /* Complements, or a compiler makes the second test of what the first one
     * has in its registers, and one skipped instruction passes both. */
    volatile uint32_t first = (uint32_t)v;
    volatile uint32_t second = ~(uint32_t)v;
    return first == (uint32_t)SELV_GOOD && second == ~(uint32_t)SELV_GOOD;
}

/* ---- assertions ------------------------------------------------------- */

/* For our own mistakes, never for input. Stays on in release builds. */
#define SELV_ASSERT(condition)                                                 \
    do {                                                                       \
        if (!(condition)) {                                                    \
            selv_panic(SELV_MODULE, (uint32_t)__LINE__);                       \
        }                                                                      \
    } while (0)

/* Each .c that asserts defines this before its first include: four letters
 * that name the file in a panic, such as 0x43424f52 ("CBOR"). */
#ifndef SELV_MODULE
#define SELV_MODULE 0u
#endif

/* Supplied by the port. A device records both numbers and resets; a host
 * prints them and aborts. Does not return. */
_Noreturn void selv_panic(uint32_t module, uint32_t line);

/* ---- numbers in bytes -------------------------------------------------- */

static inline uint32_t selv_get_be32(const uint8_t p[static 4])
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           (uint32_t)p[3];
}

static inline void selv_put_be32(uint8_t p[static 4], uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

#endif
