/* SPDX-License-Identifier: Apache-2.0
 *
 * contacts.c - see update/contacts.h. */
#include "contacts.h"

#include <sys/eventfd.h>

#define NEARLY_FULL (SELV_CONTACTS_MAX / 4 * 3)
#define PIECE 512u /* rows of one transaction, others get in between */

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

enum selv_db_status selv_contacts_write(struct selv_contacts *contacts,
                                        struct selv_records *records)
{
    enum selv_db_status result = SELV_DB_OK;
    uint32_t count;
    do {
        struct selv_contact piece[PIECE];
        pthread_mutex_lock(&contacts->lock);
        count = contacts->count < PIECE ? contacts->count : PIECE;
        contacts->count -= count;
        memcpy(piece, contacts->list + contacts->count, count * sizeof *piece);
        pthread_mutex_unlock(&contacts->lock);
        enum selv_db_status status =
            count > 0 ? selv_records_seen(records, piece, count) : SELV_DB_OK;
        result = status != SELV_DB_OK ? status : result;
    } while (count > 0);
    return result;
}
