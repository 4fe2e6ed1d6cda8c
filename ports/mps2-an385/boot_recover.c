/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/boot_recover.c - nothing boots: take an update over UART 1,
 * polled. All that it needs lies in the application's RAM, since no
 * application runs; boot_recovery.ld places them. */
#include "board.h"
#include "boot/recover.h"
#include "boot_fallback.h"
#include "boot_words.h"
#include "flash_nor.h"
#include "mmio.h"

/* As the console's (console.c). */
#define DIVIDER 16u
#define FRAME_CAP 528u   /* 512 bytes of an image in a frame */
#define PAUSE_TURNS 20u  /* of some 10 cycles */
#define IDLE_TURNS 1024u /* pauses between kicks: 10 ms */

/* Cleared by nobody. */
#define IN_APPLICATION_RAM __attribute__((section(".recovery")))
static struct selv_recover recovery IN_APPLICATION_RAM;
static uint8_t frame[FRAME_CAP] IN_APPLICATION_RAM;
static uint8_t envelope[SELV_SUIT_ENVELOPE_MAX] IN_APPLICATION_RAM;

static void put(uint8_t byte)
{
    while (*reg(UART1_STATE) & UART_STATE_TX_FULL) {
    }
    *reg(UART1_DATA) = byte;
}

/* A tenth of the time that a byte takes at 115200 baud. Under QEMU, each look
 * at a register keeps the emulated UART from getting its next byte. */
static void pause(void)
{
    for (volatile uint32_t i = 0; i < PAUSE_TURNS; i++) {
    }
}

static void serve(void)
{
    uint32_t idle = 0;

    while (!selv_recover_is_over(&recovery)) {
        int byte;

        if ((*reg(UART1_STATE) & UART_STATE_RX_FULL) == 0) {
            pause();
            /* Once a slot is ready and the other end is silent, the watchdog
             * ends this, and the next boot finds the slot. */
            if (++idle % IDLE_TURNS == 0 && !selv_recover_is_ready(&recovery)) {
                selv_board_watchdog_kick();
            }
            continue;
        }
        selv_recover_feed(&recovery, (uint8_t)*reg(UART1_DATA));
        while ((byte = selv_recover_poll(&recovery)) >= 0) {
            put((uint8_t)byte);
        }
    }
}

_Noreturn void board_fall_back(struct selv_boot *boot,
                               const struct selv_boot_record *record)
{
    struct selv_board_reset why = {SELV_RESET_REQUESTED, 0, 0, 0};

    selv_board_console_init();
    selv_boot_words_print(record);
    if (boot->factory == NULL) {
        selv_board_halt();
    }
    /* The rest of the bootloader knows both from its build. */
    boot->strategy = &selv_strategy_ab;
    boot->flash = &selv_board_flash_recovery;
    *reg(UART1_BAUDDIV) = DIVIDER;
    *reg(UART1_CTRL) = UART_CTRL_TX_RX;
    selv_board_print("boot: recovery on UART 1\n");
    selv_recover_init(&recovery, boot, (enum selv_err)record->refused_reason, 0,
                      (struct selv_buf){envelope, sizeof envelope, 0}, frame,
                      sizeof frame);
    serve();
    selv_board_reset(why);
}
