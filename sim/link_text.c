/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/link_text.c - configurations as text: "lossy,loss=20%,queue=4k". */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "sim/link_int.h"

/* ---- presets ------------------------------------------------------------ */

/* Orders of magnitude, not any one network: docs/man/selvage-sim.1 says what
 * they stand for. */
static const struct {
    const char *name;
    const char *text;
} presets[] = {
    {"802.15.4", "rate=250k,queue=2k,header=48,mtu=1280,frame=127,phy=6,mac=15,"
                 "compressed=10,frag1=4,fragn=5,retries=3,ack=11,turn=192us,"
                 "half-duplex=on,csma=on"},
    {"lorawan", "rate=5470,queue=2k,header=48,mtu=1280,frame=235,phy=9,mac=13,"
                "compressed=2,frag1=1,fragn=1,half-duplex=on,duty=1%/10%,"
                "duty-window=1h"},
    {"nbiot", "rate=60k/25k,queue=16k,delay=600ms,jitter=400ms,mtu=1358,"
              "rebind-idle=60s"},
    {"lossy", "rate=250k,rtt=100ms,loss=10%"},
    {"wan", "rate=20M/100M,queue=256k,rtt=40ms,jitter=4ms,loss=0.1%,"
            "reorder=0.1%,reorder-delay=5ms,mtu=1500"},
};

const size_t sim_link_preset_count = sizeof presets / sizeof presets[0];

const char *sim_link_preset_name(size_t i)
{
    return presets[i].name;
}

const char *sim_link_preset_text(size_t i)
{
    return presets[i].text;
}

/* ---- keys --------------------------------------------------------------- */

enum kind { RATE, BYTES, TIME, SHARE, COUNT, FLAG, LONG, RTT };

struct key {
    const char *name;
    enum kind kind;
    uint8_t width;  /* bytes of the field */
    bool is_way;    /* a field of each direction */
    size_t off;     /* of the field, in its struct */
    uint64_t limit; /* largest value that its field can hold and mean */
};

#define WAY(name, kind, field, limit)                                          \
    {                                                                          \
        name, kind, sizeof(((struct sim_link_way *)0)->field), true,           \
            offsetof(struct sim_link_way, field), limit                        \
    }
#define LINK(name, kind, field, limit)                                         \
    {                                                                          \
        name, kind, sizeof(((struct sim_link_config *)0)->field), false,       \
            offsetof(struct sim_link_config, field), limit                     \
    }
#define TIME_MAX 1000000000u
#define LONG_TIME_MAX 100000000000u

/* In the order in which sim_link_text tells them. */
static const struct key keys[] = {
    WAY("rate", RATE, rate_bps, 100000000000u),
    WAY("queue", BYTES, queue_len, 0x1000000u),
    WAY("delay", TIME, delay_us, TIME_MAX),
    {"rtt", RTT, 0, false, 0, TIME_MAX},
    WAY("jitter", TIME, jitter_us, TIME_MAX),
    WAY("loss", SHARE, loss_ppm, SIM_LINK_MILLION),
    WAY("bad", SHARE, bad_ppm, 900000u),
    WAY("bad-run", COUNT, bad_run, SIM_LINK_MILLION),
    WAY("bad-loss", SHARE, bad_loss_ppm, SIM_LINK_MILLION),
    WAY("reorder", SHARE, reorder_ppm, SIM_LINK_MILLION),
    WAY("reorder-delay", TIME, reorder_us, TIME_MAX),
    WAY("duplicate", SHARE, duplicate_ppm, SIM_LINK_MILLION),
    WAY("duty", SHARE, duty_ppm, SIM_LINK_MILLION),
    WAY("duty-window", TIME, duty_window_us, LONG_TIME_MAX),
    LINK("header", COUNT, header_len, 60),
    LINK("mtu", COUNT, mtu, 9000),
    LINK("long", LONG, is_fragmented, 1),
    LINK("frame", COUNT, frames.frame_max, 2047),
    LINK("phy", COUNT, frames.phy_len, 255),
    LINK("mac", COUNT, frames.mac_len, 255),
    LINK("compressed", COUNT, frames.compressed_len, 255),
    LINK("frag1", COUNT, frames.frag1_len, 255),
    LINK("fragn", COUNT, frames.fragn_len, 255),
    LINK("retries", COUNT, retries, 15),
    LINK("ack", COUNT, ack_len, 255),
    LINK("turn", TIME, turn_us, TIME_MAX),
    LINK("half-duplex", FLAG, is_half_duplex, 1),
    LINK("csma", FLAG, has_csma, 1),
    LINK("sleep", TIME, sleep_us, TIME_MAX),
    LINK("awake", TIME, awake_us, TIME_MAX),
    LINK("awake-after", TIME, awake_after_us, TIME_MAX),
    LINK("sleep-buffer", COUNT, sleep_buffer, SIM_LINK_HELD_MAX),
    LINK("outage-at", TIME, outage_at_us, LONG_TIME_MAX),
    LINK("outage", TIME, outage_us, LONG_TIME_MAX),
    LINK("rebind-idle", TIME, rebind_idle_us, TIME_MAX),
    LINK("rebind-at", TIME, rebind_at_us, LONG_TIME_MAX),
    LINK("rebind-every", TIME, rebind_every_us, TIME_MAX),
};
enum { KEY_COUNT = sizeof keys / sizeof keys[0], KEY_DELAY = 2, KEY_RTT = 3 };

/* The field of a key in one direction (which matters for those of a way). */
static void *field_of(struct sim_link_config *c, const struct key *k, int way)
{
    char *base = k->is_way ? (char *)&c->way[way] : (char *)c;
    return base + k->off;
}

static void field_set(struct sim_link_config *c, const struct key *k, int way,
                      uint64_t value)
{
    uint8_t v8 = (uint8_t)value;
    uint16_t v16 = (uint16_t)value;
    uint32_t v32 = (uint32_t)value;
    bool flag = value != 0;
    const void *from = k->kind == FLAG || k->kind == LONG ? (void *)&flag
                       : k->width == 1                    ? (void *)&v8
                       : k->width == 2                    ? (void *)&v16
                       : k->width == 4                    ? (void *)&v32
                                                          : (void *)&value;
    memcpy(field_of(c, k, way), from, k->width);
}

static uint64_t field_get(const struct sim_link_config *c, const struct key *k,
                          int way)
{
    struct sim_link_config copy = *c;
    const void *p = field_of(&copy, k, way);
    uint16_t v16;
    uint32_t v32;
    uint64_t v64;
    switch (k->width) {
    case 1:
        return *(const uint8_t *)p;
    case 2:
        memcpy(&v16, p, sizeof v16);
        return v16;
    case 4:
        memcpy(&v32, p, sizeof v32);
        return v32;
    default:
        memcpy(&v64, p, sizeof v64);
        return v64;
    }
}

/* ---- values ------------------------------------------------------------- */

struct unit {
    const char *name;
    uint64_t scale;
};

/* The first one of each kind is what text is written in if nothing larger
 * fits; a unit named "" may be left out. */
static const struct unit rate_units[] = {
    {"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {NULL, 0}};
static const struct unit byte_units[] = {
    {"", 1}, {"k", 1024}, {"M", 1048576}, {NULL, 0}};
static const struct unit time_units[] = {{"us", 1},          {"ms", 1000},
                                         {"s", 1000000},     {"min", 60000000},
                                         {"h", 3600000000u}, {NULL, 0}};
static const struct unit share_units[] = {{"ppm", 1}, {"%", 10000}, {NULL, 0}};
static const struct unit count_units[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum kind kind)
{
    switch (kind) {
    case RATE:
        return rate_units;
    case BYTES:
        return byte_units;
    case TIME:
    case RTT:
        return time_units;
    case SHARE:
        return share_units;
    case COUNT:
    case FLAG:
    case LONG:
    default:
        return count_units;
    }
}

static const char *form_of(enum kind kind)
{
    switch (kind) {
    case RATE:
        return "bit/s, such as 250k or 1.5M";
    case BYTES:
        return "bytes, such as 1500 or 64k";
    case TIME:
    case RTT:
        return "a time with its unit, such as 100ms, 250us or 1.5s";
    case SHARE:
        return "a share, such as 10%, 0.5% or 300ppm";
    case FLAG:
        return "on or off";
    case LONG:
        return "lose or fragment";
    case COUNT:
    default:
        return "a whole number";
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits, then perhaps a point and digits, of s; *rest is what follows. The
 * number is digits / 10^places; at most 18 digits. */
static bool take_digits(struct selv_bytes s, uint64_t *digits, unsigned *places,
                        struct selv_bytes *rest)
{
    size_t i = 0;
    size_t count = 0;
    bool has_point = false;
    *digits = 0;
    *places = 0;
    for (; i < s.len; i++) {
        char c = (char)s.p[i];
        if (c == '.' && !has_point && count > 0) {
            has_point = true;
            continue;
        }
        if (!is_digit(c)) {
            break;
        }
        count++;
        *digits = *digits * 10 + (uint64_t)(c - '0');
        *places += has_point;
        if (count > 18) {
            return false;
        }
    }
    *rest = selv_bytes(s.p + i, s.len - i);
    return count > 0 && s.p[i - 1] != '.';
}

static bool is_text(struct selv_bytes s, const char *text)
{
    return s.len == strlen(text) &&
           (s.len == 0 || memcmp(s.p, text, s.len) == 0);
}

/* A number with its unit, exactly: 0.15ppm is refused, not rounded. */
static bool take_number(enum kind kind, struct selv_bytes s, uint64_t *value)
{
    struct selv_bytes name;
    uint64_t digits;
    unsigned places;
    if (!take_digits(s, &digits, &places, &name)) {
        return false;
    }
    const struct unit *u = units_of(kind);
    while (u->name != NULL && !is_text(name, u->name)) {
        u++;
    }
    uint64_t scale = u->scale;
    if (u->name == NULL) {
        scale = name.len == 0 && digits == 0; /* 0 needs no unit */
    }
    for (; places > 0 && digits % 10 == 0; places--) {
        digits /= 10;
    }
    for (; places > 0 && scale % 10 == 0; places--) {
        scale /= 10;
    }
    if (places > 0 || scale == 0 || digits > UINT64_MAX / scale) {
        return false;
    }
    *value = digits * scale;
    return true;
}

static bool take_word(struct selv_bytes s, const char *yes, const char *no,
                      uint64_t *value)
{
    *value = is_text(s, yes);
    return *value || is_text(s, no);
}

static bool take_value(enum kind kind, struct selv_bytes s, uint64_t *value)
{
    switch (kind) {
    case FLAG:
        return take_word(s, "on", "off", value);
    case LONG:
        return take_word(s, "fragment", "lose", value);
    case RATE:
    case BYTES:
    case TIME:
    case SHARE:
    case COUNT:
    case RTT:
    default:
        return take_number(kind, s, value);
    }
}

/* ---- reading ------------------------------------------------------------ */

struct reader {
    struct sim_link_config *config;
    uint64_t seen; /* a bit for each key */
    char *why;
};

#define MAKE_WHY(r, ...) snprintf((r)->why, SIM_LINK_WHY_LEN, __VA_ARGS__)

/* For words: what is printable, not too long. */
#define PIECE_LEN 33
static const char *piece_of(struct selv_bytes s, char out[static PIECE_LEN])
{
    size_t n = s.len < PIECE_LEN - 1 ? s.len : PIECE_LEN - 1;
    for (size_t i = 0; i < n; i++) {
        out[i] = s.p[i] > 0x20 && s.p[i] < 0x7f ? (char)s.p[i] : '?';
    }
    out[n] = 0;
    return out;
}

/* The part before the first c, and what follows it; false without c, when
 * head is all. */
static bool split(struct selv_bytes s, char c, struct selv_bytes *head,
                  struct selv_bytes *tail)
{
    const uint8_t *at = s.len > 0 ? memchr(s.p, c, s.len) : NULL;
    size_t n = at != NULL ? (size_t)(at - s.p) : s.len;
    *head = selv_bytes(s.p, n);
    *tail = at != NULL ? selv_bytes(at + 1, s.len - n - 1) : selv_bytes(s.p, 0);
    return at != NULL;
}

static bool read_value(struct reader *r, const struct key *k,
                       struct selv_bytes text, uint64_t *value)
{
    char piece[PIECE_LEN];
    if (!take_value(k->kind, text, value)) {
        MAKE_WHY(r, "%s=%s: not %s", k->name, piece_of(text, piece),
                 form_of(k->kind));
        return false;
    }
    if (*value > k->limit) {
        MAKE_WHY(r, "%s=%s: too large", k->name, piece_of(text, piece));
        return false;
    }
    return true;
}

static bool read_key(struct reader *r, size_t i, struct selv_bytes text)
{
    const struct key *k = &keys[i];
    struct selv_bytes part[2];
    uint64_t value[2];
    bool is_pair = split(text, '/', &part[0], &part[1]);
    if (is_pair && !k->is_way) {
        MAKE_WHY(r, "%s: is not one for each direction", k->name);
        return false;
    }
    if (!read_value(r, k, part[0], &value[0]) ||
        (is_pair && !read_value(r, k, part[1], &value[1]))) {
        return false;
    }
    if (!is_pair) {
        value[1] = value[0];
    }
    if (k->kind == RTT) {
        r->config->way[SIM_LINK_UP].delay_us = (uint32_t)(value[0] / 2);
        r->config->way[SIM_LINK_DOWN].delay_us =
            (uint32_t)(value[0] - value[0] / 2);
        return true;
    }
    for (int way = 0; way < (k->is_way ? 2 : 1); way++) {
        field_set(r->config, k, way, value[way]);
    }
    return true;
}

static bool read_pair(struct reader *r, struct selv_bytes name,
                      struct selv_bytes value)
{
    char piece[PIECE_LEN];
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (!is_text(name, keys[i].name)) {
            continue;
        }
        uint64_t bit = (uint64_t)1 << (i == KEY_RTT ? KEY_DELAY : i);
        if (r->seen & bit) {
            MAKE_WHY(r, "%s: given twice%s", keys[i].name,
                     bit == (uint64_t)1 << KEY_DELAY ? " (rtt is delay twice)"
                                                     : "");
            return false;
        }
        r->seen |= bit;
        return read_key(r, i, value);
    }
    MAKE_WHY(r, "no such key: %s", piece_of(name, piece));
    return false;
}

static bool read_all(struct reader *r, struct selv_bytes text)
{
    bool is_more = text.len > 0;
    while (is_more) {
        struct selv_bytes item;
        struct selv_bytes name;
        struct selv_bytes value;
        char piece[PIECE_LEN];
        is_more = split(text, ',', &item, &text);
        if (item.len == 0) {
            MAKE_WHY(r, "nothing between two commas, or at an end");
            return false;
        }
        if (!split(item, '=', &name, &value)) {
            MAKE_WHY(r, "%s: neither KEY=VALUE nor a preset at the head",
                     piece_of(item, piece));
            return false;
        }
        if (!read_pair(r, name, value)) {
            return false;
        }
    }
    return true;
}

/* A preset at the head of the text; it is taken away. False: its text was not
 * understood, which is our mistake. */
static bool read_preset(struct reader *r, struct selv_bytes *text)
{
    struct selv_bytes item;
    struct selv_bytes rest;
    bool is_more = split(*text, ',', &item, &rest);
    for (size_t i = 0; i < sim_link_preset_count; i++) {
        if (is_text(item, presets[i].name)) {
            const char *all = presets[i].text;
            bool is_good = read_all(r, selv_bytes(all, strlen(all)));
            r->seen = 0;
            if (is_more && rest.len == 0) {
                MAKE_WHY(r, "nothing after the last comma");
                return false;
            }
            *text = rest;
            return is_good;
        }
    }
    return true;
}

bool sim_link_parse(const char *text, struct sim_link_config *config,
                    char why[static SIM_LINK_WHY_LEN])
{
    struct reader r = {config, 0, why};
    struct selv_bytes rest = selv_bytes(text, strlen(text));
    why[0] = 0;
    sim_link_defaults(config);
    return read_preset(&r, &rest) && read_all(&r, rest) &&
           sim_link_check(config, why);
}

/* ---- writing ------------------------------------------------------------ */

struct writer {
    char *text;
    size_t len;
};

static void write_text(struct writer *w, const char *piece)
{
    size_t n = strlen(piece);
    if (w->len + n < SIM_LINK_TEXT_LEN) {
        memcpy(w->text + w->len, piece, n + 1);
        w->len += n;
    }
}

static void write_value(struct writer *w, enum kind kind, uint64_t value)
{
    char text[40];
    if (kind == FLAG) {
        write_text(w, value ? "on" : "off");
        return;
    }
    if (kind == LONG) {
        write_text(w, value ? "fragment" : "lose");
        return;
    }
    const struct unit *u = units_of(kind);
    const struct unit *best = u;
    for (; u->name != NULL; u++) {
        if (value != 0 && value % u->scale == 0) {
            best = u;
        }
    }
    snprintf(text, sizeof text, "%" PRIu64 "%s", value / best->scale,
             best->name);
    write_text(w, text);
}

void sim_link_text(const struct sim_link_config *config,
                   char text[static SIM_LINK_TEXT_LEN])
{
    struct sim_link_config plain;
    struct writer w = {text, 0};
    text[0] = 0;
    sim_link_defaults(&plain);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct key *k = &keys[i];
        if (k->kind == RTT) {
            continue;
        }
        uint64_t up = field_get(config, k, 0);
        uint64_t down = field_get(config, k, 1);
        if (up == field_get(&plain, k, 0) && down == field_get(&plain, k, 1)) {
            continue;
        }
        write_text(&w, w.len > 0 ? "," : "");
        write_text(&w, k->name);
        write_text(&w, "=");
        write_value(&w, k->kind, up);
        if (up != down) {
            write_text(&w, "/");
            write_value(&w, k->kind, down);
        }
    }
}
