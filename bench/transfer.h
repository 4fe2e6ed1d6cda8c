/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/transfer.h - the contenders of bench/transfer: engines that fetch one
 * body from a server over a simulated link, in virtual time.
 *
 * To add one: a struct transfer_contender in a file of its own, and its name
 * in the list of transfer.c. */
#ifndef SELV_BENCH_TRANSFER_H
#define SELV_BENCH_TRANSFER_H

#include "coap/qblock.h"

#define TRANSFER_STATE_MAX 16384u

/* What is to be fetched; it and all that it points at outlive the transfer. */
struct transfer_job {
    struct selv_coap_request request; /* a whole body of body_max bytes */
    uint8_t random[8];                /* another one for each seed */
    uint16_t rtt_ms;                  /* of a short request and its answer */
};

/* The bytes are where the contender was fed from, or in its state. */
struct transfer_event {
    uint64_t until_ms;       /* WAIT */
    struct selv_bytes block; /* BLOCK: a piece of the body, in any order */
    uint32_t offset;         /* of it */
    enum selv_err err;       /* FAILED */
};

struct transfer_contender {
    const char *name;
    const char *about;
    size_t state_len; /* up to TRANSFER_STATE_MAX; zeroed before start */
    /* False: it does not take such a job. */
    bool (*start)(void *state, const struct transfer_job *job, uint64_t now_ms);
    /* A datagram; it stays unchanged until poll says WAIT, DONE or FAILED. */
    void (*feed)(void *state, uint64_t now_ms, struct selv_bytes datagram);
    /* As selv_coap_client_poll. */
    enum selv_coap_action (*poll)(void *state, uint64_t now_ms,
                                  struct selv_buf *out,
                                  struct transfer_event *event);
};

extern const struct transfer_contender transfer_client;
extern const struct transfer_contender transfer_client_resumed;
extern const struct transfer_contender transfer_fetch;
extern const struct transfer_contender transfer_fetch_warm;
extern const struct transfer_contender transfer_fetch_small;
extern const struct transfer_contender transfer_fetch_small_warm;
extern const struct transfer_contender transfer_qblock;

/* What the server sends by Q-Block2, in several answers to one request. */
struct transfer_sets {
    struct selv_coap_qsend send;
    uint64_t until_ms; /* when poll has more; UINT64_MAX: after a request */
};

/* True when the request is one for that, of a body of len bytes. */
bool transfer_sets_take(struct transfer_sets *t, uint64_t now_ms,
                        struct selv_coap_server *server,
                        const struct selv_coap_peer *peer,
                        const struct selv_coap_msg *rq, uint32_t len);

/* The next answer, of that many bytes in out; 0: none now. */
size_t transfer_sets_poll(struct transfer_sets *t, uint64_t now_ms,
                          struct selv_coap_server *server, const uint8_t *body,
                          struct selv_buf *out);

#endif
