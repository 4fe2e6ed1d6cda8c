/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/stage.c - see boot/stage.h. */
#include "boot/stage.h"

#include "crypto/crypto.h"
#include "store/journal.h"

enum { REGION_COUNT = 10 };

enum selv_err selv_stage_factory(struct selv_factory *factory)
{
    static const char label[] = "stage 0";
    uint8_t id[SELV_FACTORY_STAGING_MAX];
    uint8_t len = selv_factory_part_id(factory, SELV_PART_STAGE_1, id);
    struct selv_sha256 hash;
    if (len == 0 || len > sizeof factory->component_id) {
        return SELV_ERR_ARG;
    }
    memcpy(factory->component_id, id, len);
    factory->component_id_len = len;
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, factory->seed, sizeof factory->seed);
    selv_sha256_update(&hash, label, sizeof label - 1);
    selv_sha256_finish(&hash, factory->seed);
    return SELV_OK;
}

struct region {
    uint32_t off, len;
};

static struct region sector_at(const struct selv_flash *flash, uint32_t off)
{
    return (struct region){off, selv_flash_sector(flash, off).len};
}

/* All that one stage may not share with the other. */
static void list_regions(const struct selv_layout *layout,
                         const struct selv_flash *flash,
                         struct region out[static REGION_COUNT])
{
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        const struct selv_slot_place *place = &layout->slot[i];
        out[n++] = sector_at(flash, layout->journal_off[i]);
        out[n++] = sector_at(flash, layout->log_off[i]);
        out[n++] = (struct region){place->envelope_off, place->envelope_len};
        out[n++] = (struct region){place->image_off, place->image_len};
    }
    out[n++] = (struct region){layout->marks_off, layout->marks_len};
    out[n++] = (struct region){layout->slot[SELV_SLOT_B].envelope_off -
                                   layout->spare_len,
                               layout->spare_len};
}

static bool is_apart(struct region a, struct region b)
{
    return a.off + a.len <= b.off || b.off + b.len <= a.off;
}

/* Nor what the other one shares with nobody but its application. */
static bool is_clear(const struct selv_layout *layout,
                     const struct selv_flash *flash,
                     const struct region regions[static REGION_COUNT])
{
    const struct region common[] = {{layout->factory_off, layout->factory_len},
                                    sector_at(flash, layout->random_off[0]),
                                    sector_at(flash, layout->random_off[1])};
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        for (size_t j = 0; j < REGION_COUNT; j++) {
            if (!is_apart(common[i], regions[j])) {
                return false;
            }
        }
    }
    return true;
}

enum selv_err selv_stage_check(const struct selv_layout *outer,
                               const struct selv_layout *inner,
                               const struct selv_flash *flash)
{
    struct region a[REGION_COUNT], b[REGION_COUNT];
    enum selv_err err = selv_layout_check(outer, flash);
    if (err == SELV_OK) {
        err = selv_layout_check(inner, flash);
    }
    if (err) {
        return err;
    }
    list_regions(outer, flash, a);
    list_regions(inner, flash, b);
    for (size_t i = 0; i < REGION_COUNT; i++) {
        for (size_t j = 0; j < REGION_COUNT; j++) {
            if (!is_apart(a[i], b[j])) {
                return SELV_ERR_STORE_LAYOUT;
            }
        }
    }
    return is_clear(outer, flash, b) && is_clear(inner, flash, a)
               ? SELV_OK
               : SELV_ERR_STORE_LAYOUT;
}

enum selv_err selv_stage_confirm(const struct selv_flash *flash,
                                 const struct selv_layout *outer,
                                 const struct selv_boot_record *record)
{
    struct selv_log log;
    if (!record->is_trial) {
        return SELV_OK;
    }
    if (selv_log_read(flash, outer, &log) != SELV_OK) {
        memset(&log, 0, sizeof log);
    }
    if (log.state == SELV_LOG_CONFIRM &&
        memcmp(log.nonce, record->nonce, SELV_NONCE_LEN) == 0) {
        return SELV_OK;
    }
    log.state = SELV_LOG_CONFIRM;
    log.slot = record->slot;
    log.progress = 0;
    memcpy(log.digest, record->digest, sizeof log.digest);
    memcpy(log.nonce, record->nonce, sizeof log.nonce);
    return selv_log_write(flash, outer, &log);
}
