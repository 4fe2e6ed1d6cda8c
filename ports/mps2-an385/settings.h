/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/settings.h - where this device finds its network and its
 * server: a block of words that the factory writes at a fixed place behind
 * the factory data, in the same write-protected sector. All that an attacker
 * could do by changing it is to keep the device from its server. */
#ifndef SELV_BOARD_SETTINGS_H
#define SELV_BOARD_SETTINGS_H

#include "base/base.h"
#include "net/net.h"

#define SELV_BOARD_SETTINGS_OFF 2048u         /* bytes, in the factory sector */
#define SELV_BOARD_SETTINGS_MAGIC 0x54455353u /* "SSET" */
#define SELV_BOARD_SETTINGS_VERSION 1u
#define SELV_BOARD_SETTINGS_LEN 40u /* bytes */

/* Words of 32 bits, little endian, in this order:
 *  0 magic   1 version   2 own address   3 netmask   4 gateway
 *  5 server's address   6 server's port   7 own port, 0: any
 *  8 seconds between polls   9 seconds that a trial gets
 * Addresses are a.b.c.d as a << 24 | b << 16 | c << 8 | d. */
struct selv_board_settings {
    struct selv_board_net_config net; /* port 0: choose one at random */
    struct selv_board_net_peer server;
    uint32_t poll_interval_s;
    uint32_t trial_timeout_s;
};

/* The settings stored at p (40 bytes), or, where that is not a block of this
 * version, QEMU's own network: 10.0.2.15, server 10.0.2.2:5683, a poll every
 * 10 s, 60 s for a trial. */
void selv_board_settings_read(const uint8_t *p,
                              struct selv_board_settings *out);

#endif
