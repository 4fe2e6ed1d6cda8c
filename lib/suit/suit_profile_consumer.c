/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer: everything that a device in service does with a manifest: all of
 * the draft's commands and parameters. */
#include "suit/suit_int.h"

/* What is used most stands first. */
static const struct selv_suit_command commands[] = {
    {SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX, SELV_SUIT_ANYWHERE,
     SELV_SUIT_HAS_ARGUMENT | SELV_SUIT_IS_ONCE, 0, 0, 0,
     selv_suit_run_set_index_strictly},
    {SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS, SELV_SUIT_ANYWHERE,
     SELV_SUIT_HAS_ARGUMENT, 0, 0, 0, selv_suit_run_override_parameters},
    {SELV_SUIT_CONDITION_VENDOR_ID, SELV_SUIT_ANYWHERE, SELV_SUIT_IS_CONDITION,
     SELV_SUIT_SLOT_VENDOR_ID, SELV_ERR_SUIT_VENDOR, 0,
     selv_suit_run_identity_pen},
    {SELV_SUIT_CONDITION_CLASS_ID, SELV_SUIT_ANYWHERE, SELV_SUIT_IS_CONDITION,
     SELV_SUIT_SLOT_CLASS_ID, SELV_ERR_SUIT_CLASS, 0, selv_suit_run_identity},
    {SELV_SUIT_CONDITION_IMAGE_MATCH, SELV_SUIT_ANYWHERE,
     SELV_SUIT_IS_CONDITION, SELV_SUIT_SLOT_IMAGE_DIGEST, SELV_ERR_SUIT_IMAGE,
     SELV_SUIT_DIGEST, selv_suit_run_request},
    {SELV_SUIT_DIRECTIVE_FETCH, SELV_SUIT_IN_FETCHING, 0, SELV_SUIT_SLOT_URI, 0,
     SELV_SUIT_FETCH, selv_suit_run_fetch},
    {SELV_SUIT_DIRECTIVE_INVOKE, SELV_SUIT_IN_INVOKE, 0, 0, 0, SELV_SUIT_INVOKE,
     selv_suit_run_invoke},
    {SELV_SUIT_DIRECTIVE_TRY_EACH, SELV_SUIT_ANYWHERE, SELV_SUIT_HAS_ARGUMENT,
     0, 0, 0, selv_suit_run_try_each},
    {SELV_SUIT_CONDITION_COMPONENT_SLOT, SELV_SUIT_ANYWHERE,
     SELV_SUIT_IS_CONDITION, SELV_SUIT_SLOT_COMPONENT_SLOT, SELV_ERR_SUIT_SLOT,
     0, selv_suit_run_component_slot},
    {SELV_SUIT_CONDITION_CHECK_CONTENT, SELV_SUIT_ANYWHERE,
     SELV_SUIT_IS_CONDITION, SELV_SUIT_SLOT_CONTENT, SELV_ERR_SUIT_CONTENT,
     SELV_SUIT_CONTENT, selv_suit_run_content},
    {SELV_SUIT_CONDITION_ABORT, SELV_SUIT_ANYWHERE, SELV_SUIT_IS_CONDITION, 0,
     SELV_ERR_SUIT_ABORT, 0, selv_suit_run_abort},
    {SELV_SUIT_DIRECTIVE_WRITE, SELV_SUIT_IN_STORING, 0, SELV_SUIT_SLOT_CONTENT,
     0, SELV_SUIT_WRITE, selv_suit_run_write},
    {SELV_SUIT_DIRECTIVE_COPY, SELV_SUIT_IN_STORING, 0, SELV_SUIT_SLOT_SOURCE,
     0, SELV_SUIT_COPY, selv_suit_run_copy},
    {SELV_SUIT_CONDITION_DEVICE_ID, SELV_SUIT_ANYWHERE, SELV_SUIT_IS_CONDITION,
     SELV_SUIT_SLOT_DEVICE_ID, SELV_ERR_SUIT_DEVICE, 0, selv_suit_run_identity},
    {SELV_SUIT_DIRECTIVE_SWAP, SELV_SUIT_IN_STORING, 0, SELV_SUIT_SLOT_SOURCE,
     0, SELV_SUIT_SWAP, selv_suit_run_copy},
    {SELV_SUIT_DIRECTIVE_RUN_SEQUENCE, SELV_SUIT_ANYWHERE,
     SELV_SUIT_HAS_ARGUMENT, 0, 0, 0, selv_suit_run_sequence},
};

static const struct selv_suit_parameter_rule parameters[] = {
    {SELV_SUIT_PARAMETER_VENDOR_ID, SELV_SUIT_SLOT_VENDOR_ID, SELV_SUIT_SPECIAL,
     0},
    {SELV_SUIT_PARAMETER_CLASS_ID, SELV_SUIT_SLOT_CLASS_ID, SELV_CBOR_BSTR, 16},
    {SELV_SUIT_PARAMETER_IMAGE_DIGEST, SELV_SUIT_SLOT_IMAGE_DIGEST,
     SELV_CBOR_BSTR, 0},
    {SELV_SUIT_PARAMETER_IMAGE_SIZE, SELV_SUIT_SLOT_IMAGE_SIZE, SELV_CBOR_UINT,
     0},
    {SELV_SUIT_PARAMETER_URI, SELV_SUIT_SLOT_URI, SELV_SUIT_SPECIAL, 0},
    {SELV_SUIT_PARAMETER_COMPONENT_SLOT, SELV_SUIT_SLOT_COMPONENT_SLOT,
     SELV_CBOR_UINT, 0},
    {SELV_SUIT_PARAMETER_STRICT_ORDER, SELV_SUIT_SLOT_NONE, SELV_SUIT_SPECIAL,
     0},
    {SELV_SUIT_PARAMETER_SOFT_FAILURE, SELV_SUIT_SLOT_NONE, SELV_SUIT_SPECIAL,
     0},
    {SELV_SUIT_PARAMETER_CONTENT, SELV_SUIT_SLOT_CONTENT, SELV_CBOR_BSTR, 0},
    {SELV_SUIT_PARAMETER_SOURCE_COMPONENT, SELV_SUIT_SLOT_SOURCE,
     SELV_SUIT_SPECIAL, 0},
    {SELV_SUIT_PARAMETER_INVOKE_ARGS, SELV_SUIT_SLOT_INVOKE_ARGS,
     SELV_CBOR_BSTR, 0},
    {SELV_SUIT_PARAMETER_DEVICE_ID, SELV_SUIT_SLOT_DEVICE_ID, SELV_CBOR_BSTR,
     16},
    {SELV_SUIT_PARAMETER_FETCH_ARGUMENTS, SELV_SUIT_SLOT_FETCH_ARGUMENTS,
     SELV_CBOR_BSTR, 0},
};

/* Of the profile and of its trace: tools show what a device does. */
#define FIELDS                                                                 \
    .commands = commands,                                                      \
    .command_count = sizeof commands / sizeof commands[0],                     \
    .parameters = parameters,                                                  \
    .parameter_count = sizeof parameters / sizeof parameters[0],               \
    .sections =                                                                \
        SELV_SUIT_IN_STORING | SELV_SUIT_IN_VALIDATE | SELV_SUIT_IN_INVOKE,    \
    .rest = selv_suit_rest_check, .judge = selv_suit_capability_judge,         \
    .command = selv_suit_private_command,                                      \
    .parameter = selv_suit_private_parameter,                                  \
    .special = selv_suit_special_checked, .check = selv_suit_check_sections

const struct selv_suit_profile selv_suit_profile_consumer = {
    FIELDS,
    .record = selv_suit_record,
};

const struct selv_suit_profile selv_suit_profile_consumer_trace = {
    FIELDS,
    .record = selv_suit_record_every,
};
