/* SPDX-License-Identifier: Apache-2.0
 *
 * update/http_api.h - the operator-facing interface, and the public downloads
 * (docs/spec/http.md). */
#ifndef SELV_UPDATE_HTTP_API_H
#define SELV_UPDATE_HTTP_API_H

#include "host/http.h"
#include "server.h"

/* The application to hand to selv_http_open; server must outlive it. */
struct selv_http_app selv_http_api(struct selv_server *server);

#endif
