/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/flash_nor.h - the board's flash: RAM that QEMU keeps in a
 * file, on which this driver enforces the rules of NOR flash and who may
 * write where. Real hardware would enforce the second by a lock register or
 * a memory protection unit; here the driver is all there is, and says so.
 *
 * Calls: the functions of a constant struct selv_flash, or of one's own after
 *        open
 * Owns:  nothing; one struct selv_flash per image is enough.
 * RAM:   none of its own. */
#ifndef SELV_BOARD_FLASH_NOR_H
#define SELV_BOARD_FLASH_NOR_H

#include "store/flash.h"
#include "store/layout.h"

/* Who writes, which decides where. Factory data is writable for nobody. */
enum selv_board_writer {
    SELV_BOARD_WRITER_APP_A, /* running from slot A: update log, random
                                counter, slot B */
    SELV_BOARD_WRITER_APP_B, /* the same with slot A */
    SELV_BOARD_WRITER_ASKING /* an application that has a loader: neither slot
                              */
};

/* The flash for the bootloader, which writes the boot journal; for its
 * recovery, which writes both slots, too, while no application runs; for one
 * that installs in place, which writes marks, both slots and the sector
 * between them; and for one that loads into RAM, which writes the journal and
 * has no map: nothing is read where it lies. */
extern const struct selv_flash selv_board_flash_boot;
extern const struct selv_flash selv_board_flash_recovery;
extern const struct selv_flash selv_board_flash_in_place;
extern const struct selv_flash selv_board_flash_storage;

/* Fill *flash, for an application. Its functions give SELV_ERR_FLASH_RULE, and
 * change nothing, for a write that is empty, unaligned, out of range, outside
 * the writer's sectors or onto a unit that is not erased, and for an erase that
 * does not begin a sector of the writer's. kick is NULL or kicks a watchdog. */
void selv_board_flash_open(struct selv_flash *flash,
                           enum selv_board_writer writer,
                           void (*kick)(void *port));

#endif
