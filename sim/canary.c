/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/canary.c - stands in for lib/store/journal.c in selvage-sim-canary:
 * journals with the mistakes that journals have. The record is a copy of the
 * struct, since only the simulator reads it. */
#include "sim/canary.h"

#include "crypto/crypto.h"
#include "store/journal.h"

enum { MAGIC = 0x43414e41, RECORD_MAX = 256, PLACES_MIN = 1 };

enum canary {
    ERASE_FIRST, /* one place: erases the newest record, then writes */
    NO_CHECK,    /* a record counts when its first byte is there */
    SAME_SECTOR, /* when full, erases the sector that holds the newest */
    CANARY_COUNT
};

static enum canary selected;

const size_t sim_canary_count = CANARY_COUNT;

const char *sim_canary_name(size_t i)
{
    static const char *const names[CANARY_COUNT] = {
        [ERASE_FIRST] = "erase-first",
        [NO_CHECK] = "no-check",
        [SAME_SECTOR] = "same-sector",
    };
    return names[i];
}

void sim_canary_select(size_t i)
{
    selected = (enum canary)i;
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

static bool read_place(const struct selv_flash *flash, uint32_t off,
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
    struct place p;
    unsigned sector;
    uint32_t index;
    if (!find(flash, layout, &p, &sector, &index)) {
        return SELV_ERR_STORE_EMPTY;
    }
    *out = p.journal;
    return SELV_OK;
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

enum selv_err selv_journal_write(const struct selv_flash *flash,
                                 const struct selv_layout *layout,
                                 struct selv_journal *journal)
{
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
    if (is_found && selected == NO_CHECK) {
        sector ^= 1;
    }
    enum selv_err err = flash->erase(flash->port, layout->journal_off[sector]);
    return err ? err : put(flash, layout->journal_off[sector], &p);
}
