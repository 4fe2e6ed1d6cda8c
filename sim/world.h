/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/world.h - one device in the simulator: virtual flash, the real
 * bootloader, an application, and a power supply that fails on command. What
 * must hold is checked after every single boot. */
#ifndef SELV_SIM_WORLD_H
#define SELV_SIM_WORLD_H

#include <setjmp.h>

#include "boot/boot.h"
#include "sim/geometry.h"
#include "sim/release.h"
#include "sim/vflash.h"

/* What the new release is like, and so how a flow must end. */
enum sim_flow {
    SIM_FLOW_UPDATE,   /* good: confirmed; ends with the new release */
    SIM_FLOW_REVERT,   /* never confirms: ends with the old one, and the new
                          one refused, as in the next two */
    SIM_FLOW_WATCHDOG, /* hangs */
    SIM_FLOW_CRASH,    /* crashes */
    SIM_FLOW_REPEAT,   /* good, and so is the one after it, which follows */
    SIM_FLOW_RECOVER,  /* nothing boots: what lies in the slots has rotted, in
                          the middle of an update (sim/recover.h) */
    SIM_FLOW_LOST,     /* the same, and the boot journal is lost */
    SIM_FLOW_COUNT
};

/* "update", "revert", "watchdog", "crash", "repeat", "recover", "lost". */
const char *sim_flow_name(enum sim_flow flow);

/* What the bootloader does, and what its releases and flash are like. */
struct sim_strategy {
    const char *name;
    const struct selv_strategy *strategy;
    enum selv_release_install install;
    bool is_in_place; /* slot A runs, slot B is the staging area */
    bool has_stages;  /* it starts a bootloader (sim/stages.h) */
    bool has_trial;   /* else every flow but update and repeat makes no sense */
};

extern const struct sim_strategy sim_strategies[];
extern const size_t sim_strategy_count;

bool sim_strategy_has(const struct sim_strategy *strategy,
                      const struct selv_geometry *geometry, enum sim_flow flow);

/* What a search is about, in the order of their sequence numbers. */
struct sim_releases {
    const struct sim_strategy *strategy;
    struct selv_release older, old, new, newest;
    struct selv_release loader; /* in slot B, where the strategy has one */
    struct selv_release app_old, app_new; /* that stage 1 starts */
};

/* What the bootloader starts, where that is a bootloader. */
struct sim_stages {
    struct selv_layout layout;
    struct selv_factory factory;
    struct selv_boot boot;
    struct selv_boot_record record;
    uint64_t accepted, floor, confirmed; /* as in the world */
};

/* How a run of the application ends. */
enum sim_end {
    SIM_END_RESET, /* the device resets; cause says how */
    SIM_END_IDLE,  /* nothing left to do */
    SIM_END_FAULT  /* world->fault says what went wrong */
};

struct sim_world;

/* An application: runs on world->record until it ends or power is lost. */
typedef enum sim_end sim_app(struct sim_world *w, enum selv_reset_cause *cause);

/* Calls the store as a consumer does, without a network. */
sim_app sim_app_script;
/* The consumer itself, with a server over a link in memory. */
sim_app sim_app_consumer;
/* The same, and its releases have chunk lists. */
sim_app sim_app_chunks;

struct sim_memo;

struct sim_world {
    const struct selv_geometry *geometry;
    enum sim_flow flow;
    sim_app *app;
    struct selv_layout layout;
    struct selv_factory factory;
    const struct sim_releases *releases;
    struct selv_vflash v;
    uint8_t *mem;
    size_t mem_len;

    struct selv_boot boot;
    uint8_t scratch[SELV_SUIT_ENVELOPE_MAX]; /* the bootloader's */
    bool is_loaded; /* the strategy runs what is in ram */
    struct selv_buf ram;
    uint8_t ram_bytes[SELV_RELEASE_IMAGE_MAX];
    struct selv_boot_record record; /* of the latest boot */
    uint64_t accepted, floor;       /* highest seen so far */
    uint32_t boot_count;            /* since the last start */
    uint32_t cut_count;             /* since the device was made */
    uint32_t bad_read;     /* of the bootloader's reads in the next run, the one
                              that fails; SELV_VFLASH_NO_CUT: none */
    uint32_t bad_op;       /* of its writes and erases, likewise */
    uint64_t confirmed;    /* the highest number that the application began to
                              confirm: set by it */
    uint32_t outage_count; /* of sim_world_is_outage */
    struct sim_stages stages;
    bool is_ruined; /* nothing boots until a release was sent (sim/recover.h) */
    bool is_back;   /* since then something did, and must from then on */
    struct sim_memo *memo; /* of runs from here on; NULL: every boot is run */
    /* Called before each boot. May be NULL. */
    void (*on_boot)(void *arg, enum selv_reset_cause cause);
    void *on_boot_arg;
    char fault[200]; /* empty: none */
    jmp_buf on_cut;
};

/* A flow in which nothing boots until somebody sends a release. */
static inline bool sim_is_recovery(enum sim_flow flow)
{
    return flow == SIM_FLOW_RECOVER || flow == SIM_FLOW_LOST;
}

/* How a start ended. */
enum sim_outcome {
    SIM_CUT,         /* power was lost as planned */
    SIM_FIXED_POINT, /* two boots in a row changed nothing, nothing to do */
    SIM_FAULT        /* world->fault says which rule was broken */
};

/* Make a device as it leaves the factory: the old release in slot A, and in
 * slot B one that is authentic and older still, which must never run. The
 * releases must fit the geometry and outlive it. False when they do not fit
 * or memory is short. */
bool sim_world_open(struct sim_world *w, const struct selv_geometry *geometry,
                    enum sim_flow flow, sim_app *app,
                    const struct sim_releases *releases);
void sim_world_close(struct sim_world *w);

/* Slot B holds the loader. */
bool sim_has_loader(const struct sim_world *w);

/* Whether a good release on trial loses power before it can confirm: with a
 * loader, in flow update, in as many boots as there are attempts. */
bool sim_world_is_outage(struct sim_world *w);

/* How the boots of a release end that never confirms: power cuts alone spend
 * no attempts where a loader has no way back. */
enum selv_reset_cause sim_unconfirmed_cause(const struct sim_world *w);

/* The release that the server offers to what runs now. */
const struct selv_release *sim_world_offer(const struct sim_world *w);

/* One decision of the bootloader, with power already on. */
bool sim_world_boot(struct sim_world *w, enum selv_reset_cause cause);

/* Power on and run, boot after boot, until power is lost (operation cut_op
 * from now, SELV_VFLASH_NO_CUT for never), a fixed point, or a fault. */
enum sim_outcome sim_world_run(struct sim_world *w, uint32_t cut_op,
                               uint32_t cut_way);

/* What was counted since power came on. */
struct sim_tally {
    uint32_t boots;
    uint32_t ops;       /* writes and erases */
    uint32_t reads;     /* of the bootloader's */
    uint32_t fallibles; /* writes and erases of the bootloader's */
    uint32_t noises;    /* reads of bytes that change at each */
    uint64_t ways;      /* to cut the operations */
};

struct sim_tally sim_world_tally(const struct sim_world *w);
void sim_world_count(struct sim_world *w, const struct sim_tally *tally);

/* Boots that a start may take. More is a boot loop: the longest flow
 * (download, three attempts, revert, report) takes 8, until no byte of flash
 * changes any more 4. */
#define SIM_BOOTS_MAX 20u

/* Run on from between two boots, with nothing cut. The flash is as it was
 * then; tally says what was counted until then. */
enum sim_outcome sim_world_run_on(struct sim_world *w,
                                  const struct sim_tally *tally,
                                  enum selv_reset_cause cause);

/* Cut this one operation, from flash as it is before it. */
enum sim_outcome sim_world_cut(struct sim_world *w,
                               const struct selv_vflash_op *op,
                               uint32_t cut_way);

/* A 64-bit hash of all that the next boots depend on, between two of them:
 * flash, history, the reason of the reset. What was planned to fail has. */
uint64_t sim_world_hash(const struct sim_world *w, enum selv_reset_cause cause);

/* Everything that survives a power cut, for going back to it: mem_len bytes
 * and the history that checks need. */
struct sim_state {
    uint8_t *mem;
    uint64_t accepted, floor;
    uint32_t cut_count;
    uint64_t confirmed;
    uint32_t outage_count;
    uint64_t stages[3]; /* accepted, floor, confirmed of stage 1 */
    bool is_back;
};

bool sim_state_open(struct sim_state *s, const struct sim_world *w);
void sim_state_close(struct sim_state *s);
void sim_state_save(struct sim_state *s, const struct sim_world *w);
void sim_state_load(const struct sim_state *s, struct sim_world *w);
/* A 64-bit hash of what save keeps, for recognising states that were met
 * before. */
uint64_t sim_state_hash(const struct sim_world *w);

#endif
