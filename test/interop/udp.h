/* SPDX-License-Identifier: Apache-2.0
 *
 * For the interoperability programs: a UDP socket on loopback, a clock, random
 * bytes, whole files. What fails ends the program with exit code 3. */
#ifndef SELV_TEST_INTEROP_UDP_H
#define SELV_TEST_INTEROP_UDP_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "coap/coap.h"

#define DATAGRAM_MAX 1500u
#define FILE_MAX (1u << 20) /* longest body of these tests */

static inline void must(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(3);
    }
}

static inline uint64_t now_ms(void)
{
    struct timespec t;
    must(clock_gettime(CLOCK_MONOTONIC, &t) == 0, "clock");
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline void random_fill(uint8_t random[static 8])
{
    must(getrandom(random, 8, 0) == 8, "random");
}

static inline struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

/* Waits for a datagram until the time given. Its length, or -1. Errors that
 * ICMP reports (nobody listens) count as silence: the engine's timers decide.
 */
static inline ssize_t receive(int fd, uint64_t until_ms, uint8_t *p,
                              struct sockaddr_in *from)
{
    uint64_t now = now_ms();
    uint64_t wait = until_ms > now ? until_ms - now : 0;
    struct pollfd pfd = {fd, POLLIN, 0};
    socklen_t len = sizeof *from;
    if (poll(&pfd, 1, wait > 1000 ? 1000 : (int)wait) <= 0) {
        return -1;
    }
    return recvfrom(fd, p, DATAGRAM_MAX, 0, (struct sockaddr *)from, &len);
}

/* A file whole, in a place that the next call overwrites. */
static inline struct selv_bytes file_read(const char *path)
{
    static uint8_t whole[FILE_MAX];
    FILE *f = fopen(path, "rb");
    must(f != NULL, path);
    size_t len = fread(whole, 1, sizeof whole, f);
    must(!ferror(f) && feof(f), path);
    fclose(f);
    return selv_bytes(whole, len);
}

static inline void file_write(const char *path, struct selv_bytes body)
{
    FILE *f = fopen(path, "wb");
    must(f != NULL, path);
    must(fwrite(body.p, 1, body.len, f) == body.len && fclose(f) == 0, path);
}

#endif
