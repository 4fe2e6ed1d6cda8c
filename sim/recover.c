/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/recover.c - see sim/recover.h. */
#include "sim/recover.h"

#include <stdio.h>

#include "boot/recover.h"
#include "serial/recovery.h"
#include "store/journal.h"

enum { FRAME_CAP = 1100, SESSIONS_MAX = 2, PIECE_MAX = 1024 };

static bool fail(struct sim_world *w, const char *words)
{
    snprintf(w->fault, sizeof w->fault, "recovery: %s (floor %llu)", words,
             (unsigned long long)w->floor);
    return false;
}

/* ---- ruin ------------------------------------------------------------------
 */

static void junk(struct sim_world *w, uint32_t off, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)(i * 11 + 5);
        selv_vflash_poke(&w->v, off + i, &byte, 1);
    }
}

/* Two bits of the image: one bit that is read wrong must not mend it. */
static void rot(struct sim_world *w, uint8_t slot)
{
    uint32_t off = w->layout.slot[slot].image_off + 40;
    uint8_t byte = w->mem[off] ^ 0x24;
    selv_vflash_poke(&w->v, off, &byte, 1);
}

/* The new release lies where updates go, and is asked for. */
static bool ask(struct sim_world *w)
{
    const struct selv_release *new = &w->releases->new;
    uint8_t slot = sim_has_loader(w) ? SELV_SLOT_A : SELV_SLOT_B;
    struct selv_log log = {.state = SELV_LOG_TRIAL, .slot = slot};
    memcpy(log.digest, new->digest, 32);
    selv_vflash_protect(&w->v, 0, w->v.flash.size, false);
    return selv_release_install(new, &w->v.flash, &w->layout, slot) ==
               SELV_OK &&
           selv_log_write(&w->v.flash, &w->layout, &log) == SELV_OK;
}

/* One boot, of which operation cut_op is the last. */
static bool boot_until(struct sim_world *w, uint32_t cut_op)
{
    selv_vflash_power_on(&w->v);
    w->v.cut_op = cut_op;
    w->v.cut_way = 1;
    if (setjmp(w->on_cut) != 0) {
        return false;
    }
    return sim_world_boot(w, SELV_RESET_POWER_ON);
}

/* Operations of the move, from the state that is there; it is left in the
 * middle. */
static bool move_half(struct sim_world *w)
{
    struct sim_state s;
    if (!sim_state_open(&s, w)) {
        return false;
    }
    sim_state_save(&s, w);
    bool is_good = boot_until(w, SELV_VFLASH_NO_CUT);
    uint32_t count = w->v.op_count;
    sim_state_load(&s, w);
    sim_state_close(&s);
    return is_good && !boot_until(w, count / 2);
}

bool sim_recover_ruin(struct sim_world *w)
{
    const struct sim_strategy *strategy = w->releases->strategy;
    const struct selv_layout *l = &w->layout;
    uint32_t sector = w->v.flash.sector_len;
    if (!boot_until(w, SELV_VFLASH_NO_CUT)) {
        return fail(w, "the device does not boot before it is ruined");
    }
    w->accepted = w->record.accepted;
    w->floor = w->record.floor;
    bool is_good = true;
    if (w->flow == SIM_FLOW_RECOVER) {
        is_good = ask(w) &&
                  (strategy->is_in_place ? move_half(w)
                                         : boot_until(w, SELV_VFLASH_NO_CUT));
    } else {
        junk(w, l->journal_off[0], sector);
        junk(w, l->journal_off[1], sector);
    }
    rot(w, SELV_SLOT_A);
    if (strategy->is_in_place) {
        uint32_t from = l->slot[SELV_SLOT_B].envelope_off - l->spare_len;
        junk(w, from, w->v.flash.size - from);
    } else {
        rot(w, SELV_SLOT_B);
    }
    if (!is_good || boot_until(w, SELV_VFLASH_NO_CUT)) {
        return fail(w, "the device is not to be ruined");
    }
    selv_vflash_power_on(&w->v);
    w->is_ruined = true;
    return true;
}

/* ---- a session -------------------------------------------------------------
 */

/* Both ends of the line. */
struct line {
    struct selv_recover r;
    struct selv_serial host;
    uint8_t device_frame[FRAME_CAP], host_frame[FRAME_CAP];
    uint8_t envelope[SELV_SUIT_ENVELOPE_MAX];
    uint8_t number; /* of the question */
};

static void protect(struct sim_world *w, const struct selv_recover *r)
{
    struct selv_vflash *v = &w->v;
    const struct selv_layout *l = &w->layout;
    bool is_single = w->releases->strategy->is_in_place || sim_has_loader(w);
    selv_vflash_protect(v, 0, v->flash.size, true);
    for (int i = 0; i < SELV_SLOT_COUNT; i++) {
        const struct selv_slot_place *slot = &l->slot[i];
        selv_vflash_protect(v, slot->envelope_off, slot->envelope_len, false);
        selv_vflash_protect(v, slot->image_off, slot->image_len, false);
        if (r->is_lost || is_single) {
            selv_vflash_protect(v, l->journal_off[i], v->flash.sector_len,
                                false);
        }
    }
    if (l->marks_len > 0) {
        selv_vflash_protect(v, l->marks_off, v->flash.size - l->marks_off,
                            false);
    }
}

/* The answer's type; its payload is in the host's frame behind the head. */
static int ask_device(struct line *l, enum selv_recovery_type type,
                      const void *payload, size_t len)
{
    uint8_t wire[2 * FRAME_CAP + 2];
    size_t n = 0;
    int c, answer = -1;
    l->host_frame[0] = (uint8_t)type;
    l->host_frame[1] = ++l->number;
    if (len > 0) {
        memcpy(l->host_frame + SELV_SERIAL_HEAD_LEN, payload, len);
    }
    selv_serial_send(&l->host, SELV_SERIAL_HEAD_LEN + len);
    while ((c = selv_serial_poll(&l->host)) >= 0) {
        wire[n++] = (uint8_t)c;
    }
    for (size_t i = 0; i < n; i++) {
        selv_recover_feed(&l->r, wire[i]);
        while ((c = selv_recover_poll(&l->r)) >= 0) {
            if (selv_serial_feed(&l->host, (uint8_t)c)) {
                answer = l->host_frame[0];
            }
        }
    }
    return answer;
}

static const uint8_t *answered(const struct line *l)
{
    return l->host_frame + SELV_SERIAL_HEAD_LEN;
}

static int send_envelope(struct line *l, const struct selv_release *release)
{
    uint8_t piece[PIECE_MAX + SELV_RECOVERY_ENVELOPE_HEAD];
    uint32_t total = release->envelope_len, n;
    int type = -1;
    for (uint32_t off = 0; off < total; off += n) {
        n = total - off < PIECE_MAX ? total - off : (uint32_t)PIECE_MAX;
        piece[0] = (uint8_t)(off >> 8);
        piece[1] = (uint8_t)off;
        piece[2] = (uint8_t)(total >> 8);
        piece[3] = (uint8_t)total;
        memcpy(piece + SELV_RECOVERY_ENVELOPE_HEAD, release->envelope + off, n);
        type = ask_device(l, SELV_RECOVERY_ENVELOPE, piece,
                          n + SELV_RECOVERY_ENVELOPE_HEAD);
        if (type != SELV_RECOVERY_MORE) {
            return type;
        }
    }
    return type;
}

/* All of it from the start: that sectors are not sent again is for unit
 * tests. */
static int send_image(struct line *l, const struct selv_release *release)
{
    uint8_t piece[PIECE_MAX + SELV_RECOVERY_DATA_HEAD];
    const uint8_t *p = answered(l);
    uint8_t slot = p[SELV_RECOVERY_IMAGE_SLOT];
    uint32_t size = selv_get_be32(p + SELV_RECOVERY_IMAGE_SIZE);
    uint32_t next = selv_get_be32(p + SELV_RECOVERY_IMAGE_NEXT);
    int type = SELV_RECOVERY_NEXT;
    while (type == SELV_RECOVERY_NEXT && next < size) {
        uint32_t n = size - next < PIECE_MAX ? size - next : PIECE_MAX;
        selv_put_be32(piece, next);
        memcpy(piece + SELV_RECOVERY_DATA_HEAD, release->image[slot] + next, n);
        type = ask_device(l, SELV_RECOVERY_DATA, piece,
                          n + SELV_RECOVERY_DATA_HEAD);
        if (type == SELV_RECOVERY_NEXT) {
            next = selv_get_be32(answered(l));
        }
    }
    return type;
}

/* True: the device is to reset and boot. */
static bool session(struct line *l, const struct selv_release *release)
{
    static const uint8_t version[] = {SELV_RECOVERY_VERSION};
    int type = ask_device(l, SELV_RECOVERY_HELLO, version, sizeof version);
    if (type == SELV_RECOVERY_INFO) {
        type = send_envelope(l, release);
    }
    if (type == SELV_RECOVERY_IMAGE) {
        type = send_image(l, release);
    }
    if (type == SELV_RECOVERY_NEXT) {
        type = ask_device(l, SELV_RECOVERY_DONE, NULL, 0);
    }
    if (type == SELV_RECOVERY_ENDED) {
        type = ask_device(l, SELV_RECOVERY_BOOT, NULL, 0);
    }
    return type == SELV_RECOVERY_ENDED;
}

bool sim_recover_run(struct sim_world *w)
{
    static struct line line; /* of one world at a time: too large for a stack */
    struct line *l = &line;
    memset(l, 0, sizeof *l);
    selv_serial_init(&l->host, l->host_frame, sizeof l->host_frame);
    selv_vflash_protect(&w->v, 0, w->v.flash.size, true);
    selv_recover_init(&l->r, &w->boot, (enum selv_err)w->record.refused_reason,
                      0, (struct selv_buf){l->envelope, sizeof l->envelope, 0},
                      l->device_frame, sizeof l->device_frame);
    uint32_t ops = w->v.op_count;
    if (session(l, &w->releases->older) || w->v.op_count != ops) {
        return fail(w, "a manifest below the floor was taken");
    }
    protect(w, &l->r);
    for (int i = 0; i < SESSIONS_MAX; i++) {
        if (session(l, &w->releases->newest)) {
            return true;
        }
    }
    return true; /* the other end switches the device off and on */
}

bool sim_recover_check(struct sim_world *w)
{
    const struct selv_boot_record *r = &w->record;
    if (r->is_trial || r->floor != w->releases->old.sequence) {
        return fail(w, "what was sent counts as confirmed, or on trial");
    }
    w->accepted = r->accepted;
    return true;
}
