/* SPDX-License-Identifier: Apache-2.0
 *
 * The interpreter [manifest 6.4]. Its state is a stack of sequences, each at
 * one command; nothing recurses.
 *
 *              begin            handler waits
 *   CHECKED ----------> RUNNING --------------> WAITING
 *      ^                |  | ^                    |
 *      | (begin again)  |  | +---- answer --------+
 *      +---- DONE <-----+  +---> FAILED (begin again)
 *
 * Invariants:
 *  1 Nothing runs unless authentic is good; it is read again at every poll.
 *  2 Every sequence on the stack was checked from end to end before the
 *    first command of any ran.
 *  3 A frame's at, next and end lie in that order inside the view.
 *  4 frames[1..depth] are alternatives of the try-each at frames[i-1].at.
 *  5 image_good of a component is good only when the digest of its bytes was
 *    equal to image-digest in this procedure, and nothing wrote to it since. */
#define SELV_MODULE 0x53554952u /* "SUIR" */
#include "suit/suit_int.h"

/* ---- frames
 * -------------------------------------------------------------------- */

enum selv_err selv_suit_frame_push(struct selv_suit *s, struct selv_bytes body,
                                   uint8_t component, uint8_t left)
{
    struct selv_cbor r;
    selv_cbor_init(&r, body);
    uint32_t count = 0;
    enum selv_err err = selv_cbor_array(&r, &count);
    if (err != SELV_OK) {
        return err;
    }
    if (s->depth > SELV_SUIT_DEPTH_MAX) {
        return SELV_ERR_SUIT_DEPTH;
    }
    struct selv_suit_frame *f = &s->frames[s->depth++];
    memset(f, 0, sizeof *f);
    f->at = selv_suit_off(s, r.p);
    f->next = f->at;
    f->end = selv_suit_off(s, r.end);
    f->component = component;
    f->left = left;
    return SELV_OK;
}

static struct selv_suit_frame *top(struct selv_suit *s)
{
    SELV_ASSERT(s->depth > 0 && s->depth <= SELV_SUIT_DEPTH_MAX + 1);
    return &s->frames[s->depth - 1];
}

/* How many components a frame's commands run for, and the one whose turn it
 * is [manifest 6.5]. */
static uint32_t selection(const struct selv_suit *s,
                          const struct selv_suit_frame *f, uint8_t *component)
{
    *component = f->component;
    if (f->list == 0) {
        return 1;
    }
    struct selv_cbor r = selv_suit_reader(s, f->list, s->view.len - f->list);
    if (selv_cbor_peek(&r) != SELV_CBOR_ARRAY) {
        *component = f->iteration;
        return s->component_count;
    }
    uint32_t count = 0;
    uint32_t index = 0;
    enum selv_err err = selv_cbor_array(&r, &count);
    for (uint8_t i = 0; i <= f->iteration && err == SELV_OK; i++) {
        err = selv_cbor_uint32(&r, s->component_count - 1u, &index);
    }
    SELV_ASSERT(err == SELV_OK);
    *component = (uint8_t)index;
    return count;
}

uint8_t selv_suit_current_component(const struct selv_suit *s)
{
    SELV_ASSERT(s->depth > 0 && s->depth <= SELV_SUIT_DEPTH_MAX + 1);
    uint8_t component = 0;
    (void)selection(s, &s->frames[s->depth - 1], &component);
    return component;
}

void selv_suit_todo_fill(const struct selv_suit *s, struct selv_suit_op *op,
                         enum selv_suit_todo_kind kind)
{
    const struct selv_suit_params *params = &s->params[op->component];
    struct selv_suit_todo *todo = op->todo;
    todo->kind = kind;
    todo->component = op->component;
    todo->device_component = params->device_component;
    todo->has_size = selv_suit_image_size(
        s, params->at[SELV_SUIT_SLOT_IMAGE_SIZE], &todo->size);
    todo->digest =
        selv_suit_image_digest(s, params->at[SELV_SUIT_SLOT_IMAGE_DIGEST]);
}

/* ---- sections
 * -------------------------------------------------------------------- */

static void stop(struct selv_suit *s, enum selv_err err, uint16_t off,
                 int32_t code, uint8_t component)
{
    s->state = SELV_SUIT_STATE_FAILED;
    s->failure.err = err;
    s->failure.section = s->is_shared != 0
                             ? (int16_t)SELV_SUIT_KEY_COMMON
                             : (int16_t)selv_suit_section_keys[s->section];
    s->failure.offset = off;
    s->failure.section_offset =
        (uint16_t)(off - (s->is_shared != 0 ? s->shared_off
                                            : s->section_off[s->section]));
    s->failure.code = code;
    s->failure.component = component;
}

/* To the first section from s->section on that the manifest has. */
static void skip_missing(struct selv_suit *s)
{
    while (s->section <= s->section_last && s->section_off[s->section] == 0) {
        s->section++;
    }
}

/* Begin the sequence whose turn it is: the shared one before each section,
 * and once when there is no section at all, then the section
 * [manifest 8.4.5]. */
static void enter_section(struct selv_suit *s)
{
    uint16_t off = s->shared_off;
    uint16_t len = s->shared_len;
    if (s->is_shared == 0) {
        if (s->section > s->section_last) {
            s->state = SELV_SUIT_STATE_DONE;
            return;
        }
        off = s->section_off[s->section];
        len = s->section_len[s->section];
    }
    enum selv_err err =
        selv_suit_frame_push(s, selv_bytes(s->view.p + off, len), 0, 0);
    if (err != SELV_OK) {
        stop(s, err, off, 0, SELV_SUIT_NO_COMPONENT);
    }
}

/* The outermost sequence has ended well. */
static void leave_section(struct selv_suit *s)
{
    if (s->is_shared != 0) {
        s->is_shared = 0;
    } else {
        s->section++;
        skip_missing(s);
        s->is_shared = s->section <= s->section_last && s->shared_off != 0;
    }
    enter_section(s);
}

/* Every section of the procedure is there, and is one that the profile
 * runs: an install that the boot profile cannot run is not to be called done
 * by leaving it out. */
static enum selv_err check_procedure(struct selv_suit *s, uint8_t first)
{
    for (uint8_t i = first; i <= s->section_last; i++) {
        uint8_t bit = (uint8_t)(1u << i);
        if (s->section_off[i] != 0 && (s->profile->sections & bit) == 0) {
            return SELV_ERR_STATE;
        }
        if ((s->absent & bit) != 0) {
            s->failure.err = SELV_ERR_SUIT_ABSENT;
            s->failure.section = selv_suit_section_keys[i];
            s->failure.code = selv_suit_section_keys[i];
            s->failure.offset = s->manifest_off;
            return SELV_ERR_SUIT_ABSENT;
        }
    }
    return SELV_OK;
}

enum selv_err selv_suit_begin(struct selv_suit *s, enum selv_suit_procedure p)
{
    if (!selv_is_good(s->authentic) || s->state == SELV_SUIT_STATE_NEW ||
        s->state == SELV_SUIT_STATE_FED ||
        s->state == SELV_SUIT_STATE_REFUSED || s->device->components == NULL) {
        return SELV_ERR_STATE;
    }
    s->state = SELV_SUIT_STATE_CHECKED;
    s->failure =
        (struct selv_suit_failure){.component = SELV_SUIT_NO_COMPONENT};
    uint8_t first = SELV_SUIT_SECTION_PAYLOAD_FETCH;
    s->section_last = SELV_SUIT_SECTION_VALIDATE;
    if (p == SELV_SUIT_INVOCATION) {
        first = SELV_SUIT_SECTION_VALIDATE;
        s->section_last = SELV_SUIT_SECTION_INVOKE;
    }
    enum selv_err err = check_procedure(s, first);
    if (err != SELV_OK) {
        return err;
    }
    for (size_t i = 0; i < SELV_SUIT_COMPONENTS_MAX; i++) {
        uint8_t device_component = s->params[i].device_component;
        memset(&s->params[i], 0, sizeof s->params[i]);
        s->params[i].image_good = SELV_BAD;
        s->params[i].device_component = device_component;
    }
    s->section = first;
    s->depth = 0;
    skip_missing(s);
    s->is_shared = s->shared_off != 0;
    s->state = SELV_SUIT_STATE_RUNNING;
    enter_section(s);
    return SELV_OK;
}

/* ---- going on
 * ---------------------------------------------------------------------- */

/* Behind the current command: for the next component of the selection if
 * there is one, else at the next command. A sequence that ends so has
 * succeeded, and with it the try-each that holds it. */
static void advance(struct selv_suit *s, bool is_once)
{
    for (;;) {
        struct selv_suit_frame *f = top(s);
        uint8_t component = 0;
        if (!is_once && f->iteration + 1u < selection(s, f, &component)) {
            f->iteration++;
            return;
        }
        f->iteration = 0;
        f->at = f->next;
        if (f->at < f->end) {
            return;
        }
        s->depth--;
        if (s->depth == 0) {
            leave_section(s);
            return;
        }
        is_once = false;
    }
}

/* Take the next alternative of the try-each at the top but one. Parameters
 * that the failed one has set stay set: override-parameters replaces "any
 * listed parameters that are already set" [manifest 8.4.10.3], and no clause
 * takes a directive's effect back when a later condition fails. The component
 * index is the try-each's own again, since each sequence is invoked for that
 * index [manifest 6.5]. */
static void try_next(struct selv_suit *s)
{
    struct selv_suit_frame *f = top(s);
    struct selv_suit_frame *parent = f - 1;
    uint8_t component = 0;
    (void)selection(s, parent, &component);
    s->depth--;
    if (f->left == 0) {
        stop(s, SELV_ERR_SUIT_TRY_EACH, parent->at,
             SELV_SUIT_DIRECTIVE_TRY_EACH, component);
        return;
    }
    struct selv_cbor r = selv_suit_reader(s, f->end, parent->next - f->end);
    if (selv_cbor_peek(&r) == SELV_CBOR_SIMPLE) {
        advance(s, false);
        return;
    }
    struct selv_bytes body;
    enum selv_err err = selv_cbor_bstr(&r, &body);
    if (err == SELV_OK) {
        err = selv_suit_frame_push(s, body, component, (uint8_t)(f->left - 1));
    }
    if (err != SELV_OK) {
        stop(s, err, parent->at, SELV_SUIT_DIRECTIVE_TRY_EACH, component);
    }
}

/* The command at the top failed. A condition's failure moves a try-each on;
 * a directive's "MUST Abort ... regardless of the Soft Failure flag"
 * [manifest 6.4], a try-each without a good alternative included. */
static void fail(struct selv_suit *s, enum selv_err err, int32_t code,
                 bool is_condition)
{
    struct selv_suit_frame *f = top(s);
    if (is_condition && s->depth > 1) {
        try_next(s);
        return;
    }
    uint8_t component = 0;
    (void)selection(s, f, &component);
    stop(s, err, f->at, code, component);
}

/* Read the command at the top. It was checked, but the bytes may lie in
 * flash, so that its place in the table is asked for again. */
static enum selv_err read_command(const struct selv_suit *s,
                                  struct selv_suit_frame *f, int32_t *code,
                                  struct selv_suit_op *op,
                                  const struct selv_suit_command **command)
{
    struct selv_cbor r = selv_suit_reader(s, f->at, f->end - f->at);
    enum selv_err err = selv_cbor_int(&r, code);
    if (err == SELV_OK) {
        err = selv_cbor_skip(&r, &op->argument);
    }
    if (err != SELV_OK) {
        return err;
    }
    op->argument_off = selv_suit_off(s, op->argument.p);
    f->next = selv_suit_off(s, r.p);
    *command = selv_suit_command_find(s->profile, *code);
    if (*command == NULL) {
        return SELV_ERR_SUIT_COMMAND;
    }
    uint32_t where = s->is_shared != 0 ? SELV_SUIT_IN_SHARED : 1u << s->section;
    return ((*command)->sections & where) != 0 ? SELV_OK
                                               : SELV_ERR_SUIT_SECTION;
}

static void step(struct selv_suit *s, struct selv_suit_todo *todo)
{
    struct selv_suit_frame *f = top(s);
    struct selv_suit_op op = {.todo = todo, .err = SELV_ERR_SUIT_OPERATION};
    const struct selv_suit_command *command = NULL;
    int32_t code = 0;
    memset(todo, 0, sizeof *todo);
    enum selv_err err = read_command(s, f, &code, &op, &command);
    if (err != SELV_OK) {
        fail(s, err, code, false);
        return;
    }
    (void)selection(s, f, &op.component);
    switch (command->run(s, &op)) {
    case SELV_SUIT_STEP_NEXT:
        advance(s, (command->flags & SELV_SUIT_IS_ONCE) != 0);
        break;
    case SELV_SUIT_STEP_ENTER:
        break;
    case SELV_SUIT_STEP_WAIT:
        s->state = SELV_SUIT_STATE_WAITING;
        s->waiting = (uint8_t)todo->kind;
        break;
    case SELV_SUIT_STEP_FAIL:
        fail(s, op.err, code, (command->flags & SELV_SUIT_IS_CONDITION) != 0);
        break;
    }
}

enum selv_suit_todo_kind selv_suit_poll(struct selv_suit *s,
                                        struct selv_suit_todo *todo)
{
    memset(todo, 0, sizeof *todo);
    if (s->state == SELV_SUIT_STATE_WAITING) {
        s->state = SELV_SUIT_STATE_RUNNING; /* the handler says it again */
    }
    while (s->state == SELV_SUIT_STATE_RUNNING && selv_is_good(s->authentic)) {
        step(s, todo);
    }
    if (s->state == SELV_SUIT_STATE_WAITING) {
        return todo->kind;
    }
    todo->kind = SELV_SUIT_FAILED;
    if (s->state == SELV_SUIT_STATE_DONE && selv_is_good(s->authentic)) {
        todo->kind = SELV_SUIT_DONE;
    } else if (s->failure.err == SELV_OK) {
        s->failure.err = SELV_ERR_STATE;
    }
    return todo->kind;
}

void selv_suit_step_finish(struct selv_suit *s, enum selv_err err)
{
    if (s->state != SELV_SUIT_STATE_WAITING) {
        return; /* nobody asked */
    }
    s->state = SELV_SUIT_STATE_RUNNING;
    if (err == SELV_OK) {
        advance(s, false);
        return;
    }
    const struct selv_suit_frame *f = top(s);
    struct selv_cbor r = selv_suit_reader(s, f->at, f->end - f->at);
    int32_t code = 0;
    if (selv_cbor_int(&r, &code) != SELV_OK) {
        code = 0; /* it only names the command in the report */
    }
    fail(s, err, code, s->waiting == SELV_SUIT_DIGEST);
}

void selv_suit_answer(struct selv_suit *s, enum selv_err err)
{
    /* A digest that nobody computed is no good digest. */
    if (err == SELV_OK && s->waiting == SELV_SUIT_DIGEST) {
        err = SELV_ERR_SUIT_OPERATION;
    }
    selv_suit_step_finish(s, err);
}
