/* SPDX-License-Identifier: Apache-2.0
 *
 * store/check.h - the end of everything that must not be taken for whole when
 * it is torn: the first 8 bytes of the SHA-256 of all bytes before it. */
#ifndef SELV_STORE_CHECK_H
#define SELV_STORE_CHECK_H

#include "base/base.h"

#define SELV_CHECK_LEN 8u

/* The check of len bytes at p; it may lie right behind them. */
void selv_check_make(const void *p, size_t len,
                     uint8_t check[static SELV_CHECK_LEN]);
/* True when of len bytes at p, at least SELV_CHECK_LEN, the last ones are the
 * check of the others. */
bool selv_check_is_right(const uint8_t *p, size_t len);

#endif
