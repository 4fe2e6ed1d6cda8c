/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/link.h - a link between a near end (a device) and a far end (a server),
 * in virtual time: the same configuration, seed and calls always give the same
 * run.
 *
 * Terms: UP is from the near end to the far end, DOWN is back. A *datagram* is
 *        what UDP carries, without its headers; a *frame* is what is sent in
 *        one go and lost by itself: a datagram with its IP and UDP headers, a
 *        fragment of it, or a 6LoWPAN frame. A *station* is the sender of one
 *        direction. *Wire bytes* are all bytes of all frames, link
 *        retransmissions and link ACKs too.
 *
 * Calls: 1 sim_link_parse, or a preset and fields set by hand
 *        2 sim_link_new
 *        3 sim_link_put a datagram when an end sends one
 *        4 sim_link_next says when something happens next; move the clock there
 *        5 sim_link_take until it says false, in both directions
 *        6 sim_link_free
 * Time:  now_us counts microseconds from any origin and never goes back from
 *        one call to the next (whichever they are); the link's own instants
 *        (outage, rebinding, sleep) count from the now_us of sim_link_new.
 *
 * What happens to a datagram, in this order:
 *   DOWN to an address that the near end no longer has: lost (REBIND)
 *   over the MTU: lost (LONG), or cut into fragments
 *   no room in the station's queue: lost (QUEUE)
 *   each frame waits for its turn, the air time budget, a receiver that is
 *     awake, the shared medium and CSMA back-off; then takes bits / rate
 *   each frame may be lost: outage, collision, bad run, chance; it is sent
 *     again if the link has retries; the datagram arrives when all its frames
 *     have
 *   the arrival comes delay + jitter later (jitter does not change the order);
 *     chance may add the reordering delay, or a second copy
 *
 * Chance: each kind of chance in each direction draws from a stream of its own,
 *   so that another jitter does not change which frames are lost.
 * Owns:  copies of what is on its way, from malloc, at most SIM_LINK_HELD_MAX
 *        datagrams; nothing else grows. */
#ifndef SELV_SIM_LINK_H
#define SELV_SIM_LINK_H

#include "base/base.h"

enum sim_link_direction { SIM_LINK_UP = 0, SIM_LINK_DOWN = 1 };

/* Datagrams on the way, both directions together; further ones are lost
 * (HELD). */
#define SIM_LINK_HELD_MAX 65536u
/* Their bytes. */
#define SIM_LINK_HELD_LEN_MAX 0x4000000u
/* Bytes of a datagram, without headers; longer ones are lost (LONG). */
#define SIM_LINK_DATAGRAM_MAX 65507u

/* One direction. */
struct sim_link_way {
    uint64_t rate_bps;  /* bit/s, up to 10^11; 0: sending takes no time */
    uint32_t queue_len; /* wire bytes that may wait, besides the datagram
                           whose turn it is; up to 2^24 */
    uint32_t delay_us;  /* of propagation; up to 10^9, as are all times here
                           unless said otherwise */
    uint32_t jitter_us; /* added: evenly 0 to this */
    uint32_t loss_ppm;  /* chance of each frame, up to 10^6; and so on */
    /* Gilbert-Elliott: frames come in good and bad runs. */
    uint32_t bad_ppm;        /* share of frames in bad runs, up to 900,000 */
    uint32_t bad_run;        /* their mean length in frames, 1 to 10^6; a share
                                above run / (run + 1) is not possible */
    uint32_t bad_loss_ppm;   /* chance of loss in them, on top of loss_ppm */
    uint32_t reorder_ppm;    /* chance of each datagram to come late */
    uint32_t reorder_us;     /* by so much; what follows may overtake it */
    uint32_t duplicate_ppm;  /* chance of a second copy, with jitter and
                                reordering of its own */
    uint32_t duty_ppm;       /* share of time that the station may send; 0 and
                                10^6: all */
    uint64_t duty_window_us; /* unused air time is saved up for so long; 0:
                                after each frame the station is silent until
                                its share holds. Up to 10^11 */
};

/* Frames as of 6LoWPAN [RFC 4944, RFC 6282]. */
struct sim_link_frames {
    uint16_t frame_max;     /* bytes of a frame without those of the PHY: 127;
                               0: a datagram is one frame, or IP fragments */
    uint8_t phy_len;        /* preamble, delimiter, length: bytes, each frame */
    uint8_t mac_len;        /* header and check sum: bytes, each frame */
    uint8_t compressed_len; /* IP and UDP headers on the wire: bytes, once */
    uint8_t frag1_len;      /* header of a first fragment */
    uint8_t fragn_len;      /* header of each further one */
};

struct sim_link_config {
    struct sim_link_way way[2]; /* by enum sim_link_direction */
    uint8_t header_len;         /* IP and UDP: 28 or 48 (IPv6); 0 to 60 */
    uint16_t mtu;               /* longest IP datagram, headers counted: 127 to
                                   9000; 0: no limit */
    bool is_fragmented;         /* over the MTU: IP fragments instead of loss;
                                   with a header_len of 28 or 48, and not with
                                   frames */
    struct sim_link_frames frames;

    /* Link layer. */
    uint8_t retries;  /* of each frame, 0 to 15; they need ack_len */
    uint8_t ack_len;  /* bytes of a link ACK with those of its PHY; 0: none.
                         ACKs are not lost */
    uint32_t turn_us; /* receiver to sender and back: before each ACK; and how
                         long a sender is not heard by the other one's CSMA */
    bool is_half_duplex; /* one medium for both, whose rates are equal */
    bool has_csma;       /* back-off before each frame [IEEE 802.15.4 6.2.5.1]:
                            unslotted, 2.4 GHz */

    /* A near end that sleeps. 0 and 0: it never does. */
    uint32_t sleep_us; /* it listens once in so long; 0 with awake_after_us:
                          only after it has sent */
    uint32_t awake_us; /* for so long, from the begin of each period */
    uint32_t awake_after_us; /* and so long after each frame of its own */
    uint32_t sleep_buffer;   /* datagrams that its parent keeps for it; further
                                ones are lost (SLEEP). 0: none, what comes while
                                it sleeps is lost */

    uint64_t outage_at_us; /* since sim_link_new: frames that end then are */
    uint64_t outage_us;    /* lost, for so long; 0: no outage */

    /* The near end's address, as the far end sees it: it is 0 at first, and
     * another one after each of these; 0: never. */
    uint32_t rebind_idle_us;  /* nothing came UP for so long [RFC 4787 4.3] */
    uint64_t rebind_at_us;    /* once, at this instant */
    uint32_t rebind_every_us; /* again and again */
};

enum sim_link_cause {
    SIM_LINK_LOST_CHANCE = 0, /* loss_ppm */
    SIM_LINK_LOST_BAD_RUN,    /* bad_loss_ppm */
    SIM_LINK_LOST_QUEUE,      /* tail drop */
    SIM_LINK_LOST_LONG,       /* over the MTU or DATAGRAM_MAX */
    SIM_LINK_LOST_OUTAGE,
    SIM_LINK_LOST_COLLISION, /* both stations began at the same time */
    SIM_LINK_LOST_BUSY,      /* CSMA gave up */
    SIM_LINK_LOST_SLEEP,     /* nobody listened, the parent's buffer was full */
    SIM_LINK_LOST_REBIND,    /* to an address that is gone */
    SIM_LINK_LOST_HELD,      /* SIM_LINK_HELD_MAX, or no memory */
    SIM_LINK_CAUSE_COUNT
};

/* Of one direction, since sim_link_new. For each direction, and at all times,
 *   put_count + doubled_count = taken_count + held_count + sum of lost_count */
struct sim_link_stats {
    uint64_t put_count;     /* datagrams */
    uint64_t put_len;       /* their bytes, without headers */
    uint64_t taken_count;   /* datagrams, copies counted */
    uint64_t taken_len;     /* their bytes, without headers */
    uint64_t doubled_count; /* second copies */
    uint64_t late_count;    /* that got the reordering delay */
    uint64_t held_count;    /* queued, on their way, or waiting to be taken */
    uint64_t lost_count[SIM_LINK_CAUSE_COUNT];
    uint64_t wire_len;     /* wire bytes sent, lost frames too; link ACKs
                              count in the direction that they confirm */
    uint64_t frame_count;  /* sent, link retransmissions too */
    uint64_t frame_lost;   /* of these */
    uint64_t retry_count;  /* link retransmissions */
    uint64_t air_us;       /* time spent sending */
    uint32_t queue_max;    /* wire bytes that waited at the same time */
    uint32_t rebind_count; /* addresses that the near end lost (both
                              directions say the same) */
};

struct sim_link_datagram {
    struct selv_bytes bytes;
    uint32_t flow;    /* as it was put */
    uint32_t address; /* UP: the near end's, as the far end sees it */
};

struct sim_link;

/* ---- configuration ------------------------------------------------------ */

/* No limit, no delay, no loss: rate 0, queue 64 KiB, header 28. */
void sim_link_defaults(struct sim_link_config *config);

/* Bytes of words about a mistake, with the final 0. */
#define SIM_LINK_WHY_LEN 160u
/* Bytes that hold any configuration as text, with the final 0. */
#define SIM_LINK_TEXT_LEN 1024u

/* "KEY=VALUE,..." or "PRESET[,KEY=VALUE...]", such as
 * "rate=250k,rtt=100ms,loss=10%"; docs/man/selvage-sim.1 lists keys, units and
 * presets. VALUE may be UP/DOWN where the directions can differ. False, with
 * words in why, for anything that is not understood, out of range, given twice
 * or impossible together; *config is then not to be used. */
SELV_MUST_CHECK bool sim_link_parse(const char *text,
                                    struct sim_link_config *config,
                                    char why[static SIM_LINK_WHY_LEN]);

/* The same for a configuration made by hand: ranges, and what does not go
 * together. */
SELV_MUST_CHECK bool sim_link_check(const struct sim_link_config *config,
                                    char why[static SIM_LINK_WHY_LEN]);

/* Text that parses to the same configuration, without what has its default. */
void sim_link_text(const struct sim_link_config *config,
                   char text[static SIM_LINK_TEXT_LEN]);

/* Names of the presets, count of them; and what each one stands for. */
extern const size_t sim_link_preset_count;
const char *sim_link_preset_name(size_t i);
const char *sim_link_preset_text(size_t i);

const char *sim_link_cause_name(enum sim_link_cause cause);

/* ---- a run -------------------------------------------------------------- */

/* NULL when sim_link_check says no, or there is no memory. */
SELV_MUST_CHECK struct sim_link *
sim_link_new(const struct sim_link_config *config, uint64_t seed,
             uint64_t now_us);
/* NULL is let pass. */
void sim_link_free(struct sim_link *l);

/* Another configuration from now on; datagrams that wait or are on their way
 * stay (cut into frames as they were), and so do the streams of chance. False,
 * and nothing changed, when sim_link_check says no. */
SELV_MUST_CHECK bool sim_link_set(struct sim_link *l,
                                  const struct sim_link_config *config,
                                  uint64_t now_us);

/* An end sends a datagram. flow: any number of the caller's, comes out of take
 * again, for several conversations on one link. DOWN goes to the near end's
 * address that the latest datagram taken by the far end had (0 before the
 * first one). */
void sim_link_put(struct sim_link *l, enum sim_link_direction direction,
                  uint32_t flow, struct selv_bytes datagram, uint64_t now_us);
/* DOWN, to this address of the near end. */
void sim_link_put_to(struct sim_link *l, uint32_t flow, uint32_t address,
                     struct selv_bytes datagram, uint64_t now_us);

/* The next instant at which something happens, now_us or later; UINT64_MAX:
 * nothing will without another put. take may still say false then: not all that
 * happens is an arrival. */
uint64_t sim_link_next(struct sim_link *l, uint64_t now_us);

/* What has arrived, in order of arrival. False: nothing (more) by now. The
 * bytes stay until the next take in the same direction, or free. */
SELV_MUST_CHECK bool sim_link_take(struct sim_link *l,
                                   enum sim_link_direction direction,
                                   uint64_t now_us,
                                   struct sim_link_datagram *out);

/* The near end gets another address, now. */
void sim_link_rebind(struct sim_link *l, uint64_t now_us);

/* As of the latest call. */
const struct sim_link_stats *sim_link_stats(const struct sim_link *l,
                                            enum sim_link_direction direction);

/* ---- arithmetic --------------------------------------------------------- */

/* Wire bytes of a datagram of len bytes that is sent once, link ACKs not
 * counted, and its frames; 0 frames: it is over the MTU. frames may be NULL. */
uint32_t sim_link_wire_len(const struct sim_link_config *config, size_t len,
                           uint32_t *frames);

#endif
