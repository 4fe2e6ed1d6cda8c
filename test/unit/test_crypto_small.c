/* SPDX-License-Identifier: Apache-2.0
 *
 * The bootloader's SHA-256 (its functions under small_ names): the examples of
 * the standard, and what Mbed TLS makes of the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "test/unit/hex.h"

void small_selv_sha256_init(struct selv_sha256 *h);
void small_selv_sha256_update(struct selv_sha256 *h, const void *p, size_t len);
void small_selv_sha256_finish(struct selv_sha256 *h,
                              uint8_t digest[static SELV_SHA256_LEN]);

/* In pieces of that many bytes. */
static void small_digest(const uint8_t *p, size_t len, size_t piece,
                         uint8_t digest[static SELV_SHA256_LEN])
{
    struct selv_sha256 h;
    small_selv_sha256_init(&h);
    while (len > 0) {
        size_t n = len < piece ? len : piece;
        small_selv_sha256_update(&h, p, n);
        p += n;
        len -= n;
    }
    small_selv_sha256_finish(&h, digest);
    for (size_t i = 0; i < sizeof h; i++) {
        assert_int_equal(((uint8_t *)&h)[i], 0);
    }
}

static void host_digest(const uint8_t *p, size_t len,
                        uint8_t digest[static SELV_SHA256_LEN])
{
    struct selv_sha256 h;
    selv_sha256_init(&h);
    selv_sha256_update(&h, p, len);
    selv_sha256_finish(&h, digest);
}

/* [FIPS 180-4], the examples that NIST publishes with it. */
static void test_crypto_small_standard_examples(void **state)
{
    static const struct {
        const char *message;
        size_t times;
        const char *digest;
    } cases[] = {
        {"", 1,
         "e3b0c44298fc1c149afbf4c8996fb924"
         "27ae41e4649b934ca495991b7852b855"},
        {"abc", 1,
         "ba7816bf8f01cfea414140de5dae2223"
         "b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039"
         "a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
         "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
         1,
         "cf5b16a778af8380036ce59e7b049237"
         "0b249b11e8f07a51afac45037afee9d1"},
        {"aaaaaaaaaa", 100000,
         "cdc76e5c9914fb9281a1c7e284d73e67"
         "f1809a48a497200e046d39ccc7112cd0"},
    };
    uint8_t want[SELV_SHA256_LEN], got[SELV_SHA256_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct selv_sha256 h;
        small_selv_sha256_init(&h);
        for (size_t j = 0; j < cases[i].times; j++) {
            small_selv_sha256_update(&h, cases[i].message,
                                     strlen(cases[i].message));
        }
        small_selv_sha256_finish(&h, got);
        assert_int_equal(hex(cases[i].digest, want, sizeof want).len, 32);
        assert_memory_equal(got, want, sizeof want);
    }
}

/* Every length around three blocks, in pieces of many sizes. */
static void test_crypto_small_lengths_and_pieces(void **state)
{
    uint8_t message[200], host[SELV_SHA256_LEN], small[SELV_SHA256_LEN];

    (void)state;
    for (size_t len = 0; len <= sizeof message; len++) {
        for (size_t i = 0; i < len; i++) {
            message[i] = (uint8_t)(rand() >> 7);
        }
        host_digest(message, len, host);
        for (size_t piece = 1; piece <= 130; piece += 1 + piece / 8) {
            small_digest(message, len, piece, small);
            assert_memory_equal(host, small, sizeof host);
        }
    }
}

/* NIST's Monte Carlo test (SHAVS 6.4): each digest is of the three before. */
static void test_crypto_small_monte_carlo(void **state)
{
    uint8_t host[4][SELV_SHA256_LEN], small[4][SELV_SHA256_LEN];
    uint8_t seed[SELV_SHA256_LEN];

    (void)state;
    memset(seed, 0x5a, sizeof seed);
    for (int checkpoint = 0; checkpoint < 20; checkpoint++) {
        for (int i = 0; i < 3; i++) {
            memcpy(host[i], seed, sizeof seed);
            memcpy(small[i], seed, sizeof seed);
        }
        for (int i = 0; i < 1000; i++) {
            host_digest(host[0], 3 * SELV_SHA256_LEN, host[3]);
            small_digest(small[0], 3 * SELV_SHA256_LEN, 96, small[3]);
            memmove(host[0], host[1], 3 * SELV_SHA256_LEN);
            memmove(small[0], small[1], 3 * SELV_SHA256_LEN);
        }
        assert_memory_equal(host[2], small[2], SELV_SHA256_LEN);
        memcpy(seed, small[2], sizeof seed);
    }
}

/* A length whose bits do not fit 32 bits: 512 MiB of zeros and one more byte.
 */
static void test_crypto_small_long_message(void **state)
{
    static const uint8_t zeros[1u << 16];
    struct selv_sha256 h, small;
    uint8_t want[SELV_SHA256_LEN], got[SELV_SHA256_LEN];

    (void)state;
    if (getenv("SELVAGE_LONG") == NULL) {
        print_message("skip: takes ten seconds; set SELVAGE_LONG\n");
        skip();
    }
    selv_sha256_init(&h);
    small_selv_sha256_init(&small);
    for (unsigned i = 0; i < 8192; i++) {
        selv_sha256_update(&h, zeros, sizeof zeros);
        small_selv_sha256_update(&small, zeros, sizeof zeros);
    }
    selv_sha256_update(&h, zeros, 1);
    small_selv_sha256_update(&small, zeros, 1);
    selv_sha256_finish(&h, want);
    small_selv_sha256_finish(&small, got);
    assert_memory_equal(want, got, sizeof want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crypto_small_standard_examples),
        cmocka_unit_test(test_crypto_small_lengths_and_pieces),
        cmocka_unit_test(test_crypto_small_monte_carlo),
        cmocka_unit_test(test_crypto_small_long_message),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
