/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_verify_int.h - shared by host/manifest_*.c only. */
#ifndef SELV_HOST_MANIFEST_VERIFY_INT_H
#define SELV_HOST_MANIFEST_VERIFY_INT_H

#include "host/manifest_verify.h"

/* Without a device, but with the private numbers of one. */
void manifest_check(struct selv_bytes envelope,
                    const struct selv_cose_key *keys, size_t key_count,
                    const struct selv_manifest_device *known,
                    struct selv_manifest_verdict *verdict);

/* Of an envelope whose wrapper has another digest than its manifest: which ones
 * and where, for people. False when it has not, or no more can be said. */
bool manifest_digests_say(struct selv_bytes envelope, char *text, size_t cap);

#endif
