/* SPDX-License-Identifier: Apache-2.0
 *
 * The bootloader against whatever an application, or a failing flash, may
 * leave behind: update logs with every bit flipped and with forged fields,
 * slots with every byte damaged, journals with every byte damaged. */
#include "boot_fixture.h"

#include "boot/boot_int.h"
#include "store/slot.h"

/* V1 is current in A, V2 is authentic in B: whatever the log says, one of the
 * two runs, V2 only as a trial, and neither number falls. */
static void assert_bounded(struct bench *b)
{
    for (int i = 0; i < 2; i++) {
        assert_true(bench_boot(b, SELV_RESET_POWER_ON));
        if (b->record.slot == SELV_SLOT_A) {
            assert_runs(b, V1, SELV_SLOT_A);
            assert_int_equal(b->record.is_trial, 0);
        } else {
            assert_runs(b, V2, SELV_SLOT_B);
            assert_int_equal(b->record.is_trial, 1);
        }
        assert_int_equal(b->record.floor, 1);
        assert_true(b->record.accepted <= 2);
    }
}

/* A log of 2 and one of 40 records, so that both sectors hold some. */
static void fill_log(struct bench *b, int count)
{
    for (int i = 0; i < count; i++) {
        bench_request(b, releases[V2].digest, SELV_SLOT_B);
    }
}

static void test_boot_log_with_every_bit_flipped_evil(void **state)
{
    (void)state;
    for (int count = 2; count <= 40; count += 38) {
        struct bench b;
        bench_open(&b, "512x4-ff");
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        bench_install(&b, V2, SELV_SLOT_B);
        fill_log(&b, count);
        uint8_t *whole = malloc(b.d.mem_len);
        memcpy(whole, b.d.mem, b.d.mem_len);
        for (uint32_t bit = 0; bit < 2 * 512 * 8; bit += 3) {
            uint32_t off = b.d.layout.log_off[0] + bit / 8;
            memcpy(b.d.mem, whole, b.d.mem_len);
            b.accepted = b.floor = 1;
            b.d.mem[off] ^= (uint8_t)(1u << bit % 8);
            assert_bounded(&b);
        }
        free(whole);
        bench_close(&b);
    }
}

/* Records whose check is right and whose fields are lies. */
static void test_boot_log_with_forged_fields_evil(void **state)
{
    (void)state;
    static const uint8_t values[] = {0, 1, 2, 3, 4, 0x7f, 0x80, 0xff};
    for (unsigned at = 2; at < 88; at++) {
        for (size_t i = 0; i < sizeof values; i++) {
            struct bench b;
            bench_open(&b, "512x8-ff");
            assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
            bench_install(&b, V2, SELV_SLOT_B);
            fill_log(&b, 1);
            uint8_t *p = b.d.mem + b.d.layout.log_off[0];
            uint8_t digest[32];
            struct selv_sha256 hash;
            p[at] = values[i];
            selv_sha256_init(&hash);
            selv_sha256_update(&hash, p, 88);
            selv_sha256_finish(&hash, digest);
            memcpy(p + 88, digest, 8);
            assert_bounded(&b);
            bench_close(&b);
        }
    }
}

static void test_boot_log_of_random_bytes_evil(void **state)
{
    (void)state;
    srand(1);
    for (int i = 0; i < 200; i++) {
        struct bench b;
        bench_open(&b, "512x16-ff");
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        for (uint32_t k = 0; k < 2 * 512; k++) {
            b.d.mem[b.d.layout.log_off[0] + k] = (uint8_t)rand();
        }
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V1, SELV_SLOT_A);
        bench_close(&b);
    }
}

/* Confirmations when nothing is on trial raise no floor. */
static void test_boot_log_confirms_what_is_not_on_trial_evil(void **state)
{
    (void)state;
    struct bench b;
    uint8_t zeros[SELV_NONCE_LEN] = {0};
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_install(&b, V2, SELV_SLOT_B);
    bench_confirm(&b, zeros);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_runs(&b, V1, SELV_SLOT_A);
    assert_int_equal(b.record.floor, 1);
    bench_try(&b, V2, SELV_SLOT_B);
    /* The record of the trial before it began: zeros confirm nothing. */
    bench_confirm(&b, zeros);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_int_equal(b.record.is_trial, 1);
    assert_int_equal(b.record.floor, 1);
    bench_close(&b);
}

/* An application that asks and asks, and one that breaks its own slot again and
 * again, wear the journal only so much; and then it still boots, refuses,
 * reports, and takes an update. */
static void test_boot_endless_requests_wear_little_evil(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "4096x4-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_install(&b, V1, SELV_SLOT_B);
    uint32_t first = b.record.serial;
    for (int i = 0; i < 600; i++) {
        bench_request(&b, releases[i % 2 ? V2 : V3].digest, SELV_SLOT_B);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_runs(&b, V1, SELV_SLOT_A);
        assert_refused(&b, i % 2 ? V2 : V3, SELV_ERR_BOOT_REQUEST, 0);
    }
    assert_int_equal(b.record.serial - first, 255);
    for (uint8_t i = 0; i < 20; i++) {
        uint8_t slot = i % 2;
        flip(&b, b.d.layout.slot[slot].image_off);
        assert_true(bench_boot(&b, SELV_RESET_CRASH));
        assert_runs(&b, V1, slot ^ 1);
        bench_install(&b, V1, slot);
    }
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.record.serial - first, 255);
    bench_update(&b, V2, SELV_SLOT_B);
    assert_runs(&b, V2, SELV_SLOT_B);
    bench_request(&b, releases[V1].digest, SELV_SLOT_A);
    uint32_t before = b.record.serial;
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_int_equal(b.record.serial, before + 1);
    bench_close(&b);
}

/* Every byte of the trial's slot damaged, one at a time: refused or, where no
 * authentic byte was touched, unchanged. */
static void test_boot_slot_with_every_byte_damaged_evil(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x4-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_install(&b, V2, SELV_SLOT_B);
    bench_request(&b, releases[V2].digest, SELV_SLOT_B);
    uint8_t *whole = malloc(b.d.mem_len);
    memcpy(whole, b.d.mem, b.d.mem_len);
    const struct selv_slot_place *place = &b.d.layout.slot[1];
    unsigned trial_count = 0;
    for (uint32_t i = 0; i < place->envelope_len + place->image_len; i++) {
        uint32_t off = place->envelope_off + i;
        memcpy(b.d.mem, whole, b.d.mem_len);
        b.accepted = b.floor = 1;
        flip(&b, off);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        uint32_t in_image = off - place->image_off;
        bool is_beyond = off >= place->image_off
                             ? in_image >= releases[V2].image_len
                             : i >= 4 + releases[V2].envelope_len;
        if (b.record.is_trial) {
            /* The unprotected header (its kid) is authenticated by nothing
             * and decides nothing; this test's key has none. */
            assert_true(is_beyond);
            trial_count++;
        } else {
            assert_false(is_beyond);
            assert_runs(&b, V1, SELV_SLOT_A);
        }
    }
    assert_int_equal(trial_count, place->envelope_len + place->image_len - 4 -
                                      releases[V2].envelope_len -
                                      releases[V2].image_len);
    free(whole);
    bench_close(&b);
}

/* Every byte of the journal damaged, one at a time, after an update: the
 * state steps back by one record at most, and what runs is authentic. */
static void test_boot_journal_with_every_byte_damaged_evil(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x4-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_update(&b, V2, SELV_SLOT_B);
    uint8_t *whole = malloc(b.d.mem_len);
    memcpy(whole, b.d.mem, b.d.mem_len);
    for (uint32_t i = 0; i < 2 * 512; i++) {
        memcpy(b.d.mem, whole, b.d.mem_len);
        flip(&b, b.d.layout.journal_off[0] + i);
        b.accepted = 2;
        b.floor = 1;
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V2, SELV_SLOT_B);
    }
    free(whole);
    bench_close(&b);
}

/* An author who names more bytes than the slot has: what lies behind it, here
 * the very bytes, is no part of the image. */
static void test_boot_image_beyond_its_slot_evil(void **state)
{
    struct selv_release_plan plan = {.sequence = 2, .content = 2};
    static struct selv_release r;
    (void)state;
    for (uint32_t more = 0; more < 2; more++) {
        struct bench b;
        bench_open(&b, "512x8-ff");
        const struct selv_slot_place *place = &b.d.layout.slot[SELV_SLOT_A];
        plan.image_len = place->image_len + more;
        assert_int_equal(selv_release_make(&plan, &r), SELV_OK);
        assert_int_equal(
            selv_slot_put_envelope(&b.d.v.flash, place,
                                   selv_bytes(r.envelope, r.envelope_len)),
            SELV_OK);
        selv_vflash_poke(&b.d.v, place->image_off, r.image[SELV_SLOT_A],
                         plan.image_len);
        assert_int_equal(bench_boot(&b, SELV_RESET_POWER_ON), more == 0);
        if (more != 0) {
            assert_int_equal(b.record.facts.check[SELV_SLOT_A].err,
                             SELV_ERR_STORE_FULL);
        }
        bench_close(&b);
    }
}

/* B16: what is written follows the record that is newest, and raises accepted
 * to what was seen only. */
static void test_boot_commit_asks_again(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    struct selv_journal next = b.boot.journal;
    next.accepted = 2;
    assert_int_equal(selv_boot_commit(&b.boot, &next), SELV_ERR_STATE);
    next = b.boot.journal;
    assert_int_equal(selv_boot_commit(&b.boot, &next), SELV_OK);
    assert_int_equal(b.boot.journal.serial, next.serial);
    for (uint32_t off = 1; off < 4; off++) {
        next.serial = b.boot.journal.serial - off;
        assert_int_equal(selv_boot_commit(&b.boot, &next), SELV_ERR_STATE);
    }
    next.serial = b.boot.journal.serial + 1;
    assert_int_equal(selv_boot_commit(&b.boot, &next), SELV_ERR_STATE);
    next.serial = 0;
    assert_int_equal(selv_boot_commit(&b.boot, &next), SELV_ERR_STATE);
    bench_close(&b);
}

/* J5: what is no birth begins no journal, also when a journal that is not there
 * was read as one of zeros. */
static void test_boot_commit_is_no_birth(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(b.boot.flash->erase(b.boot.flash->port,
                                             b.boot.layout->journal_off[i]),
                         SELV_OK);
    }
    struct selv_journal next;
    memset(&next, 0, sizeof next);
    b.boot.facts.decision = SELV_BOOT_UNCHANGED;
    assert_int_equal(selv_boot_commit(&b.boot, &next), SELV_ERR_STATE);
    assert_int_equal(selv_journal_read(b.boot.flash, b.boot.layout, &next),
                     SELV_ERR_STORE_EMPTY);
    bench_close(&b);
}

/* B1, B2, B3: the hand-over asks for itself whether what was seen is this slot,
 * not below the floor, and on trial only when a trial is counted. */
static void test_boot_hand_over_asks_again(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_true(selv_is_good(
        selv_boot_hand_over(&b.boot, &b.record, SELV_SLOT_A, false)));
    b.boot.seen_slot = SELV_SLOT_B;
    assert_false(selv_is_good(
        selv_boot_hand_over(&b.boot, &b.record, SELV_SLOT_A, false)));
    b.boot.seen_slot = SELV_SLOT_A;
    assert_true(selv_is_good(
        selv_boot_hand_over(&b.boot, &b.record, SELV_SLOT_A, false)));
    assert_false(selv_is_good(
        selv_boot_hand_over(&b.boot, &b.record, SELV_SLOT_A, true)));
    /* The floor is flash's. */
    struct selv_journal next = b.boot.journal;
    next.floor = next.accepted = 2;
    assert_int_equal(selv_journal_write(b.boot.flash, b.boot.layout, &next),
                     SELV_OK);
    b.boot.journal.serial = next.serial;
    assert_false(selv_is_good(
        selv_boot_hand_over(&b.boot, &b.record, SELV_SLOT_A, false)));
    assert_int_equal(b.record.refused_reason, SELV_ERR_BOOT_NO_IMAGE);
    bench_close(&b);
    /* So is the record that was decided on. */
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    b.boot.journal.serial++;
    assert_false(selv_is_good(
        selv_boot_hand_over(&b.boot, &b.record, SELV_SLOT_A, false)));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_image_beyond_its_slot_evil),
        cmocka_unit_test(test_boot_hand_over_asks_again),
        cmocka_unit_test(test_boot_commit_asks_again),
        cmocka_unit_test(test_boot_commit_is_no_birth),
        cmocka_unit_test(test_boot_log_with_every_bit_flipped_evil),
        cmocka_unit_test(test_boot_log_with_forged_fields_evil),
        cmocka_unit_test(test_boot_log_of_random_bytes_evil),
        cmocka_unit_test(test_boot_log_confirms_what_is_not_on_trial_evil),
        cmocka_unit_test(test_boot_endless_requests_wear_little_evil),
        cmocka_unit_test(test_boot_slot_with_every_byte_damaged_evil),
        cmocka_unit_test(test_boot_journal_with_every_byte_damaged_evil),
    };
    return selv_crypto_init()
               ? 1
               : cmocka_run_group_tests(tests, make_releases, NULL);
}
