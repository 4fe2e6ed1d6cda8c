/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/m3.c - the processor. Chapters in brackets are of the ARMv7-M
 * Architecture Reference Manual. What is not here (exclusive and unprivileged
 * accesses, saturation, coprocessors) counts as undefined; the compiler does
 * not use it, and a run that goes astray into data then ends a little earlier
 * than on the board. */
#include "m3.h"

#include <string.h>

enum op {
    OP_UNDEFINED,
    OP_ALU_IMM,
    OP_ALU_REG,
    OP_SHIFT,
    OP_MUL,
    OP_MLA,
    OP_MLS,
    OP_LONG,
    OP_DIVIDE,
    OP_CLZ,
    OP_REVERSE,
    OP_EXTEND,
    OP_FIELD,
    OP_MOVT,
    OP_ADR,
    OP_LOAD,
    OP_STORE,
    OP_LOAD_REG,
    OP_STORE_REG,
    OP_LOAD_TWO,
    OP_STORE_TWO,
    OP_LOAD_MANY,
    OP_STORE_MANY,
    OP_BRANCH,
    OP_CALL,
    OP_BX,
    OP_BLX,
    OP_CBZ,
    OP_TABLE,
    OP_IT,
    OP_NOP,
    OP_WFI,
    OP_MSR,
    OP_MRS
};

/* As in the 32-bit encodings [A5.3.1], and those that only have a register. */
enum alu {
    ALU_AND = 0,
    ALU_BIC = 1,
    ALU_ORR = 2,
    ALU_ORN = 3,
    ALU_EOR = 4,
    ALU_ADD = 8,
    ALU_ADC = 10,
    ALU_SBC = 11,
    ALU_SUB = 13,
    ALU_RSB = 14,
    ALU_MOV = 16,
    ALU_MVN = 17
};

enum { LSL, LSR, ASR, ROR };
enum { FLAGS_KEEP, FLAGS_SET, FLAGS_OUTSIDE_IT };
enum { NO_CARRY = 2, NO_REG = 16, ALWAYS = 14 };

struct insn {
    uint8_t op, len;
    uint8_t sub; /* enum alu, kind of shift, of extension, ... */
    uint8_t rd, rn, rm, ra;
    uint8_t flags, carry;
    uint8_t amount; /* of a shift */
    uint8_t size;   /* of an access, bytes */
    uint8_t cond;
    bool is_signed, is_index, is_add, is_wback;
    uint32_t imm;
};

static uint8_t rom[M3_ROM_MAX];
static size_t rom_len;
static struct insn code[M3_ROM_MAX / 2];
static struct {
    m3_hook run;
    void *context;
    enum m3_speed speed;
} hooks[16];
static uint8_t hook_count;
static uint8_t hook_of[M3_ROM_MAX / 2];
static bool is_point[M3_ROM_MAX / 2];
/* The instructions whose stores reach flash. */
static uint32_t driver_from, driver_len;
static bool is_loading;
static uint8_t line[M3_LINE_MAX];
static uint32_t line_len;

/* ---- memory ----------------------------------------------------------------
 */

void m3_touch(struct m3 *m, uint32_t page)
{
    if (!m->is_stale[page]) {
        m->is_stale[page] = 1;
        m->stale_list[m->stale_count++] = (uint16_t)page;
    }
}

void m3_mark(struct m3 *m, uint32_t linear)
{
    uint32_t page = linear / M3_PAGE_LEN;
    m3_touch(m, page);
    if (!m->is_dirty[page]) {
        m->is_dirty[page] = 1;
        m->dirty_list[m->dirty_count++] = (uint16_t)page;
    }
}

void m3_clean(struct m3 *m)
{
    for (uint32_t i = 0; i < m->dirty_count; i++) {
        m->is_dirty[m->dirty_list[i]] = 0;
    }
    m->dirty_count = 0;
}

static bool linear_of(uint32_t address, uint32_t len, uint32_t *linear)
{
    if (address - M3_RAM_BASE < M3_RAM_LEN &&
        len <= M3_RAM_LEN - (address - M3_RAM_BASE)) {
        *linear = address - M3_RAM_BASE;
        return true;
    }
    if (address - M3_FLASH_BASE < M3_FLASH_LEN &&
        len <= M3_FLASH_LEN - (address - M3_FLASH_BASE)) {
        *linear = M3_RAM_LEN + (address - M3_FLASH_BASE);
        return true;
    }
    return false;
}

uint8_t *m3_write_at(struct m3 *m, uint32_t address, uint32_t len)
{
    uint32_t linear;
    if (!linear_of(address, len, &linear) || linear + len > M3_RAM_LEN) {
        return NULL;
    }
    for (uint32_t at = linear / M3_PAGE_LEN * M3_PAGE_LEN; at < linear + len;
         at += M3_PAGE_LEN) {
        m3_mark(m, at);
    }
    return m->mem + linear;
}

const uint8_t *m3_read_at(const struct m3 *m, uint32_t address, uint32_t len)
{
    uint32_t linear;
    if (address < rom_len && len <= rom_len - address) {
        return rom + address;
    }
    return linear_of(address, len, &linear) ? m->mem + linear : NULL;
}

/* ---- faults [B1.5]
 * ------------------------------------------------------------ */

enum { HARD = 3, MEMORY = 4, BUS = 5, USAGE = 6 };

static uint32_t psr(const struct m3 *m)
{
    return (uint32_t)m->n << 31 | (uint32_t)m->z << 30 | (uint32_t)m->c << 29 |
           (uint32_t)m->v << 28 | (uint32_t)(m->it & 3u) << 25 |
           (uint32_t)(m->it >> 2) << 10 | 1u << 24 | m->ipsr;
}

static void fault(struct m3 *m, unsigned number, uint32_t at, uint32_t why)
{
    uint32_t frame[8] = {m->r[0],  m->r[1],  m->r[2], m->r[3],
                         m->r[12], m->r[14], at,      psr(m)};
    if (m->ipsr != 0) {
        m->end = M3_LOCKED_UP;
        return;
    }
    m->cfsr |= why;
    /* Where the stack does not take it the handler sees what was there. */
    uint32_t sp = (m->r[13] - 32) & ~7u;
    uint8_t *to = m3_write_at(m, sp, sizeof frame);
    if (to != NULL) {
        memcpy(to, frame, sizeof frame);
    }
    m->r[13] = sp;
    m->r[14] = 0xfffffff9u;
    m->ipsr = (m->shcsr >> (12 + number) & 1u) ? number : HARD;
    m->it = 0;
    memcpy(&m->r[15], rom + 4 * m->ipsr, 4);
    m->r[15] &= ~1u;
}

#define WHY_EXECUTE (1u << 0)
#define WHY_BUS (1u << 9)
#define WHY_UNDEFINED (1u << 16)
#define WHY_STATE (1u << 17)
#define WHY_UNALIGNED (1u << 24)
#define WHY_DIVIDE (1u << 25)

/* ---- peripherals
 * --------------------------------------------------------------- */

/* UART 1 of the board, as far as boot_recover.c uses it. */
enum { LINE_DATA = 0x40005000, LINE_STATE = 0x40005004, LINE_HAS_BYTE = 2 };

void m3_line(const uint8_t *p, uint32_t len)
{
    line_len = len < M3_LINE_MAX ? len : M3_LINE_MAX;
    memcpy(line, p, line_len);
}

void m3_connect(struct m3 *m)
{
    m->line_at = 0;
}

/* Between two looks that find nothing an answer's byte may go out. */
static uint32_t line_state(struct m3 *m)
{
    if (m->line_at < line_len) {
        return LINE_HAS_BYTE;
    }
    m->end = ++m->waits == 2 ? M3_HALTED : m->end;
    return 0;
}

static uint32_t line_take(struct m3 *m)
{
    return m->line_at < line_len ? line[m->line_at++] : 0;
}

static bool peripheral_load(struct m3 *m, uint32_t address, uint32_t *value)
{
    *value = 0;
    switch (address) {
    case LINE_DATA:
        *value = line_take(m);
        return true;
    case LINE_STATE:
        *value = line_state(m);
        return true;
    case 0xe000ed24:
        *value = m->shcsr;
        return true;
    case 0xe000ed14:
        *value = m->ccr;
        return true;
    case 0xe000ed28:
        *value = m->cfsr;
        return true;
    case 0xe000ed08:
        *value = m->vtor;
        return true;
    default:
        /* Registers that nobody looks at, and memory of the board that is
         * zero: UART, watchdog, the rest of ROM and flash. */
        return address < 0x00400000u || address - 0x40000000u < 0x20000u ||
               address - 0xe000e000u < 0x1000u ||
               address - M3_FLASH_BASE < 0x01000000u;
    }
}

static bool peripheral_store(struct m3 *m, uint32_t address, uint32_t value)
{
    uint32_t nothing;
    switch (address) {
    case LINE_DATA:
        m->waits = 0;
        return true;
    case LINE_STATE:
        return true;
    case 0x40004000:
        if (m->console_len < M3_CONSOLE_MAX - 1) {
            m->console[m->console_len++] = (char)value;
        }
        return true;
    case 0xe000ed24:
        m->shcsr = value;
        return true;
    case 0xe000ed14:
        m->ccr = value;
        return true;
    case 0xe000ed08:
        m->vtor = value;
        m->is_vtor_set = true;
        return true;
    case 0xe000ed94:
        m->mpu_control = value;
        return true;
    case 0xe000ed9c:
        m->mpu_base = value;
        return true;
    case 0xe000eda0:
        m->mpu_size = value;
        return true;
    case 0xe000ed0c:
        if (value == 0x05fa0004u) {
            m->end = M3_RESET;
        }
        return true;
    default:
        return peripheral_load(m, address, &nothing);
    }
}

void m3_driver(uint32_t from, uint32_t len)
{
    driver_from = from;
    driver_len = len;
}

void m3_loads(void)
{
    is_loading = true;
}

/* Whole units only, and not in the sector of the factory. */
static bool is_command(const struct m3 *m, uint32_t address)
{
    return m->r[15] - 1 - driver_from < driver_len && (address & 3) == 0 &&
           address - M3_FLASH_BASE >= M3_SECTOR_LEN;
}

void m3_erase(struct m3 *m, uint32_t off)
{
    if (off % M3_SECTOR_LEN != 0 || off == 0 || off >= M3_FLASH_LEN) {
        return;
    }
    for (uint32_t at = 0; at < M3_SECTOR_LEN; at += M3_PAGE_LEN) {
        m3_mark(m, M3_RAM_LEN + off + at);
    }
    memset(m->mem + M3_RAM_LEN + off, 0xff, M3_SECTOR_LEN);
}

/* False: a fault was taken. */
static bool load(struct m3 *m, uint32_t address, unsigned size, uint32_t *value)
{
    uint32_t linear;
    const uint8_t *p = NULL;
    if (linear_of(address, size, &linear)) {
        p = m->mem + linear;
    } else if (address < rom_len && size <= rom_len - address) {
        p = rom + address;
    }
    if (p != NULL) {
        uint32_t word = 0;
        memcpy(&word, p, size);
        *value = word;
        return true;
    }
    return (address & (size - 1)) == 0 && peripheral_load(m, address, value);
}

static bool store(struct m3 *m, uint32_t address, unsigned size, uint32_t value)
{
    uint32_t linear;
    m->has_stored = true;
    if (linear_of(address, size, &linear)) {
        if (linear + size > M3_RAM_LEN && !is_command(m, address)) {
            return true;
        }
        m3_mark(m, linear);
        m3_mark(m, linear + size - 1);
        memcpy(m->mem + linear, &value, size);
        m->store_at = size == 4 ? (int)linear : -1;
        return true;
    }
    return (address & (size - 1)) == 0 && peripheral_store(m, address, value);
}

/* ---- decoding [A5]
 * --------------------------------------------------------------- */

/* A5.3.2 */
static void expand(struct insn *i, uint32_t imm12)
{
    uint32_t byte = imm12 & 0xffu;
    i->carry = NO_CARRY;
    switch (imm12 >> 8) {
    case 0:
        i->imm = byte;
        return;
    case 1:
        i->imm = byte << 16 | byte;
        return;
    case 2:
        i->imm = byte << 24 | byte << 8;
        return;
    case 3:
        i->imm = byte << 24 | byte << 16 | byte << 8 | byte;
        return;
    default: {
        uint32_t turn = imm12 >> 7;
        byte = (imm12 & 0x7fu) | 0x80u;
        i->imm = byte >> turn | byte << (32 - turn);
        i->carry = (uint8_t)(i->imm >> 31);
    }
    }
}

static void set_alu(struct insn *i, unsigned sub, unsigned rd, unsigned rn)
{
    i->sub = (uint8_t)sub;
    i->rd = (uint8_t)rd;
    i->rn = (uint8_t)rn;
}

static void set_access(struct insn *i, bool is_load, unsigned size, unsigned rt,
                       unsigned rn)
{
    i->op = is_load ? OP_LOAD : OP_STORE;
    i->size = (uint8_t)size;
    i->rd = (uint8_t)rt;
    i->rn = (uint8_t)rn;
    i->is_index = true;
    i->is_add = true;
}

static void set_shift(struct insn *i, unsigned kind, unsigned amount)
{
    i->ra = (uint8_t)kind;
    i->amount =
        (uint8_t)(amount == 0 && (kind == LSR || kind == ASR) ? 32 : amount);
}

static uint32_t extend(uint32_t value, unsigned bits)
{
    uint32_t top = 1u << (bits - 1);
    return ((value & ((top << 1) - 1)) ^ top) - top;
}

/* A5.2.2 */
static void decode_alu16(struct insn *i, unsigned h)
{
    static const uint8_t subs[16] = {
        ALU_AND, ALU_EOR, LSL,     LSR,     ASR,     ALU_ADC, ALU_SBC, ROR,
        ALU_AND, ALU_RSB, ALU_SUB, ALU_ADD, ALU_ORR, 0,       ALU_BIC, ALU_MVN};
    unsigned op = h >> 6 & 15, rd = h & 7, rm = h >> 3 & 7;
    i->op = OP_ALU_REG;
    i->flags = FLAGS_OUTSIDE_IT;
    set_alu(i, subs[op], rd, rd);
    i->rm = (uint8_t)rm;
    switch (op) {
    case 2:
    case 3:
    case 4:
    case 7:
        i->op = OP_SHIFT;
        break;
    case 8:
    case 10:
    case 11:
        i->rd = NO_REG;
        i->flags = FLAGS_SET;
        break;
    case 9: /* rsb rd, rm, #0 */
        i->op = OP_ALU_IMM;
        i->rn = (uint8_t)rm;
        i->imm = 0;
        break;
    case 13:
        i->op = OP_MUL;
        break;
    default:
        break;
    }
}

static void decode_special16(struct insn *i, unsigned h)
{
    unsigned rd = (h >> 4 & 8) | (h & 7), rm = h >> 3 & 15;
    i->op = OP_ALU_REG;
    i->rm = (uint8_t)rm;
    switch (h >> 8 & 3) {
    case 0:
        set_alu(i, ALU_ADD, rd, rd);
        break;
    case 1:
        set_alu(i, ALU_SUB, NO_REG, rd);
        i->flags = FLAGS_SET;
        break;
    case 2:
        set_alu(i, ALU_MOV, rd, 0);
        break;
    default:
        i->op = h & 0x80 ? OP_BLX : OP_BX;
        break;
    }
}

static void decode_misc16(struct insn *i, unsigned h)
{
    if ((h & 0xff00) == 0xb000) {
        i->op = OP_ALU_IMM;
        set_alu(i, h & 0x80 ? ALU_SUB : ALU_ADD, 13, 13);
        i->imm = (h & 0x7f) * 4;
    } else if ((h & 0xf500) == 0xb100) {
        i->op = OP_CBZ;
        i->rn = h & 7;
        i->sub = h >> 11 & 1;
        i->imm = (h >> 3 & 0x40) | (h >> 2 & 0x3e);
    } else if ((h & 0xff00) == 0xb200) {
        i->op = OP_EXTEND;
        i->rd = h & 7;
        i->rm = h >> 3 & 7;
        i->is_signed = (h & 0x80) == 0;
        i->size = h & 0x40 ? 1 : 2;
    } else if ((h & 0xfe00) == 0xb400) {
        i->op = OP_STORE_MANY;
        i->rn = 13;
        i->is_wback = true;
        i->imm = (h & 0xff) | (h & 0x100 ? 1u << 14 : 0);
    } else if ((h & 0xfe00) == 0xbc00) {
        i->op = OP_LOAD_MANY;
        i->rn = 13;
        i->is_wback = i->is_add = true;
        i->imm = (h & 0xff) | (h & 0x100 ? 1u << 15 : 0);
    } else if ((h & 0xff00) == 0xba00 && (h >> 6 & 3) != 2) {
        i->op = OP_REVERSE;
        i->rd = h & 7;
        i->rm = h >> 3 & 7;
        i->sub = h >> 6 & 3;
    } else if ((h & 0xff00) == 0xbf00) {
        i->op = h & 15 ? OP_IT : h == 0xbf30 || h == 0xbf20 ? OP_WFI : OP_NOP;
        i->imm = h & 0xff;
    } else if ((h & 0xffe8) == 0xb660) {
        i->op = OP_NOP; /* cps: there are no interrupts */
    }
}

/* The first quarter: shifts, sums and comparisons [A5.2.1]. */
static void decode_sum16(struct insn *i, unsigned h)
{
    static const uint8_t subs[4] = {ALU_MOV, ALU_SUB, ALU_ADD, ALU_SUB};
    unsigned rd = h & 7, rn = h >> 3 & 7, top = h >> 11, r8 = h >> 8 & 7;
    i->flags = FLAGS_OUTSIDE_IT;
    if (top < 3) {
        i->op = OP_ALU_REG;
        set_alu(i, ALU_MOV, rd, 0);
        i->rm = (uint8_t)rn;
        set_shift(i, top, h >> 6 & 31);
    } else if (top == 3) {
        i->op = h & 0x400 ? OP_ALU_IMM : OP_ALU_REG;
        set_alu(i, h & 0x200 ? ALU_SUB : ALU_ADD, rd, rn);
        i->rm = h >> 6 & 7;
        i->imm = i->rm;
    } else {
        i->op = OP_ALU_IMM;
        set_alu(i, subs[top - 4], top == 5 ? NO_REG : r8, r8);
        i->imm = h & 0xff;
        i->flags = top == 5 ? FLAGS_SET : FLAGS_OUTSIDE_IT;
    }
}

/* One register from or to memory [A5.2.4]. */
static void decode_access16(struct insn *i, unsigned h)
{
    static const uint8_t sizes[8] = {4, 2, 1, 1, 4, 2, 1, 2};
    unsigned rd = h & 7, rn = h >> 3 & 7, top = h >> 11;
    if (top == 9) {
        set_access(i, true, 4, h >> 8 & 7, 15);
        i->imm = (h & 0xff) * 4;
    } else if (top < 12) {
        unsigned kind = h >> 9 & 7;
        set_access(i, kind >= 3, sizes[kind], rd, rn);
        i->op = kind >= 3 ? OP_LOAD_REG : OP_STORE_REG;
        i->is_signed = kind == 3 || kind == 7;
        i->rm = h >> 6 & 7;
    } else if (top < 18) {
        unsigned size = top < 14 ? 4 : top < 16 ? 1 : 2;
        set_access(i, top & 1, size, rd, rn);
        i->imm = (h >> 6 & 31) * size;
    } else {
        set_access(i, top & 1, 4, h >> 8 & 7, 13);
        i->imm = (h & 0xff) * 4;
    }
}

/* Several registers, and branches [A5.2]. */
static void decode_last16(struct insn *i, unsigned h)
{
    unsigned top = h >> 11;
    if (top < 26) {
        i->op = top == 24 ? OP_STORE_MANY : OP_LOAD_MANY;
        i->rn = h >> 8 & 7;
        i->imm = h & 0xff;
        i->is_add = true;
        i->is_wback = top == 24 || (h >> i->rn & 1) == 0;
    } else if (top == 28) {
        i->op = OP_BRANCH;
        i->imm = extend((h & 0x7ff) << 1, 12);
    } else if ((h >> 8 & 15) < 14) {
        i->op = OP_BRANCH;
        i->cond = h >> 8 & 15;
        i->imm = extend((h & 0xff) << 1, 9);
    }
}

static void decode16(struct insn *i, unsigned h)
{
    unsigned top = h >> 11;
    if (top < 8) {
        decode_sum16(i, h);
    } else if (top == 8) {
        h & 0x400 ? decode_special16(i, h) : decode_alu16(i, h);
    } else if (top < 20) {
        decode_access16(i, h);
    } else if (top < 22) {
        i->op = top == 20 ? OP_ADR : OP_ALU_IMM;
        set_alu(i, ALU_ADD, h >> 8 & 7, 13);
        i->imm = (h & 0xff) * 4;
    } else if (top < 24) {
        decode_misc16(i, h);
    } else {
        decode_last16(i, h);
    }
}

/* The four that write no register when rd is 15 [A5.3.1]. */
static void decode_alu32(struct insn *i, unsigned h1, unsigned h2)
{
    unsigned sub = h1 >> 5 & 15, rd = h2 >> 8 & 15, rn = h1 & 15;
    i->flags = h1 & 16 ? FLAGS_SET : FLAGS_KEEP;
    if (rn == 15 && sub == ALU_ORR) {
        sub = ALU_MOV;
    } else if (rn == 15 && sub == ALU_ORN) {
        sub = ALU_MVN;
    }
    if (rd == 15 && (h1 & 16) != 0) {
        rd = NO_REG;
    }
    set_alu(i, sub, rd, rn);
    if (sub == 5 || sub == 6 || sub == 7 || sub == 9 || sub == 12 ||
        sub == 15 || rd == 15) {
        i->op = OP_UNDEFINED;
    }
}

static void decode_plain_imm(struct insn *i, unsigned h1, unsigned h2)
{
    unsigned rd = h2 >> 8 & 15, rn = h1 & 15;
    uint32_t imm12 = (h1 << 1 & 0x800) | (h2 >> 4 & 0x700) | (h2 & 0xff);
    unsigned lsb = (h2 >> 10 & 0x1c) | (h2 >> 6 & 3);
    i->rd = (uint8_t)rd;
    i->rn = (uint8_t)rn;
    switch (h1 >> 4 & 0x1f) {
    case 0:
    case 10:
        i->op = rn == 15 ? OP_ADR : OP_ALU_IMM;
        i->sub = h1 & 0xa0 ? ALU_SUB : ALU_ADD;
        i->imm = rn == 15 && i->sub == ALU_SUB ? (uint32_t)-imm12 : imm12;
        break;
    case 4:
    case 12:
        i->op = h1 & 0x80 ? OP_MOVT : OP_ALU_IMM;
        i->sub = ALU_MOV;
        i->imm = (h1 & 15) << 12 | imm12;
        break;
    case 20:
    case 22:
    case 28:
        i->op = OP_FIELD;
        i->sub = h1 >> 4 & 0x1f;
        i->amount = (uint8_t)lsb;
        i->imm = h2 & 0x1f;
        break;
    default:
        break;
    }
}

static void decode_branch32(struct insn *i, unsigned h1, unsigned h2)
{
    uint32_t s = h1 >> 10 & 1;
    uint32_t wide = s << 24 | (~(h2 >> 13 ^ s) & 1) << 23 |
                    (~(h2 >> 11 ^ s) & 1) << 22 | (h1 & 0x3ff) << 12 |
                    (h2 & 0x7ff) << 1;
    if ((h2 & 0xd000) == 0xd000 || (h2 & 0xd000) == 0x9000) {
        i->op = h2 & 0x4000 ? OP_CALL : OP_BRANCH;
        i->imm = extend(wide, 25);
    } else if ((h2 & 0xd000) == 0x8000) {
        if ((h1 >> 6 & 14) != 14) {
            i->op = OP_BRANCH;
            i->cond = h1 >> 6 & 15;
            i->imm =
                extend(s << 20 | (h2 >> 11 & 1) << 19 | (h2 >> 13 & 1) << 18 |
                           (h1 & 0x3f) << 12 | (h2 & 0x7ff) << 1,
                       21);
        } else if ((h1 & 0xfff0) == 0xf380) {
            i->op = OP_MSR;
            i->rn = h1 & 15;
            i->imm = h2 & 0xff;
        } else if (h1 == 0xf3ef) {
            i->op = OP_MRS;
            i->rd = h2 >> 8 & 15;
            i->imm = h2 & 0xff;
        } else if (h1 == 0xf3af || h1 == 0xf3bf) {
            i->op = OP_NOP; /* hints and barriers */
        }
    }
}

static void decode_many32(struct insn *i, unsigned h1, unsigned h2)
{
    bool is_load = h1 & 0x10;
    i->rn = h1 & 15;
    i->is_wback = h1 & 0x20;
    if ((h1 & 0x40) == 0) {
        unsigned kind = h1 >> 7 & 3;
        if (kind == 1 || kind == 2) {
            i->op = is_load ? OP_LOAD_MANY : OP_STORE_MANY;
            i->is_add = kind == 1;
            i->imm = h2;
        }
        return;
    }
    i->is_index = h1 & 0x100;
    i->is_add = h1 & 0x80;
    if (i->is_index || i->is_wback) {
        i->op = is_load ? OP_LOAD_TWO : OP_STORE_TWO;
        i->rd = h2 >> 12 & 15;
        i->ra = h2 >> 8 & 15;
        i->imm = (h2 & 0xff) * 4;
    } else if ((h1 & 0xfff0) == 0xe8d0 && (h2 & 0xffe0) == 0xf000) {
        i->op = OP_TABLE;
        i->rm = h2 & 15;
        i->size = h2 & 16 ? 2 : 1;
    }
}

static void decode_access32(struct insn *i, unsigned h1, unsigned h2)
{
    unsigned size = h1 >> 5 & 3, rn = h1 & 15;
    bool is_load = h1 & 0x10;
    if (size == 3 || (!is_load && ((h1 & 0x100) != 0 || rn == 15))) {
        return;
    }
    set_access(i, is_load, 1u << size, h2 >> 12, rn);
    i->is_signed = h1 & 0x100;
    if (rn == 15) {
        i->is_add = h1 & 0x80;
        i->imm = h2 & 0xfff;
    } else if (h1 & 0x80) {
        i->imm = h2 & 0xfff;
    } else if (h2 & 0x800) {
        i->is_index = h2 & 0x400;
        i->is_add = h2 & 0x200;
        i->is_wback = h2 & 0x100;
        i->imm = h2 & 0xff;
    } else if ((h2 & 0xfc0) == 0) {
        i->op = is_load ? OP_LOAD_REG : OP_STORE_REG;
        i->rm = h2 & 15;
        i->amount = h2 >> 4 & 3;
    } else {
        i->op = OP_UNDEFINED;
    }
    if (is_load && i->rd == 15 && size != 2 && i->op != OP_UNDEFINED) {
        i->op = OP_NOP; /* a hint to preload */
    }
}

static void decode_rest32(struct insn *i, unsigned h1, unsigned h2)
{
    unsigned low = h2 >> 4 & 15;
    i->rd = h2 >> 8 & 15;
    i->rn = h1 & 15;
    i->rm = h2 & 15;
    i->ra = h2 >> 12 & 15;
    if ((h1 & 0xff80) == 0xfa00 && (h2 & 0xf0f0) == 0xf000) {
        i->op = OP_SHIFT;
        i->sub = h1 >> 5 & 3;
        i->flags = h1 & 16 ? FLAGS_SET : FLAGS_KEEP;
    } else if ((h1 & 0xff8f) == 0xfa0f && (h2 & 0xf0c0) == 0xf080 &&
               (h1 & 0x20) == 0) {
        i->op = OP_EXTEND;
        i->is_signed = (h1 & 0x10) == 0;
        i->size = h1 & 0x40 ? 1 : 2;
        i->amount = (h2 >> 4 & 3) * 8;
    } else if ((h1 & 0xfff0) == 0xfa90 && (low & 12) == 8) {
        i->op = OP_REVERSE;
        i->sub = low & 3;
    } else if ((h1 & 0xfff0) == 0xfab0 && low == 8) {
        i->op = OP_CLZ;
    } else if ((h1 & 0xfff0) == 0xfb00 && low < 2) {
        i->op = low ? OP_MLS : i->ra == 15 ? OP_MUL : OP_MLA;
    } else if ((h1 & 0xff80) == 0xfb80) {
        i->sub = h1 >> 4 & 7;
        if (low == 0 &&
            (i->sub == 0 || i->sub == 2 || i->sub == 4 || i->sub == 6)) {
            i->op = OP_LONG;
        } else if (low == 15 && (i->sub == 1 || i->sub == 3)) {
            i->op = OP_DIVIDE;
        }
    }
}

static void decode32(struct insn *i, unsigned h1, unsigned h2)
{
    if ((h1 & 0xfe00) == 0xe800) {
        decode_many32(i, h1, h2);
    } else if ((h1 & 0xfe00) == 0xea00) {
        i->op = OP_ALU_REG;
        i->rm = h2 & 15;
        set_shift(i, h2 >> 4 & 3, (h2 >> 10 & 0x1c) | (h2 >> 6 & 3));
        /* ror #0 is rrx, which nobody needs. */
        decode_alu32(i, h1, h2);
        if (i->ra == ROR && i->amount == 0) {
            i->op = OP_UNDEFINED;
        }
    } else if ((h1 & 0xf800) == 0xf000) {
        if (h2 & 0x8000) {
            decode_branch32(i, h1, h2);
        } else if (h1 & 0x200) {
            decode_plain_imm(i, h1, h2);
        } else {
            i->op = OP_ALU_IMM;
            expand(i, (h1 << 1 & 0x800) | (h2 >> 4 & 0x700) | (h2 & 0xff));
            decode_alu32(i, h1, h2);
        }
    } else if ((h1 & 0xfe00) == 0xf800) {
        decode_access32(i, h1, h2);
    } else if ((h1 & 0xfe00) == 0xfa00) {
        decode_rest32(i, h1, h2);
    }
}

void m3_program(const uint8_t *bytes, size_t len)
{
    memcpy(rom, bytes, len);
    rom_len = len & ~(size_t)3;
    memset(code, 0, sizeof code);
    memset(hook_of, 0, sizeof hook_of);
    hook_count = 0;
    for (size_t at = 0; at < rom_len; at += 2) {
        unsigned h1 = rom[at] | (unsigned)rom[at + 1] << 8, h2 = 0;
        struct insn *i = &code[at / 2];
        i->cond = ALWAYS;
        i->carry = NO_CARRY;
        i->len = 2;
        if (h1 >> 11 < 29) {
            decode16(i, h1);
            continue;
        }
        i->len = 4;
        if (at + 4 <= rom_len) {
            h2 = rom[at + 2] | (unsigned)rom[at + 3] << 8;
            decode32(i, h1, h2);
        }
    }
}

void m3_hook_at(uint32_t address, enum m3_speed speed, m3_hook hook,
                void *context)
{
    hooks[hook_count].speed = speed;
    hooks[hook_count].run = hook;
    hooks[hook_count].context = context;
    hook_of[(address & ~1u) / 2] = ++hook_count;
}

unsigned m3_len_at(uint32_t address)
{
    return address < rom_len ? code[address / 2].len : 0;
}

bool m3_is_call(uint32_t address)
{
    return address < rom_len &&
           (code[address / 2].op == OP_CALL || code[address / 2].op == OP_BLX);
}

/* ---- execution
 * --------------------------------------------------------------------- */

static bool is_met(const struct m3 *m, unsigned cond)
{
    bool is = true;
    switch (cond >> 1) {
    case 0:
        is = m->z;
        break;
    case 1:
        is = m->c;
        break;
    case 2:
        is = m->n;
        break;
    case 3:
        is = m->v;
        break;
    case 4:
        is = m->c && !m->z;
        break;
    case 5:
        is = m->n == m->v;
        break;
    case 6:
        is = m->n == m->v && !m->z;
        break;
    default:
        return true;
    }
    return is != (bool)(cond & 1);
}

static uint32_t shifted(const struct m3 *m, unsigned kind, unsigned amount,
                        uint32_t value, bool *carry)
{
    *carry = m->c;
    if (amount == 0) {
        return value;
    }
    switch (kind) {
    case LSL:
        *carry = amount <= 32 && (value >> (32 - amount) & 1);
        return amount < 32 ? value << amount : 0;
    case LSR:
        *carry = amount <= 32 && (value >> (amount - 1) & 1);
        return amount < 32 ? value >> amount : 0;
    case ASR: {
        unsigned by = amount < 32 ? amount : 31;
        *carry = amount < 32 ? value >> (amount - 1) & 1 : value >> 31;
        return (uint32_t)((int32_t)value >> by);
    }
    default:
        amount &= 31;
        value = amount ? value >> amount | value << (32 - amount) : value;
        *carry = value >> 31;
        return value;
    }
}

/* A register read as an operand. */
static uint32_t get(const struct m3 *m, unsigned reg, uint32_t pc)
{
    return reg == 15 ? pc + 4 : m->r[reg];
}

static void put(struct m3 *m, unsigned reg, uint32_t value)
{
    m->r[reg] = reg == 13 ? value & ~3u : value;
    m->written |= 1u << reg;
}

/* A jump whose lowest bit says which state: this processor has one. */
static void jump(struct m3 *m, uint32_t to, uint32_t pc)
{
    m->r[15] = to & ~1u;
    if (to >> 28 == 15) {
        m->end = M3_LOCKED_UP; /* an exception's return: there was none */
    } else if ((to & 1) == 0) {
        fault(m, USAGE, pc, WHY_STATE);
    }
}

static bool sets_flags(const struct insn *i, bool in_it)
{
    return i->flags == FLAGS_SET || (i->flags == FLAGS_OUTSIDE_IT && !in_it);
}

static void set_nz(struct m3 *m, uint32_t value)
{
    m->n = value >> 31;
    m->z = value == 0;
    m->is_flags_set = true;
}

/* What is added, and the carry that goes in; false for what is no sum. */
static bool summands(const struct m3 *m, unsigned sub, uint32_t *x, uint32_t *y,
                     unsigned *in)
{
    uint32_t a = *x, b = *y;
    switch (sub) {
    case ALU_ADD:
        *in = 0;
        return true;
    case ALU_ADC:
        *in = m->c;
        return true;
    case ALU_SBC:
        *y = ~b;
        *in = m->c;
        return true;
    case ALU_SUB:
        *y = ~b;
        *in = 1;
        return true;
    case ALU_RSB:
        *x = ~a;
        *y = b;
        *in = 1;
        return true;
    default:
        return false;
    }
}

static uint32_t bits_of(unsigned sub, uint32_t a, uint32_t b)
{
    switch (sub) {
    case ALU_AND:
        return a & b;
    case ALU_BIC:
        return a & ~b;
    case ALU_ORR:
        return a | b;
    case ALU_ORN:
        return a | ~b;
    case ALU_EOR:
        return a ^ b;
    case ALU_MOV:
        return b;
    case ALU_MVN:
        return ~b;
    default:
        return UINT32_MAX; /* no decoder makes one */
    }
}

static void do_alu(struct m3 *m, const struct insn *i, uint32_t a, uint32_t b,
                   bool carry, bool is_set)
{
    uint32_t x = a, y = b;
    unsigned in = 0;
    bool is_sum = summands(m, i->sub, &x, &y, &in);
    uint64_t sum = (uint64_t)x + y + in;
    uint32_t out = is_sum ? (uint32_t)sum : bits_of(i->sub, a, b);
    if (is_set) {
        set_nz(m, out);
        m->c = is_sum ? sum >> 32 & 1 : carry;
        if (is_sum) {
            m->v = (~(x ^ y) & (x ^ out)) >> 31;
        }
    }
    if (i->rd == 15) {
        m->r[15] = out & ~1u;
    } else if (i->rd != NO_REG) {
        put(m, i->rd, out);
    }
}

static void do_access(struct m3 *m, const struct insn *i, uint32_t offset,
                      uint32_t pc)
{
    uint32_t base = i->rn == 15 ? (pc + 4) & ~3u : m->r[i->rn];
    uint32_t moved = i->is_add ? base + offset : base - offset;
    uint32_t address = i->is_index ? moved : base, value;
    bool is_load = i->op == OP_LOAD || i->op == OP_LOAD_REG;
    if (is_load) {
        if (!load(m, address, i->size, &value)) {
            fault(m, BUS, pc, WHY_BUS);
            return;
        }
        if (i->is_signed) {
            value = extend(value, i->size * 8u);
        }
    } else if (!store(m, address, i->size, m->r[i->rd])) {
        fault(m, BUS, pc, WHY_BUS);
        return;
    }
    if (i->is_wback) {
        put(m, i->rn, moved);
    }
    if (is_load) {
        if (i->rd == 15) {
            jump(m, value, pc);
        } else {
            put(m, i->rd, value);
        }
    }
}

static void do_two(struct m3 *m, const struct insn *i, uint32_t pc)
{
    uint32_t base = i->rn == 15 ? (pc + 4) & ~3u : m->r[i->rn];
    uint32_t moved = i->is_add ? base + i->imm : base - i->imm;
    uint32_t address = i->is_index ? moved : base, first, second;
    if (address & 3) {
        fault(m, USAGE, pc, WHY_UNALIGNED);
        return;
    }
    if (i->op == OP_LOAD_TWO) {
        if (!load(m, address, 4, &first) || !load(m, address + 4, 4, &second)) {
            fault(m, BUS, pc, WHY_BUS);
            return;
        }
    } else if (!store(m, address, 4, m->r[i->rd]) ||
               !store(m, address + 4, 4, m->r[i->ra])) {
        fault(m, BUS, pc, WHY_BUS);
        return;
    }
    if (i->is_wback) {
        put(m, i->rn, moved);
    }
    if (i->op == OP_LOAD_TWO) {
        put(m, i->rd, first);
        put(m, i->ra, second);
    }
}

static void do_many(struct m3 *m, const struct insn *i, uint32_t pc)
{
    uint32_t count = (uint32_t)__builtin_popcount(i->imm), value, to = 0;
    uint32_t base = m->r[i->rn];
    uint32_t address = i->is_add ? base : base - 4 * count;
    uint32_t end = i->is_add ? base + 4 * count : address;
    bool is_jump = false;
    if (address & 3) {
        fault(m, USAGE, pc, WHY_UNALIGNED);
        return;
    }
    for (unsigned reg = 0; reg < 16; reg++) {
        if ((i->imm >> reg & 1) == 0) {
            continue;
        }
        if (i->op == OP_STORE_MANY ? !store(m, address, 4, m->r[reg])
                                   : !load(m, address, 4, &value)) {
            fault(m, BUS, pc, WHY_BUS);
            return;
        }
        if (i->op == OP_LOAD_MANY) {
            if (reg == 15) {
                is_jump = true;
                to = value;
            } else {
                put(m, reg, value);
            }
        }
        address += 4;
    }
    if (i->is_wback) {
        put(m, i->rn, end);
    }
    if (is_jump) {
        jump(m, to, pc);
    }
}

static void do_long(struct m3 *m, const struct insn *i)
{
    uint32_t a = m->r[i->rn], b = m->r[i->rm];
    uint64_t product = i->sub & 2
                           ? (uint64_t)a * b
                           : (uint64_t)((int64_t)(int32_t)a * (int32_t)b);
    if (i->sub & 4) {
        product += (uint64_t)m->r[i->rd] << 32 | m->r[i->ra];
    }
    put(m, i->ra, (uint32_t)product);
    put(m, i->rd, (uint32_t)(product >> 32));
}

static void do_divide(struct m3 *m, const struct insn *i, uint32_t pc)
{
    uint32_t a = m->r[i->rn], b = m->r[i->rm];
    if (b == 0) {
        fault(m, USAGE, pc, WHY_DIVIDE); /* start.c asks for the trap */
    } else if (i->sub == 3) {
        put(m, i->rd, a / b);
    } else if (a == 0x80000000u && b == 0xffffffffu) {
        put(m, i->rd, a);
    } else {
        put(m, i->rd, (uint32_t)((int32_t)a / (int32_t)b));
    }
}

static uint32_t reversed(unsigned kind, uint32_t v)
{
    uint32_t halves = (v & 0x00ff00ffu) << 8 | (v >> 8 & 0x00ff00ffu);
    switch (kind) {
    case 0:
        return halves << 16 | halves >> 16;
    case 1:
        return halves;
    case 3:
        return extend(halves, 16);
    default: {
        uint32_t out = 0;
        for (int bit = 0; bit < 32; bit++) {
            out |= (v >> bit & 1) << (31 - bit);
        }
        return out;
    }
    }
}

static void do_field(struct m3 *m, const struct insn *i)
{
    uint32_t value = get(m, i->rn, 0);
    if (i->sub == 22) { /* bfi, bfc: imm is the highest bit */
        uint32_t mask = (2u << i->imm) - (1u << i->amount);
        uint32_t bits = i->rn == 15 ? 0 : value << i->amount;
        put(m, i->rd, (m->r[i->rd] & ~mask) | (bits & mask));
        return;
    }
    value >>= i->amount;
    value &= i->imm == 31 ? UINT32_MAX : (2u << i->imm) - 1;
    put(m, i->rd, i->sub == 20 ? extend(value, i->imm + 1) : value);
}

static void do_special(struct m3 *m, const struct insn *i)
{
    if (i->op == OP_MSR) {
        if (i->imm == 8) {
            put(m, 13, m->r[i->rn]);
        }
        return;
    }
    put(m, i->rd, i->imm == 8 ? m->r[13] : i->imm == 5 ? m->ipsr : 0);
}

/* ---- what an instruction does, by kind ------------------------------------
 */

/* Each is told its address, and whether it sets flags. False when it is of
 * another kind. */
static bool execute_alu(struct m3 *m, const struct insn *i, uint32_t pc,
                        bool is_set)
{
    bool carry = false;
    uint32_t value;
    switch (i->op) {
    case OP_ALU_IMM:
        do_alu(m, i, get(m, i->rn, pc), i->imm,
               i->carry == NO_CARRY ? m->c : i->carry, is_set);
        return true;
    case OP_ALU_REG:
        value = shifted(m, i->ra, i->amount, get(m, i->rm, pc), &carry);
        do_alu(m, i, get(m, i->rn, pc), value, carry, is_set);
        return true;
    case OP_SHIFT:
        value = shifted(m, i->sub, m->r[i->rm] & 0xff, m->r[i->rn], &carry);
        if (is_set) {
            set_nz(m, value);
            m->c = carry;
        }
        put(m, i->rd, value);
        return true;
    case OP_MOVT:
        put(m, i->rd, (m->r[i->rd] & 0xffffu) | i->imm << 16);
        return true;
    case OP_ADR:
        put(m, i->rd, ((pc + 4) & ~3u) + i->imm);
        return true;
    default:
        return false;
    }
}

static bool execute_product(struct m3 *m, const struct insn *i, uint32_t pc,
                            bool is_set)
{
    uint32_t value = m->r[i->rn] * m->r[i->rm];
    switch (i->op) {
    case OP_MUL:
        if (is_set) {
            set_nz(m, value);
        }
        put(m, i->rd, value);
        return true;
    case OP_MLA:
        put(m, i->rd, m->r[i->ra] + value);
        return true;
    case OP_MLS:
        put(m, i->rd, m->r[i->ra] - value);
        return true;
    case OP_LONG:
        do_long(m, i);
        return true;
    case OP_DIVIDE:
        do_divide(m, i, pc);
        return true;
    default:
        return false;
    }
}

static bool execute_bits(struct m3 *m, const struct insn *i)
{
    bool carry;
    uint32_t value = m->r[i->rm];
    switch (i->op) {
    case OP_CLZ:
        put(m, i->rd, value ? (uint32_t)__builtin_clz(value) : 32);
        return true;
    case OP_REVERSE:
        put(m, i->rd, reversed(i->sub, value));
        return true;
    case OP_EXTEND:
        value = shifted(m, ROR, i->amount, value, &carry);
        put(m, i->rd,
            i->is_signed ? extend(value, i->size * 8u)
                         : value & (i->size == 1 ? 0xffu : 0xffffu));
        return true;
    case OP_FIELD:
        do_field(m, i);
        return true;
    default:
        return false;
    }
}

static bool execute_access(struct m3 *m, const struct insn *i, uint32_t pc)
{
    switch (i->op) {
    case OP_LOAD:
    case OP_STORE:
        do_access(m, i, i->imm, pc);
        return true;
    case OP_LOAD_REG:
    case OP_STORE_REG:
        do_access(m, i, m->r[i->rm] << i->amount, pc);
        return true;
    case OP_LOAD_TWO:
    case OP_STORE_TWO:
        do_two(m, i, pc);
        return true;
    case OP_LOAD_MANY:
    case OP_STORE_MANY:
        do_many(m, i, pc);
        return true;
    default:
        return false;
    }
}

static bool execute_branch(struct m3 *m, const struct insn *i, uint32_t pc)
{
    uint32_t value;
    switch (i->op) {
    case OP_CALL:
        put(m, 14, (pc + 4) | 1u);
        m->r[15] = pc + 4 + i->imm;
        return true;
    case OP_BRANCH:
        m->r[15] = pc + 4 + i->imm;
        return true;
    case OP_BX:
        jump(m, get(m, i->rm, pc), pc);
        return true;
    case OP_BLX:
        value = m->r[i->rm];
        put(m, 14, (pc + 2) | 1u);
        jump(m, value, pc);
        return true;
    case OP_CBZ:
        if ((m->r[i->rn] != 0) == i->sub) {
            m->r[15] = pc + 4 + i->imm;
        }
        return true;
    case OP_TABLE:
        if (!load(m, get(m, i->rn, pc) + m->r[i->rm] * i->size, i->size,
                  &value)) {
            fault(m, BUS, pc, WHY_BUS);
        } else {
            m->r[15] = pc + 4 + 2 * value;
        }
        return true;
    default:
        return false;
    }
}

static bool execute_system(struct m3 *m, const struct insn *i)
{
    switch (i->op) {
    case OP_NOP:
        return true;
    case OP_WFI:
        /* Something may wake it once or twice. */
        m->end = ++m->sleeps == 3 ? M3_HALTED : m->end;
        return true;
    case OP_MSR:
    case OP_MRS:
        do_special(m, i);
        return true;
    default:
        return false;
    }
}

static void execute(struct m3 *m, const struct insn *i, uint32_t pc, bool in_it)
{
    bool is_set = sets_flags(i, in_it);
    if (!execute_alu(m, i, pc, is_set) && !execute_access(m, i, pc) &&
        !execute_branch(m, i, pc) && !execute_bits(m, i) &&
        !execute_product(m, i, pc, is_set) && !execute_system(m, i)) {
        fault(m, USAGE, pc, WHY_UNDEFINED);
    }
}

/* Whether the memory protection unit lets nothing be executed there
 * [B3.5]. */
static bool is_guarded(const struct m3 *m, uint32_t pc)
{
    unsigned bits = (m->mpu_size >> 1 & 31) + 1;
    return (m->mpu_control & 1) && (m->mpu_size & 1) &&
           (m->mpu_size >> 28 & 1) &&
           ((uint64_t)(pc ^ (m->mpu_base & ~31u)) >> bits) == 0;
}

/* Where there are no instructions. */
static void astray(struct m3 *m)
{
    uint32_t pc = m->r[15];
    if (is_guarded(m, pc)) {
        m->count++;
        fault(m, MEMORY, pc, WHY_EXECUTE);
    } else if (pc - M3_FLASH_BASE < 0x01000000u ||
               (is_loading && pc - M3_LOAD_BASE < M3_LOAD_LEN)) {
        m->end = M3_HANDED_OVER;
    } else if (pc - M3_RAM_BASE < 0x00400000u) {
        m->end = M3_WILD;
    } else {
        m->count++;
        fault(m, BUS, pc, WHY_BUS);
    }
}

static void advance(struct m3 *m, bool is_done)
{
    uint32_t pc = m->r[15];
    if (pc >= rom_len) {
        astray(m);
        return;
    }
    const struct insn *i = &code[pc / 2];
    m->count++;
    m->written = 0;
    m->is_flags_set = false;
    m->has_stored = false;
    m->store_at = -1;
    m->r[15] = pc + i->len;
    if (i->op == OP_IT) {
        m->it = is_done ? (uint8_t)i->imm : m->it;
        return;
    }
    bool in_it = (m->it & 15) != 0;
    unsigned cond = in_it ? m->it >> 4u : i->cond;
    if (in_it) {
        unsigned next = m->it;
        next = (next & 0xe0u) | (next << 1 & 0x1fu);
        m->it = (uint8_t)((m->it & 7) == 0 ? 0u : next);
    }
    if (is_done && is_met(m, cond)) {
        execute(m, i, pc, in_it);
    }
}

void m3_step(struct m3 *m, enum m3_speed speed)
{
    uint32_t pc = m->r[15];
    if (speed != M3_EXACT && pc < rom_len && hook_of[pc / 2] != 0) {
        unsigned h = hook_of[pc / 2] - 1u;
        if (speed >= hooks[h].speed && m->it == 0 &&
            hooks[h].run(m, hooks[h].context)) {
            m->count++;
            m->written = 0;
            m->is_flags_set = false;
            m->has_stored = true;
            m->store_at = -1;
            return;
        }
    }
    advance(m, true);
}

void m3_skip(struct m3 *m)
{
    advance(m, false);
}

enum m3_end m3_run(struct m3 *m, uint64_t limit, enum m3_speed speed)
{
    while (m->end == M3_RUNS) {
        if (m->count >= limit) {
            m->end = M3_LIMIT;
            break;
        }
        m3_step(m, speed);
    }
    return m->end;
}

void m3_no_points(void)
{
    memset(is_point, 0, sizeof is_point);
}

void m3_point_at(uint32_t address)
{
    is_point[address / 2] = true;
}

enum m3_end m3_run_to_point(struct m3 *m, uint64_t limit, enum m3_speed speed)
{
    do {
        if (m->count >= limit) {
            m->end = M3_LIMIT;
            break;
        }
        m3_step(m, speed);
    } while (m->end == M3_RUNS &&
             (m->r[15] >= rom_len || !is_point[m->r[15] / 2]));
    return m->end;
}

void m3_reset(struct m3 *m)
{
    memset(m->r, 0, sizeof m->r);
    m->n = m->z = m->c = m->v = false;
    m->it = 0;
    m->ipsr = m->shcsr = m->cfsr = m->vtor = 0;
    m->ccr = 1u << 9; /* the stack is aligned */
    m->mpu_control = m->mpu_base = m->mpu_size = 0;
    m->is_vtor_set = false;
    m->end = M3_RUNS;
    m->sleeps = 0;
    m->line_at = line_len;
    m->waits = 0;
    m->count = 0;
    m->written = 0;
    m->is_flags_set = false;
    m->has_stored = false;
    m->store_at = -1;
    m->console_len = 0;
    memcpy(&m->r[13], rom, 4);
    memcpy(&m->r[15], rom + 4, 4);
    m->r[15] &= ~1u;
    m->r[14] = 0xffffffffu;
}
