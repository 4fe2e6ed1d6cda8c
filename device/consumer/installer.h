/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer/installer.h - what the consumer asks of a bootloader that is not
 * ours. Our own reads the update log and needs no installer (config->installer
 * is NULL): the log's states TRIAL and CONFIRM are the request and the
 * confirmation, and the boot record is its answer. Another bootloader reads
 * neither, so that an installer carries both over to what that one reads, and
 * makes the boot record of what that one left.
 *
 * Calls: 1 the installer's own start, in the bootloader's place: it fills the
 *        boot record   2 selv_consumer_init with it   3 the functions below,
 *        by the consumer, in the order begin, request, (reset, start,) confirm
 * Owns:  nothing; the context is the installer's own structure. */
#ifndef SELV_CONSUMER_INSTALLER_H
#define SELV_CONSUMER_INSTALLER_H

#include "base/base.h"
#include "store/foreign.h"

/* A const table. What any of them returns ends the update with that error. */
struct selv_installer {
    /* The idle slot is about to be written: let no older request stand that
     * names what was in it. Called again when a download is resumed. */
    enum selv_err (*begin)(void *context);
    /* Boot it on trial at the next reset. */
    enum selv_err (*request)(void *context,
                             const struct selv_foreign_update *update);
    /* Keep what runs, which is on trial. The update log does not say so yet;
     * it does after SELV_OK. */
    enum selv_err (*confirm)(void *context);
};

#endif
