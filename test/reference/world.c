/* SPDX-License-Identifier: Apache-2.0 */
#include "test/reference/world.h"

#include <stdarg.h>
#include <stdlib.h>

#include "crypto/crypto.h"

void sha256(struct selv_bytes in, uint8_t digest[static SELV_SHA256_LEN])
{
    struct selv_sha256 h;
    selv_sha256_init(&h);
    selv_sha256_update(&h, in.p, in.len);
    selv_sha256_finish(&h, digest);
}

struct selv_bytes world_pool(unsigned n)
{
    static const char *const pool[WORLD_POOL] = {"", "a", "bootloader",
                                                 "application 2"};
    const char *text = pool[n % WORLD_POOL];
    return selv_bytes(text, strlen(text));
}

/* ---- acting ------------------------------------------------------------- */

static void fill(struct world *w, unsigned k, struct selv_bytes content)
{
    size_t len =
        content.len < WORLD_CONTENT_MAX ? content.len : WORLD_CONTENT_MAX;
    uint8_t whole[WORLD_CONTENT_MAX]; /* it may be another component's */
    memcpy(whole, content.p, len);
    memcpy(w->content[k], whole, len);
    w->content_len[k] = len;
}

static struct selv_bytes content(const struct world *w, unsigned k)
{
    return selv_bytes(w->content[k], w->content_len[k]);
}

static void swap(struct world *w, unsigned k, unsigned other)
{
    struct world was = *w;
    fill(w, k, content(&was, other));
    fill(w, other, content(&was, k));
}

/* "u<n>" gives content n, anything else content 0. */
static void fetch(struct world *w, const struct selv_suit_todo *todo)
{
    if (todo->is_integrated) {
        fill(w, todo->device_component,
             selv_bytes(w->envelope.p + todo->integrated_off,
                        todo->integrated_len));
    } else {
        unsigned n = todo->uri.len == 2 ? todo->uri.p[1] - (unsigned)'0' : 0;
        fill(w, todo->device_component, world_pool(n));
    }
}

/* Digest of the first size bytes. */
static enum selv_err measure(const struct world *w,
                             const struct selv_suit_todo *todo,
                             uint8_t digest[static SELV_SHA256_LEN])
{
    struct selv_bytes is = content(w, todo->device_component);
    if (todo->has_size && todo->size > is.len) {
        return SELV_ERR_UPDATE_SIZE;
    }
    if (todo->kind == SELV_SUIT_CONTENT && todo->size != is.len) {
        return SELV_ERR_SUIT_CONTENT;
    }
    sha256(selv_bytes(is.p, todo->has_size ? todo->size : is.len), digest);
    return SELV_OK;
}

static bool is_unlucky(struct world *w)
{
    uint32_t x = (w->mood + ++w->answers) * 2654435761u;
    x = (x ^ x >> 15) * 2246822519u;
    return w->fail_in != 0 && (x >> 8) % w->fail_in == 0;
}

enum selv_err world_answer(struct world *w, const struct selv_suit_todo *todo,
                           uint8_t digest[static SELV_SHA256_LEN])
{
    if (is_unlucky(w)) {
        return SELV_ERR_SUIT_OPERATION;
    }
    switch (todo->kind) {
    case SELV_SUIT_FETCH:
        fetch(w, todo);
        break;
    case SELV_SUIT_WRITE:
        fill(w, todo->device_component, todo->data);
        break;
    case SELV_SUIT_COPY:
        fill(w, todo->device_component, content(w, todo->device_source));
        break;
    case SELV_SUIT_SWAP:
        swap(w, todo->device_component, todo->device_source);
        break;
    case SELV_SUIT_DIGEST:
    case SELV_SUIT_CONTENT:
        return measure(w, todo, digest);
    case SELV_SUIT_INVOKE:
    case SELV_SUIT_PRIVATE:
    case SELV_SUIT_DONE:
    case SELV_SUIT_FAILED:
        break;
    }
    return SELV_OK;
}

/* ---- saying ------------------------------------------------------------- */

#define DIGEST_SHOWN 4u /* bytes: enough to tell the pool's apart */

void world_say(struct world *w, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof text) {
        fprintf(stderr, "trace too long: %s\n", format);
        abort();
    }
    grown_add(&w->trace, text, (size_t)len);
}

void world_say_bytes(struct world *w, const char *name, struct selv_bytes b)
{
    world_say(w, " %s=", name);
    for (size_t i = 0; i < b.len; i++) {
        world_say(w, "%02x", b.p[i]);
    }
}

void world_say_todo(struct world *w, const struct selv_suit_todo *todo,
                    bool may_invoke)
{
    static const char *const names[] = {
        [SELV_SUIT_DONE] = "done",     [SELV_SUIT_FAILED] = "failed",
        [SELV_SUIT_FETCH] = "fetch",   [SELV_SUIT_DIGEST] = "digest",
        [SELV_SUIT_CONTENT] = "check", [SELV_SUIT_COPY] = "copy",
        [SELV_SUIT_WRITE] = "write",   [SELV_SUIT_SWAP] = "swap",
        [SELV_SUIT_INVOKE] = "invoke", [SELV_SUIT_PRIVATE] = "private"};
    enum selv_suit_todo_kind kind = todo->kind;
    world_say(w, "%s %u/%u code=%d", names[kind], todo->component,
              todo->device_component, (int)todo->code);
    if (todo->has_size) {
        world_say(w, " size=%u", (unsigned)todo->size);
    }
    if (todo->digest != NULL && kind != SELV_SUIT_CONTENT) {
        world_say_bytes(w, "digest", selv_bytes(todo->digest, DIGEST_SHOWN));
    }
    if (kind == SELV_SUIT_COPY || kind == SELV_SUIT_SWAP) {
        world_say(w, " from=%u/%u", todo->source, todo->device_source);
    }
    if (kind == SELV_SUIT_FETCH) {
        world_say(w, " uri=%.*s", (int)todo->uri.len,
                  (const char *)todo->uri.p);
        if (todo->is_integrated) {
            world_say(w, " payload=%u+%u", (unsigned)todo->integrated_off,
                      (unsigned)todo->integrated_len);
        }
    }
    if (kind == SELV_SUIT_FETCH || kind == SELV_SUIT_WRITE ||
        kind == SELV_SUIT_INVOKE) {
        world_say_bytes(w, "data", todo->data);
    }
    if (kind == SELV_SUIT_INVOKE) {
        world_say(w, may_invoke ? " may" : " must not");
    }
    world_say(w, "\n");
}

void world_say_record(struct world *w, const struct selv_suit_record *record)
{
    world_say(w, "record %d+%u code=%d component=%u policy=%u %s\n",
              record->section, record->section_offset, (int)record->code,
              record->component, record->policy,
              selv_err_name((enum selv_err)record->err));
}

void world_say_failure(struct world *w, enum selv_err err, int section,
                       int64_t code, size_t section_offset, size_t component)
{
    world_say(w, "failed %s %d+%zu code=%lld", selv_err_name(err), section,
              section_offset, (long long)code);
    /* set-component-index is for no component */
    if (code != SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX) {
        world_say(w, " component=%zu", component);
    }
    world_say(w, "\n");
}
