/* SPDX-License-Identifier: Apache-2.0
 *
 * One transfer at a time, and what its end means. Nothing that arrives
 * here is believed: an id is a label, a manifest goes to the decision, a
 * piece of an image to a slot that nothing boots from yet. */
#define SELV_MODULE 0x434e5843u /* "CNXC" */
#include "consumer/consumer_int.h"

#define ID_LEN 16u         /* hexadecimal digits */
#define ANSWER_MAX 255u    /* bytes of an answer to a POST */
#define POST_MS 100000u    /* longer than MAX_TRANSMIT_WAIT [RFC 7252 4.8.2] */
#define COURTESY_MS 20000u /* for a report that must not hold up the update */
#define COURTESY_LEAST_MS 1000u
#define MANIFEST_MS 300000u

bool selv_consumer_is_away(enum selv_err err, uint8_t code)
{
    return err == SELV_ERR_COAP_TIMEOUT || err == SELV_ERR_COAP_RESET ||
           err == SELV_ERR_UPDATE_AWAY ||
           (err == SELV_ERR_COAP_CODE && SELV_COAP_CLASS(code) == 5);
}

/* Whom this step's exchange is with. */
static uint8_t partner(const struct selv_consumer *c)
{
    switch ((enum step)c->step) {
    case STEP_MANIFEST:
        return c->source;
    default:
        return c->tracker;
    }
}

/* Reports on the way into an update are sent, but never waited for long. */
static bool is_courtesy(const struct selv_consumer *c)
{
    return c->then == STEP_IMAGE || c->then == STEP_REBOOT;
}

/* ---- what the client tells of the path ------------------------------------
 */

void selv_consumer_know_path(struct selv_consumer *c,
                             struct selv_consumer_lane *l)
{
    uint8_t random[8];

    if (l->path_of != l->source) {
        selv_consumer_draw(c, random);
        selv_coap_path_init(&l->path, selv_get_be32(random));
        l->path_of = l->source;
    }
}

static void note_send(struct selv_consumer *c, size_t len)
{
    if (c->sends == 0) {
        c->sent_ms = (uint32_t)c->now_ms;
    }
    if (c->sends < UINT8_MAX) {
        c->sends++;
    }
    selv_coap_path_sent(&c->lane->path, (uint32_t)len);
    /* One at a time: what is delivered says nothing of what could be. */
    selv_coap_path_limited(&c->lane->path);
}

/* A first answer; of a request that was repeated nobody knows to which. */
static void note_answer(struct selv_consumer *c)
{
    uint32_t rtt = (uint32_t)c->now_ms - c->sent_ms;

    if (c->sends > 0 && c->lane->rx_len > 0) {
        rtt = c->sends > 1 ? 0 : rtt < 1 ? 1 : rtt;
        selv_coap_path_answered(
            &c->lane->path, c->lane->path.next - 1, c->lane->rx_len, 0,
            rtt > UINT16_MAX ? 0 : (uint16_t)rtt, (uint32_t)c->now_ms);
    }
    c->sends = 0;
}

/* Eight round trips, where they are known: what is not taken by then was lost,
 * and a repetition would hold up the update for seconds. */
static uint32_t courtesy_ms(const struct selv_consumer *c)
{
    uint32_t ms = c->lane->path.srtt;

    if (!selv_coap_path_is_known(&c->lane->path) || ms > COURTESY_MS) {
        return COURTESY_MS;
    }
    return ms > COURTESY_LEAST_MS ? ms : COURTESY_LEAST_MS;
}

/* ---- requests -------------------------------------------------------------
 */

static void ask_post(struct selv_consumer *c, struct selv_bytes path)
{
    c->lane->rq.code = SELV_COAP_POST;
    c->lane->rq.path = path;
    c->lane->rq.content_format = SELV_COAP_CBOR;
    c->lane->rq.payload = selv_bytes(c->body, c->body_len);
    c->lane->rq.body_max = ANSWER_MAX;
    c->lane->rq.deadline_ms = is_courtesy(c) ? courtesy_ms(c) : POST_MS;
}

static void ask_manifest(struct selv_consumer *c)
{
    c->lane->rq.code = SELV_COAP_GET;
    c->lane->rq.path = selv_bytes("m", 1);
    if (is_plain(c, c->source)) {
        c->lane->rq.path = selv_bytes(c->path.p + 1, c->path.len - 1);
        c->lane->rq.query = c->query;
    }
    /* C8: what is most likely there still is named, so that a poll that
     * finds nothing else costs one exchange. */
    if (!is_loader(c, SELV_LOADER_NEEDED)) {
        c->lane->rq.etag =
            selv_bytes(c->config->record->digest, SELV_COAP_ETAG_MAX);
    }
    if (c->is_skipping) {
        c->lane->rq.etag = selv_bytes(c->skip_etag, sizeof c->skip_etag);
    }
    /* Longer than the buffer is found out while taking it. */
    c->lane->rq.body_max = UINT32_MAX;
    c->lane->rq.deadline_ms = MANIFEST_MS;
}

static enum selv_err start_coap(struct selv_consumer *c)
{
    uint8_t random[8];

    selv_consumer_know_path(c, c->lane);
    memset(&c->lane->rq, 0, sizeof c->lane->rq);
    c->lane->rq.szx = SELV_COAP_SZX;
    c->lane->rq.content_format = SELV_COAP_NO_FORMAT;
    c->lane->rq.accept = SELV_COAP_NO_FORMAT;
    c->lane->rq.host = c->config->sources[c->busy].host;
    if (c->step == STEP_REGISTER) {
        selv_consumer_put_profile(c);
        ask_post(c, selv_bytes("reg", 3));
    } else {
        c->lane->rq.query = selv_bytes(c->id_query, sizeof c->id_query);
        if (c->step == STEP_REPORT) {
            selv_consumer_put_status(c);
            ask_post(c, selv_bytes("s", 1));
        } else {
            ask_manifest(c);
        }
    }
    c->lane->rx_len = 0;
    c->lane->is_oversize = false;
    c->lane->is_gone = false;
    selv_consumer_draw(c, random);
    c->sends = 0;
    selv_coap_client_init(&c->lane->client);
    return selv_coap_client_start(&c->lane->client, &c->lane->rq, random,
                                  c->now_ms);
}

static enum selv_err start(struct selv_consumer *c)
{
    enum selv_err err = SELV_OK;

    c->busy = partner(c);
    c->lane->source = c->busy;
    if (c->step == STEP_MANIFEST) {
        c->envelope_len = 0;
        clear_flag(c, FLAG_WHOLE | FLAG_PART | FLAG_WRITTEN | FLAG_IMAGE_GOOD |
                          FLAG_AWAY | FLAG_BAD);
        selv_consumer_name_manifest(c);
    }
    if (!is_port(c, c->busy)) {
        err = start_coap(c);
    } else {
        selv_consumer_read(c, c->lane, 0, SELV_CONSUMER_TO_END);
    }
    if (!err) {
        c->lane->is_busy = true;
    }
    return err;
}

static void stop(struct selv_consumer *c)
{
    selv_coap_client_abort(&c->lane->client);
    c->lane->is_busy = false;
    c->lane->rx_len = 0;
}

/* ---- the end of a transfer ------------------------------------------------
 */

/* 4.01: the server does not know our id (any more). Asking for one again is
 * tried once in a cycle. */
static void renew(struct selv_consumer *c)
{
    c->id_len = 0;
    if (has_flag(c, FLAG_RENEWED)) {
        selv_consumer_turn(c, SELV_ERR_UPDATE_SERVER);
        return;
    }
    set_flag(c, FLAG_RENEWED);
    c->step = STEP_REGISTER;
}

/* A tracker does not take the profile, or a report that it is to have. That of
 * another source keeps nobody from asking this one; the report waits. */
static void pass_over(struct selv_consumer *c, enum selv_err err)
{
    if (c->then == STEP_MANIFEST && c->tracker != c->source) {
        c->step = STEP_MANIFEST;
    } else {
        selv_consumer_turn(c, err);
    }
}

static void end_register(struct selv_consumer *c, enum selv_err err)
{
    if (!err && !has_id(c)) {
        err = SELV_ERR_UPDATE_SERVER;
    }
    if (!err) {
        c->step = c->report.is_wanted ? (uint8_t)STEP_REPORT : c->then;
    } else if (is_courtesy(c)) {
        c->report.is_wanted = false;
        c->step = c->then;
    } else {
        pass_over(c, err);
    }
}

static void end_report(struct selv_consumer *c, enum selv_err err, uint8_t code)
{
    if (err && !is_courtesy(c)) {
        if (err == SELV_ERR_COAP_CODE && code == SELV_COAP_UNAUTHORIZED) {
            renew(c);
            return;
        }
        if (selv_consumer_is_away(err, code)) {
            pass_over(c, err);
            return;
        }
    }
    /* Taken, or refused in a way that asking again does not change. */
    c->report.is_wanted = false;
    if (!err && c->report.is_of_boot) {
        selv_consumer_note_told(c);
    }
    c->step = c->then;
}

static void end_manifest(struct selv_consumer *c, enum selv_err err,
                         uint8_t code)
{
    c->then = STEP_MANIFEST;
    if ((!err && code == SELV_COAP_VALID) || err == SELV_ERR_UPDATE_MISSING ||
        (err == SELV_ERR_COAP_CODE && code == SELV_COAP_NOT_FOUND)) {
        selv_consumer_turn(c, SELV_OK);
    } else if (err == SELV_ERR_COAP_CODE && code == SELV_COAP_UNAUTHORIZED &&
               !is_plain(c, c->source)) {
        renew(c);
    } else if (err) {
        selv_consumer_turn(c, err);
    } else if (c->envelope_len == 0) {
        selv_consumer_turn(c, SELV_ERR_UPDATE_SERVER);
    } else {
        if (!has_flag(c, FLAG_PART)) {
            set_flag(c, FLAG_WHOLE);
        }
        c->step = STEP_DECIDE;
        selv_consumer_tell(c, SELV_UPDATE_NOTIFIED, SELV_OK);
    }
}

static void end(struct selv_consumer *c, enum selv_err err, uint8_t code)
{
    if (err == SELV_ERR_COAP_TIMEOUT && c->lane->is_oversize) {
        err = SELV_ERR_COAP_BLOCK;
    }
    if (c->step == STEP_REGISTER) {
        end_register(c, err);
    } else if (c->step == STEP_REPORT) {
        end_report(c, err, code);
    } else {
        end_manifest(c, err, code);
    }
}

/* ---- pieces of an answer --------------------------------------------------
 */

static bool is_hex(struct selv_bytes s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool is_digit = s.p[i] >= '0' && s.p[i] <= '9';
        if (!is_digit && (s.p[i] < 'a' || s.p[i] > 'f')) {
            return false;
        }
    }
    return true;
}

static enum selv_err take_id(struct selv_consumer *c,
                             const struct selv_coap_event *event)
{
    if (event->payload.len != ID_LEN || !is_hex(event->payload)) {
        c->id_len = 0;
        return SELV_ERR_UPDATE_SERVER;
    }
    c->id_query[0] = 'd';
    c->id_query[1] = '=';
    memcpy(c->id_query + 2, event->payload.p, ID_LEN);
    c->id_len = ID_LEN;
    c->id_source = c->tracker;
    return SELV_OK;
}

/* Of one that is longer than the buffer, the manifest may still lie within what
 * has come; what lies beyond can only be integrated payloads. */
void selv_consumer_take_manifest(struct selv_consumer *c,
                                 struct selv_bytes piece)
{
    size_t room = SELV_SUIT_ENVELOPE_MAX - c->envelope_len;
    size_t len = piece.len < room ? piece.len : room;

    memcpy(c->envelope + c->envelope_len, piece.p, len);
    c->envelope_len = (uint16_t)(c->envelope_len + len);
    if (len < piece.len) {
        set_flag(c, FLAG_PART);
    }
}

static void take(struct selv_consumer *c, const struct selv_coap_event *event)
{
    enum selv_err err = SELV_OK;

    if (c->step == STEP_REPORT) {
        return;
    }
    if (c->step == STEP_REGISTER) {
        err = take_id(c, event);
    } else if (event->code != SELV_COAP_CONTENT) {
        err = SELV_ERR_UPDATE_SERVER;
    } else {
        selv_consumer_take_manifest(c, event->payload);
    }
    if (err || (c->step == STEP_MANIFEST && has_flag(c, FLAG_PART))) {
        stop(c);
        end(c, err, event->code);
    }
}

static void poll_read(struct selv_consumer *c)
{
    enum selv_err err;

    if (selv_consumer_has_read(c, c->lane, &err)) {
        c->lane->is_busy = false;
        end(c, err, err ? 0 : SELV_COAP_CONTENT);
    }
}

static void poll_coap(struct selv_consumer *c)
{
    struct selv_buf out = {c->tx, sizeof c->tx, 0};
    struct selv_coap_event event = {0};

    if (c->lane->is_gone) {
        stop(c);
        end(c, SELV_ERR_UPDATE_AWAY, 0);
        return;
    }
    switch (selv_coap_client_poll(&c->lane->client, c->now_ms, &out, &event)) {
    case SELV_COAP_WAIT:
        c->lane->rx_len = 0;
        c->todo.until_ms = event.until_ms;
        break;
    case SELV_COAP_SEND:
        c->todo.kind = SELV_CONSUMER_SEND;
        c->todo.source = c->busy;
        c->todo.bytes = selv_bytes(c->tx, out.len);
        note_send(c, out.len);
        break;
    case SELV_COAP_BLOCK:
        note_answer(c);
        take(c, &event);
        break;
    case SELV_COAP_DONE:
    case SELV_COAP_FAILED:
        note_answer(c);
        c->lane->is_busy = false;
        c->lane->rx_len = 0;
        end(c, event.err, event.code);
        break;
    }
}

void selv_consumer_exchange(struct selv_consumer *c)
{
    if (!c->lane->is_busy) {
        enum selv_err err = start(c);
        if (err) {
            end(c, err, 0);
        }
    } else if (is_port(c, c->busy)) {
        poll_read(c);
    } else {
        poll_coap(c);
    }
}
