/* SPDX-License-Identifier: Apache-2.0
 *
 * test/board/release.c - signs releases for the board's tests, with a key that
 * everybody knows.
 *
 * usage: board-release anchor FILE        the public key, for the factory
 *        board-release envelope SEQUENCE IMAGE-A IMAGE-B FILE
 * An envelope names both images by slot, size and digest, and fetches them
 * from /i/<SHA-256>. */
#include <stdio.h>
#include <stdlib.h>

#include "cbor/cbor.h"
#include "cose/cose.h"
#include "store/layout.h"
#include "suit/numbers.h"

#define POLICY 15u
#define REPORT 2u
#define PART_MAX 1024u

/* The ids that test/board/lib.sh gives to the factory. */
static const uint8_t vendor_id[16] = {1, 1, 1, 1, 1, 1, 1, 1,
                                      1, 1, 1, 1, 1, 1, 1, 1};
static const uint8_t class_id[16] = {2, 2, 2, 2, 2, 2, 2, 2,
                                     2, 2, 2, 2, 2, 2, 2, 2};
static const uint8_t private_key[SELV_P256_PRIVATE_LEN] = {
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

struct image {
    uint8_t digest[SELV_SHA256_LEN];
    char uri[3 + 2 * SELV_SHA256_LEN + 1];
    size_t size;
};

/* Bytes under construction. */
struct part {
    uint8_t bytes[PART_MAX];
    struct selv_cbor_writer w;
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "board-release: %s\n", what);
    exit(1);
}

_Noreturn void selv_panic(uint32_t module, uint32_t line)
{
    fprintf(stderr, "panic %08x %u\n", (unsigned)module, (unsigned)line);
    abort();
}

static struct selv_cbor_writer *begin(struct part *part)
{
    selv_cbor_writer_init(&part->w, part->bytes, sizeof part->bytes);
    return &part->w;
}

static struct selv_bytes end(struct part *part)
{
    struct selv_bytes view;

    if (selv_cbor_finish(&part->w, &view)) {
        fail("a part does not fit");
    }
    return view;
}

static void put_digest(struct selv_cbor_writer *w, const uint8_t *digest)
{
    selv_cbor_put_array(w, 2);
    selv_cbor_put_int(w, SELV_SUIT_DIGEST_SHA256);
    selv_cbor_put_bstr(w, selv_bytes(digest, SELV_SHA256_LEN));
}

static void put_pair(struct selv_cbor_writer *w, uint32_t command,
                     uint32_t argument)
{
    selv_cbor_put_uint(w, command);
    selv_cbor_put_uint(w, argument);
}

/* ---- the manifest -------------------------------------------------------- */

/* One alternative of a try-each: only for this slot, digest and size (shared
 * sequence) or the URI (install). */
static void put_slot(struct selv_cbor_writer *w, uint32_t slot,
                     const struct image *image, bool is_install)
{
    struct part part;
    struct part digest;
    struct selv_cbor_writer *s = begin(&part);

    selv_cbor_put_array(s, 6);
    selv_cbor_put_uint(s, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    selv_cbor_put_map(s, 1);
    put_pair(s, SELV_SUIT_PARAMETER_COMPONENT_SLOT, slot);
    put_pair(s, SELV_SUIT_CONDITION_COMPONENT_SLOT, POLICY);
    selv_cbor_put_uint(s, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    if (is_install) {
        selv_cbor_put_map(s, 1);
        selv_cbor_put_uint(s, SELV_SUIT_PARAMETER_URI);
        selv_cbor_put_tstr(s, selv_bytes(image->uri, strlen(image->uri)));
    } else {
        put_digest(begin(&digest), image->digest);
        selv_cbor_put_map(s, 2);
        selv_cbor_put_uint(s, SELV_SUIT_PARAMETER_IMAGE_DIGEST);
        selv_cbor_put_bstr(s, end(&digest));
        put_pair(s, SELV_SUIT_PARAMETER_IMAGE_SIZE, (uint32_t)image->size);
    }
    selv_cbor_put_bstr(w, end(&part));
}

static void put_slots(struct selv_cbor_writer *w, const struct image *images,
                      bool is_install)
{
    selv_cbor_put_uint(w, SELV_SUIT_DIRECTIVE_TRY_EACH);
    selv_cbor_put_array(w, SELV_SLOT_COUNT);
    for (uint32_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
        put_slot(w, slot, &images[slot], is_install);
    }
}

static void put_common(struct selv_cbor_writer *m, const struct image *images)
{
    static const uint8_t components[] = {0x81, 0x81, 0x43, 'a', 'p', 'p'};
    struct part common;
    struct part shared;
    struct selv_cbor_writer *s = begin(&shared);
    struct selv_cbor_writer *c = begin(&common);

    selv_cbor_put_array(s, 8);
    selv_cbor_put_uint(s, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    selv_cbor_put_map(s, 2);
    selv_cbor_put_uint(s, SELV_SUIT_PARAMETER_VENDOR_ID);
    selv_cbor_put_bstr(s, selv_bytes(vendor_id, 16));
    selv_cbor_put_uint(s, SELV_SUIT_PARAMETER_CLASS_ID);
    selv_cbor_put_bstr(s, selv_bytes(class_id, 16));
    put_pair(s, SELV_SUIT_CONDITION_VENDOR_ID, POLICY);
    put_pair(s, SELV_SUIT_CONDITION_CLASS_ID, POLICY);
    put_slots(s, images, false);
    selv_cbor_put_map(c, 2);
    selv_cbor_put_uint(c, SELV_SUIT_COMMON_COMPONENTS);
    selv_cbor_put_raw(c, selv_bytes(components, sizeof components));
    selv_cbor_put_uint(c, SELV_SUIT_COMMON_SHARED_SEQUENCE);
    selv_cbor_put_bstr(c, end(&shared));
    selv_cbor_put_uint(m, SELV_SUIT_KEY_COMMON);
    selv_cbor_put_bstr(m, end(&common));
}

static void put_section(struct selv_cbor_writer *m, uint32_t key,
                        uint32_t command, uint32_t argument)
{
    struct part part;
    struct selv_cbor_writer *s = begin(&part);

    selv_cbor_put_array(s, 2);
    put_pair(s, command, argument);
    selv_cbor_put_uint(m, key);
    selv_cbor_put_bstr(m, end(&part));
}

static void put_install(struct selv_cbor_writer *m, const struct image *images)
{
    struct part part;
    struct selv_cbor_writer *s = begin(&part);

    selv_cbor_put_array(s, 6);
    put_slots(s, images, true);
    put_pair(s, SELV_SUIT_DIRECTIVE_FETCH, REPORT);
    put_pair(s, SELV_SUIT_CONDITION_IMAGE_MATCH, POLICY);
    selv_cbor_put_uint(m, SELV_SUIT_KEY_INSTALL);
    selv_cbor_put_bstr(m, end(&part));
}

static struct selv_bytes make_manifest(struct part *part, uint64_t sequence,
                                       const struct image *images)
{
    struct selv_cbor_writer *m = begin(part);

    selv_cbor_put_map(m, 6);
    put_pair(m, SELV_SUIT_KEY_VERSION, SELV_SUIT_MANIFEST_VERSION);
    selv_cbor_put_uint(m, SELV_SUIT_KEY_SEQUENCE_NUMBER);
    selv_cbor_put_uint(m, sequence);
    put_common(m, images);
    put_section(m, SELV_SUIT_KEY_VALIDATE, SELV_SUIT_CONDITION_IMAGE_MATCH,
                POLICY);
    put_section(m, SELV_SUIT_KEY_INVOKE, SELV_SUIT_DIRECTIVE_INVOKE, REPORT);
    put_install(m, images);
    return end(part);
}

/* ---- the envelope -------------------------------------------------------- */

static void make_key(struct selv_cose_key *key)
{
    memset(key, 0, sizeof *key);
    if (selv_p256_public(private_key, key->public_key)) {
        fail("no public key");
    }
    selv_cose_key_set_kid(key);
}

/* The digest covers the manifest as a byte string, head included. */
static struct selv_bytes make_digest(struct part *part,
                                     struct selv_bytes manifest)
{
    uint8_t digest[SELV_SHA256_LEN];
    struct selv_sha256 h;

    selv_cbor_put_bstr_head(begin(part), manifest.len);
    selv_sha256_init(&h);
    selv_sha256_update(&h, part->bytes, part->w.len);
    selv_sha256_update(&h, manifest.p, manifest.len);
    selv_sha256_finish(&h, digest);
    put_digest(begin(part), digest);
    return end(part);
}

static struct selv_bytes make_envelope(struct part *part,
                                       struct selv_bytes manifest)
{
    uint8_t block_bytes[256];
    struct selv_buf block = {block_bytes, sizeof block_bytes, 0};
    struct selv_cose_key key;
    struct part digest_part;
    struct part wrapper;
    struct selv_bytes digest = make_digest(&digest_part, manifest);
    struct selv_cbor_writer *w = begin(&wrapper);
    struct selv_cbor_writer *e = begin(part);

    make_key(&key);
    if (selv_cose_sign1_create(&key, private_key, digest, &block)) {
        fail("no signature");
    }
    selv_cbor_put_array(w, 2);
    selv_cbor_put_bstr(w, digest);
    selv_cbor_put_bstr(w, selv_bytes(block.p, block.len));
    selv_cbor_put_tag(e, SELV_SUIT_TAG_ENVELOPE);
    selv_cbor_put_map(e, 2);
    selv_cbor_put_uint(e, SELV_SUIT_KEY_AUTHENTICATION);
    selv_cbor_put_bstr(e, end(&wrapper));
    selv_cbor_put_uint(e, SELV_SUIT_KEY_MANIFEST);
    selv_cbor_put_bstr(e, manifest);
    return end(part);
}

/* ---- files --------------------------------------------------------------- */

static void image_read(const char *name, struct image *image)
{
    uint8_t chunk[4096];
    struct selv_sha256 h;
    size_t n;
    FILE *file = fopen(name, "rb");

    if (file == NULL) {
        fail(name);
    }
    image->size = 0;
    selv_sha256_init(&h);
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        selv_sha256_update(&h, chunk, n);
        image->size += n;
    }
    selv_sha256_finish(&h, image->digest);
    fclose(file);
    memcpy(image->uri, "/i/", 3);
    for (size_t i = 0; i < SELV_SHA256_LEN; i++) {
        snprintf(image->uri + 3 + 2 * i, 3, "%02x", image->digest[i]);
    }
}

static void file_write(const char *name, struct selv_bytes bytes)
{
    FILE *file = fopen(name, "wb");

    if (file == NULL || fwrite(bytes.p, 1, bytes.len, file) != bytes.len ||
        fclose(file) != 0) {
        fail(name);
    }
}

static void write_anchor(const char *name)
{
    uint8_t bytes[256];
    struct selv_buf out = {bytes, sizeof bytes, 0};
    struct selv_cose_key key;

    make_key(&key);
    if (selv_cose_key_encode(&key, NULL, &out)) {
        fail("no COSE_Key");
    }
    file_write(name, selv_bytes(out.p, out.len));
}

int main(int argc, char **argv)
{
    if (selv_crypto_init()) {
        fail("the crypto library does not start");
    }
    if (argc == 3 && strcmp(argv[1], "anchor") == 0) {
        write_anchor(argv[2]);
    } else if (argc == 6 && strcmp(argv[1], "envelope") == 0) {
        struct image images[SELV_SLOT_COUNT];
        struct part manifest;
        struct part envelope;

        image_read(argv[3], &images[SELV_SLOT_A]);
        image_read(argv[4], &images[SELV_SLOT_B]);
        file_write(
            argv[5],
            make_envelope(
                &envelope,
                make_manifest(&manifest, strtoull(argv[2], NULL, 10), images)));
    } else {
        fail("usage: anchor FILE | envelope SEQUENCE IMAGE-A IMAGE-B FILE");
    }
    return 0;
}
