/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/watchdog.c - the CMSDK watchdog. It counts down from LOAD
 * at the processor's clock. At zero it raises its interrupt, which the board
 * wires to NMI, and starts again; at the second zero, unless somebody
 * cleared the interrupt, it resets the board. QEMU models both. */
#include "board.h"
#include "mmio.h"

static void open_registers(void)
{
    *reg(WDOG_LOCK) = WDOG_LOCK_OPEN;
}

/* Any other value closes them, so that a wild write does not stop the
 * watchdog. */
static void close_registers(void)
{
    *reg(WDOG_LOCK) = 0;
}

void selv_board_watchdog_start(uint32_t timeout_ms)
{
    open_registers();
    *reg(WDOG_LOAD) = timeout_ms * (SELV_BOARD_CLOCK_HZ / 1000u);
    *reg(WDOG_CTRL) = WDOG_CTRL_INTEN | WDOG_CTRL_RESEN;
    close_registers();
}

void selv_board_watchdog_kick(void)
{
    open_registers();
    *reg(WDOG_INTCLR) = 1;
    close_registers();
}

_Noreturn void selv_board_halt(void)
{
    open_registers();
    *reg(WDOG_CTRL) = 0;
    close_registers();
    for (;;) {
        __asm volatile("wfi" ::: "memory");
    }
}
