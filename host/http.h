/* SPDX-License-Identifier: Apache-2.0
 *
 * host/http.h - an HTTP/1.1 server on libmicrohttpd, driven by our own loop.
 *
 * Calls: selv_http_open; hand selv_http_source to the loop; selv_http_close.
 * For each request the application hears
 *   1 on_head: answer with selv_http_reply_*, or set rq->wants_body
 *   2 on_body, for each piece of a wanted body, in order
 *   3 on_end, after a wanted body: answer
 *   4 on_gone, always, once: release rq->user. An upload that the client gave
 *     up comes here without on_end.
 * A body needs a Content-Length; it is handed on in pieces and never held.
 * An answer given in on_head comes after the rest of a short body was read
 * and dropped; over a long one the connection is closed instead.
 * Limits: SELV_HTTP_CONNECTIONS_MAX connections of 32 KiB each, 30 s of
 * silence. */
#ifndef SELV_HOST_HTTP_H
#define SELV_HOST_HTTP_H

#include "base/base.h"
#include "host/loop.h"

#define SELV_HTTP_CONNECTIONS_MAX 64u

struct selv_http_request {
    const char *method;
    const char *path; /* percent-decoded, without the query */
    bool is_chunked;  /* Transfer-Encoding: length not known beforehand */
    bool has_length;
    uint64_t length; /* bytes of the body */
    bool wants_body; /* set by on_head */
    void *user;      /* the application's */
    /* private */
    void *connection;
    void *response;
    unsigned status;
    bool is_queued;
};

struct selv_http_app {
    void (*on_head)(void *app, struct selv_http_request *rq);
    void (*on_body)(void *app, struct selv_http_request *rq,
                    struct selv_bytes piece);
    void (*on_end)(void *app, struct selv_http_request *rq);
    void (*on_gone)(void *app, struct selv_http_request *rq);
    void *user;
};

struct selv_http {
    const struct selv_http_app *app;
    void *daemon;
    bool was_full; /* the limit was reached; see http.c */
    struct selv_loop_source source;
};

/* listen_fd: bound and listening; taken over in any case. False when the
 * library does not start. */
SELV_MUST_CHECK bool selv_http_open(struct selv_http *http, int listen_fd,
                                    const struct selv_http_app *app);
const struct selv_loop_source *selv_http_source(const struct selv_http *http);
void selv_http_close(struct selv_http *http);

/* The value of a header or of a query parameter; NULL when there is none. */
const char *selv_http_header(const struct selv_http_request *rq,
                             const char *name);
const char *selv_http_query(const struct selv_http_request *rq,
                            const char *name);

/* Answer with a copy of body. type: media type. */
void selv_http_reply(struct selv_http_request *rq, unsigned status,
                     const char *type, struct selv_bytes body);
/* Answer with len bytes of a file from offset on. fd is taken over. */
void selv_http_reply_file(struct selv_http_request *rq, unsigned status,
                          const char *type, int fd, uint64_t offset,
                          uint64_t len);
/* Add a header to the answer given. */
void selv_http_reply_header(struct selv_http_request *rq, const char *name,
                            const char *value);

#endif
