/* SPDX-License-Identifier: Apache-2.0
 *
 * The procedures [manifest 6.4, 8.4.6] and what the caller is told to do.
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
 *    any ran; in boot-select each command before it ran.
 *  3 image_good of a component is good only when the digest of its bytes was
 *    equal to the image-digest that is set, in this procedure, over the
 *    image-size that is set, and nothing wrote to it since. */
#include "suit/suit_int.h"

/* ---- sections ----------------------------------------------------------- */

void selv_suit_section_open(struct selv_suit *s, uint32_t off)
{
    struct selv_suit_frame *f = s->frame;
    s->f = f;
    f->component = 0;
    s->failure.code = 0;
    s->targets = 0;
    s->sources = 0;
    selv_suit_seek(s, off);
    selv_suit_open(s, SELV_SUIT_IS_MANY && s->component_count > 1
                          ? SELV_SUIT_FRAME_MUST_INDEX
                          : 0);
}

/* Open the sequence whose turn it is: the shared one and a section take turns
 * [manifest 8.4.5]. */
static void open_next(struct selv_suit *s)
{
    uint32_t off = 0;
    while (off == 0) {
        uint32_t section = 0;
        s->is_shared = !s->is_shared;
        if (!s->is_shared) {
            off = s->manifest[selv_suit_section_keys[s->section]];
            continue;
        }
        uint32_t pending = s->pending;
        if (pending == 0) {
            s->state = SELV_SUIT_STATE_DONE;
            return;
        }
        while ((pending >> section & 1u) == 0) {
            section++;
        }
        s->section = (uint8_t)section;
        s->pending = (uint8_t)(pending & (pending - 1));
        off = s->common[SELV_SUIT_COMMON_SHARED_SEQUENCE];
    }
    selv_suit_section_open(s, off);
}

void selv_suit_section_ended(struct selv_suit *s)
{
    if (selv_suit_is_checking(s)) {
        s->state = SELV_SUIT_STATE_REFUSED; /* so far so good */
    } else {
        open_next(s);
    }
}

/* ---- procedures --------------------------------------------------------- */

/* Which sections a procedure runs: every one of it that is there, and each is
 * one that the profile runs: an install that the boot profile cannot run is not
 * to be called done by leaving it out. */
static enum selv_err plan(struct selv_suit *s, enum selv_suit_procedure p)
{
    uint32_t first = p & 7u;
    uint32_t pending = 0;
    for (uint32_t i = first; i < first + 3 - (p >> 3); i++) {
        uint32_t key = selv_suit_section_keys[i];
        uint32_t off = s->manifest[key];
        s->failure.section = (int16_t)key;
        if (off == SELV_SUIT_TAKEN_OUT) {
            return SELV_ERR_SUIT_ABSENT;
        }
        if (off != 0) {
            if (((uint32_t)selv_suit_profile(s)->sections >> i & 1u) == 0) {
                return SELV_ERR_STATE;
            }
            pending |= 1u << i;
        }
    }
    /* With none, one that is missing: the shared sequence runs all the same, so
     * that DONE always means that it was good. */
    s->pending = (uint8_t)(pending == 0 ? SELV_SUIT_IN_VALIDATE : pending);
    return SELV_OK;
}

enum selv_err selv_suit_begin(struct selv_suit *s, enum selv_suit_procedure p)
{
    if (!selv_is_good(s->authentic) || s->state < SELV_SUIT_STATE_CHECKED ||
        s->device->components == NULL) {
        return SELV_ERR_STATE;
    }
    s->state = SELV_SUIT_STATE_CHECKED;
    selv_suit_failure_reset(s);
    s->failure.err = plan(s, p);
    if (s->failure.err != SELV_OK) {
        return s->failure.err;
    }
    /* Unset, and no image good [manifest 6.1]. */
    memset(s->params, 0, sizeof s->params);
    s->work = SELV_SUIT_WORK_MAX * (uint32_t)s->payloads_off;
    memset(&s->counts, 0, sizeof s->counts);
    s->frame[0].flags = 0; /* what sequences inherit */
    s->is_again = false;
    s->r.err = SELV_OK;
    s->is_shared = false;
    s->state = SELV_SUIT_STATE_RUNNING;
    open_next(s);
    return SELV_OK;
}

enum selv_suit_todo_kind selv_suit_poll(struct selv_suit *s,
                                        struct selv_suit_todo *todo)
{
    memset(todo, 0, sizeof *todo);
    if (s->state == SELV_SUIT_STATE_WAITING) {
        selv_suit_rewind(s); /* the handler says it again */
        s->is_again = true;
        s->state = SELV_SUIT_STATE_RUNNING;
    }
    selv_suit_go(s, todo);
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

void selv_suit_answer(struct selv_suit *s, enum selv_err err)
{
    if (s->state != SELV_SUIT_STATE_WAITING) {
        return; /* nobody asked */
    }
    /* A digest that nobody computed is no good digest. */
    if (err == SELV_OK && (s->row->todo == SELV_SUIT_DIGEST ||
                           s->row->todo == SELV_SUIT_CONTENT)) {
        err = SELV_ERR_SUIT_OPERATION;
    }
    selv_suit_ended(s, err);
}
