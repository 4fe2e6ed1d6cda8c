/* SPDX-License-Identifier: Apache-2.0
 *
 * store/slot.c - see store/slot.h. Order of operations: DESIGN.md S1 to S3. */
#define SELV_MODULE 0x534c4f54u /* "SLOT" */
#include "store/slot.h"

enum { LENGTH_LEN = 4 };

/* Write len bytes (whole units) at the writer's place; a sector is erased
 * when its first unit is about to be written, however it reads. */
static enum selv_err put_units(struct selv_slot_writer *w, uint32_t at,
                               const uint8_t *p, uint32_t len)
{
    const struct selv_flash *flash = w->flash;
    uint32_t off = w->place->image_off + at;
    while (len > 0) {
        struct selv_sector sector = selv_flash_sector(flash, off);
        uint32_t n = sector.off + sector.len - off;
        n = n < len ? n : len;
        if (off == sector.off) {
            enum selv_err err = flash->erase(flash->port, off);
            if (err) {
                return err;
            }
            if (flash->kick != NULL) {
                flash->kick(flash->port);
            }
        }
        enum selv_err err = flash->write(flash->port, off, p, n);
        if (err) {
            return err;
        }
        off += n;
        p += n;
        len -= n;
        if (off == sector.off + sector.len) {
            w->whole = off - w->place->image_off;
        }
    }
    return SELV_OK;
}

static enum selv_err erase_envelope(const struct selv_flash *flash,
                                    const struct selv_slot_place *place)
{
    uint32_t len = 0;
    for (uint32_t done = 0; done < place->envelope_len; done += len) {
        uint32_t off = place->envelope_off + done;
        len = selv_flash_sector(flash, off).len;
        if (selv_flash_is_erased(flash, off, len)) {
            continue;
        }
        enum selv_err err = flash->erase(flash->port, off);
        if (err) {
            return err;
        }
        if (flash->kick != NULL) {
            flash->kick(flash->port);
        }
    }
    return SELV_OK;
}

uint32_t selv_slot_whole(const struct selv_flash *flash,
                         const struct selv_slot_place *place, uint32_t len)
{
    if (len == 0) {
        return 0;
    }
    /* The last byte's sector: there is one behind it or not. */
    uint32_t end = place->image_off + len;
    struct selv_sector sector = selv_flash_sector(flash, end - 1);
    return sector.off + sector.len == end ? len : sector.off - place->image_off;
}

enum selv_err selv_slot_begin(struct selv_slot_writer *w,
                              const struct selv_flash *flash,
                              const struct selv_slot_place *place,
                              uint32_t image_size, uint32_t from)
{
    memset(w, 0, sizeof *w);
    if (image_size > place->image_len) {
        return SELV_ERR_STORE_FULL;
    }
    if (from > image_size || selv_slot_whole(flash, place, from) != from) {
        return SELV_ERR_ARG;
    }
    w->flash = flash;
    w->place = place;
    w->off = from;
    w->whole = from;
    w->size = image_size;
    return erase_envelope(flash, place);
}

enum selv_err selv_slot_write(struct selv_slot_writer *w,
                              struct selv_bytes bytes)
{
    uint32_t unit = w->flash->write_unit;
    SELV_ASSERT(w->off <= w->size && w->tail_len < unit);
    if (bytes.len > w->size - w->off) {
        return SELV_ERR_UPDATE_SIZE;
    }
    while (bytes.len > 0) {
        enum selv_err err = SELV_OK;
        uint32_t n = (uint32_t)bytes.len / unit * unit;
        if (w->tail_len == 0 && n > 0) {
            err = put_units(w, w->off, bytes.p, n);
        } else {
            n = unit - w->tail_len;
            n = n < bytes.len ? n : (uint32_t)bytes.len;
            memcpy(w->tail + w->tail_len, bytes.p, n);
            w->tail_len = (uint8_t)(w->tail_len + n);
            if (w->tail_len == unit) {
                err = put_units(w, w->off + n - unit, w->tail, unit);
                w->tail_len = 0;
            }
        }
        if (err) {
            return err;
        }
        w->off += n;
        bytes.p += n;
        bytes.len -= n;
    }
    return SELV_OK;
}

enum selv_err selv_slot_end(struct selv_slot_writer *w)
{
    uint32_t unit = w->flash->write_unit;
    if (w->off != w->size) {
        return SELV_ERR_UPDATE_SIZE;
    }
    if (w->tail_len == 0) {
        return SELV_OK;
    }
    memset(w->tail + w->tail_len, w->flash->erased, unit - w->tail_len);
    uint32_t at = w->off - w->tail_len;
    w->tail_len = 0;
    return put_units(w, at, w->tail, unit);
}

enum selv_err selv_slot_put_envelope(const struct selv_flash *flash,
                                     const struct selv_slot_place *place,
                                     struct selv_bytes envelope)
{
    /* The region is written as an image is: its sectors are erased on entry,
     * which begin may have left to an erase that was cut short. */
    const struct selv_slot_place region = {.image_off = place->envelope_off,
                                           .image_len = place->envelope_len};
    struct selv_slot_writer w = {.flash = flash, .place = &region};
    uint8_t head[LENGTH_LEN];
    if (envelope.len > place->envelope_len - LENGTH_LEN) {
        return SELV_ERR_STORE_FULL;
    }
    w.size = LENGTH_LEN + (uint32_t)envelope.len;
    selv_put_be32(head, (uint32_t)envelope.len);
    enum selv_err err = selv_slot_write(&w, selv_bytes(head, sizeof head));
    if (err) {
        return err;
    }
    err = selv_slot_write(&w, envelope);
    if (err) {
        return err;
    }
    return selv_slot_end(&w);
}

enum selv_err selv_slot_envelope(const struct selv_flash *flash,
                                 const struct selv_slot_place *place,
                                 struct selv_buf *scratch,
                                 struct selv_bytes *out)
{
    uint8_t head[LENGTH_LEN];
    uint32_t off = place->envelope_off;
    enum selv_err err = flash->read(flash->port, off, head, sizeof head);
    if (err) {
        return err;
    }
    uint32_t len = selv_get_be32(head);
    if (len == 0 || len == UINT32_MAX) {
        return SELV_ERR_STORE_EMPTY;
    }
    if (len > place->envelope_len - LENGTH_LEN) {
        return SELV_ERR_STORE_DAMAGED;
    }
    if (flash->map != NULL) {
        *out = selv_bytes(flash->map + off + LENGTH_LEN, len);
        return SELV_OK;
    }
    if (len > scratch->cap) {
        return SELV_ERR_SPACE;
    }
    err = flash->read(flash->port, off + LENGTH_LEN, scratch->p, len);
    if (err) {
        return err;
    }
    scratch->len = len;
    *out = selv_bytes(scratch->p, len);
    return SELV_OK;
}
