/* SPDX-License-Identifier: Apache-2.0
 *
 * The way back from commands to bytes: what was decoded must say as much as
 * the bytes did, and the bytes must be the only way to say it. */
#include "test/reference/reference.h"

#include <stdlib.h>

static void write_sequence(struct grown *g, const struct reference_sequence *s);

/* As the byte string that it is. */
static void write_wrapped(struct grown *g, const struct reference_sequence *s)
{
    struct grown inner = {0};
    write_sequence(&inner, s);
    put_bstr(g, inner.p, inner.len);
    free(inner.p);
}

static void write_parameter(struct grown *g,
                            const struct reference_parameter *p)
{
    put_int(g, p->code);
    if (p->digest == NULL) {
        tree_write(g, p->value);
        return;
    }
    struct grown inner = {0};
    put_head(&inner, CBOR_ARRAY, 2);
    put_int(&inner, SELV_SUIT_DIGEST_SHA256);
    put_bstr(&inner, p->digest, SELV_SHA256_LEN);
    put_bstr(g, inner.p, inner.len);
    free(inner.p);
}

static void write_selection(struct grown *g,
                            const struct reference_selection *index)
{
    if (index->kind == INDEX_ALL) {
        put_simple(g, CBOR_TRUE);
        return;
    }
    if (index->kind == INDEX_LIST) {
        put_head(g, CBOR_ARRAY, index->count);
    }
    for (size_t i = 0; i < index->count; i++) {
        put_head(g, CBOR_UINT, index->component[i]);
    }
}

static void write_command(struct grown *g, const struct reference_command *c)
{
    put_int(g, c->code);
    switch (c->code) {
    case SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX:
        write_selection(g, &c->index);
        break;
    case SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS:
        put_head(g, CBOR_MAP, c->parameter_count);
        for (size_t i = 0; i < c->parameter_count; i++) {
            write_parameter(g, &c->parameters[i]);
        }
        break;
    case SELV_SUIT_DIRECTIVE_TRY_EACH:
        put_head(g, CBOR_ARRAY, c->sequence_count);
        for (size_t i = 0; i < c->sequence_count; i++) {
            if (c->sequences[i] == NULL) {
                put_simple(g, CBOR_NULL);
            } else {
                write_wrapped(g, c->sequences[i]);
            }
        }
        break;
    case SELV_SUIT_DIRECTIVE_RUN_SEQUENCE:
        write_wrapped(g, c->sequences[0]);
        break;
    default:
        put_head(g, CBOR_UINT, c->policy);
        break;
    }
}

static void write_sequence(struct grown *g, const struct reference_sequence *s)
{
    put_head(g, CBOR_ARRAY, 2 * s->count);
    for (size_t i = 0; i < s->count; i++) {
        write_command(g, &s->commands[i]);
    }
}

static void write_common(struct grown *g, const struct reference *r)
{
    struct grown inner = {0};
    put_head(&inner, CBOR_MAP, r->common->item_count / 2);
    put_int(&inner, SELV_SUIT_COMMON_COMPONENTS);
    tree_write(&inner, r->components);
    if (r->shared != NULL) {
        put_int(&inner, SELV_SUIT_COMMON_SHARED_SEQUENCE);
        write_wrapped(&inner, r->shared);
    }
    put_bstr(g, inner.p, inner.len);
    free(inner.p);
}

/* Sections that were decoded are written from what was decoded. */
static void write_element(struct grown *g, const struct reference *r,
                          const struct tree *key, const struct tree *value)
{
    tree_write(g, key);
    if (key->value == SELV_SUIT_KEY_COMMON) {
        write_common(g, r);
        return;
    }
    for (size_t i = 0; i < REFERENCE_ELEMENTS; i++) {
        const struct reference_section *section = &r->sections[i];
        if ((uint64_t)reference_section_keys[i] == key->value &&
            section->sequence != NULL && !section->is_severed) {
            write_wrapped(g, section->sequence);
            return;
        }
    }
    tree_write(g, value);
}

static void write_manifest(struct grown *g, const struct reference *r)
{
    put_head(g, CBOR_MAP, r->manifest->item_count / 2);
    for (size_t i = 0; i < r->manifest->item_count; i += 2) {
        write_element(g, r, r->manifest->items[i], r->manifest->items[i + 1]);
    }
}

/* Compares, and gives the written bytes back. */
static bool is_same(struct grown *written, struct selv_bytes read)
{
    bool same =
        written->len == read.len && memcmp(written->p, read.p, read.len) == 0;
    free(written->p);
    return same;
}

bool reference_is_reproduced(const struct reference *r)
{
    struct grown manifest = {0};
    write_manifest(&manifest, r);
    bool same = is_same(&manifest, r->manifest->whole);
    for (size_t i = 0; i < REFERENCE_ELEMENTS; i++) {
        const struct reference_section *section = &r->sections[i];
        if (section->is_severed && section->sequence != NULL) {
            struct grown element = {0};
            write_wrapped(&element, section->sequence);
            same = is_same(&element, section->severed->whole) && same;
        }
    }
    return same;
}
