/* SPDX-License-Identifier: Apache-2.0
 *
 * cbor/cbor.h - read and write deterministic CBOR [RFC 8949 4.2].
 *
 * Reading: a cursor over the caller's bytes. Each read takes one item (or the
 *   head of an array, map or tag) and moves on. Zero copy: strings come out
 *   as views into the input. Strict: shortest heads only, definite lengths
 *   only, every length checked against what is left. Nothing recurses; skip
 *   walks nested items with a counter stack of SELV_CBOR_DEPTH_MAX.
 *   After an error the cursor has not moved and the outputs are untouched.
 * Writing: a writer over the caller's buffer that keeps its first error, to be
 *   checked once with selv_cbor_finish. With p == NULL it only counts.
 *   Writers emit map keys in the order given: the caller gives them in
 *   bytewise lexicographic order of their encodings [RFC 8949 4.2.1].
 * RAM: reader two pointers, writer four words. */
#ifndef SELV_CBOR_CBOR_H
#define SELV_CBOR_CBOR_H

#include "base/base.h"

/* Major types [RFC 8949 3.1]. */
enum selv_cbor_type {
    SELV_CBOR_UINT = 0,
    SELV_CBOR_NINT = 1,
    SELV_CBOR_BSTR = 2,
    SELV_CBOR_TSTR = 3,
    SELV_CBOR_ARRAY = 4,
    SELV_CBOR_MAP = 5,
    SELV_CBOR_TAG = 6,
    SELV_CBOR_SIMPLE = 7,
    SELV_CBOR_NONE = 8 /* no byte left */
};

/* ---- reading ----------------------------------------------------------- */

struct selv_cbor {
    const uint8_t *p;   /* next byte */
    const uint8_t *end; /* one past the last byte */
};

void selv_cbor_init(struct selv_cbor *r, struct selv_bytes in);

/* Type of the next item, without moving. */
enum selv_cbor_type selv_cbor_peek(const struct selv_cbor *r);

/* True when no byte is left. */
bool selv_cbor_is_end(const struct selv_cbor *r);

/* SELV_OK when no byte is left, else SELV_ERR_CBOR_TRAILING. */
SELV_MUST_CHECK enum selv_err selv_cbor_end(const struct selv_cbor *r);

/* Errors of every read: SELV_ERR_CBOR_END, _TYPE, _NONMINIMAL, _INDEFINITE,
 * _RESERVED, and those named. */
SELV_MUST_CHECK enum selv_err selv_cbor_uint(struct selv_cbor *r, uint64_t *v);
/* As selv_cbor_uint; SELV_ERR_CBOR_RANGE above max. */
SELV_MUST_CHECK enum selv_err selv_cbor_uint32(struct selv_cbor *r,
                                               uint32_t max, uint32_t *v);
/* Either integer type within int32_t; else SELV_ERR_CBOR_RANGE. */
SELV_MUST_CHECK enum selv_err selv_cbor_int(struct selv_cbor *r, int32_t *v);
SELV_MUST_CHECK enum selv_err selv_cbor_bstr(struct selv_cbor *r,
                                             struct selv_bytes *v);
/* Also SELV_ERR_CBOR_UTF8 [RFC 3629]. */
SELV_MUST_CHECK enum selv_err selv_cbor_tstr(struct selv_cbor *r,
                                             struct selv_bytes *v);
/* Number of items (or of key and value pairs) that follow. Never more than
 * the bytes left could hold: else SELV_ERR_CBOR_END. */
SELV_MUST_CHECK enum selv_err selv_cbor_array(struct selv_cbor *r,
                                              uint32_t *count);
SELV_MUST_CHECK enum selv_err selv_cbor_map(struct selv_cbor *r,
                                            uint32_t *count);
SELV_MUST_CHECK enum selv_err selv_cbor_tag(struct selv_cbor *r, uint64_t *tag);
SELV_MUST_CHECK enum selv_err selv_cbor_bool(struct selv_cbor *r, bool *v);
SELV_MUST_CHECK enum selv_err selv_cbor_null(struct selv_cbor *r);

/* Move past one whole item of any type, nested to SELV_CBOR_DEPTH_MAX (else
 * SELV_ERR_CBOR_DEPTH), checking that it is well formed and deterministic,
 * map key order included (SELV_ERR_CBOR_ORDER, _DUPLICATE). *item, when not
 * NULL, gets the whole encoded item. Floats are well formed in their
 * shortest form. */
SELV_MUST_CHECK enum selv_err selv_cbor_skip(struct selv_cbor *r,
                                             struct selv_bytes *item);

/* Order of map keys [RFC 8949 4.2.1]: call with each whole encoded key in
 * turn; *previous starts as the empty view. Errors: SELV_ERR_CBOR_ORDER,
 * SELV_ERR_CBOR_DUPLICATE. */
SELV_MUST_CHECK enum selv_err selv_cbor_key_order(struct selv_bytes *previous,
                                                  struct selv_bytes key);

/* ---- writing ----------------------------------------------------------- */

struct selv_cbor_writer {
    uint8_t *p;        /* NULL: count only */
    size_t cap;        /* bytes */
    size_t len;        /* bytes written, or wanted */
    enum selv_err err; /* the first error, kept */
};

void selv_cbor_writer_init(struct selv_cbor_writer *w, uint8_t *p, size_t cap);

void selv_cbor_put_uint(struct selv_cbor_writer *w, uint64_t v);
void selv_cbor_put_int(struct selv_cbor_writer *w, int64_t v);
void selv_cbor_put_bstr(struct selv_cbor_writer *w, struct selv_bytes v);
/* v must be UTF-8. */
void selv_cbor_put_tstr(struct selv_cbor_writer *w, struct selv_bytes v);
void selv_cbor_put_array(struct selv_cbor_writer *w, size_t count);
void selv_cbor_put_map(struct selv_cbor_writer *w, size_t count);
void selv_cbor_put_tag(struct selv_cbor_writer *w, uint64_t tag);
void selv_cbor_put_bool(struct selv_cbor_writer *w, bool v);
void selv_cbor_put_null(struct selv_cbor_writer *w);
/* Head of a byte string of len bytes; the caller writes them next. */
void selv_cbor_put_bstr_head(struct selv_cbor_writer *w, size_t len);
/* Bytes that are CBOR already. */
void selv_cbor_put_raw(struct selv_cbor_writer *w, struct selv_bytes v);

/* The first error, or SELV_OK with *out (when not NULL) a view of what was
 * written (p NULL and the length wanted, when only counting).
 * SELV_ERR_SPACE when the buffer was too small. */
SELV_MUST_CHECK enum selv_err selv_cbor_finish(const struct selv_cbor_writer *w,
                                               struct selv_bytes *out);

#endif
