/* SPDX-License-Identifier: Apache-2.0
 *
 * serial/serial.c - see serial/serial.h. */
#define SELV_MODULE 0x5345524cu /* "SERL" */
#include "serial/serial.h"

/* [RFC 1055] */
enum { END = 0xc0, ESC = 0xdb, ESC_END = 0xdc, ESC_ESC = 0xdd };

enum {
    SPOILT,  /* dropping, up to the next end of a frame */
    TAKING,  /* a frame comes */
    ESCAPED, /* of which the last byte was ESC */
    SENDING, /* the byte at `at` is next */
    STUFFING /* of which the ESC has left */
};

/* Bit by bit: a table would be a third of this file, and the line is slower
 * than that anyway. */
uint32_t selv_serial_crc(const uint8_t *p, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}

void selv_serial_init(struct selv_serial *s, uint8_t *p, uint16_t cap)
{
    SELV_ASSERT(cap > SELV_SERIAL_HEAD_LEN + SELV_SERIAL_CHECK_LEN);
    memset(s, 0, sizeof *s);
    s->p = p;
    s->cap = cap;
    s->state = SPOILT;
}

/* A frame is at its end; the next one may begin right behind it. */
static bool close_frame(struct selv_serial *s)
{
    size_t len = s->at;
    bool is_whole = s->state == TAKING &&
                    len >= SELV_SERIAL_HEAD_LEN + SELV_SERIAL_CHECK_LEN;
    s->state = TAKING;
    s->at = 0;
    s->len = 0;
    if (!is_whole) {
        return false;
    }
    len -= SELV_SERIAL_CHECK_LEN;
    if (selv_get_be32(s->p + len) != selv_serial_crc(s->p, len)) {
        return false;
    }
    s->len = (uint16_t)len;
    return true;
}

bool selv_serial_feed(struct selv_serial *s, uint8_t byte)
{
    if (s->state >= SENDING) {
        return false;
    }
    if (byte == END) {
        return close_frame(s);
    }
    if (s->state == ESCAPED && (byte == ESC_END || byte == ESC_ESC)) {
        byte = byte == ESC_END ? END : ESC;
        s->state = TAKING;
    } else if (s->state == TAKING && byte == ESC) {
        s->state = ESCAPED;
        return false;
    } else if (s->state != TAKING) {
        s->state = SPOILT;
        return false;
    }
    if (s->at == s->cap) {
        s->state = SPOILT;
        return false;
    }
    s->p[s->at++] = byte;
    return false;
}

void selv_serial_send(struct selv_serial *s, size_t len)
{
    SELV_ASSERT(len + SELV_SERIAL_CHECK_LEN <= s->cap);
    selv_put_be32(s->p + len, selv_serial_crc(s->p, len));
    s->len = (uint16_t)(len + SELV_SERIAL_CHECK_LEN);
    s->at = 0;
    s->state = SENDING;
}

bool selv_serial_is_sending(const struct selv_serial *s)
{
    return s->state >= SENDING;
}

/* The end of a frame goes before it, too: what stood on the line before, such
 * as noise, does not spoil it. It is byte 0, so that `at` is one ahead of the
 * buffer. */
int selv_serial_poll(struct selv_serial *s)
{
    uint16_t at = s->at;
    if (s->state < SENDING) {
        return -1;
    }
    if (at == 0) {
        s->at = 1;
        return END;
    }
    if (at > s->len) {
        s->state = TAKING;
        s->at = 0;
        return END;
    }
    uint8_t byte = s->p[at - 1];
    bool is_special = byte == END || byte == ESC;
    if (is_special && s->state == SENDING) {
        s->state = STUFFING;
        return ESC;
    }
    s->state = SENDING;
    s->at++;
    if (is_special) {
        return byte == END ? ESC_END : ESC_ESC;
    }
    return byte;
}
