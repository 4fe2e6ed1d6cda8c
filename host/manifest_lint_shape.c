/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules about sections, and about commands one by one. */
#include "host/manifest_lint_int.h"

#include <stdio.h>

/* What we know on the way down into a sequence. */
struct walk {
    struct lint *l;
    const struct manifest_section *section;
    bool is_shared;
    bool is_nested;    /* in try-each or run-sequence */
    bool is_in_try;    /* in a try-each, at any depth */
    bool soft_default; /* of soft-failure in this sequence */
};

static struct lint_at at_of(const struct walk *w, const struct place *path,
                            const uint8_t *byte)
{
    struct lint_at at = {w->section->word->name, path, byte};
    return at;
}

/* ---- parameters ---------------------------------------------------------- */

static bool value_is_good(const struct manifest_word *word,
                          struct selv_bytes item)
{
    struct selv_suit_chunks_name list;
    struct selv_cbor r;
    struct selv_bytes bytes;
    uint64_t number;
    int32_t algorithm;
    uint32_t pen;
    bool flag;

    selv_cbor_init(&r, item);
    switch (word->shape) {
    case WORD_UINT:
        return selv_cbor_uint(&r, &number) == SELV_OK;
    case WORD_BOOL:
        return selv_cbor_bool(&r, &flag) == SELV_OK;
    case WORD_TEXT:
        return selv_cbor_tstr(&r, &bytes) == SELV_OK;
    case WORD_VENDOR:
        if (manifest_pen_get(item, &pen)) {
            return true;
        }
        return manifest_bstr(item, &bytes) && bytes.len == 16;
    case WORD_UUID:
        return manifest_bstr(item, &bytes) && bytes.len == 16;
    case WORD_CHUNKS:
        return selv_suit_chunks_name_read(item, &list) == SELV_OK;
    case WORD_DIGEST:
        return manifest_bstr(item, &bytes) &&
               manifest_digest_get(bytes, &algorithm, &bytes);
    default:
        return manifest_bstr(item, &bytes);
    }
}

/* Versions 3, 4 and 5 only [manifest 8.4.8.2]. */
static void uuid_check(const struct walk *w, const struct lint_at *at,
                       const char *name, struct selv_bytes item)
{
    struct selv_bytes uuid;
    int version;

    if (!manifest_bstr(item, &uuid) || uuid.len != 16) {
        return;
    }
    version = uuid.p[6] >> 4;
    if (version < 3 || version > 5 || (uuid.p[8] & 0xc0) != 0x80) {
        lint_find(w->l, LINT_UUID_VERSION, at,
                  "%s is no UUID of version 3, 4 or 5", name);
    }
}

static void soft_failure_check(const struct walk *w, const struct lint_at *at,
                               struct selv_bytes item)
{
    struct selv_cbor r;
    bool value = false;

    selv_cbor_init(&r, item);
    if (!w->is_nested) {
        lint_find(w->l, LINT_SOFT_FAILURE_OUTSIDE, at,
                  "soft-failure is set outside try-each and run-sequence");
    } else if (selv_cbor_bool(&r, &value) == SELV_OK &&
               value == w->soft_default) {
        lint_find(w->l, LINT_SOFT_FAILURE_DEFAULT, at,
                  "soft-failure is set to %s, which it is",
                  value ? "true" : "false");
    }
}

static void shared_check(const struct walk *w, const struct lint_at *at,
                         const char *kind, int32_t code)
{
    if (w->is_shared && manifest_is_private(code)) {
        lint_find(w->l, LINT_PRIVATE_IN_SHARED, at,
                  "private %s %d in the shared sequence", kind, (int)code);
    }
}

static void known_check(const struct walk *w, const struct lint_at *at,
                        const struct manifest_word *word,
                        struct selv_bytes item)
{
    struct selv_bytes bytes;
    int32_t algorithm;

    shared_check(w, at, "parameter", word->code);
    if (!value_is_good(word, item)) {
        lint_find(w->l, LINT_MALFORMED, at, "the value of %s has another type",
                  word->name);
        return;
    }
    if (word->shape == WORD_UUID || word->shape == WORD_VENDOR) {
        uuid_check(w, at, word->name, item);
    } else if (word->code == SELV_SUIT_PARAMETER_SOFT_FAILURE) {
        soft_failure_check(w, at, item);
    } else if (word->code == SELV_SUIT_PARAMETER_CONTENT &&
               manifest_bstr(item, &bytes) && bytes.len > 100) {
        lint_find(w->l, LINT_CONTENT_LARGE, at,
                  "content has %zu bytes; it is meant for tens of them",
                  bytes.len);
    } else if (word->shape == WORD_DIGEST && manifest_bstr(item, &bytes) &&
               manifest_digest_get(bytes, &algorithm, &bytes) &&
               algorithm != SELV_SUIT_DIGEST_SHA256) {
        lint_find(w->l, LINT_DIGEST_ALGORITHM, at,
                  "image-digest is of algorithm %d", (int)algorithm);
    }
}

static void unknown_check(const struct walk *w, const struct lint_at *at,
                          const char *kind, int32_t code)
{
    if (!manifest_is_private(code)) {
        lint_find(w->l, LINT_UNASSIGNED, at, "%s %d is not assigned", kind,
                  (int)code);
    } else if (w->is_shared) {
        shared_check(w, at, kind, code);
    } else {
        lint_find(w->l, LINT_PRIVATE_NUMBER, at, "private %s %d", kind,
                  (int)code);
    }
}

static void parameters_check(const struct walk *w, const struct place *path,
                             const struct manifest_command *command)
{
    struct lint_at at = at_of(w, path, command->at);
    struct selv_cbor r;
    uint32_t count;

    selv_cbor_init(&r, command->argument);
    if (selv_cbor_map(&r, &count) != SELV_OK || count == 0) {
        lint_find(w->l, LINT_MALFORMED, &at,
                  "override-parameters has no map of parameters");
        return;
    }
    for (; count > 0; count--) {
        const struct manifest_word *word;
        const uint8_t *key = r.p;
        struct selv_bytes item;
        char number[16];
        struct place here;
        int32_t code;

        if (selv_cbor_int(&r, &code) != SELV_OK ||
            selv_cbor_skip(&r, &item) != SELV_OK) {
            lint_find(w->l, LINT_MALFORMED, &at,
                      "a parameter's key is no number");
            return;
        }
        word = manifest_word_at(manifest_parameters, code);
        here = place_member(path, lint_parameter_name(code, number));
        at = at_of(w, &here, key);
        if (word != NULL) {
            known_check(w, &at, word, item);
        } else {
            unknown_check(w, &at, "parameter", code);
        }
        at = at_of(w, path, command->at);
    }
}

/* ---- alternatives -------------------------------------------------------- */

static bool is_condition(int32_t code)
{
    switch (code) {
    case SELV_SUIT_CONDITION_VENDOR_ID:
    case SELV_SUIT_CONDITION_CLASS_ID:
    case SELV_SUIT_CONDITION_IMAGE_MATCH:
    case SELV_SUIT_CONDITION_COMPONENT_SLOT:
    case SELV_SUIT_CONDITION_CHECK_CONTENT:
    case SELV_SUIT_CONDITION_ABORT:
    case SELV_SUIT_CONDITION_DEVICE_ID:
        return true;
    default:
        return manifest_word_at(manifest_commands, code) == NULL;
    }
}

/* The boolean parameter that a command sets; false: it sets none. */
static bool flag_set(const struct manifest_command *command, int32_t wanted,
                     bool *value)
{
    struct selv_cbor r;
    struct selv_bytes item;
    uint32_t count;
    int32_t code;

    selv_cbor_init(&r, command->argument);
    if (command->code != SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS ||
        selv_cbor_map(&r, &count) != SELV_OK) {
        return false;
    }
    for (; count > 0; count--) {
        if (selv_cbor_int(&r, &code) != SELV_OK) {
            return false;
        }
        if (code == wanted) {
            return selv_cbor_bool(&r, value) == SELV_OK;
        }
        if (selv_cbor_skip(&r, &item) != SELV_OK) {
            return false;
        }
    }
    return false;
}

static bool can_fail(const struct manifest_sequence *s);

/* Whether a condition's failure can leave the command. */
static bool command_can_fail(const struct manifest_command *command)
{
    if (command->code == SELV_SUIT_DIRECTIVE_RUN_SEQUENCE) {
        return command->nested_count == 0 || can_fail(&command->nested[0]);
    }
    if (command->code == SELV_SUIT_DIRECTIVE_TRY_EACH) {
        for (size_t i = 0; i < command->nested_count; i++) {
            if (!can_fail(&command->nested[i])) {
                return false;
            }
        }
        return true;
    }
    return is_condition(command->code);
}

static bool can_fail(const struct manifest_sequence *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (command_can_fail(&s->commands[i])) {
            return true;
        }
    }
    return s->err != SELV_OK;
}

/* Whether a failure in a try-each's sequence leads to the next one. */
static bool can_pass_on(const struct manifest_sequence *s)
{
    bool is_soft = true;

    for (size_t i = 0; i < s->count; i++) {
        flag_set(&s->commands[i], SELV_SUIT_PARAMETER_SOFT_FAILURE, &is_soft);
        if (is_soft && command_can_fail(&s->commands[i])) {
            return true;
        }
    }
    return s->err != SELV_OK;
}

/* Index of an abort that always runs and stays soft; count: there is none. */
static size_t abort_find(const struct manifest_sequence *s)
{
    size_t i = 0;

    while (i < s->count && s->commands[i].code != SELV_SUIT_CONDITION_ABORT) {
        i++;
    }
    return i;
}

static bool is_abort_meant(const struct manifest_sequence *s)
{
    bool is_soft = true;

    for (size_t i = 0; i < s->count; i++) {
        flag_set(&s->commands[i], SELV_SUIT_PARAMETER_SOFT_FAILURE, &is_soft);
    }
    return !is_soft;
}

/* alternatives that are never reached, or never end well */
static void try_each_check(const struct walk *w, const struct place *path,
                           const struct manifest_command *command)
{
    struct lint_at at = at_of(w, path, command->at);
    size_t sequences = 0;
    size_t failing = 0;
    bool is_dead = false;

    if (command->is_nested_bad || command->nested_count == 0) {
        lint_find(w->l, LINT_MALFORMED, &at,
                  "try-each holds no list of sequences");
        return;
    }
    for (size_t i = 0; i < command->nested_count; i++) {
        const struct manifest_sequence *s = &command->nested[i];
        struct place here = place_element(path, i);

        at = at_of(w, &here, s->item.p);
        if (is_dead) {
            lint_find(w->l, LINT_DEAD_ALTERNATIVE, &at,
                      "never reached: the alternatives before it cannot fail "
                      "and go on");
        }
        if (s->is_nil) {
            is_dead = true;
            continue;
        }
        sequences++;
        if (abort_find(s) < s->count && !is_abort_meant(s)) {
            failing++;
            lint_find(w->l, LINT_ALTERNATIVE_FAILS, &at,
                      "this alternative always fails, for it aborts");
        }
        is_dead = is_dead || !can_pass_on(s);
    }
    at = at_of(w, path, command->at);
    if (failing == sequences &&
        command->nested[command->nested_count - 1].is_nil) {
        lint_find(w->l, LINT_ONLY_NIL_LEFT, &at,
                  "only the empty alternative can succeed");
    }
}

/* ---- commands ------------------------------------------------------------ */

static void sequence_check(const struct walk *w, const struct place *path,
                           const struct manifest_sequence *s);

static bool has_effect(int32_t code)
{
    return code == SELV_SUIT_DIRECTIVE_FETCH ||
           code == SELV_SUIT_DIRECTIVE_COPY ||
           code == SELV_SUIT_DIRECTIVE_WRITE ||
           code == SELV_SUIT_DIRECTIVE_SWAP ||
           code == SELV_SUIT_DIRECTIVE_INVOKE;
}

static void nested_check(const struct walk *w, const struct place *path,
                         const struct manifest_command *command)
{
    bool is_try = command->code == SELV_SUIT_DIRECTIVE_TRY_EACH;
    struct walk inner = *w;

    inner.is_nested = true;
    inner.is_in_try = w->is_in_try || is_try;
    inner.soft_default = is_try;
    for (size_t i = 0; i < command->nested_count; i++) {
        struct place here = place_element(path, i);

        sequence_check(&inner, is_try ? &here : path, &command->nested[i]);
    }
}

static void policy_check(const struct walk *w, const struct lint_at *at,
                         const struct manifest_command *command)
{
    struct selv_cbor r;
    uint64_t policy;
    char number[16];

    selv_cbor_init(&r, command->argument);
    if (selv_cbor_uint(&r, &policy) != SELV_OK || policy > 15) {
        lint_find(w->l, LINT_MALFORMED, at,
                  "the argument of %s is no reporting policy, 0 to 15",
                  lint_command_name(command->code, number));
    }
}

static void command_check(const struct walk *w, const struct place *path,
                          const struct manifest_command *command)
{
    const struct manifest_word *word =
        manifest_word_at(manifest_commands, command->code);
    struct lint_at at = at_of(w, path, command->at);
    uint64_t components;

    if (word == NULL) {
        unknown_check(w, &at, "command", command->code);
        return;
    }
    if (w->is_shared && has_effect(command->code)) {
        lint_find(w->l, LINT_SHARED_EFFECT, &at,
                  "%s in the shared sequence, which may only set parameters "
                  "and check",
                  word->name);
    }
    switch (word->shape) {
    case WORD_INDEX:
        if (!lint_index_read(w->l, command->argument, &components)) {
            lint_find(w->l, LINT_INDEX_RANGE, &at,
                      "the manifest has %zu component%s, counted from 0",
                      w->l->tree->components.count,
                      w->l->tree->components.count == 1 ? "" : "s");
        }
        break;
    case WORD_PARAMETERS:
        parameters_check(w, path, command);
        break;
    case WORD_TRY_EACH:
        try_each_check(w, path, command);
        nested_check(w, path, command);
        break;
    case WORD_SEQUENCE:
        nested_check(w, path, command);
        break;
    default:
        policy_check(w, &at, command);
        break;
    }
    if (command->code == SELV_SUIT_CONDITION_COMPONENT_SLOT && !w->is_in_try) {
        lint_find(w->l, LINT_SLOT_WITHOUT_TRY_EACH, &at,
                  "component-slot outside a try-each: every other slot is "
                  "refused");
    }
}

static void sequence_check(const struct walk *w, const struct place *path,
                           const struct manifest_sequence *s)
{
    size_t abort = abort_find(s);

    for (size_t i = 0; i < s->count; i++) {
        const struct manifest_word *word =
            manifest_word_at(manifest_commands, s->commands[i].code);
        struct place element = place_element(path, i);
        struct place named =
            place_member(&element, word == NULL ? "" : word->name);
        bool has_inside = word != NULL && (word->shape == WORD_PARAMETERS ||
                                           word->shape == WORD_TRY_EACH ||
                                           word->shape == WORD_SEQUENCE);
        struct lint_at at = at_of(w, &element, s->commands[i].at);

        if (i == abort + 1) {
            lint_find(w->l, LINT_DEAD_COMMAND, &at,
                      "never reached: abort stands before it");
        }
        command_check(w, has_inside ? &named : &element, &s->commands[i]);
    }
    /* What is too deep is well formed: lint_device tells it. */
    if (s->err != SELV_OK && s->err != SELV_ERR_SUIT_DEPTH) {
        struct lint_at at = at_of(w, path, s->err_at);

        lint_find(w->l, LINT_MALFORMED, &at, "the sequence is malformed: %s",
                  selv_err_str(s->err));
    }
}

/* ---- sections ------------------------------------------------------------ */

static bool has_command(const struct manifest_sequence *s, int32_t code)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct manifest_command *command = &s->commands[i];

        if (command->code == code) {
            return true;
        }
        for (size_t k = 0; k < command->nested_count; k++) {
            if (has_command(&command->nested[k], code)) {
                return true;
            }
        }
    }
    return false;
}

static void section_check(struct lint *l, const struct manifest_section *s)
{
    struct walk w = {.l = l,
                     .section = s,
                     .is_shared = s->word->code == SELV_SUIT_KEY_COMMON};
    struct place path = place_member(NULL, s->word->name);
    struct lint_at at = {s->word->name, &path, s->item.p};
    const struct manifest_sequence *sequence = &s->sequence;

    if (!s->is_commands) {
        return;
    }
    if (l->tree->components.count > 1 && sequence->count > 0 &&
        sequence->commands[0].code != SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX) {
        at.byte = sequence->commands[0].at;
        lint_find(l, LINT_NO_COMPONENT_INDEX, &at,
                  "several components, and %s does not begin with "
                  "set-component-index",
                  s->word->name);
    }
    sequence_check(&w, &path, sequence);
}

static void severing_check(struct lint *l, const struct manifest_section *s)
{
    struct place path = place_member(NULL, s->word->name);
    struct lint_at at = {s->word->name, &path, s->item.p};

    if (s->item.p == NULL) {
        return;
    }
    if (s->word->code == SELV_SUIT_KEY_TEXT && !s->is_digest) {
        lint_find(l, LINT_TEXT_NOT_SEVERABLE, &at,
                  "text is part of the manifest, so every device must get and "
                  "keep its %zu bytes",
                  s->item.len);
    }
    if (s->is_digest && s->severed.p != NULL &&
        s->severed.len < s->item.len + 4) {
        lint_find(l, LINT_SEVERED_TOO_SMALL, &at,
                  "%s has %zu bytes severed, and its digest %zu", s->word->name,
                  s->severed.len, s->item.len);
    }
}

static void identity_check(struct lint *l)
{
    static const struct {
        int32_t code;
        enum lint_rule rule;
        const char *name;
    } rows[] = {
        {SELV_SUIT_CONDITION_VENDOR_ID, LINT_NO_VENDOR_CHECK, "vendor"},
        {SELV_SUIT_CONDITION_CLASS_ID, LINT_NO_CLASS_CHECK, "class"},
    };
    const struct manifest_section *shared = &l->tree->sections[0];
    struct place path = place_member(NULL, "shared");
    struct lint_at at = {"shared", &path, shared->item.p};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!shared->is_commands ||
            !has_command(&shared->sequence, rows[i].code)) {
            lint_find(l, rows[i].rule, &at,
                      "the shared sequence does not check the %s: devices of "
                      "any may take the manifest",
                      rows[i].name);
        }
    }
}

static void validate_check(struct lint *l)
{
    const struct manifest_section *validate =
        manifest_tree_section(l->tree, SELV_SUIT_KEY_VALIDATE);
    const struct manifest_section *install =
        manifest_tree_section(l->tree, SELV_SUIT_KEY_INSTALL);
    const struct manifest_section *invoke =
        manifest_tree_section(l->tree, SELV_SUIT_KEY_INVOKE);
    const struct manifest_section *load =
        manifest_tree_section(l->tree, SELV_SUIT_KEY_LOAD);
    const struct manifest_section *fetch =
        manifest_tree_section(l->tree, SELV_SUIT_KEY_PAYLOAD_FETCH);
    struct place path = place_member(NULL, "validate");
    struct lint_at at = {"validate", &path, validate->item.p};

    if (install->item.p == NULL && invoke->item.p == NULL &&
        load->item.p == NULL && fetch->item.p == NULL) {
        at.section = NULL;
        at.path = NULL;
        lint_find(l, LINT_NOTHING_TO_DO, &at,
                  "no section fetches, installs, loads or invokes anything");
        return;
    }
    if (validate->item.p == NULL ||
        (validate->is_commands &&
         !has_command(&validate->sequence, SELV_SUIT_CONDITION_IMAGE_MATCH) &&
         !has_command(&validate->sequence,
                      SELV_SUIT_CONDITION_CHECK_CONTENT))) {
        lint_find(l, LINT_VALIDATE_WITHOUT_MATCH, &at, "%s",
                  validate->item.p == NULL ? "there is no validate section"
                                           : "validate compares no image");
    }
}

static void keys_check(struct lint *l, const struct manifest_list *list,
                       const char *where)
{
    for (size_t i = 0; i < list->count; i++) {
        struct place path = place_member(NULL, "other-keys");
        struct lint_at at = {NULL, &path, list->pairs[i].key.p};
        struct selv_cbor r;
        int32_t key = 0;

        selv_cbor_init(&r, list->pairs[i].key);
        if (selv_cbor_int(&r, &key) == SELV_OK) {
            lint_find(l, LINT_UNASSIGNED, &at,
                      "key %d of the %s is not assigned", (int)key, where);
        }
    }
}

static void head_check(struct lint *l)
{
    struct place path = place_member(NULL, "sequence-number");
    struct lint_at at = {NULL, &path, l->tree->sequence_number.p};
    struct selv_cbor r;
    uint64_t number;

    selv_cbor_init(&r, l->tree->sequence_number);
    if (selv_cbor_uint(&r, &number) != SELV_OK) {
        lint_find(l, LINT_MALFORMED, &at, "no sequence number");
    } else if (number == 0) {
        lint_find(l, LINT_SEQUENCE_ZERO, &at, "the sequence number is 0");
    }
    path = place_member(NULL, "manifest-version");
    at.byte = l->tree->version.p;
    selv_cbor_init(&r, l->tree->version);
    if (selv_cbor_uint(&r, &number) != SELV_OK || number != 1) {
        lint_find(l, LINT_MALFORMED, &at, "the manifest version is not 1");
    }
}

static void components_check(struct lint *l)
{
    const struct manifest_list *list = &l->tree->components;

    for (size_t i = 0; i < list->count; i++) {
        struct place up = place_member(NULL, "components");
        struct place path = place_element(&up, i);
        struct lint_at at = {"common", &path, list->pairs[i].value.p};

        for (size_t k = 0; k < i; k++) {
            if (selv_bytes_equal(list->pairs[i].value, list->pairs[k].value)) {
                lint_find(l, LINT_COMPONENT_TWICE, &at,
                          "the same component as number %zu", k);
            }
        }
    }
}

void lint_shape(struct lint *l)
{
    head_check(l);
    components_check(l);
    keys_check(l, &l->tree->other_manifest, "manifest");
    keys_check(l, &l->tree->other_common, "common element");
    keys_check(l, &l->tree->other_envelope, "envelope");
    identity_check(l);
    validate_check(l);
    for (size_t i = 0; i < MANIFEST_SECTIONS; i++) {
        severing_check(l, &l->tree->sections[i]);
        section_check(l, &l->tree->sections[i]);
    }
}
