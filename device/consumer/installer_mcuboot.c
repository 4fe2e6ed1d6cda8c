/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer/installer_mcuboot.c - see consumer/mcuboot.h. Facts of the format,
 * from MCUboot's documentation, counted from the end of a slot, with a =
 * BOOT_MAX_ALIGN and m = 16 rounded up to a:
 *
 *   - 16         magic, 16 bytes; which ones depends on a
 *   - m - a      image_ok: erased, or 1 once the image is confirmed
 *   - m - 2a     copy_done: erased, or 1 once a swap is complete
 *   - m - 3a     swap info: low half 2 for a swap on trial
 *   below that   what MCUboot keeps of a swap on its way
 *
 * A magic in the secondary slot with image_ok erased asks for a swap on
 * trial. A magic in the primary slot, copy_done set and image_ok erased means
 * that the next boot swaps back. Direct-xip takes the higher version of two
 * images with a magic; one with copy_done and without image_ok is erased. */
#define SELV_MODULE 0x4d435542u /* "MCUB" */
#include "consumer/mcuboot.h"

#include "crypto/crypto.h"
#include "store/slot.h"

enum {
    MAGIC_LEN = 16,
    MAGIC_FIXED_LEN = 14, /* behind the alignment */
    FLAG_SET = 1,
    SWAP_TEST = 2
};

_Static_assert(sizeof(void *) != 4 || sizeof(struct selv_mcuboot) <= 224,
               "struct selv_mcuboot is over its budget");

/* ---- one trailer ----------------------------------------------------------
 */

enum magic { MAGIC_UNSET, MAGIC_GOOD, MAGIC_BAD };

struct trailer {
    enum magic magic;
    bool is_ok;   /* image_ok: not erased, which MCUboot takes for confirmed */
    bool is_done; /* copy_done */
};

static void make_magic(const struct selv_mcuboot *m,
                       uint8_t magic[static MAGIC_LEN])
{
    static const uint8_t of_8[MAGIC_LEN] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2,
                                            0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f,
                                            0x2c, 0xb6, 0x79, 0x80};
    static const uint8_t of_more[MAGIC_FIXED_LEN] = {
        0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d,
        0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a};

    if (m->max_align == 8) {
        memcpy(magic, of_8, MAGIC_LEN);
        return;
    }
    magic[0] = m->max_align; /* 16 bits, little endian */
    magic[1] = 0;
    memcpy(magic + 2, of_more, MAGIC_FIXED_LEN);
}

/* 16 rounded up to the alignment: bytes that the magic takes. */
static uint32_t magic_room(const struct selv_mcuboot *m)
{
    return m->max_align > MAGIC_LEN ? m->max_align : MAGIC_LEN;
}

/* Offset of the flag that stands `back` alignments before the magic's room. */
static uint32_t flag_off(const struct selv_mcuboot *m, uint8_t slot,
                         uint32_t back)
{
    return m->slot_end[slot] - magic_room(m) - back * m->max_align;
}

enum { IMAGE_OK = 1, COPY_DONE = 2, SWAP_INFO = 3 };

static enum selv_err read_flag(const struct selv_mcuboot *m, uint8_t slot,
                               uint32_t back, bool *is_set)
{
    uint8_t byte;
    enum selv_err err =
        m->flash->read(m->flash->port, flag_off(m, slot, back), &byte, 1);

    *is_set = !err && byte != m->flash->erased;
    return err;
}

static enum selv_err read_trailer(const struct selv_mcuboot *m, uint8_t slot,
                                  struct trailer *t)
{
    uint8_t magic[MAGIC_LEN], found[MAGIC_LEN];
    uint32_t off = m->slot_end[slot] - MAGIC_LEN;
    enum selv_err err = m->flash->read(m->flash->port, off, found, MAGIC_LEN);

    if (err) {
        return err;
    }
    make_magic(m, magic);
    t->magic = memcmp(found, magic, MAGIC_LEN) == 0 ? MAGIC_GOOD : MAGIC_BAD;
    if (selv_flash_is_erased(m->flash, off, MAGIC_LEN)) {
        t->magic = MAGIC_UNSET;
    }
    err = read_flag(m, slot, IMAGE_OK, &t->is_ok);
    return err ? err : read_flag(m, slot, COPY_DONE, &t->is_done);
}

/* One unit that begins with value. Where another byte of it was written, by a
 * flag of MCUboot's that the power cut short, there is no second time. */
static enum selv_err write_flag(const struct selv_mcuboot *m, uint8_t slot,
                                uint32_t back, uint8_t value)
{
    uint32_t off = flag_off(m, slot, back);
    uint8_t unit[SELV_FLASH_UNIT_MAX];

    if (!selv_flash_is_erased(m->flash, off, m->flash->write_unit)) {
        return SELV_ERR_FLASH_RULE;
    }
    memset(unit, m->flash->erased, sizeof unit);
    unit[0] = value;
    return m->flash->write(m->flash->port, off, unit, m->flash->write_unit);
}

static enum selv_err write_magic(const struct selv_mcuboot *m, uint8_t slot)
{
    uint8_t room[SELV_FLASH_UNIT_MAX];
    uint32_t len = magic_room(m);

    memset(room, m->flash->erased, sizeof room);
    make_magic(m, room + len - MAGIC_LEN);
    return m->flash->write(m->flash->port, m->slot_end[slot] - len, room, len);
}

/* Everything between a slot's image place and its end. is_anew: even when it
 * reads as erased, which an erase that was cut short may leave. */
static enum selv_err clear_trailer(const struct selv_mcuboot *m, uint8_t slot,
                                   bool is_anew)
{
    const struct selv_flash *flash = m->flash;
    const struct selv_slot_place *place = &m->layout->slot[slot];
    uint32_t off = place->image_off + place->image_len;
    uint32_t end = m->slot_end[slot];

    if (!is_anew && selv_flash_is_erased(flash, off, end - off)) {
        return SELV_OK;
    }
    while (off < end) {
        struct selv_sector sector = selv_flash_sector(flash, off);
        enum selv_err err = flash->erase(flash->port, sector.off);
        if (err) {
            return err;
        }
        if (flash->kick != NULL) {
            flash->kick(flash->port);
        }
        off = sector.off + sector.len;
    }
    return SELV_OK;
}

/* ---- geometry -------------------------------------------------------------
 */

/* All of the longest trailer without encryption. */
static uint32_t trailer_len(const struct selv_mcuboot *m)
{
    return m->sectors_max * 3u * m->flash->write_unit + 5u * m->max_align +
           magic_room(m);
}

static bool is_slot_sound(const struct selv_mcuboot *m, uint8_t slot)
{
    const struct selv_slot_place *place = &m->layout->slot[slot];

    return m->slot_end[slot] > place->image_off &&
           m->slot_end[slot] - place->image_off > trailer_len(m) &&
           place->image_len <=
               m->slot_end[slot] - place->image_off - trailer_len(m) &&
           selv_slot_whole(m->flash, place, place->image_len) ==
               place->image_len;
}

enum selv_err selv_mcuboot_check(const struct selv_mcuboot *m)
{
    struct selv_layout whole = *m->layout;
    enum selv_err err = selv_layout_check(m->layout, m->flash);

    if (err) {
        return err;
    }
    if ((m->max_align != 8 && m->max_align != 16 && m->max_align != 32) ||
        m->flash->write_unit > m->max_align || m->sectors_max == 0 ||
        m->mode > SELV_MCUBOOT_DIRECT_XIP ||
        m->running_slot >= (m->mode == SELV_MCUBOOT_DIRECT_XIP ? SELV_SLOT_COUNT
                                                               : SELV_SLOT_B)) {
        return SELV_ERR_STORE_LAYOUT;
    }
    for (uint8_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
        if (!is_slot_sound(m, slot)) {
            return SELV_ERR_STORE_LAYOUT;
        }
        whole.slot[slot].image_len =
            m->slot_end[slot] - m->layout->slot[slot].image_off;
    }
    /* With their trailers the slots keep apart from all else, too. */
    return selv_layout_check(&whole, m->flash);
}

/* ---- what MCUboot left ----------------------------------------------------
 */

static enum selv_err find_image(const struct selv_mcuboot *m, uint8_t slot,
                                bool *is_there)
{
    uint8_t digest[SELV_SHA256_LEN];
    enum selv_err err = selv_flash_digest(
        m->flash, m->layout->slot[slot].image_off, m->state.image_len, digest);

    *is_there = !err && memcmp(digest, m->state.image_digest,
                               SELV_FOREIGN_IMAGE_LEN) == 0;
    return err;
}

static bool is_asked(const struct trailer *idle)
{
    return idle->magic == MAGIC_GOOD && !idle->is_done && !idle->is_ok;
}

/* The new image runs: what does its trailer say of the next boot? */
static enum selv_err see_new(const struct selv_mcuboot *m,
                             const struct trailer *running,
                             enum selv_foreign_seen *seen)
{
    *seen = SELV_FOREIGN_NEW_KEPT;
    if (m->mode == SELV_MCUBOOT_OVERWRITE) {
        return SELV_OK;
    }
    /* A swap leaves a magic, and direct-xip runs nothing without one. To take
     * a trial for confirmed, or never to confirm it, would both be wrong. */
    if (running->magic != MAGIC_GOOD) {
        return SELV_ERR_STORE_LAYOUT;
    }
    if (!running->is_ok) {
        *seen = SELV_FOREIGN_NEW_TRIAL;
    }
    return SELV_OK;
}

static enum selv_err see(const struct selv_mcuboot *m,
                         enum selv_foreign_seen *seen)
{
    bool is_xip = m->mode == SELV_MCUBOOT_DIRECT_XIP;
    uint8_t idle_slot = m->running_slot ^ 1u;
    struct trailer running, idle;
    bool is_new = is_xip && m->running_slot == m->state.trial_slot;
    bool is_there = false;
    enum selv_err err = read_trailer(m, m->running_slot, &running);

    if (!err) {
        err = read_trailer(m, idle_slot, &idle);
    }
    if (!err && !is_xip) {
        err = find_image(m, m->running_slot, &is_new);
        /* A release with the very bytes that run already: it is not the one
         * asked for as long as that one waits. */
        is_new = is_new && !is_asked(&idle);
    }
    if (!err && !is_new) {
        err = find_image(m, idle_slot, &is_there);
    }
    if (err) {
        return err;
    }
    if (is_new) {
        return see_new(m, &running, seen);
    }
    *seen = SELV_FOREIGN_OLD_BACK;
    if (!is_there) {
        /* Direct-xip erases what it gives up, tried or not; the others
         * erase what they do not take. */
        *seen = is_xip && m->state.phase == SELV_FOREIGN_ASKED
                    ? SELV_FOREIGN_OLD_BACK
                    : SELV_FOREIGN_OLD_ALONE;
    } else if (is_asked(&idle) || m->mode != SELV_MCUBOOT_SWAP ||
               m->state.phase == SELV_FOREIGN_WANTED) {
        *seen = SELV_FOREIGN_OLD_ASKED;
    }
    return SELV_OK;
}

/* The magic comes last: it is what MCUboot acts on. */
static enum selv_err ask(struct selv_mcuboot *m)
{
    uint8_t slot = m->state.trial_slot;
    struct trailer t;
    enum selv_err err = read_trailer(m, slot, &t);

    if (!err && !is_asked(&t)) {
        err = clear_trailer(m, slot, true);
        if (!err) {
            err = write_flag(m, slot, SWAP_INFO, SWAP_TEST);
        }
        if (!err) {
            err = write_magic(m, slot);
        }
    }
    if (!err && m->state.phase != SELV_FOREIGN_ASKED) {
        m->state.phase = SELV_FOREIGN_ASKED;
        err = selv_foreign_write(m->flash, m->layout, &m->state);
    }
    return err;
}

/* Once at most: what is given up is withdrawn when it is judged again. */
static enum selv_err settle(struct selv_mcuboot *m, enum selv_reset_cause cause,
                            bool *is_reset_due)
{
    enum selv_foreign_todo todo = SELV_FOREIGN_GIVE_UP;
    enum selv_foreign_seen seen = SELV_FOREIGN_OLD_ASKED;
    enum selv_err err = see(m, &seen);

    while (!err && todo == SELV_FOREIGN_GIVE_UP) {
        todo = selv_foreign_judge(&m->state, seen, cause);
        if (todo == SELV_FOREIGN_WITHDRAW) {
            err = clear_trailer(m, m->running_slot ^ 1u, false);
        }
        if (!err && todo != SELV_FOREIGN_GO_ON) {
            err = selv_foreign_write(m->flash, m->layout, &m->state);
        }
    }
    if (!err && todo == SELV_FOREIGN_REPEAT) {
        err = ask(m);
        *is_reset_due = !err;
    }
    return err;
}

enum selv_err selv_mcuboot_start(struct selv_mcuboot *m,
                                 enum selv_reset_cause cause,
                                 struct selv_boot_record *record,
                                 bool *is_reset_due)
{
    enum selv_err err = selv_foreign_read(m->flash, m->layout, &m->state);

    *is_reset_due = false;
    if (err == SELV_ERR_STORE_EMPTY) {
        m->state.accepted = m->born_sequence;
        m->state.floor = m->born_sequence;
        if (m->born_digest != NULL) {
            memcpy(m->state.digest, m->born_digest, sizeof m->state.digest);
        }
        err = SELV_OK;
    } else if (!err && m->state.is_alone) {
        err = selv_foreign_write(m->flash, m->layout, &m->state);
    }
    if (!err && m->state.phase != SELV_FOREIGN_NONE) {
        err = settle(m, cause, is_reset_due);
    }
    if (!err) {
        selv_foreign_fill(&m->state, m->running_slot, cause, record);
    }
    return err;
}

/* ---- what the consumer asks -----------------------------------------------
 */

static enum selv_err mcuboot_begin(void *context)
{
    struct selv_mcuboot *m = context;

    return clear_trailer(m, m->running_slot ^ 1u, false);
}

static enum selv_err mcuboot_request(void *context,
                                     const struct selv_foreign_update *update)
{
    struct selv_mcuboot *m = context;
    enum selv_err err;

    selv_foreign_want(&m->state, update);
    err = selv_foreign_write(m->flash, m->layout, &m->state);
    return err ? err : ask(m);
}

static enum selv_err mcuboot_confirm(void *context)
{
    struct selv_mcuboot *m = context;
    struct trailer t;
    enum selv_err err = read_trailer(m, m->running_slot, &t);

    if (!err && t.magic != MAGIC_GOOD) {
        err = SELV_ERR_STORE_LAYOUT;
    }
    if (!err && !t.is_ok) {
        err = write_flag(m, m->running_slot, IMAGE_OK, FLAG_SET);
    }
    if (err) {
        return err;
    }
    selv_foreign_keep(&m->state);
    return selv_foreign_write(m->flash, m->layout, &m->state);
}

const struct selv_installer selv_installer_mcuboot = {
    mcuboot_begin, mcuboot_request, mcuboot_confirm};
