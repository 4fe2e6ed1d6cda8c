/* SPDX-License-Identifier: Apache-2.0
 *
 * The idle slot: fetch, resume, hash, keep.
 *
 * Order of what reaches flash for one manifest (C4, C5):
 *   log DOWNLOADING{digest, slot, 0}  envelope of the idle slot erased
 *   image, sector by sector; after each: log DOWNLOADING{.., progress}
 *   (image hashed from flash)         envelope stored
 *   log TRIAL{digest, slot}           reboot
 * A cut anywhere leaves the running slot as it was, and a log from which the
 * download goes on or begins again. */
#define SELV_MODULE 0x434e444cu /* "CNDL" */
#include "consumer/consumer_int.h"

#define IMAGE_MS 600000u     /* for a whole image, and on top of it */
#define IMAGE_BLOCK_MS 4000u /* for each block */

enum selv_err selv_consumer_write_log(struct selv_consumer *c,
                                      enum selv_log_state to)
{
    const struct selv_consumer_config *config = c->config;

    c->log.state = (uint8_t)to;
    return selv_log_write(config->flash, config->layout, &c->log);
}

enum selv_err selv_consumer_begin_log(struct selv_consumer *c,
                                      enum selv_log_state to, uint8_t slot)
{
    c->log.slot = slot;
    c->log.progress = 0;
    memcpy(c->log.digest, c->digest, sizeof c->log.digest);
    return selv_consumer_write_log(c, to);
}

/* The update ends here. C5: progress outlives only the want of a server;
 * after any other failure the next try begins with an empty slot. */
static void fail(struct selv_consumer *c, enum selv_err err)
{
    if (has_flag(c, FLAG_WRITTEN) && !has_flag(c, FLAG_AWAY) &&
        selv_consumer_write_log(c, SELV_LOG_IDLE) != SELV_OK) {
        err = SELV_ERR_FLASH_IO;
    }
    selv_consumer_refuse(c, err);
}

/* ---- the manifest's update procedure --------------------------------------
 */

enum selv_err selv_consumer_check_fetch(struct selv_consumer *c,
                                        const struct selv_suit_todo *todo)
{
    if (todo->device_component != idle_component(c)) {
        return SELV_ERR_SUIT_OPERATION;
    }
    if (todo->is_integrated || !has_flag(c, FLAG_WHOLE)) {
        return SELV_ERR_SUIT_INTEGRATED;
    }
    if (!todo->has_size) {
        return SELV_ERR_SUIT_UNSET;
    }
    if (todo->size == 0) {
        return SELV_ERR_UPDATE_SIZE;
    }
    if (todo->size > c->idle->image_len) {
        return SELV_ERR_STORE_FULL;
    }
    if (!selv_consumer_locate(c, todo->uri)) {
        return SELV_ERR_SUIT_URI;
    }
    return SELV_OK;
}

/* Bytes of this very image that an earlier try left in flash. */
static uint32_t resumable(const struct selv_consumer *c, uint32_t size)
{
    bool is_ours = c->log.state == SELV_LOG_DOWNLOADING &&
                   c->log.slot == idle_slot(c) &&
                   memcmp(c->log.digest, c->digest, sizeof c->log.digest) == 0;

    if (!is_ours || c->log.progress > size) {
        return 0;
    }
    /* Requests begin at multiples of a block, of 16 bytes at least. */
    uint32_t whole =
        selv_slot_whole(c->config->flash, c->idle, c->log.progress);
    return whole % 16 == 0 ? whole : 0;
}

static enum selv_err begin_slot(struct selv_consumer *c, uint32_t size,
                                uint32_t from)
{
    /* Also to resume: a request that was cut when it was written may read as
     * torn now and as whole later, and must not find a slot half written. */
    enum selv_err err =
        from == 0
            ? selv_consumer_begin_log(c, SELV_LOG_DOWNLOADING, idle_slot(c))
            : selv_consumer_write_log(c, SELV_LOG_DOWNLOADING);

    set_flag(c, FLAG_WRITTEN | FLAG_TOUCHED);
    if (!err && c->config->installer) {
        err = c->config->installer->begin(c->config->installer_context);
    }
    if (!err) {
        err =
            selv_slot_begin(&c->writer, c->config->flash, c->idle, size, from);
    }
    return err;
}

static void tell_progress(struct selv_consumer *c, bool is_resumed)
{
    if (has_flag(c, FLAG_EVENT)) {
        return; /* the port gives faster than it polls */
    }
    selv_consumer_tell(c, SELV_UPDATE_DOWNLOADING, SELV_OK);
    c->todo.done = c->writer.off;
    c->todo.size = c->image_size;
    c->todo.is_resumed = is_resumed;
}

static void begin_fetch(struct selv_consumer *c,
                        const struct selv_suit_todo *todo)
{
    enum selv_err err;
    uint32_t from;

    clear_flag(c, FLAG_IMAGE_GOOD | FLAG_AWAY);
    err = selv_consumer_check_fetch(c, todo);
    if (err) {
        selv_suit_answer(&c->suit, err);
        return;
    }
    if (c->config->record->is_trial) {
        /* C6: as long as the boot journal does not know of the confirmation,
         * the other slot is the only way back. */
        c->step = STEP_REBOOT;
        return;
    }
    c->image_size = todo->size;
    from = resumable(c, todo->size);
    err = begin_slot(c, todo->size, from);
    if (err) {
        selv_suit_answer(&c->suit, err);
        return;
    }
    tell_progress(c, from > 0);
    if (from == todo->size) {
        selv_consumer_end_image(c, SELV_OK, SELV_COAP_CONTENT);
        return;
    }
    (void)selv_consumer_pick(c); /* there is one: check_fetch */
    selv_consumer_tell_server(c, STEP_IMAGE);
}

static void begin_hash(struct selv_consumer *c,
                       const struct selv_suit_todo *todo)
{
    if (!has_flag(c, FLAG_WRITTEN) ||
        todo->device_component != idle_component(c)) {
        /* As rehearsed: what the slot held before counts for nothing. */
        selv_suit_answer(&c->suit, SELV_ERR_SUIT_IMAGE);
        return;
    }
    c->image_size = todo->has_size ? todo->size : c->idle->image_len;
    if (c->image_size > c->idle->image_len) {
        selv_suit_answer(&c->suit, SELV_ERR_STORE_FULL);
        return;
    }
    memcpy(c->image_digest, todo->digest, sizeof c->image_digest);
    clear_flag(c, FLAG_IMAGE_GOOD);
    c->hashed = 0;
    selv_sha256_init(&c->hash);
    c->step = STEP_DIGEST;
}

void selv_consumer_proceed(struct selv_consumer *c)
{
    struct selv_suit_todo todo;

    switch (selv_suit_poll(&c->suit, &todo)) {
    case SELV_SUIT_FETCH:
        begin_fetch(c, &todo);
        break;
    case SELV_SUIT_DIGEST:
        begin_hash(c, &todo);
        break;
    case SELV_SUIT_DONE:
        /* The way through may be another one when an image is not what the
         * server said: what was not looked at is not installed. */
        if (has_flag(c, FLAG_IMAGE_GOOD)) {
            c->step = STEP_KEEP;
            selv_consumer_tell(c, SELV_UPDATE_VERIFIED, SELV_OK);
        } else {
            fail(c, SELV_ERR_SUIT_MISSING);
        }
        break;
    case SELV_SUIT_FAILED:
        fail(c, selv_suit_failure(&c->suit)->err);
        break;
    default:
        selv_suit_answer(&c->suit, SELV_ERR_SUIT_OPERATION);
        break;
    }
}

void selv_consumer_ask_loader(struct selv_consumer *c)
{
    enum selv_err err = SELV_OK;

    /* C6: a confirmation that the boot journal does not know of stays in the
     * log; the loader is asked for in the next boot. */
    if (!c->config->record->is_trial) {
        err = selv_consumer_begin_log(c, SELV_LOG_LOADER, idle_slot(c));
    }
    if (err) {
        selv_consumer_refuse(c, err);
        return;
    }
    c->step = STEP_REBOOT;
    selv_consumer_tell(c, SELV_UPDATE_AUTHORIZED, SELV_OK);
}

/* The log says so: who asks again at once would be given us again at once. */
enum selv_err selv_consumer_hand_back(struct selv_consumer *c)
{
    enum selv_err err;

    c->log.slot = SELV_SLOT_NONE;
    err = selv_consumer_write_log(c, SELV_LOG_IDLE);
    if (!err) {
        c->step = STEP_REBOOT;
    }
    return err;
}

/* ---- the transfer ---------------------------------------------------------
 */

void selv_consumer_ask_image(struct selv_consumer *c)
{
    c->rq.code = SELV_COAP_GET;
    c->rq.path = selv_bytes(c->path.p + 1, c->path.len - 1);
    c->rq.query = c->query;
    c->rq.offset = c->writer.off;
    while (c->rq.offset % selv_coap_block_len(c->rq.szx) != 0) {
        c->rq.szx--;
    }
    c->rq.body_max = c->image_size;
    c->rq.deadline_ms =
        IMAGE_MS + IMAGE_BLOCK_MS * (c->image_size / SELV_CONSUMER_BLOCK_LEN);
}

enum selv_err selv_consumer_take_image(struct selv_consumer *c, uint32_t offset,
                                       struct selv_bytes piece)
{
    enum selv_err err;

    if (offset != c->writer.off) {
        return SELV_ERR_COAP_BLOCK;
    }
    err = selv_slot_write(&c->writer, piece);
    if (err) {
        return err;
    }
    if (c->writer.whole > c->log.progress) {
        c->log.progress = c->writer.whole;
        err = selv_consumer_write_log(c, SELV_LOG_DOWNLOADING);
        tell_progress(c, false);
    } else if (c->writer.off == c->image_size) {
        tell_progress(c, false);
    }
    return err;
}

/* Whether it says something of the source, not of flash. */
static bool is_of_source(enum selv_err err)
{
    return (err >= SELV_ERR_COAP_FORMAT && err <= SELV_ERR_COAP_CODE) ||
           err == SELV_ERR_UPDATE_SIZE || err == SELV_ERR_UPDATE_SERVER ||
           err == SELV_ERR_UPDATE_AWAY || err == SELV_ERR_UPDATE_MISSING;
}

/* The next source goes on with what is in flash. */
static enum selv_err go_on(struct selv_consumer *c)
{
    uint32_t from = resumable(c, c->image_size);
    enum selv_err err = selv_slot_begin(&c->writer, c->config->flash, c->idle,
                                        c->image_size, from);

    if (!err) {
        tell_progress(c, true);
    }
    return err;
}

void selv_consumer_end_image(struct selv_consumer *c, enum selv_err err,
                             uint8_t code)
{
    if (err == SELV_ERR_COAP_SIZE) {
        err = SELV_ERR_UPDATE_SIZE;
    }
    if (!err) {
        err = selv_slot_end(&c->writer);
    }
    if (selv_consumer_is_away(err, code)) {
        set_flag(c, FLAG_AWAY);
    } else if (is_of_source(err)) {
        selv_consumer_blame(c);
    }
    if (is_of_source(err) && selv_consumer_pick(c)) {
        err = go_on(c);
        if (!err) {
            return;
        }
    }
    selv_suit_answer(&c->suit, err);
    c->step = STEP_PROCEED;
}

/* ---- what the slot holds --------------------------------------------------
 */

void selv_consumer_hash(struct selv_consumer *c)
{
    const struct selv_flash *flash = c->config->flash;
    uint32_t left = c->image_size - c->hashed;
    uint32_t len = left < sizeof c->rx ? left : (uint32_t)sizeof c->rx;
    uint8_t digest[SELV_SHA256_LEN];
    enum selv_err err;

    /* No transfer is under way, so that rx is free. */
    err = flash->read(flash->port, c->idle->image_off + c->hashed, c->rx, len);
    selv_sha256_update(&c->hash, c->rx, len);
    c->hashed += len;
    if (flash->kick) {
        flash->kick(flash->port);
    }
    if (!err && len < left) {
        return;
    }
    selv_sha256_finish(&c->hash, digest);
    c->step = STEP_PROCEED;
    if (err) {
        fail(c, err);
        return;
    }
    if (memcmp(digest, c->image_digest, sizeof digest) == 0) {
        set_flag(c, FLAG_IMAGE_GOOD);
    } else {
        selv_consumer_blame(c);
    }
    selv_suit_answer_digest(&c->suit, digest);
}

/* Our own bootloader finds the request in the log. */
static enum selv_err request(struct selv_consumer *c)
{
    const struct selv_consumer_config *config = c->config;
    const struct selv_foreign_update update = {.digest = c->digest,
                                               .image_digest = c->image_digest,
                                               .sequence = c->sequence,
                                               .image_len = c->image_size,
                                               .slot = idle_slot(c)};
    enum selv_err err = selv_consumer_write_log(c, SELV_LOG_TRIAL);

    if (err || !config->installer) {
        return err;
    }
    return config->installer->request(config->installer_context, &update);
}

void selv_consumer_keep(struct selv_consumer *c)
{
    /* C4: image first, then the envelope, then the request. */
    enum selv_err err = selv_slot_put_envelope(
        c->config->flash, c->idle, selv_bytes(c->envelope, c->envelope_len));

    if (!err) {
        err = request(c);
    }
    if (err) {
        fail(c, err);
        return;
    }
    selv_consumer_tell(c, SELV_UPDATE_WAITING, SELV_OK);
    selv_consumer_tell_server(c, STEP_REBOOT);
}
