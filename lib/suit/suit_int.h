/* SPDX-License-Identifier: Apache-2.0
 *
 * suit/suit_int.h - what the sources of lib/suit share. Private: include it
 * only here (and in a table of commands that a port adds). */
#ifndef SELV_SUIT_SUIT_INT_H
#define SELV_SUIT_SUIT_INT_H

#include "base/base.h"
#include "cbor/cbor.h"
#include "suit/suit.h"
#include "suit/walk.h"

/* Offsets into the view are 16 bits wide and 0 means "none", which no element
 * can have, since the envelope begins with its tag. */
_Static_assert(SELV_SUIT_ENVELOPE_MAX <= 0xffff, "offsets are 16 bits wide");
_Static_assert(SELV_SUIT_COMPONENTS_MAX < 0xff, "0xff means no component");
_Static_assert(sizeof(void *) != 4 || SELV_SUIT_COMPONENTS_MAX != 4 ||
                   SELV_SUIT_DEPTH_MAX != 4 || sizeof(struct selv_suit) <= 400,
               "struct selv_suit is over its budget");

#define SELV_SUIT_NO_COMPONENT 0xffu

/* What the engine is doing. */
enum selv_suit_state {
    SELV_SUIT_STATE_NEW,     /* fed nothing, or not enough */
    SELV_SUIT_STATE_FED,     /* the view holds all it must */
    SELV_SUIT_STATE_REFUSED, /* by feed or check: only init leads out */
    /* From here on it is authentic and well formed. */
    SELV_SUIT_STATE_CHECKED, /* nothing begun */
    SELV_SUIT_STATE_RUNNING,
    SELV_SUIT_STATE_WAITING, /* for an answer */
    SELV_SUIT_STATE_DONE,
    SELV_SUIT_STATE_FAILED /* while running: begin leads out */
};

/* ---- commands ----------------------------------------------------------- */

/* Where a command may stand: bits of enum selv_suit_section, and this one. */
#define SELV_SUIT_IN_SHARED 0x80u
#define SELV_SUIT_IN_PAYLOAD_FETCH (1u << SELV_SUIT_SECTION_PAYLOAD_FETCH)
#define SELV_SUIT_IN_INSTALL (1u << SELV_SUIT_SECTION_INSTALL)
#define SELV_SUIT_IN_VALIDATE (1u << SELV_SUIT_SECTION_VALIDATE)
#define SELV_SUIT_IN_LOAD (1u << SELV_SUIT_SECTION_LOAD)
#define SELV_SUIT_IN_INVOKE (1u << SELV_SUIT_SECTION_INVOKE)
#define SELV_SUIT_IN_SECTIONS                                                  \
    (SELV_SUIT_IN_PAYLOAD_FETCH | SELV_SUIT_IN_INSTALL |                       \
     SELV_SUIT_IN_VALIDATE | SELV_SUIT_IN_LOAD | SELV_SUIT_IN_INVOKE)
#define SELV_SUIT_ANYWHERE (SELV_SUIT_IN_SHARED | SELV_SUIT_IN_SECTIONS)

/* A command about to run for one component. */
struct selv_suit_op {
    uint8_t component;
    struct selv_bytes argument; /* encoded */
    struct selv_suit_todo *todo;
    enum selv_err err; /* handlers set it when they return FAIL */
};

/* How a handler leaves. */
enum selv_suit_step {
    SELV_SUIT_STEP_NEXT, /* done: go on behind the command */
    SELV_SUIT_STEP_WAIT, /* op->todo says for what. The handler runs again
                            when the caller polls before it answers */
    SELV_SUIT_STEP_FAIL  /* op->err says why */
};

/* What a command is. The flags' meaning: [manifest 6.4, 6.5]. */
enum selv_suit_command_flags {
    SELV_SUIT_IS_CONDITION = 1, /* its failure moves a try-each on */
    SELV_SUIT_IS_ONCE = 2       /* not once for each selected component */
};

struct selv_suit_command {
    int16_t code;
    uint8_t sections; /* bits of SELV_SUIT_IN_... */
    uint8_t flags;    /* enum selv_suit_command_flags */
    /* Check the argument, an encoded item; *code is what to blame. NULL: the
     * walk checks it, since it holds nested sequences. */
    enum selv_err (*check)(const struct selv_suit *s, struct selv_cbor argument,
                           int32_t *code);
    /* Run it. It was checked. NULL: the walk goes into its sequences. */
    enum selv_suit_step (*run)(struct selv_suit *s, struct selv_suit_op *op);
};

struct selv_suit_parameter_rule {
    int16_t code;
    uint8_t slot; /* enum selv_suit_slot */
    enum selv_err (*check)(struct selv_cbor value);
};

struct selv_suit_profile {
    const struct selv_suit_command *commands;
    const struct selv_suit_parameter_rule *parameters;
    uint8_t command_count;
    uint8_t parameter_count;
    uint8_t sections; /* bits of SELV_SUIT_IN_...: those that it executes */
    /* Look at the integrated payloads. NULL: never; for a profile that
     * fetches nothing they are bytes behind the manifest. */
    void (*payloads)(struct selv_suit *s);
};

/* The profile's row for a command or parameter, NULL when it has none. */
const struct selv_suit_command *
selv_suit_command_find(const struct selv_suit_profile *profile, int32_t code);
const struct selv_suit_parameter_rule *
selv_suit_parameter_find(const struct selv_suit_profile *profile, int32_t code);

/* ---- arguments and parameters (suit_arg.c) ------------------------------ */

enum selv_err selv_suit_arg_policy(const struct selv_suit *s,
                                   struct selv_cbor argument, int32_t *code);
enum selv_err selv_suit_arg_index(const struct selv_suit *s,
                                  struct selv_cbor argument, int32_t *code);
enum selv_err selv_suit_arg_parameters(const struct selv_suit *s,
                                       struct selv_cbor argument,
                                       int32_t *code);

/* The parameters that every profile has so far. */
extern const struct selv_suit_parameter_rule selv_suit_parameters[];
#define SELV_SUIT_PARAMETER_COUNT 6

/* Read a SUIT_Digest [manifest 10]: SHA-256, 32 bytes, no extensions.
 * SELV_ERR_SUIT_DIGEST_ALG, SELV_ERR_SUIT_ARGUMENT, SELV_ERR_CBOR_*. */
enum selv_err selv_suit_digest_read(struct selv_cbor *r,
                                    const uint8_t **digest);

/* A reader at the value of a component's parameter; false when unset. */
bool selv_suit_param_open(const struct selv_suit *s, uint8_t component,
                          enum selv_suit_slot slot, struct selv_cbor *r);

/* The 32 bytes of a component's image-digest, or NULL when unset. */
const uint8_t *selv_suit_image_digest(const struct selv_suit *s,
                                      uint8_t component);

/* ---- handlers (suit_cmd_*.c) -------------------------------------------- */

enum selv_suit_step selv_suit_run_vendor_id(struct selv_suit *s,
                                            struct selv_suit_op *op);
enum selv_suit_step selv_suit_run_class_id(struct selv_suit *s,
                                           struct selv_suit_op *op);
enum selv_suit_step selv_suit_run_image_match(struct selv_suit *s,
                                              struct selv_suit_op *op);
enum selv_suit_step selv_suit_run_component_slot(struct selv_suit *s,
                                                 struct selv_suit_op *op);
enum selv_suit_step selv_suit_run_set_component_index(struct selv_suit *s,
                                                      struct selv_suit_op *op);
enum selv_suit_step selv_suit_run_override_parameters(struct selv_suit *s,
                                                      struct selv_suit_op *op);
enum selv_suit_step selv_suit_run_fetch(struct selv_suit *s,
                                        struct selv_suit_op *op);
enum selv_suit_step selv_suit_run_invoke(struct selv_suit *s,
                                         struct selv_suit_op *op);

/* ---- the engine's insides ----------------------------------------------- */

/* Offset of a byte of the view. */
static inline uint16_t selv_suit_off(const struct selv_suit *s,
                                     const uint8_t *p)
{
    size_t off = (size_t)(p - s->view.p);
    return (uint16_t)(off > 0xffff ? 0xffff : off);
}

/* Sections, as bits, that this version knows; and those that the envelope
 * may hold apart. */
#define SELV_SUIT_SEVERABLE                                                    \
    (1u << SELV_SUIT_SECTION_PAYLOAD_FETCH | 1u << SELV_SUIT_SECTION_INSTALL | \
     1u << SELV_SUIT_SECTION_TEXT)
#define SELV_SUIT_SUPPORTED                                                    \
    (SELV_SUIT_SEVERABLE | 1u << SELV_SUIT_SECTION_VALIDATE |                  \
     1u << SELV_SUIT_SECTION_INVOKE)

/* Key of a section in envelope and manifest. */
extern const uint8_t selv_suit_section_keys[SELV_SUIT_SECTION_COUNT];

/* The section of a key, SELV_SUIT_SECTION_COUNT when it has none. */
uint8_t selv_suit_section_find(int32_t key);

/* selv_is_good, once in the code for all of the engine. */
bool selv_suit_is_good(enum selv_verdict v);

/* No failure, no component. */
void selv_suit_failure_reset(struct selv_suit *s);

/* ---- reading with a kept first error (suit_read.c) ---------------------- */

/* Keep err, at byte p of the view, unless it is SELV_OK or not the first. */
void selv_suit_note(struct selv_suit *s, enum selv_err err, const uint8_t *p);

/* As selv_cbor_..., noting errors; 0 or empty after one. */
uint32_t selv_suit_read_map(struct selv_suit *s, struct selv_cbor *r);
uint32_t selv_suit_read_array(struct selv_suit *s, struct selv_cbor *r);
uint64_t selv_suit_read_uint(struct selv_suit *s, struct selv_cbor *r);
void selv_suit_read_bstr(struct selv_suit *s, struct selv_cbor *r,
                         struct selv_bytes *v);
/* A key in its place in the order, which becomes the failure's code. */
int32_t selv_suit_read_key(struct selv_suit *s, struct selv_cbor *r,
                           struct selv_bytes *previous);
void selv_suit_read_end(struct selv_suit *s, const struct selv_cbor *r);

/* ---- steps of the check: each notes the first error --------------------- */

/* SHA-256 over head..end against the 32 bytes claimed, compared twice. */
enum selv_verdict selv_suit_digest_verdict(const uint8_t *head,
                                           const uint8_t *end,
                                           const uint8_t *claimed);

/* Digest and signature (suit_auth.c). Sets s->authentic. */
void selv_suit_authenticate(struct selv_suit *s);

/* Manifest and common (suit_manifest.c): finds things. Only when authentic. */
void selv_suit_manifest_read(struct selv_suit *s);

/* The integrated payloads' keys and heads (suit_payload.c). find: the one
 * whose key is uri; its bytes' offset and length from the envelope's first
 * byte. check: order and ends. */
void selv_suit_payloads_check(struct selv_suit *s);
bool selv_suit_payload_find(const struct selv_suit *s, struct selv_bytes uri,
                            uint32_t *off, uint32_t *len);

/* ---- running (suit_run.c) ----------------------------------------------- */

/* The component that the current command runs for. */
uint8_t selv_suit_current_component(const struct selv_suit *s);

/* Fill op->todo with what every kind has: component, digest, size. */
void selv_suit_todo_fill(const struct selv_suit *s, struct selv_suit_op *op,
                         enum selv_suit_todo_kind kind);

/* The command that waits has ended: go on behind it, or where its failure
 * leads. */
void selv_suit_step_finish(struct selv_suit *s, enum selv_err err);

#endif
