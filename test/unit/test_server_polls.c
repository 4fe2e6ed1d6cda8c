/* SPDX-License-Identifier: Apache-2.0
 *
 * What selvaged keeps in memory: mapped blobs (update/maps.h), the newest
 * manifests (update/polls.h) and times of contact (update/contacts.h), over a
 * real database and real files in a temporary folder. */
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

#include "servers/update/maps.h"
#include "servers/update/polls.h"

static struct {
    char folder[64];
    int folder_fd;
    struct selv_blobs blobs;
    struct selv_maps maps;
    struct selv_records records;
    struct selv_contacts contacts;
    struct selv_polls polls;
} f;

static int setup(void **state)
{
    char path[96];
    unsigned cleaned;
    (void)state;
    memset(&f, 0, sizeof f);
    strcpy(f.folder, "/tmp/selvage-polls.XXXXXX");
    assert_non_null(mkdtemp(f.folder));
    snprintf(path, sizeof path, "%s/db", f.folder);
    f.folder_fd = open(f.folder, O_RDONLY | O_DIRECTORY);
    assert_true(f.folder_fd >= 0);
    assert_true(selv_blobs_open(&f.blobs, f.folder_fd, &cleaned));
    assert_int_equal(selv_records_open(&f.records, path), SELV_DB_OK);
    assert_true(selv_contacts_init(&f.contacts, -1));
    assert_true(selv_polls_init(&f.polls, &f.records, &f.contacts));
    selv_maps_init(&f.maps, &f.blobs);
    return 0;
}

static int teardown(void **state)
{
    char command[96];
    (void)state;
    selv_maps_close(&f.maps);
    selv_polls_close(&f.polls);
    selv_contacts_close(&f.contacts);
    selv_records_close(&f.records);
    selv_blobs_close(&f.blobs);
    close(f.folder_fd);
    snprintf(command, sizeof command, "rm -rf '%s'", f.folder);
    return system(command);
}

/* ---- polls --------------------------------------------------------------- */

/* Device number n, of a class; the same number registers again. */
static void device(unsigned n, unsigned of_class, uint8_t id[static 8])
{
    uint8_t device_id[16] = {0};
    uint8_t class_id[16] = {0};
    uint8_t zeros[SELV_SHA256_LEN] = {0};
    selv_put_be32(device_id, n);
    selv_put_be32(class_id, of_class);
    struct selv_profile p = {.device_id = device_id,
                             .vendor_id = zeros,
                             .class_id = class_id,
                             .running.digest = zeros};
    assert_int_equal(selv_records_device_register(
                         &f.records, &p, selv_bytes("profile", 7), 100, id),
                     SELV_DB_OK);
}

static struct selv_release release_of(unsigned of_class, uint64_t number)
{
    struct selv_release r;
    memset(&r, 0, sizeof r);
    selv_put_be32(r.class_id, of_class);
    selv_put_be32(r.digest, of_class);
    selv_put_be32(r.digest + 4, (uint32_t)number);
    memcpy(r.envelope, r.digest, sizeof r.digest);
    r.envelope[31] = 1;
    r.sequence_number = number;
    return r;
}

static void publish(unsigned of_class, uint64_t number)
{
    struct selv_release r = release_of(of_class, number);
    assert_int_equal(selv_records_release_add(&f.records, &r), SELV_DB_OK);
}

/* The number of the newest release for a device; 0: there is none. */
static unsigned newest(const uint8_t id[static 8], unsigned of_class)
{
    const struct selv_newest *n;
    assert_int_equal(selv_polls_newest(&f.polls, id, 200, &n), SELV_DB_ROW);
    assert_int_equal(selv_get_be32(n->class_id), of_class);
    return n->has_release ? selv_get_be32(n->digest + 4) : 0;
}

static void test_polls_are_as_new_as_the_records(void **state)
{
    uint8_t a[8];
    uint8_t b[8];
    uint8_t none[8] = {1};
    const struct selv_newest *n;
    (void)state;
    device(1, 1, a);
    device(2, 2, b);
    assert_int_equal(selv_polls_newest(&f.polls, none, 200, &n), SELV_DB_OK);
    assert_int_equal(newest(a, 1), 0);
    publish(1, 5);
    assert_int_equal(newest(a, 1), 5);
    assert_int_equal(newest(b, 2), 0);
    publish(2, 3);
    publish(1, 4); /* not the newest */
    assert_int_equal(newest(a, 1), 5);
    assert_int_equal(newest(b, 2), 3);
    publish(1, 6);
    assert_int_equal(newest(a, 1), 6);

    /* Another envelope of the same manifest. */
    struct selv_release r = release_of(1, 6);
    r.envelope[31] = 2;
    assert_int_equal(selv_records_release_replace(&f.records, &r), SELV_DB_OK);
    assert_int_equal(selv_polls_newest(&f.polls, a, 200, &n), SELV_DB_ROW);
    assert_int_equal(n->envelope[31], 2);

    /* A device that registers as one of another class. */
    uint8_t again[8];
    device(1, 2, again);
    assert_memory_equal(a, again, 8);
    assert_int_equal(newest(a, 2), 3);
    assert_int_equal(newest(b, 2), 3);
    device(1, 1, again);
    assert_int_equal(newest(a, 1), 6);
}

/* What is in memory is not asked for again: without the tables it is still
 * known, until something changes. */
static void test_polls_leave_the_database_alone(void **state)
{
    uint8_t a[8];
    const struct selv_newest *n;
    (void)state;
    device(1, 1, a);
    publish(1, 5);
    assert_int_equal(newest(a, 1), 5);
    assert_int_equal(sqlite3_exec(f.records.db.handle,
                                  "ALTER TABLE devices RENAME TO d;"
                                  "ALTER TABLE releases RENAME TO r;",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(newest(a, 1), 5);
    assert_int_equal(newest(a, 1), 5);
    struct selv_release r = release_of(1, 7);
    assert_int_equal(selv_records_release_add(&f.records, &r), SELV_DB_FAILED);
    assert_int_equal(selv_polls_newest(&f.polls, a, 200, &n), SELV_DB_FAILED);
    assert_true(strstr(selv_records_error(), "releases") != NULL);
}

/* More classes than there are places; the serial numbers go round. */
static void test_polls_many_classes(void **state)
{
    enum { CLASSES = SELV_POLLS_CLASSES_MAX + 44 };
    static uint8_t id[CLASSES][8];
    (void)state;
    for (unsigned i = 0; i < CLASSES; i++) {
        device(i, i, id[i]);
    }
    publish(7, 1);
    for (unsigned round = 0; round < 250; round++) {
        for (unsigned i = 0; i < CLASSES; i++) {
            assert_int_equal(newest(id[i], i), i == 7 ? 1 : 0);
        }
    }
    uint8_t again[8];
    for (unsigned i = 0; i < CLASSES; i += 10) {
        device(i, i + 1, again);
        assert_int_equal(newest(id[i], i + 1), i + 1 == 7 ? 1 : 0);
    }
}

/* More devices than there are places. */
static void test_polls_many_devices(void **state)
{
    const struct selv_newest *n;
    (void)state;
    assert_int_equal(
        sqlite3_exec(
            f.records.db.handle,
            "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c"
            " WHERE i<300000) INSERT INTO devices(id, device_id, vendor_id,"
            " class_id, sequence_number, digest, version, slot, state, error,"
            " registered_at, seen_at, accepted, floor, profile)"
            " SELECT randomblob(8), randomblob(16), zeroblob(16),"
            " zeroblob(16), 0, zeroblob(32), '', 0, 0, 0, 0, 0, 0, 0, x'00'"
            " FROM c",
            NULL, NULL, NULL),
        SQLITE_OK);
    static uint8_t id[300000][8];
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_prepare_v2(f.records.db.handle,
                                        "SELECT id FROM devices", -1, &st,
                                        NULL),
                     SQLITE_OK);
    unsigned count = 0;
    while (sqlite3_step(st) == SQLITE_ROW) {
        memcpy(id[count++], sqlite3_column_blob(st, 0), 8);
    }
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
    assert_int_equal(count, 300000);
    publish(0, 9);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(selv_polls_newest(&f.polls, id[i], 200, &n),
                             SELV_DB_ROW);
            assert_true(n->has_release);
        }
    }
    assert_true(selv_contacts_is_full(&f.contacts));
    assert_int_equal(f.contacts.count, SELV_CONTACTS_MAX);
    assert_int_equal(selv_contacts_write(&f.contacts, &f.records), SELV_DB_OK);
    assert_int_equal(f.contacts.count, 0);
}

static void test_contacts(void **state)
{
    uint8_t id[3][8];
    uint32_t place[3] = {UINT32_MAX, 0, 7};
    struct selv_device d;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        device(i, 1, id[i]);
    }
    for (unsigned i = 0; i < 9; i++) {
        selv_contacts_note(&f.contacts, id[i % 3], 300 + i, &place[i % 3]);
    }
    assert_int_equal(f.contacts.count, 3);
    assert_int_equal(selv_contacts_write(&f.contacts, &f.records), SELV_DB_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(selv_records_device_find(&f.records, id[i], &d),
                         SELV_DB_ROW);
        assert_int_equal(d.seen_at, 306 + i);
    }
    /* Places of before are nobody's now. */
    selv_contacts_note(&f.contacts, id[2], 400, &place[2]);
    selv_contacts_note(&f.contacts, id[0], 401, &place[0]);
    assert_int_equal(f.contacts.count, 2);
    assert_int_equal(selv_contacts_write(&f.contacts, &f.records), SELV_DB_OK);
    assert_int_equal(selv_records_device_find(&f.records, id[0], &d),
                     SELV_DB_ROW);
    assert_int_equal(d.seen_at, 401);
    assert_int_equal(selv_records_device_find(&f.records, id[1], &d),
                     SELV_DB_ROW);
    assert_int_equal(d.seen_at, 307);
}

/* ---- maps ---------------------------------------------------------------- */

/* A blob of len bytes; its file's path below the folder. */
static const char *blob(unsigned tag, size_t len,
                        uint8_t digest[static SELV_SHA256_LEN])
{
    static char path[160];
    char name[SELV_HEX_DIGEST_LEN];
    struct selv_blob b;
    uint8_t bytes[4];
    selv_put_be32(bytes, tag);
    selv_blob_begin(&f.blobs, &b);
    for (size_t i = 0; i < len; i += 4) {
        selv_blob_append(&b, selv_bytes(bytes, 4));
    }
    assert_int_equal(selv_blob_commit(&b, NULL, digest), SELV_BLOB_OK);
    selv_name_encode(digest, SELV_SHA256_LEN, name);
    snprintf(path, sizeof path, "%s/images/%.2s/%s", f.folder, name, name + 2);
    return path;
}

static void test_maps_find_blobs(void **state)
{
    uint8_t digest[SELV_SHA256_LEN];
    uint8_t none[SELV_SHA256_LEN] = {0};
    struct selv_bytes a;
    struct selv_bytes b;
    (void)state;
    blob(1, 9000, digest);
    assert_true(selv_maps_get(&f.maps, digest, 1000, &a));
    assert_int_equal(a.len, 9000);
    assert_int_equal(a.p[8999], 1);
    assert_true(selv_maps_get(&f.maps, digest, 1999, &b));
    assert_ptr_equal(a.p, b.p);
    assert_false(selv_maps_get(&f.maps, none, 1000, &b));
    assert_int_equal(errno, ENOENT);
    blob(1, 0, digest);
    assert_false(selv_maps_get(&f.maps, digest, 1000, &b));
    assert_int_equal(errno, EAGAIN);
}

/* A file that goes is served whole for a second, and then no more. */
static void test_maps_removed(void **state)
{
    uint8_t digest[SELV_SHA256_LEN];
    struct selv_bytes a;
    (void)state;
    const char *path = blob(1, 9000, digest);
    assert_true(selv_maps_get(&f.maps, digest, 1000, &a));
    assert_return_code(unlink(path), 0);
    selv_maps_turn(&f.maps);
    assert_true(selv_maps_get(&f.maps, digest, 1999, &a));
    assert_int_equal(a.p[8999], 1);
    assert_false(selv_maps_get(&f.maps, digest, 2000, &a));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(a.p[8999], 1); /* this turn may still be sending it */
    selv_maps_turn(&f.maps);
    assert_false(selv_maps_get(&f.maps, digest, 2001, &a));
    blob(1, 9000, digest);
    assert_true(selv_maps_get(&f.maps, digest, 2002, &a));
}

/* In doubt, a file that was cut short is mapped anew. */
static void test_maps_cut(void **state)
{
    uint8_t digest[SELV_SHA256_LEN];
    struct selv_bytes a;
    (void)state;
    const char *path = blob(1, 9000, digest);
    assert_true(selv_maps_get(&f.maps, digest, 1000, &a));
    assert_return_code(truncate(path, 100), 0);
    selv_maps_doubt(&f.maps);
    assert_false(selv_maps_get(&f.maps, digest, 1001, &a));
    assert_int_equal(errno, EAGAIN); /* in use in this turn */
    selv_maps_turn(&f.maps);
    assert_true(selv_maps_get(&f.maps, digest, 1001, &a));
    assert_int_equal(a.len, 100);
}

/* More blobs than places: nothing that was got in a turn goes within it. */
static void test_maps_full(void **state)
{
    static uint8_t digest[SELV_MAPS_MAX + 6][SELV_SHA256_LEN];
    struct selv_bytes bytes[SELV_MAPS_MAX + 6];
    (void)state;
    for (unsigned i = 0; i < SELV_MAPS_MAX + 6; i++) {
        blob(i, 100, digest[i]);
        bool is_mapped = selv_maps_get(&f.maps, digest[i], 1000, &bytes[i]);
        assert_int_equal(is_mapped, i < SELV_MAPS_MAX);
        assert_true(is_mapped || errno == EAGAIN);
    }
    for (unsigned i = 0; i < SELV_MAPS_MAX; i++) {
        assert_int_equal(bytes[i].p[3], i);
    }
    selv_maps_turn(&f.maps);
    for (unsigned i = 0; i < SELV_MAPS_MAX + 6; i++) {
        assert_true(selv_maps_get(&f.maps, digest[i], 1000, &bytes[i]));
        assert_int_equal(bytes[i].p[3], i);
        selv_maps_turn(&f.maps);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_polls_are_as_new_as_the_records,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_polls_leave_the_database_alone,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_polls_many_classes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_polls_many_devices, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_contacts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_maps_find_blobs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_maps_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_maps_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_maps_full, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
