/* SPDX-License-Identifier: Apache-2.0
 *
 * update/server.h - what both interfaces of the update server share. */
#ifndef SELV_UPDATE_SERVER_H
#define SELV_UPDATE_SERVER_H

#include "blobs.h"
#include "host/net.h"
#include "inspect.h"
#include "records.h"
#include "reflect.h"
#include "writes.h"

#define SELV_SERVER_ANCHORS_MAX 8u
#define SELV_SERVER_TOKEN_LEN 64u
#define SELV_SERVER_IMAGE_MAX (64u * 1024u * 1024u) /* bytes */

enum selv_server_role {
    SELV_ROLE_FIRMWARE = 1, /* keeps and serves images */
    SELV_ROLE_TRACKER = 2   /* knows devices, releases and reports */
};

struct selv_loops;

struct selv_server {
    unsigned roles; /* bits of enum selv_server_role */
    struct selv_blobs blobs;
    struct selv_records records;
    struct selv_cose_key anchors[SELV_SERVER_ANCHORS_MAX];
    size_t anchor_count;
    struct selv_reflect_all reflect;
    struct selv_writes writes;
    char token[SELV_SERVER_TOKEN_LEN + 1];
    char coap_text[SELV_NET_TEXT_LEN]; /* "127.0.0.1:5683": our authority */
    char tcp_text[SELV_NET_TEXT_LEN];  /* CoAP over TCP; empty: not there */
    char http_text[SELV_NET_TEXT_LEN];
    struct selv_loops *loops; /* that serve CoAP; NULL: none yet */
};

/* What came of publishing an envelope. */
enum selv_publish_status {
    SELV_PUBLISH_NEW,      /* stored */
    SELV_PUBLISH_THERE,    /* the same envelope was published before */
    SELV_PUBLISH_REPLACED, /* another envelope of the same manifest was: this
                              one took its place */
    SELV_PUBLISH_CONFLICT, /* the number is taken by another manifest, or the
                              manifest by an envelope that stays */
    SELV_PUBLISH_REFUSED,  /* not a release that a device could install */
    SELV_PUBLISH_FULL,     /* no space */
    SELV_PUBLISH_FAILED
};

#define SELV_PUBLISH_WHY_LEN 400u

/* Inspect an envelope, and keep it: blob first, then its row. *release is set
 * for NEW, THERE and REPLACED; why says what was wrong for the others. */
SELV_MUST_CHECK enum selv_publish_status
selv_server_publish(struct selv_server *server, struct selv_bytes envelope,
                    struct selv_release *release,
                    char why[static SELV_PUBLISH_WHY_LEN]);

#endif
