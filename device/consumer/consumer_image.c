/* SPDX-License-Identifier: Apache-2.0
 *
 * The transfer of an image, and of its chunk list before it: from CoAP peers
 * with many blocks in flight, from port sources in order, from the next one
 * where one fails.
 *
 *            the list is in flash            it begins with good parts
 *   LOOK -----------------------------> SCAN <----------------+
 *    | not                               ^ |                  | bad parts, or
 *    v        digest and header right    | v                  | another source
 *   LIST --------------------------------+ IMAGE -------------+
 *    |                                       ^ |
 *    +---------------------------------------+ +--> end_image
 *      no list: what the log says is there         all is there, or no source
 *
 * C15: the list lies behind the image in the slot, in whole sectors; its own
 * digest, which the manifest names, is taken from there before any of it is
 * used, in this boot. A list that cannot be had or held is done without
 * [manifest 8.4.8]. C14: a source that gave three bad parts in one transfer is
 * left; so a sector is erased at most four times for each source, and once. */
#define SELV_MODULE 0x434e494du /* "CNIM" */
#include "consumer/consumer_int.h"

#define IMAGE_MS 3600000u    /* for a whole image, and on top of it */
#define IMAGE_BLOCK_MS 4000u /* for each block */
#define ALONE_MS 100000u     /* without a byte, where there is nobody else */
#define OTHERS_MS 20000u     /* the same, where there is */
#define LOOK_MS 30000u       /* how fast is it? */
#define LEAST_RATE 2000u     /* bytes in that time, where there is another */
#define MOST_RATE 30000u     /* more is never asked for */
#define LOOKS_MAX 40u        /* such times for a whole image, between the two */
#define BAD_MAX 3u           /* parts of one source */
#define RUN_MAX 262144u      /* bytes that are looked at for one request */

enum phase { PHASE_LOOK, PHASE_LIST, PHASE_SCAN, PHASE_IMAGE };

/* Whether it says something of the source, not of flash. */
static bool is_of_source(enum selv_err err)
{
    return (err >= SELV_ERR_COAP_FORMAT && err <= SELV_ERR_COAP_CODE) ||
           err == SELV_ERR_UPDATE_SIZE || err == SELV_ERR_UPDATE_SERVER ||
           err == SELV_ERR_UPDATE_CHUNK || err == SELV_ERR_UPDATE_AWAY ||
           err == SELV_ERR_UPDATE_MISSING;
}

static void tell_progress(struct selv_consumer *c, bool is_resumed)
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
    c->todo.source = c->from;
    c->todo.done = selv_consumer_parts_low(c);
    c->noted = c->todo.done;
    c->todo.size = c->image_size;
}

static void end_image(struct selv_consumer *c, enum selv_err err)
{
    selv_suit_answer(&c->suit, err);
    c->step = STEP_PROCEED;
}

/* ---- what is there already ------------------------------------------------
 */

/* Bytes of this very image that an earlier try left in flash, by the log. Only
 * these are looked at again: of cells that a cut of power left in between, in a
 * part that was being written then, a digest says only how they read now. */
static uint32_t resumable(const struct selv_consumer *c)
{
    bool is_ours = c->log.state == SELV_LOG_DOWNLOADING &&
                   c->log.slot == idle_slot(c) &&
                   memcmp(c->log.digest, c->digest, sizeof c->log.digest) == 0;
    uint32_t from = 0, end = 0;

    while (is_ours && c->log.progress <= c->image_size && end < c->image_size &&
           end <= c->log.progress) {
        from = end;
        end = selv_consumer_part_end(c, from);
    }
    /* The last part's sector may hold more than the image. */
    return is_ours && end == c->image_size && end == c->log.progress &&
                   selv_slot_whole(c->config->flash, c->idle, end) == end
               ? end
               : from;
}

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

void selv_consumer_begin_image(struct selv_consumer *c,
                               const struct selv_suit_todo *todo)
{
    c->image_size = todo->size;
    c->image_uri = todo->uri;
    c->payload_off = todo->is_integrated ? todo->integrated_off : 0;
    c->phase = PHASE_LOOK;
    c->bad = 0;
    c->told = 0;
    c->gave = 0;
    clear_flag(c, FLAG_LISTED | FLAG_REST);
    find_list(c, todo);
    selv_consumer_parts_begin(c, c->idle->image_off, c->image_size,
                              SELV_CONSUMER_BLOCK_LEN);
    c->solid = resumable(c);
    c->best = c->solid > c->best ? c->solid : c->best;
    if (c->list_len == 0) {
        c->parts.next = c->solid;
    }
    tell_progress(c, c->parts.next > 0);
}

static void begin_parts(struct selv_consumer *c)
{
    uint32_t align = SELV_CONSUMER_BLOCK_LEN;
    bool is_listed = has_flag(c, FLAG_LISTED);

    if (is_listed && align < 1u << c->chunks.shift) {
        align = 1u << c->chunks.shift;
    }
    selv_consumer_parts_begin(c, c->idle->image_off, c->image_size, align);
    c->phase = is_listed ? PHASE_SCAN : PHASE_IMAGE;
    c->told = 0;
    if (!is_listed && c->solid > 0) {
        c->parts.next = c->solid;
        set_flag(c, FLAG_REST);
    }
    if (c->payload_off > 0) {
        /* It is where the manifest is, and nowhere else. */
        c->left = 0;
        c->from = c->source;
        selv_consumer_name_manifest(c);
    } else if (!selv_consumer_locate(c, c->image_uri) ||
               !selv_consumer_pick(c)) {
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

static void look(struct selv_consumer *c)
{
    if (c->list_len > 0 && is_list_good(c)) {
        set_flag(c, FLAG_LISTED);
    }
    if (c->list_len == 0 || has_flag(c, FLAG_LISTED)) {
        begin_parts(c);
        return;
    }
    selv_consumer_parts_begin(c, c->list_off, c->list_len,
                              SELV_CONSUMER_BLOCK_LEN);
    c->phase = PHASE_LIST;
    if (!selv_consumer_locate(c, selv_consumer_name_list(c)) ||
        !selv_consumer_pick(c)) {
        begin_parts(c);
    }
}

/* The part at start need not be fetched. */
static bool is_there(const struct selv_consumer *c, uint32_t start)
{
    return start < c->parts.size &&
           selv_consumer_part_end(c, start) <= c->solid &&
           selv_consumer_is_part_good(c, start);
}

/* One part at a time, up to one that is not there. */
static void scan(struct selv_consumer *c)
{
    if (is_there(c, c->parts.next)) {
        c->parts.next = selv_consumer_part_end(c, c->parts.next);
        return;
    }
    c->phase = PHASE_IMAGE;
    if (c->parts.next > c->noted) {
        tell_progress(c, c->told == 0);
    }
}

/* ---- the end of a transfer ------------------------------------------------
 */

static void stop(struct selv_consumer *c)
{
    if (is_port(c, c->busy)) {
        set_flag(c, FLAG_CANCEL);
    } else {
        selv_coap_fetch_abort(&c->fetch);
    }
    clear_flag(c, FLAG_BUSY);
    c->rx_len = 0;
}

static void end_well(struct selv_consumer *c)
{
    if (c->phase == PHASE_LIST) {
        if (is_list_good(c)) {
            set_flag(c, FLAG_LISTED);
            begin_parts(c);
            return;
        }
        set_flag(c, FLAG_BAD);
        selv_consumer_blame(c, c->from);
        if (selv_consumer_pick(c)) {
            c->parts.next = 0;
        } else {
            begin_parts(c);
        }
        return;
    }
    selv_consumer_parts_leave(c);
    if (c->parts.next < c->parts.size) {
        c->phase = has_flag(c, FLAG_LISTED) ? PHASE_SCAN : PHASE_IMAGE;
    } else {
        end_image(c, SELV_OK);
    }
}

/* The next source begins where the last one ended or, where it shall be known
 * of each byte who gave it, at the image's first. */
static void go_on(struct selv_consumer *c)
{
    c->bad = 0;
    if (c->phase == PHASE_LIST) {
        c->parts.next = 0;
    } else if (has_flag(c, FLAG_LISTED)) {
        c->phase = PHASE_SCAN;
    } else if (has_flag(c, FLAG_ALONE)) {
        c->parts.next = 0;
        c->gave = 0;
        clear_flag(c, FLAG_REST);
    }
    if (c->parts.next > 0) {
        tell_progress(c, true);
    }
}

/* Nobody is left. Whether that is for want of a source is the last one's word.
 */
static void give_in(struct selv_consumer *c, enum selv_err err, bool is_away)
{
    if (is_away) {
        set_flag(c, FLAG_AWAY);
    }
    if (err == SELV_ERR_UPDATE_CHUNK) {
        set_flag(c, FLAG_LISTLESS); /* or is it the list that is wrong? */
    }
    end_image(c, err);
}

/* The source is of no use. */
static void end_badly(struct selv_consumer *c, enum selv_err err, uint8_t code)
{
    bool is_away = selv_consumer_is_away(err, code);

    selv_consumer_parts_leave(c);
    if (!is_away && is_of_source(err) && err != SELV_ERR_UPDATE_CHUNK) {
        selv_consumer_blame(c, c->from);
    }
    if (is_of_source(err) && selv_consumer_pick(c)) {
        go_on(c);
    } else if (c->phase == PHASE_LIST && is_of_source(err)) {
        begin_parts(c); /* a hint [manifest 8.4.8] */
    } else {
        give_in(c, err, is_away);
    }
}

static void end_transfer(struct selv_consumer *c, enum selv_err err,
                         uint8_t code)
{
    clear_flag(c, FLAG_BUSY);
    c->rx_len = 0;
    if (err == SELV_ERR_COAP_TIMEOUT && has_flag(c, FLAG_OVERSIZE)) {
        err = SELV_ERR_COAP_BLOCK;
    }
    if (err == SELV_ERR_COAP_SIZE) {
        err = SELV_ERR_UPDATE_SIZE;
    }
    if (err) {
        end_badly(c, err, code);
    } else {
        end_well(c);
    }
}

/* ---- bytes ----------------------------------------------------------------
 */

/* C5: progress says no more than what is in flash. */
static enum selv_err note_progress(struct selv_consumer *c)
{
    uint32_t low = selv_consumer_parts_low(c);
    enum selv_err err = SELV_OK;

    if (c->phase == PHASE_LIST) {
        return SELV_OK;
    }
    if (low > c->log.progress &&
        selv_slot_whole(c->config->flash, c->idle, low) == low) {
        c->log.progress = low;
        if (low > c->best) {
            c->best = low;
            set_flag(c, FLAG_GREW);
        }
        err = selv_consumer_write_log(c, SELV_LOG_DOWNLOADING);
    }
    if (low > c->noted) {
        tell_progress(c, false);
    }
    return err;
}

static enum selv_err put(struct selv_consumer *c, uint32_t offset,
                         struct selv_bytes piece)
{
    bool is_whole;
    enum selv_err err = selv_consumer_part_put(c, offset, piece, &is_whole);

    c->told += (uint32_t)piece.len;
    if (c->phase != PHASE_LIST) {
        c->gave = (uint8_t)(c->gave | 1u << c->from);
    }
    if (!err && is_whole) {
        err = note_progress(c);
    }
    return !err && c->bad >= BAD_MAX ? SELV_ERR_UPDATE_CHUNK : err;
}

/* What is opened in this boot is written without a cut, or never read. */
static enum selv_err open_part(struct selv_consumer *c)
{
    enum selv_err err = selv_consumer_part_open(c);

    if (c->phase != PHASE_LIST && c->solid < c->parts.next) {
        c->solid = c->parts.next;
    }
    return err;
}

enum selv_err selv_consumer_unnote(struct selv_consumer *c, uint32_t start)
{
    if (c->phase == PHASE_LIST || start >= c->log.progress) {
        return SELV_OK;
    }
    c->log.progress = start;
    return selv_consumer_write_log(c, SELV_LOG_DOWNLOADING);
}

/* In order: parts are opened as they are reached. */
enum selv_err selv_consumer_take_image(struct selv_consumer *c, uint32_t offset,
                                       struct selv_bytes bytes)
{
    enum selv_err err = SELV_OK;

    while (!err && bytes.len > 0) {
        uint32_t start = offset;
        size_t len;
        if (offset == c->parts.next) {
            err = open_part(c);
        }
        len = c->parts.next - start;
        len = len < bytes.len ? len : bytes.len;
        if (!err) {
            err = put(c, offset, selv_bytes(bytes.p, len));
        }
        offset += (uint32_t)len;
        bytes = selv_bytes(bytes.p + len, bytes.len - len);
    }
    return err;
}

/* ---- the transfer ---------------------------------------------------------
 */

static uint32_t patience(const struct selv_consumer *c)
{
    return c->left != 0 ? OTHERS_MS : ALONE_MS;
}

/* Bytes in LOOK_MS: who is slower and stands first would hold up an image for
 * hours. */
static uint32_t least_rate(const struct selv_consumer *c)
{
    uint32_t rate = c->parts.size / LOOKS_MAX;

    rate = rate > LEAST_RATE ? rate : LEAST_RATE;
    return rate < MOST_RATE ? rate : MOST_RATE;
}

/* Silent for long, or a trickle while there is somebody else. */
static bool is_too_slow(struct selv_consumer *c)
{
    if (c->told != c->seen) {
        c->seen = c->told;
        c->late_ms = c->now_ms + patience(c);
    }
    if (c->now_ms >= c->look_ms) {
        bool is_slow = c->told - c->looked < least_rate(c) && c->left != 0;
        c->looked = c->told;
        c->look_ms = c->now_ms + LOOK_MS;
        if (is_slow) {
            return true;
        }
    }
    return c->now_ms >= c->late_ms;
}

static void wait_no_longer(struct selv_consumer *c)
{
    uint64_t until_ms = c->late_ms < c->look_ms ? c->late_ms : c->look_ms;

    if (c->todo.until_ms > until_ms) {
        c->todo.until_ms = until_ms;
    }
}

/* Up to a part that is there already. */
static uint32_t run_end(const struct selv_consumer *c)
{
    uint32_t end = selv_consumer_part_end(c, c->parts.next);

    if (c->phase == PHASE_LIST || !has_flag(c, FLAG_LISTED)) {
        return c->parts.size;
    }
    while (end - c->parts.next < RUN_MAX && end < c->parts.size &&
           !is_there(c, end)) {
        end = selv_consumer_part_end(c, end);
    }
    return end;
}

static enum selv_err start_fetch(struct selv_consumer *c)
{
    uint8_t random[8];

    memset(&c->rq, 0, sizeof c->rq);
    c->rq.code = SELV_COAP_GET;
    c->rq.szx = SELV_COAP_SZX;
    c->rq.content_format = SELV_COAP_NO_FORMAT;
    c->rq.accept = SELV_COAP_NO_FORMAT;
    c->rq.host = c->config->sources[c->busy].host;
    c->rq.path = selv_bytes(c->path.p + 1, c->path.len - 1);
    c->rq.query = c->query;
    c->rq.body_max = c->parts.size;
    c->rq.deadline_ms =
        IMAGE_MS + IMAGE_BLOCK_MS * (c->parts.size / SELV_CONSUMER_BLOCK_LEN);
    selv_consumer_draw(c, random);
    selv_consumer_know_path(c);
    memset(&c->fetch, 0, sizeof c->fetch);
    selv_coap_fetch_init(&c->fetch, &c->coap_path, c->slots,
                         SELV_CONSUMER_SLOTS);
    return selv_coap_fetch_start(&c->fetch, &c->rq, random, c->now_ms);
}

static void start(struct selv_consumer *c)
{
    enum selv_err err = SELV_OK;

    if (c->parts.next >= c->parts.size) {
        end_well(c);
        return;
    }
    c->busy = c->from;
    c->rx_len = 0;
    c->told = c->seen = c->looked = 0;
    c->late_ms = c->now_ms + patience(c);
    c->look_ms = c->now_ms + LOOK_MS;
    clear_flag(c, FLAG_OVERSIZE | FLAG_GONE);
    if (is_port(c, c->busy)) {
        selv_consumer_read(c, c->payload_off + c->parts.next,
                           c->payload_off + run_end(c));
    } else {
        err = start_fetch(c);
    }
    if (err) {
        end_transfer(c, err, 0);
    } else {
        set_flag(c, FLAG_BUSY);
    }
}

/* The next part that is not there: it is asked for. */
static enum selv_err want(struct selv_consumer *c)
{
    uint32_t start = c->parts.next;
    enum selv_err err;

    if (start >= c->parts.size) {
        selv_coap_fetch_all(&c->fetch);
        return SELV_OK;
    }
    if (c->phase == PHASE_IMAGE && has_flag(c, FLAG_LISTED) &&
        is_there(c, start)) {
        c->parts.next = selv_consumer_part_end(c, start);
        return SELV_OK;
    }
    err = open_part(c);
    if (!err) {
        err = selv_coap_fetch_want(&c->fetch, start, c->parts.next - start);
    }
    return err;
}

static void poll_fetch(struct selv_consumer *c)
{
    struct selv_buf out = {c->tx, sizeof c->tx, 0};
    struct selv_coap_event event;
    enum selv_err err = SELV_OK;

    if (has_flag(c, FLAG_GONE)) {
        stop(c);
        end_transfer(c, SELV_ERR_UPDATE_AWAY, 0);
        return;
    }
    switch (selv_coap_fetch_poll(&c->fetch, c->now_ms, &out, &event)) {
    case SELV_COAP_FETCH_SEND:
        c->todo.kind = SELV_CONSUMER_SEND;
        c->todo.source = c->busy;
        c->todo.bytes = selv_bytes(c->tx, out.len);
        break;
    case SELV_COAP_FETCH_WANT:
        err = want(c);
        break;
    case SELV_COAP_FETCH_BLOCK:
        err = put(c, event.offset, event.payload);
        break;
    case SELV_COAP_FETCH_DONE:
    case SELV_COAP_FETCH_FAILED:
        end_transfer(c, event.err, event.code);
        return;
    case SELV_COAP_FETCH_WAIT:
        c->rx_len = 0;
        c->todo.until_ms = event.until_ms;
        if (is_too_slow(c)) {
            err = SELV_ERR_COAP_TIMEOUT;
        }
        wait_no_longer(c);
        break;
    }
    if (err) {
        stop(c);
        end_transfer(c, err, 0);
    }
}

static void poll_read(struct selv_consumer *c)
{
    enum selv_err err;

    c->todo.until_ms = c->look_ms;
    if (selv_consumer_has_read(c, &err) && !err && c->read.at < c->read.end) {
        /* Fewer bytes than asked for [RFC 9110 15.3.7]: the rest. */
        selv_consumer_read(c, c->read.at, c->read.end);
    } else if (c->read.is_over) {
        end_transfer(c, err, 0);
    } else if (is_too_slow(c)) {
        stop(c);
        end_transfer(c, SELV_ERR_UPDATE_AWAY, 0);
    } else {
        wait_no_longer(c);
    }
}

void selv_consumer_image(struct selv_consumer *c)
{
    if (has_flag(c, FLAG_BUSY)) {
        if (is_port(c, c->busy)) {
            poll_read(c);
        } else {
            poll_fetch(c);
        }
    } else if (c->phase == PHASE_LOOK) {
        look(c);
    } else if (c->phase == PHASE_SCAN) {
        scan(c);
    } else {
        start(c);
    }
}
