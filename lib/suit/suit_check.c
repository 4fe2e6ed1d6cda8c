/* SPDX-License-Identifier: Apache-2.0
 *
 * The check: authentic first [manifest 6.2], then well formed. */
#include "suit/suit_int.h"

enum selv_verdict selv_suit_check(struct selv_suit *s)
{
    if (s->state != SELV_SUIT_STATE_FED) {
        s->failure.err = SELV_ERR_STATE;
        return SELV_BAD;
    }
    selv_suit_failure_reset(s);
    selv_suit_authenticate(s);
    if (selv_is_good(s->authentic)) {
        selv_suit_manifest_read(s);
        if (s->r.err == SELV_OK && selv_suit_profile(s)->check != NULL) {
            selv_suit_profile(s)->check(s);
        }
    }
    s->state = SELV_SUIT_STATE_REFUSED;
    if (s->failure.err == SELV_OK && selv_suit_settle(s) == SELV_OK &&
        selv_is_good(s->authentic)) {
        s->state = SELV_SUIT_STATE_CHECKED;
        return s->authentic;
    }
    return SELV_BAD;
}
