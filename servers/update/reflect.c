/* SPDX-License-Identifier: Apache-2.0
 *
 * reflect.c - see update/reflect.h. */
#include "reflect.h"

#define WAYS 4u
#define FULL_US (SELV_REFLECT_SECONDS * UINT64_C(1000000))
#define SPARE 8u /* for blocks that are lost, an eighth more is paid */

static void tag_make(const void *key, struct selv_bytes message,
                     uint8_t tag[static SELV_COAP_ECHO_TAG_LEN])
{
    uint64_t v = selv_siphash(key, message);
    memcpy(tag, &v, sizeof v);
}

void selv_reflect_all_init(struct selv_reflect_all *all,
                           const uint8_t key[static SELV_SIPHASH_KEY_LEN],
                           uint32_t rate, bool has_loopback)
{
    memcpy(all->key, key, SELV_SIPHASH_KEY_LEN);
    all->rate = rate;
    all->has_loopback = has_loopback;
    selv_budget_init(&all->bytes, FULL_US);
}

void selv_reflect_init(struct selv_reflect *r, struct selv_reflect_all *all)
{
    memset(r, 0, sizeof *r);
    r->all = all;
    struct selv_coap_mac mac = {tag_make, all->key};
    selv_coap_echo_init(&r->echo, mac, r->verified, SELV_REFLECT_VERIFIED_MAX);
}

bool selv_reflect_counts(const struct selv_reflect *r,
                         const struct selv_coap_peer *peer)
{
    return r->all->has_loopback || !selv_peer_is_loopback(peer);
}

bool selv_reflect_doubts(struct selv_reflect *r, uint64_t now_ms,
                         const struct selv_coap_peer *peer,
                         const struct selv_coap_msg *rq)
{
    return selv_reflect_counts(r, peer) &&
           selv_coap_echo_judge(&r->echo, now_ms, peer, rq) ==
               SELV_COAP_ECHO_UNKNOWN;
}

void selv_reflect_note(struct selv_reflect *r, uint64_t now_ms,
                       const struct selv_coap_peer *peer,
                       const struct selv_coap_msg *rq)
{
    struct selv_bytes unused;
    if (selv_reflect_counts(r, peer) &&
        selv_coap_opt_find(rq, SELV_COAP_OPT_ECHO, &unused)) {
        (void)selv_coap_echo_judge(&r->echo, now_ms, peer, rq);
    }
}

/* ---- the budget ---------------------------------------------------------- */

/* Bytes for a network, if its budget of `seconds` seconds' worth holds them. */
static bool pay(struct selv_reflect *r, uint64_t now_ms,
                const struct selv_coap_peer *peer, uint64_t bytes,
                uint32_t seconds)
{
    uint32_t rate = r->all->rate;
    if (rate == 0 || bytes > (uint64_t)rate * seconds) {
        return false;
    }
    return selv_budget_take(
        &r->all->bytes, now_ms, selv_peer_network(r->all->key, peer),
        (bytes * 1000000u + rate - 1) / rate, seconds * UINT64_C(1000000));
}

/* The place of the peer's download, whose tag is *tag, or the one to put it
 * in, which has another tag. */
static struct selv_reflect_paid *paid_find(struct selv_reflect *r,
                                           const struct selv_coap_peer *peer,
                                           uint32_t *tag)
{
    uint64_t hash =
        selv_siphash(r->all->key, selv_bytes(peer->addr, peer->len));
    size_t at = (size_t)(hash % (SELV_REFLECT_PAID_MAX / WAYS)) * WAYS;
    struct selv_reflect_paid *oldest = &r->paid[at];
    *tag = (uint32_t)(hash >> 32) | 1u;
    for (size_t i = at; i < at + WAYS; i++) {
        struct selv_reflect_paid *p = &r->paid[i];
        if (p->tag == *tag) {
            return p;
        }
        if (p->used_ms < oldest->used_ms) {
            oldest = p;
        }
    }
    return oldest;
}

/* Bytes of the answers that are still to come, as they will be. */
static uint64_t rest_of(const struct selv_reflect_answer *a)
{
    uint64_t blocks = a->block > 0 ? (a->rest + a->block - 1) / a->block : 0;
    return blocks * a->reply_len * (SPARE + 1) / SPARE;
}

bool selv_reflect_allows(struct selv_reflect *r, uint64_t now_ms,
                         const struct selv_coap_peer *peer,
                         const struct selv_coap_msg *rq,
                         const struct selv_reflect_answer *a)
{
    if (a->reply_len <= SELV_COAP_ECHO_FACTOR * a->request_len ||
        a->reply_len <= SELV_REFLECT_SHORT ||
        !selv_reflect_doubts(r, now_ms, peer, rq)) {
        return true;
    }
    if (r->all->rate == 0) {
        return false;
    }
    uint32_t tag;
    struct selv_reflect_paid *p = paid_find(r, peer, &tag);
    uint64_t left = p->tag == tag ? p->left : 0;
    if (left >= a->reply_len) {
        p->left -= (uint32_t)a->reply_len;
        p->used_ms = now_ms;
        return true;
    }
    uint64_t rest = rest_of(a);
    if (left + rest <= UINT32_MAX &&
        pay(r, now_ms, peer, a->reply_len + rest,
            a->is_first ? SELV_REFLECT_SECONDS / 2 : SELV_REFLECT_SECONDS)) {
        p->tag = tag;
        p->left = (uint32_t)(left + rest);
        p->used_ms = now_ms;
        return true;
    }
    return !a->is_first &&
           pay(r, now_ms, peer, a->reply_len, SELV_REFLECT_SECONDS);
}

bool selv_reflect_may_tell(struct selv_reflect *r, uint64_t now_ms,
                           const struct selv_coap_peer *peer, size_t len)
{
    static const struct selv_coap_msg none = {.token = {NULL, 0}};
    return !selv_reflect_doubts(r, now_ms, peer, &none) ||
           pay(r, now_ms, peer, len, SELV_REFLECT_SECONDS);
}
