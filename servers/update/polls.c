/* SPDX-License-Identifier: Apache-2.0
 *
 * polls.c - see update/polls.h. */
#include "polls.h"

#include <stdlib.h>

#define WAYS 4u /* places that one device may have */

bool selv_polls_init(struct selv_polls *polls, struct selv_records *records,
                     struct selv_contacts *contacts)
{
    memset(polls, 0, sizeof *polls);
    polls->records = records;
    polls->contacts = contacts;
    polls->devices = calloc(SELV_POLLS_DEVICES_MAX, sizeof *polls->devices);
    return polls->devices != NULL;
}

void selv_polls_close(struct selv_polls *polls)
{
    free(polls->devices);
    polls->devices = NULL;
}

/* ---- classes ------------------------------------------------------------- */

/* All devices are forgotten: no entry has any serial number that is given
 * from here on, but those that wrap around are wiped first. */
static void devices_forget(struct selv_polls *polls)
{
    if (polls->serial > UINT16_MAX - SELV_POLLS_CLASSES_MAX) {
        memset(polls->devices, 0,
               SELV_POLLS_DEVICES_MAX * sizeof *polls->devices);
        polls->serial = 0;
    }
    for (size_t i = 0; i < SELV_POLLS_CLASSES_MAX; i++) {
        if (polls->classes[i].serial != 0) {
            polls->classes[i].serial = ++polls->serial;
        }
    }
}

static struct selv_newest *class_find(struct selv_polls *polls,
                                      const uint8_t vendor_id[static 16],
                                      const uint8_t class_id[static 16])
{
    for (size_t i = 0; i < SELV_POLLS_CLASSES_MAX; i++) {
        struct selv_newest *c = &polls->classes[i];
        if (c->serial != 0 && memcmp(c->vendor_id, vendor_id, 16) == 0 &&
            memcmp(c->class_id, class_id, 16) == 0) {
            return c;
        }
    }
    if (polls->serial == UINT16_MAX) {
        devices_forget(polls);
    }
    struct selv_newest *c = &polls->classes[polls->class_next];
    polls->class_next =
        (uint16_t)((polls->class_next + 1u) % SELV_POLLS_CLASSES_MAX);
    memset(c, 0, sizeof *c);
    c->serial = ++polls->serial;
    memcpy(c->vendor_id, vendor_id, 16);
    memcpy(c->class_id, class_id, 16);
    return c;
}

/* Makes it as new as the records are. SELV_DB_ROW. */
static enum selv_db_status class_refresh(struct selv_polls *polls,
                                         struct selv_newest *c)
{
    uint64_t number = selv_records_releases_number(polls->records);
    if (c->is_known && c->releases == number) {
        return SELV_DB_ROW;
    }
    struct selv_release release;
    enum selv_db_status status = selv_records_release_newest(
        polls->records, false, c->vendor_id, c->class_id, &release);
    if (status != SELV_DB_ROW && status != SELV_DB_OK) {
        return status;
    }
    c->has_release = status == SELV_DB_ROW;
    if (c->has_release) {
        memcpy(c->digest, release.digest, sizeof c->digest);
        memcpy(c->envelope, release.envelope, sizeof c->envelope);
    }
    c->releases = number;
    c->is_known = true;
    return SELV_DB_ROW;
}

/* ---- devices ------------------------------------------------------------- */

static bool is_current(const struct selv_polls *polls,
                       const struct selv_polls_device *d)
{
    return d->serial != 0 && polls->classes[d->class_at].serial == d->serial;
}

/* The device's place, or the one to put it in: ids are random, so any bytes
 * of one spread well. */
static struct selv_polls_device *device_find(struct selv_polls *polls,
                                             const uint8_t id[static 8],
                                             bool *is_there)
{
    uint32_t first = selv_get_be32(id) % (SELV_POLLS_DEVICES_MAX / WAYS) * WAYS;
    struct selv_polls_device *spare = &polls->devices[first + (id[7] % WAYS)];
    *is_there = false;
    for (uint32_t i = first; i < first + WAYS; i++) {
        struct selv_polls_device *d = &polls->devices[i];
        if (!is_current(polls, d)) {
            spare = d;
        } else if (memcmp(d->id, id, sizeof d->id) == 0) {
            *is_there = true;
            return d;
        }
    }
    return spare;
}

bool selv_polls_has(struct selv_polls *polls, const uint8_t id[static 8])
{
    bool is_there;
    (void)device_find(polls, id, &is_there);
    return is_there;
}

/* Those that changed since we looked; all of them, where too many did. */
static void changed_forget(struct selv_polls *polls, uint64_t number)
{
    uint8_t ids[SELV_RECORDS_CHANGED_MAX][8];
    size_t count = selv_records_devices_changed(
        polls->records, polls->devices_number, number, ids);
    if (count == SIZE_MAX) {
        devices_forget(polls);
    }
    for (size_t i = 0; count != SIZE_MAX && i < count; i++) {
        bool is_there;
        struct selv_polls_device *d = device_find(polls, ids[i], &is_there);
        d->serial = is_there ? 0 : d->serial;
    }
    polls->devices_number = number;
}

enum selv_db_status selv_polls_newest(struct selv_polls *polls,
                                      const uint8_t id[static 8], int64_t now,
                                      const struct selv_newest **newest)
{
    uint64_t number = selv_records_devices_number(polls->records);
    if (number != polls->devices_number) {
        changed_forget(polls, number);
    }
    bool is_there;
    struct selv_polls_device *d = device_find(polls, id, &is_there);
    if (!is_there) {
        uint8_t vendor_id[16];
        uint8_t class_id[16];
        enum selv_db_status status = selv_records_device_class(
            polls->records, false, id, vendor_id, class_id);
        if (status != SELV_DB_ROW) {
            return status;
        }
        struct selv_newest *c = class_find(polls, vendor_id, class_id);
        memcpy(d->id, id, sizeof d->id);
        d->contact = UINT32_MAX;
        d->class_at = (uint16_t)(c - polls->classes);
        d->serial = c->serial;
    }
    struct selv_newest *c = &polls->classes[d->class_at];
    enum selv_db_status status = class_refresh(polls, c);
    if (status == SELV_DB_ROW) {
        *newest = c;
        if (now >= 0) {
            selv_contacts_note(polls->contacts, id, now, &d->contact);
        }
    }
    return status;
}
