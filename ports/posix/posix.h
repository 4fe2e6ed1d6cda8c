/* SPDX-License-Identifier: Apache-2.0
 *
 * posix/posix.h - what the engines need from a POSIX system: flash in a file,
 * a UDP socket, a clock, random bytes, and selv_panic.
 *
 * Terms: a *state folder* holds flash.bin, which is the whole device: its
 *        factory data, boot journal, update log and both slots, in
 *        selv_layout_default.
 * Errors: functions that can fail in ways a user can mend return false and
 *        write one line into why, in English, without a full stop. */
#ifndef SELV_POSIX_POSIX_H
#define SELV_POSIX_POSIX_H

#include "base/base.h"
#include "posix/address.h"
#include "store/flash.h"
#include "store/layout.h"

#define SELV_POSIX_FLASH_NAME "flash.bin"
#define SELV_POSIX_WHY_LEN 256u

/* One line about a failure. */
struct selv_posix_why {
    char text[SELV_POSIX_WHY_LEN];
};

/* ---- standard streams -----------------------------------------------------
 */

/* First of all in main: what is closed of 0, 1 and 2 is taken by /dev/null, so
 * that no file that is opened later gets a number that is written to as
 * standard output or standard error. Reading and writing there still fail.
 * False: no /dev/null; then nothing may be opened, and nobody can be told. */
SELV_MUST_CHECK bool selv_posix_streams_hold(void);
/* Last of all, where standard output is the result: false, and a line on
 * standard error, when not all of it could be written. */
SELV_MUST_CHECK bool selv_posix_streams_end(const char *program);

/* ---- flash in a file ------------------------------------------------------
 */

/* Who writes: what it may not touch is refused with SELV_ERR_FLASH_RULE, as
 * a flash controller's locks would. */
enum selv_posix_role {
    SELV_POSIX_NOBODY,      /* nothing */
    SELV_POSIX_FACTORY,     /* everything */
    SELV_POSIX_BOOTLOADER,  /* boot journal and random counter only */
    SELV_POSIX_RECOVERY,    /* boot journal and slots: nothing runs */
    SELV_POSIX_APPLICATION, /* all but factory data, boot journal and the
                               running slot */
    SELV_POSIX_FOREIGN /* application beside a bootloader that is not ours: all
                          but factory data */
};

/* 4 KiB sectors, write unit 4, erased 0xff, readable at flash.map. NOR rules
 * are enforced; each write and erase is on disk when it returns. */
struct selv_posix_flash {
    struct selv_flash flash; /* hand this to the engines */
    int fd;
    uint8_t *map;                     /* read only */
    const struct selv_layout *layout; /* selv_layout_default, or set after
                                         open to selv_layout_in_place */
    enum selv_posix_role role;
    uint8_t running_slot;
    bool has_loader; /* slot B is nobody's but the factory's; set after open */
};

/* Open flash.bin of a state folder and lock it against other processes. Role
 * is SELV_POSIX_NOBODY. *f stays where it is until close. */
SELV_MUST_CHECK bool selv_posix_flash_open(struct selv_posix_flash *f,
                                           const char *state_dir,
                                           struct selv_posix_why *why);

/* Make the folder (its parent must exist) and a wholly erased flash.bin in
 * it, and open that in the factory's role. Refuses when there is one. */
SELV_MUST_CHECK bool selv_posix_flash_create(struct selv_posix_flash *f,
                                             const char *state_dir,
                                             struct selv_posix_why *why);

/* running_slot: looked at for the application only. */
void selv_posix_flash_set_role(struct selv_posix_flash *f,
                               enum selv_posix_role role, uint8_t running_slot);
void selv_posix_flash_close(struct selv_posix_flash *f);

/* ---- UDP ------------------------------------------------------------------
 */

#define SELV_POSIX_HOST_LEN 256u

/* A socket connected to one server. */
struct selv_posix_udp {
    int fd;
    char authority[SELV_POSIX_HOST_LEN]; /* "host:port" of the URI */
    char host[SELV_POSIX_HOST_LEN];      /* when it is a name, else "" */
    bool is_refused; /* the last receive found that nobody listens there */
    struct selv_posix_addresses names; /* those of the host */
};

/* uri: coap://host[:port], host a name, an IPv4 or a bracketed IPv6 address;
 * a path may be no more than "/". check looks at its form only. */
SELV_MUST_CHECK bool selv_posix_udp_check(const char *uri,
                                          struct selv_posix_why *why);
SELV_MUST_CHECK bool selv_posix_udp_open(struct selv_posix_udp *u,
                                         const char *uri,
                                         struct selv_posix_why *why);
/* Of a socket that was opened, or was to be: another one, to the host's next
 * address (address.h), from the one that we have now. */
SELV_MUST_CHECK bool selv_posix_udp_open_next(struct selv_posix_udp *u,
                                              struct selv_posix_why *why);
/* What the network does not take is lost, as on any network. */
void selv_posix_udp_send(struct selv_posix_udp *u, struct selv_bytes datagram);
/* Wait no longer than until_ms for a datagram. Its length, or 0: none came
 * (time, signal, or nobody listens). */
size_t selv_posix_udp_receive(struct selv_posix_udp *u, uint64_t until_ms,
                              uint8_t *p, size_t cap);
void selv_posix_udp_close(struct selv_posix_udp *u);

/* ---- clock and random -----------------------------------------------------
 */

/* Milliseconds since some fixed point; never goes back. */
uint64_t selv_posix_now_ms(void);

/* SELV_ERR_RANDOM. */
SELV_MUST_CHECK enum selv_err selv_posix_random(void *p, size_t len);

#endif
