/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's half and the board's half of the crypto port in one program (the
 * board's under board_ names): they must agree on every input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/crypto.h"
#include "test/unit/wycheproof.h"

enum selv_verdict
board_selv_p256_verify(const uint8_t public_key[static SELV_P256_PUBLIC_LEN],
                       const uint8_t hash[static SELV_SHA256_LEN],
                       const uint8_t signature[static SELV_P256_SIGNATURE_LEN]);
void board_selv_sha256_init(struct selv_sha256 *h);
void board_selv_sha256_update(struct selv_sha256 *h, const void *p, size_t len);
void board_selv_sha256_finish(struct selv_sha256 *h,
                              uint8_t digest[static SELV_SHA256_LEN]);

static void board_digest(const void *p, size_t len,
                         uint8_t digest[static SELV_SHA256_LEN])
{
    struct selv_sha256 h;

    board_selv_sha256_init(&h);
    board_selv_sha256_update(&h, p, len);
    board_selv_sha256_finish(&h, digest);
}

static void host_digest(const void *p, size_t len,
                        uint8_t digest[static SELV_SHA256_LEN])
{
    struct selv_sha256 h;

    selv_sha256_init(&h);
    selv_sha256_update(&h, p, len);
    selv_sha256_finish(&h, digest);
}

static void test_crypto_peers_hash_equal(void **state)
{
    uint8_t message[300];
    uint8_t host[SELV_SHA256_LEN];
    uint8_t board[SELV_SHA256_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(message); i++) {
        message[i] = (uint8_t)(i * 37 + 11);
        host_digest(message, i, host);
        board_digest(message, i, board);
        assert_memory_equal(host, board, sizeof(host));
    }
}

/* Twenty random keys: what the host signs the board verifies; with each bit of
 * key, hash and signature flipped (a sample of them) both refuse. */
static void test_crypto_peers_verify_equal(void **state)
{
    uint8_t d[SELV_P256_PRIVATE_LEN];
    uint8_t
        all[SELV_P256_PUBLIC_LEN + SELV_SHA256_LEN + SELV_P256_SIGNATURE_LEN];
    uint8_t *xy = all;
    uint8_t *hash = xy + SELV_P256_PUBLIC_LEN;
    uint8_t *signature = hash + SELV_SHA256_LEN;

    (void)state;
    for (size_t key = 0; key < 20; key++) {
        assert_int_equal(selv_p256_generate(d, xy), SELV_OK);
        host_digest(xy, 64, hash);
        assert_int_equal(selv_p256_sign(d, hash, signature), SELV_OK);
        assert_true(selv_is_good(selv_p256_verify(xy, hash, signature)));
        assert_true(selv_is_good(board_selv_p256_verify(xy, hash, signature)));
        for (size_t bit = key; bit < sizeof(all) * 8; bit += 67) {
            all[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_false(selv_is_good(selv_p256_verify(xy, hash, signature)));
            assert_false(
                selv_is_good(board_selv_p256_verify(xy, hash, signature)));
            all[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

/* Keys and signatures made of nothing. */
static void test_crypto_peers_refuse_edges(void **state)
{
    static const uint8_t fills[] = {0x00, 0xff};
    uint8_t d[SELV_P256_PRIVATE_LEN];
    uint8_t xy[SELV_P256_PUBLIC_LEN];
    uint8_t bad[SELV_P256_PUBLIC_LEN];
    uint8_t signature[SELV_P256_SIGNATURE_LEN];
    uint8_t hash[SELV_SHA256_LEN] = {0};

    (void)state;
    assert_int_equal(selv_p256_generate(d, xy), SELV_OK);
    assert_int_equal(selv_p256_sign(d, hash, signature), SELV_OK);
    for (size_t i = 0; i < sizeof(fills); i++) {
        memset(bad, fills[i], sizeof(bad));
        assert_false(selv_is_good(selv_p256_verify(bad, hash, signature)));
        assert_false(
            selv_is_good(board_selv_p256_verify(bad, hash, signature)));
        assert_false(selv_is_good(selv_p256_verify(xy, hash, bad)));
        assert_false(selv_is_good(board_selv_p256_verify(xy, hash, bad)));
        memcpy(bad, signature, 32); /* r good, s 0 or all ones */
        assert_false(selv_is_good(selv_p256_verify(xy, hash, bad)));
        assert_false(selv_is_good(board_selv_p256_verify(xy, hash, bad)));
    }
}

static void wycheproof_check(const struct wycheproof_case *c)
{
    uint8_t hash[SELV_SHA256_LEN];
    bool good;

    board_digest(c->message.p, c->message.len, hash);
    good =
        selv_is_good(board_selv_p256_verify(c->public_key, hash, c->signature));
    if (good != c->valid) {
        fail_msg("Wycheproof test %d: want %s", c->id,
                 c->valid ? "valid" : "invalid");
    }
}

static void test_crypto_peers_wycheproof_vectors(void **state)
{
    (void)state;
    if (wycheproof_run(wycheproof_check) == 0) {
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crypto_peers_hash_equal),
        cmocka_unit_test(test_crypto_peers_verify_equal),
        cmocka_unit_test(test_crypto_peers_refuse_edges),
        cmocka_unit_test(test_crypto_peers_wycheproof_vectors),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
