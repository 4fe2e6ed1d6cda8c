/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/stage.c - see boot/stage.h. */
#include "boot/stage.h"

#include "crypto/crypto.h"
#include "store/journal.h"
#include "store/region.h"

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

/* The two stages may have the factory data in common, and the random counter:
 * the very same sectors, or none of them. */
static bool is_shared(size_t i, size_t j, struct selv_region a,
                      struct selv_region b)
{
    return i < SELV_REGION_JOURNAL && j < SELV_REGION_JOURNAL &&
           (i == SELV_REGION_FACTORY) == (j == SELV_REGION_FACTORY) &&
           a.off == b.off && a.len == b.len;
}

enum selv_err selv_stage_check(const struct selv_layout *outer,
                               const struct selv_layout *inner,
                               const struct selv_flash *flash)
{
    struct selv_region a[SELV_REGION_COUNT], b[SELV_REGION_COUNT];
    enum selv_err err = selv_layout_check(outer, flash);
    if (err == SELV_OK) {
        err = selv_layout_check(inner, flash);
    }
    if (err) {
        return err;
    }
    selv_region_list(outer, flash, a);
    selv_region_list(inner, flash, b);
    for (size_t i = 0; i < SELV_REGION_COUNT; i++) {
        for (size_t j = 0; j < SELV_REGION_COUNT; j++) {
            if (!selv_region_is_apart(a[i], b[j]) &&
                !is_shared(i, j, a[i], b[j])) {
                return SELV_ERR_STORE_LAYOUT;
            }
        }
    }
    return SELV_OK;
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
