/* SPDX-License-Identifier: Apache-2.0
 *
 * host/log.h - one line per event to standard error.
 *
 * "2026-11-22T10:00:00Z info registered id=... peer=..." or, with JSON asked
 * for, an object with time, level, event and text. Bytes that are no
 * printable ASCII come out as \xNN, so that no client can forge a line.
 * Never hand it a token, a key or a body.
 * Global: the level and the form, set once by selv_log_init. */
#ifndef SELV_HOST_LOG_H
#define SELV_HOST_LOG_H

#include <stdbool.h>

enum selv_log_level {
    SELV_LOG_DEBUG = 0,
    SELV_LOG_INFO = 1,
    SELV_LOG_WARN = 2,
    SELV_LOG_ERROR = 3
};

/* Lines below level are dropped. Before this call: info, as text. */
void selv_log_init(enum selv_log_level level, bool is_json);

/* event: one lower-case word. The text is cut at 512 bytes. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void selv_log(enum selv_log_level level, const char *event,
              const char *format, ...);

#endif
