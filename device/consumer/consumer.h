/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer/consumer.h - the firmware consumer and status tracker client: an
 * engine that registers, polls for a manifest, decides, downloads straight
 * into the idle slot or, where the bootloader installs, the staging area,
 * verifies, asks for the trial, confirms after the
 * port's self-test, and reports [RFC 9019 3, 5].
 *
 * Terms: a *source* is where manifests and images come from: a CoAP peer,
 *        whose datagrams the engine makes, or a *port source*, which the port
 *        reads in its own way (HTTP, a folder, a USB stick). A *plain* one has
 *        no status tracker: it is a tree of files [draft-ietf-suit-architecture
 *        2020, figure 5]. An *exchange* is one transfer with a source; a
 *        *cycle* is one look at the sources and what comes of it.
 *
 * Calls: 1 init with what the port knows   2 poll in a loop and do what it
 *        says   3 feed each datagram that arrives from a source; or, of a port
 *        source, give the bytes that FETCH asked for, then say given.
 *        WAIT with a time that has come means "call again at once".
 * Owns:  nothing; config and what it points to must outlive the engine. The
 *        image is never in RAM: blocks go to flash as they come, and the
 *        digest is taken from there.
 * Time:  flash calls are synchronous. One poll writes one block of the image
 *        (give: what it is given) or the envelope, and one log record, with
 *        the erases that go with them: all sectors of a part (consumer_part.c),
 *        which is one sector, or one chunk if that is longer (<= 64 KiB). One
 *        poll hashes half a kilobyte of the whole image, but a whole part where
 *        there is a chunk list, the whole list, and up to 256 KiB of parts that
 *        are there already before a port source is asked for the next ones.
 * RAM:   sizeof(struct selv_consumer) <= 5184 on Cortex-M3, of it
 *        SELV_SUIT_ENVELOPE_MAX for the manifest; stack <= 1 KiB without
 *        what the port's crypto takes. */
#ifndef SELV_CONSUMER_CONSUMER_H
#define SELV_CONSUMER_CONSUMER_H

#include "base/base.h"
#include "coap/fetch.h"
#include "consumer/installer.h"
#include "store/factory.h"
#include "store/flash.h"
#include "store/journal.h"
#include "store/layout.h"
#include "store/record.h"
#include "store/slot.h"
#include "suit/chunks.h"
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

#define SELV_CONSUMER_SOURCES_MAX 8u

/* A source. A tracker is asked as docs/spec/coap.md says. A plain source has
 * the names of a static tree: /m/<vendor>/<class> (UUIDs as text, lower case)
 * is the manifest, /i/<sha-256> an image. */
struct selv_consumer_source {
    struct selv_bytes base; /* URI that paths are appended to, without '/' at
                               its end: "coap://[::1]:5683", "http://h/tree".
                               Absolute URIs of a manifest are followed only
                               where they begin with a base and '/'; may be
                               empty: then none begins so */
    struct selv_bytes host; /* of a CoAP peer that was named by a name:
                               Uri-Host to send; empty for an address */
    bool is_port;           /* the port reads it; it is plain then, too */
    bool is_plain;
    bool is_push; /* of a port source: it has what is handed to the
                     device, manifests only (and what is integrated
                     in them); it is asked for no image */
};

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
    const struct selv_consumer_source *sources; /* those preferred first */
    uint8_t source_count; /* 1 to SELV_CONSUMER_SOURCES_MAX */
    const struct selv_installer
        *installer;          /* of a bootloader that is not ours;
                                NULL: ours, which reads the log */
    void *installer_context; /* handed to its functions */
};

enum selv_consumer_todo_kind {
    SELV_CONSUMER_SEND,     /* send bytes to source */
    SELV_CONSUMER_WAIT,     /* nothing to do until until_ms or a datagram */
    SELV_CONSUMER_EVENT,    /* the state changed, or a cycle ended (IDLE): for
                               logs and exit codes */
    SELV_CONSUMER_SELFTEST, /* run the self-test, then answer; said once */
    SELV_CONSUMER_REBOOT,   /* reset; the bootloader takes over */
    SELV_CONSUMER_GIVE_UP,  /* self-test bad or late: stop kicking the watchdog
                               (or reset with SELV_RESET_WATCHDOG) */
    SELV_CONSUMER_FETCH,    /* read bytes of path from a port source; one at a
                               time, ended by given or by CANCEL */
    SELV_CONSUMER_CANCEL    /* what FETCH asked of source is not wanted any
                               more; there is nothing to answer */
};

/* FETCH: to the end, wherever that is. */
#define SELV_CONSUMER_TO_END UINT32_MAX

struct selv_consumer_todo {
    enum selv_consumer_todo_kind kind;
    uint8_t source;               /* SEND, FETCH, CANCEL: index in the config;
                                     EVENT: whom it is about, the one that was
                                     asked last */
    struct selv_bytes path;       /* FETCH: from '/' on, percent-encoded as in a
                                     URI; to be appended to base; valid until
                                     the next call */
    struct selv_bytes query;      /* FETCH: behind '?'; mostly empty */
    uint32_t offset, len;         /* FETCH: bytes offset to offset + len of the
                                     body; len may be SELV_CONSUMER_TO_END */
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
    bool is_away;        /* EVENT FAILED: for want of a source, not refused */
};

/* Engine state (the definition is below the interface, for its size only). */
struct selv_consumer;

/* Start. now_ms: milliseconds from any fixed point, never going back.
 * SELV_ERR_ARG, or SELV_ERR_STORE_*, SELV_ERR_FLASH_IO of the log. */
SELV_MUST_CHECK enum selv_err
selv_consumer_init(struct selv_consumer *c,
                   const struct selv_consumer_config *config, uint64_t now_ms);

/* A datagram from the address of a CoAP peer; it is copied. One that comes
 * before the last is dealt with (poll until WAIT first) is dropped, as a
 * network may do, and so is one of a source that nothing was asked of. */
void selv_consumer_feed(struct selv_consumer *c, uint8_t source,
                        struct selv_bytes datagram, uint64_t now_ms);

/* The next bytes of what FETCH asked of a port source, in order: offset is
 * FETCH's plus the lengths given since. Any number at a time; where they
 * belong in flash, they are written before this returns. False: no more is
 * wanted, end it (nothing else needs to be said). What is wrong with them comes
 * out of poll. */
bool selv_consumer_give(struct selv_consumer *c, uint8_t source,
                        uint32_t offset, struct selv_bytes bytes,
                        uint64_t now_ms);

/* What FETCH asked of a port source has ended. err: SELV_OK, all was given that
 * was asked for or that there is;  SELV_ERR_UPDATE_AWAY, nobody there, or
 * trouble that may pass;  SELV_ERR_UPDATE_MISSING, the source has no such
 * thing;  SELV_ERR_UPDATE_SERVER, it answered nonsense, or changed what it has
 * in the middle. total: bytes of the whole body where that is known, else 0.
 * Of an image fewer bytes than asked for may have come, but one at least: the
 * rest is asked for next.
 * Of a CoAP peer that is being asked, SELV_ERR_UPDATE_AWAY alone may be said:
 * the port knows that nobody is there, and the engine does not wait for its
 * time-outs. Ignored when nothing is under way with that source. */
void selv_consumer_given(struct selv_consumer *c, uint8_t source,
                         enum selv_err err, uint32_t total, uint64_t now_ms);

/* The next thing to do. Never blocks. */
enum selv_consumer_todo_kind
selv_consumer_poll(struct selv_consumer *c, uint64_t now_ms,
                   struct selv_consumer_todo *todo);

/* How the self-test went. Ignored when none is due. */
void selv_consumer_selftest(struct selv_consumer *c, bool is_good);

/* End the rest between two cycles: ask all sources now. A rest after an update
 * that failed is not ended so (may_check). */
void selv_consumer_check_now(struct selv_consumer *c);
/* The same of one source alone: the others are asked when they would have
 * been. */
void selv_consumer_check_source(struct selv_consumer *c, uint8_t source);
/* Whether one of these would have an effect now. */
bool selv_consumer_may_check(const struct selv_consumer *c);
/* The same where the one source is pushed to. */
bool selv_consumer_may_push(const struct selv_consumer *c);
/* The address of a CoAP peer, or ours towards it, has changed: what is known of
 * the way there is forgotten. */
void selv_consumer_moved(struct selv_consumer *c, uint8_t source);

/* Whether something is asked of that CoAP peer. Requests that were sent before
 * are of no use when it is false. */
bool selv_consumer_is_asking(const struct selv_consumer *c, uint8_t source);

/* The query by which the tracker knows us, "d=" and our name there; *source is
 * who that is. Empty while we are not registered. A view into the engine. */
struct selv_bytes selv_consumer_name(const struct selv_consumer *c,
                                     uint8_t *source);

enum selv_update_state selv_consumer_state(const struct selv_consumer *c);

/* True between cycles: nothing under way, every event told, and each report
 * delivered or tried. What --once waits for. */
bool selv_consumer_is_resting(const struct selv_consumer *c);

/* ---- private: here for its size only ------------------------------------- */

#define SELV_CONSUMER_BLOCK_LEN (16u << SELV_COAP_SZX)
/* Blocks in flight. */
#ifndef SELV_CONSUMER_SLOTS
#if UINTPTR_MAX > 0xffffffffu
#define SELV_CONSUMER_SLOTS 64u
#else
#define SELV_CONSUMER_SLOTS 8u
#endif
#endif
#define SELV_CONSUMER_BODY_MAX 224u   /* bytes; the longest profile takes 214 */
#define SELV_CONSUMER_VERSION_MAX 32u /* bytes of the version text */
#define SELV_CONSUMER_IDENTITY_LEN 16u /* first bytes of a SHA-256 */

/* What is still to be told to the server. */
struct selv_consumer_report {
    uint64_t sequence; /* 0: unknown */
    struct selv_suit_report suit;
    uint8_t state; /* enum selv_update_state */
    bool is_wanted;
    bool is_of_boot; /* outcome found in the boot record: logged when told */
};

/* What a port source is asked for. */
struct selv_consumer_read {
    uint64_t late_ms; /* a manifest: nothing came by then, it is given up */
    uint32_t from;    /* bytes: the first */
    uint32_t at, end; /* bytes: next, and behind the last */
    uint32_t total;   /* of the body; 0: not known */
    uint16_t err;     /* enum selv_err, when it is over */
    bool is_over;
};

/* Sources that give an image at the same time, where it has a chunk list. */
#ifndef SELV_CONSUMER_LANES
#if UINTPTR_MAX > 0xffffffffu
#define SELV_CONSUMER_LANES 4u
#else
#define SELV_CONSUMER_LANES 1u
#endif
#endif
/* Parts of an image, from the first that is missing on, that are asked for
 * before that one is there: bits of selv_consumer_parts.good. */
#define SELV_CONSUMER_WINDOW 64u

/* A run of sectors that is coming in. */
struct selv_consumer_part {
    uint32_t start;   /* bytes from the first of the image */
    uint32_t missing; /* bytes; 0: there is no such part */
};

/* An image, or its chunk list, as it comes in. Offsets are from its first byte.
 */
struct selv_consumer_parts {
    uint32_t base;  /* in flash */
    uint32_t size;  /* bytes */
    uint32_t align; /* parts begin at multiples of it */
    uint32_t low;   /* all below is there */
    uint32_t below; /* the part that ends there began here */
    uint32_t scan;  /* where looking for what is on record stands */
    uint64_t good;  /* bit n: so is the n-th part from low on; bit 0 never */
};

/* A source at work, and the transfer with it. The first one is for all other
 * exchanges, too. */
struct selv_consumer_lane {
    uint8_t source;              /* of an image; 0xff: none */
    uint8_t path_of;             /* source that path leads to */
    bool is_busy;                /* a transfer is under way */
    bool is_oversize;            /* a datagram was longer than we take */
    bool is_gone;                /* the CoAP peer is not there */
    uint8_t tail_len;            /* bytes that fill no write unit yet */
    uint16_t rx_len;             /* 0: rx is free */
    uint32_t told, seen, looked; /* bytes that it gave: by now, when late_ms,
                                    and when look_ms, was set */
    uint32_t run_at, run_end;    /* a port source was asked for these bytes */
    uint32_t next;               /* of them, the next part that is not open */
    uint32_t tail_at;
    uint32_t spoilt[2]; /* parts that were bad in this transfer */
    uint64_t began_ms;  /* with this image */
    uint64_t late_ms;   /* none came since: it is left */
    uint64_t look_ms;   /* too few came since: it is left */
    uint8_t tail[SELV_FLASH_UNIT_MAX];
    struct selv_consumer_part open[SELV_CONSUMER_SLOTS];
    struct selv_coap_request rq;
    struct selv_coap_path path;
    struct selv_coap_fetch_slot slots[SELV_CONSUMER_SLOTS];
    union {
        struct selv_coap_client client;
        struct selv_coap_fetch fetch;   /* in STEP_IMAGE */
        struct selv_consumer_read read; /* of a port source */
    };
    uint8_t rx[SELV_COAP_HEADER_MAX + SELV_CONSUMER_BLOCK_LEN];
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
    uint8_t misled;    /* the same of those that were pushed */
    uint8_t tries;     /* of what tried names that ended in FAILED */
    uint8_t holds;     /* more looks at all sources in which manifests lower
                          than begun are put off */
    bool is_skipping;  /* skip_etag goes along with GET /m */
    uint32_t flags;    /* FLAG_... */
    uint16_t body_len; /* bytes of body in use */
    uint16_t envelope_len;
    uint8_t source;    /* of the manifest at hand, or to be asked for it */
    uint8_t tracker;   /* that reports go to */
    uint8_t id_source; /* whose name for us id_query holds */
    uint8_t busy;      /* source of the exchange under way, or told of */
    uint8_t cancelled; /* source that is to be told so */
    uint8_t asked;     /* bit for each source asked in this cycle */
    uint8_t left;      /* the same of those that may still give the image */
    uint8_t slow;      /* the same of those left for being slow */
    uint8_t turn;      /* the lane that is looked at first */
    uint8_t gave;      /* the same of those that gave bytes of it */
    uint8_t only;      /* source that alone is asked in this cycle, or 0xff */
    uint8_t phase;     /* of STEP_IMAGE */
    uint8_t blame[SELV_CONSUMER_SOURCES_MAX]; /* images and chunks that were
                                                 not what they should be */
    uint8_t bad[SELV_CONSUMER_SOURCES_MAX]; /* the same, parts of this image */
    uint8_t sends;    /* transmissions of a request of client; 0: none */
    uint16_t trouble; /* enum selv_err: what was wrong in this cycle */
    const struct selv_consumer_config *config;
    const struct selv_slot_place *idle; /* where an update goes */
    const uint8_t *digest; /* of the manifest that events and reports are
                              about, NULL: it is not authentic */
    uint64_t sequence;     /* its sequence number, 0: unknown */
    uint64_t now_ms;       /* as the port said it last */
    uint64_t next_ms;      /* next cycle; on trial: its end */
    uint64_t due_ms;       /* the next one that asks all sources */
    uint64_t spare_ms;     /* no update begins before: the last one failed */
    uint64_t push_ms;      /* the same of what is pushed */
    uint64_t begun; /* the highest number that an update began for in this boot;
                       0: none did */
    struct selv_bytes uri;   /* of the image, in envelope */
    struct selv_bytes path;  /* of what is asked for, from '/' on */
    struct selv_bytes query; /* the same */
    struct selv_bytes image_uri;
    uint32_t image_size;
    uint32_t hashed;      /* bytes of the image */
    uint32_t payload_off; /* in the envelope, of an integrated image; 0: it has
                             a name of its own */
    uint32_t list_off, list_len; /* of the chunk list in flash; 0: none */
    const uint8_t *list_digest;  /* in envelope */
    struct selv_suit_chunks chunks;
    uint32_t solid;  /* bytes of the image that were on record when it began */
    uint64_t record; /* bit n: so was the n-th part behind them */
    uint32_t noted;  /* progress told last */
    uint32_t best;   /* the most that was on record since begun is so high */
    uint8_t skip_etag[SELV_COAP_ETAG_MAX]; /* of what was given up */
    struct selv_consumer_parts parts;
    struct selv_suit_component components[2]; /* application; staging, RAM */
    uint8_t other_id[SELV_FACTORY_STAGING_MAX];
    struct selv_suit_device device;
    struct selv_suit_capability boot; /* of the bootloader, by its record */
    struct selv_log log;              /* as it stands in flash */
    struct selv_consumer_report report;
    struct selv_consumer_todo todo; /* of this poll; an event that init left
                                       is told by the next */
    uint8_t identity[SELV_CONSUMER_IDENTITY_LEN]; /* of what is in envelope */
    uint8_t tried[SELV_CONSUMER_IDENTITY_LEN];    /* that tries counts */
    uint8_t refused[SELV_CONSUMER_IDENTITY_LEN];  /* nothing was written for */
    uint8_t image_digest[SELV_SHA256_LEN]; /* the manifest's, for the image */
    uint8_t random[16];
    char id_query[18]; /* d=<id> */
    uint32_t sent_ms;  /* the first of sends */
    struct selv_consumer_lane lane[SELV_CONSUMER_LANES];
    struct selv_suit suit;
    uint8_t body[SELV_CONSUMER_BODY_MAX]; /* of POST; else path's text */
    union {
        uint8_t tx[SELV_COAP_HEADER_MAX + SELV_CONSUMER_BODY_MAX];
        struct selv_sha256 hash; /* of the image, between two transfers */
    };
    uint8_t envelope[SELV_SUIT_ENVELOPE_MAX];
};

#endif
