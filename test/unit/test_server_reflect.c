/* SPDX-License-Identifier: Apache-2.0
 *
 * What is sent to addresses that may be forged (update/reflect.h), who is told
 * of releases (update/observers.h), and SipHash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those four first */
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "servers/update/observers.h"
#include "servers/update/reflect.h"

#define LONG 1060u  /* bytes of an answer */
#define BLOCK 1024u /* of the representation in it */
#define ASKED 80u   /* of its request */

static struct selv_reflect_all all;
static struct selv_reflect reflect;
static struct selv_coap_server engine;
static struct selv_observers observers;
static const uint8_t key[SELV_SIPHASH_KEY_LEN] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                  8, 9, 10, 11, 12, 13, 14, 15};

/* The published vectors for this key, message 0, 1, 2... */
static void test_siphash_vectors(void **state)
{
    (void)state;
    assert_int_equal(selv_siphash(key, selv_bytes(key, 0)),
                     UINT64_C(0x726fdb47dd0e0e31));
    assert_int_equal(selv_siphash(key, selv_bytes(key, 8)),
                     UINT64_C(0x93f5f5799a932462));
    assert_int_equal(selv_siphash(key, selv_bytes(key, 15)),
                     UINT64_C(0xa129ca6149be45e5));
}

/* ---- budgets ------------------------------------------------------------- */

static struct selv_coap_peer peer4(uint32_t address, uint16_t port)
{
    struct selv_coap_peer p = {.len = 6};
    selv_put_be32(p.addr, address);
    p.addr[4] = (uint8_t)(port >> 8);
    p.addr[5] = (uint8_t)port;
    return p;
}

/* A GET, with this Echo and Observe if there are any. */
static struct selv_coap_msg get(struct selv_bytes echo, bool observes,
                                uint8_t tag)
{
    static uint8_t bytes[4][64];
    static unsigned next;
    uint8_t *p = bytes[next++ % 4];
    struct selv_coap_writer w;
    struct selv_coap_msg m;
    size_t len = 0;
    selv_coap_write_begin(&w, p, 64, SELV_COAP_CON, SELV_COAP_GET, 7,
                          selv_bytes(&tag, 1));
    if (observes) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_OBSERVE, 0);
    }
    if (echo.len > 0) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_ECHO, echo);
    }
    assert_int_equal(selv_coap_write_end(&w, &len), SELV_OK);
    assert_int_equal(selv_coap_parse(selv_bytes(p, len), &m), SELV_OK);
    return m;
}

/* A block of an answer of len bytes, with rest bytes of the representation
 * behind it. */
static bool block(const struct selv_coap_peer *peer, uint64_t now_ms,
                  size_t len, uint64_t rest, bool is_first)
{
    struct selv_coap_msg rq = get(selv_bytes(NULL, 0), false, 1);
    struct selv_reflect_answer a = {ASKED, len, rest, BLOCK, is_first};
    return selv_reflect_allows(&reflect, now_ms, peer, &rq, &a);
}

/* An answer that is whole in itself. */
static bool allows(const struct selv_coap_peer *peer, uint64_t now_ms,
                   size_t len)
{
    return block(peer, now_ms, len, 0, false);
}

/* Bytes that go out in answers of LONG bytes until one is refused. */
static size_t spend(const struct selv_coap_peer *peer, uint64_t now_ms)
{
    size_t sum = 0;
    while (allows(peer, now_ms, LONG)) {
        sum += LONG;
    }
    return sum;
}

static void reset(uint32_t rate, bool has_loopback)
{
    selv_reflect_all_init(&all, key, rate, has_loopback);
    selv_reflect_init(&reflect, &all);
}

static void test_reflect_budget_of_a_network(void **state)
{
    struct selv_coap_peer a = peer4(0x0a000001, 5683);
    struct selv_coap_peer b = peer4(0x0a0000fe, 1000); /* same /24 */
    struct selv_coap_peer c = peer4(0x0a000101, 5683); /* another one */
    (void)state;
    reset(1000, false);
    size_t first = 0;
    while (block(&a, 1000, LONG, 0, true)) {
        first += LONG;
    }
    assert_in_range(first, 8000 - LONG, 8000);
    assert_false(block(&b, 1000, LONG, 0, true));
    size_t rest = spend(&b, 1000);
    assert_in_range(first + rest, 16000 - LONG, 16000);
    assert_false(allows(&a, 1000, LONG));
    /* What gains nobody anything always goes. */
    assert_true(allows(&a, 1000, 3 * ASKED));
    assert_true(allows(&a, 1000, SELV_REFLECT_SHORT));
    assert_false(allows(&a, 1000, 3 * ASKED + 1));
    assert_true(block(&c, 1000, LONG, 0, true));
    /* It fills up again, at its rate. */
    assert_in_range(spend(&a, 6000), 5000 - LONG, 5900);
    assert_in_range(spend(&a, 1000000), 16000 - LONG, 16000);
    /* Whatever the clock says. */
    for (uint64_t t = UINT64_C(1) << 33; t < UINT64_C(1) << 36;
         t += UINT64_C(1) << 33) {
        assert_in_range(spend(&a, t), 16000 - LONG, 16000);
        assert_false(allows(&b, t, LONG));
    }
}

/* Who was served the first block gets the rest, whatever others do in his
 * network; who cannot have it whole is asked at the first one. */
static void test_reflect_download_goes_on(void **state)
{
    enum { IMAGE = 300 * BLOCK, BLOCKS = 300 };
    struct selv_coap_peer a = peer4(0x0a000001, 5683);
    struct selv_coap_peer b = peer4(0x0a000002, 5683);
    struct selv_coap_peer c = peer4(0x0a000003, 5683);
    (void)state;
    reset(65536, false);
    for (unsigned i = 0; i < BLOCKS; i++) {
        assert_true(block(&a, 1000, LONG, IMAGE - (i + 1) * BLOCK, i == 0));
        if (i == 0) {
            assert_true(spend(&b, 1000) > 0); /* the rest of the budget */
            assert_false(allows(&b, 1000, LONG));
        }
    }
    /* An eighth of it may be lost and asked for again. */
    for (unsigned i = 0; i < BLOCKS / 8; i++) {
        assert_true(block(&a, 1000, LONG, BLOCK, false));
    }
    assert_false(block(&a, 1000, LONG, BLOCK, false));
    /* Half a budget, once: a second download is asked first. */
    reset(65536, false);
    assert_true(block(&a, 1000, LONG, IMAGE - BLOCK, true));
    assert_false(block(&b, 1000, LONG, IMAGE - BLOCK, true));
    /* From the middle on: whole, while it lasts, and then one by one. */
    assert_true(block(&b, 1000, LONG, IMAGE - BLOCK, false));
    assert_false(block(&c, 1000, LONG, IMAGE - BLOCK, true));
    /* More than any budget: asked at once, and only then. */
    reset(65536, false);
    assert_false(block(&a, 1000, LONG, UINT32_MAX, true));
    assert_true(block(&a, 1000, LONG, UINT32_MAX, false));
    /* No more in all than the budget, however many begin. */
    reset(1000, false);
    size_t sum = 0;
    for (unsigned i = 0; i < 5000; i++) {
        struct selv_coap_peer p = peer4(0x0a000001, (uint16_t)i);
        for (unsigned j = 0; j < 4; j++) {
            sum += block(&p, 1000, LONG, 5 * BLOCK, j == 0) ? LONG : 0;
        }
    }
    assert_in_range(sum, LONG, 16000);
}

static void test_reflect_ipv6_and_loopback(void **state)
{
    struct selv_coap_peer local = peer4(0x7f000001, 5683);
    struct selv_coap_peer six = {.len = 20, .addr = {0x20, 1, 0xd, 0xb8, 1, 2}};
    struct selv_coap_peer other;
    (void)state;
    reset(0, false);
    assert_true(block(&local, 1, LONG, 0, true));
    assert_false(allows(&six, 1, LONG));
    other = (struct selv_coap_peer){.len = 20, .addr = {[15] = 1}};
    assert_true(block(&other, 1, LONG, 0, true)); /* ::1 */
    reset(0, true);
    assert_false(allows(&local, 1, LONG));
    assert_false(allows(&other, 1, LONG));
    reset(1000, false);
    spend(&six, 1);
    other = six;
    other.addr[6] = 9; /* the same /48 */
    assert_false(allows(&other, 1, LONG));
    other.addr[5] = 9;
    assert_true(allows(&other, 1, LONG));
}

/* The Echo that a challenge for this address carries. */
static struct selv_bytes challenge(const struct selv_coap_peer *peer,
                                   uint64_t now_ms)
{
    static uint8_t bytes[SELV_COAP_REPLY_MAX];
    struct selv_buf out = {bytes, sizeof bytes, 0};
    struct selv_coap_msg rq = get(selv_bytes(NULL, 0), false, 1);
    struct selv_coap_msg reply;
    struct selv_bytes echo;
    selv_coap_echo_challenge(&reflect.echo, &engine, now_ms, peer, &rq, &out);
    assert_true(out.len <= SELV_REFLECT_SHORT);
    assert_int_equal(selv_coap_parse(selv_bytes(out.p, out.len), &reply),
                     SELV_OK);
    assert_true(selv_coap_opt_find(&reply, SELV_COAP_OPT_ECHO, &echo));
    return echo;
}

static void test_reflect_echo_frees(void **state)
{
    struct selv_coap_peer a = peer4(0x0a000001, 5683);
    struct selv_coap_peer b = peer4(0x0a000001, 5684);
    struct selv_coap_msg rq = get(selv_bytes(NULL, 0), false, 1);
    struct selv_reflect_answer answer = {ASKED, LONG, 1 << 30, BLOCK, true};
    (void)state;
    reset(0, false);
    selv_coap_server_init(&engine, NULL, 0, key);
    assert_true(selv_reflect_doubts(&reflect, 1000, &a, &rq));
    assert_false(selv_reflect_may_tell(&reflect, 1000, &a, 1));
    rq = get(challenge(&a, 1000), false, 1);
    /* Another port may be another's. */
    assert_false(selv_reflect_allows(&reflect, 2000, &b, &rq, &answer));
    assert_true(selv_reflect_allows(&reflect, 2000, &a, &rq, &answer));
    assert_true(selv_reflect_may_tell(&reflect, 2000, &a, 2000));
    for (uint64_t t = 2000; t < 602000; t += 1000) {
        assert_true(allows(&a, t, LONG));
        assert_int_equal(selv_coap_echo_is_waning(&reflect.echo, t, &a),
                         t > 302000);
    }
    assert_false(allows(&a, 602000, LONG));
    assert_false(selv_coap_echo_is_waning(&reflect.echo, 602000, &a));

    /* Renewed by any request that brings an Echo, that of a poll too. */
    rq = get(challenge(&a, 700000), false, 1);
    selv_reflect_note(&reflect, 701000, &a, &rq);
    assert_true(allows(&a, 1300000, LONG));
    uint8_t bytes[64];
    struct selv_coap_writer w;
    size_t len;
    selv_coap_write_begin(&w, bytes, sizeof bytes, SELV_COAP_CON, SELV_COAP_GET,
                          1, selv_bytes("t", 1));
    selv_coap_echo_write(&reflect.echo, 1300000, &a, &w);
    assert_int_equal(selv_coap_write_end(&w, &len), SELV_OK);
    assert_int_equal(selv_coap_parse(selv_bytes(bytes, len), &rq), SELV_OK);
    selv_reflect_note(&reflect, 1300500, &a, &rq);
    assert_true(allows(&a, 1900000, LONG));
    selv_reflect_note(&reflect, 1300500, &b, &rq);
    assert_false(allows(&b, 1300500, LONG));
}

/* A network that has used up its budget does not get a new one because many
 * others come; a download that is paid for is not forgotten for those that
 * are not. */
static void test_reflect_flood(void **state)
{
    struct selv_coap_peer victim = peer4(0x0a000001, 5683);
    struct selv_coap_peer going = peer4(0x0a000201, 5683);
    size_t sum = 0;
    (void)state;
    reset(1000, false);
    spend(&victim, 1000);
    assert_true(block(&going, 1000, LONG, 5 * BLOCK, true));
    for (uint32_t i = 0; i < 100000; i++) {
        struct selv_coap_peer p = peer4(0x0b000000 + (i << 8), 5683);
        sum += block(&p, 1000, LONG, 100 * BLOCK, i % 2 == 0) ? LONG : 0;
    }
    assert_true(sum > 0);
    assert_false(allows(&victim, 1000, LONG));
    for (unsigned i = 0; i < 5; i++) {
        assert_true(block(&going, 1000, LONG, 0, false));
    }
}

struct taker {
    pthread_t thread;
    unsigned taken;
    unsigned others;
};

static void *take_all(void *user)
{
    struct taker *t = user;
    for (unsigned i = 0; i < 100000; i++) {
        t->taken +=
            selv_budget_take(&all.bytes, 1000, 12345, 160, UINT64_C(16000000));
        t->others += selv_budget_take(&all.bytes, 1000, i, 160, 160);
    }
    return NULL;
}

/* Several loops use one budget. */
static void test_budget_is_shared(void **state)
{
    struct taker takers[4];
    unsigned sum = 0;
    (void)state;
    reset(1000, false);
    assert_true(
        selv_budget_take(&all.bytes, 1000, 12345, 160, UINT64_C(16000000)));
    memset(takers, 0, sizeof takers);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(
            pthread_create(&takers[i].thread, NULL, take_all, &takers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(takers[i].thread, NULL);
        sum += takers[i].taken;
    }
    assert_int_equal(sum, 100000 - 1);
}

/* ---- observers ----------------------------------------------------------- */

static struct selv_coap_observer *take(unsigned n, unsigned of_class,
                                       uint64_t now_ms)
{
    struct selv_coap_peer p = peer4(0x0a000000 + n, 5683);
    struct selv_coap_msg rq = get(selv_bytes(NULL, 0), true, 1);
    struct selv_newest newest;
    uint8_t id[8] = {0};
    memset(&newest, 0, sizeof newest);
    selv_put_be32(newest.class_id, of_class);
    selv_put_be32(id, n);
    return selv_observers_take(&observers, now_ms, &p, &rq, id, &newest);
}

static void test_observers_classes(void **state)
{
    (void)state;
    selv_coap_server_init(&engine, NULL, 0, key);
    selv_observers_init(&observers, &engine);
    struct selv_coap_observer *first = take(0, 0, 1000);
    assert_non_null(first);
    for (unsigned i = 1; i < SELV_OBSERVERS_CLASSES_MAX; i++) {
        assert_non_null(take(i, i, 1000));
    }
    assert_null(take(1000, 1000, 2000)); /* no place for its class */
    assert_non_null(take(1001, 5, 2000));
    selv_coap_observe_drop(first);
    assert_null(take(1000, 1000, 2500)); /* not looked for at each request */
    assert_non_null(take(1000, 1000, 3000));
    assert_null(take(0, 0, 5000));
    assert_int_equal(
        selv_get_be32(selv_observers_id(&observers, take(1000, 1000, 3000))),
        1000);
}

/* More observers than places: bounded, and those that are in are told. */
static void test_observers_flood_and_publish(void **state)
{
    char folder[] = "/tmp/selvage-observers.XXXXXX";
    char text[96];
    struct selv_records records;
    struct selv_coap_observer *o;
    uint64_t until_ms;
    unsigned told = 0;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(text, sizeof text, "%s/db", folder);
    memset(&records, 0, sizeof records);
    assert_int_equal(selv_records_open(&records, text), SELV_DB_OK);
    selv_coap_server_init(&engine, NULL, 0, key);
    selv_observers_init(&observers, &engine);
    for (unsigned i = 0; i < 3 * SELV_OBSERVERS_MAX; i++) {
        (void)take(i, 7, 1000);
    }
    uint32_t count = selv_coap_observe_count(&observers.list);
    assert_in_range(count, SELV_OBSERVERS_MAX / 2, SELV_OBSERVERS_MAX);
    assert_int_equal(selv_observers_look(&observers, 1000, &records),
                     SELV_DB_OK);
    assert_int_equal(
        selv_coap_observe_poll(&observers.list, 1000, &until_ms, &o),
        SELV_COAP_OBSERVE_WAIT);
    struct selv_release r;
    memset(&r, 0, sizeof r);
    selv_put_be32(r.class_id, 7);
    r.envelope[0] = 1;
    r.sequence_number = 1;
    assert_int_equal(selv_records_release_add(&records, &r), SELV_DB_OK);
    assert_int_equal(selv_observers_look(&observers, 1000, &records),
                     SELV_DB_OK);
    /* Paced: not all of them at once. */
    uint64_t now_ms = 1000;
    unsigned at_once = 0;
    while (now_ms < 1000 + count + 10) {
        enum selv_coap_observe_action a =
            selv_coap_observe_poll(&observers.list, now_ms, &until_ms, &o);
        if (a == SELV_COAP_OBSERVE_NOTIFY) {
            uint8_t bytes[64];
            struct selv_buf out = {bytes, sizeof bytes, 0};
            struct selv_coap_writer w;
            told += o->tries == 0;
            at_once += now_ms < 1100;
            selv_coap_observe_begin(&observers.list, o, SELV_COAP_CONTENT, &out,
                                    &w);
            assert_int_equal(
                selv_coap_observe_end(&observers.list, now_ms, o, &w, &out),
                SELV_OK);
        } else {
            now_ms++;
        }
    }
    assert_int_equal(told, count);
    assert_in_range(at_once, 1, 300);
    assert_int_equal(selv_observers_look(&observers, now_ms, &records),
                     SELV_DB_OK);
    selv_records_close(&records);
    snprintf(text, sizeof text, "rm -rf '%s'", folder);
    assert_int_equal(system(text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_vectors),
        cmocka_unit_test(test_reflect_budget_of_a_network),
        cmocka_unit_test(test_reflect_download_goes_on),
        cmocka_unit_test(test_budget_is_shared),
        cmocka_unit_test(test_reflect_ipv6_and_loopback),
        cmocka_unit_test(test_reflect_echo_frees),
        cmocka_unit_test(test_reflect_flood),
        cmocka_unit_test(test_observers_classes),
        cmocka_unit_test(test_observers_flood_and_publish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
