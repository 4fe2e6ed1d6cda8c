/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: suit_rows [--self-test | --plant FILE] VECTORS
 *
 * Judges every row of VECTORS/suit/index.json and prints it. --plant turns
 * the expectation of one row around, to see it fail; --self-test does so with
 * each row that binds, and fails when one of them passes all the same. */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "test/conformance/rows.h"

enum { FILE_MAX = 1 << 16 };

struct file_bytes {
    uint8_t p[FILE_MAX];
};

struct selv_bytes rows_file(const struct rows *rows, const char *name)
{
    static struct file_bytes bytes;
    char path[4096];
    size_t len = 0;
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/suit/%s", rows->folder, name);
    f = fopen(path, "rb");
    if (f != NULL) {
        len = fread(bytes.p, 1, sizeof(bytes.p), f);
        (void)fclose(f);
    }
    return selv_bytes(bytes.p, len == sizeof(bytes.p) ? 0 : len);
}

bool rows_open(struct rows *rows, const char *folder)
{
    static const char *const names[] = {"keys/k1_p256_priv.cosekey",
                                        "keys/k2_p256_priv.cosekey"};

    memset(rows, 0, sizeof(*rows));
    rows->folder = folder;
    for (size_t i = 0; i < 2; i++) {
        if (selv_cose_key_decode(rows_file(rows, names[i]), &rows->anchors[i],
                                 NULL, NULL) != SELV_OK) {
            fprintf(stderr, "suit_rows: no key %s/suit/%s\n", folder, names[i]);
            return false;
        }
        rows->anchors[i].kid_len = 0;
    }
    struct selv_bytes secret = rows_file(rows, "keys/h1_hmac256.bin");
    if (secret.len != SELV_COSE_HMAC_KEY_LEN) {
        fprintf(stderr, "suit_rows: no key %s/suit/keys/h1_hmac256.bin\n",
                folder);
        return false;
    }
    rows->anchors[2].method = &selv_cose_hmac256;
    memcpy(rows->anchors[2].secret, secret.p, secret.len);
    return true;
}

/* ---- one row ------------------------------------------------------------- */

static bool is_kind(json_t *row, const char *kind)
{
    return strcmp(json_string_value(json_object_get(row, "kind")), kind) == 0;
}

static void row_expect(const struct rows *rows, json_t *row,
                       struct row_expectation *e)
{
    memset(e, 0, sizeof(*e));
    if (is_kind(row, "envelope")) {
        row_envelope_expect(rows, row, e);
    } else if (is_kind(row, "cose-json")) {
        row_cose_expect(rows, row, e);
    } else {
        e->kind = ROW_DATA;
        (void)snprintf(e->note, sizeof(e->note), "%s",
                       json_string_value(json_object_get(row, "kind")));
    }
}

static void row_judge(const struct rows *rows, json_t *row,
                      struct row_result *result)
{
    memset(result, 0, sizeof(*result));
    if (is_kind(row, "envelope")) {
        row_envelope_judge(rows, row, result);
    } else if (is_kind(row, "cose-json")) {
        row_cose_judge(rows, row, result);
        result->is_bootable = true;
    }
}

/* A refusal for what we lack names it. */
static bool is_by_name(json_t *row, const struct row_result *r)
{
    return (r->err != SELV_ERR_SUIT_COMMAND &&
            r->err != SELV_ERR_SUIT_PARAMETER) ||
           row_envelope_lacks(row, r->err, r->code);
}

static bool is_right(json_t *row, const struct row_expectation *e,
                     const struct row_result *r)
{
    if (e->err == SELV_OK) {
        return r->err == SELV_OK && r->is_bootable;
    }
    return (r->err == e->err || r->err == e->or_err) && is_by_name(row, r) &&
           (e->code == 0 || r->code == e->code) &&
           (e->behind == SELV_OK ||
            (r->behind == e->behind &&
             (e->behind_code == 0 || r->behind_code == e->behind_code)));
}

/* The opposite, to show that a row can fail. */
static void turn_around(struct row_expectation *e)
{
    e->err = e->or_err = e->err == SELV_OK ? SELV_ERR_SUIT_NOT_SIGNED : SELV_OK;
    e->code = 0;
    e->behind = SELV_OK;
}

/* What is read of every row is there; else what is not, printed. features and
 * manifest_keys may be missing: then there are none. */
static bool is_readable(const char *path, json_t *index)
{
    static const char *const needed[] = {"file", "kind", "expected"};
    static const char *const lists[] = {"features", "manifest_keys"};
    size_t i;
    size_t n;
    json_t *row;
    json_t *word;

    json_array_foreach(index, i, row)
    {
        for (size_t k = 0; k < 3; k++) {
            bool is_asked = k < 2 || is_kind(row, "envelope");
            if (is_asked && !json_is_string(json_object_get(row, needed[k]))) {
                fprintf(stderr, "suit_rows: %s: row %zu: no text \"%s\"\n",
                        path, i, needed[k]);
                return false;
            }
        }
        for (size_t k = 0; k < 2; k++) {
            json_array_foreach(json_object_get(row, lists[k]), n, word)
            {
                if (!json_is_string(word)) {
                    fprintf(stderr,
                            "suit_rows: %s: row %zu: \"%s\" is no list of "
                            "texts\n",
                            path, i, lists[k]);
                    return false;
                }
            }
        }
    }
    return true;
}

/* ---- all rows ------------------------------------------------------------ */

struct count {
    unsigned passed, failed, later, data, planted, noticed;
};

static const char *outcome(enum selv_err err)
{
    return err == SELV_OK ? "accepted" : selv_err_name(err);
}

static void row_print(json_t *row, const struct row_expectation *e,
                      const struct row_result *r, bool is_good)
{
    static const char *const kinds[] = {"accept", "reject", "policy", "later",
                                        "data"};
    const char *word = e->kind == ROW_DATA    ? "data"
                       : !is_good             ? "FAIL"
                       : e->kind == ROW_LATER ? "later"
                                              : "pass";
    char result[96] = "-";
    char code[24] = "";

    if (r->code != 0) {
        (void)snprintf(code, sizeof(code), " %d", (int)r->code);
    }
    if (e->kind != ROW_DATA) {
        (void)snprintf(result, sizeof(result), "%s%s", outcome(r->err), code);
    }
    if (r->behind != SELV_OK) {
        size_t len = strlen(result);
        (void)snprintf(result + len, sizeof(result) - len, "; tagged: %s %d",
                       outcome(r->behind), (int)r->behind_code);
    }
    printf("%-5s %-6s %-52s %-28s %s\n", word, kinds[e->kind],
           json_string_value(json_object_get(row, "file")), result, e->note);
    if (!is_good) {
        printf("      expected %s", outcome(e->err));
        if (e->or_err != e->err) {
            printf(" or %s", outcome(e->or_err));
        }
        if (e->code != 0) {
            printf(" with code %d", (int)e->code);
        }
        if (e->behind != SELV_OK) {
            printf("; tagged: %s %d", outcome(e->behind), (int)e->behind_code);
        }
        printf("; the index says: %s\n",
               json_string_value(json_object_get(row, "expected")));
    }
}

static void row_count(const struct row_expectation *e, bool is_good,
                      struct count *c)
{
    c->data += e->kind == ROW_DATA;
    c->failed += e->kind != ROW_DATA && !is_good;
    c->later += e->kind == ROW_LATER && is_good;
    c->passed += e->kind != ROW_DATA && e->kind != ROW_LATER && is_good;
}

static void row_run(const struct rows *rows, json_t *row, const char *plant,
                    bool is_self_test, struct count *c)
{
    struct row_expectation e;
    struct row_result r;

    row_expect(rows, row, &e);
    row_judge(rows, row, &r);
    if (is_self_test) {
        if (e.kind != ROW_DATA) {
            turn_around(&e);
            c->planted++;
            c->noticed += !is_right(row, &e, &r);
        }
        return;
    }
    if (plant != NULL &&
        strcmp(plant, json_string_value(json_object_get(row, "file"))) == 0) {
        turn_around(&e);
        c->planted++;
    }
    bool is_good = e.kind == ROW_DATA || is_right(row, &e, &r);
    row_print(row, &e, &r, is_good);
    row_count(&e, is_good, c);
}

static int finish(const struct count *c, const char *plant, bool is_self_test)
{
    if (is_self_test) {
        printf("%u wrong expectations planted, %u noticed\n", c->planted,
               c->noticed);
        return c->planted > 0 && c->planted == c->noticed ? 0 : 1;
    }
    if (plant != NULL && c->planted == 0) {
        fprintf(stderr, "suit_rows: no row is about %s\n", plant);
        return 2;
    }
    printf("%u later, %u data\n", c->later, c->data);
    printf("%u passed, %u failed\n", c->passed, c->failed);
    return c->failed == 0 && c->passed > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    bool is_self_test = argc == 3 && strcmp(argv[1], "--self-test") == 0;
    bool is_plant = argc == 4 && strcmp(argv[1], "--plant") == 0;
    const char *plant = is_plant ? argv[2] : NULL;
    struct count count = {0, 0, 0, 0, 0, 0};
    struct rows rows;
    char path[4096];
    json_error_t error;
    size_t i;
    json_t *row;

    if (argc != 2 && !is_self_test && !is_plant) {
        fprintf(stderr,
                "usage: suit_rows [--self-test | --plant FILE] VECTORS\n");
        return 2;
    }
    (void)snprintf(path, sizeof(path), "%s/suit/index.json", argv[argc - 1]);
    json_t *index = json_load_file(path, JSON_DECODE_INT_AS_REAL, &error);
    if (!json_is_array(index)) {
        fprintf(stderr, "suit_rows: %s: %s\n", path,
                index == NULL ? error.text : "not a list of rows");
        json_decref(index);
        return 3;
    }
    if (!is_readable(path, index) || selv_crypto_init() != SELV_OK ||
        !rows_open(&rows, argv[argc - 1])) {
        json_decref(index);
        return 3;
    }
    json_array_foreach(index, i, row)
    {
        row_run(&rows, row, plant, is_self_test, &count);
    }
    json_decref(index);
    return finish(&count, plant, is_self_test);
}
