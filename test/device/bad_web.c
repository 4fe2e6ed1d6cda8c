/* SPDX-License-Identifier: Apache-2.0
 *
 * bad_web.c - a web server that misbehaves, for tests of clients.
 *
 *   bad_web MODE FOLDER [PREFIX]
 *
 * Serves the files of FOLDER on a free port of 127.0.0.1, one connection at a
 * time and one request for each; prints "listening http://127.0.0.1:PORT".
 * Modes are the table below; "fair" misbehaves in nothing. PREFIX: paths that
 * begin otherwise are served fairly. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MAX (1u << 20)

enum mode {
    FAIR,
    WHOLE,       /* 200 for a range */
    OTHER_RANGE, /* 206, 16 bytes on */
    LONG_RANGE,  /* 206, 16 bytes more than asked for */
    NO_RANGE,    /* 206 without Content-Range */
    WORD_RANGE,  /* 206 with a Content-Range that is none */
    FEW,         /* 206 with fewer bytes than its Content-Range */
    PARTS,       /* multipart/byteranges */
    GZIP,        /* Content-Encoding, unasked */
    BREAK,       /* ends half-way */
    BREAKS,      /* ends after 20,000 bytes of each answer */
    STALL,       /* half, and then nothing */
    TRICKLE,     /* 20 bytes a second */
    MUTE,        /* nothing */
    ENDLESS,     /* a head without end */
    SWITCH,      /* another body and ETag at each request */
    TURN,        /* ends after 20,000 bytes; from then on another body */
    RETAG,       /* the same body, another ETag */
    GARBAGE,     /* other bytes */
    LONGER,      /* no length, and more bytes than there are */
    LOOP,        /* redirects to itself */
    AWAY,        /* redirects to another port */
    HERE,        /* redirects to itself once, then fair */
    NOTHING,     /* 204 */
    SAME,        /* 304 */
    NONE,        /* 404 */
    NEVER,       /* 403 */
    BUSY,        /* 503 */
    PAST,        /* 416 */
    NOISE        /* no HTTP */
};

static const char *const names[] = {
    "fair",    "whole",  "other-range", "long-range", "no-range", "word-range",
    "few",     "parts",  "gzip",        "break",      "breaks",   "stall",
    "trickle", "mute",   "endless",     "switch",     "turn",     "retag",
    "garbage", "longer", "loop",        "away",       "here",     "nothing",
    "same",    "none",   "never",       "busy",       "past",     "noise"};

static enum mode mode; /* for this request */
static enum mode asked_mode;
static const char *prefix = "/";
static unsigned port;
static unsigned requests;
static uint8_t body[BODY_MAX + 64];
static size_t body_len;

/* One request. */
struct asked {
    char path[256];
    bool has_range;
    size_t first, last;
};

static void send_all(int fd, const void *p, size_t len)
{
    const uint8_t *at = p;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        at += n;
        len -= (size_t)n;
    }
}

static void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

/* Until the other end closes, or a minute is over. */
static void linger(int fd)
{
    struct pollfd wait = {fd, POLLIN, 0};
    char byte;

    for (int i = 0; i < 60; i++) {
        if (poll(&wait, 1, 1000) > 0 && recv(fd, &byte, 1, 0) <= 0) {
            return;
        }
    }
}

static bool read_request(int fd, struct asked *asked)
{
    char text[4096];
    size_t len = 0;
    const char *range;

    while (len < sizeof text - 1) {
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
        text[len] = '\0';
        if (strstr(text, "\r\n\r\n") != NULL) {
            break;
        }
    }
    memset(asked, 0, sizeof *asked);
    asked->last = BODY_MAX;
    if (sscanf(text, "GET %255s ", asked->path) != 1) {
        return false;
    }
    range = strstr(text, "\r\nRange: bytes=");
    asked->has_range =
        range != NULL &&
        sscanf(range + 15, "%zu-%zu", &asked->first, &asked->last) >= 1;
    return true;
}

static bool read_body(const char *folder, const char *path)
{
    char name[1024];
    FILE *f;

    snprintf(name, sizeof name, "%s%s", folder, path);
    f = fopen(name, "rb");
    if (f == NULL) {
        return false;
    }
    body_len = fread(body, 1, BODY_MAX, f);
    fclose(f);
    if (mode == GARBAGE || (mode == SWITCH && requests % 2 == 0) ||
        (mode == TURN && requests > 1)) {
        for (size_t i = 0; i < body_len; i++) {
            body[i] ^= 0x55u;
        }
    }
    return true;
}

static void send_slowly(int fd, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (send(fd, p + i, 1, MSG_NOSIGNAL) != 1) {
            return;
        }
        usleep(50000);
    }
}

static void send_body(int fd, size_t first, size_t len)
{
    const uint8_t *p = body + first;

    if (mode == BREAK || mode == STALL) {
        len /= 2;
    } else if ((mode == BREAKS || (mode == TURN && requests == 1)) &&
               len > 20000) {
        len = 20000;
    } else if (mode == FEW) {
        len -= 16;
    }
    if (mode == TRICKLE) {
        send_slowly(fd, p, len);
    } else {
        send_all(fd, p, len);
    }
    if (mode == STALL) {
        linger(fd);
    }
}

static void send_range(char *line, size_t cap, size_t first, size_t last)
{
    if (mode == NO_RANGE || mode == PARTS) {
        line[0] = '\0';
    } else if (mode == WORD_RANGE) {
        snprintf(line, cap, "Content-Range: bytes some/all\r\n");
    } else {
        snprintf(line, cap, "Content-Range: bytes %zu-%zu/%zu\r\n", first, last,
                 body_len);
    }
}

static void answer(int fd, const struct asked *asked)
{
    bool is_part = asked->has_range && mode != WHOLE && mode != LONGER;
    size_t first = is_part ? asked->first : 0;
    size_t last =
        is_part && asked->last < body_len ? asked->last : body_len - 1;
    char range[96] = "";
    char length[64] = "";
    char head[512];

    if (first >= body_len) {
        send_text(fd, "HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    if (mode == OTHER_RANGE && is_part) {
        first += 16;
    }
    if (mode == LONG_RANGE && is_part) {
        last += last + 16 < body_len ? 16 : 0;
    }
    if (is_part) {
        send_range(range, sizeof range, first, last);
    }
    if (mode == LONGER) {
        body_len += 64;
        last = body_len - 1;
    } else {
        snprintf(length, sizeof length, "Content-Length: %zu\r\n",
                 last - first + 1 - (mode == FEW ? 16 : 0));
    }
    snprintf(
        head, sizeof head,
        "HTTP/1.1 %s\r\nETag: \"v%u\"\r\nConnection: close\r\n%s%s%s%s\r\n",
        is_part ? "206 Partial Content" : "200 OK",
        mode == SWITCH || mode == RETAG ? requests : 1, range, length,
        mode == GZIP ? "Content-Encoding: gzip\r\n" : "",
        mode == PARTS ? "Content-Type: multipart/byteranges; boundary=x\r\n"
                      : "");
    send_text(fd, head);
    send_body(fd, first, last - first + 1);
}

static void send_status(int fd, const char *status)
{
    char text[160];

    snprintf(text, sizeof text,
             "HTTP/1.1 %s\r\nContent-Length: 6\r\n\r\nsorry\n", status);
    send_text(fd, text);
}

static void redirect(int fd, const char *path, unsigned to)
{
    char text[512];

    snprintf(text, sizeof text,
             "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u%s\r\n"
             "Content-Length: 6\r\n\r\nthere\n",
             to, path);
    send_text(fd, text);
}

static void serve(int fd, const char *folder)
{
    struct asked asked;

    if (!read_request(fd, &asked)) {
        return;
    }
    mode = strncmp(asked.path, prefix, strlen(prefix)) == 0 ? asked_mode : FAIR;
    requests += mode != FAIR;
    if (mode == MUTE) {
        linger(fd);
    } else if (mode == NOISE) {
        send_text(fd, "220 mail.example ESMTP\r\n\r\n");
    } else if (mode == ENDLESS) {
        send_text(fd, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 20000; i++) {
            send_text(fd, "X-Padding: 0123456789012345678901234567890123\r\n");
        }
    } else if (mode == LOOP || (mode == HERE && requests % 2 == 1)) {
        redirect(fd, asked.path, port);
    } else if (mode == AWAY) {
        redirect(fd, asked.path, port == 65535 ? 1 : port + 1);
    } else if (mode == NOTHING) {
        send_text(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    } else if (mode == SAME) {
        send_text(fd, "HTTP/1.1 304 Not Modified\r\n\r\n");
    } else if (mode == NEVER) {
        send_status(fd, "403 Forbidden");
    } else if (mode == BUSY) {
        send_status(fd, "503 Busy");
    } else if (mode == PAST) {
        send_status(fd, "416 Range Not Satisfiable");
    } else if (mode == NONE || !read_body(folder, asked.path)) {
        send_status(fd, "404 Not Found");
    } else {
        answer(fd, &asked);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t len = sizeof here;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    asked_mode = NOISE + 1;
    for (unsigned i = 0; argc >= 3 && argc <= 4 && i <= NOISE; i++) {
        if (strcmp(argv[1], names[i]) == 0) {
            asked_mode = (enum mode)i;
        }
    }
    if (asked_mode > NOISE) {
        fprintf(stderr, "usage: bad_web MODE FOLDER [PREFIX]\n");
        return 2;
    }
    prefix = argc == 4 ? argv[3] : "/";
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 ||
        bind(listener, (struct sockaddr *)&here, sizeof here) != 0 ||
        listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&here, &len) != 0) {
        perror("bad_web");
        return 3;
    }
    port = ntohs(here.sin_port);
    printf("listening http://127.0.0.1:%u\n", port);
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            serve(fd, argv[2]);
            shutdown(fd, SHUT_WR);
            close(fd);
        }
    }
}
