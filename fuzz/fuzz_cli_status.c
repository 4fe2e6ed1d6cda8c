/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_cli_status - any bytes as the state of a device: what is read of them is
 * within its bounds, and can be shown on a terminal. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct selv_cli_status s;

    if (!selv_cli_status_read(selv_bytes(data, len), &s)) {
        return 0;
    }
    if (s.state >= SELV_CLI_STATUS_STATES ||
        memchr(s.version, 0, sizeof s.version) == NULL) {
        abort();
    }
    for (const char *c = s.version; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            abort();
        }
    }
    return 0;
}
