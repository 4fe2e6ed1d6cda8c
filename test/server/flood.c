/* SPDX-License-Identifier: Apache-2.0
 *
 * flood.c - requests from addresses that nobody has: each comes from another
 * 127.x.y.z (or from one /24 of them) and port, and is never followed up. What
 * the server sends there is counted.
 *
 * usage: server_flood HOST:PORT KIND ARGUMENT [flags]
 *   register FILE    POST /reg, the profile in FILE, in which the 16 bytes
 *                    00 01 02 .. 0f are another device id each time
 *   report FILE      POST /s?d= of ids that nobody has
 *   begin FILE       POST /reg, the first 64 bytes of it, more to come
 *   stranger -       GET /m?d= of ids that nobody has
 *   observe IDS      GET /m, Observe 0, of the devices in IDS, an id a line
 *   image DIGEST     GET /i/DIGEST, block 0 of 1024 bytes
 *   middle DIGEST    the same, any block below --blocks
 *   --rate N         requests a second (1000), as far as the machine can
 *   --seconds N      (2)
 *   --linger N       seconds more in which answers are counted (0)
 *   --network A.B    all from 127.A.B.0/24
 *   --blocks N       (100)
 * Prints one line: requests sent, their bytes, answers got, their bytes, and
 * the bytes of those that were longer than three times the request and than 64
 * bytes. */
#define _GNU_SOURCE /* in_pktinfo */
#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "coap/coap.h"
#include "host/net.h"

#define SOCKETS 16u
#define REQUEST_MAX 1400u
#define IDS_MAX 64u

enum kind { REGISTER, REPORT, BEGIN, STRANGER, OBSERVE, IMAGE, MIDDLE, KINDS };

static struct {
    struct sockaddr_in server;
    enum kind kind;
    const char *argument;
    unsigned rate;
    double seconds;
    double linger;
    int network; /* -1: any */
    unsigned blocks;
} o = {.rate = 1000, .seconds = 2, .network = -1, .blocks = 100};

static int fds[SOCKETS];
static uint8_t body[REQUEST_MAX];
static size_t body_len;
static char ids[IDS_MAX][17];
static size_t id_count;
static uint64_t sent, sent_bytes, got, got_bytes, long_bytes;
static uint64_t seed = 88172645463325252u;

static uint32_t chance(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

static void die(const char *what)
{
    perror(what);
    exit(3);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void body_vary(void)
{
    static const uint8_t id[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                   8, 9, 10, 11, 12, 13, 14, 15};
    static size_t at = SIZE_MAX;
    for (size_t i = 0; at == SIZE_MAX && i + sizeof id <= body_len; i++) {
        at = memcmp(body + i, id, sizeof id) == 0 ? i : SIZE_MAX;
    }
    for (size_t i = 0; at != SIZE_MAX && i < sizeof id; i++) {
        body[at + i] = (uint8_t)chance();
    }
}

static void query_write(struct selv_coap_writer *w)
{
    char query[24];
    snprintf(query, sizeof query, "d=%08x%08x", chance(), chance());
    if (o.kind == OBSERVE) {
        snprintf(query, sizeof query, "d=%s", ids[sent % id_count]);
    }
    selv_coap_write_query(w, selv_bytes(query, 18));
}

static size_t request_make(uint8_t *p)
{
    static const char *const paths[KINDS] = {
        [REGISTER] = "reg", [REPORT] = "s", [BEGIN] = "reg", [STRANGER] = "m",
        [OBSERVE] = "m",    [IMAGE] = "i",  [MIDDLE] = "i"};
    bool is_post = o.kind <= BEGIN;
    struct selv_coap_writer w;
    size_t len = 0;
    uint8_t token[4];
    selv_put_be32(token, (uint32_t)sent);
    selv_coap_write_begin(&w, p, REQUEST_MAX, SELV_COAP_CON,
                          is_post ? SELV_COAP_POST : SELV_COAP_GET,
                          (uint16_t)chance(), selv_bytes(token, sizeof token));
    if (o.kind == OBSERVE) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_OBSERVE, 0);
    }
    selv_coap_write_path(&w, selv_bytes(paths[o.kind], strlen(paths[o.kind])));
    if (o.kind == IMAGE || o.kind == MIDDLE) {
        selv_coap_write_path(&w, selv_bytes(o.argument, strlen(o.argument)));
        struct selv_coap_block b = {.szx = 6};
        b.num = o.kind == MIDDLE ? 1 + chance() % (o.blocks - 1) : 0;
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK2, &b);
    }
    if (is_post) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_CONTENT_FORMAT, SELV_COAP_CBOR);
    }
    if (o.kind == REPORT || o.kind == STRANGER || o.kind == OBSERVE) {
        query_write(&w);
    }
    if (o.kind == BEGIN) {
        struct selv_coap_block b = {.szx = 2, .more = true};
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK1, &b);
    }
    if (is_post) {
        body_vary();
        selv_coap_write_payload(
            &w, selv_bytes(body, o.kind == BEGIN ? 64 : body_len));
    }
    if (selv_coap_write_end(&w, &len)) {
        fprintf(stderr, "server_flood: the request is too long\n");
        exit(2);
    }
    return len;
}

static void request_send(void)
{
    uint8_t bytes[REQUEST_MAX];
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control;
    struct in_pktinfo info;
    uint32_t from = 0x7f000000u | (chance() & 0xffffffu);
    if (o.network >= 0) {
        from = 0x7f000000u | (unsigned)o.network << 8 | (chance() & 0xffu);
    }
    memset(&info, 0, sizeof info);
    info.ipi_spec_dst.s_addr = htonl(from);
    memset(&control, 0, sizeof control);
    struct iovec iov = {bytes, request_make(bytes)};
    struct msghdr m = {.msg_name = &o.server,
                       .msg_namelen = sizeof o.server,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    head->cmsg_level = IPPROTO_IP;
    head->cmsg_type = IP_PKTINFO;
    head->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(head), &info, sizeof info);
    if (sendmsg(fds[sent % SOCKETS], &m, MSG_DONTWAIT) > 0) {
        sent++;
        sent_bytes += iov.iov_len;
    }
}

static void answers_count(void)
{
    uint8_t bytes[2048];
    for (unsigned i = 0; i < SOCKETS; i++) {
        ssize_t n;
        while ((n = recv(fds[i], bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
            got++;
            got_bytes += (uint64_t)n;
            uint64_t free = sent > 0 ? 3 * sent_bytes / sent : 0;
            long_bytes += (uint64_t)n > free && n > 64 ? (uint64_t)n : 0;
        }
    }
}

static void run(void)
{
    double began = now();
    double t = began;
    while (t < began + o.seconds) {
        uint64_t due = (uint64_t)((t - began) * o.rate);
        for (unsigned n = 0; sent < due && n < 64; n++) {
            request_send();
        }
        answers_count();
        struct timespec nap = {0, 500000};
        nanosleep(&nap, NULL);
        t = now();
    }
    while (t < began + o.seconds + o.linger) {
        answers_count();
        struct timespec nap = {0, 5000000};
        nanosleep(&nap, NULL);
        t = now();
    }
    printf("%llu %llu %llu %llu %llu\n", (unsigned long long)sent,
           (unsigned long long)sent_bytes, (unsigned long long)got,
           (unsigned long long)got_bytes, (unsigned long long)long_bytes);
}

/* ---- the command line ---------------------------------------------------- */

static void usage(void)
{
    fprintf(stderr,
            "usage: server_flood HOST:PORT KIND ARGUMENT [--rate N]"
            " [--seconds N] [--linger N] [--network A.B] [--blocks N]\n");
    exit(2);
}

static void argument_read(void)
{
    FILE *f = NULL;
    if (o.kind <= BEGIN || o.kind == OBSERVE) {
        f = fopen(o.argument, "rb");
        if (f == NULL) {
            die(o.argument);
        }
    }
    if (o.kind <= BEGIN) {
        body_len = fread(body, 1, sizeof body, f);
    }
    char line[64];
    while (o.kind == OBSERVE && id_count < IDS_MAX &&
           fgets(line, sizeof line, f) != NULL) {
        memcpy(ids[id_count++], line, 16);
    }
    if (f != NULL) {
        fclose(f);
    }
    if ((o.kind <= BEGIN && body_len < 64) ||
        (o.kind == OBSERVE && id_count == 0) || o.blocks < 2) {
        usage();
    }
}

int main(int argc, char **argv)
{
    static const char *const kinds[KINDS] = {"register", "report",  "begin",
                                             "stranger", "observe", "image",
                                             "middle"};
    static const struct option flags[] = {
        {"rate", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'},
        {"linger", required_argument, NULL, 'l'},
        {"network", required_argument, NULL, 'n'},
        {"blocks", required_argument, NULL, 'b'},
        {NULL, 0, NULL, 0}};
    struct selv_net_address address;
    int flag;
    int a;
    int b;
    while ((flag = getopt_long(argc, argv, "", flags, NULL)) >= 0) {
        double v = flag == '?' ? 0 : strtod(optarg, NULL);
        switch (flag) {
        case 'r':
            o.rate = (unsigned)v;
            break;
        case 's':
            o.seconds = v;
            break;
        case 'l':
            o.linger = v;
            break;
        case 'n':
            if (sscanf(optarg, "%d.%d", &a, &b) != 2) {
                usage();
            }
            o.network = (a & 255) << 8 | (b & 255);
            break;
        case 'b':
            o.blocks = (unsigned)v;
            break;
        default:
            usage();
        }
    }
    argv += optind;
    if (argc - optind != 3 || !selv_net_parse(argv[0], &address) ||
        address.sa.ss_family != AF_INET) {
        usage();
    }
    memcpy(&o.server, &address.sa, sizeof o.server);
    while (o.kind < KINDS - 1 && strcmp(argv[1], kinds[o.kind]) != 0) {
        o.kind++;
    }
    if (strcmp(argv[1], kinds[o.kind]) != 0) {
        usage();
    }
    o.argument = argv[2];
    argument_read();
    for (unsigned i = 0; i < SOCKETS; i++) {
        struct sockaddr_in any = {.sin_family = AF_INET};
        fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
        if (fds[i] < 0 ||
            bind(fds[i], (struct sockaddr *)&any, sizeof any) < 0) {
            die("server_flood");
        }
    }
    seed ^= (uint64_t)getpid() << 32;
    run();
    return 0;
}
