/* SPDX-License-Identifier: Apache-2.0
 *
 * update/peers.h - addresses as the CoAP engines have them, and how many of
 * one kind are there.
 *
 * A peer is the address, then the port, and for IPv6 the interface that a
 * link-local address belongs to: 6 or 20 bytes. Its *network* is what limits
 * count by: IPv4 /24 or IPv6 /48.
 *
 * A crowd counts members by address (IPv4; IPv6 /64: who has one has all of
 * it) and by network, under names that nobody without the key can foresee, so
 * that nobody is counted together with whom he has chosen.
 * RAM:  48 bytes for each place. Not for two threads at once. */
#ifndef SELV_UPDATE_PEERS_H
#define SELV_UPDATE_PEERS_H

#include "coap/coap.h"
#include "host/net.h"
#include "host/siphash.h"

/* sa: AF_INET or AF_INET6. */
void selv_peer_set(struct selv_coap_peer *peer,
                   const struct sockaddr_storage *sa);
struct selv_net_address selv_peer_get(const struct selv_coap_peer *peer);

/* ::1 and 127.0.0.0/8. */
bool selv_peer_is_loopback(const struct selv_coap_peer *peer);

/* The network that the peer's address belongs to. */
uint64_t selv_peer_network(const uint8_t key[static SELV_SIPHASH_KEY_LEN],
                           const struct selv_coap_peer *peer);

/* ---- crowds ------------------------------------------------------------- */

/* Private. */
struct selv_crowd_group {
    uint64_t name;
    uint32_t count; /* members; 0: free */
    uint32_t next;  /* in its bucket, or of those that are free */
};

struct selv_crowd {
    uint8_t key[SELV_SIPHASH_KEY_LEN];
    uint32_t room; /* groups, and buckets */
    uint32_t free;
    uint32_t *buckets;
    struct selv_crowd_group *groups;
};

/* Where a member is counted. Private. */
struct selv_crowd_seat {
    uint32_t address;
    uint32_t network;
};

/* For at most `places` members, 1 to 65,535. False without memory. */
SELV_MUST_CHECK bool
selv_crowd_open(struct selv_crowd *crowd, uint32_t places,
                const uint8_t key[static SELV_SIPHASH_KEY_LEN]);
/* Harmless for one that is all zeros. */
void selv_crowd_close(struct selv_crowd *crowd);
struct selv_crowd_seat selv_crowd_join(struct selv_crowd *crowd,
                                       const struct selv_coap_peer *peer);
void selv_crowd_leave(struct selv_crowd *crowd, struct selv_crowd_seat seat);

/* Greater for members whose network has more of them, and, of those of one
 * network, whose address has. */
uint64_t selv_crowd_weight(const struct selv_crowd *crowd,
                           struct selv_crowd_seat seat);

#endif
