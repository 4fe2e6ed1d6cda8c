/* SPDX-License-Identifier: Apache-2.0
 *
 * The consumer against a server that answers properly, nearly so, or with
 * anything, over a flash with NOR rules and locks, with the real bootloader
 * between its lives. Whatever comes:
 *   no flash rule is broken, and no locked byte is written (the locks cover
 *   factory data, boot journal and the running slot), no wait is without end,
 *   the device always boots, and runs one of the two releases that were
 *   signed; no image is asked for that the bootloader says it cannot start.
 *
 * Input: bytes, each an action (low four bits) and its argument bytes:
 *   0        answer properly           1 c     with code c instead
 *   2 n      with a block n further    3 n x   with payload byte n xored by x
 *   4 n      n payload bytes short     5       with another ETag
 *   6        time passes               7       the last datagram once more
 *   8 l ..   l bytes as they are       9 l ..  the same with the right message
 *                                              ID and token
 *   10       power is cut              11 g    the self-test ends, good or not
 *   12       the server forgets us     13 f x  started again by a bootloader
 *                                              whose field f, xored by x, says
 *                                              that it can do other things
 *   14 n     n proper answers in a row 15      nothing */
#include <stdlib.h>

#include "boot/boot.h"
#include "consumer/consumer.h"
#include "sim/geometry.h"
#include "sim/release.h"
#include "sim/vflash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define POLLS_MAX 4096u
#define DATAGRAM_MAX 1024u

static struct selv_release releases[2];
static uint8_t *clean; /* flash with release 1 in slot A, once booted */
static uint8_t *memory;
static size_t memory_len;

struct world {
    struct selv_vflash v;
    struct selv_layout layout;
    struct selv_factory factory;
    struct selv_boot_record record;
    struct selv_consumer_config config;
    struct selv_consumer consumer;
    uint64_t now_ms;
    uint64_t until_ms;
    enum selv_reset_cause cause;
    bool is_unknown;
    bool is_lesser; /* the bootloader cannot start release 2 */
    bool wants_selftest;
    uint8_t request[DATAGRAM_MAX];
    size_t request_len;
    uint8_t answer[DATAGRAM_MAX];
    size_t answer_len;
};

static struct world w;
static const struct selv_consumer_source source;

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* ---- the device -----------------------------------------------------------
 */

static void lock(bool is_application)
{
    const struct selv_layout *l = &w.layout;
    const struct selv_slot_place *running = &l->slot[w.record.slot & 1];
    uint32_t sector = w.v.flash.sector_len;

    selv_vflash_protect(&w.v, 0, w.v.flash.size, !is_application);
    selv_vflash_protect(&w.v, l->journal_off[0], sector, is_application);
    selv_vflash_protect(&w.v, l->journal_off[1], sector, is_application);
    if (is_application) {
        selv_vflash_protect(&w.v, l->factory_off, l->factory_len, true);
        selv_vflash_protect(&w.v, running->envelope_off, running->envelope_len,
                            true);
        selv_vflash_protect(&w.v, running->image_off, running->image_len, true);
    }
}

static void boot(void)
{
    struct selv_boot b = {.flash = &w.v.flash,
                          .layout = &w.layout,
                          .factory = &w.factory,
                          .strategy = &selv_strategy_ab,
                          .reset_cause = w.cause};
    uint8_t slot;

    lock(false);
    must(selv_is_good(selv_boot_choose(&b, &w.record)));
    lock(true);
    slot = w.record.slot;
    must(selv_release_is_in(&releases[0], &w.v.flash, &w.layout, slot) ||
         selv_release_is_in(&releases[1], &w.v.flash, &w.layout, slot));
    w.cause = SELV_RESET_POWER_ON;
    w.wants_selftest = false;
    w.is_lesser = false;
    w.request_len = 0;
    w.config.random[0]++;
    must(selv_consumer_init(&w.consumer, &w.config, w.now_ms) == SELV_OK);
}

/* What a release of selv_release_make needs at boot. */
static bool is_enough(const struct selv_boot_record *r)
{
    const uint64_t commands =
        1u << 1 | 1u << 2 | 1u << 3 | 1u << 5 | 1u << 15 | 1u << 20 | 1u << 23;
    const uint32_t parameters =
        1u << 1 | 1u << 2 | 1u << 3 | 1u << 5 | 1u << 14;
    const uint8_t sections = 1u << 2 | 1u << 4;

    return (r->boot_commands & commands) == commands &&
           (r->boot_parameters & parameters) == parameters &&
           (r->boot_sections & sections) == sections &&
           r->boot_envelope_max >= releases[1].envelope_len &&
           r->boot_components_max >= 1 && r->boot_depth_max >= 1;
}

/* Start again, under a bootloader that is or lies otherwise. */
static void restart_otherwise(uint8_t field, uint8_t bits)
{
    struct selv_boot_record *r = &w.record;

    boot();
    switch (field % 6) {
    case 0:
        r->boot_commands ^= (uint64_t)bits << (field & 0x38);
        break;
    case 1:
        r->boot_parameters ^= (uint32_t)bits << (field & 0x18);
        break;
    case 2:
        r->boot_sections ^= bits;
        break;
    case 3:
        r->boot_envelope_max = (uint16_t)(bits * 8u);
        break;
    case 4:
        r->boot_components_max ^= bits;
        break;
    default:
        r->boot_depth_max ^= bits;
        break;
    }
    selv_record_seal(r);
    must(selv_consumer_init(&w.consumer, &w.config, w.now_ms) == SELV_OK);
    w.is_lesser = !is_enough(r);
}

/* Until it waits. */
static void run(void)
{
    struct selv_consumer_todo todo;

    for (unsigned n = 0; n < POLLS_MAX; n++) {
        switch (selv_consumer_poll(&w.consumer, w.now_ms, &todo)) {
        case SELV_CONSUMER_SEND:
            must(todo.bytes.len <= sizeof w.request);
            memcpy(w.request, todo.bytes.p, todo.bytes.len);
            w.request_len = todo.bytes.len;
            break;
        case SELV_CONSUMER_WAIT:
            if (todo.until_ms > w.now_ms) {
                w.until_ms = todo.until_ms;
                must(w.until_ms - w.now_ms < UINT64_C(10000000));
                return;
            }
            break;
        case SELV_CONSUMER_EVENT:
            break;
        case SELV_CONSUMER_SELFTEST:
            w.wants_selftest = true;
            break;
        case SELV_CONSUMER_REBOOT:
            w.cause = SELV_RESET_REQUESTED;
            boot();
            break;
        case SELV_CONSUMER_GIVE_UP:
            w.cause = SELV_RESET_WATCHDOG;
            boot();
            break;
        case SELV_CONSUMER_FETCH:
        case SELV_CONSUMER_CANCEL:
            must(false); /* there is no port source */
            break;
        }
    }
    must(false);
}

/* ---- the server -----------------------------------------------------------
 */

/* How an answer differs from a proper one. */
struct twist {
    uint8_t code, block, at, flip, cut;
    bool is_other_etag;
};

/* What the request is about: the body, or nothing. */
static struct selv_bytes body_of(const struct selv_coap_msg *rq, uint8_t *code)
{
    struct selv_bytes name;

    *code = SELV_COAP_CONTENT;
    if (selv_coap_path_match(rq, "reg", NULL)) {
        w.is_unknown = false;
        *code = SELV_COAP_CREATED;
        return selv_bytes("0123456789abcdef", 16);
    }
    if (selv_coap_path_match(rq, "i/*", &name)) {
        const struct selv_release *r = &releases[1];
        must(!w.is_lesser);
        return selv_bytes(r->image[w.record.slot ^ 1], r->image_len);
    }
    if (w.is_unknown) {
        *code = SELV_COAP_UNAUTHORIZED;
        return selv_bytes(NULL, 0);
    }
    if (selv_coap_path_match(rq, "m", NULL)) {
        return selv_bytes(releases[1].envelope, releases[1].envelope_len);
    }
    *code = SELV_COAP_CHANGED;
    return selv_bytes(NULL, 0);
}

static void answer(const struct twist *t)
{
    struct selv_coap_msg rq;
    struct selv_coap_slice slice;
    struct selv_coap_writer writer;
    struct selv_bytes body;
    uint8_t etag[4] = {1, 2, 3, t->is_other_etag};
    uint8_t code;
    uint8_t *p;

    if (w.request_len == 0 ||
        selv_coap_parse(selv_bytes(w.request, w.request_len), &rq) != SELV_OK ||
        SELV_COAP_CLASS(rq.code) != 0 || rq.code == SELV_COAP_EMPTY) {
        return;
    }
    body = body_of(&rq, &code);
    selv_coap_write_begin(&writer, w.answer, sizeof w.answer, SELV_COAP_ACK,
                          t->code != 0 ? t->code : code, rq.mid, rq.token);
    if (selv_coap_slice(&rq, (uint32_t)body.len, SELV_COAP_SZX, &slice) !=
        SELV_OK) {
        return;
    }
    slice.block.num += t->block;
    slice.len = (uint16_t)(slice.len - (t->cut < slice.len ? t->cut : 0));
    if (body.len > 0) {
        selv_coap_write_slice(&writer, &slice, selv_bytes(etag, sizeof etag),
                              SELV_COAP_OCTETS, 60);
        p = slice.len > 0 ? selv_coap_write_reserve(&writer, slice.len) : NULL;
        if (p != NULL) {
            memcpy(p, body.p + slice.offset, slice.len);
            p[t->at % slice.len] ^= t->flip;
        }
    }
    if (selv_coap_write_end(&writer, &w.answer_len) != SELV_OK) {
        w.answer_len = 0;
    }
}

static void deliver(void)
{
    uint8_t copy[DATAGRAM_MAX];

    memcpy(copy, w.answer, w.answer_len);
    selv_consumer_feed(&w.consumer, 0, selv_bytes(copy, w.answer_len),
                       w.now_ms);
    memset(copy, 0xa5, sizeof copy);
    w.now_ms++;
    run();
}

/* ---- the input ------------------------------------------------------------
 */

struct input {
    const uint8_t *p;
    const uint8_t *end;
};

static uint8_t next(struct input *in)
{
    return in->p < in->end ? *in->p++ : 0;
}

static void raw(struct input *in, bool is_addressed)
{
    size_t len = next(in);

    w.answer_len = 0;
    while (w.answer_len < len) {
        w.answer[w.answer_len++] = next(in);
    }
    if (is_addressed && len >= 8 && w.request_len >= 8) {
        w.answer[0] = (uint8_t)((w.answer[0] & 0x30) | 0x44);
        memcpy(w.answer + 2, w.request + 2, 6);
    }
    deliver();
}

static void act(struct input *in)
{
    struct twist t = {0};
    uint8_t action = next(in) & 15;
    uint8_t times = 1;

    switch (action) {
    case 1:
        t.code = next(in);
        break;
    case 2:
        t.block = next(in);
        break;
    case 3:
        t.at = next(in);
        t.flip = next(in);
        break;
    case 4:
        t.cut = next(in);
        break;
    case 5:
        t.is_other_etag = true;
        break;
    case 6:
        w.now_ms = w.until_ms;
        run();
        return;
    case 7:
        deliver();
        return;
    case 8:
    case 9:
        raw(in, action == 9);
        return;
    case 10:
        boot();
        run();
        return;
    case 11:
        if (w.wants_selftest) {
            w.wants_selftest = false;
            selv_consumer_selftest(&w.consumer, (next(in) & 1) != 0);
            run();
        }
        return;
    case 12:
        w.is_unknown = true;
        return;
    case 13:
        t.at = next(in);
        restart_otherwise(t.at, next(in));
        run();
        return;
    case 14:
        times = next(in) & 31;
        break;
    case 15:
        return;
    default:
        break;
    }
    while (times-- > 0) {
        answer(&t);
        deliver();
    }
}

/* ---- begin and end --------------------------------------------------------
 */

static void prepare(void)
{
    const struct selv_geometry *g = selv_geometry_find("512x8-ff");
    struct selv_release_plan plan = {.sequence = 1, .image_len = 700};
    uint32_t size = selv_geometry_size(g);

    if (memory == NULL) {
        memory_len = selv_vflash_mem_len(size, g->sector_len, g->write_unit);
        memory = malloc(memory_len);
        clean = malloc(memory_len);
        must(memory != NULL && clean != NULL);
        must(selv_crypto_init() == SELV_OK);
        must(selv_release_make(&plan, &releases[0]) == SELV_OK);
        plan.sequence = 2;
        plan.image_len = 1700;
        plan.content = 1;
        must(selv_release_make(&plan, &releases[1]) == SELV_OK);
        memset(&w, 0, sizeof w);
        selv_geometry_layout(g, &w.layout);
        selv_vflash_init(&w.v, clean, size, g->sector_len, g->write_unit,
                         g->erased);
        must(selv_release_install(&releases[0], &w.v.flash, &w.layout,
                                  SELV_SLOT_A) == SELV_OK);
    }
    memset(&w, 0, sizeof w);
    selv_geometry_layout(g, &w.layout);
    selv_vflash_init(&w.v, memory, size, g->sector_len, g->write_unit,
                     g->erased);
    memcpy(memory, clean, memory_len);
    selv_release_factory(&w.factory);
    w.config = (struct selv_consumer_config){.flash = &w.v.flash,
                                             .layout = &w.layout,
                                             .factory = &w.factory,
                                             .record = &w.record,
                                             .sources = &source,
                                             .source_count = 1,
                                             .poll_interval_s = 60,
                                             .trial_timeout_s = 300};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};

    prepare();
    boot();
    run();
    while (in.p < in.end) {
        act(&in);
    }
    w.cause = SELV_RESET_POWER_ON;
    boot();
    must(w.v.violation_count == 0);
    return 0;
}
