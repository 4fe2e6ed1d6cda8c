/* SPDX-License-Identifier: Apache-2.0 */
#include "host/paper.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/text.h"

enum {
    DIGITS_MIN = 40, /* longer runs of hexadecimal digits are shortened */
    DIGITS_KEPT = 16 /* to this many */
};

bool selv_paper_has_colours(void)
{
    const char *no = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    return (no == NULL || no[0] == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0) &&
           isatty(STDOUT_FILENO);
}

const char *selv_paper_ink(const struct selv_paper *p, enum selv_ink ink)
{
    static const char *const inks[] = {
        [SELV_INK_PLAIN] = "\033[0m", [SELV_INK_HEAD] = "\033[1m",
        [SELV_INK_DIM] = "\033[2m",   [SELV_INK_OLD] = "\033[31m",
        [SELV_INK_NEW] = "\033[32m",
    };

    return p->has_colours ? inks[ink] : "";
}

/* ---- values -------------------------------------------------------------- */

static void value_print(FILE *f, json_t *value);

static void members_print(FILE *f, json_t *object)
{
    const char *name;
    json_t *value;
    bool is_first = true;

    json_object_foreach(object, name, value)
    {
        fprintf(f, "%s%s ", is_first ? "" : ", ", name);
        value_print(f, value);
        is_first = false;
    }
}

static void value_print(FILE *f, json_t *value)
{
    const char *uuid = json_string_value(json_object_get(value, "uuid"));
    const char *from = json_string_value(json_object_get(value, "from"));
    size_t i;
    json_t *element;

    if (uuid != NULL) {
        fprintf(f, from == NULL ? "%s" : "%s (%s)", uuid, from);
    } else if (json_is_string(value)) {
        fputs(json_string_value(value), f);
    } else if (json_is_object(value)) {
        members_print(f, value);
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, element)
        {
            fputs(i == 0 ? "" : ", ", f);
            value_print(f, element);
        }
    } else {
        json_dumpf(value, f, JSON_ENCODE_ANY);
    }
}

char *selv_paper_words(json_t *value)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    if (f == NULL) {
        abort();
    }
    value_print(f, value);
    if (fclose(f) != 0) {
        abort();
    }
    selv_text_clean(text);
    return text;
}

/* ---- digits -------------------------------------------------------------- */

static bool is_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

void selv_paper_shorten(char *text)
{
    char *to = text;

    while (*text != '\0') {
        size_t run = 0;

        while (is_digit(text[run])) {
            run++;
        }
        if (run < DIGITS_MIN) {
            run = run == 0 ? 1 : run;
            memmove(to, text, run);
            to += run;
        } else {
            memmove(to, text, DIGITS_KEPT);
            memcpy(to + DIGITS_KEPT, "..", 2);
            to += DIGITS_KEPT + 2;
        }
        text += run;
    }
    *to = '\0';
}

void selv_paper_shorten_both(char **old, char **new)
{
    char *a = strdup(*old);
    char *b = strdup(*new);

    if (a == NULL || b == NULL) {
        abort();
    }
    selv_paper_shorten(a);
    selv_paper_shorten(b);
    if (strcmp(a, b) == 0) {
        free(a);
        free(b);
        return;
    }
    free(*old);
    free(*new);
    *old = a;
    *new = b;
}

/* ---- lines --------------------------------------------------------------- */

void selv_paper_wrap(const struct selv_paper *p, const char *text, size_t at,
                     size_t indent)
{
    bool is_first = true;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (!is_first && at + 1 + len > SELV_PAPER_WIDTH) {
            fprintf(p->f, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!is_first) {
            fputc(' ', p->f);
            at++;
        }
        fwrite(text, 1, len, p->f);
        at += len;
        text += len;
        text += *text == ' ';
        is_first = false;
    }
    fputc('\n', p->f);
}
