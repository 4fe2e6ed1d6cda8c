/* SPDX-License-Identifier: Apache-2.0
 *
 * What an envelope is beyond its template: sizes, digests, signatures. */
#include "cose/cose.h"
#include "host/manifest_template_int.h"

/* Numbers of COSE [RFC 9053, RFC 9864] that a block may name. */
static const struct manifest_word algorithms[] = {
    {-7, "ES256", WORD_OTHER},    {-8, "EdDSA", WORD_OTHER},
    {-9, "ESP256", WORD_OTHER},   {-19, "Ed25519", WORD_OTHER},
    {-46, "HSS-LMS", WORD_OTHER}, {5, "HMAC 256/256", WORD_OTHER},
    {0, NULL, WORD_OTHER},
};

static const struct manifest_word kinds[] = {
    {17, "COSE_Mac0", WORD_OTHER}, {18, "COSE_Sign1", WORD_OTHER},
    {97, "COSE_Mac", WORD_OTHER},  {98, "COSE_Sign", WORD_OTHER},
    {0, NULL, WORD_OTHER},
};

/* A header parameter of an encoded map; p NULL: it has none. */
static struct selv_bytes header_find(struct selv_bytes map, int32_t label)
{
    struct selv_bytes value = {NULL, 0};
    struct selv_cbor r;
    uint32_t count;

    selv_cbor_init(&r, map);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        return value;
    }
    for (; count > 0; count--) {
        struct selv_bytes item;
        struct selv_bytes found;
        struct selv_cbor key;
        int32_t number;

        if (selv_cbor_skip(&r, &item) != SELV_OK ||
            selv_cbor_skip(&r, &found) != SELV_OK) {
            return value;
        }
        selv_cbor_init(&key, item);
        if (selv_cbor_int(&key, &number) == SELV_OK && number == label) {
            return found;
        }
    }
    return value;
}

void manifest_block_read(struct selv_bytes block,
                         struct manifest_block_facts *facts)
{
    struct selv_cbor r;
    struct selv_bytes protected_map;
    struct selv_bytes unprotected_map = {NULL, 0};
    struct selv_bytes item;
    uint32_t count;

    memset(facts, 0, sizeof(*facts));
    selv_cbor_init(&r, block);
    if (selv_cbor_tag(&r, &facts->tag) != SELV_OK ||
        selv_cbor_array(&r, &count) != SELV_OK ||
        selv_cbor_bstr(&r, &protected_map) != SELV_OK ||
        selv_cbor_skip(&r, &unprotected_map) != SELV_OK) {
        return;
    }
    item = header_find(protected_map, 1);
    selv_cbor_init(&r, item);
    facts->has_algorithm =
        item.p != NULL && selv_cbor_int(&r, &facts->algorithm) == SELV_OK;
    item = header_find(protected_map, 4);
    if (item.p == NULL) {
        item = header_find(unprotected_map, 4);
    }
    facts->has_kid = item.p != NULL && manifest_bstr(item, &facts->kid);
}

const char *manifest_algorithm_name(int32_t algorithm)
{
    const struct manifest_word *word = manifest_word_at(algorithms, algorithm);

    return word == NULL ? NULL : word->name;
}

bool manifest_algorithm_find(const char *name, int32_t *algorithm)
{
    const struct manifest_word *word = manifest_word_find(algorithms, name);

    if (word != NULL) {
        *algorithm = word->code;
    }
    return word != NULL;
}

json_t *manifest_block_json(struct selv_bytes block)
{
    struct manifest_block_facts facts;
    json_t *out = json_object();
    const struct manifest_word *kind;
    const char *name;

    manifest_block_read(block, &facts);
    kind = manifest_word_at(kinds, (int32_t)(facts.tag & 0xffff));
    json_object_set_new(
        out, "kind",
        kind != NULL && facts.tag < 0x10000 ? json_string(kind->name)
        : facts.tag == 0
            ? json_string("not COSE")
            : json_sprintf("COSE, tag %llu", (unsigned long long)facts.tag));
    if (facts.has_algorithm) {
        name = manifest_algorithm_name(facts.algorithm);
        json_object_set_new(out, "algorithm",
                            name == NULL ? json_integer(facts.algorithm)
                                         : json_string(name));
    }
    if (facts.has_kid) {
        json_object_set_new(out, "kid", template_hex(facts.kid));
    }
    return out;
}

static json_t *blocks_json(const struct manifest_tree *tree)
{
    json_t *out = json_array();

    for (size_t i = 0; i < tree->blocks.count; i++) {
        json_array_append_new(out,
                              manifest_block_json(tree->blocks.pairs[i].value));
    }
    return out;
}

static json_t *payloads_json(const struct manifest_tree *tree)
{
    json_t *out = json_array();

    for (size_t i = 0; i < tree->payloads.count; i++) {
        const struct manifest_pair *payload = &tree->payloads.pairs[i];
        uint8_t digest[SELV_SHA256_LEN];

        manifest_sha256(payload->value, digest);
        json_array_append_new(
            out, json_pack("{s:o, s:I, s:o}", "name",
                           json_stringn((const char *)payload->key.p,
                                        payload->key.len),
                           "size", (json_int_t)payload->value.len, "sha256",
                           template_hex(selv_bytes(digest, sizeof(digest)))));
    }
    return out;
}

/* Bytes of each section, where it is and which. */
static json_t *sections_json(const struct manifest_tree *tree)
{
    json_t *out = json_object();

    for (size_t i = 0; i < MANIFEST_SECTIONS; i++) {
        const struct manifest_section *s = &tree->sections[i];

        if (s->item.p != NULL) {
            json_object_set_new(
                out, s->word->name,
                json_integer(
                    (json_int_t)(s->is_digest ? s->severed.len : s->item.len)));
        }
    }
    return out;
}

json_t *template_about(struct template *t)
{
    const struct manifest_tree *tree = t->tree;
    uint8_t digest[SELV_SHA256_LEN];
    bool is_right = manifest_tree_digest(tree, digest);

    return json_pack("{s:I, s:o, s:b, s:o, s:I, s:o, s:o}", "size",
                     (json_int_t)tree->envelope.len, "digest",
                     template_hex(selv_bytes(digest, sizeof(digest))),
                     "digest_is_right", (int)is_right, "signatures",
                     blocks_json(tree), "manifest_size",
                     (json_int_t)tree->manifest.len, "section_sizes",
                     sections_json(tree), "payloads", payloads_json(tree));
}
