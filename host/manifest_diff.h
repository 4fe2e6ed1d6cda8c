/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_diff.h - what changed between two envelopes, said as an author
 * thinks: facts first (numbers, images, keys, texts), then the commands of
 * each section. Works on whatever selv_manifest_describe can read, signed or
 * not; verifies nothing.
 *
 * The comparison is quadratic in the commands of one sequence, up to a bound
 * behind which commands are compared place by place. */
#ifndef SELV_HOST_MANIFEST_DIFF_H
#define SELV_HOST_MANIFEST_DIFF_H

#include "host/manifest.h"

/* An object with the members of docs/spec/manifest-stories.md;
 * NULL with *error, whose text begins with old_name or new_name, when one of
 * them is no envelope. names may be NULL. The caller decrefs it. */
json_t *selv_manifest_diff(struct selv_bytes old_envelope, const char *old_name,
                           struct selv_bytes new_envelope, const char *new_name,
                           const struct selv_manifest_names *names,
                           struct selv_error *error);

/* The same as text of at most 80 columns where values allow it, for people;
 * from malloc, NULL when there is no memory. No control character but line
 * feeds, and with colours escape sequences of ours. */
char *selv_manifest_diff_prose(json_t *diff, bool has_colours);

#endif
