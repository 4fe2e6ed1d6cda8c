/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/engine.h"

/* What every example of the draft is for [manifest B]. */
static const uint8_t vendor_id[16] = {0xfa, 0x6b, 0x4a, 0x53, 0xd5, 0xad,
                                      0x5f, 0xdf, 0xbe, 0x9d, 0xe6, 0x63,
                                      0xe4, 0xd4, 0x1f, 0xfe};
static const uint8_t class_id[16] = {0x14, 0x92, 0xaf, 0x14, 0x25, 0x69,
                                     0x5e, 0x48, 0xbf, 0x42, 0x9b, 0x2d,
                                     0x51, 0xf2, 0xab, 0x45};

/* A signature that costs nothing needs no key, only an anchor to ask. */
static const struct selv_cose_key anchor = {.method = &selv_cose_es256};

static const struct bench_example *example;
static struct selv_suit engine;
static struct selv_suit_component components[SELV_SUIT_COMPONENTS_MAX];
static struct selv_suit_device device = {.components = components,
                                         .vendor_id = vendor_id,
                                         .class_id = class_id,
                                         .anchors = &anchor,
                                         .anchor_count = 1};

/* Procedures that are worth running, as bits. */
static uint32_t wanted;

const uint8_t *bench_digest(const uint8_t *p)
{
    static const uint8_t other[SELV_SHA256_LEN] = {0x5a};
    for (size_t i = 0; i < example->hash_count; i++) {
        if (p == example->envelope + example->hashes[i].off) {
            return example->hashes[i].digest;
        }
    }
    return other;
}

static enum selv_err load(const struct selv_suit_device *for_device)
{
    selv_suit_init(&engine, &selv_suit_profile_consumer, for_device);
    enum selv_err err = selv_suit_feed_part(
        &engine, selv_bytes(example->envelope, example->len), example->len);
    if (err == SELV_OK && !selv_is_good(selv_suit_check(&engine))) {
        err = selv_suit_failure(&engine)->err;
    }
    return err;
}

/* What asks for more than a digest changes something or starts something. */
static bool is_deed(enum selv_suit_todo_kind kind)
{
    return kind != SELV_SUIT_DONE && kind != SELV_SUIT_FAILED &&
           kind != SELV_SUIT_DIGEST;
}

/* Run a procedure, all going well. Counts requests and deeds. */
static const enum selv_suit_procedure procedures[] = {SELV_SUIT_UPDATE,
                                                      SELV_SUIT_INVOCATION};

static enum selv_err run(enum selv_suit_procedure procedure,
                         uint32_t *todo_count, uint32_t *deed_count)
{
    struct selv_suit_todo todo;
    enum selv_err err = selv_suit_begin(&engine, procedure);
    if (err != SELV_OK) {
        return err;
    }
    for (;;) {
        enum selv_suit_todo_kind kind = selv_suit_poll(&engine, &todo);
        if (kind == SELV_SUIT_DONE) {
            return SELV_OK;
        }
        if (kind == SELV_SUIT_FAILED) {
            return selv_suit_failure(&engine)->err;
        }
        *todo_count += 1;
        *deed_count += is_deed(kind);
        if (kind == SELV_SUIT_DIGEST) {
            selv_suit_answer_digest(&engine, todo.digest);
        } else if (kind == SELV_SUIT_INVOKE &&
                   !selv_is_good(selv_suit_may_invoke(&engine))) {
            selv_suit_answer(&engine, SELV_ERR_SUIT_OPERATION);
        } else {
            selv_suit_answer(&engine, SELV_OK);
        }
    }
}

static enum selv_err want(void)
{
    enum selv_err err = SELV_OK;
    uint32_t with_deeds = 0;
    uint32_t possible = 0;
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t todo_count = 0;
        uint32_t deed_count = 0;
        err = run(procedures[i], &todo_count, &deed_count);
        if (err == SELV_ERR_SUIT_ABSENT) {
            err = SELV_OK; /* severed and taken out: only the other one */
            continue;
        }
        if (err != SELV_OK && !example->may_fail) {
            return err;
        }
        possible |= 1u << i;
        with_deeds |= deed_count > 0 ? 1u << i : 0;
    }
    wanted = with_deeds != 0 && !example->may_fail ? with_deeds : possible;
    return SELV_OK;
}

enum selv_err bench_prepare(const struct bench_example *of)
{
    static const struct selv_suit_device any = {.anchors = &anchor,
                                                .anchor_count = 1};
    example = of;
    enum selv_err err = load(&any);
    if (err != SELV_OK && !example->may_fail) {
        return err;
    }
    device.component_count = selv_suit_component_count(&engine);
    for (size_t i = 0; i < device.component_count; i++) {
        components[i].id = selv_suit_component_id(&engine, i);
        components[i].slot = 0;
    }
    wanted = 0;
    err = load(&device);
    if (err == SELV_OK) {
        err = want();
    }
    return example->may_fail ? SELV_OK : err;
}

struct bench_result bench_measured(void)
{
    static const char *const names[] = {"check", "update", "invoke",
                                        "update and invoke"};
    struct bench_result result = {.procedures = names[wanted & 3u]};
    uint32_t deed_count = 0;
    result.err = load(&device);
    for (uint32_t i = 0; i < 2; i++) {
        bool goes_on = result.err == SELV_OK || example->may_fail;
        if (goes_on && (wanted & 1u << i) != 0) {
            result.err = run(procedures[i], &result.todo_count, &deed_count);
        }
    }
    return result;
}
