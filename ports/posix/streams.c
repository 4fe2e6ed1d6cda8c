/* SPDX-License-Identifier: Apache-2.0
 *
 * Standard streams that are closed at start, or full at the end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "posix/posix.h"

bool selv_posix_streams_hold(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) {
            continue;
        }
        /* The lowest number that is free is this one. The wrong way round, so
         * that reading and writing still fail and are noticed. */
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
            return false;
        }
    }
    return true;
}

bool selv_posix_streams_end(const char *program)
{
    bool is_whole = fflush(stdout) == 0 && !ferror(stdout);

    if (!is_whole) {
        fprintf(stderr, "%s: cannot write to standard output\n", program);
    }
    return is_whole;
}
