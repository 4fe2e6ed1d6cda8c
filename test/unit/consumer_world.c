/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/consumer_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cbor/cbor.h"
#include "crypto/crypto.h"
#include "suit/chunks.h"
#include "suit/report.h"

#define DEVICE_NAME "00112233aabbccdd"
#define POLLS_MAX 200000u
#define BOOTS_MAX 12u

static void say(struct world *w, const char *format, ...)
{
    va_list args;
    size_t room = sizeof w->log - w->log_len;
    int len;

    va_start(args, format);
    len = vsnprintf(w->log + w->log_len, room, format, args);
    va_end(args);
    assert_true(len >= 0 && (size_t)len < room);
    w->log_len += (size_t)len;
}

void world_forget(struct world *w)
{
    w->log_len = 0;
    w->log[0] = '\0';
}

/* Of the vendor and class of all these devices, in a static tree. */
static const char tree_manifest[] = "/m/fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe"
                                    "/1492af14-2569-5e48-bf42-9b2d51f2ab45";

/* ---- releases -------------------------------------------------------------
 */

static uint8_t image_byte(uint8_t fill, uint32_t at)
{
    return (uint8_t)(fill + at * 7u + (at >> 8));
}

static void sha256(const void *p, size_t len, uint8_t digest[static 32])
{
    struct selv_sha256 h;

    selv_sha256_init(&h);
    selv_sha256_update(&h, p, len);
    selv_sha256_finish(&h, digest);
}

static void to_hex(const uint8_t *p, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        snprintf(out + 2 * i, 3, "%02x", p[i]);
    }
}

/* The manifest digest that an envelope's wrapper names, authentic or not;
 * NULL when it names none. */
static const uint8_t *claimed_digest(struct selv_bytes envelope)
{
    static const uint8_t head[] = {0x82, 0x2f, 0x58, 0x20};

    for (size_t i = 0; i + sizeof head + 32 <= envelope.len; i++) {
        if (memcmp(envelope.p + i, head, sizeof head) == 0) {
            return envelope.p + i + sizeof head;
        }
    }
    return NULL;
}

/* The manifest's own digest, also of one that no device takes. */
static void read_digest(struct world_release *r)
{
    const uint8_t *digest =
        claimed_digest(selv_bytes(r->envelope.p, r->envelope.len));

    assert_non_null(digest);
    memcpy(r->digest, digest, 32);
}

static void make_image(struct world_release *r, unsigned slot)
{
    uint8_t *bytes = malloc(r->size[slot] + 1u);

    assert_non_null(bytes);
    for (uint32_t i = 0; i < r->size[slot]; i++) {
        bytes[i] = image_byte(r->fill[slot], i);
    }
    sha256(bytes, r->size[slot], r->image_digest[slot]);
    free(bytes);
}

/* In text: %A %B digests in hexadecimal, %a %b sizes, %n sequence number; %L %M
 * and %l %m the same of the chunk lists. */
static void expand(const struct world_release *r, const char *text, char *out,
                   size_t cap)
{
    size_t len = 0;

    for (const char *t = text; *t != '\0'; t++) {
        char piece[80] = {*t, '\0'};
        if (*t == '%') {
            t++;
            if (*t == 'A' || *t == 'B') {
                to_hex(r->image_digest[*t == 'B'], 32, piece);
            } else if (*t == 'L' || *t == 'M') {
                to_hex(r->list_digest[*t == 'M'], 32, piece);
            } else if (*t == 'l' || *t == 'm') {
                snprintf(piece, sizeof piece, "%u", r->list_len[*t == 'm']);
            } else if (*t == 'f') {
                snprintf(piece, sizeof piece, "%s", r->folder ? r->folder : "");
            } else if (*t == 'a' || *t == 'b') {
                snprintf(piece, sizeof piece, "%u", r->size[*t == 'b']);
            } else {
                assert_int_equal(*t, 'n');
                snprintf(piece, sizeof piece, "%llu",
                         (unsigned long long)r->sequence);
            }
        }
        assert_true(len + strlen(piece) < cap);
        strcpy(out + len, piece);
        len += strlen(piece);
    }
}

static void make_release(struct world_release *r, uint64_t sequence,
                         uint32_t size_a, uint32_t size_b, const char *text,
                         bool has_other)
{
    static char expanded[8192];
    struct maker_spec spec = {.manifest = expanded, .has_other = has_other};

    memset(r, 0, sizeof *r);
    r->sequence = sequence;
    r->size[0] = size_a;
    r->size[1] = size_b;
    r->fill[0] = (uint8_t)(sequence * 16u);
    r->fill[1] = (uint8_t)(sequence * 16u + 1u);
    make_image(r, 0);
    make_image(r, 1);
    expand(r, text, expanded, sizeof expanded);
    maker_envelope(&spec, &r->envelope);
    read_digest(r);
}

void world_release_custom(struct world_release *r, uint64_t sequence,
                          uint32_t size_a, uint32_t size_b, const char *text)
{
    make_release(r, sequence, size_a, size_b, text, false);
}

static const char ab_text[] = "{1: 1, 2: %n, 3: " MAKER_COMMON(
    ", 15, [<<[20, {5: 0}, 5, 5, 20, {3: <<[-16, "
    "h'%A']>>, 14: %a}]>>,"
    " <<[20, {5: 1}, 5, 5, 20, {3: <<[-16, h'%B']>>, "
    "14: %b}]>>]") ","
                   " 7: <<[3, 15]>>, 9: <<[23, 2]>>,"
                   " 20: <<[15, [<<[20, {5: 0}, 5, 5, "
                   "20, {21: \"/i/%A\"}]>>,"
                   "             <<[20, {5: 1}, 5, 5, "
                   "20, {21: \"/i/%B\"}]>>],"
                   "        21, 2, 3, 15]>>}";

void world_release_make(struct world_release *r, uint64_t sequence,
                        uint32_t size_a, uint32_t size_b)
{
    make_release(r, sequence, size_a, size_b, ab_text, false);
}

static const char listed_text[] =
    "{1: 1, 2: %n, 3: " MAKER_COMMON(", 15, [<<[20, {5: 0}, 5, 5, 20, {3: "
                                     "<<[-16, h'%A']>>, 14: %a}]>>, "
                                     "<<[20, {5: 1}, 5, 5, 20, {3: <<[-16, "
                                     "h'%B']>>, 14: %b}]>>]") ", 7: "
                                                              "<<[3, 15]>>, 9: "
                                                              "<<[23, 2]>>, "
                                                              "20: <<[15, "
                                                              "[<<[20, {5: 0}, "
                                                              "5, 5, 20, "
                                                              "{21: "
                                                              "\"%f/i/%A\", "
                                                              "-21316: "
                                                              "[<<[-16, "
                                                              "h'%L']>>, "
                                                              "%l]}]>>, <<[20, "
                                                              "{5: 1}, 5, "
                                                              "5, 20, {21: "
                                                              "\"%f/i/%B\", "
                                                              "-21316: "
                                                              "[<<[-16, "
                                                              "h'%M']>>, "
                                                              "%m]}]>>], 21, "
                                                              "2, 3, "
                                                              "15]>>}";

void world_release_sign_lists(struct world_release *r)
{
    static char expanded[8192];
    struct maker_spec spec = {.manifest = expanded};

    for (unsigned slot = 0; slot < 2; slot++) {
        sha256(r->list[slot], r->list_len[slot], r->list_digest[slot]);
    }
    expand(r, listed_text, expanded, sizeof expanded);
    maker_envelope(&spec, &r->envelope);
    read_digest(r);
}

void world_release_make_listed(struct world_release *r, uint64_t sequence,
                               uint32_t size_a, uint32_t size_b, uint32_t shift,
                               uint32_t of_len)
{
    make_release(r, sequence, size_a, size_b, ab_text, false);
    for (unsigned slot = 0; slot < 2; slot++) {
        struct selv_buf out = {r->list[slot], sizeof r->list[slot], 0};
        uint32_t len = of_len != 0 ? of_len : r->size[slot];
        uint8_t *bytes = malloc(len);

        assert_non_null(bytes);
        for (uint32_t i = 0; i < len; i++) {
            bytes[i] = image_byte(r->fill[slot], i);
        }
        assert_int_equal(
            selv_suit_chunks_make(selv_bytes(bytes, len), shift, &out),
            SELV_OK);
        r->list_len[slot] = (uint32_t)out.len;
        free(bytes);
    }
    world_release_sign_lists(r);
}

void world_release_make_twice_signed(struct world_release *r, uint64_t sequence,
                                     uint32_t size_a, uint32_t size_b)
{
    make_release(r, sequence, size_a, size_b, ab_text, true);
}

void world_release_stage(struct world_release *r, uint64_t sequence,
                         uint32_t size, int directive)
{
    char text[1024];

    snprintf(text, sizeof text,
             "{1: 1, 2: %%n, 3: <<{2: [[h'00'], [h'00', h'73']], 4: <<[12, "
             "[0, 1], 20, {1: " MAKER_VENDOR ", 2: " MAKER_CLASS
             ", 3: <<[-16, h'%%A']>>, 14: %%a}, 1, 15, 2, 15]>>}>>, 7: <<[12, "
             "0, 3, 15]>>, 9: <<[12, 0, 23, 2]>>, 16: <<[12, 1, 20, {21: "
             "\"/i/%%A\"}, 21, 2, 3, 15]>>, 20: <<[12, 0, 20, {22: 1}, %d, 2, "
             "3, 15]>>}",
             directive);
    world_release_custom(r, sequence, size, size, text);
}

void world_release_load(struct world_release *r, uint64_t sequence,
                        uint32_t size)
{
    world_release_custom(
        r, sequence, size, size,
        "{1: 1, 2: %n, 3: <<{2: [[h'00'], [h'00', h'72']], 4: <<[12, [0, 1], "
        "20, {1: " MAKER_VENDOR ", 2: " MAKER_CLASS
        ", 3: <<[-16, h'%A']>>, 14: %a}, 1, 15, 2, 15]>>}>>, 7: <<[12, 0, 3, "
        "15]>>, 8: <<[12, 1, 20, {22: 0}, 22, 2, 3, 15]>>, 9: <<[12, 1, 23, "
        "2]>>, 16: <<[12, 0, 20, {21: \"/i/%A\"}, 21, 2, 3, 15]>>}");
}

/* ---- the network ----------------------------------------------------------
 */

static void queue_add(struct world *w, const uint8_t *p, size_t len)
{
    if (w->queue_len < WORLD_QUEUE_MAX) {
        memcpy(w->queue[w->queue_len].p, p, len);
        w->queue[w->queue_len].len = len;
        w->queue[w->queue_len].source = w->talking_to;
        w->queue_len++;
    }
}

static bool is_each(unsigned each, unsigned count)
{
    return each != 0 && count % each == 0;
}

/* How often a packet arrives at once; the one that is late is put aside. */
static unsigned packet_copies(struct world *w, bool is_up, uint8_t source,
                              const uint8_t *p, size_t len)
{
    bool is_it =
        w->packet_kind != WORLD_PACKET_GOOD && w->packet_count == w->packet_at;

    w->packet_count++;
    if (!is_it) {
        return 1;
    }
    if (w->packet_kind == WORLD_PACKET_LATE) {
        w->late.due_ms = w->now_ms + w->packet_late_ms;
        w->late.is_up = is_up;
        w->late.source = source;
        memcpy(w->late.p, p, len);
        w->late.len = len;
        return 0;
    }
    return w->packet_kind == WORLD_PACKET_DOUBLED ? 2 : 0;
}

static struct sim_link *link_of(const struct world *w, uint8_t source)
{
    return source == 1 && w->second ? w->second : w->link;
}

/* From the server to the device. */
static void network_send(struct world *w, const uint8_t *p, size_t len)
{
    if (len > 0 && w->link) {
        sim_link_put(link_of(w, w->talking_to), SIM_LINK_DOWN, w->talking_to,
                     selv_bytes(p, len), w->now_ms * 1000);
        return;
    }
    if (len > 0) {
        for (unsigned n = packet_copies(w, false, w->talking_to, p, len);
             n != 1; n--) {
            if (n == 0) {
                return;
            }
            queue_add(w, p, len);
        }
    }
    w->sent_count++;
    if (len == 0 || w->is_cut || is_each(w->drop_each, w->sent_count)) {
        return;
    }
    queue_add(w, p, len);
    if (is_each(w->double_each, w->sent_count)) {
        queue_add(w, p, len);
    }
    if (is_each(w->swap_each, w->sent_count) && w->queue_len >= 2) {
        size_t last = w->queue_len - 1;
        w->queue[WORLD_QUEUE_MAX - 1] = w->queue[last];
        w->queue[last] = w->queue[last - 1];
        w->queue[last - 1] = w->queue[WORLD_QUEUE_MAX - 1];
    }
}

/* ---- the server -----------------------------------------------------------
 */

static const char *const state_names[] = {
    "idle",      "notified", "authorized", "downloading",
    "verified",  "waiting",  "installing", "trial",
    "confirmed", "rejected", "failed",     "reverted"};

static uint64_t read_uint(struct selv_cbor *r)
{
    uint64_t v = 0;

    assert_int_equal(selv_cbor_uint(r, &v), SELV_OK);
    return v;
}

static void need_key(struct selv_cbor *r, uint64_t key)
{
    assert_int_equal(read_uint(r), key);
}

static void need_pairs(struct selv_cbor *r, uint32_t wanted)
{
    uint32_t count = 0;

    assert_int_equal(selv_cbor_map(r, &count), SELV_OK);
    assert_int_equal(count, wanted);
}

static void check_running(struct world *w, struct selv_cbor *r)
{
    struct selv_bytes v = {NULL, 0};

    need_pairs(r, w->config.version.len > 0 ? 5 : 4);
    need_key(r, 1);
    assert_int_equal(selv_cbor_skip(r, &v), SELV_OK);
    assert_memory_equal(v.p, w->factory.component_id,
                        w->factory.component_id_len);
    need_key(r, 2);
    assert_int_equal(read_uint(r), w->record.sequence);
    need_key(r, 3);
    assert_int_equal(selv_cbor_bstr(r, &v), SELV_OK);
    assert_int_equal(v.len, 32);
    assert_memory_equal(v.p, w->record.digest, 32);
    need_key(r, 4);
    assert_int_equal(read_uint(r), w->record.slot);
    if (w->config.version.len > 0) {
        need_key(r, 5);
        assert_int_equal(selv_cbor_tstr(r, &v), SELV_OK);
        assert_true(selv_bytes_equal(v, w->config.version));
    }
}

static void need_id(struct selv_cbor *r, uint64_t key, const uint8_t id[16])
{
    struct selv_bytes v = {NULL, 0};

    need_key(r, key);
    assert_int_equal(selv_cbor_bstr(r, &v), SELV_OK);
    assert_int_equal(v.len, 16);
    assert_memory_equal(v.p, id, 16);
}

/* The profile exactly as docs/spec/coap.md has it. */
static void check_profile(struct world *w, struct selv_bytes body)
{
    struct selv_cbor r;
    uint32_t count = 0;

    selv_cbor_init(&r, body);
    assert_int_equal(selv_cbor_skip(&r, NULL), SELV_OK);
    assert_int_equal(selv_cbor_end(&r), SELV_OK);
    selv_cbor_init(&r, body);
    need_pairs(&r, 8);
    need_key(&r, 1);
    assert_int_equal(read_uint(&r), 1);
    need_id(&r, 2, w->factory.device_id);
    need_id(&r, 3, w->factory.vendor_id);
    need_id(&r, 4, w->factory.class_id);
    need_key(&r, 5);
    assert_int_equal(selv_cbor_array(&r, &count), SELV_OK);
    assert_int_equal(count, 1);
    check_running(w, &r);
    need_key(&r, 6);
    assert_int_equal(read_uint(&r), SELV_SUIT_ENVELOPE_MAX);
    need_key(&r, 7);
    assert_int_equal(read_uint(&r),
                     w->layout.slot[w->record.slot ^ 1u].image_len);
    need_key(&r, 8);
    need_pairs(&r, 3);
    need_key(&r, 1);
    assert_int_equal(read_uint(&r), SELV_RECORD_VERSION);
    need_key(&r, 2);
    assert_int_equal(read_uint(&r), w->record.accepted);
    need_key(&r, 3);
    assert_int_equal(read_uint(&r), w->record.floor);
    assert_int_equal(selv_cbor_end(&r), SELV_OK);
}

static void take_status(struct world *w, struct selv_bytes body)
{
    struct selv_suit_report report;
    struct selv_cbor r;
    uint64_t state, err;

    selv_cbor_init(&r, body);
    assert_int_equal(selv_cbor_skip(&r, NULL), SELV_OK);
    assert_int_equal(selv_cbor_end(&r), SELV_OK);
    selv_cbor_init(&r, body);
    need_pairs(&r, 6);
    need_key(&r, 1);
    assert_int_equal(read_uint(&r), 1);
    need_key(&r, 2);
    assert_int_equal(selv_suit_report_get(&r, &report), SELV_OK);
    need_key(&r, 3);
    state = read_uint(&r);
    need_key(&r, 4);
    (void)read_uint(&r);
    need_key(&r, 5);
    check_running(w, &r);
    need_key(&r, 6);
    err = read_uint(&r);
    assert_int_equal(selv_cbor_end(&r), SELV_OK);
    assert_int_equal(report.is_success, err == 0);
    assert_true(state <= SELV_UPDATE_REVERTED);
    say(w, "<%s%s%s ", state_names[state], err == 0 ? "" : ":",
        err == 0 ? "" : selv_err_name((enum selv_err)err));
    w->report_count++;
}

static void reply(struct world *w, const struct selv_coap_peer *peer,
                  const struct selv_coap_msg *rq, uint8_t code,
                  const char *text, enum selv_coap_keep keep,
                  struct selv_buf *out)
{
    struct selv_coap_writer writer;

    selv_coap_reply_begin(&w->coap, rq, code, out, &writer);
    if (text) {
        selv_coap_write_payload(&writer, selv_bytes(text, strlen(text)));
    }
    assert_int_equal(
        selv_coap_reply_end(&w->coap, w->now_ms, peer, rq, &writer, keep, out),
        SELV_OK);
}

/* What is served of a body under a mode. */
struct body {
    const uint8_t *p; /* NULL: image bytes of fill */
    uint32_t len;
    uint8_t fill;
    uint8_t etag[8];
    bool has_etag;
};

static void send_body(struct world *w, const struct selv_coap_msg *rq,
                      struct body body, enum world_mode mode,
                      struct selv_buf *out)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer writer;
    uint8_t *p;
    uint8_t szx = mode == WORLD_LARGE_BLOCKS ? 6 : SELV_COAP_SZX;
    struct selv_coap_msg asked = *rq;

    if (mode == WORLD_SHORT) {
        body.len /= 2;
    } else if (mode == WORLD_LONG) {
        body.len += 16;
    } else if (mode == WORLD_OTHER_BYTES) {
        body.fill++;
    } else if (mode == WORLD_LARGE_BLOCKS) {
        asked.block2.szx = 6;
        asked.block2.num /= 2;
    }
    if (selv_coap_slice(&asked, body.len, szx, &slice) != SELV_OK) {
        selv_coap_reply_code(&w->coap, rq, SELV_COAP_BAD_REQUEST, NULL, out);
        return;
    }
    if (mode == WORLD_OTHER_BLOCK) {
        slice.block.num++;
    } else if (mode == WORLD_OTHER_ETAG && slice.block.num >= 1) {
        body.etag[0] ^= 0xff;
    }
    selv_coap_reply_begin(&w->coap, rq, SELV_COAP_CONTENT, out, &writer);
    selv_coap_write_slice(&writer, &slice,
                          selv_bytes(body.etag, body.has_etag ? 8 : 0),
                          SELV_COAP_OCTETS, 60);
    p = selv_coap_write_reserve(&writer, slice.len);
    assert_non_null(p);
    for (uint32_t i = 0; i < slice.len; i++) {
        uint32_t at = slice.offset + i;
        p[i] = body.p ? body.p[at] : image_byte(body.fill, at);
        p[i] = (uint8_t)(p[i] + (body.p && mode == WORLD_OTHER_BYTES));
        if (body.p == NULL && w->bent > 0 && at == w->bent_at &&
            w->talking_to == 0) {
            p[i] ^= 1;
            w->bent--;
        }
        if (body.p == NULL && at > 0 && at == w->other[w->talking_to].bent_at) {
            p[i] ^= 1;
        }
    }
    assert_int_equal(selv_coap_write_end(&writer, &out->len), SELV_OK);
}

/* The modes that need no body. False: it has one. */
static bool send_bodiless(struct world *w, const struct selv_coap_peer *peer,
                          const struct selv_coap_msg *rq, enum world_mode mode,
                          struct selv_buf *out)
{
    struct selv_coap_msg other = *rq;

    switch (mode) {
    case WORLD_SILENT:
        out->len = 0;
        return true;
    case WORLD_ERROR:
        selv_coap_reply_code(&w->coap, rq, SELV_COAP_SERVER_ERROR, "no", out);
        return true;
    case WORLD_MISSING:
        selv_coap_reply_code(&w->coap, rq, SELV_COAP_NOT_FOUND, "no", out);
        return true;
    case WORLD_EMPTY:
        reply(w, peer, rq, SELV_COAP_CONTENT, NULL, SELV_COAP_RECOMPUTE, out);
        return true;
    case WORLD_VALID:
        reply(w, peer, rq, SELV_COAP_VALID, NULL, SELV_COAP_RECOMPUTE, out);
        return true;
    case WORLD_NOT_COAP:
        memset(out->p, 0xfe, 40);
        out->len = 40;
        return true;
    case WORLD_OTHER_TOKEN:
        other.token = selv_bytes("\1\2\3\4", 4);
        reply(w, peer, &other, SELV_COAP_CONTENT, "hello", SELV_COAP_RECOMPUTE,
              out);
        return true;
    default:
        return false;
    }
}

/* False: it is no chunk list. */
static bool serve_list(struct world *w, const struct selv_coap_peer *peer,
                       const struct selv_coap_msg *rq, struct selv_bytes name,
                       struct selv_buf *out)
{
    enum world_mode mode =
        w->talking_to == 0 ? w->list_mode : w->other[w->talking_to].list_mode;
    struct body body = {.has_etag = !w->has_no_etag};
    char hex[65];

    for (unsigned slot = 0; slot < 2; slot++) {
        to_hex(w->release->list_digest[slot], 32, hex);
        if (w->release->list_len[slot] == 0 || name.len != 64 ||
            memcmp(name.p, hex, 64) != 0) {
            continue;
        }
        w->list_count++;
        if (!send_bodiless(w, peer, rq, mode, out)) {
            body.p = w->release->list[slot];
            body.len = w->release->list_len[slot];
            memcpy(body.etag, w->release->list_digest[slot], 8);
            send_body(w, rq, body, mode, out);
        }
        return true;
    }
    return false;
}

static bool is_stopped(const struct world *w, uint8_t source, uint32_t at)
{
    uint32_t stops_at = w->other[source].stops_at;

    return stops_at > 0 && at >= stops_at;
}

static void serve_image(struct world *w, const struct selv_coap_peer *peer,
                        const struct selv_coap_msg *rq, struct selv_bytes name,
                        struct selv_buf *out)
{
    enum world_mode mode =
        w->image_count >= w->mode_from ? w->mode : WORLD_GOOD;
    if (w->talking_to > 0) {
        mode = w->other[w->talking_to].mode;
    }
    struct body body = {.has_etag = !w->has_no_etag};
    char hex[65];
    size_t slot;

    assert_true((rq->has & SELV_COAP_HAS_BLOCK2) != 0);
    if (serve_list(w, peer, rq, name, out)) {
        return;
    }
    if (w->image_count < sizeof w->requests / sizeof w->requests[0]) {
        uint32_t len = (uint32_t)selv_coap_block_len(rq->block2.szx);
        w->requests[w->image_count].len = len;
        w->requests[w->image_count].offset = rq->block2.num * len;
    }
    w->image_count++;
    for (slot = 0; slot < 2; slot++) {
        to_hex(w->release->image_digest[slot], 32, hex);
        if (name.len == 64 && memcmp(name.p, hex, 64) == 0) {
            break;
        }
    }
    if (slot == 2) {
        mode = WORLD_MISSING;
        slot = 0;
    }
    if (is_stopped(w, w->talking_to,
                   rq->block2.num *
                       (uint32_t)selv_coap_block_len(rq->block2.szx))) {
        mode = WORLD_SILENT;
    }
    if (send_bodiless(w, peer, rq, mode, out)) {
        return;
    }
    body.len = w->release->size[slot];
    body.fill = w->release->fill[slot];
    memcpy(body.etag, w->release->image_digest[slot], 8);
    send_body(w, rq, body, mode, out);
}

static void serve_manifest(struct world *w, const struct selv_coap_peer *peer,
                           const struct selv_coap_msg *rq, struct selv_buf *out)
{
    struct body body = {.has_etag = !w->has_no_etag};
    const uint8_t *runs =
        NULL; /* names it, too, when a device runs the manifest */
    uint8_t hash[32];

    enum world_mode mode = w->talking_to == 0
                               ? w->manifest_mode
                               : w->other[w->talking_to].manifest_mode;

    w->manifest_count++;
    if (send_bodiless(w, peer, rq, mode, out)) {
        return;
    }
    if (w->raw_manifest.len > 0) {
        body.p = w->raw_manifest.p;
        body.len = (uint32_t)w->raw_manifest.len;
        runs = claimed_digest(w->raw_manifest);
    } else if (w->release) {
        body.p = w->release->envelope.p;
        body.len = (uint32_t)w->release->envelope.len;
        runs = w->release->digest;
    } else {
        selv_coap_reply_code(&w->coap, rq, SELV_COAP_NOT_FOUND, NULL, out);
        return;
    }
    sha256(body.p, body.len, hash);
    memcpy(body.etag, w->lent_etag ? w->lent_etag : hash, 8);
    if (body.has_etag && (selv_coap_has_etag(rq, selv_bytes(body.etag, 8)) ||
                          (runs && !w->lent_etag &&
                           selv_coap_has_etag(rq, selv_bytes(runs, 8))))) {
        reply(w, peer, rq, SELV_COAP_VALID, NULL, SELV_COAP_RECOMPUTE, out);
        return;
    }
    send_body(w, rq, body, mode, out);
}

static void serve_register(struct world *w, const struct selv_coap_peer *peer,
                           const struct selv_coap_msg *rq, struct selv_buf *out)
{
    w->register_count++;
    check_profile(w, rq->payload);
    if (send_bodiless(w, peer, rq, w->register_mode, out)) {
        return;
    }
    w->is_device_unknown = w->is_forgetful;
    reply(w, peer, rq, SELV_COAP_CREATED,
          w->register_mode == WORLD_OTHER_BYTES ? "0011 2233aabbccd"
                                                : DEVICE_NAME,
          SELV_COAP_KEEP, out);
}

static void serve(struct world *w, const struct selv_coap_peer *peer,
                  const struct selv_coap_msg *rq, struct selv_buf *out)
{
    struct selv_bytes name = {NULL, 0};

    if (selv_coap_path_match(rq, "reg", NULL) && rq->code == SELV_COAP_POST) {
        serve_register(w, peer, rq, out);
        return;
    }
    if (selv_coap_path_match(rq, "i/*", &name) && rq->code == SELV_COAP_GET) {
        serve_image(w, peer, rq, name, out);
        return;
    }
    if (w->sources[w->talking_to].is_plain) {
        assert_true(selv_coap_path_match(rq, &tree_manifest[1], NULL));
        serve_manifest(w, peer, rq, out);
        return;
    }
    assert_true(selv_coap_query(rq, "d", &name));
    assert_int_equal(name.len, strlen(DEVICE_NAME));
    assert_memory_equal(name.p, DEVICE_NAME, name.len);
    if (w->is_device_unknown) {
        selv_coap_reply_code(&w->coap, rq, SELV_COAP_UNAUTHORIZED,
                             "register again", out);
    } else if (selv_coap_path_match(rq, "m", NULL)) {
        serve_manifest(w, peer, rq, out);
    } else {
        assert_true(selv_coap_path_match(rq, "s", NULL));
        assert_int_equal(rq->content_format, SELV_COAP_CBOR);
        if (w->is_report_lost) {
            reply(w, peer, rq, SELV_COAP_SERVER_ERROR, NULL, SELV_COAP_KEEP,
                  out);
            return;
        }
        take_status(w, rq->payload);
        reply(w, peer, rq, SELV_COAP_CHANGED, NULL, SELV_COAP_KEEP, out);
    }
}

static void server_take(struct world *w, uint8_t source,
                        struct selv_bytes datagram)
{
    struct selv_coap_peer peer = {1, {(uint8_t)(7 + source)}};
    uint8_t reply_bytes[1400];
    struct selv_buf out = {reply_bytes, sizeof reply_bytes, 0};
    struct selv_coap_msg rq;

    w->talking_to = source;
    w->other[source].asked++;
    if (w->is_cut) {
        return;
    }
    switch (selv_coap_server_feed(&w->coap, w->now_ms, &peer, datagram, &rq,
                                  &out)) {
    case SELV_COAP_DROP:
        return;
    case SELV_COAP_REPLY:
        break;
    case SELV_COAP_REQUEST:
        serve(w, &peer, &rq, &out);
        break;
    }
    network_send(w, out.p, out.len);
}

static void network_to_server(struct world *w, uint8_t source,
                              struct selv_bytes datagram)
{
    if (w->link) {
        sim_link_put(link_of(w, source), SIM_LINK_UP, source, datagram,
                     w->now_ms * 1000);
        return;
    }
    for (unsigned n = packet_copies(w, true, source, datagram.p, datagram.len);
         n > 0; n--) {
        server_take(w, source, datagram);
    }
}

static void device_take(struct world *w, uint8_t source,
                        struct selv_bytes datagram)
{
    uint8_t copy[1400];

    memcpy(copy, datagram.p, datagram.len);
    selv_consumer_feed(&w->consumer, source, selv_bytes(copy, datagram.len),
                       w->now_ms);
    /* It was copied: what the port does with its buffer is its own. */
    memset(copy, 0xa5, sizeof copy);
}

/* What the link brings by now; one datagram for the device at a time. False:
 * time passes, up to until_ms. */
static bool link_take(struct world *w, struct sim_link *link, uint64_t *next_us)
{
    struct sim_link_datagram d;
    uint64_t us;

    while (sim_link_take(link, SIM_LINK_UP, w->now_ms * 1000, &d)) {
        server_take(w, (uint8_t)d.flow, d.bytes);
    }
    if (sim_link_take(link, SIM_LINK_DOWN, w->now_ms * 1000, &d)) {
        device_take(w, (uint8_t)d.flow, d.bytes);
        return true;
    }
    us = sim_link_next(link, w->now_ms * 1000);
    *next_us = us < *next_us ? us : *next_us;
    return false;
}

static bool link_wait(struct world *w, uint64_t until_ms)
{
    uint64_t next_ms = UINT64_MAX;

    if (link_take(w, w->link, &next_ms) ||
        (w->second && link_take(w, w->second, &next_ms))) {
        return true;
    }
    next_ms = next_ms == UINT64_MAX ? next_ms : (next_ms + 999) / 1000;
    next_ms = next_ms < until_ms ? next_ms : until_ms;
    w->now_ms = next_ms > w->now_ms ? next_ms : w->now_ms + 1;
    return false;
}

/* The packet that was held up, if it is due by then. */
static bool late_arrives(struct world *w, uint64_t until_ms)
{
    if (w->late.due_ms == 0 || w->late.due_ms > until_ms) {
        return false;
    }
    if (w->late.due_ms > w->now_ms) {
        w->now_ms = w->late.due_ms;
    }
    w->late.due_ms = 0;
    if (w->late.is_up) {
        server_take(w, w->late.source, selv_bytes(w->late.p, w->late.len));
    } else {
        device_take(w, w->late.source, selv_bytes(w->late.p, w->late.len));
    }
    return true;
}

/* ---- the device -----------------------------------------------------------
 */

static bool has_staging(const struct selv_strategy *strategy)
{
    return strategy == &selv_strategy_swap ||
           strategy == &selv_strategy_overwrite;
}

static void protect(struct world *w, bool is_application)
{
    struct selv_vflash *v = &w->v;
    const struct selv_layout *l = &w->layout;
    const struct selv_slot_place *running =
        &l->slot[w->record.slot < SELV_SLOT_COUNT ? w->record.slot : 0];
    uint32_t sector = v->flash.sector_len;

    /* The bootloader writes the journal alone; the application all but that,
     * what the factory wrote, and what it runs from. */
    bool is_in_place = has_staging(w->strategy);
    selv_vflash_protect(v, 0, v->flash.size, !is_application && !is_in_place);
    selv_vflash_protect(v, l->journal_off[0], sector, is_application);
    selv_vflash_protect(v, l->journal_off[1], sector, is_application);
    if (is_application) {
        selv_vflash_protect(v, l->factory_off, l->factory_len, true);
        selv_vflash_protect(v, running->image_off, running->image_len, true);
        selv_vflash_protect(v, running->envelope_off, running->envelope_len,
                            true);
        if (w->record.loader != SELV_LOADER_NONE) {
            const struct selv_slot_place *b = &l->slot[SELV_SLOT_B];
            selv_vflash_protect(v, b->image_off, b->image_len, true);
            selv_vflash_protect(v, b->envelope_off, b->envelope_len, true);
        }
    }
}

void world_image_put(struct world *w, const struct world_release *r,
                     uint8_t slot)
{
    for (uint32_t i = 0; i < r->size[slot]; i++) {
        uint8_t byte = image_byte(r->fill[slot], i);
        selv_vflash_poke(&w->v, w->layout.slot[slot].image_off + i, &byte, 1);
    }
}

static bool choose(struct world *w)
{
    static uint8_t scratch[SELV_SUIT_ENVELOPE_MAX], image[1u << 16];
    struct selv_buf ram = {image, sizeof image, 0};
    struct selv_boot boot = {.flash = &w->v.flash,
                             .layout = &w->layout,
                             .factory = &w->factory,
                             .strategy = w->strategy,
                             .reset_cause = w->cause,
                             .scratch = {scratch, sizeof scratch, 0},
                             .ram = &ram};

    protect(w, false);
    if (!selv_is_good(selv_boot_choose(&boot, &w->record))) {
        return false;
    }
    protect(w, true);
    return true;
}

bool world_boot(struct world *w)
{
    w->queue_len = 0;
    w->read.is_on = false;
    if (!(w->boot ? w->boot(w) : choose(w))) {
        say(w, "nothing-boots ");
        return false;
    }
    w->cause = SELV_RESET_POWER_ON;
    /* Never twice the same in one test program. */
    static uint32_t start_count;
    start_count++;
    memcpy(w->config.random, &start_count, sizeof start_count);
    assert_int_equal(selv_consumer_init(&w->consumer, &w->config, w->now_ms),
                     SELV_OK);
    return true;
}

static void tell(struct world *w, const struct selv_consumer_todo *todo)
{
    if (todo->state == SELV_UPDATE_DOWNLOADING) {
        if (todo->is_resumed) {
            say(w, "resumed@%u ", (unsigned)todo->done);
        } else if (todo->done == 0) {
            say(w, "downloading ");
        }
        return;
    }
    if (todo->err) {
        say(w, "%s:%s ", state_names[todo->state], selv_err_name(todo->err));
    } else {
        say(w, "%s ", state_names[todo->state]);
    }
}

/* ---- port sources ---------------------------------------------------------
 */

uint8_t world_add_source(struct world *w, const char *base, bool is_port,
                         bool is_plain)
{
    uint8_t source = w->config.source_count++;

    assert_true(source < SELV_CONSUMER_SOURCES_MAX);
    w->sources[source] =
        (struct selv_consumer_source){.base = selv_bytes(base, strlen(base)),
                                      .is_port = is_port,
                                      .is_plain = is_plain};
    return source;
}

/* Whether a release has an image, or a chunk list, of that name. */
static bool find_bytes(struct world *w, const struct world_release *r,
                       struct selv_bytes path)
{
    char hex[65];

    w->read.release = r;
    for (w->read.slot = 0; w->read.slot < 2; w->read.slot++) {
        to_hex(r->image_digest[w->read.slot], 32, hex);
        if (path.len == 67 && memcmp(path.p + 3, hex, 64) == 0) {
            return true;
        }
        to_hex(r->list_digest[w->read.slot], 32, hex);
        w->read.is_list =
            r->list_len[w->read.slot] > 0 && memcmp(path.p + 3, hex, 64) == 0;
        if (w->read.is_list) {
            w->list_count++;
            return true;
        }
    }
    return false;
}

/* Where FETCH's path leads to in a static tree. */
static bool find_file(struct world *w, struct selv_bytes path)
{
    const struct world_release *r = w->other[w->read.source].release;
    const struct world_release *shelf = w->other[w->read.source].shelf;
    unsigned count = w->other[w->read.source].shelf_len;
    const char *folder = w->other[w->read.source].folder;

    w->read.release = r;
    w->read.is_list = false;
    w->read.is_manifest = path.len == strlen(tree_manifest) &&
                          memcmp(path.p, tree_manifest, path.len) == 0;
    if (shelf == NULL || w->read.is_manifest) {
        shelf = r;
        count = r != NULL;
    }
    if (w->read.is_manifest) {
        return r != NULL;
    }
    if (folder != NULL) {
        size_t len = strlen(folder);
        if (path.len < len || memcmp(path.p, folder, len) != 0) {
            return false;
        }
        path = selv_bytes(path.p + len, path.len - len);
    }
    assert_true(path.len > 3 && memcmp(path.p, "/i/", 3) == 0);
    for (unsigned i = 0; i < count; i++) {
        if (find_bytes(w, &shelf[i], path)) {
            return true;
        }
    }
    return false;
}

static enum world_mode read_mode(const struct world *w)
{
    if (w->read.is_list) {
        return w->other[w->read.source].list_mode;
    }
    return w->read.is_manifest ? w->other[w->read.source].manifest_mode
                               : w->other[w->read.source].mode;
}

static void end_file(struct world *w, enum selv_err err, uint32_t total)
{
    w->read.is_on = false;
    selv_consumer_given(&w->consumer, w->read.source, err, total, w->now_ms);
}

static void open_file(struct world *w, const struct selv_consumer_todo *todo)
{
    bool is_found;

    assert_false(w->read.is_on);
    assert_true(w->sources[todo->source].is_port);
    w->read.is_on = true;
    w->read.source = todo->source;
    w->read.at = todo->offset;
    w->read.end = todo->len == SELV_CONSUMER_TO_END ? UINT32_MAX
                                                    : todo->offset + todo->len;
    w->other[todo->source].asked++;
    is_found = find_file(w, todo->path);
    if (read_mode(w) == WORLD_ERROR) {
        end_file(w, SELV_ERR_UPDATE_AWAY, 0);
    } else if (!is_found || read_mode(w) == WORLD_MISSING) {
        end_file(w, SELV_ERR_UPDATE_MISSING, 0);
    }
}

/* A piece of an odd length, or the end. */
static void read_file(struct world *w)
{
    const struct world_release *r = w->read.release;
    enum world_mode mode = read_mode(w);
    const uint8_t *file = w->read.is_manifest ? r->envelope.p
                          : w->read.is_list   ? r->list[w->read.slot]
                                              : NULL;
    uint32_t total = w->read.is_manifest ? (uint32_t)r->envelope.len
                     : w->read.is_list   ? r->list_len[w->read.slot]
                                         : r->size[w->read.slot];
    uint32_t slow_from = w->other[w->read.source].slow_from;
    bool is_slow =
        w->other[w->read.source].is_trickle ||
        (slow_from > 0 && w->other[w->read.source].given >= slow_from);
    uint32_t len = is_slow ? 1 : 777;
    uint8_t bytes[1000];

    w->now_ms += len == 1 ? 1000 : 5;
    total = mode == WORLD_SHORT ? total / 2 : total;
    total = mode == WORLD_LONG ? total + 16 : total;
    if (w->read.at >= total || w->read.at == w->read.end) {
        end_file(w, SELV_OK, w->read.at % 2 == 0 ? total : 0);
        return;
    }
    len = len < total - w->read.at ? len : total - w->read.at;
    if (file == NULL && w->other[w->read.source].stops_at > w->read.at &&
        len > w->other[w->read.source].stops_at - w->read.at) {
        len = w->other[w->read.source].stops_at - w->read.at;
    }
    if (mode != WORLD_LONG && len > w->read.end - w->read.at) {
        len = w->read.end - w->read.at;
    }
    for (uint32_t i = 0; i < len; i++) {
        uint32_t at = w->read.at + i;
        bytes[i] =
            file != NULL ? file[at] : image_byte(r->fill[w->read.slot], at);
        bytes[i] = (uint8_t)(bytes[i] + (mode == WORLD_OTHER_BYTES));
        if (file == NULL && at > 0 && at == w->other[w->read.source].bent_at) {
            bytes[i] ^= 1;
        }
    }
    if (file == NULL) {
        w->other[w->read.source].given += len;
    }
    if (!selv_consumer_give(&w->consumer, w->read.source, w->read.at,
                            selv_bytes(bytes, len), w->now_ms)) {
        w->read.is_on = false;
    }
    w->read.at += len;
}

static bool is_to_read(const struct world *w)
{
    return w->read.is_on && !w->is_cut && read_mode(w) != WORLD_SILENT &&
           (w->read.is_manifest || w->read.is_list ||
            !is_stopped(w, w->read.source, w->read.at));
}

/* The next datagram, or time passes. */
static void wait(struct world *w, uint64_t until_ms)
{
    w->until_ms = until_ms;
    if (until_ms <= w->now_ms) {
        return;
    }
    if (w->link) {
        (void)link_wait(w, until_ms);
        return;
    }
    if (late_arrives(w, w->queue_len > 0 ? w->now_ms : until_ms)) {
        return;
    }
    if (w->queue_len > 0) {
        w->now_ms += 5;
        device_take(w, w->queue[0].source,
                    selv_bytes(w->queue[0].p, w->queue[0].len));
        w->queue_len--;
        memmove(&w->queue[0], &w->queue[1], w->queue_len * sizeof w->queue[0]);
        return;
    }
    if (is_to_read(w)) {
        read_file(w);
        return;
    }
    assert_true(until_ms != UINT64_MAX);
    w->now_ms = until_ms;
}

enum world_stop world_run(struct world *w, unsigned polls_max)
{
    struct selv_consumer_todo todo;

    for (unsigned i = 0; i < polls_max; i++) {
        switch (selv_consumer_poll(&w->consumer, w->now_ms, &todo)) {
        case SELV_CONSUMER_SEND:
            network_to_server(w, todo.source, todo.bytes);
            break;
        case SELV_CONSUMER_FETCH:
            open_file(w, &todo);
            break;
        case SELV_CONSUMER_CANCEL:
            assert_true(w->read.is_on && w->read.source == todo.source);
            w->read.is_on = false;
            w->cancel_count++;
            break;
        case SELV_CONSUMER_WAIT:
            if (selv_consumer_is_resting(&w->consumer) &&
                todo.until_ms > w->now_ms) {
                w->until_ms = todo.until_ms;
                return WORLD_RESTED;
            }
            wait(w, todo.until_ms);
            break;
        case SELV_CONSUMER_EVENT:
            tell(w, &todo);
            break;
        case SELV_CONSUMER_SELFTEST:
            if (!w->is_selftest_mute) {
                selv_consumer_selftest(&w->consumer, w->is_selftest_good);
            }
            break;
        case SELV_CONSUMER_REBOOT:
            say(w, "reboot ");
            w->cause = SELV_RESET_REQUESTED;
            return WORLD_REBOOT;
        case SELV_CONSUMER_GIVE_UP:
            say(w, "give-up ");
            w->cause = SELV_RESET_WATCHDOG;
            return WORLD_GAVE_UP;
        }
    }
    return WORLD_TIRED;
}

void world_settle(struct world *w)
{
    for (unsigned boots = 0; boots < BOOTS_MAX; boots++) {
        enum world_stop stop = world_run(w, POLLS_MAX);
        if (stop == WORLD_RESTED) {
            return;
        }
        assert_int_not_equal(stop, WORLD_TIRED);
        assert_true(world_boot(w));
    }
    fail_msg("reboots without end: %s", w->log);
}

void world_next_cycle(struct world *w)
{
    assert_true(selv_consumer_is_resting(&w->consumer));
    w->now_ms = w->until_ms;
    w->queue_len = 0;
    world_settle(w);
}

/* ---- begin and end --------------------------------------------------------
 */

static void put_release(struct world *w, const struct world_release *r,
                        uint8_t slot)
{
    const struct selv_slot_place *place = &w->layout.slot[slot];
    struct selv_slot_writer writer;

    assert_int_equal(
        selv_slot_begin(&writer, &w->v.flash, place, r->size[slot], 0),
        SELV_OK);
    for (uint32_t i = 0; i < r->size[slot]; i++) {
        uint8_t byte = image_byte(r->fill[slot], i);
        assert_int_equal(selv_slot_write(&writer, selv_bytes(&byte, 1)),
                         SELV_OK);
    }
    assert_int_equal(selv_slot_end(&writer), SELV_OK);
    assert_int_equal(
        selv_slot_put_envelope(&w->v.flash, place,
                               selv_bytes(r->envelope.p, r->envelope.len)),
        SELV_OK);
}

void world_request(struct world *w, const struct world_release *r, uint8_t slot)
{
    struct selv_log log = {.state = SELV_LOG_TRIAL, .slot = slot};

    selv_vflash_protect(&w->v, 0, w->v.flash.size, false);
    put_release(w, r, slot);
    memcpy(log.digest, r->digest, sizeof log.digest);
    assert_int_equal(selv_log_write(&w->v.flash, &w->layout, &log), SELV_OK);
}

/* The loader, which has a component and numbers of its own. */
static void put_loader(struct world *w)
{
    static struct world_release loader;

    world_release_custom(
        &loader, SELV_LOADER_FLOOR, 100, 100,
        "{1: 1, 2: %n, 3: <<{2: [[h'00', h'6c']], 4: <<[20, {1: " MAKER_VENDOR
        ", 2: " MAKER_CLASS ", 3: <<[-16, h'%B']>>, 14: %b}, 1, 15, 2, "
        "15]>>}>>, 7: <<[3, 15]>>, 9: <<[23, 2]>>}");
    put_release(w, &loader, SELV_SLOT_B);
}

/* What a factory does: identity, and release 1 in slot A. */
static void provision(struct world *w, const struct world_release *r)
{
    const struct selv_suit_device *like = maker_device(0);
    uint8_t encoded[SELV_FACTORY_LEN + SELV_FLASH_UNIT_MAX];
    struct selv_buf out = {encoded, SELV_FACTORY_LEN, 0};

    memcpy(w->factory.vendor_id, like->vendor_id, 16);
    memcpy(w->factory.class_id, like->class_id, 16);
    memset(w->factory.device_id, 0x44, 16);
    memset(w->factory.seed, 0x55, 32);
    w->factory.anchor = *maker_anchor();
    memcpy(w->factory.component_id, like->components[0].id.p,
           like->components[0].id.len);
    w->factory.component_id_len = (uint8_t)like->components[0].id.len;
    assert_int_equal(selv_factory_encode(&w->factory, &out), SELV_OK);
    selv_vflash_poke(&w->v, w->layout.factory_off, out.p, (uint32_t)out.len);

    put_release(w, r, SELV_SLOT_A);
    if (w->strategy == &selv_strategy_loader) {
        put_loader(w);
    }
}

static void open_world(struct world *w, const char *geometry,
                       const struct selv_strategy *strategy,
                       void (*prepare)(struct world *w))
{
    static struct world_release first;
    static const struct selv_geometry large = {WORLD_LARGE, 4096, 8,     0xff,
                                               1,           26,   false, NULL};
    const struct selv_geometry *g = strcmp(geometry, large.name) == 0
                                        ? &large
                                        : selv_geometry_find(geometry);
    bool is_in_place = has_staging(strategy);
    static const uint8_t random[8] = {1, 2, 3, 4, 5, 6, 7, 8};

    assert_non_null(g);
    assert_int_equal(selv_crypto_init(), SELV_OK);
    memset(w, 0, sizeof *w);
    w->geometry = g;
    w->strategy = strategy;
    w->mem_len = is_in_place ? selv_geometry_mem_len_in_place(g)
                             : selv_geometry_mem_len(g);
    w->mem = malloc(w->mem_len);
    assert_non_null(w->mem);
    if (is_in_place) {
        selv_geometry_layout_in_place(g, &w->layout);
        selv_geometry_init_in_place(g, &w->v, w->mem);
    } else {
        selv_geometry_layout(g, &w->layout);
        selv_geometry_init(g, &w->v, w->mem);
    }
    /* Nothing is read where it lies. */
    if (strategy == &selv_strategy_ram) {
        w->v.is_unmapped = true;
        w->v.flash.map = NULL;
    }
    w->now_ms = 1000;
    w->is_selftest_good = true;
    w->config = (struct selv_consumer_config){.flash = &w->v.flash,
                                              .layout = &w->layout,
                                              .factory = &w->factory,
                                              .record = &w->record,
                                              .version = selv_bytes("1.0.0", 5),
                                              .poll_interval_s = 60,
                                              .trial_timeout_s = 300,
                                              .sources = w->sources,
                                              .source_count = 1};
    w->sources[0].base = selv_bytes("coap://[::1]:5683", 17);
    selv_coap_server_init(&w->coap, w->seen, WORLD_SEEN_MAX, random);
    if (prepare) {
        prepare(w);
    }
    if (is_in_place) {
        world_release_stage(&first, 1, 500, 22);
    } else if (strategy == &selv_strategy_ram) {
        world_release_load(&first, 1, 500);
    } else {
        world_release_make(&first, 1, 500, 500);
    }
    provision(w, &first);
    w->release = &first;
    assert_true(world_boot(w));
}

void world_open(struct world *w, const char *geometry)
{
    open_world(w, geometry, &selv_strategy_ab, NULL);
}

void world_open_foreign(struct world *w, const char *geometry,
                        void (*prepare)(struct world *w))
{
    open_world(w, geometry, &selv_strategy_ab, prepare);
}

void world_open_with(struct world *w, const char *geometry,
                     const struct selv_strategy *strategy)
{
    open_world(w, geometry, strategy, NULL);
}

void world_close(struct world *w)
{
    if (w->v.violation_count != 0) {
        fail_msg("%s: %s at %u", w->geometry->name, w->v.violation,
                 (unsigned)w->v.violation_off);
    }
    sim_link_free(w->link);
    sim_link_free(w->second);
    free(w->mem);
    free(w->saved);
}

void world_save(struct world *w)
{
    free(w->saved);
    w->saved = malloc(w->mem_len);
    assert_non_null(w->saved);
    memcpy(w->saved, w->mem, w->mem_len);
}

void world_restore(struct world *w)
{
    memcpy(w->mem, w->saved, w->mem_len);
    selv_vflash_power_on(&w->v);
    w->cause = SELV_RESET_POWER_ON;
    w->register_count = 0;
    w->manifest_count = 0;
    w->image_count = 0;
    w->list_count = 0;
    w->bent = 0;
    w->report_count = 0;
    w->queue_len = 0;
    w->late.due_ms = 0;
    w->packet_count = 0;
    world_forget(w);
}

void world_boot_state(const struct world *w, struct world_boot_state *s)
{
    const struct selv_slot_place *place = &w->layout.slot[w->record.slot];
    struct selv_sha256 h;

    memset(s, 0, sizeof *s);
    assert_int_equal(selv_journal_read(&w->v.flash, &w->layout, &s->journal),
                     SELV_OK);
    selv_sha256_init(&h);
    selv_sha256_update(&h, w->mem + place->envelope_off, place->envelope_len);
    selv_sha256_update(&h, w->mem + place->image_off, place->image_len);
    selv_sha256_finish(&h, s->slot_hash);
    sha256(w->mem + w->layout.factory_off, w->layout.factory_len,
           s->factory_hash);
}

void world_boot_state_is(const struct world *w,
                         const struct world_boot_state *before)
{
    struct world_boot_state now;

    world_boot_state(w, &now);
    assert_memory_equal(&now, before, sizeof now);
}
