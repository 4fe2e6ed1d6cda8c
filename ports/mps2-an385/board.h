/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/board.h - the emulated board (an Arm MPS2 with the AN385
 * image: Cortex-M3 at 25 MHz) as the bootloader and the application see it.
 *
 * Terms: *boot* is the image at address 0, the board's ROM; *application* is
 *        an image executed in place from one of two slots in flash, or from
 *        RAM where the bootloader loads it. *Flash* is
 *        the board's 16 MB PSRAM, which QEMU keeps in a file, with the rules
 *        of NOR flash enforced by flash_nor.c.
 * Calls: start.c runs main() with memory ready; the rest in any order, except
 *        selv_board_clock_start before selv_board_now_ms.
 * Owns:  the peripherals, the hand-over area and the no-init area.
 * RAM:   28 bytes, plus the areas that the linker scripts place. */
#ifndef SELV_BOARD_BOARD_H
#define SELV_BOARD_BOARD_H

#include "base/base.h"
#include "store/record.h"

#define SELV_BOARD_CLOCK_HZ 25000000u

/* ---- memory map; memory.ld says the same to the linker ------------------- */

#define SELV_BOARD_FLASH_BASE 0x21000000u
#define SELV_BOARD_FLASH_LEN 0x01000000u /* 16 MB, of which we use 544 KB */
#define SELV_BOARD_SECTOR_LEN 4096u
#define SELV_BOARD_WRITE_UNIT 4u
/* Where the bootloader of the strategy ram puts images: as long as a slot's. */
#define SELV_BOARD_LOAD_BASE 0x20010000u
#define SELV_BOARD_LOAD_LEN 0x0003f000u

/* The boot record's place: written by the bootloader, read by the application,
 * cleared by neither's start-up code. */
extern struct selv_boot_record selv_board_handover;

/* ---- console: UART0, polled ---------------------------------------------- */

void selv_board_console_init(void);
/* Wait until each byte has left. "\n" becomes "\r\n" nowhere: the console is
 * a pipe or a file. */
void selv_board_print(const char *text);
void selv_board_print_u32(uint32_t number);
void selv_board_print_hex(const uint8_t *p, size_t len);
/* The next byte typed, or -1. */
int selv_board_read_key(void);

/* ---- time ---------------------------------------------------------------- */

/* Start the 1 ms tick. */
void selv_board_clock_start(void);
/* Stop it for good, so that no tick reaches the next image's vectors. */
void selv_board_clock_stop(void);
/* Milliseconds since selv_board_clock_start. */
uint64_t selv_board_now_ms(void);
/* Put the clock to that time; for the port test. */
void selv_board_clock_set(uint64_t now_ms);
/* Sleep until the next interrupt, at most 1 ms once the clock runs. */
void selv_board_sleep(void);

/* ---- watchdog ------------------------------------------------------------ */

/* Start it, or set a new time, at most so many milliseconds. Once started it is
 * never stopped: the bootloader starts it and the application inherits it. */
#define SELV_BOARD_WATCHDOG_MAX_MS (UINT32_MAX / (SELV_BOARD_CLOCK_HZ / 1000u))
void selv_board_watchdog_start(uint32_t timeout_ms);
void selv_board_watchdog_kick(void);

/* ---- reset --------------------------------------------------------------- */

/* What is known about the last reset. */
struct selv_board_reset {
    enum selv_reset_cause cause;
    uint32_t exception; /* crash: number of the fault, or 0 for selv_panic */
    uint32_t where;     /* crash: program counter, or line for selv_panic */
    uint32_t detail;    /* crash: CFSR, or module for selv_panic */
};

/* Read why the processor was reset, and mark the run that begins now. Call
 * once, in the bootloader: a second call would report SELV_RESET_WATCHDOG. */
enum selv_reset_cause selv_board_reset_take(void);
/* What was known about the last crash. Its cause is that of the boot record,
 * and without a crash the rest means nothing. */
struct selv_board_reset selv_board_reset_last(void);

/* Record the cause and reset the whole board. */
_Noreturn void selv_board_reset(struct selv_board_reset why);

/* Stop the watchdog and the processor, until somebody resets the board. */
_Noreturn void selv_board_halt(void);

/* ---- stack --------------------------------------------------------------- */

/* Most bytes of the stack ever in use since start-up painted it, a multiple of
 * 4, and the bytes it has. Meaningless once they are equal. */
uint32_t selv_board_stack_used(void);
uint32_t selv_board_stack_size(void);
/* The same of the bootloader's last run, seen from the application, which
 * does not touch the bootloader's memory. */
uint32_t selv_board_boot_stack_used(void);

/* ---- hand-over ----------------------------------------------------------- */

/* From now on nothing is executed from RAM or flash: a jump that goes astray
 * cannot end in an envelope, an image or a stack. The bootloader calls it
 * first; it holds until the next reset or selv_board_start_image. */
void selv_board_guard(void);

/* Run the image at that address, at most image_len bytes long. Its
 * first two words are the stack pointer and the entry; when one of them does
 * not belong to this place (an image linked for another slot), the board
 * resets as after a crash instead, so that a trial reverts. */
_Noreturn void selv_board_start_image(uint32_t base, uint32_t image_len);

/* ---- debugger services, in the test builds only -------------------------- */

/* End QEMU with an exit status. Needs -semihosting-config enable=on; without
 * it the breakpoint is a fault. */
_Noreturn void selv_board_exit(uint32_t status);

#endif
