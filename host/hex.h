/* SPDX-License-Identifier: Apache-2.0
 *
 * host/hex.h - bytes as hexadecimal text. */
#ifndef SELV_HOST_HEX_H
#define SELV_HOST_HEX_H

#include "base/base.h"

/* Writes 2 * bytes.len small digits and a zero to text. */
void selv_hex_encode(struct selv_bytes bytes, char *text);

/* True when the text is exactly 2 * len digits, of either case. */
bool selv_hex_decode(const char *text, uint8_t *p, size_t len);

#endif
