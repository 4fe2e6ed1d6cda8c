/* SPDX-License-Identifier: Apache-2.0
 *
 * update/reflect.h - how much may be sent to addresses that nobody has shown
 * to be his own.
 *
 * Whoever writes another's address into a request makes us send there. What is
 * no longer than three times the request gains him nothing. What is longer is
 * counted, by the network of the address (IPv4 /24, IPv6 /48), against a
 * budget that fills up again. A representation that somebody begins to fetch
 * is counted whole, when its first block goes out: if half of the budget holds
 * it, all its blocks are paid for and nobody is asked; otherwise that first
 * request is answered with an Echo to be repeated [RFC 9175], and so nobody is
 * asked in the middle. What is fetched from the middle on, as after a restart
 * or from a new port, is paid whole too, or block by block for as long as the
 * budget lasts. Who has echoed is free for ten minutes, and is handed a new
 * value in an answer when half of them are over.
 *
 * RAM: of each loop, 16 bytes for each of SELV_REFLECT_VERIFIED_MAX addresses
 * and of SELV_REFLECT_PAID_MAX downloads; when their places are taken, the
 * address whose time ends first, or the download that stood still longest,
 * goes. The budgets are shared by all loops; the rest is one thread's. */
#ifndef SELV_UPDATE_REFLECT_H
#define SELV_UPDATE_REFLECT_H

#include "budget.h"
#include "coap/echo.h"
#include "peers.h"

#define SELV_REFLECT_VERIFIED_MAX 16384u
#define SELV_REFLECT_PAID_MAX 16384u
/* With 28 bytes of IPv4 and UDP around it, less than three times the shortest
 * request that there is. */
#define SELV_REFLECT_SHORT 64u
#define SELV_REFLECT_SECONDS 16u /* of the rate are what a budget holds */
#define SELV_REFLECT_RATE 65536u /* bytes a second unless told otherwise */

/* What all loops share. */
struct selv_reflect_all {
    uint8_t key[SELV_SIPHASH_KEY_LEN];
    uint32_t rate; /* bytes a second; 0: no budget */
    bool has_loopback;
    struct selv_budget bytes;
};

/* Private. */
struct selv_reflect_paid {
    uint32_t tag;  /* of the peer; 0: free */
    uint32_t left; /* bytes */
    uint64_t used_ms;
};

struct selv_reflect {
    struct selv_reflect_all *all;
    struct selv_coap_echo echo;
    struct selv_coap_verified verified[SELV_REFLECT_VERIFIED_MAX];
    struct selv_reflect_paid paid[SELV_REFLECT_PAID_MAX];
};

/* An answer that is about to be sent. */
struct selv_reflect_answer {
    size_t request_len; /* bytes, of the datagrams */
    size_t reply_len;
    uint64_t rest; /* bytes of the representation behind this block */
    size_t block;  /* bytes of it that are in this one */
    bool is_first; /* this block is the first */
};

/* key: random, fresh at each start. rate: bytes a second for one network.
 * has_loopback: loopback addresses are counted like others; they cannot be
 * forged from elsewhere. */
void selv_reflect_all_init(struct selv_reflect_all *all,
                           const uint8_t key[static SELV_SIPHASH_KEY_LEN],
                           uint32_t rate, bool has_loopback);
/* The struct is large, and stays where it is. */
void selv_reflect_init(struct selv_reflect *r, struct selv_reflect_all *all);

/* True: send the answer; it is counted. False: send a challenge instead
 * (r->echo). */
SELV_MUST_CHECK bool selv_reflect_allows(
    struct selv_reflect *r, uint64_t now_ms, const struct selv_coap_peer *peer,
    const struct selv_coap_msg *rq, const struct selv_reflect_answer *answer);

/* Takes note of the request's Echo, if there is one. */
void selv_reflect_note(struct selv_reflect *r, uint64_t now_ms,
                       const struct selv_coap_peer *peer,
                       const struct selv_coap_msg *rq);

/* True when the address is not known to be its owner's, so that what is done
 * for it should be little. Takes note of the request's Echo. */
bool selv_reflect_doubts(struct selv_reflect *r, uint64_t now_ms,
                         const struct selv_coap_peer *peer,
                         const struct selv_coap_msg *rq);

/* True: len bytes may go there unasked; they are counted. */
SELV_MUST_CHECK bool selv_reflect_may_tell(struct selv_reflect *r,
                                           uint64_t now_ms,
                                           const struct selv_coap_peer *peer,
                                           size_t len);

/* True when addresses of this kind are counted: not a loopback address, unless
 * told otherwise. */
bool selv_reflect_counts(const struct selv_reflect *r,
                         const struct selv_coap_peer *peer);

#endif
