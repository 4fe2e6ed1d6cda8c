/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/recover_slot.c - which manifest is taken, which slot is written, and
 * when it becomes bootable. RECOVERY.md has the argument. */
#include "boot/recover_int.h"

#include "crypto/crypto.h"

/* ---- the floor -------------------------------------------------------------
 */

/* The sequence number of the authentic manifest in the slot, or 0. SELV_OK: it
 * is authentic; of the image that says nothing. */
static enum selv_err read_number(struct selv_boot *boot, uint8_t slot,
                                 uint64_t *sequence)
{
    struct selv_bytes envelope;
    *sequence = 0;
    selv_boot_describe(boot, slot, 0);
    enum selv_err err = selv_slot_envelope(
        boot->flash, &boot->layout->slot[slot], &boot->scratch, &envelope);
    if (err == SELV_OK) {
        err = selv_boot_authenticate(boot, envelope);
    }
    if (err == SELV_OK) {
        *sequence = selv_suit_sequence_number(&boot->suit);
    }
    return err;
}

void selv_recover_inspect(struct selv_recover *r)
{
    for (uint8_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
        enum selv_err why = read_number(r->boot, slot, &r->seen[slot].sequence);
        if (why == SELV_OK &&
            selv_is_good(selv_boot_look(r->boot, slot, r->minimum, &why))) {
            why = SELV_OK;
        }
        r->seen[slot].why = (uint16_t)why;
    }
    r->is_stale = false;
}

/* Bytes move there: the strategy installs in place. */
static bool is_in_place(const struct selv_boot *boot)
{
    const struct selv_in_place *in_place = boot->strategy->in_place;
    return in_place != NULL && in_place->steps != 0;
}

/* R6: with the journal lost, the slots that the application runs from prove a
 * floor when each of them holds an authentic manifest or, as nothing but an
 * erase leaves it, none at all: one of them is the current one (in place, also
 * in the middle of a move, the only one), whose number was never below the
 * floor, and it was never erased. One read that fails makes none empty. What
 * holds the higher number counts as current. */
static enum selv_err prove_floor(struct selv_recover *r)
{
    uint64_t sequence;
    struct selv_journal *j = &r->boot->journal;
    bool is_found = false;
    for (uint8_t slot = 0; slot < r->boot->strategy->slot_count; slot++) {
        const struct selv_slot_place *place = &r->boot->layout->slot[slot];
        enum selv_err err = read_number(r->boot, slot, &sequence);
        if (err != SELV_OK &&
            (err != SELV_ERR_STORE_EMPTY ||
             !selv_flash_is_erased(r->boot->flash, place->envelope_off,
                                   place->envelope_len))) {
            return SELV_ERR_RECOVER_FLOOR;
        }
        if (err == SELV_OK && (!is_found || sequence > r->minimum)) {
            is_found = true;
            j->current_slot = slot;
            memcpy(j->current_digest, selv_suit_digest(&r->boot->suit), 32);
            if (r->minimum < sequence) {
                r->minimum = sequence;
            }
        }
    }
    return is_found ? SELV_OK : SELV_ERR_RECOVER_FLOOR;
}

void selv_recover_open(struct selv_recover *r, uint64_t floor)
{
    struct selv_boot *boot = r->boot;
    struct selv_journal *j = &boot->journal;
    memset(j, 0, sizeof *j);
    enum selv_err err = selv_journal_read(boot->flash, boot->layout, j);
    r->minimum = j->floor > floor ? j->floor : floor;
    if (err == SELV_ERR_STORE_EMPTY) {
        j->current_slot = SELV_SLOT_B; /* never born: slot A is for the first */
        err = SELV_OK;
    } else if (err == SELV_ERR_STORE_DAMAGED) {
        r->is_lost = true;
        err = prove_floor(r);
        err = floor > 0 ? SELV_OK : err;
    }
    r->closed = (uint16_t)err;
}

/* ---- the manifest ----------------------------------------------------------
 */

/* Run it, as if it lay in that slot, up to where it asks for the digest of the
 * image: what it wants to find there. */
static enum selv_err read_manifest(struct selv_recover *r, uint8_t slot)
{
    struct selv_boot *boot = r->boot;
    struct selv_suit_todo todo;
    selv_boot_describe(boot, slot, r->minimum);
    enum selv_err err = selv_boot_authenticate(
        boot, selv_bytes(r->envelope.p, r->envelope.len));
    if (err) {
        return err;
    }
    enum selv_suit_todo_kind kind = selv_suit_poll(&boot->suit, &todo);
    /* A copy into RAM, and what it asks for there are the slot's own bytes. */
    if (kind == SELV_SUIT_COPY) {
        selv_suit_answer(&boot->suit, SELV_OK);
        kind = selv_suit_poll(&boot->suit, &todo);
    }
    if (kind != SELV_SUIT_DIGEST) {
        err = selv_suit_failure(&boot->suit)->err;
        return err != SELV_OK ? err : SELV_ERR_SUIT_COMMAND;
    }
    if (!todo.has_size || todo.digest == NULL) {
        return SELV_ERR_SUIT_UNSET;
    }
    if (todo.size == 0 || todo.size > boot->layout->slot[slot].image_len) {
        return SELV_ERR_STORE_FULL;
    }
    r->slot = slot;
    r->size = todo.size;
    memcpy(r->image_digest, todo.digest, sizeof r->image_digest);
    memcpy(r->manifest_digest, selv_suit_digest(&boot->suit),
           sizeof r->manifest_digest);
    return SELV_OK;
}

/* An authentic manifest of at least the proven floor came: its author vouches
 * for the device that lost its journal. */
static enum selv_err restart_journal(struct selv_recover *r)
{
    struct selv_boot *boot = r->boot;
    struct selv_journal *j = &boot->journal;
    enum selv_err err;
    j->floor = r->minimum;
    j->accepted = r->minimum;
    /* A nonce is made of the serial: one that was never near this one. */
    j->serial = selv_get_be32(r->manifest_digest);
    err = selv_journal_restart(boot->flash, boot->layout, j);
    r->is_lost = err != SELV_OK;
    return err;
}

/* R3: whether anything would boot now, whatever was seen before: seen_slot and
 * seen_digest say what. Where one slot runs, what comes to it from the other
 * one counts, too: the decision is taken once more, moves and all. */
static bool boots_now(struct selv_recover *r)
{
    struct selv_boot *boot = r->boot;
    struct selv_boot_record record;
    enum selv_err why;
    if (boot->strategy->slot_count == 1) {
        /* Of a hardware's counter that decision knows nothing. */
        return selv_is_good(selv_boot_choose(boot, &record)) &&
               (record.slot != SELV_SLOT_A || record.sequence >= r->minimum);
    }
    return selv_is_good(selv_boot_look(boot, SELV_SLOT_A, r->minimum, &why)) ||
           selv_is_good(selv_boot_look(boot, SELV_SLOT_B, r->minimum, &why));
}

/* R9: a move that cannot be ended is given up before slot A is written: else
 * the next boot would go on with it, over what was written. What is at rest
 * boots also with a journal that takes nothing. */
static enum selv_err settle(struct selv_boot *boot)
{
    struct selv_journal next = boot->journal;
    bool is_at_rest = next.install_state == SELV_INSTALL_NONE &&
                      next.current_slot == SELV_SLOT_A;
    if (!is_in_place(boot) || next.serial == 0 ||
        (is_at_rest && next.install_count == 0)) {
        return SELV_OK;
    }
    selv_boot_clear_trial(&next);
    next.current_slot = SELV_SLOT_A;
    next.install_state = SELV_INSTALL_NONE;
    next.install_step = 0;
    next.install_again = 0;
    next.install_count = 0; /* it may be of another layout */
    enum selv_err err = selv_boot_commit(boot, &next);
    return is_at_rest ? SELV_OK : err;
}

/* What boots may be the very release that is wanted: then there is nothing to
 * do. */
static enum selv_err claim(struct selv_recover *r)
{
    const struct selv_boot *boot = r->boot;
    r->next = 0;
    if (!boots_now(r)) {
        return settle(r->boot);
    }
    r->would_boot = true;
    if (memcmp(boot->seen_digest, r->manifest_digest, 32) != 0) {
        return SELV_ERR_RECOVER_SLOT;
    }
    r->slot = boot->seen_slot;
    r->next = r->size;
    return SELV_OK;
}

/* Where both slots run, the idle one, and the current one for a manifest that
 * runs nowhere else; in place, slot A; with a loader slot A, and slot B for
 * another copy of the loader. */
enum selv_err selv_recover_judge(struct selv_recover *r)
{
    const struct selv_boot *boot = r->boot;
    uint8_t first = boot->strategy->slot_count == 1
                        ? SELV_SLOT_A
                        : boot->journal.current_slot ^ 1;
    enum selv_err err = read_manifest(r, first);
    if (err != SELV_OK && !is_in_place(boot) &&
        read_manifest(r, first ^ 1) == SELV_OK) {
        err = SELV_OK;
    }
    if (err == SELV_OK && r->is_lost) {
        err = restart_journal(r);
    }
    return err == SELV_OK ? claim(r) : err;
}

/* ---- the end ---------------------------------------------------------------
 */

static enum selv_err write_envelope(struct selv_recover *r)
{
    const struct selv_boot *boot = r->boot;
    const struct selv_slot_place *place = &boot->layout->slot[r->slot];
    uint8_t digest[SELV_SHA256_LEN];
    enum selv_err err =
        r->state == RECOVER_WRITING ? selv_slot_end(&r->writer) : SELV_OK;
    if (err == SELV_OK) {
        err = selv_flash_digest(boot->flash, place->image_off, r->size, digest);
    }
    if (err == SELV_OK && !selv_ct_equal(digest, r->image_digest, 32)) {
        err = SELV_ERR_SUIT_IMAGE;
    }
    if (err == SELV_OK) {
        /* R4: last. */
        err = selv_slot_put_envelope(
            boot->flash, place, selv_bytes(r->envelope.p, r->envelope.len));
    }
    return err;
}

static bool is_ready(struct selv_recover *r, enum selv_err *why)
{
    return selv_is_good(selv_boot_look(r->boot, r->slot, r->minimum, why));
}

enum selv_err selv_recover_finish(struct selv_recover *r)
{
    enum selv_err err = SELV_OK, why = SELV_OK;
    /* It may be there already: then it is not written again. */
    if (r->state == RECOVER_WRITING || !is_ready(r, &why)) {
        err = write_envelope(r);
    }
    /* R5: ready is what the bootloader will find good. */
    if (err == SELV_OK && !is_ready(r, &why)) {
        err = why;
    }
    return err;
}
