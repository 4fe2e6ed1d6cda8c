/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/check_flash.c - one sector: erase, write, read, and what the
 * driver must refuse. */
#include "test/porttest/porttest_int.h"

#define UNIT (t->flash.write_unit)
#define NOT_REFUSED "not refused"
#define WRONG_REFUSAL "refused, but not with SELV_ERR_FLASH_RULE"

/* ---- what all flash checks share -------------------------------------------
 */

static uint8_t pattern_byte(const struct selv_porttest *t, uint32_t off,
                            uint32_t seed)
{
    uint32_t x = (off + 1) * 2654435761u ^ seed;
    x ^= x >> 15;
    x *= 2246822519u;
    uint8_t byte = (uint8_t)(x >> 24);
    return byte == t->flash.erased ? (uint8_t)(byte ^ 0x5a) : byte;
}

void pattern(const struct selv_porttest *t, uint32_t off, uint8_t *p,
             uint32_t len, uint32_t seed)
{
    for (uint32_t i = 0; i < len; i++) {
        p[i] = pattern_byte(t, off + i, seed);
    }
}

enum selv_err erase(struct selv_porttest *t, uint32_t off)
{
    kick(t);
    return t->flash.erase(t->flash.port, off);
}

enum selv_err put(struct selv_porttest *t, uint32_t off, uint32_t len,
                  uint32_t seed)
{
    pattern(t, off, t->buf, len, seed);
    kick(t);
    return t->flash.write(t->flash.port, off, t->buf, len);
}

enum selv_err fill(struct selv_porttest *t, uint32_t off, uint32_t len,
                   uint32_t seed, uint32_t *at)
{
    enum selv_err err = SELV_OK;
    for (*at = off; *at < off + len && err == SELV_OK;) {
        uint32_t n = off + len - *at;
        n = n < 256 ? n : 256;
        err = put(t, *at, n, seed);
        *at += err == SELV_OK ? n : 0;
    }
    return err;
}

static bool compare(struct selv_porttest *t, uint32_t off, uint32_t len,
                    const uint32_t *seed, uint32_t *at, enum selv_err *err)
{
    uint8_t *back = t->back;
    for (uint32_t done = 0; done < len;) {
        uint32_t n = len - done < 64 ? len - done : 64;
        *at = off + done;
        kick(t);
        *err = t->flash.read(t->flash.port, *at, back, n);
        if (*err) {
            return false;
        }
        for (uint32_t i = 0; i < n; i++, (*at)++) {
            uint8_t want =
                seed != NULL ? pattern_byte(t, *at, *seed) : t->flash.erased;
            if (back[i] != want) {
                return false;
            }
        }
        done += n;
    }
    return true;
}

bool holds(struct selv_porttest *t, uint32_t off, uint32_t len, uint32_t seed,
           uint32_t *at, enum selv_err *err)
{
    return compare(t, off, len, &seed, at, err);
}

bool is_blank(struct selv_porttest *t, uint32_t off, uint32_t len, uint32_t *at,
              enum selv_err *err)
{
    return compare(t, off, len, NULL, at, err);
}

/* ---- erase ----------------------------------------------------------------
 */

static enum outcome check_erase_value(struct selv_porttest *t)
{
    uint32_t at;
    enum selv_err err = erase(t, t->work.off);
    if (err) {
        return fail_err(t, "erase", t->work.off, err);
    }
    if (!is_blank(t, t->work.off, UNIT, &at, &err)) {
        (void)fail_err(t, "after an erase: the byte", at, err);
        say_hex(t, " is ", t->back[at - t->work.off]);
        say_hex(t, ", declared ", t->flash.erased);
        return FAIL;
    }
    say_hex(t, "", t->flash.erased);
    return PASS;
}

static enum outcome check_erase_whole(struct selv_porttest *t)
{
    uint32_t at;
    enum selv_err err = fill(t, t->work.off, t->work.len, 1, &at);
    if (err) {
        return fail_err(t, "write to an erased sector", at, err);
    }
    err = erase(t, t->work.off);
    if (err) {
        return fail_err(t, "erase", t->work.off, err);
    }
    if (!is_blank(t, t->work.off, t->work.len, &at, &err)) {
        return fail_err(t, "the erase of a sector left something", at, err);
    }
    return PASS;
}

/* ---- write ----------------------------------------------------------------
 */

/* An erased work sector. */
static enum selv_err fresh(struct selv_porttest *t)
{
    return erase(t, t->work.off);
}

static enum outcome check_write_read(struct selv_porttest *t)
{
    uint32_t first = t->work.off, last = first + t->work.len - UNIT, at;
    enum selv_err err = fresh(t);
    if (!err) {
        err = put(t, first, UNIT, 2);
    }
    if (!err) {
        err = put(t, last, UNIT, 2);
    }
    if (err) {
        return fail_err(t, "erase and write", first, err);
    }
    if (!holds(t, first, UNIT, 2, &at, &err) ||
        !holds(t, last, UNIT, 2, &at, &err)) {
        return fail_err(t, "not what was written", at, err);
    }
    if (!is_blank(t, first + UNIT, t->work.len - 2u * UNIT, &at, &err)) {
        return fail_err(t, "a write reached further", at, err);
    }
    return PASS;
}

enum { ALONE = 16 };

/* Units one by one, in no order: each leaves all others as they were. */
static enum outcome check_unit_alone(struct selv_porttest *t)
{
    uint32_t written = 0, at;
    enum selv_err err = fresh(t);
    for (uint32_t i = 0; i < ALONE && !err; i++) {
        uint32_t unit = (i * 7 + 5) % ALONE;
        if ((unit + 1) * UNIT > t->work.len) {
            continue;
        }
        err = put(t, t->work.off + unit * UNIT, UNIT, 3);
        if (err) {
            return fail_err(t, "a unit alone is not taken",
                            t->work.off + unit * UNIT, err);
        }
        written |= 1u << unit;
        for (uint32_t j = 0; j < ALONE && (j + 1) * UNIT <= t->work.len; j++) {
            uint32_t off = t->work.off + j * UNIT;
            bool is_right = written >> j & 1
                                ? holds(t, off, UNIT, 3, &at, &err)
                                : is_blank(t, off, UNIT, &at, &err);
            if (!is_right) {
                return fail_err(t, "the write of one unit changed another", at,
                                err);
            }
        }
    }
    return err ? fail_err(t, "erase", t->work.off, err) : PASS;
}

/* One call over many units, and over the pages that a chip may program in. */
static enum outcome check_write_long(struct selv_porttest *t)
{
    struct selv_sector next = sector_next(t, t->work);
    uint32_t len = t->work.len - 4u * UNIT, at;
    uint32_t off = t->work.off + UNIT, end = t->work.off + t->work.len;
    enum selv_err err = fresh(t);
    if (!err) {
        err = erase(t, next.off);
    }
    len = len < SELV_PORTTEST_LONG_LEN ? len : SELV_PORTTEST_LONG_LEN;
    if (!err) {
        err = put(t, off, len, 4);
    }
    if (err) {
        return fail_err(t, "erase and a long write", off, err);
    }
    if (!is_blank(t, t->work.off, UNIT, &at, &err) ||
        !holds(t, off, len, 4, &at, &err) ||
        !is_blank(t, off + len, end - off - len, &at, &err)) {
        return fail_err(t, "a long write went wrong", at, err);
    }
    err = put(t, end - UNIT, 2u * UNIT, 4);
    if (err || !holds(t, end - UNIT, 2u * UNIT, 4, &at, &err)) {
        return fail_err(t, "a write from one sector into the next", end, err);
    }
    say_number(t, "", len);
    say(t, " bytes in one call");
    return PASS;
}

/* ---- what is refused ------------------------------------------------------
 */

struct request {
    uint32_t off, len; /* len 0: an erase */
};

/* Ask for what must be refused. PASS when it was. */
static enum outcome refuses(struct selv_porttest *t, struct request r,
                            const char *what)
{
    enum selv_err err;
    kick(t);
    if (r.len == 0) {
        err = t->flash.erase(t->flash.port, r.off);
    } else {
        pattern(t, r.off, t->buf, r.len, 99);
        err = t->flash.write(t->flash.port, r.off, t->buf, r.len);
    }
    if (err == SELV_ERR_FLASH_RULE) {
        return PASS;
    }
    say(t, what);
    return fail_err(t, err ? " " WRONG_REFUSAL : " " NOT_REFUSED, r.off, err);
}

/* The sector as the checks below leave it: units 0 and 2 written. */
static enum selv_err make_witness(struct selv_porttest *t)
{
    enum selv_err err = fresh(t);
    if (!err) {
        err = put(t, t->work.off, UNIT, 5);
    }
    if (!err) {
        err = put(t, t->work.off + 2u * UNIT, UNIT, 5);
    }
    return err;
}

static enum outcome look_at_witness(struct selv_porttest *t)
{
    uint32_t off = t->work.off, at;
    enum selv_err err;
    if (!holds(t, off, UNIT, 5, &at, &err) ||
        !is_blank(t, off + UNIT, UNIT, &at, &err) ||
        !holds(t, off + 2u * UNIT, UNIT, 5, &at, &err) ||
        !is_blank(t, off + 3u * UNIT, t->work.len - 3u * UNIT, &at, &err)) {
        return fail_err(t, "what was refused changed flash", at, err);
    }
    return PASS;
}

static enum outcome refuses_all(struct selv_porttest *t,
                                const struct request *requests, size_t count,
                                const char *what)
{
    enum selv_err err = make_witness(t);
    if (err) {
        return fail_err(t, "erase and write", t->work.off, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (refuses(t, requests[i], what) != PASS) {
            return FAIL;
        }
    }
    return look_at_witness(t);
}

static enum outcome check_write_again(struct selv_porttest *t)
{
    const uint32_t off = t->work.off, unit = UNIT;
    const struct request requests[] = {
        {off, unit},                /* other bytes */
        {off, 2 * unit},            /* the second is erased */
        {off + unit, 2 * unit},     /* the first is erased */
        {off + 2 * unit, 4 * unit}, /* and so are the last ones */
    };
    enum outcome outcome = refuses_all(t, requests, 4, "a second write");
    if (outcome != PASS) {
        return outcome;
    }
    /* The same bytes would harm no cell, but error correction. */
    pattern(t, off, t->buf, unit, 5);
    if (t->flash.write(t->flash.port, off, t->buf, unit) !=
        SELV_ERR_FLASH_RULE) {
        return fail_at(t, "a second write of the same bytes " NOT_REFUSED, off);
    }
    return PASS;
}

static enum outcome check_write_unaligned(struct selv_porttest *t)
{
    const uint32_t off = t->work.off + 4u * UNIT, unit = UNIT;
    const struct request requests[] = {
        {off + 1, unit},
        {off + unit / 2, unit},
        {off + unit - 1, unit},
        {off, unit - 1},
        {off, unit + 1},
        {off, unit / 2},
        {off + unit / 2, unit / 2},
    };
    if (unit == 1) {
        return skip(t, "units of one byte have no inside");
    }
    return refuses_all(t, requests, sizeof requests / sizeof requests[0],
                       "a write of parts of units");
}

static enum outcome check_write_bounds(struct selv_porttest *t)
{
    const uint32_t size = t->flash.size, unit = UNIT;
    const struct request requests[] = {
        {size, unit},
        {size + t->flash.sector_len, unit},
        {size - unit, 2 * unit},
        {0u - unit, unit},     /* the highest unit of 32 bits */
        {0u - unit, 2 * unit}, /* its end wraps around */
    };
    return refuses_all(t, requests, sizeof requests / sizeof requests[0],
                       "a write beyond the end");
}

static enum outcome check_erase_bounds(struct selv_porttest *t)
{
    const uint32_t off = t->work.off, size = t->flash.size;
    const struct request requests[] = {
        {off + 1, 0},
        {off + UNIT, 0},
        {off + t->work.len / 2, 0},
        {off + t->work.len - 1, 0},
        {size, 0},
        {size + t->flash.sector_len, 0},
        {0u - t->flash.sector_len, 0},
    };
    return refuses_all(t, requests, sizeof requests / sizeof requests[0],
                       "an erase of what is no sector");
}

/* ---- read -----------------------------------------------------------------
 */

static enum outcome check_read_align(struct selv_porttest *t)
{
    uint32_t off = t->work.off, span = 4u * UNIT + 16, at;
    enum selv_err err = fresh(t);
    span = (span + UNIT - 1) / UNIT * UNIT;
    if (!err) {
        err = put(t, off, span, 6);
    }
    if (err) {
        return fail_err(t, "erase and write", off, err);
    }
    for (uint32_t from = 0; from < UNIT + 8u; from++) {
        for (uint32_t len = 1; len <= UNIT + 8u; len++) {
            if (!holds(t, off + from, len, 6, &at, &err)) {
                (void)fail_err(t, "a read goes wrong", off + from, err);
                say_number(t, ", of bytes ", len);
                return FAIL;
            }
        }
    }
    return PASS;
}

/* Never more bytes than back has: a driver that does not refuse reads them. */
static enum outcome check_read_bounds(struct selv_porttest *t)
{
    const uint32_t size = t->flash.size;
    const struct request requests[] = {
        {size, 1}, {size - 1, 2},   {size + 1, 4},
        {size, 8}, {UINT32_MAX, 1}, {UINT32_MAX - 1, 4},
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        const struct request *r = &requests[i];
        enum selv_err err;
        kick(t);
        err = t->flash.read(t->flash.port, r->off, t->back, r->len);
        if (err != SELV_ERR_FLASH_RULE) {
            return fail_err(t, err ? WRONG_REFUSAL : NOT_REFUSED, r->off, err);
        }
    }
    return PASS;
}

/* Callers' buffers begin anywhere. */
static enum outcome check_pointers(struct selv_porttest *t)
{
    uint32_t off = t->work.off, len = 2u * UNIT;
    enum selv_err err = fresh(t);
    for (uint32_t skew = 0; skew < 4 && !err; skew++, off += len) {
        uint8_t *from = t->buf + skew, *to = t->back + (3 - skew);
        pattern(t, off, from, len, 7);
        kick(t);
        err = t->flash.write(t->flash.port, off, from, len);
        if (!err) {
            err = t->flash.read(t->flash.port, off, to, len);
        }
        if (!err && memcmp(from, to, len) != 0) {
            (void)fail_at(t, "other bytes come back", off);
            say_number(t, ", buffer off by ", skew);
            return FAIL;
        }
    }
    return err ? fail_err(t, "write or read", off, err) : PASS;
}

static bool is_map_right(struct selv_porttest *t, uint32_t *at)
{
    for (uint32_t i = 0; i < t->work.len; i += 32) {
        uint32_t n = t->work.len - i < 32 ? t->work.len - i : 32;
        *at = t->work.off + i;
        if (t->flash.read(t->flash.port, *at, t->back, n) != SELV_OK ||
            memcmp(t->flash.map + *at, t->back, n) != 0) {
            return false;
        }
    }
    return true;
}

/* A cache in front of the mapping must not show what was. */
static enum outcome check_map(struct selv_porttest *t)
{
    uint32_t at;
    enum selv_err err;
    if (t->flash.map == NULL) {
        return skip(t, "flash is not mapped");
    }
    err = fresh(t);
    if (!err && !is_map_right(t, &at)) {
        return fail_at(t, "after an erase the mapping differs", at);
    }
    if (!err) {
        err = fill(t, t->work.off, t->work.len, 8, &at);
    }
    if (!err && !is_map_right(t, &at)) {
        return fail_at(t, "after a write the mapping differs", at);
    }
    if (!err) {
        err = fresh(t);
    }
    if (err) {
        return fail_err(t, "erase or write", t->work.off, err);
    }
    return is_map_right(t, &at)
               ? PASS
               : fail_at(t, "after an erase the mapping differs", at);
}

/* ---- geometry -------------------------------------------------------------
 */

static enum outcome check_geometry(struct selv_porttest *t)
{
    if (selv_flash_check(&t->flash) != SELV_OK) {
        return fail(t, "selv_flash_check refuses it");
    }
    say_number(t, "", t->flash.size);
    say_number(t, " bytes, sectors of ", t->flash.sector_len);
    say(t, t->flash.sector_of != NULL ? " and more" : "");
    say_number(t, ", write unit ", t->flash.write_unit);
    return PASS;
}

/* The marks and the spare sector tell a layout of a move in place. */
static enum outcome check_layout(struct selv_porttest *t)
{
    const struct selv_layout *layout = t->port->layout;
    if (layout == NULL) {
        return skip(t, "the port names no layout");
    }
    if (selv_layout_check(layout, &t->flash) != SELV_OK) {
        return fail(t, "selv_layout_check refuses it for this flash");
    }
    if (layout->marks_len != 0 &&
        selv_layout_check_in_place(layout, &t->flash,
                                   layout->spare_len != 0 ? 2 : 1) != SELV_OK) {
        return fail(t, "selv_layout_check_in_place refuses it");
    }
    return PASS;
}

static enum outcome check_area(struct selv_porttest *t)
{
    uint32_t off = t->port->area_off, end = area_end(t), count = 0;
    struct selv_sector s;
    if (selv_flash_check(&t->flash) != SELV_OK) {
        return skip(t, "flash.geometry failed");
    }
    if (off >= t->flash.size || end > t->flash.size || end <= off ||
        t->work.off != off) {
        return fail(t, "it is not whole sectors of the flash");
    }
    for (s = t->work; s.len != 0; s = sector_next(t, s)) {
        count++;
        if (s.off + s.len > end) {
            return fail(t, "it ends inside of a sector");
        }
    }
    if (count < 2) {
        return fail(t, "it has less than two sectors");
    }
    t->port->state->outside = hash_outside(t);
    t->port->state->is_sound = 1;
    seal(t);
    say_number(t, "", count);
    say_hex(t, " sectors from ", off);
    return PASS;
}

static const struct check checks[] = {
    {"flash.geometry", check_geometry,
     "make struct selv_flash say what lib/store/flash.h asks", false},
    {"flash.layout", check_layout,
     "give regions whole sectors that do not overlap", false},
    {"flash.area", check_area, "give whole sectors, at least two", false},
    {"flash.erase-value", check_erase_value,
     "declare the value that this flash erases to", true},
    {"flash.erase-whole", check_erase_whole,
     "declare the sector as long as one erase clears, and wait until it ended",
     true},
    {"flash.write-read", check_write_read,
     "let write return when the bytes are in flash", true},
    {"flash.unit-alone", check_unit_alone,
     "declare the write unit that the chip programs, with its error correction",
     true},
    {"flash.write-long", check_write_long,
     "split writes at the chip's pages, and do all of them", true},
    {"flash.write-again", check_write_again,
     "refuse to write what is not erased", true},
    {"flash.write-unaligned", check_write_unaligned,
     "refuse offsets and lengths that are no whole units", true},
    {"flash.write-bounds", check_write_bounds,
     "check off <= size and len <= size - off before a write", true},
    {"flash.erase-bounds", check_erase_bounds,
     "refuse to erase at an offset that begins no sector", true},
    {"flash.read-align", check_read_align,
     "read any number of bytes from any offset", true},
    {"flash.read-bounds", check_read_bounds,
     "check off <= size and len <= size - off before a read", true},
    {"flash.pointers", check_pointers,
     "copy buffers bytewise, do not cast them to words", true},
    {"flash.map", check_map,
     "invalidate the cache of the mapping after erase and write", true},
};

const struct check_list selv_porttest_flash_checks = {
    checks, sizeof checks / sizeof checks[0]};
