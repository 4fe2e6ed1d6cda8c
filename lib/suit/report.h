/* SPDX-License-Identifier: Apache-2.0
 *
 * suit/report.h - write and read a SUIT_Report [report]: reference, result
 * or reason, no records. Unsigned: the transport must protect it. */
#ifndef SELV_SUIT_REPORT_H
#define SELV_SUIT_REPORT_H

#include "base/base.h"
#include "cbor/cbor.h"
#include "suit/suit.h"

struct selv_suit_report {
    uint8_t digest[SELV_SHA256_LEN]; /* of the manifest reported on */
    struct selv_bytes uri;           /* reference-uri; empty: "" is sent */
    bool is_success;
    enum selv_suit_reason reason;     /* when not a success */
    struct selv_suit_failure failure; /* when not a success */
};

/* Append one SUIT_Report to a writer. Of the failure it carries err (as the
 * result code), section, section_offset and component; a component of 0xff
 * says that none was reached. */
void selv_suit_report_put(struct selv_cbor_writer *w,
                          const struct selv_suit_report *report);

/* Read one, anybody's: nonce, records and capabilities are skipped. An
 * unknown result code comes out as SELV_ERR_SUIT_OPERATION. The reader moves
 * behind it; after an error it has not moved, and *out is undefined.
 * SELV_ERR_CBOR_*, SELV_ERR_SUIT_KEY, SELV_ERR_SUIT_MISSING,
 * SELV_ERR_SUIT_DIGEST_ALG, SELV_ERR_SUIT_ARGUMENT. */
SELV_MUST_CHECK enum selv_err
selv_suit_report_get(struct selv_cbor *r, struct selv_suit_report *out);

#endif
