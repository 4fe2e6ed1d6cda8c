/* SPDX-License-Identifier: Apache-2.0
 *
 * Authentication [manifest 6.2, 8.3]: the digest in the wrapper is that of
 * the manifest, and one block over that digest verifies under an anchor.
 * Nothing of the manifest is parsed here. */
#include "suit/suit_int.h"

/* The digest covers the manifest's byte string with its head. */
static enum selv_verdict digest_verdict(const struct selv_suit *s,
                                        const uint8_t *claimed)
{
    const uint8_t *head = s->view.p + s->manifest_head;
    size_t len = (size_t)(s->manifest_off - s->manifest_head) + s->manifest_len;
    struct selv_sha256 h;
    uint8_t digest[SELV_SHA256_LEN];
    enum selv_verdict verdict = SELV_BAD;
    selv_sha256_init(&h);
    selv_sha256_update(&h, head, len);
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
        enum selv_err err = selv_cbor_bstr(r, &block);
        if (err != SELV_OK) {
            *why = err;
            return SELV_BAD;
        }
        size_t anchor = 0;
        enum selv_verdict verdict =
            selv_cose_sign1_verify(block, payload, device->anchors,
                                   device->anchor_count, &anchor, &err);
        if (selv_is_good(verdict) && anchor < device->anchor_count) {
            s->anchor = (uint8_t)anchor;
            return verdict;
        }
        if (i == 0 || err == SELV_ERR_COSE_NO_KEY) {
            *why = err;
        }
    }
    return SELV_BAD;
}

/* Head of the wrapper: how many blocks, and the digest's byte string. */
static enum selv_err open_wrapper(struct selv_cbor *r, uint32_t *blocks,
                                  struct selv_bytes *digest)
{
    uint32_t count = 0;
    enum selv_err err = selv_cbor_array(r, &count);
    if (err != SELV_OK) {
        return err;
    }
    if (count == 0) {
        return SELV_ERR_SUIT_MISSING;
    }
    err = selv_cbor_bstr(r, digest);
    *blocks = count - 1;
    return err;
}

/* All of the wrapper that needs no key: its shape to the last byte, so that
 * what decides below cannot depend on what stands behind a good block. */
static enum selv_err check_wrapper(struct selv_cbor r, uint32_t blocks)
{
    if (blocks == 0) {
        return SELV_ERR_SUIT_NOT_SIGNED;
    }
    if (blocks > SELV_SUIT_SIGNERS_MAX) {
        return SELV_ERR_SUIT_SIGNERS;
    }
    for (uint32_t i = 0; i < blocks; i++) {
        struct selv_bytes block;
        enum selv_err err = selv_cbor_bstr(&r, &block);
        if (err != SELV_OK) {
            return err;
        }
    }
    return selv_cbor_end(&r);
}

enum selv_err selv_suit_authenticate(struct selv_suit *s)
{
    s->failure.section = SELV_SUIT_KEY_AUTHENTICATION;
    struct selv_cbor r = selv_suit_reader(s, s->wrapper_off, s->wrapper_len);
    uint32_t blocks = 0;
    struct selv_bytes payload;
    enum selv_err err = open_wrapper(&r, &blocks, &payload);
    if (err == SELV_OK) {
        err = check_wrapper(r, blocks);
    }
    if (err != SELV_OK) {
        return selv_suit_fail_at(s, err, r.p, 0);
    }
    struct selv_cbor inner;
    selv_cbor_init(&inner, payload);
    const uint8_t *claimed = NULL;
    err = selv_suit_digest_read(&inner, &claimed);
    if (err == SELV_OK) {
        err = selv_cbor_end(&inner);
    }
    if (err != SELV_OK) {
        return selv_suit_fail_at(s, err, inner.p, 0);
    }
    /* A good signature may cover the digest of another manifest, so both are
     * asked for, and each twice before the verdict is kept. */
    enum selv_verdict same = digest_verdict(s, claimed);
    if (!selv_is_good(same)) {
        return selv_suit_fail_at(s, SELV_ERR_SUIT_DIGEST, claimed, 0);
    }
    enum selv_err why = SELV_ERR_COSE_NO_KEY;
    enum selv_verdict is_signed = blocks_verdict(s, &r, blocks, payload, &why);
    if (!selv_is_good(is_signed)) {
        return selv_suit_fail_at(s, why, r.p, 0);
    }
    s->digest_off = selv_suit_off(s, claimed);
    if (selv_is_good(same) && selv_is_good(is_signed)) {
        s->authentic = SELV_GOOD;
    }
    s->failure.section = 0;
    return SELV_OK;
}
