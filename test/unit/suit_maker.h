/* SPDX-License-Identifier: Apache-2.0
 *
 * suit_maker.h - envelopes for tests, written as text and signed with a test
 * key. The text is CBOR diagnostic notation [RFC 8949 8] in the form
 *
 *   12  -16  true  false  null  "text"  h'00ff'  [1, 2]  {1: 2}  107(...)
 *   << item >>       a byte string that holds the encoded item
 *   digest(item)     [-16, SHA-256 of the encoded item]: a SUIT_Digest
 *   repeat(n, byte)  a byte string of n equal bytes
 *   raw'18 01'       these bytes, be they CBOR or not; counts as one item
 *
 * Map keys are written in the order given, so that wrong orders can be made.
 * Anything wrong with the text itself ends the test program. */
#ifndef SUIT_MAKER_H
#define SUIT_MAKER_H

#include "cose/cose.h"
#include "suit/suit.h"

#define MAKER_CAP 16384u

struct maker_bytes {
    uint8_t p[MAKER_CAP];
    size_t len;
};

/* What to build. Fields left out have the good value. */
struct maker_spec {
    const char *manifest; /* the map, without its byte string */
    const char *pairs;    /* a map whose pairs follow the manifest, such as
                             "{20: <<[21, 2]>>}" */
    const char *wrapper;  /* instead of the signed one, without byte string */
    const char *digest;   /* instead of the right SUIT_Digest; signed as is */
    const char *blocks;   /* an array whose elements stand before the good
                             block, such as "[<<17([...])>>]" */
    unsigned extra_good;  /* further good blocks */
    bool is_unsigned;     /* no good block */
    bool has_other;       /* a block of maker_other_anchor before the good */
    bool is_swapped;      /* manifest before wrapper */
    uint64_t tag;         /* instead of 107 */
};

/* Encode one item of text. */
void maker_encode(const char *text, struct maker_bytes *out);

/* Build and sign an envelope. */
void maker_envelope(const struct maker_spec *spec, struct maker_bytes *out);

/* The key that signs, as a trust anchor. */
const struct selv_cose_key *maker_anchor(void);

/* Another key, which signs where has_other is set. */
const struct selv_cose_key *maker_other_anchor(void);

/* A device with components [h'00'], [h'01'], [h'02'], [h'03'], [h'04'], the
 * vendor and class of the drafts' examples and the anchor above. slot is that
 * of each component. Static: each call gives the same object. */
struct selv_suit_device *maker_device(uint32_t slot);

/* The ids of maker_device, in notation. */
#define MAKER_VENDOR "h'fa6b4a53d5ad5fdfbe9de663e4d41ffe'"
#define MAKER_CLASS "h'1492af1425695e48bf429b2d51f2ab45'"

/* Digests of images: 32 equal bytes. */
#define MAKER_IMAGE_A "<<[-16, repeat(32, 170)]>>"
#define MAKER_IMAGE_B "<<[-16, repeat(32, 187)]>>"

/* common with one component and the checks that every manifest should have;
 * more is appended to the shared sequence: "" or ", code, argument ..." */
#define MAKER_COMMON(more)                                                     \
    "<<{2: [[h'00']], 4: <<[20, {1: " MAKER_VENDOR ", 2: " MAKER_CLASS         \
    "}, 1, 15, 2, 15" more "]>>}>>"

/* ---- driving the engine ------------------------------------------------- */

/* Init, feed the whole envelope, check. SELV_OK, or the failure's error. */
enum selv_err maker_load(struct selv_suit *s,
                         const struct selv_suit_profile *profile,
                         const struct selv_suit_device *device,
                         struct selv_bytes envelope);

/* Why the place that a failure names is none, or not in the element that it
 * names; NULL when it is. */
const char *maker_misplaced(const struct selv_suit_failure *f,
                            struct selv_bytes envelope);

/* A pretended device for maker_trace. */
struct maker_world {
    uint8_t image[8]; /* by device component: its image is this byte,
                         repeated; its "digest" too */
    struct selv_bytes content[8]; /* by device component, for check-content
                                     and write */
    enum selv_err fetch_err;      /* answers to the directives */
    enum selv_err digest_err;     /* when not SELV_OK: no digest can be had */
    unsigned polls;               /* how often to poll before each answer */
};

/* Run a procedure to its end. Writes what happened in words, such as
 *   "copy(1 from 0) write(0 =0102) swap(1 with 0) content(0 2)"
 *   "private(0 -300) invoke arguments follow: may-invoke(0 =01)"
 *   "fetch(0 /i/a 1000) digest(0) may-invoke(0) done"
 *   "digest(0) failed(SELV_ERR_SUIT_IMAGE 7 3 0)" (section, code, component)
 * An integrated payload's bytes follow its name: "fetch(0 #a =0102)".
 * A fetch from ".../x" fills the component with the byte of the last
 * character: 'a' 0xaa, 'b' 0xbb, else 0xee. An invoke is answered with an
 * error, as one that returned. */
const char *maker_trace(struct selv_suit *s, enum selv_suit_procedure p,
                        struct maker_world *world);

/* A release with an image for each of two slots [manifest 7.7]. */
extern const char maker_ab[];

#endif
