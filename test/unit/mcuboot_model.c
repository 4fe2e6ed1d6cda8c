/* SPDX-License-Identifier: Apache-2.0
 *
 * mcuboot_model.c - see mcuboot_model.h. */
#include "test/unit/mcuboot_model.h"

#include <stdlib.h>
#include <string.h>

/* What a trailer says, in MCUboot's terms. */
enum field { UNSET, GOOD, BAD, ANY };

struct state {
    enum field magic, image_ok, copy_done;
};

static const uint8_t magic_8[16] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2,
                                    0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f,
                                    0x2c, 0xb6, 0x79, 0x80};
static const uint8_t magic_rest[14] = {0x2d, 0xe1, 0x5d, 0x29, 0x41,
                                       0x0b, 0x8d, 0x77, 0x67, 0x9c,
                                       0x11, 0x0f, 0x1f, 0x8a};

uint8_t *mcuboot_model_tail(const struct mcuboot_model *m, unsigned slot,
                            unsigned back)
{
    return m->v->mem + m->slot_end[slot] - back;
}

/* Bytes from a flag's first byte to the end: each field takes one alignment,
 * and the magic, at the very end, as many as it needs. */
static unsigned back_of(const struct mcuboot_model *m, unsigned fields)
{
    unsigned magic = 16;

    while (magic % m->align != 0) {
        magic++;
    }
    return magic + fields * m->align;
}

static bool is_blank(const struct mcuboot_model *m, const uint8_t *p,
                     unsigned len)
{
    while (len > 0 && p[len - 1] == m->v->flash.erased) {
        len--;
    }
    return len == 0;
}

static enum field flag(const struct mcuboot_model *m, unsigned slot,
                       unsigned fields)
{
    const uint8_t *p = mcuboot_model_tail(m, slot, back_of(m, fields));

    return *p == m->v->flash.erased ? UNSET : *p == 1 ? GOOD : BAD;
}

static bool is_magic(const struct mcuboot_model *m, const uint8_t *p)
{
    if (m->align == 8) {
        return memcmp(p, magic_8, 16) == 0;
    }
    return p[0] + 256u * p[1] == m->align && memcmp(p + 2, magic_rest, 14) == 0;
}

static struct state look(const struct mcuboot_model *m, unsigned slot)
{
    const uint8_t *p = mcuboot_model_tail(m, slot, 16);
    struct state s;

    s.magic = is_blank(m, p, 16) ? UNSET : is_magic(m, p) ? GOOD : BAD;
    s.image_ok = flag(m, slot, 1);
    s.copy_done = flag(m, slot, 2);
    return s;
}

static void put(struct mcuboot_model *m, unsigned slot, unsigned back,
                const uint8_t *p, unsigned len)
{
    selv_vflash_poke(m->v, m->slot_end[slot] - back, p, len);
}

static void put_flag(struct mcuboot_model *m, unsigned slot, unsigned fields,
                     uint8_t value)
{
    put(m, slot, back_of(m, fields), &value, 1);
}

static void put_magic(struct mcuboot_model *m, unsigned slot)
{
    uint8_t magic[16] = {(uint8_t)m->align, 0};

    memcpy(magic + 2, magic_rest, 14);
    put(m, slot, 16, m->align == 8 ? magic_8 : magic, 16);
}

void mcuboot_model_confirm(struct mcuboot_model *m, unsigned slot)
{
    put_magic(m, slot);
    put_flag(m, slot, 2, 1);
    put_flag(m, slot, 1, 1);
}

static void blank(struct mcuboot_model *m, unsigned slot, uint32_t from)
{
    uint32_t off = m->slot_off[slot] + from;

    selv_vflash_blank(m->v, off, m->slot_end[slot] - off);
}

static bool is_image(const struct mcuboot_model *m, unsigned slot)
{
    const uint8_t *p = m->v->mem + m->slot_off[slot];

    return !is_blank(m, p, 16) && (m->is_good == NULL || m->is_good(p));
}

/* Images change places (or the second one is copied); trailers go. */
static void move(struct mcuboot_model *m, bool is_swap)
{
    uint8_t *a = malloc(m->image_len), *b = malloc(m->image_len);

    memcpy(a, m->v->mem + m->slot_off[0], m->image_len);
    memcpy(b, m->v->mem + m->slot_off[1], m->image_len);
    blank(m, 0, 0);
    blank(m, 1, 0);
    selv_vflash_poke(m->v, m->slot_off[0], b, m->image_len);
    if (is_swap) {
        selv_vflash_poke(m->v, m->slot_off[1], a, m->image_len);
        m->swap_count++;
    }
    free(a);
    free(b);
}

/* The documentation's states, in its order. */
enum swap { NONE, TEST, PERMANENT, REVERT };

static const struct row {
    struct state primary, secondary;
    enum swap swap;
} rows[] = {
    {{ANY, ANY, ANY}, {GOOD, UNSET, ANY}, TEST},
    {{ANY, ANY, ANY}, {GOOD, GOOD, ANY}, PERMANENT},
    {{GOOD, UNSET, GOOD}, {ANY, ANY, ANY}, REVERT},
};

static bool is_field(enum field want, enum field is)
{
    return want == ANY || want == is;
}

static bool is_state(const struct state *want, const struct state *is)
{
    return is_field(want->magic, is->magic) &&
           is_field(want->image_ok, is->image_ok) &&
           is_field(want->copy_done, is->copy_done);
}

static enum swap swap_type(const struct mcuboot_model *m)
{
    struct state primary = look(m, 0), secondary = look(m, 1);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (is_state(&rows[i].primary, &primary) &&
            is_state(&rows[i].secondary, &secondary)) {
            return rows[i].swap;
        }
    }
    return NONE;
}

static int boot_swap(struct mcuboot_model *m)
{
    enum swap swap = swap_type(m);

    if (swap != NONE && !is_image(m, 1)) {
        blank(m, 1, 0);
        m->erase_count++;
        put_flag(m, 0, 1, 1);
        swap = NONE;
    }
    if (m->kind == MODEL_OVERWRITE && (swap == TEST || swap == PERMANENT)) {
        move(m, false);
    } else if (m->kind == MODEL_SWAP && swap != NONE) {
        move(m, true);
        put_magic(m, 0);
        put_flag(m, 0, 3, swap == TEST ? 2 : swap == PERMANENT ? 3 : 4);
        if (swap != TEST) {
            put_flag(m, 0, 1, 1);
        }
        put_flag(m, 0, 2, 1);
    }
    return is_image(m, 0) ? 0 : -1;
}

/* The newer image, by its first byte, unless it was tried and not confirmed;
 * what cannot run is erased. */
static int boot_xip(struct mcuboot_model *m)
{
    for (;;) {
        const uint8_t *a = m->v->mem + m->slot_off[0];
        const uint8_t *b = m->v->mem + m->slot_off[1];
        bool has_a = !is_blank(m, a, 16), has_b = !is_blank(m, b, 16);
        unsigned slot = !has_a || (has_b && b[0] > a[0]);
        struct state s;

        if (!has_a && !has_b) {
            return -1;
        }
        s = look(m, slot);
        if (s.magic == GOOD && (s.copy_done != GOOD || s.image_ok == GOOD)) {
            if (s.copy_done != GOOD) {
                put_flag(m, slot, 2, 1);
            }
            if (is_image(m, slot)) {
                return (int)slot;
            }
        }
        blank(m, slot, 0);
        m->erase_count++;
    }
}

int mcuboot_model_boot(struct mcuboot_model *m)
{
    return m->kind == MODEL_XIP ? boot_xip(m) : boot_swap(m);
}
