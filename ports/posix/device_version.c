/* SPDX-License-Identifier: Apache-2.0
 *
 * The running image's version as its author wrote it into the manifest's
 * text [manifest 8.4.4], for operators to read. The bootloader has verified
 * the envelope; what is missing or odd here is no version, and no error. */
#include "cbor/cbor.h"
#include "posix/device.h"
#include "store/slot.h"
#include "suit/numbers.h"

/* The value behind an encoded key in a map of any keys; false: none. */
static bool find(struct selv_bytes map, struct selv_bytes key,
                 struct selv_bytes *value)
{
    struct selv_cbor r;
    struct selv_bytes at, item;
    uint32_t count;

    selv_cbor_init(&r, map);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        return false;
    }
    for (; count > 0; count--) {
        if (selv_cbor_skip(&r, &at) != SELV_OK ||
            selv_cbor_skip(&r, &item) != SELV_OK) {
            return false;
        }
        if (selv_bytes_equal(at, key)) {
            *value = item;
            return true;
        }
    }
    return false;
}

/* The same for a number below 24; the value is what a byte string holds. */
static bool find_wrapped(struct selv_bytes map, uint8_t number,
                         struct selv_bytes *value)
{
    struct selv_bytes item;
    struct selv_cbor r;

    if (!find(map, selv_bytes(&number, 1), &item)) {
        return false;
    }
    selv_cbor_init(&r, item);
    return selv_cbor_bstr(&r, value) == SELV_OK;
}

/* Text may stand in the manifest, or beside it when it is severable. */
static bool find_text(struct selv_bytes envelope, struct selv_bytes *text)
{
    struct selv_bytes map, manifest;
    struct selv_cbor r;
    uint64_t tag;

    selv_cbor_init(&r, envelope);
    if (selv_cbor_tag(&r, &tag) != SELV_OK) {
        return false;
    }
    map = selv_bytes(r.p, (size_t)(r.end - r.p));
    _Static_assert(SELV_SUIT_KEY_MANIFEST < 24 && SELV_SUIT_KEY_TEXT < 24,
                   "keys of one byte");
    return find_wrapped(map, SELV_SUIT_KEY_TEXT, text) ||
           (find_wrapped(map, SELV_SUIT_KEY_MANIFEST, &manifest) &&
            find_wrapped(manifest, SELV_SUIT_KEY_TEXT, text));
}

/* In the first language that says it. */
static bool find_version(const struct device *d, struct selv_bytes text,
                         struct selv_bytes *version)
{
    const uint8_t key = SELV_SUIT_TEXT_COMPONENT_VERSION;
    struct selv_bytes id =
        selv_bytes(d->factory.component_id, d->factory.component_id_len);
    struct selv_bytes language, component, item;
    struct selv_cbor r, value;
    uint32_t count;

    selv_cbor_init(&r, text);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        return false;
    }
    for (; count > 0; count--) {
        if (selv_cbor_skip(&r, NULL) != SELV_OK ||
            selv_cbor_skip(&r, &language) != SELV_OK) {
            return false;
        }
        if (find(language, id, &component) &&
            find(component, selv_bytes(&key, 1), &item)) {
            selv_cbor_init(&value, item);
            return selv_cbor_tstr(&value, version) == SELV_OK;
        }
    }
    return false;
}

void device_read_version(struct device *d)
{
    static uint8_t bytes[SELV_SUIT_ENVELOPE_MAX]; /* d->version stays there */
    const struct selv_slot_place *place = &d->layout->slot[d->record.slot];
    struct selv_buf scratch = {bytes, sizeof bytes, 0};
    struct selv_bytes envelope, text;

    d->version = selv_bytes(NULL, 0);
    if (selv_slot_envelope(d->media, place, &scratch, &envelope) != SELV_OK ||
        !find_text(envelope, &text) || !find_version(d, text, &d->version) ||
        d->version.len > SELV_CONSUMER_VERSION_MAX) {
        d->version = selv_bytes(NULL, 0);
    }
}
