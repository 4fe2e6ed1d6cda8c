/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/canary.c - stands in for lib/store/journal.c in selvage-sim-canary:
 * journals and bootloaders with the mistakes that they have. The record is a
 * copy of the struct, since only the simulator reads it. */
#include "sim/canary.h"

#include "crypto/crypto.h"
#include "sim/canary_real.h"
#include "sim/world.h"
#include "store/journal.h"

enum { MAGIC = 0x43414e41, RECORD_MAX = 256, PLACES_MIN = 1 };

enum canary {
    ERASE_FIRST, /* one place: erases the newest record, then writes */
    NO_CHECK,    /* a record counts when its first byte is there */
    SAME_SECTOR, /* when full, erases the sector that holds the newest */
    ONE_COPY,    /* right but for that: each record stands in one sector, and
                    is believed as soon as it reads as whole */
    READ_ONCE,   /* the same, and what cannot be read once is not there */
    TRUST_ERASE, /* a sector that reads as erased is not erased again */
    /* From here on the real journal, under a bootloader that errs. */
    TRUST_ALONE, /* decides on a record that one sector lacks */
    COUNT_LATE,  /* counts an attempt after the hand-over */
    FLOOR_EARLY, /* raises the floor when the trial begins */
    REFUSE_LATE, /* forgets to write down why a trial ended */
    MARK_FIRST,  /* from here on a swap that errs: enum sim_mistake */
    TRUST_MARKS,
    MARKS_LATE,
    TRY_FIRST,
    READ_MARK_LAST,
    GO_ON,
    OVERWRITE_MARKS_LATE, /* and an overwrite */
    HASH_STORED,          /* and a load into RAM */
    TRY_UNASKED,          /* and a loader's bootloader */
    SHARED_JOURNAL,       /* and two stages */
    CONFIRM_EARLY,
    DEAD_END, /* and a recovery */
    RESTART_BLANK,
    TRUST_EMPTY,
    CANARY_COUNT
};

static enum canary selected;

const size_t sim_canary_count = CANARY_COUNT;

/* Under which strategy each errs, in which flow it shows the soonest, and
 * whether it takes two cuts. */
static const struct {
    const char *name, *strategy;
    enum sim_flow flow;
    enum sim_mistake mistake;
    bool takes_two;
} canaries[CANARY_COUNT] = {
    [ERASE_FIRST] = {"erase-first", "ab", SIM_FLOW_UPDATE, SIM_MISTAKE_NONE,
                     false},
    [NO_CHECK] = {"no-check", "ab", SIM_FLOW_UPDATE, SIM_MISTAKE_NONE, false},
    [SAME_SECTOR] = {"same-sector", "ab", SIM_FLOW_UPDATE, SIM_MISTAKE_NONE,
                     false},
    [ONE_COPY] = {"one-copy", "ab", SIM_FLOW_REPEAT, SIM_MISTAKE_NONE, false},
    [READ_ONCE] = {"read-once", "ab", SIM_FLOW_UPDATE, SIM_MISTAKE_NONE, false},
    [TRUST_ERASE] = {"trust-erase", "ab", SIM_FLOW_REVERT, SIM_MISTAKE_NONE,
                     false},
    [TRUST_ALONE] = {"trust-alone", "ab", SIM_FLOW_REPEAT, SIM_MISTAKE_NONE,
                     false},
    [COUNT_LATE] = {"count-late", "ab", SIM_FLOW_UPDATE, SIM_MISTAKE_NONE,
                    false},
    [FLOOR_EARLY] = {"floor-early", "ab", SIM_FLOW_UPDATE, SIM_MISTAKE_NONE,
                     false},
    [REFUSE_LATE] = {"refuse-late", "ab", SIM_FLOW_REVERT, SIM_MISTAKE_NONE,
                     false},
    [MARK_FIRST] = {"mark-first", "swap", SIM_FLOW_UPDATE,
                    SIM_MISTAKE_MARK_FIRST, false},
    [TRUST_MARKS] = {"trust-marks", "swap", SIM_FLOW_UPDATE,
                     SIM_MISTAKE_TRUST_MARKS, true},
    [MARKS_LATE] = {"marks-late", "swap", SIM_FLOW_UPDATE,
                    SIM_MISTAKE_MARKS_LATE, false},
    [TRY_FIRST] = {"try-first", "swap", SIM_FLOW_UPDATE, SIM_MISTAKE_TRY_FIRST,
                   false},
    [READ_MARK_LAST] = {"read-mark-last", "swap", SIM_FLOW_UPDATE,
                        SIM_MISTAKE_READ_MARK_LAST, true},
    [GO_ON] = {"go-on", "swap", SIM_FLOW_UPDATE, SIM_MISTAKE_GO_ON, false},
    [OVERWRITE_MARKS_LATE] = {"copy-marks-late", "overwrite", SIM_FLOW_UPDATE,
                              SIM_MISTAKE_MARKS_LATE, false},
    [HASH_STORED] = {"hash-stored", "ram", SIM_FLOW_UPDATE,
                     SIM_MISTAKE_HASH_STORED, false},
    [TRY_UNASKED] = {"try-unasked", "loader", SIM_FLOW_UPDATE,
                     SIM_MISTAKE_TRY_UNASKED, false},
    [SHARED_JOURNAL] = {"shared-journal", "stages", SIM_FLOW_UPDATE,
                        SIM_MISTAKE_SHARED_JOURNAL, false},
    [CONFIRM_EARLY] = {"confirm-early", "stages", SIM_FLOW_WATCHDOG,
                       SIM_MISTAKE_CONFIRM_EARLY, false},
    [DEAD_END] = {"dead-end", "swap", SIM_FLOW_RECOVER, SIM_MISTAKE_DEAD_END,
                  false},
    [RESTART_BLANK] = {"restart-blank", "ab", SIM_FLOW_LOST,
                       SIM_MISTAKE_RESTART_BLANK, false},
    [TRUST_EMPTY] = {"trust-empty", "ab", SIM_FLOW_LOST,
                     SIM_MISTAKE_TRUST_EMPTY, false},
};

const char *sim_canary_name(size_t i)
{
    return canaries[i].name;
}

void sim_canary_select(size_t i)
{
    selected = (enum canary)i;
    sim_mistake = canaries[i].mistake;
}

bool sim_canary_takes_two(size_t i)
{
    return canaries[i].takes_two;
}

const char *sim_canary_strategy(size_t i)
{
    return canaries[i].strategy;
}

unsigned sim_canary_flow(size_t i)
{
    return canaries[i].flow;
}

struct place {
    uint32_t magic;
    struct selv_journal journal;
    uint8_t check[8];
};

_Static_assert(sizeof(struct place) <= RECORD_MAX, "fits the buffer");

static uint32_t place_len(const struct selv_flash *flash)
{
    uint32_t unit = flash->write_unit;
    return ((uint32_t)sizeof(struct place) + unit - 1) / unit * unit;
}

static uint32_t place_count(const struct selv_flash *flash)
{
    uint32_t count = flash->sector_len / place_len(flash);
    return selected == ERASE_FIRST ? PLACES_MIN : count;
}

static void compute_check(const struct place *p, uint8_t check[static 8])
{
    struct selv_sha256 hash;
    uint8_t digest[SELV_SHA256_LEN];
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, p, offsetof(struct place, check));
    selv_sha256_finish(&hash, digest);
    memcpy(check, digest, 8);
}

static bool read_once(const struct selv_flash *flash, uint32_t off,
                      struct place *p)
{
    uint8_t check[8];
    if (flash->read(flash->port, off, p, sizeof *p) != SELV_OK ||
        p->magic != MAGIC) {
        return false;
    }
    compute_check(p, check);
    return selected == NO_CHECK || memcmp(check, p->check, 8) == 0;
}

static bool read_place(const struct selv_flash *flash, uint32_t off,
                       struct place *p)
{
    return read_once(flash, off, p) ||
           (selected != READ_ONCE && read_once(flash, off, p));
}

/* The newest of sector 0 and, but for ERASE_FIRST, of sector 1. */
static bool find(const struct selv_flash *flash,
                 const struct selv_layout *layout, struct place *newest,
                 unsigned *sector, uint32_t *index)
{
    bool is_found = false;
    for (unsigned s = 0; s < (selected == ERASE_FIRST ? 1u : 2u); s++) {
        for (uint32_t i = 0; i < place_count(flash); i++) {
            struct place p;
            uint32_t off = layout->journal_off[s] + i * place_len(flash);
            if (read_place(flash, off, &p) &&
                (!is_found || p.journal.serial >= newest->journal.serial)) {
                *newest = p;
                *sector = s;
                *index = i;
                is_found = true;
            }
        }
    }
    return is_found;
}

enum selv_err selv_journal_read(const struct selv_flash *flash,
                                const struct selv_layout *layout,
                                struct selv_journal *out)
{
    if (selected >= TRUST_ALONE) {
        enum selv_err err = real_journal_read(flash, layout, out);
        if (err == SELV_OK && selected == TRUST_ALONE) {
            out->is_alone = false;
        }
        return err;
    }
    struct place p;
    unsigned sector;
    uint32_t index;
    if (!find(flash, layout, &p, &sector, &index)) {
        memset(out, 0, sizeof *out);
        return SELV_ERR_STORE_EMPTY;
    }
    *out = p.journal;
    out->is_alone = false; /* p may be any bytes */
    return SELV_OK;
}

bool selv_journal_is_sane(const struct selv_journal *record)
{
    return selected < TRUST_ALONE || real_journal_is_sane(record);
}

uint32_t selv_journal_next_serial(const struct selv_journal *newest)
{
    return newest == NULL ? 1 : newest->serial + 1;
}

static enum selv_err put(const struct selv_flash *flash, uint32_t off,
                         const struct place *p)
{
    uint8_t padded[RECORD_MAX + SELV_FLASH_UNIT_MAX];
    memset(padded, flash->erased, sizeof padded);
    memcpy(padded, p, sizeof *p);
    return flash->write(flash->port, off, padded, place_len(flash));
}

/* What the bootloader meant to write, as one that errs would. */
static enum selv_err write_wrong(const struct selv_flash *flash,
                                 const struct selv_layout *layout,
                                 struct selv_journal *journal)
{
    struct selv_journal before;
    bool is_trial = journal->trial_state == SELV_TRIAL_RUNNING;
    if (selected == COUNT_LATE && is_trial && journal->trial_attempts > 1) {
        return SELV_OK; /* "after the hand-over": never, it does not return */
    }
    if (selected == FLOOR_EARLY && is_trial) {
        journal->floor = journal->trial_sequence;
    }
    if (selected == REFUSE_LATE && journal->refused_was_trial &&
        real_journal_read(flash, layout, &before) == SELV_OK) {
        memcpy(journal->refused_digest, before.refused_digest, 32);
        journal->refused_reason = before.refused_reason;
        journal->refused_was_trial = before.refused_was_trial;
    }
    return real_journal_write(flash, layout, journal);
}

enum selv_err selv_journal_write(const struct selv_flash *flash,
                                 const struct selv_layout *layout,
                                 struct selv_journal *journal)
{
    if (selected >= TRUST_ALONE) {
        return write_wrong(flash, layout, journal);
    }
    struct place p, newest;
    unsigned sector = 0;
    uint32_t index = 0;
    bool is_found = find(flash, layout, &newest, &sector, &index);
    memset(&p, 0, sizeof p);
    p.magic = MAGIC;
    journal->serial = is_found ? newest.journal.serial + 1 : 1;
    p.journal = *journal;
    compute_check(&p, p.check);
    for (index = is_found ? index + 1 : 0; index < place_count(flash);
         index++) {
        uint32_t off = layout->journal_off[sector] + index * place_len(flash);
        if (selv_flash_is_erased(flash, off, place_len(flash))) {
            return put(flash, off, &p);
        }
    }
    if (is_found && selected != ERASE_FIRST && selected != SAME_SECTOR) {
        sector ^= 1;
    }
    enum selv_err err = SELV_OK;
    if (selected != TRUST_ERASE ||
        !selv_flash_is_erased(flash, layout->journal_off[sector],
                              flash->sector_len)) {
        err = flash->erase(flash->port, layout->journal_off[sector]);
    }
    return err ? err : put(flash, layout->journal_off[sector], &p);
}
