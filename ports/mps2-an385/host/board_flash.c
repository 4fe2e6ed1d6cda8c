/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/host/board_flash.c - network settings and length of the
 * emulated board's flash file. Exit status: 0 done, 1 not such a file, 2
 * usage, 3 a file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "posix/posix.h"
#include "settings.h"
#include "store/layout.h"

#define FLASH_LEN (16u << 20) /* the board's memory; the rest stays zero */

static const char usage_text[] =
    "usage: selvage-board-flash [OPTION...] FLASH\n"
    "Makes a flash file that `selvage device provision` wrote fit for the\n"
    "emulated board: puts network settings in its factory sector, and gives\n"
    "it the board's length, 16 MiB.\n"
    "  --server A.B.C.D:P  update server; default: 10.0.2.2:5683, which is\n"
    "                      port 5683 on the machine that runs the board\n"
    "  --poll SECONDS      between polls; default: 10\n"
    "  --trial SECONDS     that a trial gets to be confirmed; default: 60\n";

struct options {
    const char *server, *poll, *trial, *flash;
};

static _Noreturn void fail(int status, const char *what, const char *why)
{
    fprintf(stderr, "selvage-board-flash: %s: %s\n", what, why);
    exit(status);
}

/* ---- arguments ----------------------------------------------------------- */

static void options_read(int argc, char **argv, struct options *o)
{
    const struct {
        const char *name;
        const char **value;
    } table[] = {
        {"--server", &o->server},
        {"--poll", &o->poll},
        {"--trial", &o->trial},
    };

    for (int i = 1; i < argc; i++) {
        const char **value = NULL;

        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage_text, stdout);
            exit(selv_posix_streams_end("selvage-board-flash") ? 0 : 3);
        }
        for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) {
            if (strcmp(argv[i], table[k].name) == 0) {
                value = table[k].value;
            }
        }
        if (value != NULL && i + 1 < argc) {
            *value = argv[++i];
        } else if (value == NULL && argv[i][0] != '-' && o->flash == NULL) {
            o->flash = argv[i];
        } else {
            fprintf(stderr, "%s", usage_text);
            fail(2, argv[i], value != NULL ? "needs a value" : "not known");
        }
    }
    if (o->flash == NULL) {
        fprintf(stderr, "%s", usage_text);
        exit(2);
    }
}

static uint32_t seconds_read(const char *name, const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || number == 0 ||
        number > 86400) {
        fail(2, name, "not a number of seconds from 1 to 86400");
    }
    return (uint32_t)number;
}

/* ---- files --------------------------------------------------------------- */

/* All of a file; the caller frees p. */
static struct selv_bytes file_read(const char *name, size_t max)
{
    uint8_t *p = malloc(max + 1);
    FILE *file = fopen(name, "rb");
    size_t len;

    if (p == NULL || file == NULL) {
        fail(3, name, strerror(errno));
    }
    len = fread(p, 1, max + 1, file);
    if (ferror(file) || len == 0) {
        fail(3, name, ferror(file) ? strerror(errno) : "empty");
    }
    fclose(file);
    if (len > max) {
        fail(1, name, "too large");
    }
    return selv_bytes(p, len);
}

/* ---- the settings ---------------------------------------------------------
 */

static void put_le32(uint8_t *p, uint32_t word)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(word >> (8 * i));
    }
}

static void put_settings(const struct options *o, uint8_t *flash)
{
    uint8_t *p =
        flash + selv_layout_default.factory_off + SELV_BOARD_SETTINGS_OFF;
    unsigned a[4] = {10, 0, 2, 2};
    unsigned port = 5683;
    char rest;

    if (o->server != NULL &&
        (sscanf(o->server, "%3u.%3u.%3u.%3u:%5u%c", &a[0], &a[1], &a[2], &a[3],
                &port, &rest) != 5 ||
         (a[0] | a[1] | a[2] | a[3]) > 255 || port == 0 || port > 65535)) {
        fail(2, "--server",
             "not an IPv4 address and port, such as "
             "10.0.2.2:5683");
    }
    put_le32(p, SELV_BOARD_SETTINGS_MAGIC);
    put_le32(p + 4, SELV_BOARD_SETTINGS_VERSION);
    put_le32(p + 8, 0x0a00020f);
    put_le32(p + 12, 0xffffff00);
    put_le32(p + 16, 0x0a000202);
    put_le32(p + 20, a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3]);
    put_le32(p + 24, port);
    put_le32(p + 28, 0);
    put_le32(p + 32, o->poll != NULL ? seconds_read("--poll", o->poll) : 10);
    put_le32(p + 36, o->trial != NULL ? seconds_read("--trial", o->trial) : 60);
}

/* What was provisioned; the rest of the board's memory stays zero. */
static void flash_read(const char *name, uint8_t *flash)
{
    struct selv_bytes bytes = file_read(name, FLASH_LEN);

    if (bytes.len < SELV_LAYOUT_DEFAULT_SIZE) {
        fail(1, name, "shorter than a device's flash");
    }
    memcpy(flash, bytes.p, bytes.len);
    memset(flash + selv_layout_default.factory_off + SELV_BOARD_SETTINGS_OFF,
           0xff, SELV_BOARD_SETTINGS_LEN);
    free((void *)(uintptr_t)bytes.p);
}

static void file_write(const char *name, const uint8_t *p, size_t len)
{
    FILE *file = fopen(name, "wb");

    if (file == NULL || fwrite(p, 1, len, file) != len || fclose(file) != 0) {
        fail(3, name, strerror(errno));
    }
}

int main(int argc, char **argv)
{
    struct options o;
    uint8_t *flash = NULL;

    if (!selv_posix_streams_hold()) {
        return 3;
    }
    flash = calloc(1, FLASH_LEN);
    memset(&o, 0, sizeof o);
    options_read(argc, argv, &o);
    if (flash == NULL) {
        fail(3, "memory", strerror(errno));
    }
    flash_read(o.flash, flash);
    put_settings(&o, flash);
    file_write(o.flash, flash, FLASH_LEN);
    free(flash);
    return 0;
}
