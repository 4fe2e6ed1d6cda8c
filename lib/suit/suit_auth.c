/* SPDX-License-Identifier: Apache-2.0
 *
 * Authentication [manifest 6.2, 8.3]: the digest in the wrapper is that of
 * the manifest, and one block over that digest verifies under an anchor.
 * Nothing of the manifest is parsed here. */
#include "suit/suit_int.h"

enum selv_verdict selv_suit_digest_verdict(const uint8_t *head,
                                           const uint8_t *end,
                                           const uint8_t *claimed)
{
    struct selv_sha256 h;
    uint8_t digest[SELV_SHA256_LEN];
    enum selv_verdict verdict = SELV_BAD;
    selv_sha256_init(&h);
    selv_sha256_update(&h, head, (size_t)(end - head));
    selv_sha256_finish(&h, digest);
    if (selv_ct_equal(digest, claimed, sizeof digest) &&
        selv_ct_equal(claimed, digest, sizeof digest)) {
        verdict = SELV_GOOD;
    }
    return verdict;
}

/* Try every block; the first good one decides. Blocks of kinds that we lack
 * do not matter as long as another one is good. *why: of the failures, the
 * one that says most. */
static enum selv_verdict blocks_verdict(struct selv_suit *s,
                                        struct selv_cbor *r, uint32_t count,
                                        struct selv_bytes payload,
                                        enum selv_err *why)
{
    const struct selv_suit_device *device = s->device;
    for (uint32_t i = 0; i < count; i++) {
        struct selv_bytes block;
        size_t anchor = 0;
        enum selv_err err = SELV_OK;
        selv_suit_read_bstr(s, r, &block);
        enum selv_verdict verdict =
            selv_cose_sign1_verify(block, payload, device->anchors,
                                   device->anchor_count, &anchor, &err);
        if (selv_suit_is_good(verdict) && anchor < device->anchor_count) {
            s->anchor = (uint8_t)anchor;
            return verdict;
        }
        if (i == 0 || err == SELV_ERR_COSE_NO_KEY) {
            *why = err;
        }
    }
    return SELV_BAD;
}

/* The wrapper's shape, to the last byte, so that what decides later cannot
 * depend on what stands behind a good block. Returns how many blocks. */
static uint32_t read_wrapper(struct selv_suit *s, struct selv_cbor r,
                             struct selv_bytes *payload)
{
    struct selv_cbor inner;
    const uint8_t *start = r.p;
    uint32_t count = selv_suit_read_array(s, &r);
    selv_suit_note(s, count == 0 ? SELV_ERR_SUIT_MISSING : SELV_OK, start);
    selv_suit_read_bstr(s, &r, payload);
    selv_cbor_init(&inner, *payload);
    enum selv_err err = selv_suit_digest_read(&inner, &s->digest);
    selv_suit_note(s, err, inner.p);
    selv_suit_read_end(s, &inner);
    if (count == 1) {
        selv_suit_note(s, SELV_ERR_SUIT_NOT_SIGNED, r.p);
    }
    if (count > 1 + SELV_SUIT_SIGNERS_MAX) {
        selv_suit_note(s, SELV_ERR_SUIT_SIGNERS, r.p);
    }
    for (uint32_t i = 1; i < count && s->failure.err == SELV_OK; i++) {
        struct selv_bytes block;
        selv_suit_read_bstr(s, &r, &block);
    }
    selv_suit_read_end(s, &r);
    return count - 1;
}

void selv_suit_authenticate(struct selv_suit *s)
{
    struct selv_cbor r;
    struct selv_bytes payload;
    selv_cbor_init(&r, s->wrapper);
    s->failure.section = SELV_SUIT_KEY_AUTHENTICATION;
    uint32_t blocks = read_wrapper(s, r, &payload);
    if (s->failure.err != SELV_OK) {
        return;
    }
    /* A good signature may cover the digest of another manifest, so both are
     * asked for, and each twice before the verdict is kept. The digest covers
     * the manifest's byte string with its head. */
    enum selv_verdict same = selv_suit_digest_verdict(
        s->manifest_head, s->manifest.p + s->manifest.len, s->digest);
    if (!selv_suit_is_good(same)) {
        selv_suit_note(s, SELV_ERR_SUIT_DIGEST, s->digest);
        return;
    }
    enum selv_err why = SELV_ERR_COSE_NO_KEY;
    r.p = payload.p + payload.len;
    enum selv_verdict is_signed = blocks_verdict(s, &r, blocks, payload, &why);
    if (!selv_suit_is_good(is_signed)) {
        selv_suit_note(s, why, r.p);
        return;
    }
    if (selv_suit_is_good(same) && selv_suit_is_good(is_signed)) {
        s->authentic = SELV_GOOD;
    }
}
