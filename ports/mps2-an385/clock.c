/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/clock.c - a millisecond clock on SysTick. */
#include "board.h"
#include "mmio.h"

#define TICKS_PER_MS (SELV_BOARD_CLOCK_HZ / 1000u)

/* Two words written by the tick alone. now_ms reads the high one twice, so
 * that a carry between the two reads is seen. */
static volatile uint32_t ticks_low;
static volatile uint32_t ticks_high;

void board_tick(void);

void board_tick(void)
{
    ticks_low++;
    if (ticks_low == 0) {
        ticks_high++;
    }
}

void selv_board_clock_start(void)
{
    *reg(SYST_RVR) = TICKS_PER_MS - 1u;
    *reg(SYST_CVR) = 0;
    *reg(SYST_CSR) = SYST_CSR_ENABLE | SYST_CSR_TICKINT | SYST_CSR_CLKSOURCE;
}

void selv_board_clock_set(uint64_t now_ms)
{
    *reg(SYST_CSR) = SYST_CSR_ENABLE | SYST_CSR_CLKSOURCE;
    ticks_low = (uint32_t)now_ms;
    ticks_high = (uint32_t)(now_ms >> 32);
    *reg(SYST_CSR) = SYST_CSR_ENABLE | SYST_CSR_TICKINT | SYST_CSR_CLKSOURCE;
}

void selv_board_clock_stop(void)
{
    *reg(SYST_CSR) = 0;
    *reg(SCB_ICSR) = SCB_ICSR_PENDSTCLR;
    __asm volatile("dsb" ::: "memory");
}

uint64_t selv_board_now_ms(void)
{
    uint32_t high;
    uint32_t low;

    do {
        high = ticks_high;
        low = ticks_low;
    } while (high != ticks_high);
    return (uint64_t)high << 32 | low;
}

void selv_board_sleep(void)
{
    __asm volatile("wfi" ::: "memory");
}
