/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/message.c - one datagram to and from its parts [RFC 7252 3]. */
#include "coap/coap_int.h"

#define VERSION 1u
#define MARKER 0xffu

/* ---- reading ------------------------------------------------------------ */

/* What we know of each option: length limits [RFC 7252 5.10; RFC 7641 2;
 * RFC 7959 2.1, 4], its bit in has, and whether it may repeat. */
struct option_rule {
    uint8_t number;
    uint8_t len_min;
    uint16_t len_max;
    uint16_t has;
    bool may_repeat;
};

static const struct option_rule rules[] = {
    {SELV_COAP_OPT_URI_HOST, 1, 255, SELV_COAP_HAS_URI_HOST, false},
    {SELV_COAP_OPT_ETAG, 1, 8, SELV_COAP_HAS_ETAG, true},
    {SELV_COAP_OPT_OBSERVE, 0, 3, SELV_COAP_HAS_OBSERVE, false},
    {SELV_COAP_OPT_URI_PORT, 0, 2, SELV_COAP_HAS_URI_PORT, false},
    {SELV_COAP_OPT_URI_PATH, 0, 255, 0, true},
    {SELV_COAP_OPT_CONTENT_FORMAT, 0, 2, SELV_COAP_HAS_CONTENT_FORMAT, false},
    {SELV_COAP_OPT_MAX_AGE, 0, 4, SELV_COAP_HAS_MAX_AGE, false},
    {SELV_COAP_OPT_URI_QUERY, 0, 255, 0, true},
    {SELV_COAP_OPT_ACCEPT, 0, 2, SELV_COAP_HAS_ACCEPT, false},
    {SELV_COAP_OPT_BLOCK2, 0, 3, SELV_COAP_HAS_BLOCK2, false},
    {SELV_COAP_OPT_BLOCK1, 0, 3, SELV_COAP_HAS_BLOCK1, false},
    {SELV_COAP_OPT_SIZE2, 0, 4, SELV_COAP_HAS_SIZE2, false},
    {SELV_COAP_OPT_PROXY_URI, 1, 1034, SELV_COAP_HAS_PROXY, true},
    {SELV_COAP_OPT_PROXY_SCHEME, 1, 255, SELV_COAP_HAS_PROXY, true},
    {SELV_COAP_OPT_SIZE1, 0, 4, SELV_COAP_HAS_SIZE1, false},
};

static const struct option_rule *rule_find(uint16_t number)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].number == number) {
            return &rules[i];
        }
    }
    return NULL;
}

/* A nibble of an option's head with its extension [RFC 7252 3.1]. False when
 * it is reserved or runs over the end. */
static bool nibble_read(struct selv_bytes *in, uint8_t nibble, uint32_t *v)
{
    if (nibble < 13) {
        *v = nibble;
        return true;
    }
    size_t extra = nibble == 13 ? 1 : 2;
    if (nibble == 15 || in->len < extra) {
        return false;
    }
    *v = nibble == 13 ? 13u + in->p[0]
                      : 269u + ((uint32_t)in->p[0] << 8 | in->p[1]);
    in->p += extra;
    in->len -= extra;
    return true;
}

/* The option at the head of o->rest. */
static bool option_read(struct selv_coap_opt *o)
{
    uint8_t head = o->rest.p[0];
    uint32_t delta;
    uint32_t len;
    struct selv_bytes in = {o->rest.p + 1, o->rest.len - 1};
    if (!nibble_read(&in, head >> 4, &delta) ||
        !nibble_read(&in, head & 15u, &len) || len > in.len ||
        delta + o->number > UINT16_MAX) {
        return false;
    }
    o->number = (uint16_t)(o->number + delta);
    o->value = selv_bytes(in.p, len);
    o->rest = selv_bytes(in.p + len, in.len - len);
    return true;
}

void selv_coap_opt_begin(const struct selv_coap_msg *m, struct selv_coap_opt *o)
{
    o->number = 0;
    o->value = selv_bytes(NULL, 0);
    o->rest = m->options;
}

bool selv_coap_opt_next(struct selv_coap_opt *o)
{
    return o->rest.len > 0 && option_read(o);
}

bool selv_coap_opt_uint(struct selv_bytes value, uint32_t *v)
{
    if (value.len > 4) {
        return false;
    }
    uint32_t sum = 0;
    for (size_t i = 0; i < value.len; i++) {
        sum = sum << 8 | value.p[i];
    }
    *v = sum;
    return true;
}

static void block_decode(uint32_t v, struct selv_coap_block *block)
{
    block->num = v >> 4;
    block->more = (v & 8u) != 0;
    block->szx = (uint8_t)(v & 7u);
}

/* Keep the value of an option that its rule allows. */
static void option_take(struct selv_coap_msg *m, const struct selv_coap_opt *o)
{
    uint32_t v = 0;
    (void)selv_coap_opt_uint(o->value, &v); /* strings: not used below */
    switch (o->number) {
    case SELV_COAP_OPT_ETAG:
        if (m->etag.len == 0) {
            m->etag = o->value;
        }
        break;
    case SELV_COAP_OPT_OBSERVE:
        m->observe = v;
        break;
    case SELV_COAP_OPT_CONTENT_FORMAT:
        m->content_format = (uint16_t)v;
        break;
    case SELV_COAP_OPT_MAX_AGE:
        m->max_age = v;
        break;
    case SELV_COAP_OPT_ACCEPT:
        m->accept = (uint16_t)v;
        break;
    case SELV_COAP_OPT_BLOCK2:
        block_decode(v, &m->block2);
        break;
    case SELV_COAP_OPT_BLOCK1:
        block_decode(v, &m->block1);
        break;
    case SELV_COAP_OPT_SIZE2:
        m->size2 = v;
        break;
    case SELV_COAP_OPT_SIZE1:
        m->size1 = v;
        break;
    default:
        break;
    }
}

/* Critical options that the caller understands besides ours. */
struct known {
    const uint16_t *number;
    size_t count;
};

static bool is_known(const struct known *known, uint16_t number)
{
    for (size_t i = 0; i < known->count; i++) {
        if (known->number[i] == number) {
            return true;
        }
    }
    return false;
}

static void option_judge(struct selv_coap_msg *m, const struct selv_coap_opt *o,
                         const struct known *known)
{
    const struct option_rule *rule = rule_find(o->number);
    if (rule != NULL && o->value.len >= rule->len_min &&
        o->value.len <= rule->len_max &&
        (rule->may_repeat || (m->has & rule->has) == 0)) {
        m->has |= rule->has;
        option_take(m, o);
        return;
    }
    bool is_critical = (o->number & 1u) != 0; /* [RFC 7252 5.4.6] */
    if (is_critical && m->bad_option == 0 &&
        (rule != NULL || !is_known(known, o->number))) {
        m->bad_option = o->number;
    }
}

/* Options and payload of a message whose fixed part is read. */
static enum selv_err body_parse(struct selv_bytes in, const struct known *known,
                                struct selv_coap_msg *m)
{
    struct selv_coap_opt o = {0, {NULL, 0}, in};
    while (o.rest.len > 0 && o.rest.p[0] != MARKER) {
        if (!option_read(&o)) {
            return SELV_ERR_COAP_FORMAT;
        }
        option_judge(m, &o, known);
    }
    m->options = selv_bytes(in.p, in.len - o.rest.len);
    if (o.rest.len == 1) {
        return SELV_ERR_COAP_FORMAT; /* marker without payload */
    }
    if (o.rest.len > 1) {
        m->payload = selv_bytes(o.rest.p + 1, o.rest.len - 1);
    }
    return m->bad_option != 0 ? SELV_ERR_COAP_OPTION : SELV_OK;
}

enum selv_err selv_coap_parse(struct selv_bytes datagram,
                              struct selv_coap_msg *m)
{
    return selv_coap_parse_knowing(datagram, NULL, 0, m);
}

enum selv_err selv_coap_parse_knowing(struct selv_bytes datagram,
                                      const uint16_t *known, size_t count,
                                      struct selv_coap_msg *m)
{
    const struct known extra = {known, count};
    const uint8_t *p = datagram.p;
    memset(m, 0, sizeof *m);
    m->type = SELV_COAP_ACK;
    m->content_format = SELV_COAP_NO_FORMAT;
    m->accept = SELV_COAP_NO_FORMAT;
    m->max_age = 60;
    if (datagram.len < 4 || p[0] >> 6 != VERSION) {
        return SELV_ERR_COAP_FORMAT;
    }
    m->type = (uint8_t)(p[0] >> 4 & 3u);
    m->code = p[1];
    m->mid = (uint16_t)(p[2] << 8 | p[3]);
    size_t token_len = p[0] & 15u;
    if (token_len > SELV_COAP_TOKEN_MAX || datagram.len - 4 < token_len) {
        return SELV_ERR_COAP_FORMAT;
    }
    if (m->code == SELV_COAP_EMPTY && datagram.len > 4) {
        return SELV_ERR_COAP_FORMAT; /* [RFC 7252 4.1] */
    }
    m->token = selv_bytes(p + 4, token_len);
    size_t fixed = 4 + token_len;
    return body_parse(selv_bytes(p + fixed, datagram.len - fixed), &extra, m);
}

bool selv_coap_opt_find(const struct selv_coap_msg *m, uint16_t number,
                        struct selv_bytes *value)
{
    struct selv_coap_opt o;
    selv_coap_opt_begin(m, &o);
    while (selv_coap_opt_next(&o)) {
        if (o.number == number) {
            *value = o.value;
            return true;
        }
    }
    return false;
}

bool selv_coap_has_etag(const struct selv_coap_msg *m, struct selv_bytes etag)
{
    struct selv_coap_opt o;
    selv_coap_opt_begin(m, &o);
    while (selv_coap_opt_next(&o)) {
        if (o.number == SELV_COAP_OPT_ETAG && selv_bytes_equal(o.value, etag)) {
            return true;
        }
    }
    return false;
}

bool selv_coap_condition_holds(const struct selv_coap_msg *rq, bool exists,
                               struct selv_bytes etag)
{
    struct selv_coap_opt o;
    bool has_match = false;
    bool is_match = false;
    bool is_none = false;
    selv_coap_opt_begin(rq, &o);
    while (selv_coap_opt_next(&o)) {
        if (o.number == SELV_COAP_OPT_IF_MATCH) {
            has_match = true;
            is_match = is_match ||
                       (exists &&
                        (o.value.len == 0 || selv_bytes_equal(o.value, etag)));
        }
        is_none = is_none || o.number == SELV_COAP_OPT_IF_NONE_MATCH;
    }
    return (!has_match || is_match) && !(is_none && exists);
}

/* ---- writing ------------------------------------------------------------ */

void selv_coap_write_fail(struct selv_coap_writer *w, enum selv_err err)
{
    if (w->err == SELV_OK) {
        w->err = err;
    }
}

/* Room for n more bytes, or NULL. */
static uint8_t *take(struct selv_coap_writer *w, size_t n)
{
    if (w->err == SELV_OK && n > w->cap - w->len) {
        selv_coap_write_fail(w, SELV_ERR_SPACE);
    }
    if (w->err != SELV_OK) {
        return NULL;
    }
    uint8_t *p = w->p + w->len;
    w->len += n;
    return p;
}

static void put(struct selv_coap_writer *w, const void *p, size_t n)
{
    uint8_t *to = take(w, n);
    if (to != NULL && n > 0) {
        memcpy(to, p, n);
    }
}

void selv_coap_write_begin(struct selv_coap_writer *w, uint8_t *p, size_t cap,
                           enum selv_coap_type type, uint8_t code, uint16_t mid,
                           struct selv_bytes token)
{
    memset(w, 0, sizeof *w);
    w->p = p;
    w->cap = cap;
    if (token.len > SELV_COAP_TOKEN_MAX) {
        selv_coap_write_fail(w, SELV_ERR_ARG);
        return;
    }
    uint8_t head[4] = {
        (uint8_t)(VERSION << 6 | (unsigned)type << 4 | token.len), code,
        (uint8_t)(mid >> 8), (uint8_t)mid};
    put(w, head, sizeof head);
    put(w, token.p, token.len);
}

/* Write the extension of v into ext, and return the nibble. */
static uint8_t nibble_write(uint32_t v, uint8_t *ext, size_t *ext_len)
{
    if (v < 13) {
        return (uint8_t)v;
    }
    if (v < 269) {
        ext[(*ext_len)++] = (uint8_t)(v - 13);
        return 13;
    }
    ext[(*ext_len)++] = (uint8_t)((v - 269) >> 8);
    ext[(*ext_len)++] = (uint8_t)(v - 269);
    return 14;
}

uint8_t *selv_coap_write_opt_reserve(struct selv_coap_writer *w,
                                     uint16_t number, size_t len)
{
    if (w->closed || number < w->number || len > UINT16_MAX) {
        selv_coap_write_fail(w, SELV_ERR_ARG);
        return NULL;
    }
    uint8_t head[5];
    size_t head_len = 1;
    uint32_t delta = (uint32_t)number - w->number;
    uint8_t high = nibble_write(delta, head, &head_len);
    uint8_t low = nibble_write((uint32_t)len, head, &head_len);
    head[0] = (uint8_t)(high << 4 | low);
    w->number = number;
    put(w, head, head_len);
    return take(w, len);
}

void selv_coap_write_opt(struct selv_coap_writer *w, uint16_t number,
                         struct selv_bytes value)
{
    uint8_t *to = selv_coap_write_opt_reserve(w, number, value.len);
    if (to != NULL && value.len > 0) {
        memcpy(to, value.p, value.len);
    }
}

void selv_coap_write_uint(struct selv_coap_writer *w, uint16_t number,
                          uint32_t value)
{
    uint8_t be[4];
    selv_put_be32(be, value);
    size_t skip = 0;
    while (skip < sizeof be && be[skip] == 0) {
        skip++;
    }
    selv_coap_write_opt(w, number, selv_bytes(be + skip, sizeof be - skip));
}

void selv_coap_write_block(struct selv_coap_writer *w, uint16_t number,
                           const struct selv_coap_block *block)
{
    if (block->num > SELV_COAP_BLOCK_NUM_MAX ||
        block->szx > SELV_COAP_SZX_BERT) {
        selv_coap_write_fail(w, SELV_ERR_ARG);
        return;
    }
    selv_coap_write_uint(
        w, number, block->num << 4 | (block->more ? 8u : 0u) | block->szx);
}

uint8_t *selv_coap_write_reserve(struct selv_coap_writer *w, size_t len)
{
    static const uint8_t marker = MARKER;
    if (w->closed || len == 0) {
        selv_coap_write_fail(w, SELV_ERR_ARG);
        return NULL;
    }
    w->closed = true;
    put(w, &marker, 1);
    return take(w, len);
}

void selv_coap_write_payload(struct selv_coap_writer *w,
                             struct selv_bytes payload)
{
    if (payload.len == 0) {
        return;
    }
    uint8_t *to = selv_coap_write_reserve(w, payload.len);
    if (to != NULL) {
        memcpy(to, payload.p, payload.len);
    }
}

enum selv_err selv_coap_write_end(const struct selv_coap_writer *w, size_t *len)
{
    if (w->err == SELV_OK) {
        *len = w->len;
    }
    return w->err;
}

void selv_coap_write_empty(struct selv_buf *out, enum selv_coap_type type,
                           uint16_t mid)
{
    struct selv_coap_writer w;
    selv_coap_write_begin(&w, out->p, out->cap, type, SELV_COAP_EMPTY, mid,
                          selv_bytes(NULL, 0));
    out->len = w.err == SELV_OK ? w.len : 0;
}

/* ---- time --------------------------------------------------------------- */

uint32_t selv_coap_random(uint32_t *state)
{
    uint32_t x = *state; /* xorshift32 */
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    return x;
}

uint32_t selv_coap_first_timeout(uint32_t *random)
{
    uint32_t spread = SELV_COAP_ACK_TIMEOUT_MS / 2; /* factor 1.5 */
    return SELV_COAP_ACK_TIMEOUT_MS + selv_coap_random(random) % (spread + 1);
}

/* ---- peers ---------------------------------------------------------------
 */

bool selv_coap_peer_equal(const struct selv_coap_peer *a,
                          const struct selv_coap_peer *b)
{
    return a->len == b->len && memcmp(a->addr, b->addr, a->len) == 0;
}

uint32_t selv_coap_hash(uint32_t h, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        h = (h ^ p[i]) * 16777619u; /* FNV-1a */
    }
    return h;
}
