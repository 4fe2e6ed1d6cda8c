/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_server_tcp.c - the server's stream front that gets any bytes, cut
 * anywhere: through sockets, as selvaged's. What it says is frames, all of them
 * whole, its CSM first; what it hands on is a message; and it comes to rest.
 *
 * Input: a byte, the size of the pieces; a byte, how much is read between two
 * of them; then the stream. The answers: GET of i is a blob of 70,000 bytes in
 * blocks, everything else the request's payload. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "servers/update/tcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static uint8_t blob[70000];
static struct selv_coap_server engine;
static unsigned gone;
/* The answer that is owed. */
static struct selv_coap_peer owed_peer;
static uint8_t owed[64];
static size_t owed_len;

static void request(void *user, const struct selv_coap_peer *peer,
                    struct selv_bytes datagram, uint8_t szx_max,
                    uint16_t bert_len, struct selv_tcp_answer *answer)
{
    struct selv_coap_msg rq;
    struct selv_coap_writer w;
    struct selv_coap_slice slice;
    (void)user;
    must(selv_tcp_is_peer(peer) && szx_max <= SELV_COAP_SZX_MAX &&
         bert_len % 1024 == 0);
    if (selv_coap_server_feed(&engine, 5, peer, datagram, &rq, &answer->head) !=
        SELV_COAP_REQUEST) {
        return;
    }
    must(owed_len == 0); /* nothing is taken while one is owed */
    if (rq.code == SELV_COAP_POST) {
        selv_coap_reply_code(&engine, &rq, SELV_COAP_CHANGED, NULL,
                             &answer->head);
        owed_len = answer->head.len;
        must(owed_len <= sizeof owed);
        memcpy(owed, answer->head.p, owed_len);
        owed_peer = *peer;
        answer->is_later = true;
        return;
    }
    if (rq.code != SELV_COAP_GET ||
        selv_coap_bert_slice(&rq, sizeof blob, szx_max, bert_len, &slice)) {
        selv_coap_reply_code(&engine, &rq, SELV_COAP_NOT_FOUND, "no",
                             &answer->head);
        return;
    }
    selv_coap_reply_begin(&engine, &rq, SELV_COAP_CONTENT, &answer->head, &w);
    selv_coap_write_slice(&w, &slice, selv_bytes("etag", 4), SELV_COAP_OCTETS,
                          60);
    must(selv_coap_write_reserve(&w, slice.len) != NULL);
    must(selv_coap_reply_end(&engine, 5, peer, &rq, &w, SELV_COAP_RECOMPUTE,
                             &answer->head) == SELV_OK);
    answer->head.len -= slice.len;
    answer->tail = selv_bytes(blob + slice.offset, slice.len);
    answer->tail_offset = slice.offset;
}

static bool blob_get(void *user,
                     const uint8_t digest[static SELV_TCP_DIGEST_LEN],
                     struct selv_bytes *bytes)
{
    (void)user;
    (void)digest;
    *bytes = selv_bytes(blob, sizeof blob);
    return true;
}

static void torn(void *user)
{
    (void)user;
    abort();
}

static void on_gone(void *user, const struct selv_coap_peer *peer)
{
    (void)user;
    must(selv_tcp_is_peer(peer));
    gone++;
}

/* What came back so far: whole frames are taken off. */
static uint8_t heard[1u << 17];
static size_t heard_len;
static bool has_csm;

static void hear(int fd, size_t most)
{
    while (most > 0) {
        size_t room = sizeof heard - heard_len;
        ssize_t n = recv(fd, heard + heard_len, most < room ? most : room,
                         MSG_DONTWAIT);
        if (n <= 0) {
            return;
        }
        most -= (size_t)n;
        heard_len += (size_t)n;
        struct selv_coap_tcp_head head;
        enum selv_err err;
        while ((err = selv_coap_tcp_head_read(selv_bytes(heard, heard_len),
                                              &head)) == SELV_OK &&
               head.frame_len <= heard_len) {
            must(has_csm || head.code == SELV_COAP_CSM);
            must(head.code >> 5 >= 2 && head.frame_len <= 34000);
            has_csm = true;
            heard_len -= (size_t)head.frame_len;
            memmove(heard, heard + head.frame_len, heard_len);
        }
        must(err != SELV_ERR_COAP_FORMAT);
    }
}

static void pay(struct selv_tcp *tcp, uint64_t now_ms)
{
    struct selv_tcp_answer answer = {.head = selv_tcp_out(tcp)};
    if (owed_len > 0) {
        memcpy(answer.head.p, owed, owed_len);
        answer.head.len = owed_len;
        owed_len = 0;
        selv_tcp_answer(tcp, now_ms, &owed_peer, &answer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct selv_tcp_hooks hooks = {NULL, request, blob_get, torn,
                                                on_gone};
    static const uint8_t random[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t key[SELV_SIPHASH_KEY_LEN] = {1};
    static const struct selv_coap_peer from = {6, {192, 0, 2, 1}};
    int fds[2];
    uint64_t now_ms = 5;
    if (size < 2) {
        return 0;
    }
    size_t piece = data[0] > 0 ? data[0] : 1;
    size_t reads = data[1] * 64u;
    heard_len = 0;
    has_csm = false;
    gone = 0;
    owed_len = 0;
    selv_coap_server_init(&engine, NULL, 0, random);
    selv_coap_server_stream(&engine);
    struct selv_tcp *tcp = selv_tcp_open(-1, 2, key, &hooks);
    must(tcp != NULL && socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    selv_tcp_adopt(tcp, fds[0], &from, now_ms);
    for (size_t at = 2; at < size; at += piece) {
        size_t len = size - at < piece ? size - at : piece;
        (void)!send(fds[1], data + at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        pay(tcp, now_ms);
        selv_tcp_serve(tcp, now_ms);
        hear(fds[1], reads);
    }
    /* All is read; then silence ends it, whatever it waits for. */
    for (unsigned i = 0; i < 2000 && selv_tcp_count(tcp) > 0; i++) {
        hear(fds[1], SIZE_MAX);
        pay(tcp, now_ms);
        selv_tcp_serve(tcp, now_ms);
        now_ms += 1000;
    }
    must(selv_tcp_count(tcp) == 0 && gone == 1);
    selv_tcp_close(tcp);
    close(fds[1]);
    return 0;
}
