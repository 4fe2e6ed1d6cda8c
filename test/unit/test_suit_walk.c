/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over a command sequence: what it gives, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "suit/walk.h"
#include "test/unit/suit_maker.h"

static struct maker_bytes sequence;

/* The walk in words: "code@depth", "(n" and ")n" around alternative n, "nil".
 * A first command has a dot. An error ends it: its name and the offset. */
static const char *walk(const char *text)
{
    static char out[1024];
    struct selv_suit_walk w;
    struct selv_suit_walk_item item;
    int len = 0;
    out[0] = '\0';
    maker_encode(text, &sequence);
    enum selv_err err =
        selv_suit_walk_init(&w, selv_bytes(sequence.p, sequence.len));
    while (err == SELV_OK) {
        err = selv_suit_walk_next(&w, &item);
        if (err != SELV_OK || item.kind == SELV_SUIT_WALK_END) {
            break;
        }
        size_t room = sizeof out - (size_t)len;
        if (item.kind == SELV_SUIT_WALK_COMMAND) {
            len += snprintf(out + len, room, "%s%d/%zu@%u ",
                            item.is_first ? "." : "", (int)item.code,
                            item.argument.len, item.depth);
        } else if (item.kind == SELV_SUIT_WALK_LEAVE) {
            len += snprintf(out + len, room, ")%u ", item.alternative);
        } else {
            len += snprintf(out + len, room, "%s%u ", item.is_nil ? "nil" : "(",
                            item.alternative);
        }
    }
    if (err != SELV_OK) {
        (void)snprintf(out + len, sizeof out - (size_t)len, "%s at %zu in %d",
                       selv_err_name(err), (size_t)(w.at - sequence.p),
                       (int)w.code);
    }
    return out;
}

static void test_suit_walk_order(void **state)
{
    (void)state;
    static const struct {
        const char *text, *walk;
    } cases[] = {
        {"[1, 15]", ".1/1@0 "},
        {"[1, 15, -300, {1: [2]}, 20, {5: 1}]", ".1/1@0 -300/4@0 20/3@0 "},
        {"[15, [<<[1, 2, 3, 4]>>, <<[5, 6]>>], 7, 8]",
         ".15/11@0 (0 .1/1@1 3/1@1 )0 (1 .5/1@1 )1 7/1@0 "},
        {"[15, [<<[1, 2]>>, <<[1, 2]>>, null]]",
         ".15/10@0 (0 .1/1@1 )0 (1 .1/1@1 )1 nil2 "},
        {"[32, <<[32, <<[1, 2]>>, 3, 4]>>, 5, 6]",
         ".32/10@0 (0 .32/4@1 (0 .1/1@2 )0 3/1@1 )0 5/1@0 "},
        {"[15, [<<[32, <<[1, 2]>>]>>, <<[3, 4]>>]]",
         ".15/13@0 (0 .32/4@1 (0 .1/1@2 )0 )0 (1 .3/1@1 )1 "},
        {"[32, 5]", ".32/1@0 SELV_ERR_SUIT_ARGUMENT at 3 in 32"},
        {"[32, null]", ".32/1@0 SELV_ERR_SUIT_ARGUMENT at 3 in 32"},
        {"[3, 1, 15, 5]", ".3/1@0 SELV_ERR_SUIT_ARGUMENT at 4 in 15"},
        {"[15, [<<[1, 2]>>, 5]]",
         ".15/6@0 (0 .1/1@1 )0 SELV_ERR_SUIT_ARGUMENT at 7 in 15"},
        {"[15, [<<[1, 2]>>, null]]",
         ".15/6@0 (0 .1/1@1 )0 SELV_ERR_SUIT_EMPTY at 7 in 15"},
        {"[]", "SELV_ERR_SUIT_EMPTY at 0 in 0"},
        {"[1]", "SELV_ERR_SUIT_ARGUMENT at 0 in 0"},
        {"{1: 2}", "SELV_ERR_CBOR_TYPE at 0 in 0"},
        {"[1, {2: 1, 1: 1}]", "SELV_ERR_CBOR_ORDER at 2 in 1"},
        {"raw'82010200'", ".1/1@0 SELV_ERR_CBOR_TRAILING at 3 in 0"},
        {"raw'84010203'", "SELV_ERR_CBOR_END at 0 in 0"},
        {"raw'82011801'", "SELV_ERR_CBOR_NONMINIMAL at 2 in 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(walk(cases[i].text), cases[i].walk);
    }
}

static void test_suit_walk_again_and_leave(void **state)
{
    (void)state;
    struct selv_suit_walk w;
    struct selv_suit_walk_item item;
    maker_encode("[15, [<<[1, 2, 3, 4]>>, <<[5, 6]>>], 7, 8]", &sequence);
    assert_int_equal(
        selv_suit_walk_init(&w, selv_bytes(sequence.p, sequence.len)), SELV_OK);
    assert_int_equal(selv_suit_walk_next(&w, &item), SELV_OK);
    selv_suit_walk_again(&w);
    assert_int_equal(selv_suit_walk_next(&w, &item), SELV_OK);
    assert_int_equal(item.code, 15);
    assert_int_equal(selv_suit_walk_next(&w, &item), SELV_OK);
    assert_int_equal(item.kind, SELV_SUIT_WALK_ENTER);
    assert_int_equal(selv_suit_walk_next(&w, &item), SELV_OK);
    assert_int_equal(item.code, 1);
    selv_suit_walk_leave(&w); /* what is left of it is passed over */
    assert_int_equal(selv_suit_walk_next(&w, &item), SELV_OK);
    assert_int_equal(item.kind, SELV_SUIT_WALK_ENTER);
    assert_int_equal(item.alternative, 1);
    selv_suit_walk_leave(&w);
    selv_suit_walk_again(&w); /* the try-each as a whole */
    assert_int_equal(selv_suit_walk_next(&w, &item), SELV_OK);
    assert_int_equal(item.code, 15);
    selv_suit_walk_pass(&w);
    assert_int_equal(selv_suit_walk_next(&w, &item), SELV_OK);
    assert_int_equal(item.code, 7);
    assert_int_equal(selv_suit_walk_next(&w, &item), SELV_OK);
    assert_int_equal(item.kind, SELV_SUIT_WALK_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suit_walk_order),
        cmocka_unit_test(test_suit_walk_again_and_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
