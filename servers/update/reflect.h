/* SPDX-License-Identifier: Apache-2.0
 *
 * update/reflect.h - how much may be sent to addresses that nobody has shown
 * to be his own.
 *
 * Whoever writes another's address into a request makes us send there. What is
 * no longer than three times the request gains him nothing. What is longer is
 * counted, by the network of the address (IPv4 /24, IPv6 /48), against a
 * budget that fills up again; while it lasts, nobody notices anything. When it
 * runs low, devices that are about to begin a download are asked for an Echo
 * [RFC 9175]; when it is empty, everybody in that network who asks for more
 * than three for one. Who has echoed is free for ten minutes.
 *
 * RAM: 16 bytes for each of SELV_REFLECT_NETWORKS_MAX networks, 16 for each of
 * SELV_REFLECT_VERIFIED_MAX addresses; when their places are taken, the
 * network that has most left, or the address whose time ends first, goes.
 * Not for two threads at once: each loop has its own. */
#ifndef SELV_UPDATE_REFLECT_H
#define SELV_UPDATE_REFLECT_H

#include "coap/echo.h"
#include "host/siphash.h"

#define SELV_REFLECT_NETWORKS_MAX 4096u
#define SELV_REFLECT_VERIFIED_MAX 16384u
/* With 28 bytes of IPv4 and UDP around it, less than three times the shortest
 * request that there is. */
#define SELV_REFLECT_SHORT 64u
#define SELV_REFLECT_SECONDS 16u /* of the rate are what a budget holds */
#define SELV_REFLECT_RATE 65536u /* bytes a second unless told otherwise */

/* Private. */
struct selv_reflect_network {
    uint64_t tag;     /* of the network; 0: free */
    uint64_t full_us; /* when the budget is full again */
};

struct selv_reflect {
    uint8_t key[SELV_SIPHASH_KEY_LEN];
    uint32_t rate; /* bytes a second; 0: no budget */
    bool has_loopback;
    struct selv_coap_echo echo;
    struct selv_reflect_network networks[SELV_REFLECT_NETWORKS_MAX];
    struct selv_coap_verified verified[SELV_REFLECT_VERIFIED_MAX];
};

/* What is about to be answered. */
enum selv_reflect_kind {
    SELV_REFLECT_BEGIN, /* begins a download: may well be asked */
    SELV_REFLECT_GO_ON  /* in the middle of one: asked only if it must be */
};

/* key: random, fresh at each start. rate: bytes a second for one network.
 * has_loopback: loopback addresses are counted like others; they cannot be
 * forged from elsewhere. The struct is large, and stays where it is. */
void selv_reflect_init(struct selv_reflect *r,
                       const uint8_t key[static SELV_SIPHASH_KEY_LEN],
                       uint32_t rate, bool has_loopback);

/* True: send the answer of reply_len bytes to a request of request_len; it is
 * counted. False: send a challenge instead (r->echo). */
bool selv_reflect_allows(struct selv_reflect *r, uint64_t now_ms,
                         const struct selv_coap_peer *peer,
                         const struct selv_coap_msg *rq, size_t request_len,
                         size_t reply_len, enum selv_reflect_kind kind);

/* True when the address is not known to be its owner's, so that what is sent
 * there unasked should be short. */
bool selv_reflect_doubts(struct selv_reflect *r, uint64_t now_ms,
                         const struct selv_coap_peer *peer,
                         const struct selv_coap_msg *rq);

#endif
