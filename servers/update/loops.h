/* SPDX-License-Identifier: Apache-2.0
 *
 * update/loops.h - the device-facing interface in several threads, each with
 * a loop and a socket of its own on one port.
 *
 * Calls: 1 selv_loops_open  2 selv_loops_start  3 selv_loops_stop
 *        4 selv_loops_close.
 * The loops share what `struct selv_server` holds: records, which let one
 * thread at a time in, blobs, which they only read, and what never changes.
 * Owns: threads, sockets and their memory. */
#ifndef SELV_UPDATE_LOOPS_H
#define SELV_UPDATE_LOOPS_H

#include "server.h"

#define SELV_LOOPS_MAX 16u
#define SELV_LOOPS_DEFAULT_MAX 8u

struct selv_coap_loop;

struct selv_loops {
    struct selv_server *server;
    struct selv_coap_loop *loops[SELV_LOOPS_MAX];
    size_t count;
    int wake_fd; /* an eventfd, see selv_contacts_init and selv_loops_failed */
};

/* The cores that this process may use, at most SELV_LOOPS_DEFAULT_MAX. */
size_t selv_loops_default(void);

/* fds: count sockets (selv_net_bind_shared), taken over in any case. False
 * with errno; then selv_loops_close. */
SELV_MUST_CHECK bool selv_loops_open(struct selv_loops *loops,
                                     struct selv_server *server, const int *fds,
                                     size_t count, int wake_fd);

/* Take connections over TCP, too: one of the sockets (selv_tcp_bind) for each
 * loop, as far as they go; taken over in any case. places: of each. Before
 * selv_loops_start. False with errno. */
SELV_MUST_CHECK bool selv_loops_listen(struct selv_loops *loops, const int *fds,
                                       size_t count, uint32_t places);

/* Signals that are blocked now are blocked in the threads. False with errno.
 */
SELV_MUST_CHECK bool selv_loops_start(struct selv_loops *loops);

/* A release was published: tell who observes. From any thread; nothing when
 * loops is NULL. */
void selv_loops_changed(struct selv_loops *loops);

/* Waits until each has ended what it was doing. */
void selv_loops_stop(struct selv_loops *loops);
void selv_loops_close(struct selv_loops *loops);

/* True, with errno, when a loop has ended though nobody stopped it. */
bool selv_loops_failed(const struct selv_loops *loops);

/* Write down the times of contact that the loops have noted, any time between
 * open and close. What failed, of the last that did. */
SELV_MUST_CHECK enum selv_db_status
selv_loops_contacts_write(struct selv_loops *loops);
/* True when it should be done at once. */
bool selv_loops_contacts_full(struct selv_loops *loops);

#endif
