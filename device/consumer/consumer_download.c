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

/* In states that have none; a nonce counts in CONFIRM alone. */
static void forget_map(struct selv_consumer *c)
{
    memset(c->log.nonce, 0, sizeof c->log.nonce);
    c->log.map_kind = 0;
}

enum selv_err selv_consumer_write_log(struct selv_consumer *c,
                                      enum selv_log_state to)
{
    const struct selv_consumer_config *config = c->config;

    if (to != SELV_LOG_DOWNLOADING && to != SELV_LOG_CONFIRM) {
        forget_map(c);
    }
    c->log.state = (uint8_t)to;
    return selv_log_write(config->flash, config->layout, &c->log);
}

enum selv_err selv_consumer_begin_log(struct selv_consumer *c,
                                      enum selv_log_state to, uint8_t slot)
{
    if (to == SELV_LOG_DOWNLOADING) {
        forget_map(c);
    } else if (to == SELV_LOG_CONFIRM) {
        c->log.map_kind = 0;
    }
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
    if (!todo->has_size) {
        return SELV_ERR_SUIT_UNSET;
    }
    if (todo->size == 0 ||
        (todo->is_integrated && todo->size != todo->integrated_len)) {
        return SELV_ERR_UPDATE_SIZE;
    }
    if (todo->size > c->idle->image_len) {
        return SELV_ERR_STORE_FULL;
    }
    if (!todo->is_integrated && !selv_consumer_locate(c, todo->uri)) {
        return SELV_ERR_SUIT_URI;
    }
    return SELV_OK;
}

/* Whether the log is about this very update already: then its progress
 * stays. */
static bool is_resumed(const struct selv_consumer *c)
{
    return c->log.state == SELV_LOG_DOWNLOADING &&
           c->log.slot == idle_slot(c) &&
           memcmp(c->log.digest, c->digest, sizeof c->log.digest) == 0;
}

static enum selv_err begin_slot(struct selv_consumer *c)
{
    struct selv_slot_writer writer;
    bool is_begun = is_resumed(c) && has_flag(c, FLAG_BEGUN);
    enum selv_err err;

    set_flag(c, FLAG_WRITTEN | FLAG_TOUCHED);
    if (is_begun) {
        return SELV_OK;
    }
    set_flag(c, FLAG_SPENT);
    clear_flag(c, FLAG_BEGUN);
    /* Also to resume what another boot began: a request that was cut when it
     * was written may read as torn now and as whole later, and must not find a
     * slot half written. */
    err = is_resumed(c)
              ? selv_consumer_write_log(c, SELV_LOG_DOWNLOADING)
              : selv_consumer_begin_log(c, SELV_LOG_DOWNLOADING, idle_slot(c));
    if (!err && c->config->installer) {
        err = c->config->installer->begin(c->config->installer_context);
    }
    if (!err) { /* erases the envelope */
        err = selv_slot_begin(&writer, c->config->flash, c->idle, 0, 0);
    }
    if (!err) {
        set_flag(c, FLAG_BEGUN);
    }
    return err;
}

static void begin_fetch(struct selv_consumer *c,
                        const struct selv_suit_todo *todo)
{
    enum selv_err err;

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
    err = begin_slot(c);
    if (err) {
        selv_suit_answer(&c->suit, err);
        return;
    }
    selv_consumer_begin_image(c, todo);
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

/* ---- what the slot holds --------------------------------------------------
 */

void selv_consumer_hash(struct selv_consumer *c)
{
    const struct selv_flash *flash = c->config->flash;
    uint32_t left = c->image_size - c->hashed;
    uint32_t len =
        left < sizeof c->lane->rx ? left : (uint32_t)sizeof c->lane->rx;
    uint8_t digest[SELV_SHA256_LEN];
    enum selv_err err;

    /* No transfer is under way, so that rx is free. */
    err = flash->read(flash->port, c->idle->image_off + c->hashed, c->lane->rx,
                      len);
    selv_sha256_update(&c->hash, c->lane->rx, len);
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
        set_flag(c, FLAG_BAD);
        /* Not of whom, if all of it was as the list says. */
        if (has_flag(c, FLAG_LISTED)) {
            set_flag(c, FLAG_LISTLESS);
        } else {
            selv_consumer_blame_givers(c);
        }
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
        c->config->flash, c->idle,
        selv_bytes(c->envelope, selv_suit_stored_len(&c->suit)));

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
