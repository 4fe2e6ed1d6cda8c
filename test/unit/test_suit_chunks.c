/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunk lists: names in manifests, headers, where chunks are, lists made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "suit/chunks.h"
#include "test/unit/suit_maker.h"

#define LEN(a) (sizeof(a) / sizeof(a)[0])

static struct selv_suit suit;
static struct maker_bytes envelope;

/* ---- names -------------------------------------------------------------- */

#define DIGEST "<<[-16, repeat(32, 5)]>>"

static enum selv_err name_read(const char *text,
                               struct selv_suit_chunks_name *name)
{
    static struct maker_bytes value;
    value.len = 0;
    maker_encode(text, &value);
    return selv_suit_chunks_name_read(selv_bytes(value.p, value.len), name);
}

static void test_suit_chunks_names_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t len;
    } cases[] = {
        {"[" DIGEST ", 40]", 40},               /* one chunk */
        {"[" DIGEST ", 72]", 72},               /* two */
        {"[" DIGEST ", 808]", 808},             /* 25 */
        {"[" DIGEST ", 65544]", 65544},         /* 2048 */
        {"[" DIGEST ", 268435464]", 268435464}, /* 4 GiB by 512 */
    };
    uint8_t five[SELV_SHA256_LEN];
    memset(five, 5, sizeof five);
    for (size_t i = 0; i < LEN(cases); i++) {
        struct selv_suit_chunks_name name = {NULL, 0};
        assert_int_equal(name_read(cases[i].text, &name), SELV_OK);
        assert_int_equal(name.len, cases[i].len);
        assert_memory_equal(name.digest, five, sizeof five);

        static struct maker_bytes value;
        uint8_t again[SELV_SUIT_CHUNKS_NAME_MAX];
        struct selv_cbor_writer w;
        struct selv_bytes done;
        value.len = 0;
        maker_encode(cases[i].text, &value);
        selv_cbor_writer_init(&w, again, sizeof again);
        selv_suit_chunks_name_put(&w, &name);
        assert_int_equal(selv_cbor_finish(&w, &done), SELV_OK);
        assert_int_equal(done.len, value.len);
        assert_memory_equal(done.p, value.p, value.len);
    }
}

static void test_suit_chunks_names_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "null",
        "h''",
        "[]",
        "{}",
        "\"x\"",
        DIGEST,
        "[" DIGEST "]",
        "[" DIGEST ", 72, 0]",
        "[" DIGEST ", 0]",
        "[" DIGEST ", 8]", /* no chunk */
        "[" DIGEST ", 39]",
        "[" DIGEST ", 41]",
        "[" DIGEST ", 64]",        /* digests alone */
        "[" DIGEST ", 268435496]", /* more chunks than 32 bits of image have */
        "[" DIGEST ", 4294967272]",
        "[" DIGEST ", 4294967304]", /* 40 and 2^32 */
        "[" DIGEST ", -1]",
        "[" DIGEST ", \"72\"]",
        "[" DIGEST ", raw'18 08']",
        "[" DIGEST ", raw'19 0048']", /* 72 in a longer form */
        "[72, " DIGEST "]",
        "[[-16, repeat(32, 5)], 72]", /* the digest not in a byte string */
        "[repeat(32, 5), 72]",
        "[<<[-16, repeat(31, 5)]>>, 72]",
        "[<<[-16, repeat(33, 5)]>>, 72]",
        "[<<[-44, repeat(64, 5)]>>, 72]", /* SHA-512 */
        "[<<[-43, repeat(32, 5)]>>, 72]",
        "[<<[-16, repeat(32, 5), 0]>>, 72]",
        "[<<[2, repeat(32, 5)]>>, 72]",
        "raw'9f 01 ff'",
    };
    unsigned wrong = 0;
    for (size_t i = 0; i < LEN(texts); i++) {
        struct selv_suit_chunks_name name = {(const uint8_t *)texts, 77};
        enum selv_err err = name_read(texts[i], &name);
        if (err != SELV_ERR_SUIT_ARGUMENT || name.len != 77 ||
            name.digest != (const uint8_t *)texts) {
            print_error("%s: %s\n", texts[i], selv_err_name(err));
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* Of each length but the right one, and with each bit but the digest's and the
 * length's turned, it is none. */
static void test_suit_chunks_names_cut_and_flipped(void **state)
{
    (void)state;
    static struct maker_bytes value;
    struct selv_suit_chunks_name name;
    value.len = 0;
    maker_encode("[" DIGEST ", 808]", &value);
    assert_int_equal(value.len, 42);
    for (size_t len = 0; len <= value.len + 1; len++) {
        uint8_t *copy = malloc(len + 1); /* for the sanitizer */
        assert_non_null(copy);
        memcpy(copy, value.p, len < value.len ? len : value.len);
        copy[len] = 0;
        enum selv_err err =
            selv_suit_chunks_name_read(selv_bytes(copy, len), &name);
        assert_int_equal(err,
                         len == value.len ? SELV_OK : SELV_ERR_SUIT_ARGUMENT);
        free(copy);
    }
    for (size_t bit = 0; bit < 7 * 8; bit++) {
        value.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(
            selv_suit_chunks_name_read(selv_bytes(value.p, value.len), &name),
            SELV_ERR_SUIT_ARGUMENT);
        value.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* ---- in a manifest ------------------------------------------------------ */

#define HEAD "{1: 1, 2: 5, 3: "
#define CHUNKS(of) "-21316: [<<[-16, repeat(32, " of ")]>>, 72]"
#define FETCH(of)                                                              \
    "20, {3: " MAKER_IMAGE_A ", 14: 5000, 21: \"/i/a\", " CHUNKS(of) "}, 21, " \
                                                                     "2"
#define RUN_IT ", 7: <<[20, {3: " MAKER_IMAGE_A "}, 3, 15]>>, 9: <<[23, 2]>>"

static enum selv_err load(const struct selv_suit_profile *profile,
                          const char *manifest, bool is_known,
                          const struct selv_suit_capability *boot)
{
    struct selv_suit_device *device = maker_device(0);
    device->private = is_known ? &selv_suit_chunks_known : NULL;
    device->boot = boot;
    maker_envelope(&(struct maker_spec){.manifest = manifest}, &envelope);
    return maker_load(&suit, profile, device,
                      selv_bytes(envelope.p, envelope.len));
}

static void assert_named(uint8_t byte)
{
    struct selv_suit_chunks_name name;
    uint8_t digest[SELV_SHA256_LEN];
    memset(digest, byte, sizeof digest);
    assert_true(selv_suit_chunks_name_of(&suit, 0, &name));
    assert_memory_equal(name.digest, digest, sizeof digest);
    assert_int_equal(name.len, 72);
}

/* Whoever fetches finds the name that is set then; the commands do not care. */
static void test_suit_chunks_name_at_a_fetch(void **state)
{
    (void)state;
    struct selv_suit_todo todo;
    struct selv_suit_chunks_name name;
    assert_int_equal(load(&selv_suit_profile_consumer,
                          HEAD MAKER_COMMON("") RUN_IT ", 16: <<[" FETCH(
                              "5") "]>>"
                                   ", 20: <<[20, {21: \"/i/b\"}, 21, 2, "
                                   "20, {" CHUNKS("6") "}, 21, 2]>>}",
                          true, NULL),
                     SELV_OK);
    assert_false(selv_suit_chunks_name_of(&suit, 0, &name));
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE), SELV_OK);
    assert_false(selv_suit_chunks_name_of(&suit, 0, &name));
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FETCH);
    assert_int_equal(todo.component, 0);
    assert_named(5);
    assert_false(selv_suit_chunks_name_of(&suit, 1, &name));
    selv_suit_answer(&suit, SELV_OK);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FETCH);
    assert_named(5); /* set is set, as with every parameter */
    selv_suit_answer(&suit, SELV_OK);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FETCH);
    assert_named(6);
}

static const char fetches[] =
    HEAD MAKER_COMMON("") RUN_IT ", 16: <<[" FETCH("5") "]>>}";
static const char installs[] =
    HEAD MAKER_COMMON("") RUN_IT ", 20: <<[" FETCH("5") "]>>}";
static const char validates[] =
    HEAD MAKER_COMMON("") ", 7: <<[20, {3: " MAKER_IMAGE_A
                          ", " CHUNKS("5") "}, 3, 15]>>, 9: <<[23, 2]>>}";
static const char shares[] =
    HEAD MAKER_COMMON(", 20, {" CHUNKS("5") "}") RUN_IT "}";
static const char lies[] = HEAD MAKER_COMMON("") RUN_IT
    ", 16: <<[20, {21: \"/i/a\", -21316: [<<[-16, repeat(32, 5)]>>, 73]}, 21, "
    "2]>>}";

/* Who takes it, where. A bootloader knows nothing of it and does not have to:
 * it does not look at what it does not run. */
static void test_suit_chunks_who_takes_the_parameter(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const struct selv_suit_profile *profile;
        const char *manifest;
        bool is_known;
        const struct selv_suit_capability *boot;
        enum selv_err err;
        int section;
    } rows[] = {
        {"at payload-fetch", &selv_suit_profile_consumer, fetches, true, NULL,
         SELV_OK, 0},
        {"at install", &selv_suit_profile_consumer, installs, true, NULL,
         SELV_OK, 0},
        {"not known", &selv_suit_profile_consumer, fetches, false, NULL,
         SELV_ERR_SUIT_PARAMETER, 16},
        {"in shared", &selv_suit_profile_consumer, shares, true, NULL,
         SELV_ERR_SUIT_PRIVATE, 3},
        {"no name", &selv_suit_profile_consumer, lies, true, NULL,
         SELV_ERR_SUIT_ARGUMENT, 16},
        {"at payload-fetch, for boot-select", &selv_suit_profile_consumer,
         fetches, true, &selv_suit_capability_boot_select, SELV_OK, 0},
        {"at install, for boot-select", &selv_suit_profile_consumer, installs,
         true, &selv_suit_capability_boot_select, SELV_OK, 0},
        {"at payload-fetch, for boot-install", &selv_suit_profile_consumer,
         fetches, true, &selv_suit_capability_boot_install, SELV_OK, 0},
        {"at validate, for boot-select", &selv_suit_profile_consumer, validates,
         true, &selv_suit_capability_boot_select, SELV_ERR_SUIT_BOOTLOADER, 7},
        {"boot-select, at payload-fetch", &selv_suit_profile_boot_select,
         fetches, false, NULL, SELV_OK, 0},
        {"boot-select, at install", &selv_suit_profile_boot_select, installs,
         false, NULL, SELV_OK, 0},
        {"boot-select, no name", &selv_suit_profile_boot_select, lies, false,
         NULL, SELV_OK, 0},
        {"boot-load, at install", &selv_suit_profile_boot_load, installs, false,
         NULL, SELV_OK, 0},
        {"boot-install, at payload-fetch", &selv_suit_profile_boot_install,
         fetches, false, NULL, SELV_OK, 0},
        {"boot-install, at validate", &selv_suit_profile_boot_install,
         validates, false, NULL, SELV_ERR_SUIT_PARAMETER, 7},
    };
    unsigned wrong = 0;
    for (size_t i = 0; i < LEN(rows); i++) {
        enum selv_err err = load(rows[i].profile, rows[i].manifest,
                                 rows[i].is_known, rows[i].boot);
        const struct selv_suit_failure *f = selv_suit_failure(&suit);
        if (err != rows[i].err ||
            (err != SELV_OK && (f->section != rows[i].section ||
                                f->code != SELV_SUIT_PARAMETER_CHUNK_LIST))) {
            print_error("%s: %s %d %ld\n", rows[i].what, selv_err_name(err),
                        f->section, (long)f->code);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- headers ------------------------------------------------------------ */

static void test_suit_chunks_header_round_trip(void **state)
{
    (void)state;
    static const uint32_t lens[] = {1,
                                    2,
                                    511,
                                    512,
                                    513,
                                    4095,
                                    4096,
                                    4097,
                                    65535,
                                    65536,
                                    65537,
                                    99999,
                                    131072,
                                    16777216,
                                    16777217,
                                    1u << 31,
                                    UINT32_MAX - 1,
                                    UINT32_MAX};
    for (size_t i = 0; i < LEN(lens); i++) {
        for (uint32_t shift = 9; shift <= 16; shift++) {
            struct selv_suit_chunks c;
            struct selv_suit_chunks again;
            uint8_t header[SELV_SUIT_CHUNKS_HEADER_LEN];
            assert_int_equal(selv_suit_chunks_init(&c, lens[i], shift),
                             SELV_OK);
            selv_suit_chunks_write(&c, header);
            assert_int_equal(selv_suit_chunks_read(
                                 header, selv_suit_chunks_len(&c), 0, &again),
                             SELV_OK);
            assert_int_equal(again.image_len, lens[i]);
            assert_int_equal(again.count, c.count);
            assert_int_equal(again.shift, shift);
            assert_int_equal(selv_suit_chunks_read(header,
                                                   selv_suit_chunks_len(&c),
                                                   lens[i], &again),
                             SELV_OK);
            /* Every list is one that a manifest can name. */
            uint8_t digest[SELV_SHA256_LEN] = {0};
            struct selv_suit_chunks_name name = {digest,
                                                 selv_suit_chunks_len(&c)};
            uint8_t value[SELV_SUIT_CHUNKS_NAME_MAX];
            struct selv_cbor_writer w;
            struct selv_bytes done;
            selv_cbor_writer_init(&w, value, sizeof value);
            selv_suit_chunks_name_put(&w, &name);
            assert_int_equal(selv_cbor_finish(&w, &done), SELV_OK);
            assert_int_equal(selv_suit_chunks_name_read(done, &name), SELV_OK);
        }
    }
}

/* 01 0c 0000 00001388: version 1, 4096 bytes, an image of 5000; two digests. */
static const uint8_t sample[SELV_SUIT_CHUNKS_HEADER_LEN] = {1, 12, 0,    0,
                                                            0, 0,  0x13, 0x88};

static void test_suit_chunks_header_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint8_t at, byte;
        uint32_t list_len, image_len;
    } rows[] = {
        {"version 0", 0, 0, 72, 5000},
        {"version 2", 0, 2, 72, 5000},
        {"version 255", 0, 255, 72, 5000},
        {"chunks of 256", 1, 8, 72, 5000},
        {"chunks of 131072", 1, 17, 72, 5000},
        {"a shift of 44", 1, 44, 72, 5000},
        {"a shift of 255", 1, 255, 72, 5000},
        {"a reserved byte", 2, 1, 72, 5000},
        {"the other one", 3, 1, 72, 5000},
        {"shorter", 0, 1, 71, 5000},
        {"longer", 0, 1, 73, 5000},
        {"a digest too few", 0, 1, 40, 5000},
        {"a digest too many", 0, 1, 104, 5000},
        {"the header alone", 0, 1, 8, 5000},
        {"nothing", 0, 1, 0, 5000},
        {"another image, of as many chunks", 0, 1, 72, 5001},
        {"the same, shorter", 0, 1, 72, 4999},
        {"an image of more chunks", 4, 1, 72, 0},
    };
    struct selv_suit_chunks c;
    unsigned wrong = 0;
    assert_int_equal(selv_suit_chunks_read(sample, 72, 5000, &c), SELV_OK);
    assert_int_equal(c.count, 2);
    for (size_t i = 0; i < LEN(rows); i++) {
        uint8_t header[SELV_SUIT_CHUNKS_HEADER_LEN];
        memcpy(header, sample, sizeof header);
        header[rows[i].at] = rows[i].byte;
        c.count = 77;
        enum selv_err err = selv_suit_chunks_read(header, rows[i].list_len,
                                                  rows[i].image_len, &c);
        if (err != SELV_ERR_SUIT_CHUNKS || c.count != 77) {
            print_error("%s: %s\n", rows[i].what, selv_err_name(err));
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    static const uint8_t none[SELV_SUIT_CHUNKS_HEADER_LEN] = {1, 12};
    assert_int_equal(selv_suit_chunks_read(none, 8, 0, &c),
                     SELV_ERR_SUIT_CHUNKS);
    assert_int_equal(selv_suit_chunks_read(none, 40, 0, &c),
                     SELV_ERR_SUIT_CHUNKS);
    assert_int_equal(selv_suit_chunks_init(&c, 0, 12), SELV_ERR_ARG);
    assert_int_equal(selv_suit_chunks_init(&c, 1, 8), SELV_ERR_ARG);
    assert_int_equal(selv_suit_chunks_init(&c, 1, 17), SELV_ERR_ARG);
    assert_int_equal(c.count, 77);
}

/* The chunks lie end to end, and each byte is in the one that has it. */
static void test_suit_chunks_cover_the_image(void **state)
{
    (void)state;
    static const uint32_t lens[] = {1,    511,   512,   513,   1023,  1024,
                                    5000, 65535, 65536, 65537, 200001};
    for (size_t i = 0; i < LEN(lens); i++) {
        for (uint32_t shift = 9; shift <= 16; shift++) {
            struct selv_suit_chunks c;
            uint32_t off = 0;
            assert_int_equal(selv_suit_chunks_init(&c, lens[i], shift),
                             SELV_OK);
            for (uint32_t k = 0; k < c.count; k++) {
                uint32_t len = selv_suit_chunk_len(&c, k);
                assert_int_equal(selv_suit_chunk_off(&c, k), off);
                assert_true(len > 0 && len <= 1u << shift);
                assert_true(len == 1u << shift || k + 1 == c.count);
                assert_int_equal(selv_suit_chunk_at(&c, off), k);
                assert_int_equal(selv_suit_chunk_at(&c, off + len - 1), k);
                assert_int_equal(selv_suit_chunk_digest_off(k), 8 + 32 * k);
                off += len;
            }
            assert_int_equal(off, lens[i]);
            assert_int_equal(selv_suit_chunk_digest_off(c.count),
                             selv_suit_chunks_len(&c));
        }
    }
    /* The last one of the longest image there is. */
    struct selv_suit_chunks c;
    assert_int_equal(selv_suit_chunks_init(&c, UINT32_MAX, 9), SELV_OK);
    assert_int_equal(c.count, 1u << 23);
    assert_int_equal(selv_suit_chunk_len(&c, c.count - 1), 511);
    assert_int_equal(selv_suit_chunk_at(&c, UINT32_MAX - 1), c.count - 1);
}

/* ---- made --------------------------------------------------------------- */

static void test_suit_chunks_made(void **state)
{
    (void)state;
    static uint8_t image[5000];
    static uint8_t bytes[1024];
    uint8_t digest[SELV_SHA256_LEN];
    struct selv_suit_chunks c;
    struct selv_sha256 h;
    for (size_t i = 0; i < sizeof image; i++) {
        image[i] = (uint8_t)(i * i >> 3);
    }
    struct selv_buf list = {bytes, sizeof bytes, 0};
    assert_int_equal(
        selv_suit_chunks_make(selv_bytes(image, sizeof image), 12, &list),
        SELV_OK);
    assert_int_equal(list.len, 72);
    assert_memory_equal(list.p, sample, sizeof sample);
    assert_int_equal(selv_suit_chunks_read(list.p, 72, sizeof image, &c),
                     SELV_OK);
    static const size_t cut[] = {0, 4096, 5000};
    for (uint32_t k = 0; k < 2; k++) {
        selv_sha256_init(&h);
        selv_sha256_update(&h, image + cut[k], cut[k + 1] - cut[k]);
        selv_sha256_finish(&h, digest);
        assert_memory_equal(list.p + selv_suit_chunk_digest_off(k), digest,
                            sizeof digest);
    }
    struct selv_bytes whole = selv_bytes(image, sizeof image);
    list = (struct selv_buf){bytes, 72, 0};
    assert_int_equal(selv_suit_chunks_make(whole, 12, &list), SELV_OK);
    list = (struct selv_buf){bytes, 71, 0};
    assert_int_equal(selv_suit_chunks_make(whole, 12, &list), SELV_ERR_SPACE);
    assert_int_equal(selv_suit_chunks_make(whole, 8, &list), SELV_ERR_ARG);
    assert_int_equal(selv_suit_chunks_make(whole, 17, &list), SELV_ERR_ARG);
    assert_int_equal(selv_suit_chunks_make(selv_bytes(image, 0), 12, &list),
                     SELV_ERR_ARG);
    assert_int_equal(list.len, 0);
}

/* A list fits a sector as long as 65536 bytes a chunk allow it. */
static void test_suit_chunks_length_of_chunks(void **state)
{
    (void)state;
    static const struct {
        uint32_t image_len, shift;
    } cases[] = {
        {0, 12},
        {1, 12},
        {102400, 12},
        {127u << 12, 12}, /* 4072 bytes of list */
        {(127u << 12) + 1, 13},
        {1u << 20, 14},
        {127u << 15, 15},
        {127u << 16, 16},
        {(127u << 16) + 1, 16},
        {16u << 20, 16},
        {UINT32_MAX, 16},
    };
    for (size_t i = 0; i < LEN(cases); i++) {
        assert_int_equal(selv_suit_chunks_shift_for(cases[i].image_len),
                         cases[i].shift);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suit_chunks_names_are_read),
        cmocka_unit_test(test_suit_chunks_names_are_refused),
        cmocka_unit_test(test_suit_chunks_names_cut_and_flipped),
        cmocka_unit_test(test_suit_chunks_name_at_a_fetch),
        cmocka_unit_test(test_suit_chunks_who_takes_the_parameter),
        cmocka_unit_test(test_suit_chunks_header_round_trip),
        cmocka_unit_test(test_suit_chunks_header_is_refused),
        cmocka_unit_test(test_suit_chunks_cover_the_image),
        cmocka_unit_test(test_suit_chunks_made),
        cmocka_unit_test(test_suit_chunks_length_of_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
