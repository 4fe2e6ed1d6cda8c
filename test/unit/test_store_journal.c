/* SPDX-License-Identifier: Apache-2.0
 *
 * The boot journal and the update log: what is read after what was written,
 * and what is refused. Power cuts: test_store_journal_powerloss.c. */
#include "store_fixture.h"

#include "crypto/crypto.h"
#include "store/journal.h"

static void fill(struct selv_journal *j, unsigned n)
{
    memset(j, 0, sizeof *j);
    j->accepted = 100 + n;
    j->floor = 50 + n / 2;
    j->current_slot = n & 1;
    memset(j->current_digest, (int)(n + 1), 32);
    j->refused_reason = (uint16_t)(n * 257);
    j->refused_was_trial = n % 3 == 0;
    memset(j->refused_digest, (int)(n + 2), 32);
    if (n % 2 == 1) {
        j->trial_state = SELV_TRIAL_RUNNING;
        j->trial_slot = j->current_slot ^ 1;
        j->trial_attempts = (uint8_t)(1 + n % 3);
        j->trial_sequence = j->accepted;
        memset(j->trial_digest, (int)(n + 3), 32);
        memset(j->trial_nonce, (int)(n + 4), SELV_NONCE_LEN);
    } else {
        j->install_state = (uint8_t)(n / 2 % 3);
    }
    j->install_count = (uint16_t)(n * 700);
    j->install_step = (uint16_t)(n * 701);
    j->install_again = n % 5 == 0;
    j->refused_count = (uint8_t)(n * 3);
}

/* Append behind whatever is newest. */
static enum selv_err follow(const struct selv_flash *flash,
                            const struct selv_layout *layout,
                            struct selv_journal *j)
{
    struct selv_journal newest;
    (void)!selv_journal_read(flash, layout, &newest);
    j->serial = newest.serial;
    return selv_journal_write(flash, layout, j);
}

static void test_store_journal_reads_back_what_was_written(void **state)
{
    (void)state;
    for (size_t g = 0; g < selv_geometry_count; g++) {
        struct device d;
        device_open(&d, &selv_geometries[g]);
        struct selv_journal got;
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &got),
                         SELV_ERR_STORE_EMPTY);
        for (unsigned n = 0; n < 90; n++) {
            struct selv_journal want;
            fill(&want, n);
            assert_int_equal(follow(&d.v.flash, &d.layout, &want), SELV_OK);
            assert_int_equal(want.serial, n + 1);
            memset(&got, 0xee, sizeof got);
            assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &got),
                             SELV_OK);
            assert_int_equal(got.serial, want.serial);
            assert_int_equal(got.accepted, want.accepted);
            assert_int_equal(got.floor, want.floor);
            assert_int_equal(got.current_slot, want.current_slot);
            assert_memory_equal(got.current_digest, want.current_digest, 32);
            assert_int_equal(got.trial_state, want.trial_state);
            assert_int_equal(got.trial_slot, want.trial_slot);
            assert_int_equal(got.trial_attempts, want.trial_attempts);
            assert_int_equal(got.trial_sequence, want.trial_sequence);
            assert_memory_equal(got.trial_digest, want.trial_digest, 32);
            assert_memory_equal(got.trial_nonce, want.trial_nonce, 8);
            assert_memory_equal(got.refused_digest, want.refused_digest, 32);
            assert_int_equal(got.refused_reason, want.refused_reason);
            assert_int_equal(got.install_state, want.install_state);
            assert_int_equal(got.install_step, want.install_step);
            assert_int_equal(got.install_count, want.install_count);
            assert_int_equal(got.install_again, want.install_again);
            assert_int_equal(got.refused_count, want.refused_count);
            assert_int_equal(got.refused_was_trial, want.refused_was_trial);
        }
        device_close(&d);
    }
}

static void test_store_journal_erases_only_when_a_sector_is_full(void **state)
{
    (void)state;
    struct device d;
    device_open(&d, selv_geometry_find("4096x4-ff"));
    uint32_t places = 4096 / 156;
    for (unsigned n = 0; n < 1 + 3 * places; n++) {
        struct selv_journal j;
        fill(&j, n);
        assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_OK);
    }
    /* None for the first record, two each time that both sectors are full. */
    assert_int_equal(d.v.erase_count, 6);
    device_close(&d);
}

static void test_store_journal_is_empty_only_before_the_first(void **state)
{
    (void)state;
    for (size_t g = 0; g < selv_geometry_count; g++) {
        struct device d;
        struct selv_journal j;
        device_open(&d, &selv_geometries[g]);
        uint32_t sector = d.geometry->sector_len;
        uint8_t junk[8] = {1, 2, 3, 4, 5, 6, 7, 8};
        /* A first write that was cut short: still empty. */
        selv_vflash_poke(&d.v, d.layout.journal_off[0], junk, sizeof junk);
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j),
                         SELV_ERR_STORE_EMPTY);
        /* From then on the loss of either sector is survived. */
        for (unsigned n = 0; n < 2; n++) {
            fill(&j, n);
            assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_OK);
        }
        assert_false(
            selv_flash_is_erased(&d.v.flash, d.layout.journal_off[1], sector));
        memset(d.mem + d.layout.journal_off[0], 0x5a, sector);
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j), SELV_OK);
        assert_int_equal(j.serial, 2);
        /* Both lost: that is no new device, and nothing may be written. */
        memset(d.mem + d.layout.journal_off[1], 0x5a, sector);
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j),
                         SELV_ERR_STORE_DAMAGED);
        fill(&j, 0);
        assert_int_equal(follow(&d.v.flash, &d.layout, &j),
                         SELV_ERR_STORE_DAMAGED);
        device_close(&d);
    }
}

static void test_store_journal_names_a_foreign_version(void **state)
{
    (void)state;
    struct device d;
    struct selv_journal j;
    device_open(&d, selv_geometry_find("512x8-ff"));
    fill(&j, 0);
    assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_OK);
    d.mem[d.layout.journal_off[0]] = SELV_JOURNAL_VERSION + 1;
    d.mem[d.layout.journal_off[0] + 160] = SELV_JOURNAL_VERSION + 1;
    d.mem[d.layout.journal_off[1]] = SELV_JOURNAL_VERSION + 1;
    assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j),
                     SELV_ERR_STORE_VERSION);
    device_close(&d);
}

/* Every single bit of the newest record flipped in either sector: the other
 * sector has it still, and says that it is alone. In both: the record before
 * counts. */
static void test_store_journal_every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    struct device d;
    struct selv_journal j;
    device_open(&d, selv_geometry_find("2048x8-ff"));
    for (unsigned n = 0; n < 4; n++) {
        fill(&j, n);
        assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_OK);
    }
    for (unsigned which = 1; which <= 3; which++) {
        for (unsigned bit = 0; bit < 156 * 8; bit++) {
            uint8_t mask = (uint8_t)(1u << bit % 8);
            for (unsigned flip = 0; flip < 2; flip++) {
                for (unsigned sector = 0; sector < 2; sector++) {
                    /* The first record stands twice in sector 0. */
                    uint8_t *newest = d.mem + d.layout.journal_off[sector] +
                                      (4 - sector) * 160;
                    newest[bit / 8] ^= which >> sector & 1 ? mask : 0;
                }
                assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j),
                                 SELV_OK);
                assert_int_equal(j.serial, flip == 0 && which == 3 ? 3 : 4);
                /* Also where it is torn in both: what another boot saw there
                 * must not be seen again. */
                assert_int_equal(j.is_alone, flip == 0);
            }
        }
    }
    device_close(&d);
}

/* Any one sector may be lost at any time: the numbers stand in the other, and
 * are in both again after the next record. */
static void test_store_journal_either_sector_suffices(void **state)
{
    (void)state;
    for (size_t g = 0; g < selv_geometry_count; g++) {
        struct device d;
        device_open(&d, &selv_geometries[g]);
        for (unsigned n = 0; n < 60; n++) {
            struct selv_journal j, got;
            fill(&j, n);
            assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_OK);
            for (unsigned lost = 0; lost < 2; lost++) {
                uint8_t saved[4096];
                uint32_t off = d.layout.journal_off[lost];
                uint32_t len = d.geometry->sector_len;
                memcpy(saved, d.mem + off, len);
                memset(d.mem + off, 0x5a, len);
                assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &got),
                                 SELV_OK);
                assert_int_equal(got.serial, j.serial);
                assert_true(got.is_alone);
                memcpy(d.mem + off, saved, len);
            }
            assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &got),
                             SELV_OK);
            assert_false(got.is_alone);
        }
        device_close(&d);
    }
}

static void write_n(struct device *d, unsigned n)
{
    struct selv_journal j;
    fill(&j, n);
    assert_int_equal(follow(&d->v.flash, &d->layout, &j), SELV_OK);
}

static uint8_t *place(struct device *d, unsigned sector, unsigned index)
{
    return d->mem + d->layout.journal_off[sector] + index * 160;
}

/* The serial in a place; 0: it holds no record. */
static uint32_t serial_at(struct device *d, unsigned sector, unsigned index)
{
    uint32_t serial;
    const uint8_t *p = place(d, sector, index);
    memcpy(&serial, p + 4, sizeof serial);
    return p[0] == SELV_JOURNAL_VERSION && p[1] == 'J' ? serial : 0;
}

static void assert_places(struct device *d, const uint32_t want[6])
{
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(serial_at(d, i / 3, i % 3), want[i]);
    }
}

/* Sectors of three places: the two are never full together, so that a record is
 * appended to one before the other one is erased. */
static void test_store_journal_sectors_are_not_full_together(void **state)
{
    (void)state;
    static const uint32_t want[][6] = {{1, 1, 0, 1, 0, 0}, {1, 1, 2, 1, 2, 0},
                                       {3, 0, 0, 1, 2, 3}, {3, 4, 0, 4, 0, 0},
                                       {3, 4, 5, 4, 5, 0}, {6, 0, 0, 4, 5, 6},
                                       {6, 7, 0, 7, 0, 0}};
    struct device d;
    device_open(&d, selv_geometry_find("512x8-ff"));
    for (unsigned n = 0; n < sizeof want / sizeof want[0]; n++) {
        write_n(&d, n);
        assert_places(&d, want[n]);
    }
    device_close(&d);
}

/* A place behind the newest record that is not erased: what was torn there, and
 * is not seen today, may be seen tomorrow, so that the record is written again,
 * behind it or, where nothing can be appended, in a sector begun anew. */
static void test_store_journal_is_not_settled_with_junk_behind(void **state)
{
    (void)state;
    static const struct {
        unsigned records, sector, index;
        uint32_t want[6];
    } cases[] = {{2, 1, 2, {3, 0, 0, 3, 0, 0}},  /* 1 1 2 | 1 2 x */
                 {3, 0, 1, {3, 0, 4, 4, 0, 0}},  /* 3 x . | 1 2 3 */
                 {3, 0, 2, {4, 0, 0, 4, 0, 0}}}; /* 3 . x | 1 2 3 */
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct device d;
        struct selv_journal j;
        device_open(&d, selv_geometry_find("512x8-ff"));
        for (unsigned n = 0; n < cases[i].records; n++) {
            write_n(&d, n);
        }
        place(&d, cases[i].sector, cases[i].index)[77] = 0x5a;
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j), SELV_OK);
        assert_int_equal(j.serial, cases[i].records);
        assert_true(j.is_alone);
        write_n(&d, cases[i].records);
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j), SELV_OK);
        assert_int_equal(j.serial, cases[i].records + 1);
        assert_false(j.is_alone);
        assert_places(&d, cases[i].want);
        device_close(&d);
    }
}

/* A cut may tear what was to be written first. Seen whole at the next boot, and
 * not at the one after, it must not have brought about the erase of a sector
 * with room behind its newest record, cut in its turn: so the first copy goes
 * to where there is more room, and is repeated there. */
static void test_store_journal_writes_first_where_there_is_room(void **state)
{
    (void)state;
    static const uint32_t want[][6] = {{1, 1, 0, 1, 2, 0},
                                       {1, 1, 2, 1, 2, 3},
                                       {3, 4, 0, 1, 2, 3},
                                       {3, 4, 0, 4, 5, 0}};
    static const unsigned records[] = {1, 2, 3, 4};
    for (unsigned i = 0; i < 4; i++) {
        struct device d;
        struct selv_journal j;
        device_open(&d, selv_geometry_find("512x8-ff"));
        for (unsigned n = 0; n < records[i]; n++) {
            write_n(&d, n);
        }
        d.v.cut_op = d.v.op_count;
        d.v.cut_way = 1;
        fill(&j, records[i]);
        assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_ERR_FLASH_IO);
        selv_vflash_power_on(&d.v);
        assert_places(&d, want[i]);
        device_close(&d);
    }
}

/* Sectors that end at the same place: sector 0 may have been cut when it was to
 * be begun anew, and only show what it did before. */
static void test_store_journal_even_ends_begin_sector_0(void **state)
{
    (void)state;
    static const uint32_t even[6] = {3, 0, 0, 3, 0, 0};
    static const uint32_t after[6] = {4, 0, 0, 3, 4, 0};
    static const uint32_t torn[6] = {4, 0, 0, 3, 0, 4};
    for (unsigned is_torn = 0; is_torn < 2; is_torn++) {
        struct device d;
        device_open(&d, selv_geometry_find("512x8-ff"));
        write_n(&d, 0);
        write_n(&d, 1);
        place(&d, 1, 2)[77] = 0x5a;
        write_n(&d, 2);
        assert_places(&d, even);
        if (is_torn) {
            selv_vflash_poke(&d.v, d.layout.journal_off[1] + 160, "x", 1);
        }
        write_n(&d, 3);
        assert_places(&d, is_torn ? torn : after);
        device_close(&d);
    }
}

/* A sector that was cut in its erase may show an old record and cells behind it
 * that only look erased: nothing is appended there. */
static void test_store_journal_erases_what_lacks_the_newest(void **state)
{
    (void)state;
    for (unsigned stale = 0; stale < 2; stale++) {
        struct device d;
        device_open(&d, selv_geometry_find("512x8-ff"));
        /* 1 1 . | 1 2 ., and 3 . . | 1 2 . */
        for (unsigned n = 0; n < 2 + stale; n++) {
            write_n(&d, n);
        }
        memset(place(&d, stale, 2), 0xff, 160);
        uint32_t erased = d.v.erase_count;
        write_n(&d, 2 + stale);
        assert_int_equal(serial_at(&d, stale, 0), 3 + stale);
        assert_int_equal(serial_at(&d, stale, 1), 0);
        assert_int_equal(d.v.erase_count, erased + 1);
        device_close(&d);
    }
}

static enum selv_err (*real_erase)(void *, uint32_t);
static uint32_t erased_off[2], erased_count;

static enum selv_err note_erase(void *port, uint32_t off)
{
    erased_off[erased_count++ & 1] = off;
    return real_erase(port, off);
}

/* Of two sectors that both hold the newest record and take no further one, the
 * full one is erased: half erased, it has no place that looks erased behind a
 * record that looks whole. */
static void test_store_journal_erases_the_full_one_of_two(void **state)
{
    (void)state;
    for (unsigned full = 0; full < 2; full++) {
        struct device d;
        device_open(&d, selv_geometry_find("512x8-ff"));
        for (unsigned n = 0; n < 2 + full; n++) {
            write_n(&d, n);
        }
        /* 1 1 2 | 1 2 x, and 3 . x | 1 2 3 */
        place(&d, full ^ 1u, 2)[9] = 0;
        real_erase = d.v.flash.erase;
        d.v.flash.erase = note_erase;
        erased_count = 0;
        write_n(&d, 4);
        assert_int_equal(erased_count, 2);
        assert_int_equal(erased_off[0], d.layout.journal_off[full]);
        assert_int_equal(erased_off[1], d.layout.journal_off[full ^ 1u]);
        device_close(&d);
    }
}

static enum selv_err (*real_write_dead)(void *, uint32_t, const void *,
                                        uint32_t);
static uint32_t dead_off;

static enum selv_err write_but_dead(void *port, uint32_t off, const void *p,
                                    uint32_t len)
{
    if (off - dead_off < 512) {
        return SELV_ERR_FLASH_IO;
    }
    return real_write_dead(port, off, p, len);
}

static enum selv_err erase_but_dead(void *port, uint32_t off)
{
    if (off == dead_off) {
        return SELV_ERR_FLASH_IO;
    }
    return real_erase(port, off);
}

/* A sector that takes nothing any more: the other one has each record twice,
 * and goes on until it is full. To write the same again, as each boot tries,
 * writes nothing there, and does so in both once the sector works again. */
static void test_store_journal_lives_in_one_sector(void **state)
{
    (void)state;
    static const uint32_t once[6] = {1, 1, 2, 1, 2, 3};
    static const uint32_t twice[6] = {3, 3, 0, 1, 2, 0};
    for (unsigned dead = 0; dead < 2; dead++) {
        struct device d;
        struct selv_journal j;
        device_open(&d, selv_geometry_find("512x8-ff"));
        write_n(&d, 0);
        write_n(&d, 1);
        real_write_dead = d.v.flash.write;
        real_erase = d.v.flash.erase;
        d.v.flash.write = write_but_dead;
        d.v.flash.erase = erase_but_dead;
        dead_off = d.layout.journal_off[dead];
        write_n(&d, 2);
        for (unsigned again = 0; again < 3; again++) {
            assert_places(&d, dead == 0 ? once : twice);
            assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j),
                             SELV_OK);
            assert_int_equal(j.serial, 3);
            assert_true(j.is_alone);
            assert_int_equal(follow(&d.v.flash, &d.layout, &j),
                             SELV_ERR_FLASH_IO);
        }
        struct selv_journal next;
        fill(&next, 3);
        assert_int_equal(follow(&d.v.flash, &d.layout, &next),
                         dead == 0 ? SELV_ERR_FLASH_IO : SELV_OK);
        d.v.flash.write = real_write_dead;
        d.v.flash.erase = real_erase;
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j), SELV_OK);
        assert_int_equal(j.serial, 3 + dead);
        assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_OK);
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j), SELV_OK);
        assert_int_equal(j.serial, 4 + dead);
        assert_false(j.is_alone);
        device_close(&d);
    }
}

/* A journal that stands in sector 0 alone, while sector 1 is erased, and is
 * lost: that is no new device. */
static void test_store_journal_lost_beside_an_erased_sector(void **state)
{
    (void)state;
    for (size_t g = 0; g < selv_geometry_count; g++) {
        struct device d;
        struct selv_journal j;
        device_open(&d, &selv_geometries[g]);
        uint32_t sector = d.geometry->sector_len;
        for (unsigned n = 0; n < 2; n++) {
            write_n(&d, n);
        }
        selv_vflash_blank(&d.v, d.layout.journal_off[1], sector);
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j), SELV_OK);
        assert_int_equal(j.serial, 2);
        memset(d.mem + d.layout.journal_off[0], 0x5a, sector);
        /* Two places are too few to tell. */
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j),
                         sector < 480 ? SELV_ERR_STORE_EMPTY
                                      : SELV_ERR_STORE_DAMAGED);
        device_close(&d);
    }
}

/* A first record is not relied on before sector 1 has it: until then it is
 * written again, behind what is there; as the first one, where it stands once,
 * since it may be torn. */
static void test_store_journal_birth_is_repeated(void **state)
{
    (void)state;
    static const uint32_t cut[][6] = {
        {1, 0, 0, 0, 0, 0}, {1, 1, 0, 0, 0, 0}, {1, 1, 0, 1, 0, 0}};
    static const uint32_t want[][6] = {
        {1, 1, 1, 1, 0, 0}, {1, 1, 2, 2, 0, 0}, {1, 1, 0, 1, 0, 0}};
    for (unsigned op = 0; op < 3; op++) {
        struct device d;
        struct selv_journal j;
        device_open(&d, selv_geometry_find("512x8-ff"));
        d.v.cut_op = op;
        d.v.cut_way = 1;
        fill(&j, 0);
        assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_ERR_FLASH_IO);
        selv_vflash_power_on(&d.v);
        assert_places(&d, cut[op]);
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j),
                         op == 0 ? SELV_ERR_STORE_EMPTY : SELV_OK);
        if (op > 0) {
            assert_int_equal(j.is_alone, op == 1);
        }
        if (op < 2) {
            write_n(&d, 0);
        }
        assert_places(&d, want[op]);
        assert_int_equal(d.v.erase_count, op == 1);
        device_close(&d);
    }
}

/* J5: sector 1 is not erased for the first record, and is not written when
 * sector 0 took none. */
static void test_store_journal_birth_spares_sector_1(void **state)
{
    (void)state;
    struct device d;
    struct selv_journal j;
    device_open(&d, selv_geometry_find("512x8-ff"));
    real_write_dead = d.v.flash.write;
    real_erase = d.v.flash.erase;
    d.v.flash.write = write_but_dead;
    d.v.flash.erase = note_erase;
    erased_count = 0;
    dead_off = d.layout.journal_off[0];
    fill(&j, 0);
    assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_ERR_FLASH_IO);
    assert_true(selv_flash_is_erased(&d.v.flash, d.layout.journal_off[1], 512));
    dead_off = d.layout.journal_off[1];
    assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_ERR_FLASH_IO);
    assert_int_equal(erased_count, 1);
    assert_int_equal(erased_off[0], d.layout.journal_off[0]);
    assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j), SELV_OK);
    assert_true(j.is_alone);
    device_close(&d);
}

static void test_store_journal_refuses_nonsense(void **state)
{
    (void)state;
    struct device d;
    device_open(&d, selv_geometry_find("512x8-00"));
    struct selv_journal good, j;
    fill(&good, 1);
    assert_int_equal(follow(&d.v.flash, &d.layout, &good), SELV_OK);

#define REFUSED(change)                                                        \
    do {                                                                       \
        j = good;                                                              \
        change;                                                                \
        assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_ERR_ARG);     \
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j),         \
                         SELV_OK);                                             \
        assert_int_equal(j.serial, 1);                                         \
    } while (0)
    REFUSED(j.floor = j.accepted + 1);
    REFUSED(j.current_slot = SELV_SLOT_NONE);
    REFUSED(j.current_slot = 2);
    REFUSED(j.trial_slot = j.current_slot);
    REFUSED(j.trial_slot = SELV_SLOT_NONE);
    REFUSED(j.trial_state = 2);
    REFUSED(j.install_state = 3);
    REFUSED(j.install_state = SELV_INSTALL_FORWARD);
    REFUSED(j.install_count = 0);
    REFUSED(j.install_again = 2);
    REFUSED(j.install_count = 7; j.install_step = 15);
    REFUSED(j.trial_sequence = j.accepted + 1);
    REFUSED(j.trial_sequence = j.floor - 1);
    REFUSED(j.refused_was_trial = 2);
    REFUSED(j.accepted--; j.trial_sequence--);
    REFUSED(j.floor--);
#undef REFUSED
    device_close(&d);
}

static enum selv_err (*real_write)(void *, uint32_t, const void *, uint32_t);
static uint32_t bad_off;

/* A flash with one place whose cells do not take a zero any more. */
static enum selv_err write_with_bad_place(void *port, uint32_t off,
                                          const void *p, uint32_t len)
{
    struct selv_vflash *v = port;
    enum selv_err err = real_write(port, off, p, len);
    if (err == SELV_OK && bad_off >= off && bad_off < off + len) {
        v->mem[bad_off] ^= 0xa5;
    }
    return err;
}

static void test_store_journal_passes_over_a_bad_place(void **state)
{
    (void)state;
    struct device d;
    device_open(&d, selv_geometry_find("512x4-ff"));
    real_write = d.v.flash.write;
    d.v.flash.write = write_with_bad_place;
    bad_off = d.layout.journal_off[1] + 156 + 77;
    for (unsigned n = 0; n < 40; n++) {
        struct selv_journal j, got;
        fill(&j, n);
        assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_OK);
        assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &got),
                         SELV_OK);
        assert_int_equal(got.serial, j.serial);
    }
    device_close(&d);
}

static enum selv_err (*real_read)(void *, uint32_t, void *, uint32_t);
static uint32_t reads_to_failure;
static bool did_fail;

/* A flash of which one single read goes wrong. */
static enum selv_err read_with_one_failure(void *port, uint32_t off, void *p,
                                           uint32_t len)
{
    if (--reads_to_failure == 0) {
        did_fail = true;
        return SELV_ERR_FLASH_IO;
    }
    return real_read(port, off, p, len);
}

/* Whichever read fails while a record is appended, the record before or the
 * new one is what counts afterwards: one bad read costs no good record. */
static void test_store_journal_survives_any_failed_read_fault(void **state)
{
    (void)state;
    for (unsigned before = 1; before < 12; before++) {
        for (uint32_t read = 1;; read++) {
            struct device d;
            struct selv_journal j;
            device_open(&d, selv_geometry_find("512x4-ff"));
            for (unsigned n = 0; n < before; n++) {
                fill(&j, n);
                assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_OK);
            }
            real_read = d.v.flash.read;
            d.v.flash.read = read_with_one_failure;
            reads_to_failure = read;
            did_fail = false;
            fill(&j, before);
            enum selv_err err = follow(&d.v.flash, &d.layout, &j);
            d.v.flash.read = real_read;
            enum selv_err read_err =
                selv_journal_read(&d.v.flash, &d.layout, &j);
            if (read_err || j.accepted < 100 + before - 1 ||
                (err == SELV_OK && j.accepted != 100 + before)) {
                fail_msg("read %u of record %u: write %d, then read %d with "
                         "number %u",
                         (unsigned)read, before + 1, (int)err, (int)read_err,
                         (unsigned)j.accepted);
            }
            device_close(&d);
            if (!did_fail) {
                break;
            }
        }
    }
}

/* Whichever read fails while the journal is read, it is the newest record
 * that is found: one bad read does not take the numbers back. */
static void test_store_journal_read_survives_any_failed_read_fault(void **s)
{
    (void)s;
    for (unsigned count = 1; count < 12; count++) {
        struct device d;
        device_open(&d, selv_geometry_find("512x4-ff"));
        for (unsigned n = 0; n < count; n++) {
            struct selv_journal j;
            fill(&j, n);
            assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_OK);
        }
        real_read = d.v.flash.read;
        d.v.flash.read = read_with_one_failure;
        did_fail = true;
        for (uint32_t read = 1; did_fail; read++) {
            struct selv_journal j;
            did_fail = false;
            reads_to_failure = read;
            assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j),
                             SELV_OK);
            assert_int_equal(j.serial, count);
        }
        device_close(&d);
    }
}

static void test_store_log_reads_back_what_was_written(void **state)
{
    (void)state;
    for (size_t g = 0; g < selv_geometry_count; g++) {
        struct device d;
        device_open(&d, &selv_geometries[g]);
        struct selv_log got;
        assert_int_equal(selv_log_read(&d.v.flash, &d.layout, &got),
                         SELV_ERR_STORE_EMPTY);
        for (unsigned n = 0; n < 90; n++) {
            struct selv_log want = {.state = (uint8_t)(n % 4),
                                    .slot = n % 3 == 2 ? SELV_SLOT_NONE
                                                       : (uint8_t)(n % 3),
                                    .progress = n << 20,
                                    .reported_reason = (uint16_t)(n * 257)};
            memset(want.digest, (int)n + 1, 32);
            memset(want.nonce, (int)n + 2, 8);
            memset(want.reported_digest, (int)n + 3, 32);
            assert_int_equal(selv_log_write(&d.v.flash, &d.layout, &want),
                             SELV_OK);
            assert_int_equal(selv_log_read(&d.v.flash, &d.layout, &got),
                             SELV_OK);
            assert_int_equal(got.serial, want.serial);
            assert_int_equal(got.state, want.state);
            assert_int_equal(got.slot, want.slot);
            assert_int_equal(got.progress, want.progress);
            assert_int_equal(got.reported_reason, want.reported_reason);
            assert_memory_equal(got.digest, want.digest, 32);
            assert_memory_equal(got.nonce, want.nonce, 8);
            assert_memory_equal(got.reported_digest, want.reported_digest, 32);
        }
        struct selv_log bad = {.state = SELV_LOG_LOADER + 1};
        assert_int_equal(selv_log_write(&d.v.flash, &d.layout, &bad),
                         SELV_ERR_ARG);
        bad = (struct selv_log){.slot = 2};
        assert_int_equal(selv_log_write(&d.v.flash, &d.layout, &bad),
                         SELV_ERR_ARG);
        device_close(&d);
    }
}

/* Put a whole log record with a serial of one's choice into a sector. */
static void forge_log(struct device *d, unsigned sector, uint32_t serial)
{
    uint8_t record[96] = {SELV_LOG_VERSION, 'L', SELV_LOG_IDLE, 0};
    uint8_t digest[32];
    struct selv_sha256 hash;
    memcpy(record + 4, &serial, 4);
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, record, 88);
    selv_sha256_finish(&hash, digest);
    memcpy(record + 88, digest, 8);
    selv_vflash_poke(&d->v, d->layout.log_off[sector], record, sizeof record);
}

/* Whatever serials an earlier application left, what is written next is what
 * is read next. */
static void test_store_log_outlives_hostile_serials_evil(void **state)
{
    (void)state;
    static const uint32_t serials[] = {
        0, 1, 2, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
    size_t count = sizeof serials / sizeof serials[0];
    for (size_t i = 0; i < count * count; i++) {
        struct device d;
        device_open(&d, selv_geometry_find("512x8-ff"));
        forge_log(&d, 0, serials[i / count]);
        forge_log(&d, 1, serials[i % count]);
        for (unsigned n = 0; n < 12; n++) {
            struct selv_log log = {.state = SELV_LOG_DOWNLOADING,
                                   .progress = n + 1};
            struct selv_log got;
            assert_int_equal(selv_log_write(&d.v.flash, &d.layout, &log),
                             SELV_OK);
            assert_int_equal(selv_log_read(&d.v.flash, &d.layout, &got),
                             SELV_OK);
            assert_int_equal(got.progress, n + 1);
        }
        device_close(&d);
    }
}

/* A log record copied over the journal is no journal record, and the
 * reverse. */
static void test_store_log_and_journal_are_not_mistaken(void **state)
{
    (void)state;
    struct device d;
    device_open(&d, selv_geometry_find("512x8-ff"));
    struct selv_journal j;
    struct selv_log log = {.state = SELV_LOG_IDLE};
    for (unsigned n = 0; n < 2; n++) {
        fill(&j, n);
        assert_int_equal(follow(&d.v.flash, &d.layout, &j), SELV_OK);
        assert_int_equal(selv_log_write(&d.v.flash, &d.layout, &log), SELV_OK);
    }
    uint8_t sector[512];
    for (unsigned i = 0; i < 2; i++) {
        memcpy(sector, d.mem + d.layout.journal_off[i], 512);
        memcpy(d.mem + d.layout.journal_off[i], d.mem + d.layout.log_off[i],
               512);
        memcpy(d.mem + d.layout.log_off[i], sector, 512);
    }
    assert_int_equal(selv_journal_read(&d.v.flash, &d.layout, &j),
                     SELV_ERR_STORE_DAMAGED);
    assert_int_equal(selv_log_read(&d.v.flash, &d.layout, &log),
                     SELV_ERR_STORE_EMPTY);
    device_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_journal_reads_back_what_was_written),
        cmocka_unit_test(test_store_journal_erases_only_when_a_sector_is_full),
        cmocka_unit_test(test_store_journal_is_empty_only_before_the_first),
        cmocka_unit_test(test_store_journal_names_a_foreign_version),
        cmocka_unit_test(test_store_journal_every_flipped_bit_is_noticed),
        cmocka_unit_test(test_store_journal_either_sector_suffices),
        cmocka_unit_test(test_store_journal_sectors_are_not_full_together),
        cmocka_unit_test(test_store_journal_is_not_settled_with_junk_behind),
        cmocka_unit_test(test_store_journal_writes_first_where_there_is_room),
        cmocka_unit_test(test_store_journal_even_ends_begin_sector_0),
        cmocka_unit_test(test_store_journal_lost_beside_an_erased_sector),
        cmocka_unit_test(test_store_journal_birth_is_repeated),
        cmocka_unit_test(test_store_journal_erases_what_lacks_the_newest),
        cmocka_unit_test(test_store_journal_erases_the_full_one_of_two),
        cmocka_unit_test(test_store_journal_lives_in_one_sector),
        cmocka_unit_test(test_store_journal_birth_spares_sector_1),
        cmocka_unit_test(test_store_journal_refuses_nonsense),
        cmocka_unit_test(test_store_journal_passes_over_a_bad_place),
        cmocka_unit_test(test_store_journal_survives_any_failed_read_fault),
        cmocka_unit_test(
            test_store_journal_read_survives_any_failed_read_fault),
        cmocka_unit_test(test_store_log_reads_back_what_was_written),
        cmocka_unit_test(test_store_log_outlives_hostile_serials_evil),
        cmocka_unit_test(test_store_log_and_journal_are_not_mistaken),
    };
    return selv_crypto_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
