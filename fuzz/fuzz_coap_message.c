/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever the parser accepts has consistent views, and is parsed again to the
 * same after being written anew. The same bytes are tried as a URI. */
#include <stdlib.h>

#include "coap/coap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool within(struct selv_bytes inner, struct selv_bytes outer)
{
    return inner.len == 0 ||
           (inner.p >= outer.p && inner.p + inner.len <= outer.p + outer.len);
}

static void write_again(const struct selv_coap_msg *m)
{
    static uint8_t buf[1 << 16];
    struct selv_coap_writer w;
    struct selv_coap_opt o;
    struct selv_coap_msg copy;
    size_t len = 0;
    selv_coap_write_begin(&w, buf, sizeof buf, (enum selv_coap_type)m->type,
                          m->code, m->mid, m->token);
    selv_coap_opt_begin(m, &o);
    while (selv_coap_opt_next(&o)) {
        selv_coap_write_opt(&w, o.number, o.value);
    }
    must(o.rest.len == 0);
    selv_coap_write_payload(&w, m->payload);
    must(selv_coap_write_end(&w, &len) == SELV_OK);
    must(selv_coap_parse(selv_bytes(buf, len), &copy) != SELV_ERR_COAP_FORMAT);
    must(copy.type == m->type && copy.code == m->code && copy.mid == m->mid);
    must(copy.has == m->has && copy.bad_option == m->bad_option);
    must(selv_bytes_equal(copy.token, m->token));
    must(selv_bytes_equal(copy.payload, m->payload));
    must(selv_bytes_equal(copy.etag, m->etag));
    must(copy.block1.num == m->block1.num && copy.block2.szx == m->block2.szx);
    must(copy.size1 == m->size1 && copy.size2 == m->size2);
}

static void message_try(struct selv_bytes in)
{
    struct selv_coap_msg m;
    struct selv_bytes v = {NULL, 0};
    enum selv_err err = selv_coap_parse(in, &m);
    if (err == SELV_ERR_COAP_FORMAT) {
        return;
    }
    must(err == (m.bad_option != 0 ? SELV_ERR_COAP_OPTION : SELV_OK));
    must(within(m.token, in) && within(m.options, in) && within(m.payload, in));
    must(within(m.etag, m.options));
    must(m.block1.num <= SELV_COAP_BLOCK_NUM_MAX && m.block2.szx <= 7);
    (void)selv_coap_path_match(&m, "i/*", &v);
    must(within(v, m.options));
    (void)selv_coap_path_match(&m, "", NULL);
    (void)selv_coap_query(&m, "d", &v);
    must(within(v, m.options));
    must(m.etag.len == 0 || selv_coap_has_etag(&m, m.etag));
    write_again(&m);
}

static void uri_try(struct selv_bytes in)
{
    uint8_t buf[512];
    struct selv_coap_uri u;
    struct selv_coap_writer w;
    struct selv_coap_msg m;
    size_t len = 0;
    if (selv_coap_uri_parse(in, &u) != SELV_OK) {
        return;
    }
    must(u.host.len > 0 && u.port > 0);
    must(within(u.host, in) && within(u.path, in) && within(u.query, in));
    selv_coap_write_begin(&w, buf, sizeof buf, SELV_COAP_CON, SELV_COAP_GET, 1,
                          selv_bytes(NULL, 0));
    selv_coap_write_path(&w, u.path);
    selv_coap_write_query(&w, u.query);
    enum selv_err err = selv_coap_write_end(&w, &len);
    must(err == SELV_OK || err == SELV_ERR_ARG || err == SELV_ERR_SPACE);
    if (err == SELV_OK) {
        must(selv_coap_parse(selv_bytes(buf, len), &m) == SELV_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    message_try(selv_bytes(data, size));
    uri_try(selv_bytes(data, size));
    return 0;
}
