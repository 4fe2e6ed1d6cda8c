/* SPDX-License-Identifier: Apache-2.0 */
#include "host/uri.h"

#include <ctype.h>

static bool is_one_of(uint8_t c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

static bool is_alnum(uint8_t c)
{
    return c < 0x80 && isalnum(c) != 0;
}

/* Offset of the first of a set, or the length. */
static size_t find(struct selv_bytes uri, size_t from, const char *set)
{
    while (from < uri.len && !is_one_of(uri.p[from], set)) {
        from++;
    }
    return from;
}

/* Unreserved, reserved, and percent with two hex digits [RFC 3986 2]. */
static const char *characters_wrong(struct selv_bytes uri)
{
    for (size_t i = 0; i < uri.len; i++) {
        const uint8_t c = uri.p[i];

        if (c == '%') {
            if (uri.len - i < 3 || uri.p[i + 1] >= 0x80 ||
                uri.p[i + 2] >= 0x80 || isxdigit(uri.p[i + 1]) == 0 ||
                isxdigit(uri.p[i + 2]) == 0) {
                return "has a % without two hex digits";
            }
        } else if (c <= ' ' || c == 0x7f) {
            return "has a blank or a control character in it";
        } else if (!is_alnum(c) && !is_one_of(c, "-._~:/?#[]@!$&'()*+,;=")) {
            return "has a character in it that must be percent-encoded";
        }
    }
    return NULL;
}

/* A first segment with a ':' is a scheme [RFC 3986 3.1, 4.2]. */
static const char *scheme_wrong(struct selv_bytes uri, size_t colon)
{
    if (colon == 0 || uri.p[0] >= 0x80 || isalpha(uri.p[0]) == 0) {
        return "does not begin with a scheme, and has a ':' before any '/'";
    }
    for (size_t i = 0; i < colon; i++) {
        if (!is_alnum(uri.p[i]) && !is_one_of(uri.p[i], "+-.")) {
            return "has no scheme before its ':'";
        }
    }
    return NULL;
}

/* [userinfo@]host[:port]; brackets only around an address [RFC 3986 3.2]. */
static const char *authority_wrong(struct selv_bytes uri, size_t from,
                                   size_t to)
{
    size_t host = from;
    size_t end;

    for (size_t i = from; i < to; i++) {
        host = uri.p[i] == '@' ? i + 1 : host;
    }
    if (host < to && uri.p[host] == '[') {
        end = find(uri, host, "]");
        if (end >= to) {
            return "has a '[' without a ']' in its host";
        }
        end++;
    } else {
        end = host;
        while (end < to && uri.p[end] != ':') {
            if (is_one_of(uri.p[end], "[]")) {
                return "has a bracket in its host";
            }
            end++;
        }
    }
    if (end < to && uri.p[end] != ':') {
        return "has something behind the ']' of its host";
    }
    for (end += end < to; end < to; end++) {
        if (!is_one_of(uri.p[end], "0123456789")) {
            return "has a port that is no number";
        }
    }
    return NULL;
}

const char *selv_uri_wrong(struct selv_bytes uri)
{
    const char *wrong = characters_wrong(uri);
    size_t first = find(uri, 0, ":/?#");
    bool has_scheme = first < uri.len && uri.p[first] == ':';
    size_t rest = has_scheme ? first + 1 : 0;
    size_t fragment = find(uri, 0, "#");

    if (wrong == NULL && has_scheme) {
        wrong = scheme_wrong(uri, first);
    }
    if (wrong == NULL && uri.len - rest >= 2 && uri.p[rest] == '/' &&
        uri.p[rest + 1] == '/') {
        size_t end = find(uri, rest + 2, "/?#");

        wrong = authority_wrong(uri, rest + 2, end);
        rest = end;
    }
    if (wrong == NULL && find(uri, rest, "[]") < uri.len) {
        wrong = "has a bracket outside its host";
    }
    if (wrong == NULL && fragment < uri.len &&
        find(uri, fragment + 1, "#") < uri.len) {
        wrong = "has two '#'";
    }
    return wrong;
}

const char *selv_uri_base_wrong(struct selv_bytes uri)
{
    const char *wrong = selv_uri_wrong(uri);
    size_t first = find(uri, 0, ":/?#");
    bool has_scheme = first < uri.len && uri.p[first] == ':';

    if (wrong != NULL) {
        return wrong;
    }
    if (find(uri, 0, "?#") < uri.len) {
        return "has a query or a fragment: nothing can be put behind it";
    }
    if (has_scheme && (uri.len - first < 4 || uri.p[first + 1] != '/' ||
                       uri.p[first + 2] != '/' || uri.p[first + 3] == '/')) {
        return "names no host: give coap://HOST, or nothing";
    }
    if (!has_scheme && uri.len > 0 && uri.p[0] != '/') {
        return "is neither coap://HOST nor a path from '/'";
    }
    return NULL;
}
