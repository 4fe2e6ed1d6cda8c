/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests that are not for this device, now or ever: refused by name before
 * anything is erased or fetched, told once, and what boots stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/unit/consumer_world.h"

static struct world w;
static struct world_release release;

/* Parts of a good manifest, to bend one at a time. */
#define IDS "20, {1: " MAKER_VENDOR ", 2: " MAKER_CLASS "}, 1, 15, 2, 15"
#define IMAGES                                                                 \
    ", 15, [<<[20, {5: 0}, 5, 5, 20, {3: <<[-16, h'%A']>>, 14: %a}]>>,"        \
    " <<[20, {5: 1}, 5, 5, 20, {3: <<[-16, h'%B']>>, 14: %b}]>>]"
#define HEAD(ids, images)                                                      \
    "{1: 1, 2: %n, 3: <<{2: [[h'00']], 4: <<[" ids images "]>>}>>,"
#define VALIDATE " 7: <<[3, 15]>>,"
#define INVOKE " 9: <<[23, 2]>>,"
#define FETCH(a, b)                                                            \
    " 20: <<[15, [<<[20, {5: 0}, 5, 5, 20, {21: \"" a "\"}]>>,"                \
    "             <<[20, {5: 1}, 5, 5, 20, {21: \"" b "\"}]>>],"               \
    "        21, 2, 3, 15]>>}"
/* After the right URI is set. */
#define UPDATE(commands)                                                       \
    " 20: <<[15, [<<[20, {5: 0}, 5, 5, 20, {21: \"/i/%A\"}]>>,"                \
    "             <<[20, {5: 1}, 5, 5, 20, {21: \"/i/%B\"}]>>], " commands     \
    "]>>}"
#define TEN                                                                    \
    "3, 15, 3, 15, 3, 15, 3, 15, 3, 15, 3, 15, 3, 15, 3, 15, 3, 15, 3, 15"
#define GOOD_FETCH FETCH("/i/%A", "/i/%B")

static const struct {
    const char *what;
    const char *text;
    uint64_t sequence;
    uint32_t size;
    const char *err; /* NULL: not refused */
} cases[] = {
    {"good", HEAD(IDS, IMAGES) VALIDATE INVOKE GOOD_FETCH, 6, 3000, NULL},
    {"own server by its full name",
     HEAD(IDS, IMAGES) VALIDATE INVOKE FETCH("coap://[::1]:5683/i/%A",
                                             "coap://[::1]:5683/i/%B"),
     6, 3000, NULL},
    {"as large as the slot", HEAD(IDS, IMAGES) VALIDATE INVOKE GOOD_FETCH, 6,
     3 * 4096, NULL},

    {"a look at nothing at boot",
     HEAD(IDS, IMAGES) " 7: <<[20, {14: 0}, 3, 15]>>," INVOKE GOOD_FETCH, 6,
     3000, "SELV_ERR_SUIT_IMAGE"},
    {"another vendor",
     HEAD("20, {1: repeat(16, 1), 2: " MAKER_CLASS "}, 1, 15, 2, 15", IMAGES)
         VALIDATE INVOKE GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_VENDOR"},
    {"another class",
     HEAD("20, {1: " MAKER_VENDOR ", 2: repeat(16, 1)}, 1, 15, 2, 15", IMAGES)
         VALIDATE INVOKE GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_CLASS"},
    {"lower number", HEAD(IDS, IMAGES) VALIDATE INVOKE GOOD_FETCH, 4, 3000,
     "SELV_ERR_SUIT_SEQUENCE"},
    {"lowest number", HEAD(IDS, IMAGES) VALIDATE INVOKE GOOD_FETCH, 0, 3000,
     "SELV_ERR_SUIT_SEQUENCE"},
    {"equal number, other digest", HEAD(IDS, IMAGES) VALIDATE INVOKE GOOD_FETCH,
     5, 2999, "SELV_ERR_UPDATE_EQUAL"},
    {"component that we lack",
     "{1: 1, 2: %n, 3: <<{2: [[h'77']], 4: <<[" IDS IMAGES
     "]>>}>>," VALIDATE INVOKE GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_COMPONENT"},
    {"image larger than the slot", HEAD(IDS, IMAGES) VALIDATE INVOKE GOOD_FETCH,
     6, 3 * 4096 + 1, "SELV_ERR_STORE_FULL"},
    {"image of no bytes", HEAD(IDS, IMAGES) VALIDATE INVOKE GOOD_FETCH, 6, 0,
     "SELV_ERR_UPDATE_SIZE"},
    {"image size not said",
     HEAD(IDS, ", 15, [<<[20, {5: 0}, 5, 5, 20, {3: <<[-16, h'%A']>>}]>>,"
               " <<[20, {5: 1}, 5, 5, 20, {3: <<[-16, h'%B']>>}]>>]")
         VALIDATE INVOKE GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_UNSET"},
    {"image digest not said",
     HEAD(IDS, ", 15, [<<[20, {5: 0}, 5, 5, 20, {14: %a}]>>,"
               " <<[20, {5: 1}, 5, 5, 20, {14: %b}]>>]")
         VALIDATE INVOKE GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_UNSET"},
    {"images for slots that we lack",
     HEAD(IDS, ", 15, [<<[20, {5: 2}, 5, 5, 20, {14: %a}]>>,"
               " <<[20, {5: 3}, 5, 5, 20, {14: %b}]>>]")
         VALIDATE INVOKE GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_TRY_EACH"},
    {"never invoked", HEAD(IDS, IMAGES) VALIDATE GOOD_FETCH, 6, 3000,
     "SELV_ERR_SUIT_MISSING"},
    {"never validated", HEAD(IDS, IMAGES) INVOKE GOOD_FETCH, 6, 3000,
     "SELV_ERR_SUIT_IMAGE"},
    {"nothing to fetch", HEAD(IDS, IMAGES) VALIDATE " 9: <<[23, 2]>>}", 6, 3000,
     "SELV_ERR_SUIT_IMAGE"},
    {"another server",
     HEAD(IDS, IMAGES) VALIDATE INVOKE FETCH("coap://[::2]:5683/i/%A",
                                             "coap://[::2]:5683/i/%B"),
     6, 3000, "SELV_ERR_SUIT_URI"},
    {"another server whose name begins alike",
     HEAD(IDS, IMAGES) VALIDATE INVOKE FETCH("coap://[::1]:56833/i/%A",
                                             "coap://[::1]:56833/i/%B"),
     6, 3000, "SELV_ERR_SUIT_URI"},
    {"another server without a scheme",
     HEAD(IDS, IMAGES)
         VALIDATE INVOKE FETCH("//[::1]:5683/i/%A", "//[::1]:5683/i/%B"),
     6, 3000, "SELV_ERR_SUIT_URI"},
    {"another scheme",
     HEAD(IDS, IMAGES) VALIDATE INVOKE FETCH("http://[::1]:5683/i/%A",
                                             "http://[::1]:5683/i/%B"),
     6, 3000, "SELV_ERR_SUIT_URI"},
    {"path not from the root",
     HEAD(IDS, IMAGES) VALIDATE INVOKE FETCH("i/%A", "i/%B"), 6, 3000,
     "SELV_ERR_SUIT_URI"},
    {"fragment", HEAD(IDS, IMAGES) VALIDATE INVOKE FETCH("/i/%A#x", "/i/%B#x"),
     6, 3000, "SELV_ERR_SUIT_URI"},
    {"root alone", HEAD(IDS, IMAGES) VALIDATE INVOKE FETCH("/", "/"), 6, 3000,
     "SELV_ERR_SUIT_URI"},
    {"integrated payload that is not there",
     HEAD(IDS, IMAGES) VALIDATE INVOKE FETCH("#a", "#b"), 6, 3000,
     "SELV_ERR_SUIT_INTEGRATED"},
    {"unknown manifest version",
     "{1: 2, 2: %n, 3: <<{2: [[h'00']], 4: <<[" IDS IMAGES
     "]>>}>>," VALIDATE INVOKE GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_VERSION"},
    /* What the bootloader could not do after the reset. */
    {"run-sequence at boot",
     HEAD(IDS, IMAGES) " 7: <<[32, <<[3, 15]>>]>>," INVOKE GOOD_FETCH, 6, 3000,
     "SELV_ERR_SUIT_BOOTLOADER"},
    {"strict-order at boot",
     HEAD(IDS, IMAGES) " 7: <<[20, {12: true}, 3, 15]>>," INVOKE GOOD_FETCH, 6,
     3000, "SELV_ERR_SUIT_BOOTLOADER"},
    {"abort in an alternative at boot",
     HEAD(IDS,
          IMAGES) " 7: <<[15, [<<[3, 15]>>, <<[14, 0]>>]]>>," INVOKE GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_BOOTLOADER"},
    {"check-content in the shared sequence",
     HEAD(IDS ", 15, [<<[20, {18: h'01'}, 6, 15]>>, <<[1, 15]>>]", IMAGES)
         VALIDATE INVOKE GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_BOOTLOADER"},
    {"arguments at invoke",
     HEAD(IDS, IMAGES) VALIDATE " 9: <<[20, {23: h'01'}, 23, 2]>>," GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_BOOTLOADER"},
    {"image size set in the update alone",
     HEAD(IDS, ", 15, [<<[20, {5: 0}, 5, 5, 20, {3: <<[-16, h'%A']>>}]>>,"
               " <<[20, {5: 1}, 5, 5, 20, {3: <<[-16, h'%B']>>}]>>]")
         VALIDATE INVOKE UPDATE(
             "15, [<<[20, {5: 0}, 5, 5, 20, {14: %a}]>>,"
             " <<[20, {5: 1}, 5, 5, 20, {14: %b}]>>], 21, 2, 3, 15"),
     6, 3000, "SELV_ERR_SUIT_IMAGE"},
    {"another digest at boot",
     HEAD(IDS, IMAGES) VALIDATE
     " 9: <<[20, {3: <<[-16, repeat(32, 1)]>>}, 3, 15, 23, 2]>>," GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_IMAGE"},
    {"looked at more often than the bootloader does",
     HEAD(IDS, IMAGES) " 7: <<[" TEN ", 3, 15, 3, 15, 3, 15, 3, 15, 3, 15, "
                       "3, 15]>>," INVOKE GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_WORK"},
    {"looked at as often as the bootloader does",
     HEAD(IDS, IMAGES) " 7: <<[" TEN
                       ", 3, 15, 3, 15, 3, 15]>>," INVOKE GOOD_FETCH,
     6, 3000, NULL},
    {"part of the image looked at, too",
     HEAD(IDS, IMAGES) VALIDATE
     " 9: <<[15, [<<[20, {3: <<[-16, repeat(32, 1)]>>, 14: 8}, 3, 15]>>,"
     " <<[1, 15]>>]]>>," GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_MISSING"},
    {"load", HEAD(IDS, IMAGES) VALIDATE " 8: <<[3, 15]>>," INVOKE GOOD_FETCH, 6,
     3000, "SELV_ERR_SUIT_BOOTLOADER"},

    /* The same in the update itself is ours to do. */
    {"run-sequence and strict-order in an update",
     HEAD(IDS, IMAGES)
         VALIDATE INVOKE UPDATE("20, {12: true}, 32, <<[21, 2]>>, 3, 15"),
     6, 3000, NULL},
    {"our device id",
     HEAD(IDS, IMAGES) VALIDATE INVOKE UPDATE(
         "20, {24: repeat(16, 68)}, 24, 15, 21, 2, 3, 15"),
     6, 3000, NULL},
    {"another device id",
     HEAD(IDS, IMAGES) VALIDATE INVOKE UPDATE(
         "20, {24: repeat(16, 69)}, 24, 15, 21, 2, 3, 15"),
     6, 3000, "SELV_ERR_SUIT_DEVICE"},
    {"fetched unless it is there",
     HEAD(IDS, IMAGES)
         VALIDATE INVOKE UPDATE("15, [<<[3, 15]>>, <<[21, 2]>>], 3, 15"),
     6, 3000, NULL},

    /* What this device never does, wherever in the update. */
    {"write",
     HEAD(IDS, IMAGES)
         VALIDATE INVOKE UPDATE("20, {18: h'0102'}, 18, 2, 3, 15"),
     6, 3000, "SELV_ERR_SUIT_OPERATION"},
    {"write behind the fetch",
     HEAD(IDS, IMAGES)
         VALIDATE INVOKE UPDATE("21, 2, 3, 15, 20, {18: h'0102'}, 18, 2"),
     6, 3000, "SELV_ERR_SUIT_OPERATION"},
    {"write when the slot does not hold the image",
     HEAD(IDS, IMAGES) VALIDATE INVOKE UPDATE(
         "15, [<<[3, 15]>>, <<[20, {18: h'0102'}, 18, 2]>>], 21, 2, 3, 15"),
     6, 3000, "SELV_ERR_SUIT_OPERATION"},
    {"check-content behind the fetch",
     HEAD(IDS, IMAGES)
         VALIDATE INVOKE UPDATE("21, 2, 3, 15, 20, {18: h'0102'}, 6, 15"),
     6, 3000, "SELV_ERR_SUIT_OPERATION"},
    {"copy of itself",
     HEAD(IDS, IMAGES) VALIDATE INVOKE UPDATE("20, {22: 0}, 22, 2, 3, 15"), 6,
     3000, "SELV_ERR_SUIT_SOURCE"},
    {"swap with itself",
     HEAD(IDS, IMAGES) VALIDATE INVOKE UPDATE("20, {22: 0}, 31, 2, 3, 15"), 6,
     3000, "SELV_ERR_SUIT_SOURCE"},
    {"copy between two components",
     "{1: 1, 2: %n, 3: <<{2: [[h'00'], [h'01']], 4: <<[12, 0, " IDS IMAGES
     "]>>}>>, 7: <<[12, 0, 3, 15]>>, 9: <<[12, 0, 23, 2]>>,"
     " 20: <<[12, 0, 20, {22: 1}, 22, 2, 3, 15]>>}",
     6, 3000, "SELV_ERR_SUIT_COMPONENT"},
    {"private command",
     HEAD(IDS, IMAGES) VALIDATE INVOKE UPDATE("21, 2, 3, 15, -300, 15"), 6,
     3000, "SELV_ERR_SUIT_COMMAND"},
    {"abort behind the fetch",
     HEAD(IDS, IMAGES) VALIDATE INVOKE UPDATE("21, 2, 3, 15, 14, 15"), 6, 3000,
     "SELV_ERR_SUIT_ABORT"},
    {"fetched and not looked at",
     HEAD(IDS,
          IMAGES) " 7: <<[1, 15]>>, 9: <<[3, 15, 23, 2]>>," UPDATE("21, 2"),
     6, 3000, "SELV_ERR_SUIT_MISSING"},
    {"looked at, and fetched again",
     HEAD(IDS, IMAGES) " 7: <<[1, 15]>>, 9: <<[3, 15, 23, 2]>>," UPDATE(
         "21, 2, 3, 15, 21, 2"),
     6, 3000, "SELV_ERR_SUIT_MISSING"},
    {"integrated payload behind the fetch",
     HEAD(IDS, IMAGES)
         VALIDATE INVOKE UPDATE("21, 2, 3, 15, 20, {21: \"#a\"}, 21, 2, 3, 15"),
     6, 3000, "SELV_ERR_SUIT_INTEGRATED"},
    {"another server behind the fetch",
     HEAD(IDS, IMAGES) VALIDATE INVOKE UPDATE(
         "21, 2, 3, 15, 20, {21: \"coap://[::2]/x\"}, 21, 2, 3, 15"),
     6, 3000, "SELV_ERR_SUIT_URI"},
    {"unknown command", HEAD(IDS ", 33, 15", IMAGES) VALIDATE INVOKE GOOD_FETCH,
     6, 3000, "SELV_ERR_SUIT_COMMAND"},
};

/* Release 5 in slot A, running and confirmed, and the server's. */
static void open_at_five(void)
{
    static struct world_release five;

    world_open(&w, "4096x4-ff");
    world_release_make(&five, 5, 3000, 3000);
    w.release = &five;
    world_settle(&w);
    assert_true(world_boot(&w));
    world_settle(&w);
    assert_int_equal(w.record.accepted, 5);
    assert_int_equal(w.record.is_trial, 0);
    world_save(&w);
}

static void check_refused(const char *what, const char *err)
{
    struct world_boot_state before;
    char words[160];
    uint32_t erase_count, write_count;

    world_restore(&w);
    assert_true(world_boot(&w));
    world_boot_state(&w, &before);
    erase_count = w.v.erase_count;
    write_count = w.v.write_count;
    world_settle(&w);
    snprintf(words, sizeof words, "notified rejected:%s <rejected:%s ", err,
             err);
    if (strcmp(w.log, words) != 0) {
        fail_msg("%s: %s", what, w.log);
    }
    assert_int_equal(w.image_count, 0);
    assert_int_equal(w.v.erase_count, erase_count);
    assert_int_equal(w.v.write_count, write_count);
    world_boot_state_is(&w, &before);

    /* Known now: nothing to tell, and one exchange a poll. Only what did not
     * fit is fetched each time: nobody here knows its ETag. */
    struct selv_bytes served = w.raw_manifest;
    if (served.len == 0) {
        served = selv_bytes(w.release->envelope.p, w.release->envelope.len);
    }
    bool is_whole = served.len <= SELV_SUIT_ENVELOPE_MAX;
    unsigned sent = w.sent_count;
    world_forget(&w);
    world_next_cycle(&w);
    world_next_cycle(&w);
    if (strcmp(w.log,
               is_whole ? "idle idle " : "notified idle notified idle ") != 0) {
        fail_msg("%s, again: %s", what, w.log);
    }
    if (is_whole) {
        assert_int_equal(w.sent_count, sent + 2);
    }

    /* Without ETags it costs the manifest again, but no more words. */
    w.has_no_etag = true;
    world_forget(&w);
    world_next_cycle(&w);
    world_next_cycle(&w);
    if (strcmp(w.log, "notified idle notified idle ") != 0) {
        fail_msg("%s, without ETag: %s", what, w.log);
    }
    w.has_no_etag = false;
}

static void test_consumer_refuses_by_name(void **state)
{
    (void)state;
    open_at_five();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t size = cases[i].size;
        world_release_custom(&release, cases[i].sequence, size, size,
                             cases[i].text);
        w.release = &release;
        if (cases[i].err) {
            check_refused(cases[i].what, cases[i].err);
            continue;
        }
        world_restore(&w);
        assert_true(world_boot(&w));
        world_settle(&w);
        if (w.record.sequence != 6 || w.record.slot != SELV_SLOT_A) {
            fail_msg("%s: %s", cases[i].what, w.log);
        }
    }
    world_close(&w);
}

/* The same release under bootloaders that say that they can do less, one
 * thing at a time; and under one that can do more. */
static void test_consumer_asks_the_boot_record(void **state)
{
    static const struct {
        const char *what;
        uint64_t commands;
        uint32_t parameters;
        uint16_t envelope_max;
        uint8_t sections, components_max, depth_max;
        bool is_enough;
    } loaders[] = {
        {"nothing", 0, 0, 0, 0, 0, 0, false},
        {"everything but install and load", UINT64_MAX, UINT32_MAX, UINT16_MAX,
         0xf5, 255, 255, true},
        {"no more than needed", 0x90802e, 0x402e, 1024, 0x14, 1, 1, true},
        {"no component-slot", 0x90800e, 0x402e, 1024, 0x14, 1, 1, false},
        {"no try-each", 0x90002e, 0x402e, 1024, 0x14, 1, 1, false},
        {"no invoke", 0x10802e, 0x402e, 1024, 0x14, 1, 1, false},
        {"no image-size", 0x90802e, 0x002e, 1024, 0x14, 1, 1, false},
        {"no vendor-identifier", 0x90802e, 0x402c, 1024, 0x14, 1, 1, false},
        {"short envelopes", 0x90802e, 0x402e, 100, 0x14, 1, 1, false},
        {"no validate", 0x90802e, 0x402e, 1024, 0x10, 1, 1, false},
        {"no invoke section", 0x90802e, 0x402e, 1024, 0x04, 1, 1, false},
        {"no component", 0x90802e, 0x402e, 1024, 0x14, 0, 1, false},
        {"no depth", 0x90802e, 0x402e, 1024, 0x14, 1, 0, false},
    };

    (void)state;
    open_at_five();
    world_release_make(&release, 6, 3000, 3000);
    w.release = &release;
    for (size_t i = 0; i < sizeof loaders / sizeof loaders[0]; i++) {
        world_restore(&w);
        assert_true(world_boot(&w));
        w.record.boot_commands = loaders[i].commands;
        w.record.boot_parameters = loaders[i].parameters;
        w.record.boot_envelope_max = loaders[i].envelope_max;
        w.record.boot_sections = loaders[i].sections;
        w.record.boot_components_max = loaders[i].components_max;
        w.record.boot_depth_max = loaders[i].depth_max;
        selv_record_seal(&w.record);
        assert_int_equal(selv_consumer_init(&w.consumer, &w.config, w.now_ms),
                         SELV_OK);
        uint32_t op_count = w.v.erase_count + w.v.write_count;
        world_settle(&w);
        bool is_refused = strstr(w.log, "rejected:SELV_ERR_SUIT_BOOTLOADER") &&
                          w.image_count == 0 &&
                          w.v.erase_count + w.v.write_count == op_count;
        if (loaders[i].is_enough ? w.record.sequence != 6 : !is_refused) {
            fail_msg("%s: %s", loaders[i].what, w.log);
        }
    }
    world_close(&w);
}

/* The bootloader takes one block fewer than the envelope has, or an envelope
 * shorter than it; then another envelope of the same manifest comes, which
 * fits. It is seen in the same boot, though the one before was given up. */
static void test_consumer_sees_another_envelope(void **state)
{
    static struct world_release twice;

    (void)state;
    open_at_five();
    world_release_make(&release, 6, 3000, 3000);
    world_release_make_twice_signed(&twice, 6, 3000, 3000);
    assert_memory_equal(twice.digest, release.digest, 32);
    for (unsigned i = 0; i < 2; i++) {
        w.release = &twice;
        world_restore(&w);
        assert_true(world_boot(&w));
        if (i == 0) {
            w.record.boot_signers_max = 1;
        } else {
            w.record.boot_envelope_max = (uint16_t)release.envelope.len;
        }
        selv_record_seal(&w.record);
        assert_int_equal(selv_consumer_init(&w.consumer, &w.config, w.now_ms),
                         SELV_OK);
        world_settle(&w);
        assert_non_null(strstr(w.log, "rejected:SELV_ERR_SUIT_BOOTLOADER"));
        unsigned sent = w.sent_count;
        world_next_cycle(&w);
        assert_int_equal(w.sent_count, sent + 1);
        w.release = &release;
        world_next_cycle(&w);
        assert_int_equal(w.record.sequence, 6);
    }
    world_close(&w);
}

/* What the slot held before the first fetch counts for nothing: the way that
 * was gone through is the way taken, though the image is there already. */
static void test_consumer_goes_the_rehearsed_way(void **state)
{
    static const char *const updates[] = {
        HEAD(IDS, IMAGES)
            VALIDATE INVOKE UPDATE("15, [<<[3, 15]>>, <<[21, 2]>>], 3, 15"),
        HEAD(IDS, IMAGES) VALIDATE INVOKE UPDATE(
            "15, [<<[3, 15, 20, {18: h'01'}, 21, 2, 18, 2]>>, <<[21, 2]>>],"
            " 3, 15"),
    };

    (void)state;
    open_at_five();
    for (size_t i = 0; i < sizeof updates / sizeof updates[0]; i++) {
        world_release_custom(&release, 6, 3000, 3000, updates[i]);
        w.release = &release;
        world_restore(&w);
        assert_true(world_boot(&w));
        world_image_put(&w, &release, SELV_SLOT_A);
        world_settle(&w);
        assert_int_equal(w.record.sequence, 6);
        assert_int_equal(w.record.slot, SELV_SLOT_A);
        assert_true(w.image_count > 0);
        assert_null(strstr(w.log, "failed"));
    }
    world_close(&w);
}

static void test_consumer_refuses_another_signer(void **state)
{
    static const uint8_t other[SELV_P256_PRIVATE_LEN] = {
        [SELV_P256_PRIVATE_LEN - 1] = 9};

    (void)state;
    open_at_five();
    world_release_make(&release, 6, 3000, 3000);
    w.release = &release;
    /* The running image was looked at with the right key: exchange the key
     * behind the bootloader's back. */
    world_restore(&w);
    assert_true(world_boot(&w));
    assert_int_equal(selv_p256_public(other, w.factory.anchor.public_key),
                     SELV_OK);
    world_settle(&w);
    assert_string_equal(w.log, "notified rejected:SELV_ERR_COSE_NO_KEY "
                               "<rejected:SELV_ERR_COSE_NO_KEY ");
    assert_int_equal(w.image_count, 0);
    world_close(&w);
}

/* An envelope longer than the buffer: the manifest may lie within it. */
static void test_consumer_refuses_integrated_payloads(void **state)
{
    static struct maker_bytes envelope;
    static const char manifest[] =
        "{1: 1, 2: 6, 3: " MAKER_COMMON(", 20, {3: <<[-16, repeat(32, 1)]>>, "
                                        "14: 3000}") ","
                                                     " 7: <<[3, 15]>>, 9: "
                                                     "<<[23, 2]>>, 20: <<[20, "
                                                     "{21: \"#a\"}, 21, 2]>>}";
    struct maker_spec spec = {.manifest = manifest,
                              .pairs = "{\"#a\": repeat(200, 7)}"};

    (void)state;
    open_at_five();
    maker_envelope(&spec, &envelope);
    w.raw_manifest = selv_bytes(envelope.p, envelope.len);
    check_refused("short payload", "SELV_ERR_UPDATE_SIZE");
    spec.pairs = "{\"#a\": repeat(3001, 7)}";
    maker_envelope(&spec, &envelope);
    w.raw_manifest = selv_bytes(envelope.p, envelope.len);
    check_refused("long payload", "SELV_ERR_UPDATE_SIZE");
    w.raw_manifest = selv_bytes(NULL, 0);
    world_close(&w);
}

static void test_consumer_refuses_what_is_too_long(void **state)
{
    static struct maker_bytes envelope;
    static struct maker_bytes text;
    struct maker_spec spec = {.manifest = "{1: 1, 2: 6, 3: " MAKER_COMMON(
                                  "") ", 23: "
                                      "digest(<<{\"en\": {1: \"x\"}}>>)}",
                              .pairs = "{23: repeat(2100, 7)}"};

    (void)state;
    (void)text;
    open_at_five();
    maker_envelope(&spec, &envelope);
    w.raw_manifest = selv_bytes(envelope.p, envelope.len);
    check_refused("long severable element", "SELV_ERR_SUIT_TOO_LARGE");
    w.raw_manifest = selv_bytes(NULL, 0);
    world_close(&w);
}

/* Every truncation, and every flip of one bit: refused, or (bits that nothing
 * authenticates) the same update as the untouched one. */
static void check_bent(uint8_t *bent, size_t len)
{
    struct world_boot_state before;

    w.raw_manifest = selv_bytes(bent, len);
    world_restore(&w);
    assert_true(world_boot(&w));
    world_boot_state(&w, &before);
    if (world_run(&w, 100000) == WORLD_RESTED) {
        assert_int_equal(w.image_count, 0);
        assert_int_equal(w.report_count, 1);
        assert_non_null(strstr(w.log, "notified rejected:SELV_ERR_"));
        world_boot_state_is(&w, &before);
        return;
    }
    world_boot_state_is(&w, &before);
    assert_true(world_boot(&w));
    assert_int_equal(w.record.is_trial, 1);
    assert_memory_equal(w.record.digest, release.digest, 32);
}

static void test_consumer_refuses_every_bent_envelope(void **state)
{
    static uint8_t bent[MAKER_CAP];
    size_t len;

    (void)state;
    open_at_five();
    world_release_make(&release, 6, 600, 600);
    w.release = &release;
    len = release.envelope.len;
    for (size_t cut = 1; cut < len; cut++) {
        memcpy(bent, release.envelope.p, len);
        check_bent(bent, cut);
        assert_int_equal(w.image_count, 0);
    }
    for (size_t bit = 0; bit < len * 8; bit++) {
        memcpy(bent, release.envelope.p, len);
        bent[bit / 8] ^= (uint8_t)(1u << bit % 8);
        check_bent(bent, len);
    }
    w.raw_manifest = selv_bytes(NULL, 0);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_refuses_by_name),
        cmocka_unit_test(test_consumer_asks_the_boot_record),
        cmocka_unit_test(test_consumer_sees_another_envelope),
        cmocka_unit_test(test_consumer_goes_the_rehearsed_way),
        cmocka_unit_test(test_consumer_refuses_another_signer),
        cmocka_unit_test(test_consumer_refuses_integrated_payloads),
        cmocka_unit_test(test_consumer_refuses_what_is_too_long),
        cmocka_unit_test(test_consumer_refuses_every_bent_envelope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
