/* SPDX-License-Identifier: Apache-2.0
 *
 * See posix/tell.h. */
#include "posix/tell.h"

#include "cbor/cbor.h"
#include "crypto/crypto.h"

#define STATUS_VERSION 1u
#define STATE_RESOURCE 1u

/* A key before and behind, and a quarter of the digest: nothing can be
 * appended. */
static void tag_make(const void *key, struct selv_bytes message,
                     uint8_t tag[static SELV_COAP_ECHO_TAG_LEN])
{
    struct selv_sha256 hash;
    uint8_t digest[SELV_SHA256_LEN];

    selv_sha256_init(&hash);
    selv_sha256_update(&hash, key, SELV_TELL_KEY_LEN);
    selv_sha256_update(&hash, message.p, message.len);
    selv_sha256_update(&hash, key, SELV_TELL_KEY_LEN);
    selv_sha256_finish(&hash, digest);
    memcpy(tag, digest, SELV_COAP_ECHO_TAG_LEN);
}

void selv_tell_init(struct selv_tell *t, struct selv_coap_server *server,
                    const uint8_t key[static SELV_TELL_KEY_LEN])
{
    struct selv_coap_mac mac = {tag_make, t->key};

    memset(t, 0, sizeof *t);
    memcpy(t->key, key, sizeof t->key);
    t->server = server;
    t->until_ms = UINT64_MAX;
    selv_coap_observe_init(&t->list, server, t->observers, SELV_TELL_OBSERVERS);
    selv_coap_echo_init(&t->echo, mac, t->verified, SELV_TELL_VERIFIED);
}

bool selv_tell_feed(struct selv_tell *t, const struct selv_coap_peer *peer,
                    struct selv_bytes datagram)
{
    return selv_coap_observe_feed(&t->list, selv_posix_now_ms(), peer,
                                  datagram);
}

void selv_tell_hear(struct selv_tell *t, const struct selv_coap_peer *peer,
                    const struct selv_coap_msg *rq, size_t request_len)
{
    t->verdict = selv_coap_echo_judge(&t->echo, selv_posix_now_ms(), peer, rq);
    t->request_len = request_len;
}

bool selv_tell_allows(const struct selv_tell *t, size_t reply_len)
{
    return selv_coap_echo_allows(t->verdict, t->request_len, reply_len);
}

void selv_tell_guard(struct selv_tell *t, const struct selv_coap_peer *peer,
                     const struct selv_coap_msg *rq, struct selv_buf *out)
{
    (void)selv_coap_echo_guard(&t->echo, t->server, selv_posix_now_ms(), peer,
                               rq, t->request_len, t->verdict, out);
}

/* ---- the state ------------------------------------------------------------
 */

static void put_running(struct selv_cbor_writer *w,
                        const struct selv_push_device *d)
{
    bool has_version = d->version.len > 0;

    selv_cbor_put_map(w, has_version ? 5 : 4);
    selv_cbor_put_uint(w, 1);
    selv_cbor_put_raw(
        w, selv_bytes(d->factory->component_id, d->factory->component_id_len));
    selv_cbor_put_uint(w, 2);
    selv_cbor_put_uint(w, d->record->sequence);
    selv_cbor_put_uint(w, 3);
    selv_cbor_put_bstr(w, selv_bytes(d->record->digest, SELV_SHA256_LEN));
    selv_cbor_put_uint(w, 4);
    selv_cbor_put_uint(w, d->record->slot);
    if (has_version) {
        selv_cbor_put_uint(w, 5);
        selv_cbor_put_tstr(w, d->version);
    }
}

static size_t put_state(const struct selv_push_device *d,
                        uint8_t body[static SELV_TELL_BODY_MAX])
{
    struct selv_cbor_writer w;
    struct selv_bytes whole;

    selv_cbor_writer_init(&w, body, SELV_TELL_BODY_MAX);
    selv_cbor_put_map(&w, d->size > 0 ? 6 : 5);
    selv_cbor_put_uint(&w, 1);
    selv_cbor_put_uint(&w, STATUS_VERSION);
    selv_cbor_put_uint(&w, 3);
    selv_cbor_put_uint(&w, d->state);
    selv_cbor_put_uint(&w, 4);
    selv_cbor_put_uint(&w, d->sequence);
    selv_cbor_put_uint(&w, 5);
    put_running(&w, d);
    selv_cbor_put_uint(&w, 6);
    selv_cbor_put_uint(&w, (uint64_t)d->err);
    if (d->size > 0) {
        selv_cbor_put_uint(&w, 7);
        selv_cbor_put_array(&w, 2);
        selv_cbor_put_uint(&w, d->done);
        selv_cbor_put_uint(&w, d->size);
    }
    return selv_cbor_finish(&w, &whole) == SELV_OK ? whole.len : 0;
}

void selv_tell_look(struct selv_tell *t, const struct selv_push_device *d)
{
    uint8_t body[SELV_TELL_BODY_MAX];
    size_t len = put_state(d, body);

    if (len != t->body_len || memcmp(body, t->body, len) != 0) {
        memcpy(t->body, body, len);
        t->body_len = len;
        t->is_changed = true;
    }
}

void selv_tell_hurry(struct selv_tell *t)
{
    if (selv_coap_observe_count(&t->list) > 0) {
        t->until_ms = 0;
    }
}

/* ---- answers --------------------------------------------------------------
 */

void selv_tell_answer(struct selv_tell *t, const struct selv_coap_peer *peer,
                      const struct selv_coap_msg *rq,
                      const struct selv_push_device *d, struct selv_buf *out)
{
    uint64_t now_ms = selv_posix_now_ms();
    struct selv_coap_slice slice;
    struct selv_coap_writer w;

    selv_tell_look(t, d);
    if ((rq->has & SELV_COAP_HAS_OBSERVE) != 0 &&
        t->verdict == SELV_COAP_ECHO_UNKNOWN) {
        selv_coap_echo_challenge(&t->echo, t->server, now_ms, peer, rq, out);
        return;
    }
    out->len = 0;
    if (t->body_len == 0 ||
        selv_coap_slice(rq, (uint32_t)t->body_len, SELV_COAP_SZX_MAX, &slice)) {
        selv_coap_reply_begin(t->server, rq, SELV_COAP_BAD_REQUEST, out, &w);
    } else {
        struct selv_coap_observer *observer = selv_coap_observe_take(
            &t->list, now_ms, peer, rq, STATE_RESOURCE, 0);
        selv_coap_observe_mark(observer, &slice);
        selv_coap_reply_begin(t->server, rq, SELV_COAP_CONTENT, out, &w);
        selv_coap_write_slice(&w, &slice, selv_bytes(NULL, 0), SELV_COAP_CBOR,
                              0);
        selv_coap_write_payload(&w,
                                selv_bytes(t->body + slice.offset, slice.len));
    }
    if (selv_coap_reply_end(t->server, now_ms, peer, rq, &w,
                            SELV_COAP_RECOMPUTE, out) != SELV_OK) {
        out->len = 0;
        return;
    }
    selv_tell_guard(t, peer, rq, out);
}

static bool notification_write(struct selv_tell *t, uint64_t now_ms,
                               struct selv_coap_observer *observer,
                               struct selv_buf *out)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer w;

    selv_coap_observe_slice(observer, (uint32_t)t->body_len, SELV_COAP_SZX_MAX,
                            &slice);
    selv_coap_observe_begin(&t->list, observer, SELV_COAP_CONTENT, out, &w);
    selv_coap_write_slice(&w, &slice, selv_bytes(NULL, 0), SELV_COAP_CBOR, 0);
    selv_coap_write_payload(&w, selv_bytes(t->body, slice.len));
    if (selv_coap_observe_end(&t->list, now_ms, observer, &w, out) != SELV_OK) {
        selv_coap_observe_drop(observer);
        return false;
    }
    return true;
}

bool selv_tell_next(struct selv_tell *t, struct selv_coap_peer *peer,
                    struct selv_buf *out)
{
    uint64_t now_ms = selv_posix_now_ms();
    struct selv_coap_observer *observer;

    if (t->is_changed && now_ms >= t->next_ms) {
        t->is_changed = false;
        t->next_ms = now_ms + SELV_TELL_GAP_MS;
        selv_coap_observe_changed(&t->list, now_ms, STATE_RESOURCE, NULL, 0);
    }
    for (;;) {
        switch (
            selv_coap_observe_poll(&t->list, now_ms, &t->until_ms, &observer)) {
        case SELV_COAP_OBSERVE_NOTIFY:
            *peer = observer->peer;
            if (notification_write(t, now_ms, observer, out)) {
                return true;
            }
            break;
        case SELV_COAP_OBSERVE_GONE:
            break;
        case SELV_COAP_OBSERVE_WAIT:
        default:
            if (t->is_changed && t->next_ms < t->until_ms) {
                t->until_ms = t->next_ms;
            }
            return false;
        }
    }
}
