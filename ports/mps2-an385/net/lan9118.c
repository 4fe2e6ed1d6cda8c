/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/net/lan9118.c - see lan9118.h. */
#include "net/lan9118.h"

#include "mmio.h"

#define BASE 0x40200000u
#define RX_DATA (BASE + 0x00u)
#define TX_DATA (BASE + 0x20u)
#define RX_STATUS (BASE + 0x40u)
#define TX_STATUS (BASE + 0x48u)
#define BYTE_TEST (BASE + 0x64u)
#define TX_CFG (BASE + 0x70u)
#define HW_CFG (BASE + 0x74u)
#define RX_FIFO_INF (BASE + 0x7cu)
#define TX_FIFO_INF (BASE + 0x80u)
#define MAC_CSR_CMD (BASE + 0xa4u)
#define MAC_CSR_DATA (BASE + 0xa8u)

#define BYTE_TEST_VALUE 0x87654321u
#define HW_CFG_RESET 1u
#define HW_CFG_MUST_BE_ONE (1u << 20)
#define HW_CFG_TX_FIFO_5K (5u << 16)
#define TX_CFG_ON 2u
#define CSR_BUSY (1u << 31)
#define CSR_READ (1u << 30)
#define MAC_CR 1u
#define MAC_CR_RX 4u
#define MAC_CR_TX 8u
#define MAC_CR_FULL_DUPLEX (1u << 20)
#define MAC_ADDRESS_HIGH 2u
#define MAC_ADDRESS_LOW 3u
#define RX_STATUS_ERROR (1u << 15)
#define TX_FIRST (1u << 13)
#define TX_LAST (1u << 12)
#define TX_COMMAND_LEN 8u
#define CHECK_SEQUENCE_LEN 4u
#define SPIN_MAX 100000u

static uint32_t get(uint32_t address)
{
    return *reg(address);
}

static void put(uint32_t address, uint32_t value)
{
    *reg(address) = value;
}

/* Wait until the bits of mask are clear; false when they never are. */
static bool wait_clear(uint32_t address, uint32_t mask)
{
    for (uint32_t i = 0; i < SPIN_MAX; i++) {
        if ((get(address) & mask) == 0) {
            return true;
        }
    }
    return false;
}

/* The MAC's own registers lie behind a command and a data register. */
static bool mac_write(uint32_t index, uint32_t value)
{
    put(MAC_CSR_DATA, value);
    put(MAC_CSR_CMD, CSR_BUSY | index);
    return wait_clear(MAC_CSR_CMD, CSR_BUSY);
}

static bool mac_read(uint32_t index, uint32_t *value)
{
    put(MAC_CSR_CMD, CSR_BUSY | CSR_READ | index);
    if (!wait_clear(MAC_CSR_CMD, CSR_BUSY)) {
        return false;
    }
    *value = get(MAC_CSR_DATA);
    return true;
}

bool selv_board_lan9118_start(uint8_t mac[static 6])
{
    uint32_t low;
    uint32_t high;

    if (get(BYTE_TEST) != BYTE_TEST_VALUE) {
        return false;
    }
    put(HW_CFG, HW_CFG_RESET);
    if (!wait_clear(HW_CFG, HW_CFG_RESET) || !mac_read(MAC_ADDRESS_LOW, &low) ||
        !mac_read(MAC_ADDRESS_HIGH, &high)) {
        return false;
    }
    for (uint32_t i = 0; i < 4; i++) {
        mac[i] = (uint8_t)(low >> (8u * i));
    }
    mac[4] = (uint8_t)high;
    mac[5] = (uint8_t)(high >> 8);
    put(HW_CFG, HW_CFG_MUST_BE_ONE | HW_CFG_TX_FIFO_5K);
    put(TX_CFG, TX_CFG_ON);
    return mac_write(MAC_CR, MAC_CR_TX | MAC_CR_RX | MAC_CR_FULL_DUPLEX);
}

/* ---- sending ------------------------------------------------------------- */

/* The status of each frame sent must be read, or the FIFO of statuses fills
 * up. A lost frame is the business of the layers above. */
static void statuses_drop(void)
{
    while ((get(TX_FIFO_INF) >> 16 & 0xffu) != 0) {
        (void)get(TX_STATUS);
    }
}

bool selv_board_lan9118_send_begin(struct selv_board_frame_out *out,
                                   uint32_t len)
{
    statuses_drop();
    if ((get(TX_FIFO_INF) & 0xffffu) < len + TX_COMMAND_LEN + 3u) {
        return false;
    }
    out->word = 0;
    out->count = 0;
    put(TX_DATA, TX_FIRST | TX_LAST | len);
    put(TX_DATA, len);
    return true;
}

void selv_board_lan9118_send_put(struct selv_board_frame_out *out,
                                 const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out->word |= (uint32_t)p[i] << (8u * (out->count & 3u));
        out->count++;
        if ((out->count & 3u) == 0) {
            put(TX_DATA, out->word);
            out->word = 0;
        }
    }
}

void selv_board_lan9118_send_end(struct selv_board_frame_out *out)
{
    if ((out->count & 3u) != 0) {
        put(TX_DATA, out->word);
    }
}

/* ---- receiving ----------------------------------------------------------- */

uint32_t selv_board_lan9118_receive_begin(struct selv_board_frame_in *in)
{
    while ((get(RX_FIFO_INF) >> 16 & 0xffu) != 0) {
        uint32_t status = get(RX_STATUS);
        uint32_t len = status >> 16 & 0x3fffu;

        in->word = 0;
        in->count = 0;
        in->words = (len + 3u) / 4u;
        if ((status & RX_STATUS_ERROR) == 0 && len > CHECK_SEQUENCE_LEN) {
            return len - CHECK_SEQUENCE_LEN;
        }
        selv_board_lan9118_receive_end(in);
    }
    return 0;
}

void selv_board_lan9118_receive_get(struct selv_board_frame_in *in, uint8_t *p,
                                    size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((in->count & 3u) == 0) {
            SELV_ASSERT(in->words > 0);
            in->word = get(RX_DATA);
            in->words--;
        }
        p[i] = (uint8_t)(in->word >> (8u * (in->count & 3u)));
        in->count++;
    }
}

void selv_board_lan9118_receive_end(struct selv_board_frame_in *in)
{
    while (in->words > 0) {
        (void)get(RX_DATA);
        in->words--;
    }
}
