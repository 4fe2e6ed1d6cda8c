/* SPDX-License-Identifier: Apache-2.0
 *
 * See posix/tcp.h.
 *
 *          wanted              connected        CSM sent
 *   REST -----------> DIALLING -----------> OPEN ------> requests may leave
 *    ^                   | refused, slow     | ended, broken, silent
 *    +-------------------+-------------------+
 *
 * What brought no answer is left for the host's next address, at once; when
 * each has been tried, there is a pause. A server that says Release is asked
 * nothing more, and has LEAVE_MS to answer what it was asked before
 * [RFC 8323 5.5]. */
#include "posix/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coap/tcp.h"

#define SCHEME "coap+tcp://"
#define IN_MAX 4096u /* bytes of a frame: what the server is told */
#define OUT_LEN 16384u
#define DIAL_MS 10000u
#define DIAL_OTHER_MS 4000u /* while there is another address: three SYNs */
#define SILENCE_MS 10000u   /* while something is waited for */
#define IDLE_MS 600000u     /* while nothing is */
#define TIMEOUT_MS 20000u
#define RETRY_MS 2000u
#define RETRY_MAX_MS 16000u
#define HOLD_OFF_MAX_S 60u /* that a server may ask for */
#define LEAVE_MS 5000u
#define STEPS_MAX 64u /* of a connection, before all else has its turn */

enum state { REST, DIALLING, OPEN };

/* A request that is not answered yet. */
struct request {
    uint64_t at_ms; /* when it came; 0: free */
    uint64_t number;
    bool is_sent; /* through this connection */
    uint8_t alias_len;
    uint8_t alias[SELV_COAP_TOKEN_MAX]; /* of an equal one that came later */
    uint16_t alias_mid;
    uint16_t len;
    uint8_t datagram[SELV_POSIX_TCP_REQUEST_LEN];
};

struct selv_posix_tcp {
    struct selv_posix_addresses names;
    bool is_name;
    enum state state;
    int fd;
    uint64_t begun_ms; /* DIALLING */
    uint64_t retry_ms; /* REST: no connection before */
    uint32_t pause_ms; /* the next one */
    uint32_t connections;
    uint64_t numbers; /* of requests */
    bool has_refused;
    bool has_csm;      /* OPEN: ours is on its way */
    bool has_answered; /* OPEN: this connection was of use */
    bool is_leaving;   /* OPEN: the server said Release ... */
    uint64_t leave_ms; /* ... and is waited for until then */
    uint32_t hold_off_s;
    uint64_t until_ms; /* OPEN: by the connection's engine */
    struct selv_coap_tcp c;
    size_t out_len;
    size_t copy_len; /* of a datagram to be told next */
    uint8_t copy[IN_MAX + 64];
    uint8_t in[IN_MAX + SELV_COAP_TCP_SPARE];
    uint8_t out[OUT_LEN];
    struct request requests[SELV_POSIX_TCP_REQUESTS];
};

/* ---- addresses -------------------------------------------------------------
 */

bool selv_posix_tcp_is(const char *uri)
{
    return strncmp(uri, SCHEME, strlen(SCHEME)) == 0;
}

/* By the rules of coap://, in plain, which is longer than its result. */
static bool parse(const char *text, char plain[static SELV_POSIX_WHY_LEN],
                  struct selv_coap_uri *uri, struct selv_posix_why *why)
{
    if (selv_posix_tcp_is(text) && strlen(text) < SELV_POSIX_WHY_LEN) {
        snprintf(plain, SELV_POSIX_WHY_LEN, "coap://%s", text + strlen(SCHEME));
        if (selv_coap_uri_parse(selv_bytes(plain, strlen(plain)), uri) ==
                SELV_OK &&
            uri->path.len == 0 && uri->query.len == 0 && uri->host.len <= 250) {
            return true;
        }
    }
    snprintf(why->text, sizeof why->text,
             "'%.120s' is not a server's address, such as "
             "coap+tcp://127.0.0.1:5683",
             text);
    return false;
}

bool selv_posix_tcp_check(const char *uri, struct selv_posix_why *why)
{
    char plain[SELV_POSIX_WHY_LEN];
    struct selv_coap_uri parsed;

    return parse(uri, plain, &parsed, why);
}

struct selv_posix_tcp *selv_posix_tcp_open(const char *uri,
                                           struct selv_posix_why *why)
{
    char plain[SELV_POSIX_WHY_LEN];
    struct selv_coap_uri parsed;
    struct selv_posix_tcp *t;

    if (!parse(uri, plain, &parsed, why)) {
        return NULL;
    }
    t = calloc(1, sizeof *t);
    if (t == NULL) {
        snprintf(why->text, sizeof why->text, "%.120s: %s", uri,
                 strerror(errno));
        return NULL;
    }
    t->fd = -1;
    selv_posix_addresses_init(&t->names, parsed.host, parsed.port, SOCK_STREAM);
    t->is_name = !parsed.is_literal &&
                 strspn(t->names.host, "0123456789.") != strlen(t->names.host);
    return t;
}

const char *selv_posix_tcp_host(const struct selv_posix_tcp *t)
{
    return t->is_name ? t->names.host : "";
}

/* ---- requests --------------------------------------------------------------
 */

static size_t token_len(const uint8_t *datagram)
{
    return datagram[0] & 15u;
}

static bool is_con(const struct request *r)
{
    return (r->datagram[0] & 0x30u) == 0;
}

/* What it asks for: code, and all behind the token. */
static bool is_equal(const struct request *r, struct selv_bytes datagram)
{
    size_t mine = 4 + token_len(r->datagram);
    size_t other = 4 + token_len(datagram.p);

    return r->at_ms != 0 && r->datagram[1] == datagram.p[1] &&
           r->len - mine == datagram.len - other &&
           memcmp(r->datagram + mine, datagram.p + other,
                  datagram.len - other) == 0;
}

static struct request *find_equal(struct selv_posix_tcp *t,
                                  struct selv_bytes datagram)
{
    for (size_t i = 0; i < SELV_POSIX_TCP_REQUESTS; i++) {
        if (is_equal(&t->requests[i], datagram)) {
            return &t->requests[i];
        }
    }
    return NULL;
}

static struct request *find_token(struct selv_posix_tcp *t,
                                  struct selv_bytes token)
{
    for (size_t i = 0; i < SELV_POSIX_TCP_REQUESTS; i++) {
        struct request *r = &t->requests[i];
        if (r->at_ms != 0 && r->is_sent &&
            selv_bytes_equal(
                selv_bytes(r->datagram + 4, token_len(r->datagram)), token)) {
            return r;
        }
    }
    return NULL;
}

/* A free place, or that of the oldest. */
static struct request *place(struct selv_posix_tcp *t)
{
    struct request *best = &t->requests[0];

    for (size_t i = 1; i < SELV_POSIX_TCP_REQUESTS; i++) {
        struct request *r = &t->requests[i];
        if (best->at_ms != 0 && (r->at_ms == 0 || r->number < best->number)) {
            best = r;
        }
    }
    return best;
}

/* Since when somebody waits for an answer; 0: nobody does. Requests that nobody
 * waits for any more go. */
static uint64_t wanted_ms(struct selv_posix_tcp *t, uint64_t now_ms)
{
    uint64_t oldest_ms = 0;

    for (size_t i = 0; i < SELV_POSIX_TCP_REQUESTS; i++) {
        struct request *r = &t->requests[i];
        if (r->at_ms != 0 && now_ms - r->at_ms > SELV_POSIX_TCP_KEEP_MS) {
            r->at_ms = 0;
        }
        if (r->at_ms != 0 && (oldest_ms == 0 || r->at_ms < oldest_ms)) {
            oldest_ms = r->at_ms;
        }
    }
    return oldest_ms;
}

void selv_posix_tcp_send(struct selv_posix_tcp *t, struct selv_bytes datagram)
{
    struct selv_coap_msg m;
    struct request *r;
    enum selv_err err = selv_coap_parse(datagram, &m);
    uint64_t now_ms = selv_posix_now_ms();

    if (err == SELV_ERR_COAP_FORMAT || SELV_COAP_CLASS(m.code) != 0 ||
        m.code == SELV_COAP_EMPTY || m.type > SELV_COAP_NON ||
        datagram.len > SELV_POSIX_TCP_REQUEST_LEN) {
        return;
    }
    r = find_equal(t, datagram);
    if (r != NULL) { /* under way: that answer is this one's, too */
        r->alias_len = (uint8_t)m.token.len;
        memcpy(r->alias, datagram.p + 4, m.token.len);
        r->alias_mid = m.mid;
        return;
    }
    r = place(t);
    memset(r, 0, sizeof *r);
    r->at_ms = now_ms > 0 ? now_ms : 1;
    r->number = ++t->numbers;
    r->len = (uint16_t)datagram.len;
    memcpy(r->datagram, datagram.p, datagram.len);
    t->until_ms = 0;
}

void selv_posix_tcp_forget(struct selv_posix_tcp *t)
{
    for (size_t i = 0; i < SELV_POSIX_TCP_REQUESTS; i++) {
        t->requests[i].at_ms = 0;
    }
    t->copy_len = 0;
}

/* ---- the connection --------------------------------------------------------
 */

static void rest(struct selv_posix_tcp *t, uint64_t now_ms)
{
    if (t->has_answered) {
        selv_posix_addresses_good(&t->names);
        t->pause_ms = 0;
        t->retry_ms = now_ms;
    } else if (selv_posix_addresses_skip(&t->names)) {
        t->retry_ms = now_ms;
    } else { /* as good as nobody there */
        t->has_refused = true;
        t->pause_ms = t->pause_ms == 0 ? RETRY_MS : t->pause_ms * 2;
        t->pause_ms = t->pause_ms < RETRY_MAX_MS ? t->pause_ms : RETRY_MAX_MS;
        t->retry_ms = now_ms + t->pause_ms;
    }
    t->retry_ms += (uint64_t)t->hold_off_s * 1000;
    t->state = REST;
}

static void lost(struct selv_posix_tcp *t, uint64_t now_ms)
{
    if (t->fd >= 0) {
        close(t->fd);
    }
    t->fd = -1;
    rest(t, now_ms);
    t->out_len = 0;
    t->has_csm = false;
    t->has_answered = false;
    t->is_leaving = false;
    t->hold_off_s = 0;
    for (size_t i = 0; i < SELV_POSIX_TCP_REQUESTS; i++) {
        t->requests[i].is_sent = false;
    }
}

static void dial(struct selv_posix_tcp *t)
{
    const struct selv_posix_address *at = selv_posix_addresses_take(&t->names);
    uint64_t now_ms = selv_posix_now_ms(); /* a look-up takes its own time */
    int one = 1;

    t->begun_ms = now_ms;
    if (at != NULL) {
        t->fd = socket(at->to.ss_family,
                       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    if (t->fd < 0 ||
        (connect(t->fd, (const struct sockaddr *)&at->to, at->len) < 0 &&
         errno != EINPROGRESS)) {
        lost(t, now_ms);
        return;
    }
    (void)setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    t->state = DIALLING;
}

static uint32_t dial_ms(const struct selv_posix_tcp *t)
{
    return selv_posix_addresses_has_other(&t->names) ? DIAL_OTHER_MS : DIAL_MS;
}

/* Whether there is a connection by now. */
static void dialled(struct selv_posix_tcp *t, uint64_t now_ms)
{
    struct pollfd ready = {t->fd, POLLOUT, 0};
    struct selv_buf in = {t->in, sizeof t->in, 0};
    socklen_t len = sizeof(int);
    int err = 0;

    if (poll(&ready, 1, 0) <= 0) {
        if (now_ms - t->begun_ms >= dial_ms(t)) {
            lost(t, now_ms);
        }
        return;
    }
    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err != 0) {
        lost(t, now_ms);
        return;
    }
    t->state = OPEN;
    t->connections++;
    selv_coap_tcp_init(&t->c, in, now_ms);
    t->c.timeout_ms = TIMEOUT_MS;
}

/* ---- what goes out ---------------------------------------------------------
 */

/* False: there is no room now. */
static bool queue(struct selv_posix_tcp *t, struct selv_bytes frame)
{
    if (OUT_LEN - t->out_len < frame.len) {
        return false;
    }
    if (frame.len > 0) {
        memcpy(t->out + t->out_len, frame.p, frame.len);
        t->out_len += frame.len;
    }
    return true;
}

/* False: there is no room now. */
static bool queue_request(struct selv_posix_tcp *t, struct request *r)
{
    uint8_t bytes[SELV_POSIX_TCP_REQUEST_LEN];
    struct selv_buf datagram = {bytes, sizeof bytes, r->len};
    struct selv_bytes frame;

    memcpy(bytes, r->datagram, r->len);
    if (selv_coap_tcp_wrap(&datagram, t->c.peer_max, &frame) != SELV_OK) {
        r->at_ms = 0; /* more than the server takes: the engine will see */
        return true;
    }
    r->is_sent = queue(t, frame);
    return r->is_sent;
}

/* In the order of their coming, which the numbers of fetches depend on. */
static void queue_requests(struct selv_posix_tcp *t)
{
    for (;;) {
        struct request *next = NULL;
        for (size_t i = 0; i < SELV_POSIX_TCP_REQUESTS; i++) {
            struct request *r = &t->requests[i];
            if (r->at_ms != 0 && !r->is_sent &&
                (next == NULL || r->number < next->number)) {
                next = r;
            }
        }
        if (next == NULL || !queue_request(t, next)) {
            return;
        }
    }
}

/* False: the connection is broken. */
static bool flush(struct selv_posix_tcp *t)
{
    while (t->out_len > 0) {
        ssize_t n = send(t->fd, t->out, t->out_len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno == EAGAIN;
        }
        memmove(t->out, t->out + n, t->out_len - (size_t)n);
        t->out_len -= (size_t)n;
    }
    return true;
}

/* Servers have nothing to ask us: 5.01, or they would wait. */
static void decline(struct selv_posix_tcp *t, struct selv_bytes request)
{
    uint8_t bytes[4 + SELV_COAP_TOKEN_MAX];
    size_t len = 4 + token_len(request.p);
    struct selv_buf datagram = {bytes, sizeof bytes, len};
    struct selv_bytes frame;

    memcpy(bytes, request.p, len);
    bytes[1] = SELV_COAP_NOT_IMPLEMENTED;
    if (selv_coap_tcp_wrap(&datagram, t->c.peer_max, &frame) == SELV_OK) {
        (void)queue(t, frame);
    }
}

/* ---- what comes in ---------------------------------------------------------
 */

/* The answer with another token and message ID, as an ACK if type says so. */
static size_t rewrite(uint8_t *to, size_t cap, struct selv_bytes answer,
                      enum selv_coap_type type, uint16_t mid,
                      struct selv_bytes token)
{
    size_t head = 4 + token_len(answer.p);
    size_t len = 4 + token.len + answer.len - head;

    if (len > cap) {
        return 0;
    }
    to[0] = (uint8_t)(0x40u | (unsigned)type << 4 | token.len);
    to[1] = answer.p[1];
    to[2] = (uint8_t)(mid >> 8);
    to[3] = (uint8_t)mid;
    memcpy(to + 4, token.p, token.len);
    memcpy(to + 4 + token.len, answer.p + head, answer.len - head);
    return len;
}

/* For the engine: on the ACK where a confirmable request is answered, and for
 * each of two equal ones that were not. */
static size_t answer(struct selv_posix_tcp *t, struct selv_bytes frame,
                     uint8_t *p, size_t cap)
{
    struct selv_coap_msg m;
    struct request *r;

    if (selv_coap_parse(frame, &m) == SELV_ERR_COAP_FORMAT) {
        return 0;
    }
    r = find_token(t, m.token);
    if (r == NULL) { /* a notification */
        return rewrite(p, cap, frame, SELV_COAP_NON, m.mid, m.token);
    }
    t->has_answered = true;
    r->at_ms = 0;
    struct selv_bytes alias = {r->alias, r->alias_len};
    if (is_con(r)) {
        uint16_t mid = (uint16_t)(r->datagram[2] << 8 | r->datagram[3]);
        bool has_alias = r->alias_len > 0;
        return rewrite(p, cap, frame, SELV_COAP_ACK,
                       has_alias ? r->alias_mid : mid,
                       has_alias ? alias : m.token);
    }
    if (r->alias_len > 0 && !selv_bytes_equal(alias, m.token)) {
        t->copy_len = rewrite(t->copy, sizeof t->copy, frame, SELV_COAP_NON,
                              (uint16_t)(m.mid ^ 0x8000u), alias);
    }
    return rewrite(p, cap, frame, SELV_COAP_NON, m.mid, m.token);
}

/* False: there is nothing to read now. */
static bool fill(struct selv_posix_tcp *t, uint64_t now_ms)
{
    uint8_t bytes[IN_MAX];
    size_t room = selv_coap_tcp_room(&t->c);
    ssize_t n = recv(t->fd, bytes, room < sizeof bytes ? room : sizeof bytes,
                     MSG_DONTWAIT);

    if (n > 0) {
        size_t taken =
            selv_coap_tcp_feed(&t->c, now_ms, selv_bytes(bytes, (size_t)n));
        SELV_ASSERT(taken == (size_t)n);
        return true;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    selv_coap_tcp_ended(&t->c);
    return true;
}

/* One thing that the connection's engine wants. True: go on; *len: an answer.
 */
static bool step(struct selv_posix_tcp *t, uint64_t now_ms, uint8_t *p,
                 size_t cap, size_t *len)
{
    uint8_t bytes[SELV_COAP_REPLY_MAX];
    struct selv_buf out = {bytes, sizeof bytes, 0};
    struct selv_coap_tcp_event event;

    switch (selv_coap_tcp_poll(&t->c, now_ms, &out, &event)) {
    case SELV_COAP_TCP_SEND:
        t->has_csm = true;
        if (!queue(t, selv_bytes(out.p, out.len))) {
            lost(t, now_ms); /* it takes nothing, and asks for more */
            return false;
        }
        return true;
    case SELV_COAP_TCP_REQUEST:
        decline(t, event.message);
        return true;
    case SELV_COAP_TCP_RESPONSE:
        *len = answer(t, event.message, p, cap);
        return *len == 0;
    case SELV_COAP_TCP_RELEASED:
        t->is_leaving = true;
        t->leave_ms = now_ms + LEAVE_MS;
        t->hold_off_s = event.hold_off_s < HOLD_OFF_MAX_S ? event.hold_off_s
                                                          : HOLD_OFF_MAX_S;
        return true;
    case SELV_COAP_TCP_CLOSE:
        (void)flush(t); /* our Abort */
        lost(t, now_ms);
        return false;
    case SELV_COAP_TCP_WAIT:
    default:
        break;
    }
    t->until_ms = event.until_ms;
    return fill(t, now_ms);
}

/* Whether a connection that the server wants to end has nothing to bring. */
static bool is_left(const struct selv_posix_tcp *t, uint64_t now_ms)
{
    if (!t->is_leaving || now_ms >= t->leave_ms) {
        return t->is_leaving;
    }
    for (size_t i = 0; i < SELV_POSIX_TCP_REQUESTS; i++) {
        if (t->requests[i].at_ms != 0 && t->requests[i].is_sent) {
            return false;
        }
    }
    return true;
}

/* A connection that is there. The length of an answer, or 0. It has STEPS_MAX
 * steps, since who sends without end would keep us from all else. */
static size_t work(struct selv_posix_tcp *t, uint64_t now_ms, uint8_t *p,
                   size_t cap)
{
    uint64_t since_ms = wanted_ms(t, now_ms);
    size_t len = 0;
    bool is_going = true;

    t->c.idle_ms = since_ms == 0 ? IDLE_MS : SILENCE_MS;
    if (since_ms > t->c.heard_ms) { /* it has had no reason to speak before */
        t->c.idle_ms += (uint32_t)(since_ms - t->c.heard_ms);
    }
    for (unsigned i = 0; i < STEPS_MAX && is_going && t->state == OPEN; i++) {
        if (t->has_csm && !t->is_leaving) {
            queue_requests(t);
        }
        if (!flush(t) || is_left(t, now_ms)) {
            lost(t, now_ms);
            return 0;
        }
        is_going = step(t, now_ms, p, cap, &len);
    }
    if (is_going || len > 0) {
        t->until_ms = 0;
    } else if (t->is_leaving && t->leave_ms < t->until_ms) {
        t->until_ms = t->leave_ms;
    }
    return len;
}

size_t selv_posix_tcp_receive(struct selv_posix_tcp *t, uint8_t *p, size_t cap)
{
    uint64_t now_ms = selv_posix_now_ms();
    size_t len = t->copy_len;

    t->copy_len = 0;
    if (len > 0) {
        len = len <= cap ? len : 0;
        memcpy(p, t->copy, len);
        t->until_ms = 0; /* the stream may have more in its buffer */
        return len;
    }
    if (t->state == REST && wanted_ms(t, now_ms) != 0 &&
        now_ms >= t->retry_ms) {
        dial(t);
        now_ms = selv_posix_now_ms();
    }
    if (t->state == DIALLING) {
        dialled(t, now_ms);
    }
    if (t->state == OPEN) {
        len = work(t, now_ms, p, cap);
    }
    return len;
}

/* ---- waiting ---------------------------------------------------------------
 */

bool selv_posix_tcp_fd(const struct selv_posix_tcp *t, struct pollfd *fd)
{
    bool is_writing = t->state == DIALLING || t->out_len > 0;

    fd->fd = t->fd;
    fd->events = (short)(is_writing ? POLLIN | POLLOUT : POLLIN);
    fd->revents = 0;
    return t->fd >= 0;
}

uint64_t selv_posix_tcp_until_ms(const struct selv_posix_tcp *t)
{
    if (t->copy_len > 0) {
        return 0;
    }
    if (t->state == OPEN) {
        return t->until_ms;
    }
    if (t->state == DIALLING) {
        return t->begun_ms + dial_ms(t);
    }
    for (size_t i = 0; i < SELV_POSIX_TCP_REQUESTS; i++) {
        if (t->requests[i].at_ms != 0) {
            return t->retry_ms;
        }
    }
    return UINT64_MAX;
}

bool selv_posix_tcp_was_refused(struct selv_posix_tcp *t)
{
    bool was = t->has_refused;

    t->has_refused = false;
    return was;
}

bool selv_posix_tcp_is_of_use(const struct selv_posix_tcp *t)
{
    return t->has_answered;
}

uint32_t selv_posix_tcp_connections(const struct selv_posix_tcp *t)
{
    return t->connections;
}

void selv_posix_tcp_close(struct selv_posix_tcp *t)
{
    uint8_t bytes[SELV_COAP_REPLY_MAX];
    struct selv_buf out = {bytes, sizeof bytes, 0};
    struct selv_coap_tcp_event event;

    if (t == NULL) {
        return;
    }
    if (t->state == OPEN && t->out_len == 0) {
        selv_coap_tcp_release(&t->c, selv_posix_now_ms());
        if (selv_coap_tcp_poll(&t->c, selv_posix_now_ms(), &out, &event) ==
            SELV_COAP_TCP_SEND) {
            (void)!send(t->fd, out.p, out.len, MSG_NOSIGNAL);
        }
    }
    if (t->fd >= 0) {
        close(t->fd);
    }
    free(t);
}
