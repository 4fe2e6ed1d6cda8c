/* SPDX-License-Identifier: Apache-2.0
 *
 * Key files as other tools write them (made once with OpenSSL), and what each
 * is taken for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "host/key.h"

/* clang-format off */
static const char pem_sec1[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIKQaorGtWwI3DtmWV49fLTv/E0Fbk69qX5EzMgin3vPBoAoGCCqGSM49\n"
    "AwEHoUQDQgAEs1EktmWzwbtzWpaDcF+8v6K2ttHpgzzTCS7Mr+TA30PvxmQ4sIN5\n"
    "UDEkRiZ52vwwM+9UFJ/7vVEQwZrQQGCDgw==\n"
    "-----END EC PRIVATE KEY-----\n";
static const char pem_p8[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpBqisa1bAjcO2ZZX\n"
    "j18tO/8TQVuTr2pfkTMyCKfe88GhRANCAASzUSS2ZbPBu3NaloNwX7y/ora20emD\n"
    "PNMJLsyv5MDfQ+/GZDiwg3lQMSRGJnna/DAz71QUn/u9URDBmtBAYIOD\n"
    "-----END PRIVATE KEY-----\n";
static const char pem_pub[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEs1EktmWzwbtzWpaDcF+8v6K2ttHp\n"
    "gzzTCS7Mr+TA30PvxmQ4sIN5UDEkRiZ52vwwM+9UFJ/7vVEQwZrQQGCDgw==\n"
    "-----END PUBLIC KEY-----\n";
static const char pem_rsapub[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAs8iUqN+D0Np8GkajDZGU\n"
    "Xhd9zYhat9neg3I6ZR5PhNjvdnF9XU1V7u4f4H9V/w4cVQ/reBtvrIjXXtfPrvd7\n"
    "mj5kHc3i9IPZSnfAOBxWk+XmF6M2OB2G/f6u0i4QqT0AUVFHxLm5wF09FS/IsvXh\n"
    "GBJ/k6Kd7Wa0xs3boJMrCxrs3QgbkGa6OH4aUIgcF/GsaCRlaQ9vqUqcl8mxHE4R\n"
    "euAuYkHKoV4IBg98hke53aKxqOedyVN08u4+krmfKmzq42unk4+Cu+SIMzIyDzmr\n"
    "GWOIKzqosVxAyCtDqiQxXEx57WF2nQ3FjDX0FzLFOyjIOj2kMEBKrPim6s0eILG9\n"
    "vQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
static const char pem_ed[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIM7HURABu7knIPBO38/peKv6AFPwBgCvz22tb5hYCrvR\n"
    "-----END PRIVATE KEY-----\n";
static const char pem_edpub[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEALQbYUXxm/tFTNVU2r2LmsDejr+Zhm5ckAOWfUBSkzb0=\n"
    "-----END PUBLIC KEY-----\n";
static const char pem_p384[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEdQhUIIEhyt2NVZVqaSue65+BPka4bWnx\n"
    "B0cPd2lezrFlIqWNMhdyjLoOoMQ/7yHCC4w0T3tfatfcIjbzWr6PGOob5v8uvfdH\n"
    "5J+zShQu1ZV/JtixJmOApgIy0hgE+x74\n"
    "-----END PUBLIC KEY-----\n";
static const char pem_enc[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-128-CBC,7D29833F153AF94EF74407C3EF438FF0\n"
    "\n"
    "v6g7nsj+Cfc1afkjT19s+vSWEfYJkwSdz2QV+bG9hdOSesJKfPV+4q5PQicRJKTW\n"
    "FoHHqWOKGKYdAQPw1V2MnnHG5LEF84CExFk9YabXYXVTIM4G6aM8DDgzNah5Zmfk\n"
    "CgUczjlidjSzj75a82C/fj5RJhoMkDk5/PpDGmxqcKQ=\n"
    "-----END EC PRIVATE KEY-----\n";
/* clang-format on */

static bool parse(const char *text, struct selv_key *key)
{
    struct selv_error error;

    return selv_key_parse(selv_bytes(text, strlen(text)), "key.pem", key,
                          &error);
}

static void test_host_key_pem_forms_agree(void **state)
{
    struct selv_key sec1;
    struct selv_key p8;
    struct selv_key pub;

    (void)state;
    assert_true(parse(pem_sec1, &sec1));
    assert_true(parse(pem_p8, &p8));
    assert_true(parse(pem_pub, &pub));
    assert_int_equal(sec1.kind, SELV_KEY_P256);
    assert_int_equal(pub.kind, SELV_KEY_P256);
    assert_true(sec1.has_private && p8.has_private && !pub.has_private);
    assert_memory_equal(sec1.cose.public_key, pub.cose.public_key, 64);
    assert_memory_equal(sec1.cose.public_key, p8.cose.public_key, 64);
    assert_memory_equal(sec1.private_key, p8.private_key, 32);
}

static void test_host_key_other_kinds_are_keys(void **state)
{
    static const char *others[] = {pem_rsapub, pem_ed, pem_edpub, pem_p384};
    static const size_t lens[] = {16, 24};
    uint8_t raw[33] = {0};
    struct selv_error error;
    struct selv_key key;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(parse(others[i], &key));
        assert_int_equal(key.kind, SELV_KEY_OTHER);
        assert_false(key.has_private);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_true(
            selv_key_parse(selv_bytes(raw, lens[i]), "k", &key, &error));
        assert_int_equal(key.kind, SELV_KEY_SYMMETRIC);
        assert_null(key.cose.method);
    }
    /* A symmetric COSE_Key of another length than HMAC 256/256 takes. */
    assert_true(selv_key_parse(selv_bytes("\xa2\x01\x04\x20\x42kk", 7), "k",
                               &key, &error));
    assert_int_equal(key.kind, SELV_KEY_OTHER);
}

static void test_host_key_secrets(void **state)
{
    uint8_t raw[33];
    uint8_t bytes[SELV_KEY_ENCODED_MAX + 1] = {0};
    struct selv_buf out = {bytes, SELV_KEY_ENCODED_MAX, 0};
    struct selv_error error;
    struct selv_key key;
    struct selv_key again;

    (void)state;
    memset(raw, 0x5a, sizeof(raw));
    assert_true(selv_key_parse(selv_bytes(raw, 32), "k", &key, &error));
    assert_int_equal(key.kind, SELV_KEY_HMAC256);
    assert_ptr_equal(key.cose.method, &selv_cose_hmac256);
    assert_true(key.has_private);
    assert_int_equal(key.cose.kid_len, 0);
    assert_memory_equal(key.cose.secret, raw, 32);

    assert_true(selv_key_generate_secret(&key, &error));
    assert_int_equal(key.cose.kid_len, 8);
    assert_false(selv_key_encode(&key, SELV_KEY_COSE, false, &out, &error));
    assert_non_null(strstr(error.text, "no public half"));
    assert_false(selv_key_encode(&key, SELV_KEY_PEM, true, &out, &error));
    assert_non_null(strstr(error.text, "PEM"));
    assert_true(selv_key_encode(&key, SELV_KEY_COSE, true, &out, &error));
    assert_true(
        selv_key_parse(selv_bytes(bytes, out.len), "k", &again, &error));
    assert_int_equal(again.kind, SELV_KEY_HMAC256);
    assert_memory_equal(again.cose.secret, key.cose.secret, 32);
    assert_memory_equal(again.cose.kid, key.cose.kid, 8);
    selv_key_wipe(&again);
    assert_null(again.cose.method);
}

static void test_host_key_bad_files(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *says;
    } rows[] = {
        {"", 0, "neither PEM"},
        {"x", 1, "neither PEM"},
        {"\xa0", 1, "neither PEM"},
        {"-----BEGIN PUBLIC KEY-----\n", 27, "damaged PEM"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 57,
         "damaged PEM"},
        {pem_enc, sizeof(pem_enc) - 1, "password"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct selv_error error = {SELV_EXIT_OK, ""};
        struct selv_key key;

        assert_false(selv_key_parse(selv_bytes(rows[i].bytes, rows[i].len),
                                    "file.name", &key, &error));
        assert_int_equal(error.exit, SELV_EXIT_REFUSED);
        assert_non_null(strstr(error.text, "file.name"));
        if (strstr(error.text, rows[i].says) == NULL) {
            fail_msg("row %zu: %s", i, error.text);
        }
    }
}

/* Every truncation of a PEM file is refused, or holds no other key. */
static void test_host_key_truncated_pem(void **state)
{
    char cut[sizeof(pem_p8)];
    struct selv_key whole;
    struct selv_key key;

    (void)state;
    assert_true(parse(pem_p8, &whole));
    for (size_t len = 0; len + 1 < sizeof(pem_p8); len++) {
        struct selv_error error;

        memcpy(cut, pem_p8, len);
        cut[len] = '\0';
        if (selv_key_parse(selv_bytes(cut, len), "cut", &key, &error) &&
            key.kind == SELV_KEY_P256) {
            assert_memory_equal(key.private_key, whole.private_key, 32);
        }
    }
}

static void test_host_key_round_trip(void **state)
{
    for (int with = 0; with < 4; with++) {
        uint8_t bytes[SELV_KEY_ENCODED_MAX + 1] = {0};
        struct selv_buf out = {bytes, SELV_KEY_ENCODED_MAX, 0};
        enum selv_key_format format = with & 1 ? SELV_KEY_PEM : SELV_KEY_COSE;
        struct selv_error error;
        struct selv_key key;
        struct selv_key again;

        (void)state;
        assert_true(selv_key_generate(&key, &error));
        assert_true(selv_key_encode(&key, format, with & 2, &out, &error));
        bytes[out.len] = 0;
        assert_true(
            selv_key_parse(selv_bytes(bytes, out.len), "k", &again, &error));
        assert_memory_equal(again.cose.public_key, key.cose.public_key, 64);
        assert_int_equal(again.has_private, (with & 2) != 0);
        if (again.has_private) {
            assert_memory_equal(again.private_key, key.private_key, 32);
        }
        selv_key_wipe(&again);
        assert_false(selv_key_encode(&again, format, true, &out, &error));
    }
}

static void test_host_key_halves_must_fit(void **state)
{
    uint8_t bytes[SELV_KEY_ENCODED_MAX + 1] = {0};
    struct selv_buf out = {bytes, SELV_KEY_ENCODED_MAX, 0};
    struct selv_error error;
    struct selv_key key;
    struct selv_key other;

    (void)state;
    assert_true(selv_key_generate(&key, &error));
    assert_true(selv_key_generate(&other, &error));
    memcpy(key.private_key, other.private_key, sizeof(key.private_key));
    assert_true(selv_key_encode(&key, SELV_KEY_COSE, true, &out, &error));
    assert_false(
        selv_key_parse(selv_bytes(bytes, out.len), "k", &other, &error));
    assert_non_null(strstr(error.text, "does not belong"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_key_pem_forms_agree),
        cmocka_unit_test(test_host_key_other_kinds_are_keys),
        cmocka_unit_test(test_host_key_secrets),
        cmocka_unit_test(test_host_key_bad_files),
        cmocka_unit_test(test_host_key_truncated_pem),
        cmocka_unit_test(test_host_key_round_trip),
        cmocka_unit_test(test_host_key_halves_must_fit),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
