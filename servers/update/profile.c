/* SPDX-License-Identifier: Apache-2.0
 *
 * profile.c - see update/profile.h. */
#include "profile.h"

#include "cbor/cbor.h"

/* ---- maps with small unsigned keys --------------------------------------- */

struct map {
    struct selv_cbor *r;
    struct selv_bytes previous;
    uint32_t left; /* pairs */
    uint32_t seen; /* bit k: key k was there */
};

static enum selv_err map_begin(struct selv_cbor *r, struct map *m)
{
    memset(m, 0, sizeof *m);
    m->r = r;
    return selv_cbor_map(r, &m->left);
}

/* The next key, at most max; SELV_ERR_ARG for another one. */
static enum selv_err map_key(struct map *m, uint32_t max, uint32_t *key)
{
    struct selv_cbor at = *m->r;
    struct selv_bytes encoded;
    enum selv_err err = selv_cbor_skip(&at, &encoded);
    if (err) {
        return err;
    }
    err = selv_cbor_key_order(&m->previous, encoded);
    if (err) {
        return err;
    }
    err = selv_cbor_uint32(m->r, max, key);
    if (err == SELV_ERR_CBOR_RANGE) {
        err = SELV_ERR_ARG;
    }
    if (!err) {
        m->seen |= 1u << *key;
        m->left--;
    }
    return err;
}

/* bits: the keys that must have been there. */
static enum selv_err map_end(const struct map *m, uint32_t bits)
{
    return (m->seen & bits) == bits ? SELV_OK : SELV_ERR_ARG;
}

/* ---- values -------------------------------------------------------------- */

static enum selv_err fixed_get(struct selv_cbor *r, size_t len,
                               const uint8_t **out)
{
    struct selv_bytes v;
    enum selv_err err = selv_cbor_bstr(r, &v);
    if (err) {
        return err;
    }
    if (v.len != len) {
        return SELV_ERR_ARG;
    }
    *out = v.p;
    return SELV_OK;
}

static enum selv_err number_get(struct selv_cbor *r, uint64_t *out)
{
    enum selv_err err = selv_cbor_uint(r, out);
    if (!err && *out > (uint64_t)SELV_PROFILE_NUMBER_MAX) {
        err = SELV_ERR_CBOR_RANGE;
    }
    return err;
}

static enum selv_err format_get(struct selv_cbor *r)
{
    uint32_t format;
    enum selv_err err = selv_cbor_uint32(r, UINT32_MAX, &format);
    if (!err && format != SELV_PROFILE_FORMAT) {
        err = SELV_ERR_ARG;
    }
    return err;
}

/* [+ bstr], as it stands. */
static enum selv_err component_id_get(struct selv_cbor *r,
                                      struct selv_bytes *out)
{
    const uint8_t *start = r->p;
    uint32_t count;
    enum selv_err err = selv_cbor_array(r, &count);
    if (!err && count == 0) {
        err = SELV_ERR_ARG;
    }
    for (; !err && count > 0; count--) {
        struct selv_bytes segment;
        err = selv_cbor_bstr(r, &segment);
    }
    if (!err) {
        *out = selv_bytes(start, (size_t)(r->p - start));
    }
    return err;
}

static enum selv_err running_value(struct selv_cbor *r, uint32_t key,
                                   struct selv_running *out)
{
    enum selv_err err = SELV_ERR_ARG;
    switch (key) {
    case 1:
        err = component_id_get(r, &out->id);
        break;
    case 2:
        err = number_get(r, &out->sequence_number);
        break;
    case 3:
        err = fixed_get(r, SELV_SHA256_LEN, &out->digest);
        break;
    case 4:
        err = selv_cbor_uint32(r, UINT32_MAX, &out->slot);
        break;
    case 5:
        err = selv_cbor_tstr(r, &out->version);
        if (!err && out->version.len > SELV_PROFILE_VERSION_MAX) {
            err = SELV_ERR_CBOR_RANGE;
        }
        break;
    default:
        break;
    }
    return err;
}

static enum selv_err running_get(struct selv_cbor *r, struct selv_running *out)
{
    struct map m;
    memset(out, 0, sizeof *out);
    enum selv_err err = map_begin(r, &m);
    while (!err && m.left > 0) {
        uint32_t key;
        err = map_key(&m, 5, &key);
        if (!err) {
            err = running_value(r, key, out);
        }
    }
    return err ? err : map_end(&m, 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4);
}

static enum selv_err components_get(struct selv_cbor *r,
                                    struct selv_profile *out)
{
    enum selv_err err = selv_cbor_array(r, &out->component_count);
    if (!err && (out->component_count == 0 ||
                 out->component_count > SELV_PROFILE_COMPONENTS_MAX)) {
        err = SELV_ERR_CBOR_RANGE;
    }
    for (uint32_t i = 0; !err && i < out->component_count; i++) {
        struct selv_running other;
        err = running_get(r, i == 0 ? &out->running : &other);
    }
    return err;
}

static enum selv_err boot_get(struct selv_cbor *r, struct selv_profile *out)
{
    struct map m;
    enum selv_err err = map_begin(r, &m);
    while (!err && m.left > 0) {
        uint32_t key;
        err = map_key(&m, 3, &key);
        if (err) {
            break;
        }
        switch (key) {
        case 1:
            err = selv_cbor_uint32(r, UINT32_MAX, &out->boot_version);
            break;
        case 2:
            err = number_get(r, &out->accepted);
            break;
        case 3:
            err = number_get(r, &out->floor);
            break;
        default:
            err = SELV_ERR_ARG;
            break;
        }
    }
    return err ? err : map_end(&m, 1u << 1 | 1u << 2 | 1u << 3);
}

/* ---- profile ------------------------------------------------------------- */

static enum selv_err profile_value(struct selv_cbor *r, uint32_t key,
                                   struct selv_profile *out, const char **where)
{
    switch (key) {
    case 1:
        *where = "format version (key 1), which must be 1";
        return format_get(r);
    case 2:
        *where = "device id (key 2), 16 bytes";
        return fixed_get(r, 16, &out->device_id);
    case 3:
        *where = "vendor id (key 3), 16 bytes";
        return fixed_get(r, 16, &out->vendor_id);
    case 4:
        *where = "class id (key 4), 16 bytes";
        return fixed_get(r, 16, &out->class_id);
    case 5:
        *where = "components (key 5)";
        return components_get(r, out);
    case 6:
        *where = "largest envelope (key 6)";
        return selv_cbor_uint32(r, UINT32_MAX, &out->envelope_max);
    case 7:
        *where = "image space (key 7)";
        return selv_cbor_uint32(r, UINT32_MAX, &out->slot_size);
    case 8:
        *where = "boot (key 8)";
        return boot_get(r, out);
    default:
        return SELV_ERR_ARG;
    }
}

enum selv_err selv_profile_decode(struct selv_bytes in,
                                  struct selv_profile *out, const char **where)
{
    struct selv_cbor r;
    struct map m;
    memset(out, 0, sizeof *out);
    *where = "profile, a map";
    selv_cbor_init(&r, in);
    enum selv_err err = map_begin(&r, &m);
    while (!err && m.left > 0) {
        uint32_t key;
        *where = "keys, 1 to 8 in ascending order";
        err = map_key(&m, 8, &key);
        if (!err) {
            err = profile_value(&r, key, out, where);
        }
    }
    if (!err) {
        *where = "keys: all of 1 to 8 are needed";
        err = map_end(&m, 0x1feu);
    }
    if (!err) {
        *where = "end of the profile";
        err = selv_cbor_end(&r);
    }
    return err;
}

/* ---- status -------------------------------------------------------------- */

static enum selv_err status_value(struct selv_cbor *r, uint32_t key,
                                  struct selv_status *out, const char **where)
{
    switch (key) {
    case 1:
        *where = "format version (key 1), which must be 1";
        return format_get(r);
    case 2:
        *where = "SUIT_Report (key 2)";
        return selv_suit_report_get(r, &out->report);
    case 3:
        *where = "state (key 3), 0 to 11";
        return selv_cbor_uint32(r, SELV_STATUS_STATE_MAX, &out->state);
    case 4:
        *where = "sequence number (key 4)";
        return number_get(r, &out->sequence_number);
    case 5:
        *where = "running component (key 5)";
        return running_get(r, &out->running);
    case 6:
        *where = "error number (key 6)";
        return selv_cbor_uint32(r, UINT16_MAX, &out->error);
    default:
        return SELV_ERR_ARG;
    }
}

enum selv_err selv_status_decode(struct selv_bytes in, struct selv_status *out,
                                 const char **where)
{
    struct selv_cbor r;
    struct map m;
    memset(out, 0, sizeof *out);
    *where = "status, a map";
    selv_cbor_init(&r, in);
    enum selv_err err = map_begin(&r, &m);
    while (!err && m.left > 0) {
        uint32_t key;
        *where = "keys, 1 to 6 in ascending order";
        err = map_key(&m, 6, &key);
        if (!err) {
            err = status_value(&r, key, out, where);
        }
    }
    if (!err) {
        *where = "keys: all of 1 to 6 are needed";
        err = map_end(&m, 0x7eu);
    }
    if (!err) {
        *where = "end of the status";
        err = selv_cbor_end(&r);
    }
    return err;
}

const char *selv_status_state_name(uint32_t state)
{
    static const char *const names[] = {"idle",        "notified", "authorized",
                                        "downloading", "verified", "waiting",
                                        "installing",  "trial",    "confirmed",
                                        "rejected",    "failed",   "reverted"};
    _Static_assert(sizeof names / sizeof names[0] == SELV_STATUS_STATE_MAX + 1,
                   "a name for each state");
    return state <= SELV_STATUS_STATE_MAX ? names[state] : "unknown";
}
