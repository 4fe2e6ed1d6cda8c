/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer/consumer.h - the firmware consumer and status tracker client: an
 * engine that registers, polls for a manifest, decides, downloads straight
 * into the idle slot or, where the bootloader installs, the staging area,
 * verifies, asks for the trial, confirms after the
 * port's self-test, and reports [RFC 9019 3, 5].
 *
 * Terms: an *exchange* is one CoAP transfer with the server; a *cycle* is one
 *        poll of the server and what comes of it.
 *
 * Calls: 1 init with what the port knows   2 poll in a loop and do what it
 *        says   3 feed each datagram that arrives from the server.
 *        WAIT with a time that has come means "call again at once".
 * Owns:  nothing; config and what it points to must outlive the engine. The
 *        image is never in RAM: blocks go to flash as they come, and the
 *        digest is taken from there. Flash calls are synchronous; one poll
 *        writes one block of the image, or the envelope, and one log record,
 *        with the erases that go with them, or hashes half a kilobyte or so.
 * RAM:   sizeof(struct selv_consumer) <= 4672 on Cortex-M3, of it
 *        SELV_SUIT_ENVELOPE_MAX for the manifest; stack <= 1 KiB without
 *        what the port's crypto takes. */
#ifndef SELV_CONSUMER_CONSUMER_H
#define SELV_CONSUMER_CONSUMER_H

#include "base/base.h"
#include "coap/coap.h"
#include "consumer/installer.h"
#include "store/factory.h"
#include "store/flash.h"
#include "store/journal.h"
#include "store/layout.h"
#include "store/record.h"
#include "store/slot.h"
#include "suit/report.h"
#include "suit/suit.h"

/* The life of an update; the numbers travel in reports (docs/spec/coap.md). */
enum selv_update_state {
    SELV_UPDATE_IDLE = 0,       /* running a confirmed image, nothing new */
    SELV_UPDATE_NOTIFIED = 1,   /* a manifest is being read */
    SELV_UPDATE_AUTHORIZED = 2, /* authentic, and meant for this device */
    SELV_UPDATE_DOWNLOADING = 3,
    SELV_UPDATE_VERIFIED = 4, /* the image in the slot has the digest */
    SELV_UPDATE_WAITING = 5,  /* trial asked for, reboot due */
    SELV_UPDATE_INSTALLING = 6,
    SELV_UPDATE_TRIAL = 7, /* running, not confirmed */
    SELV_UPDATE_CONFIRMED = 8,
    SELV_UPDATE_REJECTED = 9, /* refused before anything was written */
    SELV_UPDATE_FAILED = 10,  /* began, and could not be finished */
    SELV_UPDATE_REVERTED = 11 /* ran on trial, and the old one came back */
};

/* 46 days: in milliseconds they fit 32 bits. */
#define SELV_CONSUMER_SECONDS_MAX 4000000u

struct selv_consumer_config {
    const struct selv_flash *flash;
    const struct selv_layout *layout;
    const struct selv_factory *factory;
    const struct selv_boot_record *record; /* of this boot, valid */
    struct selv_bytes version; /* running image's version, UTF-8, <= 32 bytes,
                                  for display; may be empty */
    uint8_t random[16];        /* fresh random bytes at each start */
    uint32_t poll_interval_s;  /* between polls when nothing is new; 1 to
                                  SELV_CONSUMER_SECONDS_MAX */
    uint32_t trial_timeout_s; /* a trial not confirmed by then is given up; 1 to
                                 SELV_CONSUMER_SECONDS_MAX */
    struct selv_bytes authority; /* the server's "host:port" as it stands in
                                    URIs. Absolute URIs are followed only when
                                    they name it; may be empty: then none */
    struct selv_bytes host;      /* Uri-Host to send when the server was named
                                    by a name; empty for an address */
    const struct selv_installer
        *installer;          /* of a bootloader that is not ours;
                                NULL: ours, which reads the log */
    void *installer_context; /* handed to its functions */
};

enum selv_consumer_todo_kind {
    SELV_CONSUMER_SEND,     /* send bytes to the server */
    SELV_CONSUMER_WAIT,     /* nothing to do until until_ms or a datagram */
    SELV_CONSUMER_EVENT,    /* the state changed, or a cycle ended (IDLE): for
                               logs and exit codes */
    SELV_CONSUMER_SELFTEST, /* run the self-test, then answer; said once */
    SELV_CONSUMER_REBOOT,   /* reset; the bootloader takes over */
    SELV_CONSUMER_GIVE_UP   /* self-test bad or late: stop kicking the watchdog
                               (or reset with SELV_RESET_WATCHDOG) */
};

struct selv_consumer_todo {
    enum selv_consumer_todo_kind kind;
    struct selv_bytes bytes;      /* SEND; valid until the next call */
    uint64_t until_ms;            /* WAIT */
    enum selv_update_state state; /* EVENT */
    enum selv_err err; /* EVENT: why, for the last three states, or for
                          IDLE when the server could not be reached or
                          answered nonsense */
    struct selv_suit_failure failure; /* EVENT: REJECTED or FAILED */
    uint64_t sequence;   /* EVENT: of the manifest; 0 when unknown */
    uint32_t done, size; /* EVENT DOWNLOADING: bytes */
    bool is_resumed;     /* EVENT DOWNLOADING: picked up from flash */
    bool is_away;        /* EVENT FAILED: for want of a server, not refused */
};

/* Engine state (the definition is below the interface, for its size only). */
struct selv_consumer;

/* Start. now_ms: milliseconds from any fixed point, never going back.
 * SELV_ERR_ARG, or SELV_ERR_STORE_*, SELV_ERR_FLASH_IO of the log. */
SELV_MUST_CHECK enum selv_err
selv_consumer_init(struct selv_consumer *c,
                   const struct selv_consumer_config *config, uint64_t now_ms);

/* A datagram from the server's address; it is copied. One that comes before
 * the last is dealt with (poll until WAIT first) is dropped, as a network
 * may do. */
void selv_consumer_feed(struct selv_consumer *c, struct selv_bytes datagram,
                        uint64_t now_ms);

/* The next thing to do. Never blocks. */
enum selv_consumer_todo_kind
selv_consumer_poll(struct selv_consumer *c, uint64_t now_ms,
                   struct selv_consumer_todo *todo);

/* How the self-test went. Ignored when none is due. */
void selv_consumer_selftest(struct selv_consumer *c, bool is_good);

/* End the rest between two cycles: poll the server now. */
void selv_consumer_check_now(struct selv_consumer *c);

enum selv_update_state selv_consumer_state(const struct selv_consumer *c);

/* True between cycles: nothing under way, every event told, and each report
 * delivered or tried. What --once waits for. */
bool selv_consumer_is_resting(const struct selv_consumer *c);

/* ---- private: here for its size only ------------------------------------- */

#define SELV_CONSUMER_BLOCK_LEN (16u << SELV_COAP_SZX)
#define SELV_CONSUMER_BODY_MAX 224u   /* bytes; the longest profile takes 214 */
#define SELV_CONSUMER_VERSION_MAX 32u /* bytes of the version text */

/* What is still to be told to the server. */
struct selv_consumer_report {
    uint64_t sequence; /* 0: unknown */
    struct selv_suit_report suit;
    uint8_t state; /* enum selv_update_state */
    bool is_wanted;
    bool is_of_boot; /* outcome found in the boot record: logged when told */
};

/* What is small and often asked stands first, where short instructions
 * reach. */
struct selv_consumer {
    uint8_t step;      /* enum step */
    uint8_t then;      /* the step after a registration and a report */
    uint8_t state;     /* enum selv_update_state */
    uint8_t id_len;    /* of the server's name for us; 0: not registered */
    uint8_t failures;  /* cycles in a row that found no server */
    uint8_t wasted;    /* updates that failed after flash was touched, in this
                          boot: nothing that a server says takes one back */
    uint8_t tries;     /* of what tried names that ended in FAILED */
    bool is_skipping;  /* skip_etag goes along with GET /m */
    uint16_t flags;    /* FLAG_... */
    uint16_t rx_len;   /* 0: rx is free */
    uint16_t body_len; /* bytes of body in use */
    uint16_t envelope_len;
    const struct selv_consumer_config *config;
    const struct selv_slot_place *idle; /* where an update goes */
    const uint8_t *digest; /* of the manifest that events and reports are
                              about, NULL: it is not authentic */
    uint64_t sequence;     /* its sequence number, 0: unknown */
    uint64_t now_ms;       /* as the port said it last */
    uint64_t next_ms;      /* next cycle; on trial: its end */
    struct selv_coap_request rq;
    struct selv_bytes path;  /* of the image, in envelope */
    struct selv_bytes query; /* the same */
    uint32_t image_size;
    uint32_t hashed;                       /* bytes of the image */
    uint8_t skip_etag[SELV_COAP_ETAG_MAX]; /* of what was given up */
    struct selv_slot_writer writer;
    struct selv_suit_component components[2]; /* application; staging, RAM */
    uint8_t other_id[SELV_FACTORY_STAGING_MAX];
    struct selv_suit_device device;
    struct selv_suit_capability boot; /* of the bootloader, by its record */
    struct selv_log log;              /* as it stands in flash */
    struct selv_consumer_report report;
    struct selv_consumer_todo todo;    /* of this poll; an event that init left
                                          is told by the next */
    uint8_t identity[SELV_SHA256_LEN]; /* of what is in envelope */
    uint8_t tried[SELV_SHA256_LEN];    /* identity that tries counts */
    uint8_t image_digest[SELV_SHA256_LEN]; /* the manifest's, for the image */
    uint8_t random[16];
    char id_query[18]; /* d=<id> */
    struct selv_coap_client client;
    struct selv_suit suit;
    uint8_t body[SELV_CONSUMER_BODY_MAX]; /* of POST */
    union {
        uint8_t tx[SELV_COAP_HEADER_MAX + SELV_CONSUMER_BODY_MAX];
        struct selv_sha256 hash; /* of the image, between two transfers */
    };
    uint8_t rx[SELV_COAP_HEADER_MAX + SELV_CONSUMER_BLOCK_LEN];
    uint8_t envelope[SELV_SUIT_ENVELOPE_MAX];
};

#endif
