/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/app_consumer.c - the real firmware consumer as the application, and an
 * update server that answers it over a link in memory: the real CoAP engine
 * on both sides, and a clock that jumps to whatever is waited for. */
#include "sim/world.h"

#include <stdio.h>

#include "coap/coap.h"
#include "consumer/consumer.h"

enum {
    STEPS_MAX = 100000,  /* polls in one run: more is a loop */
    DATAGRAM_MAX = 1500, /* bytes */
    SEEN_COUNT = 16,     /* requests that the server remembers */
    POLL_INTERVAL_S = 86400,
    TRIAL_TIMEOUT_S = 600
};

struct server {
    const struct selv_release *release;
    struct selv_coap_server coap;
    struct selv_coap_seen seen[SEEN_COUNT];
    uint8_t reply[DATAGRAM_MAX];
};

static const struct selv_coap_peer peer = {.len = 1, .addr = {1}};

/* ---- server ---------------------------------------------------------------
 */

static struct selv_bytes reply_body(struct server *s,
                                    const struct selv_coap_msg *rq,
                                    struct selv_bytes body,
                                    struct selv_bytes etag)
{
    struct selv_buf out = {s->reply, sizeof s->reply, 0};
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    if (selv_coap_has_etag(rq, etag)) {
        selv_coap_reply_begin(&s->coap, rq, SELV_COAP_VALID, &out, &w);
        selv_coap_write_opt(&w, SELV_COAP_OPT_ETAG, etag);
    } else if (selv_coap_slice(rq, (uint32_t)body.len, SELV_COAP_SZX, &slice) !=
               SELV_OK) {
        selv_coap_reply_code(&s->coap, rq, SELV_COAP_BAD_REQUEST, NULL, &out);
        return selv_bytes(out.p, out.len);
    } else {
        selv_coap_reply_begin(&s->coap, rq, SELV_COAP_CONTENT, &out, &w);
        selv_coap_write_slice(&w, &slice, etag, SELV_COAP_OCTETS, 60);
        selv_coap_write_payload(&w,
                                selv_bytes(body.p + slice.offset, slice.len));
    }
    if (selv_coap_reply_end(&s->coap, 0, &peer, rq, &w, SELV_COAP_RECOMPUTE,
                            &out)) {
        return selv_bytes(NULL, 0);
    }
    return selv_bytes(out.p, out.len);
}

static struct selv_bytes reply_text(struct server *s,
                                    const struct selv_coap_msg *rq,
                                    uint8_t code, const char *text)
{
    struct selv_buf out = {s->reply, sizeof s->reply, 0};
    struct selv_coap_writer w;
    selv_coap_reply_begin(&s->coap, rq, code, &out, &w);
    if (text != NULL) {
        selv_coap_write_payload(&w, selv_bytes(text, strlen(text)));
    }
    if (selv_coap_reply_end(&s->coap, 0, &peer, rq, &w, SELV_COAP_RECOMPUTE,
                            &out)) {
        return selv_bytes(NULL, 0);
    }
    return selv_bytes(out.p, out.len);
}

static bool is_hex_of(struct selv_bytes text, const uint8_t digest[static 32])
{
    static const char hex[] = "0123456789abcdef";
    if (text.len != 64) {
        return false;
    }
    for (size_t i = 0; i < 64; i++) {
        uint8_t nibble = i % 2 == 0 ? digest[i / 2] >> 4 : digest[i / 2] & 15;
        if (text.p[i] != (uint8_t)hex[nibble]) {
            return false;
        }
    }
    return true;
}

/* docs/spec/coap.md, as far as one device with one release meets it. */
static struct selv_bytes answer(struct server *s,
                                const struct selv_coap_msg *rq)
{
    const struct selv_release *r = s->release;
    struct selv_bytes star;
    if (selv_coap_path_match(rq, "reg", NULL)) {
        return reply_text(s, rq, SELV_COAP_CREATED, "0123456789abcdef");
    }
    if (selv_coap_path_match(rq, "s", NULL)) {
        return reply_text(s, rq, SELV_COAP_CHANGED, NULL);
    }
    if (selv_coap_path_match(rq, "m", NULL)) {
        return reply_body(s, rq, selv_bytes(r->envelope, r->envelope_len),
                          selv_bytes(r->digest, 8));
    }
    if (selv_coap_path_match(rq, "i/*", &star)) {
        for (uint32_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
            if (r->list_len[slot] > 0 &&
                is_hex_of(star, r->list_digest[slot])) {
                return reply_body(s, rq,
                                  selv_bytes(r->list[slot], r->list_len[slot]),
                                  selv_bytes(r->list_digest[slot], 8));
            }
            if (is_hex_of(star, r->image_digest[slot])) {
                return reply_body(s, rq,
                                  selv_bytes(r->image[slot], r->image_len),
                                  selv_bytes(r->image_digest[slot], 8));
            }
        }
    }
    return reply_text(s, rq, SELV_COAP_NOT_FOUND, NULL);
}

/* What comes back for a datagram; empty: nothing. */
static struct selv_bytes serve(struct server *s, struct selv_bytes datagram,
                               uint64_t now_ms)
{
    struct selv_coap_msg rq;
    struct selv_buf out = {s->reply, sizeof s->reply, 0};
    switch (
        selv_coap_server_feed(&s->coap, now_ms, &peer, datagram, &rq, &out)) {
    case SELV_COAP_REPLY:
        return selv_bytes(out.p, out.len);
    case SELV_COAP_REQUEST:
        return answer(s, &rq);
    case SELV_COAP_DROP:
    default:
        return selv_bytes(NULL, 0);
    }
}

/* ---- device ---------------------------------------------------------------
 */

static enum sim_end fault(struct sim_world *w, const char *words)
{
    snprintf(w->fault, sizeof w->fault, "consumer: %s", words);
    return SIM_END_FAULT;
}

/* The new release comes to its self-test: what happens then is what the flow
 * is about. True when the device goes on. */
static bool goes_on(struct sim_world *w, struct selv_consumer *c,
                    enum selv_reset_cause *cause)
{
    switch (w->flow) {
    case SIM_FLOW_UPDATE:
    case SIM_FLOW_REPEAT:
        if (sim_world_is_outage(w)) {
            *cause = SELV_RESET_POWER_ON;
            return false;
        }
        w->confirmed = w->record.sequence;
        selv_consumer_selftest(c, true);
        return true;
    case SIM_FLOW_WATCHDOG:
        /* Hangs: no answer ever. The consumer gives up when its time is
         * over. */
        return true;
    case SIM_FLOW_CRASH:
        *cause = SELV_RESET_CRASH;
        return false;
    case SIM_FLOW_REVERT:
    case SIM_FLOW_COUNT:
    default:
        *cause = sim_unconfirmed_cause(w);
        return false;
    }
}

static enum sim_end run(struct sim_world *w, struct selv_consumer *c,
                        struct server *server, enum selv_reset_cause *cause)
{
    struct selv_consumer_todo todo;
    struct selv_bytes reply;
    uint64_t now_ms = 0;
    bool has_polled = false;
    for (uint32_t step = 0; step < STEPS_MAX; step++) {
        switch (selv_consumer_poll(c, now_ms, &todo)) {
        case SELV_CONSUMER_SEND:
            has_polled = true;
            reply = serve(server, todo.bytes, now_ms);
            now_ms++;
            if (reply.len > 0) {
                selv_consumer_feed(c, todo.source, reply, now_ms);
            }
            break;
        case SELV_CONSUMER_WAIT:
            if (has_polled && selv_consumer_is_resting(c)) {
                return SIM_END_IDLE;
            }
            now_ms = todo.until_ms > now_ms ? todo.until_ms : now_ms + 1;
            break;
        case SELV_CONSUMER_SELFTEST:
            if (!goes_on(w, c, cause)) {
                return SIM_END_RESET;
            }
            break;
        case SELV_CONSUMER_REBOOT:
            *cause = SELV_RESET_REQUESTED;
            return SIM_END_RESET;
        case SELV_CONSUMER_GIVE_UP:
            *cause = SELV_RESET_WATCHDOG;
            return SIM_END_RESET;
        case SELV_CONSUMER_EVENT:
        default:
            break;
        }
    }
    return fault(w, "does not come to rest");
}

enum sim_end sim_app_consumer(struct sim_world *w, enum selv_reset_cause *cause)
{
    /* One of each is enough: a run ends before the next begins. */
    static struct selv_consumer c;
    static struct server server;
    static const uint8_t random[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const struct selv_consumer_source source = {.is_port = false};
    struct selv_consumer_config config;
    memset(&config, 0, sizeof config);
    config.flash = &w->v.flash;
    config.layout = &w->layout;
    config.factory = &w->factory;
    config.record = &w->record;
    config.sources = &source;
    config.source_count = 1;
    config.poll_interval_s = POLL_INTERVAL_S;
    config.trial_timeout_s = TRIAL_TIMEOUT_S;
    /* The same bytes at each start: a boot depends on nothing but flash and
     * history, so that it need not be run twice (sim/memo.h). */
    config.random[0] = 1;
    memset(&server, 0, sizeof server);
    server.release = sim_world_offer(w);
    selv_coap_server_init(&server.coap, server.seen, SEEN_COUNT, random);
    if (selv_consumer_init(&c, &config, 0)) {
        return fault(w, "does not start");
    }
    return run(w, &c, &server, cause);
}

enum sim_end sim_app_chunks(struct sim_world *w, enum selv_reset_cause *cause)
{
    return sim_app_consumer(w, cause);
}
