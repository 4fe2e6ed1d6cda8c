/* SPDX-License-Identifier: Apache-2.0
 *
 * log.c - see host/log.h. */
#include "host/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "host/clock.h"

#define TEXT_MAX 512u

static enum selv_log_level least = SELV_LOG_INFO;
static bool json;

void selv_log_init(enum selv_log_level level, bool is_json)
{
    least = level;
    json = is_json;
}

/* Appends text to line, cleaned; quote and backslash are escaped for JSON. */
static size_t clean_append(char *line, size_t len, size_t cap, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    for (const char *p = text; *p != 0 && len + 8 < cap; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x20 && c < 0x7f) {
            if (json && (c == '"' || c == '\\')) {
                line[len++] = '\\';
            }
            line[len++] = (char)c;
        } else {
            if (json) {
                line[len++] = '\\';
            }
            line[len++] = '\\';
            line[len++] = 'x';
            line[len++] = hex[c >> 4];
            line[len++] = hex[c & 15];
        }
    }
    line[len] = 0;
    return len;
}

void selv_log(enum selv_log_level level, const char *event, const char *format,
              ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if (level < least) {
        return;
    }
    char text[TEXT_MAX + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);

    char time_text[SELV_CLOCK_TEXT_LEN];
    selv_clock_text(selv_clock_wall_s(), time_text);
    char line[TEXT_MAX * 5 + 160];
    int head = snprintf(line, sizeof line,
                        json ? "{\"time\":\"%s\",\"level\":\"%s\","
                               "\"event\":\"%s\",\"text\":\""
                             : "%s %s %s ",
                        time_text, names[level], event);
    size_t len = clean_append(line, (size_t)head, sizeof line - 4, text);
    if (json) {
        line[len++] = '"';
        line[len++] = '}';
    }
    line[len++] = '\n';
    /* One write, so that lines of several processes do not mix. What cannot
     * be logged is lost: there is nowhere to say so. */
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written;
}
