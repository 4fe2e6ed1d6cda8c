/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/geometry.h - the flashes that tests and searches run on: sector, write
 * unit, erased value, and a small layout that fits them. */
#ifndef SELV_SIM_GEOMETRY_H
#define SELV_SIM_GEOMETRY_H

#include "store/layout.h"

struct selv_geometry {
    const char *name;    /* such as "512x8-ff" */
    uint32_t sector_len; /* bytes */
    uint16_t write_unit; /* bytes */
    uint8_t erased;
    uint8_t envelope_sectors; /* per slot */
    uint8_t image_sectors;    /* per slot */
    bool has_ecc; /* torn units do not read; and the flash is not mapped */
};

extern const struct selv_geometry selv_geometries[];
extern const size_t selv_geometry_count;

/* By name; NULL when there is none. */
const struct selv_geometry *selv_geometry_find(const char *name);

/* Sector 0 factory, 1-2 journal, 3-4 log, 5-6 random, then envelope A,
 * image A, envelope B, image B. */
void selv_geometry_layout(const struct selv_geometry *g,
                          struct selv_layout *layout);

/* Bytes of flash that the layout covers. */
uint32_t selv_geometry_size(const struct selv_geometry *g);

#endif
