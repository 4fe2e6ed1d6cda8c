/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/relay.c - sockets and time for the link; see relay.h.
 *
 * One thread, one epoll. Whatever wakes it up: everything that has come is put
 * into its link with the time of reading, then all that has arrived by now is
 * taken and sent, and the timer is set to the earliest instant of all links. */
#include "sim/relay.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 65535u
#define BATCH 64 /* datagrams read from one socket before others get a turn */

/* What woke us up; below that, the number of a near end. */
enum { WAKE_LISTEN = SIM_RELAY_ENDS_MAX, WAKE_TIMER, WAKE_SIGNAL };

struct near_end {
    bool is_used;
    struct selv_net_address address;
    int far_fd;            /* connected to the far end */
    uint32_t far_address;  /* for which of the near end's addresses it stands */
    uint32_t flow;         /* its number of all that there were */
    uint64_t heard_us;     /* when it sent last */
    struct sim_link *link; /* NULL when one is shared */
};

struct sim_relay {
    struct sim_relay_options options;
    int epoll_fd;
    int listen_fd;
    int timer_fd;
    int signal_fd;
    sigset_t mask; /* before ours */
    struct near_end ends[SIM_RELAY_ENDS_MAX];
    struct sim_link *shared;
    uint64_t due_us;              /* what the timer is set to */
    struct sim_relay_stats stats; /* way: of links that are gone */
    uint8_t packet[PACKET_MAX];
};

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static bool watch(struct sim_relay *r, int fd, uint32_t what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};
    return fd >= 0 && epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* ---- statistics --------------------------------------------------------- */

static void stats_add(struct sim_link_stats *sum,
                      const struct sim_link_stats *s)
{
    sum->put_count += s->put_count;
    sum->put_len += s->put_len;
    sum->taken_count += s->taken_count;
    sum->taken_len += s->taken_len;
    sum->doubled_count += s->doubled_count;
    sum->late_count += s->late_count;
    sum->held_count += s->held_count;
    for (int i = 0; i < SIM_LINK_CAUSE_COUNT; i++) {
        sum->lost_count[i] += s->lost_count[i];
    }
    sum->wire_len += s->wire_len;
    sum->frame_count += s->frame_count;
    sum->frame_lost += s->frame_lost;
    sum->retry_count += s->retry_count;
    sum->air_us += s->air_us;
    sum->queue_max =
        s->queue_max > sum->queue_max ? s->queue_max : sum->queue_max;
    sum->rebind_count += s->rebind_count;
}

static void link_add(struct sim_relay_stats *sum, const struct sim_link *l)
{
    for (int d = 0; l != NULL && d < 2; d++) {
        stats_add(&sum->way[d], sim_link_stats(l, (enum sim_link_direction)d));
    }
}

void sim_relay_stats(const struct sim_relay *r, struct sim_relay_stats *stats)
{
    *stats = r->stats;
    link_add(stats, r->shared);
    for (size_t i = 0; i < SIM_RELAY_ENDS_MAX; i++) {
        link_add(stats, r->ends[i].link);
    }
}

/* ---- near ends ---------------------------------------------------------- */

static void end_close(struct sim_relay *r, struct near_end *e)
{
    if (e->is_used) {
        close(e->far_fd);
        if (e->link != NULL) {
            link_add(&r->stats, e->link);
            /* What was on its way in a link that is gone, stays there. */
            sim_link_free(e->link);
        }
    }
    memset(e, 0, sizeof *e);
    e->far_fd = -1;
}

/* A socket that the far end has not seen before. */
static int far_open(struct sim_relay *r, const struct near_end *e)
{
    const struct selv_net_address *to = &r->options.to;
    int fd =
        socket(to->sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (connect(fd, (const struct sockaddr *)&to->sa, to->len) < 0 ||
        !watch(r, fd, (uint32_t)(e - r->ends))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A free place, or that of the one that has been silent longest. */
static struct near_end *end_place(struct sim_relay *r)
{
    struct near_end *oldest = &r->ends[0];
    for (uint32_t i = 0; i < r->options.end_max; i++) {
        struct near_end *e = &r->ends[i];
        if (!e->is_used) {
            return e;
        }
        oldest = e->heard_us < oldest->heard_us ? e : oldest;
    }
    end_close(r, oldest);
    r->stats.gone_count++;
    return oldest;
}

/* NULL when the system has no socket or memory for another one. */
static struct near_end *
end_open(struct sim_relay *r, const struct selv_net_address *from, uint64_t now)
{
    struct near_end *e = end_place(r);
    e->far_fd = far_open(r, e);
    if (e->far_fd < 0) {
        return NULL;
    }
    e->flow = (uint32_t)r->stats.end_count;
    e->far_address = 0;
    if (!r->options.is_shared) {
        e->link =
            sim_link_new(&r->options.link, r->options.seed + e->flow, now);
        if (e->link == NULL) {
            close(e->far_fd);
            e->far_fd = -1;
            return NULL;
        }
    }
    e->is_used = true;
    e->address = *from;
    r->stats.end_count++;
    return e;
}

static bool is_same(const struct selv_net_address *a,
                    const struct selv_net_address *b)
{
    return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

static struct near_end *end_find(struct sim_relay *r,
                                 const struct selv_net_address *from)
{
    for (uint32_t i = 0; i < r->options.end_max; i++) {
        if (r->ends[i].is_used && is_same(&r->ends[i].address, from)) {
            return &r->ends[i];
        }
    }
    return NULL;
}

static struct near_end *end_of_flow(struct sim_relay *r, uint32_t flow)
{
    for (uint32_t i = 0; i < r->options.end_max; i++) {
        if (r->ends[i].is_used && r->ends[i].flow == flow) {
            return &r->ends[i];
        }
    }
    return NULL;
}

/* ---- datagrams in ------------------------------------------------------- */

static struct sim_link *link_of(struct sim_relay *r, const struct near_end *e)
{
    return e->link != NULL ? e->link : r->shared;
}

static void read_near(struct sim_relay *r)
{
    for (int i = 0; i < BATCH; i++) {
        struct selv_net_address from = {.len = sizeof from.sa};
        ssize_t n = recvfrom(r->listen_fd, r->packet, sizeof r->packet, 0,
                             (struct sockaddr *)&from.sa, &from.len);
        if (n < 0) {
            break;
        }
        uint64_t now = now_us();
        struct near_end *e = end_find(r, &from);
        e = e != NULL ? e : end_open(r, &from, now);
        if (e == NULL) {
            r->stats.failed_count++;
            continue;
        }
        e->heard_us = now;
        sim_link_put(link_of(r, e), SIM_LINK_UP, e->flow,
                     selv_bytes(r->packet, (size_t)n), now);
    }
}

static void read_far(struct sim_relay *r, struct near_end *e)
{
    for (int i = 0; e->is_used && i < BATCH; i++) {
        ssize_t n = recv(e->far_fd, r->packet, sizeof r->packet, 0);
        if (n < 0 && errno == ECONNREFUSED) {
            continue; /* nobody listens there now: told once, then forgotten */
        }
        if (n < 0) {
            break;
        }
        sim_link_put_to(link_of(r, e), e->flow, e->far_address,
                        selv_bytes(r->packet, (size_t)n), now_us());
    }
}

/* ---- datagrams out ------------------------------------------------------ */

/* The near end has another address: so has its socket towards the far end. */
static bool far_change(struct sim_relay *r, struct near_end *e,
                       uint32_t address)
{
    int fd = far_open(r, e);
    if (fd < 0) {
        return false;
    }
    close(e->far_fd);
    e->far_fd = fd;
    e->far_address = address;
    return true;
}

static void send_far(struct sim_relay *r, const struct sim_link_datagram *d)
{
    struct near_end *e = end_of_flow(r, d->flow);
    if (e == NULL) {
        return; /* it gave way while this was under way */
    }
    if ((d->address != e->far_address && !far_change(r, e, d->address)) ||
        (send(e->far_fd, d->bytes.p, d->bytes.len, 0) < 0 &&
         errno != ECONNREFUSED)) {
        r->stats.failed_count++;
    }
}

static void send_near(struct sim_relay *r, const struct sim_link_datagram *d)
{
    struct near_end *e = end_of_flow(r, d->flow);
    if (e != NULL &&
        sendto(r->listen_fd, d->bytes.p, d->bytes.len, 0,
               (struct sockaddr *)&e->address.sa, e->address.len) < 0) {
        r->stats.failed_count++;
    }
}

/* All that has arrived by now; when something happens next. */
static uint64_t pump(struct sim_relay *r, struct sim_link *l, uint64_t now)
{
    struct sim_link_datagram d;
    if (l == NULL) {
        return UINT64_MAX;
    }
    while (sim_link_take(l, SIM_LINK_UP, now, &d)) {
        send_far(r, &d);
    }
    while (sim_link_take(l, SIM_LINK_DOWN, now, &d)) {
        send_near(r, &d);
    }
    return sim_link_next(l, now);
}

static void pump_all(struct sim_relay *r)
{
    uint64_t now = now_us();
    uint64_t due = pump(r, r->shared, now);
    if (now > r->due_us && now - r->due_us > r->stats.late_us) {
        r->stats.late_us = now - r->due_us;
    }
    for (uint32_t i = 0; i < r->options.end_max; i++) {
        uint64_t next = pump(r, r->ends[i].link, now);
        due = next < due ? next : due;
    }
    struct itimerspec when = {0};
    if (due != UINT64_MAX) {
        when.it_value.tv_sec = (time_t)(due / 1000000u);
        when.it_value.tv_nsec = (long)(due % 1000000u) * 1000;
    }
    timerfd_settime(r->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    r->due_us = due;
}

/* ---- running ------------------------------------------------------------ */

/* False when it is time to end. */
static bool read_signal(struct sim_relay *r,
                        void (*tell)(const struct sim_relay *, void *),
                        void *user)
{
    struct signalfd_siginfo info;
    while (read(r->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGUSR1) {
            return false;
        }
        tell(r, user);
    }
    return true;
}

bool sim_relay_run(struct sim_relay *r,
                   void (*tell)(const struct sim_relay *, void *), void *user)
{
    for (;;) {
        struct epoll_event events[16];
        int n = epoll_wait(r->epoll_fd, events, 16, -1);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        for (int i = 0; i < n; i++) {
            uint64_t ticks;
            uint32_t what = events[i].data.u32;
            if (what == WAKE_LISTEN) {
                read_near(r);
            } else if (what == WAKE_TIMER) {
                (void)!read(r->timer_fd, &ticks, sizeof ticks);
            } else if (what != WAKE_SIGNAL) {
                read_far(r, &r->ends[what]);
            } else if (!read_signal(r, tell, user)) {
                return true;
            }
        }
        pump_all(r);
    }
}

/* ---- begin and end ------------------------------------------------------ */

static bool signals_open(struct sim_relay *r)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &mask, &r->mask) < 0) {
        return false;
    }
    r->signal_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    return watch(r, r->signal_fd, WAKE_SIGNAL);
}

static bool open_all(struct sim_relay *r, struct sim_relay_options *options)
{
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    r->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (options->is_shared) {
        r->shared = sim_link_new(&options->link, options->seed, now_us());
        if (r->shared == NULL) {
            errno = ENOMEM;
            return false;
        }
    }
    if (r->epoll_fd < 0 || !watch(r, r->timer_fd, WAKE_TIMER) ||
        !signals_open(r)) {
        return false;
    }
    r->listen_fd = selv_net_bind(&options->listen, SOCK_DGRAM);
    return watch(r, r->listen_fd, WAKE_LISTEN);
}

struct sim_relay *sim_relay_open(struct sim_relay_options *options)
{
    struct sim_relay *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    r->epoll_fd = r->listen_fd = r->timer_fd = r->signal_fd = -1;
    r->due_us = UINT64_MAX;
    r->options = *options;
    sigemptyset(&r->mask);
    for (size_t i = 0; i < SIM_RELAY_ENDS_MAX; i++) {
        r->ends[i].far_fd = -1;
    }
    if (!open_all(r, options)) {
        int err = errno;
        sim_relay_close(r);
        errno = err;
        return NULL;
    }
    return r;
}

void sim_relay_close(struct sim_relay *r)
{
    const int fds[] = {r->signal_fd, r->listen_fd, r->timer_fd, r->epoll_fd};
    for (size_t i = 0; i < SIM_RELAY_ENDS_MAX; i++) {
        end_close(r, &r->ends[i]);
    }
    sim_link_free(r->shared);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    sigprocmask(SIG_SETMASK, &r->mask, NULL);
    free(r);
}
