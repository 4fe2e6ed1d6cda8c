/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_suit - the manifest engine, linked with fuzz/fake_crypto.c. The first
 * byte of an input chooses:
 *   0  the rest is an envelope
 *   1  [pairs] [length, 2 bytes] manifest, more pairs: wrapped and "signed"
 *   2  the rest is a command sequence, for the walk
 *   3  the rest is a SUIT_Report
 * Its upper bits vary profile, slot and how the bytes arrive. Whatever the
 * bytes, the engine keeps the promises asserted here. */
#include <stdio.h>
#include <stdlib.h>

#include "cbor/cbor.h"
#include "suit/report.h"
#include "suit/suit.h"
#include "suit/walk.h"

#define ENVELOPE_CAP 8192u

/* No manifest that fits asks for more: 4 components to the power of 4 nested
 * sequences, for each of some hundred commands. */
#define TODO_MAX 200000u

static void check(bool is_so, const char *what)
{
    if (!is_so) {
        fprintf(stderr, "broken promise: %s\n", what);
        abort();
    }
}

static bool is_inside(struct selv_bytes in, const uint8_t *p, size_t len)
{
    return p >= in.p && len <= in.len && p - in.p <= (ptrdiff_t)(in.len - len);
}

static const uint8_t ids[4][3] = {
    {0x81, 0x41, 0}, {0x81, 0x41, 1}, {0x81, 0x41, 2}, {0x81, 0x41, 3}};

/* Answer one todo; *good: bits of components whose digest was right since
 * they were last fetched. */
static void answer(struct selv_suit *s, struct selv_bytes view,
                   const struct selv_suit_todo *todo, uint32_t mood,
                   uint32_t *good)
{
    uint8_t digest[SELV_SHA256_LEN];
    uint32_t bit = 1u << todo->component;
    check(todo->component < selv_suit_component_count(s), "component");
    check(todo->device_component < 4, "device component");
    switch (todo->kind) {
    case SELV_SUIT_FETCH:
        check(is_inside(view, todo->uri.p, todo->uri.len), "uri");
        check(todo->uri.len <= SELV_SUIT_URI_MAX, "uri length");
        *good &= ~bit;
        selv_suit_answer(s, mood % 7 == 0 ? SELV_ERR_SUIT_OPERATION : SELV_OK);
        break;
    case SELV_SUIT_DIGEST:
        check(todo->digest != NULL && is_inside(view, todo->digest, 32),
              "digest");
        *good &= ~bit;
        memcpy(digest, todo->digest, sizeof digest);
        if (mood % 3 != 0) {
            *good |= bit;
        } else {
            digest[mood % SELV_SHA256_LEN] ^= 1;
        }
        selv_suit_answer_digest(s, digest);
        break;
    case SELV_SUIT_INVOKE:
        if (selv_is_good(selv_suit_may_invoke(s))) {
            check((*good & bit) != 0, "invoke of an image not matched");
        }
        selv_suit_answer(s, mood % 2 == 0 ? SELV_OK : SELV_ERR_SUIT_OPERATION);
        break;
    case SELV_SUIT_CONTENT:
        memset(digest, (int)mood, sizeof digest);
        selv_suit_answer_content(s, digest);
        break;
    case SELV_SUIT_COPY:
    case SELV_SUIT_SWAP:
        check(todo->source < selv_suit_component_count(s), "source");
        check(todo->source != todo->component, "source is the target");
        *good &=
            todo->kind == SELV_SUIT_SWAP ? ~(bit | 1u << todo->source) : ~bit;
        selv_suit_answer(s, mood % 5 == 0 ? SELV_ERR_SUIT_OPERATION : SELV_OK);
        break;
    case SELV_SUIT_WRITE:
        check(is_inside(view, todo->data.p, todo->data.len), "content");
        *good &= ~bit;
        selv_suit_answer(s, SELV_OK);
        break;
    case SELV_SUIT_PRIVATE:
        check(false, "a private command that nobody registered");
        break;
    case SELV_SUIT_DONE:
    case SELV_SUIT_FAILED:
        break;
    }
}

static void run(struct selv_suit *s, struct selv_bytes view,
                enum selv_suit_procedure p, uint32_t mood)
{
    struct selv_suit_todo todo;
    struct selv_suit_todo again;
    uint32_t good = 0;
    if (selv_suit_begin(s, p) != SELV_OK) {
        return;
    }
    for (uint32_t i = 0; i < TODO_MAX; i++) {
        enum selv_suit_todo_kind kind = selv_suit_poll(s, &todo);
        check(kind == todo.kind, "kind");
        check(selv_suit_poll(s, &again) == kind &&
                  again.component == todo.component &&
                  again.uri.p == todo.uri.p,
              "the same poll, another answer");
        if (kind == SELV_SUIT_DONE) {
            return;
        }
        if (kind == SELV_SUIT_FAILED) {
            const struct selv_suit_failure *f = selv_suit_failure(s);
            check(f->err != SELV_OK && f->offset <= view.len, "failure");
            (void)selv_suit_reason(f->err);
            return;
        }
        answer(s, view, &todo, mood + i, &good);
    }
    check(false, "a procedure without end");
}

static void fuzz_envelope(struct selv_bytes view, uint32_t mood)
{
    static struct selv_suit s;
    static const uint8_t uuid[16] = {0};
    static const struct selv_cose_key anchor = {0};
    struct selv_suit_component components[4];
    for (size_t i = 0; i < 4; i++) {
        components[i].id = selv_bytes(ids[i], sizeof ids[i]);
        components[i].slot = mood >> 1 & 1;
    }
    struct selv_suit_device device = {.components = components,
                                      .component_count = 4,
                                      .vendor_id = uuid,
                                      .class_id = uuid,
                                      .device_id = uuid,
                                      .anchors = &anchor,
                                      .anchor_count = 1};
    selv_suit_init(&s,
                   (mood & 1) != 0 ? &selv_suit_profile_boot_select
                                   : &selv_suit_profile_consumer,
                   &device);
    size_t total = (mood >> 2 & 1) != 0 ? view.len : 0;
    if ((mood >> 3 & 1) != 0 && view.len > 0) {
        struct selv_bytes part = {view.p, view.len / 2};
        enum selv_err err = selv_suit_feed_part(&s, part, view.len);
        if (err != SELV_ERR_SUIT_MORE) {
            view = part;
        } else if (selv_suit_feed_part(&s, view, view.len) != SELV_OK) {
            return;
        }
    } else if (selv_suit_feed_part(&s, view, total) != SELV_OK) {
        check(selv_suit_failure(&s)->offset <= view.len, "offset");
        return;
    }
    if (!selv_is_good(selv_suit_check(&s))) {
        check(selv_suit_failure(&s)->err != SELV_OK, "refused without error");
        check(selv_suit_begin(&s, SELV_SUIT_UPDATE) == SELV_ERR_STATE,
              "begun though refused");
        return;
    }
    for (size_t i = 0; i < selv_suit_component_count(&s); i++) {
        struct selv_bytes id = selv_suit_component_id(&s, i);
        check(is_inside(view, id.p, id.len), "component id");
    }
    run(&s, view, SELV_SUIT_UPDATE, mood >> 4);
    run(&s, view, SELV_SUIT_INVOCATION, mood >> 4);
}

/* Wrapper with a digest of zeros, which the fake hash agrees to. */
static void fuzz_manifest(struct selv_bytes in, uint32_t mood)
{
    static uint8_t out[ENVELOPE_CAP];
    static const uint8_t head[] = {0x82, 0x58, 0x24, 0x82, 0x2f, 0x58, 0x20};
    static const uint8_t block[] = {0x58, 0x4a, 0xd2, 0x84, 0x43, 0xa1,
                                    0x01, 0x28, 0xa0, 0xf6, 0x58, 0x40};
    static const uint8_t zeros[64] = {0};
    if (in.len < 3) {
        return;
    }
    size_t len = (size_t)(in.p[1] << 8 | in.p[2]);
    len = len > in.len - 3 ? in.len - 3 : len;
    struct selv_cbor_writer w;
    struct selv_bytes envelope;
    selv_cbor_writer_init(&w, out, sizeof out);
    selv_cbor_put_tag(&w, SELV_SUIT_TAG_ENVELOPE);
    selv_cbor_put_map(&w, 2u + in.p[0] % 8);
    selv_cbor_put_uint(&w, SELV_SUIT_KEY_AUTHENTICATION);
    selv_cbor_put_bstr_head(&w, sizeof head + 32 + sizeof block + 64);
    selv_cbor_put_raw(&w, selv_bytes(head, sizeof head));
    selv_cbor_put_raw(&w, selv_bytes(zeros, 32));
    selv_cbor_put_raw(&w, selv_bytes(block, sizeof block));
    selv_cbor_put_raw(&w, selv_bytes(zeros, 64));
    selv_cbor_put_uint(&w, SELV_SUIT_KEY_MANIFEST);
    selv_cbor_put_bstr(&w, selv_bytes(in.p + 3, len));
    selv_cbor_put_raw(&w, selv_bytes(in.p + 3 + len, in.len - 3 - len));
    if (selv_cbor_finish(&w, &envelope) == SELV_OK) {
        /* Into memory of its own size, for the sanitizer's sake. */
        uint8_t *exact = malloc(envelope.len);
        check(exact != NULL, "memory");
        memcpy(exact, envelope.p, envelope.len);
        fuzz_envelope(selv_bytes(exact, envelope.len), mood);
        free(exact);
    }
}

static void fuzz_walk(struct selv_bytes in)
{
    struct selv_suit_walk w;
    struct selv_suit_walk_item item;
    enum selv_err err = selv_suit_walk_init(&w, in);
    unsigned depth = 0;
    for (size_t i = 0; err == SELV_OK; i++) {
        check(i <= 2 * in.len, "a walk without end");
        err = selv_suit_walk_next(&w, &item);
        if (err != SELV_OK || item.kind == SELV_SUIT_WALK_END) {
            break;
        }
        depth += item.kind == SELV_SUIT_WALK_ENTER && !item.is_nil;
        depth -= item.kind == SELV_SUIT_WALK_LEAVE;
        check(depth <= SELV_SUIT_DEPTH_MAX, "depth");
        check(is_inside(in, item.argument.p == NULL ? in.p : item.argument.p,
                        item.argument.len),
              "argument");
    }
    check(w.at >= in.p && w.at <= in.p + in.len, "place of the error");
    check(err != SELV_OK || depth == 0, "ends at depth 0");
}

/* What we read we can write, and read again. */
static void fuzz_report(struct selv_bytes in)
{
    uint8_t out[1024];
    struct selv_cbor r;
    struct selv_suit_report report;
    struct selv_suit_report again;
    selv_cbor_init(&r, in);
    if (selv_suit_report_get(&r, &report) != SELV_OK ||
        report.uri.len > sizeof out / 2) {
        return;
    }
    struct selv_cbor_writer w;
    struct selv_bytes written;
    selv_cbor_writer_init(&w, out, sizeof out);
    selv_suit_report_put(&w, &report);
    check(selv_cbor_finish(&w, &written) == SELV_OK, "write");
    selv_cbor_init(&r, written);
    check(selv_suit_report_get(&r, &again) == SELV_OK, "read again");
    check(again.is_success == report.is_success &&
              again.reason == report.reason &&
              again.failure.err == report.failure.err &&
              again.failure.section_offset == report.failure.section_offset &&
              selv_bytes_equal(again.uri, report.uri),
          "the same report");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > ENVELOPE_CAP / 2) {
        return 0;
    }
    struct selv_bytes in = {data + 1, size - 1};
    switch (data[0] & 3) {
    case 0:
        fuzz_envelope(in, data[0] >> 2);
        break;
    case 1:
        fuzz_manifest(in, data[0] >> 2);
        break;
    case 2:
        fuzz_walk(in);
        break;
    default:
        fuzz_report(in);
        break;
    }
    return 0;
}
