/* SPDX-License-Identifier: Apache-2.0
 *
 * What people look at comes from anybody: an envelope is described and told in
 * prose, without a control character; judged without a key it is never
 * accepted; a key file is a key or an error with text. */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "host/key.h"
#include "host/manifest.h"
#include "host/manifest_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void envelope_run(struct selv_bytes in)
{
    struct selv_manifest_verdict verdict;
    char why[SELV_ERROR_LEN];
    struct selv_error error;
    json_t *description = selv_manifest_describe(in, NULL, &error);

    if (description != NULL) {
        char *prose = selv_manifest_prose(description);

        must(prose != NULL);
        for (const char *p = prose; *p != '\0'; p++) {
            must(*p == '\n' || (unsigned char)*p >= ' ');
        }
        free(prose);
        json_decref(description);
    }
    must(!selv_manifest_verify(in, NULL, 0, NULL, &verdict));
    must(selv_manifest_exit(&verdict) != SELV_EXIT_OK);
    selv_manifest_why(&verdict, why);
    must(why[0] != '\0');
}

/* A zero byte must stand behind a key file. */
static void key_run(struct selv_bytes in)
{
    uint8_t *copy = calloc(1, in.len + 1);
    struct selv_error error = {SELV_EXIT_OK, ""};
    struct selv_key key;

    must(copy != NULL);
    if (in.len > 0) {
        memcpy(copy, in.p, in.len);
    }
    if (!selv_key_parse(selv_bytes(copy, in.len), "key", &key, &error)) {
        must(error.exit != SELV_EXIT_OK && error.text[0] != '\0');
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_started;

    if (!is_started) {
        must(selv_crypto_init() == SELV_OK);
        is_started = true;
    }
    if (size == 0) {
        return 0;
    }
    if (data[0] == 0xd8) {
        envelope_run(selv_bytes(data, size));
    } else {
        key_run(selv_bytes(data + 1, size - 1));
    }
    return 0;
}
