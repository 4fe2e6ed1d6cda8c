/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_server_coap.c - the decoders of what devices send to the server. The
 * first byte chooses: even a profile, odd a status. What is accepted must
 * lie within the input and within the ranges that the server relies on. */
#include <stdlib.h>

#include "servers/update/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

static void within(struct selv_bytes in, const uint8_t *p, size_t len)
{
    require(p >= in.p && p + len <= in.p + in.len);
}

static void running_check(struct selv_bytes in, const struct selv_running *r)
{
    within(in, r->id.p, r->id.len);
    within(in, r->digest, SELV_SHA256_LEN);
    require(r->version.len <= SELV_PROFILE_VERSION_MAX);
    if (r->version.len > 0) {
        within(in, r->version.p, r->version.len);
    }
    require(r->sequence_number <= (uint64_t)SELV_PROFILE_NUMBER_MAX);
}

static void profile_try(struct selv_bytes in)
{
    struct selv_profile p;
    const char *where = NULL;
    if (selv_profile_decode(in, &p, &where) == SELV_OK) {
        within(in, p.device_id, 16);
        within(in, p.vendor_id, 16);
        within(in, p.class_id, 16);
        running_check(in, &p.running);
        require(p.component_count >= 1 &&
                p.component_count <= SELV_PROFILE_COMPONENTS_MAX);
        require(p.accepted <= (uint64_t)SELV_PROFILE_NUMBER_MAX);
        require(p.floor <= (uint64_t)SELV_PROFILE_NUMBER_MAX);
    }
    require(where != NULL && where[0] != 0);
}

static void status_try(struct selv_bytes in)
{
    struct selv_status s;
    const char *where = NULL;
    if (selv_status_decode(in, &s, &where) == SELV_OK) {
        running_check(in, &s.running);
        require(s.state <= SELV_STATUS_STATE_MAX);
        require(s.error <= UINT16_MAX);
        require(s.sequence_number <= (uint64_t)SELV_PROFILE_NUMBER_MAX);
    }
    require(where != NULL && where[0] != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct selv_bytes in = selv_bytes(data + 1, size - 1);
    if ((data[0] & 1) == 0) {
        profile_try(in);
    } else {
        status_try(in);
    }
    return 0;
}
