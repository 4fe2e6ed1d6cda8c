/* SPDX-License-Identifier: Apache-2.0
 *
 * writes.c - see update/writes.h. */
#include "writes.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/log.h"

#define BATCH 64u /* writes of one commit */
#define SECOND_US UINT64_C(1000000)
/* After a commit that others waited behind, as long as it took, within these:
 * who only reads gets his turn, and the next batch is larger. */
#define NAP_MIN_MS 2u
#define NAP_MAX_MS 50u

static struct timespec milliseconds(uint64_t ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    return t;
}

/* ---- places -------------------------------------------------------------- */

bool selv_writes_trusts(struct selv_writes *writes, uint64_t now_ms)
{
    return selv_budget_take(&writes->unproven, now_ms, 0,
                            SECOND_US / SELV_WRITES_UNPROVEN, 2 * SECOND_US);
}

bool selv_writes_looks_up(struct selv_writes *writes, uint64_t now_ms)
{
    return selv_budget_take(&writes->unproven, now_ms, 1,
                            SECOND_US / SELV_WRITES_LOOKUPS, 2 * SECOND_US);
}

/* Places that a network has. With the lock. */
static size_t count_of(const struct selv_writes *writes, uint64_t network)
{
    size_t count = 0;
    for (size_t i = 0; i < SELV_WRITES_MAX; i++) {
        const struct selv_write *w = &writes->all[i];
        count += !w->is_free && w->network == network;
    }
    return count;
}

struct selv_write *selv_writes_take(struct selv_writes *writes, bool is_proven,
                                    uint64_t network)
{
    struct selv_write *w = NULL;
    pthread_mutex_lock(&writes->lock);
    if (writes->free != NULL &&
        (is_proven || writes->free_count > SELV_WRITES_MAX / 2) &&
        count_of(writes, network) < SELV_WRITES_NETWORK_MAX) {
        w = writes->free;
        writes->free = w->next;
        writes->free_count--;
        w->is_free = false;
        w->is_proven = is_proven;
        w->network = network;
    }
    pthread_mutex_unlock(&writes->lock);
    return w;
}

void selv_writes_give(struct selv_write *w)
{
    struct selv_writes *writes = w->writes;
    pthread_mutex_lock(&writes->lock);
    w->is_free = true;
    w->next = writes->free;
    writes->free = w;
    writes->free_count++;
    pthread_mutex_unlock(&writes->lock);
}

void selv_writes_put(struct selv_write *w, struct selv_writes_port *port)
{
    struct selv_writes *writes = w->writes;
    w->port = port;
    w->next = NULL;
    pthread_mutex_lock(&writes->lock);
    *writes->last = w;
    writes->last = &w->next;
    pthread_cond_signal(&writes->some);
    pthread_mutex_unlock(&writes->lock);
}

struct selv_write *selv_writes_done(struct selv_writes *writes,
                                    struct selv_writes_port *port)
{
    pthread_mutex_lock(&writes->lock);
    struct selv_write *w = port->done;
    if (w != NULL) {
        port->done = w->next;
    }
    pthread_mutex_unlock(&writes->lock);
    return w;
}

/* ---- the thread ---------------------------------------------------------- */

struct batch {
    struct selv_write *w[BATCH];
    struct selv_record_write rows[BATCH];
    struct selv_profile profiles[BATCH];
    struct selv_status statuses[BATCH];
    size_t count;
    bool has_more; /* behind it */
};

static bool may_add(void *user, uint64_t count)
{
    struct selv_write *w = user;
    struct selv_writes *writes = w->writes;
    uint64_t now_ms = selv_clock_monotonic_ms();
    if (count >= writes->devices_max) {
        w->result = SELV_WRITE_LIMITED;
        return false;
    }
    if (!w->is_proven &&
        !selv_budget_take(&writes->added, now_ms, 0, 4 * SECOND_US,
                          4 * SELV_WRITES_DOUBTED_MAX * SECOND_US)) {
        w->result = SELV_WRITE_DOUBTED;
        return false;
    }
    if (w->is_counted &&
        !selv_budget_take(&writes->added, now_ms, w->network, SECOND_US,
                          SELV_WRITES_NEW_MAX * SECOND_US)) {
        w->result = SELV_WRITE_LIMITED;
        return false;
    }
    return true;
}

/* The row that a write is. What a loop has decoded before decodes again. */
static void row_make(struct batch *b, size_t i)
{
    const char *where;
    struct selv_write *w = b->w[i];
    struct selv_bytes body = selv_bytes(w->body, w->len);
    struct selv_record_write *row = &b->rows[i];
    memset(row, 0, sizeof *row);
    enum selv_err err;
    if (w->is_status) {
        err = selv_status_decode(body, &b->statuses[i], &where);
        row->status = &b->statuses[i];
        memcpy(row->id, w->id, 8);
    } else {
        err = selv_profile_decode(body, &b->profiles[i], &where);
        row->profile = &b->profiles[i];
    }
    SELV_ASSERT(err == SELV_OK);
    row->encoded = body;
    row->now = selv_clock_wall_s();
    row->may_add = may_add;
    row->user = w;
    w->result = SELV_WRITE_UNKNOWN;
}

static void result_take(struct selv_write *w,
                        const struct selv_record_write *row)
{
    memcpy(w->id, row->id, 8);
    switch (row->result) {
    case SELV_DB_ROW:
        w->result = SELV_WRITE_DONE;
        break;
    case SELV_DB_OK:
        break; /* set when it was asked for */
    case SELV_DB_FULL:
        w->result = SELV_WRITE_FULL;
        break;
    case SELV_DB_EXISTS:
    case SELV_DB_LOCKED:
    case SELV_DB_DAMAGED:
    case SELV_DB_NEWER:
    case SELV_DB_FAILED:
    default:
        w->result = SELV_WRITE_FAILED;
        break;
    }
    if (w->result == SELV_WRITE_FULL || w->result == SELV_WRITE_FAILED) {
        selv_log(SELV_LOG_ERROR, "database", "%s", selv_records_error());
    }
}

/* Waits for some. False: there are none, and there will be none. */
static bool batch_take(struct selv_writes *writes, struct batch *b)
{
    pthread_mutex_lock(&writes->lock);
    while (writes->first == NULL && !writes->is_stopped) {
        pthread_cond_wait(&writes->some, &writes->lock);
    }
    for (b->count = 0; b->count < BATCH && writes->first != NULL; b->count++) {
        b->w[b->count] = writes->first;
        writes->first = writes->first->next;
    }
    if (writes->first == NULL) {
        writes->last = &writes->first;
    }
    pthread_mutex_unlock(&writes->lock);
    return b->count > 0;
}

/* Hands the results to the loops. */
static void batch_give(struct selv_writes *writes, struct batch *b)
{
    pthread_mutex_lock(&writes->lock);
    for (size_t i = 0; i < b->count; i++) {
        struct selv_writes_port *port = b->w[i]->port;
        b->w[i]->next = port->done;
        port->done = b->w[i];
        if (b->w[i]->next == NULL) {
            (void)eventfd_write(port->fd, 1);
        }
    }
    b->has_more = writes->first != NULL && !writes->is_stopped;
    pthread_mutex_unlock(&writes->lock);
}

static void *writes_run(void *user)
{
    static struct batch b;
    struct selv_writes *writes = user;
    while (batch_take(writes, &b)) {
        uint64_t began_ms = selv_clock_monotonic_ms();
        for (size_t i = 0; i < b.count; i++) {
            row_make(&b, i);
        }
        selv_records_write_all(writes->records, b.rows, b.count);
        for (size_t i = 0; i < b.count; i++) {
            result_take(b.w[i], &b.rows[i]);
        }
        batch_give(writes, &b);
        if (b.has_more) {
            uint64_t ms = selv_clock_monotonic_ms() - began_ms;
            ms = ms < NAP_MIN_MS ? NAP_MIN_MS : ms;
            struct timespec nap =
                milliseconds(ms < NAP_MAX_MS ? ms : NAP_MAX_MS);
            nanosleep(&nap, NULL);
        }
    }
    return NULL;
}

/* ---- open and close ------------------------------------------------------ */

bool selv_writes_open(struct selv_writes *writes, struct selv_records *records,
                      uint64_t devices_max)
{
    memset(writes, 0, sizeof *writes);
    writes->all = calloc(SELV_WRITES_MAX, sizeof *writes->all);
    if (writes->all == NULL) {
        return false;
    }
    writes->records = records;
    writes->devices_max = devices_max;
    writes->last = &writes->first;
    selv_budget_init(&writes->unproven, 2 * SECOND_US);
    selv_budget_init(&writes->added, SELV_WRITES_NEW_MAX * SECOND_US);
    int err = pthread_mutex_init(&writes->lock, NULL);
    if (err == 0) {
        err = pthread_cond_init(&writes->some, NULL);
    }
    for (size_t i = 0; i < SELV_WRITES_MAX && err == 0; i++) {
        writes->all[i].writes = writes;
        selv_writes_give(&writes->all[i]);
    }
    if (err == 0) {
        err = pthread_create(&writes->thread, NULL, writes_run, writes);
    }
    writes->is_started = err == 0;
    errno = err;
    return err == 0;
}

void selv_writes_close(struct selv_writes *writes)
{
    if (writes->is_started) {
        pthread_mutex_lock(&writes->lock);
        writes->is_stopped = true;
        pthread_cond_signal(&writes->some);
        pthread_mutex_unlock(&writes->lock);
        pthread_join(writes->thread, NULL);
    }
    free(writes->all);
    memset(writes, 0, sizeof *writes);
}
