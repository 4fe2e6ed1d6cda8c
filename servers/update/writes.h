/* SPDX-License-Identifier: Apache-2.0
 *
 * update/writes.h - what devices want written down: a queue with a bound, and
 * a thread that commits what has come together, so that no loop waits for the
 * disk.
 *
 * Calls: 1 selv_writes_open  2 selv_writes_take, fill it in, selv_writes_put
 *        3 when the loop's eventfd is told: selv_writes_done until there is
 *        none, selv_writes_give each  4 selv_writes_close: what is in the queue
 *        is written first.
 * A device is answered when its write is committed, not before.
 *
 * Who may come in:
 *   - an address that is not proven, while less than half of the places are
 *     taken and SELV_WRITES_UNPROVEN of them come in a second
 *   - of each network, SELV_WRITES_NETWORK_MAX at once
 *   - (a network is that of peers.h, over UDP and TCP together)
 *   - a device that is not known yet, while there are fewer than devices_max,
 *     and fewer came from its network than SELV_WRITES_NEW_MAX, and one a
 *     second; from addresses that are not proven, SELV_WRITES_DOUBTED_MAX in
 *     all, and one in four seconds
 * RAM: about 2.5 KiB for each of SELV_WRITES_MAX places. */
#ifndef SELV_UPDATE_WRITES_H
#define SELV_UPDATE_WRITES_H

#include "budget.h"
#include "coap/coap.h"
#include "host/net.h"
#include "records.h"

#define SELV_WRITES_MAX 256u
#define SELV_WRITES_BODY_MAX 2048u  /* bytes */
#define SELV_WRITES_NETWORK_MAX 64u /* of one network in the queue */
#define SELV_WRITES_UNPROVEN 32u    /* a second, and twice that at once */
#define SELV_WRITES_LOOKUPS 1000u   /* a second, likewise */
#define SELV_WRITES_NEW_MAX 4096u   /* devices of one network at once */
#define SELV_WRITES_DOUBTED_MAX 256u
#define SELV_WRITES_DEVICES_MAX 1000000u /* unless told otherwise */
#define SELV_WRITES_RETRY_S 5u           /* Max-Age of what was turned away */

enum selv_write_result {
    SELV_WRITE_DONE,
    SELV_WRITE_UNKNOWN, /* a status of no device */
    SELV_WRITE_DOUBTED, /* the address must be proven first */
    SELV_WRITE_LIMITED, /* too many new devices */
    SELV_WRITE_FULL,    /* no space on the disk */
    SELV_WRITE_FAILED
};

/* One loop's side of the queue. Private, but fd. */
struct selv_writes_port {
    int fd; /* an eventfd: something is done */
    struct selv_write *done;
};

/* One write. The first part is for who puts it in. */
struct selv_write {
    bool is_status;  /* else a profile */
    bool is_proven;  /* the address is its owner's */
    bool is_counted; /* it is not exempt from limits by network */
    uint64_t network;
    uint8_t id[8]; /* a status's device; of a profile, the answer */
    uint8_t body[SELV_WRITES_BODY_MAX];
    size_t len;
    uint64_t sequence_number; /* for the log */
    uint32_t state;           /* of a profile, the slot */
    uint32_t error;
    /* To answer it. */
    struct selv_coap_peer peer;
    struct selv_net_local local;
    uint8_t type;
    uint8_t token_len;
    uint8_t token[8];
    uint16_t mid;
    uint16_t has;
    struct selv_coap_block block1;
    /* What came of it. */
    enum selv_write_result result;
    /* The caller's list. */
    struct selv_write *mine;
    /* private */
    struct selv_write *next;
    struct selv_writes *writes;
    struct selv_writes_port *port;
    bool is_free;
};

struct selv_writes {
    struct selv_records *records;
    uint64_t devices_max;
    struct selv_budget unproven; /* writes, as one network */
    struct selv_budget added;    /* new devices, by network; 0: unproven */
    pthread_mutex_t lock;
    pthread_cond_t some;
    pthread_t thread;
    bool is_started;
    bool is_stopped;
    struct selv_write *free;
    struct selv_write *first; /* of the queue */
    struct selv_write **last;
    size_t free_count;
    struct selv_write *all;
};

/* Starts the thread. False with errno; selv_writes_close in any case. */
SELV_MUST_CHECK bool selv_writes_open(struct selv_writes *writes,
                                      struct selv_records *records,
                                      uint64_t devices_max);
/* Writes what there is, and ends the thread. When the loops have ended;
 * harmless for one that is all zeros. */
void selv_writes_close(struct selv_writes *writes);

/* True while an address that is not proven may have something written. */
SELV_MUST_CHECK bool selv_writes_trusts(struct selv_writes *writes,
                                        uint64_t now_ms);

/* The same for the database being asked for a device that is not in memory. */
SELV_MUST_CHECK bool selv_writes_looks_up(struct selv_writes *writes,
                                          uint64_t now_ms);

/* An empty place; NULL: there is none for this network now. */
SELV_MUST_CHECK struct selv_write *
selv_writes_take(struct selv_writes *writes, bool is_proven, uint64_t network);
/* Into the queue. */
void selv_writes_put(struct selv_write *write, struct selv_writes_port *port);
/* One that is done; NULL: none. */
struct selv_write *selv_writes_done(struct selv_writes *writes,
                                    struct selv_writes_port *port);
/* The place is free again. */
void selv_writes_give(struct selv_write *write);

#endif
