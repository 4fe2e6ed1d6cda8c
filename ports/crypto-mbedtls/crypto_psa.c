/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto/crypto.h for hosts, on the PSA interface of Mbed TLS. */
#include <stdio.h>
#include <stdlib.h>

#include <psa/crypto.h>

#include "crypto/crypto.h"
#include "verdict.h"

enum { POINT_LEN = 1 + SELV_P256_PUBLIC_LEN }; /* 0x04, x, y [SEC 1 2.3.3] */

_Static_assert(sizeof(psa_hash_operation_t) <= SELV_SHA256_STATE_LEN,
               "SELV_SHA256_STATE_LEN is too small for PSA");
_Static_assert(_Alignof(psa_hash_operation_t) <= _Alignof(uint64_t),
               "struct selv_sha256 is not aligned for PSA");

enum selv_err selv_crypto_init(void)
{
    return psa_crypto_init() == PSA_SUCCESS ? SELV_OK : SELV_ERR_CRYPTO_LIBRARY;
}

/* ---- SHA-256 ------------------------------------------------------------- */

/* A hash that cannot be computed must not be mistaken for one that was. It
 * fails only where selv_crypto_init was not called, or a state was not
 * begun: our own mistakes. */
static void must(psa_status_t status)
{
    if (status != PSA_SUCCESS) {
        fprintf(stderr,
                "SHA-256: PSA status %d; was selv_crypto_init called?\n",
                (int)status);
        abort();
    }
}

static psa_hash_operation_t *operation(struct selv_sha256 *h)
{
    return (psa_hash_operation_t *)(void *)h->state;
}

void selv_sha256_init(struct selv_sha256 *h)
{
    memset(h, 0, sizeof(*h));
    *operation(h) = psa_hash_operation_init();
    must(psa_hash_setup(operation(h), PSA_ALG_SHA_256));
}

void selv_sha256_update(struct selv_sha256 *h, const void *p, size_t len)
{
    must(psa_hash_update(operation(h), p, len));
}

void selv_sha256_finish(struct selv_sha256 *h,
                        uint8_t digest[static SELV_SHA256_LEN])
{
    size_t len = 0;

    must(psa_hash_finish(operation(h), digest, SELV_SHA256_LEN, &len));
    selv_wipe(h, sizeof(*h));
}

/* ---- ECDSA --------------------------------------------------------------- */

static psa_status_t key_import(psa_key_type_t type, psa_key_usage_t usage,
                               psa_algorithm_t alg, struct selv_bytes bytes,
                               psa_key_id_t *id)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;

    psa_set_key_type(&attributes, type);
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, usage);
    psa_set_key_algorithm(&attributes, alg);
    return psa_import_key(&attributes, bytes.p, bytes.len, id);
}

enum selv_verdict
selv_p256_verify(const uint8_t public_key[static SELV_P256_PUBLIC_LEN],
                 const uint8_t hash[static SELV_SHA256_LEN],
                 const uint8_t signature[static SELV_P256_SIGNATURE_LEN])
{
    uint8_t point[POINT_LEN] = {0x04};
    psa_key_id_t id = PSA_KEY_ID_NULL;
    psa_status_t status;

    memcpy(point + 1, public_key, SELV_P256_PUBLIC_LEN);
    status =
        key_import(PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1),
                   PSA_KEY_USAGE_VERIFY_HASH, PSA_ALG_ECDSA(PSA_ALG_SHA_256),
                   selv_bytes(point, sizeof(point)), &id);
    if (status != PSA_SUCCESS) {
        return SELV_BAD;
    }
    status =
        psa_verify_hash(id, PSA_ALG_ECDSA(PSA_ALG_SHA_256), hash,
                        SELV_SHA256_LEN, signature, SELV_P256_SIGNATURE_LEN);
    (void)psa_destroy_key(id); /* volatile: nothing stays behind */
    return verdict_from_status((int)status);
}

static enum selv_err
private_import(const uint8_t private_key[static SELV_P256_PRIVATE_LEN],
               psa_key_id_t *id)
{
    psa_status_t status = key_import(
        PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1),
        PSA_KEY_USAGE_SIGN_HASH, PSA_ALG_DETERMINISTIC_ECDSA(PSA_ALG_SHA_256),
        selv_bytes(private_key, SELV_P256_PRIVATE_LEN), id);

    if (status == PSA_ERROR_INVALID_ARGUMENT) {
        return SELV_ERR_CRYPTO_KEY; /* d is 0, or not below the order */
    }
    return status == PSA_SUCCESS ? SELV_OK : SELV_ERR_CRYPTO_LIBRARY;
}

enum selv_err
selv_p256_sign(const uint8_t private_key[static SELV_P256_PRIVATE_LEN],
               const uint8_t hash[static SELV_SHA256_LEN],
               uint8_t signature[static SELV_P256_SIGNATURE_LEN])
{
    psa_key_id_t id = PSA_KEY_ID_NULL;
    size_t len = 0;
    psa_status_t status;
    enum selv_err err = private_import(private_key, &id);

    if (err) {
        return err;
    }
    status = psa_sign_hash(id, PSA_ALG_DETERMINISTIC_ECDSA(PSA_ALG_SHA_256),
                           hash, SELV_SHA256_LEN, signature,
                           SELV_P256_SIGNATURE_LEN, &len);
    (void)psa_destroy_key(id);
    if (status != PSA_SUCCESS || len != SELV_P256_SIGNATURE_LEN) {
        return SELV_ERR_CRYPTO_LIBRARY;
    }
    return SELV_OK;
}

/* The public half of the key pair id, without the leading 0x04. */
static enum selv_err
public_export(psa_key_id_t id, uint8_t public_key[static SELV_P256_PUBLIC_LEN])
{
    uint8_t point[POINT_LEN];
    size_t len = 0;

    if (psa_export_public_key(id, point, sizeof(point), &len) != PSA_SUCCESS ||
        len != sizeof(point)) {
        return SELV_ERR_CRYPTO_LIBRARY;
    }
    memcpy(public_key, point + 1, SELV_P256_PUBLIC_LEN);
    return SELV_OK;
}

enum selv_err
selv_p256_generate(uint8_t private_key[static SELV_P256_PRIVATE_LEN],
                   uint8_t public_key[static SELV_P256_PUBLIC_LEN])
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t id = PSA_KEY_ID_NULL;
    size_t len = 0;
    enum selv_err err;

    psa_set_key_type(&attributes,
                     PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_EXPORT);
    if (psa_generate_key(&attributes, &id) != PSA_SUCCESS) {
        return SELV_ERR_CRYPTO_LIBRARY;
    }
    err = public_export(id, public_key);
    if (!err && (psa_export_key(id, private_key, SELV_P256_PRIVATE_LEN, &len) !=
                     PSA_SUCCESS ||
                 len != SELV_P256_PRIVATE_LEN)) {
        err = SELV_ERR_CRYPTO_LIBRARY;
    }
    (void)psa_destroy_key(id);
    return err;
}

enum selv_err
selv_p256_public(const uint8_t private_key[static SELV_P256_PRIVATE_LEN],
                 uint8_t public_key[static SELV_P256_PUBLIC_LEN])
{
    psa_key_id_t id = PSA_KEY_ID_NULL;
    enum selv_err err = private_import(private_key, &id);

    if (err) {
        return err;
    }
    err = public_export(id, public_key);
    (void)psa_destroy_key(id);
    return err;
}
