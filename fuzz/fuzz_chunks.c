/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_chunks - the first byte says what the rest is: a name in a manifest, a
 * list, or an image to make the list of. What is read is written again as it
 * was; the chunks of a list cover its image. */
#include <stdio.h>
#include <stdlib.h>

#include "suit/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "fuzz_chunks: %s\n", what);
        abort();
    }
}

static void name(struct selv_bytes value)
{
    uint8_t out[SELV_SUIT_CHUNKS_NAME_MAX];
    struct selv_suit_chunks_name n;
    struct selv_cbor_writer w;
    struct selv_bytes again;
    if (selv_suit_chunks_name_read(value, &n) != SELV_OK) {
        return;
    }
    selv_cbor_writer_init(&w, out, sizeof out);
    selv_suit_chunks_name_put(&w, &n);
    must(selv_cbor_finish(&w, &again) == SELV_OK, "a name too long");
    must(selv_bytes_equal(again, value), "a name in two forms");
}

/* Of a few chunks at both ends. */
static void cover(const struct selv_suit_chunks *c)
{
    uint32_t last = c->count - 1;
    must(selv_suit_chunk_off(c, last) < c->image_len, "a chunk behind the end");
    must(selv_suit_chunk_off(c, last) + selv_suit_chunk_len(c, last) ==
             c->image_len,
         "the last chunk ends elsewhere");
    must(selv_suit_chunk_at(c, c->image_len - 1) == last, "the last byte");
    for (uint32_t k = 0; k < last && k < 8; k++) {
        must(selv_suit_chunk_off(c, k) + selv_suit_chunk_len(c, k) ==
                 selv_suit_chunk_off(c, k + 1),
             "a gap");
    }
}

static void list(const uint8_t *p, size_t len)
{
    uint8_t header[SELV_SUIT_CHUNKS_HEADER_LEN];
    struct selv_suit_chunks c;
    if (len < sizeof header ||
        selv_suit_chunks_read(p, (uint32_t)len, 0, &c) != SELV_OK) {
        return;
    }
    must(selv_suit_chunk_digest_off(c.count) == len, "a digest too many");
    selv_suit_chunks_write(&c, header);
    must(memcmp(header, p, sizeof header) == 0, "a header in two forms");
    cover(&c);
}

static void image(struct selv_bytes bytes, uint32_t shift)
{
    static uint8_t out[8192];
    struct selv_suit_chunks c;
    struct selv_buf made = {out, sizeof out, 0};
    if (selv_suit_chunks_make(bytes, shift, &made) != SELV_OK) {
        return;
    }
    must(selv_suit_chunks_read(made.p, (uint32_t)made.len, (uint32_t)bytes.len,
                               &c) == SELV_OK,
         "its own list is refused");
    cover(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct selv_bytes rest = selv_bytes(data + 1, size - 1);
    switch (data[0]) {
    case 0:
        name(rest);
        break;
    case 1:
        list(rest.p, rest.len);
        break;
    default:
        image(rest, data[0]);
        break;
    }
    return 0;
}
