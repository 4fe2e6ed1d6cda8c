/* SPDX-License-Identifier: Apache-2.0
 *
 * What all sources share: which kind a URI names, which paths are asked for,
 * and how a fetch ends. */
#include "posix/source.h"

#include <stdarg.h>
#include <stdio.h>

#include "coap/coap.h"

const struct selv_source_limits selv_source_limits_default = {
    .connect_ms = 10000,
    .slow_s = 30,
    .slow_bytes = 64,
    .whole_ms = 600000,
    .slowest = 256,
    .redirects = 3,
    .headers_max = 65536};

static const struct selv_source_kind *const kinds[] = {
    &selv_source_http, &selv_source_https, &selv_source_folder};

static const struct selv_source_kind *kind_of(const char *uri)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(uri, kinds[i]->scheme, strlen(kinds[i]->scheme)) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}

/* The characters that a URI may hold [RFC 3986 2], but for the fragment's. */
static bool is_uri_text(const char *text)
{
    static const char marks[] = "-._~:/?[]@!$&'()*+,;=%";

    for (const char *t = text; *t; t++) {
        bool is_letter = (*t >= 'a' && *t <= 'z') || (*t >= 'A' && *t <= 'Z');
        bool is_digit = *t >= '0' && *t <= '9';
        if (!is_letter && !is_digit && strchr(marks, *t) == NULL) {
            return false;
        }
    }
    return true;
}

/* Segments that climb: "." and "..", also when a character is encoded. */
static bool is_dots(const char *p, size_t len)
{
    size_t dots = 0;

    for (size_t i = 0; i < len; dots++) {
        if (p[i] == '.') {
            i++;
        } else if (len - i >= 3 && p[i] == '%' && p[i + 1] == '2' &&
                   (p[i + 2] == 'e' || p[i + 2] == 'E')) {
            i += 3;
        } else {
            return false;
        }
    }
    return dots <= 2;
}

/* Absolute, every segment a name. An empty one counts as dots. */
static bool is_path(const char *path)
{
    const char *end = path + strcspn(path, "?");
    const char *p = path;

    if (*path != '/' || strlen(path) >= SELV_SOURCE_PATH_LEN ||
        !is_uri_text(path)) {
        return false;
    }
    while (p < end) {
        size_t len = strcspn(p + 1, "/?");
        if (is_dots(p + 1, len)) {
            return false;
        }
        p += 1 + len;
    }
    return true;
}

bool selv_source_check(const char *uri, struct selv_posix_why *why)
{
    struct selv_source *s = selv_source_open(uri, why);

    if (s == NULL) {
        return false;
    }
    selv_source_close(s);
    return true;
}

struct selv_source *selv_source_open(const char *uri,
                                     struct selv_posix_why *why)
{
    const struct selv_source_kind *kind = kind_of(uri);
    struct selv_source *s;
    size_t len = strlen(uri);

    if (kind == NULL || len >= SELV_SOURCE_URI_LEN) {
        snprintf(why->text, sizeof why->text,
                 "'%.120s' is no source: http://HOST[:PORT][/PATH], "
                 "https://... or file:///FOLDER",
                 uri);
        return NULL;
    }
    s = kind->open(uri, why);
    if (s == NULL) {
        return NULL;
    }
    s->kind = kind;
    s->limits = selv_source_limits_default;
    while (len > strlen(kind->scheme) + 1 && uri[len - 1] == '/') {
        len--;
    }
    snprintf(s->uri, sizeof s->uri, "%.*s", (int)len, uri);
    return s;
}

void selv_source_fail(struct selv_source *s, enum selv_err err, uint8_t code,
                      const char *format, ...)
{
    va_list args;
    size_t len;

    if (s->err != SELV_OK) {
        return;
    }
    s->err = err;
    s->code = code;
    snprintf(s->why.text, sizeof s->why.text, "%.80s%.80s: ", s->uri, s->path);
    len = strlen(s->why.text);
    va_start(args, format);
    vsnprintf(s->why.text + len, sizeof s->why.text - len, format, args);
    va_end(args);
}

void selv_source_start(struct selv_source *s, const char *path, uint32_t offset,
                       uint32_t len)
{
    selv_source_cancel(s);
    s->err = SELV_OK;
    s->code = 0;
    s->why.text[0] = '\0';
    s->offset = offset;
    s->end = len < UINT32_MAX - offset ? offset + len : UINT32_MAX;
    s->total = SELV_SOURCE_TOTAL_UNKNOWN;
    s->is_busy = true;
    if (!is_path(path)) {
        s->path[0] = '\0';
        selv_source_fail(s, SELV_ERR_SUIT_URI, 0,
                         "no path that is asked for here");
        return;
    }
    snprintf(s->path, sizeof s->path, "%s", path);
    s->kind->start(s);
}

size_t selv_source_fds(struct selv_source *s, struct pollfd *fds, size_t cap)
{
    return s->is_busy && s->err == SELV_OK ? s->kind->fds(s, fds, cap) : 0;
}

enum selv_source_action selv_source_poll(struct selv_source *s,
                                         struct selv_source_event *event)
{
    enum selv_source_action action = SELV_SOURCE_WAIT;

    memset(event, 0, sizeof *event);
    event->until_ms = UINT64_MAX;
    if (!s->is_busy) {
        return SELV_SOURCE_WAIT;
    }
    if (s->err == SELV_OK) {
        action = s->kind->poll(s, event);
    }
    event->total = s->total;
    if (s->err != SELV_OK) {
        action = SELV_SOURCE_FAILED;
        event->err = s->err;
        event->code = s->code;
    }
    if (action == SELV_SOURCE_BYTES) {
        event->offset = s->offset;
        s->offset += (uint32_t)event->bytes.len;
        SELV_ASSERT(event->bytes.len > 0 && s->offset <= s->end);
    }
    if (action == SELV_SOURCE_FAILED || action == SELV_SOURCE_DONE) {
        s->kind->cancel(s);
        s->is_busy = false;
    }
    return action;
}

void selv_source_cancel(struct selv_source *s)
{
    if (s->is_busy) {
        s->kind->cancel(s);
        s->is_busy = false;
    }
}

void selv_source_close(struct selv_source *s)
{
    if (s != NULL) {
        selv_source_cancel(s);
        s->kind->close(s);
    }
}
