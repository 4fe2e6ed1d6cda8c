/* SPDX-License-Identifier: Apache-2.0
 *
 * store/factory.c - see store/factory.h. Format: docs/spec/flash.md. */
#include "store/factory.h"

#include "cbor/cbor.h"
#include "store/factory_int.h"

static void compute_check(struct selv_bytes map,
                          uint8_t check[static SELV_FACTORY_CHECK_LEN])
{
    struct selv_sha256 hash;
    uint8_t digest[SELV_SHA256_LEN];
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, map.p, map.len);
    selv_sha256_finish(&hash, digest);
    memcpy(check, digest, SELV_FACTORY_CHECK_LEN);
}

static bool take_key(struct selv_cbor *r, uint32_t key)
{
    uint32_t found;
    return selv_cbor_uint32(r, SELV_FACTORY_KEY_COUNT, &found) == SELV_OK &&
           found == key;
}

/* A byte string of exactly len bytes under a key. */
static bool take_fixed(struct selv_cbor *r, uint32_t key, uint8_t *out,
                       size_t len)
{
    struct selv_bytes v;
    if (!take_key(r, key) || selv_cbor_bstr(r, &v) || v.len != len) {
        return false;
    }
    memcpy(out, v.p, len);
    return true;
}

static bool take_anchor(struct selv_cbor *r, struct selv_cose_key *anchor)
{
    struct selv_bytes v;
    bool has_private = false;
    return take_key(r, SELV_FACTORY_KEY_ANCHOR) &&
           selv_cbor_bstr(r, &v) == SELV_OK &&
           selv_cose_key_decode(v, anchor, NULL, &has_private) == SELV_OK;
}

static bool take_component(struct selv_cbor *r, struct selv_factory *out)
{
    struct selv_bytes v, item;
    struct selv_cbor inner;
    if (!take_key(r, SELV_FACTORY_KEY_COMPONENT) || selv_cbor_bstr(r, &v) ||
        v.len > SELV_FACTORY_COMPONENT_MAX) {
        return false;
    }
    selv_cbor_init(&inner, v);
    if (selv_cbor_peek(&inner) != SELV_CBOR_ARRAY ||
        selv_cbor_skip(&inner, &item) || !selv_cbor_is_end(&inner)) {
        return false;
    }
    memcpy(out->component_id, v.p, v.len);
    out->component_id_len = (uint8_t)v.len;
    return true;
}

static bool decode_fields(struct selv_cbor *r, struct selv_factory *out)
{
    return take_fixed(r, SELV_FACTORY_KEY_VENDOR, out->vendor_id, 16) &&
           take_fixed(r, SELV_FACTORY_KEY_CLASS, out->class_id, 16) &&
           take_fixed(r, SELV_FACTORY_KEY_DEVICE, out->device_id, 16) &&
           take_fixed(r, SELV_FACTORY_KEY_SEED, out->seed, 32) &&
           take_anchor(r, &out->anchor) && take_component(r, out) &&
           selv_cbor_is_end(r);
}

enum selv_err selv_factory_decode(struct selv_bytes in,
                                  struct selv_factory *out)
{
    struct selv_cbor r;
    struct selv_bytes map;
    uint8_t check[SELV_FACTORY_CHECK_LEN];
    uint32_t count, version;

    memset(out, 0, sizeof *out);
    in.len = in.len < SELV_FACTORY_LEN_MAX ? in.len : SELV_FACTORY_LEN_MAX;
    selv_cbor_init(&r, in);
    if (selv_cbor_peek(&r) != SELV_CBOR_MAP || selv_cbor_skip(&r, &map) ||
        in.len - map.len < SELV_FACTORY_CHECK_LEN) {
        return SELV_ERR_STORE_FACTORY;
    }
    compute_check(map, check);
    if (memcmp(map.p + map.len, check, sizeof check) != 0) {
        return SELV_ERR_STORE_FACTORY;
    }
    selv_cbor_init(&r, map);
    if (selv_cbor_map(&r, &count) || !take_key(&r, SELV_FACTORY_KEY_VERSION) ||
        selv_cbor_uint32(&r, UINT32_MAX, &version)) {
        return SELV_ERR_STORE_FACTORY;
    }
    if (version != SELV_FACTORY_VERSION) {
        return SELV_ERR_STORE_VERSION;
    }
    if (count != SELV_FACTORY_KEY_COUNT || !decode_fields(&r, out)) {
        selv_wipe(out, sizeof *out);
        return SELV_ERR_STORE_FACTORY;
    }
    return SELV_OK;
}
