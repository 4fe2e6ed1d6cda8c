/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: suit_vectors make|check|selftest FOLDER [NAME]
 *
 * make writes the envelopes of all vectors (or of one). check makes them
 * again, compares, and judges the engine. selftest plants wrong expectations
 * in each vector and fails when one of them is not noticed. */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "host/file.h"
#include "host/hex.h"
#include "test/conformance/vector.h"

enum { LINE = 32 /* bytes of an envelope on a line of its .hex */ };

void vector_die(const struct vector *v, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "suit_vectors: %s: ", v->name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(3);
}

const char *vector_text(json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

const char *vector_path(const struct vector *v, const char *prefix,
                        const char *suffix)
{
    static char path[4096];

    (void)snprintf(path, sizeof(path), "%s/%s%s", v->folder, prefix, suffix);
    return path;
}

static json_t *json_read(const struct vector *v, const char *prefix,
                         const char *suffix)
{
    json_error_t where;
    json_t *json = json_load_file(vector_path(v, prefix, suffix),
                                  JSON_REJECT_DUPLICATES, &where);

    if (json == NULL) {
        vector_die(v, "%s%s: line %d: %s", prefix, suffix, where.line,
                   where.text);
    }
    return json;
}

static void vector_open(struct vector *v)
{
    v->json = json_read(v, v->name, ".json");
    v->device = json_read(v, "device", ".json");
    json_object_update(v->device, json_object_get(v->json, "device"));
}

static void vector_close(struct vector *v)
{
    json_decref(v->json);
    json_decref(v->device);
}

/* ---- hex files ----------------------------------------------------------- */

static size_t hex_text(struct selv_bytes in, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < in.len; i += LINE) {
        size_t n = in.len - i < LINE ? in.len - i : LINE;
        selv_hex_encode(selv_bytes(in.p + i, n), out + len);
        len += 2 * n;
        out[len++] = '\n';
    }
    return len;
}

static void hex_read(const struct vector *v, struct selv_buf *out)
{
    struct selv_error error;
    struct selv_buf file;
    size_t len = 0;

    if (!selv_file_read(vector_path(v, v->name, ".hex"), 1u << 16, &file,
                        &error)) {
        vector_die(v, "%s", error.text);
    }
    for (size_t i = 0; i < file.len; i++) {
        if (file.p[i] != '\n') {
            file.p[len++] = file.p[i];
        }
    }
    file.p[len] = '\0';
    out->len = len / 2;
    if (out->len > out->cap ||
        !selv_hex_decode((const char *)file.p, out->p, out->len) ||
        len % 2 != 0) {
        vector_die(v, "%s.hex is not hexadecimal, or too long", v->name);
    }
    free(file.p);
}

/* ---- modes --------------------------------------------------------------- */

static bool mode_make(struct vector *v)
{
    static char text[2 * VECTOR_ENVELOPE_MAX + VECTOR_ENVELOPE_MAX / LINE + 2];
    static uint8_t bytes[VECTOR_ENVELOPE_MAX];
    struct selv_buf envelope = {bytes, sizeof(bytes), 0};
    struct selv_error error;

    vector_make(v, &envelope);
    size_t len = hex_text(selv_bytes(bytes, envelope.len), text);
    if (!selv_file_write(vector_path(v, v->name, ".hex"), selv_bytes(text, len),
                         0644, &error)) {
        vector_die(v, "%s", error.text);
    }
    return true;
}

static bool mode_check(struct vector *v)
{
    static uint8_t bytes[VECTOR_ENVELOPE_MAX];
    static uint8_t again[VECTOR_ENVELOPE_MAX];
    struct selv_buf envelope = {bytes, sizeof(bytes), 0};
    struct selv_buf made = {again, sizeof(again), 0};
    char why[1024];

    hex_read(v, &envelope);
    vector_make(v, &made);
    if (!selv_bytes_equal(selv_bytes(again, made.len),
                          selv_bytes(bytes, envelope.len))) {
        printf("FAIL %s: the tool makes another envelope from its source\n",
               v->name);
        return false;
    }
    if (!vector_judge(v, selv_bytes(bytes, envelope.len), why, sizeof(why))) {
        printf("FAIL %s: %s\n", v->name, why);
        return false;
    }
    return true;
}

/* Whether a planted change is noticed. */
static bool is_noticed(struct vector *v, struct selv_bytes envelope,
                       const char *what)
{
    char why[1024];

    if (!vector_judge(v, envelope, why, sizeof(why))) {
        return true;
    }
    printf("FAIL %s: nobody notices %s\n", v->name, what);
    return false;
}

/* Plants a value in a copy of the vector, at a member of its run (or of the
 * vector itself, when run is NULL). */
static bool plant(const struct vector *v, struct selv_bytes envelope,
                  const size_t *run, const char *member, json_t *value)
{
    struct vector copy = *v;

    copy.json = json_deep_copy(v->json);
    json_t *at = run == NULL
                     ? copy.json
                     : json_array_get(json_object_get(copy.json, "runs"), *run);
    json_object_set_new(at, member, value);
    bool is_good = is_noticed(&copy, envelope, member);
    json_decref(copy.json);
    return is_good;
}

static bool mode_selftest(struct vector *v)
{
    static uint8_t bytes[VECTOR_ENVELOPE_MAX];
    struct selv_buf envelope = {bytes, sizeof(bytes), 0};
    json_t *check = json_object_get(v->json, "check");
    size_t i;
    json_t *run;

    hex_read(v, &envelope);
    struct selv_bytes in = selv_bytes(bytes, envelope.len);
    if (json_is_object(check)) {
        return plant(v, in, NULL, "check", json_string("accepted")) &&
               plant(v, in, NULL, "check",
                     json_pack("{s:s}", "refused", "SELV_ERR_SUIT_MORE"));
    }
    bool is_good = plant(v, in, NULL, "check",
                         json_pack("{s:s}", "refused", "SELV_ERR_SUIT_KEY"));
    json_array_foreach(json_object_get(v->json, "runs"), i, run)
    {
        json_t *end = json_object_get(run, "end");
        json_t *steps = json_deep_copy(json_object_get(run, "steps"));
        json_array_append_new(steps, json_string("fetch app /never"));
        is_good &= plant(v, in, &i, "steps", steps);
        is_good &= plant(v, in, &i, "end",
                         json_pack("{s:s}", "failed", "SELV_ERR_SUIT_MORE"));
        if (json_is_object(end)) {
            is_good &= plant(v, in, &i, "end", json_string("done"));
        }
        if (json_object_get(run, "records") != NULL) {
            is_good &= plant(v, in, &i, "records", json_array());
        }
        is_good &= plant(v, in, &i, "after",
                         json_pack("{s:{s:s}}", "radio", "hex", "ff"));
    }
    return is_good;
}

/* ---- the list ------------------------------------------------------------ */

static int is_vector(const struct dirent *entry)
{
    const char *dot = strchr(entry->d_name, '.');

    return dot != NULL && strcmp(dot, ".json") == 0 &&
           strcmp(entry->d_name, "device.json") != 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        bool (*run)(struct vector *v);
    } modes[] = {{"make", mode_make},
                 {"check", mode_check},
                 {"selftest", mode_selftest}};
    bool (*mode)(struct vector * v) = NULL;
    struct dirent **list = NULL;
    unsigned passed = 0;
    unsigned failed = 0;

    for (size_t i = 0; argc >= 3 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        mode = strcmp(argv[1], modes[i].name) == 0 ? modes[i].run : mode;
    }
    if (mode == NULL || argc > 4) {
        fprintf(stderr,
                "usage: suit_vectors make|check|selftest FOLDER [NAME]\n");
        return 2;
    }
    int count = scandir(argv[2], &list, is_vector, alphasort);
    if (count <= 0 || selv_crypto_init() != SELV_OK) {
        fprintf(stderr, "suit_vectors: no vectors in %s\n", argv[2]);
        return 3;
    }
    for (int i = 0; i < count; i++) {
        struct vector v = {.folder = argv[2], .name = list[i]->d_name};
        *strchr(list[i]->d_name, '.') = '\0';
        if (argc < 4 || strcmp(argv[3], v.name) == 0) {
            vector_open(&v);
            bool is_good = mode(&v);
            passed += is_good;
            failed += !is_good;
            vector_close(&v);
        }
        free(list[i]);
    }
    free(list);
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
