/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/vflash.c - see sim/vflash.h. */
#include "sim/vflash.h"

static uint32_t unit_count(const struct selv_vflash *v)
{
    return v->flash.size / v->flash.write_unit;
}

/* SplitMix64: every torn operation draws its own stream from the seed and
 * its place, so that a case replays alone. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void break_rule(struct selv_vflash *v, uint32_t off, const char *words)
{
    if (v->violation_count++ == 0) {
        v->violation = words;
        v->violation_off = off;
    }
}

static bool is_in_range(const struct selv_vflash *v, uint32_t off, uint32_t len)
{
    return off <= v->flash.size && len <= v->flash.size - off;
}

static bool is_protected(const struct selv_vflash *v, uint32_t off,
                         uint32_t len)
{
    for (uint32_t i = off / v->flash.sector_len;
         i * v->flash.sector_len < off + len; i++) {
        if (!v->writable[i]) {
            return true;
        }
    }
    return false;
}

/* Count the operation. True when power is to be lost in it. */
static bool begin_op(struct selv_vflash *v, uint32_t ways)
{
    uint32_t op = v->op_count++;
    if (v->on_op != NULL) {
        v->on_op(v->on_op_arg, op, ways);
    }
    if (op == v->cut_op && v->cut_way >= ways) {
        v->cut_way = 1;
    }
    return op == v->cut_op;
}

static enum selv_err lose_power(struct selv_vflash *v)
{
    v->is_off = true;
    if (v->on_cut != NULL) {
        v->on_cut(v->on_cut_arg);
    }
    return SELV_ERR_FLASH_IO;
}

static enum selv_err do_read(void *port, uint32_t off, void *p, uint32_t len)
{
    struct selv_vflash *v = port;
    if (v->is_off) {
        return SELV_ERR_FLASH_IO;
    }
    if (!is_in_range(v, off, len)) {
        break_rule(v, off, "read out of range");
        return SELV_ERR_FLASH_RULE;
    }
    for (uint32_t i = off / v->flash.write_unit;
         i * v->flash.write_unit < off + len; i++) {
        if (v->programmed[i] == SELV_VFLASH_UNREADABLE) {
            return SELV_ERR_FLASH_IO;
        }
    }
    memcpy(p, v->mem + off, len);
    return SELV_OK;
}

static enum selv_err check_write(struct selv_vflash *v, uint32_t off,
                                 uint32_t len)
{
    uint32_t unit = v->flash.write_unit;
    if (!is_in_range(v, off, len)) {
        break_rule(v, off, "write out of range");
        return SELV_ERR_FLASH_RULE;
    }
    if (off % unit != 0 || len % unit != 0 || len == 0) {
        break_rule(v, off, "write not of whole units");
        return SELV_ERR_FLASH_RULE;
    }
    if (is_protected(v, off, len)) {
        break_rule(v, off, "write to protected bytes");
        return SELV_ERR_FLASH_RULE;
    }
    for (uint32_t i = off / unit; i < (off + len) / unit; i++) {
        if (v->programmed[i]) {
            break_rule(v, i * unit, "write to bytes that are not erased");
            return SELV_ERR_FLASH_RULE;
        }
    }
    return SELV_OK;
}

static void store_units(struct selv_vflash *v, uint32_t off, const uint8_t *p,
                        uint32_t len)
{
    memcpy(v->mem + off, p, len);
    memset(v->programmed + off / v->flash.write_unit, 1,
           len / v->flash.write_unit);
}

/* A unit whose programming was cut short: any subset of the bits that were
 * to change. Where none did, nothing can tell it from an erased one. */
static void tear_unit(struct selv_vflash *v, uint32_t off, const uint8_t *p)
{
    uint64_t state = v->seed ^ (uint64_t)off << 32 ^ v->cut_way;
    bool is_changed = false;
    for (uint32_t i = 0; i < v->flash.write_unit; i++) {
        uint8_t mask = (uint8_t)next_random(&state);
        uint8_t changes = (uint8_t)(v->flash.erased ^ p[i]);
        v->mem[off + i] = (uint8_t)(v->flash.erased ^ (changes & mask));
        is_changed = is_changed || (changes & mask) != 0;
    }
    uint8_t mark = v->has_ecc ? SELV_VFLASH_UNREADABLE : 1;
    v->programmed[off / v->flash.write_unit] = is_changed ? mark : 0;
}

static enum selv_err do_write(void *port, uint32_t off, const void *p,
                              uint32_t len)
{
    struct selv_vflash *v = port;
    uint32_t unit = v->flash.write_unit;
    if (v->is_off) {
        return SELV_ERR_FLASH_IO;
    }
    enum selv_err err = check_write(v, off, len);
    if (err) {
        return err;
    }
    if (!begin_op(v, 1 + 2 * (len / unit))) {
        store_units(v, off, p, len);
        v->write_count++;
        return SELV_OK;
    }
    if (v->cut_way == 1) {
        store_units(v, off, p, len);
    } else if (v->cut_way >= 2) {
        uint32_t j = (v->cut_way - 2) / 2;
        uint32_t whole = v->cut_way % 2 == 0 ? j : j + 1;
        store_units(v, off, p, whole * unit);
        if (v->cut_way % 2 == 0) {
            tear_unit(v, off + j * unit, (const uint8_t *)p + j * unit);
        }
    }
    return lose_power(v);
}

void selv_vflash_blank(struct selv_vflash *v, uint32_t off, uint32_t len)
{
    memset(v->mem + off, v->flash.erased, len);
    memset(v->programmed + off / v->flash.write_unit, 0,
           len / v->flash.write_unit);
}

static void mark_programmed(struct selv_vflash *v, uint32_t off, uint32_t len,
                            uint8_t mark)
{
    uint32_t unit = v->flash.write_unit;
    for (uint32_t at = off; at < off + len; at += unit) {
        bool is_erased = true;
        for (uint32_t i = 0; i < unit; i++) {
            is_erased = is_erased && v->mem[at + i] == v->flash.erased;
        }
        v->programmed[at / unit] = is_erased ? 0 : mark;
    }
}

static void tear_erase(struct selv_vflash *v, uint32_t off)
{
    uint32_t len = v->flash.sector_len;
    uint32_t kind = v->cut_way - 2;
    uint32_t erased_len = kind < 6 ? len / 4 * (kind % 3 + 1) : 0;
    uint64_t state = v->seed ^ (uint64_t)off << 32 ^ v->cut_way;
    for (uint32_t i = 0; i < len; i++) {
        uint8_t *byte = &v->mem[off + i];
        uint8_t random = (uint8_t)next_random(&state);
        if (i < erased_len) {
            *byte = v->flash.erased;
        } else if (kind == 6) {
            *byte = random & 1 ? *byte : v->flash.erased;
        } else if (kind == 8) {
            *byte = v->flash.erased;
        } else if (kind >= 3) {
            *byte = random;
        }
    }
    /* What is left as it was still reads; random bits fit no code. */
    bool is_random = kind >= 3;
    mark_programmed(v, off, len,
                    v->has_ecc && is_random ? SELV_VFLASH_UNREADABLE : 1);
    /* Whatever else reads as erased now may not be written: cells that were
     * erased for too short a time only look so. */
    for (uint32_t i = off / v->flash.write_unit;
         i < (off + len) / v->flash.write_unit; i++) {
        v->programmed[i] = v->programmed[i] != 0 ? v->programmed[i] : 1;
    }
}

static enum selv_err do_erase(void *port, uint32_t off)
{
    struct selv_vflash *v = port;
    uint32_t len = v->flash.sector_len;
    if (v->is_off) {
        return SELV_ERR_FLASH_IO;
    }
    if (!is_in_range(v, off, len) || off % len != 0) {
        break_rule(v, off, "erase of something that is no sector");
        return SELV_ERR_FLASH_RULE;
    }
    if (is_protected(v, off, len)) {
        break_rule(v, off, "erase of a protected sector");
        return SELV_ERR_FLASH_RULE;
    }
    if (!begin_op(v, 2 + SELV_VFLASH_TORN_ERASE_COUNT)) {
        selv_vflash_blank(v, off, len);
        v->erase_count++;
        return SELV_OK;
    }
    if (v->cut_way == 1) {
        selv_vflash_blank(v, off, len);
    } else if (v->cut_way >= 2) {
        tear_erase(v, off);
    }
    return lose_power(v);
}

size_t selv_vflash_mem_len(uint32_t size, uint32_t sector_len,
                           uint16_t write_unit)
{
    return (size_t)size + size / write_unit + size / sector_len;
}

void selv_vflash_init(struct selv_vflash *v, uint8_t *mem, uint32_t size,
                      uint32_t sector_len, uint16_t write_unit, uint8_t erased)
{
    memset(v, 0, sizeof *v);
    v->flash.port = v;
    v->flash.size = size;
    v->flash.sector_len = sector_len;
    v->flash.write_unit = write_unit;
    v->flash.erased = erased;
    v->flash.map = mem;
    v->flash.read = do_read;
    v->flash.write = do_write;
    v->flash.erase = do_erase;
    v->mem = mem;
    v->programmed = mem + size;
    v->writable = v->programmed + unit_count(v);
    selv_vflash_blank(v, 0, size);
    memset(v->writable, 1, size / sector_len);
    selv_vflash_power_on(v);
}

void selv_vflash_power_on(struct selv_vflash *v)
{
    v->is_off = false;
    v->op_count = 0;
    v->cut_op = SELV_VFLASH_NO_CUT;
    v->flash.map = v->is_unmapped ? NULL : v->mem;
}

void selv_vflash_protect(struct selv_vflash *v, uint32_t off, uint32_t len,
                         bool is_off_limits)
{
    uint32_t sector = v->flash.sector_len;
    for (uint32_t i = off / sector; i * sector < off + len; i++) {
        v->writable[i] = !is_off_limits;
    }
}

void selv_vflash_poke(struct selv_vflash *v, uint32_t off, const void *p,
                      uint32_t len)
{
    uint32_t unit = v->flash.write_unit;
    uint32_t first = off / unit * unit;
    uint32_t end = (off + len + unit - 1) / unit * unit;
    memcpy(v->mem + off, p, len);
    mark_programmed(v, first, end - first, 1);
}
