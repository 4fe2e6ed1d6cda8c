/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom to ask. C13: sources are asked for a manifest in the order of the
 * config, each once in a cycle. A tracker's word ends the cycle: an update, or
 * nothing new. What a plain source says ends it only where that is an update;
 * so does what nobody signed, or no word at all, of any. An image comes from
 * where its manifest came, or from another source that may have it; from those
 * that gave wrong bytes in this boot last. */
#define SELV_MODULE 0x434e534fu /* "CNSO" */
#include "consumer/consumer_int.h"

static unsigned bit_of(uint8_t source)
{
    return 1u << source;
}

/* ---- manifests ------------------------------------------------------------
 */

static uint8_t next_source(const struct selv_consumer *c)
{
    uint8_t source = 0;

    while (source < c->config->source_count &&
           (c->asked & bit_of(source)) != 0) {
        source++;
    }
    return source;
}

bool selv_consumer_has_more(const struct selv_consumer *c)
{
    return next_source(c) < c->config->source_count;
}

void selv_consumer_ask_next(struct selv_consumer *c)
{
    uint8_t source = next_source(c);

    clear_flag(c, FLAG_RENEWED);
    selv_consumer_set_subject(c, NULL, 0);
    c->source = source;
    c->asked = (uint8_t)(c->asked | bit_of(source));
    c->then = STEP_MANIFEST;
    c->step = STEP_MANIFEST;
    if (!is_plain(c, source)) {
        c->tracker = source;
    }
    if (has_tracker(c) && c->report.is_wanted) {
        c->step = STEP_REPORT;
    }
    if (!has_id(c) && (c->step == STEP_REPORT || !is_plain(c, source))) {
        c->step = STEP_REGISTER;
    }
}

void selv_consumer_turn(struct selv_consumer *c, enum selv_err err)
{
    bool is_final = !err && !is_plain(c, c->source);

    if (err && !c->trouble) {
        c->trouble = (uint16_t)err;
    }
    if (is_final) {
        selv_consumer_end_cycle(c, SELV_OK);
    } else if (c->then == STEP_MANIFEST && selv_consumer_has_more(c)) {
        selv_consumer_ask_next(c);
    } else {
        selv_consumer_end_cycle(c, (enum selv_err)c->trouble);
    }
}

/* ---- images ---------------------------------------------------------------
 */

/* The part of a URI reference that a source is asked for, in views. Relative
 * references with a path from the root are for every source, absolute ones for
 * those that they name [RFC 3986 4.2, 5.2]. */
static bool locate(struct selv_consumer *c, uint8_t source)
{
    struct selv_bytes base = c->config->sources[source].base;
    struct selv_bytes uri = c->uri;
    size_t at = 0;

    if (base.len > 0 && uri.len > base.len &&
        memcmp(uri.p, base.p, base.len) == 0) {
        uri = selv_bytes(uri.p + base.len, uri.len - base.len);
    } else if (uri.len > 1 && uri.p[1] == '/') {
        return false; /* "//host/..." names a server, too */
    }
    if (uri.len < 2 || uri.p[0] != '/' || uri.len > SELV_SUIT_URI_MAX) {
        return false;
    }
    c->path = uri;
    c->query = selv_bytes(NULL, 0);
    for (; at < uri.len && uri.p[at] != '#'; at++) {
        if (uri.p[at] == '?' && c->query.p == NULL) {
            c->path.len = at;
            c->query = selv_bytes(uri.p + at + 1, uri.len - at - 1);
        }
    }
    return at == uri.len; /* a fragment is not for requests */
}

bool selv_consumer_locate(struct selv_consumer *c, struct selv_bytes uri)
{
    c->uri = uri;
    c->left = 0;
    for (uint8_t source = 0; source < c->config->source_count; source++) {
        if (!c->config->sources[source].is_push && locate(c, source)) {
            c->left = (uint8_t)(c->left | bit_of(source));
        }
    }
    return c->left != 0;
}

uint8_t selv_consumer_pick(struct selv_consumer *c, bool may_port)
{
    uint8_t best = NO_SOURCE;

    for (uint8_t source = 0; source < c->config->source_count; source++) {
        if ((c->left & bit_of(source)) == 0 ||
            (is_port(c, source) && !may_port)) {
            continue;
        }
        if (best == NO_SOURCE || c->blame[source] < c->blame[best] ||
            (c->blame[source] == c->blame[best] && source == c->source)) {
            best = source;
        }
    }
    if (best != NO_SOURCE) {
        c->left = (uint8_t)(c->left & ~bit_of(best));
    }
    return best;
}

void selv_consumer_aim(struct selv_consumer *c, uint8_t source)
{
    if (c->phase != PHASE_LIST && c->payload_off > 0) {
        selv_consumer_name_manifest(c);
        if (!is_plain(c, source)) {
            c->path = selv_bytes("/m", 2);
            c->query = selv_bytes(c->id_query, sizeof c->id_query);
        }
    } else {
        bool is_known = locate(c, source);
        SELV_ASSERT(is_known);
    }
}

void selv_consumer_blame(struct selv_consumer *c, uint8_t source)
{
    if (c->blame[source] < UINT8_MAX) {
        c->blame[source]++;
    }
}

void selv_consumer_blame_givers(struct selv_consumer *c)
{
    bool is_one = (c->gave & (c->gave - 1u)) == 0 && !has_flag(c, FLAG_REST);

    for (uint8_t source = 0; source < c->config->source_count; source++) {
        if ((c->gave & bit_of(source)) != 0) {
            selv_consumer_blame(c, source);
        }
    }
    if (!is_one) {
        set_flag(c, FLAG_ALONE); /* whose fault it was shows the next try */
    }
}

/* ---- port sources ---------------------------------------------------------
 */

#define READ_MS 60000u                             /* without a byte */
#define NAME_LEN (3 + 2 * (size_t)SELV_SHA256_LEN) /* of /i/<digest> */

static uint8_t *put_text(uint8_t *p, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *p++ = (uint8_t)digits[bytes[i] >> 4];
        *p++ = (uint8_t)digits[bytes[i] & 15];
    }
    return p;
}

/* As [RFC 9562 4] writes it. */
static uint8_t *put_uuid(uint8_t *p, const uint8_t uuid[static 16])
{
    static const uint8_t groups[] = {4, 2, 2, 2, 6};

    for (size_t i = 0; i < sizeof groups; i++) {
        if (i > 0) {
            *p++ = '-';
        }
        p = put_text(p, uuid, groups[i]);
        uuid += groups[i];
    }
    return p;
}

void selv_consumer_name_manifest(struct selv_consumer *c)
{
    const struct selv_factory *factory = c->config->factory;
    uint8_t *p = c->body;

    memcpy(p, "/m/", 3);
    p = put_uuid(p + 3, factory->vendor_id);
    *p++ = '/';
    p = put_uuid(p, factory->class_id);
    c->path = selv_bytes(c->body, (size_t)(p - c->body));
    c->query = selv_bytes(NULL, 0);
}

/* Whether a URI ends with the name of what its SHA-256 names. */
static bool has_name(struct selv_bytes uri)
{
    const uint8_t *p = uri.p;

    if (uri.len < NAME_LEN) {
        return false;
    }
    p += uri.len - NAME_LEN;
    if (memcmp(p, "/i/", 3) != 0) {
        return false;
    }
    for (size_t i = 3; i < NAME_LEN; i++) {
        bool is_digit = p[i] >= '0' && p[i] <= '9';
        if (!is_digit && (p[i] < 'a' || p[i] > 'f')) {
            return false;
        }
    }
    return true;
}

struct selv_bytes selv_consumer_name_list(struct selv_consumer *c)
{
    struct selv_bytes uri = c->image_uri;
    size_t len = 0;

    if (uri.len <= sizeof c->body && has_name(uri)) {
        len = uri.len - NAME_LEN;
        memcpy(c->body, uri.p, len);
    }
    memcpy(c->body + len, "/i/", 3);
    (void)put_text(c->body + len + 3, c->list_digest, SELV_SHA256_LEN);
    return selv_bytes(c->body, len + NAME_LEN);
}

void selv_consumer_read(struct selv_consumer *c, struct selv_consumer_lane *l,
                        uint32_t from, uint32_t end)
{
    memset(&l->read, 0, sizeof l->read);
    l->read.from = from;
    l->read.at = from;
    l->read.end = end;
    l->read.late_ms = c->now_ms + READ_MS;
    c->todo.kind = SELV_CONSUMER_FETCH;
    c->todo.source = l->source;
    c->todo.path = c->path;
    c->todo.query = c->query;
    c->todo.offset = from;
    c->todo.len = end == SELV_CONSUMER_TO_END ? end : end - from;
}

void selv_consumer_cancel(struct selv_consumer *c, uint8_t source)
{
    set_flag(c, FLAG_CANCEL);
    c->cancelled = source;
}

bool selv_consumer_has_read(struct selv_consumer *c,
                            struct selv_consumer_lane *l, enum selv_err *err)
{
    if (!l->read.is_over && c->step == STEP_MANIFEST &&
        c->now_ms >= l->read.late_ms) {
        selv_consumer_cancel(c, l->source);
        l->read.is_over = true;
        l->read.err = SELV_ERR_UPDATE_AWAY;
    }
    if (c->step == STEP_MANIFEST) {
        c->todo.until_ms = l->read.late_ms;
    }
    *err = (enum selv_err)l->read.err;
    return l->read.is_over;
}

struct selv_consumer_lane *selv_consumer_lane_of(struct selv_consumer *c,
                                                 uint8_t source)
{
    for (unsigned i = 0; i < SELV_CONSUMER_LANES; i++) {
        if (c->lane[i].is_busy && c->lane[i].source == source &&
            source < c->config->source_count) {
            return &c->lane[i];
        }
    }
    return NULL;
}

bool selv_consumer_is_asking(const struct selv_consumer *c, uint8_t source)
{
    for (unsigned i = 0; i < SELV_CONSUMER_LANES; i++) {
        if (c->lane[i].is_busy && c->lane[i].source == source) {
            return true;
        }
    }
    return false;
}

/* Of a port source that is being read, or NULL. */
static struct selv_consumer_lane *reading(struct selv_consumer *c,
                                          uint8_t source)
{
    struct selv_consumer_lane *l = selv_consumer_lane_of(c, source);

    return l != NULL && is_port(c, source) && !l->read.is_over ? l : NULL;
}

static void end_read(struct selv_consumer_lane *l, enum selv_err err)
{
    l->read.is_over = true;
    l->read.err = (uint16_t)err;
}

static enum selv_err take(struct selv_consumer *c, struct selv_consumer_lane *l,
                          uint32_t offset, struct selv_bytes bytes)
{
    if (offset != l->read.at) {
        return SELV_ERR_UPDATE_SERVER;
    }
    if (bytes.len > l->read.end - offset) {
        return SELV_ERR_UPDATE_SIZE;
    }
    l->read.at += (uint32_t)bytes.len;
    if (c->step == STEP_MANIFEST) {
        selv_consumer_take_manifest(c, bytes);
        return SELV_OK;
    }
    return selv_consumer_take_image(c, l, offset - c->payload_off, bytes);
}

bool selv_consumer_give(struct selv_consumer *c, uint8_t source,
                        uint32_t offset, struct selv_bytes bytes,
                        uint64_t now_ms)
{
    struct selv_consumer_lane *l = reading(c, source);
    enum selv_err err;

    if (l == NULL) {
        return false;
    }
    if (bytes.len > 0) {
        l->read.late_ms = now_ms + READ_MS;
    }
    err = take(c, l, offset, bytes);
    if (err || (c->step == STEP_MANIFEST && has_flag(c, FLAG_PART))) {
        end_read(l, err);
    }
    return !l->read.is_over;
}

void selv_consumer_given(struct selv_consumer *c, uint8_t source,
                         enum selv_err err, uint32_t total, uint64_t now_ms)
{
    struct selv_consumer_lane *l = selv_consumer_lane_of(c, source);

    (void)now_ms;
    if (l != NULL && !is_port(c, source) && err == SELV_ERR_UPDATE_AWAY) {
        l->is_gone = true;
    }
    l = reading(c, source);
    if (l == NULL) {
        return;
    }
    if (!err && c->step != STEP_MANIFEST &&
        (l->read.at == l->read.from ||
         (total != 0 && c->payload_off == 0 && total != c->parts.size))) {
        err = SELV_ERR_UPDATE_SIZE;
    }
    end_read(l, err);
}
