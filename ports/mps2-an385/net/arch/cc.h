/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/net/arch/cc.h - what lwIP asks of a compiler and a port. */
#ifndef SELV_BOARD_ARCH_CC_H
#define SELV_BOARD_ARCH_CC_H

#include "base/base.h"

#define LWIP_NO_UNISTD_H 1
#define BYTE_ORDER LITTLE_ENDIAN

/* lwIP's own mistakes end like ours: recorded, then a reset. "LWIP" */
#define LWIP_PLATFORM_ASSERT(text) selv_panic(0x4c574950u, (uint32_t)__LINE__)
#define LWIP_PLATFORM_DIAG(text)

#endif
