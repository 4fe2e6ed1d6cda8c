/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot_slot.c - whether a slot holds something that may be booted: the
 * boot-select profile of the manifest engine over the slot's envelope. */
#define SELV_MODULE 0x424c4f4fu /* "BLOO" */
#include "boot/boot_int.h"

#include "store/slot.h"

void selv_boot_describe(struct selv_boot *boot, uint8_t slot,
                        uint64_t sequence_min)
{
    const struct selv_factory *factory = boot->factory;
    boot->components[0].id =
        selv_bytes(factory->component_id, factory->component_id_len);
    boot->components[0].slot = slot;
    boot->device.components = boot->components;
    boot->device.component_count = 1;
    boot->device.vendor_id = factory->vendor_id;
    boot->device.class_id = factory->class_id;
    boot->device.device_id = factory->device_id;
    boot->device.anchors = &factory->anchor;
    boot->device.anchor_count = 1;
    boot->device.sequence_min = sequence_min;
    if (selv_boot_strategy(boot)->in_place != NULL) {
        selv_boot_strategy(boot)->in_place->describe(boot);
    }
    selv_suit_init(&boot->suit, selv_boot_strategy(boot)->profile,
                   &boot->device);
}

/* Feed and check: nothing of the envelope is believed before. */
enum selv_err selv_boot_authenticate(struct selv_boot *boot,
                                     struct selv_bytes envelope)
{
    enum selv_err err = selv_suit_feed(&boot->suit, envelope);
    if (err) {
        return err;
    }
    if (selv_boot_flash(boot)->kick != NULL) {
        selv_boot_flash(boot)->kick(selv_boot_flash(boot)->port);
    }
    if (!selv_is_good(selv_suit_check(&boot->suit))) {
        err = selv_suit_failure(&boot->suit)->err;
        return err != SELV_OK ? err : SELV_ERR_STATE;
    }
    return selv_suit_begin(&boot->suit, SELV_SUIT_INVOCATION);
}

enum selv_err selv_boot_serve(struct selv_boot *boot,
                              const struct selv_slot_place *place,
                              const struct selv_suit_todo *todo)
{
    uint8_t digest[SELV_SHA256_LEN];
    if (todo->kind == SELV_SUIT_INVOKE) {
        return SELV_OK;
    }
    if (todo->kind != SELV_SUIT_DIGEST) {
        return todo->kind == SELV_SUIT_DONE ? SELV_ERR_BOOT_NO_IMAGE
                                            : SELV_ERR_SUIT_COMMAND;
    }
    uint32_t size = todo->has_size ? todo->size : place->image_len;
    /* The digest of nothing says nothing about what lies there. */
    if (size == 0 || size > place->image_len) {
        return SELV_ERR_STORE_FULL;
    }
    enum selv_err err = selv_flash_digest(selv_boot_flash(boot),
                                          place->image_off, size, digest);
    if (err == SELV_OK) {
        memcpy(boot->facts.measured[place - boot->layout->slot], digest,
               sizeof digest);
        selv_suit_answer_digest(&boot->suit, digest);
    }
    return err;
}

/* Run the procedure up to its invoke. */
static enum selv_err run(struct selv_boot *boot,
                         const struct selv_slot_place *place)
{
    struct selv_suit_todo todo;
    for (int i = 0; i < SELV_BOOT_TODOS_MAX; i++) {
        enum selv_suit_todo_kind kind = selv_suit_poll(&boot->suit, &todo);
        enum selv_err err;
        if (kind == SELV_SUIT_FAILED) {
            err = selv_suit_failure(&boot->suit)->err;
            return err != SELV_OK ? err : SELV_ERR_STATE;
        }
        err = selv_boot_strategy(boot)->serve(boot, place, &todo);
        if (err != SELV_OK || kind == SELV_SUIT_INVOKE) {
            return err;
        }
    }
    return SELV_ERR_SUIT_WORK;
}

void selv_boot_note(struct selv_boot *boot, uint8_t slot, enum selv_err why)
{
    struct selv_boot_check *check = &boot->facts.check[slot];
    const struct selv_suit_failure *failure = selv_suit_failure(&boot->suit);
    bool is_suit = why != SELV_OK && failure->err == why;
    check->err = (uint16_t)why;
    check->command = is_suit ? (int16_t)failure->code : 0;
    check->section = is_suit ? (uint8_t)failure->section : 0;
    check->is_taken = 1;
}

static enum selv_verdict look_once(struct selv_boot *boot, uint8_t slot,
                                   uint64_t sequence_min, enum selv_err *why)
{
    const struct selv_slot_place *place = &boot->layout->slot[slot];
    struct selv_bytes envelope;
    boot->seen_slot = SELV_SLOT_NONE;
    selv_boot_describe(boot, slot, sequence_min);
    *why = selv_slot_envelope(selv_boot_flash(boot), place, &boot->scratch,
                              &envelope);
    if (*why == SELV_OK) {
        *why = selv_boot_authenticate(boot, envelope);
    }
    if (*why == SELV_OK) {
        *why = run(boot, place);
    }
    if (*why == SELV_OK && !selv_is_good(selv_suit_may_invoke(&boot->suit))) {
        *why = SELV_ERR_SUIT_IMAGE;
    }
    selv_boot_note(boot, slot, *why);
    if (*why != SELV_OK) {
        return SELV_BAD;
    }
    boot->seen_slot = slot;
    boot->seen_sequence = selv_suit_sequence_number(&boot->suit);
    memcpy(boot->seen_digest, selv_suit_digest(&boot->suit), 32);
    /* Asked once more: *why may be from before. */
    return selv_suit_may_invoke(&boot->suit);
}

/* What a look finds bad may cost the running image its place, or a release
 * its only trial: one read that fails (a supply still rising, a correctable
 * cell) is not worth that, so that only what is bad twice is bad. */
enum selv_verdict selv_boot_look(struct selv_boot *boot, uint8_t slot,
                                 uint64_t sequence_min, enum selv_err *why)
{
    enum selv_verdict verdict = SELV_BAD;
    SELV_ASSERT(slot < SELV_SLOT_COUNT);
    for (int i = 0; i < 2 && !selv_is_good(verdict); i++) {
        verdict = look_once(boot, slot, sequence_min, why);
    }
    return verdict;
}
