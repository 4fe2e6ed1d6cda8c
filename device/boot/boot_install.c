/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot_install.c - strategies that install in place: slot A runs, slot B
 * is the staging area. From a staged manifest to a plan, from the plan to its
 * end, and what to do when slot A rots. */
#define SELV_MODULE 0x42494e53u /* "BINS" */
#include "boot/boot_int.h"

#include "cbor/cbor.h"

enum { APPLICATION, STAGING, PLACE_COUNT };

/* Moves that may follow each other in one call: forward, back, and one for help
 * from the staging area; and the decision at the end. */
enum { ROUNDS_MAX = 4 };

void selv_boot_describe_staging(struct selv_boot *boot)
{
    struct selv_suit_component *staging = &boot->components[STAGING];
    uint8_t len = selv_factory_staging_id(boot->factory, boot->staging_id);
    boot->components[APPLICATION].slot = SELV_SLOT_A;
    staging->id = selv_bytes(boot->staging_id, len);
    staging->slot = SELV_SLOT_A; /* there is one */
    boot->device.component_count = PLACE_COUNT;
}

/* ---- the plan --------------------------------------------------------------
 */

/* What is installed by going through it without doing any of it. */
struct plan {
    uint8_t slot[PLACE_COUNT]; /* where the bytes of each component lie now */
    bool is_made;              /* the move was asked for */
    uint32_t len; /* bytes of the staged image that are asked for */
};

/* The one move that this bootloader makes, once. */
static enum selv_err take_move(struct selv_boot *boot, struct plan *plan,
                               const struct selv_suit_todo *todo)
{
    bool is_swap = todo->kind == SELV_SUIT_SWAP;
    int32_t code =
        is_swap ? SELV_SUIT_DIRECTIVE_SWAP : SELV_SUIT_DIRECTIVE_COPY;
    if (plan->is_made || todo->device_component != APPLICATION ||
        todo->device_source != STAGING ||
        (boot->strategy->capability->commands >> code & 1u) == 0) {
        return SELV_ERR_SUIT_OPERATION;
    }
    plan->is_made = true;
    plan->slot[APPLICATION] = SELV_SLOT_B;
    plan->slot[STAGING] = is_swap ? SELV_SLOT_A : SELV_SLOT_B;
    selv_suit_answer(&boot->suit, SELV_OK);
    return SELV_OK;
}

static enum selv_err answer_digest(struct selv_boot *boot, struct plan *plan,
                                   const struct selv_suit_todo *todo)
{
    uint8_t digest[SELV_SHA256_LEN];
    uint8_t slot = plan->slot[todo->device_component];
    const struct selv_slot_place *place = &boot->layout->slot[slot];
    uint32_t size = todo->has_size ? todo->size : place->image_len;
    if (size == 0 || size > place->image_len) {
        return SELV_ERR_STORE_FULL;
    }
    enum selv_err err =
        selv_flash_digest(boot->flash, place->image_off, size, digest);
    if (err) {
        return err;
    }
    memcpy(boot->facts.measured[slot], digest, sizeof digest);
    if (slot == SELV_SLOT_B && size > plan->len) {
        plan->len = size;
    }
    selv_suit_answer_digest(&boot->suit, digest);
    return SELV_OK;
}

static enum selv_err rehearse(struct selv_boot *boot, struct plan *plan)
{
    struct selv_suit_todo todo;
    enum selv_err err = selv_suit_begin(&boot->suit, SELV_SUIT_INSTALLING);
    plan->slot[APPLICATION] = SELV_SLOT_A;
    plan->slot[STAGING] = SELV_SLOT_B;
    plan->is_made = false;
    for (int i = 0; err == SELV_OK && i < SELV_BOOT_TODOS_MAX; i++) {
        switch (selv_suit_poll(&boot->suit, &todo)) {
        case SELV_SUIT_DIGEST:
            err = answer_digest(boot, plan, &todo);
            break;
        case SELV_SUIT_COPY:
        case SELV_SUIT_SWAP:
            err = take_move(boot, plan, &todo);
            break;
        case SELV_SUIT_DONE:
            return plan->is_made ? SELV_OK : SELV_ERR_SUIT_MISSING;
        case SELV_SUIT_FAILED:
            err = selv_suit_failure(&boot->suit)->err;
            return err != SELV_OK ? err : SELV_ERR_STATE;
        default: /* fetch, write, check-content, private: not here */
            return SELV_ERR_SUIT_COMMAND;
        }
    }
    return err != SELV_OK ? err : SELV_ERR_SUIT_WORK;
}

/* By the image-size that is set, which is the one it was hashed over. */
SELV_OPAQUE static uint32_t find_len(const struct selv_boot *boot, uint8_t slot)
{
    uint32_t len = boot->layout->slot[slot].image_len, size;
    for (size_t i = 0; i < selv_suit_component_count(&boot->suit); i++) {
        struct selv_cbor r;
        selv_cbor_init(&r, selv_suit_parameter(&boot->suit, i,
                                               SELV_SUIT_PARAMETER_IMAGE_SIZE));
        if (boot->suit.device_component[i] == APPLICATION &&
            selv_cbor_uint32(&r, len, &size) == SELV_OK) {
            return size;
        }
    }
    return len;
}

/* Bytes of the image that the look just before found good. M13: too many do
 * no harm. */
uint32_t selv_boot_seen_len(const struct selv_boot *boot, uint8_t slot)
{
    uint32_t a = find_len(boot, slot), b = find_len(boot, slot);
    return a > b ? a : b;
}

/* Sectors of an envelope and so much of an image, or so much. */
SELV_OPAQUE static uint16_t count_sectors(const struct selv_boot *boot,
                                          uint32_t a, uint32_t b)
{
    uint32_t sector = boot->flash->sector_len;
    uint32_t len = (a > b ? a : b) + sector - 1;
    return (uint16_t)((len + boot->layout->slot[SELV_SLOT_A].envelope_len) /
                      sector);
}

enum selv_verdict selv_boot_plan(struct selv_boot *boot, uint8_t slot,
                                 uint64_t sequence_min, enum selv_err *why)
{
    uint32_t leaving = 0;
    if (boot->strategy->in_place->leaving != NULL) {
        leaving = boot->strategy->in_place->leaving(boot);
    }
    struct plan plan = {.len = 0};
    (void)slot; /* it is B, or the request was refused */
    /* Whether the image would boot, as if it lay in A already: there may be no
     * way back from one that does not. */
    if (!selv_is_good(selv_boot_look(boot, SELV_SLOT_B, sequence_min, why))) {
        return SELV_BAD;
    }
    plan.len = selv_boot_seen_len(boot, SELV_SLOT_B);
    boot->seen_slot = SELV_SLOT_NONE; /* nothing runs from there */
    *why = rehearse(boot, &plan);
    if (*why != SELV_OK) { /* B9: bad is what is bad twice */
        *why = rehearse(boot, &plan);
    }
    if (*why != SELV_OK) {
        selv_boot_note(boot, SELV_SLOT_B, *why);
        return SELV_BAD;
    }
    /* M13 */
    boot->plan_count = count_sectors(boot, plan.len, leaving);
    if (boot->plan_count != count_sectors(boot, leaving, plan.len) ||
        boot->plan_count >
            selv_layout_slot_sectors(boot->layout, boot->flash) ||
        boot->seen_sequence < boot->journal.floor ||
        boot->seen_sequence != selv_suit_sequence_number(&boot->suit)) {
        *why = SELV_ERR_STATE;
        return SELV_BAD;
    }
    return SELV_GOOD;
}

/* From here on; no step is done. */
void selv_boot_set_move(struct selv_journal *next,
                        enum selv_install_state state, uint16_t count)
{
    next->install_state = (uint8_t)state;
    next->install_step = 0;
    next->install_again = 0;
    next->install_count = count;
}

/* M1, M4: the marks are erased in the same call as the record that follows;
 * those that do not become erased are done without. */
void selv_boot_begin_move(struct selv_boot *boot, struct selv_journal *next,
                          enum selv_install_state state, uint16_t count)
{
    const struct selv_layout *layout = boot->layout;
    bool has_marks =
        selv_boot_marks_erase(boot) == SELV_OK &&
        selv_flash_is_erased(boot->flash, layout->marks_off, layout->marks_len);
    selv_boot_set_move(next, state, count);
    next->install_again = !has_marks;
    boot->is_begun = true;
}

/* M13: a move of no sectors, which is struck out, when *next is not what was
 * seen and planned. */
void selv_boot_begin_forward(struct selv_boot *boot, struct selv_journal *next)
{
    next->trial_slot = SELV_SLOT_A;
    selv_boot_begin_move(boot, next, SELV_INSTALL_FORWARD, boot->plan_count);
    if (next->install_count != boot->plan_count ||
        next->trial_sequence != boot->seen_sequence ||
        next->accepted < boot->seen_sequence ||
        memcmp(next->trial_digest, boot->seen_digest, 32) != 0) {
        next->install_count = 0;
    }
}

/* ---- slot A, or what is staged ---------------------------------------------
 */

/* Slot A is lost: have what is staged take its place, unconfirmed as it is. */
static void call_for_help(struct selv_boot *boot, enum selv_err reason)
{
    struct selv_journal next = boot->journal;
    enum selv_err why;
    if (boot->is_healed ||
        !selv_is_good(selv_boot_plan(boot, SELV_SLOT_B, next.floor, &why))) {
        return;
    }
    boot->is_healed = true;
    if (memcmp(next.current_digest, boot->seen_digest, 32) != 0) {
        selv_boot_set_refused(&next, next.current_digest, reason, false);
    }
    if (next.accepted < boot->seen_sequence) {
        next.accepted = boot->seen_sequence;
    }
    memcpy(next.current_digest, boot->seen_digest, 32);
    memcpy(next.trial_digest, boot->seen_digest, 32);
    next.trial_sequence = boot->seen_sequence;
    selv_boot_begin_forward(boot, &next);
    /* When flash takes no record the next boot decides the same again. */
    (void)!selv_boot_commit(boot, &next);
}

bool selv_boot_is_at_rest(const struct selv_journal *j)
{
    return j->install_state == SELV_INSTALL_NONE &&
           j->current_slot == SELV_SLOT_A;
}

enum selv_verdict selv_boot_in_place(struct selv_boot *boot,
                                     struct selv_boot_record *record)
{
    const struct selv_journal *j = &boot->journal;
    enum selv_err why = SELV_ERR_BOOT_NO_IMAGE;
    if (!selv_boot_is_at_rest(j)) {
        /* A revert that was journalled just now: the way back comes first. Or a
         * journal that takes nothing any more: what is on trial stays so, for
         * there is no way back from it, and it is sound. */
        if (j->trial_state == SELV_TRIAL_RUNNING &&
            selv_is_good(selv_boot_look(boot, SELV_SLOT_A, j->floor, &why)) &&
            memcmp(boot->seen_digest, j->trial_digest, 32) == 0) {
            return selv_boot_hand_over(boot, record, SELV_SLOT_A, true);
        }
        return selv_boot_refuse(boot, record, why);
    }
    /* M13: four looks before it loses its place, as with A/B. */
    for (int turn = 0; turn < 2; turn++) {
        if (!selv_is_good(selv_boot_look(boot, SELV_SLOT_A, j->floor, &why))) {
            continue;
        }
        if (memcmp(boot->seen_digest, j->current_digest, 32) != 0 &&
            boot->seen_slot == SELV_SLOT_A) { /* never what is staged */
            selv_boot_adopt(boot, SELV_ERR_BOOT_REQUEST);
        }
        return selv_boot_hand_over(boot, record, SELV_SLOT_A, false);
    }
    if (why == SELV_ERR_STORE_EMPTY) {
        why = SELV_ERR_BOOT_NO_IMAGE;
    }
    call_for_help(boot, why);
    return selv_boot_refuse(boot, record, why);
}

/* ---- the whole -------------------------------------------------------------
 */

static enum selv_err end_move(struct selv_boot *boot)
{
    struct selv_journal next = boot->journal;
    selv_boot_set_move(&next, SELV_INSTALL_NONE, next.install_count);
    switch (boot->journal.install_state) {
    case SELV_INSTALL_FORWARD: {
        next.trial_slot = SELV_SLOT_A; /* as when it began */
        struct selv_journal again = next;
        boot->strategy->in_place->arrive(boot, &next);
        boot->strategy->in_place->arrive(boot, &again);
        if (memcmp(&next, &again, offsetof(struct selv_journal, check)) != 0) {
            return SELV_ERR_STATE; /* M13 */
        }
        break;
    }
    case SELV_INSTALL_BACK:
        next.current_slot = SELV_SLOT_A;
        break;
    default:
        return SELV_ERR_STATE;
    }
    enum selv_err err = selv_boot_commit(boot, &next);
    return err != SELV_OK ? err : selv_boot_is_journalled(boot);
}

enum selv_err selv_boot_strike_out(struct selv_boot *boot)
{
    struct selv_journal next = boot->journal;
    if (selv_boot_has_moved(boot)) {
        return SELV_ERR_STATE; /* M13 */
    }
    selv_boot_set_move(&next, SELV_INSTALL_NONE, 0);
    selv_boot_clear_trial(&next);
    return selv_boot_commit(boot, &next);
}

/* Every move that the journal asks for. */
static enum selv_err settle(struct selv_boot *boot)
{
    const struct selv_journal *j = &boot->journal;
    enum selv_err err = SELV_OK;
    if (j->install_state == SELV_INSTALL_FORWARD && j->install_count == 0) {
        err = selv_boot_strike_out(boot); /* by a fault */
    }
    /* The confirmed image lies in B and nothing is on trial: one was reverted.
     */
    if (err == SELV_OK && j->install_state == SELV_INSTALL_NONE &&
        j->trial_state == SELV_TRIAL_NONE && j->current_slot != SELV_SLOT_A) {
        err = boot->strategy->in_place->begin_back != NULL
                  ? boot->strategy->in_place->begin_back(boot)
                  : SELV_ERR_STATE;
    }
    while (err == SELV_OK && j->install_state != SELV_INSTALL_NONE) {
        uint8_t state = j->install_state;
        err = selv_boot_move(boot);
        if (err == SELV_OK) {
            err = end_move(boot);
        } else if (state != j->install_state) {
            err = SELV_OK; /* it turned, once, or was struck out */
        }
    }
    return err;
}

enum selv_verdict selv_boot_decide_in_place(struct selv_boot *boot,
                                            const struct selv_log *log,
                                            struct selv_boot_record *record)
{
    const struct selv_journal *j = &boot->journal;
    enum selv_err err = selv_layout_check_in_place(
        boot->layout, boot->flash, boot->strategy->in_place->steps);
    if (err == SELV_OK && j->install_count > selv_layout_slot_sectors(
                                                 boot->layout, boot->flash)) {
        err = SELV_ERR_STORE_LAYOUT; /* a journal of another layout */
    }
    if (err == SELV_OK && j->serial == 0) {
        err = SELV_ERR_STATE; /* M13: none was read */
    }
    boot->is_begun = false;
    boot->is_healed = false;
    for (int round = 0; err == SELV_OK && round < ROUNDS_MAX; round++) {
        err = settle(boot);
        if (err != SELV_OK) {
            break;
        }
        enum selv_verdict verdict = selv_boot_decide(boot, log, record);
        if (selv_boot_is_at_rest(j) || j->trial_state == SELV_TRIAL_RUNNING) {
            return verdict;
        }
    }
    return selv_boot_refuse(boot, record,
                            err != SELV_OK ? err : SELV_ERR_BOOT_NO_IMAGE);
}
