/* SPDX-License-Identifier: Apache-2.0
 *
 * For CBMC (test/cbmc/run): each reader on every input of up to PROOF_LEN_MAX
 * bytes. The input ends where the object does, so that a read behind it is
 * found; the unwinding assertions say that loops end. */
#include "cbor/cbor.h"

#ifndef PROOF_LEN_MAX
#define PROOF_LEN_MAX 10
#endif
#ifndef PROOF_READER
#define PROOF_READER (nondet_unsigned() % 12)
#endif

size_t nondet_size(void);
unsigned nondet_unsigned(void);
bool nondet_bool(void);

static uint8_t bytes[PROOF_LEN_MAX];

/* Any bytes of any length, up to the end of an object. */
static struct selv_cbor any_cursor(void)
{
    size_t skipped = nondet_size();
    struct selv_cbor r;

    __CPROVER_havoc_object(bytes);
    __CPROVER_assume(skipped <= PROOF_LEN_MAX);
    selv_cbor_init(&r, selv_bytes(bytes + skipped, PROOF_LEN_MAX - skipped));
    return r;
}

/* What every reader promises. */
static void promises_check(const struct selv_cbor *before,
                           const struct selv_cbor *after)
{
    __CPROVER_assert(after->p >= before->p && after->p <= before->end,
                     "the cursor stays inside, and never goes back");
    __CPROVER_assert(after->end == before->end, "the end stays");
    __CPROVER_assert(before->err == SELV_OK ||
                         (after->err == before->err && after->p == before->p),
                     "the first error stays, and where it was");
}

static void view_check(const struct selv_cbor *before,
                       const struct selv_cbor *after, struct selv_bytes view)
{
    __CPROVER_assert(view.p >= before->p && view.len <= PROOF_LEN_MAX &&
                         view.p + view.len == after->p,
                     "a view lies inside, and ends at the cursor");
    __CPROVER_assert(after->err == SELV_OK || view.len == 0,
                     "after an error views are empty");
}

/* One read of the kind PROOF_READER (any), with or without an error that was
 * there before. */
void proof_get(void)
{
    struct selv_cbor r = any_cursor();
    struct selv_cbor before;
    struct selv_bytes previous = selv_bytes(NULL, 0);
    uint64_t value = 0;
    size_t room;

    if (nondet_bool()) {
        r.err = SELV_ERR_CBOR_RANGE;
    }
    before = r;
    room = (size_t)(r.end - r.p);
    switch (PROOF_READER) {
    case 0:
        value = selv_cbor_get_uint(&r);
        break;
    case 1:
        value = selv_cbor_get_uint32(&r, 1000);
        __CPROVER_assert(value <= 1000, "max holds");
        break;
    case 2:
        value = selv_cbor_get_int(&r) != 0;
        break;
    case 3:
        view_check(&before, &r, selv_cbor_get_bstr(&r));
        break;
    case 4:
        view_check(&before, &r, selv_cbor_get_tstr(&r));
        break;
    case 5:
        value = selv_cbor_get_array(&r);
        __CPROVER_assert(value <= room, "a count fits what is left");
        break;
    case 6:
        value = selv_cbor_get_map(&r);
        __CPROVER_assert(value <= room / 2, "a count fits what is left");
        break;
    case 7:
        value = selv_cbor_get_tag(&r);
        break;
    case 8:
        value = selv_cbor_get_bool(&r);
        break;
    case 9:
        selv_cbor_get_null(&r);
        break;
    case 10:
        value = selv_cbor_get_key(&r, &previous) != 0;
        break;
    default:
        selv_cbor_get_end(&r);
        break;
    }
    promises_check(&before, &r);
    __CPROVER_assert(r.err == SELV_OK || value == 0,
                     "after an error values are 0");
}

/* Two keys in a row: the second is compared with the first. */
void proof_keys(void)
{
    struct selv_cbor r = any_cursor();
    struct selv_cbor before = r;
    struct selv_bytes previous = selv_bytes(NULL, 0);
    int32_t first = selv_cbor_get_key(&r, &previous);
    int32_t second = selv_cbor_get_key(&r, &previous);

    promises_check(&before, &r);
    /* 0, 1, ..., -1, -2, ... [RFC 8949 4.2.1] */
    __CPROVER_assert(
        r.err != SELV_OK ||
            (first >= 0 ? second < 0 || second > first : second < first),
        "keys come in their order");
}

/* A whole item, and then another. */
void proof_item(void)
{
    struct selv_cbor r = any_cursor();
    struct selv_cbor before = r;

    view_check(&before, &r, selv_cbor_get_item(&r));
    promises_check(&before, &r);
    __CPROVER_assert(r.err != SELV_OK || r.p > before.p,
                     "an item has at least a byte");
}
