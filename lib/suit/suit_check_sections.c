/* SPDX-License-Identifier: Apache-2.0
 *
 * Check, then act: looks at every command and argument of every sequence that
 * the profile may run, and runs none. */
#include "suit/suit_int.h"

/* The next command or the next turn of the sequences. Handlers look at their
 * arguments; no other one is called. */
static void look(struct selv_suit *s)
{
    struct selv_suit_frame *f = s->f;
    if (selv_suit_next(s) != SELV_OK) {
        return;
    }
    if ((s->row->flags & SELV_SUIT_HAS_ARGUMENT) == 0) {
        selv_suit_read_policy(s);
    } else if (s->row->run(s, NULL) != SELV_SUIT_INTO) {
        f->next = s->r.p;
    }
    if (selv_suit_profile(s)->judge != NULL) {
        selv_cbor_note(&s->r, selv_suit_profile(s)->judge(s));
    }
}

static void check_sequence(struct selv_suit *s, uint32_t off)
{
    if (off > SELV_SUIT_TAKEN_OUT && s->r.err == SELV_OK) {
        s->state = SELV_SUIT_STATE_CHECKING;
        selv_suit_section_open(s, off);
        while (s->state == SELV_SUIT_STATE_CHECKING && s->r.err == SELV_OK) {
            look(s);
        }
        if (s->r.err != SELV_OK) {
            selv_suit_stop(s);
        }
    }
}

/* Severed elements are checked against their digests, and sections that the
 * profile never runs are not looked into. */
void selv_suit_check_sections(struct selv_suit *s)
{
    s->failure.component = SELV_SUIT_NO_COMPONENT;
    selv_suit_severed_check(s);
    if (selv_suit_profile(s)->rest != NULL && s->r.err == SELV_OK) {
        selv_suit_profile(s)->rest(s);
    }
    if (s->r.err != SELV_OK) {
        return;
    }
    s->is_shared = true;
    s->frame[0].flags = 0; /* what sequences inherit */
    check_sequence(s, s->common[SELV_SUIT_COMMON_SHARED_SEQUENCE]);
    s->is_shared = false;
    for (uint8_t i = 0; i < SELV_SUIT_SECTION_COUNT; i++) {
        s->section = i;
        if (((uint32_t)selv_suit_profile(s)->sections >> i & 1u) != 0) {
            check_sequence(s, s->manifest[selv_suit_section_keys[i]]);
        }
    }
}
