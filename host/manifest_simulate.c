/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine runs with profiles that record every command. The records say
 * what ended, where and how; the commands themselves are looked up in the
 * envelope, so that the engine needs to tell no more than a device's does. */
#include "host/manifest_simulate.h"

#include <stdlib.h>
#include <string.h>

#include "host/hex.h"
#include "host/manifest_int.h"
#include "host/manifest_simulate_int.h"
#include "host/manifest_template_int.h"
#include "host/manifest_tree.h"

enum { RECORDS_MAX = 65535, NO_ENTRY = -1 };

/* A command of the envelope, where its records find it. */
struct entry {
    int32_t section;
    size_t offset; /* bytes from the section's first byte */
    int32_t code;
    struct selv_bytes argument;
    long parent;        /* the try-each or run-sequence that holds it */
    size_t alternative; /* which of that one's sequences, from 0 */
    bool is_told;       /* in this run of what it is nested in */
};

struct story {
    const struct selv_simulate_plan *plan;
    struct simulate_world world;
    json_t *components; /* names, by index in the manifest */
    struct entry *entries;
    size_t entry_count;
    struct selv_suit_record *records;
    /* Of the procedure in hand. */
    struct selv_suit s;
    struct selv_suit_device facts;
    struct simulate_parameters parameters;
    size_t told; /* records */
    json_t *steps;
    size_t reported;
    long last_parent; /* of the record told last, and whether it failed */
    bool has_failed_last;
    int32_t last_section;
    bool has_invoked;
    size_t invoked;    /* the component, in the manifest */
    bool is_installed; /* the update was done; the facts of its manifest */
    uint8_t digest[SELV_SHA256_LEN];
    uint64_t sequence_number;
};

/* ---- the envelope's commands --------------------------------------------- */

/* Appends; false when there is no memory. */
static bool entry_add(struct story *t, const struct entry *entry)
{
    struct entry *list = t->entries;

    if ((t->entry_count & (t->entry_count - 1)) == 0) {
        size_t cap = t->entry_count == 0 ? 1 : 2 * t->entry_count;

        list = realloc(list, cap * sizeof(*list));
        if (list == NULL) {
            return false;
        }
        t->entries = list;
    }
    list[t->entry_count++] = *entry;
    return true;
}

/* The commands of a sequence, each before what is nested in it. What cannot be
 * read is not there: the engine says what is wrong with it. */
static bool sequence_index(struct story *t, int32_t section,
                           const uint8_t *start,
                           const struct manifest_sequence *sequence,
                           long parent, size_t alternative)
{
    for (size_t i = 0; i < sequence->count; i++) {
        const struct manifest_command *command = &sequence->commands[i];
        struct entry entry = {
            .section = section,
            .offset = (size_t)(command->at - start),
            .code = command->code,
            .argument = command->argument,
            .parent = parent,
            .alternative = alternative,
        };
        long at = (long)t->entry_count;

        if (!entry_add(t, &entry)) {
            return false;
        }
        for (size_t n = 0; n < command->nested_count; n++) {
            if (!sequence_index(t, section, start, &command->nested[n], at,
                                n)) {
                return false;
            }
        }
    }
    return true;
}

/* Sections in the order of their keys, for entry_find. */
static bool envelope_index(struct story *t)
{
    struct manifest_tree tree;
    struct selv_error ignored;
    bool done = true;

    if (!manifest_tree_open(&tree, t->plan->envelope, &ignored)) {
        return true;
    }
    for (int32_t key = 0; key < SELV_SUIT_KEY_TEXT && done; key++) {
        const struct manifest_section *section =
            manifest_tree_section(&tree, key);
        struct selv_bytes content;

        if (section != NULL && section->is_commands &&
            manifest_bstr(section->sequence.item, &content)) {
            done = sequence_index(t, key, content.p, &section->sequence,
                                  NO_ENTRY, 0);
        }
    }
    manifest_tree_close(&tree);
    return done;
}

static long entry_find(const struct story *t, int32_t section, size_t offset)
{
    size_t low = 0;
    size_t high = t->entry_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct entry *e = &t->entries[middle];

        if (e->section == section && e->offset == offset) {
            return (long)middle;
        }
        if (e->section < section ||
            (e->section == section && e->offset < offset)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NO_ENTRY;
}

/* ---- steps --------------------------------------------------------------- */

/* The sequences that a command is nested in, the outermost first. */
static json_t *path_json(const struct story *t, long at)
{
    json_t *path = json_array();

    for (; at != NO_ENTRY && t->entries[at].parent != NO_ENTRY;
         at = t->entries[at].parent) {
        const struct entry *parent = &t->entries[t->entries[at].parent];

        json_array_insert_new(
            path, 0,
            json_pack("{s:I, s:s, s:I}", "offset", (json_int_t)parent->offset,
                      "command",
                      parent->code == SELV_SUIT_DIRECTIVE_TRY_EACH
                          ? "try-each"
                          : "run-sequence",
                      "sequence", (json_int_t)t->entries[at].alternative + 1));
    }
    return path;
}

/* The record told before this one was of a command somewhere inside of at,
 * and failed. */
static bool has_failed_inside(const struct story *t, long at)
{
    long up = t->last_parent;

    while (up != NO_ENTRY && up != at) {
        up = t->entries[up].parent;
    }
    return at != NO_ENTRY && up == at && t->has_failed_last;
}

static bool is_reported(const struct selv_suit_record *record)
{
    return (record->policy &
            (record->err == SELV_OK ? SELV_SUIT_POLICY_RECORD_SUCCESS
                                    : SELV_SUIT_POLICY_RECORD_FAILURE)) != 0;
}

static const char *command_name(int32_t code, char number[static 16])
{
    const char *name = selv_manifest_command_name(code);

    if (name == NULL) {
        snprintf(number, 16, "%d", (int)code);
        name = number;
    }
    return name;
}

static json_t *component_name(const struct story *t, size_t component)
{
    json_t *name = json_array_get(t->components, component);

    return name == NULL ? json_null() : json_incref(name);
}

/* The device's component that the manifest's is. */
static size_t device_component(const struct story *t, size_t component)
{
    struct selv_bytes id = selv_suit_component_id(&t->s, component);
    size_t i = t->world.device.component_count;

    while (i > 1 && !selv_bytes_equal(id, t->world.components[i - 1].id)) {
        i--;
    }
    return i - 1;
}

static void step_tell(struct story *t, const struct selv_suit_record *record,
                      long at, const char *note)
{
    struct simulate_ended ended = {
        .code = record->code,
        .argument =
            at == NO_ENTRY ? selv_bytes(NULL, 0) : t->entries[at].argument,
        .err = (enum selv_err)record->err,
        .component = record->component,
        .slot = device_component(t, record->component),
        .has_failed_inside = has_failed_inside(t, at),
        .note = note,
    };
    char number[16];

    if (record->code == SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS &&
        record->err == SELV_OK) {
        simulate_parameters_set(&t->parameters, record->component,
                                ended.argument);
    }
    json_array_append_new(
        t->steps,
        json_pack(
            "{s:s, s:I, s:I, s:s, s:I, s:o, s:o, s:b, s:s, s:o, s:I, s:b, "
            "s:o}",
            "section", selv_manifest_section_name(record->section), "offset",
            (json_int_t)record->section_offset, "code",
            (json_int_t)record->code, "command",
            command_name(record->code, number), "component",
            (json_int_t)record->component, "id",
            component_name(t, record->component), "path", path_json(t, at),
            "ok", record->err == SELV_OK, "error",
            selv_err_name((enum selv_err)record->err), "why",
            simulate_why(&t->world, &t->parameters, t->components, &ended),
            "policy", (json_int_t)record->policy, "reported",
            is_reported(record), "parameters",
            simulate_consumed(&t->world, &t->parameters, &ended)));
    t->reported += is_reported(record);
}

/* The command before this one in its sequence. */
static long entry_before(const struct story *t, long at)
{
    const struct entry *e = &t->entries[at];
    long i = at - 1;

    while (i >= 0 && (t->entries[i].section != e->section ||
                      t->entries[i].parent != e->parent ||
                      t->entries[i].alternative != e->alternative)) {
        i--;
    }
    return i;
}

/* set-component-index leaves no record: those that stand right before a
 * command, or before what it is nested in, have run as well. */
static void indices_tell(struct story *t, long at, uint8_t component)
{
    struct selv_suit_record record = {
        .section = (int16_t)t->entries[at].section,
        .code = SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX,
        .component = component,
    };
    long before = entry_before(t, at);

    if (t->entries[at].parent != NO_ENTRY) {
        indices_tell(t, t->entries[at].parent, component);
    }
    if (before >= 0 && !t->entries[before].is_told &&
        t->entries[before].code == record.code) {
        t->entries[before].is_told = true;
        record.section_offset = (uint16_t)t->entries[before].offset;
        step_tell(t, &record, before, NULL);
    }
}

/* What is nested in a command may run again, and so may a whole section. */
static void told_reset(struct story *t, long at, int32_t section)
{
    for (size_t i = 0; i < t->entry_count; i++) {
        struct entry *e = &t->entries[i];

        if (at == NO_ENTRY ? e->section == section : e->parent == at) {
            e->is_told = false;
        }
    }
}

static void record_tell(struct story *t, const struct selv_suit_record *record,
                        const char *note)
{
    long at = entry_find(t, record->section, record->section_offset);

    if (t->last_section != record->section) {
        told_reset(t, NO_ENTRY, record->section);
    }
    if (at != NO_ENTRY) {
        indices_tell(t, at, record->component);
        t->entries[at].is_told = true;
    }
    step_tell(t, record, at, note);
    if (at != NO_ENTRY && (record->code == SELV_SUIT_DIRECTIVE_TRY_EACH ||
                           record->code == SELV_SUIT_DIRECTIVE_RUN_SEQUENCE)) {
        told_reset(t, at, record->section);
    }
    t->last_section = record->section;
    t->last_parent = at == NO_ENTRY ? NO_ENTRY : t->entries[at].parent;
    t->has_failed_last = record->err != SELV_OK;
}

/* What the engine has done since; note: how the world's part of the first of
 * it went. */
static void steps_tell(struct story *t, const char *note)
{
    size_t count = selv_suit_record_count(&t->s);

    for (; t->told < count && t->told < RECORDS_MAX; t->told++) {
        record_tell(t, &t->records[t->told], note);
        note = NULL;
    }
}

/* ---- procedures ---------------------------------------------------------- */

static json_t *where_json(const struct selv_suit_failure *where)
{
    const char *section = where->section == SELV_SUIT_KEY_AUTHENTICATION
                              ? "authentication-wrapper"
                              : selv_manifest_section_name(where->section);

    if (where->err == SELV_OK) {
        return json_null();
    }
    return json_pack("{s:s?, s:i, s:i, s:i, s:i}", "section", section, "key",
                     (int)where->section, "offset", (int)where->offset,
                     "section_offset", (int)where->section_offset, "code",
                     (int)where->code);
}

/* Commands and parameters share their numbers: what is wrong with an argument
 * inside of an override-parameters is a parameter. */
static bool is_parameter(const struct story *t,
                         const struct selv_suit_failure *where)
{
    const uint8_t *at = t->plan->envelope.p + where->offset;

    for (size_t i = 0;
         where->err == SELV_ERR_SUIT_ARGUMENT && i < t->entry_count; i++) {
        struct selv_bytes argument = t->entries[i].argument;

        if (t->entries[i].code == SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS &&
            at >= argument.p && at < argument.p + argument.len) {
            return true;
        }
    }
    return false;
}

/* The end of a procedure that did not end well. */
static json_t *failure_json(struct story *t, const char *procedure,
                            const char *result, enum selv_err err)
{
    struct selv_manifest_verdict verdict = {
        .err = err,
        .where = *selv_suit_failure(&t->s),
        .is_parameter = is_parameter(t, selv_suit_failure(&t->s)),
    };
    char why[SELV_ERROR_LEN];

    manifest_component_name(t->plan->envelope, verdict.where.component,
                            verdict.component, sizeof(verdict.component));
    selv_manifest_why(&verdict, why);
    return json_pack("{s:s, s:s, s:b, s:s, s:s, s:i, s:o, s:O, s:I}",
                     "procedure", procedure, "result", result, "authentic",
                     selv_is_good(selv_suit_is_authentic(&t->s)), "error",
                     selv_err_name(err), "reason", why, "reason_code",
                     (int)selv_suit_reason(err), "where",
                     where_json(&verdict.where), "steps", t->steps, "reported",
                     (json_int_t)t->reported);
}

static json_t *success_json(struct story *t, const char *procedure)
{
    return json_pack("{s:s, s:s, s:b, s:s, s:s, s:i, s:n, s:O, s:I}",
                     "procedure", procedure, "result", "done", "authentic", 1,
                     "error", "SELV_OK", "reason", "no error", "reason_code", 0,
                     "where", "steps", t->steps, "reported",
                     (json_int_t)t->reported);
}

/* From begin to the end, or to the invocation. */
static enum selv_err run(struct story *t, enum selv_suit_procedure which)
{
    char words[SIMULATE_WORDS_LEN];
    enum selv_err err;

    selv_suit_record_into(&t->s, t->records, RECORDS_MAX);
    err = selv_suit_begin(&t->s, which);
    while (err == SELV_OK) {
        struct selv_suit_todo todo;
        enum selv_suit_todo_kind kind = selv_suit_poll(&t->s, &todo);
        bool may_invoke = kind == SELV_SUIT_INVOKE &&
                          selv_is_good(selv_suit_may_invoke(&t->s));

        steps_tell(t, NULL);
        if (kind == SELV_SUIT_DONE) {
            return SELV_OK;
        }
        if (kind == SELV_SUIT_FAILED) {
            return selv_suit_failure(&t->s)->err;
        }
        simulate_world_answer(&t->world, &t->s, &todo, words);
        steps_tell(t, words);
        if (may_invoke && !t->has_failed_last) {
            t->has_invoked = true;
            t->invoked = todo.component;
            return SELV_OK;
        }
    }
    return err;
}

/* The profile whose turn it is, made to record every command. */
static const struct selv_suit_profile *
profile_of(const struct story *t, bool is_boot, const char **name)
{
    const struct selv_suit_profile *boot = t->world.device.boot_profile;

    if (is_boot && boot == &selv_suit_profile_boot_select) {
        *name = "boot-select";
        return &selv_suit_profile_boot_select_trace;
    }
    if (is_boot && boot == &selv_suit_profile_boot_install) {
        *name = "boot-install";
        return &selv_suit_profile_boot_install_trace;
    }
    *name = "consumer";
    return &selv_suit_profile_consumer_trace;
}

/* What the device compares with, for the consumer or the bootloader. */
static void facts_take(struct story *t, bool is_boot)
{
    const struct simulate_world *w = &t->world;
    const struct selv_manifest_device *d = &w->device;

    t->facts = (struct selv_suit_device){
        .components = w->components,
        .component_count = d->component_count,
        .vendor_id = d->has_no_vendor_id ? NULL : d->vendor_id,
        .vendor_pen = selv_bytes(d->vendor_pen, d->vendor_pen_len),
        .class_id = d->class_id,
        .device_id = d->has_device_id ? d->device_id : NULL,
        .anchors = t->plan->keys,
        .anchor_count = t->plan->key_count,
        .sequence_min = is_boot ? d->security_floor : d->sequence_number,
        .private = &w->private,
    };
    if (!is_boot && d->boot_profile != NULL) {
        t->facts.boot = &d->boot;
    }
}

/* A block that verifies has an algorithm of the device's. */
static bool algorithms_suffice(const struct story *t)
{
    const struct selv_manifest_device *d = &t->world.device;
    bool found = false;
    json_t *blocks;
    size_t i;
    json_t *block;

    if (d->algorithm_count == 0) {
        return true;
    }
    blocks = selv_manifest_blocks(t->plan->envelope, t->plan->keys, NULL,
                                  t->plan->key_names, t->plan->key_count);
    json_array_foreach(blocks, i, block)
    {
        json_t *value = json_object_get(block, "algorithm");
        int32_t algorithm = (int32_t)json_integer_value(value);

        if (!json_is_true(json_object_get(block, "verified")) ||
            (json_is_string(value) &&
             !manifest_algorithm_find(json_string_value(value), &algorithm))) {
            continue;
        }
        for (size_t k = 0; k < d->algorithm_count; k++) {
            found = found || d->algorithms[k] == algorithm;
        }
    }
    json_decref(blocks);
    return found;
}

/* Authentic, well formed and not too old. */
static enum selv_err admit(struct story *t, bool is_boot)
{
    const struct selv_manifest_device *d = &t->world.device;
    struct selv_bytes envelope = t->plan->envelope;
    enum selv_err err = selv_suit_feed_part(&t->s, envelope, envelope.len);

    if (err == SELV_ERR_SUIT_MORE) {
        return SELV_ERR_CBOR_END; /* there is no more */
    }
    if (err != SELV_OK) {
        return err;
    }
    if (!selv_is_good(selv_suit_check(&t->s))) {
        return selv_suit_failure(&t->s)->err;
    }
    if (!is_boot && !algorithms_suffice(t)) {
        return SELV_ERR_COSE_ALG;
    }
    if (!is_boot && d->has_digest &&
        d->sequence_number == selv_suit_sequence_number(&t->s) &&
        memcmp(d->digest, selv_suit_digest(&t->s), sizeof(d->digest)) != 0) {
        return SELV_ERR_UPDATE_EQUAL;
    }
    return SELV_OK;
}

/* One procedure with the profile whose turn it is. */
static json_t *procedure(struct story *t, enum selv_suit_procedure which)
{
    bool is_boot = which == SELV_SUIT_INVOCATION;
    const char *name = is_boot ? "invocation" : "update";
    const char *profile_name;
    const struct selv_suit_profile *profile =
        profile_of(t, is_boot, &profile_name);
    json_t *out;
    enum selv_err err;

    memset(&t->parameters, 0, sizeof(t->parameters));
    t->steps = json_array();
    t->told = 0;
    t->reported = 0;
    t->last_parent = NO_ENTRY;
    t->last_section = 0;
    t->has_failed_last = false;
    facts_take(t, is_boot);
    selv_suit_init(&t->s, profile, &t->facts);
    err = admit(t, is_boot);
    if (err != SELV_OK) {
        out = failure_json(t, name, "refused", err);
    } else {
        err = run(t, which);
        out = err == SELV_OK ? success_json(t, name)
                             : failure_json(t, name, "failed", err);
    }
    json_object_set_new(out, "profile", json_string(profile_name));
    if (selv_suit_record_count(&t->s) > RECORDS_MAX) {
        json_object_set_new(
            out, "steps_lost",
            json_integer(
                (json_int_t)(selv_suit_record_count(&t->s) - RECORDS_MAX)));
    }
    json_decref(t->steps);
    return out;
}

static bool is_done(json_t *procedure)
{
    const char *result =
        json_string_value(json_object_get(procedure, "result"));

    return result != NULL && strcmp(result, "done") == 0;
}

/* ---- the whole ----------------------------------------------------------- */

/* Who signed, and what the manifest is. */
static void manifest_tell(struct story *t, json_t *out)
{
    char digits[2 * SELV_SHA256_LEN + 1];
    size_t anchor;

    if (!selv_is_good(selv_suit_is_authentic(&t->s))) {
        return;
    }
    anchor = selv_suit_anchor(&t->s);
    if (anchor < t->plan->key_count) {
        json_object_set_new(out, "signed_by",
                            json_string(t->plan->key_names[anchor]));
    }
    memcpy(t->digest, selv_suit_digest(&t->s), sizeof(t->digest));
    t->sequence_number = selv_suit_sequence_number(&t->s);
    selv_hex_encode(selv_bytes(t->digest, SELV_SHA256_LEN), digits);
    json_object_set_new(out, "digest", json_string(digits));
    json_object_set_new(out, "sequence_number",
                        manifest_uint_json(t->sequence_number));
}

static void procedures_run(struct story *t, json_t *out)
{
    const struct selv_simulate_plan *plan = t->plan;
    json_t *list = json_array();
    json_t *last = NULL;

    json_object_set_new(out, "procedures", list);
    if (plan->has_update) {
        last = procedure(t, SELV_SUIT_UPDATE);
        t->is_installed = is_done(last);
        json_array_append_new(list, last);
        manifest_tell(t, out);
    }
    if (plan->has_invocation && (last == NULL || is_done(last))) {
        if (!plan->has_update) {
            simulate_world_turn(&t->world);
        }
        last = procedure(t, SELV_SUIT_INVOCATION);
        json_array_append_new(list, last);
        manifest_tell(t, out);
    }
    json_object_set_new(out, "verdict",
                        json_string(is_done(last) ? "success" : "failure"));
    json_object_set_new(out, "invoked",
                        t->has_invoked ? component_name(t, t->invoked)
                                       : json_null());
    json_object_set_new(out, "state", simulate_world_state(&t->world));
    json_object_set_new(
        out, "device",
        simulate_world_device(&t->world, t->is_installed ? t->digest : NULL,
                              t->sequence_number));
}

/* The faults that nothing came to, as they were asked for. */
static void faults_put(const struct story *t, json_t *out)
{
    json_t *list = json_array();

    for (size_t i = 0; i < t->plan->fault_count; i++) {
        const struct selv_simulate_fault *f = &t->plan->faults[i];

        if ((t->world.fault_hit >> i & 1) == 0) {
            json_array_append_new(
                list, f->number == 0 ? json_string(f->operation)
                                     : json_sprintf("%s:%u", f->operation,
                                                    (unsigned)f->number));
        }
    }
    if (json_array_size(list) > 0) {
        json_object_set(out, "faults_unreached", list);
    }
    json_decref(list);
}

json_t *selv_manifest_simulate(const struct selv_simulate_plan *plan,
                               struct selv_error *error)
{
    struct story *t = calloc(1, sizeof(*t));
    json_t *description = NULL;
    struct selv_error ignored;
    json_t *out = NULL;
    bool done;

    if (t == NULL) {
        selv_error_set(error, SELV_EXIT_ENVIRONMENT, "out of memory");
        return NULL;
    }
    t->plan = plan;
    t->records = calloc(RECORDS_MAX, sizeof(*t->records));
    done = simulate_world_open(&t->world, plan, error);
    if (done && (t->records == NULL || !envelope_index(t))) {
        done = selv_error_set(error, SELV_EXIT_ENVIRONMENT, "out of memory");
    }
    if (done) {
        description = selv_manifest_describe(plan->envelope, NULL, &ignored);
        t->components = json_object_get(description, "components");
        out = json_object();
        procedures_run(t, out);
        faults_put(t, out);
        selv_suit_wipe(&t->s);
    }
    json_decref(description);
    simulate_world_close(&t->world);
    free(t->records);
    free(t->entries);
    free(t);
    return out;
}

enum selv_exit selv_manifest_simulate_exit(json_t *story)
{
    json_t *list = json_object_get(story, "procedures");
    json_t *last = json_array_get(list, json_array_size(list) - 1);

    if (is_done(last)) {
        return SELV_EXIT_OK;
    }
    return json_integer_value(json_object_get(last, "reason_code")) ==
                       SELV_SUIT_REASON_UNAUTHORISED &&
                   !json_is_true(json_object_get(last, "authentic"))
               ? SELV_EXIT_SIGNATURE
               : SELV_EXIT_REFUSED;
}
