/* SPDX-License-Identifier: Apache-2.0
 *
 * ports/mps2-an385/host/board_flash.c - the factory of the emulated board:
 * writes a flash file with factory data, network settings and the first
 * image in slot A. Exit status: 0 done, 2 usage, 3 a file, 1 anything else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "settings.h"
#include "store/factory.h"
#include "store/layout.h"
#include "store/slot.h"

#define FLASH_LEN (16u << 20) /* the board's memory; the rest stays zero */

static const char usage_text[] =
    "usage: selvage-board-flash OPTION... FLASH\n"
    "Writes FLASH, the 16 MiB flash file of the emulated board.\n"
    "  --anchor FILE       public key whose manifests it obeys (COSE_Key)\n"
    "  --vendor-id UUID    --class-id UUID\n"
    "  --device-id UUID    default: random\n"
    "  --component NAME    its one component is [NAME]; default: app\n"
    "  --image FILE        first image, linked for slot A\n"
    "  --envelope FILE     its signed manifest\n"
    "  --server A.B.C.D:P  update server; default: 10.0.2.2:5683\n"
    "  --poll SECONDS      between polls; default: 10\n"
    "  --trial SECONDS     that a trial gets to be confirmed; default: 60\n"
    "  --seed HEX          random seed, 64 digits; default: random. Whoever\n"
    "                      knows it knows what the device draws: tests only\n";

struct options {
    const char *anchor, *vendor_id, *class_id, *device_id, *component, *image;
    const char *envelope, *server, *poll, *trial, *seed;
    const char *flash;
};

static _Noreturn void fail(int status, const char *what, const char *why)
{
    fprintf(stderr, "selvage-board-flash: %s: %s\n", what, why);
    exit(status);
}

_Noreturn void selv_panic(uint32_t module, uint32_t line)
{
    fprintf(stderr, "selvage-board-flash: panic %08x line %u\n",
            (unsigned)module, (unsigned)line);
    abort();
}

/* ---- arguments ----------------------------------------------------------- */

static void options_read(int argc, char **argv, struct options *o)
{
    const struct {
        const char *name;
        const char **value;
    } table[] = {
        {"--anchor", &o->anchor},       {"--vendor-id", &o->vendor_id},
        {"--class-id", &o->class_id},   {"--device-id", &o->device_id},
        {"--component", &o->component}, {"--image", &o->image},
        {"--envelope", &o->envelope},   {"--server", &o->server},
        {"--poll", &o->poll},           {"--trial", &o->trial},
        {"--seed", &o->seed},
    };

    for (int i = 1; i < argc; i++) {
        const char **value = NULL;

        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage_text, stdout);
            exit(0);
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
    if (o->flash == NULL || o->anchor == NULL || o->vendor_id == NULL ||
        o->class_id == NULL || (o->image == NULL) != (o->envelope == NULL)) {
        fprintf(stderr, "%s", usage_text);
        exit(2);
    }
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (int)((at - digits) % 16) : -1;
}

/* Exactly len bytes as hex digits; dashes are skipped where is_uuid. */
static void hex_read(const char *name, const char *text, uint8_t *out,
                     size_t len, bool is_uuid)
{
    size_t nibbles = 0;

    for (const char *p = text; *p != '\0'; p++) {
        if (is_uuid && *p == '-') {
            continue;
        }
        if (digit(*p) < 0 || nibbles == 2 * len) {
            fail(2, name, "not as many hex digits as it takes");
        }
        out[nibbles / 2] = (uint8_t)(out[nibbles / 2] << 4 | digit(*p));
        nibbles++;
    }
    if (nibbles != 2 * len) {
        fail(2, name, "not as many hex digits as it takes");
    }
}

static void random_read(uint8_t *out, size_t len)
{
    if (getrandom(out, len, 0) != (ssize_t)len) {
        fail(3, "random bytes", strerror(errno));
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
        fail(3, name, len == 0 ? "empty" : strerror(errno));
    }
    fclose(file);
    if (len > max) {
        fail(1, name, "too large");
    }
    return selv_bytes(p, len);
}

/* ---- flash in memory, later the file ------------------------------------- */

static enum selv_err memory_read(void *port, uint32_t off, void *p,
                                 uint32_t len)
{
    memcpy(p, (uint8_t *)port + off, len);
    return SELV_OK;
}

static enum selv_err memory_write(void *port, uint32_t off, const void *p,
                                  uint32_t len)
{
    memcpy((uint8_t *)port + off, p, len);
    return SELV_OK;
}

static enum selv_err memory_erase(void *port, uint32_t off)
{
    memset((uint8_t *)port + off, 0xff, SELV_LAYOUT_DEFAULT_SECTOR);
    return SELV_OK;
}

/* ---- what the factory writes --------------------------------------------- */

static void put_factory(const struct options *o, uint8_t *flash)
{
    struct selv_bytes key = file_read(o->anchor, 512);
    struct selv_buf out = {flash + selv_layout_default.factory_off,
                           SELV_FACTORY_LEN_MAX, 0};
    const char *component = o->component != NULL ? o->component : "app";
    size_t len = strlen(component);
    struct selv_factory factory;
    bool has_private = false;
    uint8_t private_key[SELV_P256_PRIVATE_LEN];
    enum selv_err err;

    memset(&factory, 0, sizeof factory);
    hex_read("--vendor-id", o->vendor_id, factory.vendor_id, 16, true);
    hex_read("--class-id", o->class_id, factory.class_id, 16, true);
    random_read(factory.device_id, 16);
    random_read(factory.seed, 32);
    if (o->device_id != NULL) {
        hex_read("--device-id", o->device_id, factory.device_id, 16, true);
    }
    if (o->seed != NULL) {
        hex_read("--seed", o->seed, factory.seed, 32, false);
    }
    /* The component identifier [NAME] in CBOR. */
    if (len == 0 || len > 23) {
        fail(2, "--component", "1 to 23 bytes");
    }
    factory.component_id[0] = 0x81;
    factory.component_id[1] = (uint8_t)(0x40 + len);
    memcpy(factory.component_id + 2, component, len);
    factory.component_id_len = (uint8_t)(2 + len);
    err = selv_cose_key_decode(key, &factory.anchor, private_key, &has_private);
    selv_wipe(private_key, sizeof private_key);
    if (err || has_private) {
        fail(1, o->anchor,
             err ? selv_err_str(err)
                 : "holds the private half, which no device needs");
    }
    err = selv_factory_encode(&factory, &out);
    if (err) {
        fail(1, "factory data", selv_err_str(err));
    }
    free((void *)(uintptr_t)key.p);
}

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

static void put_image(const struct options *o, uint8_t *flash)
{
    const struct selv_flash port = {.port = flash,
                                    .size = SELV_LAYOUT_DEFAULT_SIZE,
                                    .sector_len = SELV_LAYOUT_DEFAULT_SECTOR,
                                    .write_unit = 4,
                                    .erased = 0xff,
                                    .map = flash,
                                    .read = memory_read,
                                    .write = memory_write,
                                    .erase = memory_erase};
    const struct selv_slot_place *place =
        &selv_layout_default.slot[SELV_SLOT_A];
    struct selv_bytes image = file_read(o->image, place->image_len);
    struct selv_bytes envelope = file_read(o->envelope, place->envelope_len);
    struct selv_slot_writer w;
    enum selv_err err =
        selv_slot_begin(&w, &port, place, (uint32_t)image.len, 0);

    if (!err) {
        err = selv_slot_write(&w, image);
    }
    if (!err) {
        err = selv_slot_end(&w);
    }
    if (!err) {
        err = selv_slot_put_envelope(&port, place, envelope);
    }
    if (err) {
        fail(1, o->image, selv_err_str(err));
    }
    free((void *)(uintptr_t)image.p);
    free((void *)(uintptr_t)envelope.p);
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
    uint8_t *flash = calloc(1, FLASH_LEN);

    memset(&o, 0, sizeof o);
    options_read(argc, argv, &o);
    if (flash == NULL) {
        fail(3, "memory", strerror(errno));
    }
    if (selv_crypto_init()) {
        fail(3, "crypto library", "does not start");
    }
    memset(flash, 0xff, SELV_LAYOUT_DEFAULT_SIZE);
    put_factory(&o, flash);
    put_settings(&o, flash);
    if (o.image != NULL) {
        put_image(&o, flash);
    }
    file_write(o.flash, flash, FLASH_LEN);
    free(flash);
    return 0;
}
