/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_words.c - see boot_words.h. */
#include "boot_words.h"

#include "board.h"
#include "store/layout.h"
#include "text.h"

static void print_word(const char *name, uint32_t word)
{
    uint8_t bytes[4];

    selv_put_be32(bytes, word);
    selv_board_print(name);
    selv_board_print("0x");
    selv_board_print_hex(bytes, sizeof bytes);
}

static void print_crash(void)
{
    struct selv_board_reset why = selv_board_reset_last();

    selv_text_print_number(" (exception ", why.exception);
    print_word(" at ", why.where);
    print_word(", detail ", why.detail);
    selv_board_print(")");
}

void selv_boot_words_print(const struct selv_boot_record *record)
{
    selv_board_print("boot: reset ");
    selv_board_print(selv_text_cause(record->reset_cause));
    if (record->reset_cause == SELV_RESET_CRASH) {
        print_crash();
    }
    if (record->slot < SELV_SLOT_COUNT) {
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
