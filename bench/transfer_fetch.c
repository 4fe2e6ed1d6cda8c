/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/transfer_fetch.c - the contenders on lib/coap/fetch.c: many blocks in
 * flight, in as many slots as a host or a Class 1 device has. The path is
 * unknown at the start. */
#include "bench/transfer.h"
#include "coap/fetch.h"

#define SLOTS 64u
#define SLOTS_SMALL 8u
#define EXCHANGE_LEN 20u /* the answer to a poll: transfer.c's exchange_ms */

struct fetch_state {
    struct selv_coap_path path;
    struct selv_coap_fetch fetch;
    struct selv_coap_fetch_slot slots[SLOTS];
    const struct transfer_job *job;
    bool is_wanted;
};

static bool start(struct fetch_state *s, const struct transfer_job *job,
                  uint16_t slots, uint64_t now_ms)
{
    s->job = job;
    selv_coap_path_init(&s->path, selv_get_be32(job->random + 4));
    selv_coap_fetch_init(&s->fetch, &s->path, s->slots, slots);
    return selv_coap_fetch_start(&s->fetch, &job->request, job->random,
                                 now_ms) == SELV_OK;
}

static bool fetch_start(void *state, const struct transfer_job *job,
                        uint64_t now_ms)
{
    return start(state, job, SLOTS, now_ms);
}

/* What one exchange before, for the manifest, leaves behind: as the consumer
 * has it. */
static bool start_warm(struct fetch_state *s, const struct transfer_job *job,
                       uint16_t slots, uint64_t now_ms)
{
    if (!start(s, job, slots, now_ms)) {
        return false;
    }
    selv_coap_fetch_abort(&s->fetch);
    selv_coap_path_sent(&s->path, EXCHANGE_LEN);
    selv_coap_path_limited(&s->path);
    selv_coap_path_answered(&s->path, s->path.next - 1, EXCHANGE_LEN, 0,
                            job->rtt_ms, (uint32_t)now_ms);
    return selv_coap_fetch_start(&s->fetch, &job->request, job->random,
                                 now_ms) == SELV_OK;
}

static bool fetch_start_warm(void *state, const struct transfer_job *job,
                             uint64_t now_ms)
{
    return start_warm(state, job, SLOTS, now_ms);
}

static bool fetch_start_small(void *state, const struct transfer_job *job,
                              uint64_t now_ms)
{
    return start(state, job, SLOTS_SMALL, now_ms);
}

static bool fetch_start_small_warm(void *state, const struct transfer_job *job,
                                   uint64_t now_ms)
{
    return start_warm(state, job, SLOTS_SMALL, now_ms);
}

static void fetch_feed(void *state, uint64_t now_ms, struct selv_bytes datagram)
{
    struct fetch_state *s = state;
    (void)selv_coap_fetch_feed(&s->fetch, now_ms, datagram);
}

/* The length is known, as it is from a manifest. */
static void want(struct fetch_state *s)
{
    if (s->is_wanted ||
        selv_coap_fetch_want(&s->fetch, 0, s->job->request.body_max)) {
        selv_coap_fetch_all(&s->fetch);
    }
    s->is_wanted = true;
}

static enum selv_coap_action fetch_poll(void *state, uint64_t now_ms,
                                        struct selv_buf *out,
                                        struct transfer_event *event)
{
    struct fetch_state *s = state;
    struct selv_coap_event e;
    enum selv_coap_fetch_action action;
    while ((action = selv_coap_fetch_poll(&s->fetch, now_ms, out, &e)) ==
           SELV_COAP_FETCH_WANT) {
        want(s);
    }
    event->until_ms = e.until_ms;
    event->block = e.payload;
    event->offset = e.offset;
    event->err = e.err;
    switch (action) {
    case SELV_COAP_FETCH_SEND:
        return SELV_COAP_SEND;
    case SELV_COAP_FETCH_BLOCK:
        return SELV_COAP_BLOCK;
    case SELV_COAP_FETCH_DONE:
        return SELV_COAP_DONE;
    case SELV_COAP_FETCH_FAILED:
        return SELV_COAP_FAILED;
    case SELV_COAP_FETCH_WAIT:
    case SELV_COAP_FETCH_WANT:
    default:
        return SELV_COAP_WAIT;
    }
}

const struct transfer_contender transfer_fetch = {
    "fetch, 64 slots",
    "lib/coap/fetch.c, up to 64 blocks in flight, on a path not known before",
    sizeof(struct fetch_state),
    fetch_start,
    fetch_feed,
    fetch_poll};

const struct transfer_contender transfer_fetch_warm = {
    "warm, 64 slots",
    "the same, on a path that one exchange before has measured, as a device's",
    sizeof(struct fetch_state),
    fetch_start_warm,
    fetch_feed,
    fetch_poll};

const struct transfer_contender transfer_fetch_small = {
    "fetch, 8 slots",
    "up to 8 blocks in flight, as on a Class 1 device; path not known before",
    sizeof(struct fetch_state),
    fetch_start_small,
    fetch_feed,
    fetch_poll};

const struct transfer_contender transfer_fetch_small_warm = {
    "warm, 8 slots",
    "the same, on a path that one exchange before has measured",
    sizeof(struct fetch_state),
    fetch_start_small_warm,
    fetch_feed,
    fetch_poll};
