/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/uri.c - URIs to and from options [RFC 7252 6]. */
#include "coap/coap_int.h"

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    uint8_t low = c | 0x20u;
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* Decode the percent-encoding of in to out, or only count when out is NULL.
 * False when it is malformed. */
static bool percent_decode(struct selv_bytes in, uint8_t *out, size_t *len)
{
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.p[i];
        if (c == '%') {
            int high = in.len - i > 2 ? hex_digit(in.p[i + 1]) : -1;
            int low = in.len - i > 2 ? hex_digit(in.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (out != NULL) {
            out[n] = c;
        }
        n++;
    }
    *len = n;
    return true;
}

/* "." and ".." may not travel as Uri-Path [RFC 7252 5.10.1]. */
static bool is_dots(const uint8_t *p, size_t len)
{
    return (len == 1 || len == 2) && p[0] == '.' && p[len - 1] == '.';
}

static void piece_write(struct selv_coap_writer *w, uint16_t number,
                        struct selv_bytes piece)
{
    size_t len;
    if (!percent_decode(piece, NULL, &len) || len > 255) {
        selv_coap_write_fail(w, SELV_ERR_ARG);
        return;
    }
    uint8_t *to = selv_coap_write_opt_reserve(w, number, len);
    if (to == NULL) {
        return;
    }
    (void)percent_decode(piece, to, &len); /* checked above */
    if (number == SELV_COAP_OPT_URI_PATH && is_dots(to, len)) {
        selv_coap_write_fail(w, SELV_ERR_ARG);
    }
}

static void pieces_write(struct selv_coap_writer *w, uint16_t number,
                         uint8_t separator, struct selv_bytes text)
{
    if (text.len == 0) {
        return;
    }
    size_t begin = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i == text.len || text.p[i] == separator) {
            piece_write(w, number, selv_bytes(text.p + begin, i - begin));
            begin = i + 1;
        }
    }
}

void selv_coap_write_path(struct selv_coap_writer *w, struct selv_bytes path)
{
    pieces_write(w, SELV_COAP_OPT_URI_PATH, '/', path);
}

void selv_coap_write_query(struct selv_coap_writer *w, struct selv_bytes query)
{
    pieces_write(w, SELV_COAP_OPT_URI_QUERY, '&', query);
}

/* Length of the pattern's first segment. */
static size_t segment_len(const char *pattern)
{
    size_t n = 0;
    while (pattern[n] != '\0' && pattern[n] != '/') {
        n++;
    }
    return n;
}

bool selv_coap_path_match(const struct selv_coap_msg *m, const char *pattern,
                          struct selv_bytes *star)
{
    struct selv_bytes found = {NULL, 0};
    bool at_end = pattern[0] == '\0';
    struct selv_coap_opt o;
    selv_coap_opt_begin(m, &o);
    while (selv_coap_opt_next(&o)) {
        if (o.number != SELV_COAP_OPT_URI_PATH) {
            continue;
        }
        if (at_end) {
            return false;
        }
        size_t n = segment_len(pattern);
        if (n == 1 && pattern[0] == '*') {
            found = o.value;
        } else if (!selv_bytes_equal(o.value, selv_bytes(pattern, n))) {
            return false;
        }
        at_end = pattern[n] == '\0';
        pattern += n + (at_end ? 0 : 1);
    }
    if (at_end && star != NULL && found.p != NULL) {
        *star = found;
    }
    return at_end;
}

bool selv_coap_query(const struct selv_coap_msg *m, const char *name,
                     struct selv_bytes *value)
{
    size_t n = strlen(name);
    struct selv_coap_opt o;
    selv_coap_opt_begin(m, &o);
    while (selv_coap_opt_next(&o)) {
        struct selv_bytes v = o.value;
        if (o.number != SELV_COAP_OPT_URI_QUERY || v.len < n ||
            memcmp(v.p, name, n) != 0 || (v.len > n && v.p[n] != '=')) {
            continue;
        }
        size_t skip = v.len > n ? n + 1 : n;
        *value = selv_bytes(v.p + skip, v.len - skip);
        return true;
    }
    return false;
}

/* ---- parsing ------------------------------------------------------------ */

static bool starts_with(struct selv_bytes *in, const char *text, size_t n)
{
    if (in->len < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t c = in->p[i];
        if (c >= 'A' && c <= 'Z') {
            c |= 0x20u; /* schemes ignore case [RFC 3986 3.1] */
        }
        if (c != (uint8_t)text[i]) {
            return false;
        }
    }
    in->p += n;
    in->len -= n;
    return true;
}

/* Cut in before the first byte that is in stops; in keeps the rest. */
static struct selv_bytes cut(struct selv_bytes *in, const char *stops)
{
    size_t n = 0;
    while (n < in->len) {
        const char *s = stops;
        while (*s != '\0' && (uint8_t)*s != in->p[n]) {
            s++;
        }
        if (*s != '\0') {
            break;
        }
        n++;
    }
    struct selv_bytes head = {in->p, n};
    in->p += n;
    in->len -= n;
    return head;
}

/* Bytes of a URI are printable ASCII without a few [RFC 3986 2]; a fragment
 * may not stand in a coap URI [RFC 7252 6.1]. */
static bool is_uri_text(struct selv_bytes text)
{
    static const char no[] = "\"<>\\^`{|}#";
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c <= 0x20 || c >= 0x7f) {
            return false;
        }
        for (const char *s = no; *s != '\0'; s++) {
            if (c == (uint8_t)*s) {
                return false;
            }
        }
    }
    return true;
}

/* Digits of a port; an empty text leaves the default. */
static bool port_parse(struct selv_bytes text, uint16_t *port)
{
    uint32_t v = 0;
    if (text.len == 0) {
        return true;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
        v = v * 10 + (uint32_t)(text.p[i] - '0');
        if (v > UINT16_MAX) {
            return false;
        }
    }
    *port = (uint16_t)v;
    return v != 0;
}

/* host, [literal], and what is left after them. */
static bool host_parse(struct selv_bytes *authority, struct selv_coap_uri *uri)
{
    uri->is_literal = starts_with(authority, "[", 1);
    uri->host = cut(authority, uri->is_literal ? "]" : ":[]@");
    if (uri->is_literal && !starts_with(authority, "]", 1)) {
        return false;
    }
    return uri->host.len > 0;
}

enum selv_err selv_coap_uri_parse(struct selv_bytes text,
                                  struct selv_coap_uri *uri)
{
    memset(uri, 0, sizeof *uri);
    uri->is_secure = starts_with(&text, "coaps://", 8);
    if (!is_uri_text(text) ||
        (!uri->is_secure && !starts_with(&text, "coap://", 7))) {
        return SELV_ERR_ARG;
    }
    uri->port = uri->is_secure ? 5684 : 5683;
    struct selv_bytes authority = cut(&text, "/?");
    if (!host_parse(&authority, uri)) {
        return SELV_ERR_ARG;
    }
    if (authority.len > 0 && (!starts_with(&authority, ":", 1) ||
                              !port_parse(authority, &uri->port))) {
        return SELV_ERR_ARG;
    }
    if (starts_with(&text, "/", 1)) {
        uri->path = cut(&text, "?");
    }
    if (starts_with(&text, "?", 1)) {
        uri->query = text;
    }
    return SELV_OK;
}
