/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/relay.h - selvage-sim relay: the link of sim/link.h in real time, between
 * UDP sockets.
 *
 * Near ends (clients) send to the address that is listened on; for each of
 * them the far end (a server) sees a socket of its own, and another one after
 * the link has given that near end another address. */
#ifndef SELV_SIM_RELAY_H
#define SELV_SIM_RELAY_H

#include "host/net.h"
#include "sim/link.h"

/* Near ends at the same time; when there are more, the one that has been
 * silent longest gives way. */
#define SIM_RELAY_ENDS_MAX 256u

struct sim_relay_options {
    struct selv_net_address listen;
    struct selv_net_address to;
    struct sim_link_config link;
    uint64_t seed;
    uint32_t end_max; /* 1 to SIM_RELAY_ENDS_MAX */
    bool is_shared;   /* one link for all near ends, instead of one each */
};

/* Since the start, all links together, those that are gone too. */
struct sim_relay_stats {
    struct sim_link_stats way[2]; /* by enum sim_link_direction */
    uint64_t end_count;           /* near ends that there were */
    uint64_t gone_count;          /* of them, those that gave way */
    uint64_t failed_count;        /* datagrams that the system did not send */
    uint64_t late_us; /* how late, at worst, something was done: the machine's
                         doing, not the link's */
};

struct sim_relay;

/* Binds, and puts the address that it got into options->listen. NULL with
 * errno. */
SELV_MUST_CHECK struct sim_relay *
sim_relay_open(struct sim_relay_options *options);
/* Until SIGTERM or SIGINT; on SIGUSR1, calls tell and goes on. False, with
 * errno, when waiting fails. */
SELV_MUST_CHECK bool
sim_relay_run(struct sim_relay *r,
              void (*tell)(const struct sim_relay *r, void *user), void *user);
void sim_relay_stats(const struct sim_relay *r, struct sim_relay_stats *stats);
void sim_relay_close(struct sim_relay *r);

/* The noun: its arguments after "relay"; an exit code. */
int sim_relay_main(int argc, char **argv);

#endif
