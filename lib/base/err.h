/* SPDX-License-Identifier: Apache-2.0
 *
 * base/err.h - every error of lib/ and device/. Numbers are cut in ranges of
 * 32 by module and are never reused, since they travel in reports and stand
 * in logs. Names in words: selv_err_str (host builds only). */
#ifndef SELV_BASE_ERR_H
#define SELV_BASE_ERR_H

enum selv_err {
    SELV_OK = 0,

    /* base: 1 to 31 */
    SELV_ERR_ARG = 1,    /* an argument is out of its documented range */
    SELV_ERR_SPACE = 2,  /* the caller's buffer is too small */
    SELV_ERR_STATE = 3,  /* called in the wrong order */
    SELV_ERR_RANDOM = 4, /* the port has no random bytes to give */

    /* cbor: 32 to 63 [RFC 8949] */
    SELV_ERR_CBOR_END = 32,        /* the bytes end inside an item */
    SELV_ERR_CBOR_TYPE = 33,       /* another type than expected */
    SELV_ERR_CBOR_NONMINIMAL = 34, /* integer or length not in its shortest
                                      form [4.2.1] */
    SELV_ERR_CBOR_INDEFINITE = 35, /* indefinite length [4.2.1] */
    SELV_ERR_CBOR_RESERVED = 36,   /* reserved additional information */
    SELV_ERR_CBOR_RANGE = 37,      /* number too large for its place */
    SELV_ERR_CBOR_DEPTH = 38,      /* nested deeper than SELV_CBOR_DEPTH_MAX */
    SELV_ERR_CBOR_ORDER = 39,      /* map keys not in canonical order */
    SELV_ERR_CBOR_DUPLICATE = 40,  /* the same map key twice */
    SELV_ERR_CBOR_TRAILING = 41,   /* bytes after the last item */
    SELV_ERR_CBOR_UTF8 = 42,       /* text string is not UTF-8 */

    /* crypto: 64 to 95 */
    SELV_ERR_CRYPTO_VERIFY = 64,  /* signature does not verify */
    SELV_ERR_CRYPTO_KEY = 65,     /* not a usable key (point off the curve) */
    SELV_ERR_CRYPTO_LIBRARY = 66, /* the crypto library failed otherwise */

    /* cose: 96 to 127 [RFC 9052] */
    SELV_ERR_COSE_TAG = 96,       /* no tagged COSE_Sign1 or COSE_Mac0 */
    SELV_ERR_COSE_STRUCTURE = 97, /* array of another shape */
    SELV_ERR_COSE_HEADER = 98,    /* header parameter wrong, twice, or in the
                                     wrong bucket */
    SELV_ERR_COSE_CRIT = 99,      /* crit names a header we do not know */
    SELV_ERR_COSE_ALG = 100,     /* algorithm not supported or not this key's */
    SELV_ERR_COSE_PAYLOAD = 101, /* payload is not detached (nil) */
    SELV_ERR_COSE_KEY = 102,     /* malformed or unsupported COSE_Key */
    SELV_ERR_COSE_NO_KEY = 103,  /* no given key verifies the signature */

    /* suit: 128 to 191 [manifest] */
    SELV_ERR_SUIT_MORE = 128,       /* the view ends before the severable
                                       elements do: feed a longer one */
    SELV_ERR_SUIT_TAG = 129,        /* not a tagged SUIT_Envelope (107) */
    SELV_ERR_SUIT_KEY = 130,        /* unassigned or unsupported key */
    SELV_ERR_SUIT_MISSING = 131,    /* a REQUIRED element is missing */
    SELV_ERR_SUIT_ORDER = 132,      /* not given any more */
    SELV_ERR_SUIT_TOO_LARGE = 133,  /* longer than SELV_SUIT_ENVELOPE_MAX */
    SELV_ERR_SUIT_DIGEST_ALG = 134, /* digest algorithm not supported */
    SELV_ERR_SUIT_DIGEST = 135,     /* digest in the wrapper is not the
                                       manifest's */
    SELV_ERR_SUIT_NOT_SIGNED = 136, /* no authentication block */
    SELV_ERR_SUIT_SIGNERS = 137,    /* more blocks than SELV_SUIT_SIGNERS_MAX */
    SELV_ERR_SUIT_VERSION = 138,    /* manifest-version is not 1 */
    SELV_ERR_SUIT_SEQUENCE = 139,   /* sequence number lower than allowed */
    SELV_ERR_SUIT_COMPONENTS = 140, /* none, or more than
                                       SELV_SUIT_COMPONENTS_MAX */
    SELV_ERR_SUIT_COMPONENT = 141,  /* component id that the device lacks */
    SELV_ERR_SUIT_SEVERED = 142,    /* severed element's digest is wrong */
    SELV_ERR_SUIT_ABSENT = 143,     /* severed element that is needed but was
                                       taken out */
    SELV_ERR_SUIT_COMMAND = 144,    /* command not supported, or unassigned */
    SELV_ERR_SUIT_SECTION = 145,    /* command that may not stand in this
                                       section */
    SELV_ERR_SUIT_ARGUMENT = 146,   /* argument, or anything else, of the wrong
                                       type or range */
    SELV_ERR_SUIT_PARAMETER = 147,  /* parameter not supported */
    SELV_ERR_SUIT_UNSET = 148,      /* parameter needed but not set */
    SELV_ERR_SUIT_INDEX = 149,      /* component index out of range */
    SELV_ERR_SUIT_NO_INDEX = 150,   /* several components, and the sequence
                                       does not begin with
                                       set-component-index */
    SELV_ERR_SUIT_DEPTH = 151,      /* nested deeper than SELV_SUIT_DEPTH_MAX */
    SELV_ERR_SUIT_EMPTY = 152,      /* empty sequence, or try-each with fewer
                                       than two */
    SELV_ERR_SUIT_VENDOR = 153,     /* vendor-identifier does not match */
    SELV_ERR_SUIT_CLASS = 154,      /* class-identifier does not match */
    SELV_ERR_SUIT_IMAGE = 155,      /* image-match: another digest */
    SELV_ERR_SUIT_SLOT = 156,       /* component-slot does not match */
    SELV_ERR_SUIT_TRY_EACH = 157,   /* no sequence of a try-each succeeded */
    SELV_ERR_SUIT_URI = 158,        /* URI too long or not supported */
    SELV_ERR_SUIT_INTEGRATED = 159, /* '#name' without such an element, or
                                       integrated payload not supported */
    SELV_ERR_SUIT_OPERATION = 160,  /* the port could not do what was asked */
    SELV_ERR_SUIT_TEXT = 161,       /* text element malformed */
    SELV_ERR_SUIT_DEVICE = 162,     /* device-identifier does not match */
    SELV_ERR_SUIT_CONTENT = 163,    /* check-content: another content */
    SELV_ERR_SUIT_ABORT = 164,      /* the manifest says abort */
    SELV_ERR_SUIT_SOURCE = 165,     /* source component is the target */
    SELV_ERR_SUIT_SOFT = 166,       /* soft-failure set outside of try-each
                                       and run-sequence */
    SELV_ERR_SUIT_RACE = 167,       /* strict-order is false, and a component
                                       is both target and source, or a
                                       parallel sequence sets another index */
    SELV_ERR_SUIT_PRIVATE = 168,    /* private parameter in the shared
                                       sequence */
    SELV_ERR_SUIT_BOOTLOADER = 169, /* more than the bootloader can do */
    SELV_ERR_SUIT_WORK = 170,       /* goes through more than
                                       SELV_SUIT_WORK_MAX times its bytes */
    SELV_ERR_SUIT_CHUNKS = 171,     /* chunk list malformed, of another version,
                                       or of another image */

    /* store: 192 to 223 */
    SELV_ERR_FLASH_IO = 192,      /* read, write or erase failed */
    SELV_ERR_FLASH_RULE = 193,    /* write to unerased bytes, unaligned, or
                                     out of range */
    SELV_ERR_STORE_LAYOUT = 194,  /* layout does not fit the flash */
    SELV_ERR_STORE_EMPTY = 195,   /* no valid record */
    SELV_ERR_STORE_VERSION = 196, /* record of a format version we lack */
    SELV_ERR_STORE_FULL = 197,    /* image or envelope larger than its slot */
    SELV_ERR_STORE_FACTORY = 198, /* factory data missing or malformed */
    SELV_ERR_STORE_DAMAGED = 199, /* there were records; none is valid now */

    /* coap: 224 to 255 [RFC 7252, RFC 7959] */
    SELV_ERR_COAP_FORMAT = 224,  /* message format error: send Reset or drop */
    SELV_ERR_COAP_OPTION = 225,  /* critical option not understood */
    SELV_ERR_COAP_TIMEOUT = 226, /* MAX_RETRANSMIT reached without an answer */
    SELV_ERR_COAP_RESET = 227,   /* the peer answered Reset */
    SELV_ERR_COAP_BLOCK = 228,   /* another block than the one asked for */
    SELV_ERR_COAP_ETAG = 229,    /* the representation changed in
                                    mid-transfer */
    SELV_ERR_COAP_SIZE = 230,    /* representation larger than we take */
    SELV_ERR_COAP_BUSY = 231,    /* an exchange is under way */
    SELV_ERR_COAP_CODE = 232,    /* the peer answered with an error code */

    /* consumer: 256 to 287 */
    SELV_ERR_UPDATE_SIZE = 256, /* image shorter or longer than image-size */
    SELV_ERR_UPDATE_REVERTED = 257,   /* this manifest was tried and reverted */
    SELV_ERR_UPDATE_EQUAL = 258,      /* same sequence number, another digest */
    SELV_ERR_UPDATE_SERVER = 259,     /* the server answered nonsense */
    SELV_ERR_UPDATE_SELFTEST = 260,   /* the new image failed its self-test */
    SELV_ERR_UPDATE_BOOTLOADER = 261, /* a bootloader that is not ours did not
                                         take the update */
    SELV_ERR_UPDATE_AWAY = 262,    /* nobody there to fetch from, or too slow */
    SELV_ERR_UPDATE_MISSING = 263, /* the source has no such thing */
    SELV_ERR_UPDATE_CHUNK = 264,   /* a source gave other bytes than the chunk
                                      list names, too often */

    /* boot: 288 to 319; the reasons in the boot record */
    SELV_ERR_BOOT_NO_IMAGE = 288, /* no slot holds a bootable image */
    SELV_ERR_BOOT_ATTEMPTS = 289, /* trial not confirmed in
                                     SELV_BOOT_ATTEMPTS_MAX boots */
    SELV_ERR_BOOT_WATCHDOG = 290, /* the new image gave its trial up, or
                                      hung until the watchdog */
    SELV_ERR_BOOT_CRASH = 291,    /* trial ended by a fault or an assertion */
    SELV_ERR_BOOT_REQUEST = 292,  /* request names another digest or slot
                                     than the one found */

    /* recovery, of the same range: docs/spec/recovery.md */
    SELV_ERR_RECOVER_FRAME = 304, /* a question that is none */
    SELV_ERR_RECOVER_ORDER = 305, /* a question that does not fit what came
                                     before */
    SELV_ERR_RECOVER_SLOT = 306,  /* no slot may be written: something would
                                     boot now */
    SELV_ERR_RECOVER_FLOOR = 307  /* the journal is lost, and nothing proves
                                     the floor */
};

/* Words for an error, in English, without a full stop, never NULL. Host
 * builds only (err_str.c), so that no device carries the text. */
const char *selv_err_str(enum selv_err err);

/* The enumerator's own name, such as "SELV_ERR_CBOR_END". Host builds only. */
const char *selv_err_name(enum selv_err err);

#endif
