/* SPDX-License-Identifier: Apache-2.0
 *
 * host/udp.h - many datagrams in one system call each way.
 *
 * Calls: 1 selv_udp_open  2 selv_udp_receive: up to SELV_UDP_BATCH datagrams
 *        3 for each of them selv_udp_get, and, to answer it, selv_udp_out and
 *        selv_udp_put  4 selv_udp_send  5 again from 2  6 selv_udp_close.
 *        selv_udp_put_to answers nobody, but sends to any address.
 * A socket bound to all addresses answers from the one that was asked: else
 * the system would choose by its routes, and a client that was answered from
 * another address than it asked takes no notice [RFC 7252 5.3.2].
 * Owns:  the socket, and its buffers: 64 of SELV_UDP_IN_MAX and of
 *        SELV_UDP_OUT_MAX bytes, of which the system keeps only those pages
 *        that were ever used. A tail (see selv_udp_put) is the caller's, and
 *        must stay where it is until selv_udp_send has returned.
 * Not for two threads at once. */
#ifndef SELV_HOST_UDP_H
#define SELV_HOST_UDP_H

#include "base/base.h"
#include "host/net.h"

#define SELV_UDP_BATCH 64u
#define SELV_UDP_IN_MAX 4096u  /* bytes of a datagram that comes in */
#define SELV_UDP_OUT_MAX 1536u /* bytes of one that goes out, without tail */

struct selv_udp;

/* fd: a datagram socket, bound, non-blocking; taken over. on_torn (may be
 * NULL) is called in selv_udp_send when the system could not read a tail,
 * which happens when a mapped file was cut short: it may change head, which is
 * then sent without tail, or set head->len to 0: then nothing is sent. NULL,
 * with errno, without memory; fd is then the caller's still. */
SELV_MUST_CHECK struct selv_udp *
selv_udp_open(int fd, void (*on_torn)(void *user, struct selv_buf *head),
              void *user);
/* NULL is harmless. */
void selv_udp_close(struct selv_udp *udp);

int selv_udp_fd(const struct selv_udp *udp);

/* Takes what has come, without waiting, and forgets what came before. The
 * number of datagrams; fewer than SELV_UDP_BATCH: there were no more. */
unsigned selv_udp_receive(struct selv_udp *udp);

/* Datagram i of those received, and whom it came from. False when it is longer
 * than SELV_UDP_IN_MAX. Valid until the next selv_udp_receive. */
bool selv_udp_get(const struct selv_udp *udp, unsigned i,
                  struct selv_bytes *datagram,
                  const struct selv_net_address **from);

/* The address of ours that datagram i came to; its len is 0 where the socket is
 * bound to one address. Valid as long as the datagram. */
const struct selv_net_local *selv_udp_local(const struct selv_udp *udp,
                                            unsigned i);

/* The buffer for the next datagram that goes out: cap SELV_UDP_OUT_MAX. When
 * SELV_UDP_BATCH of them wait, they are sent first. */
struct selv_buf selv_udp_out(struct selv_udp *udp);

/* Queues head (from selv_udp_out, its len set) and after it tail, which is
 * not copied, for the sender of datagram i. */
void selv_udp_put(struct selv_udp *udp, unsigned i, const struct selv_buf *head,
                  struct selv_bytes tail);
/* The same for any address; local: from which of ours. */
void selv_udp_put_to(struct selv_udp *udp, const struct selv_net_address *to,
                     const struct selv_net_local *local,
                     const struct selv_buf *head, struct selv_bytes tail);

/* Sends what is queued. What the network does not take is lost, as any
 * datagram may be: the number of those. */
unsigned selv_udp_send(struct selv_udp *udp);

#endif
