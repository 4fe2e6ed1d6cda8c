/* SPDX-License-Identifier: Apache-2.0
 *
 * update/polls.h - what a poll asks for, kept in memory: which vendor and
 * class a device is of, and what is newest for these.
 *
 * A copy of the records, of one loop. It is as new as they are: each change
 * there counts up a number before it is acknowledged, and what was copied
 * under another number is asked for anew.
 *   P1 A number is read before the records are, so what is copied under it is
 *      never older than it.
 * RAM:  16 bytes for each of SELV_POLLS_DEVICES_MAX devices, taken as they
 *       come; when the places that a device may have are taken, one is given
 *       to it.
 * Not for two threads at once. */
#ifndef SELV_UPDATE_POLLS_H
#define SELV_UPDATE_POLLS_H

#include "contacts.h"
#include "records.h"

#define SELV_POLLS_DEVICES_MAX 262144u /* a power of two */
#define SELV_POLLS_CLASSES_MAX 256u

/* Private. */
struct selv_polls_device {
    uint8_t id[8];
    uint32_t contact; /* its place among the contacts */
    uint16_t class_at;
    uint16_t serial; /* must be the class's; 0: free */
};

/* What is newest for one vendor and class. */
struct selv_newest {
    uint8_t vendor_id[16];
    uint8_t class_id[16];
    bool has_release;
    uint8_t digest[SELV_SHA256_LEN];   /* of the manifest */
    uint8_t envelope[SELV_SHA256_LEN]; /* of the whole envelope */
    /* private */
    uint16_t serial; /* of who is at this place; 0: nobody */
    bool is_known;
    uint64_t releases; /* the number that it was copied under */
};

struct selv_polls {
    struct selv_records *records;
    struct selv_contacts *contacts;
    struct selv_polls_device *devices;
    struct selv_newest classes[SELV_POLLS_CLASSES_MAX];
    uint64_t devices_number; /* that the devices were copied under */
    uint16_t serial;         /* the last one given */
    uint16_t class_next;     /* the place that gives way next */
};

/* False without memory. records and contacts must outlive it. */
SELV_MUST_CHECK bool selv_polls_init(struct selv_polls *polls,
                                     struct selv_records *records,
                                     struct selv_contacts *contacts);
void selv_polls_close(struct selv_polls *polls);

/* True when the device is in memory. */
bool selv_polls_has(struct selv_polls *polls, const uint8_t id[static 8]);

/* What is newest for a device, which counts as heard of now (seconds, wall
 * clock; negative: it does not). SELV_DB_ROW with *newest, valid until the next
 * call; SELV_DB_OK: no such device; SELV_DB_LOCKED: somebody is writing, ask
 * again soon; or what failed. */
SELV_MUST_CHECK enum selv_db_status
selv_polls_newest(struct selv_polls *polls, const uint8_t id[static 8],
                  int64_t now, const struct selv_newest **newest);

#endif
