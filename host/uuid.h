/* SPDX-License-Identifier: Apache-2.0
 *
 * host/uuid.h - name-based UUIDs [RFC 9562 5.5] and their text form. A vendor
 * is the UUIDv5 of its domain; a class is that of its name in the vendor's
 * space [manifest 8.4.8.2]. */
#ifndef SELV_HOST_UUID_H
#define SELV_HOST_UUID_H

#include "base/base.h"

#define SELV_UUID_LEN 16u
#define SELV_UUID_TEXT_LEN 37u /* 36 characters and a zero */

/* UUIDv5 of a name in a name space. */
void selv_uuid_v5(const uint8_t space[static SELV_UUID_LEN],
                  struct selv_bytes name, uint8_t uuid[static SELV_UUID_LEN]);

/* The vendor id of a domain such as "example.com". Capital letters count as
 * small ones, since domains do not tell them apart. */
void selv_uuid_vendor(const char *domain, uint8_t uuid[static SELV_UUID_LEN]);

/* The class id of a class name of that vendor. */
void selv_uuid_class(const uint8_t vendor[static SELV_UUID_LEN],
                     const char *name, uint8_t uuid[static SELV_UUID_LEN]);

void selv_uuid_format(const uint8_t uuid[static SELV_UUID_LEN],
                      char text[static SELV_UUID_TEXT_LEN]);

/* False unless the text is 8-4-4-4-12 hexadecimal digits. */
bool selv_uuid_parse(const char *text, uint8_t uuid[static SELV_UUID_LEN]);

#endif
