/* SPDX-License-Identifier: Apache-2.0
 *
 * Client and server over a link in memory, on a clock of their own: every
 * packet of each flow is lost, doubled and delayed once, then in pairs. A
 * transfer ends well with equal bytes, or by the named error; what must happen
 * once happens once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "coap/coap.h"

#define PACKET_MAX 1300u
#define QUEUE_MAX 512u
#define BODY_MAX 8192u
#define LATENCY_MS 10u

enum harm {
    LOST,
    DOUBLED,      /* the copy comes right after */
    DOUBLED_LATE, /* the copy comes after what follows */
    DELAYED,      /* past the retransmission: reordered */
    HARMS
};

static const char *const harm_names[] = {"lost", "doubled", "doubled late",
                                         "delayed"};

struct packet {
    uint64_t due_ms;
    size_t len;
    bool to_server;
    bool is_used;
    uint8_t bytes[PACKET_MAX];
};

/* What goes wrong on the link: the packets with these numbers, counted in the
 * order they are sent, or each by chance. */
struct weather {
    int count;
    uint32_t number[2];
    enum harm harm[2];
    uint32_t loss_percent;
    uint32_t random;
};

struct world {
    struct packet queue[QUEUE_MAX];
    struct weather weather;
    uint64_t now;
    uint32_t packets;

    struct selv_coap_client client;
    uint8_t *client_rx;
    uint8_t got[BODY_MAX];
    size_t got_len;

    struct selv_coap_server server;
    struct selv_coap_seen seen[4];
    struct selv_coap_peer peer;
    struct selv_coap_upload up;
    struct selv_coap_answer answers[2];
    uint8_t answer_buf[2][BODY_MAX];
    struct selv_coap_later later;
    bool is_later; /* one is under way */
    uint64_t later_ms;
    uint8_t later_buf[256];
    uint8_t up_buf[BODY_MAX];
    uint8_t szx_max;
    uint32_t executed; /* PUT and POST carried out */

    const uint8_t *body; /* what GET serves */
    size_t body_len;
};

static uint8_t content[BODY_MAX];

static uint32_t chance(struct weather *w)
{
    w->random = w->random * 1664525u + 1013904223u;
    return (w->random >> 8) % 100;
}

static void queue_put(struct world *w, bool to_server, const uint8_t *p,
                      size_t len, uint64_t delay_ms)
{
    for (size_t i = 0; i < QUEUE_MAX; i++) {
        struct packet *q = &w->queue[i];
        if (!q->is_used) {
            q->is_used = true;
            q->to_server = to_server;
            q->due_ms = w->now + delay_ms;
            q->len = len;
            assert_true(len <= PACKET_MAX);
            memcpy(q->bytes, p, len);
            return;
        }
    }
    fail_msg("more than %u packets on the link", QUEUE_MAX);
}

static void packet_harm(struct world *w, enum harm harm, bool to_server,
                        const uint8_t *p, size_t len)
{
    switch (harm) {
    case DOUBLED:
        queue_put(w, to_server, p, len, LATENCY_MS);
        queue_put(w, to_server, p, len, LATENCY_MS + 1);
        break;
    case DOUBLED_LATE:
        queue_put(w, to_server, p, len, LATENCY_MS);
        queue_put(w, to_server, p, len, LATENCY_MS * 3 + 1);
        break;
    case DELAYED:
        queue_put(w, to_server, p, len, 3500);
        break;
    case LOST:
    case HARMS:
    default:
        break;
    }
}

static void packet_send(struct world *w, bool to_server, const uint8_t *p,
                        size_t len)
{
    uint32_t number = w->packets++;
    for (int i = 0; i < w->weather.count; i++) {
        if (w->weather.number[i] == number) {
            packet_harm(w, w->weather.harm[i], to_server, p, len);
            return;
        }
    }
    if (chance(&w->weather) < w->weather.loss_percent) {
        uint32_t kind = chance(&w->weather) % 8; /* mostly lost */
        packet_harm(w, kind < HARMS ? (enum harm)kind : LOST, to_server, p,
                    len);
        return;
    }
    queue_put(w, to_server, p, len, LATENCY_MS);
}

/* ---- the server's application ---------------------------------------------
 */

static void serve_get(struct world *w, const struct selv_coap_msg *rq,
                      struct selv_buf *out)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer to;
    if (selv_coap_slice(rq, (uint32_t)w->body_len, w->szx_max, &slice)) {
        selv_coap_reply_code(&w->server, rq, SELV_COAP_BAD_REQUEST, NULL, out);
        return;
    }
    selv_coap_reply_begin(&w->server, rq, SELV_COAP_CONTENT, out, &to);
    selv_coap_write_slice(&to, &slice, selv_bytes("tag", 3), SELV_COAP_OCTETS,
                          60);
    selv_coap_write_payload(&to, selv_bytes(w->body + slice.offset, slice.len));
    assert_int_equal(selv_coap_reply_end(&w->server, w->now, &w->peer, rq, &to,
                                         SELV_COAP_RECOMPUTE, out),
                     SELV_OK);
}

static void serve_put(struct world *w, const struct selv_coap_msg *rq,
                      struct selv_buf *out)
{
    struct selv_coap_writer to;
    struct selv_coap_upload *u =
        selv_coap_upload_find(&w->up, 1, w->now, &w->peer, 1, rq);
    uint8_t code = selv_coap_upload_feed(u, w->now, &w->peer, 1, rq);
    bool is_whole = code == 0;
    if (is_whole) {
        assert_int_equal(u->body.len, w->body_len);
        assert_memory_equal(u->body.p, w->body, w->body_len);
        w->executed++;
        code = SELV_COAP_CHANGED;
    }
    selv_coap_reply_begin(&w->server, rq, code, out, &to);
    selv_coap_write_upload(&to, u, rq, code, w->szx_max);
    assert_int_equal(selv_coap_reply_end(
                         &w->server, w->now, &w->peer, rq, &to,
                         is_whole ? SELV_COAP_KEEP : SELV_COAP_RECOMPUTE, out),
                     SELV_OK);
    if (is_whole) {
        selv_coap_upload_end(u);
    }
}

/* A body in, and as much out, whatever the method; done once. */
static void serve_both(struct world *w, const struct selv_coap_msg *rq,
                       struct selv_buf *out)
{
    struct selv_coap_writer to;
    struct selv_coap_answer *a =
        selv_coap_answer_find(w->answers, 2, w->now, &w->peer, 2, rq);
    if (a == NULL && (rq->has & SELV_COAP_HAS_BLOCK2) != 0 &&
        rq->block2.num > 0) {
        selv_coap_reply_code(&w->server, rq, SELV_COAP_INCOMPLETE, NULL, out);
        return;
    }
    if (a == NULL) {
        struct selv_coap_upload *u =
            selv_coap_upload_find(&w->up, 1, w->now, &w->peer, 2, rq);
        uint8_t code = selv_coap_upload_feed(u, w->now, &w->peer, 2, rq);
        if (code != 0) {
            selv_coap_reply_begin(&w->server, rq, code, out, &to);
            selv_coap_write_upload(&to, u, rq, code, w->szx_max);
            assert_int_equal(selv_coap_reply_end(&w->server, w->now, &w->peer,
                                                 rq, &to, SELV_COAP_RECOMPUTE,
                                                 out),
                             SELV_OK);
            return;
        }
        assert_int_equal(u->body.len, w->body_len);
        assert_memory_equal(u->body.p, w->body, w->body_len);
        w->executed++;
        a = selv_coap_answer_begin(w->answers, 2, w->now, &w->peer, 2, rq);
        assert_non_null(a);
        memcpy(a->body.p, w->body, w->body_len);
        a->body.len = w->body_len;
        a->code = SELV_COAP_CHANGED;
        a->content_format = SELV_COAP_OCTETS;
        selv_coap_upload_end(u);
    }
    assert_int_equal(
        selv_coap_answer_write(&w->server, a, w->now, rq, w->szx_max, out),
        SELV_OK);
}

static void serve_later(struct world *w, const struct selv_coap_msg *rq,
                        struct selv_buf *out)
{
    w->executed++;
    if (w->is_later) { /* one place only; a real server has a list */
        selv_coap_reply_code(&w->server, rq, SELV_COAP_UNAVAILABLE, NULL, out);
        return;
    }
    selv_coap_later_begin(&w->server, &w->later, w->now, &w->peer, rq, out);
    w->is_later = true;
    w->later_ms = w->now + 4000; /* longer than a retransmission */
}

static void later_run(struct world *w, uint64_t *wake_ms)
{
    uint64_t until_ms;
    struct selv_bytes datagram;
    enum selv_err err;
    if (w->is_later && w->later_ms != 0 && w->now >= w->later_ms) {
        struct selv_coap_writer to;
        struct selv_buf out = {w->later_buf, sizeof w->later_buf, 0};
        selv_coap_later_reply_begin(&w->server, &w->later, SELV_COAP_CONTENT,
                                    &out, &to);
        selv_coap_write_payload(&to, selv_bytes(w->body, w->body_len));
        assert_int_equal(
            selv_coap_later_reply_end(&w->server, &w->later, w->now, &to),
            SELV_OK);
        w->later_ms = 0;
    }
    if (w->is_later && w->later_ms != 0) {
        *wake_ms = w->later_ms < *wake_ms ? w->later_ms : *wake_ms;
    }
    while (w->is_later) {
        enum selv_coap_action a =
            selv_coap_later_poll(&w->later, w->now, &until_ms, &datagram, &err);
        if (a == SELV_COAP_SEND) {
            packet_send(w, false, datagram.p, datagram.len);
        } else if (a == SELV_COAP_WAIT) {
            *wake_ms = until_ms < *wake_ms ? until_ms : *wake_ms;
            return;
        } else {
            w->is_later = false;
        }
    }
}

static void server_take(struct world *w, const struct packet *q)
{
    struct selv_coap_msg rq;
    uint8_t buf[PACKET_MAX];
    struct selv_buf out = {buf, sizeof buf, 0};
    struct selv_bytes in = {q->bytes, q->len};
    if (w->is_later && selv_coap_later_feed(&w->later, &w->peer, in)) {
        return;
    }
    enum selv_coap_heard heard =
        selv_coap_server_feed(&w->server, w->now, &w->peer, in, &rq, &out);
    if (heard == SELV_COAP_DROP) {
        return;
    }
    if (heard == SELV_COAP_REQUEST && rq.code == SELV_COAP_GET &&
        selv_coap_path_match(&rq, "later", NULL)) {
        serve_later(w, &rq, &out);
    } else if (heard == SELV_COAP_REQUEST && rq.code == SELV_COAP_GET) {
        serve_get(w, &rq, &out);
    } else if (heard == SELV_COAP_REQUEST &&
               selv_coap_path_match(&rq, "both", NULL)) {
        serve_both(w, &rq, &out);
    } else if (heard == SELV_COAP_REQUEST) {
        serve_put(w, &rq, &out);
    }
    if (out.len > 0) {
        packet_send(w, false, out.p, out.len);
    }
}

/* ---- the client's application -----------------------------------------------
 */

/* Runs the client until it waits. Its last word, or WAIT. */
static enum selv_coap_action client_run(struct world *w, uint64_t *wake_ms,
                                        struct selv_coap_event *event)
{
    uint8_t buf[PACKET_MAX];
    for (;;) {
        struct selv_buf out = {buf, sizeof buf, 0};
        enum selv_coap_action a =
            selv_coap_client_poll(&w->client, w->now, &out, event);
        switch (a) {
        case SELV_COAP_SEND:
            packet_send(w, true, out.p, out.len);
            break;
        case SELV_COAP_BLOCK:
            assert_int_equal(event->offset, w->got_len);
            assert_true(w->got_len + event->payload.len <= BODY_MAX);
            memcpy(w->got + w->got_len, event->payload.p, event->payload.len);
            w->got_len += event->payload.len;
            break;
        case SELV_COAP_WAIT:
            *wake_ms = event->until_ms < *wake_ms ? event->until_ms : *wake_ms;
            return a;
        case SELV_COAP_DONE:
        case SELV_COAP_FAILED:
        default:
            return a;
        }
    }
}

static struct packet *queue_next(struct world *w)
{
    struct packet *first = NULL;
    for (size_t i = 0; i < QUEUE_MAX; i++) {
        struct packet *q = &w->queue[i];
        if (q->is_used && (first == NULL || q->due_ms < first->due_ms)) {
            first = q;
        }
    }
    return first;
}

static void deliver(struct world *w, struct packet *q)
{
    q->is_used = false;
    if (q->to_server) {
        server_take(w, q);
        return;
    }
    free(w->client_rx);
    w->client_rx = malloc(q->len > 0 ? q->len : 1);
    assert_non_null(w->client_rx);
    memcpy(w->client_rx, q->bytes, q->len);
    (void)selv_coap_client_feed(&w->client, w->now,
                                selv_bytes(w->client_rx, q->len));
}

/* ---- one case
 * ------------------------------------------------------------------ */

struct flow {
    const char *name;
    uint8_t code;
    const char *path;
    uint8_t szx;     /* the client's */
    uint8_t szx_max; /* the server's */
    size_t len;      /* of the body, either way */
};

/* Runs one transfer to its end, and the link until it is empty. */
static enum selv_err run(const struct flow *f, const struct weather *weather,
                         uint32_t *packets, uint32_t *executed)
{
    static const uint8_t random[8] = {3, 1, 4, 1, 5, 9, 2, 6};
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    struct selv_coap_request rq = {0};
    struct selv_coap_event event;
    struct selv_buf up_buf = {w->up_buf, BODY_MAX, 0};
    enum selv_coap_action last = SELV_COAP_WAIT;
    enum selv_err err = SELV_OK;

    w->weather = *weather;
    w->now = 5000;
    w->body = content;
    w->body_len = f->len;
    w->szx_max = f->szx_max;
    w->peer = (struct selv_coap_peer){3, {1, 2, 3}};
    selv_coap_client_init(&w->client);
    selv_coap_server_init(&w->server, w->seen, 4, random);
    selv_coap_upload_init(&w->up, up_buf);
    for (size_t i = 0; i < 2; i++) {
        struct selv_buf buf = {w->answer_buf[i], BODY_MAX, 0};
        selv_coap_answer_init(&w->answers[i], buf);
    }

    rq.code = f->code;
    rq.szx = f->szx;
    rq.content_format = SELV_COAP_NO_FORMAT;
    rq.accept = SELV_COAP_NO_FORMAT;
    rq.path = selv_bytes(f->path, strlen(f->path));
    rq.body_max = BODY_MAX;
    rq.deadline_ms = 3600000;
    if (f->code != SELV_COAP_GET) {
        rq.payload = selv_bytes(content, f->len);
    }
    assert_int_equal(selv_coap_client_start(&w->client, &rq, random, w->now),
                     SELV_OK);
    for (int steps = 0;; steps++) {
        assert_true(steps < 100000); /* it ends */
        uint64_t wake_ms = UINT64_MAX;
        enum selv_coap_action a = client_run(w, &wake_ms, &event);
        if (a != SELV_COAP_WAIT) {
            assert_int_equal(last, SELV_COAP_WAIT); /* told once */
            last = a;
            err = event.err;
        }
        later_run(w, &wake_ms);
        struct packet *q = queue_next(w);
        if (q != NULL && q->due_ms <= wake_ms) {
            w->now = q->due_ms;
            deliver(w, q);
        } else if (wake_ms != UINT64_MAX) {
            w->now = wake_ms > w->now ? wake_ms : w->now;
        } else if (a == SELV_COAP_WAIT) {
            break;
        }
    }
    assert_int_not_equal(last, SELV_COAP_WAIT);
    if (last == SELV_COAP_DONE &&
        (f->code == SELV_COAP_GET || strcmp(f->path, "both") == 0)) {
        assert_int_equal(w->got_len, f->len);
        assert_memory_equal(w->got, content, f->len);
    }
    *packets = w->packets;
    *executed = w->executed;
    free(w->client_rx);
    free(w);
    return err;
}

static void rerun_hint(const struct flow *f, const struct weather *w)
{
    print_message("flow '%s'", f->name);
    for (int i = 0; i < w->count; i++) {
        print_message(", packet %u %s", w->number[i], harm_names[w->harm[i]]);
    }
    print_message("\n");
}

/* A case that must end well. */
static void run_well(const struct flow *f, const struct weather *w)
{
    uint32_t packets;
    uint32_t executed;
    enum selv_err err = run(f, w, &packets, &executed);
    bool is_once = f->code != SELV_COAP_GET || strcmp(f->path, "later") == 0;
    if (err != SELV_OK || (is_once && executed != 1)) {
        rerun_hint(f, w);
        fail_msg("error %d, executed %u times", err, executed);
    }
}

static const struct flow flows[] = {
    {"GET in 64", SELV_COAP_GET, "i/0", 2, 6, 300},
    {"GET, server halves", SELV_COAP_GET, "i/0", 3, 2, 300},
    {"GET at once", SELV_COAP_GET, "i/0", 6, 6, 300},
    {"PUT in 64", SELV_COAP_PUT, "up", 2, 6, 300},
    {"PUT, server quarters", SELV_COAP_PUT, "up", 4, 2, 600},
    {"POST at once", SELV_COAP_POST, "up", 6, 6, 300},
    {"separate", SELV_COAP_GET, "later", 6, 6, 100},
    {"POST both ways in 64", SELV_COAP_POST, "both", 2, 6, 300},
    {"FETCH both ways, server halves", SELV_COAP_FETCH, "both", 3, 2, 300},
    {"iPATCH, the answer in 64", SELV_COAP_IPATCH, "both", 6, 2, 300},
};
#define FLOWS (sizeof flows / sizeof flows[0])

static void test_coap_link_fair(void **state)
{
    static const struct weather fair = {0};
    uint32_t packets;
    uint32_t executed;
    (void)state;
    for (size_t i = 0; i < FLOWS; i++) {
        assert_int_equal(run(&flows[i], &fair, &packets, &executed), SELV_OK);
        print_message("%s: %u packets\n", flows[i].name, packets);
    }
    assert_int_equal(run(&flows[0], &fair, &packets, &executed), SELV_OK);
    assert_int_equal(packets, 10); /* five blocks, there and back */
}

static void test_coap_link_each_packet_harmed(void **state)
{
    static const struct weather fair = {0};
    uint32_t cases = 0;
    (void)state;
    for (size_t i = 0; i < FLOWS; i++) {
        uint32_t packets;
        uint32_t executed;
        assert_int_equal(run(&flows[i], &fair, &packets, &executed), SELV_OK);
        for (uint32_t n = 0; n < packets; n++) {
            for (enum harm h = LOST; h < HARMS; h++) {
                struct weather w = {1, {n, 0}, {h, LOST}, 0, 0};
                run_well(&flows[i], &w);
                cases++;
            }
        }
    }
    print_message("%u cases\n", cases);
}

/* The second harm may hit what the first one caused, too. */
static void test_coap_link_each_pair_harmed(void **state)
{
    static const struct weather fair = {0};
    uint32_t cases = 0;
    (void)state;
    for (size_t i = 0; i < FLOWS; i++) {
        uint32_t packets;
        uint32_t executed;
        assert_int_equal(run(&flows[i], &fair, &packets, &executed), SELV_OK);
        for (uint32_t n = 0; n < packets; n++) {
            for (uint32_t k = n + 1; k < packets + 2; k++) {
                for (uint32_t h = 0; h < (uint32_t)HARMS * HARMS; h++) {
                    struct weather w = {
                        2,
                        {n, k},
                        {(enum harm)(h % HARMS), (enum harm)(h / HARMS)},
                        0,
                        0};
                    run_well(&flows[i], &w);
                    cases++;
                }
            }
        }
    }
    print_message("%u cases\n", cases);
}

/* By chance: well, or no answer in time. Never another end, never twice. */
static void test_coap_link_storm(void **state)
{
    uint32_t well = 0;
    uint32_t timeouts = 0;
    (void)state;
    for (uint32_t seed = 0; seed < 1400; seed++) {
        const struct flow *f = &flows[seed % FLOWS];
        struct weather w = {0, {0, 0}, {LOST, LOST}, seed % 60, seed * 7919u};
        uint32_t packets;
        uint32_t executed;
        enum selv_err err = run(f, &w, &packets, &executed);
        well += err == SELV_OK;
        timeouts += err == SELV_ERR_COAP_TIMEOUT;
        if ((err != SELV_OK && err != SELV_ERR_COAP_TIMEOUT) || executed > 1) {
            fail_msg("seed %u, flow '%s': error %d, executed %u times", seed,
                     f->name, err, executed);
        }
    }
    print_message("%u well, %u timeouts\n", well, timeouts);
    assert_true(well > 1000);
}

/* Both directions, all block sizes of both sides, lengths around a block. */
static void test_coap_link_all_sizes(void **state)
{
    static const struct weather fair = {0};
    (void)state;
    for (uint8_t szx = 0; szx <= 6; szx++) {
        for (uint8_t szx_max = 0; szx_max <= 6; szx_max++) {
            size_t len = selv_coap_block_len(szx);
            const size_t lens[] = {0,           1,          15,      16,
                                   len - 1,     len,        len + 1, 2 * len,
                                   2 * len + 1, 4 * len + 5};
            for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
                struct flow get = {"GET", SELV_COAP_GET, "i/0",
                                   szx,   szx_max,       lens[i]};
                struct flow put = {"PUT", SELV_COAP_PUT, "up",
                                   szx,   szx_max,       lens[i]};
                run_well(&get, &fair);
                run_well(&put, &fair);
            }
        }
    }
}

int main(void)
{
    for (size_t i = 0; i < BODY_MAX; i++) {
        content[i] = (uint8_t)(i * 31 + (i >> 8) * 7);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coap_link_fair),
        cmocka_unit_test(test_coap_link_each_packet_harmed),
        cmocka_unit_test(test_coap_link_each_pair_harmed),
        cmocka_unit_test(test_coap_link_storm),
        cmocka_unit_test(test_coap_link_all_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
