/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference's interpreter: the abstract machine of [manifest 6.4], with a
 * call for each nested sequence. */
#include "test/reference/reference.h"

#include <stdlib.h>

#define PARAMETERS (32u + SELV_SUIT_PRIVATE_PARAMETERS_MAX)

/* How a command or a sequence ended. */
enum outcome {
    WELL,
    CONDITION_FAILED, /* soft failure decides what that means */
    ABORTED           /* the procedure ends here */
};

struct machine {
    const struct reference *r;
    struct world *world;
    const struct reference_parameter *set[SELV_SUIT_COMPONENTS_MAX][PARAMETERS];
    bool is_good[SELV_SUIT_COMPONENTS_MAX]; /* image-match said so, of what it
                                               still holds */
    bool is_strict;                         /* strict-order */
    unsigned targets, sources;              /* components, while it is not */
    int section;                            /* key of what runs, 3: shared */
    struct selv_suit_record records[WORLD_RECORDS];
    size_t record_count;
    enum selv_err err; /* of the last failure, and where it was */
    const struct reference_command *failed;
    size_t failed_component;
};

/* May the sequence set the component index? [manifest 6.7] */
enum index_rule { INDEX_FREE, INDEX_FIRST_ONLY, INDEX_NEVER };

/* A sequence while it runs. */
struct frame {
    struct reference_selection index;
    bool is_soft; /* soft-failure */
    enum index_rule rule;
};

static enum outcome run_sequence(struct machine *m,
                                 const struct reference_sequence *s,
                                 struct frame *frame);

static enum outcome fail(struct machine *m, const struct reference_command *c,
                         size_t component, enum selv_err err,
                         enum outcome outcome)
{
    m->err = err;
    m->failed = c;
    m->failed_component = component;
    return outcome;
}

/* A condition, or else a directive [manifest 8.4.9, 8.4.10]. */
static bool is_condition(const struct reference *r, int64_t code)
{
    const struct selv_suit_private_command *private_command =
        reference_private_command(r, code);
    if (private_command != NULL) {
        return private_command->is_condition;
    }
    return code < SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX ||
           code == SELV_SUIT_CONDITION_ABORT ||
           code == SELV_SUIT_CONDITION_DEVICE_ID;
}

/* ---- parameters --------------------------------------------------------- */

static size_t parameter_index(const struct reference *r, int64_t code)
{
    for (size_t i = 0; code < 0; i++) {
        if (r->device->private->parameters[i] == code) {
            return 32 + i;
        }
    }
    return (size_t)code;
}

/* The value, NULL when unset. */
static const struct tree *get(const struct machine *m, size_t component,
                              size_t code)
{
    const struct reference_parameter *p = m->set[component][code];
    return p == NULL ? NULL : p->value;
}

static struct selv_bytes get_bytes(const struct machine *m, size_t component,
                                   size_t code)
{
    const struct tree *t = get(m, component, code);
    return t == NULL ? selv_bytes(NULL, 0) : t->bytes;
}

static const uint8_t *get_digest(const struct machine *m, size_t component)
{
    const struct reference_parameter *p =
        m->set[component][SELV_SUIT_PARAMETER_IMAGE_DIGEST];
    return p == NULL ? NULL : p->digest;
}

/* Another digest or size: what image-match found is no longer about what is
 * asked for. */
static void note_change(struct machine *m, size_t component,
                        const struct reference_parameter *p)
{
    bool is_about = p->code == SELV_SUIT_PARAMETER_IMAGE_DIGEST ||
                    p->code == SELV_SUIT_PARAMETER_IMAGE_SIZE;
    const struct tree *was =
        is_about ? get(m, component, (size_t)p->code) : NULL;
    if (is_about &&
        (was == NULL || !selv_bytes_equal(was->whole, p->value->whole))) {
        m->is_good[component] = false;
    }
}

/* "replaces any listed parameters" [manifest 8.4.10.3]; strict-order and
 * soft-failure belong to the processor [manifest 8.4.8]. */
static void override(struct machine *m, struct frame *frame,
                     const struct reference_command *c, size_t component)
{
    for (size_t i = 0; i < c->parameter_count; i++) {
        const struct reference_parameter *p = &c->parameters[i];
        bool is_true = tree_is_simple(p->value, CBOR_TRUE);
        if (p->code == SELV_SUIT_PARAMETER_SOFT_FAILURE) {
            frame->is_soft = is_true;
        } else if (p->code == SELV_SUIT_PARAMETER_STRICT_ORDER) {
            if (m->is_strict && !is_true && frame->rule == INDEX_FREE) {
                /* The processor has waited for all that went before. Within
                 * a parallel sequence it has waited for that one only. */
                m->targets = 0;
                m->sources = 0;
            }
            m->is_strict = is_true;
        } else {
            note_change(m, component, p);
            m->set[component][parameter_index(m->r, p->code)] = p;
        }
    }
}

/* ---- asking the device -------------------------------------------------- */

static struct selv_suit_todo todo_of(const struct machine *m,
                                     const struct reference_command *c,
                                     size_t component,
                                     enum selv_suit_todo_kind kind)
{
    const struct tree *size = get(m, component, SELV_SUIT_PARAMETER_IMAGE_SIZE);
    return (struct selv_suit_todo){
        .kind = kind,
        .component = (uint8_t)component,
        .device_component = (uint8_t)m->r->device_component[component],
        .has_size = size != NULL,
        .size = size != NULL ? (uint32_t)size->value : 0,
        .code = (int32_t)c->code,
        .digest = get_digest(m, component)};
}

static enum selv_err ask(struct machine *m, const struct selv_suit_todo *todo,
                         uint8_t digest[static SELV_SHA256_LEN])
{
    world_say_todo(m->world, todo,
                   todo->kind == SELV_SUIT_INVOKE &&
                       m->is_good[todo->component]);
    return world_answer(m->world, todo, digest);
}

/* ---- conditions [manifest 8.4.9] ---------------------------------------- */

static enum selv_err match_id(const struct tree *t, const uint8_t *id,
                              enum selv_err otherwise)
{
    if (t == NULL) {
        return SELV_ERR_SUIT_UNSET;
    }
    bool same = id != NULL && memcmp(t->bytes.p, id, 16) == 0;
    return same ? SELV_OK : otherwise;
}

static enum selv_err match_vendor(const struct machine *m, const struct tree *t)
{
    struct selv_bytes pen = m->r->device->vendor_pen;
    if (t != NULL && tree_is(t, CBOR_TAG)) {
        return pen.len > 0 && selv_bytes_equal(pen, t->whole)
                   ? SELV_OK
                   : SELV_ERR_SUIT_VENDOR;
    }
    return match_id(t, m->r->device->vendor_id, SELV_ERR_SUIT_VENDOR);
}

static enum selv_err match_image(struct machine *m,
                                 const struct reference_command *c,
                                 size_t component)
{
    const uint8_t *digest = get_digest(m, component);
    uint8_t is[SELV_SHA256_LEN];
    m->is_good[component] = false;
    if (digest == NULL) {
        return SELV_ERR_SUIT_UNSET;
    }
    struct selv_suit_todo todo = todo_of(m, c, component, SELV_SUIT_DIGEST);
    enum selv_err err = ask(m, &todo, is);
    if (err == SELV_OK && memcmp(is, digest, sizeof is) != 0) {
        err = SELV_ERR_SUIT_IMAGE;
    }
    m->is_good[component] = err == SELV_OK;
    return err;
}

/* Equal bytes and an equal length [manifest 8.4.9.3]. */
static enum selv_err match_content(struct machine *m,
                                   const struct reference_command *c,
                                   size_t component)
{
    if (get(m, component, SELV_SUIT_PARAMETER_CONTENT) == NULL) {
        return SELV_ERR_SUIT_UNSET;
    }
    struct selv_bytes content =
        get_bytes(m, component, SELV_SUIT_PARAMETER_CONTENT);
    struct selv_suit_todo todo = todo_of(m, c, component, SELV_SUIT_CONTENT);
    todo.has_size = true;
    todo.size = (uint32_t)content.len;
    uint8_t unused[SELV_SHA256_LEN];
    size_t k = todo.device_component;
    struct selv_bytes is = {m->world->content[k], m->world->content_len[k]};
    enum selv_err err = ask(m, &todo, unused);
    if (err == SELV_OK && !selv_bytes_equal(is, content)) {
        err = SELV_ERR_SUIT_CONTENT;
    }
    return err;
}

static enum selv_err match_slot(const struct machine *m, size_t component)
{
    const struct tree *slot =
        get(m, component, SELV_SUIT_PARAMETER_COMPONENT_SLOT);
    size_t k = m->r->device_component[component];
    if (slot == NULL) {
        return SELV_ERR_SUIT_UNSET;
    }
    return slot->value == m->r->device->components[k].slot ? SELV_OK
                                                           : SELV_ERR_SUIT_SLOT;
}

/* ---- directives [manifest 8.4.10] --------------------------------------- */

/* "A Component MUST NOT be both a target of an operation and a source of data
 * ... where Strict Order is False" [manifest 6.7]: nothing may be read that
 * was written before, nor written that was read before. A swap reads and
 * writes both of its components, and does not race with itself. */
static enum selv_err note_use(struct machine *m, unsigned writes,
                              unsigned reads)
{
    if (m->is_strict) {
        return SELV_OK;
    }
    bool is_race = (writes & m->sources) != 0 || (reads & m->targets) != 0;
    m->targets |= writes;
    m->sources |= reads;
    return is_race ? SELV_ERR_SUIT_RACE : SELV_OK;
}

/* What is written to: what image-match knew of it is no longer so. */
static enum selv_err act(struct machine *m, const struct selv_suit_todo *todo)
{
    uint8_t unused[SELV_SHA256_LEN];
    unsigned target = 1u << todo->component;
    unsigned source = 1u << todo->source;
    bool is_swap = todo->kind == SELV_SUIT_SWAP;
    unsigned writes = is_swap ? target | source : target;
    unsigned reads = is_swap                        ? target | source
                     : todo->kind == SELV_SUIT_COPY ? source
                                                    : 0;
    enum selv_err err = note_use(m, writes, reads);
    if (err != SELV_OK) {
        return err;
    }
    for (size_t i = 0; i < m->r->component_count; i++) {
        if ((writes >> i & 1) != 0) {
            m->is_good[i] = false;
        }
    }
    return ask(m, todo, unused);
}

/* The payload in the envelope with this URI as its key [manifest 7.5]. */
static const struct tree *find_payload(const struct machine *m,
                                       struct selv_bytes uri)
{
    const struct tree *root = m->r->root;
    for (size_t i = 0; i < root->item_count; i += 2) {
        if (tree_is(root->items[i], CBOR_TSTR) &&
            selv_bytes_equal(root->items[i]->bytes, uri)) {
            return root->items[i + 1];
        }
    }
    return NULL;
}

static enum selv_err
do_fetch(struct machine *m, const struct reference_command *c, size_t component)
{
    struct selv_suit_todo todo = todo_of(m, c, component, SELV_SUIT_FETCH);
    todo.uri = get_bytes(m, component, SELV_SUIT_PARAMETER_URI);
    todo.data = get_bytes(m, component, SELV_SUIT_PARAMETER_FETCH_ARGUMENTS);
    if (todo.uri.len == 0) {
        return SELV_ERR_SUIT_UNSET;
    }
    const struct tree *payload = find_payload(m, todo.uri);
    if (payload != NULL) {
        todo.is_integrated = true;
        todo.integrated_len = (uint32_t)payload->bytes.len;
        todo.integrated_off = (uint32_t)(payload->bytes.p - m->r->envelope.p);
    } else if (todo.uri.p[0] == '#') {
        return SELV_ERR_SUIT_INTEGRATED; /* a fragment of this envelope alone */
    }
    return act(m, &todo);
}

/* "If either the source component parameter or the source component itself is
 * absent, this command fails" [manifest 8.4.10.5] */
static enum selv_err do_copy_or_swap(struct machine *m,
                                     const struct reference_command *c,
                                     size_t component,
                                     enum selv_suit_todo_kind kind)
{
    const struct tree *source =
        get(m, component, SELV_SUIT_PARAMETER_SOURCE_COMPONENT);
    if (source == NULL) {
        return SELV_ERR_SUIT_UNSET;
    }
    size_t from = (size_t)source->value;
    if (from == component) {
        return SELV_ERR_SUIT_SOURCE;
    }
    struct selv_suit_todo todo = todo_of(m, c, component, kind);
    todo.source = (uint8_t)from;
    todo.device_source = (uint8_t)m->r->device_component[from];
    return act(m, &todo);
}

static enum selv_err
do_write(struct machine *m, const struct reference_command *c, size_t component)
{
    struct selv_suit_todo todo = todo_of(m, c, component, SELV_SUIT_WRITE);
    if (get(m, component, SELV_SUIT_PARAMETER_CONTENT) == NULL) {
        return SELV_ERR_SUIT_UNSET;
    }
    todo.data = get_bytes(m, component, SELV_SUIT_PARAMETER_CONTENT);
    return act(m, &todo);
}

static enum selv_err do_invoke(struct machine *m,
                               const struct reference_command *c,
                               size_t component)
{
    uint8_t unused[SELV_SHA256_LEN];
    struct selv_suit_todo todo = todo_of(m, c, component, SELV_SUIT_INVOKE);
    todo.data = get_bytes(m, component, SELV_SUIT_PARAMETER_INVOKE_ARGS);
    return ask(m, &todo, unused);
}

static enum selv_err do_private(struct machine *m,
                                const struct reference_command *c,
                                size_t component)
{
    uint8_t unused[SELV_SHA256_LEN];
    struct selv_suit_todo todo = todo_of(m, c, component, SELV_SUIT_PRIVATE);
    if (!is_condition(m->r, c->code)) {
        m->is_good[component] = false; /* it may have written */
    }
    return ask(m, &todo, unused);
}

/* ---- flow --------------------------------------------------------------- */

/* A nested sequence starts for one component [manifest 6.5]. */
static struct frame frame_for(size_t component, bool is_soft,
                              const struct frame *outer)
{
    struct frame frame = {
        .index = {.kind = INDEX_ONE, .component = {component}, .count = 1},
        .is_soft = is_soft,
        .rule = outer->rule == INDEX_FREE ? INDEX_FREE : INDEX_NEVER};
    return frame;
}

/* "runs several SUIT_Command_Sequence instances, one after another ... until
 * one succeeds or the list is exhausted" [manifest 8.4.10.2] */
static enum outcome try_each(struct machine *m,
                             const struct reference_command *c,
                             size_t component, const struct frame *outer)
{
    for (size_t i = 0; i < c->sequence_count; i++) {
        if (c->sequences[i] == NULL) {
            return WELL; /* nil */
        }
        struct frame frame = frame_for(component, true, outer);
        enum outcome outcome = run_sequence(m, c->sequences[i], &frame);
        if (outcome != CONDITION_FAILED) {
            return outcome;
        }
        if (!frame.is_soft) {
            /* fails "with the condition failure code" [manifest 8.4.8.15],
             * and it is a directive [manifest 6.4] */
            return ABORTED;
        }
    }
    return fail(m, c, component, SELV_ERR_SUIT_TRY_EACH, ABORTED);
}

/* [manifest 8.4.10.8]; while strict-order is false [manifest 6.7] */
static enum outcome run_nested(struct machine *m,
                               const struct reference_command *c,
                               size_t component, const struct frame *outer)
{
    const struct reference_sequence *s = c->sequences[0];
    struct frame frame = frame_for(component, false, outer);
    bool was_strict = m->is_strict;
    if (!was_strict) {
        frame.rule = INDEX_NEVER;
        if (outer->index.kind == INDEX_ONE) {
            if (s->commands[0].code !=
                SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX) {
                /* the command that stands in its place is to blame */
                return fail(m, &s->commands[0], component,
                            SELV_ERR_SUIT_NO_INDEX, ABORTED);
            }
            if (outer->rule == INDEX_FREE) {
                frame.rule = INDEX_FIRST_ONLY;
            }
        }
        m->is_strict = true;
    }
    enum outcome outcome = run_sequence(m, s, &frame);
    if (!was_strict) {
        m->is_strict = false;
    }
    if (outcome == CONDITION_FAILED) {
        return frame.is_soft ? WELL : ABORTED;
    }
    return outcome;
}

/* ---- commands ----------------------------------------------------------- */

/* What a condition says, or a directive that asks the device. */
static enum selv_err
perform(struct machine *m, const struct reference_command *c, size_t component)
{
    switch (c->code) {
    case SELV_SUIT_CONDITION_VENDOR_ID:
        return match_vendor(m,
                            get(m, component, SELV_SUIT_PARAMETER_VENDOR_ID));
    case SELV_SUIT_CONDITION_CLASS_ID:
        return match_id(get(m, component, SELV_SUIT_PARAMETER_CLASS_ID),
                        m->r->device->class_id, SELV_ERR_SUIT_CLASS);
    case SELV_SUIT_CONDITION_DEVICE_ID:
        return match_id(get(m, component, SELV_SUIT_PARAMETER_DEVICE_ID),
                        m->r->device->device_id, SELV_ERR_SUIT_DEVICE);
    case SELV_SUIT_CONDITION_IMAGE_MATCH:
        return match_image(m, c, component);
    case SELV_SUIT_CONDITION_COMPONENT_SLOT:
        return match_slot(m, component);
    case SELV_SUIT_CONDITION_CHECK_CONTENT:
        return match_content(m, c, component);
    case SELV_SUIT_CONDITION_ABORT:
        return SELV_ERR_SUIT_ABORT;
    case SELV_SUIT_DIRECTIVE_FETCH:
        return do_fetch(m, c, component);
    case SELV_SUIT_DIRECTIVE_COPY:
        return do_copy_or_swap(m, c, component, SELV_SUIT_COPY);
    case SELV_SUIT_DIRECTIVE_SWAP:
        return do_copy_or_swap(m, c, component, SELV_SUIT_SWAP);
    case SELV_SUIT_DIRECTIVE_WRITE:
        return do_write(m, c, component);
    case SELV_SUIT_DIRECTIVE_INVOKE:
        return do_invoke(m, c, component);
    default:
        return do_private(m, c, component);
    }
}

/* "Record when the command succeeds", or fails; the other two bits say what a
 * record should hold [manifest 8.4.7]. */
static void record(struct machine *m, const struct reference_command *c,
                   size_t component, enum selv_err err)
{
    uint64_t asked = err == SELV_OK ? SELV_SUIT_POLICY_RECORD_SUCCESS
                                    : SELV_SUIT_POLICY_RECORD_FAILURE;
    if ((c->policy & asked) == 0 || !m->r->profile.has_records) {
        return;
    }
    if (m->record_count < WORLD_RECORDS) {
        m->records[m->record_count] =
            (struct selv_suit_record){.section = (int16_t)m->section,
                                      .section_offset = (uint16_t)c->at,
                                      .code = (int32_t)c->code,
                                      .err = (uint16_t)err,
                                      .component = (uint8_t)component,
                                      .policy = (uint8_t)c->policy};
    }
    m->record_count++;
}

/* One command for one component. */
static enum outcome run_command(struct machine *m,
                                const struct reference_command *c,
                                size_t component, struct frame *frame)
{
    switch (c->code) {
    case SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS:
        override(m, frame, c, component);
        return WELL;
    case SELV_SUIT_DIRECTIVE_TRY_EACH:
        return try_each(m, c, component, frame);
    case SELV_SUIT_DIRECTIVE_RUN_SEQUENCE:
        return run_nested(m, c, component, frame);
    default:
        break;
    }
    enum selv_err err = perform(m, c, component);
    record(m, c, component, err);
    if (err == SELV_OK) {
        return WELL;
    }
    return fail(m, c, component, err,
                is_condition(m->r, c->code) ? CONDITION_FAILED : ABORTED);
}

static enum outcome run_sequence(struct machine *m,
                                 const struct reference_sequence *s,
                                 struct frame *frame)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct reference_command *c = &s->commands[i];
        if (c->code == SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX) {
            if (frame->rule == INDEX_NEVER ||
                (frame->rule == INDEX_FIRST_ONLY && i > 0)) {
                return fail(m, c, frame->index.component[0], SELV_ERR_SUIT_RACE,
                            ABORTED);
            }
            frame->index = c->index;
            continue;
        }
        for (size_t k = 0; k < frame->index.count; k++) {
            enum outcome outcome =
                run_command(m, c, frame->index.component[k], frame);
            if (outcome != WELL) {
                return outcome;
            }
        }
    }
    return WELL;
}

/* ---- procedures [manifest 8.4.6] ---------------------------------------- */

static enum outcome run_outermost(struct machine *m, int section,
                                  const struct reference_sequence *s)
{
    struct frame frame = {.index = {.kind = INDEX_ONE, .count = 1},
                          .rule = INDEX_FREE};
    m->section = section;
    m->targets = 0;
    m->sources = 0;
    return s == NULL ? WELL : run_sequence(m, s, &frame);
}

static enum outcome run_sections(struct machine *m, size_t first, size_t last)
{
    bool is_any = false;
    for (size_t i = first; i <= last; i++) {
        const struct reference_sequence *s = m->r->sections[i].sequence;
        if (s == NULL) {
            continue;
        }
        is_any = true;
        if (run_outermost(m, 3, m->r->shared) != WELL ||
            run_outermost(m, reference_section_keys[i], s) != WELL) {
            return ABORTED;
        }
    }
    return is_any ? WELL : run_outermost(m, 3, m->r->shared);
}

/* In the order of their numbers, then the private ones. */
static void say_parameters(const struct machine *m)
{
    for (size_t i = 0; i < m->r->component_count; i++) {
        for (size_t k = 0; k < PARAMETERS; k++) {
            const struct reference_parameter *p = m->set[i][k];
            if (p != NULL) {
                world_say(m->world, "component %zu parameter %lld", i,
                          (long long)p->code);
                world_say_bytes(m->world, "is", p->value->whole);
                world_say(m->world, "\n");
            }
        }
    }
}

void reference_say(const struct reference *r, struct world *world)
{
    uint8_t digest[SELV_SHA256_LEN];
    const struct tree *uri =
        tree_find(r->manifest, SELV_SUIT_KEY_REFERENCE_URI);
    sha256(tree_find(r->root, SELV_SUIT_KEY_MANIFEST)->whole, digest);
    world_say(world, "sequence number %llu",
              (unsigned long long)tree_find(r->manifest,
                                            SELV_SUIT_KEY_SEQUENCE_NUMBER)
                  ->value);
    world_say_bytes(world, "digest", selv_bytes(digest, sizeof digest));
    for (size_t i = 0; i < r->component_count; i++) {
        world_say_bytes(world, "component", r->components->items[i]->whole);
    }
    world_say_bytes(world, "uri",
                    uri != NULL && tree_is(uri, CBOR_TSTR)
                        ? uri->bytes
                        : selv_bytes(NULL, 0));
    world_say(world, "\n");
}

void reference_run(const struct reference *r, enum selv_suit_procedure p,
                   struct world *world)
{
    size_t first = p == SELV_SUIT_UPDATE ? SELV_SUIT_SECTION_PAYLOAD_FETCH
                                         : SELV_SUIT_SECTION_VALIDATE;
    for (size_t i = first; i < first + 3; i++) {
        bool is_outside = (r->profile.sections >> i & 1) == 0;
        if (r->sections[i].is_absent) {
            world_say(world, "begin %s %d\n",
                      selv_err_name(SELV_ERR_SUIT_ABSENT),
                      reference_section_keys[i]);
            return;
        }
        if (r->sections[i].is_there && is_outside) {
            world_say(world, "begin %s 0\n", selv_err_name(SELV_ERR_STATE));
            return;
        }
    }
    struct machine m = {.r = r, .world = world, .is_strict = true};
    enum outcome outcome = run_sections(&m, first, first + 2);
    for (size_t i = 0; i < m.record_count && i < WORLD_RECORDS; i++) {
        world_say_record(world, &m.records[i]);
    }
    world_say(world, "%zu records\n", m.record_count);
    if (outcome == WELL) {
        world_say(world, "done\n");
    } else {
        world_say_failure(world, m.err, m.section, m.failed->code, m.failed->at,
                          m.failed_component);
    }
    say_parameters(&m);
}
