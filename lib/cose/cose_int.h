/* SPDX-License-Identifier: Apache-2.0
 *
 * cose/cose_int.h - shared by the files of this folder only.
 *
 * Most of what COSE asks about an item is which one it is, and each value has
 * one deterministic encoding: so labels, algorithms and the like are compared
 * encoded, and most of them are a single byte. */
#ifndef SELV_COSE_COSE_INT_H
#define SELV_COSE_COSE_INT_H

#include "cbor/cbor.h"
#include "cose/cose.h"

/* A number of the COSE registries as its encoded item: 0 to 23, -1 to -24. */
#define ITEM(number) ((uint8_t)((number) < 0 ? 0x1f - (number) : (number)))

enum {
    ITEM_BSTR = 0x40,   /* and the length, when below 24 */
    ITEM_BSTR_1 = 0x58, /* and the length in the byte behind */
    ITEM_ARRAY = 0x80,  /* and the count, when below 24 */
    ITEM_NULL = 0xf6
};

/* [RFC 9052 3.1, 7.1; RFC 9053 6.1, 7.1.1, 7.1.3] */
enum {
    TAG_MAC0 = 17,
    TAG_SIGN1 = 18,

    HEADER_ALG = 1,
    HEADER_CRIT = 2,
    HEADER_KID = 4,

    KEY_KTY = 1,
    KEY_KID = 2,
    KEY_ALG = 3,
    KEY_OPS = 4,
    KEY_CRV = -1,
    KEY_X = -2,
    KEY_Y = -3,
    KEY_D = -4,
    KEY_K = -1,

    KTY_EC2 = 2,
    KTY_SYMMETRIC = 4,
    CRV_P256 = 1,
    OP_SIGN = 1,
    OP_VERIFY = 2,
    OP_MAC_CREATE = 9,
    OP_MAC_VERIFY = 10
};

/* ---- authentication blocks ------------------------------------------------
 */

/* What a block says, as views into it, and what it is about. */
struct selv_cose_block {
    uint32_t tag;
    struct selv_bytes protected_item; /* the encoded byte string */
    struct selv_bytes proof;          /* signature or authentication tag */
    const struct selv_bytes *payload; /* [2], as selv_cose_verify_at has it */
    /* By label, the values of the headers that we know; NULL: not there. */
    const uint8_t *at[HEADER_KID + 1];
};

struct selv_cose_method {
    uint8_t tag;       /* of the blocks that it verifies */
    uint8_t proof_len; /* bytes */
    uint8_t alg[2];    /* the items that it takes */
    uint8_t begin_len;
    uint8_t begin[12]; /* the structure up to the protected bucket: array(4)
                          and context [RFC 9052 4.4, 6.3] */
    enum selv_verdict (*verify)(const struct selv_cose_key *key,
                                const struct selv_cose_block *block);
};

/* Hash the Sig_structure or MAC_structure of a block, its external_aad
 * empty. */
void selv_cose_structure_hash(struct selv_sha256 *h,
                              const struct selv_cose_method *method,
                              const struct selv_cose_block *block);

/* The two parts of a payload; its head is written to head, which they view. */
void selv_cose_payload_head(struct selv_bytes payload,
                            struct selv_bytes parts[static 2],
                            uint8_t head[static 5]);

/* The tag of a COSE_Mac0 [RFC 9052 6.3]. */
void selv_cose_mac_make(const struct selv_cose_key *key,
                        const struct selv_cose_block *block,
                        uint8_t mac[static SELV_SHA256_LEN]);

/* HMAC-SHA-256 in parts: begin, any number of selv_sha256_update, end. */
void selv_hmac256_begin(struct selv_sha256 *h,
                        const uint8_t key[static SELV_COSE_HMAC_KEY_LEN]);
void selv_hmac256_end(struct selv_sha256 *h,
                      const uint8_t key[static SELV_COSE_HMAC_KEY_LEN],
                      uint8_t mac[static SELV_SHA256_LEN]);

/* ---- COSE_Key ---------------------------------------------------------------
 */

/* Where the values of a COSE_Key's parameters stand, NULL for those that it
 * lacks: labels 1 to 4 at their number, -1 to -4 from 5 on. */
struct selv_cose_params {
    const uint8_t *at[9];
    const uint8_t *end;
};

#define PARAM(label) ((unsigned)((label) < 0 ? 4 - (label) : (label)))

/* Split a COSE_Key of the given type into its parameters; they are whole items.
 * Takes its kid into key. Errors as selv_cose_key_decode. */
SELV_MUST_CHECK enum selv_err
selv_cose_params_read(struct selv_bytes in, uint8_t kty,
                      struct selv_cose_params *params,
                      struct selv_cose_key *key);

/* Its alg, when there is one, is one of the method's; its key_ops, when there
 * are some, have one of the two. */
bool selv_cose_params_fit(const struct selv_cose_params *params,
                          const struct selv_cose_method *method,
                          const uint8_t ops[static 2]);

/* The content of a byte string of 32 bytes; NULL when item is none. */
const uint8_t *selv_cose_bytes32(const uint8_t *item);

#endif
