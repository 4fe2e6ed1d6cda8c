/* SPDX-License-Identifier: Apache-2.0
 *
 * The application's turn: drive the consumer until it asks for a reset. */
#include "posix/device.h"

/* Refusals by the other end's kernel that --once takes for an answer: those of
 * two transmissions, two to three seconds apart. */
#define REFUSALS_MAX 2u
/* Waits are cut up so that a signal between two looks is not slept over. */
#define NAP_MS 1000u

static bool start(struct device *d)
{
    enum selv_err err;

    snprintf(d->base, sizeof d->base, "coap://%s", d->udp.authority);
    d->source = (struct selv_consumer_source){
        .base = selv_bytes(d->base, strlen(d->base)),
        .host = selv_bytes(d->udp.host, strlen(d->udp.host))};
    d->config = (struct selv_consumer_config){.flash = d->media,
                                              .layout = d->layout,
                                              .factory = &d->factory,
                                              .record = &d->record,
                                              .version = d->version,
                                              .poll_interval_s = d->poll_s,
                                              .trial_timeout_s = d->trial_s,
                                              .sources = &d->source,
                                              .source_count = 1};
    if (d->uboot_config) {
        d->config.installer = &selv_posix_uboot_installer;
        d->config.installer_context = &d->uboot;
    }
    err = selv_posix_random(d->config.random, sizeof d->config.random);
    if (!err) {
        err = selv_consumer_init(&d->consumer, &d->config, selv_posix_now_ms());
    }
    if (err) {
        snprintf(d->why.text, sizeof d->why.text,
                 "the consumer does not start: %s", selv_err_str(err));
    }
    return err == SELV_OK;
}

static void note_event(struct device *d, const struct selv_consumer_todo *todo)
{
    switch (todo->state) {
    case SELV_UPDATE_CONFIRMED:
        d->has_confirmed = true;
        d->reset_count = 0;
        break;
    case SELV_UPDATE_REVERTED:
        d->has_reverted = true;
        break;
    case SELV_UPDATE_REJECTED:
    case SELV_UPDATE_FAILED:
        if (todo->is_away) {
            d->has_missed_server = true;
        } else {
            d->has_refused = true;
        }
        break;
    case SELV_UPDATE_IDLE:
        d->has_missed_server = d->has_missed_server || todo->err != SELV_OK;
        break;
    default:
        break;
    }
    device_say_event(d, todo);
    if (todo->err && d->uboot_config && d->uboot.why.text[0]) {
        device_say_error(d, d->uboot.why.text);
        d->uboot.why.text[0] = '\0';
    }
}

/* One wait. False: nobody listens there, and --once has waited enough. */
static bool wait_some(struct device *d, uint64_t until_ms, unsigned *refusals)
{
    uint8_t datagram[2048];
    uint64_t now_ms = selv_posix_now_ms();
    /* until_ms may be past by now. */
    uint64_t nap_ms = until_ms > now_ms + NAP_MS ? now_ms + NAP_MS : until_ms;
    size_t len;

    len = selv_posix_udp_receive(&d->udp, nap_ms, datagram, sizeof datagram);
    if (len > 0) {
        *refusals = 0;
        selv_consumer_feed(&d->consumer, 0, selv_bytes(datagram, len),
                           selv_posix_now_ms());
    } else if (d->udp.is_refused) {
        d->udp.is_refused = false;
        ++*refusals;
    }
    return !(d->is_once && *refusals >= REFUSALS_MAX);
}

static void answer_selftest(struct device *d)
{
    selv_consumer_selftest(&d->consumer, d->is_image_good);
}

enum device_end device_app(struct device *d)
{
    struct selv_consumer_todo todo;
    unsigned refusals = 0;

    if (!start(d)) {
        return DEVICE_END_ERROR;
    }
    while (!device_is_stopped()) {
        uint64_t now_ms = selv_posix_now_ms();
        switch (selv_consumer_poll(&d->consumer, now_ms, &todo)) {
        case SELV_CONSUMER_SEND:
            selv_posix_udp_send(&d->udp, todo.bytes);
            break;
        case SELV_CONSUMER_WAIT:
            if (todo.until_ms <= now_ms) {
                break;
            }
            if (selv_consumer_is_resting(&d->consumer)) {
                d->reset_count = 0;
                if (d->is_once) {
                    return DEVICE_END_RESTED;
                }
            }
            if (!wait_some(d, todo.until_ms, &refusals)) {
                return DEVICE_END_NO_SERVER;
            }
            break;
        case SELV_CONSUMER_EVENT:
            note_event(d, &todo);
            break;
        case SELV_CONSUMER_SELFTEST:
            answer_selftest(d);
            break;
        case SELV_CONSUMER_REBOOT:
            d->reset_cause = SELV_RESET_REQUESTED;
            return DEVICE_END_RESET;
        case SELV_CONSUMER_GIVE_UP:
            d->reset_cause = SELV_RESET_WATCHDOG;
            return DEVICE_END_RESET;
        case SELV_CONSUMER_FETCH: /* there is no port source */
        case SELV_CONSUMER_CANCEL:
            break;
        }
    }
    return DEVICE_END_SIGNAL;
}
