/* SPDX-License-Identifier: Apache-2.0
 *
 * Beginning, end, and the facts of a checked manifest. */
#include "suit/suit_int.h"

const uint8_t selv_suit_section_keys[SELV_SUIT_SECTION_COUNT] = {
    [SELV_SUIT_SECTION_PAYLOAD_FETCH] = SELV_SUIT_KEY_PAYLOAD_FETCH,
    [SELV_SUIT_SECTION_INSTALL] = SELV_SUIT_KEY_INSTALL,
    [SELV_SUIT_SECTION_VALIDATE] = SELV_SUIT_KEY_VALIDATE,
    [SELV_SUIT_SECTION_LOAD] = SELV_SUIT_KEY_LOAD,
    [SELV_SUIT_SECTION_INVOKE] = SELV_SUIT_KEY_INVOKE,
};

int16_t selv_suit_section_key(const struct selv_suit *s)
{
    return s->is_shared ? (int16_t)SELV_SUIT_KEY_COMMON
                        : selv_suit_section_keys[s->section];
}

void selv_suit_init(struct selv_suit *s,
                    const struct selv_suit_profile *profile,
                    const struct selv_suit_device *device)
{
    memset(s, 0, sizeof *s);
#ifdef SELV_SUIT_ONLY_PROFILE
    (void)profile; /* it is that one */
#else
    s->profile = profile;
#endif
    s->device = device;
    s->authentic = SELV_BAD;
    selv_suit_failure_reset(s);
}

void selv_suit_wipe(struct selv_suit *s)
{
    selv_wipe(s, sizeof *s);
}

void selv_suit_failure_reset(struct selv_suit *s)
{
    memset(&s->failure, 0, sizeof s->failure);
    s->failure.component = SELV_SUIT_NO_COMPONENT;
}

extern inline void selv_suit_seek(struct selv_suit *s, size_t off);

void selv_suit_fault(struct selv_suit *s, enum selv_err err, const uint8_t *p)
{
    if (s->r.err == SELV_OK) {
        s->r.err = err;
        s->r.p = p;
    }
}

enum selv_err selv_suit_settle(struct selv_suit *s)
{
    enum selv_err err = s->r.err;
    size_t off = (size_t)(s->r.p - s->view.p);
    if (err == SELV_ERR_CBOR_TYPE || err == SELV_ERR_CBOR_RANGE) {
        err = SELV_ERR_SUIT_ARGUMENT;
    }
    s->failure.err = err;
    s->failure.offset = (uint16_t)(off > UINT16_MAX ? UINT16_MAX : off);
    return err;
}

const struct selv_suit_failure *selv_suit_failure(const struct selv_suit *s)
{
    return &s->failure;
}

enum selv_verdict selv_suit_is_authentic(const struct selv_suit *s)
{
    return s->authentic;
}

SELV_OPAQUE uint64_t selv_suit_sequence_number(const struct selv_suit *s)
{
    /* Read anew, so that no single skipped instruction makes it another one
     * for the check and for who asks. */
    struct selv_cbor r = {s->view.p +
                              s->manifest[SELV_SUIT_KEY_SEQUENCE_NUMBER],
                          s->view.p + s->view.len, SELV_OK};
    return selv_cbor_pull_wide(&r, SELV_CBOR_UINT);
}

const uint8_t *selv_suit_digest(const struct selv_suit *s)
{
    return s->digest;
}

size_t selv_suit_anchor(const struct selv_suit *s)
{
    return s->anchor;
}

size_t selv_suit_component_count(const struct selv_suit *s)
{
    return s->component_count;
}

struct selv_bytes selv_suit_reference_uri(const struct selv_suit *s)
{
    uint16_t off = s->manifest[SELV_SUIT_KEY_REFERENCE_URI];
    struct selv_cbor r = {s->view.p + off, s->view.p + s->view.len, SELV_OK};
    size_t len = off == 0 ? 0 : selv_cbor_pull(&r, SELV_CBOR_TSTR);
    return selv_bytes(r.p - len, len);
}
