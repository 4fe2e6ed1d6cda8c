/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/m3.h - a Cortex-M3 without interrupts, slow peripherals or
 * timing: enough of ARMv7-M to run the board's bootloader instruction by
 * instruction, and to leave one out.
 *
 * Terms: a *machine* is processor and memory; *linear* offsets number all that
 *        can be written: RAM first, then flash. A *page* is 256 bytes of it;
 *        pages written since m3_clean are *dirty*, so that one machine can be
 *        made equal to another by copying those.
 * Calls: 1 m3_program, once  2 m3_power_on or m3_reset  3 m3_step or m3_run
 * Owns:  the program is shared by all machines and never written: a store into
 *        ROM does nothing. */
#ifndef SELV_TEST_FAULT_M3_H
#define SELV_TEST_FAULT_M3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    M3_RAM_LEN = 0x4f000, /* up to where images are loaded, and with that */
    M3_LOAD_LEN = 0x3f000,
    M3_FLASH_LEN = 136 * 4096,
    M3_LINEAR_LEN = M3_RAM_LEN + M3_FLASH_LEN,
    M3_PAGE_LEN = 256,
    M3_SECTOR_LEN = 4096,
    M3_PAGE_COUNT = M3_LINEAR_LEN / M3_PAGE_LEN,
    M3_ROM_MAX = 64 * 1024,
    M3_CONSOLE_MAX = 512,
    M3_LINE_MAX = 4096
};
#define M3_RAM_BASE 0x20000000u
#define M3_LOAD_BASE 0x20010000u
#define M3_FLASH_BASE 0x21000000u

/* Why a machine stands. */
enum m3_end {
    M3_RUNS,
    M3_HANDED_OVER, /* an instruction would be fetched from flash, or from
                       where images are loaded */
    M3_RESET,       /* it asked for a reset */
    M3_HALTED,      /* it sleeps, and nothing is there to wake it; or waits for
                       a byte of the line, and none is left */
    M3_WILD,        /* an instruction would be fetched from RAM */
    M3_LOCKED_UP,   /* a fault inside a fault: the watchdog's turn */
    M3_LIMIT        /* too many instructions: the watchdog's turn, too */
};

struct m3 {
    uint32_t r[16]; /* r[15]: where the next instruction is */
    bool n, z, c, v;
    uint8_t it; /* ITSTATE */
    uint32_t ipsr, shcsr, cfsr, ccr, vtor;
    uint32_t mpu_control, mpu_base, mpu_size; /* its first region only */
    bool is_vtor_set;
    enum m3_end end;
    unsigned sleeps;
    uint32_t line_at;  /* bytes of the line (m3_line) that it has taken */
    unsigned waits;    /* looks at the line in a row that found none */
    uint64_t count;    /* instructions so far */
    uint32_t written;  /* registers that the latest instruction wrote, bits */
    bool is_flags_set; /* and whether it set flags */
    bool has_stored;   /* and whether it wrote to memory or a peripheral */
    int store_at;      /* linear offset of its last word stored, or -1 */
    uint32_t console_len;
    char console[M3_CONSOLE_MAX];
    uint32_t dirty_count;
    uint16_t dirty_list[M3_PAGE_COUNT];
    uint8_t is_dirty[M3_PAGE_COUNT];
    /* Pages whose hash is of before (digest.h). */
    uint32_t stale_count;
    uint16_t stale_list[M3_PAGE_COUNT];
    uint8_t is_stale[M3_PAGE_COUNT];
    uint64_t page_hash[M3_PAGE_COUNT];
    uint64_t ram_sum, flash_sum;
    uint8_t mem[M3_LINEAR_LEN];
};

/* A replacement of a function at its first instruction: returns true when it
 * did all and r[15] is set to go on, false to have it run as it is. */
typedef bool (*m3_hook)(struct m3 *m, void *context);

/* Decode len bytes that lie at address 0. */
void m3_program(const uint8_t *rom, size_t len);
/* How much is replaced. */
enum m3_speed {
    M3_EXACT, /* nothing */
    M3_CURVE, /* the arithmetic of the curve, which takes millions */
    M3_FAST   /* SHA-256's blocks and memory functions, too */
};
/* From now on the function at address is replaced at that speed and above. */
void m3_hook_at(uint32_t address, enum m3_speed speed, m3_hook hook,
                void *context);

/* Flash takes the words that these instructions store, at addresses of words,
 * and nothing else: as a real one does, which takes only what its driver gives
 * it a command for. Its first sector, the factory's, takes nothing. */
void m3_driver(uint32_t from, uint32_t len);
/* The command to erase the sector at that offset; at any other, nothing. */
void m3_erase(struct m3 *m, uint32_t off);

/* Images are loaded into RAM, and run there. */
void m3_loads(void);

/* What comes in at UART 1 after m3_connect, one byte whenever the last one was
 * taken; what goes out is dropped. Copied; M3_LINE_MAX bytes at most. */
void m3_line(const uint8_t *p, uint32_t len);
void m3_connect(struct m3 *m);

/* Processor as after a reset, its line silent; memory stays as it is. */
void m3_reset(struct m3 *m);

/* One instruction, or one function that is replaced. */
void m3_step(struct m3 *m, enum m3_speed speed);
/* The same, but it does nothing: only the program counter moves on. */
void m3_skip(struct m3 *m);
/* Until it ends or count reaches limit (then M3_LIMIT). */
enum m3_end m3_run(struct m3 *m, uint64_t limit, enum m3_speed speed);

/* The same, but it stops before each instruction at a point, too; M3_RUNS. */
void m3_no_points(void);
void m3_point_at(uint32_t address);
enum m3_end m3_run_to_point(struct m3 *m, uint64_t limit, enum m3_speed speed);

/* Bytes of the next instruction, 2 or 4; 0 outside of ROM. */
unsigned m3_len_at(uint32_t address);
/* Whether the next instruction is a call (bl, blx). */
bool m3_is_call(uint32_t address);

/* ---- memory, for hooks and for setting things up ---------------------------
 */

/* len bytes at an address in RAM, to be written; NULL when they are not all
 * there. Their pages become dirty. */
uint8_t *m3_write_at(struct m3 *m, uint32_t address, uint32_t len);
/* The same to be read; also of ROM. */
const uint8_t *m3_read_at(const struct m3 *m, uint32_t address, uint32_t len);
void m3_mark(struct m3 *m, uint32_t linear);
/* A page has changed, as seen by digest.h only. */
void m3_touch(struct m3 *m, uint32_t page);
void m3_clean(struct m3 *m);

#endif
