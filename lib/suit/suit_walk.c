/* SPDX-License-Identifier: Apache-2.0 */
#include "suit/walk.h"

#include "suit/numbers.h"

static enum selv_err push(struct selv_suit_walk *w, struct selv_bytes sequence,
                          const uint8_t *start)
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
    level->start = start;
    level->pairs = (uint16_t)(count / 2);
    level->is_fresh = true;
    level->left = w->left;
    level->number = w->number;
    w->left = 0;
    return SELV_OK;
}

enum selv_err selv_suit_walk_init(struct selv_suit_walk *w,
                                  struct selv_bytes sequence)
{
    memset(w, 0, sizeof *w);
    return push(w, sequence, sequence.p);
}

/* The next sequence inside the argument of the command last read. */
static enum selv_err enter(struct selv_suit_walk *w,
                           struct selv_suit_walk_item *item)
{
    struct selv_cbor r = {w->rest, w->level[w->depth].p};
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
        enum selv_err err = selv_cbor_null(&r);
        if (err == SELV_OK && w->number < 2) {
            err = SELV_ERR_SUIT_EMPTY;
        }
        item->is_nil = true;
        return err;
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
    return push(w, sequence, w->rest);
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
    struct selv_cbor r = {level->p, level->end};
    w->at = r.p;
    item->kind = SELV_SUIT_WALK_COMMAND;
    item->at = r.p;
    item->depth = w->depth;
    item->is_first = level->is_fresh;
    level->is_fresh = false;
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
        return SELV_ERR_CBOR_TRAILING;
    }
    item->at = level->start;
    if (w->depth == 0) {
        item->kind = SELV_SUIT_WALK_END;
        return SELV_OK;
    }
    w->rest = level->end;
    w->left = level->left;
    w->number = (uint8_t)(level->number + 1);
    w->depth--;
    item->kind = SELV_SUIT_WALK_LEAVE;
    item->alternative = level->number;
    item->depth = w->depth;
    /* Only a try-each has a further alternative to look at. */
    w->code = SELV_SUIT_DIRECTIVE_TRY_EACH;
    return SELV_OK;
}
