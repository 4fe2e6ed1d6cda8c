/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/push.h - hand a manifest to a device that listens. */
#ifndef SELV_CLI_PUSH_H
#define SELV_CLI_PUSH_H

#include "base/base.h"
#include "cli/cli.h"
#include "host/error.h"

/* to: such as coap://127.0.0.1:5683, well-formed. True: the device took it,
 * which says nothing of what becomes of it. */
bool selv_cli_push(const struct selv_cli *cli, const char *to,
                   struct selv_bytes envelope, struct selv_error *error);

#endif
