/* SPDX-License-Identifier: Apache-2.0
 *
 * porttest/board_sim.h - a board in memory, with virtual flash, time and
 * watchdog, whose port tells the truth, or one lie. */
#ifndef SELV_PORTTEST_BOARD_SIM_H
#define SELV_PORTTEST_BOARD_SIM_H

#include <setjmp.h>

#include "test/porttest/porttest.h"
#include "sim/geometry.h"
#include "sim/vflash.h"

enum lie {
    LIE_NONE,
    /* geometry */
    LIE_UNIT_ODD,      /* a write unit of 3 */
    LIE_LAYOUT,        /* regions of the layout overlap */
    LIE_AREA,          /* the area ends inside of a sector */
    LIE_ERASED_VALUE,  /* the other one */
    LIE_SECTOR_DOUBLE, /* declared twice as long as they are */
    LIE_SECTOR_HALF,   /* declared half as long */
    LIE_SECTOR_TABLE,  /* equal ones are declared unequal */
    LIE_UNIT_SMALL,    /* declared half as long: the second half is refused */
    LIE_UNIT_PADS,     /* the same; the other half is overwritten */
    LIE_SIZE,          /* declared twice as large: addresses wrap */
    LIE_SIZE_HIGH,     /* the same, and the area is where nothing is */
    LIE_LAST_UNIT,     /* which belongs to somebody else */
    /* erase */
    LIE_ERASE_NEXT,    /* the next sector, too */
    LIE_ERASE_PART,    /* all but the last byte */
    LIE_ERASE_NOTHING, /* and says that it did */
    LIE_ERASE_INSIDE,  /* takes any offset in a sector */
    LIE_ERASE_ALIEN,   /* erases outside of the area, too */
    LIE_ERASE_SLOW,    /* takes most of the watchdog's time */
    LIE_ERASE_TIRED,   /* works a few times */
    /* write */
    LIE_WRITE_NOTHING,   /* and says that it did */
    LIE_WRITE_AGAIN,     /* clears more bits of what is written */
    LIE_WRITE_SAME,      /* takes what is there already */
    LIE_WRITE_PAGE,      /* wraps around in pages of 256 */
    LIE_WRITE_SHORT,     /* the first 64 bytes */
    LIE_WRITE_SECTOR,    /* stops at a sector's end */
    LIE_WRITE_UNALIGNED, /* rounds down */
    LIE_WRITE_TAIL,      /* takes half a unit at the end */
    LIE_WRITE_BEYOND,    /* says that it wrote beyond the end */
    LIE_WRITE_WORDS,     /* takes the buffer from an aligned address */
    LIE_WRITE_BUFFERED,  /* the latest bytes are lost in a reset */
    LIE_WRITE_IO,        /* refuses, with the wrong error */
    /* read */
    LIE_READ_BEYOND,  /* beyond the end, says that it did */
    LIE_READ_ALIGNED, /* from an aligned offset */
    LIE_READ_SLOW,
    LIE_MAP_FAR,        /* the mapping is right in the work sector only */
    LIE_MAP_STALE,      /* shows what was before */
    LIE_TORN_HANGS,     /* a unit that does not read hangs */
    LIE_TORN_FAULTS,    /* or faults */
    LIE_SPOILT_SPREADS, /* or takes the units beside it along */
    LIE_UNLOCKED,
    /* clock */
    LIE_CLOCK_BACK,
    LIE_CLOCK_STANDS,
    LIE_CLOCK_JUMPS,
    LIE_CLOCK_FAST, /* a tenth */
    LIE_CLOCK_WRAPS,
    /* watchdog, resets */
    LIE_DOG_DEAD,
    LIE_DOG_DEAF, /* to kicks */
    LIE_DOG_EARLY,
    LIE_DOG_LATE,
    LIE_DOG_STOPS,
    LIE_CAUSE_DOG, /* a watchdog's reset is told as power-on */
    LIE_CAUSE_REQUESTED,
    LIE_CAUSE_CRASH,
    LIE_STATE_LOST, /* start-up code clears the state */
    /* stack, random */
    LIE_STACK_SMALL,
    LIE_STACK_PLACE,
    LIE_RANDOM_STUCK,
    LIE_RANDOM_BIASED,
    LIE_RANDOM_REPEATS,
    LIE_COUNT
};

/* How the port's report ends. */
struct board_sim {
    struct selv_porttest_port port;
    struct selv_porttest test;
    struct selv_porttest_state state;
    struct selv_vflash v;
    struct selv_flash shown; /* what the port says */
    struct selv_layout layout;
    enum lie lie;
    uint8_t *mem, *stale;
    uint8_t scratch[SELV_SUIT_ENVELOPE_MAX];
    char text[16384];
    size_t text_len;

    uint64_t now_us, shown_us, dog_us, dog_at_us;
    int64_t clock_off_us;
    bool is_dog_running, is_hung;
    uint32_t erase_count, boot_count, draw_count, read_count;
    uint32_t late_off, late_len; /* the latest write */
    jmp_buf on_reset;
};

/* A board with that flash; it is not moved. */
void board_sim_open(struct board_sim *b, const struct selv_geometry *geometry,
                    enum lie lie);
void board_sim_close(struct board_sim *b);

/* Run the test, reset after reset. Returns what selv_porttest_run did;
 * UINT32_MAX when it never ends. The report is in b->text. */
uint32_t board_sim_run(struct board_sim *b);

/* Whether the report has a line that begins so. */
bool board_sim_has(const struct board_sim *b, const char *verdict,
                   const char *check);

#endif
