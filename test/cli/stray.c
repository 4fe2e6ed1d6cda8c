/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: stray SELVAGE
 *
 * A device that is tracked for three seconds, by SELVAGE device track: tells
 * its state once, then that it is not observed any more, and answers whatever
 * else it is asked with 4.04 and a stray datagram more. Prints how often it was
 * asked. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_at(char uri[static 64])
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        return -1;
    }
    snprintf(uri, 64, "coap://127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    return fd;
}

static pid_t track(const char *selvage, char uri[static 64])
{
    pid_t child = fork();

    if (child == 0) {
        execl(selvage, selvage, "device", "track", "--at", uri, "--seconds",
              "3", (char *)NULL);
        _exit(127);
    }
    return child;
}

/* A message of that type and code, with the request's token, and its Message ID
 * unless it is a NON; then the rest. */
static void say(int fd, const struct sockaddr_in *to, const uint8_t *request,
                uint8_t type, uint8_t code, const char *rest, size_t rest_len)
{
    uint8_t out[64] = {
        (uint8_t)(0x40u | (unsigned)type << 4 | (request[0] & 15u)), code,
        request[2], (uint8_t)(request[3] + (type == 1))};
    size_t len = 4 + (request[0] & 15u);

    memcpy(out + 4, request + 4, len - 4);
    memcpy(out + len, rest, rest_len);
    (void)sendto(fd, out, len + rest_len, 0, (const struct sockaddr *)to,
                 sizeof *to);
}

/* [RFC 7641 3.2]: Observe 1, and {3: 0, 5: {2: 1}}. */
#define STATE "\x61\x01\xff\xa2\x03\x00\x05\xa1\x02\x01"

static void answer(int fd, const struct sockaddr_in *to, const uint8_t *request,
                   unsigned asked)
{
    if (asked == 1) {
        say(fd, to, request, 2, 0x45, STATE, sizeof STATE - 1);
        say(fd, to, request, 1, 0x84, "", 0);
        return;
    }
    say(fd, to, request, 2, 0x84, "", 0);
    (void)sendto(fd, "\x70\x00\x00\x01", 4, 0, (const struct sockaddr *)to,
                 sizeof *to);
}

int main(int argc, char **argv)
{
    char uri[64];
    int fd = open_at(uri), status;
    unsigned asked = 0;
    pid_t child = argc == 2 && fd >= 0 ? track(argv[1], uri) : -1;

    if (child < 0) {
        return 2;
    }
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct pollfd wait = {fd, POLLIN, 0};
        uint8_t in[2048];
        struct sockaddr_in from;
        socklen_t from_len = sizeof from;
        if (poll(&wait, 1, 100) == 1 &&
            recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from,
                     &from_len) >= 4 + (in[0] & 15) &&
            in[1] == 1 && (in[0] & 15) <= 8) {
            answer(fd, &from, in, ++asked);
        }
    }
    printf("asked %u\n", asked);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
