/* SPDX-License-Identifier: Apache-2.0
 *
 * What comes in, in parts, in any order and from several lanes. A part is a run
 * of whole sectors and, where a chunk list is there, of whole chunks; the last
 * one ends with the image.
 *
 * C14: a part is opened by one lane when it is asked for, and erased when its
 * first byte comes; a byte is written once. A part that is whole is hashed from
 * flash, and only what the chunk list says of it counts.
 *
 *               low
 *   |  there     | missing | good | open | missing | good |   unknown
 *                 bit 0      1      2      3         4  ... WINDOW */
#define SELV_MODULE 0x434e5054u /* "CNPT" */
#include "consumer/consumer_int.h"

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void selv_consumer_parts_leave(struct selv_consumer_lane *l)
{
    memset(l->open, 0, sizeof l->open);
    l->tail_len = 0;
    l->run_end = 0;
}

void selv_consumer_parts_begin(struct selv_consumer *c, uint32_t base,
                               uint32_t size, uint32_t align)
{
    memset(&c->parts, 0, sizeof c->parts);
    c->parts.base = base;
    c->parts.size = size;
    c->parts.align = align;
    for (unsigned i = 0; i < SELV_CONSUMER_LANES; i++) {
        selv_consumer_parts_leave(&c->lane[i]);
    }
}

uint32_t selv_consumer_part_end(const struct selv_consumer *c, uint32_t start)
{
    const struct selv_consumer_parts *p = &c->parts;
    uint32_t end = start;

    do {
        struct selv_sector sector =
            selv_flash_sector(c->config->flash, p->base + end);
        end = sector.off + sector.len - p->base;
    } while (end < p->size && end % p->align != 0);
    return least(end, p->size);
}

void selv_consumer_part_done(struct selv_consumer *c, uint32_t start)
{
    struct selv_consumer_parts *p = &c->parts;
    uint32_t at = p->low;

    for (unsigned n = 0; n < SELV_CONSUMER_WINDOW && at <= start; n++) {
        if (at == start) {
            p->good |= UINT64_C(1) << n;
        }
        at = selv_consumer_part_end(c, at);
    }
    while ((p->good & 1u) != 0) {
        p->good >>= 1;
        p->below = p->low;
        p->low = selv_consumer_part_end(c, p->low);
    }
}

static struct selv_consumer_part *find(const struct selv_consumer *c,
                                       struct selv_consumer_lane *l,
                                       uint32_t offset)
{
    for (unsigned i = 0; i < SELV_CONSUMER_SLOTS; i++) {
        struct selv_consumer_part *part = &l->open[i];
        if (part->missing > 0 && offset >= part->start &&
            offset < selv_consumer_part_end(c, part->start)) {
            return part;
        }
    }
    return NULL;
}

bool selv_consumer_is_part_open(const struct selv_consumer *c, uint32_t start)
{
    for (unsigned i = 0; i < SELV_CONSUMER_LANES; i++) {
        const struct selv_consumer_lane *l = &c->lane[i];
        if (start >= l->run_at && start < l->run_end) {
            return true;
        }
        for (unsigned k = 0; k < SELV_CONSUMER_SLOTS; k++) {
            if (l->open[k].missing > 0 && l->open[k].start == start) {
                return true;
            }
        }
    }
    return false;
}

enum selv_err selv_consumer_part_open(struct selv_consumer *c,
                                      struct selv_consumer_lane *l,
                                      uint32_t start)
{
    struct selv_consumer_part *part = l->open;

    while (part < l->open + SELV_CONSUMER_SLOTS && part->missing > 0) {
        part++;
    }
    if (part == l->open + SELV_CONSUMER_SLOTS) {
        return SELV_ERR_COAP_BUSY; /* fewer are open than blocks in flight */
    }
    part->start = start;
    part->missing = selv_consumer_part_end(c, start) - start;
    return SELV_OK;
}

/* When its first byte is there: who is silent costs nothing. */
static enum selv_err erase(struct selv_consumer *c,
                           const struct selv_consumer_part *part, uint32_t end)
{
    const struct selv_flash *flash = c->config->flash;
    const struct selv_consumer_parts *p = &c->parts;

    set_flag(c, FLAG_SPENT | FLAG_ERASED);
    for (uint32_t off = part->start; off < end;) {
        struct selv_sector sector = selv_flash_sector(flash, p->base + off);
        enum selv_err err = flash->erase(flash->port, sector.off);
        if (err) {
            return err;
        }
        if (flash->kick != NULL) {
            flash->kick(flash->port);
        }
        off = sector.off + sector.len - p->base;
    }
    return SELV_OK;
}

/* ---- flash ----------------------------------------------------------------
 */

/* Whole units; sector by sector, as flash is written. */
static enum selv_err write_units(struct selv_consumer *c, uint32_t at,
                                 const uint8_t *bytes, uint32_t len)
{
    const struct selv_flash *flash = c->config->flash;

    while (len > 0) {
        uint32_t off = c->parts.base + at;
        struct selv_sector sector = selv_flash_sector(flash, off);
        uint32_t n = least(sector.off + sector.len - off, len);
        enum selv_err err = flash->write(flash->port, off, bytes, n);
        if (err) {
            return err;
        }
        at += n;
        bytes += n;
        len -= n;
    }
    return SELV_OK;
}

/* Bytes that fill no unit wait for those behind them. */
static enum selv_err write(struct selv_consumer *c,
                           struct selv_consumer_lane *p, uint32_t at,
                           struct selv_bytes bytes)
{
    uint32_t unit = c->config->flash->write_unit;
    bool is_end = at + bytes.len == c->parts.size;
    enum selv_err err = SELV_OK;

    if (at % unit != p->tail_len || (p->tail_len > 0 && at != p->tail_at)) {
        return SELV_ERR_COAP_BLOCK; /* shorter than a unit, and not in order */
    }
    while (!err && bytes.len > 0) {
        uint32_t n = (uint32_t)bytes.len / unit * unit;
        if (p->tail_len == 0 && n > 0) {
            err = write_units(c, at, bytes.p, n);
        } else {
            n = least(unit - p->tail_len, (uint32_t)bytes.len);
            memcpy(p->tail + p->tail_len, bytes.p, n);
            p->tail_len = (uint8_t)(p->tail_len + n);
        }
        at += n;
        bytes = selv_bytes(bytes.p + n, bytes.len - n);
        if (is_end && bytes.len == 0 && p->tail_len > 0) {
            memset(p->tail + p->tail_len, c->config->flash->erased,
                   unit - p->tail_len);
            at += unit - p->tail_len;
            p->tail_len = (uint8_t)unit;
        }
        if (!err && p->tail_len == unit) {
            err = write_units(c, at - unit, p->tail, unit);
            p->tail_len = 0;
        }
    }
    p->tail_at = at;
    return err;
}

/* ---- chunks ---------------------------------------------------------------
 */

bool selv_consumer_is_part_good(const struct selv_consumer *c, uint32_t start)
{
    const struct selv_flash *flash = c->config->flash;
    uint32_t end = selv_consumer_part_end(c, start);
    uint8_t wanted[SELV_SHA256_LEN], digest[SELV_SHA256_LEN];

    for (uint32_t at = start; at < end;) {
        uint32_t k = selv_suit_chunk_at(&c->chunks, at);
        uint32_t len = selv_suit_chunk_len(&c->chunks, k);
        if (flash->read(flash->port,
                        c->list_off + selv_suit_chunk_digest_off(k), wanted,
                        sizeof wanted) ||
            selv_flash_digest(flash, c->parts.base + at, len, digest) ||
            memcmp(wanted, digest, sizeof digest) != 0) {
            return false;
        }
        at += len;
    }
    return true;
}

bool selv_consumer_is_part_fresh(const struct selv_consumer *c,
                                 struct selv_consumer_lane *l, uint32_t offset,
                                 uint32_t *start)
{
    const struct selv_consumer_part *part = find(c, l, offset);

    if (part == NULL) {
        return false;
    }
    *start = part->start;
    return part->missing ==
           selv_consumer_part_end(c, part->start) - part->start;
}

/* A part is whole, and not what it should be. */
static void spoil(struct selv_consumer *c, struct selv_consumer_lane *l,
                  uint32_t start)
{
    l->spoilt[c->bad[l->source] % 2u] = start;
    c->bad[l->source]++;
    set_flag(c, FLAG_BAD);
    selv_consumer_blame(c, l->source);
}

enum selv_err selv_consumer_part_put(struct selv_consumer *c,
                                     struct selv_consumer_lane *l,
                                     uint32_t offset, struct selv_bytes bytes,
                                     bool *is_whole)
{
    struct selv_consumer_part *part = find(c, l, offset);
    enum selv_err err = SELV_OK;
    uint32_t end;

    *is_whole = false;
    if (part == NULL || bytes.len > part->missing) {
        return SELV_ERR_COAP_BLOCK;
    }
    end = selv_consumer_part_end(c, part->start);
    if (part->missing == end - part->start) {
        err = erase(c, part, end);
    }
    if (!err) {
        err = write(c, l, offset, bytes);
    }
    if (err) {
        return err;
    }
    part->missing -= (uint32_t)bytes.len;
    if (part->missing > 0) {
        return SELV_OK;
    }
    *is_whole =
        !has_flag(c, FLAG_LISTED) || selv_consumer_is_part_good(c, part->start);
    if (*is_whole) {
        selv_consumer_part_done(c, part->start);
    } else {
        spoil(c, l, part->start);
    }
    return SELV_OK;
}
