/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/net/lan9118.h - the board's Ethernet controller (SMSC
 * LAN9118), polled, frames going straight between its FIFOs and the caller's
 * memory. Numbers from the LAN9118 data sheet, chapters 3 and 5.
 *
 * Calls: 1 start   2 send and receive, any order
 * RAM:   none. */
#ifndef SELV_BOARD_LAN9118_H
#define SELV_BOARD_LAN9118_H

#include "base/base.h"

/* Reset the controller and switch both directions on; mac gets the address
 * that the board's EEPROM holds. False when no such controller answers. */
bool selv_board_lan9118_start(uint8_t mac[static 6]);

/* Send one frame without its check sequence: begin with its length in bytes
 * (14 to 1514), put it in any number of parts, end. begin is false when the
 * controller has no room now; then nothing may be put. */
struct selv_board_frame_out {
    uint32_t word;  /* bytes that fill no word yet */
    uint32_t count; /* bytes put so far */
};
bool selv_board_lan9118_send_begin(struct selv_board_frame_out *out,
                                   uint32_t len);
void selv_board_lan9118_send_put(struct selv_board_frame_out *out,
                                 const uint8_t *p, size_t len);
void selv_board_lan9118_send_end(struct selv_board_frame_out *out);

/* Length in bytes of the next frame that came, without its check sequence, or
 * 0. Frames with errors are dropped here. After a length, take its bytes by
 * get, in any number of parts, then call end, which drops what was not
 * taken. */
struct selv_board_frame_in {
    uint32_t word;  /* bytes fetched and not taken yet */
    uint32_t count; /* bytes taken so far */
    uint32_t words; /* words of the frame still in the controller */
};
uint32_t selv_board_lan9118_receive_begin(struct selv_board_frame_in *in);
void selv_board_lan9118_receive_get(struct selv_board_frame_in *in, uint8_t *p,
                                    size_t len);
void selv_board_lan9118_receive_end(struct selv_board_frame_in *in);

#endif
