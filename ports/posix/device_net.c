/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a device gets its updates from: CoAP peers, each behind a socket; the
 * sources that the port reads (source.h); and who pushes (push.h), a source
 * that is asked first and mostly has nothing. */
#include <errno.h>
#include <unistd.h>

#include "posix/device.h"

/* Waits are cut up so that a signal between two looks is not slept over. */
#define NAP_MS 1000u
/* Refusals by the other end's kernel that count as "nobody there": those of
 * two transmissions, two to three seconds apart. */
#define REFUSALS_MAX 2u
/* A peer of which nothing was heard may have another address by now, or we. */
#define UNHEARD_MAX 4u
#define UNHEARD_MS 10000u
#define FDS_MAX (SELV_CONSUMER_SOURCES_MAX + 2u + SELV_SOURCE_FDS_MAX)

static bool is_coap(const char *uri)
{
    return strncmp(uri, "coap:", 5) == 0 || strncmp(uri, "coaps:", 6) == 0;
}

static bool is_port_kind(const char *uri)
{
    return strncmp(uri, "http://", 7) == 0 ||
           strncmp(uri, "https://", 8) == 0 || strncmp(uri, "file:", 5) == 0;
}

bool device_net_check(struct device *d)
{
    for (size_t i = 0; i < d->server_count; i++) {
        const char *uri = d->servers[i];
        bool is_good = is_port_kind(uri) ? selv_source_check(uri, &d->why)
                       : selv_posix_tcp_is(uri)
                           ? selv_posix_tcp_check(uri, &d->why)
                           : selv_posix_udp_check(uri, &d->why);
        if (!is_good) {
            return false;
        }
    }
    return true;
}

/* ---- open and close -------------------------------------------------------
 */

/* Exactly as it was written, for comparing with URIs. */
static void keep_base(struct device_source *s,
                      struct selv_consumer_source *about)
{
    size_t scheme = (size_t)(strstr(s->uri, "://") - s->uri) + 3;

    snprintf(s->base, sizeof s->base, "%s", s->uri);
    s->base[strcspn(s->base + scheme, "/?") + scheme] = '\0';
    about->base = selv_bytes(s->base, strlen(s->base));
}

/* Among several, one whose name is not known yet may be so later. */
static bool open_coap(struct device *d, struct device_source *s,
                      struct selv_consumer_source *about)
{
    if (!selv_posix_udp_open(&s->udp, s->uri, &d->why)) {
        if (d->server_count == 1) {
            return false;
        }
        device_say_note(d, d->why.text);
    }
    keep_base(s, about);
    about->host = selv_bytes(s->udp.host, strlen(s->udp.host));
    return true;
}

static bool open_tcp(struct device *d, struct device_source *s,
                     struct selv_consumer_source *about)
{
    const char *host;

    s->tcp = selv_posix_tcp_open(s->uri, &d->why);
    if (s->tcp == NULL) {
        return false;
    }
    host = selv_posix_tcp_host(s->tcp);
    keep_base(s, about);
    about->host = selv_bytes(host, strlen(host));
    return true;
}

static bool open_source(struct device *d, const char *uri)
{
    struct device_source *s = &d->net[d->source_count];
    struct selv_consumer_source *about = &d->sources[d->source_count];

    memset(about, 0, sizeof *about);
    s->uri = uri;
    s->udp.fd = -1;
    d->source_count++;
    s->tcp = NULL;
    if (is_coap(uri)) {
        return open_coap(d, s, about);
    }
    if (selv_posix_tcp_is(uri)) {
        return open_tcp(d, s, about);
    }
    s->port = selv_source_open(uri, &d->why);
    if (s->port == NULL) {
        return false;
    }
    s->port->ca = d->ca;
    about->is_port = true;
    about->base = selv_bytes(s->port->uri, strlen(s->port->uri));
    return true;
}

/* It stands first: who takes the trouble to push is heard first. */
static bool open_push(struct device *d)
{
    struct device_source *s = &d->net[0];
    char text[SELV_POSIX_HOST_LEN + 32];

    if (!selv_push_open(&d->push, d->listen, d->is_insecure, &d->why)) {
        return false;
    }
    s->uri = "push";
    s->udp.fd = -1;
    s->port = &d->push.source;
    d->sources[0] =
        (struct selv_consumer_source){.is_port = true, .is_push = true};
    d->source_count = 1;
    snprintf(text, sizeof text, "listening coap://%s", d->push.authority);
    device_say_note(d, text);
    return true;
}

bool device_net_open(struct device *d)
{
    d->reading = DEVICE_NO_SOURCE;
    d->push.fd = -1;
    if (d->ca != NULL && access(d->ca, R_OK) != 0) {
        snprintf(d->why.text, sizeof d->why.text, "--ca %.160s: %s", d->ca,
                 strerror(errno));
        return false;
    }
    selv_watch_init(&d->watch);
    if (d->listen != NULL && !open_push(d)) {
        return false;
    }
    for (size_t i = 0; i < d->server_count; i++) {
        if (!open_source(d, d->servers[i])) {
            return false;
        }
    }
    return true;
}

void device_net_close(struct device *d)
{
    for (size_t i = 0; i < d->source_count; i++) {
        selv_source_close(d->net[i].port);
        d->net[i].port = NULL;
        selv_posix_udp_close(&d->net[i].udp);
        selv_posix_tcp_close(d->net[i].tcp);
        d->net[i].tcp = NULL;
    }
    d->source_count = 0;
    selv_watch_close(&d->watch);
    if (d->listen != NULL) {
        selv_push_close(&d->push);
    }
}

/* ---- what the engine asks for ---------------------------------------------
 */

/* At the next address of its name, from the one that we have now. */
static bool open_next(struct device *d, uint8_t source)
{
    struct device_source *s = &d->net[source];
    struct selv_posix_why why;

    s->unheard = 0;
    if (!selv_posix_udp_open_next(&s->udp, &why)) {
        return false;
    }
    selv_consumer_moved(&d->consumer, source);
    return true;
}

/* Whether a peer that is silent may be elsewhere, so that looking there is
 * worth what it costs: what is known of the path to it. */
static bool is_elsewhere(const struct device_source *s, uint64_t now_ms)
{
    return s->unheard >= UNHEARD_MAX && now_ms >= s->heard_ms + UNHEARD_MS &&
           (selv_posix_addresses_has_other(&s->udp.names) ||
            selv_posix_addresses_may_ask(&s->udp.names, now_ms));
}

void device_net_send(struct device *d, const struct selv_consumer_todo *todo)
{
    struct device_source *s = &d->net[todo->source];
    uint64_t now_ms = selv_posix_now_ms();

    if (s->tcp != NULL) {
        selv_posix_tcp_send(s->tcp, todo->bytes);
        return;
    }
    if ((s->udp.fd < 0 || is_elsewhere(s, now_ms)) &&
        !open_next(d, todo->source)) {
        s->refusals++; /* what is sent to an unknown name is lost */
        return;
    }
    if (s->unheard++ == 0) {
        s->heard_ms = now_ms;
    }
    selv_posix_udp_send(&s->udp, todo->bytes);
}

void device_net_fetch(struct device *d, const struct selv_consumer_todo *todo)
{
    char path[SELV_SOURCE_PATH_LEN + 16];

    SELV_ASSERT(todo->source < d->source_count &&
                d->net[todo->source].port != NULL);
    snprintf(path, sizeof path, "%.*s%s%.*s", (int)todo->path.len,
             (const char *)todo->path.p, todo->query.len > 0 ? "?" : "",
             (int)todo->query.len, (const char *)todo->query.p);
    d->reading = todo->source;
    selv_source_start(d->net[todo->source].port, path, todo->offset, todo->len);
}

void device_net_cancel(struct device *d, uint8_t source)
{
    if (d->reading == source) {
        selv_source_cancel(d->net[source].port);
        d->reading = DEVICE_NO_SOURCE;
    }
}

static enum selv_err error_of(enum selv_err err)
{
    switch (err) {
    case SELV_ERR_COAP_TIMEOUT:
        return SELV_ERR_UPDATE_AWAY;
    case SELV_ERR_COAP_CODE:
        return SELV_ERR_UPDATE_MISSING;
    default:
        return SELV_ERR_UPDATE_SERVER;
    }
}

static void end_fetch(struct device *d, enum selv_err err, uint64_t total)
{
    uint8_t source = d->reading;
    const struct selv_source *port = d->net[source].port;
    uint32_t known = total == SELV_SOURCE_TOTAL_UNKNOWN ? 0
                     : total < UINT32_MAX               ? (uint32_t)total
                                                        : UINT32_MAX;

    d->reading = DEVICE_NO_SOURCE;
    /* That there is no manifest, or none pushed, is no news. */
    if (err != SELV_OK &&
        !(error_of(err) == SELV_ERR_UPDATE_MISSING &&
          (port == &d->push.source || strncmp(port->path, "/m/", 3) == 0))) {
        device_say_note(d, port->why.text);
    }
    selv_consumer_given(&d->consumer, source, err ? error_of(err) : SELV_OK,
                        known, selv_posix_now_ms());
}

/* Hand on what the port source has. When to look again: 0 at once. */
static uint64_t pump(struct device *d)
{
    struct selv_source_event event;

    if (d->reading == DEVICE_NO_SOURCE) {
        return UINT64_MAX;
    }
    switch (selv_source_poll(d->net[d->reading].port, &event)) {
    case SELV_SOURCE_WAIT:
        return event.until_ms;
    case SELV_SOURCE_BYTES:
        if (!selv_consumer_give(&d->consumer, d->reading, event.offset,
                                event.bytes, selv_posix_now_ms())) {
            device_net_cancel(d, d->reading);
        }
        break;
    case SELV_SOURCE_DONE:
        end_fetch(d, SELV_OK, event.total);
        break;
    case SELV_SOURCE_FAILED:
        end_fetch(d, event.err, event.total);
        break;
    }
    return 0;
}

/* ---- what comes in --------------------------------------------------------
 */

static void serve_push(struct device *d)
{
    const struct selv_push_device how = {
        .factory = &d->factory,
        .record = &d->record,
        .version = d->version,
        .is_resting = selv_consumer_is_resting(&d->consumer),
        .is_sparing = selv_consumer_is_resting(&d->consumer) &&
                      !selv_consumer_may_push(&d->consumer),
        .state = d->last_state,
        .sequence = d->last_sequence,
        .err = d->last_err,
        .done = d->last_done,
        .size = d->last_size};

    if (selv_push_work(&d->push, &how)) {
        device_say_note(d, "a manifest was pushed");
        selv_consumer_check_source(&d->consumer, 0);
    }
}

/* Observe at the tracker that knows us, once it does. When to be called again,
 * at the latest. */
static uint64_t observe(struct device *d)
{
    bool is_resting = selv_consumer_is_resting(&d->consumer);
    uint8_t source = 0;
    struct selv_bytes name = selv_consumer_name(&d->consumer, &source);
    uint64_t until_ms;

    if (is_resting && name.len > 0 &&
        strncmp(d->net[source].uri, "coap:", 5) == 0) {
        selv_watch_begin(&d->watch, d->net[source].uri, name,
                         selv_bytes(d->record.digest, SELV_COAP_ETAG_MAX));
    }
    until_ms = selv_watch_work(&d->watch);
    switch (selv_watch_take(
        &d->watch, is_resting && selv_consumer_may_check(&d->consumer))) {
    case SELV_WATCH_OBSERVED:
        device_say_note(d, "observing: newer manifests will be told");
        break;
    case SELV_WATCH_NEWER:
        device_say_note(d, "a newer manifest was told");
        selv_consumer_check_source(&d->consumer, source);
        until_ms = 0;
        break;
    case SELV_WATCH_NOTHING:
        break;
    }
    return until_ms;
}

static void hear(struct device *d, uint8_t source)
{
    struct device_source *s = &d->net[source];
    uint8_t datagram[2048];
    size_t len =
        s->tcp != NULL
            ? selv_posix_tcp_receive(s->tcp, datagram, sizeof datagram)
            : selv_posix_udp_receive(&s->udp, 0, datagram, sizeof datagram);

    if (len > 0) {
        if (s->tcp == NULL || selv_posix_tcp_is_of_use(s->tcp)) {
            s->refusals = 0;
        }
        s->unheard = 0;
        selv_consumer_feed(&d->consumer, source, selv_bytes(datagram, len),
                           selv_posix_now_ms());
    }
}

/* An address at which nobody listens is left for the next one of the name. Two
 * refusals in a row by the last one: the engine need not wait for its last
 * time-out. A device that has one server, and all the time, waits: that may be
 * back. */
static void note_refusals(struct device *d)
{
    bool is_hasty = d->is_once || d->server_count > 1;

    for (uint8_t i = 0; i < d->source_count; i++) {
        struct device_source *s = &d->net[i];
        if (s->udp.fd >= 0 && s->udp.is_refused) {
            s->udp.is_refused = false;
            if (!selv_posix_addresses_has_other(&s->udp.names) ||
                !open_next(d, i)) {
                s->refusals++;
            }
        }
        if (s->tcp != NULL && selv_posix_tcp_was_refused(s->tcp)) {
            s->refusals++;
        }
        if (is_hasty && s->refusals >= REFUSALS_MAX) {
            s->refusals = 0;
            selv_consumer_given(&d->consumer, i, SELV_ERR_UPDATE_AWAY, 0,
                                selv_posix_now_ms());
        }
    }
}

static void wait_for(struct device *d, uint64_t until_ms)
{
    struct pollfd fds[FDS_MAX];
    uint8_t source[SELV_CONSUMER_SOURCES_MAX];
    uint64_t now_ms = selv_posix_now_ms();
    size_t peers = 0;
    size_t count;

    for (uint8_t i = 0; i < d->source_count; i++) {
        if (d->net[i].udp.fd >= 0) {
            source[peers] = i;
            fds[peers++] = (struct pollfd){d->net[i].udp.fd, POLLIN, 0};
        }
    }
    count = peers;
    if (d->listen != NULL) {
        fds[count++] = (struct pollfd){d->push.fd, POLLIN, 0};
    }
    if (d->watch.udp.fd >= 0) {
        fds[count++] = (struct pollfd){d->watch.udp.fd, POLLIN, 0};
    }
    if (d->reading != DEVICE_NO_SOURCE) {
        count += selv_source_fds(d->net[d->reading].port, fds + count,
                                 SELV_SOURCE_FDS_MAX);
    }
    for (uint8_t i = 0; i < d->source_count; i++) {
        const struct selv_posix_tcp *tcp = d->net[i].tcp;
        if (tcp != NULL) {
            uint64_t tcp_ms = selv_posix_tcp_until_ms(tcp);
            until_ms = tcp_ms < until_ms ? tcp_ms : until_ms;
            count += selv_posix_tcp_fd(tcp, &fds[count]) ? 1 : 0;
        }
    }
    if (until_ms > now_ms + NAP_MS) {
        until_ms = now_ms + NAP_MS;
    }
    if (poll(fds, (nfds_t)count,
             until_ms > now_ms ? (int)(until_ms - now_ms) : 0) > 0) {
        for (size_t i = 0; i < peers; i++) {
            if (fds[i].revents != 0) {
                hear(d, source[i]);
            }
        }
    }
    for (uint8_t i = 0; i < d->source_count; i++) {
        if (d->net[i].tcp != NULL) { /* it has timers, and buffers, too */
            hear(d, i);
        }
    }
}

/* What a transfer that is over had asked for is nobody's any more. */
static void forget(struct device *d)
{
    for (uint8_t i = 0; i < d->source_count; i++) {
        if (d->net[i].tcp != NULL &&
            !selv_consumer_is_asking(&d->consumer, i)) {
            selv_posix_tcp_forget(d->net[i].tcp);
        }
    }
}

void device_net_wait(struct device *d, uint64_t until_ms)
{
    uint64_t source_ms = pump(d);
    uint64_t push_ms =
        d->listen != NULL ? selv_push_until_ms(&d->push) : UINT64_MAX;

    until_ms = source_ms < until_ms ? source_ms : until_ms;
    until_ms = push_ms < until_ms ? push_ms : until_ms;
    forget(d);
    if (d->is_observing) {
        uint64_t watch_ms = observe(d);
        until_ms = watch_ms < until_ms ? watch_ms : until_ms;
    }
    wait_for(d, until_ms);
    note_refusals(d);
    if (d->listen != NULL) {
        serve_push(d);
    }
}

void device_net_tell(struct device *d, const struct selv_consumer_todo *todo)
{
    bool is_ill = d->last_state == SELV_UPDATE_REJECTED ||
                  d->last_state == SELV_UPDATE_FAILED ||
                  d->last_state == SELV_UPDATE_REVERTED;

    /* "Nothing new" is no news of an update that went wrong: who observes is
     * told twice a second at most, and would miss what came of it. */
    if (todo->state != SELV_UPDATE_IDLE || !is_ill) {
        d->last_state = (uint8_t)todo->state;
        d->last_sequence = todo->sequence;
        d->last_err = todo->err;
        d->last_done = todo->done;
        d->last_size = todo->size;
    }
    if (d->listen != NULL) {
        selv_push_tell(&d->push, (uint8_t)todo->state,
                       todo->err ? selv_err_str(todo->err) : NULL);
    }
}

/* A boot ends: nobody reads any more. */
void device_net_reset(struct device *d)
{
    if (d->reading != DEVICE_NO_SOURCE) {
        device_net_cancel(d, d->reading);
    }
    for (uint8_t i = 0; i < d->source_count; i++) {
        if (d->net[i].tcp != NULL) {
            selv_posix_tcp_forget(d->net[i].tcp);
        }
    }
    if (d->listen != NULL) {
        selv_push_reset(&d->push);
    }
    selv_watch_end(&d->watch);
}
