/* SPDX-License-Identifier: Apache-2.0
 *
 * tree.h - CBOR as a tree on the heap, for the reference interpreter: read
 * recursively, written again, printed. It shares nothing with lib/cbor, so
 * that a fault there cannot hide here.
 *
 * Reads only what deterministic encoding allows [RFC 8949 4.2.1], except that
 * maps may be in any order: whoever cares about the order asks for it.
 * Owns:  every node lives in an arena and goes with it; strings are views of
 *        the bytes that were read. */
#ifndef TREE_H
#define TREE_H

#include <stdio.h>

#include "base/base.h"

/* ---- memory ------------------------------------------------------------- */

/* Blocks that are given back together. Begin with {NULL}. */
struct arena {
    struct arena_block *first;
};

/* len zeroed bytes; ends the program when there are none. */
void *arena_take(struct arena *a, size_t len);
void arena_free(struct arena *a);

/* Bytes that grow. Begin with {0}; the owner frees p. */
struct grown {
    uint8_t *p;
    size_t len, cap;
};

void grown_add(struct grown *g, const void *p, size_t len);

/* ---- writing ------------------------------------------------------------ */

enum cbor_major {
    CBOR_UINT = 0,
    CBOR_NEGATIVE = 1, /* of which the number is -1 - value */
    CBOR_BSTR = 2,
    CBOR_TSTR = 3,
    CBOR_ARRAY = 4,
    CBOR_MAP = 5,
    CBOR_TAG = 6,
    CBOR_SIMPLE = 7
};

#define CBOR_FALSE 20u
#define CBOR_TRUE 21u
#define CBOR_NULL 22u

void put_head(struct grown *g, enum cbor_major major, uint64_t value);
void put_int(struct grown *g, int64_t v);
void put_bstr(struct grown *g, const void *p, size_t len);
void put_tstr(struct grown *g, const char *text);
void put_simple(struct grown *g, unsigned value);

/* ---- reading ------------------------------------------------------------ */

struct tree {
    enum cbor_major major;
    uint64_t value;          /* number, length, count, tag or simple value */
    struct selv_bytes bytes; /* of a string */
    struct tree **items;     /* array; map: key, value, key ...; tag: one */
    size_t item_count;
    struct selv_bytes whole; /* the encoded item */
};

/* Exactly one item. NULL with *err: SELV_ERR_CBOR_END, _NONMINIMAL,
 * _INDEFINITE, _RESERVED; the item and SELV_ERR_CBOR_TRAILING when more
 * follows it. */
struct tree *tree_read(struct arena *a, struct selv_bytes in,
                       enum selv_err *err);

bool tree_is(const struct tree *t, enum cbor_major major);
bool tree_is_simple(const struct tree *t, unsigned value);

/* The number of an integer that fits 64 bits with sign; else false. */
bool tree_int(const struct tree *t, int64_t *v);

/* The value of an integer key in a map, NULL when it has none. */
const struct tree *tree_find(const struct tree *map, int64_t key);

/* What is wrong with the order of a map's keys [RFC 8949 4.2.1]: SELV_OK,
 * SELV_ERR_CBOR_ORDER or SELV_ERR_CBOR_DUPLICATE; *at is the index in items
 * of the key that is out of place. */
enum selv_err tree_order(const struct tree *map, size_t *at);

/* The same of all maps in an item. */
enum selv_err tree_orders(const struct tree *t);

bool is_utf8(struct selv_bytes text);

/* Encode the tree again, from its values and not from its bytes. */
void tree_write(struct grown *g, const struct tree *t);

/* Diagnostic notation; byte strings that hold an array or map are shown as
 * << >>, and long ones cut short. */
void tree_print(FILE *f, const struct tree *t);

#endif
