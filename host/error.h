/* SPDX-License-Identifier: Apache-2.0
 *
 * host/error.h - an error for a person: what went wrong, where, and what to
 * try, with the exit code that it leads to. */
#ifndef SELV_HOST_ERROR_H
#define SELV_HOST_ERROR_H

#include <stdbool.h>

/* Exit codes of every program. */
enum selv_exit {
    SELV_EXIT_OK = 0,          /* done or accepted */
    SELV_EXIT_REFUSED = 1,     /* refused or failed */
    SELV_EXIT_USAGE = 2,       /* the command line is wrong */
    SELV_EXIT_ENVIRONMENT = 3, /* file, network, disk */
    SELV_EXIT_SIGNATURE = 4    /* signature or MAC did not verify */
};

#define SELV_ERROR_LEN 1024u /* bytes, the terminating zero included */

/* Set by a function that returns false; untouched otherwise. */
struct selv_error {
    enum selv_exit exit;
    char text[SELV_ERROR_LEN]; /* one line, without a full stop */
};

/* Fill *error as printf does; a longer text is cut. Returns false, so that a
 * caller can return it in turn. */
__attribute__((format(printf, 3, 4))) bool
selv_error_set(struct selv_error *error, enum selv_exit exit,
               const char *format, ...);

/* Put "prefix: " before the text that is there. Returns false. */
bool selv_error_prefix(struct selv_error *error, const char *prefix);

#endif
