/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/scene.c - see scene.h. */
#include "scene.h"

#include <stdio.h>
#include <string.h>

#include "store/journal.h"
#include "store/layout.h"

enum { PART_MAX = 4096, FLASH_LEN = SELV_LAYOUT_DEFAULT_SIZE };

struct part {
    uint8_t p[PART_MAX];
    size_t len;
};

struct release {
    const char *name;
    uint64_t sequence;
    struct part envelope, image[SELV_SLOT_COUNT];
};

enum { R3, R5, R6, STRANGER, OTHER, RELEASE_COUNT };
static struct release releases[RELEASE_COUNT] = {
    {.name = "3", .sequence = 3},     {.name = "5", .sequence = 5},
    {.name = "6", .sequence = 6},     {.name = "stranger", .sequence = 6},
    {.name = "other", .sequence = 6},
};
static uint8_t base[FLASH_LEN];

/* ---- files
 * ------------------------------------------------------------------- */

static size_t part_read(const char *folder, const char *name, const char *kind,
                        uint8_t *p, size_t cap)
{
    char path[512];
    size_t len = 0;
    (void)snprintf(path, sizeof path, "%s/%s.%s", folder, name, kind);
    FILE *f = fopen(path, "rb");
    if (f != NULL) {
        len = fread(p, 1, cap, f);
        (void)fclose(f);
    }
    if (len == 0) {
        fprintf(stderr, "fault: %s: cannot be read\n", path);
    }
    return len;
}

bool scene_open(const char *folder)
{
    bool is_good =
        part_read(folder, "base", "bin", base, FLASH_LEN) == FLASH_LEN;
    for (size_t i = 0; i < RELEASE_COUNT; i++) {
        struct release *r = &releases[i];
        r->envelope.len =
            part_read(folder, r->name, "envelope", r->envelope.p, PART_MAX);
        r->image[0].len =
            part_read(folder, r->name, "a", r->image[0].p, PART_MAX);
        r->image[1].len =
            part_read(folder, r->name, "b", r->image[1].p, PART_MAX);
        is_good =
            is_good && r->envelope.len && r->image[0].len && r->image[1].len;
    }
    return is_good;
}

/* ---- flash
 * -------------------------------------------------------------------- */

static enum selv_err ram_read(void *port, uint32_t off, void *p, uint32_t len)
{
    memcpy(p, (uint8_t *)port + off, len);
    return SELV_OK;
}

static enum selv_err ram_write(void *port, uint32_t off, const void *p,
                               uint32_t len)
{
    memcpy((uint8_t *)port + off, p, len);
    return SELV_OK;
}

static enum selv_err ram_erase(void *port, uint32_t off)
{
    memset((uint8_t *)port + off, 0xff, SELV_LAYOUT_DEFAULT_SECTOR);
    return SELV_OK;
}

struct selv_flash scene_flash(uint8_t *flash)
{
    struct selv_flash f = {.port = flash,
                           .size = FLASH_LEN,
                           .sector_len = SELV_LAYOUT_DEFAULT_SECTOR,
                           .write_unit = 4,
                           .erased = 0xff,
                           .read = ram_read,
                           .write = ram_write,
                           .erase = ram_erase};
    return f;
}

static void put(uint8_t *flash, uint8_t slot, const struct release *r)
{
    const struct selv_slot_place *place = &selv_layout_default.slot[slot];
    uint8_t *envelope = flash + place->envelope_off;
    memset(envelope, 0xff, place->envelope_len);
    memset(flash + place->image_off, 0xff, place->image_len);
    selv_put_be32(envelope, (uint32_t)r->envelope.len);
    memcpy(envelope + 4, r->envelope.p, r->envelope.len);
    memcpy(flash + place->image_off, r->image[slot].p, r->image[slot].len);
}

/* The first SUIT_Digest of an envelope is that of its manifest. */
static const uint8_t *digest_of(const struct release *r)
{
    static const uint8_t head[] = {0x82, 0x2f, 0x58, 0x20};
    const uint8_t *p = r->envelope.p;
    while (memcmp(p, head, sizeof head) != 0 &&
           p < r->envelope.p + r->envelope.len - 36) {
        p++;
    }
    return p + sizeof head;
}

/* The 64 bytes of the first signature follow the header of 64 bytes. */
static uint8_t *signature_in(uint8_t *flash, uint8_t slot)
{
    uint8_t *p = flash + selv_layout_default.slot[slot].envelope_off;
    while (p[0] != 0x58 || p[1] != 0x40) {
        p++;
    }
    return p + 2;
}

/* ---- journal and log
 * ------------------------------------------------------------ */

/* Release 5 is confirmed in slot A. */
static struct selv_journal confirmed(void)
{
    struct selv_journal j;
    memset(&j, 0, sizeof j);
    j.accepted = j.floor = 5;
    j.current_slot = SELV_SLOT_A;
    memcpy(j.current_digest, digest_of(&releases[R5]), 32);
    return j;
}

static bool journal(uint8_t *flash, struct selv_journal j)
{
    struct selv_flash f = scene_flash(flash);
    struct selv_journal first = confirmed();
    return selv_journal_write(&f, &selv_layout_default, &first) == SELV_OK &&
           selv_journal_write(&f, &selv_layout_default, &j) == SELV_OK;
}

static bool ask(uint8_t *flash, const struct release *r)
{
    struct selv_flash f = scene_flash(flash);
    struct selv_log log;
    memset(&log, 0, sizeof log);
    log.state = SELV_LOG_TRIAL;
    log.slot = SELV_SLOT_B;
    memcpy(log.digest, digest_of(r), 32);
    return selv_log_write(&f, &selv_layout_default, &log) == SELV_OK;
}

static bool trial(uint8_t *flash, const struct release *r, uint8_t attempts)
{
    struct selv_journal j = confirmed();
    j.accepted = 6;
    j.trial_state = SELV_TRIAL_RUNNING;
    j.trial_slot = SELV_SLOT_B;
    j.trial_attempts = attempts;
    j.trial_sequence = r->sequence;
    memcpy(j.trial_digest, digest_of(r), 32);
    put(flash, SELV_SLOT_B, r);
    return journal(flash, j);
}

/* ---- scenes
 * ----------------------------------------------------------------------- */

static bool make_good(uint8_t *flash)
{
    memcpy(flash, base, FLASH_LEN);
    return journal(flash, confirmed());
}

static bool make_signature(uint8_t *flash)
{
    bool is_made = make_good(flash);
    signature_in(flash, SELV_SLOT_A)[40] ^= 4;
    return is_made;
}

/* Zeros pass the curve's arithmetic: zero equals zero. */
static bool make_zeros(uint8_t *flash)
{
    bool is_made = make_good(flash);
    memset(signature_in(flash, SELV_SLOT_A), 0, 64);
    return is_made;
}

static bool make_stranger(uint8_t *flash)
{
    bool is_made = make_good(flash);
    put(flash, SELV_SLOT_A, &releases[STRANGER]);
    return is_made;
}

/* The signature is good; the manifest that it names had another number. */
static bool make_manifest(uint8_t *flash)
{
    static const uint8_t number[] = {1, 1, 2, 5}; /* version 1, number 5 */
    bool is_made = make_good(flash);
    uint8_t *p = flash + selv_layout_default.slot[SELV_SLOT_A].envelope_off;
    while (memcmp(p, number, sizeof number) != 0) {
        p++;
    }
    p[3] = 7;
    return is_made;
}

static bool make_image(uint8_t *flash)
{
    bool is_made = make_good(flash);
    flash[selv_layout_default.slot[0].image_off + 100] ^= 1;
    return is_made;
}

static bool make_floor(uint8_t *flash)
{
    bool is_made = make_good(flash);
    put(flash, SELV_SLOT_A, &releases[R3]);
    return is_made;
}

static bool make_class(uint8_t *flash)
{
    bool is_made = make_good(flash);
    put(flash, SELV_SLOT_A, &releases[OTHER]);
    return is_made;
}

/* The authentic image of slot B lies in slot A. */
static bool make_slot(uint8_t *flash)
{
    bool is_made = make_good(flash);
    struct release wrong = releases[R5];
    wrong.image[0] = releases[R5].image[1];
    put(flash, SELV_SLOT_A, &wrong);
    return is_made;
}

/* Both sectors: nobody knows the floor any more, and what lies in slot A is an
 * authentic image from before. */
static bool make_journal(uint8_t *flash)
{
    bool is_made = make_good(flash);
    put(flash, SELV_SLOT_A, &releases[R3]);
    for (uint32_t sector = 0; sector < 2; sector++) {
        for (uint32_t place = 0; place < 2; place++) {
            flash[selv_layout_default.journal_off[sector] + 156 * place + 40] ^=
                1;
        }
    }
    return is_made;
}

/* No journal yet, and what the factory put there is not signed well. */
static bool make_birth(uint8_t *flash)
{
    memcpy(flash, base, FLASH_LEN);
    signature_in(flash, SELV_SLOT_A)[40] ^= 4;
    return true;
}

static bool make_request_signature(uint8_t *flash)
{
    bool is_made = make_good(flash);
    put(flash, SELV_SLOT_B, &releases[R6]);
    signature_in(flash, SELV_SLOT_B)[40] ^= 4;
    return is_made && ask(flash, &releases[R6]);
}

static bool make_request_image(uint8_t *flash)
{
    bool is_made = make_good(flash);
    put(flash, SELV_SLOT_B, &releases[R6]);
    flash[selv_layout_default.slot[1].image_off + 100] ^= 1;
    return is_made && ask(flash, &releases[R6]);
}

static bool make_request_old(uint8_t *flash)
{
    bool is_made = make_good(flash);
    put(flash, SELV_SLOT_B, &releases[R3]);
    return is_made && ask(flash, &releases[R3]);
}

static bool make_trial_image(uint8_t *flash)
{
    memcpy(flash, base, FLASH_LEN);
    bool is_made = trial(flash, &releases[R6], 1);
    flash[selv_layout_default.slot[1].image_off + 100] ^= 1;
    return is_made;
}

static bool make_trial_spent(uint8_t *flash)
{
    memcpy(flash, base, FLASH_LEN);
    return trial(flash, &releases[R6], SELV_BOOT_ATTEMPTS_MAX);
}

/* The nonce of all trials here is zeros. */
static bool confirm(uint8_t *flash, const struct release *r, uint8_t nonce)
{
    struct selv_flash f = scene_flash(flash);
    struct selv_log log;
    memset(&log, 0, sizeof log);
    log.state = SELV_LOG_CONFIRM;
    log.slot = SELV_SLOT_B;
    memcpy(log.digest, digest_of(r), 32);
    memset(log.nonce, nonce, sizeof log.nonce);
    return selv_log_write(&f, &selv_layout_default, &log) == SELV_OK;
}

static bool make_confirm_forged(uint8_t *flash)
{
    memcpy(flash, base, FLASH_LEN);
    return trial(flash, &releases[R6], 1) && confirm(flash, &releases[R6], 7);
}

static bool make_confirm(uint8_t *flash)
{
    memcpy(flash, base, FLASH_LEN);
    return trial(flash, &releases[R6], 1) && confirm(flash, &releases[R6], 0);
}

static bool make_ask(uint8_t *flash)
{
    bool is_made = make_good(flash);
    put(flash, SELV_SLOT_B, &releases[R6]);
    return is_made && ask(flash, &releases[R6]);
}

/* It ran and was reverted, and is asked for again. */
static bool make_ask_refused(uint8_t *flash)
{
    struct selv_journal j = confirmed();
    memcpy(flash, base, FLASH_LEN);
    j.accepted = 6;
    memcpy(j.refused_digest, digest_of(&releases[R6]), 32);
    j.refused_reason = SELV_ERR_BOOT_ATTEMPTS;
    j.refused_was_trial = 1;
    put(flash, SELV_SLOT_B, &releases[R6]);
    return journal(flash, j) && ask(flash, &releases[R6]);
}

/* Shorter lines: of these the slot that boots, when B may, what is asked. */
#define NOTHING SELV_SLOT_NONE, B_NEVER, 0
#define ONLY_A SELV_SLOT_A, B_NEVER, 0
const struct scene scenes[] = {
    {"good", "nothing is wrong", ONLY_A, make_good},
    {"signature", "a bit of the signature is wrong", NOTHING, make_signature},
    {"zeros", "the signature is zeros", NOTHING, make_zeros},
    {"stranger", "signed by a key that is not the anchor", NOTHING,
     make_stranger},
    {"manifest", "a bit of the manifest is wrong", NOTHING, make_manifest},
    {"image", "a bit of the image is wrong", NOTHING, make_image},
    {"floor", "authentic, below the floor", NOTHING, make_floor},
    {"class", "authentic, for another class of devices", NOTHING, make_class},
    {"slot", "the authentic image of the other slot", NOTHING, make_slot},
    {"journal", "the journal's checks are wrong", NOTHING, make_journal},
    {"birth", "no journal yet, and a wrong signature", NOTHING, make_birth},
    {"ask-signature", "an update is asked for whose signature is wrong", ONLY_A,
     make_request_signature},
    {"ask-image", "an update is asked for whose image is wrong", SELV_SLOT_A,
     B_NEVER, 6, make_request_image},
    {"ask-old", "an update is asked for that is below the floor", ONLY_A,
     make_request_old},
    {"ask-refused", "asked for is what was reverted", ONLY_A, make_ask_refused},
    {"trial-image", "the image on trial is wrong", ONLY_A, make_trial_image},
    {"trial-spent", "no attempt is left to the image on trial", ONLY_A,
     make_trial_spent},
    {"trial-forged", "a trial is confirmed with a wrong nonce", SELV_SLOT_B,
     B_ON_TRIAL, 0, make_confirm_forged},
    {"ask", "an update is asked for", SELV_SLOT_B, B_ON_TRIAL, 6, make_ask},
    {"confirm", "a trial is confirmed", SELV_SLOT_B, B_CURRENT, 0,
     make_confirm},
};
const size_t scene_count = sizeof scenes / sizeof *scenes;
