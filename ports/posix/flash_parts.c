/* SPDX-License-Identifier: Apache-2.0
 *
 * The flash of a device with two partitions: factory data, records and
 * envelopes in the state folder's file, images in the partitions. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/uboot.h"

#define STATE_SIZE SELV_LAYOUT_DEFAULT_SIZE
#define SECTOR SELV_LAYOUT_DEFAULT_SECTOR
#define PART_MAX (2047u << 20) /* two of them are within 32 bits */

/* The partition of [off, off + len), and where in it; false: not in one. */
static bool find_part(const struct selv_posix_parts *p, uint32_t off,
                      uint32_t len, unsigned *slot, off_t *at)
{
    for (unsigned i = 0; i < SELV_SLOT_COUNT; i++) {
        const struct selv_slot_place *place = &p->layout.slot[i];
        if (off >= place->image_off &&
            off - place->image_off <= place->image_len &&
            len <= place->image_len - (off - place->image_off)) {
            *slot = i;
            *at = (off_t)(off - place->image_off);
            return true;
        }
    }
    return false;
}

static bool is_state(uint32_t off, uint32_t len)
{
    return off <= STATE_SIZE && len <= STATE_SIZE - off;
}

/* Whatever the state says of an image is true when it is read. */
static enum selv_err settle(struct selv_posix_parts *p)
{
    for (unsigned i = 0; i < SELV_SLOT_COUNT; i++) {
        if (p->is_dirty[i]) {
            if (fdatasync(p->fd[i]) != 0) {
                return SELV_ERR_FLASH_IO;
            }
            p->is_dirty[i] = false;
        }
    }
    return SELV_OK;
}

static enum selv_err parts_read(void *port, uint32_t off, void *to,
                                uint32_t len)
{
    const struct selv_posix_parts *p = port;
    uint8_t *out = to;
    unsigned slot;
    off_t at;

    if (is_state(off, len)) {
        return p->state->flash.read(p->state, off, to, len);
    }
    if (!find_part(p, off, len, &slot, &at)) {
        return SELV_ERR_FLASH_RULE;
    }
    while (len > 0) {
        ssize_t n = pread(p->fd[slot], out, len, at);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return SELV_ERR_FLASH_IO;
        }
        if (n > 0) {
            out += n;
            at += n;
            len -= (uint32_t)n;
        }
    }
    return SELV_OK;
}

static enum selv_err parts_write(void *port, uint32_t off, const void *from,
                                 uint32_t len)
{
    struct selv_posix_parts *p = port;
    const uint8_t *in = from;
    unsigned slot;
    off_t at;

    if (is_state(off, len)) {
        enum selv_err err = settle(p);
        return err ? err : p->state->flash.write(p->state, off, from, len);
    }
    if (!find_part(p, off, len, &slot, &at) || slot == p->running_slot) {
        return SELV_ERR_FLASH_RULE;
    }
    p->is_dirty[slot] = true;
    while (len > 0) {
        ssize_t n = pwrite(p->fd[slot], in, len, at);
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return SELV_ERR_FLASH_IO;
        }
        if (n > 0) {
            in += n;
            at += n;
            len -= (uint32_t)n;
        }
    }
    return SELV_OK;
}

static enum selv_err parts_erase(void *port, uint32_t off)
{
    struct selv_posix_parts *p = port;
    unsigned slot;
    off_t at;

    if (is_state(off, SECTOR)) {
        enum selv_err err = settle(p);
        return err ? err : p->state->flash.erase(p->state, off);
    }
    /* A disk takes a write without it. */
    return find_part(p, off, SECTOR, &slot, &at) && slot != p->running_slot
               ? SELV_OK
               : SELV_ERR_FLASH_RULE;
}

/* Its length in whole sectors; 0: why. */
static uint32_t open_part(struct selv_posix_parts *p, unsigned slot,
                          const char *path, struct selv_posix_why *why)
{
    bool is_running = slot == p->running_slot;
    struct stat st;
    off_t len;
    int flags = is_running ? O_RDONLY : O_RDWR;

    /* Of a block device O_EXCL says: unless it is mounted. */
    if (stat(path, &st) == 0 && S_ISBLK(st.st_mode) && !is_running) {
        flags |= O_EXCL;
    }
    p->fd[slot] = open(path, flags | O_CLOEXEC);
    if (p->fd[slot] < 0) {
        snprintf(why->text, sizeof why->text, "slot %c: %.160s: %s%s",
                 'A' + (int)slot, path, strerror(errno),
                 errno == EBUSY ? " (is it mounted?)" : "");
        return 0;
    }
    len = lseek(p->fd[slot], 0, SEEK_END) / SECTOR * SECTOR;
    if (len <= 0) {
        snprintf(why->text, sizeof why->text,
                 "slot %c: %.160s is shorter than %u bytes", 'A' + (int)slot,
                 path, SECTOR);
        return 0;
    }
    return len > (off_t)PART_MAX ? PART_MAX : (uint32_t)len;
}

/* Whatever their names are: links, and those that /dev/disk has for one. */
static bool is_same(int a, int b)
{
    struct stat x, y;

    if (fstat(a, &x) != 0 || fstat(b, &y) != 0) {
        return true; /* nothing is known of them */
    }
    if (S_ISBLK(x.st_mode) && S_ISBLK(y.st_mode)) {
        return x.st_rdev == y.st_rdev;
    }
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool selv_posix_parts_open(struct selv_posix_parts *p,
                           struct selv_posix_flash *state,
                           const struct selv_posix_uboot_config *config,
                           uint8_t running_slot, struct selv_posix_why *why)
{
    uint32_t off = STATE_SIZE;

    memset(p, 0, sizeof *p);
    p->state = state;
    p->running_slot = running_slot;
    p->layout = selv_layout_default;
    p->fd[0] = p->fd[1] = -1;
    for (unsigned i = 0; i < SELV_SLOT_COUNT; i++) {
        uint32_t len = open_part(p, i, config->slot[i], why);
        if (len == 0) {
            selv_posix_parts_close(p);
            return false;
        }
        p->layout.slot[i].image_off = off;
        p->layout.slot[i].image_len = len;
        off += len;
    }
    if (is_same(p->fd[0], p->fd[1])) {
        snprintf(why->text, sizeof why->text,
                 "slot A and slot B are the same: %.100s and %.100s",
                 config->slot[0], config->slot[1]);
        selv_posix_parts_close(p);
        return false;
    }
    p->flash = state->flash;
    p->flash.port = p;
    p->flash.size = off;
    p->flash.map = NULL; /* of the partitions there is none */
    p->flash.read = parts_read;
    p->flash.write = parts_write;
    p->flash.erase = parts_erase;
    selv_posix_flash_set_role(state, SELV_POSIX_FOREIGN, SELV_SLOT_NONE);
    return true;
}

void selv_posix_parts_close(struct selv_posix_parts *p)
{
    for (unsigned i = 0; i < SELV_SLOT_COUNT; i++) {
        if (p->fd[i] >= 0) {
            close(p->fd[i]);
            p->fd[i] = -1;
        }
    }
}
