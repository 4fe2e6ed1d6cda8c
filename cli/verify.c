/* SPDX-License-Identifier: Apache-2.0
 *
 * selvage manifest verify */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/manifest.h"
#include "host/manifest_verify.h"

enum { DEVICE_FILE_MAX = 65536 };

/* Every key that could verify a block; the others are passed over. kids
 * are only hints, so none may rule a given key out. */
static bool keys_load(const struct selv_cli_list *paths,
                      struct selv_cose_key *keys, size_t *count,
                      struct selv_error *error)
{
    *count = 0;
    for (size_t i = 0; i < paths->count; i++) {
        struct selv_key key;

        if (!selv_key_load(paths->values[i], &key, error)) {
            return false;
        }
        if (key.cose.method != NULL) {
            keys[*count] = key.cose;
            keys[(*count)++].kid_len = 0;
        }
        selv_key_wipe(&key);
    }
    return true;
}

static bool device_load(const char *path, struct selv_manifest_device *device,
                        struct selv_error *error)
{
    struct selv_buf file;
    json_error_t where;
    json_t *json;
    bool done;

    if (!selv_file_read(path, DEVICE_FILE_MAX, &file, error)) {
        return false;
    }
    json = json_loadb((const char *)file.p, file.len, JSON_REJECT_DUPLICATES,
                      &where);
    free(file.p);
    if (json == NULL) {
        return selv_error_set(error, SELV_EXIT_REFUSED, "%s:%d:%d: %s", path,
                              where.line, where.column, where.text);
    }
    done = selv_manifest_device_parse(json, device, error);
    json_decref(json);
    if (!done) {
        selv_error_prefix(error, path);
    }
    return done;
}

/* A copy of a member of the description, or null. */
static json_t *member(json_t *description, const char *name)
{
    json_t *value = json_object_get(description, name);

    return value == NULL ? json_null() : json_incref(value);
}

static json_t *where_json(const struct selv_manifest_verdict *v)
{
    const char *section = selv_manifest_section_name(v->where.section);

    if (v->where.err == SELV_OK) {
        return json_null();
    }
    if (v->where.section == 2) {
        section = "authentication-wrapper";
    }
    return json_pack("{s:s?, s:i, s:i, s:i}", "section", section, "key",
                     (int)v->where.section, "offset", (int)v->where.offset,
                     "code", (int)v->where.code);
}

static void verdict_result(const struct selv_cli *cli, struct selv_bytes bytes,
                           const struct selv_manifest_verdict *v,
                           const char *why)
{
    struct selv_error ignored;
    json_t *d = selv_manifest_describe(bytes, NULL, &ignored);
    json_t *out = json_pack(
        "{s:s, s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:o}", "verdict",
        v->is_accepted ? "accepted" : "refused", "reason",
        v->is_accepted ? "no error" : why, "reason_code", (int)v->reason,
        "error", selv_err_name(v->err), "digest", member(d, "digest"),
        "sequence_number", member(d, "sequence_number"), "components",
        member(d, "components"), "commands", member(d, "commands"), "where",
        where_json(v));

    json_decref(d);
    selv_cli_result(cli, out);
}

static int judge(struct selv_cli *cli, const char *path, struct selv_buf file,
                 const struct selv_cose_key *keys, size_t count,
                 const struct selv_manifest_device *device)
{
    struct selv_bytes bytes = selv_bytes(file.p, file.len);
    struct selv_manifest_verdict v;
    char why[SELV_ERROR_LEN] = "";
    char digest[65];

    if (selv_manifest_verify(bytes, keys, count, device, &v)) {
        selv_hex_encode(selv_bytes(v.digest, sizeof(v.digest)), digest);
        selv_cli_say(cli, "accepted: sequence number %llu, digest sha-256 %s",
                     (unsigned long long)v.sequence_number, digest);
    } else {
        selv_manifest_why(&v, why);
        if (!cli->json) {
            fprintf(stderr, "selvage: %s: refused: %s%s\n", path, why,
                    count == 0 && v.err == SELV_ERR_COSE_NO_KEY
                        ? "; give the author's public key with --key FILE"
                        : "");
        }
    }
    if (cli->json) {
        verdict_result(cli, bytes, &v, why);
    }
    return (int)selv_manifest_exit(&v);
}

int selv_cli_manifest_verify(struct selv_cli *cli, int argc, char **argv)
{
    const char *in = NULL;
    const char *device_path = NULL;
    struct selv_cli_list key_paths = {{NULL}, 0};
    const struct selv_cli_option options[] = {
        {.name = "--key",
         .value_name = "FILE",
         .help = "a key that may have signed; may be given several times",
         .list = &key_paths},
        {.name = "--device",
         .value_name = "FILE",
         .help = "decide as this device would (JSON)",
         .value = &device_path},
    };
    const struct selv_cli_positional positionals[] = {{"ENVELOPE", &in, true}};
    const struct selv_cli_syntax syntax = {.options = options,
                                           .option_count = 2,
                                           .positionals = positionals,
                                           .positional_count = 1};
    struct selv_cose_key keys[SELV_CLI_LIST_MAX];
    struct selv_manifest_device device;
    struct selv_buf file;
    struct selv_error error;
    size_t count;
    int code;

    if (!selv_cli_parse(cli, &syntax, argc, argv, &code)) {
        return code;
    }
    if (!keys_load(&key_paths, keys, &count, &error) ||
        (device_path != NULL && !device_load(device_path, &device, &error)) ||
        !selv_file_read(in, SELV_MANIFEST_FILE_MAX, &file, &error)) {
        return selv_cli_fail(cli, &error);
    }
    code =
        judge(cli, in, file, keys, count, device_path == NULL ? NULL : &device);
    free(file.p);
    selv_wipe(keys, sizeof(keys)); /* there may be secrets among them */
    return code;
}
