/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/geometry.c - see sim/geometry.h. */
#include "sim/geometry.h"

enum { FIRST_SLOT_SECTOR = 7 };

enum { SECTORS_MAX = 32 };

/* Unequal sectors: how long each is, and how many the regions take, in the
 * order of the layout. */
struct selv_geometry_mixed {
    uint16_t sectors[SECTORS_MAX]; /* in sector_len; 0 behind the last */
    uint8_t envelope_sectors[SELV_SLOT_COUNT];
    uint8_t image_sectors[SELV_SLOT_COUNT];
};

/* Both rings have two unequal sectors, and the two slots' sectors end at
 * different places. */
static const struct selv_geometry_mixed wild = {
    .sectors = {1,                /* factory */
                2, 4,             /* journal */
                2, 1,             /* log */
                1, 1,             /* random */
                4, 1, 1, 2, 4, 1, /* A */
                2, 2, 4, 2, 1, 2},
    .envelope_sectors = {1, 2},
    .image_sectors = {5, 4},
};

/* A few short sectors, one of four times and then of eight times that, as in
 * chips whose first sectors are of 16, 64 and 128 KiB. */
static const struct selv_geometry_mixed bank = {
    .sectors = {1, 1, 1, 1, 4, 8, 8, 8, 8, 8, 8, 8, 8},
    .envelope_sectors = {1, 1},
    .image_sectors = {2, 2},
};

/* Sectors of 320 hold two journal records, those of 512 three; the larger ones
 * a dozen and more, so that both a change of sectors at every record and a
 * long run in one are met. */
const struct selv_geometry selv_geometries[] = {
    {"320x1-ff", 320, 1, 0xff, 4, 5, false, NULL},
    {"320x4-00", 320, 4, 0x00, 4, 5, false, NULL},
    {"512x1-00", 512, 1, 0x00, 2, 4, false, NULL},
    {"512x4-ff", 512, 4, 0xff, 2, 3, false, NULL},
    {"512x8-ff", 512, 8, 0xff, 2, 4, false, NULL},
    {"512x8-00", 512, 8, 0x00, 2, 4, false, NULL},
    {"512x16-ff", 512, 16, 0xff, 2, 5, false, NULL},
    {"512x32-ff", 512, 32, 0xff, 2, 5, false, NULL},
    {"1024x16-00", 1024, 16, 0x00, 1, 3, false, NULL},
    {"1024x32-00", 1024, 32, 0x00, 1, 3, false, NULL},
    {"2048x8-ff", 2048, 8, 0xff, 1, 3, false, NULL},
    {"4096x1-ff", 4096, 1, 0xff, 1, 2, false, NULL},
    {"4096x4-ff", 4096, 4, 0xff, 1, 3, false, NULL},
    {"512x8-ff-ecc", 512, 8, 0xff, 2, 4, true, NULL},
    {"1024x16-00-ecc", 1024, 16, 0x00, 1, 3, true, NULL},
    {"mixed4-ff", 320, 4, 0xff, 0, 0, false, &wild},
    {"mixed16-00", 320, 16, 0x00, 0, 0, false, &wild},
    {"mixed8-ff-ecc", 320, 8, 0xff, 0, 0, true, &wild},
    {"bank8-ff", 320, 8, 0xff, 0, 0, false, &bank},
};

const size_t selv_geometry_count =
    sizeof selv_geometries / sizeof selv_geometries[0];

const struct selv_geometry *selv_geometry_find(const char *name)
{
    for (size_t i = 0; i < selv_geometry_count; i++) {
        if (strcmp(selv_geometries[i].name, name) == 0) {
            return &selv_geometries[i];
        }
    }
    return NULL;
}

/* Sector i in units of sector_len; 0 behind the last. */
static uint32_t sector_at(const struct selv_geometry *g, uint32_t i)
{
    uint32_t per_slot = (uint32_t)g->envelope_sectors + g->image_sectors;
    if (g->mixed != NULL) {
        return i < SECTORS_MAX ? g->mixed->sectors[i] : 0;
    }
    return i < FIRST_SLOT_SECTOR + SELV_SLOT_COUNT * per_slot;
}

uint32_t selv_geometry_size(const struct selv_geometry *g)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; sector_at(g, i) != 0; i++) {
        sum += sector_at(g, i);
    }
    return sum * g->sector_len;
}

/* Where regions come to lie one behind the other. */
struct cursor {
    const struct selv_geometry *g;
    uint32_t sector, off;
};

/* The next count sectors: their length. */
static uint32_t take(struct cursor *c, uint32_t count)
{
    uint32_t len = 0;
    for (uint32_t i = 0; i < count; i++) {
        len += sector_at(c->g, c->sector++) * c->g->sector_len;
    }
    c->off += len;
    return len;
}

void selv_geometry_layout(const struct selv_geometry *g,
                          struct selv_layout *layout)
{
    struct cursor c = {.g = g};
    uint32_t *const pairs[] = {layout->journal_off, layout->log_off,
                               layout->random_off};
    memset(layout, 0, sizeof *layout);
    layout->factory_len = take(&c, 1);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        pairs[i][0] = c.off;
        take(&c, 1);
        pairs[i][1] = c.off;
        take(&c, 1);
    }
    for (uint32_t i = 0; i < SELV_SLOT_COUNT; i++) {
        const struct selv_geometry_mixed *m = g->mixed;
        struct selv_slot_place *place = &layout->slot[i];
        place->envelope_off = c.off;
        place->envelope_len =
            take(&c, m != NULL ? m->envelope_sectors[i] : g->envelope_sectors);
        place->image_off = c.off;
        place->image_len =
            take(&c, m != NULL ? m->image_sectors[i] : g->image_sectors);
    }
}

uint32_t selv_geometry_image_max(const struct selv_geometry *g)
{
    struct selv_layout layout;
    selv_geometry_layout(g, &layout);
    uint32_t a = layout.slot[SELV_SLOT_A].image_len;
    uint32_t b = layout.slot[SELV_SLOT_B].image_len;
    return a < b ? a : b;
}

static size_t mem_len(const struct selv_geometry *g, uint32_t size)
{
    return selv_vflash_mem_len(size, g->sector_len, g->write_unit);
}

static void init(const struct selv_geometry *g, struct selv_vflash *v,
                 uint8_t *mem, uint32_t size)
{
    selv_vflash_init(v, mem, size, g->sector_len, g->write_unit, g->erased);
    selv_vflash_set_sectors(v, g->mixed != NULL ? g->mixed->sectors : NULL);
    v->has_ecc = g->has_ecc;
    v->is_unmapped = g->has_ecc;
    selv_vflash_power_on(v);
}

size_t selv_geometry_mem_len(const struct selv_geometry *g)
{
    return mem_len(g, selv_geometry_size(g));
}

void selv_geometry_init(const struct selv_geometry *g, struct selv_vflash *v,
                        uint8_t *mem)
{
    init(g, v, mem, selv_geometry_size(g));
}

/* ---- in place ---------------------------------------------------------------
 */

/* A mark for each of two steps of each sector. */
static uint32_t mark_sectors(const struct selv_geometry *g)
{
    uint32_t len =
        2 * ((uint32_t)g->envelope_sectors + g->image_sectors) * g->write_unit;
    return (len + g->sector_len - 1) / g->sector_len;
}

bool selv_geometry_has_in_place(const struct selv_geometry *g)
{
    return g->mixed == NULL;
}

static uint32_t size_in_place(const struct selv_geometry *g)
{
    return selv_geometry_size(g) + (mark_sectors(g) + 1) * g->sector_len;
}

void selv_geometry_layout_in_place(const struct selv_geometry *g,
                                   struct selv_layout *layout)
{
    selv_geometry_layout(g, layout);
    layout->marks_off = FIRST_SLOT_SECTOR * g->sector_len;
    layout->marks_len = mark_sectors(g) * g->sector_len;
    layout->spare_len = g->sector_len;
    for (uint32_t i = 0; i < SELV_SLOT_COUNT; i++) {
        uint32_t by = layout->marks_len + i * layout->spare_len;
        layout->slot[i].envelope_off += by;
        layout->slot[i].image_off += by;
    }
}

size_t selv_geometry_mem_len_in_place(const struct selv_geometry *g)
{
    return mem_len(g, size_in_place(g));
}

void selv_geometry_init_in_place(const struct selv_geometry *g,
                                 struct selv_vflash *v, uint8_t *mem)
{
    init(g, v, mem, size_in_place(g));
}
