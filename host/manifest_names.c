/* SPDX-License-Identifier: Apache-2.0 */
#include "host/manifest_int.h"

#include <string.h>

const struct manifest_word manifest_sections[] = {
    {SELV_SUIT_KEY_COMMON, "shared", WORD_OTHER},
    {SELV_SUIT_KEY_PAYLOAD_FETCH, "payload-fetch", WORD_OTHER},
    {SELV_SUIT_KEY_INSTALL, "install", WORD_OTHER},
    {SELV_SUIT_KEY_VALIDATE, "validate", WORD_OTHER},
    {SELV_SUIT_KEY_LOAD, "load", WORD_OTHER},
    {SELV_SUIT_KEY_INVOKE, "invoke", WORD_OTHER},
    {SELV_SUIT_KEY_TEXT, "text", WORD_OTHER},
    {0, NULL, WORD_OTHER},
};

/* Reporting policies of the draft's examples: identity and images report
 * everything, the rest only failures. */
const struct manifest_word manifest_commands[] = {
    {SELV_SUIT_CONDITION_VENDOR_ID, "vendor-identifier", WORD_POLICY_ALL},
    {SELV_SUIT_CONDITION_CLASS_ID, "class-identifier", WORD_POLICY_ALL},
    {SELV_SUIT_CONDITION_IMAGE_MATCH, "image-match", WORD_POLICY_ALL},
    {SELV_SUIT_CONDITION_COMPONENT_SLOT, "component-slot", WORD_POLICY_SOME},
    {SELV_SUIT_CONDITION_CHECK_CONTENT, "check-content", WORD_POLICY_ALL},
    {SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX, "set-component-index",
     WORD_INDEX},
    {SELV_SUIT_CONDITION_ABORT, "abort", WORD_POLICY_FAILURE},
    {SELV_SUIT_DIRECTIVE_TRY_EACH, "try-each", WORD_TRY_EACH},
    {SELV_SUIT_DIRECTIVE_WRITE, "write", WORD_POLICY_FAILURE},
    {SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS, "override-parameters",
     WORD_PARAMETERS},
    {SELV_SUIT_DIRECTIVE_FETCH, "fetch", WORD_POLICY_FAILURE},
    {SELV_SUIT_DIRECTIVE_COPY, "copy", WORD_POLICY_FAILURE},
    {SELV_SUIT_DIRECTIVE_INVOKE, "invoke", WORD_POLICY_FAILURE},
    {SELV_SUIT_CONDITION_DEVICE_ID, "device-identifier", WORD_POLICY_ALL},
    {SELV_SUIT_DIRECTIVE_SWAP, "swap", WORD_POLICY_FAILURE},
    {SELV_SUIT_DIRECTIVE_RUN_SEQUENCE, "run-sequence", WORD_SEQUENCE},
    {0, NULL, WORD_OTHER},
};

const struct manifest_word manifest_parameters[] = {
    {SELV_SUIT_PARAMETER_VENDOR_ID, "vendor-identifier", WORD_VENDOR},
    {SELV_SUIT_PARAMETER_CLASS_ID, "class-identifier", WORD_UUID},
    {SELV_SUIT_PARAMETER_IMAGE_DIGEST, "image-digest", WORD_DIGEST},
    {SELV_SUIT_PARAMETER_COMPONENT_SLOT, "component-slot", WORD_UINT},
    {SELV_SUIT_PARAMETER_STRICT_ORDER, "strict-order", WORD_BOOL},
    {SELV_SUIT_PARAMETER_SOFT_FAILURE, "soft-failure", WORD_BOOL},
    {SELV_SUIT_PARAMETER_IMAGE_SIZE, "image-size", WORD_UINT},
    {SELV_SUIT_PARAMETER_CONTENT, "content", WORD_BYTES},
    {SELV_SUIT_PARAMETER_URI, "uri", WORD_TEXT},
    {SELV_SUIT_PARAMETER_SOURCE_COMPONENT, "source-component", WORD_UINT},
    {SELV_SUIT_PARAMETER_INVOKE_ARGS, "invoke-args", WORD_BYTES},
    {SELV_SUIT_PARAMETER_DEVICE_ID, "device-identifier", WORD_UUID},
    {SELV_SUIT_PARAMETER_FETCH_ARGUMENTS, "fetch-arguments", WORD_BYTES},
    {SELV_SUIT_PARAMETER_CHUNK_LIST, "chunk-list", WORD_CHUNKS},
    {0, NULL, WORD_OTHER},
};

const struct manifest_word manifest_texts[] = {
    {SELV_SUIT_TEXT_MANIFEST_DESCRIPTION, "manifest-description", WORD_TEXT},
    {SELV_SUIT_TEXT_UPDATE_DESCRIPTION, "update-description", WORD_TEXT},
    {SELV_SUIT_TEXT_JSON_SOURCE, "json-source", WORD_TEXT},
    {SELV_SUIT_TEXT_YAML_SOURCE, "yaml-source", WORD_TEXT},
    {0, NULL, WORD_OTHER},
};

const struct manifest_word manifest_component_texts[] = {
    {SELV_SUIT_TEXT_VENDOR_NAME, "vendor-name", WORD_TEXT},
    {SELV_SUIT_TEXT_MODEL_NAME, "model-name", WORD_TEXT},
    {SELV_SUIT_TEXT_VENDOR_DOMAIN, "vendor-domain", WORD_TEXT},
    {SELV_SUIT_TEXT_MODEL_INFO, "model-info", WORD_TEXT},
    {SELV_SUIT_TEXT_COMPONENT_DESCRIPTION, "component-description", WORD_TEXT},
    {SELV_SUIT_TEXT_COMPONENT_VERSION, "component-version", WORD_TEXT},
    {0, NULL, WORD_OTHER},
};

/* Of SUIT_Digest; ours compute and compare the first alone [MTI]. */
const struct manifest_word manifest_digest_algorithms[] = {
    {SELV_SUIT_DIGEST_SHA256, "sha-256", WORD_OTHER},
    {-18, "shake128", WORD_OTHER},
    {-43, "sha-384", WORD_OTHER},
    {-44, "sha-512", WORD_OTHER},
    {-45, "shake256", WORD_OTHER},
    {0, NULL, WORD_OTHER},
};

bool manifest_is_severable(int32_t key)
{
    return key == SELV_SUIT_KEY_PAYLOAD_FETCH || key == SELV_SUIT_KEY_INSTALL ||
           key == SELV_SUIT_KEY_TEXT;
}

const struct manifest_word *manifest_word_find(const struct manifest_word *list,
                                               const char *name)
{
    for (; list->name != NULL; list++) {
        if (strcmp(list->name, name) == 0) {
            return list;
        }
    }
    return NULL;
}

const struct manifest_word *manifest_word_at(const struct manifest_word *list,
                                             int32_t code)
{
    for (; list->name != NULL; list++) {
        if (list->code == code) {
            return list;
        }
    }
    return NULL;
}

static const char *name_at(const struct manifest_word *list, int32_t code)
{
    const struct manifest_word *word = manifest_word_at(list, code);

    return word == NULL ? NULL : word->name;
}

const char *selv_manifest_section_name(int32_t key)
{
    return name_at(manifest_sections, key);
}

const char *selv_manifest_command_name(int32_t code)
{
    return name_at(manifest_commands, code);
}

const char *selv_manifest_parameter_name(int32_t code)
{
    return name_at(manifest_parameters, code);
}
