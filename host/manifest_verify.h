/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_verify.h - judge an envelope with the device's own engine.
 *
 * Without a device: authenticates, then checks version, keys, structure,
 * severed digests, and every command and argument of every sequence; evaluates
 * no condition and fetches nothing. With one: decides as that device would,
 * given a server that has every image, and then as its bootloader would with
 * what the update left. */
#ifndef SELV_HOST_MANIFEST_VERIFY_H
#define SELV_HOST_MANIFEST_VERIFY_H

#include <jansson.h>

#include "base/base.h"
#include "host/error.h"
#include "suit/suit.h"

/* What the bootloader makes of it. */
enum selv_manifest_boot {
    SELV_MANIFEST_BOOT_UNKNOWN, /* no device, or refused before */
    SELV_MANIFEST_BOOT_NOTHING, /* the manifest invokes nothing */
    SELV_MANIFEST_BOOT_STARTS,  /* it starts boot_component */
    SELV_MANIFEST_BOOT_REFUSES  /* err and where say why */
};

struct selv_manifest_verdict {
    bool is_accepted;
    bool is_authentic;            /* digest and a signature were good */
    enum selv_err err;            /* why not, else SELV_OK */
    enum selv_suit_reason reason; /* of the SUIT report draft */
    struct selv_suit_failure where;
    char detail[208];   /* what is there instead, for people; "": no more is
                           known than what was expected */
    char component[80]; /* the one that where.component names, for people, cut
                           when it is long; "": none, or not readable */
    bool is_parameter;  /* where.code is a parameter's, not a command's */
    bool has_facts;     /* the two below are known */
    uint8_t digest[32];
    uint64_t sequence_number;
    size_t key_index; /* which key signed, when authentic */
    enum selv_manifest_boot boot;
    size_t boot_component; /* index into the manifest's components */
};

/* A component of a device. */
struct selv_manifest_component {
    uint8_t id[64]; /* encoded component identifier */
    size_t id_len;
    uint32_t slot; /* that an update goes to */
    bool has_installed;
    uint8_t installed[32];  /* SHA-256 of the image that is there */
    uint32_t installed_len; /* its bytes, 0: unknown */
};

/* What a device is; from JSON (docs/spec/manifest-json.md), or filled in: all
 * zero is a device without that feature. May be copied. */
#define SELV_DEVICE_COMPONENTS_MAX 16u
#define SELV_DEVICE_ALGORITHMS_MAX 8u
#define SELV_DEVICE_PRIVATE_MAX 8u
struct selv_manifest_device {
    uint8_t vendor_id[16], class_id[16];
    bool has_no_vendor_id;  /* an enterprise number only */
    uint8_t vendor_pen[16]; /* encoded, tag and all */
    size_t vendor_pen_len;  /* 0: has none */
    bool has_device_id;
    uint8_t device_id[16];
    uint64_t sequence_number; /* of the manifest that it accepted last */
    uint64_t security_floor;  /* the bootloader starts nothing lower */
    bool has_digest;
    uint8_t digest[32]; /* of that manifest */
    bool is_factory;    /* a fetch brings no other image than the installed
                           one, which must also boot */
    int32_t algorithms[SELV_DEVICE_ALGORITHMS_MAX]; /* of COSE, for blocks */
    size_t algorithm_count;                         /* 0: all that we have */
    struct selv_suit_private_command private_commands[SELV_DEVICE_PRIVATE_MAX];
    size_t private_command_count;
    int32_t private_parameters[SELV_SUIT_PRIVATE_PARAMETERS_MAX];
    size_t private_parameter_count;
    const struct selv_suit_profile *boot_profile; /* NULL: as the consumer */
    struct selv_suit_capability boot;             /* with boot_profile */
    struct selv_manifest_component components[SELV_DEVICE_COMPONENTS_MAX];
    size_t component_count;
};

/* Read a device file's JSON. Errors name the member. */
bool selv_manifest_device_parse(json_t *json,
                                struct selv_manifest_device *device,
                                struct selv_error *error);

/* Judge. device may be NULL. The verdict is always filled. Returns
 * is_accepted. */
bool selv_manifest_verify(struct selv_bytes envelope,
                          const struct selv_cose_key *keys, size_t key_count,
                          const struct selv_manifest_device *device,
                          struct selv_manifest_verdict *verdict);

/* Each authentication block: its "kind", "algorithm" and "kid" as far as it
 * says them, "verified", and the name of the "key" that verified it, with its
 * "key_id", or the "error" that it ended with. The kid in a block is nobody's
 * word: it is not signed. names: of the keys. ids: the same keys, each with the
 * kid of its file; NULL: keys. NULL when the bytes are no envelope. The caller
 * decrefs it. */
json_t *selv_manifest_blocks(struct selv_bytes envelope,
                             const struct selv_cose_key *keys,
                             const struct selv_cose_key *ids,
                             const char *const *names, size_t key_count);

/* The id that a key signs with: of its file, else, on P-256, its thumbprint's
 * first 8 bytes. Returns its bytes, 0: it has none. */
size_t selv_manifest_key_id(const struct selv_cose_key *key,
                            uint8_t kid[static 8]);

/* The exit code for a verdict: SELV_EXIT_SIGNATURE when the SUIT reason is
 * "unauthorised". */
enum selv_exit selv_manifest_exit(const struct selv_manifest_verdict *verdict);

/* What was expected there, in words; NULL for an error that no manifest ends
 * with. */
const char *selv_manifest_expected(const struct selv_suit_failure *where,
                                   bool is_parameter);

/* One line that says why, where and what was expected; text holds
 * SELV_ERROR_LEN bytes. */
void selv_manifest_why(const struct selv_manifest_verdict *verdict, char *text);

#endif
