/* SPDX-License-Identifier: Apache-2.0
 *
 * update/coap_api.h - the device-facing interface (docs/spec/coap.md) on one
 * UDP socket.
 *
 * What it may cost in memory is fixed here: requests remembered against
 * duplicates, and bodies being put together from blocks. When all places for
 * bodies are taken, the one that stood still longest gives way. */
#ifndef SELV_UPDATE_COAP_API_H
#define SELV_UPDATE_COAP_API_H

#include "coap/coap.h"
#include "host/loop.h"
#include "server.h"

#define SELV_COAP_API_SEEN_MAX 4096u  /* about 120 bytes each */
#define SELV_COAP_API_UPLOADS_MAX 64u /* bodies under way */
#define SELV_COAP_API_BODY_MAX 2048u  /* bytes of one body */
#define SELV_COAP_API_DATAGRAM_MAX 4096u

struct selv_coap_api {
    struct selv_server *server;
    int fd;
    struct selv_loop_source source;
    struct selv_coap_server engine;
    struct selv_coap_seen seen[SELV_COAP_API_SEEN_MAX];
    struct selv_coap_upload uploads[SELV_COAP_API_UPLOADS_MAX];
    uint64_t upload_used_ms[SELV_COAP_API_UPLOADS_MAX];
    uint8_t bodies[SELV_COAP_API_UPLOADS_MAX][SELV_COAP_API_BODY_MAX];
};

/* fd: bound, non-blocking; taken over. False, with errno, when the system
 * gives no random bytes. The struct is large: not for the stack. */
SELV_MUST_CHECK bool selv_coap_api_open(struct selv_coap_api *api,
                                        struct selv_server *server, int fd);
void selv_coap_api_close(struct selv_coap_api *api);

#endif
