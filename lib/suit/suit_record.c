/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of executed commands, as their reporting policies ask
 * [manifest 8.4.7], for whoever writes a report. */
#include "suit/suit_int.h"

/* A command that is recorded has two bytes at least. */
_Static_assert(SELV_SUIT_WORK_MAX *SELV_SUIT_ENVELOPE_MAX / 2 <= 65536,
               "records are counted in 16 bits");

void selv_suit_record_into(struct selv_suit *s,
                           struct selv_suit_record *records, size_t cap)
{
    s->records = records;
    s->record_cap = cap;
    s->counts.records = 0;
}

size_t selv_suit_record_count(const struct selv_suit *s)
{
    return s->counts.records;
}

void selv_suit_record_add(struct selv_suit *s, int32_t code, uint8_t policy,
                          enum selv_err err)
{
    if (s->counts.records < s->record_cap) {
        struct selv_suit_record *record = &s->records[s->counts.records];
        record->section = selv_suit_section_key(s);
        record->section_offset = (uint16_t)(s->f->at - s->base);
        record->code = code;
        record->err = (uint16_t)err;
        record->policy = policy;
        record->component = s->f->component;
    }
    s->counts.records++;
}

SELV_SUIT_APART static void keep_if_asked(struct selv_suit *s,
                                          enum selv_err err)
{
    const struct selv_suit_frame *f = s->f;
    struct selv_cbor r = {f->at, f->next, SELV_OK};
    int32_t code = selv_cbor_pull_int(&r);
    uint32_t asks = err == SELV_OK ? SELV_SUIT_POLICY_RECORD_SUCCESS
                                   : SELV_SUIT_POLICY_RECORD_FAILURE;
    /* A command with an argument instead of a policy is never recorded: none
     * has an integer but set-component-index. */
    uint32_t policy = selv_cbor_pull(&r, SELV_CBOR_UINT);
    if (r.err == SELV_OK && (policy & asks) != 0 &&
        code != SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX) {
        selv_suit_record_add(s, code, (uint8_t)policy, err);
    }
}

void selv_suit_record(struct selv_suit *s, enum selv_err err)
{
    if (s->records != NULL) {
        keep_if_asked(s, err);
    }
}
