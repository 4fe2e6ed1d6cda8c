/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/engine.h - one envelope through the manifest engine, with cryptography
 * that costs nothing: signatures verify, digests are known beforehand.
 *
 * Calls: 1 bench_prepare   2 bench_measured, as often as wanted. Only what
 *        the second one does is counted.
 * Owns:  the state of one run, static: one envelope at a time. */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include "suit/suit.h"

/* A byte string in an envelope, head and all, and its SHA-256. */
struct bench_hash {
    uint32_t off; /* bytes from the envelope's first byte */
    uint8_t digest[SELV_SHA256_LEN];
};

struct bench_example {
    const char *name;
    const uint8_t *envelope;
    size_t len; /* bytes */
    const struct bench_hash *hashes;
    size_t hash_count;
    bool may_fail; /* what it costs counts, however it ends */
};

/* The envelopes that bench/pack has written. */
extern const struct bench_example bench_examples[];
extern const size_t bench_example_count;

/* How a run ended. */
struct bench_result {
    enum selv_err err;      /* SELV_OK: each procedure came to its end */
    const char *procedures; /* "check", or also "update", "invoke" */
    uint32_t todo_count;    /* requests that the caller answered */
};

/* Look at the envelope once, for the device that it is meant for. */
enum selv_err bench_prepare(const struct bench_example *example);

/* init, feed, check, and each procedure that the manifest has sections for,
 * all requests answered with success at once. */
struct bench_result bench_measured(void);

/* For the cryptography that costs nothing: the digest of the bytes that begin
 * at p, or of anything else some bytes. */
const uint8_t *bench_digest(const uint8_t *p);

#endif
