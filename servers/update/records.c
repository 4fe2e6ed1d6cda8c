/* SPDX-License-Identifier: Apache-2.0
 *
 * records.c - see update/records.h. */
#include "records.h"

#include <errno.h>
#include <sched.h>
#include <sys/random.h>

#define TURN_TRIES 64u /* of who may not wait, while nobody commits */

/* ---- the tables ---------------------------------------------------------- */

static const char *const schema[] = {
    "CREATE TABLE images("
    " digest BLOB PRIMARY KEY CHECK(length(digest)=32),"
    " size INTEGER NOT NULL,"
    " stored_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE releases("
    " number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " digest BLOB NOT NULL UNIQUE CHECK(length(digest)=32),"
    " envelope BLOB NOT NULL CHECK(length(envelope)=32),"
    " vendor_id BLOB NOT NULL CHECK(length(vendor_id)=16),"
    " class_id BLOB NOT NULL CHECK(length(class_id)=16),"
    " sequence_number INTEGER NOT NULL,"
    " version TEXT NOT NULL,"
    " description TEXT NOT NULL,"
    " size INTEGER NOT NULL,"
    " published_at INTEGER NOT NULL,"
    " UNIQUE(vendor_id, class_id, sequence_number));"
    "CREATE TABLE release_images("
    " release INTEGER NOT NULL REFERENCES releases(number) ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " digest BLOB NOT NULL CHECK(length(digest)=32),"
    " size INTEGER,"
    " uri TEXT NOT NULL,"
    " PRIMARY KEY(release, position)) WITHOUT ROWID;"
    "CREATE TABLE devices("
    " number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id BLOB NOT NULL UNIQUE CHECK(length(id)=8),"
    " device_id BLOB NOT NULL UNIQUE CHECK(length(device_id)=16),"
    " vendor_id BLOB NOT NULL CHECK(length(vendor_id)=16),"
    " class_id BLOB NOT NULL CHECK(length(class_id)=16),"
    " sequence_number INTEGER NOT NULL,"
    " digest BLOB NOT NULL CHECK(length(digest)=32),"
    " version TEXT NOT NULL,"
    " slot INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"
    " error INTEGER NOT NULL,"
    " registered_at INTEGER NOT NULL,"
    " seen_at INTEGER NOT NULL,"
    " accepted INTEGER NOT NULL,"
    " floor INTEGER NOT NULL,"
    " profile BLOB NOT NULL);"
    "CREATE TABLE reports("
    " number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " device INTEGER NOT NULL REFERENCES devices(number) ON DELETE CASCADE,"
    " at INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"
    " sequence_number INTEGER NOT NULL,"
    " digest BLOB NOT NULL CHECK(length(digest)=32),"
    " is_success INTEGER NOT NULL,"
    " reason INTEGER NOT NULL,"
    " error INTEGER NOT NULL,"
    " section INTEGER NOT NULL,"
    " offset INTEGER NOT NULL,"
    " status BLOB NOT NULL);"
    "CREATE INDEX reports_by_device ON reports(device, number);",

    /* Times of contact, apart from the rows of devices: so small that those of
     * a fleet share few pages. */
    "CREATE TABLE contacts("
    " id BLOB PRIMARY KEY CHECK(length(id)=8),"
    " at INTEGER NOT NULL) WITHOUT ROWID;"};

enum statement {
    IMAGE_ADD,
    IMAGE_SIZE,
    RELEASE_ADD,
    RELEASE_REPLACE,
    RELEASE_IMAGE_ADD,
    RELEASE_IMAGES_DROP,
    RELEASE_IMAGES,
    RELEASE_BY_DIGEST,
    RELEASE_BY_NUMBER,
    RELEASE_NEWEST,
    RELEASES,
    DEVICE_COUNT,
    DEVICE_ID,
    DEVICE_ADD,
    DEVICE_UPDATE,
    DEVICE_FIND,
    DEVICE_CLASS,
    DEVICES,
    DEVICE_REPORTED,
    REPORT_ADD,
    REPORTS_DROP,
    REPORTS,
    SEEN,
    STATEMENT_COUNT
};

#define RELEASE_COLUMNS                                                        \
    "number, digest, envelope, vendor_id, class_id, sequence_number,"          \
    " version, description, size, published_at"
#define DEVICE_COLUMNS                                                         \
    "number, id, device_id, vendor_id, class_id, sequence_number, digest,"     \
    " CASE WHEN version <> '' THEN version ELSE IFNULL((SELECT r.version"      \
    " FROM releases r WHERE r.digest = devices.digest), '') END,"              \
    " slot, state, error, registered_at, max(seen_at, IFNULL((SELECT c.at"     \
    " FROM contacts c WHERE c.id = devices.id), 0)), accepted, floor"

static const char *const sql[STATEMENT_COUNT] = {
    [IMAGE_ADD] = "INSERT INTO images(digest, size, stored_at) VALUES(?,?,?)",
    [IMAGE_SIZE] = "SELECT size FROM images WHERE digest=?",
    [RELEASE_ADD] = "INSERT INTO releases(digest, envelope, vendor_id,"
                    " class_id, sequence_number, version, description, size,"
                    " published_at) VALUES(?,?,?,?,?,?,?,?,?)",
    [RELEASE_REPLACE] = "UPDATE releases SET envelope=?, version=?,"
                        " description=?, size=? WHERE digest=?"
                        " RETURNING number",
    [RELEASE_IMAGES_DROP] = "DELETE FROM release_images WHERE release=?",
    [RELEASE_IMAGE_ADD] = "INSERT INTO release_images(release, position,"
                          " digest, size, uri) VALUES(?,?,?,?,?)",
    [RELEASE_IMAGES] = "SELECT digest, size, uri FROM release_images"
                       " WHERE release=? ORDER BY position",
    [RELEASE_BY_DIGEST] =
        "SELECT " RELEASE_COLUMNS " FROM releases WHERE digest=?",
    [RELEASE_BY_NUMBER] = "SELECT " RELEASE_COLUMNS " FROM releases WHERE"
                          " vendor_id=? AND class_id=? AND sequence_number=?",
    [RELEASE_NEWEST] = "SELECT " RELEASE_COLUMNS " FROM releases WHERE"
                       " vendor_id=? AND class_id=?"
                       " ORDER BY sequence_number DESC LIMIT 1",
    [RELEASES] = "SELECT " RELEASE_COLUMNS " FROM releases WHERE number<?"
                 " ORDER BY number DESC LIMIT ?",
    [DEVICE_COUNT] = "SELECT count(*) FROM devices",
    [DEVICE_ID] = "SELECT id, vendor_id, class_id FROM devices"
                  " WHERE device_id=?",
    [DEVICE_ADD] =
        "INSERT INTO devices(vendor_id, class_id, sequence_number, digest,"
        " version, slot, seen_at, accepted, floor, profile, device_id, id,"
        " registered_at, state, error) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,0,0)",
    [DEVICE_UPDATE] =
        "UPDATE devices SET vendor_id=?, class_id=?, sequence_number=?,"
        " digest=?, version=?, slot=?, seen_at=?, accepted=?, floor=?,"
        " profile=? WHERE device_id=?",
    [DEVICE_FIND] = "SELECT " DEVICE_COLUMNS " FROM devices WHERE id=?",
    [DEVICE_CLASS] = "SELECT vendor_id, class_id FROM devices WHERE id=?",
    [DEVICES] = "SELECT " DEVICE_COLUMNS " FROM devices WHERE number<?"
                " ORDER BY number DESC LIMIT ?",
    [DEVICE_REPORTED] =
        /* A status may leave the version out: then the same manifest's stays.
         */
    "UPDATE devices SET state=?1, error=?2, sequence_number=?3,"
    " version=CASE WHEN ?5='' AND digest=?4 THEN version ELSE ?5 END,"
    " digest=?4, slot=?6, seen_at=?7 WHERE number=?8",
    [REPORT_ADD] =
        "INSERT INTO reports(device, at, state, sequence_number, digest,"
        " is_success, reason, error, section, offset, status)"
        " VALUES(?,?,?,?,?,?,?,?,?,?,?)",
    [REPORTS_DROP] = "DELETE FROM reports WHERE device=?1 AND number<="
                     " (SELECT number FROM reports WHERE device=?1"
                     "  ORDER BY number DESC LIMIT 1 OFFSET ?2)",
    [REPORTS] = "SELECT at, state, sequence_number, digest, is_success,"
                " reason, error, section, offset FROM reports WHERE device=?"
                " ORDER BY number DESC LIMIT ?",
    [SEEN] = "INSERT INTO contacts(at, id) VALUES(?,?)"
             " ON CONFLICT(id) DO UPDATE SET at=max(at, excluded.at)",
};

/* ---- one thread at a time ------------------------------------------------ */

static _Thread_local char error[sizeof((struct selv_db *)0)->error];

static void turn_take(struct selv_records *records)
{
    int err = pthread_mutex_lock(&records->lock);
    SELV_ASSERT(err == 0);
}

/* False when somebody has it who may be waiting for the disk. */
static bool turn_try(struct selv_records *records, bool waits)
{
    if (waits) {
        turn_take(records);
        return true;
    }
    for (unsigned i = 0; i < TURN_TRIES && !atomic_load(&records->is_slow);
         i++) {
        if (pthread_mutex_trylock(&records->lock) == 0) {
            return true;
        }
        sched_yield();
    }
    return false;
}

/* The same for who is going to write. */
static void turn_take_slow(struct selv_records *records)
{
    turn_take(records);
    atomic_store(&records->is_slow, true);
}

/* Hands status on. The words of a failure become this thread's. */
static enum selv_db_status turn_give(struct selv_records *records,
                                     enum selv_db_status status)
{
    if (status != SELV_DB_OK && status != SELV_DB_ROW) {
        memcpy(error, selv_db_error(&records->db), sizeof error);
    }
    atomic_store(&records->is_slow, false);
    pthread_mutex_unlock(&records->lock);
    return status;
}

static enum selv_db_status devices_count(struct selv_records *records)
{
    sqlite3_stmt *st = selv_db_get(&records->db, DEVICE_COUNT);
    enum selv_db_status status = selv_db_step(&records->db, st);
    if (status == SELV_DB_ROW) {
        records->device_count = (uint64_t)sqlite3_column_int64(st, 0);
    }
    selv_db_reset(st);
    return status == SELV_DB_ROW ? SELV_DB_OK : SELV_DB_FAILED;
}

enum selv_db_status selv_records_open(struct selv_records *records,
                                      const char *path)
{
    atomic_init(&records->releases_number, 1);
    atomic_init(&records->devices_number, 1);
    atomic_init(&records->is_slow, false);
    if (pthread_mutex_init(&records->lock, NULL) != 0 ||
        pthread_mutex_init(&records->changed_lock, NULL) != 0) {
        return SELV_DB_FAILED;
    }
    turn_take(records);
    enum selv_db_status status =
        selv_db_open(&records->db, path, schema,
                     sizeof schema / sizeof schema[0], sql, STATEMENT_COUNT);
    return turn_give(records,
                     status == SELV_DB_OK ? devices_count(records) : status);
}

const char *selv_records_error(void)
{
    return error;
}

void selv_records_close(struct selv_records *records)
{
    selv_db_close(&records->db);
}

uint64_t selv_records_releases_number(const struct selv_records *records)
{
    return atomic_load(&records->releases_number);
}

uint64_t selv_records_devices_number(const struct selv_records *records)
{
    return atomic_load(&records->devices_number);
}

size_t selv_records_devices_changed(struct selv_records *records,
                                    uint64_t since, uint64_t until,
                                    uint8_t ids[SELV_RECORDS_CHANGED_MAX][8])
{
    size_t count = until - since <= SELV_RECORDS_CHANGED_MAX
                       ? (size_t)(until - since)
                       : SIZE_MAX;
    pthread_mutex_lock(&records->changed_lock);
    for (size_t i = 0; count != SIZE_MAX && i < count; i++) {
        memcpy(ids[i], records->changed[(since + i) % SELV_RECORDS_CHANGED_MAX],
               8);
    }
    /* Some of them may have been written over meanwhile. */
    if (atomic_load(&records->devices_number) - since >
        SELV_RECORDS_CHANGED_MAX) {
        count = SIZE_MAX;
    }
    pthread_mutex_unlock(&records->changed_lock);
    return count;
}

/* The device is of another class from now on. */
static void device_changed(struct selv_records *records,
                           const uint8_t id[static 8])
{
    pthread_mutex_lock(&records->changed_lock);
    uint64_t number = atomic_load(&records->devices_number);
    memcpy(records->changed[number % SELV_RECORDS_CHANGED_MAX], id, 8);
    atomic_store(&records->devices_number, number + 1);
    pthread_mutex_unlock(&records->changed_lock);
}

/* ---- values -------------------------------------------------------------- */

/* Binding can only fail for want of memory or a wrong index; a value that is
 * then missing is refused by NOT NULL. */
static void blob_bind(sqlite3_stmt *st, int i, const uint8_t *p, size_t len)
{
    (void)sqlite3_bind_blob(st, i, p, (int)len, SQLITE_TRANSIENT);
}

static void text_bind(sqlite3_stmt *st, int i, struct selv_bytes v)
{
    (void)sqlite3_bind_text(st, i, v.len > 0 ? (const char *)v.p : "",
                            (int)v.len, SQLITE_TRANSIENT);
}

static void string_bind(sqlite3_stmt *st, int i, const char *text)
{
    text_bind(st, i, selv_bytes(text, strlen(text)));
}

static void number_bind(sqlite3_stmt *st, int i, int64_t v)
{
    (void)sqlite3_bind_int64(st, i, v);
}

/* A blob of another length than the table's CHECK lets in is a damaged
 * database; it reads as zeros. */
static void blob_column(sqlite3_stmt *st, int i, uint8_t *p, size_t len)
{
    const void *v = sqlite3_column_blob(st, i);
    memset(p, 0, len);
    if (v != NULL && sqlite3_column_bytes(st, i) == (int)len) {
        memcpy(p, v, len);
    }
}

static void text_column(sqlite3_stmt *st, int i, char *text, size_t cap)
{
    const unsigned char *v = sqlite3_column_text(st, i);
    size_t len = v != NULL ? (size_t)sqlite3_column_bytes(st, i) : 0;
    len = len < cap ? len : cap - 1;
    if (len > 0) {
        memcpy(text, v, len);
    }
    text[len] = 0;
}

/* ---- images -------------------------------------------------------------- */

enum selv_db_status
selv_records_image_add(struct selv_records *records,
                       const uint8_t digest[static SELV_SHA256_LEN],
                       uint64_t size, int64_t now)
{
    turn_take_slow(records);
    sqlite3_stmt *st = selv_db_get(&records->db, IMAGE_ADD);
    blob_bind(st, 1, digest, SELV_SHA256_LEN);
    number_bind(st, 2, (int64_t)size);
    number_bind(st, 3, now);
    return turn_give(records, selv_db_run(&records->db, st));
}

enum selv_db_status
selv_records_image_size(struct selv_records *records,
                        const uint8_t digest[static SELV_SHA256_LEN],
                        uint64_t *size)
{
    turn_take(records);
    sqlite3_stmt *st = selv_db_get(&records->db, IMAGE_SIZE);
    blob_bind(st, 1, digest, SELV_SHA256_LEN);
    enum selv_db_status status = selv_db_step(&records->db, st);
    if (status == SELV_DB_ROW) {
        *size = (uint64_t)sqlite3_column_int64(st, 0);
    }
    selv_db_reset(st);
    return turn_give(records, status);
}

/* ---- releases ------------------------------------------------------------ */

static enum selv_db_status
release_images_add(struct selv_records *records,
                   const struct selv_release *release)
{
    struct selv_db *db = &records->db;
    enum selv_db_status status = SELV_DB_OK;
    for (size_t i = 0; status == SELV_DB_OK && i < release->image_count; i++) {
        const struct selv_image_record *image = &release->images[i];
        sqlite3_stmt *st = selv_db_get(db, RELEASE_IMAGE_ADD);
        number_bind(st, 1, release->number);
        number_bind(st, 2, (int64_t)i);
        blob_bind(st, 3, image->digest, SELV_SHA256_LEN);
        if (image->has_size) {
            number_bind(st, 4, image->size);
        }
        string_bind(st, 5, image->uri);
        status = selv_db_run(db, st);
    }
    return status;
}

static enum selv_db_status release_rows_add(struct selv_records *records,
                                            struct selv_release *release)
{
    struct selv_db *db = &records->db;
    sqlite3_stmt *st = selv_db_get(db, RELEASE_ADD);
    blob_bind(st, 1, release->digest, SELV_SHA256_LEN);
    blob_bind(st, 2, release->envelope, SELV_SHA256_LEN);
    blob_bind(st, 3, release->vendor_id, 16);
    blob_bind(st, 4, release->class_id, 16);
    number_bind(st, 5, (int64_t)release->sequence_number);
    string_bind(st, 6, release->version);
    string_bind(st, 7, release->description);
    number_bind(st, 8, release->size);
    number_bind(st, 9, release->published_at);
    enum selv_db_status status = selv_db_run(db, st);
    release->number = sqlite3_last_insert_rowid(db->handle);
    return status == SELV_DB_OK ? release_images_add(records, release) : status;
}

static enum selv_db_status release_rows_replace(struct selv_records *records,
                                                struct selv_release *release)
{
    struct selv_db *db = &records->db;
    sqlite3_stmt *st = selv_db_get(db, RELEASE_REPLACE);
    blob_bind(st, 1, release->envelope, SELV_SHA256_LEN);
    string_bind(st, 2, release->version);
    string_bind(st, 3, release->description);
    number_bind(st, 4, release->size);
    blob_bind(st, 5, release->digest, SELV_SHA256_LEN);
    enum selv_db_status status = selv_db_step(db, st);
    release->number = sqlite3_column_int64(st, 0);
    selv_db_reset(st);
    if (status != SELV_DB_ROW) {
        return status == SELV_DB_OK ? SELV_DB_FAILED : status;
    }
    st = selv_db_get(db, RELEASE_IMAGES_DROP);
    number_bind(st, 1, release->number);
    status = selv_db_run(db, st);
    return status == SELV_DB_OK ? release_images_add(records, release) : status;
}

/* Both rows, or neither. */
static enum selv_db_status release_change(
    struct selv_records *records, struct selv_release *release,
    enum selv_db_status (*rows)(struct selv_records *, struct selv_release *))
{
    turn_take_slow(records);
    enum selv_db_status status = selv_db_begin(&records->db);
    if (status != SELV_DB_OK) {
        return turn_give(records, status);
    }
    status = rows(records, release);
    if (status == SELV_DB_OK) {
        status = selv_db_commit(&records->db);
    } else {
        selv_db_rollback(&records->db);
    }
    /* After a failure, too: what a commit did that failed, nobody knows. */
    atomic_fetch_add(&records->releases_number, 1);
    return turn_give(records, status);
}

enum selv_db_status selv_records_release_add(struct selv_records *records,
                                             struct selv_release *release)
{
    return release_change(records, release, release_rows_add);
}

enum selv_db_status selv_records_release_replace(struct selv_records *records,
                                                 struct selv_release *release)
{
    return release_change(records, release, release_rows_replace);
}

static void release_columns(sqlite3_stmt *st, struct selv_release *out)
{
    memset(out, 0, sizeof *out);
    out->number = sqlite3_column_int64(st, 0);
    blob_column(st, 1, out->digest, SELV_SHA256_LEN);
    blob_column(st, 2, out->envelope, SELV_SHA256_LEN);
    blob_column(st, 3, out->vendor_id, 16);
    blob_column(st, 4, out->class_id, 16);
    out->sequence_number = (uint64_t)sqlite3_column_int64(st, 5);
    text_column(st, 6, out->version, sizeof out->version);
    text_column(st, 7, out->description, sizeof out->description);
    out->size = (uint32_t)sqlite3_column_int64(st, 8);
    out->published_at = sqlite3_column_int64(st, 9);
}

static enum selv_db_status release_images_get(struct selv_records *records,
                                              struct selv_release *out)
{
    struct selv_db *db = &records->db;
    sqlite3_stmt *st = selv_db_get(db, RELEASE_IMAGES);
    number_bind(st, 1, out->number);
    enum selv_db_status status;
    while ((status = selv_db_step(db, st)) == SELV_DB_ROW) {
        if (out->image_count == SELV_INSPECT_IMAGES_MAX) {
            status = SELV_DB_DAMAGED;
            break;
        }
        struct selv_image_record *image = &out->images[out->image_count++];
        blob_column(st, 0, image->digest, SELV_SHA256_LEN);
        image->has_size = sqlite3_column_type(st, 1) != SQLITE_NULL;
        image->size = (uint32_t)sqlite3_column_int64(st, 1);
        text_column(st, 2, image->uri, sizeof image->uri);
    }
    selv_db_reset(st);
    return status;
}

/* The row of a bound statement, and then its images. */
static enum selv_db_status release_get(struct selv_records *records,
                                       sqlite3_stmt *st, bool wants_images,
                                       struct selv_release *out)
{
    enum selv_db_status status = selv_db_step(&records->db, st);
    if (status == SELV_DB_ROW) {
        release_columns(st, out);
    }
    selv_db_reset(st);
    if (status == SELV_DB_ROW && wants_images) {
        enum selv_db_status images = release_images_get(records, out);
        status = images == SELV_DB_OK ? SELV_DB_ROW : images;
    }
    return status;
}

enum selv_db_status
selv_records_release_by_digest(struct selv_records *records,
                               const uint8_t digest[static SELV_SHA256_LEN],
                               struct selv_release *out)
{
    turn_take(records);
    sqlite3_stmt *st = selv_db_get(&records->db, RELEASE_BY_DIGEST);
    blob_bind(st, 1, digest, SELV_SHA256_LEN);
    return turn_give(records, release_get(records, st, true, out));
}

enum selv_db_status selv_records_release_by_number(
    struct selv_records *records, const uint8_t vendor_id[static 16],
    const uint8_t class_id[static 16], uint64_t sequence_number,
    struct selv_release *out)
{
    turn_take(records);
    sqlite3_stmt *st = selv_db_get(&records->db, RELEASE_BY_NUMBER);
    blob_bind(st, 1, vendor_id, 16);
    blob_bind(st, 2, class_id, 16);
    number_bind(st, 3, (int64_t)sequence_number);
    return turn_give(records, release_get(records, st, true, out));
}

enum selv_db_status
selv_records_release_newest(struct selv_records *records, bool waits,
                            const uint8_t vendor_id[static 16],
                            const uint8_t class_id[static 16],
                            struct selv_release *out)
{
    if (!turn_try(records, waits)) {
        return SELV_DB_LOCKED;
    }
    sqlite3_stmt *st = selv_db_get(&records->db, RELEASE_NEWEST);
    blob_bind(st, 1, vendor_id, 16);
    blob_bind(st, 2, class_id, 16);
    return turn_give(records, release_get(records, st, false, out));
}

enum selv_db_status selv_records_releases(
    struct selv_records *records, int64_t before, unsigned limit,
    void (*each)(void *user, const struct selv_release *release), void *user)
{
    struct selv_db *db = &records->db;
    turn_take(records);
    sqlite3_stmt *st = selv_db_get(db, RELEASES);
    number_bind(st, 1, before);
    number_bind(st, 2, limit);
    enum selv_db_status status;
    while ((status = selv_db_step(db, st)) == SELV_DB_ROW) {
        struct selv_release release;
        release_columns(st, &release);
        status = release_images_get(records, &release);
        if (status != SELV_DB_OK) {
            break;
        }
        each(user, &release);
    }
    selv_db_reset(st);
    return turn_give(records, status);
}

/* ---- devices ------------------------------------------------------------- */

/* What stays of a device that registers again. */
struct known {
    uint8_t id[8];
    uint8_t vendor_id[16];
    uint8_t class_id[16];
};

/* SELV_DB_ROW with a known device. */
static enum selv_db_status known_find(struct selv_records *records,
                                      const uint8_t device_id[static 16],
                                      struct known *known)
{
    sqlite3_stmt *st = selv_db_get(&records->db, DEVICE_ID);
    blob_bind(st, 1, device_id, 16);
    enum selv_db_status status = selv_db_step(&records->db, st);
    if (status == SELV_DB_ROW) {
        blob_column(st, 0, known->id, 8);
        blob_column(st, 1, known->vendor_id, 16);
        blob_column(st, 2, known->class_id, 16);
    }
    selv_db_reset(st);
    return status;
}

/* A new row, or a known device's: known, NULL for a new one. */
static enum selv_db_status device_write(struct selv_records *records,
                                        const struct selv_profile *profile,
                                        struct selv_bytes encoded, int64_t now,
                                        const struct known *known,
                                        const uint8_t id[static 8])
{
    sqlite3_stmt *st =
        selv_db_get(&records->db, known != NULL ? DEVICE_UPDATE : DEVICE_ADD);
    blob_bind(st, 1, profile->vendor_id, 16);
    blob_bind(st, 2, profile->class_id, 16);
    number_bind(st, 3, (int64_t)profile->running.sequence_number);
    blob_bind(st, 4, profile->running.digest, SELV_SHA256_LEN);
    text_bind(st, 5, profile->running.version);
    number_bind(st, 6, profile->running.slot);
    number_bind(st, 7, now);
    number_bind(st, 8, (int64_t)profile->accepted);
    number_bind(st, 9, (int64_t)profile->floor);
    blob_bind(st, 10, encoded.p, encoded.len);
    blob_bind(st, 11, profile->device_id, 16);
    if (known == NULL) {
        blob_bind(st, 12, id, 8);
        number_bind(st, 13, now);
    }
    return selv_db_run(&records->db, st);
}

/* Asked once, though a commit that failed is tried again. */
static bool may_add(struct selv_records *records, struct selv_record_write *w)
{
    if (w->asked == SELV_RECORD_UNASKED) {
        bool may =
            w->may_add == NULL || w->may_add(w->user, records->device_count);
        w->asked = may ? SELV_RECORD_MAY : SELV_RECORD_MAY_NOT;
    }
    return w->asked == SELV_RECORD_MAY;
}

/* In a transaction. SELV_DB_ROW, or as selv_records_write_all. */
static enum selv_db_status profile_write(struct selv_records *records,
                                         struct selv_record_write *w)
{
    struct known known;
    const struct selv_profile *p = w->profile;
    enum selv_db_status status = known_find(records, p->device_id, &known);
    w->is_new = status == SELV_DB_OK;
    if (status == SELV_DB_ROW) {
        memcpy(w->id, known.id, 8);
        w->is_changed = memcmp(known.vendor_id, p->vendor_id, 16) != 0 ||
                        memcmp(known.class_id, p->class_id, 16) != 0;
        status = device_write(records, p, w->encoded, w->now, &known, w->id);
    } else if (status == SELV_DB_OK) {
        if (!may_add(records, w)) {
            return SELV_DB_OK;
        }
        status = getrandom(w->id, 8, 0) == 8
                     ? device_write(records, p, w->encoded, w->now, NULL, w->id)
                     : SELV_DB_FAILED;
    }
    return status == SELV_DB_OK ? SELV_DB_ROW : status;
}

enum selv_db_status selv_records_device_register(
    struct selv_records *records, const struct selv_profile *profile,
    struct selv_bytes encoded, int64_t now, uint8_t id[static 8])
{
    struct selv_record_write w = {
        .profile = profile, .encoded = encoded, .now = now};
    selv_records_write_all(records, &w, 1);
    memcpy(id, w.id, 8);
    return w.result == SELV_DB_ROW ? SELV_DB_OK : w.result;
}

static void device_columns(sqlite3_stmt *st, struct selv_device *out)
{
    memset(out, 0, sizeof *out);
    out->number = sqlite3_column_int64(st, 0);
    blob_column(st, 1, out->id, 8);
    blob_column(st, 2, out->device_id, 16);
    blob_column(st, 3, out->vendor_id, 16);
    blob_column(st, 4, out->class_id, 16);
    out->sequence_number = (uint64_t)sqlite3_column_int64(st, 5);
    blob_column(st, 6, out->digest, SELV_SHA256_LEN);
    text_column(st, 7, out->version, sizeof out->version);
    out->slot = (uint32_t)sqlite3_column_int64(st, 8);
    out->state = (uint32_t)sqlite3_column_int64(st, 9);
    out->error = (uint32_t)sqlite3_column_int64(st, 10);
    out->registered_at = sqlite3_column_int64(st, 11);
    out->seen_at = sqlite3_column_int64(st, 12);
    out->accepted = (uint64_t)sqlite3_column_int64(st, 13);
    out->floor = (uint64_t)sqlite3_column_int64(st, 14);
}

static enum selv_db_status device_get(struct selv_records *records,
                                      const uint8_t id[static 8],
                                      struct selv_device *out)
{
    sqlite3_stmt *st = selv_db_get(&records->db, DEVICE_FIND);
    blob_bind(st, 1, id, 8);
    enum selv_db_status status = selv_db_step(&records->db, st);
    if (status == SELV_DB_ROW) {
        device_columns(st, out);
    }
    selv_db_reset(st);
    return status;
}

enum selv_db_status selv_records_device_find(struct selv_records *records,
                                             const uint8_t id[static 8],
                                             struct selv_device *out)
{
    turn_take(records);
    return turn_give(records, device_get(records, id, out));
}

enum selv_db_status selv_records_device_class(struct selv_records *records,
                                              bool waits,
                                              const uint8_t id[static 8],
                                              uint8_t vendor_id[static 16],
                                              uint8_t class_id[static 16])
{
    if (!turn_try(records, waits)) {
        return SELV_DB_LOCKED;
    }
    sqlite3_stmt *st = selv_db_get(&records->db, DEVICE_CLASS);
    blob_bind(st, 1, id, 8);
    enum selv_db_status status = selv_db_step(&records->db, st);
    if (status == SELV_DB_ROW) {
        blob_column(st, 0, vendor_id, 16);
        blob_column(st, 1, class_id, 16);
    }
    selv_db_reset(st);
    return turn_give(records, status);
}

enum selv_db_status selv_records_devices(
    struct selv_records *records, int64_t before, unsigned limit,
    void (*each)(void *user, const struct selv_device *device), void *user)
{
    struct selv_db *db = &records->db;
    turn_take(records);
    sqlite3_stmt *st = selv_db_get(db, DEVICES);
    number_bind(st, 1, before);
    number_bind(st, 2, limit);
    enum selv_db_status status;
    while ((status = selv_db_step(db, st)) == SELV_DB_ROW) {
        struct selv_device device;
        device_columns(st, &device);
        each(user, &device);
    }
    selv_db_reset(st);
    return turn_give(records, status);
}

/* ---- reports ------------------------------------------------------------- */

static enum selv_db_status report_row_add(struct selv_records *records,
                                          const struct selv_device *device,
                                          const struct selv_status *status,
                                          struct selv_bytes encoded,
                                          int64_t now)
{
    const struct selv_suit_report *report = &status->report;
    sqlite3_stmt *st = selv_db_get(&records->db, REPORT_ADD);
    number_bind(st, 1, device->number);
    number_bind(st, 2, now);
    number_bind(st, 3, status->state);
    number_bind(st, 4, (int64_t)status->sequence_number);
    blob_bind(st, 5, report->digest, SELV_SHA256_LEN);
    number_bind(st, 6, report->is_success);
    number_bind(st, 7, report->is_success ? 0 : (int64_t)report->reason);
    number_bind(st, 8, status->error);
    number_bind(st, 9, report->is_success ? 0 : report->failure.section);
    number_bind(st, 10,
                report->is_success ? 0 : report->failure.section_offset);
    blob_bind(st, 11, encoded.p, encoded.len);
    return selv_db_run(&records->db, st);
}

static enum selv_db_status device_reported(struct selv_records *records,
                                           const struct selv_device *device,
                                           const struct selv_status *status,
                                           int64_t now)
{
    sqlite3_stmt *st = selv_db_get(&records->db, DEVICE_REPORTED);
    number_bind(st, 1, status->state);
    number_bind(st, 2, status->error);
    number_bind(st, 3, (int64_t)status->running.sequence_number);
    blob_bind(st, 4, status->running.digest, SELV_SHA256_LEN);
    text_bind(st, 5, status->running.version);
    number_bind(st, 6, status->running.slot);
    number_bind(st, 7, now);
    number_bind(st, 8, device->number);
    return selv_db_run(&records->db, st);
}

/* In a transaction. SELV_DB_ROW, or as selv_records_write_all. */
static enum selv_db_status status_write(struct selv_records *records,
                                        struct selv_record_write *w)
{
    struct selv_db *db = &records->db;
    struct selv_device device;
    enum selv_db_status result = device_get(records, w->id, &device);
    if (result != SELV_DB_ROW) {
        return result;
    }
    result = report_row_add(records, &device, w->status, w->encoded, w->now);
    if (result == SELV_DB_OK) {
        result = device_reported(records, &device, w->status, w->now);
    }
    if (result == SELV_DB_OK) {
        sqlite3_stmt *st = selv_db_get(db, REPORTS_DROP);
        number_bind(st, 1, device.number);
        number_bind(st, 2, SELV_RECORDS_REPORTS_MAX);
        result = selv_db_run(db, st);
    }
    return result == SELV_DB_OK ? SELV_DB_ROW : result;
}

enum selv_db_status selv_records_report_add(struct selv_records *records,
                                            const struct selv_device *device,
                                            const struct selv_status *status,
                                            struct selv_bytes encoded,
                                            int64_t now)
{
    struct selv_record_write w = {
        .status = status, .encoded = encoded, .now = now};
    memcpy(w.id, device->id, 8);
    selv_records_write_all(records, &w, 1);
    return w.result == SELV_DB_ROW  ? SELV_DB_OK
           : w.result == SELV_DB_OK ? SELV_DB_FAILED
                                    : w.result;
}

/* ---- many writes at once ------------------------------------------------- */

/* In one transaction: SELV_DB_OK with all results, or the first failure, and
 * then nothing was written. */
static enum selv_db_status writes_commit(struct selv_records *records,
                                         struct selv_record_write *writes,
                                         size_t count)
{
    struct selv_db *db = &records->db;
    uint64_t devices = records->device_count;
    enum selv_db_status status = selv_db_begin(db);
    if (status != SELV_DB_OK) {
        return status;
    }
    for (size_t i = 0; status == SELV_DB_OK && i < count; i++) {
        struct selv_record_write *w = &writes[i];
        w->is_new = w->is_changed = false;
        w->result = w->profile != NULL ? profile_write(records, w)
                                       : status_write(records, w);
        if (w->result == SELV_DB_ROW) {
            records->device_count += w->is_new;
        } else {
            status = w->result;
        }
    }
    if (status == SELV_DB_OK) {
        status = selv_db_commit(db);
    } else {
        selv_db_rollback(db);
    }
    if (status != SELV_DB_OK) {
        records->device_count = devices;
    }
    return status;
}

/* R4, after a failure, too: what a commit did that failed, nobody knows. */
static void writes_tell(struct selv_records *records,
                        const struct selv_record_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (writes[i].is_changed) {
            device_changed(records, writes[i].id);
        }
    }
}

static enum selv_db_status writes_try(struct selv_records *records,
                                      struct selv_record_write *writes,
                                      size_t count)
{
    turn_take_slow(records);
    enum selv_db_status status = writes_commit(records, writes, count);
    writes_tell(records, writes, count);
    return turn_give(records, status);
}

void selv_records_write_all(struct selv_records *records,
                            struct selv_record_write *writes, size_t count)
{
    bool is_done =
        count > 1 && writes_try(records, writes, count) == SELV_DB_OK;
    for (size_t i = 0; !is_done && i < count; i++) {
        enum selv_db_status status = writes_try(records, &writes[i], 1);
        writes[i].result = status == SELV_DB_OK ? writes[i].result : status;
    }
}

enum selv_db_status selv_records_reports(
    struct selv_records *records, const struct selv_device *device,
    void (*each)(void *user, const struct selv_report_record *report),
    void *user)
{
    struct selv_db *db = &records->db;
    turn_take(records);
    sqlite3_stmt *st = selv_db_get(db, REPORTS);
    number_bind(st, 1, device->number);
    number_bind(st, 2, SELV_RECORDS_REPORTS_MAX);
    enum selv_db_status status;
    while ((status = selv_db_step(db, st)) == SELV_DB_ROW) {
        struct selv_report_record report;
        memset(&report, 0, sizeof report);
        report.at = sqlite3_column_int64(st, 0);
        report.state = (uint32_t)sqlite3_column_int64(st, 1);
        report.sequence_number = (uint64_t)sqlite3_column_int64(st, 2);
        blob_column(st, 3, report.digest, SELV_SHA256_LEN);
        report.is_success = sqlite3_column_int(st, 4) != 0;
        report.reason = (uint32_t)sqlite3_column_int64(st, 5);
        report.error = (uint32_t)sqlite3_column_int64(st, 6);
        report.section = sqlite3_column_int(st, 7);
        report.offset = (uint32_t)sqlite3_column_int64(st, 8);
        each(user, &report);
    }
    selv_db_reset(st);
    return turn_give(records, status);
}

/* ---- contacts ------------------------------------------------------------ */

enum selv_db_status selv_records_seen(struct selv_records *records,
                                      const struct selv_contact *contacts,
                                      size_t count)
{
    struct selv_db *db = &records->db;
    turn_take_slow(records);
    enum selv_db_status status = selv_db_begin(db);
    if (status != SELV_DB_OK) {
        return turn_give(records, status);
    }
    for (size_t i = 0; status == SELV_DB_OK && i < count; i++) {
        sqlite3_stmt *st = selv_db_get(db, SEEN);
        number_bind(st, 1, contacts[i].at);
        blob_bind(st, 2, contacts[i].id, 8);
        status = selv_db_run(db, st);
    }
    if (status == SELV_DB_OK) {
        status = selv_db_commit(db);
    } else {
        selv_db_rollback(db);
    }
    return turn_give(records, status);
}
