/* SPDX-License-Identifier: Apache-2.0
 *
 * The bootloader's turn, and the image's: here it is run as a file. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "posix/device.h"
#include "store/slot.h"

#define IMAGE_NAME "image.bin"

/* Nothing of storage is read where it lies. */
void device_boot_prepare_ram(struct device *d, struct selv_boot *boot,
                             struct selv_flash *unmapped)
{
    static uint8_t image[SELV_LAYOUT_DEFAULT_SIZE];
    static uint8_t manifest[SELV_SUIT_ENVELOPE_MAX];

    if (d->strategy != &selv_strategy_ram) {
        return;
    }
    *unmapped = d->flash.flash;
    unmapped->map = NULL;
    d->ram = (struct selv_buf){image, sizeof image, 0};
    boot->flash = unmapped;
    boot->ram = &d->ram;
    boot->scratch = (struct selv_buf){manifest, sizeof manifest, 0};
}

bool device_boot(struct device *d)
{
    struct selv_boot boot = {.flash = &d->flash.flash,
                             .layout = d->layout,
                             .factory = &d->factory,
                             .strategy = d->strategy,
                             .reset_cause = d->reset_cause};
    struct selv_flash unmapped;
    enum selv_verdict verdict;

    device_boot_prepare_ram(d, &boot, &unmapped);

    selv_posix_flash_set_role(&d->flash, SELV_POSIX_BOOTLOADER, SELV_SLOT_NONE);
    verdict = selv_boot_choose(&boot, &d->record);
    /* The journal is locked before anything else gets its turn. */
    selv_posix_flash_set_role(&d->flash, SELV_POSIX_APPLICATION,
                              d->record.slot);
    d->version = selv_bytes(NULL, 0);
    if (selv_is_good(verdict) && d->record.loader <= SELV_LOADER_RESTS) {
        device_read_version(d);
    }
    device_say_boot(d);
    return selv_is_good(verdict);
}

/* ---- the image as a file --------------------------------------------------
 */

/* How long the running image is: its manifest says it where it asks for the
 * digest. The bootloader has verified both a moment ago. */
static uint32_t image_len(const struct device *d)
{
    const struct selv_slot_place *place = &d->layout->slot[d->record.slot];
    bool is_in_place = d->layout == &selv_layout_in_place;
    uint8_t staging_id[SELV_FACTORY_STAGING_MAX];
    uint8_t staging_len = selv_factory_staging_id(&d->factory, staging_id);
    struct selv_suit_component components[] = {
        {{d->factory.component_id, d->factory.component_id_len},
         d->record.slot},
        {{staging_id, staging_len}, d->record.slot}};
    struct selv_suit_device facts = {.components = components,
                                     .component_count = is_in_place ? 2 : 1,
                                     .vendor_id = d->factory.vendor_id,
                                     .class_id = d->factory.class_id,
                                     .anchors = &d->factory.anchor,
                                     .anchor_count = 1};
    struct selv_buf scratch = {NULL, 0, 0};
    struct selv_bytes envelope;
    struct selv_suit_todo todo;
    struct selv_suit suit;

    selv_suit_init(&suit,
                   is_in_place ? &selv_suit_profile_boot_install
                               : &selv_suit_profile_boot_select,
                   &facts);
    if (selv_slot_envelope(&d->flash.flash, place, &scratch, &envelope) ||
        selv_suit_feed_part(&suit, envelope, envelope.len) ||
        !selv_is_good(selv_suit_check(&suit)) ||
        selv_suit_begin(&suit, SELV_SUIT_INVOCATION) ||
        selv_suit_poll(&suit, &todo) != SELV_SUIT_DIGEST || !todo.has_size ||
        todo.size > place->image_len) {
        return place->image_len;
    }
    return todo.size;
}

static bool write_image(struct device *d, const char *path)
{
    bool is_loaded = d->ram.len > 0;
    const uint8_t *from =
        is_loaded ? d->ram.p
                  : d->flash.map + d->layout->slot[d->record.slot].image_off;
    size_t left = is_loaded ? d->ram.len : image_len(d);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    bool is_good = fd >= 0;

    while (is_good && left > 0) {
        ssize_t n = write(fd, from, left);
        is_good = n > 0 || (n < 0 && errno == EINTR);
        if (n > 0) {
            from += n;
            left -= (size_t)n;
        }
    }
    if (fd >= 0 && close(fd) != 0) {
        is_good = false;
    }
    if (!is_good) {
        snprintf(d->why.text, sizeof d->why.text, "%.160s: %s", path,
                 strerror(errno));
    }
    return is_good;
}

/* ---- the hook -------------------------------------------------------------
 */

static void become_hook(const struct device *d, const char *path)
{
    char line[PATH_MAX + 16];
    char number[24];

    snprintf(number, sizeof number, "%llu",
             (unsigned long long)d->record.sequence);
    setenv("SELVAGE_SLOT", d->record.slot == SELV_SLOT_A ? "A" : "B", 1);
    setenv("SELVAGE_SEQUENCE", number, 1);
    setenv("SELVAGE_TRIAL", d->record.is_trial ? "1" : "0", 1);
    if (d->is_json) {
        /* Lines on stdout are ours alone. */
        dup2(STDERR_FILENO, STDOUT_FILENO);
    }
    /* A group of its own, so that all of it can be stopped. */
    setpgid(0, 0);
    snprintf(line, sizeof line, "%s \"$1\"", d->run);
    execl("/bin/sh", "sh", "-c", line, "sh", path, (char *)NULL);
    _exit(127);
}

/* Its exit status, or -1 when it had to be stopped. */
static int wait_for(pid_t child, uint64_t until_ms)
{
    const struct timespec pause = {0, 20000000};
    int status = 0;

    while (waitpid(child, &status, WNOHANG) == 0) {
        if (device_is_stopped() || selv_posix_now_ms() >= until_ms) {
            kill(-child, SIGKILL);
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return -1;
        }
        nanosleep(&pause, NULL);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool device_run_hook(struct device *d, const char *path)
{
    pid_t child;
    int status;

    fflush(stdout);
    child = fork();
    if (child < 0) {
        snprintf(d->why.text, sizeof d->why.text, "cannot start a process: %s",
                 strerror(errno));
        return false;
    }
    if (child == 0) {
        become_hook(d, path);
    }
    status = wait_for(child, selv_posix_now_ms() + d->trial_s * UINT64_C(1000));
    d->is_image_good = status == 0;
    if (status != 0 && !device_is_stopped()) {
        char text[96];
        snprintf(text, sizeof text,
                 status < 0 ? "the image did not end by itself"
                            : "the image ended with status %d",
                 status);
        device_say_note(d, text);
    }
    return true;
}

bool device_run_image(struct device *d)
{
    char path[PATH_MAX];

    d->is_image_good = true;
    /* The loader is this very program. */
    if (!d->run || d->record.loader > SELV_LOADER_RESTS) {
        return true;
    }
    snprintf(path, sizeof path, "%s/%s", d->state_dir, IMAGE_NAME);
    if (write_image(d, path)) {
        return device_run_hook(d, path);
    }
    /* A trial waits until there is room. What is confirmed does without: an
     * update may be what mends it. */
    if (d->record.is_trial) {
        return false;
    }
    device_say_error(d, d->why.text);
    return true;
}
