/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.c - see host/loop.h. */
#include "host/loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>

bool selv_loop_init(struct selv_loop *loop)
{
    memset(loop, 0, sizeof *loop);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return loop->epoll_fd >= 0;
}

bool selv_loop_add(struct selv_loop *loop,
                   const struct selv_loop_source *source)
{
    if (loop->count == SELV_LOOP_SOURCES_MAX) {
        errno = ENOSPC;
        return false;
    }
    if (source->fd >= 0) {
        struct epoll_event event = {.events = EPOLLIN,
                                    .data.u32 = (uint32_t)loop->count};
        if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0) {
            return false;
        }
    }
    loop->sources[loop->count++] = source;
    return true;
}

/* The shortest wait asked for, as epoll takes it. */
static int wait_next(const struct selv_loop *loop)
{
    int64_t least = -1;
    for (size_t i = 0; i < loop->count; i++) {
        const struct selv_loop_source *s = loop->sources[i];
        int64_t wait = s->wait_ms != NULL ? s->wait_ms(s->user) : -1;
        if (wait >= 0 && (least < 0 || wait < least)) {
            least = wait;
        }
    }
    return least > INT_MAX ? INT_MAX : (int)least;
}

bool selv_loop_run(struct selv_loop *loop)
{
    while (!loop->is_stopped) {
        struct epoll_event events[SELV_LOOP_SOURCES_MAX];
        int n = epoll_wait(loop->epoll_fd, events, SELV_LOOP_SOURCES_MAX,
                           wait_next(loop));
        if (n < 0 && errno != EINTR) {
            return false;
        }
        bool is_ready[SELV_LOOP_SOURCES_MAX] = {false};
        for (int i = 0; i < n; i++) {
            is_ready[events[i].data.u32] = true;
        }
        for (size_t i = 0; i < loop->count && !loop->is_stopped; i++) {
            const struct selv_loop_source *s = loop->sources[i];
            if (is_ready[i] ||
                (s->wait_ms != NULL && s->wait_ms(s->user) == 0)) {
                s->on_ready(s->user);
            }
        }
    }
    return true;
}

void selv_loop_stop(struct selv_loop *loop)
{
    loop->is_stopped = true;
}

void selv_loop_close(struct selv_loop *loop)
{
    if (loop->epoll_fd >= 0) {
        close(loop->epoll_fd);
    }
    loop->epoll_fd = -1;
}
