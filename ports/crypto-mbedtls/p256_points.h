/* SPDX-License-Identifier: Apache-2.0
 *
 * Points of P-256 in few instructions: one formula for every sum, written as a
 * table, over the arithmetic of p256-m (its functions m256_*; include its
 * source before). For public numbers only: its time depends on them.
 *
 * The formula is the complete addition for a = -3 of Renes, Costello and
 * Batina (Complete addition formulas for prime order elliptic curves, 2016,
 * algorithm 4). It holds for any two points of the curve, equal ones and the
 * neutral one included, so that nothing here has a special case. A point is
 * X, Y, Z with x = X / Z and y = Y / Z; the neutral one has Z = 0. */
#ifndef SELV_P256_POINTS_H
#define SELV_P256_POINTS_H

#include <stdbool.h>
#include <string.h>

/* Numbers modulo p, in Montgomery's form: two points, scratch, the curve's
 * constant, and 1. */
enum { X1, Y1, Z1, X2, Y2, Z2, X3, Y3, Z3, T0, T1, T2, T3, T4, B, ONE };
struct point_numbers {
    uint32_t of[ONE + 1][8];
};

/* One step: to = a (operation) b. */
#define POINT_STEP(operation, to, a, b)                                        \
    ((uint16_t)((operation) << 12 | (to) << 8 | (a) << 4 | (b)))
#define MUL(to, a, b) POINT_STEP(0, to, a, b)
#define ADD(to, a, b) POINT_STEP(1, to, a, b)
#define SUB(to, a, b) POINT_STEP(2, to, a, b)

static void point_steps(struct point_numbers *n, const uint16_t *steps,
                        unsigned count)
{
    static void (*const operations[])(uint32_t *, const uint32_t *,
                                      const uint32_t *, const m256_mod *) = {
        m256_mul, m256_add, m256_sub};
    for (; count > 0; count--) {
        unsigned step = *steps++;
        operations[step >> 12](n->of[step >> 8 & 15], n->of[step >> 4 & 15],
                               n->of[step & 15], &p256_p);
    }
}

/* 1 = 1 + 2. */
__attribute__((noinline)) static void point_sum(struct point_numbers *n)
{
    static const uint16_t steps[] = {
        MUL(T0, X1, X2), MUL(T1, Y1, Y2), MUL(T2, Z1, Z2), ADD(T3, X1, Y1),
        ADD(T4, X2, Y2), MUL(T3, T3, T4), ADD(T4, T0, T1), SUB(T3, T3, T4),
        ADD(T4, Y1, Z1), ADD(X3, Y2, Z2), MUL(T4, T4, X3), ADD(X3, T1, T2),
        SUB(T4, T4, X3), ADD(X3, X1, Z1), ADD(Y3, X2, Z2), MUL(X3, X3, Y3),
        ADD(Y3, T0, T2), SUB(Y3, X3, Y3), MUL(Z3, B, T2),  SUB(X3, Y3, Z3),
        ADD(Z3, X3, X3), ADD(X3, X3, Z3), SUB(Z3, T1, X3), ADD(X3, T1, X3),
        MUL(Y3, B, Y3),  ADD(T1, T2, T2), ADD(T2, T1, T2), SUB(Y3, Y3, T2),
        SUB(Y3, Y3, T0), ADD(T1, Y3, Y3), ADD(Y3, T1, Y3), ADD(T1, T0, T0),
        ADD(T0, T1, T0), SUB(T0, T0, T2), MUL(T1, T4, Y3), MUL(T2, T0, Y3),
        MUL(Y3, X3, Z3), ADD(Y1, Y3, T2), MUL(X3, T3, X3), SUB(X1, X3, T1),
        MUL(Z3, T4, Z3), MUL(T1, T3, T0), ADD(Z1, Z3, T1),
    };
    point_steps(n, steps, sizeof steps / sizeof *steps);
}

/* Point 1 is the neutral one. */
static void point_begin(struct point_numbers *n)
{
    memset(n, 0, sizeof *n);
    m256_set32(n->of[Y1], 1, &p256_p);
    m256_set32(n->of[ONE], 1, &p256_p);
    memcpy(n->of[B], p256_b, sizeof n->of[B]);
}

/* Whether point 2 is one: y^2 = x^3 - 3 x + b. */
static bool point_is_on_curve(struct point_numbers *n)
{
    static const uint16_t steps[] = {
        MUL(T0, X2, X2), MUL(T0, T0, X2), SUB(T0, T0, X2), SUB(T0, T0, X2),
        SUB(T0, T0, X2), ADD(T0, T0, B),  MUL(T1, Y2, Y2), SUB(T0, T0, T1),
    };
    point_steps(n, steps, sizeof steps / sizeof *steps);
    return u256_diff0(n->of[T0]) == 0;
}

/* 1 = 1 + the point x, y, if bit i of the number k is set. */
static void point_sum_if(struct point_numbers *n, const uint32_t k[8],
                         unsigned i, const uint32_t x[8], const uint32_t y[8])
{
    if ((k[i / 32] >> i % 32 & 1) != 0) {
        memcpy(n->of[X2], x, sizeof n->of[X2]);
        memcpy(n->of[Y2], y, sizeof n->of[Y2]);
        memcpy(n->of[Z2], n->of[ONE], sizeof n->of[Z2]);
        point_sum(n);
    }
}

/* 1 = u G + v key, from the neutral point; key: x, then y. */
__attribute__((noinline)) static void point_combine(struct point_numbers *n,
                                                    const uint32_t u[8],
                                                    const uint32_t v[8],
                                                    const uint32_t key[16])
{
    for (unsigned i = 256; i-- > 0;) {
        memcpy(n->of[X2], n->of[X1], 3 * sizeof n->of[X1]);
        point_sum(n);
        point_sum_if(n, u, i, p256_gx, p256_gy);
        point_sum_if(n, v, i, key, key + 8);
    }
}

#undef MUL
#undef ADD
#undef SUB

#endif
