/* SPDX-License-Identifier: Apache-2.0
 *
 * udp.c - see host/udp.h. */
#define _GNU_SOURCE /* recvmmsg, sendmmsg, in_pktinfo */
#include "host/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH SELV_UDP_BATCH

/* Room for the address of ours, either family's. */
union control {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct selv_udp {
    int fd;
    bool has_local; /* bound to all addresses: the system says to which */
    void (*on_torn)(void *user, struct selv_buf *head);
    void *user;
    unsigned in_count;
    unsigned out_count;
    struct mmsghdr in[BATCH];
    struct mmsghdr out[BATCH];
    struct iovec in_iov[BATCH];
    struct iovec out_iov[BATCH][2]; /* head and tail */
    struct selv_net_address from[BATCH];
    struct selv_net_address to[BATCH]; /* of those that answer nobody */
    struct selv_net_local local[BATCH];
    union control in_control[BATCH];
    union control out_control[BATCH];
    uint8_t in_bytes[BATCH][SELV_UDP_IN_MAX];
    uint8_t out_bytes[BATCH][SELV_UDP_OUT_MAX];
};

/* Asks to be told to which address of ours each datagram comes, where it may
 * be several. */
static bool local_ask(int fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    int one = 1;
    memset(&sa, 0, sizeof sa);
    if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
        return false;
    }
    if (sa.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &sa, sizeof in);
        return in.sin_addr.s_addr == htonl(INADDR_ANY) &&
               setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one) == 0;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, &sa, sizeof in6);
    return sa.ss_family == AF_INET6 &&
           IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr) &&
           setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one) ==
               0;
}

struct selv_udp *
selv_udp_open(int fd, void (*on_torn)(void *user, struct selv_buf *head),
              void *user)
{
    struct selv_udp *udp = calloc(1, sizeof *udp);
    if (udp == NULL) {
        return NULL;
    }
    udp->fd = fd;
    udp->on_torn = on_torn;
    udp->user = user;
    udp->has_local = local_ask(fd);
    for (size_t i = 0; i < BATCH; i++) {
        udp->in_iov[i].iov_base = udp->in_bytes[i];
        udp->in_iov[i].iov_len = SELV_UDP_IN_MAX;
        udp->in[i].msg_hdr.msg_iov = &udp->in_iov[i];
        udp->in[i].msg_hdr.msg_iovlen = 1;
        udp->in[i].msg_hdr.msg_name = &udp->from[i].sa;
        udp->in[i].msg_hdr.msg_namelen = sizeof udp->from[i].sa;
        if (udp->has_local) {
            udp->in[i].msg_hdr.msg_control = &udp->in_control[i];
            udp->in[i].msg_hdr.msg_controllen = sizeof udp->in_control[i];
        }
        udp->out_iov[i][0].iov_base = udp->out_bytes[i];
        udp->out[i].msg_hdr.msg_iov = udp->out_iov[i];
    }
    return udp;
}

void selv_udp_close(struct selv_udp *udp)
{
    if (udp != NULL) {
        close(udp->fd);
        free(udp);
    }
}

int selv_udp_fd(const struct selv_udp *udp)
{
    return udp->fd;
}

/* ---- in ------------------------------------------------------------------ */

/* What the system has said of the address of ours. */
static void local_read(struct selv_udp *udp, unsigned i)
{
    struct msghdr *m = &udp->in[i].msg_hdr;
    struct selv_net_local *local = &udp->local[i];
    local->len = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
         c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(local->addr, &info.ipi_spec_dst, 4);
            local->len = 4;
        } else if (c->cmsg_level == IPPROTO_IPV6 &&
                   c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(local->addr, &info.ipi6_addr, 16);
            local->len = IN6_IS_ADDR_MULTICAST(&info.ipi6_addr) ? 0 : 16;
        }
    }
}

unsigned selv_udp_receive(struct selv_udp *udp)
{
    /* The system has written over the lengths of those used last time. */
    for (unsigned i = 0; i < udp->in_count; i++) {
        udp->in[i].msg_hdr.msg_namelen = sizeof udp->from[i].sa;
        if (udp->has_local) {
            udp->in[i].msg_hdr.msg_controllen = sizeof udp->in_control[i];
        }
    }
    int n = recvmmsg(udp->fd, udp->in, BATCH, MSG_DONTWAIT, NULL);
    udp->in_count = n > 0 ? (unsigned)n : 0;
    for (unsigned i = 0; i < udp->in_count; i++) {
        udp->from[i].len = udp->in[i].msg_hdr.msg_namelen;
        if (udp->has_local) {
            local_read(udp, i);
        }
    }
    return udp->in_count;
}

bool selv_udp_get(const struct selv_udp *udp, unsigned i,
                  struct selv_bytes *datagram,
                  const struct selv_net_address **from)
{
    SELV_ASSERT(i < udp->in_count);
    *datagram = selv_bytes(udp->in_bytes[i], udp->in[i].msg_len);
    *from = &udp->from[i];
    return (udp->in[i].msg_hdr.msg_flags & MSG_TRUNC) == 0;
}

const struct selv_net_local *selv_udp_local(const struct selv_udp *udp,
                                            unsigned i)
{
    SELV_ASSERT(i < udp->in_count);
    return &udp->local[i];
}

/* ---- out ----------------------------------------------------------------- */

struct selv_buf selv_udp_out(struct selv_udp *udp)
{
    if (udp->out_count == BATCH) {
        (void)selv_udp_send(udp);
    }
    struct selv_buf out = {udp->out_bytes[udp->out_count], SELV_UDP_OUT_MAX, 0};
    return out;
}

/* The datagram at `at` shall leave from this address of ours. */
static void local_write(struct selv_udp *udp, unsigned at,
                        const struct selv_net_local *local)
{
    struct msghdr *m = &udp->out[at].msg_hdr;
    bool is_six = local->len == 16;
    struct in_pktinfo four;
    struct in6_pktinfo six;
    m->msg_control = NULL;
    m->msg_controllen = 0;
    if (!udp->has_local || local->len == 0) {
        return;
    }
    memset(&four, 0, sizeof four);
    memset(&six, 0, sizeof six);
    memcpy(&four.ipi_spec_dst, local->addr, 4);
    memcpy(&six.ipi6_addr, local->addr, 16);
    size_t len = is_six ? sizeof six : sizeof four;
    m->msg_control = &udp->out_control[at];
    m->msg_controllen = CMSG_SPACE(len);
    memset(m->msg_control, 0, m->msg_controllen);
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    c->cmsg_level = is_six ? IPPROTO_IPV6 : IPPROTO_IP;
    c->cmsg_type = is_six ? IPV6_PKTINFO : IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), is_six ? (const void *)&six : (const void *)&four,
           len);
}

static void put(struct selv_udp *udp, const struct sockaddr_storage *sa,
                socklen_t sa_len, const struct selv_net_local *local,
                const struct selv_buf *head, struct selv_bytes tail)
{
    unsigned at = udp->out_count;
    SELV_ASSERT(at < BATCH && head->p == udp->out_bytes[at]);
    struct msghdr *m = &udp->out[at].msg_hdr;
    struct iovec *iov = udp->out_iov[at];
    iov[0].iov_len = head->len;
    /* iovec has no const form; sendmmsg only reads. */
    iov[1].iov_base = (void *)(uintptr_t)tail.p;
    iov[1].iov_len = tail.len;
    m->msg_iovlen = tail.len > 0 ? 2 : 1;
    m->msg_name = (void *)(uintptr_t)sa;
    m->msg_namelen = sa_len;
    local_write(udp, at, local);
    udp->out_count++;
}

void selv_udp_put(struct selv_udp *udp, unsigned i, const struct selv_buf *head,
                  struct selv_bytes tail)
{
    SELV_ASSERT(i < udp->in_count);
    put(udp, &udp->from[i].sa, udp->from[i].len, &udp->local[i], head, tail);
}

void selv_udp_put_to(struct selv_udp *udp, const struct selv_net_address *to,
                     const struct selv_net_local *local,
                     const struct selv_buf *head, struct selv_bytes tail)
{
    unsigned at = udp->out_count;
    SELV_ASSERT(at < BATCH);
    udp->to[at] = *to;
    put(udp, &udp->to[at].sa, to->len, local, head, tail);
}

/* The datagram at `at` could not be sent. True when it is worth another try:
 * without the tail that the system could not read. */
static bool is_mended(struct selv_udp *udp, unsigned at, int err)
{
    struct msghdr *m = &udp->out[at].msg_hdr;
    if (err != EFAULT || m->msg_iovlen < 2) {
        return false;
    }
    struct selv_buf head = {udp->out_bytes[at], SELV_UDP_OUT_MAX,
                            udp->out_iov[at][0].iov_len};
    if (udp->on_torn == NULL) {
        return false;
    }
    udp->on_torn(udp->user, &head);
    udp->out_iov[at][0].iov_len = head.len;
    m->msg_iovlen = 1;
    return head.len > 0;
}

unsigned selv_udp_send(struct selv_udp *udp)
{
    unsigned at = 0;
    unsigned lost = 0;
    while (at < udp->out_count) {
        int n =
            sendmmsg(udp->fd, udp->out + at, udp->out_count - at, MSG_DONTWAIT);
        if (n > 0) {
            at += (unsigned)n;
        } else if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
            lost += udp->out_count - at;
            break;
        } else if (n < 0 && errno != EINTR && !is_mended(udp, at, errno)) {
            lost++;
            at++;
        }
    }
    udp->out_count = 0;
    return lost;
}
