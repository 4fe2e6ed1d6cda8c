/* SPDX-License-Identifier: Apache-2.0
 *
 * What the server reads out of an envelope, with anchors and without, and
 * that a damaged one is refused whatever byte is hit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those four first */
#include <cmocka.h>
#include <stdio.h>

#include "servers/update/inspect.h"
#include "suit_maker.h"

#define TEXT "<<{\"en\": {1: \"what\", [h'00']: {6: \"1.1.0\"}}}>>"

static struct maker_bytes made;

static struct selv_bytes envelope(const char *manifest)
{
    struct maker_spec spec = {.manifest = manifest};
    maker_envelope(&spec, &made);
    return selv_bytes(made.p, made.len);
}

static bool text_is(struct selv_bytes text, const char *want)
{
    return selv_bytes_equal(text, selv_bytes(want, strlen(want)));
}

/* One image, in the install section, with text. */
static const char single[] = "{1: 1, 2: 7, 3: " MAKER_COMMON(
    ", 20, {3: " MAKER_IMAGE_A ", 14: 1000}") ", 7: <<[3, 15]>>,"
                                              " 9: <<[23, 2]>>,"
                                              " 20: <<[20, {21: "
                                              "\"/i/a\"}, 21, 2, 3, "
                                              "15]>>, 23: " TEXT "}";

static void facts_check(const struct selv_inspect *x)
{
    assert_int_equal(x->sequence_number, 7);
    assert_int_equal(x->vendor_id[0], 0xfa);
    assert_int_equal(x->class_id[0], 0x14);
    assert_int_equal(x->image_count, 1);
    assert_true(text_is(x->images[0].uri, "/i/a"));
    assert_int_equal(x->images[0].digest[31], 0xaa);
    assert_true(x->images[0].has_size);
    assert_int_equal(x->images[0].size, 1000);
    assert_true(text_is(x->version, "1.1.0"));
    assert_true(text_is(x->description, "what"));
}

static void test_inspect_single(void **state)
{
    struct selv_inspect with;
    struct selv_inspect without;
    struct selv_bytes e = envelope(single);
    (void)state;
    assert_int_equal(selv_inspect(e, maker_anchor(), 1, &with), SELV_OK);
    assert_true(with.is_authentic);
    facts_check(&with);
    assert_int_equal(selv_inspect(e, NULL, 0, &without), SELV_OK);
    assert_false(without.is_authentic);
    facts_check(&without);
    assert_memory_equal(with.digest, without.digest, SELV_SHA256_LEN);
    /* Views must lead into the author's envelope, not into a copy. */
    assert_ptr_equal(with.images[0].uri.p, without.images[0].uri.p);
    assert_ptr_equal(with.images[0].digest, without.images[0].digest);
}

static void test_inspect_two_slots(void **state)
{
    struct selv_inspect x;
    (void)state;
    for (size_t keys = 0; keys < 2; keys++) {
        assert_int_equal(
            selv_inspect(envelope(maker_ab), maker_anchor(), keys, &x),
            SELV_OK);
        assert_int_equal(x.image_count, 2);
        assert_true(text_is(x.images[0].uri, "/i/a"));
        assert_int_equal(x.images[0].digest[0], 0xaa);
        assert_int_equal(x.images[0].size, 1000);
        assert_true(text_is(x.images[1].uri, "/i/b"));
        assert_int_equal(x.images[1].digest[0], 0xbb);
        assert_int_equal(x.images[1].size, 2000);
        assert_int_equal(x.version.len, 0);
    }
}

/* Severed elements are read from the envelope. */
static void test_inspect_severed(void **state)
{
    struct selv_inspect x;
    struct maker_spec spec = {
        .manifest = "{1: 1, 2: 8, 3: " MAKER_COMMON(
            ", 20, {3: " MAKER_IMAGE_A "}") ", 7: <<[3, 15]>>,"
                                            " 20: digest(<<[20, {21: "
                                            "\"/i/a\"}, 21, 2]>>),"
                                            " 23: digest(" TEXT ")}",
        .pairs = "{20: <<[20, {21: \"/i/a\"}, 21, 2]>>, 23: " TEXT "}"};
    (void)state;
    maker_envelope(&spec, &made);
    struct selv_bytes e = selv_bytes(made.p, made.len);
    for (size_t keys = 0; keys < 2; keys++) {
        assert_int_equal(selv_inspect(e, maker_anchor(), keys, &x), SELV_OK);
        assert_int_equal(x.image_count, 1);
        assert_false(x.images[0].has_size);
        assert_true(text_is(x.version, "1.1.0"));
    }
}

static void test_inspect_refuses(void **state)
{
    static const struct {
        const char *manifest;
        enum selv_err err;
        const char *why; /* a piece of it */
    } cases[] = {
        {"{1: 1, 2: 7, 3: <<{2: [[h'00']]}>>}", SELV_ERR_SUIT_VENDOR,
         "no vendor-identifier"},
        {"{1: 1, 2: 7, 3: <<{2: [[h'00']], 4: <<[20, {1: " MAKER_VENDOR
         "}, 1, 15]>>}>>}",
         SELV_ERR_SUIT_CLASS, "no class-identifier"},
        /* two vendors */
        {"{1: 1, 2: 7, 3: " MAKER_COMMON(", 20, {1: repeat(16, 1)}") "}",
         SELV_ERR_SUIT_ARGUMENT, "several vendors"},
        /* a fetch without a digest */
        {"{1: 1, 2: 7, 3: " MAKER_COMMON("") ", 20: <<[20, {21: \"/i/a\"},"
                                             " 21, 2]>>}",
         SELV_ERR_SUIT_UNSET, "without image-digest"},
        {"{1: 1, 2: 7, 3: " MAKER_COMMON("") ", 20: <<[99, 2]>>}",
         SELV_ERR_SUIT_COMMAND, "install: "},
        /* in a section that only the boot profile and both look at */
        {"{1: 1, 2: 7, 3: " MAKER_COMMON("") ", 9: <<[99, 2]>>}",
         SELV_ERR_SUIT_COMMAND, "invoke: "},
        {"{1: 2, 2: 7, 3: " MAKER_COMMON("") "}", SELV_ERR_SUIT_VERSION,
         "SELV_ERR_SUIT_VERSION"},
        /* fetch, then image-match of something else: no slot gets through */
        {"{1: 1, 2: 7, 3: " MAKER_COMMON(", 20, {5: 1}, 5, 15, 20, {5: 2},"
                                         " 5, 15") "}",
         SELV_ERR_SUIT_SLOT, "SELV_ERR_SUIT_SLOT"},
    };
    struct selv_inspect x;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t keys = 0; keys < 2; keys++) {
            enum selv_err err = selv_inspect(envelope(cases[i].manifest),
                                             maker_anchor(), keys, &x);
            if (err != cases[i].err || strstr(x.why, cases[i].why) == NULL) {
                fail_msg("case %zu, %zu keys: %s, '%s'", i, keys,
                         selv_err_name(err), x.why);
            }
        }
    }
}

/* The place told is a place in the author's envelope, with and without our
 * own signature in it. */
static void test_inspect_place(void **state)
{
    struct selv_inspect with;
    struct selv_inspect without;
    struct selv_bytes e =
        envelope("{1: 1, 2: 7, 3: " MAKER_COMMON("") ", 9: <<[99, 2]>>}");
    (void)state;
    assert_int_not_equal(selv_inspect(e, maker_anchor(), 1, &with), SELV_OK);
    assert_int_not_equal(selv_inspect(e, NULL, 0, &without), SELV_OK);
    assert_string_equal(with.why, without.why);
}

static void test_inspect_unsigned(void **state)
{
    struct selv_inspect x;
    struct maker_spec spec = {.manifest = single, .is_unsigned = true};
    (void)state;
    maker_envelope(&spec, &made);
    for (size_t keys = 0; keys < 2; keys++) {
        assert_int_equal(selv_inspect(selv_bytes(made.p, made.len),
                                      maker_anchor(), keys, &x),
                         SELV_ERR_SUIT_NOT_SIGNED);
    }
    struct selv_cose_key stranger = *maker_anchor();
    memset(&stranger, 0, sizeof stranger);
    assert_int_equal(selv_inspect(envelope(single), &stranger, 1, &x),
                     SELV_ERR_COSE_NO_KEY);
}

/* With an anchor no truncation and no flipped bit passes; without one none
 * passes that changes what the manifest says. */
static void test_inspect_evil(void **state)
{
    struct selv_inspect x;
    struct selv_inspect good;
    uint8_t copy[MAKER_CAP];
    struct selv_bytes e = envelope(single);
    (void)state;
    assert_int_equal(selv_inspect(e, maker_anchor(), 1, &good), SELV_OK);
    for (size_t len = 0; len < e.len; len++) {
        assert_int_not_equal(
            selv_inspect(selv_bytes(e.p, len), maker_anchor(), 1, &x), SELV_OK);
        assert_int_not_equal(selv_inspect(selv_bytes(e.p, len), NULL, 0, &x),
                             SELV_OK);
    }
    size_t passed = 0;
    for (size_t bit = 0; bit < 8 * e.len; bit++) {
        memcpy(copy, e.p, e.len);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (selv_inspect(selv_bytes(copy, e.len), maker_anchor(), 1, &x) ==
            SELV_OK) {
            passed++;
            assert_memory_equal(x.digest, good.digest, SELV_SHA256_LEN);
        }
        if (bit % 16 == 0 &&
            selv_inspect(selv_bytes(copy, e.len), NULL, 0, &x) == SELV_OK) {
            assert_memory_equal(x.digest, good.digest, SELV_SHA256_LEN);
        }
    }
    /* Only what nothing authenticates may change: the kid, a hint. */
    assert_true(passed <= 8 * 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inspect_single),
        cmocka_unit_test(test_inspect_two_slots),
        cmocka_unit_test(test_inspect_severed),
        cmocka_unit_test(test_inspect_refuses),
        cmocka_unit_test(test_inspect_place),
        cmocka_unit_test(test_inspect_unsigned),
        cmocka_unit_test(test_inspect_evil),
    };
    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
