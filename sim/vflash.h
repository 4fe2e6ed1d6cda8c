/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/vflash.h - a flash in memory that obeys NOR rules, counts its
 * operations, and can lose power before, inside or after any of them.
 *
 * An operation is one call of write or erase. A cut is a pair: which
 * operation (0 is the next one), and which way:
 *   write of n units  0       nothing written
 *                     1       all written, power lost after
 *                     2 + 2j  units before j written, j is random bits
 *                     3 + 2j  units up to and including j, for j < n - 1
 *                     1 + 2n + 6i + k  with has_metastable: unit j is
 *                             metastable, kind k; j is the first, the last
 *                             or a middle one: i of SELV_VFLASH_PICK_COUNT
 *   erase             0, 1    as above
 *                     2 + k   torn, SELV_VFLASH_TORN_ERASE_COUNT kinds
 *                     11 + k  with has_metastable: kind k, the whole sector
 *
 * Metastable bytes read as erased, as the other value (what was to be written,
 * what was to be erased), or as a mixture of both, and not always the same:
 * enum selv_vflash_kind. They are told by selv_vflash_boot that a boot begins.
 * A unit that only reads as erased takes a write, as the code under test
 * cannot know better, but holds it only until the next boot; a sector whose
 * erase was cut may not be written at all.
 *
 * A way beyond the last is taken as 1. At a cut
 * the flash stops working and on_cut is called, which must not return
 * (longjmp); without on_cut the operation fails with SELV_ERR_FLASH_IO, and so
 * does every later one until power_on. */
#ifndef SELV_SIM_VFLASH_H
#define SELV_SIM_VFLASH_H

#include "store/flash.h"

/* Torn erases: the first quarter, half, three quarters erased and the rest
 * old; the same with the rest random; every byte a random mix of old and
 * erased; all bytes random; all bytes as if erased. No unit of a torn erase may
 * be written before a whole one. */
#define SELV_VFLASH_TORN_ERASE_COUNT 9u
#define SELV_VFLASH_NO_CUT UINT32_MAX
#define SELV_VFLASH_UNREADABLE 2u
#define SELV_VFLASH_PICK_COUNT 3u

/* How metastable bytes read: "now" is in the first boot after the cut, "then"
 * in all later ones. */
enum selv_vflash_kind {
    SELV_VFLASH_OTHER_THEN_MIXED,
    SELV_VFLASH_ERASED_THEN_MIXED,
    SELV_VFLASH_ERASED_THEN_OTHER,
    SELV_VFLASH_OTHER_THEN_ERASED,
    SELV_VFLASH_EACH_BOOT, /* another mixture at each boot, for a while */
    SELV_VFLASH_EACH_READ, /* and at each read; no mapped flash does that */
    SELV_VFLASH_KIND_COUNT
};

/* What a read that fails once does. */
enum selv_vflash_bad_read {
    SELV_VFLASH_READ_ERROR, /* SELV_ERR_FLASH_IO */
    SELV_VFLASH_READ_FLIP,  /* one bit is wrong */
    SELV_VFLASH_READ_BLANK, /* all bytes are as if erased */
    SELV_VFLASH_READ_COUNT
};

/* What a write or an erase that fails does; it returns SELV_ERR_FLASH_IO, and
 * power stays. */
enum selv_vflash_bad_op {
    SELV_VFLASH_OP_NOTHING, /* nothing; the next one works */
    SELV_VFLASH_OP_HALF,    /* as far as a torn one; the next one works */
    SELV_VFLASH_OP_DEAD,    /* nothing, and its sector takes nothing until the
                               next boot */
    SELV_VFLASH_OP_COUNT
};

/* A write, or with p NULL an erase. */
struct selv_vflash_op {
    uint32_t off, len; /* len: 0 for an erase */
    const uint8_t *p;
};

struct selv_vflash {
    struct selv_flash flash; /* give this one to the code under test */
    uint8_t *mem;            /* size bytes, the caller's */
    uint8_t *programmed;     /* a byte per write unit: written since erased;
                                SELV_VFLASH_UNREADABLE; metastable */
    uint8_t *other;          /* a byte per byte: of metastable ones, the other
                                value */
    uint8_t *writable;       /* a byte per sector_len: 0 is protected */
    const uint16_t *sectors; /* of unequal sectors, how many sector_len each
                                has, in order; NULL: all have one */

    uint32_t op_count;   /* operations begun since power_on */
    uint64_t way_count;  /* ways to cut them, all together */
    uint32_t cut_op;     /* at which of them to lose power; NO_CUT: never */
    uint32_t cut_way;    /* how, see above */
    uint64_t seed;       /* of the random bits of torn operations */
    bool is_off;         /* power was lost */
    bool is_unmapped;    /* give flash.map as NULL */
    bool has_ecc;        /* units of a torn operation do not read at all; set
                            is_unmapped, too */
    bool has_metastable; /* the ways of metastable bytes are open */
    uint32_t read_count; /* reads begun since power_on that may fail */
    uint32_t bad_read;   /* which of them fails; NO_CUT: none */
    enum selv_vflash_bad_read bad_read_kind;
    uint32_t noise_count; /* reads of bytes that change at each */
    uint32_t bad_op;      /* of the operations that may fail, the one that
                             does; NO_CUT: none */
    enum selv_vflash_bad_op bad_op_kind;
    uint32_t fallible_count; /* of them, begun since power_on */
    bool has_failed;         /* one did, since power_on */
    bool is_dead;            /* the sector of dead_off takes nothing */
    uint32_t dead_off;
    bool is_sound; /* reads and operations are not counted among those that may
                      fail, and do not fail */
    void (*on_cut)(void *arg);
    void *on_cut_arg;

    /* Called before each operation with its number of ways, so that a search
     * discovers what there is to cut; nothing of it is done yet. May be NULL.
     */
    void (*on_op)(void *arg, uint32_t op, uint32_t ways);
    void *on_op_arg;
    struct selv_vflash_op op; /* for on_op: the one that begins */

    const char *cut_words;    /* what the latest cut did */
    uint32_t violation_count; /* NOR rules broken, or protected bytes */
    const char *violation;    /* words for the first one */
    uint32_t violation_off;
    uint32_t erase_count; /* since init, for wear */
    uint32_t write_count;
};

/* SplitMix64: every torn operation draws its own stream from the seed and its
 * place, so that a case replays alone; searches do likewise. */
uint64_t selv_vflash_random(uint64_t *state);

/* Bytes of memory that init needs for a geometry. */
size_t selv_vflash_mem_len(uint32_t size, uint32_t sector_len,
                           uint16_t write_unit);

/* Start with an erased, writable flash in mem. */
void selv_vflash_init(struct selv_vflash *v, uint8_t *mem, uint32_t size,
                      uint32_t sector_len, uint16_t write_unit, uint8_t erased);

/* Sectors of unequal length: sectors[i] times sector_len bytes, as many as the
 * flash has. The table outlives v. */
void selv_vflash_set_sectors(struct selv_vflash *v, const uint16_t *sectors);

/* Power comes back: operations count from 0, no cut is planned. */
void selv_vflash_power_on(struct selv_vflash *v);

/* Do an operation as the code under test would, by flash.write or flash.erase.
 */
void selv_vflash_do(struct selv_vflash *v, const struct selv_vflash_op *op);

/* A boot begins: metastable bytes take the value that they have in it, and a
 * sector that took nothing works again. */
void selv_vflash_boot(struct selv_vflash *v);

/* True while metastable bytes may still read differently at the next boot. */
bool selv_vflash_is_changing(const struct selv_vflash *v);

/* A 64-bit hash of what the flash holds and of how it will read: all of a
 * state but for the sectors that are protected, which are set anew at each
 * start. */
uint64_t selv_vflash_hash(const struct selv_vflash *v);

/* One word more into such a hash. */
uint64_t selv_vflash_mix(uint64_t hash, uint64_t word);

/* Allow or forbid writes and erases of the sectors of [off, off + len). */
void selv_vflash_protect(struct selv_vflash *v, uint32_t off, uint32_t len,
                         bool is_off_limits);

/* Put bytes there, whatever the rules say (for tests that damage). */
void selv_vflash_poke(struct selv_vflash *v, uint32_t off, const void *p,
                      uint32_t len);

/* Set a byte range to the erased state. */
void selv_vflash_blank(struct selv_vflash *v, uint32_t off, uint32_t len);

#endif
