/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/echo.c - challenges to addresses unknown [RFC 9175 2].
 *
 * A value is 4 bytes of time, in quarters of a second (34 years before one
 * comes again, under one key), and 8 of the MAC over a byte that says what it
 * is for, that time, and the address with its length. */
#include "coap/coap_int.h"
#include "coap/echo.h"

#define WAYS 4u
#define FOR_VALUE 1u
#define FOR_TABLE 2u

void selv_coap_echo_init(struct selv_coap_echo *e, struct selv_coap_mac mac,
                         struct selv_coap_verified *table, uint32_t count)
{
    e->mac = mac;
    e->table = table;
    e->count = count;
    e->window_ms = 60000;
    e->keep_ms = 600000;
    for (uint32_t i = 0; i < count; i++) {
        table[i].until_ms = 0;
    }
}

static void tag_make(const struct selv_coap_echo *e, uint8_t purpose,
                     uint32_t time, const struct selv_coap_peer *peer,
                     uint8_t tag[static SELV_COAP_ECHO_TAG_LEN])
{
    uint8_t message[6 + sizeof peer->addr];
    message[0] = purpose;
    selv_put_be32(message + 1, time);
    message[5] = peer->len;
    memcpy(message + 6, peer->addr, peer->len);
    e->mac.tag(e->mac.key, selv_bytes(message, 6u + peer->len), tag);
}

static uint32_t ticks(uint64_t now_ms)
{
    return (uint32_t)(now_ms / 250);
}

/* ---- addresses remembered -------------------------------------------------
 */

static struct selv_coap_verified *
place(const struct selv_coap_echo *e, uint64_t now_ms,
      const uint8_t tag[static SELV_COAP_ECHO_TAG_LEN], bool *is_found)
{
    struct selv_coap_verified *first = NULL;
    uint32_t ways = e->count < WAYS ? e->count : WAYS;
    uint32_t at = e->count > 0 ? selv_get_be32(tag) % e->count : 0;
    *is_found = false;
    for (uint32_t i = 0; i < ways; i++) {
        struct selv_coap_verified *v = &e->table[at];
        if (v->until_ms > now_ms &&
            memcmp(v->tag, tag, SELV_COAP_ECHO_TAG_LEN) == 0) {
            *is_found = true;
            return v;
        }
        if (first == NULL || v->until_ms < first->until_ms) {
            first = v;
        }
        at = at + 1 == e->count ? 0 : at + 1;
    }
    return first;
}

/* ---- judging ---------------------------------------------------------------
 */

static bool is_fresh(const struct selv_coap_echo *e, uint64_t now_ms,
                     const struct selv_coap_peer *peer,
                     const struct selv_coap_msg *rq)
{
    struct selv_bytes value;
    uint8_t tag[SELV_COAP_ECHO_TAG_LEN];
    if (!selv_coap_opt_find(rq, SELV_COAP_OPT_ECHO, &value) ||
        value.len != SELV_COAP_ECHO_OURS) {
        return false;
    }
    uint32_t time = selv_get_be32(value.p);
    tag_make(e, FOR_VALUE, time, peer, tag);
    return selv_ct_equal(tag, value.p + 4, sizeof tag) &&
           (uint64_t)(ticks(now_ms) - time) * 250 <= e->window_ms;
}

enum selv_coap_echo_verdict
selv_coap_echo_judge(struct selv_coap_echo *e, uint64_t now_ms,
                     const struct selv_coap_peer *peer,
                     const struct selv_coap_msg *rq)
{
    bool fresh = is_fresh(e, now_ms, peer, rq);
    bool is_found = false;
    if (e->count > 0) {
        uint8_t tag[SELV_COAP_ECHO_TAG_LEN];
        tag_make(e, FOR_TABLE, 0, peer, tag);
        struct selv_coap_verified *v = place(e, now_ms, tag, &is_found);
        if (fresh) {
            memcpy(v->tag, tag, sizeof tag);
            v->until_ms = now_ms + e->keep_ms;
        }
    }
    return fresh      ? SELV_COAP_ECHO_FRESH
           : is_found ? SELV_COAP_ECHO_VERIFIED
                      : SELV_COAP_ECHO_UNKNOWN;
}

bool selv_coap_echo_is_waning(const struct selv_coap_echo *e, uint64_t now_ms,
                              const struct selv_coap_peer *peer)
{
    uint8_t tag[SELV_COAP_ECHO_TAG_LEN];
    bool is_found = false;
    if (e->count == 0) {
        return false;
    }
    tag_make(e, FOR_TABLE, 0, peer, tag);
    const struct selv_coap_verified *v = place(e, now_ms, tag, &is_found);
    return is_found && v->until_ms - now_ms < e->keep_ms / 2;
}

/* ---- answering -------------------------------------------------------------
 */

void selv_coap_echo_write(const struct selv_coap_echo *e, uint64_t now_ms,
                          const struct selv_coap_peer *peer,
                          struct selv_coap_writer *w)
{
    uint8_t value[SELV_COAP_ECHO_OURS];
    selv_put_be32(value, ticks(now_ms));
    tag_make(e, FOR_VALUE, ticks(now_ms), peer, value + 4);
    selv_coap_write_opt(w, SELV_COAP_OPT_ECHO, selv_bytes(value, sizeof value));
}

void selv_coap_echo_challenge(const struct selv_coap_echo *e,
                              struct selv_coap_server *s, uint64_t now_ms,
                              const struct selv_coap_peer *peer,
                              const struct selv_coap_msg *rq,
                              struct selv_buf *out)
{
    struct selv_coap_writer w;
    selv_coap_reply_begin(s, rq, SELV_COAP_UNAUTHORIZED, out, &w);
    selv_coap_echo_write(e, now_ms, peer, &w);
    out->len = w.err == SELV_OK ? w.len : 0;
}

bool selv_coap_echo_allows(enum selv_coap_echo_verdict verdict,
                           size_t request_len, size_t reply_len)
{
    return verdict != SELV_COAP_ECHO_UNKNOWN ||
           reply_len <= SELV_COAP_ECHO_FACTOR * request_len;
}

bool selv_coap_echo_guard(const struct selv_coap_echo *e,
                          struct selv_coap_server *s, uint64_t now_ms,
                          const struct selv_coap_peer *peer,
                          const struct selv_coap_msg *rq, size_t request_len,
                          enum selv_coap_echo_verdict verdict,
                          struct selv_buf *out)
{
    if (selv_coap_echo_allows(verdict, request_len, out->len) ||
        SELV_COAP_CLASS(rq->code) != 0) {
        return false;
    }
    selv_coap_echo_challenge(e, s, now_ms, peer, rq, out);
    return true;
}
