/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/qblock.c - the options of Q-Block, and what both directions and both
 * ends have in common: windows of blocks, sets, times [RFC 9177].
 *
 * Invariants:
 *  1 A window of what came begins with the first missing block, so that what is
 *    below needs no memory. A block beyond its end counts as not come.
 *  2 A receiver asks for the same block again only after a time that doubles,
 *    or when it sees the first block of a further set.
 *  3 A sender sends blocks of one set, then waits, unless it is told to go on;
 *    whatever a request asks for, each block is sent once for it.
 *  4 Both stop by themselves: a receiver after SELV_COAP_QBLOCK_RETRANSMIT
 *    requests in vain, a sender at the end of its row. */
#include "coap/qblock_int.h"

#define NONE SELV_COAP_QBLOCK_NONE
#define SET SELV_COAP_QBLOCK_SET
#define WINDOW ((uint32_t)SELV_COAP_QBLOCK_WINDOW)

const uint16_t selv_coap_qblock_options[2] = {SELV_COAP_OPT_QBLOCK1,
                                              SELV_COAP_OPT_QBLOCK2};

/* ---- the options ---------------------------------------------------------
 */

/* False when the value is no block. */
static bool block_read(struct selv_bytes value, struct selv_coap_block *block)
{
    uint32_t v = 0;
    if (value.len > 3 || !selv_coap_opt_uint(value, &v)) {
        return false;
    }
    block->num = v >> 4;
    block->more = (v & 8u) != 0;
    block->szx = (uint8_t)(v & 7u);
    return true;
}

static uint8_t q1_read(struct selv_coap_qblock *q, struct selv_bytes value)
{
    if (q->has_q1 || !block_read(value, &q->q1)) {
        return SELV_COAP_BAD_OPTION; /* [RFC 7252 5.4.5] */
    }
    q->has_q1 = true;
    return q->q1.szx > SELV_COAP_SZX_MAX ? SELV_COAP_BAD_REQUEST : 0;
}

/* latest: the one before, also when it found no room. */
static uint8_t q2_read(struct selv_coap_qblock *q, struct selv_bytes value,
                       struct selv_coap_block *latest)
{
    struct selv_coap_block block;
    if (!block_read(value, &block)) {
        return SELV_COAP_BAD_OPTION;
    }
    if (block.szx > SELV_COAP_SZX_MAX ||
        (q->q2_count > 0 &&
         (block.num <= latest->num || block.szx != latest->szx))) {
        return SELV_COAP_BAD_REQUEST;
    }
    if (q->q2_count < SET) {
        q->q2[q->q2_count++] = block;
    }
    *latest = block;
    return 0;
}

uint8_t selv_coap_qblock_read(const struct selv_coap_msg *m,
                              struct selv_coap_qblock *q)
{
    struct selv_coap_opt o;
    struct selv_coap_block latest = {0, 0, false};
    uint8_t code = 0;
    memset(q, 0, sizeof *q);
    selv_coap_opt_begin(m, &o);
    while (code == 0 && selv_coap_opt_next(&o)) {
        if (o.number == SELV_COAP_OPT_QBLOCK1) {
            code = q1_read(q, o.value);
        } else if (o.number == SELV_COAP_OPT_QBLOCK2) {
            code = q2_read(q, o.value, &latest);
        }
    }
    bool is_mixed =
        (m->has & (SELV_COAP_HAS_BLOCK1 | SELV_COAP_HAS_BLOCK2)) != 0 &&
        (q->has_q1 || q->q2_count > 0);
    if (code == 0 && is_mixed) {
        code = SELV_COAP_BAD_OPTION;
    }
    if (code != 0) {
        memset(q, 0, sizeof *q);
    }
    return code;
}

bool selv_coap_qblock_missing_next(struct selv_bytes *rest, uint32_t *num,
                                   bool *first)
{
    if (rest->len == 0 || rest->p[0] > 26) {
        return false; /* not unsigned, or longer than 32 bits */
    }
    uint32_t v = rest->p[0];
    size_t extra = v < 24 ? 0 : (size_t)1 << (v - 24);
    if (rest->len < 1 + extra) {
        return false;
    }
    if (extra > 0) {
        (void)selv_coap_opt_uint(selv_bytes(rest->p + 1, extra), &v);
    }
    if (v > SELV_COAP_BLOCK_NUM_MAX || (!*first && v <= *num)) {
        return false;
    }
    *first = false;
    *num = v;
    *rest = selv_bytes(rest->p + 1 + extra, rest->len - 1 - extra);
    return true;
}

bool selv_coap_qblock_fits(const struct selv_coap_block *block, size_t len,
                           uint32_t total)
{
    uint64_t offset = (uint64_t)block->num << (block->szx + 4);
    size_t full = selv_coap_block_len(block->szx);
    if (block->more) {
        return len == full && offset + len < total;
    }
    return len <= full && offset + len == total && (len > 0 || block->num == 0);
}

/* ---- windows ---------------------------------------------------------------
 */

static bool bit_get(const struct selv_coap_qbits *b, uint32_t num)
{
    uint32_t i = num - b->base;
    return i < WINDOW && ((unsigned)b->bit[i / 8] >> (i % 8) & 1u) != 0;
}

/* num lies in the window. */
static void bit_set(struct selv_coap_qbits *b, uint32_t num, bool value)
{
    uint32_t i = num - b->base;
    uint8_t mask = (uint8_t)(1u << (i % 8));
    if (value) {
        b->bit[i / 8] |= mask;
    } else {
        b->bit[i / 8] &= (uint8_t)~mask;
    }
}

/* The window begins one block later. */
static void bits_shift(struct selv_coap_qbits *b)
{
    size_t last = sizeof b->bit - 1;
    for (size_t i = 0; i < last; i++) {
        b->bit[i] = (uint8_t)(b->bit[i] >> 1 | b->bit[i + 1] << 7);
    }
    b->bit[last] >>= 1;
    b->base++;
}

/* The first block of the next set. */
static uint32_t set_end(uint32_t num)
{
    return num / SET * SET + SET;
}

/* ---- a body that comes in ---------------------------------------------------
 */

void selv_coap_qrx_init(struct selv_coap_qrx *rx, uint32_t count,
                        uint64_t now_ms)
{
    memset(rx, 0, sizeof *rx);
    rx->count = count;
    rx->last_ms = now_ms;
}

/* A block of a later set than the first missing one's has come: what is missing
 * of earlier ones was lost [RFC 9177 7.2]. */
static void later_set_seen(struct selv_coap_qrx *rx, uint32_t num)
{
    uint32_t set = num / SET;
    if (set > rx->asked_set) {
        rx->asked_set = set;
        if (rx->have.base < set * SET) {
            rx->ask_end = set * SET;
        }
    }
}

bool selv_coap_qrx_put(struct selv_coap_qrx *rx, uint32_t num, uint64_t now_ms)
{
    if (num < rx->have.base || bit_get(&rx->have, num)) {
        return false;
    }
    bool is_near = num - rx->have.base < WINDOW;
    if (is_near) {
        bit_set(&rx->have, num, true);
        rx->tries = 0;
        rx->last_ms = now_ms;
    }
    while (bit_get(&rx->have, rx->have.base)) {
        bits_shift(&rx->have);
    }
    if (num >= rx->seen_end) {
        rx->seen_end = num + 1;
    }
    later_set_seen(rx, num);
    uint32_t base = rx->have.base;
    if (is_near && base % SET == 0 && base > num && base == rx->seen_end &&
        base < rx->count) {
        rx->go_on = base;
    }
    return is_near;
}

void selv_coap_qrx_repeat(struct selv_coap_qrx *rx, uint32_t num)
{
    uint32_t base = rx->have.base;
    if (base == set_end(num) && base == rx->seen_end && base < rx->count) {
        rx->go_on = base;
    }
}

/* Ask for what is missing up to the end of the set of the highest block that
 * came, or of the first that is missing. */
static enum selv_coap_qrx_due time_over(struct selv_coap_qrx *rx,
                                        uint64_t now_ms)
{
    if (rx->tries == SELV_COAP_QBLOCK_RETRANSMIT) {
        return SELV_COAP_QRX_GIVE_UP;
    }
    rx->tries++;
    rx->last_ms = now_ms;
    rx->ask_end = set_end(rx->have.base);
    if (rx->seen_end > rx->ask_end) {
        rx->ask_end = set_end(rx->seen_end - 1);
    }
    return SELV_COAP_QRX_MISSING;
}

enum selv_coap_qrx_due selv_coap_qrx_look(struct selv_coap_qrx *rx,
                                          uint64_t now_ms, uint64_t *until_ms)
{
    *until_ms = UINT64_MAX;
    if (rx->have.base >= rx->count) {
        return SELV_COAP_QRX_WHOLE;
    }
    if (rx->go_on > 0) {
        return SELV_COAP_QRX_GO_ON;
    }
    if (rx->ask_end > rx->have.base) {
        return SELV_COAP_QRX_MISSING;
    }
    rx->ask_end = 0;
    uint64_t due_ms =
        rx->last_ms + ((uint64_t)SELV_COAP_QBLOCK_RECEIVE_MS << rx->tries);
    if (now_ms >= due_ms) {
        return time_over(rx, now_ms);
    }
    *until_ms = due_ms;
    return SELV_COAP_QRX_WAIT;
}

uint32_t selv_coap_qrx_next(const struct selv_coap_qrx *rx, uint32_t num)
{
    uint32_t end = rx->ask_end < rx->count ? rx->ask_end : rx->count;
    uint32_t at = num > rx->have.base ? num : rx->have.base;
    while (at < end && bit_get(&rx->have, at)) {
        at++;
    }
    return at < end ? at : NONE;
}

void selv_coap_qrx_asked(struct selv_coap_qrx *rx, uint64_t now_ms)
{
    rx->go_on = 0;
    rx->ask_end = 0;
    rx->last_ms = now_ms;
}

/* ---- a body that goes out ---------------------------------------------------
 */

void selv_coap_qtx_init(struct selv_coap_qtx *tx, uint32_t count,
                        uint32_t first, uint16_t delay_ms, uint64_t now_ms)
{
    memset(tx, 0, sizeof *tx);
    tx->count = count;
    tx->next = first;
    tx->delay_ms = delay_ms;
    tx->gate_ms = now_ms;
}

static bool has_wants(const struct selv_coap_qtx *tx)
{
    uint8_t any = 0;
    for (size_t i = 0; i < sizeof tx->want.bit; i++) {
        any |= tx->want.bit[i];
    }
    return any != 0;
}

void selv_coap_qtx_forget(struct selv_coap_qtx *tx)
{
    memset(&tx->want, 0, sizeof tx->want);
}

void selv_coap_qtx_want(struct selv_coap_qtx *tx, uint32_t num)
{
    if (!has_wants(tx)) {
        tx->want.base = num / SET * SET;
    }
    if (num < tx->next && num - tx->want.base < WINDOW) {
        bit_set(&tx->want, num, true);
    }
}

static uint32_t want_first(const struct selv_coap_qtx *tx)
{
    uint32_t num = tx->want.base;
    while (!bit_get(&tx->want, num)) {
        num++;
    }
    return num;
}

void selv_coap_qtx_wanted(struct selv_coap_qtx *tx, uint64_t now_ms)
{
    tx->quiet = 0;
    if (has_wants(tx)) {
        tx->set = want_first(tx) / SET;
    } else {
        tx->gate_ms = now_ms;
    }
}

void selv_coap_qtx_go_on(struct selv_coap_qtx *tx, uint32_t num,
                         uint64_t now_ms)
{
    tx->quiet = 0;
    if (num > tx->next && num <= tx->count) {
        tx->next = num;
    }
    if (num == tx->next) {
        tx->gate_ms = now_ms;
    }
}

bool selv_coap_qtx_is_under_way(const struct selv_coap_qtx *tx, uint32_t num,
                                uint64_t now_ms)
{
    return tx->next > num && tx->next - num <= SET && now_ms < tx->gate_ms;
}

uint32_t selv_coap_qtx_look(const struct selv_coap_qtx *tx, uint64_t now_ms,
                            uint64_t *until_ms, bool *is_wanted)
{
    uint32_t num = tx->next;
    bool is_gated = num % SET == 0;
    *until_ms = UINT64_MAX;
    *is_wanted = has_wants(tx);
    if (*is_wanted) {
        num = want_first(tx);
        is_gated = num / SET != tx->set;
    } else if (num >= tx->count) {
        return NONE;
    }
    if (is_gated && now_ms < tx->gate_ms) {
        *until_ms = tx->gate_ms;
        return NONE;
    }
    return num;
}

void selv_coap_qtx_sent(struct selv_coap_qtx *tx, uint32_t num, bool is_wanted,
                        uint64_t now_ms)
{
    if (is_wanted) {
        bit_set(&tx->want, num, false);
        tx->set = num / SET;
        tx->gate_ms = now_ms + tx->delay_ms;
        return;
    }
    tx->next = num + 1;
    tx->gate_ms = now_ms + tx->delay_ms;
    if (tx->next % SET == 0) {
        tx->quiet++;
    }
}

bool selv_coap_qtx_is_idle(const struct selv_coap_qtx *tx)
{
    return !has_wants(tx) && tx->next >= tx->count;
}
