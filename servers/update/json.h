/* SPDX-License-Identifier: Apache-2.0
 *
 * update/json.h - what the HTTP interface says, as JSON (docs/spec/http.md).
 * Each returns a new reference, or NULL for want of memory. */
#ifndef SELV_UPDATE_JSON_H
#define SELV_UPDATE_JSON_H

#include <jansson.h>

#include "records.h"

/* Bytes of a UUID's text, with its final 0. */
#define SELV_UUID_TEXT_LEN 37u

/* "6ba7b810-9dad-11d1-80b4-00c04fd430c8"; lower case. */
void selv_uuid_text(const uint8_t id[static 16],
                    char text[static SELV_UUID_TEXT_LEN]);
/* False unless text is one, in lower case. */
bool selv_uuid_parse(const char *text, uint8_t id[static 16]);

json_t *selv_json_release(const struct selv_release *release);
json_t *selv_json_device(const struct selv_device *device);
json_t *selv_json_report(const struct selv_report_record *report);

#endif
