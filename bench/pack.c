/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: bench_pack examples | worst | files NAME FILE [NAME FILE]...
 *
 * Writes envelopes as C source, with the digests of the byte strings in them:
 * the draft's examples 0 to 5, manifests that are made to cost most per byte,
 * or published files. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cbor/cbor.h"
#include "crypto/crypto.h"
#include "test/unit/suit_maker.h"

static _Noreturn void die(const char *why, const char *what)
{
    fprintf(stderr, "bench_pack: %s: %s\n", what, why);
    exit(1);
}

/* ---- writing C ---------------------------------------------------------- */

static const char *names[32];
static unsigned written;

static void put_bytes(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        printf("%s0x%02x,", i % 16 == 0 ? "\n    " : "", p[i]);
    }
}

static void put_hash(const uint8_t *envelope, const uint8_t *start,
                     const uint8_t *end)
{
    struct selv_sha256 h;
    uint8_t digest[SELV_SHA256_LEN];
    selv_sha256_init(&h);
    selv_sha256_update(&h, start, (size_t)(end - start));
    selv_sha256_finish(&h, digest);
    printf("    {%zu, {", (size_t)(start - envelope));
    put_bytes(digest, sizeof digest);
    printf("}},\n");
}

/* The hashes of all byte strings of the envelope's map: the manifest's and
 * the severable elements'. */
static void put_hashes(const char *name, struct selv_bytes envelope)
{
    struct selv_cbor r;
    uint64_t tag = 0;
    uint32_t count = 0;
    selv_cbor_init(&r, envelope);
    if (selv_cbor_tag(&r, &tag) != SELV_OK ||
        selv_cbor_map(&r, &count) != SELV_OK) {
        die("no envelope", name);
    }
    printf("static const struct bench_hash hashes_%u[] = {\n", written);
    for (uint32_t i = 0; i < count; i++) {
        struct selv_bytes value;
        if (selv_cbor_skip(&r, NULL) != SELV_OK ||
            selv_cbor_skip(&r, &value) != SELV_OK) {
            die("malformed", name);
        }
        put_hash(envelope.p, value.p, value.p + value.len);
    }
    printf("};\n");
}

static bool may_fail;

static void put_example(const char *name, struct selv_bytes envelope)
{
    if (written == sizeof names / sizeof names[0]) {
        die("too many envelopes", name);
    }
    printf("static const uint8_t envelope_%u[] = {", written);
    put_bytes(envelope.p, envelope.len);
    printf("};\n");
    put_hashes(name, envelope);
    names[written++] = name;
}

static void put_table(void)
{
    printf("const struct bench_example bench_examples[] = {\n");
    for (unsigned i = 0; i < written; i++) {
        printf("    {\"%s\", envelope_%u, sizeof envelope_%u, hashes_%u,\n"
               "     sizeof hashes_%u / sizeof hashes_%u[0], %d},\n",
               names[i], i, i, i, i, i, may_fail);
    }
    printf("};\nconst size_t bench_example_count = %u;\n", written);
}

/* As in the draft's appendix: ES256 without a kid. Nobody looks at the
 * signature. */
#define BLOCK "[<<18([<<{1: -7}>>, {}, null, repeat(64, 85)])>>]"

static size_t make(const char *manifest, const char *pairs,
                   struct maker_bytes *out)
{
    struct maker_spec spec = {.manifest = manifest,
                              .pairs = pairs,
                              .blocks = BLOCK,
                              .is_unsigned = true};
    maker_envelope(&spec, out);
    return out->len;
}

/* ---- the draft's examples [manifest B] ------------------------------------
 */

#define IMAGE_1                                                                \
    "3: <<[-16, h'00112233445566778899aabbccddeeff"                            \
    "0123456789abcdeffedcba9876543210']>>"
#define IMAGE_2                                                                \
    "3: <<[-16, h'0123456789abcdeffedcba9876543210"                            \
    "00112233445566778899aabbccddeeff']>>"
#define SIZE_1 "14: 34768"
#define SIZE_2 "14: 76834"
#define IDENTITY "1: " MAKER_VENDOR ", 2: " MAKER_CLASS
#define SHARED_1 "20, {" IDENTITY ", " IMAGE_1 ", " SIZE_1 "}, 1, 15, 2, 15"
#define COMMON(components, shared)                                             \
    "3: <<{2: [" components "], 4: <<[" shared "]>>}>>"
#define COMMON_1 COMMON("[h'00']", SHARED_1)
#define HOST "http://example.com/"

/* Example 2's severable elements. The text is as long as the draft's, in our
 * own words. */
#define INSTALL_2                                                              \
    "<<[20, {21: \"" HOST "very/long/path/to/file/file.bin\"}, 21, 2, 3, "     \
    "15]>>"
#define WORDS_50 "What is written here is not looked at by a device."
#define TEXT_2                                                                 \
    "<<{\"en-US\": {1: \"" WORDS_50 WORDS_50 WORDS_50 WORDS_50 WORDS_50        \
        WORDS_50 WORDS_50                                                      \
    "And so on, for as many bytes as the draft's own text.\", "                \
    "[h'00']: {3: \"arm.com\", 5: \"" WORDS_50                                 \
    "It names no components of any real device.\"}}}>>"
#define MANIFEST_2                                                             \
    "{1: 1, 2: 2, " COMMON_1 ", 4: \"https://git.io/JJYoj\", "                 \
    "7: <<[3, 15]>>, 9: <<[23, 2]>>, "                                         \
    "20: digest(" INSTALL_2 "), 23: digest(" TEXT_2 ")}"

static const struct {
    const char *name, *manifest, *pairs;
} examples[] = {
    {"0", "{1: 1, 2: 0, " COMMON_1 ", 7: <<[3, 15]>>, 9: <<[23, 2]>>}", NULL},
    {"1",
     "{1: 1, 2: 1, " COMMON_1 ", 7: <<[3, 15]>>, "
     "20: <<[20, {21: \"" HOST "file.bin\"}, 21, 2, 3, 15]>>}",
     NULL},
    {"2A", MANIFEST_2, NULL},
    {"2B", MANIFEST_2, "{20: " INSTALL_2 ", 23: " TEXT_2 "}"},
    {"3",
     "{1: 1, 2: 3, " COMMON(
         "[h'00']",
         "20, {" IDENTITY "}, 15, ["
         "<<[20, {5: 0}, 5, 5, 20, {" IMAGE_1 ", " SIZE_1 "}]>>, "
         "<<[20, {5: 1}, 5, 5, 20, {" IMAGE_2 ", " SIZE_2
         "}]>>], 1, 15, 2, 15") ", 7: <<[3, 15]>>, 20: <<[15, ["
                                "<<[20, {5: 0}, 5, 5, 20, {21: \"" HOST
                                "file1.bin\"}]>>, "
                                "<<[20, {5: 1}, 5, 5, 20, {21: \"" HOST
                                "file2.bin\"}]>>"
                                "], 21, 2, 3, 15]>>}",
     NULL},
    {"4",
     "{1: 1, 2: 4, " COMMON(
         "[h'00'], [h'02'], [h'01']",
         "12, 0, " SHARED_1) ", 7: <<[12, 0, 3, 15]>>, "
                             "8: <<[12, 2, 20, {" IMAGE_2 ", " SIZE_2
                             ", 22: 0}, 22, 2, 3, 15]>>, "
                             "9: <<[12, 2, 23, 2]>>, "
                             "16: <<[12, 1, 20, {" IMAGE_1 ", 21: \"" HOST
                             "file.bin\"}, "
                             "21, 2, 3, 15]>>, "
                             "20: <<[12, 0, 20, {22: 1}, 22, 2, 3, 15]>>}",
     NULL},
    {"5",
     "{1: 1, 2: 5, " COMMON(
         "[h'00'], [h'01']",
         "12, 0, " SHARED_1 ", 12, 1, 20, {" IMAGE_2 ", " SIZE_2
         "}") ", 7: <<[12, 0, 3, 15, 12, 1, 3, 15]>>, 9: <<[12, 0, 23, 2]>>, "
              "20: <<[12, 0, 20, {21: \"" HOST "file1.bin\"}, 21, 2, 3, 15, "
              "12, 1, 20, {21: \"" HOST "file2.bin\"}, 21, 2, 3, 15]>>}",
     NULL},
};

static void pack_examples(void)
{
    static struct maker_bytes out;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        make(examples[i].manifest, examples[i].pairs, &out);
        put_example(examples[i].name, selv_bytes(out.p, out.len));
    }
}

/* ---- what costs most per byte ------------------------------------------- */

struct text {
    char p[65536];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(t->p + t->len, sizeof t->p - t->len, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof t->p - t->len) {
        die("text too long", "worst");
    }
    t->len += (size_t)len;
}

static void add_times(struct text *t, const char *what, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        add(t, "%s", what);
    }
}

/* A costly sequence of n steps stands in the shared sequence, which runs
 * before every section: so every section is there. */
#define CHEAP "<<[12, 0, 1, 15]>>"
static void finish_shared(struct text *t)
{
    add(t, "]>>}>>, 7: " CHEAP ", 8: " CHEAP ", 9: " CHEAP ", 16: " CHEAP
           ", 20: " CHEAP "}");
}

static void begin_shared(struct text *t)
{
    add(t, "{1: 1, 2: 0, 3: <<{2: [[h'00'], [h'01'], [h'02'], [h'03']], "
           "4: <<[12, true, 20, {1: " MAKER_VENDOR ", 5: 0}");
}

/* Many fetches of the last of many integrated payloads. */
static void worst_payloads(struct text *t, unsigned n)
{
    add(t, "{1: 1, 2: 0, 3: <<{2: [[h'00'], [h'01'], [h'02'], [h'03']]}>>, "
           "16: <<[12, true, 20, {21: \"#z\"}");
    add_times(t, ", 21, 2", n);
    add(t, "]>>}");
}

/* The maker takes 23 pairs at most. */
static void add_payloads(struct text *t)
{
    add(t, "{");
    for (int c = 'A'; c < 'A' + 22; c++) {
        add(t, "\"#%c\": h'', ", c);
    }
    add(t, "\"#z\": h''}");
}

/* Costly steps in the shared sequence: n times step, within SELV_SUIT_DEPTH_MAX
 * times open and close, if there are any. Without a step: the payloads. */
static const struct {
    const char *name;
    const char *step;
    const char *open, *close;
} worst[] = {
    /* many conditions, each for every component */
    {"flat", ", 1, 15", "", ""},
    /* the same, all components by name */
    {"list", ", 12, [0, 1, 2, 3], 1, 15", "", ""},
    {"parameters", ", 20, {5: 0}", "", ""},
    /* each try-each has alternatives that fail, but for the last */
    {"alternatives", ", 15, [<<[2, 15]>>, <<[2, 15]>>, <<[2, 15]>>, null]", "",
     ""},
    /* nested as deep as it goes, each level for every component */
    {"nested", ", 1, 15", ", 15, [<<[12, true", "]>>, <<[1, 15]>>]"},
    /* the same with run-sequence */
    {"sequences", ", 1, 15", ", 32, <<[12, true", "]>>"},
    {"payloads", NULL, NULL, NULL},
};

static void worst_shared(struct text *t, size_t which, unsigned n)
{
    begin_shared(t);
    add_times(t, worst[which].open, SELV_SUIT_DEPTH_MAX);
    add_times(t, worst[which].step, n);
    add_times(t, worst[which].close, SELV_SUIT_DEPTH_MAX);
    finish_shared(t);
}

/* The envelope with n costly steps. */
static size_t make_worst(size_t which, unsigned n, struct maker_bytes *out)
{
    static struct text manifest, pairs;
    manifest.len = 0;
    pairs.len = 0;
    if (worst[which].step != NULL) {
        worst_shared(&manifest, which, n);
    } else {
        worst_payloads(&manifest, n);
        add_payloads(&pairs);
    }
    return make(manifest.p, pairs.len > 0 ? pairs.p : NULL, out);
}

/* As many steps as the longest envelope holds. */
static void pack_worst(void)
{
    static struct maker_bytes out;
    for (size_t i = 0; i < sizeof worst / sizeof worst[0]; i++) {
        unsigned fits = 1;
        unsigned over = SELV_SUIT_ENVELOPE_MAX;
        while (over - fits > 1) {
            unsigned n = (fits + over) / 2;
            if (make_worst(i, n, &out) <= SELV_SUIT_ENVELOPE_MAX) {
                fits = n;
            } else {
                over = n;
            }
        }
        make_worst(i, fits, &out);
        put_example(worst[i].name, selv_bytes(out.p, out.len));
    }
}

/* ---- files ----------------------------------------------------------------
 */

static void pack_file(const char *name, const char *path)
{
    static struct maker_bytes in;
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        die("cannot be read", path);
    }
    in.len = fread(in.p, 1, sizeof in.p, f);
    (void)fclose(f);
    put_example(name, selv_bytes(in.p, in.len));
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (selv_crypto_init() != SELV_OK) {
        die("does not start", "crypto library");
    }
    printf("#include \"bench/engine.h\"\n");
    if (strcmp(what, "examples") == 0) {
        pack_examples();
    } else if (strcmp(what, "worst") == 0) {
        may_fail = true;
        pack_worst();
    } else if (strcmp(what, "files") == 0 && argc > 3 && argc % 2 == 0) {
        for (int i = 2; i < argc; i += 2) {
            pack_file(argv[i], argv[i + 1]);
        }
    } else {
        fprintf(stderr, "usage: bench_pack examples | worst | "
                        "files NAME FILE [NAME FILE]...\n");
        return 2;
    }
    put_table();
    return 0;
}
