/* SPDX-License-Identifier: Apache-2.0
 *
 * boot-select: what a bootloader needs to verify an installed image and run
 * it. Fetches nothing and writes nothing; links no handler that could. */
#include "suit/suit_int.h"

static const struct selv_suit_command commands[] = {
    {SELV_SUIT_CONDITION_VENDOR_ID, SELV_SUIT_ANYWHERE, SELV_SUIT_IS_CONDITION,
     selv_suit_arg_policy, selv_suit_run_vendor_id},
    {SELV_SUIT_CONDITION_CLASS_ID, SELV_SUIT_ANYWHERE, SELV_SUIT_IS_CONDITION,
     selv_suit_arg_policy, selv_suit_run_class_id},
    {SELV_SUIT_CONDITION_IMAGE_MATCH, SELV_SUIT_ANYWHERE,
     SELV_SUIT_IS_CONDITION, selv_suit_arg_policy, selv_suit_run_image_match},
    {SELV_SUIT_CONDITION_COMPONENT_SLOT, SELV_SUIT_ANYWHERE,
     SELV_SUIT_IS_CONDITION, selv_suit_arg_policy,
     selv_suit_run_component_slot},
    {SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX, SELV_SUIT_ANYWHERE,
     SELV_SUIT_IS_ONCE, selv_suit_arg_index, selv_suit_run_set_component_index},
    {SELV_SUIT_DIRECTIVE_TRY_EACH, SELV_SUIT_ANYWHERE, 0, NULL, NULL},
    {SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS, SELV_SUIT_ANYWHERE, 0,
     selv_suit_arg_parameters, selv_suit_run_override_parameters},
    {SELV_SUIT_DIRECTIVE_INVOKE, SELV_SUIT_IN_INVOKE, 0, selv_suit_arg_policy,
     selv_suit_run_invoke},
};

const struct selv_suit_profile selv_suit_profile_boot_select = {
    .commands = commands,
    .command_count = sizeof commands / sizeof commands[0],
    .parameters = selv_suit_parameters,
    .parameter_count = SELV_SUIT_PARAMETER_COUNT,
    .sections = SELV_SUIT_IN_VALIDATE | SELV_SUIT_IN_INVOKE,
};
