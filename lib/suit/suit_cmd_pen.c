/* SPDX-License-Identifier: Apache-2.0
 *
 * vendor-identifier where the vendor may also be a Private Enterprise Number
 * [manifest 8.4.8.3]: compared as it is encoded. */
#include "suit/suit_int.h"

enum selv_err selv_suit_run_identity_pen(struct selv_suit *s,
                                         struct selv_suit_todo *todo)
{
    const uint8_t *start = s->r.p;
    if (selv_cbor_peek(&s->r) != SELV_CBOR_TAG) {
        return selv_suit_run_identity(s, todo);
    }
    selv_cbor_pass(&s->r);
    return selv_bytes_equal(selv_bytes(start, (size_t)(s->r.p - start)),
                            s->device->vendor_pen)
               ? SELV_OK
               : SELV_ERR_SUIT_VENDOR;
}
