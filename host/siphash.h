/* SPDX-License-Identifier: Apache-2.0
 *
 * host/siphash.h - SipHash-2-4: a keyed hash of short things, such as an
 * address, that nobody without the key can foresee. Not for documents. */
#ifndef SELV_HOST_SIPHASH_H
#define SELV_HOST_SIPHASH_H

#include "base/base.h"

#define SELV_SIPHASH_KEY_LEN 16u

uint64_t selv_siphash(const uint8_t key[static SELV_SIPHASH_KEY_LEN],
                      struct selv_bytes message);

#endif
