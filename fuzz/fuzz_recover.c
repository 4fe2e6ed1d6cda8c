/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever comes in on the serial line of a device in recovery. Input: one byte
 * that says what state the device is in, then questions, each a type, a length
 * (2 bytes) and that many bytes of payload; they get their CRC here, since no
 * fuzzer guesses one. Type 0xf0: the payload goes onto the line as it is. Type
 * 0xf1: the true envelope, whole; 0xf2: as many bytes of the true image from
 * where the device is as the length says; 0xf3: power off and on.
 *
 * Checked besides memory: nothing but slots (and a lost journal) is written,
 * the floor does not fall, what boots in the end is a release byte for byte,
 * and every question gets an answer. */
#include <stdlib.h>

#include "boot/recover.h"
#include "crypto/crypto.h"
#include "serial/recovery.h"
#include "sim/geometry.h"
#include "sim/release.h"
#include "sim/vflash.h"

enum { MEM_MAX = 1 << 19, FRAME_CAP = 700, RELEASE_COUNT = 3 };

static struct selv_release releases[RELEASE_COUNT];
static struct selv_factory factory;
static uint8_t mem[MEM_MAX];

#define MUST(condition)                                                        \
    do {                                                                       \
        if (!(condition)) {                                                    \
            abort();                                                           \
        }                                                                      \
    } while (0)

struct world {
    struct selv_vflash v;
    struct selv_layout layout;
    struct selv_boot boot;
    struct selv_boot_record record;
    struct selv_recover r;
    uint8_t envelope[SELV_SUIT_ENVELOPE_MAX], scratch[SELV_SUIT_ENVELOPE_MAX];
    uint8_t frame[FRAME_CAP];
    uint64_t floor;
    bool has_booted;
};

static void prepare_once(void)
{
    static bool is_ready;
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
}

static void protect(struct world *w, bool is_boot)
{
    const struct selv_layout *layout = &w->layout;
    selv_vflash_protect(&w->v, 0, w->v.flash.size, true);
    for (int i = 0; i < 2; i++) {
        const struct selv_slot_place *slot = &layout->slot[i];
        if (is_boot || w->r.is_lost) {
            selv_vflash_protect(&w->v, layout->journal_off[i],
                                w->v.flash.sector_len, false);
        }
        if (!is_boot) {
            selv_vflash_protect(&w->v, slot->envelope_off, slot->envelope_len,
                                false);
            selv_vflash_protect(&w->v, slot->image_off, slot->image_len, false);
        }
    }
}

static void power_on(struct world *w)
{
    selv_vflash_power_on(&w->v);
    memset(&w->boot, 0, sizeof w->boot);
    w->boot.flash = &w->v.flash;
    w->boot.layout = &w->layout;
    w->boot.factory = &factory;
    w->boot.strategy = &selv_strategy_ab;
    w->boot.scratch = (struct selv_buf){w->scratch, sizeof w->scratch, 0};
    protect(w, true);
    w->has_booted = selv_is_good(selv_boot_choose(&w->boot, &w->record));
    MUST(w->v.violation_count == 0);
    if (w->has_booted) {
        const struct selv_boot_record *r = &w->record;
        bool is_found = false;
        MUST(r->floor >= w->floor && r->sequence >= w->floor);
        for (size_t i = 0; i < RELEASE_COUNT; i++) {
            is_found =
                is_found || (memcmp(r->digest, releases[i].digest, 32) == 0 &&
                             memcmp(mem + w->layout.slot[r->slot].image_off,
                                    releases[i].image[r->slot], 600) == 0);
        }
        MUST(is_found);
        return;
    }
    selv_recover_init(&w->r, &w->boot, (enum selv_err)w->record.refused_reason,
                      0, (struct selv_buf){w->envelope, sizeof w->envelope, 0},
                      w->frame, sizeof w->frame);
    protect(w, false);
}

/* Bytes on the line; how many answers come. */
static unsigned put(struct world *w, const uint8_t *p, size_t len)
{
    unsigned answers = 0;
    for (size_t i = 0; i < len && !w->has_booted; i++) {
        bool is_answered = false;
        selv_recover_feed(&w->r, p[i]);
        while (selv_recover_poll(&w->r) >= 0) {
            is_answered = true;
        }
        answers += is_answered;
        MUST(w->v.violation_count == 0);
        if (selv_recover_is_over(&w->r)) {
            power_on(w);
            MUST(w->has_booted); /* R5: ready is what boots */
        }
    }
    return answers;
}

static void question(struct world *w, uint8_t type, const uint8_t *p,
                     size_t len)
{
    static uint8_t frame[FRAME_CAP], line[2 * FRAME_CAP + 2];
    struct selv_serial s;
    size_t n = 0;
    int c;
    len = len < FRAME_CAP - 6 ? len : FRAME_CAP - 6;
    selv_serial_init(&s, frame, sizeof frame);
    frame[0] = type;
    frame[1] = 7;
    memcpy(frame + 2, p, len);
    selv_serial_send(&s, 2 + len);
    while ((c = selv_serial_poll(&s)) >= 0) {
        line[n++] = (uint8_t)c;
    }
    bool was_booted = w->has_booted;
    unsigned answers = put(w, line, n);
    MUST(was_booted || answers >= 1);
}

static void true_envelope(struct world *w, const struct selv_release *release)
{
    uint8_t piece[600];
    MUST(release->envelope_len <= 596);
    piece[0] = piece[1] = 0;
    piece[2] = (uint8_t)(release->envelope_len >> 8);
    piece[3] = (uint8_t)release->envelope_len;
    memcpy(piece + 4, release->envelope, release->envelope_len);
    question(w, SELV_RECOVERY_ENVELOPE, piece, release->envelope_len + 4);
}

static void true_image(struct world *w, const struct selv_release *release,
                       size_t len)
{
    uint8_t piece[604];
    uint32_t next = w->r.next < 600 ? w->r.next : 600;
    len = len < 600 - next ? len : 600 - next;
    selv_put_be32(piece, next);
    memcpy(piece + 4, release->image[w->r.slot] + next, len);
    question(w, SELV_RECOVERY_DATA, piece, len + 4);
}

static void damage(struct world *w, uint32_t off)
{
    const uint8_t noise[] = {0x12, 0x34, 0x56, 0x78};
    selv_vflash_poke(&w->v, off, noise, sizeof noise);
}

static void make_world(struct world *w, uint8_t state)
{
    const struct selv_geometry *g =
        selv_geometry_find(state & 1 ? "512x8-ff" : "4096x4-ff");
    struct selv_log log = {.state = SELV_LOG_TRIAL, .slot = 1};
    memset(w, 0, sizeof *w);
    MUST(selv_geometry_mem_len(g) <= sizeof mem);
    selv_geometry_init(g, &w->v, mem);
    selv_geometry_layout(g, &w->layout);
    MUST(selv_release_install(&releases[0], &w->v.flash, &w->layout, 0) ==
         SELV_OK);
    if (!(state & 2)) { /* else it was never born */
        power_on(w);
        MUST(w->has_booted);
        selv_vflash_protect(&w->v, 0, w->v.flash.size, false);
        MUST(selv_release_install(&releases[1], &w->v.flash, &w->layout, 1) ==
             SELV_OK);
        memcpy(log.digest, releases[1].digest, 32);
        MUST(selv_log_write(&w->v.flash, &w->layout, &log) == SELV_OK);
        power_on(w);
        MUST(w->has_booted);
        log.state = SELV_LOG_CONFIRM;
        memcpy(log.nonce, w->record.nonce, sizeof log.nonce);
        selv_vflash_protect(&w->v, 0, w->v.flash.size, false);
        MUST(selv_log_write(&w->v.flash, &w->layout, &log) == SELV_OK);
        power_on(w);
        MUST(w->has_booted && w->record.floor == 2);
        w->floor = 2;
    }
    selv_vflash_protect(&w->v, 0, w->v.flash.size, false);
    for (int i = 0; i < 2; i++) {
        damage(w, w->layout.slot[i].image_off + 100);
        if ((state & 4) && !(state & 2)) {
            for (uint32_t at = 0; at < g->sector_len; at += 64) {
                damage(w, w->layout.journal_off[i] + at);
            }
        }
    }
    power_on(w);
    MUST(!w->has_booted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    const struct selv_release *release;
    unsigned count = 0;
    prepare_once();
    if (size < 1) {
        return 0;
    }
    make_world(&w, data[0]);
    release = &releases[(data[0] >> 4) % RELEASE_COUNT];
    data++;
    size--;
    while (size >= 3 && count++ < 64) {
        size_t len = (size_t)data[1] << 8 | data[2];
        uint8_t type = data[0];
        const uint8_t *p = data + 3;
        size -= 3;
        /* The true ones take no payload: their length says how much. */
        size_t taken = type >= 0xf1 && type <= 0xf3 ? 0 : len;
        taken = taken < size ? taken : size;
        if (type == 0xf1) {
            true_envelope(&w, release);
        } else if (type == 0xf2) {
            true_image(&w, release, len);
        } else if (type == 0xf3) {
            power_on(&w);
        } else if (type == 0xf0) {
            (void)put(&w, p, taken);
        } else {
            question(&w, type, p, taken);
        }
        data = p + taken;
        size -= taken;
    }
    power_on(&w);
    return 0;
}
