/* SPDX-License-Identifier: Apache-2.0
 *
 * host/net.h - addresses to listen on, and their sockets. */
#ifndef SELV_HOST_NET_H
#define SELV_HOST_NET_H

#include <sys/socket.h>

#include "base/base.h"

struct selv_net_address {
    struct sockaddr_storage sa;
    socklen_t len;
};

/* An address of ours: the one that a datagram came to. */
struct selv_net_local {
    uint8_t len; /* 4, 16; 0: whichever the system chooses */
    uint8_t addr[16];
};

/* Bytes of "[IPv6 address]:65535" with its final 0. */
#define SELV_NET_TEXT_LEN 56u

/* "127.0.0.1:5683", "[::1]:0", "localhost:5683" (127.0.0.1). No name is ever
 * looked up elsewhere. False for anything else. */
SELV_MUST_CHECK bool selv_net_parse(const char *text,
                                    struct selv_net_address *address);

bool selv_net_is_loopback(const struct selv_net_address *address);

/* A non-blocking socket bound to the address (SOCK_DGRAM, or SOCK_STREAM,
 * which then listens); port 0 becomes the one that was given. The descriptor,
 * which the caller closes, or -1 with errno. */
SELV_MUST_CHECK int selv_net_bind(struct selv_net_address *address, int type);

/* count datagram sockets that share one port, so that the system spreads peers
 * over them, each peer always to the same one. As selv_net_bind for the first:
 * a port that another program has is refused. The number of sockets made, at
 * least 1 (1 too when the system lets no port be shared); 0 with errno. */
SELV_MUST_CHECK size_t selv_net_bind_shared(struct selv_net_address *address,
                                            int *fds, size_t count);

/* "127.0.0.1:5683", "[::1]:5683". */
void selv_net_text(const struct selv_net_address *address,
                   char text[static SELV_NET_TEXT_LEN]);

#endif
