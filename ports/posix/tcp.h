/* SPDX-License-Identifier: Apache-2.0
 *
 * posix/tcp.h - one server over TCP [RFC 8323], for engines that speak
 * datagrams: what they send goes through a connection that is made when it is
 * needed, and what comes is handed back as the datagrams that a server over
 * UDP would have sent.
 *
 * A request is kept until it is answered. When a connection ends, the next one
 * is made at once and gets all of them: so an engine sees neither a lost
 * connection nor a new address, but answers that come later. A request that
 * equals one that is under way is not sent: a stream loses nothing.
 *
 * Calls: 1 open, which asks nobody yet  2 send what the engine wants sent
 *        3 wait for the descriptor that fd names, no longer than until_ms, then
 *        receive until it gives nothing  4 close.
 * Limits: SELV_POSIX_TCP_REQUESTS kept, each for SELV_POSIX_TCP_KEEP_MS; the
 *        oldest gives way. A connection that brings nothing for 10 s while it
 *        is waited for is asked for a sign of life, for which it has 20 s, as
 *        for the rest of a message; making one takes 10 s at most, 4 s while
 *        the name has another address. After one that brought no answer comes
 *        the next address (address.h); after the last of them a pause of 2 to
 *        16 s.
 *
 * Owns:  all of its memory, about 260 KiB.
 *
 * Time:  a name is looked up when a connection is made, once a minute at most
 *        (address.h), as long as that takes. Nothing else blocks, and receive
 *        takes 256 KiB from the network at most, whatever there is. */
#ifndef SELV_POSIX_TCP_H
#define SELV_POSIX_TCP_H

#include <poll.h>

#include "posix/posix.h"

#define SELV_POSIX_TCP_REQUESTS 128u
#define SELV_POSIX_TCP_KEEP_MS 100000u
#define SELV_POSIX_TCP_REQUEST_LEN 1536u /* bytes of a request's datagram */

struct selv_posix_tcp;

/* Whether the URI's scheme is coap+tcp. */
bool selv_posix_tcp_is(const char *uri);
/* coap+tcp://host[:port], as selv_posix_udp_check. */
SELV_MUST_CHECK bool selv_posix_tcp_check(const char *uri,
                                          struct selv_posix_why *why);
/* NULL: why. */
SELV_MUST_CHECK struct selv_posix_tcp *
selv_posix_tcp_open(const char *uri, struct selv_posix_why *why);
/* Says Release. NULL is harmless. */
void selv_posix_tcp_close(struct selv_posix_tcp *t);

/* The host when it is a name, else "". */
const char *selv_posix_tcp_host(const struct selv_posix_tcp *t);

/* A datagram of an engine; what is no request is of no use to a stream. */
void selv_posix_tcp_send(struct selv_posix_tcp *t, struct selv_bytes datagram);

/* Nobody waits for an answer any more: what was sent is not sent again, and no
 * connection is made for it. */
void selv_posix_tcp_forget(struct selv_posix_tcp *t);

/* What to wait for; false: there is nothing but the time. */
bool selv_posix_tcp_fd(const struct selv_posix_tcp *t, struct pollfd *fd);
/* 0: receive has something, or something to do, at once. */
uint64_t selv_posix_tcp_until_ms(const struct selv_posix_tcp *t);

/* The next datagram, for the engine to be fed with before this is called
 * again; its length, or 0: none now. One longer than cap is lost. */
size_t selv_posix_tcp_receive(struct selv_posix_tcp *t, uint8_t *p, size_t cap);

/* True when the connection that there is has answered a request: what else
 * comes may be anything. */
bool selv_posix_tcp_is_of_use(const struct selv_posix_tcp *t);

/* True once after a connection that brought no answer, or was not made. */
bool selv_posix_tcp_was_refused(struct selv_posix_tcp *t);

/* Connections made so far. */
uint32_t selv_posix_tcp_connections(const struct selv_posix_tcp *t);

#endif
