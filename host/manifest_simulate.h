/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_simulate.h - run the device's own engine over an envelope
 * against a described device, and tell of each command what it decided and
 * why. Fetches nothing and writes nothing: a fetch brings the image that the
 * manifest's digest names, unless it is told to fail; copy, write and swap
 * work on the described components.
 *
 * The update runs with the consumer profile, the invocation with that of the
 * device's bootloader; a device that is not said to have one does both with
 * the consumer profile. */
#ifndef SELV_HOST_MANIFEST_SIMULATE_H
#define SELV_HOST_MANIFEST_SIMULATE_H

#include "cose/cose.h"
#include "host/manifest.h"

/* An operation that is made to fail. "image" is a fetch that works but brings
 * other bytes. */
struct selv_simulate_fault {
    const char *operation; /* of selv_simulate_operations */
    uint32_t number;       /* the how manieth, from 1; 0: each */
};

/* Names of operations, ended by NULL. */
extern const char *const selv_simulate_operations[];

enum { SELV_SIMULATE_FAULTS_MAX = 16 };

struct selv_simulate_plan {
    struct selv_bytes envelope;
    const struct selv_cose_key *keys;
    const char *const *key_names; /* what the output calls them */
    size_t key_count;
    json_t *device;     /* the device file, docs/spec/manifest-stories.md */
    const char *folder; /* where its file names start; NULL: here */
    bool has_update, has_invocation; /* the procedures to run, in this order */
    struct selv_simulate_fault faults[SELV_SIMULATE_FAULTS_MAX];
    size_t fault_count;
};

/* The story: an object with the members of docs/spec/manifest-stories.md; NULL
 * with *error when the device file is wrong or its files cannot be read. A
 * refused manifest is a story, too. The caller decrefs it. */
json_t *selv_manifest_simulate(const struct selv_simulate_plan *plan,
                               struct selv_error *error);

/* What a program exits with after the story. */
enum selv_exit selv_manifest_simulate_exit(json_t *story);

/* The story as text, for people, in lines of at most 80 columns where words
 * allow it; from malloc, NULL when there is no memory. */
char *selv_manifest_simulate_prose(json_t *story, bool has_colours);

#endif
