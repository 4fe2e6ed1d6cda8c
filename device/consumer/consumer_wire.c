/* SPDX-License-Identifier: Apache-2.0
 *
 * Profile and status as docs/spec/coap.md has them. Both always fit c->body:
 * every part has a fixed length or a limit. */
#define SELV_MODULE 0x434e5752u /* "CNWR" */
#include "consumer/consumer_int.h"

#include "cbor/cbor.h"

#define WIRE_VERSION 1u

static void put_number(struct selv_cbor_writer *w, uint8_t key, uint64_t v)
{
    selv_cbor_put_uint(w, key);
    selv_cbor_put_uint(w, v);
}

static void put_bytes(struct selv_cbor_writer *w, uint8_t key, const uint8_t *p,
                      size_t len)
{
    selv_cbor_put_uint(w, key);
    selv_cbor_put_bstr(w, selv_bytes(p, len));
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
    put_number(w, 2, record->sequence);
    put_bytes(w, 3, record->digest, SELV_SHA256_LEN);
    put_number(w, 4, record->slot);
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
    struct selv_cbor_writer w;

    selv_cbor_writer_init(&w, c->body, sizeof c->body);
    selv_cbor_put_map(&w, 8);
    put_number(&w, 1, WIRE_VERSION);
    put_bytes(&w, 2, factory->device_id, 16);
    put_bytes(&w, 3, factory->vendor_id, 16);
    put_bytes(&w, 4, factory->class_id, 16);
    selv_cbor_put_uint(&w, 5);
    selv_cbor_put_array(&w, 1);
    put_running(&w, config);
    put_number(&w, 6, SELV_SUIT_ENVELOPE_MAX);
    put_number(&w, 7, c->idle->image_len);
    selv_cbor_put_uint(&w, 8);
    selv_cbor_put_map(&w, 3);
    put_number(&w, 1, config->record->version);
    put_number(&w, 2, config->record->accepted);
    put_number(&w, 3, config->record->floor);
    finish(c, &w);
}

void selv_consumer_put_status(struct selv_consumer *c)
{
    const struct selv_consumer_report *r = &c->report;
    struct selv_cbor_writer w;

    selv_cbor_writer_init(&w, c->body, sizeof c->body);
    selv_cbor_put_map(&w, 6);
    put_number(&w, 1, WIRE_VERSION);
    selv_cbor_put_uint(&w, 2);
    selv_suit_report_put(&w, &r->suit);
    put_number(&w, 3, r->state);
    put_number(&w, 4, r->sequence);
    selv_cbor_put_uint(&w, 5);
    put_running(&w, c->config);
    put_number(&w, 6, r->suit.failure.err);
    finish(c, &w);
}
