/* SPDX-License-Identifier: Apache-2.0
 *
 * What is signed is verified; every rule of [RFC 9052] that the verifier
 * keeps has a block here that breaks it alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cbor/cbor.h"
#include "cose/cose.h"
#include "test/unit/hex.h"

static const uint8_t payload_bytes[] = "the payload, which travels apart";
static struct selv_bytes payload;
static struct selv_cose_key author;
static struct selv_cose_key stranger;
static uint8_t author_d[SELV_P256_PRIVATE_LEN];

static int keys_make(void **state)
{
    uint8_t d[SELV_P256_PRIVATE_LEN];

    (void)state;
    payload = selv_bytes(payload_bytes, sizeof(payload_bytes));
    memset(author_d, 0x11, sizeof(author_d));
    memset(d, 0x22, sizeof(d));
    author.method = &selv_cose_es256;
    stranger.method = &selv_cose_es256;
    if (selv_p256_public(author_d, author.public_key) != SELV_OK ||
        selv_p256_public(d, stranger.public_key) != SELV_OK) {
        return -1;
    }
    selv_cose_key_set_kid(&author);
    selv_cose_key_set_kid(&stranger);
    return 0;
}

/* A block made by hand: prefix (up to and with the payload), then the right
 * signature for its protected bucket, so that only the shape is at fault. */
struct block {
    uint8_t bytes[256];
    size_t len;
};

static void block_sign(struct block *b, const char *protected_hex,
                       const char *rest_hex)
{
    uint8_t protected_bytes[64];
    uint8_t rest_bytes[64];
    uint8_t tbs_bytes[256];
    uint8_t hash[SELV_SHA256_LEN];
    uint8_t signature[SELV_P256_SIGNATURE_LEN];
    struct selv_bytes protected_map =
        hex(protected_hex, protected_bytes, sizeof(protected_bytes));
    struct selv_bytes rest = hex(rest_hex, rest_bytes, sizeof(rest_bytes));
    struct selv_cbor_writer w;
    struct selv_sha256 h;

    selv_cbor_writer_init(&w, tbs_bytes, sizeof(tbs_bytes));
    selv_cbor_put_array(&w, 4);
    selv_cbor_put_tstr(&w, selv_bytes("Signature1", 10));
    selv_cbor_put_bstr(&w, protected_map);
    selv_cbor_put_bstr(&w, selv_bytes(NULL, 0));
    selv_cbor_put_bstr(&w, payload);
    selv_sha256_init(&h);
    selv_sha256_update(&h, tbs_bytes, w.len);
    selv_sha256_finish(&h, hash);
    assert_int_equal(selv_p256_sign(author_d, hash, signature), SELV_OK);

    selv_cbor_writer_init(&w, b->bytes, sizeof(b->bytes));
    selv_cbor_put_tag(&w, 18);
    selv_cbor_put_array(&w, 4);
    selv_cbor_put_bstr(&w, protected_map);
    selv_cbor_put_raw(&w, rest);
    selv_cbor_put_bstr(&w, selv_bytes(signature, sizeof(signature)));
    assert_int_equal(selv_cbor_finish(&w, NULL), SELV_OK);
    b->len = w.len;
}

static enum selv_err verify(struct selv_bytes block)
{
    size_t index = 99;
    enum selv_err why = SELV_OK;
    bool good = selv_is_good(
        selv_cose_verify(block, payload, &author, 1, &index, &why));

    assert_int_equal(good, why == SELV_OK);
    assert_int_equal(index, good ? 0 : 99);
    return why;
}

static void test_cose_sign1_round_trip(void **state)
{
    uint8_t bytes[128];
    struct selv_buf out = {bytes, sizeof(bytes), 0};
    struct selv_cose_key no_kid = author;
    size_t whole;

    (void)state;
    assert_int_equal(selv_cose_sign1_create(&author, author_d, payload, &out),
                     SELV_OK);
    assert_int_equal(verify(selv_bytes(bytes, out.len)), SELV_OK);
    whole = out.len;
    for (out.cap = 0; out.cap < whole; out.cap++) {
        assert_int_equal(
            selv_cose_sign1_create(&author, author_d, payload, &out),
            SELV_ERR_SPACE);
    }
    out.cap = sizeof(bytes);
    no_kid.kid_len = 0;
    assert_int_equal(selv_cose_sign1_create(&no_kid, author_d, payload, &out),
                     SELV_OK);
    assert_int_equal(verify(selv_bytes(bytes, out.len)), SELV_OK);
    assert_int_equal(whole, out.len + 10);
}

/* The bytes that we emit are fixed: ESP256, kid unprotected, nil. */
static void test_cose_sign1_create_emits_esp256(void **state)
{
    uint8_t bytes[128];
    struct selv_buf out = {bytes, sizeof(bytes), 0};
    uint8_t head[32];
    struct selv_bytes want = hex("d2 84 43a10128 a10448", head, sizeof(head));

    (void)state;
    assert_int_equal(selv_cose_sign1_create(&author, author_d, payload, &out),
                     SELV_OK);
    assert_memory_equal(bytes, want.p, want.len);
    assert_memory_equal(bytes + want.len, author.kid, 8);
    assert_memory_equal(bytes + want.len + 8, "\xf6\x58\x40", 3);
    assert_int_equal(out.len, want.len + 8 + 3 + 64);
}

static void test_cose_sign1_key_choice(void **state)
{
    uint8_t bytes[128];
    struct selv_buf out = {bytes, sizeof(bytes), 0};
    struct selv_cose_key keys[3] = {stranger, author, author};
    struct selv_bytes block;
    size_t index = 99;
    enum selv_err why;

    (void)state;
    assert_int_equal(selv_cose_sign1_create(&author, author_d, payload, &out),
                     SELV_OK);
    block = selv_bytes(bytes, out.len);
    assert_true(
        selv_is_good(selv_cose_verify(block, payload, keys, 3, &index, &why)));
    assert_int_equal(index, 1);
    assert_int_equal(why, SELV_OK);
    /* A kid that differs rules a key out, even the right one. */
    keys[1].kid[0] ^= 1;
    assert_true(
        selv_is_good(selv_cose_verify(block, payload, keys, 3, &index, NULL)));
    assert_int_equal(index, 2);
    /* A key without kid agrees with all. */
    keys[0] = author;
    keys[0].kid_len = 0;
    assert_true(
        selv_is_good(selv_cose_verify(block, payload, keys, 3, &index, NULL)));
    assert_int_equal(index, 0);
    assert_false(selv_is_good(
        selv_cose_verify(block, payload, &stranger, 1, NULL, &why)));
    assert_int_equal(why, SELV_ERR_COSE_NO_KEY);
    assert_false(
        selv_is_good(selv_cose_verify(block, payload, NULL, 0, NULL, &why)));
    assert_int_equal(why, SELV_ERR_COSE_NO_KEY);
    assert_false(selv_is_good(selv_cose_verify(
        block, selv_bytes(payload.p, payload.len - 1), keys, 3, NULL, NULL)));
}

/* protected bucket, then unprotected bucket and payload, then the verdict. */
static void test_cose_sign1_structure_rules(void **state)
{
    static const struct {
        const char *protected_hex;
        const char *rest_hex;
        enum selv_err err;
    } rows[] = {
        {"a10128", "a0 f6", SELV_OK},
        {"a10126", "a0 f6", SELV_OK}, /* ES256 [MTI] */
        /* any content that nothing authenticates is skipped */
        {"a10126", "a1 1864 a16178f5 f6", SELV_OK},
        {"a10126", "a1 617a 80 f6", SELV_OK},
        {"a2012603 00", "a0 f6", SELV_OK},
        {"a2 0126 1b0000000100000000 00", "a0 f6", SELV_ERR_CBOR_RANGE},
        {"a2 0126 6178 00", "a0 f6", SELV_OK},
        /* no algorithm, or not in the protected bucket [RFC 9052 3.1] */
        {"", "a0 f6", SELV_ERR_COSE_ALG},
        {"a0", "a0 f6", SELV_ERR_COSE_ALG},
        {"", "a1 0126 f6", SELV_ERR_COSE_HEADER},
        {"a10126", "a1 0126 f6", SELV_ERR_COSE_HEADER},
        /* other algorithms, a name, a number beyond 32 bits, a wrong type */
        {"a1013822", "a0 f6", SELV_ERR_COSE_ALG},
        {"a10127", "a0 f6", SELV_ERR_COSE_ALG},
        {"a10105", "a0 f6", SELV_ERR_COSE_ALG},
        {"a101634553 32", "a0 f6", SELV_ERR_COSE_ALG},
        {"a101f6", "a0 f6", SELV_ERR_COSE_ALG},
        {"a1013b0000000100000000", "a0 f6", SELV_ERR_COSE_ALG},
        /* a label twice, in one bucket or in both [RFC 9052 3] */
        {"a2 0126 0126", "a0 f6", SELV_ERR_CBOR_DUPLICATE},
        {"a2 0126 044131", "a1 044131 f6", SELV_ERR_COSE_HEADER},
        {"a10126", "a2 044131 044131 f6", SELV_ERR_CBOR_DUPLICATE},
        {"a2 0126 1864 00", "a2 1864 00 1864 00 f6", SELV_ERR_CBOR_DUPLICATE},
        /* one that means nothing to us, in both: without effect */
        {"a2 0126 1864 00", "a1 1864 00 f6", SELV_OK},
        {"a2 0126 6178 00", "a1 6178 00 f6", SELV_OK},
        /* labels in another order than the canonical one, of other types */
        {"a2 03000126", "a0 f6", SELV_ERR_CBOR_ORDER},
        {"a10126", "a2 1864 00 05 40 f6", SELV_ERR_CBOR_ORDER},
        {"a2 0126 4100 00", "a0 f6", SELV_ERR_COSE_STRUCTURE},
        {"a10126", "a1 f500 f6", SELV_ERR_COSE_STRUCTURE},
        /* crit, whatever it names: what we know it need not name, and what it
         * may name we do not know [RFC 9052 3.1] */
        {"a2 0126 02 8101", "a0 f6", SELV_ERR_COSE_CRIT},
        {"a3 0126 02 80 044131", "a0 f6", SELV_ERR_COSE_CRIT},
        {"a2 0126 02 80", "a0 f6", SELV_ERR_COSE_CRIT},
        {"a2 0126 02 01", "a0 f6", SELV_ERR_COSE_CRIT},
        {"a2 0126 02 811864", "a0 f6", SELV_ERR_COSE_CRIT},
        {"a3 0126 02 811864 1864 00", "a0 f6", SELV_ERR_COSE_CRIT},
        {"a2 0126 02 816178", "a0 f6", SELV_ERR_COSE_CRIT},
        {"a2 0126 02 8104", "a0 f6", SELV_ERR_COSE_CRIT},
        {"a2 0126 02 820103", "a0 f6", SELV_ERR_COSE_CRIT},
        {"a2 0126 02 81f5", "a0 f6", SELV_ERR_COSE_CRIT},
        {"a10126", "a1 02 8101 f6", SELV_ERR_COSE_CRIT},
        /* kid of another type; of another key */
        {"a10126", "a1 0401 f6", SELV_ERR_COSE_HEADER},
        {"a10126", "a1 0461 31 f6", SELV_ERR_COSE_HEADER},
        {"a10126", "a1 044131 f6", SELV_ERR_COSE_NO_KEY},
        {"a2 0126 044131", "a0 f6", SELV_ERR_COSE_NO_KEY},
        /* the payload inside, empty inside, or something else */
        {"a10126", "a0 4101", SELV_ERR_COSE_PAYLOAD},
        {"a10126", "a0 40", SELV_ERR_COSE_PAYLOAD},
        {"a10126", "a0 f7", SELV_ERR_COSE_PAYLOAD},
        {"a10126", "a0 f4", SELV_ERR_COSE_PAYLOAD},
        /* the buckets are not maps, or more than a map */
        {"80", "a0 f6", SELV_ERR_COSE_STRUCTURE},
        {"a10126 00", "a0 f6", SELV_ERR_CBOR_TRAILING},
        {"a10126", "40 f6", SELV_ERR_COSE_STRUCTURE},
        {"a10126", "80 f6", SELV_ERR_COSE_STRUCTURE},
        {"a10126", "a0 f6 f6", SELV_ERR_COSE_STRUCTURE},
        {"a10126", "f6", SELV_ERR_COSE_STRUCTURE},
        /* encodings that are not deterministic */
        {"a1 1801 26", "a0 f6", SELV_ERR_CBOR_NONMINIMAL},
        {"bf0126ff", "a0 f6", SELV_ERR_CBOR_INDEFINITE},
        {"a10126", "bf ff f6", SELV_ERR_CBOR_INDEFINITE},
        {"a10126", "a1 1864 1817 f6", SELV_ERR_CBOR_NONMINIMAL},
        {"a10126", "a1 1864 9fff f6", SELV_ERR_CBOR_INDEFINITE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct block b;
        enum selv_err err;

        block_sign(&b, rows[i].protected_hex, rows[i].rest_hex);
        err = verify(selv_bytes(b.bytes, b.len));
        if (err != rows[i].err) {
            fail_msg("%s | %s: got %s, want %s", rows[i].protected_hex,
                     rows[i].rest_hex, selv_err_name(err),
                     selv_err_name(rows[i].err));
        }
    }
}

/* The outer shape: tag, array, signature, end. */
static void test_cose_sign1_outer_rules(void **state)
{
    struct block b;
    struct block c;

    (void)state;
    block_sign(&b, "a10126", "a0 f6");
    c = b;
    assert_int_equal(verify(selv_bytes(b.bytes + 1, b.len - 1)),
                     SELV_ERR_COSE_TAG);      /* no tag */
    for (int tag = 0xc0; tag < 0xd8; tag++) { /* COSE_Mac0 is 17, 0xd1 */
        c.bytes[0] = (uint8_t)tag;
        assert_int_equal(verify(selv_bytes(c.bytes, c.len)),
                         tag == 0xd2   ? SELV_OK
                         : tag == 0xd1 ? SELV_ERR_COSE_NO_KEY
                                       : SELV_ERR_COSE_TAG);
    }
    c.bytes[0] = 0xd8; /* d8 12: tag 18 in two bytes */
    memmove(c.bytes + 2, b.bytes + 1, b.len - 1);
    c.bytes[1] = 0x12;
    assert_int_equal(verify(selv_bytes(c.bytes, c.len + 1)), SELV_ERR_COSE_TAG);
    c = b;
    c.bytes[1] = 0x85;
    c.bytes[c.len++] = 0xf6;
    assert_int_equal(verify(selv_bytes(c.bytes, c.len)),
                     SELV_ERR_COSE_STRUCTURE);
    c = b;
    c.bytes[c.len++] = 0x00;
    assert_int_equal(verify(selv_bytes(c.bytes, c.len)),
                     SELV_ERR_CBOR_TRAILING);
    c = b;
    c.bytes[b.len - 65] = 63; /* a signature of 63 bytes */
    assert_int_equal(verify(selv_bytes(c.bytes, c.len - 1)),
                     SELV_ERR_COSE_STRUCTURE);
    assert_int_equal(verify(selv_bytes(NULL, 0)), SELV_ERR_CBOR_END);
}

/* Payload lengths at the edges of the head that the verifier makes. */
static void test_cose_sign1_payload_limits(void **state)
{
    static const size_t lens[] = {0, 1, 23, 24, 255, 256, 65535, 65536};
    static uint8_t big[65536];
    uint8_t bytes[128];

    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct selv_buf out = {bytes, sizeof(bytes), 0};
        struct selv_bytes view = selv_bytes(big, lens[i]);

        assert_int_equal(selv_cose_sign1_create(&author, author_d, view, &out),
                         SELV_OK);
        assert_true(selv_is_good(selv_cose_verify(
            selv_bytes(bytes, out.len), view, &author, 1, NULL, NULL)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cose_sign1_round_trip),
        cmocka_unit_test(test_cose_sign1_create_emits_esp256),
        cmocka_unit_test(test_cose_sign1_key_choice),
        cmocka_unit_test(test_cose_sign1_structure_rules),
        cmocka_unit_test(test_cose_sign1_outer_rules),
        cmocka_unit_test(test_cose_sign1_payload_limits),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, keys_make, NULL);
}
