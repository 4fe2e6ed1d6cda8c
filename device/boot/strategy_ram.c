/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/strategy_ram.c - both slots are storage, which nothing runs from and
 * which may answer the same read otherwise the next time. At every boot the
 * manifest is read into RAM and authenticated there; its load section has the
 * image copied into RAM, and asks for its digest there. B12: what runs are the
 * bytes that were hashed, and after the copy nothing of the slot is looked at.
 * The way back is the other slot. */
#include "boot/boot_int.h"

#include "crypto/crypto.h"

enum { STORED, LOADED, PLACE_COUNT };

static void ram_describe(struct selv_boot *boot)
{
    struct selv_suit_component *loaded = &boot->components[LOADED];
    uint8_t len =
        selv_factory_part_id(boot->factory, SELV_PART_RAM, boot->staging_id);
    loaded->id = selv_bytes(boot->staging_id, len);
    loaded->slot = boot->components[STORED].slot;
    boot->device.component_count = PLACE_COUNT;
    boot->ram->len = 0;
}

static void kick(const struct selv_flash *flash)
{
    if (flash->kick != NULL) {
        flash->kick(flash->port);
    }
}

/* The one copy: all that the manifest says of the image's size, from the slot
 * into RAM. */
static enum selv_err load(struct selv_boot *boot,
                          const struct selv_slot_place *place,
                          const struct selv_suit_todo *todo)
{
    const struct selv_flash *flash = boot->flash;
    struct selv_buf *ram = boot->ram;
    uint32_t n;
    ram->len = 0;
    if (flash->map != NULL || ram->cap < place->image_len) {
        /* What is read where it lies may change behind the check. */
        return SELV_ERR_STORE_LAYOUT;
    }
    if (todo->device_component != LOADED || todo->device_source != STORED) {
        return SELV_ERR_SUIT_OPERATION;
    }
    if (!todo->has_size) {
        return SELV_ERR_SUIT_UNSET;
    }
    if (todo->size > place->image_len) {
        return SELV_ERR_STORE_FULL;
    }
    for (uint32_t at = 0; at < todo->size; at += n) {
        n = todo->size - at;
        n = n < flash->sector_len ? n : flash->sector_len;
        kick(flash);
        enum selv_err err =
            flash->read(flash->port, place->image_off + at, ram->p + at, n);
        if (err) {
            return err;
        }
    }
    ram->len = todo->size;
    return SELV_OK;
}

/* B12: of all that was loaded, or bytes that nobody hashed would run. */
static enum selv_err digest_loaded(struct selv_boot *boot, uint32_t size,
                                   uint8_t digest[static SELV_SHA256_LEN])
{
    const struct selv_buf *ram = boot->ram;
    struct selv_sha256 hash;
    uint32_t n;
    if (size == 0 || size != ram->len) {
        return SELV_ERR_STORE_FULL;
    }
    selv_sha256_init(&hash);
    for (uint32_t at = 0; at < size; at += n) {
        n = size - at;
        n = n < boot->flash->sector_len ? n : boot->flash->sector_len;
        kick(boot->flash);
        selv_sha256_update(&hash, ram->p + at, n);
    }
    selv_sha256_finish(&hash, digest);
    memcpy(boot->facts.measured[boot->components[STORED].slot], digest,
           SELV_SHA256_LEN);
    return SELV_OK;
}

/* Of what is stored, for a manifest that wants to know; it says nothing of what
 * will be loaded. */
static enum selv_err digest_stored(const struct selv_boot *boot,
                                   const struct selv_slot_place *place,
                                   uint32_t size,
                                   uint8_t digest[static SELV_SHA256_LEN])
{
    if (size == 0 || size > place->image_len) {
        return SELV_ERR_STORE_FULL;
    }
    return selv_flash_digest(boot->flash, place->image_off, size, digest);
}

static enum selv_err ram_serve(struct selv_boot *boot,
                               const struct selv_slot_place *place,
                               const struct selv_suit_todo *todo)
{
    uint8_t digest[SELV_SHA256_LEN];
    bool is_loaded = todo->device_component == LOADED;
    uint32_t all = is_loaded ? (uint32_t)boot->ram->len : place->image_len;
    uint32_t size = todo->has_size ? todo->size : all;
    enum selv_err err;
    switch (todo->kind) {
    case SELV_SUIT_COPY:
        selv_suit_answer(&boot->suit, load(boot, place, todo));
        return SELV_OK;
    case SELV_SUIT_DIGEST:
        err = is_loaded ? digest_loaded(boot, size, digest)
                        : digest_stored(boot, place, size, digest);
        if (err) {
            selv_suit_answer(&boot->suit, err);
        } else {
            selv_suit_answer_digest(&boot->suit, digest);
        }
        return SELV_OK;
    case SELV_SUIT_INVOKE:
        return is_loaded ? SELV_OK : SELV_ERR_SUIT_IMAGE;
    case SELV_SUIT_DONE:
        return SELV_ERR_BOOT_NO_IMAGE;
    default: /* swap, write, check-content, private: not here */
        return SELV_ERR_SUIT_COMMAND;
    }
}

static const struct selv_suit_capability capability = SELV_BOOT_CAPABILITY(
    1ull << SELV_SUIT_DIRECTIVE_COPY, 1u << SELV_SUIT_SECTION_LOAD);

static const struct selv_in_place in_place = {
    .describe = ram_describe,
};

const struct selv_strategy selv_strategy_ram = {
    .profile = &selv_suit_profile_boot_load,
    .capability = &capability,
    .slot_count = SELV_SLOT_COUNT,
    .decide = selv_boot_decide,
    .serve = ram_serve,
    .judge = selv_boot_look,
    .accept = selv_boot_attempt,
    .boot_current = selv_boot_either,
    .in_place = &in_place,
};
