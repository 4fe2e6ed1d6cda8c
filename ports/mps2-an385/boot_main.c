/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_main.c - the bootloader: let the engine choose, lock
 * the journal, hand over. It says nothing: the boot record does, and
 * the application or what runs when nothing boots may print it
 * (boot_words.h). */
#include "board.h"
#include "boot/boot.h"
#include "boot_device.h"
#include "boot_fallback.h"
#include "flash_nor.h"

/* Longer than verifying a full slot takes under QEMU on a busy machine. The
 * application inherits it, and may set its own. */
#define WATCHDOG_MS 6000u
_Static_assert(WATCHDOG_MS <= SELV_BOARD_WATCHDOG_MAX_MS,
               "the watchdog counts so far");

/* The build names it, with the strategy. */
#ifndef BOARD_BOOT_LAYOUT
#define BOARD_BOOT_LAYOUT selv_layout_default
#endif

/* Static, so that the linker counts them against the 4 KiB. */
static struct selv_factory factory;
static struct selv_boot boot;

_Static_assert(sizeof selv_board_handover <= 256,
               "the hand-over area holds the record");

static enum selv_verdict choose(enum selv_reset_cause cause,
                                struct selv_boot_record *record)
{
    const struct selv_flash *flash = &selv_board_flash_boot;
    const uint8_t *stored = flash->map + BOARD_BOOT_LAYOUT.factory_off;

    boot.layout = &BOARD_BOOT_LAYOUT;
    board_boot_describe(&boot);
    boot.reset_cause = cause;
    if (selv_crypto_init() ||
        selv_factory_decode(selv_bytes(stored, SELV_FACTORY_LEN), &factory)) {
        return selv_boot_refuse(&boot, record, SELV_ERR_STORE_FACTORY);
    }
    boot.factory = &factory;
    return selv_boot_choose(&boot, record);
}

int main(void)
{
    struct selv_boot_record *record = &selv_board_handover;
    const struct selv_slot_place *places = BOARD_BOOT_LAYOUT.slot, *place;
    enum selv_verdict verdict;

    selv_board_guard();
    selv_board_watchdog_start(WATCHDOG_MS);
    verdict = choose(selv_board_reset_take(), record);
    /* What was seen good is what is started: two ways to the same number. */
    place = &places[boot.seen_slot];
    if (!selv_is_good(verdict) || record->slot >= SELV_SLOT_COUNT ||
        places[record->slot].image_off != place->image_off) {
        board_fall_back(&boot, record);
    }
    /* Here real hardware closes the journal's sectors until the next reset.
     * On this board nothing can: the application's flash driver refuses to
     * write them (flash_nor.c), and that is all. */
    selv_board_watchdog_kick();
    selv_board_start_image(board_boot_base(place), place->image_len);
}
