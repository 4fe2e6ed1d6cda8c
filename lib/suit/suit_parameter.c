/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters [manifest 8.4.8]: the types and ranges of their values, setting
 * them (override-parameters), and reading them back. */
#include "suit/suit_int.h"

const struct selv_suit_parameter_rule *
selv_suit_parameter_find(const struct selv_suit *s, int32_t code)
{
    const struct selv_suit_profile *profile = selv_suit_profile(s);
    const struct selv_suit_parameter_rule *rule = profile->parameters;
    for (uint32_t left = profile->parameter_count; left > 0; left--) {
        if (rule->code == code) {
            return rule;
        }
        rule++;
    }
    return profile->parameter == NULL ? NULL : profile->parameter(s, code);
}

/* Each value has one deterministic encoding, so the whole structure up to the
 * bytes of the digest is these four: array(2), -16, bstr(32). */
const uint8_t *selv_suit_digest_read(struct selv_cbor *r)
{
    static const uint8_t sha256[] = {0x82, 0x2f, 0x58, 0x20};
    const uint8_t *p = r->p;
    if ((size_t)(r->end - p) < sizeof sha256 + SELV_SHA256_LEN) {
        selv_cbor_note(r, SELV_ERR_SUIT_ARGUMENT);
    } else if (memcmp(p, sha256, sizeof sha256) != 0) {
        selv_cbor_note(r, p[1] == sha256[1] ? SELV_ERR_SUIT_ARGUMENT
                                            : SELV_ERR_SUIT_DIGEST_ALG);
    } else if (r->err == SELV_OK) {
        r->p = p + sizeof sha256 + SELV_SHA256_LEN;
    }
    return r->p - SELV_SHA256_LEN;
}

/* ---- setting them ------------------------------------------------------- */

/* Read the value of a parameter, which must be what the draft says. */
static void read_value(struct selv_suit *s,
                       const struct selv_suit_parameter_rule *rule)
{
    struct selv_cbor *r = &s->r;
    if (!SELV_SUIT_LACKS(special) && rule->type == SELV_SUIT_SPECIAL) {
        selv_suit_profile(s)->special(s, rule);
    } else if (rule->slot == SELV_SUIT_SLOT_IMAGE_DIGEST) {
        const uint8_t *end = selv_cbor_enter(r); /* [manifest 8.4.8.6] */
        (void)selv_suit_digest_read(r);
        selv_cbor_leave(r, end);
    } else {
        uint32_t len = selv_cbor_pull(r, (enum selv_cbor_type)rule->type);
        if (rule->len != 0 && rule->len != len) {
            selv_cbor_note(r, SELV_ERR_SUIT_ARGUMENT);
        }
    }
}

/* An image that was good is so for the digest and size that were set then.
 * No item of CBOR is the beginning of another: the old value is the same when
 * it begins with the bytes of the new one. */
static void set(struct selv_suit *s, uint32_t slot, const uint8_t *value)
{
    struct selv_suit_params *params = &s->params[selv_suit_component(s)];
    const uint8_t *old = s->view.p + params->at[slot - 1];
    const uint8_t *now = value;
    params->at[slot - 1] = selv_suit_off(s, value);
    /* Most often it is set by the same command once more. */
    while (old != value && now != s->r.p) {
        if (*old != *now) {
            if (slot <= SELV_SUIT_SLOT_IMAGE_SIZE) {
                params->image_good = SELV_BAD;
            }
            break;
        }
        old++;
        now++;
    }
}

/* [manifest 8.4.10.3] */
enum selv_err selv_suit_run_override_parameters(struct selv_suit *s,
                                                struct selv_suit_todo *todo)
{
    struct selv_cbor *r = &s->r;
    uint32_t rank = 0;
    uint32_t count = selv_cbor_pull(r, SELV_CBOR_MAP);
    (void)todo;
    if (count == 0) {
        selv_cbor_note(r, SELV_ERR_SUIT_ARGUMENT);
    }
    for (; count > 0 && r->err == SELV_OK; count--) {
        s->failure.code = selv_cbor_pull_key(r, &rank);
        const struct selv_suit_parameter_rule *rule =
            selv_suit_parameter_find(s, s->failure.code);
        if (rule == NULL) {
            selv_cbor_note(r, SELV_ERR_SUIT_PARAMETER); /* or no key at all */
            break;
        }
        const uint8_t *value = r->p;
        read_value(s, rule);
        if (!selv_suit_is_checking(s) && rule->slot != SELV_SUIT_SLOT_NONE) {
            set(s, rule->slot, value);
        }
    }
    return SELV_OK;
}

/* ---- reading them back -------------------------------------------------- */

bool selv_suit_param(struct selv_suit *s, enum selv_suit_slot slot)
{
    uint32_t off = s->params[selv_suit_component(s)].at[slot - 1];
    selv_suit_seek(s, off);
    return off != 0;
}

struct selv_bytes selv_suit_param_bytes(struct selv_suit *s,
                                        enum selv_suit_slot slot)
{
    size_t len = 0;
    if (selv_suit_param(s, slot)) {
        len = selv_cbor_pull(&s->r, SELV_CBOR_BSTR);
    }
    return selv_bytes(s->r.p - len, len);
}

const uint8_t *selv_suit_image_digest(struct selv_suit *s)
{
    if (!selv_suit_param(s, SELV_SUIT_SLOT_IMAGE_DIGEST)) {
        return NULL;
    }
    (void)selv_cbor_enter(&s->r);
    return selv_suit_digest_read(&s->r);
}
