/* SPDX-License-Identifier: Apache-2.0 */
#include "host/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/text.h"

bool selv_error_set(struct selv_error *error, enum selv_exit exit,
                    const char *format, ...)
{
    va_list arguments;

    error->exit = exit;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    /* Parts of it may come from a file or from a server. */
    selv_text_clean(error->text);
    return false;
}

bool selv_error_prefix(struct selv_error *error, const char *prefix)
{
    char text[SELV_ERROR_LEN];
    size_t room = sizeof(error->text) - 1;
    size_t len = strlen(prefix);

    memcpy(text, error->text, sizeof(text));
    if (len > room / 2) {
        len = room / 2;
    }
    snprintf(error->text, sizeof(error->text), "%.*s: %.*s", (int)len, prefix,
             (int)(room - len - 2), text);
    return false;
}
