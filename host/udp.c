/* SPDX-License-Identifier: Apache-2.0
 *
 * udp.c - see host/udp.h. */
#define _GNU_SOURCE /* recvmmsg, sendmmsg */
#include "host/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH SELV_UDP_BATCH

struct selv_udp {
    int fd;
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
    uint8_t in_bytes[BATCH][SELV_UDP_IN_MAX];
    uint8_t out_bytes[BATCH][SELV_UDP_OUT_MAX];
};

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
    for (size_t i = 0; i < BATCH; i++) {
        udp->in_iov[i].iov_base = udp->in_bytes[i];
        udp->in_iov[i].iov_len = SELV_UDP_IN_MAX;
        udp->in[i].msg_hdr.msg_iov = &udp->in_iov[i];
        udp->in[i].msg_hdr.msg_iovlen = 1;
        udp->in[i].msg_hdr.msg_name = &udp->from[i].sa;
        udp->in[i].msg_hdr.msg_namelen = sizeof udp->from[i].sa;
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

/* ---- in --------------------------------------------------------------------
 */

unsigned selv_udp_receive(struct selv_udp *udp)
{
    /* The system has written over the lengths of those used last time. */
    for (unsigned i = 0; i < udp->in_count; i++) {
        udp->in[i].msg_hdr.msg_namelen = sizeof udp->from[i].sa;
    }
    int n = recvmmsg(udp->fd, udp->in, BATCH, MSG_DONTWAIT, NULL);
    udp->in_count = n > 0 ? (unsigned)n : 0;
    for (unsigned i = 0; i < udp->in_count; i++) {
        udp->from[i].len = udp->in[i].msg_hdr.msg_namelen;
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

/* ---- out -------------------------------------------------------------------
 */

struct selv_buf selv_udp_out(struct selv_udp *udp)
{
    if (udp->out_count == BATCH) {
        (void)selv_udp_send(udp);
    }
    struct selv_buf out = {udp->out_bytes[udp->out_count], SELV_UDP_OUT_MAX, 0};
    return out;
}

static void put(struct selv_udp *udp, const struct sockaddr_storage *sa,
                socklen_t sa_len, const struct selv_buf *head,
                struct selv_bytes tail)
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
    udp->out_count++;
}

void selv_udp_put(struct selv_udp *udp, unsigned i, const struct selv_buf *head,
                  struct selv_bytes tail)
{
    SELV_ASSERT(i < udp->in_count);
    put(udp, &udp->from[i].sa, udp->from[i].len, head, tail);
}

void selv_udp_put_to(struct selv_udp *udp, const struct selv_net_address *to,
                     const struct selv_buf *head, struct selv_bytes tail)
{
    unsigned at = udp->out_count;
    SELV_ASSERT(at < BATCH);
    udp->to[at] = *to;
    put(udp, &udp->to[at].sa, to->len, head, tail);
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
