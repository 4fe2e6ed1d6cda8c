/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/qblock_int.h - what both ends of Q-Block share: which blocks have come,
 * which are to be sent, and when [RFC 9177 7.2]. */
#ifndef SELV_COAP_QBLOCK_INT_H
#define SELV_COAP_QBLOCK_INT_H

#include "coap/coap_int.h"
#include "coap/qblock.h"

#define SELV_COAP_QBLOCK_SET SELV_COAP_QBLOCK_PAYLOADS
#define SELV_COAP_QBLOCK_NONE UINT32_MAX /* no block */

/* ---- a body that comes in ---- */

/* count: UINT32_MAX when it is not known yet. */
void selv_coap_qrx_init(struct selv_coap_qrx *rx, uint32_t count,
                        uint64_t now_ms);

/* Block num (below count) has come. True: it is new, keep its bytes. False: a
 * copy, or too far ahead to be remembered. */
bool selv_coap_qrx_put(struct selv_coap_qrx *rx, uint32_t num, uint64_t now_ms);

/* A copy came: the word to go on may have been lost. */
void selv_coap_qrx_repeat(struct selv_coap_qrx *rx, uint32_t num);

enum selv_coap_qrx_due {
    SELV_COAP_QRX_WAIT,    /* until *until_ms */
    SELV_COAP_QRX_WHOLE,   /* all blocks have come */
    SELV_COAP_QRX_GO_ON,   /* ask for the set at rx->go_on */
    SELV_COAP_QRX_MISSING, /* ask for what qrx_next tells */
    SELV_COAP_QRX_GIVE_UP
};

enum selv_coap_qrx_due selv_coap_qrx_look(struct selv_coap_qrx *rx,
                                          uint64_t now_ms, uint64_t *until_ms);

/* The first block from num on that is to be asked for, or NONE. */
uint32_t selv_coap_qrx_next(const struct selv_coap_qrx *rx, uint32_t num);

/* What look said has been sent. */
void selv_coap_qrx_asked(struct selv_coap_qrx *rx, uint64_t now_ms);

/* ---- a body that goes out ---- */

/* The row begins with block first; with count there is none. */
void selv_coap_qtx_init(struct selv_coap_qtx *tx, uint32_t count,
                        uint32_t first, uint16_t delay_ms, uint64_t now_ms);

/* What the receiver missed before does not count any more. */
void selv_coap_qtx_forget(struct selv_coap_qtx *tx);

/* It misses block num: ascending, since _forget. Those that lie too far behind
 * the first one are not taken down. */
void selv_coap_qtx_want(struct selv_coap_qtx *tx, uint32_t num);

/* What a message has asked for goes out now, whatever set it is of. What was
 * never sent is not missing: it comes in its turn, which is now, if there is
 * nothing else. */
void selv_coap_qtx_wanted(struct selv_coap_qtx *tx, uint64_t now_ms);

/* The receiver has all blocks below num. */
void selv_coap_qtx_go_on(struct selv_coap_qtx *tx, uint32_t num,
                         uint64_t now_ms);

/* The set that begins with num has left so lately that the receiver cannot have
 * missed it: its word to go on crossed it. */
bool selv_coap_qtx_is_under_way(const struct selv_coap_qtx *tx, uint32_t num,
                                uint64_t now_ms);

/* The block to send now, or NONE: then not before *until_ms (UINT64_MAX: there
 * is none). *is_wanted: it was missing, and is not of the row. */
uint32_t selv_coap_qtx_look(const struct selv_coap_qtx *tx, uint64_t now_ms,
                            uint64_t *until_ms, bool *is_wanted);

/* That one has been sent. */
void selv_coap_qtx_sent(struct selv_coap_qtx *tx, uint32_t num, bool is_wanted,
                        uint64_t now_ms);

bool selv_coap_qtx_is_idle(const struct selv_coap_qtx *tx);

/* ---- both ---- */

/* Blocks of 2^(szx + 4) bytes in total bytes; 1 for an empty body. */
static inline uint32_t selv_coap_qblock_count(uint32_t total, uint8_t szx)
{
    return total == 0 ? 1 : (total - 1) / (16u << szx) + 1;
}

/* NON_TIMEOUT_RANDOM. */
static inline uint16_t selv_coap_qblock_delay(uint32_t *random)
{
    return (uint16_t)(SELV_COAP_QBLOCK_TIMEOUT_MS +
                      selv_coap_random(random) %
                          (SELV_COAP_QBLOCK_TIMEOUT_MS / 2 + 1));
}

/* True when len bytes are what block says of a body of total bytes. */
bool selv_coap_qblock_fits(const struct selv_coap_block *block, size_t len,
                           uint32_t total);

#endif
