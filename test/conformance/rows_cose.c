/* SPDX-License-Identifier: Apache-2.0
 *
 * Examples of the COSE working group, as JSON. lib/cose takes COSE_Sign1 and
 * COSE_Mac0 with detached payload, since SUIT has no others. An attached
 * payload is taken out of the block and given beside it: the bytes that are
 * signed or authenticated are the same [RFC 9052 4.4, 6.3]. */
#include <stdio.h>
#include <stdlib.h>

#include "cbor/cbor.h"
#include "test/conformance/rows.h"

enum { BLOCK_MAX = 16384 };

struct example {
    json_t *json;
    json_t *part; /* of input: sign0, mac0 or another */
    const char *part_name;
    struct selv_cose_key key;
    bool has_key; /* of a kind that we have */
    uint8_t bytes[BLOCK_MAX];
    struct selv_bytes block;   /* as it stands */
    struct selv_bytes payload; /* that was taken out */
};

static const char *text_at(json_t *j, const char *a, const char *b)
{
    j = json_object_get(j, a);
    return json_string_value(b == NULL ? j : json_object_get(j, b));
}

/* base64url without padding. */
static bool base64url(const char *text, uint8_t *out, size_t len)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned have = 0;
    size_t done = 0;

    for (; text != NULL && *text != '\0' && done < len; text++) {
        const char *digit = strchr(digits, *text);
        if (digit == NULL) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(digit - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[done++] = (uint8_t)(bits >> have);
        }
    }
    return done == len;
}

static size_t hex_at(json_t *j, const char *a, const char *b, uint8_t *out)
{
    const char *digits = text_at(j, a, b);
    size_t len = 0;

    for (; digits != NULL && digits[2 * len] != '\0' && len < BLOCK_MAX;
         len++) {
        unsigned value = 0;
        if (sscanf(digits + 2 * len, "%2x", &value) != 1) {
            return 0;
        }
        out[len] = (uint8_t)value;
    }
    return len;
}

static void key_read(struct example *x)
{
    json_t *recipient =
        json_array_get(json_object_get(x->part, "recipients"), 0);
    json_t *key = json_object_get(x->part, "key");
    const char *curve = text_at(key, "crv", NULL);

    if (strcmp(x->part_name, "mac0") == 0) {
        key = json_object_get(recipient, "key");
        x->key.method = &selv_cose_hmac256;
        x->has_key = base64url(text_at(key, "k", NULL), x->key.secret,
                               sizeof(x->key.secret));
    } else if (curve != NULL && strcmp(curve, "P-256") == 0) {
        x->key.method = &selv_cose_es256;
        x->has_key =
            base64url(text_at(key, "x", NULL), x->key.public_key, 32) &&
            base64url(text_at(key, "y", NULL), x->key.public_key + 32, 32);
    }
}

/* Put nil where the payload is. False when the block is not shaped so. */
static bool detach(struct example *x)
{
    static uint8_t payload[BLOCK_MAX];
    struct selv_cbor r;
    struct selv_bytes inside;
    uint64_t tag;
    uint32_t count;

    selv_cbor_init(&r, x->block);
    if (selv_cbor_tag(&r, &tag) != SELV_OK ||
        selv_cbor_array(&r, &count) != SELV_OK || count != 4 ||
        selv_cbor_skip(&r, NULL) != SELV_OK ||
        selv_cbor_skip(&r, NULL) != SELV_OK) {
        return false;
    }
    size_t at = (size_t)(r.p - x->bytes);
    if (selv_cbor_bstr(&r, &inside) != SELV_OK) {
        return false;
    }
    size_t rest = (size_t)(r.end - r.p);
    memcpy(payload, inside.p, inside.len);
    x->payload = selv_bytes(payload, inside.len);
    x->bytes[at] = 0xf6;
    memmove(x->bytes + at + 1, r.p, rest);
    x->block.len = at + 1 + rest;
    return true;
}

static bool example_open(const struct rows *rows, json_t *row,
                         struct example *x)
{
    struct selv_bytes file =
        rows_file(rows, json_string_value(json_object_get(row, "file")));
    const char *name;
    json_t *value;

    memset(x, 0, sizeof(*x));
    x->json = json_loadb((const char *)file.p, file.len, 0, NULL);
    json_object_foreach(json_object_get(x->json, "input"), name, value)
    {
        if (json_is_object(value) && strcmp(name, "failures") != 0) {
            x->part = value;
            x->part_name = name;
        }
    }
    if (x->part == NULL) {
        json_decref(x->json);
        return false;
    }
    key_read(x);
    x->block =
        selv_bytes(x->bytes, hex_at(x->json, "output", "cbor", x->bytes));
    return true;
}

static bool is_block_kind(const struct example *x)
{
    return strcmp(x->part_name, "sign0") == 0 ||
           strcmp(x->part_name, "mac0") == 0;
}

static void expect(const struct example *x, struct row_expectation *e)
{
    const char *alg = text_at(x->part, "protected", "alg");

    if (json_is_true(json_object_get(x->json, "fail"))) {
        e->kind = ROW_REFUSE;
        e->err = SELV_ERR_COSE_NO_KEY;
    } else if (!is_block_kind(x)) {
        e->kind = ROW_LATER;
        e->err = SELV_ERR_COSE_TAG;
        /* The block's CBOR is looked at first. */
        e->or_err = SELV_ERR_CBOR_ORDER;
        (void)snprintf(e->note, sizeof(e->note),
                       "no block of SUIT's as we have it: %s", x->part_name);
    } else if (text_at(x->part, "unprotected", "alg") != NULL) {
        e->kind = ROW_POLICY;
        e->err = SELV_ERR_COSE_HEADER;
        (void)snprintf(e->note, sizeof(e->note),
                       "P7: alg must stand in the protected bucket");
    } else if (!x->has_key) {
        e->kind = ROW_LATER;
        e->err = SELV_ERR_COSE_ALG;
        (void)snprintf(e->note, sizeof(e->note), "needs the algorithm %s",
                       alg == NULL ? "of another bucket" : alg);
    } else if (json_object_get(x->part, "external") != NULL) {
        e->kind = ROW_REFUSE;
        e->err = SELV_ERR_COSE_NO_KEY;
        (void)snprintf(e->note, sizeof(e->note),
                       "external_aad, of which SUIT has none");
    } else {
        e->kind = ROW_ACCEPT;
    }
}

void row_cose_expect(const struct rows *rows, json_t *row,
                     struct row_expectation *e)
{
    static struct example x;

    if (!example_open(rows, row, &x)) {
        e->kind = ROW_REFUSE;
        e->err = SELV_ERR_SUIT_MORE;
        (void)snprintf(e->note, sizeof(e->note), "not an example");
        return;
    }
    expect(&x, e);
    if (e->or_err == SELV_OK) {
        e->or_err = e->err;
    }
    json_decref(x.json);
}

void row_cose_judge(const struct rows *rows, json_t *row,
                    struct row_result *result)
{
    static struct example x;
    struct selv_cose_key keys[4];
    enum selv_err why = SELV_OK;

    result->err = SELV_ERR_STATE;
    if (!example_open(rows, row, &x)) {
        return;
    }
    (void)detach(&x);
    /* The anchors of the SUIT vectors stand beside the example's own key: a
     * device has several. */
    memcpy(keys, rows->anchors, sizeof(rows->anchors));
    keys[3] = x.key;
    if (selv_is_good(selv_cose_verify(x.block, x.payload, keys,
                                      x.has_key ? 4 : 3, NULL, &why))) {
        why = SELV_OK;
    }
    result->err = why;
    json_decref(x.json);
}
