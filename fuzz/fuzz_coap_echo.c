/* SPDX-License-Identifier: Apache-2.0
 *
 * A server that guards its answers, asked by anybody. Whatever comes, an
 * address that has not echoed a value made for it gets three bytes for one at
 * most, or a challenge.
 *
 * Input: records of
 *   flags (1)  bits 0 and 1: the peer
 *              bit 2: put the latest challenge's value in the datagram's end
 *              bits 3 to 7: that many seconds later
 *   len (1), then len bytes: a datagram. */
#include <stdlib.h>

#include "coap/echo.h"
#include "test/unit/siphash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PEERS 4u
#define REPLY_LEN 300u

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct world {
    struct selv_coap_server s;
    struct selv_coap_echo e;
    struct selv_coap_verified table[2];
    uint8_t value[SELV_COAP_ECHO_OURS];
    uint8_t value_peer;
    bool has_value;
    bool has_echoed[PEERS];
    uint64_t now;
};

static void ask(struct world *w, uint8_t n, struct selv_bytes in)
{
    static uint8_t tx[400];
    struct selv_buf out = {tx, sizeof tx, 0};
    struct selv_coap_peer peer = {1, {n}};
    struct selv_coap_msg rq;
    struct selv_coap_msg m;
    struct selv_bytes v;
    if (selv_coap_server_feed(&w->s, w->now, &peer, in, &rq, &out) !=
        SELV_COAP_REQUEST) {
        return;
    }
    enum selv_coap_echo_verdict verdict =
        selv_coap_echo_judge(&w->e, w->now, &peer, &rq);
    if (selv_coap_opt_find(&rq, SELV_COAP_OPT_ECHO, &v) && w->has_value &&
        w->value_peer == n &&
        selv_bytes_equal(v, selv_bytes(w->value, sizeof w->value))) {
        w->has_echoed[n] = true;
    }
    must(verdict == SELV_COAP_ECHO_UNKNOWN || w->has_echoed[n]);
    out.len = REPLY_LEN;
    if (!selv_coap_echo_guard(&w->e, &w->s, w->now, &peer, &rq, in.len, verdict,
                              &out)) {
        must(verdict != SELV_COAP_ECHO_UNKNOWN || REPLY_LEN <= 3 * in.len);
        return;
    }
    must(out.len <= 26);
    must(selv_coap_parse(selv_bytes(tx, out.len), &m) == SELV_OK);
    must(m.code == SELV_COAP_UNAUTHORIZED && m.type != SELV_COAP_CON);
    must(selv_coap_opt_find(&m, SELV_COAP_OPT_ECHO, &v));
    must(v.len == sizeof w->value);
    memcpy(w->value, v.p, v.len);
    w->value_peer = n;
    w->has_value = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t all[16] = {1, 2, 3};
    uint8_t key[16] = {0};
    /* A key of its own for each input: what another learnt is of no use. */
    sip_tag(all, selv_bytes(data, size), key);
    const struct selv_coap_mac mac = {sip_tag, key};
    static struct world w;
    memset(&w, 0, sizeof w);
    w.now = 1000;
    selv_coap_server_init(&w.s, NULL, 0, key);
    selv_coap_echo_init(&w.e, mac, w.table, 2);
    for (size_t i = 0; i + 2 <= size;) {
        uint8_t rx[256];
        size_t len = data[i + 1];
        len = len < size - i - 2 ? len : size - i - 2;
        memcpy(rx, data + i + 2, len);
        if ((data[i] & 4u) != 0 && len >= sizeof w.value) {
            memcpy(rx + len - sizeof w.value, w.value, sizeof w.value);
        }
        w.now += (uint64_t)(data[i] >> 3) * 1000u;
        ask(&w, data[i] & 3u, selv_bytes(rx, len));
        i += 2 + len;
    }
    return 0;
}
