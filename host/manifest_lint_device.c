/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules about signatures, and about what our devices can take. */
#include "host/manifest_lint_int.h"

#include <stdlib.h>

#include "host/manifest_template_int.h"
#include "host/manifest_verify_int.h"

/* ---- digest and signatures ----------------------------------------------- */

static void algorithms_check(struct lint *l)
{
    for (size_t i = 0; i < l->tree->blocks.count; i++) {
        const struct selv_bytes block = l->tree->blocks.pairs[i].value;
        struct lint_at at = {"authentication-wrapper", NULL, block.p};
        struct manifest_block_facts facts;

        manifest_block_read(block, &facts);
        if (facts.tag == 0) {
            lint_find(l, LINT_MALFORMED, &at, "block %zu is not COSE", i);
        }
        if (facts.has_algorithm &&
            (facts.algorithm == -7 || facts.algorithm == -8)) {
            lint_find(l, LINT_ALGORITHM_OLD, &at,
                      "block %zu is signed with %s (%d)", i,
                      manifest_algorithm_name(facts.algorithm),
                      (int)facts.algorithm);
        }
        for (size_t k = 0; k < i; k++) {
            struct manifest_block_facts other;

            manifest_block_read(l->tree->blocks.pairs[k].value, &other);
            if (facts.tag == other.tag && facts.algorithm == other.algorithm &&
                facts.has_kid == other.has_kid &&
                selv_bytes_equal(facts.kid, other.kid)) {
                lint_find(l, LINT_SIGNER_TWICE, &at,
                          "blocks %zu and %zu have the same algorithm and key "
                          "id",
                          k, i);
            }
        }
    }
}

/* Blocks against the keys that were given. */
static void keys_check(struct lint *l, const struct lint_at *wrapper)
{
    bool is_verified = false;

    for (size_t i = 0; i < l->tree->blocks.count; i++) {
        const struct selv_bytes block = l->tree->blocks.pairs[i].value;
        struct lint_at at = {"authentication-wrapper", NULL, block.p};
        struct manifest_block_facts facts;
        uint8_t kid[8];
        size_t key = 0;
        size_t len;

        if (!selv_is_good(selv_cose_verify(block, l->tree->digest,
                                           l->keys->keys, l->keys->count, &key,
                                           NULL))) {
            continue;
        }
        is_verified = true;
        manifest_block_read(block, &facts);
        len = selv_manifest_key_id(&l->keys->ids[key], kid);
        if (len != 0 && facts.has_kid &&
            !selv_bytes_equal(facts.kid, selv_bytes(kid, len))) {
            lint_find(l, LINT_KID_WRONG, &at,
                      "block %zu is verified by %s, and has another key id", i,
                      l->keys->names[key]);
        }
    }
    if (!is_verified && l->tree->blocks.count > 0) {
        lint_find(l, LINT_NOT_VERIFIED, wrapper,
                  "none of the keys given verifies a block");
    }
}

void lint_blocks(struct lint *l)
{
    struct lint_at at = {"authentication-wrapper", NULL, l->tree->wrapper.p};
    struct lint_at place = at;
    uint8_t digest[SELV_SHA256_LEN];
    char which[208] = "";
    struct selv_bytes bytes;
    int32_t algorithm;

    if (manifest_digest_get(l->tree->digest, &algorithm, &bytes) &&
        algorithm != SELV_SUIT_DIGEST_SHA256) {
        lint_find(l, LINT_DIGEST_ALGORITHM, &at,
                  "the manifest's digest is of algorithm %d", (int)algorithm);
    } else if (!manifest_tree_digest(l->tree, digest)) {
        if (manifest_digest_get(l->tree->digest, &algorithm, &bytes)) {
            place.byte = bytes.p;
        }
        manifest_digests_say(l->tree->envelope, which, sizeof(which));
        lint_find(l, LINT_DIGEST_WRONG, &place,
                  "the digest in the wrapper is not the manifest's%s%s",
                  which[0] == '\0' ? "" : ": ", which);
    }
    if (l->keys->count > 0) {
        keys_check(l, &at);
    }
    if (l->tree->blocks.count == 0 && !l->is_bare) {
        lint_find(l, LINT_NOT_SIGNED, &at, "nobody signed it");
    }
    algorithms_check(l);
}

/* ---- limits -------------------------------------------------------------- */

static size_t depth_of(const struct manifest_sequence *s)
{
    size_t deepest = 0;

    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < s->commands[i].nested_count; k++) {
            size_t depth = 1 + depth_of(&s->commands[i].nested[k]);

            deepest = depth > deepest ? depth : deepest;
        }
    }
    return deepest;
}

/* All but the payloads, which devices stream. */
static size_t view_len(const struct manifest_tree *tree)
{
    return tree->payloads.count == 0
               ? tree->envelope.len
               : manifest_tree_off(tree, tree->payloads.pairs[0].key.p);
}

static void limits_check(struct lint *l)
{
    const struct manifest_tree *tree = l->tree;
    struct place components = place_member(NULL, "components");
    struct lint_at at = {NULL, NULL, NULL};

    if (view_len(tree) > SELV_SUIT_ENVELOPE_MAX) {
        lint_find(l, LINT_DEVICE_LIMIT, &at,
                  "the envelope has %zu bytes without its payloads; devices "
                  "take %u (SELV_SUIT_ENVELOPE_MAX)",
                  view_len(tree), (unsigned)SELV_SUIT_ENVELOPE_MAX);
    }
    if (tree->blocks.count > SELV_SUIT_SIGNERS_MAX) {
        lint_find(l, LINT_DEVICE_LIMIT, &at,
                  "%zu authentication blocks; devices take %u "
                  "(SELV_SUIT_SIGNERS_MAX)",
                  tree->blocks.count, (unsigned)SELV_SUIT_SIGNERS_MAX);
    }
    at.path = &components;
    at.section = "common";
    if (tree->components.count > SELV_SUIT_COMPONENTS_MAX) {
        lint_find(l, LINT_DEVICE_LIMIT, &at,
                  "%zu components; devices take %u "
                  "(SELV_SUIT_COMPONENTS_MAX)",
                  tree->components.count, (unsigned)SELV_SUIT_COMPONENTS_MAX);
    }
    for (size_t i = 0; i < MANIFEST_SECTIONS; i++) {
        const struct manifest_section *s = &tree->sections[i];
        struct place path = place_member(NULL, s->word->name);
        struct lint_at here = {s->word->name, &path, s->item.p};
        size_t depth;

        depth = s->is_commands ? depth_of(&s->sequence) : 0;
        if (depth > SELV_SUIT_DEPTH_MAX) {
            lint_find(l, LINT_DEVICE_LIMIT, &here,
                      "sequences nested %s%zu deep; devices take %u "
                      "(SELV_SUIT_DEPTH_MAX)",
                      depth > MANIFEST_TREE_DEPTH_MAX ? "more than " : "",
                      depth > MANIFEST_TREE_DEPTH_MAX ? depth - 1 : depth,
                      (unsigned)SELV_SUIT_DEPTH_MAX);
        }
    }
}

/* ---- bootloaders --------------------------------------------------------- */

static void boot_walk(struct lint *l, const struct manifest_section *section,
                      const struct place *path,
                      const struct manifest_sequence *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct manifest_command *command = &s->commands[i];
        struct place here = place_element(path, i);
        char number[16];
        const char *name = lint_command_name(command->code, number);
        struct place named = place_member(&here, name);
        struct lint_at at = {section->word->name, &here, command->at};

        if (manifest_word_at(manifest_commands, command->code) != NULL &&
            !lint_boot_has(command->code)) {
            lint_find(l, LINT_BOOT_COMMAND, &at,
                      "%s in %s: bootloaders of profile boot-select refuse it",
                      name, section->word->name);
        }
        for (size_t k = 0; k < command->nested_count; k++) {
            struct place inner = place_element(&named, k);

            boot_walk(l, section,
                      command->code == SELV_SUIT_DIRECTIVE_TRY_EACH ? &inner
                                                                    : &named,
                      &command->nested[k]);
        }
    }
}

static void boot_check(struct lint *l)
{
    static const int32_t keys[] = {SELV_SUIT_KEY_COMMON, SELV_SUIT_KEY_VALIDATE,
                                   SELV_SUIT_KEY_LOAD, SELV_SUIT_KEY_INVOKE};

    /* Only what a bootloader will run. */
    if (!manifest_tree_section(l->tree, SELV_SUIT_KEY_INVOKE)->is_commands) {
        return;
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct manifest_section *s =
            manifest_tree_section(l->tree, keys[i]);
        struct place path = place_member(NULL, s->word->name);

        if (s->is_commands) {
            boot_walk(l, s, &path, &s->sequence);
        }
    }
}

/* ---- the engine itself --------------------------------------------------- */

/* Signed by a key of this moment alone, for the engine to look at it. */
static void engine_check(struct lint *l)
{
    struct lint_at at = {NULL, NULL, NULL};
    struct selv_manifest_verdict verdict;
    struct selv_error error;
    struct selv_buf out;
    struct selv_key key;
    char why[SELV_ERROR_LEN];

    if (!selv_key_generate(&key, &error)) {
        return;
    }
    if (manifest_sign_alone(l->tree->envelope, &key, &out)) {
        lint_engine_judge(l, selv_bytes(out.p, out.len), &key, &verdict);
        free(out.p);
        if (!verdict.is_accepted) {
            selv_manifest_why(&verdict, why);
            lint_find(l, LINT_DEVICE_REFUSES, &at, "%.400s", why);
        }
    }
    selv_key_wipe(&key);
}

void lint_device(struct lint *l)
{
    limits_check(l);
    boot_check(l);
    if (l->count[SELV_LINT_ERROR] == 0) {
        engine_check(l);
    }
}
