/* SPDX-License-Identifier: Apache-2.0
 *
 * cbor/cbor.h - read and write deterministic CBOR [RFC 8949 4.2].
 *
 * Reading: a cursor over the caller's bytes. Each read takes one item (or the
 *   head of an array, map or tag) and moves on. Zero copy: strings come out
 *   as views into the input. Strict: shortest heads only, definite lengths
 *   only, every length checked against what is left. Nothing recurses; skip
 *   walks nested items with a counter stack of SELV_CBOR_DEPTH_MAX. Floats
 *   are skipped, not read, and of any width: theirs is not judged.
 *   In two manners: selv_cbor_<item> answers each error, and then the cursor
 *   has not moved and the outputs are untouched; selv_cbor_get_<item> keeps
 *   the first error in the cursor, to be looked at once, which makes code
 *   with many reads half as large.
 * Writing: a writer over the caller's buffer that keeps its first error, to be
 *   checked once with selv_cbor_finish. With p == NULL it only counts.
 *   Writers emit map keys in the order given: the caller gives them in
 *   bytewise lexicographic order of their encodings [RFC 8949 4.2.1].
 * RAM: reader three words, writer four. */
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
    const uint8_t *p;   /* next byte; after an error the item at fault */
    const uint8_t *end; /* one past the last byte */
    enum selv_err err;  /* the first error of a selv_cbor_get_... */
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
 * map key order included (SELV_ERR_CBOR_ORDER, _DUPLICATE), but for two things:
 * floats may be wider than needed, and text need not be UTF-8. *item, when not
 * NULL, gets the whole encoded item. */
SELV_MUST_CHECK enum selv_err selv_cbor_skip(struct selv_cbor *r,
                                             struct selv_bytes *item);

/* Order of map keys [RFC 8949 4.2.1]: call with each whole encoded key in
 * turn (each one a whole item: only then do they differ before one of them
 * ends); *previous starts as the empty view. Errors: SELV_ERR_CBOR_ORDER,
 * SELV_ERR_CBOR_DUPLICATE. */
SELV_MUST_CHECK enum selv_err selv_cbor_key_order(struct selv_bytes *previous,
                                                  struct selv_bytes key);

/* ---- reading, the first error kept --------------------------------------- */

/* As their namesakes above, with the error in r->err, where the first one
 * stays; r->p then stays at the item at fault (inside an item that was read
 * whole, the innermost one). The reads above begin with it, too: one that was
 * kept is their answer. Once there is one, every read
 * gives 0, false or the empty view (at r->p): a loop over a count that was
 * read comes to its end. */
uint64_t selv_cbor_get_uint(struct selv_cbor *r);
uint32_t selv_cbor_get_uint32(struct selv_cbor *r, uint32_t max);
int32_t selv_cbor_get_int(struct selv_cbor *r);
struct selv_bytes selv_cbor_get_bstr(struct selv_cbor *r);
struct selv_bytes selv_cbor_get_tstr(struct selv_cbor *r);
uint32_t selv_cbor_get_array(struct selv_cbor *r);
uint32_t selv_cbor_get_map(struct selv_cbor *r);
uint64_t selv_cbor_get_tag(struct selv_cbor *r);
bool selv_cbor_get_bool(struct selv_cbor *r);
void selv_cbor_get_null(struct selv_cbor *r);
/* A whole item of any type, as selv_cbor_skip. */
struct selv_bytes selv_cbor_get_item(struct selv_cbor *r);
/* An integer key of a map, in its place in the order (selv_cbor_key_order). */
int32_t selv_cbor_get_key(struct selv_cbor *r, struct selv_bytes *previous);
/* Nothing may be left: else SELV_ERR_CBOR_TRAILING is noted. */
void selv_cbor_get_end(struct selv_cbor *r);
/* Note an error of the caller's own at the cursor, unless there is one or err
 * is SELV_OK. */
void selv_cbor_note(struct selv_cbor *r, enum selv_err err);

/* ---- pulling: the smallest manner ------------------------------------------
 */

/* Kept errors as above, numbers of 32 bits, and nothing passed by value. */

/* Simple values, as pull gives them [RFC 8949 3.3]. */
enum { SELV_CBOR_FALSE = 20, SELV_CBOR_TRUE = 21, SELV_CBOR_NULL = 22 };

/* The head of the next item, which must have this type (SELV_CBOR_NONE: any).
 * Gives its value, length or count; of a string also the content is passed, so
 * that it stands in the bytes just before the cursor. Text is not checked to
 * be UTF-8. A number of 2^32 or more is SELV_ERR_CBOR_RANGE. Of the simple
 * values and floats only those of one byte are taken:
 * SELV_ERR_CBOR_RESERVED. */
inline uint32_t selv_cbor_pull(struct selv_cbor *r, enum selv_cbor_type type);
/* The same for numbers of up to 64 bits. */
uint64_t selv_cbor_pull_wide(struct selv_cbor *r, enum selv_cbor_type want);
/* An integer of either type. */
inline int32_t selv_cbor_pull_int(struct selv_cbor *r);
/* An integer key of a map in canonical order; *rank starts as 0. */
int32_t selv_cbor_pull_key(struct selv_cbor *r, uint32_t *rank);
/* Pass a whole item of any type that nobody interprets: well formed, with
 * shortest heads and definite lengths; the order of keys in maps is not
 * looked at. Any depth, no stack. */
void selv_cbor_pass(struct selv_cbor *r);
/* True when the next item is null, without moving. */
bool selv_cbor_is_null(const struct selv_cbor *r);
/* Go into the byte string at the cursor: from now on its content is all there
 * is. Gives the end that there was; selv_cbor_leave goes back to it, at the
 * byte behind the string, and notes SELV_ERR_CBOR_TRAILING when something of
 * the content is left. */
inline const uint8_t *selv_cbor_enter(struct selv_cbor *r);
void selv_cbor_leave(struct selv_cbor *r, const uint8_t *end);

/* Private from here to the next heading. Most heads are short: where speed
 * counts for more than size (so not with -Os, nor with SELV_CBOR_SMALL
 * defined), those of up to three bytes are read in place. True when this was
 * one, well formed and of this type; else nothing has moved. */
inline bool selv_cbor_quick(struct selv_cbor *r, enum selv_cbor_type type,
                            uint32_t *value)
{
#if defined __OPTIMIZE_SIZE__ || defined SELV_CBOR_SMALL
    (void)r;
    (void)type;
    (void)value;
    return false;
#else
    const uint8_t *p = r->p;
    if (r->err != SELV_OK || p == r->end || type >= SELV_CBOR_SIMPLE) {
        return false;
    }
    uint32_t low = *p++ - ((uint32_t)type << 5);
    if (low >= 24) {
        if (low == 24 && p != r->end && *p >= 24) {
            low = *p++;
        } else if (low == 25 && r->end - p >= 2 && *p != 0) {
            low = (uint32_t)p[0] << 8 | p[1];
            p += 2;
        } else {
            return false;
        }
    }
    if (type >= SELV_CBOR_BSTR && type <= SELV_CBOR_MAP) {
        size_t left = (size_t)(r->end - p);
        if (low > (type == SELV_CBOR_MAP ? left / 2 : left)) {
            return false;
        }
        p += type <= SELV_CBOR_TSTR ? low : 0;
    }
    r->p = p;
    *value = low;
    return true;
#endif
}

/* Heads of any length. */
uint32_t selv_cbor_pull_long(struct selv_cbor *r, enum selv_cbor_type type);
int32_t selv_cbor_pull_long_int(struct selv_cbor *r);
const uint8_t *selv_cbor_enter_long(struct selv_cbor *r);

inline uint32_t selv_cbor_pull(struct selv_cbor *r, enum selv_cbor_type type)
{
    uint32_t value;
    return selv_cbor_quick(r, type, &value) ? value
                                            : selv_cbor_pull_long(r, type);
}

inline int32_t selv_cbor_pull_int(struct selv_cbor *r)
{
    uint32_t value;
    return selv_cbor_quick(r, SELV_CBOR_UINT, &value)
               ? (int32_t)value
               : selv_cbor_pull_long_int(r);
}

inline const uint8_t *selv_cbor_enter(struct selv_cbor *r)
{
    const uint8_t *end = r->end;
    uint32_t len;
    if (!selv_cbor_quick(r, SELV_CBOR_BSTR, &len)) {
        return selv_cbor_enter_long(r);
    }
    r->end = r->p;
    r->p -= len;
    return end;
}

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
