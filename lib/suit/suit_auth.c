/* SPDX-License-Identifier: Apache-2.0
 *
 * Authentication [manifest 6.2, 8.3]: the digest in the wrapper is that of
 * the manifest, and one block over that digest verifies under an anchor.
 * Nothing of the manifest is parsed here. */
#include "suit/suit_int.h"

enum selv_verdict selv_suit_digest_verdict(struct selv_suit *s, uint32_t off,
                                           const uint8_t *claimed)
{
    struct selv_sha256 h;
    uint8_t digest[SELV_SHA256_LEN];
    selv_suit_seek(s, off);
    const uint8_t *head = s->r.p;
    (void)selv_cbor_pull(&s->r, SELV_CBOR_BSTR);
    selv_sha256_init(&h);
    selv_sha256_update(&h, head, (size_t)(s->r.p - head));
    selv_sha256_finish(&h, digest);
    return selv_suit_same_digest(digest, claimed);
}

/* Try every block; the first good one decides. Blocks of kinds that we lack
 * do not matter as long as another one is good. *why: of the failures, the
 * one that says most. All are read, so that what decides cannot depend on what
 * stands behind a good one. */
static enum selv_verdict blocks_verdict(struct selv_suit *s, uint32_t count,
                                        const struct selv_bytes payload[2],
                                        enum selv_err *why)
{
    const struct selv_suit_device *device = s->device;
    enum selv_verdict verdict = SELV_BAD;
    for (uint32_t i = 0; i < count; i++) {
        size_t anchor = 0;
        uint32_t len = selv_cbor_pull(&s->r, SELV_CBOR_BSTR);
        struct selv_cbor block = {s->r.p - len, s->r.p, s->r.err};
        if (selv_is_good(verdict)) {
            continue;
        }
        verdict = selv_cose_verify_at(&block, payload, device->anchors,
                                      device->anchor_count, &anchor);
        s->anchor = (uint8_t)anchor;
        if (i == 0 || block.err == SELV_ERR_COSE_NO_KEY) {
            *why = block.err;
        }
    }
    return verdict;
}

void selv_suit_authenticate(struct selv_suit *s)
{
    struct selv_cbor *r = &s->r;
    struct selv_bytes payload[2];
    enum selv_err why = SELV_ERR_COSE_NO_KEY;
    s->failure.section = SELV_SUIT_KEY_AUTHENTICATION;
    selv_suit_seek(s, s->envelope[SELV_SUIT_KEY_AUTHENTICATION]);
    (void)selv_cbor_enter(r);
    uint32_t count = selv_cbor_pull(r, SELV_CBOR_ARRAY);
    if (count - 2 >= SELV_SUIT_SIGNERS_MAX) {
        selv_cbor_note(r, count == 0   ? SELV_ERR_SUIT_MISSING
                          : count == 1 ? SELV_ERR_SUIT_NOT_SIGNED
                                       : SELV_ERR_SUIT_SIGNERS);
    }
    payload[0].p = r->p;
    const uint8_t *end = selv_cbor_enter(r);
    s->digest = selv_suit_digest_read(r);
    payload[0].len = (size_t)(r->p - payload[0].p);
    payload[1] = selv_bytes(s->digest, 0);
    selv_cbor_leave(r, end);
    struct selv_cbor blocks = *r;
    if (r->err != SELV_OK) {
        return;
    }
    /* A good signature may cover the digest of another manifest, so both are
     * asked for, and each twice before the verdict is kept. The digest covers
     * the manifest's byte string with its head. */
    enum selv_verdict same = selv_suit_digest_verdict(
        s, s->envelope[SELV_SUIT_KEY_MANIFEST], s->digest);
    if (!selv_is_good(same)) {
        selv_suit_fault(s, SELV_ERR_SUIT_DIGEST, s->digest);
    }
    if (r->err != SELV_OK) {
        return;
    }
    *r = blocks;
    enum selv_verdict is_signed = blocks_verdict(s, count - 1, payload, &why);
    selv_cbor_leave(r, r->end);
    if (!selv_is_good(is_signed)) {
        selv_suit_fault(s, why, blocks.p);
    }
    if (selv_is_good(same) && selv_is_good(is_signed) && r->err == SELV_OK) {
        s->authentic = SELV_GOOD;
    }
}
