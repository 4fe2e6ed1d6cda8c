/* SPDX-License-Identifier: Apache-2.0 */
#include "host/key.h"

#include <stdio.h>
#include <stdlib.h>

#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/psa_util.h>

#include "cbor/cbor.h"
#include "host/file.h"

enum {
    FILE_MAX = 65536,
    POINT_LEN = 1 + SELV_P256_PUBLIC_LEN /* 0x04, x, y [SEC 1 2.3.3] */
};

void selv_key_wipe(struct selv_key *key)
{
    selv_wipe(key->private_key, sizeof(key->private_key));
    key->has_private = false;
    if (key->kind == SELV_KEY_HMAC256) {
        selv_wipe(&key->cose, sizeof(key->cose));
    }
}

/* A private half that belongs to another public one would sign what nobody
 * can verify. */
static bool halves_check(struct selv_key *key, const char *name,
                         struct selv_error *error)
{
    uint8_t public_key[SELV_P256_PUBLIC_LEN];

    if (!key->has_private) {
        return true;
    }
    if (selv_p256_public(key->private_key, public_key) != SELV_OK ||
        memcmp(public_key, key->cose.public_key, sizeof(public_key)) != 0) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "%s: the private key does not belong to the "
                              "public key beside it",
                              name);
    }
    return true;
}

/* ---- PEM ----------------------------------------------------------------- */

static bool other(struct selv_key *key, const char *what)
{
    key->kind = SELV_KEY_OTHER;
    key->what = what;
    return true;
}

/* key->cose.secret is set. */
static bool secret(struct selv_key *key)
{
    key->kind = SELV_KEY_HMAC256;
    key->what = "HMAC-256";
    key->cose.method = &selv_cose_hmac256;
    key->has_private = true;
    return true;
}

/* Takes the numbers out of a parsed EC key. */
static bool ec_take(mbedtls_ecp_keypair *pair, bool with_private,
                    struct selv_key *key)
{
    uint8_t point[POINT_LEN];
    size_t len = 0;

    if (mbedtls_ecp_write_public_key(pair, MBEDTLS_ECP_PF_UNCOMPRESSED, &len,
                                     point, sizeof(point)) != 0 ||
        len != sizeof(point)) {
        return false;
    }
    memcpy(key->cose.public_key, point + 1, sizeof(key->cose.public_key));
    if (with_private &&
        (mbedtls_ecp_write_key_ext(pair, &len, key->private_key,
                                   sizeof(key->private_key)) != 0 ||
         len != sizeof(key->private_key))) {
        return false;
    }
    key->has_private = with_private;
    return true;
}

static bool pk_take(mbedtls_pk_context *pk, bool with_private, const char *name,
                    struct selv_key *key, struct selv_error *error)
{
    mbedtls_ecp_keypair *pair;

    if (mbedtls_pk_get_type(pk) == MBEDTLS_PK_RSA) {
        return other(key, "RSA");
    }
    if (mbedtls_pk_get_type(pk) != MBEDTLS_PK_ECKEY) {
        return other(key, "other");
    }
    pair = mbedtls_pk_ec(*pk);
    if (mbedtls_ecp_keypair_get_group_id(pair) != MBEDTLS_ECP_DP_SECP256R1) {
        return other(key, "EC, not on P-256");
    }
    if (!ec_take(pair, with_private, key)) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "%s: not a usable P-256 key", name);
    }
    key->kind = SELV_KEY_P256;
    key->what = "P-256";
    key->cose.method = &selv_cose_es256;
    return true;
}

/* The library adds a low-level error, below 0x80, to its high-level one. */
static int error_high(int status)
{
    return -(-status & ~0x7f);
}

static bool pem_parse(struct selv_bytes text, const char *name,
                      struct selv_key *key, struct selv_error *error)
{
    bool is_private = strstr((const char *)text.p, "PRIVATE KEY-----") != NULL;
    mbedtls_pk_context pk;
    bool done;
    int status;

    mbedtls_pk_init(&pk);
    status = is_private
                 ? mbedtls_pk_parse_key(&pk, text.p, text.len + 1, NULL, 0,
                                        mbedtls_psa_get_random,
                                        MBEDTLS_PSA_RANDOM_STATE)
                 : mbedtls_pk_parse_public_key(&pk, text.p, text.len + 1);
    if (status == 0) {
        done = pk_take(&pk, is_private, name, key, error) &&
               (key->kind != SELV_KEY_P256 || halves_check(key, name, error));
    } else if (status == MBEDTLS_ERR_PK_PASSWORD_REQUIRED ||
               status == MBEDTLS_ERR_PK_PASSWORD_MISMATCH) {
        done = selv_error_set(error, SELV_EXIT_REFUSED,
                              "%s is encrypted with a password; decrypt it "
                              "first, for instance with openssl pkey",
                              name);
    } else if (error_high(status) == MBEDTLS_ERR_PK_UNKNOWN_PK_ALG) {
        done = other(key, "other");
    } else {
        done = selv_error_set(error, SELV_EXIT_REFUSED,
                              "%s: a damaged PEM file, or one without a key "
                              "(certificates are none)",
                              name);
    }
    mbedtls_pk_free(&pk);
    return done;
}

/* SubjectPublicKeyInfo up to the point [RFC 5480 2]. */
static const uint8_t der_public[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a,
                                     0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                     0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
                                     0x01, 0x07, 0x03, 0x42, 0x00};
/* PrivateKeyInfo up to d, and from d to the point [RFC 5208 5, RFC 5915]. */
static const uint8_t der_private[] = {
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
    0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20};
static const uint8_t der_between[] = {0xa1, 0x44, 0x03, 0x42, 0x00};

static void append(struct selv_buf *b, const void *p, size_t len)
{
    memcpy(b->p + b->len, p, len);
    b->len += len;
}

static bool pem_encode(const struct selv_key *key, bool with_private,
                       struct selv_buf *out)
{
    uint8_t der[256];
    struct selv_buf b = {der, sizeof(der), 0};
    static const uint8_t uncompressed = 0x04;
    size_t len = 0;
    int status;

    if (with_private) {
        append(&b, der_private, sizeof(der_private));
        append(&b, key->private_key, sizeof(key->private_key));
        append(&b, der_between, sizeof(der_between));
    } else {
        append(&b, der_public, sizeof(der_public));
    }
    append(&b, &uncompressed, 1);
    append(&b, key->cose.public_key, sizeof(key->cose.public_key));
    status =
        mbedtls_pem_write_buffer(with_private ? "-----BEGIN PRIVATE KEY-----\n"
                                              : "-----BEGIN PUBLIC KEY-----\n",
                                 with_private ? "-----END PRIVATE KEY-----\n"
                                              : "-----END PUBLIC KEY-----\n",
                                 der, b.len, out->p, out->cap, &len);
    selv_wipe(der, sizeof(der));
    out->len = len > 0 ? len - 1 : 0; /* without the terminating zero */
    return status == 0;
}

/* ---- COSE_Key ------------------------------------------------------------ */

/* True when the bytes are one CBOR map that has a key type, label 1: a
 * COSE_Key of some kind. */
static bool is_cose_key(struct selv_bytes bytes)
{
    struct selv_cbor r;
    uint32_t count = 0;
    int32_t label;

    selv_cbor_init(&r, bytes);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        return false;
    }
    for (; count > 0; count--) {
        if (selv_cbor_int(&r, &label) == SELV_OK && label == 1) {
            return true;
        }
        if (selv_cbor_skip(&r, NULL) != SELV_OK) {
            return false;
        }
    }
    return false;
}

static bool cose_parse(struct selv_bytes bytes, const char *name,
                       struct selv_key *key, struct selv_error *error)
{
    enum selv_err err = selv_cose_key_decode(
        bytes, &key->cose, key->private_key, &key->has_private);

    if (err == SELV_OK) {
        key->kind = SELV_KEY_P256;
        key->what = "P-256";
        return halves_check(key, name, error);
    }
    if (selv_cose_secret_decode(bytes, &key->cose) == SELV_OK) {
        return secret(key);
    }
    if (err == SELV_ERR_COSE_KEY && is_cose_key(bytes)) {
        return other(key, "other");
    }
    /* A sequence, as every key in DER is. */
    if (bytes.len > 32 && bytes.p[0] == 0x30) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "%s looks like DER; convert it to PEM first: "
                              "openssl pkey -inform DER -in FILE -out FILE.pem "
                              "(with -pubin for a public key)",
                              name);
    }
    return selv_error_set(
        error, SELV_EXIT_REFUSED,
        "%s: neither PEM, nor a binary COSE_Key (%s), nor 16, "
        "24 or 32 raw bytes",
        name, selv_err_str(err));
}

/* ---- both ---------------------------------------------------------------- */

bool selv_key_parse(struct selv_bytes bytes, const char *name,
                    struct selv_key *key, struct selv_error *error)
{
    memset(key, 0, sizeof(*key));
    if (bytes.len == SELV_COSE_HMAC_KEY_LEN) {
        memcpy(key->cose.secret, bytes.p, SELV_COSE_HMAC_KEY_LEN);
        return secret(key);
    }
    if (bytes.len == 16 || bytes.len == 24) {
        key->kind = SELV_KEY_SYMMETRIC;
        key->what = "symmetric";
        return true;
    }
    if (bytes.len > 0 && strstr((const char *)bytes.p, "-----BEGIN ") != NULL) {
        return pem_parse(bytes, name, key, error);
    }
    return cose_parse(bytes, name, key, error);
}

bool selv_key_load(const char *path, struct selv_key *key,
                   struct selv_error *error)
{
    struct selv_buf file;
    bool done;

    if (!selv_file_read(path, FILE_MAX, &file, error)) {
        return false;
    }
    done = selv_key_parse(selv_bytes(file.p, file.len), path, key, error);
    selv_wipe(file.p, file.len);
    free(file.p);
    return done;
}

bool selv_key_generate(struct selv_key *key, struct selv_error *error)
{
    memset(key, 0, sizeof(*key));
    if (selv_p256_generate(key->private_key, key->cose.public_key) != SELV_OK) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "no key: the system gives no random bytes");
    }
    key->kind = SELV_KEY_P256;
    key->what = "P-256";
    key->has_private = true;
    key->cose.method = &selv_cose_es256;
    selv_cose_key_set_kid(&key->cose);
    return true;
}

bool selv_key_generate_secret(struct selv_key *key, struct selv_error *error)
{
    struct selv_cose_key *cose = &key->cose;

    memset(key, 0, sizeof(*key));
    if (mbedtls_psa_get_random(MBEDTLS_PSA_RANDOM_STATE, cose->secret,
                               SELV_COSE_HMAC_KEY_LEN) != 0 ||
        mbedtls_psa_get_random(MBEDTLS_PSA_RANDOM_STATE, cose->kid,
                               sizeof(cose->kid)) != 0) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "no key: the system gives no random bytes");
    }
    cose->kid_len = sizeof(cose->kid);
    return secret(key);
}

static bool secret_encode(const struct selv_key *key,
                          enum selv_key_format format, bool with_private,
                          struct selv_buf *out, struct selv_error *error)
{
    if (!with_private) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "the key is a secret (%s): it has no public half "
                              "to write",
                              key->what);
    }
    if (format == SELV_KEY_PEM) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "PEM has no form for a secret (%s); use the "
                              "format cose",
                              key->what);
    }
    return selv_cose_secret_encode(&key->cose, out) == SELV_OK ||
           selv_error_set(error, SELV_EXIT_REFUSED,
                          "the key does not fit the buffer");
}

bool selv_key_encode(const struct selv_key *key, enum selv_key_format format,
                     bool with_private, struct selv_buf *out,
                     struct selv_error *error)
{
    bool done;

    if (key->kind == SELV_KEY_HMAC256) {
        return secret_encode(key, format, with_private, out, error);
    }
    if (key->kind != SELV_KEY_P256 || (with_private && !key->has_private)) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "the key has no %s half to write",
                              with_private ? "private" : "P-256");
    }
    if (format == SELV_KEY_PEM) {
        done = pem_encode(key, with_private, out);
    } else {
        done = selv_cose_key_encode(&key->cose,
                                    with_private ? key->private_key : NULL,
                                    out) == SELV_OK;
    }
    return done || selv_error_set(error, SELV_EXIT_REFUSED,
                                  "the key does not fit the buffer");
}
