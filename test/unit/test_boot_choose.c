/* SPDX-License-Identifier: Apache-2.0
 *
 * What the bootloader chooses: first boots, updates, reverts (each case by its
 * name), requests that are refused, and what it falls back to. */
#include "boot_fixture.h"

/* ---- the first boot
 * ---------------------------------------------------------- */

static void test_boot_first_boot_takes_what_the_factory_put(void **state)
{
    (void)state;
    for (size_t g = 0; g < selv_geometry_count; g++) {
        struct bench b;
        bench_open(&b, selv_geometries[g].name);
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V1, SELV_SLOT_A);
        assert_int_equal(b.record.is_trial, 0);
        assert_int_equal(b.record.accepted, 1);
        assert_int_equal(b.record.floor, 1);
        /* The second boot has nothing to write. */
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(b.d.v.op_count, 0);
        bench_close(&b);
    }
}

static void test_boot_first_boot_takes_the_highest(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    bench_install(&b, V2, SELV_SLOT_B);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V2, SELV_SLOT_B);
    assert_int_equal(b.record.floor, 2);
    bench_close(&b);
}

static void test_boot_first_boot_skips_what_does_not_verify(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    bench_install(&b, V3_STRANGER, SELV_SLOT_B);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V1, SELV_SLOT_A);
    bench_close(&b);
}

static void test_boot_first_boot_without_an_image_refuses(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    flip(&b, b.d.layout.slot[0].image_off + 600);
    for (int i = 0; i < 3; i++) {
        assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(b.record.refused_reason, SELV_ERR_BOOT_NO_IMAGE);
        assert_int_equal(b.d.v.op_count, 0);
    }
    bench_close(&b);
}

/* ---- updates
 * ------------------------------------------------------------------ */

static void test_boot_update_is_tried_confirmed_and_raises_the_floor(void **s)
{
    (void)s;
    for (size_t g = 0; g < selv_geometry_count; g++) {
        struct bench b;
        bench_open(&b, selv_geometries[g].name);
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        bench_try(&b, V2, SELV_SLOT_B);
        assert_runs(&b, V2, SELV_SLOT_B);
        assert_int_equal(b.record.is_trial, 1);
        assert_int_equal(b.record.attempt, 1);
        assert_int_equal(b.record.accepted, 2);
        assert_int_equal(b.record.floor, 1);
        bench_confirm(&b, b.record.nonce);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_runs(&b, V2, SELV_SLOT_B);
        assert_int_equal(b.record.is_trial, 0);
        assert_int_equal(b.record.floor, 2);
        /* And back into slot A. */
        bench_update(&b, V3, SELV_SLOT_A);
        assert_runs(&b, V3, SELV_SLOT_A);
        assert_int_equal(b.record.floor, 3);
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V3, SELV_SLOT_A);
        assert_int_equal(b.d.v.op_count, 0);
        bench_close(&b);
    }
}

/* What boots never looks at what can be severed: with it, and with the same
 * manifest without, a release is tried and runs. */
static void test_boot_runs_what_was_severed(void **state)
{
    struct selv_release_plan plan = {.sequence = 3,
                                     .content = 3,
                                     .image_len = 1100,
                                     .sever = SELV_RELEASE_SEVERED};
    static struct selv_release severed, taken_out;
    struct bench b;
    (void)state;
    assert_int_equal(selv_release_make(&plan, &severed), SELV_OK);
    plan.sever = SELV_RELEASE_TAKEN_OUT;
    assert_int_equal(selv_release_make(&plan, &taken_out), SELV_OK);
    assert_memory_equal(severed.digest, taken_out.digest, 32);
    assert_true(severed.envelope_len > taken_out.envelope_len);
    const struct selv_release *const kinds[] = {&severed, &taken_out};
    for (int i = 0; i < 2; i++) {
        bench_open(&b, "512x8-ff");
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(selv_release_install(kinds[i], &b.d.v.flash,
                                              &b.d.layout, SELV_SLOT_B),
                         SELV_OK);
        bench_request(&b, kinds[i]->digest, SELV_SLOT_B);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_int_equal(b.record.is_trial, 1);
        bench_confirm(&b, b.record.nonce);
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_int_equal(b.record.floor, 3);
        /* They go behind everybody's back, once the release is confirmed. */
        assert_int_equal(selv_release_install(kinds[!i], &b.d.v.flash,
                                              &b.d.layout, SELV_SLOT_B),
                         SELV_OK);
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(b.record.slot, SELV_SLOT_B);
        assert_int_equal(b.record.sequence, 3);
        assert_int_equal(b.d.v.op_count, 0);
        bench_close(&b);
    }
}

static void test_boot_confirmation_outlives_a_crash_after_it(void **state)
{
    (void)state;
    static const enum selv_reset_cause causes[] = {
        SELV_RESET_POWER_ON, SELV_RESET_WATCHDOG, SELV_RESET_CRASH,
        SELV_RESET_UNKNOWN};
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        struct bench b;
        bench_open(&b, "512x8-ff");
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        bench_try(&b, V2, SELV_SLOT_B);
        bench_confirm(&b, b.record.nonce);
        assert_true(bench_boot(&b, causes[i]));
        assert_runs(&b, V2, SELV_SLOT_B);
        assert_int_equal(b.record.is_trial, 0);
        assert_int_equal(b.record.floor, 2);
        bench_close(&b);
    }
}

static void test_boot_attempts_have_nonces_of_their_own(void **state)
{
    (void)state;
    struct bench b;
    uint8_t first[SELV_NONCE_LEN];
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_try(&b, V2, SELV_SLOT_B);
    memcpy(first, b.record.nonce, sizeof first);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.record.attempt, 2);
    assert_memory_not_equal(first, b.record.nonce, sizeof first);
    /* A confirmation of the first attempt does not confirm the second. */
    bench_confirm(&b, first);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_int_equal(b.record.is_trial, 1);
    assert_int_equal(b.record.attempt, 3);
    assert_int_equal(b.record.floor, 1);
    bench_confirm(&b, b.record.nonce);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_int_equal(b.record.is_trial, 0);
    assert_int_equal(b.record.floor, 2);
    bench_close(&b);
}

/* ---- reverts
 * -------------------------------------------------------------------- */

/* A trial of V2 that has begun. */
static void begin_trial(struct bench *b)
{
    bench_open(b, "512x4-ff");
    assert_true(bench_boot(b, SELV_RESET_POWER_ON));
    bench_try(b, V2, SELV_SLOT_B);
    assert_int_equal(b->record.is_trial, 1);
}

/* V1 runs, V2 is remembered, asking for it again changes nothing, and a
 * higher number still gets through. */
static void assert_reverted(struct bench *b, enum selv_err reason)
{
    assert_runs(b, V1, SELV_SLOT_A);
    assert_int_equal(b->record.is_trial, 0);
    assert_refused(b, V2, reason, 1);
    assert_int_equal(b->record.floor, 1);
    assert_int_equal(b->record.accepted, 2);
    for (int i = 0; i < 3; i++) {
        bench_install(b, V2, SELV_SLOT_B);
        bench_request(b, releases[V2].digest, SELV_SLOT_B);
        assert_true(bench_boot(b, SELV_RESET_REQUESTED));
        assert_runs(b, V1, SELV_SLOT_A);
        assert_refused(b, V2, reason, 1);
        assert_int_equal(b->d.v.op_count, 0);
    }
    bench_update(b, V3, SELV_SLOT_B);
    assert_runs(b, V3, SELV_SLOT_B);
    assert_int_equal(b->record.floor, 3);
    bench_close(b);
}

static void test_boot_revert_after_the_last_attempt(void **state)
{
    (void)state;
    struct bench b;
    begin_trial(&b);
    for (unsigned i = 2; i <= SELV_BOOT_ATTEMPTS_MAX; i++) {
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V2, SELV_SLOT_B);
        assert_int_equal(b.record.attempt, i);
    }
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_reverted(&b, SELV_ERR_BOOT_ATTEMPTS);
}

static void test_boot_revert_after_a_watchdog_reset(void **state)
{
    (void)state;
    struct bench b;
    begin_trial(&b);
    assert_true(bench_boot(&b, SELV_RESET_WATCHDOG));
    assert_reverted(&b, SELV_ERR_BOOT_WATCHDOG);
}

static void test_boot_revert_after_a_crash(void **state)
{
    (void)state;
    struct bench b;
    begin_trial(&b);
    assert_true(bench_boot(&b, SELV_RESET_CRASH));
    assert_reverted(&b, SELV_ERR_BOOT_CRASH);
}

static void test_boot_revert_when_the_image_is_damaged(void **state)
{
    (void)state;
    struct bench b;
    begin_trial(&b);
    flip(&b, b.d.layout.slot[1].image_off + 1099);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_reverted(&b, SELV_ERR_SUIT_IMAGE);
}

static void test_boot_revert_when_the_signature_is_damaged(void **state)
{
    (void)state;
    struct bench b;
    begin_trial(&b);
    flip(&b, b.d.layout.slot[1].envelope_off + 4 + 80);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    enum selv_err reason = (enum selv_err)b.record.refused_reason;
    assert_int_equal(reason, SELV_ERR_COSE_NO_KEY);
    assert_reverted(&b, reason);
}

static void test_boot_revert_when_confirmed_but_damaged(void **state)
{
    (void)state;
    struct bench b;
    begin_trial(&b);
    bench_confirm(&b, b.record.nonce);
    flip(&b, b.d.layout.slot[1].image_off);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_reverted(&b, SELV_ERR_SUIT_IMAGE);
}

static void test_boot_revert_when_another_manifest_took_its_place(void **state)
{
    (void)state;
    struct bench b;
    begin_trial(&b);
    bench_install(&b, V3, SELV_SLOT_B);
    bench_confirm(&b, b.record.nonce);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_reverted(&b, SELV_ERR_BOOT_REQUEST);
}

static void test_boot_revert_when_the_slot_was_erased(void **state)
{
    (void)state;
    struct bench b;
    begin_trial(&b);
    selv_vflash_blank(&b.d.v, b.d.layout.slot[1].envelope_off,
                      b.d.layout.slot[1].envelope_len);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_reverted(&b, SELV_ERR_STORE_EMPTY);
}

static void test_boot_revert_with_a_wrong_nonce(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        struct bench b;
        begin_trial(&b);
        uint8_t nonce[SELV_NONCE_LEN];
        memcpy(nonce, b.record.nonce, sizeof nonce);
        nonce[bit / 8] ^= (uint8_t)(1u << bit % 8);
        bench_confirm(&b, nonce);
        assert_true(bench_boot(&b, SELV_RESET_WATCHDOG));
        assert_reverted(&b, SELV_ERR_BOOT_WATCHDOG);
    }
}

/* ---- requests that are refused
 * --------------------------------------------------- */

/* Ask for something; V1 goes on, the refusal is written once, and asking
 * again changes nothing. */
static void refuse_case(enum release_name in_slot, enum release_name asked,
                        uint8_t slot, enum selv_err reason)
{
    struct bench b;
    bench_open(&b, "512x8-00");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_install(&b, in_slot, SELV_SLOT_B);
    bench_request(&b, releases[asked].digest, slot);
    for (int i = 0; i < 3; i++) {
        assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
        assert_runs(&b, V1, SELV_SLOT_A);
        assert_refused(&b, asked, reason, 0);
        assert_int_equal(b.record.accepted, 1);
        assert_int_equal(b.record.floor, 1);
        if (i > 0) {
            assert_int_equal(b.d.v.op_count, 0);
        }
    }
    bench_update(&b, V3, SELV_SLOT_B);
    assert_runs(&b, V3, SELV_SLOT_B);
    bench_close(&b);
}

static void test_boot_request_signed_by_a_stranger(void **state)
{
    (void)state;
    refuse_case(V3_STRANGER, V3_STRANGER, 1, SELV_ERR_COSE_NO_KEY);
}

static void test_boot_request_for_another_vendor(void **state)
{
    (void)state;
    refuse_case(V3_VENDOR, V3_VENDOR, 1, SELV_ERR_SUIT_VENDOR);
}

static void test_boot_request_for_another_class(void **state)
{
    (void)state;
    refuse_case(V3_CLASS, V3_CLASS, 1, SELV_ERR_SUIT_CLASS);
}

static void test_boot_request_for_another_component(void **state)
{
    (void)state;
    refuse_case(V3_COMPONENT, V3_COMPONENT, 1, SELV_ERR_SUIT_COMPONENT);
}

static void test_boot_request_without_an_invoke(void **state)
{
    (void)state;
    refuse_case(V3_NO_INVOKE, V3_NO_INVOKE, 1, SELV_ERR_BOOT_NO_IMAGE);
}

static void test_boot_request_with_the_other_slots_image(void **state)
{
    (void)state;
    refuse_case(V3_SWAPPED, V3_SWAPPED, 1, SELV_ERR_SUIT_IMAGE);
}

static void test_boot_request_for_another_digest(void **state)
{
    (void)state;
    refuse_case(V2, V2_OTHER, 1, SELV_ERR_BOOT_REQUEST);
}

static void test_boot_request_for_the_running_slot(void **state)
{
    (void)state;
    refuse_case(V2, V2, 0, SELV_ERR_BOOT_REQUEST);
}

static void test_boot_request_for_no_slot(void **state)
{
    (void)state;
    refuse_case(V2, V2, SELV_SLOT_NONE, SELV_ERR_BOOT_REQUEST);
}

static void test_boot_request_for_what_runs_is_nothing_new(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_install(&b, V1, SELV_SLOT_B);
    bench_request(&b, releases[V1].digest, SELV_SLOT_B);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_runs(&b, V1, SELV_SLOT_A);
    assert_int_equal(b.record.refused_reason, SELV_OK);
    assert_int_equal(b.d.v.op_count, 0);
    bench_close(&b);
}

/* V2 is current: a lower number and an equal one of another digest. */
static void older_case(enum release_name asked, enum selv_err reason)
{
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_update(&b, V2, SELV_SLOT_B);
    bench_try(&b, asked, SELV_SLOT_A);
    assert_runs(&b, V2, SELV_SLOT_B);
    assert_refused(&b, asked, reason, 0);
    assert_int_equal(b.record.floor, 2);
    bench_close(&b);
}

static void test_boot_request_for_a_lower_number(void **state)
{
    (void)state;
    older_case(V1, SELV_ERR_SUIT_SEQUENCE);
}

static void test_boot_request_for_an_equal_number(void **state)
{
    (void)state;
    older_case(V2_OTHER, SELV_ERR_UPDATE_EQUAL);
}

/* A reverted digest stays out even after another refusal took its place in
 * the journal's memory. */
static void test_boot_request_for_what_was_reverted_before(void **state)
{
    (void)state;
    struct bench b;
    uint8_t junk[32] = {7};
    begin_trial(&b);
    assert_true(bench_boot(&b, SELV_RESET_CRASH));
    bench_request(&b, junk, SELV_SLOT_B);
    assert_true(bench_boot(&b, SELV_RESET_REQUESTED));
    assert_memory_equal(b.record.refused_digest, junk, 32);
    bench_try(&b, V2, SELV_SLOT_B);
    assert_runs(&b, V1, SELV_SLOT_A);
    assert_refused(&b, V2, SELV_ERR_UPDATE_EQUAL, 0);
    bench_close(&b);
}

/* ---- when what should boot does not
 * ----------------------------------------------- */

static void test_boot_current_damaged_takes_an_untried_image(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_install(&b, V2, SELV_SLOT_B);
    flip(&b, b.d.layout.slot[0].image_off + 5);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V2, SELV_SLOT_B);
    assert_refused(&b, V1, SELV_ERR_SUIT_IMAGE, 0);
    assert_int_equal(b.record.floor, 1);
    assert_int_equal(b.record.accepted, 2);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V2, SELV_SLOT_B);
    assert_int_equal(b.d.v.op_count, 0);
    bench_close(&b);
}

static void test_boot_current_damaged_never_goes_below_the_floor(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_update(&b, V2, SELV_SLOT_B);
    flip(&b, b.d.layout.slot[1].image_off + 5);
    for (int i = 0; i < 3; i++) {
        assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(b.record.refused_reason, SELV_ERR_SUIT_IMAGE);
        assert_int_equal(b.record.floor, 2);
        assert_int_equal(b.d.v.op_count, 0);
    }
    /* Repaired by service, the device goes on. */
    flip(&b, b.d.layout.slot[1].image_off + 5);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V2, SELV_SLOT_B);
    bench_close(&b);
}

static void test_boot_revert_to_a_damaged_current_keeps_the_trial(void **state)
{
    (void)state;
    struct bench b;
    begin_trial(&b);
    flip(&b, b.d.layout.slot[0].image_off + 5);
    assert_true(bench_boot(&b, SELV_RESET_CRASH));
    assert_runs(&b, V2, SELV_SLOT_B);
    assert_int_equal(b.record.is_trial, 0);
    assert_int_equal(b.record.floor, 1);
    bench_close(&b);
}

/* A hostile application wrote another authentic image over the running one:
 * authentic and above the floor, so that it boots when nothing else does. */
static void test_boot_current_replaced_in_place(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_install(&b, V3, SELV_SLOT_A);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_runs(&b, V3, SELV_SLOT_A);
    assert_refused(&b, V1, SELV_ERR_BOOT_REQUEST, 0);
    assert_int_equal(b.record.floor, 1);
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.d.v.op_count, 0);
    bench_close(&b);
}

static void test_boot_lost_journal_refuses(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_update(&b, V2, SELV_SLOT_B);
    for (int i = 0; i < 2; i++) {
        memset(b.d.mem + b.d.layout.journal_off[i], 0x33, 512);
    }
    assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
    assert_int_equal(b.record.refused_reason, SELV_ERR_STORE_DAMAGED);
    assert_int_equal(b.d.v.op_count, 0);
    bench_close(&b);
}

static enum selv_err write_nothing(void *port, uint32_t off, const void *p,
                                   uint32_t len)
{
    (void)port, (void)off, (void)p, (void)len;
    return SELV_ERR_FLASH_IO;
}

/* Flash that takes no journal record any more: no trial begins or goes on,
 * since it could not be counted. */
static void test_boot_without_a_journal_to_write_stays_with_current(void **s)
{
    (void)s;
    struct bench b;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_install(&b, V2, SELV_SLOT_B);
    bench_request(&b, releases[V2].digest, SELV_SLOT_B);
    b.d.v.flash.write = write_nothing;
    for (int i = 0; i < 5; i++) {
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_runs(&b, V1, SELV_SLOT_A);
        assert_int_equal(b.record.is_trial, 0);
    }
    bench_close(&b);
}

/* ---- flash that is not mapped
 * ------------------------------------------------------ */

static void test_boot_from_unmapped_flash_uses_scratch(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, "512x8-ff");
    b.d.v.is_unmapped = true;
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_update(&b, V2, SELV_SLOT_B);
    assert_runs(&b, V2, SELV_SLOT_B);
    bench_close(&b);
}

static enum selv_err (*real_read)(void *, uint32_t, void *, uint32_t);
static uint32_t bad_off, bad_end, bad_read_count;

/* Some reads of one region fail, the first ones. */
static enum selv_err read_badly(void *port, uint32_t off, void *p, uint32_t len)
{
    if (off >= bad_off && off < bad_end && bad_read_count > 0) {
        bad_read_count--;
        return SELV_ERR_FLASH_IO;
    }
    return real_read(port, off, p, len);
}

static void fail_one_read(struct bench *b, uint32_t off, uint32_t len)
{
    real_read = b->d.v.flash.read;
    b->d.v.flash.read = read_badly;
    bad_off = off;
    bad_end = off + len;
    bad_read_count = 1;
}

/* A read that fails once costs no image: the running one is not given up for
 * what lies in the other slot (here what was reverted before), a trial is not
 * reverted, and a request is not refused for good. */
static void test_boot_one_failed_read_changes_nothing_fault(void **state)
{
    (void)state;
    for (int is_image = 0; is_image < 2; is_image++) {
        struct bench b;
        bench_open(&b, "512x8-ff");
        b.d.v.is_unmapped = true;
        enum selv_err (*whole)(void *, uint32_t, void *, uint32_t) =
            b.d.v.flash.read;
        const struct selv_slot_place *a = &b.d.layout.slot[0];
        const struct selv_slot_place *other = &b.d.layout.slot[1];
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        bench_try(&b, V2, SELV_SLOT_B);
        assert_true(bench_boot(&b, SELV_RESET_CRASH));
        assert_runs(&b, V1, SELV_SLOT_A);

        fail_one_read(&b, is_image ? a->image_off : a->envelope_off, 1024);
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(bad_read_count, 0);
        assert_runs(&b, V1, SELV_SLOT_A);
        assert_refused(&b, V2, SELV_ERR_BOOT_CRASH, 1);
        assert_int_equal(b.d.v.op_count, 0);

        b.d.v.flash.read = whole;
        bench_install(&b, V3, SELV_SLOT_B);
        bench_request(&b, releases[V3].digest, SELV_SLOT_B);
        for (unsigned attempt = 1; attempt <= 2; attempt++) {
            b.d.v.flash.read = whole;
            fail_one_read(&b, is_image ? other->image_off : other->envelope_off,
                          1024);
            assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
            assert_int_equal(bad_read_count, 0);
            assert_runs(&b, V3, SELV_SLOT_B);
            assert_int_equal(b.record.attempt, attempt);
        }
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_first_boot_takes_what_the_factory_put),
        cmocka_unit_test(test_boot_first_boot_takes_the_highest),
        cmocka_unit_test(test_boot_first_boot_skips_what_does_not_verify),
        cmocka_unit_test(test_boot_first_boot_without_an_image_refuses),
        cmocka_unit_test(
            test_boot_update_is_tried_confirmed_and_raises_the_floor),
        cmocka_unit_test(test_boot_runs_what_was_severed),
        cmocka_unit_test(test_boot_confirmation_outlives_a_crash_after_it),
        cmocka_unit_test(test_boot_attempts_have_nonces_of_their_own),
        cmocka_unit_test(test_boot_revert_after_the_last_attempt),
        cmocka_unit_test(test_boot_revert_after_a_watchdog_reset),
        cmocka_unit_test(test_boot_revert_after_a_crash),
        cmocka_unit_test(test_boot_revert_when_the_image_is_damaged),
        cmocka_unit_test(test_boot_revert_when_the_signature_is_damaged),
        cmocka_unit_test(test_boot_revert_when_confirmed_but_damaged),
        cmocka_unit_test(test_boot_revert_when_another_manifest_took_its_place),
        cmocka_unit_test(test_boot_revert_when_the_slot_was_erased),
        cmocka_unit_test(test_boot_revert_with_a_wrong_nonce),
        cmocka_unit_test(test_boot_request_signed_by_a_stranger),
        cmocka_unit_test(test_boot_request_for_another_vendor),
        cmocka_unit_test(test_boot_request_for_another_class),
        cmocka_unit_test(test_boot_request_for_another_component),
        cmocka_unit_test(test_boot_request_without_an_invoke),
        cmocka_unit_test(test_boot_request_with_the_other_slots_image),
        cmocka_unit_test(test_boot_request_for_another_digest),
        cmocka_unit_test(test_boot_request_for_the_running_slot),
        cmocka_unit_test(test_boot_request_for_no_slot),
        cmocka_unit_test(test_boot_request_for_what_runs_is_nothing_new),
        cmocka_unit_test(test_boot_request_for_a_lower_number),
        cmocka_unit_test(test_boot_request_for_an_equal_number),
        cmocka_unit_test(test_boot_request_for_what_was_reverted_before),
        cmocka_unit_test(test_boot_current_damaged_takes_an_untried_image),
        cmocka_unit_test(test_boot_current_damaged_never_goes_below_the_floor),
        cmocka_unit_test(test_boot_revert_to_a_damaged_current_keeps_the_trial),
        cmocka_unit_test(test_boot_current_replaced_in_place),
        cmocka_unit_test(test_boot_lost_journal_refuses),
        cmocka_unit_test(
            test_boot_without_a_journal_to_write_stays_with_current),
        cmocka_unit_test(test_boot_from_unmapped_flash_uses_scratch),
        cmocka_unit_test(test_boot_one_failed_read_changes_nothing_fault),
    };
    return selv_crypto_init()
               ? 1
               : cmocka_run_group_tests(tests, make_releases, NULL);
}
