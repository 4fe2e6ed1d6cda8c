/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_verify.h - judge an envelope with the device's own engine.
 *
 * Without a device: authenticates, then checks version, keys, structure,
 * severed digests, and every command and argument of every sequence; evaluates
 * no condition and fetches nothing. With one: decides as that device would,
 * given a server that has every image. */
#ifndef SELV_HOST_MANIFEST_VERIFY_H
#define SELV_HOST_MANIFEST_VERIFY_H

#include <jansson.h>

#include "base/base.h"
#include "host/error.h"
#include "suit/suit.h"

struct selv_manifest_verdict {
    bool is_accepted;
    bool is_authentic;            /* digest and a signature were good */
    enum selv_err err;            /* why not, else SELV_OK */
    enum selv_suit_reason reason; /* of the SUIT report draft */
    struct selv_suit_failure where;
    bool has_facts; /* the two below are known */
    uint8_t digest[32];
    uint64_t sequence_number;
    size_t key_index; /* which key signed, when authentic */
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

/* What a device is; from JSON (docs/spec/manifest-json.md), or filled in. May
 * be copied. */
#define SELV_DEVICE_COMPONENTS_MAX 16u
struct selv_manifest_device {
    uint8_t vendor_id[16], class_id[16];
    uint64_t sequence_number; /* of the manifest that it accepted last */
    bool has_digest;
    uint8_t digest[32]; /* of that manifest */
    bool is_factory;    /* a fetch brings no other image than the installed
                           one, which must also boot */
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

/* The exit code for a verdict: SELV_EXIT_SIGNATURE when the SUIT reason is
 * "unauthorised". */
enum selv_exit selv_manifest_exit(const struct selv_manifest_verdict *verdict);

/* One line that says why and where; text holds SELV_ERROR_LEN bytes. */
void selv_manifest_why(const struct selv_manifest_verdict *verdict, char *text);

#endif
