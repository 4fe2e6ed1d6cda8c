/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.h - the rows of a folder of published vectors (suit/index.json), what
 * each must come to, and what it does come to. */
#ifndef ROWS_H
#define ROWS_H

#include <jansson.h>

#include "cose/cose.h"
#include "suit/suit.h"

enum row_kind {
    ROW_ACCEPT, /* binds: must be accepted */
    ROW_REFUSE, /* binds: must be refused, for the reason expected */
    ROW_POLICY, /* left to implementers: our decision, as docs/conformance.md
                   has it, binds */
    ROW_LATER,  /* uses what we lack: must be refused by its name */
    ROW_DATA    /* nothing to judge */
};

/* What a row must come to. */
struct row_expectation {
    enum row_kind kind;
    enum selv_err err;    /* SELV_OK: accepted */
    enum selv_err or_err; /* as good; else the same */
    int32_t code;         /* of the failure; 0: whatever it is */
    enum selv_err behind; /* what an untagged envelope is refused for, once it
                             has its tag; SELV_OK: not asked */
    int32_t behind_code;
    char note[160]; /* for people */
};

/* What a row came to. */
struct row_result {
    enum selv_err err; /* SELV_OK: accepted */
    int32_t code;
    enum selv_err behind;
    int32_t behind_code;
    bool is_bootable; /* a bootloader accepts it, too */
};

struct rows {
    const char *folder; /* with suit/ in it */
    struct selv_cose_key anchors[3];
};

/* Read the keys that signed the vectors. False, with a message printed, when
 * they are not there. */
bool rows_open(struct rows *rows, const char *folder);

/* A file of suit/; static. Empty when there is none. */
struct selv_bytes rows_file(const struct rows *rows, const char *name);

void row_envelope_expect(const struct rows *rows, json_t *row,
                         struct row_expectation *e);
/* Whether the row has this command or parameter, and we do not. */
bool row_envelope_lacks(json_t *row, enum selv_err err, int32_t code);
void row_envelope_judge(const struct rows *rows, json_t *row,
                        struct row_result *result);

void row_cose_expect(const struct rows *rows, json_t *row,
                     struct row_expectation *e);
void row_cose_judge(const struct rows *rows, json_t *row,
                    struct row_result *result);

#endif
