/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/hostile.c - see sim/hostile.h. */
#include "sim/hostile.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "store/journal.h"

enum {
    STAGES_MAX = 320,
    FORGED_COUNT = 5 * 3 * 4 * 3 * 4, /* state, slot, digest, nonce, serial */
    JUNK_COUNT = 64,
    LOG_RECORD_LEN = 96, /* docs/spec/flash.md */
    LOG_CHECK_LEN = 8
};

struct hostile {
    struct sim_world w;
    const struct sim_releases *releases;
    struct sim_state stages[STAGES_MAX]; /* after each operation */
    uint32_t stage_count;
    uint32_t stage;              /* the one that is damaged now */
    struct selv_journal journal; /* its journal, undamaged */
    bool is_log_alone; /* one sector of the log lacks its newest record */
    struct selv_boot_record reference; /* what boots from it, undamaged */
    uint64_t case_count;
    uint64_t seed;
    char fault[160];
};

/* What must hold after the damage. */
enum rule {
    SAME,    /* all as without it */
    RUNS,    /* something that the journal allows; no number moves wrongly */
    SAFE,    /* that, or nothing boots */
    REFUSES, /* nothing boots, and nothing is written */
    NOTHING, /* the damage would be like another one */
    NO_CASE  /* there is no such case */
};

/* ---- damage ----------------------------------------------------------------
 */

static void flip(struct hostile *h, uint32_t off, uint8_t mask)
{
    uint8_t byte = h->w.mem[off] ^ mask;
    selv_vflash_poke(&h->w.v, off, &byte, 1);
}

/* The rest of a sector as if it had never been written. */
static void truncate_at(struct hostile *h, uint32_t off, uint32_t len)
{
    selv_vflash_blank(&h->w.v, off, len);
}

static void put_from_stage(struct hostile *h, uint32_t stage, uint32_t off,
                           uint32_t len)
{
    selv_vflash_poke(&h->w.v, off, h->stages[stage].mem + off, len);
}

static void put_junk(struct hostile *h, uint32_t off, uint32_t len,
                     uint64_t *random)
{
    for (uint32_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)selv_vflash_random(random);
        selv_vflash_poke(&h->w.v, off + i, &byte, 1);
    }
}

/* A record that is whole, and says what an application must not. */
static void forge_log(struct hostile *h, uint32_t which)
{
    static const uint32_t serials[4] = {1, 0x7fffffff, 0x80000001, UINT32_MAX};
    static const uint8_t slots[3] = {0, 1, SELV_SLOT_NONE};
    static const uint8_t junk[32] = {0xab, 0xcd};
    const struct sim_releases *all = h->releases;
    const uint8_t *digests[4] = {all->older.digest, all->old.digest,
                                 all->new.digest, junk};
    uint8_t record[LOG_RECORD_LEN] = {SELV_LOG_VERSION, 'L'}, digest[32];
    struct selv_sha256 hash;
    record[2] = (uint8_t)(which % 5);
    record[3] = slots[which / 5 % 3];
    memcpy(record + 4, &serials[which / 180 % 4], 4);
    memcpy(record + 8, digests[which / 15 % 4], 32);
    if (which / 60 % 3 == 0) {
        memcpy(record + 44, h->journal.trial_nonce, SELV_NONCE_LEN);
    } else {
        memset(record + 44, which / 60 % 3 == 1 ? 0x5a : 0, SELV_NONCE_LEN);
    }
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, record, sizeof record - LOG_CHECK_LEN);
    selv_sha256_finish(&hash, digest);
    memcpy(record + sizeof record - LOG_CHECK_LEN, digest, LOG_CHECK_LEN);
    for (int i = 0; i < 2; i++) {
        uint32_t off = h->w.layout.log_off[i];
        selv_vflash_blank(&h->w.v, off, h->w.geometry->sector_len);
        selv_vflash_poke(&h->w.v, off, record, sizeof record);
    }
}

static void exchange(struct hostile *h, uint32_t a, uint32_t b, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        uint8_t at_a = h->w.mem[a + i], at_b = h->w.mem[b + i];
        selv_vflash_poke(&h->w.v, a + i, &at_b, 1);
        selv_vflash_poke(&h->w.v, b + i, &at_a, 1);
    }
}

static uint32_t shorter(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Somebody writes to the slots: exchanged, in part or whole, copied over each
 * other, or an older release brought back, with a request for it. */
static void damage_slots(struct hostile *h, uint32_t which)
{
    const struct selv_slot_place *a = &h->w.layout.slot[SELV_SLOT_A];
    const struct selv_slot_place *b = &h->w.layout.slot[SELV_SLOT_B];
    uint32_t envelope = shorter(a->envelope_len, b->envelope_len);
    uint32_t image = shorter(a->image_len, b->image_len);
    const struct selv_release *all[] = {&h->releases->older, &h->releases->old,
                                        &h->releases->new};
    uint8_t slot = which % 2 ? SELV_SLOT_B : SELV_SLOT_A;
    if (which == 0 || which == 2) {
        exchange(h, a->envelope_off, b->envelope_off, envelope);
    }
    if (which == 1 || which == 2) {
        exchange(h, a->image_off, b->image_off, image);
    }
    if (which == 3 || which == 4) {
        const struct selv_slot_place *to = which == 3 ? a : b;
        const struct selv_slot_place *from = which == 3 ? b : a;
        selv_vflash_poke(&h->w.v, to->envelope_off,
                         h->w.mem + from->envelope_off, envelope);
        selv_vflash_poke(&h->w.v, to->image_off, h->w.mem + from->image_off,
                         image);
    }
    if (which >= 5) {
        const struct selv_release *release = all[(which - 5) / 2 % 3];
        selv_vflash_protect(&h->w.v, 0, h->w.v.flash.size, false);
        if (selv_release_install(release, &h->w.v.flash, &h->w.layout, slot)) {
            snprintf(h->fault, sizeof h->fault, "the damage cannot be done");
        }
        if (which >= 11) {
            struct selv_log log = {.state = SELV_LOG_TRIAL, .slot = slot};
            memcpy(log.digest, release->digest, 32);
            if (selv_log_write(&h->w.v.flash, &h->w.layout, &log)) {
                snprintf(h->fault, sizeof h->fault, "no request can be made");
            }
        }
    }
}

enum { SLOT_CASES = 17 };

/* The rest of the sector's first sector_len bytes is erased. */
static bool is_blank_from(const struct hostile *h, uint32_t off)
{
    const struct selv_flash *flash = &h->w.v.flash;
    uint32_t end = selv_flash_sector(flash, off).off + flash->sector_len;
    return selv_flash_is_erased(flash, off, end - off);
}

/* Cases before those of the slots. */
static uint32_t first_slot_case(const struct hostile *h)
{
    uint32_t len = h->w.geometry->sector_len, unit = h->w.geometry->write_unit;
    return 4 * len * 2 + 4 * len / unit + 4 + 2 * h->stage +
           3 * h->stage_count + FORGED_COUNT + JUNK_COUNT;
}

/* Do the which-th damage to the stage that was loaded; say what must hold. */
static enum rule damage(struct hostile *h, uint32_t which)
{
    uint32_t len = h->w.geometry->sector_len, unit = h->w.geometry->write_unit;
    uint64_t random = h->seed ^ which;
    /* Journal or log, either sector. */
    const uint32_t offs[4] = {h->w.layout.journal_off[0],
                              h->w.layout.journal_off[1],
                              h->w.layout.log_off[0], h->w.layout.log_off[1]};
    uint32_t count = 4 * len * 2;
    if (which < count) { /* a byte: all bits, or one */
        uint32_t at = which / 2 % len;
        /* Of what was never written, every seventh byte will do. */
        if (at % 7 != 0 && is_blank_from(h, offs[which / 2 / len] + at)) {
            return NOTHING;
        }
        flip(h, offs[which / 2 / len] + at,
             (uint8_t)(which % 2 ? 0xffu : 1u << at % 8));
        return which / 2 / len < 2 || !h->is_log_alone ? SAME : RUNS;
    }
    which -= count;
    count = 4 * len / unit;
    if (which < count) {
        uint32_t at = which % (len / unit) * unit;
        truncate_at(h, offs[which / (len / unit)] + at, len - at);
        return which / (len / unit) < 2 || !h->is_log_alone ? SAME : RUNS;
    }
    which -= count;
    if (which < 4) { /* a whole sector rots */
        put_junk(h, offs[which], len, &random);
        return which < 2 || !h->is_log_alone ? SAME : RUNS;
    }
    which -= 4;
    if (which < 2 * h->stage) { /* one sector of the journal, of before */
        put_from_stage(h, which / 2, offs[which % 2], len);
        return SAME;
    }
    which -= 2 * h->stage;
    if (which < 3 * h->stage_count) { /* the log, of before or to come */
        uint32_t stage = which / 3;
        for (uint32_t i = 0; i < 2; i++) {
            if (which % 3 == i || which % 3 == 2) {
                put_from_stage(h, stage, offs[2 + i], len);
            }
        }
        return RUNS;
    }
    which -= 3 * h->stage_count;
    if (which < FORGED_COUNT) {
        forge_log(h, which);
        return RUNS;
    }
    which -= FORGED_COUNT;
    if (which < JUNK_COUNT) { /* from a place on, in both sectors */
        for (int i = 2; i < 4; i++) {
            uint32_t at = (uint32_t)selv_vflash_random(&random) % len;
            put_junk(h, offs[i] + at, len - at, &random);
        }
        return RUNS;
    }
    which -= JUNK_COUNT;
    if (which < SLOT_CASES) {
        damage_slots(h, which);
        return SAFE;
    }
    which -= SLOT_CASES;
    if (which == 0 && h->reference.slot != SELV_SLOT_NONE) {
        put_junk(h, offs[0], len, &random);
        put_junk(h, offs[1], len, &random);
        return REFUSES;
    }
    return NO_CASE;
}

/* ---- what came of it -------------------------------------------------------
 */

static bool boot(struct hostile *h, struct selv_boot_record *record)
{
    selv_vflash_power_on(&h->w.v);
    bool is_good = sim_world_boot(&h->w, SELV_RESET_POWER_ON);
    *record = h->w.record;
    return is_good;
}

static bool fault(struct hostile *h, const char *words)
{
    snprintf(h->fault, sizeof h->fault, "%s", words);
    return false;
}

static bool is_same(const struct selv_boot_record *a,
                    const struct selv_boot_record *b)
{
    return a->slot == b->slot && a->is_trial == b->is_trial &&
           a->attempt == b->attempt && a->sequence == b->sequence &&
           a->accepted == b->accepted && a->floor == b->floor &&
           memcmp(a->digest, b->digest, 32) == 0 &&
           memcmp(a->refused_digest, b->refused_digest, 32) == 0 &&
           a->refused_reason == b->refused_reason && a->loader == b->loader &&
           a->refused_was_trial == b->refused_was_trial;
}

/* Only the nonce of the attempt that the journal counts confirms it. */
static bool may_confirm(const struct hostile *h, const struct selv_log *log)
{
    return h->journal.trial_state == SELV_TRIAL_RUNNING &&
           log->state == SELV_LOG_CONFIRM &&
           memcmp(log->nonce, h->journal.trial_nonce, SELV_NONCE_LEN) == 0;
}

/* What runs is a release, or the loader, byte for byte. */
static bool is_whole(const struct hostile *h, const struct selv_boot_record *r)
{
    const struct sim_releases *all = h->releases;
    const struct sim_world *w = &h->w;
    const struct selv_release *may_run[] = {&all->old, &all->new};
    const struct selv_release *release = NULL;
    for (size_t i = 0; i < 2; i++) {
        if (memcmp(r->digest, may_run[i]->digest, 32) == 0) {
            release = may_run[i];
        }
    }
    if (release == NULL || r->sequence != release->sequence ||
        r->slot >= SELV_SLOT_COUNT) {
        return false;
    }
    if (w->is_loaded) {
        return w->ram.len == release->image_len &&
               memcmp(w->ram_bytes, release->image[0], w->ram.len) == 0;
    }
    if (r->loader >= SELV_LOADER_ASKED) {
        release = &all->loader; /* the record is about the application */
    }
    return selv_release_is_in(release, &w->v.flash, &w->layout, r->slot);
}

static bool check_running(struct hostile *h, const struct selv_boot_record *r,
                          const struct selv_log *log, enum rule rule)
{
    /* What an overwrite installs is confirmed: slot A itself was good. */
    bool is_installed = !h->releases->strategy->has_trial &&
                        r->floor == r->sequence && r->slot == SELV_SLOT_A;
    if (!is_whole(h, r)) {
        return fault(h, "what runs is none of the releases, byte for byte");
    }
    if (r->sequence < h->journal.floor) {
        return fault(h, "what runs is below the floor");
    }
    if (is_installed) {
        return true;
    }
    if (r->floor > h->journal.floor && !may_confirm(h, log)) {
        return fault(h, "the floor rose without a confirmation");
    }
    if (rule == RUNS && !r->is_trial && !may_confirm(h, log) &&
        memcmp(r->digest, h->journal.current_digest, 32) != 0 &&
        !(r->loader >=
              SELV_LOADER_ASKED && /* the loader; the record says why */
          memcmp(r->digest, h->journal.trial_digest, 32) == 0)) {
        return fault(h, "something else than the current release runs");
    }
    return true;
}

/* An unborn device has no promise to keep. */
static bool is_born(const struct hostile *h)
{
    return h->journal.serial > 1;
}

static bool check(struct hostile *h, enum rule rule, bool is_good,
                  const struct selv_boot_record *r, const struct selv_log *log)
{
    if (h->w.v.violation_count != 0) {
        return fault(h, h->w.v.violation);
    }
    if (!selv_record_is_valid(r)) {
        return fault(h, "the boot record is not sealed");
    }
    if (rule == SAME) {
        return is_same(r, &h->reference) && is_whole(h, r)
                   ? true
                   : fault(h, "one damaged sector changes the decision");
    }
    if (rule == REFUSES) {
        return !is_good && h->w.v.op_count == 0
                   ? true
                   : fault(h, "it goes on without a journal");
    }
    if (!is_good) {
        return rule == SAFE ? true : fault(h, "nothing boots");
    }
    if (r->floor < h->journal.floor || r->accepted < h->journal.accepted) {
        return fault(h, "a number fell");
    }
    return check_running(h, r, log, rule);
}

static bool run_case(struct hostile *h, uint32_t which, bool *is_case)
{
    struct selv_boot_record record, again;
    struct selv_log log;
    sim_state_load(&h->stages[h->stage], &h->w);
    enum rule rule = damage(h, which);
    *is_case = rule != NO_CASE;
    if (rule == NO_CASE || rule == NOTHING || h->fault[0] != 0) {
        return h->fault[0] == 0;
    }
    h->case_count++;
    if (selv_log_read(&h->w.v.flash, &h->w.layout, &log)) {
        memset(&log, 0, sizeof log);
    }
    bool is_good = boot(h, &record);
    if (!check(h, rule, is_good, &record, &log)) {
        return false;
    }
    /* What it made of the damage is what it keeps to. */
    is_good = boot(h, &again);
    if (rule != REFUSES && is_good &&
        (again.floor < record.floor || again.accepted < record.accepted)) {
        return fault(h, "a number fell at the second boot");
    }
    if ((rule == SAME || rule == RUNS) && (!is_good || !is_whole(h, &again))) {
        return fault(h, "nothing boots at the second boot");
    }
    return h->w.v.violation_count == 0 ? true : fault(h, h->w.v.violation);
}

/* ---- all of it -------------------------------------------------------------
 */

/* The state after each operation of an update. */
static bool collect(struct hostile *h, const struct selv_geometry *g)
{
    static struct sim_state first;
    if (!sim_world_open(&h->w, g, SIM_FLOW_UPDATE, sim_app_script,
                        h->releases) ||
        !sim_state_open(&first, &h->w)) {
        return false;
    }
    sim_state_save(&first, &h->w);
    h->stage_count = 0;
    for (uint32_t op = 0; op < STAGES_MAX; op++) {
        sim_state_load(&first, &h->w);
        if (sim_world_run(&h->w, op, 1) != SIM_CUT) {
            break;
        }
        if (!sim_state_open(&h->stages[h->stage_count], &h->w)) {
            return false;
        }
        sim_state_save(&h->stages[h->stage_count++], &h->w);
    }
    sim_state_close(&first);
    return h->stage_count > 0 && h->stage_count < STAGES_MAX;
}

/* What the stage is without damage. False: before there is a journal. */
static bool prepare_stage(struct hostile *h, uint32_t stage)
{
    h->stage = stage;
    sim_state_load(&h->stages[stage], &h->w);
    memset(&h->journal, 0, sizeof h->journal);
    if (selv_journal_read(&h->w.v.flash, &h->w.layout, &h->journal) ||
        !is_born(h) || h->journal.is_alone) {
        return false;
    }
    uint32_t serials[3] = {0};
    for (int i = 0; i < 3; i++) {
        struct selv_log log = {0};
        sim_state_load(&h->stages[stage], &h->w);
        if (i < 2) {
            truncate_at(h, h->w.layout.log_off[i], h->w.geometry->sector_len);
        }
        if (selv_log_read(&h->w.v.flash, &h->w.layout, &log) == SELV_OK) {
            serials[i] = log.serial;
        }
    }
    h->is_log_alone = serials[0] != serials[2] || serials[1] != serials[2];
    return boot(h, &h->reference);
}

/* Journal and log are as in the stage before: only the slots differ. */
static bool is_like_before(const struct hostile *h, uint32_t stage)
{
    const struct selv_layout *l = &h->w.layout;
    const uint32_t offs[4] = {l->journal_off[0], l->journal_off[1],
                              l->log_off[0], l->log_off[1]};
    for (int i = 0; i < 4 && stage > 0; i++) {
        if (memcmp(h->stages[stage].mem + offs[i],
                   h->stages[stage - 1].mem + offs[i],
                   h->w.geometry->sector_len) != 0) {
            return false;
        }
    }
    return stage > 0;
}

static void close_all(struct hostile *h)
{
    for (uint32_t i = 0; i < h->stage_count; i++) {
        sim_state_close(&h->stages[i]);
    }
    sim_world_close(&h->w);
}

static bool run_geometry(struct hostile *h, const struct selv_geometry *g,
                         const unsigned *only)
{
    bool is_good = true;
    for (uint32_t stage = 0; stage < h->stage_count && is_good; stage++) {
        if ((only != NULL && stage != only[0]) || !prepare_stage(h, stage)) {
            continue;
        }
        bool is_case = true;
        uint32_t first = is_like_before(h, stage) ? first_slot_case(h) : 0;
        for (uint32_t i = only != NULL ? only[1] : first; is_case && is_good;
             i++) {
            is_good = run_case(h, i, &is_case);
            if (!is_good) {
                printf("%s\n  selvage-sim hostile --strategy %s --replay "
                       "%s/%u/%u\n",
                       h->fault, h->releases->strategy->name, g->name,
                       (unsigned)stage, (unsigned)i);
            }
            if (only != NULL) {
                break;
            }
        }
    }
    return is_good;
}

int sim_hostile(const struct cut_options *o)
{
    struct sim_releases *releases = malloc(sizeof *releases);
    struct hostile *h = calloc(1, sizeof *h);
    char name[16];
    unsigned only[2];
    bool is_good = true, is_whole = releases != NULL && h != NULL;
    if (o->replay != NULL &&
        (sscanf(o->replay, "%15[^/]/%u/%u", name, &only[0], &only[1]) != 3 ||
         selv_geometry_find(name) == NULL)) {
        fprintf(stderr,
                "selvage-sim: --replay %s: not of the form "
                "geometry/stage/case\n",
                o->replay);
        free(releases);
        free(h);
        return 2;
    }
    for (size_t i = 0; i < selv_geometry_count && is_whole; i++) {
        const struct selv_geometry *g = &selv_geometries[i];
        if ((o->replay != NULL ? strcmp(g->name, name) != 0
                               : !o->geometries[i]) ||
            !sim_strategy_has(o->strategy, g, SIM_FLOW_UPDATE)) {
            continue;
        }
        memset(h, 0, sizeof *h);
        h->releases = releases;
        h->seed = o->seed;
        is_whole = sim_cut_releases(o->strategy, sim_app_script, g, releases) &&
                   collect(h, g);
        is_good = is_whole &&
                  run_geometry(h, g, o->replay != NULL ? only : NULL) &&
                  is_good;
        if (!o->is_quiet && is_whole) {
            printf("hostile %-9s %-14s %3u stages %8llu cases\n",
                   o->strategy->name, g->name, (unsigned)h->stage_count,
                   (unsigned long long)h->case_count);
        }
        close_all(h);
    }
    free(releases);
    free(h);
    return !is_whole ? 3 : is_good ? 0 : 1;
}
