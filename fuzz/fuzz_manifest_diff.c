/* SPDX-License-Identifier: Apache-2.0
 *
 * Two envelopes from anybody, the length of the first one in two bytes before
 * it. Their difference is told without a control character; it is symmetric
 * in whether there is one; and nothing differs from itself. */
#include <stdlib.h>

#include "crypto/crypto.h"
#include "host/manifest_diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static size_t changes_count(json_t *diff)
{
    return json_array_size(json_object_get(diff, "changes")) +
           json_array_size(json_object_get(diff, "sections"));
}

/* The number of changes, or -1 when one of them is no envelope. */
static long diff_run(struct selv_bytes old, struct selv_bytes new)
{
    struct selv_error error = {SELV_EXIT_OK, ""};
    json_t *diff = selv_manifest_diff(old, "old", new, "new", NULL, &error);
    long count;
    char *text;

    if (diff == NULL) {
        must(error.exit != SELV_EXIT_OK && error.text[0] != '\0');
        return -1;
    }
    text = selv_manifest_diff_prose(diff, false);
    must(text != NULL);
    for (const char *p = text; *p != '\0'; p++) {
        must(*p == '\n' || (unsigned char)*p >= ' ');
    }
    must((text[0] == '\0') == selv_bytes_equal(old, new));
    free(text);
    count = (long)changes_count(diff);
    json_decref(diff);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_started;
    struct selv_bytes a;
    struct selv_bytes b;
    size_t len;
    long there;
    long back;

    if (!is_started) {
        must(selv_crypto_init() == SELV_OK);
        is_started = true;
    }
    if (size < 2) {
        return 0;
    }
    len = (size_t)data[0] << 8 | data[1];
    len = len > size - 2 ? size - 2 : len;
    a = selv_bytes(data + 2, len);
    b = selv_bytes(data + 2 + len, size - 2 - len);
    there = diff_run(a, b);
    back = diff_run(b, a);
    must((there > 0) == (back > 0) && (there < 0) == (back < 0));
    must(diff_run(a, a) <= 0 && diff_run(b, b) <= 0);
    return 0;
}
