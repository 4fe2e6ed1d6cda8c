/* SPDX-License-Identifier: Apache-2.0
 *
 * Check, then act: authenticates, then looks at every command and argument
 * of every sequence that the profile may run, and runs none. */
#include "suit/suit_int.h"

/* One command where it stands. */
static enum selv_err check_command(struct selv_suit *s,
                                   const struct selv_suit_walk_item *item,
                                   uint8_t where)
{
    const struct selv_suit_command *command =
        selv_suit_command_find(s->profile, item->code);
    if (command == NULL) {
        return selv_suit_fail_at(s, SELV_ERR_SUIT_COMMAND, item->at,
                                 item->code);
    }
    if ((command->sections & where) == 0) {
        return selv_suit_fail_at(s, SELV_ERR_SUIT_SECTION, item->at,
                                 item->code);
    }
    /* "If the manifest contains more than one component, each command
     * sequence MUST begin with a Set Component Index" [manifest 6.2]: the
     * outermost ones; the A/B template's alternatives do not [manifest 7.7]. */
    if (item->depth == 0 && item->is_first && s->component_count > 1 &&
        item->code != SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX) {
        return selv_suit_fail_at(s, SELV_ERR_SUIT_NO_INDEX, item->at,
                                 item->code);
    }
    if (command->check == NULL) {
        return SELV_OK;
    }
    struct selv_cbor argument;
    selv_cbor_init(&argument, item->argument);
    int32_t code = item->code;
    enum selv_err err = command->check(s, argument, &code);
    if (err != SELV_OK) {
        return selv_suit_fail_at(s, err, item->at, code);
    }
    return SELV_OK;
}

enum selv_err selv_suit_sequence_check(struct selv_suit *s, uint16_t off,
                                       uint16_t len, uint8_t where)
{
    struct selv_suit_walk w;
    struct selv_suit_walk_item item = {.kind = SELV_SUIT_WALK_COMMAND};
    enum selv_err err =
        selv_suit_walk_init(&w, selv_bytes(s->view.p + off, len));
    while (err == SELV_OK) {
        err = selv_suit_walk_next(&w, &item);
        if (err != SELV_OK || item.kind == SELV_SUIT_WALK_END) {
            break;
        }
        if (item.kind == SELV_SUIT_WALK_COMMAND &&
            check_command(s, &item, where) != SELV_OK) {
            break;
        }
    }
    if (s->failure.err == SELV_OK && err != SELV_OK) {
        selv_suit_fail_at(s, err, w.at, w.code);
    }
    if (s->failure.err != SELV_OK) {
        s->failure.section_offset = (uint16_t)(s->failure.offset - off);
    }
    return s->failure.err;
}

/* A section that the profile never runs needs only to be one CBOR item. */
static enum selv_err check_skipped(struct selv_suit *s, uint16_t off,
                                   uint16_t len)
{
    struct selv_cbor r = selv_suit_reader(s, off, len);
    enum selv_err err = selv_cbor_skip(&r, NULL);
    if (err == SELV_OK) {
        err = selv_cbor_end(&r);
    }
    return err == SELV_OK ? err : selv_suit_fail_at(s, err, r.p, 0);
}

static enum selv_err check_sections(struct selv_suit *s)
{
    enum selv_err err = SELV_OK;
    if (s->shared_off != 0) {
        s->failure.section = SELV_SUIT_KEY_COMMON;
        err = selv_suit_sequence_check(s, s->shared_off, s->shared_len,
                                       SELV_SUIT_IN_SHARED);
    }
    for (uint8_t i = 0; i < SELV_SUIT_SECTION_TEXT && err == SELV_OK; i++) {
        uint16_t off = s->section_off[i];
        uint16_t len = s->section_len[i];
        uint8_t where = (uint8_t)(1u << i);
        s->failure.section = selv_suit_section_keys[i];
        if (off == 0) {
            continue;
        }
        err = (s->profile->sections & where) != 0
                  ? selv_suit_sequence_check(s, off, len, where)
                  : check_skipped(s, off, len);
    }
    if (err == SELV_OK) {
        s->failure.section = 0;
    }
    return err;
}

enum selv_verdict selv_suit_check(struct selv_suit *s)
{
    if (s->state != SELV_SUIT_STATE_FED) {
        if (s->failure.err == SELV_OK) {
            s->failure.err = SELV_ERR_STATE;
        }
        return SELV_BAD;
    }
    s->state = SELV_SUIT_STATE_REFUSED;
    s->failure.err = SELV_OK; /* of calls in the wrong order */
    enum selv_err err = selv_suit_authenticate(s);
    if (err == SELV_OK && selv_is_good(s->authentic)) {
        err = selv_suit_manifest_read(s);
        if (err == SELV_OK) {
            err = selv_suit_payloads_check(s);
        }
        if (err == SELV_OK) {
            err = check_sections(s);
        }
        if (err == SELV_OK && selv_is_good(s->authentic)) {
            s->state = SELV_SUIT_STATE_CHECKED;
            return SELV_GOOD;
        }
    }
    return SELV_BAD;
}
