/* SPDX-License-Identifier: Apache-2.0
 *
 * The simulator's SHA-256 (sim/sha256_fast.c) is the crypto port's, for every
 * length and every way to cut a message into pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/crypto.h"

/* What the linker's --wrap calls the port's own. */
void __real_selv_sha256_init(struct selv_sha256 *h);
void __real_selv_sha256_update(struct selv_sha256 *h, const void *p,
                               size_t len);
void __real_selv_sha256_finish(struct selv_sha256 *h,
                               uint8_t digest[static SELV_SHA256_LEN]);

enum { LEN_MAX = 1024 };

static uint8_t message[LEN_MAX];

static int set_up(void **state)
{
    uint32_t random = 12345;
    (void)state;
    for (size_t i = 0; i < sizeof message; i++) {
        random = random * 1664525u + 1013904223u;
        message[i] = (uint8_t)(random >> 24);
    }
    return selv_crypto_init() == SELV_OK ? 0 : -1;
}

/* In pieces of piece bytes, each of them after one of nothing. */
static void hash_in_pieces(size_t len, size_t piece, uint8_t digest[static 32])
{
    struct selv_sha256 h;
    selv_sha256_init(&h);
    for (size_t at = 0; at < len; at += piece) {
        selv_sha256_update(&h, NULL, 0);
        selv_sha256_update(&h, message + at,
                           len - at < piece ? len - at : piece);
    }
    selv_sha256_finish(&h, digest);
    for (size_t i = 0; i < sizeof h / sizeof h.state[0]; i++) {
        assert_true(h.state[i] == 0);
    }
}

static void test_every_length(void **state)
{
    uint8_t expected[32], got[32];
    (void)state;
    for (size_t len = 0; len <= LEN_MAX; len++) {
        struct selv_sha256 h;
        __real_selv_sha256_init(&h);
        __real_selv_sha256_update(&h, message, len);
        __real_selv_sha256_finish(&h, expected);
        hash_in_pieces(len, LEN_MAX, got);
        assert_memory_equal(got, expected, 32);
    }
}

static void test_every_cut(void **state)
{
    static const size_t lens[] = {55, 56, 63, 64, 65, 119, 120, 128, 1000};
    uint8_t expected[32], got[32];
    (void)state;
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        hash_in_pieces(lens[i], LEN_MAX, expected);
        for (size_t piece = 1; piece <= lens[i]; piece++) {
            hash_in_pieces(lens[i], piece, got);
            assert_memory_equal(got, expected, 32);
        }
    }
}

/* FIPS 180-4's example of one block, by its published digest. */
static void test_known(void **state)
{
    static const uint8_t expected[32] = {
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
        0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
        0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    struct selv_sha256 h;
    uint8_t got[32];
    (void)state;
    selv_sha256_init(&h);
    selv_sha256_update(&h, "abc", 3);
    selv_sha256_finish(&h, got);
    assert_memory_equal(got, expected, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_known),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
