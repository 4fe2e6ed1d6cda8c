/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer_world.h - one device and one update server in a test: the real
 * consumer and bootloader over a virtual flash, the real CoAP server engine
 * behind a network that can be told to misbehave, and a clock that moves only
 * when everybody waits. */
#ifndef CONSUMER_WORLD_H
#define CONSUMER_WORLD_H

#include "boot/boot.h"
#include "coap/coap.h"
#include "consumer/consumer.h"
#include "sim/geometry.h"
#include "sim/link.h"
#include "sim/vflash.h"
#include "test/unit/suit_maker.h"

#define WORLD_VERSION_MAX 16u
#define WORLD_QUEUE_MAX 80u
#define WORLD_SEEN_MAX 64u
#define WORLD_LOG_MAX 4096u

/* How the server treats requests for the image; the manifest where named. */
enum world_mode {
    WORLD_GOOD,
    WORLD_SILENT,       /* does not answer */
    WORLD_ERROR,        /* 5.00 */
    WORLD_MISSING,      /* 4.04 */
    WORLD_OTHER_BLOCK,  /* another number than asked for */
    WORLD_OTHER_ETAG,   /* another one from the second block on */
    WORLD_OTHER_BYTES,  /* right length, wrong bytes */
    WORLD_SHORT,        /* half of it */
    WORLD_LONG,         /* sixteen bytes more */
    WORLD_LARGE_BLOCKS, /* of 1024 bytes, whatever was asked */
    WORLD_EMPTY,        /* 2.05 without a payload */
    WORLD_VALID,        /* 2.03, though no ETag was sent */
    WORLD_NOT_COAP,     /* random bytes */
    WORLD_OTHER_TOKEN,  /* answers somebody else's request */
    WORLD_MODE_COUNT
};

/* What one request for an image asked for. */
struct world_request {
    uint32_t offset, len;
};

/* A release, built for both slots. */
struct world_release {
    struct maker_bytes envelope;
    uint8_t digest[32]; /* of the manifest */
    uint64_t sequence;
    uint32_t size[2];
    uint8_t fill[2]; /* image bytes are fill, fill + 1, ... */
    uint8_t image_digest[2][32];
    uint8_t list[2][1024]; /* chunk lists; list_len 0: none */
    uint32_t list_len[2];
    uint8_t list_digest[2][32];
    const char *folder; /* of both, in URIs; NULL: the root */
};

struct world {
    const struct selv_geometry *geometry;
    struct selv_layout layout;
    struct selv_vflash v;
    uint8_t *mem;
    uint8_t *saved; /* of world_save, or NULL */
    size_t mem_len;
    struct selv_factory factory;
    const struct selv_strategy *strategy;
    struct selv_boot_record record;
    enum selv_reset_cause cause;
    struct selv_consumer_config config;
    struct selv_consumer_source sources[SELV_CONSUMER_SOURCES_MAX];
    struct selv_consumer consumer;
    /* In the place of our bootloader, which is not used then; sets record and
     * what is protected. NULL: ours. */
    bool (*boot)(struct world *w);
    uint64_t now_ms;
    uint64_t until_ms; /* of the consumer's latest WAIT */
    bool is_selftest_good;
    bool is_selftest_mute;

    /* what happened, in words: "trial confirmed rejected(SELV_ERR_...)" */
    char log[WORLD_LOG_MAX];
    size_t log_len;

    /* server */
    struct selv_coap_server coap;
    struct selv_coap_seen seen[WORLD_SEEN_MAX];
    const struct world_release *release; /* what GET /m answers; NULL: 4.04 */
    struct selv_bytes raw_manifest;      /* instead of it, when not empty */
    enum world_mode mode;                /* of images */
    enum world_mode manifest_mode;       /* SILENT, ERROR, EMPTY, LONG, ... */
    enum world_mode register_mode;       /* SILENT, ERROR, OTHER_BYTES */
    enum world_mode list_mode;           /* of chunk lists */
    uint32_t bent_at;   /* the byte of the image that is bent */
    unsigned bent;      /* in so many answers to come */
    unsigned mode_from; /* mode begins at this image request */
    bool has_no_etag;
    const uint8_t *lent_etag; /* 8 bytes: what GET /m says instead of its own */
    bool is_device_unknown;
    bool is_forgetful;   /* and stays so after a registration */
    bool is_report_lost; /* 5.00 to every report */
    unsigned register_count, manifest_count, image_count, report_count;
    unsigned list_count;
    struct world_request requests[512];

    /* sources beside the first; those of theirs that are CoAP peers are the
     * same server, in another mode */
    struct {
        enum world_mode mode;          /* of images */
        enum world_mode manifest_mode; /* PORT: SILENT, ERROR, MISSING, SHORT */
        enum world_mode list_mode;     /* the same of chunk lists */
        const struct world_release *release; /* PORT: NULL: none */
        const struct world_release *shelf;   /* PORT: instead of it, of images
                                                and lists; shelf_len of them */
        unsigned shelf_len;
        unsigned asked;     /* datagrams, or FETCHes */
        uint32_t given;     /* bytes, of images */
        bool is_trickle;    /* PORT: a byte a second */
        uint32_t slow_from; /* PORT: so from that many given bytes on; 0: not */
        const char *folder; /* PORT: where the images are; NULL: the root */
        uint32_t stops_at;  /* silent from this byte of an image on; 0: never */
        uint32_t bent_at;   /* this byte of it is bent; 0: none is */
    } other[SELV_CONSUMER_SOURCES_MAX];
    struct {
        bool is_on;
        bool is_manifest, is_list;
        uint8_t source;
        uint32_t at, end;
        const struct world_release *release;
        unsigned slot;
    } read; /* by the port */
    unsigned cancel_count;

    /* network */
    struct {
        uint8_t p[1400];
        size_t len;
        uint8_t source;
    } queue[WORLD_QUEUE_MAX];
    size_t queue_len;
    unsigned drop_each;    /* every so many datagrams of the server are lost */
    unsigned double_each;  /* come twice */
    unsigned swap_each;    /* come after the next one */
    unsigned sent_count;   /* datagrams of the server */
    bool is_cut;           /* nothing arrives anywhere */
    struct sim_link *link; /* instead of the queue, when it is not NULL */
    struct sim_link *second; /* the same for source 1 alone */
    unsigned packet_count;   /* in both directions, since it was set to 0 */
    unsigned packet_at;      /* what happens to packet_kind's one: from 0 */
    enum world_packet {
        WORLD_PACKET_GOOD, /* nothing */
        WORLD_PACKET_LOST,
        WORLD_PACKET_DOUBLED,
        WORLD_PACKET_LATE /* by packet_late_ms */
    } packet_kind;
    unsigned packet_late_ms;
    struct {
        uint64_t due_ms; /* 0: none is held up */
        bool is_up;
        uint8_t source;
        uint8_t p[1400];
        size_t len;
    } late;
    uint8_t talking_to; /* source of the datagram that is answered */
};

enum world_stop {
    WORLD_RESTED,
    WORLD_REBOOT,
    WORLD_GAVE_UP,
    WORLD_TIRED /* after polls_max polls */
};

/* A geometry of 4 KiB sectors and slots of 100 KiB. */
#define WORLD_LARGE "large"

/* A device that runs release 1 in slot A, and a server that has it, too. */
void world_open(struct world *w, const char *geometry);
/* The same, with a bootloader that installs or loads; releases for it are made
 * by world_release_stage or world_release_load. */
void world_open_with(struct world *w, const char *geometry,
                     const struct selv_strategy *strategy);
/* The same as world_open, with a bootloader that is not ours: prepare sets
 * boot, and what of layout and config is otherwise. */
void world_open_foreign(struct world *w, const char *geometry,
                        void (*prepare)(struct world *w));
/* One more source, behind the others. */
uint8_t world_add_source(struct world *w, const char *base, bool is_port,
                         bool is_plain);
/* Fails the test when flash rules were broken. */
void world_close(struct world *w);

/* Sizes in bytes for slots A and B. */
void world_release_make(struct world_release *r, uint64_t sequence,
                        uint32_t size_a, uint32_t size_b);
/* The same manifest, with a block of another key before the good one. */
void world_release_make_twice_signed(struct world_release *r, uint64_t sequence,
                                     uint32_t size_a, uint32_t size_b);
/* The same with chunk lists of chunks of 1 << shift bytes; of_len: what the
 * lists say that the images' lengths are, 0: the truth. */
void world_release_make_listed(struct world_release *r, uint64_t sequence,
                               uint32_t size_a, uint32_t size_b, uint32_t shift,
                               uint32_t of_len);
/* Sign it again, with lists or a folder that were changed. */
void world_release_sign_lists(struct world_release *r);
/* One image, staged in slot B; directive is 22 (copy) or 31 (swap). */
void world_release_stage(struct world_release *r, uint64_t sequence,
                         uint32_t size, int directive);
/* One image for either slot, loaded into RAM at boot. */
void world_release_load(struct world_release *r, uint64_t sequence,
                        uint32_t size);
/* From any manifest text in which "%A" and "%B" stand for image digests. */
void world_release_custom(struct world_release *r, uint64_t sequence,
                          uint32_t size_a, uint32_t size_b, const char *text);

/* Put a release's image into a slot's flash, behind everybody's back. */
void world_image_put(struct world *w, const struct world_release *r,
                     uint8_t slot);

/* Put a whole release into a slot, and ask the bootloader for it. */
void world_request(struct world *w, const struct world_release *r,
                   uint8_t slot);

/* Boot: the bootloader chooses, the consumer starts. False: nothing boots. */
bool world_boot(struct world *w);
/* Run the consumer until one of the ends. */
enum world_stop world_run(struct world *w, unsigned polls_max);
/* Run, and boot again on each reboot or surrender, until it rests. */
void world_settle(struct world *w);
/* Let the time to the next cycle pass, and settle. */
void world_next_cycle(struct world *w);

/* Forget the words so far. */
void world_forget(struct world *w);

/* Flash as it is, to come back to: the world's own copy. */
void world_save(struct world *w);
/* Back to that flash, switched off; the server forgets its counts. */
void world_restore(struct world *w);

/* Everything that decides what boots: journal and running slot. */
struct world_boot_state {
    struct selv_journal journal;
    uint8_t slot_hash[32];
    uint8_t factory_hash[32];
};
void world_boot_state(const struct world *w, struct world_boot_state *s);
/* Fails the test when anything of it has changed. */
void world_boot_state_is(const struct world *w,
                         const struct world_boot_state *before);

#endif
