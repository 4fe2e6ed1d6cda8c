/* SPDX-License-Identifier: Apache-2.0
 *
 * http_api.c - see update/http_api.h. */
#include "http_api.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/log.h"
#include "host/uuid.h"
#include "json.h"
#include "loops.h"

#define DETAIL_MAX 480u
#define PAGE_DEFAULT 50u
#define PAGE_MAX 200u
#define JSON_TYPE "application/json"
#define ENVELOPE_TYPE "application/suit-envelope+cose"
#define OCTETS_TYPE "application/octet-stream"

/* A body that is coming in. */
struct upload {
    void (*on_end)(struct selv_server *server, struct selv_http_request *rq);
    struct selv_blob blob;         /* image: goes to disk as it comes */
    uint8_t want[SELV_SHA256_LEN]; /* image: its name */
    uint8_t *p;                    /* envelope */
    size_t len;                    /* envelope: bytes so far */
};

/* ---- answers ------------------------------------------------------------- */

static const char *status_title(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {{400, "Bad Request"},
                  {401, "Unauthorized"},
                  {404, "Not Found"},
                  {405, "Method Not Allowed"},
                  {409, "Conflict"},
                  {411, "Length Required"},
                  {413, "Content Too Large"},
                  {415, "Unsupported Media Type"},
                  {416, "Range Not Satisfiable"},
                  {422, "Unprocessable Content"},
                  {507, "Insufficient Storage"}};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return "Internal Server Error";
}

/* Takes the reference. Everything the API says is for this reader alone. */
static void json_reply(struct selv_http_request *rq, unsigned status,
                       const char *type, json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (text == NULL) {
        return; /* no memory: the connection is dropped */
    }
    selv_http_reply(rq, status, type, selv_bytes(text, strlen(text)));
    selv_http_reply_header(rq, "Cache-Control", "no-store");
    free(text);
}

/* A problem [RFC 9457]: what, where, what to try. */
__attribute__((format(printf, 3, 4))) static void
problem_reply(struct selv_http_request *rq, unsigned status, const char *format,
              ...)
{
    char detail[DETAIL_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    if (status >= 500) {
        selv_log(SELV_LOG_ERROR, "http", "%s", detail);
    }
    json_t *text = json_string(detail);
    if (text == NULL) {
        /* Not UTF-8: parts of it came from the client. */
        text = json_string("the request is malformed");
    }
    json_reply(rq, status, "application/problem+json",
               json_pack("{s:s, s:s, s:i, s:o}", "type", "about:blank", "title",
                         status_title(status), "status", (int)status, "detail",
                         text));
}

static void method_refuse(struct selv_http_request *rq, const char *allow)
{
    problem_reply(rq, 405, "%s is not allowed on this resource; try %s",
                  rq->method, allow);
    selv_http_reply_header(rq, "Allow", allow);
}

static void db_refuse(struct selv_http_request *rq, enum selv_db_status status)
{
    problem_reply(rq, status == SELV_DB_FULL ? 507 : 500,
                  "the database did not take it: %s%s", selv_records_error(),
                  status == SELV_DB_FULL ? "; make room, then try again" : "");
}

static bool is_method(const struct selv_http_request *rq, const char *method)
{
    return strcmp(rq->method, method) == 0;
}

static bool is_reading(const struct selv_http_request *rq)
{
    return is_method(rq, "GET") || is_method(rq, "HEAD");
}

/* ---- who asks ------------------------------------------------------------ */

/* True when the request carries our token; otherwise answered. */
static bool token_check(const struct selv_server *server,
                        struct selv_http_request *rq)
{
    static const char scheme[] = "Bearer ";
    const char *value = selv_http_header(rq, "Authorization");
    if (value != NULL && strncmp(value, scheme, sizeof scheme - 1) == 0) {
        const char *given = value + sizeof scheme - 1;
        if (strlen(given) == SELV_SERVER_TOKEN_LEN &&
            selv_ct_equal(given, server->token, SELV_SERVER_TOKEN_LEN)) {
            return true;
        }
    }
    problem_reply(rq, 401,
                  "%s; send 'Authorization: Bearer TOKEN' with the token from"
                  " the file 'token' in the server's state folder",
                  value == NULL ? "no token was given" : "wrong token");
    selv_http_reply_header(rq, "WWW-Authenticate", "Bearer realm=\"selvage\"");
    return false;
}

/* ---- bodies -------------------------------------------------------------- */

/* True when a body of at most max bytes is announced; otherwise answered. */
static bool length_check(struct selv_http_request *rq, uint64_t max)
{
    if (!rq->has_length) {
        problem_reply(rq, 411, "a body with a Content-Length is needed%s",
                      rq->is_chunked ? "; chunked transfer is not taken" : "");
        return false;
    }
    if (rq->length > max) {
        problem_reply(rq, 413,
                      "the body is %" PRIu64 " bytes long, the limit is"
                      " %" PRIu64,
                      rq->length, max);
        return false;
    }
    return true;
}

static struct upload *upload_begin(struct selv_http_request *rq)
{
    struct upload *u = calloc(1, sizeof *u);
    if (u == NULL) {
        problem_reply(rq, 500, "out of memory; try again later");
        return NULL;
    }
    rq->user = u;
    rq->wants_body = true;
    return u;
}

/* ---- PUT /api/v1/images/<digest> ----------------------------------------- */

static void image_end(struct selv_server *server, struct selv_http_request *rq)
{
    struct upload *u = rq->user;
    uint64_t size = u->blob.size;
    uint8_t digest[SELV_SHA256_LEN];
    char text[SELV_HEX_DIGEST_LEN];
    enum selv_blob_status stored = selv_blob_commit(&u->blob, u->want, digest);
    selv_name_encode(digest, sizeof digest, text);
    if (stored == SELV_BLOB_OTHER) {
        problem_reply(rq, 422,
                      "the body's SHA-256 is %s, not the one in the path; was"
                      " it cut or changed on the way?",
                      text);
        return;
    }
    if (stored != SELV_BLOB_OK) {
        problem_reply(rq, stored == SELV_BLOB_FULL ? 507 : 500,
                      "the image could not be written: %s; %s",
                      strerror(u->blob.err),
                      stored == SELV_BLOB_FULL ? "make room, then try again"
                                               : "see the server's log");
        return;
    }
    enum selv_db_status status = selv_records_image_add(
        &server->records, digest, size, selv_clock_wall_s());
    if (status != SELV_DB_OK && status != SELV_DB_EXISTS) {
        db_refuse(rq, status);
        return;
    }
    selv_log(SELV_LOG_INFO, "image", "digest=%s size=%" PRIu64 "%s", text, size,
             status == SELV_DB_EXISTS ? " again=1" : "");
    json_reply(
        rq, status == SELV_DB_OK ? 201 : 200, JSON_TYPE,
        json_pack("{s:s, s:I}", "digest", text, "size", (json_int_t)size));
}

static void image_put(struct selv_server *server, struct selv_http_request *rq,
                      const char *name)
{
    uint8_t digest[SELV_SHA256_LEN];
    if (!selv_name_decode(selv_bytes(name, strlen(name)), digest,
                          sizeof digest)) {
        problem_reply(rq, 404,
                      "an image is named by its SHA-256: 64 lower-case hex"
                      " digits");
        return;
    }
    if (!is_method(rq, "PUT")) {
        method_refuse(rq, "PUT");
        return;
    }
    if (!length_check(rq, SELV_SERVER_IMAGE_MAX)) {
        return;
    }
    if (rq->length == 0) {
        problem_reply(rq, 422, "the body is empty");
        return;
    }
    struct upload *u = upload_begin(rq);
    if (u != NULL) {
        memcpy(u->want, digest, sizeof digest);
        selv_blob_begin(&server->blobs, &u->blob);
        u->on_end = image_end;
    }
}

/* ---- /api/v1/releases ---------------------------------------------------- */

static void release_end(struct selv_server *server,
                        struct selv_http_request *rq)
{
    struct upload *u = rq->user;
    struct selv_release release;
    char why[SELV_PUBLISH_WHY_LEN];
    char text[SELV_HEX_DIGEST_LEN];
    enum selv_publish_status status =
        selv_server_publish(server, selv_bytes(u->p, u->len), &release, why);
    static const char *const states[] = {[SELV_PUBLISH_NEW] = "new",
                                         [SELV_PUBLISH_THERE] = "same",
                                         [SELV_PUBLISH_REPLACED] = "replaced"};
    if (status != SELV_PUBLISH_NEW && status != SELV_PUBLISH_THERE &&
        status != SELV_PUBLISH_REPLACED) {
        static const unsigned codes[] = {[SELV_PUBLISH_CONFLICT] = 409,
                                         [SELV_PUBLISH_REFUSED] = 422,
                                         [SELV_PUBLISH_FULL] = 507,
                                         [SELV_PUBLISH_FAILED] = 500};
        selv_log(SELV_LOG_INFO, "refused", "%s", why);
        problem_reply(rq, codes[status], "%s", why);
        return;
    }
    if (status != SELV_PUBLISH_THERE) {
        selv_loops_changed(server->loops);
    }
    selv_name_encode(release.digest, SELV_SHA256_LEN, text);
    selv_log(SELV_LOG_INFO, "published",
             "digest=%s sequence_number=%" PRIu64 " state=%s", text,
             release.sequence_number, states[status]);
    json_t *answer = selv_json_release(&release);
    json_object_set_new(answer, "state", json_string(states[status]));
    json_reply(rq, status == SELV_PUBLISH_NEW ? 201 : 200, JSON_TYPE, answer);
    char location[SELV_HEX_DIGEST_LEN + 32];
    snprintf(location, sizeof location, "/api/v1/releases/%s", text);
    selv_http_reply_header(rq, "Location", location);
}

static void release_post(struct selv_http_request *rq)
{
    const char *type = selv_http_header(rq, "Content-Type");
    if (type == NULL || strcmp(type, ENVELOPE_TYPE) != 0) {
        problem_reply(rq, 415, "Content-Type must be " ENVELOPE_TYPE);
        selv_http_reply_header(rq, "Accept", ENVELOPE_TYPE);
        return;
    }
    if (!length_check(rq, SELV_INSPECT_ENVELOPE_MAX)) {
        return;
    }
    struct upload *u = upload_begin(rq);
    if (u == NULL) {
        return;
    }
    u->on_end = release_end;
    u->p = malloc(rq->length > 0 ? (size_t)rq->length : 1);
    if (u->p == NULL) {
        problem_reply(rq, 500, "out of memory; try again later");
    }
}

/* A page that is being filled: items, and the number of the last. */
struct page {
    json_t *items;
    unsigned limit;
    unsigned count;
    int64_t last;
    bool is_more;
};

/* limit= and cursor= of the request; false when answered. */
static bool page_begin(struct selv_http_request *rq, struct page *page,
                       int64_t *before)
{
    const char *limit = selv_http_query(rq, "limit");
    const char *cursor = selv_http_query(rq, "cursor");
    uint8_t number[8];
    memset(page, 0, sizeof *page);
    page->limit = PAGE_DEFAULT;
    *before = INT64_MAX;
    if (limit != NULL) {
        size_t len = strlen(limit);
        page->limit = len <= 3 && strspn(limit, "0123456789") == len
                          ? (unsigned)strtoul(limit, NULL, 10)
                          : 0;
        if (page->limit == 0 || page->limit > PAGE_MAX) {
            problem_reply(rq, 400, "limit must be a number from 1 to %u",
                          PAGE_MAX);
            return false;
        }
    }
    if (cursor != NULL) {
        if (!selv_name_decode(selv_bytes(cursor, strlen(cursor)), number, 8) ||
            number[0] > 0x7f) {
            problem_reply(rq, 400,
                          "cursor must be the 'next' of the page before");
            return false;
        }
        *before = (int64_t)selv_get_be32(number) << 32 |
                  (int64_t)selv_get_be32(number + 4);
    }
    page->items = json_array();
    return true;
}

/* Takes the reference. One item more than the page holds says that there is
 * a next page. */
static void page_add(struct page *page, json_t *item, int64_t number)
{
    if (page->count == page->limit) {
        page->is_more = true;
        json_decref(item);
        return;
    }
    if (json_array_append_new(page->items, item) == 0) {
        page->count++;
        page->last = number;
    }
}

static void page_reply(struct selv_http_request *rq, struct page *page)
{
    json_t *next = json_null();
    if (page->is_more) {
        uint8_t number[8];
        char text[17];
        selv_put_be32(number, (uint32_t)(page->last >> 32));
        selv_put_be32(number + 4, (uint32_t)page->last);
        selv_name_encode(number, sizeof number, text);
        next = json_string(text);
    }
    json_reply(rq, 200, JSON_TYPE,
               json_pack("{s:o, s:o}", "items", page->items, "next", next));
}

static void release_each(void *user, const struct selv_release *release)
{
    page_add(user, selv_json_release(release), release->number);
}

static void releases_get(struct selv_server *server,
                         struct selv_http_request *rq)
{
    struct page page;
    int64_t before;
    if (!page_begin(rq, &page, &before)) {
        return;
    }
    enum selv_db_status status = selv_records_releases(
        &server->records, before, page.limit + 1, release_each, &page);
    if (status != SELV_DB_OK) {
        json_decref(page.items);
        db_refuse(rq, status);
        return;
    }
    page_reply(rq, &page);
}

static void release_get(struct selv_server *server,
                        struct selv_http_request *rq, const char *name)
{
    uint8_t digest[SELV_SHA256_LEN];
    struct selv_release release;
    enum selv_db_status status = SELV_DB_OK;
    if (selv_name_decode(selv_bytes(name, strlen(name)), digest,
                         sizeof digest)) {
        status =
            selv_records_release_by_digest(&server->records, digest, &release);
    }
    if (status == SELV_DB_ROW) {
        json_reply(rq, 200, JSON_TYPE, selv_json_release(&release));
    } else if (status == SELV_DB_OK) {
        problem_reply(rq, 404,
                      "no release has this manifest digest; GET"
                      " /api/v1/releases lists them");
    } else {
        db_refuse(rq, status);
    }
}

/* name: what follows the collection's path, or NULL. */
static void releases_route(struct selv_server *server,
                           struct selv_http_request *rq, const char *name)
{
    if (name != NULL && is_reading(rq)) {
        release_get(server, rq, name);
    } else if (name != NULL) {
        method_refuse(rq, "GET, HEAD");
    } else if (is_reading(rq)) {
        releases_get(server, rq);
    } else if (is_method(rq, "POST")) {
        release_post(rq);
    } else {
        method_refuse(rq, "GET, HEAD, POST");
    }
}

/* ---- /api/v1/devices ----------------------------------------------------- */

static void device_each(void *user, const struct selv_device *device)
{
    page_add(user, selv_json_device(device), device->number);
}

static void report_each(void *user, const struct selv_report_record *report)
{
    json_t *list = user;
    json_array_append_new(list, selv_json_report(report));
}

static void devices_get(struct selv_server *server,
                        struct selv_http_request *rq)
{
    struct page page;
    int64_t before;
    if (!page_begin(rq, &page, &before)) {
        return;
    }
    enum selv_db_status status = selv_records_devices(
        &server->records, before, page.limit + 1, device_each, &page);
    if (status != SELV_DB_OK) {
        json_decref(page.items);
        db_refuse(rq, status);
        return;
    }
    page_reply(rq, &page);
}

static void device_get(struct selv_server *server, struct selv_http_request *rq,
                       const char *name)
{
    uint8_t id[8];
    struct selv_device device;
    enum selv_db_status status = SELV_DB_OK;
    if (selv_name_decode(selv_bytes(name, strlen(name)), id, sizeof id)) {
        status = selv_records_device_find(&server->records, id, &device);
    }
    if (status == SELV_DB_OK) {
        problem_reply(rq, 404,
                      "no device has this id; GET /api/v1/devices lists them");
        return;
    }
    json_t *reports = json_array();
    if (status == SELV_DB_ROW) {
        status = selv_records_reports(&server->records, &device, report_each,
                                      reports);
    }
    if (status != SELV_DB_OK) {
        json_decref(reports);
        db_refuse(rq, status);
        return;
    }
    json_t *value = selv_json_device(&device);
    json_object_set_new(value, "reports", reports);
    json_reply(rq, 200, JSON_TYPE, value);
}

static void devices_route(struct selv_server *server,
                          struct selv_http_request *rq, const char *name)
{
    if (!is_reading(rq)) {
        method_refuse(rq, "GET, HEAD");
        return;
    }
    /* So that seen_at is what it is now. A failure costs only that. */
    if (selv_loops_contacts_write(server->loops) != SELV_DB_OK) {
        selv_log(SELV_LOG_WARN, "database", "times of contact not written: %s",
                 selv_records_error());
    }
    if (name != NULL) {
        device_get(server, rq, name);
    } else {
        devices_get(server, rq);
    }
}

/* ---- downloads ----------------------------------------------------------- */

/* One range of bytes [RFC 9110 14]. False: serve it whole. Sets *is_bad when
 * it lies outside. */
static bool range_parse(const char *text, uint64_t size, uint64_t *from,
                        uint64_t *len, bool *is_bad)
{
    static const char unit[] = "bytes=";
    if (text == NULL || strncmp(text, unit, sizeof unit - 1) != 0) {
        return false;
    }
    const char *p = text + sizeof unit - 1;
    const char *dash = strchr(p, '-');
    size_t digits = strspn(p, "0123456789");
    if (dash == NULL || dash != p + digits || digits > 18 ||
        strlen(dash + 1) > 18 ||
        strspn(dash + 1, "0123456789") != strlen(dash + 1) ||
        (digits == 0 && dash[1] == 0)) {
        return false;
    }
    uint64_t first = strtoull(p, NULL, 10); /* 0 when there is none */
    uint64_t last = dash[1] != 0 ? strtoull(dash + 1, NULL, 10) : UINT64_MAX;
    if (digits > 0 && last < first) {
        return false;
    }
    if (digits == 0) { /* the last bytes */
        *is_bad = last == 0 || size == 0;
        first = last < size ? size - last : 0;
        last = size - 1;
    } else {
        *is_bad = first >= size;
    }
    if (!*is_bad) {
        last = last < size ? last : size - 1;
        *from = first;
        *len = last - first + 1;
    }
    return true;
}

/* What does not change under its name may be kept for ever. */
static void cache_headers(struct selv_http_request *rq, const char *etag,
                          bool is_immutable)
{
    selv_http_reply_header(rq, "ETag", etag);
    selv_http_reply_header(rq, "Accept-Ranges", "bytes");
    selv_http_reply_header(rq, "Cache-Control",
                           is_immutable ? "public, max-age=31536000, immutable"
                                        : "no-cache");
}

/* A blob, whole or the range asked for. name: the ETag's text. */
static void blob_reply(struct selv_server *server, struct selv_http_request *rq,
                       const uint8_t digest[static SELV_SHA256_LEN],
                       const char *name, const char *type, bool is_immutable)
{
    char etag[SELV_HEX_DIGEST_LEN + 2];
    char text[64];
    uint64_t size;
    uint64_t from = 0;
    bool is_bad = false;
    snprintf(etag, sizeof etag, "\"%s\"", name);
    const char *known = selv_http_header(rq, "If-None-Match");
    const char *same = selv_http_header(rq, "If-Range");
    int fd = selv_blob_open(&server->blobs, digest, &size);
    if (fd < 0) {
        problem_reply(rq, errno == ENOENT ? 404 : 500, "no such image: %s",
                      strerror(errno));
        return;
    }
    if (known != NULL && (strstr(known, etag) != NULL || known[0] == '*')) {
        close(fd);
        selv_http_reply(rq, 304, type, selv_bytes(NULL, 0));
        cache_headers(rq, etag, is_immutable);
        return;
    }
    uint64_t len = size;
    bool is_range =
        (same == NULL || strcmp(same, etag) == 0) &&
        range_parse(selv_http_header(rq, "Range"), size, &from, &len, &is_bad);
    if (is_bad) {
        close(fd);
        problem_reply(rq, 416, "the image is %" PRIu64 " bytes long", size);
        snprintf(text, sizeof text, "bytes */%" PRIu64, size);
        selv_http_reply_header(rq, "Content-Range", text);
        return;
    }
    selv_http_reply_file(rq, is_range ? 206 : 200, type, fd, from, len);
    cache_headers(rq, etag, is_immutable);
    if (is_range) {
        snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
                 from, from + len - 1, size);
        selv_http_reply_header(rq, "Content-Range", text);
    }
}

/* GET /i/<digest> */
static void image_get(struct selv_server *server, struct selv_http_request *rq,
                      const char *name)
{
    uint8_t digest[SELV_SHA256_LEN];
    if (!is_reading(rq)) {
        method_refuse(rq, "GET, HEAD");
    } else if (!selv_name_decode(selv_bytes(name, strlen(name)), digest,
                                 sizeof digest)) {
        problem_reply(rq, 404,
                      "an image is named by its SHA-256: 64 lower-case hex"
                      " digits");
    } else {
        blob_reply(server, rq, digest, name, OCTETS_TYPE, true);
    }
}

/* GET /m/<vendor>/<class> */
static void manifest_get(struct selv_server *server,
                         struct selv_http_request *rq, const char *name)
{
    char vendor[SELV_UUID_TEXT_LEN];
    uint8_t vendor_id[16];
    uint8_t class_id[16];
    struct selv_release release;
    if (!is_reading(rq)) {
        method_refuse(rq, "GET, HEAD");
        return;
    }
    enum selv_db_status status = SELV_DB_OK;
    if (strlen(name) == 2 * SELV_UUID_TEXT_LEN - 1) {
        memcpy(vendor, name, sizeof vendor - 1);
        vendor[sizeof vendor - 1] = 0;
        if (name[SELV_UUID_TEXT_LEN - 1] == '/' &&
            selv_uuid_parse(vendor, vendor_id) &&
            selv_uuid_parse(name + SELV_UUID_TEXT_LEN, class_id)) {
            status = selv_records_release_newest(&server->records, true,
                                                 vendor_id, class_id, &release);
        }
    }
    if (status == SELV_DB_ROW) {
        char digest[SELV_HEX_DIGEST_LEN];
        /* Of the whole envelope, which may be replaced for one manifest. */
        selv_name_encode(release.envelope, SELV_SHA256_LEN, digest);
        blob_reply(server, rq, release.envelope, digest, ENVELOPE_TYPE, false);
    } else if (status == SELV_DB_OK) {
        problem_reply(rq, 404,
                      "no release for this vendor and class; the"
                      " path is /m/<vendor UUID>/<class UUID>");
    } else {
        db_refuse(rq, status);
    }
}

/* ---- routes -------------------------------------------------------------- */

/* What follows prefix in the path, or NULL. */
static const char *path_after(const char *path, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(path, prefix, len) == 0 ? path + len : NULL;
}

static void nothing_here(struct selv_http_request *rq)
{
    problem_reply(rq, 404, "there is nothing at this path");
}

static void api_route(struct selv_server *server, struct selv_http_request *rq,
                      const char *path)
{
    const char *name;
    if (!token_check(server, rq)) {
        return;
    }
    bool is_firmware = (server->roles & SELV_ROLE_FIRMWARE) != 0;
    bool is_tracker = (server->roles & SELV_ROLE_TRACKER) != 0;
    if (is_firmware && (name = path_after(path, "images/")) != NULL) {
        image_put(server, rq, name);
    } else if (is_tracker && strcmp(path, "releases") == 0) {
        releases_route(server, rq, NULL);
    } else if (is_tracker && (name = path_after(path, "releases/")) != NULL) {
        releases_route(server, rq, name);
    } else if (is_tracker && strcmp(path, "devices") == 0) {
        devices_route(server, rq, NULL);
    } else if (is_tracker && (name = path_after(path, "devices/")) != NULL) {
        devices_route(server, rq, name);
    } else {
        nothing_here(rq);
    }
}

static void on_head(void *app, struct selv_http_request *rq)
{
    struct selv_server *server = app;
    const char *name;
    if ((name = path_after(rq->path, "/api/v1/")) != NULL) {
        api_route(server, rq, name);
    } else if ((server->roles & SELV_ROLE_FIRMWARE) != 0 &&
               (name = path_after(rq->path, "/i/")) != NULL) {
        image_get(server, rq, name);
    } else if ((server->roles & SELV_ROLE_TRACKER) != 0 &&
               (name = path_after(rq->path, "/m/")) != NULL) {
        manifest_get(server, rq, name);
    } else if (strcmp(rq->path, "/healthz") == 0) {
        if (is_reading(rq)) {
            json_reply(rq, 200, JSON_TYPE, json_pack("{s:s}", "status", "ok"));
        } else {
            method_refuse(rq, "GET, HEAD");
        }
    } else {
        nothing_here(rq);
    }
}

static void on_body(void *app, struct selv_http_request *rq,
                    struct selv_bytes piece)
{
    struct upload *u = rq->user;
    (void)app;
    if (u->p == NULL) {
        selv_blob_append(&u->blob, piece);
    } else if (piece.len <= rq->length - u->len) {
        memcpy(u->p + u->len, piece.p, piece.len);
        u->len += piece.len;
    }
}

static void on_end(void *app, struct selv_http_request *rq)
{
    const struct upload *u = rq->user;
    if (u != NULL) {
        u->on_end(app, rq);
    }
}

static void on_gone(void *app, struct selv_http_request *rq)
{
    struct upload *u = rq->user;
    (void)app;
    if (u != NULL) {
        selv_blob_abort(&u->blob);
        free(u->p);
        free(u);
    }
}

struct selv_http_app selv_http_api(struct selv_server *server)
{
    struct selv_http_app app = {on_head, on_body, on_end, on_gone, server};
    return app;
}
