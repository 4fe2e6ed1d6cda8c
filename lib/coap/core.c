/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/core.c - GET /.well-known/core in link format [RFC 6690]. The list is
 * never held whole: it is spelled out once to be measured, and once more
 * through a window that keeps the piece asked for. */
#include "coap/coap_int.h"

/* A window on a text: bytes from..to of it are kept at p. */
struct window {
    uint8_t *p;
    uint32_t at; /* bytes spelled so far */
    uint32_t from;
    uint32_t to;
};

static void spell_char(struct window *out, char c)
{
    if (out->at >= out->from && out->at < out->to) {
        out->p[out->at - out->from] = (uint8_t)c;
    }
    out->at++;
}

static void spell(struct window *out, const char *text)
{
    while (*text != '\0') {
        spell_char(out, *text++);
    }
}

/* v in decimal; to holds 6. */
static void decimal(uint16_t v, char to[static 6])
{
    char digits[5];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + v % 10);
        v = (uint16_t)(v / 10);
    } while (v > 0);
    for (size_t i = 0; i < n; i++) {
        to[i] = digits[n - 1 - i];
    }
    to[n] = '\0';
}

static void spell_attribute(struct window *out, const char *name,
                            const char *value)
{
    if (value != NULL) {
        spell(out, name);
        spell(out, value);
        spell_char(out, '"');
    }
}

static void spell_link(struct window *out, const struct selv_coap_resource *r)
{
    if (out->at > 0) {
        spell_char(out, ',');
    }
    spell(out, "</");
    spell(out, r->path);
    spell_char(out, '>');
    spell_attribute(out, ";rt=\"", r->rt);
    spell_attribute(out, ";if=\"", r->if_);
    if (r->ct != SELV_COAP_NO_FORMAT) {
        char ct[6];
        decimal(r->ct, ct);
        spell(out, ";ct=");
        spell(out, ct);
    }
    if (r->is_observable) {
        spell(out, ";obs");
    }
}

/* ---- the filter [RFC 6690 4.1] ----------------------------------------------
 */

struct filter {
    enum { ANY, RT, IF, CT, HREF, OTHER } by;
    struct selv_bytes value; /* without the '*' */
    bool is_prefix;
};

/* True when text (len bytes) is, or begins with, what the filter asks for. */
static bool text_passes(const struct filter *f, const char *text, size_t len)
{
    if (len < f->value.len || (len > f->value.len && !f->is_prefix)) {
        return false;
    }
    return f->value.len == 0 || memcmp(text, f->value.p, f->value.len) == 0;
}

/* True when one of the words, parted by spaces, passes. */
static bool words_pass(const struct filter *f, const char *words)
{
    while (words != NULL && *words != '\0') {
        size_t n = 0;
        while (words[n] != '\0' && words[n] != ' ') {
            n++;
        }
        if (text_passes(f, words, n)) {
            return true;
        }
        words += words[n] == ' ' ? n + 1 : n;
    }
    return false;
}

/* The target is "/" and the path. */
static bool href_passes(const struct filter *f, const char *path)
{
    if (f->value.len == 0) {
        return f->is_prefix;
    }
    struct filter rest = *f;
    rest.value.p++;
    rest.value.len--;
    return f->value.p[0] == '/' && text_passes(&rest, path, strlen(path));
}

static bool passes(const struct filter *f, const struct selv_coap_resource *r)
{
    char ct[6];
    switch (f->by) {
    case ANY:
        return true;
    case RT:
        return words_pass(f, r->rt);
    case IF:
        return words_pass(f, r->if_);
    case CT:
        decimal(r->ct, ct);
        return r->ct != SELV_COAP_NO_FORMAT && text_passes(f, ct, strlen(ct));
    case HREF:
        return href_passes(f, r->path);
    case OTHER:
    default:
        return false;
    }
}

static void filter_read(const struct selv_coap_msg *rq, struct filter *f)
{
    struct selv_coap_opt o;
    f->by = ANY;
    f->is_prefix = false;
    selv_coap_opt_begin(rq, &o);
    while (f->by == ANY && selv_coap_opt_next(&o)) {
        f->by = o.number == SELV_COAP_OPT_URI_QUERY ? OTHER : ANY;
    }
    if (selv_coap_query(rq, "rt", &f->value)) {
        f->by = RT;
    } else if (selv_coap_query(rq, "if", &f->value)) {
        f->by = IF;
    } else if (selv_coap_query(rq, "ct", &f->value)) {
        f->by = CT;
    } else if (selv_coap_query(rq, "href", &f->value)) {
        f->by = HREF;
    } else {
        f->value = selv_bytes(NULL, 0);
    }
    if (f->value.len > 0 && f->value.p[f->value.len - 1] == '*') {
        f->is_prefix = true;
        f->value.len--;
    }
}

/* ---- the answer
 * --------------------------------------------------------------- */

static void spell_list(struct window *out,
                       const struct selv_coap_resource *table, size_t count,
                       const struct filter *f)
{
    for (size_t i = 0; i < count; i++) {
        if (passes(f, &table[i])) {
            spell_link(out, &table[i]);
        }
    }
}

enum selv_err selv_coap_reply_core(struct selv_coap_server *s,
                                   const struct selv_coap_msg *rq,
                                   const struct selv_coap_resource *table,
                                   size_t count, uint8_t szx_max,
                                   struct selv_buf *out)
{
    if (rq->code != SELV_COAP_GET) {
        selv_coap_reply_code(s, rq, SELV_COAP_NOT_ALLOWED, NULL, out);
        return SELV_OK;
    }
    if (rq->accept != SELV_COAP_NO_FORMAT &&
        rq->accept != SELV_COAP_LINK_FORMAT) {
        selv_coap_reply_code(s, rq, SELV_COAP_NOT_ACCEPTABLE, NULL, out);
        return SELV_OK;
    }
    struct filter f;
    filter_read(rq, &f);
    struct window w = {NULL, 0, 0, 0};
    spell_list(&w, table, count, &f);

    struct selv_coap_slice slice;
    if (selv_coap_slice(rq, w.at, szx_max, &slice) != SELV_OK) {
        selv_coap_reply_code(s, rq, SELV_COAP_BAD_REQUEST, NULL, out);
        return SELV_OK;
    }
    struct selv_coap_writer to;
    selv_coap_reply_begin(s, rq, SELV_COAP_CONTENT, out, &to);
    selv_coap_write_slice(&to, &slice, selv_bytes(NULL, 0),
                          SELV_COAP_LINK_FORMAT, 60);
    uint8_t *p = slice.len > 0 ? selv_coap_write_reserve(&to, slice.len) : NULL;
    if (p != NULL) {
        w = (struct window){p, 0, slice.offset, slice.offset + slice.len};
        spell_list(&w, table, count, &f);
    }
    return selv_coap_write_end(&to, &out->len);
}
