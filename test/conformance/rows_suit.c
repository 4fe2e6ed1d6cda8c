/* SPDX-License-Identifier: Apache-2.0
 *
 * Envelopes. Which error a row must be refused for follows from the row's own
 * words and features: nothing here names a file. */
#include <stdio.h>
#include <stdlib.h>

#include "cbor/cbor.h"
#include "suit/numbers.h"
#include "test/conformance/rows.h"

enum { ENVELOPE_MAX = 16384 };

/* ---- what we have -------------------------------------------------------- */

/* Features of the index that are ours: all of manifest-37. */
static const char *const have[] = {"alg-7",
                                   "alg-9",
                                   "alg5",
                                   "c-cid",
                                   "c-content",
                                   "c-devid",
                                   "c-img",
                                   "c-slot",
                                   "c-abort",
                                   "c-vid",
                                   "common2",
                                   "common4",
                                   "d-copy",
                                   "d-fetch",
                                   "d-idx",
                                   "d-invoke",
                                   "d-ovr",
                                   "d-runseq",
                                   "d-swap",
                                   "d-try",
                                   "d-write",
                                   "dig-16",
                                   "idx-array",
                                   "idx-int",
                                   "idx-true",
                                   "integrated",
                                   "mac0",
                                   "mk1",
                                   "mk2",
                                   "mk3",
                                   "mk4",
                                   "mk7",
                                   "mk8",
                                   "mk9",
                                   "mk16",
                                   "mk20",
                                   "mk23",
                                   "p1",
                                   "p2",
                                   "p3",
                                   "p5",
                                   "p12",
                                   "p13",
                                   "p14",
                                   "p18",
                                   "p21",
                                   "p22",
                                   "p23",
                                   "p24",
                                   "p25",
                                   "runseq-nest1",
                                   "severable-present16",
                                   "severable-present20",
                                   "severable-present23",
                                   "severed16",
                                   "severed20",
                                   "severed23",
                                   "sign1"};

/* Where the others come from. */
static const struct {
    const char *draft;
    const char *features; /* each between spaces */
} later[] = {
    {"trust domains",
     " common1 mk5 mk15 mk18 mk24 c-dep-int c-is-dep d-proc-dep d-set d-unlink "
     "integrated-dep "},
    {"firmware encryption", " p19 "},
    {"update management",
     " c-auth c-batt c-use-before c-ver c-img-not d-copy-params d-ovr-mult "
     "d-wait mk6 mk14 p4 p26 p27 p28 p29 p30 severable-present14 severed14 "},
};

static bool is_had(const char *feature)
{
    for (size_t i = 0; i < sizeof(have) / sizeof(have[0]); i++) {
        if (strcmp(have[i], feature) == 0) {
            return true;
        }
    }
    return false;
}

static bool has(json_t *row, const char *feature)
{
    size_t i;
    json_t *f;

    json_array_foreach(json_object_get(row, "features"), i, f)
    {
        if (strcmp(json_string_value(f), feature) == 0) {
            return true;
        }
    }
    return false;
}

/* "trust domains (common1 mk5), ..."; false when we have everything. */
static bool lacks(json_t *row, char *text, size_t cap)
{
    bool is_lacking = false;

    text[0] = '\0';
    for (size_t k = 0; k < sizeof(later) / sizeof(later[0]); k++) {
        size_t i;
        json_t *f;
        bool is_first = true;
        json_array_foreach(json_object_get(row, "features"), i, f)
        {
            char word[40];
            (void)snprintf(word, sizeof(word), " %s ", json_string_value(f));
            if (strstr(later[k].features, word) == NULL) {
                continue;
            }
            size_t len = strlen(text);
            (void)snprintf(text + len, cap - len, "%s%s%s",
                           is_first && is_lacking ? ", " : "",
                           is_first ? later[k].draft : "", is_first ? ":" : "");
            len = strlen(text);
            (void)snprintf(text + len, cap - len, "%.*s",
                           (int)(strlen(word) - 1), word);
            is_first = false;
            is_lacking = true;
        }
    }
    return is_lacking;
}

/* Whether the index uses a word that this program does not know. */
static const char *unknown_feature(json_t *row)
{
    size_t i;
    json_t *f;

    json_array_foreach(json_object_get(row, "features"), i, f)
    {
        char word[40];
        bool is_known = is_had(json_string_value(f));
        (void)snprintf(word, sizeof(word), " %s ", json_string_value(f));
        for (size_t k = 0; k < sizeof(later) / sizeof(later[0]); k++) {
            is_known |= strstr(later[k].features, word) != NULL;
        }
        if (!is_known) {
            return json_string_value(f);
        }
    }
    return NULL;
}

/* ---- the first thing that a processor trips over ------------------------- */

static bool is_key(int32_t key)
{
    return (key >= 1 && key <= 4) || (key >= 7 && key <= 9) || key == 16 ||
           key == 20 || key == 23;
}

/* The first key of the envelope itself that we refuse; 0: none. */
static int32_t first_bad_envelope_key(struct selv_bytes envelope)
{
    struct selv_cbor r;
    uint64_t tag;
    uint32_t count = 0;

    selv_cbor_init(&r, envelope);
    if (selv_cbor_peek(&r) == SELV_CBOR_TAG &&
        selv_cbor_tag(&r, &tag) != SELV_OK) {
        return 0;
    }
    if (selv_cbor_peek(&r) != SELV_CBOR_MAP ||
        selv_cbor_map(&r, &count) != SELV_OK) {
        return 0;
    }
    for (; count > 0 && selv_cbor_peek(&r) != SELV_CBOR_TSTR; count--) {
        int32_t key = 0;
        if (selv_cbor_int(&r, &key) != SELV_OK ||
            selv_cbor_skip(&r, NULL) != SELV_OK) {
            return 0;
        }
        if (key != SELV_SUIT_KEY_AUTHENTICATION &&
            key != SELV_SUIT_KEY_MANIFEST &&
            key != SELV_SUIT_KEY_PAYLOAD_FETCH &&
            key != SELV_SUIT_KEY_INSTALL && key != SELV_SUIT_KEY_TEXT) {
            return key;
        }
    }
    return 0;
}

/* Which key we refuse, in the order of reading: those of the envelope, those
 * of the manifest, those inside common. 0: none. */
static int32_t first_bad_key(const struct rows *rows, json_t *row)
{
    size_t i;
    json_t *key;
    int32_t first = first_bad_envelope_key(
        rows_file(rows, json_string_value(json_object_get(row, "file"))));

    json_array_foreach(json_object_get(row, "manifest_keys"), i, key)
    {
        int32_t k = (int32_t)strtol(json_string_value(key), NULL, 10);
        if (first == 0 && !is_key(k)) {
            first = k;
        }
    }
    return first == 0 && has(row, "common1") ? 1 : first;
}

/* The refusal that the row's features lead to. */
static void refusal_of_features(const struct rows *rows, json_t *row,
                                enum selv_err *err, enum selv_err *or_err,
                                int32_t *code)
{
    *code = first_bad_key(rows, row);
    *err = *or_err = SELV_ERR_SUIT_KEY;
    if (*code == 0) {
        /* Which of both comes first is the sequence's order. */
        *err = SELV_ERR_SUIT_COMMAND;
        *or_err = SELV_ERR_SUIT_PARAMETER;
    }
}

bool row_envelope_lacks(json_t *row, enum selv_err err, int32_t code)
{
    static const struct {
        const char *feature;
        int32_t code;
    } commands[] = {{"c-use-before", 4}, {"c-dep-int", 7},     {"c-is-dep", 8},
                    {"d-proc-dep", 11},  {"cmd13", 13},        {"d-set", 19},
                    {"c-img-not", 25},   {"c-batt", 26},       {"c-auth", 27},
                    {"c-ver", 28},       {"d-wait", 29},       {"d-unlink", 33},
                    {"d-ovr-mult", 34},  {"d-copy-params", 35}};
    char parameter[24];

    (void)snprintf(parameter, sizeof(parameter), "p%d", (int)code);
    if (err == SELV_ERR_SUIT_PARAMETER) {
        return has(row, parameter) && !is_had(parameter);
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (commands[i].code == code) {
            return has(row, commands[i].feature);
        }
    }
    return false;
}

/* ---- expectations -------------------------------------------------------- */

static bool says(const char *expected, const char *words)
{
    return strstr(expected, words) != NULL;
}

static void refuse(struct row_expectation *e, enum selv_err err)
{
    e->err = e->or_err = err;
    e->code = 0;
}

static void expect_reject(const struct rows *rows, json_t *row,
                          const char *expected, struct row_expectation *e)
{
    e->kind = ROW_REFUSE;
    if (says(expected, "no authentication block")) {
        refuse(e, SELV_ERR_SUIT_NOT_SIGNED);
    } else if (says(expected, "does not match wrapper")) {
        refuse(e, SELV_ERR_SUIT_DIGEST);
    } else if (says(expected, "under key 17") ||
               says(expected, "pre-18 section keys")) {
        refusal_of_features(rows, row, &e->err, &e->or_err, &e->code);
    } else if (says(expected, "-04..-09 layout") ||
               says(expected, "no tag 107")) {
        refuse(e, SELV_ERR_SUIT_TAG);
    } else {
        /* A reason that this program cannot map fails the row. */
        refuse(e, SELV_ERR_SUIT_MORE);
        (void)snprintf(e->note, sizeof(e->note), "unknown reason: %.100s",
                       expected);
    }
}

/* Our decisions, in the order in which they show. */
static void expect_policy(const struct rows *rows, json_t *row,
                          const char *expected, struct row_expectation *e)
{
    e->kind = ROW_POLICY;
    if (says(expected, "untagged envelope")) {
        refuse(e, SELV_ERR_SUIT_TAG);
        (void)snprintf(e->note, sizeof(e->note), "P1: untagged");
    } else if (says(expected, "use-before stands in validate")) {
        refusal_of_features(rows, row, &e->err, &e->or_err, &e->code);
        (void)snprintf(e->note, sizeof(e->note), "P4: use-before in validate");
    } else if (says(expected, "dependency index") ||
               says(expected, "process-dependency without")) {
        refusal_of_features(rows, row, &e->err, &e->or_err, &e->code);
        (void)snprintf(e->note, sizeof(e->note),
                       says(expected, "process-dependency without")
                           ? "P3: dependency-integrity is missing"
                           : "P2: dependency index outside of components");
    } else if (says(expected, "16-byte GCM IV")) {
        refusal_of_features(rows, row, &e->err, &e->or_err, &e->code);
        (void)snprintf(e->note, sizeof(e->note), "P5: 16-byte GCM IV");
    } else {
        refuse(e, SELV_ERR_SUIT_MORE);
        (void)snprintf(e->note, sizeof(e->note), "undecided: %.100s", expected);
    }
}

void row_envelope_expect(const struct rows *rows, json_t *row,
                         struct row_expectation *e)
{
    const char *expected = json_string_value(json_object_get(row, "expected"));
    char text[120];

    if (strncmp(expected, "REJECT", 6) == 0) {
        expect_reject(rows, row, expected, e);
    } else if (strncmp(expected, "POLICY", 6) == 0) {
        expect_policy(rows, row, expected, e);
    } else if (unknown_feature(row) != NULL) {
        e->kind = ROW_ACCEPT;
        (void)snprintf(e->note, sizeof(e->note), "unknown feature %s",
                       unknown_feature(row));
    } else if (lacks(row, text, sizeof(text))) {
        e->kind = ROW_LATER;
        refusal_of_features(rows, row, &e->err, &e->or_err, &e->code);
        (void)snprintf(e->note, sizeof(e->note), "needs %s", text);
    } else {
        e->kind = ROW_ACCEPT;
        refuse(e, SELV_OK);
    }
    /* An untagged envelope is refused for that; what the row means shows once
     * it has its tag. */
    if (says(expected, "does not match wrapper") ||
        says(expected, "untagged envelope")) {
        struct row_expectation tagged = {.kind = e->kind};
        if (says(expected, "does not match wrapper")) {
            refuse(&tagged, SELV_ERR_SUIT_DIGEST);
        } else {
            refusal_of_features(rows, row, &tagged.err, &tagged.or_err,
                                &tagged.code);
        }
        e->behind = tagged.err;
        e->behind_code = tagged.code;
        refuse(e, SELV_ERR_SUIT_TAG);
    }
}

/* ---- judgement ----------------------------------------------------------- */

static enum selv_err load(const struct rows *rows,
                          const struct selv_suit_profile *profile,
                          struct selv_bytes envelope, int32_t *code)
{
    static struct selv_suit suit;
    const struct selv_suit_device device = {.anchors = rows->anchors,
                                            .anchor_count = 3};

    selv_suit_init(&suit, profile, &device);
    enum selv_err err = selv_suit_feed_part(&suit, envelope, envelope.len);
    if (err == SELV_OK && selv_is_good(selv_suit_check(&suit))) {
        *code = 0;
        return SELV_OK;
    }
    *code = selv_suit_failure(&suit)->code;
    err = selv_suit_failure(&suit)->err;
    /* Refused without a reason: nothing that a row could expect. */
    return err == SELV_OK ? SELV_ERR_STATE : err;
}

void row_envelope_judge(const struct rows *rows, json_t *row,
                        struct row_result *result)
{
    static uint8_t tagged[ENVELOPE_MAX + 2] = {0xd8, SELV_SUIT_TAG_ENVELOPE};
    int32_t code = 0;
    struct selv_bytes envelope =
        rows_file(rows, json_string_value(json_object_get(row, "file")));

    result->err =
        load(rows, &selv_suit_profile_consumer, envelope, &result->code);
    if (result->err == SELV_OK) {
        /* One bootloader or the other can run what was installed. */
        result->is_bootable = load(rows, &selv_suit_profile_boot_select,
                                   envelope, &code) == SELV_OK ||
                              load(rows, &selv_suit_profile_boot_install,
                                   envelope, &code) == SELV_OK;
    }
    if (result->err == SELV_ERR_SUIT_TAG && envelope.len <= ENVELOPE_MAX) {
        memcpy(tagged + 2, envelope.p, envelope.len);
        result->behind =
            load(rows, &selv_suit_profile_consumer,
                 selv_bytes(tagged, envelope.len + 2), &result->behind_code);
    }
}
