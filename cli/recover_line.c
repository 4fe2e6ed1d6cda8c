/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/recover_line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "posix/posix.h"

enum {
    ANSWER_MS = 3000, /* a device may hash a slot in the meantime */
    HELLO_MS = 2000,
    LINE_BITS = 20, /* of a byte, there and half as many back */
    TRIES = 4,
    AGAIN_MS = 100 /* between attempts to open */
};

static const struct {
    uint64_t baud;
    speed_t speed;
} speeds[] = {
    {9600, B9600},     {19200, B19200},   {38400, B38400},
    {57600, B57600},   {115200, B115200}, {230400, B230400},
#ifdef B460800
    {460800, B460800}, {921600, B921600},
#endif
};
enum { SPEED_COUNT = sizeof speeds / sizeof speeds[0] };

static bool find_speed(uint64_t baud, speed_t *speed)
{
    for (size_t i = 0; i < SPEED_COUNT; i++) {
        if (speeds[i].baud == baud) {
            *speed = speeds[i].speed;
            return true;
        }
    }
    return false;
}

bool selv_recover_line_has_speed(uint64_t baud)
{
    speed_t speed;

    return find_speed(baud, &speed);
}

/* ---- the port ------------------------------------------------------------ */

static bool port_fail(const struct selv_recover_line *l,
                      struct selv_error *error)
{
    return selv_error_set(
        error, SELV_EXIT_ENVIRONMENT, "%.300s: %s%s", l->port, strerror(errno),
        errno == EACCES ? "; serial ports belong to a group, such as "
                          "dialout"
                        : "");
}

static int socket_open(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof to.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(to.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static int terminal_open(const char *path, uint64_t baud)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct termios t;
    speed_t speed;
    int why;

    if (fd < 0) {
        return -1;
    }
    if (tcgetattr(fd, &t) == 0 && find_speed(baud, &speed)) {
        cfmakeraw(&t);
        t.c_cflag |= CLOCAL | CREAD;
        t.c_cflag &= ~(tcflag_t)CSTOPB;
        cfsetispeed(&t, speed);
        cfsetospeed(&t, speed);
        if (tcsetattr(fd, TCSANOW, &t) == 0) {
            tcflush(fd, TCIOFLUSH);
            return fd;
        }
    }
    why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* False with errno. */
static bool port_open(struct selv_recover_line *l)
{
    struct stat is;

    if (stat(l->port, &is) != 0) {
        return false;
    }
    l->fd = S_ISSOCK(is.st_mode) ? socket_open(l->port)
                                 : terminal_open(l->port, l->baud);
    selv_serial_init(&l->from, l->in, sizeof l->in);
    return l->fd >= 0;
}

bool selv_recover_line_open(struct selv_recover_line *l,
                            struct selv_error *error)
{
    struct timespec now = {0, 0};

    l->fd = -1;
    /* Not the number of whoever asked last: late answers are not ours. */
    clock_gettime(CLOCK_REALTIME, &now);
    l->number = (uint8_t)(now.tv_nsec / 1000 + now.tv_sec);
    l->heard_ms = selv_posix_now_ms();
    selv_serial_init(&l->to, l->out, sizeof l->out);
    /* Nobody listens at that socket yet: somebody may, soon. */
    return port_open(l) || errno == ECONNREFUSED || port_fail(l, error);
}

void selv_recover_line_close(struct selv_recover_line *l)
{
    if (l->fd >= 0) {
        close(l->fd);
    }
    l->fd = -1;
}

/* ---- bytes --------------------------------------------------------------- */

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

static bool wait_for(int fd, short events, uint64_t until_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    uint64_t now_ms = selv_posix_now_ms();

    return now_ms < until_ms && poll(&p, 1, (int)(until_ms - now_ms)) > 0;
}

/* False: the line is gone, and closed. */
static bool send_bytes(struct selv_recover_line *l, const uint8_t *p,
                       size_t len, uint64_t until_ms)
{
    while (len > 0) {
        ssize_t n = write(l->fd, p, len);

        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (!wait_for(l->fd, POLLOUT, until_ms)) {
                return true; /* lost, as on any line */
            }
        } else {
            selv_recover_line_close(l);
            return false;
        }
    }
    return true;
}

static bool send_frame(struct selv_recover_line *l, uint64_t until_ms)
{
    uint8_t line[2 * SELV_RECOVER_LINE_CAP + 2];
    size_t n = 0;
    int c;

    while ((c = selv_serial_poll(&l->to)) >= 0) {
        line[n++] = (uint8_t)c;
    }
    return send_bytes(l, line, n, until_ms);
}

/* An answer to this question. Bytes behind it are thrown away: one question,
 * one answer. */
static bool receive_answer(struct selv_recover_line *l, uint64_t until_ms)
{
    while (l->fd >= 0 && wait_for(l->fd, POLLIN, until_ms)) {
        uint8_t in[512];
        ssize_t n = read(l->fd, in, sizeof in);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            selv_recover_line_close(l);
            return false;
        }
        for (ssize_t i = 0; i < n; i++) {
            if (!selv_serial_feed(&l->from, in[i]) || l->in[0] < 0x80) {
                continue;
            }
            l->heard_ms = selv_posix_now_ms();
            if (l->in[1] == l->number) {
                return true;
            }
            /* The device is still busy with what was asked before. */
            until_ms = l->heard_ms + ANSWER_MS;
        }
    }
    return false;
}

/* ---- questions ----------------------------------------------------------- */

static bool is_over(const struct selv_recover_line *l, struct selv_error *error)
{
    if (selv_posix_now_ms() - l->heard_ms < l->wait_ms) {
        return false;
    }
    selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                   "%.300s: no answer in %llu s; is the device in recovery, "
                   "and at this speed?",
                   l->port, (unsigned long long)(l->wait_ms / 1000));
    return true;
}

enum selv_recover_answer
selv_recover_ask(struct selv_recover_line *l, enum selv_recovery_type question,
                 const void *payload, size_t len, uint8_t *type,
                 struct selv_bytes *answer, struct selv_error *error)
{
    bool is_hello = question == SELV_RECOVERY_HELLO;

    l->number++;
    for (int i = 0; is_hello || i < TRIES; i++) {
        uint64_t until_ms;

        if (is_over(l, error)) {
            return SELV_RECOVER_FAILED;
        }
        if (l->fd < 0 && !port_open(l)) {
            pause_ms(AGAIN_MS);
            continue;
        }
        until_ms = selv_posix_now_ms() + (is_hello ? HELLO_MS : ANSWER_MS);
        l->out[0] = (uint8_t)question;
        l->out[1] = l->number;
        if (len > 0) {
            memcpy(l->out + SELV_SERIAL_HEAD_LEN, payload, len);
        }
        selv_serial_send(&l->to, SELV_SERIAL_HEAD_LEN + len);
        if (send_frame(l, until_ms) && receive_answer(l, until_ms)) {
            *type = l->in[0];
            *answer = selv_bytes(l->in + SELV_SERIAL_HEAD_LEN,
                                 l->from.len - SELV_SERIAL_HEAD_LEN);
            return SELV_RECOVER_ANSWERED;
        }
        if (l->fd < 0 && !is_hello) {
            return SELV_RECOVER_SILENT;
        }
        if (l->fd < 0) {
            pause_ms(AGAIN_MS);
        }
    }
    return SELV_RECOVER_SILENT;
}
