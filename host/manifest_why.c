/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a manifest was refused, where, and what was expected there instead. */
#include <stdio.h>

#include "host/manifest_int.h"
#include "host/manifest_verify.h"

#define TEXT_OF(number) #number
#define NUMBER(limit) TEXT_OF(limit)

/* What was expected, for each error that a manifest can end with. */
static const struct {
    enum selv_err err;
    const char *expected;
} expectations[] = {
    {SELV_ERR_CBOR_END, "a whole item: the bytes were cut, or a length is "
                        "larger than what it lies in"},
    {SELV_ERR_CBOR_TYPE, "an item of the type that the draft's CDDL has in "
                         "this place"},
    {SELV_ERR_CBOR_NONMINIMAL, "each number and length in its shortest form "
                               "[RFC 8949 4.2.1]"},
    {SELV_ERR_CBOR_INDEFINITE, "a definite length [RFC 8949 4.2.1]"},
    {SELV_ERR_CBOR_RESERVED, "a CBOR head that RFC 8949 assigns a meaning"},
    {SELV_ERR_CBOR_RANGE, "a number that fits its place: most are below 2^32"},
    {SELV_ERR_CBOR_DEPTH,
     "at most " NUMBER(SELV_CBOR_DEPTH_MAX) " levels of arrays, maps and tags "
                                            "(SELV_CBOR_DEPTH_MAX)"},
    {SELV_ERR_CBOR_ORDER,
     "map keys in bytewise order of their encodings [RFC 8949 4.2.1]"},
    {SELV_ERR_CBOR_DUPLICATE, "each key once"},
    {SELV_ERR_CBOR_TRAILING, "the end of the item here"},
    {SELV_ERR_CBOR_UTF8, "text in UTF-8"},
    {SELV_ERR_CRYPTO_VERIFY, "a signature or MAC by one of the keys given"},
    {SELV_ERR_CRYPTO_KEY, "a key with a point on its curve"},
    {SELV_ERR_CRYPTO_LIBRARY, "a working crypto library"},
    {SELV_ERR_COSE_TAG,
     "a tagged COSE_Sign1 (18) or COSE_Mac0 (17) that fits a key given"},
    {SELV_ERR_COSE_STRUCTURE, "an array of four: protected, unprotected, nil "
                              "and the signature or tag [RFC 9052 4.2]"},
    {SELV_ERR_COSE_HEADER, "each header parameter once, well formed, and the "
                           "algorithm protected [RFC 9052 3]"},
    {SELV_ERR_COSE_CRIT,
     "only header parameters that are known to be critical"},
    {SELV_ERR_COSE_ALG,
     "ESP256 (-9) or ES256 (-7) with a P-256 key, HMAC 256/256 (5) with a "
     "secret of 32 bytes, and an algorithm that the device has"},
    {SELV_ERR_COSE_PAYLOAD, "a nil payload: the digest in the wrapper is what "
                            "is signed [manifest 8.3]"},
    {SELV_ERR_COSE_KEY, "a COSE_Key of type EC2 on P-256, or a symmetric one"},
    {SELV_ERR_COSE_NO_KEY, "a block that one of the keys given verifies"},
    {SELV_ERR_SUIT_MORE, "all severable elements in one piece"},
    {SELV_ERR_SUIT_TAG, "tag 107, and a map behind it [manifest 8.2]"},
    {SELV_ERR_SUIT_KEY,
     "only keys that draft-ietf-suit-manifest-37 assigns; other drafts have "
     "other layouts under the same version number"},
    {SELV_ERR_SUIT_MISSING,
     "every element that the draft requires: wrapper, manifest, version, "
     "sequence number, common, components"},
    {SELV_ERR_SUIT_ORDER, "the wrapper (2) before the manifest (3), then "
                          "severed elements, then payloads [manifest 8.3]"},
    {SELV_ERR_SUIT_TOO_LARGE,
     "at most " NUMBER(SELV_SUIT_ENVELOPE_MAX) " bytes without the payloads "
                                               "(SELV_SUIT_ENVELOPE_MAX)"},
    {SELV_ERR_SUIT_DIGEST_ALG, "SHA-256 (-16) [MTI]"},
    {SELV_ERR_SUIT_DIGEST,
     "the SHA-256 of the manifest with the head of its byte string "
     "[manifest 8.3]"},
    {SELV_ERR_SUIT_NOT_SIGNED,
     "at least one authentication block [manifest 8.3]"},
    {SELV_ERR_SUIT_SIGNERS,
     "at most " NUMBER(SELV_SUIT_SIGNERS_MAX) " authentication blocks "
                                              "(SELV_SUIT_SIGNERS_MAX)"},
    {SELV_ERR_SUIT_VERSION, "manifest-version 1 [manifest 8.4.1]"},
    {SELV_ERR_SUIT_SEQUENCE, "a sequence number that is not lower than the "
                             "device's [manifest 8.4.2]"},
    {SELV_ERR_SUIT_COMPONENTS,
     "1 to " NUMBER(SELV_SUIT_COMPONENTS_MAX) " components "
                                              "(SELV_SUIT_COMPONENTS_MAX)"},
    {SELV_ERR_SUIT_COMPONENT, "a component that the device has"},
    {SELV_ERR_SUIT_SEVERED,
     "the element whose digest the manifest holds, taken over its whole byte "
     "string, head included [manifest 8.4.12]"},
    {SELV_ERR_SUIT_ABSENT, "the severed element in the envelope: fetch the "
                           "whole envelope, or put the element back"},
    {SELV_ERR_SUIT_COMMAND, "a command of manifest-37, or a private one that "
                            "the device's port has"},
    {SELV_ERR_SUIT_SECTION,
     "another section: shared only sets and checks; fetch and the like belong "
     "to payload-fetch and install, invoke to invoke"},
    {SELV_ERR_SUIT_ARGUMENT, "an argument of the type and range that the "
                             "draft gives it"},
    {SELV_ERR_SUIT_PARAMETER, "a parameter of manifest-37, or a private one "
                              "that the device's port has"},
    {SELV_ERR_SUIT_UNSET, "override-parameters with it before, for this "
                          "component [manifest 7]"},
    {SELV_ERR_SUIT_INDEX, "the place of a component in the list, from 0"},
    {SELV_ERR_SUIT_NO_INDEX,
     "set-component-index first in each sequence [manifest 6.2]"},
    {SELV_ERR_SUIT_DEPTH, "sequences nested at most " NUMBER(
                              SELV_SUIT_DEPTH_MAX) " deep "
                                                   "(SELV_SUIT_DEPTH_MAX)"},
    {SELV_ERR_SUIT_EMPTY, "a command at least; in try-each two sequences "
                          "before a nil"},
    {SELV_ERR_SUIT_VENDOR, "the device's own vendor id"},
    {SELV_ERR_SUIT_CLASS, "the device's own class id"},
    {SELV_ERR_SUIT_IMAGE, "an image with the digest and size that the "
                          "manifest says"},
    {SELV_ERR_SUIT_SLOT, "the slot that the device looks at"},
    {SELV_ERR_SUIT_TRY_EACH, "one alternative whose conditions hold on this "
                             "device, or nil at the end"},
    {SELV_ERR_SUIT_URI, "a URI reference of at most " NUMBER(
                            SELV_SUIT_URI_MAX) " bytes (SELV_SUIT_URI_MAX)"},
    {SELV_ERR_SUIT_INTEGRATED,
     "an integrated payload under that name in this envelope"},
    {SELV_ERR_SUIT_OPERATION, "an operation that the device can do"},
    {SELV_ERR_SUIT_TEXT,
     "a map of language tags to maps of texts [manifest 8.4.4]"},
    {SELV_ERR_SUIT_DEVICE, "the device's own id"},
    {SELV_ERR_SUIT_CONTENT, "a component that holds exactly that content"},
    {SELV_ERR_SUIT_ABORT, "a way that does not lead to abort"},
    {SELV_ERR_SUIT_SOURCE, "another component as source than the target"},
    {SELV_ERR_SUIT_SOFT,
     "soft-failure only inside the sequences of try-each and run-sequence "
     "[manifest 8.4.8.15]"},
    {SELV_ERR_SUIT_RACE,
     "while strict-order is false no component that is both target and "
     "source, and in run-sequence one set-component-index, first [manifest "
     "6.7]"},
    {SELV_ERR_SUIT_PRIVATE, "private numbers only behind the identity checks, "
                            "not in shared [manifest 6.2, 8.4.8.16]"},
    {SELV_ERR_SUIT_BOOTLOADER,
     "in shared, validate, load and invoke only what the device's bootloader "
     "can do"},
    {SELV_ERR_SUIT_WORK,
     "procedures that go through at most " NUMBER(
         SELV_SUIT_WORK_MAX) " times the bytes of the envelope "
                             "(SELV_SUIT_WORK_MAX) and ask for at most " NUMBER(
                                 SELV_SUIT_REQUESTS_MAX) " things "
                                                         "(SELV_SUIT_REQUESTS_"
                                                         "MAX)"},
    {SELV_ERR_SUIT_CHUNKS, "a chunk list of the image that is fetched, format "
                           "version 1 (docs/spec/chunks.md)"},
    {SELV_ERR_UPDATE_SIZE, "an image of exactly image-size bytes"},
    {SELV_ERR_UPDATE_REVERTED, "a manifest that was not tried and reverted: "
                               "give it a higher sequence number"},
    {SELV_ERR_UPDATE_EQUAL,
     "another sequence number: this one is that of another manifest"},
};

/* What a command's argument, or a parameter's value, must be. */
static const char *shape_words(enum manifest_shape shape, bool is_parameter)
{
    switch (shape) {
    case WORD_POLICY_ALL:
    case WORD_POLICY_SOME:
    case WORD_POLICY_FAILURE:
        return "a reporting policy, 0 to 15";
    case WORD_INDEX:
        return "the number of a component, a list of them, or true";
    case WORD_TRY_EACH:
        return "a list of two or more sequences in byte strings, nil only "
               "last";
    case WORD_PARAMETERS:
        return "a map of at least one parameter";
    case WORD_SEQUENCE:
        return "a sequence in a byte string";
    case WORD_VENDOR:
        return "a UUID of 16 bytes, or a private enterprise number (tag 112)";
    case WORD_UUID:
        return "a UUID of 16 bytes";
    case WORD_DIGEST:
        return "a SUIT_Digest in a byte string: [-16, 32 bytes]";
    case WORD_UINT:
        return "a number from 0 to 2^32 - 1";
    case WORD_BOOL:
        return "true or false";
    case WORD_BYTES:
        return "a byte string";
    case WORD_TEXT:
        return "text: a URI reference";
    case WORD_CHUNKS:
        return "the digest and length of a chunk list: [<<[-16, 32 bytes]>>, "
               "8 and 32 for each chunk]";
    default:
        return is_parameter ? "a value that the device's port takes"
                            : "a reporting policy, 0 to 15";
    }
}

/* Elements that a key may be expected to be. */
static const char *key_words(int32_t key)
{
    switch (key) {
    case SELV_SUIT_KEY_VERSION:
        return "manifest-version, 1 (key 1)";
    case SELV_SUIT_KEY_SEQUENCE_NUMBER:
        return "the sequence number (key 2)";
    case SELV_SUIT_KEY_COMMON:
        return "the common element (key 3)";
    default:
        return NULL;
    }
}

/* What the value of a key of the manifest must be. */
static const char *element_words(int32_t key)
{
    switch (key) {
    case 0:
        return "a map, with numbers as keys";
    case SELV_SUIT_KEY_VERSION:
        return "the number 1";
    case SELV_SUIT_KEY_SEQUENCE_NUMBER:
        return "a number from 0 to 2^64 - 1";
    case SELV_SUIT_KEY_REFERENCE_URI:
        return "text: a URI reference";
    default:
        return "the element in a byte string, or its digest where it may be "
               "severed";
    }
}

const char *selv_manifest_expected(const struct selv_suit_failure *where,
                                   bool is_parameter)
{
    const struct manifest_word *word = manifest_word_at(
        is_parameter ? manifest_parameters : manifest_commands, where->code);
    size_t i = 0;

    if (where->err == SELV_ERR_SUIT_ARGUMENT && where->section == 0) {
        return element_words(where->code);
    }
    if (where->err == SELV_ERR_SUIT_ARGUMENT && where->code == 0) {
        return where->section == SELV_SUIT_KEY_COMMON
                   ? "common: a map; and in it the shared sequence, a list of "
                     "commands, each a number with its argument behind it"
                   : "a sequence: a list of commands, each a number with its "
                     "argument behind it";
    }
    if (where->err == SELV_ERR_SUIT_ARGUMENT) {
        if (word != NULL || manifest_is_private(where->code)) {
            return shape_words(word == NULL ? WORD_OTHER : word->shape,
                               is_parameter);
        }
    }
    if (where->err == SELV_ERR_SUIT_MISSING &&
        where->section == SELV_SUIT_KEY_AUTHENTICATION) {
        return where->code == SELV_SUIT_KEY_AUTHENTICATION
                   ? "an authentication wrapper (the envelope's key 2)"
                   : "a manifest (the envelope's key 3)";
    }
    if (where->err == SELV_ERR_SUIT_MISSING && key_words(where->code) != NULL) {
        return key_words(where->code);
    }
    while (i < sizeof(expectations) / sizeof(expectations[0]) &&
           expectations[i].err != where->err) {
        i++;
    }
    return i < sizeof(expectations) / sizeof(expectations[0])
               ? expectations[i].expected
               : NULL;
}

/* ---- one line ------------------------------------------------------------ */

/* The key of the manifest, of its common element, or, when what stands around
 * the manifest is missing, of the envelope. */
static const char *key_name(int section, int32_t key, bool is_authentic)
{
    /* The engine reads the envelope first, and no manifest before that is
     * authentic. */
    if (section == 0 && !is_authentic && key != SELV_SUIT_KEY_AUTHENTICATION &&
        key != SELV_SUIT_KEY_MANIFEST) {
        return selv_manifest_section_name(key);
    }
    if (section == SELV_SUIT_KEY_AUTHENTICATION ||
        (section == 0 && !is_authentic)) {
        return key == SELV_SUIT_KEY_AUTHENTICATION ? "authentication-wrapper"
                                                   : "manifest";
    }
    if (section == SELV_SUIT_KEY_COMMON) {
        return key == SELV_SUIT_COMMON_COMPONENTS        ? "components"
               : key == SELV_SUIT_COMMON_SHARED_SEQUENCE ? "shared-sequence"
                                                         : NULL;
    }
    switch (key) {
    case SELV_SUIT_KEY_VERSION:
        return "manifest-version";
    case SELV_SUIT_KEY_SEQUENCE_NUMBER:
        return "sequence-number";
    case SELV_SUIT_KEY_COMMON:
        return "common";
    case SELV_SUIT_KEY_REFERENCE_URI:
        return "reference-uri";
    default:
        return selv_manifest_section_name(key);
    }
}

/* "parameter image-size (14)", "key 2 (sequence-number)"; empty when nothing is
 * to blame. */
static void blame_print(const struct selv_manifest_verdict *v, char *text,
                        size_t cap)
{
    const struct selv_suit_failure *where = &v->where;
    const char *kind = "";
    const char *name = NULL;
    bool is_key = false;

    text[0] = '\0';
    if (where->code == 0) {
        return;
    }
    switch (where->err) {
    case SELV_ERR_SUIT_PARAMETER:
    case SELV_ERR_SUIT_UNSET:
        kind = "parameter ";
        name = selv_manifest_parameter_name(where->code);
        break;
    case SELV_ERR_SUIT_KEY:
    case SELV_ERR_SUIT_MISSING:
        is_key = true;
        break;
    case SELV_ERR_SUIT_ARGUMENT:
        is_key = where->section == 0;
        kind = v->is_parameter ? "parameter " : "command ";
        name = v->is_parameter ? selv_manifest_parameter_name(where->code)
                               : selv_manifest_command_name(where->code);
        break;
    default:
        if (where->err >= SELV_ERR_SUIT_COMMAND) {
            kind = "command ";
            name = selv_manifest_command_name(where->code);
        } else {
            is_key = where->section == 0 ||
                     (where->section == SELV_SUIT_KEY_COMMON &&
                      where->section_offset == 0);
        }
        break;
    }
    if (is_key) {
        name = key_name(where->section, where->code, v->is_authentic);
        snprintf(text, cap, ", key %d%s%s%s", (int)where->code,
                 name == NULL ? "" : " (", name == NULL ? "" : name,
                 name == NULL ? "" : ")");
        return;
    }
    snprintf(text, cap, ", %s%s%s%d%s", kind, name == NULL ? "" : name,
             name == NULL ? "" : " (", (int)where->code,
             name == NULL ? "" : ")");
}

void selv_manifest_why(const struct selv_manifest_verdict *verdict, char *text)
{
    const struct selv_suit_failure *where = &verdict->where;
    const char *section = where->section == SELV_SUIT_KEY_AUTHENTICATION
                              ? "authentication wrapper"
                              : selv_manifest_section_name(where->section);
    const char *expected;
    struct selv_suit_failure plain = *where;
    char blame[96];
    char component[128] = "";
    char place[64] = "";

    blame_print(verdict, blame, sizeof(blame));
    if (where->err == SELV_OK) {
        plain.err = verdict->err;
        blame[0] = '\0';
        section = NULL;
    } else {
        snprintf(place, sizeof(place), ", at byte %u of the envelope",
                 (unsigned)where->offset);
    }
    if (where->component != 0xff &&
        (where->err == SELV_ERR_SUIT_COMPONENT ||
         (verdict->has_facts && where->err >= SELV_ERR_SUIT_COMMAND))) {
        const char *name = verdict->component;

        snprintf(component, sizeof(component), ", component %u%s%s%s",
                 (unsigned)where->component, name[0] == '\0' ? "" : " (", name,
                 name[0] == '\0' ? "" : ")");
    }
    expected = selv_manifest_expected(&plain, verdict->is_parameter);
    snprintf(text, SELV_ERROR_LEN, "%s%s%s%s%s%s%s%s%s%s",
             selv_err_str(verdict->err), section == NULL ? "" : ", in ",
             section == NULL ? "" : section, blame, component, place,
             verdict->detail[0] == '\0' ? "" : "; ", verdict->detail,
             expected == NULL ? "" : "; expected: ",
             expected == NULL ? "" : expected);
}
