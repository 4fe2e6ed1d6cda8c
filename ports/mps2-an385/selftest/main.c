/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/selftest/main.c - runs on the board in place of the
 * bootloader and tries what only the board can show: the flash rules, reset
 * causes, the watchdog, the clock, the stack measure, the random numbers,
 * the network. Prints one line a test and ends QEMU with the number of
 * failures, 0 to 100. It is steered by a command word that
 * test/board/selftest.sh puts behind the sectors of the layouts. */
#include "board.h"
#include "crypto/crypto.h"
#include "flash_nor.h"
#include "net/net.h"
#include "random.h"

/* Long enough for the NMI to be served on a machine that is very busy. */
#define HANG_MS 700u
#define COMMAND_ADDRESS (SELV_BOARD_FLASH_BASE + SELV_LAYOUT_DEFAULT_SIZE + 64u)

enum command {
    COMMAND_RULES = 1,
    COMMAND_RESETS = 2,
    COMMAND_RANDOM = 3,
    COMMAND_CLOCK = 4,
    COMMAND_NET = 5
};

static uint32_t failures;

static void verdict(const char *name, bool ok)
{
    selv_board_print(ok ? "ok   " : "FAIL ");
    selv_board_print(name);
    selv_board_print("\n");
    if (!ok) {
        failures++;
    }
}

/* ---- flash rules --------------------------------------------------------- */

static const uint32_t sector_len = SELV_BOARD_SECTOR_LEN;

static bool is_refused(enum selv_err err)
{
    return err == SELV_ERR_FLASH_RULE;
}

struct place {
    const char *name;
    uint32_t sector;
    bool boot, app_a, app_b; /* who may write */
};

static const struct place places[] = {
    {"factory data", 0, false, false, false},
    {"journal, first sector", 1, true, false, false},
    {"journal, second sector", 2, true, false, false},
    {"update log, first sector", 3, false, true, true},
    {"update log, second sector", 4, false, true, true},
    {"random counter, first sector", 5, false, true, true},
    {"random counter, second sector", 6, false, true, true},
    {"free sector", 7, false, false, false},
    {"envelope A", 8, false, false, true},
    {"image A, first sector", 9, false, false, true},
    {"image A, last sector", 71, false, false, true},
    {"envelope B", 72, false, true, false},
    {"image B, last sector", 135, false, true, false},
    {"beyond the layout", 136, false, false, false},
};

static bool is_place_right(const struct place *place,
                           const struct selv_flash *flash, bool allowed)
{
    const uint32_t word = 0x12345678u;
    uint32_t off = place->sector * sector_len;
    enum selv_err erased = flash->erase(flash->port, off);
    enum selv_err written = flash->write(flash->port, off, &word, sizeof word);

    if (allowed) {
        return erased == SELV_OK && written == SELV_OK &&
               flash->erase(flash->port, off) == SELV_OK;
    }
    return is_refused(erased) && is_refused(written);
}

static void test_rights(void)
{
    const struct selv_flash *boot = &selv_board_flash_boot;
    struct selv_flash app_a;
    struct selv_flash app_b;

    selv_board_flash_open(&app_a, SELV_BOARD_WRITER_APP_A, NULL);
    selv_board_flash_open(&app_b, SELV_BOARD_WRITER_APP_B, NULL);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const struct place *place = &places[i];

        verdict(place->name, is_place_right(place, boot, place->boot) &&
                                 is_place_right(place, &app_a, place->app_a) &&
                                 is_place_right(place, &app_b, place->app_b));
    }
}

static void test_rules(void)
{
    const uint8_t bytes[8] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
    const uint32_t log_off = 3u * sector_len;
    uint8_t back[8];
    struct selv_flash f;

    selv_board_flash_open(&f, SELV_BOARD_WRITER_APP_A, NULL);
    verdict("erase gives all ones",
            f.erase(f.port, log_off) == SELV_OK && f.map[log_off] == 0xff &&
                f.map[log_off + sector_len - 1u] == 0xff);
    verdict("write then read",
            f.write(f.port, log_off, bytes, 8) == SELV_OK &&
                f.read(f.port, log_off, back, 8) == SELV_OK &&
                memcmp(bytes, back, 8) == 0);
    verdict("second write to a unit",
            is_refused(f.write(f.port, log_off + 4u, bytes, 4)));
    verdict("half over a written unit",
            is_refused(f.write(f.port, log_off + 4u, bytes, 8)));
    verdict("refused writes changed nothing",
            memcmp(f.map + log_off, bytes, 8) == 0 &&
                f.map[log_off + 8u] == 0xff);
    verdict("unaligned offset",
            is_refused(f.write(f.port, log_off + 9u, bytes, 4)));
    verdict("unaligned length",
            is_refused(f.write(f.port, log_off + 8u, bytes, 3)));
    verdict("empty write", is_refused(f.write(f.port, log_off + 8u, bytes, 0)));
    verdict("erase inside a sector", is_refused(f.erase(f.port, log_off + 4u)));
    verdict("write across the end of the writer's area",
            is_refused(f.write(f.port, 5u * sector_len - 4u, bytes, 8)));
    verdict("read beyond the end",
            is_refused(f.read(f.port, f.size - 4u, back, 8)));
    verdict("read whose end overflows",
            is_refused(f.read(f.port, UINT32_MAX - 3u, back, 8)));
    verdict("write whose end overflows",
            is_refused(f.write(f.port, UINT32_MAX - 3u, bytes, 8)));
    verdict("unaligned read",
            f.read(f.port, log_off + 1u, back, 3) == SELV_OK &&
                back[0] == 0x22 && back[2] == 0x44);
}

/* ---- resets -------------------------------------------------------------- */

/* Each row brings about the reset that the next row expects to see. The row
 * number lives in the flash file, behind the command. */
static void crash_store(void)
{
    *(volatile uint32_t *)0xfffffff0u = 1;
}

static void crash_instruction(void)
{
    __asm volatile("udf #1");
}

static void crash_stack(void)
{
    __asm volatile("mov r3, #0x60000000\n"
                   "msr msp, r3\n"
                   "push {r0}\n" ::
                       : "r3");
}

static void crash_divide(void)
{
    __asm volatile("mov r3, #0\n"
                   "udiv r3, r3, r3\n" ::
                       : "r3");
}

static void crash_panic(void)
{
    selv_panic(0x54455354u, 4711u);
}

static void reset_asked(void)
{
    struct selv_board_reset why = {SELV_RESET_REQUESTED, 0, 0, 0};

    selv_board_reset(why);
}

static void hang(void)
{
    selv_board_watchdog_start(HANG_MS);
    for (;;) {
    }
}

/* The watchdog's NMI finds no vectors of ours, but an endless loop at each
 * of them, so that only its second time-out ends the run. */
static void hang_without_vectors(void)
{
    static uint32_t vectors[64] __attribute__((aligned(256)));
    static const uint16_t loop __attribute__((aligned(4))) = 0xe7fe;

    for (size_t i = 0; i < 64; i++) {
        vectors[i] = (uint32_t)(uintptr_t)&loop | 1u;
    }
    *(volatile uint32_t *)0xe000ed08u = (uint32_t)(uintptr_t)vectors;
    hang();
}

struct reset_case {
    const char *name;
    void (*bring_about)(void);
    enum selv_reset_cause cause;
    uint32_t exception;
};

static const struct reset_case reset_cases[] = {
    {"asked for", reset_asked, SELV_RESET_REQUESTED, 0},
    {"store to nowhere", crash_store, SELV_RESET_CRASH, 5},
    {"undefined instruction", crash_instruction, SELV_RESET_CRASH, 6},
    {"stack pointer to nowhere", crash_stack, SELV_RESET_CRASH, 5},
    {"division by zero", crash_divide, SELV_RESET_CRASH, 6},
    {"panic", crash_panic, SELV_RESET_CRASH, 0},
    {"watchdog", hang, SELV_RESET_WATCHDOG, 2},
    /* Nobody says what exception that was. */
    {"watchdog, second time-out", hang_without_vectors, SELV_RESET_WATCHDOG, 0},
};

#define RESET_CASES (sizeof reset_cases / sizeof reset_cases[0])

static void print_reset(const struct selv_board_reset *why)
{
    selv_board_print("     cause ");
    selv_board_print_u32((uint32_t)why->cause);
    selv_board_print(" exception ");
    selv_board_print_u32(why->exception);
    selv_board_print(" where ");
    selv_board_print_u32(why->where);
    selv_board_print(" detail ");
    selv_board_print_u32(why->detail);
    selv_board_print("\n");
}

static void test_resets(const struct selv_board_reset *why,
                        volatile uint32_t *row)
{
    if (*row == 0) {
        verdict("reset: power on", why->cause == SELV_RESET_POWER_ON);
    } else {
        const struct reset_case *last = &reset_cases[*row - 1u];

        selv_board_print("     reset: ");
        verdict(last->name, why->cause == last->cause &&
                                (last->bring_about == hang_without_vectors ||
                                 why->exception == last->exception));
        if (last->bring_about == crash_panic) {
            verdict("panic: module and line",
                    why->where == 4711u && why->detail == 0x54455354u);
        }
    }
    print_reset(why);
    if (*row < RESET_CASES && failures == 0) {
        *row += 1u;
        reset_cases[*row - 1u].bring_about();
        verdict("it resets", false);
    }
}

/* ---- random, clock, stack, network --------------------------------------- */

static void test_random(void)
{
    static const uint8_t seed[SELV_BOARD_SEED_LEN] = {1, 2, 3};
    struct selv_board_random random;
    uint8_t draws[2][40];
    struct selv_flash flash;
    enum selv_err err;

    selv_board_flash_open(&flash, SELV_BOARD_WRITER_APP_A, NULL);
    err = selv_board_random_start(&random, &flash,
                                  selv_layout_default.random_off, seed);
    selv_board_random_draw(&random, draws[0], sizeof draws[0]);
    selv_board_random_draw(&random, draws[1], sizeof draws[1]);
    verdict("random: started", err == SELV_OK);
    verdict("random: draws differ",
            memcmp(draws[0], draws[1], 32) != 0 &&
                memcmp(draws[0], draws[0] + 32, 8) != 0);
    selv_board_print("boot ");
    selv_board_print_u32(random.boot);
    selv_board_print(" draw ");
    selv_board_print_hex(draws[0], 8);
    selv_board_print("\n");
}

/* Not inlined, so that its room is on the stack only while it runs. */
__attribute__((noinline)) static uint32_t stack_use(uint32_t word)
{
    volatile uint32_t room[200];

    for (size_t i = 0; i < 200; i++) {
        room[i] = word;
    }
    return room[0];
}

static void test_clock_and_stack(void)
{
    uint64_t from;
    uint32_t used;

    selv_board_clock_start();
    from = selv_board_now_ms();
    while (selv_board_now_ms() < from + 20u) {
        selv_board_sleep();
    }
    verdict("clock: runs", selv_board_now_ms() >= from + 20u);
    used = selv_board_stack_used();
    (void)stack_use(used);
    verdict("stack: a deeper call shows", used < 800u &&
                                              selv_board_stack_used() >= 800u &&
                                              selv_board_stack_used() < 1200u);
    selv_board_clock_stop();
    from = selv_board_now_ms();
    for (volatile uint32_t i = 0; i < 200000u; i++) {
    }
    verdict("clock: stops", selv_board_now_ms() == from);
}

/* Echo whatever comes, to be driven from the host, until "end" comes. */
static void test_net(void)
{
    static uint8_t bytes[1200];
    const struct selv_board_net_config config = {
        {10, 0, 2, 15}, {255, 255, 255, 0}, {10, 0, 2, 2}, 5683};
    struct selv_buf payload = {bytes, sizeof bytes, 0};
    struct selv_board_net_peer peer;
    uint32_t datagrams = 0;
    bool is_over = false;

    selv_board_clock_start();
    verdict("net: started", selv_board_net_start(&config));
    selv_board_print("net: ready\n");
    while (!is_over && selv_board_now_ms() < 20000u) {
        selv_board_net_poll();
        while (selv_board_net_receive(&peer, &payload)) {
            (void)selv_board_net_send(&peer,
                                      selv_bytes(payload.p, payload.len));
            datagrams++;
            is_over = payload.len == 3 && memcmp(payload.p, "end", 3) == 0;
        }
        selv_board_sleep();
    }
    verdict("net: ended in time", is_over);
    selv_board_print("net: datagrams ");
    selv_board_print_u32(datagrams);
    selv_board_print("\n");
}

int main(void)
{
    volatile uint32_t *command =
        (volatile uint32_t *)(uintptr_t)COMMAND_ADDRESS;
    enum selv_reset_cause cause = selv_board_reset_take();
    struct selv_board_reset why = selv_board_reset_last();

    why.cause = cause;
    selv_board_console_init();
    switch (command[0]) {
    case COMMAND_RULES:
        test_rights();
        test_rules();
        break;
    case COMMAND_RESETS:
        test_resets(&why, &command[1]);
        break;
    case COMMAND_RANDOM:
        test_random();
        break;
    case COMMAND_CLOCK:
        test_clock_and_stack();
        break;
    case COMMAND_NET:
        test_net();
        break;
    default:
        verdict("a command", false);
        break;
    }
    selv_board_exit(failures < 100u ? failures : 100u);
}
