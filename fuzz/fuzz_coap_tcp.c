/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection that gets any bytes. However they are cut, it says the same;
 * what it tells is a message within its buffer; what it sends is one frame; and
 * it never keeps its caller busy.
 *
 * Input: a byte, the size of the pieces, then the stream. */
#include <stdlib.h>

#include "coap/tcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BUF 300u

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct world {
    struct selv_coap_tcp c;
    uint8_t buf[BUF];
    uint8_t tx[SELV_COAP_REPLY_MAX];
    uint32_t said; /* a hash of all that it told and sent */
    bool is_over;
};

static void say(struct world *w, uint8_t what, struct selv_bytes p)
{
    w->said = (w->said ^ what) * 16777619u;
    for (size_t i = 0; i < p.len; i++) {
        w->said = (w->said ^ p.p[i]) * 16777619u;
    }
}

static bool within(const struct world *w, struct selv_bytes p)
{
    return p.len == 0 || (p.p >= w->buf && p.p + p.len <= w->buf + BUF);
}

static void run(struct world *w)
{
    for (unsigned n = 0; !w->is_over; n++) {
        struct selv_buf out = {w->tx, sizeof w->tx, 0};
        struct selv_coap_tcp_event event;
        struct selv_coap_tcp_head head;
        struct selv_coap_msg m;
        must(n < 2 * BUF);
        enum selv_coap_tcp_action a =
            selv_coap_tcp_poll(&w->c, 5, &out, &event);
        switch (a) {
        case SELV_COAP_TCP_SEND:
            must(selv_coap_tcp_head_read(selv_bytes(w->tx, out.len), &head) ==
                 SELV_OK);
            must(head.frame_len == out.len && head.code >> 5 == 7);
            say(w, 1, selv_bytes(w->tx, out.len));
            break;
        case SELV_COAP_TCP_REQUEST:
        case SELV_COAP_TCP_RESPONSE:
            must(selv_coap_tcp_is_up(&w->c) && within(w, event.message));
            must(selv_coap_parse(event.message, &m) != SELV_ERR_COAP_FORMAT);
            must(m.code != 0);
            say(w, 2, event.message);
            break;
        case SELV_COAP_TCP_RELEASED:
            must(within(w, event.address) && within(w, event.text));
            say(w, 3, event.address);
            break;
        case SELV_COAP_TCP_CLOSE:
            must(within(w, event.text));
            say(w, (uint8_t)event.err, event.text);
            w->is_over = true;
            break;
        case SELV_COAP_TCP_WAIT:
        default:
            must(event.until_ms > 5);
            return;
        }
    }
}

static uint32_t stream(struct world *w, const uint8_t *p, size_t size,
                       size_t piece)
{
    memset(w, 0, sizeof *w);
    struct selv_buf buf = {w->buf, BUF, 0};
    selv_coap_tcp_init(&w->c, buf, 5);
    run(w);
    while (size > 0 && !w->is_over) {
        size_t n = size < piece ? size : piece;
        n = selv_coap_tcp_feed(&w->c, 5, selv_bytes(p, n));
        must(n > 0);
        p += n;
        size -= n;
        run(w);
    }
    return w->said;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    if (size < 1) {
        return 0;
    }
    uint32_t whole = stream(&w, data + 1, size - 1, SIZE_MAX);
    must(whole == stream(&w, data + 1, size - 1, 1));
    must(whole == stream(&w, data + 1, size - 1, 1u + data[0]));
    return 0;
}
