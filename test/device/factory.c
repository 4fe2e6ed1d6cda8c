/* SPDX-License-Identifier: Apache-2.0
 *
 * factory.c - makes a state folder for scenarios: the identity and trust
 * anchor of the test kit, and one release in slot A.
 *
 *   device_factory STATE DEVICE_BYTE ENVELOPE IMAGE [ENVELOPE IMAGE]
 *
 * DEVICE_BYTE (decimal) fills the device id and the seed. What comes last goes
 * to slot B. */
#include <stdio.h>
#include <stdlib.h>

#include "posix/posix.h"
#include "store/factory.h"
#include "store/slot.h"
#include "test/unit/suit_maker.h"

static uint8_t bytes[1u << 20];

static struct selv_bytes load(const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t len;

    if (f == NULL) {
        perror(path);
        exit(3);
    }
    len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return selv_bytes(bytes, len);
}

static void need(enum selv_err err, const char *what)
{
    if (err) {
        fprintf(stderr, "device_factory: %s: %s\n", what, selv_err_str(err));
        exit(3);
    }
}

static void write_factory(const struct selv_flash *flash, uint8_t fill)
{
    const struct selv_suit_device *like = maker_device(0);
    struct selv_factory factory;
    uint8_t encoded[SELV_FACTORY_LEN + SELV_FLASH_UNIT_MAX];
    struct selv_buf out = {encoded, SELV_FACTORY_LEN, 0};
    uint32_t len;

    memset(&factory, 0, sizeof factory);
    memset(encoded, 0xff, sizeof encoded);
    memcpy(factory.vendor_id, like->vendor_id, 16);
    memcpy(factory.class_id, like->class_id, 16);
    memset(factory.device_id, fill, 16);
    memset(factory.seed, fill, 32);
    factory.anchor = *maker_anchor();
    memcpy(factory.component_id, like->components[0].id.p,
           like->components[0].id.len);
    factory.component_id_len = (uint8_t)like->components[0].id.len;
    need(selv_factory_encode(&factory, &out), "factory data");
    len = ((uint32_t)out.len + flash->write_unit - 1u) / flash->write_unit *
          flash->write_unit;
    need(flash->write(flash->port, selv_layout_default.factory_off, out.p, len),
         "factory data");
}

static void install(const struct selv_flash *flash, uint8_t slot,
                    const char *envelope, const char *path)
{
    const struct selv_slot_place *place = &selv_layout_default.slot[slot];
    struct selv_slot_writer writer;
    struct selv_bytes image = load(path);

    need(selv_slot_begin(&writer, flash, place, (uint32_t)image.len, 0),
         "slot");
    need(selv_slot_write(&writer, image), "image");
    need(selv_slot_end(&writer), "image");
    need(selv_slot_put_envelope(flash, place, load(envelope)), "envelope");
}

int main(int argc, char **argv)
{
    struct selv_posix_flash flash;
    struct selv_posix_why why;

    if (argc != 5 && argc != 7) {
        fprintf(stderr, "usage: device_factory STATE DEVICE_BYTE ENVELOPE "
                        "IMAGE [ENVELOPE IMAGE]\n");
        return 2;
    }
    if (!selv_posix_flash_create(&flash, argv[1], &why)) {
        fprintf(stderr, "device_factory: %s\n", why.text);
        return 3;
    }
    write_factory(&flash.flash, (uint8_t)atoi(argv[2]));
    install(&flash.flash, SELV_SLOT_A, argv[3], argv[4]);
    if (argc == 7) {
        install(&flash.flash, SELV_SLOT_B, argv[5], argv[6]);
    }
    selv_posix_flash_close(&flash);
    return 0;
}
