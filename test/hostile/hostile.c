/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile - an update server that lies. It answers every device alike with
 * the manifest and image that it is given, whatever the device is, and
 * misbehaves in the one way that --mode names. For the demo and the tests of
 * bad servers; it guards nothing and stores nothing.
 *
 * Prints "listening coap://127.0.0.1:PORT", then a line for each report that
 * a device sends. --requests FILE: a line there for each block of an image that
 * is asked for: first half of the name's digits, first byte, bytes. --slow MS:
 * so long before each of these answers. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cbor/cbor.h"
#include "coap/coap.h"
#include "crypto/crypto.h"

#define SZX 5u
#define FILE_MAX (1u << 20)
#define BODY_MAX 4096u

enum mode {
    MODE_PLAIN,       /* serves what it has, properly */
    MODE_SILENT,      /* never answers an image request */
    MODE_MUTE,        /* never answers anything */
    MODE_GARBAGE,     /* random bytes in place of each image block */
    MODE_NOISE,       /* answers image requests with datagrams that are not
                         CoAP */
    MODE_OTHER_BLOCK, /* another block number than the one asked for */
    MODE_OTHER_ETAG,  /* the ETag changes in the middle of the image */
    MODE_SHORT,       /* says that the image ends after half */
    MODE_LONG,        /* the image never ends */
    MODE_ERROR,       /* 5.00 in the middle of the image */
    MODE_DOUBLE       /* every answer twice */
};

static const char *const mode_names[] = {
    "plain",      "silent", "mute", "garbage", "noise", "other-block",
    "other-etag", "short",  "long", "error",   "double"};

struct file {
    uint8_t *p;
    uint32_t len;
    uint8_t etag[8];
};

struct hostile {
    int fd;
    enum mode mode;
    struct file manifest;
    struct file images[4];
    size_t image_count;
    unsigned slow_ms; /* before each block of an image */
    FILE *requests;   /* a line for each block of an image asked for, or NULL */
    struct selv_coap_server coap;
    struct selv_coap_seen seen[64];
    struct selv_coap_upload upload;
    uint8_t upload_body[BODY_MAX];
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void fill_random(void *p, size_t len)
{
    if (getrandom(p, len, 0) != (ssize_t)len) {
        perror("hostile: getrandom");
        exit(3);
    }
}

static struct file load(const char *path)
{
    struct file file = {malloc(FILE_MAX), 0, {0}};
    FILE *in = fopen(path, "rb");
    if (in == NULL || file.p == NULL) {
        fprintf(stderr, "hostile: cannot read %s\n", path);
        exit(3);
    }
    file.len = (uint32_t)fread(file.p, 1, FILE_MAX, in);
    fclose(in);
    struct selv_sha256 h;
    uint8_t digest[SELV_SHA256_LEN];
    selv_sha256_init(&h);
    selv_sha256_update(&h, file.p, file.len);
    selv_sha256_finish(&h, digest);
    memcpy(file.etag, digest, sizeof file.etag);
    return file;
}

/* One piece of a body, bent as the mode wants it. */
static void reply_body(struct hostile *x, const struct selv_coap_msg *rq,
                       const struct file *file, bool is_image,
                       struct selv_buf *out)
{
    struct selv_coap_slice slice;
    struct selv_coap_writer w;
    uint8_t etag[8];
    uint32_t total = file->len;
    enum mode mode = is_image ? x->mode : MODE_PLAIN;

    memcpy(etag, file->etag, sizeof etag);
    if (mode == MODE_SHORT) {
        total /= 2;
    } else if (mode == MODE_LONG) {
        total = UINT32_C(1) << 24;
    }
    if (selv_coap_slice(rq, total, SZX, &slice)) {
        selv_coap_reply_code(&x->coap, rq, SELV_COAP_BAD_REQUEST, NULL, out);
        return;
    }
    bool is_late = slice.offset >= file->len / 2;
    if (mode == MODE_ERROR && is_late) {
        selv_coap_reply_code(&x->coap, rq, SELV_COAP_SERVER_ERROR, "no", out);
        return;
    }
    if (mode == MODE_OTHER_ETAG && is_late) {
        etag[0] ^= 0xff;
    }
    if (mode == MODE_OTHER_BLOCK && is_late) {
        slice.block.num += 1;
    }
    selv_coap_reply_begin(&x->coap, rq, SELV_COAP_CONTENT, out, &w);
    selv_coap_write_slice(&w, &slice, selv_bytes(etag, sizeof etag),
                          SELV_COAP_OCTETS, 60);
    uint8_t *p = slice.len ? selv_coap_write_reserve(&w, slice.len) : NULL;
    for (uint32_t i = 0; p != NULL && i < slice.len; i++) {
        p[i] = file->p[(slice.offset + i) % file->len];
    }
    if (mode == MODE_GARBAGE && p != NULL) {
        fill_random(p, slice.len);
    }
    if (selv_coap_reply_end(&x->coap, now_ms(), &(struct selv_coap_peer){0}, rq,
                            &w, SELV_COAP_RECOMPUTE, out)) {
        out->len = 0;
    }
}

/* Print the state of a status report (docs/spec/coap.md, key 3 and 6). */
static void print_report(struct selv_bytes body)
{
    struct selv_cbor r;
    uint32_t count;
    uint64_t state = 0, err = 0;

    selv_cbor_init(&r, body);
    if (selv_cbor_map(&r, &count)) {
        count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t key;
        uint64_t *v = NULL;
        if (selv_cbor_uint(&r, &key)) {
            break;
        }
        v = key == 3 ? &state : key == 6 ? &err : NULL;
        if (v != NULL ? selv_cbor_uint(&r, v) : selv_cbor_skip(&r, NULL)) {
            break;
        }
    }
    printf("report state %u error %s: %s\n", (unsigned)state,
           selv_err_name((enum selv_err)err), selv_err_str((enum selv_err)err));
    fflush(stdout);
}

/* POST /reg and POST /s: believed whatever they say. */
static void reply_post(struct hostile *x, const struct selv_coap_peer *peer,
                       const struct selv_coap_msg *rq, bool is_status,
                       struct selv_buf *out)
{
    struct selv_coap_writer w;
    struct selv_coap_upload *u = selv_coap_upload_find(
        &x->upload, 1, now_ms(), peer, is_status ? 2 : 1, rq);
    uint8_t code =
        selv_coap_upload_feed(u, now_ms(), peer, is_status ? 2 : 1, rq);
    bool is_whole = code == 0;

    if (is_whole) {
        code = is_status ? SELV_COAP_CHANGED : SELV_COAP_CREATED;
    }
    selv_coap_reply_begin(&x->coap, rq, code, out, &w);
    if (u != NULL) {
        selv_coap_write_upload(&w, u, rq, code, SZX);
    }
    if (is_whole && !is_status) {
        selv_coap_write_payload(&w, selv_bytes("0123456789abcdef", 16));
    }
    if (selv_coap_reply_end(&x->coap, now_ms(), peer, rq, &w, SELV_COAP_KEEP,
                            out)) {
        out->len = 0;
    }
    if (is_whole) {
        if (is_status) {
            print_report(selv_bytes(u->body.p, u->body.len));
        }
        selv_coap_upload_end(u);
    }
}

static void note_request(const struct hostile *x,
                         const struct selv_coap_msg *rq, struct selv_bytes name)
{
    bool has_block = (rq->has & SELV_COAP_HAS_BLOCK2) != 0;
    uint8_t szx = has_block ? rq->block2.szx : SELV_COAP_SZX_MAX;
    uint32_t len = 16u << szx;

    if (x->requests != NULL) {
        fprintf(x->requests, "%.*s %u %u\n",
                (int)(name.len < 32 ? name.len : 32), (const char *)name.p,
                has_block ? (unsigned)(rq->block2.num * len) : 0u,
                (unsigned)len);
    }
}

static void answer(struct hostile *x, const struct selv_coap_peer *peer,
                   const struct selv_coap_msg *rq, struct selv_buf *out)
{
    struct selv_bytes name;

    if (selv_coap_path_match(rq, "m", NULL)) {
        reply_body(x, rq, &x->manifest, false, out);
        return;
    }
    if (selv_coap_path_match(rq, "reg", NULL) ||
        selv_coap_path_match(rq, "s", NULL)) {
        reply_post(x, peer, rq, selv_coap_path_match(rq, "s", NULL), out);
        return;
    }
    if (!selv_coap_path_match(rq, "i/*", &name)) {
        selv_coap_reply_code(&x->coap, rq, SELV_COAP_NOT_FOUND, NULL, out);
        return;
    }
    if (x->mode == MODE_SILENT) {
        out->len = 0;
        return;
    }
    if (x->mode == MODE_NOISE) {
        fill_random(out->p, 24);
        out->p[0] |= 0xc0; /* version 3 */
        out->len = 24;
        return;
    }
    note_request(x, rq, name);
    if (x->slow_ms > 0) {
        (void)poll(NULL, 0, (int)x->slow_ms);
    }
    /* The digest's first bytes are the ETag; the last image stands in for
     * one that is not there. */
    char hex[17] = "";
    for (size_t i = 0; i < x->image_count; i++) {
        for (size_t k = 0; k < 8; k++) {
            snprintf(hex + 2 * k, 3, "%02x", x->images[i].etag[k]);
        }
        if ((name.len >= 16 && memcmp(name.p, hex, 16) == 0) ||
            i + 1 == x->image_count) {
            reply_body(x, rq, &x->images[i], true, out);
            return;
        }
    }
    selv_coap_reply_code(&x->coap, rq, SELV_COAP_NOT_FOUND, NULL, out);
}

static void serve_one(struct hostile *x)
{
    uint8_t in[2048], reply[2048];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    struct selv_coap_peer peer = {6, {0}};
    struct selv_coap_msg rq;
    struct selv_buf out = {reply, sizeof reply, 0};

    ssize_t n =
        recvfrom(x->fd, in, sizeof in, 0, (struct sockaddr *)&from, &from_len);
    if (n < 0 || x->mode == MODE_MUTE) {
        return;
    }
    memcpy(peer.addr, &from.sin_addr, 4);
    memcpy(peer.addr + 4, &from.sin_port, 2);
    switch (selv_coap_server_feed(&x->coap, now_ms(), &peer,
                                  selv_bytes(in, (size_t)n), &rq, &out)) {
    case SELV_COAP_DROP:
        return;
    case SELV_COAP_REPLY:
        break;
    case SELV_COAP_REQUEST:
        answer(x, &peer, &rq, &out);
        break;
    }
    for (int times = x->mode == MODE_DOUBLE ? 2 : 1; times > 0; times--) {
        if (out.len > 0) {
            (void)sendto(x->fd, out.p, out.len, 0, (struct sockaddr *)&from,
                         from_len);
        }
    }
}

static enum mode mode_of(const char *name)
{
    for (size_t i = 0; i < sizeof mode_names / sizeof mode_names[0]; i++) {
        if (strcmp(name, mode_names[i]) == 0) {
            return (enum mode)i;
        }
    }
    fprintf(stderr, "hostile: unknown mode %s\n", name);
    exit(2);
}

static void usage(FILE *to)
{
    fprintf(to, "usage: hostile [--port N] [--mode MODE] --manifest FILE "
                "[--image FILE]... [--requests FILE] [--slow MS]\nmodes:");
    for (size_t i = 0; i < sizeof mode_names / sizeof mode_names[0]; i++) {
        fprintf(to, " %s", mode_names[i]);
    }
    fprintf(to, "\n");
}

static void open_socket(struct hostile *x, uint16_t port)
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t len = sizeof here;

    here.sin_port = htons(port);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    x->fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (x->fd < 0 || bind(x->fd, (struct sockaddr *)&here, len) != 0 ||
        getsockname(x->fd, (struct sockaddr *)&here, &len) != 0) {
        perror("hostile: socket");
        exit(3);
    }
    printf("listening coap://127.0.0.1:%u\n", (unsigned)ntohs(here.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct hostile x;
    uint8_t random[8];
    uint16_t port = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return 0;
        }
        if (i + 1 == argc) {
            usage(stderr);
            return 2;
        }
        const char *value = argv[++i];
        if (strcmp(argv[i - 1], "--port") == 0) {
            port = (uint16_t)strtoul(value, NULL, 10);
        } else if (strcmp(argv[i - 1], "--mode") == 0) {
            x.mode = mode_of(value);
        } else if (strcmp(argv[i - 1], "--manifest") == 0) {
            x.manifest = load(value);
        } else if (strcmp(argv[i - 1], "--image") == 0 && x.image_count < 4) {
            x.images[x.image_count++] = load(value);
        } else if (strcmp(argv[i - 1], "--slow") == 0) {
            x.slow_ms = (unsigned)strtoul(value, NULL, 10) % 10000;
        } else if (strcmp(argv[i - 1], "--requests") == 0 &&
                   (x.requests = fopen(value, "a")) != NULL) {
            setvbuf(x.requests, NULL, _IOLBF, 0);
        } else {
            usage(stderr);
            return 2;
        }
    }
    if (x.manifest.p == NULL) {
        usage(stderr);
        return 2;
    }
    fill_random(random, sizeof random);
    selv_coap_server_init(&x.coap, x.seen, 64, random);
    selv_coap_upload_init(&x.upload,
                          (struct selv_buf){x.upload_body, BODY_MAX, 0});
    open_socket(&x, port);
    for (;;) {
        serve_one(&x);
    }
}
