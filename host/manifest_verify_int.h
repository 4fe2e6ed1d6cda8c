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

#endif
