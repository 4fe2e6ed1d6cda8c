/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/net/net.h - one UDP endpoint over lwIP and the LAN9118,
 * without waiting: call poll in the main loop.
 *
 * Calls: 1 start   2 poll, send and receive, any order
 * Owns:  lwIP, which has one instance; datagrams received wait in lwIP's
 *        memory, at most SELV_BOARD_NET_QUEUE of them, later ones are lost.
 * RAM:   lwIP's lies in a region of its own (memory.ld). */
#ifndef SELV_BOARD_NET_H
#define SELV_BOARD_NET_H

#include "base/base.h"

#define SELV_BOARD_NET_QUEUE 3u

/* IPv4 addresses are four bytes in the order they are written. */
struct selv_board_net_config {
    uint8_t address[4];
    uint8_t netmask[4];
    uint8_t gateway[4];
    uint16_t port; /* local, not 0 */
};

struct selv_board_net_peer {
    uint8_t address[4];
    uint16_t port;
};

/* False when the controller does not answer or lwIP has no memory. Call
 * after selv_board_clock_start. */
bool selv_board_net_start(const struct selv_board_net_config *config);

/* Move frames from the controller into lwIP and run its timers. */
void selv_board_net_poll(void);

/* Hand a datagram to lwIP. False when it could not be sent now; the sender's
 * retransmission makes up for it, as for any loss. */
bool selv_board_net_send(const struct selv_board_net_peer *to,
                         struct selv_bytes payload);

/* The oldest datagram that waits: copied to *payload, whose len is set. False
 * when there is none. A datagram longer than payload->cap is dropped. */
bool selv_board_net_receive(struct selv_board_net_peer *from,
                            struct selv_buf *payload);

#endif
