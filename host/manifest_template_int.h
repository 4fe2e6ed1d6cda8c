/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_template_int.h - shared by host/manifest_template*.c only. */
#ifndef SELV_HOST_MANIFEST_TEMPLATE_INT_H
#define SELV_HOST_MANIFEST_TEMPLATE_INT_H

#include "host/manifest_template.h"
#include "host/manifest_tree.h"

#define TEMPLATE_NAMES_MAX 16u

/* One call of selv_manifest_template. */
struct template
{
    json_t *out;
    const struct selv_manifest_template_style *style;
    const struct manifest_tree *tree;
    size_t component_count;
    bool is_unchecked; /* something needs "unchecked" */
    json_t *text;      /* the text element, NULL: none that can be read */
    struct selv_manifest_names names[TEMPLATE_NAMES_MAX];
    size_t name_count;
};

/* ---- values: each makes a reference for the caller ----------------------- */

json_t *template_hex(struct selv_bytes bytes);
/* The encoded item itself: makes the template unchecked. */
json_t *template_raw(struct template *t, struct selv_bytes item);
json_t *template_bytes(struct selv_bytes bytes);
json_t *template_uint(struct template *t, struct selv_bytes item);
json_t *template_text(struct template *t, struct selv_bytes item);
json_t *template_digest(struct template *t, struct selv_bytes item);
json_t *template_component(struct template *t, struct selv_bytes id);
const char *template_name(const struct manifest_word *word, int32_t code,
                          char text[static 16]);

/* ---- text and about (manifest_template_text.c, manifest_about.c) --------- */

/* The text element, or its encoded item. */
json_t *template_text_element(struct template *t, struct selv_bytes item);

/* Fill text and names: those given, and those that the text gives. */
void template_names_take(struct template *t);

/* True when common has that encoded identifier. */
bool template_has_component(const struct manifest_tree *tree,
                            struct selv_bytes id);

/* What an authentication block says of itself. */
struct manifest_block_facts {
    uint64_t tag; /* 0: not COSE */
    bool has_algorithm;
    int32_t algorithm;
    bool has_kid;
    struct selv_bytes kid;
};
void manifest_block_read(struct selv_bytes block,
                         struct manifest_block_facts *facts);
json_t *manifest_block_json(struct selv_bytes block);
/* NULL: we know no name. */
const char *manifest_algorithm_name(int32_t algorithm);
bool manifest_algorithm_find(const char *name, int32_t *algorithm);

json_t *template_about(struct template *t);

#endif
