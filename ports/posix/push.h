/* SPDX-License-Identifier: Apache-2.0
 *
 * posix/push.h - the device's own CoAP server: others push a manifest, alone or
 * with its payload, and ask how the device is (docs/spec/coap.md, "On the
 * device").
 *
 *   PUT /suit/m   an envelope, by Block1
 *   GET /suit/s   what runs, and what became of the last update; observable
 *
 * What was pushed becomes a port source, which the engine reads as any other:
 * nobody but a signed manifest decides. One push at a time; it is looked at
 * before the engine hears of it: the signature first, so that nonsense costs a
 * look and no more. A payload is never held: a block is acknowledged when the
 * engine has written it to flash.
 *
 * Calls: 1 open   2 wait for fd, no longer than until_ms, then call work with
 *        how the device is   3 when work says so, have the consumer check now;
 *        it reads push->source   4 tell it each event of the consumer's.
 * RAM:   10 KiB. */
#ifndef SELV_POSIX_PUSH_H
#define SELV_POSIX_PUSH_H

#include "coap/coap.h"
#include "posix/source.h"
#include "posix/tell.h"
#include "suit/suit.h"

#define SELV_PUSH_SEEN 16u
#define SELV_PUSH_BLOCK 1024u /* largest that is taken */
/* More than the engine holds of an envelope, so that it sees that there is
 * more. */
#define SELV_PUSH_HEAD_MAX (SELV_SUIT_ENVELOPE_MAX + SELV_PUSH_BLOCK)

enum selv_push_state {
    SELV_PUSH_IDLE,
    SELV_PUSH_HEAD,    /* the head is coming */
    SELV_PUSH_OFFERED, /* it is authentic: the engine may read */
    SELV_PUSH_SPENT    /* the engine is through: the rest is passed over */
};

struct selv_push {
    struct selv_source source; /* first, as in each kind */
    int fd;
    char authority[SELV_POSIX_HOST_LEN]; /* "127.0.0.1:40000" */
    struct selv_coap_server server;
    struct selv_coap_seen seen[SELV_PUSH_SEEN];
    struct selv_tell tell; /* GET /suit/s, and what may be answered */
    enum selv_push_state state;
    struct selv_coap_peer peer;
    uint64_t moved_ms;   /* when its last block came */
    uint64_t shut_ms;    /* nothing is taken before: the last was bad */
    uint64_t answer_ms;  /* parked and whole: answered then at the latest */
    uint32_t got;        /* bytes of the envelope that came, parked ones too */
    bool is_whole;       /* the last block came */
    uint32_t head_len;   /* bytes of it in head */
    uint32_t told;       /* bytes that the engine has, or that are in head */
    size_t parked_len;   /* of a request that waits; 0: none */
    uint32_t parked_off; /* where its payload stands in the envelope */
    uint8_t head[SELV_PUSH_HEAD_MAX];
    uint8_t parked[SELV_PUSH_BLOCK + SELV_COAP_HEADER_MAX];
    struct selv_suit suit;
};

/* where: HOST:PORT, port 0 for any. Without is_insecure a loopback address
 * only: whoever can send there can keep the device busy. */
SELV_MUST_CHECK bool selv_push_open(struct selv_push *p, const char *where,
                                    bool is_insecure,
                                    struct selv_posix_why *why);
/* Deal with what has come, and with what is late. True: a manifest is there;
 * said once. */
bool selv_push_work(struct selv_push *p, const struct selv_push_device *device);
/* When work is to be called at the latest. */
uint64_t selv_push_until_ms(const struct selv_push *p);
/* The engine told a state of an update (docs/spec/coap.md). words: of the
 * failure, for the sender; NULL: none. */
void selv_push_tell(struct selv_push *p, uint8_t state, const char *words);
/* The device is about to reset. What was not yet read is kept for the next
 * boot, where all of it is here. */
void selv_push_reset(struct selv_push *p);
void selv_push_close(struct selv_push *p);

#endif
