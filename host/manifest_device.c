/* SPDX-License-Identifier: Apache-2.0
 *
 * The device file (docs/spec/manifest-json.md). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/hex.h"
#include "host/manifest_int.h"
#include "host/manifest_template_int.h"
#include "host/manifest_verify.h"
#include "host/uuid.h"

static bool bad(struct selv_error *error, const char *member, const char *what)
{
    return selv_error_set(error, SELV_EXIT_REFUSED, "device: \"%s\": %s",
                          member, what);
}

/* ---- members ------------------------------------------------------------- */

enum { NAME_MAX_LEN = 31, NEAR_DISTANCE = 2 };

/* As typing goes: '-' is '_', and letters are small. */
static char folded(char c)
{
    return c == '-' ? '_' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Insertions, removals and replacements from one name to the other. */
static size_t name_distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_LEN + 1];
    size_t len = strlen(b);

    if (len > NAME_MAX_LEN || strlen(a) > NAME_MAX_LEN) {
        return SIZE_MAX;
    }
    for (size_t k = 0; k <= len; k++) {
        row[k] = k;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0]++;

        for (size_t k = 0; k < len; k++) {
            size_t other = row[k] < row[k + 1] ? row[k] : row[k + 1];
            size_t same = diagonal + (folded(a[i]) != folded(b[k]));

            diagonal = row[k + 1];
            row[k + 1] = same < other + 1 ? same : other + 1;
        }
    }
    return row[len];
}

/* Says which names are near, or all of them when none is. */
static bool unknown_say(const char *place, const char *key,
                        const char *const *names, struct selv_error *error)
{
    char list[512] = "";
    bool has_near = false;
    size_t len = 0;

    for (const char *const *n = names; *n != NULL; n++) {
        has_near = has_near || name_distance(key, *n) <= NEAR_DISTANCE;
    }
    for (const char *const *n = names; *n != NULL; n++) {
        if (!has_near || name_distance(key, *n) <= NEAR_DISTANCE) {
            len += (size_t)snprintf(list + len, sizeof(list) - len, "%s\"%s\"",
                                    len == 0 ? "" : ", ", *n);
        }
    }
    return selv_error_set(error, SELV_EXIT_REFUSED,
                          "device%s: \"%.100s\" is not known here; %s %s",
                          place, key, has_near ? "near it is" : "there are",
                          list);
}

/* Every member of an object must be one of the names (a list that NULL ends):
 * one that is passed over would turn a check off in silence. */
static bool members_check(const char *place, json_t *object,
                          const char *const *names, struct selv_error *error)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        const char *const *name = names;

        while (*name != NULL && strcmp(*name, key) != 0) {
            name++;
        }
        if (*name == NULL) {
            return unknown_say(place, key, names, error);
        }
    }
    return true;
}

static bool component_members_check(json_t *component, size_t i,
                                    struct selv_error *error)
{
    static const char *const names[] = {"id",     "slot",  "slots",
                                        "digest", "size",  "content",
                                        "file",   "other", NULL};
    static const char *const others[] = {"digest", "size", "content", "file",
                                         NULL};
    static const char *const segments[] = {"hex", NULL};
    json_t *id = json_object_get(component, "id");
    char place[64];
    size_t k;
    json_t *segment;

    snprintf(place, sizeof(place), ".components[%zu]", i);
    if (!members_check(place, component, names, error)) {
        return false;
    }
    snprintf(place, sizeof(place), ".components[%zu].other", i);
    if (!members_check(place, json_object_get(component, "other"), others,
                       error)) {
        return false;
    }
    json_array_foreach(id, k, segment)
    {
        snprintf(place, sizeof(place), ".components[%zu].id[%zu]", i, k);
        if (!members_check(place, segment, segments, error)) {
            return false;
        }
    }
    return true;
}

static bool all_members_check(json_t *json, struct selv_error *error)
{
    static const char *const top[] = {
        "vendor",          "vendor_id",      "vendor_pen",
        "class",           "class_id",       "device_id",
        "sequence_number", "security_floor", "digest",
        "components",      "algorithms",     "bootloader",
        "private",         "chunk_lists",    NULL};
    static const char *const boot[] = {"profile",    "commands", "parameters",
                                       "components", "depth",    "envelope",
                                       NULL};
    static const char *const private[] = {"parameters", "commands", NULL};
    static const char *const command[] = {"code", "condition", "sections",
                                          NULL};
    json_t *own = json_object_get(json, "private");
    size_t i;
    json_t *value;

    if (!members_check("", json, top, error) ||
        !members_check(".bootloader", json_object_get(json, "bootloader"), boot,
                       error) ||
        !members_check(".private", own, private, error)) {
        return false;
    }
    json_array_foreach(json_object_get(json, "components"), i, value)
    {
        if (!component_members_check(value, i, error)) {
            return false;
        }
    }
    json_array_foreach(json_object_get(own, "commands"), i, value)
    {
        char place[64];

        snprintf(place, sizeof(place), ".private.commands[%zu]", i);
        if (!members_check(place, value, command, error)) {
            return false;
        }
    }
    return true;
}

/* ---- values -------------------------------------------------------------- */

static const char *text_of(json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

/* A member that is a number from 0; absent: 0. */
static bool number_parse(json_t *json, const char *name, uint64_t max,
                         uint64_t *number, struct selv_error *error)
{
    json_t *value = json_object_get(json, name);

    *number = (uint64_t)json_integer_value(value);
    return value == NULL ||
           (json_is_integer(value) && json_integer_value(value) >= 0 &&
            *number <= max) ||
           bad(error, name, "not a number from 0");
}

/* Numbers in JSON end at 2^63 - 1 here; text goes on from there. */
static bool sequence_parse(json_t *json, const char *name, uint64_t *number,
                           struct selv_error *error)
{
    const char *text = text_of(json, name);
    char *end;

    if (text == NULL) {
        return number_parse(json, name, UINT64_MAX, number, error);
    }
    errno = 0;
    *number = strtoull(text, &end, 10);
    return (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
            *number > INT64_MAX) ||
           bad(error, name, "not a number from 0; text only above 2^63 - 1");
}

/* ---- identity ------------------------------------------------------------ */

static bool pen_parse(json_t *json, struct selv_manifest_device *d,
                      uint8_t space[static SELV_UUID_LEN],
                      struct selv_error *error)
{
    struct selv_cbor_writer w;
    uint64_t pen;

    if (!number_parse(json, "vendor_pen", UINT32_MAX, &pen, error)) {
        return false;
    }
    selv_cbor_writer_init(&w, d->vendor_pen, sizeof(d->vendor_pen));
    manifest_pen_put(&w, (uint32_t)pen);
    d->vendor_pen_len = w.len;
    manifest_pen_uuid((uint32_t)pen, space);
    return true;
}

/* "vendor_id": UUID, "vendor": the domain that it comes from, or "vendor_pen"
 * a private enterprise number. space gets what classes are made in. */
static bool vendor_parse(json_t *json, struct selv_manifest_device *d,
                         uint8_t space[static SELV_UUID_LEN],
                         struct selv_error *error)
{
    const char *id = text_of(json, "vendor_id");
    const char *name = text_of(json, "vendor");
    bool has_pen = json_object_get(json, "vendor_pen") != NULL;

    if (has_pen && !pen_parse(json, d, space, error)) {
        return false;
    }
    if (id != NULL) {
        if (!selv_uuid_parse(id, d->vendor_id)) {
            return bad(error, "vendor_id", "not a UUID");
        }
    } else if (name != NULL) {
        selv_uuid_vendor(name, d->vendor_id);
    } else {
        d->has_no_vendor_id = has_pen;
        return has_pen || bad(error, "vendor",
                              "missing: a domain, or \"vendor_id\", or "
                              "\"vendor_pen\"");
    }
    memcpy(space, d->vendor_id, SELV_UUID_LEN);
    return true;
}

static bool texts_check(json_t *json, struct selv_error *error)
{
    static const char *const names[] = {"vendor", "vendor_id", "class",
                                        "class_id", "device_id"};
    const char *domain = text_of(json, "vendor");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        json_t *value = json_object_get(json, names[i]);

        if (value != NULL && !json_is_string(value)) {
            return bad(error, names[i], "of the wrong type: give text");
        }
        if (value != NULL && json_string_length(value) == 0) {
            return bad(error, names[i], "empty");
        }
    }
    for (const char *c = domain; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f) {
            return bad(error, "vendor",
                       "no domain: there are blanks or control characters in "
                       "it");
        }
    }
    return true;
}

static bool ids_parse(json_t *json, struct selv_manifest_device *d,
                      struct selv_error *error)
{
    const char *class_id = text_of(json, "class_id");
    const char *class_name = text_of(json, "class");
    const char *device_id = text_of(json, "device_id");
    uint8_t space[SELV_UUID_LEN];

    if (!texts_check(json, error)) {
        return false;
    }
    if (!vendor_parse(json, d, space, error)) {
        return false;
    }
    d->has_device_id = device_id != NULL;
    if (device_id != NULL && !selv_uuid_parse(device_id, d->device_id)) {
        return bad(error, "device_id", "not a UUID");
    }
    if (class_id != NULL) {
        return selv_uuid_parse(class_id, d->class_id) ||
               bad(error, "class_id", "not a UUID");
    }
    if (class_name == NULL) {
        return bad(error, "class", "missing: a name, or \"class_id\"");
    }
    selv_uuid_class(space, class_name, d->class_id);
    return true;
}

/* ---- components ---------------------------------------------------------- */

static void path_put(struct selv_cbor_writer *w, const char *path)
{
    size_t count = 1;

    for (const char *at = path; *at != '\0'; at++) {
        count += *at == '/';
    }
    selv_cbor_put_array(w, count);
    for (; count > 0; count--) {
        size_t len = strcspn(path, "/");

        selv_cbor_put_bstr(w, selv_bytes(path, len));
        path += len + 1;
    }
}

/* A path such as "app", or its segments: text, or {"hex": ...}. */
static bool id_parse(json_t *id, struct selv_manifest_component *c)
{
    struct selv_cbor_writer w;
    size_t i;
    json_t *segment;

    selv_cbor_writer_init(&w, c->id, sizeof(c->id));
    if (json_is_string(id)) {
        path_put(&w, json_string_value(id));
        c->id_len = w.len;
        return selv_cbor_finish(&w, NULL) == SELV_OK;
    }
    selv_cbor_put_array(&w, json_array_size(id));
    json_array_foreach(id, i, segment)
    {
        const char *text = json_string_value(segment);
        const char *digits = text_of(segment, "hex");
        uint8_t bytes[64];

        if (text != NULL) {
            selv_cbor_put_bstr(&w, selv_bytes(text, strlen(text)));
        } else if (digits != NULL && strlen(digits) <= 2 * sizeof(bytes) &&
                   selv_hex_decode(digits, bytes, strlen(digits) / 2)) {
            selv_cbor_put_bstr(&w, selv_bytes(bytes, strlen(digits) / 2));
        } else {
            return false;
        }
    }
    c->id_len = w.len;
    return json_array_size(id) > 0 && selv_cbor_finish(&w, NULL) == SELV_OK;
}

/* "content": hexadecimal digits; or "digest", with or without "size". */
static bool image_parse(json_t *json, struct selv_manifest_component *c,
                        struct selv_error *error)
{
    const char *content = text_of(json, "content");
    const char *digits = text_of(json, "digest");
    uint64_t size;

    if (!number_parse(json, "size", UINT32_MAX, &size, error)) {
        return false;
    }
    c->installed_len = (uint32_t)size;
    c->has_installed = digits != NULL || content != NULL;
    if (digits != NULL && !selv_hex_decode(digits, c->installed, 32)) {
        return bad(error, "digest", "not 64 hexadecimal digits");
    }
    if (content != NULL) {
        size_t len = strlen(content) / 2;
        uint8_t *bytes = malloc(len + 1);
        bool done = bytes != NULL && selv_hex_decode(content, bytes, len);

        if (done) {
            manifest_sha256(selv_bytes(bytes, len), c->installed);
            c->installed_len = (uint32_t)len;
        }
        free(bytes);
        return done || bad(error, "content", "not hexadecimal digits in pairs");
    }
    return true;
}

static bool components_parse(json_t *json, struct selv_manifest_device *d,
                             struct selv_error *error)
{
    json_t *list = json_object_get(json, "components");
    size_t i;
    json_t *component;

    if (json_array_size(list) == 0 ||
        json_array_size(list) > SELV_DEVICE_COMPONENTS_MAX) {
        return bad(error, "components", "give a list of 1 to 16 objects");
    }
    json_array_foreach(list, i, component)
    {
        struct selv_manifest_component *c = &d->components[i];
        uint64_t slot;

        if (!id_parse(json_object_get(component, "id"), c)) {
            return bad(error, "components",
                       "each needs an \"id\": a path such as \"app\", or its "
                       "segments");
        }
        if (!number_parse(component, "slot", UINT32_MAX, &slot, error) ||
            !image_parse(component, c, error)) {
            return false;
        }
        c->slot = (uint32_t)slot;
        d->component_count++;
    }
    return true;
}

/* ---- what the device can do ---------------------------------------------- */

static bool algorithms_parse(json_t *json, struct selv_manifest_device *d,
                             struct selv_error *error)
{
    json_t *list = json_object_get(json, "algorithms");
    size_t i;
    json_t *value;

    if (list != NULL && (json_array_size(list) == 0 ||
                         json_array_size(list) > SELV_DEVICE_ALGORITHMS_MAX)) {
        return bad(error, "algorithms", "give a list of 1 to 8");
    }
    json_array_foreach(list, i, value)
    {
        int32_t *algorithm = &d->algorithms[i];

        *algorithm = (int32_t)json_integer_value(value);
        if (!json_is_integer(value) &&
            (!json_is_string(value) ||
             !manifest_algorithm_find(json_string_value(value), algorithm))) {
            return bad(error, "algorithms",
                       "each is ESP256, ES256, \"HMAC 256/256\" or a number "
                       "of COSE");
        }
        d->algorithm_count++;
    }
    return true;
}

static bool commands_parse(json_t *list, struct selv_manifest_device *d,
                           struct selv_error *error)
{
    static const char *const sections[] = {"payload-fetch", "install",
                                           "validate", "load", "invoke"};
    size_t i;
    json_t *value;

    if (json_array_size(list) > SELV_DEVICE_PRIVATE_MAX) {
        return bad(error, "private", "at most 8 commands");
    }
    json_array_foreach(list, i, value)
    {
        struct selv_suit_private_command *c = &d->private_commands[i];
        json_t *where = json_object_get(value, "sections");
        json_int_t code = json_integer_value(json_object_get(value, "code"));
        size_t k;
        json_t *section;

        if (code >= -256 || code < INT32_MIN) {
            return bad(error, "private",
                       "a command is {\"code\": below -256, \"condition\": "
                       "true or false, \"sections\": [...]}");
        }
        c->code = (int32_t)code;
        c->is_condition = json_is_true(json_object_get(value, "condition"));
        c->sections = where == NULL ? (1u << SELV_SUIT_SECTION_COUNT) - 1u : 0;
        json_array_foreach(where, k, section)
        {
            size_t n = 0;

            while (n < 5 &&
                   (!json_is_string(section) ||
                    strcmp(json_string_value(section), sections[n]) != 0)) {
                n++;
            }
            if (n == 5) {
                return bad(error, "private", "no such section");
            }
            c->sections = (uint8_t)(c->sections | 1u << n);
        }
        d->private_command_count++;
    }
    return true;
}

/* Devices of this project know chunk lists; the room for private parameters is
 * what it is. */
static bool chunk_lists_parse(json_t *json, struct selv_manifest_device *d,
                              struct selv_error *error)
{
    json_t *own = json_object_get(json, "chunk_lists");

    if (own != NULL && !json_is_boolean(own)) {
        return bad(error, "chunk_lists", "true or false");
    }
    for (size_t i = 0; i < d->private_parameter_count; i++) {
        if (d->private_parameters[i] == SELV_SUIT_PARAMETER_CHUNK_LIST) {
            return true;
        }
    }
    if (json_is_false(own) ||
        (own == NULL &&
         d->private_parameter_count == SELV_SUIT_PRIVATE_PARAMETERS_MAX)) {
        return true;
    }
    if (d->private_parameter_count == SELV_SUIT_PRIVATE_PARAMETERS_MAX) {
        return bad(error, "chunk_lists",
                   "no room for one private parameter more");
    }
    d->private_parameters[d->private_parameter_count++] =
        SELV_SUIT_PARAMETER_CHUNK_LIST;
    return true;
}

static bool private_parse(json_t *json, struct selv_manifest_device *d,
                          struct selv_error *error)
{
    json_t *private = json_object_get(json, "private");
    json_t *parameters = json_object_get(private, "parameters");
    size_t i;
    json_t *value;

    if (json_array_size(parameters) > SELV_SUIT_PRIVATE_PARAMETERS_MAX) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "device: \"private\": at most %u parameters",
                              (unsigned)SELV_SUIT_PRIVATE_PARAMETERS_MAX);
    }
    json_array_foreach(parameters, i, value)
    {
        if (!json_is_integer(value) || json_integer_value(value) >= -256 ||
            json_integer_value(value) < INT32_MIN) {
            return bad(error, "private", "a parameter's number is below -256");
        }
        d->private_parameters[i] = (int32_t)json_integer_value(value);
        d->private_parameter_count++;
    }
    if (!chunk_lists_parse(json, d, error)) {
        return false;
    }
    return commands_parse(json_object_get(private, "commands"), d, error);
}

/* Names of a list as bits of their numbers. */
static bool names_parse(json_t *list, const struct manifest_word *words,
                        uint64_t *set)
{
    size_t i;
    json_t *value;

    *set = 0;
    json_array_foreach(list, i, value)
    {
        const struct manifest_word *word =
            json_is_string(value)
                ? manifest_word_find(words, json_string_value(value))
                : NULL;

        if (word == NULL || word->code < 0) { /* no bootloader knows it */
            return false;
        }
        *set |= UINT64_C(1) << word->code;
    }
    return json_is_array(list);
}

/* {"profile", "commands", "parameters", "components", "depth", "envelope"}:
 * a profile with less, or with more commands than ours. */
static bool capability_parse(json_t *json, struct selv_manifest_device *d,
                             struct selv_error *error)
{
    json_t *commands = json_object_get(json, "commands");
    json_t *parameters = json_object_get(json, "parameters");
    uint64_t set;
    uint64_t number;

    if (commands != NULL) {
        if (!names_parse(commands, manifest_commands, &set)) {
            return bad(error, "bootloader", "\"commands\" is a list of names");
        }
        d->boot.commands = set;
    }
    if (parameters != NULL) {
        if (!names_parse(parameters, manifest_parameters, &set)) {
            return bad(error, "bootloader",
                       "\"parameters\" is a list of names");
        }
        d->boot.parameters = (uint32_t)set;
    }
    if (!number_parse(json, "envelope", UINT16_MAX, &number, error)) {
        return false;
    }
    d->boot.envelope_max =
        number == 0 ? d->boot.envelope_max : (uint16_t)number;
    if (!number_parse(json, "components", UINT8_MAX, &number, error)) {
        return false;
    }
    d->boot.components_max =
        number == 0 ? d->boot.components_max : (uint8_t)number;
    if (!number_parse(json, "depth", UINT8_MAX, &number, error)) {
        return false;
    }
    if (json_object_get(json, "depth") != NULL) {
        d->boot.depth_max = (uint8_t)number;
    }
    return true;
}

static bool boot_parse(json_t *json, struct selv_manifest_device *d,
                       struct selv_error *error)
{
    json_t *boot = json_object_get(json, "bootloader");
    const char *profile = json_is_string(boot) ? json_string_value(boot)
                                               : text_of(boot, "profile");

    if (boot == NULL) {
        return true;
    }
    if (profile != NULL && strcmp(profile, "boot-select") == 0) {
        d->boot = selv_suit_capability_boot_select;
        d->boot_profile = &selv_suit_profile_boot_select;
    } else if (profile != NULL && strcmp(profile, "boot-install") == 0) {
        d->boot = selv_suit_capability_boot_install;
        d->boot_profile = &selv_suit_profile_boot_install;
    } else {
        return bad(error, "bootloader",
                   "give \"boot-select\", \"boot-install\", or an object with "
                   "\"profile\"");
    }
    return !json_is_object(boot) || capability_parse(boot, d, error);
}

bool selv_manifest_device_parse(json_t *json,
                                struct selv_manifest_device *device,
                                struct selv_error *error)
{
    const char *digits = text_of(json, "digest");

    memset(device, 0, sizeof(*device));
    if (!json_is_object(json)) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "device: not a JSON object");
    }
    if (!all_members_check(json, error)) {
        return false;
    }
    if (!sequence_parse(json, "sequence_number", &device->sequence_number,
                        error) ||
        !sequence_parse(json, "security_floor", &device->security_floor,
                        error)) {
        return false;
    }
    device->has_digest = json_object_get(json, "digest") != NULL;
    if (device->has_digest &&
        (digits == NULL || !selv_hex_decode(digits, device->digest, 32))) {
        return bad(error, "digest", "not 64 hexadecimal digits");
    }
    return ids_parse(json, device, error) &&
           components_parse(json, device, error) &&
           algorithms_parse(json, device, error) &&
           private_parse(json, device, error) &&
           boot_parse(json, device, error);
}
