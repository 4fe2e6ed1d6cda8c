/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: walk the Wycheproof ECDSA P-256 vectors (IEEE P1363 form) in the
 * folder that SELVAGE_VECTORS names. They are read in place. */
#ifndef SELV_TEST_WYCHEPROOF_H
#define SELV_TEST_WYCHEPROOF_H

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "test/unit/hex.h"

struct wycheproof_case {
    uint8_t public_key[SELV_P256_PUBLIC_LEN];
    uint8_t signature[SELV_P256_SIGNATURE_LEN];
    struct selv_bytes message;
    int id;
    bool valid;
};

typedef void wycheproof_fn(const struct wycheproof_case *c);

static int wycheproof_group(json_t *group, wycheproof_fn *fn)
{
    const char *point = json_string_value(
        json_object_get(json_object_get(group, "publicKey"), "uncompressed"));
    uint8_t bytes[1 + SELV_P256_PUBLIC_LEN];
    size_t i;
    json_t *test;
    int count = 0;

    if (point == NULL || hex(point, bytes, sizeof(bytes)).len != 65) {
        fprintf(stderr, "no P-256 key in a Wycheproof group\n");
        abort();
    }
    json_array_foreach(json_object_get(group, "tests"), i, test)
    {
        static uint8_t message[4096];
        uint8_t signature[512];
        struct wycheproof_case c;
        struct selv_bytes sig =
            hex(json_string_value(json_object_get(test, "sig")), signature,
                sizeof(signature));
        const char *result = json_string_value(json_object_get(test, "result"));

        c.id = (int)json_integer_value(json_object_get(test, "tcId"));
        c.valid = strcmp(result, "valid") == 0;
        if (sig.len != sizeof(c.signature)) {
            /* Our interface cannot be given another length. */
            if (c.valid) {
                abort();
            }
            continue;
        }
        memcpy(c.signature, sig.p, sig.len);
        memcpy(c.public_key, bytes + 1, sizeof(c.public_key));
        c.message = hex(json_string_value(json_object_get(test, "msg")),
                        message, sizeof(message));
        fn(&c);
        count++;
    }
    return count;
}

/* Returns the number of cases run; 0, with the reason printed, when there is
 * nothing to read. */
static int wycheproof_run(wycheproof_fn *fn)
{
    const char *root = getenv("SELVAGE_VECTORS");
    char path[4096];
    DIR *folder;
    struct dirent *entry;
    int count = 0;

    if (root == NULL) {
        printf("skip: SELVAGE_VECTORS does not name a folder\n");
        return 0;
    }
    snprintf(path, sizeof(path), "%s/wycheproof", root);
    folder = opendir(path);
    if (folder == NULL) {
        printf("skip: no folder %s\n", path);
        return 0;
    }
    while ((entry = readdir(folder)) != NULL) {
        size_t i;
        json_t *group;
        json_t *file;

        if (strncmp(entry->d_name, "ecdsa_secp256r1_sha256_p1363", 28) != 0) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/wycheproof/%s", root, entry->d_name);
        file = json_load_file(path, 0, NULL);
        if (file == NULL) {
            fprintf(stderr, "%s is not JSON\n", path);
            abort();
        }
        json_array_foreach(json_object_get(file, "testGroups"), i, group)
        {
            count += wycheproof_group(group, fn);
        }
        json_decref(file);
    }
    closedir(folder);
    if (count == 0) {
        printf("skip: no P-256 vectors in %s/wycheproof\n", root);
    }
    return count;
}

#endif
