/* SPDX-License-Identifier: Apache-2.0
 *
 * json.c - see update/json.h. */
#include "json.h"

#include "blobs.h"
#include "host/clock.h"
#include "host/uuid.h"

static json_t *hex_json(const uint8_t *p, size_t len)
{
    char text[SELV_HEX_DIGEST_LEN];
    selv_name_encode(p, len, text);
    return json_string(text);
}

static json_t *uuid_json(const uint8_t id[static 16])
{
    char text[SELV_UUID_TEXT_LEN];
    selv_uuid_format(id, text);
    return json_string(text);
}

static json_t *time_json(int64_t at)
{
    char text[SELV_CLOCK_TEXT_LEN];
    selv_clock_text(at, text);
    return json_string(text);
}

/* null for an empty text. */
static json_t *text_json(const char *text)
{
    return text[0] != 0 ? json_string(text) : json_null();
}

/* {"name", "text"}, or null for none. */
static json_t *error_json(uint32_t error)
{
    if (error == 0) {
        return json_null();
    }
    return json_pack("{s:s, s:s}", "name", selv_err_name((enum selv_err)error),
                     "text", selv_err_str((enum selv_err)error));
}

static json_t *images_json(const struct selv_release *release)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < release->image_count; i++) {
        const struct selv_image_record *image = &release->images[i];
        json_t *item =
            json_pack("{s:o, s:o, s:s}", "digest",
                      hex_json(image->digest, SELV_SHA256_LEN), "size",
                      image->has_size ? json_integer(image->size) : json_null(),
                      "uri", image->uri);
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

json_t *selv_json_release(const struct selv_release *release)
{
    return json_pack("{s:o, s:o, s:o, s:I, s:o, s:o, s:I, s:o, s:o, s:o}",
                     "digest", hex_json(release->digest, SELV_SHA256_LEN),
                     "vendor_id", uuid_json(release->vendor_id), "class_id",
                     uuid_json(release->class_id), "sequence_number",
                     (json_int_t)release->sequence_number, "version",
                     text_json(release->version), "description",
                     text_json(release->description), "size",
                     (json_int_t)release->size, "images", images_json(release),
                     "envelope", hex_json(release->envelope, SELV_SHA256_LEN),
                     "published_at", time_json(release->published_at));
}

json_t *selv_json_device(const struct selv_device *device)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:I, s:s, s:o, s:o, s:o, s:I,"
        " s:I}",
        "id", hex_json(device->id, sizeof device->id), "device_id",
        uuid_json(device->device_id), "vendor_id", uuid_json(device->vendor_id),
        "class_id", uuid_json(device->class_id), "sequence_number",
        (json_int_t)device->sequence_number, "digest",
        hex_json(device->digest, SELV_SHA256_LEN), "version",
        text_json(device->version), "slot", (json_int_t)device->slot, "state",
        selv_status_state_name(device->state), "error",
        error_json(device->error), "registered_at",
        time_json(device->registered_at), "seen_at", time_json(device->seen_at),
        "accepted", (json_int_t)device->accepted, "floor",
        (json_int_t)device->floor);
}

static const char *reason_text(uint32_t reason)
{
    static const char *const texts[] = {
        "ok",
        "CBOR could not be parsed",
        "COSE structure or header not supported",
        "algorithm not supported",
        "signature or MAC not authorised",
        "command not supported",
        "component not supported",
        "component not authorised",
        "parameter not supported",
        "severing not supported",
        "condition failed",
        "operation failed",
        "invocation pending"};
    return reason < sizeof texts / sizeof texts[0] ? texts[reason] : "unknown";
}

json_t *selv_json_report(const struct selv_report_record *report)
{
    json_t *reason = json_null();
    if (!report->is_success) {
        reason = json_pack(
            "{s:I, s:s, s:i, s:I}", "code", (json_int_t)report->reason, "text",
            reason_text(report->reason), "section", (int)report->section,
            "offset", (json_int_t)report->offset);
    }
    return json_pack("{s:o, s:s, s:I, s:o, s:b, s:o, s:o}", "at",
                     time_json(report->at), "state",
                     selv_status_state_name(report->state), "sequence_number",
                     (json_int_t)report->sequence_number, "digest",
                     hex_json(report->digest, SELV_SHA256_LEN), "success",
                     (int)report->is_success, "reason", reason, "error",
                     error_json(report->error));
}
