/* SPDX-License-Identifier: Apache-2.0
 *
 * The server's records and blobs, on a real database and real files in a
 * temporary folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those four first */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "servers/update/blobs.h"
#include "servers/update/records.h"

struct fixture {
    char folder[64];
    char path[96];
    int folder_fd;
    struct selv_records records;
};

static int setup(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    strcpy(f.folder, "/tmp/selvage-records.XXXXXX");
    assert_non_null(mkdtemp(f.folder));
    snprintf(f.path, sizeof f.path, "%s/db", f.folder);
    f.folder_fd = open(f.folder, O_RDONLY | O_DIRECTORY);
    assert_true(f.folder_fd >= 0);
    assert_int_equal(selv_records_open(&f.records, f.path), SELV_DB_OK);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[96];
    selv_records_close(&f->records);
    close(f->folder_fd);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    return system(command);
}

static void reopen(struct fixture *f)
{
    selv_records_close(&f->records);
    assert_int_equal(selv_records_open(&f->records, f->path), SELV_DB_OK);
}

static struct selv_release release(uint8_t tag, uint64_t number)
{
    struct selv_release r;
    memset(&r, 0, sizeof r);
    memset(r.digest, tag, sizeof r.digest);
    memset(r.envelope, tag + 1, sizeof r.envelope);
    memset(r.vendor_id, 1, 16);
    memset(r.class_id, 2, 16);
    r.sequence_number = number;
    strcpy(r.version, "1.0");
    r.size = 400;
    r.published_at = 1000;
    r.image_count = 2;
    strcpy(r.images[0].uri, "/i/a");
    r.images[0].has_size = true;
    r.images[0].size = 77;
    strcpy(r.images[1].uri, "/i/b");
    return r;
}

struct numbers {
    uint64_t v[64];
    size_t count;
    int64_t last;
};

static void release_each(void *user, const struct selv_release *r)
{
    struct numbers *n = user;
    assert_int_equal(r->image_count, 2);
    n->last = r->number;
    n->v[n->count++] = r->sequence_number;
}

/* A value that is missing is no row that is there: nothing was kept. */
static void test_records_missing_value_is_a_failure(void **state)
{
    struct fixture *f = *state;
    struct selv_db *db = &f->records.db;
    sqlite3_stmt *st = NULL;
    assert_int_equal(
        sqlite3_prepare_v2(db->handle,
                           "INSERT INTO images(digest, size, stored_at)"
                           " VALUES(zeroblob(32), ?, 1)",
                           -1, &st, NULL),
        SQLITE_OK);
    assert_int_equal(selv_db_run(db, st), SELV_DB_FAILED);
    assert_int_equal(sqlite3_bind_int64(st, 1, 5), SQLITE_OK);
    assert_int_equal(selv_db_run(db, st), SELV_DB_OK);
    assert_int_equal(sqlite3_bind_int64(st, 1, 5), SQLITE_OK);
    assert_int_equal(selv_db_run(db, st), SELV_DB_EXISTS);
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
}

static void test_records_releases(void **state)
{
    struct fixture *f = *state;
    struct selv_release r;
    struct selv_release found;
    struct numbers page = {.count = 0};
    for (uint8_t i = 1; i <= 5; i++) {
        r = release((uint8_t)(10 * i), i);
        assert_int_equal(selv_records_release_add(&f->records, &r), SELV_DB_OK);
        assert_int_equal(r.number, i);
    }
    r = release(10, 9); /* the digest is taken */
    assert_int_equal(selv_records_release_add(&f->records, &r), SELV_DB_EXISTS);
    r = release(99, 3); /* the number is taken */
    assert_int_equal(selv_records_release_add(&f->records, &r), SELV_DB_EXISTS);
    reopen(f);
    assert_int_equal(selv_records_release_newest(&f->records, true, r.vendor_id,
                                                 r.class_id, &found),
                     SELV_DB_ROW);
    assert_int_equal(found.sequence_number, 5);
    assert_int_equal(selv_records_release_newest(&f->records, true, r.class_id,
                                                 r.class_id, &found),
                     SELV_DB_OK);
    r = release(30, 3);
    assert_int_equal(
        selv_records_release_by_digest(&f->records, r.digest, &found),
        SELV_DB_ROW);
    assert_int_equal(found.image_count, 2);
    assert_true(found.images[0].has_size);
    assert_int_equal(found.images[0].size, 77);
    assert_false(found.images[1].has_size);
    assert_string_equal(found.images[1].uri, "/i/b");
    assert_int_equal(found.envelope[0], 31);
    assert_int_equal(
        selv_records_releases(&f->records, INT64_MAX, 2, release_each, &page),
        SELV_DB_OK);
    assert_int_equal(page.count, 2);
    assert_int_equal(page.v[0], 5);
    assert_int_equal(page.v[1], 4);
    assert_int_equal(
        selv_records_releases(&f->records, page.last, 9, release_each, &page),
        SELV_DB_OK);
    assert_int_equal(page.count, 5);
    assert_int_equal(page.v[4], 1);
}

static void test_records_release_replace(void **state)
{
    struct fixture *f = *state;
    struct selv_release found;
    struct selv_release r = release(10, 1);
    assert_int_equal(selv_records_release_replace(&f->records, &r),
                     SELV_DB_FAILED); /* of what? */
    assert_int_equal(selv_records_release_add(&f->records, &r), SELV_DB_OK);
    r.envelope[0] = 77;
    r.size = 4321;
    strcpy(r.version, "other");
    r.image_count = 1;
    r.images[0].size = 78;
    r.number = 0;
    assert_int_equal(selv_records_release_replace(&f->records, &r), SELV_DB_OK);
    assert_int_equal(r.number, 1);
    reopen(f);
    assert_int_equal(
        selv_records_release_by_digest(&f->records, r.digest, &found),
        SELV_DB_ROW);
    assert_int_equal(found.number, 1);
    assert_int_equal(found.envelope[0], 77);
    assert_int_equal(found.size, 4321);
    assert_string_equal(found.version, "other");
    assert_int_equal(found.image_count, 1);
    assert_int_equal(found.images[0].size, 78);
}

static const uint8_t device_id[16] = "device number 1";
static const uint8_t vendor_id[16] = "vendor";
static const uint8_t digest[SELV_SHA256_LEN] = "a digest of 32 bytes, or so";

static struct selv_profile profile(uint64_t number)
{
    struct selv_profile p;
    memset(&p, 0, sizeof p);
    p.device_id = device_id;
    p.vendor_id = p.class_id = vendor_id;
    p.running.digest = digest;
    p.running.sequence_number = number;
    p.running.version = selv_bytes("1.0", 3);
    p.accepted = number;
    return p;
}

static void report_each(void *user, const struct selv_report_record *r)
{
    struct numbers *n = user;
    n->v[n->count++] = r->sequence_number;
}

static void test_records_devices(void **state)
{
    struct fixture *f = *state;
    struct selv_bytes encoded = selv_bytes("x", 1);
    struct selv_device d;
    uint8_t id[8];
    uint8_t again[8];
    struct selv_profile p = profile(3);
    assert_int_equal(
        selv_records_device_register(&f->records, &p, encoded, 100, id),
        SELV_DB_OK);
    reopen(f);
    p = profile(4);
    assert_int_equal(
        selv_records_device_register(&f->records, &p, encoded, 200, again),
        SELV_DB_OK);
    assert_memory_equal(id, again, 8);
    assert_int_equal(selv_records_device_find(&f->records, id, &d),
                     SELV_DB_ROW);
    assert_int_equal(d.sequence_number, 4);
    assert_int_equal(d.registered_at, 100);
    assert_int_equal(d.seen_at, 200);

    /* Times of contact never go back. */
    struct selv_contact contact = {.at = 150};
    memcpy(contact.id, id, 8);
    assert_int_equal(selv_records_seen(&f->records, &contact, 1), SELV_DB_OK);
    assert_int_equal(selv_records_device_find(&f->records, id, &d),
                     SELV_DB_ROW);
    assert_int_equal(d.seen_at, 200);
    contact.at = 400;
    assert_int_equal(selv_records_seen(&f->records, &contact, 1), SELV_DB_OK);
    reopen(f);
    assert_int_equal(selv_records_device_find(&f->records, id, &d),
                     SELV_DB_ROW);
    assert_int_equal(d.seen_at, 400);

    memset(again, 0, 8);
    assert_int_equal(selv_records_device_find(&f->records, again, &d),
                     SELV_DB_OK);
}

static void test_records_reports_limit(void **state)
{
    struct fixture *f = *state;
    struct selv_bytes encoded = selv_bytes("x", 1);
    struct selv_profile p = profile(3);
    struct selv_status s;
    struct selv_device d;
    struct numbers list = {.count = 0};
    uint8_t id[8];
    memset(&s, 0, sizeof s);
    s.running = p.running;
    s.running.version = selv_bytes(NULL, 0);
    s.state = 10;
    s.error = 160;
    assert_int_equal(
        selv_records_device_register(&f->records, &p, encoded, 1, id),
        SELV_DB_OK);
    assert_int_equal(selv_records_device_find(&f->records, id, &d),
                     SELV_DB_ROW);
    for (uint64_t i = 1; i <= SELV_RECORDS_REPORTS_MAX + 7; i++) {
        s.sequence_number = i;
        assert_int_equal(
            selv_records_report_add(&f->records, &d, &s, encoded, 5),
            SELV_DB_OK);
    }
    assert_int_equal(selv_records_reports(&f->records, &d, report_each, &list),
                     SELV_DB_OK);
    assert_int_equal(list.count, SELV_RECORDS_REPORTS_MAX);
    assert_int_equal(list.v[0], SELV_RECORDS_REPORTS_MAX + 7);
    assert_int_equal(list.v[list.count - 1], 8);
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(f->records.db.handle,
                                        "SELECT count(*) FROM reports", -1, &st,
                                        NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), SELV_RECORDS_REPORTS_MAX);
    sqlite3_finalize(st);
    /* A status without a version keeps that of the same manifest. */
    assert_int_equal(selv_records_device_find(&f->records, id, &d),
                     SELV_DB_ROW);
    assert_string_equal(d.version, "1.0");
    assert_int_equal(d.state, 10);
    assert_int_equal(d.error, 160);
}

/* ---- many writes at once ------------------------------------------------- */

static bool asked_may_add(void *user, uint64_t count)
{
    unsigned *asked = user;
    (*asked)++;
    return count < 3;
}

static uint64_t rows(struct fixture *f, const char *sql)
{
    sqlite3_stmt *st;
    assert_int_equal(
        sqlite3_prepare_v2(f->records.db.handle, sql, -1, &st, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    uint64_t n = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

/* Profiles of devices 1 to 4 and a status of the first, of which the table
 * takes three. One that fails sinks no other. */
static void test_records_write_all(void **state)
{
    struct fixture *f = *state;
    static uint8_t ids[4][16];
    struct selv_profile p[4];
    struct selv_record_write w[6];
    struct selv_status s;
    unsigned asked = 0;
    memset(w, 0, sizeof w);
    memset(&s, 0, sizeof s);
    for (unsigned i = 0; i < 4; i++) {
        p[i] = profile(3);
        ids[i][0] = (uint8_t)(i + 1);
        p[i].device_id = ids[i];
        w[i].profile = &p[i];
        w[i].may_add = asked_may_add;
        w[i].user = &asked;
    }
    for (unsigned i = 0; i < 6; i++) {
        w[i].encoded = selv_bytes("x", 1);
        w[i].now = 100 + i;
    }
    s.running = p[0].running;
    w[4].status = w[5].status = &s;
    memset(w[4].id, 9, 8);
    selv_records_write_all(&f->records, w, 5);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(w[i].result, SELV_DB_ROW);
    }
    assert_int_equal(w[3].result, SELV_DB_OK); /* may not */
    assert_int_equal(w[4].result, SELV_DB_OK); /* of no device */
    assert_int_equal(asked, 4);
    assert_int_equal(f->records.device_count, 3);
    reopen(f);
    assert_int_equal(f->records.device_count, 3);

    /* The second one fails: the others are written, and nobody is asked
     * again who was asked. */
    uint64_t changes = selv_records_devices_number(&f->records);
    char *text = sqlite3_mprintf(
        "CREATE TRIGGER t BEFORE UPDATE ON devices WHEN OLD.device_id ="
        " x'02000000000000000000000000000000' BEGIN"
        " SELECT RAISE(ABORT, 'no'); END");
    assert_int_equal(sqlite3_exec(f->records.db.handle, text, 0, 0, 0),
                     SQLITE_OK);
    sqlite3_free(text);
    uint8_t other[16] = {77};
    p[2].class_id = other;
    memcpy(w[5].id, w[0].id, 8);
    s.state = 8;
    asked = 0;
    for (unsigned i = 0; i < 6; i++) {
        w[i].asked = 0;
    }
    selv_records_write_all(&f->records, w, 6);
    assert_int_equal(w[0].result, SELV_DB_ROW);
    assert_int_equal(w[1].result, SELV_DB_FAILED);
    assert_int_equal(w[2].result, SELV_DB_ROW);
    assert_int_equal(w[3].result, SELV_DB_OK);
    assert_int_equal(w[4].result, SELV_DB_OK);
    assert_int_equal(w[5].result, SELV_DB_ROW);
    assert_int_equal(asked, 1);
    assert_int_equal(rows(f, "SELECT count(*) FROM devices"), 3);
    assert_int_equal(rows(f, "SELECT count(*) FROM reports"), 1);

    /* The one that changed its class is among those that changed. */
    uint8_t changed[SELV_RECORDS_CHANGED_MAX][8];
    uint64_t now = selv_records_devices_number(&f->records);
    size_t count =
        selv_records_devices_changed(&f->records, changes, now, changed);
    assert_in_range(count, 1, 2); /* the failed commit counts, too */
    assert_memory_equal(changed[count - 1], w[2].id, 8);
    for (unsigned i = 0; i <= SELV_RECORDS_CHANGED_MAX; i++) {
        p[2].class_id = i % 2 == 0 ? ids[0] : other;
        selv_records_write_all(&f->records, &w[2], 1);
        assert_int_equal(w[2].result, SELV_DB_ROW);
    }
    now = selv_records_devices_number(&f->records);
    assert_int_equal(
        selv_records_devices_changed(&f->records, changes, now, changed),
        SIZE_MAX);
}

/* R5: who may not wait is told so while another one writes. */
static void test_records_busy(void **state)
{
    struct fixture *f = *state;
    uint8_t id[8] = {1};
    uint8_t vendor[16];
    uint8_t class_id[16] = {0};
    struct selv_release r;
    assert_int_equal(pthread_mutex_lock(&f->records.lock), 0);
    atomic_store(&f->records.is_slow, true);
    assert_int_equal(
        selv_records_device_class(&f->records, false, id, vendor, class_id),
        SELV_DB_LOCKED);
    assert_int_equal(
        selv_records_release_newest(&f->records, false, class_id, class_id, &r),
        SELV_DB_LOCKED);
    atomic_store(&f->records.is_slow, false);
    assert_int_equal(
        selv_records_device_class(&f->records, false, id, vendor, class_id),
        SELV_DB_LOCKED);
    pthread_mutex_unlock(&f->records.lock);
    assert_int_equal(
        selv_records_device_class(&f->records, false, id, vendor, class_id),
        SELV_DB_OK);
}

static void test_records_settings(void **state)
{
    static const struct {
        const char *pragma;
        const char *want;
    } cases[] = {{"PRAGMA journal_mode", "wal"},
                 {"PRAGMA synchronous", "2"},
                 {"PRAGMA foreign_keys", "1"}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sqlite3_stmt *st;
        assert_int_equal(sqlite3_prepare_v2(f->records.db.handle,
                                            cases[i].pragma, -1, &st, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(st), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(st, 0),
                            cases[i].want);
        sqlite3_finalize(st);
    }
    /* One process at a time. */
    struct selv_records second;
    assert_int_equal(selv_records_open(&second, f->path), SELV_DB_LOCKED);
    selv_records_close(&second);
}

/* A database of before there was a table of contacts. */
static void test_records_older(void **state)
{
    struct fixture *f = *state;
    struct selv_device d;
    uint8_t id[8];
    struct selv_profile p = profile(3);
    assert_int_equal(selv_records_device_register(&f->records, &p,
                                                  selv_bytes("x", 1), 100, id),
                     SELV_DB_OK);
    assert_int_equal(sqlite3_exec(f->records.db.handle,
                                  "DROP TABLE contacts;"
                                  "DELETE FROM schema_version WHERE version=2",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    reopen(f);
    assert_int_equal(selv_records_device_find(&f->records, id, &d),
                     SELV_DB_ROW);
    assert_int_equal(d.seen_at, 100);
    struct selv_contact contact = {.at = 200};
    memcpy(contact.id, id, 8);
    assert_int_equal(selv_records_seen(&f->records, &contact, 1), SELV_DB_OK);
    reopen(f);
    assert_int_equal(selv_records_device_find(&f->records, id, &d),
                     SELV_DB_ROW);
    assert_int_equal(d.seen_at, 200);
}

static void test_records_newer(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(sqlite3_exec(f->records.db.handle,
                                  "INSERT INTO schema_version VALUES(3)", NULL,
                                  NULL, NULL),
                     SQLITE_OK);
    selv_records_close(&f->records);
    assert_int_equal(selv_records_open(&f->records, f->path), SELV_DB_NEWER);
}

static unsigned files_count(const struct fixture *f, const char *folder)
{
    char command[128];
    unsigned n = 0;
    snprintf(command, sizeof command, "find '%s/%s' -type f | wc -l", f->folder,
             folder);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    assert_int_equal(fscanf(p, "%u", &n), 1);
    pclose(p);
    return n;
}

static void test_blobs_life(void **state)
{
    struct fixture *f = *state;
    struct selv_blobs blobs;
    struct selv_blob blob;
    unsigned cleaned;
    uint64_t size;
    uint8_t name[SELV_SHA256_LEN];
    uint8_t same[SELV_SHA256_LEN];
    uint8_t bytes[5];
    assert_true(selv_blobs_open(&blobs, f->folder_fd, &cleaned));
    assert_int_equal(cleaned, 0);
    selv_blob_begin(&blobs, &blob);
    selv_blob_append(&blob, selv_bytes("he", 2));
    selv_blob_append(&blob, selv_bytes("llo", 3));
    assert_int_equal(files_count(f, "images/tmp"), 1);
    assert_int_equal(selv_blob_commit(&blob, NULL, name), SELV_BLOB_OK);
    selv_blob_abort(&blob);          /* harmless */
    assert_int_equal(name[0], 0x2c); /* SHA-256 of "hello" */
    assert_int_equal(files_count(f, "images"), 1);
    int fd = selv_blob_open(&blobs, name, &size);
    assert_true(fd >= 0);
    assert_int_equal(size, 5);
    assert_int_equal(read(fd, bytes, 5), 5);
    assert_memory_equal(bytes, "hello", 5);
    close(fd);

    /* Once more: the same name, still one file. */
    selv_blob_begin(&blobs, &blob);
    selv_blob_append(&blob, selv_bytes("hello", 5));
    assert_int_equal(selv_blob_commit(&blob, name, same), SELV_BLOB_OK);
    assert_int_equal(files_count(f, "images"), 1);

    /* Other bytes than promised, and given up in the middle. */
    selv_blob_begin(&blobs, &blob);
    selv_blob_append(&blob, selv_bytes("hellO", 5));
    assert_int_equal(selv_blob_commit(&blob, name, same), SELV_BLOB_OTHER);
    selv_blob_begin(&blobs, &blob);
    selv_blob_append(&blob, selv_bytes("x", 1));
    selv_blob_abort(&blob);
    assert_int_equal(files_count(f, "images"), 1);

    /* Cut off by a crash: cleaned at the next start. */
    selv_blob_begin(&blobs, &blob);
    selv_blob_append(&blob, selv_bytes("x", 1));
    struct selv_blobs next;
    assert_true(selv_blobs_open(&next, f->folder_fd, &cleaned));
    assert_int_equal(cleaned, 1);
    assert_int_equal(files_count(f, "images"), 1);
    selv_blobs_close(&next);
    selv_blob_abort(&blob);

    memset(name, 0, sizeof name);
    assert_int_equal(selv_blob_open(&blobs, name, &size), -1);
    assert_int_equal(errno, ENOENT);
    selv_blobs_close(&blobs);
}

static void test_blobs_names(void **state)
{
    uint8_t p[2];
    char text[5];
    (void)state;
    assert_true(selv_name_decode(selv_bytes("00fa", 4), p, 2));
    assert_int_equal(p[1], 0xfa);
    assert_false(selv_name_decode(selv_bytes("00FA", 4), p, 2));
    assert_false(selv_name_decode(selv_bytes("00f", 3), p, 2));
    assert_false(selv_name_decode(selv_bytes("00fg", 4), p, 2));
    assert_false(selv_name_decode(selv_bytes("../x", 4), p, 2));
    selv_name_encode(p, 2, text);
    assert_string_equal(text, "00fa");
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(test_records_missing_value_is_a_failure),
        WITH(test_records_releases),
        WITH(test_records_release_replace),
        WITH(test_records_devices),
        WITH(test_records_reports_limit),
        WITH(test_records_write_all),
        WITH(test_records_busy),
        WITH(test_records_settings),
        WITH(test_records_older),
        WITH(test_records_newer),
        WITH(test_blobs_life),
        cmocka_unit_test(test_blobs_names),
    };
    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
