/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/geometry.c - see sim/geometry.h. */
#include "sim/geometry.h"

enum { FIRST_SLOT_SECTOR = 7 };

/* Sectors of 256 hold one journal record, those of 512 three; the larger ones
 * a dozen and more, so that both a change of sectors at every record and a
 * long run in one are met. */
const struct selv_geometry selv_geometries[] = {
    {"256x1-ff", 256, 1, 0xff, 4, 5, false},
    {"256x4-00", 256, 4, 0x00, 4, 5, false},
    {"512x1-00", 512, 1, 0x00, 2, 4, false},
    {"512x4-ff", 512, 4, 0xff, 2, 3, false},
    {"512x8-ff", 512, 8, 0xff, 2, 4, false},
    {"512x8-00", 512, 8, 0x00, 2, 4, false},
    {"512x16-ff", 512, 16, 0xff, 2, 5, false},
    {"512x32-ff", 512, 32, 0xff, 2, 5, false},
    {"1024x16-00", 1024, 16, 0x00, 1, 3, false},
    {"1024x32-00", 1024, 32, 0x00, 1, 3, false},
    {"2048x8-ff", 2048, 8, 0xff, 1, 3, false},
    {"4096x4-ff", 4096, 4, 0xff, 1, 3, false},
    {"512x8-ff-ecc", 512, 8, 0xff, 2, 4, true},
    {"1024x16-00-ecc", 1024, 16, 0x00, 1, 3, true},
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

static uint32_t slot_sectors(const struct selv_geometry *g)
{
    return (uint32_t)g->envelope_sectors + g->image_sectors;
}

uint32_t selv_geometry_size(const struct selv_geometry *g)
{
    return (FIRST_SLOT_SECTOR + SELV_SLOT_COUNT * slot_sectors(g)) *
           g->sector_len;
}

void selv_geometry_layout(const struct selv_geometry *g,
                          struct selv_layout *layout)
{
    uint32_t s = g->sector_len;
    memset(layout, 0, sizeof *layout);
    layout->factory_off = 0;
    layout->factory_len = s;
    for (uint32_t i = 0; i < 2; i++) {
        layout->journal_off[i] = (1 + i) * s;
        layout->log_off[i] = (3 + i) * s;
        layout->random_off[i] = (5 + i) * s;
    }
    for (uint32_t i = 0; i < SELV_SLOT_COUNT; i++) {
        struct selv_slot_place *place = &layout->slot[i];
        place->envelope_off = (FIRST_SLOT_SECTOR + i * slot_sectors(g)) * s;
        place->envelope_len = g->envelope_sectors * s;
        place->image_off = place->envelope_off + place->envelope_len;
        place->image_len = g->image_sectors * s;
    }
}
