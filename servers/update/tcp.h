/* SPDX-License-Identifier: Apache-2.0
 *
 * update/tcp.h - CoAP over TCP [RFC 8323]: the connections of one loop, which
 * share their port with those of the other loops.
 *
 * Calls: 1 selv_tcp_bind  2 selv_tcp_open  3 selv_tcp_serve when selv_tcp_fd
 *        can be read, or selv_tcp_wait_ms is over  4 selv_tcp_answer what is
 *        answered later, selv_tcp_tell to notify
 *        5 selv_tcp_close.
 * A connection takes a request, answers it and takes the next: one whose peer
 * does not read what it asked for is not read from. So what a connection holds
 * is fixed, however much is asked through it: one frame that comes in, heads
 * of answers, and the name of the file that the rest of one is sent from.
 * No peer holds its place for ever, whatever it does:
 *   no CSM, a frame begun and not ended, no Pong  SELV_TCP_TIMEOUT_MS
 *   nothing said                                  asked after SELV_TCP_IDLE_MS
 *   an answer not taken                           SELV_TCP_OUT_MS
 *   all places taken                              of the network that has most
 *                                                 of them, of its address that
 *                                                 has most, the one not heard
 *                                                 of for longest goes
 * Time in which the server itself does not read counts for none of them.
 * Owns:  the listening socket and connections, about 8.5 KiB each.
 * Not for two threads at once. */
#ifndef SELV_UPDATE_TCP_H
#define SELV_UPDATE_TCP_H

#include "coap/tcp.h"
#include "peers.h"

#define SELV_TCP_PLACES_MAX 65535u
#define SELV_TCP_TIMEOUT_MS 20000u
#define SELV_TCP_IDLE_MS 600000u
#define SELV_TCP_OUT_MS 60000u
/* Bytes of a frame that comes in: what the peers are told. */
#define SELV_TCP_IN_MAX 4096u
/* Bytes of a datagram that an answer makes, but for its tail. */
#define SELV_TCP_HEAD_MAX 1536u
#define SELV_TCP_DIGEST_LEN 32u

struct selv_tcp;

/* An answer, or a notification: a datagram as the engines write it. */
struct selv_tcp_answer {
    struct selv_buf head;   /* its beginning; len 0: there is none */
    struct selv_bytes tail; /* its end, of a blob: not copied; may be empty */
    uint32_t tail_offset;   /* in the blob, bytes */
    uint8_t blob[SELV_TCP_DIGEST_LEN];
    /* It comes by selv_tcp_answer; until then nothing else is read from the
     * connection. */
    bool is_later;
};

struct selv_tcp_hooks {
    void *user;
    /* A request, as a datagram, of a peer that takes blocks of szx_max, 0 to 6,
     * and of bert_len bytes (see selv_coap_bert_slice). answer->head is empty;
     * its cap is enough for both. */
    void (*request)(void *user, const struct selv_coap_peer *peer,
                    struct selv_bytes datagram, uint8_t szx_max,
                    uint16_t bert_len, struct selv_tcp_answer *answer);
    /* The blob that a tail is of. False: it is not there any more. */
    bool (*blob)(void *user, const uint8_t digest[static SELV_TCP_DIGEST_LEN],
                 struct selv_bytes *bytes);
    /* The system could not read the blob, or it is not there: the connection
     * ends in the middle of an answer. */
    void (*torn)(void *user);
    /* The peer's connection has ended. */
    void (*gone)(void *user, const struct selv_coap_peer *peer);
};

/* count listening sockets on one port, as selv_net_bind_shared. */
SELV_MUST_CHECK size_t selv_tcp_bind(struct selv_net_address *address, int *fds,
                                     size_t count);

/* fd: listens, non-blocking; taken over; -1: connections come by
 * selv_tcp_adopt only. places: connections at most, 1 to SELV_TCP_PLACES_MAX.
 * key: random, to name addresses by. hooks: copied. NULL, with errno, when the
 * system has no memory or descriptors; fd is then the caller's still. */
SELV_MUST_CHECK struct selv_tcp *
selv_tcp_open(int fd, uint32_t places,
              const uint8_t key[static SELV_SIPHASH_KEY_LEN],
              const struct selv_tcp_hooks *hooks);
/* Says Release to each peer. NULL is harmless. */
void selv_tcp_close(struct selv_tcp *tcp);

/* A connection that is there; fd is taken over. from: where it comes from. */
void selv_tcp_adopt(struct selv_tcp *tcp, int fd,
                    const struct selv_coap_peer *from, uint64_t now_ms);

/* Can be read when something is to be served. */
int selv_tcp_fd(const struct selv_tcp *tcp);
/* Milliseconds until something is to be served anyway; negative: never. */
int64_t selv_tcp_wait_ms(const struct selv_tcp *tcp, uint64_t now_ms);
void selv_tcp_serve(struct selv_tcp *tcp, uint64_t now_ms);

/* True when the peer is one of ours, of any loop. */
bool selv_tcp_is_peer(const struct selv_coap_peer *peer);
/* A buffer to write a notification into, with room for a block. */
struct selv_buf selv_tcp_out(struct selv_tcp *tcp);
/* Send a notification. False: its connection has too much to send still, or
 * has ended; nothing was sent. */
SELV_MUST_CHECK bool selv_tcp_tell(struct selv_tcp *tcp, uint64_t now_ms,
                                   const struct selv_coap_peer *peer,
                                   struct selv_tcp_answer *answer);

/* The answer to a request that was told to come later. Nothing happens when
 * its connection has ended. */
void selv_tcp_answer(struct selv_tcp *tcp, uint64_t now_ms,
                     const struct selv_coap_peer *peer,
                     struct selv_tcp_answer *answer);

/* Where the peer's connection comes from, as the sender of a datagram would
 * be; NULL when it has ended. Valid until then. */
const struct selv_coap_peer *selv_tcp_from(const struct selv_tcp *tcp,
                                           const struct selv_coap_peer *peer);
/* The largest blocks that the peer takes now, 0 to 6. */
uint8_t selv_tcp_szx_max(const struct selv_tcp *tcp,
                         const struct selv_coap_peer *peer);

uint32_t selv_tcp_count(const struct selv_tcp *tcp);

#endif
