/* SPDX-License-Identifier: Apache-2.0
 *
 * posix/device.h - what the files of selvage-device share: a device of one
 * process, bootloader and application in turn.
 *   device_main.c   arguments, and the life from boot to boot
 *   device_boot.c   the bootloader's turn; running the image
 *   device_version.c the version that the manifest's text names
 *   device_uboot.c  the same where U-Boot is the bootloader
 *   device_app.c    the application's turn: the consumer
 *   device_net.c    where updates come from: sockets, sources, who pushes
 *   device_recover.c a serial line, when nothing boots
 *   device_say.c    every line that a user or a script reads */
#ifndef SELV_POSIX_DEVICE_H
#define SELV_POSIX_DEVICE_H

#include <stdio.h>

#include "boot/boot.h"
#include "consumer/consumer.h"
#include "posix/posix.h"
#include "posix/push.h"
#include "posix/source.h"
#include "posix/tcp.h"
#include "posix/uboot.h"
#include "posix/watch.h"

#define DEVICE_SERVERS_MAX (SELV_CONSUMER_SOURCES_MAX - 1u) /* and the push */
#define DEVICE_NO_SOURCE 0xffu

/* Exit codes. */
enum {
    DEVICE_CONFIRMED = 0, /* with --once; else: ended by a signal */
    DEVICE_FAILED = 1,    /* nothing boots; interrupted */
    DEVICE_USAGE = 2,
    DEVICE_ENVIRONMENT = 3, /* no state, or no server */
    DEVICE_NOTHING_NEW = 10,
    DEVICE_REFUSED = 11,
    DEVICE_REVERTED = 12,
    DEVICE_REBOOT = 13 /* with --bootloader: rebooting, or about to */
};

/* How the application's turn ended. */
enum device_end {
    DEVICE_END_RESET,  /* boot again, for the cause in reset_cause */
    DEVICE_END_RESTED, /* --once: nothing more to do */
    DEVICE_END_SIGNAL,
    DEVICE_END_ERROR /* why says it */
};

/* Behind one of the engine's sources. */
struct device_source {
    const char *uri;
    struct selv_posix_udp udp;      /* of a CoAP peer; fd -1: of none */
    struct selv_posix_tcp *tcp;     /* of a CoAP peer over TCP, or NULL */
    struct selv_source *port;       /* that the port reads, or NULL */
    char base[SELV_SOURCE_URI_LEN]; /* of a CoAP peer */
    unsigned refusals;              /* in a row, by its kernel */
    unsigned unheard;  /* datagrams sent to it since it was heard ... */
    uint64_t heard_ms; /* ... and when the first of them left */
};

struct device {
    /* arguments */
    const char *state_dir;
    const char *servers[DEVICE_SERVERS_MAX]; /* those preferred first */
    size_t server_count;
    const char *ca;            /* file of certificates for https, or NULL */
    const char *listen;        /* HOST:PORT for those who push, or NULL */
    const char *run;           /* command, or NULL */
    const char *uboot_config;  /* U-Boot boots this device; NULL: we do */
    const char *strategy_name; /* that was asked for, or NULL */
    const char *recover;       /* name of the serial line, or NULL */
    uint32_t poll_s;
    uint32_t trial_s;
    bool is_insecure;  /* listens at any address */
    bool is_observing; /* wants to be told of newer manifests */
    bool is_once, is_json, is_quiet, is_without_progress, is_coloured;
    bool is_terminal; /* standard output */

    const struct selv_strategy *strategy;
    const struct selv_layout *layout;
    struct selv_buf ram; /* where the image is loaded, for strategy ram; its
                            len is 0 for the others */

    struct selv_posix_flash flash;
    struct selv_posix_uboot uboot;  /* where U-Boot boots */
    const struct selv_flash *media; /* of the engines, with layout */
    unsigned attempts_max;          /* boots that a trial gets */
    struct selv_factory factory;
    struct selv_boot_record record;
    enum selv_reset_cause reset_cause;
    struct selv_bytes version; /* of the running image, in flash; may be
                                  empty */
    bool is_image_good;        /* the hook's exit status was 0 */
    unsigned reset_count;      /* in a row, without rest or confirmation */
    unsigned loader_misses;    /* of them, for a loader that is not there */
    struct device_source net[SELV_CONSUMER_SOURCES_MAX];
    struct selv_consumer_source sources[SELV_CONSUMER_SOURCES_MAX];
    uint8_t source_count;
    uint8_t reading; /* port source that is being read, or DEVICE_NO_SOURCE */
    struct selv_watch watch; /* where is_observing is set */
    struct selv_push push;   /* where listen is set */
    uint8_t last_state;      /* of the last event */
    uint64_t last_sequence;
    enum selv_err last_err;
    uint32_t last_done, last_size; /* of a download; size 0: none */
    struct selv_consumer_config config;
    struct selv_consumer consumer;
    struct selv_posix_why why;

    bool is_line_open; /* a download's line, to be written over */
    unsigned quarter;  /* of the download, last printed elsewhere */

    /* What has happened, for the exit code. */
    bool has_confirmed, has_refused, has_reverted, has_missed_server;
};

/* A signal asked us to end. */
bool device_is_stopped(void);

/* ---- device_boot.c --------------------------------------------------------
 */

/* For strategy ram: give boot the RAM, and flash without its map in *unmapped,
 * which lives as long as boot. */
void device_boot_prepare_ram(struct device *d, struct selv_boot *boot,
                             struct selv_flash *unmapped);
/* The bootloader's turn. False: nothing boots. */
SELV_MUST_CHECK bool device_boot(struct device *d);
/* Write the running image into the state folder and run the hook on it.
 * False: the environment failed (why). */
SELV_MUST_CHECK bool device_run_image(struct device *d);

/* Run the hook on a file. False: as above. */
SELV_MUST_CHECK bool device_run_hook(struct device *d, const char *path);

/* ---- device_uboot.c -------------------------------------------------------
 */

/* The whole life from one boot of the machine to its end: an exit code. */
int device_uboot_live(struct device *d);
/* The exit code of --once: the gravest of what has happened. */
int device_outcome(struct device *d);

/* ---- device_recover.c -----------------------------------------------------
 */

/* Nothing boots: take an update from the serial line. False: interrupted, or
 * the environment failed (why is set). */
SELV_MUST_CHECK bool device_recover(struct device *d);
/* Remove the link that an earlier run left at PATH. */
void device_recover_tidy(const struct device *d);

/* ---- device_version.c -----------------------------------------------------
 */

void device_read_version(struct device *d);

/* ---- device_app.c ---------------------------------------------------------
 */

enum device_end device_app(struct device *d);

/* ---- device_net.c ---------------------------------------------------------
 */

/* The form of the arguments. False: usage (why). */
SELV_MUST_CHECK bool device_net_check(struct device *d);
/* Once in a life of the process. False: the environment (why). */
SELV_MUST_CHECK bool device_net_open(struct device *d);
void device_net_close(struct device *d);
/* What the engine asks for. */
void device_net_send(struct device *d, const struct selv_consumer_todo *todo);
void device_net_fetch(struct device *d, const struct selv_consumer_todo *todo);
void device_net_cancel(struct device *d, uint8_t source);
/* Wait for something to come in, no longer than until_ms or a second, and give
 * it to the engine. */
void device_net_wait(struct device *d, uint64_t until_ms);
/* An event, for those who push or ask. */
void device_net_tell(struct device *d, const struct selv_consumer_todo *todo);
/* The application's turn is over. */
void device_net_reset(struct device *d);

/* ---- device_say.c ---------------------------------------------------------
 */

/* Why nothing boots, or what was refused. */
const char *device_reason(const struct selv_boot_record *r);
void device_say_boot(const struct device *d);
void device_say_event(struct device *d, const struct selv_consumer_todo *todo);
void device_say_note(const struct device *d, const char *text);
void device_say_exit(struct device *d, int code);
/* To stderr, whatever --quiet says. */
void device_say_error(struct device *d, const char *text);

#endif
