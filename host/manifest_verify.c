/* SPDX-License-Identifier: Apache-2.0
 *
 * The device's engine over an envelope, in a world of digests. */
#include "host/manifest_verify.h"

#include <stdio.h>

#include "host/hex.h"
#include "host/manifest_template_int.h"
#include "host/manifest_verify_int.h"

/* ---- the device's components while the manifest runs --------------------- */

/* What is in a component. */
struct image {
    bool is_known; /* the digest is */
    bool is_any;   /* what a fetch brought without a digest to name it: then it
                      is the image that is asked for afterwards */
    uint8_t digest[SELV_SHA256_LEN];
    uint32_t len; /* bytes, 0: unknown */
};

struct world {
    struct selv_bytes envelope;
    const struct selv_manifest_device *device;
    struct image images[SELV_DEVICE_COMPONENTS_MAX];
};

static void world_init(struct world *w, struct selv_bytes envelope,
                       const struct selv_manifest_device *d)
{
    memset(w, 0, sizeof(*w));
    w->envelope = envelope;
    w->device = d;
    for (size_t i = 0; i < d->component_count; i++) {
        w->images[i].is_known = d->components[i].has_installed;
        w->images[i].len = d->components[i].installed_len;
        memcpy(w->images[i].digest, d->components[i].installed,
               SELV_SHA256_LEN);
    }
}

static void image_set(struct image *image, struct selv_bytes bytes)
{
    image->is_known = true;
    image->is_any = false;
    image->len = (uint32_t)bytes.len;
    manifest_sha256(bytes, image->digest);
}

/* A server that has every image: what comes has the digest and size that the
 * manifest names. An integrated payload is what it is. */
static void fetch(struct world *w, const struct selv_suit_todo *todo)
{
    struct image *image = &w->images[todo->device_component];

    if (w->device->is_factory) {
        return;
    }
    if (todo->is_integrated) {
        image_set(image, selv_bytes(w->envelope.p + todo->integrated_off,
                                    todo->integrated_len));
        return;
    }
    image->is_known = todo->digest != NULL;
    image->is_any = todo->digest == NULL;
    image->len = todo->has_size ? todo->size : 0;
    if (todo->digest != NULL) {
        memcpy(image->digest, todo->digest, SELV_SHA256_LEN);
    }
}

/* What image-match or check-content finds. */
static void digest_answer(struct selv_suit *s, const struct world *w,
                          const struct selv_suit_todo *todo)
{
    const struct image *image = &w->images[todo->device_component];

    if (image->len != 0 && todo->has_size && image->len != todo->size) {
        selv_suit_answer(s, SELV_ERR_UPDATE_SIZE);
    } else if (image->is_known && todo->kind == SELV_SUIT_CONTENT) {
        selv_suit_answer_content(s, image->digest);
    } else if (image->is_known) {
        selv_suit_answer_digest(s, image->digest);
    } else if (image->is_any && todo->kind == SELV_SUIT_DIGEST &&
               todo->digest != NULL) {
        selv_suit_answer_digest(s, todo->digest);
    } else {
        selv_suit_answer(s, todo->kind == SELV_SUIT_CONTENT
                                ? SELV_ERR_SUIT_CONTENT
                                : SELV_ERR_SUIT_IMAGE);
    }
}

/* Do what the engine asks for, anything but to invoke. False: it is over. */
static bool serve(struct selv_suit *s, struct world *w,
                  const struct selv_suit_todo *todo)
{
    struct image *target = &w->images[todo->device_component];
    struct image *source = &w->images[todo->device_source];
    struct image kept;

    switch (todo->kind) {
    case SELV_SUIT_FETCH:
        fetch(w, todo);
        break;
    case SELV_SUIT_COPY:
        *target = *source;
        break;
    case SELV_SUIT_SWAP:
        kept = *target;
        *target = *source;
        *source = kept;
        break;
    case SELV_SUIT_WRITE:
        image_set(target, todo->data);
        break;
    case SELV_SUIT_PRIVATE:
        break;
    case SELV_SUIT_DIGEST:
    case SELV_SUIT_CONTENT:
        digest_answer(s, w, todo);
        return true;
    default:
        return false;
    }
    selv_suit_answer(s, SELV_OK);
    return true;
}

/* ---- verdicts ------------------------------------------------------------ */

/* Refused, with the engine's place or none of its own. */
static bool refuse(struct selv_manifest_verdict *v, enum selv_err err,
                   const struct selv_suit_failure *where)
{
    v->err = err;
    v->reason = selv_suit_reason(err);
    if (where != NULL) {
        v->where = *where;
    }
    return false;
}

static bool refuse_wrapper(struct selv_manifest_verdict *v, enum selv_err err)
{
    const struct selv_suit_failure where = {
        .err = err,
        .section = SELV_SUIT_KEY_AUTHENTICATION,
        .component = 0xff,
    };

    return refuse(v, err, &where);
}

/* ---- facts --------------------------------------------------------------- */

/* What the engine is told; it points into the device, which must stay. */
struct facts {
    struct selv_suit_device device;
    struct selv_suit_component components[SELV_DEVICE_COMPONENTS_MAX];
    struct selv_suit_private private;
};

static void facts_init(struct facts *f, const struct selv_manifest_device *d,
                       const struct selv_cose_key *keys, size_t key_count)
{
    memset(f, 0, sizeof(*f));
    f->device.anchors = keys;
    f->device.anchor_count = key_count;
    if (d == NULL) {
        f->device.private = &selv_suit_chunks_known;
        return;
    }
    for (size_t i = 0; i < d->component_count; i++) {
        f->components[i].id =
            selv_bytes(d->components[i].id, d->components[i].id_len);
        f->components[i].slot = d->components[i].slot;
    }
    f->private.commands = d->private_commands;
    f->private.command_count = d->private_command_count;
    f->private.parameters = d->private_parameters;
    f->private.parameter_count = d->private_parameter_count;
    f->private.check = selv_suit_chunks_known.check;
    f->device.components = f->components;
    f->device.component_count = d->component_count;
    f->device.vendor_id = d->has_no_vendor_id ? NULL : d->vendor_id;
    f->device.vendor_pen = selv_bytes(d->vendor_pen, d->vendor_pen_len);
    f->device.class_id = d->class_id;
    f->device.device_id = d->has_device_id ? d->device_id : NULL;
    f->device.sequence_min = d->sequence_number;
    f->device.private = &f->private;
    f->device.boot = d->boot_profile == NULL ? NULL : &d->boot;
}

/* ---- blocks -------------------------------------------------------------- */

static bool has_algorithm(const struct selv_manifest_device *d,
                          struct selv_bytes block)
{
    struct manifest_block_facts facts;

    manifest_block_read(block, &facts);
    for (size_t i = 0; i < d->algorithm_count; i++) {
        if (facts.has_algorithm && d->algorithms[i] == facts.algorithm) {
            return true;
        }
    }
    return false;
}

/* Whether a block that verifies has an algorithm of the device's. */
static bool algorithms_suffice(const struct selv_manifest_device *d,
                               struct selv_bytes envelope,
                               const struct selv_cose_key *keys,
                               size_t key_count)
{
    struct manifest_tree tree;
    struct selv_error ignored;
    bool found = false;

    if (d == NULL || d->algorithm_count == 0) {
        return true;
    }
    if (!manifest_tree_open(&tree, envelope, &ignored)) {
        return false;
    }
    for (size_t i = 0; i < tree.blocks.count && !found; i++) {
        const struct selv_bytes block = tree.blocks.pairs[i].value;

        found = has_algorithm(d, block) &&
                selv_is_good(selv_cose_verify(block, tree.digest, keys,
                                              key_count, NULL, NULL));
    }
    manifest_tree_close(&tree);
    return found;
}

size_t selv_manifest_key_id(const struct selv_cose_key *key,
                            uint8_t kid[static 8])
{
    struct selv_cose_key copy = *key;
    size_t len;

    if (copy.kid_len == 0 && copy.method == &selv_cose_es256) {
        selv_cose_key_set_kid(&copy);
    }
    len = copy.kid_len;
    memcpy(kid, copy.kid, len);
    selv_wipe(&copy, sizeof(copy));
    return len;
}

json_t *selv_manifest_blocks(struct selv_bytes envelope,
                             const struct selv_cose_key *keys,
                             const struct selv_cose_key *ids,
                             const char *const *names, size_t key_count)
{
    struct manifest_tree tree;
    struct selv_error ignored;
    json_t *out;

    if (!manifest_tree_open(&tree, envelope, &ignored)) {
        return NULL;
    }
    out = json_array();
    for (size_t i = 0; i < tree.blocks.count; i++) {
        const struct selv_bytes bytes = tree.blocks.pairs[i].value;
        json_t *block = manifest_block_json(bytes);
        enum selv_err err = SELV_OK;
        size_t key = 0;
        bool is_good = selv_is_good(
            selv_cose_verify(bytes, tree.digest, keys, key_count, &key, &err));

        json_object_set_new(block, "verified", json_boolean(is_good));
        json_object_set_new(
            block, is_good ? "key" : "error",
            json_string(is_good ? names[key] : selv_err_str(err)));
        if (is_good) {
            uint8_t kid[8];
            size_t len =
                selv_manifest_key_id(ids == NULL ? &keys[key] : &ids[key], kid);

            json_object_set_new(block, "key_id",
                                len == 0 ? json_null()
                                         : template_hex(selv_bytes(kid, len)));
        }
        json_array_append_new(out, block);
    }
    manifest_tree_close(&tree);
    return out;
}

/* ---- where --------------------------------------------------------------- */

/* True when a byte lies in the map of an override-parameters. */
static bool is_in_parameters(const struct manifest_sequence *s,
                             const uint8_t *byte)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct manifest_command *c = &s->commands[i];

        if (c->code == SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS &&
            byte >= c->at && byte < c->argument.p + c->argument.len) {
            return true;
        }
        for (size_t k = 0; k < c->nested_count; k++) {
            if (is_in_parameters(&c->nested[k], byte)) {
                return true;
            }
        }
    }
    return false;
}

/* Commands and parameters share their numbers. */
static bool is_parameter(struct selv_bytes envelope,
                         const struct selv_suit_failure *where)
{
    struct manifest_tree tree;
    struct selv_error ignored;
    bool found = false;

    if (where->err != SELV_ERR_SUIT_ARGUMENT || where->offset >= envelope.len ||
        !manifest_tree_open(&tree, envelope, &ignored)) {
        return false;
    }
    for (size_t i = 0; i < MANIFEST_SECTIONS && !found; i++) {
        found = is_in_parameters(&tree.sections[i].sequence,
                                 envelope.p + where->offset);
    }
    manifest_tree_close(&tree);
    return found && where->code != SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS;
}

void manifest_component_name(struct selv_bytes envelope, size_t i, char *text,
                             size_t cap)
{
    struct manifest_tree tree;
    struct selv_error ignored;

    text[0] = '\0';
    if (!manifest_tree_open(&tree, envelope, &ignored)) {
        return;
    }
    if (i < tree.components.count) {
        json_t *name = manifest_component_json(tree.components.pairs[i].value);

        snprintf(text, cap, "%s", json_string_value(name));
        json_decref(name);
    }
    manifest_tree_close(&tree);
}

/* A string whose head is there and whose end is not. */
static void cut_complete(struct selv_bytes envelope,
                         struct selv_manifest_verdict *v)
{
    const struct selv_suit_failure *where = &v->where;
    uint64_t needs = 0;

    if (where->err != SELV_OK && where->offset < envelope.len) {
        const uint8_t *p = envelope.p + where->offset;
        unsigned width = p[0] & 0x1f;
        size_t head = width < 24   ? 1
                      : width < 28 ? 1 + (1u << (width - 24))
                                   : 0;

        if ((p[0] >> 5 == 2 || p[0] >> 5 == 3) && head != 0 &&
            head <= envelope.len - where->offset) {
            uint64_t len = width < 24 ? width : 0;

            for (size_t i = 1; i < head; i++) {
                len = len << 8 | p[i];
            }
            needs = len > UINT32_MAX ? 0 : where->offset + head + len;
        }
    }
    snprintf(v->detail, sizeof(v->detail), "the file has %zu bytes",
             envelope.len);
    if (needs > envelope.len) {
        snprintf(v->detail + strlen(v->detail),
                 sizeof(v->detail) - strlen(v->detail),
                 ", this item needs %llu", (unsigned long long)needs);
    }
}

bool manifest_digests_say(struct selv_bytes envelope, char *text, size_t cap)
{
    struct manifest_tree tree;
    struct selv_error ignored;
    struct selv_bytes claimed;
    uint8_t digest[SELV_SHA256_LEN];
    char there[2 * SELV_SHA256_LEN + 1];
    char here[2 * SELV_SHA256_LEN + 1];
    int32_t algorithm;
    bool done;

    if (!manifest_tree_open(&tree, envelope, &ignored)) {
        return false;
    }
    done = !manifest_tree_digest(&tree, digest) &&
           manifest_digest_get(tree.digest, &algorithm, &claimed) &&
           claimed.len == SELV_SHA256_LEN;
    if (done) {
        selv_hex_encode(claimed, there);
        selv_hex_encode(selv_bytes(digest, sizeof(digest)), here);
        snprintf(text, cap, "it says %s at byte %zu, the manifest's is %s",
                 there, manifest_tree_off(&tree, claimed.p), here);
    }
    manifest_tree_close(&tree);
    return done;
}

/* What the words for a refusal need beside it. */
static void refusal_complete(struct selv_bytes envelope,
                             struct selv_manifest_verdict *v)
{
    if (v->err == SELV_ERR_CBOR_END && !v->is_authentic &&
        v->where.section == 0) {
        cut_complete(envelope, v);
    } else if (v->err == SELV_ERR_SUIT_DIGEST) {
        manifest_digests_say(envelope, v->detail, sizeof(v->detail));
    }
    v->is_parameter = is_parameter(envelope, &v->where);
    manifest_component_name(envelope, v->where.component, v->component,
                            sizeof(v->component));
}

/* ---- judging ------------------------------------------------------------- */

/* No device answers as often as this. */
#define POLLS_MAX 10000u

static bool update_run(struct selv_suit *s, struct world *w,
                       struct selv_manifest_verdict *v)
{
    struct selv_suit_todo todo;

    if (selv_suit_begin(s, SELV_SUIT_UPDATE) != SELV_OK) {
        return refuse(v, selv_suit_failure(s)->err, selv_suit_failure(s));
    }
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        switch (selv_suit_poll(s, &todo)) {
        case SELV_SUIT_DONE:
            return true;
        case SELV_SUIT_INVOKE:
            selv_suit_answer(s, SELV_OK);
            break;
        default:
            if (!serve(s, w, &todo)) {
                return refuse(v, selv_suit_failure(s)->err,
                              selv_suit_failure(s));
            }
            break;
        }
    }
    return refuse(v, SELV_ERR_SUIT_WORK, NULL);
}

/* The bootloader over what the update left. */
static bool boot_poll(struct selv_suit *s, struct world *w,
                      struct selv_manifest_verdict *v)
{
    struct selv_suit_todo todo;

    if (selv_suit_begin(s, SELV_SUIT_INVOCATION) != SELV_OK) {
        return refuse(v, selv_suit_failure(s)->err, selv_suit_failure(s));
    }
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        switch (selv_suit_poll(s, &todo)) {
        case SELV_SUIT_DONE:
            return true;
        case SELV_SUIT_INVOKE:
            if (!selv_is_good(selv_suit_may_invoke(s))) {
                return refuse(v, SELV_ERR_SUIT_IMAGE, NULL);
            }
            v->boot = SELV_MANIFEST_BOOT_STARTS;
            v->boot_component = todo.component;
            return true;
        default:
            if (!serve(s, w, &todo)) {
                return refuse(v, selv_suit_failure(s)->err,
                              selv_suit_failure(s));
            }
            break;
        }
    }
    return refuse(v, SELV_ERR_SUIT_WORK, NULL);
}

static bool boot_run(struct world *w, const struct facts *update,
                     struct selv_manifest_verdict *v)
{
    const struct selv_suit_profile *profile = w->device->boot_profile;
    struct facts facts = *update;
    struct selv_suit s;
    bool done;

    facts.device.sequence_min = w->device->security_floor;
    facts.device.components = facts.components;
    facts.device.private = &facts.private;
    facts.device.boot = NULL;
    v->boot = SELV_MANIFEST_BOOT_NOTHING;
    selv_suit_init(&s, profile == NULL ? &selv_suit_profile_consumer : profile,
                   &facts.device);
    done = selv_suit_feed_part(&s, w->envelope, w->envelope.len) == SELV_OK &&
           selv_is_good(selv_suit_check(&s));
    if (!done) {
        refuse(v, selv_suit_failure(&s)->err, selv_suit_failure(&s));
    }
    done = done && boot_poll(&s, w, v);
    if (!done) {
        v->boot = SELV_MANIFEST_BOOT_REFUSES;
    }
    selv_suit_wipe(&s);
    return done;
}

/* The engine as far as the end of the structural check. */
static bool check_run(struct selv_suit *s, struct selv_bytes envelope,
                      struct selv_manifest_verdict *v)
{
    enum selv_err err = selv_suit_feed_part(s, envelope, envelope.len);

    if (err == SELV_ERR_SUIT_MORE) {
        err = SELV_ERR_CBOR_END; /* there is no more */
    }
    if (err) {
        return refuse(v, err, selv_suit_failure(s));
    }
    if (!selv_is_good(selv_suit_check(s))) {
        v->is_authentic = selv_is_good(selv_suit_is_authentic(s));
        return refuse(v, selv_suit_failure(s)->err, selv_suit_failure(s));
    }
    v->is_authentic = true;
    v->has_facts = true;
    v->sequence_number = selv_suit_sequence_number(s);
    v->key_index = selv_suit_anchor(s);
    memcpy(v->digest, selv_suit_digest(s), sizeof(v->digest));
    return true;
}

static bool device_run(struct selv_suit *s, struct world *w,
                       const struct facts *facts,
                       struct selv_manifest_verdict *v)
{
    const struct selv_manifest_device *d = w->device;

    if (d->has_digest && d->sequence_number == v->sequence_number &&
        memcmp(d->digest, v->digest, sizeof(v->digest)) != 0) {
        return refuse(v, SELV_ERR_UPDATE_EQUAL, NULL);
    }
    if (!update_run(s, w, v) || !boot_run(w, facts, v)) {
        return false;
    }
    if (d->is_factory && v->boot != SELV_MANIFEST_BOOT_STARTS) {
        return refuse(v, SELV_ERR_SUIT_MISSING, NULL);
    }
    return true;
}

bool selv_manifest_verify(struct selv_bytes envelope,
                          const struct selv_cose_key *keys, size_t key_count,
                          const struct selv_manifest_device *device,
                          struct selv_manifest_verdict *verdict)
{
    struct facts facts;
    struct world world;
    struct selv_suit s;

    memset(verdict, 0, sizeof(*verdict));
    facts_init(&facts, device, keys, key_count);
    selv_suit_init(&s, &selv_suit_profile_consumer, &facts.device);
    verdict->is_accepted = check_run(&s, envelope, verdict);
    if (verdict->is_accepted &&
        !algorithms_suffice(device, envelope, keys, key_count)) {
        verdict->is_accepted = refuse_wrapper(verdict, SELV_ERR_COSE_ALG);
    }
    if (verdict->is_accepted && device != NULL) {
        world_init(&world, envelope, device);
        verdict->is_accepted = device_run(&s, &world, &facts, verdict);
    }
    if (!verdict->is_accepted) {
        refusal_complete(envelope, verdict);
    }
    selv_suit_wipe(&s);
    return verdict->is_accepted;
}

void manifest_check(struct selv_bytes envelope,
                    const struct selv_cose_key *keys, size_t key_count,
                    const struct selv_manifest_device *known,
                    struct selv_manifest_verdict *verdict)
{
    struct facts facts;
    struct selv_suit s;

    memset(verdict, 0, sizeof(*verdict));
    facts_init(&facts, known, keys, key_count);
    facts.device.components = NULL; /* of any device */
    facts.device.sequence_min = 0;
    selv_suit_init(&s, &selv_suit_profile_consumer, &facts.device);
    verdict->is_accepted = check_run(&s, envelope, verdict);
    if (!verdict->is_accepted) {
        refusal_complete(envelope, verdict);
    }
    selv_suit_wipe(&s);
}

enum selv_exit selv_manifest_exit(const struct selv_manifest_verdict *verdict)
{
    if (verdict->is_accepted) {
        return SELV_EXIT_OK;
    }
    /* A severed element with a wrong digest is unauthorised content too, but
     * the signature itself was good. */
    return verdict->reason == SELV_SUIT_REASON_UNAUTHORISED &&
                   !verdict->is_authentic
               ? SELV_EXIT_SIGNATURE
               : SELV_EXIT_REFUSED;
}
