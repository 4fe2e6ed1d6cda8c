/* SPDX-License-Identifier: Apache-2.0
 *
 * loops.c - see update/loops.h. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "loops.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "coap_api.h"

struct selv_coap_loop {
    struct selv_loop loop;
    struct selv_coap_api api;
    struct selv_loop_source wake;
    atomic_bool is_stopped;
    pthread_t thread;
    bool is_started;
    atomic_int err; /* why it ended by itself; 0: it did not */
    int wake_fd;
};

size_t selv_loops_default(void)
{
    cpu_set_t set;
    int count = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        count = CPU_COUNT(&set);
    }
    return count < (int)SELV_LOOPS_DEFAULT_MAX ? (size_t)count
                                               : SELV_LOOPS_DEFAULT_MAX;
}

static void on_wake(void *user)
{
    struct selv_coap_loop *l = user;
    eventfd_t unused;
    (void)eventfd_read(l->wake.fd, &unused);
    if (atomic_load(&l->is_stopped)) {
        selv_loop_stop(&l->loop);
    } else {
        selv_coap_api_changed(&l->api);
    }
}

static struct selv_coap_loop *loop_open(struct selv_server *server, int fd,
                                        int wake_fd)
{
    struct selv_coap_loop *l = calloc(1, sizeof *l);
    if (l == NULL) {
        close(fd);
        return NULL;
    }
    l->wake_fd = wake_fd;
    l->loop.epoll_fd = -1;
    l->wake.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->wake.on_ready = on_wake;
    l->wake.user = l;
    if (selv_coap_api_open(&l->api, server, fd, wake_fd) && l->wake.fd >= 0 &&
        selv_loop_init(&l->loop) && selv_loop_add(&l->loop, &l->wake) &&
        selv_loop_add(&l->loop, &l->api.source) &&
        selv_loop_add(&l->loop, &l->api.written)) {
        return l;
    }
    int err = errno;
    selv_coap_api_close(&l->api);
    selv_loop_close(&l->loop);
    if (l->wake.fd >= 0) {
        close(l->wake.fd);
    }
    free(l);
    errno = err;
    return NULL;
}

bool selv_loops_open(struct selv_loops *loops, struct selv_server *server,
                     const int *fds, size_t count, int wake_fd)
{
    SELV_ASSERT(count <= SELV_LOOPS_MAX);
    memset(loops, 0, sizeof *loops);
    loops->server = server;
    loops->wake_fd = wake_fd;
    for (size_t i = 0; i < count; i++) {
        struct selv_coap_loop *l = loop_open(server, fds[i], wake_fd);
        if (l == NULL) {
            int err = errno;
            while (++i < count) {
                close(fds[i]);
            }
            errno = err;
            return false;
        }
        loops->loops[loops->count++] = l;
    }
    return true;
}

bool selv_loops_listen(struct selv_loops *loops, const int *fds, size_t count,
                       uint32_t places)
{
    bool is_good = true;
    SELV_ASSERT(count <= loops->count);
    for (size_t i = 0; i < count; i++) {
        struct selv_coap_loop *l = loops->loops[i];
        bool is_open = is_good && selv_coap_api_listen(&l->api, fds[i], places);
        is_good = is_open && selv_loop_add(&l->loop, &l->api.stream_source);
        if (!is_open) {
            int err = errno;
            close(fds[i]);
            errno = err;
        }
    }
    return is_good;
}

/* ---- threads ------------------------------------------------------------- */

static void *loop_run(void *user)
{
    struct selv_coap_loop *l = user;
    if (!selv_loop_run(&l->loop)) {
        atomic_store(&l->err, errno);
        (void)eventfd_write(l->wake_fd, 1);
    }
    return NULL;
}

bool selv_loops_start(struct selv_loops *loops)
{
    for (size_t i = 0; i < loops->count; i++) {
        struct selv_coap_loop *l = loops->loops[i];
        int err = pthread_create(&l->thread, NULL, loop_run, l);
        if (err != 0) {
            errno = err;
            return false;
        }
        l->is_started = true;
    }
    return true;
}

void selv_loops_changed(struct selv_loops *loops)
{
    for (size_t i = 0; loops != NULL && i < loops->count; i++) {
        (void)eventfd_write(loops->loops[i]->wake.fd, 1);
    }
}

void selv_loops_stop(struct selv_loops *loops)
{
    for (size_t i = 0; i < loops->count; i++) {
        atomic_store(&loops->loops[i]->is_stopped, true);
        (void)eventfd_write(loops->loops[i]->wake.fd, 1);
    }
    for (size_t i = 0; i < loops->count; i++) {
        if (loops->loops[i]->is_started) {
            pthread_join(loops->loops[i]->thread, NULL);
            loops->loops[i]->is_started = false;
        }
    }
}

void selv_loops_close(struct selv_loops *loops)
{
    for (size_t i = 0; i < loops->count; i++) {
        struct selv_coap_loop *l = loops->loops[i];
        selv_loop_close(&l->loop);
        selv_coap_api_close(&l->api);
        close(l->wake.fd);
        free(l);
    }
    loops->count = 0;
}

bool selv_loops_failed(const struct selv_loops *loops)
{
    for (size_t i = 0; i < loops->count; i++) {
        int err = atomic_load(&loops->loops[i]->err);
        if (err != 0) {
            errno = err;
            return true;
        }
    }
    return false;
}

/* ---- contacts ------------------------------------------------------------ */

enum selv_db_status selv_loops_contacts_write(struct selv_loops *loops)
{
    enum selv_db_status result = SELV_DB_OK;
    for (size_t i = 0; i < loops->count; i++) {
        enum selv_db_status status = selv_contacts_write(
            &loops->loops[i]->api.contacts, &loops->server->records);
        result = status != SELV_DB_OK ? status : result;
    }
    return result;
}

bool selv_loops_contacts_full(struct selv_loops *loops)
{
    bool is_full = false;
    for (size_t i = 0; i < loops->count; i++) {
        is_full =
            is_full || selv_contacts_is_full(&loops->loops[i]->api.contacts);
    }
    return is_full;
}
