/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/release.c - see sim/release.h. */
#include "sim/release.h"

#include "cbor/cbor.h"
#include "cose/cose.h"
#include "crypto/crypto.h"
#include "store/slot.h"
#include "suit/chunks.h"
#include "suit/numbers.h"

enum { POLICY = 15, PART_MAX = 512, DIGEST_ITEM_MAX = 48 };

/* The encoding of [h'617070'], "app". */
static const uint8_t component_id[] = {0x81, 0x43, 'a', 'p', 'p'};
/* [h'617070', h'73'] */
static const uint8_t staging_id[] = {0x82, 0x43, 'a', 'p', 'p', 0x41, 's'};
/* [h'617070', h'72'] */
static const uint8_t ram_id[] = {0x82, 0x43, 'a', 'p', 'p', 0x41, 'r'};
static const uint8_t other_component_id[] = {0x81, 0x43, 'a', 'p', 'q'};

static void hash_text(const char *text, uint8_t digest[static 32])
{
    struct selv_sha256 hash;
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, text, strlen(text));
    selv_sha256_finish(&hash, digest);
}

static enum selv_err make_key(const char *name, uint8_t private_key[static 32],
                              struct selv_cose_key *key)
{
    memset(key, 0, sizeof *key);
    key->method = &selv_cose_es256;
    hash_text(name, private_key);
    return selv_p256_public(private_key, key->public_key);
}

void selv_release_factory(struct selv_factory *factory)
{
    uint8_t digest[32], private_key[32];
    memset(factory, 0, sizeof *factory);
    hash_text("vendor", digest);
    memcpy(factory->vendor_id, digest, 16);
    hash_text("class", digest);
    memcpy(factory->class_id, digest, 16);
    hash_text("device", digest);
    memcpy(factory->device_id, digest, 16);
    hash_text("seed", factory->seed);
    enum selv_err err = make_key("author", private_key, &factory->anchor);
    if (err) {
        memset(&factory->anchor, 0, sizeof factory->anchor);
    }
    memcpy(factory->component_id, component_id, sizeof component_id);
    factory->component_id_len = sizeof component_id;
}

/* Images are pseudo-random, so that no sector looks like another's. */
static void make_image(const struct selv_release_plan *plan, uint32_t slot,
                       uint8_t *image)
{
    slot = plan->install == SELV_RELEASE_FETCHED ? slot : SELV_SLOT_A;
    uint32_t x = plan->content * 2654435761u + slot * 40503u + 1;
    for (uint32_t i = 0; i < plan->image_len; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        image[i] = (uint8_t)x;
    }
}

/* ---- the manifest -----------------------------------------------------------
 */

static void put_digest(struct selv_cbor_writer *w,
                       const uint8_t digest[static 32])
{
    selv_cbor_put_array(w, 2);
    selv_cbor_put_int(w, SELV_SUIT_DIGEST_SHA256);
    selv_cbor_put_bstr(w, selv_bytes(digest, 32));
}

static void put_wrapped_digest(struct selv_cbor_writer *w,
                               const uint8_t digest[static 32])
{
    uint8_t item[DIGEST_ITEM_MAX];
    struct selv_cbor_writer inner;
    struct selv_bytes v = {NULL, 0};
    selv_cbor_writer_init(&inner, item, sizeof item);
    put_digest(&inner, digest);
    if (selv_cbor_finish(&inner, &v) == SELV_OK) {
        selv_cbor_put_bstr(w, v);
    }
}

static void put_condition(struct selv_cbor_writer *w, unsigned code)
{
    selv_cbor_put_uint(w, code);
    selv_cbor_put_uint(w, POLICY);
}

static void put_identity(struct selv_cbor_writer *w,
                         const struct selv_release_plan *plan)
{
    uint8_t vendor[32], class[32];
    hash_text(plan->is_other_vendor ? "other vendor" : "vendor", vendor);
    hash_text(plan->is_other_class ? "other class" : "class", class);
    selv_cbor_put_uint(w, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    selv_cbor_put_map(w, 2);
    selv_cbor_put_uint(w, SELV_SUIT_PARAMETER_VENDOR_ID);
    selv_cbor_put_bstr(w, selv_bytes(vendor, 16));
    selv_cbor_put_uint(w, SELV_SUIT_PARAMETER_CLASS_ID);
    selv_cbor_put_bstr(w, selv_bytes(class, 16));
    put_condition(w, SELV_SUIT_CONDITION_VENDOR_ID);
    put_condition(w, SELV_SUIT_CONDITION_CLASS_ID);
}

static void put_uri(struct selv_cbor_writer *w, const uint8_t *digest)
{
    static const char hex[] = "0123456789abcdef";
    char uri[3 + 64] = "/i/";
    for (size_t i = 0; i < 32; i++) {
        uri[3 + 2 * i] = hex[digest[i] >> 4];
        uri[4 + 2 * i] = hex[digest[i] & 15];
    }
    selv_cbor_put_uint(w, SELV_SUIT_PARAMETER_URI);
    selv_cbor_put_tstr(w, selv_bytes(uri, sizeof uri));
}

static void put_list(struct selv_cbor_writer *w, const struct selv_release *r,
                     uint32_t slot)
{
    const struct selv_suit_chunks_name name = {r->list_digest[slot],
                                               r->list_len[slot]};
    if (name.len > 0) {
        selv_cbor_put_int(w, SELV_SUIT_PARAMETER_CHUNK_LIST);
        selv_suit_chunks_name_put(w, &name);
    }
}

/* What is fetched from where. */
static void put_source(struct selv_cbor_writer *w, const struct selv_release *r,
                       const uint8_t *digest, uint32_t slot)
{
    selv_cbor_put_map(w, r->list_len[slot] > 0 ? 2 : 1);
    put_uri(w, digest);
    put_list(w, r, slot);
}

/* What holds for one slot: [override {slot}, condition slot, override {...}],
 * either digest and size, or the URI. */
static void put_alternative(struct selv_cbor_writer *w,
                            const struct selv_release_plan *plan,
                            const struct selv_release *r, uint32_t slot,
                            bool is_uri)
{
    uint8_t part[PART_MAX];
    struct selv_cbor_writer seq;
    struct selv_bytes v = {NULL, 0};
    const uint8_t *digest = r->image_digest[plan->is_swapped ? !slot : slot];
    selv_cbor_writer_init(&seq, part, sizeof part);
    selv_cbor_put_array(&seq, 6);
    selv_cbor_put_uint(&seq, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    selv_cbor_put_map(&seq, 1);
    selv_cbor_put_uint(&seq, SELV_SUIT_PARAMETER_COMPONENT_SLOT);
    selv_cbor_put_uint(&seq, slot);
    put_condition(&seq, SELV_SUIT_CONDITION_COMPONENT_SLOT);
    selv_cbor_put_uint(&seq, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    if (is_uri) {
        put_source(&seq, r, digest, slot);
    } else {
        selv_cbor_put_map(&seq, 2);
        selv_cbor_put_uint(&seq, SELV_SUIT_PARAMETER_IMAGE_DIGEST);
        put_wrapped_digest(&seq, digest);
        selv_cbor_put_uint(&seq, SELV_SUIT_PARAMETER_IMAGE_SIZE);
        selv_cbor_put_uint(&seq, r->image_len);
    }
    if (selv_cbor_finish(&seq, &v) == SELV_OK) {
        selv_cbor_put_bstr(w, v);
    }
}

static void put_try_each(struct selv_cbor_writer *w,
                         const struct selv_release_plan *plan,
                         const struct selv_release *r, bool is_uri)
{
    selv_cbor_put_uint(w, SELV_SUIT_DIRECTIVE_TRY_EACH);
    selv_cbor_put_array(w, SELV_SLOT_COUNT);
    for (uint32_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
        put_alternative(w, plan, r, slot, is_uri);
    }
}

static struct selv_bytes finish(const struct selv_cbor_writer *w,
                                enum selv_err *err)
{
    struct selv_bytes v = {NULL, 0};
    enum selv_err mine = selv_cbor_finish(w, &v);
    *err = *err != SELV_OK ? *err : mine;
    return v;
}

/* ---- a manifest for a device that stages, or loads -------------------------
 */

enum { APPLICATION, STAGING, RAM = STAGING };

static void put_index(struct selv_cbor_writer *w, unsigned component)
{
    selv_cbor_put_uint(w, SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX);
    selv_cbor_put_uint(w, component);
}

/* One digest and size for application and staging area. */
static void put_staged_shared(struct selv_cbor_writer *s,
                              const struct selv_release_plan *plan,
                              const struct selv_release *r)
{
    selv_cbor_put_array(s, 10);
    selv_cbor_put_uint(s, SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX);
    selv_cbor_put_array(s, 2);
    selv_cbor_put_uint(s, APPLICATION);
    selv_cbor_put_uint(s, STAGING);
    put_identity(s, plan);
    selv_cbor_put_uint(s, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    selv_cbor_put_map(s, 2);
    selv_cbor_put_uint(s, SELV_SUIT_PARAMETER_IMAGE_DIGEST);
    put_wrapped_digest(s, r->image_digest[SELV_SLOT_A]);
    selv_cbor_put_uint(s, SELV_SUIT_PARAMETER_IMAGE_SIZE);
    selv_cbor_put_uint(s, r->image_len);
}

static void put_staged_fetch(struct selv_cbor_writer *s,
                             const struct selv_release_plan *plan,
                             const struct selv_release *r)
{
    selv_cbor_put_array(s, 8);
    put_index(s, plan->install == SELV_RELEASE_LOADED ? APPLICATION : STAGING);
    selv_cbor_put_uint(s, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    put_source(s, r, r->image_digest[SELV_SLOT_A], SELV_SLOT_A);
    put_condition(s, SELV_SUIT_DIRECTIVE_FETCH);
    put_condition(s, SELV_SUIT_CONDITION_IMAGE_MATCH);
}

static void put_staged_install(struct selv_cbor_writer *s,
                               const struct selv_release_plan *plan)
{
    bool is_unmoved = plan->install == SELV_RELEASE_UNMOVED;
    bool is_twice = plan->install == SELV_RELEASE_MOVED_TWICE;
    selv_cbor_put_array(s, is_unmoved ? 6 : is_twice ? 10 : 8);
    put_index(s, APPLICATION);
    selv_cbor_put_uint(s, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    selv_cbor_put_map(s, 1);
    selv_cbor_put_uint(s, SELV_SUIT_PARAMETER_SOURCE_COMPONENT);
    selv_cbor_put_uint(s, STAGING);
    if (!is_unmoved) {
        put_condition(s, plan->install == SELV_RELEASE_SWAPPED
                             ? SELV_SUIT_DIRECTIVE_SWAP
                             : SELV_SUIT_DIRECTIVE_COPY);
    }
    if (is_twice) {
        put_condition(s, SELV_SUIT_DIRECTIVE_COPY);
    }
    put_condition(s, is_unmoved ? SELV_SUIT_CONDITION_VENDOR_ID
                                : SELV_SUIT_CONDITION_IMAGE_MATCH);
}

static void put_load(struct selv_cbor_writer *s,
                     const struct selv_release_plan *plan)
{
    selv_cbor_put_array(s, plan->is_unlooked ? 6 : 8);
    put_index(s, RAM);
    selv_cbor_put_uint(s, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    selv_cbor_put_map(s, 1);
    selv_cbor_put_uint(s, SELV_SUIT_PARAMETER_SOURCE_COMPONENT);
    selv_cbor_put_uint(s, APPLICATION);
    put_condition(s, SELV_SUIT_DIRECTIVE_COPY);
    if (!plan->is_unlooked) {
        put_condition(s, SELV_SUIT_CONDITION_IMAGE_MATCH);
    }
}

static void put_common(struct selv_cbor_writer *w,
                       const struct selv_release_plan *plan,
                       const struct selv_release *r, enum selv_err *err)
{
    uint8_t common[PART_MAX], shared[PART_MAX];
    struct selv_cbor_writer c, s;
    selv_cbor_writer_init(&s, shared, sizeof shared);
    bool is_staged = plan->install != SELV_RELEASE_FETCHED;
    if (is_staged) {
        put_staged_shared(&s, plan, r);
    } else {
        selv_cbor_put_array(&s, 8);
        put_identity(&s, plan);
        put_try_each(&s, plan, r, false);
    }
    selv_cbor_writer_init(&c, common, sizeof common);
    selv_cbor_put_map(&c, 2);
    selv_cbor_put_uint(&c, SELV_SUIT_COMMON_COMPONENTS);
    selv_cbor_put_array(&c, is_staged ? 2 : 1);
    const uint8_t part_id[] = {0x82, 0x43, 'a', 'p', 'p', 0x41, plan->part};
    selv_cbor_put_raw(
        &c, plan->is_other_component
                ? selv_bytes(other_component_id, sizeof other_component_id)
            : plan->part != 0 ? selv_bytes(part_id, sizeof part_id)
                              : selv_bytes(component_id, sizeof component_id));
    if (is_staged) {
        selv_cbor_put_raw(&c, plan->install == SELV_RELEASE_LOADED
                                  ? selv_bytes(ram_id, sizeof ram_id)
                                  : selv_bytes(staging_id, sizeof staging_id));
    }
    selv_cbor_put_uint(&c, SELV_SUIT_COMMON_SHARED_SEQUENCE);
    selv_cbor_put_bstr(&c, finish(&s, err));
    selv_cbor_put_uint(w, SELV_SUIT_KEY_COMMON);
    selv_cbor_put_bstr(w, finish(&c, err));
}

/* A section of one command. */
static void put_section(struct selv_cbor_writer *w,
                        const struct selv_release_plan *plan, unsigned key,
                        unsigned code, unsigned policy)
{
    uint8_t part[8];
    struct selv_cbor_writer s;
    enum selv_err err = SELV_OK;
    selv_cbor_writer_init(&s, part, sizeof part);
    bool is_staged = plan->install != SELV_RELEASE_FETCHED;
    selv_cbor_put_array(&s, is_staged ? 4 : 2);
    if (is_staged) {
        put_index(&s, plan->install == SELV_RELEASE_LOADED &&
                              key == SELV_SUIT_KEY_INVOKE && !plan->is_astray
                          ? RAM
                          : APPLICATION);
    }
    selv_cbor_put_uint(&s, code);
    selv_cbor_put_uint(&s, policy);
    selv_cbor_put_uint(w, key);
    selv_cbor_put_bstr(w, finish(&s, &err));
}

/* Elements of the envelope, in the order of their keys. */
struct severed {
    uint32_t count;
    struct {
        unsigned key;
        uint8_t p[PART_MAX];
        uint32_t len;
    } element[3];
};

/* In the manifest, or its digest there and itself aside [manifest 8.4.12]. */
static void put_severable(struct selv_cbor_writer *w,
                          const struct selv_release_plan *plan,
                          struct severed *severed, unsigned key,
                          struct selv_bytes bytes)
{
    struct selv_sha256 hash;
    struct selv_cbor_writer item;
    struct selv_bytes v = {NULL, 0};
    uint8_t digest[32];
    selv_cbor_put_uint(w, key);
    if (plan->sever == SELV_RELEASE_IN_MANIFEST) {
        selv_cbor_put_bstr(w, bytes);
        return;
    }
    uint8_t *p = severed->element[severed->count].p;
    selv_cbor_writer_init(&item, p, PART_MAX);
    selv_cbor_put_bstr(&item, bytes);
    if (selv_cbor_finish(&item, &v) != SELV_OK) {
        return; /* shows as a manifest that cannot be read */
    }
    severed->element[severed->count].key = key;
    severed->element[severed->count++].len = (uint32_t)v.len;
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, v.p, v.len);
    selv_sha256_finish(&hash, digest);
    put_digest(w, digest);
}

static void put_fetch(struct selv_cbor_writer *w,
                      const struct selv_release_plan *plan,
                      const struct selv_release *r, struct severed *severed,
                      enum selv_err *err)
{
    uint8_t part[PART_MAX];
    struct selv_cbor_writer s;
    selv_cbor_writer_init(&s, part, sizeof part);
    selv_cbor_put_array(&s, 6);
    put_try_each(&s, plan, r, true);
    selv_cbor_put_uint(&s, SELV_SUIT_DIRECTIVE_FETCH);
    selv_cbor_put_uint(&s, 2);
    put_condition(&s, SELV_SUIT_CONDITION_IMAGE_MATCH);
    put_severable(w, plan, severed, SELV_SUIT_KEY_INSTALL, finish(&s, err));
}

static void put_staged(struct selv_cbor_writer *w,
                       const struct selv_release_plan *plan,
                       const struct selv_release *r, struct severed *severed,
                       enum selv_err *err)
{
    uint8_t part[PART_MAX];
    struct selv_cbor_writer s;
    selv_cbor_writer_init(&s, part, sizeof part);
    put_staged_fetch(&s, plan, r);
    put_severable(w, plan, severed, SELV_SUIT_KEY_PAYLOAD_FETCH,
                  finish(&s, err));
    if (plan->install == SELV_RELEASE_LOADED) {
        return;
    }
    selv_cbor_writer_init(&s, part, sizeof part);
    put_staged_install(&s, plan);
    put_severable(w, plan, severed, SELV_SUIT_KEY_INSTALL, finish(&s, err));
}

static void put_text(struct selv_cbor_writer *w,
                     const struct selv_release_plan *plan,
                     struct severed *severed)
{
    /* {"en": {1: "what it is"}} */
    static const uint8_t text[] = {0xa1, 0x62, 'e', 'n', 0xa1, 0x01,
                                   0x6a, 'w',  'h', 'a', 't',  ' ',
                                   'i',  't',  ' ', 'i', 's'};
    put_severable(w, plan, severed, SELV_SUIT_KEY_TEXT,
                  selv_bytes(text, sizeof text));
}

static struct selv_bytes make_manifest(const struct selv_release_plan *plan,
                                       const struct selv_release *r,
                                       struct severed *severed, uint8_t *out,
                                       enum selv_err *err)
{
    struct selv_cbor_writer m;
    selv_cbor_writer_init(&m, out, SELV_RELEASE_ENVELOPE_MAX);
    bool is_staged = plan->install != SELV_RELEASE_FETCHED;
    bool has_text = plan->sever != SELV_RELEASE_IN_MANIFEST;
    selv_cbor_put_map(&m, 5u + !plan->has_no_invoke + is_staged + has_text);
    selv_cbor_put_uint(&m, SELV_SUIT_KEY_VERSION);
    selv_cbor_put_uint(&m, SELV_SUIT_MANIFEST_VERSION);
    selv_cbor_put_uint(&m, SELV_SUIT_KEY_SEQUENCE_NUMBER);
    selv_cbor_put_uint(&m, plan->sequence);
    put_common(&m, plan, r, err);
    put_section(&m, plan, SELV_SUIT_KEY_VALIDATE,
                SELV_SUIT_CONDITION_IMAGE_MATCH, POLICY);
    if (plan->install == SELV_RELEASE_LOADED) {
        uint8_t part[PART_MAX];
        struct selv_cbor_writer s;
        selv_cbor_writer_init(&s, part, sizeof part);
        put_load(&s, plan);
        selv_cbor_put_uint(&m, SELV_SUIT_KEY_LOAD);
        selv_cbor_put_bstr(&m, finish(&s, err));
    }
    if (!plan->has_no_invoke) {
        put_section(&m, plan, SELV_SUIT_KEY_INVOKE, SELV_SUIT_DIRECTIVE_INVOKE,
                    2);
    }
    if (is_staged) {
        put_staged(&m, plan, r, severed, err);
    } else {
        put_fetch(&m, plan, r, severed, err);
    }
    if (has_text) {
        put_text(&m, plan, severed);
    }
    return finish(&m, err);
}

/* ---- the envelope
 * ------------------------------------------------------------ */

static enum selv_err sign(const struct selv_release_plan *plan,
                          struct selv_bytes digest_item, struct selv_buf *block)
{
    uint8_t private_key[32];
    struct selv_cose_key key;
    enum selv_err err =
        make_key(plan->is_other_key ? "stranger" : "author", private_key, &key);
    if (err) {
        return err;
    }
    return selv_cose_sign1_create(&key, private_key, digest_item, block);
}

static enum selv_err make_envelope(const struct selv_release_plan *plan,
                                   struct selv_release *r)
{
    uint8_t manifest_bytes[SELV_RELEASE_ENVELOPE_MAX], head[8], part[PART_MAX];
    uint8_t digest_bytes[DIGEST_ITEM_MAX], block_bytes[PART_MAX];
    struct selv_buf block = {block_bytes, sizeof block_bytes, 0};
    struct selv_cbor_writer w;
    struct selv_sha256 hash;
    enum selv_err err = SELV_OK;

    struct severed severed = {0};
    struct selv_bytes manifest =
        make_manifest(plan, r, &severed, manifest_bytes, &err);
    selv_cbor_writer_init(&w, head, sizeof head);
    selv_cbor_put_bstr_head(&w, manifest.len);
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, head, w.len);
    selv_sha256_update(&hash, manifest.p, manifest.len);
    selv_sha256_finish(&hash, r->digest);

    selv_cbor_writer_init(&w, digest_bytes, sizeof digest_bytes);
    put_digest(&w, r->digest);
    struct selv_bytes digest_item = finish(&w, &err);
    err = err != SELV_OK ? err : sign(plan, digest_item, &block);

    selv_cbor_writer_init(&w, part, sizeof part);
    selv_cbor_put_array(&w, 2);
    selv_cbor_put_bstr(&w, digest_item);
    selv_cbor_put_bstr(&w, selv_bytes(block.p, block.len));
    struct selv_bytes wrapper = finish(&w, &err);

    selv_cbor_writer_init(&w, r->envelope, sizeof r->envelope);
    selv_cbor_put_tag(&w, SELV_SUIT_TAG_ENVELOPE);
    if (plan->sever == SELV_RELEASE_TAKEN_OUT) {
        severed.count = 0;
    }
    selv_cbor_put_map(&w, 2 + severed.count);
    selv_cbor_put_uint(&w, SELV_SUIT_KEY_AUTHENTICATION);
    selv_cbor_put_bstr(&w, wrapper);
    selv_cbor_put_uint(&w, SELV_SUIT_KEY_MANIFEST);
    selv_cbor_put_bstr(&w, manifest);
    for (uint32_t i = 0; i < severed.count; i++) {
        selv_cbor_put_uint(&w, severed.element[i].key);
        selv_cbor_put_raw(
            &w, selv_bytes(severed.element[i].p, severed.element[i].len));
    }
    r->envelope_len = (uint32_t)finish(&w, &err).len;
    return err;
}

static enum selv_err make_list(const struct selv_release_plan *plan,
                               uint32_t slot, struct selv_release *release)
{
    struct selv_buf out = {release->list[slot], SELV_RELEASE_LIST_MAX, 0};
    enum selv_err err =
        selv_suit_chunks_make(selv_bytes(release->image[slot], plan->image_len),
                              plan->chunk_shift, &out);
    struct selv_sha256 hash;
    release->list_len[slot] = (uint32_t)out.len;
    selv_sha256_init(&hash);
    selv_sha256_update(&hash, out.p, out.len);
    selv_sha256_finish(&hash, release->list_digest[slot]);
    return err;
}

enum selv_err selv_release_make(const struct selv_release_plan *plan,
                                struct selv_release *release)
{
    enum selv_err err = SELV_OK;
    memset(release, 0, sizeof *release);
    if (plan->image_len > SELV_RELEASE_IMAGE_MAX) {
        return SELV_ERR_SPACE;
    }
    release->sequence = plan->sequence;
    release->image_len = plan->image_len;
    for (uint32_t slot = 0; slot < SELV_SLOT_COUNT; slot++) {
        struct selv_sha256 hash;
        make_image(plan, slot, release->image[slot]);
        selv_sha256_init(&hash);
        selv_sha256_update(&hash, release->image[slot], plan->image_len);
        selv_sha256_finish(&hash, release->image_digest[slot]);
        if (plan->chunk_shift != 0 && !err) {
            err = make_list(plan, slot, release);
        }
    }
    return err ? err : make_envelope(plan, release);
}

enum selv_err selv_release_install(const struct selv_release *release,
                                   const struct selv_flash *flash,
                                   const struct selv_layout *layout,
                                   uint8_t slot)
{
    struct selv_slot_writer w;
    const struct selv_slot_place *place = &layout->slot[slot];
    enum selv_err err =
        selv_slot_begin(&w, flash, place, release->image_len, 0);
    if (err) {
        return err;
    }
    err = selv_slot_write(&w,
                          selv_bytes(release->image[slot], release->image_len));
    if (err) {
        return err;
    }
    err = selv_slot_end(&w);
    if (err) {
        return err;
    }
    return selv_slot_put_envelope(
        flash, place, selv_bytes(release->envelope, release->envelope_len));
}

static bool holds(const struct selv_flash *flash, uint32_t off,
                  const uint8_t *p, uint32_t len)
{
    uint8_t chunk[64];
    while (len > 0) {
        uint32_t n = len < sizeof chunk ? len : sizeof chunk;
        if (flash->read(flash->port, off, chunk, n) ||
            memcmp(chunk, p, n) != 0) {
            return false;
        }
        off += n;
        p += n;
        len -= n;
    }
    return true;
}

bool selv_release_is_in(const struct selv_release *release,
                        const struct selv_flash *flash,
                        const struct selv_layout *layout, uint8_t slot)
{
    const struct selv_slot_place *place = &layout->slot[slot];
    uint8_t head[4];
    selv_put_be32(head, release->envelope_len);
    return holds(flash, place->image_off, release->image[slot],
                 release->image_len) &&
           holds(flash, place->envelope_off, head, sizeof head) &&
           holds(flash, place->envelope_off + 4, release->envelope,
                 release->envelope_len);
}
