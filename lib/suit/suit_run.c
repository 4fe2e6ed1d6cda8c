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
 *    any ran.
 *  3 image_good of a component is good only when the digest of its bytes was
 *    equal to the image-digest that is set, in this procedure, over the
 *    image-size that is set, and nothing wrote to it since. */
#include "suit/suit_int.h"

/* ---- sections ----------------------------------------------------------- */

void selv_suit_section_open(struct selv_suit *s)
{
    s->f = s->frame;
    s->failure.code = 0;
    selv_suit_seek(s, s->is_shared
                          ? s->common[SELV_SUIT_COMMON_SHARED_SEQUENCE]
                          : s->manifest[selv_suit_section_keys[s->section]]);
    s->targets = 0;
    s->sources = 0;
    selv_suit_open(s, s->component_count > 1 ? SELV_SUIT_FRAME_MUST_INDEX : 0);
}

/* To the first section from s->section on that the manifest has. */
static void skip_missing(struct selv_suit *s)
{
    while (s->section <= s->section_last &&
           s->manifest[selv_suit_section_keys[s->section]] == 0) {
        s->section++;
    }
}

/* Open the sequence whose turn it is, if there is one. */
static void go_on(struct selv_suit *s)
{
    if (s->is_shared || s->section <= s->section_last) {
        selv_suit_section_open(s);
    } else {
        s->state = SELV_SUIT_STATE_DONE;
    }
}

/* The shared sequence runs before each section, and once when there is no
 * section at all, so that DONE always means that it was good
 * [manifest 8.4.5]. */
void selv_suit_section_ended(struct selv_suit *s)
{
    if (s->state == SELV_SUIT_STATE_CHECKING) {
        s->state = SELV_SUIT_STATE_REFUSED; /* so far so good */
        return;
    }
    if (s->is_shared) {
        s->is_shared = false;
    } else {
        s->section++;
        skip_missing(s);
        s->is_shared = s->section <= s->section_last &&
                       s->common[SELV_SUIT_COMMON_SHARED_SEQUENCE] != 0;
    }
    go_on(s);
}

/* ---- procedures --------------------------------------------------------- */

/* Every section of the procedure is there, and is one that the profile
 * runs: an install that the boot profile cannot run is not to be called done
 * by leaving it out. */
static enum selv_err judge_procedure(struct selv_suit *s)
{
    for (uint8_t i = s->section; i <= s->section_last; i++) {
        uint8_t key = selv_suit_section_keys[i];
        s->failure.section = key;
        s->failure.code = key;
        if ((s->absent >> key & 1u) != 0) {
            return SELV_ERR_SUIT_ABSENT;
        }
        if (s->manifest[key] != 0 && (s->profile->sections >> i & 1u) == 0) {
            return SELV_ERR_STATE;
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
    s->failure.err = judge_procedure(s);
    if (s->failure.err != SELV_OK) {
        return s->failure.err;
    }
    /* Unset, and no image good [manifest 6.1]. */
    memset(s->params, 0, sizeof s->params);
    s->work = SELV_SUIT_WORK_MAX * (uint32_t)s->payloads_off;
    s->record_count = 0;
    s->is_loose = false;
    s->is_again = false;
    s->r.err = SELV_OK;
    s->is_shared = s->common[SELV_SUIT_COMMON_SHARED_SEQUENCE] != 0;
    s->state = SELV_SUIT_STATE_RUNNING;
    skip_missing(s);
    go_on(s);
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
    selv_suit_go(s, SELV_SUIT_STATE_RUNNING, todo);
    if (s->state == SELV_SUIT_STATE_WAITING) {
        return todo->kind;
    }
    todo->kind = SELV_SUIT_FAILED;
    if (s->state == SELV_SUIT_STATE_DONE && selv_suit_is_good(s->authentic)) {
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
    if (err == SELV_OK &&
        (s->waiting == SELV_SUIT_DIGEST || s->waiting == SELV_SUIT_CONTENT)) {
        err = SELV_ERR_SUIT_OPERATION;
    }
    selv_suit_ended(s, err);
}
