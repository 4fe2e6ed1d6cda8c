/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/manifest_parts.h - what the commands of `manifest` share: template files,
 * and parts of an envelope as files. */
#ifndef SELV_CLI_MANIFEST_PARTS_H
#define SELV_CLI_MANIFEST_PARTS_H

#include <jansson.h>

#include "base/base.h"
#include "cli/cli.h"
#include "cose/cose.h"
#include "host/error.h"

/* A JSON file (a template, a device); NULL with *error. flags: jansson's, more
 * than that no name may stand twice. The caller decrefs it. */
json_t *selv_cli_json_load(const char *path, size_t flags,
                           struct selv_error *error);

/* A template, as above. */
json_t *selv_cli_template_load(const char *path, struct selv_error *error);

/* The envelope that a template makes, and in *error the path where it makes
 * none; NULL: the template is no file. */
bool selv_cli_template_build(const char *path, json_t *template,
                             struct selv_buf *out, struct selv_error *error);

/* The keys that could verify a block, and the files that they are from. */
struct selv_cli_keys {
    struct selv_cose_key keys[SELV_CLI_LIST_MAX];
    struct selv_cose_key ids[SELV_CLI_LIST_MAX]; /* the same, with their kids */
    const char *names[SELV_CLI_LIST_MAX];        /* views of the paths */
    size_t count;
};

/* Load them all. Those that verify nothing are passed over; their kids, which
 * are only hints, are left out, so that none may rule a given key out. The
 * caller wipes *keys, after a failure too. */
bool selv_cli_keys_load(const struct selv_cli_list *paths,
                        struct selv_cli_keys *keys, struct selv_error *error);

/* Whether one of the keys verifies the envelope, and it is one that a device's
 * engine takes; else *error says why not, with SELV_EXIT_SIGNATURE where it is
 * for the signature. */
bool selv_cli_envelope_verify(const char *path, struct selv_bytes envelope,
                              const struct selv_cli_keys *keys,
                              struct selv_error *error);

/* Read an envelope file, of any length but 0; the caller frees out->p. */
bool selv_cli_envelope_read(const char *path, struct selv_buf *out,
                            struct selv_error *error);

/* Whether the bytes can be taken apart; else *error says where they stop being
 * an envelope. */
bool selv_cli_envelope_check(const char *path, struct selv_bytes envelope,
                             struct selv_error *error);

/* *error says why something could not be done with the envelope: put its path
 * before it, and, where the bytes are no envelope at all, add where they stop
 * being one. Returns false. */
bool selv_cli_envelope_explain(const char *path, struct selv_bytes envelope,
                               struct selv_error *error);

/* The folder of a path, for the template's relative file names; NULL: here. */
const char *selv_cli_folder_of(const char *path, char folder[static 4096]);

/* Make the folder where it is missing, and write every integrated payload of
 * the envelope at path into it, under the name that a template has for it;
 * never over a file that is there. */
bool selv_cli_payloads_write(const char *folder, const char *path,
                             struct selv_bytes envelope,
                             struct selv_error *error);

#endif
