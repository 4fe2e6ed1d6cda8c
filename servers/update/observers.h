/* SPDX-License-Identifier: Apache-2.0
 *
 * update/observers.h - the devices that want to be told of a newer manifest
 * [RFC 7641], of one loop, and what they were told last.
 *
 * Calls: 1 selv_observers_init  2 selv_observers_take for each GET /m that is
 *        going to be answered 2.xx  3 selv_observers_look after a release was
 *        published  4 selv_coap_observe_poll and _feed with `list`.
 * A table that is full, or more classes than it has places for, make nobody
 * wait in vain: who is not told that he is observing goes on asking.
 * Not for two threads at once. */
#ifndef SELV_UPDATE_OBSERVERS_H
#define SELV_UPDATE_OBSERVERS_H

#include "coap/observe.h"
#include "host/net.h"
#include "polls.h"

#define SELV_OBSERVERS_MAX 8192u /* about 130 bytes each */
#define SELV_OBSERVERS_CLASSES_MAX 64u
/* Notifications are spread over so many milliseconds for each observer. */
#define SELV_OBSERVERS_SPREAD_MS 1u

/* Private. */
struct selv_observers_class {
    bool is_used;
    uint8_t vendor_id[16];
    uint8_t class_id[16];
    uint8_t envelope[SELV_SHA256_LEN]; /* newest, as it was looked at last */
};

struct selv_observers {
    struct selv_coap_observe list;
    uint64_t swept_ms; /* when places of classes were last given back */
    struct selv_observers_class classes[SELV_OBSERVERS_CLASSES_MAX];
    struct selv_coap_observer table[SELV_OBSERVERS_MAX];
    uint8_t ids[SELV_OBSERVERS_MAX][8]; /* the device at each place */
    struct selv_net_local locals[SELV_OBSERVERS_MAX]; /* that it asked */
};

/* server: message IDs come from it. The struct is large, and stays where it
 * is. */
void selv_observers_init(struct selv_observers *o,
                         struct selv_coap_server *server);

/* As selv_coap_observe_take, for a device and what it is going to be answered
 * with. NULL: answer without Observe. */
struct selv_coap_observer *
selv_observers_take(struct selv_observers *o, uint64_t now_ms,
                    const struct selv_coap_peer *peer,
                    const struct selv_coap_msg *rq, const uint8_t id[static 8],
                    const struct selv_newest *newest);

/* The device of an observer. */
const uint8_t *selv_observers_id(const struct selv_observers *o,
                                 const struct selv_coap_observer *observer);

/* The address of ours that an observer asked, and is told from: for the caller
 * to set. */
struct selv_net_local *
selv_observers_local(struct selv_observers *o,
                     const struct selv_coap_observer *observer);

/* A release was published: those of its class become due. SELV_DB_OK, or what
 * failed, SELV_DB_LOCKED among it: then look again. */
SELV_MUST_CHECK enum selv_db_status
selv_observers_look(struct selv_observers *o, uint64_t now_ms,
                    struct selv_records *records);

#endif
