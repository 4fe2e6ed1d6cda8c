/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage manifest verify */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/manifest_parts.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/manifest.h"
#include "host/manifest_verify.h"

/* What is judged, and by what. */
struct judgement {
    const char *path;
    struct selv_bytes envelope;
    struct selv_cli_keys keys;
    bool has_device;
    struct selv_manifest_device device;
    struct selv_manifest_verdict verdict;
    json_t *blocks;      /* NULL: no envelope */
    json_t *description; /* NULL: the same */
};

/* A component's "file", from the device file's folder, as digest and size. */
static bool file_take(const char *path, json_t *component,
                      struct selv_error *error)
{
    const char *name = json_string_value(json_object_get(component, "file"));
    char folder[4096];
    const char *base = selv_cli_folder_of(path, folder);
    char full[8200];
    char digits[65];
    uint8_t digest[32];
    uint64_t len;

    if (name == NULL) {
        return true;
    }
    snprintf(full, sizeof(full), "%s%s%.4000s",
             base == NULL || name[0] == '/' ? "" : base,
             base == NULL || name[0] == '/' ? "" : "/", name);
    if (!selv_file_digest(full, SELV_IMAGE_FILE_MAX, digest, &len, error)) {
        return selv_error_prefix(error, "device: \"file\"");
    }
    selv_hex_encode(selv_bytes(digest, sizeof(digest)), digits);
    json_object_set_new(component, "digest", json_string(digits));
    json_object_set_new(component, "size", json_integer((json_int_t)len));
    return true;
}

static bool device_load(const char *path, struct selv_manifest_device *device,
                        struct selv_error *error)
{
    json_t *json = selv_cli_json_load(path, 0, error);
    json_t *component;
    bool done = true;
    size_t i;

    if (json == NULL) {
        return false;
    }
    json_array_foreach(json_object_get(json, "components"), i, component)
    {
        done = done && file_take(path, component, error);
    }
    done = done && selv_manifest_device_parse(json, device, error);
    json_decref(json);
    if (!done) {
        selv_error_prefix(error, path);
    }
    return done;
}

/* ---- JSON -------------------------------------------------------------------
 */

/* A copy of a member of the description, or null. */
static json_t *member(json_t *description, const char *name)
{
    json_t *value = json_object_get(description, name);

    return value == NULL ? json_null() : json_incref(value);
}

static const char *section_name(const struct selv_suit_failure *where)
{
    return where->section == 2 ? "authentication-wrapper"
                               : selv_manifest_section_name(where->section);
}

static json_t *where_json(const struct selv_manifest_verdict *v)
{
    if (v->where.err == SELV_OK) {
        return json_null();
    }
    return json_pack(
        "{s:s?, s:i, s:i, s:i, s:i, s:o}", "section", section_name(&v->where),
        "key", (int)v->where.section, "offset", (int)v->where.offset,
        "section_offset", (int)v->where.section_offset, "code",
        (int)v->where.code, "component",
        v->where.component == 0xff ? json_null()
                                   : json_integer(v->where.component));
}

static json_t *component_json(const struct judgement *j)
{
    json_t *name = json_array_get(json_object_get(j->description, "components"),
                                  j->verdict.boot_component);

    return name == NULL ? json_null() : json_incref(name);
}

static json_t *boot_json(const struct judgement *j)
{
    switch (j->verdict.boot) {
    case SELV_MANIFEST_BOOT_STARTS:
        return json_pack("{s:s, s:o}", "result", "starts", "component",
                         component_json(j));
    case SELV_MANIFEST_BOOT_NOTHING:
        return json_pack("{s:s}", "result", "starts nothing");
    case SELV_MANIFEST_BOOT_REFUSES:
        return json_pack("{s:s}", "result", "refuses");
    default:
        return json_null();
    }
}

static void result_print(const struct selv_cli *cli, const struct judgement *j,
                         const char *why)
{
    const struct selv_manifest_verdict *v = &j->verdict;
    struct selv_suit_failure where = v->where;
    const char *expected;

    where.err = where.err == SELV_OK ? v->err : where.err;
    expected =
        v->is_accepted ? NULL : selv_manifest_expected(&where, v->is_parameter);
    selv_cli_result(
        cli,
        json_pack("{s:s, s:s, s:i, s:s, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, "
                  "s:o}",
                  "verdict", v->is_accepted ? "accepted" : "refused", "reason",
                  v->is_accepted ? "no error" : why, "reason_code",
                  (int)v->reason, "error", selv_err_name(v->err), "expected",
                  expected, "where", where_json(v), "digest",
                  member(j->description, "digest"), "sequence_number",
                  member(j->description, "sequence_number"), "signatures",
                  j->blocks == NULL ? json_null() : json_incref(j->blocks),
                  "boot", boot_json(j), "components",
                  member(j->description, "components"), "commands",
                  member(j->description, "commands")));
}

/* ---- words ------------------------------------------------------------------
 */

/* Who signed, as far as the keys say. */
static void blocks_say(struct selv_cli *cli, const struct judgement *j)
{
    size_t i;
    json_t *block;

    json_array_foreach(j->blocks, i, block)
    {
        const char *key = json_string_value(json_object_get(block, "key"));
        const char *claimed = json_string_value(json_object_get(block, "kid"));
        const char *own = json_string_value(json_object_get(block, "key_id"));
        const char *kid = key == NULL || own == NULL ? claimed : own;
        json_t *algorithm = json_object_get(block, "algorithm");
        char number[24] = "";

        if (json_is_integer(algorithm)) {
            snprintf(number, sizeof(number), "%lld",
                     (long long)json_integer_value(algorithm));
        }
        selv_cli_say(
            cli, "  %-10s %s, %s%s%s%s%s", i == 0 ? "signed by" : "",
            key != NULL ? key
                        : json_string_value(json_object_get(block, "error")),
            json_string_value(json_object_get(block, "kind")),
            algorithm == NULL ? "" : " ",
            json_is_string(algorithm) ? json_string_value(algorithm) : number,
            kid == NULL  ? ""
            : kid == own ? ", key id "
                         : ", by its own word of key id ",
            kid == NULL ? "" : kid);
        if (own != NULL && claimed != NULL && strcmp(own, claimed) != 0) {
            selv_cli_note(
                cli,
                "note: %s: block %zu says key id %s, and the key that "
                "verified it has %s; the id is not signed, and a "
                "device may pass over a block of another",
                j->path, i, claimed, own);
        }
    }
}

static void accepted_say(struct selv_cli *cli, const struct judgement *j)
{
    char digest[65];
    json_t *component = component_json(j);

    selv_hex_encode(selv_bytes(j->verdict.digest, sizeof(j->verdict.digest)),
                    digest);
    selv_cli_say(cli, "accepted: sequence number %llu, digest sha-256 %s",
                 (unsigned long long)j->verdict.sequence_number, digest);
    blocks_say(cli, j);
    if (j->verdict.boot == SELV_MANIFEST_BOOT_STARTS) {
        selv_cli_say(cli, "  %-10s then starts component %s", "bootloader",
                     json_is_string(component) ? json_string_value(component)
                                               : "?");
    } else if (j->verdict.boot == SELV_MANIFEST_BOOT_NOTHING) {
        selv_cli_say(cli, "  %-10s starts nothing by this manifest",
                     "bootloader");
    }
    json_decref(component);
}

static void refused_say(struct selv_cli *cli, const struct judgement *j,
                        const char *why)
{
    const struct selv_manifest_verdict *v = &j->verdict;

    if (cli->json) {
        return;
    }
    fprintf(stderr, "selvage: %s: refused%s: %s%s\n", j->path,
            v->boot == SELV_MANIFEST_BOOT_REFUSES
                ? " by the bootloader, after the update"
                : "",
            why,
            j->keys.count == 0 && v->err == SELV_ERR_COSE_NO_KEY
                ? "; give the author's public key with --key FILE"
                : "");
    if (json_array_size(j->blocks) > 1) {
        blocks_say(cli, j);
    }
}

/* ---- the command
 * -------------------------------------------------------------- */

static int judge(struct selv_cli *cli, struct judgement *j)
{
    char why[SELV_ERROR_LEN] = "";
    struct selv_error ignored;

    selv_manifest_verify(j->envelope, j->keys.keys, j->keys.count,
                         j->has_device ? &j->device : NULL, &j->verdict);
    j->blocks = selv_manifest_blocks(j->envelope, j->keys.keys, j->keys.ids,
                                     j->keys.names, j->keys.count);
    j->description = selv_manifest_describe(j->envelope, NULL, &ignored);
    if (j->verdict.is_accepted) {
        accepted_say(cli, j);
    } else {
        if (j->envelope.len == 0) {
            snprintf(why, sizeof(why), "the file is empty");
        } else {
            selv_manifest_why(&j->verdict, why);
        }
        refused_say(cli, j, why);
    }
    if (cli->json) {
        result_print(cli, j, why);
    }
    json_decref(j->blocks);
    json_decref(j->description);
    return (int)selv_manifest_exit(&j->verdict);
}

int selv_cli_manifest_verify(struct selv_cli *cli, int argc, char **argv)
{
    const char *device_path = NULL;
    struct judgement j = {.path = NULL};
    struct selv_cli_list key_paths = {{NULL}, 0};
    const struct selv_cli_option options[] = {
        {.name = "--key",
         .value_name = "FILE",
         .help = "a key that may have signed; may be given several times",
         .list = &key_paths},
        {.name = "--device",
         .value_name = "FILE",
         .help = "decide as this device and its bootloader would (JSON)",
         .value = &device_path},
    };
    const struct selv_cli_positional positionals[] = {
        {"ENVELOPE", &j.path, true}};
    const struct selv_cli_syntax syntax = {
        .options = options,
        .option_count = 2,
        .positionals = positionals,
        .positional_count = 1,
        .see = "device files, JSON output: docs/spec/manifest-json.md"};
    struct selv_buf file = {NULL, 0, 0};
    struct selv_error error;
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    j.has_device = device_path != NULL;
    if (!selv_cli_keys_load(&key_paths, &j.keys, &error) ||
        (j.has_device && !device_load(device_path, &j.device, &error)) ||
        !selv_file_read(j.path, SELV_MANIFEST_FILE_MAX, &file, &error)) {
        selv_wipe(&j.keys, sizeof(j.keys));
        return selv_cli_fail(cli, &error);
    }
    j.envelope = selv_bytes(file.p, file.len);
    code = judge(cli, &j);
    selv_wipe(&j.keys, sizeof(j.keys));
    free(file.p);
    return code;
}
