/* SPDX-License-Identifier: Apache-2.0
 *
 * update/coap_api.h - the device-facing interface (docs/spec/coap.md) on one
 * UDP socket, and the TCP connections that one socket takes, in one thread's
 * loop. Several of them share a port and a server; the system hands each peer
 * to one of them.
 *
 * What it may cost in memory is fixed here, however many peers there are: one
 * that reads leaves no trace but in `polls`, by device; requests that change
 * something are remembered against duplicates, and their bodies are put
 * together from blocks. When all places for bodies are taken, the one that
 * stood still longest gives way. */
#ifndef SELV_UPDATE_COAP_API_H
#define SELV_UPDATE_COAP_API_H

#include "coap/coap.h"
#include "contacts.h"
#include "host/loop.h"
#include "host/udp.h"
#include "maps.h"
#include "observers.h"
#include "polls.h"
#include "reflect.h"
#include "server.h"
#include "tcp.h"

#define SELV_COAP_API_SEEN_MAX 4096u  /* about 120 bytes each */
#define SELV_COAP_API_UPLOADS_MAX 64u /* bodies under way */
#define SELV_COAP_API_BODY_MAX 2048u  /* bytes of one body */

struct selv_coap_api {
    struct selv_server *server;
    struct selv_udp *udp;
    struct selv_loop_source source;
    uint64_t now_ms;                 /* of the datagrams at hand */
    int64_t now_s;                   /* the same, wall clock */
    struct selv_coap_server reads;   /* GET: may be executed twice */
    struct selv_coap_server writes;  /* remembers what it answered */
    struct selv_coap_server streams; /* TCP doubles nothing */
    struct selv_tcp *tcp;            /* NULL: not listening there */
    struct selv_loop_source stream_source;
    struct selv_maps maps;
    struct selv_polls polls;
    struct selv_contacts contacts;
    struct selv_observers observers;
    uint64_t notify_ms; /* the next notification; UINT64_MAX: none */
    bool is_changed;    /* a release was published: look at the observers */
    struct selv_reflect reflect;
    struct selv_coap_seen seen[SELV_COAP_API_SEEN_MAX];
    struct selv_coap_upload uploads[SELV_COAP_API_UPLOADS_MAX];
    uint64_t upload_used_ms[SELV_COAP_API_UPLOADS_MAX];
    uint8_t bodies[SELV_COAP_API_UPLOADS_MAX][SELV_COAP_API_BODY_MAX];
};

/* fd: bound, non-blocking; taken over in any case. wake_fd: see
 * selv_contacts. False, with errno, when the system gives no random bytes or
 * no memory. The struct is large: not for the stack. */
SELV_MUST_CHECK bool selv_coap_api_open(struct selv_coap_api *api,
                                        struct selv_server *server, int fd,
                                        int wake_fd);
/* Takes connections, too; before its loop runs. fd: listens, non-blocking;
 * taken over. places: at most so many. False, with errno, without memory or
 * descriptors; fd is then the caller's still. */
SELV_MUST_CHECK bool selv_coap_api_listen(struct selv_coap_api *api, int fd,
                                          uint32_t places);
/* In its thread: a release was published. */
void selv_coap_api_changed(struct selv_coap_api *api);
/* Not while its loop runs. Harmless for one that is all zeros. */
void selv_coap_api_close(struct selv_coap_api *api);

#endif
