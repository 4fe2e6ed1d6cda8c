/* SPDX-License-Identifier: Apache-2.0
 *
 * The MCUboot installer over trailers, records and images that say anything,
 * with cuts of power and failing reads. Whatever comes:
 *   nothing is written but the two sectors of the records and the trailers, no
 *   flash rule is broken, both numbers never fall, a boot record is valid, and
 *   starts asked for one after the other come to an end.
 *
 * Input: geometry, mode and alignment, running slot; then actions (low three
 * bits of a byte) with their arguments:
 *   0 o n x..  n bytes x into a slot's end, o before it (o's top bit: slot)
 *   1 f x..    a whole record with these fields, one byte each
 *   2          start, and again while a reset is due
 *   3          begin            4 s n d   request: slot image of n bytes,
 * number 5          confirm          6 o w     power is cut at write o, way w
 *   7 r k      read r fails, kind k */
#include <stdlib.h>

#include "consumer/mcuboot.h"
#include "crypto/crypto.h"
#include "sim/geometry.h"
#include "sim/vflash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STARTS_MAX 5u
#define IMAGE_LEN 64u

static struct selv_vflash v;
static struct selv_layout layout;
static struct selv_mcuboot m;
static uint64_t accepted, floor_number;

struct input {
    const uint8_t *p;
    size_t len;
};

static uint8_t next(struct input *in)
{
    if (in->len == 0) {
        return 0;
    }
    in->len--;
    return *in->p++;
}

static void need(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

/* Numbers as they stand in flash; what was lost stays lost. */
static void check_numbers(void)
{
    struct selv_foreign s;

    v.is_sound = true;
    if (selv_foreign_read(&v.flash, &layout, &s) == SELV_OK) {
        need(s.accepted >= accepted && s.floor >= floor_number);
        accepted = s.accepted;
        floor_number = s.floor;
    }
    v.is_sound = false;
}

static void damage(struct input *in)
{
    uint8_t o = next(in), n = next(in);
    unsigned slot = o >> 7;
    uint32_t off = m.slot_end[slot] - 1u - (o & 0x7fu);

    for (; n > 0 && off < m.slot_end[slot]; n--, off++) {
        uint8_t byte = next(in);
        selv_vflash_poke(&v, off, &byte, 1);
    }
}

static void put_record(struct input *in)
{
    struct selv_foreign s;

    memset(&s, 0, sizeof s);
    s.phase = next(in);
    s.tries = next(in);
    s.trial_slot = next(in);
    s.refused_was_trial = next(in);
    s.image_len = next(in) * 31u;
    s.accepted = next(in);
    s.floor = next(in);
    s.trial_sequence = next(in);
    s.image_digest[0] = next(in);
    (void)!selv_foreign_write(&v.flash, &layout, &s);
}

static void start(void)
{
    struct selv_boot_record record;
    bool is_reset_due = true;

    for (unsigned i = 0; is_reset_due; i++) {
        need(i < STARTS_MAX);
        enum selv_err err =
            selv_mcuboot_start(&m, SELV_RESET_POWER_ON, &record, &is_reset_due);
        need(!err || !is_reset_due);
        need(err || is_reset_due || selv_record_is_valid(&record));
    }
}

static void request(struct input *in)
{
    static uint8_t image[IMAGE_LEN], digest[32];
    uint8_t slot = next(in) & 1u;
    struct selv_foreign_update update = {.digest = digest,
                                         .image_digest = digest,
                                         .image_len = next(in) % IMAGE_LEN,
                                         .sequence = next(in),
                                         .slot = slot};
    struct selv_sha256 h;

    memset(image, 0x5a, sizeof image);
    selv_sha256_init(&h);
    selv_sha256_update(&h, image, update.image_len);
    selv_sha256_finish(&h, digest);
    selv_vflash_poke(&v, layout.slot[slot].image_off, image, IMAGE_LEN);
    update.slot = m.running_slot ^ 1u;
    (void)!selv_installer_mcuboot.request(&m, &update);
}

static void act(struct input *in)
{
    switch (next(in) & 7u) {
    case 0:
        damage(in);
        break;
    case 1:
        put_record(in);
        break;
    case 2:
        start();
        break;
    case 3:
        (void)!selv_installer_mcuboot.begin(&m);
        break;
    case 4:
        request(in);
        break;
    case 5:
        (void)!selv_installer_mcuboot.confirm(&m);
        break;
    case 6:
        selv_vflash_power_on(&v);
        v.cut_op = next(in) & 15u;
        v.cut_way = next(in);
        return;
    default:
        v.read_count = 0;
        v.bad_read = next(in);
        v.bad_read_kind = next(in) % SELV_VFLASH_READ_BLANK;
        return;
    }
    if (v.is_off) {
        selv_vflash_power_on(&v);
    }
    v.bad_read = SELV_VFLASH_NO_CUT;
    check_numbers();
    need(v.violation_count == 0);
}

static bool set_up(struct input *in)
{
    const struct selv_geometry *g =
        &selv_geometries[next(in) % selv_geometry_count];
    static const uint8_t aligns[] = {8, 16, 32};
    static uint8_t *memory;
    uint8_t how = next(in);

    free(memory);
    memory = malloc(selv_geometry_mem_len(g));
    need(memory != NULL);
    selv_geometry_layout(g, &layout);
    selv_geometry_init(g, &v, memory);
    accepted = floor_number = 0;
    memset(&m, 0, sizeof m);
    m.flash = &v.flash;
    m.layout = &layout;
    m.sectors_max = 1;
    m.mode = how & 3u;
    m.max_align = aligns[(how >> 2) % 3];
    m.running_slot = m.mode == SELV_MCUBOOT_DIRECT_XIP ? how >> 7 : 0;
    selv_vflash_protect(&v, 0, v.flash.size, true);
    for (unsigned i = 0; i < SELV_SLOT_COUNT; i++) {
        struct selv_slot_place *place = &layout.slot[i];
        struct selv_sector last;
        m.slot_end[i] = place->image_off + place->image_len;
        last = selv_flash_sector(&v.flash, m.slot_end[i] - 1u);
        place->image_len -= last.len;
        selv_vflash_protect(&v, last.off, last.len, false);
        selv_vflash_protect(&v, layout.journal_off[i], v.flash.sector_len,
                            false);
    }
    return selv_mcuboot_check(&m) == SELV_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    need(selv_crypto_init() == SELV_OK);
    if (set_up(&in)) {
        while (in.len > 0) {
            act(&in);
        }
    }
    return 0;
}
