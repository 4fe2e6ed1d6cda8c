/* SPDX-License-Identifier: Apache-2.0
 *
 * What a bootloader says that it can do is what it does: each command and each
 * parameter, in each sequence of a boot, is given to the profile and, with the
 * profile's capability, to the consumer. One refuses exactly what the other
 * does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "test/unit/suit_maker.h"

#define PEN "112(h'4321')"
#define COMMON(more) MAKER_COMMON(", 20, {3: " MAKER_IMAGE_A ", 14: 1}" more)

static struct maker_bytes envelope;
static struct selv_suit suit;

static const struct profile {
    const char *name;
    const struct selv_suit_profile *profile;
    const struct selv_suit_capability *capability;
} profiles[] = {
    {"boot-select", &selv_suit_profile_boot_select,
     &selv_suit_capability_boot_select},
    {"boot-install", &selv_suit_profile_boot_install,
     &selv_suit_capability_boot_install},
};

static const struct place {
    int key;
    const char *manifest; /* %s: the commands */
} places[] = {
    {3, "{1: 1, 2: 7, 3: " COMMON(", %s") ", 7: <<[3, 15]>>,"
                                          " 9: <<[23, 2]>>}"},
    {7, "{1: 1, 2: 7, 3: " COMMON("") ", 7: <<[3, 15, %s]>>,"
                                      " 9: <<[23, 2]>>}"},
    {8, "{1: 1, 2: 7, 3: " COMMON("") ", 7: <<[3, 15]>>, 8: <<[%s]>>,"
                                      " 9: <<[23, 2]>>}"},
    {9, "{1: 1, 2: 7, 3: " COMMON("") ", 7: <<[3, 15]>>,"
                                      " 9: <<[%s, 23, 2]>>}"},
};
enum { PLACE_COUNT = sizeof places / sizeof places[0] };

/* All that conditions ask for. */
static struct selv_suit_device *device(void)
{
    static const uint8_t id[16] = {1};
    static const uint8_t pen[] = {0xd8, 0x70, 0x42, 0x43, 0x21};
    struct selv_suit_device *d = maker_device(0);
    d->device_id = id;
    d->vendor_pen = selv_bytes(pen, sizeof pen);
    return d;
}

static void make(const struct place *place, const char *commands)
{
    static char text[8192];
    assert_true((size_t)snprintf(text, sizeof text, place->manifest, commands) <
                sizeof text);
    maker_envelope(&(struct maker_spec){.manifest = text}, &envelope);
}

/* What the consumer says of the envelope; boot NULL: of any bootloader. */
static enum selv_err ask_consumer(const struct selv_suit_capability *boot)
{
    struct selv_suit_device *d = device();
    d->boot = boot;
    return maker_load(&suit, &selv_suit_profile_consumer, d,
                      selv_bytes(envelope.p, envelope.len));
}

/* How the profile's boot ends when every image is good and everything that it
 * asks for is done. */
static enum selv_err ask_profile(const struct selv_suit_profile *profile)
{
    struct selv_suit_todo todo;
    enum selv_err err = maker_load(&suit, profile, device(),
                                   selv_bytes(envelope.p, envelope.len));
    if (!err) {
        err = selv_suit_begin(&suit, SELV_SUIT_INVOCATION);
    }
    while (!err) {
        switch (selv_suit_poll(&suit, &todo)) {
        case SELV_SUIT_DONE:
        case SELV_SUIT_INVOKE:
            return SELV_OK;
        case SELV_SUIT_FAILED:
            return selv_suit_failure(&suit)->err;
        case SELV_SUIT_DIGEST:
            if (todo.digest != NULL) {
                selv_suit_answer_digest(&suit, todo.digest);
                break;
            }
            return SELV_ERR_SUIT_UNSET;
        case SELV_SUIT_CONTENT:
            return SELV_OK; /* it knows the command */
        default:
            selv_suit_answer(&suit, SELV_OK);
            break;
        }
    }
    return err;
}

/* Does not know it, or does not run the section. */
static bool is_beyond(enum selv_err err)
{
    return err == SELV_ERR_SUIT_COMMAND || err == SELV_ERR_SUIT_PARAMETER ||
           err == SELV_ERR_SUIT_ARGUMENT || err == SELV_ERR_STATE;
}

/* One refuses exactly what the other does. Returns whether it was asked: not
 * when the consumer itself has no use for the manifest. */
static bool agree(const struct profile *p, const struct place *place,
                  const char *commands, int code)
{
    make(place, commands);
    if (ask_consumer(NULL) != SELV_OK) {
        return false;
    }
    bool is_refused = is_beyond(ask_profile(p->profile));
    enum selv_err err = ask_consumer(p->capability);
    if (err != (is_refused ? SELV_ERR_SUIT_BOOTLOADER : SELV_OK)) {
        fail_msg("%s, section %d, %s: %s, but the consumer says %s", p->name,
                 place->key, commands, is_refused ? "refused" : "done",
                 selv_err_name(err));
    }
    const struct selv_suit_failure *f = selv_suit_failure(&suit);
    if (is_refused && (f->section != place->key || f->code != code ||
                       f->offset == 0 || f->offset >= envelope.len)) {
        fail_msg("%s, section %d, %s: section %d, code %d, byte %u", p->name,
                 place->key, commands, f->section, (int)f->code, f->offset);
    }
    return true;
}

static const char *argument_of(int code)
{
    switch (code) {
    case SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX:
        return "0";
    case SELV_SUIT_DIRECTIVE_TRY_EACH:
        return "[<<[1, 15]>>, <<[2, 15]>>]";
    case SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS:
        return "{14: 1}";
    case SELV_SUIT_DIRECTIVE_RUN_SEQUENCE:
        return "<<[1, 15]>>";
    default:
        return "15";
    }
}

static bool has(uint64_t set, int number)
{
    return (set >> number & 1u) != 0;
}

static void test_boot_capability_has_the_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct profile *p = &profiles[i];
        unsigned asked = 0;
        for (int code = 0; code < 64; code++) {
            char commands[64];
            snprintf(commands, sizeof commands, "%d, %s", code,
                     argument_of(code));
            make(&places[1], commands);
            bool is_known = ask_profile(p->profile) != SELV_ERR_SUIT_COMMAND;
            if (is_known != has(p->capability->commands, code)) {
                fail_msg("%s: command %d is %sknown", p->name, code,
                         is_known ? "" : "un");
            }
            if (ask_consumer(NULL) == SELV_ERR_SUIT_COMMAND) {
                continue; /* nowhere */
            }
            for (size_t k = 0; k < PLACE_COUNT; k++) {
                /* override-parameters is named by its last parameter. */
                bool is_map = code == SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS;
                asked += agree(p, &places[k], commands, is_map ? 14 : code);
            }
        }
        /* 11 of the draft's 16 anywhere, 3 more in load, 1 in invoke. */
        assert_int_equal(asked, 11 * PLACE_COUNT + 3 + 1);
    }
}

static const char *value_of(int parameter)
{
    switch (parameter) {
    case SELV_SUIT_PARAMETER_VENDOR_ID:
        return MAKER_VENDOR;
    case SELV_SUIT_PARAMETER_CLASS_ID:
    case SELV_SUIT_PARAMETER_DEVICE_ID:
        return MAKER_CLASS;
    case SELV_SUIT_PARAMETER_IMAGE_DIGEST:
        return MAKER_IMAGE_A;
    case SELV_SUIT_PARAMETER_STRICT_ORDER:
    case SELV_SUIT_PARAMETER_SOFT_FAILURE:
        return "true";
    case SELV_SUIT_PARAMETER_URI:
        return "\"/i\"";
    case SELV_SUIT_PARAMETER_CONTENT:
    case SELV_SUIT_PARAMETER_INVOKE_ARGS:
    case SELV_SUIT_PARAMETER_FETCH_ARGUMENTS:
        return "h'01'";
    default:
        return "0";
    }
}

static void test_boot_capability_has_the_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct profile *p = &profiles[i];
        unsigned asked = 0;
        for (int n = 0; n < 32; n++) {
            char commands[192];
            /* soft-failure stands in a try-each. */
            snprintf(commands, sizeof commands,
                     "15, [<<[20, {%d: %s}]>>, <<[1, 15]>>]", n, value_of(n));
            make(&places[1], commands);
            bool is_known = ask_profile(p->profile) != SELV_ERR_SUIT_PARAMETER;
            if (n > 0 && is_known != has(p->capability->parameters, n)) {
                fail_msg("%s: parameter %d is %sknown", p->name, n,
                         is_known ? "" : "un");
            }
            if (ask_consumer(NULL) == SELV_ERR_SUIT_PARAMETER) {
                continue;
            }
            for (size_t k = 0; k < PLACE_COUNT; k++) {
                /* A section that is never run has the try-each to blame. */
                bool is_run = places[k].key != 8 || i == 1;
                asked += agree(p, &places[k], commands, is_run ? n : 15);
            }
        }
        assert_int_equal(asked, 13 * PLACE_COUNT);
        make(&places[1], "20, {1: " PEN "}");
        assert_int_equal(is_beyond(ask_profile(p->profile)),
                         !has(p->capability->parameters, 0));
        assert_true(agree(p, &places[1], "20, {1: " PEN "}", 1));
    }
}

/* Numbers that no set has a bit for. */
static void test_boot_capability_ends_with_its_sets(void **state)
{
    (void)state;
    static const struct selv_suit_private_command commands[] = {
        {-300, 0x1f, true}};
    static const struct selv_suit_private private = {.commands = commands,
                                                     .command_count = 1};
    struct selv_suit_capability all;
    memset(&all, 0xff, sizeof all);
    all.depth_max = SELV_SUIT_DEPTH_MAX;
    make(&places[1], "-300, 15");
    struct selv_suit_device *d = device();
    d->private = &private;
    struct selv_bytes view = selv_bytes(envelope.p, envelope.len);
    assert_int_equal(maker_load(&suit, &selv_suit_profile_consumer, d, view),
                     SELV_OK);
    d->boot = &all;
    assert_int_equal(maker_load(&suit, &selv_suit_profile_consumer, d, view),
                     SELV_ERR_SUIT_BOOTLOADER);
    assert_int_equal(selv_suit_failure(&suit)->code, -300);
}

static void nest(unsigned depth, char *out, size_t cap)
{
    char inner[2048];
    snprintf(out, cap, "1, 15");
    for (unsigned i = 0; i < depth; i++) {
        snprintf(inner, sizeof inner, "%s", out);
        assert_true((size_t)snprintf(out, cap, "15, [<<[%s]>>, <<[1, 15]>>]",
                                     inner) < cap);
    }
}

static void test_boot_capability_limits(void **state)
{
    (void)state;
    struct selv_suit_capability can = selv_suit_capability_boot_select;
    char commands[2048];

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(profiles[i].capability->envelope_max,
                         SELV_SUIT_ENVELOPE_MAX);
        assert_int_equal(profiles[i].capability->components_max,
                         SELV_SUIT_COMPONENTS_MAX);
        assert_int_equal(profiles[i].capability->depth_max,
                         SELV_SUIT_DEPTH_MAX);
        assert_int_equal(profiles[i].capability->signers_max,
                         SELV_SUIT_SIGNERS_MAX);
    }
    for (unsigned depth = 0; depth <= SELV_SUIT_DEPTH_MAX; depth++) {
        nest(depth, commands, sizeof commands);
        make(&places[1], commands);
        for (unsigned most = 0; most <= SELV_SUIT_DEPTH_MAX; most++) {
            can.depth_max = (uint8_t)most;
            assert_int_equal(ask_consumer(&can),
                             depth <= most ? SELV_OK
                                           : SELV_ERR_SUIT_BOOTLOADER);
        }
    }
    can = selv_suit_capability_boot_select;
    make(&places[1], "3, 15");
    can.signers_max = 1;
    assert_int_equal(ask_consumer(&can), SELV_OK);
    can.signers_max = 0;
    assert_int_equal(ask_consumer(&can), SELV_ERR_SUIT_BOOTLOADER);
    assert_int_equal(selv_suit_failure(&suit)->section,
                     SELV_SUIT_KEY_AUTHENTICATION);
    can = selv_suit_capability_boot_select;
    can.envelope_max = (uint16_t)envelope.len;
    assert_int_equal(ask_consumer(&can), SELV_OK);
    can.envelope_max--;
    assert_int_equal(ask_consumer(&can), SELV_ERR_SUIT_BOOTLOADER);
    can = selv_suit_capability_boot_select;
    can.components_max = 1;
    assert_int_equal(ask_consumer(&can), SELV_OK);
    can.components_max = 0;
    assert_int_equal(ask_consumer(&can), SELV_ERR_SUIT_BOOTLOADER);
    can = selv_suit_capability_boot_select;
    can.sections = 0;
    assert_int_equal(ask_consumer(&can), SELV_ERR_SUIT_BOOTLOADER);
    assert_int_equal(selv_suit_failure(&suit)->section, 7);
    memset(&can, 0, sizeof can);
    assert_int_equal(ask_consumer(&can), SELV_ERR_SUIT_BOOTLOADER);
    assert_int_equal(selv_suit_failure(&suit)->section,
                     SELV_SUIT_KEY_AUTHENTICATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_capability_has_the_commands),
        cmocka_unit_test(test_boot_capability_has_the_parameters),
        cmocka_unit_test(test_boot_capability_ends_with_its_sets),
        cmocka_unit_test(test_boot_capability_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
