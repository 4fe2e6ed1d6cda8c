/* SPDX-License-Identifier: Apache-2.0
 *
 * update/records.h - what the server remembers: images, releases, devices and
 * their reports, in one database.
 *
 * Invariants
 *   R1 A call that returns SELV_DB_OK after a change has committed it with
 *      full synchronisation. (Exception: selv_records_seen.)
 *   R2 A release's row is written after its envelope is on disk (B2), and an
 *      image's row after the image is.
 *   R3 A device id is given once and for ever; so is its device_id's row.
 *   R4 A number that counts changes rises after the commit, and before the
 *      call returns.
 *   R5 Who may not wait (waits is false) waits for no disk: while another
 *      thread commits, its call returns SELV_DB_LOCKED and has done nothing.
 * Every call may be made by any thread: one at a time gets to the database,
 * also while it waits for the disk. A call that hands rows to a function does
 * so within its turn: that function calls nothing of this.
 * Times are wall clock seconds. Views in structs that come out point into
 * the struct itself or into the caller's scratch, as said. */
#ifndef SELV_UPDATE_RECORDS_H
#define SELV_UPDATE_RECORDS_H

#include <pthread.h>
#include <stdatomic.h>

#include "host/db.h"
#include "inspect.h"
#include "profile.h"

#define SELV_RECORDS_REPORTS_MAX 50u /* kept for each device */
#define SELV_RECORDS_TEXT_MAX 512u
#define SELV_RECORDS_CHANGED_MAX 64u /* devices whose change is remembered */

struct selv_records {
    struct selv_db db;
    pthread_mutex_t lock;
    atomic_bool is_slow; /* who has the lock may be waiting for the disk */
    atomic_uint_least64_t releases_number; /* changes so far */
    atomic_uint_least64_t devices_number;
    pthread_mutex_t changed_lock;                 /* held for a moment only */
    uint8_t changed[SELV_RECORDS_CHANGED_MAX][8]; /* at devices_number */
    uint64_t device_count;                        /* rows; with the lock */
};

/* When a device was heard of. */
struct selv_contact {
    uint8_t id[8];
    int64_t at;
};

struct selv_image_record {
    uint8_t digest[SELV_SHA256_LEN];
    bool has_size;
    uint32_t size; /* bytes */
    char uri[SELV_SUIT_URI_MAX + 1];
};

struct selv_release {
    int64_t number;                    /* rises with each release: the cursor */
    uint8_t digest[SELV_SHA256_LEN];   /* of the manifest */
    uint8_t envelope[SELV_SHA256_LEN]; /* of the whole envelope: its blob */
    uint8_t vendor_id[16];
    uint8_t class_id[16];
    uint64_t sequence_number;
    char version[SELV_RECORDS_TEXT_MAX + 1];     /* empty: none */
    char description[SELV_RECORDS_TEXT_MAX + 1]; /* empty: none */
    uint32_t size;                               /* bytes of the envelope */
    int64_t published_at;
    struct selv_image_record images[SELV_INSPECT_IMAGES_MAX];
    size_t image_count;
};

struct selv_device {
    int64_t number; /* rises with each device: the cursor */
    uint8_t id[8];
    uint8_t device_id[16];
    uint8_t vendor_id[16];
    uint8_t class_id[16];
    uint64_t sequence_number;
    uint8_t digest[SELV_SHA256_LEN]; /* of the running manifest */
    char version[SELV_PROFILE_VERSION_MAX + 1];
    uint32_t slot;
    uint32_t state;
    uint32_t error;
    int64_t registered_at;
    int64_t seen_at;
    uint64_t accepted;
    uint64_t floor;
};

struct selv_report_record {
    int64_t at;
    uint32_t state;
    uint64_t sequence_number;
    uint8_t digest[SELV_SHA256_LEN]; /* of the manifest reported on */
    bool is_success;
    uint32_t reason; /* enum selv_suit_reason */
    uint32_t error;  /* enum selv_err */
    int32_t section;
    uint32_t offset; /* bytes from the section's first */
};

/* Open or create the database. On failure, selv_records_error and then
 * selv_records_close. */
SELV_MUST_CHECK enum selv_db_status
selv_records_open(struct selv_records *records, const char *path);
/* What the last call of this thread that failed has to say. */
const char *selv_records_error(void);
void selv_records_close(struct selv_records *records);

/* ---- images -------------------------------------------------------------- */

/* SELV_DB_EXISTS when it was there. */
SELV_MUST_CHECK enum selv_db_status
selv_records_image_add(struct selv_records *records,
                       const uint8_t digest[static SELV_SHA256_LEN],
                       uint64_t size, int64_t now);
/* SELV_DB_ROW with *size; SELV_DB_OK when there is none. */
SELV_MUST_CHECK enum selv_db_status
selv_records_image_size(struct selv_records *records,
                        const uint8_t digest[static SELV_SHA256_LEN],
                        uint64_t *size);

/* ---- releases ------------------------------------------------------------ */

/* Sets release->number. SELV_DB_EXISTS: the same digest, or the same vendor,
 * class and sequence number. */
SELV_MUST_CHECK enum selv_db_status
selv_records_release_add(struct selv_records *records,
                         struct selv_release *release);

/* Another envelope of the manifest that release->digest names: what it says of
 * envelope, version, description, size and images takes the place of what
 * there was; the rest of the row stays. Sets release->number. SELV_DB_FAILED
 * when there is no such release. */
SELV_MUST_CHECK enum selv_db_status
selv_records_release_replace(struct selv_records *records,
                             struct selv_release *release);

/* Each: SELV_DB_ROW with *out, or SELV_DB_OK when there is none. */
SELV_MUST_CHECK enum selv_db_status
selv_records_release_by_digest(struct selv_records *records,
                               const uint8_t digest[static SELV_SHA256_LEN],
                               struct selv_release *out);
SELV_MUST_CHECK enum selv_db_status selv_records_release_by_number(
    struct selv_records *records, const uint8_t vendor_id[static 16],
    const uint8_t class_id[static 16], uint64_t sequence_number,
    struct selv_release *out);
/* The highest sequence number for a vendor and class; without images. R5. */
SELV_MUST_CHECK enum selv_db_status
selv_records_release_newest(struct selv_records *records, bool waits,
                            const uint8_t vendor_id[static 16],
                            const uint8_t class_id[static 16],
                            struct selv_release *out);

/* Calls each with up to limit releases, newest first, whose number is below
 * before (INT64_MAX: from the newest on). SELV_DB_OK. */
SELV_MUST_CHECK enum selv_db_status selv_records_releases(
    struct selv_records *records, int64_t before, unsigned limit,
    void (*each)(void *user, const struct selv_release *release), void *user);

/* ---- devices ------------------------------------------------------------- */

/* A new device, or a new profile of a known one; id is its id for ever.
 * encoded: the whole profile, kept as it is. */
SELV_MUST_CHECK enum selv_db_status selv_records_device_register(
    struct selv_records *records, const struct selv_profile *profile,
    struct selv_bytes encoded, int64_t now, uint8_t id[static 8]);
/* SELV_DB_ROW with *out, or SELV_DB_OK when there is none. */
SELV_MUST_CHECK enum selv_db_status
selv_records_device_find(struct selv_records *records,
                         const uint8_t id[static 8], struct selv_device *out);
/* The same for its vendor and class alone. R5. */
SELV_MUST_CHECK enum selv_db_status selv_records_device_class(
    struct selv_records *records, bool waits, const uint8_t id[static 8],
    uint8_t vendor_id[static 16], uint8_t class_id[static 16]);
/* As selv_records_releases; the last registered first. */
SELV_MUST_CHECK enum selv_db_status selv_records_devices(
    struct selv_records *records, int64_t before, unsigned limit,
    void (*each)(void *user, const struct selv_device *device), void *user);

/* A status from a device: kept, and the device's row brought up to it. The
 * oldest reports over SELV_RECORDS_REPORTS_MAX are dropped. */
SELV_MUST_CHECK enum selv_db_status selv_records_report_add(
    struct selv_records *records, const struct selv_device *device,
    const struct selv_status *status, struct selv_bytes encoded, int64_t now);
/* What one device wants written down: its profile or its status. */
struct selv_record_write {
    const struct selv_profile *profile; /* one of the two; the other NULL */
    const struct selv_status *status;
    struct selv_bytes encoded; /* the same as it came */
    int64_t now;
    uint8_t id[8]; /* in, of a status; out, of a profile */
    /* Asked once before a device is added that is not there yet; false: it is
     * not. NULL: it is. count: devices that there are. Calls nothing of this.
     */
    bool (*may_add)(void *user, uint64_t count);
    void *user;
    enum selv_db_status result; /* SELV_DB_ROW: written */
    /* private */
    enum { SELV_RECORD_UNASKED, SELV_RECORD_MAY, SELV_RECORD_MAY_NOT } asked;
    bool is_new;
    bool is_changed;
};

/* All of them in one commit, or, when one of them fails, each in one of its
 * own. Results: SELV_DB_ROW, committed; SELV_DB_OK, a status of no device, or a
 * profile that may not be added; or what failed. */
void selv_records_write_all(struct selv_records *records,
                            struct selv_record_write *writes, size_t count);

/* Newest first. SELV_DB_OK. */
SELV_MUST_CHECK enum selv_db_status selv_records_reports(
    struct selv_records *records, const struct selv_device *device,
    void (*each)(void *user, const struct selv_report_record *report),
    void *user);

/* Devices that are there were heard of: in one transaction. Earlier times than
 * those that are there change nothing. */
SELV_MUST_CHECK enum selv_db_status
selv_records_seen(struct selv_records *records,
                  const struct selv_contact *contacts, size_t count);

/* ---- changes ------------------------------------------------------------- */

/* Another number than before: a release was added or replaced; a device has
 * another vendor or class than it had. */
uint64_t selv_records_releases_number(const struct selv_records *records);
uint64_t selv_records_devices_number(const struct selv_records *records);
/* The devices that changed since that number was as `since`, up to `until`:
 * count of ids; SIZE_MAX: more than are remembered. */
size_t selv_records_devices_changed(struct selv_records *records,
                                    uint64_t since, uint64_t until,
                                    uint8_t ids[SELV_RECORDS_CHANGED_MAX][8]);

#endif
