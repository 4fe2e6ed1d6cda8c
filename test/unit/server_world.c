/* SPDX-License-Identifier: Apache-2.0
 *
 * server_world.c - see server_world.h. */
#define _GNU_SOURCE /* mmsghdr */
#include "test/unit/server_world.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cbor/cbor.h"
#include "host/clock.h"
#include "host/log.h"

struct world world;

static struct {
    char folder[64];
    int folder_fd;
    atomic_uint_least64_t now_ms; /* read by the thread that writes, too */
    bool has_datagram;
    struct selv_coap_peer from;
    struct selv_bytes datagram;
} w = {.now_ms = 1000000};

static void must(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

/* ---- instead of the system ---------------------------------------------- */

uint64_t __wrap_selv_clock_monotonic_ms(void);
int64_t __wrap_selv_clock_wall_s(void);
int __wrap_recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags,
                    struct timespec *timeout);
int __wrap_sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags);

uint64_t __wrap_selv_clock_monotonic_ms(void)
{
    return atomic_load(&w.now_ms);
}

int64_t __wrap_selv_clock_wall_s(void)
{
    return 1700000000 + (int64_t)(atomic_load(&w.now_ms) / 1000);
}

int __wrap_recvmmsg(int fd, struct mmsghdr *v, unsigned n, int flags,
                    struct timespec *timeout)
{
    (void)fd;
    (void)flags;
    (void)timeout;
    if (!w.has_datagram || n == 0) {
        return 0;
    }
    struct selv_net_address from = selv_peer_get(&w.from);
    struct msghdr *m = &v[0].msg_hdr;
    must(w.datagram.len <= m->msg_iov[0].iov_len);
    if (w.datagram.len > 0) {
        memcpy(m->msg_iov[0].iov_base, w.datagram.p, w.datagram.len);
    }
    memcpy(m->msg_name, &from.sa, from.len);
    m->msg_namelen = from.len;
    m->msg_flags = 0;
    m->msg_controllen = 0;
    v[0].msg_len = (unsigned)w.datagram.len;
    w.has_datagram = false;
    return 1;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *v, unsigned n, int flags)
{
    (void)fd;
    (void)flags;
    for (unsigned i = 0; i < n; i++) {
        const struct msghdr *m = &v[i].msg_hdr;
        struct sockaddr_storage sa;
        memset(&sa, 0, sizeof sa);
        memcpy(&sa, m->msg_name, m->msg_namelen);
        selv_peer_set(&world.last.to, &sa);
        world.last.len = 0;
        for (size_t at = 0; at < m->msg_iovlen; at++) {
            const struct iovec *part = &m->msg_iov[at];
            must(world.last.len + part->iov_len <= sizeof world.last.p);
            memcpy(world.last.p + world.last.len, part->iov_base,
                   part->iov_len);
            world.last.len += part->iov_len;
        }
        world.replies++;
        if (world.on_reply != NULL) {
            world.on_reply(&world.last);
        }
    }
    return (int)n;
}

uint64_t world_now_ms(void)
{
    return atomic_load(&w.now_ms);
}

void world_pass(uint64_t ms)
{
    atomic_fetch_add(&w.now_ms, ms);
}

/* ---- open and close ----------------------------------------------------- */

void world_open(uint32_t rate, bool has_loopback, uint64_t devices_max)
{
    static const uint8_t key[SELV_SIPHASH_KEY_LEN] = {1, 2, 3};
    struct selv_net_address any;
    char path[96];
    unsigned cleaned;
    const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    memset(&world, 0, sizeof world);
    selv_log_init(SELV_LOG_ERROR, false);
    snprintf(w.folder, sizeof w.folder, "%s/selvage-world.XXXXXX", tmp);
    must(mkdtemp(w.folder) != NULL);
    snprintf(path, sizeof path, "%s/db", w.folder);
    w.folder_fd = open(w.folder, O_RDONLY | O_DIRECTORY);
    must(w.folder_fd >= 0);
    world.begun_ms = world_now_ms();
    world.server.roles = SELV_ROLE_FIRMWARE | SELV_ROLE_TRACKER;
    must(selv_blobs_open(&world.server.blobs, w.folder_fd, &cleaned));
    must(selv_records_open(&world.server.records, path) == SELV_DB_OK);
    selv_reflect_all_init(&world.server.reflect, key, rate, has_loopback);
    must(selv_writes_open(&world.server.writes, &world.server.records,
                          devices_max));
    must(selv_net_parse("127.0.0.1:0", &any));
    world.api = malloc(sizeof *world.api);
    must(world.api != NULL &&
         selv_coap_api_open(world.api, &world.server,
                            selv_net_bind(&any, SOCK_DGRAM), -1) &&
         selv_coap_api_listen(world.api, -1, 8));
}

void world_close(void)
{
    char command[96];
    world_let_go();
    world_pump();
    selv_writes_close(&world.server.writes);
    selv_coap_api_close(world.api);
    free(world.api);
    world.api = NULL;
    selv_records_close(&world.server.records);
    selv_blobs_close(&world.server.blobs);
    close(w.folder_fd);
    snprintf(command, sizeof command, "rm -rf '%s'", w.folder);
    must(system(command) == 0);
}

/* ---- the loop ----------------------------------------------------------- */

static void turn(struct selv_loop_source *source)
{
    source->on_ready(source->user);
}

void world_udp(const struct selv_coap_peer *from, struct selv_bytes datagram)
{
    w.from = *from;
    w.datagram = datagram;
    w.has_datagram = true;
    world.last.len = 0;
    turn(&world.api->source);
    must(!w.has_datagram);
}

void world_pump(void)
{
    must(!world.is_held);
    /* Parked ones are looked at a millisecond later. */
    while (world.api->parked_count > 0) {
        world_pass(1);
        turn(&world.api->source);
    }
    while (world.api->pending != NULL) {
        struct pollfd wait = {.fd = world.api->port.fd, .events = POLLIN};
        must(poll(&wait, 1, 20000) == 1);
        turn(&world.api->written);
    }
    turn(&world.api->source);
}

void world_hold(void)
{
    if (!world.is_held) {
        must(pthread_mutex_lock(&world.server.records.lock) == 0);
        atomic_store(&world.server.records.is_slow, true);
        world.is_held = true;
    }
}

void world_let_go(void)
{
    if (world.is_held) {
        atomic_store(&world.server.records.is_slow, false);
        must(pthread_mutex_unlock(&world.server.records.lock) == 0);
        world.is_held = false;
    }
}

int world_connect(const struct selv_coap_peer *from)
{
    int fds[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    selv_tcp_adopt(world.api->tcp, fds[0], from, world_now_ms());
    return fds[1];
}

void world_serve(void)
{
    turn(&world.api->stream_source);
}

/* ---- what the server has ------------------------------------------------ */

void world_blob(struct selv_bytes bytes, uint8_t digest[static 32])
{
    struct selv_blob blob;
    selv_blob_begin(&world.server.blobs, &blob);
    selv_blob_append(&blob, bytes);
    must(selv_blob_commit(&blob, NULL, digest) == SELV_BLOB_OK);
}

void world_release(uint64_t number, struct selv_bytes envelope)
{
    static struct selv_release release;
    memset(&release, 0, sizeof release);
    world_blob(envelope, release.envelope);
    memcpy(release.digest, release.envelope, sizeof release.digest);
    release.sequence_number = number;
    release.size = (uint32_t)envelope.len;
    must(selv_records_release_add(&world.server.records, &release) ==
         SELV_DB_OK);
    selv_coap_api_changed(world.api);
}

/* A number, from the database itself. */
static uint64_t ask(const char *sql)
{
    sqlite3_stmt *st;
    sqlite3 *db = world.server.records.db.handle;
    must(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
    uint64_t n = sqlite3_step(st) == SQLITE_ROW
                     ? (uint64_t)sqlite3_column_int64(st, 0)
                     : 0;
    must(sqlite3_finalize(st) == SQLITE_OK);
    return n;
}

uint64_t world_count(const char *table)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    return ask(sql);
}

void world_wipe(void)
{
    must(sqlite3_exec(world.server.records.db.handle,
                      "DELETE FROM reports; DELETE FROM contacts;"
                      "DELETE FROM devices",
                      NULL, NULL, NULL) == SQLITE_OK);
    world.server.records.device_count = 0;
}

/* ---- what devices say --------------------------------------------------- */

struct selv_coap_peer world_peer(uint32_t address, uint16_t port)
{
    struct selv_coap_peer p = {.len = 6};
    selv_put_be32(p.addr, address);
    p.addr[4] = (uint8_t)(port >> 8);
    p.addr[5] = (uint8_t)port;
    return p;
}

static const uint8_t zeros[SELV_SHA256_LEN];

static void running_put(struct selv_cbor_writer *c)
{
    selv_cbor_put_map(c, 4);
    selv_cbor_put_uint(c, 1);
    selv_cbor_put_array(c, 1);
    selv_cbor_put_bstr(c, selv_bytes(zeros, 1));
    selv_cbor_put_uint(c, 2);
    selv_cbor_put_uint(c, 1);
    selv_cbor_put_uint(c, 3);
    selv_cbor_put_bstr(c, selv_bytes(zeros, sizeof zeros));
    selv_cbor_put_uint(c, 4);
    selv_cbor_put_uint(c, 0);
}

static void pair_put(struct selv_cbor_writer *c, uint64_t key, uint64_t value)
{
    selv_cbor_put_uint(c, key);
    selv_cbor_put_uint(c, value);
}

size_t world_profile(uint32_t n, uint8_t *p, size_t cap)
{
    struct selv_cbor_writer c;
    uint8_t id[16] = {0};
    struct selv_bytes out;
    selv_put_be32(id, n);
    selv_cbor_writer_init(&c, p, cap);
    selv_cbor_put_map(&c, 8);
    pair_put(&c, 1, 1);
    selv_cbor_put_uint(&c, 2);
    selv_cbor_put_bstr(&c, selv_bytes(id, sizeof id));
    for (uint64_t key = 3; key <= 4; key++) {
        selv_cbor_put_uint(&c, key);
        selv_cbor_put_bstr(&c, selv_bytes(zeros, 16));
    }
    selv_cbor_put_uint(&c, 5);
    selv_cbor_put_array(&c, 1);
    running_put(&c);
    pair_put(&c, 6, 2048);
    pair_put(&c, 7, 100000);
    selv_cbor_put_uint(&c, 8);
    selv_cbor_put_map(&c, 3);
    pair_put(&c, 1, 1);
    pair_put(&c, 2, 1);
    pair_put(&c, 3, 1);
    must(selv_cbor_finish(&c, &out) == SELV_OK);
    return out.len;
}

size_t world_status(uint8_t state, uint8_t *p, size_t cap)
{
    struct selv_cbor_writer c;
    struct selv_bytes out;
    selv_cbor_writer_init(&c, p, cap);
    selv_cbor_put_map(&c, 6);
    pair_put(&c, 1, 1);
    selv_cbor_put_uint(&c, 2);
    selv_cbor_put_map(&c, 3);
    selv_cbor_put_uint(&c, 3);
    selv_cbor_put_array(&c, 0);
    selv_cbor_put_uint(&c, 4);
    selv_cbor_put_bool(&c, true);
    selv_cbor_put_uint(&c, 99);
    selv_cbor_put_array(&c, 2);
    selv_cbor_put_tstr(&c, selv_bytes("", 0));
    selv_cbor_put_array(&c, 2);
    selv_cbor_put_int(&c, -16);
    selv_cbor_put_bstr(&c, selv_bytes(zeros, sizeof zeros));
    pair_put(&c, 3, state);
    pair_put(&c, 4, 1);
    selv_cbor_put_uint(&c, 5);
    running_put(&c);
    pair_put(&c, 6, 0);
    must(selv_cbor_finish(&c, &out) == SELV_OK);
    return out.len;
}
