/* SPDX-License-Identifier: Apache-2.0
 *
 * See cli/status.h. */
#include "cli/status.h"

#include "cbor/cbor.h"

static void keep_text(char to[static SELV_CLI_STATUS_TEXT_MAX + 1],
                      struct selv_bytes text)
{
    size_t len = text.len < SELV_CLI_STATUS_TEXT_MAX ? text.len
                                                     : SELV_CLI_STATUS_TEXT_MAX;

    for (size_t i = 0; i < len; i++) {
        to[i] = (char)(text.p[i] >= ' ' && text.p[i] <= '~' ? text.p[i] : '?');
    }
    to[len] = '\0';
}

static enum selv_err running_read(struct selv_cbor *r,
                                  struct selv_cli_status *s)
{
    uint32_t count;
    enum selv_err err = selv_cbor_map(r, &count);

    for (uint32_t i = 0; !err && i < count; i++) {
        struct selv_bytes text;
        uint64_t key;
        err = selv_cbor_uint(r, &key);
        if (!err && key == 2) {
            err = selv_cbor_uint(r, &s->running);
        } else if (!err && key == 5) {
            err = selv_cbor_tstr(r, &text);
            if (!err) {
                keep_text(s->version, text);
            }
        } else if (!err) {
            err = selv_cbor_skip(r, NULL);
        }
    }
    return err;
}

static enum selv_err progress_read(struct selv_cbor *r,
                                   struct selv_cli_status *s)
{
    uint32_t count;
    enum selv_err err = selv_cbor_array(r, &count);

    if (!err && count != 2) {
        err = SELV_ERR_CBOR_TYPE;
    }
    err = err ? err : selv_cbor_uint(r, &s->done);
    return err ? err : selv_cbor_uint(r, &s->size);
}

bool selv_cli_status_read(struct selv_bytes body, struct selv_cli_status *s)
{
    struct selv_cbor r;
    uint32_t count;
    enum selv_err err;

    memset(s, 0, sizeof *s);
    selv_cbor_init(&r, body);
    err = selv_cbor_map(&r, &count);
    for (uint32_t i = 0; !err && i < count; i++) {
        uint64_t key;
        err = selv_cbor_uint(&r, &key);
        if (err) {
            break;
        }
        switch (key) {
        case 3:
            err = selv_cbor_uint(&r, &s->state);
            break;
        case 4:
            err = selv_cbor_uint(&r, &s->sequence);
            break;
        case 5:
            err = running_read(&r, s);
            break;
        case 6:
            err = selv_cbor_uint(&r, &s->err);
            break;
        case 7:
            err = progress_read(&r, s);
            break;
        default:
            err = selv_cbor_skip(&r, NULL);
            break;
        }
    }
    return !err && s->state < SELV_CLI_STATUS_STATES;
}
