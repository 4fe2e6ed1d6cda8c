/* SPDX-License-Identifier: Apache-2.0
 *
 * Random trees: decode(encode(x)) = x in both manners of reading, and the item
 * writes back equal; every truncation is refused; every
 * single bit flip is refused or is itself deterministic CBOR that writes back
 * equal. A failure prints the seed: test_cbor_property SEED reruns it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "test/unit/cbor_transcode.h"
#include "test/unit/hex.h"

enum { NODES_MAX = 200, TREES = 2000, BYTES_MAX = 8192 };

struct node {
    enum selv_cbor_type type;
    uint64_t value; /* number, tag, or simple */
    uint8_t string[40];
    size_t len;           /* of string, or number of children */
    struct node *child;   /* first child; a map's are key, value, ... */
    struct node *sibling; /* next child of the same parent */
};

static struct node nodes[NODES_MAX];
static size_t node_count;
static uint32_t random_state;
static uint32_t only_seed;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(random_state >> 4) * below >> 28);
}

static uint64_t draw_number(void)
{
    uint64_t value = (uint64_t)draw(1u << 16) << 48 |
                     (uint64_t)draw(1u << 24) << 24 | draw(1u << 24);

    return value >> draw(64);
}

static void scalar_fill(struct node *n, enum selv_cbor_type type)
{
    n->type = type;
    n->value = type == SELV_CBOR_SIMPLE ? 20 + draw(3) : draw_number();
    if (type == SELV_CBOR_NINT) {
        n->value &= INT32_MAX;
    }
    n->len = type == SELV_CBOR_BSTR || type == SELV_CBOR_TSTR
                 ? draw(sizeof(n->string) + 1)
                 : 0;
    for (size_t i = 0; i < n->len; i++) {
        n->string[i] =
            (uint8_t)(type == SELV_CBOR_TSTR ? 0x20 + draw(0x5f) : draw(256));
    }
}

static struct node *node_new(void)
{
    struct node *n = &nodes[node_count++];

    memset(n, 0, sizeof(*n));
    return n;
}

/* Keys are drawn in ascending order: integers first, then negative ones. */
static struct node *tree_draw(size_t depth)
{
    struct node *n = node_new();
    uint32_t type = draw(depth < SELV_CBOR_DEPTH_MAX ? 8 : 4);
    struct node **tail = &n->child;
    uint64_t key = 0;

    if (type < SELV_CBOR_ARRAY || type == SELV_CBOR_SIMPLE) {
        scalar_fill(n, (enum selv_cbor_type)type);
        return n;
    }
    n->type = (enum selv_cbor_type)type;
    n->value = draw_number();
    n->len = type == SELV_CBOR_TAG ? 1 : draw(5);
    for (size_t i = 0; i < n->len; i++) {
        if (node_count + 20 > NODES_MAX) {
            /* Full: end the tree here. */
            n->len = i;
            if (type == SELV_CBOR_TAG) {
                scalar_fill(n, SELV_CBOR_UINT);
            }
            break;
        }
        if (type == SELV_CBOR_MAP) {
            *tail = node_new();
            (*tail)->type = i < 3 ? SELV_CBOR_UINT : SELV_CBOR_NINT;
            key = i == 3 ? draw(400) : key + 1 + draw(400);
            (*tail)->value = key;
            tail = &(*tail)->sibling;
        }
        *tail = tree_draw(depth + 1);
        tail = &(*tail)->sibling;
    }
    return n;
}

static void tree_encode(const struct node *n, struct selv_cbor_writer *w)
{
    struct selv_bytes string = selv_bytes(n->string, n->len);

    switch (n->type) {
    case SELV_CBOR_UINT:
        selv_cbor_put_uint(w, n->value);
        break;
    case SELV_CBOR_NINT:
        selv_cbor_put_int(w, -1 - (int64_t)n->value);
        break;
    case SELV_CBOR_BSTR:
        selv_cbor_put_bstr(w, string);
        break;
    case SELV_CBOR_TSTR:
        selv_cbor_put_tstr(w, string);
        break;
    case SELV_CBOR_ARRAY:
        selv_cbor_put_array(w, n->len);
        break;
    case SELV_CBOR_MAP:
        selv_cbor_put_map(w, n->len);
        break;
    case SELV_CBOR_TAG:
        selv_cbor_put_tag(w, n->value);
        break;
    default:
        if (n->value == 22) {
            selv_cbor_put_null(w);
        } else {
            selv_cbor_put_bool(w, n->value == 21);
        }
        break;
    }
    for (const struct node *c = n->child; c != NULL; c = c->sibling) {
        tree_encode(c, w);
    }
}

static void tree_decode_equal(const struct node *n, struct selv_cbor *r)
{
    uint64_t value = n->value;
    uint32_t count = (uint32_t)n->len;
    int32_t negative = 0;
    bool flag = false;
    struct selv_bytes string = selv_bytes(n->string, n->len);
    enum selv_err err;

    assert_int_equal(selv_cbor_peek(r), n->type);
    switch (n->type) {
    case SELV_CBOR_UINT:
        err = selv_cbor_uint(r, &value);
        break;
    case SELV_CBOR_NINT:
        err = selv_cbor_int(r, &negative);
        value = (uint64_t)(-1 - (int64_t)negative);
        break;
    case SELV_CBOR_BSTR:
        err = selv_cbor_bstr(r, &string);
        break;
    case SELV_CBOR_TSTR:
        err = selv_cbor_tstr(r, &string);
        break;
    case SELV_CBOR_ARRAY:
        err = selv_cbor_array(r, &count);
        break;
    case SELV_CBOR_MAP:
        err = selv_cbor_map(r, &count);
        break;
    case SELV_CBOR_TAG:
        err = selv_cbor_tag(r, &value);
        break;
    default:
        if (n->value == 22) {
            err = selv_cbor_null(r);
        } else {
            err = selv_cbor_bool(r, &flag);
            value = flag ? 21 : 20;
        }
        break;
    }
    assert_int_equal(err, SELV_OK);
    assert_true(value == n->value);
    assert_int_equal(count, n->len);
    assert_true(selv_bytes_equal(string, selv_bytes(n->string, string.len)));
    for (const struct node *c = n->child; c != NULL; c = c->sibling) {
        tree_decode_equal(c, r);
    }
}

/* The same in the other manner: nothing is looked at but the values. */
static void tree_get_equal(const struct node *n, struct selv_cbor *r)
{
    struct selv_bytes string = selv_bytes(n->string, n->len);
    struct selv_bytes got = string;
    uint64_t value = n->value;
    size_t count = n->len;

    switch (n->type) {
    case SELV_CBOR_UINT:
        value = selv_cbor_get_uint(r);
        break;
    case SELV_CBOR_NINT:
        value = (uint64_t)(-1 - (int64_t)selv_cbor_get_int(r));
        break;
    case SELV_CBOR_BSTR:
        got = selv_cbor_get_bstr(r);
        break;
    case SELV_CBOR_TSTR:
        got = selv_cbor_get_tstr(r);
        break;
    case SELV_CBOR_ARRAY:
        count = selv_cbor_get_array(r);
        break;
    case SELV_CBOR_MAP:
        count = selv_cbor_get_map(r);
        break;
    case SELV_CBOR_TAG:
        value = selv_cbor_get_tag(r);
        break;
    default:
        if (n->value == 22) {
            selv_cbor_get_null(r);
        } else {
            value = selv_cbor_get_bool(r) ? 21 : 20;
        }
        break;
    }
    assert_true(value == n->value && count == n->len);
    assert_true(n->child != NULL || selv_bytes_equal(got, string));
    for (const struct node *c = n->child; c != NULL; c = c->sibling) {
        tree_get_equal(c, r);
    }
}

/* Skip must refuse it, or find an item that writes back equal. */
static bool is_refused_or_deterministic(struct selv_bytes in)
{
    static uint8_t out[BYTES_MAX];
    struct selv_cbor r;
    struct selv_bytes item;
    struct selv_bytes again;

    selv_cbor_init(&r, in);
    if (selv_cbor_skip(&r, &item) != SELV_OK) {
        return true;
    }
    return cbor_transcode(item, out, sizeof(out), &again) == SELV_OK &&
           selv_bytes_equal(again, item);
}

static void tree_check(uint32_t seed)
{
    static uint8_t bytes[BYTES_MAX];
    struct selv_cbor_writer w;
    struct selv_bytes whole;
    struct selv_cbor r;
    const struct node *tree;

    random_state = seed * 2654435761u + 1;
    node_count = 0;
    tree = tree_draw(0);
    selv_cbor_writer_init(&w, bytes, sizeof(bytes));
    tree_encode(tree, &w);
    assert_int_equal(selv_cbor_finish(&w, &whole), SELV_OK);

    selv_cbor_init(&r, whole);
    tree_decode_equal(tree, &r);
    assert_int_equal(selv_cbor_end(&r), SELV_OK);
    selv_cbor_init(&r, whole);
    tree_get_equal(tree, &r);
    selv_cbor_get_end(&r);
    assert_int_equal(r.err, SELV_OK);
    selv_cbor_init(&r, whole);
    assert_int_equal(selv_cbor_skip(&r, NULL), SELV_OK);
    assert_int_equal(selv_cbor_end(&r), SELV_OK);
    assert_true(is_refused_or_deterministic(whole));

    for (size_t len = 0; len < whole.len; len++) {
        selv_cbor_init(&r, selv_bytes(bytes, len));
        assert_int_not_equal(selv_cbor_skip(&r, NULL), SELV_OK);
        assert_ptr_equal(r.p, bytes);
    }
    for (size_t bit = 0; bit < whole.len * 8 && bit < 2048; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(is_refused_or_deterministic(whole));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* Items that no tree has: any head with any argument, floats among them. What
 * is accepted writes back equal. */
static void test_cbor_every_head(void **state)
{
    uint8_t in[12];
    size_t accepted = 0;

    (void)state;
    for (unsigned head = 0; head < 256; head++) {
        for (unsigned fill = 0; fill < 1024; fill++) {
            struct selv_cbor r;

            memset(in, (int)(fill & 0xff), sizeof(in));
            in[0] = (uint8_t)head;
            in[1 + (fill >> 8)] = (uint8_t)(fill * 7);
            selv_cbor_init(&r, selv_bytes(in, sizeof(in)));
            accepted += selv_cbor_skip(&r, NULL) == SELV_OK;
            assert_true(
                is_refused_or_deterministic(selv_bytes(in, sizeof(in))));
        }
    }
    assert_true(accepted > 100000);
}

static uint32_t current_seed;

static int seed_print(void **state)
{
    (void)state;
    if (current_seed != 0) {
        print_message("rerun with: test_cbor_property %u\n", current_seed);
    }
    return 0;
}

static void test_cbor_random_trees(void **state)
{
    uint32_t first = only_seed != 0 ? only_seed : 1;
    uint32_t last = only_seed != 0 ? only_seed : TREES;

    (void)state;
    for (current_seed = first; current_seed <= last; current_seed++) {
        tree_check(current_seed);
    }
    current_seed = 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_cbor_random_trees, seed_print),
        cmocka_unit_test(test_cbor_every_head),
    };

    if (argc > 1) {
        only_seed = (uint32_t)strtoul(argv[1], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
