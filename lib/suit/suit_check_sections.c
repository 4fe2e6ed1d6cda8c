/* SPDX-License-Identifier: Apache-2.0
 *
 * Check, then act: looks at every command and argument of every sequence that
 * the profile may run, and runs none. */
#include "suit/suit_int.h"

static void check_sequence(struct selv_suit *s, uint32_t off)
{
    if (off > SELV_SUIT_TAKEN_OUT && s->r.err == SELV_OK) {
        s->state = SELV_SUIT_STATE_CHECKING;
        selv_suit_section_open(s, off);
        selv_suit_go(s, SELV_SUIT_STATE_CHECKING, NULL);
    }
}

/* Severed elements are checked against their digests, and sections that the
 * profile never runs are not looked into. */
void selv_suit_check_sections(struct selv_suit *s)
{
    s->failure.component = SELV_SUIT_NO_COMPONENT;
    selv_suit_severed_check(s);
    if (s->profile->rest != NULL && s->r.err == SELV_OK) {
        s->profile->rest(s);
    }
    if (s->r.err != SELV_OK) {
        return;
    }
    s->is_shared = true;
    check_sequence(s, s->common[SELV_SUIT_COMMON_SHARED_SEQUENCE]);
    s->is_shared = false;
    for (uint8_t i = 0; i < SELV_SUIT_SECTION_COUNT; i++) {
        s->section = i;
        if ((s->profile->sections >> i & 1u) != 0) {
            check_sequence(s, s->manifest[selv_suit_section_keys[i]]);
        }
    }
}
