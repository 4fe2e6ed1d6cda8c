/* SPDX-License-Identifier: Apache-2.0
 *
 * boot-select: what a bootloader needs to verify an installed image and run
 * it. Fetches nothing and writes nothing; links no handler that could. A URI
 * may stand in the shared sequence, and is passed over. */
#include "suit/suit_int.h"

/* What is used most stands first. */
static const struct selv_suit_command commands[] = {
    {SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX, SELV_SUIT_ANYWHERE,
     SELV_SUIT_HAS_ARGUMENT | SELV_SUIT_IS_ONCE, 0, 0, 0,
     selv_suit_run_set_component_index},
    {SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS, SELV_SUIT_ANYWHERE,
     SELV_SUIT_HAS_ARGUMENT, 0, 0, 0, selv_suit_run_override_parameters},
    {SELV_SUIT_CONDITION_VENDOR_ID, SELV_SUIT_ANYWHERE, SELV_SUIT_IS_CONDITION,
     SELV_SUIT_SLOT_VENDOR_ID, SELV_ERR_SUIT_VENDOR, 0, selv_suit_run_identity},
    {SELV_SUIT_CONDITION_CLASS_ID, SELV_SUIT_ANYWHERE, SELV_SUIT_IS_CONDITION,
     SELV_SUIT_SLOT_CLASS_ID, SELV_ERR_SUIT_CLASS, 0, selv_suit_run_identity},
    {SELV_SUIT_CONDITION_IMAGE_MATCH, SELV_SUIT_ANYWHERE,
     SELV_SUIT_IS_CONDITION, SELV_SUIT_SLOT_IMAGE_DIGEST, SELV_ERR_SUIT_IMAGE,
     SELV_SUIT_DIGEST, selv_suit_run_ask},
    {SELV_SUIT_DIRECTIVE_INVOKE, SELV_SUIT_IN_INVOKE, 0, 0, 0, SELV_SUIT_INVOKE,
     selv_suit_run_ask},
    {SELV_SUIT_DIRECTIVE_TRY_EACH, SELV_SUIT_ANYWHERE, SELV_SUIT_HAS_ARGUMENT,
     0, 0, 0, selv_suit_run_try_each},
    {SELV_SUIT_CONDITION_COMPONENT_SLOT, SELV_SUIT_ANYWHERE,
     SELV_SUIT_IS_CONDITION, SELV_SUIT_SLOT_COMPONENT_SLOT, SELV_ERR_SUIT_SLOT,
     0, selv_suit_run_component_slot},
};

static const struct selv_suit_parameter_rule parameters[] = {
    {SELV_SUIT_PARAMETER_VENDOR_ID, SELV_SUIT_SLOT_VENDOR_ID, SELV_CBOR_BSTR,
     16},
    {SELV_SUIT_PARAMETER_CLASS_ID, SELV_SUIT_SLOT_CLASS_ID, SELV_CBOR_BSTR, 16},
    {SELV_SUIT_PARAMETER_IMAGE_DIGEST, SELV_SUIT_SLOT_IMAGE_DIGEST,
     SELV_CBOR_BSTR, 0},
    {SELV_SUIT_PARAMETER_IMAGE_SIZE, SELV_SUIT_SLOT_IMAGE_SIZE, SELV_CBOR_UINT,
     0},
    {SELV_SUIT_PARAMETER_URI, SELV_SUIT_SLOT_URI, SELV_CBOR_TSTR, 0},
    {SELV_SUIT_PARAMETER_COMPONENT_SLOT, SELV_SUIT_SLOT_COMPONENT_SLOT,
     SELV_CBOR_UINT, 0},
};

/* Of the profile and of its trace: tools show what a device does. */
#define FIELDS                                                                 \
    .commands = commands,                                                      \
    .command_count = sizeof commands / sizeof commands[0],                     \
    .parameters = parameters,                                                  \
    .parameter_count = sizeof parameters / sizeof parameters[0],               \
    .sections = SELV_SUIT_IN_VALIDATE | SELV_SUIT_IN_INVOKE

const struct selv_suit_profile selv_suit_profile_boot_select = {
    FIELDS,
};

const struct selv_suit_profile selv_suit_profile_boot_select_trace = {
    FIELDS,
    .record = selv_suit_record_every,
};

const struct selv_suit_capability selv_suit_capability_boot_select = {
    .commands = 1ull << SELV_SUIT_CONDITION_VENDOR_ID |
                1ull << SELV_SUIT_CONDITION_CLASS_ID |
                1ull << SELV_SUIT_CONDITION_IMAGE_MATCH |
                1ull << SELV_SUIT_CONDITION_COMPONENT_SLOT |
                1ull << SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX |
                1ull << SELV_SUIT_DIRECTIVE_TRY_EACH |
                1ull << SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS |
                1ull << SELV_SUIT_DIRECTIVE_INVOKE,
    .parameters = 1u << SELV_SUIT_PARAMETER_VENDOR_ID |
                  1u << SELV_SUIT_PARAMETER_CLASS_ID |
                  1u << SELV_SUIT_PARAMETER_IMAGE_DIGEST |
                  1u << SELV_SUIT_PARAMETER_COMPONENT_SLOT |
                  1u << SELV_SUIT_PARAMETER_IMAGE_SIZE |
                  1u << SELV_SUIT_PARAMETER_URI,
    .envelope_max = SELV_SUIT_ENVELOPE_MAX,
    .sections = SELV_SUIT_IN_VALIDATE | SELV_SUIT_IN_INVOKE,
    .components_max = SELV_SUIT_COMPONENTS_MAX,
    .depth_max = SELV_SUIT_DEPTH_MAX,
    .signers_max = SELV_SUIT_SIGNERS_MAX,
};
