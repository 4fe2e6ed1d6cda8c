/* SPDX-License-Identifier: Apache-2.0
 *
 * posix/address.h - the addresses that a server's name has, one after the
 * other.
 *
 * A name may have an address that is of no use: one of IPv6 where the network
 * has none, one of a machine that is away. So each is tried, and which one was
 * of use is remembered. A *round* is one try of each.
 *
 * Calls: 1 init  2 take the address to be tried now  3 good when it answered,
 *        skip when it did not; then take again.
 * Time:  take looks the name up, as long as the resolver takes, when a round is
 *        over or none has begun; but not in the SELV_POSIX_LOOK_UP_MS after a
 *        look-up that failed, or that was not the first: all else waits for
 *        it. What is known is tried again until then. */
#ifndef SELV_POSIX_ADDRESS_H
#define SELV_POSIX_ADDRESS_H

#include <sys/socket.h>

#include "base/base.h"

/* Of a name; further ones are not tried. */
#define SELV_POSIX_ADDRESSES_MAX 8u
#define SELV_POSIX_LOOK_UP_MS 60000u
#define SELV_POSIX_ADDRESS_HOST_LEN 256u

struct selv_posix_address {
    struct sockaddr_storage to;
    socklen_t len;
};

/* Private. */
struct selv_posix_addresses {
    char host[SELV_POSIX_ADDRESS_HOST_LEN];
    char port[8];
    int kind; /* SOCK_DGRAM or SOCK_STREAM */
    int err;  /* of getaddrinfo, the last time */
    bool is_looked_up;
    uint64_t look_up_ms; /* not looked up again before */
    uint8_t count;
    uint8_t at;    /* to be tried next, or in use */
    uint8_t tried; /* in this round, in vain */
    struct selv_posix_address list[SELV_POSIX_ADDRESSES_MAX];
};

/* host: a name or an address, without brackets, shorter than
 * SELV_POSIX_ADDRESS_HOST_LEN. kind: SOCK_DGRAM or SOCK_STREAM. */
void selv_posix_addresses_init(struct selv_posix_addresses *a,
                               struct selv_bytes host, uint16_t port, int kind);

/* NULL: the name is not known, or nobody can be asked now; why is
 * selv_posix_addresses_why. */
const struct selv_posix_address *
selv_posix_addresses_take(struct selv_posix_addresses *a);
const char *selv_posix_addresses_why(const struct selv_posix_addresses *a);

/* What take gave last was of use: it is taken again until it is skipped. */
void selv_posix_addresses_good(struct selv_posix_addresses *a);
/* It was of none. False: that was the last one of this round. */
bool selv_posix_addresses_skip(struct selv_posix_addresses *a);

/* Whether there is one left in this round, behind what take gave. */
bool selv_posix_addresses_has_other(const struct selv_posix_addresses *a);
/* Whether take could give another one than those of this round: the name may
 * be looked up. */
bool selv_posix_addresses_may_ask(const struct selv_posix_addresses *a,
                                  uint64_t now_ms);

#endif
