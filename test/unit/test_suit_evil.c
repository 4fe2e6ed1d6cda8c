/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests that must be refused, signed with the right key unless the case
 * is about that: each row names the error, the section and the code that the
 * failure must carry. Old drafts' layouts among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "test/unit/suit_maker.h"

#define COMMON MAKER_COMMON("")
#define HEAD "{1: 1, 2: 7, 3: " COMMON
#define TWO "<<{2: [[h'00'], [h'01']]}>>"
#define INSTALL(commands) HEAD ", 20: <<[" commands "]>>}"
#define SHARED(commands) "{1: 1, 2: 7, 3: " MAKER_COMMON(", " commands) "}"
#define OVERRIDE(map) INSTALL("20, " map)

/* A sequence in four try-each, the deepest allowed. */
#define TRY(sequence) "15, [<<[" sequence "]>>, <<[3, 0]>>]"
#define DEEP4 TRY(TRY(TRY(TRY("3, 0"))))

static struct maker_bytes envelope;
static struct selv_suit suit;

static const struct evil {
    const char *what;
    struct maker_spec spec;
    enum selv_err err;
    int section;
    int code;
} evils[] = {
    /* envelope */
    {"tag 1070", {.manifest = maker_ab, .tag = 1070}, SELV_ERR_SUIT_TAG, 0, 0},
    {"manifest before wrapper",
     {.manifest = maker_ab, .is_swapped = true},
     SELV_ERR_CBOR_ORDER,
     0,
     2},
    {"validate in the envelope: not severable",
     {.manifest = HEAD "}", .pairs = "{7: <<[3, 15]>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     7},
    {"dependency-resolution",
     {.manifest = HEAD "}", .pairs = "{15: h'00'}"},
     SELV_ERR_SUIT_KEY,
     0,
     15},
    {"install under its old key",
     {.manifest = HEAD "}", .pairs = "{17: <<[21, 2]>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     17},
    {"coswid",
     {.manifest = HEAD "}", .pairs = "{14: h'00'}"},
     SELV_ERR_SUIT_KEY,
     0,
     14},
    {"candidate-verification",
     {.manifest = HEAD "}", .pairs = "{18: h'00'}"},
     SELV_ERR_SUIT_KEY,
     0,
     18},
    {"delegation",
     {.manifest = HEAD "}", .pairs = "{1: h'00'}"},
     SELV_ERR_CBOR_ORDER,
     0,
     1},
    {"wrapper twice",
     {.manifest = HEAD "}", .pairs = "{2: h'00'}"},
     SELV_ERR_CBOR_ORDER,
     0,
     2},
    {"manifest twice",
     {.manifest = HEAD "}", .pairs = "{3: h'00'}"},
     SELV_ERR_CBOR_DUPLICATE,
     0,
     3},
    {"a private key",
     {.manifest = HEAD "}", .pairs = "{-257: h'00'}"},
     SELV_ERR_SUIT_KEY,
     0,
     -257},
    {"severed text twice",
     {.manifest = HEAD ", 23: digest(<<{}>>)}",
      .pairs = "{23: <<{}>>, 23: <<{}>>}"},
     SELV_ERR_CBOR_DUPLICATE,
     0,
     23},
    {"severed elements out of order",
     {.manifest = HEAD ", 20: digest(h'00'), 23: digest(h'00')}",
      .pairs = "{23: h'00', 20: h'00'}"},
     SELV_ERR_CBOR_ORDER,
     0,
     20},
    {"severed element that is no byte string",
     {.manifest = HEAD ", 20: digest(h'00')}", .pairs = "{20: [21, 2]}"},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     20},
    {"payload's key that is a byte string",
     {.manifest = HEAD "}", .pairs = "{h'23': h'00'}"},
     SELV_ERR_SUIT_ARGUMENT,
     0,
     0},
    {"an integer key after a payload",
     {.manifest = HEAD "}", .pairs = "{\"#a\": h'00', 23: h'00'}"},
     SELV_ERR_SUIT_ARGUMENT,
     0,
     0},
    {"payload that is no byte string",
     {.manifest = HEAD "}", .pairs = "{\"#a\": \"x\"}"},
     SELV_ERR_SUIT_ARGUMENT,
     0,
     0},
    {"payloads out of order",
     {.manifest = HEAD "}", .pairs = "{\"#b\": h'00', \"#a\": h'00'}"},
     SELV_ERR_CBOR_ORDER,
     0,
     0},
    {"payload twice",
     {.manifest = HEAD "}", .pairs = "{\"#a\": h'00', \"#a\": h'00'}"},
     SELV_ERR_CBOR_DUPLICATE,
     0,
     0},
    {"payload with a long head",
     {.manifest = HEAD "}", .pairs = "{\"#a\": raw'580100'}"},
     SELV_ERR_CBOR_NONMINIMAL,
     0,
     0},
    {"payload longer than the envelope",
     {.manifest = HEAD "}", .pairs = "{\"#a\": raw'5a0001000000'}"},
     SELV_ERR_CBOR_END,
     0,
     0},

    /* wrapper */
    {"no block",
     {.manifest = maker_ab, .is_unsigned = true},
     SELV_ERR_SUIT_NOT_SIGNED,
     2,
     0},
    {"too many blocks",
     {.manifest = maker_ab, .extra_good = 2},
     SELV_ERR_SUIT_SIGNERS,
     2,
     0},
    {"an empty wrapper",
     {.manifest = maker_ab, .wrapper = "[]"},
     SELV_ERR_SUIT_NOT_SIGNED,
     2,
     0},
    {"a wrapper that is a map",
     {.manifest = maker_ab, .wrapper = "{1: 2}"},
     SELV_ERR_SUIT_ARGUMENT,
     2,
     0},
    {"draft -05's wrapper: blocks without a digest",
     {.manifest = maker_ab,
      .wrapper = "[<<18([<<{1: -7}>>, {}, null,"
                 " repeat(64, 1)])>>, h'00']"},
     SELV_ERR_SUIT_DIGEST_ALG,
     2,
     0},
    {"a digest that is not wrapped",
     {.manifest = maker_ab, .wrapper = "[[-16, repeat(32, 0)], h'00']"},
     SELV_ERR_SUIT_ARGUMENT,
     2,
     0},
    {"a block that is no byte string",
     {.manifest = maker_ab,
      .wrapper = "[<<[-16, repeat(32, 0)]>>, 18([h'', {}, null, h''])]"},
     SELV_ERR_SUIT_DIGEST,
     2,
     0},
    {"bytes after the wrapper's array",
     {.manifest = maker_ab,
      .wrapper = "raw'825824822f5820000102030405060708090a0b0c0d0e0f"
                 "101112131415161718191a1b1c1d1e1f410000'"},
     SELV_ERR_SUIT_DIGEST,
     2,
     0},
    {"a good signature over another manifest's digest",
     {.manifest = maker_ab, .digest = "[-16, repeat(32, 1)]"},
     SELV_ERR_SUIT_DIGEST,
     2,
     0},
    {"the digest of the manifest without its byte string head",
     {.manifest = "{1: 1, 2: 7}", .digest = "digest({1: 1, 2: 7})"},
     SELV_ERR_SUIT_DIGEST,
     2,
     0},
    {"SHA-384",
     {.manifest = maker_ab, .digest = "[-43, repeat(48, 1)]"},
     SELV_ERR_SUIT_DIGEST_ALG,
     2,
     0},
    {"draft -09's number for SHA-256",
     {.manifest = maker_ab, .digest = "[2, repeat(32, 1)]"},
     SELV_ERR_SUIT_DIGEST_ALG,
     2,
     0},
    {"a digest cut short",
     {.manifest = maker_ab, .digest = "[-16, repeat(31, 1)]"},
     SELV_ERR_SUIT_ARGUMENT,
     2,
     0},
    {"a digest with an extension",
     {.manifest = "{1: 1, 2: 7}", .digest = "[-16, repeat(32, 1), 0]"},
     SELV_ERR_SUIT_ARGUMENT,
     2,
     0},
    {"bytes after the digest",
     {.manifest = maker_ab,
      .wrapper = "[raw'5826822f5820000102030405060708090a0b0c0d0e0f"
                 "101112131415161718191a1b1c1d1e1f0000', h'00']"},
     SELV_ERR_CBOR_TRAILING,
     2,
     0},
    {"only a Mac0",
     {.manifest = maker_ab,
      .is_unsigned = true,
      .blocks = "[<<17([<<{1: 5}>>, {}, null, repeat(32, 1)])>>]"},
     SELV_ERR_COSE_NO_KEY,
     2,
     0},
    {"only a signature of another algorithm",
     {.manifest = maker_ab,
      .is_unsigned = true,
      .blocks = "[<<18([<<{1: -8}>>, {}, null, repeat(64, 1)])>>]"},
     SELV_ERR_COSE_ALG,
     2,
     0},
    {"a bad signature",
     {.manifest = maker_ab,
      .is_unsigned = true,
      .blocks = "[<<18([<<{1: -9}>>, {}, null, repeat(64, 1)])>>]"},
     SELV_ERR_COSE_NO_KEY,
     2,
     0},
    {"a bad signature behind a block of a kind we lack",
     {.manifest = maker_ab,
      .is_unsigned = true,
      .blocks = "[<<17([<<{1: 5}>>, {}, null, repeat(32, 1)])>>,"
                " <<18([<<{1: -9}>>, {}, null, repeat(64, 1)])>>]"},
     SELV_ERR_COSE_NO_KEY,
     2,
     0},

    /* manifest */
    {"version 2",
     {.manifest = "{1: 2, 2: 7, 3: " COMMON "}"},
     SELV_ERR_SUIT_VERSION,
     0,
     1},
    {"no version",
     {.manifest = "{2: 7, 3: " COMMON "}"},
     SELV_ERR_SUIT_MISSING,
     0,
     1},
    {"no sequence number",
     {.manifest = "{1: 1, 3: " COMMON "}"},
     SELV_ERR_SUIT_MISSING,
     0,
     2},
    {"no common", {.manifest = "{1: 1, 2: 7}"}, SELV_ERR_SUIT_MISSING, 0, 3},
    {"no common, but more",
     {.manifest = "{1: 1, 2: 7, 7: <<[3, 15]>>}"},
     SELV_ERR_SUIT_MISSING,
     0,
     3},
    {"an empty map", {.manifest = "{}"}, SELV_ERR_SUIT_MISSING, 0, 1},
    {"an array", {.manifest = "[1, 1, 2, 7]"}, SELV_ERR_SUIT_ARGUMENT, 0, 0},
    {"a tagged manifest",
     {.manifest = "1070({1: 1})"},
     SELV_ERR_SUIT_ARGUMENT,
     0,
     0},
    {"keys out of order",
     {.manifest = "{2: 7, 1: 1, 3: " COMMON "}"},
     SELV_ERR_CBOR_ORDER,
     0,
     1},
    {"later keys out of order",
     {.manifest = HEAD ", 9: <<[23, 2]>>, 7: <<[3, 15]>>}"},
     SELV_ERR_CBOR_ORDER,
     0,
     7},
    {"a key twice",
     {.manifest = HEAD ", 7: <<[3, 15]>>, 7: <<[3, 15]>>}"},
     SELV_ERR_CBOR_DUPLICATE,
     0,
     7},
    {"a version that is text",
     {.manifest = "{1: \"1\", 2: 7, 3: " COMMON "}"},
     SELV_ERR_SUIT_ARGUMENT,
     0,
     1},
    {"a negative sequence number",
     {.manifest = "{1: 1, 2: -7, 3: " COMMON "}"},
     SELV_ERR_SUIT_ARGUMENT,
     0,
     2},
    {"a long integer",
     {.manifest = "{1: 1, 2: raw'1807', 3: " COMMON "}"},
     SELV_ERR_CBOR_NONMINIMAL,
     0,
     2},
    {"an indefinite map",
     {.manifest = "raw'bf0101ff'"},
     SELV_ERR_CBOR_INDEFINITE,
     0,
     0},
    {"an indefinite byte string",
     {.manifest = "{1: 1, 2: 7, 3: raw'5f40ff'}"},
     SELV_ERR_CBOR_INDEFINITE,
     0,
     3},
    {"bytes after the manifest",
     {.manifest = "raw'a000'"},
     SELV_ERR_CBOR_TRAILING,
     0,
     0},
    {"a pair missing", {.manifest = "raw'a20101'"}, SELV_ERR_CBOR_END, 0, 0},
    {"manifest-component-id",
     {.manifest = HEAD ", 5: [h'00']}"},
     SELV_ERR_SUIT_KEY,
     0,
     5},
    {"set-version",
     {.manifest = HEAD ", 6: <<[1, 0]>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     6},
    {"draft -09's validate",
     {.manifest = HEAD ", 10: <<[3, 15]>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     10},
    {"draft -09's load",
     {.manifest = HEAD ", 11: <<[3, 15]>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     11},
    {"draft -09's run",
     {.manifest = HEAD ", 12: <<[23, 2]>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     12},
    {"draft -09's text",
     {.manifest = HEAD ", 13: <<{}>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     13},
    {"coswid", {.manifest = HEAD ", 14: h'00'}"}, SELV_ERR_SUIT_KEY, 0, 14},
    {"dependency-resolution",
     {.manifest = HEAD ", 15: <<[3, 15]>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     15},
    {"draft -28's install",
     {.manifest = HEAD ", 17: <<[21, 2]>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     17},
    {"draft -28's install, severed",
     {.manifest = HEAD ", 17: [-16, repeat(32, 1)]}"},
     SELV_ERR_SUIT_KEY,
     0,
     17},
    {"candidate-verification",
     {.manifest = HEAD ", 18: <<[3, 15]>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     18},
    {"uninstall",
     {.manifest = HEAD ", 24: <<[3, 15]>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     24},
    {"a private element",
     {.manifest = HEAD ", -257: 0}"},
     SELV_ERR_SUIT_KEY,
     0,
     -257},
    {"validate as an array",
     {.manifest = HEAD ", 7: [3, 15]}"},
     SELV_ERR_SUIT_ARGUMENT,
     7,
     0},
    {"validate severed",
     {.manifest = HEAD ", 7: [-16, repeat(32, 1)]}"},
     SELV_ERR_SUIT_ARGUMENT,
     7,
     0},
    {"reference-uri that is no text",
     {.manifest = "{1: 1, 2: 7, 3: " COMMON ", 4: h'00'}"},
     SELV_ERR_SUIT_ARGUMENT,
     0,
     4},
    {"reference-uri that is not UTF-8",
     {.manifest = "{1: 1, 2: 7, 3: " COMMON ", 4: raw'61ff'}"},
     SELV_ERR_CBOR_UTF8,
     0,
     4},

    /* severed elements */
    {"another element than the digest's",
     {.manifest = HEAD ", 20: digest(<<[21, 2]>>)}",
      .pairs = "{20: <<[21, 3]>>}"},
     SELV_ERR_SUIT_SEVERED,
     20,
     20},
    {"a digest over the content without the head",
     {.manifest = HEAD ", 20: digest([21, 2])}", .pairs = "{20: <<[21, 2]>>}"},
     SELV_ERR_SUIT_SEVERED,
     20,
     20},
    {"an element without a digest",
     {.manifest = HEAD "}", .pairs = "{20: <<[21, 2]>>}"},
     SELV_ERR_SUIT_SEVERED,
     20,
     20},
    {"an element both severed and in place",
     {.manifest = HEAD ", 16: <<[5, 0]>>}", .pairs = "{16: <<[5, 0]>>}"},
     SELV_ERR_SUIT_SEVERED,
     16,
     16},
    {"another text than the digest's",
     {.manifest = HEAD ", 23: digest(<<{1: 2}>>)}", .pairs = "{23: <<{}>>}"},
     SELV_ERR_SUIT_SEVERED,
     23,
     23},
    {"a digest of another algorithm",
     {.manifest = HEAD ", 20: [-44, repeat(64, 1)]}"},
     SELV_ERR_SUIT_DIGEST_ALG,
     20,
     20},
    {"a digest cut short",
     {.manifest = HEAD ", 20: [-16, repeat(31, 1)]}"},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     20},

    /* common */
    {"common that is not wrapped",
     {.manifest = "{1: 1, 2: 7, 3: {2: [[h'00']]}}"},
     SELV_ERR_SUIT_ARGUMENT,
     3,
     3},
    {"no components",
     {.manifest = "{1: 1, 2: 7, 3: <<{4: <<[5, 0]>>}>>}"},
     SELV_ERR_SUIT_MISSING,
     3,
     2},
    {"an empty list of components",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: []}>>}"},
     SELV_ERR_SUIT_COMPONENTS,
     3,
     2},
    {"one component too many",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00'], [h'01'], [h'02'], [h'03'],"
                  " [h'04']]}>>}"},
     SELV_ERR_SUIT_COMPONENTS,
     3,
     2},
    {"a component that the device lacks",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00'], [h'09']]}>>}"},
     SELV_ERR_SUIT_COMPONENT,
     3,
     2},
    {"a component with a longer path",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00', h'00']]}>>}"},
     SELV_ERR_SUIT_COMPONENT,
     3,
     2},
    {"the same component twice",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00'], [h'01'], [h'00']]}>>}"},
     SELV_ERR_SUIT_COMPONENTS,
     3,
     2},
    {"a component path of text",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: [[\"0\"]]}>>}"},
     SELV_ERR_SUIT_COMPONENT,
     3,
     2},
    {"draft -09's wrapped components",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: <<[[h'00']]>>}>>}"},
     SELV_ERR_SUIT_ARGUMENT,
     3,
     2},
    {"dependencies",
     {.manifest = "{1: 1, 2: 7, 3: <<{1: {1: {}}, 2: [[h'00']]}>>}"},
     SELV_ERR_SUIT_KEY,
     3,
     1},
    {"an unassigned key of common",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00']], 3: 0}>>}"},
     SELV_ERR_SUIT_KEY,
     3,
     3},
    {"a key of common twice",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00']], 2: [[h'00']]}>>}"},
     SELV_ERR_CBOR_DUPLICATE,
     3,
     2},
    {"bytes after common",
     {.manifest = "{1: 1, 2: 7, 3: h'a102818141000000'}"},
     SELV_ERR_CBOR_TRAILING,
     3,
     2},

    /* sequences */
    {"an empty sequence",
     {.manifest = HEAD ", 7: <<[]>>}"},
     SELV_ERR_SUIT_EMPTY,
     7,
     0},
    {"an empty byte string",
     {.manifest = HEAD ", 7: h''}"},
     SELV_ERR_CBOR_END,
     7,
     0},
    {"a map",
     {.manifest = HEAD ", 7: <<{3: 15}>>}"},
     SELV_ERR_SUIT_ARGUMENT,
     7,
     0},
    {"a code without its argument",
     {.manifest = HEAD ", 7: <<[3, 15, 3]>>}"},
     SELV_ERR_SUIT_ARGUMENT,
     7,
     0},
    {"a pair that is not there",
     {.manifest = HEAD ", 7: h'82'}"},
     SELV_ERR_CBOR_END,
     7,
     0},
    {"an argument that is not there",
     {.manifest = HEAD ", 7: h'8203'}"},
     SELV_ERR_CBOR_END,
     7,
     0},
    {"bytes after the sequence",
     {.manifest = HEAD ", 7: h'82030f00'}"},
     SELV_ERR_CBOR_TRAILING,
     7,
     0},
    {"a code of text",
     {.manifest = HEAD ", 7: <<[\"3\", 15]>>}"},
     SELV_ERR_SUIT_ARGUMENT,
     7,
     0},
    {"a code beyond 32 bits",
     {.manifest = HEAD ", 7: <<[4294967296, 15]>>}"},
     SELV_ERR_SUIT_ARGUMENT,
     7,
     0},
    {"an empty shared sequence",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00']], 4: <<[]>>}>>}"},
     SELV_ERR_SUIT_EMPTY,
     3,
     0},
    {"two components, validate without index",
     {.manifest = "{1: 1, 2: 7, 3: " TWO ", 7: <<[3, 15]>>}"},
     SELV_ERR_SUIT_NO_INDEX,
     7,
     3},
    {"two components, shared without index",
     {.manifest =
          "{1: 1, 2: 7, 3: <<{2: [[h'00'], [h'01']], 4: <<[5, 0]>>}>>}"},
     SELV_ERR_SUIT_NO_INDEX,
     3,
     5},
    {"two components, the index second",
     {.manifest = "{1: 1, 2: 7, 3: " TWO ", 7: <<[3, 15, 12, 0]>>}"},
     SELV_ERR_SUIT_NO_INDEX,
     7,
     3},

    /* arguments */
    {"policy of text",
     {.manifest = INSTALL("1, \"15\"")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     1},
    {"policy null",
     {.manifest = INSTALL("2, null")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     2},
    {"policy with an unknown bit",
     {.manifest = INSTALL("3, 16")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     3},
    {"policy negative",
     {.manifest = INSTALL("5, -1")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     5},
    {"policy of bytes",
     {.manifest = INSTALL("21, h'02'")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     21},
    {"policy that is a map",
     {.manifest = HEAD ", 9: <<[23, {21: 2}]>>}"},
     SELV_ERR_SUIT_ARGUMENT,
     9,
     23},
    {"index too high",
     {.manifest = INSTALL("12, 1")},
     SELV_ERR_SUIT_INDEX,
     20,
     12},
    {"index negative",
     {.manifest = INSTALL("12, -1")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     12},
    {"index false",
     {.manifest = INSTALL("12, false")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     12},
    {"index null",
     {.manifest = INSTALL("12, null")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     12},
    {"index of text",
     {.manifest = INSTALL("12, \"0\"")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     12},
    {"no index in the array",
     {.manifest = INSTALL("12, []")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     12},
    {"index in the array too high",
     {.manifest = INSTALL("12, [1]")},
     SELV_ERR_SUIT_INDEX,
     20,
     12},
    {"more indices than components",
     {.manifest = INSTALL("12, [0, 0]")},
     SELV_ERR_SUIT_INDEX,
     20,
     12},
    {"true in the array",
     {.manifest = INSTALL("12, [true]")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     12},
    {"try-each with one sequence",
     {.manifest = INSTALL("15, [<<[3, 0]>>]")},
     SELV_ERR_SUIT_EMPTY,
     20,
     15},
    {"try-each with one and nil",
     {.manifest = INSTALL("15, [<<[3, 0]>>, null]")},
     SELV_ERR_SUIT_EMPTY,
     20,
     15},
    {"try-each with nil first",
     {.manifest = INSTALL("15, [null, <<[3, 0]>>, <<[3, 0]>>]")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     15},
    {"try-each with two nil",
     {.manifest = INSTALL("15, [<<[3, 0]>>, <<[3, 0]>>, null, null]")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     15},
    {"try-each with true",
     {.manifest = INSTALL("15, [<<[3, 0]>>, <<[3, 0]>>,"
                          " true]")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     15},
    {"try-each with an empty sequence",
     {.manifest = INSTALL("15, [<<[3, 0]>>, <<[]>>]")},
     SELV_ERR_SUIT_EMPTY,
     20,
     15},
    {"try-each of bare arrays",
     {.manifest = INSTALL("15, [[3, 0], [3, 0]]")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     15},
    {"try-each of nothing",
     {.manifest = INSTALL("15, []")},
     SELV_ERR_SUIT_EMPTY,
     20,
     15},
    {"try-each with a policy",
     {.manifest = INSTALL("15, 2")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     15},
    {"an error in the last alternative",
     {.manifest = INSTALL("15, [<<[3, 0]>>, <<[3, 0, 13, 0]>>]")},
     SELV_ERR_SUIT_COMMAND,
     20,
     13},
    {"nested one too deep",
     {.manifest = INSTALL(TRY(DEEP4))},
     SELV_ERR_SUIT_DEPTH,
     20,
     15},
    {"no parameters",
     {.manifest = OVERRIDE("{}")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     20},
    {"parameters as an array",
     {.manifest = OVERRIDE("[1, 2]")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     20},
    {"a parameter twice",
     {.manifest = OVERRIDE("{5: 1, 5: 2}")},
     SELV_ERR_CBOR_DUPLICATE,
     20,
     5},
    {"parameters out of order",
     {.manifest = OVERRIDE("{14: 1, 5: 2}")},
     SELV_ERR_CBOR_ORDER,
     20,
     5},
    {"a parameter's key of text",
     {.manifest = OVERRIDE("{\"5\": 1}")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     0},
    {"vendor id of 15 bytes",
     {.manifest = OVERRIDE("{1: repeat(15, 1)}")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     1},
    {"class id of 17 bytes",
     {.manifest = OVERRIDE("{2: repeat(17, 1)}")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     2},
    {"digest that is not wrapped",
     {.manifest = OVERRIDE("{3: [-16, repeat(32, 1)]}")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     3},
    {"digest of another algorithm",
     {.manifest = OVERRIDE("{3: <<[-44, repeat(64, 1)]>>}")},
     SELV_ERR_SUIT_DIGEST_ALG,
     20,
     3},
    {"digest of 33 bytes",
     {.manifest = OVERRIDE("{3: <<[-16, repeat(33, 1)]>>}")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     3},
    {"digest as a map (firmware-encryption's figures)",
     {.manifest = OVERRIDE("{3: <<{1: -16, 2: repeat(32, 1)}>>}")},
     SELV_ERR_SUIT_DIGEST_ALG,
     20,
     3},
    {"bytes after the digest",
     {.manifest = OVERRIDE("{3: h'822f582000000000000000000000000000000000"
                           "0000000000000000000000000000000000'}")},
     SELV_ERR_CBOR_TRAILING,
     20,
     3},
    {"slot negative",
     {.manifest = OVERRIDE("{5: -1}")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     5},
    {"size beyond 32 bits",
     {.manifest = OVERRIDE("{14: 4294967296}")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     14},
    {"uri of bytes",
     {.manifest = OVERRIDE("{21: h'61'}")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     21},
    {"uri empty",
     {.manifest = OVERRIDE("{21: \"\"}")},
     SELV_ERR_SUIT_URI,
     20,
     21},
    {"soft-failure",
     {.manifest = OVERRIDE("{13: true}")},
     SELV_ERR_SUIT_SOFT,
     20,
     13},
    {"encryption-info",
     {.manifest = OVERRIDE("{19: h'00'}")},
     SELV_ERR_SUIT_PARAMETER,
     20,
     19},
    {"use-before",
     {.manifest = OVERRIDE("{4: 1}")},
     SELV_ERR_SUIT_PARAMETER,
     20,
     4},
    {"a private parameter",
     {.manifest = OVERRIDE("{-257: 0}")},
     SELV_ERR_SUIT_PARAMETER,
     20,
     -257},

    /* commands that we lack, or in the wrong place */
    {"use-before",
     {.manifest = INSTALL("4, 15")},
     SELV_ERR_SUIT_COMMAND,
     20,
     4},
    {"dependency-integrity",
     {.manifest = INSTALL("7, 15")},
     SELV_ERR_SUIT_COMMAND,
     20,
     7},
    {"process-dependency",
     {.manifest = INSTALL("11, 0")},
     SELV_ERR_SUIT_COMMAND,
     20,
     11},
    {"set-dependency-index of old",
     {.manifest = INSTALL("13, 0")},
     SELV_ERR_SUIT_COMMAND,
     20,
     13},
    {"set-parameters",
     {.manifest = INSTALL("19, {5: 0}")},
     SELV_ERR_SUIT_COMMAND,
     20,
     19},
    {"command 0", {.manifest = INSTALL("0, 0")}, SELV_ERR_SUIT_COMMAND, 20, 0},
    {"a private command",
     {.manifest = INSTALL("-257, 0")},
     SELV_ERR_SUIT_COMMAND,
     20,
     -257},
    {"fetch in shared",
     {.manifest = SHARED("21, 2")},
     SELV_ERR_SUIT_SECTION,
     3,
     21},
    {"invoke in shared",
     {.manifest = SHARED("23, 2")},
     SELV_ERR_SUIT_SECTION,
     3,
     23},
    {"fetch in shared, in a try-each",
     {.manifest = SHARED(TRY("21, 2"))},
     SELV_ERR_SUIT_SECTION,
     3,
     21},
    {"fetch in validate",
     {.manifest = HEAD ", 7: <<[21, 2]>>}"},
     SELV_ERR_SUIT_SECTION,
     7,
     21},
    {"fetch in invoke",
     {.manifest = HEAD ", 9: <<[21, 2]>>}"},
     SELV_ERR_SUIT_SECTION,
     9,
     21},
    {"invoke in install",
     {.manifest = INSTALL("23, 2")},
     SELV_ERR_SUIT_SECTION,
     20,
     23},
    {"draft -17's install is our invoke",
     {.manifest = HEAD ", 9: <<[20, {21: \"x\"}, 21, 2, 3, 15]>>, 10: <<[3,"
                       " 15]>>, 12: <<[23, 2]>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     10},

    /* whole layouts of old drafts, which said version 1, too */
    {"draft -09: payload-fetch is our load",
     {.manifest = HEAD ", 8: <<[20, {21: \"x\"}, 21, 2]>>}"},
     SELV_ERR_SUIT_SECTION,
     8,
     21},
    {"draft -17: install is our invoke",
     {.manifest = HEAD ", 9: <<[20, {21: \"x\"}, 21, 2, 3, 15]>>}"},
     SELV_ERR_SUIT_SECTION,
     9,
     21},
    {"draft -09: dependency-resolution is our validate",
     {.manifest = HEAD ", 7: <<[13, 0]>>}"},
     SELV_ERR_SUIT_COMMAND,
     7,
     13},
    {"draft -05: run-sequence is 30",
     {.manifest = INSTALL("30, <<[3, 0]>>")},
     SELV_ERR_SUIT_COMMAND,
     20,
     30},
    {"draft -14: process-dependency is our write",
     {.manifest = "{1: 1, 2: 7, 3: " COMMON ", 7: <<[18, 0]>>}"},
     SELV_ERR_SUIT_SECTION,
     7,
     18},
    {"draft -05: common with a bare list of commands",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00']], 4: [1, 15]}>>}"},
     SELV_ERR_SUIT_ARGUMENT,
     3,
     0},
    {"draft -19: index false",
     {.manifest = INSTALL("12, false")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     12},
    {"draft -28: everything, with install as 17 and severed",
     {.manifest = HEAD ", 7: <<[3, 15]>>, 9: <<[23, 2]>>,"
                       " 17: digest(<<[21, 2]>>)}",
      .pairs = "{17: <<[21, 2]>>}"},
     SELV_ERR_SUIT_KEY,
     0,
     17},

    /* soft-failure where it may not be set */
    {"soft-failure in validate",
     {.manifest = HEAD ", 7: <<[20, {13: false}]>>}"},
     SELV_ERR_SUIT_SOFT,
     7,
     13},
    {"soft-failure in shared",
     {.manifest = SHARED("20, {13: true}")},
     SELV_ERR_SUIT_SOFT,
     3,
     13},
    {"soft-failure behind a try-each",
     {.manifest = INSTALL(TRY("20, {13: true}") ", 20, {13: true}")},
     SELV_ERR_SUIT_SOFT,
     20,
     13},

    /* indices and sources */
    {"source out of range",
     {.manifest = OVERRIDE("{22: 1}")},
     SELV_ERR_SUIT_INDEX,
     20,
     22},
    {"source out of range, of four",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00'], [h'01'], [h'02'],"
                  " [h'03']]}>>, 20: <<[12, 0, 20, {22: 4}]>>}"},
     SELV_ERR_SUIT_INDEX,
     20,
     22},
    {"index one too high, of four",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00'], [h'01'], [h'02'],"
                  " [h'03']]}>>, 20: <<[12, 4]>>}"},
     SELV_ERR_SUIT_INDEX,
     20,
     12},
    {"a list of five, of four",
     {.manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00'], [h'01'], [h'02'],"
                  " [h'03']]}>>, 20: <<[12, [0, 1, 2, 3, 0]]>>}"},
     SELV_ERR_SUIT_INDEX,
     20,
     12},
    {"a list whose last index is too high",
     {.manifest = "{1: 1, 2: 7, 3: " TWO ", 20: <<[12, [0, 2]]>>}"},
     SELV_ERR_SUIT_INDEX,
     20,
     12},
    {"a list with a list",
     {.manifest = "{1: 1, 2: 7, 3: " TWO ", 20: <<[12, [0, [1]]]>>}"},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     12},
    {"index beyond 32 bits",
     {.manifest = INSTALL("12, 4294967296")},
     SELV_ERR_SUIT_ARGUMENT,
     20,
     12},
    {"no index in load",
     {.manifest = "{1: 1, 2: 7, 3: " TWO ", 8: <<[20, {5: 0}]>>}"},
     SELV_ERR_SUIT_NO_INDEX,
     8,
     20},
    {"no index in invoke",
     {.manifest = "{1: 1, 2: 7, 3: " TWO ", 9: <<[23, 2]>>}"},
     SELV_ERR_SUIT_NO_INDEX,
     9,
     23},
    {"an index only in the try-each",
     {.manifest = "{1: 1, 2: 7, 3: " TWO ", 16: <<[15, [<<[12, 0]>>,"
                  " <<[12, 1]>>]]>>}"},
     SELV_ERR_SUIT_NO_INDEX,
     16,
     15},

    /* nesting */
    {"run-sequence one too deep",
     {.manifest = INSTALL("32, <<[32, <<[32, <<[32, <<[32, <<[5, 0]>>]>>]>>]>>"
                          "]>>")},
     SELV_ERR_SUIT_DEPTH,
     20,
     32},
    {"a try-each in four run-sequences",
     {.manifest =
          INSTALL("32, <<[32, <<[32, <<[32, <<[" TRY("5, 0") "]>>]>>]>>]>>")},
     SELV_ERR_SUIT_DEPTH,
     20,
     15},
    {"too deep in the last alternative",
     {.manifest = INSTALL("15, [<<[5, 0]>>, <<[" DEEP4 "]>>]")},
     SELV_ERR_SUIT_DEPTH,
     20,
     15},
    {"run-sequence of nothing",
     {.manifest = INSTALL("32, <<[]>>")},
     SELV_ERR_SUIT_EMPTY,
     20,
     32},
    {"run-sequence of an empty byte string",
     {.manifest = INSTALL("32, h''")},
     SELV_ERR_CBOR_END,
     20,
     32},
    {"run-sequence with bytes behind it",
     {.manifest = INSTALL("32, h'82050000'")},
     SELV_ERR_CBOR_TRAILING,
     20,
     0},
    {"fetch in shared, in a run-sequence",
     {.manifest = SHARED("32, <<[21, 2]>>")},
     SELV_ERR_SUIT_SECTION,
     3,
     21},
    {"write in shared",
     {.manifest = SHARED("18, 2")},
     SELV_ERR_SUIT_SECTION,
     3,
     18},
    {"copy in invoke",
     {.manifest = HEAD ", 9: <<[22, 2]>>}"},
     SELV_ERR_SUIT_SECTION,
     9,
     22},
    {"swap in validate",
     {.manifest = HEAD ", 7: <<[31, 2]>>}"},
     SELV_ERR_SUIT_SECTION,
     7,
     31},
    {"an error in a severed section names the section",
     {.manifest = HEAD ", 20: digest(<<[5, 0, 99, 0]>>)}",
      .pairs = "{20: <<[5, 0, 99, 0]>>}"},
     SELV_ERR_SUIT_COMMAND,
     20,
     99},
    {"an error behind a long array's head",
     {.manifest = INSTALL("5, 0, 5, 0, 5, 0, 5, 0, 5, 0, 5, 0, 5, 0, 5, 0,"
                          " 5, 0, 5, 0, 5, 0, 5, 0, 99, 0")},
     SELV_ERR_SUIT_COMMAND,
     20,
     99},

    /* indefinite lengths */
    {"an indefinite envelope's severed element",
     {.manifest = HEAD ", 20: digest(<<[21, 2]>>)}",
      .pairs = "{20: raw'5fff'}"},
     SELV_ERR_CBOR_INDEFINITE,
     0,
     20},
    {"an indefinite payload",
     {.manifest = HEAD "}", .pairs = "{\"#a\": raw'5fff'}"},
     SELV_ERR_CBOR_INDEFINITE,
     0,
     0},
    {"an indefinite payload's key",
     {.manifest = HEAD "}", .pairs = "{raw'7fff': h'00'}"},
     SELV_ERR_CBOR_INDEFINITE,
     0,
     0},
    {"an indefinite wrapper",
     {.manifest = maker_ab, .wrapper = "raw'9fff'"},
     SELV_ERR_CBOR_INDEFINITE,
     2,
     0},
};

static void test_suit_evil_is_refused(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof evils / sizeof evils[0]; i++) {
        const struct evil *evil = &evils[i];
        maker_envelope(&evil->spec, &envelope);
        enum selv_err err =
            maker_load(&suit, &selv_suit_profile_consumer, maker_device(0),
                       selv_bytes(envelope.p, envelope.len));
        const struct selv_suit_failure *f = selv_suit_failure(&suit);
        if (err != evil->err || f->section != evil->section ||
            f->code != evil->code || f->err != evil->err) {
            print_error("%s: %s, section %d, code %ld; expected %s, %d, %d\n",
                        evil->what, selv_err_name(err), f->section,
                        (long)f->code, selv_err_name(evil->err), evil->section,
                        evil->code);
            wrong++;
        }
        const char *why =
            maker_misplaced(f, selv_bytes(envelope.p, envelope.len));
        if (why != NULL) {
            print_error("%s: %s (section %d, offset %u, section offset %u)\n",
                        evil->what, why, f->section, f->offset,
                        f->section_offset);
            wrong++;
        }
        assert_int_not_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE), SELV_OK);
        assert_false(selv_is_good(selv_suit_may_invoke(&suit)));
    }
    assert_int_equal(wrong, 0);
}

/* ---- what is at the limit, and what is one over ------------------------- */

static enum selv_err load(const struct maker_spec *spec)
{
    maker_envelope(spec, &envelope);
    return maker_load(&suit, &selv_suit_profile_consumer, maker_device(0),
                      selv_bytes(envelope.p, envelope.len));
}

static void test_suit_limits(void **state)
{
    (void)state;
    static char text[12000];
    assert_int_equal(load(&(struct maker_spec){.manifest = INSTALL(DEEP4)}),
                     SELV_OK);
    assert_int_equal(
        load(&(struct maker_spec){
            .manifest = "{1: 1, 2: 7, 3: <<{2: [[h'00'], [h'01'], [h'02'],"
                        " [h'03']]}>>}"}),
        SELV_OK);
    assert_int_equal(
        load(&(struct maker_spec){.manifest = maker_ab, .extra_good = 1}),
        SELV_OK);
    for (int over = 0; over <= 1; over++) {
        (void)snprintf(text, sizeof text, INSTALL("20, {21: \"%0*d\"}"),
                       SELV_SUIT_URI_MAX + over, 1);
        assert_int_equal(load(&(struct maker_spec){.manifest = text}),
                         over == 0 ? SELV_OK : SELV_ERR_SUIT_URI);
    }
    /* An envelope of exactly the limit, and of one byte more. */
    (void)snprintf(text, sizeof text, HEAD ", 4: \"%0*d\"}", 1000, 1);
    (void)load(&(struct maker_spec){.manifest = text});
    int room = SELV_SUIT_ENVELOPE_MAX - (int)envelope.len;
    for (int over = 0; over <= 1; over++) {
        (void)snprintf(text, sizeof text,
                       "{1: 1, 2: 7, 3: " COMMON ", 4: \"%0*d\"}",
                       1000 + room + over, 1);
        assert_int_equal(load(&(struct maker_spec){.manifest = text}),
                         over == 0 ? SELV_OK : SELV_ERR_SUIT_TOO_LARGE);
        assert_int_equal(envelope.len, SELV_SUIT_ENVELOPE_MAX + over);
    }
    /* Two components, and as many commands as fit: bounded work. */
    assert_int_equal(
        load(&(struct maker_spec){.manifest = "{1: 1, 2: 7, 3: " TWO
                                              ", 7: <<[12, [1, 0], 12, [0,"
                                              " 1], 12, true, 12, 0]>>}"}),
        SELV_OK);
}

/* What the deepest nesting that is allowed does, and a long try-each. */
static void test_suit_deepest_runs(void **state)
{
    (void)state;
    static char text[8192];
    static const struct {
        unsigned alternatives; /* bad ones, before a good one */
        enum selv_err err;
    } cases[] = {{1, SELV_OK},
                 {23, SELV_OK},
                 {24, SELV_OK},
                 {253, SELV_OK},
                 {254, SELV_OK},
                 {255, SELV_ERR_SUIT_ARGUMENT},
                 {256, SELV_ERR_SUIT_ARGUMENT}};
    struct maker_world world = {.polls = 2};
    assert_int_equal(load(&(struct maker_spec){
                         .manifest = INSTALL("20, {5: 0, 21: \"a\"}, " TRY(TRY(
                             TRY(TRY("5, 0, 21, 0") ", 21, 0") ", 21, 0")))}),
                     SELV_OK);
    assert_string_equal(maker_trace(&suit, SELV_SUIT_UPDATE, &world),
                        "fetch(0 a) fetch(0 a) fetch(0 a) done");
    assert_int_equal(
        load(&(struct maker_spec){
            .manifest = INSTALL("20, {21: \"a\"}, 32, <<[32, <<[32, <<[32,"
                                " <<[21, 0]>>]>>, 21, 0]>>]>>")}),
        SELV_OK);
    assert_string_equal(maker_trace(&suit, SELV_SUIT_UPDATE, &world),
                        "fetch(0 a) fetch(0 a) done");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = (size_t)snprintf(text, sizeof text,
                                      HEAD ", 20: <<[20, {21: \"a\"}, 15, [");
        for (unsigned n = 0; n < cases[i].alternatives; n++) {
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    "<<[14, 0]>>, ");
        }
        (void)snprintf(text + len, sizeof text - len, "<<[21, 0]>>]]>>}");
        assert_int_equal(load(&(struct maker_spec){.manifest = text}),
                         cases[i].err);
        if (cases[i].err == SELV_OK) {
            assert_string_equal(maker_trace(&suit, SELV_SUIT_UPDATE, &world),
                                "fetch(0 a) done");
        }
    }
}

/* Text is for people: a device neither reads nor believes it [manifest
 * 8.4.4]. Only its digest must be right when it is severed. */
static void test_suit_text_is_ignored(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct maker_spec spec;
    } cases[] = {
        {"none", {.manifest = maker_ab}},
        {"in place", {.manifest = HEAD ", 23: <<{\"en\": {1: \"x\"}}>>}"}},
        {"of another component",
         {.manifest = HEAD ", 23: <<{\"en\": {[h'07']: {1: \"x\"}}}>>}"}},
        {"empty", {.manifest = HEAD ", 23: h''}"}},
        {"no map", {.manifest = HEAD ", 23: <<7>>}"}},
        {"no CBOR", {.manifest = HEAD ", 23: h'ffff'}"}},
        {"severed",
         {.manifest = HEAD ", 23: digest(<<{\"en\": {}}>>)}",
          .pairs = "{23: <<{\"en\": {}}>>}"}},
        {"severed and gone",
         {.manifest = HEAD ", 23: digest(<<{\"en\": {}}>>)}"}},
        {"severed, no CBOR",
         {.manifest = HEAD ", 23: digest(h'ff')}", .pairs = "{23: h'ff'}"}},
    };
    struct maker_world world = {.polls = 1};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("  %s\n", cases[i].what);
        assert_int_equal(load(&cases[i].spec), SELV_OK);
        assert_memory_equal(maker_trace(&suit, SELV_SUIT_INVOCATION, &world),
                            i == 0 ? "digest" : "done", 4);
    }
}

/* A second block that we cannot read does not spoil a good one, whichever
 * comes first. */
static void test_suit_other_blocks_do_not_matter(void **state)
{
    (void)state;
    static const char *const others[] = {
        "[<<17([<<{1: 5}>>, {}, null, repeat(32, 1)])>>]",
        "[<<98([h'', {}, null, []])>>]",
        "[<<18([<<{1: -8}>>, {}, null, repeat(64, 1)])>>]",
        "[<<18([<<{1: -9}>>, {}, null, repeat(64, 1)])>>]",
        "[h'ff']",
        "[h'']",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(load(&(struct maker_spec){.manifest = maker_ab,
                                                   .blocks = others[i]}),
                         SELV_OK);
    }
}

static void test_suit_other_anchor_is_refused(void **state)
{
    (void)state;
    struct selv_suit_device *device = maker_device(0);
    struct selv_cose_key keys[2] = {*maker_anchor(), *maker_anchor()};
    uint8_t private_key[SELV_P256_PRIVATE_LEN];
    assert_int_equal(selv_p256_generate(private_key, keys[0].public_key),
                     SELV_OK);
    keys[0].kid_len = 0;
    maker_envelope(&(struct maker_spec){.manifest = maker_ab}, &envelope);
    struct selv_bytes view = {envelope.p, envelope.len};
    device->anchors = keys;
    device->anchor_count = 0;
    assert_int_equal(
        maker_load(&suit, &selv_suit_profile_consumer, device, view),
        SELV_ERR_COSE_NO_KEY);
    device->anchor_count = 1;
    assert_int_equal(
        maker_load(&suit, &selv_suit_profile_consumer, device, view),
        SELV_ERR_COSE_NO_KEY);
    device->anchor_count = 2;
    assert_int_equal(
        maker_load(&suit, &selv_suit_profile_consumer, device, view), SELV_OK);
    assert_int_equal(selv_suit_anchor(&suit), 1);
}

static void test_suit_sequence_number_may_not_fall(void **state)
{
    (void)state;
    struct selv_suit_device *device = maker_device(0);
    maker_envelope(&(struct maker_spec){.manifest = maker_ab}, &envelope);
    struct selv_bytes view = {envelope.p, envelope.len};
    static const struct {
        uint64_t min;
        enum selv_err err;
    } cases[] = {{0, SELV_OK},
                 {6, SELV_OK},
                 {7, SELV_OK},
                 {8, SELV_ERR_SUIT_SEQUENCE},
                 {UINT64_MAX, SELV_ERR_SUIT_SEQUENCE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        device->sequence_min = cases[i].min;
        assert_int_equal(
            maker_load(&suit, &selv_suit_profile_boot_select, device, view),
            cases[i].err);
    }
    assert_int_equal(selv_suit_failure(&suit)->code, 2);
}

/* What is wrong behind the last command of a sequence ends the run there, and
 * is told of that sequence, also when no section follows. */
static void test_suit_boot_profile_stops_at_trailing_bytes(void **state)
{
    (void)state;
    static const char *const sections[] = {"", ", 7: <<[12, 0]>>"};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        char text[128];
        struct selv_suit_todo todo;
        (void)snprintf(text, sizeof text,
                       "{1: 1, 2: 7, 3: <<{2: [[h'00']], 4: h'820c0000'}>>%s}",
                       sections[i]);
        maker_envelope(&(struct maker_spec){.manifest = text}, &envelope);
        assert_int_equal(maker_load(&suit, &selv_suit_profile_boot_select,
                                    maker_device(0),
                                    selv_bytes(envelope.p, envelope.len)),
                         SELV_OK);
        assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_INVOCATION), SELV_OK);
        assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FAILED);
        assert_int_equal(selv_suit_failure(&suit)->err, SELV_ERR_CBOR_TRAILING);
        assert_int_equal(selv_suit_failure(&suit)->section, 3);
    }
}

/* The boot profile does not look into what it never runs. */
static void test_suit_boot_profile_skips(void **state)
{
    (void)state;
    static const struct {
        const char *manifest;
        enum selv_err err;
    } cases[] = {
        {INSTALL("22, 0"), SELV_OK},
        {HEAD ", 16: <<[99, {1: 2}]>>}", SELV_OK},
        {HEAD ", 20: h'9f'}", SELV_OK},
        {HEAD ", 7: <<[22, 0]>>}", SELV_OK}, /* until it runs */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        maker_envelope(&(struct maker_spec){.manifest = cases[i].manifest},
                       &envelope);
        assert_int_equal(maker_load(&suit, &selv_suit_profile_boot_select,
                                    maker_device(0),
                                    selv_bytes(envelope.p, envelope.len)),
                         cases[i].err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suit_evil_is_refused),
        cmocka_unit_test(test_suit_limits),
        cmocka_unit_test(test_suit_deepest_runs),
        cmocka_unit_test(test_suit_text_is_ignored),
        cmocka_unit_test(test_suit_other_blocks_do_not_matter),
        cmocka_unit_test(test_suit_other_anchor_is_refused),
        cmocka_unit_test(test_suit_sequence_number_may_not_fall),
        cmocka_unit_test(test_suit_boot_profile_skips),
        cmocka_unit_test(test_suit_boot_profile_stops_at_trailing_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
