/* SPDX-License-Identifier: Apache-2.0
 *
 * vendor-, class- and device-identifier [manifest 8.4.9.1], component-slot
 * [manifest 8.4.9.4] and abort [manifest 8.4.9.5]: conditions that compare a
 * parameter with what the device is, or nothing. */
#include "suit/suit_int.h"

#define UUID_LEN 16u

enum selv_err selv_suit_run_identity(struct selv_suit *s,
                                     struct selv_suit_todo *todo)
{
    const struct selv_suit_device *device = s->device;
    uint8_t err = s->row->err;
    const uint8_t *own = err == SELV_ERR_SUIT_VENDOR  ? device->vendor_id
                         : err == SELV_ERR_SUIT_CLASS ? device->class_id
                                                      : device->device_id;
    size_t len = selv_cbor_pull(&s->r, SELV_CBOR_BSTR);
    (void)todo;
    return own != NULL && len == UUID_LEN &&
                   memcmp(s->r.p - UUID_LEN, own, UUID_LEN) == 0
               ? SELV_OK
               : (enum selv_err)err;
}

enum selv_err selv_suit_run_component_slot(struct selv_suit *s,
                                           struct selv_suit_todo *todo)
{
    uint8_t own = s->device_component[selv_suit_component(s)];
    (void)todo;
    return s->device->components[own].slot ==
                   selv_cbor_pull(&s->r, SELV_CBOR_UINT)
               ? SELV_OK
               : SELV_ERR_SUIT_SLOT;
}

enum selv_err selv_suit_run_abort(struct selv_suit *s,
                                  struct selv_suit_todo *todo)
{
    (void)s;
    (void)todo;
    return SELV_ERR_SUIT_ABORT;
}
