/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/text.c - see text.h. */
#include "text.h"

#include "board.h"

const char *selv_text_cause(uint32_t cause)
{
    static const char *const words[] = {"power-on", "request", "watchdog",
                                        "crash"};

    return cause < sizeof words / sizeof words[0] ? words[cause] : "unknown";
}

const char *selv_text_decision(uint32_t decision)
{
    static const char *const words[] = {"unchanged", "born",      "trial",
                                        "again",     "confirmed", "reverted",
                                        "refused",   "replaced",  "installed"};

    return decision < sizeof words / sizeof words[0] ? words[decision]
                                                     : "unknown";
}

const char *selv_text_state(uint32_t state)
{
    static const char *const words[] = {"idle",        "notified", "authorized",
                                        "downloading", "verified", "waiting",
                                        "installing",  "trial",    "confirmed",
                                        "rejected",    "failed",   "reverted"};

    return state < sizeof words / sizeof words[0] ? words[state] : "unknown";
}

void selv_text_print_number(const char *name, uint32_t number)
{
    selv_board_print(name);
    selv_board_print_u32(number);
}

/* Writes the digits of a number below 65536; returns their end. */
static char *digits_put(char *out, uint32_t number)
{
    char digits[5];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number != 0);
    while (count > 0) {
        *out++ = digits[--count];
    }
    return out;
}

struct selv_bytes selv_text_authority(const struct selv_board_net_peer *peer,
                                      char out[static 24])
{
    char *end = out;

    for (size_t i = 0; i < 4; i++) {
        end = digits_put(end, peer->address[i]);
        *end++ = i < 3 ? '.' : ':';
    }
    end = digits_put(end, peer->port);
    return selv_bytes(out, (size_t)(end - out));
}
