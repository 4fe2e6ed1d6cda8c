/* SPDX-License-Identifier: Apache-2.0
 *
 * serial/serial.h - frames on a serial line: SLIP's framing [RFC 1055] around
 * a type, a number, a payload and a CRC-32. docs/spec/recovery.md has the
 * format. Detects accidents, not attacks: what a frame says must prove itself
 * by other means.
 *
 * Terms: a *body* is type, number and payload, as the buffer holds it.
 * Calls: 1 init  2 feed each byte that comes, until it says that a body is
 *        there  3 replace the body by the answer and send it  4 poll until
 *        nothing is left to send; back to 2.
 * Owns:  nothing; the buffer must outlive the context. One buffer serves both
 *        directions, one after the other: what comes while a frame is being
 *        sent is dropped. */
#ifndef SELV_SERIAL_SERIAL_H
#define SELV_SERIAL_SERIAL_H

#include "base/base.h"

#define SELV_SERIAL_HEAD_LEN 2u  /* bytes: type and number */
#define SELV_SERIAL_CHECK_LEN 4u /* bytes of CRC behind the body */

struct selv_serial {
    uint8_t *p;    /* the caller's buffer */
    uint16_t cap;  /* its bytes */
    uint16_t len;  /* of the body that came, or of all that is sent */
    uint16_t at;   /* taken or sent so far */
    uint8_t state; /* private */
};

/* cap: the longest body plus SELV_SERIAL_CHECK_LEN; longer frames are
 * dropped. Bytes are dropped until the first end of a frame. */
void selv_serial_init(struct selv_serial *s, uint8_t *p, uint16_t cap);

/* Take one byte. True when it ends a frame whose CRC is right: len bytes of
 * body are in the buffer until the next feed or send. Anything else is
 * dropped without a word, as if it had been lost. */
bool selv_serial_feed(struct selv_serial *s, uint8_t byte);

/* Send the first len bytes of the buffer as a body; the CRC is put behind it,
 * so len is at most cap - SELV_SERIAL_CHECK_LEN. */
void selv_serial_send(struct selv_serial *s, size_t len);

/* The next byte for the line, or -1: nothing is to be sent. */
int selv_serial_poll(struct selv_serial *s);

/* True while poll has something. */
bool selv_serial_is_sending(const struct selv_serial *s);

/* CRC-32 of IEEE 802.3: reflected, polynomial 0x04c11db7, start and final
 * exclusive or all ones. */
uint32_t selv_serial_crc(const uint8_t *p, size_t len);

#endif
