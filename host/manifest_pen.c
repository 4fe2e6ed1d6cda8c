/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests, and vendors that are private enterprise numbers. */
#include "host/manifest_int.h"
#include "host/uuid.h"

void manifest_sha256(struct selv_bytes bytes,
                     uint8_t digest[static SELV_SHA256_LEN])
{
    struct selv_sha256 h;

    selv_sha256_init(&h);
    selv_sha256_update(&h, bytes.p, bytes.len);
    selv_sha256_finish(&h, digest);
}

/* One arc: groups of 7 bits, the highest first, all but the last marked
 * [X.690 8.20]. */
void manifest_pen_put(struct selv_cbor_writer *w, uint32_t pen)
{
    uint8_t arc[5];
    size_t at = sizeof(arc);

    arc[--at] = (uint8_t)(pen & 0x7f);
    while ((pen >>= 7) != 0) {
        arc[--at] = (uint8_t)(0x80 | (pen & 0x7f));
    }
    selv_cbor_put_tag(w, SELV_SUIT_TAG_PEN);
    selv_cbor_put_bstr(w, selv_bytes(arc + at, sizeof(arc) - at));
}

bool manifest_pen_get(struct selv_bytes item, uint32_t *pen)
{
    struct selv_cbor r;
    struct selv_bytes arc;
    uint64_t number = 0;
    uint64_t tag;

    selv_cbor_init(&r, item);
    if (selv_cbor_tag(&r, &tag) != SELV_OK || tag != SELV_SUIT_TAG_PEN ||
        selv_cbor_bstr(&r, &arc) != SELV_OK || !selv_cbor_is_end(&r) ||
        arc.len == 0 || arc.len > 5 || arc.p[0] == 0x80) {
        return false;
    }
    for (size_t i = 0; i < arc.len; i++) {
        if (((arc.p[i] & 0x80) == 0) != (i + 1 == arc.len)) {
            return false;
        }
        number = number << 7 | (arc.p[i] & 0x7f);
    }
    *pen = (uint32_t)number;
    return number <= UINT32_MAX;
}

void manifest_pen_uuid(uint32_t pen, uint8_t uuid[static 16])
{
    /* UUID5(OID name space, h'D86F452B06010401') [manifest 8.4.8.1] */
    static const uint8_t space[SELV_UUID_LEN] = {
        0x47, 0xfb, 0xda, 0xbb, 0xf2, 0xe4, 0x55, 0xf0,
        0xbb, 0x39, 0x36, 0x20, 0xc2, 0xf6, 0xdf, 0x4e};
    uint8_t item[16];
    struct selv_cbor_writer w;

    selv_cbor_writer_init(&w, item, sizeof(item));
    manifest_pen_put(&w, pen);
    selv_uuid_v5(space, selv_bytes(item, w.len), uuid);
}
