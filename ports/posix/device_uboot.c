/* SPDX-License-Identifier: Apache-2.0
 *
 * A device that U-Boot boots: there is no bootloader's turn here, only what
 * U-Boot left; and a reset is one of the machine. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "posix/device.h"

/* How long the machine may take to go down. */
#define REBOOT_S 300u

/* As it was copied: what fails in U-Boot's part has its line there. */
static int fail(struct device *d)
{
    device_say_error(d, d->uboot.why.text);
    return DEVICE_ENVIRONMENT;
}

/* With --once the caller is told, and may wait for it; otherwise this process
 * lives until it is ended, so that nobody starts it again too early. */
static int reboot_machine(struct device *d)
{
    const struct timespec second = {1, 0};
    int status;

    device_say_note(d, "rebooting");
    fflush(stdout);
    status = system(d->uboot.config.reboot);
    if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        snprintf(d->uboot.why.text, sizeof d->uboot.why.text,
                 "the reboot command failed: %.160s", d->uboot.config.reboot);
        return fail(d);
    }
    if (d->is_once) {
        return DEVICE_REBOOT;
    }
    for (unsigned i = 0; i < REBOOT_S; i++) {
        if (device_is_stopped()) {
            return DEVICE_CONFIRMED;
        }
        nanosleep(&second, NULL);
    }
    snprintf(d->uboot.why.text, sizeof d->uboot.why.text,
             "the machine did not reboot by %.160s", d->uboot.config.reboot);
    return fail(d);
}

static bool open_parts(struct device *d)
{
    struct selv_posix_uboot *u = &d->uboot;
    uint8_t slot;

    if (!selv_posix_uboot_config_read(&u->config, d->uboot_config, &u->why) ||
        !selv_posix_uboot_running(&u->config, &slot, &u->why) ||
        !selv_posix_parts_open(&u->parts, &d->flash, &u->config, slot,
                               &u->why)) {
        return false;
    }
    d->media = &u->parts.flash;
    d->layout = &u->parts.layout;
    return true;
}

static int live(struct device *d)
{
    struct selv_posix_uboot *u = &d->uboot;
    bool is_reset_due;

    if (!selv_posix_uboot_start(u, &d->factory, d->reset_cause, &d->record,
                                &is_reset_due)) {
        return fail(d);
    }
    if (is_reset_due) {
        device_say_note(d, "U-Boot did not follow the request: once more");
        return reboot_machine(d);
    }
    d->attempts_max = u->env.limit;
    device_read_version(d);
    device_say_boot(d);
    d->is_image_good = true;
    if (d->run && !device_run_hook(d, u->config.slot[d->record.slot])) {
        device_say_error(d, d->why.text);
        return DEVICE_ENVIRONMENT;
    }
    switch (device_app(d)) {
    case DEVICE_END_RESET:
        return reboot_machine(d);
    case DEVICE_END_RESTED:
        return device_outcome(d);
    case DEVICE_END_SIGNAL:
        return d->is_once ? DEVICE_FAILED : DEVICE_CONFIRMED;
    case DEVICE_END_ERROR:
        device_say_error(d, d->why.text);
        break;
    }
    return DEVICE_ENVIRONMENT;
}

int device_uboot_live(struct device *d)
{
    int code;

    d->reset_cause = SELV_RESET_UNKNOWN;
    if (!open_parts(d)) {
        return fail(d);
    }
    code = live(d);
    selv_posix_parts_close(&d->uboot.parts);
    return code;
}
