/* SPDX-License-Identifier: Apache-2.0
 *
 * cose/cose_int.h - shared by the files of this folder only. */
#ifndef SELV_COSE_COSE_INT_H
#define SELV_COSE_COSE_INT_H

#include "cbor/cbor.h"
#include "cose/cose.h"

/* Numbers of the COSE registries [RFC 9052 3.1, 7.1; RFC 9053 7.1.1]. */
enum {
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

    KTY_EC2 = 2,
    CRV_P256 = 1,
    OP_SIGN = 1,
    OP_VERIFY = 2
};

/* Hash of the Sig_structure [RFC 9052 4.4] with an empty external_aad.
 * protected_item is the whole encoded byte string of the protected header. */
void selv_cose_tbs_hash(struct selv_bytes protected_item,
                        struct selv_bytes payload,
                        uint8_t hash[static SELV_SHA256_LEN]);

/* True for the algorithms that a P-256 key verifies. */
static inline bool selv_cose_alg_is_p256(int32_t alg)
{
    return alg == SELV_COSE_ESP256 || alg == SELV_COSE_ES256;
}

#endif
