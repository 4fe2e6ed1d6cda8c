/* SPDX-License-Identifier: Apache-2.0
 *
 * update/json.h - what the HTTP interface says, as JSON (docs/spec/http.md).
 * Each returns a new reference, or NULL for want of memory. */
#ifndef SELV_UPDATE_JSON_H
#define SELV_UPDATE_JSON_H

#include <jansson.h>

#include "records.h"

json_t *selv_json_release(const struct selv_release *release);
json_t *selv_json_device(const struct selv_device *device);
json_t *selv_json_report(const struct selv_report_record *report);

#endif
