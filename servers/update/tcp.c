/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp.c - see update/tcp.h.
 *
 * Invariants:
 *  1 While an answer waits to be sent, its connection is neither read from nor
 *    polled: nothing is queued behind it.
 *  2 Nothing but whole frames gets into `out`, and a tail is the end of the
 *    last of them.
 *  3 Each connection has a time, due_ms, at which it is looked at; next_ms is
 *    that of none later than the earliest. */
#define _GNU_SOURCE /* accept4 */
#include "tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#define OUT_LEN 4096u
#define EVENTS 64           /* looked at before the other sources are */
#define ACCEPTS 64u         /* the same */
#define REQUESTS 64u        /* of one connection before the others */
#define DRAIN_MS 2000u      /* for the peer to read our Abort */
#define PAUSE_MS 1000u      /* when the system has no descriptor left */
#define LISTENER UINT32_MAX /* among the events */
#define SCRATCH_LEN 40960u  /* the longest block, and its options */
#define DISCARD_LEN 16384u
#define DISCARDS 4u
#define TICK_MS UINT64_C(256)

struct connection {
    int fd;
    uint32_t place;
    uint64_t serial; /* tells it from those before it in its place */
    struct selv_coap_peer from;
    struct selv_crowd_seat seat;
    uint64_t due_ms;
    uint64_t held_ms; /* is_held: since when */
    struct selv_coap_tcp c;
    bool is_last;     /* it ends when all is sent */
    bool is_draining; /* we have said our last, the peer has not */
    bool is_blocked;  /* waits for the socket to take more */
    bool is_dry;      /* the socket had no more, this turn */
    bool is_owed;     /* an answer comes later, and nothing is read before */
    bool is_held;     /* was blocked or owed; nothing was read since */
    uint32_t events;  /* that epoll looks for */
    uint32_t out_len, out_sent;
    uint32_t tail_left; /* bytes */
    uint32_t tail_offset;
    uint8_t blob[SELV_TCP_DIGEST_LEN];
    uint8_t out[OUT_LEN];
    uint8_t in[SELV_TCP_IN_MAX + SELV_COAP_TCP_SPARE];
};

struct selv_tcp {
    struct selv_tcp_hooks hooks;
    int listen_fd;
    int epoll_fd;
    bool is_paused; /* no connection is taken until resume_ms */
    uint64_t resume_ms;
    uint64_t next_ms;
    uint64_t serial;
    uint32_t places;
    uint32_t count;
    uint32_t free_hint;
    struct selv_crowd crowd;
    uint8_t scratch[SCRATCH_LEN];
    struct connection *connections[];
};

/* ---- listening ----------------------------------------------------------- */

/* One more socket on the port that is bound already; -1 when not. */
static int listen_again(const struct selv_net_address *address)
{
    int one = 1;
    const struct sockaddr *sa = (const struct sockaddr *)&address->sa;
    int fd = socket(address->sa.ss_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool is_good = fd >= 0;
    if (is_good && address->sa.ss_family == AF_INET6) {
        is_good =
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) == 0;
    }
    is_good = is_good &&
              setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
              setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0 &&
              bind(fd, sa, address->len) == 0 && listen(fd, SOMAXCONN) == 0;
    if (!is_good && fd >= 0) {
        close(fd);
    }
    return is_good ? fd : -1;
}

/* The first is bound without leave to share, so that it is refused where
 * somebody else sits; it gives leave afterwards. */
size_t selv_tcp_bind(struct selv_net_address *address, int *fds, size_t count)
{
    int one = 1;
    size_t made = 0;
    int fd = selv_net_bind(address, SOCK_STREAM);
    bool is_shared =
        count > 1 && fd >= 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0;
    if (fd >= 0) {
        (void)listen(fd, SOMAXCONN); /* a longer queue than it was given */
    }
    while (fd >= 0) {
        fds[made++] = fd;
        fd = is_shared && made < count ? listen_again(address) : -1;
    }
    return made;
}

/* ---- peers --------------------------------------------------------------- */

#define PEER_LEN 12u /* those of datagrams have 6 and 20 bytes */

static struct selv_coap_peer peer_of(const struct connection *n)
{
    struct selv_coap_peer peer = {.len = PEER_LEN};
    selv_put_be32(peer.addr, n->place);
    memcpy(peer.addr + 4, &n->serial, sizeof n->serial);
    return peer;
}

bool selv_tcp_is_peer(const struct selv_coap_peer *peer)
{
    return peer->len == PEER_LEN;
}

static struct connection *connection_of(const struct selv_tcp *tcp,
                                        const struct selv_coap_peer *peer)
{
    uint32_t place = selv_get_be32(peer->addr);
    struct connection *n = selv_tcp_is_peer(peer) && place < tcp->places
                               ? tcp->connections[place]
                               : NULL;
    bool is_same =
        n != NULL && memcmp(peer->addr + 4, &n->serial, sizeof n->serial) == 0;
    return is_same ? n : NULL;
}

/* ---- waiting ------------------------------------------------------------- */

static void due_at(struct selv_tcp *tcp, struct connection *n, uint64_t at_ms)
{
    n->due_ms = at_ms;
    if (at_ms < tcp->next_ms) {
        tcp->next_ms = at_ms;
    }
}

/* A little later than at_ms: so all places are gone through for many at once.
 */
static void due(struct selv_tcp *tcp, struct connection *n, uint64_t at_ms)
{
    due_at(tcp, n, at_ms | (TICK_MS - 1));
}

static void watch(struct selv_tcp *tcp, struct connection *n, bool is_blocked)
{
    uint32_t in = n->is_owed ? 0 : EPOLLIN;
    struct epoll_event event = {.events = is_blocked ? EPOLLOUT : in,
                                .data.u32 = n->place};
    n->is_blocked = is_blocked;
    if (n->events != event.events) {
        n->events = event.events;
        (void)epoll_ctl(tcp->epoll_fd, EPOLL_CTL_MOD, n->fd, &event);
    }
}

/* ---- the end of a connection --------------------------------------------- */

static void drop(struct selv_tcp *tcp, struct connection *n)
{
    struct selv_coap_peer peer = peer_of(n);
    tcp->hooks.gone(tcp->hooks.user, &peer);
    tcp->connections[n->place] = NULL;
    tcp->free_hint = n->place;
    selv_crowd_leave(&tcp->crowd, n->seat);
    tcp->count--;
    close(n->fd);
    free(n);
}

/* All is sent. What the peer sends still is thrown away for a moment: closed at
 * once, a socket with unread bytes takes back what the peer has not read. */
static void drain_begin(struct selv_tcp *tcp, struct connection *n,
                        uint64_t now_ms)
{
    n->is_draining = true;
    watch(tcp, n, false);
    (void)shutdown(n->fd, SHUT_WR);
    due(tcp, n, now_ms + DRAIN_MS);
}

/* False: it has ended. */
static bool drain(struct selv_tcp *tcp, struct connection *n, uint64_t now_ms)
{
    uint8_t unread[DISCARD_LEN];
    ssize_t len = 1;
    for (unsigned i = 0; i < DISCARDS && len > 0; i++) {
        len = recv(n->fd, unread, sizeof unread, MSG_DONTWAIT);
    }
    bool is_open = len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
    if (!is_open || now_ms >= n->due_ms) {
        drop(tcp, n);
        return false;
    }
    due(tcp, n, n->due_ms);
    return true;
}

/* ---- what goes out ------------------------------------------------------- */

static bool is_waiting(const struct connection *n)
{
    return n->out_sent < n->out_len || n->tail_left > 0;
}

/* One call of the system. Its result; EFAULT, too, when the blob is gone. */
static ssize_t send_some(struct selv_tcp *tcp, struct connection *n)
{
    struct iovec parts[2] = {{n->out + n->out_sent, n->out_len - n->out_sent},
                             {NULL, 0}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 1};
    struct selv_bytes blob;
    if (n->tail_left > 0) {
        if (!tcp->hooks.blob(tcp->hooks.user, n->blob, &blob) ||
            blob.len < n->tail_offset ||
            blob.len - n->tail_offset < n->tail_left) {
            errno = EFAULT;
            return -1;
        }
        /* Handed to the system only. */
        parts[1].iov_base = (void *)(uintptr_t)(blob.p + n->tail_offset);
        parts[1].iov_len = n->tail_left;
        message.msg_iovlen = 2;
    }
    return sendmsg(n->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void sent(struct connection *n, size_t len)
{
    size_t head = n->out_len - n->out_sent;
    head = len < head ? len : head;
    n->out_sent += (uint32_t)head;
    n->tail_offset += (uint32_t)(len - head);
    n->tail_left -= (uint32_t)(len - head);
    if (!is_waiting(n)) {
        n->out_len = n->out_sent = 0;
    }
}

/* Nothing is read from now on: what the peer sends meanwhile is not late. */
static void hold(struct connection *n, uint64_t now_ms)
{
    if (!n->is_held) {
        n->is_held = true;
        n->held_ms = now_ms;
    }
}

static void go_on(struct connection *n, uint64_t now_ms)
{
    if (n->is_held) {
        selv_coap_tcp_paused(&n->c, now_ms - n->held_ms);
        n->is_held = false;
    }
}

enum flushed { SENT, BLOCKED, DROPPED };

static enum flushed flush(struct selv_tcp *tcp, struct connection *n,
                          uint64_t now_ms)
{
    while (is_waiting(n)) {
        ssize_t len = send_some(tcp, n);
        if (len >= 0) {
            sent(n, (size_t)len);
        } else if (errno == EAGAIN) {
            if (!n->is_blocked) {
                watch(tcp, n, true);
                hold(n, now_ms);
                due(tcp, n, now_ms + SELV_TCP_OUT_MS);
            } else if (now_ms >= n->due_ms) {
                drop(tcp, n);
                return DROPPED;
            } else {
                due(tcp, n, n->due_ms);
            }
            return BLOCKED;
        } else if (errno != EINTR) {
            if (errno == EFAULT) {
                tcp->hooks.torn(tcp->hooks.user);
            }
            drop(tcp, n);
            return DROPPED;
        }
    }
    watch(tcp, n, false);
    return SENT;
}

/* The answer cannot be sent as it is: 5.00, without options. */
static void fail_answer(struct selv_tcp_answer *answer)
{
    answer->head.p[1] = SELV_COAP_SERVER_ERROR;
    answer->head.len = 4u + (answer->head.p[0] & 15u);
    answer->tail = selv_bytes(NULL, 0);
}

/* Makes a frame of an answer, which there is room for. */
static void queue(struct connection *n, struct selv_tcp_answer *answer)
{
    struct selv_bytes frame;
    uint32_t max = n->c.peer_max;
    struct selv_buf whole = answer->head;
    if (answer->head.len < 4) {
        return;
    }
    whole.len += answer->tail.len;
    enum selv_err err = selv_coap_tcp_wrap(&whole, max, &frame);
    if (err || frame.len - answer->tail.len > OUT_LEN - n->out_len) {
        fail_answer(answer);
        whole = answer->head;
        err = selv_coap_tcp_wrap(&whole, max, &frame);
    }
    if (err || frame.len == 0) {
        return; /* it takes not even that; or Reset and ACK */
    }
    memcpy(n->out + n->out_len, frame.p, frame.len - answer->tail.len);
    n->out_len += (uint32_t)(frame.len - answer->tail.len);
    n->tail_left = (uint32_t)answer->tail.len;
    n->tail_offset = answer->tail_offset;
    memcpy(n->blob, answer->blob, sizeof n->blob);
}

static bool has_room(const struct connection *n)
{
    return n->tail_left == 0 && OUT_LEN - n->out_len >= SELV_TCP_HEAD_MAX;
}

/* ---- what comes in ------------------------------------------------------- */

/* Blocks that fit what the peer takes; 128 bytes are for the rest. */
static uint8_t szx_max_of(const struct connection *n)
{
    uint8_t szx = SELV_COAP_SZX_MAX;
    while (szx > 0 && selv_coap_block_len(szx) + 128 > n->c.peer_max) {
        szx--;
    }
    return szx;
}

static void answer(struct selv_tcp *tcp, struct connection *n,
                   struct selv_bytes datagram)
{
    struct selv_coap_peer peer = peer_of(n);
    struct selv_tcp_answer a = {.head = selv_tcp_out(tcp)};
    tcp->hooks.request(tcp->hooks.user, &peer, datagram, szx_max_of(n),
                       selv_coap_tcp_bert_len(&n->c), &a);
    n->is_owed = a.is_later;
    if (!a.is_later) {
        queue(n, &a);
    }
}

enum filled { SOME, NONE };

/* Bytes from the socket to the engine. NONE: there are none now. */
static enum filled fill(struct connection *n, uint64_t now_ms)
{
    uint8_t in[SELV_TCP_IN_MAX];
    size_t room = selv_coap_tcp_room(&n->c);
    ssize_t len =
        recv(n->fd, in, room < sizeof in ? room : sizeof in, MSG_DONTWAIT);
    n->is_dry = len < (ssize_t)(room < sizeof in ? room : sizeof in);
    if (len > 0) {
        size_t taken =
            selv_coap_tcp_feed(&n->c, now_ms, selv_bytes(in, (size_t)len));
        SELV_ASSERT(taken == (size_t)len);
        return SOME;
    }
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        return NONE;
    }
    selv_coap_tcp_ended(&n->c);
    return SOME;
}

/* What the connection's engine has to do next. False: it waits for the peer.
 */
static bool step(struct selv_tcp *tcp, struct connection *n, uint64_t now_ms)
{
    struct selv_coap_tcp_event event;
    struct selv_buf out = {n->out + n->out_len, OUT_LEN - n->out_len, 0};
    go_on(n, now_ms);
    switch (selv_coap_tcp_poll(&n->c, now_ms, &out, &event)) {
    case SELV_COAP_TCP_SEND:
        n->out_len += (uint32_t)out.len;
        return true;
    case SELV_COAP_TCP_REQUEST:
        answer(tcp, n, event.message);
        if (n->is_owed) {
            hold(n, now_ms);
        }
        return true;
    case SELV_COAP_TCP_RESPONSE: /* nobody has asked it anything */
        return true;
    case SELV_COAP_TCP_RELEASED: /* and what was open is answered */
    case SELV_COAP_TCP_CLOSE:
        n->is_last = true;
        return true;
    case SELV_COAP_TCP_WAIT:
    default:
        break;
    }
    due(tcp, n, event.until_ms);
    return !n->is_dry && fill(n, now_ms) == SOME;
}

/* All that can be done for a connection now. */
static void run(struct selv_tcp *tcp, struct connection *n, uint64_t now_ms)
{
    bool is_busy = true;
    n->is_dry = false;
    if (n->is_draining) {
        (void)drain(tcp, n, now_ms);
        return;
    }
    for (unsigned i = 0; i < REQUESTS && is_busy; i++) {
        if (!has_room(n) && flush(tcp, n, now_ms) != SENT) {
            return;
        }
        is_busy = !n->is_last && !n->is_owed && step(tcp, n, now_ms);
    }
    if (n->is_owed) {
        due(tcp, n, now_ms + SELV_TCP_OUT_MS);
    }
    if (flush(tcp, n, now_ms) != SENT) {
        return;
    }
    if (n->is_last) {
        drain_begin(tcp, n, now_ms);
    } else if (is_busy && !n->is_owed) {
        due_at(tcp, n, now_ms); /* it may have frames that epoll knows not of */
    }
}

/* ---- the beginning of a connection --------------------------------------- */

/* Who goes for a newcomer. */
static void make_room(struct selv_tcp *tcp)
{
    struct connection *worst = NULL;
    uint64_t most = 0;
    for (uint32_t i = 0; i < tcp->places; i++) {
        struct connection *n = tcp->connections[i];
        if (n == NULL) {
            continue;
        }
        uint64_t weight = selv_crowd_weight(&tcp->crowd, n->seat);
        if (weight > most ||
            (weight == most && n->c.heard_ms < worst->c.heard_ms)) {
            worst = n;
            most = weight;
        }
    }
    if (worst != NULL) {
        drop(tcp, worst);
    }
}

static uint32_t place_find(struct selv_tcp *tcp)
{
    if (tcp->count == tcp->places) {
        make_room(tcp);
    }
    for (uint32_t i = 0; tcp->connections[tcp->free_hint] != NULL; i++) {
        SELV_ASSERT(i < tcp->places);
        tcp->free_hint = (tcp->free_hint + 1) % tcp->places;
    }
    return tcp->free_hint;
}

void selv_tcp_adopt(struct selv_tcp *tcp, int fd,
                    const struct selv_coap_peer *from, uint64_t now_ms)
{
    int one = 1;
    struct connection *n = malloc(sizeof *n);
    uint32_t place = place_find(tcp);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = place};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (n == NULL || epoll_ctl(tcp->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        free(n);
        close(fd);
        return;
    }
    struct selv_buf in = {n->in, sizeof n->in, 0};
    memset(n, 0, offsetof(struct connection, out));
    n->fd = fd;
    n->place = place;
    n->serial = ++tcp->serial;
    n->from = *from;
    n->seat = selv_crowd_join(&tcp->crowd, from);
    n->events = EPOLLIN;
    selv_coap_tcp_init(&n->c, in, now_ms);
    n->c.timeout_ms = SELV_TCP_TIMEOUT_MS;
    n->c.idle_ms = SELV_TCP_IDLE_MS;
    tcp->connections[place] = n;
    tcp->count++;
    run(tcp, n, now_ms);
}

/* ---- listening for more -------------------------------------------------- */

static void listener_watch(struct selv_tcp *tcp, bool is_paused)
{
    struct epoll_event event = {.events = is_paused ? 0u : EPOLLIN,
                                .data.u32 = LISTENER};
    tcp->is_paused = is_paused;
    (void)epoll_ctl(tcp->epoll_fd, EPOLL_CTL_MOD, tcp->listen_fd, &event);
}

static void accept_all(struct selv_tcp *tcp, uint64_t now_ms)
{
    for (unsigned i = 0; i < ACCEPTS; i++) {
        struct selv_net_address from = {.len = sizeof from.sa};
        int fd = accept4(tcp->listen_fd, (struct sockaddr *)&from.sa, &from.len,
                         SOCK_CLOEXEC);
        if (fd < 0) {
            bool is_short = errno == EMFILE || errno == ENFILE ||
                            errno == ENOMEM || errno == ENOBUFS;
            if (is_short) { /* it would be told again and again */
                listener_watch(tcp, true);
                tcp->resume_ms = now_ms + PAUSE_MS;
                tcp->next_ms = tcp->resume_ms < tcp->next_ms ? tcp->resume_ms
                                                             : tcp->next_ms;
            }
            if (is_short || errno == EAGAIN) {
                return;
            }
            continue;
        }
        struct selv_coap_peer peer;
        selv_peer_set(&peer, &from.sa);
        selv_tcp_adopt(tcp, fd, &peer, now_ms);
    }
}

struct selv_tcp *selv_tcp_open(int fd, uint32_t places,
                               const uint8_t key[static SELV_SIPHASH_KEY_LEN],
                               const struct selv_tcp_hooks *hooks)
{
    struct selv_tcp *tcp =
        calloc(1, sizeof *tcp + places * sizeof tcp->connections[0]);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = LISTENER};
    SELV_ASSERT(places > 0 && places <= SELV_TCP_PLACES_MAX);
    if (tcp == NULL) {
        return NULL;
    }
    tcp->hooks = *hooks;
    tcp->listen_fd = fd;
    tcp->places = places;
    tcp->next_ms = UINT64_MAX;
    tcp->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (tcp->epoll_fd < 0 || !selv_crowd_open(&tcp->crowd, places, key) ||
        (fd >= 0 && epoll_ctl(tcp->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)) {
        int err = errno;
        if (tcp->epoll_fd >= 0) {
            close(tcp->epoll_fd);
        }
        selv_crowd_close(&tcp->crowd);
        free(tcp);
        errno = err;
        return NULL;
    }
    return tcp;
}

/* What fits the socket at once; a peer that reads slowly does without. */
static void release(struct connection *n)
{
    struct selv_coap_tcp_event event;
    uint8_t bytes[SELV_COAP_REPLY_MAX];
    struct selv_buf out = {bytes, sizeof bytes, 0};
    if (is_waiting(n) || n->is_draining) {
        return;
    }
    selv_coap_tcp_release(&n->c, 0);
    if (selv_coap_tcp_poll(&n->c, 0, &out, &event) == SELV_COAP_TCP_SEND) {
        (void)!send(n->fd, out.p, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

void selv_tcp_close(struct selv_tcp *tcp)
{
    if (tcp == NULL) {
        return;
    }
    for (uint32_t i = 0; i < tcp->places; i++) {
        if (tcp->connections[i] != NULL) {
            release(tcp->connections[i]);
            drop(tcp, tcp->connections[i]);
        }
    }
    if (tcp->listen_fd >= 0) {
        close(tcp->listen_fd);
    }
    close(tcp->epoll_fd);
    selv_crowd_close(&tcp->crowd);
    free(tcp);
}

/* ---- the loop ------------------------------------------------------------ */

int selv_tcp_fd(const struct selv_tcp *tcp)
{
    return tcp->epoll_fd;
}

int64_t selv_tcp_wait_ms(const struct selv_tcp *tcp, uint64_t now_ms)
{
    if (tcp->next_ms == UINT64_MAX) {
        return -1;
    }
    return tcp->next_ms > now_ms ? (int64_t)(tcp->next_ms - now_ms) : 0;
}

/* Those whose time has come. Nobody's may be lost: those who are not served
 * now tell theirs again. */
static void sweep(struct selv_tcp *tcp, uint64_t now_ms)
{
    if (now_ms < tcp->next_ms) {
        return;
    }
    tcp->next_ms = UINT64_MAX;
    if (tcp->is_paused && now_ms >= tcp->resume_ms) {
        listener_watch(tcp, false);
    } else if (tcp->is_paused) {
        tcp->next_ms = tcp->resume_ms;
    }
    for (uint32_t i = 0; i < tcp->places; i++) {
        struct connection *n = tcp->connections[i];
        if (n != NULL && n->due_ms > now_ms) {
            due(tcp, n, n->due_ms);
        } else if (n != NULL) {
            run(tcp, n, now_ms);
        }
    }
}

void selv_tcp_serve(struct selv_tcp *tcp, uint64_t now_ms)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(tcp->epoll_fd, events, EVENTS, 0);
    bool has_callers = false;
    for (int i = 0; i < count; i++) {
        uint32_t place = events[i].data.u32;
        has_callers = has_callers || place == LISTENER;
        struct connection *n =
            place != LISTENER ? tcp->connections[place] : NULL;
        bool is_cut = (events[i].events & (EPOLLHUP | EPOLLERR)) != 0;
        if (n != NULL && n->is_owed && is_cut) {
            drop(tcp, n); /* nobody is there to be answered */
        } else if (n != NULL) {
            run(tcp, n, now_ms);
        }
    }
    sweep(tcp, now_ms);
    if (has_callers && !tcp->is_paused) {
        accept_all(tcp, now_ms);
    }
}

/* ---- notifications ------------------------------------------------------- */

struct selv_buf selv_tcp_out(struct selv_tcp *tcp)
{
    return (struct selv_buf){tcp->scratch, sizeof tcp->scratch, 0};
}

bool selv_tcp_tell(struct selv_tcp *tcp, uint64_t now_ms,
                   const struct selv_coap_peer *peer,
                   struct selv_tcp_answer *notification)
{
    struct connection *n = connection_of(tcp, peer);
    if (n == NULL || is_waiting(n) || n->is_owed || n->is_last ||
        n->is_draining) {
        return false;
    }
    queue(n, notification);
    return flush(tcp, n, now_ms) != DROPPED;
}

void selv_tcp_answer(struct selv_tcp *tcp, uint64_t now_ms,
                     const struct selv_coap_peer *peer,
                     struct selv_tcp_answer *answer)
{
    struct connection *n = connection_of(tcp, peer);
    if (n != NULL && n->is_owed) {
        n->is_owed = false;
        queue(n, answer);
        due_at(tcp, n, now_ms); /* it may have asked for more meanwhile */
        (void)flush(tcp, n, now_ms);
    }
}

const struct selv_coap_peer *selv_tcp_from(const struct selv_tcp *tcp,
                                           const struct selv_coap_peer *peer)
{
    const struct connection *n = connection_of(tcp, peer);
    return n != NULL ? &n->from : NULL;
}

uint8_t selv_tcp_szx_max(const struct selv_tcp *tcp,
                         const struct selv_coap_peer *peer)
{
    const struct connection *n = connection_of(tcp, peer);
    return n != NULL ? szx_max_of(n) : 0;
}

uint32_t selv_tcp_count(const struct selv_tcp *tcp)
{
    return tcp->count;
}
