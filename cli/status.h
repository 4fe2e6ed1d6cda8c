/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/status.h - what a device says of itself, read as hostile
 * (docs/spec/coap.md, "On the device": GET /suit/s). */
#ifndef SELV_CLI_STATUS_H
#define SELV_CLI_STATUS_H

#include "base/base.h"

#define SELV_CLI_STATUS_STATES 12u /* of an update: enum selv_update_state */
#define SELV_CLI_STATUS_TEXT_MAX 32u

/* Zero where it does not say. */
struct selv_cli_status {
    uint64_t state, sequence, err; /* of the last event; state is below
                                      SELV_CLI_STATUS_STATES */
    uint64_t running;              /* sequence number */
    uint64_t done, size;           /* of a download, bytes */
    char version[SELV_CLI_STATUS_TEXT_MAX + 1]; /* cut there; printable ASCII,
                                                   others are '?' */
};

/* False: it makes no sense, and s is of no use. Unknown keys are passed over.
 */
bool selv_cli_status_read(struct selv_bytes body, struct selv_cli_status *s);

#endif
