/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/api.h - the operator's side of the server's HTTP interface
 * (docs/spec/http.md).
 *
 * Calls: 1 open, which finds out where the server is and reads the token
 *        2 any number of requests   3 close
 * Owns:  copies of what it needs; JSON answers belong to the caller.
 * Time:  no request goes on for ever: it fails without a connection after
 *        10 s, when nothing comes or goes for patience_s, and after four times
 *        patience_s and a second for each 4 KiB of an upload altogether. */
#ifndef SELV_CLI_API_H
#define SELV_CLI_API_H

#include <jansson.h>

#include "base/base.h"
#include "host/error.h"

struct selv_api {
    char *server; /* http://host:port, without a '/' at the end */
    char *token;
    bool has_progress; /* show the progress of long uploads on stderr */
    long patience_s;   /* seconds that a server may say nothing, 1 to 3600 */
};

/* server, token_file: from the command line, NULL when not given. Then the
 * configuration file is asked (SELVAGE_CONFIG, else
 * ~/.config/selvage/config.json: "server", "token_file"); then the server is
 * http://127.0.0.1:8683 and the token where selvaged on this machine keeps it
 * (SELVAGE_STATE/token, else ~/.local/state/selvage/token). SELVAGE_TIMEOUT is
 * patience_s, by default 30. */
bool selv_api_open(struct selv_api *api, const char *server,
                   const char *token_file, struct selv_error *error);
void selv_api_close(struct selv_api *api);

/* GET path (from "/api/v1" on). *answer is the JSON of a 200. Another status
 * is an error that says what the server said: SELV_EXIT_REFUSED; no server,
 * or no answer that we understand: SELV_EXIT_ENVIRONMENT. */
bool selv_api_get(const struct selv_api *api, const char *path, json_t **answer,
                  struct selv_error *error);

/* PUT these bytes; the rest as below. */
bool selv_api_put(const struct selv_api *api, const char *path,
                  struct selv_bytes bytes, json_t **answer, bool *is_new,
                  struct selv_error *error);

/* PUT the file's len bytes. *answer is the JSON of a 200 or 201. *is_new: it
 * was not there before. */
bool selv_api_put_file(const struct selv_api *api, const char *path,
                       const char *file, uint64_t len, json_t **answer,
                       bool *is_new, struct selv_error *error);

/* POST bytes. *answer is the JSON of a 200 or 201. */
bool selv_api_post(const struct selv_api *api, const char *path,
                   const char *content_type, struct selv_bytes body,
                   json_t **answer, bool *is_new, struct selv_error *error);

#endif
