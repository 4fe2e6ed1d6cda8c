/* SPDX-License-Identifier: Apache-2.0
 *
 * store/record.c - see store/record.h. */
#include "store/record.h"

/* The inverted sum of all words before check, so that neither all zeros nor
 * all ones is a valid record. */
static uint32_t compute_check(const struct selv_boot_record *record)
{
    uint32_t sum = 0;
    const uint8_t *p = (const uint8_t *)record;
    for (size_t i = 0; i < offsetof(struct selv_boot_record, check); i += 4) {
        uint32_t word;
        memcpy(&word, p + i, sizeof word);
        sum += word;
    }
    return ~sum;
}

void selv_record_seal(struct selv_boot_record *record)
{
    record->magic = SELV_RECORD_MAGIC;
    record->version = SELV_RECORD_VERSION;
    record->len = (uint16_t)sizeof *record;
    record->check = compute_check(record);
}

bool selv_record_is_valid(const struct selv_boot_record *record)
{
    return record->magic == SELV_RECORD_MAGIC &&
           record->version == SELV_RECORD_VERSION &&
           record->len == sizeof *record &&
           record->check == compute_check(record);
}
