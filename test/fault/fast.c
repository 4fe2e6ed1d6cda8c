/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/fast.c - see fast.h. The curve is the port's own source,
 * compiled for the host: its insides are what is asked for. */
#include "fast.h"

#include <stdio.h>

#include "m3.h"
#include "p256.h"

#define GARBAGE 0xa5c31e79u

/* Back to the caller, as a function may leave the registers. */
static bool leave(struct m3 *m, uint32_t result)
{
    m->r[0] = result;
    m->r[1] = m->r[2] = m->r[3] = m->r[12] = GARBAGE;
    m->r[15] = m->r[14] & ~1u;
    return true;
}

/* A return address that is none goes the slow way. */
static bool may_leave(const struct m3 *m)
{
    return (m->r[14] & 1u) == 1 && m->r[14] < M3_ROM_MAX;
}

static bool is_apart(uint32_t a, uint32_t b, uint32_t len)
{
    return a - b >= len && b - a >= len;
}

/* ---- memory
 * ------------------------------------------------------------------- */

static bool fast_memcpy(struct m3 *m, void *context)
{
    uint32_t to = m->r[0], from = m->r[1], len = m->r[2];
    (void)context;
    if (len == 0 || !may_leave(m) || !is_apart(to, from, len)) {
        return false;
    }
    const uint8_t *p = m3_read_at(m, from, len);
    uint8_t *q = p == NULL ? NULL : m3_write_at(m, to, len);
    if (q == NULL) {
        return false;
    }
    memcpy(q, p, len);
    return leave(m, to);
}

static bool fast_memset(struct m3 *m, void *context)
{
    uint32_t to = m->r[0], len = m->r[2];
    (void)context;
    uint8_t *q = len == 0 || !may_leave(m) ? NULL : m3_write_at(m, to, len);
    if (q == NULL) {
        return false;
    }
    memset(q, (int)(m->r[1] & 0xffu), len);
    return leave(m, to);
}

static bool fast_memcmp(struct m3 *m, void *context)
{
    uint32_t len = m->r[2], i = 0;
    (void)context;
    if (len == 0 || !may_leave(m)) {
        return false;
    }
    const uint8_t *a = m3_read_at(m, m->r[0], len);
    const uint8_t *b = m3_read_at(m, m->r[1], len);
    if (a == NULL || b == NULL) {
        return false;
    }
    while (i < len && a[i] == b[i]) {
        i++;
    }
    return leave(m, i == len ? 0 : (uint32_t)(a[i] - b[i]));
}

/* What flash does by itself, once it has the command; of its sectors, and but
 * for the factory's, which hardware locks. */
static bool fast_erase(struct m3 *m, void *context)
{
    (void)context;
    if (!may_leave(m)) {
        return false;
    }
    m3_erase(m, m->r[0]);
    return leave(m, GARBAGE);
}

/* ---- one block of SHA-256 [FIPS 180-4 6.2]
 * -------------------------------------- */

static const uint32_t round_words[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, unsigned by)
{
    return x >> by | x << (32 - by);
}

static void compress(uint32_t state[8], const uint8_t block[64])
{
    uint32_t w[64], s[8];
    for (unsigned i = 0; i < 16; i++) {
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (unsigned i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) +
               (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
    memcpy(s, state, sizeof s);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t e = s[4], a = s[0];
        uint32_t one = s[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
                       ((e & s[5]) ^ (~e & s[6])) + round_words[i] + w[i];
        uint32_t two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) +
                       ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += one;
        s[0] = one + two;
    }
    for (unsigned i = 0; i < 8; i++) {
        state[i] += s[i];
    }
}

static bool fast_compress(struct m3 *m, void *context)
{
    uint32_t state[8];
    uint8_t block[64];
    const uint8_t *data = m3_read_at(m, m->r[1], sizeof block);
    (void)context;
    if (data == NULL || !may_leave(m) || (m->r[0] & 3) != 0) {
        return false;
    }
    memcpy(block, data, sizeof block);
    uint8_t *to = m3_write_at(m, m->r[0], sizeof state);
    if (to == NULL) {
        return false;
    }
    memcpy(state, to, sizeof state);
    compress(state, block);
    memcpy(to, state, sizeof state);
    return leave(m, 0);
}

/* struct sha256 of sha256_small.c: hash, bytes so far, block. */
enum { SHA_LEN_AT = 32, SHA_BLOCK_AT = 36, SHA_STATE_LEN = 100 };

static void sha_feed(uint8_t *state, const uint8_t *p, uint32_t len)
{
    uint32_t hash[8], count;
    memcpy(hash, state, sizeof hash);
    memcpy(&count, state + SHA_LEN_AT, sizeof count);
    while (len-- > 0) {
        state[SHA_BLOCK_AT + count++ % 64] = *p++;
        if (count % 64 == 0) {
            compress(hash, state + SHA_BLOCK_AT);
        }
    }
    memcpy(state, hash, sizeof hash);
    memcpy(state + SHA_LEN_AT, &count, sizeof count);
}

static bool fast_update(struct m3 *m, void *context)
{
    uint32_t len = m->r[2];
    (void)context;
    if (len == 0 || !may_leave(m) || (m->r[0] & 3) != 0 ||
        m->r[1] - m->r[0] < SHA_STATE_LEN || m->r[0] - m->r[1] < len) {
        return false;
    }
    const uint8_t *p = m3_read_at(m, m->r[1], len);
    uint8_t *state = p == NULL ? NULL : m3_write_at(m, m->r[0], SHA_STATE_LEN);
    if (state == NULL) {
        return false;
    }
    sha_feed(state, p, len);
    return leave(m, GARBAGE);
}

static bool fast_feed(struct m3 *m, void *context)
{
    uint8_t byte = (uint8_t)m->r[1];
    (void)context;
    uint8_t *state = !may_leave(m) || (m->r[0] & 3) != 0
                         ? NULL
                         : m3_write_at(m, m->r[0], SHA_STATE_LEN);
    if (state == NULL) {
        return false;
    }
    sha_feed(state, &byte, 1);
    return leave(m, GARBAGE);
}

static bool fast_wipe(struct m3 *m, void *context)
{
    uint32_t len = m->r[1];
    (void)context;
    uint8_t *p =
        len == 0 || !may_leave(m) ? NULL : m3_write_at(m, m->r[0], len);
    if (p == NULL) {
        return false;
    }
    memset(p, 0, len);
    return leave(m, GARBAGE);
}

/* ---- the curve
 * ------------------------------------------------------------------- */

/* Which arguments a function takes, by their length in words; and which of
 * them, the first ones, it writes. */
struct curve {
    const char *name;
    enum p256_what what;
    unsigned count, outputs;
    unsigned words[P256_ARGUMENTS_MAX];
    bool has_modulus; /* one more argument */
    enum m3_speed speed;
};

static const struct curve curves[] = {
    {"point_combine",
     P256_POINT_COMBINE,
     4,
     1,
     {P256_POINT_WORDS, 8, 8, 16},
     false,
     M3_CURVE},
    {"point_sum", P256_POINT_SUM, 1, 1, {P256_POINT_WORDS}, false, M3_CURVE},
    {"m256_inv", P256_INV, 2, 1, {8, 8}, true, M3_CURVE},
    {"m256_mul", P256_MUL, 3, 1, {8, 8, 8}, true, M3_FAST},
};

static bool fast_curve(struct m3 *m, void *context)
{
    const struct curve *c = context;
    static uint32_t numbers[P256_ARGUMENTS_MAX][P256_POINT_WORDS];
    const uint32_t *at = m->r; /* at most four, none on the stack */
    bool is_n = false;
    if (!may_leave(m)) {
        return false;
    }
    for (unsigned i = 0; i < c->count; i++) {
        uint32_t len = 4 * c->words[i];
        const uint8_t *p = m3_read_at(m, at[i], len);
        if (p == NULL || (at[i] & 3) != 0) {
            return false;
        }
        memcpy(numbers[i], p, len);
        /* A number may be given twice where that is known to be right. */
        for (unsigned j = 0; j < i; j++) {
            if (!(at[i] - at[j] >= 4 * c->words[j] && at[j] - at[i] >= len) &&
                (at[i] != at[j] || !c->has_modulus)) {
                return false;
            }
        }
    }
    if (c->has_modulus) {
        const uint8_t *p = m3_read_at(m, at[c->count], P256_MODULUS_LEN);
        if (p == NULL || !p256_modulus(p, &is_n)) {
            return false;
        }
    }
    for (unsigned i = 0; i < c->outputs; i++) {
        if (m3_write_at(m, at[i], 4 * c->words[i]) == NULL) {
            return false;
        }
    }
    p256_compute(c->what, numbers, is_n);
    for (unsigned i = 0; i < c->outputs; i++) {
        memcpy(m3_write_at(m, at[i], 4 * c->words[i]), numbers[i],
               4 * c->words[i]);
    }
    return leave(m, GARBAGE);
}

bool fast_install(const struct elf *elf)
{
    static const struct {
        const char *name;
        m3_hook run;
    } plain[] = {{"memcpy", fast_memcpy},
                 {"memset", fast_memset},
                 {"memcmp", fast_memcmp},
                 {"selv_wipe", fast_wipe},
                 {"selv_sha256_update", fast_update},
                 {"feed", fast_feed},
                 {"sha256_block", fast_compress}};
    static struct curve kept[sizeof curves / sizeof *curves];
    memcpy(kept, curves, sizeof kept);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        const struct elf_function *f = elf_find(elf, plain[i].name);
        if (f != NULL) {
            m3_hook_at(f->address, M3_FAST, plain[i].run, NULL);
        }
    }
    const struct elf_function *erase = elf_find(elf, "selv_board_cells_erase");
    if (erase != NULL) {
        m3_hook_at(erase->address, M3_CURVE, fast_erase, NULL);
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const struct elf_function *f = elf_find(elf, kept[i].name);
        if (f != NULL) {
            m3_hook_at(f->address, kept[i].speed, fast_curve, &kept[i]);
        } else if (i == 0) {
            fprintf(stderr, "fault: this ELF has no %s\n", kept[i].name);
            return false;
        }
    }
    return true;
}
