/* SPDX-License-Identifier: Apache-2.0
 *
 * store/record.c - see store/record.h. */
#include "store/record.h"

uint32_t selv_record_sum(const void *words, size_t len)
{
    uint32_t sum = 0;
    const uint8_t *p = words;
    for (size_t i = 0; i < len; i += 4) {
        uint32_t word;
        memcpy(&word, p + i, sizeof word);
        sum += word;
    }
    return ~sum;
}

static uint32_t compute_check(const struct selv_boot_record *record)
{
    return selv_record_sum(record, offsetof(struct selv_boot_record, check));
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
