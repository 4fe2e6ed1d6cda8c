/* SPDX-License-Identifier: Apache-2.0
 *
 * suit/suit.h - authenticate, check and execute one SUIT manifest
 * [manifest, draft -37]. An engine without I/O: it never fetches, hashes
 * flash or jumps; it says what to do next, and is told how it went.
 *
 * Calls: 1 init   2 feed the envelope (again with a longer view while it asks
 *        for more)   3 check: authenticates, then checks the whole structure
 *        4 begin a procedure   5 poll and answer until DONE or FAILED
 *        6 wipe. Steps 4 and 5 may be repeated for the other procedure.
 * Owns:  nothing. The view (wrapper, manifest, severable elements, one
 *        contiguous run of bytes from the envelope's first byte) and the
 *        device facts must stay unchanged until wipe [RFC 9124
 *        REQ.SEC.MFST.CONST]. Integrated payloads may lie beyond the view and
 *        are never looked at before the manifest is authentic.
 * Limits: base/limits.h. Going over one is an error that names it.
 * RAM:   sizeof(struct selv_suit) <= 488 on Cortex-M3, plus the view. */
#ifndef SELV_SUIT_SUIT_H
#define SELV_SUIT_SUIT_H

#include "base/base.h"
#include "cose/cose.h"
#include "suit/numbers.h"
#include "suit/walk.h"

/* ---- what the device is ------------------------------------------------- */

/* A component that the device has. */
struct selv_suit_component {
    struct selv_bytes id; /* encoded component identifier: CBOR array of bstr */
    uint32_t slot;        /* what component-slot compares with: the slot that
                             an update goes to, or that a boot looks at */
};

/* A private command that the port executes [manifest 8.4.11]. Its argument is
 * a reporting policy. */
struct selv_suit_private_command {
    int32_t code;      /* below -256 */
    uint8_t sections;  /* bits of 1 << enum selv_suit_section; the shared
                          sequence is never allowed [manifest 6.2] */
    bool is_condition; /* else a directive, whose failure aborts */
};

/* What a port adds to the draft. Numbers that are not in these tables are
 * refused. A private parameter is any one CBOR item and may not stand in the
 * shared sequence; commands of the draft work without it [manifest 8.4.8]. */
struct selv_suit_private {
    const struct selv_suit_private_command *commands;
    size_t command_count;
    const int32_t *parameters; /* each below -256 */
    size_t parameter_count;    /* up to SELV_SUIT_PRIVATE_PARAMETERS_MAX */
    /* Whether the value, one encoded item, is one that the parameter may have:
     * SELV_OK, or SELV_ERR_SUIT_ARGUMENT. Asked by the consumer's profile while
     * it checks, and again when the parameter is set. NULL: any may. */
    enum selv_err (*check)(int32_t code, struct selv_bytes value);
};

/* What a bootloader can do with a manifest, for the consumer to know before
 * it fetches. Bit n of a set says that number n is known. */
struct selv_suit_capability {
    uint64_t commands;     /* enum selv_suit_command_code */
    uint32_t parameters;   /* enum selv_suit_parameter; 0: a vendor-identifier
                              may be a PEN */
    uint16_t envelope_max; /* bytes */
    uint8_t sections;      /* bits of 1 << enum selv_suit_section */
    uint8_t components_max, depth_max, signers_max;
};

/* Facts that conditions are evaluated against. The caller keeps it. With
 * components == NULL any component identifier passes the check, and no
 * procedure can begin: for tools that look at manifests of other devices. */
struct selv_suit_device {
    const struct selv_suit_component *components;
    size_t component_count;   /* 0 to 31; 0 without components */
    const uint8_t *vendor_id; /* 16 bytes, a UUID [RFC 9562]; NULL: has none */
    const uint8_t *class_id;  /* the same */
    const uint8_t *device_id; /* the same */
    struct selv_bytes vendor_pen; /* the vendor as an encoded PEN, tag and all;
                                     empty: has none [manifest 8.4.8.3] */
    const struct selv_cose_key *anchors; /* keys that may sign manifests */
    size_t anchor_count;
    uint64_t sequence_min; /* a lower sequence number is refused: the accepted
                              number when installing, the floor at boot */
    const struct selv_suit_private *private; /* NULL: nothing private */
    const struct selv_suit_capability *boot; /* of the bootloader that will run
                              shared, validate, load and invoke; NULL: this
                              engine itself does */
};

/* ---- profiles ----------------------------------------------------------- */

/* A profile is a table of commands with their handlers, and the sections that
 * it executes; sections outside it are only skipped. Linking one profile
 * links only its handlers. Tables in suit_profile_*.c. */
struct selv_suit_profile;
extern const struct selv_suit_profile selv_suit_profile_boot_select;
extern const struct selv_suit_profile selv_suit_profile_boot_install;
/* boot-install without install, which is the consumer's then. */
extern const struct selv_suit_profile selv_suit_profile_boot_load;
extern const struct selv_suit_profile selv_suit_profile_consumer;

/* The same, but every command is recorded, whatever its policy; those without
 * one with policy 0. For tools. */
extern const struct selv_suit_profile selv_suit_profile_boot_select_trace;
extern const struct selv_suit_profile selv_suit_profile_boot_install_trace;
extern const struct selv_suit_profile selv_suit_profile_consumer_trace;

/* What a profile can do, for a boot record: exactly what its tables say. */
extern const struct selv_suit_capability selv_suit_capability_boot_select;
extern const struct selv_suit_capability selv_suit_capability_boot_install;

/* The parameters of boot-install, for a bootloader that takes less of the rest.
 */
#define SELV_SUIT_BOOT_INSTALL_PARAMETERS                                      \
    (1u << 0 | 1u << SELV_SUIT_PARAMETER_VENDOR_ID |                           \
     1u << SELV_SUIT_PARAMETER_CLASS_ID |                                      \
     1u << SELV_SUIT_PARAMETER_IMAGE_DIGEST |                                  \
     1u << SELV_SUIT_PARAMETER_COMPONENT_SLOT |                                \
     1u << SELV_SUIT_PARAMETER_STRICT_ORDER |                                  \
     1u << SELV_SUIT_PARAMETER_SOFT_FAILURE |                                  \
     1u << SELV_SUIT_PARAMETER_IMAGE_SIZE |                                    \
     1u << SELV_SUIT_PARAMETER_CONTENT | 1u << SELV_SUIT_PARAMETER_URI |       \
     1u << SELV_SUIT_PARAMETER_SOURCE_COMPONENT |                              \
     1u << SELV_SUIT_PARAMETER_INVOKE_ARGS |                                   \
     1u << SELV_SUIT_PARAMETER_DEVICE_ID |                                     \
     1u << SELV_SUIT_PARAMETER_FETCH_ARGUMENTS)

/* ---- the engine --------------------------------------------------------- */

enum selv_suit_todo_kind {
    SELV_SUIT_DONE,    /* the procedure ended well */
    SELV_SUIT_FAILED,  /* it did not: see selv_suit_failure */
    SELV_SUIT_FETCH,   /* fetch uri into the component, then answer */
    SELV_SUIT_DIGEST,  /* SHA-256 of the component's first size bytes (the
                          whole component when there is no size), then
                          answer_digest */
    SELV_SUIT_CONTENT, /* for check-content: SHA-256 of size bytes, which must
                          be all that the component holds, then
                          answer_content */
    SELV_SUIT_COPY,    /* copy the source component into the component */
    SELV_SUIT_WRITE,   /* write data into the component */
    SELV_SUIT_SWAP,    /* exchange the component and the source component */
    SELV_SUIT_INVOKE,  /* run the component; answer only when it failed, or
                          came back */
    SELV_SUIT_PRIVATE  /* execute the private command code */
};

/* What to do next. Views point into the envelope. */
struct selv_suit_todo {
    enum selv_suit_todo_kind kind;
    uint8_t component;        /* index into the manifest's components */
    uint8_t device_component; /* index into the device's components */
    uint8_t source;           /* copy, swap: index as component */
    uint8_t device_source;    /* copy, swap: index as device_component */
    bool has_size;            /* image-size is set; always for content */
    bool is_integrated;       /* fetch: payload lies in the envelope */
    uint32_t size;            /* image-size or length of the content, bytes */
    uint32_t integrated_off;  /* of an integrated payload: bytes from the
                                 envelope's first byte */
    uint32_t integrated_len;  /* bytes */
    int32_t code;             /* of the command */
    struct selv_bytes uri;    /* fetch: URI reference [RFC 3986], UTF-8 */
    struct selv_bytes data;   /* write: content; fetch: fetch-arguments;
                                 invoke: invoke-args; empty when unset */
    const uint8_t *digest;    /* image-digest, 32 bytes, NULL when unset */
};

/* One executed command, for a reporting engine [manifest 8.4.7]. */
struct selv_suit_record {
    int16_t section;         /* key of the section, 3: shared sequence */
    uint16_t section_offset; /* bytes from the section's first byte */
    int32_t code;            /* of the command */
    uint16_t err;            /* enum selv_err; SELV_OK: it succeeded */
    uint8_t component;       /* index into the manifest's components */
    uint8_t policy;          /* enum selv_suit_policy, as the manifest has it */
};

/* Where and why a manifest was refused or failed. */
struct selv_suit_failure {
    enum selv_err err;
    uint8_t component; /* index, 0xff: none */
    int16_t section;   /* key of the section or element; 3 for common, 0 when
                          none was reached */
    uint16_t offset;   /* bytes from the envelope's first byte */
    uint16_t section_offset; /* of a command: bytes from its section's (or the
                                shared sequence's) first byte; else 0 */
    int32_t code;            /* command, parameter or key at fault; 0: none */
};

/* The command sequences of a manifest, in the order in which the procedures
 * run them: an update is the first three, an invocation the three from
 * VALIDATE on [manifest 8.4.6]. */
enum selv_suit_section {
    SELV_SUIT_SECTION_PAYLOAD_FETCH = 0,
    SELV_SUIT_SECTION_INSTALL = 1,
    SELV_SUIT_SECTION_VALIDATE = 2,
    SELV_SUIT_SECTION_LOAD = 3,
    SELV_SUIT_SECTION_INVOKE = 4,
    SELV_SUIT_SECTION_COUNT = 5
};

/* Each begins with this section and has the two behind it, less one for each
 * 8. Where the bootloader installs, an update has two parts. */
enum selv_suit_procedure {
    SELV_SUIT_UPDATE = SELV_SUIT_SECTION_PAYLOAD_FETCH,
    SELV_SUIT_INVOCATION = SELV_SUIT_SECTION_VALIDATE,
    SELV_SUIT_STAGING = SELV_SUIT_SECTION_PAYLOAD_FETCH + 2 * 8, /* alone */
    SELV_SUIT_INSTALLING = SELV_SUIT_SECTION_INSTALL + 8 /* and validate */
};

/* Parameters of one component: offsets of their encoded values in the view,
 * 0 is "unset" (private). */
enum selv_suit_slot {
    SELV_SUIT_SLOT_NONE,
    SELV_SUIT_SLOT_IMAGE_DIGEST,
    SELV_SUIT_SLOT_IMAGE_SIZE, /* these two say what a good image is */
    SELV_SUIT_SLOT_VENDOR_ID,
    SELV_SUIT_SLOT_CLASS_ID,
    SELV_SUIT_SLOT_DEVICE_ID,
    SELV_SUIT_SLOT_COMPONENT_SLOT,
    SELV_SUIT_SLOT_CONTENT,
    SELV_SUIT_SLOT_URI,
    SELV_SUIT_SLOT_SOURCE,
    SELV_SUIT_SLOT_INVOKE_ARGS,
    SELV_SUIT_SLOT_FETCH_ARGUMENTS,
    SELV_SUIT_SLOT_PRIVATE, /* and those behind it */
    SELV_SUIT_SLOT_COUNT =
        SELV_SUIT_SLOT_PRIVATE + SELV_SUIT_PRIVATE_PARAMETERS_MAX - 1
};

struct selv_suit_params {
    /* image-match was good in this procedure, with the digest and size that
     * are set, and nothing wrote to the component since. */
    enum selv_verdict image_good;
    uint16_t at[SELV_SUIT_SLOT_COUNT]; /* by slot - 1 */
};

/* One open sequence (private). */
struct selv_suit_frame {
    const uint8_t *next; /* the next command */
    const uint8_t *end;  /* one past the sequence */
    const uint8_t *at;   /* the command last read, NULL: none yet */
    const uint8_t *rest; /* of a try-each: the next alternative */
    const uint8_t *list; /* the first of an array of component indices */
    uint16_t pairs;      /* commands left */
    uint8_t left;        /* of a try-each: alternatives left */
    uint8_t flags;
    uint8_t count;     /* components selected by an array or true; else 0 */
    uint8_t iteration; /* which of them has its turn */
    uint8_t component; /* whose turn it is */
};

/* State of one manifest. Visible so that callers can place it; private. */
struct selv_suit {
    /* What is used most stands first: short offsets make short code. */
    struct selv_cbor r; /* all is read through it; keeps the first error */
    uint8_t state;
    uint8_t section; /* that runs, or will behind the shared sequence */
    uint8_t pending; /* bits: sections that are still to run */
    bool is_shared;  /* running the shared sequence before the section */
    bool is_again;   /* polled again before the answer */
    uint8_t targets, sources; /* bits: components, while it is */
    uint8_t component_count;
    struct selv_suit_failure failure;
    struct selv_suit_frame *f; /* the sequence that runs */
    const struct selv_suit_profile *profile;
    const struct selv_suit_device *device;
    const struct selv_suit_command *row; /* of the command last read; also of
                                            what waits for an answer */
    struct selv_bytes view;
    size_t total_len;      /* of the envelope, 0: unknown */
    const uint8_t *before; /* the command that was read before it in its
                              sequence; NULL: it is the first */
    const uint8_t *base;   /* first byte of the outermost sequence */
    const uint8_t *digest; /* of the manifest, in the wrapper */
    enum selv_verdict authentic;
    size_t anchor; /* that signed */
    uint32_t work; /* bytes of commands that may still be gone through */
    /* By key, the offset of an element's value in the view; 0: not there. A
     * severed element's is that in the envelope, or 1: taken out. */
    uint16_t manifest[SELV_SUIT_KEY_TEXT + 1];
    uint16_t common[SELV_SUIT_COMMON_SHARED_SEQUENCE + 1];
    uint16_t payloads_off; /* first integrated payload's key */
    uint16_t payload_count;
    uint16_t component_off[SELV_SUIT_COMPONENTS_MAX]; /* of identifiers */
    uint8_t device_component[SELV_SUIT_COMPONENTS_MAX];
    struct selv_suit_record *records;
    size_t record_cap;
    struct {
        uint16_t records, requests; /* in this procedure */
    } counts;
    union {
        /* Of the envelope, as `manifest`, until that is read. */
        uint16_t envelope[SELV_SUIT_KEY_TEXT + 1];
        /* From then on. The first one holds the outermost sequence. */
        struct selv_suit_frame frame[SELV_SUIT_DEPTH_MAX + 2];
    };
    struct selv_suit_params params[SELV_SUIT_COMPONENTS_MAX];
};

/* Start over with a profile and a device. */
void selv_suit_init(struct selv_suit *s,
                    const struct selv_suit_profile *profile,
                    const struct selv_suit_device *device);

/* Take a whole envelope; of its integrated payloads the boot profiles take no
 * notice. Nothing is believed yet. Any error is final: SELV_ERR_SUIT_TAG, _KEY,
 * _TOO_LARGE, SELV_ERR_CBOR_*; SELV_ERR_STATE when it was fed before. */
SELV_MUST_CHECK enum selv_err selv_suit_feed(struct selv_suit *s,
                                             struct selv_bytes envelope);

/* The same with its first view.len bytes; total_len is the whole envelope's
 * length when known, else 0. SELV_OK when the view holds all elements but
 * integrated payloads;
 * SELV_ERR_SUIT_MORE when it must grow (feed it again, from its first byte);
 * SELV_ERR_ARG for a view longer than total_len; any other error is final. An
 * integrated payload whose key or head lies beyond the view cannot be fetched
 * later (SELV_ERR_SUIT_INTEGRATED): offer as much as there is room for. */
SELV_MUST_CHECK enum selv_err selv_suit_feed_part(struct selv_suit *s,
                                                  struct selv_bytes view,
                                                  size_t total_len);

/* Authenticate first (digest, then signature), then check version, sequence
 * number, keys, severed digests, components and every command and argument
 * of every section of the profile [manifest 6.2, 6.3]; boot-select, which
 * changes nothing, looks at commands when it runs them. Changes nothing
 * outside. SELV_GOOD, or SELV_BAD with selv_suit_failure. */
SELV_MUST_CHECK enum selv_verdict selv_suit_check(struct selv_suit *s);

/* After feed: of the envelope, what a bootloader must find, without the
 * integrated payloads (but for the first byte of the first one, which says
 * where they begin). Bytes. */
static inline uint32_t selv_suit_stored_len(const struct selv_suit *s)
{
    return (uint32_t)s->payloads_off + (s->payload_count > 0 ? 1u : 0u);
}

/* SELV_GOOD from the moment in which the manifest's digest and signature have
 * verified, whatever is wrong with what it says. */
SELV_MUST_CHECK enum selv_verdict
selv_suit_is_authentic(const struct selv_suit *s);

/* After a good check: facts of the authentic manifest. */
uint64_t selv_suit_sequence_number(const struct selv_suit *s);
/* 32 bytes: SHA-256 over the bstr-wrapped manifest. */
const uint8_t *selv_suit_digest(const struct selv_suit *s);
/* Which anchor signed. */
size_t selv_suit_anchor(const struct selv_suit *s);
/* The manifest's component, an encoded component identifier. */
struct selv_bytes selv_suit_component_id(const struct selv_suit *s,
                                         size_t component);
size_t selv_suit_component_count(const struct selv_suit *s);
/* The manifest's reference-uri, UTF-8; empty when it has none. */
struct selv_bytes selv_suit_reference_uri(const struct selv_suit *s);

/* Record each command whose reporting policy asks for it into cap records of
 * the caller's, from the next procedure on. Profiles without reports
 * (boot-select) record nothing. */
void selv_suit_record_into(struct selv_suit *s,
                           struct selv_suit_record *records, size_t cap);
/* How many commands of the procedure asked; those beyond cap were not kept. 0
 * when records is NULL: then nobody looks. */
size_t selv_suit_record_count(const struct selv_suit *s);

/* A parameter as it is now set for a component: the encoded value; empty when
 * unset or unknown. code may be private. */
struct selv_bytes selv_suit_parameter(const struct selv_suit *s,
                                      size_t component, int32_t code);

/* Begin a procedure: parameters cleared, shared sequence before each
 * section. SELV_ERR_STATE before a good check; SELV_ERR_SUIT_ABSENT, with
 * selv_suit_failure, when one of the procedure's sections was severed and
 * taken out of the envelope: nothing was done, and the other procedure can
 * still be begun. */
SELV_MUST_CHECK enum selv_err selv_suit_begin(struct selv_suit *s,
                                              enum selv_suit_procedure p);

/* Run conditions and directives until the caller has something to do.
 * Returns the kind, also in *todo; the same again until it is answered.
 * Bounded work: a procedure goes through at most SELV_SUIT_WORK_MAX times the
 * bytes of the envelope and, in the consumer, asks for SELV_SUIT_REQUESTS_MAX
 * things, else SELV_ERR_SUIT_WORK. */
enum selv_suit_todo_kind selv_suit_poll(struct selv_suit *s,
                                        struct selv_suit_todo *todo);

/* Tell how anything but DIGEST and CONTENT went; an error of a directive fails
 * it, and with it the procedure. Also tells why a DIGEST or CONTENT could not
 * be computed (an image shorter than its size): then the condition fails. */
void selv_suit_answer(struct selv_suit *s, enum selv_err err);
/* Answer DIGEST; the engine compares, in constant time. */
void selv_suit_answer_digest(struct selv_suit *s,
                             const uint8_t digest[static SELV_SHA256_LEN]);
/* Answer CONTENT in the same way. */
void selv_suit_answer_content(struct selv_suit *s,
                              const uint8_t digest[static SELV_SHA256_LEN]);

/* SELV_GOOD only while polling gave INVOKE of an authentic manifest, for a
 * component whose image-match was good in this same procedure. The
 * bootloader must ask this before it jumps. */
SELV_MUST_CHECK enum selv_verdict
selv_suit_may_invoke(const struct selv_suit *s);

/* Where and why, after SELV_BAD, SELV_SUIT_FAILED or an error of feed. */
const struct selv_suit_failure *selv_suit_failure(const struct selv_suit *s);

/* The report draft's reason for an error [report]. */
enum selv_suit_reason selv_suit_reason(enum selv_err err);

void selv_suit_wipe(struct selv_suit *s);

#endif
