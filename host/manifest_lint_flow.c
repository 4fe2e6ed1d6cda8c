/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules that follow a manifest along every way through its try-eachs: which
 * parameters are set where they are read, and which images were compared.
 *
 * A *definition* is one value given to one parameter of one component. At any
 * moment a parameter has the set of definitions that may be in force, and may
 * be unset on some way. Where ways meet, the sets are united. */
#include "host/chunks.h"
#include "host/manifest_lint_int.h"

#include <stdlib.h>

enum {
    DEFINITIONS_MAX = 1024,
    CODES_MAX = 24, /* parameters: the draft's 13, and private ones */
    COMPONENTS_MAX = 16,
    STEPS_MAX = 100000 /* of all walks: try-eachs in loops multiply */
};

struct definition {
    int32_t code;
    size_t component;
    struct selv_bytes item;
    struct lint_spot spot;
    bool is_used;
};

struct value {
    uint64_t definitions[DEFINITIONS_MAX / 64];
    bool is_unset; /* on some way */
};

struct state {
    struct value values[COMPONENTS_MAX][CODES_MAX];
    uint64_t written; /* components changed since they were compared */
    uint64_t matched; /* components whose image was compared on every way */
    bool is_loose;    /* strict-order is false */
    uint64_t targets, sources; /* while it is */
};

struct flow {
    struct lint *l;
    struct definition *definitions;
    size_t definition_count;
    int32_t codes[CODES_MAX];
    size_t code_count;
    uint64_t touched;                            /* components that commands
                                                    were for */
    struct lint_spot written_at[COMPONENTS_MAX]; /* the last change */
    const struct manifest_section *section;
    const char *procedure;
    bool is_invocation;
    bool is_full; /* more than we follow */
    size_t steps;
};

/* Which component a command is for, and where it stands. */
struct here {
    const struct place *path;
    uint64_t components;
};

/* ---- sets ---------------------------------------------------------------- */

static size_t code_index(struct flow *f, int32_t code)
{
    for (size_t i = 0; i < f->code_count; i++) {
        if (f->codes[i] == code) {
            return i;
        }
    }
    if (f->code_count == CODES_MAX) {
        f->is_full = true;
        return CODES_MAX - 1;
    }
    f->codes[f->code_count] = code;
    return f->code_count++;
}

static void state_clear(struct state *s)
{
    memset(s, 0, sizeof(*s));
    for (size_t c = 0; c < COMPONENTS_MAX; c++) {
        for (size_t i = 0; i < CODES_MAX; i++) {
            s->values[c][i].is_unset = true;
        }
    }
}

static void state_join(struct state *into, const struct state *other)
{
    for (size_t c = 0; c < COMPONENTS_MAX; c++) {
        for (size_t i = 0; i < CODES_MAX; i++) {
            struct value *value = &into->values[c][i];

            for (size_t k = 0; k < DEFINITIONS_MAX / 64; k++) {
                value->definitions[k] |= other->values[c][i].definitions[k];
            }
            value->is_unset = value->is_unset || other->values[c][i].is_unset;
        }
    }
    into->written |= other->written;
    into->matched &= other->matched;
    into->is_loose = into->is_loose || other->is_loose;
    into->targets |= other->targets;
    into->sources |= other->sources;
}

static bool value_is_empty(const struct value *value)
{
    for (size_t k = 0; k < DEFINITIONS_MAX / 64; k++) {
        if (value->definitions[k] != 0) {
            return false;
        }
    }
    return true;
}

/* ---- definitions --------------------------------------------------------- */

static struct definition *define(struct flow *f, int32_t code, size_t component,
                                 struct selv_bytes item,
                                 const struct lint_at *at)
{
    struct definition *d;

    for (size_t i = 0; i < f->definition_count; i++) {
        d = &f->definitions[i];
        if (d->item.p == item.p && d->component == component) {
            return d;
        }
    }
    if (f->definition_count == DEFINITIONS_MAX) {
        f->is_full = true;
        return &f->definitions[DEFINITIONS_MAX - 1];
    }
    d = &f->definitions[f->definition_count++];
    d->code = code;
    d->component = component;
    d->item = item;
    lint_spot_set(&d->spot, at);
    return d;
}

static void loose_set(struct state *s, struct selv_bytes item)
{
    struct selv_cbor r;
    bool is_strict = true;

    selv_cbor_init(&r, item);
    if (selv_cbor_bool(&r, &is_strict) == SELV_OK) {
        s->is_loose = !is_strict;
        s->targets = 0;
        s->sources = 0;
    }
}

static void parameters_run(struct flow *f, struct state *s,
                           const struct here *here,
                           const struct manifest_command *command)
{
    struct selv_cbor r;
    uint32_t count;

    selv_cbor_init(&r, command->argument);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        return;
    }
    for (; count > 0; count--) {
        const uint8_t *key = r.p;
        struct selv_bytes item;
        char number[16];
        int32_t code;

        if (selv_cbor_int(&r, &code) != SELV_OK ||
            selv_cbor_skip(&r, &item) != SELV_OK) {
            return;
        }
        if (code == SELV_SUIT_PARAMETER_STRICT_ORDER) {
            loose_set(s, item);
        }
        if (code == SELV_SUIT_PARAMETER_STRICT_ORDER ||
            code == SELV_SUIT_PARAMETER_SOFT_FAILURE) {
            continue; /* of the processor, not of a component */
        }
        for (size_t c = 0; c < COMPONENTS_MAX; c++) {
            struct place member =
                place_member(here->path, "override-parameters");
            struct place named =
                place_member(&member, lint_parameter_name(code, number));
            struct lint_at at = {f->section->word->name, &named, key};
            struct value *value = &s->values[c][code_index(f, code)];
            size_t index;

            if ((here->components >> c & 1) == 0) {
                continue;
            }
            index = (size_t)(define(f, code, c, item, &at) - f->definitions);
            memset(value, 0, sizeof(*value));
            value->definitions[index / 64] = UINT64_C(1) << index % 64;
        }
    }
}

/* ---- reading ------------------------------------------------------------- */

static struct value *value_use(struct flow *f, struct state *s, size_t c,
                               int32_t code)
{
    struct value *value = &s->values[c][code_index(f, code)];

    for (size_t i = 0; i < f->definition_count; i++) {
        if ((value->definitions[i / 64] >> i % 64 & 1) != 0) {
            f->definitions[i].is_used = true;
        }
    }
    return value;
}

static void value_need(struct flow *f, struct state *s, const struct here *here,
                       size_t c, const struct manifest_command *command,
                       int32_t code)
{
    const struct value *value = value_use(f, s, c, code);
    struct lint_at at = {f->section->word->name, here->path, command->at};
    char component[80];
    char command_text[16];
    char parameter_text[16];
    const char *name = lint_command_name(command->code, command_text);
    const char *parameter = lint_parameter_name(code, parameter_text);

    lint_component_name(f->l, c, component);
    if (value_is_empty(value)) {
        lint_find(f->l, LINT_PARAMETER_UNSET, &at,
                  "%s reads %s of %s, which the %s procedure has not set", name,
                  parameter, component, f->procedure);
    } else if (value->is_unset) {
        lint_find(f->l, LINT_PARAMETER_MAYBE_UNSET, &at,
                  "%s reads %s of %s, which not every way through the %s "
                  "procedure has set",
                  name, parameter, component, f->procedure);
    }
}

/* ---- commands with a component ------------------------------------------- */

static void written_set(struct flow *f, struct state *s,
                        const struct lint_at *at, size_t c)
{
    s->written |= UINT64_C(1) << c;
    s->matched &= ~(UINT64_C(1) << c);
    lint_spot_set(&f->written_at[c], at);
    if (s->is_loose) {
        s->targets |= UINT64_C(1) << c;
    }
    if ((s->targets & s->sources) != 0) {
        lint_find(f->l, LINT_STRICT_ORDER_RACE, at,
                  "strict-order is false, and a component is both target and "
                  "source");
    }
}

/* Every source that may be meant here. */
static void sources_check(struct flow *f, struct state *s,
                          const struct lint_at *at, size_t c,
                          const struct manifest_command *command)
{
    const struct value *value =
        value_use(f, s, c, SELV_SUIT_PARAMETER_SOURCE_COMPONENT);

    for (size_t i = 0; i < f->definition_count; i++) {
        struct selv_cbor r;
        uint64_t source;

        if ((value->definitions[i / 64] >> i % 64 & 1) == 0) {
            continue;
        }
        selv_cbor_init(&r, f->definitions[i].item);
        if (selv_cbor_uint(&r, &source) != SELV_OK) {
            continue;
        }
        if (source >= f->l->tree->components.count) {
            lint_find(f->l, LINT_INDEX_RANGE, at,
                      "the source, component %llu, is not in the list",
                      (unsigned long long)source);
        } else if (source == c) {
            lint_find(f->l, LINT_SOURCE_IS_TARGET, at,
                      "component %zu is source and target", c);
        } else if (source < COMPONENTS_MAX) {
            f->touched |= UINT64_C(1) << source;
            if (s->is_loose) {
                s->sources |= UINT64_C(1) << source;
            }
            if (command->code == SELV_SUIT_DIRECTIVE_SWAP) {
                s->matched &= ~(UINT64_C(1) << source);
            }
        }
    }
}

static bool is_in_force(const struct value *value, size_t definition)
{
    return (value->definitions[definition / 64] >> definition % 64 & 1) != 0;
}

/* Whether an image of one of the sizes that may be in force has such a list. */
static bool has_such_list(const struct flow *f, const struct value *sizes,
                          uint32_t list_len)
{
    for (size_t i = 0; i < f->definition_count; i++) {
        struct selv_cbor r;
        uint64_t size;

        if (!is_in_force(sizes, i)) {
            continue;
        }
        selv_cbor_init(&r, f->definitions[i].item);
        if (selv_cbor_uint(&r, &size) == SELV_OK &&
            selv_chunks_shift_of(size, list_len) != 0) {
            return true;
        }
    }
    return false;
}

/* A list that a fetch reads is of an image as long as its own. */
static void chunks_check(struct flow *f, struct state *s,
                         const struct lint_at *at, size_t c)
{
    const struct value *lists =
        value_use(f, s, c, SELV_SUIT_PARAMETER_CHUNK_LIST);
    const struct value *sizes =
        value_use(f, s, c, SELV_SUIT_PARAMETER_IMAGE_SIZE);

    for (size_t i = 0; i < f->definition_count; i++) {
        struct selv_suit_chunks_name list;
        char name[80];

        if (is_in_force(lists, i) && !value_is_empty(sizes) &&
            selv_suit_chunks_name_read(f->definitions[i].item, &list) ==
                SELV_OK &&
            !has_such_list(f, sizes, list.len)) {
            lint_component_name(f->l, c, name);
            lint_find(f->l, LINT_CHUNK_LIST_LENGTH, at,
                      "fetch into %s with a chunk list of %u bytes, which no "
                      "image of that image-size has",
                      name, (unsigned)list.len);
        }
    }
}

static void fetch_check(struct flow *f, struct state *s,
                        const struct lint_at *at, size_t c)
{
    bool has_digest =
        !value_is_empty(value_use(f, s, c, SELV_SUIT_PARAMETER_IMAGE_DIGEST));
    bool has_size =
        !value_is_empty(value_use(f, s, c, SELV_SUIT_PARAMETER_IMAGE_SIZE));
    char name[80];

    lint_component_name(f->l, c, name);
    if (!has_digest) {
        lint_find(f->l, LINT_FETCH_WITHOUT_DIGEST, at,
                  "fetch into %s without an image-digest to compare with",
                  name);
    } else if (!has_size) {
        lint_find(f->l, LINT_FETCH_WITHOUT_SIZE, at,
                  "fetch into %s with image-digest but without image-size",
                  name);
    }
    chunks_check(f, s, at, c);
}

/* What a command must find set; 0 ends the list. */
static int32_t needed(int32_t code)
{
    switch (code) {
    case SELV_SUIT_CONDITION_VENDOR_ID:
        return SELV_SUIT_PARAMETER_VENDOR_ID;
    case SELV_SUIT_CONDITION_CLASS_ID:
        return SELV_SUIT_PARAMETER_CLASS_ID;
    case SELV_SUIT_CONDITION_DEVICE_ID:
        return SELV_SUIT_PARAMETER_DEVICE_ID;
    case SELV_SUIT_CONDITION_IMAGE_MATCH:
        return SELV_SUIT_PARAMETER_IMAGE_DIGEST;
    case SELV_SUIT_CONDITION_COMPONENT_SLOT:
        return SELV_SUIT_PARAMETER_COMPONENT_SLOT;
    case SELV_SUIT_CONDITION_CHECK_CONTENT:
    case SELV_SUIT_DIRECTIVE_WRITE:
        return SELV_SUIT_PARAMETER_CONTENT;
    case SELV_SUIT_DIRECTIVE_FETCH:
        return SELV_SUIT_PARAMETER_URI;
    case SELV_SUIT_DIRECTIVE_COPY:
    case SELV_SUIT_DIRECTIVE_SWAP:
        return SELV_SUIT_PARAMETER_SOURCE_COMPONENT;
    default:
        return 0;
    }
}

/* Parameters that may be consumed as well; a private command, and a private
 * parameter, may concern anything [manifest 8.4.8.16]. */
static void optional_use(struct flow *f, struct state *s, size_t c,
                         int32_t code)
{
    bool is_image =
        code == SELV_SUIT_CONDITION_IMAGE_MATCH ||
        code == SELV_SUIT_DIRECTIVE_COPY || code == SELV_SUIT_DIRECTIVE_SWAP ||
        code == SELV_SUIT_DIRECTIVE_WRITE || code == SELV_SUIT_DIRECTIVE_FETCH;
    bool is_unknown = manifest_word_at(manifest_commands, code) == NULL;

    for (size_t i = 0; i < f->code_count; i++) {
        int32_t parameter = f->codes[i];

        if (manifest_word_at(manifest_parameters, parameter) == NULL ||
            is_unknown ||
            (is_image && (parameter == SELV_SUIT_PARAMETER_IMAGE_SIZE ||
                          parameter == SELV_SUIT_PARAMETER_IMAGE_DIGEST)) ||
            (code == SELV_SUIT_DIRECTIVE_FETCH &&
             (parameter == SELV_SUIT_PARAMETER_FETCH_ARGUMENTS ||
              parameter == SELV_SUIT_PARAMETER_CHUNK_LIST)) ||
            (code == SELV_SUIT_DIRECTIVE_INVOKE &&
             parameter == SELV_SUIT_PARAMETER_INVOKE_ARGS)) {
            value_use(f, s, c, parameter);
        }
    }
}

static void component_run(struct flow *f, struct state *s,
                          const struct here *here, size_t c,
                          const struct manifest_command *command)
{
    struct lint_at at = {f->section->word->name, here->path, command->at};
    uint64_t bit = UINT64_C(1) << c;
    char name[80];

    f->touched |= bit;
    if (needed(command->code) != 0) {
        value_need(f, s, here, c, command, needed(command->code));
    }
    optional_use(f, s, c, command->code);
    switch (command->code) {
    case SELV_SUIT_DIRECTIVE_FETCH:
        fetch_check(f, s, &at, c);
        written_set(f, s, &at, c);
        break;
    case SELV_SUIT_DIRECTIVE_COPY:
    case SELV_SUIT_DIRECTIVE_SWAP:
        sources_check(f, s, &at, c, command);
        written_set(f, s, &at, c);
        break;
    case SELV_SUIT_DIRECTIVE_WRITE:
        written_set(f, s, &at, c);
        /* Content is in the manifest: signed, and not to be compared. */
        s->written &= ~bit;
        break;
    case SELV_SUIT_CONDITION_IMAGE_MATCH:
        s->matched |= bit;
        s->written &= ~bit;
        break;
    case SELV_SUIT_CONDITION_CHECK_CONTENT:
        s->written &= ~bit;
        break;
    case SELV_SUIT_DIRECTIVE_INVOKE:
        if (f->is_invocation && (s->matched & bit) == 0) {
            lint_component_name(f->l, c, name);
            lint_find(f->l, LINT_INVOKE_UNCHECKED, &at,
                      "%s is invoked, and no image-match stands before on "
                      "every way",
                      name);
        }
        break;
    default:
        break;
    }
}

/* ---- sequences ----------------------------------------------------------- */

static void sequence_run(struct flow *f, struct state *s,
                         const struct here *here,
                         const struct manifest_sequence *sequence);

static bool has_abort(const struct manifest_sequence *sequence)
{
    for (size_t i = 0; i < sequence->count; i++) {
        if (sequence->commands[i].code == SELV_SUIT_CONDITION_ABORT) {
            return true;
        }
    }
    return false;
}

/* What a failed alternative set stays set for the next one. */
static void try_each_run(struct flow *f, struct state *s,
                         const struct here *here,
                         const struct manifest_command *command)
{
    struct state *entry = malloc(sizeof(*entry));
    struct state *exit = malloc(sizeof(*exit));
    struct place member = place_member(here->path, "try-each");
    bool has_exit = false;

    if (entry == NULL || exit == NULL) {
        f->is_full = true;
        free(entry);
        free(exit);
        return;
    }
    *entry = *s;
    for (size_t i = 0; i < command->nested_count; i++) {
        struct place path = place_element(&member, i);
        struct here inner = {&path, here->components};
        struct state *way = malloc(sizeof(*way));

        if (way == NULL) {
            f->is_full = true;
            break;
        }
        *way = *entry;
        sequence_run(f, way, &inner, &command->nested[i]);
        if (!has_abort(&command->nested[i])) {
            if (has_exit) {
                state_join(exit, way);
            } else {
                *exit = *way;
            }
            has_exit = true;
        }
        state_join(entry, way);
        free(way);
    }
    *s = has_exit ? *exit : *entry;
    free(entry);
    free(exit);
}

/* With strict-order false and a single index, the sequence selects its own
 * component first, and no other behind [manifest 6.7]. */
static void parallel_check(struct flow *f, const struct here *here,
                           const struct manifest_command *command)
{
    const struct manifest_sequence *sequence = &command->nested[0];
    struct lint_at at = {f->section->word->name, here->path, command->at};
    size_t count = 0;

    for (size_t i = 0; i < sequence->count; i++) {
        count += sequence->commands[i].code ==
                 SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX;
    }
    if (sequence->count == 0 || count != 1 ||
        sequence->commands[0].code != SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX) {
        lint_find(f->l, LINT_STRICT_ORDER_INDEX, &at,
                  "strict-order is false, and the sequence does not begin "
                  "with its only set-component-index");
    }
}

static bool is_single(uint64_t components)
{
    return components != 0 && (components & (components - 1)) == 0;
}

static void run_sequence_run(struct flow *f, struct state *s,
                             const struct here *here,
                             const struct manifest_command *command)
{
    struct place path = place_member(here->path, "run-sequence");
    struct here inner = {&path, here->components};
    struct state *entry = malloc(sizeof(*entry));

    if (entry == NULL) {
        f->is_full = true;
        return;
    }
    *entry = *s;
    sequence_run(f, s, &inner, &command->nested[0]);
    s->is_loose = entry->is_loose;
    free(entry);
}

/* Nested sequences run once for each component, and see it alone. */
static void nested_run(struct flow *f, struct state *s, const struct here *here,
                       const struct manifest_command *command)
{
    if (command->nested_count == 0) {
        return;
    }
    if (command->code == SELV_SUIT_DIRECTIVE_RUN_SEQUENCE && s->is_loose &&
        is_single(here->components)) {
        parallel_check(f, here, command);
    }
    for (size_t c = 0; c < COMPONENTS_MAX; c++) {
        struct here one = {here->path, UINT64_C(1) << c};

        if ((here->components >> c & 1) == 0) {
            continue;
        }
        if (command->code == SELV_SUIT_DIRECTIVE_TRY_EACH) {
            try_each_run(f, s, &one, command);
        } else {
            run_sequence_run(f, s, &one, command);
        }
    }
}

static void sequence_run(struct flow *f, struct state *s,
                         const struct here *here,
                         const struct manifest_sequence *sequence)
{
    uint64_t components = here->components;

    for (size_t i = 0; i < sequence->count && !f->is_full; i++) {
        const struct manifest_command *command = &sequence->commands[i];
        struct place path = place_element(here->path, i);
        struct here now = {&path, components};

        f->is_full = ++f->steps > STEPS_MAX;
        switch (command->code) {
        case SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX:
            if (!lint_index_read(f->l, command->argument, &components)) {
                return; /* said already */
            }
            break;
        case SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS:
            parameters_run(f, s, &now, command);
            break;
        case SELV_SUIT_DIRECTIVE_TRY_EACH:
        case SELV_SUIT_DIRECTIVE_RUN_SEQUENCE:
            nested_run(f, s, &now, command);
            break;
        default:
            for (size_t c = 0; c < COMPONENTS_MAX; c++) {
                if ((components >> c & 1) != 0) {
                    component_run(f, s, &now, c, command);
                }
            }
            break;
        }
    }
}

/* ---- procedures ---------------------------------------------------------- */

static void section_run(struct flow *f, struct state *s,
                        const struct manifest_section *section)
{
    struct place path = place_member(NULL, section->word->name);
    struct here here = {&path, 1};

    f->section = section;
    s->is_loose = false;
    s->targets = 0;
    s->sources = 0;
    if (section->is_commands) {
        sequence_run(f, s, &here, &section->sequence);
    }
}

static void procedure_run(struct flow *f, struct state *s, const int32_t *keys)
{
    char name[80];

    state_clear(s);
    for (; *keys != 0; keys++) {
        const struct manifest_section *section =
            manifest_tree_section(f->l->tree, *keys);

        if (section->item.p != NULL) {
            section_run(f, s, &f->l->tree->sections[0]);
            section_run(f, s, section);
        }
    }
    for (size_t c = 0; c < COMPONENTS_MAX; c++) {
        if ((s->written >> c & 1) != 0) {
            lint_component_name(f->l, c, name);
            lint_find_spot(f->l, LINT_WRITTEN_UNCHECKED, &f->written_at[c],
                           "%s is written, and no image-match follows", name);
        }
    }
}

static void unused_find(struct flow *f)
{
    char number[16];
    char name[80];

    for (size_t i = 0; i < f->definition_count; i++) {
        const struct definition *d = &f->definitions[i];

        if (!d->is_used) {
            lint_component_name(f->l, d->component, name);
            lint_find_spot(f->l, LINT_PARAMETER_UNUSED, &d->spot,
                           "no command reads this %s of %s",
                           lint_parameter_name(d->code, number), name);
        }
    }
    for (size_t c = 0; c < f->l->tree->components.count && c < COMPONENTS_MAX;
         c++) {
        struct place up = place_member(NULL, "components");
        struct place path = place_element(&up, c);
        struct lint_at at = {"common", &path,
                             f->l->tree->components.pairs[c].value.p};

        if ((f->touched >> c & 1) == 0) {
            lint_component_name(f->l, c, name);
            lint_find(f->l, LINT_COMPONENT_UNUSED, &at, "no command is for %s",
                      name);
        }
    }
}

/* Something taken out may read what is set, and do what is missing. */
static bool has_absent(const struct manifest_tree *tree)
{
    for (size_t i = 1; i < MANIFEST_SECTIONS; i++) {
        if (tree->sections[i].is_digest && !tree->sections[i].is_commands &&
            tree->sections[i].word->code != SELV_SUIT_KEY_TEXT) {
            return true;
        }
    }
    return false;
}

void lint_values_find(const struct lint *l, int32_t code, size_t component,
                      struct lint_values *values)
{
    struct flow *f = calloc(1, sizeof(*f));
    struct state *s = malloc(sizeof(*s));
    struct lint quiet = *l;

    values->count = 0;
    quiet.findings = json_array();
    if (f != NULL && s != NULL) {
        f->l = &quiet;
        f->procedure = "";
        f->definitions = calloc(DEFINITIONS_MAX, sizeof(*f->definitions));
    }
    if (f != NULL && s != NULL && f->definitions != NULL) {
        state_clear(s);
        for (size_t i = 0; i < MANIFEST_SECTIONS; i++) {
            section_run(f, s, &l->tree->sections[i]);
        }
        for (size_t i = 0; i < f->definition_count; i++) {
            if (f->definitions[i].code == code &&
                f->definitions[i].component == component &&
                values->count <
                    sizeof(values->items) / sizeof(values->items[0])) {
                values->items[values->count++] = f->definitions[i].item;
            }
        }
        free(f->definitions);
    }
    json_decref(quiet.findings);
    free(f);
    free(s);
}

void lint_flow(struct lint *l)
{
    static const int32_t update[] = {SELV_SUIT_KEY_PAYLOAD_FETCH,
                                     SELV_SUIT_KEY_INSTALL,
                                     SELV_SUIT_KEY_VALIDATE, 0};
    static const int32_t invocation[] = {
        SELV_SUIT_KEY_VALIDATE, SELV_SUIT_KEY_LOAD, SELV_SUIT_KEY_INVOKE, 0};
    struct flow *f = calloc(1, sizeof(*f));
    struct state *s = malloc(sizeof(*s));

    if (f != NULL && s != NULL) {
        f->l = l;
        f->definitions = calloc(DEFINITIONS_MAX, sizeof(*f->definitions));
    }
    if (f != NULL && s != NULL && f->definitions != NULL) {
        f->procedure = "update";
        procedure_run(f, s, update);
        f->procedure = "invocation";
        f->is_invocation = true;
        if (manifest_tree_section(l->tree, SELV_SUIT_KEY_LOAD)->is_commands ||
            manifest_tree_section(l->tree, SELV_SUIT_KEY_INVOKE)->is_commands) {
            procedure_run(f, s, invocation);
        }
        if (!has_absent(l->tree) && !f->is_full) {
            unused_find(f);
        }
        free(f->definitions);
    }
    free(f);
    free(s);
}
