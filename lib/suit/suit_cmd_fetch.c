/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch [manifest 8.4.10.4]: hands the URI to the caller; a URI that is the
 * key of a payload in this envelope names that [manifest 7.5]. */
#include "suit/suit_int.h"

enum selv_err selv_suit_run_fetch(struct selv_suit *s,
                                  struct selv_suit_todo *todo)
{
    size_t len = selv_cbor_pull(&s->r, SELV_CBOR_TSTR);
    todo->uri = selv_bytes(s->r.p - len, len);
    todo->is_integrated = selv_suit_payload_find(
        s, todo->uri, &todo->integrated_off, &todo->integrated_len);
    /* A fragment alone names nothing outside. */
    if (!todo->is_integrated && len != 0 && todo->uri.p[0] == '#') {
        return SELV_ERR_SUIT_INTEGRATED;
    }
    todo->data = selv_suit_param_bytes(s, SELV_SUIT_SLOT_FETCH_ARGUMENTS);
    return selv_suit_run_store(s, todo, s->f->component);
}
