/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer/consumer_int.h - what the files of this folder share. One noun
 * each:
 *   consumer.c           the engine's clock: steps, cycles, events
 *   consumer_wire.c      profile and status, encoded (docs/spec/coap.md)
 *   consumer_source.c    whom to ask; what a port source reads for us
 *   consumer_exchange.c  one transfer, and what its end means
 *   consumer_decide.c    from an envelope to a verdict; nothing is written
 *   consumer_image.c     an image and its chunk list: begin, record, end
 *   consumer_lane.c      sources at work on them, several at a time
 *   consumer_part.c      their parts in flash, in any order
 *   consumer_download.c  the idle slot: begin, hash, keep
 *   consumer_trial.c     self-test, confirmation, outcome of the last boot */
#ifndef SELV_CONSUMER_CONSUMER_INT_H
#define SELV_CONSUMER_CONSUMER_INT_H

#include "consumer/consumer.h"

/* What the next poll works on (DESIGN.md draws how they follow). */
enum step {
    STEP_REST,     /* until next_ms */
    STEP_REGISTER, /* exchange POST /reg, then a report if one is wanted */
    STEP_REPORT,   /* exchange POST /s, then the step in c->then */
    STEP_MANIFEST, /* exchange GET /m */
    STEP_DECIDE,   /* authenticate, check, apply the rules */
    STEP_PROCEED,  /* run the manifest's update procedure */
    STEP_IMAGE,    /* exchange GET of the image */
    STEP_DIGEST,   /* hash the image in the slot */
    STEP_KEEP,     /* store the envelope, ask the bootloader for the trial */
    STEP_SELFTEST, /* on trial: wait for the port's verdict */
    STEP_CONFIRM,  /* hand the nonce back */
    STEP_REBOOT,
    STEP_GIVE_UP
};

#define FLAG_EVENT 0x01u         /* c->event waits to be told */
#define FLAG_PUT_OFF 0x02u       /* a manifest was, in this cycle */
#define FLAG_RENEWED 0x04u       /* registered again in this cycle */
#define FLAG_WHOLE 0x08u         /* envelope holds all that the server has */
#define FLAG_WRITTEN 0x10u       /* flash was touched for this manifest */
#define FLAG_IMAGE_GOOD 0x20u    /* the slot's bytes had the digest asked for */
#define FLAG_SELFTEST_TOLD 0x40u /* the port was asked for the self-test */
#define FLAG_AWAY 0x100u         /* the last source of the fetch was away */
#define FLAG_TOUCHED 0x200u      /* the slot was, in this boot */
#define FLAG_BEGUN 0x4000u       /* and is as the log says, if DOWNLOADING */
#define FLAG_PART 0x400u         /* envelope holds no more than fits */
#define FLAG_CANCEL 0x800u       /* the port is to be told so */

#define FLAG_LISTED 0x1000u   /* the chunk list is there, and good */
#define FLAG_LISTLESS 0x2000u /* it did no good: do without */

/* Of this update. */
#define FLAG_SPENT 0x80u    /* flash was written or erased for it */
#define FLAG_ERASED 0x8000u /* sectors of the slot were */
#define FLAG_GREW 0x10000u  /* more of it is on record than before */
#define FLAG_BAD 0x20000u   /* a source gave what is not the manifest's */
#define FLAG_REST 0x40000u  /* bytes of a time before this boot count */

#define FLAG_BORNE 0x100000u /* who is slow is borne: nobody else is left */
#define FLAG_ALONE 0x80000u  /* mixed sources did no good: one at a time */

#define NO_SOURCE 0xffu
#define NO_PART UINT32_MAX

/* In a log that is IDLE: the loader refused digest. */
#define PROGRESS_REFUSED UINT32_MAX

static inline bool has_flag(const struct selv_consumer *c, uint32_t flag)
{
    return (c->flags & flag) != 0;
}

static inline void set_flag(struct selv_consumer *c, uint32_t flag)
{
    c->flags |= flag;
}

static inline void clear_flag(struct selv_consumer *c, uint32_t flag)
{
    c->flags &= ~flag;
}

static inline bool is_loader(const struct selv_consumer *c,
                             enum selv_loader_role role)
{
    return c->config->record->loader == role;
}

/* The slot that an update goes to, never the running one; but an application
 * whose loader writes it asks for that, and writes nothing. */
static inline uint8_t idle_slot(const struct selv_consumer *c)
{
    return is_loader(c, SELV_LOADER_RESTS) ? c->config->record->slot
                                           : c->config->record->slot ^ 1u;
}

/* We are the loader, were asked for an update, and there is none to be had: the
 * application is to run again. */
static inline bool is_idle_loader(const struct selv_consumer *c)
{
    return is_loader(c, SELV_LOADER_ASKED) && c->step == STEP_REST &&
           c->next_ms > c->now_ms && !has_flag(c, FLAG_TOUCHED);
}

/* Whether the bootloader installs: then the idle slot is the staging area, a
 * component of its own, and an update here is payload-fetch alone. */
static inline bool is_staging(const struct selv_consumer *c)
{
    return (c->boot.sections >> SELV_SUIT_SECTION_INSTALL & 1u) != 0;
}

/* Whether the bootloader loads the image into RAM, a component of its own, and
 * runs it there. */
static inline bool is_loading(const struct selv_consumer *c)
{
    return !is_staging(c) &&
           (c->boot.sections >> SELV_SUIT_SECTION_LOAD & 1u) != 0;
}

/* A device has at most one of the last two. */
enum {
    COMPONENT_APPLICATION,
    COMPONENT_STAGING,
    COMPONENT_RAM = COMPONENT_STAGING
};

static inline bool is_port(const struct selv_consumer *c, uint8_t source)
{
    return c->config->sources[source].is_port;
}

static inline bool is_plain(const struct selv_consumer *c, uint8_t source)
{
    return is_port(c, source) || c->config->sources[source].is_plain;
}

/* The manifest at hand was handed to us. */
static inline bool is_pushed(const struct selv_consumer *c)
{
    return c->config->sources[c->source].is_push;
}

static inline bool has_tracker(const struct selv_consumer *c)
{
    return c->tracker != NO_SOURCE;
}

/* The tracker knows us. */
static inline bool has_id(const struct selv_consumer *c)
{
    return c->id_len > 0 && c->id_source == c->tracker;
}

/* The component that runs. */
static inline uint8_t running_component(const struct selv_consumer *c)
{
    return is_loading(c) ? COMPONENT_RAM : COMPONENT_APPLICATION;
}

/* The component whose bytes are in the idle slot. */
static inline uint8_t idle_component(const struct selv_consumer *c)
{
    return is_staging(c) ? COMPONENT_STAGING : COMPONENT_APPLICATION;
}

/* What of a manifest's update is done here. */
static inline enum selv_suit_procedure
update_procedure(const struct selv_consumer *c)
{
    return is_staging(c) ? SELV_SUIT_STAGING : SELV_SUIT_UPDATE;
}

/* ---- consumer.c -----------------------------------------------------------
 */

/* What events and reports are about from now on. digest, 32 bytes, stays
 * where it is until the next call; NULL and 0: nothing authentic. */
void selv_consumer_set_subject(struct selv_consumer *c, const uint8_t *digest,
                               uint64_t sequence);
/* Enter a state and have it told by this poll. */
void selv_consumer_tell(struct selv_consumer *c, enum selv_update_state state,
                        enum selv_err err);
/* The cycle ends without an update; an error says why nothing is known. */
void selv_consumer_end_cycle(struct selv_consumer *c, enum selv_err err);
/* The next cycle comes after the poll interval. */
void selv_consumer_rest(struct selv_consumer *c);
/* The same, sooner at first and ever later while it goes on failing: after a
 * cycle that found no server; */
void selv_consumer_back_off(struct selv_consumer *c);
/* after an update that failed, and that flash was touched for. */
void selv_consumer_spare(struct selv_consumer *c, bool is_away);
/* Have the event of this poll reported to the server, registering first if
 * needed, and go on with then. */
void selv_consumer_tell_server(struct selv_consumer *c, enum step then);
/* 8 unpredictable bytes. */
void selv_consumer_draw(struct selv_consumer *c, uint8_t out[static 8]);

/* ---- consumer_wire.c ------------------------------------------------------
 */

/* Both write c->body and c->body_len. */
void selv_consumer_put_profile(struct selv_consumer *c);
void selv_consumer_put_status(struct selv_consumer *c);

/* ---- consumer_source.c ----------------------------------------------------
 */

/* Not all sources have been asked in this cycle. */
bool selv_consumer_has_more(const struct selv_consumer *c);
/* Ask the next one, of which there must be one. */
void selv_consumer_ask_next(struct selv_consumer *c);
/* The source has no update for us (SELV_OK), or is of no use: the next one, or
 * the end of the cycle. */
void selv_consumer_turn(struct selv_consumer *c, enum selv_err err);
/* Which sources may have what the URI names, into c->left; false: none. */
bool selv_consumer_locate(struct selv_consumer *c, struct selv_bytes uri);
/* The best of them, which leaves c->left; 0xff: there is none any more. Those
 * that the port reads only where that may be. */
uint8_t selv_consumer_pick(struct selv_consumer *c, bool may_port);
/* What that one is asked for, into c->path and c->query. */
void selv_consumer_aim(struct selv_consumer *c, uint8_t source);
/* What came from a source was wrong. */
void selv_consumer_blame(struct selv_consumer *c, uint8_t source);
/* The same of all that gave bytes of this image. */
void selv_consumer_blame_givers(struct selv_consumer *c);
/* c->path of the manifest at a plain source, in c->body. */
void selv_consumer_name_manifest(struct selv_consumer *c);
/* The URI reference of the chunk list, in c->body: beside the image. */
struct selv_bytes selv_consumer_name_list(struct selv_consumer *c);
/* Have the lane's port source read what c->path names. */
void selv_consumer_read(struct selv_consumer *c, struct selv_consumer_lane *l,
                        uint32_t from, uint32_t end);
/* That is over. */
bool selv_consumer_has_read(struct selv_consumer *c,
                            struct selv_consumer_lane *l, enum selv_err *err);
/* It is not wanted any more. */
void selv_consumer_cancel(struct selv_consumer *c, uint8_t source);
/* The lane that has a transfer with a source, or NULL. */
struct selv_consumer_lane *selv_consumer_lane_of(struct selv_consumer *c,
                                                 uint8_t source);

/* ---- consumer_exchange.c --------------------------------------------------
 */

/* The lane's path is of its source from now on. */
void selv_consumer_know_path(struct selv_consumer *c,
                             struct selv_consumer_lane *l);
void selv_consumer_take_manifest(struct selv_consumer *c,
                                 struct selv_bytes piece);

/* Start or go on with the exchange of this step. */
void selv_consumer_exchange(struct selv_consumer *c);
/* True when trying again later may help: nobody answered, or the server has
 * trouble of its own. */
bool selv_consumer_is_away(enum selv_err err, uint8_t code);

/* ---- consumer_decide.c ----------------------------------------------------
 */

void selv_consumer_decide(struct selv_consumer *c);
/* The manifest at hand is refused (nothing written yet) or failed. */
void selv_consumer_refuse(struct selv_consumer *c, enum selv_err err);
/* The update under way is worth waiting for: rule 10. */
void selv_consumer_hold(struct selv_consumer *c);

/* ---- consumer_download.c --------------------------------------------------
 */

void selv_consumer_proceed(struct selv_consumer *c);
/* Whether a fetch can be done, but for what flash and network may say; its
 * sources into c->left. */
SELV_MUST_CHECK enum selv_err
selv_consumer_check_fetch(struct selv_consumer *c,
                          const struct selv_suit_todo *todo);
/* Write c->log, with another state. */
SELV_MUST_CHECK enum selv_err selv_consumer_write_log(struct selv_consumer *c,
                                                      enum selv_log_state to);
/* The same about the current subject, from the beginning. */
SELV_MUST_CHECK enum selv_err selv_consumer_begin_log(struct selv_consumer *c,
                                                      enum selv_log_state to,
                                                      uint8_t slot);
void selv_consumer_hash(struct selv_consumer *c);
/* Where a loader fetches: have it run instead of us, or the application
 * instead of it. */
void selv_consumer_ask_loader(struct selv_consumer *c);
SELV_MUST_CHECK enum selv_err selv_consumer_hand_back(struct selv_consumer *c);
void selv_consumer_keep(struct selv_consumer *c);

/* ---- consumer_image.c -----------------------------------------------------
 */

enum phase { PHASE_LOOK, PHASE_LIST, PHASE_SCAN, PHASE_IMAGE };

/* Begin with what todo says, which was checked. */
void selv_consumer_begin_image(struct selv_consumer *c,
                               const struct selv_suit_todo *todo);
/* Go on; ends with the answer to the engine, and STEP_PROCEED. */
void selv_consumer_image(struct selv_consumer *c);
/* The part at start was on record, and need not be fetched. */
bool selv_consumer_is_there(const struct selv_consumer *c, uint32_t start);
/* The part at start is about to be erased: C5. */
SELV_MUST_CHECK enum selv_err selv_consumer_unnote(struct selv_consumer *c,
                                                   uint32_t start);
/* One more part is there: C5. */
SELV_MUST_CHECK enum selv_err selv_consumer_note(struct selv_consumer *c);
/* An event, or that of this poll, of what has come by now. */
void selv_consumer_tell_progress(struct selv_consumer *c, uint8_t source,
                                 bool is_resumed);
/* All parts are there. */
void selv_consumer_end_parts(struct selv_consumer *c);
/* Nobody is left; the last one was away. */
void selv_consumer_give_in(struct selv_consumer *c, enum selv_err err,
                           bool is_away);
/* Before the next source goes on. */
void selv_consumer_go_on(struct selv_consumer *c);

/* ---- consumer_lane.c ------------------------------------------------------
 */

/* All lanes are free. */
void selv_consumer_lanes_begin(struct selv_consumer *c);
/* Begin or go on with what is missing. */
void selv_consumer_lanes_work(struct selv_consumer *c);
/* What a port source was asked for has not ended yet. */
bool selv_consumer_is_port_busy(const struct selv_consumer *c);
/* End whatever is under way. */
void selv_consumer_lanes_stop(struct selv_consumer *c);
/* The next bytes of a port source. */
SELV_MUST_CHECK enum selv_err
selv_consumer_take_image(struct selv_consumer *c, struct selv_consumer_lane *l,
                         uint32_t offset, struct selv_bytes bytes);

/* ---- consumer_part.c ------------------------------------------------------
 */

/* size bytes that are to lie at base in flash. */
void selv_consumer_parts_begin(struct selv_consumer *c, uint32_t base,
                               uint32_t size, uint32_t align);
/* Behind the part that begins at start. */
uint32_t selv_consumer_part_end(const struct selv_consumer *c, uint32_t start);
/* The part at start is there. One beyond the window is forgotten again. */
void selv_consumer_part_done(struct selv_consumer *c, uint32_t start);
/* A lane opens the part at start, which no other has. */
SELV_MUST_CHECK enum selv_err
selv_consumer_part_open(struct selv_consumer *c, struct selv_consumer_lane *l,
                        uint32_t start);
/* Some lane has it. */
bool selv_consumer_is_part_open(const struct selv_consumer *c, uint32_t start);
/* The lane has the part open that offset lies in, from *start on, and nothing
 * of it has come. */
bool selv_consumer_is_part_fresh(const struct selv_consumer *c,
                                 struct selv_consumer_lane *l, uint32_t offset,
                                 uint32_t *start);
/* Bytes of one that the lane has open; is_whole: its last ones, and good. */
SELV_MUST_CHECK enum selv_err
selv_consumer_part_put(struct selv_consumer *c, struct selv_consumer_lane *l,
                       uint32_t offset, struct selv_bytes bytes,
                       bool *is_whole);
/* Forget what the lane has not brought to its end. */
void selv_consumer_parts_leave(struct selv_consumer_lane *l);
/* Whether flash holds what the chunk list says. */
bool selv_consumer_is_part_good(const struct selv_consumer *c, uint32_t start);

/* ---- consumer_trial.c -----------------------------------------------------
 */

/* What this boot has to tell or to do first. */
void selv_consumer_read_boot(struct selv_consumer *c);
void selv_consumer_try(struct selv_consumer *c);
void selv_consumer_confirm(struct selv_consumer *c);
/* The server has taken the report of a boot's outcome: note it, so that it
 * is told once. */
void selv_consumer_note_told(struct selv_consumer *c);

#endif
