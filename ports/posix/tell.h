/* SPDX-License-Identifier: Apache-2.0
 *
 * posix/tell.h - how the device is, for who asks GET /suit/s and for who
 * observes it [RFC 7641] (docs/spec/coap.md, "On the device"). An answer longer
 * than three times its request goes only to an address that has echoed
 * [RFC 9175], and only such a one may observe.
 *
 * Calls: 1 init   2 offer each datagram to feed, before the server engine
 *        3 hear each request, before it is answered   4 guard each answer to
 *        GET; allows says whether another may be as long as that   5 answer a
 *        GET of the state   6 look, now and then, and send what next writes
 *        until it says false.
 * RAM:   2 KiB on a 64-bit host. */
#ifndef SELV_POSIX_TELL_H
#define SELV_POSIX_TELL_H

#include "coap/echo.h"
#include "coap/observe.h"
#include "posix/posix.h"
#include "store/factory.h"
#include "store/record.h"

#define SELV_TELL_OBSERVERS 8u
#define SELV_TELL_VERIFIED 32u
#define SELV_TELL_BODY_MAX 176u
#define SELV_TELL_REPLY_MAX 512u
#define SELV_TELL_KEY_LEN 32u
/* Between two states that are told: those in between are passed over. */
#define SELV_TELL_GAP_MS 500u

/* How the device is. Numbers are those of docs/spec/coap.md. */
struct selv_push_device {
    const struct selv_factory *factory;
    const struct selv_boot_record *record;
    struct selv_bytes version; /* of what runs; may be empty */
    bool is_resting;           /* no update is under way: a push is taken, */
    bool is_sparing;           /* but not now: the last update failed */
    uint8_t state;             /* of the last event */
    uint64_t sequence;
    enum selv_err err;
    uint32_t done, size; /* bytes of an image that is coming; size 0: none */
};

struct selv_tell {
    struct selv_coap_server *server;
    struct selv_coap_observe list;
    struct selv_coap_observer observers[SELV_TELL_OBSERVERS];
    struct selv_coap_echo echo;
    struct selv_coap_verified verified[SELV_TELL_VERIFIED];
    uint8_t key[SELV_TELL_KEY_LEN];
    uint64_t next_ms;  /* no change is told before */
    uint64_t until_ms; /* look then at the latest */
    /* of the request heard last */
    enum selv_coap_echo_verdict verdict;
    size_t request_len;
    /* the state as it is now */
    size_t body_len;
    bool is_changed; /* since it was told */
    uint8_t body[SELV_TELL_BODY_MAX];
};

/* key: fresh random bytes. *t stays where it is. */
void selv_tell_init(struct selv_tell *t, struct selv_coap_server *server,
                    const uint8_t key[static SELV_TELL_KEY_LEN]);
bool selv_tell_feed(struct selv_tell *t, const struct selv_coap_peer *peer,
                    struct selv_bytes datagram);
void selv_tell_hear(struct selv_tell *t, const struct selv_coap_peer *peer,
                    const struct selv_coap_msg *rq, size_t request_len);
/* Whether an answer of reply_len bytes may go to who was heard last. */
bool selv_tell_allows(const struct selv_tell *t, size_t reply_len);
/* An answer that may not go becomes a challenge. */
void selv_tell_guard(struct selv_tell *t, const struct selv_coap_peer *peer,
                     const struct selv_coap_msg *rq, struct selv_buf *out);
/* out: cap at least SELV_TELL_REPLY_MAX. */
void selv_tell_answer(struct selv_tell *t, const struct selv_coap_peer *peer,
                      const struct selv_coap_msg *rq,
                      const struct selv_push_device *d, struct selv_buf *out);
/* How the device is now. */
void selv_tell_look(struct selv_tell *t, const struct selv_push_device *d);
/* An event is to be looked at soon. */
void selv_tell_hurry(struct selv_tell *t);
/* The next notification, and to whom. False: none now; until_ms is set. */
bool selv_tell_next(struct selv_tell *t, struct selv_coap_peer *peer,
                    struct selv_buf *out);

#endif
