/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/vflash.c - see sim/vflash.h. */
#include "sim/vflash.h"

static uint32_t unit_count(const struct selv_vflash *v)
{
    return v->flash.size / v->flash.write_unit;
}

uint64_t selv_vflash_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* ---- metastable bytes ------------------------------------------------------
 */

/* A unit's mark: METASTABLE, IS_OF_ERASE, kind << KIND_SHIFT, boots since. */
enum {
    METASTABLE = 0x80,
    IS_OF_ERASE = 0x40,
    KIND_SHIFT = 3,
    KIND_MASK = 7,
    AGE_MASK = 7,
    AGE_SETTLED = 4,                      /* boots; then nothing changes */
    WRITTEN_OVER = SELV_VFLASH_KIND_COUNT /* holds until the next boot */
};

/* How a metastable unit reads now. */
enum reading { READS_ERASED, READS_OTHER, READS_MIXED };

static enum reading reading_of(uint8_t mark)
{
    unsigned age = mark & AGE_MASK;
    bool is_now = age <= 1;
    switch ((unsigned)mark >> KIND_SHIFT & KIND_MASK) {
    case SELV_VFLASH_OTHER_THEN_MIXED:
        return is_now ? READS_OTHER : READS_MIXED;
    case SELV_VFLASH_ERASED_THEN_MIXED:
        return is_now ? READS_ERASED : READS_MIXED;
    case SELV_VFLASH_ERASED_THEN_OTHER:
        return is_now ? READS_ERASED : READS_OTHER;
    case SELV_VFLASH_OTHER_THEN_ERASED:
        return is_now ? READS_OTHER : READS_ERASED;
    case WRITTEN_OVER:
        return age == 0 ? READS_OTHER : READS_MIXED;
    default:
        return READS_MIXED;
    }
}

/* The value of a metastable unit's bytes; salt tells boots and reads apart. */
static void resolve(struct selv_vflash *v, uint32_t unit_index, uint64_t salt)
{
    uint32_t unit = v->flash.write_unit, off = unit_index * unit;
    enum reading reading = reading_of(v->programmed[unit_index]);
    uint64_t state = v->seed ^ (uint64_t)off << 32 ^ salt << 8 ^ 0x55;
    for (uint32_t i = off; i < off + unit; i++) {
        uint8_t mask = (uint8_t)selv_vflash_random(&state);
        mask = reading == READS_MIXED   ? mask
               : reading == READS_OTHER ? 0xff
                                        : 0x00;
        v->mem[i] = (uint8_t)((v->other[i] & mask) |
                              (v->flash.erased & (uint8_t)~mask));
    }
}

static uint8_t make_mark(unsigned kind, bool is_of_erase)
{
    return (uint8_t)(METASTABLE | (is_of_erase ? IS_OF_ERASE : 0) |
                     kind << KIND_SHIFT);
}

static bool is_changing(uint8_t mark)
{
    return (mark & METASTABLE) != 0 && (mark & AGE_MASK) < AGE_SETTLED;
}

/* The first unit from i on, below end, whose mark has one of these bits; end:
 * none. Eight at a time: there are thousands, and hardly one is marked. */
static uint32_t find_mark(const struct selv_vflash *v, uint32_t i, uint32_t end,
                          uint8_t bits)
{
    uint64_t word, all = bits * UINT64_C(0x0101010101010101);
    while (i < end) {
        if (end - i >= sizeof word) {
            memcpy(&word, v->programmed + i, sizeof word);
            if ((word & all) == 0) {
                i += (uint32_t)sizeof word;
                continue;
            }
        }
        if ((v->programmed[i] & bits) != 0) {
            return i;
        }
        i++;
    }
    return end;
}

void selv_vflash_boot(struct selv_vflash *v)
{
    uint32_t count = unit_count(v);
    v->is_dead = false;
    for (uint32_t i = find_mark(v, 0, count, METASTABLE); i < count;
         i = find_mark(v, i + 1, count, METASTABLE)) {
        if (is_changing(v->programmed[i])) {
            v->programmed[i]++;
            resolve(v, i, v->programmed[i] & AGE_MASK);
        }
    }
}

bool selv_vflash_is_changing(const struct selv_vflash *v)
{
    uint32_t count = unit_count(v);
    for (uint32_t i = find_mark(v, 0, count, METASTABLE); i < count;
         i = find_mark(v, i + 1, count, METASTABLE)) {
        if (is_changing(v->programmed[i])) {
            return true;
        }
    }
    return false;
}

/* ---- reads -----------------------------------------------------------------
 */

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
static bool begin_op(struct selv_vflash *v, struct selv_vflash_op what,
                     uint32_t ways)
{
    uint32_t op = v->op_count++;
    v->way_count += ways;
    v->op = what;
    if (v->on_op != NULL) {
        v->on_op(v->on_op_arg, op, ways);
    }
    if (op == v->cut_op && v->cut_way >= ways) {
        v->cut_way = 1;
    }
    return op == v->cut_op;
}

/* The operation that begins now fails. A sector that is dead fails in every
 * one, also in those of an application. */
static bool is_failing(struct selv_vflash *v, uint32_t off)
{
    uint32_t sector = selv_flash_sector(&v->flash, off).off;
    if (v->is_dead && v->dead_off == sector) {
        return true;
    }
    if (v->is_sound || v->fallible_count++ != v->bad_op) {
        return false;
    }
    v->has_failed = true;
    v->is_dead = v->bad_op_kind == SELV_VFLASH_OP_DEAD;
    v->dead_off = sector;
    return true;
}

static enum selv_err lose_power(struct selv_vflash *v, const char *words)
{
    v->is_off = true;
    v->cut_words = words;
    if (v->on_cut != NULL) {
        v->on_cut(v->on_cut_arg);
    }
    return SELV_ERR_FLASH_IO;
}

static struct selv_sector sector_of(void *port, uint32_t off)
{
    const struct selv_vflash *v = port;
    uint32_t start = 0;
    for (size_t i = 0;; i++) {
        uint32_t len = v->sectors[i] * v->flash.sector_len;
        if (off - start < len) {
            return (struct selv_sector){start, len};
        }
        start += len;
    }
}

/* With error correction a mixture fits no code. */
static bool is_readable(const struct selv_vflash *v, uint32_t unit_index)
{
    uint8_t mark = v->programmed[unit_index];
    if ((mark & METASTABLE) != 0) {
        return !v->has_ecc || reading_of(mark) != READS_MIXED;
    }
    return mark != SELV_VFLASH_UNREADABLE;
}

/* The one read that fails, and is right when it is tried again. */
static enum selv_err spoil_read(struct selv_vflash *v, uint32_t off, uint8_t *p,
                                uint32_t len)
{
    if (v->is_sound || v->read_count++ != v->bad_read || len == 0) {
        return SELV_OK;
    }
    uint64_t state = v->seed ^ (uint64_t)off << 32 ^ v->bad_read;
    uint64_t random = selv_vflash_random(&state);
    switch (v->bad_read_kind) {
    case SELV_VFLASH_READ_FLIP:
        p[random % len] ^= (uint8_t)(1u << (random >> 32 & 7));
        return SELV_OK;
    case SELV_VFLASH_READ_BLANK:
        memset(p, v->flash.erased, len);
        return SELV_OK;
    case SELV_VFLASH_READ_ERROR:
    case SELV_VFLASH_READ_COUNT:
    default:
        return SELV_ERR_FLASH_IO;
    }
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
    uint32_t unit = v->flash.write_unit, end = (off + len + unit - 1) / unit;
    const uint8_t marks = METASTABLE | SELV_VFLASH_UNREADABLE;
    for (uint32_t i = find_mark(v, off / unit, end, marks); i < end;
         i = find_mark(v, i + 1, end, marks)) {
        if (is_changing(v->programmed[i]) &&
            (v->programmed[i] >> KIND_SHIFT & KIND_MASK) ==
                SELV_VFLASH_EACH_READ) {
            resolve(v, i, UINT64_C(1000) + v->noise_count++);
        }
        if (!is_readable(v, i)) {
            return SELV_ERR_FLASH_IO;
        }
    }
    memcpy(p, v->mem + off, len);
    return spoil_read(v, off, p, len);
}

/* Torn, but who reads it finds it erased. */
static bool takes_write(const struct selv_vflash *v, uint32_t unit_index)
{
    uint8_t mark = v->programmed[unit_index];
    if ((mark & METASTABLE) == 0 || (mark & IS_OF_ERASE) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < v->flash.write_unit; i++) {
        if (v->mem[unit_index * v->flash.write_unit + i] != v->flash.erased) {
            return false;
        }
    }
    return true;
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
        if (v->programmed[i] && !takes_write(v, i)) {
            break_rule(v, i * unit, "write to bytes that are not erased");
            return SELV_ERR_FLASH_RULE;
        }
    }
    return SELV_OK;
}

static void store_units(struct selv_vflash *v, uint32_t off, const uint8_t *p,
                        uint32_t len)
{
    uint32_t unit = v->flash.write_unit;
    memcpy(v->mem + off, p, len);
    for (uint32_t i = off / unit; i < (off + len) / unit; i++) {
        if ((v->programmed[i] & METASTABLE) != 0) {
            v->programmed[i] = make_mark(WRITTEN_OVER, false);
            memcpy(v->other + i * unit, v->mem + i * unit, unit);
        } else {
            v->programmed[i] = 1;
        }
    }
}

/* The unit that the i-th pick of a write of n units means. */
static uint32_t picked_unit(uint32_t i, uint32_t n)
{
    return i == 0 ? n - 1 : i == 1 ? 0 : n / 2;
}

/* Fewer picks than three when units are few. */
static uint32_t pick_count(const struct selv_vflash *v, uint32_t n)
{
    uint32_t most = n < SELV_VFLASH_PICK_COUNT ? n : SELV_VFLASH_PICK_COUNT;
    return v->has_metastable ? most : 0;
}

static void make_metastable(struct selv_vflash *v, uint32_t unit_index,
                            unsigned kind, bool is_of_erase)
{
    bool is_alike = true;
    for (uint32_t i = 0; i < v->flash.write_unit; i++) {
        is_alike = is_alike && v->other[unit_index * v->flash.write_unit + i] ==
                                   v->flash.erased;
    }
    v->programmed[unit_index] =
        is_alike ? is_of_erase : make_mark(kind, is_of_erase);
    if (!is_alike) {
        resolve(v, unit_index, 0);
    }
}

static void cut_write_metastable(struct selv_vflash *v, uint32_t off,
                                 const uint8_t *p, uint32_t n, uint32_t which)
{
    uint32_t unit = v->flash.write_unit;
    uint32_t j = picked_unit(which / SELV_VFLASH_KIND_COUNT, n);
    store_units(v, off, p, j * unit);
    memcpy(v->other + off + j * unit, p + j * unit, unit);
    make_metastable(v, off / unit + j, which % SELV_VFLASH_KIND_COUNT, false);
}

/* A unit whose programming was cut short: any subset of the bits that were
 * to change. Where none did, nothing can tell it from an erased one. */
static void tear_unit(struct selv_vflash *v, uint32_t off, const uint8_t *p,
                      uint32_t way)
{
    uint64_t state = v->seed ^ (uint64_t)off << 32 ^ way;
    bool is_changed = false;
    for (uint32_t i = 0; i < v->flash.write_unit; i++) {
        uint8_t mask = (uint8_t)selv_vflash_random(&state);
        uint8_t changes = (uint8_t)(v->flash.erased ^ p[i]);
        v->mem[off + i] = (uint8_t)(v->flash.erased ^ (changes & mask));
        is_changed = is_changed || (changes & mask) != 0;
    }
    uint8_t mark = v->has_ecc ? SELV_VFLASH_UNREADABLE : 1;
    v->programmed[off / v->flash.write_unit] = is_changed ? mark : 0;
}

/* The units of a write that a torn way leaves. */
static void write_torn(struct selv_vflash *v, uint32_t off, const uint8_t *p,
                       uint32_t way)
{
    uint32_t unit = v->flash.write_unit, j = (way - 2) / 2;
    uint32_t whole = way % 2 == 0 ? j : j + 1;
    store_units(v, off, p, whole * unit);
    if (way % 2 == 0) {
        tear_unit(v, off + j * unit, p + j * unit, way);
    }
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
    uint32_t n = len / unit, torn_ways = 1 + 2 * n;
    if (!begin_op(v, (struct selv_vflash_op){off, len, p},
                  torn_ways + pick_count(v, n) * SELV_VFLASH_KIND_COUNT)) {
        if (is_failing(v, off)) {
            if (v->bad_op_kind == SELV_VFLASH_OP_HALF) {
                write_torn(v, off, p, 2 + n / 2 * 2);
            }
            return SELV_ERR_FLASH_IO;
        }
        store_units(v, off, p, len);
        v->write_count++;
        return SELV_OK;
    }
    if (v->cut_way == 1) {
        store_units(v, off, p, len);
    } else if (v->cut_way >= torn_ways) {
        cut_write_metastable(v, off, p, n, v->cut_way - torn_ways);
    } else if (v->cut_way >= 2) {
        write_torn(v, off, p, v->cut_way);
    }
    const char *words = v->cut_way == 0           ? "a cut before a write"
                        : v->cut_way == 1         ? "a cut after a write"
                        : v->cut_way >= torn_ways ? "a metastable write"
                                                  : "a torn write";
    return lose_power(v, words);
}

void selv_vflash_blank(struct selv_vflash *v, uint32_t off, uint32_t len)
{
    memset(v->mem + off, v->flash.erased, len);
    memset(v->programmed + off / v->flash.write_unit, 0,
           len / v->flash.write_unit);
    memset(v->other + off, 0, len);
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

static void tear_erase(struct selv_vflash *v, uint32_t off, uint32_t way)
{
    uint32_t len = selv_flash_sector(&v->flash, off).len;
    uint32_t kind = way - 2;
    uint32_t erased_len = kind < 6 ? len / 4 * (kind % 3 + 1) : 0;
    uint64_t state = v->seed ^ (uint64_t)off << 32 ^ way;
    for (uint32_t i = 0; i < len; i++) {
        uint8_t *byte = &v->mem[off + i];
        uint8_t random = (uint8_t)selv_vflash_random(&state);
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

static void cut_erase_metastable(struct selv_vflash *v, uint32_t off,
                                 unsigned kind)
{
    uint32_t unit = v->flash.write_unit;
    uint32_t len = selv_flash_sector(&v->flash, off).len;
    memcpy(v->other + off, v->mem + off, len);
    for (uint32_t i = off / unit; i < (off + len) / unit; i++) {
        make_metastable(v, i, kind, true);
    }
}

static enum selv_err do_erase(void *port, uint32_t off)
{
    struct selv_vflash *v = port;
    if (v->is_off) {
        return SELV_ERR_FLASH_IO;
    }
    if (!is_in_range(v, off, 1) ||
        selv_flash_sector(&v->flash, off).off != off) {
        break_rule(v, off, "erase of something that is no sector");
        return SELV_ERR_FLASH_RULE;
    }
    uint32_t len = selv_flash_sector(&v->flash, off).len;
    if (is_protected(v, off, len)) {
        break_rule(v, off, "erase of a protected sector");
        return SELV_ERR_FLASH_RULE;
    }
    uint32_t torn_ways = 2 + SELV_VFLASH_TORN_ERASE_COUNT;
    if (!begin_op(v, (struct selv_vflash_op){off, 0, NULL},
                  torn_ways +
                      (v->has_metastable ? SELV_VFLASH_KIND_COUNT : 0u))) {
        if (is_failing(v, off)) {
            if (v->bad_op_kind == SELV_VFLASH_OP_HALF) {
                tear_erase(v, off,
                           2 + v->bad_op % SELV_VFLASH_TORN_ERASE_COUNT);
            }
            return SELV_ERR_FLASH_IO;
        }
        selv_vflash_blank(v, off, len);
        v->erase_count++;
        return SELV_OK;
    }
    if (v->cut_way == 1) {
        selv_vflash_blank(v, off, len);
    } else if (v->cut_way >= torn_ways) {
        cut_erase_metastable(v, off, v->cut_way - torn_ways);
    } else if (v->cut_way >= 2) {
        tear_erase(v, off, v->cut_way);
    }
    const char *words = v->cut_way == 0           ? "a cut before an erase"
                        : v->cut_way == 1         ? "a cut after an erase"
                        : v->cut_way >= torn_ways ? "a metastable erase"
                                                  : "a torn erase";
    return lose_power(v, words);
}

void selv_vflash_do(struct selv_vflash *v, const struct selv_vflash_op *op)
{
    if (op->p != NULL) {
        (void)do_write(v, op->off, op->p, op->len);
    } else {
        (void)do_erase(v, op->off);
    }
}

size_t selv_vflash_mem_len(uint32_t size, uint32_t sector_len,
                           uint16_t write_unit)
{
    return 2 * (size_t)size + size / write_unit + size / sector_len;
}

uint64_t selv_vflash_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ (hash >> 29);
}

/* Four streams side by side, since a product takes its time. */
static uint64_t hash_bytes(const uint8_t *p, size_t len)
{
    uint64_t lanes[4] = {1, 2, 3, 4}, words[4];
    size_t at = 0;
    for (; len - at >= sizeof words; at += sizeof words) {
        memcpy(words, p + at, sizeof words);
        for (int i = 0; i < 4; i++) {
            lanes[i] = selv_vflash_mix(lanes[i], words[i]);
        }
    }
    for (; at < len; at++) {
        lanes[0] = selv_vflash_mix(lanes[0], p[at]);
    }
    for (int i = 1; i < 4; i++) {
        lanes[0] = selv_vflash_mix(lanes[0], lanes[i]);
    }
    return lanes[0];
}

uint64_t selv_vflash_hash(const struct selv_vflash *v)
{
    uint32_t unit = v->flash.write_unit, count = unit_count(v);
    uint64_t h = hash_bytes(v->mem, v->flash.size);
    h = selv_vflash_mix(h, hash_bytes(v->programmed, count));
    /* Of other bytes only those that will be read. */
    for (uint32_t i = find_mark(v, 0, count, METASTABLE); i < count;
         i = find_mark(v, i + 1, count, METASTABLE)) {
        for (uint32_t k = 0; k < unit && is_changing(v->programmed[i]); k++) {
            h = selv_vflash_mix(h, v->other[i * unit + k]);
        }
    }
    return h;
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
    v->other = v->programmed + unit_count(v);
    v->writable = v->other + size;
    selv_vflash_blank(v, 0, size);
    memset(v->other, 0, size);
    memset(v->writable, 1, size / sector_len);
    selv_vflash_power_on(v);
}

void selv_vflash_set_sectors(struct selv_vflash *v, const uint16_t *sectors)
{
    v->sectors = sectors;
    v->flash.sector_of = sectors != NULL ? sector_of : NULL;
}

void selv_vflash_power_on(struct selv_vflash *v)
{
    v->is_off = false;
    v->op_count = 0;
    v->way_count = 0;
    v->cut_op = SELV_VFLASH_NO_CUT;
    v->read_count = 0;
    v->noise_count = 0;
    v->bad_read = v->bad_op = SELV_VFLASH_NO_CUT;
    v->fallible_count = 0;
    v->has_failed = v->is_dead = false;
    v->flash.map = v->is_unmapped ? NULL : v->mem;
}

void selv_vflash_protect(struct selv_vflash *v, uint32_t off, uint32_t len,
                         bool is_off_limits)
{
    uint32_t grain = v->flash.sector_len;
    for (uint32_t at = off; at < off + len;) {
        struct selv_sector s = selv_flash_sector(&v->flash, at);
        memset(v->writable + s.off / grain, !is_off_limits, s.len / grain);
        at = s.off + s.len;
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
