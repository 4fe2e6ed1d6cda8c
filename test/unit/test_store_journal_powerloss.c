/* SPDX-License-Identifier: Apache-2.0
 *
 * Every flash operation of a long run of journal and log writes is cut in
 * every way, on every geometry; then the writing goes on, and is cut again.
 * After each cut a reader finds the record before or the one being written,
 * and a device that wrote a record is never taken for a new one. */
#include "store_fixture.h"

#include "crypto/crypto.h"
#include "store/journal.h"

/* Records that fill both sectors and begin the third. */
static unsigned record_count(const struct device *d)
{
    unsigned unit = d->geometry->write_unit;
    unsigned places =
        d->geometry->sector_len / ((156 + unit - 1) / unit * unit);
    return places > 6 ? 4 : 3 * places + 2;
}

/* One or the other of the two logs, behind the same two calls. The n-th
 * record carries n. */
struct subject {
    const char *name;
    enum selv_err (*write)(struct device *d, unsigned n);
    enum selv_err (*read)(struct device *d, unsigned *n);
};

static enum selv_err journal_write(struct device *d, unsigned n)
{
    struct selv_journal newest, j = {.accepted = n, .floor = n};
    (void)!selv_journal_read(&d->v.flash, &d->layout, &newest);
    j.serial = newest.serial;
    memset(j.current_digest, (int)n, 32);
    return selv_journal_write(&d->v.flash, &d->layout, &j);
}

static enum selv_err journal_read(struct device *d, unsigned *n)
{
    struct selv_journal j;
    enum selv_err err = selv_journal_read(&d->v.flash, &d->layout, &j);
    *n = err ? 0 : (unsigned)j.accepted;
    return err;
}

static enum selv_err log_write(struct device *d, unsigned n)
{
    struct selv_log log = {.state = SELV_LOG_DOWNLOADING, .progress = n};
    return selv_log_write(&d->v.flash, &d->layout, &log);
}

static enum selv_err log_read(struct device *d, unsigned *n)
{
    struct selv_log log;
    enum selv_err err = selv_log_read(&d->v.flash, &d->layout, &log);
    *n = err ? 0 : (unsigned)log.progress;
    return err;
}

static const struct subject subjects[] = {
    {"journal", journal_write, journal_read},
    {"log", log_write, log_read},
};

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fail_msg("%s %s: cut op %u way %u, then way %u: %s", s->name,      \
                     d->geometry->name, op, way, way_2, #condition);           \
        }                                                                      \
    } while (0)

/* Write records from *done + 1 on until the cut or the end. */
static void write_until_cut(struct device *d, const struct subject *s,
                            unsigned *done, unsigned last)
{
    while (*done < last && s->write(d, *done + 1) == SELV_OK) {
        ++*done;
    }
}

/* Cut operation op of the whole run in one way; read; write again, cut in
 * the first operation in another way; read; write on to the end. */
static void run_case(struct device *d, const struct subject *s, uint32_t op,
                     uint32_t way, uint32_t way_2)
{
    unsigned done = 0, got, last = record_count(d);
    selv_vflash_blank(&d->v, 0, d->v.flash.size);
    selv_vflash_power_on(&d->v);
    d->v.seed = op * 977 + way;
    d->v.cut_op = op;
    d->v.cut_way = way;
    write_until_cut(d, s, &done, last);
    CHECK(d->v.is_off);

    for (int round = 0; round < 2; round++) {
        selv_vflash_power_on(&d->v);
        enum selv_err err = s->read(d, &got);
        CHECK(err == (got == 0 ? SELV_ERR_STORE_EMPTY : SELV_OK));
        CHECK(got == done || got == done + 1);
        done = got;
        if (round == 0) {
            d->v.cut_op = 0;
            d->v.cut_way = way_2;
            write_until_cut(d, s, &done, done + 1);
        }
    }
    write_until_cut(d, s, &done, last + 2);
    CHECK(done == last + 2);
    CHECK(s->read(d, &got) == SELV_OK && got == done);
    CHECK(d->v.violation_count == 0);
}

static void sweep(struct device *d, const struct subject *s)
{
    struct op_list ops = {0};
    unsigned done = 0;
    uint32_t case_count = 0;
    d->v.on_op = op_list_add;
    d->v.on_op_arg = &ops;
    write_until_cut(d, s, &done, record_count(d));
    assert_int_equal(done, record_count(d));
    d->v.on_op = NULL;
    assert_true(ops.count > done);
    for (uint32_t op = 0; op < ops.count; op++) {
        for (uint32_t way = 0; way < ops.ways[op]; way++) {
            run_case(d, s, op, way, (way * 7 + op) % 10);
            case_count++;
        }
    }
    print_message("%s %s: %u operations, %u cuts\n", s->name, d->geometry->name,
                  (unsigned)ops.count, (unsigned)case_count);
}

static void test_store_journal_powerloss(void **state)
{
    (void)state;
    for (size_t i = 0; i < selv_geometry_count; i++) {
        struct device d;
        device_open(&d, &selv_geometries[i]);
        sweep(&d, &subjects[0]);
        device_close(&d);
    }
}

static void test_store_log_powerloss(void **state)
{
    (void)state;
    for (size_t i = 0; i < selv_geometry_count; i++) {
        struct device d;
        device_open(&d, &selv_geometries[i]);
        sweep(&d, &subjects[1]);
        device_close(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_journal_powerloss),
        cmocka_unit_test(test_store_log_powerloss),
    };
    return selv_crypto_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
