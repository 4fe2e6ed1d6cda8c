/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/suit_maker.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cbor/cbor.h"
#include "crypto/crypto.h"

const char maker_ab[] = "{1: 1, 2: 7, 3: " MAKER_COMMON(
    ", 15, [<<[20, {5: 0}, 5, 5, 20, {3: " MAKER_IMAGE_A ", 14: 1000}]>>,"
    "       <<[20, {5: 1}, 5, 5, 20, {3: " MAKER_IMAGE_B
    ", 14: 2000}]>>]") ", 7: <<[3, 15]>>, 9: <<[23, 2]>>,"
                       " 20: <<[15, [<<[20, {5: 0}, 5, 5, 20, {21: "
                       "\"/i/a\"}]>>,"
                       "             <<[20, {5: 1}, 5, 5, 20, {21: "
                       "\"/i/b\"}]>>],"
                       "        21, 2, 3, 15]>>}";

static _Noreturn void die(const char *why, const char *at)
{
    fprintf(stderr, "suit_maker: %s at: %.60s\n", why, at);
    abort();
}

/* ---- notation ----------------------------------------------------------- */

static void item(const char **t, struct selv_cbor_writer *w);

static bool take(const char **t, const char *word)
{
    while (isspace((unsigned char)**t)) {
        (*t)++;
    }
    size_t len = strlen(word);
    if (strncmp(*t, word, len) != 0) {
        return false;
    }
    *t += len;
    return true;
}

static void need(const char **t, const char *word)
{
    if (!take(t, word)) {
        die(word, *t);
    }
}

static uint64_t number(const char **t)
{
    while (isspace((unsigned char)**t)) {
        (*t)++;
    }
    char *end = NULL;
    uint64_t v = strtoull(*t, &end, 10);
    if (end == *t) {
        die("expected a number", *t);
    }
    *t = end;
    return v;
}

static size_t hex(const char **t, uint8_t *out, size_t cap)
{
    size_t len = 0;
    while (!take(t, "'")) {
        char two[3] = {(*t)[0], (*t)[0] != '\0' ? (*t)[1] : '\0', '\0'};
        char *end = NULL;
        unsigned long v = strtoul(two, &end, 16);
        if (end != two + 2 || len == cap) {
            die("bad hex", *t);
        }
        out[len++] = (uint8_t)v;
        *t += 2;
    }
    return len;
}

/* Encode one item apart, from text that goes on. */
static void apart(const char **t, struct maker_bytes *out)
{
    struct selv_cbor_writer w;
    struct selv_bytes done;
    selv_cbor_writer_init(&w, out->p, sizeof out->p);
    item(t, &w);
    if (selv_cbor_finish(&w, &done) != SELV_OK) {
        die("too large", *t);
    }
    out->len = done.len;
}

/* The items of an array or map, and how many, into a buffer of their own. */
static uint32_t items(const char **t, const char *end, const char *between,
                      struct maker_bytes *out)
{
    struct selv_cbor_writer w;
    struct selv_bytes done;
    uint32_t count = 0;
    selv_cbor_writer_init(&w, out->p, sizeof out->p);
    while (!take(t, end)) {
        if (count != 0) {
            need(t, ",");
        }
        item(t, &w);
        if (between != NULL) {
            need(t, between);
            item(t, &w);
        }
        count++;
    }
    if (selv_cbor_finish(&w, &done) != SELV_OK) {
        die("too large", *t);
    }
    out->len = done.len;
    return count;
}

static void put_sha256(struct selv_cbor_writer *w, struct selv_bytes in)
{
    struct selv_sha256 h;
    uint8_t digest[SELV_SHA256_LEN];
    selv_sha256_init(&h);
    selv_sha256_update(&h, in.p, in.len);
    selv_sha256_finish(&h, digest);
    selv_cbor_put_array(w, 2);
    selv_cbor_put_int(w, SELV_SUIT_DIGEST_SHA256);
    selv_cbor_put_bstr(w, selv_bytes(digest, sizeof digest));
}

/* Forms whose value needs a buffer. False when the text is none of them. */
static bool composed(const char **t, struct selv_cbor_writer *w)
{
    struct maker_bytes *b = calloc(1, sizeof *b);
    if (b == NULL) {
        die("no memory", *t);
    }
    bool is_one = true;
    if (take(t, "<<")) {
        apart(t, b);
        need(t, ">>");
        selv_cbor_put_bstr(w, selv_bytes(b->p, b->len));
    } else if (take(t, "h'")) {
        b->len = hex(t, b->p, sizeof b->p);
        selv_cbor_put_bstr(w, selv_bytes(b->p, b->len));
    } else if (take(t, "raw'")) {
        b->len = hex(t, b->p, sizeof b->p);
        selv_cbor_put_raw(w, selv_bytes(b->p, b->len));
    } else if (take(t, "digest(")) {
        apart(t, b);
        need(t, ")");
        put_sha256(w, selv_bytes(b->p, b->len));
    } else if (take(t, "repeat(")) {
        b->len = (size_t)number(t);
        need(t, ",");
        memset(b->p, (int)number(t), b->len);
        need(t, ")");
        selv_cbor_put_bstr(w, selv_bytes(b->p, b->len));
    } else if (take(t, "[")) {
        selv_cbor_put_array(w, items(t, "]", NULL, b));
        selv_cbor_put_raw(w, selv_bytes(b->p, b->len));
    } else if (take(t, "{")) {
        selv_cbor_put_map(w, items(t, "}", ":", b));
        selv_cbor_put_raw(w, selv_bytes(b->p, b->len));
    } else {
        is_one = false;
    }
    free(b);
    return is_one;
}

static void item(const char **t, struct selv_cbor_writer *w)
{
    if (composed(t, w)) {
        return;
    }
    if (take(t, "true")) {
        selv_cbor_put_bool(w, true);
    } else if (take(t, "false")) {
        selv_cbor_put_bool(w, false);
    } else if (take(t, "null")) {
        selv_cbor_put_null(w);
    } else if (take(t, "\"")) {
        const char *start = *t;
        *t = strchr(start, '"');
        if (*t == NULL) {
            die("string without end", start);
        }
        selv_cbor_put_tstr(w, selv_bytes(start, (size_t)(*t - start)));
        (*t)++;
    } else if (take(t, "-")) {
        selv_cbor_put_int(w, -(int64_t)number(t));
    } else {
        uint64_t v = number(t);
        if (take(t, "(")) {
            selv_cbor_put_tag(w, v);
            item(t, w);
            need(t, ")");
        } else {
            selv_cbor_put_uint(w, v);
        }
    }
}

void maker_encode(const char *text, struct maker_bytes *out)
{
    const char *t = text;
    apart(&t, out);
    while (isspace((unsigned char)*t)) {
        t++;
    }
    if (*t != '\0') {
        die("text after the item", t);
    }
}

/* ---- the key ------------------------------------------------------------ */

/* The key of the drafts' appendix [manifest B], whose private half is public
 * on purpose. */
static const uint8_t test_private_key[SELV_P256_PRIVATE_LEN] = {
    0x02, 0x96, 0x58, 0x8d, 0x90, 0x94, 0x18, 0xb3, 0x39, 0xd1, 0x50,
    0x42, 0x0a, 0x36, 0x12, 0xb5, 0x7f, 0xb4, 0xf6, 0x31, 0xa6, 0x9f,
    0x22, 0x4f, 0xae, 0x90, 0xcb, 0x4f, 0x3f, 0xe1, 0x89, 0x73};

/* Another one, of nobody. */
static const uint8_t other_private_key[SELV_P256_PRIVATE_LEN] = {[31] = 2};

static void set_key(const uint8_t private_key[static SELV_P256_PRIVATE_LEN],
                    struct selv_cose_key *key)
{
    key->method = &selv_cose_es256;
    if (selv_crypto_init() != SELV_OK ||
        selv_p256_public(private_key, key->public_key) != SELV_OK) {
        die("the crypto library does not start", "");
    }
    selv_cose_key_set_kid(key);
}

const struct selv_cose_key *maker_anchor(void)
{
    static struct selv_cose_key key;
    set_key(test_private_key, &key);
    return &key;
}

const struct selv_cose_key *maker_other_anchor(void)
{
    static struct selv_cose_key key;
    set_key(other_private_key, &key);
    return &key;
}

/* ---- the envelope ------------------------------------------------------- */

static void finish(const struct selv_cbor_writer *w, struct maker_bytes *out)
{
    struct selv_bytes done;
    if (selv_cbor_finish(w, &done) != SELV_OK) {
        die("envelope too large", "");
    }
    out->len = done.len;
}

/* Elements of an encoded array or map (heads below 24 only), without head. */
static unsigned splice(const char *text, struct maker_bytes *out)
{
    out->len = 0;
    if (text == NULL) {
        return 0;
    }
    struct maker_bytes *b = calloc(1, sizeof *b);
    maker_encode(text, b);
    unsigned count = b->p[0] & 0x1fu;
    if (count >= 24) {
        die("too many to splice", text);
    }
    memcpy(out->p, b->p + 1, b->len - 1);
    out->len = b->len - 1;
    free(b);
    return count;
}

static void make_wrapper(const struct maker_spec *spec,
                         const struct maker_bytes *manifest,
                         struct maker_bytes *out)
{
    static struct maker_bytes digest, more, bstr;
    if (spec->wrapper != NULL) {
        maker_encode(spec->wrapper, out);
        return;
    }
    struct selv_cbor_writer w;
    if (spec->digest != NULL) {
        maker_encode(spec->digest, &digest);
    } else {
        selv_cbor_writer_init(&w, bstr.p, sizeof bstr.p);
        selv_cbor_put_bstr(&w, selv_bytes(manifest->p, manifest->len));
        finish(&w, &bstr);
        selv_cbor_writer_init(&w, digest.p, sizeof digest.p);
        put_sha256(&w, selv_bytes(bstr.p, bstr.len));
        finish(&w, &digest);
    }
    uint8_t good_bytes[256], other_bytes[256];
    struct selv_buf block = {good_bytes, sizeof good_bytes, 0};
    struct selv_buf other = {other_bytes, sizeof other_bytes, 0};
    struct selv_bytes payload = selv_bytes(digest.p, digest.len);
    if (selv_cose_sign1_create(maker_anchor(), test_private_key, payload,
                               &block) != SELV_OK ||
        selv_cose_sign1_create(maker_other_anchor(), other_private_key, payload,
                               &other) != SELV_OK) {
        die("cannot sign", "");
    }
    unsigned before = splice(spec->blocks, &more);
    unsigned good = spec->is_unsigned ? 0 : 1 + spec->extra_good;
    selv_cbor_writer_init(&w, out->p, sizeof out->p);
    selv_cbor_put_array(&w, 1 + before + spec->has_other + good);
    selv_cbor_put_bstr(&w, payload);
    selv_cbor_put_raw(&w, selv_bytes(more.p, more.len));
    if (spec->has_other) {
        selv_cbor_put_bstr(&w, selv_bytes(other.p, other.len));
    }
    for (unsigned i = 0; i < good; i++) {
        selv_cbor_put_bstr(&w, selv_bytes(block.p, block.len));
    }
    finish(&w, out);
}

void maker_envelope(const struct maker_spec *spec, struct maker_bytes *out)
{
    static struct maker_bytes manifest, wrapper, pairs;
    maker_encode(spec->manifest, &manifest);
    make_wrapper(spec, &manifest, &wrapper);
    unsigned count = splice(spec->pairs, &pairs);
    struct selv_cbor_writer w;
    selv_cbor_writer_init(&w, out->p, sizeof out->p);
    selv_cbor_put_tag(&w, spec->tag != 0 ? spec->tag : SELV_SUIT_TAG_ENVELOPE);
    selv_cbor_put_map(&w, 2 + count);
    if (spec->is_swapped) {
        selv_cbor_put_uint(&w, SELV_SUIT_KEY_MANIFEST);
        selv_cbor_put_bstr(&w, selv_bytes(manifest.p, manifest.len));
    }
    selv_cbor_put_uint(&w, SELV_SUIT_KEY_AUTHENTICATION);
    selv_cbor_put_bstr(&w, selv_bytes(wrapper.p, wrapper.len));
    if (!spec->is_swapped) {
        selv_cbor_put_uint(&w, SELV_SUIT_KEY_MANIFEST);
        selv_cbor_put_bstr(&w, selv_bytes(manifest.p, manifest.len));
    }
    selv_cbor_put_raw(&w, selv_bytes(pairs.p, pairs.len));
    finish(&w, out);
}

/* ---- the device --------------------------------------------------------- */

struct selv_suit_device *maker_device(uint32_t slot)
{
    static const uint8_t ids[5][3] = {{0x81, 0x41, 0x00},
                                      {0x81, 0x41, 0x01},
                                      {0x81, 0x41, 0x02},
                                      {0x81, 0x41, 0x03},
                                      {0x81, 0x41, 0x04}};
    static const uint8_t vendor[16] = {0xfa, 0x6b, 0x4a, 0x53, 0xd5, 0xad,
                                       0x5f, 0xdf, 0xbe, 0x9d, 0xe6, 0x63,
                                       0xe4, 0xd4, 0x1f, 0xfe};
    static const uint8_t class[16] = {0x14, 0x92, 0xaf, 0x14, 0x25, 0x69,
                                      0x5e, 0x48, 0xbf, 0x42, 0x9b, 0x2d,
                                      0x51, 0xf2, 0xab, 0x45};
    static struct selv_suit_component components[5];
    static struct selv_suit_device device;
    for (size_t i = 0; i < 5; i++) {
        components[i].id = selv_bytes(ids[i], sizeof ids[i]);
        components[i].slot = slot;
    }
    device = (struct selv_suit_device){.components = components,
                                       .component_count = 5,
                                       .vendor_id = vendor,
                                       .class_id = class,
                                       .anchors = maker_anchor(),
                                       .anchor_count = 1,
                                       .sequence_min = 0};
    return &device;
}

/* ---- driving the engine ------------------------------------------------- */

enum selv_err maker_load(struct selv_suit *s,
                         const struct selv_suit_profile *profile,
                         const struct selv_suit_device *device,
                         struct selv_bytes envelope)
{
    selv_suit_init(s, profile, device);
    enum selv_err err = selv_suit_feed_part(s, envelope, envelope.len);
    if (err != SELV_OK) {
        return err;
    }
    if (selv_is_good(selv_suit_check(s))) {
        return SELV_OK;
    }
    err = selv_suit_failure(s)->err;
    if (err == SELV_OK) {
        die("refused without a reason", "");
    }
    return err;
}

/* Go to the value of a key of the map at the cursor. */
static bool go_to(struct selv_cbor *r, int32_t key)
{
    for (uint32_t left = selv_cbor_pull(r, SELV_CBOR_MAP);
         left > 0 && r->err == SELV_OK; left--) {
        if (selv_cbor_pull_int(r) == key && r->err == SELV_OK) {
            return true;
        }
        selv_cbor_pass(r);
    }
    return false;
}

/* Go to the value of the element that is at fault: of the envelope, when the
 * manifest has only its digest or does not want it there, else of the manifest.
 */
static bool go_to_element(struct selv_cbor *r,
                          const struct selv_suit_failure *f)
{
    (void)selv_cbor_pull(r, SELV_CBOR_TAG);
    struct selv_cbor envelope = *r;
    struct selv_cbor manifest = *r;
    bool is_in_envelope = go_to(&envelope, f->section);
    *r = envelope;
    if (f->section == SELV_SUIT_KEY_AUTHENTICATION ||
        (is_in_envelope && f->err == SELV_ERR_SUIT_SEVERED) ||
        !go_to(&manifest, SELV_SUIT_KEY_MANIFEST)) {
        return is_in_envelope;
    }
    (void)selv_cbor_enter(&manifest);
    bool is_in_manifest = go_to(&manifest, f->section);
    if (is_in_manifest &&
        (f->section == SELV_SUIT_KEY_COMMON || !is_in_envelope ||
         selv_cbor_peek(&manifest) != SELV_CBOR_ARRAY)) {
        *r = manifest;
    }
    return is_in_envelope || is_in_manifest;
}

const char *maker_misplaced(const struct selv_suit_failure *f,
                            struct selv_bytes envelope)
{
    struct selv_cbor r;
    if (f->offset > envelope.len) {
        return "the offset is not in the envelope";
    }
    selv_cbor_init(&r, envelope);
    if (f->section == 0) {
        return f->section_offset == 0 ? NULL : "a section offset of no section";
    }
    if (!go_to_element(&r, f)) {
        return f->err == SELV_ERR_SUIT_MISSING ? NULL : "no such element";
    }
    const uint8_t *start = r.p;
    struct selv_cbor whole = r;
    selv_cbor_pass(&whole);
    if (envelope.p + f->offset < start ||
        (whole.err == SELV_OK && envelope.p + f->offset > whole.p)) {
        return "the offset is not in the element";
    }
    if (f->section_offset == 0) {
        return NULL;
    }
    (void)selv_cbor_enter(&r);
    if (f->section == SELV_SUIT_KEY_COMMON) {
        if (!go_to(&r, SELV_SUIT_COMMON_SHARED_SEQUENCE)) {
            return "no shared sequence";
        }
        (void)selv_cbor_enter(&r);
    }
    return envelope.p + f->offset - f->section_offset == r.p
               ? NULL
               : "the section offset does not count from the section's begin";
}

static size_t say(char *out, size_t cap, size_t len, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int more = vsnprintf(out + len, cap - len, format, args);
    va_end(args);
    if (more < 0 || (size_t)more >= cap - len) {
        die("trace too long", out);
    }
    return len + (size_t)more;
}

static void answer_digest(struct selv_suit *s, const struct maker_world *world,
                          uint8_t component)
{
    uint8_t digest[SELV_SHA256_LEN];
    memset(digest, world->image[component], sizeof digest);
    if (world->digest_err != SELV_OK) {
        selv_suit_answer(s, world->digest_err);
    } else {
        selv_suit_answer_digest(s, digest);
    }
}

static void answer_content(struct selv_suit *s, const struct maker_world *world,
                           const struct selv_suit_todo *todo)
{
    struct selv_bytes content = world->content[todo->device_component];
    uint8_t digest[SELV_SHA256_LEN];
    struct selv_sha256 h;
    if (content.len != todo->size) {
        selv_suit_answer(s, SELV_ERR_UPDATE_SIZE);
        return;
    }
    selv_sha256_init(&h);
    selv_sha256_update(&h, content.p, content.len);
    selv_sha256_finish(&h, digest);
    selv_suit_answer_content(s, digest);
}

static void store(struct selv_suit *s, struct maker_world *world,
                  const struct selv_suit_todo *todo)
{
    uint8_t to = todo->device_component, from = todo->device_source;
    uint8_t image = world->image[to];
    struct selv_bytes content = world->content[to];
    if (world->fetch_err == SELV_OK && todo->kind == SELV_SUIT_WRITE) {
        world->content[to] = todo->data;
    } else if (world->fetch_err == SELV_OK) {
        world->image[to] = world->image[from];
        world->content[to] = world->content[from];
        if (todo->kind == SELV_SUIT_SWAP) {
            world->image[from] = image;
            world->content[from] = content;
        }
    }
    selv_suit_answer(s, world->fetch_err);
}

static void fetch(struct selv_suit *s, struct maker_world *world,
                  const struct selv_suit_todo *todo)
{
    uint8_t last = todo->uri.p[todo->uri.len - 1];
    world->image[todo->device_component] = last == 'a'   ? 0xaa
                                           : last == 'b' ? 0xbb
                                                         : 0xee;
    selv_suit_answer(s, world->fetch_err);
}

static size_t say_bytes(char *out, size_t cap, size_t len,
                        struct selv_bytes bytes)
{
    if (bytes.len != 0) {
        len = say(out, cap, len, " =");
    }
    for (size_t i = 0; i < bytes.len; i++) {
        len = say(out, cap, len, "%02x", bytes.p[i]);
    }
    return len;
}

const char *maker_trace(struct selv_suit *s, enum selv_suit_procedure p,
                        struct maker_world *world)
{
    static char out[8192];
    size_t len = 0;
    out[0] = '\0';
    enum selv_err err = selv_suit_begin(s, p);
    if (err != SELV_OK) {
        (void)say(out, sizeof out, 0, "begin(%s)", selv_err_name(err));
        return out;
    }
    for (;;) {
        struct selv_suit_todo todo;
        enum selv_suit_todo_kind kind = selv_suit_poll(s, &todo);
        for (unsigned i = 1; i < world->polls; i++) {
            if (selv_suit_poll(s, &todo) != kind) {
                die("another answer to the same poll", out);
            }
        }
        unsigned c = todo.component;
        const struct selv_suit_failure *f = selv_suit_failure(s);
        switch (kind) {
        case SELV_SUIT_DONE:
            (void)say(out, sizeof out, len, "done");
            return out;
        case SELV_SUIT_FAILED:
            (void)say(out, sizeof out, len, "failed(%s %d %d %d)",
                      selv_err_name(f->err), (int)f->section, (int)f->code,
                      (int)(int8_t)f->component);
            return out;
        case SELV_SUIT_FETCH:
            len = say(out, sizeof out, len, "fetch(%u %.*s", c,
                      (int)todo.uri.len, (const char *)todo.uri.p);
            if (todo.has_size) {
                len =
                    say(out, sizeof out, len, " %lu", (unsigned long)todo.size);
            }
            if (todo.is_integrated) {
                len = say(out, sizeof out, len, " =");
                for (uint32_t i = 0; i < todo.integrated_len; i++) {
                    len = say(out, sizeof out, len, "%02x",
                              s->view.p[todo.integrated_off + i]);
                }
            }
            len = say_bytes(out, sizeof out, len, todo.data);
            len = say(out, sizeof out, len, ") ");
            fetch(s, world, &todo);
            break;
        case SELV_SUIT_CONTENT:
            len = say(out, sizeof out, len, "content(%u %lu) ", c,
                      (unsigned long)todo.size);
            answer_content(s, world, &todo);
            break;
        case SELV_SUIT_COPY:
        case SELV_SUIT_SWAP:
            len = say(out, sizeof out, len, "%s(%u %s %u) ",
                      kind == SELV_SUIT_COPY ? "copy" : "swap", c,
                      kind == SELV_SUIT_COPY ? "from" : "with",
                      (unsigned)todo.source);
            store(s, world, &todo);
            break;
        case SELV_SUIT_WRITE:
            len = say(out, sizeof out, len, "write(%u", c);
            len = say_bytes(out, sizeof out, len, todo.data);
            len = say(out, sizeof out, len, ") ");
            store(s, world, &todo);
            break;
        case SELV_SUIT_PRIVATE:
            len = say(out, sizeof out, len, "private(%u %ld) ", c,
                      (long)todo.code);
            selv_suit_answer(s, world->fetch_err);
            break;
        case SELV_SUIT_DIGEST:
            len = say(out, sizeof out, len, "digest(%u) ", c);
            answer_digest(s, world, todo.device_component);
            break;
        case SELV_SUIT_INVOKE:
            len = say(out, sizeof out, len, "%s(%u",
                      selv_is_good(selv_suit_may_invoke(s)) ? "may-invoke"
                                                            : "must-not-invoke",
                      c);
            len = say_bytes(out, sizeof out, len, todo.data);
            len = say(out, sizeof out, len, ") ");
            selv_suit_answer(s, SELV_ERR_SUIT_OPERATION);
            break;
        }
    }
}
