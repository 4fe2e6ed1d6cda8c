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

/* R6: with the journal lost, the slots prove a floor when each of them holds an
 * authentic manifest or, as nothing but an erase leaves it, none at all: one
 * of them is the current one, whose number was never below the floor, and it
 * was never erased. What holds the higher number counts as current. */
static enum selv_err prove_floor(struct selv_recover *r)
{
    uint64_t sequence[SELV_SLOT_COUNT];
    struct selv_journal *j = &r->boot->journal;
    bool is_found = false;
    for (uint8_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
        enum selv_err err = read_number(r->boot, slot, &sequence[slot]);
        if (err != SELV_OK && err != SELV_ERR_STORE_EMPTY) {
            return SELV_ERR_RECOVER_FLOOR;
        }
        if (err == SELV_OK && (!is_found || sequence[slot] > r->minimum)) {
            is_found = true;
            j->current_slot = slot;
            memcpy(j->current_digest, selv_suit_digest(&r->boot->suit), 32);
            if (r->minimum < sequence[slot]) {
                r->minimum = sequence[slot];
            }
        }
    }
    return is_found ? SELV_OK : SELV_ERR_RECOVER_FLOOR;
}

/* In place, only the staging area is ever written, and nothing while bytes are
 * on the move: the bootloader installs from there as it heals a slot A that
 * rots. */
static enum selv_err check_in_place(struct selv_recover *r)
{
    const struct selv_journal *j = &r->boot->journal;
    if (r->is_lost) {
        return SELV_ERR_RECOVER_FLOOR;
    }
    return j->install_state == SELV_INSTALL_NONE &&
                   j->current_slot == SELV_SLOT_A
               ? SELV_OK
               : SELV_ERR_RECOVER_SLOT;
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
    if (err == SELV_OK && boot->strategy->slot_count == 1) {
        err = check_in_place(r);
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
    if (selv_suit_poll(&boot->suit, &todo) != SELV_SUIT_DIGEST) {
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

/* R3: when anything would boot now, whatever was seen before, nothing is
 * written. It may be the very release that is wanted: then there is nothing to
 * do. */
static enum selv_err claim(struct selv_recover *r)
{
    struct selv_boot *boot = r->boot;
    enum selv_err why;
    r->next = 0;
    for (uint8_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
        if (!selv_is_good(
                boot->strategy->judge(boot, slot, r->minimum, &why))) {
            continue;
        }
        if (memcmp(boot->seen_digest, r->manifest_digest, 32) != 0) {
            return SELV_ERR_RECOVER_SLOT;
        }
        r->slot = slot;
        r->next = r->size;
    }
    return SELV_OK;
}

/* The idle slot; the current one only for a manifest that runs nowhere else. In
 * place, only the staging area is ever written. */
enum selv_err selv_recover_judge(struct selv_recover *r)
{
    const struct selv_boot *boot = r->boot;
    bool is_in_place = boot->strategy->slot_count == 1;
    uint8_t current = boot->journal.current_slot;
    uint8_t idle = is_in_place ? SELV_SLOT_B : current ^ 1;
    enum selv_err err = read_manifest(r, idle);
    if (err != SELV_OK && !is_in_place &&
        read_manifest(r, current) == SELV_OK) {
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

enum selv_err selv_recover_finish(struct selv_recover *r)
{
    struct selv_boot *boot = r->boot;
    enum selv_err err = SELV_OK, why;
    /* It may be there already: then it is not written again. */
    if (r->state == RECOVER_WRITING ||
        !selv_is_good(boot->strategy->judge(boot, r->slot, r->minimum, &why))) {
        err = write_envelope(r);
    }
    /* R5: ready is what the bootloader will find good. */
    if (err == SELV_OK &&
        !selv_is_good(boot->strategy->judge(boot, r->slot, r->minimum, &err))) {
        return err;
    }
    return err;
}
