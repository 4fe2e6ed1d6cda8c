/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/stack_paint.h - how deep a stack got: fill what is below the stack
 * pointer, look later what is left of it. For stacks that grow downwards. */
#ifndef SELV_PORTTEST_STACK_PAINT_H
#define SELV_PORTTEST_STACK_PAINT_H

#include <stdint.h>

/* Fill from limit, the stack's lowest word, to a little below what is in
 * use. Returns the bytes in use, up to top. */
uint32_t selv_porttest_paint(uint32_t *limit, const uint32_t *top);

/* Bytes from the lowest word that was written since, to top. */
uint32_t selv_porttest_painted(const uint32_t *limit, const uint32_t *top);

#endif
