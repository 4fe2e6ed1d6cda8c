/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: bench_transfer [--long | --links] [--seeds N] [--link TEXT]
 *        bench_transfer --ideal BYTES BLOCK LOSS_PERCENT
 *
 * Fetches bodies over sim/link in virtual time, with each contender, at each
 * block size and loss, and prints a table against the ideal:
 *   wire bytes of the blocks / (1 - loss) / rate + one round trip
 * where the wire bytes are those of our server's answers, each sent once, with
 * their CoAP, UDP and IP headers. --ideal prints that alone, in seconds, for
 * bench/transfer, which measures other programs in real time.
 * Exit code: 0, 1 when bytes were wrong, 2 usage. */
#include "bench/transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/link.h"

#define BODY_MAX 102400u
#define DATAGRAM_MAX 1400u
#define LINK_PLAIN "rate=250k,rtt=100ms"
#define DEADLINE_MS 86400000u
#define SEEDS_MAX 1000u

static const struct transfer_contender *const contenders[] = {
    &transfer_client,     &transfer_client_resumed, &transfer_fetch,
    &transfer_fetch_warm, &transfer_fetch_small,    &transfer_fetch_small_warm,
    &transfer_qblock};
enum {
    CONTENDER_COUNT = sizeof contenders / sizeof contenders[0],
    FIRST_FETCH = 2 /* of those with many blocks in flight */
};

static const uint32_t losses_percent[] = {0, 5, 10, 20, 30};
static const uint8_t block_szx[] = {2, 4, 6};

static uint8_t body[BODY_MAX];
static const char path[] =
    "i/000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/* ---- the server --------------------------------------------------------- */

/* An answer as those of an update server for an image. */
static size_t serve(struct selv_coap_server *server, struct transfer_sets *sets,
                    uint64_t now_ms, struct selv_bytes datagram,
                    uint32_t body_len, uint8_t *answer)
{
    static const uint8_t etag[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const struct selv_coap_peer peer = {1, {1}};
    struct selv_buf out = {answer, DATAGRAM_MAX, 0};
    struct selv_coap_msg rq;
    struct selv_coap_writer w;
    struct selv_coap_slice slice;
    enum selv_coap_heard heard =
        selv_coap_server_feed(server, 0, &peer, datagram, &rq, &out);
    if (heard != SELV_COAP_REQUEST) {
        return heard == SELV_COAP_REPLY ? out.len : 0;
    }
    if (transfer_sets_take(sets, now_ms, server, &peer, &rq, body_len)) {
        return 0;
    }
    if (selv_coap_slice(&rq, body_len, SELV_COAP_SZX_MAX, &slice) != SELV_OK) {
        selv_coap_reply_code(server, &rq, SELV_COAP_BAD_REQUEST, NULL, &out);
        return out.len;
    }
    selv_coap_reply_begin(server, &rq, SELV_COAP_CONTENT, &out, &w);
    selv_coap_write_slice(&w, &slice, selv_bytes(etag, sizeof etag),
                          SELV_COAP_OCTETS, 60);
    selv_coap_write_payload(&w, selv_bytes(body + slice.offset, slice.len));
    if (selv_coap_reply_end(server, 0, &peer, &rq, &w, SELV_COAP_RECOMPUTE,
                            &out) != SELV_OK) {
        return 0;
    }
    return out.len;
}

/* ---- one transfer ------------------------------------------------------- */

struct run {
    const struct transfer_contender *contender;
    const struct sim_link_config *link;
    uint32_t len; /* of the body */
    uint8_t szx;
    uint64_t seed;
};

struct result {
    bool is_done;
    bool is_wrong; /* bytes, or done without all of them, or twice */
    double seconds;
    uint64_t up_len; /* wire bytes */
    uint64_t down_len;
};

struct transfer {
    const struct run *run;
    struct sim_link *link;
    struct selv_coap_server server;
    struct transfer_sets sets;
    struct transfer_job job;
    uint64_t now_us;
    uint64_t until_ms;
    uint32_t got;
    uint8_t has[BODY_MAX / 16 + 1]; /* units of 16 bytes that have come */
    struct result *result;
    union {
        uint64_t align;
        uint8_t bytes[TRANSFER_STATE_MAX];
    } state;
};

static void take_block(struct transfer *t, const struct transfer_event *e)
{
    uint32_t end = e->offset + (uint32_t)e->block.len;
    if (end > t->run->len || end < e->offset || e->offset % 16 != 0 ||
        memcmp(body + e->offset, e->block.p, e->block.len) != 0) {
        t->result->is_wrong = true;
        return;
    }
    for (uint32_t i = e->offset / 16; i * 16 < end; i++) {
        t->result->is_wrong = t->result->is_wrong || t->has[i] != 0;
        t->has[i] = 1;
    }
    t->got += (uint32_t)e->block.len;
}

/* Does what the contender says until it waits. False: it is over. */
static bool follow(struct transfer *t)
{
    for (;;) {
        uint8_t bytes[DATAGRAM_MAX];
        struct selv_buf out = {bytes, sizeof bytes, 0};
        struct transfer_event e = {0};
        switch (t->run->contender->poll(t->state.bytes, t->now_us / 1000, &out,
                                        &e)) {
        case SELV_COAP_SEND:
            sim_link_put(t->link, SIM_LINK_UP, 0, selv_bytes(bytes, out.len),
                         t->now_us);
            break;
        case SELV_COAP_BLOCK:
            take_block(t, &e);
            break;
        case SELV_COAP_WAIT:
            t->until_ms = e.until_ms;
            return true;
        case SELV_COAP_DONE:
            t->result->is_done = true;
            t->result->is_wrong = t->result->is_wrong || t->got != t->run->len;
            return false;
        case SELV_COAP_FAILED:
        default:
            return false;
        }
    }
}

/* What has arrived at both ends. False: the transfer is over. */
static bool deliver(struct transfer *t)
{
    struct sim_link_datagram d;
    uint8_t answer[DATAGRAM_MAX];
    while (sim_link_take(t->link, SIM_LINK_UP, t->now_us, &d)) {
        size_t len = serve(&t->server, &t->sets, t->now_us / 1000, d.bytes,
                           t->run->len, answer);
        if (len > 0) {
            sim_link_put(t->link, SIM_LINK_DOWN, 0, selv_bytes(answer, len),
                         t->now_us);
        }
    }
    struct selv_buf out = {answer, sizeof answer, 0};
    while (transfer_sets_poll(&t->sets, t->now_us / 1000, &t->server, body,
                              &out) > 0) {
        sim_link_put(t->link, SIM_LINK_DOWN, 0, selv_bytes(answer, out.len),
                     t->now_us);
    }
    while (sim_link_take(t->link, SIM_LINK_DOWN, t->now_us, &d)) {
        t->run->contender->feed(t->state.bytes, t->now_us / 1000, d.bytes);
        if (!follow(t)) {
            return false;
        }
    }
    return follow(t);
}

/* A poll and its answer, as long as they are with the update server. */
static uint16_t exchange_ms(const struct sim_link_config *link)
{
    static const size_t lens[] = {40, 20};
    uint64_t us = 999;
    for (int d = 0; d < 2; d++) {
        const struct sim_link_way *w = &link->way[d];
        uint64_t wire = sim_link_wire_len(link, lens[d], NULL);
        us +=
            w->delay_us + (w->rate_bps > 0 ? wire * 8000000 / w->rate_bps : 0);
    }
    return us / 1000 < UINT16_MAX ? (uint16_t)(us / 1000) : UINT16_MAX;
}

static void job_make(const struct run *run, struct transfer_job *job)
{
    job->request =
        (struct selv_coap_request){.code = SELV_COAP_GET,
                                   .szx = run->szx,
                                   .content_format = SELV_COAP_NO_FORMAT,
                                   .accept = SELV_COAP_NO_FORMAT,
                                   .path = selv_bytes(path, sizeof path - 1),
                                   .body_max = run->len,
                                   .deadline_ms = DEADLINE_MS};
    job->rtt_ms = exchange_ms(run->link);
    for (size_t i = 0; i < sizeof job->random; i++) {
        job->random[i] =
            (uint8_t)((run->seed + 1) * 0x9e3779b97f4a7c15u >> (8 * i));
    }
}

static struct result transfer_run(const struct run *run)
{
    static struct transfer t;
    static const uint8_t random[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct result result = {0};
    memset(&t, 0, sizeof t);
    t.run = run;
    t.result = &result;
    t.link = sim_link_new(run->link, run->seed, 0);
    job_make(run, &t.job);
    selv_coap_server_init(&t.server, NULL, 0, random);
    selv_coap_server_know(&t.server, selv_coap_qblock_options, 2);
    t.sets.until_ms = UINT64_MAX;
    if (t.link == NULL ||
        !run->contender->start(t.state.bytes, &t.job, t.now_us / 1000)) {
        result.is_wrong = true;
        sim_link_free(t.link);
        return result;
    }
    bool is_on = follow(&t);
    while (is_on) {
        uint64_t next = sim_link_next(t.link, t.now_us);
        uint64_t until_ms =
            t.until_ms < t.sets.until_ms ? t.until_ms : t.sets.until_ms;
        uint64_t until =
            until_ms > UINT64_MAX / 1000 ? UINT64_MAX : until_ms * 1000;
        t.now_us = next < until ? next : until;
        is_on = t.now_us != UINT64_MAX && deliver(&t);
    }
    result.seconds = (double)t.now_us / 1e6;
    result.up_len = sim_link_stats(t.link, SIM_LINK_UP)->wire_len;
    result.down_len = sim_link_stats(t.link, SIM_LINK_DOWN)->wire_len;
    sim_link_free(t.link);
    return result;
}

/* ---- the ideal ---------------------------------------------------------- */

/* Wire bytes of all blocks, each sent once: what the server sends down when
 * nothing is lost. */
static uint64_t blocks_len(struct sim_link_config link, uint32_t len,
                           uint8_t szx)
{
    for (int d = 0; d < 2; d++) {
        struct sim_link_way *w = &link.way[d];
        w->loss_ppm = w->bad_ppm = w->duplicate_ppm = w->reorder_ppm = 0;
    }
    const struct run run = {&transfer_client, &link, len, szx, 1};
    struct result r = transfer_run(&run);
    return r.is_done ? r.down_len : 0;
}

static double ideal_s(const struct sim_link_config *link, uint32_t len,
                      uint8_t szx, uint32_t loss_percent)
{
    double bytes = (double)blocks_len(*link, len, szx);
    double rtt_us = (double)link->way[0].delay_us + link->way[1].delay_us;
    double rate = (double)link->way[1].rate_bps;
    return (rate > 0 ? bytes * 8 / (1 - loss_percent / 100.0) / rate : 0) +
           rtt_us / 1e6;
}

/* ---- the table ---------------------------------------------------------- */

static bool is_wrong;

static void print_cell(const struct run *base, uint32_t seeds, double ideal)
{
    double sum = 0;
    double worst = 0;
    double wire = 0;
    uint32_t done = 0;
    for (uint32_t seed = 1; seed <= seeds; seed++) {
        struct run run = *base;
        run.seed = seed;
        struct result r = transfer_run(&run);
        is_wrong = is_wrong || r.is_wrong;
        if (r.is_done) {
            done++;
            sum += r.seconds;
            wire += (double)(r.up_len + r.down_len) / run.len;
            worst = r.seconds > worst ? r.seconds : worst;
        }
    }
    if (done == 0) {
        printf(" | %8s %7s %7s %5s %3u/%-3u", "-", "-", "-", "-", 0u,
               (unsigned)seeds);
    } else {
        printf(" | %8.2f %7.2f %7.2f %5.2f %3u/%-3u", sum / done,
               sum / done / ideal, worst / ideal, wire / done, (unsigned)done,
               (unsigned)seeds);
    }
}

static void print_table(struct sim_link_config link, uint32_t len,
                        uint32_t seeds)
{
    printf("\n%3u KiB%25s", (unsigned)(len / 1024), "");
    for (size_t i = 0; i < CONTENDER_COUNT; i++) {
        printf(" | %-38s", contenders[i]->name);
    }
    printf("\nblock  loss  wire bytes  ideal s");
    for (size_t i = 0; i < CONTENDER_COUNT; i++) {
        printf(" | %8s %7s %7s %5s %-7s", "mean s", "x", "worst", "bytes",
               "done");
    }
    putchar('\n');
    for (size_t b = 0; b < sizeof block_szx; b++) {
        uint64_t wire_len = blocks_len(link, len, block_szx[b]);
        for (size_t i = 0; i < sizeof losses_percent / sizeof(uint32_t); i++) {
            uint32_t loss = losses_percent[i];
            double ideal = ideal_s(&link, len, block_szx[b], loss);
            link.way[0].loss_ppm = link.way[1].loss_ppm = loss * 10000;
            printf("%5zu %4u %% %11" PRIu64 " %8.2f",
                   selv_coap_block_len(block_szx[b]), (unsigned)loss, wire_len,
                   ideal);
            for (size_t k = 0; k < CONTENDER_COUNT; k++) {
                const struct run run = {contenders[k], &link, len, block_szx[b],
                                        0};
                print_cell(&run, seeds, ideal);
            }
            putchar('\n');
            fflush(stdout);
        }
    }
}

/* Links of other kinds, 100 KiB in blocks of 256 bytes. Of the ideal, loss is
 * what the link loses in the mean. */
static const struct {
    const char *name;
    const char *text;
    double loss; /* share of packets, each way */
} others[] = {
    {"bursts of 8, 9 %", "rate=250k,rtt=100ms,bad=10%,bad-run=8,bad-loss=90%",
     0.09},
    {"bursts of 20, 9 %", "rate=250k,rtt=100ms,bad=10%,bad-run=20,bad-loss=90%",
     0.09},
    {"jitter 50 ms, 5 %", "rate=250k,rtt=100ms,jitter=50ms,loss=5%", 0.05},
    {"duty cycle 10 %", "rate=250k,rtt=100ms,duty=10%,duty-window=10s", 0},
    {"802.15.4, 5 %", "802.15.4,loss=5%", 0.05},
    {"nbiot", "nbiot", 0},
};

static bool print_others(uint32_t seeds)
{
    char why[SIM_LINK_WHY_LEN];
    printf("\n100 KiB, blocks of 256%8s", "");
    for (size_t i = FIRST_FETCH; i < CONTENDER_COUNT; i++) {
        printf(" | %-38s", contenders[i]->name);
    }
    printf("\n%-20s  ideal s", "link");
    for (size_t i = FIRST_FETCH; i < CONTENDER_COUNT; i++) {
        printf(" | %8s %7s %7s %5s %-7s", "mean s", "x", "worst", "bytes",
               "done");
    }
    putchar('\n');
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct sim_link_config link;
        if (!sim_link_parse(others[i].text, &link, why)) {
            fprintf(stderr, "bench_transfer: %s: %s\n", others[i].text, why);
            return false;
        }
        struct sim_link_config plain = link;
        plain.way[0].duty_ppm = plain.way[1].duty_ppm = 0;
        double ideal = ideal_s(&plain, BODY_MAX, 4,
                               (uint32_t)(others[i].loss * 100 + 0.5));
        printf("%-20s %8.2f", others[i].name, ideal);
        for (size_t k = FIRST_FETCH; k < CONTENDER_COUNT; k++) {
            const struct run run = {contenders[k], &link, BODY_MAX, 4, 0};
            print_cell(&run, seeds, ideal);
        }
        putchar('\n');
        fflush(stdout);
    }
    return true;
}

/* ---- the command line ---------------------------------------------------- */

static int usage(const char *why)
{
    fprintf(
        stderr,
        "bench_transfer: %s\nusage: bench_transfer [--long | --links] "
        "[--seeds N] [--link TEXT]\n       bench_transfer --ideal BYTES BLOCK "
        "LOSS_PERCENT\n",
        why);
    return 2;
}

static int print_ideal(char **args, const struct sim_link_config *link)
{
    long len = strtol(args[0], NULL, 10);
    long block = strtol(args[1], NULL, 10);
    long loss = strtol(args[2], NULL, 10);
    uint8_t szx = 0;
    while (szx < SELV_COAP_SZX_MAX && (long)selv_coap_block_len(szx) < block) {
        szx++;
    }
    if (len < 1 || len > (long)BODY_MAX ||
        (long)selv_coap_block_len(szx) != block || loss < 0 || loss > 99) {
        return usage("--ideal: out of range");
    }
    printf("%.3f\n", ideal_s(link, (uint32_t)len, szx, (uint32_t)loss));
    return 0;
}

int main(int argc, char **argv)
{
    struct sim_link_config link;
    char why[SIM_LINK_WHY_LEN];
    const char *text = LINK_PLAIN;
    unsigned long seeds = 20;
    bool is_long = false;
    bool is_links = false;
    uint32_t random = 1;
    for (size_t i = 0; i < BODY_MAX; i++) {
        random = random * 1664525u + 1013904223u;
        body[i] = (uint8_t)(random >> 24);
    }
    if (argc == 5 && strcmp(argv[1], "--ideal") == 0) {
        return sim_link_parse(text, &link, why) ? print_ideal(argv + 2, &link)
                                                : usage(why);
    }
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--long") == 0) {
            is_long = true;
        } else if (strcmp(argv[i], "--links") == 0) {
            is_links = true;
        } else if (strcmp(argv[i], "--seeds") == 0 && has_value) {
            seeds = strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--link") == 0 && has_value) {
            text = argv[++i];
        } else {
            return usage(argv[i]);
        }
    }
    if (seeds < 1 || seeds > SEEDS_MAX) {
        return usage("--seeds: 1 to 1000");
    }
    if (!sim_link_parse(text, &link, why)) {
        return usage(why);
    }
    printf("Virtual time over %s, %lu seeds. ideal: wire bytes of the blocks / "
           "(1 - loss) / rate + 1 RTT.\nx: mean / ideal, of those that were "
           "done; worst: slowest / ideal;\nbytes: on the wire both ways, "
           "headers counted, / bytes of the body.\n",
           text, seeds);
    for (size_t i = 0; i < CONTENDER_COUNT; i++) {
        printf("%s: %s\n", contenders[i]->name, contenders[i]->about);
    }
    if (!is_links) {
        print_table(link, 10240, (uint32_t)seeds);
    }
    if (is_long) {
        print_table(link, BODY_MAX, (uint32_t)seeds);
    }
    if (is_long || is_links) {
        is_wrong = !print_others((uint32_t)seeds) || is_wrong;
    }
    if (is_wrong) {
        fprintf(stderr, "bench_transfer: a body came wrong, or not once\n");
    }
    return is_wrong;
}
