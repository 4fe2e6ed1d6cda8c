/* SPDX-License-Identifier: Apache-2.0
 *
 * From an envelope to a verdict. C2: nothing in this file writes flash.
 *
 * C3, the rules, in this order; the first that fits decides:
 *   1 not authentic, malformed, not for this device, or
 *     more than its bootloader can do                    rejected, the
 *                                                         engine's reason
 *   2 the digest is the running manifest's               nothing new
 *     (the loader has that of the application that was confirmed last: it is
 *     fetched again, whatever the accepted number is, when none boots)
 *   3 the envelope, byte for byte, was refused, or
 *     failed too often, in this boot; or the loader
 *     left word that it refused the digest               nothing new
 *   4 the digest was reverted or refused at boot         rejected, REVERTED
 *   5 its number is lower than the accepted one          rejected, SEQUENCE
 *   6 its number is the accepted one, and it is not the
 *     manifest whose download is under way               rejected, EQUAL
 *   7 the envelope is longer than its place              rejected, FULL
 *   8 the update itself asks for what this device does
 *     not do, or would install nothing                   rejected, that
 *                                                         reason
 *   9 the bootloader's own run of it would not start
 *     the image that the update brings                   rejected, that
 *                                                         reason
 *  10 its number is lower than that of an update that
 *     began in this boot, which has neither failed for
 *     good nor stood still for long                      rejected, SEQUENCE;
 *                                                         not for good, and
 *                                                         without a report
 *  11 otherwise                                          authorized */
#define SELV_MODULE 0x434e4445u /* "CNDE" */
#include "consumer/consumer_int.h"

#define ENVELOPE_HEAD_LEN 4u /* before an envelope in flash: store/slot.h */

/* C7: failures of one manifest before it is left alone until the next boot
 * or another manifest. Each source may be at fault once. */
static uint8_t tries_max(const struct selv_consumer *c)
{
    return (uint8_t)(c->config->source_count + 1u);
}

/* C16: looks at all sources that may bring nothing more of an update before a
 * lower one is taken instead. */
#define HOLDS_MAX 3u

static bool is_identity(const uint8_t a[static SELV_CONSUMER_IDENTITY_LEN],
                        const uint8_t b[static SELV_CONSUMER_IDENTITY_LEN])
{
    return memcmp(a, b, SELV_CONSUMER_IDENTITY_LEN) == 0;
}

static bool is_digest(const uint8_t a[static SELV_SHA256_LEN],
                      const uint8_t b[static SELV_SHA256_LEN])
{
    return memcmp(a, b, SELV_SHA256_LEN) == 0;
}

/* What an envelope is remembered by: its bytes. The same manifest may come
 * again in an envelope whose form this device takes. */
static void identify(struct selv_consumer *c)
{
    struct selv_sha256 h;
    uint8_t digest[SELV_SHA256_LEN];

    selv_sha256_init(&h);
    selv_sha256_update(&h, c->envelope, c->envelope_len);
    selv_sha256_finish(&h, digest);
    memcpy(c->identity, digest, sizeof c->identity);
}

static bool is_given_up(const struct selv_consumer *c)
{
    return is_identity(c->identity, c->refused) ||
           (c->tries >= tries_max(c) && is_identity(c->identity, c->tried));
}

/* C8: from now on the server is told that we have seen it, by the ETag that
 * its bytes make. The one that came along proves nothing: whoever sent an old
 * manifest under the ETag of a new one would have us pass over the new one. Of
 * an envelope that did not fit the buffer nobody here knows the ETag. */
static void skip_if_given_up(struct selv_consumer *c)
{
    c->is_skipping = has_flag(c, FLAG_WHOLE) && is_given_up(c);
    if (c->is_skipping) {
        memcpy(c->skip_etag, c->identity, sizeof c->skip_etag);
    }
}

/* C7: what was refused before anything was written is remembered beside what
 * failed: whoever has the one sent takes no try of the other back. */
static void count_failure(struct selv_consumer *c, bool is_final)
{
    if (is_final) {
        memcpy(c->refused, c->identity, sizeof c->refused);
    } else {
        c->tries++; /* begin_tries */
    }
    if (c->sequence == c->begun && is_given_up(c)) {
        c->holds = 0;
    }
    skip_if_given_up(c);
}

/* The update begins: are the tries so far, and what they taught, of it? */
static void begin_tries(struct selv_consumer *c)
{
    if (!is_identity(c->identity, c->tried)) {
        memcpy(c->tried, c->identity, sizeof c->tried);
        c->tries = 0;
        clear_flag(c, FLAG_LISTLESS | FLAG_ALONE);
    }
    /* C11: who tells of one and another in turn begins at nothing each time,
     * and that counts as no more than was there. */
    if (c->sequence > c->begun) {
        c->begun = c->sequence;
        c->best = 0;
        selv_consumer_hold(c);
    }
}

void selv_consumer_hold(struct selv_consumer *c)
{
    if (c->sequence == c->begun) {
        c->holds = HOLDS_MAX;
    }
}

/* Rule 10. */
static void put_off(struct selv_consumer *c)
{
    set_flag(c, FLAG_PUT_OFF);
    selv_consumer_tell(c, SELV_UPDATE_REJECTED, SELV_ERR_SUIT_SEQUENCE);
    if (selv_consumer_has_more(c)) {
        selv_consumer_ask_next(c);
    } else if (c->trouble) {
        selv_consumer_back_off(c);
    } else {
        selv_consumer_rest(c);
    }
}

/* C10: the server has the outcome of this manifest, which says more than that
 * it is refused now. */
static bool is_outcome_told(const struct selv_consumer *c, enum selv_err err)
{
    return err == SELV_ERR_UPDATE_REVERTED &&
           is_digest(c->digest, c->log.reported_digest);
}

/* A loader that takes less than the application knows of would be asked again
 * and again: it leaves word in the log, which it writes as it hands back. */
static void leave_word(struct selv_consumer *c)
{
    if (is_loader(c, SELV_LOADER_ASKED) && c->digest) {
        memcpy(c->log.digest, c->digest, sizeof c->log.digest);
        c->log.progress = PROGRESS_REFUSED;
    }
}

static bool has_loader_refused(const struct selv_consumer *c)
{
    return is_loader(c, SELV_LOADER_RESTS) && c->log.state == SELV_LOG_IDLE &&
           c->log.progress == PROGRESS_REFUSED &&
           is_digest(c->digest, c->log.digest);
}

void selv_consumer_refuse(struct selv_consumer *c, enum selv_err err)
{
    bool is_written = has_flag(c, FLAG_WRITTEN);
    /* C7: silence is nobody's fault, but what was wrong before it is. */
    bool is_away = has_flag(c, FLAG_AWAY) && !has_flag(c, FLAG_BAD);
    enum selv_update_state state =
        is_written ? SELV_UPDATE_FAILED : SELV_UPDATE_REJECTED;

    if (is_written) {
        selv_consumer_spare(c, is_away);
    } else {
        selv_consumer_rest(c);
    }
    selv_consumer_tell(c, state, err);
    c->todo.failure = *selv_suit_failure(&c->suit);
    c->todo.failure.err = err;
    if (is_away) {
        c->todo.is_away = true;
        /* Nobody to tell, and nothing the manifest is to blame for. */
        return;
    }
    count_failure(c, !is_written);
    if (!is_written) {
        leave_word(c);
        if (selv_consumer_has_more(c) &&
            (c->digest == NULL || is_plain(c, c->source))) {
            selv_consumer_ask_next(c);
            return;
        }
    }
    if (!is_outcome_told(c, err)) {
        selv_consumer_tell_server(c, STEP_REST);
    }
}

/* What an update would leave in the slot. */
struct image {
    const uint8_t *digest; /* of all its bytes; NULL: the update never asks */
    uint32_t size;
};

/* Whether the slot can have the digest that is asked for. Bootloaders begin
 * with no parameter set: a size or digest that only the update's sections set
 * is another one at boot, and the whole slot is more than the image. */
static bool can_match(const struct selv_consumer *c, struct image *image,
                      const struct selv_suit_todo *todo, bool is_update)
{
    uint32_t size = todo->has_size ? todo->size : c->idle->image_len;

    if (is_update && size == image->size) {
        image->digest = todo->digest;
    }
    /* The digest of nothing says nothing. */
    return size != 0 && (is_update || size < image->size ||
                         (size == image->size && image->digest != NULL &&
                          is_digest(image->digest, todo->digest)));
}

/* Where a rehearsal stands. */
struct rehearsal {
    enum selv_suit_procedure procedure;
    struct image image;
    uint32_t moved; /* bytes of it that are there, then */
    bool is_there;  /* the idle slot has the update's image */
    bool is_moved;  /* the bootloader has brought it to where it runs */
    bool is_seen;   /* and it was looked at */
};

static bool is_update(const struct rehearsal *r)
{
    return r->procedure == SELV_SUIT_UPDATE ||
           r->procedure == SELV_SUIT_STAGING;
}

/* Whether the component would hold the image asked for. What the running slot
 * holds now counts for nothing. */
static bool would_match(const struct selv_consumer *c, struct rehearsal *r,
                        const struct selv_suit_todo *todo)
{
    bool is_idle = todo->device_component == idle_component(c);
    /* A bootloader that loads looks at all that it loaded, and at no more. */
    bool is_all = !is_loading(c) || (todo->has_size && todo->size == r->moved);

    return r->is_there && (is_idle || (r->is_moved && is_all)) &&
           can_match(c, &r->image, todo, is_update(r));
}

/* What a bootloader loads into RAM, of the slot's image. */
static enum selv_err take_load(const struct selv_consumer *c,
                               struct rehearsal *r,
                               const struct selv_suit_todo *todo)
{
    if (!todo->has_size) {
        return SELV_ERR_SUIT_UNSET;
    }
    if (todo->size > c->idle->image_len) {
        return SELV_ERR_STORE_FULL;
    }
    r->moved = todo->size;
    r->is_moved = true;
    return SELV_OK;
}

/* The one move that bootloaders make: the image to where it runs. */
static enum selv_err take_move(const struct selv_consumer *c,
                               struct rehearsal *r,
                               const struct selv_suit_todo *todo)
{
    enum selv_suit_procedure when =
        is_loading(c) ? SELV_SUIT_INVOCATION : SELV_SUIT_INSTALLING;
    if (r->procedure != when ||
        todo->device_component != running_component(c) ||
        todo->device_source != idle_component(c)) {
        return SELV_ERR_SUIT_OPERATION;
    }
    if (is_loading(c)) {
        return take_load(c, r, todo);
    }
    if (r->is_moved) {
        return SELV_ERR_SUIT_OPERATION;
    }
    r->is_moved = true;
    return SELV_OK;
}

/* The end of a procedure: an invocation that starts nothing, an update that
 * brings nothing or never looks at it, an install that moves nothing. */
static bool is_whole(const struct rehearsal *r)
{
    return is_update(r) ? r->is_seen
                        : r->procedure == SELV_SUIT_INSTALLING && r->is_moved;
}

/* Rules 8 and 9: go through a procedure without doing any of it. An image is
 * good from its fetch on; before, whatever the slot may hold, it is not:
 * consumer_download.c keeps to that, so that an update whose images are good
 * goes this very way. For what the bootloader runs the image of the update is
 * there. What this device does not do fails here as it would there. */
static enum selv_err rehearse(struct selv_consumer *c, struct rehearsal *r,
                              enum selv_suit_procedure procedure)
{
    struct selv_suit_todo todo;
    enum selv_err err = selv_suit_begin(&c->suit, procedure);

    r->procedure = procedure;
    r->is_there = !is_update(r);
    r->is_moved = procedure == SELV_SUIT_INVOCATION && !is_loading(c);
    r->moved = UINT32_MAX;
    for (int left = SELV_BOOT_TODOS_MAX; !err; left--) {
        enum selv_err answer = SELV_ERR_SUIT_OPERATION;
        if (left == 0) {
            return SELV_ERR_SUIT_WORK;
        }
        switch (selv_suit_poll(&c->suit, &todo)) {
        case SELV_SUIT_DIGEST:
            r->is_seen = r->is_there;
            answer = SELV_ERR_SUIT_IMAGE;
            if (would_match(c, r, &todo)) {
                selv_suit_answer_digest(&c->suit, todo.digest);
                continue;
            }
            break;
        case SELV_SUIT_FETCH:
            r->is_there = true;
            r->is_seen = false;
            r->image = (struct image){NULL, todo.size};
            answer = selv_consumer_check_fetch(c, &todo);
            break;
        case SELV_SUIT_COPY:
        case SELV_SUIT_SWAP:
            answer = take_move(c, r, &todo);
            break;
        case SELV_SUIT_INVOKE:
            return todo.device_component == running_component(c) &&
                           selv_is_good(selv_suit_may_invoke(&c->suit))
                       ? SELV_OK
                       : SELV_ERR_SUIT_IMAGE;
        case SELV_SUIT_FAILED:
            return selv_suit_failure(&c->suit)->err;
        case SELV_SUIT_DONE:
            return is_whole(r) ? SELV_OK : SELV_ERR_SUIT_MISSING;
        default: /* write, check-content, private: not here */
            break;
        }
        selv_suit_answer(&c->suit, answer);
    }
    return err;
}

static enum selv_err rehearse_all(struct selv_consumer *c)
{
    struct rehearsal r;
    enum selv_err err;

    memset(&r, 0, sizeof r);
    err = rehearse(c, &r, update_procedure(c));
    if (!err && is_staging(c)) {
        err = rehearse(c, &r, SELV_SUIT_INSTALLING);
    }
    return err ? err : rehearse(c, &r, SELV_SUIT_INVOCATION);
}

/* Rules 4 to 9. */
static enum selv_err judge(struct selv_consumer *c)
{
    const struct selv_boot_record *record = c->config->record;
    bool is_unfinished = c->log.state == SELV_LOG_DOWNLOADING &&
                         is_digest(c->log.digest, c->digest);
    bool is_back = is_digest(c->digest, record->digest);

    if (is_digest(c->digest, record->refused_digest)) {
        return SELV_ERR_UPDATE_REVERTED;
    }
    if (c->sequence < record->accepted && !is_back) {
        return SELV_ERR_SUIT_SEQUENCE;
    }
    if (c->sequence == record->accepted && !is_unfinished && !is_back) {
        return SELV_ERR_UPDATE_EQUAL;
    }
    if (selv_suit_stored_len(&c->suit) + ENVELOPE_HEAD_LEN >
        c->idle->envelope_len) {
        return SELV_ERR_STORE_FULL;
    }
    return rehearse_all(c);
}

/* Rule 1, and what the manifest says of itself. */
static enum selv_err authenticate(struct selv_consumer *c)
{
    struct selv_bytes view = selv_bytes(c->envelope, c->envelope_len);
    enum selv_err err;

    /* Rule 5 is ours, so that rule 2 comes first: after a revert the running
     * manifest itself has a lower number than the accepted one. */
    c->device.sequence_min = c->config->record->sequence;
    selv_suit_init(&c->suit, &selv_suit_profile_consumer, &c->device);
    err = selv_suit_feed_part(&c->suit, view,
                              has_flag(c, FLAG_WHOLE) ? view.len : 0);
    if (err == SELV_ERR_SUIT_MORE) {
        return SELV_ERR_SUIT_TOO_LARGE;
    }
    if (!err && !selv_is_good(selv_suit_check(&c->suit))) {
        err = selv_suit_failure(&c->suit)->err;
    }
    if (selv_is_good(selv_suit_is_authentic(&c->suit))) {
        selv_consumer_set_subject(c, selv_suit_digest(&c->suit),
                                  selv_suit_sequence_number(&c->suit));
    }
    return err;
}

void selv_consumer_decide(struct selv_consumer *c)
{
    enum selv_err err = authenticate(c);
    bool is_old;

    identify(c);
    is_old = !err && !is_loader(c, SELV_LOADER_NEEDED) &&
             is_digest(c->digest, c->config->record->digest);
    if (is_old) {
        c->is_skipping = false; /* what runs is there: name it from now on */
    }
    if (!err && has_loader_refused(c)) {
        count_failure(c, true);
    }
    if (is_old || is_given_up(c)) {
        if (!is_old) {
            skip_if_given_up(c);
        }
        c->then = STEP_MANIFEST;
        selv_consumer_turn(c, SELV_OK);
        return;
    }
    if (!err) {
        err = judge(c);
    }
    if (!err && c->holds > 0 && c->sequence < c->begun) {
        put_off(c);
        return;
    }
    if (!err) {
        err = selv_suit_begin(&c->suit, update_procedure(c));
    }
    if (err) {
        selv_consumer_refuse(c, err);
        return;
    }
    if (is_loader(c, SELV_LOADER_RESTS)) {
        selv_consumer_ask_loader(c);
        return;
    }
    begin_tries(c);
    c->step = STEP_PROCEED;
    selv_consumer_tell(c, SELV_UPDATE_AUTHORIZED, SELV_OK);
}
