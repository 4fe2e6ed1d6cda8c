/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: suit_vectors_reference FOLDER
 *
 * Asks the reference interpreter of test/reference, which was written from the
 * draft's text alone, for its opinion of our own vectors: what it finds wrong
 * with a manifest, and what it does with one that is right, must be what the
 * engine finds and does. It knows no authentication and takes the form of CBOR
 * as good; vectors of that are passed over. */
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cbor/cbor.h"
#include "test/reference/differential.h"

enum { CONSUMER = 0, ENVELOPE_MAX = 8192, PATH_LEN = 4096 };

static const struct selv_suit_private_command private_commands[] = {
    {-260, 1u << SELV_SUIT_SECTION_INSTALL, true},
    {-261, 1u << SELV_SUIT_SECTION_INSTALL, false}};
static const int32_t private_parameters[] = {-262};

/* What a vector's device points to. */
struct things {
    uint8_t uuids[3][16];
    uint8_t pen[16];
    uint8_t ids[WORLD_COMPONENTS][64];
    uint8_t envelope[ENVELOPE_MAX];
};

static json_t *json_read(const char *folder, const char *name)
{
    char path[PATH_LEN];

    (void)snprintf(path, sizeof(path), "%s/%s.json", folder, name);
    return json_load_file(path, 0, NULL);
}

/* Hexadecimal digits; those of a UUID have hyphens between them, those of a
 * file ends of lines. Returns how many bytes; 0 when it is something else. */
static size_t digits(const char *text, uint8_t *out, size_t cap)
{
    size_t len = 0;

    while (text != NULL && *text != '\0') {
        unsigned value = 0;
        if (*text == '-' || *text == '\n') {
            text++;
            continue;
        }
        if (len == cap || sscanf(text, "%2x", &value) != 1) {
            return 0;
        }
        out[len++] = (uint8_t)value;
        text += 2;
    }
    return len;
}

static size_t hex_read(const char *folder, const char *name,
                       uint8_t out[static ENVELOPE_MAX])
{
    static char text[3 * ENVELOPE_MAX];
    char path[PATH_LEN];
    size_t len;
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s.hex", folder, name);
    f = fopen(path, "rb");
    if (f == NULL) {
        return 0;
    }
    len = fread(text, 1, sizeof(text) - 1, f);
    (void)fclose(f);
    text[len] = '\0';
    return digits(text, out, ENVELOPE_MAX);
}

static const char *text_at(json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static bool device_fill(json_t *json, struct things *t, struct generated *made)
{
    struct selv_suit_device *device = &made->device;
    size_t pen_len =
        digits(text_at(json, "vendor-pen"), t->pen, sizeof(t->pen));
    size_t i;
    json_t *name;

    device->components = made->components;
    device->vendor_id = t->uuids[0];
    device->class_id = t->uuids[1];
    device->device_id = t->uuids[2];
    device->anchors = &made->anchor;
    device->anchor_count = 1;
    device->sequence_min =
        (uint64_t)json_integer_value(json_object_get(json, "sequence-number"));
    made->anchor.method = &selv_cose_es256;
    if (json_is_true(json_object_get(json, "private"))) {
        made->private =
            (struct selv_suit_private){.commands = private_commands,
                                       .command_count = 2,
                                       .parameters = private_parameters,
                                       .parameter_count = 1};
        device->private = &made->private;
    }
    device->vendor_pen = selv_bytes(t->pen, pen_len);
    json_array_foreach(json_object_get(json, "components"), i, name)
    {
        struct selv_cbor_writer w;
        const char *text = json_string_value(name);
        if (i == WORLD_COMPONENTS) {
            return false;
        }
        selv_cbor_writer_init(&w, t->ids[i], sizeof(t->ids[i]));
        selv_cbor_put_array(&w, 1);
        selv_cbor_put_bstr(&w, selv_bytes(text, strlen(text)));
        if (selv_cbor_finish(&w, &made->components[i].id) != SELV_OK) {
            return false;
        }
        made->components[i].slot = (uint32_t)json_integer_value(
            json_object_get(json_object_get(json, "slots"), text));
        device->component_count = i + 1;
    }
    return digits(text_at(json, "vendor-identifier"), t->uuids[0], 16) == 16 &&
           digits(text_at(json, "class-identifier"), t->uuids[1], 16) == 16 &&
           digits(text_at(json, "device-identifier"), t->uuids[2], 16) == 16;
}

/* Whether a vector is about authentication, the envelope's tag or the form of
 * CBOR: the reference takes those as good. */
static bool is_passed_over(json_t *vector)
{
    static const char *const errors[] = {
        "SELV_ERR_CBOR_",         "SELV_ERR_COSE_",
        "SELV_ERR_SUIT_DIGEST",   "SELV_ERR_SUIT_NOT_SIGNED",
        "SELV_ERR_SUIT_SIGNERS",  "SELV_ERR_SUIT_TAG",
        "SELV_ERR_SUIT_TOO_LARGE"};
    const char *refused = text_at(json_object_get(vector, "check"), "refused");
    const char *limit = text_at(vector, "limit");
    size_t i;
    json_t *key;

    for (i = 0; refused != NULL && i < sizeof(errors) / sizeof(errors[0]);
         i++) {
        if (strncmp(errors[i], refused, strlen(errors[i])) == 0) {
            return true;
        }
    }
    if (limit != NULL && strncmp(limit, "SELV_SUIT_WORK_MAX", 18) == 0) {
        return true; /* the reference takes its time */
    }
    json_array_foreach(json_object_get(vector, "keys"), i, key)
    {
        if (strstr(json_string_value(key), "mac") != NULL) {
            return true;
        }
    }
    return false;
}

/* 1: both agree; 0: they do not; -1: passed over. */
static int vector_ask(const char *folder, const char *name)
{
    static struct generated made;
    static struct things things;
    struct differential_counts counts = {0};
    json_t *vector = json_read(folder, name);
    json_t *device = json_read(folder, "device");
    int result = -1;

    memset(&made, 0, sizeof(made));
    memset(&things, 0, sizeof(things));
    if (vector == NULL || device == NULL) {
        result = 0;
    } else if (!is_passed_over(vector)) {
        json_object_update(device, json_object_get(vector, "device"));
        made.envelope.p = things.envelope;
        made.envelope.len = hex_read(folder, name, things.envelope);
        made.world.envelope = selv_bytes(made.envelope.p, made.envelope.len);
        result = made.envelope.len > 0 && device_fill(device, &things, &made) &&
                 differential_agree(&made, CONSUMER, &counts);
        /* Both must also say what the vector says. */
        bool is_accepted = json_is_string(json_object_get(vector, "check"));
        result = result != 0 && (counts.accepted == 1) == is_accepted;
    }
    json_decref(vector);
    json_decref(device);
    return result;
}

static int is_vector(const struct dirent *entry)
{
    const char *dot = strchr(entry->d_name, '.');

    return dot != NULL && strcmp(dot, ".hex") == 0;
}

int main(int argc, char **argv)
{
    struct dirent **list = NULL;
    unsigned count[3] = {0, 0, 0};
    int files = argc == 2 ? scandir(argv[1], &list, is_vector, alphasort) : -1;

    if (files <= 0 ||
        strcmp(differential_profile_name(CONSUMER), "consumer") != 0) {
        fprintf(stderr, "usage: suit_vectors_reference FOLDER (of vectors)\n");
        return 2;
    }
    for (int i = 0; i < files; i++) {
        *strchr(list[i]->d_name, '.') = '\0';
        int result = vector_ask(argv[1], list[i]->d_name);
        if (result == 0) {
            printf("FAIL %s: engine and reference differ\n", list[i]->d_name);
        }
        count[result + 1]++;
        free(list[i]);
    }
    free(list);
    printf("%u are about what the reference takes as good\n", count[0]);
    printf("%u passed, %u failed\n", count[2], count[1]);
    return count[1] == 0 && count[2] > 0 ? 0 : 1;
}
