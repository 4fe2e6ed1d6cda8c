/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/text.h - words for the console, for both images. */
#ifndef SELV_BOARD_TEXT_H
#define SELV_BOARD_TEXT_H

#include "base/base.h"
#include "net/net.h"

/* "power-on", "request", "watchdog", "crash" or "unknown", for an enum
 * selv_reset_cause. */
const char *selv_text_cause(uint32_t cause);

/* The word for an enum selv_boot_decision. */
const char *selv_text_decision(uint32_t decision);

/* The word for an enum selv_update_state. */
const char *selv_text_state(uint32_t state);

/* A name, then a number. */
void selv_text_print_number(const char *name, uint32_t number);

/* "10.0.2.2:5683" written to out: a view of it. */
struct selv_bytes selv_text_authority(const struct selv_board_net_peer *peer,
                                      char out[static 24]);

#endif
