/* SPDX-License-Identifier: Apache-2.0
 *
 * What devices want written down (update/writes.h): its bounds, and that
 * nothing is told before it is on disk. Over a real database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those four first */
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "servers/update/writes.h"
#include "test/unit/suit_maker.h"

static struct {
    char folder[64];
    char path[96];
    struct selv_records records;
    struct selv_writes writes;
    struct selv_writes_port port;
    struct maker_bytes profile;
} f;

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    strcpy(f.folder, "/tmp/selvage-writes.XXXXXX");
    assert_non_null(mkdtemp(f.folder));
    snprintf(f.path, sizeof f.path, "%s/db", f.folder);
    assert_int_equal(selv_records_open(&f.records, f.path), SELV_DB_OK);
    f.port.fd = eventfd(0, EFD_NONBLOCK);
    assert_true(f.port.fd >= 0);
    maker_encode("{1: 1, 2: h'000102030405060708090a0b0c0d0e0f',"
                 " 3: h'00112233445566778899aabbccddeeff',"
                 " 4: h'00112233445566778899aabbccddeeff',"
                 " 5: [{1: [h'00'], 2: 1, 3: h'"
                 "00112233445566778899aabbccddeeff"
                 "00112233445566778899aabbccddeeff', 4: 0}],"
                 " 6: 2048, 7: 100000, 8: {1: 1, 2: 1, 3: 1}}",
                 &f.profile);
    return 0;
}

static int teardown(void **state)
{
    char command[96];
    (void)state;
    selv_writes_close(&f.writes);
    selv_records_close(&f.records);
    close(f.port.fd);
    snprintf(command, sizeof command, "rm -rf '%s'", f.folder);
    return system(command);
}

static void open_writes(uint64_t devices_max)
{
    assert_true(selv_writes_open(&f.writes, &f.records, devices_max));
}

/* Holds the database, so that nothing is written until it is let go. */
static void hold(void)
{
    pthread_mutex_lock(&f.records.lock);
}

static void let_go(void)
{
    pthread_mutex_unlock(&f.records.lock);
}

/* Device number n registers; false: there is no place. */
static bool put(uint32_t n, bool is_proven, uint64_t network)
{
    /* Networks are hashes: their first bits differ, too. */
    network |= (network + 2) << 40;
    struct selv_write *w = selv_writes_take(&f.writes, is_proven, network);
    if (w == NULL) {
        return false;
    }
    memcpy(w->body, f.profile.p, f.profile.len);
    w->len = f.profile.len;
    size_t at = 0;
    while (selv_get_be32(w->body + at) != 0x00010203) {
        at++;
    }
    selv_put_be32(w->body + at, n);
    w->is_status = false;
    w->is_counted = true;
    w->mid = (uint16_t)n;
    selv_writes_put(w, &f.port);
    return true;
}

/* The next one that is done; it is given back. */
static enum selv_write_result done(uint16_t *mid)
{
    struct selv_write *w;
    while ((w = selv_writes_done(&f.writes, &f.port)) == NULL) {
        struct pollfd p = {.fd = f.port.fd, .events = POLLIN};
        eventfd_t unused;
        assert_int_equal(poll(&p, 1, 10000), 1);
        assert_int_equal(eventfd_read(f.port.fd, &unused), 0);
    }
    enum selv_write_result result = w->result;
    *mid = w->mid;
    selv_writes_give(w);
    return result;
}

/* How many of count have this result. */
static unsigned results(unsigned count, enum selv_write_result want)
{
    unsigned n = 0;
    uint16_t mid;
    for (unsigned i = 0; i < count; i++) {
        n += done(&mid) == want;
    }
    return n;
}

static void test_writes_bounds(void **state)
{
    unsigned unproven = 0;
    unsigned mine = 0;
    unsigned all = 0;
    (void)state;
    open_writes(1000000);
    hold();
    /* Unproven, from networks without end: half of the places. */
    while (put(unproven, false, 1000 + unproven)) {
        unproven++;
    }
    assert_int_equal(unproven, SELV_WRITES_MAX / 2);
    /* One network: its share, proven or not. */
    while (put(1000 + mine, true, 7)) {
        mine++;
    }
    assert_int_equal(mine, SELV_WRITES_NETWORK_MAX);
    assert_false(put(1, true, 7));
    while (put(2000 + all, true, 100000 + all)) {
        all++;
    }
    assert_int_equal(unproven + mine + all, SELV_WRITES_MAX);
    let_go();
    assert_int_equal(results(SELV_WRITES_MAX, SELV_WRITE_DONE),
                     SELV_WRITES_MAX);
    assert_int_equal(f.records.device_count, SELV_WRITES_MAX);
    assert_true(put(1, true, 7));
    assert_int_equal(results(1, SELV_WRITE_DONE), 1);
    assert_int_equal(f.records.device_count, SELV_WRITES_MAX);
}

/* What was told is there after the process is gone; what is in the queue when
 * the server ends is written. */
static void test_writes_are_kept(void **state)
{
    uint16_t mid;
    (void)state;
    open_writes(1000000);
    hold();
    assert_true(put(1, true, 7));
    poll(NULL, 0, 20);
    assert_null(selv_writes_done(&f.writes, &f.port));
    let_go();
    assert_int_equal(done(&mid), SELV_WRITE_DONE);
    assert_int_equal(mid, 1);
    for (uint32_t i = 2; i < 40; i++) {
        assert_true(put(i, true, 7));
    }
    selv_writes_close(&f.writes);
    assert_int_equal(f.records.device_count, 39);
}

static void test_writes_new_devices(void **state)
{
    (void)state;
    open_writes(300);
    /* Unproven: so many, and then they are asked. */
    unsigned doubted = 0;
    for (uint32_t i = 0; i < SELV_WRITES_DOUBTED_MAX + 20; i++) {
        assert_true(put(i, false, i));
        doubted += results(1, SELV_WRITE_DOUBTED);
    }
    assert_in_range(doubted, 15, 20);
    assert_true(put(SELV_WRITES_DOUBTED_MAX + 20, true, 1));
    assert_int_equal(results(1, SELV_WRITE_DONE), 1);
    /* One that is there comes in, whoever says so. */
    assert_true(put(0, false, 5));
    assert_int_equal(results(1, SELV_WRITE_DONE), 1);
    /* In all. */
    unsigned limited = 0;
    for (uint32_t i = 1000; i < 1100; i++) {
        assert_true(put(i, true, i));
        limited += results(1, SELV_WRITE_LIMITED);
    }
    assert_int_equal(f.records.device_count, 300);
    assert_in_range(limited, 50, 60);
}

/* Of one network; the clock runs meanwhile. */
static void test_writes_network(void **state)
{
    unsigned limited = 0;
    (void)state;
    open_writes(1000000);
    assert_int_equal(
        sqlite3_exec(f.records.db.handle, "PRAGMA synchronous=OFF", 0, 0, 0),
        SQLITE_OK);
    for (uint32_t i = 0; i < SELV_WRITES_NEW_MAX + 64; i++) {
        assert_true(put(i, true, 7));
        limited += results(1, SELV_WRITE_LIMITED);
    }
    assert_in_range(limited, 1, 64);
    assert_true(put(1000000, true, 8));
    assert_int_equal(results(1, SELV_WRITE_DONE), 1);
}

static void test_writes_unproven_rate(void **state)
{
    unsigned n = 0;
    (void)state;
    open_writes(1);
    while (selv_writes_trusts(&f.writes, 1000)) {
        n++;
    }
    assert_in_range(n, 2 * SELV_WRITES_UNPROVEN - 1, 2 * SELV_WRITES_UNPROVEN);
    for (n = 0; selv_writes_trusts(&f.writes, 2000); n++) {
    }
    assert_in_range(n, SELV_WRITES_UNPROVEN - 1, SELV_WRITES_UNPROVEN);
    for (n = 0; selv_writes_looks_up(&f.writes, 2000); n++) {
    }
    assert_in_range(n, 2 * SELV_WRITES_LOOKUPS - 40, 2 * SELV_WRITES_LOOKUPS);
}

/* A database that takes nothing: told so, each of them. */
static void test_writes_fail(void **state)
{
    uint16_t mid;
    (void)state;
    open_writes(1000000);
    assert_int_equal(
        sqlite3_exec(f.records.db.handle, "PRAGMA query_only=ON", 0, 0, 0),
        SQLITE_OK);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(put(i, true, 7));
    }
    assert_int_equal(results(3, SELV_WRITE_FAILED), 3);
    assert_int_equal(
        sqlite3_exec(f.records.db.handle, "PRAGMA query_only=OFF", 0, 0, 0),
        SQLITE_OK);
    assert_true(put(1, true, 7));
    assert_int_equal(done(&mid), SELV_WRITE_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writes_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writes_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writes_new_devices, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_writes_network, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writes_unproven_rate, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_writes_fail, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
