/* SPDX-License-Identifier: Apache-2.0
 *
 * Recovery on a pseudo terminal, which stands for the serial line of a board:
 * the bootloader's own engine, byte by byte. */
#define _XOPEN_SOURCE 600 /* posix_openpt and its like */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "boot/recover.h"
#include "posix/device.h"

#define TERMINALS "/dev/pts/"

enum {
    FRAME_CAP = 1024,
    LOOK_MS = 100,    /* between looks at the signals */
    SILENCE_MS = 3000 /* once an image is ready: then it boots anyway */
};

/* A pseudo terminal, raw; its other side stays open here, too, so that the
 * line outlives whoever comes and goes at the other end. */
struct terminal {
    int fd;
    int other;
    char name[64]; /* of the other side, while PATH is a link of ours to it */
};

static bool terminal_fail(struct device *d, const char *what)
{
    snprintf(d->why.text, sizeof d->why.text, "%.160s: %s", what,
             strerror(errno));
    return false;
}

/* Where the link at PATH leads; false: there is no link. */
static bool link_read(const struct device *d, char target[static PATH_MAX])
{
    ssize_t n = readlink(d->recover, target, PATH_MAX - 1);

    target[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* What an earlier run left, when it was killed, is a link to a pseudo terminal.
 * Whatever else stands there is somebody's. */
void device_recover_tidy(const struct device *d)
{
    char target[PATH_MAX];

    if (link_read(d, target) &&
        strncmp(target, TERMINALS, strlen(TERMINALS)) == 0) {
        unlink(d->recover);
    }
}

static bool link_make(struct device *d, struct terminal *t, const char *target)
{
    device_recover_tidy(d);
    if (strlen(target) >= sizeof t->name || symlink(target, d->recover) != 0) {
        return terminal_fail(d, d->recover);
    }
    strcpy(t->name, target);
    return true;
}

/* Only our own, and only while it is. */
static void link_remove(const struct device *d, const struct terminal *t)
{
    char target[PATH_MAX];

    if (t->name[0] != '\0' && link_read(d, target) &&
        strcmp(target, t->name) == 0) {
        unlink(d->recover);
    }
}

static bool terminal_open(struct device *d, struct terminal *t)
{
    struct termios raw;
    const char *name;

    t->other = -1;
    t->fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (t->fd < 0 || grantpt(t->fd) != 0 || unlockpt(t->fd) != 0) {
        return terminal_fail(d, "no pseudo terminal");
    }
    name = ptsname(t->fd);
    t->other = name != NULL ? open(name, O_RDWR | O_NOCTTY) : -1;
    if (t->other < 0 || tcgetattr(t->other, &raw) != 0) {
        return terminal_fail(d, "no pseudo terminal");
    }
    cfmakeraw(&raw);
    if (tcsetattr(t->other, TCSANOW, &raw) != 0) {
        return terminal_fail(d, "no pseudo terminal");
    }
    return link_make(d, t, name);
}

static void terminal_close(const struct device *d, const struct terminal *t)
{
    link_remove(d, t); /* while the terminal is ours, so that the name is */
    if (t->other >= 0) {
        close(t->other);
    }
    if (t->fd >= 0) {
        close(t->fd);
    }
}

static bool write_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
    return true;
}

static bool answer(struct selv_recover *r, int fd)
{
    uint8_t out[2 * FRAME_CAP + 2];
    size_t n = 0;
    int c;

    while ((c = selv_recover_poll(r)) >= 0) {
        out[n++] = (uint8_t)c;
    }
    return write_all(fd, out, n);
}

/* Until the other end wants us to boot. */
static bool serve(struct device *d, struct selv_recover *r, int fd)
{
    uint64_t heard_ms = selv_posix_now_ms();

    while (!selv_recover_is_over(r)) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        uint8_t in[256];
        ssize_t n = 0;

        if (device_is_stopped()) {
            return false;
        }
        if (poll(&wait, 1, LOOK_MS) > 0) {
            n = read(fd, in, sizeof in);
        }
        if (n > 0) {
            heard_ms = selv_posix_now_ms();
        } else if (selv_recover_is_ready(r) &&
                   selv_posix_now_ms() - heard_ms > SILENCE_MS) {
            return true;
        }
        for (ssize_t i = 0; i < n; i++) {
            selv_recover_feed(r, in[i]);
            if (!answer(r, fd)) {
                return terminal_fail(d, "the serial line");
            }
        }
    }
    return true;
}

bool device_recover(struct device *d)
{
    static uint8_t frame[FRAME_CAP], envelope[SELV_SUIT_ENVELOPE_MAX];
    static struct selv_recover r;
    struct selv_boot boot = {.flash = &d->flash.flash,
                             .layout = d->layout,
                             .factory = &d->factory,
                             .strategy = d->strategy};
    struct selv_flash unmapped;
    struct terminal t = {-1, -1, ""};
    char text[256];
    bool is_good;

    d->why.text[0] = '\0';
    device_boot_prepare_ram(d, &boot, &unmapped);
    selv_posix_flash_set_role(&d->flash, SELV_POSIX_RECOVERY, SELV_SLOT_NONE);
    selv_recover_init(&r, &boot, (enum selv_err)d->record.refused_reason, 0,
                      (struct selv_buf){envelope, sizeof envelope, 0}, frame,
                      sizeof frame);
    is_good = terminal_open(d, &t);
    if (is_good) {
        snprintf(text, sizeof text, "nothing boots: %s; recovery on %.120s",
                 device_reason(&d->record), d->recover);
        device_say_note(d, text);
        is_good = serve(d, &r, t.fd);
    }
    terminal_close(d, &t);
    d->reset_cause = SELV_RESET_REQUESTED;
    return is_good;
}
