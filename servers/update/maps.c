/* SPDX-License-Identifier: Apache-2.0
 *
 * maps.c - see update/maps.h. */
#include "maps.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void selv_maps_init(struct selv_maps *maps, const struct selv_blobs *blobs)
{
    memset(maps, 0, sizeof *maps);
    maps->blobs = blobs;
    maps->turn = 1;
}

static void map_drop(struct selv_map *m)
{
    if (m->p != NULL) {
        munmap((void *)(uintptr_t)m->p, (size_t)m->size);
    }
    memset(m, 0, sizeof *m);
}

void selv_maps_close(struct selv_maps *maps)
{
    for (size_t i = 0; i < SELV_MAPS_MAX; i++) {
        map_drop(&maps->maps[i]);
    }
}

void selv_maps_turn(struct selv_maps *maps)
{
    maps->turn++;
}

void selv_maps_doubt(struct selv_maps *maps)
{
    for (size_t i = 0; i < SELV_MAPS_MAX; i++) {
        if (maps->maps[i].used == maps->turn) {
            maps->maps[i].checked_ms = 0;
        }
    }
}

static bool map_is(const struct selv_map *m,
                   const uint8_t digest[static SELV_SHA256_LEN])
{
    return m->p != NULL && memcmp(m->digest, digest, SELV_SHA256_LEN) == 0;
}

static struct selv_map *map_find(struct selv_maps *maps,
                                 const uint8_t digest[static SELV_SHA256_LEN])
{
    if (map_is(&maps->maps[maps->last], digest)) {
        return &maps->maps[maps->last];
    }
    for (size_t i = 0; i < SELV_MAPS_MAX; i++) {
        if (map_is(&maps->maps[i], digest)) {
            maps->last = i;
            return &maps->maps[i];
        }
    }
    return NULL;
}

/* A free place, or the one that was not used for longest. NULL when all were
 * used in this turn. */
static struct selv_map *place_find(struct selv_maps *maps)
{
    struct selv_map *place = NULL;
    for (size_t i = 0; i < SELV_MAPS_MAX; i++) {
        struct selv_map *m = &maps->maps[i];
        if (m->used != maps->turn && (place == NULL || m->used < place->used)) {
            place = m;
        }
    }
    return place;
}

/* The file of an open descriptor at a place. False with errno. */
static bool file_map(struct selv_map *m, int fd, uint64_t size,
                     const uint8_t digest[static SELV_SHA256_LEN])
{
    struct stat st;
    if (size == 0 || size > SIZE_MAX || fstat(fd, &st) < 0) {
        errno = EAGAIN;
        return false;
    }
    void *p = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        errno = EAGAIN;
        return false;
    }
    map_drop(m);
    memcpy(m->digest, digest, SELV_SHA256_LEN);
    m->p = p;
    m->size = size;
    m->device = st.st_dev;
    m->inode = st.st_ino;
    return true;
}

/* Whether the file of that name is still the one that is mapped. */
static bool is_fresh(const struct selv_map *m, int fd, uint64_t size)
{
    struct stat st;
    return size == m->size && fstat(fd, &st) == 0 && st.st_dev == m->device &&
           st.st_ino == m->inode;
}

bool selv_maps_get(struct selv_maps *maps,
                   const uint8_t digest[static SELV_SHA256_LEN],
                   uint64_t now_ms, struct selv_bytes *bytes)
{
    struct selv_map *m = map_find(maps, digest);
    if (m == NULL || m->checked_ms == 0 ||
        now_ms - m->checked_ms >= SELV_MAPS_FRESH_MS) {
        uint64_t size = 0;
        bool is_used = m != NULL && m->used == maps->turn;
        int fd = selv_blob_open(maps->blobs, digest, &size);
        if (fd < 0) {
            if (m != NULL && !is_used) {
                map_drop(m);
            }
            return false;
        }
        bool is_good = m != NULL && is_fresh(m, fd, size);
        if (!is_good && !is_used) {
            m = m != NULL ? m : place_find(maps);
            is_good = m != NULL && file_map(m, fd, size, digest);
        }
        close(fd);
        if (!is_good) {
            errno = EAGAIN;
            return false;
        }
        m->checked_ms = now_ms > 0 ? now_ms : 1;
    }
    m->used = maps->turn;
    *bytes = selv_bytes(m->p, (size_t)m->size);
    return true;
}
