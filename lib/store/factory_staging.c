/* SPDX-License-Identifier: Apache-2.0
 *
 * store/factory_staging.c - what the parts of a device are called;
 * apart, so that devices without any do not link it. */
#include "store/factory.h"

/* Arrays of 0 to 22 elements, whose head is one byte, also with one more. */
enum { ARRAY = 0x80, ARRAY_LAST = 0x96 };

uint8_t selv_factory_part_id(const struct selv_factory *factory,
                             enum selv_part part,
                             uint8_t id[static SELV_FACTORY_STAGING_MAX])
{
    size_t len = factory->component_id_len;
    memcpy(id, factory->component_id, len);
    if (len == 0 || id[0] < ARRAY || id[0] > ARRAY_LAST) {
        return 0;
    }
    id[0]++;
    id[len] = 0x41; /* a byte string of one byte */
    id[len + 1] = (uint8_t)part;
    return (uint8_t)(len + 2);
}

uint8_t selv_factory_staging_id(const struct selv_factory *factory,
                                uint8_t id[static SELV_FACTORY_STAGING_MAX])
{
    return selv_factory_part_id(factory, SELV_PART_STAGING, id);
}
