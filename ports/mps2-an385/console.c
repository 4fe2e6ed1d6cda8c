/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/console.c - UART0, polled. */
#include "board.h"
#include "mmio.h"

/* The smallest divider that the CMSDK UART takes. The speed means nothing
 * to QEMU, but it transmits nothing while the divider is below 16. */
#define DIVIDER 16u

void selv_board_console_init(void)
{
    *reg(UART_BAUDDIV) = DIVIDER;
    *reg(UART_CTRL) = UART_CTRL_TX_RX;
}

static void put(char c)
{
    while (*reg(UART_STATE) & UART_STATE_TX_FULL) {
    }
    *reg(UART_DATA) = (uint8_t)c;
}

void selv_board_print(const char *text)
{
    while (*text != '\0') {
        put(*text++);
    }
}

void selv_board_print_u32(uint32_t number)
{
    char digits[11];
    size_t at = sizeof digits - 1;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number != 0);
    selv_board_print(&digits[at]);
}

void selv_board_print_hex(const uint8_t *p, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        put(digits[p[i] >> 4]);
        put(digits[p[i] & 15u]);
    }
}

int selv_board_read_key(void)
{
    if ((*reg(UART_STATE) & UART_STATE_RX_FULL) == 0) {
        return -1;
    }
    return (int)(*reg(UART_DATA) & 0xffu);
}
