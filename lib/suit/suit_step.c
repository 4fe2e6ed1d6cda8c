/* SPDX-License-Identifier: Apache-2.0
 *
 * Stepping through command sequences [manifest 6.4, 6.5]. What runs them is
 * here; what only checks them (suit_check_sections.c) walks with the same
 * selv_suit_next. Nothing recurses; a frame holds what is known of one open
 * sequence.
 *
 * Invariants:
 *  1 s->f belongs to the sequence whose command is next, the frames before it
 *    to the sequences that hold it; frame[0] holds the outermost one.
 *  2 `at` and `next` enclose the command last read of a frame; while a nested
 *    sequence is open, that is the command that holds it.
 *  3 Whatever a handler does to s->r, the frames say where to go on. */
#include "suit/suit_int.h"

/* ---- component index ---------------------------------------------------- */

/* Make f->component the one of the selection whose turn it is. */
static void select_component(struct selv_suit *s)
{
    struct selv_suit_frame *f = s->f;
    struct selv_cbor *r = &s->r;
    uint32_t component = f->iteration;
    if (f->list != NULL) {
        r->p = f->list;
        r->end = f->end;
        for (uint32_t i = 0; i <= f->iteration; i++) {
            component = selv_suit_read_index(s);
        }
    }
    f->component = (uint8_t)component;
}

/* ---- frames ------------------------------------------------------------- */

void selv_suit_open(struct selv_suit *s, uint8_t flags)
{
    struct selv_suit_frame *f = s->f;
    struct selv_cbor *r = &s->r;
    if (f == &s->frame[SELV_SUIT_DEPTH_MAX + 1]) {
        selv_cbor_note(r, SELV_ERR_SUIT_DEPTH);
        return;
    }
    (void)selv_cbor_enter(r);
    const uint8_t *start = r->p;
    uint32_t count = selv_cbor_pull(r, SELV_CBOR_ARRAY);
    if (count == 0 || count % 2 != 0) {
        selv_suit_fault(
            s, count == 0 ? SELV_ERR_SUIT_EMPTY : SELV_ERR_SUIT_ARGUMENT,
            start);
    }
    if (f == s->frame) {
        s->base = start;
    }
    f->rest = r->end;
    s->f = f + 1;
    memset(f + 1, 0, sizeof *f);
    f[1].next = r->p;
    f[1].end = r->end;
    f[1].pairs = (uint16_t)(count / 2);
    f[1].flags = (uint8_t)(flags | (f->flags & (SELV_SUIT_FRAME_PARALLEL |
                                                SELV_SUIT_FRAME_LOOSE)));
    f[1].component = f->component;
}

void selv_suit_rewind(struct selv_suit *s)
{
    s->f->next = s->f->at;
    s->f->pairs++;
}

/* ---- how commands end --------------------------------------------------- */

/* The current command has ended so. What a procedure does is bounded by the
 * bytes that it goes through. */
static void record(struct selv_suit *s, enum selv_err err)
{
    const struct selv_suit_frame *f = s->f;
    uint32_t len = (uint32_t)(f->next - f->at);
    if (len > s->work) {
        selv_suit_fault(s, SELV_ERR_SUIT_WORK, f->at);
    }
    s->work -= len;
    if (selv_suit_profile(s)->record != NULL) {
        selv_suit_profile(s)->record(s, err);
    }
}

/* The current command has succeeded for the component whose turn it was: the
 * same again for the next one of the selection, or on behind it. While
 * checking, only on: to the next alternative, if there is one. */
static void finish(struct selv_suit *s)
{
    struct selv_suit_frame *f = s->f;
    if (selv_suit_is_checking(s)) {
        return;
    }
    record(s, SELV_OK);
    f->left = 0; /* one good alternative is enough */
    if (!SELV_SUIT_IS_MANY || f->count < 2) {
        return;
    }
    f->iteration++;
    if (f->iteration < f->count) {
        selv_suit_rewind(s);
    } else {
        f->iteration = 0;
    }
    select_component(s);
}

/* The current command has failed. A condition ends its sequence; with
 * soft-failure the try-each that holds it goes on to its next alternative, or
 * the run-sequence is over [manifest 8.4.8.15]. A directive "MUST Abort ...
 * regardless of the Soft Failure flag" [manifest 6.4], and try-each and
 * run-sequence are directives. Parameters that the failed sequence has set
 * stay set: no clause takes a directive's effect back [manifest 8.4.10.3]. */
static void fail(struct selv_suit *s, enum selv_err err)
{
    const uint8_t *at = s->f->at;
    record(s, err);
    if ((s->row->flags & SELV_SUIT_IS_CONDITION) != 0 &&
        (s->f->flags & SELV_SUIT_FRAME_SOFT) != 0) {
        uint32_t flags = s->f->flags;
        s->f--;
        if ((flags & SELV_SUIT_FRAME_TRY) == 0) {
            finish(s);
            return;
        }
        if (s->f->left != 0) {
            return; /* the next step enters it */
        }
        at = s->f->at;
        err = SELV_ERR_SUIT_TRY_EACH;
        s->failure.code = SELV_SUIT_DIRECTIVE_TRY_EACH;
        record(s, err);
    }
    selv_suit_fault(s, err, at);
}

void selv_suit_ended(struct selv_suit *s, enum selv_err err)
{
    s->state = SELV_SUIT_STATE_RUNNING;
    s->is_again = false;
    if (err == SELV_OK) {
        finish(s);
    } else {
        fail(s, err);
    }
}

/* ---- steps -------------------------------------------------------------- */

/* Into the next alternative of the try-each last read. nil stands last,
 * behind at least two sequences, and succeeds [manifest 8.4.10.2]. */
static void enter(struct selv_suit *s)
{
    struct selv_suit_frame *f = s->f;
    struct selv_cbor *r = &s->r;
    r->p = f->rest;
    r->end = f->next;
    f->left--;
    s->failure.code = SELV_SUIT_DIRECTIVE_TRY_EACH;
    if (f->left != 0 || !selv_cbor_is_null(r)) {
        selv_suit_open(s, SELV_SUIT_FRAME_TRY | SELV_SUIT_FRAME_SOFT);
    } else {
        finish(s);
    }
}

/* The innermost sequence has come to its end. */
static void leave(struct selv_suit *s)
{
    s->failure.code = 0;
    selv_cbor_leave(&s->r, s->r.end);
    if (s->r.err != SELV_OK) {
        return;
    }
    s->f--;
    if (s->f == s->frame) {
        selv_suit_section_ended(s);
    } else {
        finish(s);
    }
}

/* What the profile says of a command that stands here. */
static void find_row(struct selv_suit *s)
{
    const struct selv_suit_profile *profile = selv_suit_profile(s);
    const struct selv_suit_command *row = profile->commands;
    int32_t code = s->failure.code;
    uint32_t left = profile->command_count;
    while (left > 0 && row->code != code) {
        row++;
        left--;
    }
    if (left == 0) {
        row = profile->command == NULL ? NULL : profile->command(s, code);
    }
    s->row = row;
    enum selv_err err = SELV_OK;
    if (row == NULL) {
        err = SELV_ERR_SUIT_COMMAND;
    } else if ((row->sections & selv_suit_where(s)) == 0) {
        err = SELV_ERR_SUIT_SECTION;
    } else if (SELV_SUIT_IS_MANY && s->before == NULL &&
               code != SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX &&
               (s->f->flags & SELV_SUIT_FRAME_MUST_INDEX) != 0) {
        /* "If the manifest contains more than one component, each command
         * sequence MUST begin with a Set Component Index" [manifest 6.2]: the
         * outermost ones; the A/B template's alternatives do not
         * [manifest 7.7]. For a run-sequence while strict-order is false:
         * [manifest 6.7]. */
        err = SELV_ERR_SUIT_NO_INDEX;
    }
    if (err != SELV_OK) {
        selv_suit_fault(s, err, s->f->at);
    }
}

/* A handler has run for the component whose turn it is. */
static void handled(struct selv_suit *s, enum selv_err err)
{
    if (err == SELV_SUIT_WAIT) {
        s->state = SELV_SUIT_STATE_WAITING;
    } else if (err != SELV_OK) {
        if (err != SELV_SUIT_INTO) {
            fail(s, err);
        }
    } else if ((s->row->flags & SELV_SUIT_IS_ONCE) != 0) {
        record(s, SELV_OK);
    } else {
        finish(s);
    }
}

enum selv_err selv_suit_next(struct selv_suit *s)
{
    struct selv_suit_frame *f = s->f;
    struct selv_cbor *r = &s->r;
    if (f->left != 0) {
        enter(s);
        return SELV_SUIT_INTO;
    }
    r->p = f->next;
    r->end = f->end;
    if (f->pairs == 0) {
        leave(s);
        return SELV_SUIT_INTO;
    }
    s->before = f->at;
    f->at = f->next;
    f->pairs--;
    s->failure.code = selv_cbor_pull_int(r);
    find_row(s);
    return r->err;
}

void selv_suit_read_policy(struct selv_suit *s)
{
    if (selv_cbor_pull(&s->r, SELV_CBOR_UINT) > SELV_SUIT_POLICY_ALL) {
        selv_cbor_note(&s->r, SELV_ERR_SUIT_ARGUMENT);
    }
    s->f->next = s->r.p;
}

static void step(struct selv_suit *s, struct selv_suit_todo *todo)
{
    struct selv_suit_frame *f = s->f;
    enum selv_err err = SELV_ERR_SUIT_UNSET;
    if (selv_suit_next(s) != SELV_OK) {
        return;
    }
    const struct selv_suit_command *row = s->row;
    if ((row->flags & SELV_SUIT_HAS_ARGUMENT) != 0) {
        err = row->run(s, todo);
        if (err != SELV_SUIT_INTO) {
            f->next = s->r.p;
        }
    } else {
        selv_suit_read_policy(s);
        if (s->r.err == SELV_OK &&
            (row->needs == SELV_SUIT_SLOT_NONE ||
             selv_suit_param(s, (enum selv_suit_slot)row->needs))) {
            err = row->run(s, todo);
        }
    }
    if (s->r.err == SELV_OK) {
        handled(s, err);
    }
}

void selv_suit_go(struct selv_suit *s, struct selv_suit_todo *todo)
{
    while (s->state == SELV_SUIT_STATE_RUNNING && selv_is_good(s->authentic)) {
        if (s->r.err == SELV_OK) {
            step(s, todo);
        } else {
            s->failure.component = s->f->component;
            selv_suit_stop(s);
        }
    }
}

void selv_suit_stop(struct selv_suit *s)
{
    s->failure.section = selv_suit_section_key(s);
    s->failure.section_offset = (uint16_t)(s->r.p - s->base);
    s->state = SELV_SUIT_STATE_FAILED;
    (void)selv_suit_settle(s);
}
