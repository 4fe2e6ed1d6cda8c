/* SPDX-License-Identifier: Apache-2.0
 *
 * What the link leaves to chance: its statistics for many seeds, that a seed
 * is a run, and that no datagram is ever gone without a cause. Each seed gives
 * the same on every machine, so that bounds can be tight. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "sim/link.h"

#define UP SIM_LINK_UP
#define DOWN SIM_LINK_DOWN
#define COUNT 20000u
#define SEEDS 12u

static uint8_t content[2000];

static struct sim_link *link_of(const char *text, uint64_t seed)
{
    struct sim_link_config config;
    char why[SIM_LINK_WHY_LEN];
    if (!sim_link_parse(text, &config, why)) {
        fail_msg("%s: %s", text, why);
    }
    struct sim_link *l = sim_link_new(&config, seed, 0);
    assert_non_null(l);
    return l;
}

/* What became of COUNT datagrams, one each second, by number. */
struct fate {
    uint32_t copies[COUNT];
    uint64_t last_us[COUNT]; /* since it was put */
    uint32_t overtaken;      /* came after a later one */
};

static void run_up(struct sim_link *l, size_t len, uint64_t gap_us,
                   struct fate *f)
{
    struct sim_link_datagram got;
    uint64_t now = 0;
    uint32_t sent = 0;
    uint32_t newest = 0;
    memset(f, 0, sizeof *f);
    for (;;) {
        uint64_t next = sim_link_next(l, now);
        uint64_t due = sent < COUNT ? sent * gap_us : UINT64_MAX;
        if (next == UINT64_MAX && due == UINT64_MAX) {
            break;
        }
        now = next < due ? next : due;
        while (sim_link_take(l, UP, now, &got)) {
            f->copies[got.flow]++;
            f->last_us[got.flow] = now - got.flow * gap_us;
            f->overtaken += got.flow < newest;
            newest = got.flow > newest ? got.flow : newest;
        }
        if (now == due) {
            sim_link_put(l, UP, sent++, selv_bytes(content, len), now);
        }
    }
}

static struct fate fate;

static double share(uint64_t n, uint64_t of)
{
    return (double)n / (double)of;
}

/* Within 4.5 deviations of a binomial: one seed in 150,000 is not. */
static void assert_share(double got, double want, double trials,
                         const char *what)
{
    double deviation = sqrt(want * (1 - want) / trials);
    if (fabs(got - want) > 4.5 * deviation) {
        fail_msg("%s: %.5f, not %.5f (+- %.5f)", what, got, want, deviation);
    }
}

static void test_sim_link_loss(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double share;
    } rows[] = {{"loss=0.1%", 0.001}, {"loss=5%", 0.05},      {"loss=10%", 0.1},
                {"loss=20%", 0.2},    {"loss=30%", 0.3},      {"loss=0", 0},
                {"loss=100%", 1},     {"loss=250ppm", 250e-6}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct sim_link *l = link_of(rows[i].text, seed);
            run_up(l, 10, 1000, &fate);
            const struct sim_link_stats *s = sim_link_stats(l, UP);
            assert_share(share(s->lost_count[SIM_LINK_LOST_CHANCE], COUNT),
                         rows[i].share, COUNT, rows[i].text);
            assert_int_equal(
                s->taken_count + s->lost_count[SIM_LINK_LOST_CHANCE], COUNT);
            sim_link_free(l);
        }
    }
}

/* The mean length of a row of lost datagrams. */
static double mean_run(const struct fate *f)
{
    uint32_t runs = 0;
    uint32_t lost = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        lost += f->copies[i] == 0;
        runs += f->copies[i] == 0 && (i == 0 || f->copies[i - 1] != 0);
    }
    return share(lost, runs);
}

static void test_sim_link_bursts(void **state)
{
    (void)state;
    double lost = 0;
    double run = 0;
    double lone = 0;
    double half = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_link *l = link_of("bad=20%,bad-run=8", seed);
        run_up(l, 10, 1000, &fate);
        lost += share(sim_link_stats(l, UP)->lost_count[SIM_LINK_LOST_BAD_RUN],
                      COUNT);
        run += mean_run(&fate);
        sim_link_free(l);
        /* The same share without memory: 1 / (1 - p). */
        l = link_of("loss=20%", seed);
        run_up(l, 10, 1000, &fate);
        lone += mean_run(&fate);
        sim_link_free(l);
        l = link_of("bad=20%,bad-run=8,bad-loss=50%", seed);
        run_up(l, 10, 1000, &fate);
        half += share(sim_link_stats(l, UP)->frame_lost, COUNT);
        sim_link_free(l);
    }
    print_message("bursts: %.4f lost, mean run %.3f; alone %.3f; half %.4f\n",
                  lost / SEEDS, run / SEEDS, lone / SEEDS, half / SEEDS);
    assert_true(fabs(lost / SEEDS - 0.2) < 0.005);
    assert_true(fabs(run / SEEDS - 8) < 0.2);
    assert_true(fabs(lone / SEEDS - 1.25) < 0.01);
    assert_true(fabs(half / SEEDS - 0.1) < 0.003);
}

/* 0.95^11 = 57 % and 0.8^11 = 8.6 % of datagrams in 11 fragments survive;
 * with three link retransmissions, (1 - 0.2^4)^11 = 98.3 %. */
static void test_sim_link_fragments_lost(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double share;
    } rows[] = {
        {"802.15.4,loss=5%,retries=0,ack=0,csma=off", 0.568800},
        {"802.15.4,loss=20%,retries=0,ack=0,csma=off", 0.085899},
        {"802.15.4,loss=20%,csma=off", 0.982540},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sim_link *l = link_of(rows[i].text, 1);
        run_up(l, 13 + 1024, 1000000, &fate);
        const struct sim_link_stats *s = sim_link_stats(l, UP);
        print_message("%s: %.4f\n", rows[i].text, share(s->taken_count, COUNT));
        assert_share(share(s->taken_count, COUNT), rows[i].share, COUNT,
                     rows[i].text);
        sim_link_free(l);
    }
}

static void test_sim_link_jitter(void **state)
{
    (void)state;
    struct sim_link *l = link_of("delay=50ms,jitter=20ms", 1);
    double sum = 0;
    run_up(l, 10, 1000000, &fate); /* so far apart that none waits */
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(fate.last_us[i] >= 50000 && fate.last_us[i] <= 70000);
        sum += (double)fate.last_us[i];
    }
    assert_true(fabs(sum / COUNT - 60000) < 200);
    assert_int_equal(fate.overtaken, 0);
    sim_link_free(l);
    /* Close together they keep their order all the same. */
    l = link_of("delay=50ms,jitter=20ms", 1);
    run_up(l, 10, 1000, &fate);
    assert_int_equal(fate.overtaken, 0);
    assert_int_equal(sim_link_stats(l, UP)->taken_count, COUNT);
    sim_link_free(l);
}

static void test_sim_link_reorder(void **state)
{
    (void)state;
    struct sim_link *l = link_of("delay=50ms,reorder=3%,reorder-delay=10ms", 1);
    run_up(l, 10, 1000, &fate);
    uint32_t late = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(fate.last_us[i] == 50000 || fate.last_us[i] == 60000);
        late += fate.last_us[i] == 60000;
    }
    assert_int_equal(late, sim_link_stats(l, UP)->late_count);
    assert_share(share(late, COUNT), 0.03, COUNT, "reorder");
    assert_true(fate.overtaken > late * 9 / 10 && fate.overtaken <= late);
    sim_link_free(l);
}

static void test_sim_link_duplicate(void **state)
{
    (void)state;
    struct sim_link *l = link_of("duplicate=3%,delay=10ms", 1);
    uint32_t doubled = 0;
    run_up(l, 10, 1000, &fate);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(fate.copies[i] == 1 || fate.copies[i] == 2);
        doubled += fate.copies[i] == 2;
    }
    assert_int_equal(doubled, sim_link_stats(l, UP)->doubled_count);
    assert_share(share(doubled, COUNT), 0.03, COUNT, "duplicate");
    sim_link_free(l);
}

/* One kind of chance does not move another. */
static void test_sim_link_streams(void **state)
{
    (void)state;
    static struct fate plain;
    struct sim_link *l = link_of("loss=10%", 7);
    run_up(l, 10, 100000, &plain);
    sim_link_free(l);
    l = link_of("loss=10%,jitter=5ms,reorder=5%,reorder-delay=1ms,"
                "duplicate=5%,bad=0/10%,rate=1M",
                7);
    run_up(l, 10, 100000, &fate);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(fate.copies[i] == 0, plain.copies[i] == 0);
    }
    sim_link_free(l);
}

/* Back-off of a lone sender: 3.5 periods of 320 us on average, and 128 us. */
static void test_sim_link_backoff(void **state)
{
    (void)state;
    struct sim_link *l = link_of("802.15.4", 1);
    double sum = 0;
    run_up(l, 77, 1000000, &fate);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t backoff = fate.last_us[i] - 3456 - 128;
        assert_true(backoff % 320 == 0 && backoff / 320 < 8);
        sum += (double)backoff;
    }
    assert_true(fabs(sum / COUNT - 1120) < 25);
    sim_link_free(l);
}

/* Both ends begin at the same instant: those that draw the same back-off
 * collide, the others hear each other; the link sends again. */
static void test_sim_link_collisions(void **state)
{
    (void)state;
    struct sim_link *l = link_of("802.15.4", 1);
    struct sim_link_datagram got;
    uint64_t taken[2] = {0, 0};
    uint64_t now = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        sim_link_put(l, UP, i, selv_bytes(content, 77), now);
        sim_link_put(l, DOWN, i, selv_bytes(content, 77), now);
        for (;;) {
            uint64_t next = sim_link_next(l, now);
            if (next == UINT64_MAX) {
                break;
            }
            now = next;
            for (int d = 0; d < 2; d++) {
                while (
                    sim_link_take(l, (enum sim_link_direction)d, now, &got)) {
                    taken[d]++;
                }
            }
        }
        now += 1000;
    }
    const struct sim_link_stats *up = sim_link_stats(l, UP);
    const struct sim_link_stats *down = sim_link_stats(l, DOWN);
    print_message("collisions: %.4f of first tries\n",
                  share(up->frame_lost, 5000));
    assert_int_equal(up->frame_lost, down->frame_lost);
    /* 1 of 8 draws is the same; later ones differ more often. */
    assert_true(up->frame_lost > 500 && up->frame_lost < 800);
    assert_int_equal(taken[UP] + up->lost_count[SIM_LINK_LOST_COLLISION] +
                         up->lost_count[SIM_LINK_LOST_BUSY],
                     5000);
    assert_true(taken[UP] + taken[DOWN] >= 9990);
    sim_link_free(l);
}

/* ---- a seed is a run ----------------------------------------------------- */

static const char *const weathers[] = {
    "",
    "802.15.4,loss=10%,bad=10%,bad-run=5",
    "802.15.4,loss=20%,retries=0,ack=0,half-duplex=off",
    "lorawan,loss=10%,queue=1k",
    "nbiot,loss=5%,rebind-idle=40ms",
    "lossy,queue=1k,mtu=500,long=fragment",
    "wan,duplicate=5%,reorder=20%,reorder-delay=30ms",
    "rate=100k/30k,loss=30%/3%,queue=600/3k,jitter=30ms,rebind-every=3s",
    "rate=9k,half-duplex=on,sleep=1s,awake=30ms,sleep-buffer=5,duplicate=50%",
    "sleep=5s,awake=5ms,awake-after=20ms,sleep-buffer=5,duplicate=50%",
    "rate=50k,duty=20%,duty-window=2s,outage-at=4s,outage=3s,rebind-at=5s",
    "rate=250k,mtu=127,half-duplex=on,csma=on,turn=192us",
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void assert_conserved(const struct sim_link *l, const char *text)
{
    for (int d = 0; d < 2; d++) {
        const struct sim_link_stats *s =
            sim_link_stats(l, (enum sim_link_direction)d);
        uint64_t lost = 0;
        for (int i = 0; i < SIM_LINK_CAUSE_COUNT; i++) {
            lost += s->lost_count[i];
        }
        if (s->put_count + s->doubled_count !=
            s->taken_count + s->held_count + lost) {
            fail_msg("%s: %u datagrams are missing", text,
                     (unsigned)(s->put_count + s->doubled_count -
                                s->taken_count - s->held_count - lost));
        }
    }
}

static uint64_t mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x100000001b3u;
}

/* 2000 datagrams of any length at any time; a sum over all that is taken, and
 * when. is_curious: look very often. */
static uint64_t run_any(const char *text, uint64_t seed, bool is_curious)
{
    struct sim_link *l = link_of(text, seed);
    struct sim_link_datagram got;
    uint32_t random = 5;
    uint64_t now = 0;
    uint64_t due = 0;
    uint64_t sum = 0xcbf29ce484222325u;
    for (uint32_t sent = 0;;) {
        uint64_t next = sim_link_next(l, now);
        uint64_t plan = sent < 2000 ? due : UINT64_MAX;
        if (next == UINT64_MAX && plan == UINT64_MAX) {
            break;
        }
        uint64_t then = next < plan ? next : plan;
        now = is_curious && then - now > 700 ? now + 700 : then;
        for (int d = 0; d < 2; d++) {
            while (sim_link_take(l, (enum sim_link_direction)d, now, &got)) {
                assert_conserved(l, text);
                sum = mix(sum, now);
                sum = mix(sum, (uint64_t)got.flow << 32 | got.address);
                sum = mix(sum, got.bytes.len);
            }
        }
        if (now == plan) {
            uint32_t r = next_random(&random);
            sim_link_put(l, r % 3 != 0 ? DOWN : UP, sent++,
                         selv_bytes(content, r / 3 % 700), now);
            assert_conserved(l, text);
            due += next_random(&random) % 20000;
        }
    }
    for (int d = 0; d < 2; d++) {
        const struct sim_link_stats *s =
            sim_link_stats(l, (enum sim_link_direction)d);
        assert_int_equal(s->held_count, 0);
        sum = mix(sum, s->wire_len);
        sum = mix(sum, s->air_us);
    }
    sim_link_free(l);
    return sum;
}

static void test_sim_link_is_deterministic(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof weathers / sizeof weathers[0]; i++) {
        uint64_t one = run_any(weathers[i], 1, false);
        assert_true(one == run_any(weathers[i], 1, false));
        /* Looking does not change what is seen. */
        if (one != run_any(weathers[i], 1, true)) {
            fail_msg("%s: differs when looked at more often", weathers[i]);
        }
        if (i > 0 && i < 11) { /* in the others nothing is left to chance */
            bool is_plain = strstr(weathers[i], "duty=20%") != NULL;
            assert_true(is_plain || one != run_any(weathers[i], 2, false));
        }
    }
}

/* A link that is freed with datagrams everywhere leaks none (sanitizers). */
static void test_sim_link_free_in_the_middle(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof weathers / sizeof weathers[0]; i++) {
        struct sim_link *l = link_of(weathers[i], 1);
        struct sim_link_datagram got;
        for (uint32_t k = 0; k < 20; k++) {
            sim_link_put(l, k % 2 ? UP : DOWN, k, selv_bytes(content, 200),
                         k * 3000);
        }
        (void)sim_link_next(l, 100000);
        if (sim_link_take(l, UP, 100000, &got)) {
            assert_int_equal(got.bytes.len, 200);
        }
        sim_link_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_link_loss),
        cmocka_unit_test(test_sim_link_bursts),
        cmocka_unit_test(test_sim_link_fragments_lost),
        cmocka_unit_test(test_sim_link_jitter),
        cmocka_unit_test(test_sim_link_reorder),
        cmocka_unit_test(test_sim_link_duplicate),
        cmocka_unit_test(test_sim_link_streams),
        cmocka_unit_test(test_sim_link_backoff),
        cmocka_unit_test(test_sim_link_collisions),
        cmocka_unit_test(test_sim_link_is_deterministic),
        cmocka_unit_test(test_sim_link_free_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
