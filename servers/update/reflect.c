/* SPDX-License-Identifier: Apache-2.0
 *
 * reflect.c - see update/reflect.h.
 *
 * A budget is kept as the instant at which it is full again: what is sent moves
 * it away, by its bytes divided by the rate. It is empty when that instant is
 * SELV_REFLECT_SECONDS ahead. */
#include "reflect.h"

#define WAYS 8u
#define FULL_US (SELV_REFLECT_SECONDS * UINT64_C(1000000))

static void tag_make(const void *key, struct selv_bytes message,
                     uint8_t tag[static SELV_COAP_ECHO_TAG_LEN])
{
    uint64_t v = selv_siphash(key, message);
    memcpy(tag, &v, sizeof v);
}

void selv_reflect_init(struct selv_reflect *r,
                       const uint8_t key[static SELV_SIPHASH_KEY_LEN],
                       uint32_t rate, bool has_loopback)
{
    memset(r, 0, sizeof *r);
    memcpy(r->key, key, SELV_SIPHASH_KEY_LEN);
    r->rate = rate;
    r->has_loopback = has_loopback;
    struct selv_coap_mac mac = {tag_make, r->key};
    selv_coap_echo_init(&r->echo, mac, r->verified, SELV_REFLECT_VERIFIED_MAX);
}

/* A peer's address comes first, and then its port. */
static bool is_loopback(const struct selv_coap_peer *peer)
{
    static const uint8_t six[16] = {[15] = 1};
    return peer->len == 6 ? peer->addr[0] == 127
                          : memcmp(peer->addr, six, sizeof six) == 0;
}

/* The budget of the peer's network, made full when it was not there. */
static struct selv_reflect_network *
network_find(struct selv_reflect *r, const struct selv_coap_peer *peer)
{
    uint64_t tag =
        selv_siphash(r->key, selv_bytes(peer->addr, peer->len == 6 ? 3 : 6));
    tag = tag != 0 ? tag : 1;
    size_t at = (size_t)(tag % (SELV_REFLECT_NETWORKS_MAX / WAYS)) * WAYS;
    struct selv_reflect_network *spare = &r->networks[at];
    for (size_t i = at; i < at + WAYS; i++) {
        struct selv_reflect_network *n = &r->networks[i];
        if (n->tag == tag) {
            return n;
        }
        if (n->full_us < spare->full_us) {
            spare = n;
        }
    }
    spare->tag = tag;
    spare->full_us = 0;
    return spare;
}

/* Microseconds of its rate that a network has used. */
static uint64_t used_us(const struct selv_reflect_network *n, uint64_t now_us)
{
    return n->full_us > now_us ? n->full_us - now_us : 0;
}

bool selv_reflect_allows(struct selv_reflect *r, uint64_t now_ms,
                         const struct selv_coap_peer *peer,
                         const struct selv_coap_msg *rq, size_t request_len,
                         size_t reply_len, enum selv_reflect_kind kind)
{
    if (reply_len <= SELV_COAP_ECHO_FACTOR * request_len ||
        reply_len <= SELV_REFLECT_SHORT ||
        (!r->has_loopback && is_loopback(peer)) ||
        selv_coap_echo_judge(&r->echo, now_ms, peer, rq) !=
            SELV_COAP_ECHO_UNKNOWN) {
        return true;
    }
    if (r->rate == 0) {
        return false;
    }
    struct selv_reflect_network *n = network_find(r, peer);
    uint64_t limit_us = kind == SELV_REFLECT_BEGIN ? FULL_US / 2 : FULL_US;
    uint64_t cost_us = (reply_len * 1000000u + r->rate - 1) / r->rate;
    uint64_t used = used_us(n, now_ms * 1000) + cost_us;
    if (used > limit_us) {
        return false;
    }
    n->full_us = now_ms * 1000 + used;
    return true;
}

bool selv_reflect_doubts(struct selv_reflect *r, uint64_t now_ms,
                         const struct selv_coap_peer *peer,
                         const struct selv_coap_msg *rq)
{
    return (r->has_loopback || !is_loopback(peer)) &&
           selv_coap_echo_judge(&r->echo, now_ms, peer, rq) ==
               SELV_COAP_ECHO_UNKNOWN;
}
