/* SPDX-License-Identifier: Apache-2.0
 *
 * store/factory_encode.c - the factory's half of store/factory.h; host builds
 * only. */
#include "store/factory.h"

#include "cbor/cbor.h"
#include "store/factory_int.h"

enum { KEY_LEN_MAX = 128 };

static void put_bytes(struct selv_cbor_writer *w, uint64_t key, const void *p,
                      size_t len)
{
    selv_cbor_put_uint(w, key);
    selv_cbor_put_bstr(w, selv_bytes(p, len));
}

enum selv_err selv_factory_encode(const struct selv_factory *factory,
                                  struct selv_buf *out)
{
    struct selv_cbor_writer w;
    struct selv_bytes map;
    struct selv_sha256 hash;
    uint8_t digest[SELV_SHA256_LEN];
    uint8_t key_bytes[KEY_LEN_MAX];
    struct selv_buf key = {key_bytes, sizeof key_bytes, 0};

    enum selv_err err = selv_cose_key_encode(&factory->anchor, NULL, &key);
    if (err) {
        return err;
    }
    selv_cbor_writer_init(&w, out->p, out->cap);
    selv_cbor_put_map(&w, SELV_FACTORY_KEY_COUNT);
    selv_cbor_put_uint(&w, SELV_FACTORY_KEY_VERSION);
    selv_cbor_put_uint(&w, SELV_FACTORY_VERSION);
    put_bytes(&w, SELV_FACTORY_KEY_VENDOR, factory->vendor_id, 16);
    put_bytes(&w, SELV_FACTORY_KEY_CLASS, factory->class_id, 16);
    put_bytes(&w, SELV_FACTORY_KEY_DEVICE, factory->device_id, 16);
    put_bytes(&w, SELV_FACTORY_KEY_SEED, factory->seed, 32);
    put_bytes(&w, SELV_FACTORY_KEY_ANCHOR, key.p, key.len);
    put_bytes(&w, SELV_FACTORY_KEY_COMPONENT, factory->component_id,
              factory->component_id_len);
    err = selv_cbor_finish(&w, &map);
    if (err) {
        return err;
    }
    if (map.len + SELV_FACTORY_CHECK_LEN > out->cap ||
        map.len + SELV_FACTORY_CHECK_LEN > SELV_FACTORY_LEN_MAX) {
        return SELV_ERR_SPACE;
    }
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, map.p, map.len);
    selv_sha256_finish(&hash, digest);
    memcpy(out->p + map.len, digest, SELV_FACTORY_CHECK_LEN);
    out->len = map.len + SELV_FACTORY_CHECK_LEN;
    return SELV_OK;
}
