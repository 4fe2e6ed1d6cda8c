/* SPDX-License-Identifier: Apache-2.0
 *
 * From an envelope to a verdict. C2: nothing in this file writes flash.
 *
 * C3, the rules, in this order; the first that fits decides:
 *   1 not authentic, malformed, or not for this device   rejected, the
 *                                                         engine's reason
 *   2 the digest is the running manifest's               nothing new
 *   3 it was refused, or failed too often, in this boot  nothing new
 *   4 the digest was reverted or refused at boot         rejected, REVERTED
 *   5 its number is lower than the accepted one          rejected, SEQUENCE
 *   6 its number is the accepted one, and it is not the
 *     manifest whose download is under way               rejected, EQUAL
 *   7 the envelope is longer than its place              rejected, FULL
 *   8 the bootloader's own run of it would not start
 *     the image                                          rejected, that
 *                                                         reason
 *   9 otherwise                                          authorized */
#define SELV_MODULE 0x434e4445u /* "CNDE" */
#include "consumer/consumer_int.h"

/* C7: failures of one manifest before it is left alone until the next boot
 * or another manifest. */
#define TRIES_MAX 2u
#define ENVELOPE_HEAD_LEN 4u /* before an envelope in flash: store/slot.h */

static bool is_digest(const uint8_t a[static SELV_SHA256_LEN],
                      const uint8_t b[static SELV_SHA256_LEN])
{
    return memcmp(a, b, SELV_SHA256_LEN) == 0;
}

/* What a manifest is remembered by: its digest when it is authentic. Of what
 * is not, only the bytes can be known again. */
static void identify(const struct selv_consumer *c,
                     uint8_t digest[static SELV_SHA256_LEN])
{
    struct selv_sha256 h;

    if (c->digest) {
        memcpy(digest, c->digest, SELV_SHA256_LEN);
        return;
    }
    selv_sha256_init(&h);
    selv_sha256_update(&h, c->envelope, c->envelope_len);
    selv_sha256_finish(&h, digest);
}

/* C8: from now on the server is told that we have seen it. An ETag that came
 * with bytes which are not authentic says nothing about the true manifest:
 * only when the same bytes come a second time were they no accident. */
static void skip_if_given_up(struct selv_consumer *c)
{
    if (c->tries >= TRIES_MAX) {
        memcpy(c->skip_etag, c->etag, sizeof c->skip_etag);
        c->skip_etag_len = c->etag_len;
    }
}

static void count_failure(struct selv_consumer *c, bool is_final)
{
    uint8_t digest[SELV_SHA256_LEN];

    identify(c, digest);
    if (!is_digest(digest, c->tried_digest)) {
        memcpy(c->tried_digest, digest, sizeof digest);
        c->tries = 0;
    }
    c->tries = is_final ? TRIES_MAX : (uint8_t)(c->tries + 1);
    if (c->digest) {
        skip_if_given_up(c);
    }
}

static bool is_given_up(struct selv_consumer *c)
{
    uint8_t digest[SELV_SHA256_LEN];

    identify(c, digest);
    if (c->tries < TRIES_MAX || !is_digest(digest, c->tried_digest)) {
        return false;
    }
    skip_if_given_up(c);
    return true;
}

void selv_consumer_refuse(struct selv_consumer *c, uint64_t now_ms,
                          enum selv_err err)
{
    bool is_written = has_flag(c, FLAG_WRITTEN);
    enum selv_update_state state =
        is_written ? SELV_UPDATE_FAILED : SELV_UPDATE_REJECTED;

    if (is_written) {
        selv_consumer_back_off(c, now_ms);
    } else {
        selv_consumer_rest(c, now_ms);
    }
    selv_consumer_tell(c, state, err);
    c->event.failure = *selv_suit_failure(&c->suit);
    c->event.failure.err = err;
    if (has_flag(c, FLAG_AWAY)) {
        /* Nobody to tell, and nothing the manifest is to blame for. */
        return;
    }
    count_failure(c, !is_written);
    selv_consumer_tell_server(c, STEP_REST);
}

/* Rule 8. The digest is answered as if the image were there already: what is
 * asked is whether signature, conditions and commands let it start. */
static enum selv_err rehearse_boot(struct selv_consumer *c)
{
    struct selv_suit_todo todo;
    enum selv_err err = selv_suit_begin(&c->suit, SELV_SUIT_INVOCATION);

    while (!err) {
        switch (selv_suit_poll(&c->suit, &todo)) {
        case SELV_SUIT_DIGEST:
            selv_suit_answer_digest(&c->suit, todo.digest);
            break;
        case SELV_SUIT_INVOKE:
            return selv_is_good(selv_suit_may_invoke(&c->suit))
                       ? SELV_OK
                       : SELV_ERR_SUIT_IMAGE;
        case SELV_SUIT_FAILED:
            return selv_suit_failure(&c->suit)->err;
        default:
            /* Ended without starting anything. */
            return SELV_ERR_SUIT_MISSING;
        }
    }
    return err;
}

/* Rules 5 to 8. */
static enum selv_err judge(struct selv_consumer *c)
{
    const struct selv_consumer_config *config = c->config;
    uint64_t accepted = config->record->accepted;
    const struct selv_slot_place *place =
        &config->layout->slot[selv_consumer_idle_slot(c)];
    bool is_unfinished = c->log.state == SELV_LOG_DOWNLOADING &&
                         is_digest(c->log.digest, c->digest);

    if (c->sequence < accepted) {
        return SELV_ERR_SUIT_SEQUENCE;
    }
    if (c->sequence == accepted && !is_unfinished) {
        return SELV_ERR_UPDATE_EQUAL;
    }
    if (c->envelope_len + ENVELOPE_HEAD_LEN > place->envelope_len) {
        return SELV_ERR_STORE_FULL;
    }
    return rehearse_boot(c);
}

static bool is_authorized(struct selv_consumer *c, uint64_t now_ms)
{
    const struct selv_boot_record *record = c->config->record;
    enum selv_err err;

    if (is_digest(c->digest, record->digest) || is_given_up(c)) {
        selv_consumer_rest(c, now_ms);
        selv_consumer_tell(c, SELV_UPDATE_IDLE, SELV_OK);
        return false;
    }
    err = is_digest(c->digest, record->refused_digest)
              ? SELV_ERR_UPDATE_REVERTED
              : judge(c);
    if (!err) {
        err = selv_suit_begin(&c->suit, SELV_SUIT_UPDATE);
    }
    if (err) {
        selv_consumer_refuse(c, now_ms, err);
        return false;
    }
    return true;
}

void selv_consumer_decide(struct selv_consumer *c, uint64_t now_ms)
{
    struct selv_bytes view = selv_bytes(c->envelope, c->envelope_len);
    bool is_good;
    enum selv_err err;

    /* Rule 5 is ours, so that rule 2 comes first: after a revert the running
     * manifest itself has a lower number than the accepted one. */
    c->device.sequence_min = c->config->record->sequence;
    selv_suit_init(&c->suit, &selv_suit_profile_consumer, &c->device);
    err =
        selv_suit_feed(&c->suit, view, has_flag(c, FLAG_WHOLE) ? view.len : 0);
    is_good = !err && selv_is_good(selv_suit_check(&c->suit));
    selv_consumer_set_subject(c, NULL, 0);
    if (selv_is_good(c->suit.authentic)) {
        selv_consumer_set_subject(c, selv_suit_digest(&c->suit),
                                  selv_suit_sequence_number(&c->suit));
    }
    if (!is_good) {
        if (is_given_up(c)) {
            selv_consumer_rest(c, now_ms);
            selv_consumer_tell(c, SELV_UPDATE_IDLE, SELV_OK);
            return;
        }
        if (err == SELV_ERR_SUIT_MORE) {
            err = SELV_ERR_SUIT_TOO_LARGE;
        } else {
            err = selv_suit_failure(&c->suit)->err;
        }
        selv_consumer_refuse(c, now_ms, err);
        return;
    }
    if (is_authorized(c, now_ms)) {
        c->step = STEP_PROCEED;
        selv_consumer_tell(c, SELV_UPDATE_AUTHORIZED, SELV_OK);
    }
}
