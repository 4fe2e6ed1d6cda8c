/* SPDX-License-Identifier: Apache-2.0
 *
 * Places for errors, and CBOR under construction. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/manifest_build_int.h"

/* ---- places, for errors -------------------------------------------------- */

struct place place_member(const struct place *up, const char *name)
{
    struct place at = {up, name, 0};
    return at;
}

struct place place_element(const struct place *up, size_t index)
{
    struct place at = {up, NULL, index};
    return at;
}

void place_print(const struct place *at, char *text, size_t cap)
{
    char above[SELV_ERROR_LEN / 4] = "";

    if (at == NULL) {
        snprintf(text, cap, "template");
        return;
    }
    place_print(at->up, above, sizeof(above));
    if (at->name == NULL) {
        snprintf(text, cap, "%s[%zu]", above, at->index);
    } else {
        snprintf(text, cap, "%s.%s", above, at->name);
    }
}

bool build_wrong(const struct build *b, const struct place *at,
                 const char *format, ...)
{
    char where[SELV_ERROR_LEN / 4];
    char what[SELV_ERROR_LEN / 2];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    place_print(at, where, sizeof(where));
    return selv_error_set(b->error, SELV_EXIT_REFUSED, "%s: %s", where, what);
}

bool build_no_memory(const struct build *b)
{
    return selv_error_set(b->error, SELV_EXIT_ENVIRONMENT, "out of memory");
}

bool build_members_check(const struct build *b, const struct place *at,
                         json_t *object, const char *const *names)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        const char *const *name = names;

        while (*name != NULL && strcmp(*name, key) != 0) {
            name++;
        }
        if (*name == NULL) {
            return build_wrong(b, at, "\"%s\" is not known here", key);
        }
    }
    return true;
}

/* ---- pieces -------------------------------------------------------------- */

bool piece_open(struct piece *piece, size_t cap)
{
    piece->buf.p = malloc(cap);
    piece->buf.cap = cap;
    piece->buf.len = 0;
    selv_cbor_writer_init(&piece->w, piece->buf.p, cap);
    return piece->buf.p != NULL;
}

void piece_close(struct piece *piece)
{
    free(piece->buf.p);
    piece->buf.p = NULL;
}

struct selv_bytes piece_bytes(const struct piece *piece)
{
    return selv_bytes(piece->buf.p, piece->w.len);
}

/* ---- maps ---------------------------------------------------------------- */

struct selv_cbor_writer *pairs_add(struct pairs *pairs)
{
    if (pairs->count == pairs->cap) {
        size_t cap = pairs->cap == 0 ? 8 : 2 * pairs->cap;
        struct piece *list = realloc(pairs->list, cap * sizeof(*list));

        if (list == NULL) {
            return NULL;
        }
        pairs->list = list;
        pairs->cap = cap;
    }
    if (!piece_open(&pairs->list[pairs->count], PIECE_CAP)) {
        return NULL;
    }
    return &pairs->list[pairs->count++].w;
}

/* Keys are whole items, none of which begins another: the order of the pairs
 * is that of their keys. */
static int piece_compare(const void *a, const void *b)
{
    const struct piece *left = a;
    const struct piece *right = b;
    size_t common = left->w.len < right->w.len ? left->w.len : right->w.len;
    int order = memcmp(left->buf.p, right->buf.p, common);

    return order != 0
               ? order
               : (left->w.len > right->w.len) - (left->w.len < right->w.len);
}

bool pairs_put(const struct build *b, const struct place *at,
               struct pairs *pairs, struct selv_cbor_writer *w)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (pairs->list[i].w.err != SELV_OK) {
            return build_wrong(b, at, "%s", selv_err_str(pairs->list[i].w.err));
        }
    }
    if (pairs->count > 1) {
        qsort(pairs->list, pairs->count, sizeof(*pairs->list), piece_compare);
    }
    selv_cbor_put_map(w, pairs->count);
    for (size_t i = 0; i < pairs->count; i++) {
        selv_cbor_put_raw(w, piece_bytes(&pairs->list[i]));
    }
    return w->err == SELV_OK || build_wrong(b, at, "%s", selv_err_str(w->err));
}

void pairs_close(struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        piece_close(&pairs->list[i]);
    }
    free(pairs->list);
    memset(pairs, 0, sizeof(*pairs));
}

bool pairs_members_add(const struct build *b, const struct place *at,
                       json_t *object, build_pair_fn *pair, struct pairs *pairs)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        struct place here = place_member(at, key);
        struct selv_cbor_writer *w = pairs_add(pairs);

        if (w == NULL) {
            return build_no_memory(b);
        }
        if (!pair(b, &here, key, value, w)) {
            return false;
        }
    }
    return true;
}
