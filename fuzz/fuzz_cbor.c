/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever skip accepts, the typed readers read and the writer writes back
 * equal; a reader that refuses leaves its cursor where it was. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct selv_bytes in = selv_bytes(data, size);
    struct selv_cbor r;
    struct selv_bytes item;
    struct selv_bytes again;
    uint8_t *out;

    readers_run(in);
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
