/* SPDX-License-Identifier: Apache-2.0
 *
 * contacts.c - see update/contacts.h. */
#include "contacts.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

#define NEARLY_FULL (SELV_CONTACTS_MAX / 4 * 3)
#define PIECE 512u /* rows of one transaction; others get in between: */
#define PAUSE_NS 2000000

bool selv_contacts_init(struct selv_contacts *contacts, int wake_fd)
{
    contacts->count = 0;
    contacts->wake_fd = wake_fd;
    return pthread_mutex_init(&contacts->lock, NULL) == 0;
}

void selv_contacts_close(struct selv_contacts *contacts)
{
    pthread_mutex_destroy(&contacts->lock);
}

void selv_contacts_note(struct selv_contacts *contacts,
                        const uint8_t id[static 8], int64_t now,
                        uint32_t *place)
{
    bool wakes = false;
    pthread_mutex_lock(&contacts->lock);
    uint32_t at = *place;
    if (at >= contacts->count || memcmp(contacts->list[at].id, id, 8) != 0) {
        at = contacts->count;
        if (at < SELV_CONTACTS_MAX) {
            memcpy(contacts->list[at].id, id, 8);
            contacts->count++;
            *place = at;
            wakes = at == 0 || at == NEARLY_FULL;
        }
    }
    if (at < SELV_CONTACTS_MAX) {
        contacts->list[at].at = now;
    }
    pthread_mutex_unlock(&contacts->lock);
    if (wakes && contacts->wake_fd >= 0) {
        (void)eventfd_write(contacts->wake_fd, 1);
    }
}

bool selv_contacts_is_full(struct selv_contacts *contacts)
{
    pthread_mutex_lock(&contacts->lock);
    bool is_full = contacts->count >= NEARLY_FULL;
    pthread_mutex_unlock(&contacts->lock);
    return is_full;
}

static int id_compare(const void *a, const void *b)
{
    const struct selv_contact *x = a;
    const struct selv_contact *y = b;
    return memcmp(x->id, y->id, sizeof x->id);
}

/* In the order of the table, so that what is written together lies together. */
enum selv_db_status selv_contacts_write(struct selv_contacts *contacts,
                                        struct selv_records *records)
{
    enum selv_db_status result = SELV_DB_OK;
    pthread_mutex_lock(&contacts->lock);
    uint32_t count = contacts->count;
    contacts->count = 0;
    memcpy(contacts->taken, contacts->list, count * sizeof *contacts->list);
    pthread_mutex_unlock(&contacts->lock);
    qsort(contacts->taken, count, sizeof *contacts->taken, id_compare);
    for (uint32_t at = 0; at < count; at += PIECE) {
        struct timespec pause = {0, at > 0 ? PAUSE_NS : 0};
        nanosleep(&pause, NULL);
        uint32_t n = count - at < PIECE ? count - at : PIECE;
        enum selv_db_status status =
            selv_records_seen(records, contacts->taken + at, n);
        result = status != SELV_DB_OK ? status : result;
    }
    return result;
}
