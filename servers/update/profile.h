/* SPDX-License-Identifier: Apache-2.0
 *
 * update/profile.h - what devices send us, decoded (docs/spec/coap.md).
 * Strict: unknown keys, another order, trailing bytes are errors.
 * Owns: nothing; views point into the payload. */
#ifndef SELV_UPDATE_PROFILE_H
#define SELV_UPDATE_PROFILE_H

#include "base/base.h"
#include "suit/report.h"

#define SELV_PROFILE_FORMAT 1u
#define SELV_PROFILE_VERSION_MAX 64u /* bytes of a version text */
#define SELV_PROFILE_COMPONENTS_MAX 8u
/* Sequence numbers, which the database keeps as signed 64 bits. */
#define SELV_PROFILE_NUMBER_MAX INT64_MAX

/* One running component. */
struct selv_running {
    struct selv_bytes id; /* encoded component identifier */
    uint64_t sequence_number;
    const uint8_t *digest; /* of its manifest, 32 bytes */
    uint32_t slot;
    struct selv_bytes version; /* UTF-8, may be empty */
};

struct selv_profile {
    const uint8_t *device_id; /* 16 bytes each */
    const uint8_t *vendor_id;
    const uint8_t *class_id;
    struct selv_running running; /* the first component */
    uint32_t component_count;
    uint32_t envelope_max; /* bytes */
    uint32_t slot_size;    /* bytes */
    uint32_t boot_version;
    uint64_t accepted;
    uint64_t floor;
};

struct selv_status {
    struct selv_suit_report report;
    uint32_t state; /* enum selv_update_state */
    uint64_t sequence_number;
    struct selv_running running;
    uint32_t error; /* enum selv_err, 0: none */
};

/* *where, in words, says which key was wrong; never NULL. SELV_ERR_CBOR_*,
 * SELV_ERR_SUIT_* of the report, SELV_ERR_ARG (a value out of its range, or a
 * key missing). Outputs are undefined after an error. */
SELV_MUST_CHECK enum selv_err selv_profile_decode(struct selv_bytes in,
                                                  struct selv_profile *out,
                                                  const char **where);
SELV_MUST_CHECK enum selv_err selv_status_decode(struct selv_bytes in,
                                                 struct selv_status *out,
                                                 const char **where);

/* "idle", "notified" and so on; "unknown" over the last. */
const char *selv_status_state_name(uint32_t state);
#define SELV_STATUS_STATE_MAX 11u

#endif
