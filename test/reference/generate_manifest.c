/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "test/reference/generate_int.h"

/* ---- manifest ----------------------------------------------------------- */

static void put_component(struct generator *g, struct grown *out,
                          struct selv_bytes id)
{
    if (!fault(g)) {
        grown_add(out, id.p, id.len);
        return;
    }
    switch (roll(g, 3)) {
    case 0: /* one that no device has */
        put_head(out, CBOR_ARRAY, 1);
        put_bstr(out, "\x77", 1);
        break;
    case 1:
        put_head(out, CBOR_ARRAY, 1);
        put_tstr(out, "0");
        break;
    default:
        put_odd(g, out);
        break;
    }
}

/* Some of the device's components, in an order of their own. */
static void put_components(struct generator *g, struct grown *out,
                           const struct generated *made)
{
    size_t count = g->components;
    unsigned first = roll(g, WORLD_COMPONENTS);
    unsigned step = WORLD_COMPONENTS % 2 != 0 && chance(g, 50) ? 2 : 1;
    size_t twin = SIZE_MAX;
    if (fault(g)) {
        switch (roll(g, 3)) {
        case 0:
            count = 0;
            break;
        case 1:
            count = SELV_SUIT_COMPONENTS_MAX + 1;
            break;
        default:
            twin = count - 1;
            break;
        }
    }
    put_head(out, CBOR_ARRAY, count + (twin != SIZE_MAX));
    for (size_t i = 0; i < count; i++) {
        size_t k = (first + i * step) % WORLD_COMPONENTS;
        put_component(g, out, made->components[k].id);
        if (i == twin) {
            put_component(g, out, made->components[k].id);
        }
    }
}

static void put_common(struct generator *g, struct grown *out,
                       const struct generated *made)
{
    struct grown map = {0};
    bool has_shared = chance(g, 75);
    bool has_components = !fault(g);
    unsigned odd = fault(g) ? 1 + 2 * roll(g, 2) : 0; /* an unassigned key */
    put_head(&map, CBOR_MAP,
             (uint64_t)has_shared + has_components + (odd != 0));
    if (odd == 1) {
        put_int(&map, 1);
        put_int(&map, 0);
    }
    if (has_components) {
        put_int(&map, SELV_SUIT_COMMON_COMPONENTS);
        put_components(g, &map, made);
    }
    if (odd == 3) {
        put_int(&map, 3);
        put_int(&map, 0);
    }
    if (has_shared) {
        put_int(&map, SELV_SUIT_COMMON_SHARED_SEQUENCE);
        put_outermost(g, &map, -1);
    }
    put_bstr(out, map.p, map.len);
    free(map.p);
}

#define TEXT (SELV_SUIT_SECTION_INVOKE + 1) /* no section, but severable */

/* Elements of the manifest behind common. */
static const struct {
    int key, section;
    unsigned percent;
    bool is_severable;
} sections[] = {{7, SELV_SUIT_SECTION_VALIDATE, 70, false},
                {8, SELV_SUIT_SECTION_LOAD, 35, false},
                {9, SELV_SUIT_SECTION_INVOKE, 60, false},
                {16, SELV_SUIT_SECTION_PAYLOAD_FETCH, 40, true},
                {20, SELV_SUIT_SECTION_INSTALL, 70, true},
                {23, TEXT, 15, true}};

static void put_text(struct grown *out)
{
    put_bstr(out, "\xa1\x62\x65\x6e\xa1\x01\x61\x78", 8); /* {"en": {1: "x"}} */
}

/* Into the manifest, or as a digest there and as bytes into the envelope. */
static unsigned put_section(struct generator *g, struct grown *map,
                            struct grown *severed, size_t i,
                            unsigned *severed_count)
{
    if (!chance(g, sections[i].percent)) {
        return 0;
    }
    struct grown bytes = {0};
    if (sections[i].section == TEXT) {
        put_text(&bytes);
    } else {
        put_outermost(g, &bytes, sections[i].section);
    }
    put_int(map, sections[i].key);
    bool is_severed = chance(g, 25);
    if ((sections[i].is_severable && is_severed) || (is_severed && fault(g))) {
        put_digest(g, map, selv_bytes(bytes.p, bytes.len));
        if (fault(g)) {
            bytes.p[bytes.len - 1] ^= 1;
        }
        if (!chance(g, 15)) {
            put_int(severed, sections[i].key);
            grown_add(severed, bytes.p, bytes.len);
            (*severed_count)++;
        }
    } else {
        grown_add(map, bytes.p, bytes.len);
        if (fault(g)) { /* in both places */
            put_int(severed, sections[i].key);
            grown_add(severed, bytes.p, bytes.len);
            (*severed_count)++;
        }
    }
    free(bytes.p);
    return 1;
}

/* Version, sequence number, common; one of them missing or odd. */
static unsigned put_required(struct generator *g, struct grown *map,
                             const struct generated *made)
{
    unsigned count = 0;
    uint64_t number = made->device.sequence_min + roll(g, 2);
    if (!fault(g)) {
        put_int(map, SELV_SUIT_KEY_VERSION);
        put_int(map, fault(g) ? 2 : 1);
        count++;
    }
    if (!fault(g)) {
        put_int(map, SELV_SUIT_KEY_SEQUENCE_NUMBER);
        if (fault(g)) {
            put_head(map, CBOR_UINT, made->device.sequence_min - 1);
        } else {
            put_head(map, CBOR_UINT, number);
        }
        count++;
    }
    if (fault(g)) { /* keys twice */
        put_int(map, SELV_SUIT_KEY_SEQUENCE_NUMBER);
        put_head(map, CBOR_UINT, number);
        count++;
    }
    if (!fault(g)) {
        put_int(map, SELV_SUIT_KEY_COMMON);
        put_common(g, map, made);
        count++;
    }
    return count;
}

void put_manifest(struct generator *g, struct grown *out, struct grown *severed,
                  unsigned *severed_count, const struct generated *made)
{
    static const int unknown[] = {5,  6,  10, 11, 12, 13,
                                  14, 15, 17, 18, 24, -257};
    struct grown map = {0};
    unsigned count = put_required(g, &map, made);
    if (chance(g, 20)) {
        put_int(&map, SELV_SUIT_KEY_REFERENCE_URI);
        if (fault(g)) {
            put_bstr(&map, "x", 1);
        } else {
            put_tstr(&map, "coap://example.org/m");
        }
        count++;
    }
    int odd = fault(g) ? unknown[roll(g, 12)] : 0;
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (odd > 0 && odd < sections[i].key) {
            put_int(&map, odd);
            put_int(&map, 0);
            count++;
            odd = 0;
        }
        count += put_section(g, &map, severed, i, severed_count);
    }
    if (odd != 0) {
        put_int(&map, odd);
        put_int(&map, 0);
        count++;
    } else if (fault(g)) { /* the order */
        put_int(&map, SELV_SUIT_KEY_REFERENCE_URI);
        put_tstr(&map, "x");
        count++;
    }
    put_head(out, CBOR_MAP, count);
    grown_add(out, map.p, map.len);
    free(map.p);
}
