/* SPDX-License-Identifier: Apache-2.0 */
#include "host/text.h"

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
