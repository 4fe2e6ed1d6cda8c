/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/path.h - what is known of the way to one peer, and what may be sent on
 * it now.
 *
 * Terms: a *transmission* is one request as it leaves, numbered; an *epoch* is
 *        the time until a transmission that left after its start has been
 *        answered: a round trip, or longer where few answers come.
 *        The *cost* of a transmission is the length of the answer it asks for,
 *        since answers are what fills a link in a download. Bytes are bytes of
 *        datagrams, without the headers below CoAP.
 *
 * The window is twice the highest delivery rate times the least round-trip
 * time, and transmissions are paced at that rate, so that a loss by itself
 * slows nothing down; what does is a queue that stands for an epoch, or losses
 * in front of one that are more than usual. Where others fill the queue, a
 * window of additive increase and multiplicative decrease competes with them.
 * To a peer that has never answered, one transmission is in flight
 * [RFC 7252 4.7].
 *
 * Calls: 1 selv_coap_path_init, once for a peer
 *        2 selv_coap_path_wait before each transmission, _sent after it
 *        3 selv_coap_path_answered or _lost once for each transmission
 * coap/fetch.h does 2 and 3. A path outlives a fetch, so that the next one
 * does not begin with one transmission in flight.
 *
 * Owns:  nothing. Time is the low 32 bits of the caller's milliseconds.
 * RAM:   112 bytes, 41 of them for what the peer wants to see echoed. */
#ifndef SELV_COAP_PATH_H
#define SELV_COAP_PATH_H

#include "coap/coap.h"

/* PROBING_RATE [RFC 7252 4.8]: bytes/s, of datagrams, to a peer that is silent;
 * time-outs double until it is no more than that. */
#ifndef SELV_COAP_PROBING_RATE
#define SELV_COAP_PROBING_RATE 1u
#endif

/* selv_coap_path_wait: only an answer, or a loss, makes room. */
#define SELV_COAP_PATH_FULL UINT32_MAX

/* Private, but for next. */
struct selv_coap_path {
    uint32_t next;      /* number of the next transmission */
    uint32_t epoch_end; /* the epoch ends with the answer to this number */
    uint32_t epoch_ms;  /* when it began */
    uint32_t delivered; /* bytes answered in it */
    uint32_t rate;      /* highest of this cycle; bytes/ms, times 256 */
    uint32_t rate_old;  /* highest of the cycle before */
    uint32_t cwnd;      /* bytes; in start-up */
    int32_t credit;     /* bytes that pacing allows, times 256 */
    uint32_t pace_ms;   /* when it was counted */
    uint32_t least_ms;  /* when the least round-trip time was last seen */
    uint32_t srtt;      /* ms, times 8 */
    uint32_t rttvar;    /* ms, times 4 */
    uint16_t rtt_min;   /* ms */
    uint16_t rtt_epoch; /* ms; least of the epoch */
    uint16_t rtt;       /* ms; the latest */
    uint16_t rtt_len;   /* bytes of the longest answer measured */
    uint16_t loss;      /* usual share of losses, times 65536 */
    uint16_t answered;  /* in the epoch */
    uint16_t lost;      /* in the epoch */
    uint8_t mode;
    uint8_t epochs;    /* in this mode; in start-up, without growth */
    uint8_t slow;      /* answers in a row that a queue has delayed */
    uint8_t limited;   /* epochs that the caller did not fill */
    uint8_t reorder;   /* a transmission is lost when this many later ones have
                          been answered; 3 to 16 */
    bool is_congested; /* a loss while a queue stood */
    uint8_t con;       /* fetch.c: what is known of confirmable requests */
    uint8_t echo_len;  /* fetch.c: of the latest Echo value; 0: there is none */
    uint8_t echo[SELV_COAP_ECHO_MAX];
};

/* Nothing is known; first: of the first transmission, unpredictable. Also for
 * a peer, or an own address, that has changed, then with p->next. */
void selv_coap_path_init(struct selv_coap_path *p, uint32_t first);

/* A fetch begins whose answers have that cost. What shorter ones have told,
 * as those to reports, is a bound: the first of them tells anew. */
void selv_coap_path_begin(struct selv_coap_path *p, uint32_t cost);

/* 0: a transmission of that cost may leave now. Else how many ms to wait, or
 * SELV_COAP_PATH_FULL. in_flight: cost of those neither answered nor lost. */
uint32_t selv_coap_path_wait(struct selv_coap_path *p, uint32_t in_flight,
                             uint32_t cost, uint32_t now_ms);

/* The transmission p->next has left. */
void selv_coap_path_sent(struct selv_coap_path *p, uint32_t cost);

/* One was answered with bytes (> 0). in_flight: without it. rtt_ms: since it
 * left; 0 when that is not known for certain, else 1 to 65535. */
void selv_coap_path_answered(struct selv_coap_path *p, uint32_t number,
                             uint32_t bytes, uint32_t in_flight,
                             uint16_t rtt_ms, uint32_t now_ms);

/* One was lost. */
void selv_coap_path_lost(struct selv_coap_path *p);

/* There was room for a transmission, and the caller had none: what is
 * delivered now is not what the path can carry. */
void selv_coap_path_limited(struct selv_coap_path *p);

/* The peer has been silent for several time-outs: begin gently again. */
void selv_coap_path_silent(struct selv_coap_path *p);

bool selv_coap_path_is_known(const struct selv_coap_path *p);

/* ms from a transmission to a probe, when nothing was answered since; of a
 * path that is known [RFC 9002 6.2.1]. in_flight: cost of those that are
 * awaited: where only our own queue delays, it is over with them. */
uint32_t selv_coap_path_timeout(const struct selv_coap_path *p,
                                uint32_t in_flight);

/* Answers of that cost have been measured. */
bool selv_coap_path_is_measured(const struct selv_coap_path *p, uint32_t cost);

/* Transmissions get lost all the time: one more says nothing. */
bool selv_coap_path_is_lossy(const struct selv_coap_path *p);

/* One has been lost of late. */
bool selv_coap_path_is_losing(const struct selv_coap_path *p);

/* ms after which a transmission is lost when a later one has been answered
 * [RFC 9002 6.1.2]. */
uint32_t selv_coap_path_patience(const struct selv_coap_path *p);

/* An answer came to a transmission that was taken for lost. */
void selv_coap_path_too_hasty(struct selv_coap_path *p);

/* Delivery rate, bytes/s; 0: not known. */
uint32_t selv_coap_path_rate(const struct selv_coap_path *p);

#endif
