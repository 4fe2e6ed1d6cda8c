/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/geometry.h - the flashes that tests and searches run on: sector, write
 * unit, erased value, and a small layout that fits them. */
#ifndef SELV_SIM_GEOMETRY_H
#define SELV_SIM_GEOMETRY_H

#include "sim/vflash.h"
#include "store/layout.h"

struct selv_geometry {
    const char *name;    /* such as "512x8-ff" */
    uint32_t sector_len; /* bytes */
    uint16_t write_unit; /* bytes */
    uint8_t erased;
    uint8_t envelope_sectors; /* per slot */
    uint8_t image_sectors;    /* per slot */
    bool has_ecc; /* torn units do not read; and the flash is not mapped */
    const struct selv_geometry_mixed *mixed; /* NULL: equal sectors */
};

extern const struct selv_geometry selv_geometries[];
extern const size_t selv_geometry_count;

/* By name; NULL when there is none. */
const struct selv_geometry *selv_geometry_find(const char *name);

/* Sector 0 factory, 1-2 journal, 3-4 log, 5-6 random, then envelope A,
 * image A, envelope B, image B. Where sectors are unequal, envelope_sectors
 * and image_sectors are ignored. */
void selv_geometry_layout(const struct selv_geometry *g,
                          struct selv_layout *layout);

/* Bytes of flash that the layout covers. */
uint32_t selv_geometry_size(const struct selv_geometry *g);

/* Bytes of the longest image that fits either slot. */
uint32_t selv_geometry_image_max(const struct selv_geometry *g);

/* Bytes of memory for an erased flash of this geometry, and the flash. */
size_t selv_geometry_mem_len(const struct selv_geometry *g);
void selv_geometry_init(const struct selv_geometry *g, struct selv_vflash *v,
                        uint8_t *mem);

/* The same for strategies that install in place: marks behind random, and a
 * spare sector before envelope B. Of equal sectors only. */
bool selv_geometry_has_in_place(const struct selv_geometry *g);
void selv_geometry_layout_in_place(const struct selv_geometry *g,
                                   struct selv_layout *layout);
size_t selv_geometry_mem_len_in_place(const struct selv_geometry *g);
void selv_geometry_init_in_place(const struct selv_geometry *g,
                                 struct selv_vflash *v, uint8_t *mem);

#endif
