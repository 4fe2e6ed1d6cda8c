/* SPDX-License-Identifier: Apache-2.0
 *
 * coap_api.c - see update/coap_api.h. */
#define SELV_MODULE 0x43415049u /* "CAPI" */
#include "coap_api.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/log.h"

/* Batches taken before the loop looks at the other sources again. */
#define BURST 8u
#define FOREVER 0xffffffffu /* Max-Age, seconds */
#define ETAG_LEN SELV_COAP_ETAG_MAX
#define DIAGNOSTIC_MAX 160u
#define NOTIFIED 64u        /* observers told before datagrams are looked at */
#define LOOK_AGAIN_MS 1000u /* after the database failed */
#define TELL_AGAIN_MS 2000u /* at most, whose connection takes nothing now */
#define BUSY_MS 2u          /* while somebody else writes */
#define PARKED_MS 1u        /* the same for requests */
/* Bytes of a notification but its payload, at most. */
#define NOTIFICATION_HEAD 48u
/* Places for bodies of one network, and of all addresses that have not echoed;
 * one that has not moved for so long gives way to one of the same network. */
#define UPLOADS_NETWORK_MAX (SELV_COAP_API_UPLOADS_MAX / 2)
#define UPLOADS_UNPROVEN_MAX (SELV_COAP_API_UPLOADS_MAX / 2)
#define UPLOAD_STILL_MS 4000u
#define SZX_DOUBTED 2u /* blocks of 64 bytes to who may not be there */

/* One request and what is needed to answer it. */
struct exchange {
    struct selv_coap_api *api;
    struct selv_coap_server *engine; /* that took it */
    uint64_t now_ms;
    struct selv_coap_peer peer;
    /* Where it came from: the same, or its connection's other end. */
    const struct selv_coap_peer *from;
    const struct selv_net_local *local; /* the address of ours that was asked */
    struct selv_coap_msg rq;
    struct selv_bytes star; /* what a '*' of the path stood for */
    /* GET /m: who asks, and what is newest for him; else NULL. */
    const struct selv_newest *newest;
    uint8_t id[8];
    struct selv_coap_observer *observer; /* it has become; else NULL */
    struct selv_buf out;
    struct selv_bytes tail; /* of a mapped file: goes out behind out */
    /* Of a peer over TCP: what it takes, and where the tail is from. */
    bool is_stream;
    uint8_t szx_max;
    uint16_t bert_len;
    uint32_t tail_offset;
    const uint8_t *blob;
    struct selv_reflect_answer answer; /* of a block: where it stands */
    bool is_parked;                    /* no answer yet: the database is busy */
    bool is_written;                   /* nor yet: it is being written down */
};

/* A request, or what somebody says about one of ours. */
struct arrival {
    struct selv_coap_peer peer;
    const struct selv_net_local *local;
    struct selv_bytes datagram;
    int at;          /* in the batch; -1: it was parked */
    uint8_t szx_max; /* of a peer over TCP, as in its hooks */
    uint16_t bert_len;
};

/* ---- answers ------------------------------------------------------------- */

static void code_reply(struct exchange *x, uint8_t code, const char *text)
{
    selv_coap_reply_code(x->engine, &x->rq, code, text, &x->out);
}

/* An answer that is not repeated with the same bytes unless kept. */
static void reply_end(struct exchange *x, const struct selv_coap_writer *w,
                      enum selv_coap_keep keep)
{
    enum selv_err err = selv_coap_reply_end(x->engine, x->now_ms, &x->peer,
                                            &x->rq, w, keep, &x->out);
    if (err) {
        selv_log(SELV_LOG_ERROR, "coap", "an answer did not fit: %s",
                 selv_err_name(err));
        code_reply(x, SELV_COAP_SERVER_ERROR, NULL);
    }
}

static void disk_reply(struct exchange *x, bool is_full)
{
    code_reply(x, SELV_COAP_SERVER_ERROR,
               is_full ? "the server's disk is full; try again later"
                       : "the server's database failed; try again later");
}

static void db_reply(struct exchange *x, enum selv_db_status status)
{
    selv_log(SELV_LOG_ERROR, "database", "%s", selv_records_error());
    disk_reply(x, status == SELV_DB_FULL);
}

/* 5.03: too much of this kind is under way [RFC 7252 5.9.3.4]. */
static void later_reply(struct exchange *x)
{
    struct selv_coap_writer w;
    selv_coap_reply_begin(x->engine, &x->rq, SELV_COAP_UNAVAILABLE, &x->out,
                          &w);
    selv_coap_write_uint(&w, SELV_COAP_OPT_MAX_AGE, SELV_WRITES_RETRY_S);
    reply_end(x, &w, SELV_COAP_RECOMPUTE);
}

/* 4.01 with an Echo option. */
static void challenge_reply(struct exchange *x)
{
    selv_coap_echo_challenge(&x->api->reflect.echo, x->engine, x->now_ms,
                             &x->peer, &x->rq, &x->out);
    x->tail = selv_bytes(NULL, 0);
}

/* Takes the device for an observer, if it wants to be one; marks the answer.
 */
static void observe(struct exchange *x, struct selv_coap_slice *slice)
{
    struct selv_coap_observer *observer = NULL;
    if (x->newest != NULL) {
        observer = selv_observers_take(&x->api->observers, x->now_ms, &x->peer,
                                       &x->rq, x->id, x->newest);
    }
    if (observer != NULL && !x->is_stream) {
        *selv_observers_local(&x->api->observers, observer) = *x->local;
    }
    /* It may be another's address that is told of each release from now on,
     * several times, for nobody answers there. */
    if (observer != NULL && x->is_stream) {
        observer->is_stream = true;
    } else if (observer != NULL && observer->szx > SZX_DOUBTED &&
               selv_reflect_doubts(&x->api->reflect, x->now_ms, &x->peer,
                                   &x->rq)) {
        observer->szx = SZX_DOUBTED;
    }
    x->observer = observer;
    selv_coap_observe_mark(observer, slice);
}

/* It gets another answer, which does not say that it observes. */
static void observe_not(struct exchange *x)
{
    if (x->observer != NULL) {
        selv_coap_observe_drop(x->observer);
        x->observer = NULL;
    }
}

/* 2.03: the client's copy is still the right one. */
static void valid_reply(struct exchange *x, struct selv_bytes etag,
                        uint32_t max_age)
{
    struct selv_coap_writer w;
    struct selv_coap_slice slice;
    observe(x, &slice);
    selv_coap_reply_begin(x->engine, &x->rq, SELV_COAP_VALID, &x->out, &w);
    selv_coap_write_opt(&w, SELV_COAP_OPT_ETAG, etag);
    if (slice.is_observed) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_OBSERVE, slice.observe);
    }
    if (max_age != 60) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_MAX_AGE, max_age);
    }
    reply_end(x, &w, SELV_COAP_RECOMPUTE);
}

/* len bytes from offset on; false with errno when they are not there. */
static bool file_read(int fd, uint8_t *p, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return false;
        }
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

/* Begins the answer with the block that the request asks for, of a body of
 * size bytes, up to its payload. False: another answer was made. */
static bool block_begin(struct exchange *x, uint64_t size,
                        struct selv_bytes etag, uint32_t max_age,
                        struct selv_coap_slice *slice,
                        struct selv_coap_writer *w)
{
    if (size > UINT32_MAX ||
        selv_coap_bert_slice(&x->rq, (uint32_t)size, x->szx_max, x->bert_len,
                             slice)) {
        code_reply(x, SELV_COAP_BAD_REQUEST, "block lies beyond the end");
        return false;
    }
    observe(x, slice);
    selv_coap_reply_begin(x->engine, &x->rq, SELV_COAP_CONTENT, &x->out, w);
    selv_coap_write_slice(w, slice, etag, SELV_COAP_OCTETS, max_age);
    x->answer.is_first = slice->offset == 0;
    x->answer.block = slice->len;
    x->answer.rest = size - slice->offset - slice->len;
    /* Who goes on asking is known on, without being asked for it. */
    if (selv_reflect_counts(&x->api->reflect, &x->peer) &&
        selv_coap_echo_is_waning(&x->api->reflect.echo, x->now_ms, &x->peer)) {
        selv_coap_echo_write(&x->api->reflect.echo, x->now_ms, &x->peer, w);
    }
    return true;
}

/* A block of a file that is mapped: it is sent from there. The room that the
 * writer keeps for it in the buffer goes unused. */
static void map_reply(struct exchange *x, struct selv_bytes file,
                      struct selv_bytes etag, uint32_t max_age)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    if (!block_begin(x, file.len, etag, max_age, &slice, &w)) {
        return;
    }
    bool has_payload =
        slice.len > 0 && selv_coap_write_reserve(&w, slice.len) != NULL;
    reply_end(x, &w, SELV_COAP_RECOMPUTE);
    if (has_payload && x->out.len == w.len) {
        x->out.len -= slice.len;
        x->tail = selv_bytes(file.p + slice.offset, slice.len);
        x->tail_offset = slice.offset;
    }
}

/* A block of a file that cannot be mapped. fd is closed. */
static void file_reply(struct exchange *x, int fd, uint64_t size,
                       struct selv_bytes etag, uint32_t max_age)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    x->bert_len = 0;
    if (block_begin(x, size, etag, max_age, &slice, &w)) {
        uint8_t *p =
            slice.len > 0 ? selv_coap_write_reserve(&w, slice.len) : NULL;
        if (p != NULL && !file_read(fd, p, slice.len, slice.offset)) {
            selv_log(SELV_LOG_ERROR, "disk", "reading an image: %s",
                     strerror(errno));
            code_reply(x, SELV_COAP_SERVER_ERROR, "the file cannot be read");
            observe_not(x);
        } else {
            reply_end(x, &w, SELV_COAP_RECOMPUTE);
        }
    }
    close(fd);
}

static bool accepts(const struct exchange *x, uint16_t format)
{
    return x->rq.accept == SELV_COAP_NO_FORMAT || x->rq.accept == format;
}

/* A blob as octets, or 2.03 when the client has it. */
static void blob_reply(struct exchange *x,
                       const uint8_t digest[static SELV_SHA256_LEN],
                       struct selv_bytes etag, uint32_t max_age)
{
    uint64_t size;
    if (!accepts(x, SELV_COAP_OCTETS)) {
        code_reply(x, SELV_COAP_NOT_ACCEPTABLE, "only octets (42)");
        return;
    }
    if ((x->rq.has & SELV_COAP_HAS_ETAG) != 0 &&
        selv_coap_has_etag(&x->rq, etag)) {
        valid_reply(x, etag, max_age);
        return;
    }
    struct selv_bytes file;
    x->blob = digest;
    if (selv_maps_get(&x->api->maps, digest, x->now_ms, &file)) {
        map_reply(x, file, etag, max_age);
        return;
    }
    int fd = errno == EAGAIN
                 ? selv_blob_open(&x->api->server->blobs, digest, &size)
                 : -1;
    if (fd >= 0) {
        file_reply(x, fd, size, etag, max_age);
    } else if (errno == ENOENT) {
        code_reply(x, SELV_COAP_NOT_FOUND, "no image with this digest");
    } else {
        selv_log(SELV_LOG_ERROR, "disk", "opening an image: %s",
                 strerror(errno));
        code_reply(x, SELV_COAP_SERVER_ERROR, "the file cannot be opened");
    }
}

/* ---- bodies that come in ------------------------------------------------- */

static uint64_t network_of(const struct exchange *x)
{
    const struct selv_reflect *r = &x->api->reflect;
    /* Loopback addresses are one network, and everybody's. */
    return selv_reflect_counts(r, x->from)
               ? selv_peer_network(r->all->key, x->from)
               : selv_siphash(r->all->key,
                              selv_bytes(x->from->addr, x->from->len));
}

/* Loopback addresses are exempt from limits, unless told otherwise. */
static bool is_counted(const struct exchange *x)
{
    return selv_reflect_counts(&x->api->reflect, x->from);
}

static bool is_proven(struct exchange *x)
{
    return x->is_stream ||
           !selv_reflect_doubts(&x->api->reflect, x->now_ms, &x->peer, &x->rq);
}

/* The place that gives way to a body that begins: of those that have not
 * echoed, and of those of its own network that stand still, the one that does
 * so longest; of other networks none, when its own has its share. */
static struct selv_coap_upload *stalest(struct selv_coap_api *api,
                                        uint64_t now_ms, uint64_t network,
                                        bool has_share)
{
    struct selv_coap_upload *best = NULL;
    uint64_t best_ms = UINT64_MAX;
    for (size_t i = 0; i < SELV_COAP_API_UPLOADS_MAX; i++) {
        const struct selv_coap_sender *sender = &api->senders[i];
        bool is_ours = sender->network == network;
        bool is_still = is_ours && now_ms - sender->used_ms >= UPLOAD_STILL_MS;
        bool may = (!sender->is_proven || is_still) && (is_ours || !has_share);
        if (api->uploads[i].expiry_ms > now_ms && may &&
            sender->used_ms < best_ms) {
            best = &api->uploads[i];
            best_ms = sender->used_ms;
        }
    }
    return best;
}

/* How many bodies are under way of a network; or from addresses that have not
 * echoed. */
static size_t uploads_count(const struct selv_coap_api *api, uint64_t now_ms,
                            uint64_t network, bool of_unproven)
{
    size_t count = 0;
    for (size_t i = 0; i < SELV_COAP_API_UPLOADS_MAX; i++) {
        const struct selv_coap_sender *sender = &api->senders[i];
        count +=
            api->uploads[i].expiry_ms > now_ms &&
            (of_unproven ? !sender->is_proven : sender->network == network);
    }
    return count;
}

/* The place of the body that a block belongs to; NULL: there is none. */
static struct selv_coap_upload *upload_place(struct exchange *x,
                                             uint32_t resource)
{
    struct selv_coap_api *api = x->api;
    uint64_t network = network_of(x);
    struct selv_coap_upload *u =
        selv_coap_upload_find(api->uploads, SELV_COAP_API_UPLOADS_MAX,
                              x->now_ms, &x->peer, resource, &x->rq);
    bool begins =
        x->rq.block1.num == 0 && (u == NULL || u->expiry_ms <= x->now_ms);
    bool has_share = begins && uploads_count(api, x->now_ms, network, false) >=
                                   UPLOADS_NETWORK_MAX;
    if (begins && (u == NULL || has_share)) {
        u = stalest(api, x->now_ms, network, has_share);
        if (u != NULL) {
            selv_coap_upload_end(u);
        }
    }
    if (u != NULL) {
        struct selv_coap_sender *sender = &api->senders[u - api->uploads];
        sender->used_ms = x->now_ms;
        sender->network = network;
        /* Loopback addresses that are not counted give way to each other. */
        sender->is_proven = is_counted(x) && is_proven(x);
    }
    return u;
}

/* Uploads to one path are apart by their queries, too [RFC 9175 3.3]: a gateway
 * may send those of several devices from one port. */
static uint32_t resource_of(const struct exchange *x, uint32_t path)
{
    struct selv_coap_opt o;
    uint64_t hash = path;
    selv_coap_opt_begin(&x->rq, &o);
    while (selv_coap_opt_next(&o)) {
        if (o.number == SELV_COAP_OPT_URI_QUERY) {
            uint64_t of = selv_siphash(x->api->reflect.all->key, o.value);
            hash = (hash << 1 | hash >> 63) ^ of;
        }
    }
    return (uint32_t)(hash ^ hash >> 32);
}

/* True with the whole body and, if it came in blocks, its place in *u.
 * Otherwise the answer is made. */
static bool body_take(struct exchange *x, uint32_t resource,
                      struct selv_coap_upload **u, struct selv_bytes *body)
{
    *u = NULL;
    if (x->rq.content_format != SELV_COAP_NO_FORMAT &&
        x->rq.content_format != SELV_COAP_CBOR) {
        code_reply(x, SELV_COAP_BAD_FORMAT, "only CBOR (60)");
        return false;
    }
    if ((x->rq.has & SELV_COAP_HAS_BLOCK1) == 0) {
        *body = x->rq.payload;
        if (body->len > SELV_COAP_API_BODY_MAX) {
            code_reply(x, SELV_COAP_TOO_LARGE, "at most 2048 bytes");
            return false;
        }
        return true;
    }
    resource = resource_of(x, resource);
    *u = upload_place(x, resource);
    uint8_t code =
        selv_coap_upload_feed(*u, x->now_ms, &x->peer, resource, &x->rq);
    if (code == SELV_COAP_UNAVAILABLE) {
        later_reply(x);
        return false;
    }
    if (code == 0) {
        *body = selv_bytes((*u)->body.p, (*u)->body.len);
        return true;
    }
    struct selv_coap_writer w;
    selv_coap_reply_begin(x->engine, &x->rq, code, &x->out, &w);
    selv_coap_write_upload(&w, *u, &x->rq, code, SELV_COAP_SZX_MAX);
    reply_end(x, &w, SELV_COAP_KEEP);
    return false;
}

/* Success, with the Block1 option if there was one; kept for duplicates. */
static void body_reply(struct exchange *x, uint8_t code, struct selv_bytes text)
{
    struct selv_coap_writer w;
    selv_coap_reply_begin(x->engine, &x->rq, code, &x->out, &w);
    if (text.len > 0) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_CONTENT_FORMAT, SELV_COAP_TEXT);
    }
    selv_coap_write_upload(&w, NULL, &x->rq, code, SELV_COAP_SZX_MAX);
    selv_coap_write_payload(&w, text);
    reply_end(x, &w, SELV_COAP_KEEP);
}

static void body_end(struct selv_coap_upload *u)
{
    if (u != NULL) {
        selv_coap_upload_end(u);
    }
}

static void malformed_reply(struct exchange *x, enum selv_err err,
                            const char *where)
{
    char text[DIAGNOSTIC_MAX];
    snprintf(text, sizeof text, "%s: %s", where,
             err == SELV_ERR_ARG ? "missing, or out of its range"
                                 : selv_err_str(err));
    code_reply(x, SELV_COAP_BAD_REQUEST, text);
}

/* ---- what is written down ------------------------------------------------ */

static bool is_pending(const struct exchange *x)
{
    for (const struct selv_write *w = x->api->pending; w != NULL; w = w->mine) {
        if (w->mid == x->rq.mid && w->token_len == x->rq.token.len &&
            w->peer.len == x->peer.len &&
            memcmp(w->peer.addr, x->peer.addr, x->peer.len) == 0 &&
            selv_bytes_equal(selv_bytes(w->token, w->token_len), x->rq.token)) {
            return true;
        }
    }
    return false;
}

/* Before anything is done for a request that shall be written down: a copy of
 * one that is under way is left without an answer, as that one will get it,
 * and an address that may be forged is asked for its Echo when many come. */
static bool write_admit(struct exchange *x)
{
    bool has_blocks = (x->rq.has & SELV_COAP_HAS_BLOCK1) != 0;
    if (is_pending(x)) {
        return false;
    }
    if ((has_blocks && x->rq.block1.num > 0) || is_proven(x)) {
        return true;
    }
    if (!selv_writes_trusts(&x->api->server->writes, x->now_ms) ||
        (has_blocks &&
         uploads_count(x->api, x->now_ms, 0, true) >= UPLOADS_UNPROVEN_MAX)) {
        challenge_reply(x);
        return false;
    }
    return true;
}

/* Into the queue; the answer comes when it is committed. NULL: it is full, and
 * the answer says so. */
static struct selv_write *write_begin(struct exchange *x,
                                      struct selv_bytes body)
{
    struct selv_coap_api *api = x->api;
    struct selv_write *w =
        selv_writes_take(&api->server->writes, is_proven(x), network_of(x));
    if (w == NULL) {
        later_reply(x);
        return NULL;
    }
    w->is_counted = is_counted(x);
    SELV_ASSERT(body.len <= sizeof w->body);
    memcpy(w->body, body.p, body.len);
    w->len = body.len;
    w->peer = x->peer;
    if (!x->is_stream) {
        w->local = *x->local;
    }
    w->type = x->rq.type;
    w->mid = x->rq.mid;
    w->has = x->rq.has;
    w->block1 = x->rq.block1;
    w->token_len = (uint8_t)x->rq.token.len;
    if (w->token_len > 0) {
        memcpy(w->token, x->rq.token.p, w->token_len);
    }
    w->mine = api->pending;
    api->pending = w;
    x->is_written = true;
    return w;
}

static void write_log(const struct selv_write *w, const char *id)
{
    if (w->is_status) {
        selv_log(SELV_LOG_INFO, "reported",
                 "id=%s state=%s sequence_number=%llu error=%lu", id,
                 selv_status_state_name(w->state),
                 (unsigned long long)w->sequence_number,
                 (unsigned long)w->error);
    } else {
        selv_log(SELV_LOG_INFO, "registered",
                 "id=%s sequence_number=%llu slot=%lu", id,
                 (unsigned long long)w->sequence_number,
                 (unsigned long)w->state);
    }
}

static void written_reply(struct exchange *x, const struct selv_write *w)
{
    char id[17];
    uint32_t place = UINT32_MAX;
    switch (w->result) {
    case SELV_WRITE_DONE:
        selv_name_encode(w->id, sizeof w->id, id);
        write_log(w, id);
        if (w->is_status) {
            selv_contacts_note(&x->api->contacts, w->id, x->api->now_s, &place);
            body_reply(x, SELV_COAP_CHANGED, selv_bytes(NULL, 0));
        } else {
            body_reply(x, SELV_COAP_CREATED, selv_bytes(id, 16));
        }
        break;
    case SELV_WRITE_UNKNOWN:
        code_reply(x, SELV_COAP_UNAUTHORIZED, "unknown device: register again");
        break;
    case SELV_WRITE_DOUBTED:
        challenge_reply(x);
        break;
    case SELV_WRITE_LIMITED:
        later_reply(x);
        break;
    case SELV_WRITE_FULL:
    case SELV_WRITE_FAILED:
    default:
        disk_reply(x, w->result == SELV_WRITE_FULL);
        break;
    }
}

/* ---- resources ----------------------------------------------------------- */

enum { RESOURCE_REG = 1, RESOURCE_S = 2 };

/* GET /i/<digest> */
static void image_get(struct exchange *x)
{
    uint8_t digest[SELV_SHA256_LEN];
    if (!selv_name_decode(x->star, digest, sizeof digest)) {
        code_reply(x, SELV_COAP_NOT_FOUND, "a name has 64 lower-case digits");
        return;
    }
    blob_reply(x, digest, selv_bytes(digest, ETAG_LEN), FOREVER);
}

/* POST /reg */
static void profile_post(struct exchange *x)
{
    struct selv_coap_upload *u;
    struct selv_bytes body;
    struct selv_profile profile;
    const char *where;
    if (!write_admit(x) || !body_take(x, RESOURCE_REG, &u, &body)) {
        return;
    }
    enum selv_err err = selv_profile_decode(body, &profile, &where);
    if (err) {
        malformed_reply(x, err, where);
        body_end(u);
        return;
    }
    struct selv_write *w = write_begin(x, body);
    if (w != NULL) {
        w->is_status = false;
        w->sequence_number = profile.running.sequence_number;
        w->state = profile.running.slot;
        w->error = 0;
        selv_writes_put(w, &x->api->port);
    }
    body_end(u);
}

/* The id that ?d= names; otherwise the answer is made. */
static bool id_get(struct exchange *x, uint8_t id[static 8])
{
    struct selv_bytes text;
    if (selv_coap_query(&x->rq, "d", &text) && selv_name_decode(text, id, 8)) {
        return true;
    }
    code_reply(x, SELV_COAP_BAD_REQUEST,
               "?d= and the 16 digits that /reg answered are needed");
    return false;
}

/* True when the device was found; otherwise the answer is made. */
static bool is_device(struct exchange *x, enum selv_db_status status)
{
    if (status == SELV_DB_LOCKED) {
        x->is_parked = true;
    } else if (status == SELV_DB_OK) {
        code_reply(x, SELV_COAP_UNAUTHORIZED, "unknown device: register again");
    } else if (status != SELV_DB_ROW) {
        db_reply(x, status);
    }
    return status == SELV_DB_ROW;
}

/* Whoever makes ids up makes us ask the database; not for long, if he cannot
 * be answered. Otherwise the answer is made. */
static bool lookup_admit(struct exchange *x)
{
    if (selv_polls_has(&x->api->polls, x->id) || is_proven(x) ||
        selv_writes_looks_up(&x->api->server->writes, x->now_ms)) {
        return true;
    }
    challenge_reply(x);
    return false;
}

/* GET /m?d= */
static void manifest_get(struct exchange *x)
{
    const struct selv_newest *newest;
    if (!id_get(x, x->id) || !lookup_admit(x) ||
        !is_device(x, selv_polls_newest(&x->api->polls, x->id, x->api->now_s,
                                        &newest))) {
        return;
    }
    if (!newest->has_release) {
        code_reply(x, SELV_COAP_NOT_FOUND,
                   "no release for this vendor and"
                   " class");
        return;
    }
    x->newest = newest;
    /* A device names what it runs by the manifest digest, and has it in
     * whatever envelope. The bytes have an ETag of their own: an envelope
     * may be replaced between two blocks [RFC 7252 5.10.6]. */
    struct selv_bytes runs = selv_bytes(newest->digest, ETAG_LEN);
    bool is_known = (x->rq.has & SELV_COAP_HAS_ETAG) != 0 &&
                    accepts(x, SELV_COAP_OCTETS) &&
                    selv_coap_has_etag(&x->rq, runs);
    if (is_known) {
        valid_reply(x, runs, 60);
    } else {
        blob_reply(x, newest->envelope, selv_bytes(newest->envelope, ETAG_LEN),
                   60);
    }
}

/* POST /s?d= */
static void status_post(struct exchange *x)
{
    struct selv_coap_upload *u;
    struct selv_bytes body;
    struct selv_status report;
    uint8_t id[8];
    const char *where;
    if (!id_get(x, id) || !write_admit(x) ||
        !body_take(x, RESOURCE_S, &u, &body)) {
        return;
    }
    enum selv_err err = selv_status_decode(body, &report, &where);
    if (err) {
        malformed_reply(x, err, where);
        body_end(u);
        return;
    }
    struct selv_write *w = write_begin(x, body);
    if (w != NULL) {
        w->is_status = true;
        memcpy(w->id, id, sizeof w->id);
        w->sequence_number = report.sequence_number;
        w->state = report.state;
        w->error = report.error;
        selv_writes_put(w, &x->api->port);
    }
    body_end(u);
}

static const struct route {
    unsigned role;
    uint8_t method;
    const char *pattern;
    void (*answer)(struct exchange *x);
} routes[] = {
    {SELV_ROLE_FIRMWARE, SELV_COAP_GET, "i/*", image_get},
    {SELV_ROLE_TRACKER, SELV_COAP_POST, "reg", profile_post},
    {SELV_ROLE_TRACKER, SELV_COAP_GET, "m", manifest_get},
    {SELV_ROLE_TRACKER, SELV_COAP_POST, "s", status_post},
};

static const struct {
    unsigned role;
    struct selv_coap_resource resource;
} links[] = {
    {SELV_ROLE_TRACKER, {"reg", "selvage.reg", NULL, SELV_COAP_CBOR, false}},
    {SELV_ROLE_TRACKER, {"m", "selvage.m", NULL, SELV_COAP_OCTETS, true}},
    {SELV_ROLE_FIRMWARE, {"i", "selvage.i", NULL, SELV_COAP_OCTETS, false}},
    {SELV_ROLE_TRACKER, {"s", "selvage.s", NULL, SELV_COAP_CBOR, false}},
};

static void core_answer(struct exchange *x)
{
    struct selv_coap_resource table[sizeof links / sizeof links[0]];
    size_t count = 0;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        if ((x->api->server->roles & links[i].role) != 0) {
            table[count++] = links[i].resource;
        }
    }
    if (selv_coap_reply_core(x->engine, &x->rq, table, count, SELV_COAP_SZX_MAX,
                             &x->out)) {
        code_reply(x, SELV_COAP_SERVER_ERROR, NULL);
    }
}

static void request_answer(struct exchange *x)
{
    bool is_path = false;
    if (selv_coap_path_match(&x->rq, ".well-known/core", NULL)) {
        core_answer(x);
        return;
    }
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if ((x->api->server->roles & routes[i].role) == 0 ||
            !selv_coap_path_match(&x->rq, routes[i].pattern, &x->star)) {
            continue;
        }
        if (x->rq.code == routes[i].method) {
            routes[i].answer(x);
            return;
        }
        is_path = true;
    }
    if (is_path) {
        code_reply(x, SELV_COAP_NOT_ALLOWED,
                   "this resource has no such"
                   " method");
    } else {
        code_reply(x, SELV_COAP_NOT_FOUND,
                   "no such resource: see /.well-known/core");
    }
}

/* ---- the socket ---------------------------------------------------------- */

/* An answer that is longer than may go to an address unknown becomes a
 * challenge. What is kept for duplicates is never that long. */
static void reply_guard(struct exchange *x, size_t request_len)
{
    x->answer.request_len = request_len;
    x->answer.reply_len = x->out.len + x->tail.len;
    if (x->out.len > 0 && !selv_reflect_allows(&x->api->reflect, x->now_ms,
                                               &x->peer, &x->rq, &x->answer)) {
        challenge_reply(x);
        observe_not(x);
    }
}

/* What a peer's message IDs are moved by, so that who sees his own cannot tell
 * another's [RFC 7252 11.4]. */
enum { MID_OF_ANSWERS = 3, MID_OF_NOTIFICATIONS = 4 };

static uint16_t mid_shift(const struct selv_coap_api *api, uint8_t purpose,
                          const struct selv_coap_peer *peer)
{
    uint8_t message[1 + sizeof peer->addr];
    message[0] = purpose;
    memcpy(message + 1, peer->addr, peer->len);
    return (uint16_t)selv_siphash(api->reflect.all->key,
                                  selv_bytes(message, 1u + peer->len));
}

static void mid_set(uint8_t *datagram, uint16_t mid)
{
    datagram[2] = (uint8_t)(mid >> 8);
    datagram[3] = (uint8_t)mid;
}

static uint16_t mid_get(const uint8_t *datagram)
{
    return (uint16_t)(datagram[2] << 8 | datagram[3]);
}

/* An answer that is not on an ACK has a message ID of ours: one for each of
 * the peer's. */
static void mid_answer(struct exchange *x)
{
    if (x->rq.type == SELV_COAP_NON && x->out.len >= 4 &&
        x->out.p[0] >> 4 == (1u << 2 | SELV_COAP_NON)) {
        mid_set(x->out.p,
                (uint16_t)(x->rq.mid +
                           mid_shift(x->api, MID_OF_ANSWERS, &x->peer)));
    }
}

/* A GET is answered from what there is, so a copy of it is executed again,
 * and nothing is remembered of whoever sent it. */
static struct selv_coap_server *engine_of(struct selv_coap_api *api,
                                          struct selv_bytes datagram)
{
    bool is_get = datagram.len > 1 && datagram.p[1] == SELV_COAP_GET;
    return is_get ? &api->reads : &api->writes;
}

/* An ACK or a Reset, which only observers send; other datagrams are not parsed
 * here. */
static bool is_about_ours(struct selv_bytes datagram)
{
    return datagram.len >= 4 && (datagram.p[0] & 0x20) != 0;
}

static void confirmation_take(struct selv_coap_api *api,
                              const struct arrival *a)
{
    uint8_t empty[4];
    if (a->datagram.len == sizeof empty) {
        memcpy(empty, a->datagram.p, sizeof empty);
        mid_set(empty,
                (uint16_t)(mid_get(empty) -
                           mid_shift(api, MID_OF_NOTIFICATIONS, &a->peer)));
        (void)selv_coap_observe_feed(&api->observers.list, api->now_ms,
                                     &a->peer, selv_bytes(empty, sizeof empty));
    }
}

/* False: there is no place. A datagram is lost then, as it may be. */
static bool park(struct selv_coap_api *api, const struct arrival *a)
{
    bool has_room = api->parked_count < SELV_COAP_API_PARKED_MAX &&
                    a->datagram.len <= SELV_COAP_API_PARKED_LEN;
    if (has_room) {
        struct selv_coap_parked *p = &api->parked[api->parked_count++];
        memset(p, 0, sizeof *p);
        p->peer = a->peer;
        if (a->local != NULL) {
            p->local = *a->local;
        }
        p->szx_max = a->szx_max;
        p->bert_len = a->bert_len;
        p->len = (uint16_t)a->datagram.len;
        memcpy(p->bytes, a->datagram.p, a->datagram.len);
        api->parked_ms = api->now_ms;
    }
    return has_room;
}

/* ---- peers over TCP ------------------------------------------------------ */

static void stream_request(void *user, const struct selv_coap_peer *peer,
                           struct selv_bytes datagram, uint8_t szx_max,
                           uint16_t bert_len, struct selv_tcp_answer *answer)
{
    struct selv_coap_api *api = user;
    struct arrival a = {.peer = *peer,
                        .datagram = datagram,
                        .at = -1,
                        .szx_max = szx_max,
                        .bert_len = bert_len};
    struct exchange x = {.api = api,
                         .engine = &api->streams,
                         .now_ms = api->now_ms,
                         .peer = *peer,
                         .from = selv_tcp_from(api->tcp, peer),
                         .out = answer->head,
                         .is_stream = true,
                         .szx_max = szx_max,
                         .bert_len = bert_len};
    if (selv_coap_server_feed(x.engine, x.now_ms, peer, datagram, &x.rq,
                              &x.out) == SELV_COAP_REQUEST) {
        request_answer(&x);
    }
    if (x.is_parked && !park(api, &a)) {
        later_reply(&x);
    }
    answer->is_later = x.out.len == 0 && (x.is_parked || x.is_written);
    answer->head.len = x.out.len;
    answer->tail = x.tail;
    answer->tail_offset = x.tail_offset;
    if (x.tail.len > 0) {
        memcpy(answer->blob, x.blob, sizeof answer->blob);
    }
}

/* One that was parked; its connection waits for the answer. */
static void stream_again(struct selv_coap_api *api, const struct arrival *a)
{
    struct selv_tcp_answer answer = {.head = selv_tcp_out(api->tcp)};
    if (selv_tcp_from(api->tcp, &a->peer) == NULL) {
        return; /* it has ended */
    }
    stream_request(api, &a->peer, a->datagram, a->szx_max, a->bert_len,
                   &answer);
    if (!answer.is_later) {
        selv_tcp_answer(api->tcp, api->now_ms, &a->peer, &answer);
    }
}

static void arrival_take(struct selv_coap_api *api, const struct arrival *a)
{
    struct exchange x;
    if (is_about_ours(a->datagram)) {
        confirmation_take(api, a);
        return;
    }
    memset(&x, 0, sizeof x);
    x.api = api;
    x.engine = engine_of(api, a->datagram);
    x.now_ms = api->now_ms;
    x.out = selv_udp_out(api->udp);
    x.szx_max = SELV_COAP_SZX_MAX;
    x.peer = a->peer;
    x.from = &x.peer;
    x.local = a->local;
    switch (selv_coap_server_feed(x.engine, x.now_ms, &x.peer, a->datagram,
                                  &x.rq, &x.out)) {
    case SELV_COAP_REQUEST:
        selv_reflect_note(&api->reflect, x.now_ms, &x.peer, &x.rq);
        request_answer(&x);
        reply_guard(&x, a->datagram.len);
        break;
    case SELV_COAP_REPLY:
    case SELV_COAP_DROP:
    default:
        break;
    }
    if (x.is_parked) {
        (void)park(api, a);
    } else if (x.out.len > 0) {
        mid_answer(&x);
        if (a->at >= 0) {
            selv_udp_put(api->udp, (unsigned)a->at, &x.out, x.tail);
        } else {
            struct selv_net_address to = selv_peer_get(&a->peer);
            selv_udp_put_to(api->udp, &to, a->local, &x.out, x.tail);
        }
    }
}

static void datagram_take(struct selv_coap_api *api, unsigned i)
{
    struct arrival a = {.local = selv_udp_local(api->udp, i), .at = (int)i};
    const struct selv_net_address *from;
    if (selv_udp_get(api->udp, i, &a.datagram, &from)) {
        selv_peer_set(&a.peer, &from->sa);
        arrival_take(api, &a);
    }
}

/* Requests that waited for the database, until one has to wait again. */
static void parked_serve(struct selv_coap_api *api)
{
    unsigned count = api->parked_count;
    unsigned i = 0;
    api->parked_count = 0;
    while (i < count && api->parked_count == 0) {
        struct selv_coap_parked p = api->parked[i++];
        struct arrival a = {.peer = p.peer,
                            .local = &p.local,
                            .datagram = selv_bytes(p.bytes, p.len),
                            .at = -1,
                            .szx_max = p.szx_max,
                            .bert_len = p.bert_len};
        if (selv_tcp_is_peer(&p.peer)) {
            stream_again(api, &a);
        } else {
            arrival_take(api, &a);
        }
    }
    memmove(&api->parked[api->parked_count], &api->parked[i],
            (count - i) * sizeof api->parked[0]);
    api->parked_count += count - i;
    api->parked_ms = api->now_ms;
}

static bool stream_blob(void *user,
                        const uint8_t digest[static SELV_TCP_DIGEST_LEN],
                        struct selv_bytes *bytes)
{
    struct selv_coap_api *api = user;
    return selv_maps_get(&api->maps, digest, api->now_ms, bytes);
}

static void stream_torn(void *user)
{
    struct selv_coap_api *api = user;
    selv_log(SELV_LOG_ERROR, "disk",
             "an image became shorter while it was served");
    selv_maps_doubt(&api->maps);
}

static void stream_gone(void *user, const struct selv_coap_peer *peer)
{
    struct selv_coap_api *api = user;
    selv_coap_observe_drop_peer(&api->observers.list, peer);
    for (size_t i = 0; i < SELV_COAP_API_UPLOADS_MAX; i++) {
        struct selv_coap_upload *u = &api->uploads[i];
        if (u->peer.len == peer->len &&
            memcmp(u->peer.addr, peer->addr, peer->len) == 0) {
            selv_coap_upload_end(u);
        }
    }
}

/* ---- observers ----------------------------------------------------------- */

/* True when the observer may be told: its address is its own, or there is
 * still something of its network's budget. */
static bool may_tell(struct selv_coap_api *api,
                     const struct selv_coap_observer *observer)
{
    return selv_tcp_is_peer(&observer->peer) ||
           selv_coap_observer_is_confirmed(observer) ||
           selv_reflect_may_tell(&api->reflect, api->now_ms, &observer->peer,
                                 selv_coap_block_len(observer->szx) +
                                     NOTIFICATION_HEAD);
}

/* Who has not taken yet what was sent before is told later, of what is newest
 * then. */
static void stream_notify(struct selv_coap_api *api,
                          struct selv_coap_observer *observer,
                          const struct selv_coap_peer *peer,
                          const struct selv_buf *out, struct selv_bytes tail,
                          const uint8_t *blob)
{
    struct selv_tcp_answer notification = {.head = *out, .tail = tail};
    if (tail.len > 0) {
        memcpy(notification.blob, blob, sizeof notification.blob);
    }
    if (!selv_tcp_tell(api->tcp, api->now_ms, peer, &notification)) {
        selv_coap_observe_changed(&api->observers.list, api->now_ms, 0,
                                  observer, TELL_AGAIN_MS);
    }
}

/* The newest manifest, as it is now. An observer that cannot be told is
 * dropped, with an error where that costs nobody anything, and asks again.
 * False: the database is busy. */
static bool notify(struct selv_coap_api *api,
                   struct selv_coap_observer *observer)
{
    const struct selv_newest *newest;
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    struct selv_bytes file;
    struct selv_bytes tail = {NULL, 0};
    struct selv_coap_observe *list = &api->observers.list;
    struct selv_coap_peer peer = observer->peer;
    bool is_stream = selv_tcp_is_peer(&peer);
    uint16_t shift = mid_shift(api, MID_OF_NOTIFICATIONS, &peer);
    struct selv_buf out =
        is_stream ? selv_tcp_out(api->tcp) : selv_udp_out(api->udp);
    uint8_t szx_max =
        is_stream ? selv_tcp_szx_max(api->tcp, &peer) : SELV_COAP_SZX_MAX;
    const uint8_t *blob = NULL;
    enum selv_db_status status = selv_polls_newest(
        &api->polls, selv_observers_id(&api->observers, observer), -1, &newest);
    if (status == SELV_DB_LOCKED) {
        return false;
    }
    if (!may_tell(api, observer)) {
        selv_coap_observe_drop(observer);
        return true;
    }
    if (status == SELV_DB_ROW && newest->has_release &&
        selv_maps_get(&api->maps, newest->envelope, api->now_ms, &file)) {
        selv_coap_observe_slice(observer, (uint32_t)file.len, szx_max, &slice);
        selv_coap_observe_begin(list, observer, SELV_COAP_CONTENT, &out, &w);
        selv_coap_write_slice(&w, &slice,
                              selv_bytes(newest->envelope, ETAG_LEN),
                              SELV_COAP_OCTETS, 60);
        if (selv_coap_write_reserve(&w, slice.len) != NULL) {
            tail = selv_bytes(file.p, slice.len);
            blob = newest->envelope;
        }
    } else {
        uint8_t code = status == SELV_DB_OK ? SELV_COAP_UNAUTHORIZED
                                            : SELV_COAP_SERVER_ERROR;
        selv_coap_observe_begin(list, observer, code, &out, &w);
    }
    if (selv_coap_observe_end(list, api->now_ms, observer, &w, &out)) {
        selv_coap_observe_drop(observer);
        return true;
    }
    mid_set(out.p, (uint16_t)(mid_get(out.p) + shift));
    out.len -= tail.len;
    if (is_stream) {
        stream_notify(api, observer, &peer, &out, tail, blob);
    } else {
        struct selv_net_address to = selv_peer_get(&peer);
        selv_udp_put_to(api->udp, &to,
                        selv_observers_local(&api->observers, observer), &out,
                        tail);
    }
    return true;
}

/* Whether a release was published that somebody waits for. */
static void observers_look(struct selv_coap_api *api)
{
    if (!api->is_changed) {
        return;
    }
    enum selv_db_status status = selv_observers_look(
        &api->observers, api->now_ms, &api->server->records);
    api->is_changed = status != SELV_DB_OK;
    api->is_busy = status == SELV_DB_LOCKED;
    if (api->is_changed && !api->is_busy) {
        selv_log(SELV_LOG_ERROR, "database", "%s", selv_records_error());
    }
}

static void observers_serve(struct selv_coap_api *api)
{
    struct selv_coap_observer *observer;
    enum selv_coap_observe_action action = SELV_COAP_OBSERVE_NOTIFY;
    api->is_busy = false;
    observers_look(api);
    api->notify_ms = api->now_ms; /* when there are more than NOTIFIED */
    for (unsigned i = 0;
         i < NOTIFIED && !api->is_busy && action != SELV_COAP_OBSERVE_WAIT;
         i++) {
        action = selv_coap_observe_poll(&api->observers.list, api->now_ms,
                                        &api->notify_ms, &observer);
        if (action == SELV_COAP_OBSERVE_NOTIFY) {
            api->is_busy = !notify(api, observer);
        } else if (action == SELV_COAP_OBSERVE_GONE) {
            selv_log(SELV_LOG_DEBUG, "coap", "an observer is gone");
        }
    }
    uint64_t again_ms = api->now_ms + (api->is_busy ? BUSY_MS : LOOK_AGAIN_MS);
    if (api->is_busy || (api->is_changed && api->notify_ms > again_ms)) {
        api->notify_ms = again_ms;
    }
}

void selv_coap_api_changed(struct selv_coap_api *api)
{
    api->is_changed = true;
    api->notify_ms = 0;
}

/* ---- the loop ------------------------------------------------------------ */

static int64_t wait_ms(void *user)
{
    const struct selv_coap_api *api = user;
    uint64_t at_ms = api->notify_ms;
    if (api->parked_count > 0 && at_ms > api->parked_ms + PARKED_MS) {
        at_ms = api->parked_ms + PARKED_MS;
    }
    if (at_ms == UINT64_MAX) {
        return -1;
    }
    uint64_t now_ms = selv_clock_monotonic_ms();
    return at_ms > now_ms ? (int64_t)(at_ms - now_ms) : 0;
}

static void turn_begin(struct selv_coap_api *api)
{
    api->now_ms = selv_clock_monotonic_ms();
    api->now_s = selv_clock_wall_s();
    if (api->parked_count > 0 && api->now_ms >= api->parked_ms + PARKED_MS) {
        parked_serve(api);
        (void)selv_udp_send(api->udp); /* its place in the batch is free */
    }
}

/* Sends the answers, and notifications that are due. */
static void turn_end(struct selv_coap_api *api)
{
    unsigned lost = selv_udp_send(api->udp);
    observers_serve(api);
    lost += selv_udp_send(api->udp);
    if (lost > 0) {
        selv_log(SELV_LOG_DEBUG, "coap", "%u datagrams were not sent", lost);
    }
    selv_maps_turn(&api->maps);
}

static void batch_serve(struct selv_coap_api *api, unsigned count)
{
    turn_begin(api);
    for (unsigned i = 0; i < count; i++) {
        datagram_take(api, i);
    }
    turn_end(api);
}

static void on_ready(void *user)
{
    struct selv_coap_api *api = user;
    unsigned count = SELV_UDP_BATCH;
    for (unsigned n = 0; n < BURST && count == SELV_UDP_BATCH; n++) {
        count = selv_udp_receive(api->udp);
        batch_serve(api, count);
    }
}

static void on_stream(void *user)
{
    struct selv_coap_api *api = user;
    turn_begin(api);
    selv_tcp_serve(api->tcp, api->now_ms);
    turn_end(api);
}

static int64_t stream_wait_ms(void *user)
{
    const struct selv_coap_api *api = user;
    return selv_tcp_wait_ms(api->tcp, selv_clock_monotonic_ms());
}

static void pending_remove(struct selv_coap_api *api,
                           const struct selv_write *w)
{
    struct selv_write **p = &api->pending;
    while (*p != w) {
        p = &(*p)->mine;
    }
    *p = w->mine;
}

/* The answer to what was written, as if its request had just been taken. */
static void written_take(struct selv_coap_api *api, const struct selv_write *w)
{
    struct exchange x;
    memset(&x, 0, sizeof x);
    x.api = api;
    x.is_stream = selv_tcp_is_peer(&w->peer);
    x.engine = x.is_stream ? &api->streams : &api->writes;
    x.now_ms = api->now_ms;
    x.peer = w->peer;
    x.from = &x.peer; /* nothing is counted now */
    x.local = &w->local;
    x.szx_max = SELV_COAP_SZX_MAX;
    x.rq.type = w->type;
    x.rq.code = SELV_COAP_POST;
    x.rq.mid = w->mid;
    x.rq.has = w->has;
    x.rq.block1 = w->block1;
    x.rq.token = selv_bytes(w->token, w->token_len);
    x.out = x.is_stream ? selv_tcp_out(api->tcp) : selv_udp_out(api->udp);
    written_reply(&x, w);
    if (x.is_stream) {
        struct selv_tcp_answer answer = {.head = x.out};
        selv_tcp_answer(api->tcp, x.now_ms, &x.peer, &answer);
    } else if (x.out.len > 0) {
        struct selv_net_address to = selv_peer_get(&w->peer);
        mid_answer(&x);
        selv_udp_put_to(api->udp, &to, &w->local, &x.out, x.tail);
    }
}

static void on_written(void *user)
{
    struct selv_coap_api *api = user;
    struct selv_write *w;
    eventfd_t unused;
    (void)eventfd_read(api->port.fd, &unused);
    api->now_ms = selv_clock_monotonic_ms();
    api->now_s = selv_clock_wall_s();
    while ((w = selv_writes_done(&api->server->writes, &api->port)) != NULL) {
        written_take(api, w);
        pending_remove(api, w);
        selv_writes_give(w);
    }
    (void)selv_udp_send(api->udp);
}

/* A file was cut short under its map, so this block of it could not be sent:
 * the answer becomes 5.00, without options. */
static void on_torn(void *user, struct selv_buf *head)
{
    struct selv_coap_api *api = user;
    selv_log(SELV_LOG_ERROR, "disk",
             "an image became shorter while it was served");
    selv_maps_doubt(&api->maps);
    head->p[1] = SELV_COAP_SERVER_ERROR;
    head->len = 4u + (head->p[0] & 15u);
}

static bool engines_init(struct selv_coap_api *api)
{
    uint8_t random[16];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return false;
    }
    selv_coap_server_init(&api->reads, NULL, 0, random);
    selv_coap_server_init(&api->writes, api->seen, SELV_COAP_API_SEEN_MAX,
                          random + 8);
    selv_coap_server_init(&api->streams, NULL, 0, random);
    selv_coap_server_stream(&api->streams);
    selv_observers_init(&api->observers, &api->reads);
    api->notify_ms = UINT64_MAX;
    selv_reflect_init(&api->reflect, &api->server->reflect);
    for (size_t i = 0; i < SELV_COAP_API_UPLOADS_MAX; i++) {
        struct selv_buf body = {api->bodies[i], SELV_COAP_API_BODY_MAX, 0};
        selv_coap_upload_init(&api->uploads[i], body);
    }
    return true;
}

bool selv_coap_api_open(struct selv_coap_api *api, struct selv_server *server,
                        int fd, int wake_fd)
{
    memset(api, 0, sizeof *api);
    api->port.fd = -1;
    api->udp = selv_udp_open(fd, on_torn, api);
    if (api->udp == NULL) {
        close(fd);
        return false;
    }
    api->server = server;
    selv_maps_init(&api->maps, &server->blobs);
    api->source.fd = fd;
    api->source.on_ready = on_ready;
    api->source.wait_ms = wait_ms;
    api->source.user = api;
    api->port.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    api->written.fd = api->port.fd;
    api->written.on_ready = on_written;
    api->written.user = api;
    return api->port.fd >= 0 && engines_init(api) &&
           selv_contacts_init(&api->contacts, wake_fd) &&
           selv_polls_init(&api->polls, &server->records, &api->contacts);
}

bool selv_coap_api_listen(struct selv_coap_api *api, int fd, uint32_t places)
{
    const struct selv_tcp_hooks hooks = {.user = api,
                                         .request = stream_request,
                                         .blob = stream_blob,
                                         .torn = stream_torn,
                                         .gone = stream_gone};
    api->tcp = selv_tcp_open(fd, places, api->server->reflect.key, &hooks);
    if (api->tcp == NULL) {
        return false;
    }
    api->stream_source.fd = selv_tcp_fd(api->tcp);
    api->stream_source.on_ready = on_stream;
    api->stream_source.wait_ms = stream_wait_ms;
    api->stream_source.user = api;
    return true;
}

void selv_coap_api_close(struct selv_coap_api *api)
{
    selv_tcp_close(api->tcp);
    api->tcp = NULL;
    selv_udp_close(api->udp);
    if (api->port.fd > 0) {
        close(api->port.fd);
    }
    selv_maps_close(&api->maps);
    selv_polls_close(&api->polls);
    selv_contacts_close(&api->contacts);
    api->udp = NULL;
}
