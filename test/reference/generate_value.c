/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "test/reference/generate_int.h"

/* ---- odd values --------------------------------------------------------- */

/* An item of a type that is seldom the right one. */
void put_odd(struct generator *g, struct grown *out)
{
    switch (roll(g, 9)) {
    case 0:
        put_simple(out, CBOR_NULL);
        break;
    case 1:
        put_tstr(out, "x");
        break;
    case 2:
        put_int(out, -1);
        break;
    case 3:
        put_simple(out, CBOR_FALSE);
        break;
    case 4:
        put_head(out, CBOR_ARRAY, 0);
        break;
    case 5:
        put_head(out, CBOR_MAP, 0);
        break;
    case 6:
        put_bstr(out, "", 0);
        break;
    case 7:
        put_head(out, CBOR_TAG, 6);
        put_int(out, 0);
        break;
    default:
        put_head(out, CBOR_UINT, (uint64_t)1 << 32);
        break;
    }
}

static void put_uuid(struct grown *out, unsigned n, size_t len)
{
    uint8_t id[17];
    memset(id, (int)(0x11 * n), sizeof id);
    put_bstr(out, id, len);
}

void put_pool(struct generator *g, struct grown *out)
{
    struct selv_bytes b = world_pool(some_content(g));
    put_bstr(out, b.p, b.len);
}

/* A SUIT_Digest of bytes, not wrapped. */
void put_digest(struct generator *g, struct grown *out, struct selv_bytes of)
{
    uint8_t digest[48] = {0};
    size_t len = SELV_SHA256_LEN;
    int64_t algorithm = SELV_SUIT_DIGEST_SHA256;
    uint64_t count = 2;
    sha256(of, digest);
    if (fault(g)) {
        switch (roll(g, 4)) {
        case 0:
            len--;
            break;
        case 1:
            algorithm = -43; /* SHA-384 */
            len = 48;
            break;
        case 2:
            count = 3;
            break;
        default:
            put_odd(g, out);
            return;
        }
    }
    put_head(out, CBOR_ARRAY, count);
    put_int(out, algorithm);
    put_bstr(out, digest, len);
    if (count == 3) {
        put_int(out, 0);
    }
}

/* ---- parameters --------------------------------------------------------- */

/* All of them, in canonical order. */
static const int parameters[] = {1,  2,  3,  5,  12, 13,   14,  18,
                                 21, 22, 23, 24, 25, -257, -300};
#define PARAMETERS (sizeof parameters / sizeof parameters[0])

static void put_image_digest(struct generator *g, struct grown *out, unsigned n)
{
    struct grown digest = {0};
    put_digest(g, &digest, world_pool(n));
    if (fault(g)) {
        grown_add(&digest, "", 1);
    }
    put_bstr(out, digest.p, digest.len);
    free(digest.p);
}

static void put_uri(struct generator *g, struct grown *out, unsigned n)
{
    char uri[SELV_SUIT_URI_MAX + 2];
    memset(uri, 'u', sizeof uri);
    uri[sizeof uri - 1] = '\0';
    if (fault(g)) {
        switch (roll(g, 3)) {
        case 0:
            put_tstr(out, "");
            break;
        case 1:
            put_tstr(out, uri); /* one too long */
            break;
        default:
            put_tstr(out, "u\xff");
            break;
        }
        return;
    }
    static const char *const names[] = {"#a", "#b", "#c", "u\xc3\xb6"};
    if (chance(g, 20)) {
        put_tstr(out, names[roll(g, 4)]);
    } else if (chance(g, 1)) {
        uri[SELV_SUIT_URI_MAX] = '\0';
        put_tstr(out, uri);
    } else {
        uri[1] = (char)('0' + n);
        uri[2] = '\0';
        put_tstr(out, uri);
    }
}

static void put_vendor(struct generator *g, struct grown *out)
{
    static const uint8_t pen[2][3] = {{0x82, 0x37, 0x01}, {0x83, 0x49, 0}};
    bool may_be_pen = (g->known.parameters & 1) != 0 || fault(g);
    if (may_be_pen && chance(g, 15)) {
        unsigned n = chance(g, 25) ? 1 : 0;
        put_head(out, CBOR_TAG, SELV_SUIT_TAG_PEN);
        put_bstr(out, pen[n], n == 0 ? 3 : 2);
    } else {
        put_uuid(out, chance(g, 10) ? 9 : 1,
                 fault(g) ? 15 + 2 * roll(g, 2) : 16);
    }
}

/* An index of a component, or one too high. */
uint64_t some_index(struct generator *g)
{
    return fault(g) ? g->components + roll(g, 2)
                    : roll(g, (unsigned)g->components);
}

static void put_value(struct generator *g, struct grown *out, int parameter,
                      unsigned n)
{
    if (parameter > 0 && fault(g)) {
        put_odd(g, out);
        return;
    }
    switch (parameter) {
    case SELV_SUIT_PARAMETER_VENDOR_ID:
        put_vendor(g, out);
        break;
    case SELV_SUIT_PARAMETER_CLASS_ID:
    case SELV_SUIT_PARAMETER_DEVICE_ID:
        put_uuid(out, chance(g, 10) ? 9 : 2, fault(g) ? 17 : 16);
        break;
    case SELV_SUIT_PARAMETER_IMAGE_DIGEST:
        put_image_digest(g, out, n);
        break;
    case SELV_SUIT_PARAMETER_COMPONENT_SLOT:
        put_int(out, chance(g, 25) ? 1 : 0);
        break;
    case SELV_SUIT_PARAMETER_STRICT_ORDER:
        put_simple(out, chance(g, 30) ? CBOR_TRUE : CBOR_FALSE);
        break;
    case SELV_SUIT_PARAMETER_SOFT_FAILURE:
        put_simple(out, chance(g, 50) ? CBOR_TRUE : CBOR_FALSE);
        break;
    case SELV_SUIT_PARAMETER_IMAGE_SIZE:
        put_int(out, chance(g, 85)  ? (int64_t)world_pool(n).len
                     : chance(g, 5) ? UINT32_MAX
                                    : roll(g, 16));
        break;
    case SELV_SUIT_PARAMETER_URI:
        put_uri(g, out, n);
        break;
    case SELV_SUIT_PARAMETER_SOURCE_COMPONENT:
        put_head(out, CBOR_UINT, some_index(g));
        break;
    case SELV_SUIT_PARAMETER_CONTENT:
        put_pool(g, out);
        break;
    case SELV_SUIT_PARAMETER_INVOKE_ARGS:
    case SELV_SUIT_PARAMETER_FETCH_ARGUMENTS:
        put_pool(g, out);
        break;
    default: /* private: any item */
        put_odd(g, out);
        break;
    }
}

static bool may_be_set(struct generator *g, const struct spot *spot,
                       int parameter)
{
    if (parameter > 0 && (g->known.parameters >> parameter & 1) == 0) {
        return fault(g);
    }
    if (parameter == SELV_SUIT_PARAMETER_SOFT_FAILURE && spot->depth == 0) {
        return fault(g);
    }
    if (parameter < 0 && (spot->section < 0 || !g->known.has_private)) {
        return fault(g);
    }
    return true;
}

/* A map in another order, with a key twice, or with a key that nobody
 * knows. */
static void put_bad_parameters(struct generator *g, struct grown *out)
{
    static const int unknown[] = {0, 4, 11, 19, 26, 64, -1, -256, -258};
    unsigned kind = roll(g, 5);
    put_head(out, CBOR_MAP, kind < 2 ? 2 : kind < 4 ? 1 : 0);
    if (kind < 2) {
        put_int(out, 14);
        put_int(out, 1);
        put_int(out, kind == 0 ? 5 : 14);
        put_int(out, 1);
    } else if (kind == 2) {
        put_int(out, unknown[roll(g, 9)]);
        put_int(out, 1);
    } else if (kind == 3) {
        put_tstr(out, "5");
        put_int(out, 1);
    }
}

/* override-parameters of those whose bit is set; none: of some. */
void put_override(struct generator *g, struct grown *out, struct spot *spot,
                  uint64_t wanted, unsigned n)
{
    put_int(out, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    if (fault(g)) {
        if (chance(g, 20)) {
            put_odd(g, out);
        } else {
            put_bad_parameters(g, out);
        }
        return;
    }
    struct grown map = {0};
    unsigned count = 0;
    for (size_t i = 0; i < PARAMETERS; i++) {
        int p = parameters[i];
        bool is_wanted = wanted != 0 ? p > 0 && (wanted >> p & 1) != 0
                         : p == SELV_SUIT_PARAMETER_STRICT_ORDER
                             ? chance(g, 12)
                             : chance(g, 20);
        if (is_wanted && may_be_set(g, spot, p)) {
            put_int(&map, p);
            put_value(g, &map, p, n);
            spot->is_loose |= p == SELV_SUIT_PARAMETER_STRICT_ORDER;
            count++;
        }
    }
    if (count == 0) {
        put_int(&map, SELV_SUIT_PARAMETER_IMAGE_DIGEST);
        put_value(g, &map, SELV_SUIT_PARAMETER_IMAGE_DIGEST, n);
        count = 1;
    }
    put_head(out, CBOR_MAP, count);
    grown_add(out, map.p, map.len);
    free(map.p);
}
