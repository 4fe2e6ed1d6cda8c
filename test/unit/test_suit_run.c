/* SPDX-License-Identifier: Apache-2.0
 *
 * What manifests do when they run: each case is a manifest, a device, and
 * the trace of what the engine asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "test/unit/suit_maker.h"

static struct maker_bytes envelope;
static struct selv_suit suit;

static void load(const struct selv_suit_profile *profile, uint32_t slot,
                 const struct maker_spec *spec)
{
    maker_envelope(spec, &envelope);
    enum selv_err err = maker_load(&suit, profile, maker_device(slot),
                                   selv_bytes(envelope.p, envelope.len));
    if (err != SELV_OK) {
        const struct selv_suit_failure *f = selv_suit_failure(&suit);
        print_error("%s, section %d, offset %d, code %d, of %s\n",
                    selv_err_name(err), f->section, f->offset, (int)f->code,
                    spec->manifest);
    }
    assert_int_equal(err, SELV_OK);
}

static void expect(enum selv_suit_procedure p, struct maker_world *world,
                   const char *trace)
{
    struct maker_world again = *world;
    assert_string_equal(maker_trace(&suit, p, world), trace);
    /* Polling twice before each answer changes nothing, and a procedure can
     * be begun again. */
    again.polls = 2;
    assert_string_equal(maker_trace(&suit, p, &again), trace);
}

/* ---- A/B ---------------------------------------------------------------- */

static void test_suit_ab_installs_into_its_slot(void **state)
{
    (void)state;
    struct maker_world world = {.image = {0}};
    load(&selv_suit_profile_consumer, 0,
         &(struct maker_spec){.manifest = maker_ab});
    assert_int_equal(selv_suit_sequence_number(&suit), 7);
    assert_int_equal(selv_suit_component_count(&suit), 1);
    expect(SELV_SUIT_UPDATE, &world,
           "fetch(0 /i/a 1000) digest(0) digest(0) done");

    world = (struct maker_world){.image = {0}};
    load(&selv_suit_profile_consumer, 1,
         &(struct maker_spec){.manifest = maker_ab});
    expect(SELV_SUIT_UPDATE, &world,
           "fetch(0 /i/b 2000) digest(0) digest(0) done");

    /* no alternative fits slot 2 */
    load(&selv_suit_profile_consumer, 2,
         &(struct maker_spec){.manifest = maker_ab});
    expect(SELV_SUIT_UPDATE, &world, "failed(SELV_ERR_SUIT_TRY_EACH 3 15 0)");
}

static void test_suit_ab_boots_its_slot(void **state)
{
    (void)state;
    struct maker_world world = {.image = {0xaa}};
    load(&selv_suit_profile_boot_select, 0,
         &(struct maker_spec){.manifest = maker_ab});
    expect(SELV_SUIT_INVOCATION, &world,
           "digest(0) may-invoke(0) failed(SELV_ERR_SUIT_OPERATION 9 23 0)");
    load(&selv_suit_profile_boot_select, 1,
         &(struct maker_spec){.manifest = maker_ab});
    expect(SELV_SUIT_INVOCATION, &world,
           "digest(0) failed(SELV_ERR_SUIT_IMAGE 7 3 0)");
    world.image[0] = 0xbb;
    expect(SELV_SUIT_INVOCATION, &world,
           "digest(0) may-invoke(0) failed(SELV_ERR_SUIT_OPERATION 9 23 0)");
}

static void test_suit_boot_profile_does_not_install(void **state)
{
    (void)state;
    struct maker_world world = {.image = {0}};
    load(&selv_suit_profile_boot_select, 0,
         &(struct maker_spec){.manifest = maker_ab});
    expect(SELV_SUIT_UPDATE, &world, "begin(SELV_ERR_STATE)");
}

static void test_suit_update_reports_what_failed(void **state)
{
    (void)state;
    struct maker_world world = {.fetch_err = SELV_ERR_COAP_TIMEOUT};
    load(&selv_suit_profile_consumer, 0,
         &(struct maker_spec){.manifest = maker_ab});
    expect(SELV_SUIT_UPDATE, &world,
           "fetch(0 /i/a 1000) failed(SELV_ERR_COAP_TIMEOUT 20 21 0)");
    const struct selv_suit_failure *f = selv_suit_failure(&suit);
    /* The place that is named holds the command that is named. */
    assert_int_equal(envelope.p[f->offset], 0x15);
    assert_int_equal(envelope.p[f->offset - f->section_offset], 0x86);
    assert_int_equal(selv_suit_reason(f->err),
                     SELV_SUIT_REASON_OPERATION_FAILED);

    world = (struct maker_world){.digest_err = SELV_ERR_UPDATE_SIZE};
    expect(SELV_SUIT_UPDATE, &world,
           "fetch(0 /i/a 1000) digest(0) failed(SELV_ERR_UPDATE_SIZE 20 3 0)");
}

static void test_suit_identity_is_asked_first(void **state)
{
    (void)state;
    static const uint8_t other[16] = {1};
    struct maker_world world = {.image = {0}};
    load(&selv_suit_profile_consumer, 0,
         &(struct maker_spec){.manifest = maker_ab});
    struct selv_suit_device *device = maker_device(0);
    device->vendor_id = other;
    expect(SELV_SUIT_UPDATE, &world, "failed(SELV_ERR_SUIT_VENDOR 3 1 0)");
    device = maker_device(0);
    device->class_id = other;
    expect(SELV_SUIT_UPDATE, &world, "failed(SELV_ERR_SUIT_CLASS 3 2 0)");
    device->class_id = NULL;
    expect(SELV_SUIT_UPDATE, &world, "failed(SELV_ERR_SUIT_CLASS 3 2 0)");
}

/* ---- one case a row ----------------------------------------------------- */

#define COMMON MAKER_COMMON("")
#define TWO                                                                    \
    "<<{2: [[h'00'], [h'01']], 4: <<[12, 0, 20, {3: " MAKER_IMAGE_A            \
    "}, 12, 1, 20, {3: " MAKER_IMAGE_B "}]>>}>>"
#define THREE "<<{2: [[h'00'], [h'01'], [h'02']]}>>"

static const struct run {
    const char *what;
    const char *manifest;
    const char *pairs;
    uint8_t image; /* of component 0; of 1: 0xbb */
    const char *update, *invocation;
} runs[] = {
    {"nothing but the checks: they run once",
     "{1: 1, 2: 1, 3: " MAKER_COMMON(", 3, 15") "}", NULL, 0,
     "failed(SELV_ERR_SUIT_UNSET 3 3 0)", "failed(SELV_ERR_SUIT_UNSET 3 3 0)"},
    {"no shared sequence, no section", "{1: 1, 2: 1, 3: <<{2: [[h'00']]}>>}",
     NULL, 0, "done", "done"},
    {"all three sections of an update, in order",
     "{1: 1, 2: 1, 3: " COMMON ", 7: <<[20, {21: \"3\"}, 20, {3: " MAKER_IMAGE_A
     "}, 3, 0]>>, 16: <<[20, {21: \"1a\"}, 21, 0]>>,"
     " 20: <<[20, {21: \"2a\"}, 21, 0]>>}",
     NULL, 0, "fetch(0 1a) fetch(0 2a) digest(0) done",
     "digest(0) failed(SELV_ERR_SUIT_IMAGE 7 3 0)"},
    {"image-match needs a digest",
     "{1: 1, 2: 1, 3: " COMMON ", 7: <<[3, 15]>>}", NULL, 0,
     "failed(SELV_ERR_SUIT_UNSET 7 3 0)", "failed(SELV_ERR_SUIT_UNSET 7 3 0)"},
    {"fetch needs a uri", "{1: 1, 2: 1, 3: " COMMON ", 20: <<[21, 2]>>}", NULL,
     0, "failed(SELV_ERR_SUIT_UNSET 20 21 0)", "done"},
    {"component-slot needs a slot",
     "{1: 1, 2: 1, 3: " COMMON ", 7: <<[5, 0]>>}", NULL, 0,
     "failed(SELV_ERR_SUIT_UNSET 7 5 0)", "failed(SELV_ERR_SUIT_UNSET 7 5 0)"},
    {"vendor-identifier needs an id",
     "{1: 1, 2: 1, 3: <<{2: [[h'00']]}>>, 7: <<[1, 0]>>}", NULL, 0,
     "failed(SELV_ERR_SUIT_UNSET 7 1 0)", "failed(SELV_ERR_SUIT_UNSET 7 1 0)"},
    {"invoke without image-match: the engine asks, the verdict says no",
     "{1: 1, 2: 1, 3: " COMMON ", 9: <<[23, 2]>>}", NULL, 0xaa, "done",
     "must-not-invoke(0) failed(SELV_ERR_SUIT_OPERATION 9 23 0)"},
    {"another digest set after the match",
     "{1: 1, 2: 1, 3: " COMMON ", 7: <<[20, {3: " MAKER_IMAGE_A
     "}, 3, 15]>>, 9: <<[20, {3: " MAKER_IMAGE_B "}, 23, 2]>>}",
     NULL, 0xaa, "digest(0) done",
     "digest(0) must-not-invoke(0) failed(SELV_ERR_SUIT_OPERATION 9 23 0)"},
    {"the same digest set again after the match",
     "{1: 1, 2: 1, 3: " COMMON ", 7: <<[20, {3: " MAKER_IMAGE_A
     "}, 3, 15]>>, 9: <<[20, {3: " MAKER_IMAGE_A "}, 23, 2]>>}",
     NULL, 0xaa, "digest(0) done",
     "digest(0) may-invoke(0) failed(SELV_ERR_SUIT_OPERATION 9 23 0)"},
    {"another size set after the match",
     "{1: 1, 2: 1, 3: " COMMON ", 7: <<[20, {3: " MAKER_IMAGE_A
     ", 14: 10}, 3, 15]>>, 9: <<[20, {14: 20}, 23, 2]>>}",
     NULL, 0xaa, "digest(0) done",
     "digest(0) must-not-invoke(0) failed(SELV_ERR_SUIT_OPERATION 9 23 0)"},
    {"a size set only after the match",
     "{1: 1, 2: 1, 3: " COMMON ", 7: <<[20, {3: " MAKER_IMAGE_A
     "}, 3, 15]>>, 9: <<[20, {14: 20}, 23, 2]>>}",
     NULL, 0xaa, "digest(0) done",
     "digest(0) must-not-invoke(0) failed(SELV_ERR_SUIT_OPERATION 9 23 0)"},
    {"a second match that fails takes the first one back",
     "{1: 1, 2: 1, 3: " COMMON ", 7: <<[20, {3: " MAKER_IMAGE_A
     "}, 3, 15]>>, 9: <<[15, [<<[20, {3: " MAKER_IMAGE_B
     "}, 3, 15]>>, <<[20, {3: " MAKER_IMAGE_A "}]>>], 23, 2]>>}",
     NULL, 0xaa, "digest(0) done",
     "digest(0) digest(0) must-not-invoke(0) "
     "failed(SELV_ERR_SUIT_OPERATION 9 23 0)"},

    /* try-each [manifest 8.4.10.2] */
    {"the first good alternative ends it; nil comes last",
     "{1: 1, 2: 1, 3: " COMMON
     ", 20: <<[15, [<<[20, {5: 9}, 5, 0]>>, <<[20, {21: \"a\"}]>>, null],"
     " 21, 0, 15, [<<[20, {5: 9}, 5, 0]>>, <<[5, 0]>>, null], 21, 0]>>}",
     NULL, 0, "fetch(0 a) fetch(0 a) done", "done"},
    {"parameters of a failed alternative stay set [manifest 8.4.10.3]",
     "{1: 1, 2: 1, 3: " COMMON
     ", 20: <<[15, [<<[20, {5: 9, 21: \"a\"}, 5, 0]>>, <<[20, {5: 0}]>>],"
     " 21, 0]>>}",
     NULL, 0, "fetch(0 a) done", "done"},
    {"image-match chooses: fetch only when the image is not there",
     "{1: 1, 2: 1, 3: " COMMON ", 20: <<[20, {3: " MAKER_IMAGE_A
     ", 21: \"a\"}, 15, [<<[3, 0]>>, <<[21, 0, 3, 0]>>]]>>}",
     NULL, 0, "digest(0) fetch(0 a) digest(0) done", "done"},
    {"the same with the image there",
     "{1: 1, 2: 1, 3: " COMMON ", 20: <<[20, {3: " MAKER_IMAGE_A
     ", 21: \"a\"}, 15, [<<[3, 0]>>, <<[21, 0, 3, 0]>>]]>>}",
     NULL, 0xaa, "digest(0) done", "done"},
    {"a directive's failure ends everything [manifest 6.4]",
     "{1: 1, 2: 1, 3: " COMMON
     ", 20: <<[15, [<<[21, 0]>>, <<[20, {21: \"a\"}]>>]]>>}",
     NULL, 0, "failed(SELV_ERR_SUIT_UNSET 20 21 0)", "done"},
    {"so does a try-each within that finds nothing: it is a directive",
     "{1: 1, 2: 1, 3: " COMMON
     ", 20: <<[15, [<<[20, {5: 9}, 15, [<<[5, 0]>>, <<[5, 0]>>]]>>,"
     " <<[20, {5: 0}]>>]]>>}",
     NULL, 0, "failed(SELV_ERR_SUIT_TRY_EACH 20 15 0)", "done"},
    {"nested ones succeed outwards",
     "{1: 1, 2: 1, 3: " COMMON ", 20: <<[20, {5: 9, 21: \"a\"}, 15,"
     " [<<[15, [<<[5, 0]>>, <<[15, [<<[5, 0]>>, <<[20, {5: 0}]>>], 5, 0]>>],"
     " 21, 0]>>, <<[3, 0]>>], 21, 0]>>}",
     NULL, 0, "fetch(0 a) fetch(0 a) done", "done"},

    /* component index [manifest 6.5] */
    {"two components, each with its own parameters",
     "{1: 1, 2: 1, 3: " TWO ", 7: <<[12, 1, 3, 0, 12, 0, 3, 0]>>}", NULL, 0xaa,
     "digest(1) digest(0) done", "digest(1) digest(0) done"},
    {"true is all of them, in order",
     "{1: 1, 2: 1, 3: " TWO ", 7: <<[12, true, 3, 0]>>, 9: <<[12, 1, 23, 0]>>}",
     NULL, 0xaa, "digest(0) digest(1) done",
     "digest(0) digest(1) may-invoke(1) "
     "failed(SELV_ERR_SUIT_OPERATION 9 23 1)"},
    {"an array, in its order",
     "{1: 1, 2: 1, 3: " THREE ", 20: <<[12, [2, 0], 20, {21: \"a\"}, 21, 0,"
     " 12, 1, 20, {21: \"b\"}, 21, 0]>>}",
     NULL, 0, "fetch(2 a) fetch(0 a) fetch(1 b) done", "done"},
    {"try-each is run for each of the selection, and the selection comes back",
     "{1: 1, 2: 1, 3: " THREE
     ", 20: <<[12, 1, 20, {5: 0, 21: \"b\"}, 12, [0, 2], 20, {5: 9,"
     " 21: \"a\"}, 12, true, 15, [<<[5, 0, 12, 0]>>, <<[21, 0]>>], 21, 0]>>}",
     NULL, 0, "fetch(0 a) fetch(2 a) fetch(0 a) fetch(1 b) fetch(2 a) done",
     "done"},
    {"a failed image-match of one names that one",
     "{1: 1, 2: 1, 3: " TWO ", 7: <<[12, true, 3, 0]>>}", NULL, 0x11,
     "digest(0) failed(SELV_ERR_SUIT_IMAGE 7 3 0)",
     "digest(0) failed(SELV_ERR_SUIT_IMAGE 7 3 0)"},

    /* integrated payloads [manifest 5.5] */
    {"#name is in the envelope",
     "{1: 1, 2: 1, 3: " COMMON
     ", 20: <<[20, {21: \"#b\"}, 21, 0, 20, {21: \"#a\"}, 21, 0]>>}",
     "{\"#a\": h'0102', \"#b\": h'030405'}", 0,
     "fetch(0 #b =030405) fetch(0 #a =0102) done", "done"},
    {"or it is not",
     "{1: 1, 2: 1, 3: " COMMON ", 20: <<[20, {21: \"#c\"}, 21, 0]>>}",
     "{\"#a\": h'0102', \"#b\": h'030405'}", 0,
     "failed(SELV_ERR_SUIT_INTEGRATED 20 21 0)", "done"},

    /* severed sections [manifest 8.6] */
    {"severed and there",
     "{1: 1, 2: 1, 3: " COMMON ", 20: digest(<<[20, {21: \"a\"}, 21, 0]>>)}",
     "{20: <<[20, {21: \"a\"}, 21, 0]>>}", 0, "fetch(0 a) done", "done"},
    {"severed and gone",
     "{1: 1, 2: 1, 3: " COMMON ", 7: <<[5, 0]>>, 20: digest(<<[21, 0]>>),"
     " 23: digest(<<{}>>)}",
     NULL, 0, "begin(SELV_ERR_SUIT_ABSENT)",
     "failed(SELV_ERR_SUIT_UNSET 7 5 0)"},
};

static void test_suit_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        const struct run *run = &runs[i];
        print_message("  %s\n", run->what);
        load(&selv_suit_profile_consumer, 0,
             &(struct maker_spec){.manifest = run->manifest,
                                  .pairs = run->pairs});
        struct maker_world world = {.image = {run->image, 0xbb}};
        expect(SELV_SUIT_UPDATE, &world, run->update);
        world = (struct maker_world){.image = {run->image, 0xbb}};
        expect(SELV_SUIT_INVOCATION, &world, run->invocation);
    }
}

/* ---- the calls' order --------------------------------------------------- */

static void test_suit_calls_out_of_order(void **state)
{
    (void)state;
    struct selv_suit_todo todo;
    uint8_t digest[SELV_SHA256_LEN] = {0};
    maker_envelope(&(struct maker_spec){.manifest = maker_ab}, &envelope);
    struct selv_bytes view = {envelope.p, envelope.len};

    selv_suit_init(&suit, &selv_suit_profile_consumer, maker_device(0));
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE), SELV_ERR_STATE);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FAILED);
    assert_false(selv_is_good(selv_suit_check(&suit)));
    assert_int_equal(selv_suit_failure(&suit)->err, SELV_ERR_STATE);
    assert_false(selv_is_good(selv_suit_may_invoke(&suit)));

    assert_int_equal(selv_suit_feed_part(&suit, view, view.len - 1),
                     SELV_ERR_ARG);
    assert_int_equal(selv_suit_feed_part(&suit, view, view.len), SELV_OK);
    assert_int_equal(selv_suit_feed_part(&suit, view, view.len),
                     SELV_ERR_STATE);
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE), SELV_ERR_STATE);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FAILED);
    assert_true(selv_is_good(selv_suit_check(&suit)));
    assert_false(selv_is_good(selv_suit_check(&suit)));

    /* Answers that nobody asked for change nothing. */
    selv_suit_answer(&suit, SELV_ERR_SUIT_OPERATION);
    selv_suit_answer_digest(&suit, digest);
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE), SELV_OK);
    selv_suit_answer(&suit, SELV_ERR_SUIT_OPERATION);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FETCH);
    selv_suit_answer_digest(&suit, digest); /* the wrong kind */
    selv_suit_answer_content(&suit, digest);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FETCH);
    selv_suit_answer(&suit, SELV_OK);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_DIGEST);
    selv_suit_answer_content(&suit, digest);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_DIGEST);
    assert_int_equal(todo.digest[0], 0xaa);
    selv_suit_answer(&suit, SELV_OK); /* no digest is no good digest */
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FAILED);
    assert_int_equal(selv_suit_failure(&suit)->err, SELV_ERR_SUIT_OPERATION);

    selv_suit_wipe(&suit);
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE), SELV_ERR_STATE);
    assert_false(selv_is_good(selv_suit_may_invoke(&suit)));
}

static void test_suit_looks_at_other_devices_manifests(void **state)
{
    (void)state;
    struct selv_suit_device anybody = *maker_device(0);
    anybody.components = NULL;
    anybody.component_count = 0;
    maker_envelope(&(struct maker_spec){.manifest = maker_ab}, &envelope);
    assert_int_equal(maker_load(&suit, &selv_suit_profile_consumer, &anybody,
                                selv_bytes(envelope.p, envelope.len)),
                     SELV_OK);
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE), SELV_ERR_STATE);
}

static void test_suit_facts(void **state)
{
    (void)state;
    load(&selv_suit_profile_consumer, 0,
         &(struct maker_spec){.manifest =
                                  "{1: 1, 2: 18446744073709551615, 3: " TWO
                                  ", 4: \"coap://x\"}"});
    assert_true(selv_suit_sequence_number(&suit) == UINT64_MAX);
    assert_int_equal(selv_suit_component_count(&suit), 2);
    struct selv_bytes id = selv_suit_component_id(&suit, 1);
    assert_int_equal(id.len, 3);
    assert_memory_equal(id.p, "\x81\x41\x01", 3);
    struct selv_bytes uri = selv_suit_reference_uri(&suit);
    assert_int_equal(uri.len, 8);
    assert_memory_equal(uri.p, "coap://x", 8);
    assert_int_equal(selv_suit_anchor(&suit), 0);
    load(&selv_suit_profile_consumer, 0,
         &(struct maker_spec){.manifest = maker_ab});
    assert_int_equal(selv_suit_reference_uri(&suit).len, 0);
    assert_int_equal(selv_suit_digest(&suit)[0], envelope.p[13]);
}

/* ---- callers and views that do not keep to the rules ----------------------
 */

static void test_suit_may_be_polled_for_long(void **state)
{
    (void)state;
    struct selv_suit_todo todo;
    load(&selv_suit_profile_boot_select, 0,
         &(struct maker_spec){.manifest = maker_ab});
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_INVOCATION), SELV_OK);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_DIGEST);
    }
}

/* An index that is another one when it is read again, as a worn cell may. */
static void test_suit_changed_index_is_refused(void **state)
{
    (void)state;
    static const uint8_t list[] = {12, 0x82, 0, 1, 3, 15};
    struct selv_suit_todo todo;
    size_t at = 0;
    load(&selv_suit_profile_consumer, 0,
         &(struct maker_spec){
             .manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00'], [h'01']], 4: <<[12, "
                         "[0, 1], 20, {3: " MAKER_IMAGE_A
                         "}]>>}>>, 7: <<[12, [0, 1], 3, 15]>>}"});
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_INVOCATION), SELV_OK);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_DIGEST);
    while (memcmp(envelope.p + at, list, sizeof list) != 0) {
        at++;
    }
    envelope.p[at + 3] = 23;
    selv_suit_answer_digest(&suit, todo.digest);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FAILED);
    assert_int_equal(selv_suit_failure(&suit)->err, SELV_ERR_SUIT_INDEX);
}

/* What ends too early or too late, to the byte; and nothing good comes after a
 * refusal. */
static void test_suit_ends_of_a_feed(void **state)
{
    static uint8_t view[SELV_SUIT_ENVELOPE_MAX + 1];
    static const struct selv_suit_profile *const profiles[] = {
        &selv_suit_profile_boot_select, &selv_suit_profile_boot_install,
        &selv_suit_profile_consumer};
    struct selv_suit_todo todo;
    (void)state;
    maker_envelope(&(struct maker_spec){.manifest = maker_ab}, &envelope);
    struct selv_bytes whole = {envelope.p, envelope.len};
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        selv_suit_init(&suit, profiles[i], maker_device(0));
        assert_int_equal(selv_suit_feed_part(&suit, whole, whole.len + 1),
                         SELV_ERR_CBOR_TRAILING);
        assert_false(selv_is_good(selv_suit_check(&suit)));
        assert_int_not_equal(selv_suit_begin(&suit, SELV_SUIT_INVOCATION),
                             SELV_OK);
        assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FAILED);
    }
    /* tag, map of one pair, the wrapper's key, a string longer than all */
    const uint8_t start[] = {0xd8, 0x6b, 0xa2, 0x02, 0x59, 0x0f, 0xff};
    memcpy(view, start, sizeof start);
    for (size_t len = sizeof view - 2; len <= sizeof view; len++) {
        selv_suit_init(&suit, &selv_suit_profile_consumer, maker_device(0));
        assert_int_equal(selv_suit_feed_part(&suit, selv_bytes(view, len), 0),
                         len < SELV_SUIT_ENVELOPE_MAX
                             ? SELV_ERR_SUIT_MORE
                             : SELV_ERR_SUIT_TOO_LARGE);
    }
}

/* Facts of the manifest that every profile must see by itself. */
static void test_suit_manifest_is_read_by_every_profile(void **state)
{
    static const struct selv_suit_profile *const profiles[] = {
        &selv_suit_profile_boot_select, &selv_suit_profile_boot_install,
        &selv_suit_profile_consumer};
    static const struct {
        const char *manifest;
        enum selv_err err;
    } rows[] = {
        {"{1: 1, 2: 7, 3: <<{2: [[h'00'], [h'01'], [h'00']]}>>}",
         SELV_ERR_SUIT_COMPONENTS},
        {"{1: 1, 2: 7, 3: <<{2: [[h'09']]}>>}", SELV_ERR_SUIT_COMPONENT},
        {"{1: 1, 2: 7, 3: <<{2: []}>>}", SELV_ERR_SUIT_COMPONENTS},
        {"{1: 1, 2: 7, 3: <<{4: <<[14, 0]>>}>>}", SELV_ERR_SUIT_MISSING},
        {"{1: 1, 2: 7}", SELV_ERR_SUIT_MISSING},
        {"{1: 1, 3: <<{2: [[h'00']]}>>}", SELV_ERR_SUIT_MISSING},
        {"{2: 7, 3: <<{2: [[h'00']]}>>}", SELV_ERR_SUIT_MISSING},
        {"{1: 2, 2: 7, 3: <<{2: [[h'00']]}>>}", SELV_ERR_SUIT_VERSION},
        {"{0: 1, 1: 1, 2: 7, 3: <<{2: [[h'00']]}>>}", SELV_ERR_SUIT_KEY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        maker_envelope(&(struct maker_spec){.manifest = rows[i].manifest},
                       &envelope);
        for (size_t k = 0; k < sizeof profiles / sizeof profiles[0]; k++) {
            assert_int_equal(maker_load(&suit, profiles[k], maker_device(0),
                                        selv_bytes(envelope.p, envelope.len)),
                             rows[i].err);
        }
    }
}

/* A transfer that began anew with another, shorter envelope. */
static void test_suit_other_envelope_after_more(void **state)
{
    (void)state;
    static struct maker_bytes longer;
    maker_envelope(
        &(struct maker_spec){.manifest = "{1: 1, 2: 7, 3: " MAKER_COMMON(
                                 "") ", 7: <<[18, repeat(600, 1)]>>}",
                             .pairs = "{20: <<[21, 2]>>}"},
        &longer);
    maker_envelope(&(struct maker_spec){.manifest =
                                            "{1: 1, 2: 7, 3: " MAKER_COMMON(
                                                "") ", 20: "
                                                    "digest(<<[21, 2]>>)}"},
                   &envelope);
    uint8_t *view = malloc(envelope.len);
    assert_non_null(view);
    memcpy(view, envelope.p, envelope.len);
    selv_suit_init(&suit, &selv_suit_profile_consumer, maker_device(0));
    assert_int_equal(
        selv_suit_feed_part(&suit, selv_bytes(longer.p, longer.len - 1), 0),
        SELV_ERR_SUIT_MORE);
    assert_int_equal(
        selv_suit_feed_part(&suit, selv_bytes(view, envelope.len), 0), SELV_OK);
    assert_true(selv_is_good(selv_suit_check(&suit)));
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE),
                     SELV_ERR_SUIT_ABSENT);
    selv_suit_wipe(&suit);
    free(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suit_ab_installs_into_its_slot),
        cmocka_unit_test(test_suit_ab_boots_its_slot),
        cmocka_unit_test(test_suit_boot_profile_does_not_install),
        cmocka_unit_test(test_suit_update_reports_what_failed),
        cmocka_unit_test(test_suit_identity_is_asked_first),
        cmocka_unit_test(test_suit_runs),
        cmocka_unit_test(test_suit_calls_out_of_order),
        cmocka_unit_test(test_suit_looks_at_other_devices_manifests),
        cmocka_unit_test(test_suit_facts),
        cmocka_unit_test(test_suit_may_be_polled_for_long),
        cmocka_unit_test(test_suit_changed_index_is_refused),
        cmocka_unit_test(test_suit_ends_of_a_feed),
        cmocka_unit_test(test_suit_manifest_is_read_by_every_profile),
        cmocka_unit_test(test_suit_other_envelope_after_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
