/* SPDX-License-Identifier: Apache-2.0
 *
 * See posix/address.h. */
#include "posix/address.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "posix/posix.h"

void selv_posix_addresses_init(struct selv_posix_addresses *a,
                               struct selv_bytes host, uint16_t port, int kind)
{
    memset(a, 0, sizeof *a);
    snprintf(a->host, sizeof a->host, "%.*s", (int)host.len,
             (const char *)host.p);
    snprintf(a->port, sizeof a->port, "%u", (unsigned)port);
    a->kind = kind;
}

static void keep(struct selv_posix_addresses *a, const struct addrinfo *list)
{
    a->count = 0;
    for (; list != NULL && a->count < SELV_POSIX_ADDRESSES_MAX;
         list = list->ai_next) {
        struct selv_posix_address *to = &a->list[a->count];
        if (list->ai_addrlen <= sizeof to->to) {
            memset(&to->to, 0, sizeof to->to);
            memcpy(&to->to, list->ai_addr, list->ai_addrlen);
            to->len = list->ai_addrlen;
            a->count++;
        }
    }
}

/* The addresses that were known are kept when nobody answers. The first answer
 * may be followed by another look-up at once: at start names change that have
 * been remembered for long. */
static void look_up(struct selv_posix_addresses *a)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = a->kind};
    struct addrinfo *list = NULL;
    bool is_first = !a->is_looked_up;

    a->err = getaddrinfo(a->host, a->port, &hints, &list);
    a->is_looked_up = true;
    if (a->err == 0) {
        keep(a, list);
        freeaddrinfo(list);
    }
    if (a->err != 0 || !is_first) {
        a->look_up_ms = selv_posix_now_ms() + SELV_POSIX_LOOK_UP_MS;
    }
    a->at = 0;
    a->tried = 0;
}

const struct selv_posix_address *
selv_posix_addresses_take(struct selv_posix_addresses *a)
{
    if (a->tried >= a->count) {
        if (selv_posix_addresses_may_ask(a, selv_posix_now_ms())) {
            look_up(a);
        }
        a->tried = 0;
    }
    return a->count > 0 ? &a->list[a->at] : NULL;
}

const char *selv_posix_addresses_why(const struct selv_posix_addresses *a)
{
    return gai_strerror(a->err);
}

void selv_posix_addresses_good(struct selv_posix_addresses *a)
{
    a->tried = 0;
}

bool selv_posix_addresses_skip(struct selv_posix_addresses *a)
{
    if (a->count == 0) {
        return false;
    }
    a->at = (uint8_t)((a->at + 1u) % a->count);
    a->tried++;
    return a->tried < a->count;
}

bool selv_posix_addresses_has_other(const struct selv_posix_addresses *a)
{
    return a->tried + 1u < a->count;
}

bool selv_posix_addresses_may_ask(const struct selv_posix_addresses *a,
                                  uint64_t now_ms)
{
    return now_ms >= a->look_up_ms;
}
