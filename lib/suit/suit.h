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
 * RAM:   sizeof(struct selv_suit) <= 400 on Cortex-M3, plus the view. */
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

/* Facts that conditions are evaluated against. The caller keeps it. With
 * components == NULL any component identifier passes the check, and no
 * procedure can begin: for tools that look at manifests of other devices. */
struct selv_suit_device {
    const struct selv_suit_component *components;
    size_t component_count;
    const uint8_t *vendor_id;            /* 16 bytes, a UUID [RFC 9562] */
    const uint8_t *class_id;             /* 16 bytes */
    const struct selv_cose_key *anchors; /* keys that may sign manifests */
    size_t anchor_count;
    uint64_t sequence_min; /* a lower sequence number is refused: the accepted
                              number when installing, the floor at boot */
};

/* ---- profiles ----------------------------------------------------------- */

/* A profile is a table of commands with their handlers, and the sections that
 * it executes; sections outside it are only skipped. Linking one profile
 * links only its handlers. Tables in suit_profile_*.c. */
struct selv_suit_profile;
extern const struct selv_suit_profile selv_suit_profile_boot_select;
extern const struct selv_suit_profile selv_suit_profile_consumer;

/* ---- the engine --------------------------------------------------------- */

enum selv_suit_procedure {
    SELV_SUIT_UPDATE,    /* payload-fetch, install, validate [manifest 6.5] */
    SELV_SUIT_INVOCATION /* validate, load, invoke */
};

enum selv_suit_todo_kind {
    SELV_SUIT_DONE,   /* the procedure ended well */
    SELV_SUIT_FAILED, /* it did not: see selv_suit_failure */
    SELV_SUIT_FETCH,  /* fetch uri into the component, then answer */
    SELV_SUIT_DIGEST, /* SHA-256 of the component's first size bytes (the
                         whole component when there is no size), then
                         answer_digest */
    SELV_SUIT_INVOKE  /* run the component; answer only when that failed */
};

/* What to do next. Views point into the envelope. */
struct selv_suit_todo {
    enum selv_suit_todo_kind kind;
    uint8_t component;        /* index into the manifest's components */
    uint8_t device_component; /* index into the device's components */
    bool has_size;            /* image-size is set */
    bool is_integrated;       /* fetch: payload lies in the envelope */
    uint32_t size;            /* image-size, bytes */
    uint32_t integrated_off;  /* bytes from the envelope's first byte */
    uint32_t integrated_len;  /* bytes */
    struct selv_bytes uri;    /* fetch: URI reference [RFC 3986], UTF-8 */
    const uint8_t *digest;    /* image-digest, 32 bytes, NULL when unset */
};

/* Where and why a manifest was refused or failed. */
struct selv_suit_failure {
    enum selv_err err;
    int16_t section; /* key of the section or element; 3 for common, 0 when
                        none was reached */
    uint16_t offset; /* bytes from the envelope's first byte */
    uint16_t section_offset; /* of a command: bytes from its section's (or the
                                shared sequence's) first byte; else 0 */
    int32_t code;            /* command, parameter or key at fault; 0: none */
    uint8_t component;       /* index, 0xff: none */
};

/* The sections that a manifest may have, in the order in which the
 * procedures run them: an update is the first three, an invocation the three
 * from VALIDATE on [manifest 8.4.6]. Text is none, but severable too. */
enum selv_suit_section {
    SELV_SUIT_SECTION_PAYLOAD_FETCH = 0,
    SELV_SUIT_SECTION_INSTALL = 1,
    SELV_SUIT_SECTION_VALIDATE = 2,
    SELV_SUIT_SECTION_LOAD = 3,
    SELV_SUIT_SECTION_INVOKE = 4,
    SELV_SUIT_SECTION_TEXT = 5,
    SELV_SUIT_SECTION_COUNT = 6
};

/* Parameters of one component: offsets of their encoded values in the view,
 * 0 is "unset" (private). */
enum selv_suit_slot {
    SELV_SUIT_SLOT_VENDOR_ID,
    SELV_SUIT_SLOT_CLASS_ID,
    SELV_SUIT_SLOT_IMAGE_DIGEST,
    SELV_SUIT_SLOT_COMPONENT_SLOT,
    SELV_SUIT_SLOT_IMAGE_SIZE,
    SELV_SUIT_SLOT_URI,
    SELV_SUIT_SLOT_COUNT
};

struct selv_suit_params {
    enum selv_verdict image_good; /* image-match was good in this procedure */
    uint16_t image_digest;        /* with this digest */
    uint16_t image_size;          /* and this size */
    uint16_t at[SELV_SUIT_SLOT_COUNT];
};

/* The component index in force in one running sequence (private). */
struct selv_suit_index {
    uint16_t list;     /* offset of the index when it is an array or true,
                          else 0 */
    uint8_t iteration; /* which of the list's components has its turn */
    uint8_t component; /* the index when list is 0 */
};

/* State of one manifest. Visible so that callers can place it; private. */
struct selv_suit {
    /* What is used most stands first: short offsets make short code. */
    struct selv_suit_failure failure;
    uint8_t state, waiting;
    uint8_t section, section_last;
    bool is_shared; /* running the shared sequence before the section */
    uint8_t component_count, anchor;
    uint8_t absent; /* bits: severed sections that were taken out */
    struct selv_bytes view;
    const struct selv_suit_profile *profile;
    const struct selv_suit_device *device;
    enum selv_verdict authentic;
    struct selv_bytes wrapper, manifest, shared;
    const uint8_t *manifest_head; /* of its byte string */
    const uint8_t *digest;
    const uint8_t *components; /* the first identifier */
    size_t total_len;          /* of the envelope, 0: unknown */
    uint64_t sequence_number;
    struct selv_bytes reference_uri;
    uint16_t payloads_off; /* first integrated payload's key */
    uint16_t payload_count;
    uint16_t section_off[SELV_SUIT_SECTION_COUNT];
    uint16_t section_len[SELV_SUIT_SECTION_COUNT];
    uint16_t severed_off[SELV_SUIT_SECTION_COUNT]; /* of the head, envelope */
    uint8_t device_component[SELV_SUIT_COMPONENTS_MAX];
    struct selv_suit_walk walk;
    struct selv_suit_index index[SELV_SUIT_DEPTH_MAX + 1];
    struct selv_suit_params params[SELV_SUIT_COMPONENTS_MAX];
};

/* Start over with a profile and a device. */
void selv_suit_init(struct selv_suit *s,
                    const struct selv_suit_profile *profile,
                    const struct selv_suit_device *device);

/* Offer the envelope's first view.len bytes; total_len is the whole
 * envelope's length when known, else 0. SELV_OK when the view holds the
 * wrapper, the manifest and every severable element (payloads may be
 * missing); SELV_ERR_SUIT_MORE when it must grow (feed it again, from its
 * first byte); any other error is final. Nothing is believed yet. */
SELV_MUST_CHECK enum selv_err
selv_suit_feed(struct selv_suit *s, struct selv_bytes view, size_t total_len);

/* Authenticate first (digest, then signature), then check version, sequence
 * number, keys, severed digests, components and every command and argument
 * of every section of the profile [manifest 6.2, 6.3]. Changes nothing
 * outside. SELV_GOOD, or SELV_BAD with selv_suit_failure. */
SELV_MUST_CHECK enum selv_verdict selv_suit_check(struct selv_suit *s);

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

/* Begin a procedure: parameters cleared, shared sequence before each
 * section. SELV_ERR_STATE before a good check; SELV_ERR_SUIT_ABSENT, with
 * selv_suit_failure, when one of the procedure's sections was severed and
 * taken out of the envelope: nothing was done, and the other procedure can
 * still be begun. */
SELV_MUST_CHECK enum selv_err selv_suit_begin(struct selv_suit *s,
                                              enum selv_suit_procedure p);

/* Run conditions and directives until the caller has something to do.
 * Returns the kind, also in *todo; the same again until it is answered.
 * Bounded work: one pass over the procedure's sequences, a command as often
 * as it has components selected. */
enum selv_suit_todo_kind selv_suit_poll(struct selv_suit *s,
                                        struct selv_suit_todo *todo);

/* Tell how FETCH or INVOKE went; any error fails the directive, and with it
 * the procedure. Also tells why a DIGEST could not be computed (an image
 * shorter than its size): then image-match fails. */
void selv_suit_answer(struct selv_suit *s, enum selv_err err);
/* Answer DIGEST; the engine compares. */
void selv_suit_answer_digest(struct selv_suit *s,
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
