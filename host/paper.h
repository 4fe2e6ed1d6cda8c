/* SPDX-License-Identifier: Apache-2.0
 *
 * host/paper.h - text for people: colours, short digests, wrapped lines. */
#ifndef SELV_HOST_PAPER_H
#define SELV_HOST_PAPER_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/* Columns that text for people keeps to where words allow it. */
#define SELV_PAPER_WIDTH 80

struct selv_paper {
    FILE *f;
    bool has_colours;
};

enum selv_ink {
    SELV_INK_PLAIN,
    SELV_INK_HEAD,
    SELV_INK_DIM,
    SELV_INK_OLD, /* and what fails */
    SELV_INK_NEW  /* and what is good */
};

/* Standard output is a terminal, not a dumb one, and nobody set NO_COLOR. */
bool selv_paper_has_colours(void);

/* The escape sequence, or an empty text where there are no colours. */
const char *selv_paper_ink(const struct selv_paper *p, enum selv_ink ink);

/* A value in words, without control characters, for the caller to free; ends
 * the program when there is no memory. */
char *selv_paper_words(json_t *value);

/* Cut runs of 40 hexadecimal digits and more to 16 and two dots, in place:
 * people compare the beginnings of digests. */
void selv_paper_shorten(char *text);

/* The same for two texts from malloc that are to be told apart: not where both
 * would look the same. */
void selv_paper_shorten_both(char **old, char **new);

/* Print text from column at on, then a line feed; further lines begin at column
 * indent. Breaks at blanks only. */
void selv_paper_wrap(const struct selv_paper *p, const char *text, size_t at,
                     size_t indent);

#endif
