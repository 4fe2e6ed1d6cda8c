/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts the engine's instructions on the emulated board, and prints a line
 * for each example: NAME BYTES REQUESTS INSTRUCTIONS PROCEDURES.
 *
 * With `-icount shift=0` QEMU's clock goes on by 1 ns an instruction, and a
 * tick of SysTick is 40 ns. Many runs between two readings make the count
 * exact to a fraction of an instruction; the loop's own are taken off by
 * counting it empty. */
#include "bench/engine.h"
#include "board.h"
#include "mmio.h"

#define RUNS 200u
#define INSTRUCTIONS_PER_TICK 40u
#define TICKS_MAX 0x00ffffffu /* SysTick counts down 24 bits */

typedef struct bench_result run_function(void);

static struct bench_result nothing(void)
{
    struct bench_result none = {SELV_OK, "", 0};
    return none;
}

/* Called through a pointer, so that both loops are the same. */
static uint32_t ticks(run_function *volatile run, struct bench_result *last)
{
    uint32_t begin = *reg(SYST_CVR);
    for (uint32_t i = 0; i < RUNS; i++) {
        *last = run();
    }
    return (begin - *reg(SYST_CVR)) & TICKS_MAX;
}

static uint32_t count(struct bench_result *last)
{
    struct bench_result none;
    uint32_t empty = ticks(nothing, &none);
    uint32_t full = ticks(bench_measured, last);
    return ((full - empty) * INSTRUCTIONS_PER_TICK + RUNS / 2) / RUNS;
}

static void measure(const struct bench_example *example)
{
    struct bench_result last = {bench_prepare(example), "", 0};
    uint32_t instructions = 0;
    if (last.err == SELV_OK) {
        instructions = count(&last);
    }
    if (last.err != SELV_OK) {
        selv_board_print(example->name);
        selv_board_print(": ");
        selv_board_print(selv_err_str(last.err));
        selv_board_print("\n");
        selv_board_exit(1);
    }
    const uint32_t numbers[] = {(uint32_t)example->len, last.todo_count,
                                instructions};
    selv_board_print(example->name);
    for (size_t i = 0; i < 3; i++) {
        selv_board_print(" ");
        selv_board_print_u32(numbers[i]);
    }
    selv_board_print(" ");
    selv_board_print(last.procedures);
    selv_board_print("\n");
}

int main(void)
{
    selv_board_console_init();
    *reg(SYST_RVR) = TICKS_MAX;
    *reg(SYST_CVR) = 0;
    *reg(SYST_CSR) = SYST_CSR_ENABLE | SYST_CSR_CLKSOURCE;
    for (size_t i = 0; i < bench_example_count; i++) {
        measure(&bench_examples[i]);
    }
    selv_board_exit(0);
}
