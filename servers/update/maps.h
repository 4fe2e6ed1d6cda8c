/* SPDX-License-Identifier: Apache-2.0
 *
 * update/maps.h - blobs mapped into memory, so that blocks of them are sent
 * without being copied; as many as fit a bounded cache.
 *
 * Nobody here reads a mapped byte: they are handed to the system only, to
 * send. So a file that was cut short under its map ends in an error of that
 * call, and never in SIGBUS. A map is compared with the file of its name at
 * most SELV_MAPS_FRESH_MS after the last time: a blob that was removed or
 * replaced goes soon, whole until then.
 * Owns: the maps, until selv_maps_close. Not for two threads at once. */
#ifndef SELV_UPDATE_MAPS_H
#define SELV_UPDATE_MAPS_H

#include "blobs.h"

#define SELV_MAPS_MAX 64u
#define SELV_MAPS_FRESH_MS 1000u

struct selv_map {
    uint8_t digest[SELV_SHA256_LEN];
    const uint8_t *p; /* NULL: free */
    uint64_t size;    /* bytes */
    uint64_t device;  /* of the file, with its inode */
    uint64_t inode;
    uint64_t checked_ms;
    uint64_t used; /* the turn */
};

struct selv_maps {
    const struct selv_blobs *blobs;
    struct selv_map maps[SELV_MAPS_MAX];
    uint64_t turn;
    size_t last; /* the one found last */
};

void selv_maps_init(struct selv_maps *maps, const struct selv_blobs *blobs);
void selv_maps_close(struct selv_maps *maps);

/* From here on nothing is being sent any more of what was got before. */
void selv_maps_turn(struct selv_maps *maps);

/* The bytes of a blob, not to be read but by the system, until the next
 * selv_maps_turn. False with errno: ENOENT, we have no such blob; EAGAIN, it
 * cannot be mapped, or all places are in use in this turn: read the file. */
SELV_MUST_CHECK bool selv_maps_get(struct selv_maps *maps,
                                   const uint8_t digest[static SELV_SHA256_LEN],
                                   uint64_t now_ms, struct selv_bytes *bytes);

/* The system could not read what was got of the blobs of this turn: look at
 * their files anew. */
void selv_maps_doubt(struct selv_maps *maps);

#endif
