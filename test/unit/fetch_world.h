/* SPDX-License-Identifier: Apache-2.0
 *
 * Fetches over the link simulator, from our own server, in virtual time: each
 * flow has a fetch, a path and slots of its own, all share one link. A byte
 * that is told twice, wrong, or not at all fails the test. */
#ifndef SELV_TEST_FETCH_WORLD_H
#define SELV_TEST_FETCH_WORLD_H

#include "coap/echo.h"
#include "coap/fetch.h"
#include "sim/link.h"

#define WORLD_FLOWS 4u
#define WORLD_SLOTS 128u
#define WORLD_BODY_MAX (8u * 1024u * 1024u)
#define WORLD_DATAGRAM_MAX 1300u

/* How one fetch is to be made. */
struct world_plan {
    uint32_t len;   /* of the body */
    uint8_t szx;    /* the client's */
    uint16_t slots; /* W */
    uint32_t range; /* bytes wanted at a time; 0: all, not saying how long */
    uint64_t begin_us;
    uint32_t deadline_ms; /* 0: a day */
};

struct world_flow {
    struct world_plan plan;
    struct selv_coap_request rq;
    struct selv_coap_path path;
    struct selv_coap_fetch fetch;
    struct selv_coap_fetch_slot slots[WORLD_SLOTS];
    uint8_t *got;    /* a byte for each of the body: 1 when told */
    uint32_t wanted; /* up to here */
    bool is_begun;   /* and under way until is_over */
    bool is_over;
    enum selv_err err;
    uint64_t end_us;
    uint32_t sends; /* requests */
    uint32_t told;  /* bytes */
    uint32_t in_flight_max;
    uint64_t until_us;
};

/* A sender at the far end that behaves as TCP Reno does: for fairness. */
struct world_reno {
    bool is_on;
    uint64_t begin_us;
    uint32_t next, acked, recover; /* segments */
    uint32_t cwnd;                 /* segments, times 256 */
    uint32_t ssthresh;             /* segments, times 256 */
    uint64_t heard_us;
    uint64_t srtt_us;
    uint64_t sent_us[4096];
    bool is_acked[4096];
    uint64_t taken; /* bytes at the near end */
};

struct world;

/* What happens to a datagram beyond the link; see world.harm. */
enum world_harm { PASS, LOSE, TWICE, LATE };

struct world {
    struct sim_link_config config;
    struct sim_link *link;
    uint64_t now_us;
    uint64_t stop_us; /* 0: run until the flows are over */
    struct world_flow flows[WORLD_FLOWS];
    uint32_t flow_count;
    struct world_reno reno;
    struct selv_coap_server server;
    struct selv_coap_seen seen[4];
    uint8_t szx_max; /* the server's */
    bool no_non;     /* the server does not answer NON requests */
    bool no_size2;
    bool wants_echo; /* of addresses unknown, when unproven is used up */
    uint32_t unproven;
    uint32_t challenges;
    struct selv_coap_echo echo;
    struct selv_coap_verified verified[4]; /* echo.count of them are in use */
    uint8_t echo_key[16];
    uint32_t packets;
    uint32_t harm_at[2]; /* packets that come to harm, in order of sending */
    enum world_harm harm[2];
    void (*at)(struct world *w); /* called before each step; may be NULL */
    uint32_t stage;              /* for at */
    uint64_t late_us;
    bool late_up;
    uint32_t late_flow;
    size_t late_len;
    uint8_t late[WORLD_DATAGRAM_MAX];
};

struct world *world_new(const char *link, uint64_t seed);
void world_free(struct world *w);
/* From now on, answers of unproven bytes in all go to addresses that have not
 * echoed. places: addresses that are remembered, up to 4. */
void world_challenge(struct world *w, uint32_t unproven, uint32_t places);
/* Another configuration of the same link, from now on. */
void world_link(struct world *w, const char *link);
struct world_flow *world_flow(struct world *w, const struct world_plan *plan);
/* A further fetch of a flow that is over, on the path that is known by now. */
void world_flow_again(struct world *w, struct world_flow *f,
                      const struct world_plan *plan);
void world_run(struct world *w);

/* us for the whole body at the link's rate: bytes on the wire, headers
 * counted, divided by the share that is not lost, and one round trip. */
double world_ideal_us(const struct world *w, const struct world_plan *plan);

#endif
