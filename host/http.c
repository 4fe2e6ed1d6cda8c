/* SPDX-License-Identifier: Apache-2.0
 *
 * http.c - see host/http.h. */
#include "host/http.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "host/log.h"

#define CONNECTION_BYTES (32u * 1024u)
#define SILENCE_S 30u
/* Longest refused body that is read to its end, so that the client sees the
 * answer instead of a reset connection. */
#define DRAIN_MAX (1024u * 1024u)

const char *selv_http_header(const struct selv_http_request *rq,
                             const char *name)
{
    return MHD_lookup_connection_value(rq->connection, MHD_HEADER_KIND, name);
}

const char *selv_http_query(const struct selv_http_request *rq,
                            const char *name)
{
    return MHD_lookup_connection_value(rq->connection, MHD_GET_ARGUMENT_KIND,
                                       name);
}

/* ---- answering ---------------------------------------------------------- */

static void response_set(struct selv_http_request *rq, unsigned status,
                         const char *type, struct MHD_Response *response)
{
    if (response == NULL) {
        return;
    }
    if (rq->response != NULL) {
        MHD_destroy_response(rq->response);
    }
    rq->response = response;
    rq->status = status;
    selv_http_reply_header(rq, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    selv_http_reply_header(rq, "X-Content-Type-Options", "nosniff");
}

void selv_http_reply(struct selv_http_request *rq, unsigned status,
                     const char *type, struct selv_bytes body)
{
    void *copy = malloc(body.len > 0 ? body.len : 1);
    if (copy == NULL) {
        return;
    }
    if (body.len > 0) {
        memcpy(copy, body.p, body.len);
    }
    response_set(
        rq, status, type,
        MHD_create_response_from_buffer(body.len, copy, MHD_RESPMEM_MUST_FREE));
}

void selv_http_reply_file(struct selv_http_request *rq, unsigned status,
                          const char *type, int fd, uint64_t offset,
                          uint64_t len)
{
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(len, fd, offset);
    if (response == NULL) {
        close(fd);
    }
    response_set(rq, status, type, response);
}

void selv_http_reply_header(struct selv_http_request *rq, const char *name,
                            const char *value)
{
    if (rq->response != NULL &&
        MHD_add_response_header(rq->response, name, value) != MHD_YES) {
        selv_log(SELV_LOG_WARN, "http", "header %s was not taken", name);
    }
}

/* Hands the answer to the library, or drops the connection when there is no
 * memory for one. */
static enum MHD_Result response_queue(struct selv_http_request *rq)
{
    if (rq->response == NULL) {
        return MHD_NO;
    }
    rq->is_queued = true;
    return MHD_queue_response(rq->connection, rq->status, rq->response);
}

/* ---- a request ---------------------------------------------------------- */

static struct selv_http_request *request_make(struct MHD_Connection *connection,
                                              const char *method,
                                              const char *path)
{
    struct selv_http_request *rq = calloc(1, sizeof *rq);
    if (rq == NULL) {
        return NULL;
    }
    rq->connection = connection;
    rq->method = method;
    rq->path = path;
    rq->is_chunked =
        selv_http_header(rq, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
    const char *length = selv_http_header(rq, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length != NULL && !rq->is_chunked) {
        /* The library has refused what is no number already. */
        rq->length = strtoull(length, NULL, 10);
        rq->has_length = true;
    }
    return rq;
}

static bool answers_at_once(const struct selv_http_request *rq)
{
    return rq->response != NULL &&
           (rq->is_chunked || rq->length > DRAIN_MAX ||
            selv_http_header(rq, MHD_HTTP_HEADER_EXPECT) != NULL);
}

static enum MHD_Result on_access(void *user, struct MHD_Connection *connection,
                                 const char *path, const char *method,
                                 const char *version, const char *piece,
                                 size_t *piece_len, void **state)
{
    const struct selv_http *http = user;
    const struct selv_http_app *app = http->app;
    struct selv_http_request *rq = *state;
    (void)version;
    if (rq == NULL) {
        rq = request_make(connection, method, path);
        if (rq == NULL) {
            return MHD_NO;
        }
        *state = rq;
        app->on_head(app->user, rq);
        return answers_at_once(rq) ? response_queue(rq) : MHD_YES;
    }
    if (*piece_len > 0) {
        if (rq->response == NULL && rq->wants_body) {
            app->on_body(app->user, rq, selv_bytes(piece, *piece_len));
        }
        *piece_len = 0;
        return MHD_YES;
    }
    if (rq->is_queued) {
        return MHD_YES;
    }
    if (rq->response == NULL) {
        app->on_end(app->user, rq);
    }
    return response_queue(rq);
}

static void on_completed(void *user, struct MHD_Connection *connection,
                         void **state, enum MHD_RequestTerminationCode how)
{
    const struct selv_http *http = user;
    struct selv_http_request *rq = *state;
    (void)connection;
    if (rq == NULL) {
        return;
    }
    bool is_read =
        strcmp(rq->method, "GET") == 0 || strcmp(rq->method, "HEAD") == 0;
    bool is_well = rq->status >= 200 && rq->status < 400;
    selv_log(is_read && is_well ? SELV_LOG_DEBUG : SELV_LOG_INFO, "http",
             "method=%s path=%s status=%u%s", rq->method, rq->path, rq->status,
             how == MHD_REQUEST_TERMINATED_COMPLETED_OK ? "" : " cut=1");
    http->app->on_gone(http->app->user, rq);
    if (rq->response != NULL) {
        MHD_destroy_response(rq->response);
    }
    free(rq);
    *state = NULL;
}

/* ---- the loop ------------------------------------------------------------ */

/* At the limit the library stops watching the listening socket, and watches
 * it again in the first run that begins below the limit. The closing of the
 * last connection is no event that would bring such a run about, so we do. */
static bool is_full(const struct selv_http *http)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info != NULL && info->num_connections >= SELV_HTTP_CONNECTIONS_MAX;
}

static void on_ready(void *user)
{
    struct selv_http *http = user;
    bool begins_full = is_full(http);
    if (MHD_run(http->daemon) != MHD_YES) {
        selv_log(SELV_LOG_ERROR, "http", "the HTTP library failed to run");
    }
    http->was_full = is_full(http) || (http->was_full && begins_full);
}

static int64_t wait_ms(void *user)
{
    struct selv_http *http = user;
    MHD_UNSIGNED_LONG_LONG ms;
    if (http->was_full && !is_full(http)) {
        return 0;
    }
    return MHD_get_timeout(http->daemon, &ms) == MHD_YES ? (int64_t)ms : -1;
}

bool selv_http_open(struct selv_http *http, int listen_fd,
                    const struct selv_http_app *app)
{
    memset(http, 0, sizeof *http);
    http->app = app;
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_access, http, MHD_OPTION_LISTEN_SOCKET,
        listen_fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
        MHD_OPTION_CONNECTION_LIMIT, SELV_HTTP_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (http->daemon == NULL) {
        close(listen_fd);
        return false;
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        return false;
    }
    http->source.fd = info->epoll_fd;
    http->source.on_ready = on_ready;
    http->source.wait_ms = wait_ms;
    http->source.user = http;
    return true;
}

const struct selv_loop_source *selv_http_source(const struct selv_http *http)
{
    return &http->source;
}

void selv_http_close(struct selv_http *http)
{
    if (http->daemon != NULL) {
        MHD_stop_daemon(http->daemon);
    }
    http->daemon = NULL;
}
