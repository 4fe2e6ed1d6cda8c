/* SPDX-License-Identifier: Apache-2.0
 *
 * A web server as a source, by libcurl: one GET for each fetch, of a range
 * [RFC 9110 14].
 *
 * Rules:
 *   H1 the answer's head decides before a byte of its body is passed on: 206
 *      with the very range that was asked for, or 200, whose first bytes are
 *      then skipped;
 *   H2 a range is asked for under If-Range with the ETag that its path had
 *      before; another ETag, or a whole body under one, is a change in
 *      mid-transfer;
 *   H3 redirects are followed to the same scheme, host and port only: else a
 *      server could have us ask others, in our own network, say;
 *   H4 bodies come as they are: no content coding is asked for or taken;
 *   H5 nothing is unbounded: connecting, heads, redirects, slowness, the whole
 *      time; and the body, by what was asked for. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/select.h>

#include "coap/coap.h"
#include "posix/source.h"

#ifndef SELVAGE_VERSION
#define SELVAGE_VERSION "0"
#endif

#define URL_LEN (SELV_SOURCE_URI_LEN + SELV_SOURCE_PATH_LEN)
#define ETAG_LEN 128u
_Static_assert(SELV_SOURCE_PIECE >= CURL_MAX_WRITE_SIZE,
               "libcurl hands out longer pieces");

#define WAIT_MAX_MS 1000L
#define WAIT_BLIND_MS 50L /* libcurl works, and has no descriptor for it */

/* The head of one answer. */
struct head {
    uint64_t first, last, size; /* of Content-Range, once has_range */
    size_t bytes;
    bool has_range, is_range_bad, is_coded;
    char etag[ETAG_LEN]; /* strong, with its quotes; else "" */
};

struct http {
    struct selv_source s;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *fields;
    char url[URL_LEN];
    char error[CURL_ERROR_SIZE];
    char etag[ETAG_LEN]; /* of etag_path, seen before */
    char etag_path[SELV_SOURCE_PATH_LEN];
    struct head head;
    uint64_t skip; /* bytes of the body to pass over */
    uint32_t redirects;
    bool is_added;  /* easy to multi */
    bool is_judged; /* H1 */
    bool is_redirect;
    bool is_enough; /* all that was asked for has come */
    bool is_paused;
    bool is_taken; /* piece has been told */
    size_t piece_len;
    uint8_t piece[SELV_SOURCE_PIECE];
};

/* ---- opening --------------------------------------------------------------
 */

/* Of "scheme://authority...", the bytes up to the authority's end. */
static size_t origin_len(const char *url)
{
    const char *authority = strstr(url, "://") + 3;

    return (size_t)(authority - url) + strcspn(authority, "/?#");
}

static bool is_form_good(const char *uri)
{
    const char *authority = strstr(uri, "://") + 3;
    size_t len = origin_len(uri) - (size_t)(authority - uri);
    CURLU *parsed = curl_url();
    bool is_good = len > 0 && memchr(authority, '@', len) == NULL &&
                   strpbrk(uri, "?# ") == NULL && parsed != NULL &&
                   curl_url_set(parsed, CURLUPART_URL, uri, 0) == CURLUE_OK;

    for (const char *p = uri; *p; p++) {
        is_good = is_good && *p > ' ' && *p < 0x7f;
    }
    curl_url_cleanup(parsed);
    return is_good;
}

static struct selv_source *http_open(const char *uri,
                                     struct selv_posix_why *why)
{
    static bool is_ready;
    struct http *h;

    if (!is_ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        snprintf(why->text, sizeof why->text, "libcurl does not start");
        return NULL;
    }
    is_ready = true;
    if (!is_form_good(uri)) {
        snprintf(why->text, sizeof why->text,
                 "'%.120s' is not a server's address, such as "
                 "http://127.0.0.1:8683; it has no user, query or fragment",
                 uri);
        return NULL;
    }
    h = calloc(1, sizeof *h);
    if (h != NULL) {
        h->multi = curl_multi_init();
        h->easy = curl_easy_init();
        h->fields = curl_slist_append(NULL, "Accept-Encoding: identity");
    }
    if (h == NULL || h->multi == NULL || h->easy == NULL || h->fields == NULL) {
        snprintf(why->text, sizeof why->text, "out of memory");
        if (h != NULL) {
            selv_source_http.close(&h->s);
        }
        return NULL;
    }
    return &h->s;
}

/* ---- the answer's head ----------------------------------------------------
 */

/* A decimal number at *p, which then points behind it. */
static bool take_number(const char **p, uint64_t *v)
{
    const char *at = *p;
    uint64_t n = 0;

    while (*at >= '0' && *at <= '9' && at - *p < 18) {
        n = n * 10 + (uint64_t)(*at++ - '0');
    }
    if (at == *p) {
        return false;
    }
    *p = at;
    *v = n;
    return true;
}

/* "bytes 0-4095/50000" [RFC 9110 14.4]. */
static void take_range(struct head *head, const char *text)
{
    bool is_good = !head->has_range && strncasecmp(text, "bytes ", 6) == 0;

    text += is_good ? 6 : 0;
    is_good = is_good && take_number(&text, &head->first) && *text++ == '-' &&
              take_number(&text, &head->last) && *text++ == '/';
    head->size = SELV_SOURCE_TOTAL_UNKNOWN;
    if (is_good && *text == '*') {
        text++;
    } else {
        is_good = is_good && take_number(&text, &head->size);
    }
    head->has_range = true;
    head->is_range_bad = head->is_range_bad || !is_good || *text != '\0' ||
                         head->first > head->last || head->last >= head->size;
}

/* One line of the head, as text without its end. */
static void take_field(struct head *head, char *line)
{
    char *value = strchr(line, ':');

    if (strncmp(line, "HTTP/", 5) == 0) {
        /* After 1xx another head begins. */
        size_t bytes = head->bytes;
        memset(head, 0, sizeof *head);
        head->bytes = bytes;
        return;
    }
    if (value == NULL) {
        return;
    }
    *value++ = '\0';
    value += strspn(value, " \t");
    if (strcasecmp(line, "Content-Range") == 0) {
        take_range(head, value);
    } else if (strcasecmp(line, "Content-Encoding") == 0) {
        head->is_coded = strcasecmp(value, "identity") != 0;
    } else if (strcasecmp(line, "ETag") == 0 && value[0] == '"' &&
               strlen(value) < sizeof head->etag) {
        snprintf(head->etag, sizeof head->etag, "%s", value);
    }
}

static size_t on_field(char *p, size_t size, size_t count, void *user)
{
    struct http *h = user;
    size_t len = size * count;
    char line[512];
    size_t kept = len < sizeof line - 1 ? len : sizeof line - 1;

    h->head.bytes += len;
    if (h->head.bytes > h->s.limits.headers_max) {
        selv_source_fail(&h->s, SELV_ERR_UPDATE_SERVER, 0,
                         "the head of the answer does not end");
        return 0;
    }
    memcpy(line, p, kept);
    while (kept > 0 && strchr("\r\n \t", line[kept - 1]) != NULL) {
        kept--;
    }
    line[kept] = '\0';
    if (strlen(line) == kept) {
        take_field(&h->head, line);
    }
    return len;
}

/* A status that brings no bytes. */
static void refuse_status(struct http *h, long status)
{
    struct selv_source *s = &h->s;

    if (status >= 500 || status == 429 || status == 408) {
        selv_source_fail(s, SELV_ERR_COAP_TIMEOUT, 0,
                         "the server has trouble of its own (%ld)", status);
    } else if (status == 416) {
        selv_source_fail(s, SELV_ERR_COAP_BLOCK, 0,
                         "the server has no bytes from %u on (416)",
                         (unsigned)s->offset);
    } else if (status == 404 || status == 410) {
        selv_source_fail(s, SELV_ERR_COAP_CODE, SELV_COAP_NOT_FOUND,
                         "not there (%ld)", status);
    } else if (status >= 400) {
        selv_source_fail(s, SELV_ERR_COAP_CODE, SELV_COAP_FORBIDDEN,
                         "the server refuses (%ld)", status);
    } else {
        selv_source_fail(s, SELV_ERR_UPDATE_SERVER, 0,
                         "the server's answer %ld makes no sense here", status);
    }
}

/* H2: whether the body is still the one that was begun. */
static bool is_same(const struct http *h)
{
    return h->s.offset == 0 || h->etag[0] == '\0' ||
           strcmp(h->head.etag, h->etag) == 0;
}

static void judge_part(struct http *h)
{
    struct selv_source *s = &h->s;
    const struct head *head = &h->head;

    if (!head->has_range || head->is_range_bad || head->first != s->offset ||
        head->last >= s->end) {
        selv_source_fail(s, SELV_ERR_COAP_BLOCK, 0,
                         "the server sends another range than asked for");
        return;
    }
    s->total = head->size;
    s->end = (uint32_t)head->last + 1;
}

static void judge_whole(struct http *h)
{
    struct selv_source *s = &h->s;
    curl_off_t len = -1;

    curl_easy_getinfo(h->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &len);
    if (len >= 0 && (uint64_t)len < s->offset) {
        selv_source_fail(s, SELV_ERR_COAP_BLOCK, 0,
                         "it has %lld bytes, and those from %u on are wanted",
                         (long long)len, (unsigned)s->offset);
        return;
    }
    s->total = len >= 0 ? (uint64_t)len : SELV_SOURCE_TOTAL_UNKNOWN;
    h->skip = s->offset;
}

/* H1. False: no byte of the body is wanted. */
static bool judge(struct http *h)
{
    long status = 0;

    h->is_judged = true;
    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    h->is_redirect = status >= 301 && status <= 308 && status != 304;
    if (h->is_redirect) {
        return false; /* finish follows it */
    }
    if (status != 200 && status != 206) {
        refuse_status(h, status);
    } else if (h->head.is_coded) {
        selv_source_fail(&h->s, SELV_ERR_UPDATE_SERVER, 0,
                         "the server sends it compressed, unasked");
    } else if (!is_same(h)) {
        selv_source_fail(&h->s, SELV_ERR_COAP_ETAG, 0,
                         "it changed in mid-transfer");
        /* A file that was put there again has another one, too: the next try
         * goes on, and the digest decides. */
        h->etag[0] = '\0';
    } else if (status == 206) {
        judge_part(h);
    } else {
        judge_whole(h);
    }
    if (h->s.err != SELV_OK) {
        return false;
    }
    memcpy(h->etag, h->head.etag, sizeof h->etag);
    return true;
}

/* ---- the body -------------------------------------------------------------
 */

static size_t on_bytes(char *p, size_t size, size_t count, void *user)
{
    struct http *h = user;
    size_t len = size * count;
    size_t from = 0;
    uint32_t left;

    if (h->piece_len > 0) {
        h->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (!h->is_judged && !judge(h) && !h->is_redirect) {
        return 0; /* ends the transfer */
    }
    if (h->is_redirect) {
        /* Some words for people; counted as if they were of the head. */
        h->head.bytes += len;
        return h->head.bytes <= h->s.limits.headers_max ? len : 0;
    }
    left = h->s.end - h->s.offset;
    if (h->skip > 0) {
        from = h->skip < len ? (size_t)h->skip : len;
        h->skip -= from;
    }
    h->piece_len = len - from < left ? len - from : left;
    memcpy(h->piece, p + from, h->piece_len);
    h->is_enough = h->piece_len == left && from < len;
    return h->is_enough && len - from > left ? 0 : len;
}

/* ---- one request ----------------------------------------------------------
 */

static void add(struct http *h)
{
    struct selv_source *s = &h->s;
    const struct selv_source_limits *limits = &s->limits;
    char range[48];
    uint64_t whole_ms = limits->whole_ms + (uint64_t)(s->end - s->offset) *
                                               1000u / limits->slowest;

    memset(&h->head, 0, sizeof h->head);
    h->is_judged = h->is_redirect = false;
    h->error[0] = '\0';
    snprintf(range, sizeof range, "%u-%u", (unsigned)s->offset,
             (unsigned)(s->end - 1));
    curl_easy_setopt(h->easy, CURLOPT_URL, h->url);
    curl_easy_setopt(h->easy, CURLOPT_RANGE, range);
    curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS,
                     (long)(whole_ms < INT32_MAX ? whole_ms : INT32_MAX));
    if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK) {
        selv_source_fail(s, SELV_ERR_COAP_TIMEOUT, 0, "out of memory");
        return;
    }
    h->is_added = true;
}

/* What is the same for all requests of a fetch. */
static void prepare(struct http *h)
{
    const struct selv_source_limits *limits = &h->s.limits;
    CURL *easy = h->easy;

    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_USERAGENT,
                     "selvage-device/" SELVAGE_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, h->fields);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)SELV_SOURCE_PIECE);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, h->error);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)limits->connect_ms);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)limits->slow_s);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)limits->slow_bytes);
    if (h->s.ca != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, h->s.ca);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* those alone */
    }
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_field);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, h);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, h);
}

/* H2: If-Range, when there is something to go on with. */
static bool prepare_fields(struct http *h)
{
    struct curl_slist *fields =
        curl_slist_append(NULL, "Accept-Encoding: identity");
    struct curl_slist *longer = fields;
    char line[ETAG_LEN + 16];

    if (strcmp(h->etag_path, h->s.path) != 0) {
        h->etag[0] = '\0';
        memcpy(h->etag_path, h->s.path, sizeof h->etag_path);
    }
    if (fields != NULL && h->s.offset > 0 && h->etag[0] != '\0') {
        snprintf(line, sizeof line, "If-Range: %s", h->etag);
        longer = curl_slist_append(fields, line);
    }
    curl_slist_free_all(h->fields);
    h->fields = fields;
    return longer != NULL;
}

static void http_start(struct selv_source *s)
{
    struct http *h = (struct http *)(void *)s;

    h->skip = 0;
    h->redirects = 0;
    h->piece_len = 0;
    h->is_taken = h->is_enough = h->is_paused = false;
    if (!prepare_fields(h)) {
        selv_source_fail(s, SELV_ERR_COAP_TIMEOUT, 0, "out of memory");
        return;
    }
    snprintf(h->url, sizeof h->url, "%s%s", s->uri, s->path);
    prepare(h);
    add(h);
}

static void http_cancel(struct selv_source *s)
{
    struct http *h = (struct http *)(void *)s;

    if (h->is_added) {
        curl_multi_remove_handle(h->multi, h->easy);
        h->is_added = false;
    }
}

/* ---- the end of a request -------------------------------------------------
 */

/* H3. */
static void follow(struct http *h)
{
    struct selv_source *s = &h->s;
    char *to = NULL;
    size_t origin = origin_len(s->uri);

    curl_easy_getinfo(h->easy, CURLINFO_REDIRECT_URL, &to);
    if (to == NULL || strlen(to) >= sizeof h->url) {
        selv_source_fail(s, SELV_ERR_UPDATE_SERVER, 0,
                         "the server redirects to nowhere");
    } else if (strncasecmp(to, s->uri, origin) != 0 ||
               strchr("/?", to[origin]) == NULL) {
        selv_source_fail(s, SELV_ERR_UPDATE_SERVER, 0,
                         "the server redirects to another one, %.60s, which is "
                         "not followed",
                         to);
    } else if (++h->redirects > s->limits.redirects) {
        selv_source_fail(s, SELV_ERR_UPDATE_SERVER, 0, "more than %u redirects",
                         (unsigned)s->limits.redirects);
    } else {
        snprintf(h->url, sizeof h->url, "%s", to);
        http_cancel(s);
        add(h);
    }
}

static enum selv_source_action finish(struct http *h, CURLcode result)
{
    struct selv_source *s = &h->s;
    long status = 0;

    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    if (s->err == SELV_OK && result == CURLE_OK && !h->is_judged) {
        (void)judge(h); /* there was no body */
    }
    if (s->err != SELV_OK) {
        return SELV_SOURCE_FAILED;
    }
    if (h->is_redirect) {
        follow(h);
        return s->err == SELV_OK ? SELV_SOURCE_WAIT : SELV_SOURCE_FAILED;
    }
    if (h->is_enough) {
        return SELV_SOURCE_DONE;
    }
    if (result != CURLE_OK) {
        selv_source_fail(s, SELV_ERR_COAP_TIMEOUT, 0, "%s",
                         h->error[0] ? h->error : curl_easy_strerror(result));
        return SELV_SOURCE_FAILED;
    }
    if (h->skip > 0) {
        selv_source_fail(s, SELV_ERR_COAP_BLOCK, 0, "it ends before byte %u",
                         (unsigned)s->offset);
        return SELV_SOURCE_FAILED;
    }
    if (status == 206 && s->offset < s->end) {
        selv_source_fail(s, SELV_ERR_COAP_BLOCK, 0,
                         "fewer bytes came than the server said");
        return SELV_SOURCE_FAILED;
    }
    /* Without Content-Length, where the body ends. */
    s->total = s->total == SELV_SOURCE_TOTAL_UNKNOWN && status == 200
                   ? s->offset
                   : s->total;
    return SELV_SOURCE_DONE;
}

static void wait_until(struct http *h, struct selv_source_event *event)
{
    long ms = -1;
    struct pollfd fds[1];

    curl_multi_timeout(h->multi, &ms);
    if (ms < 0 || ms > WAIT_MAX_MS) {
        ms = WAIT_MAX_MS;
    }
    if (ms > WAIT_BLIND_MS && selv_source_http.fds(&h->s, fds, 1) == 0) {
        ms = WAIT_BLIND_MS;
    }
    event->until_ms = selv_posix_now_ms() + (uint64_t)ms;
}

static enum selv_source_action http_poll(struct selv_source *s,
                                         struct selv_source_event *event)
{
    struct http *h = (struct http *)(void *)s;
    enum selv_source_action action = SELV_SOURCE_WAIT;
    CURLMsg *message;
    int running;
    int left;

    if (h->is_taken) {
        h->is_taken = false;
        h->piece_len = 0;
        if (h->is_enough) {
            /* So that libcurl sees the end, and keeps the connection. */
            curl_multi_perform(h->multi, &running);
            return SELV_SOURCE_DONE;
        }
        if (h->is_paused) {
            h->is_paused = false;
            curl_easy_pause(h->easy, CURLPAUSE_CONT);
        }
    }
    if (h->piece_len == 0) {
        curl_multi_perform(h->multi, &running);
    }
    if (h->piece_len > 0 && s->err == SELV_OK) {
        h->is_taken = true;
        event->bytes = selv_bytes(h->piece, h->piece_len);
        return SELV_SOURCE_BYTES;
    }
    while (action == SELV_SOURCE_WAIT &&
           (message = curl_multi_info_read(h->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            action = finish(h, message->data.result);
            break;
        }
    }
    if (action == SELV_SOURCE_WAIT) {
        wait_until(h, event);
    }
    return action;
}

static size_t http_fds(struct selv_source *s, struct pollfd *fds, size_t cap)
{
    struct http *h = (struct http *)(void *)s;
    fd_set in, out, other;
    int highest = -1;
    size_t count = 0;

    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&other);
    if (curl_multi_fdset(h->multi, &in, &out, &other, &highest) != CURLM_OK) {
        return 0;
    }
    for (int fd = 0; fd <= highest && count < cap; fd++) {
        short events = (short)((FD_ISSET(fd, &in) ? POLLIN : 0) |
                               (FD_ISSET(fd, &out) ? POLLOUT : 0));
        if (events != 0) {
            fds[count++] = (struct pollfd){fd, events, 0};
        }
    }
    return count;
}

static void http_close(struct selv_source *s)
{
    struct http *h = (struct http *)(void *)s;

    http_cancel(s);
    curl_easy_cleanup(h->easy);
    curl_multi_cleanup(h->multi);
    curl_slist_free_all(h->fields);
    free(h);
}

const struct selv_source_kind selv_source_http = {
    "http://", http_open,   http_start, http_fds,
    http_poll, http_cancel, http_close};

const struct selv_source_kind selv_source_https = {
    "https://", http_open,   http_start, http_fds,
    http_poll,  http_cancel, http_close};
