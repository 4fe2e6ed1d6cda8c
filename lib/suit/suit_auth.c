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
 * do not matter as long as another one is good. Keeps of the failures the one
 * that says most. All are read, so that what decides cannot depend on what
 * stands behind a good one. */
static enum selv_verdict blocks_verdict(struct selv_suit *s, uint32_t count,
                                        const struct selv_bytes payload[2])
{
    const struct selv_suit_device *device = s->device;
    const uint8_t *start = s->r.p;
    enum selv_verdict verdict = SELV_BAD;
    enum selv_err why = SELV_OK;
    for (; count > 0; count--) {
        uint32_t len = selv_cbor_pull(&s->r, SELV_CBOR_BSTR);
        struct selv_cbor block = {s->r.p - len, s->r.p, s->r.err};
        if (!selv_is_good(verdict)) {
            verdict = selv_cose_verify_at(&block, payload, device->anchors,
                                          device->anchor_count, &s->anchor);
            if (why == SELV_OK || block.err == SELV_ERR_COSE_NO_KEY) {
                why = block.err;
            }
        }
    }
    selv_cbor_leave(&s->r, s->r.end);
    if (!selv_is_good(verdict)) {
        selv_suit_fault(s, why, start);
    }
    return verdict;
}

void selv_suit_authenticate(struct selv_suit *s)
{
    struct selv_cbor *r = &s->r;
    struct selv_bytes payload[2];
    s->failure.section = SELV_SUIT_KEY_AUTHENTICATION;
    selv_suit_go_to(s, s->envelope, SELV_SUIT_KEY_MANIFEST);
    selv_suit_go_to(s, s->envelope, SELV_SUIT_KEY_AUTHENTICATION);
    if (r->err == SELV_OK) {
        s->failure.code = 0;
    }
    (void)selv_cbor_enter(r);
    uint32_t count = selv_cbor_pull(r, SELV_CBOR_ARRAY) - 1;
    if (count - 1 >= SELV_SUIT_SIGNERS_MAX) {
        selv_cbor_note(r, count - 1 < SELV_SUIT_ENVELOPE_MAX
                              ? SELV_ERR_SUIT_SIGNERS
                              : SELV_ERR_SUIT_NOT_SIGNED);
    }
    payload[0].p = r->p;
    const uint8_t *end = selv_cbor_enter(r);
    s->digest = selv_suit_digest_read(r);
    selv_cbor_leave(r, end);
    payload[0].len = (size_t)(r->p - payload[0].p);
    payload[1] = selv_bytes(r->p, 0);
    if (r->err != SELV_OK) {
        return;
    }
    /* A good signature may cover the digest of another manifest, so both are
     * asked for, and each twice before the verdict is kept. The digest covers
     * the manifest's byte string with its head. */
    const uint8_t *blocks = r->p;
    end = r->end;
    enum selv_verdict same = selv_suit_digest_verdict(
        s, s->envelope[SELV_SUIT_KEY_MANIFEST], s->digest);
    if (r->err == SELV_OK) {
        r->p = blocks;
        r->end = end;
    }
    if (!selv_is_good(same)) {
        selv_suit_fault(s, SELV_ERR_SUIT_DIGEST, s->digest);
    }
    enum selv_verdict is_signed = blocks_verdict(s, count, payload);
    if (selv_is_good(same) && selv_is_good(is_signed) && r->err == SELV_OK) {
        s->authentic = SELV_GOOD;
    }
}
