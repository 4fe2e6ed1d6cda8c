/* SPDX-License-Identifier: Apache-2.0
 *
 * invoke [manifest 8.4.10.7] with its arguments [manifest 8.4.8.12]: the
 * caller starts the component. */
#include "suit/suit_int.h"

enum selv_err selv_suit_run_invoke(struct selv_suit *s,
                                   struct selv_suit_todo *todo)
{
    todo->data = selv_suit_param_bytes(s, SELV_SUIT_SLOT_INVOKE_ARGS);
    return selv_suit_run_request(s, todo);
}
