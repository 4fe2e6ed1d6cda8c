/* SPDX-License-Identifier: Apache-2.0 */
#include "host/manifest_verify.h"

#include <stdio.h>

#include "host/hex.h"
#include "host/manifest_int.h"
#include "host/uuid.h"

/* ---- the device file
 * --------------------------------------------------------- */

static bool bad(struct selv_error *error, const char *member, const char *what)
{
    return selv_error_set(error, SELV_EXIT_REFUSED, "device: \"%s\": %s",
                          member, what);
}

/* "x_id": UUID, or "x": the name that it comes from. */
static bool ids_parse(json_t *json, struct selv_manifest_device *d,
                      struct selv_error *error)
{
    const char *vendor_id =
        json_string_value(json_object_get(json, "vendor_id"));
    const char *class_id = json_string_value(json_object_get(json, "class_id"));
    const char *vendor = json_string_value(json_object_get(json, "vendor"));
    const char *class_name = json_string_value(json_object_get(json, "class"));

    if (vendor_id != NULL) {
        if (!selv_uuid_parse(vendor_id, d->vendor_id)) {
            return bad(error, "vendor_id", "not a UUID");
        }
    } else if (vendor != NULL) {
        selv_uuid_vendor(vendor, d->vendor_id);
    } else {
        return bad(error, "vendor", "missing: a domain, or \"vendor_id\"");
    }
    if (class_id != NULL) {
        return selv_uuid_parse(class_id, d->class_id) ||
               bad(error, "class_id", "not a UUID");
    }
    if (class_name == NULL) {
        return bad(error, "class", "missing: a name, or \"class_id\"");
    }
    selv_uuid_class(d->vendor_id, class_name, d->class_id);
    return true;
}

/* A path such as "app", or its segments: text, or {"hex": ...}. */
static bool id_parse(json_t *id, struct selv_manifest_component *c)
{
    const char *path = json_string_value(id);
    struct selv_cbor_writer w;
    size_t i;
    json_t *segment;

    selv_cbor_writer_init(&w, c->id, sizeof(c->id));
    if (path != NULL) {
        size_t count = 1;

        for (const char *at = path; *at != '\0'; at++) {
            count += *at == '/';
        }
        selv_cbor_put_array(&w, count);
        for (; count > 0; count--) {
            size_t len = strcspn(path, "/");

            selv_cbor_put_bstr(&w, selv_bytes(path, len));
            path += len + 1;
        }
        c->id_len = w.len;
        return selv_cbor_finish(&w, NULL) == SELV_OK;
    }
    selv_cbor_put_array(&w, json_array_size(id));
    json_array_foreach(id, i, segment)
    {
        const char *text = json_string_value(segment);
        const char *digits = json_string_value(json_object_get(segment, "hex"));
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
        json_t *slot = json_object_get(component, "slot");
        const char *digits =
            json_string_value(json_object_get(component, "digest"));

        if (!id_parse(json_object_get(component, "id"), c)) {
            return bad(error, "components",
                       "each needs an \"id\": a path such as \"app\", or its "
                       "segments");
        }
        if (slot != NULL &&
            (!json_is_integer(slot) || json_integer_value(slot) < 0 ||
             json_integer_value(slot) > UINT32_MAX)) {
            return bad(error, "slot", "not a number from 0");
        }
        c->slot = (uint32_t)json_integer_value(slot);
        c->has_installed = digits != NULL;
        if (digits != NULL && !selv_hex_decode(digits, c->installed, 32)) {
            return bad(error, "digest", "not 64 hexadecimal digits");
        }
        d->component_count++;
    }
    return true;
}

bool selv_manifest_device_parse(json_t *json,
                                struct selv_manifest_device *device,
                                struct selv_error *error)
{
    json_t *sequence = json_object_get(json, "sequence_number");
    const char *digits = json_string_value(json_object_get(json, "digest"));

    memset(device, 0, sizeof(*device));
    if (!json_is_object(json)) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "device: not a JSON object");
    }
    if (sequence != NULL &&
        (!json_is_integer(sequence) || json_integer_value(sequence) < 0)) {
        return bad(error, "sequence_number", "not a number from 0");
    }
    device->sequence_number = (uint64_t)json_integer_value(sequence);
    device->has_digest = digits != NULL;
    if (digits != NULL && !selv_hex_decode(digits, device->digest, 32)) {
        return bad(error, "digest", "not 64 hexadecimal digits");
    }
    return ids_parse(json, device, error) &&
           components_parse(json, device, error);
}

/* ---- judging
 * ------------------------------------------------------------------ */

static void refuse(struct selv_manifest_verdict *v, enum selv_err err)
{
    v->err = err;
    v->reason = selv_suit_reason(err);
}

/* What image-match finds in a component. */
static void digest_answer(struct selv_suit *s,
                          const struct selv_manifest_device *d,
                          const struct selv_suit_todo *todo, bool is_fetched)
{
    const struct selv_manifest_component *c =
        &d->components[todo->device_component];

    if (is_fetched && !d->is_factory && todo->digest != NULL) {
        selv_suit_answer_digest(s, todo->digest);
    } else if (c->installed_len != 0 && todo->has_size &&
               c->installed_len != todo->size) {
        selv_suit_answer(s, SELV_ERR_UPDATE_SIZE);
    } else if (c->has_installed) {
        selv_suit_answer_digest(s, c->installed);
    } else {
        selv_suit_answer(s, SELV_ERR_SUIT_IMAGE);
    }
}

/* Run the update procedure with a server that has every image: a fetch
 * succeeds, and what was fetched has the digest that the manifest names. */
static bool update_run(struct selv_suit *s,
                       const struct selv_manifest_device *d)
{
    bool is_fetched[SELV_DEVICE_COMPONENTS_MAX] = {false};

    if (selv_suit_begin(s, SELV_SUIT_UPDATE) != SELV_OK) {
        return false;
    }
    for (;;) {
        struct selv_suit_todo todo;

        switch (selv_suit_poll(s, &todo)) {
        case SELV_SUIT_DONE:
            return true;
        case SELV_SUIT_FETCH:
            is_fetched[todo.device_component] = true;
            selv_suit_answer(s, SELV_OK);
            break;
        case SELV_SUIT_DIGEST:
            digest_answer(s, d, &todo, is_fetched[todo.device_component]);
            break;
        case SELV_SUIT_INVOKE:
            selv_suit_answer(s, SELV_OK);
            break;
        default:
            return false;
        }
    }
}

/* The bootloader's run of it over what is installed; SELV_OK when that image
 * would start. */
static enum selv_err boot_run(struct selv_suit *s,
                              const struct selv_manifest_device *d)
{
    struct selv_suit_todo todo;
    enum selv_err err = selv_suit_begin(s, SELV_SUIT_INVOCATION);

    while (!err) {
        switch (selv_suit_poll(s, &todo)) {
        case SELV_SUIT_DIGEST:
            digest_answer(s, d, &todo, false);
            break;
        case SELV_SUIT_INVOKE:
            return selv_is_good(selv_suit_may_invoke(s)) ? SELV_OK
                                                         : SELV_ERR_SUIT_IMAGE;
        case SELV_SUIT_FAILED:
            return selv_suit_failure(s)->err;
        default:
            return SELV_ERR_SUIT_MISSING; /* it starts nothing */
        }
    }
    return err;
}

/* The engine, from feed to the end of what was asked for. */
static bool engine_run(struct selv_suit *s, struct selv_bytes envelope,
                       const struct selv_manifest_device *d,
                       struct selv_manifest_verdict *v)
{
    enum selv_err err = selv_suit_feed(s, envelope, envelope.len);

    if (err == SELV_ERR_SUIT_MORE) {
        err = SELV_ERR_CBOR_END; /* there is no more */
    }
    if (err) {
        refuse(v, err);
        return false;
    }
    if (!selv_is_good(selv_suit_check(s))) {
        refuse(v, selv_suit_failure(s)->err);
        v->is_authentic = selv_is_good(s->authentic);
        return false;
    }
    v->is_authentic = true;
    v->has_facts = true;
    v->sequence_number = selv_suit_sequence_number(s);
    v->key_index = selv_suit_anchor(s);
    memcpy(v->digest, selv_suit_digest(s), sizeof(v->digest));
    if (d == NULL) {
        return true;
    }
    if (d->has_digest && d->sequence_number == v->sequence_number &&
        memcmp(d->digest, v->digest, sizeof(v->digest)) != 0) {
        refuse(v, SELV_ERR_UPDATE_EQUAL);
        return false;
    }
    if (!update_run(s, d)) {
        refuse(v, selv_suit_failure(s)->err);
        return false;
    }
    err = d->is_factory ? boot_run(s, d) : SELV_OK;
    if (err) {
        refuse(v, err);
        return false;
    }
    return true;
}

bool selv_manifest_verify(struct selv_bytes envelope,
                          const struct selv_cose_key *keys, size_t key_count,
                          const struct selv_manifest_device *device,
                          struct selv_manifest_verdict *verdict)
{
    struct selv_suit_device facts = {
        .anchors = keys,
        .anchor_count = key_count,
    };
    struct selv_suit_component components[SELV_DEVICE_COMPONENTS_MAX];
    struct selv_suit s;

    memset(verdict, 0, sizeof(*verdict));
    if (device != NULL) {
        for (size_t i = 0; i < device->component_count; i++) {
            components[i].id = selv_bytes(device->components[i].id,
                                          device->components[i].id_len);
            components[i].slot = device->components[i].slot;
        }
        facts.components = components;
        facts.component_count = device->component_count;
        facts.vendor_id = device->vendor_id;
        facts.class_id = device->class_id;
        facts.sequence_min = device->sequence_number;
    }
    selv_suit_init(&s, &selv_suit_profile_consumer, &facts);
    verdict->is_accepted = engine_run(&s, envelope, device, verdict);
    verdict->where = *selv_suit_failure(&s);
    selv_suit_wipe(&s);
    return verdict->is_accepted;
}

enum selv_exit selv_manifest_exit(const struct selv_manifest_verdict *verdict)
{
    if (verdict->is_accepted) {
        return SELV_EXIT_OK;
    }
    /* A severed element with a wrong digest is unauthorised content too, but
     * the signature itself was good. */
    return verdict->reason == SELV_SUIT_REASON_UNAUTHORISED &&
                   !verdict->is_authentic
               ? SELV_EXIT_SIGNATURE
               : SELV_EXIT_REFUSED;
}

void selv_manifest_why(const struct selv_manifest_verdict *verdict, char *text)
{
    const struct selv_suit_failure *where = &verdict->where;
    const char *section = where->section == SELV_SUIT_KEY_AUTHENTICATION
                              ? "authentication wrapper"
                              : selv_manifest_section_name(where->section);
    const char *kind = "";
    const char *name = NULL;
    size_t len = 0;

    switch (where->err) {
    case SELV_ERR_SUIT_PARAMETER:
    case SELV_ERR_SUIT_UNSET:
        kind = "parameter ";
        name = selv_manifest_parameter_name(where->code);
        break;
    case SELV_ERR_SUIT_KEY:
    case SELV_ERR_SUIT_MISSING:
        kind = "key ";
        name = selv_manifest_section_name(where->code);
        break;
    case SELV_ERR_SUIT_ARGUMENT:
        kind = "number "; /* a command's or a parameter's */
        break;
    default:
        if (where->err >= SELV_ERR_SUIT_COMMAND) {
            kind = "command ";
            name = selv_manifest_command_name(where->code);
        }
        break;
    }
#define APPEND(...)                                                            \
    len += (size_t)snprintf(text + len, SELV_ERROR_LEN - len, __VA_ARGS__)
    APPEND("%s", selv_err_str(verdict->err));
    if (where->err != SELV_OK) {
        if (section != NULL) {
            APPEND(", in %s", section);
        }
        if (where->code != 0) {
            APPEND(", %s%s%s%d%s", kind, name == NULL ? "" : name,
                   name == NULL ? "" : " (", (int)where->code,
                   name == NULL ? "" : ")");
        }
        APPEND(", at byte %u of the envelope", (unsigned)where->offset);
    }
#undef APPEND
}
