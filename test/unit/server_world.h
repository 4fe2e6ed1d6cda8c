/* SPDX-License-Identifier: Apache-2.0
 *
 * server_world.h - one loop of selvaged whole (update/coap_api.h), over a real
 * database and real files, with a network and a clock by hand: datagrams come
 * from any address, and what is sent is looked at instead.
 *
 * A program that uses it is linked with
 *   -Wl,--wrap=recvmmsg,--wrap=sendmmsg,
 *   --wrap=selv_clock_monotonic_ms,--wrap=selv_clock_wall_s
 * Nothing waits for the clock: who puts something in pumps it through. */
#ifndef SERVER_WORLD_H
#define SERVER_WORLD_H

#include "servers/update/coap_api.h"

#define WORLD_DATAGRAM_MAX 1400u

/* What was sent over UDP. */
struct world_reply {
    struct selv_coap_peer to;
    size_t len;
    uint8_t p[4096];
};

struct world {
    struct selv_server server;
    struct selv_coap_api *api;
    uint64_t begun_ms; /* the clock when it was opened */
    /* Called for each datagram that is sent. */
    void (*on_reply)(const struct world_reply *reply);
    struct world_reply last; /* len 0: none since world_udp was called */
    unsigned replies;        /* since it was opened */
    bool is_held;
};

extern struct world world;

uint64_t world_now_ms(void);
void world_pass(uint64_t ms);

/* rate, has_loopback: see selv_reflect_all_init. */
void world_open(uint32_t rate, bool has_loopback, uint64_t devices_max);
void world_close(void);

/* A datagram that comes in, and all that the loop does about it but what has
 * to be written first. */
void world_udp(const struct selv_coap_peer *from, struct selv_bytes datagram);
/* What is under way is written and answered, parked requests too, and due
 * notifications are sent. Not while the database is held. */
void world_pump(void);
/* Somebody else has the database, and waits for the disk. */
void world_hold(void);
void world_let_go(void);

/* A connection from there: our end of it. */
int world_connect(const struct selv_coap_peer *from);
void world_serve(void);

/* Blobs and releases, of a vendor and class that are all zeros. */
void world_blob(struct selv_bytes bytes, uint8_t digest[static 32]);
void world_release(uint64_t number, struct selv_bytes envelope);

/* Rows of a table. */
uint64_t world_count(const char *table);
/* All devices and reports are forgotten. */
void world_wipe(void);

/* IPv4 a.b.c.d as a number, and a port. */
struct selv_coap_peer world_peer(uint32_t address, uint16_t port);

/* A profile of device n of that vendor and class, and a status. */
size_t world_profile(uint32_t n, uint8_t *p, size_t cap);
size_t world_status(uint8_t state, uint8_t *p, size_t cap);

#endif
