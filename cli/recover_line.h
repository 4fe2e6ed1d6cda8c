/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/recover_line.h - one end of a serial line, as a question and its answer
 * (docs/spec/recovery.md): a terminal or a Unix socket, opened again when it
 * goes away, questions repeated until an answer comes. */
#ifndef SELV_CLI_RECOVER_LINE_H
#define SELV_CLI_RECOVER_LINE_H

#include <stdint.h>

#include "host/error.h"
#include "serial/recovery.h"

enum { SELV_RECOVER_LINE_CAP = 4096 };

struct selv_recover_line {
    const char *port;
    uint64_t baud;
    uint64_t wait_ms; /* without any answer: give up */

    /* Private from here on. */
    int fd; /* -1: not open */
    uint64_t heard_ms;
    uint8_t number;
    uint8_t in[SELV_RECOVER_LINE_CAP], out[SELV_RECOVER_LINE_CAP];
    struct selv_serial from, to;
};

enum selv_recover_answer {
    SELV_RECOVER_ANSWERED,
    SELV_RECOVER_SILENT, /* begin another session */
    SELV_RECOVER_FAILED  /* the error is set */
};

/* port, baud and wait_ms are set. A port that is not there, no serial line, or
 * not ours to open is an error at once. */
bool selv_recover_line_open(struct selv_recover_line *l,
                            struct selv_error *error);
void selv_recover_line_close(struct selv_recover_line *l);

/* Ask. SELV_RECOVER_ANSWERED: answer type and payload are set until the next
 * question. HELLO is repeated until wait_ms have passed without an answer to
 * anything; other questions a few times only. */
enum selv_recover_answer
selv_recover_ask(struct selv_recover_line *l, enum selv_recovery_type question,
                 const void *payload, size_t len, uint8_t *type,
                 struct selv_bytes *answer, struct selv_error *error);

/* Whether the line can be set to that speed. */
bool selv_recover_line_has_speed(uint64_t baud);

#endif
