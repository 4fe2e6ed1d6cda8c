/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/compare.c - see compare.h. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t is_logged[M3_ROM_MAX];

static void ranges_read(const char *ranges)
{
    unsigned from, count;
    while (sscanf(ranges, "%x+%x", &from, &count) == 2) {
        for (unsigned at = from; at < from + count && at < M3_ROM_MAX; at++) {
            is_logged[at] = 1;
        }
        ranges = strchr(ranges, ',');
        if (ranges == NULL) {
            return;
        }
        ranges++;
    }
}

struct state {
    uint32_t r[16], psr;
};

/* The next five lines that tell registers. */
static bool state_read(FILE *f, struct state *s)
{
    char line[256];
    unsigned have = 0;
    while (have < 17 && fgets(line, sizeof line, f) != NULL) {
        unsigned long v[4];
        unsigned n;
        if (sscanf(line, "R%2u=%lx R%*2u=%lx R%*2u=%lx R%*2u=%lx", &n, &v[0],
                   &v[1], &v[2], &v[3]) == 5 &&
            n == have) {
            for (unsigned i = 0; i < 4; i++) {
                s->r[have++] = (uint32_t)v[i];
            }
        } else if (have == 16 && sscanf(line, "XPSR=%lx", &v[0]) == 1) {
            s->psr = (uint32_t)v[0];
            have++;
        }
    }
    return have == 17;
}

static unsigned flags_of(const struct m3 *m)
{
    return (unsigned)m->n << 3 | (unsigned)m->z << 2 | (unsigned)m->c << 1 |
           (unsigned)m->v;
}

/* r[15] and flags are apart: what flags are after a reset nobody promises. */
static bool is_same(const struct m3 *m, const struct state *s, uint64_t done)
{
    return memcmp(m->r, s->r, sizeof s->r) == 0 &&
           (done < 100 || flags_of(m) == s->psr >> 28);
}

uint64_t compare_run(struct m3 *m, const char *log, const char *ranges)
{
    FILE *f = fopen(log, "r");
    struct state s, before = {.psr = 0};
    uint64_t done = 0;
    ranges_read(ranges);
    while (f != NULL && state_read(f, &s)) {
        /* With -icount what touches a peripheral is begun twice. */
        if (memcmp(&s, &before, sizeof s) == 0) {
            continue;
        }
        before = s;
        while (m->end == M3_RUNS &&
               (m->r[15] >= M3_ROM_MAX || !is_logged[m->r[15]])) {
            m3_step(m, M3_EXACT);
        }
        if (m->end != M3_RUNS) {
            break;
        }
        if (!is_same(m, &s, done)) {
            fprintf(stderr,
                    "fault: after %llu instructions QEMU is at 0x%04x, we "
                    "are at 0x%04x\n",
                    (unsigned long long)done, s.r[15], m->r[15]);
            for (unsigned i = 0; i < 15; i++) {
                if (s.r[i] != m->r[i]) {
                    fprintf(stderr, "  r%u 0x%08x, we 0x%08x\n", i, s.r[i],
                            m->r[i]);
                }
            }
            fprintf(stderr, "  flags %x, we %x\n", s.psr >> 28, flags_of(m));
            done = 0;
            break;
        }
        done++;
        m3_step(m, M3_EXACT);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return done;
}
