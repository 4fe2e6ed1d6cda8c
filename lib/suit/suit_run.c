/* SPDX-License-Identifier: Apache-2.0
 *
 * The interpreter [manifest 6.4]: a walk over the sequences of a procedure
 * that runs each command's handler. Nothing recurses; the walk has a stack.
 *
 *              begin            handler waits
 *   CHECKED ----------> RUNNING --------------> WAITING
 *                       |  | ^                    |
 *                       |  | +---- answer --------+
 *             DONE <----+  +---> FAILED          (begin leads out of all)
 *
 * Invariants:
 *  1 Nothing runs unless authentic is good; it is read again at every poll.
 *  2 Every sequence was checked from end to end before the first command of
 *    any ran.
 *  3 index[walk.depth] belongs to the sequence that is running, index[d] with
 *    a smaller d to the one whose try-each holds it.
 *  4 image_good of a component is good only when the digest of its bytes was
 *    equal to image-digest in this procedure, and nothing wrote to it since. */
#define SELV_MODULE 0x53554952u /* "SUIR" */
#include "suit/suit_int.h"

/* ---- component index ---------------------------------------------------- */

/* How many components the commands of the running sequence run for, and the
 * one whose turn it is [manifest 6.5]. */
static uint32_t selection(const struct selv_suit *s, uint8_t *component)
{
    const struct selv_suit_index *index = &s->index[s->walk.depth];
    *component = index->component;
    if (index->list == 0) {
        return 1;
    }
    struct selv_cbor r = {s->view.p + index->list, s->view.p + s->view.len};
    uint32_t count = 0;
    uint32_t v = index->iteration;
    enum selv_err err = selv_cbor_array(&r, &count);
    if (err != SELV_OK) { /* true */
        *component = index->iteration;
        return s->component_count;
    }
    for (uint32_t i = 0; i <= index->iteration && err == SELV_OK; i++) {
        err = selv_cbor_uint32(&r, s->component_count - 1u, &v);
    }
    SELV_ASSERT(err == SELV_OK);
    *component = (uint8_t)v;
    return count;
}

uint8_t selv_suit_current_component(const struct selv_suit *s)
{
    uint8_t component = 0;
    (void)selection(s, &component);
    return component;
}

void selv_suit_todo_fill(const struct selv_suit *s, struct selv_suit_op *op,
                         enum selv_suit_todo_kind kind)
{
    struct selv_suit_todo *todo = op->todo;
    struct selv_cbor r;
    todo->kind = kind;
    todo->component = op->component;
    todo->device_component = s->device_component[op->component];
    todo->digest = selv_suit_image_digest(s, op->component);
    todo->has_size =
        selv_suit_param_open(s, op->component, SELV_SUIT_SLOT_IMAGE_SIZE, &r) &&
        selv_cbor_uint32(&r, UINT32_MAX, &todo->size) == SELV_OK;
}

/* ---- sections ----------------------------------------------------------- */

static struct selv_bytes running_sequence(const struct selv_suit *s)
{
    if (s->is_shared) {
        return s->shared;
    }
    return selv_bytes(s->view.p + s->section_off[s->section],
                      s->section_len[s->section]);
}

static void stop(struct selv_suit *s, enum selv_err err, const uint8_t *at)
{
    s->state = SELV_SUIT_STATE_FAILED;
    s->failure.section = s->is_shared ? (int16_t)SELV_SUIT_KEY_COMMON
                                      : selv_suit_section_keys[s->section];
    s->failure.section_offset = (uint16_t)(at - running_sequence(s).p);
    s->failure.code = s->walk.code;
    s->failure.component = selv_suit_current_component(s);
    selv_suit_note(s, err, at);
}

/* Begin the sequence whose turn it is: the shared one before each section,
 * and once when there is no section at all, then the section
 * [manifest 8.4.5]. */
static void enter_section(struct selv_suit *s)
{
    if (!s->is_shared && s->section > s->section_last) {
        s->state = SELV_SUIT_STATE_DONE;
        return;
    }
    struct selv_bytes sequence = running_sequence(s);
    enum selv_err err = selv_suit_walk_init(&s->walk, sequence);
    memset(&s->index[0], 0, sizeof s->index[0]);
    if (err != SELV_OK) {
        stop(s, err, sequence.p);
    }
}

/* To the first section from s->section on that the manifest has. */
static void skip_missing(struct selv_suit *s)
{
    while (s->section <= s->section_last && s->section_off[s->section] == 0) {
        s->section++;
    }
}

/* The outermost sequence has ended well. */
static void leave_section(struct selv_suit *s)
{
    if (s->is_shared) {
        s->is_shared = false;
    } else {
        s->section++;
        skip_missing(s);
        s->is_shared = s->section <= s->section_last && s->shared.p != NULL;
    }
    enter_section(s);
}

/* Every section of the procedure is there, and is one that the profile
 * runs: an install that the boot profile cannot run is not to be called done
 * by leaving it out. */
static enum selv_err judge_procedure(struct selv_suit *s)
{
    for (uint8_t i = s->section; i <= s->section_last; i++) {
        uint32_t bit = 1u << i;
        if (s->section_off[i] != 0 && (s->profile->sections & bit) == 0) {
            return SELV_ERR_STATE;
        }
        if ((s->absent & bit) != 0) {
            s->failure.section = selv_suit_section_keys[i];
            s->failure.code = selv_suit_section_keys[i];
            return SELV_ERR_SUIT_ABSENT;
        }
    }
    return SELV_OK;
}

enum selv_err selv_suit_begin(struct selv_suit *s, enum selv_suit_procedure p)
{
    if (!selv_suit_is_good(s->authentic) ||
        s->state < SELV_SUIT_STATE_CHECKED || s->device->components == NULL) {
        return SELV_ERR_STATE;
    }
    s->state = SELV_SUIT_STATE_CHECKED;
    selv_suit_failure_reset(s);
    s->section = SELV_SUIT_SECTION_PAYLOAD_FETCH;
    s->section_last = SELV_SUIT_SECTION_VALIDATE;
    if (p == SELV_SUIT_INVOCATION) {
        s->section = SELV_SUIT_SECTION_VALIDATE;
        s->section_last = SELV_SUIT_SECTION_INVOKE;
    }
    enum selv_err err = judge_procedure(s);
    if (err != SELV_OK) {
        selv_suit_note(s, err, s->manifest.p);
        return err;
    }
    /* Unset, and no image good [manifest 6.1]. */
    memset(s->params, 0, sizeof s->params);
    skip_missing(s);
    s->is_shared = s->shared.p != NULL;
    s->state = SELV_SUIT_STATE_RUNNING;
    enter_section(s);
    return SELV_OK;
}

/* ---- going on ----------------------------------------------------------- */

/* The command last read has succeeded for the component whose turn it was:
 * the same again for the next one of the selection, or on behind it. */
static void finish(struct selv_suit *s)
{
    struct selv_suit_index *index = &s->index[s->walk.depth];
    uint8_t component = 0;
    if (index->iteration + 1u < selection(s, &component)) {
        index->iteration++;
        selv_suit_walk_again(&s->walk);
    } else {
        index->iteration = 0;
    }
}

/* The command last read has failed. A condition moves the try-each that holds
 * it on to its next alternative; a directive "MUST Abort ... regardless of
 * the Soft Failure flag" [manifest 6.4], a try-each without a good
 * alternative included. Parameters that the failed alternative has set stay
 * set: no clause takes a directive's effect back [manifest 8.4.10.3]. The
 * component index is the try-each's own again, since each of its sequences is
 * invoked for that index [manifest 6.5]. */
static void fail(struct selv_suit *s, enum selv_err err, bool is_condition)
{
    struct selv_suit_walk *w = &s->walk;
    if (is_condition && w->depth > 0) {
        selv_suit_walk_leave(w);
        if (w->left != 0) {
            return;
        }
        err = SELV_ERR_SUIT_TRY_EACH;
    }
    stop(s, err, w->level[w->depth].at);
}

static void run_command(struct selv_suit *s,
                        const struct selv_suit_walk_item *item,
                        struct selv_suit_todo *todo)
{
    struct selv_suit_op op = {.argument = item->argument,
                              .todo = todo,
                              .err = SELV_ERR_SUIT_OPERATION};
    const struct selv_suit_command *command =
        selv_suit_command_find(s->profile, item->code);
    uint32_t where = s->is_shared ? SELV_SUIT_IN_SHARED : 1u << s->section;
    /* It was checked, but the bytes may lie in flash: ask again. */
    if (command == NULL || (command->sections & where) == 0) {
        fail(s, SELV_ERR_SUIT_COMMAND, false);
        return;
    }
    if (command->run == NULL) {
        return; /* the walk goes into its sequences */
    }
    memset(todo, 0, sizeof *todo);
    op.component = selv_suit_current_component(s);
    enum selv_suit_step step = command->run(s, &op);
    if (step == SELV_SUIT_STEP_FAIL) {
        fail(s, op.err, (command->flags & SELV_SUIT_IS_CONDITION) != 0);
    } else if (step == SELV_SUIT_STEP_WAIT) {
        s->state = SELV_SUIT_STATE_WAITING;
        s->waiting = (uint8_t)todo->kind;
    } else if ((command->flags & SELV_SUIT_IS_ONCE) == 0) {
        finish(s);
    }
}

static void step(struct selv_suit *s, struct selv_suit_todo *todo)
{
    struct selv_suit_walk *w = &s->walk;
    struct selv_suit_walk_item item;
    uint8_t component = selv_suit_current_component(s);
    enum selv_err err = selv_suit_walk_next(w, &item);
    if (err != SELV_OK) {
        stop(s, err, w->at);
        return;
    }
    switch (item.kind) {
    case SELV_SUIT_WALK_COMMAND:
        run_command(s, &item, todo);
        break;
    case SELV_SUIT_WALK_ENTER:
        if (item.is_nil) {
            finish(s);
        } else {
            s->index[w->depth] =
                (struct selv_suit_index){.component = component};
        }
        break;
    case SELV_SUIT_WALK_LEAVE: /* one alternative was good: enough */
        selv_suit_walk_pass(w);
        finish(s);
        break;
    case SELV_SUIT_WALK_END:
        leave_section(s);
        break;
    }
}

enum selv_suit_todo_kind selv_suit_poll(struct selv_suit *s,
                                        struct selv_suit_todo *todo)
{
    memset(todo, 0, sizeof *todo);
    if (s->state == SELV_SUIT_STATE_WAITING) {
        selv_suit_walk_again(&s->walk); /* the handler says it again */
        s->state = SELV_SUIT_STATE_RUNNING;
    }
    while (s->state == SELV_SUIT_STATE_RUNNING &&
           selv_suit_is_good(s->authentic)) {
        step(s, todo);
    }
    if (s->state == SELV_SUIT_STATE_WAITING) {
        return todo->kind;
    }
    memset(todo, 0, sizeof *todo);
    if (s->state == SELV_SUIT_STATE_DONE && selv_suit_is_good(s->authentic)) {
        todo->kind = SELV_SUIT_DONE;
    } else {
        todo->kind = SELV_SUIT_FAILED;
        selv_suit_note(s, SELV_ERR_STATE, s->view.p);
    }
    return todo->kind;
}

void selv_suit_step_finish(struct selv_suit *s, enum selv_err err)
{
    s->state = SELV_SUIT_STATE_RUNNING;
    if (err == SELV_OK) {
        finish(s);
    } else {
        fail(s, err, s->waiting == SELV_SUIT_DIGEST);
    }
}

void selv_suit_answer(struct selv_suit *s, enum selv_err err)
{
    if (s->state != SELV_SUIT_STATE_WAITING) {
        return; /* nobody asked */
    }
    /* A digest that nobody computed is no good digest. */
    if (err == SELV_OK && s->waiting == SELV_SUIT_DIGEST) {
        err = SELV_ERR_SUIT_OPERATION;
    }
    selv_suit_step_finish(s, err);
}
