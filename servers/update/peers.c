/* SPDX-License-Identifier: Apache-2.0
 *
 * peers.c - see update/peers.h. */
#include "peers.h"

#include <netinet/in.h>
#include <stdlib.h>

#define FOUR 6u /* bytes of an IPv4 peer */
#define SIX 20u
#define NONE UINT32_MAX

void selv_peer_set(struct selv_coap_peer *peer,
                   const struct sockaddr_storage *sa)
{
    memset(peer, 0, sizeof *peer);
    if (sa->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        memcpy(peer->addr, &in.sin_addr, 4);
        memcpy(peer->addr + 4, &in.sin_port, 2);
        peer->len = FOUR;
    } else {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof in6);
        memcpy(peer->addr, &in6.sin6_addr, 16);
        memcpy(peer->addr + 16, &in6.sin6_port, 2);
        peer->addr[18] = (uint8_t)(in6.sin6_scope_id >> 8);
        peer->addr[19] = (uint8_t)in6.sin6_scope_id;
        peer->len = SIX;
    }
}

struct selv_net_address selv_peer_get(const struct selv_coap_peer *peer)
{
    struct selv_net_address to;
    memset(&to, 0, sizeof to);
    if (peer->len == FOUR) {
        struct sockaddr_in in = {.sin_family = AF_INET};
        memcpy(&in.sin_addr, peer->addr, 4);
        memcpy(&in.sin_port, peer->addr + 4, 2);
        memcpy(&to.sa, &in, sizeof in);
        to.len = sizeof in;
    } else {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
        memcpy(&in6.sin6_addr, peer->addr, 16);
        memcpy(&in6.sin6_port, peer->addr + 16, 2);
        in6.sin6_scope_id = (uint32_t)peer->addr[18] << 8 | peer->addr[19];
        memcpy(&to.sa, &in6, sizeof in6);
        to.len = sizeof in6;
    }
    return to;
}

bool selv_peer_is_loopback(const struct selv_coap_peer *peer)
{
    static const uint8_t six[16] = {[15] = 1};
    return peer->len == FOUR ? peer->addr[0] == 127
                             : memcmp(peer->addr, six, sizeof six) == 0;
}

uint64_t selv_peer_network(const uint8_t key[static SELV_SIPHASH_KEY_LEN],
                           const struct selv_coap_peer *peer)
{
    return selv_siphash(key, selv_bytes(peer->addr, peer->len == FOUR ? 3 : 6));
}

/* ---- crowds ------------------------------------------------------------- */

bool selv_crowd_open(struct selv_crowd *crowd, uint32_t places,
                     const uint8_t key[static SELV_SIPHASH_KEY_LEN])
{
    SELV_ASSERT(places > 0 && places <= UINT16_MAX);
    memset(crowd, 0, sizeof *crowd);
    memcpy(crowd->key, key, sizeof crowd->key);
    crowd->room = 2 * places; /* each has an address and a network */
    crowd->buckets = calloc(crowd->room, sizeof *crowd->buckets);
    crowd->groups = calloc(crowd->room, sizeof *crowd->groups);
    if (crowd->buckets == NULL || crowd->groups == NULL) {
        selv_crowd_close(crowd);
        return false;
    }
    for (uint32_t i = 0; i < crowd->room; i++) {
        crowd->buckets[i] = NONE;
        crowd->groups[i].next = i + 1;
    }
    return true;
}

void selv_crowd_close(struct selv_crowd *crowd)
{
    free(crowd->buckets);
    free(crowd->groups);
    memset(crowd, 0, sizeof *crowd);
}

static uint32_t group_join(struct selv_crowd *crowd, uint64_t name)
{
    uint32_t *bucket = &crowd->buckets[name % crowd->room];
    uint32_t at = *bucket;
    while (at != NONE && crowd->groups[at].name != name) {
        at = crowd->groups[at].next;
    }
    if (at == NONE) {
        at = crowd->free;
        SELV_ASSERT(at < crowd->room);
        struct selv_crowd_group *g = &crowd->groups[at];
        crowd->free = g->next;
        g->name = name;
        g->next = *bucket;
        *bucket = at;
    }
    crowd->groups[at].count++;
    return at;
}

static void group_leave(struct selv_crowd *crowd, uint32_t at)
{
    struct selv_crowd_group *g = &crowd->groups[at];
    SELV_ASSERT(g->count > 0);
    if (--g->count > 0) {
        return;
    }
    uint32_t *p = &crowd->buckets[g->name % crowd->room];
    while (*p != at) {
        p = &crowd->groups[*p].next;
    }
    *p = g->next;
    g->next = crowd->free;
    crowd->free = at;
}

struct selv_crowd_seat selv_crowd_join(struct selv_crowd *crowd,
                                       const struct selv_coap_peer *peer)
{
    struct selv_bytes address = {peer->addr, peer->len == FOUR ? 4 : 8};
    struct selv_crowd_seat seat;
    seat.address = group_join(crowd, selv_siphash(crowd->key, address));
    seat.network = group_join(crowd, selv_peer_network(crowd->key, peer));
    return seat;
}

void selv_crowd_leave(struct selv_crowd *crowd, struct selv_crowd_seat seat)
{
    group_leave(crowd, seat.address);
    group_leave(crowd, seat.network);
}

uint64_t selv_crowd_weight(const struct selv_crowd *crowd,
                           struct selv_crowd_seat seat)
{
    return (uint64_t)crowd->groups[seat.network].count << 32 |
           crowd->groups[seat.address].count;
}
