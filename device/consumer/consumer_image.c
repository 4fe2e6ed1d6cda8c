/* SPDX-License-Identifier: Apache-2.0
 *
 * An image, and its chunk list before it: where they go, what of them is there
 * already, and the end. Who gives them: consumer_lane.c.
 *
 *            the list is in flash           all that is on record
 *   LOOK -----------------------------> SCAN ----------------------> IMAGE
 *    | not                               ^       was looked at         |
 *    v        digest and header right,   |                             v
 *   LIST --------------------------------+                  all is there, or
 *             or nobody has it                              nobody is left
 *
 * C15: the list lies behind the image in the slot, in whole sectors; its own
 * digest, which the manifest names, is taken from there before any of it is
 * used, in this boot. A list that cannot be had or held is done without
 * [manifest 8.4.8]. C14: a source that gave three bad parts is left; so a
 * sector is erased at most four times for each source, and once. */
#define SELV_MODULE 0x434e494du /* "CNIM" */
#include "consumer/consumer_int.h"

void selv_consumer_tell_progress(struct selv_consumer *c, uint8_t source,
                                 bool is_resumed)
{
    bool is_told = has_flag(c, FLAG_EVENT);

    if (c->phase == PHASE_LIST ||
        (is_told && c->todo.state != SELV_UPDATE_DOWNLOADING)) {
        return;
    }
    if (!is_told) {
        selv_consumer_tell(c, SELV_UPDATE_DOWNLOADING, SELV_OK);
    }
    c->todo.is_resumed = c->todo.is_resumed || is_resumed;
    /* A port gives faster than it polls: the latest counts. */
    c->todo.source = source;
    c->todo.done = c->parts.low;
    c->noted = c->todo.done;
    c->todo.size = c->image_size;
}

static void end_image(struct selv_consumer *c, enum selv_err err)
{
    selv_suit_answer(&c->suit, err);
    c->step = STEP_PROCEED;
}

/* ---- the record -----------------------------------------------------------
 */

/* Parts that are there: all below solid, and those of map behind it. Only these
 * are looked at again after a cut: of cells that it left in between, in a part
 * that was being written then, a digest says only how they read now. */
struct record {
    uint32_t solid; /* bytes */
    uint64_t map;   /* bit n: of the n-th part from solid on */
};

/* Parts are of other lengths with a chunk list than without. */
static uint16_t map_kind(const struct selv_consumer *c)
{
    uint16_t kind = 1;

    while (c->parts.align >> kind > 0) {
        kind++;
    }
    return kind;
}

static bool is_recorded(const struct selv_consumer *c,
                        const struct record *record, uint32_t start)
{
    uint32_t at = record->solid;

    if (selv_consumer_part_end(c, start) <= record->solid) {
        return true;
    }
    for (uint64_t map = record->map; map != 0 && at < c->parts.size;
         map >>= 1) {
        if (at == start) {
            return (map & 1u) != 0;
        }
        at = selv_consumer_part_end(c, at);
    }
    return false;
}

/* What the log says. */
static struct record logged(const struct selv_consumer *c)
{
    struct record record = {c->log.progress, 0};
    uint32_t at = 0;

    while (at < record.solid && at < c->parts.size) {
        at = selv_consumer_part_end(c, at);
    }
    /* The last part's sector may hold more than the image. */
    if (at > record.solid ||
        (at == c->parts.size &&
         selv_slot_whole(c->config->flash, c->idle, at) != at)) {
        return record;
    }
    for (unsigned i = 0;
         c->log.map_kind == map_kind(c) && i < sizeof c->log.nonce; i++) {
        record.map |= (uint64_t)c->log.nonce[i] << 8 * i;
    }
    return record;
}

/* An earlier try left something of this very image. */
static void recall(struct selv_consumer *c)
{
    struct record record = {0, 0};

    if (c->log.state == SELV_LOG_DOWNLOADING && c->log.slot == idle_slot(c) &&
        c->log.progress <= c->image_size &&
        memcmp(c->log.digest, c->digest, sizeof c->log.digest) == 0) {
        record = logged(c);
    }
    c->solid = record.solid;
    c->record = record.map;
}

bool selv_consumer_is_there(const struct selv_consumer *c, uint32_t start)
{
    struct record record = {c->solid, c->record};

    return has_flag(c, FLAG_LISTED) && is_recorded(c, &record, start) &&
           selv_consumer_is_part_good(c, start);
}

/* More than ever before, of this image or another one since the number is so
 * high: parts, in bytes and in number. */
static bool has_grown(struct selv_consumer *c)
{
    uint32_t amount = c->parts.low;

    for (uint64_t good = c->parts.good; good != 0; good &= good - 1u) {
        amount++;
    }
    if (amount <= c->best) {
        return false;
    }
    c->best = amount;
    return true;
}

static enum selv_err write_record(struct selv_consumer *c)
{
    const struct selv_consumer_parts *p = &c->parts;
    bool is_whole = p->low == 0 || selv_slot_whole(c->config->flash, c->idle,
                                                   p->low) == p->low;
    uint64_t map = is_whole ? p->good : 1;

    c->log.progress = is_whole ? p->low : p->below;
    c->log.map_kind = map_kind(c);
    for (unsigned i = 0; i < sizeof c->log.nonce; i++) {
        c->log.nonce[i] = (uint8_t)(map >> 8 * i);
    }
    return selv_consumer_write_log(c, SELV_LOG_DOWNLOADING);
}

enum selv_err selv_consumer_note(struct selv_consumer *c)
{
    if (c->phase == PHASE_LIST) {
        return SELV_OK;
    }
    if (has_grown(c)) {
        set_flag(c, FLAG_GREW);
        selv_consumer_hold(c);
    }
    return write_record(c);
}

enum selv_err selv_consumer_unnote(struct selv_consumer *c, uint32_t start)
{
    struct record record = {c->log.progress, 0};

    if (c->phase == PHASE_LIST) {
        return SELV_OK;
    }
    if (c->log.map_kind == map_kind(c)) {
        record = logged(c);
    } else if (c->log.map_kind != 0) {
        return write_record(c); /* of other parts than these */
    }
    if (start >= record.solid && !is_recorded(c, &record, start)) {
        return SELV_OK;
    }
    return write_record(c);
}

/* ---- begin ----------------------------------------------------------------
 */

static void find_list(struct selv_consumer *c,
                      const struct selv_suit_todo *todo)
{
    const struct selv_flash *flash = c->config->flash;
    struct selv_suit_chunks_name name;
    struct selv_sector last =
        selv_flash_sector(flash, c->idle->image_off + c->image_size - 1);
    uint32_t room;

    c->list_off = last.off + last.len;
    room = c->idle->image_off + c->idle->image_len - c->list_off;
    c->list_len = 0;
    if (!has_flag(c, FLAG_LISTLESS) && c->payload_off == 0 &&
        selv_suit_chunks_name_of(&c->suit, todo->component, &name) &&
        name.len <= room) {
        c->list_len = name.len;
        c->list_digest = name.digest;
    }
}

/* Without a list what is on record counts unseen; the image's digest decides.
 */
static void take_record(struct selv_consumer *c)
{
    struct record record = {c->solid, c->record};
    uint32_t at = 0;

    while (at < c->parts.size && (at < record.solid || record.map != 0)) {
        if (is_recorded(c, &record, at)) {
            selv_consumer_part_done(c, at);
            set_flag(c, FLAG_REST);
        }
        if (at >= record.solid) {
            record.map >>= 1;
            record.solid = selv_consumer_part_end(c, at);
        }
        at = selv_consumer_part_end(c, at);
    }
}

void selv_consumer_begin_image(struct selv_consumer *c,
                               const struct selv_suit_todo *todo)
{
    c->image_size = todo->size;
    c->image_uri = todo->uri;
    c->payload_off = todo->is_integrated ? todo->integrated_off : 0;
    c->phase = PHASE_LOOK;
    c->gave = 0;
    c->noted = 0;
    clear_flag(c, FLAG_LISTED | FLAG_REST);
    find_list(c, todo);
    selv_consumer_lanes_begin(c);
    selv_consumer_parts_begin(c, c->idle->image_off, c->image_size,
                              SELV_CONSUMER_BLOCK_LEN);
    recall(c);
    if (c->list_len == 0) {
        take_record(c);
    }
    selv_consumer_tell_progress(c, c->source, c->parts.low > 0);
}

static void begin_parts(struct selv_consumer *c)
{
    uint32_t align = SELV_CONSUMER_BLOCK_LEN;
    bool is_listed = has_flag(c, FLAG_LISTED);

    if (is_listed && align < 1u << c->chunks.shift) {
        align = 1u << c->chunks.shift;
    }
    selv_consumer_lanes_begin(c);
    selv_consumer_parts_begin(c, c->idle->image_off, c->image_size, align);
    recall(c);
    if (!is_listed) {
        take_record(c);
    }
    (void)has_grown(c); /* that was there before */
    c->phase = is_listed ? PHASE_SCAN : PHASE_IMAGE;
    if (c->payload_off > 0) {
        /* It is where the manifest is, and nowhere else. */
        c->left = (uint8_t)(1u << c->source);
    } else if (!selv_consumer_locate(c, c->image_uri)) {
        end_image(c, SELV_ERR_SUIT_URI);
    }
}

/* The list in flash is the manifest's, and of this image. */
static bool is_list_good(struct selv_consumer *c)
{
    const struct selv_flash *flash = c->config->flash;
    uint8_t header[SELV_SUIT_CHUNKS_HEADER_LEN];
    uint8_t digest[SELV_SHA256_LEN];

    return !selv_flash_digest(flash, c->list_off, c->list_len, digest) &&
           memcmp(digest, c->list_digest, sizeof digest) == 0 &&
           !flash->read(flash->port, c->list_off, header, sizeof header) &&
           !selv_suit_chunks_read(header, c->list_len, c->image_size,
                                  &c->chunks);
}

static void begin_list(struct selv_consumer *c)
{
    selv_consumer_parts_begin(c, c->list_off, c->list_len,
                              SELV_CONSUMER_BLOCK_LEN);
    c->phase = PHASE_LIST;
}

static void look(struct selv_consumer *c)
{
    if (c->list_len > 0 && is_list_good(c)) {
        set_flag(c, FLAG_LISTED);
    }
    if (c->list_len == 0 || has_flag(c, FLAG_LISTED) ||
        !selv_consumer_locate(c, selv_consumer_name_list(c))) {
        begin_parts(c);
    } else {
        begin_list(c);
    }
}

/* One part at a time of those on record. */
static void scan(struct selv_consumer *c)
{
    const struct record record = {c->solid, c->record};
    struct selv_consumer_parts *p = &c->parts;

    while (p->scan < p->size) {
        uint32_t at = p->scan;
        p->scan = selv_consumer_part_end(c, at);
        if (is_recorded(c, &record, at)) {
            if (selv_consumer_is_part_good(c, at)) {
                selv_consumer_part_done(c, at);
            }
            return;
        }
    }
    (void)has_grown(c);
    c->phase = PHASE_IMAGE;
    if (p->low > c->noted) {
        selv_consumer_tell_progress(c, c->source, true);
    }
}

/* ---- the end --------------------------------------------------------------
 */

static void end_list(struct selv_consumer *c, uint8_t source)
{
    if (is_list_good(c)) {
        set_flag(c, FLAG_LISTED);
        begin_parts(c);
        return;
    }
    set_flag(c, FLAG_BAD);
    selv_consumer_blame(c, source);
    if (c->left != 0) {
        begin_list(c);
    } else {
        begin_parts(c);
    }
}

void selv_consumer_end_parts(struct selv_consumer *c)
{
    uint8_t source = c->lane->source;

    selv_consumer_lanes_stop(c);
    if (c->phase == PHASE_LIST) {
        end_list(c, source);
    } else {
        end_image(c, SELV_OK);
    }
}

void selv_consumer_go_on(struct selv_consumer *c)
{
    if (c->phase == PHASE_LIST) {
        begin_list(c);
    } else if (!has_flag(c, FLAG_LISTED) && has_flag(c, FLAG_ALONE)) {
        /* It shall be known of each byte who gave it. */
        selv_consumer_parts_begin(c, c->parts.base, c->parts.size,
                                  c->parts.align);
        c->gave = 0;
        clear_flag(c, FLAG_REST);
    }
    if (c->parts.low > 0) {
        selv_consumer_tell_progress(c, c->source, true);
    }
}

void selv_consumer_give_in(struct selv_consumer *c, enum selv_err err,
                           bool is_away)
{
    if (c->phase == PHASE_LIST && err != SELV_ERR_FLASH_IO) {
        begin_parts(c); /* a hint [manifest 8.4.8] */
        return;
    }
    if (is_away) {
        set_flag(c, FLAG_AWAY);
    }
    if (err == SELV_ERR_UPDATE_CHUNK) {
        set_flag(c, FLAG_LISTLESS); /* or is it the list that is wrong? */
    }
    end_image(c, err);
}

void selv_consumer_image(struct selv_consumer *c)
{
    if (c->phase == PHASE_LOOK) {
        look(c);
    } else if (c->phase == PHASE_SCAN) {
        scan(c);
    } else if (c->parts.low >= c->parts.size &&
               !selv_consumer_is_port_busy(c)) {
        selv_consumer_end_parts(c);
    } else {
        selv_consumer_lanes_work(c);
    }
}
