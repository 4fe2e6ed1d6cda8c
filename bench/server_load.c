/* SPDX-License-Identifier: Apache-2.0
 *
 * server_load.c - closed-loop load for a CoAP server on a loopback address:
 * each client asks again when its answer has come; one that does not come
 * within a second is asked for anew.
 *
 * usage: bench_server_load HOST:PORT KIND [flags]
 *   echo             any answer will do; datagrams as long as those of poll
 *   poll IDS         GET /m?d=ID with the ETag --etag, expects 2.03. IDS is a
 *                    file with an id a line; peer n is the device of line n
 *   block PATH       GET PATH, blocks of --size bytes one after the other,
 *                    from 0 up to --blocks, expects 2.05
 *   get PATH         GET PATH, expects 2.05
 *   post PATH        POST PATH, the first 16 bytes of a body without end,
 *                    expects 2.31
 *   --clients N      requests under way at once (1)
 *   --peers N        that many peers in all, each 127.x.y.z and port, one
 *                    after the other; 0: as many as clients (0)
 *   --seconds N      (2)
 *   --requests N     ends after that many answers, too (0: does not)
 *   --etag HEX, --size BYTES, --blocks N
 *   --pid N          the server: its CPU time and memory are told
 * Prints one line: requests/s, microseconds of server CPU for each answer
 * ("-" without --pid), median and 99th percentile of the time to an answer in
 * milliseconds, repeated requests, wrong answers, resident KiB of the server
 * before and after. Exit code 1 when an answer was wrong. */
#define _GNU_SOURCE /* recvmmsg, sendmmsg, in_pktinfo */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "coap/coap.h"
#include "host/net.h"

#define SOCKETS_MAX 64u
#define CLIENTS_MAX 4096u
#define BATCH 64u
#define REQUEST_MAX 200u
#define REPEAT_NS 1000000000ull
/* Times to an answer: 16 buckets between a power of two of nanoseconds and the
 * next, so known to a sixteenth, from microseconds to minutes. */
#define BUCKET_BITS 4u
#define BUCKETS (40u << BUCKET_BITS)

enum kind { ECHO, POLL, BLOCK, GET, POST, KINDS };

struct options {
    struct sockaddr_in server;
    enum kind kind;
    const char *path;
    unsigned clients;
    unsigned peers;
    double seconds;
    uint64_t requests;
    uint8_t etag[8];
    size_t etag_len;
    unsigned size;
    unsigned blocks;
    int pid;
};

/* One request under way. */
struct client {
    uint64_t sent_ns;
    uint32_t peer;
    uint32_t count; /* of its requests: half of the token */
    uint32_t block;
    bool is_due; /* to be sent */
};

static struct options o = {
    .clients = 1, .seconds = 2, .size = 1024, .blocks = 1};
static struct client clients[CLIENTS_MAX];
static int fds[SOCKETS_MAX];
static unsigned socket_count;
static int epoll_fd;
static char (*ids)[17];
static unsigned id_count;
static uint32_t peer_turn[SOCKETS_MAX];
static uint64_t answers;
static uint64_t repeats;
static uint64_t wrongs;
static uint64_t histogram[BUCKETS];

static void die(const char *what)
{
    perror(what);
    exit(3);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- what the server costs -------------------------------------------------
 */

/* CPU time of its threads in nanoseconds, as the scheduler counts it. */
static uint64_t server_cpu_ns(void)
{
    char path[64];
    uint64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", o.pid);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char file[400];
        unsigned long long ns = 0;
        snprintf(file, sizeof file, "/proc/%d/task/%s/schedstat", o.pid,
                 entry->d_name);
        FILE *f = entry->d_name[0] != '.' ? fopen(file, "r") : NULL;
        if (f != NULL) {
            if (fscanf(f, "%llu", &ns) == 1) {
                sum += ns;
            }
            fclose(f);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return sum;
}

static unsigned long server_rss_kib(void)
{
    char line[128];
    unsigned long kib = 0;
    snprintf(line, sizeof line, "/proc/%d/status", o.pid);
    FILE *f = o.pid > 0 ? fopen(line, "r") : NULL;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "VmRSS: %lu kB", &kib) == 1) {
            break;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return kib;
}

/* ---- requests --------------------------------------------------------------
 */

static size_t request_make(const struct client *c, unsigned at, uint8_t *p)
{
    struct selv_coap_writer w;
    uint8_t token[6];
    size_t len = 0;
    token[0] = (uint8_t)(at >> 8);
    token[1] = (uint8_t)at;
    selv_put_be32(token + 2, c->count);
    selv_coap_write_begin(&w, p, REQUEST_MAX, SELV_COAP_CON,
                          o.kind == POST ? SELV_COAP_POST : SELV_COAP_GET,
                          (uint16_t)(c->count * 31 + at),
                          selv_bytes(token, sizeof token));
    if (o.etag_len > 0) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_ETAG,
                            selv_bytes(o.etag, o.etag_len));
    }
    if (o.kind == POLL || o.kind == ECHO) {
        char query[20] = "d=0123456789abcdef";
        if (id_count > 0) {
            memcpy(query + 2, ids[c->peer % id_count], 16);
        }
        selv_coap_write_path(&w, selv_bytes("m", 1));
        selv_coap_write_query(&w, selv_bytes(query, 18));
    } else {
        selv_coap_write_path(&w, selv_bytes(o.path, strlen(o.path)));
    }
    if (o.kind == BLOCK) {
        struct selv_coap_block b = {.num = c->block};
        while (selv_coap_block_len(b.szx) < o.size) {
            b.szx++;
        }
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK2, &b);
    } else if (o.kind == POST) {
        struct selv_coap_block b = {.more = true};
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK1, &b);
        selv_coap_write_payload(&w, selv_bytes("0123456789abcdef", 16));
    }
    if (selv_coap_write_end(&w, &len)) {
        fprintf(stderr, "bench_server_load: the request is too long\n");
        exit(2);
    }
    return len;
}

/* Peer n is socket n % sockets, at address 127.1.0.0 + n / sockets. */
static in_addr_t address_of(uint32_t peer)
{
    return htonl(0x7f010001u + peer / socket_count);
}

struct outgoing {
    struct mmsghdr m[BATCH];
    struct iovec iov[BATCH];
    uint8_t bytes[BATCH][REQUEST_MAX];
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } control[BATCH];
    unsigned count;
};

static void flush(struct outgoing *out, int fd)
{
    unsigned at = 0;
    while (at < out->count) {
        int n = sendmmsg(fd, out->m + at, out->count - at, 0);
        if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOBUFS) {
            die("bench_server_load: sendmmsg");
        }
        at += n > 0 ? (unsigned)n : 0;
    }
    out->count = 0;
}

static void queue(struct outgoing *out, const struct client *c, unsigned at)
{
    unsigned i = out->count++;
    out->iov[i].iov_base = out->bytes[i];
    out->iov[i].iov_len = request_make(c, at, out->bytes[i]);
    struct msghdr *m = &out->m[i].msg_hdr;
    memset(m, 0, sizeof *m);
    m->msg_name = &o.server;
    m->msg_namelen = sizeof o.server;
    m->msg_iov = &out->iov[i];
    m->msg_iovlen = 1;
    m->msg_control = &out->control[i];
    m->msg_controllen = sizeof out->control[i];
    struct cmsghdr *head = CMSG_FIRSTHDR(m);
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = address_of(c->peer)};
    head->cmsg_level = IPPROTO_IP;
    head->cmsg_type = IP_PKTINFO;
    head->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(head), &info, sizeof info);
}

/* The socket of a client never changes: its peers are those of that socket. */
static void peer_advance(struct client *c)
{
    unsigned s = c->peer % socket_count;
    if (o.peers > o.clients) {
        c->peer = peer_turn[s]++ % (o.peers / socket_count) * socket_count + s;
    }
}

static void all_due_send(uint64_t now)
{
    static struct outgoing out;
    for (unsigned s = 0; s < socket_count; s++) {
        for (unsigned i = s; i < o.clients; i += socket_count) {
            struct client *c = &clients[i];
            if (!c->is_due && now - c->sent_ns > REPEAT_NS) {
                repeats++;
                c->is_due = true;
            }
            if (c->is_due) {
                c->is_due = false;
                c->sent_ns = now;
                queue(&out, c, i);
                if (out.count == BATCH) {
                    flush(&out, fds[s]);
                }
            }
        }
        flush(&out, fds[s]);
    }
}

/* ---- answers ---------------------------------------------------------------
 */

static bool is_right(const struct selv_coap_msg *m, const struct client *c)
{
    switch (o.kind) {
    case POLL:
        return m->code == SELV_COAP_VALID && m->payload.len == 0;
    case BLOCK:
        return m->code == SELV_COAP_CONTENT && m->block2.num == c->block &&
               m->payload.len == o.size;
    case GET:
        return m->code == SELV_COAP_CONTENT;
    case POST:
        return m->code == SELV_COAP_CONTINUE;
    case KINDS:
    case ECHO:
    default:
        return true;
    }
}

static unsigned bucket_of(uint64_t ns)
{
    unsigned power = 0;
    ns >>= BUCKET_BITS;
    while (ns >> power >= 2u << BUCKET_BITS) {
        power++;
    }
    unsigned bucket = ns < 1u << BUCKET_BITS
                          ? 0
                          : (power << BUCKET_BITS) + (unsigned)(ns >> power) -
                                (1u << BUCKET_BITS);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/* The middle of a bucket. */
static double bucket_ns(unsigned bucket)
{
    unsigned power = bucket >> BUCKET_BITS;
    double step = (double)(UINT64_C(1) << (power + BUCKET_BITS));
    return ((1u << BUCKET_BITS) + bucket % (1u << BUCKET_BITS) + 0.5) * step;
}

static void answer_take(struct selv_bytes datagram, uint64_t now)
{
    struct selv_coap_msg m;
    enum selv_err err = selv_coap_parse(datagram, &m);
    if (err == SELV_ERR_COAP_FORMAT || m.token.len != 6) {
        wrongs++;
        return;
    }
    unsigned at = (unsigned)m.token.p[0] << 8 | m.token.p[1];
    struct client *c = at < o.clients ? &clients[at] : NULL;
    if (c == NULL || selv_get_be32(m.token.p + 2) != c->count || c->is_due) {
        return; /* late, for a request that was repeated */
    }
    wrongs += !is_right(&m, c);
    histogram[bucket_of(now - c->sent_ns)]++;
    answers++;
    c->count++;
    c->block = (c->block + 1) % o.blocks;
    c->is_due = true;
    peer_advance(c);
}

static void socket_drain(int fd)
{
    static struct mmsghdr m[BATCH];
    static struct iovec iov[BATCH];
    static uint8_t bytes[BATCH][2048];
    int n = BATCH;
    while (n == (int)BATCH) {
        for (unsigned i = 0; i < BATCH; i++) {
            iov[i].iov_base = bytes[i];
            iov[i].iov_len = sizeof bytes[i];
            m[i].msg_hdr.msg_iov = &iov[i];
            m[i].msg_hdr.msg_iovlen = 1;
        }
        n = recvmmsg(fd, m, BATCH, MSG_DONTWAIT, NULL);
        uint64_t now = now_ns();
        for (int i = 0; i < n; i++) {
            answer_take(selv_bytes(bytes[i], m[i].msg_len), now);
        }
    }
}

/* ---- the run ---------------------------------------------------------------
 */

static void sockets_open(void)
{
    socket_count = o.clients < SOCKETS_MAX ? o.clients : SOCKETS_MAX;
    if (o.clients <= SOCKETS_MAX && o.peers > 0) {
        socket_count = o.clients;
    }
    epoll_fd = epoll_create1(0);
    for (unsigned i = 0; i < socket_count; i++) {
        struct sockaddr_in any = {.sin_family = AF_INET};
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        int bytes = 1 << 22;
        fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
        if (fds[i] < 0 ||
            bind(fds[i], (struct sockaddr *)&any, sizeof any) < 0 ||
            setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) <
                0 ||
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &event) < 0) {
            die("bench_server_load: sockets");
        }
    }
    for (unsigned i = 0; i < o.clients; i++) {
        clients[i].peer = i;
        clients[i].block = i % o.blocks;
        clients[i].is_due = true;
    }
}

static double percentile_ms(double share)
{
    uint64_t want = (uint64_t)((double)answers * share);
    uint64_t sum = 0;
    unsigned i = 0;
    while (i < BUCKETS - 1 && (sum += histogram[i]) <= want) {
        i++;
    }
    return bucket_ns(i) / 1e6;
}

static void run(void)
{
    uint64_t begin = now_ns();
    uint64_t end = begin + (uint64_t)(o.seconds * 1e9);
    uint64_t swept = begin;
    unsigned long rss = server_rss_kib();
    uint64_t cpu = server_cpu_ns();
    uint64_t now = begin;
    all_due_send(now);
    while (now < end && (o.requests == 0 || answers < o.requests)) {
        struct epoll_event events[SOCKETS_MAX];
        int n = epoll_wait(epoll_fd, events, SOCKETS_MAX, 50);
        for (int i = 0; i < n; i++) {
            socket_drain(fds[events[i].data.u32]);
        }
        now = now_ns();
        if (n > 0 || now - swept > REPEAT_NS / 10) {
            all_due_send(now);
            swept = now;
        }
    }
    cpu = server_cpu_ns() - cpu;
    double s = (double)(now - begin) / 1e9;
    printf("%.0f ", (double)answers / s);
    if (o.pid > 0 && answers > 0) {
        printf("%.2f ", (double)cpu / 1e3 / (double)answers);
    } else {
        printf("- ");
    }
    printf("%.3f %.3f %llu %llu %lu %lu\n", percentile_ms(0.5),
           percentile_ms(0.99), (unsigned long long)repeats,
           (unsigned long long)wrongs, rss, server_rss_kib());
}

/* ---- the command line ------------------------------------------------------
 */

static void ids_read(const char *path)
{
    FILE *f = fopen(path, "r");
    size_t cap = 0;
    char line[64];
    if (f == NULL) {
        die(path);
    }
    while (fgets(line, sizeof line, f) != NULL) {
        if (id_count == cap) {
            cap = cap * 2 + 1024;
            ids = realloc(ids, cap * sizeof *ids);
            if (ids == NULL) {
                die("bench_server_load");
            }
        }
        memcpy(ids[id_count++], line, 16);
    }
    fclose(f);
}

static bool hex_read(const char *text)
{
    for (o.etag_len = 0; *text != 0; text += 2) {
        unsigned v;
        if (o.etag_len == sizeof o.etag || sscanf(text, "%2x", &v) != 1) {
            return false;
        }
        o.etag[o.etag_len++] = (uint8_t)v;
    }
    return true;
}

static void usage(void)
{
    fprintf(stderr, "usage: bench_server_load HOST:PORT"
                    " echo|poll IDS|block PATH|get PATH|post PATH [--clients N]"
                    " [--peers N] [--seconds N] [--requests N] [--etag HEX]"
                    " [--size BYTES] [--blocks N] [--pid N]\n");
    exit(2);
}

static void options_read(int argc, char **argv)
{
    static const struct option flags[] = {
        {"clients", required_argument, NULL, 'c'},
        {"peers", required_argument, NULL, 'p'},
        {"seconds", required_argument, NULL, 's'},
        {"requests", required_argument, NULL, 'r'},
        {"etag", required_argument, NULL, 'e'},
        {"size", required_argument, NULL, 'z'},
        {"blocks", required_argument, NULL, 'b'},
        {"pid", required_argument, NULL, 'i'},
        {NULL, 0, NULL, 0}};
    int flag;
    while ((flag = getopt_long(argc, argv, "", flags, NULL)) >= 0) {
        unsigned n = flag == '?' || flag == 'e'
                         ? 0
                         : (unsigned)strtoul(optarg, NULL, 10);
        switch (flag) {
        case 'c':
            o.clients = n;
            break;
        case 'p':
            o.peers = n;
            break;
        case 's':
            o.seconds = strtod(optarg, NULL);
            break;
        case 'r':
            o.requests = n;
            break;
        case 'e':
            if (!hex_read(optarg)) {
                usage();
            }
            break;
        case 'z':
            o.size = n;
            break;
        case 'b':
            o.blocks = n;
            break;
        case 'i':
            o.pid = (int)n;
            break;
        default:
            usage();
        }
    }
}

int main(int argc, char **argv)
{
    static const char *const kinds[KINDS] = {"echo", "poll", "block", "get",
                                             "post"};
    struct selv_net_address address;
    options_read(argc, argv);
    argc -= optind;
    argv += optind;
    if (argc < 2 || !selv_net_parse(argv[0], &address) ||
        address.sa.ss_family != AF_INET || o.clients == 0 ||
        o.clients > CLIENTS_MAX || o.blocks == 0 || o.size > 1024) {
        usage();
    }
    memcpy(&o.server, &address.sa, sizeof o.server);
    while (o.kind < KINDS - 1 && strcmp(argv[1], kinds[o.kind]) != 0) {
        o.kind++;
    }
    if (argc != (o.kind == ECHO ? 2 : 3) ||
        strcmp(argv[1], kinds[o.kind]) != 0) {
        usage();
    }
    if (o.kind == POLL) {
        ids_read(argv[2]);
    }
    o.path = argc == 3 ? argv[2] + (argv[2][0] == '/') : NULL;
    sockets_open();
    run();
    return wrongs > 0 ? 1 : 0;
}
