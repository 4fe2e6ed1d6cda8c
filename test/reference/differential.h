/* SPDX-License-Identifier: Apache-2.0
 *
 * differential.h - give one made-up envelope to lib/suit and to the
 * reference, and compare what they say and do. Compared are
 *   - accepted or refused;
 *   - of a refusal: error, section, code and place. The engine names the
 *     first fault that it meets, the reference lists them all: the engine's
 *     must be in the list. Where no rule says which code or place a fault
 *     has, the list has REFERENCE_ANY;
 *   - of a run: every todo with its parameters, in order, whether invoking is
 *     allowed, the records that reporting policies ask for, how it ended, and
 *     the components' content afterwards;
 *   - of an accepted manifest: that it can be encoded again from what the
 *     reference decoded, byte for byte.
 * Not compared: authentication (the signatures are made up), the offset in
 * the envelope, what a manifest's text says, and anything about envelopes
 * longer than SELV_SUIT_ENVELOPE_MAX, which are counted as skipped. */
#ifndef DIFFERENTIAL_H
#define DIFFERENTIAL_H

#include "test/reference/generate.h"

struct differential_counts {
    unsigned long accepted, refused, skipped;
    unsigned long todos, done, failed; /* of the procedures that ran */
    unsigned long of_error[512];       /* refusals and failures by error */
    unsigned long of_todo[SELV_SUIT_PRIVATE + 1];
};

/* The profiles that are compared. */
#define DIFFERENTIAL_PROFILES 3u
const char *differential_profile_name(unsigned profile);

/* Make an envelope that is meant for the profile. */
void differential_generate(struct generated *made, struct dice *d,
                           unsigned profile);

/* True when both agree; else what differs and the manifest are printed to
 * stderr. counts may be NULL. */
bool differential_agree(const struct generated *made, unsigned profile,
                        struct differential_counts *counts);

/* Print the device's state, the envelope in diagnostic notation and what both
 * make of it. */
void differential_show(const struct generated *made, unsigned profile);

#endif
