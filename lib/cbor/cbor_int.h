/* SPDX-License-Identifier: Apache-2.0
 *
 * cbor/cbor_int.h - shared by the files of this folder only. */
#ifndef SELV_CBOR_CBOR_INT_H
#define SELV_CBOR_CBOR_INT_H

#include "cbor/cbor.h"

/* Any major type will do. */
#define SELV_CBOR_ANY SELV_CBOR_NONE

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

/* One decoded head: initial byte and argument. */
struct selv_cbor_head {
    const uint8_t *next; /* first byte after the head */
    uint64_t value;      /* the argument */
    enum selv_cbor_type type;
    uint8_t info; /* additional information, 0 to 27 */
};

/* Decode the head at the cursor, which stays where it is. Checks the shortest
 * form, and that strings, arrays and maps fit into what is left. want is
 * the one type allowed, or SELV_CBOR_ANY. */
SELV_MUST_CHECK enum selv_err selv_cbor_head(const struct selv_cbor *r,
                                             enum selv_cbor_type want,
                                             struct selv_cbor_head *h);

/* True when the bytes are UTF-8 [RFC 3629 4]. */
bool selv_cbor_is_utf8(struct selv_bytes text);

#endif
