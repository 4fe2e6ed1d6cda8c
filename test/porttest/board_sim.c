/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/board_sim.c - see porttest/board_sim.h. */
#include "test/porttest/board_sim.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    WATCHDOG_MS = 2000,
    TEST_MS = 500,
    CALL_US = 10,    /* of anything */
    UNIT_US = 30,    /* of a write */
    ERASE_US = 2000, /* of a sector */
    BOOTS_MAX = 150
};

/* ---- time and resets ------------------------------------------------------
 */

static void go_reset(struct board_sim *b, enum selv_reset_cause cause)
{
    b->port.cause = cause;
    longjmp(b->on_reset, 1);
}

static void bite(void *arg)
{
    struct board_sim *b = arg;
    go_reset(b, b->lie == LIE_CAUSE_DOG ? SELV_RESET_POWER_ON
                                        : SELV_RESET_WATCHDOG);
}

static bool is_biting(const struct board_sim *b, uint64_t us)
{
    return b->is_dog_running && b->lie != LIE_DOG_DEAD &&
           b->now_us + us >= b->dog_at_us;
}

static void advance(struct board_sim *b, uint64_t us)
{
    if (is_biting(b, us)) {
        b->now_us = b->dog_at_us;
        bite(b);
    }
    b->now_us += us;
}

/* Before an operation of flash: the watchdog may bite in it, in this way. */
static void begin_op(struct board_sim *b, uint64_t us, uint32_t way)
{
    if (is_biting(b, us)) {
        b->v.cut_op = b->v.op_count;
        b->v.cut_way = way;
        b->v.on_cut = bite;
        b->v.on_cut_arg = b;
    } else {
        b->now_us += us;
    }
}

static void hang(struct board_sim *b)
{
    advance(b, UINT64_C(3600) * 1000000);
    b->is_hung = true;
    longjmp(b->on_reset, 1);
}

static uint64_t now_ms(void *port)
{
    struct board_sim *b = port;
    uint64_t us, ms;
    advance(b, CALL_US);
    us = b->now_us + (uint64_t)b->clock_off_us;
    if (b->lie == LIE_CLOCK_FAST) {
        us += us / 10;
    }
    if (b->lie == LIE_CLOCK_JUMPS) {
        us -= us % 100000;
    }
    ms = us / 1000;
    if (b->lie == LIE_CLOCK_STANDS) {
        return 7;
    }
    if (b->lie == LIE_CLOCK_BACK && ms % 16 == 15) {
        return ms - 3;
    }
    return b->lie == LIE_CLOCK_WRAPS ? (uint32_t)ms : ms;
}

static void clock_set(void *port, uint64_t ms)
{
    struct board_sim *b = port;
    b->clock_off_us = (int64_t)(ms * 1000) - (int64_t)b->now_us;
}

static uint32_t ticks(void *port)
{
    const struct board_sim *b = port;
    return (uint32_t)(b->now_us * 25);
}

static void dog_kick(void *port)
{
    struct board_sim *b = port;
    advance(b, CALL_US);
    if (b->lie != LIE_DOG_DEAF) {
        b->dog_at_us = b->now_us + b->dog_us;
    }
}

static void dog_start(void *port, uint32_t ms)
{
    struct board_sim *b = port;
    b->dog_us = (uint64_t)ms * (b->lie == LIE_DOG_EARLY  ? 800
                                : b->lie == LIE_DOG_LATE ? 3000
                                                         : 1000);
    b->is_dog_running = true;
    b->dog_at_us = b->now_us + b->dog_us;
}

static void dog_attack(void *port)
{
    struct board_sim *b = port;
    b->is_dog_running = b->lie != LIE_DOG_STOPS;
}

static void reset_asked(void *port)
{
    struct board_sim *b = port;
    go_reset(b, b->lie == LIE_CAUSE_REQUESTED ? SELV_RESET_UNKNOWN
                                              : SELV_RESET_REQUESTED);
}

static void crash(void *port)
{
    struct board_sim *b = port;
    go_reset(b, b->lie == LIE_CAUSE_CRASH ? SELV_RESET_REQUESTED
                                          : SELV_RESET_CRASH);
}

/* ---- flash ----------------------------------------------------------------
 */

static struct selv_flash *real(struct board_sim *b)
{
    return &b->v.flash;
}

/* A unit that does not read, in the range. */
static bool is_torn_in(const struct board_sim *b, uint32_t off, uint32_t len)
{
    uint32_t unit = b->v.flash.write_unit;
    for (uint32_t i = off / unit; i * unit < off + len; i++) {
        if (b->v.programmed[i] == SELV_VFLASH_UNREADABLE) {
            return true;
        }
    }
    return false;
}

static bool is_inside(const struct board_sim *b, uint32_t off, uint32_t len)
{
    return off <= b->shown.size && len <= b->shown.size - off;
}

static enum selv_err sim_read(void *port, uint32_t off, void *p, uint32_t len)
{
    struct board_sim *b = port;
    advance(b, b->lie == LIE_READ_SLOW ? 15000 : 1);
    if (!is_inside(b, off, len)) {
        if (b->lie == LIE_READ_BEYOND) {
            memset(p, 0x11, len);
            return SELV_OK;
        }
        return SELV_ERR_FLASH_RULE;
    }
    if (b->lie == LIE_SIZE || b->lie == LIE_SIZE_HIGH) {
        uint8_t *to = p;
        for (uint32_t i = 0; i < len; i++) {
            to[i] = b->mem[(off + i) % real(b)->size];
        }
        return SELV_OK;
    }
    if (b->lie == LIE_READ_ALIGNED) {
        off -= off % 4;
        len = len < real(b)->size - off ? len : real(b)->size - off;
    }
    if (is_torn_in(b, off, len)) {
        if (b->lie == LIE_TORN_HANGS) {
            hang(b);
        }
        if (b->lie == LIE_TORN_FAULTS) {
            go_reset(b, SELV_RESET_CRASH);
        }
    }
    if (b->lie == LIE_SPOILT_SPREADS && off >= 16 &&
        is_inside(b, off - 16, len + 32) && is_torn_in(b, off - 16, len + 32)) {
        return SELV_ERR_FLASH_IO;
    }
    return real(b)->read(real(b)->port, off, p, len);
}

/* The real flash takes units of twice the length. */
static enum selv_err write_halves(struct board_sim *b, uint32_t off,
                                  const uint8_t *p, uint32_t len)
{
    uint32_t unit = real(b)->write_unit;
    enum selv_err err = SELV_OK;
    while (len > 0 && !err) {
        uint32_t at = off % unit, n = unit - at < len ? unit - at : len;
        uint8_t bytes[SELV_FLASH_UNIT_MAX];
        memset(bytes, b->lie == LIE_UNIT_PADS ? 0x33 : b->shown.erased,
               sizeof bytes);
        if (b->lie == LIE_UNIT_PADS) {
            selv_vflash_blank(&b->v, off - at, unit);
        }
        memcpy(bytes + at, p, n);
        err = real(b)->write(real(b)->port, off - at, bytes, unit);
        off += n;
        p += n;
        len -= n;
    }
    return err;
}

static void write_wrapped(struct board_sim *b, uint32_t off, const uint8_t *p,
                          uint32_t len, uint32_t page)
{
    for (uint32_t i = 0; i < len; i++) {
        uint32_t at = off - off % page + (off + i) % page;
        uint8_t byte =
            b->shown.erased == 0xff ? b->mem[at] & p[i] : b->mem[at] | p[i];
        selv_vflash_poke(&b->v, at, &byte, 1);
    }
}

static bool is_same(const struct board_sim *b, uint32_t off, const void *p,
                    uint32_t len)
{
    return is_inside(b, off, len) && memcmp(b->mem + off, p, len) == 0;
}

static enum selv_err write_lying(struct board_sim *b, uint32_t off,
                                 const uint8_t *p, uint32_t len)
{
    uint32_t unit = b->shown.write_unit;
    enum selv_err err;
    switch (b->lie) {
    case LIE_WRITE_NOTHING:
        return SELV_OK;
    case LIE_WRITE_UNALIGNED:
        off -= off % unit;
        break;
    case LIE_WRITE_TAIL:
        if (off % unit == 0 && len % unit != 0 && is_inside(b, off, len)) {
            selv_vflash_poke(&b->v, off, p, len);
            return SELV_OK;
        }
        break;
    case LIE_WRITE_SHORT:
        len = len < 64 ? len : 64;
        break;
    case LIE_WRITE_SECTOR:
        if (off % b->shown.sector_len + len > b->shown.sector_len) {
            len = b->shown.sector_len - off % b->shown.sector_len;
        }
        break;
    case LIE_WRITE_BEYOND:
        if (!is_inside(b, off, len)) {
            return SELV_OK;
        }
        break;
    case LIE_WRITE_AGAIN:
    case LIE_WRITE_PAGE:
        if (off % unit == 0 && len % unit == 0 && is_inside(b, off, len)) {
            if (b->lie == LIE_WRITE_PAGE &&
                off / 256 == (off + len - 1) / 256) {
                break;
            }
            write_wrapped(b, off, p, len,
                          b->lie == LIE_WRITE_PAGE ? 256 : b->shown.size);
            return SELV_OK;
        }
        break;
    case LIE_LAST_UNIT:
        if (off + len == b->shown.size) {
            return SELV_ERR_FLASH_RULE;
        }
        break;
    case LIE_WRITE_SAME:
        if (is_same(b, off, p, len)) {
            return SELV_OK;
        }
        break;
    case LIE_WRITE_WORDS:
        p = (const uint8_t *)((uintptr_t)p & ~(uintptr_t)3);
        break;
    case LIE_UNIT_SMALL:
    case LIE_UNIT_PADS:
        if (off % unit == 0 && len % unit == 0 && is_inside(b, off, len)) {
            return write_halves(b, off, p, len);
        }
        break;
    case LIE_SIZE:
    case LIE_SIZE_HIGH:
        if (is_inside(b, off, len)) {
            off %= real(b)->size;
        }
        break;
    default:
        break;
    }
    err = real(b)->write(real(b)->port, off, p, len);
    return err && b->lie == LIE_WRITE_IO ? SELV_ERR_FLASH_IO : err;
}

/* A mapping that follows the first sectors. */
static void follow(struct board_sim *b)
{
    if (b->lie == LIE_MAP_FAR) {
        memcpy(b->stale, b->mem, b->port.area_off + b->shown.sector_len);
    }
}

static enum selv_err sim_write(void *port, uint32_t off, const void *p,
                               uint32_t len)
{
    struct board_sim *b = port;
    begin_op(b, (uint64_t)UNIT_US * (len / b->shown.write_unit), 2);
    b->late_off = off;
    b->late_len = len;
    enum selv_err err = write_lying(b, off, p, len);
    if (err) {
        b->late_len = 0;
    }
    follow(b);
    return err;
}

static enum selv_err erase_lying(struct board_sim *b, uint32_t off)
{
    uint32_t len = real(b)->sector_len, last;
    uint8_t byte;
    enum selv_err err;
    switch (b->lie) {
    case LIE_ERASE_NOTHING:
        return SELV_OK;
    case LIE_ERASE_INSIDE:
    case LIE_SECTOR_HALF:
        if (off < b->shown.size &&
            (b->lie == LIE_ERASE_INSIDE || off % b->shown.sector_len == 0)) {
            off -= off % len;
        }
        break;
    case LIE_SIZE:
    case LIE_SIZE_HIGH:
        off = off < b->shown.size ? off % real(b)->size : off;
        break;
    case LIE_SECTOR_DOUBLE:
        if (off % b->shown.sector_len != 0) {
            return SELV_ERR_FLASH_RULE;
        }
        break;
    case LIE_ERASE_TIRED:
        if (off == b->port.area_off && ++b->erase_count > 20) {
            return SELV_OK;
        }
        break;
    default:
        break;
    }
    last = off + len - 1;
    byte = last < real(b)->size ? b->mem[last] : 0;
    err = real(b)->erase(real(b)->port, off);
    if (!err && b->lie == LIE_ERASE_PART) {
        selv_vflash_poke(&b->v, last, &byte, 1);
    }
    if (!err && b->lie == LIE_ERASE_NEXT && last + 1 < real(b)->size) {
        selv_vflash_blank(&b->v, last + 1, len);
    }
    if (!err && b->lie == LIE_ERASE_ALIEN) {
        selv_vflash_blank(&b->v, 0, len);
    }
    return err;
}

static enum selv_err sim_erase(void *port, uint32_t off)
{
    struct board_sim *b = port;
    /* A quarter is erased, the rest is anything. */
    begin_op(b, b->lie == LIE_ERASE_SLOW ? 1400000 : ERASE_US, 5);
    b->late_len = 0;
    enum selv_err err = erase_lying(b, off);
    follow(b);
    return err;
}

static struct selv_sector sim_sector_of(void *port, uint32_t off)
{
    struct board_sim *b = port;
    if (b->lie == LIE_SECTOR_TABLE) {
        uint32_t len = b->shown.sector_len;
        uint32_t odd = off < b->port.area_off ? 1 : 2;
        uint32_t from = off < b->port.area_off ? 0 : b->port.area_off;
        return (struct selv_sector){off - (off - from) % (odd * len),
                                    odd * len};
    }
    return selv_flash_sector(real(b), off);
}

static void spoil(void *port, uint32_t off)
{
    struct board_sim *b = port;
    uint8_t byte = (uint8_t)(b->mem[off] ^ 0xff);
    if (b->v.has_ecc) {
        b->v.programmed[off / real(b)->write_unit] = SELV_VFLASH_UNREADABLE;
    } else {
        selv_vflash_poke(&b->v, off, &byte, 1);
    }
}

/* ---- the rest -------------------------------------------------------------
 */

static void print(void *port, const char *text)
{
    struct board_sim *b = port;
    size_t len = strlen(text);
    if (b->text_len + len < sizeof b->text) {
        memcpy(b->text + b->text_len, text, len + 1);
        b->text_len += len;
    }
}

static uint32_t stack_paint(void *port)
{
    (void)port;
    return 300;
}

static uint32_t stack_used(void *port)
{
    (void)port;
    return 300 + 1776;
}

static enum selv_err draw(void *port, uint8_t *p, size_t len)
{
    struct board_sim *b = port;
    uint64_t x = b->lie == LIE_RANDOM_REPEATS ? 1 : b->boot_count + 1;
    x = x * UINT64_C(0x9e3779b97f4a7c15) + b->draw_count++;
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        p[i] = (uint8_t)(x >> 32);
        if (b->lie == LIE_RANDOM_STUCK) {
            p[i] = 0x5a;
        }
        if (b->lie == LIE_RANDOM_BIASED) {
            p[i] &= 0x1f;
        }
    }
    return SELV_OK;
}

static void show_flash(struct board_sim *b)
{
    struct selv_flash *f = &b->shown;
    *f = b->v.flash;
    f->port = b;
    f->read = sim_read;
    f->write = sim_write;
    f->erase = sim_erase;
    f->sector_of = f->sector_of != NULL || b->lie == LIE_SECTOR_TABLE
                       ? sim_sector_of
                       : NULL;
    switch (b->lie) {
    case LIE_UNIT_ODD:
        f->write_unit = 3;
        break;
    case LIE_ERASED_VALUE:
        f->erased = (uint8_t)~f->erased;
        break;
    case LIE_SECTOR_DOUBLE:
        f->sector_len *= 2;
        f->size -= f->size % f->sector_len;
        break;
    case LIE_SECTOR_HALF:
        f->sector_len /= 2;
        break;
    case LIE_UNIT_SMALL:
    case LIE_UNIT_PADS:
        f->write_unit /= 2;
        break;
    case LIE_SIZE:
    case LIE_SIZE_HIGH:
        f->size *= 2;
        f->map = NULL;
        break;
    case LIE_MAP_FAR:
    case LIE_MAP_STALE:
        f->map = b->stale;
        break;
    default:
        break;
    }
}

/* The first two sectors are not for the test, and the first is locked. */
static void show_area(struct board_sim *b)
{
    struct selv_porttest_port *p = &b->port;
    struct selv_sector first = selv_flash_sector(&b->v.flash, 0);
    struct selv_sector second = selv_flash_sector(&b->v.flash, first.len);
    p->area_off = second.off + second.len;
    if (b->lie == LIE_SECTOR_TABLE) {
        b->shown.size -=
            (b->shown.size - p->area_off) % (2 * b->shown.sector_len);
    }
    p->area_len = b->shown.size - p->area_off -
                  (b->lie == LIE_AREA ? b->shown.sector_len / 2 : 0);
    p->locked_off = first.off;
    p->locked_len = first.len;
    if (b->lie == LIE_SIZE || b->lie == LIE_SIZE_HIGH) {
        /* Where addresses wrap a lock would show them. */
        p->locked_len = 0;
        if (b->lie == LIE_SIZE_HIGH) {
            p->area_off = real(b)->size;
            p->area_len = real(b)->size;
        }
    }
    if (p->locked_len != 0) {
        selv_vflash_protect(&b->v, first.off, first.len,
                            b->lie != LIE_UNLOCKED);
    }
}

static void fill_port(struct board_sim *b)
{
    struct selv_porttest_port *p = &b->port;
    p->port = b;
    p->name = "simulator";
    p->print = print;
    p->state = &b->state;
    p->cause = SELV_RESET_POWER_ON;
    p->flash = &b->shown;
    p->layout = &b->layout;
    p->spoil = spoil;
    p->scratch = (struct selv_buf){b->scratch, sizeof b->scratch, 0};
    p->watchdog_start = dog_start;
    p->watchdog_kick = dog_kick;
    p->watchdog_attack = dog_attack;
    p->watchdog_ms = WATCHDOG_MS;
    p->watchdog_test_ms = TEST_MS;
    p->reset = reset_asked;
    p->crash = crash;
    p->now_ms = now_ms;
    p->clock_set = clock_set;
    p->ticks = ticks;
    p->ticks_per_ms = 25000;
    p->stack_paint = stack_paint;
    p->stack_used = stack_used;
    p->boot_stack_len = b->lie == LIE_STACK_SMALL ? 1800 : 2816;
    p->guard = SELV_PORTTEST_GUARD_PLACE;
    p->stack_limit = b->lie == LIE_STACK_PLACE ? (uint8_t *)(&b->test + 1) + 64
                                               : (const uint8_t *)b;
    p->random = draw;
}

void board_sim_open(struct board_sim *b, const struct selv_geometry *geometry,
                    enum lie lie)
{
    memset(b, 0, sizeof *b);
    b->lie = lie;
    b->mem = malloc(selv_geometry_mem_len(geometry));
    b->stale = calloc(1, selv_geometry_size(geometry));
    selv_geometry_layout(geometry, &b->layout);
    if (b->mem == NULL || b->stale == NULL) {
        abort();
    }
    if (lie == LIE_LAYOUT) {
        b->layout.log_off[0] = b->layout.journal_off[1];
    }
    selv_geometry_init(geometry, &b->v, b->mem);
    /* Something that is not erased, outside of the area. */
    selv_vflash_poke(&b->v, 0, "factory", 7);
    fill_port(b);
    show_flash(b);
    show_area(b);
    memset(&b->state, 0xa7, sizeof b->state);
}

void board_sim_close(struct board_sim *b)
{
    free(b->mem);
    free(b->stale);
}

/* What a reset does to the board. */
static void come_up(struct board_sim *b)
{
    if (b->lie == LIE_WRITE_BUFFERED && b->late_len != 0) {
        selv_vflash_blank(&b->v, b->late_off, b->late_len);
    }
    if (b->lie == LIE_STATE_LOST) {
        memset(&b->state, 0, sizeof b->state);
    }
    selv_vflash_power_on(&b->v);
    selv_vflash_boot(&b->v);
    b->is_dog_running = false;
    b->clock_off_us = -(int64_t)b->now_us;
    b->draw_count = 0;
    b->boot_count++;
    memset(&b->test, 0, sizeof b->test);
    b->test.port = &b->port;
}

uint32_t board_sim_run(struct board_sim *b)
{
    if (setjmp(b->on_reset) != 0 &&
        (b->is_hung || b->boot_count >= BOOTS_MAX)) {
        return UINT32_MAX;
    }
    come_up(b);
    return selv_porttest_run(&b->test);
}

bool board_sim_has(const struct board_sim *b, const char *verdict,
                   const char *check)
{
    char line[64];
    size_t len;
    snprintf(line, sizeof line, "\n%s %s", verdict, check);
    len = strlen(line);
    for (const char *at = b->text; (at = strstr(at, line)) != NULL; at++) {
        if (at[len] == ':' || at[len] == '\n' || at[len] == ';') {
            return true;
        }
    }
    return false;
}
