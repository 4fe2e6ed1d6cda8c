/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer/consumer.h - the firmware consumer and status tracker client: an
 * engine that registers, polls for a manifest, decides, downloads straight
 * into the idle slot, verifies, asks for the trial, confirms after the
 * port's self-test, and reports [RFC 9019 3, 5].
 *
 * Calls: 1 init with what the port knows   2 poll in a loop and do what it
 *        says   3 feed each datagram that arrives from the server.
 * Owns:  nothing; config and what it points to must outlive the engine. The
 *        image is never in RAM: blocks go to flash as they come, and the
 *        digest is taken from there. Flash calls are synchronous; one poll
 *        does at most one erase, or one block's write, or hashes a sector.
 * RAM:   sizeof(struct selv_consumer) <= 4608 on Cortex-M3, of it
 *        SELV_SUIT_ENVELOPE_MAX for the manifest. */
#ifndef SELV_CONSUMER_CONSUMER_H
#define SELV_CONSUMER_CONSUMER_H

#include "base/base.h"
#include "coap/coap.h"
#include "store/factory.h"
#include "store/flash.h"
#include "store/journal.h"
#include "store/layout.h"
#include "store/record.h"
#include "store/slot.h"
#include "suit/suit.h"

/* The life of an update; the numbers travel in reports (docs/spec/coap.md). */
enum selv_update_state {
    SELV_UPDATE_IDLE = 0,        /* running a confirmed image, nothing new */
    SELV_UPDATE_NOTIFIED = 1,    /* a manifest is being read */
    SELV_UPDATE_AUTHORIZED = 2,  /* authentic, and meant for this device */
    SELV_UPDATE_DOWNLOADING = 3,
    SELV_UPDATE_VERIFIED = 4,    /* the image in the slot has the digest */
    SELV_UPDATE_WAITING = 5,     /* trial asked for, reboot due */
    SELV_UPDATE_INSTALLING = 6,
    SELV_UPDATE_TRIAL = 7,       /* running, not confirmed */
    SELV_UPDATE_CONFIRMED = 8,
    SELV_UPDATE_REJECTED = 9,    /* refused before anything was written */
    SELV_UPDATE_FAILED = 10,     /* began, and could not be finished */
    SELV_UPDATE_REVERTED = 11    /* ran on trial, and the old one came back */
};

struct selv_consumer_config {
    const struct selv_flash *flash;
    const struct selv_layout *layout;
    const struct selv_factory *factory;
    const struct selv_boot_record *record; /* of this boot, valid */
    struct selv_bytes version; /* running image's version, UTF-8, <= 32 bytes,
                                  for display; may be empty */
    uint8_t random[16];        /* fresh random bytes at each start */
    uint32_t poll_interval_s;  /* between polls when nothing is new; >= 1 */
    uint32_t trial_timeout_s;  /* a trial not confirmed by then is given up */
};

enum selv_consumer_todo_kind {
    SELV_CONSUMER_SEND,     /* send bytes to the server */
    SELV_CONSUMER_WAIT,     /* nothing to do until until_ms or a datagram */
    SELV_CONSUMER_EVENT,    /* the state changed: for logs and exit codes */
    SELV_CONSUMER_SELFTEST, /* run the self-test, then answer */
    SELV_CONSUMER_REBOOT,   /* reset; the bootloader takes over */
    SELV_CONSUMER_GIVE_UP   /* trial timed out: stop kicking the watchdog (or
                               reset with SELV_RESET_WATCHDOG) */
};

struct selv_consumer_todo {
    enum selv_consumer_todo_kind kind;
    struct selv_bytes bytes;  /* SEND; valid until the next call */
    uint64_t until_ms;        /* WAIT */
    enum selv_update_state state; /* EVENT */
    enum selv_err err;        /* EVENT: why, for the last three states, or for
                                 IDLE when the server could not be reached */
    struct selv_suit_failure failure; /* EVENT: REJECTED or FAILED */
    uint64_t sequence;        /* EVENT: of the manifest; 0 when unknown */
    uint32_t done, size;      /* EVENT DOWNLOADING: bytes */
    bool is_resumed;          /* EVENT DOWNLOADING: picked up from flash */
};

/* Engine state (the definition is below the interface, for its size only). */
struct selv_consumer;

/* Start. now_ms: milliseconds from any fixed point, never going back.
 * SELV_ERR_ARG, or SELV_ERR_STORE_*, SELV_ERR_FLASH_IO of the log. */
SELV_MUST_CHECK enum selv_err
selv_consumer_init(struct selv_consumer *c,
                   const struct selv_consumer_config *config, uint64_t now_ms);

/* A datagram from the server's address. */
void selv_consumer_feed(struct selv_consumer *c, struct selv_bytes datagram,
                        uint64_t now_ms);

/* The next thing to do. Never blocks. */
enum selv_consumer_todo_kind
selv_consumer_poll(struct selv_consumer *c, uint64_t now_ms,
                   struct selv_consumer_todo *todo);

/* How the self-test went. */
void selv_consumer_selftest(struct selv_consumer *c, bool is_good);

/* Ask for a poll of the server now. */
void selv_consumer_check_now(struct selv_consumer *c);

enum selv_update_state selv_consumer_state(const struct selv_consumer *c);

#endif
