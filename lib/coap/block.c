/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/block.c - bodies in blocks at the server [RFC 7959]. */
#include "coap/coap_int.h"

static uint8_t szx_least(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

/* ---- Block2: a body goes out ------------------------------------------------
 */

enum selv_err selv_coap_slice(const struct selv_coap_msg *rq, uint32_t total,
                              uint8_t szx_max, struct selv_coap_slice *slice)
{
    bool has = (rq->has & SELV_COAP_HAS_BLOCK2) != 0;
    uint8_t szx = has ? szx_least(rq->block2.szx, szx_max) : szx_max;
    uint32_t len = (uint32_t)selv_coap_block_len(szx);
    uint32_t offset =
        has ? rq->block2.num << selv_coap_szx_shift(rq->block2.szx) : 0;
    if ((offset > 0 && offset >= total) ||
        offset >> (szx + 4) > SELV_COAP_BLOCK_NUM_MAX) {
        return SELV_ERR_COAP_BLOCK;
    }
    uint32_t left = total - offset;
    slice->offset = offset;
    slice->total = total;
    slice->len = (uint16_t)(left < len ? left : len);
    slice->block.num = offset >> (szx + 4);
    slice->block.szx = szx;
    slice->block.more = left > len;
    slice->is_blockwise = has || left > len;
    slice->is_observed = false;
    slice->observe = 0;
    return SELV_OK;
}

void selv_coap_write_slice(struct selv_coap_writer *w,
                           const struct selv_coap_slice *slice,
                           struct selv_bytes etag, uint16_t content_format,
                           uint32_t max_age)
{
    if (etag.len > 0) {
        selv_coap_write_opt(w, SELV_COAP_OPT_ETAG, etag);
    }
    if (slice->is_observed) {
        selv_coap_write_uint(w, SELV_COAP_OPT_OBSERVE, slice->observe);
    }
    if (content_format != SELV_COAP_NO_FORMAT) {
        selv_coap_write_uint(w, SELV_COAP_OPT_CONTENT_FORMAT, content_format);
    }
    if (max_age != 60) {
        selv_coap_write_uint(w, SELV_COAP_OPT_MAX_AGE, max_age);
    }
    if (slice->is_blockwise) {
        selv_coap_write_block(w, SELV_COAP_OPT_BLOCK2, &slice->block);
        if (slice->offset == 0) {
            selv_coap_write_uint(w, SELV_COAP_OPT_SIZE2, slice->total);
        }
    }
}

/* ---- Block1: a body comes in
 * ------------------------------------------------- */

void selv_coap_upload_init(struct selv_coap_upload *u, struct selv_buf buf)
{
    memset(u, 0, sizeof *u);
    u->body = buf;
    u->body.len = 0;
}

void selv_coap_upload_end(struct selv_coap_upload *u)
{
    u->expiry_ms = 0;
    u->body.len = 0;
}

uint32_t selv_coap_request_tag(const struct selv_coap_msg *rq)
{
    struct selv_coap_opt o;
    uint32_t tag = 0;
    selv_coap_opt_begin(rq, &o);
    while (selv_coap_opt_next(&o)) {
        if (o.number == SELV_COAP_OPT_REQUEST_TAG) {
            uint8_t len = (uint8_t)o.value.len;
            tag = selv_coap_hash(tag != 0 ? tag : SELV_COAP_HASH, &len, 1);
            tag = selv_coap_hash(tag, o.value.p, o.value.len) | 1u;
        }
    }
    return tag;
}

/* This peer's upload to this resource, whatever its tag. */
static bool upload_is(const struct selv_coap_upload *u, uint64_t now_ms,
                      const struct selv_coap_peer *peer, uint32_t resource)
{
    return u->expiry_ms > now_ms && u->resource == resource &&
           selv_coap_peer_equal(&u->peer, peer);
}

/* True when the request carries a body's first block, or a whole body. */
static bool is_first(const struct selv_coap_msg *rq)
{
    return (rq->has & SELV_COAP_HAS_BLOCK1) == 0 || rq->block1.num == 0;
}

struct selv_coap_upload *
selv_coap_upload_find(struct selv_coap_upload *u, size_t count, uint64_t now_ms,
                      const struct selv_coap_peer *peer, uint32_t resource,
                      const struct selv_coap_msg *rq)
{
    struct selv_coap_upload *oldest = NULL;
    for (size_t i = 0; i < count; i++) {
        if (upload_is(&u[i], now_ms, peer, resource)) {
            return is_first(rq) || u[i].tag == selv_coap_request_tag(rq) ? &u[i]
                                                                         : NULL;
        }
        if (oldest == NULL || u[i].expiry_ms < oldest->expiry_ms) {
            oldest = &u[i];
        }
    }
    uint64_t still_ms =
        now_ms + SELV_COAP_EXCHANGE_LIFETIME_MS - SELV_COAP_UPLOAD_STILL_MS;
    return is_first(rq) && oldest != NULL && oldest->expiry_ms <= still_ms
               ? oldest
               : NULL;
}

static void upload_begin(struct selv_coap_upload *u,
                         const struct selv_coap_peer *peer, uint32_t resource,
                         const struct selv_coap_msg *rq)
{
    u->body.len = 0;
    u->peer = *peer;
    u->resource = resource;
    u->tag = selv_coap_request_tag(rq);
    u->first_mid = rq->mid;
}

/* A block whose size is not what its option says [RFC 7959 2.3]. */
static bool is_misshapen(const struct selv_coap_msg *rq)
{
    size_t len = (size_t)1 << selv_coap_szx_shift(rq->block1.szx);
    if ((rq->has & SELV_COAP_HAS_BLOCK1) == 0) {
        return false;
    }
    if (rq->block1.szx == SELV_COAP_SZX_BERT) {
        return rq->block1.more &&
               (rq->payload.len == 0 || rq->payload.len % len != 0);
    }
    return rq->payload.len > len || (rq->block1.more && rq->payload.len != len);
}

uint8_t selv_coap_upload_feed(struct selv_coap_upload *u, uint64_t now_ms,
                              const struct selv_coap_peer *peer,
                              uint32_t resource, const struct selv_coap_msg *rq)
{
    bool has = (rq->has & SELV_COAP_HAS_BLOCK1) != 0;
    uint64_t offset = has ? (uint64_t)rq->block1.num
                                << selv_coap_szx_shift(rq->block1.szx)
                          : 0;
    if (is_misshapen(rq)) {
        return SELV_COAP_BAD_REQUEST;
    }
    if (u == NULL) {
        return is_first(rq) ? SELV_COAP_UNAVAILABLE : SELV_COAP_INCOMPLETE;
    }
    bool is_known = upload_is(u, now_ms, peer, resource) &&
                    u->tag == selv_coap_request_tag(rq);
    /* A copy of the first block must not throw away what followed it. */
    if (is_first(rq) && !(is_known && has && rq->mid == u->first_mid)) {
        upload_begin(u, peer, resource, rq);
    } else if (!is_known || offset > u->body.len) {
        return SELV_COAP_INCOMPLETE; /* [RFC 7959 2.9.2] */
    }
    uint64_t end = offset + rq->payload.len;
    if (end > u->body.cap ||
        ((rq->has & SELV_COAP_HAS_SIZE1) != 0 && rq->size1 > u->body.cap) ||
        (has && rq->block1.more && end == u->body.cap)) {
        selv_coap_upload_end(u);
        return SELV_COAP_TOO_LARGE;
    }
    u->expiry_ms = now_ms + SELV_COAP_EXCHANGE_LIFETIME_MS;
    if (end > u->body.len) {
        memcpy(u->body.p + offset, rq->payload.p, rq->payload.len);
        u->body.len = (size_t)end;
    }
    return has && rq->block1.more ? SELV_COAP_CONTINUE : 0;
}

void selv_coap_write_upload(struct selv_coap_writer *w,
                            const struct selv_coap_upload *u,
                            const struct selv_coap_msg *rq, uint8_t code,
                            uint8_t szx_max)
{
    if ((rq->has & SELV_COAP_HAS_BLOCK1) == 0) {
        return;
    }
    if (code == SELV_COAP_TOO_LARGE) {
        if (u != NULL) {
            selv_coap_write_uint(w, SELV_COAP_OPT_SIZE1, (uint32_t)u->body.cap);
        }
        return;
    }
    struct selv_coap_block block = rq->block1;
    block.szx = szx_least(block.szx, szx_max);
    selv_coap_write_block(w, SELV_COAP_OPT_BLOCK1, &block);
}

/* ---- an answer goes out that must not be made twice ------------------------
 */

void selv_coap_answer_init(struct selv_coap_answer *a, struct selv_buf buf)
{
    memset(a, 0, sizeof *a);
    a->body = buf;
    a->body.len = 0;
}

void selv_coap_answer_end(struct selv_coap_answer *a)
{
    a->expiry_ms = 0;
    a->body.len = 0;
}

/* This peer's answer from this resource, by this method and Request-Tag. */
static bool answer_is(const struct selv_coap_answer *a, uint64_t now_ms,
                      const struct selv_coap_peer *peer, uint32_t resource,
                      const struct selv_coap_msg *rq)
{
    return a->expiry_ms > now_ms && a->resource == resource &&
           a->method == rq->code && a->tag == selv_coap_request_tag(rq) &&
           selv_coap_peer_equal(&a->peer, peer);
}

static bool is_copy(const struct selv_coap_answer *a,
                    const struct selv_coap_msg *rq)
{
    return a->mid == rq->mid &&
           selv_bytes_equal(selv_bytes(a->token, a->token_len), rq->token);
}

struct selv_coap_answer *
selv_coap_answer_find(struct selv_coap_answer *a, size_t count, uint64_t now_ms,
                      const struct selv_coap_peer *peer, uint32_t resource,
                      const struct selv_coap_msg *rq)
{
    bool is_further = (rq->has & SELV_COAP_HAS_BLOCK2) != 0 &&
                      rq->block2.num > 0 && rq->payload.len == 0;
    for (size_t i = 0; i < count; i++) {
        if (answer_is(&a[i], now_ms, peer, resource, rq) &&
            (is_further || is_copy(&a[i], rq))) {
            return &a[i];
        }
    }
    return NULL;
}

struct selv_coap_answer *
selv_coap_answer_begin(struct selv_coap_answer *a, size_t count,
                       uint64_t now_ms, const struct selv_coap_peer *peer,
                       uint32_t resource, const struct selv_coap_msg *rq)
{
    struct selv_coap_answer *place = NULL;
    uint64_t still_ms =
        now_ms + SELV_COAP_EXCHANGE_LIFETIME_MS - SELV_COAP_UPLOAD_STILL_MS;
    for (size_t i = 0; i < count; i++) {
        if (a[i].expiry_ms > now_ms && a[i].resource == resource &&
            selv_coap_peer_equal(&a[i].peer, peer)) {
            place = &a[i];
            break;
        }
        if (a[i].expiry_ms <= still_ms &&
            (place == NULL || a[i].expiry_ms < place->expiry_ms)) {
            place = &a[i];
        }
    }
    if (place == NULL) {
        return NULL;
    }
    place->body.len = 0;
    place->method = rq->code;
    place->expiry_ms = now_ms + SELV_COAP_EXCHANGE_LIFETIME_MS;
    place->peer = *peer;
    place->resource = resource;
    place->tag = selv_coap_request_tag(rq);
    place->number++;
    place->mid = rq->mid;
    place->token_len = (uint8_t)rq->token.len;
    if (rq->token.len > 0) {
        memcpy(place->token, rq->token.p, rq->token.len);
    }
    return place;
}

enum selv_err selv_coap_answer_write(struct selv_coap_server *s,
                                     struct selv_coap_answer *a,
                                     uint64_t now_ms,
                                     const struct selv_coap_msg *rq,
                                     uint8_t szx_max, struct selv_buf *out)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    uint8_t etag[4];
    enum selv_err err =
        selv_coap_slice(rq, (uint32_t)a->body.len, szx_max, &slice);
    if (err) {
        return err;
    }
    a->expiry_ms = now_ms + SELV_COAP_EXCHANGE_LIFETIME_MS;
    selv_put_be32(etag, a->number);
    selv_coap_reply_begin(s, rq, a->code, out, &w);
    struct selv_coap_slice head = slice;
    head.is_blockwise = false;
    selv_coap_write_slice(&w, &head, selv_bytes(etag, sizeof etag),
                          a->content_format, 60);
    if (slice.is_blockwise) {
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK2, &slice.block);
    }
    selv_coap_write_upload(&w, NULL, rq, a->code, szx_max);
    if (slice.is_blockwise && slice.offset == 0) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_SIZE2, slice.total);
    }
    selv_coap_write_payload(&w,
                            selv_bytes(a->body.p + slice.offset, slice.len));
    return selv_coap_reply_end(s, now_ms, &a->peer, rq, &w, SELV_COAP_RECOMPUTE,
                               out);
}
