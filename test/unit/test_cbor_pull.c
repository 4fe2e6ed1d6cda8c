/* SPDX-License-Identifier: Apache-2.0
 *
 * Short heads are read in place where speed counts, and by the long way where
 * size does: both must give the same for every input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cbor/cbor.h"

/* A string of 65,535 bytes fits behind a head of three. */
#define ROOM 65538u

static uint8_t bytes[ROOM];

static void same(struct selv_cbor *a, struct selv_cbor *b, uint32_t x,
                 uint32_t y, const char *what, unsigned type)
{
    if (x != y || a->p != b->p || a->err != b->err || a->end != b->end) {
        fail_msg("%s type %u of %02x %02x %02x, %td bytes: %u %s, not %u %s",
                 what, type, bytes[0], bytes[1], bytes[2], b->end - bytes, x,
                 selv_err_name(a->err), y, selv_err_name(b->err));
    }
}

/* Every reader on the first len bytes. */
static void compare(size_t len)
{
    for (unsigned type = SELV_CBOR_UINT; type <= SELV_CBOR_NONE; type++) {
        struct selv_cbor a = {bytes, bytes + len, SELV_OK};
        struct selv_cbor b = a;
        uint32_t x = selv_cbor_pull(&a, (enum selv_cbor_type)type);
        uint32_t y = selv_cbor_pull_long(&b, (enum selv_cbor_type)type);
        same(&a, &b, x, y, "pull", type);
    }
    struct selv_cbor a = {bytes, bytes + len, SELV_OK};
    struct selv_cbor b = a;
    uint32_t x = (uint32_t)selv_cbor_pull_int(&a);
    uint32_t y = (uint32_t)selv_cbor_pull_long_int(&b);
    same(&a, &b, x, y, "pull_int", 0);
}

static void test_cbor_pull_both_ways(void **state)
{
    static const uint8_t thirds[] = {0, 1, 23, 24, 255};
    static const size_t lens[] = {0,   1,   2,    3,    4,        23,
                                  24,  25,  26,   49,   50,       257,
                                  258, 259, 1026, 1027, ROOM - 1, ROOM};
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            for (size_t i = 0; i < sizeof thirds; i++) {
                bytes[0] = (uint8_t)first;
                bytes[1] = (uint8_t)second;
                bytes[2] = thirds[i];
                for (size_t k = 0; k < sizeof lens / sizeof lens[0]; k++) {
                    compare(lens[k]);
                }
            }
        }
    }
}

/* An error that was kept is the answer of both. */
static void test_cbor_pull_keeps_the_first_error(void **state)
{
    struct selv_cbor r = {bytes, bytes + 4, SELV_ERR_SUIT_KEY};
    (void)state;
    bytes[0] = 1;
    assert_int_equal(selv_cbor_pull(&r, SELV_CBOR_UINT), 0);
    assert_int_equal(selv_cbor_pull_int(&r), 0);
    assert_int_equal(r.err, SELV_ERR_SUIT_KEY);
    assert_ptr_equal(r.p, bytes);
    selv_cbor_pass(&r);
    assert_ptr_equal(selv_cbor_enter(&r), bytes + 4);
    assert_ptr_equal(r.p, bytes);
    assert_ptr_equal(r.end, bytes + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cbor_pull_both_ways),
        cmocka_unit_test(test_cbor_pull_keeps_the_first_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
