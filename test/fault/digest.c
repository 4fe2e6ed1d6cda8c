/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/digest.c - see digest.h. Pages are hashed when they changed. */
#include "digest.h"

#include <string.h>

enum {
    STACK_PAGE = 0x1000 / M3_PAGE_LEN, /* where the bootloader's RAM begins */
    KNOWN_CAP = 1 << 20
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);
    return a ^ a >> 29;
}

/* Four sums side by side, which processors like better than one. */
static uint64_t hash_bytes(const uint8_t *p, size_t len, uint64_t seed)
{
    uint64_t lanes[4] = {seed, seed + 1, seed + 2, seed + 3}, word;
    size_t at = 0;
    for (; at + 32 <= len; at += 32) {
        for (unsigned i = 0; i < 4; i++) {
            memcpy(&word, p + at + 8 * i, 8);
            lanes[i] = mix(lanes[i], word);
        }
    }
    for (; at + 4 <= len; at += 4) {
        uint32_t half;
        memcpy(&half, p + at, 4);
        lanes[0] = mix(lanes[0], half);
    }
    return mix(mix(mix(lanes[0], lanes[1]), lanes[2]), lanes[3]);
}

/* The stack starts where the first word of the program says. */
static uint32_t stack_top(const struct m3 *m)
{
    uint32_t top;
    memcpy(&top, m3_read_at(m, 0, 4), 4);
    return top - M3_RAM_BASE;
}

/* Sums over pages, of flash and of RAM without the stack, brought up to date.
 */
static void update(struct m3 *m)
{
    uint32_t top = stack_top(m) / M3_PAGE_LEN;
    for (uint32_t i = 0; i < m->stale_count; i++) {
        uint32_t page = m->stale_list[i];
        uint64_t now = hash_bytes(m->mem + (size_t)page * M3_PAGE_LEN,
                                  M3_PAGE_LEN, (uint64_t)page << 32);
        uint64_t *sum =
            page >= M3_RAM_LEN / M3_PAGE_LEN ? &m->flash_sum : &m->ram_sum;
        m->is_stale[page] = 0;
        if (page >= STACK_PAGE && page < top) {
            continue;
        }
        *sum += now - m->page_hash[page];
        m->page_hash[page] = now;
    }
    m->stale_count = 0;
}

uint64_t digest_flash(struct m3 *m)
{
    update(m);
    return m->flash_sum | 1;
}

bool digest_state(struct m3 *m, uint64_t *digest)
{
    uint32_t top = stack_top(m), sp = m->r[13] - M3_RAM_BASE;
    uint32_t rest[] = {m->it,       m->ipsr,        m->shcsr,       m->cfsr,
                       m->ccr,      m->vtor,        m->mpu_control, m->mpu_base,
                       m->mpu_size, m->is_vtor_set, m->sleeps,      m->line_at,
                       m->waits};
    if (sp < STACK_PAGE * M3_PAGE_LEN || sp > top || sp % 4 != 0 ||
        top % M3_PAGE_LEN != 0 || m->it != 0 || m->ipsr != 0) {
        return false;
    }
    update(m);
    uint64_t hash = mix(m->flash_sum, m->ram_sum);
    hash = hash_bytes((const uint8_t *)m->r, sizeof m->r, hash);
    hash = hash_bytes((const uint8_t *)rest, sizeof rest, hash);
    *digest = hash_bytes(m->mem + sp, top - sp, hash) | 1;
    return true;
}

/* ---- what is known ------------------------------------------------------- */

static struct {
    uint64_t digest; /* 0: free */
    struct ending ending;
} known[KNOWN_CAP];
static size_t known_count;

void known_forget(void)
{
    memset(known, 0, sizeof known);
    known_count = 0;
}

static size_t place_of(uint64_t digest)
{
    size_t at = (size_t)(digest >> 20) % KNOWN_CAP;
    while (known[at].digest != 0 && known[at].digest != digest) {
        at = (at + 1) % KNOWN_CAP;
    }
    return at;
}

const struct ending *known_find(uint64_t digest)
{
    size_t at = place_of(digest);
    return known[at].digest != 0 ? &known[at].ending : NULL;
}

void known_add(uint64_t digest, struct ending ending)
{
    size_t at = place_of(digest);
    if (known[at].digest == 0 && known_count < KNOWN_CAP / 2) {
        known[at].digest = digest;
        known[at].ending = ending;
        known_count++;
    }
}
