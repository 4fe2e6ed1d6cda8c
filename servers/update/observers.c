/* SPDX-License-Identifier: Apache-2.0
 *
 * observers.c - see update/observers.h. The list's "resource" is a class, by
 * its place plus one; its "user" is taken from the device's id, which is
 * random, so that several devices behind one peer are told apart. */
#include "observers.h"

#define SWEEP_MS 1000u

void selv_observers_init(struct selv_observers *o,
                         struct selv_coap_server *server)
{
    memset(o->classes, 0, sizeof o->classes);
    o->swept_ms = 0;
    selv_coap_observe_init(&o->list, server, o->table, SELV_OBSERVERS_MAX);
}

const uint8_t *selv_observers_id(const struct selv_observers *o,
                                 const struct selv_coap_observer *observer)
{
    return o->ids[observer - o->table];
}

struct selv_net_local *
selv_observers_local(struct selv_observers *o,
                     const struct selv_coap_observer *observer)
{
    return &o->locals[observer - o->table];
}

/* ---- classes ------------------------------------------------------------- */

/* Gives back the places of classes that nobody observes any more. */
static void classes_sweep(struct selv_observers *o, uint64_t now_ms)
{
    bool is_used[SELV_OBSERVERS_CLASSES_MAX] = {false};
    if (o->swept_ms != 0 && now_ms - o->swept_ms < SWEEP_MS) {
        return; /* it goes through the whole table */
    }
    o->swept_ms = now_ms;
    for (uint32_t i = 0; i < SELV_OBSERVERS_MAX; i++) {
        uint32_t resource = o->table[i].resource;
        if (o->table[i].state != 0 && resource > 0) {
            is_used[resource - 1] = true;
        }
    }
    for (uint32_t i = 0; i < SELV_OBSERVERS_CLASSES_MAX; i++) {
        o->classes[i].is_used = o->classes[i].is_used && is_used[i];
    }
}

static struct selv_observers_class *spare_find(struct selv_observers *o)
{
    for (uint32_t i = 0; i < SELV_OBSERVERS_CLASSES_MAX; i++) {
        if (!o->classes[i].is_used) {
            return &o->classes[i];
        }
    }
    return NULL;
}

/* The class's place, made when it is not there; NULL when there is none. */
static struct selv_observers_class *class_find(struct selv_observers *o,
                                               uint64_t now_ms,
                                               const struct selv_newest *newest)
{
    for (uint32_t i = 0; i < SELV_OBSERVERS_CLASSES_MAX; i++) {
        struct selv_observers_class *c = &o->classes[i];
        if (c->is_used && memcmp(c->vendor_id, newest->vendor_id, 16) == 0 &&
            memcmp(c->class_id, newest->class_id, 16) == 0) {
            return c;
        }
    }
    struct selv_observers_class *c = spare_find(o);
    if (c == NULL) {
        classes_sweep(o, now_ms);
        c = spare_find(o);
    }
    if (c != NULL) {
        c->is_used = true;
        memcpy(c->vendor_id, newest->vendor_id, 16);
        memcpy(c->class_id, newest->class_id, 16);
        memcpy(c->envelope, newest->envelope, sizeof c->envelope);
    }
    return c;
}

/* ---- observers ----------------------------------------------------------- */

struct selv_coap_observer *
selv_observers_take(struct selv_observers *o, uint64_t now_ms,
                    const struct selv_coap_peer *peer,
                    const struct selv_coap_msg *rq, const uint8_t id[static 8],
                    const struct selv_newest *newest)
{
    uint32_t resource = 0;
    if ((rq->has & SELV_COAP_HAS_OBSERVE) == 0) {
        return NULL;
    }
    if (rq->observe == SELV_COAP_REGISTER && rq->block2.num == 0) {
        struct selv_observers_class *c = class_find(o, now_ms, newest);
        if (c == NULL) {
            return NULL;
        }
        resource = (uint32_t)(c - o->classes) + 1;
    }
    struct selv_coap_observer *observer = selv_coap_observe_take(
        &o->list, now_ms, peer, rq, resource, selv_get_be32(id));
    if (observer != NULL) {
        memcpy(o->ids[observer - o->table], id, 8);
    }
    return observer;
}

enum selv_db_status selv_observers_look(struct selv_observers *o,
                                        uint64_t now_ms,
                                        struct selv_records *records)
{
    enum selv_db_status result = SELV_DB_OK;
    for (uint32_t i = 0; i < SELV_OBSERVERS_CLASSES_MAX; i++) {
        struct selv_observers_class *c = &o->classes[i];
        struct selv_release release;
        if (!c->is_used) {
            continue;
        }
        enum selv_db_status status = selv_records_release_newest(
            records, false, c->vendor_id, c->class_id, &release);
        if (status != SELV_DB_ROW) {
            result = status != SELV_DB_OK ? status : result;
        } else if (memcmp(c->envelope, release.envelope, sizeof c->envelope) !=
                   0) {
            memcpy(c->envelope, release.envelope, sizeof c->envelope);
            selv_coap_observe_changed(&o->list, now_ms, i + 1, NULL,
                                      selv_coap_observe_count(&o->list) *
                                          SELV_OBSERVERS_SPREAD_MS);
        }
    }
    return result;
}
