/* SPDX-License-Identifier: Apache-2.0
 *
 * The application's turn: drive the consumer until it asks for a reset. */
#include "posix/device.h"

static bool start(struct device *d)
{
    enum selv_err err;

    d->config = (struct selv_consumer_config){.flash = d->media,
                                              .layout = d->layout,
                                              .factory = &d->factory,
                                              .record = &d->record,
                                              .version = d->version,
                                              .poll_interval_s = d->poll_s,
                                              .trial_timeout_s = d->trial_s,
                                              .sources = d->sources,
                                              .source_count = d->source_count};
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
    device_net_tell(d, todo);
    if (todo->err && d->uboot_config && d->uboot.why.text[0]) {
        device_say_error(d, d->uboot.why.text);
        d->uboot.why.text[0] = '\0';
    }
}

static void answer_selftest(struct device *d)
{
    selv_consumer_selftest(&d->consumer, d->is_image_good);
}

static enum device_end run(struct device *d)
{
    struct selv_consumer_todo todo;

    while (!device_is_stopped()) {
        uint64_t now_ms = selv_posix_now_ms();
        switch (selv_consumer_poll(&d->consumer, now_ms, &todo)) {
        case SELV_CONSUMER_SEND:
            device_net_send(d, &todo);
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
            device_net_wait(d, todo.until_ms);
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
        case SELV_CONSUMER_FETCH:
            device_net_fetch(d, &todo);
            break;
        case SELV_CONSUMER_CANCEL:
            device_net_cancel(d, todo.source);
            break;
        }
    }
    return DEVICE_END_SIGNAL;
}

enum device_end device_app(struct device *d)
{
    enum device_end end;

    if (!start(d)) {
        return DEVICE_END_ERROR;
    }
    end = run(d);
    device_net_reset(d);
    return end;
}
