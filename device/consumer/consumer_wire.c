/* SPDX-License-Identifier: Apache-2.0
 *
 * Profile and status as docs/spec/coap.md has them. Both always fit c->body:
 * every part has a fixed length or a limit. */
#define SELV_MODULE 0x434e5752u /* "CNWR" */
#include "consumer/consumer_int.h"

#include "cbor/cbor.h"
#include "suit/report.h"

#define WIRE_VERSION 1u

static void put_id(struct selv_cbor_writer *w, unsigned key,
                   const uint8_t id[static 16])
{
    selv_cbor_put_uint(w, key);
    selv_cbor_put_bstr(w, selv_bytes(id, 16));
}

static void put_running(struct selv_cbor_writer *w,
                        const struct selv_consumer_config *config)
{
    const struct selv_boot_record *record = config->record;
    const struct selv_factory *factory = config->factory;
    bool has_version = config->version.len > 0;

    selv_cbor_put_map(w, has_version ? 5 : 4);
    selv_cbor_put_uint(w, 1);
    selv_cbor_put_raw(
        w, selv_bytes(factory->component_id, factory->component_id_len));
    selv_cbor_put_uint(w, 2);
    selv_cbor_put_uint(w, record->sequence);
    selv_cbor_put_uint(w, 3);
    selv_cbor_put_bstr(w, selv_bytes(record->digest, SELV_SHA256_LEN));
    selv_cbor_put_uint(w, 4);
    selv_cbor_put_uint(w, record->slot);
    if (has_version) {
        selv_cbor_put_uint(w, 5);
        selv_cbor_put_tstr(w, config->version);
    }
}

static void finish(struct selv_consumer *c, const struct selv_cbor_writer *w)
{
    struct selv_bytes written = {NULL, 0};
    enum selv_err err = selv_cbor_finish(w, &written);

    SELV_ASSERT(err == SELV_OK);
    c->body_len = (uint16_t)written.len;
}

void selv_consumer_put_profile(struct selv_consumer *c)
{
    const struct selv_consumer_config *config = c->config;
    const struct selv_factory *factory = config->factory;
    uint8_t idle = selv_consumer_idle_slot(c);
    struct selv_cbor_writer w;

    selv_cbor_writer_init(&w, c->body, sizeof c->body);
    selv_cbor_put_map(&w, 8);
    selv_cbor_put_uint(&w, 1);
    selv_cbor_put_uint(&w, WIRE_VERSION);
    put_id(&w, 2, factory->device_id);
    put_id(&w, 3, factory->vendor_id);
    put_id(&w, 4, factory->class_id);
    selv_cbor_put_uint(&w, 5);
    selv_cbor_put_array(&w, 1);
    put_running(&w, config);
    selv_cbor_put_uint(&w, 6);
    selv_cbor_put_uint(&w, SELV_SUIT_ENVELOPE_MAX);
    selv_cbor_put_uint(&w, 7);
    selv_cbor_put_uint(&w, config->layout->slot[idle].image_len);
    selv_cbor_put_uint(&w, 8);
    selv_cbor_put_map(&w, 3);
    selv_cbor_put_uint(&w, 1);
    selv_cbor_put_uint(&w, config->record->version);
    selv_cbor_put_uint(&w, 2);
    selv_cbor_put_uint(&w, config->record->accepted);
    selv_cbor_put_uint(&w, 3);
    selv_cbor_put_uint(&w, config->record->floor);
    finish(c, &w);
}

void selv_consumer_put_status(struct selv_consumer *c)
{
    const struct selv_consumer_report *r = &c->report;
    struct selv_suit_report report = {.is_success = r->err == SELV_OK,
                                      .failure = r->failure};
    struct selv_cbor_writer w;

    memcpy(report.digest, r->digest, sizeof report.digest);
    if (!report.is_success) {
        report.reason = selv_suit_reason((enum selv_err)r->err);
    }
    selv_cbor_writer_init(&w, c->body, sizeof c->body);
    selv_cbor_put_map(&w, 6);
    selv_cbor_put_uint(&w, 1);
    selv_cbor_put_uint(&w, WIRE_VERSION);
    selv_cbor_put_uint(&w, 2);
    selv_suit_report_put(&w, &report);
    selv_cbor_put_uint(&w, 3);
    selv_cbor_put_uint(&w, r->state);
    selv_cbor_put_uint(&w, 4);
    selv_cbor_put_uint(&w, r->sequence);
    selv_cbor_put_uint(&w, 5);
    put_running(&w, c->config);
    selv_cbor_put_uint(&w, 6);
    selv_cbor_put_uint(&w, r->err);
    finish(c, &w);
}
