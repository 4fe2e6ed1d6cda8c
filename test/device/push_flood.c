/* SPDX-License-Identifier: Apache-2.0
 *
 * push_flood.c - noise for a device that listens.
 *
 *   push_flood PORT COUNT [ENVELOPE]
 *
 * Sends COUNT datagrams to PORT of 127.0.0.1, from 16 sockets in turn, by a
 * fixed sequence of pseudo-random numbers: random bytes, blocks of PUT /suit/m
 * in any order and with lengths that lie, and ones with a bit flipped; their
 * payload is of ENVELOPE, if given. Every 100 of them it waits for an answer to
 * a ping, so that the device reads most of it. Exit 1 when no ping was
 * answered. */
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS 16u

static uint32_t state = 12345;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

/* PUT /suit/m, Content-Format 42, Block1; returns its length. */
static size_t block_make(uint8_t *p, const uint8_t *body, size_t body_len)
{
    static const uint8_t path[] = {0xb4, 's', 'u',  'i', 't',
                                   0x01, 'm', 0x11, 42};
    uint32_t num = draw(8);
    uint32_t szx = draw(8);
    uint32_t more = draw(2);
    uint32_t value = num << 4 | more << 3 | szx;
    size_t len = draw(3) == 0 ? draw(1100) : (size_t)16 << (szx < 7 ? szx : 6);
    size_t from = (size_t)num * len;
    size_t n = 0;

    p[n++] = (uint8_t)(draw(8) == 0 ? 0x51 : 0x41);
    p[n++] = 3;
    p[n++] = (uint8_t)draw(256);
    p[n++] = (uint8_t)draw(256);
    p[n++] = (uint8_t)draw(4);
    memcpy(p + n, path, sizeof path);
    n += sizeof path;
    p[n++] = 0xd1; /* 12 + 15: option 27, one byte */
    p[n++] = 2;
    p[n++] = (uint8_t)value;
    if (len > 0) {
        p[n++] = 0xff;
        for (size_t i = 0; i < len; i++) {
            p[n++] = from + i < body_len ? body[from + i] : (uint8_t)draw(256);
        }
    }
    return n;
}

static size_t make(uint8_t *p, const uint8_t *body, size_t body_len)
{
    uint32_t kind = draw(8);
    size_t n = draw(1200);

    if (kind > 0) {
        n = block_make(p, body, body_len);
    } else {
        for (size_t i = 0; i < n; i++) {
            p[i] = (uint8_t)draw(256);
        }
    }
    if (kind == 1 && n > 0) {
        p[draw((uint32_t)n)] ^= (uint8_t)(1u << draw(8));
    }
    return n;
}

/* An empty confirmable message is answered with a Reset. */
static bool ping(int fd)
{
    static const uint8_t empty[4] = {0x40, 0, 0x12, 0x34};
    struct pollfd wait = {fd, POLLIN, 0};
    uint8_t answer[2048];

    if (send(fd, empty, sizeof empty, 0) < 0) {
        return false;
    }
    for (unsigned i = 0; i < 1000 && poll(&wait, 1, 1000) > 0; i++) {
        ssize_t n = recv(fd, answer, sizeof answer, 0);
        if (n == 4 && answer[0] == 0x70 && answer[2] == 0x12) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    static uint8_t body[65536];
    struct sockaddr_in to = {.sin_family = AF_INET};
    uint8_t datagram[2048];
    int fds[SOCKETS];
    size_t body_len = 0;
    unsigned pings = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: push_flood PORT COUNT [ENVELOPE]\n");
        return 2;
    }
    if (argc > 3) {
        FILE *f = fopen(argv[3], "rb");
        body_len = f != NULL ? fread(body, 1, sizeof body, f) : 0;
        if (f != NULL) {
            fclose(f);
        }
    }
    to.sin_port = htons((uint16_t)atoi(argv[1]));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (unsigned i = 0; i < SOCKETS; i++) {
        fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
        if (fds[i] < 0 || connect(fds[i], (struct sockaddr *)&to, sizeof to)) {
            perror("push_flood");
            return 3;
        }
    }
    for (long i = 0; i < atol(argv[2]); i++) {
        size_t len = make(datagram, body, body_len);
        (void)!send(fds[draw(SOCKETS)], datagram, len, 0);
        if (i % 100 == 0 && ping(fds[0])) {
            pings++;
        }
    }
    printf("%u pings answered\n", pings);
    return pings > 0 ? 0 : 1;
}
