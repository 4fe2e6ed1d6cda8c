/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference's decoder: from the envelope to commands, with a list of all
 * that a device may refuse before it runs anything [manifest 6.2, 8]. */
#include "test/reference/reference.h"

const int reference_section_keys[REFERENCE_ELEMENTS] = {16, 20, 7, 8, 9, 23};

/* Numbers above it are refused: no device here has as many bytes, or as
 * many slots. */
#define NUMBER_MAX UINT32_MAX

/* Where in the manifest a sequence stands. */
struct place {
    int key;           /* of the section, 3: shared */
    unsigned sections; /* 1 << section; 0: shared */
    const uint8_t *start;
    unsigned depth;                         /* 0: outermost */
    const struct reference_command *holder; /* NULL: outermost */
};

static void add_fault(struct reference *r, struct reference_fault fault)
{
    if (fault.err != SELV_OK && r->fault_count < REFERENCE_FAULTS_MAX) {
        fault.in_sequence = r->in_sequence;
        r->faults[r->fault_count++] = fault;
    }
}

/* A fault at no command, or none when err is SELV_OK. */
static void fault(struct reference *r, enum selv_err err, int64_t section,
                  int64_t code)
{
    add_fault(r, (struct reference_fault){err, section, code, REFERENCE_ANY,
                                          REFERENCE_ANY, false});
}

/* One within a command. */
static void fault_in(struct reference *r, const struct place *place,
                     const struct reference_command *c, enum selv_err err,
                     int64_t code)
{
    add_fault(r, (struct reference_fault){err, place->key, code, (int64_t)c->at,
                                          (int64_t)c->end, false});
}

/* ---- what commands are [manifest 8.4.9, 8.4.10] ------------------------- */

#define IN(section) (1u << SELV_SUIT_SECTION_##section)
#define IN_UPDATE (IN(PAYLOAD_FETCH) | IN(INSTALL))
#define IN_ALL (IN_UPDATE | IN(VALIDATE) | IN(LOAD) | IN(INVOKE))

static const struct kind {
    int64_t code;
    unsigned sections; /* where it may stand */
    bool in_shared;
} kinds[] = {
    {SELV_SUIT_CONDITION_VENDOR_ID, IN_ALL, true},
    {SELV_SUIT_CONDITION_CLASS_ID, IN_ALL, true},
    {SELV_SUIT_CONDITION_IMAGE_MATCH, IN_ALL, true},
    {SELV_SUIT_CONDITION_COMPONENT_SLOT, IN_ALL, true},
    {SELV_SUIT_CONDITION_CHECK_CONTENT, IN_ALL, true},
    {SELV_SUIT_CONDITION_ABORT, IN_ALL, true},
    {SELV_SUIT_CONDITION_DEVICE_ID, IN_ALL, true},
    {SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX, IN_ALL, true},
    {SELV_SUIT_DIRECTIVE_TRY_EACH, IN_ALL, true},
    {SELV_SUIT_DIRECTIVE_RUN_SEQUENCE, IN_ALL, true},
    {SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS, IN_ALL, true},
    {SELV_SUIT_DIRECTIVE_FETCH, IN_UPDATE, false},
    {SELV_SUIT_DIRECTIVE_WRITE, IN_UPDATE | IN(LOAD), false},
    {SELV_SUIT_DIRECTIVE_COPY, IN_UPDATE | IN(LOAD), false},
    {SELV_SUIT_DIRECTIVE_SWAP, IN_UPDATE | IN(LOAD), false},
    {SELV_SUIT_DIRECTIVE_INVOKE, IN(INVOKE), false},
};

const struct selv_suit_private_command *
reference_private_command(const struct reference *r, int64_t code)
{
    const struct selv_suit_private *more =
        r->profile.has_private ? r->device->private : NULL;
    for (size_t i = 0; more != NULL && i < more->command_count; i++) {
        if (more->commands[i].code == code) {
            return &more->commands[i];
        }
    }
    return NULL;
}

/* Unknown: SELV_ERR_SUIT_COMMAND. In the wrong section:
 * SELV_ERR_SUIT_SECTION. */
static enum selv_err judge_command(const struct reference *r, int64_t code,
                                   unsigned section)
{
    const struct selv_suit_private_command *private_command =
        reference_private_command(r, code);
    if (private_command != NULL) {
        /* never in the shared sequence [manifest 6.2] */
        return (private_command->sections & section) != 0
                   ? SELV_OK
                   : SELV_ERR_SUIT_SECTION;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].code != code || (r->profile.commands >> code & 1) == 0) {
            continue;
        }
        bool may_stand = section == 0 ? kinds[i].in_shared
                                      : (kinds[i].sections & section) != 0;
        return may_stand ? SELV_OK : SELV_ERR_SUIT_SECTION;
    }
    return SELV_ERR_SUIT_COMMAND;
}

/* ---- parameters [manifest 8.4.8] ---------------------------------------- */

/* SUIT_Digest [manifest 10]: an array of algorithm and bytes. */
static enum selv_err read_digest(const struct tree *t, const uint8_t **digest)
{
    int64_t algorithm;
    if (!tree_is(t, CBOR_ARRAY) || t->item_count < 1 ||
        !tree_int(t->items[0], &algorithm)) {
        return SELV_ERR_SUIT_ARGUMENT;
    }
    if (algorithm != SELV_SUIT_DIGEST_SHA256) {
        return SELV_ERR_SUIT_DIGEST_ALG;
    }
    if (t->item_count != 2 || !tree_is(t->items[1], CBOR_BSTR) ||
        t->items[1]->bytes.len != SELV_SHA256_LEN) {
        return SELV_ERR_SUIT_ARGUMENT;
    }
    *digest = t->items[1]->bytes.p;
    return SELV_OK;
}

static enum selv_err judge_uuid(const struct tree *t)
{
    return tree_is(t, CBOR_BSTR) && t->bytes.len == 16 ? SELV_OK
                                                       : SELV_ERR_SUIT_ARGUMENT;
}

#define PEN 1u /* of a set of parameters: bit 0, which no parameter has */

/* Is it a vendor as a Private Enterprise Number [manifest 8.4.8.3]? */
static bool is_pen(const struct tree *t)
{
    return tree_is(t, CBOR_TAG) && t->value == SELV_SUIT_TAG_PEN &&
           tree_is(t->items[0], CBOR_BSTR) && t->items[0]->bytes.len > 0;
}

static enum selv_err judge_u32(const struct tree *t)
{
    return tree_is(t, CBOR_UINT) && t->value <= NUMBER_MAX
               ? SELV_OK
               : SELV_ERR_SUIT_ARGUMENT;
}

static enum selv_err judge_bool(const struct tree *t)
{
    return tree_is_simple(t, CBOR_TRUE) || tree_is_simple(t, CBOR_FALSE)
               ? SELV_OK
               : SELV_ERR_SUIT_ARGUMENT;
}

static bool fetches(const struct reference *r)
{
    return (r->profile.commands >> SELV_SUIT_DIRECTIVE_FETCH & 1) != 0;
}

/* Whoever does not fetch need not read it. */
static enum selv_err judge_uri(const struct reference *r, const struct tree *t)
{
    if (!tree_is(t, CBOR_TSTR)) {
        return SELV_ERR_SUIT_ARGUMENT;
    }
    if (!fetches(r)) {
        return SELV_OK;
    }
    if (t->bytes.len == 0 || t->bytes.len > SELV_SUIT_URI_MAX) {
        return SELV_ERR_SUIT_URI;
    }
    return is_utf8(t->bytes) ? SELV_OK : SELV_ERR_CBOR_UTF8;
}

static enum selv_err judge_source(struct reference *r,
                                  const struct place *place,
                                  const struct reference_command *c,
                                  const struct reference_parameter *p)
{
    if (tree_is(p->value, CBOR_UINT) && p->value->value >= r->component_count) {
        fault_in(r, place, c, SELV_ERR_SUIT_INDEX, p->code);
    }
    return judge_u32(p->value);
}

static enum selv_err judge_image_digest(struct reference *r,
                                        const struct place *place,
                                        const struct reference_command *c,
                                        struct reference_parameter *p)
{
    if (!tree_is(p->value, CBOR_BSTR)) {
        return SELV_ERR_SUIT_ARGUMENT;
    }
    enum selv_err err;
    const struct tree *t = tree_read(&r->arena, p->value->bytes, &err);
    fault_in(r, place, c, err, p->code);
    return t == NULL ? SELV_OK : read_digest(t, &p->digest);
}

static bool is_private_parameter(const struct reference *r, int64_t code)
{
    const struct selv_suit_private *more =
        r->profile.has_private ? r->device->private : NULL;
    for (size_t i = 0; more != NULL && i < more->parameter_count; i++) {
        if (more->parameters[i] == code) {
            return true;
        }
    }
    return false;
}

static enum selv_err judge_parameter(struct reference *r,
                                     const struct place *place,
                                     const struct reference_command *c,
                                     struct reference_parameter *p)
{
    if (is_private_parameter(r, p->code)) {
        /* [manifest 8.4.8.16] */
        return place->sections == 0 ? SELV_ERR_SUIT_PRIVATE
                                    : tree_orders(p->value);
    }
    if (p->code < 0 || p->code > 31 ||
        (r->profile.parameters >> p->code & 1) == 0) {
        return SELV_ERR_SUIT_PARAMETER;
    }
    switch (p->code) {
    case SELV_SUIT_PARAMETER_VENDOR_ID:
        return is_pen(p->value) && (r->profile.parameters & PEN) != 0
                   ? SELV_OK
                   : judge_uuid(p->value);
    case SELV_SUIT_PARAMETER_CLASS_ID:
    case SELV_SUIT_PARAMETER_DEVICE_ID:
        return judge_uuid(p->value);
    case SELV_SUIT_PARAMETER_IMAGE_DIGEST:
        return judge_image_digest(r, place, c, p);
    case SELV_SUIT_PARAMETER_COMPONENT_SLOT:
    case SELV_SUIT_PARAMETER_IMAGE_SIZE:
        return judge_u32(p->value);
    case SELV_SUIT_PARAMETER_SOFT_FAILURE:
        if (place->depth == 0) {
            /* "MUST NOT be set outside of try-each or run-sequence"
             * [manifest 8.4.8.15] */
            fault_in(r, place, c, SELV_ERR_SUIT_SOFT, p->code);
        }
        return judge_bool(p->value);
    case SELV_SUIT_PARAMETER_STRICT_ORDER:
        return judge_bool(p->value);
    case SELV_SUIT_PARAMETER_URI:
        return judge_uri(r, p->value);
    case SELV_SUIT_PARAMETER_SOURCE_COMPONENT:
        return judge_source(r, place, c, p);
    case SELV_SUIT_PARAMETER_CONTENT:
    case SELV_SUIT_PARAMETER_INVOKE_ARGS:
    case SELV_SUIT_PARAMETER_FETCH_ARGUMENTS:
        return tree_is(p->value, CBOR_BSTR) ? SELV_OK : SELV_ERR_SUIT_ARGUMENT;
    default:
        return SELV_ERR_SUIT_PARAMETER;
    }
}

/* ---- arguments ---------------------------------------------------------- */

static struct reference_sequence *
read_sequence(struct reference *r, struct place place, struct selv_bytes in);

static void read_parameters(struct reference *r, const struct place *place,
                            const struct tree *t, struct reference_command *c)
{
    if (!tree_is(t, CBOR_MAP) || t->item_count == 0) {
        fault_in(r, place, c, SELV_ERR_SUIT_ARGUMENT, c->code);
        return;
    }
    size_t where = 0;
    fault_in(r, place, c, tree_order(t, &where), REFERENCE_ANY);
    c->parameter_count = t->item_count / 2;
    c->parameters =
        arena_take(&r->arena, c->parameter_count * sizeof *c->parameters);
    for (size_t i = 0; i < c->parameter_count; i++) {
        struct reference_parameter *p = &c->parameters[i];
        p->value = t->items[2 * i + 1];
        if (!tree_int(t->items[2 * i], &p->code)) {
            fault_in(r, place, c, SELV_ERR_SUIT_ARGUMENT, REFERENCE_ANY);
        } else {
            fault_in(r, place, c, judge_parameter(r, place, c, p), p->code);
        }
    }
}

static size_t read_index(struct reference *r, const struct place *place,
                         const struct reference_command *c,
                         const struct tree *t)
{
    if (!tree_is(t, CBOR_UINT) || t->value > NUMBER_MAX) {
        fault_in(r, place, c, SELV_ERR_SUIT_ARGUMENT, c->code);
    }
    if (tree_is(t, CBOR_UINT) && t->value >= r->component_count) {
        fault_in(r, place, c, SELV_ERR_SUIT_INDEX, c->code);
    }
    return (size_t)t->value;
}

/* An index, true, or a list of indices [manifest 6.5]. */
static void read_selection(struct reference *r, const struct place *place,
                           const struct tree *t, struct reference_command *c)
{
    struct reference_selection *index = &c->index;
    if (tree_is_simple(t, CBOR_TRUE)) {
        index->kind = INDEX_ALL;
        index->count = r->component_count;
        for (size_t i = 0; i < index->count; i++) {
            index->component[i] = i;
        }
    } else if (tree_is(t, CBOR_ARRAY)) {
        index->kind = INDEX_LIST;
        if (t->item_count == 0) {
            fault_in(r, place, c, SELV_ERR_SUIT_ARGUMENT, c->code);
        }
        if (t->item_count > r->component_count) {
            fault_in(r, place, c, SELV_ERR_SUIT_INDEX, c->code);
        }
        for (size_t i = 0; i < t->item_count; i++) {
            size_t v = read_index(r, place, c, t->items[i]);
            if (i < SELV_SUIT_COMPONENTS_MAX) {
                index->component[i] = v;
                index->count = i + 1;
            }
        }
    } else {
        index->kind = INDEX_ONE;
        index->count = 1;
        index->component[0] = read_index(r, place, c, t);
    }
}

/* The sequence within a command. */
static struct reference_sequence *read_nested(struct reference *r,
                                              const struct place *place,
                                              const struct tree *t,
                                              const struct reference_command *c)
{
    struct place inner = *place;
    inner.depth++;
    inner.holder = c;
    if (!tree_is(t, CBOR_BSTR)) {
        fault_in(r, place, c, SELV_ERR_SUIT_ARGUMENT, c->code);
        return NULL;
    }
    if (inner.depth > SELV_SUIT_DEPTH_MAX) {
        fault_in(r, place, c, SELV_ERR_SUIT_DEPTH, c->code);
        return NULL;
    }
    return read_sequence(r, inner, t->bytes);
}

/* [ 2* bstr .cbor sequence, ? nil ] [manifest 8.4.10.2, A] */
static void read_try_each(struct reference *r, const struct place *place,
                          const struct tree *t, struct reference_command *c)
{
    if (!tree_is(t, CBOR_ARRAY)) {
        fault_in(r, place, c, SELV_ERR_SUIT_ARGUMENT, c->code);
        return;
    }
    c->sequence_count = t->item_count;
    c->sequences =
        arena_take(&r->arena, (t->item_count + 1) * sizeof *c->sequences);
    size_t sequences = 0;
    for (size_t i = 0; i < t->item_count; i++) {
        if (tree_is_simple(t->items[i], CBOR_NULL)) {
            if (i + 1 != t->item_count) {
                fault_in(r, place, c, SELV_ERR_SUIT_ARGUMENT, c->code);
            }
        } else {
            c->sequences[i] = read_nested(r, place, t->items[i], c);
            sequences += tree_is(t->items[i], CBOR_BSTR);
        }
    }
    if (sequences < 2) {
        fault_in(r, place, c, SELV_ERR_SUIT_EMPTY, c->code);
    }
}

static void read_argument(struct reference *r, const struct place *place,
                          const struct tree *t, struct reference_command *c)
{
    switch (c->code) {
    case SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX:
        read_selection(r, place, t, c);
        break;
    case SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS:
        read_parameters(r, place, t, c);
        break;
    case SELV_SUIT_DIRECTIVE_TRY_EACH:
        read_try_each(r, place, t, c);
        break;
    case SELV_SUIT_DIRECTIVE_RUN_SEQUENCE:
        c->sequence_count = 1;
        c->sequences = arena_take(&r->arena, sizeof *c->sequences);
        c->sequences[0] = read_nested(r, place, t, c);
        break;
    default:
        /* a reporting policy: four bits [manifest 8.4.7] */
        c->policy = t->value;
        if (!tree_is(t, CBOR_UINT) || t->value > 15) {
            fault_in(r, place, c, SELV_ERR_SUIT_ARGUMENT, c->code);
        }
        break;
    }
}

/* ---- sequences [manifest 8.4.6] ----------------------------------------- */

/* What the bootloader will run, it must be able to: the shared sequence,
 * validate, load and invoke; and install, where that is the bootloader's. */
static void judge_bootloader(struct reference *r, const struct place *place,
                             const struct reference_command *c)
{
    const struct selv_suit_capability *boot = r->device->boot;
    if (boot == NULL || !r->profile.judges_bootloader ||
        (place->sections & IN_UPDATE & ~(boot->sections & IN(INSTALL))) != 0) {
        return;
    }
    bool fits = c->code >= 0 && (boot->commands >> c->code & 1) != 0 &&
                (place->sections & ~(unsigned)boot->sections) == 0 &&
                r->component_count <= boot->components_max &&
                place->depth <= boot->depth_max;
    if (!fits) {
        fault_in(r, place, c, SELV_ERR_SUIT_BOOTLOADER, REFERENCE_ANY);
    }
    for (size_t i = 0; i < c->parameter_count; i++) {
        int64_t code = c->parameters[i].code;
        bool is_unknown_form = code == SELV_SUIT_PARAMETER_VENDOR_ID &&
                               is_pen(c->parameters[i].value) &&
                               (boot->parameters & PEN) == 0;
        if (code < 0 || code > 31 || (boot->parameters >> code & 1) == 0 ||
            is_unknown_form) {
            fault_in(r, place, c, SELV_ERR_SUIT_BOOTLOADER, code);
        }
    }
}

static void read_command(struct reference *r, const struct place *place,
                         const struct tree *code, const struct tree *argument,
                         struct reference_command *c)
{
    c->at = (size_t)(code->whole.p - place->start);
    c->end = (size_t)(argument->whole.p - place->start) + argument->whole.len;
    if (code->major > CBOR_NEGATIVE) {
        fault(r, SELV_ERR_CBOR_TYPE, place->key, REFERENCE_ANY);
    } else if (!tree_int(code, &c->code) || c->code > INT32_MAX ||
               c->code < INT32_MIN) {
        fault(r, SELV_ERR_CBOR_RANGE, place->key, REFERENCE_ANY);
    } else {
        enum selv_err err = judge_command(r, c->code, place->sections);
        fault_in(r, place, c, err, c->code);
        if (c->code < 0 && place->sections == 0) {
            /* nobody registers one for the shared sequence: unknown, too */
            fault_in(r, place, c, SELV_ERR_SUIT_COMMAND, c->code);
        }
        if (err == SELV_OK) {
            read_argument(r, place, argument, c);
            judge_bootloader(r, place, c);
        }
    }
}

static struct reference_sequence *
read_sequence(struct reference *r, struct place place, struct selv_bytes in)
{
    struct reference_sequence *s = arena_take(&r->arena, sizeof *s);
    enum selv_err err;
    const struct tree *t = tree_read(&r->arena, in, &err);
    fault(r, err, place.key, REFERENCE_ANY);
    if (t != NULL && !tree_is(t, CBOR_ARRAY)) {
        fault(r, SELV_ERR_CBOR_TYPE, place.key, REFERENCE_ANY);
    }
    if (t == NULL || !tree_is(t, CBOR_ARRAY)) {
        return s;
    }
    if (t->item_count == 0) {
        if (place.holder != NULL) {
            fault_in(r, &place, place.holder, SELV_ERR_SUIT_EMPTY,
                     place.holder->code);
        } else {
            fault(r, SELV_ERR_SUIT_EMPTY, place.key, REFERENCE_ANY);
        }
    }
    if (t->item_count % 2 != 0) {
        fault(r, SELV_ERR_SUIT_ARGUMENT, place.key, REFERENCE_ANY);
    }
    s->count = t->item_count / 2;
    s->commands = arena_take(&r->arena, s->count * sizeof *s->commands);
    for (size_t i = 0; i < s->count; i++) {
        read_command(r, &place, t->items[2 * i], t->items[2 * i + 1],
                     &s->commands[i]);
    }
    /* "If the manifest contains more than one component, each command
     * sequence MUST begin with a Set Component Index" [manifest 6.2]: shared
     * and sections, not what is nested. */
    if (place.depth == 0 && s->count > 0 && r->component_count > 1 &&
        s->commands[0].code != SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX) {
        fault_in(r, &place, &s->commands[0], SELV_ERR_SUIT_NO_INDEX,
                 s->commands[0].code);
    }
    return s;
}

/* A section's or the shared sequence, as the byte string that it must be. */
static struct reference_sequence *read_outermost(struct reference *r, int key,
                                                 unsigned sections,
                                                 const struct tree *t)
{
    struct place place = {
        .key = key, .sections = sections, .start = t->bytes.p};
    struct reference_sequence *s = NULL;
    r->in_sequence = true;
    if (tree_is(t, CBOR_BSTR)) {
        s = read_sequence(r, place, t->bytes);
    } else {
        fault(r, SELV_ERR_CBOR_TYPE, key, REFERENCE_ANY);
    }
    r->in_sequence = false;
    return s;
}

/* ---- common [manifest 8.4.5] -------------------------------------------- */

static void read_component(struct reference *r, size_t i)
{
    const struct tree *id = r->components->items[i];
    bool is_id = tree_is(id, CBOR_ARRAY);
    for (size_t k = 0; k < id->item_count; k++) {
        is_id = is_id && tree_is(id->items[k], CBOR_BSTR);
    }
    if (!is_id) { /* and no device can have such a component */
        fault(r, SELV_ERR_CBOR_TYPE, 3, 2);
    }
    for (size_t k = 0; k < i; k++) {
        if (selv_bytes_equal(r->components->items[k]->whole, id->whole)) {
            fault(r, SELV_ERR_SUIT_COMPONENTS, 3, 2);
        }
    }
    for (size_t k = 0; k < r->device->component_count; k++) {
        if (selv_bytes_equal(r->device->components[k].id, id->whole)) {
            r->device_component[i] = k;
            return;
        }
    }
    fault(r, SELV_ERR_SUIT_COMPONENT, 3, 2);
}

static void read_components(struct reference *r)
{
    if (r->components == NULL) {
        fault(r, SELV_ERR_SUIT_MISSING, 3, 2);
        return;
    }
    if (!tree_is(r->components, CBOR_ARRAY)) {
        fault(r, SELV_ERR_CBOR_TYPE, 3, 2);
        return;
    }
    r->component_count = r->components->item_count;
    if (r->component_count == 0 ||
        r->component_count > SELV_SUIT_COMPONENTS_MAX) {
        fault(r, SELV_ERR_SUIT_COMPONENTS, 3, 2);
        r->component_count = 0;
    }
    for (size_t i = 0; i < r->component_count; i++) {
        read_component(r, i);
    }
}

/* A map's keys: only those known, in order. */
static void read_keys(struct reference *r, const struct tree *map,
                      int64_t section, uint64_t known)
{
    size_t at = 0;
    int64_t key;
    fault(r, tree_order(map, &at), section, REFERENCE_ANY);
    for (size_t i = 0; i < map->item_count; i += 2) {
        if (!tree_int(map->items[i], &key)) {
            fault(r, SELV_ERR_CBOR_TYPE, section, REFERENCE_ANY);
        } else if (key < 0 || key > 63 || (known >> key & 1) == 0) {
            fault(r, SELV_ERR_SUIT_KEY, section, key);
        }
    }
}

static void read_common(struct reference *r, const struct tree *common)
{
    enum selv_err err = SELV_ERR_CBOR_TYPE;
    if (!tree_is(common, CBOR_BSTR)) {
        fault(r, err, 0, SELV_SUIT_KEY_COMMON);
        return;
    }
    r->common = tree_read(&r->arena, common->bytes, &err);
    if (r->common == NULL || !tree_is(r->common, CBOR_MAP)) {
        fault(r, r->common == NULL ? err : SELV_ERR_CBOR_TYPE, 3,
              REFERENCE_ANY);
        r->common = NULL;
        return;
    }
    read_keys(r, r->common, 3,
              1u << SELV_SUIT_COMMON_COMPONENTS |
                  1u << SELV_SUIT_COMMON_SHARED_SEQUENCE);
    r->components = tree_find(r->common, SELV_SUIT_COMMON_COMPONENTS);
    read_components(r);
    const struct tree *shared =
        tree_find(r->common, SELV_SUIT_COMMON_SHARED_SEQUENCE);
    if (shared != NULL) {
        r->shared = read_outermost(r, 3, 0, shared);
    }
}

/* ---- sections and severing [manifest 8.4.12, 8.6] ----------------------- */

static bool is_severable(size_t section)
{
    return section == SELV_SUIT_SECTION_PAYLOAD_FETCH ||
           section == SELV_SUIT_SECTION_INSTALL || section == REFERENCE_TEXT;
}

/* The digest is over the element's byte string, its head included. */
static void read_severed(struct reference *r, struct reference_section *section,
                         int key)
{
    const uint8_t *digest = NULL;
    uint8_t is[SELV_SHA256_LEN];
    enum selv_err err = read_digest(section->element, &digest);
    section->is_severed = true;
    section->is_absent = section->severed == NULL;
    if (err != SELV_OK) {
        fault(r, err, REFERENCE_ANY, key);
    } else if (section->severed != NULL) {
        sha256(section->severed->whole, is);
        if (memcmp(is, digest, sizeof is) != 0) {
            fault(r, SELV_ERR_SUIT_SEVERED, REFERENCE_ANY, key);
        }
    }
}

/* A profile that runs nothing of what can be severed does not look at it. */
static bool looks_at_severable(const struct reference *r)
{
    return (r->profile.sections & (1u << SELV_SUIT_SECTION_PAYLOAD_FETCH |
                                   1u << SELV_SUIT_SECTION_INSTALL)) != 0;
}

static void read_section(struct reference *r, size_t i)
{
    int key = reference_section_keys[i];
    struct reference_section *section = &r->sections[i];
    section->element = tree_find(r->manifest, key);
    section->severed = is_severable(i) ? tree_find(r->root, key) : NULL;
    section->is_there = section->element != NULL;
    if (is_severable(i) && !looks_at_severable(r)) {
        return;
    }
    const struct tree *bytes = section->element;
    if (bytes != NULL && tree_is(bytes, CBOR_ARRAY) && is_severable(i)) {
        read_severed(r, section, key);
        bytes = section->severed;
    } else if (section->severed != NULL) {
        /* an element without its digest is not authentic */
        fault(r, SELV_ERR_SUIT_SEVERED, REFERENCE_ANY, key);
    }
    if (bytes == NULL) {
        return;
    }
    if ((r->profile.sections >> i & 1) != 0) { /* else never looked into */
        section->sequence = read_outermost(r, key, 1u << i, bytes);
    }
}

/* ---- manifest and envelope [manifest 8.2, 8.4] -------------------------- */

/* A REQUIRED element; NULL when it is missing or of another type. */
static const struct tree *need(struct reference *r, int64_t key,
                               enum cbor_major major)
{
    const struct tree *t = tree_find(r->manifest, key);
    if (t == NULL) {
        fault(r, SELV_ERR_SUIT_MISSING, 0, key);
    } else if (!tree_is(t, major)) {
        fault(r, SELV_ERR_CBOR_TYPE, 0, key);
        t = NULL;
    }
    return t;
}

static void read_manifest(struct reference *r)
{
    read_keys(
        r, r->manifest, 0,
        1u << SELV_SUIT_KEY_VERSION | 1u << SELV_SUIT_KEY_SEQUENCE_NUMBER |
            1u << SELV_SUIT_KEY_COMMON | 1u << SELV_SUIT_KEY_REFERENCE_URI |
            1u << SELV_SUIT_KEY_VALIDATE | 1u << SELV_SUIT_KEY_LOAD |
            1u << SELV_SUIT_KEY_INVOKE | 1u << SELV_SUIT_KEY_PAYLOAD_FETCH |
            1u << SELV_SUIT_KEY_INSTALL | 1u << SELV_SUIT_KEY_TEXT);
    const struct tree *version = need(r, SELV_SUIT_KEY_VERSION, CBOR_UINT);
    if (version != NULL && version->value != SELV_SUIT_MANIFEST_VERSION) {
        fault(r, SELV_ERR_SUIT_VERSION, 0, SELV_SUIT_KEY_VERSION);
    }
    const struct tree *number =
        need(r, SELV_SUIT_KEY_SEQUENCE_NUMBER, CBOR_UINT);
    if (number != NULL && number->value < r->device->sequence_min) {
        /* "lower than its current" [manifest 8.4.2] */
        fault(r, SELV_ERR_SUIT_SEQUENCE, 0, SELV_SUIT_KEY_SEQUENCE_NUMBER);
    }
    const struct tree *common = need(r, SELV_SUIT_KEY_COMMON, CBOR_BSTR);
    const struct tree *uri =
        tree_find(r->manifest, SELV_SUIT_KEY_REFERENCE_URI);
    if (uri == NULL || !r->profile.has_records) {
        /* none, or nobody who would report it */
    } else if (!tree_is(uri, CBOR_TSTR)) {
        fault(r, SELV_ERR_CBOR_TYPE, 0, SELV_SUIT_KEY_REFERENCE_URI);
    } else if (!is_utf8(uri->bytes)) {
        fault(r, SELV_ERR_CBOR_UTF8, 0, SELV_SUIT_KEY_REFERENCE_URI);
    }
    if (common != NULL) {
        read_common(r, common);
    }
    for (size_t i = 0; i < REFERENCE_ELEMENTS; i++) {
        read_section(r, i);
    }
}

/* Keys of the envelope: wrapper, manifest, what can be severed, then the
 * integrated payloads' names, for those who fetch. */
static void read_envelope_keys(struct reference *r)
{
    size_t at = 0;
    enum selv_err err = tree_order(r->root, &at);
    if (err != SELV_OK) {
        fault(r, err, REFERENCE_ANY, REFERENCE_ANY);
    }
    for (size_t i = 0; i < r->root->item_count; i += 2) {
        const struct tree *key = r->root->items[i];
        if (tree_is(key, CBOR_TSTR)) {
            if (fetches(r) && !tree_is(r->root->items[i + 1], CBOR_BSTR)) {
                fault(r, SELV_ERR_CBOR_TYPE, 0, 0);
            }
            continue;
        }
        int64_t v;
        if (!tree_int(key, &v)) {
            fault(r, SELV_ERR_CBOR_TYPE, 0, 0);
        } else if (v != 2 && v != 3 && v != 16 && v != 20 && v != 23) {
            fault(r, SELV_ERR_SUIT_KEY, 0, v);
        } else if (!tree_is(r->root->items[i + 1], CBOR_BSTR) &&
                   (v == 2 || v == 3 || looks_at_severable(r))) {
            fault(r, SELV_ERR_CBOR_TYPE, REFERENCE_ANY, v);
        }
    }
}

void reference_read(struct reference *r, struct selv_bytes envelope,
                    const struct selv_suit_device *device,
                    const struct reference_profile *profile)
{
    *r = (struct reference){
        .device = device, .profile = *profile, .envelope = envelope};
    enum selv_err err = SELV_ERR_SUIT_TAG;
    const struct tree *t = tree_read(&r->arena, envelope, &err);
    if (t == NULL || !tree_is(t, CBOR_TAG) ||
        t->value != SELV_SUIT_TAG_ENVELOPE || !tree_is(t->items[0], CBOR_MAP)) {
        fault(r, err, REFERENCE_ANY, REFERENCE_ANY);
        return;
    }
    r->root = t->items[0];
    read_envelope_keys(r);
    const struct tree *manifest = tree_find(r->root, SELV_SUIT_KEY_MANIFEST);
    if (manifest == NULL || !tree_is(manifest, CBOR_BSTR)) {
        fault(r, SELV_ERR_SUIT_MISSING, REFERENCE_ANY, REFERENCE_ANY);
        return;
    }
    r->manifest = tree_read(&r->arena, manifest->bytes, &err);
    if (r->manifest == NULL || !tree_is(r->manifest, CBOR_MAP)) {
        fault(r, r->manifest == NULL ? err : SELV_ERR_CBOR_TYPE, 0, 0);
        return;
    }
    read_manifest(r);
}

void reference_free(struct reference *r)
{
    arena_free(&r->arena);
}
