/* SPDX-License-Identifier: Apache-2.0
 *
 * cbor/cbor_int.h - shared by the files of this folder only. */
#ifndef SELV_CBOR_CBOR_INT_H
#define SELV_CBOR_CBOR_INT_H

#include "cbor/cbor.h"

/* Additional information [RFC 8949 3]. */
enum {
    INFO_FALSE = 20,
    INFO_TRUE = 21,
    INFO_NULL = 22,
    INFO_1_BYTE = 24,
    INFO_2_BYTES = 25,
    INFO_4_BYTES = 26,
    INFO_8_BYTES = 27,
    INFO_INDEFINITE = 31
};

/* Sets of major types, a bit each. */
#define SELV_CBOR_ONLY(type) (1u << (type))
#define SELV_CBOR_ANY 0xffu

/* Take the head at the cursor, and the content of a string with it, and give
 * its argument: the value, length or count. Checks that the major type is one
 * of types, the shortest form, and that strings, arrays and maps fit into what
 * is left (so counts and lengths are below 2^32). A float gives some number
 * whose lower 32 bits are no simple value. After an error 0. */
uint64_t selv_cbor_take(struct selv_cbor *r, unsigned types);

/* The same, at most max: else SELV_ERR_CBOR_RANGE. */
uint32_t selv_cbor_take32(struct selv_cbor *r, unsigned types, uint32_t max);

/* Note err, unless it is SELV_OK or there is one, and move the cursor back to
 * the item at fault. */
void selv_cbor_fault(struct selv_cbor *r, const uint8_t *at, enum selv_err err);

/* Check that the map key that ends at the cursor comes after the previous one
 * (NULL: there is none) [RFC 8949 4.2.1]; both are whole items. Errors, noted
 * at the key: SELV_ERR_CBOR_ORDER, _DUPLICATE. */
void selv_cbor_key_check(struct selv_cbor *r, const uint8_t *previous,
                         const uint8_t *key);

/* True when the bytes are UTF-8 [RFC 3629 4]. */
bool selv_cbor_is_utf8(struct selv_bytes text);

#endif
