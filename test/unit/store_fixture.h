/* SPDX-License-Identifier: Apache-2.0
 *
 * A virtual flash of every geometry, for the tests of store and boot. */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/geometry.h"
#include "sim/vflash.h"

struct device {
    const struct selv_geometry *geometry;
    struct selv_layout layout;
    struct selv_vflash v;
    uint8_t *mem;
    size_t mem_len;
};

static inline void device_open(struct device *d, const struct selv_geometry *g)
{
    d->geometry = g;
    d->mem_len = selv_geometry_mem_len(g);
    d->mem = malloc(d->mem_len);
    assert_non_null(d->mem);
    selv_geometry_init(g, &d->v, d->mem);
    selv_geometry_layout(g, &d->layout);
    assert_int_equal(selv_layout_check(&d->layout, &d->v.flash), SELV_OK);
}

static inline void device_close(struct device *d)
{
    if (d->v.violation_count != 0) {
        fail_msg("%s: %s at %u", d->geometry->name, d->v.violation,
                 (unsigned)d->v.violation_off);
    }
    free(d->mem);
}

/* Number of ways to cut each operation, as on_op reports them. */
#define OPS_MAX 4096
struct op_list {
    uint32_t count;
    uint32_t ways[OPS_MAX];
};

static inline void op_list_add(void *arg, uint32_t op, uint32_t ways)
{
    struct op_list *list = arg;
    assert_true(op < OPS_MAX);
    list->ways[op] = ways;
    list->count = op + 1;
}

#endif
