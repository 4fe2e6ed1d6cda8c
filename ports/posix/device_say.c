/* SPDX-License-Identifier: Apache-2.0
 *
 * Every line that selvage-device prints: for people, or as one JSON object a
 * line. */
#include "posix/device.h"

#define RED "31"
#define GREEN "32"
#define YELLOW "33"
#define PLAIN ""

static const char *const state_words[] = {
    "nothing new",      "reading a manifest", "update authorized",
    "downloading",      "image verified",     "waiting for the reboot",
    "installing",       "on trial",           "update confirmed",
    "manifest refused", "update failed",      "update reverted"};

static const char *const state_names[] = {
    "idle",      "notified", "authorized", "downloading",
    "verified",  "waiting",  "installing", "trial",
    "confirmed", "rejected", "failed",     "reverted"};

static const char *const cause_names[] = {"power on", "requested", "watchdog",
                                          "crash", "unknown"};

static const char *cause_name(uint8_t cause)
{
    return cause < sizeof cause_names / sizeof cause_names[0]
               ? cause_names[cause]
               : "unknown";
}

static const char *const decision_names[] = {
    "unchanged", "born",    "trial",    "again",    "confirmed",
    "reverted",  "refused", "replaced", "installed"};

static const char *decision_name(uint8_t decision)
{
    return decision < sizeof decision_names / sizeof decision_names[0]
               ? decision_names[decision]
               : "unknown";
}

const char *device_reason(const struct selv_boot_record *r)
{
    return r->slot == SELV_SLOT_NONE &&
                   r->refused_reason == SELV_ERR_STORE_DAMAGED
               ? "the boot journal is lost: none of its records is valid now"
               : selv_err_str((enum selv_err)r->refused_reason);
}

static const char *slot_name(uint8_t slot)
{
    return slot == SELV_SLOT_A ? "A" : slot == SELV_SLOT_B ? "B" : "none";
}

/* Text of ours only ever holds printable ASCII; what a user gave may not. */
static void put_json_string(const char *text)
{
    putchar('"');
    for (const char *t = text; *t; t++) {
        unsigned char c = (unsigned char)*t;
        if (c == '"' || c == '\\') {
            putchar('\\');
            putchar(c);
        } else if (c < ' ') {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static void put_digest(const char *key, const uint8_t digest[static 32])
{
    printf(",\"%s\":\"", key);
    for (size_t i = 0; i < 32; i++) {
        printf("%02x", digest[i]);
    }
    putchar('"');
}

static void begin_colour(const struct device *d, const char *colour)
{
    if (d->is_coloured && *colour) {
        printf("\033[%sm", colour);
    }
}

static void end_line(const struct device *d, const char *colour)
{
    if (d->is_coloured && *colour) {
        printf("\033[0m");
    }
    putchar('\n');
    fflush(stdout);
}

/* ---- boot -----------------------------------------------------------------
 */

/* As a string, without what a terminal would obey. */
static void copy_version(const struct device *d,
                         char out[static SELV_CONSUMER_VERSION_MAX + 1u])
{
    size_t len = d->record.slot == SELV_SLOT_NONE ? 0 : d->version.len;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = d->version.p[i];
        out[i] = (char)(c < ' ' || c == 0x7f ? '?' : c);
    }
    out[len] = '\0';
}

static void put_bits(const char *key, uint64_t set)
{
    const char *comma = "";

    printf("\"%s\":[", key);
    for (unsigned n = 0; n < 64; n++) {
        if ((set >> n & 1) != 0) {
            printf("%s%u", comma, n);
            comma = ",";
        }
    }
    printf("],");
}

/* What the bootloader can do with a manifest, in the draft's numbers. */
static void put_bootloader(const struct selv_boot_record *r)
{
    static const uint8_t section_keys[] = {
        SELV_SUIT_KEY_PAYLOAD_FETCH, SELV_SUIT_KEY_INSTALL,
        SELV_SUIT_KEY_VALIDATE, SELV_SUIT_KEY_LOAD, SELV_SUIT_KEY_INVOKE};
    uint64_t keys = 0;

    for (size_t i = 0; i < sizeof section_keys; i++) {
        keys |= (uint64_t)(r->boot_sections >> i & 1u) << section_keys[i];
    }
    printf(",\"bootloader\":{");
    put_bits("commands", r->boot_commands);
    put_bits("parameters", r->boot_parameters);
    put_bits("sections", keys);
    printf("\"envelope_max\":%u,\"components_max\":%u,\"depth_max\":%u,"
           "\"signers_max\":%u}",
           r->boot_envelope_max, r->boot_components_max, r->boot_depth_max,
           r->boot_signers_max);
}

static bool is_measured(const uint8_t digest[static 32])
{
    uint8_t any = 0;

    for (size_t i = 0; i < 32; i++) {
        any |= digest[i];
    }
    return any != 0;
}

/* What the bootloader found in the slots that it looked at. */
static void put_checks(const struct selv_boot_facts *facts)
{
    const char *comma = "";

    printf(",\"decision\":\"%s\",\"checks\":[", decision_name(facts->decision));
    for (uint8_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
        const struct selv_boot_check *check = &facts->check[slot];
        if (!check->is_taken) {
            continue;
        }
        printf("%s{\"slot\":\"%s\"", comma, slot_name(slot));
        comma = ",";
        if (is_measured(facts->measured[slot])) {
            put_digest("measured", facts->measured[slot]);
        }
        if (check->err != SELV_OK) {
            printf(",\"error\":\"%s\",\"section\":%u,\"command\":%d",
                   selv_err_name((enum selv_err)check->err), check->section,
                   check->command);
        }
        putchar('}');
    }
    putchar(']');
}

/* A line for each slot in which something is wrong; an empty one is not. */
static void say_checks(const struct device *d)
{
    const struct selv_boot_facts *facts = &d->record.facts;

    for (uint8_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
        const struct selv_boot_check *check = &facts->check[slot];
        if (!check->is_taken || check->err == SELV_OK ||
            check->err == SELV_ERR_STORE_EMPTY) {
            continue;
        }
        begin_colour(d, YELLOW);
        printf("boot: slot %s does not verify: %s (%s", slot_name(slot),
               selv_err_str((enum selv_err)check->err),
               selv_err_name((enum selv_err)check->err));
        if (check->section != 0) {
            printf(", section %u", check->section);
        }
        if (check->command != 0) {
            printf(", command %d", check->command);
        }
        if (is_measured(facts->measured[slot])) {
            printf(", image measured as %02x%02x%02x%02x...",
                   facts->measured[slot][0], facts->measured[slot][1],
                   facts->measured[slot][2], facts->measured[slot][3]);
        }
        putchar(')');
        end_line(d, YELLOW);
    }
}

static const char *loader_name(uint8_t role)
{
    return role == SELV_LOADER_ASKED ? "asked" : "needed";
}

static void say_boot_json(const struct device *d, const char *version)
{
    const struct selv_boot_record *r = &d->record;

    printf("{\"event\":\"boot\",\"slot\":\"%s\",\"sequence\":%llu,"
           "\"trial\":%s,\"attempt\":%u,\"cause\":\"%s\",\"accepted\":%llu,"
           "\"floor\":%llu",
           slot_name(r->slot), (unsigned long long)r->sequence,
           r->is_trial ? "true" : "false", r->attempt,
           cause_name(r->reset_cause), (unsigned long long)r->accepted,
           (unsigned long long)r->floor);
    if (r->loader > SELV_LOADER_RESTS) {
        printf(",\"loader\":\"%s\"", loader_name(r->loader));
    }
    put_digest("digest", r->digest);
    put_checks(&r->facts);
    put_bootloader(r);
    if (version[0]) {
        printf(",\"version\":");
        put_json_string(version);
    }
    if (r->refused_reason) {
        put_digest("refused_digest", r->refused_digest);
        printf(",\"refused_reason\":\"%s\"",
               selv_err_name((enum selv_err)r->refused_reason));
    }
    printf("}\n");
    fflush(stdout);
}

void device_say_boot(const struct device *d)
{
    const struct selv_boot_record *r = &d->record;
    const char *colour = r->slot == SELV_SLOT_NONE ? RED : PLAIN;
    char version[SELV_CONSUMER_VERSION_MAX + 1u];

    if (d->is_quiet) {
        return;
    }
    copy_version(d, version);
    if (d->is_json) {
        say_boot_json(d, version);
        return;
    }
    say_checks(d);
    begin_colour(d, colour);
    printf("boot: slot %s, sequence number %llu", slot_name(r->slot),
           (unsigned long long)r->sequence);
    if (r->loader > SELV_LOADER_RESTS) {
        printf(", loader %s", loader_name(r->loader));
    } else if (r->is_trial) {
        printf(", on trial (boot %u of %u)", r->attempt, d->attempts_max);
    } else if (r->slot != SELV_SLOT_NONE) {
        printf(", confirmed");
    }
    if (version[0]) {
        printf("; version %s", version);
    }
    printf("; cause %s; accepted %llu, floor %llu", cause_name(r->reset_cause),
           (unsigned long long)r->accepted, (unsigned long long)r->floor);
    if (r->refused_reason) {
        printf("; %s: %s", r->refused_was_trial ? "reverted" : "refused",
               device_reason(r));
    }
    end_line(d, colour);
}

/* ---- events ---------------------------------------------------------------
 */

static void say_event_json(const struct selv_consumer_todo *todo)
{
    printf("{\"event\":\"state\",\"state\":\"%s\",\"sequence\":%llu",
           state_names[todo->state], (unsigned long long)todo->sequence);
    if (todo->state == SELV_UPDATE_DOWNLOADING) {
        printf(",\"done\":%u,\"size\":%u,\"resumed\":%s", (unsigned)todo->done,
               (unsigned)todo->size, todo->is_resumed ? "true" : "false");
    }
    if (todo->err) {
        printf(",\"error\":\"%s\",\"code\":%d,\"reason\":",
               selv_err_name(todo->err), (int)todo->err);
        put_json_string(selv_err_str(todo->err));
        if (todo->failure.section || todo->failure.offset) {
            printf(",\"section\":%d,\"offset\":%u,\"command\":%ld",
                   todo->failure.section, todo->failure.offset,
                   (long)todo->failure.code);
        }
    }
    printf("}\n");
    fflush(stdout);
}

static const char *colour_of(const struct selv_consumer_todo *todo)
{
    if (todo->state == SELV_UPDATE_CONFIRMED ||
        todo->state == SELV_UPDATE_VERIFIED) {
        return GREEN;
    }
    if (todo->err) {
        return todo->state == SELV_UPDATE_IDLE ? YELLOW : RED;
    }
    return PLAIN;
}

/* ---- a download -----------------------------------------------------------
 */

static void close_line(struct device *d)
{
    if (d->is_line_open) {
        d->is_line_open = false;
        putchar('\n');
        fflush(stdout);
    }
}

/* On a terminal one line, written over until it says 100 %; elsewhere a line
 * where it begins, and one for each quarter. */
static void say_progress(struct device *d,
                         const struct selv_consumer_todo *todo)
{
    bool is_first = todo->done == 0 || todo->is_resumed;
    bool is_last = todo->done == todo->size;
    unsigned percent =
        todo->size ? (unsigned)(todo->done * UINT64_C(100) / todo->size) : 0;
    char text[80];

    if (d->is_without_progress
            ? !is_first
            : !d->is_terminal && !is_first && percent / 25 == d->quarter) {
        return;
    }
    d->quarter = percent / 25;
    snprintf(text, sizeof text, "%s %s%u of %u bytes (%u %%)",
             state_words[todo->state], todo->is_resumed ? "again from " : "",
             (unsigned)todo->done, (unsigned)todo->size, percent);
    if (d->is_terminal && !d->is_without_progress) {
        /* Padded, so that nothing of a longer line stays. */
        printf("\r%-64s", text);
        d->is_line_open = true;
        if (is_last) {
            close_line(d);
        }
    } else {
        printf("%s\n", text);
    }
    fflush(stdout);
}

void device_say_event(struct device *d, const struct selv_consumer_todo *todo)
{
    const char *colour = colour_of(todo);

    if (d->is_quiet) {
        return;
    }
    if (d->is_json) {
        say_event_json(todo);
        return;
    }
    if (todo->state == SELV_UPDATE_DOWNLOADING) {
        say_progress(d, todo);
        return;
    }
    close_line(d);
    begin_colour(d, colour);
    printf("%s", todo->state == SELV_UPDATE_IDLE && todo->err
                     ? "server not reached"
                     : state_words[todo->state]);
    if (todo->sequence) {
        printf(", sequence number %llu", (unsigned long long)todo->sequence);
    }
    if (todo->err) {
        printf(": %s (%s", selv_err_str(todo->err), selv_err_name(todo->err));
        if (todo->failure.section || todo->failure.offset) {
            printf(", section %d, byte %u", todo->failure.section,
                   todo->failure.offset);
        }
        printf(")");
    }
    end_line(d, colour);
}

void device_say_note(const struct device *d, const char *text)
{
    if (d->is_quiet) {
        return;
    }
    if (d->is_json) {
        printf("{\"event\":\"note\",\"text\":");
        put_json_string(text);
        printf("}\n");
        fflush(stdout);
    } else {
        printf("%s\n", text);
        fflush(stdout);
    }
}

void device_say_exit(struct device *d, int code)
{
    const char *text = code == DEVICE_CONFIRMED     ? "confirmed"
                       : code == DEVICE_NOTHING_NEW ? "nothing new"
                       : code == DEVICE_REFUSED     ? "refused"
                       : code == DEVICE_REVERTED    ? "reverted"
                       : code == DEVICE_REBOOT      ? "reboot"
                       : code == DEVICE_ENVIRONMENT ? "no server"
                                                    : "failed";

    close_line(d);
    if (d->is_json && !d->is_quiet) {
        printf("{\"event\":\"exit\",\"code\":%d,\"outcome\":\"%s\"}\n", code,
               text);
        fflush(stdout);
    }
}

void device_say_error(struct device *d, const char *text)
{
    close_line(d);
    if (d->is_json) {
        printf("{\"event\":\"error\",\"text\":");
        put_json_string(text);
        printf("}\n");
        fflush(stdout);
    }
    fprintf(stderr, "selvage-device: %s\n", text);
}
