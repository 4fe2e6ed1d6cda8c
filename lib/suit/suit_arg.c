/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments of commands and values of parameters: their types and ranges
 * [manifest 8.4.6 to 8.4.10]. */
#include "suit/suit_int.h"

#define UUID_LEN 16u

/* Bits of the reporting policy [manifest 8.4.7]. */
#define POLICY_MAX 15u

enum selv_err selv_suit_arg_policy(const struct selv_suit *s,
                                   struct selv_cbor argument, int32_t *code)
{
    (void)s;
    (void)code;
    uint32_t policy = 0;
    return selv_cbor_uint32(&argument, POLICY_MAX, &policy);
}

/* One component index. */
static enum selv_err check_index(const struct selv_suit *s, struct selv_cbor *r)
{
    uint64_t index = 0;
    enum selv_err err = selv_cbor_uint(r, &index);
    if (err == SELV_OK && index >= s->component_count) {
        err = SELV_ERR_SUIT_INDEX;
    }
    return err;
}

/* An integer, true, or an array of integers [manifest 6.5]. The array may
 * not be longer than there are components: that bounds the work. */
enum selv_err selv_suit_arg_index(const struct selv_suit *s,
                                  struct selv_cbor argument, int32_t *code)
{
    (void)code;
    if (selv_cbor_peek(&argument) == SELV_CBOR_SIMPLE) {
        bool is_true = false;
        enum selv_err err = selv_cbor_bool(&argument, &is_true);
        return err == SELV_OK && is_true ? SELV_OK : SELV_ERR_SUIT_ARGUMENT;
    }
    if (selv_cbor_peek(&argument) != SELV_CBOR_ARRAY) {
        return check_index(s, &argument);
    }
    uint32_t count = 0;
    enum selv_err err = selv_cbor_array(&argument, &count);
    if (err == SELV_OK && count == 0) {
        err = SELV_ERR_SUIT_ARGUMENT;
    }
    if (err == SELV_OK && count > s->component_count) {
        err = SELV_ERR_SUIT_INDEX;
    }
    for (uint32_t i = 0; i < count && err == SELV_OK; i++) {
        err = check_index(s, &argument);
    }
    return err;
}

const struct selv_suit_parameter_rule *
selv_suit_parameter_find(const struct selv_suit_profile *profile, int32_t code)
{
    for (size_t i = 0; i < profile->parameter_count; i++) {
        if (profile->parameters[i].code == code) {
            return &profile->parameters[i];
        }
    }
    return NULL;
}

enum selv_err selv_suit_arg_parameters(const struct selv_suit *s,
                                       struct selv_cbor argument, int32_t *code)
{
    uint32_t count = 0;
    enum selv_err err = selv_cbor_map(&argument, &count);
    if (err == SELV_OK && count == 0) {
        err = SELV_ERR_SUIT_ARGUMENT;
    }
    /* The walk's skip has checked the order of the keys. */
    while (count > 0 && err == SELV_OK) {
        err = selv_cbor_int(&argument, code);
        if (err != SELV_OK) {
            return err;
        }
        const struct selv_suit_parameter_rule *rule =
            selv_suit_parameter_find(s->profile, *code);
        if (rule == NULL) {
            return SELV_ERR_SUIT_PARAMETER;
        }
        err = rule->check(argument);
        if (err == SELV_OK) {
            err = selv_cbor_skip(&argument, NULL);
        }
        count--;
    }
    return err;
}

/* ---- parameters --------------------------------------------------------- */

static enum selv_err check_uuid(struct selv_cbor value)
{
    struct selv_bytes uuid;
    enum selv_err err = selv_cbor_bstr(&value, &uuid);
    if (err == SELV_OK && uuid.len != UUID_LEN) {
        err = SELV_ERR_SUIT_ARGUMENT;
    }
    return err;
}

static enum selv_err check_uint64(struct selv_cbor value)
{
    uint64_t v = 0;
    return selv_cbor_uint(&value, &v);
}

static enum selv_err check_size(struct selv_cbor value)
{
    uint32_t v = 0;
    return selv_cbor_uint32(&value, UINT32_MAX, &v);
}

static enum selv_err check_uri(struct selv_cbor value)
{
    struct selv_bytes uri;
    enum selv_err err = selv_cbor_tstr(&value, &uri);
    if (err == SELV_OK && (uri.len == 0 || uri.len > SELV_SUIT_URI_MAX)) {
        err = SELV_ERR_SUIT_URI;
    }
    return err;
}

enum selv_err selv_suit_digest_read(struct selv_cbor *r, const uint8_t **digest)
{
    uint32_t count = 0;
    int32_t alg = 0;
    struct selv_bytes bytes;
    struct selv_cbor at = *r;
    enum selv_err err = selv_cbor_array(&at, &count);
    if (err == SELV_OK) {
        err = selv_cbor_int(&at, &alg);
    }
    if (err == SELV_OK && alg != SELV_SUIT_DIGEST_SHA256) {
        err = SELV_ERR_SUIT_DIGEST_ALG;
    }
    if (err == SELV_OK) {
        err = selv_cbor_bstr(&at, &bytes);
    }
    if (err == SELV_OK && (count != 2 || bytes.len != SELV_SHA256_LEN)) {
        err = SELV_ERR_SUIT_ARGUMENT;
    }
    if (err == SELV_OK) {
        *digest = bytes.p;
        *r = at;
    }
    /* A well-formed item of the wrong kind is a wrong argument. */
    if (err == SELV_ERR_CBOR_TYPE || err == SELV_ERR_CBOR_RANGE) {
        err = SELV_ERR_SUIT_ARGUMENT;
    }
    return err;
}

/* A SUIT_Digest wrapped in a byte string [manifest 8.4.8.6]. */
static enum selv_err check_digest(struct selv_cbor value)
{
    struct selv_bytes wrapped;
    const uint8_t *digest = NULL;
    enum selv_err err = selv_cbor_bstr(&value, &wrapped);
    if (err != SELV_OK) {
        return err;
    }
    struct selv_cbor inner;
    selv_cbor_init(&inner, wrapped);
    err = selv_suit_digest_read(&inner, &digest);
    return err == SELV_OK ? selv_cbor_end(&inner) : err;
}

const struct selv_suit_parameter_rule
    selv_suit_parameters[SELV_SUIT_PARAMETER_COUNT] = {
        {SELV_SUIT_PARAMETER_VENDOR_ID, SELV_SUIT_SLOT_VENDOR_ID, check_uuid},
        {SELV_SUIT_PARAMETER_CLASS_ID, SELV_SUIT_SLOT_CLASS_ID, check_uuid},
        {SELV_SUIT_PARAMETER_IMAGE_DIGEST, SELV_SUIT_SLOT_IMAGE_DIGEST,
         check_digest},
        {SELV_SUIT_PARAMETER_COMPONENT_SLOT, SELV_SUIT_SLOT_COMPONENT_SLOT,
         check_uint64},
        {SELV_SUIT_PARAMETER_IMAGE_SIZE, SELV_SUIT_SLOT_IMAGE_SIZE, check_size},
        {SELV_SUIT_PARAMETER_URI, SELV_SUIT_SLOT_URI, check_uri},
};

/* ---- reading them back -------------------------------------------------- */

bool selv_suit_param_open(const struct selv_suit *s, uint8_t component,
                          enum selv_suit_slot slot, struct selv_cbor *r)
{
    uint16_t off = s->params[component].at[slot];
    r->p = s->view.p + off;
    r->end = s->view.p + s->view.len;
    return off != 0;
}

const uint8_t *selv_suit_image_digest(const struct selv_suit *s,
                                      uint8_t component)
{
    struct selv_cbor r;
    struct selv_bytes wrapped;
    const uint8_t *digest = NULL;
    if (!selv_suit_param_open(s, component, SELV_SUIT_SLOT_IMAGE_DIGEST, &r) ||
        selv_cbor_bstr(&r, &wrapped) != SELV_OK) {
        return NULL;
    }
    selv_cbor_init(&r, wrapped);
    return selv_suit_digest_read(&r, &digest) == SELV_OK ? digest : NULL;
}
