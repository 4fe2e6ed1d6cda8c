/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_main.c - the bootloader: let the engine choose, say
 * so in one line, lock the journal, hand over. */
#include "board.h"
#include "boot/boot.h"
#include "boot_fallback.h"
#include "flash_nor.h"
#include "text.h"

/* Longer than verifying a full slot takes under QEMU on a busy machine. The
 * application inherits it, and may set its own. */
#define WATCHDOG_MS 6000u

/* Static, so that the linker counts them against the 4 KiB; the boot record is
 * written where the application looks for it, which memory.ld sets aside. */
static struct selv_flash flash;
static struct selv_factory factory;
static struct selv_boot boot;
static struct selv_boot_record *const record = &selv_board_handover;

_Static_assert(sizeof *record <= 256, "the hand-over area holds the record");

static void kick(void *port)
{
    (void)port;
    selv_board_watchdog_kick();
}

static void print_word(const char *name, uint32_t word)
{
    uint8_t bytes[4];

    selv_put_be32(bytes, word);
    selv_board_print(name);
    selv_board_print("0x");
    selv_board_print_hex(bytes, sizeof bytes);
}

/* "boot: reset watchdog, slot A, sequence 1, refused 290 as trial" */
static void print_choice(const struct selv_board_reset *why, bool is_good)
{
    selv_board_print("boot: reset ");
    selv_board_print(selv_text_cause(why->cause));
    if (why->cause == SELV_RESET_CRASH) {
        selv_text_print_number(" (exception ", why->exception);
        print_word(" at ", why->where);
        print_word(", detail ", why->detail);
        selv_board_print(")");
    }
    if (is_good) {
        selv_board_print(record->slot == SELV_SLOT_A ? ", slot A" : ", slot B");
        selv_text_print_number(", sequence ", (uint32_t)record->sequence);
        if (record->is_trial) {
            selv_text_print_number(", trial boot ", record->attempt);
        }
    } else {
        selv_board_print(", nothing to boot");
    }
    if (record->refused_reason != 0) {
        selv_text_print_number(record->refused_was_trial ? ", reverted "
                                                         : ", refused ",
                               record->refused_reason);
    }
    selv_board_print("\n");
}

static enum selv_verdict choose(enum selv_reset_cause cause)
{
    struct selv_bytes stored;

    selv_board_flash_open(&flash, SELV_BOARD_WRITER_BOOT, kick);
    stored = selv_bytes(flash.map + selv_layout_default.factory_off,
                        SELV_FACTORY_LEN);
    if (selv_flash_check(&flash) || selv_crypto_init() ||
        selv_factory_decode(stored, &factory)) {
        memset(record, 0, sizeof *record); /* what lies there is anything */
        record->slot = SELV_SLOT_NONE;
        record->refused_reason = SELV_ERR_STORE_FACTORY;
        return SELV_BAD;
    }
    boot.flash = &flash;
    boot.layout = &selv_layout_default;
    boot.factory = &factory;
    boot.strategy = &selv_strategy_ab;
    boot.reset_cause = cause;
    return selv_boot_choose(&boot, record);
}

int main(void)
{
    struct selv_board_reset why = selv_board_reset_take();
    enum selv_verdict verdict;

    selv_board_guard();
    selv_board_console_init();
    selv_board_watchdog_start(WATCHDOG_MS);
    verdict = choose(why.cause);
    print_choice(&why, selv_is_good(verdict));
    if (!selv_is_good(verdict) || record->slot >= SELV_SLOT_COUNT) {
        board_fall_back(boot.flash != NULL ? &boot : NULL, record, &kick);
    }
    /* Here real hardware closes the journal's sectors until the next reset.
     * On this board nothing can: the application's flash driver refuses to
     * write them (flash_nor.c), and that is all. */
    selv_board_watchdog_kick();
    selv_board_start_image(selv_layout_default.slot[record->slot].image_off,
                           selv_layout_default.slot[record->slot].image_len);
}
