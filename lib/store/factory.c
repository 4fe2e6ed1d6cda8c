/* SPDX-License-Identifier: Apache-2.0
 *
 * store/factory.c - see store/factory.h. Format: docs/spec/flash.md. */
#include "store/factory_int.h"

enum selv_err selv_factory_decode(struct selv_bytes in,
                                  struct selv_factory *out)
{
    const uint8_t *p = in.p;

    memset(out, 0, sizeof *out);
    if (in.len < SELV_FACTORY_LEN ||
        !selv_check_is_right(p, SELV_FACTORY_LEN)) {
        return SELV_ERR_STORE_FACTORY;
    }
    if (p[SELV_FACTORY_AT_VERSION] != SELV_FACTORY_VERSION) {
        return SELV_ERR_STORE_VERSION;
    }
    if (p[SELV_FACTORY_AT_KIND] != SELV_FACTORY_KIND ||
        p[SELV_FACTORY_AT_ANCHOR_TYPE] != SELV_FACTORY_ANCHOR_P256 ||
        p[SELV_FACTORY_AT_KID_LEN] > sizeof out->anchor.kid ||
        p[SELV_FACTORY_AT_COMPONENT_LEN] - 1u >= SELV_FACTORY_COMPONENT_MAX) {
        return SELV_ERR_STORE_FACTORY;
    }
    memcpy(out, p + SELV_FACTORY_AT_IDENTITY, SELV_FACTORY_IDENTITY_LEN);
    memcpy(&out->anchor.public_key, p + SELV_FACTORY_AT_ANCHOR,
           SELV_P256_PUBLIC_LEN + sizeof out->anchor.kid);
    memcpy(out->component_id, p + SELV_FACTORY_AT_COMPONENT,
           sizeof out->component_id);
    out->anchor.method = &selv_cose_es256;
    out->anchor.kid_len = p[SELV_FACTORY_AT_KID_LEN];
    out->component_id_len = p[SELV_FACTORY_AT_COMPONENT_LEN];
    return SELV_OK;
}
