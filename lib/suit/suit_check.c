/* SPDX-License-Identifier: Apache-2.0
 *
 * Check, then act: authenticates, then looks at every command and argument
 * of every sequence that the profile may run, and runs none. */
#include "suit/suit_int.h"

/* What is wrong with one command where it stands. */
static enum selv_err judge(struct selv_suit *s,
                           const struct selv_suit_walk_item *item,
                           uint8_t where)
{
    const struct selv_suit_command *command =
        selv_suit_command_find(s->profile, item->code);
    if (command == NULL) {
        return SELV_ERR_SUIT_COMMAND;
    }
    if ((command->sections & where) == 0) {
        return SELV_ERR_SUIT_SECTION;
    }
    /* "If the manifest contains more than one component, each command
     * sequence MUST begin with a Set Component Index" [manifest 6.2]: the
     * outermost ones; the A/B template's alternatives do not [manifest 7.7]. */
    if (item->depth == 0 && item->is_first && s->component_count > 1 &&
        item->code != SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX) {
        return SELV_ERR_SUIT_NO_INDEX;
    }
    if (command->check == NULL) {
        return SELV_OK;
    }
    struct selv_cbor argument;
    selv_cbor_init(&argument, item->argument);
    enum selv_err err = command->check(s, argument, &s->failure.code);
    /* What the reader says about a well-formed item of the wrong kind is,
     * here, a wrong argument. */
    if (err == SELV_ERR_CBOR_TYPE || err == SELV_ERR_CBOR_RANGE) {
        err = SELV_ERR_SUIT_ARGUMENT;
    }
    return err;
}

static void check_sequence(struct selv_suit *s, struct selv_bytes sequence,
                           uint8_t where)
{
    struct selv_suit_walk *w = &s->walk;
    struct selv_suit_walk_item item = {.kind = SELV_SUIT_WALK_COMMAND};
    enum selv_err err = selv_suit_walk_init(w, sequence);
    while (err == SELV_OK) {
        err = selv_suit_walk_next(w, &item);
        s->failure.code = w->code;
        if (err == SELV_OK && item.kind == SELV_SUIT_WALK_END) {
            return;
        }
        if (err == SELV_OK && item.kind == SELV_SUIT_WALK_COMMAND) {
            w->at = item.at;
            err = judge(s, &item, where);
        }
    }
    selv_suit_note(s, err, w->at);
    s->failure.section_offset = (uint16_t)(w->at - sequence.p);
}

/* A section that the profile never runs needs only to be one CBOR item. */
static void check_skipped(struct selv_suit *s, struct selv_bytes section)
{
    struct selv_cbor r;
    selv_cbor_init(&r, section);
    selv_suit_note(s, selv_cbor_skip(&r, NULL), r.p);
    selv_suit_read_end(s, &r);
}

static void check_sections(struct selv_suit *s)
{
    if (s->shared.p != NULL && s->failure.err == SELV_OK) {
        s->failure.section = SELV_SUIT_KEY_COMMON;
        check_sequence(s, s->shared, SELV_SUIT_IN_SHARED);
    }
    for (uint8_t i = 0; i < SELV_SUIT_SECTION_TEXT; i++) {
        struct selv_bytes section = {s->view.p + s->section_off[i],
                                     s->section_len[i]};
        uint8_t where = (uint8_t)(1u << i);
        if (s->section_off[i] == 0 || s->failure.err != SELV_OK) {
            continue;
        }
        s->failure.section = selv_suit_section_keys[i];
        s->failure.code = 0;
        if ((s->profile->sections & where) != 0) {
            check_sequence(s, section, where);
        } else {
            check_skipped(s, section);
        }
    }
}

enum selv_verdict selv_suit_check(struct selv_suit *s)
{
    if (s->state != SELV_SUIT_STATE_FED) {
        selv_suit_note(s, SELV_ERR_STATE, s->view.p);
        return SELV_BAD;
    }
    s->state = SELV_SUIT_STATE_REFUSED;
    selv_suit_failure_reset(s);
    selv_suit_authenticate(s);
    if (s->failure.err != SELV_OK || !selv_suit_is_good(s->authentic)) {
        return SELV_BAD;
    }
    selv_suit_manifest_read(s);
    if (s->failure.err == SELV_OK && s->profile->payloads != NULL) {
        s->profile->payloads(s);
    }
    check_sections(s);
    if (s->failure.err == SELV_OK && selv_suit_is_good(s->authentic)) {
        selv_suit_failure_reset(s);
        s->state = SELV_SUIT_STATE_CHECKED;
        return s->authentic;
    }
    return SELV_BAD;
}
