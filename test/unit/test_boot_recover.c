/* SPDX-License-Identifier: Apache-2.0
 *
 * Recovery over a serial line: sessions on lines that lose, double, damage and
 * delay frames, power cuts at each byte and at each flash operation, manifests
 * that are refused, journals that are lost. */
#include "recover_fixture.h"

/* Neither slot boots: V2 was current in B, floor 2; V1 is in A, below it. */
static void ruin(struct bench *b)
{
    assert_true(bench_boot(b, SELV_RESET_POWER_ON));
    bench_update(b, V2, SELV_SLOT_B);
    flip(b, b->d.layout.slot[SELV_SLOT_B].image_off + 600);
}

static void open_ruined(struct bench *b, struct line *l, const char *geometry)
{
    bench_open(b, geometry);
    ruin(b);
    line_open(l, b);
    assert_false(l->has_booted);
}

static void blank_slot(struct bench *b, int slot)
{
    const struct selv_slot_place *p = &b->d.layout.slot[slot];
    selv_vflash_blank(&b->d.v, p->envelope_off, p->envelope_len);
    selv_vflash_blank(&b->d.v, p->image_off, p->image_len);
}

static void test_recover_brings_it_back(void **state)
{
    (void)state;
    for (size_t g = 0; g < selv_geometry_count; g++) {
        struct bench b;
        struct line l;
        uint32_t skipped;
        open_ruined(&b, &l, selv_geometries[g].name);
        assert_int_equal(session(&l, &releases[V3], &skipped), SELV_OK);
        assert_true(l.has_booted);
        assert_runs(&b, V3, SELV_SLOT_A);
        assert_int_equal(b.record.floor, 2);
        assert_int_equal(b.record.accepted, 3);
        /* And the next update is as any other. */
        assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
        assert_int_equal(b.d.v.op_count, 0);
        bench_close(&b);
    }
}

/* Its number is the floor's: what was running before. */
static void test_recover_takes_the_same_release_again(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    open_ruined(&b, &l, "512x8-ff");
    assert_int_equal(session(&l, &releases[V2], &skipped), SELV_OK);
    assert_runs(&b, V2, SELV_SLOT_A);
    bench_close(&b);
}

/* A device that never had an image. */
static void test_recover_first_image(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    bench_open(&b, "4096x4-ff");
    blank_slot(&b, SELV_SLOT_A);
    line_open(&l, &b);
    assert_false(l.has_booted);
    assert_int_equal(session(&l, &releases[V1], &skipped), SELV_OK);
    assert_runs(&b, V1, SELV_SLOT_A);
    assert_int_equal(b.record.floor, 1);
    bench_close(&b);
}

/* A trial that was running when both images were lost. */
static void test_recover_in_the_middle_of_a_trial(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_try(&b, V2, SELV_SLOT_B);
    flip(&b, b.d.layout.slot[SELV_SLOT_A].image_off + 600);
    flip(&b, b.d.layout.slot[SELV_SLOT_B].image_off + 600);
    line_open(&l, &b);
    assert_false(l.has_booted);
    assert_int_equal(session(&l, &releases[V3], &skipped), SELV_OK);
    assert_runs(&b, V3, SELV_SLOT_B);
    assert_int_equal(b.record.is_trial, 0);
    assert_int_equal(b.record.floor, 1);
    bench_close(&b);
}

static void test_recover_tells_what_there_is(void **state)
{
    static const uint8_t version[] = {SELV_RECOVERY_VERSION};
    struct bench b;
    struct line l;
    const uint8_t *p;
    (void)state;
    open_ruined(&b, &l, "512x8-ff");
    assert_int_equal(ask(&l, SELV_RECOVERY_HELLO, version, 1),
                     SELV_RECOVERY_INFO);
    p = answered(&l);
    assert_int_equal(p[SELV_RECOVERY_INFO_VERSION], SELV_RECOVERY_VERSION);
    assert_int_equal(p[SELV_RECOVERY_INFO_SLOTS], 2);
    assert_memory_equal(p + SELV_RECOVERY_INFO_CLASS, b.factory.class_id, 16);
    assert_memory_equal(p + SELV_RECOVERY_INFO_VENDOR, b.factory.vendor_id, 16);
    assert_int_equal(p[SELV_RECOVERY_INFO_WHY + 1], SELV_ERR_SUIT_IMAGE);
    assert_int_equal(p[SELV_RECOVERY_INFO_CLOSED + 1], 0);
    assert_int_equal(p[SELV_RECOVERY_INFO_MINIMUM + 7], 2);
    p += SELV_RECOVERY_INFO_SLOT;
    assert_int_equal(p[1], SELV_ERR_SUIT_SEQUENCE);
    assert_int_equal(p[9], 1);
    p += SELV_RECOVERY_INFO_SLOT_LEN;
    assert_int_equal(p[1], SELV_ERR_SUIT_IMAGE);
    assert_int_equal(p[9], 2);
    assert_int_equal(b.d.v.op_count, 0);
    bench_close(&b);
}

/* ---- what is refused -------------------------------------------------------
 */

/* Nothing is erased or written for a manifest that is refused. */
static void test_recover_evil_manifests_change_nothing(void **state)
{
    static const struct {
        enum release_name name;
        enum selv_err reason;
    } cases[] = {
        {V1, SELV_ERR_SUIT_SEQUENCE},
        {V3_STRANGER, SELV_ERR_COSE_NO_KEY},
        {V3_VENDOR, SELV_ERR_SUIT_VENDOR},
        {V3_CLASS, SELV_ERR_SUIT_CLASS},
        {V3_COMPONENT, SELV_ERR_SUIT_COMPONENT},
    };
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    open_ruined(&b, &l, "512x8-ff");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(session(&l, &releases[cases[i].name], &skipped),
                         cases[i].reason);
        assert_int_equal(b.d.v.op_count, 0);
        /* Without a manifest nothing else is taken. */
        assert_int_equal(ask(&l, SELV_RECOVERY_DONE, NULL, 0),
                         SELV_RECOVERY_REFUSED);
        assert_int_equal(refusal(&l), SELV_ERR_RECOVER_ORDER);
    }
    insist(&l, &releases[V3]);
    assert_runs(&b, V3, SELV_SLOT_A);
    bench_close(&b);
}

/* Every bit of an envelope flipped once: refused, but where nothing
 * authenticates it, and then what boots is the release. */
static void test_recover_evil_envelopes(void **state)
{
    static struct selv_release bad;
    (void)state;
    for (uint32_t i = 0; i < releases[V3].envelope_len; i += 3) {
        struct bench b;
        struct line l;
        uint32_t skipped;
        open_ruined(&b, &l, "4096x4-ff");
        bad = releases[V3];
        bad.envelope[i] ^= (uint8_t)(1u << i % 8u);
        if (session(&l, &bad, &skipped) == SELV_OK) {
            assert_true(l.has_booted);
            assert_memory_equal(b.record.digest, releases[V3].digest, 32);
        } else {
            assert_int_equal(b.d.v.op_count, 0);
        }
        bench_close(&b);
    }
}

/* The image is another one than the device asked for: found out at the end,
 * and nothing boots of it. */
static void test_recover_evil_image(void **state)
{
    static struct selv_release bad;
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    open_ruined(&b, &l, "512x8-ff");
    bad = releases[V3];
    bad.image[0][1000] ^= 1;
    assert_int_equal(session(&l, &bad, &skipped), SELV_ERR_SUIT_IMAGE);
    assert_false(bench_boot(&b, SELV_RESET_POWER_ON));
    line_open(&l, &b);
    assert_int_equal(session(&l, &releases[V3], &skipped), SELV_OK);
    /* The sectors before the bad one were good. */
    assert_int_equal(skipped, 512);
    assert_runs(&b, V3, SELV_SLOT_A);
    bench_close(&b);
}

static void test_recover_evil_no_invoke_is_never_ready(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    open_ruined(&b, &l, "512x8-ff");
    assert_int_equal(session(&l, &releases[V3_NO_INVOKE], &skipped),
                     SELV_ERR_BOOT_NO_IMAGE);
    assert_false(selv_recover_is_ready(&l.r));
    insist(&l, &releases[V3]);
    bench_close(&b);
}

/* Images that would boot after all (a supply that was still rising when the
 * bootloader looked) are not written over. */
static void test_recover_spares_what_would_boot(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_update(&b, V2, SELV_SLOT_B);
    bench_install(&b, V2, SELV_SLOT_A);
    for (int slot = 0; slot < 2; slot++) {
        flip(&b, b.d.layout.slot[slot].image_off + 600);
    }
    line_open(&l, &b);
    assert_false(l.has_booted);
    for (int slot = 0; slot < 2; slot++) {
        flip(&b, b.d.layout.slot[slot].image_off + 600);
    }
    assert_int_equal(session(&l, &releases[V3], &skipped),
                     SELV_ERR_RECOVER_SLOT);
    assert_int_equal(b.d.v.op_count, 0);
    /* The very release that is there needs no transfer. */
    assert_int_equal(session(&l, &releases[V2], &skipped), SELV_OK);
    assert_int_equal(skipped, releases[V2].image_len);
    assert_runs(&b, V2, SELV_SLOT_B);
    bench_close(&b);
}

/* Questions that are none, and good ones at the wrong time: an error each, and
 * never a write. */
static void test_recover_evil_questions(void **state)
{
    static const uint8_t zeros[140];
    static const struct {
        const char *name;
        int type;
        size_t len;
        const char *payload; /* NULL: zeros */
        enum selv_err reason;
    } cases[] = {
        {"type 0", 0, 0, NULL, SELV_ERR_RECOVER_FRAME},
        {"type 7", 7, 3, NULL, SELV_ERR_RECOVER_FRAME},
        {"an answer", SELV_RECOVERY_INFO, 3, NULL, SELV_ERR_RECOVER_FRAME},
        {"type 255", 255, 140, NULL, SELV_ERR_RECOVER_FRAME},
        {"hello without a version", SELV_RECOVERY_HELLO, 0, NULL,
         SELV_ERR_RECOVER_FRAME},
        {"envelope, empty", SELV_RECOVERY_ENVELOPE, 0, NULL,
         SELV_ERR_RECOVER_FRAME},
        {"envelope, head only", SELV_RECOVERY_ENVELOPE, 4, NULL,
         SELV_ERR_RECOVER_FRAME},
        {"envelope of 0 bytes", SELV_RECOVERY_ENVELOPE, 5, NULL,
         SELV_ERR_RECOVER_ORDER},
        {"envelope too long", SELV_RECOVERY_ENVELOPE, 5, "\0\0\xff\xff\0",
         SELV_ERR_SUIT_TOO_LARGE},
        {"envelope one too long", SELV_RECOVERY_ENVELOPE, 5,
         "\x00\x00\x08\x01\x00", SELV_ERR_SUIT_TOO_LARGE},
        {"piece beyond the end", SELV_RECOVERY_ENVELOPE, 6, "\0\0\0\1\0\0",
         SELV_ERR_RECOVER_ORDER},
        {"piece ahead", SELV_RECOVERY_ENVELOPE, 6, "\0\2\0\4\0\0",
         SELV_ERR_RECOVER_ORDER},
        {"piece at 65535", SELV_RECOVERY_ENVELOPE, 6, "\xff\xff\0\4\0\0",
         SELV_ERR_RECOVER_ORDER},
        {"have, too early", SELV_RECOVERY_HAVE, 36, NULL,
         SELV_ERR_RECOVER_ORDER},
        {"have, short", SELV_RECOVERY_HAVE, 35, NULL, SELV_ERR_RECOVER_FRAME},
        {"have, long", SELV_RECOVERY_HAVE, 37, NULL, SELV_ERR_RECOVER_FRAME},
        {"data, too early", SELV_RECOVERY_DATA, 5, NULL,
         SELV_ERR_RECOVER_ORDER},
        {"data, empty", SELV_RECOVERY_DATA, 4, NULL, SELV_ERR_RECOVER_FRAME},
        {"data, head cut off", SELV_RECOVERY_DATA, 3, NULL,
         SELV_ERR_RECOVER_FRAME},
        {"done, too early", SELV_RECOVERY_DONE, 0, NULL,
         SELV_ERR_RECOVER_ORDER},
        {"boot, too early", SELV_RECOVERY_BOOT, 0, NULL,
         SELV_ERR_RECOVER_ORDER},
    };
    static const uint8_t version[] = {SELV_RECOVERY_VERSION};
    struct bench b;
    struct line l;
    (void)state;
    open_ruined(&b, &l, "512x8-ff");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *payload = cases[i].payload != NULL
                                     ? (const uint8_t *)cases[i].payload
                                     : zeros;
        assert_int_equal(ask(&l, SELV_RECOVERY_HELLO, version, 1),
                         SELV_RECOVERY_INFO);
        int type = ask(&l, (enum selv_recovery_type)cases[i].type, payload,
                       cases[i].len);
        if (type != SELV_RECOVERY_REFUSED || refusal(&l) != cases[i].reason) {
            fail_msg("%s: type %d, reason %d", cases[i].name, type,
                     (int)refusal(&l));
        }
        assert_int_equal(b.d.v.op_count, 0);
    }
    bench_close(&b);
}

/* Behind a good manifest: bytes at other offsets, and too many, change nothing;
 * nothing is ready before its time. */
static void test_recover_evil_order(void **state)
{
    static const uint8_t version[] = {SELV_RECOVERY_VERSION};
    static const uint32_t offsets[] = {1,    511,  512,        1099,
                                       1100, 1101, UINT32_MAX, UINT32_MAX - 15};
    const struct selv_release *v3 = &releases[V3];
    uint8_t piece[140] = {0};
    struct bench b;
    struct line l;
    (void)state;
    open_ruined(&b, &l, "512x8-ff");
    assert_int_equal(ask(&l, SELV_RECOVERY_HELLO, version, 1),
                     SELV_RECOVERY_INFO);
    assert_int_equal(send_envelope(&l, v3->envelope, v3->envelope_len),
                     SELV_RECOVERY_IMAGE);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        selv_put_be32(piece, offsets[i]);
        assert_int_equal(ask(&l, SELV_RECOVERY_DATA, piece, 20),
                         SELV_RECOVERY_NEXT);
        assert_int_equal(selv_get_be32(answered(&l)), 0);
        assert_int_equal(ask(&l, SELV_RECOVERY_HAVE, piece, 36),
                         SELV_RECOVERY_NEXT);
        assert_int_equal(selv_get_be32(answered(&l)), 0);
    }
    assert_int_equal(ask(&l, SELV_RECOVERY_DONE, NULL, 0),
                     SELV_RECOVERY_REFUSED);
    assert_int_equal(refusal(&l), SELV_ERR_UPDATE_SIZE);
    assert_int_equal(ask(&l, SELV_RECOVERY_BOOT, NULL, 0),
                     SELV_RECOVERY_REFUSED);
    assert_int_equal(b.d.v.op_count, 0);
    /* Once bytes are written, nothing is asked for by digest any more. */
    selv_put_be32(piece, 0);
    memcpy(piece + 4, v3->image[0], 128);
    assert_int_equal(ask(&l, SELV_RECOVERY_DATA, piece, 132),
                     SELV_RECOVERY_NEXT);
    assert_int_equal(selv_get_be32(answered(&l)), 128);
    assert_int_equal(selv_get_be32(answered(&l) + 4), 0);
    selv_put_be32(piece, 128);
    assert_int_equal(ask(&l, SELV_RECOVERY_HAVE, piece, 36),
                     SELV_RECOVERY_NEXT);
    assert_int_equal(selv_get_be32(answered(&l)), 128);
    /* Another envelope is taken only by another session. */
    assert_int_equal(
        send_envelope(&l, releases[V2].envelope, releases[V2].envelope_len),
        SELV_RECOVERY_REFUSED);
    assert_int_equal(refusal(&l), SELV_ERR_RECOVER_ORDER);
    insist(&l, v3);
    bench_close(&b);
}

/* Another session, with another release, in the middle of one. */
static void test_recover_another_session_in_the_middle(void **state)
{
    static const uint8_t version[] = {SELV_RECOVERY_VERSION};
    const struct selv_release *v2 = &releases[V2_OTHER];
    uint8_t piece[140] = {0};
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    open_ruined(&b, &l, "512x8-ff");
    assert_int_equal(ask(&l, SELV_RECOVERY_HELLO, version, 1),
                     SELV_RECOVERY_INFO);
    assert_int_equal(send_envelope(&l, v2->envelope, v2->envelope_len),
                     SELV_RECOVERY_IMAGE);
    memcpy(piece + 4, v2->image[0], 128);
    assert_int_equal(ask(&l, SELV_RECOVERY_DATA, piece, 132),
                     SELV_RECOVERY_NEXT);
    assert_int_equal(session(&l, &releases[V3], &skipped), SELV_OK);
    assert_runs(&b, V3, SELV_SLOT_A);
    bench_close(&b);
}

/* ---- lines that fail -------------------------------------------------------
 */

static void test_recover_fault_each_frame(void **state)
{
    unsigned cases = 0;
    (void)state;
    for (int to = TO_DEVICE; to <= TO_HOST; to++) {
        for (int fault = LOSE; fault < FAULT_COUNT; fault++) {
            for (unsigned at = 0; at < 40; at++) {
                struct bench b;
                struct line l;
                uint32_t skipped;
                open_ruined(&b, &l, "512x4-ff");
                l.fault = (enum fault)fault;
                l.fault_to = to;
                l.fault_at = at;
                l.fail_seed = at;
                enum selv_err err = session(&l, &releases[V3], &skipped);
                /* The last answer may be the one that was lost. */
                if (err != SELV_OK && !l.has_booted) {
                    fail_msg("fault %d to %d at %u: %d", fault, to, at,
                             (int)err);
                }
                assert_runs(&b, V3, SELV_SLOT_A);
                bool was_hit = l.frame_count[to] > at;
                bench_close(&b);
                if (!was_hit) {
                    break;
                }
                cases++;
            }
        }
    }
    /* A session has some 20 frames each way. */
    assert_true(cases > 150);
}

static void test_recover_powerloss_each_byte(void **state)
{
    uint32_t at = 0;
    bool was_hit = true;
    (void)state;
    for (; was_hit; at += at > 64 ? 7 : 1) {
        struct bench b;
        struct line l;
        open_ruined(&b, &l, "512x4-ff");
        l.reset_at = at;
        insist(&l, &releases[V3]);
        assert_runs(&b, V3, SELV_SLOT_A);
        was_hit = l.byte_count > at;
        bench_close(&b);
    }
    assert_true(at > 1500);
}

/* The power goes before, inside and after each flash operation; and then once
 * more in the session that goes on. */
static void test_recover_powerloss_each_operation(void **state)
{
    static const char *const geometries[] = {"512x8-ff", "1024x16-00",
                                             "mixed4-ff"};
    static const uint32_t ways[] = {0, 1, 2, 3, 5, 8, 11};
    unsigned cuts = 0;
    (void)state;
    for (size_t g = 0; g < 3; g++) {
        for (uint32_t op = 0;; op++) {
            bool was_cut = false;
            for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
                struct bench b;
                struct line l;
                uint32_t skipped;
                open_ruined(&b, &l, geometries[g]);
                b.d.v.cut_op = op;
                b.d.v.cut_way = ways[w];
                b.d.v.seed = op * 8 + w;
                enum selv_err err = session(&l, &releases[V3], &skipped);
                was_cut = err != SELV_OK;
                if (was_cut && !l.has_booted) {
                    cuts++;
                    b.d.v.cut_op = op / 2;
                    b.d.v.cut_way = ways[(w + 3) % 7];
                }
                insist(&l, &releases[V3]);
                assert_runs(&b, V3, SELV_SLOT_A);
                assert_int_equal(b.record.floor, 2);
                bench_close(&b);
            }
            if (!was_cut) {
                break;
            }
        }
    }
    assert_true(cuts > 100);
}

/* What is in flash already is not sent again. */
static void test_recover_resumes(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    open_ruined(&b, &l, "512x8-ff");
    b.d.v.cut_op = 15; /* in the third sector */
    assert_int_not_equal(session(&l, &releases[V3], &skipped), SELV_OK);
    assert_int_equal(skipped, 0);
    assert_int_equal(session(&l, &releases[V3], &skipped), SELV_OK);
    assert_true(skipped >= 512);
    assert_runs(&b, V3, SELV_SLOT_A);
    bench_close(&b);
}

/* ---- journals that are lost ------------------------------------------------
 */

static void lose_journal(struct bench *b)
{
    for (int i = 0; i < 2; i++) {
        uint8_t noise[64];
        memset(noise, 0x5a, sizeof noise);
        for (uint32_t at = 0; at < b->d.geometry->sector_len; at += 64) {
            selv_vflash_poke(&b->d.v, b->d.layout.journal_off[i] + at, noise,
                             sizeof noise);
        }
    }
}

/* Both slots hold an authentic manifest: the higher number is the floor. */
static void test_recover_lost_journal(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    bench_open(&b, "512x8-ff");
    ruin(&b);
    lose_journal(&b);
    line_open(&l, &b);
    assert_false(l.has_booted);
    assert_int_equal(b.record.refused_reason, SELV_ERR_STORE_DAMAGED);
    assert_int_equal(session(&l, &releases[V1], &skipped),
                     SELV_ERR_SUIT_SEQUENCE);
    assert_int_equal(b.d.v.op_count, 0);
    assert_int_equal(session(&l, &releases[V3], &skipped), SELV_OK);
    assert_runs(&b, V3, SELV_SLOT_A);
    assert_int_equal(b.record.floor, 2);
    bench_close(&b);
}

/* Only the journal is lost: the release that runs is shown to the device, and
 * not a byte of it is sent. */
static void test_recover_lost_journal_alone(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    bench_open(&b, "512x8-ff");
    assert_true(bench_boot(&b, SELV_RESET_POWER_ON));
    bench_update(&b, V2, SELV_SLOT_B);
    lose_journal(&b);
    line_open(&l, &b);
    assert_false(l.has_booted);
    assert_int_equal(session(&l, &releases[V2], &skipped), SELV_OK);
    assert_int_equal(skipped, releases[V2].image_len);
    assert_runs(&b, V2, SELV_SLOT_B);
    assert_int_equal(b.record.floor, 2);
    assert_int_equal(b.record.accepted, 2);
    bench_close(&b);
}

/* What only one slot proves, while the other holds who knows what, is not
 * proven. */
static void test_recover_lost_journal_without_proof(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    bench_open(&b, "512x8-ff");
    ruin(&b);
    flip(&b, b.d.layout.slot[SELV_SLOT_B].envelope_off + 60);
    lose_journal(&b);
    line_open(&l, &b);
    assert_int_equal(session(&l, &releases[V3], &skipped),
                     SELV_ERR_RECOVER_FLOOR);
    assert_int_equal(b.d.v.op_count, 0);
    bench_close(&b);
    /* Nor do two empty slots prove anything. */
    bench_open(&b, "512x8-ff");
    ruin(&b);
    blank_slot(&b, SELV_SLOT_A);
    blank_slot(&b, SELV_SLOT_B);
    lose_journal(&b);
    line_open(&l, &b);
    assert_int_equal(session(&l, &releases[V3], &skipped),
                     SELV_ERR_RECOVER_FLOOR);
    /* A counter does. */
    selv_recover_init(&l.r, &b.boot, SELV_ERR_STORE_DAMAGED, 3,
                      (struct selv_buf){l.envelope, sizeof l.envelope, 0},
                      l.device_frame, sizeof l.device_frame);
    assert_int_equal(l.r.closed, SELV_OK);
    assert_int_equal(session(&l, &releases[V2], &skipped),
                     SELV_ERR_SUIT_SEQUENCE);
    bench_close(&b);
}

/* No one read that fails makes the current slot an empty one, whose number
 * would not count. */
static void test_recover_lost_journal_one_bad_read_fault(void **state)
{
    uint32_t reads = 1, proven = 0;
    (void)state;
    for (uint32_t i = 0; i < reads; i++) {
        for (int kind = 0; kind < SELV_VFLASH_READ_COUNT; kind++) {
            struct bench b;
            struct line l;
            uint32_t skipped;
            bench_open(&b, "512x8-ff");
            ruin(&b);
            lose_journal(&b);
            line_open(&l, &b);
            uint32_t before = b.d.v.read_count;
            b.d.v.bad_read = before + i;
            b.d.v.bad_read_kind = (enum selv_vflash_bad_read)kind;
            selv_recover_init(
                &l.r, &b.boot, SELV_ERR_STORE_DAMAGED, 0,
                (struct selv_buf){l.envelope, sizeof l.envelope, 0},
                l.device_frame, sizeof l.device_frame);
            reads = b.d.v.read_count - before;
            assert_true(l.r.closed != SELV_OK || l.r.minimum == 2);
            proven += l.r.closed == SELV_OK;
            assert_int_not_equal(session(&l, &releases[V1], &skipped), SELV_OK);
            assert_int_equal(b.d.v.op_count, 0);
            bench_close(&b);
        }
    }
    assert_true(reads > 10 && proven > 0);
}

/* Whatever is cut, the floor that comes out is not below the one that was. */
static void test_recover_lost_journal_powerloss(void **state)
{
    static const uint32_t ways[] = {0, 1, 2, 3, 5, 8, 10};
    unsigned cuts = 0;
    bool was_cut = true;
    (void)state;
    for (uint32_t op = 0; was_cut; op++) {
        was_cut = false;
        for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
            struct bench b;
            struct line l;
            uint32_t skipped;
            bench_open(&b, "512x8-ff");
            ruin(&b);
            lose_journal(&b);
            line_open(&l, &b);
            b.d.v.cut_op = op;
            b.d.v.cut_way = ways[w];
            b.d.v.seed = op * 8 + w;
            enum selv_err err = session(&l, &releases[V3], &skipped);
            if (err != SELV_OK) {
                was_cut = true;
                cuts++;
            }
            insist(&l, &releases[V3]);
            assert_int_equal(b.record.sequence, 3);
            assert_int_equal(b.record.floor, 2);
            bench_close(&b);
        }
    }
    assert_true(cuts > 50);
}

/* A journal of a format that we lack says nothing, and stays. */
static void test_recover_foreign_journal(void **state)
{
    struct bench b;
    struct line l;
    uint32_t skipped;
    (void)state;
    bench_open(&b, "512x8-ff");
    ruin(&b);
    bench_close(&b);
    bench_open(&b, "512x8-ff");
    for (int i = 0; i < 2; i++) {
        uint8_t record[160] = {9, 'J'};
        struct selv_sha256 hash;
        uint8_t digest[32];
        selv_put_be32(record + 4, 7);
        selv_sha256_init(&hash);
        selv_sha256_update(&hash, record, 152);
        selv_sha256_finish(&hash, digest);
        memcpy(record + 152, digest, 8);
        selv_vflash_poke(&b.d.v, b.d.layout.journal_off[i], record,
                         sizeof record);
    }
    line_open(&l, &b);
    assert_false(l.has_booted);
    enum selv_err err = session(&l, &releases[V3], &skipped);
    assert_true(err == SELV_ERR_STORE_VERSION ||
                b.record.refused_reason == SELV_ERR_STORE_DAMAGED);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recover_brings_it_back),
        cmocka_unit_test(test_recover_takes_the_same_release_again),
        cmocka_unit_test(test_recover_first_image),
        cmocka_unit_test(test_recover_in_the_middle_of_a_trial),
        cmocka_unit_test(test_recover_tells_what_there_is),
        cmocka_unit_test(test_recover_evil_manifests_change_nothing),
        cmocka_unit_test(test_recover_evil_envelopes),
        cmocka_unit_test(test_recover_evil_image),
        cmocka_unit_test(test_recover_evil_no_invoke_is_never_ready),
        cmocka_unit_test(test_recover_spares_what_would_boot),
        cmocka_unit_test(test_recover_evil_questions),
        cmocka_unit_test(test_recover_evil_order),
        cmocka_unit_test(test_recover_another_session_in_the_middle),
        cmocka_unit_test(test_recover_fault_each_frame),
        cmocka_unit_test(test_recover_powerloss_each_byte),
        cmocka_unit_test(test_recover_powerloss_each_operation),
        cmocka_unit_test(test_recover_resumes),
        cmocka_unit_test(test_recover_lost_journal),
        cmocka_unit_test(test_recover_lost_journal_alone),
        cmocka_unit_test(test_recover_lost_journal_without_proof),
        cmocka_unit_test(test_recover_lost_journal_one_bad_read_fault),
        cmocka_unit_test(test_recover_lost_journal_powerloss),
        cmocka_unit_test(test_recover_foreign_journal),
    };
    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, make_releases, NULL);
}
