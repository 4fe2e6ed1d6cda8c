/* SPDX-License-Identifier: Apache-2.0
 *
 * coap_get.c - the client engine over UDP, for tests against other servers.
 *
 *   coap_get get SZX coap://127.0.0.1:PORT/PATH FILE   body to FILE
 *   coap_get put SZX coap://127.0.0.1:PORT/PATH FILE   body from FILE
 *   coap_get post SZX coap://127.0.0.1:PORT/PATH FILE  body from FILE
 *   coap_get fetch SZX coap://127.0.0.1:PORT/PATH FILE body to FILE, by the
 *       engine that has many requests in flight
 *   coap_get warm SZX coap://127.0.0.1:PORT/PATH FILE SECONDS LENGTH   the
 *       same, after an exchange of 16 bytes, and with the body's length known,
 *       as a device has both from the manifest; prints "ms N", too: how long
 *       the body took
 *
 * With a name in ANSWER in the environment, the body of the answer to put and
 * post goes there.
 *
 * An argument after these is the number of seconds to try for, 60 without.
 *
 * Prints "done 2.05" or "failed ERROR CODE". Exit codes: 0 done, 1 failed,
 * 2 usage, 3 environment. */
#include "coap/fetch.h"
#include "test/interop/udp.h"

#define SLOTS 64u

static struct selv_coap_client client;
static struct selv_coap_event event;
static uint8_t body[FILE_MAX];
static size_t body_len;

static void transmit(int fd, struct selv_bytes datagram)
{
    /* a refusal by ICMP is silence */
    (void)!send(fd, datagram.p, datagram.len, 0);
}

/* Does what the client says until it waits. WAIT, DONE or FAILED. */
static enum selv_coap_action client_run(int fd)
{
    static uint8_t tx[DATAGRAM_MAX];
    for (;;) {
        struct selv_buf out = {tx, sizeof tx, 0};
        enum selv_coap_action a =
            selv_coap_client_poll(&client, now_ms(), &out, &event);
        if (a == SELV_COAP_SEND) {
            transmit(fd, selv_bytes(tx, out.len));
        } else if (a == SELV_COAP_BLOCK) {
            memcpy(body + event.offset, event.payload.p, event.payload.len);
            body_len = event.offset + event.payload.len;
        } else {
            return a;
        }
    }
}

static enum selv_coap_action transfer(int fd,
                                      const struct selv_coap_request *rq)
{
    static uint8_t rx[DATAGRAM_MAX];
    uint8_t random[8];
    random_fill(random);
    selv_coap_client_init(&client);
    must(selv_coap_client_start(&client, rq, random, now_ms()) == SELV_OK,
         "start");
    for (;;) {
        enum selv_coap_action a = client_run(fd);
        if (a != SELV_COAP_WAIT) {
            return a;
        }
        struct sockaddr_in from;
        ssize_t len = receive(fd, event.until_ms, rx, &from);
        if (len >= 0) {
            (void)selv_coap_client_feed(&client, now_ms(),
                                        selv_bytes(rx, (size_t)len));
        }
    }
}

/* Does what the fetch says until it waits. WAIT, DONE or FAILED. *len: bytes
 * to be wanted, then 0. */
static enum selv_coap_fetch_action fetch_run(struct selv_coap_fetch *f, int fd,
                                             uint32_t *len)
{
    static uint8_t tx[DATAGRAM_MAX];
    for (;;) {
        struct selv_buf out = {tx, sizeof tx, 0};
        enum selv_coap_fetch_action a =
            selv_coap_fetch_poll(f, now_ms(), &out, &event);
        if (a == SELV_COAP_FETCH_SEND) {
            transmit(fd, selv_bytes(tx, out.len));
        } else if (a == SELV_COAP_FETCH_WANT && *len > 0) {
            must(selv_coap_fetch_want(f, 0, *len) == SELV_OK, "want");
            *len = 0;
        } else if (a == SELV_COAP_FETCH_WANT) {
            selv_coap_fetch_all(f);
        } else if (a == SELV_COAP_FETCH_BLOCK) {
            size_t end = event.offset + event.payload.len;
            memcpy(body + event.offset, event.payload.p, event.payload.len);
            body_len = end > body_len ? end : body_len;
        } else {
            return a;
        }
    }
}

/* One body, or its first bytes, when len says how many are wanted. */
static bool fetch(int fd, const struct selv_coap_request *rq,
                  struct selv_coap_path *path, uint32_t len)
{
    static struct selv_coap_fetch_slot slots[SLOTS];
    static struct selv_coap_fetch f;
    static uint8_t rx[DATAGRAM_MAX];
    uint8_t random[8];
    selv_coap_fetch_init(&f, path, slots, SLOTS);
    random_fill(random);
    must(selv_coap_fetch_start(&f, rq, random, now_ms()) == SELV_OK, "start");
    for (;;) {
        enum selv_coap_fetch_action a = fetch_run(&f, fd, &len);
        if (a != SELV_COAP_FETCH_WAIT) {
            return a == SELV_COAP_FETCH_DONE;
        }
        struct sockaddr_in from;
        ssize_t got = receive(fd, event.until_ms, rx, &from);
        if (got >= 0) {
            (void)selv_coap_fetch_feed(&f, now_ms(),
                                       selv_bytes(rx, (size_t)got));
        }
    }
}

static bool fetch_cold(int fd, const struct selv_coap_request *rq)
{
    struct selv_coap_path path;
    uint8_t random[8];
    random_fill(random);
    selv_coap_path_init(&path, selv_get_be32(random));
    return fetch(fd, rq, &path, SELV_COAP_FETCH_TO_END);
}

static bool fetch_warm(int fd, const struct selv_coap_request *rq, uint32_t len)
{
    struct selv_coap_path path;
    struct selv_coap_request small = *rq;
    uint8_t random[8];
    random_fill(random);
    selv_coap_path_init(&path, selv_get_be32(random));
    small.szx = 0;
    if (!fetch(fd, &small, &path, 16)) {
        return false;
    }
    body_len = 0;
    uint64_t begun_ms = now_ms();
    bool is_done = fetch(fd, rq, &path, len);
    printf("ms %u\n", (unsigned)(now_ms() - begun_ms));
    return is_done;
}

int main(int argc, char **argv)
{
    struct selv_coap_uri uri;
    const char *verb = argc >= 5 ? argv[1] : "";
    bool is_post = strcmp(verb, "post") == 0;
    bool is_put = is_post || strcmp(verb, "put") == 0;
    bool is_fetch = strcmp(verb, "fetch") == 0;
    bool is_warm = strcmp(verb, "warm") == 0;
    int seconds = argc >= 6 ? atoi(argv[5]) : 60;
    int len = argc == 7 ? atoi(argv[6]) : 0;
    if (argc < 5 || argc > 7 || seconds < 1 || seconds > 86400 ||
        is_warm != (len > 0) || len > (int)FILE_MAX ||
        (!is_put && !is_fetch && !is_warm && strcmp(verb, "get") != 0) ||
        selv_coap_uri_parse(selv_bytes(argv[3], strlen(argv[3])), &uri) !=
            SELV_OK) {
        fprintf(stderr, "usage: coap_get get|put|post|fetch SZX URI FILE "
                        "[SECONDS]\n       coap_get warm SZX URI FILE SECONDS "
                        "LENGTH\n");
        return 2;
    }
    struct selv_coap_request rq = {0};
    rq.code = is_post ? SELV_COAP_POST : is_put ? SELV_COAP_PUT : SELV_COAP_GET;
    rq.szx = (uint8_t)atoi(argv[2]);
    rq.content_format = is_put ? SELV_COAP_OCTETS : SELV_COAP_NO_FORMAT;
    rq.accept = SELV_COAP_NO_FORMAT;
    rq.path = uri.path;
    rq.query = uri.query;
    rq.body_max = FILE_MAX;
    rq.deadline_ms = (uint32_t)seconds * 1000;
    if (is_put) {
        rq.payload = file_read(argv[4]);
    }
    struct sockaddr_in to = loopback(uri.port);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    must(fd >= 0, "socket");
    must(connect(fd, (struct sockaddr *)&to, sizeof to) == 0, "connect");

    bool is_done = is_warm    ? fetch_warm(fd, &rq, (uint32_t)len)
                   : is_fetch ? fetch_cold(fd, &rq)
                              : transfer(fd, &rq) == SELV_COAP_DONE;
    const char *answer = is_put ? getenv("ANSWER") : argv[4];
    int class = event.code >> 5;
    int detail = event.code & 31;
    if (!is_done) {
        printf("failed %d %d.%02d\n", (int)event.err, class, detail);
        return 1;
    }
    if (answer != NULL) {
        file_write(answer, selv_bytes(body, body_len));
    }
    printf("done %d.%02d\n", class, detail);
    return 0;
}
