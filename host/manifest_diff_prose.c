/* SPDX-License-Identifier: Apache-2.0
 *
 * Differences as text: what was is red and behind a minus, what is new green
 * and behind a plus. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/manifest_diff.h"
#include "host/paper.h"

enum {
    LABEL_WIDTH = 20,
    CONTEXT = 2, /* unchanged lines around a change */
    GAP_MIN = 3, /* fewer lines are not worth leaving out */
    DEPTH_MAX = 32
};

static enum selv_ink ink_of(char op)
{
    return op == '-' ? SELV_INK_OLD : op == '+' ? SELV_INK_NEW : SELV_INK_DIM;
}

static const char *colour(const struct selv_paper *p, char op)
{
    return selv_paper_ink(p, ink_of(op));
}

static const char *plain(const struct selv_paper *p)
{
    return selv_paper_ink(p, SELV_INK_PLAIN);
}

/* ---- facts --------------------------------------------------------------- */

static void side_print(const struct selv_paper *p, char op, const char *text)
{
    fprintf(p->f, "%s%c %s%s\n", colour(p, op), op, text, plain(p));
}

/* "label  old -> new" where that fits, else a line for each. */
static void change_print(const struct selv_paper *p, int indent, json_t *change)
{
    json_t *old = json_object_get(change, "old");
    json_t *new = json_object_get(change, "new");
    char *label = selv_paper_words(json_object_get(change, "what"));
    char *before = selv_paper_words(old);
    char *after = selv_paper_words(new);
    int pad = LABEL_WIDTH + indent;

    selv_paper_shorten_both(&before, &after);
    fprintf(p->f, "%*s%-*s ", indent, "", LABEL_WIDTH, label);
    if (strlen(label) > LABEL_WIDTH) {
        fprintf(p->f, "\n%*s", pad + 1, "");
    }
    if (json_is_null(old) || json_is_null(new)) {
        side_print(p, json_is_null(old) ? '+' : '-',
                   json_is_null(old) ? after : before);
    } else if ((size_t)pad + strlen(before) + strlen(after) + 5 <=
               SELV_PAPER_WIDTH) {
        fprintf(p->f, "%s%s%s -> %s%s%s\n", colour(p, '-'), before, plain(p),
                colour(p, '+'), after, plain(p));
    } else {
        side_print(p, '-', before);
        fprintf(p->f, "%*s", pad + 1, "");
        side_print(p, '+', after);
    }
    free(label);
    free(before);
    free(after);
}

/* Changes in a row that are of one thing stand below its name. */
static void changes_print(const struct selv_paper *p, json_t *changes)
{
    char *last = NULL;
    size_t i;
    json_t *change;

    json_array_foreach(changes, i, change)
    {
        json_t *of = json_object_get(change, "of");
        char *group = json_is_string(of) ? selv_paper_words(of) : strdup("");

        if (group == NULL) {
            abort();
        }
        if (last == NULL || strcmp(last, group) != 0) {
            fprintf(p->f, "\n");
        }
        if (group[0] != '\0' && (last == NULL || strcmp(last, group) != 0)) {
            fprintf(p->f, "%s%s%s\n", selv_paper_ink(p, SELV_INK_HEAD), group,
                    plain(p));
        }
        change_print(p, group[0] == '\0' ? 0 : 2, change);
        free(last);
        last = group;
    }
    free(last);
}

/* ---- commands ------------------------------------------------------------ */

static char op_of(json_t *line)
{
    return json_string_value(json_object_get(line, "op"))[0];
}

static size_t depth_of(json_t *line)
{
    size_t depth = (size_t)json_integer_value(json_object_get(line, "depth"));

    return depth < DEPTH_MAX ? depth : DEPTH_MAX - 1;
}

/* A parameter that changed is a line with a minus and, right behind it, one
 * with a plus: the other one of the two, NULL when the line stands alone. */
static json_t *partner_of(json_t *lines, size_t i)
{
    json_t *line = json_array_get(lines, i);
    size_t other = op_of(line) == '-' ? i + 1 : i - 1;
    json_t *partner = json_array_get(lines, other);
    json_t *name = json_object_get(line, "parameter");

    if (name == NULL || partner == NULL || op_of(line) == ' ' ||
        op_of(partner) == ' ' || op_of(partner) == op_of(line) ||
        depth_of(partner) != depth_of(line) ||
        !json_equal(name, json_object_get(partner, "parameter"))) {
        return NULL;
    }
    return partner;
}

/* What stands behind the name, for the command or parameter that it is. */
static void line_value_print(FILE *f, json_t *line, json_t *partner)
{
    const char *command = json_string_value(json_object_get(line, "command"));
    json_t *value = json_object_get(line, "value");
    char *text;
    char *other;

    if (json_is_null(value)) {
        return;
    }
    text = selv_paper_words(value);
    other = selv_paper_words(
        partner == NULL ? json_null() : json_object_get(partner, "value"));
    selv_paper_shorten_both(&text, &other);
    if (command != NULL && strcmp(command, "set-component-index") != 0 &&
        json_is_integer(value)) {
        fprintf(f, " (policy %s)", text);
    } else {
        fprintf(f, " %s", text);
    }
    free(text);
    free(other);
}

static void line_print(const struct selv_paper *p, json_t *lines, size_t i)
{
    json_t *line = json_array_get(lines, i);
    json_t *alternative = json_object_get(line, "alternative");
    json_t *name = json_object_get(line, "command");
    char op = op_of(line);
    char *text;

    name = name != NULL ? name : json_object_get(line, "parameter");
    text = selv_paper_words(alternative != NULL ? alternative : name);
    fprintf(p->f, "%s%c %*s%s%s", colour(p, op), op, (int)(2 * depth_of(line)),
            "", alternative != NULL ? "sequence " : "", text);
    line_value_print(p->f, line, partner_of(lines, i));
    fprintf(p->f, "%s\n", plain(p));
    free(text);
}

/* Lines to print: changes, some around them, and what they are nested in.
 * NULL when there is no memory. */
static bool *lines_choose(json_t *lines)
{
    size_t count = json_array_size(lines);
    bool *is_kept = calloc(count + 1, sizeof(*is_kept));
    size_t above[DEPTH_MAX] = {0};

    for (size_t i = 0; is_kept != NULL && i < count; i++) {
        json_t *line = json_array_get(lines, i);
        size_t depth = depth_of(line);

        above[depth] = i;
        if (op_of(line) == ' ') {
            continue;
        }
        for (size_t k = 0; k < depth; k++) {
            is_kept[above[k]] = true;
        }
        for (size_t k = i < CONTEXT ? 0 : i - CONTEXT;
             k <= i + CONTEXT && k < count; k++) {
            is_kept[k] = true;
        }
    }
    for (size_t i = 0, gap = 0; is_kept != NULL && i <= count; i++) {
        if (i < count && !is_kept[i]) {
            gap++;
            continue;
        }
        while (gap > 0 && gap < GAP_MIN) {
            is_kept[i - gap--] = true;
        }
        gap = 0;
    }
    return is_kept;
}

static void section_print(const struct selv_paper *p, json_t *section)
{
    json_t *lines = json_object_get(section, "lines");
    const char *change = json_string_value(json_object_get(section, "change"));
    size_t count = json_array_size(lines);
    bool *is_kept = lines_choose(lines);
    size_t skipped = 0;

    fprintf(p->f, "\n%s%s%s%s%s\n", selv_paper_ink(p, SELV_INK_HEAD),
            json_string_value(json_object_get(section, "section")),
            strcmp(change, "changed") == 0 ? "" : ", ",
            strcmp(change, "changed") == 0 ? "" : change, plain(p));
    for (size_t i = 0; is_kept != NULL && i <= count; i++) {
        if (i < count && !is_kept[i]) {
            skipped++;
            continue;
        }
        if (skipped > 0) {
            fprintf(p->f, "%s  .. %zu lines the same%s\n", colour(p, ' '),
                    skipped, plain(p));
        }
        skipped = 0;
        if (i < count) {
            line_print(p, lines, i);
        }
    }
    free(is_kept);
}

/* ---- the whole ----------------------------------------------------------- */

static void head_print(const struct selv_paper *p, json_t *diff)
{
    char *old =
        selv_paper_words(json_object_get(json_object_get(diff, "old"), "file"));
    char *new =
        selv_paper_words(json_object_get(json_object_get(diff, "new"), "file"));

    fprintf(p->f, "%s--- %s%s\n%s+++ %s%s\n", colour(p, '-'), old, plain(p),
            colour(p, '+'), new, plain(p));
    free(old);
    free(new);
}

char *selv_manifest_diff_prose(json_t *diff, bool has_colours)
{
    json_t *changes = json_object_get(diff, "changes");
    json_t *sections = json_object_get(diff, "sections");
    struct selv_paper p = {NULL, has_colours};
    char *out = NULL;
    size_t len = 0;
    size_t i;
    json_t *section;

    p.f = open_memstream(&out, &len);
    if (p.f == NULL) {
        return NULL;
    }
    if (json_is_false(json_object_get(diff, "same"))) {
        head_print(&p, diff);
        changes_print(&p, changes);
        json_array_foreach(sections, i, section)
        {
            section_print(&p, section);
        }
        if (json_array_size(changes) + json_array_size(sections) == 0) {
            fprintf(p.f,
                    "\nBoth say the same in other bytes, from byte %lld on.\n",
                    (long long)json_integer_value(
                        json_object_get(diff, "same_until")));
        } else if (json_is_true(json_object_get(diff, "same_manifest"))) {
            fprintf(p.f, "\nThe signed manifest is the same; only what "
                         "surrounds it differs.\n");
        }
    }
    return fclose(p.f) == 0 ? out : NULL;
}
