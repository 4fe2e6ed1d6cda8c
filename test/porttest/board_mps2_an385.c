/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/board_mps2_an385.c - the port test on the emulated board, and the
 * example of how a port links it: fill the table, run, say the number. */
#include "board.h"
#include "flash_nor.h"
#include "mmio.h"
#include "random.h"
#include "test/porttest/porttest.h"
#include "test/porttest/stack_paint.h"

#define WATCHDOG_MS 6000u /* boot_main.c's */
#define SECTOR SELV_BOARD_SECTOR_LEN

/* CMSDK timer 0: counts down at the processor's clock. */
#define TIMER_CTRL 0x40000000u
#define TIMER_VALUE 0x40000004u
#define TIMER_RELOAD 0x40000008u

/* From the linker scripts. */
extern struct selv_porttest_state board_porttest_state;
extern uint32_t board_stack_limit[], board_stack_top[];
extern uint32_t board_boot_ram_start[], board_boot_stack_end[];

static struct selv_porttest test;
static struct selv_flash flash;
static struct selv_board_random numbers;

static void print(void *port, const char *text)
{
    (void)port;
    selv_board_print(text);
}

static void watchdog_start(void *port, uint32_t timeout_ms)
{
    (void)port;
    selv_board_watchdog_start(timeout_ms);
}

static void watchdog_kick(void *port)
{
    (void)port;
    selv_board_watchdog_kick();
}

/* What wild code can do without knowing the key of the lock. */
static void watchdog_attack(void *port)
{
    (void)port;
    *reg(WDOG_CTRL) = 0;
    *reg(WDOG_LOAD) = UINT32_MAX;
}

static void reset_asked(void *port)
{
    const struct selv_board_reset why = {SELV_RESET_REQUESTED, 0, 0, 0};

    (void)port;
    selv_board_reset(why);
}

static void crash(void *port)
{
    (void)port;
    *(volatile uint32_t *)0xfffffff0u = 1;
}

static uint64_t now_ms(void *port)
{
    (void)port;
    return selv_board_now_ms();
}

static void clock_set(void *port, uint64_t ms)
{
    (void)port;
    selv_board_clock_set(ms);
}

static uint32_t ticks(void *port)
{
    (void)port;
    return ~*reg(TIMER_VALUE);
}

static uint32_t stack_paint(void *port)
{
    (void)port;
    return selv_porttest_paint(board_stack_limit, board_stack_top);
}

static uint32_t stack_used(void *port)
{
    (void)port;
    return selv_porttest_painted(board_stack_limit, board_stack_top);
}

static enum selv_err draw(void *port, uint8_t *p, size_t len)
{
    (void)port;
    selv_board_random_draw(&numbers, p, len);
    return SELV_OK;
}

/* The area is slot B, which an application in slot A may write and which ends
 * where the flash does; factory data and journal it may not. There are no
 * cells to spoil: RAM reads whatever it holds. */
static struct selv_porttest_port port = {
    .name = "mps2-an385",
    .print = print,
    .state = &board_porttest_state,
    .flash = &flash,
    .layout = &selv_layout_default,
    .area_off = 72u * SECTOR,
    .area_len = 64u * SECTOR,
    .locked_off = 0,
    .locked_len = 3u * SECTOR,
    .watchdog_start = watchdog_start,
    .watchdog_kick = watchdog_kick,
    .watchdog_ms = WATCHDOG_MS,
    .watchdog_test_ms = 500,
    .watchdog_attack = watchdog_attack,
    .reset = reset_asked,
    .crash = crash,
    .now_ms = now_ms,
    .clock_set = clock_set,
    .ticks = ticks,
    .ticks_per_ms = SELV_BOARD_CLOCK_HZ / 1000u,
    .stack_paint = stack_paint,
    .stack_used = stack_used,
    .guard = SELV_PORTTEST_GUARD_PLACE,
    .stack_limit = board_stack_limit,
    .random = draw,
};

int main(void)
{
    static const uint8_t seed[SELV_BOARD_SEED_LEN] = {1, 2, 3};

    port.cause = selv_board_reset_take();
    selv_board_console_init();
    *reg(TIMER_RELOAD) = UINT32_MAX;
    *reg(TIMER_VALUE) = UINT32_MAX;
    *reg(TIMER_CTRL) = 1;
    selv_board_clock_start();
    selv_board_flash_open(&flash, SELV_BOARD_WRITER_APP_A, NULL);
    if (selv_board_random_start(&numbers, &flash,
                                selv_layout_default.random_off,
                                seed) != SELV_OK) {
        port.random = NULL;
    }
    port.boot_stack_len = (uint32_t)((uintptr_t)board_boot_stack_end -
                                     (uintptr_t)board_boot_ram_start);
    test.port = &port;
    selv_board_exit(selv_porttest_run(&test));
}
