/* SPDX-License-Identifier: Apache-2.0 */
#include "suit/report.h"

#include "suit/suit_int.h"

/* Elements of a record that come after its fifth are extensions. */
#define RECORD_ELEMENTS 5u

/* ---- writing ------------------------------------------------------------ */

static void put_record(struct selv_cbor_writer *w,
                       const struct selv_suit_failure *failure)
{
    /* five elements; the root manifest, whose walk is empty */
    static const uint8_t head[] = {0x85, 0x80};
    selv_cbor_put_raw(w, selv_bytes(head, sizeof head));
    selv_cbor_put_int(w, failure->section);
    selv_cbor_put_uint(w, failure->section_offset);
    selv_cbor_put_uint(w, failure->component);
    selv_cbor_put_map(w, 0);
}

void selv_suit_report_put(struct selv_cbor_writer *w,
                          const struct selv_suit_report *report)
{
    static const uint8_t head[] = {0xa3, SELV_SUIT_REPORT_RECORDS, 0x80,
                                   SELV_SUIT_REPORT_RESULT};
    selv_cbor_put_raw(w, selv_bytes(head, sizeof head));
    if (report->is_success) {
        selv_cbor_put_bool(w, true);
    } else {
        selv_cbor_put_map(w, 3);
        selv_cbor_put_uint(w, SELV_SUIT_REPORT_RESULT_CODE);
        selv_cbor_put_int(w, (int64_t)report->failure.err);
        selv_cbor_put_uint(w, SELV_SUIT_REPORT_RESULT_RECORD);
        put_record(w, &report->failure);
        selv_cbor_put_uint(w, SELV_SUIT_REPORT_RESULT_REASON);
        selv_cbor_put_uint(w, (uint64_t)report->reason);
    }
    selv_cbor_put_uint(w, SELV_SUIT_REPORT_REFERENCE);
    selv_cbor_put_array(w, 2);
    selv_cbor_put_tstr(w, report->uri);
    selv_cbor_put_array(w, 2);
    selv_cbor_put_int(w, SELV_SUIT_DIGEST_SHA256);
    selv_cbor_put_bstr(w, selv_bytes(report->digest, SELV_SHA256_LEN));
}

/* ---- reading ------------------------------------------------------------ */

/* The next key of a map of integer keys, its order checked. */
static enum selv_err key_next(struct selv_cbor *r, struct selv_bytes *previous,
                              int32_t *key)
{
    const uint8_t *start = r->p;
    enum selv_err err = selv_cbor_int(r, key);
    if (err == SELV_OK) {
        err = selv_cbor_key_order(previous,
                                  selv_bytes(start, (size_t)(r->p - start)));
    }
    return err;
}

static enum selv_err get_reference(struct selv_cbor *r,
                                   struct selv_suit_report *out)
{
    uint32_t count = 0;
    const uint8_t *digest = NULL;
    enum selv_err err = selv_cbor_array(r, &count);
    if (err == SELV_OK && count != 2) {
        err = SELV_ERR_CBOR_TYPE;
    }
    if (err == SELV_OK) {
        err = selv_cbor_tstr(r, &out->uri);
    }
    if (err == SELV_OK) {
        digest = selv_suit_digest_read(r);
        err = r->err;
    }
    if (err == SELV_OK) {
        memcpy(out->digest, digest, SELV_SHA256_LEN);
    }
    return err;
}

static enum selv_err get_record(struct selv_cbor *r,
                                struct selv_suit_failure *failure)
{
    uint32_t count = 0;
    int32_t section = 0;
    uint32_t offset = 0;
    uint32_t component = 0;
    enum selv_err err = selv_cbor_array(r, &count);
    if (err == SELV_OK && count < RECORD_ELEMENTS) {
        err = SELV_ERR_SUIT_MISSING;
    }
    if (err == SELV_OK) {
        err = selv_cbor_skip(r, NULL); /* manifest-id */
    }
    if (err == SELV_OK) {
        err = selv_cbor_int(r, &section);
    }
    if (err == SELV_OK && (section < INT16_MIN || section > INT16_MAX)) {
        err = SELV_ERR_CBOR_RANGE;
    }
    if (err == SELV_OK) {
        err = selv_cbor_uint32(r, UINT16_MAX, &offset);
    }
    if (err == SELV_OK) {
        err = selv_cbor_uint32(r, UINT8_MAX, &component);
    }
    for (uint32_t i = RECORD_ELEMENTS - 1; i < count && err == SELV_OK; i++) {
        err = selv_cbor_skip(r, NULL); /* properties, extensions */
    }
    failure->section = (int16_t)section;
    failure->section_offset = (uint16_t)offset;
    failure->component = (uint8_t)component;
    return err;
}

static enum selv_err get_failure(struct selv_cbor *r,
                                 struct selv_suit_report *out)
{
    uint32_t count = 0;
    int32_t code = 0;
    uint32_t reason = 0;
    struct selv_bytes previous = {NULL, 0};
    enum selv_err err = selv_cbor_map(r, &count);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < count && err == SELV_OK; i++) {
        int32_t key = 0;
        err = key_next(r, &previous, &key);
        if (err != SELV_OK) {
            break;
        }
        if (key == SELV_SUIT_REPORT_RESULT_CODE) {
            err = selv_cbor_int(r, &code);
        } else if (key == SELV_SUIT_REPORT_RESULT_RECORD) {
            err = get_record(r, &out->failure);
        } else if (key == SELV_SUIT_REPORT_RESULT_REASON) {
            err = selv_cbor_uint32(r, SELV_SUIT_REASON_INVOKE_PENDING, &reason);
        } else {
            err = SELV_ERR_SUIT_KEY;
        }
        seen++;
    }
    if (err == SELV_OK && seen != 3) {
        err = SELV_ERR_SUIT_MISSING;
    }
    /* Another implementation's codes mean nothing to us, but they must not
     * read as "no error". */
    bool is_ours = code > 0 && code < INT16_MAX;
    out->failure.err = is_ours ? (enum selv_err)code : SELV_ERR_SUIT_OPERATION;
    out->reason = (enum selv_suit_reason)reason;
    return err;
}

static enum selv_err get_result(struct selv_cbor *r,
                                struct selv_suit_report *out)
{
    if (selv_cbor_peek(r) == SELV_CBOR_MAP) {
        return get_failure(r, out);
    }
    enum selv_err err = selv_cbor_bool(r, &out->is_success);
    if (err == SELV_OK && !out->is_success) {
        err = SELV_ERR_CBOR_TYPE; /* "true / {...}" */
    }
    return err;
}

enum selv_err selv_suit_report_get(struct selv_cbor *r,
                                   struct selv_suit_report *out)
{
    struct selv_cbor at = *r;
    struct selv_bytes previous = {NULL, 0};
    uint32_t count = 0;
    uint32_t required = 0;
    memset(out, 0, sizeof *out);
    out->failure.component = SELV_SUIT_NO_COMPONENT;
    enum selv_err err = selv_cbor_map(&at, &count);
    for (uint32_t i = 0; i < count && err == SELV_OK; i++) {
        int32_t key = 0;
        err = key_next(&at, &previous, &key);
        if (err != SELV_OK) {
            break;
        }
        required += key == SELV_SUIT_REPORT_RECORDS ||
                    key == SELV_SUIT_REPORT_RESULT ||
                    key == SELV_SUIT_REPORT_REFERENCE;
        if (key == SELV_SUIT_REPORT_RESULT) {
            err = get_result(&at, out);
        } else if (key == SELV_SUIT_REPORT_REFERENCE) {
            err = get_reference(&at, out);
        } else if (key == SELV_SUIT_REPORT_RECORDS ||
                   key == SELV_SUIT_REPORT_NONCE ||
                   key == SELV_SUIT_REPORT_CAPABILITY) {
            err = selv_cbor_skip(&at, NULL);
        } else {
            err = SELV_ERR_SUIT_KEY;
        }
    }
    if (err == SELV_OK && required != 3) {
        err = SELV_ERR_SUIT_MISSING;
    }
    if (err == SELV_OK) {
        *r = at;
    }
    return err;
}
