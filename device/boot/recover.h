/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/recover.h - when nothing boots: take an update over a serial line, with
 * the security of any other (docs/spec/recovery.md). Writes a slot that holds
 * nothing bootable, its envelope last; whether that boots is then decided by
 * selv_boot_choose alone, after a reset.
 *
 * Where one slot runs, the journal is written, too: a move that cannot be ended
 * is given up.
 *
 * Calls: 1 selv_boot_choose gave SELV_BAD  2 init  3 feed each byte that comes
 *        in, and after each send what poll has, until is_over  4 reset.
 * Owns:  nothing; the boot context and both buffers are the caller's, and
 *        live until the reset. No image runs in the meantime, so the buffers
 *        may lie in the application's RAM.
 * RAM:   struct selv_recover, both buffers, and the stack of selv_boot_look.
 * Invariants: RECOVERY.md R1 and following. */
#ifndef SELV_BOOT_RECOVER_H
#define SELV_BOOT_RECOVER_H

#include "boot/boot.h"
#include "serial/serial.h"
#include "store/slot.h"

struct selv_recover {
    struct selv_boot *boot;
    struct selv_buf envelope; /* as far as it has come */
    struct selv_serial line;
    struct selv_slot_writer writer;
    uint64_t minimum; /* a manifest must not be lower */
    uint32_t size;    /* of the image, bytes */
    uint32_t next;    /* byte of it that must come next */
    uint16_t total;   /* of the envelope, bytes */
    uint16_t judged;  /* enum selv_err: what is wrong with the manifest */
    uint16_t why;     /* enum selv_err: nothing boots */
    uint16_t closed;  /* enum selv_err: no update can be taken; SELV_OK */
    uint8_t state;    /* private */
    uint8_t slot;     /* the slot that is written */
    bool is_lost;     /* the journal is */
    bool is_stale;    /* what was seen, since then written to */
    bool would_boot;  /* something does after all */
    struct {
        uint64_t sequence; /* of the authentic manifest, or 0 */
        uint16_t why;      /* enum selv_err: what is wrong with the slot */
    } seen[SELV_SLOT_COUNT];
    uint8_t image_digest[32];
    uint8_t manifest_digest[32];
};

/* Begin. boot: as selv_boot_choose left it; its flash now lets slots be written
 * (and the journal, for a device that lost it; where one slot runs also without
 * that, and the marks of moves). why: the reason in the boot
 * record. floor: what a hardware counter says, or 0. envelope: room for the
 * largest envelope that is to be taken, SELV_SUIT_ENVELOPE_MAX. frame:
 * frame_cap bytes, at least SELV_RECOVERY_FRAME_MIN; what is longer carries
 * more in one frame, up to SELV_RECOVER_FRAME_MAX. Neither buffer may lie in
 * boot->ram, where each look loads an image (strategy ram). Takes as long as
 * two looks at each slot. */
#define SELV_RECOVER_FRAME_MAX 4096u
void selv_recover_init(struct selv_recover *r, struct selv_boot *boot,
                       enum selv_err why, uint64_t floor,
                       struct selv_buf envelope, uint8_t *frame,
                       uint16_t frame_cap);

/* Take one byte from the line. Authenticates, erases, writes and hashes, the
 * longest at the end of a whole image; flash->kick is called as it goes. */
void selv_recover_feed(struct selv_recover *r, uint8_t byte);

/* The next byte for the line; -1: nothing to send. */
int selv_recover_poll(struct selv_recover *r);

/* True once a slot is ready to boot, or was all the time. The port lets its
 * watchdog run out from then on, so that the device boots when the other end
 * has gone. */
bool selv_recover_is_ready(const struct selv_recover *r);

/* True when the other end asked to boot and poll has nothing left: reset. */
bool selv_recover_is_over(const struct selv_recover *r);

#endif
