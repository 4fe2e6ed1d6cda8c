/* SPDX-License-Identifier: Apache-2.0
 *
 * serial/recovery.h - the messages of a recovery over a serial line, as
 * docs/spec/recovery.md has them. Numbers of more than one byte are big
 * endian. The host asks, the device answers with the question's number. */
#ifndef SELV_SERIAL_RECOVERY_H
#define SELV_SERIAL_RECOVERY_H

#include "serial/serial.h"

#define SELV_RECOVERY_VERSION 1u

enum selv_recovery_type {
    /* Questions: payload; the answers that may come beside REFUSED. */
    SELV_RECOVERY_HELLO = 1,    /* version; INFO. Forgets what went before. */
    SELV_RECOVERY_ENVELOPE = 2, /* offset 2, total 2, bytes; MORE, IMAGE */
    SELV_RECOVERY_HAVE = 3,     /* offset 4, SHA-256 of its sector; NEXT */
    SELV_RECOVERY_DATA = 4,     /* offset 4, bytes; NEXT */
    SELV_RECOVERY_DONE = 5,     /* nothing; ENDED */
    SELV_RECOVERY_BOOT = 6,     /* nothing; ENDED, and the device resets */

    /* Answers. */
    SELV_RECOVERY_INFO = 0x81,   /* SELV_RECOVERY_INFO_... */
    SELV_RECOVERY_MORE = 0x82,   /* offset 2 of the envelope that is next */
    SELV_RECOVERY_IMAGE = 0x83,  /* SELV_RECOVERY_IMAGE_... */
    SELV_RECOVERY_NEXT = 0x84,   /* offset 4 of the image that is next */
    SELV_RECOVERY_ENDED = 0x85,  /* nothing: the slot is ready to boot */
    SELV_RECOVERY_REFUSED = 0xff /* enum selv_err 2 */
};

/* Offsets in the payload of INFO. */
enum {
    SELV_RECOVERY_INFO_VERSION = 0,
    SELV_RECOVERY_INFO_SLOTS = 1,
    SELV_RECOVERY_INFO_BLOCK = 2,     /* 2: longest payload */
    SELV_RECOVERY_INFO_ENVELOPE = 4,  /* 2: longest envelope */
    SELV_RECOVERY_INFO_VENDOR = 6,    /* 16 */
    SELV_RECOVERY_INFO_CLASS = 22,    /* 16 */
    SELV_RECOVERY_INFO_WHY = 38,      /* 2: why nothing boots */
    SELV_RECOVERY_INFO_CLOSED = 40,   /* 2: why no update can be taken;
                                         0: one can */
    SELV_RECOVERY_INFO_MINIMUM = 42,  /* 8: lowest sequence number */
    SELV_RECOVERY_INFO_SLOT = 50,     /* of each slot: */
    SELV_RECOVERY_INFO_SLOT_LEN = 14, /*   2 what is wrong with it,
                                           8 sequence number, or 0,
                                           4 longest image */
    SELV_RECOVERY_INFO_LEN_MAX = 50 + 2 * 14
};

/* Offsets in the payload of IMAGE. */
enum {
    SELV_RECOVERY_IMAGE_SLOT = 0,
    SELV_RECOVERY_IMAGE_SIZE = 1,    /* 4: bytes of the image */
    SELV_RECOVERY_IMAGE_DIGEST = 5,  /* 32: its SHA-256 */
    SELV_RECOVERY_IMAGE_NEXT = 37,   /* 4: as in NEXT */
    SELV_RECOVERY_IMAGE_SECTOR = 41, /* 4: bytes of the sector at NEXT */
    SELV_RECOVERY_IMAGE_LEN = 45
};

/* Bytes in front of the payload's bytes. */
#define SELV_RECOVERY_ENVELOPE_HEAD 4u
#define SELV_RECOVERY_DATA_HEAD 4u
#define SELV_RECOVERY_HAVE_LEN 36u
#define SELV_RECOVERY_NEXT_LEN 8u

/* The smallest buffer for frames: what the longest answer needs. */
#define SELV_RECOVERY_FRAME_MIN                                                \
    (SELV_SERIAL_HEAD_LEN + SELV_RECOVERY_INFO_LEN_MAX + SELV_SERIAL_CHECK_LEN)

#endif
