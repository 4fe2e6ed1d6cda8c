/* SPDX-License-Identifier: Apache-2.0
 *
 * coap_api.c - see update/coap_api.h. */
#define SELV_MODULE 0x43415049u /* "CAPI" */
#include "coap_api.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/log.h"

/* Batches taken before the loop looks at the other sources again. */
#define BURST 8u
#define FOREVER 0xffffffffu /* Max-Age, seconds */
#define ETAG_LEN SELV_COAP_ETAG_MAX
#define DIAGNOSTIC_MAX 160u
#define NOTIFIED 64u        /* observers told before datagrams are looked at */
#define LOOK_AGAIN_MS 1000u /* after the database failed */
#define TELL_AGAIN_MS 2000u /* at most, whose connection takes nothing now */
#define SZX_DOUBTED 2u      /* blocks of 64 bytes to who may not be there */

/* One request and what is needed to answer it. */
struct exchange {
    struct selv_coap_api *api;
    struct selv_coap_server *engine; /* that took it */
    uint64_t now_ms;
    struct selv_coap_peer peer;
    struct selv_coap_msg rq;
    struct selv_bytes star; /* what a '*' of the path stood for */
    /* GET /m: who asks, and what is newest for him; else NULL. */
    const struct selv_newest *newest;
    uint8_t id[8];
    struct selv_buf out;
    struct selv_bytes tail; /* of a mapped file: goes out behind out */
    /* Of a peer over TCP: what it takes, and where the tail is from. */
    bool is_stream;
    uint8_t szx_max;
    uint16_t bert_len;
    uint32_t tail_offset;
    const uint8_t *blob;
};

/* ---- answers
 * ------------------------------------------------------------------ */

static void code_reply(struct exchange *x, uint8_t code, const char *text)
{
    selv_coap_reply_code(x->engine, &x->rq, code, text, &x->out);
}

/* An answer that is not repeated with the same bytes unless kept. */
static void reply_end(struct exchange *x, const struct selv_coap_writer *w,
                      enum selv_coap_keep keep)
{
    enum selv_err err = selv_coap_reply_end(x->engine, x->now_ms, &x->peer,
                                            &x->rq, w, keep, &x->out);
    if (err) {
        selv_log(SELV_LOG_ERROR, "coap", "an answer did not fit: %s",
                 selv_err_name(err));
        code_reply(x, SELV_COAP_SERVER_ERROR, NULL);
    }
}

static void db_reply(struct exchange *x, enum selv_db_status status)
{
    const char *text = status == SELV_DB_FULL
                           ? "the server's disk is full; try again later"
                           : "the server's database failed; try again later";
    selv_log(SELV_LOG_ERROR, "database", "%s", selv_records_error());
    code_reply(x, SELV_COAP_SERVER_ERROR, text);
}

/* Takes the device for an observer, if it wants to be one; marks the answer.
 */
static void observe(struct exchange *x, struct selv_coap_slice *slice)
{
    struct selv_coap_observer *observer = NULL;
    if (x->newest != NULL) {
        observer = selv_observers_take(&x->api->observers, x->now_ms, &x->peer,
                                       &x->rq, x->id, x->newest);
    }
    /* It may be another's address that is told of each release from now on,
     * several times, for nobody answers there. */
    if (observer != NULL && x->is_stream) {
        observer->is_stream = true;
    } else if (observer != NULL && observer->szx > SZX_DOUBTED &&
               selv_reflect_doubts(&x->api->reflect, x->now_ms, &x->peer,
                                   &x->rq)) {
        observer->szx = SZX_DOUBTED;
    }
    selv_coap_observe_mark(observer, slice);
}

/* 2.03: the client's copy is still the right one. */
static void valid_reply(struct exchange *x, struct selv_bytes etag,
                        uint32_t max_age)
{
    struct selv_coap_writer w;
    struct selv_coap_slice slice;
    observe(x, &slice);
    selv_coap_reply_begin(x->engine, &x->rq, SELV_COAP_VALID, &x->out, &w);
    selv_coap_write_opt(&w, SELV_COAP_OPT_ETAG, etag);
    if (slice.is_observed) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_OBSERVE, slice.observe);
    }
    if (max_age != 60) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_MAX_AGE, max_age);
    }
    reply_end(x, &w, SELV_COAP_RECOMPUTE);
}

/* len bytes from offset on; false with errno when they are not there. */
static bool file_read(int fd, uint8_t *p, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return false;
        }
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

/* Begins the answer with the block that the request asks for, of a body of
 * size bytes, up to its payload. False: another answer was made. */
static bool block_begin(struct exchange *x, uint64_t size,
                        struct selv_bytes etag, uint32_t max_age,
                        struct selv_coap_slice *slice,
                        struct selv_coap_writer *w)
{
    if (size > UINT32_MAX ||
        selv_coap_bert_slice(&x->rq, (uint32_t)size, x->szx_max, x->bert_len,
                             slice)) {
        code_reply(x, SELV_COAP_BAD_REQUEST, "block lies beyond the end");
        return false;
    }
    observe(x, slice);
    selv_coap_reply_begin(x->engine, &x->rq, SELV_COAP_CONTENT, &x->out, w);
    selv_coap_write_slice(w, slice, etag, SELV_COAP_OCTETS, max_age);
    return true;
}

/* A block of a file that is mapped: it is sent from there. The room that the
 * writer keeps for it in the buffer goes unused. */
static void map_reply(struct exchange *x, struct selv_bytes file,
                      struct selv_bytes etag, uint32_t max_age)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    if (!block_begin(x, file.len, etag, max_age, &slice, &w)) {
        return;
    }
    bool has_payload =
        slice.len > 0 && selv_coap_write_reserve(&w, slice.len) != NULL;
    reply_end(x, &w, SELV_COAP_RECOMPUTE);
    if (has_payload && x->out.len == w.len) {
        x->out.len -= slice.len;
        x->tail = selv_bytes(file.p + slice.offset, slice.len);
        x->tail_offset = slice.offset;
    }
}

/* A block of a file that cannot be mapped. fd is closed. */
static void file_reply(struct exchange *x, int fd, uint64_t size,
                       struct selv_bytes etag, uint32_t max_age)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    x->bert_len = 0;
    if (block_begin(x, size, etag, max_age, &slice, &w)) {
        uint8_t *p =
            slice.len > 0 ? selv_coap_write_reserve(&w, slice.len) : NULL;
        if (p != NULL && !file_read(fd, p, slice.len, slice.offset)) {
            selv_log(SELV_LOG_ERROR, "disk", "reading an image: %s",
                     strerror(errno));
            code_reply(x, SELV_COAP_SERVER_ERROR, "the file cannot be read");
        } else {
            reply_end(x, &w, SELV_COAP_RECOMPUTE);
        }
    }
    close(fd);
}

static bool accepts(const struct exchange *x, uint16_t format)
{
    return x->rq.accept == SELV_COAP_NO_FORMAT || x->rq.accept == format;
}

/* A blob as octets, or 2.03 when the client has it. */
static void blob_reply(struct exchange *x,
                       const uint8_t digest[static SELV_SHA256_LEN],
                       struct selv_bytes etag, uint32_t max_age)
{
    uint64_t size;
    if (!accepts(x, SELV_COAP_OCTETS)) {
        code_reply(x, SELV_COAP_NOT_ACCEPTABLE, "only octets (42)");
        return;
    }
    if ((x->rq.has & SELV_COAP_HAS_ETAG) != 0 &&
        selv_coap_has_etag(&x->rq, etag)) {
        valid_reply(x, etag, max_age);
        return;
    }
    struct selv_bytes file;
    x->blob = digest;
    if (selv_maps_get(&x->api->maps, digest, x->now_ms, &file)) {
        map_reply(x, file, etag, max_age);
        return;
    }
    int fd = errno == EAGAIN
                 ? selv_blob_open(&x->api->server->blobs, digest, &size)
                 : -1;
    if (fd >= 0) {
        file_reply(x, fd, size, etag, max_age);
    } else if (errno == ENOENT) {
        code_reply(x, SELV_COAP_NOT_FOUND, "no image with this digest");
    } else {
        selv_log(SELV_LOG_ERROR, "disk", "opening an image: %s",
                 strerror(errno));
        code_reply(x, SELV_COAP_SERVER_ERROR, "the file cannot be opened");
    }
}

/* ---- bodies that come in
 * ------------------------------------------------------- */

/* When no place is free, the body that stood still longest gives way to one
 * that begins. */
static struct selv_coap_upload *upload_place(struct exchange *x,
                                             uint32_t resource)
{
    struct selv_coap_api *api = x->api;
    struct selv_coap_upload *u =
        selv_coap_upload_find(api->uploads, SELV_COAP_API_UPLOADS_MAX,
                              x->now_ms, &x->peer, resource, &x->rq);
    if (u == NULL && x->rq.block1.num == 0) {
        size_t oldest = 0;
        for (size_t i = 1; i < SELV_COAP_API_UPLOADS_MAX; i++) {
            if (api->upload_used_ms[i] < api->upload_used_ms[oldest]) {
                oldest = i;
            }
        }
        selv_coap_upload_end(&api->uploads[oldest]);
        u = selv_coap_upload_find(api->uploads, SELV_COAP_API_UPLOADS_MAX,
                                  x->now_ms, &x->peer, resource, &x->rq);
    }
    if (u != NULL) {
        api->upload_used_ms[u - api->uploads] = x->now_ms;
    }
    return u;
}

/* True with the whole body and, if it came in blocks, its place in *u.
 * Otherwise the answer is made. */
static bool body_take(struct exchange *x, uint32_t resource,
                      struct selv_coap_upload **u, struct selv_bytes *body)
{
    *u = NULL;
    if (x->rq.content_format != SELV_COAP_NO_FORMAT &&
        x->rq.content_format != SELV_COAP_CBOR) {
        code_reply(x, SELV_COAP_BAD_FORMAT, "only CBOR (60)");
        return false;
    }
    if ((x->rq.has & SELV_COAP_HAS_BLOCK1) == 0) {
        *body = x->rq.payload;
        if (body->len > SELV_COAP_API_BODY_MAX) {
            code_reply(x, SELV_COAP_TOO_LARGE, "at most 2048 bytes");
            return false;
        }
        return true;
    }
    *u = upload_place(x, resource);
    uint8_t code =
        selv_coap_upload_feed(*u, x->now_ms, &x->peer, resource, &x->rq);
    if (code == 0) {
        *body = selv_bytes((*u)->body.p, (*u)->body.len);
        return true;
    }
    struct selv_coap_writer w;
    selv_coap_reply_begin(x->engine, &x->rq, code, &x->out, &w);
    selv_coap_write_upload(&w, *u, &x->rq, code, SELV_COAP_SZX_MAX);
    reply_end(x, &w, SELV_COAP_KEEP);
    return false;
}

/* Success, with the Block1 option if there was one; kept for duplicates. */
static void body_reply(struct exchange *x, const struct selv_coap_upload *u,
                       uint8_t code, struct selv_bytes text)
{
    struct selv_coap_writer w;
    selv_coap_reply_begin(x->engine, &x->rq, code, &x->out, &w);
    if (text.len > 0) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_CONTENT_FORMAT, SELV_COAP_TEXT);
    }
    if (u != NULL) {
        selv_coap_write_upload(&w, u, &x->rq, code, SELV_COAP_SZX_MAX);
    }
    selv_coap_write_payload(&w, text);
    reply_end(x, &w, SELV_COAP_KEEP);
}

static void body_end(struct selv_coap_upload *u)
{
    if (u != NULL) {
        selv_coap_upload_end(u);
    }
}

static void malformed_reply(struct exchange *x, enum selv_err err,
                            const char *where)
{
    char text[DIAGNOSTIC_MAX];
    snprintf(text, sizeof text, "%s: %s", where,
             err == SELV_ERR_ARG ? "missing, or out of its range"
                                 : selv_err_str(err));
    code_reply(x, SELV_COAP_BAD_REQUEST, text);
}

/* ---- resources
 * -------------------------------------------------------------------- */

enum { RESOURCE_REG = 1, RESOURCE_S = 2 };

/* GET /i/<digest> */
static void image_get(struct exchange *x)
{
    uint8_t digest[SELV_SHA256_LEN];
    if (!selv_name_decode(x->star, digest, sizeof digest)) {
        code_reply(x, SELV_COAP_NOT_FOUND, "a name has 64 lower-case digits");
        return;
    }
    blob_reply(x, digest, selv_bytes(digest, ETAG_LEN), FOREVER);
}

/* POST /reg */
static void profile_post(struct exchange *x)
{
    struct selv_coap_upload *u;
    struct selv_bytes body;
    struct selv_profile profile;
    const char *where;
    if (!body_take(x, RESOURCE_REG, &u, &body)) {
        return;
    }
    enum selv_err err = selv_profile_decode(body, &profile, &where);
    if (err) {
        malformed_reply(x, err, where);
        body_end(u);
        return;
    }
    uint8_t id[8];
    char text[17];
    enum selv_db_status status = selv_records_device_register(
        &x->api->server->records, &profile, body, selv_clock_wall_s(), id);
    if (status == SELV_DB_OK) {
        selv_name_encode(id, sizeof id, text);
        selv_log(SELV_LOG_INFO, "registered",
                 "id=%s sequence_number=%llu slot=%lu", text,
                 (unsigned long long)profile.running.sequence_number,
                 (unsigned long)profile.running.slot);
        body_reply(x, u, SELV_COAP_CREATED, selv_bytes(text, 16));
    } else {
        db_reply(x, status);
    }
    body_end(u);
}

/* The id that ?d= names; otherwise the answer is made. */
static bool id_get(struct exchange *x, uint8_t id[static 8])
{
    struct selv_bytes text;
    if (selv_coap_query(&x->rq, "d", &text) && selv_name_decode(text, id, 8)) {
        return true;
    }
    code_reply(x, SELV_COAP_BAD_REQUEST,
               "?d= and the 16 digits that /reg answered are needed");
    return false;
}

/* True when the device was found; otherwise the answer is made. */
static bool is_device(struct exchange *x, enum selv_db_status status)
{
    if (status == SELV_DB_OK) {
        code_reply(x, SELV_COAP_UNAUTHORIZED, "unknown device: register again");
    } else if (status != SELV_DB_ROW) {
        db_reply(x, status);
    }
    return status == SELV_DB_ROW;
}

/* GET /m?d= */
static void manifest_get(struct exchange *x)
{
    const struct selv_newest *newest;
    if (!id_get(x, x->id) ||
        !is_device(x, selv_polls_newest(&x->api->polls, x->id, x->api->now_s,
                                        &newest))) {
        return;
    }
    if (!newest->has_release) {
        code_reply(x, SELV_COAP_NOT_FOUND,
                   "no release for this vendor and"
                   " class");
        return;
    }
    x->newest = newest;
    /* A device names what it runs by the manifest digest, and has it in
     * whatever envelope. The bytes have an ETag of their own: an envelope
     * may be replaced between two blocks [RFC 7252 5.10.6]. */
    struct selv_bytes runs = selv_bytes(newest->digest, ETAG_LEN);
    bool is_known = (x->rq.has & SELV_COAP_HAS_ETAG) != 0 &&
                    accepts(x, SELV_COAP_OCTETS) &&
                    selv_coap_has_etag(&x->rq, runs);
    if (is_known) {
        valid_reply(x, runs, 60);
    } else {
        blob_reply(x, newest->envelope, selv_bytes(newest->envelope, ETAG_LEN),
                   60);
    }
}

/* The device that ?d= names, heard of now; otherwise the answer is made. */
static bool device_get(struct exchange *x, struct selv_device *device)
{
    uint8_t id[8];
    uint32_t place = UINT32_MAX;
    if (!id_get(x, id) ||
        !is_device(x, selv_records_device_find(&x->api->server->records, id,
                                               device))) {
        return false;
    }
    selv_contacts_note(&x->api->contacts, id, x->api->now_s, &place);
    return true;
}

/* POST /s?d= */
static void status_post(struct exchange *x)
{
    struct selv_coap_upload *u;
    struct selv_bytes body;
    struct selv_device device;
    struct selv_status report;
    const char *where;
    if (!device_get(x, &device) || !body_take(x, RESOURCE_S, &u, &body)) {
        return;
    }
    enum selv_err err = selv_status_decode(body, &report, &where);
    if (err) {
        malformed_reply(x, err, where);
        body_end(u);
        return;
    }
    enum selv_db_status status = selv_records_report_add(
        &x->api->server->records, &device, &report, body, selv_clock_wall_s());
    if (status == SELV_DB_OK) {
        char text[17];
        selv_name_encode(device.id, sizeof device.id, text);
        selv_log(SELV_LOG_INFO, "reported",
                 "id=%s state=%s sequence_number=%llu error=%lu", text,
                 selv_status_state_name(report.state),
                 (unsigned long long)report.sequence_number,
                 (unsigned long)report.error);
        body_reply(x, u, SELV_COAP_CHANGED, selv_bytes(NULL, 0));
    } else {
        db_reply(x, status);
    }
    body_end(u);
}

static const struct route {
    unsigned role;
    uint8_t method;
    const char *pattern;
    void (*answer)(struct exchange *x);
} routes[] = {
    {SELV_ROLE_FIRMWARE, SELV_COAP_GET, "i/*", image_get},
    {SELV_ROLE_TRACKER, SELV_COAP_POST, "reg", profile_post},
    {SELV_ROLE_TRACKER, SELV_COAP_GET, "m", manifest_get},
    {SELV_ROLE_TRACKER, SELV_COAP_POST, "s", status_post},
};

static const struct {
    unsigned role;
    struct selv_coap_resource resource;
} links[] = {
    {SELV_ROLE_TRACKER, {"reg", "selvage.reg", NULL, SELV_COAP_CBOR, false}},
    {SELV_ROLE_TRACKER, {"m", "selvage.m", NULL, SELV_COAP_OCTETS, true}},
    {SELV_ROLE_FIRMWARE, {"i", "selvage.i", NULL, SELV_COAP_OCTETS, false}},
    {SELV_ROLE_TRACKER, {"s", "selvage.s", NULL, SELV_COAP_CBOR, false}},
};

static void core_answer(struct exchange *x)
{
    struct selv_coap_resource table[sizeof links / sizeof links[0]];
    size_t count = 0;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        if ((x->api->server->roles & links[i].role) != 0) {
            table[count++] = links[i].resource;
        }
    }
    if (selv_coap_reply_core(x->engine, &x->rq, table, count, SELV_COAP_SZX_MAX,
                             &x->out)) {
        code_reply(x, SELV_COAP_SERVER_ERROR, NULL);
    }
}

static void request_answer(struct exchange *x)
{
    bool is_path = false;
    if (selv_coap_path_match(&x->rq, ".well-known/core", NULL)) {
        core_answer(x);
        return;
    }
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if ((x->api->server->roles & routes[i].role) == 0 ||
            !selv_coap_path_match(&x->rq, routes[i].pattern, &x->star)) {
            continue;
        }
        if (x->rq.code == routes[i].method) {
            routes[i].answer(x);
            return;
        }
        is_path = true;
    }
    if (is_path) {
        code_reply(x, SELV_COAP_NOT_ALLOWED,
                   "this resource has no such"
                   " method");
    } else {
        code_reply(x, SELV_COAP_NOT_FOUND,
                   "no such resource: see /.well-known/core");
    }
}

/* ---- the socket
 * ---------------------------------------------------------------------- */

/* A peer is address and port, and for IPv6 the interface that a link-local
 * address belongs to. */
static void peer_set(struct selv_coap_peer *peer,
                     const struct sockaddr_storage *sa)
{
    memset(peer, 0, sizeof *peer);
    if (sa->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        memcpy(peer->addr, &in.sin_addr, 4);
        memcpy(peer->addr + 4, &in.sin_port, 2);
        peer->len = 6;
    } else {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof in6);
        memcpy(peer->addr, &in6.sin6_addr, 16);
        memcpy(peer->addr + 16, &in6.sin6_port, 2);
        peer->addr[18] = (uint8_t)(in6.sin6_scope_id >> 8);
        peer->addr[19] = (uint8_t)in6.sin6_scope_id;
        peer->len = 20;
    }
}

static struct selv_net_address peer_get(const struct selv_coap_peer *peer)
{
    struct selv_net_address to;
    memset(&to, 0, sizeof to);
    if (peer->len == 6) {
        struct sockaddr_in in = {.sin_family = AF_INET};
        memcpy(&in.sin_addr, peer->addr, 4);
        memcpy(&in.sin_port, peer->addr + 4, 2);
        memcpy(&to.sa, &in, sizeof in);
        to.len = sizeof in;
    } else {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
        memcpy(&in6.sin6_addr, peer->addr, 16);
        memcpy(&in6.sin6_port, peer->addr + 16, 2);
        in6.sin6_scope_id = (uint32_t)peer->addr[18] << 8 | peer->addr[19];
        memcpy(&to.sa, &in6, sizeof in6);
        to.len = sizeof in6;
    }
    return to;
}

/* An answer that is longer than may go to an address unknown becomes a
 * challenge. What is kept for duplicates is never that long. */
static void reply_guard(struct exchange *x, size_t request_len)
{
    bool begins = x->newest != NULL && x->rq.block2.num == 0;
    if (x->out.len > 0 &&
        !selv_reflect_allows(&x->api->reflect, x->now_ms, &x->peer, &x->rq,
                             request_len, x->out.len + x->tail.len,
                             begins ? SELV_REFLECT_BEGIN
                                    : SELV_REFLECT_GO_ON)) {
        selv_coap_echo_challenge(&x->api->reflect.echo, x->engine, x->now_ms,
                                 &x->peer, &x->rq, &x->out);
        x->tail = selv_bytes(NULL, 0);
    }
}

/* A GET is answered from what there is, so a copy of it is executed again,
 * and nothing is remembered of whoever sent it. */
static struct selv_coap_server *engine_of(struct selv_coap_api *api,
                                          struct selv_bytes datagram)
{
    bool is_get = datagram.len > 1 && datagram.p[1] == SELV_COAP_GET;
    return is_get ? &api->reads : &api->writes;
}

static void datagram_take(struct selv_coap_api *api, unsigned i)
{
    struct selv_bytes datagram;
    const struct selv_net_address *from;
    struct exchange x;
    if (!selv_udp_get(api->udp, i, &datagram, &from)) {
        return;
    }
    memset(&x, 0, sizeof x);
    x.api = api;
    x.engine = engine_of(api, datagram);
    x.now_ms = api->now_ms;
    x.out = selv_udp_out(api->udp);
    x.szx_max = SELV_COAP_SZX_MAX;
    peer_set(&x.peer, &from->sa);
    if (selv_coap_observe_feed(&api->observers.list, x.now_ms, &x.peer,
                               datagram)) {
        return;
    }
    switch (selv_coap_server_feed(x.engine, x.now_ms, &x.peer, datagram, &x.rq,
                                  &x.out)) {
    case SELV_COAP_REQUEST:
        request_answer(&x);
        reply_guard(&x, datagram.len);
        break;
    case SELV_COAP_REPLY:
    case SELV_COAP_DROP:
    default:
        break;
    }
    if (x.out.len > 0) {
        selv_udp_put(api->udp, i, &x.out, x.tail);
    }
}

/* ---- peers over TCP
 * ------------------------------------------------------------------- */

static void stream_request(void *user, const struct selv_coap_peer *peer,
                           struct selv_bytes datagram, uint8_t szx_max,
                           uint16_t bert_len, struct selv_tcp_answer *answer)
{
    struct selv_coap_api *api = user;
    struct exchange x = {.api = api,
                         .engine = &api->streams,
                         .now_ms = api->now_ms,
                         .peer = *peer,
                         .out = answer->head,
                         .is_stream = true,
                         .szx_max = szx_max,
                         .bert_len = bert_len};
    if (selv_coap_server_feed(x.engine, x.now_ms, peer, datagram, &x.rq,
                              &x.out) == SELV_COAP_REQUEST) {
        request_answer(&x);
    }
    answer->head.len = x.out.len;
    answer->tail = x.tail;
    answer->tail_offset = x.tail_offset;
    if (x.tail.len > 0) {
        memcpy(answer->blob, x.blob, sizeof answer->blob);
    }
}

static bool stream_blob(void *user,
                        const uint8_t digest[static SELV_TCP_DIGEST_LEN],
                        struct selv_bytes *bytes)
{
    struct selv_coap_api *api = user;
    return selv_maps_get(&api->maps, digest, api->now_ms, bytes);
}

static void stream_torn(void *user)
{
    struct selv_coap_api *api = user;
    selv_log(SELV_LOG_ERROR, "disk",
             "an image became shorter while it was served");
    selv_maps_doubt(&api->maps);
}

static void stream_gone(void *user, const struct selv_coap_peer *peer)
{
    struct selv_coap_api *api = user;
    selv_coap_observe_drop_peer(&api->observers.list, peer);
    for (size_t i = 0; i < SELV_COAP_API_UPLOADS_MAX; i++) {
        struct selv_coap_upload *u = &api->uploads[i];
        if (u->peer.len == peer->len &&
            memcmp(u->peer.addr, peer->addr, peer->len) == 0) {
            selv_coap_upload_end(u);
        }
    }
}

/* ---- observers
 * -------------------------------------------------------------------- */

/* Who has not taken yet what was sent before is told later, of what is newest
 * then. */
static void stream_notify(struct selv_coap_api *api,
                          struct selv_coap_observer *observer,
                          const struct selv_coap_peer *peer,
                          const struct selv_buf *out, struct selv_bytes tail,
                          const uint8_t *blob)
{
    struct selv_tcp_answer notification = {.head = *out, .tail = tail};
    if (tail.len > 0) {
        memcpy(notification.blob, blob, sizeof notification.blob);
    }
    if (!selv_tcp_tell(api->tcp, api->now_ms, peer, &notification)) {
        selv_coap_observe_changed(&api->observers.list, api->now_ms, 0,
                                  observer, TELL_AGAIN_MS);
    }
}

/* The newest manifest, as it is now. An observer that cannot be told is
 * dropped with an error, and asks again. */
static void notify(struct selv_coap_api *api,
                   struct selv_coap_observer *observer)
{
    const struct selv_newest *newest;
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    struct selv_bytes file;
    struct selv_bytes tail = {NULL, 0};
    struct selv_coap_observe *list = &api->observers.list;
    struct selv_coap_peer peer = observer->peer;
    bool is_stream = api->tcp != NULL && selv_tcp_is_peer(&peer);
    struct selv_buf out =
        is_stream ? selv_tcp_out(api->tcp) : selv_udp_out(api->udp);
    const uint8_t *blob = NULL;
    enum selv_db_status status = selv_polls_newest(
        &api->polls, selv_observers_id(&api->observers, observer), -1, &newest);
    if (status == SELV_DB_ROW && newest->has_release &&
        selv_maps_get(&api->maps, newest->envelope, api->now_ms, &file)) {
        selv_coap_observe_slice(observer, (uint32_t)file.len, SELV_COAP_SZX_MAX,
                                &slice);
        selv_coap_observe_begin(list, observer, SELV_COAP_CONTENT, &out, &w);
        selv_coap_write_slice(&w, &slice,
                              selv_bytes(newest->envelope, ETAG_LEN),
                              SELV_COAP_OCTETS, 60);
        if (selv_coap_write_reserve(&w, slice.len) != NULL) {
            tail = selv_bytes(file.p, slice.len);
            blob = newest->envelope;
        }
    } else {
        uint8_t code = status == SELV_DB_OK ? SELV_COAP_UNAUTHORIZED
                                            : SELV_COAP_SERVER_ERROR;
        selv_coap_observe_begin(list, observer, code, &out, &w);
    }
    if (selv_coap_observe_end(list, api->now_ms, observer, &w, &out)) {
        selv_coap_observe_drop(observer);
        return;
    }
    out.len -= tail.len;
    if (is_stream) {
        stream_notify(api, observer, &peer, &out, tail, blob);
    } else {
        struct selv_net_address to = peer_get(&peer);
        selv_udp_put_to(api->udp, &to, &out, tail);
    }
}

/* Whether a release was published that somebody waits for. */
static void observers_look(struct selv_coap_api *api)
{
    if (!api->is_changed) {
        return;
    }
    enum selv_db_status status = selv_observers_look(
        &api->observers, api->now_ms, &api->server->records);
    api->is_changed = status != SELV_DB_OK;
    if (api->is_changed) {
        selv_log(SELV_LOG_ERROR, "database", "%s", selv_records_error());
    }
}

static void observers_serve(struct selv_coap_api *api)
{
    struct selv_coap_observer *observer;
    enum selv_coap_observe_action action = SELV_COAP_OBSERVE_NOTIFY;
    observers_look(api);
    api->notify_ms = api->now_ms; /* when there are more than NOTIFIED */
    for (unsigned i = 0; i < NOTIFIED && action != SELV_COAP_OBSERVE_WAIT;
         i++) {
        action = selv_coap_observe_poll(&api->observers.list, api->now_ms,
                                        &api->notify_ms, &observer);
        if (action == SELV_COAP_OBSERVE_NOTIFY) {
            notify(api, observer);
        } else if (action == SELV_COAP_OBSERVE_GONE) {
            selv_log(SELV_LOG_DEBUG, "coap", "an observer is gone");
        }
    }
    if (api->is_changed && api->notify_ms > api->now_ms + LOOK_AGAIN_MS) {
        api->notify_ms = api->now_ms + LOOK_AGAIN_MS;
    }
}

void selv_coap_api_changed(struct selv_coap_api *api)
{
    api->is_changed = true;
    api->notify_ms = 0;
}

/* ---- the loop
 * --------------------------------------------------------------------- */

static int64_t wait_ms(void *user)
{
    const struct selv_coap_api *api = user;
    if (api->notify_ms == UINT64_MAX) {
        return -1;
    }
    uint64_t now_ms = selv_clock_monotonic_ms();
    return api->notify_ms > now_ms ? (int64_t)(api->notify_ms - now_ms) : 0;
}

static void turn_begin(struct selv_coap_api *api)
{
    api->now_ms = selv_clock_monotonic_ms();
    api->now_s = selv_clock_wall_s();
}

/* Sends the answers, and notifications that are due. */
static void turn_end(struct selv_coap_api *api)
{
    unsigned lost = selv_udp_send(api->udp);
    observers_serve(api);
    lost += selv_udp_send(api->udp);
    if (lost > 0) {
        selv_log(SELV_LOG_DEBUG, "coap", "%u datagrams were not sent", lost);
    }
    selv_maps_turn(&api->maps);
}

static void batch_serve(struct selv_coap_api *api, unsigned count)
{
    turn_begin(api);
    for (unsigned i = 0; i < count; i++) {
        datagram_take(api, i);
    }
    turn_end(api);
}

static void on_ready(void *user)
{
    struct selv_coap_api *api = user;
    unsigned count = SELV_UDP_BATCH;
    for (unsigned n = 0; n < BURST && count == SELV_UDP_BATCH; n++) {
        count = selv_udp_receive(api->udp);
        batch_serve(api, count);
    }
}

static void on_stream(void *user)
{
    struct selv_coap_api *api = user;
    turn_begin(api);
    selv_tcp_serve(api->tcp, api->now_ms);
    turn_end(api);
}

static int64_t stream_wait_ms(void *user)
{
    const struct selv_coap_api *api = user;
    return selv_tcp_wait_ms(api->tcp, selv_clock_monotonic_ms());
}

/* A file was cut short under its map, so this block of it could not be sent:
 * the answer becomes 5.00, without options. */
static void on_torn(void *user, struct selv_buf *head)
{
    struct selv_coap_api *api = user;
    selv_log(SELV_LOG_ERROR, "disk",
             "an image became shorter while it was served");
    selv_maps_doubt(&api->maps);
    head->p[1] = SELV_COAP_SERVER_ERROR;
    head->len = 4u + (head->p[0] & 15u);
}

static bool engines_init(struct selv_coap_api *api)
{
    uint8_t random[16 + SELV_SIPHASH_KEY_LEN];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return false;
    }
    selv_coap_server_init(&api->reads, NULL, 0, random);
    selv_coap_server_init(&api->writes, api->seen, SELV_COAP_API_SEEN_MAX,
                          random + 8);
    selv_coap_server_init(&api->streams, NULL, 0, random);
    selv_coap_server_stream(&api->streams);
    selv_observers_init(&api->observers, &api->reads);
    api->notify_ms = UINT64_MAX;
    selv_reflect_init(&api->reflect, random + 16, api->server->reflect_rate,
                      api->server->reflects_loopback);
    for (size_t i = 0; i < SELV_COAP_API_UPLOADS_MAX; i++) {
        struct selv_buf body = {api->bodies[i], SELV_COAP_API_BODY_MAX, 0};
        selv_coap_upload_init(&api->uploads[i], body);
    }
    return true;
}

bool selv_coap_api_open(struct selv_coap_api *api, struct selv_server *server,
                        int fd, int wake_fd)
{
    memset(api, 0, sizeof *api);
    api->udp = selv_udp_open(fd, on_torn, api);
    if (api->udp == NULL) {
        close(fd);
        return false;
    }
    api->server = server;
    selv_maps_init(&api->maps, &server->blobs);
    api->source.fd = fd;
    api->source.on_ready = on_ready;
    api->source.wait_ms = wait_ms;
    api->source.user = api;
    return engines_init(api) && selv_contacts_init(&api->contacts, wake_fd) &&
           selv_polls_init(&api->polls, &server->records, &api->contacts);
}

bool selv_coap_api_listen(struct selv_coap_api *api, int fd, uint32_t places)
{
    const struct selv_tcp_hooks hooks = {.user = api,
                                         .request = stream_request,
                                         .blob = stream_blob,
                                         .torn = stream_torn,
                                         .gone = stream_gone};
    api->tcp = selv_tcp_open(fd, places, &hooks);
    if (api->tcp == NULL) {
        return false;
    }
    api->stream_source.fd = selv_tcp_fd(api->tcp);
    api->stream_source.on_ready = on_stream;
    api->stream_source.wait_ms = stream_wait_ms;
    api->stream_source.user = api;
    return true;
}

void selv_coap_api_close(struct selv_coap_api *api)
{
    selv_tcp_close(api->tcp);
    api->tcp = NULL;
    selv_udp_close(api->udp);
    selv_maps_close(&api->maps);
    selv_polls_close(&api->polls);
    selv_contacts_close(&api->contacts);
    api->udp = NULL;
}
