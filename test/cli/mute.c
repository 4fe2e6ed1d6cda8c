/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: mute silent | drip | FILE
 *
 * A server to lose patience with: it takes connections on a port of its own,
 * which it prints, and says nothing; or sends a byte of a header now and
 * then, for ever; or answers each request with status 200 and what FILE holds
 * then. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener_open(unsigned *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 ||
        listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        return -1;
    }
    *port = ntohs(at.sin_port);
    return fd;
}

static void drip(int client)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nX-Drip: ";

    if (send(client, head, strlen(head), MSG_NOSIGNAL) < 0) {
        return;
    }
    while (send(client, "x", 1, MSG_NOSIGNAL) == 1) {
        (void)usleep(100000);
    }
}

/* The whole request, so that the client is not cut off in the middle of it. */
static void request_read(int client)
{
    static char head[65536];
    const char *end = NULL;
    size_t len = 0;
    ssize_t n = 1;
    size_t whole = sizeof(head) - 1;

    while (len < whole && n > 0) {
        n = recv(client, head + len, whole - len, 0);
        len += n > 0 ? (size_t)n : 0;
        head[len] = '\0';
        if (end == NULL && (end = strstr(head, "\r\n\r\n")) != NULL) {
            const char *size = strstr(head, "Content-Length: ");

            whole = (size_t)(end + 4 - head);
            whole += size == NULL ? 0 : strtoul(size + 16, NULL, 10);
        }
    }
}

static void answer(int client, const char *file)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    char body[4096];
    FILE *f = fopen(file, "rb");
    size_t len = f == NULL ? 0 : fread(body, 1, sizeof(body), f);

    request_read(client);
    (void)send(client, head, strlen(head), MSG_NOSIGNAL);
    (void)send(client, body, len, MSG_NOSIGNAL);
    if (f != NULL) {
        (void)fclose(f);
    }
}

int main(int argc, char **argv)
{
    unsigned port = 0;
    int fd = listener_open(&port);

    if (fd < 0 || argc != 2) {
        perror("mute");
        return 3;
    }
    printf("%u\n", port);
    (void)fflush(stdout);
    for (;;) {
        int client = accept(fd, NULL, NULL);

        if (client >= 0 && strcmp(argv[1], "drip") == 0) {
            drip(client);
            (void)close(client);
        } else if (client >= 0 && strcmp(argv[1], "silent") != 0) {
            answer(client, argv[1]);
            (void)close(client);
        }
    }
}
