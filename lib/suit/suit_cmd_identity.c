/* SPDX-License-Identifier: Apache-2.0
 *
 * vendor-identifier, class-identifier [manifest 8.4.9.1] and component-slot
 * [manifest 8.4.9.4]: conditions that compare a parameter with what the
 * device is. An unset parameter fails them. */
#include "suit/suit_int.h"

#define UUID_LEN 16u

static enum selv_suit_step match_uuid(const struct selv_suit *s,
                                      struct selv_suit_op *op,
                                      enum selv_suit_slot slot,
                                      const uint8_t *own, enum selv_err other)
{
    struct selv_cbor r;
    struct selv_bytes uuid;
    op->err = SELV_ERR_SUIT_UNSET;
    if (!selv_suit_param_open(s, op->component, slot, &r)) {
        return SELV_SUIT_STEP_FAIL;
    }
    op->err = selv_cbor_bstr(&r, &uuid);
    if (op->err != SELV_OK) {
        return SELV_SUIT_STEP_FAIL;
    }
    op->err = other;
    if (own == NULL || !selv_bytes_equal(uuid, selv_bytes(own, UUID_LEN))) {
        return SELV_SUIT_STEP_FAIL;
    }
    return SELV_SUIT_STEP_NEXT;
}

enum selv_suit_step selv_suit_run_vendor_id(struct selv_suit *s,
                                            struct selv_suit_op *op)
{
    return match_uuid(s, op, SELV_SUIT_SLOT_VENDOR_ID, s->device->vendor_id,
                      SELV_ERR_SUIT_VENDOR);
}

enum selv_suit_step selv_suit_run_class_id(struct selv_suit *s,
                                           struct selv_suit_op *op)
{
    return match_uuid(s, op, SELV_SUIT_SLOT_CLASS_ID, s->device->class_id,
                      SELV_ERR_SUIT_CLASS);
}

enum selv_suit_step selv_suit_run_component_slot(struct selv_suit *s,
                                                 struct selv_suit_op *op)
{
    struct selv_cbor r;
    uint64_t slot = 0;
    op->err = SELV_ERR_SUIT_UNSET;
    if (!selv_suit_param_open(s, op->component, SELV_SUIT_SLOT_COMPONENT_SLOT,
                              &r)) {
        return SELV_SUIT_STEP_FAIL;
    }
    op->err = selv_cbor_uint(&r, &slot);
    if (op->err != SELV_OK) {
        return SELV_SUIT_STEP_FAIL;
    }
    uint8_t own = s->device_component[op->component];
    op->err = SELV_ERR_SUIT_SLOT;
    return s->device->components[own].slot == slot ? SELV_SUIT_STEP_NEXT
                                                   : SELV_SUIT_STEP_FAIL;
}
