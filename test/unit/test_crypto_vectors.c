/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's half against published answers: FIPS 180-4 and RFC 6979 here,
 * Wycheproof where SELVAGE_VECTORS names its folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/crypto.h"
#include "test/unit/hex.h"
#include "test/unit/wycheproof.h"

static void digest_of(const void *p, size_t len,
                      uint8_t digest[static SELV_SHA256_LEN])
{
    struct selv_sha256 h;

    selv_sha256_init(&h);
    selv_sha256_update(&h, p, len);
    selv_sha256_finish(&h, digest);
}

static void test_crypto_sha256_vectors(void **state)
{
    static const struct {
        const char *message;
        const char *digest;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb924"
             "27ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223"
                "b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039"
         "a33ce45964ff2167f6ecedd419db06c1"},
    };
    uint8_t want[SELV_SHA256_LEN];
    uint8_t got[SELV_SHA256_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        hex(rows[i].digest, want, sizeof(want));
        digest_of(rows[i].message, strlen(rows[i].message), got);
        assert_memory_equal(got, want, sizeof(want));
    }
}

/* A million times "a", given in pieces of every length up to 130. */
static void test_crypto_sha256_pieces(void **state)
{
    static const char a[130] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct selv_sha256 h;
    uint8_t want[SELV_SHA256_LEN];
    uint8_t got[SELV_SHA256_LEN];
    size_t left = 1000000;

    (void)state;
    selv_sha256_init(&h);
    for (size_t piece = 0; left > 0; piece = (piece + 1) % 131) {
        size_t len = piece < left ? piece : left;
        selv_sha256_update(&h, a, len);
        left -= len;
    }
    selv_sha256_finish(&h, got);
    hex("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
        want, sizeof(want));
    assert_memory_equal(got, want, sizeof(want));
    for (size_t i = 0; i < sizeof(h); i++) {
        assert_int_equal(((uint8_t *)&h)[i], 0);
    }
}

/* [RFC 6979 A.2.5] */
static const char rfc6979_d[] =
    "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
static const char rfc6979_xy[] =
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
static const struct {
    const char *message;
    const char *rs;
} rfc6979[] = {
    {"sample",
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {"test",
     "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
     "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
};

static void test_crypto_rfc6979_vectors(void **state)
{
    uint8_t d[SELV_P256_PRIVATE_LEN];
    uint8_t xy[SELV_P256_PUBLIC_LEN];
    uint8_t want[SELV_P256_SIGNATURE_LEN];
    uint8_t got[SELV_P256_SIGNATURE_LEN];
    uint8_t hash[SELV_SHA256_LEN];

    (void)state;
    hex(rfc6979_d, d, sizeof(d));
    hex(rfc6979_xy, want, sizeof(want));
    assert_int_equal(selv_p256_public(d, xy), SELV_OK);
    assert_memory_equal(xy, want, sizeof(xy));
    for (size_t i = 0; i < 2; i++) {
        hex(rfc6979[i].rs, want, sizeof(want));
        digest_of(rfc6979[i].message, strlen(rfc6979[i].message), hash);
        assert_int_equal(selv_p256_sign(d, hash, got), SELV_OK);
        assert_memory_equal(got, want, sizeof(got));
        assert_true(selv_is_good(selv_p256_verify(xy, hash, got)));
    }
}

static void test_crypto_private_key_limits(void **state)
{
    /* 0, the order n, and n - 1 [SEC 2 2.4.2] */
    static const char n[] =
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    uint8_t d[SELV_P256_PRIVATE_LEN] = {0};
    uint8_t xy[SELV_P256_PUBLIC_LEN];
    uint8_t signature[SELV_P256_SIGNATURE_LEN];
    uint8_t hash[SELV_SHA256_LEN] = {1};

    (void)state;
    assert_int_equal(selv_p256_public(d, xy), SELV_ERR_CRYPTO_KEY);
    assert_int_equal(selv_p256_sign(d, hash, signature), SELV_ERR_CRYPTO_KEY);
    hex(n, d, sizeof(d));
    assert_int_equal(selv_p256_public(d, xy), SELV_ERR_CRYPTO_KEY);
    d[31]--;
    assert_int_equal(selv_p256_public(d, xy), SELV_OK);
}

static void test_crypto_generate(void **state)
{
    uint8_t d[2][SELV_P256_PRIVATE_LEN];
    uint8_t xy[2][SELV_P256_PUBLIC_LEN];
    uint8_t again[SELV_P256_PUBLIC_LEN];
    uint8_t signature[SELV_P256_SIGNATURE_LEN];
    uint8_t hash[SELV_SHA256_LEN];

    (void)state;
    digest_of("x", 1, hash);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(selv_p256_generate(d[i], xy[i]), SELV_OK);
        assert_int_equal(selv_p256_public(d[i], again), SELV_OK);
        assert_memory_equal(again, xy[i], sizeof(again));
        assert_int_equal(selv_p256_sign(d[i], hash, signature), SELV_OK);
        assert_true(selv_is_good(selv_p256_verify(xy[i], hash, signature)));
    }
    assert_memory_not_equal(d[0], d[1], sizeof(d[0]));
    assert_false(selv_is_good(selv_p256_verify(xy[0], hash, signature)));
}

static void wycheproof_check(const struct wycheproof_case *c)
{
    uint8_t hash[SELV_SHA256_LEN];

    digest_of(c->message.p, c->message.len, hash);
    if (selv_is_good(selv_p256_verify(c->public_key, hash, c->signature)) !=
        c->valid) {
        fail_msg("Wycheproof test %d: want %s", c->id,
                 c->valid ? "valid" : "invalid");
    }
}

static void test_crypto_wycheproof_vectors(void **state)
{
    int count;

    (void)state;
    count = wycheproof_run(wycheproof_check);
    if (count == 0) {
        skip();
    }
    print_message("%d Wycheproof cases\n", count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crypto_sha256_vectors),
        cmocka_unit_test(test_crypto_sha256_pieces),
        cmocka_unit_test(test_crypto_rfc6979_vectors),
        cmocka_unit_test(test_crypto_private_key_limits),
        cmocka_unit_test(test_crypto_generate),
        cmocka_unit_test(test_crypto_wycheproof_vectors),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
