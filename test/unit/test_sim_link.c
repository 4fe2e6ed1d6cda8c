/* SPDX-License-Identifier: Apache-2.0
 *
 * The link in virtual time, to the microsecond: sending, queues, frames, duty
 * cycle, sleep, addresses. What is left to chance is in
 * test_sim_link_chance.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "sim/link.h"

#define UP SIM_LINK_UP
#define DOWN SIM_LINK_DOWN
#define START 7000000u /* no run begins at 0 */

static uint8_t content[70000];

static struct sim_link *link_of(const char *text)
{
    struct sim_link_config config;
    char why[SIM_LINK_WHY_LEN];
    if (!sim_link_parse(text, &config, why)) {
        fail_msg("%s: %s", text, why);
    }
    struct sim_link *l = sim_link_new(&config, 1, START);
    assert_non_null(l);
    return l;
}

static void put(struct sim_link *l, enum sim_link_direction d, uint32_t flow,
                size_t len, uint64_t us)
{
    sim_link_put(l, d, flow, selv_bytes(content, len), START + us);
}

/* Exactly then, and not a microsecond before, a datagram arrives. */
static void expect(struct sim_link *l, enum sim_link_direction d, uint32_t flow,
                   uint64_t us)
{
    struct sim_link_datagram got;
    assert_false(sim_link_take(l, d, START + us - 1, &got));
    if (!sim_link_take(l, d, START + us, &got)) {
        fail_msg("nothing at %u us; next at %u", (unsigned)us,
                 (unsigned)(sim_link_next(l, START + us) - START));
    }
    assert_int_equal(got.flow, flow);
}

/* Runs to the end, takes all of it; the instant of the last arrival. */
static uint64_t drain(struct sim_link *l, uint64_t us, uint32_t count[2])
{
    struct sim_link_datagram got;
    uint64_t last = 0;
    uint64_t now = START + us;
    count[0] = count[1] = 0;
    while ((now = sim_link_next(l, now)) != UINT64_MAX) {
        for (int d = 0; d < 2; d++) {
            while (sim_link_take(l, (enum sim_link_direction)d, now, &got)) {
                count[d]++;
                last = now - START;
            }
        }
    }
    return last;
}

static uint64_t lost(const struct sim_link *l, enum sim_link_direction d,
                     enum sim_link_cause cause)
{
    return sim_link_stats(l, d)->lost_count[cause];
}

/* ---- sending ------------------------------------------------------------ */

static void test_sim_link_instants(void **state)
{
    (void)state;
    /* 100 wire bytes at 250 kbit/s are 3.2 ms. */
    struct sim_link *l = link_of("rate=250k,rtt=100ms");
    put(l, UP, 1, 72, 0);
    put(l, UP, 2, 72, 1000);
    put(l, DOWN, 3, 222, 1000);
    expect(l, UP, 1, 53200);
    expect(l, UP, 2, 56400);
    expect(l, DOWN, 3, 59000);
    /* The link was idle: it begins at once. */
    put(l, UP, 4, 0, 100000);
    expect(l, UP, 4, 100000 + 28 * 32 + 50000);
    const struct sim_link_stats *s = sim_link_stats(l, UP);
    assert_int_equal(s->put_count, 3);
    assert_int_equal(s->put_len, 144);
    assert_int_equal(s->taken_count, 3);
    assert_int_equal(s->wire_len, 144 + 3 * 28);
    assert_int_equal(s->air_us, (144 + 3 * 28) * 32);
    assert_int_equal(s->held_count, 0);
    sim_link_free(l);
    sim_link_free(NULL);
}

static void test_sim_link_bytes_are_kept(void **state)
{
    (void)state;
    struct sim_link *l = link_of("rate=1M,header=48");
    struct sim_link_datagram got;
    uint8_t mine[3] = {1, 2, 3};
    sim_link_put(l, DOWN, 9, selv_bytes(mine, 3), START);
    memset(mine, 0xee, sizeof mine);
    assert_int_equal(sim_link_next(l, START), START + 51 * 8);
    assert_true(sim_link_take(l, DOWN, START + 408, &got));
    assert_int_equal(got.bytes.len, 3);
    assert_memory_equal(got.bytes.p, "\1\2\3", 3);
    assert_false(sim_link_take(l, UP, START + 408, &got));
    assert_int_equal(sim_link_next(l, START + 408), UINT64_MAX);
    sim_link_free(l);
}

/* 800 bits at 300 kbit/s are 2666 2/3 us: no third is lost on the way. */
static void test_sim_link_rounding_is_carried(void **state)
{
    (void)state;
    struct sim_link *l = link_of("rate=300k,queue=1M");
    uint32_t count[2];
    for (uint32_t i = 0; i < 3000; i++) {
        put(l, UP, i, 72, 0);
    }
    assert_int_equal(drain(l, 0, count), 8000000);
    assert_int_equal(count[UP], 3000);
    sim_link_free(l);
}

static void test_sim_link_without_rate(void **state)
{
    (void)state;
    struct sim_link *l = link_of("delay=5ms/7ms");
    put(l, UP, 1, 1000, 0);
    put(l, UP, 2, 1000, 0);
    put(l, DOWN, 3, 1000, 0);
    expect(l, UP, 1, 5000);
    struct sim_link_datagram got;
    assert_true(sim_link_take(l, UP, START + 5000, &got));
    expect(l, DOWN, 3, 7000);
    sim_link_free(l);
}

static void test_sim_link_queue(void **state)
{
    (void)state;
    /* One is on its turn, 250 bytes wait: two of 100, not a third. */
    struct sim_link *l = link_of("rate=250k,queue=250");
    for (uint32_t i = 0; i < 5; i++) {
        put(l, UP, i, 72, 0);
    }
    assert_int_equal(lost(l, UP, SIM_LINK_LOST_QUEUE), 2);
    assert_int_equal(sim_link_stats(l, UP)->queue_max, 200);
    put(l, UP, 9, 22, 0); /* 50 bytes do fit */
    expect(l, UP, 0, 3200);
    put(l, UP, 10, 72, 3200);
    uint32_t count[2];
    drain(l, 3200, count);
    assert_int_equal(count[UP], 4);
    assert_int_equal(sim_link_stats(l, UP)->queue_max, 250);
    sim_link_free(l);
    /* Without a queue one datagram at a time gets through. */
    l = link_of("rate=250k,queue=0");
    put(l, UP, 1, 72, 0);
    put(l, UP, 2, 72, 3199);
    put(l, UP, 3, 72, 3200);
    drain(l, 3200, count);
    assert_int_equal(count[UP], 2);
    sim_link_free(l);
}

static void test_sim_link_held_is_bounded(void **state)
{
    (void)state;
    struct sim_link *l = link_of("delay=1s");
    for (uint32_t i = 0; i < SIM_LINK_HELD_MAX + 5; i++) {
        put(l, i % 2 ? UP : DOWN, i, 1, 0);
    }
    assert_int_equal(
        lost(l, UP, SIM_LINK_LOST_HELD) + lost(l, DOWN, SIM_LINK_LOST_HELD), 5);
    sim_link_free(l);
    l = link_of("delay=1s");
    for (uint32_t i = 0; i < 1200; i++) {
        put(l, UP, i, 65507, 0);
    }
    assert_int_equal(lost(l, UP, SIM_LINK_LOST_HELD),
                     1200 - SIM_LINK_HELD_LEN_MAX / 65507);
    put(l, UP, 1, 65508, 0);
    assert_int_equal(lost(l, UP, SIM_LINK_LOST_LONG), 1);
    sim_link_free(l);
}

static void test_sim_link_half_duplex(void **state)
{
    (void)state;
    /* One medium: in the order of put, whatever the direction. */
    struct sim_link *l = link_of("rate=250k,half-duplex=on");
    put(l, UP, 1, 72, 0);
    put(l, DOWN, 2, 72, 0);
    put(l, UP, 3, 72, 0);
    put(l, DOWN, 4, 72, 0);
    expect(l, UP, 1, 3200);
    expect(l, DOWN, 2, 6400);
    expect(l, UP, 3, 9600);
    expect(l, DOWN, 4, 12800);
    put(l, DOWN, 5, 72, 20000);
    expect(l, DOWN, 5, 23200);
    sim_link_free(l);
}

/* ---- frames ------------------------------------------------------------- */

static void check_cut(const char *text, size_t len, uint32_t frames,
                      uint32_t wire_len)
{
    struct sim_link_config config;
    char why[SIM_LINK_WHY_LEN];
    uint32_t got;
    assert_true(sim_link_parse(text, &config, why));
    uint32_t got_len = sim_link_wire_len(&config, len, &got);
    if (got != frames || got_len != wire_len) {
        fail_msg("%s: %zu bytes are %u bytes in %u frames", text, len,
                 (unsigned)got_len, (unsigned)got);
    }
}

static void test_sim_link_mtu(void **state)
{
    (void)state;
    check_cut("mtu=127", 99, 1, 127);
    check_cut("mtu=127", 100, 0, 0);
    check_cut("header=48,mtu=1280", 1232, 1, 1280);
    check_cut("header=48,mtu=1280", 1233, 0, 0);
    /* IPv4: 1501 bytes become 20 + 1480 and 20 + 1. */
    check_cut("mtu=1500,long=fragment", 1472, 1, 1500);
    check_cut("mtu=1500,long=fragment", 1473, 2, 1521);
    /* Of 127 bytes 20 are header, 104 a multiple of 8, the last may have 107:
     * 8 + 1024 bytes are 9 * 104 + 96. */
    check_cut("mtu=127,long=fragment", 1024, 10, 1032 + 10 * 20);
    check_cut("mtu=127,long=fragment", 99 + 8 + 104, 3, 219 + 60);
    check_cut("mtu=127,long=fragment", 203, 2, 211 + 40);
    check_cut("mtu=127,long=fragment", 204, 3, 212 + 60);
    /* IPv6: 40 and 8 in each: 79 bytes are left, 72 of them a multiple. */
    check_cut("mtu=127,header=48,long=fragment", 80, 2, 88 + 2 * 48);
    check_cut("mtu=1280,header=48,long=fragment", 1233, 2, 1241 + 2 * 48);
    check_cut("header=0", 0, 1, 0);
    check_cut("header=0", 65507, 1, 65507);
    check_cut("header=0", 65508, 0, 0);

    /* A fragment takes its own time, and the datagram comes with the last. */
    struct sim_link *l = link_of("rate=250k,mtu=127,long=fragment");
    put(l, UP, 1, 203, 0);
    expect(l, UP, 1, 251 * 32);
    assert_int_equal(sim_link_stats(l, UP)->frame_count, 2);
    sim_link_free(l);
    l = link_of("mtu=1280,header=48");
    put(l, UP, 1, 1233, 0);
    assert_int_equal(lost(l, UP, SIM_LINK_LOST_LONG), 1);
    assert_int_equal(sim_link_stats(l, UP)->put_count, 1);
    sim_link_free(l);
}

/* PHY 6, MAC 15, IPHC and NHC 10: a block of 64 bytes with 13 of CoAP is 108
 * bytes and 3.5 ms; 1024 bytes are 11 fragments. */
static void test_sim_link_6lowpan(void **state)
{
    (void)state;
    check_cut("802.15.4", 13 + 64, 1, 108);
    check_cut("802.15.4", 16, 1, 47);
    check_cut("802.15.4", 102, 1, 133);
    /* 103 do not fit: 96 in the first (48 + 96 is a multiple of 8), 7 in the
     * second. */
    check_cut("802.15.4", 103, 2, 21 + 4 + 10 + 96 + 21 + 5 + 7);
    check_cut("802.15.4", 96 + 107, 2, 21 + 4 + 10 + 96 + 21 + 5 + 107);
    check_cut("802.15.4", 96 + 108, 3,
              21 + 4 + 10 + 96 + 2 * (21 + 5) + 104 + 4);
    check_cut("802.15.4", 13 + 1024, 11, 11 * 21 + 4 + 10 * 5 + 10 + 13 + 1024);
    check_cut("802.15.4", 1232, 12, 12 * 21 + 4 + 11 * 5 + 10 + 1232);
    check_cut("802.15.4", 1233, 0, 0);
    check_cut("802.15.4,mtu=0", 1999, 20, 20 * 21 + 4 + 19 * 5 + 10 + 1999);
    check_cut("802.15.4,mtu=0", 2000, 0, 0); /* 11 bits [RFC 4944 5.3] */

    /* Without CSMA: frame, turn and ACK, exactly. */
    struct sim_link *l = link_of("802.15.4,csma=off");
    put(l, DOWN, 1, 77, 0);
    put(l, DOWN, 2, 103, 0);
    expect(l, DOWN, 1, 3456);
    uint64_t first = 3456 + 192 + 352;
    expect(l, DOWN, 2, first + 131 * 32 + 192 + 352 + 33 * 32);
    assert_int_equal(sim_link_stats(l, DOWN)->frame_count, 3);
    assert_int_equal(sim_link_stats(l, DOWN)->wire_len,
                     108 + 131 + 33 + 3 * 11);
    sim_link_free(l);
}

/* A request and a block of 64 bytes, one after the other, 1600 times: the
 * figure is 8.5 ms each, from back-off, frames and ACKs of 1.25, 3.5, 1.5 and
 * 0.6 ms. */
static void test_sim_link_6lowpan_rate(void **state)
{
    (void)state;
    struct sim_link *l = link_of("802.15.4");
    struct sim_link_datagram got;
    uint64_t now = START;
    for (uint32_t i = 0; i < 1600; i++) {
        sim_link_put(l, UP, 0, selv_bytes(content, 16), now);
        do {
            now = sim_link_next(l, now);
        } while (!sim_link_take(l, UP, now, &got));
        sim_link_put(l, DOWN, 0, selv_bytes(content, 77), now);
        do {
            now = sim_link_next(l, now);
        } while (!sim_link_take(l, DOWN, now, &got));
    }
    double each_ms = (double)(now - START) / 1600e3;
    print_message("802.15.4: %.2f ms for a block of 64 bytes\n", each_ms);
    assert_true(each_ms > 8.5 && each_ms < 8.8);
    sim_link_free(l);
}

/* Every frame is lost: the sender tries 1 + 3 times, and only then the second
 * datagram; fragments after a lost one are not sent. */
static void test_sim_link_retries(void **state)
{
    (void)state;
    struct sim_link *l = link_of("802.15.4,csma=off,loss=100%");
    uint32_t count[2];
    put(l, UP, 1, 103, 0);
    put(l, UP, 2, 77, 0);
    drain(l, 0, count);
    const struct sim_link_stats *s = sim_link_stats(l, UP);
    assert_int_equal(count[UP], 0);
    assert_int_equal(s->frame_count, 8);
    assert_int_equal(s->retry_count, 6);
    assert_int_equal(s->frame_lost, 8);
    assert_int_equal(s->wire_len, 4 * (131 + 108));
    assert_int_equal(lost(l, UP, SIM_LINK_LOST_CHANCE), 2);
    assert_int_equal(s->held_count, 0);
    sim_link_free(l);
    /* Without ACKs nobody knows, and the second fragment is sent for nothing.
     */
    l = link_of("802.15.4,csma=off,loss=100%,retries=0,ack=0");
    put(l, UP, 1, 103, 0);
    drain(l, 0, count);
    assert_int_equal(sim_link_stats(l, UP)->frame_count, 2);
    assert_int_equal(lost(l, UP, SIM_LINK_LOST_CHANCE), 1);
    sim_link_free(l);
}

/* ---- when a frame may begin ---------------------------------------------- */

static void test_sim_link_duty(void **state)
{
    (void)state;
    /* 3.2 ms each, 1 %: one every 320 ms. */
    struct sim_link *l = link_of("rate=250k,duty=1%/100%");
    for (uint32_t i = 0; i < 3; i++) {
        put(l, UP, i, 72, 0);
        put(l, DOWN, i, 72, 0);
    }
    expect(l, UP, 0, 3200);
    expect(l, UP, 1, 323200);
    expect(l, UP, 2, 643200);
    struct sim_link_datagram got;
    for (int i = 0; i < 3; i++) {
        assert_true(sim_link_take(l, DOWN, START + 643200, &got));
    }
    /* Silence is not saved up. */
    put(l, UP, 3, 72, 9000000);
    put(l, UP, 4, 72, 9000000);
    expect(l, UP, 3, 9003200);
    expect(l, UP, 4, 9323200);
    sim_link_free(l);
    /* With a window of 1 s it is: 10 ms of air time are three frames. */
    l = link_of("rate=250k,duty=1%,duty-window=1s");
    for (uint32_t i = 0; i < 5; i++) {
        put(l, UP, i, 72, 0);
    }
    expect(l, UP, 0, 3200);
    expect(l, UP, 1, 6400);
    expect(l, UP, 2, 9600);
    expect(l, UP, 3, 280000 + 3200); /* 0.4 ms were left */
    expect(l, UP, 4, 600000 + 3200);
    sim_link_free(l);
}

static void test_sim_link_sleep(void **state)
{
    (void)state;
    struct sim_link *l = link_of("rate=250k,sleep=1s,awake=10ms,"
                                 "awake-after=50ms,sleep-buffer=2");
    struct sim_link_datagram got;
    put(l, DOWN, 1, 72, 5000);
    expect(l, DOWN, 1, 8200); /* it listens */
    put(l, DOWN, 2, 72, 10000);
    put(l, DOWN, 3, 72, 20000);
    put(l, DOWN, 4, 72, 30000);
    assert_int_equal(lost(l, DOWN, SIM_LINK_LOST_SLEEP), 1);
    expect(l, DOWN, 2, 1003200);
    expect(l, DOWN, 3, 1006400);
    /* What it sends wakes it up. */
    put(l, DOWN, 5, 72, 1100000);
    put(l, UP, 6, 72, 1200000);
    expect(l, UP, 6, 1203200);
    expect(l, DOWN, 5, 1206400);
    put(l, DOWN, 7, 72, 1253199);
    put(l, DOWN, 8, 72, 1253200);
    expect(l, DOWN, 7, 1253199 + 3200);
    assert_false(sim_link_take(l, DOWN, START + 2003199, &got));
    expect(l, DOWN, 8, 2003200);
    sim_link_free(l);
    /* Only after it has sent, and with no parent. */
    l = link_of("rate=250k,awake-after=50ms");
    put(l, DOWN, 1, 72, 0);
    assert_int_equal(lost(l, DOWN, SIM_LINK_LOST_SLEEP), 1);
    put(l, UP, 2, 72, 0);
    expect(l, UP, 2, 3200);
    put(l, DOWN, 3, 72, 53199);
    expect(l, DOWN, 3, 56399);
    sim_link_free(l);
}

/* ---- instants ----------------------------------------------------------- */

static void test_sim_link_outage(void **state)
{
    (void)state;
    struct sim_link *l = link_of("rate=250k,delay=50ms,outage-at=1s,outage=2s");
    put(l, UP, 1, 72, 996799); /* its last bit leaves in time */
    put(l, UP, 2, 72, 999999); /* this one's does not */
    expect(l, UP, 1, 1049999);
    put(l, UP, 3, 72, 2996799); /* nor this one's */
    put(l, UP, 4, 72, 2999999);
    expect(l, UP, 4, 3053199);
    assert_int_equal(lost(l, UP, SIM_LINK_LOST_OUTAGE), 2);
    sim_link_free(l);
}

static void test_sim_link_set(void **state)
{
    (void)state;
    struct sim_link *l = link_of("rate=250k");
    struct sim_link_config config;
    char why[SIM_LINK_WHY_LEN];
    put(l, UP, 1, 72, 0);
    put(l, UP, 2, 72, 0);
    put(l, UP, 3, 72, 0);
    assert_true(sim_link_parse("rate=25k,delay=1ms", &config, why));
    assert_true(sim_link_set(l, &config, START + 1000));
    /* The frame that had begun goes on as it was. */
    expect(l, UP, 1, 3200 + 1000);
    expect(l, UP, 2, 3200 + 32000 + 1000);
    config.way[0].rate_bps = 100000;
    assert_true(sim_link_set(l, &config, START + 36200));
    expect(l, UP, 3, 3200 + 64000 + 1000);
    put(l, UP, 4, 72, 100000);
    expect(l, UP, 4, 100000 + 8000 + 1000);
    config.way[0].loss_ppm = 1000001;
    assert_false(sim_link_set(l, &config, START + 200000));
    assert_null(sim_link_new(&config, 1, 0));
    sim_link_free(l);
}

/* A reply goes to the address that the far end saw last. */
static void test_sim_link_rebind(void **state)
{
    (void)state;
    struct sim_link_datagram got;
    struct sim_link *l = link_of("rtt=100ms,rebind-at=1s");
    put(l, UP, 1, 10, 0);
    put(l, UP, 2, 10, 949999);
    put(l, UP, 3, 10, 950000);
    assert_true(sim_link_take(l, UP, START + 950000, &got));
    assert_int_equal(got.address, 0);
    put(l, DOWN, 4, 10, 999999); /* through in time, arrives all the same */
    assert_true(sim_link_take(l, UP, START + 999999, &got));
    put(l, DOWN, 5, 10, 1000000);
    assert_int_equal(lost(l, DOWN, SIM_LINK_LOST_REBIND), 1);
    assert_true(sim_link_take(l, UP, START + 1000000, &got));
    assert_int_equal(got.address, 1);
    put(l, DOWN, 6, 10, 1000000);
    sim_link_put_to(l, 7, 0, selv_bytes(content, 10), START + 1000000);
    assert_int_equal(lost(l, DOWN, SIM_LINK_LOST_REBIND), 2);
    expect(l, DOWN, 4, 1049999);
    expect(l, DOWN, 6, 1050000);
    sim_link_rebind(l, START + 2000000);
    put(l, DOWN, 8, 10, 2000000);
    assert_int_equal(lost(l, DOWN, SIM_LINK_LOST_REBIND), 3);
    assert_int_equal(sim_link_stats(l, UP)->rebind_count, 2);
    sim_link_free(l);
}

static void test_sim_link_rebind_idle(void **state)
{
    (void)state;
    struct sim_link_datagram got;
    struct sim_link *l = link_of("rebind-idle=30s");
    put(l, UP, 1, 10, 0);
    assert_true(sim_link_take(l, UP, START, &got));
    /* What comes DOWN does not keep it open [RFC 4787 4.3]. */
    put(l, DOWN, 2, 10, 20000000);
    put(l, DOWN, 3, 10, 29999999);
    put(l, DOWN, 4, 10, 30000000);
    assert_int_equal(lost(l, DOWN, SIM_LINK_LOST_REBIND), 1);
    put(l, UP, 5, 10, 300000000); /* one silence, one change */
    assert_true(sim_link_take(l, UP, START + 300000000, &got));
    assert_int_equal(got.address, 1);
    put(l, UP, 6, 10, 329999999);
    assert_true(sim_link_take(l, UP, START + 329999999, &got));
    assert_int_equal(got.address, 1);
    put(l, DOWN, 7, 10, 329999999);
    assert_int_equal(lost(l, DOWN, SIM_LINK_LOST_REBIND), 1);
    sim_link_free(l);
    l = link_of("rebind-every=10s");
    for (uint32_t i = 0; i < 4; i++) {
        put(l, UP, i, 10, i * 10000000);
        assert_true(sim_link_take(l, UP, START + i * 10000000, &got));
        assert_int_equal(got.address, i);
    }
    sim_link_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_link_instants),
        cmocka_unit_test(test_sim_link_bytes_are_kept),
        cmocka_unit_test(test_sim_link_rounding_is_carried),
        cmocka_unit_test(test_sim_link_without_rate),
        cmocka_unit_test(test_sim_link_queue),
        cmocka_unit_test(test_sim_link_held_is_bounded),
        cmocka_unit_test(test_sim_link_half_duplex),
        cmocka_unit_test(test_sim_link_mtu),
        cmocka_unit_test(test_sim_link_6lowpan),
        cmocka_unit_test(test_sim_link_6lowpan_rate),
        cmocka_unit_test(test_sim_link_retries),
        cmocka_unit_test(test_sim_link_duty),
        cmocka_unit_test(test_sim_link_sleep),
        cmocka_unit_test(test_sim_link_outage),
        cmocka_unit_test(test_sim_link_set),
        cmocka_unit_test(test_sim_link_rebind),
        cmocka_unit_test(test_sim_link_rebind_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
