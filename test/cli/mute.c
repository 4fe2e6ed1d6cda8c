/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: mute silent | drip
 *
 * A server to lose patience with: it takes connections on a port of its own,
 * which it prints, and says nothing; or sends a byte of a header now and
 * then, for ever. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
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
        }
    }
}
