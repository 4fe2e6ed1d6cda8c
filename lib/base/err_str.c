/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

struct name {
    enum selv_err err;
    const char *name;
    const char *words;
};

#define NAME(err, words)                                                       \
    {                                                                          \
        err, #err, words                                                       \
    }

/* clang-format off */
static const struct name names[] = {
    NAME(SELV_OK, "no error"),
    NAME(SELV_ERR_ARG, "an argument is out of its documented range"),
    NAME(SELV_ERR_SPACE, "the caller's buffer is too small"),
    NAME(SELV_ERR_STATE, "called in the wrong order"),
    NAME(SELV_ERR_RANDOM, "the port has no random bytes to give"),
    NAME(SELV_ERR_CBOR_END, "CBOR ends inside an item"),
    NAME(SELV_ERR_CBOR_TYPE, "CBOR item of another type than expected"),
    NAME(SELV_ERR_CBOR_NONMINIMAL,
         "CBOR number or length not in its shortest form"),
    NAME(SELV_ERR_CBOR_INDEFINITE, "CBOR of indefinite length"),
    NAME(SELV_ERR_CBOR_RESERVED, "CBOR head with a reserved value"),
    NAME(SELV_ERR_CBOR_RANGE, "CBOR number too large for its place"),
    NAME(SELV_ERR_CBOR_DEPTH, "CBOR nested too deep"),
    NAME(SELV_ERR_CBOR_ORDER, "CBOR map keys not in canonical order"),
    NAME(SELV_ERR_CBOR_DUPLICATE, "CBOR map holds the same key twice"),
    NAME(SELV_ERR_CBOR_TRAILING, "bytes after the last CBOR item"),
    NAME(SELV_ERR_CBOR_UTF8, "CBOR text string is not UTF-8"),
    NAME(SELV_ERR_CRYPTO_VERIFY, "signature does not verify"),
    NAME(SELV_ERR_CRYPTO_KEY,
         "not a usable key (point off the curve, or number out of range)"),
    NAME(SELV_ERR_CRYPTO_LIBRARY, "the crypto library failed otherwise"),
    NAME(SELV_ERR_COSE_TAG, "neither a tagged COSE_Sign1 nor COSE_Mac0"),
    NAME(SELV_ERR_COSE_STRUCTURE, "COSE block is not an array of four of the right kinds and lengths"),
    NAME(SELV_ERR_COSE_HEADER,
         "COSE header parameter malformed, given twice, or in the wrong "
         "bucket"),
    NAME(SELV_ERR_COSE_CRIT,
         "COSE crit names a header parameter that we do not know"),
    NAME(SELV_ERR_COSE_ALG,
         "COSE algorithm missing, not supported, or not this key's"),
    NAME(SELV_ERR_COSE_PAYLOAD, "COSE payload is not detached (nil)"),
    NAME(SELV_ERR_COSE_KEY, "malformed or unsupported COSE_Key"),
    NAME(SELV_ERR_COSE_NO_KEY, "no given key verifies the signature"),
    NAME(SELV_ERR_SUIT_MORE,
         "the severable elements lie beyond the bytes given"),
    NAME(SELV_ERR_SUIT_TAG, "not a tagged SUIT_Envelope (107)"),
    NAME(SELV_ERR_SUIT_KEY, "unassigned or unsupported key"),
    NAME(SELV_ERR_SUIT_MISSING, "a required element is missing"),
    NAME(SELV_ERR_SUIT_ORDER, "envelope elements in the wrong order"),
    NAME(SELV_ERR_SUIT_TOO_LARGE, "envelope longer than this build takes"),
    NAME(SELV_ERR_SUIT_DIGEST_ALG, "digest algorithm not supported"),
    NAME(SELV_ERR_SUIT_DIGEST,
         "the digest in the wrapper is not the manifest's"),
    NAME(SELV_ERR_SUIT_NOT_SIGNED, "no authentication block"),
    NAME(SELV_ERR_SUIT_SIGNERS,
         "more authentication blocks than this build takes"),
    NAME(SELV_ERR_SUIT_VERSION, "manifest-version is not 1"),
    NAME(SELV_ERR_SUIT_SEQUENCE, "sequence number lower than allowed"),
    NAME(SELV_ERR_SUIT_COMPONENTS,
         "no component, or more than this build takes"),
    NAME(SELV_ERR_SUIT_COMPONENT, "component id that the device lacks"),
    NAME(SELV_ERR_SUIT_SEVERED, "a severed element's digest is wrong"),
    NAME(SELV_ERR_SUIT_ABSENT, "a severed element is needed but was taken out"),
    NAME(SELV_ERR_SUIT_COMMAND, "command not supported, or unassigned"),
    NAME(SELV_ERR_SUIT_SECTION, "command that may not stand in this section"),
    NAME(SELV_ERR_SUIT_ARGUMENT, "argument of the wrong type or range"),
    NAME(SELV_ERR_SUIT_PARAMETER, "parameter not supported"),
    NAME(SELV_ERR_SUIT_UNSET, "parameter needed but not set"),
    NAME(SELV_ERR_SUIT_INDEX, "component index out of range"),
    NAME(SELV_ERR_SUIT_NO_INDEX,
         "several components, and the sequence does not begin with "
         "set-component-index"),
    NAME(SELV_ERR_SUIT_DEPTH, "commands nested deeper than this build takes"),
    NAME(SELV_ERR_SUIT_EMPTY,
         "empty command sequence, or try-each with fewer than two"),
    NAME(SELV_ERR_SUIT_VENDOR, "vendor-identifier does not match"),
    NAME(SELV_ERR_SUIT_CLASS, "class-identifier does not match"),
    NAME(SELV_ERR_SUIT_IMAGE, "image-match: another digest"),
    NAME(SELV_ERR_SUIT_SLOT, "component-slot does not match"),
    NAME(SELV_ERR_SUIT_TRY_EACH, "no sequence of a try-each succeeded"),
    NAME(SELV_ERR_SUIT_URI, "URI too long or not supported"),
    NAME(SELV_ERR_SUIT_INTEGRATED,
         "'#name' without such an element, or integrated payload not "
         "supported"),
    NAME(SELV_ERR_SUIT_OPERATION, "the port could not do what was asked"),
    NAME(SELV_ERR_SUIT_TEXT, "text element malformed"),
    NAME(SELV_ERR_SUIT_DEVICE, "device-identifier does not match"),
    NAME(SELV_ERR_SUIT_CONTENT, "check-content: another content"),
    NAME(SELV_ERR_SUIT_ABORT, "the manifest says abort"),
    NAME(SELV_ERR_SUIT_SOURCE, "source component is the target"),
    NAME(SELV_ERR_SUIT_SOFT,
         "soft-failure set outside of try-each and run-sequence"),
    NAME(SELV_ERR_SUIT_RACE,
         "strict-order is false: a component is target and source, or a "
         "parallel sequence sets another index"),
    NAME(SELV_ERR_SUIT_PRIVATE, "private parameter in the shared sequence"),
    NAME(SELV_ERR_SUIT_BOOTLOADER, "more than the bootloader can do"),
    NAME(SELV_ERR_SUIT_WORK, "its loops go through too many commands"),
    NAME(SELV_ERR_SUIT_CHUNKS, "the chunk list is none of this image's"),
    NAME(SELV_ERR_FLASH_IO, "read, write or erase failed"),
    NAME(SELV_ERR_FLASH_RULE,
         "write to unerased bytes, unaligned, or out of range"),
    NAME(SELV_ERR_STORE_LAYOUT, "layout does not fit the flash"),
    NAME(SELV_ERR_STORE_EMPTY, "no valid record"),
    NAME(SELV_ERR_STORE_VERSION, "record of a format version we lack"),
    NAME(SELV_ERR_STORE_FULL, "image or envelope larger than its slot"),
    NAME(SELV_ERR_STORE_FACTORY, "factory data missing or malformed"),
    NAME(SELV_ERR_STORE_DAMAGED, "there were records, but none is valid now"),
    NAME(SELV_ERR_COAP_FORMAT, "CoAP message format error"),
    NAME(SELV_ERR_COAP_OPTION, "critical option not understood"),
    NAME(SELV_ERR_COAP_TIMEOUT, "no answer after the last retransmission"),
    NAME(SELV_ERR_COAP_RESET, "the peer answered Reset"),
    NAME(SELV_ERR_COAP_BLOCK, "another block than the one asked for"),
    NAME(SELV_ERR_COAP_ETAG, "the representation changed in mid-transfer"),
    NAME(SELV_ERR_COAP_SIZE, "representation larger than we take"),
    NAME(SELV_ERR_COAP_BUSY, "an exchange is under way"),
    NAME(SELV_ERR_COAP_CODE, "the peer answered with an error code"),
    NAME(SELV_ERR_UPDATE_SIZE, "image shorter or longer than image-size"),
    NAME(SELV_ERR_UPDATE_REVERTED, "this manifest was tried and reverted"),
    NAME(SELV_ERR_UPDATE_EQUAL, "same sequence number, another digest"),
    NAME(SELV_ERR_UPDATE_SERVER, "the server answered nonsense"),
    NAME(SELV_ERR_UPDATE_SELFTEST, "the new image failed its self-test"),
    NAME(SELV_ERR_UPDATE_BOOTLOADER,
         "the device's bootloader did not take the update"),
    NAME(SELV_ERR_UPDATE_AWAY, "nobody there to fetch from, or too slow"),
    NAME(SELV_ERR_UPDATE_MISSING, "the source has no such thing"),
    NAME(SELV_ERR_UPDATE_CHUNK,
         "other bytes than the chunk list names, too often"),
    NAME(SELV_ERR_BOOT_NO_IMAGE, "no slot holds a bootable image"),
    NAME(SELV_ERR_BOOT_ATTEMPTS, "trial not confirmed in the boots it had"),
    NAME(SELV_ERR_BOOT_WATCHDOG, "the new image failed its self-test, or hung"),
    NAME(SELV_ERR_BOOT_CRASH, "trial ended by a fault or an assertion"),
    NAME(SELV_ERR_BOOT_REQUEST,
         "request names another digest or slot than the one found"),
    NAME(SELV_ERR_RECOVER_FRAME, "no question of a recovery"),
    NAME(SELV_ERR_RECOVER_ORDER,
         "a question that does not fit what came before"),
    NAME(SELV_ERR_RECOVER_SLOT,
         "no slot may be written: something would boot now"),
    NAME(SELV_ERR_RECOVER_FLOOR,
         "the boot journal is lost, and nothing proves the security floor"),
};
/* clang-format on */

static const struct name *find(enum selv_err err)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].err == err) {
            return &names[i];
        }
    }
    return NULL;
}

const char *selv_err_str(enum selv_err err)
{
    const struct name *found = find(err);

    return found == NULL ? "an error without a name" : found->words;
}

const char *selv_err_name(enum selv_err err)
{
    const struct name *found = find(err);

    return found == NULL ? "SELV_ERR_?" : found->name;
}
