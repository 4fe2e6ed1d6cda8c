/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/start.c - vectors, memory initialisation, faults, reset
 * causes. The same for the bootloader and the application; the linker
 * scripts give each its own memory. */
#include "board.h"
#include "mmio.h"

#define RECORD_MAGIC 0x53525354u
#define PAINT 0xc5c5c5c5u
#define EXCEPTION_NMI 2u

/* From the linker scripts. Addresses, never values. */
extern uint32_t board_stack_limit[], board_stack_top[];
extern uint32_t board_data_load[], board_data_start[], board_data_end[];
extern uint32_t board_bss_start[], board_bss_end[];
extern uint32_t board_boot_ram_start[], board_boot_stack_end[];

/* Why the last run ended. QEMU does not model the board's RSTINFO register,
 * which tells reset causes apart in hardware. So whoever resets the board
 * writes the reason here first, in memory that no start-up code clears; and at
 * the start of a run the watchdog stands here, since nobody writes when its
 * second time-out ends a run (code that hangs inside a fault handler, or
 * vectors that were overwritten). Memory that lost its content is a power-on;
 * the check makes a random content an unlikely match. */
struct record {
    uint32_t magic;
    struct selv_board_reset why;
    uint32_t check;
};
extern struct record board_noinit_reset;

int main(void);
void board_reset_handler(void);
void board_fault(const uint32_t *frame, uint32_t exception);
void board_tick(void);

/* ---- reset causes -------------------------------------------------------- */

static uint32_t record_check(const struct record *r)
{
    return selv_record_sum(r, offsetof(struct record, check));
}

static void record_seal(struct record *r)
{
    r->magic = RECORD_MAGIC;
    r->check = record_check(r);
    __asm volatile("dsb" ::: "memory");
}

enum selv_reset_cause selv_board_reset_take(void)
{
    struct record *r = &board_noinit_reset;
    enum selv_reset_cause cause = SELV_RESET_POWER_ON;

    if (r->magic == RECORD_MAGIC && r->check == record_check(r)) {
        cause = r->why.cause;
    }
    r->why.cause = SELV_RESET_WATCHDOG;
    record_seal(r);
    return cause;
}

struct selv_board_reset selv_board_reset_last(void)
{
    return board_noinit_reset.why;
}

_Noreturn void selv_board_reset(struct selv_board_reset why)
{
    board_noinit_reset.why = why;
    record_seal(&board_noinit_reset);
    *reg(SCB_AIRCR) = SCB_AIRCR_SYSRESETREQ;
    for (;;) {
        __asm volatile("dsb" ::: "memory");
    }
}

_Noreturn void selv_panic(uint32_t module, uint32_t line)
{
    struct selv_board_reset why = {SELV_RESET_CRASH, 0, line, module};

    selv_board_reset(why);
}

/* ---- faults -------------------------------------------------------------- */

/* True when the eight words that the processor stacked can be read without
 * another fault, which would be a lock-up. */
static bool is_frame_readable(const uint32_t *frame)
{
    return frame >= board_stack_limit && frame + 8 <= board_stack_top &&
           ((uintptr_t)frame & 3u) == 0;
}

/* Reached with the stack pointer moved back to the top: after a stack
 * overflow the old one is of no use. */
__attribute__((used)) void board_fault(const uint32_t *frame,
                                       uint32_t exception)
{
    struct selv_board_reset why = {SELV_RESET_CRASH, exception, 0,
                                   *reg(SCB_CFSR)};

    if (is_frame_readable(frame)) {
        why.where = frame[6];
    }
    if (exception == EXCEPTION_NMI) {
        why.cause = SELV_RESET_WATCHDOG;
    }
    selv_board_reset(why);
}

/* Every exception but the tick ends the run. The watchdog's first time-out
 * arrives here too, as an NMI, which no interrupt mask holds back. */
__attribute__((naked)) static void fault_entry(void)
{
    __asm volatile("mrs r0, msp\n"
                   "mrs r1, ipsr\n"
                   "movw r2, #:lower16:board_stack_top\n"
                   "movt r2, #:upper16:board_stack_top\n"
                   "msr msp, r2\n"
                   "b board_fault\n");
}

/* ---- start --------------------------------------------------------------- */

/* Overridden in clock.c where the image has a clock. */
__attribute__((weak)) void board_tick(void)
{
    selv_panic(0, 0);
}

/* Not inlined three times: this is the bootloader's ROM. */
__attribute__((noinline)) static void fill(uint32_t *from, const uint32_t *to,
                                           uint32_t word)
{
    for (volatile uint32_t *p = from; p < to; p++) {
        *p = word;
    }
}

static void copy(uint32_t *to, const uint32_t *end, const uint32_t *from)
{
    for (volatile uint32_t *p = to; p < end; p++) {
        *p = *from++;
    }
}

/* Paints from the limit up to just below the stack pointer, eight words of
 * room for what fill itself pushes. */
void board_reset_handler(void)
{
    uint32_t *here;

    __asm volatile("mov %0, sp" : "=r"(here));
    fill(board_stack_limit, here - 8, PAINT);
    copy(board_data_start, board_data_end, board_data_load);
    fill(board_bss_start, board_bss_end, 0);
    *reg(SCB_SHCSR) = SCB_SHCSR_FAULTS;
    *reg(SCB_CCR) |= SCB_CCR_DIV_0_TRP;
    (void)main();
    selv_panic(0, 0);
}

uint32_t selv_board_stack_size(void)
{
    return (uint32_t)((uintptr_t)board_stack_top -
                      (uintptr_t)board_stack_limit);
}

static uint32_t painted_used(const uint32_t *limit, const uint32_t *top)
{
    const uint32_t *p = limit;

    while (p < top && *p == PAINT) {
        p++;
    }
    return (uint32_t)((uintptr_t)top - (uintptr_t)p);
}

uint32_t selv_board_stack_used(void)
{
    return painted_used(board_stack_limit, board_stack_top);
}

uint32_t selv_board_boot_stack_used(void)
{
    return painted_used(board_boot_ram_start, board_boot_stack_end);
}

/* The sixteen system vectors [ARMv7-M B1.5.3]. No peripheral interrupt is
 * ever enabled, so the table ends there. */
typedef void (*vector)(void);
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    vector handlers[15];
} vectors = {
    board_stack_top,
    {board_reset_handler, fault_entry, fault_entry, fault_entry, fault_entry,
     fault_entry, fault_entry, fault_entry, fault_entry, fault_entry,
     fault_entry, fault_entry, fault_entry, fault_entry, board_tick},
};

/* ---- hand-over ----------------------------------------------------------- */

/* From memory.ld: the application's RAM. */
extern uint8_t board_app_ram_start[], board_app_ram_end[];

/* RAM and flash lie in the first 64 MB from here. */
#define GUARD_BASE 0x20000000u

void selv_board_guard(void)
{
    *reg(MPU_RBAR) = GUARD_BASE | MPU_RBAR_VALID;
    *reg(MPU_RASR) = MPU_RASR_XN | MPU_RASR_ALL | MPU_RASR_NORMAL |
                     MPU_RASR_64M | MPU_RASR_ENABLE;
    *reg(MPU_CTRL) = MPU_CTRL_ENABLE | MPU_CTRL_PRIVDEFENA;
    __asm volatile("dsb\n"
                   "isb\n" ::
                       : "memory");
}

_Noreturn void selv_board_start_image(uint32_t base, uint32_t image_len)
{
    const volatile uint32_t *words = reg(base);
    uint32_t stack = words[0];
    uint32_t entry = words[1];
    struct selv_board_reset why = {SELV_RESET_CRASH, 0, entry, base};

    if ((entry & 1u) == 0 || entry - base >= image_len || (stack & 7u) != 0 ||
        stack <= (uintptr_t)board_app_ram_start ||
        stack > (uintptr_t)board_app_ram_end) {
        selv_board_reset(why);
    }
    *reg(SCB_VTOR) = base;
    *reg(MPU_CTRL) = 0;
    __asm volatile("dsb\n"
                   "isb\n"
                   "msr msp, %0\n"
                   "bx %1\n" ::"r"(stack),
                   "r"(entry)
                   : "memory");
    __builtin_unreachable();
}
