/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's clock: which step comes next, when a cycle begins, and what
 * the port is told. The steps are drawn in DESIGN.md, with the invariants
 * C1 to C16 that the other files name. */
#define SELV_MODULE 0x434e534du /* "CNSM" */
#include "consumer/consumer_int.h"

#define RETRY_FIRST_S 16u   /* after the first cycle without a server */
#define RETRY_LAST_S 3600u  /* and at most, if polls are not rarer still */
#define SPARE_LAST_S 65536u /* the same after updates that wore the slot */
#define RETRY_DOUBLINGS_MAX 12u
#define NO_COMPONENT 0xffu

_Static_assert(sizeof(void *) != 4 || SELV_SHA256_STATE_LEN > 112 ||
                   sizeof(struct selv_consumer) <= 5184,
               "struct selv_consumer is over its budget");

static void assert_state(const struct selv_consumer *c)
{
    SELV_ASSERT(c->step <= STEP_GIVE_UP &&
                c->envelope_len <= SELV_SUIT_ENVELOPE_MAX);
    /* C1: what a download may touch is never what runs. */
    SELV_ASSERT(c->idle == &c->config->layout->slot[idle_slot(c)]);
}

static bool is_interval(uint32_t seconds)
{
    return seconds - 1u < SELV_CONSUMER_SECONDS_MAX;
}

static bool is_config_good(const struct selv_consumer_config *config)
{
    return config->source_count > 0 &&
           config->source_count <= SELV_CONSUMER_SOURCES_MAX &&
           selv_record_is_valid(config->record) &&
           config->record->slot < SELV_SLOT_COUNT &&
           config->version.len <= SELV_CONSUMER_VERSION_MAX &&
           is_interval(config->poll_interval_s) &&
           is_interval(config->trial_timeout_s);
}

/* What boots the next image is what booted this one. */
static void read_capability(struct selv_suit_capability *boot,
                            const struct selv_boot_record *record)
{
    boot->commands = record->boot_commands;
    boot->parameters = record->boot_parameters;
    boot->envelope_max = record->boot_envelope_max;
    boot->sections = record->boot_sections;
    boot->components_max = record->boot_components_max;
    boot->depth_max = record->boot_depth_max < SELV_SUIT_DEPTH_MAX
                          ? record->boot_depth_max
                          : SELV_SUIT_DEPTH_MAX; /* ours is less deep */
    boot->signers_max = record->boot_signers_max;
}

static uint8_t first_tracker(const struct selv_consumer *c)
{
    for (uint8_t source = 0; source < c->config->source_count; source++) {
        if (!is_plain(c, source)) {
            return source;
        }
    }
    return NO_SOURCE;
}

/* component-slot compares with the slot that the image will run from. */
static void describe_components(struct selv_consumer *c)
{
    const struct selv_factory *factory = c->config->factory;
    struct selv_suit_component *application =
        &c->components[COMPONENT_APPLICATION];
    struct selv_suit_component *other = &c->components[COMPONENT_STAGING];

    application->id =
        selv_bytes(factory->component_id, factory->component_id_len);
    application->slot = idle_slot(c);
    c->device.components = c->components;
    c->device.component_count = 1;
    if (is_staging(c)) {
        application->slot = c->config->record->slot;
    }
    if (is_staging(c) || is_loading(c)) {
        enum selv_part part = is_staging(c) ? SELV_PART_STAGING : SELV_PART_RAM;
        other->id = selv_bytes(
            c->other_id, selv_factory_part_id(factory, part, c->other_id));
        other->slot = application->slot;
        c->device.component_count = 2;
    }
}

enum selv_err selv_consumer_init(struct selv_consumer *c,
                                 const struct selv_consumer_config *config,
                                 uint64_t now_ms)
{
    enum selv_err err;

    memset(c, 0, sizeof *c);
    if (!is_config_good(config)) {
        return SELV_ERR_ARG;
    }
    c->config = config;
    memcpy(c->random, config->random, sizeof c->random);
    c->now_ms = now_ms;
    c->tracker = first_tracker(c);
    for (unsigned i = 0; i < SELV_CONSUMER_LANES; i++) {
        c->lane[i].source = NO_SOURCE;
        c->lane[i].path_of = NO_SOURCE;
    }
    c->only = NO_SOURCE;
    selv_coap_client_init(&c->lane->client);
    read_capability(&c->boot, config->record);
    c->idle = &config->layout->slot[idle_slot(c)];
    describe_components(c);
    c->device.vendor_id = config->factory->vendor_id;
    c->device.class_id = config->factory->class_id;
    c->device.device_id = config->factory->device_id;
    c->device.anchors = &config->factory->anchor;
    c->device.anchor_count = 1;
    c->device.private = &selv_suit_chunks_known;
    c->device.boot = &c->boot;

    err = selv_log_read(config->flash, config->layout, &c->log);
    if (err == SELV_ERR_STORE_EMPTY || err == SELV_ERR_STORE_VERSION) {
        /* A log in a later format was left by an image that did not stay:
         * nothing in it binds this one. */
        memset(&c->log, 0, sizeof c->log);
    } else if (err) {
        return err;
    }
    selv_consumer_read_boot(c);
    return SELV_OK;
}

/* ---- what the other files ask for -----------------------------------------
 */

void selv_consumer_set_subject(struct selv_consumer *c, const uint8_t *digest,
                               uint64_t sequence)
{
    c->digest = digest;
    c->sequence = sequence;
}

void selv_consumer_tell(struct selv_consumer *c, enum selv_update_state state,
                        enum selv_err err)
{
    SELV_ASSERT(!has_flag(c, FLAG_EVENT));
    memset(&c->todo, 0, sizeof c->todo);
    c->todo.kind = SELV_CONSUMER_EVENT;
    c->todo.source = c->busy;
    c->todo.state = state;
    c->todo.err = err;
    c->todo.failure.err = err;
    c->todo.failure.component = NO_COMPONENT;
    c->todo.sequence = c->sequence;
    c->state = (uint8_t)state;
    set_flag(c, FLAG_EVENT);
}

void selv_consumer_end_cycle(struct selv_consumer *c, enum selv_err err)
{
    if (err) {
        selv_consumer_back_off(c);
    } else {
        selv_consumer_rest(c);
    }
    selv_consumer_tell(c, SELV_UPDATE_IDLE, err);
}

void selv_consumer_tell_server(struct selv_consumer *c, enum step then)
{
    struct selv_consumer_report *r = &c->report;

    memset(r, 0, sizeof *r);
    if (c->digest) {
        memcpy(r->suit.digest, c->digest, sizeof r->suit.digest);
    }
    r->suit.is_success = c->todo.err == SELV_OK;
    r->suit.reason = selv_suit_reason(c->todo.err);
    r->suit.failure = c->todo.failure;
    r->sequence = c->sequence;
    r->state = c->state;
    r->is_wanted = true;
    c->then = (uint8_t)then;
    c->step = has_id(c) ? STEP_REPORT : STEP_REGISTER;
    if (!has_tracker(c)) {
        r->is_wanted = false;
        c->step = c->then;
    }
}

void selv_consumer_draw(struct selv_consumer *c, uint8_t out[static 8])
{
    struct selv_sha256 h;
    uint8_t digest[SELV_SHA256_LEN];

    /* Each draw replaces the state by one that does not lead back to it. */
    selv_sha256_init(&h);
    selv_sha256_update(&h, c->random, sizeof c->random);
    selv_sha256_finish(&h, digest);
    memcpy(c->random, digest, sizeof c->random);
    memcpy(out, digest + sizeof c->random, 8);
    selv_wipe(digest, sizeof digest);
}

/* Up to a quarter longer, so that devices that began together part. A longer
 * rest that this cycle has already earned stays: C11 holds, too, when the
 * server does not take the report of the failure. */
static uint64_t sleep_until(struct selv_consumer *c, uint32_t seconds)
{
    uint32_t ms = seconds * 1000u;
    uint8_t random[8];

    selv_consumer_draw(c, random);
    return c->now_ms + ms + (ms >> 10) * random[0];
}

/* C16: what is pushed or told of in between makes an update no older. */
static void count_look(struct selv_consumer *c)
{
    if (c->only == NO_SOURCE && c->holds > 0) {
        c->holds--;
    }
}

static void sleep(struct selv_consumer *c, uint64_t until_ms)
{
    c->step = STEP_REST;
    c->next_ms = until_ms > c->next_ms ? until_ms : c->next_ms;
    c->due_ms = c->next_ms;
}

void selv_consumer_rest(struct selv_consumer *c)
{
    uint64_t until_ms = sleep_until(c, c->config->poll_interval_s);

    if (c->only != NO_SOURCE) {
        /* Who is heard alone keeps nobody else from being asked in time. */
        until_ms = c->due_ms > c->now_ms ? c->due_ms : c->now_ms + 1;
    }
    c->failures = 0;
    count_look(c);
    sleep(c, until_ms);
}

/* The end of a rest that grows with count, which this one adds to. */
static uint64_t longer(struct selv_consumer *c, uint8_t *count, uint32_t last_s)
{
    uint32_t poll_s = c->config->poll_interval_s;
    uint32_t most_s = poll_s > last_s ? poll_s : last_s;
    uint32_t wait_s = poll_s < RETRY_FIRST_S ? poll_s : RETRY_FIRST_S;

    wait_s <<= *count;
    if (*count < RETRY_DOUBLINGS_MAX && wait_s < last_s) {
        ++*count;
    }
    return sleep_until(c, wait_s < most_s ? wait_s : most_s);
}

/* C16: a cycle that ends with trouble is a look if one was put off in it, or
 * who keeps one source dead would have the others' wait for ever. */
void selv_consumer_back_off(struct selv_consumer *c)
{
    if (has_flag(c, FLAG_PUT_OFF)) {
        count_look(c);
    }
    sleep(c, longer(c, &c->failures, RETRY_LAST_S));
}

/* C11: nobody ends the rest of one that cost flash and brought nothing; it
 * grows longest where sectors of the slot were erased for that. Who pushed
 * rests alone. */
void selv_consumer_spare(struct selv_consumer *c, bool is_away)
{
    bool is_worth = is_away && has_flag(c, FLAG_GREW);
    bool is_worn = !is_away || (has_flag(c, FLAG_ERASED) && !is_worth);
    uint32_t last_s = is_worn ? SPARE_LAST_S : RETRY_LAST_S;
    uint64_t until_ms =
        longer(c, is_pushed(c) ? &c->misled : &c->wasted, last_s);
    bool is_spared = is_worn || (has_flag(c, FLAG_SPENT) && !is_worth);

    if (!is_worth) {
        count_look(c);
    }
    if (is_pushed(c)) {
        c->push_ms = is_spared ? until_ms : c->push_ms;
        until_ms = c->due_ms > c->now_ms ? c->due_ms : c->now_ms + 1;
    }
    sleep(c, until_ms);
    if (is_spared && !is_pushed(c)) {
        c->spare_ms = c->next_ms;
    }
}

/* ---- the interface --------------------------------------------------------
 */

void selv_consumer_feed(struct selv_consumer *c, uint8_t source,
                        struct selv_bytes datagram, uint64_t now_ms)
{
    struct selv_consumer_lane *l = selv_consumer_lane_of(c, source);

    if (l == NULL || is_port(c, source) || l->rx_len > 0 || datagram.len == 0) {
        return;
    }
    if (datagram.len > sizeof l->rx) {
        l->is_oversize = true;
        return;
    }
    memcpy(l->rx, datagram.p, datagram.len);
    datagram.p = l->rx;
    if (c->step == STEP_IMAGE
            ? selv_coap_fetch_feed(&l->fetch, now_ms, datagram)
            : selv_coap_client_feed(&l->client, now_ms, datagram)) {
        l->rx_len = (uint16_t)datagram.len;
    }
}

static void begin_cycle(struct selv_consumer *c)
{
    c->next_ms = 0;
    c->asked = (uint8_t)(c->only == NO_SOURCE ? 0 : ~(1u << c->only));
    for (uint8_t i = 0; i < c->config->source_count; i++) {
        if (c->config->sources[i].is_push && c->now_ms < c->push_ms) {
            c->asked = (uint8_t)(c->asked | 1u << i);
        }
    }
    c->trouble = SELV_OK;
    clear_flag(c, FLAG_PUT_OFF);
    if (selv_consumer_has_more(c)) {
        selv_consumer_ask_next(c);
    } else {
        selv_consumer_rest(c);
    }
}

static void rest_poll(struct selv_consumer *c)
{
    if (c->now_ms >= c->next_ms) {
        if (c->next_ms > 0) {
            c->only = NO_SOURCE; /* its time has come: for all */
        }
        begin_cycle(c);
    } else if (is_idle_loader(c) && selv_consumer_hand_back(c) == SELV_OK) {
        c->todo.until_ms = c->now_ms;
    } else {
        c->todo.until_ms = c->next_ms;
    }
}

static void work(struct selv_consumer *c)
{
    switch ((enum step)c->step) {
    case STEP_REST:
        rest_poll(c);
        break;
    case STEP_REGISTER:
    case STEP_REPORT:
    case STEP_MANIFEST:
        selv_consumer_exchange(c);
        break;
    case STEP_IMAGE:
        selv_consumer_image(c);
        break;
    case STEP_DECIDE:
        selv_consumer_decide(c);
        break;
    case STEP_PROCEED:
        selv_consumer_proceed(c);
        break;
    case STEP_DIGEST:
        selv_consumer_hash(c);
        break;
    case STEP_KEEP:
        selv_consumer_keep(c);
        break;
    case STEP_SELFTEST:
        selv_consumer_try(c);
        break;
    case STEP_CONFIRM:
        selv_consumer_confirm(c);
        break;
    case STEP_REBOOT:
        c->todo.kind = SELV_CONSUMER_REBOOT;
        break;
    case STEP_GIVE_UP:
        c->todo.kind = SELV_CONSUMER_GIVE_UP;
        break;
    }
}

enum selv_consumer_todo_kind selv_consumer_poll(struct selv_consumer *c,
                                                uint64_t now_ms,
                                                struct selv_consumer_todo *todo)
{
    assert_state(c);
    c->now_ms = now_ms;
    if (has_flag(c, FLAG_CANCEL)) {
        clear_flag(c, FLAG_CANCEL);
        memset(todo, 0, sizeof *todo);
        todo->kind = SELV_CONSUMER_CANCEL;
        todo->source = c->cancelled;
        return todo->kind;
    }
    if (!has_flag(c, FLAG_EVENT)) {
        memset(&c->todo, 0, sizeof c->todo);
        c->todo.kind = SELV_CONSUMER_WAIT;
        c->todo.until_ms = now_ms;
        work(c);
    }
    clear_flag(c, FLAG_EVENT);
    *todo = c->todo;
    return todo->kind;
}

bool selv_consumer_may_check(const struct selv_consumer *c)
{
    return c->step == STEP_REST && c->now_ms >= c->spare_ms;
}

bool selv_consumer_may_push(const struct selv_consumer *c)
{
    return selv_consumer_may_check(c) && c->now_ms >= c->push_ms;
}

void selv_consumer_check_now(struct selv_consumer *c)
{
    if (selv_consumer_may_check(c)) {
        c->next_ms = 0;
        c->only = NO_SOURCE;
    }
}

void selv_consumer_check_source(struct selv_consumer *c, uint8_t source)
{
    bool is_push =
        source < c->config->source_count && c->config->sources[source].is_push;

    if ((is_push ? selv_consumer_may_push(c) : selv_consumer_may_check(c)) &&
        source < c->config->source_count && c->next_ms > 0) {
        c->next_ms = 0;
        c->only = source;
    }
}

void selv_consumer_moved(struct selv_consumer *c, uint8_t source)
{
    struct selv_consumer_lane *l = selv_consumer_lane_of(c, source);

    if (l != NULL && !is_port(c, source) && c->step == STEP_IMAGE) {
        selv_coap_fetch_moved(&l->fetch);
    } else if (c->lane->path_of == source) {
        c->lane->path_of = NO_SOURCE;
    }
}

struct selv_bytes selv_consumer_name(const struct selv_consumer *c,
                                     uint8_t *source)
{
    *source = c->id_source;
    return selv_bytes(c->id_query, c->id_len > 0 ? sizeof c->id_query : 0);
}

enum selv_update_state selv_consumer_state(const struct selv_consumer *c)
{
    return (enum selv_update_state)c->state;
}

bool selv_consumer_is_resting(const struct selv_consumer *c)
{
    return c->step == STEP_REST && c->next_ms > 0 && !has_flag(c, FLAG_EVENT) &&
           !is_idle_loader(c);
}
