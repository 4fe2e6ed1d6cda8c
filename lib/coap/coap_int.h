/* SPDX-License-Identifier: Apache-2.0
 *
 * coap/coap_int.h - what the files of this folder share. */
#ifndef SELV_COAP_COAP_INT_H
#define SELV_COAP_COAP_INT_H

#include "coap/coap.h"

/* Head of an option with room for len bytes of value; NULL when they do not
 * fit. */
uint8_t *selv_coap_write_opt_reserve(struct selv_coap_writer *w,
                                     uint16_t number, size_t len);

/* The writer's own complaint. */
void selv_coap_write_fail(struct selv_coap_writer *w, enum selv_err err);

/* An empty message: ACK or Reset. out->cap at least 4. */
void selv_coap_write_empty(struct selv_buf *out, enum selv_coap_type type,
                           uint16_t mid);

/* Bytes before block num: BERT counts in 1024 [RFC 8323 6]. */
static inline unsigned selv_coap_szx_shift(uint8_t szx)
{
    return szx < SELV_COAP_SZX_MAX ? szx + 4u : 10u;
}

/* Pseudo-random numbers for jitter, where predicting them gains nothing.
 * *state is never 0. */
uint32_t selv_coap_random(uint32_t *state);

/* ACK_TIMEOUT times 1 to ACK_RANDOM_FACTOR, milliseconds [RFC 7252 4.2]. */
uint32_t selv_coap_first_timeout(uint32_t *random);

bool selv_coap_peer_equal(const struct selv_coap_peer *a,
                          const struct selv_coap_peer *b);

/* One number for the request's Request-Tags, a list of which each value counts
 * [RFC 9175 3.3]; 0 for none. Who makes two meet mixes his own uploads. */
uint32_t selv_coap_request_tag(const struct selv_coap_msg *rq);

/* Goes on with the hash h; begin with SELV_COAP_HASH. For places in tables: a
 * peer that chooses its bytes can make them meet. */
#define SELV_COAP_HASH 2166136261u
uint32_t selv_coap_hash(uint32_t h, const uint8_t *p, size_t len);

#endif
