/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever skip accepts, the typed readers read and the writer writes back
 * equal; a reader that refuses leaves its cursor where it was. The two manners
 * of reading agree. */
#include <stdlib.h>

#include "test/unit/cbor_transcode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Each reader on the same bytes: at most one type may succeed, and it must
 * agree with peek. */
static void readers_run(struct selv_bytes in)
{
    struct selv_cbor r[7];
    uint64_t value;
    uint32_t count;
    struct selv_bytes string;
    struct selv_cbor probe;
    int32_t number;
    bool flag;
    enum selv_err err[7];

    for (size_t i = 0; i < 7; i++) {
        selv_cbor_init(&r[i], in);
    }
    probe = r[0];
    err[0] = selv_cbor_uint(&r[0], &value);
    err[1] = selv_cbor_int(&r[1], &number);
    err[2] = selv_cbor_bstr(&r[2], &string);
    err[3] = selv_cbor_tstr(&r[3], &string);
    err[4] = selv_cbor_array(&r[4], &count);
    err[5] = selv_cbor_map(&r[5], &count);
    err[6] = selv_cbor_tag(&r[6], &value);
    for (size_t i = 0; i < 7; i++) {
        must(r[i].p >= in.p && r[i].p <= r[i].end);
        must((r[i].p == in.p) == (err[i] != SELV_OK));
        must(err[i] != SELV_OK || selv_cbor_peek(&probe) == i ||
             (i == 1 && selv_cbor_peek(&probe) == SELV_CBOR_UINT));
    }
    must(selv_cbor_bool(&probe, &flag) != SELV_OK || probe.p == in.p + 1);
}

/* A read in both manners: kept is the cursor after selv_cbor_get_..., answer
 * and answered what the other one said and left. */
static void agree(struct selv_bytes in, const struct selv_cbor *kept,
                  enum selv_err answer, const struct selv_cbor *answered)
{
    must(kept->err == answer);
    must(kept->p >= in.p && kept->p <= kept->end);
    must(answered->p == (answer ? in.p : kept->p));
    must(answered->err == SELV_OK);
}

#define AGREE(type, read)                                                      \
    do {                                                                       \
        struct selv_cbor kept;                                                 \
        struct selv_cbor answered;                                             \
        type value = {0};                                                      \
        type again = {0};                                                      \
        enum selv_err answer;                                                  \
        selv_cbor_init(&kept, in);                                             \
        answered = kept;                                                       \
        value = selv_cbor_get_##read(&kept);                                   \
        answer = selv_cbor_##read(&answered, &again);                          \
        agree(in, &kept, answer, &answered);                                   \
        must(answer || memcmp(&value, &again, sizeof(value)) == 0);            \
    } while (0)

static struct selv_bytes selv_cbor_get_skip(struct selv_cbor *r)
{
    return selv_cbor_get_item(r);
}

static void manners_run(struct selv_bytes in)
{
    AGREE(uint64_t, uint);
    AGREE(int32_t, int);
    AGREE(struct selv_bytes, bstr);
    AGREE(struct selv_bytes, tstr);
    AGREE(uint32_t, array);
    AGREE(uint32_t, map);
    AGREE(uint64_t, tag);
    AGREE(bool, bool);
    AGREE(struct selv_bytes, skip);
}

static void more_manners_run(struct selv_bytes in)
{
    struct selv_cbor kept;
    struct selv_cbor answered;
    uint32_t value;
    uint32_t again = 0;

    selv_cbor_init(&kept, in);
    answered = kept;
    value = selv_cbor_get_uint32(&kept, 300);
    agree(in, &kept, selv_cbor_uint32(&answered, 300, &again), &answered);
    must(value == again);
    selv_cbor_init(&kept, in);
    answered = kept;
    selv_cbor_get_null(&kept);
    agree(in, &kept, selv_cbor_null(&answered), &answered);
}

/* A map of integer keys as our callers read it, against the other manner:
 * each key an int, and in order. */
static void keys_run(struct selv_bytes in)
{
    struct selv_bytes previous[2] = {{NULL, 0}, {NULL, 0}};
    struct selv_cbor kept;
    struct selv_cbor r;
    enum selv_err err;
    uint32_t left = 0;
    uint32_t count;

    selv_cbor_init(&kept, in);
    r = kept;
    count = selv_cbor_get_map(&kept);
    err = selv_cbor_map(&r, &left);
    for (; !err && left > 0; left--) {
        const uint8_t *start = r.p;
        int32_t key = 0;

        err = selv_cbor_int(&r, &key);
        if (!err) {
            err = selv_cbor_key_order(&previous[0],
                                      selv_bytes(start, (size_t)(r.p - start)));
        }
        must(selv_cbor_get_key(&kept, &previous[1]) == (err ? 0 : key));
        must(kept.err == err);
        must(!err || kept.p == start);
        if (!err) {
            err = selv_cbor_skip(&r, NULL);
            (void)selv_cbor_get_item(&kept);
        }
        must(kept.err == err);
        count--;
    }
    must(err || (count == 0 && kept.p == r.p));
    for (; count > 0; count--) { /* at most as many as there are bytes */
        must(selv_cbor_get_key(&kept, &previous[1]) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct selv_bytes in = selv_bytes(data, size);
    struct selv_cbor r;
    struct selv_bytes item;
    struct selv_bytes again;
    uint8_t *out;

    readers_run(in);
    manners_run(in);
    more_manners_run(in);
    keys_run(in);
    selv_cbor_init(&r, in);
    if (selv_cbor_skip(&r, &item) != SELV_OK) {
        must(r.p == data);
        return 0;
    }
    must(item.p == data && item.len > 0 && r.p == data + item.len);
    out = malloc(item.len);
    must(out != NULL);
    must(cbor_transcode(item, out, item.len, &again) == SELV_OK);
    must(selv_bytes_equal(again, item));
    free(out);
    return 0;
}
