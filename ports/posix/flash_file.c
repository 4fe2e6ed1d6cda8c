/* SPDX-License-Identifier: Apache-2.0
 *
 * Flash in a file. Reads come from a shared read-only mapping, writes go
 * through pwrite and fdatasync; on Linux both see the same pages. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/posix.h"
#include "store/layout.h"

#define SIZE SELV_LAYOUT_DEFAULT_SIZE
#define SECTOR SELV_LAYOUT_DEFAULT_SECTOR
#define UNIT 4u
#define ERASED 0xffu

/* ---- what each role may write ---------------------------------------------
 */

static bool is_in(uint32_t off, uint32_t start, uint32_t len)
{
    return off >= start && off - start < len;
}

static bool is_journal(const struct selv_layout *layout, uint32_t off)
{
    return is_in(off, layout->journal_off[0], SECTOR) ||
           is_in(off, layout->journal_off[1], SECTOR);
}

static bool is_random(const struct selv_layout *layout, uint32_t off)
{
    return is_in(off, layout->random_off[0], SECTOR) ||
           is_in(off, layout->random_off[1], SECTOR);
}

static bool is_slot(const struct selv_slot_place *place, uint32_t off)
{
    return is_in(off, place->envelope_off, place->envelope_len) ||
           is_in(off, place->image_off, place->image_len);
}

/* Marks and spare sector: the bootloader's, where it installs in place. */
static bool is_kept(const struct selv_layout *layout, uint32_t off)
{
    return is_in(off, layout->marks_off, layout->marks_len) ||
           is_in(off,
                 layout->slot[SELV_SLOT_B].envelope_off - layout->spare_len,
                 layout->spare_len);
}

/* What a move in place writes. */
static bool is_moved(const struct selv_layout *layout, uint32_t off)
{
    return layout->marks_len != 0 &&
           (is_kept(layout, off) || is_slot(&layout->slot[SELV_SLOT_A], off) ||
            is_slot(&layout->slot[SELV_SLOT_B], off));
}

/* May the sector that holds off be written? Regions are whole sectors. */
static bool is_allowed(const struct selv_posix_flash *f, uint32_t off)
{
    const struct selv_layout *layout = f->layout;

    switch (f->role) {
    case SELV_POSIX_NOBODY:
        return false;
    case SELV_POSIX_FACTORY:
        return true;
    case SELV_POSIX_FOREIGN:
        return !is_in(off, layout->factory_off, layout->factory_len);
    case SELV_POSIX_BOOTLOADER:
        return is_journal(layout, off) || is_random(layout, off) ||
               is_moved(layout, off);
    case SELV_POSIX_RECOVERY:
        return is_journal(layout, off) || is_moved(layout, off) ||
               is_slot(&layout->slot[SELV_SLOT_A], off) ||
               is_slot(&layout->slot[SELV_SLOT_B], off);
    case SELV_POSIX_APPLICATION:
        return !is_in(off, layout->factory_off, layout->factory_len) &&
               !is_journal(layout, off) && !is_kept(layout, off) &&
               !(f->has_loader && is_slot(&layout->slot[SELV_SLOT_B], off)) &&
               !(f->running_slot < SELV_SLOT_COUNT &&
                 is_slot(&layout->slot[f->running_slot], off));
    }
    return false;
}

/* ---- the flash interface --------------------------------------------------
 */

static bool is_range(uint32_t off, uint32_t len)
{
    return off <= SIZE && len <= SIZE - off;
}

static enum selv_err flash_read(void *port, uint32_t off, void *p, uint32_t len)
{
    const struct selv_posix_flash *f = port;

    if (!is_range(off, len)) {
        return SELV_ERR_FLASH_RULE;
    }
    if (len > 0) {
        memcpy(p, f->map + off, len);
    }
    return SELV_OK;
}

static enum selv_err put(const struct selv_posix_flash *f, uint32_t off,
                         const uint8_t *p, uint32_t len)
{
    while (len > 0) {
        ssize_t n = pwrite(f->fd, p, len, (off_t)off);
        if (n < 0 && errno != EINTR) {
            return SELV_ERR_FLASH_IO;
        }
        if (n > 0) {
            p += n;
            off += (uint32_t)n;
            len -= (uint32_t)n;
        }
    }
    return fdatasync(f->fd) == 0 ? SELV_OK : SELV_ERR_FLASH_IO;
}

static enum selv_err flash_write(void *port, uint32_t off, const void *p,
                                 uint32_t len)
{
    const struct selv_posix_flash *f = port;

    if (!is_range(off, len) || off % UNIT != 0 || len % UNIT != 0) {
        return SELV_ERR_FLASH_RULE;
    }
    for (uint32_t i = 0; i < len; i++) {
        if (f->map[off + i] != ERASED || !is_allowed(f, off + i)) {
            return SELV_ERR_FLASH_RULE;
        }
    }
    return put(f, off, p, len);
}

static enum selv_err flash_erase(void *port, uint32_t off)
{
    const struct selv_posix_flash *f = port;
    uint8_t erased[SECTOR];

    if (!is_range(off, SECTOR) || off % SECTOR != 0 || !is_allowed(f, off)) {
        return SELV_ERR_FLASH_RULE;
    }
    memset(erased, ERASED, sizeof erased);
    return put(f, off, erased, sizeof erased);
}

/* ---- files ----------------------------------------------------------------
 */

static bool path_of(const char *state_dir, char path[static PATH_MAX],
                    struct selv_posix_why *why)
{
    int n = snprintf(path, PATH_MAX, "%s/%s", state_dir, SELV_POSIX_FLASH_NAME);

    if (n < 0 || n >= PATH_MAX) {
        snprintf(why->text, sizeof why->text, "the folder's name is too long");
        return false;
    }
    return true;
}

/* Lock, check and map the file at f->fd; closes it when that fails. */
static bool take(struct selv_posix_flash *f, const char *path,
                 struct selv_posix_why *why)
{
    struct stat st;
    void *map;

    if (flock(f->fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(why->text, sizeof why->text,
                 errno == EWOULDBLOCK
                     ? "%.160s is in use: another process runs this device"
                     : "%.160s cannot be locked",
                 path);
        goto out;
    }
    if (fstat(f->fd, &st) != 0 || st.st_size != (off_t)SIZE) {
        snprintf(why->text, sizeof why->text,
                 "%.160s is not a device's flash: it should be %u bytes long",
                 path, SIZE);
        goto out;
    }
    map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, f->fd, 0);
    if (map == MAP_FAILED) {
        snprintf(why->text, sizeof why->text, "%.160s cannot be mapped: %s",
                 path, strerror(errno));
        goto out;
    }
    f->map = map;
    f->flash = (struct selv_flash){.port = f,
                                   .size = SIZE,
                                   .sector_len = SECTOR,
                                   .write_unit = UNIT,
                                   .erased = ERASED,
                                   .map = f->map,
                                   .read = flash_read,
                                   .write = flash_write,
                                   .erase = flash_erase};
    return true;
out:
    close(f->fd);
    f->fd = -1;
    return false;
}

bool selv_posix_flash_open(struct selv_posix_flash *f, const char *state_dir,
                           struct selv_posix_why *why)
{
    char path[PATH_MAX];

    memset(f, 0, sizeof *f);
    f->layout = &selv_layout_default;
    f->fd = -1;
    if (!path_of(state_dir, path, why)) {
        return false;
    }
    f->fd = open(path, O_RDWR | O_CLOEXEC);
    if (f->fd < 0) {
        int err = errno;
        snprintf(why->text, sizeof why->text, "%.160s: %s%s", path,
                 strerror(err),
                 err == ENOENT ? "; provision a device first" : "");
        return false;
    }
    return take(f, path, why);
}

/* All erased, and the folder's entry on disk as well. */
static bool fill(const struct selv_posix_flash *f, const char *state_dir)
{
    uint8_t erased[SECTOR];
    int dir;
    bool is_good = true;

    memset(erased, ERASED, sizeof erased);
    for (uint32_t off = 0; off < SIZE && is_good; off += SECTOR) {
        ssize_t n = pwrite(f->fd, erased, SECTOR, (off_t)off);
        is_good = n == (ssize_t)SECTOR;
    }
    dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    is_good = is_good && fsync(f->fd) == 0 && dir >= 0 && fsync(dir) == 0;
    if (dir >= 0) {
        close(dir);
    }
    return is_good;
}

bool selv_posix_flash_create(struct selv_posix_flash *f, const char *state_dir,
                             struct selv_posix_why *why)
{
    char path[PATH_MAX];

    memset(f, 0, sizeof *f);
    f->layout = &selv_layout_default;
    f->fd = -1;
    if (!path_of(state_dir, path, why)) {
        return false;
    }
    if (mkdir(state_dir, 0700) != 0 && errno != EEXIST) {
        snprintf(why->text, sizeof why->text, "%.160s cannot be made: %s",
                 state_dir, strerror(errno));
        return false;
    }
    f->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (f->fd < 0) {
        snprintf(why->text, sizeof why->text, "%.160s: %s", path,
                 errno == EEXIST ? "there is a device in it already"
                                 : strerror(errno));
        return false;
    }
    if (!fill(f, state_dir)) {
        snprintf(why->text, sizeof why->text, "%.160s cannot be written: %s",
                 path, strerror(errno));
        unlink(path);
        close(f->fd);
        f->fd = -1;
        return false;
    }
    f->role = SELV_POSIX_FACTORY;
    return take(f, path, why);
}

void selv_posix_flash_set_role(struct selv_posix_flash *f,
                               enum selv_posix_role role, uint8_t running_slot)
{
    f->role = role;
    f->running_slot = running_slot;
}

void selv_posix_flash_close(struct selv_posix_flash *f)
{
    if (f->map) {
        munmap(f->map, SIZE);
        f->map = NULL;
    }
    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
    }
}
