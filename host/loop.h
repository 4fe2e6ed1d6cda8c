/* SPDX-License-Identifier: Apache-2.0
 *
 * host/loop.h - one thread, one epoll: calls a source back when its file
 * descriptor can be read, or when the time that it asked for has come.
 *
 * Calls: 1 selv_loop_init  2 selv_loop_add, each source  3 selv_loop_run
 *        4 selv_loop_stop from a callback  5 selv_loop_close.
 * Owns:  its epoll descriptor; not the sources' descriptors. A source's struct
 *        is the caller's and must outlive the loop. */
#ifndef SELV_HOST_LOOP_H
#define SELV_HOST_LOOP_H

#include "base/base.h"

#define SELV_LOOP_SOURCES_MAX 8u

struct selv_loop_source {
    int fd; /* watched for reading; -1: only timed */
    /* fd can be read, or the time has come. */
    void (*on_ready)(void *user);
    /* Milliseconds from now until on_ready is due without the fd; negative:
     * never. NULL: never. Asked before each wait. */
    int64_t (*wait_ms)(void *user);
    void *user;
};

struct selv_loop {
    int epoll_fd;
    const struct selv_loop_source *sources[SELV_LOOP_SOURCES_MAX];
    size_t count;
    bool is_stopped;
};

/* False, with errno, when the system gives no epoll descriptor. */
SELV_MUST_CHECK bool selv_loop_init(struct selv_loop *loop);
/* False, with errno, when fd cannot be watched; ENOSPC over the limit. */
SELV_MUST_CHECK bool selv_loop_add(struct selv_loop *loop,
                                   const struct selv_loop_source *source);
/* Until selv_loop_stop. False, with errno, when waiting fails. */
SELV_MUST_CHECK bool selv_loop_run(struct selv_loop *loop);
void selv_loop_stop(struct selv_loop *loop);
void selv_loop_close(struct selv_loop *loop);

#endif
