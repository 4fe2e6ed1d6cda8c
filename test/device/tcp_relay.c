/* SPDX-License-Identifier: Apache-2.0
 *
 * tcp_relay.c - stands before a server and does to its connections what
 * networks do.
 *
 * usage: tcp_relay HOST:PORT [--delay MS] [--cut BYTES] [--stall BYTES,MS]
 *            [--trickle BYTES,MS] [--say HEX] [--times N]
 *   --delay    each way
 *   --cut      close after so many bytes for the client, wherever that is
 *   --stall    after so many bytes for the client forward nothing for so long
 *   --trickle  forward so many bytes for the client, then wait for so long
 *   --say      say this, and forward nothing
 *   --times    cut, stall, trickle and say to the first N connections only
 * (all) Prints "listening PORT", then a line for each connection. Runs until it
 * is killed. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define QUEUE 2000000u

static long delay_ms, cut, stall, stall_ms, trickle, trickle_ms;
static long times = 1000000;
static const char *say;

/* One direction: bytes that wait, each with the time at which it leaves. */
struct way {
    int from, to;
    bool is_ended;
    size_t len;
    uint8_t *bytes;
    uint64_t *at_ms;
    size_t sent;       /* bytes so far */
    uint64_t quiet_ms; /* nothing before */
};

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int dial(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) < 0) {
        exit(0);
    }
    return fd;
}

static void take(struct way *w)
{
    size_t room = QUEUE - w->len;
    ssize_t n = recv(w->from, w->bytes + w->len, room < 65536 ? room : 65536,
                     MSG_DONTWAIT);
    if (n <= 0) {
        w->is_ended = true;
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        w->at_ms[w->len++] = now() + (uint64_t)delay_ms;
    }
}

/* How many bytes may leave now. */
static size_t due(const struct way *w, bool is_client, bool is_bad)
{
    size_t n = 0;
    uint64_t t = now();
    if (t < w->quiet_ms) {
        return 0;
    }
    while (n < w->len && w->at_ms[n] <= t) {
        n++;
    }
    if (is_client && is_bad) {
        if (trickle > 0 && n > (size_t)trickle) {
            n = (size_t)trickle;
        }
        if (cut > 0 && n > (size_t)cut - w->sent) {
            n = (size_t)cut - w->sent;
        }
        if (stall > 0 && w->sent < (size_t)stall &&
            n > (size_t)stall - w->sent) {
            n = (size_t)stall - w->sent;
        }
    }
    return n;
}

static void pass(struct way *w, bool is_client, bool is_bad)
{
    size_t n = due(w, is_client, is_bad);
    ssize_t done = n > 0 ? send(w->to, w->bytes, n, MSG_NOSIGNAL) : 0;
    if (done < 0) {
        exit(0);
    }
    w->len -= (size_t)done;
    memmove(w->bytes, w->bytes + done, w->len);
    memmove(w->at_ms, w->at_ms + done, w->len * sizeof w->at_ms[0]);
    w->sent += (size_t)done;
    if (!is_client || !is_bad || done == 0) {
        return;
    }
    if (cut > 0 && w->sent >= (size_t)cut) {
        exit(0);
    }
    if (stall > 0 && w->sent == (size_t)stall) {
        w->quiet_ms = now() + (uint64_t)stall_ms;
    }
    if (trickle > 0) {
        w->quiet_ms = now() + (uint64_t)trickle_ms;
    }
}

static void relay(int client, int server, bool is_bad)
{
    struct way ways[2] = {{.from = client, .to = server},
                          {.from = server, .to = client}};
    for (int i = 0; i < 2; i++) {
        ways[i].bytes = malloc(QUEUE);
        ways[i].at_ms = malloc(QUEUE * sizeof ways[i].at_ms[0]);
    }
    for (;;) {
        struct pollfd fds[2];
        for (int i = 0; i < 2; i++) {
            bool is_open = !ways[i].is_ended && ways[i].len < QUEUE;
            fds[i] = (struct pollfd){is_open ? ways[i].from : -1, POLLIN, 0};
        }
        bool is_idle = ways[0].len == 0 && ways[1].len == 0;
        if (is_idle && (ways[0].is_ended || ways[1].is_ended)) {
            exit(0);
        }
        (void)poll(fds, 2, is_idle ? -1 : 1);
        for (int i = 0; i < 2; i++) {
            if (fds[i].revents != 0) {
                take(&ways[i]);
            }
            pass(&ways[i], i == 1, is_bad);
        }
    }
}

static void lie(int client)
{
    char unread[4096];
    unsigned byte;
    for (const char *s = say; sscanf(s, "%2x", &byte) == 1; s += 2) {
        uint8_t b = (uint8_t)byte;
        (void)!send(client, &b, 1, MSG_NOSIGNAL);
    }
    while (recv(client, unread, sizeof unread, 0) > 0) {
    }
    exit(0);
}

static void two(const char *text, long *a, long *b)
{
    if (sscanf(text, "%ld,%ld", a, b) != 2) {
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t len = sizeof here;
    char host[64];
    unsigned port;
    if (argc < 2 || sscanf(argv[1], "%63[^:]:%u", host, &port) != 2 ||
        inet_pton(AF_INET, host, &to.sin_addr) != 1) {
        return 2;
    }
    to.sin_port = htons((uint16_t)port);
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--delay") == 0) {
            delay_ms = atol(argv[i + 1]);
        } else if (strcmp(argv[i], "--cut") == 0) {
            cut = atol(argv[i + 1]);
        } else if (strcmp(argv[i], "--stall") == 0) {
            two(argv[i + 1], &stall, &stall_ms);
        } else if (strcmp(argv[i], "--trickle") == 0) {
            two(argv[i + 1], &trickle, &trickle_ms);
        } else if (strcmp(argv[i], "--say") == 0) {
            say = argv[i + 1];
        } else if (strcmp(argv[i], "--times") == 0) {
            times = atol(argv[i + 1]);
        } else {
            return 2;
        }
    }
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    signal(SIGCHLD, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 ||
        bind(listener, (struct sockaddr *)&here, sizeof here) < 0 ||
        listen(listener, 16) < 0 ||
        getsockname(listener, (struct sockaddr *)&here, &len) < 0) {
        return 3;
    }
    printf("listening %u\n", (unsigned)ntohs(here.sin_port));
    fflush(stdout);
    for (long n = 0;; n++) {
        int client = accept(listener, NULL, NULL);
        printf("connection %ld\n", n + 1);
        fflush(stdout);
        if (client >= 0 && fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(listener);
            if (say != NULL && n < times) {
                lie(client);
            }
            relay(client, dial(&to), n < times);
        }
        close(client);
    }
}
