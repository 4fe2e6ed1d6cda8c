/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_server_front.c - datagrams from several addresses, none of which need be
 * its sender's, through all of the server but its sockets: the loop, the
 * database, the thread that writes (test/unit/server_world.h).
 *
 * Whatever comes:
 *   - addresses of a network that have not echoed get no more than its budget
 *     holds beyond three bytes for one, notifications included
 *   - rows change only by a POST that says something valid, and no more of
 *     them than there were such
 *   - what is answered 2.01 or 2.04 is in the database then
 *   - what goes out is a CoAP message that fits one datagram; what waits is
 *     bounded
 *
 * Input: records, the first byte of which says what (bits 0 to 2) and who (the
 * rest, modulo PEERS):
 *   0  raw: len (1), then len bytes: a datagram
 *   1  time: 1 to 16 ms (bits 0 to 3), shifted (bits 4 to 7)
 *   2  a request: path, method, what is in it; device and options; block
 *   3  the latest request of that address once more, as it was
 *   4  what is owed to its latest notification: ACK or Reset (bit 0)
 *   5  a release, of an envelope of one of ENVELOPES lengths
 *   6  somebody else takes the database, or lets it go
 *   7  the latest request, with the latest Echo, as a new one */
#include <stdlib.h>

#include "test/unit/server_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PEERS 7u
#define NETWORKS 3u
#define DEVICES 8u
#define DEVICES_MAX 6u
#define RATE 256u /* bytes a second, of which 16 seconds' worth are there */
#define ENVELOPES 4u
#define RELEASES_MAX 12u
#define VALUES 16u /* Echoes of an address that are looked for */
#define ECHO_LEN SELV_COAP_ECHO_OURS

struct peer {
    struct selv_coap_peer p;
    unsigned network;
    bool is_proven;
    uint8_t values[VALUES][ECHO_LEN];
    unsigned value_count;
    uint16_t con; /* the latest notification */
    bool has_con;
    uint8_t asked[WORLD_DATAGRAM_MAX];
    size_t asked_len;
    uint8_t what[4]; /* of record 2 */
    bool has_what;
    uint16_t mid;
};

static struct {
    struct peer peers[PEERS];
    uint64_t spent[NETWORKS];
    char ids[DEVICES][17];
    uint8_t images[2][SELV_SHA256_LEN];
    /* The request at hand; NULL: none, but what it has led to. */
    const struct peer *from;
    size_t asked_len;
    bool has_parked;  /* since the loop was at rest */
    uint64_t valid;   /* requests that may have something written */
    uint64_t answers; /* 2.04, each once */
    uint16_t answered[PEERS][64];
    unsigned answered_count[PEERS];
    unsigned releases;
} f;

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* ---- what goes out ------------------------------------------------------ */

static struct peer *peer_find(const struct selv_coap_peer *p)
{
    for (unsigned i = 0; i < PEERS; i++) {
        if (f.peers[i].p.len == p->len &&
            memcmp(f.peers[i].p.addr, p->addr, p->len) == 0) {
            return &f.peers[i];
        }
    }
    abort();
}

/* What is answered is there. */
static void row_check(struct peer *to, const struct selv_coap_msg *m)
{
    uint8_t id[8];
    unsigned at = (unsigned)(to - f.peers);
    if (m->code == SELV_COAP_CREATED) {
        must(m->payload.len == 16 && selv_name_decode(m->payload, id, 8) &&
             world_has(id));
        if (m->token.len == 2) {
            memcpy(f.ids[m->token.p[1] % DEVICES], m->payload.p, 16);
        }
    } else if (m->code == SELV_COAP_CHANGED && m->type == SELV_COAP_ACK) {
        for (unsigned i = 0; i < f.answered_count[at]; i++) {
            if (f.answered[at][i] == m->mid) {
                return; /* a copy's answer */
            }
        }
        if (f.answered_count[at] < 64) {
            f.answered[at][f.answered_count[at]++] = m->mid;
            f.answers++;
        }
        must(world_count("reports") >= (f.answers < 40 ? f.answers : 40));
    }
}

static void on_reply(const struct world_reply *reply)
{
    struct selv_coap_msg m;
    struct selv_bytes echo;
    struct peer *to = peer_find(&reply->to);
    must(reply->len >= 4 && reply->len <= 1200);
    must(selv_coap_parse(selv_bytes(reply->p, reply->len), &m) == SELV_OK);
    /* Requests that were parked have up to so many bytes. */
    size_t asked = f.has_parked ? SELV_COAP_API_PARKED_LEN : f.asked_len;
    bool is_told = m.type == SELV_COAP_CON;
    if (is_told) {
        to->con = m.mid;
        to->has_con = true;
    } else {
        must(to == f.from || f.has_parked || reply->len <= SELV_REFLECT_SHORT);
    }
    if (!to->is_proven && reply->len > SELV_REFLECT_SHORT &&
        (is_told || reply->len > SELV_COAP_ECHO_FACTOR * asked)) {
        f.spent[to->network] += reply->len;
    }
    if (selv_coap_opt_find(&m, SELV_COAP_OPT_ECHO, &echo) &&
        echo.len == ECHO_LEN) {
        memcpy(to->values[to->value_count++ % VALUES], echo.p, ECHO_LEN);
    }
    row_check(to, &m);
}

/* ---- what comes in ------------------------------------------------------ */

/* Whether the address shows with this that it is there. */
static void proof_look(struct peer *p, struct selv_bytes in)
{
    unsigned count = p->value_count < VALUES ? p->value_count : VALUES;
    for (unsigned i = 0; i < count; i++) {
        for (size_t at = 0; at + ECHO_LEN <= in.len; at++) {
            p->is_proven =
                p->is_proven || memcmp(in.p + at, p->values[i], ECHO_LEN) == 0;
        }
    }
    if (in.len == 4 && (in.p[0] >> 4 & 3) == SELV_COAP_ACK && p->has_con &&
        (in.p[2] << 8 | in.p[3]) == p->con) {
        p->is_proven = true;
    }
}

/* Whether a row may come of it: of a body in blocks, of each last one. */
static bool is_valid(struct selv_bytes in)
{
    struct selv_coap_msg m;
    struct selv_profile profile;
    struct selv_status status;
    const char *where;
    if (selv_coap_parse(in, &m) || m.code != SELV_COAP_POST) {
        return false;
    }
    bool is_reg = selv_coap_path_match(&m, "reg", NULL);
    if (!is_reg && !selv_coap_path_match(&m, "s", NULL)) {
        return false;
    }
    if ((m.has & SELV_COAP_HAS_BLOCK1) != 0) {
        return !m.block1.more;
    }
    return is_reg ? selv_profile_decode(m.payload, &profile, &where) == SELV_OK
                  : selv_status_decode(m.payload, &status, &where) == SELV_OK;
}

static void come(struct peer *p, struct selv_bytes in)
{
    proof_look(p, in);
    f.valid += is_valid(in);
    f.from = p;
    f.asked_len = in.len;
    world_udp(&p->p, in);
    f.from = NULL;
    f.asked_len = 0;
    f.has_parked = f.has_parked || world.api->parked_count > 0;
}

static void keep(struct peer *p, struct selv_bytes in)
{
    p->asked_len = in.len < sizeof p->asked ? in.len : sizeof p->asked;
    if (p->asked_len > 0) {
        memcpy(p->asked, in.p, p->asked_len);
    }
}

static void path_put(struct selv_coap_writer *w, uint8_t which)
{
    static const char *const paths[8] = {
        "m", NULL, NULL, "reg", "s", ".well-known/core", "i/00", "nothing"};
    char text[80] = "i/";
    if (which == 1 || which == 2) {
        selv_name_encode(f.images[which - 1], SELV_SHA256_LEN, text + 2);
        selv_coap_write_path(w, selv_bytes(text, 66));
    } else {
        selv_coap_write_path(w, selv_bytes(paths[which], strlen(paths[which])));
    }
}

/* The body of a POST, whole or the block of it. */
static struct selv_bytes body_of(uint8_t path, uint8_t device, uint8_t state,
                                 struct selv_coap_block *block)
{
    static uint8_t body[512];
    size_t len = path == 3 ? world_profile(device, body, sizeof body)
                           : world_status(state % 13, body, sizeof body);
    if (block == NULL) {
        return selv_bytes(body, len);
    }
    size_t size = selv_coap_block_len(block->szx);
    size_t at = block->num * size < len ? block->num * size : len;
    block->more = len - at > size;
    return selv_bytes(body + at, block->more ? size : len - at);
}

/* what: [0] path, method, type, Block2, Block1; [1] device, Observe, ETag, a
 * critical option, the same message ID; [2] block. */
static void ask(struct peer *p, const uint8_t what[static 3],
                struct selv_bytes echo)
{
    static const uint8_t methods[4] = {SELV_COAP_GET, SELV_COAP_POST,
                                       SELV_COAP_PUT, SELV_COAP_FETCH};
    uint8_t token[2] = {what[0] & 7, what[1] & 7};
    uint8_t out[WORLD_DATAGRAM_MAX];
    struct selv_coap_writer w;
    struct selv_coap_block block = {what[2] >> 3, what[2] & 7, false};
    uint8_t path = what[0] & 7;
    uint8_t observe = what[1] >> 3 & 3;
    size_t len = 0;
    p->mid = (uint16_t)(p->mid + ((what[1] & 0x80) == 0));
    selv_coap_write_begin(&w, out, sizeof out,
                          (what[0] & 0x20) != 0 ? SELV_COAP_NON : SELV_COAP_CON,
                          methods[what[0] >> 3 & 3], p->mid,
                          selv_bytes(token, 2));
    if ((what[1] & 0x20) != 0) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_ETAG, selv_bytes(f.images, 8));
    }
    if (observe > 0) {
        selv_coap_write_uint(&w, SELV_COAP_OPT_OBSERVE, observe - 1u);
    }
    path_put(&w, path);
    if (path == 0 || path == 4) {
        char query[19] = "d=";
        memcpy(query + 2, f.ids[what[1] & 7], 16);
        selv_coap_write_opt(&w, SELV_COAP_OPT_URI_QUERY, selv_bytes(query, 18));
    }
    if ((what[0] & 0x40) != 0) {
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK2, &block);
    }
    bool has_body = path == 3 || path == 4;
    struct selv_coap_block *block1 = (what[0] & 0x80) != 0 ? &block : NULL;
    struct selv_bytes body = {NULL, 0};
    if (has_body) {
        body = body_of(path, what[1] & 7, what[2], block1);
    }
    if (block1 != NULL) {
        selv_coap_write_block(&w, SELV_COAP_OPT_BLOCK1, block1);
    }
    if ((what[1] & 0x40) != 0) { /* Q-Block2 */
        selv_coap_write_uint(&w, 31, what[2]);
    }
    if (echo.len > 0) {
        selv_coap_write_opt(&w, SELV_COAP_OPT_ECHO, echo);
    }
    selv_coap_write_payload(&w, body);
    if (selv_coap_write_end(&w, &len) == SELV_OK) {
        keep(p, selv_bytes(out, len));
        memcpy(p->what, what, 3);
        p->has_what = true;
        come(p, selv_bytes(out, len));
    }
}

static void confirm(struct peer *p, bool is_reset)
{
    uint8_t empty[4] = {(uint8_t)(is_reset ? 0x70 : 0x60), 0,
                        (uint8_t)(p->con >> 8), (uint8_t)p->con};
    if (p->has_con) {
        come(p, selv_bytes(empty, sizeof empty));
    }
}

static void release(uint8_t which)
{
    static const size_t lens[ENVELOPES] = {20, 200, 900, 3000};
    static uint8_t envelope[3000];
    if (f.releases < RELEASES_MAX && !world.is_held) {
        envelope[0] = (uint8_t)++f.releases;
        envelope[1] = which % ENVELOPES;
        world_release(f.releases,
                      selv_bytes(envelope, lens[which % ENVELOPES]));
    }
}

/* ---- one life ----------------------------------------------------------- */

static void end(void)
{
    world.on_reply = NULL;
    world_close();
}

static void open_once(void)
{
    static bool is_open;
    static uint8_t image[20000];
    if (!is_open) {
        is_open = true;
        world_open(RATE, true, DEVICES_MAX);
        world_blob(selv_bytes(image, 1500), f.images[0]);
        world_blob(selv_bytes(image, sizeof image), f.images[1]);
        atexit(end);
    }
}

static void life_begin(void)
{
    static const uint32_t four[4] = {0x0a000001, 0x0a0000fe, 0x7f000001,
                                     0x7f000002};
    uint8_t images[2][SELV_SHA256_LEN];
    memcpy(images, f.images, sizeof images);
    memset(&f, 0, sizeof f);
    memcpy(f.images, images, sizeof images);
    for (unsigned i = 0; i < PEERS; i++) {
        struct peer *p = &f.peers[i];
        p->network = i / 2 < NETWORKS ? i / 2 : NETWORKS - 1;
        if (i < 4) {
            p->p = world_peer(four[i], (uint16_t)(1000 + i));
        } else {
            p->p.len = 20; /* two hosts of a /48, and another port */
            memcpy(p->p.addr, "\x20\x01\x0d\xb8\x00\x07", 6);
            p->p.addr[15] = (uint8_t)(i < 6 ? i : 5);
            p->p.addr[17] = (uint8_t)i;
        }
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        memcpy(f.ids[i], "0000000000000000", 17);
    }
}

static void check(uint64_t changes)
{
    unsigned pending = 0;
    for (const struct selv_write *w = world.api->pending; w != NULL;
         w = w->mine) {
        pending++;
    }
    must(pending <= SELV_WRITES_MAX &&
         world.api->parked_count <= SELV_COAP_API_PARKED_MAX);
    uint64_t passed_ms = world_now_ms() - 1000000u;
    for (unsigned i = 0; i < NETWORKS; i++) {
        must(f.spent[i] <=
             RATE * (SELV_REFLECT_SECONDS + 1) + RATE * passed_ms / 1000);
    }
    if (world.is_held) {
        return;
    }
    world_pump();
    f.has_parked = false;
    if (world_changes() == changes) {
        return;
    }
    must(pending > 0);
    uint64_t devices = world_count("devices");
    must(devices <= DEVICES_MAX && devices + world_count("reports") <= f.valid);
}

/* One record; bytes of it. */
static size_t record(const uint8_t *p, size_t size)
{
    struct peer *from = &f.peers[(p[0] >> 3) % PEERS];
    size_t len;
    switch (p[0] & 7) {
    case 0:
        len = size > 1 ? p[1] : 0;
        len = len < size - 1 ? len : size - (size > 1 ? 2 : 1);
        if (size > 1) {
            keep(from, selv_bytes(p + 2, len));
            come(from, selv_bytes(p + 2, len));
        }
        return 2 + len;
    case 1:
        if (size > 1) {
            world_pass((uint64_t)((p[1] & 15u) + 1) << (p[1] >> 4));
        }
        return 2;
    case 2:
        if (size > 3) {
            ask(from, p + 1, selv_bytes(NULL, 0));
        }
        return 4;
    case 3:
        come(from, selv_bytes(from->asked, from->asked_len));
        return 1;
    case 4:
        if (size > 1) {
            confirm(from, (p[1] & 1) != 0);
        }
        return 2;
    case 5:
        if (size > 1) {
            release(p[1]);
        }
        return 2;
    case 6:
        if (world.is_held) {
            world_let_go();
        } else {
            world_hold();
        }
        return 1;
    default:
        if (from->has_what && from->value_count > 0) {
            from->what[1] &= 0x7f;
            ask(from, from->what,
                selv_bytes(from->values[(from->value_count - 1) % VALUES],
                           ECHO_LEN));
        }
        return 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0;
    open_once();
    world.on_reply = NULL;
    world_reset();
    life_begin();
    world.on_reply = on_reply;
    while (at < size) {
        uint64_t before = world_changes();
        bool publishes = (data[at] & 7) == 5;
        at += record(data + at, size - at);
        check(publishes ? world_changes() : before);
    }
    world_let_go();
    check(world_changes());
    return 0;
}
