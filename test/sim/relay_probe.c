/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: relay_probe SELVAGE-SIM
 *
 * Starts relays, is client and server of each over loopback, and says what it
 * saw: delays that are never too short, losses and copies that the relay's own
 * statistics name, an address of its own for each client, a new one after
 * rebinding. Only lower bounds of time are asserted: a busy machine is late. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 5000 /* until something must have come */
#define QUIET_MS 400 /* that nothing more comes */

static int failed;
static const char *program;

static void check(bool is_true, const char *what)
{
    printf("%s %s\n", is_true ? "ok     " : "FAILED ", what);
    failed += !is_true;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A socket on loopback, and its port. */
static int udp(uint16_t *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof in) < 0 ||
        getsockname(fd, (struct sockaddr *)&in, &len) < 0) {
        perror("socket");
        exit(3);
    }
    *port = ntohs(in.sin_port);
    return fd;
}

static void send_to(int fd, uint16_t port, const void *p, size_t len)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (sendto(fd, p, len, 0, (struct sockaddr *)&in, sizeof in) < 0) {
        perror("sendto");
    }
}

/* The next datagram's first byte, or -1 when none comes in time. */
static int take(int fd, int wait_ms, uint16_t *from)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct sockaddr_in in;
    socklen_t len = sizeof in;
    uint8_t bytes[2000];
    if (poll(&p, 1, wait_ms) <= 0 ||
        recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&in, &len) <
            1) {
        return -1;
    }
    if (from != NULL) {
        *from = ntohs(in.sin_port);
    }
    return bytes[0];
}

/* ---- a relay ------------------------------------------------------------ */

struct relay {
    pid_t pid;
    FILE *out;
    uint16_t port;
    int server;
    char last[4000]; /* line of its output */
};

static void relay_start(struct relay *r, const char *link, const char *flag,
                        const char *value)
{
    char to[32];
    int pipe_fd[2];
    uint16_t port;
    r->server = udp(&port);
    snprintf(to, sizeof to, "127.0.0.1:%u", (unsigned)port);
    if (pipe(pipe_fd) < 0) {
        exit(3);
    }
    r->pid = fork();
    if (r->pid == 0) {
        dup2(pipe_fd[1], 1);
        close(pipe_fd[0]);
        close(pipe_fd[1]);
        execl(program, program, "relay", "--json", "--to", to, "--link", link,
              flag, value, (char *)NULL);
        _exit(3);
    }
    close(pipe_fd[1]);
    r->out = fdopen(pipe_fd[0], "r");
    unsigned at = 0;
    if (fgets(r->last, sizeof r->last, r->out) == NULL ||
        sscanf(r->last, "{\"listening\":[\"coap://127.0.0.1:%u\"]}", &at) !=
            1) {
        fprintf(stderr, "the relay does not start\n");
        exit(3);
    }
    r->port = (uint16_t)at;
}

/* Ends it; its statistics are in last. */
static void relay_end(struct relay *r)
{
    int status = 0;
    kill(r->pid, SIGTERM);
    if (fgets(r->last, sizeof r->last, r->out) == NULL) {
        r->last[0] = 0;
    }
    fclose(r->out);
    close(r->server);
    waitpid(r->pid, &status, 0);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0,
          "SIGTERM ends it with 0");
}

/* A number of the statistics: in "up", "down", or at the top (part NULL). */
static long stat_of(const struct relay *r, const char *part, const char *name)
{
    char key[64];
    const char *at = r->last;
    if (part != NULL) {
        snprintf(key, sizeof key, "\"%s\":{", part);
        at = strstr(at, key);
    }
    snprintf(key, sizeof key, "\"%s\":", name);
    at = at != NULL ? strstr(at, key) : NULL;
    return at != NULL ? strtol(at + strlen(key), NULL, 10) : -1;
}

/* ---- scenes ------------------------------------------------------------- */

/* 972 + 28 bytes at 80 kbit/s are 100 ms, and 50 ms of delay. */
static void scene_time(void)
{
    struct relay r;
    uint16_t mine;
    uint16_t far;
    uint8_t bytes[972] = {7};
    int client = udp(&mine);
    relay_start(&r, "rate=80k,delay=50ms/20ms", NULL, NULL);
    double begin = now_ms();
    send_to(client, r.port, bytes, sizeof bytes);
    send_to(client, r.port, bytes, sizeof bytes);
    int got = take(r.server, WAIT_MS, &far);
    double first = now_ms() - begin;
    check(got == 7 && first >= 149.9, "rate and delay up: 150 ms or more");
    got = take(r.server, WAIT_MS, &far);
    check(got == 7 && now_ms() - begin >= 249.9, "the next one after it");
    bytes[0] = 8;
    begin = now_ms();
    send_to(r.server, far, bytes, 472);
    got = take(client, WAIT_MS, NULL);
    check(got == 8 && now_ms() - begin >= 69.9, "down: 70 ms or more");
    kill(r.pid, SIGUSR1);
    check(fgets(r.last, sizeof r.last, r.out) != NULL &&
              stat_of(&r, "up", "taken") == 2,
          "SIGUSR1 tells statistics");
    relay_end(&r);
    check(stat_of(&r, "up", "put") == 2 && stat_of(&r, "up", "taken") == 2 &&
              stat_of(&r, "up", "wire_bytes") == 2000 &&
              stat_of(&r, "down", "wire_bytes") == 500 &&
              stat_of(&r, "down", "air_us") == 50000 &&
              stat_of(&r, NULL, "ends") == 1,
          "statistics at the end");
    close(client);
}

/* What the statistics say is lost and doubled is what does not come, and comes
 * twice. */
static void scene_loss(void)
{
    struct relay r;
    uint16_t mine;
    int client = udp(&mine);
    uint8_t byte = 1;
    long taken = 0;
    relay_start(&r, "loss=20%,duplicate=20%,delay=1ms", "--seed", "5");
    for (int i = 0; i < 200; i++) {
        send_to(client, r.port, &byte, 1);
        while (take(r.server, i % 20 == 19 ? 20 : 0, NULL) >= 0) {
            taken++;
        }
    }
    while (take(r.server, QUIET_MS, NULL) >= 0) {
        taken++;
    }
    relay_end(&r);
    long lost = stat_of(&r, "up", "lost_chance");
    long doubled = stat_of(&r, "up", "doubled");
    printf("        %ld taken, %ld lost, %ld doubled of 200\n", taken, lost,
           doubled);
    check(taken == stat_of(&r, "up", "taken") && taken == 200 - lost + doubled,
          "lost and doubled as told");
    check(lost > 20 && lost < 60 && doubled > 15 && doubled < 55,
          "about a fifth");
    close(client);
}

/* Each client has an address of its own at the server, and its own answers. */
static void scene_clients(const char *flag)
{
    enum { CLIENTS = 20 };
    struct relay r;
    uint16_t mine;
    uint16_t far[CLIENTS];
    int client[CLIENTS];
    bool is_good = true;
    relay_start(&r, "delay=1ms", flag, NULL);
    for (int i = 0; i < CLIENTS; i++) {
        uint8_t byte = (uint8_t)i;
        client[i] = udp(&mine);
        send_to(client[i], r.port, &byte, 1);
        is_good = is_good && take(r.server, WAIT_MS, &far[i]) == i;
        for (int k = 0; k < i; k++) {
            is_good = is_good && far[k] != far[i];
        }
    }
    for (int i = CLIENTS - 1; i >= 0; i--) {
        uint8_t byte = (uint8_t)(100 + i);
        send_to(r.server, far[i], &byte, 1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        is_good = is_good && take(client[i], WAIT_MS, NULL) == 100 + i;
        close(client[i]);
    }
    check(is_good, flag == NULL ? "20 clients, each with its own address"
                                : "20 clients on one link");
    relay_end(&r);
    check(stat_of(&r, NULL, "ends") == CLIENTS, "20 are counted");
}

/* With room for two, the third takes the place of the most silent one. */
static void scene_full(void)
{
    struct relay r;
    uint16_t mine;
    uint16_t far[3];
    int client[3];
    relay_start(&r, "delay=1ms", "--ends", "2");
    for (int i = 0; i < 3; i++) {
        uint8_t byte = (uint8_t)i;
        client[i] = udp(&mine);
        send_to(client[i], r.port, &byte, 1);
        (void)take(r.server, WAIT_MS, &far[i]);
    }
    uint8_t byte = 9;
    send_to(r.server, far[0], &byte, 1); /* nobody listens there any more */
    send_to(r.server, far[1], &byte, 1);
    send_to(r.server, far[2], &byte, 1);
    check(take(client[1], WAIT_MS, NULL) == 9 &&
              take(client[2], WAIT_MS, NULL) == 9 &&
              take(client[0], QUIET_MS, NULL) == -1,
          "the most silent client gives way");
    relay_end(&r);
    check(stat_of(&r, NULL, "ends_gone") == 1, "one is counted as gone");
    for (int i = 0; i < 3; i++) {
        close(client[i]);
    }
}

/* After rebinding the server sees another port, and the old one is dead. */
static void scene_rebind(void)
{
    struct relay r;
    uint16_t mine;
    uint16_t before;
    uint16_t after;
    uint8_t byte = 1;
    int client = udp(&mine);
    relay_start(&r, "delay=1ms", "--rebind", "300");
    send_to(client, r.port, &byte, 1);
    (void)take(r.server, WAIT_MS, &before);
    usleep(350000);
    send_to(r.server, before, &byte, 1);
    check(take(client, QUIET_MS, NULL) == -1, "the old address is dead");
    send_to(client, r.port, &byte, 1);
    (void)take(r.server, WAIT_MS, &after);
    send_to(r.server, after, &byte, 1);
    /* Unless the machine was so slow that it changed again. */
    bool is_heard = take(client, WAIT_MS, NULL) == 1;
    check(before != after, "the server sees another address");
    relay_end(&r);
    check(is_heard || stat_of(&r, "down", "lost_rebind") > 1,
          "and answers to it come");
    check(stat_of(&r, "down", "lost_rebind") >= 1 &&
              stat_of(&r, NULL, "rebinds") >= 2,
          "both are counted");
    close(client);
}

/* No server: the relay lives, and works once there is one. */
static void scene_no_server(void)
{
    struct relay r;
    uint16_t mine;
    uint8_t byte = 1;
    int client = udp(&mine);
    struct sockaddr_in in;
    socklen_t len = sizeof in;
    relay_start(&r, "delay=1ms", NULL, NULL);
    getsockname(r.server, (struct sockaddr *)&in, &len);
    close(r.server);
    for (int i = 0; i < 5; i++) {
        send_to(client, r.port, &byte, 1);
        usleep(10000);
    }
    r.server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(r.server, (struct sockaddr *)&in, sizeof in) < 0) {
        printf("skipped: the port was taken\n");
    } else {
        byte = 6;
        int got = -1;
        for (int i = 0; i < 20 && got != 6; i++) {
            send_to(client, r.port, &byte, 1);
            got = take(r.server, 250, NULL);
        }
        check(got == 6, "a server that comes back is found");
    }
    relay_end(&r);
    close(client);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: relay_probe SELVAGE-SIM\n");
        return 2;
    }
    program = argv[1];
    scene_time();
    scene_loss();
    scene_clients(NULL);
    scene_clients("--shared");
    scene_full();
    scene_rebind();
    scene_no_server();
    return failed != 0;
}
