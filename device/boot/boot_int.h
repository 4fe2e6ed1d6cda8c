/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot_int.h - what the files of this folder share. One noun each:
 *   boot.c          the decision: birth, trial, request
 *   boot_slot.c     whether a slot holds something that may be booted
 *   boot_install.c  from what is staged to a plan, and to its end
 *   boot_move.c     sectors, copied so that any cut can be gone on from
 *   boot_hooks.c    what hardware adds
 *   strategy_*.c    the strategies
 *   stage.c         what two bootloaders need of each other */
#ifndef SELV_BOOT_BOOT_INT_H
#define SELV_BOOT_BOOT_INT_H

#include "boot/boot.h"
#include "boot/hooks.h"

/* One step of a move: copy a sector. */
struct selv_boot_step {
    uint32_t from, to; /* offsets of sectors */
};

/* What strategies that install in place have more; one that only has more
 * components has describe alone. */
struct selv_in_place {
    /* What components the device has beside the application, or in its place.
     */
    void (*describe)(struct selv_boot *boot);
    /* Bytes of the image in slot A that are kept. NULL: none. */
    uint32_t (*leaving)(struct selv_boot *boot);
    /* What is confirmed lies in slot B: journal that it goes back, or that it
     * is gone. NULL: it never does. */
    enum selv_err (*begin_back)(struct selv_boot *boot);
    /* Slot B takes nothing in this step: journal that all goes back. Returns an
     * error in any case. NULL: slot B is not written. */
    enum selv_err (*turn_back)(struct selv_boot *boot, uint32_t step);
    /* A move has come to its end, forward: what *next is then. */
    void (*arrive)(struct selv_boot *boot, struct selv_journal *next);
    /* From which sector (an offset) to which a step copies. */
    void (*step)(const struct selv_boot *boot, uint32_t step,
                 struct selv_boot_step *out);
    uint8_t steps; /* of each sector: 1 or 2 */
};

struct selv_strategy {
    const struct selv_suit_profile *profile; /* that every look is taken with */
    const struct selv_suit_capability *capability; /* told to applications */
    uint8_t slot_count; /* slots that an image can run from, A first */
    bool is_remapped;   /* by a hook, to the address that images link for */
    /* The whole decision, once journal and log are read: selv_boot_decide,
     * and what goes before and after it. */
    enum selv_verdict (*decide)(struct selv_boot *boot,
                                const struct selv_log *log,
                                struct selv_boot_record *record);
    /* Do what a look's manifest asks for next, and answer it: a digest, and
     * what else the strategy can. INVOKE: whether that is what is started. An
     * error ends the look. */
    enum selv_err (*serve)(struct selv_boot *boot,
                           const struct selv_slot_place *place,
                           const struct selv_suit_todo *todo);
    /* What a request names, as selv_boot_look. */
    enum selv_verdict (*judge)(struct selv_boot *boot, uint8_t slot,
                               uint64_t sequence_min, enum selv_err *why);
    /* A request is good, and *next names it in its trial fields: what
     * happens next. */
    void (*accept)(struct selv_boot *boot, struct selv_journal *next);
    /* Nothing is on trial, nothing asked: boot the current image, or what
     * there is. */
    enum selv_verdict (*boot_current)(struct selv_boot *boot,
                                      struct selv_boot_record *record);
    const struct selv_in_place *in_place; /* NULL: nothing is installed */
};

/* A program with one strategy, or one flash, may name it when it compiles this
 * folder: what that one does not need is then not linked, either. Hooks have
 * no place in such a program (boot_hooks.c). */
static inline const struct selv_strategy *
selv_boot_strategy(const struct selv_boot *boot)
{
#ifdef SELV_BOOT_ONLY_STRATEGY
    (void)boot;
    return &SELV_BOOT_ONLY_STRATEGY;
#else
    return boot->strategy;
#endif
}

#ifdef SELV_BOOT_ONLY_FLASH
extern const struct selv_flash SELV_BOOT_ONLY_FLASH;
#endif
static inline const struct selv_flash *
selv_boot_flash(const struct selv_boot *boot)
{
#ifdef SELV_BOOT_ONLY_FLASH
    (void)boot;
    return &SELV_BOOT_ONLY_FLASH;
#else
    return boot->flash;
#endif
}

/* ---- boot.c ----------------------------------------------------------------
 */

/* Trial, request or current. */
SELV_MUST_CHECK enum selv_verdict
selv_boot_decide(struct selv_boot *boot, const struct selv_log *log,
                 struct selv_boot_record *record);
/* Make *next the truth: in flash first, then in RAM. On an error RAM still
 * says what flash says. */
SELV_MUST_CHECK enum selv_err selv_boot_commit(struct selv_boot *boot,
                                               struct selv_journal *next);
/* The same for one that refuses; B11: at most 255 of them are written between
 * two confirmations. */
SELV_MUST_CHECK enum selv_err
selv_boot_commit_refusal(struct selv_boot *boot, struct selv_journal *next);
/* One more attempt, with a nonce of its own. */
void selv_boot_attempt(struct selv_boot *boot, struct selv_journal *next);
/* What is on trial becomes current, and the floor rises to it. */
void selv_boot_confirm(struct selv_journal *next);
void selv_boot_clear_trial(struct selv_journal *j);
void selv_boot_set_refused(struct selv_journal *j,
                           const uint8_t digest[static 32],
                           enum selv_err reason, bool was_trial);
/* What the latest look saw becomes current; the one before is refused. */
void selv_boot_adopt(struct selv_boot *boot, enum selv_err reason);
/* B1: hand over only what the look just before found good. */
SELV_MUST_CHECK enum selv_verdict
selv_boot_hand_over(const struct selv_boot *boot,
                    struct selv_boot_record *record, uint8_t slot,
                    bool is_trial);

/* ---- strategy_ab.c ---------------------------------------------------------
 */

/* boot_current of strategies in which both slots run. */
SELV_MUST_CHECK enum selv_verdict
selv_boot_either(struct selv_boot *boot, struct selv_boot_record *record);

/* ---- boot_install.c: for strategies that install in place -------------------
 */

void selv_boot_describe_staging(struct selv_boot *boot);
/* judge: whether what is staged can be installed and would boot. SELV_GOOD:
 * seen_sequence and seen_digest are set, seen_slot is SELV_SLOT_NONE,
 * and plan_count is set. Nothing is written. */
SELV_MUST_CHECK enum selv_verdict selv_boot_plan(struct selv_boot *boot,
                                                 uint8_t slot,
                                                 uint64_t sequence_min,
                                                 enum selv_err *why);
/* accept: the way forward begins. */
void selv_boot_begin_forward(struct selv_boot *boot, struct selv_journal *next);
/* The same for either way: the marks are erased, *next says so. Commit it in
 * this call, before anything moves. */
void selv_boot_begin_move(struct selv_boot *boot, struct selv_journal *next,
                          enum selv_install_state state, uint16_t count);
/* A move forward that has moved nothing: the journal takes it back. One that
 * did move something: SELV_ERR_STATE. */
SELV_MUST_CHECK enum selv_err selv_boot_strike_out(struct selv_boot *boot);
/* What a move is; no step is done. */
void selv_boot_set_move(struct selv_journal *next,
                        enum selv_install_state state, uint16_t count);
/* Bytes of the image that the look just before found good in that slot. */
uint32_t selv_boot_seen_len(const struct selv_boot *boot, uint8_t slot);
/* The current image lies where it runs. */
bool selv_boot_is_at_rest(const struct selv_journal *j);
/* boot_current: slot A; when it does not verify, what is staged. */
SELV_MUST_CHECK enum selv_verdict
selv_boot_in_place(struct selv_boot *boot, struct selv_boot_record *record);
/* decide: finish what the journal says is under way, decide, and again. */
SELV_MUST_CHECK enum selv_verdict
selv_boot_decide_in_place(struct selv_boot *boot, const struct selv_log *log,
                          struct selv_boot_record *record);

/* ---- boot_move.c -----------------------------------------------------------
 */

/* Erase the marks. SELV_ERR_FLASH_IO when they do not read as erased then. */
SELV_MUST_CHECK enum selv_err selv_boot_marks_erase(struct selv_boot *boot);
/* Whether the journal in flash is the one in RAM. SELV_ERR_STATE. */
SELV_MUST_CHECK enum selv_err
selv_boot_is_journalled(const struct selv_boot *boot);
/* Whether a step of the move in the journal is done, read anew. */
bool selv_boot_has_moved(const struct selv_boot *boot);
/* Go on with the move in the journal, to its last step. An error: no record
 * could be written, or the way turned, or the move was struck out
 * (install_state says so). */
SELV_MUST_CHECK enum selv_err selv_boot_move(struct selv_boot *boot);

/* ---- boot_slot.c -----------------------------------------------------------
 */

/* Begin a look at a manifest as if it lay in the slot. */
void selv_boot_describe(struct selv_boot *boot, uint8_t slot,
                        uint64_t sequence_min);
/* Then authenticate and check it, and begin its invocation. */
SELV_MUST_CHECK enum selv_err
selv_boot_authenticate(struct selv_boot *boot, struct selv_bytes envelope);

/* serve of strategies that run an image where it lies. */
SELV_MUST_CHECK enum selv_err
selv_boot_serve(struct selv_boot *boot, const struct selv_slot_place *place,
                const struct selv_suit_todo *todo);

/* Authenticate the slot's manifest (sequence number at least sequence_min),
 * run its validate and invoke sequences for that slot, and hash its image; once
 * more when that fails.
 * SELV_GOOD: seen_slot, seen_sequence and seen_digest are set, and
 * selv_suit_may_invoke is good until the next look. SELV_BAD: *why says what
 * is wrong, seen_slot is SELV_SLOT_NONE. */
SELV_MUST_CHECK enum selv_verdict selv_boot_look(struct selv_boot *boot,
                                                 uint8_t slot,
                                                 uint64_t sequence_min,
                                                 enum selv_err *why);

/* What the look at a slot found, for the record; of the engine's failure when
 * that is the reason. */
void selv_boot_note(struct selv_boot *boot, uint8_t slot, enum selv_err why);

/* What a bootloader takes of the boot-install profile: these moves, as bits of
 * commands, in this section, beside validate and invoke; it writes no content.
 */
#define SELV_BOOT_CAPABILITY(moves, section)                                   \
    {                                                                          \
        .commands = (moves) | 1ull << SELV_SUIT_CONDITION_VENDOR_ID |          \
                    1ull << SELV_SUIT_CONDITION_CLASS_ID |                     \
                    1ull << SELV_SUIT_CONDITION_IMAGE_MATCH |                  \
                    1ull << SELV_SUIT_CONDITION_COMPONENT_SLOT |               \
                    1ull << SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX |          \
                    1ull << SELV_SUIT_CONDITION_ABORT |                        \
                    1ull << SELV_SUIT_DIRECTIVE_TRY_EACH |                     \
                    1ull << SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS |          \
                    1ull << SELV_SUIT_DIRECTIVE_INVOKE |                       \
                    1ull << SELV_SUIT_CONDITION_DEVICE_ID |                    \
                    1ull << SELV_SUIT_DIRECTIVE_RUN_SEQUENCE,                  \
        .parameters = SELV_SUIT_BOOT_INSTALL_PARAMETERS,                       \
        .envelope_max = SELV_SUIT_ENVELOPE_MAX,                                \
        .sections = (section) | 1u << SELV_SUIT_SECTION_VALIDATE |             \
                    1u << SELV_SUIT_SECTION_INVOKE,                            \
        .components_max = SELV_SUIT_COMPONENTS_MAX,                            \
        .depth_max = SELV_SUIT_DEPTH_MAX,                                      \
        .signers_max = SELV_SUIT_SIGNERS_MAX,                                  \
    }
#define SELV_BOOT_IN_PLACE_CAPABILITY(moves)                                   \
    SELV_BOOT_CAPABILITY(moves, 1u << SELV_SUIT_SECTION_INSTALL |              \
                                    1u << SELV_SUIT_SECTION_LOAD)

#endif
