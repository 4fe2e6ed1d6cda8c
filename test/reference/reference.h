/* SPDX-License-Identifier: Apache-2.0
 *
 * reference.h - a second SUIT manifest processor, written from the text of
 * the draft alone [manifest 6, 8]: slow, recursive, on the heap, and meant to
 * be read beside the text. lib/suit is compared with it on manifests made at
 * random (differential.c).
 *
 * It differs from the engine on purpose: it reads the whole envelope into a
 * tree, collects every fault of a manifest instead of the first, keeps values
 * instead of offsets, and calls itself for nested sequences. It shares the
 * public header's types with the engine, and no code but the errors' names.
 *
 * Calls: 1 reference_read   2 when it has no faults: reference_run, as often
 *        as wanted   3 reference_free
 * Not here: authentication. The envelope is taken as authentic. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "suit/suit.h"
#include "test/reference/tree.h"
#include "test/reference/world.h"

/* What the processor under test is built to do. Bits are 1 << number. */
struct reference_profile {
    uint64_t commands;
    uint32_t parameters;
    unsigned sections;     /* 1 << enum selv_suit_section: checked and run */
    bool judges_sequences; /* looks into them before it runs any */
    bool has_records;      /* records commands for a report */
    bool has_private;      /* knows the device's private commands, parameters */
    bool judges_bootloader; /* refuses what device->boot cannot do */
};

/* ---- what is wrong with a manifest -------------------------------------- */

#define REFERENCE_ANY INT64_MIN /* not said by any rule, so not compared */
#define REFERENCE_FAULTS_MAX 512u

struct reference_fault {
    enum selv_err err;
    int64_t section;  /* key; 3 for common and the shared sequence, 0: none */
    int64_t code;     /* command, parameter or key to blame */
    int64_t at, end;  /* where the command begins and its argument ends, bytes
                         from the section's first */
    bool in_sequence; /* in a command sequence, not around them */
};

/* ---- the manifest, decoded ---------------------------------------------- */

struct reference_parameter {
    int64_t code;
    const struct tree *value;
    const uint8_t *digest; /* image-digest: its 32 bytes */
};

/* What can be severed or run: the sections, then the text. */
#define REFERENCE_TEXT (SELV_SUIT_SECTION_INVOKE + (size_t)1)
#define REFERENCE_ELEMENTS (REFERENCE_TEXT + 1u)

enum reference_index { INDEX_ONE, INDEX_LIST, INDEX_ALL };

struct reference_selection {
    enum reference_index kind;
    size_t component[SELV_SUIT_COMPONENTS_MAX];
    size_t count;
};

struct reference_command {
    int64_t code;
    size_t at, end;  /* with its argument; bytes from the section's first */
    uint64_t policy; /* of commands that have one */
    struct reference_selection index;       /* set-component-index */
    struct reference_parameter *parameters; /* override-parameters */
    size_t parameter_count;
    struct reference_sequence **sequences; /* try-each, where NULL is nil;
                                              run-sequence: one */
    size_t sequence_count;
};

struct reference_sequence {
    struct reference_command *commands;
    size_t count;
};

struct reference_section {
    bool is_there; /* in the manifest, as bytes or as a digest */
    bool is_severed;
    bool is_absent; /* severed and not in the envelope */
    const struct tree
        *element; /* the SUIT_Digest when severed, else the bstr */
    const struct tree *severed;          /* the envelope's element */
    struct reference_sequence *sequence; /* NULL: not one of the profile's */
};

struct reference {
    struct arena arena;
    const struct selv_suit_device *device;
    struct reference_profile profile;
    struct reference_fault faults[REFERENCE_FAULTS_MAX];
    size_t fault_count;
    bool in_sequence; /* what is read now */
    struct selv_bytes envelope;
    const struct tree *root;       /* the envelope's map */
    const struct tree *manifest;   /* the map, NULL when it is none */
    const struct tree *common;     /* the same */
    const struct tree *components; /* the array */
    size_t component_count;
    size_t device_component[SELV_SUIT_COMPONENTS_MAX];
    struct reference_sequence *shared; /* NULL: has none */
    struct reference_section sections[REFERENCE_ELEMENTS];
};

/* Read an authentic envelope. All that the device may refuse before it runs
 * anything is in faults; none: the manifest must be accepted. */
void reference_read(struct reference *r, struct selv_bytes envelope,
                    const struct selv_suit_device *device,
                    const struct reference_profile *profile);

/* True when manifest and severed sections, encoded again from what was decoded,
 * give the bytes that were read. Only without faults. */
bool reference_is_reproduced(const struct reference *r);

void reference_free(struct reference *r);

/* ---- running ------------------------------------------------------------ */

/* Say what the manifest is: sequence number, digest, components. */
void reference_say(const struct reference *r, struct world *world);

/* Run a procedure in a world; what it does, how it ended and which parameters
 * were then set is said in the world's trace. */
void reference_run(const struct reference *r, enum selv_suit_procedure p,
                   struct world *world);

/* Key of a section, and of the text [manifest 8.4]. */
extern const int reference_section_keys[REFERENCE_ELEMENTS];

/* The registered private command, NULL when it is none. */
const struct selv_suit_private_command *
reference_private_command(const struct reference *r, int64_t code);

#endif
