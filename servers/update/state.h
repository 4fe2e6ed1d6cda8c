/* SPDX-License-Identifier: Apache-2.0
 *
 * update/state.h - the state folder: found or made, locked, with its token.
 *
 *   STATE/lock          held for as long as a server runs on the folder
 *   STATE/token         what operators must show; made at the first start
 *   STATE/selvage.db    devices, releases, reports
 *   STATE/images/       blobs (update/blobs.h) */
#ifndef SELV_UPDATE_STATE_H
#define SELV_UPDATE_STATE_H

#include "server.h"

#define SELV_STATE_WHY_LEN 1600u
#define SELV_STATE_PATH_MAX 1024u

struct selv_state {
    char path[SELV_STATE_PATH_MAX];
    int folder_fd;
    int lock_fd;
};

/* path: NULL for $SELVAGE_STATE, or else $HOME/.local/state/selvage. The last
 * part of the path is made when it is missing (all of the default). False
 * with why: what, where and what to try. */
SELV_MUST_CHECK bool selv_state_open(struct selv_state *state, const char *path,
                                     char why[static SELV_STATE_WHY_LEN]);
void selv_state_close(struct selv_state *state);

/* Read the token, or make it (mode 0600, on disk before we return). */
SELV_MUST_CHECK bool
selv_state_token(const struct selv_state *state,
                 char token[static SELV_SERVER_TOKEN_LEN + 1],
                 char why[static SELV_STATE_WHY_LEN]);

#endif
