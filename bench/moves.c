/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts what an update costs the flash, for each strategy: one whole update
 * on a flash in memory, from the request to the confirmation, and the way back
 * of one that is not confirmed. Only what the bootloader does is counted; what
 * the application erases and writes to stage the update is the same for all.
 * Prints a line each: NAME SECTORS ERASES-A ERASES-B ERASES-ELSEWHERE

 * BYTES-WRITTEN MARKS RECORDS. */
#include <stdio.h>
#include <stdlib.h>

#include "boot/boot.h"
#include "crypto/crypto.h"
#include "sim/geometry.h"
#include "sim/release.h"
#include "store/journal.h"

enum { SECTOR = 4096, SECTORS_MAX = 64 };

static const struct selv_geometry geometry = {
    .name = "4096x4-ff",
    .sector_len = SECTOR,
    .write_unit = 4,
    .erased = 0xff,
    .envelope_sectors = 1,
    .image_sectors = SELV_RELEASE_IMAGE_MAX / SECTOR,
};

struct device {
    struct selv_vflash v;
    struct selv_layout layout;
    struct selv_factory factory;
    struct selv_boot boot;
    struct selv_boot_record record;
    uint8_t scratch[SELV_SUIT_ENVELOPE_MAX];
    uint8_t *mem;
};

static uint32_t erases[SECTORS_MAX], bytes[SECTORS_MAX];
static enum selv_err (*real_write)(void *, uint32_t, const void *, uint32_t);
static enum selv_err (*real_erase)(void *, uint32_t);

static enum selv_err count_write(void *port, uint32_t off, const void *p,
                                 uint32_t len)
{
    bytes[off / SECTOR] += len;
    return real_write(port, off, p, len);
}

static enum selv_err count_erase(void *port, uint32_t off)
{
    erases[off / SECTOR]++;
    return real_erase(port, off);
}

static _Noreturn void die(const char *what, enum selv_err err)
{
    fprintf(stderr, "moves: %s: %s\n", what, selv_err_str(err));
    exit(1);
}

static void must(const char *what, enum selv_err err)
{
    if (err != SELV_OK) {
        die(what, err);
    }
}

static const struct {
    const char *name;
    const struct selv_strategy *strategy;
    enum selv_release_install install;
} rows[] = {
    {"ab", &selv_strategy_ab, SELV_RELEASE_FETCHED},
    {"swap", &selv_strategy_swap, SELV_RELEASE_SWAPPED},
    {"overwrite", &selv_strategy_overwrite, SELV_RELEASE_COPIED},
};

static void start(struct device *d, const struct selv_strategy *strategy)
{
    bool is_ab = strategy == &selv_strategy_ab;
    memset(d, 0, sizeof *d);
    d->mem = malloc(is_ab ? selv_geometry_mem_len(&geometry)
                          : selv_geometry_mem_len_in_place(&geometry));
    if (d->mem == NULL) {
        die("memory", SELV_ERR_SPACE);
    }
    if (is_ab) {
        selv_geometry_init(&geometry, &d->v, d->mem);
        selv_geometry_layout(&geometry, &d->layout);
    } else {
        selv_geometry_init_in_place(&geometry, &d->v, d->mem);
        selv_geometry_layout_in_place(&geometry, &d->layout);
    }
    real_write = d->v.flash.write;
    real_erase = d->v.flash.erase;
    d->v.flash.write = count_write;
    d->v.flash.erase = count_erase;
    selv_release_factory(&d->factory);
    d->boot = (struct selv_boot){.flash = &d->v.flash,
                                 .layout = &d->layout,
                                 .factory = &d->factory,
                                 .strategy = strategy,
                                 .scratch = {d->scratch, sizeof d->scratch, 0}};
}

static void boot(struct device *d, enum selv_reset_cause cause)
{
    selv_vflash_boot(&d->v);
    d->boot.reset_cause = cause;
    if (!selv_is_good(selv_boot_choose(&d->boot, &d->record))) {
        die("boot", (enum selv_err)d->record.refused_reason);
    }
}

static void ask(struct device *d, enum selv_log_state state)
{
    struct selv_log log = {.state = (uint8_t)state, .slot = SELV_SLOT_B};
    memcpy(log.digest, d->record.digest, 32);
    memcpy(log.nonce, d->record.nonce, SELV_NONCE_LEN);
    must("log", selv_log_write(&d->v.flash, &d->layout, &log));
}

static uint32_t sum(const uint32_t *of, uint32_t off, uint32_t end)
{
    uint32_t n = 0;
    for (uint32_t i = off / SECTOR; i < end / SECTOR; i++) {
        n += of[i];
    }
    return n;
}

static void clear(void)
{
    memset(erases, 0, sizeof erases);
    memset(bytes, 0, sizeof bytes);
}

static void print(const struct device *d, const char *name, const char *way,
                  uint32_t serial)
{
    const struct selv_layout *l = &d->layout;
    uint32_t a = l->slot[SELV_SLOT_A].envelope_off;
    uint32_t b = l->slot[SELV_SLOT_B].envelope_off - l->spare_len;
    uint32_t end =
        l->slot[SELV_SLOT_B].image_off + l->slot[SELV_SLOT_B].image_len;
    uint32_t marks = l->marks_len == 0 ? 0
                                       : sum(bytes, l->marks_off,
                                             l->marks_off + l->marks_len);
    uint32_t in_slots = sum(erases, a, end);
    uint32_t all = sum(erases, 0, SECTORS_MAX * SECTOR);
    printf("%s%s %u %u %u %u %u %u %u\n", name, way,
           1 + SELV_RELEASE_IMAGE_MAX / SECTOR, (unsigned)sum(erases, a, b),
           (unsigned)sum(erases, b, end), (unsigned)(all - in_slots),
           (unsigned)sum(bytes, a, end),
           (unsigned)(marks / geometry.write_unit),
           (unsigned)(d->record.serial - serial));
}

/* From the request to the confirmation; or to the end of the way back. */
static void update(size_t row, const struct selv_release *one,
                   const struct selv_release *two, bool is_reverted)
{
    static struct device d;
    start(&d, rows[row].strategy);
    must("install", selv_release_install(one, &d.v.flash, &d.layout, 0));
    boot(&d, SELV_RESET_POWER_ON);
    must("stage", selv_release_install(two, &d.v.flash, &d.layout, 1));
    memcpy(d.record.digest, two->digest, 32);
    ask(&d, SELV_LOG_TRIAL);
    uint32_t serial = d.record.serial;
    clear();
    boot(&d, SELV_RESET_REQUESTED);
    if (is_reverted) {
        clear();
        serial = d.record.serial;
        boot(&d, SELV_RESET_WATCHDOG);
    } else if (d.record.is_trial) {
        ask(&d, SELV_LOG_CONFIRM);
        boot(&d, SELV_RESET_REQUESTED);
    }
    print(&d, rows[row].name, is_reverted ? "-back" : "", serial);
    free(d.mem);
}

int main(void)
{
    static struct selv_release one, two;
    must("crypto", selv_crypto_init());
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct selv_release_plan plan = {.sequence = 1,
                                         .image_len = SELV_RELEASE_IMAGE_MAX,
                                         .content = 1,
                                         .install = (uint8_t)rows[row].install};
        must("release", selv_release_make(&plan, &one));
        plan.sequence = plan.content = 2;
        must("release", selv_release_make(&plan, &two));
        update(row, &one, &two, false);
        if (rows[row].strategy != &selv_strategy_overwrite) {
            update(row, &one, &two, true);
        }
    }
    return 0;
}
