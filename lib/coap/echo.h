/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/echo.h - ask a client to show that its address is its own, or that its
 * request is fresh [RFC 9175 2].
 *
 * Whoever writes another's address into a request makes a server send there:
 * three bytes for one at most, until the address has answered a challenge (26
 * bytes, whatever came: shorter than what is safe [RFC 9175 2.4]). The
 * challenge is a 4.01 with an Echo option, which the client repeats: a time and
 * a keyed MAC of it and of the address, so nothing is remembered for those who
 * never answer. struct selv_coap_client answers challenges by itself.
 *
 * Server:
 *   1 selv_coap_echo_init with a MAC, its key fresh at each start, and perhaps
 *     an array to remember verified addresses in
 *   2 selv_coap_echo_judge each request
 *   3 for a request that must be fresh (not without a security protocol
 *     [RFC 9175 2.3]), or that costs much: unless the verdict is
 *     _FRESH, selv_coap_echo_challenge instead of an answer
 *   4 selv_coap_echo_guard on each answer before it is sent: one that is too
 *     long for an address unknown becomes a challenge. What must not be
 *     executed twice is judged in step 3, before it is executed
 *
 * Owns:  nothing.
 * RAM:   24 bytes on Cortex-M3, and 16 for each address remembered. */
#ifndef SELV_COAP_ECHO_H
#define SELV_COAP_ECHO_H

#include "coap/coap.h"

#define SELV_COAP_ECHO_OURS 12u   /* bytes of the values made here */
#define SELV_COAP_ECHO_FACTOR 3u  /* [RFC 9175 2.4] */
#define SELV_COAP_ECHO_TAG_LEN 8u /* bytes of the MAC in use */

/* A message authentication code: the first 8 bytes, at least, of HMAC-SHA-256,
 * AES-CMAC or their like over at most 32 bytes. key: the port's. */
struct selv_coap_mac {
    void (*tag)(const void *key, struct selv_bytes message,
                uint8_t tag[static SELV_COAP_ECHO_TAG_LEN]);
    const void *key;
};

/* An address remembered. Private. */
struct selv_coap_verified {
    uint8_t tag[SELV_COAP_ECHO_TAG_LEN]; /* of the address */
    uint64_t until_ms;
};

/* Private, but window_ms and keep_ms, for the caller to set after init. */
struct selv_coap_echo {
    struct selv_coap_mac mac;
    struct selv_coap_verified *table;
    uint32_t count;
    uint32_t window_ms; /* how long a value counts as fresh; 60,000 after
                           init */
    uint32_t keep_ms;   /* how long an address counts as verified, since its
                           latest echo; 600,000 after init: whoever gets the
                           address next is sent to for so long */
};

enum selv_coap_echo_verdict {
    SELV_COAP_ECHO_UNKNOWN = 0,  /* nothing is known of the address */
    SELV_COAP_ECHO_VERIFIED = 1, /* it has echoed before */
    SELV_COAP_ECHO_FRESH = 2     /* this request echoes a fresh value */
};

/* table: the caller's, any content; count may be 0: then each request must
 * carry its Echo. An address has four places in it; the one whose time ends
 * first gives way. */
void selv_coap_echo_init(struct selv_coap_echo *e, struct selv_coap_mac mac,
                         struct selv_coap_verified *table, uint32_t count);

/* What the request shows. A value that is not ours, forged, for another
 * address or too old counts as absent. */
enum selv_coap_echo_verdict
selv_coap_echo_judge(struct selv_coap_echo *e, uint64_t now_ms,
                     const struct selv_coap_peer *peer,
                     const struct selv_coap_msg *rq);

/* Answer 4.01 with a new value. out->cap at least SELV_COAP_REPLY_MAX. */
void selv_coap_echo_challenge(const struct selv_coap_echo *e,
                              struct selv_coap_server *s, uint64_t now_ms,
                              const struct selv_coap_peer *peer,
                              const struct selv_coap_msg *rq,
                              struct selv_buf *out);

/* A new value for an answer that is no challenge, so that a client who keeps
 * what answers bring [RFC 9175 2.3] is known on without a round trip. After all
 * options with smaller numbers. */
void selv_coap_echo_write(const struct selv_coap_echo *e, uint64_t now_ms,
                          const struct selv_coap_peer *peer,
                          struct selv_coap_writer *w);

/* True when an address is remembered and more than half of its time is over. */
bool selv_coap_echo_is_waning(const struct selv_coap_echo *e, uint64_t now_ms,
                              const struct selv_coap_peer *peer);

/* True when an answer of reply_len bytes may go to that address, for a request
 * of request_len bytes, as they are in their datagrams. */
bool selv_coap_echo_allows(enum selv_coap_echo_verdict verdict,
                           size_t request_len, size_t reply_len);

/* The answer in out becomes a challenge when it is not allowed. True then. rq
 * is unchanged, and out does not overlap it. */
bool selv_coap_echo_guard(const struct selv_coap_echo *e,
                          struct selv_coap_server *s, uint64_t now_ms,
                          const struct selv_coap_peer *peer,
                          const struct selv_coap_msg *rq, size_t request_len,
                          enum selv_coap_echo_verdict verdict,
                          struct selv_buf *out);

#endif
