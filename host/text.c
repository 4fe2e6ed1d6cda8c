/* SPDX-License-Identifier: Apache-2.0 */
#include "host/text.h"

#include <stdbool.h>

/* What turns the order of a line round, or shows nothing: U+200B to U+200F,
 * U+202A to U+202E, U+2066 to U+2069 and U+FEFF, three bytes each in UTF-8. */
static bool is_invisible(const unsigned char *c)
{
    if (c[0] == 0xef) {
        return c[1] == 0xbb && c[2] == 0xbf;
    }
    if (c[0] != 0xe2) {
        return false;
    }
    return c[1] == 0x80 ? (c[2] >= 0x8b && c[2] <= 0x8f) ||
                              (c[2] >= 0xaa && c[2] <= 0xae)
           : c[1] == 0x81 ? c[2] >= 0xa6 && c[2] <= 0xa9
                          : false;
}

size_t selv_text_control(const char *text)
{
    unsigned char c = (unsigned char)text[0];

    if (c == '\0') {
        return 0;
    }
    if (c == 0xc2) { /* U+0080 to U+009F in UTF-8 */
        unsigned char next = (unsigned char)text[1];
        return next >= 0x80 && next < 0xa0 ? 2 : 0;
    }
    if (is_invisible((const unsigned char *)text)) {
        return 3;
    }
    return c < 0x20 || c == 0x7f ? 1 : 0;
}

void selv_text_clean(char *text)
{
    char *to = text;

    while (*text != '\0') {
        size_t len = selv_text_control(text);

        *to++ = len > 0 ? '?' : *text;
        text += len > 0 ? len : 1;
    }
    *to = '\0';
}
