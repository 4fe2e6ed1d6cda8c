/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/link_int.h - what the parts of the link share. */
#ifndef SELV_SIM_LINK_INT_H
#define SELV_SIM_LINK_INT_H

#include "sim/link.h"

#define SIM_LINK_NEVER UINT64_MAX
#define SIM_LINK_MILLION 1000000u

/* How a datagram is sent: one frame, or the first, equal middle ones, and the
 * last. Lengths are wire bytes; without frames it cannot be sent. */
struct sim_link_cut {
    uint32_t frames;
    uint32_t first_len; /* also of the only one */
    uint32_t middle_len;
    uint32_t last_len;
};

/* A datagram on its way, in one list or heap at a time. */
struct sim_link_parcel {
    struct sim_link_parcel *next;
    uint64_t arrival_us;
    uint64_t serial; /* order of put, then of arrival */
    struct sim_link_cut cut;
    uint32_t wire_len; /* bytes, all of its frames */
    uint32_t flow;
    uint32_t address;
    bool is_lost; /* one of its frames is */
    enum sim_link_cause cause;
    size_t len;
    uint8_t bytes[];
};

struct sim_link_list {
    struct sim_link_parcel *head;
    struct sim_link_parcel *tail;
};

/* Kinds of chance, each with a stream for each direction. */
enum sim_link_chance {
    CHANCE_LOSS,
    CHANCE_RUN,
    CHANCE_RUN_LOSS,
    CHANCE_JITTER,
    CHANCE_REORDER,
    CHANCE_DUPLICATE,
    CHANCE_COPY,
    CHANCE_BACKOFF,
    CHANCE_COUNT
};

/*        put              turn comes          back-off over
 *  IDLE ------> (WAITING) ---------> (BACKOFF) ------------> SENDING
 *    ^                                                          |
 *    +------------- nothing waits <------- (ACKING) <-----------+
 * States in brackets are left out where the configuration has no need. */
enum sim_link_state { IDLE, WAITING, BACKOFF, SENDING, ACKING };

struct sim_link_station {
    enum sim_link_state state;
    uint64_t until_us; /* NEVER: until something else happens */
    struct sim_link_list queue;
    uint32_t queue_len;              /* wire bytes */
    uint32_t queue_count;            /* datagrams */
    struct sim_link_parcel *current; /* whose turn it is */
    uint32_t frame;                  /* of current, from 0 */
    uint32_t tries;                  /* link retransmissions of that frame */
    uint32_t backoffs;               /* of that try */
    bool is_collided;
    bool is_failed;     /* the frame that is waited for an ACK for */
    uint64_t began_us;  /* SENDING */
    uint64_t carry;     /* of rounding, in bits / rate */
    int64_t credit;     /* air time, in us * ppm */
    uint64_t credit_us; /* as of this instant */
    bool is_bad;        /* in a bad run */

    uint64_t random[CHANCE_COUNT];
    uint64_t last_us;                /* the latest arrival in order */
    struct sim_link_parcel **flight; /* heap by arrival_us, serial */
    size_t flight_count;
    size_t flight_cap;
    struct sim_link_list ready;
    struct sim_link_parcel *taken; /* lent to the caller */
    struct sim_link_stats stats;
};

struct sim_link {
    struct sim_link_config config;
    struct sim_link_station station[2];
    uint64_t origin_us;
    uint64_t now_us; /* of the latest call */
    uint64_t serial;
    uint64_t held_len;       /* bytes */
    uint64_t awake_until_us; /* after frames of the near end's own */

    uint32_t address;       /* the near end's */
    uint32_t known_address; /* that the far end has seen last */
    uint64_t idle_us;       /* when it changes for silence; NEVER */
    uint64_t every_us;      /* when it changes next; NEVER */
    uint64_t at_us;         /* likewise, once */
};

/* ---- link_config.c ------------------------------------------------------ */

struct sim_link_cut sim_link_cut_of(const struct sim_link_config *c,
                                    size_t len);

/* ---- link_station.c ----------------------------------------------------- */

/* Evenly 0 to below n. */
uint64_t sim_link_draw(struct sim_link_station *s, enum sim_link_chance kind,
                       uint64_t n);
bool sim_link_hits(struct sim_link_station *s, enum sim_link_chance kind,
                   uint32_t ppm);
void sim_link_station_init(struct sim_link *l, enum sim_link_direction d,
                           uint64_t seed);
/* True when the near end listens. */
bool sim_link_is_awake(const struct sim_link *l, uint64_t t_us);
/* A datagram has come into the queue, or what it waits for has changed. */
void sim_link_station_kick(struct sim_link *l, enum sim_link_direction d,
                           uint64_t t_us);
/* until_us has come. */
void sim_link_station_step(struct sim_link *l, enum sim_link_direction d,
                           uint64_t t_us);

/* ---- link.c ------------------------------------------------------------- */

void sim_link_list_add(struct sim_link_list *list, struct sim_link_parcel *p);
struct sim_link_parcel *sim_link_list_pop(struct sim_link_list *list);
/* All frames have come. */
void sim_link_deliver(struct sim_link *l, enum sim_link_direction d,
                      struct sim_link_parcel *p, uint64_t t_us);
void sim_link_lose(struct sim_link *l, enum sim_link_direction d,
                   struct sim_link_parcel *p, enum sim_link_cause cause);

#endif
