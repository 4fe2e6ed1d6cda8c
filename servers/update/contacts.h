/* SPDX-License-Identifier: Apache-2.0
 *
 * update/contacts.h - when each device was last heard of: noted in memory by
 * the loop that heard it, and written down with others some seconds later, so
 * that a poll costs no disk write. A crash may lose some seconds of it; it is
 * never acknowledged to anybody.
 *
 * One struct for each loop; one other thread writes it down. When its places
 * are taken before that was done, the time of contact is lost, not the poll. */
#ifndef SELV_UPDATE_CONTACTS_H
#define SELV_UPDATE_CONTACTS_H

#include <pthread.h>

#include "records.h"

#define SELV_CONTACTS_MAX 8192u /* 32 bytes each */

struct selv_contacts {
    pthread_mutex_t lock;
    uint32_t count;
    int wake_fd; /* an eventfd, told when the first one is noted, and when
                    there is little room left; -1: nobody */
    struct selv_contact list[SELV_CONTACTS_MAX];
    struct selv_contact taken[SELV_CONTACTS_MAX]; /* being written down */
};

SELV_MUST_CHECK bool selv_contacts_init(struct selv_contacts *contacts,
                                        int wake_fd);
void selv_contacts_close(struct selv_contacts *contacts);

/* A device was heard of. *place is the caller's, one for each device: with it
 * the same device is found again at once. Any value will do at first. */
void selv_contacts_note(struct selv_contacts *contacts,
                        const uint8_t id[static 8], int64_t now,
                        uint32_t *place);

/* True when it should be written down soon, not in a few seconds. */
bool selv_contacts_is_full(struct selv_contacts *contacts);

/* Write down what there is. What could not be written is lost, and said. */
SELV_MUST_CHECK enum selv_db_status
selv_contacts_write(struct selv_contacts *contacts,
                    struct selv_records *records);

#endif
