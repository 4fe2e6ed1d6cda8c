/* SPDX-License-Identifier: Apache-2.0
 *
 * The device's own CoAP server.
 *
 * A push in four states:
 *   IDLE     --block 0-------------------------> HEAD
 *   HEAD     --head there, signature good------> OFFERED, and the engine is
 *                                                told; else 4.xx -> IDLE
 *   OFFERED  --the engine has what it wants----> SPENT, or IDLE when all came
 *   SPENT    --the last block------------------> IDLE
 * and back to IDLE from each when the sender stands still. A request waits
 * (is *parked*) while the engine does not take its payload, and when it is the
 * last one of a manifest alone, for the verdict; the sender repeats it until
 * it is answered [RFC 7252 4.2]. */
#include "posix/push.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STANDS_STILL_MS 30000u
#define VERDICT_MS 1500u /* less than ACK_TIMEOUT [RFC 7252 4.8] */
#define SHUT_MS 1000u    /* after a push that was refused */
#define QUIET_MS 2000u   /* then a place that nothing was proven for is free */
#define BUSY_S 10u
#define REPLY_MAX 512u
#define WORDLESS_MAX 11u /* bytes: header, Max-Age, Block1, marker */

/* States of an update, of docs/spec/coap.md. */
enum {
    UPDATE_IDLE = 0,
    UPDATE_NOTIFIED = 1,
    UPDATE_WAITING = 5,
    UPDATE_REJECTED = 9,
    UPDATE_FAILED = 10
};

static const struct selv_coap_resource links[] = {
    {"suit/m", "selvage.manifest", NULL, SELV_COAP_OCTETS, false},
    {"suit/s", "selvage.state", NULL, SELV_COAP_CBOR, true}};

/* ---- the socket -----------------------------------------------------------
 */

static bool is_loopback(const struct sockaddr *a)
{
    const struct sockaddr_in *four = (const void *)a;
    const struct sockaddr_in6 *six = (const void *)a;

    return a->sa_family == AF_INET ? (ntohl(four->sin_addr.s_addr) >> 24) == 127
                                   : a->sa_family == AF_INET6 &&
                                         IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

/* Family, address and port, in bytes. */
static struct selv_coap_peer peer_of(const struct sockaddr_storage *from)
{
    struct selv_coap_peer peer = {0, {0}};
    const struct sockaddr_in *four = (const void *)from;
    const struct sockaddr_in6 *six = (const void *)from;

    if (from->ss_family == AF_INET) {
        peer.len = 6;
        memcpy(peer.addr, &four->sin_addr, 4);
        memcpy(peer.addr + 4, &four->sin_port, 2);
    } else {
        peer.len = 18;
        memcpy(peer.addr, &six->sin6_addr, 16);
        memcpy(peer.addr + 16, &six->sin6_port, 2);
    }
    return peer;
}

static void send_to(const struct selv_push *p,
                    const struct selv_coap_peer *peer, struct selv_bytes bytes)
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};

    if (bytes.len == 0) {
        return;
    }
    if (peer->len == 6) {
        memcpy(&four.sin_addr, peer->addr, 4);
        memcpy(&four.sin_port, peer->addr + 4, 2);
        (void)!sendto(p->fd, bytes.p, bytes.len, 0, (void *)&four, sizeof four);
    } else {
        memcpy(&six.sin6_addr, peer->addr, 16);
        memcpy(&six.sin6_port, peer->addr + 16, 2);
        (void)!sendto(p->fd, bytes.p, bytes.len, 0, (void *)&six, sizeof six);
    }
}

/* getaddrinfo would take 99999, too. */
static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && digits < 6 && text[digits] == '\0' &&
           strtoul(text, NULL, 10) <= UINT16_MAX;
}

/* HOST:PORT, host perhaps in brackets. */
static struct addrinfo *look_up(const char *where, struct selv_posix_why *why)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char host[SELV_POSIX_HOST_LEN];
    const char *colon = strrchr(where, ':');
    size_t len = colon ? (size_t)(colon - where) : 0;
    bool is_literal = len > 2 && where[0] == '[' && where[len - 1] == ']';
    int err = EAI_NONAME;

    if (len > 0 && len < sizeof host && is_port(colon + 1)) {
        snprintf(host, sizeof host, "%.*s", (int)(is_literal ? len - 2 : len),
                 where + (is_literal ? 1 : 0));
        err = getaddrinfo(host, colon + 1, &hints, &list);
    }
    if (err != 0) {
        snprintf(why->text, sizeof why->text,
                 "'%.120s' is no address to listen at, such as "
                 "127.0.0.1:5683: %s",
                 where, gai_strerror(err));
        return NULL;
    }
    return list;
}

static bool bind_to(struct selv_push *p, const char *where,
                    const struct addrinfo *at, struct selv_posix_why *why)
{
    struct sockaddr_storage own;
    socklen_t own_len = sizeof own;
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];

    p->fd = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || bind(p->fd, at->ai_addr, at->ai_addrlen) != 0 ||
        getsockname(p->fd, (void *)&own, &own_len) != 0 ||
        getnameinfo((void *)&own, own_len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        snprintf(why->text, sizeof why->text, "cannot listen at %.120s: %s",
                 where, strerror(errno));
        return false;
    }
    snprintf(p->authority, sizeof p->authority,
             own.ss_family == AF_INET6 ? "[%.200s]:%.10s" : "%.200s:%.10s",
             host, port);
    return true;
}

/* ---- answers --------------------------------------------------------------
 */

/* A reply of code to a PUT: Block1 as it came, words for a failure. */
static void reply(struct selv_push *p, const struct selv_coap_peer *peer,
                  const struct selv_coap_msg *rq, uint8_t code,
                  const char *words)
{
    uint8_t bytes[REPLY_MAX];
    struct selv_buf out = {bytes, sizeof bytes, 0};
    struct selv_coap_writer w;
    struct selv_coap_block block = rq->block1;
    /* Repeated, so that a duplicate is not taken for the next block. */
    enum selv_coap_keep keep =
        words == NULL ? SELV_COAP_KEEP : SELV_COAP_RECOMPUTE;

    /* Whoever forges an address gets no words sent there. */
    if (words != NULL &&
        !selv_tell_allows(&p->tell,
                          WORDLESS_MAX + rq->token.len + strlen(words))) {
        words = NULL;
    }
    selv_coap_reply_begin(&p->server, rq, code, &out, &w);
    if (code == SELV_COAP_UNAVAILABLE) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_MAX_AGE, BUSY_S);
    }
    if ((rq->has & SELV_COAP_HAS_BLOCK1) != 0) {
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK1, &block);
    }
    if (words != NULL) {
        selv_coap_write_payload(&w, selv_bytes(words, strlen(words)));
    }
    if (selv_coap_reply_end(&p->server, selv_posix_now_ms(), peer, rq, &w, keep,
                            &out) == SELV_OK) {
        send_to(p, peer, selv_bytes(out.p, out.len));
    }
}

/* Answer the request that waits. */
static void unpark(struct selv_push *p, uint8_t code, const char *words)
{
    struct selv_coap_msg rq;

    if (p->parked_len > 0 &&
        selv_coap_parse(selv_bytes(p->parked, p->parked_len), &rq) == SELV_OK) {
        p->tell.verdict = SELV_COAP_ECHO_UNKNOWN;
        p->tell.request_len = p->parked_len;
        reply(p, &p->peer, &rq, code, words);
    }
    p->parked_len = 0;
}

static void give_state(struct selv_push *p, const struct selv_coap_peer *peer,
                       const struct selv_coap_msg *rq,
                       const struct selv_push_device *d)
{
    uint8_t bytes[SELV_TELL_REPLY_MAX];
    struct selv_buf out = {bytes, sizeof bytes, 0};

    selv_tell_answer(&p->tell, peer, rq, d, &out);
    send_to(p, peer, selv_bytes(out.p, out.len));
}

static void tell_observers(struct selv_push *p,
                           const struct selv_push_device *d)
{
    uint8_t bytes[SELV_TELL_REPLY_MAX];
    struct selv_coap_peer peer;
    struct selv_buf out = {bytes, sizeof bytes, 0};

    selv_tell_look(&p->tell, d);
    while (selv_tell_next(&p->tell, &peer, &out)) {
        send_to(p, &peer, selv_bytes(out.p, out.len));
    }
}

/* ---- a push ---------------------------------------------------------------
 */

static void end(struct selv_push *p)
{
    p->state = SELV_PUSH_IDLE;
    p->parked_len = 0;
}

/* What is in head, by the anchors of the factory. The engine looks again, and
 * at all the rest. */
static enum selv_err authenticate(struct selv_push *p,
                                  const struct selv_push_device *d)
{
    const struct selv_suit_device device = {.vendor_id = d->factory->vendor_id,
                                            .class_id = d->factory->class_id,
                                            .device_id = d->factory->device_id,
                                            .anchors = &d->factory->anchor,
                                            .anchor_count = 1};
    enum selv_err err;

    selv_suit_init(&p->suit, &selv_suit_profile_consumer, &device);
    err = selv_suit_feed_part(&p->suit, selv_bytes(p->head, p->head_len),
                              p->is_whole ? p->head_len : 0);
    if (err == SELV_OK && !selv_is_good(selv_suit_check(&p->suit))) {
        err = selv_suit_failure(&p->suit)->err;
    }
    if (selv_is_good(selv_suit_is_authentic(&p->suit))) {
        err = SELV_OK;
    }
    return err;
}

static bool is_running(const struct selv_push *p,
                       const struct selv_push_device *d)
{
    return memcmp(selv_suit_digest(&p->suit), d->record->digest,
                  SELV_SHA256_LEN) == 0;
}

static bool is_signature(enum selv_err err)
{
    return err == SELV_ERR_CRYPTO_VERIFY || err == SELV_ERR_COSE_NO_KEY ||
           err == SELV_ERR_SUIT_NOT_SIGNED;
}

/* The head is there: what becomes of the push? True: offer it. */
static bool weigh(struct selv_push *p, const struct selv_coap_peer *peer,
                  const struct selv_coap_msg *rq,
                  const struct selv_push_device *d)
{
    enum selv_err err = authenticate(p, d);

    if (err != SELV_OK) {
        p->shut_ms = selv_posix_now_ms() + SHUT_MS;
        reply(p, peer, rq,
              is_signature(err) ? SELV_COAP_FORBIDDEN : SELV_COAP_BAD_REQUEST,
              selv_err_str(err));
        end(p);
        return false;
    }
    if (is_running(p, d)) {
        reply(p, peer, rq, SELV_COAP_CHANGED, "nothing new");
        p->state = p->is_whole ? SELV_PUSH_IDLE : SELV_PUSH_SPENT;
        return false;
    }
    if (!d->is_resting) {
        reply(p, peer, rq, SELV_COAP_UNAVAILABLE, "an update is under way");
        end(p);
        return false;
    }
    p->state = SELV_PUSH_OFFERED;
    p->told = p->head_len;
    return true;
}

/* Keep the request until the engine has dealt with it. */
static void park(struct selv_push *p, struct selv_bytes datagram,
                 uint32_t offset)
{
    SELV_ASSERT(datagram.len <= sizeof p->parked);
    memcpy(p->parked, datagram.p, datagram.len);
    p->parked_len = datagram.len;
    p->parked_off = offset;
    p->answer_ms = selv_posix_now_ms() + VERDICT_MS;
}

static bool is_parked(const struct selv_push *p, const struct selv_coap_msg *rq)
{
    struct selv_coap_msg parked;

    return p->parked_len > 0 &&
           selv_coap_parse(selv_bytes(p->parked, p->parked_len), &parked) ==
               SELV_OK &&
           parked.mid == rq->mid;
}

/* Whether a push may begin: 0, or the code that refuses it. */
static const char *refusal(const struct selv_push *p,
                           const struct selv_coap_peer *peer,
                           const struct selv_push_device *d)
{
    bool is_same = memcmp(peer, &p->peer, sizeof *peer) == 0;

    bool is_quiet = p->state == SELV_PUSH_HEAD &&
                    selv_posix_now_ms() >= p->moved_ms + QUIET_MS;

    if (p->state != SELV_PUSH_IDLE && !is_quiet &&
        !(is_same && p->state != SELV_PUSH_OFFERED)) {
        return "another push is under way";
    }
    if (d->is_sparing) {
        return "not so soon after an update that failed";
    }
    if (selv_posix_now_ms() < p->shut_ms) {
        return "not so soon after the last one";
    }
    return d->is_resting ? NULL : "an update is under way";
}

static void begin(struct selv_push *p, const struct selv_coap_peer *peer)
{
    p->state = SELV_PUSH_HEAD;
    p->peer = *peer;
    p->got = 0;
    p->head_len = 0;
    p->told = 0;
    p->is_whole = false;
    p->parked_len = 0;
}

/* A block that is next. True: the head is there, and good. */
static bool take_block(struct selv_push *p, const struct selv_coap_msg *rq,
                       struct selv_bytes datagram,
                       const struct selv_push_device *d)
{
    uint32_t offset = p->got;

    p->got += (uint32_t)rq->payload.len;
    p->moved_ms = selv_posix_now_ms();
    p->is_whole = (rq->has & SELV_COAP_HAS_BLOCK1) == 0 || !rq->block1.more;
    if (p->state == SELV_PUSH_SPENT) {
        reply(p, &p->peer, rq,
              p->is_whole ? SELV_COAP_CHANGED : SELV_COAP_CONTINUE, NULL);
        if (p->is_whole) {
            end(p);
        }
        return false;
    }
    if (p->state == SELV_PUSH_OFFERED) {
        park(p, datagram, offset);
        return false;
    }
    memcpy(p->head + p->head_len, rq->payload.p, rq->payload.len);
    p->head_len += (uint32_t)rq->payload.len;
    if (!p->is_whole && p->head_len <= SELV_SUIT_ENVELOPE_MAX) {
        reply(p, &p->peer, rq, SELV_COAP_CONTINUE, NULL);
        return false;
    }
    if (!weigh(p, &p->peer, rq, d)) {
        return false;
    }
    if (p->is_whole) {
        park(p, datagram, offset);
    } else {
        reply(p, &p->peer, rq, SELV_COAP_CONTINUE, NULL);
    }
    return true;
}

static bool take(struct selv_push *p, const struct selv_coap_peer *peer,
                 const struct selv_coap_msg *rq, struct selv_bytes datagram,
                 const struct selv_push_device *d)
{
    bool has_block = (rq->has & SELV_COAP_HAS_BLOCK1) != 0;
    uint32_t len = has_block ? 16u << rq->block1.szx : SELV_PUSH_BLOCK;
    uint32_t offset = has_block ? rq->block1.num * len : 0;
    bool is_last = !has_block || !rq->block1.more;
    bool is_ours =
        p->state != SELV_PUSH_IDLE && memcmp(peer, &p->peer, sizeof *peer) == 0;
    const char *words = offset == 0 ? refusal(p, peer, d) : NULL;

    if (is_ours && is_parked(p, rq)) {
        return false; /* it still waits */
    }
    if (words != NULL) {
        reply(p, peer, rq, SELV_COAP_UNAVAILABLE, words);
        return false;
    }
    if (rq->payload.len == 0 || rq->payload.len > len ||
        (!is_last && rq->payload.len != len)) {
        reply(p, peer, rq, SELV_COAP_BAD_REQUEST,
              "a block of a length that does not fit");
        return false;
    }
    if (offset == 0) {
        begin(p, peer);
        is_ours = true;
    }
    if (!is_ours || offset != p->got || p->is_whole) {
        reply(p, peer, rq, SELV_COAP_INCOMPLETE, "begin again with block 0");
        return false;
    }
    return take_block(p, rq, datagram, d);
}

/* ---- what comes in --------------------------------------------------------
 */

static bool request(struct selv_push *p, const struct selv_coap_peer *peer,
                    const struct selv_coap_msg *rq, struct selv_bytes datagram,
                    const struct selv_push_device *d)
{
    uint8_t bytes[REPLY_MAX];
    struct selv_buf out = {bytes, sizeof bytes, 0};
    bool is_manifest = selv_coap_path_match(rq, "suit/m", NULL);
    bool is_state = selv_coap_path_match(rq, "suit/s", NULL);

    if (selv_coap_path_match(rq, ".well-known/core", NULL)) {
        if (selv_coap_reply_core(&p->server, rq, links,
                                 sizeof links / sizeof links[0], 4,
                                 &out) == SELV_OK) {
            selv_tell_guard(&p->tell, peer, rq, &out);
            send_to(p, peer, selv_bytes(out.p, out.len));
        }
    } else if (!is_manifest && !is_state) {
        reply(p, peer, rq, SELV_COAP_NOT_FOUND, "there are /suit/m, /suit/s");
    } else if (is_state && rq->code == SELV_COAP_GET) {
        give_state(p, peer, rq, d);
    } else if (!is_manifest || rq->code != SELV_COAP_PUT) {
        reply(p, peer, rq, SELV_COAP_NOT_ALLOWED,
              is_manifest ? "only PUT" : "only GET");
    } else if (rq->content_format != SELV_COAP_NO_FORMAT &&
               rq->content_format != SELV_COAP_OCTETS) {
        reply(p, peer, rq, SELV_COAP_BAD_FORMAT, "an envelope is of format 42");
    } else {
        return take(p, peer, rq, datagram, d);
    }
    return false;
}

/* Datagrams until there is none, or a manifest is there. */
static bool receive(struct selv_push *p, const struct selv_push_device *d)
{
    uint8_t bytes[sizeof p->parked];
    uint8_t reply_bytes[SELV_COAP_REPLY_MAX];
    struct sockaddr_storage from;

    for (unsigned i = 0; i < 64; i++) {
        socklen_t from_len = sizeof from;
        struct selv_buf out = {reply_bytes, sizeof reply_bytes, 0};
        struct selv_coap_peer peer;
        struct selv_coap_msg rq;
        ssize_t n =
            recvfrom(p->fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC,
                     (void *)&from, &from_len);
        if (n < 0) {
            return false;
        }
        if (n == 0 || (size_t)n > sizeof bytes) {
            continue; /* longer than any that we take */
        }
        peer = peer_of(&from);
        if (selv_tell_feed(&p->tell, &peer, selv_bytes(bytes, (size_t)n))) {
            continue;
        }
        switch (selv_coap_server_feed(&p->server, selv_posix_now_ms(), &peer,
                                      selv_bytes(bytes, (size_t)n), &rq,
                                      &out)) {
        case SELV_COAP_DROP:
            break;
        case SELV_COAP_REPLY:
            send_to(p, &peer, selv_bytes(out.p, out.len));
            break;
        case SELV_COAP_REQUEST:
            selv_tell_hear(&p->tell, &peer, &rq, (size_t)n);
            if (request(p, &peer, &rq, selv_bytes(bytes, (size_t)n), d)) {
                return true;
            }
            break;
        }
    }
    return false;
}

static bool is_late(const struct selv_push *p)
{
    return p->state != SELV_PUSH_IDLE && !p->is_whole && p->parked_len == 0 &&
           selv_posix_now_ms() >= p->moved_ms + STANDS_STILL_MS;
}

/* A manifest alone waits for the engine's word; of a payload the last block
 * waits for flash, however long that takes. */
static bool is_verdict_due(const struct selv_push *p)
{
    return p->parked_len > 0 && p->is_whole && p->parked_off < p->head_len;
}

bool selv_push_work(struct selv_push *p, const struct selv_push_device *device)
{
    bool is_there;

    if (p->source.is_busy && p->source.offset > p->told) {
        p->told = p->source.offset; /* what was told has been taken by now */
    }
    if (p->parked_len > 0 && p->parked_off >= p->head_len &&
        p->told >= p->got) {
        /* Its payload is in flash. */
        unpark(p, p->is_whole ? SELV_COAP_CHANGED : SELV_COAP_CONTINUE, NULL);
    }
    if (is_verdict_due(p) && selv_posix_now_ms() >= p->answer_ms) {
        unpark(p, SELV_COAP_CHANGED, NULL);
    }
    if (is_late(p)) {
        end(p);
    }
    is_there = receive(p, device);
    tell_observers(p, device);
    return is_there;
}

uint64_t selv_push_until_ms(const struct selv_push *p)
{
    uint64_t until_ms = UINT64_MAX;

    if (is_verdict_due(p)) {
        until_ms = p->answer_ms;
    } else if (p->state != SELV_PUSH_IDLE && !p->is_whole) {
        until_ms = p->moved_ms + STANDS_STILL_MS;
    }
    return p->tell.until_ms < until_ms ? p->tell.until_ms : until_ms;
}

void selv_push_tell(struct selv_push *p, uint8_t state, const char *words)
{
    selv_tell_hurry(&p->tell);
    if (p->state != SELV_PUSH_OFFERED || state == UPDATE_NOTIFIED) {
        return;
    }
    /* One that failed in flash is followed by the engine's own rest. */
    if (state == UPDATE_REJECTED || state == UPDATE_FAILED) {
        p->shut_ms = selv_posix_now_ms() + SHUT_MS;
    }
    if (state == UPDATE_REJECTED || state == UPDATE_FAILED) {
        unpark(p, SELV_COAP_FORBIDDEN, words);
        end(p);
    } else if (p->is_whole && p->parked_off < p->head_len) {
        unpark(p, SELV_COAP_CHANGED, NULL);
    }
    if (state == UPDATE_IDLE) {
        unpark(p, SELV_COAP_CHANGED, NULL);
        end(p);
    } else if (state == UPDATE_WAITING && p->state == SELV_PUSH_OFFERED) {
        unpark(p, p->is_whole ? SELV_COAP_CHANGED : SELV_COAP_CONTINUE, NULL);
        p->state = p->is_whole ? SELV_PUSH_IDLE : SELV_PUSH_SPENT;
    }
}

void selv_push_reset(struct selv_push *p)
{
    if (p->state == SELV_PUSH_OFFERED && !p->is_whole) {
        /* Its payload went by; the sender begins again. */
        end(p);
    }
    /* A manifest alone is read again in the next boot: where this one is a
     * trial, the engine has it first reboot. */
    unpark(p, SELV_COAP_CHANGED, NULL);
}

/* ---- what the engine reads ------------------------------------------------
 */

static struct selv_push *push_of(struct selv_source *s)
{
    return (struct selv_push *)(void *)s;
}

static void push_start(struct selv_source *s)
{
    struct selv_push *p = push_of(s);

    if (p->state != SELV_PUSH_OFFERED || strncmp(s->path, "/m/", 3) != 0) {
        selv_source_fail(s, SELV_ERR_COAP_CODE, SELV_COAP_NOT_FOUND,
                         "nothing was pushed");
    } else if (s->offset < p->told && s->offset >= p->head_len) {
        selv_source_fail(s, SELV_ERR_COAP_TIMEOUT, 0,
                         "what was pushed cannot be read twice");
    }
}

/* The bytes at hand from s->offset on; what is before them is passed over. */
static struct selv_bytes at_hand(struct selv_push *p)
{
    uint32_t offset = p->source.offset;
    struct selv_coap_msg rq;

    if (offset < p->head_len) {
        return selv_bytes(p->head + offset, p->head_len - offset);
    }
    if (p->parked_len == 0 || p->parked_off < p->head_len ||
        selv_coap_parse(selv_bytes(p->parked, p->parked_len), &rq) != SELV_OK ||
        offset < p->parked_off) {
        return selv_bytes(NULL, 0);
    }
    if (offset >= p->got) {
        p->told = p->got; /* passed over */
        return selv_bytes(NULL, 0);
    }
    return selv_bytes(rq.payload.p + (offset - p->parked_off), p->got - offset);
}

static enum selv_source_action push_poll(struct selv_source *s,
                                         struct selv_source_event *event)
{
    struct selv_push *p = push_of(s);
    struct selv_bytes bytes;

    if (p->state != SELV_PUSH_OFFERED) {
        selv_source_fail(s, SELV_ERR_COAP_TIMEOUT, 0, "the sender stopped");
        return SELV_SOURCE_FAILED;
    }
    if (p->is_whole) {
        s->total = p->got;
    }
    p->told = s->offset > p->told ? s->offset : p->told;
    if (s->offset == s->end || (p->is_whole && s->offset >= p->got)) {
        return SELV_SOURCE_DONE;
    }
    bytes = at_hand(p);
    if (bytes.len == 0) {
        return SELV_SOURCE_WAIT;
    }
    if (bytes.len > s->end - s->offset) {
        bytes.len = s->end - s->offset;
    }
    event->bytes = bytes;
    return SELV_SOURCE_BYTES;
}

/* The socket is waited for in any case. */
static size_t push_fds(struct selv_source *s, struct pollfd *fds, size_t cap)
{
    (void)s;
    (void)fds;
    (void)cap;
    return 0;
}

static void push_cancel(struct selv_source *s)
{
    struct selv_push *p = push_of(s);

    p->told = s->offset > p->told ? s->offset : p->told;
}

static void push_close(struct selv_source *s)
{
    (void)s;
}

static const struct selv_source_kind kind = {
    "push://", NULL, push_start, push_fds, push_poll, push_cancel, push_close};

bool selv_push_open(struct selv_push *p, const char *where, bool is_insecure,
                    struct selv_posix_why *why)
{
    struct addrinfo *list;
    uint8_t random[8];
    uint8_t key[SELV_TELL_KEY_LEN];
    bool is_good = false;

    memset(p, 0, sizeof *p);
    p->fd = -1;
    p->source.kind = &kind;
    snprintf(p->source.uri, sizeof p->source.uri, "push");
    list = look_up(where, why);
    if (list == NULL) {
        return false;
    }
    if (!is_insecure && !is_loopback(list->ai_addr)) {
        snprintf(why->text, sizeof why->text,
                 "%.120s: nothing says who pushes and who asks yet; listen at "
                 "a loopback address, or say --insecure",
                 where);
    } else if (selv_posix_random(random, sizeof random) != SELV_OK ||
               selv_posix_random(key, sizeof key) != SELV_OK) {
        snprintf(why->text, sizeof why->text, "no random bytes");
    } else {
        is_good = bind_to(p, where, list, why);
    }
    freeaddrinfo(list);
    if (is_good) {
        selv_coap_server_init(&p->server, p->seen, SELV_PUSH_SEEN, random);
        selv_tell_init(&p->tell, &p->server, key);
    }
    return is_good;
}

void selv_push_close(struct selv_push *p)
{
    if (p->fd >= 0) {
        close(p->fd);
        p->fd = -1;
    }
}
