/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/settings.c - see settings.h. */
#include "settings.h"

#define WORDS 10u

static const uint32_t defaults[WORDS] = {
    SELV_BOARD_SETTINGS_MAGIC,
    SELV_BOARD_SETTINGS_VERSION,
    0x0a00020f, /* 10.0.2.15 */
    0xffffff00,
    0x0a000202, /* 10.0.2.2, which is the host under QEMU */
    0x0a000202,
    5683,
    0,
    10,
    60,
};

void selv_board_settings_read(const uint8_t *p, struct selv_board_settings *out)
{
    uint32_t words[WORDS];

    memcpy(words, p, sizeof words);
    if (words[0] != SELV_BOARD_SETTINGS_MAGIC ||
        words[1] != SELV_BOARD_SETTINGS_VERSION) {
        memcpy(words, defaults, sizeof words);
    }
    selv_put_be32(out->net.address, words[2]);
    selv_put_be32(out->net.netmask, words[3]);
    selv_put_be32(out->net.gateway, words[4]);
    selv_put_be32(out->server.address, words[5]);
    out->server.port = (uint16_t)words[6];
    out->net.port = (uint16_t)words[7];
    out->poll_interval_s = words[8] != 0 ? words[8] : 1u;
    out->trial_timeout_s = words[9];
}
