/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor/cbor_int.h"

uint64_t selv_cbor_pull_uint(struct selv_cbor *r)
{
    uint32_t part[2] = {0, 0};
    /* Eight bytes whose upper half is not zero; everything else is a number of
     * 32 bits, or wrong. */
    if (r->err != SELV_OK || (size_t)(r->end - r->p) < 9 || *r->p != 0x1b) {
        return selv_cbor_pull(r, SELV_CBOR_UINT);
    }
    part[0] = selv_get_be32(r->p + 1);
    part[1] = selv_get_be32(r->p + 5);
    if (part[0] == 0) {
        r->err = SELV_ERR_CBOR_NONMINIMAL;
        return 0;
    }
    r->p += 9;
    return (uint64_t)part[0] << 32 | part[1];
}
