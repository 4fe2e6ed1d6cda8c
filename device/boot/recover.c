/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/recover.c - the session: questions and answers. States and the
 * invariants R1 to R8 are in RECOVERY.md. */
#define SELV_MODULE 0x5245434fu /* "RECO" */
#include "boot/recover_int.h"

#include "crypto/crypto.h"
#include "serial/recovery.h"

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static void put64(uint8_t *p, uint64_t v)
{
    selv_put_be32(p, (uint32_t)(v >> 32));
    selv_put_be32(p + 4, (uint32_t)v);
}

/* ---- answers ---------------------------------------------------------------
 */

/* The payload of the frame in the buffer, of question and answer alike. */
static uint8_t *payload_of(struct selv_recover *r)
{
    return r->line.p + SELV_SERIAL_HEAD_LEN;
}

/* The number of the question stays where it is. */
static void answer(struct selv_recover *r, enum selv_recovery_type type,
                   size_t len)
{
    r->line.p[0] = (uint8_t)type;
    selv_serial_send(&r->line, SELV_SERIAL_HEAD_LEN + len);
}

static void refuse(struct selv_recover *r, enum selv_err err)
{
    put16(payload_of(r), (uint32_t)err);
    answer(r, SELV_RECOVERY_REFUSED, 2);
}

/* Bytes of the image that share a sector from `next` on; 0: none of them is to
 * be asked for. */
static uint32_t sector_left(const struct selv_recover *r)
{
    if (r->state != RECOVER_CHOSEN || r->next == r->size) {
        return 0;
    }
    uint32_t off = r->boot->layout->slot[r->slot].image_off + r->next;
    struct selv_sector sector = selv_flash_sector(r->boot->flash, off);
    uint32_t len = sector.off + sector.len - off;
    return len < r->size - r->next ? len : r->size - r->next;
}

static void put_next(const struct selv_recover *r, uint8_t *p)
{
    selv_put_be32(p, r->next);
    selv_put_be32(p + 4, sector_left(r));
}

static void answer_next(struct selv_recover *r)
{
    put_next(r, payload_of(r));
    answer(r, SELV_RECOVERY_NEXT, SELV_RECOVERY_NEXT_LEN);
}

static void answer_image(struct selv_recover *r)
{
    uint8_t *p = payload_of(r);
    p[SELV_RECOVERY_IMAGE_SLOT] = r->slot;
    selv_put_be32(p + SELV_RECOVERY_IMAGE_SIZE, r->size);
    memcpy(p + SELV_RECOVERY_IMAGE_DIGEST, r->image_digest, 32);
    put_next(r, p + SELV_RECOVERY_IMAGE_NEXT);
    answer(r, SELV_RECOVERY_IMAGE, SELV_RECOVERY_IMAGE_LEN);
}

/* ---- questions -------------------------------------------------------------
 */

/* Each gets the payload, which the answer overwrites. */

static void take_hello(struct selv_recover *r, struct selv_bytes in)
{
    const struct selv_boot *boot = r->boot;
    uint8_t *p = payload_of(r);
    if (in.len < 1) {
        refuse(r, SELV_ERR_RECOVER_FRAME);
        return;
    }
    r->state = RECOVER_IDLE;
    r->envelope.len = 0;
    r->total = 0;
    p[SELV_RECOVERY_INFO_VERSION] = SELV_RECOVERY_VERSION;
    p[SELV_RECOVERY_INFO_SLOTS] = SELV_SLOT_COUNT;
    put16(p + SELV_RECOVERY_INFO_BLOCK,
          r->line.cap - SELV_SERIAL_HEAD_LEN - SELV_SERIAL_CHECK_LEN);
    put16(p + SELV_RECOVERY_INFO_ENVELOPE, (uint32_t)r->envelope.cap);
    memcpy(p + SELV_RECOVERY_INFO_VENDOR, boot->factory->vendor_id, 16);
    memcpy(p + SELV_RECOVERY_INFO_CLASS, boot->factory->class_id, 16);
    put16(p + SELV_RECOVERY_INFO_WHY, r->why);
    put16(p + SELV_RECOVERY_INFO_CLOSED, r->closed);
    put64(p + SELV_RECOVERY_INFO_MINIMUM, r->minimum);
    p += SELV_RECOVERY_INFO_SLOT;
    if (r->is_stale) {
        selv_recover_inspect(r);
    }
    for (uint8_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
        put16(p, r->seen[slot].why);
        put64(p + 2, r->seen[slot].sequence);
        selv_put_be32(p + 10, boot->layout->slot[slot].image_len);
        p += SELV_RECOVERY_INFO_SLOT_LEN;
    }
    answer(r, SELV_RECOVERY_INFO, SELV_RECOVERY_INFO_LEN_MAX);
}

/* The next piece of the envelope, or one that came already. False: it does not
 * fit what came before. */
static bool take_piece(struct selv_recover *r, uint32_t off, uint32_t total,
                       struct selv_bytes piece)
{
    struct selv_buf *to = &r->envelope;
    if (r->state == RECOVER_IDLE && off == 0 && to->len == 0) {
        r->total = (uint16_t)total;
    }
    if (total != r->total || off > to->len || piece.len > total - off) {
        return false;
    }
    if (off < to->len) {
        return piece.len <= to->len - off &&
               memcmp(to->p + off, piece.p, piece.len) == 0;
    }
    memcpy(to->p + off, piece.p, piece.len);
    to->len += piece.len;
    return true;
}

static void take_envelope(struct selv_recover *r, struct selv_bytes in)
{
    if (in.len <= SELV_RECOVERY_ENVELOPE_HEAD) {
        refuse(r, SELV_ERR_RECOVER_FRAME);
        return;
    }
    uint32_t off = get16(in.p), total = get16(in.p + 2);
    if (total > r->envelope.cap) {
        refuse(r, SELV_ERR_SUIT_TOO_LARGE);
        return;
    }
    if (!take_piece(r, off, total,
                    selv_bytes(in.p + SELV_RECOVERY_ENVELOPE_HEAD,
                               in.len - SELV_RECOVERY_ENVELOPE_HEAD))) {
        refuse(r, SELV_ERR_RECOVER_ORDER);
        return;
    }
    if (r->envelope.len < r->total) {
        put16(payload_of(r), (uint32_t)r->envelope.len);
        answer(r, SELV_RECOVERY_MORE, 2);
        return;
    }
    if (r->state == RECOVER_IDLE) {
        enum selv_err err = selv_recover_judge(r);
        r->judged = (uint16_t)err;
        r->state = err == SELV_OK ? RECOVER_CHOSEN : RECOVER_REFUSED;
    }
    if (r->state == RECOVER_REFUSED) {
        refuse(r, (enum selv_err)r->judged);
        return;
    }
    answer_image(r);
}

/* Is what the flash holds from `next` on, to the end of the sector, what the
 * other end means? Never of a shorter piece than it must be, so that nobody
 * reads the flash by guessing. */
static void take_have(struct selv_recover *r, struct selv_bytes in)
{
    uint32_t len = sector_left(r);
    uint8_t digest[SELV_SHA256_LEN];
    if (in.len != SELV_RECOVERY_HAVE_LEN) {
        refuse(r, SELV_ERR_RECOVER_FRAME);
        return;
    }
    if (r->state < RECOVER_CHOSEN) {
        refuse(r, SELV_ERR_RECOVER_ORDER);
        return;
    }
    uint32_t off = r->boot->layout->slot[r->slot].image_off + r->next;
    if (len > 0 && selv_get_be32(in.p) == r->next &&
        selv_flash_digest(r->boot->flash, off, len, digest) == SELV_OK &&
        memcmp(digest, in.p + 4, sizeof digest) == 0) {
        r->next += len;
    }
    answer_next(r);
}

/* Whatever went wrong: begin with the image again; what is in flash already is
 * found by HAVE. */
static void fail_writing(struct selv_recover *r, enum selv_err err)
{
    r->state = RECOVER_CHOSEN;
    r->next = 0;
    refuse(r, err);
}

static void take_data(struct selv_recover *r, struct selv_bytes in)
{
    const struct selv_boot *boot = r->boot;
    enum selv_err err = SELV_OK;
    if (in.len <= SELV_RECOVERY_DATA_HEAD) {
        refuse(r, SELV_ERR_RECOVER_FRAME);
        return;
    }
    if (r->state < RECOVER_CHOSEN) {
        refuse(r, SELV_ERR_RECOVER_ORDER);
        return;
    }
    uint32_t len = (uint32_t)in.len - SELV_RECOVERY_DATA_HEAD;
    /* What came already, and what is ahead of its time, changes nothing. */
    if (r->state == RECOVER_READY || selv_get_be32(in.p) != r->next ||
        len > r->size - r->next) {
        answer_next(r);
        return;
    }
    if (r->state == RECOVER_CHOSEN) {
        /* R4: here the slot's old envelope goes. */
        err = selv_slot_begin(&r->writer, boot->flash,
                              &boot->layout->slot[r->slot], r->size, r->next);
        r->state = RECOVER_WRITING;
        r->is_stale = true;
    }
    if (err == SELV_OK) {
        err = selv_slot_write(&r->writer,
                              selv_bytes(in.p + SELV_RECOVERY_DATA_HEAD, len));
    }
    if (err) {
        fail_writing(r, err);
        return;
    }
    r->next += len;
    answer_next(r);
}

static void take_done(struct selv_recover *r, bool is_boot)
{
    if (r->state < RECOVER_CHOSEN || (is_boot && r->state != RECOVER_READY)) {
        refuse(r, SELV_ERR_RECOVER_ORDER);
        return;
    }
    if (r->state != RECOVER_READY) {
        if (r->next != r->size) {
            refuse(r, SELV_ERR_UPDATE_SIZE);
            return;
        }
        enum selv_err err = selv_recover_finish(r);
        if (err) {
            fail_writing(r, err);
            return;
        }
        r->state = RECOVER_READY;
    }
    if (is_boot) {
        r->state = RECOVER_OVER;
    }
    answer(r, SELV_RECOVERY_ENDED, 0);
}

static void take(struct selv_recover *r)
{
    uint8_t type = r->line.p[0];
    struct selv_bytes in = {payload_of(r), r->line.len - SELV_SERIAL_HEAD_LEN};
    if (type != SELV_RECOVERY_HELLO && r->closed != SELV_OK) {
        refuse(r, (enum selv_err)r->closed);
        return;
    }
    switch (type) {
    case SELV_RECOVERY_HELLO:
        take_hello(r, in);
        break;
    case SELV_RECOVERY_ENVELOPE:
        take_envelope(r, in);
        break;
    case SELV_RECOVERY_HAVE:
        take_have(r, in);
        break;
    case SELV_RECOVERY_DATA:
        take_data(r, in);
        break;
    case SELV_RECOVERY_DONE:
    case SELV_RECOVERY_BOOT:
        take_done(r, type == SELV_RECOVERY_BOOT);
        break;
    default:
        refuse(r, SELV_ERR_RECOVER_FRAME);
        break;
    }
}

/* ---- the engine ------------------------------------------------------------
 */

void selv_recover_init(struct selv_recover *r, struct selv_boot *boot,
                       enum selv_err why, uint64_t floor,
                       struct selv_buf envelope, uint8_t *frame,
                       uint16_t frame_cap)
{
    SELV_ASSERT(frame_cap >= SELV_RECOVERY_FRAME_MIN &&
                frame_cap <= SELV_RECOVER_FRAME_MAX);
    SELV_ASSERT(envelope.cap <= UINT16_MAX);
    memset(r, 0, sizeof *r);
    r->boot = boot;
    r->why = (uint16_t)why;
    r->envelope = envelope;
    r->envelope.len = 0;
    selv_serial_init(&r->line, frame, frame_cap);
    selv_recover_open(r, floor);
    selv_recover_inspect(r);
}

void selv_recover_feed(struct selv_recover *r, uint8_t byte)
{
    if (selv_serial_feed(&r->line, byte) && r->state != RECOVER_OVER) {
        take(r);
    }
}

int selv_recover_poll(struct selv_recover *r)
{
    return selv_serial_poll(&r->line);
}

bool selv_recover_is_ready(const struct selv_recover *r)
{
    return r->state >= RECOVER_READY || r->would_boot;
}

bool selv_recover_is_over(const struct selv_recover *r)
{
    return r->state == RECOVER_OVER && !selv_serial_is_sending(&r->line);
}
