/* SPDX-License-Identifier: Apache-2.0
 *
 * COSE_Mac0 and symmetric COSE_Keys: round trips, what is refused and why, and
 * that no changed bit, byte or key passes. HMAC after [RFC 4231]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cbor/cbor.h"
#include "cose/cose.h"
#include "test/unit/hex.h"

static const uint8_t payload_bytes[] = {0x82, 0x2f, 0x58, 0x20, 1, 2, 3, 4};
static struct selv_bytes payload;
static struct selv_cose_key secret;
static struct selv_cose_key stranger;
static struct selv_cose_key author; /* P-256 */
static uint8_t author_d[SELV_P256_PRIVATE_LEN];

static int keys_make(void **state)
{
    (void)state;
    payload = selv_bytes(payload_bytes, sizeof(payload_bytes));
    secret.method = &selv_cose_hmac256;
    memset(secret.secret, 0x11, sizeof(secret.secret));
    memcpy(secret.kid, "secret", 6);
    secret.kid_len = 6;
    stranger.method = &selv_cose_hmac256;
    memset(stranger.secret, 0x12, sizeof(stranger.secret));
    memset(author_d, 0x13, sizeof(author_d));
    author.method = &selv_cose_es256;
    return selv_p256_public(author_d, author.public_key) == SELV_OK ? 0 : -1;
}

static enum selv_err verify(struct selv_bytes block,
                            const struct selv_cose_key *key)
{
    enum selv_err why = SELV_ERR_STATE;
    enum selv_verdict verdict =
        selv_cose_verify(block, payload, key, 1, NULL, &why);

    assert_int_equal(selv_is_good(verdict), why == SELV_OK);
    assert_true(selv_is_good(verdict) || verdict == SELV_BAD);
    return why;
}

struct block {
    uint8_t bytes[256];
    size_t len;
};

static struct selv_bytes block_make(struct block *b)
{
    struct selv_buf out = {b->bytes, sizeof(b->bytes), 0};

    assert_int_equal(selv_cose_mac0_create(&secret, payload, &out), SELV_OK);
    b->len = out.len;
    return selv_bytes(b->bytes, out.len);
}

/* ---- HMAC
 * ------------------------------------------------------------------- */

/* Keys shorter than 32 bytes are the same with zeros behind [RFC 2104 2];
 * those of cases 3 and on that are longer than 32 bytes do not fit. */
static void test_hmac256_rfc4231_vectors(void **state)
{
    static const struct {
        const char *key;
        const char *data;
        const char *mac;
    } rows[] = {
        /* 4.2 */
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
         "b0344c61d8db38535ca8afceaf0bf12b"
         "881dc200c9833da726e9376c2e32cff7"},
        /* 4.3 */
        {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
         "5bdcc146bf60754e6a042426089575c7"
         "5a003f089d2739839dec58b964ec3843"},
        /* 4.4 */
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "dddddddddddddddddddddddddddddddddddddddddddddddddd"
         "dddddddddddddddddddddddddddddddddddddddddddddddddd",
         "773ea91e36800e46854db8ebd09181a7"
         "2959098b3ef8c122d9635514ced565fe"},
        /* 4.5 */
        {"0102030405060708090a0b0c0d0e0f10111213141516171819",
         "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
         "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
         "82558a389a443c0ea4cc819899f2083a"
         "85f0faa3e578f8077a2e3ff46729665b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t key[SELV_COSE_HMAC_KEY_LEN] = {0};
        uint8_t data[64];
        uint8_t want[SELV_SHA256_LEN];
        uint8_t mac[SELV_SHA256_LEN];

        hex(rows[i].key, key, sizeof(key));
        hex(rows[i].mac, want, sizeof(want));
        selv_hmac256(key, hex(rows[i].data, data, sizeof(data)), mac);
        assert_memory_equal(mac, want, sizeof(mac));
    }
}

/* ---- blocks
 * ----------------------------------------------------------------- */

static void test_cose_mac0_round_trip(void **state)
{
    static const size_t lens[] = {0, 1, 23, 24, 255, 256, 65535, 65536};
    static uint8_t big[65536];
    struct block b;

    (void)state;
    assert_int_equal(verify(block_make(&b), &secret), SELV_OK);
    /* tag 17, array 4, protected {1: 5}, {4: kid}, nil, 32 bytes */
    assert_int_equal(b.bytes[0], 0xd1);
    assert_memory_equal(b.bytes + 1,
                        "\x84\x43\xa1\x01\x05\xa1\x04\x46"
                        "secret\xf6\x58\x20",
                        17);
    assert_int_equal(b.len, 18 + 32);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct selv_buf out = {b.bytes, sizeof(b.bytes), 0};
        struct selv_bytes view = selv_bytes(big, lens[i]);

        assert_int_equal(selv_cose_mac0_create(&secret, view, &out), SELV_OK);
        assert_true(selv_is_good(selv_cose_verify(
            selv_bytes(b.bytes, out.len), view, &secret, 1, NULL, NULL)));
    }
    for (size_t cap = 0; cap < 50; cap++) {
        struct selv_buf out = {b.bytes, cap, 0};
        assert_int_equal(selv_cose_mac0_create(&secret, payload, &out),
                         SELV_ERR_SPACE);
    }
}

/* Keys of both kinds side by side: each block finds its own. */
static void test_cose_mac0_key_choice(void **state)
{
    struct selv_cose_key keys[4] = {author, stranger, secret, author};
    uint8_t bytes[128];
    struct selv_buf out = {bytes, sizeof(bytes), 0};
    struct selv_bytes sign1;
    struct selv_bytes mac0;
    struct block b;
    enum selv_err why;
    size_t index = 9;

    (void)state;
    mac0 = block_make(&b);
    assert_true(
        selv_is_good(selv_cose_verify(mac0, payload, keys, 4, &index, &why)));
    assert_int_equal(index, 2);
    assert_int_equal(why, SELV_OK);
    assert_int_equal(selv_cose_sign1_create(&author, author_d, payload, &out),
                     SELV_OK);
    sign1 = selv_bytes(bytes, out.len);
    keys[0] = stranger;
    assert_true(
        selv_is_good(selv_cose_verify(sign1, payload, keys, 4, &index, &why)));
    assert_int_equal(index, 3);
    /* a wrong secret; a key of the other kind, both ways round; no method */
    assert_int_equal(verify(mac0, &stranger), SELV_ERR_COSE_NO_KEY);
    assert_int_equal(verify(mac0, &author), SELV_ERR_COSE_NO_KEY);
    assert_int_equal(verify(sign1, &secret), SELV_ERR_COSE_NO_KEY);
    keys[0] = secret;
    keys[0].method = NULL;
    assert_int_equal(verify(mac0, &keys[0]), SELV_ERR_COSE_NO_KEY);
    assert_false(
        selv_is_good(selv_cose_verify(mac0, payload, NULL, 0, NULL, &why)));
    assert_int_equal(why, SELV_ERR_COSE_NO_KEY);
    /* the right secret under another kid */
    keys[0] = secret;
    keys[0].kid[0] ^= 1;
    assert_int_equal(verify(mac0, &keys[0]), SELV_ERR_COSE_NO_KEY);
    keys[0].kid_len = 0;
    assert_int_equal(verify(mac0, &keys[0]), SELV_OK);
}

/* The bytes of a public key must never do as a secret: a block that anybody
 * can make from them, given to the public key. */
static void test_cose_mac0_public_key_is_no_secret(void **state)
{
    struct selv_cose_key forger = author;
    uint8_t bytes[128];
    struct selv_buf out = {bytes, sizeof(bytes), 0};

    (void)state;
    forger.method = &selv_cose_hmac256;
    assert_int_equal(selv_cose_mac0_create(&forger, payload, &out), SELV_OK);
    assert_int_equal(verify(selv_bytes(bytes, out.len), &author),
                     SELV_ERR_COSE_NO_KEY);
    bytes[0] = 0xd2;
    assert_int_equal(verify(selv_bytes(bytes, out.len), &author),
                     SELV_ERR_COSE_ALG);
}

static void test_cose_mac0_evil(void **state)
{
    struct block b;
    struct block c;
    struct selv_cose_key other = secret;
    struct selv_buf out = {b.bytes, sizeof(b.bytes), 0};

    (void)state;
    /* Without a kid, whose label may become another's that says nothing. */
    other.kid_len = 0;
    assert_int_equal(selv_cose_mac0_create(&other, payload, &out), SELV_OK);
    b.len = out.len;
    assert_int_equal(verify(selv_bytes(b.bytes, b.len), &secret), SELV_OK);
    for (size_t len = 0; len < b.len; len++) {
        assert_int_not_equal(verify(selv_bytes(b.bytes, len), &secret),
                             SELV_OK);
    }
    for (size_t bit = 0; bit < b.len * 8; bit++) {
        c = b;
        c.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(verify(selv_bytes(c.bytes, c.len), &secret),
                             SELV_OK);
    }
    for (size_t bit = 0; bit < sizeof(payload_bytes) * 8; bit++) {
        uint8_t changed[sizeof(payload_bytes)];

        memcpy(changed, payload_bytes, sizeof(changed));
        changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(selv_is_good(selv_cose_verify(
            selv_bytes(b.bytes, b.len), selv_bytes(changed, sizeof(changed)),
            &secret, 1, NULL, NULL)));
    }
    for (size_t bit = 0; bit < sizeof(other.secret) * 8; bit++) {
        other.secret[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(verify(selv_bytes(b.bytes, b.len), &other),
                         SELV_ERR_COSE_NO_KEY);
        other.secret[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* A block of these parts with the tag that is right for them, cut or grown to
 * mac_len. */
static struct selv_bytes block_mac(struct block *b, const char *protected_hex,
                                   const char *rest_hex, size_t mac_len)
{
    uint8_t structure[128];
    uint8_t part[64];
    uint8_t mac[40] = {0};
    struct selv_bytes item = hex(protected_hex, part, sizeof(part));
    struct selv_cbor_writer w;

    selv_cbor_writer_init(&w, structure, sizeof(structure));
    selv_cbor_put_array(&w, 4);
    selv_cbor_put_tstr(&w, selv_bytes("MAC0", 4));
    selv_cbor_put_bstr(&w, item);
    selv_cbor_put_bstr(&w, selv_bytes(NULL, 0));
    selv_cbor_put_bstr(&w, payload);
    selv_hmac256(secret.secret, selv_bytes(structure, w.len), mac);

    selv_cbor_writer_init(&w, b->bytes, sizeof(b->bytes));
    selv_cbor_put_tag(&w, 17);
    selv_cbor_put_array(&w, 4);
    selv_cbor_put_bstr(&w, item);
    selv_cbor_put_raw(&w, hex(rest_hex, part, sizeof(part)));
    selv_cbor_put_bstr(&w, selv_bytes(mac, mac_len));
    assert_int_equal(selv_cbor_finish(&w, NULL), SELV_OK);
    b->len = w.len;
    return selv_bytes(b->bytes, b->len);
}

static void test_cose_mac0_rules(void **state)
{
    static const struct {
        const char *protected_hex;
        const char *rest_hex;
        size_t mac_len;
        enum selv_err err;
    } rows[] = {
        {"a10105", "a0 f6", 32, SELV_OK},
        {"a2 0105 1864 00", "a1 6178 00 f6", 32, SELV_OK},
        /* no algorithm, an unprotected one, another one */
        {"", "a0 f6", 32, SELV_ERR_COSE_ALG},
        {"a0", "a0 f6", 32, SELV_ERR_COSE_ALG},
        {"", "a1 0105 f6", 32, SELV_ERR_COSE_HEADER},
        {"a0", "a1 0105 f6", 32, SELV_ERR_COSE_HEADER},
        {"a10105", "a1 0105 f6", 32, SELV_ERR_COSE_HEADER},
        {"a10126", "a0 f6", 32, SELV_ERR_COSE_ALG},
        {"a10128", "a0 f6", 32, SELV_ERR_COSE_ALG},
        {"a10104", "a0 f6", 8, SELV_ERR_COSE_ALG}, /* HMAC 256/64 */
        {"a10106", "a0 f6", 32, SELV_ERR_COSE_ALG},
        {"a1010e", "a0 f6", 16, SELV_ERR_COSE_ALG}, /* AES-MAC */
        {"a1016548 53323536", "a0 f6", 32, SELV_ERR_COSE_ALG},
        /* a tag that was cut, though its bytes are right, or has grown */
        {"a10105", "a0 f6", 0, SELV_ERR_COSE_STRUCTURE},
        {"a10105", "a0 f6", 8, SELV_ERR_COSE_STRUCTURE},
        {"a10105", "a0 f6", 31, SELV_ERR_COSE_STRUCTURE},
        {"a10105", "a0 f6", 33, SELV_ERR_COSE_STRUCTURE},
        /* payload inside; crit; labels twice */
        {"a10105", "a0 40", 32, SELV_ERR_COSE_PAYLOAD},
        {"a2 0105 02 8101", "a0 f6", 32, SELV_ERR_COSE_CRIT},
        {"a2 0105 02 811864", "a0 f6", 32, SELV_ERR_COSE_CRIT},
        {"a2 0105 044131", "a1 044131 f6", 32, SELV_ERR_COSE_HEADER},
        {"a10105", "a2 1864 00 1864 00 f6", 32, SELV_ERR_CBOR_DUPLICATE},
        {"a10105", "a2 1864 00 01 00 f6", 32, SELV_ERR_CBOR_ORDER},
        {"a1 1801 05", "a0 f6", 32, SELV_ERR_CBOR_NONMINIMAL},
        {"a10105 00", "a0 f6", 32, SELV_ERR_CBOR_TRAILING},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct block b;
        enum selv_err err = verify(block_mac(&b, rows[i].protected_hex,
                                             rows[i].rest_hex, rows[i].mac_len),
                                   &secret);

        if (err != rows[i].err) {
            fail_msg("%s | %s: got %s, want %s", rows[i].protected_hex,
                     rows[i].rest_hex, selv_err_name(err),
                     selv_err_name(rows[i].err));
        }
    }
}

/* ---- keys
 * ------------------------------------------------------------------- */

#define K "1111111111111111111111111111111111111111111111111111111111111111"

static void test_cose_secret_rules(void **state)
{
    static const struct {
        const char *hex;
        size_t kid_len;
        enum selv_err err;
    } rows[] = {
        {"a2 0104 205820" K, 0, SELV_OK},
        {"a3 0104 0305 205820" K, 0, SELV_OK},
        {"a3 205820" K "0104 0305", 0, SELV_OK},
        {"a4 0104 024131 0305 205820" K, 1, SELV_OK},
        {"a3 0104 0249 010203040506070809 205820" K, 0, SELV_OK},
        {"a3 0104 048109 205820" K, 0, SELV_OK},
        {"a3 0104 04810a 205820" K, 0, SELV_OK},
        {"a3 0104 0482090a 205820" K, 0, SELV_OK},
        {"a3 0104 1864 00 205820" K, 0, SELV_OK},
        /* another type, algorithm, operation, length */
        {"a2 0102 205820" K, 0, SELV_ERR_COSE_KEY},
        {"a2 0101 205820" K, 0, SELV_ERR_COSE_KEY},
        {"a3 0104 0304 205820" K, 0, SELV_ERR_COSE_KEY},
        {"a3 0104 0326 205820" K, 0, SELV_ERR_COSE_KEY},
        {"a3 0104 048101 205820" K, 0, SELV_ERR_COSE_KEY},
        {"a3 0104 0480 205820" K, 0, SELV_ERR_COSE_KEY},
        {"a3 0104 0409 205820" K, 0, SELV_ERR_COSE_KEY},
        {"a2 0104 20581f"
         "11111111111111111111111111111111"
         "111111111111111111111111111111",
         0, SELV_ERR_COSE_KEY},
        {"a2 0104 205821 00" K, 0, SELV_ERR_COSE_KEY},
        {"a2 0104 2050 11111111111111111111111111111111", 0, SELV_ERR_COSE_KEY},
        {"a2 0104 2001", 0, SELV_ERR_COSE_KEY},
        /* missing, twice, trailing, cut */
        {"a1 0104", 0, SELV_ERR_COSE_KEY},
        {"a1 205820" K, 0, SELV_ERR_COSE_KEY},
        {"a3 0104 205820" K "205820" K, 0, SELV_ERR_COSE_KEY},
        {"a3 0104 0104 205820" K, 0, SELV_ERR_COSE_KEY},
        {"a2 0104 205820" K "00", 0, SELV_ERR_CBOR_TRAILING},
        {"a2 0104 205820 11", 0, SELV_ERR_CBOR_END},
        {"80", 0, SELV_ERR_COSE_KEY},
        {"a3 0104 4101 00 205820" K, 0, SELV_ERR_COSE_KEY},
        {"a3 0104 f4 00 205820" K, 0, SELV_ERR_COSE_KEY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[128];
        struct selv_cose_key key = {.kid_len = 77};
        enum selv_err err = selv_cose_secret_decode(
            hex(rows[i].hex, bytes, sizeof(bytes)), &key);

        if (err != rows[i].err) {
            fail_msg("%s: got %s, want %s", rows[i].hex, selv_err_name(err),
                     selv_err_name(rows[i].err));
        }
        assert_int_equal(key.kid_len, err ? 77 : rows[i].kid_len);
        if (err) {
            assert_null(key.method);
        } else {
            assert_ptr_equal(key.method, &selv_cose_hmac256);
            assert_memory_equal(key.secret, secret.secret, 32);
        }
    }
}

static void test_cose_secret_round_trip(void **state)
{
    (void)state;
    for (int with = 0; with < 2; with++) {
        uint8_t bytes[80];
        struct selv_buf out = {bytes, sizeof(bytes), 0};
        struct selv_cose_key key = secret;
        struct selv_cose_key again;

        key.kid_len = with ? 8 : 0;
        assert_int_equal(selv_cose_secret_encode(&key, &out), SELV_OK);
        assert_int_equal(
            selv_cose_secret_decode(selv_bytes(bytes, out.len), &again),
            SELV_OK);
        assert_memory_equal(again.secret, key.secret, 32);
        assert_int_equal(again.kid_len, key.kid_len);
        assert_memory_equal(again.kid, key.kid, key.kid_len);
        /* one kind is not taken for the other */
        assert_int_equal(selv_cose_key_decode(selv_bytes(bytes, out.len),
                                              &again, NULL, NULL),
                         SELV_ERR_COSE_KEY);
        for (size_t cap = 0; cap < out.len; cap++) {
            struct selv_buf small = {bytes, cap, 0};
            assert_int_equal(selv_cose_secret_encode(&key, &small),
                             SELV_ERR_SPACE);
            assert_int_not_equal(
                selv_cose_secret_decode(selv_bytes(bytes, cap), &again),
                SELV_OK);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hmac256_rfc4231_vectors),
        cmocka_unit_test(test_cose_mac0_round_trip),
        cmocka_unit_test(test_cose_mac0_key_choice),
        cmocka_unit_test(test_cose_mac0_public_key_is_no_secret),
        cmocka_unit_test(test_cose_mac0_evil),
        cmocka_unit_test(test_cose_mac0_rules),
        cmocka_unit_test(test_cose_secret_rules),
        cmocka_unit_test(test_cose_secret_round_trip),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, keys_make, NULL);
}
