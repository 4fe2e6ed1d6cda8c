/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage device provision: the flash that a device leaves the factory with:
 * identity, trust anchor, random seed, and, where given, the first image in
 * slot A with its manifest, and the loader in slot B with its own. Format:
 * docs/spec/flash.md. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cbor/cbor.h"
#include "cli/cli.h"
#include "crypto/crypto.h"
#include "host/file.h"
#include "host/manifest.h"
#include "host/manifest_verify.h"
#include "suit/chunks.h"
#include "host/uuid.h"
#include "posix/posix.h"
#include "posix/strategies.h"
#include "store/factory.h"
#include "store/layout.h"
#include "store/slot.h"

enum { SIZE_MAX_MIB = 64 };

struct provision {
    const char *anchor, *vendor, *class_name, *vendor_id, *class_id;
    const char *device_id, *component, *envelope, *image, *output;
    const char *loader_envelope, *loader, *strategy_name;
    const struct selv_posix_strategy *strategy;
    uint64_t size;
    bool force;
};

/* ---- a flash in memory
 * -------------------------------------------------------- */

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

/* ---- factory data
 * ------------------------------------------------------------- */

static bool random_uuid(uint8_t uuid[static SELV_UUID_LEN])
{
    if (selv_posix_random(uuid, SELV_UUID_LEN) != SELV_OK) {
        return false;
    }
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* version 4 */
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
    return true;
}

/* 0, or the exit code of a usage error that was printed. */
static int identity_fill(const struct selv_cli *cli, const struct provision *p,
                         struct selv_factory *factory)
{
    if (p->vendor != NULL) {
        selv_uuid_vendor(p->vendor, factory->vendor_id);
    } else if (!selv_uuid_parse(p->vendor_id, factory->vendor_id)) {
        return selv_cli_usage(cli, "--vendor-id is not a UUID");
    }
    if (p->class_name != NULL) {
        selv_uuid_class(factory->vendor_id, p->class_name, factory->class_id);
    } else if (!selv_uuid_parse(p->class_id, factory->class_id)) {
        return selv_cli_usage(cli, "--class-id is not a UUID");
    }
    if (p->device_id != NULL &&
        !selv_uuid_parse(p->device_id, factory->device_id)) {
        return selv_cli_usage(cli, "--device-id is not a UUID");
    }
    return 0;
}

/* "a/b" as an encoded identifier. */
static bool component_fill(const char *path, struct selv_factory *factory)
{
    struct selv_cbor_writer w;
    size_t count = 1;

    for (const char *c = path; *c != '\0'; c++) {
        count += *c == '/';
    }
    selv_cbor_writer_init(&w, factory->component_id,
                          sizeof(factory->component_id));
    selv_cbor_put_array(&w, count);
    for (; count > 0; count--) {
        size_t len = strcspn(path, "/");

        selv_cbor_put_bstr(&w, selv_bytes(path, len));
        path += len + 1;
    }
    factory->component_id_len = (uint8_t)w.len;
    return selv_cbor_finish(&w, NULL) == SELV_OK;
}

static bool secrets_fill(const struct provision *p,
                         struct selv_factory *factory, struct selv_error *error)
{
    if ((p->device_id == NULL && !random_uuid(factory->device_id)) ||
        selv_posix_random(factory->seed, sizeof(factory->seed)) != SELV_OK) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "the system gives no random bytes");
    }
    return true;
}

/* ---- what is in the slots --------------------------------------------------
 */

struct content {
    const char *envelope, *image; /* names of files */
    uint8_t slot;
};

static void component_of(const struct selv_factory *factory,
                         enum selv_part part, uint8_t slot,
                         struct selv_manifest_component *c)
{
    memcpy(c->id, factory->component_id, factory->component_id_len);
    c->id_len = part == 0 ? factory->component_id_len
                          : selv_factory_part_id(factory, part, c->id);
    c->slot = slot;
}

/* The loader is a component of its own; beside the application there is one
 * where an update is staged or loaded. */
static void components_of(const struct selv_posix_strategy *s,
                          const struct selv_factory *factory, uint8_t slot,
                          struct selv_manifest_device *device)
{
    bool is_loaded = s->strategy == &selv_strategy_ram;
    bool is_staged = s->layout == &selv_layout_in_place;

    component_of(factory, slot == SELV_SLOT_B ? SELV_PART_LOADER : 0, slot,
                 &device->components[device->component_count++]);
    if (slot == SELV_SLOT_A && (is_loaded || is_staged)) {
        component_of(factory, is_loaded ? SELV_PART_RAM : SELV_PART_STAGING,
                     slot, &device->components[device->component_count++]);
    }
}

/* What the bootloader will ask at the first boot is asked here: is the
 * manifest signed by the anchor, for this device, and of this image? */
static bool image_check(const struct content *what,
                        const struct selv_posix_strategy *s,
                        const struct selv_factory *factory,
                        struct selv_bytes envelope, struct selv_bytes image,
                        struct selv_error *error)
{
    struct selv_manifest_device device;
    struct selv_manifest_verdict verdict;
    struct selv_sha256 h;
    char why[SELV_ERROR_LEN];

    memset(&device, 0, sizeof(device));
    memcpy(device.vendor_id, factory->vendor_id, sizeof(device.vendor_id));
    memcpy(device.class_id, factory->class_id, sizeof(device.class_id));
    components_of(s, factory, what->slot, &device);
    device.is_factory = true;
    device.private_parameters[device.private_parameter_count++] =
        SELV_SUIT_PARAMETER_CHUNK_LIST;
    selv_sha256_init(&h);
    selv_sha256_update(&h, image.p, image.len);
    selv_sha256_finish(&h, device.components[0].installed);
    /* What is staged or loaded is the same. */
    for (size_t i = 0; i < device.component_count; i++) {
        device.components[i].has_installed = true;
        device.components[i].installed_len = (uint32_t)image.len;
        memcpy(device.components[i].installed, device.components[0].installed,
               SELV_SHA256_LEN);
    }
    if (selv_manifest_verify(envelope, &factory->anchor, 1, &device,
                             &verdict)) {
        if (what->slot == SELV_SLOT_B &&
            verdict.sequence_number < SELV_LOADER_FLOOR) {
            return selv_error_set(
                error, SELV_EXIT_REFUSED,
                "%s with %s would not boot: a loader's sequence number is at "
                "least %u",
                what->envelope, what->image, (unsigned)SELV_LOADER_FLOOR);
        }
        return true;
    }
    selv_manifest_why(&verdict, why);
    return selv_error_set(error, selv_manifest_exit(&verdict),
                          "%s with %s would not boot: %.600s", what->envelope,
                          what->image, why);
}

static bool image_put(const struct selv_flash *flash,
                      const struct selv_layout *layout, uint8_t slot,
                      struct selv_bytes envelope, struct selv_bytes image,
                      struct selv_error *error)
{
    const struct selv_slot_place *place = &layout->slot[slot];
    struct selv_slot_writer writer;
    enum selv_err err =
        selv_slot_begin(&writer, flash, place, (uint32_t)image.len, 0);

    if (!err) {
        err = selv_slot_write(&writer, image);
    }
    if (!err) {
        err = selv_slot_end(&writer);
    }
    if (!err) {
        err = selv_slot_put_envelope(flash, place, envelope);
    }
    return !err ||
           selv_error_set(error, SELV_EXIT_REFUSED,
                          "the %s does not go into slot %c: %s",
                          slot == SELV_SLOT_A ? "first image" : "loader",
                          slot == SELV_SLOT_A ? 'A' : 'B', selv_err_str(err));
}

static bool content_fill(const struct content *what,
                         const struct selv_posix_strategy *s,
                         const struct selv_factory *factory,
                         const struct selv_flash *flash,
                         struct selv_error *error)
{
    struct selv_buf envelope = {NULL, 0, 0};
    struct selv_buf image = {NULL, 0, 0};
    bool done;

    if (what->image == NULL) {
        return true;
    }
    done = selv_file_read(what->envelope, SELV_MANIFEST_FILE_MAX, &envelope,
                          error) &&
           selv_file_read(what->image, SELV_IMAGE_FILE_MAX, &image, error) &&
           image_check(what, s, factory, selv_bytes(envelope.p, envelope.len),
                       selv_bytes(image.p, image.len), error) &&
           image_put(flash, s->layout, what->slot,
                     selv_bytes(envelope.p, envelope.len),
                     selv_bytes(image.p, image.len), error);
    free(envelope.p);
    free(image.p);
    return done;
}

/* ---- a first boot ----------------------------------------------------------
 */

static void memory_flash(uint8_t *bytes, struct selv_flash *flash)
{
    *flash = (struct selv_flash){
        .port = bytes,
        .size = SELV_LAYOUT_DEFAULT_SIZE,
        .sector_len = SELV_LAYOUT_DEFAULT_SECTOR,
        .write_unit = 4,
        .erased = 0xff,
        .map = bytes,
        .read = memory_read,
        .write = memory_write,
        .erase = memory_erase,
    };
}

/* What helps where the strategy cannot do with the manifest. */
static const char *advice(const struct selv_posix_strategy *s)
{
    return s->strategy == &selv_strategy_ram
               ? "; its load section must bring the image into RAM, as in "
                 "examples/load-into-ram"
           : s->layout == &selv_layout_in_place
               ? "; its install section must move what was staged, as in "
                 "examples/staged-swap and examples/staged-overwrite"
               : "";
}

static bool boot_refused(const struct provision *p,
                         const struct selv_boot_record *record,
                         struct selv_error *error)
{
    const struct selv_boot_check *check = &record->facts.check[SELV_SLOT_A];
    enum selv_err err = check->is_taken && check->err != SELV_OK
                            ? (enum selv_err)check->err
                            : (enum selv_err)record->refused_reason;
    char where[64] = "";

    if (check->section != 0) {
        snprintf(where, sizeof where, " (section %u, command %d)",
                 check->section, check->command);
    }
    return selv_error_set(error, SELV_EXIT_REFUSED,
                          "%s with %s would not boot with the strategy %s: "
                          "%s%s%s",
                          p->envelope, p->image, p->strategy->name,
                          selv_err_str(err), where, advice(p->strategy));
}

/* The bootloader itself, with a copy of the flash: what it writes at its first
 * boot is for the device to write. */
static bool boot_try(const struct provision *p,
                     const struct selv_factory *factory, const uint8_t *bytes,
                     struct selv_error *error)
{
    uint8_t *copy = calloc(3, SELV_LAYOUT_DEFAULT_SIZE);
    struct selv_buf ram = {copy + SELV_LAYOUT_DEFAULT_SIZE,
                           SELV_LAYOUT_DEFAULT_SIZE, 0};
    struct selv_flash flash;
    struct selv_boot boot = {.flash = &flash,
                             .layout = p->strategy->layout,
                             .factory = factory,
                             .strategy = p->strategy->strategy};
    struct selv_boot_record record;
    bool is_good;

    if (copy == NULL) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT, "out of memory");
    }
    memcpy(copy, bytes, SELV_LAYOUT_DEFAULT_SIZE);
    memory_flash(copy, &flash);
    if (p->strategy->strategy == &selv_strategy_ram) {
        flash.map = NULL;
        boot.ram = &ram;
        boot.scratch = (struct selv_buf){copy + 2 * SELV_LAYOUT_DEFAULT_SIZE,
                                         SELV_SUIT_ENVELOPE_MAX, 0};
    }
    is_good = selv_is_good(selv_boot_choose(&boot, &record)) &&
              record.slot == SELV_SLOT_A;
    free(copy);
    return is_good || boot_refused(p, &record, error);
}

/* ---- the whole
 * ------------------------------------------------------------------ */

/* A name that ends in .bin is the flash file itself; any other is a device's
 * state folder, made when it is missing, with the flash.bin in it. */
static bool flash_path(const char *output, char path[static 4096],
                       bool *is_folder, bool *is_new_folder,
                       struct selv_error *error)
{
    size_t len = strlen(output);
    bool is_file = len >= 4 && strcmp(output + len - 4, ".bin") == 0;
    bool has_slash = len > 0 && output[len - 1] == '/';

    *is_folder = !is_file;
    *is_new_folder = !is_file && mkdir(output, 0700) == 0;
    if (!is_file && !*is_new_folder && errno != EEXIST) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "cannot make the folder %s: %s", output,
                              strerror(errno));
    }
    if (snprintf(path, 4096, "%s%s%s", output, is_file || has_slash ? "" : "/",
                 is_file ? "" : SELV_POSIX_FLASH_NAME) >= 4096) {
        return selv_error_set(error, SELV_EXIT_USAGE, "the path is too long");
    }
    return true;
}

/* Before the flash: a folder that names no strategy would be taken for one
 * with A/B. path: of the flash. */
static bool strategy_write(const struct provision *p, const char *path,
                           struct selv_error *error)
{
    size_t folder_len = strlen(path) - strlen(SELV_POSIX_FLASH_NAME);
    char file[4096 + sizeof(SELV_POSIX_STRATEGY_NAME)], text[32];
    int len = snprintf(text, sizeof text, "%s\n", p->strategy->name);

    snprintf(file, sizeof file, "%.*s" SELV_POSIX_STRATEGY_NAME,
             (int)folder_len, path);
    return selv_file_write(file, selv_bytes(text, (size_t)len), 0600, error);
}

static bool all_write(const struct provision *p, const char *path,
                      bool is_folder, struct selv_bytes all,
                      struct selv_error *error)
{
    bool is_there = access(path, F_OK) == 0;

    if (is_there && !p->force) {
        return selv_error_set(error, SELV_EXIT_ENVIRONMENT,
                              "%s: there is a device already; choose another "
                              "name, or --force replaces it",
                              path);
    }
    return (!is_folder || strategy_write(p, path, error)) &&
           (p->force ? selv_file_write(path, all, 0600, error)
                     : selv_file_create(path, all, 0600, error));
}

/* --force replaces a flash, not what it is made from. */
static bool inputs_are_spared(const struct provision *p, const char *path,
                              struct selv_error *error)
{
    const char *const inputs[] = {p->anchor, p->envelope, p->image,
                                  p->loader_envelope, p->loader};

    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        if (inputs[i] != NULL && selv_cli_is_same_file(path, inputs[i])) {
            return selv_error_set(error, SELV_EXIT_USAGE,
                                  "%.300s would replace the input %.300s; "
                                  "write to another file",
                                  path, inputs[i]);
        }
    }
    return true;
}

static bool flash_fill(const struct provision *p,
                       const struct selv_factory *factory, uint8_t *bytes,
                       struct selv_error *error)
{
    struct selv_buf out = {bytes + selv_layout_default.factory_off,
                           SELV_FACTORY_LEN, 0};
    struct selv_flash flash;

    memory_flash(bytes, &flash);
    memset(bytes, 0xff, SELV_LAYOUT_DEFAULT_SIZE);
    if (selv_factory_encode(factory, &out) != SELV_OK) {
        return selv_error_set(error, SELV_EXIT_REFUSED,
                              "the factory data does not fit its place");
    }
    const struct content first = {p->envelope, p->image, SELV_SLOT_A};
    const struct content loader = {p->loader_envelope, p->loader, SELV_SLOT_B};
    return content_fill(&first, p->strategy, factory, &flash, error) &&
           content_fill(&loader, p->strategy, factory, &flash, error) &&
           (p->image == NULL || boot_try(p, factory, bytes, error));
}

/* Empty again, or not ours to take. */
static void folder_remove(const char *folder)
{
    char file[4096];

    if (snprintf(file, sizeof file, "%s/" SELV_POSIX_STRATEGY_NAME, folder) <
        (int)sizeof file) {
        (void)unlink(file);
    }
    (void)rmdir(folder);
}

static int provision_run(struct selv_cli *cli, const struct provision *p,
                         struct selv_factory *factory)
{
    char device_id[SELV_UUID_TEXT_LEN];
    char path[4096];
    bool is_folder = false, is_new_folder = false;
    bool is_ab = p->strategy->strategy == &selv_strategy_ab;
    uint8_t *bytes = calloc(1, (size_t)p->size);
    struct selv_error error;
    struct selv_bytes all = selv_bytes(bytes, (size_t)p->size);
    bool done = bytes != NULL ||
                selv_error_set(&error, SELV_EXIT_ENVIRONMENT, "out of memory");

    done = done && secrets_fill(p, factory, &error) &&
           flash_fill(p, factory, bytes, &error) &&
           flash_path(p->output, path, &is_folder, &is_new_folder, &error) &&
           inputs_are_spared(p, path, &error) &&
           all_write(p, path, is_folder, all, &error);
    if (bytes != NULL) {
        selv_wipe(bytes, (size_t)p->size);
    }
    free(bytes);
    if (!done && is_new_folder) {
        folder_remove(p->output);
    }
    if (!done) {
        return selv_cli_fail(cli, &error);
    }
    selv_uuid_format(factory->device_id, device_id);
    selv_cli_say(cli, "%s   device %s, %s%s%s%s", path, device_id,
                 p->image == NULL ? "no image yet" : "first image in slot A",
                 p->loader == NULL ? "" : ", loader in slot B",
                 is_ab ? "" : "; strategy ", is_ab ? "" : p->strategy->name);
    selv_cli_result(cli,
                    json_pack("{s:s, s:s, s:s}", "flash", path, "device_id",
                              device_id, "strategy", p->strategy->name));
    return SELV_EXIT_OK;
}

static int provision_check(const struct selv_cli *cli,
                           const struct provision *p)
{
    if (p->anchor == NULL || p->output == NULL) {
        return selv_cli_usage(cli, "--anchor FILE and -o PATH are needed");
    }
    if ((p->vendor == NULL) == (p->vendor_id == NULL) ||
        (p->class_name == NULL) == (p->class_id == NULL)) {
        return selv_cli_usage(cli, "give --vendor DOMAIN or --vendor-id UUID, "
                                   "and --class NAME or --class-id UUID");
    }
    if (selv_cli_names_check(cli, p->vendor, p->class_name) != 0) {
        return SELV_EXIT_USAGE;
    }
    if ((p->image == NULL) != (p->envelope == NULL)) {
        return selv_cli_usage(cli, "--image and --envelope go together");
    }
    if ((p->loader == NULL) != (p->loader_envelope == NULL)) {
        return selv_cli_usage(cli,
                              "--loader and --loader-envelope go together");
    }
    if (p->strategy == NULL) {
        return selv_cli_usage(cli, "--strategy is " SELV_POSIX_STRATEGIES);
    }
    if (p->loader != NULL && p->strategy_name != NULL &&
        p->strategy->strategy != &selv_strategy_loader) {
        return selv_cli_usage(cli, "only --strategy loader has a --loader");
    }
    if (p->loader == NULL && p->strategy->strategy == &selv_strategy_loader) {
        return selv_cli_usage(cli, "--strategy loader needs --loader FILE and "
                                   "--loader-envelope FILE");
    }
    if (p->size < SELV_LAYOUT_DEFAULT_SIZE || p->size > (uint64_t)SIZE_MAX_MIB
                                                            << 20) {
        return selv_cli_usage(cli, "--size is %u bytes to %d MiB",
                              SELV_LAYOUT_DEFAULT_SIZE, (int)SIZE_MAX_MIB);
    }
    return 0;
}

int selv_cli_device_provision(struct selv_cli *cli, int argc, char **argv)
{
    struct provision p = {.component = NULL, .size = SELV_LAYOUT_DEFAULT_SIZE};
    const struct selv_cli_option options[] = {
        {.name = "--anchor",
         .value_name = "FILE",
         .help = "the public key whose manifests the device obeys",
         .value = &p.anchor},
        {.name = "--vendor",
         .value_name = "DOMAIN",
         .help = "the vendor's domain",
         .value = &p.vendor},
        {.name = "--vendor-id",
         .value_name = "UUID",
         .help = "instead: the vendor id itself",
         .value = &p.vendor_id},
        {.name = "--class",
         .value_name = "NAME",
         .help = "the class of devices",
         .value = &p.class_name},
        {.name = "--class-id",
         .value_name = "UUID",
         .help = "instead: the class id itself",
         .value = &p.class_id},
        {.name = "--device-id",
         .value_name = "UUID",
         .help = "its own id (default: random)",
         .value = &p.device_id},
        {.name = "--component",
         .value_name = "PATH",
         .help = "its component (default: app)",
         .value = &p.component},
        {.name = "--envelope",
         .value_name = "FILE",
         .help = "signed manifest of the first image",
         .value = &p.envelope},
        {.name = "--image",
         .value_name = "FILE",
         .help = "the first image, linked for slot A",
         .value = &p.image},
        {.name = "--loader-envelope",
         .value_name = "FILE",
         .help = "manifest of the loader, for strategy loader",
         .value = &p.loader_envelope},
        {.name = "--loader",
         .value_name = "FILE",
         .help = "the loader's image, linked for slot B",
         .value = &p.loader},
        {.name = "--strategy",
         .value_name = "NAME",
         .help = "of its bootloader: " SELV_POSIX_STRATEGIES
                 " (ab; with --loader: loader)",
         .value = &p.strategy_name},
        {.name = "--size",
         .value_name = "BYTES",
         .help = "of the file; zeros behind the layout",
         .number = &p.size},
        {.name = "--force",
         .help = "replace a flash that is there",
         .flag = &p.force},
        {.name = "--output",
         .letter = "-o",
         .value_name = "PATH",
         .help = "NAME.bin: a flash file; else a device's state folder",
         .value = &p.output},
    };
    const struct selv_cli_syntax syntax = {.options = options,
                                           .option_count = sizeof(options) /
                                                           sizeof(options[0])};
    struct selv_factory factory;
    struct selv_key anchor;
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    memset(&factory, 0, sizeof(factory));
    p.strategy =
        selv_posix_strategy_find(p.strategy_name != NULL ? p.strategy_name
                                 : p.loader != NULL      ? "loader"
                                                         : "ab");
    code = provision_check(cli, &p);
    if (code == 0) {
        code = identity_fill(cli, &p, &factory);
    }
    if (code == 0 &&
        !component_fill(p.component == NULL ? "app" : p.component, &factory)) {
        code = selv_cli_usage(cli, "--component is too long");
    }
    if (code != 0 || !selv_cli_key_load(cli, p.anchor, SELV_CLI_KEY_PUBLIC,
                                        &anchor, &code)) {
        return code;
    }
    selv_key_wipe(&anchor);
    factory.anchor = anchor.cose;
    factory.anchor.kid_len = 0; /* a hint that must not rule the anchor out */
    code = provision_run(cli, &p, &factory);
    selv_wipe(&factory, sizeof(factory));
    return code;
}
