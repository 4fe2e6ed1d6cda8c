/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that the bootloader and the application read from flash, on
 * hostile flash: factory data, boot journal, update log, slots, and the
 * choice made from them. Input: one byte that picks the geometry and what is
 * hostile, one for the reset cause, then runs of (offset 2 bytes, length 1
 * byte, bytes) that overwrite a device in mid-update.
 *
 * Checked besides memory: two boots in a row choose the same unless a record
 * was written; what boots is a release byte for byte; no flash rule breaks. */
#include <stdlib.h>

#include "boot/boot.h"
#include "crypto/crypto.h"
#include "sim/geometry.h"
#include "sim/release.h"
#include "sim/vflash.h"

enum { FLASH_MAX = 1 << 16, RELEASE_COUNT = 3 };

static struct selv_release releases[RELEASE_COUNT];
static struct selv_factory factory;
static uint8_t factory_bytes[SELV_FACTORY_LEN];
static size_t factory_len;
static const char *const geometries[] = {"320x4-00", "512x8-ff", "512x32-ff",
                                         "1024x16-00"};
static uint8_t mem[2 * FLASH_MAX];

#define MUST(condition)                                                        \
    do {                                                                       \
        if (!(condition)) {                                                    \
            abort();                                                           \
        }                                                                      \
    } while (0)

static void prepare_once(void)
{
    static bool is_ready;
    struct selv_buf out = {factory_bytes, sizeof factory_bytes, 0};
    if (is_ready) {
        return;
    }
    is_ready = true;
    MUST(selv_crypto_init() == SELV_OK);
    for (size_t i = 0; i < RELEASE_COUNT; i++) {
        struct selv_release_plan plan = {
            .sequence = 1 + i, .content = (uint32_t)i + 1, .image_len = 600};
        MUST(selv_release_make(&plan, &releases[i]) == SELV_OK);
    }
    selv_release_factory(&factory);
    MUST(selv_factory_encode(&factory, &out) == SELV_OK);
    factory_len = out.len;
}

static bool is_a_release(const struct selv_vflash *v,
                         const struct selv_layout *layout,
                         const struct selv_boot_record *r)
{
    for (size_t i = 0; i < RELEASE_COUNT; i++) {
        if (memcmp(releases[i].digest, r->digest, 32) != 0) {
            continue;
        }
        /* The stored envelope may differ where nothing authenticates it. */
        const struct selv_slot_place *place = &layout->slot[r->slot];
        return memcmp(v->mem + place->image_off, releases[i].image[r->slot],
                      releases[i].image_len) == 0;
    }
    return false;
}

static bool boot(struct selv_vflash *v, const struct selv_layout *layout,
                 enum selv_reset_cause cause, struct selv_boot_record *record)
{
    static struct selv_boot b;
    static uint8_t scratch[SELV_SUIT_ENVELOPE_MAX];
    selv_vflash_power_on(v);
    selv_vflash_protect(v, 0, v->flash.size, true);
    for (int i = 0; i < 2; i++) {
        selv_vflash_protect(v, layout->journal_off[i], v->flash.sector_len,
                            false);
    }
    memset(&b, 0, sizeof b);
    b.flash = &v->flash;
    b.layout = layout;
    b.factory = &factory;
    b.strategy = &selv_strategy_ab;
    b.reset_cause = cause;
    b.scratch = (struct selv_buf){scratch, sizeof scratch, 0};
    bool is_good = selv_is_good(selv_boot_choose(&b, record));
    selv_vflash_protect(v, 0, v->flash.size, false);
    MUST(selv_record_is_valid(record));
    MUST(record->boot_commands == selv_suit_capability_boot_select.commands);
    MUST(record->boot_sections == selv_suit_capability_boot_select.sections);
    MUST(v->violation_count == 0);
    if (is_good) {
        MUST(is_a_release(v, layout, record));
        MUST(record->sequence >= record->floor);
        MUST(record->floor <= record->accepted);
    } else {
        MUST(record->slot == SELV_SLOT_NONE);
    }
    return is_good;
}

/* Overwrite what the input says, as hostile hands would. */
static void damage(struct selv_vflash *v, const uint8_t *p, size_t len)
{
    while (len > 3) {
        uint32_t off = ((uint32_t)p[0] << 8 | p[1]) % v->flash.size;
        uint32_t n = p[2];
        p += 3;
        len -= 3;
        n = n < len ? n : (uint32_t)len;
        n = n < v->flash.size - off ? n : v->flash.size - off;
        if (n > 0) {
            selv_vflash_poke(v, off, p, n);
        }
        p += n;
        len -= n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct selv_vflash v;
    struct selv_layout layout;
    struct selv_boot_record first, second;
    struct selv_factory decoded;
    struct selv_log log;
    prepare_once();
    if (size < 2) {
        return 0;
    }
    const struct selv_geometry *g = selv_geometry_find(geometries[data[0] % 4]);
    bool is_trial = data[0] & 0x10;
    enum selv_reset_cause cause = (enum selv_reset_cause)(data[1] % 5);
    uint32_t flash_size = selv_geometry_size(g);
    MUST(selv_vflash_mem_len(flash_size, g->sector_len, g->write_unit) <=
         sizeof mem);
    selv_geometry_layout(g, &layout);
    selv_vflash_init(&v, mem, flash_size, g->sector_len, g->write_unit,
                     g->erased);
    v.is_unmapped = data[0] & 0x20;

    /* A device in mid-update: 1 runs, 2 lies in the other slot and is asked
     * for, and maybe on trial. */
    MUST(selv_release_install(&releases[0], &v.flash, &layout, 0) == SELV_OK);
    selv_vflash_poke(&v, layout.factory_off, factory_bytes,
                     factory_len < g->sector_len ? (uint32_t)factory_len
                                                 : g->sector_len);
    if (!(data[0] & 0x40)) {
        MUST(boot(&v, &layout, SELV_RESET_POWER_ON, &first));
    }
    MUST(selv_release_install(&releases[1 + (data[0] >> 7)], &v.flash, &layout,
                              1) == SELV_OK);
    memset(&log, 0, sizeof log);
    log.state = SELV_LOG_TRIAL;
    log.slot = 1;
    memcpy(log.digest, releases[1 + (data[0] >> 7)].digest, 32);
    MUST(selv_log_write(&v.flash, &layout, &log) == SELV_OK);
    if (is_trial) {
        MUST(boot(&v, &layout, SELV_RESET_REQUESTED, &first));
    }

    damage(&v, data + 2, size - 2);
    (void)!selv_factory_decode(
        selv_bytes(mem + layout.factory_off, layout.factory_len), &decoded);
    (void)!selv_factory_decode(selv_bytes(data, size), &decoded);
    bool is_good = boot(&v, &layout, cause, &first);
    uint32_t op_count = v.op_count;
    bool is_good_again = boot(&v, &layout, SELV_RESET_POWER_ON, &second);
    if (op_count == 0 && v.op_count == 0) {
        MUST(is_good == is_good_again && first.slot == second.slot);
    }
    MUST(second.accepted >= first.accepted && second.floor >= first.floor);

    /* Whatever the log was, an application can use it again. */
    log.progress = 4711;
    if (selv_log_write(&v.flash, &layout, &log) == SELV_OK) {
        MUST(selv_log_read(&v.flash, &layout, &log) == SELV_OK);
        MUST(log.progress == 4711);
    }
    return 0;
}
