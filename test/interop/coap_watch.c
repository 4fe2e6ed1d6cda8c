/* SPDX-License-Identifier: Apache-2.0
 *
 * coap_watch.c - the client's side of Observe over UDP, for tests against other
 * servers.
 *
 *   coap_watch [-f] SZX coap://127.0.0.1:PORT/PATH FILE COUNT [SECONDS]
 *
 * Watches until COUNT states have come, whole, the n-th of them into FILE.n,
 * then tells the server that it is over; with -f it says nothing, and the next
 * notification is answered with Reset. A state's further blocks are fetched by
 * the client engine.
 *
 * Prints a line for each state, "state N CODE LENGTH (observed|asked)",
 * "changed" for one that was another one before it was whole, and at the end
 * "done" or "failed ERROR CODE". Exit codes: 0 done, 1 failed, 2 usage, 3
 * environment. */
#include "coap/observe.h"
#include "test/interop/udp.h"

struct job {
    int fd;
    const char *file;
    struct selv_coap_request rq;
    struct selv_coap_request rest; /* of a state in blocks */
    uint64_t end_ms;
    uint32_t count, wanted;
    bool is_rest;   /* the client is at work */
    bool is_silent; /* -f */
    bool is_over;   /* enough came */
    struct selv_coap_news news;
    uint8_t code; /* of the state that is coming */
    bool is_observed;
    uint8_t etag[SELV_COAP_ETAG_MAX];
};

static struct selv_coap_watch watch;
static struct selv_coap_client client;
static uint8_t body[FILE_MAX];
static size_t body_len;

static void transmit(const struct job *j, const struct selv_buf *out)
{
    /* a refusal by ICMP is silence */
    (void)!send(j->fd, out->p, out->len, 0);
}

static void state_is_whole(struct job *j)
{
    char name[512];
    j->count++;
    must(snprintf(name, sizeof name, "%s.%u", j->file, (unsigned)j->count) <
             (int)sizeof name,
         "name");
    file_write(name, selv_bytes(body, body_len));
    printf("state %u %d.%02d %zu %s\n", (unsigned)j->count, j->code >> 5,
           j->code & 31, body_len, j->is_observed ? "observed" : "asked");
    fflush(stdout);
    if (j->count < j->wanted) {
        return;
    }
    j->is_over = true;
    if (j->is_silent) {
        selv_coap_watch_forget(&watch);
    } else {
        selv_coap_watch_stop(&watch, now_ms());
    }
}

static void news_take(struct job *j)
{
    uint8_t random[8];
    if (j->news.payload.len > 0) {
        memcpy(body, j->news.payload.p, j->news.payload.len);
    }
    body_len = j->news.payload.len;
    j->code = j->news.code;
    j->is_observed = j->news.is_observed;
    selv_coap_client_init(&client); /* what it did is of a state gone by */
    j->is_rest = j->news.more;
    if (!j->is_rest) {
        state_is_whole(j);
        return;
    }
    j->rest = j->rq;
    j->rest.offset = (uint32_t)body_len;
    if (j->news.etag.len > 0) {
        memcpy(j->etag, j->news.etag.p, j->news.etag.len);
    }
    j->rest.resume_etag = selv_bytes(j->etag, j->news.etag.len);
    random_fill(random);
    must(selv_coap_client_start(&client, &j->rest, random, now_ms()) == SELV_OK,
         "start");
}

/* What the client says, until it waits. When to call again. */
static uint64_t client_run(struct job *j)
{
    static uint8_t tx[DATAGRAM_MAX];
    struct selv_coap_event event;
    while (j->is_rest) {
        struct selv_buf out = {tx, sizeof tx, 0};
        switch (selv_coap_client_poll(&client, now_ms(), &out, &event)) {
        case SELV_COAP_SEND:
            transmit(j, &out);
            break;
        case SELV_COAP_BLOCK:
            memcpy(body + event.offset, event.payload.p, event.payload.len);
            body_len = event.offset + event.payload.len;
            break;
        case SELV_COAP_DONE:
            j->is_rest = false;
            state_is_whole(j);
            break;
        case SELV_COAP_FAILED:
            j->is_rest = false;
            if (event.err != SELV_ERR_COAP_ETAG) {
                printf("failed %d\n", (int)event.err);
                exit(1);
            }
            puts("changed");
            break;
        case SELV_COAP_WAIT:
        default:
            return event.until_ms;
        }
    }
    return UINT64_MAX;
}

/* The same for the watch. True: it is over, and *code is the exit code. */
static bool watch_run(struct job *j, uint64_t *until_ms, int *code)
{
    static uint8_t tx[DATAGRAM_MAX];
    for (;;) {
        struct selv_buf out = {tx, sizeof tx, 0};
        switch (selv_coap_watch_poll(&watch, now_ms(), &out, &j->news)) {
        case SELV_COAP_WATCH_SEND:
            transmit(j, &out);
            break;
        case SELV_COAP_WATCH_NEWS:
            news_take(j);
            break;
        case SELV_COAP_WATCH_DONE:
            *code = 0;
            return true;
        case SELV_COAP_WATCH_FAILED:
            printf("failed %d %d.%02d\n", (int)j->news.err, j->news.code >> 5,
                   j->news.code & 31);
            *code = 1;
            return true;
        case SELV_COAP_WATCH_WAIT:
        default:
            *until_ms = j->news.until_ms;
            return false;
        }
    }
}

static int run(struct job *j)
{
    static uint8_t rx[DATAGRAM_MAX];
    uint8_t random[8];
    bool was_over;
    int code = 1;
    selv_coap_watch_init(&watch, false);
    selv_coap_client_init(&client);
    random_fill(random);
    must(selv_coap_watch_start(&watch, &j->rq, random, now_ms()) == SELV_OK,
         "start");
    while (now_ms() < j->end_ms) {
        struct sockaddr_in from;
        uint64_t watch_ms = 0;
        uint64_t client_ms;
        ssize_t len;
        if (watch_run(j, &watch_ms, &code)) {
            return code;
        }
        was_over = j->is_over;
        client_ms = client_run(j);
        if (j->is_over != was_over) {
            continue; /* the watch has something to say */
        }
        len = receive(j->fd, watch_ms < client_ms ? watch_ms : client_ms, rx,
                      &from);
        if (len >= 0 && !selv_coap_watch_feed(&watch, now_ms(),
                                              selv_bytes(rx, (size_t)len))) {
            (void)selv_coap_client_feed(&client, now_ms(),
                                        selv_bytes(rx, (size_t)len));
        }
    }
    if (j->is_silent && j->is_over) {
        return 0;
    }
    puts("failed: time is over");
    return 1;
}

int main(int argc, char **argv)
{
    static struct job j;
    struct selv_coap_uri uri;
    bool is_silent = argc > 1 && strcmp(argv[1], "-f") == 0;
    char **at = argv + (is_silent ? 2 : 1);
    int left = argc - (is_silent ? 2 : 1);
    int seconds = left == 5 ? atoi(at[4]) : 60;
    if (left < 4 || left > 5 || seconds < 1 ||
        selv_coap_uri_parse(selv_bytes(at[1], strlen(at[1])), &uri) !=
            SELV_OK) {
        fprintf(stderr,
                "usage: coap_watch [-f] SZX URI FILE COUNT [SECONDS]\n");
        return 2;
    }
    j.is_silent = is_silent;
    j.rq.code = SELV_COAP_GET;
    j.rq.szx = (uint8_t)atoi(at[0]);
    j.rq.content_format = SELV_COAP_NO_FORMAT;
    j.rq.accept = SELV_COAP_NO_FORMAT;
    j.rq.path = uri.path;
    j.rq.query = uri.query;
    j.rq.body_max = FILE_MAX;
    j.rq.deadline_ms = (uint32_t)seconds * 1000;
    j.file = at[2];
    j.wanted = (uint32_t)atoi(at[3]);
    j.end_ms = now_ms() + (uint64_t)seconds * 1000;
    struct sockaddr_in to = loopback(uri.port);
    j.fd = socket(AF_INET, SOCK_DGRAM, 0);
    must(j.fd >= 0, "socket");
    must(connect(j.fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");
    int code = run(&j);
    if (code == 0) {
        puts("done");
    }
    return code;
}
