/* SPDX-License-Identifier: Apache-2.0
 *
 * resolver.c - stands between a program and the C library (LD_PRELOAD) and
 * looks names up for it:
 *
 *   two.example   127.0.0.3, where nobody is, and 127.0.0.1
 *   dead.example  nobody answers, which takes a second
 *
 * All others are the C library's. SELV_RESOLVER_LOG=FILE: a line for each
 * look-up of these two. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static __typeof__(&getaddrinfo) real;

static void note(const char *host)
{
    const char *name = getenv("SELV_RESOLVER_LOG");
    int fd =
        name != NULL ? open(name, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;

    if (fd >= 0) {
        (void)!write(fd, host, strlen(host));
        (void)!write(fd, "\n", 1);
        close(fd);
    }
}

/* freeaddrinfo of the C library follows ai_next: so two of its own lists are
 * made one. */
static int two(const char *port, const struct addrinfo *hints,
               struct addrinfo **out)
{
    struct addrinfo *last;
    int err = real("127.0.0.3", port, hints, out);

    if (err != 0) {
        return err;
    }
    for (last = *out; last->ai_next != NULL; last = last->ai_next) {
    }
    return real("127.0.0.1", port, hints, &last->ai_next);
}

int getaddrinfo(const char *host, const char *port,
                const struct addrinfo *hints, struct addrinfo **out)
{
    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "getaddrinfo");
        memcpy(&real, &found, sizeof real);
    }
    if (host != NULL && strcmp(host, "two.example") == 0) {
        note(host);
        return two(port, hints, out);
    }
    if (host != NULL && strcmp(host, "dead.example") == 0) {
        note(host);
        sleep(1);
        return EAI_AGAIN;
    }
    return real(host, port, hints, out);
}
