/* SPDX-License-Identifier: Apache-2.0
 *
 * store/factory_int.h - where the fields of the factory data stand
 * (docs/spec/flash.md). */
#ifndef SELV_STORE_FACTORY_INT_H
#define SELV_STORE_FACTORY_INT_H

#include "store/check.h"
#include "store/factory.h"

enum {
    SELV_FACTORY_KIND = 0x46,     /* F */
    SELV_FACTORY_ANCHOR_P256 = 1, /* ES256, ESP256; x and y */
    SELV_FACTORY_AT_VERSION = 0,
    SELV_FACTORY_AT_KIND = 1,
    SELV_FACTORY_AT_ANCHOR_TYPE = 2,
    SELV_FACTORY_AT_KID_LEN = 3,
    SELV_FACTORY_AT_COMPONENT_LEN = 4,
    SELV_FACTORY_AT_IDENTITY = 8, /* vendor, class, device id, seed */
    SELV_FACTORY_IDENTITY_LEN = 3 * 16 + 32,
    SELV_FACTORY_AT_ANCHOR =
        SELV_FACTORY_AT_IDENTITY + SELV_FACTORY_IDENTITY_LEN,
    SELV_FACTORY_AT_KID = SELV_FACTORY_AT_ANCHOR + SELV_P256_PUBLIC_LEN,
    SELV_FACTORY_AT_COMPONENT = SELV_FACTORY_AT_KID + 8,
    SELV_FACTORY_AT_CHECK =
        SELV_FACTORY_AT_COMPONENT + SELV_FACTORY_COMPONENT_MAX,
    SELV_FACTORY_CHECK_LEN = SELV_CHECK_LEN
};

_Static_assert(SELV_FACTORY_AT_CHECK + SELV_FACTORY_CHECK_LEN ==
                   SELV_FACTORY_LEN,
               "the check ends the data");
_Static_assert(offsetof(struct selv_factory, seed) == 3 * 16,
               "the identity is copied as one piece");
_Static_assert(offsetof(struct selv_cose_key, kid) -
                       offsetof(struct selv_cose_key, public_key) ==
                   SELV_FACTORY_AT_KID - SELV_FACTORY_AT_ANCHOR,
               "and so are the key and its identifier");

#endif
