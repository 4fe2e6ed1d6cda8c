/* SPDX-License-Identifier: Apache-2.0
 *
 * posix/uboot.h - a Linux device that boots through U-Boot: two partitions,
 * one of which U-Boot boots by a variable of its environment, and counts the
 * boots of an update with bootcount, bootlimit and upgrade_available until it
 * is confirmed.
 *   uboot_config.c    the file that says what is where
 *   uboot_env.c       the environment, through fw_printenv and fw_setenv
 *   flash_parts.c     state folder and partitions as one flash
 *   installer_uboot.c what the consumer asks (consumer/installer.h)
 *
 * Calls: 1 config_read  2 parts_open  3 start, at each boot: the boot record,
 *        or a reset is due  4 the consumer, with selv_posix_uboot_installer
 * Errors: as in posix/posix.h; what fails inside of the consumer's calls is
 *        SELV_ERR_UPDATE_BOOTLOADER, with a line in the structure's why. */
#ifndef SELV_POSIX_UBOOT_H
#define SELV_POSIX_UBOOT_H

#include <limits.h>

#include "consumer/installer.h"
#include "posix/posix.h"
#include "store/factory.h"
#include "store/foreign.h"
#include "store/record.h"

#define SELV_POSIX_WORD_MAX 64u /* bytes of a variable's name, with its end */

/* ---- the configuration ----------------------------------------------------
 */

/* Lines "key = value"; # begins a comment. Keys: selvage-device(1). */
struct selv_posix_uboot_config {
    char slot[SELV_SLOT_COUNT][PATH_MAX]; /* partitions: slot-a, slot-b */
    char env_config[PATH_MAX];            /* fw_env.config of the tools */
    char printenv[PATH_MAX], setenv[PATH_MAX];
    char cmdline[PATH_MAX]; /* the kernel's command line, and the word in it */
    char cmdline_word[SELV_POSIX_WORD_MAX]; /* that names the running slot */
    char reboot[PATH_MAX];                  /* shell command */
    char var_slot[SELV_POSIX_WORD_MAX];
    char var_available[SELV_POSIX_WORD_MAX];
    char var_count[SELV_POSIX_WORD_MAX];
    char var_limit[SELV_POSIX_WORD_MAX];
};

SELV_MUST_CHECK bool
selv_posix_uboot_config_read(struct selv_posix_uboot_config *c,
                             const char *path, struct selv_posix_why *why);

/* Which slot the kernel was started from: the last "selvage.slot=A" (or B) in
 * its command line, which U-Boot's boot command puts there. The environment
 * cannot say it: it says what is booted next. */
SELV_MUST_CHECK bool
selv_posix_uboot_running(const struct selv_posix_uboot_config *c, uint8_t *slot,
                         struct selv_posix_why *why);

/* ---- the environment ------------------------------------------------------
 */

struct selv_posix_uboot_env {
    uint8_t slot;      /* booted next; SELV_SLOT_NONE: not set, or neither */
    bool is_available; /* upgrade_available is 1: U-Boot counts boots */
    uint32_t count;    /* of boots of the update */
    uint32_t limit;    /* above it U-Boot runs altbootcmd; 0: not set */
};

/* Variables that are not set read as 0. False: no tool, no such environment,
 * or none of its copies is whole. */
SELV_MUST_CHECK bool
selv_posix_uboot_env_read(const struct selv_posix_uboot_config *c,
                          struct selv_posix_uboot_env *env,
                          struct selv_posix_why *why);
/* Slot and is_available in one write, with a count of 0; read back. A cut
 * leaves all or nothing of it where the environment is redundant. */
SELV_MUST_CHECK bool
selv_posix_uboot_env_write(const struct selv_posix_uboot_config *c,
                           uint8_t slot, bool is_available,
                           struct selv_posix_why *why);

/* ---- state folder and partitions as one flash -----------------------------
 */

/* Offsets up to SELV_LAYOUT_DEFAULT_SIZE are the state folder's flash, with
 * factory data, records and envelopes; behind them the partitions, of each the
 * whole sectors among its first 2047 MiB. A partition's sector needs no erase,
 * and erasing one does nothing. What was written to a partition is durable
 * before anything else of the state is. */
struct selv_posix_parts {
    struct selv_flash flash; /* hand this to the engines, with layout */
    struct selv_layout layout;
    struct selv_posix_flash *state;
    int fd[SELV_SLOT_COUNT];
    bool is_dirty[SELV_SLOT_COUNT];
    uint8_t running_slot; /* writes to its partition are refused */
};

/* The idle partition must not be mounted. *p and *state stay until close. */
SELV_MUST_CHECK bool
selv_posix_parts_open(struct selv_posix_parts *p,
                      struct selv_posix_flash *state,
                      const struct selv_posix_uboot_config *config,
                      uint8_t running_slot, struct selv_posix_why *why);
void selv_posix_parts_close(struct selv_posix_parts *p);

/* ---- the installer --------------------------------------------------------
 */

struct selv_posix_uboot {
    struct selv_posix_uboot_config config;
    struct selv_posix_parts parts;
    struct selv_posix_uboot_env env; /* as start read it */
    struct selv_foreign state;
    struct selv_posix_why why; /* of the last failure */
};

/* Context: a struct selv_posix_uboot. */
extern const struct selv_installer selv_posix_uboot_installer;

/* In the bootloader's place, with parts open: what became of a request, into
 * the boot record. *is_reset_due: the request was repeated; reset now. A device
 * that is new takes digest and number of what runs from the envelope in its
 * slot, if factory's anchor signed it. False: u->why. */
SELV_MUST_CHECK bool selv_posix_uboot_start(struct selv_posix_uboot *u,
                                            const struct selv_factory *factory,
                                            enum selv_reset_cause cause,
                                            struct selv_boot_record *record,
                                            bool *is_reset_due);

#endif
