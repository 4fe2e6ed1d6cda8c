/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/transfer_client.c - the contenders on lib/coap/client.c: one exchange
 * at a time. Alone it gives up when a block has been lost five times; resumed,
 * it begins again at that block, as a device does. */
#include "bench/transfer.h"

struct client_state {
    struct selv_coap_client client;
    struct selv_coap_request request;
    const struct transfer_job *job;
    uint32_t got; /* bytes */
    uint32_t restarts;
    uint64_t end_ms; /* of the whole job */
};

static bool client_start(void *state, const struct transfer_job *job,
                         uint64_t now_ms)
{
    struct client_state *s = state;
    s->job = job;
    s->request = job->request;
    s->end_ms = now_ms + job->request.deadline_ms;
    selv_coap_client_init(&s->client);
    return selv_coap_client_start(&s->client, &s->request, job->random,
                                  now_ms) == SELV_OK;
}

static void client_feed(void *state, uint64_t now_ms,
                        struct selv_bytes datagram)
{
    struct client_state *s = state;
    (void)selv_coap_client_feed(&s->client, now_ms, datagram);
}

static enum selv_coap_action client_poll(void *state, uint64_t now_ms,
                                         struct selv_buf *out,
                                         struct transfer_event *event)
{
    struct client_state *s = state;
    struct selv_coap_event e = {0};
    enum selv_coap_action action =
        selv_coap_client_poll(&s->client, now_ms, out, &e);
    event->until_ms = e.until_ms;
    event->block = e.payload;
    event->offset = e.offset;
    event->err = e.err;
    if (action == SELV_COAP_BLOCK) {
        s->got = e.offset + (uint32_t)e.payload.len;
    }
    return action;
}

/* From the first block that is missing, with another token. */
static bool client_restart(struct client_state *s, uint64_t now_ms)
{
    uint8_t random[8];
    if (now_ms >= s->end_ms) {
        return false;
    }
    s->restarts++;
    memcpy(random, s->job->random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) {
        random[i] = (uint8_t)(random[i] ^ (s->restarts * 89u + i));
    }
    s->request.offset = s->got;
    s->request.deadline_ms = (uint32_t)(s->end_ms - now_ms);
    return selv_coap_client_start(&s->client, &s->request, random, now_ms) ==
           SELV_OK;
}

static enum selv_coap_action resumed_poll(void *state, uint64_t now_ms,
                                          struct selv_buf *out,
                                          struct transfer_event *event)
{
    struct client_state *s = state;
    enum selv_coap_action action = client_poll(s, now_ms, out, event);
    if (action == SELV_COAP_FAILED && event->err == SELV_ERR_COAP_TIMEOUT &&
        client_restart(s, now_ms)) {
        action = client_poll(s, now_ms, out, event);
    }
    return action;
}

const struct transfer_contender transfer_client = {
    "client",
    "one exchange at a time; ends when a block is lost 5 times",
    sizeof(struct client_state),
    client_start,
    client_feed,
    client_poll};

const struct transfer_contender transfer_client_resumed = {
    "resumed",
    "the same, beginning again at the block that is missing",
    sizeof(struct client_state),
    client_start,
    client_feed,
    resumed_poll};
