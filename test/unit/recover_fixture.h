/* SPDX-License-Identifier: Apache-2.0
 *
 * A device in recovery, the other end of its line, and the line between them,
 * which may be made to fail. */
#ifndef TEST_RECOVER_FIXTURE_H
#define TEST_RECOVER_FIXTURE_H

#include "boot_fixture.h"

#include "boot/recover.h"
#include "serial/recovery.h"

enum { FRAME_CAP = 160, WIRE_MAX = 2 * FRAME_CAP + 2, TRIES = 4 };

enum fault { NONE, LOSE, DOUBLE, FLIP, CUT_OFF, LATE, FAULT_COUNT };

enum { TO_DEVICE, TO_HOST };

struct line {
    struct bench *b;
    struct selv_recover r;
    uint8_t device_frame[FRAME_CAP], host_frame[FRAME_CAP];
    uint8_t envelope[SELV_SUIT_ENVELOPE_MAX];
    struct selv_serial host;
    uint8_t number; /* of the question */
    bool has_booted;

    /* What goes wrong: one frame, or the power at one byte. */
    enum fault fault;
    int fault_to;
    unsigned fault_at, frame_count[2];
    uint32_t reset_at, byte_count;
    uint32_t fail_seed;
    uint8_t late[2][WIRE_MAX];
    size_t late_len[2];
};

/* Only what a recovery may write. */
static inline void line_protect(struct line *l)
{
    struct selv_vflash *v = &l->b->d.v;
    const struct selv_layout *layout = &l->b->d.layout;
    selv_vflash_protect(v, 0, v->flash.size, true);
    if (layout->marks_len > 0) { /* a move may be brought to its end */
        selv_vflash_protect(v, layout->marks_off,
                            v->flash.size - layout->marks_off, false);
    }
    for (int i = 0; i < SELV_SLOT_COUNT; i++) {
        const struct selv_slot_place *slot = &layout->slot[i];
        selv_vflash_protect(v, slot->envelope_off, slot->envelope_len, false);
        selv_vflash_protect(v, slot->image_off, slot->image_len, false);
        if (l->r.is_lost || l->b->strategy != NULL) {
            selv_vflash_protect(v, layout->journal_off[i], v->flash.sector_len,
                                false);
        }
    }
}

/* Power on: boot, and what does not boot is in recovery. */
static inline void line_power_on(struct line *l)
{
    l->late_len[TO_DEVICE] = 0;
    l->has_booted = bench_boot(l->b, SELV_RESET_POWER_ON);
    if (l->has_booted) {
        return;
    }
    selv_recover_init(&l->r, &l->b->boot,
                      (enum selv_err)l->b->record.refused_reason, 0,
                      (struct selv_buf){l->envelope, sizeof l->envelope, 0},
                      l->device_frame, sizeof l->device_frame);
    line_protect(l);
}

static inline void line_open(struct line *l, struct bench *b)
{
    memset(l, 0, sizeof *l);
    l->b = b;
    l->reset_at = UINT32_MAX;
    selv_serial_init(&l->host, l->host_frame, sizeof l->host_frame);
    line_power_on(l);
}

/* Bytes of one frame reach the device; the answers' bytes are put in out. */
static inline size_t device_take(struct line *l, const uint8_t *p, size_t len,
                                 uint8_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int c;
        if (l->byte_count++ == l->reset_at) {
            line_power_on(l);
        }
        if (l->has_booted) {
            continue;
        }
        selv_recover_feed(&l->r, p[i]);
        while ((c = selv_recover_poll(&l->r)) >= 0) {
            assert_true(n < WIRE_MAX);
            out[n++] = (uint8_t)c;
        }
        if (l->b->d.v.is_off || selv_recover_is_over(&l->r)) {
            n = l->b->d.v.is_off ? 0 : n;
            line_power_on(l);
        }
    }
    return n;
}

/* What the line makes of a frame: pieces that arrive, one after the other. */
static inline size_t pass(struct line *l, int to, const uint8_t *p, size_t len,
                          uint8_t *out)
{
    bool is_hit = l->fault != NONE && l->fault_to == to &&
                  l->frame_count[to]++ == l->fault_at;
    size_t n = 0;
    if (!is_hit) {
        memcpy(out, p, len);
        n = len;
    } else if (l->fault == DOUBLE) {
        memcpy(out, p, len);
        memcpy(out + len, p, len);
        n = 2 * len;
    } else if (l->fault == FLIP) {
        memcpy(out, p, len);
        out[(l->fail_seed * 7u) % len] ^= (uint8_t)(1u << l->fail_seed % 8u);
        n = len;
    } else if (l->fault == CUT_OFF) {
        n = l->fail_seed % len;
        memcpy(out, p, n);
    }
    /* A frame that is late comes behind the next one. */
    memcpy(out + n, l->late[to], l->late_len[to]);
    n += l->late_len[to];
    l->late_len[to] = 0;
    if (is_hit && l->fault == LATE) {
        memcpy(l->late[to], p, len);
        l->late_len[to] = len;
        n = 0;
    }
    return n;
}

/* One question, up to TRIES times. The answer's type, its payload in the host's
 * frame behind the head; -1: no answer. */
static inline int ask(struct line *l, enum selv_recovery_type type,
                      const uint8_t *payload, size_t len)
{
    uint8_t frame[WIRE_MAX], arrives[2 * WIRE_MAX], answer[3 * WIRE_MAX],
        back[6 * WIRE_MAX];
    size_t n = 0;
    int c;
    l->number++;
    l->host_frame[0] = (uint8_t)type;
    l->host_frame[1] = l->number;
    assert_true(SELV_SERIAL_HEAD_LEN + len + 4 <= sizeof l->host_frame);
    if (len > 0) {
        memcpy(l->host_frame + SELV_SERIAL_HEAD_LEN, payload, len);
    }
    selv_serial_send(&l->host, SELV_SERIAL_HEAD_LEN + len);
    while ((c = selv_serial_poll(&l->host)) >= 0) {
        frame[n++] = (uint8_t)c;
    }
    for (int i = 0; i < TRIES; i++) {
        size_t m = pass(l, TO_DEVICE, frame, n, arrives);
        m = device_take(l, arrives, m, answer);
        m = m > 0 ? pass(l, TO_HOST, answer, m, back) : 0;
        for (size_t k = 0; k < m; k++) {
            if (selv_serial_feed(&l->host, back[k]) &&
                l->host_frame[1] == l->number) {
                return l->host_frame[0];
            }
        }
    }
    return -1;
}

static inline const uint8_t *answered(const struct line *l)
{
    return l->host_frame + SELV_SERIAL_HEAD_LEN;
}

static inline enum selv_err refusal(const struct line *l)
{
    return (enum selv_err)(answered(l)[0] << 8 | answered(l)[1]);
}

/* The envelope, in pieces. Type of the last answer. */
static inline int send_envelope(struct line *l, const uint8_t *p, size_t total)
{
    uint8_t piece[FRAME_CAP];
    size_t off = 0;
    int type = -1;
    while (off < total) {
        size_t n = total - off < 100 ? total - off : 100;
        piece[0] = (uint8_t)(off >> 8);
        piece[1] = (uint8_t)off;
        piece[2] = (uint8_t)(total >> 8);
        piece[3] = (uint8_t)total;
        memcpy(piece + 4, p + off, n);
        type = ask(l, SELV_RECOVERY_ENVELOPE, piece, n + 4);
        if (type != SELV_RECOVERY_MORE) {
            return type;
        }
        assert_int_equal(answered(l)[0] << 8 | answered(l)[1], off + n);
        off += n;
    }
    return type;
}

/* From what the device has to the last byte. Type of the last answer; skipped:
 * bytes that it had. */
static inline int send_image(struct line *l, const uint8_t *image,
                             uint32_t *skipped)
{
    const uint8_t *p = answered(l);
    uint32_t size = selv_get_be32(p + SELV_RECOVERY_IMAGE_SIZE);
    uint32_t next = selv_get_be32(p + SELV_RECOVERY_IMAGE_NEXT);
    uint32_t len = selv_get_be32(p + SELV_RECOVERY_IMAGE_SECTOR);
    uint8_t piece[FRAME_CAP];
    int type = SELV_RECOVERY_NEXT;
    bool is_same = true;
    *skipped = next;
    while (type == SELV_RECOVERY_NEXT && next < size) {
        size_t n = 4;
        uint32_t was = next;
        bool is_asked = is_same && len > 0;
        selv_put_be32(piece, next);
        if (is_asked) {
            struct selv_sha256 hash;
            selv_sha256_init(&hash);
            selv_sha256_update(&hash, image + next, len);
            selv_sha256_finish(&hash, piece + 4);
            n += 32;
        } else {
            uint32_t bytes = size - next < 128 ? size - next : 128;
            memcpy(piece + 4, image + next, bytes);
            n += bytes;
        }
        type = ask(l, is_asked ? SELV_RECOVERY_HAVE : SELV_RECOVERY_DATA, piece,
                   n);
        if (type != SELV_RECOVERY_NEXT) {
            return type;
        }
        next = selv_get_be32(answered(l));
        len = selv_get_be32(answered(l) + 4);
        if (is_asked) {
            is_same = next > was;
            *skipped = next;
        }
    }
    return type;
}

/* A whole session with a release: SELV_OK when the device says that it boots
 * now, SELV_ERR_END when it does not answer (any more), else what it said. */
static inline enum selv_err
session(struct line *l, const struct selv_release *release, uint32_t *skipped)
{
    static const uint8_t version[] = {SELV_RECOVERY_VERSION};
    int type = ask(l, SELV_RECOVERY_HELLO, version, sizeof version);
    *skipped = 0;
    if (type == SELV_RECOVERY_INFO) {
        type = send_envelope(l, release->envelope, release->envelope_len);
    }
    if (type == SELV_RECOVERY_IMAGE) {
        /* Of a release's images the one that the device asks for. */
        int i = memcmp(answered(l) + SELV_RECOVERY_IMAGE_DIGEST,
                       release->image_digest[0], 32) == 0
                    ? 0
                    : 1;
        assert_memory_equal(answered(l) + SELV_RECOVERY_IMAGE_DIGEST,
                            release->image_digest[i], 32);
        type = send_image(l, release->image[i], skipped);
    }
    if (type == SELV_RECOVERY_NEXT) {
        type = ask(l, SELV_RECOVERY_DONE, NULL, 0);
    }
    if (type == SELV_RECOVERY_ENDED) {
        type = ask(l, SELV_RECOVERY_BOOT, NULL, 0);
    }
    if (type == SELV_RECOVERY_REFUSED) {
        return refusal(l);
    }
    return type == SELV_RECOVERY_ENDED ? SELV_OK : SELV_ERR_CBOR_END;
}

/* Sessions until the device boots, as somebody would who does not give up. */
static inline void insist(struct line *l, const struct selv_release *release)
{
    uint32_t skipped;
    for (int i = 0; i < 6 && !l->has_booted; i++) {
        (void)session(l, release, &skipped);
    }
    assert_true(l->has_booted);
}

#endif
