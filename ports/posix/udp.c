/* SPDX-License-Identifier: Apache-2.0
 *
 * A UDP socket connected to one server, so that the kernel drops what others
 * send, and tells when nobody listens there. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coap/coap.h"
#include "posix/posix.h"

#define WAIT_MAX_MS 3600000u

static bool parse(const char *text, struct selv_coap_uri *uri,
                  struct selv_posix_why *why)
{
    if (selv_coap_uri_parse(selv_bytes(text, strlen(text)), uri) != SELV_OK ||
        uri->path.len > 0 || uri->query.len > 0 || uri->host.len > 250) {
        snprintf(why->text, sizeof why->text,
                 "'%.120s' is not a server's address, such as "
                 "coap://127.0.0.1:5683",
                 text);
        return false;
    }
    if (uri->is_secure) {
        snprintf(why->text, sizeof why->text,
                 "'%.120s': coaps is not there yet, use coap", text);
        return false;
    }
    return true;
}

/* The authority exactly as it was written, for comparing with URIs. */
static void keep_names(struct selv_posix_udp *u, const char *text,
                       const struct selv_coap_uri *uri)
{
    const char *start = strstr(text, "://") + 3;
    int len = (int)strcspn(start, "/?");
    bool is_number = uri->is_literal;

    snprintf(u->authority, sizeof u->authority, "%.*s", len, start);
    if (!is_number) {
        size_t i = 0;
        while (i < uri->host.len &&
               ((uri->host.p[i] >= '0' && uri->host.p[i] <= '9') ||
                uri->host.p[i] == '.')) {
            i++;
        }
        is_number = i == uri->host.len;
    }
    if (!is_number) {
        snprintf(u->host, sizeof u->host, "%.*s", (int)uri->host.len,
                 (const char *)uri->host.p);
    }
}

/* The first address of this round that lets itself be connected to; it need not
 * answer. -1: none, errno, or 0 when none is known. */
static int connect_any(struct selv_posix_addresses *names)
{
    for (;;) {
        const struct selv_posix_address *at = selv_posix_addresses_take(names);
        int fd, err;

        if (at == NULL) {
            errno = 0;
            return -1;
        }
        fd = socket(at->to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 &&
            connect(fd, (const struct sockaddr *)&at->to, at->len) == 0) {
            return fd;
        }
        err = errno;
        if (fd >= 0) {
            close(fd);
        }
        errno = err;
        if (!selv_posix_addresses_skip(names)) {
            return -1;
        }
    }
}

static bool open_any(struct selv_posix_udp *u, struct selv_posix_why *why)
{
    u->is_refused = false;
    u->fd = connect_any(&u->names);
    if (u->fd < 0) {
        snprintf(why->text, sizeof why->text, "%.120s: %s", u->authority,
                 errno != 0 ? strerror(errno)
                            : selv_posix_addresses_why(&u->names));
    }
    return u->fd >= 0;
}

bool selv_posix_udp_check(const char *text, struct selv_posix_why *why)
{
    struct selv_coap_uri uri;

    return parse(text, &uri, why);
}

bool selv_posix_udp_open(struct selv_posix_udp *u, const char *text,
                         struct selv_posix_why *why)
{
    struct selv_coap_uri uri;

    memset(u, 0, sizeof *u);
    u->fd = -1;
    if (!parse(text, &uri, why)) {
        return false;
    }
    keep_names(u, text, &uri);
    selv_posix_addresses_init(&u->names, uri.host, uri.port, SOCK_DGRAM);
    return open_any(u, why);
}

bool selv_posix_udp_open_next(struct selv_posix_udp *u,
                              struct selv_posix_why *why)
{
    selv_posix_udp_close(u);
    (void)selv_posix_addresses_skip(&u->names);
    return open_any(u, why);
}

void selv_posix_udp_send(struct selv_posix_udp *u, struct selv_bytes datagram)
{
    if (send(u->fd, datagram.p, datagram.len, 0) < 0 && errno == ECONNREFUSED) {
        /* Told of an earlier datagram; this one has not left. */
        u->is_refused = true;
        (void)!send(u->fd, datagram.p, datagram.len, 0);
    }
}

size_t selv_posix_udp_receive(struct selv_posix_udp *u, uint64_t until_ms,
                              uint8_t *p, size_t cap)
{
    struct pollfd wait = {.fd = u->fd, .events = POLLIN};
    uint64_t now_ms = selv_posix_now_ms();
    uint64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    ssize_t n;

    if (left_ms > WAIT_MAX_MS) {
        left_ms = WAIT_MAX_MS;
    }
    if (poll(&wait, 1, (int)left_ms) <= 0) {
        return 0;
    }
    n = recv(u->fd, p, cap, MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0) {
        u->is_refused = u->is_refused || errno == ECONNREFUSED;
        return 0;
    }
    u->is_refused = false;
    selv_posix_addresses_good(&u->names);
    /* A truncated datagram is of no use; its length says so. */
    return (size_t)n <= cap ? (size_t)n : 0;
}

void selv_posix_udp_close(struct selv_posix_udp *u)
{
    if (u->fd >= 0) {
        close(u->fd);
        u->fd = -1;
    }
}
