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

/* ---- what the device is ------------------------------------------------- */

/* A component that the device has. */
struct selv_suit_component {
    struct selv_bytes id; /* encoded component identifier: CBOR array of bstr */
    uint32_t slot;        /* what component-slot compares with: the slot that
                             an update goes to, or that a boot looks at */
};

/* Facts that conditions are evaluated against. The caller keeps it. */
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

/* ---- profiles ------------------------------------------------------------ */

/* A profile is a table of commands with their handlers, and the sections that
 * it executes; sections outside it are only skipped. Linking one profile
 * links only its handlers. Tables in suit_profile_*.c. */
struct selv_suit_profile;
extern const struct selv_suit_profile selv_suit_profile_boot_select;
extern const struct selv_suit_profile selv_suit_profile_consumer;

/* ---- the engine ----------------------------------------------------------- */

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
    uint8_t component;          /* index into the manifest's components */
    uint8_t device_component;   /* index into the device's components */
    bool has_size;              /* image-size is set */
    bool is_integrated;         /* fetch: payload lies in the envelope */
    uint32_t size;              /* image-size, bytes */
    uint32_t integrated_off;    /* bytes from the envelope's first byte */
    uint32_t integrated_len;    /* bytes */
    struct selv_bytes uri;      /* fetch: URI reference [RFC 3986], UTF-8 */
    const uint8_t *digest;      /* image-digest, 32 bytes, NULL when unset */
};

/* Where and why a manifest was refused or failed. */
struct selv_suit_failure {
    enum selv_err err;
    int16_t section;    /* key of the section or element; 3 for common, 0 when
                           none was reached */
    uint16_t offset;    /* bytes from the envelope's first byte */
    int32_t code;       /* command, parameter or key at fault; 0: none */
    uint8_t component;  /* index, 0xff: none */
};

/* One level of the stack of running sequences (private). */
struct selv_suit_frame {
    uint16_t next;  /* offset of the next command */
    uint16_t end;   /* offset just past the sequence */
    uint16_t alt;   /* try-each: offset of the next alternative, 0: none */
    uint8_t left;   /* try-each: alternatives left, nil included */
    uint8_t flags;
};

/* Parameters of one component: offsets into the view, 0 is "unset"
 * (private). */
struct selv_suit_params {
    uint64_t slot;
    uint32_t image_size;
    uint16_t vendor_id, class_id, image_digest, uri, uri_len;
    uint8_t set;              /* bits: image_size, slot */
    uint8_t device_component; /* index into the device's components */
    uint8_t matched;          /* image-match was good in this procedure */
};

/* State of one manifest. Visible so that callers can place it; private. */
struct selv_suit {
    const struct selv_suit_profile *profile;
    const struct selv_suit_device *device;
    struct selv_bytes view;
    enum selv_verdict authentic;
    enum selv_verdict image_good; /* of the component last matched */
    uint64_t sequence_number;
    const uint8_t *digest; /* manifest digest, 32 bytes, in the view */
    uint16_t manifest_off, manifest_len;
    uint16_t shared_off, shared_len;
    uint16_t components_off;
    uint16_t section_off[6], section_len[6];
    uint16_t payloads_off; /* first integrated payload's key, 0: none */
    uint8_t state, procedure, section, depth, component, component_count;
    uint8_t waiting, key_index;
    struct selv_suit_params params[SELV_SUIT_COMPONENTS_MAX];
    struct selv_suit_frame frames[SELV_SUIT_DEPTH_MAX];
    struct selv_suit_failure failure;
};

/* Start over with a profile and a device. */
void selv_suit_init(struct selv_suit *s, const struct selv_suit_profile *profile,
                    const struct selv_suit_device *device);

/* Offer the envelope's first view.len bytes; total_len is the whole
 * envelope's length when known, else 0. SELV_OK when the view holds the
 * wrapper, the manifest and every severable element (payloads may be
 * missing); SELV_ERR_SUIT_MORE when it must grow (feed it again, from its
 * first byte); any other error is final. Nothing is believed yet. */
SELV_MUST_CHECK enum selv_err selv_suit_feed(struct selv_suit *s,
                                             struct selv_bytes view,
                                             size_t total_len);

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

/* Begin a procedure: parameters cleared, shared sequence before each
 * section. SELV_ERR_STATE before a good check. */
SELV_MUST_CHECK enum selv_err selv_suit_begin(struct selv_suit *s,
                                              enum selv_suit_procedure p);

/* Run conditions and directives until the caller has something to do.
 * Returns the kind, also in *todo. Bounded work: one pass over the section. */
enum selv_suit_todo_kind selv_suit_poll(struct selv_suit *s,
                                        struct selv_suit_todo *todo);

/* Tell how FETCH or INVOKE went; any error fails the directive. */
void selv_suit_answer(struct selv_suit *s, enum selv_err err);
/* Answer DIGEST; the engine compares. */
void selv_suit_answer_digest(struct selv_suit *s,
                             const uint8_t digest[static SELV_SHA256_LEN]);

/* SELV_GOOD only while polling gave INVOKE of an authentic manifest, for a
 * component whose image-match was good in this same procedure. The
 * bootloader must ask this before it jumps. */
SELV_MUST_CHECK enum selv_verdict selv_suit_may_invoke(const struct selv_suit *s);

/* Where and why, after SELV_BAD, SELV_SUIT_FAILED or an error of feed. */
const struct selv_suit_failure *selv_suit_failure(const struct selv_suit *s);

/* The report draft's reason for an error [report]. */
enum selv_suit_reason selv_suit_reason(enum selv_err err);

void selv_suit_wipe(struct selv_suit *s);

#endif
