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
 * together from blocks. Places for bodies that run short are for addresses that
 * have echoed. What devices want written down goes to another thread
 * (writes.h), and is answered when that has committed it; a request that needs
 * the database while that is busy is parked for a millisecond. */
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
#define SELV_COAP_API_BODY_MAX SELV_WRITES_BODY_MAX
#define SELV_COAP_API_PARKED_MAX 512u /* requests that wait */
#define SELV_COAP_API_PARKED_LEN 208u /* bytes of one; longer ones are lost */

/* A request that came while the database was busy. Private. */
struct selv_coap_parked {
    struct selv_coap_peer peer;
    struct selv_net_local local;
    uint8_t szx_max; /* of a peer over TCP */
    uint16_t bert_len;
    uint16_t len;
    uint8_t bytes[SELV_COAP_API_PARKED_LEN];
};

/* Who sends a body. Private. */
struct selv_coap_sender {
    uint64_t used_ms;
    uint64_t network;
    bool is_proven;
};

struct selv_coap_api {
    struct selv_server *server;
    struct selv_udp *udp;
    struct selv_loop_source source;
    struct selv_loop_source written; /* what was written can be answered */
    struct selv_writes_port port;
    struct selv_write *pending;      /* not answered yet */
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
    bool is_busy;       /* the database was, when they were looked at */
    struct selv_reflect reflect;
    struct selv_coap_seen seen[SELV_COAP_API_SEEN_MAX];
    struct selv_coap_upload uploads[SELV_COAP_API_UPLOADS_MAX];
    struct selv_coap_sender senders[SELV_COAP_API_UPLOADS_MAX];
    uint8_t bodies[SELV_COAP_API_UPLOADS_MAX][SELV_COAP_API_BODY_MAX];
    struct selv_coap_parked parked[SELV_COAP_API_PARKED_MAX];
    unsigned parked_count;
    uint64_t parked_ms; /* when they were looked at last */
};

/* fd: bound, non-blocking; taken over in any case. The caller's loop gets
 * `source` and `written`. wake_fd: see
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
