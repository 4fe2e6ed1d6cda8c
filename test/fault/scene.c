/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/scene.c - see scene.h. */
#include "scene.h"

#include <stdio.h>
#include <string.h>

#include "serial/recovery.h"
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
static enum strategy strategy;
static const struct selv_layout *layout = &selv_layout_default;

enum { SECTOR = SELV_LAYOUT_DEFAULT_SECTOR };
/* Sectors that a move of a release takes: its envelope, its image. */
enum { MOVED = 2 };

/* Where a swap or a loader has release 6 on trial in slot A. */
static bool is_tried_in_a(void)
{
    return strategy == ON_SWAP || strategy == ON_LOADER;
}

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

static const struct {
    const char *name;
    enum strategy strategy;
} strategies[] = {
    {"ab", ON_AB},   {"swap", ON_SWAP},     {"overwrite", ON_OVERWRITE},
    {"ram", ON_RAM}, {"loader", ON_LOADER}, {"recovery", ON_RECOVERY}};

enum strategy scene_strategy(void)
{
    return strategy;
}

const struct selv_layout *scene_layout(void)
{
    return layout;
}

static bool strategy_find(const char *name)
{
    for (size_t i = 0; i < sizeof strategies / sizeof *strategies; i++) {
        if (strcmp(strategies[i].name, name) == 0) {
            strategy = strategies[i].strategy;
            layout = strategy & IN_PLACE ? &selv_layout_in_place
                                         : &selv_layout_default;
            return true;
        }
    }
    fprintf(stderr, "fault: %s is no strategy\n", name);
    return false;
}

bool scene_open(const char *folder, const char *name)
{
    bool is_good = strategy_find(name) && part_read(folder, "base", "bin", base,
                                                    FLASH_LEN) == FLASH_LEN;
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

static bool is_at(const uint8_t *p, const struct part *part)
{
    return memcmp(p, part->p, part->len) == 0;
}

enum image scene_image(const uint8_t *p, uint8_t slot)
{
    uint32_t loader = layout->slot[SELV_SLOT_B].image_off;
    if (strategy == ON_LOADER && slot == SELV_SLOT_B) {
        return memcmp(p, base + loader, SECTOR) == 0 ? IMAGE_LOADER
                                                     : IMAGE_NONE;
    }
    return is_at(p, &releases[R5].image[slot])   ? IMAGE_5
           : is_at(p, &releases[R6].image[slot]) ? IMAGE_6
                                                 : IMAGE_NONE;
}

bool scene_is_kept(const uint8_t *flash)
{
    uint32_t kept = layout->slot[SELV_SLOT_B].envelope_off - SECTOR;
    return is_at(flash + kept + 4, &releases[R5].envelope) &&
           is_at(flash + kept + SECTOR, &releases[R5].image[SELV_SLOT_A]);
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
    const struct selv_slot_place *place = &layout->slot[slot];
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

bool scene_is_six(const uint8_t digest[32])
{
    return memcmp(digest, digest_of(&releases[R6]), 32) == 0;
}

/* The 64 bytes of the first signature follow the header of 64 bytes. */
static uint8_t *signature_in(uint8_t *flash, uint8_t slot)
{
    uint8_t *p = flash + layout->slot[slot].envelope_off;
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
    if (selv_journal_write(&f, layout, &first) != SELV_OK) {
        return false;
    }
    j.serial = first.serial;
    return selv_journal_write(&f, layout, &j) == SELV_OK;
}

static bool ask(uint8_t *flash, const struct release *r)
{
    struct selv_flash f = scene_flash(flash);
    struct selv_log log;
    memset(&log, 0, sizeof log);
    log.state = SELV_LOG_TRIAL;
    log.slot = strategy == ON_LOADER ? SELV_SLOT_A : SELV_SLOT_B;
    memcpy(log.digest, digest_of(r), 32);
    return selv_log_write(&f, layout, &log) == SELV_OK;
}

static void name_trial(struct selv_journal *j, const struct release *r)
{
    j->accepted = 6;
    j->trial_sequence = r->sequence;
    memcpy(j->trial_digest, digest_of(r), 32);
}

/* A[i], S[i] and S[-1] of docs/spec/flash.md. */
static uint8_t *sector_a(uint8_t *flash, int i)
{
    return flash + layout->slot[SELV_SLOT_A].envelope_off + i * SECTOR;
}
static uint8_t *sector_s(uint8_t *flash, int i)
{
    return flash + layout->slot[SELV_SLOT_B].envelope_off + i * SECTOR;
}

/* As a swap leaves it: release 6 in slot A, 5 where it is kept. */
static void put_swapped(uint8_t *flash)
{
    for (int i = 0; i < MOVED; i++) {
        memcpy(sector_s(flash, i - 1), sector_a(flash, i), SECTOR);
    }
    put(flash, SELV_SLOT_A, &releases[R6]);
}

static bool trial(uint8_t *flash, const struct release *r, uint8_t attempts)
{
    struct selv_journal j = confirmed();
    name_trial(&j, r);
    j.trial_state = SELV_TRIAL_RUNNING;
    j.trial_slot = is_tried_in_a() ? SELV_SLOT_A : SELV_SLOT_B;
    j.current_slot = j.trial_slot ^ 1;
    j.trial_attempts = attempts;
    if (strategy == ON_SWAP) {
        j.install_count = MOVED;
        put_swapped(flash);
    } else {
        put(flash, j.trial_slot, r);
    }
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
    uint8_t *p = flash + layout->slot[SELV_SLOT_A].envelope_off;
    while (memcmp(p, number, sizeof number) != 0) {
        p++;
    }
    p[3] = 7;
    return is_made;
}

static bool make_image(uint8_t *flash)
{
    bool is_made = make_good(flash);
    flash[layout->slot[0].image_off + 100] ^= 1;
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

/* Slot A holds what a loader wrote, and asks for; what is wrong is its own. */
static bool make_delivered(uint8_t *flash)
{
    bool is_made = make_good(flash);
    put(flash, SELV_SLOT_A, &releases[R6]);
    return is_made && ask(flash, &releases[R6]);
}

static bool make_delivered_image(uint8_t *flash)
{
    bool is_made = make_delivered(flash);
    flash[layout->slot[0].image_off + 100] ^= 1;
    return is_made;
}

static bool make_delivered_signature(uint8_t *flash)
{
    bool is_made = make_delivered(flash);
    signature_in(flash, SELV_SLOT_A)[40] ^= 4;
    return is_made;
}

static bool make_delivered_old(uint8_t *flash)
{
    bool is_made = make_good(flash);
    put(flash, SELV_SLOT_A, &releases[R3]);
    return is_made && ask(flash, &releases[R3]);
}

/* The application asks for the loader, to fetch release 6. */
static bool make_asked(uint8_t *flash)
{
    struct selv_flash f = scene_flash(flash);
    struct selv_log log;
    memset(&log, 0, sizeof log);
    log.state = SELV_LOG_LOADER;
    log.slot = SELV_SLOT_A;
    memcpy(log.digest, digest_of(&releases[R6]), 32);
    return make_good(flash) && selv_log_write(&f, layout, &log) == SELV_OK;
}

static bool make_asked_signature(uint8_t *flash)
{
    bool is_made = make_asked(flash);
    signature_in(flash, SELV_SLOT_B)[40] ^= 4;
    return is_made;
}

static bool make_asked_image(uint8_t *flash)
{
    bool is_made = make_asked(flash);
    flash[layout->slot[1].image_off + 100] ^= 1;
    return is_made;
}

static bool make_both(uint8_t *flash)
{
    bool is_made = make_signature(flash);
    signature_in(flash, SELV_SLOT_B)[40] ^= 4;
    return is_made;
}

/* Both sectors: nobody knows the floor any more, and what lies in slot A is an
 * authentic image from before. */
static bool make_journal(uint8_t *flash)
{
    bool is_made = make_good(flash);
    put(flash, SELV_SLOT_A, &releases[R3]);
    for (uint32_t sector = 0; sector < 2; sector++) {
        uint8_t *record = flash + layout->journal_off[sector];
        for (; record[0] != 0xff; record += 156) {
            record[40] ^= 1;
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
    flash[layout->slot[1].image_off + 100] ^= 1;
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
    flash[layout->slot[!is_tried_in_a()].image_off + 100] ^= 1;
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
    log.slot = is_tried_in_a() ? SELV_SLOT_A : SELV_SLOT_B;
    memcpy(log.digest, digest_of(r), 32);
    memset(log.nonce, nonce, sizeof log.nonce);
    return selv_log_write(&f, layout, &log) == SELV_OK;
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

/* ---- scenes of a move ------------------------------------------------------
 */

/* So many steps of a move are done, by their marks. */
static bool move(uint8_t *flash, struct selv_journal j,
                 enum selv_install_state state, uint32_t done)
{
    uint8_t *marks = flash + layout->marks_off;
    j.install_state = (uint8_t)state;
    j.install_count = MOVED;
    memset(marks, 0xff, layout->marks_len);
    memset(marks, 0, 4 * done);
    return journal(flash, j);
}

/* One sector of release 6 has come to slot A. */
static bool make_forward(uint8_t *flash)
{
    struct selv_journal j = confirmed();
    memcpy(flash, base, FLASH_LEN);
    put(flash, SELV_SLOT_B, &releases[R6]);
    name_trial(&j, &releases[R6]);
    if (strategy == ON_SWAP) {
        memcpy(sector_s(flash, -1), sector_a(flash, 0), SECTOR);
    }
    memcpy(sector_a(flash, 0), sector_s(flash, 0), SECTOR);
    return move(flash, j, SELV_INSTALL_FORWARD, strategy == ON_SWAP ? 2 : 1) &&
           ask(flash, &releases[R6]);
}

/* What moves to slot A turns out to be damaged, once it is there. */
static bool make_forward_image(uint8_t *flash)
{
    bool is_made = make_forward(flash);
    sector_s(flash, 1)[100] ^= 1;
    return is_made;
}

/* Release 6 was reverted, and the first step of the way back is done. */
static bool make_back(uint8_t *flash)
{
    struct selv_journal j = confirmed();
    memcpy(flash, base, FLASH_LEN);
    put_swapped(flash);
    memcpy(sector_s(flash, 1), sector_a(flash, 1), SECTOR);
    j.accepted = 6;
    j.current_slot = SELV_SLOT_B;
    memcpy(j.refused_digest, digest_of(&releases[R6]), 32);
    j.refused_reason = SELV_ERR_BOOT_ATTEMPTS;
    j.refused_was_trial = 1;
    return move(flash, j, SELV_INSTALL_BACK, 1);
}

/* Slot A has rotted; the staging area holds the same release. */
static bool make_help(uint8_t *flash)
{
    bool is_made = make_image(flash);
    put(flash, SELV_SLOT_B, &releases[R5]);
    return is_made;
}

/* The same, but no better. */
static bool make_help_signature(uint8_t *flash)
{
    bool is_made = make_help(flash);
    signature_in(flash, SELV_SLOT_B)[40] ^= 4;
    return is_made;
}

static bool make_help_old(uint8_t *flash)
{
    bool is_made = make_image(flash);
    put(flash, SELV_SLOT_B, &releases[R3]);
    return is_made;
}

/* ---- scenes of a recovery --------------------------------------------------
 *
 * Slot A does not boot; the other end says all that it has to say, and hears
 * nothing of the answers. */

enum { PIECE = 512, FRAME_MAX = 640 };

struct saying {
    uint8_t *line;
    uint32_t len;
    uint8_t number;
};

/* One question: fields of so many bytes, big endian, then bytes. */
static void say(struct saying *s, enum selv_recovery_type type, uint64_t field,
                unsigned field_len, const uint8_t *p, size_t len)
{
    uint8_t frame[FRAME_MAX];
    struct selv_serial out;
    int byte;
    selv_serial_init(&out, frame, sizeof frame);
    frame[0] = (uint8_t)type;
    frame[1] = s->number++;
    for (unsigned i = 0; i < field_len; i++) {
        frame[2 + i] = (uint8_t)(field >> 8 * (field_len - 1 - i));
    }
    memcpy(frame + 2 + field_len, p, len);
    selv_serial_send(&out, 2 + field_len + len);
    while ((byte = selv_serial_poll(&out)) >= 0) {
        s->line[s->len++] = (uint8_t)byte;
    }
}

/* A whole session with that release. */
static uint32_t say_all(uint8_t *line, const struct part *envelope,
                        const struct part *image)
{
    static const uint8_t version = SELV_RECOVERY_VERSION;
    struct saying s = {.line = line};
    say(&s, SELV_RECOVERY_HELLO, 0, 0, &version, 1);
    for (size_t at = 0; at < envelope->len; at += PIECE) {
        size_t n = envelope->len - at;
        say(&s, SELV_RECOVERY_ENVELOPE, (uint64_t)at << 16 | envelope->len, 4,
            envelope->p + at, n < PIECE ? n : PIECE);
    }
    say(&s, SELV_RECOVERY_DATA, 0, 4, image->p, image->len);
    say(&s, SELV_RECOVERY_DONE, 0, 0, NULL, 0);
    say(&s, SELV_RECOVERY_BOOT, 0, 0, NULL, 0);
    return s.len;
}

static uint32_t say_release(uint8_t *line, int release)
{
    const struct release *r = &releases[release];
    return say_all(line, &r->envelope, &r->image[SELV_SLOT_B]);
}

static uint32_t say_good(uint8_t *line)
{
    return say_release(line, R6);
}

static uint32_t say_old(uint8_t *line)
{
    return say_release(line, R3);
}

static uint32_t say_class(uint8_t *line)
{
    return say_release(line, OTHER);
}

static uint32_t say_stranger(uint8_t *line)
{
    return say_release(line, STRANGER);
}

static uint32_t say_signature(uint8_t *line)
{
    struct part wrong = releases[R6].envelope;
    uint8_t *p = wrong.p;
    while (p[0] != 0x58 || p[1] != 0x40) {
        p++;
    }
    p[2 + 40] ^= 4;
    return say_all(line, &wrong, &releases[R6].image[SELV_SLOT_B]);
}

static uint32_t say_image(uint8_t *line)
{
    struct part wrong = releases[R6].image[SELV_SLOT_B];
    wrong.p[100] ^= 1;
    return say_all(line, &releases[R6].envelope, &wrong);
}

/* An authentic manifest, for an older release or another class, may after a
 * fault be written where nothing boots: the boot that follows refuses it. For
 * one that is not authentic nothing is. */
static const struct {
    const char *scene;
    uint32_t (*say)(uint8_t *line);
    enum session session;
} sessions[] = {
    {"line-good", say_good, SESSION_DONE},
    {"line-image", say_image, SESSION_BEGUN},
    {"line-signature", say_signature, SESSION_REFUSED},
    {"line-stranger", say_stranger, SESSION_REFUSED},
    {"line-old", say_old, SESSION_BEGUN},
    {"line-class", say_class, SESSION_BEGUN},
};

uint32_t scene_say(const struct scene *scene, uint8_t *line)
{
    for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
        if (strcmp(scene->name, sessions[i].scene) == 0) {
            return sessions[i].say(line);
        }
    }
    return 0;
}

enum session scene_session(const struct scene *scene)
{
    for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
        if (strcmp(scene->name, sessions[i].scene) == 0) {
            return sessions[i].session;
        }
    }
    return SESSION_NONE;
}

/* Shorter lines: where there is no loader, and where there is one: slot, image,
 * what else may run, when release 6 may, and what is asked for. */
#define NO_LOADER (ON_ALL & ~ON_LOADER)
#define BOTH_RUN (ON_AB | ON_RAM)
#define NOTHING SELV_SLOT_NONE, IMAGE_NONE, 0, SIX_NEVER, 0
#define FIVE SELV_SLOT_A, IMAGE_5, 0, SIX_NEVER
#define FIVE_ON SELV_SLOT_A, IMAGE_5, IMAGE_LOADER, SIX_NEVER
#define LOADER SELV_SLOT_B, IMAGE_LOADER, 0, SIX_NEVER
const struct scene scenes[] = {
    {"good", "nothing is wrong", NO_LOADER, FIVE, 0, make_good},
    {"signature", "a bit of the signature is wrong", NO_LOADER, NOTHING,
     make_signature},
    {"zeros", "the signature is zeros", NO_LOADER, NOTHING, make_zeros},
    {"stranger", "signed by a key that is not the anchor", NO_LOADER, NOTHING,
     make_stranger},
    {"manifest", "a bit of the manifest is wrong", NO_LOADER, NOTHING,
     make_manifest},
    {"image", "a bit of the image is wrong", NO_LOADER, NOTHING, make_image},
    {"floor", "authentic, below the floor", NO_LOADER, NOTHING, make_floor},
    {"class", "authentic, for another class of devices", NO_LOADER, NOTHING,
     make_class},
    {"slot", "the authentic image of the other slot", ON_AB, NOTHING,
     make_slot},
    {"journal", "the journal's checks are wrong", NO_LOADER, NOTHING,
     make_journal},
    {"birth", "no journal yet, and a wrong signature", NO_LOADER, NOTHING,
     make_birth},
    {"ask-signature", "an update is asked for whose signature is wrong",
     NO_LOADER, FIVE, 0, make_request_signature},
    {"ask-image", "an update is asked for whose image is wrong", NO_LOADER,
     FIVE, 6, make_request_image},
    {"ask-old", "an update is asked for that is below the floor", NO_LOADER,
     FIVE, 0, make_request_old},
    {"ask-refused", "asked for is what was reverted", NO_LOADER, FIVE, 0,
     make_ask_refused},
    {"trial-image", "the image on trial is wrong", BOTH_RUN | ON_SWAP, FIVE, 0,
     make_trial_image},
    {"trial-spent", "no attempt is left to the image on trial",
     BOTH_RUN | ON_SWAP, FIVE, 0, make_trial_spent},
    {"trial-forged", "a trial is confirmed with a wrong nonce", BOTH_RUN,
     SELV_SLOT_B, IMAGE_6, IMAGE_5, SIX_ON_TRIAL, 0, make_confirm_forged},
    {"trial-forged", "a trial is confirmed with a wrong nonce", ON_SWAP,
     SELV_SLOT_A, IMAGE_6, IMAGE_5, SIX_ON_TRIAL, 0, make_confirm_forged},
    {"ask", "an update is asked for", BOTH_RUN, SELV_SLOT_B, IMAGE_6, IMAGE_5,
     SIX_ON_TRIAL, 6, make_ask},
    {"ask", "an update is asked for", ON_SWAP, SELV_SLOT_A, IMAGE_6, IMAGE_5,
     SIX_ON_TRIAL, 6, make_ask},
    {"ask", "an update is asked for", ON_OVERWRITE, SELV_SLOT_A, IMAGE_6,
     IMAGE_5, SIX_CURRENT, 6, make_ask},
    {"confirm", "a trial is confirmed", BOTH_RUN, SELV_SLOT_B, IMAGE_6, IMAGE_5,
     SIX_CURRENT, 0, make_confirm},
    {"confirm", "a trial is confirmed", ON_SWAP, SELV_SLOT_A, IMAGE_6, IMAGE_5,
     SIX_CURRENT, 0, make_confirm},

    {"forward", "a move is under way", ON_SWAP, SELV_SLOT_A, IMAGE_6, IMAGE_5,
     SIX_ON_TRIAL, 6, make_forward},
    {"forward", "a move is under way", ON_OVERWRITE, SELV_SLOT_A, IMAGE_6, 0,
     SIX_CURRENT, 6, make_forward},
    {"forward-image", "a move is under way, and the image is wrong", ON_SWAP,
     FIVE, 6, make_forward_image},
    {"forward-image", "a move is under way, and the image is wrong",
     ON_OVERWRITE, NOTHING, make_forward_image},
    {"back", "the way back is under way", ON_SWAP, FIVE, 0, make_back},
    {"help", "slot A is wrong, what is staged is not", ON_OVERWRITE, FIVE, 0,
     make_help},
    {"help-signature", "slot A is wrong, what is staged is, too", IN_PLACE,
     NOTHING, make_help_signature},
    {"help-old", "slot A is wrong, what is staged is below the floor", IN_PLACE,
     NOTHING, make_help_old},

    /* A loader that runs without a journal is authentic, and no more. */
    {"journal", "the journal's checks are wrong", ON_LOADER, SELV_SLOT_NONE,
     IMAGE_NONE, IMAGE_LOADER, SIX_NEVER, 0, make_journal},
    {"birth", "no journal yet, and a wrong signature", ON_LOADER,
     SELV_SLOT_NONE, IMAGE_NONE, IMAGE_LOADER, SIX_NEVER, 0, make_birth},
    {"good", "nothing is wrong", ON_LOADER, FIVE_ON, 0, make_good},
    {"signature", "a bit of the signature is wrong", ON_LOADER, LOADER, 0,
     make_signature},
    {"image", "a bit of the image is wrong", ON_LOADER, LOADER, 0, make_image},
    {"floor", "authentic, below the floor", ON_LOADER, LOADER, 0, make_floor},
    {"class", "authentic, for another class of devices", ON_LOADER, LOADER, 0,
     make_class},
    {"both", "neither signature is good", ON_LOADER, NOTHING, make_both},
    {"asked", "the loader is asked for", ON_LOADER, SELV_SLOT_B, IMAGE_LOADER,
     IMAGE_5, SIX_NEVER, 0, make_asked},
    {"asked-signature", "the loader is asked for, and its signature is wrong",
     ON_LOADER, FIVE, 0, make_asked_signature},
    {"asked-image", "the loader is asked for, and its image is wrong",
     ON_LOADER, FIVE, 0, make_asked_image},
    {"delivered", "the loader wrote an update", ON_LOADER, SELV_SLOT_A, IMAGE_6,
     IMAGE_LOADER, SIX_ON_TRIAL, 6, make_delivered},
    {"delivered-image", "the loader wrote one whose image is wrong", ON_LOADER,
     LOADER, 6, make_delivered_image},
    {"delivered-signature", "the loader wrote one whose signature is wrong",
     ON_LOADER, LOADER, 0, make_delivered_signature},
    {"delivered-old", "the loader wrote one below the floor", ON_LOADER, LOADER,
     0, make_delivered_old},
    {"trial-image", "the image on trial is wrong", ON_LOADER, LOADER, 0,
     make_trial_image},
    {"trial-spent", "no attempt is left to the image on trial", ON_LOADER,
     SELV_SLOT_B, IMAGE_LOADER, IMAGE_6, SIX_ON_TRIAL, 0, make_trial_spent},
    {"trial-forged", "a trial is confirmed with a wrong nonce", ON_LOADER,
     SELV_SLOT_A, IMAGE_6, IMAGE_LOADER, SIX_ON_TRIAL, 0, make_confirm_forged},
    {"confirm", "a trial is confirmed", ON_LOADER, SELV_SLOT_A, IMAGE_6,
     IMAGE_LOADER, SIX_CURRENT, 0, make_confirm},

    {"line-good", "release 6 comes over the line", ON_RECOVERY, SELV_SLOT_NONE,
     IMAGE_NONE, IMAGE_6, SIX_CURRENT, 6, make_image},
    {"line-image", "the same, and a bit of its image is wrong", ON_RECOVERY,
     NOTHING, make_image},
    {"line-signature", "the same, and its signature is wrong", ON_RECOVERY,
     NOTHING, make_image},
    {"line-stranger", "the same, signed by another key", ON_RECOVERY, NOTHING,
     make_image},
    {"line-old", "what comes is below the floor", ON_RECOVERY, NOTHING,
     make_image},
    {"line-class", "what comes is for another class of devices", ON_RECOVERY,
     NOTHING, make_image},
};
const size_t scene_count = sizeof scenes / sizeof *scenes;

bool scene_moves(void)
{
    return (strategy & IN_PLACE) != 0;
}
