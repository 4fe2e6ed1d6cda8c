/* SPDX-License-Identifier: Apache-2.0
 *
 * What the consumer asks, in U-Boot's environment:
 *
 *   request       slot = the idle one, upgrade_available = 1, bootcount = 0
 *   U-Boot        counts bootcount up at each boot while upgrade_available is
 *                 set; above bootlimit it runs altbootcmd instead of bootcmd,
 *                 which puts slot back and clears the others
 *   confirmation  upgrade_available = 0, bootcount = 0
 *
 * each in one write. What U-Boot does not remember is in store/foreign.h. */
#include <stdio.h>

#include "posix/uboot.h"
#include "store/slot.h"
#include "suit/suit.h"

static bool set(struct selv_posix_uboot *u, uint8_t slot, bool is_available)
{
    return selv_posix_uboot_env_write(&u->config, slot, is_available, &u->why);
}

static bool keep(struct selv_posix_uboot *u)
{
    enum selv_err err =
        selv_foreign_write(&u->parts.flash, &u->parts.layout, &u->state);

    if (err) {
        snprintf(u->why.text, sizeof u->why.text,
                 "the device's records cannot be written: %s",
                 selv_err_str(err));
    }
    return err == SELV_OK;
}

/* ---- at start -------------------------------------------------------------
 */

/* A new device: what it was made with. An envelope that is missing, or that
 * the anchor did not sign, is no reason not to update it. */
static void be_born(struct selv_posix_uboot *u,
                    const struct selv_factory *factory)
{
    static uint8_t bytes[SELV_SUIT_ENVELOPE_MAX];
    uint8_t slot = u->parts.running_slot;
    struct selv_suit_component component = {
        {factory->component_id, factory->component_id_len}, slot};
    struct selv_suit_device facts = {.components = &component,
                                     .component_count = 1,
                                     .vendor_id = factory->vendor_id,
                                     .class_id = factory->class_id,
                                     .anchors = &factory->anchor,
                                     .anchor_count = 1};
    struct selv_buf scratch = {bytes, sizeof bytes, 0};
    struct selv_bytes envelope;
    struct selv_suit suit;

    selv_suit_init(&suit, &selv_suit_profile_boot_select, &facts);
    if (selv_slot_envelope(&u->parts.flash, &u->parts.layout.slot[slot],
                           &scratch, &envelope) == SELV_OK &&
        selv_suit_feed(&suit, envelope) == SELV_OK &&
        selv_is_good(selv_suit_check(&suit))) {
        memcpy(u->state.digest, selv_suit_digest(&suit), 32);
        u->state.accepted = selv_suit_sequence_number(&suit);
        u->state.floor = u->state.accepted;
    }
}

static enum selv_foreign_seen see(const struct selv_posix_uboot *u)
{
    bool is_new = u->parts.running_slot == u->state.trial_slot;

    if (is_new) {
        return u->env.is_available ? SELV_FOREIGN_NEW_TRIAL
                                   : SELV_FOREIGN_NEW_KEPT;
    }
    /* altbootcmd puts the slot back. */
    return u->env.slot == u->parts.running_slot &&
                   u->state.phase == SELV_FOREIGN_ASKED
               ? SELV_FOREIGN_OLD_BACK
               : SELV_FOREIGN_OLD_ASKED;
}

static bool ask(struct selv_posix_uboot *u)
{
    if (!set(u, u->state.trial_slot, true)) {
        return false;
    }
    if (u->state.phase == SELV_FOREIGN_ASKED) {
        return true;
    }
    u->state.phase = SELV_FOREIGN_ASKED;
    return keep(u);
}

static bool settle(struct selv_posix_uboot *u, enum selv_reset_cause cause,
                   bool *is_reset_due)
{
    enum selv_foreign_todo todo = SELV_FOREIGN_GIVE_UP;
    enum selv_foreign_seen seen = see(u);

    while (todo == SELV_FOREIGN_GIVE_UP) {
        todo = selv_foreign_judge(&u->state, seen, cause);
        if (todo == SELV_FOREIGN_WITHDRAW &&
            !set(u, u->parts.running_slot, false)) {
            return false;
        }
        if (todo != SELV_FOREIGN_GO_ON && !keep(u)) {
            return false;
        }
    }
    *is_reset_due = todo == SELV_FOREIGN_REPEAT;
    return !*is_reset_due || ask(u);
}

bool selv_posix_uboot_start(struct selv_posix_uboot *u,
                            const struct selv_factory *factory,
                            enum selv_reset_cause cause,
                            struct selv_boot_record *record, bool *is_reset_due)
{
    enum selv_err err =
        selv_foreign_read(&u->parts.flash, &u->parts.layout, &u->state);

    *is_reset_due = false;
    if (err == SELV_ERR_STORE_EMPTY) {
        be_born(u, factory);
    } else if (err) {
        snprintf(u->why.text, sizeof u->why.text,
                 "the device's records cannot be read: %s", selv_err_str(err));
        return false;
    } else if (u->state.is_alone && !keep(u)) {
        return false;
    }
    if (!selv_posix_uboot_env_read(&u->config, &u->env, &u->why)) {
        return false;
    }
    if (u->env.limit == 0) {
        snprintf(u->why.text, sizeof u->why.text,
                 "U-Boot's variable %s is not set, so that a bad image would "
                 "never be given up; see docs/bootloaders.md",
                 u->config.var_limit);
        return false;
    }
    if (u->state.phase != SELV_FOREIGN_NONE &&
        !settle(u, cause, is_reset_due)) {
        return false;
    }
    selv_foreign_fill(&u->state, u->parts.running_slot, cause, record);
    if (record->is_trial && u->env.count > 0) {
        record->attempt = (uint8_t)(u->env.count < 255 ? u->env.count : 255);
        selv_record_seal(record);
    }
    return true;
}

/* ---- what the consumer asks -----------------------------------------------
 */

static enum selv_err answer(bool is_done)
{
    return is_done ? SELV_OK : SELV_ERR_UPDATE_BOOTLOADER;
}

/* Nothing may name the slot that is about to be written. */
static enum selv_err uboot_begin(void *context)
{
    struct selv_posix_uboot *u = context;
    struct selv_posix_uboot_env env;
    uint8_t running = u->parts.running_slot;

    if (!selv_posix_uboot_env_read(&u->config, &env, &u->why)) {
        return answer(false);
    }
    return answer((env.slot == running && !env.is_available) ||
                  set(u, running, false));
}

static enum selv_err uboot_request(void *context,
                                   const struct selv_foreign_update *update)
{
    struct selv_posix_uboot *u = context;

    selv_foreign_want(&u->state, update);
    return answer(keep(u) && ask(u));
}

static enum selv_err uboot_confirm(void *context)
{
    struct selv_posix_uboot *u = context;

    if (!set(u, u->parts.running_slot, false)) {
        return answer(false);
    }
    selv_foreign_keep(&u->state);
    return answer(keep(u));
}

const struct selv_installer selv_posix_uboot_installer = {
    uboot_begin, uboot_request, uboot_confirm};
