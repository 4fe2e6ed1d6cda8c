/* SPDX-License-Identifier: Apache-2.0 */
#include "suit/walk.h"

#include "suit/numbers.h"

/* Open the sequence in the content of its byte string. */
static enum selv_err push(struct selv_suit_walk *w, struct selv_bytes sequence)
{
    struct selv_cbor r;
    selv_cbor_init(&r, sequence);
    uint32_t count = 0;
    w->at = r.p;
    enum selv_err err = selv_cbor_array(&r, &count);
    if (err != SELV_OK) {
        return err;
    }
    if (count == 0) {
        return SELV_ERR_SUIT_EMPTY;
    }
    if (count % 2 != 0 || count > UINT16_MAX) {
        return SELV_ERR_SUIT_ARGUMENT;
    }
    struct selv_suit_walk_level *level = &w->level[w->depth];
    level->p = r.p;
    level->end = r.end;
    level->pairs = (uint16_t)(count / 2);
    level->at = NULL;
    level->left = w->left;
    level->number = w->number;
    w->left = 0;
    return SELV_OK;
}

enum selv_err selv_suit_walk_init(struct selv_suit_walk *w,
                                  struct selv_bytes sequence)
{
    memset(w, 0, sizeof *w);
    return push(w, sequence);
}

/* The next sequence inside the argument of the command last read. */
static enum selv_err enter(struct selv_suit_walk *w,
                           struct selv_suit_walk_item *item)
{
    struct selv_cbor r = {w->rest, w->level[w->depth].p, SELV_OK};
    w->at = w->rest;
    w->left--;
    item->kind = SELV_SUIT_WALK_ENTER;
    item->code = w->code;
    item->at = w->rest;
    item->alternative = w->number;
    item->depth = w->depth;
    /* nil stands last, behind at least two sequences [manifest 8.4.10.2] */
    if (w->code == SELV_SUIT_DIRECTIVE_TRY_EACH && w->left == 0 &&
        selv_cbor_peek(&r) == SELV_CBOR_SIMPLE) {
        item->is_nil = true;
        if (selv_cbor_null(&r) != SELV_OK) {
            return SELV_ERR_SUIT_ARGUMENT;
        }
        return w->number < 2 ? SELV_ERR_SUIT_EMPTY : SELV_OK;
    }
    struct selv_bytes sequence;
    enum selv_err err = selv_cbor_bstr(&r, &sequence);
    if (err != SELV_OK) {
        return err == SELV_ERR_CBOR_TYPE ? SELV_ERR_SUIT_ARGUMENT : err;
    }
    if (w->depth == SELV_SUIT_DEPTH_MAX) {
        return SELV_ERR_SUIT_DEPTH;
    }
    w->depth++;
    return push(w, sequence);
}

/* Note the sequences that the argument of a command holds. */
static enum selv_err note_nested(struct selv_suit_walk *w,
                                 struct selv_bytes argument)
{
    struct selv_cbor r;
    selv_cbor_init(&r, argument);
    w->number = 0;
    if (w->code == SELV_SUIT_DIRECTIVE_TRY_EACH) {
        uint32_t count = 0;
        w->at = argument.p;
        enum selv_err err = selv_cbor_array(&r, &count);
        if (err != SELV_OK || count > UINT8_MAX) {
            return SELV_ERR_SUIT_ARGUMENT;
        }
        if (count < 2) {
            return SELV_ERR_SUIT_EMPTY;
        }
        w->left = (uint8_t)count;
    } else if (w->code == SELV_SUIT_DIRECTIVE_RUN_SEQUENCE) {
        w->left = 1;
    }
    w->rest = r.p;
    return SELV_OK;
}

static enum selv_err command(struct selv_suit_walk *w,
                             struct selv_suit_walk_item *item)
{
    struct selv_suit_walk_level *level = &w->level[w->depth];
    struct selv_cbor r = {level->p, level->end, SELV_OK};
    w->at = r.p;
    item->kind = SELV_SUIT_WALK_COMMAND;
    item->at = r.p;
    item->depth = w->depth;
    item->is_first = level->at == NULL;
    level->at = r.p;
    level->pairs--;
    w->code = 0;
    enum selv_err err = selv_cbor_int(&r, &w->code);
    if (err != SELV_OK) {
        return err;
    }
    item->code = w->code;
    w->at = r.p;
    err = selv_cbor_skip(&r, &item->argument);
    if (err != SELV_OK) {
        return err;
    }
    level->p = r.p;
    return note_nested(w, item->argument);
}

enum selv_err selv_suit_walk_next(struct selv_suit_walk *w,
                                  struct selv_suit_walk_item *item)
{
    memset(item, 0, sizeof *item);
    if (w->left != 0) {
        return enter(w, item);
    }
    struct selv_suit_walk_level *level = &w->level[w->depth];
    if (level->pairs != 0) {
        return command(w, item);
    }
    if (level->p != level->end) {
        w->at = level->p;
        w->code = 0;
        return SELV_ERR_CBOR_TRAILING;
    }
    item->at = level->end;
    item->kind = SELV_SUIT_WALK_END;
    if (w->depth != 0) {
        item->kind = SELV_SUIT_WALK_LEAVE;
        item->alternative = level->number;
        selv_suit_walk_leave(w);
        item->depth = w->depth;
    }
    return SELV_OK;
}

void selv_suit_walk_leave(struct selv_suit_walk *w)
{
    const struct selv_suit_walk_level *level = &w->level[w->depth];
    w->rest = level->end;
    w->left = level->left;
    w->number = (uint8_t)(level->number + 1);
    w->depth--;
    /* Only a try-each has a further sequence to look at. */
    w->code = SELV_SUIT_DIRECTIVE_TRY_EACH;
}

void selv_suit_walk_again(struct selv_suit_walk *w)
{
    struct selv_suit_walk_level *level = &w->level[w->depth];
    level->p = level->at;
    level->pairs++;
    w->left = 0;
}

void selv_suit_walk_pass(struct selv_suit_walk *w)
{
    w->left = 0;
}
