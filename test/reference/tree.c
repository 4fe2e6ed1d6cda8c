/* SPDX-License-Identifier: Apache-2.0 */
#include "test/reference/tree.h"

#include <stdlib.h>

/* ---- memory ------------------------------------------------------------- */

struct arena_block {
    struct arena_block *next;
    max_align_t bytes[];
};

static void *must(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "no memory\n");
        abort();
    }
    return p;
}

void *arena_take(struct arena *a, size_t len)
{
    struct arena_block *block = must(calloc(1, sizeof *block + len));
    block->next = a->first;
    a->first = block;
    return block->bytes;
}

void arena_free(struct arena *a)
{
    while (a->first != NULL) {
        struct arena_block *next = a->first->next;
        free(a->first);
        a->first = next;
    }
}

void grown_add(struct grown *g, const void *p, size_t len)
{
    if (len == 0) {
        return;
    }
    if (g->len + len > g->cap) {
        g->cap = 2 * (g->len + len);
        g->p = must(realloc(g->p, g->cap));
    }
    memcpy(g->p + g->len, p, len);
    g->len += len;
}

/* ---- writing ------------------------------------------------------------ */

void put_head(struct grown *g, enum cbor_major major, uint64_t value)
{
    uint8_t head[9];
    unsigned more = 0; /* bytes behind the first */
    if (value < 24) {
        head[0] = (uint8_t)value;
    } else {
        uint8_t info = 24;
        for (more = 1; more < 8 && value >> (8 * more) != 0; more *= 2) {
            info++;
        }
        head[0] = info;
    }
    head[0] |= (uint8_t)(major << 5);
    for (unsigned i = 0; i < more; i++) {
        head[1 + i] = (uint8_t)(value >> (8 * (more - 1 - i)));
    }
    grown_add(g, head, 1 + more);
}

void put_int(struct grown *g, int64_t v)
{
    if (v >= 0) {
        put_head(g, CBOR_UINT, (uint64_t)v);
    } else {
        put_head(g, CBOR_NEGATIVE, (uint64_t)(-1 - v));
    }
}

void put_bstr(struct grown *g, const void *p, size_t len)
{
    put_head(g, CBOR_BSTR, len);
    grown_add(g, p, len);
}

void put_tstr(struct grown *g, const char *text)
{
    put_head(g, CBOR_TSTR, strlen(text));
    grown_add(g, text, strlen(text));
}

void put_simple(struct grown *g, unsigned value)
{
    put_head(g, CBOR_SIMPLE, value);
}

/* ---- reading ------------------------------------------------------------ */

/* What is left to read, and the first error. */
struct source {
    struct arena *arena;
    struct selv_bytes rest;
    enum selv_err err;
};

static bool take(struct source *s, size_t len, struct selv_bytes *out)
{
    if (len > s->rest.len) {
        s->err = SELV_ERR_CBOR_END;
        return false;
    }
    *out = selv_bytes(s->rest.p, len);
    s->rest = selv_bytes(s->rest.p + len, s->rest.len - len);
    return true;
}

static bool take_head(struct source *s, struct tree *t)
{
    struct selv_bytes b;
    if (!take(s, 1, &b)) {
        return false;
    }
    unsigned info = b.p[0] & 0x1fu;
    t->major = (enum cbor_major)(b.p[0] >> 5);
    t->value = info;
    if (info < 24) {
        return true;
    }
    if (info > 27) {
        s->err = info == 31 ? SELV_ERR_CBOR_INDEFINITE : SELV_ERR_CBOR_RESERVED;
        return false;
    }
    size_t more = (size_t)1 << (info - 24);
    if (!take(s, more, &b)) {
        return false;
    }
    t->value = 0;
    for (size_t i = 0; i < more; i++) {
        t->value = t->value << 8 | b.p[i];
    }
    uint64_t least = more == 1 ? 24 : (uint64_t)1 << (4 * more);
    if (t->major != CBOR_SIMPLE && t->value < least) {
        s->err = SELV_ERR_CBOR_NONMINIMAL;
        return false;
    }
    return true;
}

static struct tree *take_item(struct source *s)
{
    struct tree *t = arena_take(s->arena, sizeof *t);
    const uint8_t *start = s->rest.p;
    if (!take_head(s, t)) {
        return NULL;
    }
    if (t->major == CBOR_BSTR || t->major == CBOR_TSTR) {
        if (t->value > s->rest.len) {
            s->err = SELV_ERR_CBOR_END;
            return NULL;
        }
        (void)take(s, (size_t)t->value, &t->bytes);
    }
    if (t->major == CBOR_ARRAY || t->major == CBOR_MAP ||
        t->major == CBOR_TAG) {
        uint64_t count = t->major == CBOR_TAG ? 1 : t->value;
        if (count > s->rest.len) { /* each item takes a byte at least */
            s->err = SELV_ERR_CBOR_END;
            return NULL;
        }
        t->item_count = (size_t)count * (t->major == CBOR_MAP ? 2 : 1);
        t->items = arena_take(s->arena, t->item_count * sizeof *t->items);
        for (size_t i = 0; i < t->item_count; i++) {
            t->items[i] = take_item(s);
            if (t->items[i] == NULL) {
                return NULL;
            }
        }
    }
    t->whole = selv_bytes(start, (size_t)(s->rest.p - start));
    return t;
}

struct tree *tree_read(struct arena *a, struct selv_bytes in,
                       enum selv_err *err)
{
    struct source s = {a, in, SELV_OK};
    struct tree *t = take_item(&s);
    if (t != NULL && s.rest.len != 0) {
        s.err = SELV_ERR_CBOR_TRAILING;
    }
    *err = s.err;
    return t;
}

bool tree_is(const struct tree *t, enum cbor_major major)
{
    return t->major == major;
}

bool tree_is_simple(const struct tree *t, unsigned value)
{
    return t->major == CBOR_SIMPLE && t->value == value;
}

bool tree_int(const struct tree *t, int64_t *v)
{
    if (t->major > CBOR_NEGATIVE || t->value > INT64_MAX) {
        return false;
    }
    *v = t->major == CBOR_UINT ? (int64_t)t->value : -1 - (int64_t)t->value;
    return true;
}

const struct tree *tree_find(const struct tree *map, int64_t key)
{
    for (size_t i = 0; i < map->item_count; i += 2) {
        int64_t v;
        if (tree_int(map->items[i], &v) && v == key) {
            return map->items[i + 1];
        }
    }
    return NULL;
}

/* Bytewise lexicographic order of the encoded keys. */
static int key_compare(struct selv_bytes a, struct selv_bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.p, b.p, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

enum selv_err tree_order(const struct tree *map, size_t *at)
{
    for (size_t i = 2; i < map->item_count; i += 2) {
        int order = key_compare(map->items[i - 2]->whole, map->items[i]->whole);
        *at = i;
        if (order == 0) {
            return SELV_ERR_CBOR_DUPLICATE;
        }
        if (order > 0) {
            return SELV_ERR_CBOR_ORDER;
        }
    }
    return SELV_OK;
}

enum selv_err tree_orders(const struct tree *t)
{
    size_t at;
    enum selv_err err = t->major == CBOR_MAP ? tree_order(t, &at) : SELV_OK;
    for (size_t i = 0; i < t->item_count && err == SELV_OK; i++) {
        err = tree_orders(t->items[i]);
    }
    return err;
}

bool is_utf8(struct selv_bytes text)
{
    size_t i = 0;
    while (i < text.len) {
        uint8_t first = text.p[i++];
        unsigned more = first < 0x80   ? 0
                        : first < 0xc2 ? 9
                        : first < 0xe0 ? 1
                        : first < 0xf0 ? 2
                        : first < 0xf5 ? 3
                                       : 9;
        if (more > text.len - i) {
            return false;
        }
        uint32_t c = more == 0 ? first : first & (0x3fu >> more);
        for (; more > 0; more--) {
            if ((text.p[i] & 0xc0) != 0x80) {
                return false;
            }
            c = c << 6 | (text.p[i++] & 0x3fu);
        }
        bool is_long =
            (first >= 0xe0 && c < 0x800) || (first >= 0xf0 && c < 0x10000);
        if (is_long || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
            return false;
        }
    }
    return true;
}

void tree_write(struct grown *g, const struct tree *t)
{
    put_head(g, t->major, t->value);
    grown_add(g, t->bytes.p, t->bytes.len);
    for (size_t i = 0; i < t->item_count; i++) {
        tree_write(g, t->items[i]);
    }
}

/* ---- printing ----------------------------------------------------------- */

#define BYTES_SHOWN 16u /* of longer strings only a few */

static void print_bstr(FILE *f, const struct tree *t)
{
    struct arena a = {NULL};
    enum selv_err err;
    struct tree *in = tree_read(&a, t->bytes, &err);
    if (err == SELV_OK && (in->major == CBOR_ARRAY || in->major == CBOR_MAP)) {
        fprintf(f, "<<");
        tree_print(f, in);
        fprintf(f, ">>");
    } else {
        size_t shown = t->bytes.len < BYTES_SHOWN ? t->bytes.len : 4;
        fprintf(f, "h'");
        for (size_t i = 0; i < shown; i++) {
            fprintf(f, "%02x", t->bytes.p[i]);
        }
        fprintf(f, shown < t->bytes.len ? "...'" : "'");
    }
    arena_free(&a);
}

void tree_print(FILE *f, const struct tree *t)
{
    unsigned long long v = t->value;
    switch (t->major) {
    case CBOR_UINT:
        fprintf(f, "%llu", v);
        break;
    case CBOR_NEGATIVE:
        fprintf(f, "-%llu", v + 1);
        break;
    case CBOR_BSTR:
        print_bstr(f, t);
        break;
    case CBOR_TSTR:
        fprintf(f, "\"%.*s\"", (int)t->bytes.len, (const char *)t->bytes.p);
        break;
    case CBOR_TAG:
        fprintf(f, "%llu(", v);
        tree_print(f, t->items[0]);
        fprintf(f, ")");
        break;
    case CBOR_ARRAY:
    case CBOR_MAP:
        fprintf(f, t->major == CBOR_ARRAY ? "[" : "{");
        for (size_t i = 0; i < t->item_count; i++) {
            bool is_value = t->major == CBOR_MAP && i % 2 == 1;
            fprintf(f, "%s", i == 0 ? "" : is_value ? ": " : ", ");
            tree_print(f, t->items[i]);
        }
        fprintf(f, t->major == CBOR_ARRAY ? "]" : "}");
        break;
    case CBOR_SIMPLE:
        fprintf(f, "%s",
                v == CBOR_TRUE    ? "true"
                : v == CBOR_FALSE ? "false"
                : v == CBOR_NULL  ? "null"
                                  : "simple");
        break;
    }
}
