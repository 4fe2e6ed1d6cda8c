/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests that must be refused, made by rule instead of by hand: every
 * command with every kind of argument in every section, every parameter with
 * every kind of value, every unassigned number, every head of indefinite
 * length; and the blocks that authenticate. Here a MAC signs, which is quick.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cbor/cbor.h"
#include "test/unit/suit_maker.h"

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define ID "repeat(16, 1)"
#define DIGEST "<<[-16, repeat(32, 1)]>>"

static struct maker_bytes envelope, manifest;
static struct selv_suit suit;
static char text[8192];
static unsigned wrong;

/* ---- envelopes under a MAC ---------------------------------------------- */

static struct selv_cose_key mac_key(uint8_t fill)
{
    struct selv_cose_key key = {.method = &selv_cose_hmac256};
    memset(key.secret, fill, sizeof key.secret);
    return key;
}

static void finish(const struct selv_cbor_writer *w, struct maker_bytes *out)
{
    struct selv_bytes done;
    assert_int_equal(selv_cbor_finish(w, &done), SELV_OK);
    out->len = done.len;
}

/* The SUIT_Digest of `manifest`. */
static void digest_manifest(struct maker_bytes *out)
{
    static struct maker_bytes wrapped;
    struct selv_cbor_writer w;
    struct selv_sha256 h;
    uint8_t sum[SELV_SHA256_LEN];
    selv_cbor_writer_init(&w, wrapped.p, sizeof wrapped.p);
    selv_cbor_put_bstr(&w, selv_bytes(manifest.p, manifest.len));
    finish(&w, &wrapped);
    selv_sha256_init(&h);
    selv_sha256_update(&h, wrapped.p, wrapped.len);
    selv_sha256_finish(&h, sum);
    selv_cbor_writer_init(&w, out->p, sizeof out->p);
    selv_cbor_put_array(&w, 2);
    selv_cbor_put_int(&w, SELV_SUIT_DIGEST_SHA256);
    selv_cbor_put_bstr(&w, selv_bytes(sum, sizeof sum));
    finish(&w, out);
}

/* The envelope of `manifest`, with one pair more when key is not 0. */
static void wrap(int64_t key)
{
    static struct maker_bytes digest, wrapper;
    uint8_t block_bytes[128];
    struct selv_buf block = {block_bytes, sizeof block_bytes, 0};
    struct selv_cose_key secret = mac_key(1);
    struct selv_cbor_writer w;
    digest_manifest(&digest);
    assert_int_equal(selv_cose_mac0_create(
                         &secret, selv_bytes(digest.p, digest.len), &block),
                     SELV_OK);
    selv_cbor_writer_init(&w, wrapper.p, sizeof wrapper.p);
    selv_cbor_put_array(&w, 2);
    selv_cbor_put_bstr(&w, selv_bytes(digest.p, digest.len));
    selv_cbor_put_bstr(&w, selv_bytes(block.p, block.len));
    finish(&w, &wrapper);
    selv_cbor_writer_init(&w, envelope.p, sizeof envelope.p);
    selv_cbor_put_tag(&w, SELV_SUIT_TAG_ENVELOPE);
    selv_cbor_put_map(&w, key == 0 ? 2 : 3);
    selv_cbor_put_uint(&w, SELV_SUIT_KEY_AUTHENTICATION);
    selv_cbor_put_bstr(&w, selv_bytes(wrapper.p, wrapper.len));
    selv_cbor_put_uint(&w, SELV_SUIT_KEY_MANIFEST);
    selv_cbor_put_bstr(&w, selv_bytes(manifest.p, manifest.len));
    if (key != 0) {
        selv_cbor_put_int(&w, key);
        selv_cbor_put_bstr(&w, selv_bytes("", 0));
    }
    finish(&w, &envelope);
}

static enum selv_err load_envelope(const struct selv_cose_key *keys,
                                   size_t count)
{
    static const int32_t parameters[] = {-300, -301, -302};
    static const struct selv_suit_private private = {
        .parameters = parameters, .parameter_count = LEN(parameters)};
    struct selv_suit_device *device = maker_device(0);
    device->anchors = keys;
    device->anchor_count = count;
    device->private = &private;
    return maker_load(&suit, &selv_suit_profile_consumer, device,
                      selv_bytes(envelope.p, envelope.len));
}

static enum selv_err load(const char *what)
{
    struct selv_cose_key key = mac_key(1);
    maker_encode(what, &manifest);
    wrap(0);
    return load_envelope(&key, 1);
}

/* Like load, and complain when it went otherwise. */
static void expect(const char *what, enum selv_err err, int section, long code)
{
    enum selv_err is = load(what);
    const struct selv_suit_failure *f = selv_suit_failure(&suit);
    struct selv_bytes view = {envelope.p, envelope.len};
    const char *why = is == SELV_OK ? NULL : maker_misplaced(f, view);
    if (is != err || why != NULL ||
        (is != SELV_OK && (f->section != section || f->code != code))) {
        print_error("%s\n  is %s, section %d, code %ld; expected %s, %d, %ld"
                    "%s%s\n",
                    what, selv_err_name(is), f->section, (long)f->code,
                    selv_err_name(err), section, code, why == NULL ? "" : "; ",
                    why == NULL ? "" : why);
        wrong++;
    }
    if (is != SELV_OK) {
        assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE),
                         SELV_ERR_STATE);
    }
}

/* A manifest with one component and these commands in one section. */
static const char *in_section(int section, const char *commands)
{
    if (section == SELV_SUIT_KEY_COMMON) {
        (void)snprintf(text, sizeof text,
                       "{1: 1, 2: 7, 3: <<{2: [[h'00']], 4: <<[%s]>>}>>}",
                       commands);
    } else {
        (void)snprintf(text, sizeof text,
                       "{1: 1, 2: 7, 3: <<{2: [[h'00']]}>>, %d: <<[%s]>>}",
                       section, commands);
    }
    return text;
}

/* ---- every command, every kind of argument, every section --------------- */

static const int sections[] = {3, 16, 20, 7, 8, 9};

static const char *const kinds[] = {
    "0",    "4294967296", "-1",          "h'00'", "\"x\"",
    "[0]",  "{0: 0}",     "112(h'')",    "false", "true",
    "null", "raw'f7'",    "raw'f93c00'", "[]",    "{}"};
enum {
    KIND_UINT,
    KIND_BSTR = 3,
    KIND_TSTR = 4,
    KIND_LIST = 5,
    KIND_MAP = 6,
    KIND_PEN = 7,
    KIND_FALSE = 8,
    KIND_TRUE = 9,
    KIND_FLOAT = 12,
    KIND_NO_LIST = 13
};

#define ANYWHERE "\x03\x10\x14\x07\x08\x09"
#define FETCHING "\x10\x14"
#define STORING "\x10\x14\x08"
static const struct command {
    long code;
    const char *sections;
    unsigned good; /* bits of kinds; the rest is SELV_ERR_SUIT_ARGUMENT */
} commands[] = {
    {1, ANYWHERE, 1u << KIND_UINT},
    {2, ANYWHERE, 1u << KIND_UINT},
    {3, ANYWHERE, 1u << KIND_UINT},
    {5, ANYWHERE, 1u << KIND_UINT},
    {6, ANYWHERE, 1u << KIND_UINT},
    {12, ANYWHERE, 1u << KIND_UINT | 1u << KIND_LIST | 1u << KIND_TRUE},
    {14, ANYWHERE, 1u << KIND_UINT},
    {15, ANYWHERE, 0},
    {18, STORING, 1u << KIND_UINT},
    {20, ANYWHERE, 0},
    {21, FETCHING, 1u << KIND_UINT},
    {22, STORING, 1u << KIND_UINT},
    {23, "\x09", 1u << KIND_UINT},
    {24, ANYWHERE, 1u << KIND_UINT},
    {31, STORING, 1u << KIND_UINT},
    {32, ANYWHERE, 0},
};

/* What is to come of it. */
static enum selv_err command_err(const struct command *command, unsigned kind,
                                 int section)
{
    if (strchr(command->sections, section) == NULL) {
        return SELV_ERR_SUIT_SECTION;
    }
    /* Where true may stand, another simple value is read as one. */
    if (kind == KIND_FLOAT &&
        command->code == SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX) {
        return SELV_ERR_CBOR_RESERVED;
    }
    if ((command->good >> kind & 1u) != 0) {
        return SELV_OK;
    }
    if (command->code == SELV_SUIT_DIRECTIVE_TRY_EACH &&
        (kind == KIND_LIST || kind == KIND_NO_LIST)) {
        return SELV_ERR_SUIT_EMPTY;
    }
    return command->code == SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS &&
                   kind == KIND_MAP
               ? SELV_ERR_SUIT_PARAMETER
               : SELV_ERR_SUIT_ARGUMENT;
}

static void test_suit_every_argument(void **state)
{
    (void)state;
    wrong = 0;
    for (size_t c = 0; c < LEN(commands); c++) {
        for (unsigned k = 0; k < LEN(kinds); k++) {
            for (size_t i = 0; i < LEN(sections); i++) {
                char pair[64];
                enum selv_err err = command_err(&commands[c], k, sections[i]);
                long code = commands[c].code;
                (void)snprintf(pair, sizeof pair, "%ld, %s", code, kinds[k]);
                if (err == SELV_ERR_SUIT_PARAMETER) {
                    code = 0; /* the parameter's */
                }
                expect(in_section(sections[i], pair), err, sections[i], code);
            }
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- every parameter, every kind of value ------------------------------- */

static const struct parameter {
    long code;
    unsigned good;
    const char *example; /* a good value */
} parameters[] = {
    {1, 0, ID},
    {2, 0, ID},
    {3, 0, DIGEST},
    {5, 1u << KIND_UINT, "4294967294"},
    {12, 1u << KIND_FALSE | 1u << KIND_TRUE, "true"},
    {13, 0, NULL}, /* soft-failure may not stand there */
    {14, 1u << KIND_UINT, "4294967294"},
    {18, 1u << KIND_BSTR, "h''"},
    {21, 1u << KIND_TSTR, "\"#\""},
    {22, 1u << KIND_UINT, "0"},
    {23, 1u << KIND_BSTR, "h''"},
    {24, 0, ID},
    {25, 1u << KIND_BSTR, "h''"},
};

static enum selv_err parameter_err(const struct parameter *p, unsigned kind)
{
    if (p->code == SELV_SUIT_PARAMETER_SOFT_FAILURE &&
        (kind == KIND_FALSE || kind == KIND_TRUE)) {
        return SELV_ERR_SUIT_SOFT;
    }
    if (p->code == SELV_SUIT_PARAMETER_VENDOR_ID && kind == KIND_PEN) {
        return SELV_OK;
    }
    return (p->good >> kind & 1u) != 0 ? SELV_OK : SELV_ERR_SUIT_ARGUMENT;
}

static void test_suit_every_value(void **state)
{
    (void)state;
    wrong = 0;
    for (size_t p = 0; p < LEN(parameters); p++) {
        for (unsigned k = 0; k < LEN(kinds); k++) {
            for (size_t i = 0; i < LEN(sections); i++) {
                char pair[64];
                enum selv_err err = parameter_err(&parameters[p], k);
                (void)snprintf(pair, sizeof pair, "20, {%ld: %s}",
                               parameters[p].code, kinds[k]);
                expect(in_section(sections[i], pair), err, sections[i],
                       parameters[p].code);
            }
        }
        if (parameters[p].example != NULL) {
            char pair[128];
            (void)snprintf(pair, sizeof pair, "20, {%ld: %s}",
                           parameters[p].code, parameters[p].example);
            expect(in_section(20, pair), SELV_OK, 0, 0);
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- every number that nobody assigned ---------------------------------- */

static bool is_in(long number, const long *list)
{
    while (*list != 0 && *list != number) {
        list++;
    }
    return *list == number;
}

static const long codes[] = {1,  2,  3,  5,  6,  12, 14, 15, 18,
                             20, 21, 22, 23, 24, 31, 32, 0};
static const long values[] = {1,  2,  3,  5,  12, 13, 14,
                              18, 21, 22, 23, 24, 25, 0};
static const long manifest_keys[] = {1, 2, 3, 4, 7, 8, 9, 16, 20, 23, 0};
/* Numbers from 0 to 64, and these. */
static const long others[] = {255,  256,  65535,  65536,      2147483647,
                              -1,   -2,   -16,    -255,       -256,
                              -257, -300, -65536, -2147483647};

static long number_at(size_t i)
{
    return i <= 64 ? (long)i : others[i - 65];
}

static void test_suit_every_unassigned_number(void **state)
{
    (void)state;
    struct selv_cose_key key = mac_key(1);
    wrong = 0;
    for (size_t i = 0; i < 65 + LEN(others); i++) {
        long n = number_at(i);
        char pair[64];
        if (n == 0 || !is_in(n, codes)) {
            (void)snprintf(pair, sizeof pair, "%ld, 0", n);
            for (size_t k = 0; k < LEN(sections); k++) {
                expect(in_section(sections[k], pair), SELV_ERR_SUIT_COMMAND,
                       sections[k], n);
            }
        }
        if (n != -300 && (n == 0 || !is_in(n, values))) {
            (void)snprintf(pair, sizeof pair, "20, {%ld: 0}", n);
            expect(in_section(20, pair), SELV_ERR_SUIT_PARAMETER, 20, n);
        }
        if (n > 4 || n < 0) {
            /* behind the others, so in order */
            if (!is_in(n, manifest_keys)) {
                (void)snprintf(text, sizeof text,
                               "{1: 1, 2: 7, 3: <<{2: [[h'00']]}>>, %ld: 0}",
                               n);
                expect(text, SELV_ERR_SUIT_KEY, 0, n);
            }
            (void)snprintf(text, sizeof text,
                           "{1: 1, 2: 7, 3: <<{2: [[h'00']], %ld: 0}>>}", n);
            expect(text, SELV_ERR_SUIT_KEY, 3, n);
            if (n != 16 && n != 20 && n != 23) {
                maker_encode("{1: 1, 2: 7, 3: <<{2: [[h'00']]}>>}", &manifest);
                wrap(n);
                assert_int_equal(load_envelope(&key, 1), SELV_ERR_SUIT_KEY);
                assert_int_equal(selv_suit_failure(&suit)->code, n);
            }
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- every parameter that a command needs ------------------------------- */

/* Set for another component, it is as good as unset. */
static void test_suit_every_unset_parameter(void **state)
{
    (void)state;
    static const struct {
        long code, parameter;
        int section;
        const char *value;
    } needs[] = {
        {1, 1, 7, ID},         {2, 2, 7, ID},         {3, 3, 7, DIGEST},
        {5, 5, 7, "0"},        {6, 18, 7, "h''"},     {18, 18, 20, "h''"},
        {21, 21, 20, "\"x\""}, {22, 22, 20, "1"},     {24, 24, 20, ID},
        {31, 22, 20, "1"},     {1, 1, 16, ID},        {6, 18, 16, "h''"},
        {3, 3, 20, DIGEST},    {21, 21, 16, "\"x\""}, {22, 22, 16, "1"},
    };
    for (size_t i = 0; i < LEN(needs); i++) {
        for (int is_elsewhere = 0; is_elsewhere <= 1; is_elsewhere++) {
            struct maker_world world = {.polls = 2};
            char expected[80];
            (void)snprintf(
                text, sizeof text,
                "{1: 1, 2: 7, 3: <<{2: [[h'00'], [h'01']]}>>, %d: <<[12, 1,"
                " 20, {%ld: %s}, 12, %d, %ld, 15]>>}",
                needs[i].section, needs[i].parameter, needs[i].value,
                is_elsewhere == 0, needs[i].code);
            if (needs[i].code == 22 || needs[i].code == 31) {
                /* component 0 is the target, 1 the source */
                (void)snprintf(text, sizeof text,
                               "{1: 1, 2: 7, 3: <<{2: [[h'01'], [h'00']]}>>,"
                               " %d: <<[12, 1, 20, {22: 0}, 12, %d, %ld, 15]"
                               ">>}",
                               needs[i].section, is_elsewhere == 0,
                               needs[i].code);
            }
            assert_int_equal(load(text), SELV_OK);
            (void)snprintf(expected, sizeof expected,
                           "failed(SELV_ERR_SUIT_UNSET %d %ld 0)",
                           needs[i].section, needs[i].code);
            const char *trace = maker_trace(&suit, SELV_SUIT_UPDATE, &world);
            if (is_elsewhere == 1) {
                assert_string_equal(trace, expected);
            } else {
                assert_null(strstr(trace, "UNSET"));
            }
        }
    }
}

/* ---- every head of indefinite length ------------------------------------ */

/* A manifest with every structure there is. No byte of a string's content is
 * between 0x40 and 0xbf, and no length, so that such a byte is a head of a
 * string, an array or a map. */
static const char everything[] =
    "{1: 1, 2: 7, 3: <<{2: [[h'00'], [h'01']], 4: <<[12, [0, 1], 20, {1: " ID
    ", 2: " ID ", 3: " DIGEST ", 5: 0, 18: h'', 21: \"1\", 24: " ID
    ", 25: h'01'}, 15, [<<[5, 0]>>, <<[14, 0]>>,"
    " null]]>>}>>, 4: \"1\", 7: <<[12, true, 32, <<[32, <<[5, 0]>>]>>]>>,"
    " 9: <<[12, 0, 23, 2]>>, 16: <<[12, 1, 20, {-300: [h'', {1: \"1\"}]}, 21, "
    "2]>>, 20: <<[12, 0, 18, 2]>>,"
    " 23: h''}";

static void test_suit_every_indefinite_length(void **state)
{
    (void)state;
    struct selv_cose_key key = mac_key(1);
    unsigned count = 0;
    assert_int_equal(load(everything), SELV_OK);
    static struct maker_bytes good;
    good = manifest;
    for (size_t i = 0; i < good.len; i++) {
        uint8_t byte = good.p[i];
        if (byte < 0x40 || byte > 0xbf || (i > 0 && good.p[i - 1] == 0x58)) {
            continue;
        }
        manifest = good;
        manifest.p[i] = byte | 0x1f;
        wrap(0);
        enum selv_err err = load_envelope(&key, 1);
        const struct selv_suit_failure *f = selv_suit_failure(&suit);
        size_t at = envelope.len - manifest.len + i;
        /* A digest and its byte string are compared with what they must be. */
        bool is_digest =
            memcmp(good.p + i, "\x82\x2f\x58\x20", 4) == 0 ||
            (i >= 2 && memcmp(good.p + i - 2, "\x82\x2f\x58\x20", 4) == 0);
        if (err != (is_digest ? SELV_ERR_SUIT_ARGUMENT
                              : SELV_ERR_CBOR_INDEFINITE) ||
            (!is_digest && f->offset != at)) {
            print_error("byte %lu (%02x) of the manifest: %s at %u, expected"
                        " %lu\n",
                        (unsigned long)i, byte, selv_err_name(err), f->offset,
                        (unsigned long)at);
            fail();
        }
        count++;
    }
    assert_int_equal(count, 45); /* all that there are */
}

/* ---- limits ------------------------------------------------------------- */

static void test_suit_every_limit(void **state)
{
    (void)state;
    wrong = 0;
    /* Private parameters: the third one that a port names is not there. */
    expect(in_section(20, "20, {-300: 0, -301: 0}"), SELV_OK, 0, 0);
    expect(in_section(20, "20, {-300: 0, -301: 0, -302: 0}"),
           SELV_ERR_SUIT_PARAMETER, 20, -302);
    /* policies */
    expect(in_section(20, "14, 15"), SELV_OK, 0, 0);
    expect(in_section(20, "14, 16"), SELV_ERR_SUIT_ARGUMENT, 20, 14);
    expect(in_section(20, "14, 256"), SELV_ERR_SUIT_ARGUMENT, 20, 14);
    /* numbers of 32 bits */
    expect(in_section(20, "20, {14: 4294967296}"), SELV_ERR_SUIT_ARGUMENT, 20,
           14);
    expect(in_section(20, "20, {5: 4294967296}"), SELV_ERR_SUIT_ARGUMENT, 20,
           5);
    /* codes of 31 bits and a sign */
    expect(in_section(20, "2147483648, 0"), SELV_ERR_SUIT_ARGUMENT, 20, 0);
    expect(in_section(20, "-2147483649, 0"), SELV_ERR_SUIT_ARGUMENT, 20, 0);
    /* components, their indices, lists of them */
    for (unsigned count = 1; count <= SELV_SUIT_COMPONENTS_MAX; count++) {
        for (unsigned n = 1; n <= SELV_SUIT_COMPONENTS_MAX + 2; n++) {
            char list[64] = "", ids[80] = "";
            for (unsigned i = 0; i < count; i++) {
                size_t len = strlen(ids);
                (void)snprintf(ids + len, sizeof ids - len, "%s[h'0%u']",
                               i == 0 ? "" : ", ", i);
            }
            for (unsigned i = 0; i < n; i++) {
                size_t len = strlen(list);
                (void)snprintf(list + len, sizeof list - len, "%s0",
                               i == 0 ? "" : ", ");
            }
            (void)snprintf(text, sizeof text,
                           "{1: 1, 2: 7, 3: <<{2: [%s]}>>, 20: <<[12, [%s]]>>}",
                           ids, list);
            expect(text, n <= count ? SELV_OK : SELV_ERR_SUIT_INDEX, 20, 12);
            (void)snprintf(text, sizeof text,
                           "{1: 1, 2: 7, 3: <<{2: [%s]}>>, 20: <<[12, %u]>>}",
                           ids, n - 1);
            expect(text, n <= count ? SELV_OK : SELV_ERR_SUIT_INDEX, 20, 12);
            (void)snprintf(text, sizeof text,
                           "{1: 1, 2: 7, 3: <<{2: [%s]}>>, 20: <<[12, 0, 20,"
                           " {22: %u}]>>}",
                           ids, n - 1);
            expect(text, n <= count ? SELV_OK : SELV_ERR_SUIT_INDEX, 20, 22);
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- blocks that authenticate ------------------------------------------- */

enum block {
    NO_BLOCK,
    MAC,         /* Mac0 with the device's key */
    MAC_OTHER,   /* with another key */
    MAC_DAMAGED, /* one bit is another */
    MAC_ALG,     /* says HMAC 256/64 */
    SIGN,        /* Sign1 with the device's key, by the maker */
    SIGN_BAD,    /* Sign1 with a signature of ones */
    JUNK
};

static void put_block(enum block block, const struct maker_bytes *digest,
                      struct selv_bytes sign, struct selv_cbor_writer *w)
{
    static struct maker_bytes made;
    uint8_t bytes[128];
    struct selv_buf mac = {bytes, sizeof bytes, 0};
    struct selv_cose_key key = mac_key(block == MAC_OTHER ? 2 : 1);
    switch (block) {
    case SIGN:
        selv_cbor_put_bstr(w, sign);
        return;
    case SIGN_BAD:
    case JUNK:
    case MAC_ALG:
        maker_encode(
            block == SIGN_BAD ? "18([<<{1: -9}>>, {}, null, repeat(64, 1)])"
            : block == JUNK   ? "[1, 2]"
                              : "17([<<{1: 4}>>, {}, null, repeat(8, 1)])",
            &made);
        selv_cbor_put_bstr(w, selv_bytes(made.p, made.len));
        return;
    default:
        assert_int_equal(selv_cose_mac0_create(
                             &key, selv_bytes(digest->p, digest->len), &mac),
                         SELV_OK);
        mac.p[mac.len - 1] ^= block == MAC_DAMAGED;
        selv_cbor_put_bstr(w, selv_bytes(mac.p, mac.len));
        return;
    }
}

/* The maker's Sign1 over the digest of maker_ab. */
static struct selv_bytes sign_block(void)
{
    static struct maker_bytes made;
    struct selv_cbor r;
    maker_envelope(&(struct maker_spec){.manifest = maker_ab}, &made);
    selv_cbor_init(&r, selv_bytes(made.p, made.len));
    (void)selv_cbor_pull(&r, SELV_CBOR_TAG);
    (void)selv_cbor_pull(&r, SELV_CBOR_MAP);
    (void)selv_cbor_pull(&r, SELV_CBOR_UINT);
    (void)selv_cbor_enter(&r);
    (void)selv_cbor_pull(&r, SELV_CBOR_ARRAY);
    (void)selv_cbor_pull(&r, SELV_CBOR_BSTR);
    size_t len = selv_cbor_pull(&r, SELV_CBOR_BSTR);
    assert_int_equal(r.err, SELV_OK);
    return selv_bytes(r.p - len, len);
}

static void test_suit_every_block(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum block blocks[4];
        bool has_mac_key, has_sign_key;
        enum selv_err err;
        size_t anchor; /* 0: the secret, 1: the public key */
    } cases[] = {
        {"none", {NO_BLOCK}, true, true, SELV_ERR_SUIT_NOT_SIGNED, 0},
        {"Mac0", {MAC}, true, true, SELV_OK, 0},
        {"Sign1", {SIGN}, true, true, SELV_OK, 1},
        {"Mac0, no secret", {MAC}, false, true, SELV_ERR_COSE_NO_KEY, 0},
        {"Sign1, no public key", {SIGN}, true, false, SELV_ERR_COSE_NO_KEY, 0},
        {"Mac0 under another secret",
         {MAC_OTHER},
         true,
         true,
         SELV_ERR_COSE_NO_KEY,
         0},
        {"Mac0 damaged", {MAC_DAMAGED}, true, true, SELV_ERR_COSE_NO_KEY, 0},
        {"Mac0 of 64 bits", {MAC_ALG}, true, true, SELV_ERR_COSE_ALG, 0},
        {"both kinds", {MAC, SIGN}, true, true, SELV_OK, 0},
        {"both kinds, the other way round",
         {SIGN, MAC},
         true,
         true,
         SELV_OK,
         1},
        {"both kinds, no secret", {MAC, SIGN}, false, true, SELV_OK, 1},
        {"both kinds, no public key", {SIGN, MAC}, true, false, SELV_OK, 0},
        {"bad Mac0, good Sign1", {MAC_DAMAGED, SIGN}, true, true, SELV_OK, 1},
        {"bad Sign1, good Mac0", {SIGN_BAD, MAC}, true, true, SELV_OK, 0},
        {"good Mac0, bad Mac0", {MAC, MAC_OTHER}, true, true, SELV_OK, 0},
        {"bad Mac0, good Mac0", {MAC_OTHER, MAC}, true, true, SELV_OK, 0},
        {"two bad", {MAC_OTHER, SIGN_BAD}, true, true, SELV_ERR_COSE_NO_KEY, 0},
        {"junk, then good", {JUNK, MAC}, true, true, SELV_OK, 0},
        {"good, then junk", {SIGN, JUNK}, true, true, SELV_OK, 1},
        {"no keys at all", {MAC, SIGN}, false, false, SELV_ERR_COSE_NO_KEY, 0},
        {"three good ones",
         {MAC, SIGN, MAC},
         true,
         true,
         SELV_ERR_SUIT_SIGNERS,
         0},
        {"two junk and a good one",
         {JUNK, JUNK, MAC},
         true,
         true,
         SELV_ERR_SUIT_SIGNERS,
         0},
    };
    struct selv_bytes sign = sign_block();
    static struct maker_bytes digest, wrapper;
    struct selv_cbor_writer w;
    wrong = 0;
    for (size_t i = 0; i < LEN(cases); i++) {
        struct selv_cose_key keys[2] = {mac_key(1), *maker_anchor()};
        const struct selv_cose_key *own = keys;
        size_t count = 0;
        size_t own_count =
            (size_t)cases[i].has_mac_key + (size_t)cases[i].has_sign_key;
        while (cases[i].blocks[count] != NO_BLOCK) {
            count++;
        }
        own += !cases[i].has_mac_key;
        maker_encode(maker_ab, &manifest);
        digest_manifest(&digest);
        selv_cbor_writer_init(&w, wrapper.p, sizeof wrapper.p);
        selv_cbor_put_array(&w, 1 + count);
        selv_cbor_put_bstr(&w, selv_bytes(digest.p, digest.len));
        for (size_t k = 0; k < count; k++) {
            put_block(cases[i].blocks[k], &digest, sign, &w);
        }
        finish(&w, &wrapper);
        selv_cbor_writer_init(&w, envelope.p, sizeof envelope.p);
        selv_cbor_put_tag(&w, SELV_SUIT_TAG_ENVELOPE);
        selv_cbor_put_map(&w, 2);
        selv_cbor_put_uint(&w, SELV_SUIT_KEY_AUTHENTICATION);
        selv_cbor_put_bstr(&w, selv_bytes(wrapper.p, wrapper.len));
        selv_cbor_put_uint(&w, SELV_SUIT_KEY_MANIFEST);
        selv_cbor_put_bstr(&w, selv_bytes(manifest.p, manifest.len));
        finish(&w, &envelope);
        enum selv_err err = load_envelope(own, own_count);
        size_t anchor = cases[i].anchor - !cases[i].has_mac_key;
        bool is_authentic = selv_is_good(selv_suit_is_authentic(&suit));
        if (err != cases[i].err || is_authentic != (err == SELV_OK) ||
            (err == SELV_OK && selv_suit_anchor(&suit) != anchor) ||
            (err != SELV_OK && selv_suit_failure(&suit)->section != 2)) {
            print_error("%s: %s, anchor %lu, section %d\n", cases[i].what,
                        selv_err_name(err),
                        (unsigned long)selv_suit_anchor(&suit),
                        selv_suit_failure(&suit)->section);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suit_every_argument),
        cmocka_unit_test(test_suit_every_value),
        cmocka_unit_test(test_suit_every_unassigned_number),
        cmocka_unit_test(test_suit_every_unset_parameter),
        cmocka_unit_test(test_suit_every_indefinite_length),
        cmocka_unit_test(test_suit_every_limit),
        cmocka_unit_test(test_suit_every_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
