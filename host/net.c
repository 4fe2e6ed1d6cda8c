/* SPDX-License-Identifier: Apache-2.0
 *
 * net.c - see host/net.h. */
#include "host/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BACKLOG 64

/* "HOST:PORT" cut in two; host loses its brackets. */
static bool text_split(const char *text, char host[static 64],
                       char port[static 8])
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text) {
        return false;
    }
    size_t host_len = (size_t)(colon - text);
    size_t port_len = strlen(colon + 1);
    bool has_brackets = text[0] == '[' && colon[-1] == ']';
    if (has_brackets) {
        text++;
        host_len -= 2;
    }
    if (host_len == 0 || host_len >= 64 || port_len == 0 || port_len > 5 ||
        (memchr(text, ':', host_len) != NULL) != has_brackets ||
        strspn(colon + 1, "0123456789") != port_len ||
        strtoul(colon + 1, NULL, 10) > 65535) {
        return false;
    }
    memcpy(host, text, host_len);
    host[host_len] = 0;
    memcpy(port, colon + 1, port_len + 1);
    return true;
}

bool selv_net_parse(const char *text, struct selv_net_address *address)
{
    char host[64];
    char port[8];
    if (!text_split(text, host, port)) {
        return false;
    }
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *name = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (getaddrinfo(name, port, &hints, &found) != 0) {
        return false;
    }
    memset(address, 0, sizeof *address);
    memcpy(&address->sa, found->ai_addr, found->ai_addrlen);
    address->len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

bool selv_net_is_loopback(const struct selv_net_address *address)
{
    if (address->sa.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &address->sa, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, &address->sa, sizeof in6);
    return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

static bool socket_bind(int fd, struct selv_net_address *address, int type)
{
    int one = 1;
    if (address->sa.ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0) {
        return false;
    }
    /* A port whose last connections are still winding down may be taken
     * again at once; one that another process listens on may not. */
    if (type == SOCK_STREAM &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0) {
        return false;
    }
    struct sockaddr *sa = (struct sockaddr *)&address->sa;
    if (bind(fd, sa, address->len) < 0 ||
        (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)) {
        return false;
    }
    socklen_t len = sizeof address->sa;
    return getsockname(fd, sa, &len) == 0;
}

int selv_net_bind(struct selv_net_address *address, int type)
{
    int fd =
        socket(address->sa.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !socket_bind(fd, address, type)) {
        int err = errno;
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

/* Bytes of the system's queue for a socket: bursts that are longer than the
 * default holds. The system may grant less. */
#define QUEUE_BYTES (4 * 1024 * 1024)

static void queue_ask(int fd)
{
    int bytes = QUEUE_BYTES;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

/* One more socket on the port that is bound already; -1 when not. */
static int shared_bind(const struct selv_net_address *address)
{
    int one = 1;
    struct selv_net_address same = *address;
    int fd =
        socket(same.sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 &&
        (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0 ||
         !socket_bind(fd, &same, SOCK_DGRAM))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The first is bound without leave to share, so that it is refused where
 * somebody else sits; it gives leave afterwards. */
size_t selv_net_bind_shared(struct selv_net_address *address, int *fds,
                            size_t count)
{
    int one = 1;
    size_t made = 0;
    int fd = selv_net_bind(address, SOCK_DGRAM);
    bool is_shared =
        count > 1 && fd >= 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0;
    while (fd >= 0) {
        queue_ask(fd);
        fds[made++] = fd;
        fd = is_shared && made < count ? shared_bind(address) : -1;
    }
    return made;
}

void selv_net_text(const struct selv_net_address *address,
                   char text[static SELV_NET_TEXT_LEN])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (address->sa.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &address->sa, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
        snprintf(text, SELV_NET_TEXT_LEN, "%s:%u", host,
                 (unsigned)ntohs(in.sin_port));
    } else {
        struct sockaddr_in6 in6;
        memcpy(&in6, &address->sa, sizeof in6);
        inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof host);
        snprintf(text, SELV_NET_TEXT_LEN, "[%s]:%u", host,
                 (unsigned)ntohs(in6.sin6_port));
    }
}
