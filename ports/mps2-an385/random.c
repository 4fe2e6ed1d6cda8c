/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/random.c - the boot number in two sectors, and the draws.
 *
 * A sector holds a base, its complement, and 1022 marks of one word. The boot
 * number is base + marks used. Invariants:
 *  R1 A mark is used when it is not erased, whatever it holds: a torn mark is
 *     a used one. The number is drawn from only after its mark is written.
 *  R2 A sector counts when base and complement agree. A torn write or erase
 *     never makes them agree, since a write only clears bits and an erase
 *     only sets them, while agreeing means one of each pair, no less, no more.
 *  R3 The sector with the higher base is the current one. The other is erased
 *     and given base + 1022 only when every mark of the current one is used,
 *     and the current one stays whole until that base is written.
 * From these, no number is given twice. */
#include "random.h"

#include "crypto/crypto.h"

#define MARKS 1022u
#define MARKS_OFF 8u
#define UNIT 4u
#define LAST_BASE (UINT32_MAX - 2u * MARKS)

static enum selv_err base_read(const struct selv_flash *flash, uint32_t sector,
                               uint32_t *base, bool *counts)
{
    uint32_t words[2];
    enum selv_err err = flash->read(flash->port, sector, words, sizeof words);

    *base = words[0];
    *counts = err == SELV_OK && words[0] == ~words[1];
    return err;
}

/* The first erased mark of a sector, MARKS when there is none. Looks at all
 * of them and takes the one after the last used: a torn erase may leave
 * erased words in front of used ones. */
static enum selv_err mark_find(const struct selv_flash *flash, uint32_t sector,
                               uint32_t *mark)
{
    uint32_t left = MARKS;

    while (left > 0) {
        uint32_t off = sector + MARKS_OFF + (left - 1u) * UNIT;
        uint32_t word;
        enum selv_err err = flash->read(flash->port, off, &word, sizeof word);

        if (err) {
            return err;
        }
        if (word != UINT32_MAX) {
            break;
        }
        left--;
    }
    *mark = left;
    return SELV_OK;
}

static enum selv_err sector_begin(const struct selv_flash *flash,
                                  uint32_t sector, uint32_t base)
{
    const uint32_t words[2] = {base, ~base};
    enum selv_err err = flash->erase(flash->port, sector);

    if (err) {
        return err;
    }
    return flash->write(flash->port, sector, words, sizeof words);
}

/* The current sector and its base; begins sector 0 on a new device. */
static enum selv_err sector_current(const struct selv_flash *flash,
                                    const uint32_t sectors[static 2],
                                    size_t *current, uint32_t *base)
{
    uint32_t bases[2];
    bool counts[2];

    for (size_t i = 0; i < 2; i++) {
        enum selv_err err = base_read(flash, sectors[i], &bases[i], &counts[i]);

        if (err) {
            return err;
        }
    }
    if (!counts[0] && !counts[1]) {
        *current = 0;
        *base = 0;
        return sector_begin(flash, sectors[0], 0);
    }
    *current = !counts[0] || (counts[1] && bases[1] > bases[0]);
    *base = bases[*current];
    return SELV_OK;
}

/* Use up the next number. */
static enum selv_err number_take(const struct selv_flash *flash,
                                 const uint32_t sectors[static 2],
                                 uint32_t *number)
{
    const uint32_t used = 0;
    size_t current;
    uint32_t base;
    uint32_t mark;
    enum selv_err err = sector_current(flash, sectors, &current, &base);

    if (err) {
        return err;
    }
    err = mark_find(flash, sectors[current], &mark);
    if (err) {
        return err;
    }
    if (mark == MARKS) {
        if (base > LAST_BASE) {
            return SELV_ERR_RANDOM;
        }
        current = 1u - current;
        base += MARKS;
        mark = 0;
        err = sector_begin(flash, sectors[current], base);
        if (err) {
            return err;
        }
    }
    *number = base + mark + 1u;
    return flash->write(flash->port, sectors[current] + MARKS_OFF + mark * UNIT,
                        &used, sizeof used);
}

enum selv_err
selv_board_random_start(struct selv_board_random *random,
                        const struct selv_flash *flash,
                        const uint32_t sectors[static 2],
                        const uint8_t seed[static SELV_BOARD_SEED_LEN])
{
    enum selv_err err = number_take(flash, sectors, &random->boot);

    random->draws = 0;
    memcpy(random->seed, seed, SELV_BOARD_SEED_LEN);
    return err;
}

static void draw_one(struct selv_board_random *random,
                     uint8_t digest[static SELV_SHA256_LEN])
{
    static const char label[] = "selvage random";
    struct selv_sha256 h;
    uint8_t numbers[8];

    selv_put_be32(numbers, random->boot);
    selv_put_be32(numbers + 4, random->draws);
    random->draws++;
    SELV_ASSERT(random->draws != 0);
    selv_sha256_init(&h);
    selv_sha256_update(&h, label, sizeof label - 1);
    selv_sha256_update(&h, random->seed, sizeof random->seed);
    selv_sha256_update(&h, numbers, sizeof numbers);
    selv_sha256_finish(&h, digest);
}

void selv_board_random_draw(struct selv_board_random *random, uint8_t *p,
                            size_t len)
{
    uint8_t digest[SELV_SHA256_LEN];

    while (len > 0) {
        size_t part = len < sizeof digest ? len : sizeof digest;

        draw_one(random, digest);
        memcpy(p, digest, part);
        p += part;
        len -= part;
    }
    selv_wipe(digest, sizeof digest);
}
