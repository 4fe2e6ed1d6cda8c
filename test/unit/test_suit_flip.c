/* SPDX-License-Identifier: Apache-2.0
 *
 * Every truncation and every single bit flip of an envelope: refused, or,
 * where nothing authenticates the byte, accepted with the very same effect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test/unit/suit_maker.h"

static struct maker_bytes envelope;
static struct selv_suit suit;

/* A/B with severed install and text, a reference, and payloads. */
static const char severed[] = "{1: 1, 2: 7, 3: " MAKER_COMMON(
    ", 15, [<<[20, {5: 0}, 5, 5, 20, {3: " MAKER_IMAGE_A ", 14: 4}]>>,"
    "       <<[20, {5: 1}, 5, 5, 20, {3: " MAKER_IMAGE_B
    ", 14: 5}]>>]") ", 4: \"coap://h/m\", 7: <<[3, 15]>>, 9: <<[23, 2]>>,"
                    " 20: digest(<<[20, {21: \"#a\"}, 21, 2, 20, {21: \"#b\"}, "
                    "21, 2,"
                    " 3, 15]>>), 23: digest(<<{\"en\": {1: \"text\"}}>>)}";
static const char severed_pairs[] =
    "{20: <<[20, {21: \"#a\"}, 21, 2, 20, {21: \"#b\"}, 21, 2, 3, 15]>>,"
    " 23: <<{\"en\": {1: \"text\"}}>>, \"#a\": h'01020304', \"#b\": h'0506'}";

/* All that a manifest can do to a device, as text. */
static const char *effect(char *out, size_t cap)
{
    struct maker_world update = {.image = {0xbb}};
    struct maker_world boot = {.image = {0xbb}};
    int len = snprintf(out, cap, "%llu %02x%02x %zu | ",
                       (unsigned long long)selv_suit_sequence_number(&suit),
                       selv_suit_digest(&suit)[0], selv_suit_digest(&suit)[31],
                       selv_suit_anchor(&suit));
    len += snprintf(out + len, cap - (size_t)len, "%s | ",
                    maker_trace(&suit, SELV_SUIT_UPDATE, &update));
    (void)snprintf(out + len, cap - (size_t)len, "%s",
                   maker_trace(&suit, SELV_SUIT_INVOCATION, &boot));
    return out;
}

static enum selv_err load(struct selv_bytes view)
{
    return maker_load(&suit, &selv_suit_profile_consumer, maker_device(1),
                      view);
}

struct tally {
    unsigned refused, same, payload;
};

/* Which bytes may change unnoticed: the rest of the envelope must not. */
static struct tally flip_all(size_t payloads_off)
{
    static char good[2048];
    static char now[2048];
    struct tally t = {0, 0, 0};
    assert_int_equal(load(selv_bytes(envelope.p, envelope.len)), SELV_OK);
    effect(good, sizeof good);
    for (size_t bit = 0; bit < envelope.len * 8; bit++) {
        uint8_t mask = (uint8_t)(1u << bit % 8);
        envelope.p[bit / 8] ^= mask;
        if (load(selv_bytes(envelope.p, envelope.len)) != SELV_OK) {
            t.refused++;
        } else if (strcmp(effect(now, sizeof now), good) == 0) {
            t.same++;
        } else if (bit / 8 >= payloads_off) {
            /* A payload's bytes and name are image-match's to judge, which
             * is asked before anything can be invoked. */
            t.payload++;
            assert_null(strstr(now, "must-not"));
        } else {
            print_error("byte %zu bit %zu\n was %s\n now %s\n", bit / 8,
                        bit % 8, good, now);
            fail();
        }
        envelope.p[bit / 8] ^= mask;
    }
    return t;
}

static void test_suit_flip_in_place(void **state)
{
    (void)state;
    maker_envelope(&(struct maker_spec){.manifest = maker_ab}, &envelope);
    struct tally t = flip_all(envelope.len);
    print_message("%zu bytes: %u refused, %u the same\n", envelope.len,
                  t.refused, t.same);
    assert_int_equal(t.payload, 0);
    /* Only the label of the unprotected kid may change: a block without a kid
     * agrees with every key. */
    assert_in_range(t.same, 0, 16);
}

static void test_suit_flip_severed(void **state)
{
    (void)state;
    maker_envelope(
        &(struct maker_spec){.manifest = severed, .pairs = severed_pairs},
        &envelope);
    size_t payloads = strlen("x#ax1234x#bx56");
    struct tally t = flip_all(envelope.len - payloads);
    print_message("%zu bytes: %u refused, %u the same, %u other payloads\n",
                  envelope.len, t.refused, t.same, t.payload);
    assert_in_range(t.same, 0, 16);
}

static void test_suit_flip_two_blocks(void **state)
{
    (void)state;
    maker_envelope(&(struct maker_spec){.manifest = maker_ab, .extra_good = 1},
                   &envelope);
    struct tally t = flip_all(envelope.len);
    print_message("%zu bytes: %u refused, %u the same\n", envelope.len,
                  t.refused, t.same);
    assert_int_equal(t.payload, 0);
}

/* Cut anywhere, and the engine says so: refused when the length is known,
 * asks for more when it is not. Each cut lies against a page that faults. */
static void test_suit_truncations(void **state)
{
    (void)state;
    maker_envelope(
        &(struct maker_spec){.manifest = severed, .pairs = severed_pairs},
        &envelope);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
    /* The heads of both payloads, and the first one's bytes. */
    size_t payloads_off = envelope.len - strlen("x#ax1234x#bx56");
    for (size_t len = 0; len < envelope.len; len++) {
        uint8_t *p = map + page - len;
        memcpy(p, envelope.p, len);
        assert_int_not_equal(load(selv_bytes(p, len)), SELV_OK);

        for (size_t total = 0; total <= envelope.len; total += envelope.len) {
            selv_suit_init(&suit, &selv_suit_profile_consumer, maker_device(1));
            enum selv_err err =
                selv_suit_feed_part(&suit, selv_bytes(p, len), total);
            assert_int_equal(err, len <= payloads_off ? SELV_ERR_SUIT_MORE
                                                      : SELV_OK);
            if (err == SELV_ERR_SUIT_MORE) {
                assert_false(selv_is_good(selv_suit_check(&suit)));
                /* The same view, grown. */
                err = selv_suit_feed_part(
                    &suit, selv_bytes(envelope.p, envelope.len), total);
                assert_int_equal(err, SELV_OK);
            }
            assert_true(selv_is_good(selv_suit_check(&suit)));
        }
    }
    assert_int_equal(munmap(map, 2 * page), 0);
}

/* A payload that lies beyond the view is found by its head alone; one whose
 * head lies beyond is refused by name. */
static void test_suit_payload_beyond_the_view(void **state)
{
    (void)state;
    struct maker_world world = {.image = {0}};
    struct selv_suit_todo todo;
    maker_envelope(
        &(struct maker_spec){.manifest = severed, .pairs = severed_pairs},
        &envelope);
    size_t whole = envelope.len;
    selv_suit_init(&suit, &selv_suit_profile_consumer, maker_device(1));
    assert_int_equal(
        selv_suit_feed_part(&suit, selv_bytes(envelope.p, whole - 2), whole),
        SELV_OK);
    assert_true(selv_is_good(selv_suit_check(&suit)));
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE), SELV_OK);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FETCH);
    assert_int_equal(todo.integrated_len, 4);
    selv_suit_answer(&suit, SELV_OK);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FETCH);
    assert_true(todo.is_integrated);
    assert_int_equal(todo.integrated_off, whole - 2);
    assert_int_equal(todo.integrated_len, 2);

    selv_suit_init(&suit, &selv_suit_profile_consumer, maker_device(1));
    assert_int_equal(
        selv_suit_feed_part(&suit, selv_bytes(envelope.p, whole - 8), whole),
        SELV_OK);
    assert_true(selv_is_good(selv_suit_check(&suit)));
    assert_non_null(strstr(maker_trace(&suit, SELV_SUIT_UPDATE, &world),
                           "failed(SELV_ERR_SUIT_INTEGRATED 20 21 0)"));

    /* Bytes after the envelope are refused, view or not. */
    envelope.p[whole] = 0;
    assert_int_equal(load(selv_bytes(envelope.p, whole + 1)),
                     SELV_ERR_CBOR_TRAILING);
    selv_suit_init(&suit, &selv_suit_profile_consumer, maker_device(1));
    assert_int_equal(
        selv_suit_feed_part(&suit, selv_bytes(envelope.p, whole), whole + 1),
        SELV_OK);
    assert_false(selv_is_good(selv_suit_check(&suit)));
    assert_int_equal(selv_suit_failure(&suit)->err, SELV_ERR_CBOR_TRAILING);
    maker_envelope(&(struct maker_spec){.manifest = maker_ab}, &envelope);
    selv_suit_init(&suit, &selv_suit_profile_consumer, maker_device(1));
    assert_int_equal(selv_suit_feed_part(&suit,
                                         selv_bytes(envelope.p, envelope.len),
                                         envelope.len + 1),
                     SELV_ERR_CBOR_TRAILING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suit_flip_in_place),
        cmocka_unit_test(test_suit_flip_severed),
        cmocka_unit_test(test_suit_flip_two_blocks),
        cmocka_unit_test(test_suit_truncations),
        cmocka_unit_test(test_suit_payload_beyond_the_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
