/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/link_config.c - what a configuration may be, and how it cuts a datagram
 * into frames. */
#include <stdarg.h>
#include <stdio.h>

#include "sim/link_int.h"

#define TIME_MAX_US 1000000000u
#define LONG_TIME_MAX_US 100000000000u
#define RATE_MAX 100000000000u
#define QUEUE_MAX 0x1000000u
#define QUEUE_DEFAULT 65536u
#define HEADER_MAX 60u
#define MTU_MIN 127u
#define MTU_MAX 9000u
#define RETRIES_MAX 15u
#define BAD_MAX 900000u

/* The length of a 6LoWPAN datagram before compression has 11 bits
 * [RFC 4944 5.3]. */
#define COMPRESSED_MAX 2047u

#define UDP_LEN 8u

void sim_link_defaults(struct sim_link_config *config)
{
    memset(config, 0, sizeof *config);
    config->header_len = 28;
    for (int i = 0; i < 2; i++) {
        config->way[i].queue_len = QUEUE_DEFAULT;
        config->way[i].bad_run = 10;
        config->way[i].bad_loss_ppm = SIM_LINK_MILLION;
    }
}

/* ---- frames ------------------------------------------------------------- */

static uint32_t floor_8(uint32_t len)
{
    return len & ~(uint32_t)7;
}

/* len bytes in fragments: first_len in the first one, then middle_len, up to
 * last_max in the last. The lengths of the cut are those of the bytes. */
static struct sim_link_cut cut_bytes(uint32_t len, uint32_t first_len,
                                     uint32_t middle_len, uint32_t last_max)
{
    uint32_t rest = len - first_len;
    uint32_t middle = 0;
    if (rest > last_max) {
        middle = (rest - last_max + middle_len - 1) / middle_len;
    }
    struct sim_link_cut cut = {middle + 2, first_len, middle_len,
                               rest - middle * middle_len};
    return cut;
}

static void cut_add(struct sim_link_cut *cut, uint32_t first_len,
                    uint32_t other_len)
{
    cut->first_len += first_len;
    cut->middle_len += other_len;
    cut->last_len += other_len;
}

/* [RFC 791 3.2] and [RFC 8200 4.5]: the UDP header is in the first fragment's
 * bytes, and each has an IP header (IPv6: and a fragment header). */
static struct sim_link_cut cut_ip(const struct sim_link_config *c, uint32_t len)
{
    uint32_t header_len = c->header_len < 48 ? 20 : 48;
    uint32_t room = c->mtu - header_len;
    struct sim_link_cut cut =
        cut_bytes(len + UDP_LEN, floor_8(room), floor_8(room), room);
    cut_add(&cut, header_len, header_len);
    return cut;
}

/* Bytes of a datagram in a first 6LoWPAN fragment: offsets count before
 * compression and in units of 8 [RFC 4944 5.3]. 0 or less: there is no room. */
static int32_t first_6lowpan(const struct sim_link_config *c)
{
    int32_t room = (int32_t)c->frames.frame_max - c->frames.mac_len -
                   c->frames.frag1_len - c->frames.compressed_len;
    return room <= 0 ? 0
                     : (int32_t)floor_8((uint32_t)room + c->header_len) -
                           c->header_len;
}

static struct sim_link_cut cut_6lowpan(const struct sim_link_config *c,
                                       uint32_t len)
{
    const struct sim_link_frames *f = &c->frames;
    uint32_t room = (uint32_t)f->frame_max - f->mac_len;
    if (len + f->compressed_len <= room) {
        struct sim_link_cut one = {1, len + f->compressed_len, 0, 0};
        return one;
    }
    uint32_t last_max = room - f->fragn_len;
    struct sim_link_cut cut =
        cut_bytes(len, (uint32_t)first_6lowpan(c), floor_8(last_max), last_max);
    cut_add(&cut, (uint32_t)f->frag1_len + f->compressed_len, f->fragn_len);
    return cut;
}

struct sim_link_cut sim_link_cut_of(const struct sim_link_config *c, size_t len)
{
    struct sim_link_cut cut = {0, 0, 0, 0};
    bool has_frames = c->frames.frame_max != 0;
    if (len > SIM_LINK_DATAGRAM_MAX) {
        return cut;
    }
    uint32_t ip_len = (uint32_t)len + c->header_len;
    bool is_long = c->mtu != 0 && ip_len > c->mtu;
    if ((is_long && !c->is_fragmented) ||
        (has_frames && ip_len > COMPRESSED_MAX)) {
        return cut;
    }
    if (has_frames) {
        cut = cut_6lowpan(c, (uint32_t)len);
    } else if (is_long) {
        cut = cut_ip(c, (uint32_t)len);
    } else {
        cut = (struct sim_link_cut){1, ip_len, 0, 0};
    }
    uint32_t each = (uint32_t)c->frames.phy_len + c->frames.mac_len;
    cut_add(&cut, each, each);
    return cut;
}

uint32_t sim_link_wire_len(const struct sim_link_config *config, size_t len,
                           uint32_t *frames)
{
    struct sim_link_cut cut = sim_link_cut_of(config, len);
    if (frames != NULL) {
        *frames = cut.frames;
    }
    return cut.frames == 0 ? 0
           : cut.frames == 1
               ? cut.first_len
               : cut.first_len + (cut.frames - 2) * cut.middle_len +
                     cut.last_len;
}

/* ---- ranges ------------------------------------------------------------- */

static const char *wrong_way(const struct sim_link_way *w)
{
    if (w->rate_bps > RATE_MAX) {
        return "rate is above 100G";
    }
    if (w->queue_len > QUEUE_MAX) {
        return "queue is above 16M";
    }
    if (w->delay_us > TIME_MAX_US || w->jitter_us > TIME_MAX_US ||
        w->reorder_us > TIME_MAX_US) {
        return "delay, jitter or reorder-delay is above 1000s";
    }
    if (w->loss_ppm > SIM_LINK_MILLION || w->bad_loss_ppm > SIM_LINK_MILLION ||
        w->reorder_ppm > SIM_LINK_MILLION ||
        w->duplicate_ppm > SIM_LINK_MILLION || w->duty_ppm > SIM_LINK_MILLION) {
        return "a share is above 100%";
    }
    if (w->bad_ppm > BAD_MAX) {
        return "bad is above 90%";
    }
    if (w->bad_run == 0 || w->bad_run > SIM_LINK_MILLION) {
        return "bad-run is not 1 to 1000000";
    }
    if (w->bad_ppm > (uint64_t)w->bad_run * (SIM_LINK_MILLION - w->bad_ppm)) {
        return "bad runs this short cannot have such a share: bad is at most "
               "bad-run / (bad-run + 1)";
    }
    if (w->duty_window_us > LONG_TIME_MAX_US) {
        return "duty-window is above 100000s";
    }
    return NULL;
}

static const char *wrong_frames(const struct sim_link_config *c)
{
    if (c->header_len > HEADER_MAX) {
        return "header is above 60";
    }
    if (c->mtu != 0 && (c->mtu < MTU_MIN || c->mtu > MTU_MAX)) {
        return "mtu is not 127 to 9000";
    }
    if (c->is_fragmented && c->frames.frame_max != 0) {
        return "long=fragment does not go with frame: frames have fragments "
               "of their own";
    }
    if (c->is_fragmented && c->header_len != 28 && c->header_len != 48) {
        return "long=fragment needs a header of 28 or 48";
    }
    int32_t last_max =
        (int32_t)c->frames.frame_max - c->frames.mac_len - c->frames.fragn_len;
    if (c->frames.frame_max != 0 && (last_max < 8 || first_6lowpan(c) <= 0)) {
        return "frame has no room for a fragment";
    }
    return NULL;
}

static const char *wrong_layer(const struct sim_link_config *c)
{
    if (c->retries > RETRIES_MAX) {
        return "retries is above 15";
    }
    if (c->retries != 0 && c->ack_len == 0) {
        return "retries need ack: nobody knows what was lost";
    }
    if (c->turn_us > TIME_MAX_US) {
        return "turn is above 1000s";
    }
    if (c->is_half_duplex && c->way[0].rate_bps != c->way[1].rate_bps) {
        return "half-duplex is one medium with one rate";
    }
    if (c->sleep_us > TIME_MAX_US || c->awake_after_us > TIME_MAX_US ||
        c->rebind_idle_us > TIME_MAX_US || c->rebind_every_us > TIME_MAX_US) {
        return "sleep, awake-after, rebind-idle or rebind-every is above 1000s";
    }
    if (c->awake_us > c->sleep_us) {
        return "awake is longer than sleep, the whole period";
    }
    if (c->sleep_us != 0 && c->awake_us == 0 && c->awake_after_us == 0) {
        return "sleep without awake or awake-after: nothing would ever come";
    }
    if (c->sleep_buffer > SIM_LINK_HELD_MAX) {
        return "sleep-buffer is above 65536";
    }
    if (c->outage_at_us > LONG_TIME_MAX_US || c->outage_us > LONG_TIME_MAX_US ||
        c->rebind_at_us > LONG_TIME_MAX_US) {
        return "outage, outage-at or rebind-at is above 100000s";
    }
    return NULL;
}

bool sim_link_check(const struct sim_link_config *config,
                    char why[static SIM_LINK_WHY_LEN])
{
    const char *wrong = wrong_way(&config->way[0]);
    wrong = wrong != NULL ? wrong : wrong_way(&config->way[1]);
    wrong = wrong != NULL ? wrong : wrong_frames(config);
    wrong = wrong != NULL ? wrong : wrong_layer(config);
    snprintf(why, SIM_LINK_WHY_LEN, "%s", wrong != NULL ? wrong : "");
    return wrong == NULL;
}

const char *sim_link_cause_name(enum sim_link_cause cause)
{
    static const char *const names[SIM_LINK_CAUSE_COUNT] = {
        "chance",    "bad-run", "queue", "long",   "outage",
        "collision", "busy",    "sleep", "rebind", "held"};
    return names[cause];
}
