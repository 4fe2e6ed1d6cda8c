/* SPDX-License-Identifier: Apache-2.0
 *
 * store/factory_encode.c - the factory's half of store/factory.h; host builds
 * only. */
#include "store/factory_int.h"

#include "cbor/cbor.h"

/* Whether the component identifier is an array, whole, and nothing else. */
static bool is_component_id(struct selv_bytes id)
{
    struct selv_cbor r;
    selv_cbor_init(&r, id);
    return id.len <= SELV_FACTORY_COMPONENT_MAX &&
           selv_cbor_peek(&r) == SELV_CBOR_ARRAY &&
           selv_cbor_skip(&r, NULL) == SELV_OK && selv_cbor_is_end(&r);
}

enum selv_err selv_factory_encode(const struct selv_factory *factory,
                                  struct selv_buf *out)
{
    const struct selv_cose_key *anchor = &factory->anchor;
    uint8_t *p = out->p;

    if (anchor->method != &selv_cose_es256 ||
        anchor->kid_len > sizeof anchor->kid ||
        !is_component_id(
            selv_bytes(factory->component_id, factory->component_id_len))) {
        return SELV_ERR_ARG;
    }
    if (out->cap < SELV_FACTORY_LEN) {
        return SELV_ERR_SPACE;
    }
    memset(p, 0, SELV_FACTORY_LEN);
    p[SELV_FACTORY_AT_VERSION] = SELV_FACTORY_VERSION;
    p[SELV_FACTORY_AT_KIND] = SELV_FACTORY_KIND;
    p[SELV_FACTORY_AT_ANCHOR_TYPE] = SELV_FACTORY_ANCHOR_P256;
    p[SELV_FACTORY_AT_KID_LEN] = anchor->kid_len;
    p[SELV_FACTORY_AT_COMPONENT_LEN] = factory->component_id_len;
    memcpy(p + SELV_FACTORY_AT_IDENTITY, factory, SELV_FACTORY_IDENTITY_LEN);
    memcpy(p + SELV_FACTORY_AT_ANCHOR, anchor->public_key,
           SELV_P256_PUBLIC_LEN);
    memcpy(p + SELV_FACTORY_AT_KID, anchor->kid, anchor->kid_len);
    memcpy(p + SELV_FACTORY_AT_COMPONENT, factory->component_id,
           factory->component_id_len);
    selv_check_make(p, SELV_FACTORY_AT_CHECK, p + SELV_FACTORY_AT_CHECK);
    out->len = SELV_FACTORY_LEN;
    return SELV_OK;
}
