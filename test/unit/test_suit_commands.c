/* SPDX-License-Identifier: Apache-2.0
 *
 * Every command and parameter of the draft does what it says: each row is a
 * manifest, a device, and the trace of what the engine asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "test/unit/suit_maker.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])

#define ONE "<<{2: [[h'00']]}>>"
#define TWO "<<{2: [[h'00'], [h'01']]}>>"
#define THREE "<<{2: [[h'00'], [h'01'], [h'02']]}>>"
#define FOUR "<<{2: [[h'00'], [h'01'], [h'02'], [h'03']]}>>"
#define M(common, more) "{1: 1, 2: 1, 3: " common more "}"
#define INSTALL(common, commands) M(common, ", 20: <<[" commands "]>>")
#define INSTALL1(commands) INSTALL(ONE, commands)
#define INSTALL2(commands) INSTALL(TWO, "12, 0, " commands)
#define INSTALL3(commands) INSTALL(THREE, "12, 0, " commands)
#define SHARED(components, commands)                                           \
    "<<{2: " components ", 4: <<[" commands "]>>}>>"
#define OTHER_ID "repeat(16, 7)"
#define OWN_ID "repeat(16, 9)"
#define PEN "112(h'8a6b')"

static struct maker_bytes envelope;
static struct selv_suit suit;

/* ---- devices ------------------------------------------------------------ */

static const uint8_t device_id[16] = {9, 9, 9, 9, 9, 9, 9, 9,
                                      9, 9, 9, 9, 9, 9, 9, 9};
static const uint8_t pen[] = {0xd8, 0x70, 0x42, 0x8a, 0x6b};

static void has_device_id(struct selv_suit_device *device)
{
    device->device_id = device_id;
}

static void has_pen(struct selv_suit_device *device)
{
    device->vendor_pen = selv_bytes(pen, sizeof pen);
}

static void has_only_pen(struct selv_suit_device *device)
{
    device->vendor_id = NULL;
    device->vendor_pen = selv_bytes(pen, sizeof pen);
}

#define IN_INSTALL (1u << SELV_SUIT_SECTION_INSTALL)
#define IN_VALIDATE (1u << SELV_SUIT_SECTION_VALIDATE)
#define IN_INVOKE (1u << SELV_SUIT_SECTION_INVOKE)

/* -256 is not private: naming it changes nothing. */
static const struct selv_suit_private_command private_commands[] = {
    {-257, IN_INSTALL | IN_VALIDATE | IN_INVOKE, true},
    {-258, IN_INSTALL | IN_INVOKE, false},
    {-256, 0x1f, true},
    {-70000, IN_INSTALL, false},
    {-259, 0xff, false},
};
static const int32_t private_parameters[] = {-300, -65536};

static void has_private(struct selv_suit_device *device)
{
    static const struct selv_suit_private private = {
        .commands = private_commands,
        .command_count = LEN(private_commands),
        .parameters = private_parameters,
        .parameter_count = LEN(private_parameters)};
    device->private = &private;
}

/* ---- one case a row ----------------------------------------------------- */

struct row {
    const char *what, *manifest, *trace;
    enum selv_suit_procedure procedure; /* update unless said */
    uint8_t image[4];                   /* of each component, before */
    const char *content[3];             /* the same, as text */
    enum selv_err answer;               /* of each directive */
    enum selv_err digest_err;
    void (*prepare)(struct selv_suit_device *device);
    const char *pairs;
};

static struct maker_world world_of(const struct row *row)
{
    struct maker_world world = {.fetch_err = row->answer,
                                .digest_err = row->digest_err};
    memcpy(world.image, row->image, sizeof row->image);
    for (size_t i = 0; i < LEN(row->content); i++) {
        if (row->content[i] != NULL) {
            world.content[i] =
                selv_bytes(row->content[i], strlen(row->content[i]));
        }
    }
    return world;
}

static unsigned run_count; /* rows that some profile has run */

/* Run it from the envelope: polled once, twice and three times before each
 * answer, and begun again each time. */
static unsigned run_row(const struct row *row,
                        const struct selv_suit_profile *profile)
{
    struct selv_suit_device *device = maker_device(0);
    if (row->prepare != NULL) {
        row->prepare(device);
    }
    enum selv_err err = maker_load(&suit, profile, device,
                                   selv_bytes(envelope.p, envelope.len));
    if (profile == &selv_suit_profile_boot_install &&
        (err == SELV_ERR_SUIT_COMMAND || err == SELV_ERR_SUIT_PARAMETER)) {
        return 0; /* it does not fetch */
    }
    if (err != SELV_OK) {
        const struct selv_suit_failure *f = selv_suit_failure(&suit);
        print_error("%s:\n  refused: %s %d %ld\n", row->what,
                    selv_err_name(err), f->section, (long)f->code);
        return 1;
    }
    run_count++;
    for (unsigned polls = 1; polls <= 3; polls++) {
        struct maker_world world = world_of(row);
        world.polls = polls;
        const char *trace = maker_trace(&suit, row->procedure, &world);
        if (strcmp(trace, row->trace) != 0) {
            print_error("%s (polled %u times):\n  is:     %s\n  expect: %s\n",
                        row->what, polls, trace, row->trace);
            return 1;
        }
    }
    return 0;
}

static void run_rows(const struct row *rows, size_t count)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++) {
        maker_envelope(&(struct maker_spec){.manifest = rows[i].manifest,
                                            .pairs = rows[i].pairs},
                       &envelope);
        wrong += run_row(&rows[i], &selv_suit_profile_consumer);
        /* Recording every command changes nothing else. */
        wrong += run_row(&rows[i], &selv_suit_profile_consumer_trace);
        if (strstr(rows[i].manifest, ", 16:") == NULL) {
            wrong += run_row(&rows[i], &selv_suit_profile_boot_install);
        }
    }
    assert_int_equal(wrong, 0);
    assert_true(run_count > 2 * count); /* the bootloader, too */
    run_count = 0;
}

/* ---- copy, swap, write, fetch ------------------------------------------- */

static const struct row stores[] = {
    {"copy brings the source's bytes",
     INSTALL2("20, {3: " MAKER_IMAGE_A ", 22: 1}, 22, 2, 3, 15"),
     .trace = "copy(0 from 1) digest(0) done", .image = {0, 0xaa}},
    {"copy leaves the source as it was",
     INSTALL2("20, {22: 1}, 22, 2, 12, 1, 20, {3: " MAKER_IMAGE_A "}, 3, 15"),
     .trace = "copy(0 from 1) digest(1) done", .image = {0, 0xaa}},
    {"copy brings another image than the digest says",
     INSTALL2("20, {3: " MAKER_IMAGE_A ", 22: 1}, 22, 2, 3, 15"),
     .trace = "copy(0 from 1) digest(0) failed(SELV_ERR_SUIT_IMAGE 20 3 0)",
     .image = {0, 0xbb}},
    {"copy into the second of two", INSTALL2("12, 1, 20, {22: 0}, 22, 2"),
     .trace = "copy(1 from 0) done"},
    {"copy without a source-component", INSTALL2("22, 2"),
     .trace = "failed(SELV_ERR_SUIT_UNSET 20 22 0)"},
    {"copy with the source of another component",
     INSTALL2("20, {22: 1}, 12, 1, 22, 2"),
     .trace = "failed(SELV_ERR_SUIT_UNSET 20 22 1)"},
    {"copy of a component onto itself", INSTALL2("20, {22: 0}, 22, 2"),
     .trace = "failed(SELV_ERR_SUIT_SOURCE 20 22 0)"},
    {"copy of the only component onto itself", INSTALL1("20, {22: 0}, 22, 2"),
     .trace = "failed(SELV_ERR_SUIT_SOURCE 20 22 0)"},
    {"copy to all, of which one is the source",
     INSTALL3("12, true, 20, {22: 1}, 22, 2"),
     .trace = "copy(0 from 1) failed(SELV_ERR_SUIT_SOURCE 20 22 1)"},
    {"copy that the device cannot do", INSTALL2("20, {22: 1}, 22, 2, 22, 2"),
     .trace = "copy(0 from 1) failed(SELV_ERR_FLASH_IO 20 22 0)",
     .answer = SELV_ERR_FLASH_IO},
    {"copy that fails in a try-each ends everything",
     INSTALL2("20, {22: 1}, 15, [<<[22, 2]>>, <<[20, {22: 1}]>>]"),
     .trace = "copy(0 from 1) failed(SELV_ERR_FLASH_IO 20 22 0)",
     .answer = SELV_ERR_FLASH_IO},
    {"copy in payload-fetch", M(TWO, ", 16: <<[12, 0, 20, {22: 1}, 22, 2]>>"),
     .trace = "copy(0 from 1) done"},
    {"copy in load",
     M(TWO, ", 8: <<[12, 0, 20, {3: " MAKER_IMAGE_A ", 22: 1}, 22, 2, 3, 15]>>"
            ", 9: <<[12, 0, 23, 2]>>"),
     .trace = "copy(0 from 1) digest(0) may-invoke(0) "
              "failed(SELV_ERR_SUIT_OPERATION 9 23 0)",
     .procedure = SELV_SUIT_INVOCATION, .image = {0, 0xaa}},
    {"swap exchanges",
     INSTALL2("20, {3: " MAKER_IMAGE_B ", 22: 1}, 31, 2, 3, 15,"
              " 12, 1, 20, {3: " MAKER_IMAGE_A "}, 3, 15"),
     .trace = "swap(0 with 1) digest(0) digest(1) done", .image = {0xaa, 0xbb}},
    {"swap twice is as it was",
     INSTALL2("20, {3: " MAKER_IMAGE_A ", 22: 1}, 31, 2, 31, 2, 3, 15"),
     .trace = "swap(0 with 1) swap(0 with 1) digest(0) done",
     .image = {0xaa, 0xbb}},
    {"swap without a source-component", INSTALL2("31, 2"),
     .trace = "failed(SELV_ERR_SUIT_UNSET 20 31 0)"},
    {"swap with itself", INSTALL2("12, 1, 20, {22: 1}, 31, 2"),
     .trace = "failed(SELV_ERR_SUIT_SOURCE 20 31 1)"},
    {"swap that the device cannot do", INSTALL2("20, {22: 1}, 31, 2"),
     .trace = "swap(0 with 1) failed(SELV_ERR_FLASH_IO 20 31 0)",
     .answer = SELV_ERR_FLASH_IO},
    {"swap in load", M(TWO, ", 8: <<[12, 1, 20, {22: 0}, 31, 2]>>"),
     .trace = "swap(1 with 0) done", .procedure = SELV_SUIT_INVOCATION},
    {"write puts the content there, and check-content finds it",
     INSTALL1("20, {18: h'0102'}, 18, 2, 6, 15"),
     .trace = "write(0 =0102) content(0 2) done"},
    {"write of nothing", INSTALL1("20, {18: h''}, 18, 2, 6, 15"),
     .trace = "write(0) content(0 0) done", .content = {"old"}},
    {"write without content", INSTALL1("18, 2"),
     .trace = "failed(SELV_ERR_SUIT_UNSET 20 18 0)"},
    {"write with the content of another component",
     INSTALL2("20, {18: h'01'}, 12, 1, 18, 2"),
     .trace = "failed(SELV_ERR_SUIT_UNSET 20 18 1)"},
    {"write to each of a list, with what is set for each",
     INSTALL2("20, {18: h'01'}, 12, 1, 20, {18: h'0202'}, 12, [1, 0], 18, 2"),
     .trace = "write(1 =0202) write(0 =01) done"},
    {"write that the device cannot do", INSTALL1("20, {18: h'01'}, 18, 2"),
     .trace = "write(0 =01) failed(SELV_ERR_FLASH_IO 20 18 0)",
     .answer = SELV_ERR_FLASH_IO},
    {"write in load", M(ONE, ", 8: <<[20, {18: h'01'}, 18, 2]>>"),
     .trace = "write(0 =01) done", .procedure = SELV_SUIT_INVOCATION},
    {"what was written is copied",
     INSTALL2("20, {18: h'07'}, 18, 2, 12, 1, 20, {18: h'07', 22: 0}, 22, 2,"
              " 6, 15"),
     .trace = "write(0 =07) copy(1 from 0) content(1 1) done"},
    {"fetch-arguments go with the fetch",
     INSTALL1("20, {21: \"a\", 25: h'0304'}, 21, 2"),
     .trace = "fetch(0 a =0304) done"},
    {"fetch-arguments unset", INSTALL1("20, {21: \"a\"}, 21, 2"),
     .trace = "fetch(0 a) done"},
    {"fetch-arguments empty", INSTALL1("20, {21: \"a\", 25: h''}, 21, 2"),
     .trace = "fetch(0 a) done"},
    {"fetch-arguments with a size and a payload in the envelope",
     INSTALL1("20, {14: 2, 21: \"#a\", 25: h'03'}, 21, 2"),
     .trace = "fetch(0 #a 2 =0102 =03) done", .pairs = "{\"#a\": h'0102'}"},
    {"fetch-arguments are each component's own",
     INSTALL2("20, {21: \"a\", 25: h'00'}, 12, 1, 20, {21: \"b\", 25: h'01'},"
              " 12, [1, 0], 21, 2"),
     .trace = "fetch(1 b =01) fetch(0 a =00) done"},
    {"fetch into the image that was copied from",
     INSTALL2("20, {3: " MAKER_IMAGE_B ", 21: \"b\"}, 12, 1,"
              " 20, {3: " MAKER_IMAGE_A ", 22: 0}, 22, 2, 12, 0, 21, 2,"
              " 12, true, 3, 15"),
     .trace = "copy(1 from 0) fetch(0 b) digest(0) digest(1) done",
     .image = {0xaa, 0}},
};

static void test_suit_stores(void **state)
{
    (void)state;
    run_rows(stores, LEN(stores));
}

/* ---- conditions --------------------------------------------------------- */

#define CHECK(content) INSTALL1("20, {18: " content "}, 6, 15")
#define NO_CONTENT(n) "content(0 " n ") failed(SELV_ERR_SUIT_CONTENT 20 6 0)"
#define NO_SIZE(n) "content(0 " n ") failed(SELV_ERR_UPDATE_SIZE 20 6 0)"
#define DEVICE "20, {24: " OWN_ID "}, 24, 15"
#define VENDOR(id) INSTALL1("20, {1: " id "}, 1, 15")

static const struct row conditions[] = {
    {"content equal", CHECK("h'616263'"), .trace = "content(0 3) done",
     .content = {"abc"}},
    {"content other in the first byte", CHECK("h'626263'"),
     .trace = NO_CONTENT("3"), .content = {"abc"}},
    {"content other in the last byte", CHECK("h'616262'"),
     .trace = NO_CONTENT("3"), .content = {"abc"}},
    {"content shorter than the component", CHECK("h'6162'"),
     .trace = NO_SIZE("2"), .content = {"abc"}},
    {"content longer than the component", CHECK("h'61626364'"),
     .trace = NO_SIZE("4"), .content = {"abc"}},
    {"content empty, component empty", CHECK("h''"),
     .trace = "content(0 0) done"},
    {"content empty, component not", CHECK("h''"), .trace = NO_SIZE("0"),
     .content = {"a"}},
    {"component empty, content not", CHECK("h'61'"), .trace = NO_SIZE("1")},
    {"content of 64 bytes", CHECK("repeat(64, 97)"),
     .trace = "content(0 64) done",
     .content = {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
    {"check-content without content", INSTALL1("6, 15"),
     .trace = "failed(SELV_ERR_SUIT_UNSET 20 6 0)"},
    {"image-size is not the content's size",
     INSTALL1("20, {14: 99, 18: h'616263'}, 6, 15"),
     .trace = "content(0 3) done", .content = {"abc"}},
    {"check-content moves a try-each on",
     INSTALL1("20, {18: h'61', 21: \"a\"}, 15, [<<[6, 15]>>, <<[21, 2]>>]"),
     .trace = "content(0 1) fetch(0 a) done", .content = {"b"}},
    {"check-content of each component",
     INSTALL2("20, {18: h'61'}, 12, 1, 20, {18: h'6262'}, 12, true, 6, 15"),
     .trace = "content(0 1) content(1 2) done", .content = {"a", "bb"}},
    {"check-content in validate", M(ONE, ", 7: <<[20, {18: h'61'}, 6, 15]>>"),
     .trace = "content(0 1) done", .procedure = SELV_SUIT_INVOCATION,
     .content = {"a"}},

    {"image-match: a digest that nobody can make",
     INSTALL1("20, {3: " MAKER_IMAGE_A ", 21: \"a\"},"
              " 15, [<<[3, 15]>>, <<[21, 2]>>]"),
     .trace = "digest(0) fetch(0 a) done", .digest_err = SELV_ERR_FLASH_IO},

    {"the device's id", INSTALL1(DEVICE), .trace = "done",
     .prepare = has_device_id},
    {"another device's id", INSTALL1("20, {24: " OTHER_ID "}, 24, 15"),
     .trace = "failed(SELV_ERR_SUIT_DEVICE 20 24 0)", .prepare = has_device_id},
    {"an id for a device that has none", INSTALL1(DEVICE),
     .trace = "failed(SELV_ERR_SUIT_DEVICE 20 24 0)"},
    {"device-identifier unset", INSTALL1("24, 15"),
     .trace = "failed(SELV_ERR_SUIT_UNSET 20 24 0)", .prepare = has_device_id},
    {"device-identifier of another component",
     INSTALL2("20, {24: " OWN_ID "}, 12, 1, 24, 15"),
     .trace = "failed(SELV_ERR_SUIT_UNSET 20 24 1)", .prepare = has_device_id},
    {"another device's id moves a try-each on",
     INSTALL1("20, {21: \"a\", 24: " OTHER_ID "},"
              " 15, [<<[24, 15]>>, <<[20, {24: " OWN_ID "}, 24, 15,"
              " 21, 2]>>]"),
     .trace = "fetch(0 a) done", .prepare = has_device_id},
    {"the vendor is not the class", INSTALL1("20, {1: " MAKER_CLASS "}, 1, 15"),
     .trace = "failed(SELV_ERR_SUIT_VENDOR 20 1 0)"},
    {"the class is not the device", INSTALL1("20, {2: " OWN_ID "}, 2, 15"),
     .trace = "failed(SELV_ERR_SUIT_CLASS 20 2 0)", .prepare = has_device_id},

    {"a vendor as PEN", VENDOR(PEN), .trace = "done", .prepare = has_pen},
    {"a vendor as PEN, on a device without UUID", VENDOR(PEN), .trace = "done",
     .prepare = has_only_pen},
    {"another PEN", VENDOR("112(h'8a6c')"),
     .trace = "failed(SELV_ERR_SUIT_VENDOR 20 1 0)", .prepare = has_pen},
    {"a longer PEN", VENDOR("112(h'8a6b00')"),
     .trace = "failed(SELV_ERR_SUIT_VENDOR 20 1 0)", .prepare = has_pen},
    {"a PEN that begins like it", VENDOR("112(h'8a')"),
     .trace = "failed(SELV_ERR_SUIT_VENDOR 20 1 0)", .prepare = has_pen},
    {"an empty PEN", VENDOR("112(h'')"),
     .trace = "failed(SELV_ERR_SUIT_VENDOR 20 1 0)"},
    {"a PEN for a device that has none", VENDOR(PEN),
     .trace = "failed(SELV_ERR_SUIT_VENDOR 20 1 0)"},
    {"a UUID for a device that has a PEN, too", VENDOR(MAKER_VENDOR),
     .trace = "done", .prepare = has_pen},
    {"a UUID for a device that has only a PEN", VENDOR(MAKER_VENDOR),
     .trace = "failed(SELV_ERR_SUIT_VENDOR 20 1 0)", .prepare = has_only_pen},
    {"a UUID of zeros for a device without", VENDOR("repeat(16, 0)"),
     .trace = "failed(SELV_ERR_SUIT_VENDOR 20 1 0)", .prepare = has_only_pen},

    {"component-slot", INSTALL1("20, {5: 0}, 5, 15"), .trace = "done"},
    {"another component-slot", INSTALL1("20, {5: 1}, 5, 15"),
     .trace = "failed(SELV_ERR_SUIT_SLOT 20 5 0)"},
    {"component-slot of 32 bits less one",
     INSTALL1("20, {5: 4294967294}, 5, 15"),
     .trace = "failed(SELV_ERR_SUIT_SLOT 20 5 0)"},

    {"abort", INSTALL1("20, {21: \"a\"}, 14, 15, 21, 2"),
     .trace = "failed(SELV_ERR_SUIT_ABORT 20 14 0)"},
    {"abort in a try-each is a condition that fails",
     INSTALL1("20, {21: \"a\"}, 15, [<<[14, 15]>>, <<[21, 2]>>]"),
     .trace = "fetch(0 a) done"},
    {"abort in the last alternative",
     INSTALL1("15, [<<[14, 15]>>, <<[14, 15]>>]"),
     .trace = "failed(SELV_ERR_SUIT_TRY_EACH 20 15 0)"},
    {"abort with soft-failure false is final",
     INSTALL1("15, [<<[20, {13: false}, 14, 15]>>, <<[20, {5: 0}]>>]"),
     .trace = "failed(SELV_ERR_SUIT_ABORT 20 14 0)"},
    {"abort in a run-sequence", INSTALL1("32, <<[14, 15]>>"),
     .trace = "failed(SELV_ERR_SUIT_ABORT 20 14 0)"},
    {"abort in the shared sequence", M(SHARED("[[h'00']]", "14, 15"), ""),
     .trace = "failed(SELV_ERR_SUIT_ABORT 3 14 0)"},
    {"abort names the component of a list", INSTALL3("12, [2, 1], 14, 15"),
     .trace = "failed(SELV_ERR_SUIT_ABORT 20 14 2)"},
};

static void test_suit_conditions(void **state)
{
    (void)state;
    run_rows(conditions, LEN(conditions));
}

/* ---- run-sequence, try-each, soft-failure ------------------------------- */

#define RUN(commands) "32, <<[" commands "]>>"
#define TRY(a, b) "15, [<<[" a "]>>, <<[" b "]>>]"
#define FETCH_A "20, {21: \"a\"}, 21, 2"
#define FETCH_B "20, {21: \"b\"}, 21, 2"
#define NO_SLOT "20, {5: 9}, 5, 15"
#define SOFT "20, {13: true}"
#define HARD "20, {13: false}"

static const struct row flows[] = {
    {"run-sequence runs its argument", INSTALL1(RUN(FETCH_A) ", " FETCH_B),
     .trace = "fetch(0 a) fetch(0 b) done"},
    {"run-sequence in four levels",
     INSTALL1(RUN(RUN(RUN(RUN(FETCH_A) ", " FETCH_B))) ", 21, 2"),
     .trace = "fetch(0 a) fetch(0 b) fetch(0 b) done"},
    {"parameters that it sets stay set",
     INSTALL1(RUN("20, {21: \"a\"}") ", 21, 2"), .trace = "fetch(0 a) done"},
    {"the index that it sets ends with it",
     INSTALL2(RUN("12, 1, " FETCH_B) ", " FETCH_A),
     .trace = "fetch(1 b) fetch(0 a) done"},
    {"it begins with the index of its caller", INSTALL2("12, 1, " RUN(FETCH_B)),
     .trace = "fetch(1 b) done"},
    {"once for each of a list, in its order, each time to its end",
     INSTALL3("12, [2, 0], " RUN("20, {3: " MAKER_IMAGE_A ", 21: \"a\"}, 21, 2,"
                                 " 3, 15")),
     .trace = "fetch(2 a) digest(2) fetch(0 a) digest(0) done"},
    {"once for each, with true", INSTALL3("12, true, " RUN(FETCH_A)),
     .trace = "fetch(0 a) fetch(1 a) fetch(2 a) done"},
    {"the list is there again behind it",
     INSTALL3("12, [2, 0], " RUN("12, 1, " FETCH_B) ", " FETCH_A),
     .trace = "fetch(1 b) fetch(1 b) fetch(2 a) fetch(0 a) done"},
    {"nested sequences see one component only",
     INSTALL2("20, {22: 1}, 12, 1, 20, {22: 0}, 12, true, " RUN(RUN("22, 2"))),
     .trace = "copy(0 from 1) copy(1 from 0) done"},
    {"a list in a list's sequence",
     INSTALL3("12, [1, 0], " RUN("12, [0, 2], " FETCH_A)),
     .trace = "fetch(0 a) fetch(2 a) fetch(0 a) fetch(2 a) done"},

    {"a condition in it that fails ends all",
     INSTALL1(RUN(NO_SLOT ", " FETCH_A) ", " FETCH_B),
     .trace = "failed(SELV_ERR_SUIT_SLOT 20 5 0)"},
    {"soft-failure true: it halts, the caller goes on",
     INSTALL1(RUN(SOFT ", " NO_SLOT ", " FETCH_A) ", " FETCH_B),
     .trace = "fetch(0 b) done"},
    {"soft-failure true, then false",
     INSTALL1(RUN(SOFT ", " HARD ", " NO_SLOT) ", " FETCH_B),
     .trace = "failed(SELV_ERR_SUIT_SLOT 20 5 0)"},
    {"soft-failure true behind the failure is too late",
     INSTALL1(RUN(NO_SLOT ", " SOFT) ", " FETCH_B),
     .trace = "failed(SELV_ERR_SUIT_SLOT 20 5 0)"},
    {"soft-failure, and a directive fails",
     INSTALL1(RUN(SOFT ", 21, 2") ", " FETCH_B),
     .trace = "failed(SELV_ERR_SUIT_UNSET 20 21 0)"},
    {"soft-failure, and the answer to a directive is an error",
     INSTALL1(RUN(SOFT ", " FETCH_A) ", " FETCH_B),
     .trace = "fetch(0 a) failed(SELV_ERR_COAP_TIMEOUT 20 21 0)",
     .answer = SELV_ERR_COAP_TIMEOUT},
    {"soft-failure is not inherited",
     INSTALL1(RUN(SOFT ", " RUN(NO_SLOT)) ", " FETCH_B),
     .trace = "failed(SELV_ERR_SUIT_SLOT 20 5 0)"},
    {"soft-failure does not come out",
     INSTALL1(RUN(RUN(SOFT ", " NO_SLOT) ", 5, 15") ", " FETCH_B),
     .trace = "failed(SELV_ERR_SUIT_SLOT 20 5 0)"},
    {"soft-failure of the outer one is back behind the inner one",
     INSTALL1(RUN(SOFT ", " RUN(HARD ", " FETCH_A) ", " NO_SLOT
                                                   ", " FETCH_A) ", " FETCH_B),
     .trace = "fetch(0 a) fetch(0 b) done"},
    {"soft-failure is for the sequence, not for the component",
     INSTALL2(RUN(SOFT ", 12, 1, " NO_SLOT ", " FETCH_A) ", " FETCH_B),
     .trace = "fetch(0 b) done"},
    {"each iteration begins without soft-failure",
     INSTALL3("20, {5: 0}, 12, 1, 20, {5: 9}, 12, [0, 1], " RUN("5, 15, " SOFT
                                                                ", 14, 15")),
     .trace = "failed(SELV_ERR_SUIT_SLOT 20 5 1)"},
    {"a soft failure of one iteration lets the next one run",
     INSTALL3("20, {5: 9}, 12, 1, 20, {5: 0}, 12, [0, 1], " RUN(
         SOFT ", 5, 15, " FETCH_A)),
     .trace = "fetch(1 a) done"},
    {"soft-failure lets a digest be wrong",
     INSTALL1("20, {3: " MAKER_IMAGE_A "}, " RUN(SOFT ", 3, 15") ", " FETCH_A),
     .trace = "digest(0) fetch(0 a) done", .image = {0x11}},

    {"try-each: soft-failure is true from the start",
     INSTALL1(TRY(NO_SLOT, FETCH_A)), .trace = "fetch(0 a) done"},
    {"try-each: soft-failure false makes a failure final, with its code",
     INSTALL1(TRY(HARD ", " NO_SLOT, FETCH_A)),
     .trace = "failed(SELV_ERR_SUIT_SLOT 20 5 0)"},
    {"try-each: false, then true again",
     INSTALL1(TRY(HARD ", " SOFT ", " NO_SLOT, FETCH_A)),
     .trace = "fetch(0 a) done"},
    {"try-each: false behind what failed is not reached",
     INSTALL1(TRY(NO_SLOT ", " HARD, FETCH_A)), .trace = "fetch(0 a) done"},
    {"try-each: every alternative begins with true",
     INSTALL1("15, [<<[5, 15]>>, <<[20, {5: 9}, " SOFT ", 5, 15]>>,"
              " <<[5, 15]>>, <<[" FETCH_A "]>>]"),
     .trace = "fetch(0 a) done"},
    {"try-each: false in a good alternative does no harm",
     INSTALL1(TRY(HARD ", " FETCH_A, FETCH_B) ", 21, 2"),
     .trace = "fetch(0 a) fetch(0 a) done"},
    {"a run-sequence in an alternative begins with false",
     INSTALL1(TRY(RUN(NO_SLOT), FETCH_A)),
     .trace = "failed(SELV_ERR_SUIT_SLOT 20 5 0)"},
    {"a run-sequence in an alternative that sets it",
     INSTALL1(TRY(RUN(SOFT ", " NO_SLOT) ", " FETCH_B, FETCH_A)),
     .trace = "fetch(0 b) done"},
    {"a try-each in a run-sequence", INSTALL1(RUN(TRY(NO_SLOT, FETCH_A))),
     .trace = "fetch(0 a) done"},
    {"a try-each without a good one is a directive that failed",
     INSTALL1(RUN(SOFT ", " TRY(NO_SLOT, NO_SLOT)) ", " FETCH_B),
     .trace = "failed(SELV_ERR_SUIT_TRY_EACH 20 15 0)"},
    {"nil after two",
     INSTALL1("15, [<<[" NO_SLOT "]>>, <<[14, 0]>>, null], " FETCH_A),
     .trace = "fetch(0 a) done"},
    {"nil is not reached",
     INSTALL1("15, [<<[" NO_SLOT "]>>, <<[" FETCH_B "]>>, null], " FETCH_A),
     .trace = "fetch(0 b) fetch(0 a) done"},
    {"nil does not excuse what is final",
     INSTALL1("15, [<<[" HARD ", 14, 0]>>, <<[" FETCH_A "]>>, null]"),
     .trace = "failed(SELV_ERR_SUIT_ABORT 20 14 0)"},
    {"nil does not excuse a directive",
     INSTALL1("15, [<<[21, 2]>>, <<[" FETCH_A "]>>, null]"),
     .trace = "failed(SELV_ERR_SUIT_UNSET 20 21 0)"},
    {"nil for one of a list, an alternative for the other",
     INSTALL3("20, {5: 9, 21: \"a\"}, 12, 2, 20, {5: 0, 21: \"b\"},"
              " 12, [0, 2], 15, [<<[5, 15, 21, 2]>>, <<[14, 15]>>, null]"),
     .trace = "fetch(2 b) done"},
    {"nil in nil",
     INSTALL1("15, [<<[15, [<<[14, 0]>>, <<[14, 0]>>, null], 14, 0]>>,"
              " <<[14, 0]>>, null], " FETCH_A),
     .trace = "fetch(0 a) done"},
    {"the first good alternative ends it: no digest is asked for",
     INSTALL1("20, {3: " MAKER_IMAGE_A "}, 15, [<<[3, 0]>>, <<[3, 0]>>,"
              " <<[3, 0]>>]"),
     .trace = "digest(0) done", .image = {0xaa}},
    {"alternatives in their order",
     INSTALL1("15, [<<[20, {3: " MAKER_IMAGE_A "}, 3, 0]>>,"
              " <<[20, {3: " MAKER_IMAGE_B "}, 3, 0, " FETCH_B "]>>,"
              " <<[" FETCH_A "]>>]"),
     .trace = "digest(0) digest(0) fetch(0 b) done", .image = {0xbb}},
};

static void test_suit_flows(void **state)
{
    (void)state;
    run_rows(flows, LEN(flows));
}

/* ---- strict-order [manifest 6.7] ---------------------------------------- */

#define LOOSE "20, {12: false}"
#define STRICT "20, {12: true}"
#define COPY(source) "20, {22: " source "}, 22, 2"
#define SWAP(source) "20, {22: " source "}, 31, 2"
#define RACE(code, component)                                                  \
    "failed(SELV_ERR_SUIT_RACE 20 " code " " component ")"

static const struct row orders[] = {
    {"in strict order a target may be a source",
     INSTALL2(FETCH_A ", 12, 1, " COPY("0") ", 12, 0, " COPY("1")),
     .trace = "fetch(0 a) copy(1 from 0) copy(0 from 1) done"},
    {"strict-order true says the same",
     INSTALL2(STRICT ", " FETCH_A ", 12, 1, " COPY("0")),
     .trace = "fetch(0 a) copy(1 from 0) done"},
    {"false: targets and sources apart",
     INSTALL3(LOOSE ", " FETCH_A ", 12, 1, " COPY("2")),
     .trace = "fetch(0 a) copy(1 from 2) done"},
    {"false: the same target twice", INSTALL2(LOOSE ", " FETCH_A ", " FETCH_B),
     .trace = "fetch(0 a) fetch(0 b) done"},
    {"false: the same source twice",
     INSTALL3(LOOSE ", " COPY("2") ", 12, 1, " COPY("2")),
     .trace = "copy(0 from 2) copy(1 from 2) done"},
    {"false: fetched, then a source",
     INSTALL2(LOOSE ", " FETCH_A ", 12, 1, " COPY("0")),
     .trace = "fetch(0 a) " RACE("22", "1")},
    {"false: written, then a source",
     INSTALL2(LOOSE ", 20, {18: h'01'}, 18, 2, 12, 1, " COPY("0")),
     .trace = "write(0 =01) " RACE("22", "1")},
    {"false: a source, then fetched",
     INSTALL2(LOOSE ", " COPY("1") ", 12, 1, " FETCH_A),
     .trace = "copy(0 from 1) " RACE("21", "1")},
    {"false: a source, then written",
     INSTALL2(LOOSE ", " COPY("1") ", 12, 1, 20, {18: h'01'}, 18, 2"),
     .trace = "copy(0 from 1) " RACE("18", "1")},
    {"false: a chain of copies",
     INSTALL3(LOOSE ", " COPY("1") ", 12, 2, " COPY("0")),
     .trace = "copy(0 from 1) " RACE("22", "2")},
    {"false: one swap", INSTALL2(LOOSE ", " SWAP("1")),
     .trace = "swap(0 with 1) done"},
    {"false: two swaps that share a component",
     INSTALL3(LOOSE ", " SWAP("1") ", 12, 2, " SWAP("1")),
     .trace = "swap(0 with 1) " RACE("31", "2")},
    {"false: two swaps apart",
     INSTALL(FOUR, "12, 0, " LOOSE ", " SWAP("1") ", 12, 2, " SWAP("3")),
     .trace = "swap(0 with 1) swap(2 with 3) done"},
    {"false: the source of a swap is a target",
     INSTALL3(LOOSE ", " SWAP("1") ", 12, 2, " COPY("1")),
     .trace = "swap(0 with 1) " RACE("22", "2")},
    {"false: a race is no condition",
     INSTALL2(LOOSE ", " FETCH_A
                    ", 12, 1, 20, {22: 0}, " TRY("22, 2", FETCH_B)),
     .trace = "fetch(0 a) " RACE("22", "1")},
    {"true between: the work before is done",
     INSTALL2(LOOSE ", " FETCH_A ", " STRICT ", 12, 1, " COPY("0")),
     .trace = "fetch(0 a) copy(1 from 0) done"},
    {"true, then false: begins anew",
     INSTALL2(LOOSE ", " FETCH_A ", " STRICT ", " LOOSE ", 12, 1, " COPY("0")),
     .trace = "fetch(0 a) copy(1 from 0) done"},
    {"false once more does not begin anew",
     INSTALL2(LOOSE ", " FETCH_A ", " LOOSE ", 12, 1, " COPY("0")),
     .trace = "fetch(0 a) " RACE("22", "1")},
    {"false is not for one component only",
     INSTALL2("12, 1, " LOOSE ", 12, 0, " FETCH_A ", 12, 1, " COPY("0")),
     .trace = "fetch(0 a) " RACE("22", "1")},
    {"false in shared holds in the section",
     INSTALL(SHARED("[[h'00'], [h'01']]", "12, 0, " LOOSE),
             "12, 0, " FETCH_A ", 12, 1, " COPY("0")),
     .trace = "fetch(0 a) " RACE("22", "1")},
    {"the end of a section is the end of its work",
     M(TWO, ", 16: <<[12, 0, " LOOSE ", " FETCH_A "]>>,"
            " 20: <<[12, 1, " COPY("0") "]>>"),
     .trace = "fetch(0 a) copy(1 from 0) done"},
    {"false in an alternative holds behind it",
     INSTALL2(TRY(LOOSE, NO_SLOT) ", " FETCH_A ", 12, 1, " COPY("0")),
     .trace = "fetch(0 a) " RACE("22", "1")},

    {"a parallel sequence begins with an index",
     INSTALL2(LOOSE ", " RUN("12, 1, " FETCH_A) ", " RUN("12, 0, " FETCH_B)),
     .trace = "fetch(1 a) fetch(0 b) done"},
    {"and else is refused", INSTALL2(LOOSE ", " RUN(FETCH_A)),
     .trace = "failed(SELV_ERR_SUIT_NO_INDEX 20 20 0)"},
    {"with one component, too", INSTALL1(LOOSE ", " RUN(FETCH_A)),
     .trace = "failed(SELV_ERR_SUIT_NO_INDEX 20 20 0)"},
    {"a second index in it",
     INSTALL2(LOOSE ", " RUN("12, 1, " FETCH_A ", 12, 0, " FETCH_B)),
     .trace = "fetch(1 a) " RACE("12", "1")},
    {"a second index in a try-each in it",
     INSTALL2(LOOSE ", " RUN("12, 1, " TRY("12, 0", FETCH_B))),
     .trace = RACE("12", "1")},
    {"a second index in a run-sequence in it",
     INSTALL2(LOOSE ", " RUN("12, 1, " RUN("12, 0, " FETCH_B))),
     .trace = RACE("12", "1")},
    {"a parallel sequence within has no index either",
     INSTALL2(LOOSE ", " RUN("12, 1, " LOOSE ", " RUN("12, 0, " FETCH_B))),
     .trace = RACE("12", "1")},
    {"a run-sequence in it needs no index: it runs in strict order",
     INSTALL2(LOOSE ", " RUN("12, 1, " RUN(FETCH_B))),
     .trace = "fetch(1 b) done"},
    {"a list: the index is set already",
     INSTALL2(LOOSE ", 12, [1, 0], " RUN(FETCH_A)),
     .trace = "fetch(1 a) fetch(0 a) done"},
    {"a list: any index is one too many",
     INSTALL2(LOOSE ", 12, [1, 0], " RUN("12, 1, " FETCH_A)),
     .trace = RACE("12", "1")},
    {"true: any index is one too many",
     INSTALL2(LOOSE ", 12, true, " RUN(FETCH_A ", 12, 1")),
     .trace = "fetch(0 a) " RACE("12", "0")},
    {"in it strict-order is true",
     INSTALL2(LOOSE ", " RUN("12, 1, " FETCH_A ", " RUN("14, 0"))),
     .trace = "fetch(1 a) failed(SELV_ERR_SUIT_ABORT 20 14 1)"},
    {"behind it strict-order is false again",
     INSTALL3(LOOSE ", " RUN("12, 2, " FETCH_B) ", " FETCH_A
                                                ", 12, 1, " COPY("0")),
     .trace = "fetch(2 b) fetch(0 a) " RACE("22", "1")},
    {"also when it said true for itself",
     INSTALL3(LOOSE ", " RUN("12, 2, " STRICT
                             ", " FETCH_B) ", " FETCH_A ", 12, 1, " COPY("0")),
     .trace = "fetch(2 b) fetch(0 a) " RACE("22", "1")},
    {"but a procedure begins with true",
     INSTALL3(FETCH_A ", 12, 1, " COPY("0") ", " LOOSE),
     .trace = "fetch(0 a) copy(1 from 0) done"},
    {"also when a soft failure ended it",
     INSTALL3(LOOSE ", " RUN("12, 2, " SOFT ", 14, 0") ", " FETCH_A
                                                       ", 12, 1, " COPY("0")),
     .trace = "fetch(0 a) " RACE("22", "1")},
    {"strict again: a second index is free",
     INSTALL2(LOOSE ", " STRICT
                    ", " RUN("12, 1, " FETCH_A ", 12, 0, " FETCH_B)),
     .trace = "fetch(1 a) fetch(0 b) done"},
    {"false within it does not forget the outer work",
     INSTALL2(LOOSE ", 12, 1, " FETCH_B ", 12, 0, " RUN(
         "12, 0, " LOOSE ", " FETCH_A ", " COPY("1"))),
     .trace = "fetch(1 b) fetch(0 a) " RACE("22", "0")},
};

static void test_suit_orders(void **state)
{
    (void)state;
    run_rows(orders, LEN(orders));
}

/* ---- component index, parameters, sections ------------------------------ */

static const struct row indices[] = {
    {"the first component is the one to begin with", INSTALL1(FETCH_A),
     .trace = "fetch(0 a) done"},
    {"an integer", INSTALL3("12, 2, " FETCH_A), .trace = "fetch(2 a) done"},
    {"a list of one", INSTALL3("12, [2], " FETCH_A),
     .trace = "fetch(2 a) done"},
    {"a list in its order", INSTALL3("12, [2, 0, 1], " FETCH_A),
     .trace = "fetch(2 a) fetch(0 a) fetch(1 a) done"},
    {"a list that names one twice", INSTALL3("12, [1, 1], " FETCH_A),
     .trace = "fetch(1 a) fetch(1 a) done"},
    {"true is ascending", INSTALL3("12, true, " FETCH_A),
     .trace = "fetch(0 a) fetch(1 a) fetch(2 a) done"},
    {"true with one component", INSTALL1("12, true, " FETCH_A),
     .trace = "fetch(0 a) done"},
    {"a list with one component", INSTALL1("12, [0], " FETCH_A),
     .trace = "fetch(0 a) done"},
    {"all four", INSTALL(FOUR, "12, [3, 2, 1, 0], " FETCH_A),
     .trace = "fetch(3 a) fetch(2 a) fetch(1 a) fetch(0 a) done"},
    {"a list, then an integer, then true",
     INSTALL2("12, [1], " FETCH_A ", 12, 0, 20, {21: \"b\"}, 12, true, 21, 2"),
     .trace = "fetch(1 a) fetch(0 b) fetch(1 a) done"},
    {"each command of a list runs for all before the next one",
     INSTALL2("12, true, 20, {3: " MAKER_IMAGE_A ", 21: \"a\"}, 21, 2, 3, 15"),
     .trace = "fetch(0 a) fetch(1 a) digest(0) digest(1) done"},
    {"override-parameters for each selected one, not for others",
     INSTALL3("12, true, 20, {21: \"x\"}, 12, [0, 2], 20, {21: \"a\"},"
              " 12, true, 21, 2"),
     .trace = "fetch(0 a) fetch(1 x) fetch(2 a) done"},
    {"override-parameters replaces what is listed and nothing else",
     INSTALL1("20, {14: 5, 21: \"a\"}, 21, 2, 20, {21: \"b\"}, 21, 2,"
              " 20, {14: 6}, 21, 2"),
     .trace = "fetch(0 a 5) fetch(0 b 5) fetch(0 b 6) done"},
    {"a condition that fails in the middle of a list",
     INSTALL3("12, true, 20, {5: 0}, 12, 1, 20, {5: 9}, 12, true, 5, 15,"
              " " FETCH_A),
     .trace = "failed(SELV_ERR_SUIT_SLOT 20 5 1)"},
    {"try-each chooses for each of a list",
     INSTALL3("12, true, 20, {5: 9, 21: \"a\"}, 12, 1, 20, {5: 0, 21: \"b\"},"
              " 12, true, " TRY("5, 15", "20, {21: \"x\"}") ", 21, 2"),
     .trace = "fetch(0 x) fetch(1 b) fetch(2 x) done"},
    {"an index set in an alternative ends with it",
     INSTALL3(TRY("12, [1, 2], " FETCH_B, "14, 0") ", " FETCH_A),
     .trace = "fetch(1 b) fetch(2 b) fetch(0 a) done"},
    {"an index set in an alternative that fails ends with it",
     INSTALL3(TRY("12, 1, 14, 0", FETCH_A) ", " FETCH_B),
     .trace = "fetch(0 a) fetch(0 b) done"},
    {"lists nested in four levels of try-each",
     INSTALL2("12, true, " TRY(
         "12, true, " TRY(
             "12, true, " TRY("12, true, " TRY("14, 0", "20, {5: 0}"), "14, 0"),
             "14, 0"),
         "14, 0") ", " FETCH_A),
     .trace = "fetch(0 a) fetch(1 a) done"},
    {"shared runs before each section, and its index does not go on",
     M(SHARED("[[h'00'], [h'01']]", "12, 1, 20, {21: \"b\"}, 12, 0,"
                                    " 20, {21: \"a\"}"),
       ", 16: <<[12, 1, 21, 2, 20, {21: \"x\"}]>>, 20: <<[12, 1, 21, 2]>>"),
     .trace = "fetch(1 b) fetch(1 b) done"},
    {"parameters of a section are there in the next one",
     M(ONE, ", 16: <<[" FETCH_A "]>>, 20: <<[21, 2]>>"),
     .trace = "fetch(0 a) fetch(0 a) done"},
    {"load runs between validate and invoke",
     M(ONE, ", 7: <<[20, {3: " MAKER_IMAGE_A "}, 3, 15]>>,"
            " 8: <<[20, {18: h'01'}, 18, 2]>>, 9: <<[23, 2]>>"),
     .trace = "digest(0) write(0 =01) must-not-invoke(0) "
              "failed(SELV_ERR_SUIT_OPERATION 9 23 0)",
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa}},
    {"load alone", M(ONE, ", 8: <<[20, {18: h'01'}, 18, 2]>>"),
     .trace = "write(0 =01) done", .procedure = SELV_SUIT_INVOCATION},
    {"load is no part of an update",
     M(ONE, ", 8: <<[20, {18: h'01'}, 18, 2]>>"), .trace = "done"},
    {"a failed load is not followed by invoke",
     M(ONE, ", 8: <<[14, 15]>>, 9: <<[23, 2]>>"),
     .trace = "failed(SELV_ERR_SUIT_ABORT 8 14 0)",
     .procedure = SELV_SUIT_INVOCATION},
};

static void test_suit_indices(void **state)
{
    (void)state;
    run_rows(indices, LEN(indices));
}

/* ---- invoke and what spoils an image ------------------------------------ */

#define MATCH "20, {3: " MAKER_IMAGE_A "}, 3, 15"
#define RETURNED " failed(SELV_ERR_SUIT_OPERATION 9 23 0)"
#define MAY "may-invoke(0)" RETURNED
#define MUST_NOT "must-not-invoke(0)" RETURNED
#define BOOT1(load)                                                            \
    M(ONE, ", 7: <<[" MATCH "]>>, 8: <<[" load "]>>, 9: <<[23, 2]>>")
#define BOOT2(load)                                                            \
    M(TWO, ", 7: <<[12, 0, " MATCH "]>>, 8: <<[12, 0, " load "]>>,"            \
           " 9: <<[12, 0, 23, 2]>>")

static const struct row invokes[] = {
    {"matched, and nothing since", BOOT1("5, 0") /* needs a slot */,
     .trace = "digest(0) failed(SELV_ERR_SUIT_UNSET 8 5 0)",
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa}},
    {"invoke-args go with the invoke",
     M(ONE, ", 7: <<[" MATCH "]>>, 9: <<[20, {23: h'0102'}, 23, 2]>>"),
     .trace = "digest(0) may-invoke(0 =0102)" RETURNED,
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa}},
    {"invoke-args empty",
     M(ONE, ", 7: <<[" MATCH "]>>, 9: <<[20, {23: h''}, 23, 2]>>"),
     .trace = "digest(0) " MAY, .procedure = SELV_SUIT_INVOCATION,
     .image = {0xaa}},
    {"invoke-args of another component",
     M(TWO, ", 7: <<[12, 0, " MATCH "]>>,"
            " 9: <<[12, 1, 20, {23: h'01'}, 12, 0, 23, 2]>>"),
     .trace = "digest(0) " MAY, .procedure = SELV_SUIT_INVOCATION,
     .image = {0xaa}},
    {"match, then write", BOOT1("20, {18: h'01'}, 18, 2"),
     .trace = "digest(0) write(0 =01) " MUST_NOT,
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa}},
    {"match, then write, then match", BOOT1("20, {18: h'01'}, 18, 2, 3, 15"),
     .trace = "digest(0) write(0 =01) digest(0) " MAY,
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa}},
    {"match, then copy over it", BOOT2(COPY("1")),
     .trace = "digest(0) copy(0 from 1) " MUST_NOT,
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa}},
    {"match, then copied elsewhere", BOOT2("12, 1, " COPY("0")),
     .trace = "digest(0) copy(1 from 0) " MAY,
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa}},
    {"match, then write elsewhere", BOOT2("12, 1, 20, {18: h'01'}, 18, 2"),
     .trace = "digest(0) write(1 =01) " MAY, .procedure = SELV_SUIT_INVOCATION,
     .image = {0xaa}},
    {"swap spoils the target", BOOT2(SWAP("1")),
     .trace = "digest(0) swap(0 with 1) " MUST_NOT,
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa, 0xaa}},
    {"swap spoils the source", BOOT2("12, 1, " SWAP("0")),
     .trace = "digest(0) swap(1 with 0) " MUST_NOT,
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa, 0xaa}},
    {"another digest set", BOOT1("20, {3: " MAKER_IMAGE_B "}"),
     .trace = "digest(0) " MUST_NOT, .procedure = SELV_SUIT_INVOCATION,
     .image = {0xaa}},
    {"another digest set, and the first one again",
     BOOT1("20, {3: " MAKER_IMAGE_B "}, 20, {3: " MAKER_IMAGE_A "}"),
     .trace = "digest(0) " MUST_NOT, .procedure = SELV_SUIT_INVOCATION,
     .image = {0xaa}},
    {"the same digest set again", BOOT1("20, {3: " MAKER_IMAGE_A "}"),
     .trace = "digest(0) " MAY, .procedure = SELV_SUIT_INVOCATION,
     .image = {0xaa}},
    {"the same digest set again by shared before each section",
     M(SHARED("[[h'00']]", "20, {3: " MAKER_IMAGE_A ", 14: 9}"),
       ", 7: <<[3, 15]>>, 9: <<[23, 2]>>"),
     .trace = "digest(0) " MAY, .procedure = SELV_SUIT_INVOCATION,
     .image = {0xaa}},
    {"another size set", BOOT1("20, {14: 9}"), .trace = "digest(0) " MUST_NOT,
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa}},
    {"another digest for another component",
     BOOT2("12, 1, 20, {3: " MAKER_IMAGE_B "}"), .trace = "digest(0) " MAY,
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa}},
    {"other parameters do not matter",
     BOOT1("20, {5: 3, 18: h'00', 21: \"x\", 25: h''}"),
     .trace = "digest(0) " MAY, .procedure = SELV_SUIT_INVOCATION,
     .image = {0xaa}},
    {"the image of another component",
     M(TWO, ", 7: <<[12, 1, " MATCH "]>>, 9: <<[12, 0, 23, 2]>>"),
     .trace = "digest(1) " MUST_NOT, .procedure = SELV_SUIT_INVOCATION,
     .image = {0xaa, 0xaa}},
    {"each of a list by itself",
     M(TWO, ", 7: <<[12, 1, " MATCH "]>>, 9: <<[12, [1, 0], 23, 2]>>"),
     .trace = "digest(1) may-invoke(1) failed(SELV_ERR_SUIT_OPERATION 9 23 1)",
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa, 0xaa}},
    {"content that is right is no image that is right",
     M(ONE, ", 7: <<[20, {18: h'61'}, 6, 15]>>, 9: <<[23, 2]>>"),
     .trace = "content(0 1) " MUST_NOT, .procedure = SELV_SUIT_INVOCATION,
     .content = {"a"}},
    {"a match that failed softly",
     M(ONE, ", 7: <<[20, {3: " MAKER_IMAGE_A
            "}, " RUN(SOFT ", 3, 15") "]>>, 9: <<[23, 2]>>"),
     .trace = "digest(0) " MUST_NOT, .procedure = SELV_SUIT_INVOCATION,
     .image = {0xbb}},
    {"a match that could not be made, softly",
     M(ONE, ", 7: <<[20, {3: " MAKER_IMAGE_A
            "}, " RUN(SOFT ", 3, 15") "]>>, 9: <<[23, 2]>>"),
     .trace = "digest(0) " MUST_NOT, .procedure = SELV_SUIT_INVOCATION,
     .image = {0xaa}, .digest_err = SELV_ERR_FLASH_IO},
    {"a private directive spoils it",
     M(ONE, ", 7: <<[" MATCH "]>>, 9: <<[-258, 2, 23, 2]>>"),
     .trace = "digest(0) private(0 -258) " MUST_NOT,
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa},
     .prepare = has_private},
    {"a private condition does not",
     M(ONE, ", 7: <<[" MATCH "]>>, 9: <<[-257, 2, 23, 2]>>"),
     .trace = "digest(0) private(0 -257) " MAY,
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa},
     .prepare = has_private},
    {"a private directive for another component does not",
     M(TWO, ", 7: <<[12, 0, " MATCH "]>>,"
            " 9: <<[12, 1, -258, 2, 12, 0, 23, 2]>>"),
     .trace = "digest(0) private(1 -258) " MAY,
     .procedure = SELV_SUIT_INVOCATION, .image = {0xaa},
     .prepare = has_private},
};

static void test_suit_invokes(void **state)
{
    (void)state;
    run_rows(invokes, LEN(invokes));
}

/* ---- private commands and parameters ------------------------------------ */

static const struct row privates[] = {
    {"a private condition and directive",
     INSTALL1("-257, 2, -258, 2, -70000, 0"),
     .trace = "private(0 -257) private(0 -258) private(0 -70000) done",
     .prepare = has_private},
    {"a private condition that fails", INSTALL1("-257, 2, " FETCH_A),
     .trace = "private(0 -257) failed(SELV_ERR_SUIT_OPERATION 20 -257 0)",
     .answer = SELV_ERR_SUIT_OPERATION, .prepare = has_private},
    {"a private condition that fails in a try-each",
     INSTALL1(TRY("-257, 2", "20, {5: 0}, 5, 0")),
     .trace = "private(0 -257) done", .answer = SELV_ERR_SUIT_OPERATION,
     .prepare = has_private},
    {"a private directive that fails in a try-each",
     INSTALL1(TRY("-258, 2", "20, {5: 0}, 5, 0")),
     .trace = "private(0 -258) failed(SELV_ERR_SUIT_OPERATION 20 -258 0)",
     .answer = SELV_ERR_SUIT_OPERATION, .prepare = has_private},
    {"once for each of a list", INSTALL3("12, [2, 0], -258, 2"),
     .trace = "private(2 -258) private(0 -258) done", .prepare = has_private},
    {"in a nested sequence", INSTALL1(RUN(RUN("-258, 2"))),
     .trace = "private(0 -258) done", .prepare = has_private},
    {"in validate", M(ONE, ", 7: <<[-257, 2]>>"),
     .trace = "private(0 -257) done", .prepare = has_private},
};

static void test_suit_privates(void **state)
{
    (void)state;
    run_rows(privates, LEN(privates));
}

static const struct refusal {
    const char *what, *manifest;
    enum selv_err err;
    int section, code;
    void (*prepare)(struct selv_suit_device *device);
} refusals[] = {
    {"a private command that nobody registered", INSTALL1("-260, 0"),
     SELV_ERR_SUIT_COMMAND, 20, -260, has_private},
    {"a private command on a device without any", INSTALL1("-257, 0"),
     SELV_ERR_SUIT_COMMAND, 20, -257, NULL},
    {"a number that is not private, though registered", INSTALL1("-256, 0"),
     SELV_ERR_SUIT_COMMAND, 20, -256, has_private},
    {"a private command in a section that is not its own",
     M(ONE, ", 16: <<[-257, 0]>>"), SELV_ERR_SUIT_COMMAND, 16, -257,
     has_private},
    {"a private directive in validate", M(ONE, ", 7: <<[-258, 0]>>"),
     SELV_ERR_SUIT_COMMAND, 7, -258, has_private},
    {"a private command in the shared sequence",
     M(SHARED("[[h'00']]", "-257, 0"), ""), SELV_ERR_SUIT_COMMAND, 3, -257,
     has_private},
    {"the same, registered for every bit there is",
     M(SHARED("[[h'00']]", "-259, 0"), ""), SELV_ERR_SUIT_COMMAND, 3, -259,
     has_private},
    {"the same in a try-each in shared",
     M(SHARED("[[h'00']]", TRY("20, {5: 0}", "-257, 0")), ""),
     SELV_ERR_SUIT_COMMAND, 3, -257, has_private},
    {"a private command with an argument that is no policy",
     INSTALL1("-257, h'00'"), SELV_ERR_SUIT_ARGUMENT, 20, -257, has_private},
    {"a private command with a policy too large", INSTALL1("-257, 16"),
     SELV_ERR_SUIT_ARGUMENT, 20, -257, has_private},
    {"a private parameter that nobody registered", INSTALL1("20, {-301: 0}"),
     SELV_ERR_SUIT_PARAMETER, 20, -301, has_private},
    {"a private parameter on a device without any", INSTALL1("20, {-300: 0}"),
     SELV_ERR_SUIT_PARAMETER, 20, -300, NULL},
    {"a private parameter in the shared sequence",
     M(SHARED("[[h'00']]", "20, {-300: 0}"), ""), SELV_ERR_SUIT_PRIVATE, 3,
     -300, has_private},
    {"the same in a run-sequence in shared",
     M(SHARED("[[h'00']]", RUN("20, {-300: 0}")), ""), SELV_ERR_SUIT_PRIVATE, 3,
     -300, has_private},
    {"a private parameter before the draft's", INSTALL1("20, {-300: 0, 5: 0}"),
     SELV_ERR_CBOR_ORDER, 20, 5, has_private},
    {"a private parameter twice", INSTALL1("20, {-300: 0, -300: 0}"),
     SELV_ERR_CBOR_DUPLICATE, 20, -300, has_private},
    {"private parameters out of order", INSTALL1("20, {-65536: 0, -300: 0}"),
     SELV_ERR_CBOR_ORDER, 20, -300, has_private},
};

static enum selv_err load(const struct selv_suit_profile *profile,
                          const char *manifest,
                          void (*prepare)(struct selv_suit_device *device))
{
    struct selv_suit_device *device = maker_device(0);
    if (prepare != NULL) {
        prepare(device);
    }
    maker_envelope(&(struct maker_spec){.manifest = manifest}, &envelope);
    return maker_load(&suit, profile, device,
                      selv_bytes(envelope.p, envelope.len));
}

static void test_suit_privates_are_refused(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < LEN(refusals); i++) {
        const struct refusal *row = &refusals[i];
        enum selv_err err =
            load(&selv_suit_profile_consumer, row->manifest, row->prepare);
        const struct selv_suit_failure *f = selv_suit_failure(&suit);
        if (err != row->err || f->section != row->section ||
            f->code != row->code) {
            print_error("%s: %s %d %ld\n", row->what, selv_err_name(err),
                        f->section, (long)f->code);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* Hints that a port reads while it does what was asked [manifest 8.4.8.16]. */
static void assert_parameter(size_t component, int32_t code, const char *text)
{
    static struct maker_bytes encoded;
    struct selv_bytes value = selv_suit_parameter(&suit, component, code);
    encoded.len = 0;
    if (text[0] != '\0') {
        maker_encode(text, &encoded);
    }
    assert_int_equal(value.len, encoded.len);
    if (value.len != 0) {
        assert_memory_equal(value.p, encoded.p, encoded.len);
    }
}

static void test_suit_parameters_are_readable(void **state)
{
    (void)state;
    struct selv_suit_todo todo;
    assert_int_equal(
        load(&selv_suit_profile_consumer,
             INSTALL2("20, {21: \"a\", -300: [1, {2: h'03'}],"
                      " -65536: 18446744073709551615}, 21, 2,"
                      " 20, {-300: \"x\"}, 21, 2, 12, 1, " FETCH_B),
             has_private),
        SELV_OK);
    assert_parameter(0, -300, "");
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE), SELV_OK);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FETCH);
    assert_parameter(0, -300, "[1, {2: h'03'}]");
    assert_parameter(0, -65536, "18446744073709551615");
    assert_parameter(0, 21, "\"a\"");
    assert_parameter(0, 3, "");    /* unset */
    assert_parameter(0, 12, "");   /* the processor's own */
    assert_parameter(0, -301, ""); /* unknown */
    assert_parameter(0, 4, "");
    assert_parameter(1, -300, ""); /* another component's */
    assert_parameter(2, -300, ""); /* no such component */
    assert_parameter(SIZE_MAX, -300, "");
    selv_suit_answer(&suit, SELV_OK);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FETCH);
    assert_parameter(0, -300, "\"x\"");
    selv_suit_answer(&suit, SELV_OK);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FETCH);
    assert_parameter(1, 21, "\"b\"");
    assert_parameter(1, -300, "");
    assert_parameter(0, -300, "\"x\"");
    /* a procedure begins with none */
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_INVOCATION), SELV_OK);
    assert_parameter(0, -300, "");
    assert_parameter(0, 21, "");
}

/* ---- records [manifest 8.4.7] ------------------------------------------- */

static struct selv_suit_record records[64];

/* Run an update; how many commands asked. */
static size_t record(const struct selv_suit_profile *profile,
                     const char *manifest, size_t cap,
                     struct maker_world *world)
{
    assert_int_equal(load(profile, manifest, has_private), SELV_OK);
    memset(records, 0x55, sizeof records);
    selv_suit_record_into(&suit, records, cap);
    (void)maker_trace(&suit, SELV_SUIT_UPDATE, world);
    return selv_suit_record_count(&suit);
}

static void assert_record(size_t at, int section, unsigned offset, long code,
                          enum selv_err err, unsigned component,
                          unsigned policy)
{
    const struct selv_suit_record *r = &records[at];
    if (r->section != section || r->section_offset != offset ||
        r->code != code || r->err != (uint16_t)err ||
        r->component != component || r->policy != policy) {
        print_error("record %zu: section %d, offset %u, code %ld, %s,"
                    " component %u, policy %u\n",
                    at, r->section, r->section_offset, (long)r->code,
                    selv_err_name((enum selv_err)r->err), r->component,
                    r->policy);
        fail();
    }
}

static void test_suit_records_by_policy(void **state)
{
    (void)state;
    static const struct {
        const char *format; /* the policy goes where %u is */
        long code;
        unsigned offset;
        enum selv_err answer, err;
    } cases[] = {
        /* array(4) 20 {5: n} 5 policy */
        {INSTALL1("20, {5: 0}, 5, %u"), 5, 5, SELV_OK, SELV_OK},
        {INSTALL1("20, {5: 9}, 5, %u"), 5, 5, SELV_OK, SELV_ERR_SUIT_SLOT},
        /* array(4) 20 {21: "a"} 21 policy */
        {INSTALL1("20, {21: \"a\"}, 21, %u"), 21, 6, SELV_OK, SELV_OK},
        {INSTALL1("20, {21: \"a\"}, 21, %u"), 21, 6, SELV_ERR_COAP_TIMEOUT,
         SELV_ERR_COAP_TIMEOUT},
        {INSTALL1("20, {5: 0}, 21, %u"), 21, 5, SELV_OK, SELV_ERR_SUIT_UNSET},
        {INSTALL1("20, {5: 0}, -258, %u"), -258, 5, SELV_OK, SELV_OK},
        {INSTALL1("20, {5: 0}, -258, %u"), -258, 5, SELV_ERR_FLASH_IO,
         SELV_ERR_FLASH_IO},
        {INSTALL1("20, {5: 0}, -257, %u"), -257, 5, SELV_ERR_FLASH_IO,
         SELV_ERR_FLASH_IO},
        {INSTALL1("20, {5: 0}, 14, %u"), 14, 5, SELV_OK, SELV_ERR_SUIT_ABORT},
    };
    for (size_t i = 0; i < LEN(cases); i++) {
        for (unsigned policy = 0; policy <= SELV_SUIT_POLICY_ALL; policy++) {
            char manifest[400];
            struct maker_world world = {.fetch_err = cases[i].answer,
                                        .polls = 1 + policy % 2};
            unsigned asks = cases[i].err == SELV_OK ? 1 : 2;
            (void)snprintf(manifest, sizeof manifest, cases[i].format, policy);
            size_t count = record(&selv_suit_profile_consumer, manifest,
                                  LEN(records), &world);
            assert_int_equal(count, (policy & asks) != 0);
            if (count != 0) {
                assert_record(0, 20, cases[i].offset, cases[i].code,
                              cases[i].err, 0, policy);
            }
            assert_int_equal(records[count].section, 0x5555);
        }
    }
}

static void test_suit_records_of_components_and_sections(void **state)
{
    (void)state;
    struct maker_world world = {.polls = 2};
    size_t count = record(
        &selv_suit_profile_consumer,
        M(SHARED("[[h'00'], [h'01']]", "12, true, 20, {5: 0}, 5, 1"),
          ", 7: <<[12, 1, 5, 3]>>, 16: <<[12, [1, 0], 20, {21: \"a\"}, 21, 1,"
          " 15, [<<[14, 2]>>, <<[5, 1]>>]]>>"),
        LEN(records), &world);
    /* shared: array(6) 12 true 20 {5: 0} 5 ...; payload-fetch: array(6) 12
     * [1, 0] 20 {21: "a"} 21 1 15 [<<[14, 2]>>, <<[5, 1]>>] */
    assert_int_equal(count, 4 + 2 + 4 + 1);
    for (unsigned i = 0; i < 2; i++) {
        assert_record(i, 3, 7, 5, SELV_OK, i, 1);
        assert_record(2 + i, 16, 10, 21, SELV_OK, 1 - i, 1);
        assert_record(4 + 2 * i, 16, 16, 14, SELV_ERR_SUIT_ABORT, 1 - i, 2);
        assert_record(5 + 2 * i, 16, 20, 5, SELV_OK, 1 - i, 1);
        assert_record(8 + i, 3, 7, 5, SELV_OK, i, 1);
    }
    assert_record(10, 7, 3, 5, SELV_OK, 1, 3);
}

/* Places in a sequence whose array has a long head. */
static void test_suit_records_of_a_long_sequence(void **state)
{
    (void)state;
    struct maker_world world = {.polls = 1};
    size_t count =
        record(&selv_suit_profile_consumer,
               INSTALL1("20, {5: 0}, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1,"
                        " 5, 1, 5, 1, 5, 1, 5, 1, 5, 1"),
               LEN(records), &world);
    assert_int_equal(count, 12);
    for (unsigned i = 0; i < 12; i++) {
        assert_record(i, 20, 2 + 4 + 2 * i, 5, SELV_OK, 0, 1);
    }
}

static void test_suit_records_overflow(void **state)
{
    (void)state;
    static const char manifest[] =
        INSTALL1("20, {5: 0}, 5, 1, 5, 1, 5, 1, 5, 1, 5, 1, 14, 2");
    for (size_t cap = 0; cap <= 8; cap++) {
        struct maker_world world = {.polls = 1};
        assert_int_equal(
            record(&selv_suit_profile_consumer, manifest, cap, &world), 6);
        for (size_t i = 0; i < LEN(records); i++) {
            bool is_kept = i < cap && i < 6;
            assert_int_equal(records[i].section, is_kept ? 20 : 0x5555);
        }
    }
    /* none to write into; and a procedure counts from 0 */
    struct maker_world world = {.polls = 1};
    selv_suit_record_into(&suit, records, 0);
    (void)maker_trace(&suit, SELV_SUIT_UPDATE, &world);
    assert_int_equal(selv_suit_record_count(&suit), 6);
    selv_suit_record_into(&suit, NULL, 0);
    (void)maker_trace(&suit, SELV_SUIT_UPDATE, &world);
    assert_int_equal(selv_suit_record_count(&suit), 0);
    selv_suit_record_into(&suit, records, 0);
    (void)maker_trace(&suit, SELV_SUIT_INVOCATION, &world);
    assert_int_equal(selv_suit_record_count(&suit), 0);
}

/* What carries an argument is never recorded, whatever number that is; and the
 * smallest profile records nothing. */
static void test_suit_records_nothing_else(void **state)
{
    (void)state;
    struct maker_world world = {.polls = 1};
    assert_int_equal(
        record(&selv_suit_profile_consumer,
               INSTALL(FOUR, "12, 3, 20, {21: \"a\"}, 21, 0, " RUN(
                                 "20, {5: 0}, 5, 0, " TRY("14, 0", "5, 4"))),
               LEN(records), &world),
        0);
    assert_int_equal(load(&selv_suit_profile_boot_select,
                          M(ONE, ", 7: <<[20, {5: 0}, 5, 15]>>"), NULL),
                     SELV_OK);
    selv_suit_record_into(&suit, records, LEN(records));
    assert_string_equal(maker_trace(&suit, SELV_SUIT_INVOCATION, &world),
                        "done");
    assert_int_equal(selv_suit_record_count(&suit), 0);
}

/* ---- trace profiles ----------------------------------------------------- */

static void test_suit_trace_profiles(void **state)
{
    (void)state;
    struct maker_world world = {.polls = 2};
    size_t count = record(
        &selv_suit_profile_consumer_trace,
        INSTALL2("12, [1, 0], 20, {21: \"a\"}, 21, 4,"
                 " 15, [<<[14, 9]>>, <<[14, 0]>>, null], 32, <<[12, 1, 31, 0]"
                 ">>"),
        LEN(records), &world);
    /* array(12) 12 0 12 [1, 0] 20 {21: "a"} 21 4 15 [<<..>>, <<..>>, null] 32
     * <<[12, 1, 31, 0]>> */
    static const struct {
        unsigned offset;
        long code;
        enum selv_err err;
        unsigned component, policy;
    } expected[] = {
        {1, 12, SELV_OK, 0, 0},
        {3, 12, SELV_OK, 1, 0},
        {7, 20, SELV_OK, 1, 0},
        {7, 20, SELV_OK, 0, 0},
        {12, 21, SELV_OK, 1, 4},
        {12, 21, SELV_OK, 0, 4},
        {18, 14, SELV_ERR_SUIT_ABORT, 1, 9},
        {22, 14, SELV_ERR_SUIT_ABORT, 1, 0},
        {14, 15, SELV_OK, 1, 0},
        {18, 14, SELV_ERR_SUIT_ABORT, 0, 9},
        {22, 14, SELV_ERR_SUIT_ABORT, 0, 0},
        {14, 15, SELV_OK, 0, 0},
        {29, 12, SELV_OK, 1, 0},
        {31, 31, SELV_ERR_SUIT_UNSET, 1, 0},
    };
    assert_int_equal(count, LEN(expected));
    for (size_t i = 0; i < LEN(expected); i++) {
        assert_record(i, 20, expected[i].offset, expected[i].code,
                      expected[i].err, expected[i].component,
                      expected[i].policy);
    }
    assert_int_equal(load(&selv_suit_profile_boot_select_trace,
                          M(ONE, ", 7: <<[20, {5: 0}, 5, 8]>>"), NULL),
                     SELV_OK);
    selv_suit_record_into(&suit, records, LEN(records));
    assert_string_equal(maker_trace(&suit, SELV_SUIT_INVOCATION, &world),
                        "done");
    assert_int_equal(selv_suit_record_count(&suit), 2);
    assert_record(1, 7, 5, 5, SELV_OK, 0, 8);
    assert_int_equal(load(&selv_suit_profile_boot_install_trace,
                          INSTALL2("20, {22: 1}, 22, 8"), NULL),
                     SELV_OK);
    selv_suit_record_into(&suit, records, LEN(records));
    assert_string_equal(maker_trace(&suit, SELV_SUIT_UPDATE, &world),
                        "copy(0 from 1) done");
    assert_int_equal(selv_suit_record_count(&suit), 3);
    assert_record(2, 20, 7, 22, SELV_OK, 0, 8);
}

/* ---- authentic ---------------------------------------------------------- */

static bool is_authentic(void)
{
    return selv_is_good(selv_suit_is_authentic(&suit));
}

static void test_suit_is_authentic(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct maker_spec spec;
        bool is_authentic, is_good;
    } cases[] = {
        {"good", {.manifest = maker_ab}, true, true},
        {"another version", {.manifest = "{1: 2}"}, true, false},
        {"no map", {.manifest = "7"}, true, false},
        {"an unknown command", {.manifest = INSTALL1("99, 0")}, true, false},
        {"another digest",
         {.manifest = maker_ab, .digest = "[-16, repeat(32, 1)]"},
         false,
         false},
        {"not signed",
         {.manifest = maker_ab, .is_unsigned = true},
         false,
         false},
        {"too many blocks",
         {.manifest = maker_ab, .extra_good = SELV_SUIT_SIGNERS_MAX},
         false,
         false},
    };
    for (size_t i = 0; i < LEN(cases); i++) {
        print_message("  %s\n", cases[i].what);
        maker_envelope(&cases[i].spec, &envelope);
        struct selv_bytes view = {envelope.p, envelope.len};
        selv_suit_init(&suit, &selv_suit_profile_consumer, maker_device(0));
        assert_false(is_authentic());
        assert_int_equal(selv_suit_feed_part(&suit, view, view.len), SELV_OK);
        assert_false(is_authentic());
        assert_int_equal(selv_is_good(selv_suit_check(&suit)),
                         cases[i].is_good);
        assert_int_equal(is_authentic(), cases[i].is_authentic);
        selv_suit_wipe(&suit);
        assert_false(is_authentic());
        assert_false(selv_is_good(selv_suit_may_invoke(&suit)));
    }
}

/* Only while it waits with INVOKE. */
static void test_suit_may_invoke_only_then(void **state)
{
    (void)state;
    static const uint8_t image[SELV_SHA256_LEN] = {
        0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
        0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
        0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa};
    struct selv_suit_todo todo;
    assert_int_equal(load(&selv_suit_profile_consumer, maker_ab, NULL),
                     SELV_OK);
    assert_false(selv_is_good(selv_suit_may_invoke(&suit)));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_INVOCATION), SELV_OK);
        assert_false(selv_is_good(selv_suit_may_invoke(&suit)));
        assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_DIGEST);
        assert_false(selv_is_good(selv_suit_may_invoke(&suit)));
        selv_suit_answer_digest(&suit, image);
        assert_false(selv_is_good(selv_suit_may_invoke(&suit)));
        assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_INVOKE);
        assert_true(selv_is_good(selv_suit_may_invoke(&suit)));
        assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_INVOKE);
        assert_true(selv_is_good(selv_suit_may_invoke(&suit)));
        if (i == 0) {
            selv_suit_answer(&suit, SELV_OK); /* it came back */
            assert_false(selv_is_good(selv_suit_may_invoke(&suit)));
            assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_DONE);
            assert_false(selv_is_good(selv_suit_may_invoke(&suit)));
        }
    }
    /* The other procedure takes it back. */
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE), SELV_OK);
    assert_false(selv_is_good(selv_suit_may_invoke(&suit)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suit_stores),
        cmocka_unit_test(test_suit_conditions),
        cmocka_unit_test(test_suit_flows),
        cmocka_unit_test(test_suit_orders),
        cmocka_unit_test(test_suit_indices),
        cmocka_unit_test(test_suit_invokes),
        cmocka_unit_test(test_suit_privates),
        cmocka_unit_test(test_suit_privates_are_refused),
        cmocka_unit_test(test_suit_parameters_are_readable),
        cmocka_unit_test(test_suit_records_by_policy),
        cmocka_unit_test(test_suit_records_of_components_and_sections),
        cmocka_unit_test(test_suit_records_of_a_long_sequence),
        cmocka_unit_test(test_suit_records_overflow),
        cmocka_unit_test(test_suit_records_nothing_else),
        cmocka_unit_test(test_suit_trace_profiles),
        cmocka_unit_test(test_suit_is_authentic),
        cmocka_unit_test(test_suit_may_invoke_only_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
