/* SPDX-License-Identifier: Apache-2.0
 *
 * suit/suit_int.h - what the sources of lib/suit share. Private: include it
 * only here. */
#ifndef SELV_SUIT_SUIT_INT_H
#define SELV_SUIT_SUIT_INT_H

#include "base/base.h"
#include "cbor/cbor.h"
#include "suit/suit.h"

/* Offsets into the view are 16 bits wide and 0 means "none", which no element
 * can have, since the envelope begins with its tag. */
_Static_assert(SELV_SUIT_ENVELOPE_MAX <= 0xffff, "offsets are 16 bits wide");
_Static_assert(SELV_SUIT_COMPONENTS_MAX <= 8, "sets of components are 8 bits");
_Static_assert(sizeof(void *) != 4 || SELV_SUIT_COMPONENTS_MAX != 4 ||
                   SELV_SUIT_DEPTH_MAX != 4 || sizeof(struct selv_suit) <= 488,
               "struct selv_suit is over its budget");

#define SELV_SUIT_NO_COMPONENT 0xffu

/* The offset of a severed element that was taken out of the envelope: inside of
 * the envelope's tag no element can be. */
#define SELV_SUIT_TAKEN_OUT 1u

/* A function without which its only caller, and both together, are smaller. */
#if defined(__GNUC__)
#define SELV_SUIT_APART __attribute__((noinline))
#else
#define SELV_SUIT_APART
#endif

/* What the engine is doing. */
enum selv_suit_state {
    SELV_SUIT_STATE_NEW,      /* fed nothing, or not enough */
    SELV_SUIT_STATE_FED,      /* the view is read to the end of its keys */
    SELV_SUIT_STATE_REFUSED,  /* by feed or check: only init leads out */
    SELV_SUIT_STATE_CHECKING, /* going through a sequence; nothing runs */
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
/* Sections that bring bytes into components. */
#define SELV_SUIT_IN_FETCHING                                                  \
    (SELV_SUIT_IN_PAYLOAD_FETCH | SELV_SUIT_IN_INSTALL)
#define SELV_SUIT_IN_STORING (SELV_SUIT_IN_FETCHING | SELV_SUIT_IN_LOAD)
#define SELV_SUIT_ANYWHERE                                                     \
    (SELV_SUIT_IN_SHARED | SELV_SUIT_IN_STORING | SELV_SUIT_IN_VALIDATE |      \
     SELV_SUIT_IN_INVOKE)
/* Keys that the envelope may hold apart, as bits [manifest 8.5]. */
#define SELV_SUIT_SEVERABLE                                                    \
    (1u << SELV_SUIT_KEY_PAYLOAD_FETCH | 1u << SELV_SUIT_KEY_INSTALL |         \
     1u << SELV_SUIT_KEY_TEXT)

/* How a handler leaves: SELV_OK, done; one of these; or why it failed. What is
 * wrong with an argument is kept in s->r instead. */
#define SELV_SUIT_WAIT                                                         \
    ((enum selv_err)510) /* todo says for what. The handler runs again when    \
                               the caller polls before it answers */
#define SELV_SUIT_INTO                                                         \
    ((enum selv_err)511) /* go into the sequences of the argument */
/* What a command is. */
enum selv_suit_command_flags {
    SELV_SUIT_IS_CONDITION = 1, /* its failure moves a try-each on */
    SELV_SUIT_IS_ONCE = 2,      /* not once for each selected component */
    SELV_SUIT_HAS_ARGUMENT = 4  /* no reporting policy: the handler reads the
                                   argument, also while checking */
};

/* A command is a row. run executes it for s->f->component: s->r is at the
 * parameter that the row needs, or else at the argument. */
struct selv_suit_command {
    uint8_t code;     /* enum selv_suit_command_code; 0: private */
    uint8_t sections; /* bits of SELV_SUIT_IN_... */
    uint8_t flags;    /* enum selv_suit_command_flags */
    uint8_t needs;    /* enum selv_suit_slot of a parameter that must be set */
    uint8_t err;      /* enum selv_err of a condition that is not met */
    uint8_t todo;     /* enum selv_suit_todo_kind that the caller is given */
    enum selv_err (*run)(struct selv_suit *s, struct selv_suit_todo *todo);
};

/* A parameter is a row: the type of its value and, for a string, its length
 * when that is fixed. profile->special reads what needs a closer look. */
struct selv_suit_parameter_rule {
    uint8_t code; /* enum selv_suit_parameter; 0: private */
    uint8_t slot; /* enum selv_suit_slot */
    uint8_t type; /* enum selv_cbor_type, or SELV_SUIT_SPECIAL */
    uint8_t len;  /* bytes; 0: any */
};
#define SELV_SUIT_SPECIAL 9u

struct selv_suit_profile {
    const struct selv_suit_command *commands;
    const struct selv_suit_parameter_rule *parameters;
    uint8_t command_count;
    uint8_t parameter_count;
    uint8_t sections; /* bits of SELV_SUIT_IN_...: those that it executes */

    /* What only larger profiles do; each may be NULL. */

    /* Look at reference-uri and the integrated payloads' keys and heads. */
    void (*rest)(struct selv_suit *s);
    /* One more look at each command that is good so far. */
    enum selv_err (*judge)(struct selv_suit *s);
    /* The current command ended so. */
    void (*record)(struct selv_suit *s, enum selv_err err);
    /* Private commands and parameters; NULL: unknown. */
    const struct selv_suit_command *(*command)(struct selv_suit *s,
                                               int32_t code);
    const struct selv_suit_parameter_rule *(*parameter)(
        const struct selv_suit *s, int32_t code);
    /* Read the value of a parameter whose form is special. */
    void (*special)(struct selv_suit *s,
                    const struct selv_suit_parameter_rule *rule);
    /* Look at every severed element and every command before any runs. NULL:
     * commands are looked at while they run, and what can be severed not at
     * all, for a profile that changes nothing and runs none of it. */
    void (*check)(struct selv_suit *s);
};

/* What the engine runs. A program with one profile may name it when it compiles
 * this folder: what that profile does not have is then not linked, either. */
static inline const struct selv_suit_profile *
selv_suit_profile(const struct selv_suit *s)
{
#ifdef SELV_SUIT_ONLY_PROFILE
    (void)s;
    return &SELV_SUIT_ONLY_PROFILE;
#else
    return s->profile;
#endif
}

/* A hook that this program's only profile is known not to have. */
#ifdef SELV_SUIT_ONLY_PROFILE
#define SELV_SUIT_LACKS(hook) (SELV_SUIT_ONLY_PROFILE.hook == NULL)
#else
#define SELV_SUIT_LACKS(hook) false
#endif

/* Sequences are gone through, and nothing runs. */
static inline bool selv_suit_is_checking(const struct selv_suit *s)
{
    return !SELV_SUIT_LACKS(check) && s->state == SELV_SUIT_STATE_CHECKING;
}

/* A manifest may have more than one component. Where it may not, whatever
 * selects one has one to select. */
#define SELV_SUIT_IS_MANY (SELV_SUIT_COMPONENTS_MAX > 1)

/* The component whose turn it is. */
static inline uint8_t selv_suit_component(const struct selv_suit *s)
{
    return SELV_SUIT_IS_MANY ? s->f->component : 0;
}

/* ---- parameters (suit_parameter.c) -------------------------------------- */

/* The profile's row for a parameter, NULL when it has none. */
const struct selv_suit_parameter_rule *
selv_suit_parameter_find(const struct selv_suit *s, int32_t code);

/* Read a SUIT_Digest [manifest 10]: SHA-256, 32 bytes, no extensions. What is
 * wrong is kept in r: SELV_ERR_SUIT_DIGEST_ALG, SELV_ERR_SUIT_ARGUMENT,
 * SELV_ERR_CBOR_*. */
const uint8_t *selv_suit_digest_read(struct selv_cbor *r);

/* Go to the value of a parameter of the current component; false when unset. */
bool selv_suit_param(struct selv_suit *s, enum selv_suit_slot slot);

/* Its bytes, when it is a byte string; empty when unset. */
struct selv_bytes selv_suit_param_bytes(struct selv_suit *s,
                                        enum selv_suit_slot slot);

/* The 32 bytes of the current component's image-digest, or NULL when unset. */
const uint8_t *selv_suit_image_digest(struct selv_suit *s);

/* A component index at the cursor: SELV_ERR_SUIT_INDEX. */
uint8_t selv_suit_read_index(struct selv_suit *s);

/* ---- handlers (suit_cmd_*.c) -------------------------------------------- */

enum selv_err selv_suit_run_identity(struct selv_suit *s,
                                     struct selv_suit_todo *todo);
enum selv_err selv_suit_run_identity_pen(struct selv_suit *s,
                                         struct selv_suit_todo *todo);
enum selv_err selv_suit_run_component_slot(struct selv_suit *s,
                                           struct selv_suit_todo *todo);
enum selv_err selv_suit_run_abort(struct selv_suit *s,
                                  struct selv_suit_todo *todo);
enum selv_err selv_suit_run_content(struct selv_suit *s,
                                    struct selv_suit_todo *todo);
enum selv_err selv_suit_run_set_component_index(struct selv_suit *s,
                                                struct selv_suit_todo *todo);
/* The same in a profile that has strict-order and run-sequence. */
enum selv_err selv_suit_run_set_index_strictly(struct selv_suit *s,
                                               struct selv_suit_todo *todo);
enum selv_err selv_suit_run_override_parameters(struct selv_suit *s,
                                                struct selv_suit_todo *todo);
enum selv_err selv_suit_run_try_each(struct selv_suit *s,
                                     struct selv_suit_todo *todo);
enum selv_err selv_suit_run_sequence(struct selv_suit *s,
                                     struct selv_suit_todo *todo);
enum selv_err selv_suit_run_fetch(struct selv_suit *s,
                                  struct selv_suit_todo *todo);
enum selv_err selv_suit_run_copy(struct selv_suit *s,
                                 struct selv_suit_todo *todo);
enum selv_err selv_suit_run_write(struct selv_suit *s,
                                  struct selv_suit_todo *todo);
enum selv_err selv_suit_run_invoke(struct selv_suit *s,
                                   struct selv_suit_todo *todo);
enum selv_err selv_suit_run_private(struct selv_suit *s,
                                    struct selv_suit_todo *todo);

/* Ask the caller for row->todo: fills todo with what every kind has. */
enum selv_err selv_suit_run_ask(struct selv_suit *s,
                                struct selv_suit_todo *todo);

/* The same in a profile that runs updates, which counts them:
 * SELV_ERR_SUIT_WORK. */
enum selv_err selv_suit_run_request(struct selv_suit *s,
                                    struct selv_suit_todo *todo);

/* The same, and bytes change in the current component. source: the other
 * component that the command reads, or the component itself.
 * SELV_ERR_SUIT_RACE. */
enum selv_err selv_suit_run_store(struct selv_suit *s,
                                  struct selv_suit_todo *todo, uint8_t source);

/* ---- what only larger profiles do --------------------------------------- */

void selv_suit_rest_check(struct selv_suit *s);
/* The integrated payload whose key is uri; its bytes' offset and length from
 * the envelope's first byte. */
bool selv_suit_payload_find(struct selv_suit *s, struct selv_bytes uri,
                            uint32_t *off, uint32_t *len);
enum selv_err selv_suit_capability_judge(struct selv_suit *s);
/* The same of the number of authentication blocks; before the first sequence is
 * opened. device->boot is there. */
void selv_suit_capability_signers(struct selv_suit *s);
void selv_suit_record(struct selv_suit *s, enum selv_err err);
void selv_suit_record_every(struct selv_suit *s, enum selv_err err);
void selv_suit_record_add(struct selv_suit *s, int32_t code, uint8_t policy,
                          enum selv_err err);
const struct selv_suit_command *selv_suit_private_command(struct selv_suit *s,
                                                          int32_t code);
const struct selv_suit_parameter_rule *
selv_suit_private_parameter(const struct selv_suit *s, int32_t code);
void selv_suit_special(struct selv_suit *s,
                       const struct selv_suit_parameter_rule *rule);
/* The same, and a private parameter's value is shown to the port. */
void selv_suit_special_checked(struct selv_suit *s,
                               const struct selv_suit_parameter_rule *rule);
void selv_suit_check_sections(struct selv_suit *s);
void selv_suit_severed_check(struct selv_suit *s);

/* ---- the engine's insides ----------------------------------------------- */

/* Offset of a byte of the view. */
static inline uint16_t selv_suit_off(const struct selv_suit *s,
                                     const uint8_t *p)
{
    return (uint16_t)(p - s->view.p);
}

/* Where the engine is: one bit of SELV_SUIT_IN_... */
static inline uint32_t selv_suit_where(const struct selv_suit *s)
{
    return s->is_shared ? SELV_SUIT_IN_SHARED : 1u << s->section;
}

/* The key of the section in which the engine is; 3 for the shared sequence. */
int16_t selv_suit_section_key(const struct selv_suit *s);

/* Key of each section. */
extern const uint8_t selv_suit_section_keys[SELV_SUIT_SECTION_COUNT];

/* No failure, no component. */
void selv_suit_failure_reset(struct selv_suit *s);

/* Go to an offset of the view; all of the view is before the cursor. */
inline void selv_suit_seek(struct selv_suit *s, size_t off)
{
    if (s->r.err == SELV_OK) {
        s->r.p = s->view.p + off;
        s->r.end = s->view.p + s->view.len;
    }
}

/* Blame byte p for err, unless there is an error already. */
void selv_suit_fault(struct selv_suit *s, enum selv_err err, const uint8_t *p);

/* Make the error in s->r, if any, the failure that the caller sees. An item of
 * another type or range than the draft says becomes SELV_ERR_SUIT_ARGUMENT. */
enum selv_err selv_suit_settle(struct selv_suit *s);

/* ---- steps of the check ------------------------------------------------- */

/* Compares 32 bytes each way, in constant time. */
enum selv_verdict selv_suit_same_digest(const uint8_t *a, const uint8_t *b);

/* SHA-256 over the byte string at off, head and all, against the 32 bytes
 * claimed, compared twice. Leaves the cursor behind the string. */
enum selv_verdict selv_suit_digest_verdict(struct selv_suit *s, uint32_t off,
                                           const uint8_t *claimed);

/* Digest and signature (suit_auth.c). Sets s->authentic. */
void selv_suit_authenticate(struct selv_suit *s);

/* Read the map at the cursor up to its end or to a key that is text: where the
 * value of each key is. allowed: bits of keys. Returns how many pairs are left
 * (suit_map.c). */
uint32_t selv_suit_map_read(struct selv_suit *s, uint16_t *at,
                            uint32_t allowed);

/* Go to the value of a key that must be there: SELV_ERR_SUIT_MISSING. After an
 * error nothing moves. */
void selv_suit_go_to(struct selv_suit *s, const uint16_t *at, uint32_t key);

/* Manifest and common (suit_manifest.c). Only when authentic. */
void selv_suit_manifest_read(struct selv_suit *s);

/* ---- stepping through sequences (suit_step.c) --------------------------- */

/* Flags of a frame. */
enum {
    SELV_SUIT_FRAME_SOFT = 1,       /* soft-failure is true */
    SELV_SUIT_FRAME_TRY = 2,        /* an alternative of a try-each */
    SELV_SUIT_FRAME_MUST_INDEX = 4, /* begins with set-component-index */
    SELV_SUIT_FRAME_PARALLEL = 8,   /* and has no other one */
    SELV_SUIT_FRAME_LOOSE = 16,     /* strict-order is false */
    SELV_SUIT_FRAME_OWN_ORDER = 32  /* what it says of strict-order holds in
                                       it only */
};

/* Open the sequence in the byte string at the cursor, one level deeper. */
void selv_suit_open(struct selv_suit *s, uint8_t flags);

/* Read on: enter or leave a sequence, or find the row of the next command and
 * go to its argument. SELV_OK when there is a command, SELV_SUIT_INTO when
 * there is none, or what is wrong, kept in s->r, too. */
enum selv_err selv_suit_next(struct selv_suit *s);

/* Read the argument of a command that has a reporting policy. */
void selv_suit_read_policy(struct selv_suit *s);

/* Run commands, enter and leave sequences, until something has to wait for the
 * caller or the procedure ends. */
void selv_suit_go(struct selv_suit *s, struct selv_suit_todo *todo);

/* The error in s->r ends it: make it the failure, with its place. */
void selv_suit_stop(struct selv_suit *s);

/* The command that waits has ended: go on behind it, or where its failure
 * leads. */
void selv_suit_ended(struct selv_suit *s, enum selv_err err);

/* Give the current command once more. */
void selv_suit_rewind(struct selv_suit *s);

/* The outermost sequence has ended well (suit_run.c). */
void selv_suit_section_ended(struct selv_suit *s);

/* Open the shared sequence or a section, at its offset. */
void selv_suit_section_open(struct selv_suit *s, uint32_t off);

#endif
