/* SPDX-License-Identifier: Apache-2.0
 *
 * A story as text: a line for each command that ran, in the order in which
 * they ran, with the sequences that they are nested in around them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/manifest_simulate.h"
#include "host/paper.h"

enum {
    WHY_COLUMN = 34, /* where reasons begin */
    NAME_COLUMN = 8  /* where names of commands begin */
};

static const char *text_of(json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text == NULL ? "" : text;
}

static bool is_set(json_t *object, const char *member)
{
    return json_is_true(json_object_get(object, member));
}

static json_int_t number_of(json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

static void head_print(const struct selv_paper *p, const char *text)
{
    fprintf(p->f, "\n%s%s%s\n", selv_paper_ink(p, SELV_INK_HEAD), text,
            selv_paper_ink(p, SELV_INK_PLAIN));
}

/* "*   12  name" and, from WHY_COLUMN on, the reason. */
static void line_print(const struct selv_paper *p, bool is_reported,
                       json_int_t offset, size_t depth, const char *name,
                       enum selv_ink ink, char *why)
{
    size_t indent = NAME_COLUMN + 2 * depth;
    size_t at = indent + strlen(name);

    fprintf(p->f, "%c %5lld%*s%s%s", is_reported ? '*' : ' ', (long long)offset,
            (int)(indent - 7), "", selv_paper_ink(p, ink), name);
    if (why != NULL && why[0] != '\0') {
        size_t column = at + 2 > WHY_COLUMN ? at + 2 : WHY_COLUMN;

        selv_paper_shorten(why);
        fprintf(p->f, "%*s", (int)(column - at), "");
        selv_paper_wrap(p, why, column, WHY_COLUMN + 2);
    } else {
        fputc('\n', p->f);
    }
    fputs(selv_paper_ink(p, SELV_INK_PLAIN), p->f);
}

/* ---- nesting ------------------------------------------------------------- */

/* How many of the sequences that two commands are nested in are the same. */
static size_t common_depth(json_t *a, json_t *b)
{
    size_t depth = 0;

    while (depth < json_array_size(a) &&
           json_equal(json_array_get(a, depth), json_array_get(b, depth))) {
        depth++;
    }
    return depth;
}

/* Columns of the commands in the sequences of a path, in steps of 2. */
static size_t depth_of(json_t *path, size_t count)
{
    size_t depth = 0;

    for (size_t i = 0; i < count; i++) {
        depth +=
            strcmp(text_of(json_array_get(path, i), "command"), "try-each") == 0
                ? 2
                : 1;
    }
    return depth;
}

/* The sequences that the next command is in and the last one was not. */
static void path_print(const struct selv_paper *p, json_t *open, json_t *path)
{
    size_t common = common_depth(open, path);

    for (size_t i = common; i < json_array_size(path); i++) {
        json_t *level = json_array_get(path, i);
        json_t *before = json_array_get(open, i);
        size_t depth = depth_of(path, i);
        bool is_try = strcmp(text_of(level, "command"), "try-each") == 0;
        bool is_next =
            i == common && is_try && before != NULL &&
            number_of(before, "offset") == number_of(level, "offset");

        if (!is_next) {
            line_print(p, false, number_of(level, "offset"), depth,
                       text_of(level, "command"), SELV_INK_PLAIN, NULL);
        }
        if (is_try) {
            fprintf(p->f, "%*ssequence %lld%s\n",
                    (int)(NAME_COLUMN + 2 * depth + 2), "",
                    (long long)number_of(level, "sequence"),
                    is_next ? ", since the one before failed" : "");
        }
    }
}

/* ---- steps --------------------------------------------------------------- */

/* "app: fails: the device's slot is 1, the manifest wants 0" */
static char *reason_of(json_t *step)
{
    json_t *id = json_object_get(step, "id");
    const char *why = text_of(step, "why");
    bool is_index =
        strcmp(text_of(step, "command"), "set-component-index") == 0;
    json_t *text;
    char *words;

    text = json_sprintf(
        "%s%s%s%s", is_index || !json_is_string(id) ? "" : text_of(step, "id"),
        is_index || !json_is_string(id) ? "" : ": ",
        is_set(step, "ok") ? "" : "fails: ", why);
    words = selv_paper_words(text);
    json_decref(text);
    return words;
}

static void step_print(const struct selv_paper *p, json_t *step)
{
    const char *command = text_of(step, "command");
    bool is_end = strcmp(command, "try-each") == 0 ||
                  strcmp(command, "run-sequence") == 0;
    char name[48];
    char *why = reason_of(step);
    json_t *path = json_object_get(step, "path");

    snprintf(name, sizeof(name), "%s%s", is_end ? "end of " : "", command);
    line_print(p, is_set(step, "reported"), number_of(step, "offset"),
               depth_of(path, json_array_size(path)), name,
               is_set(step, "ok") ? SELV_INK_PLAIN : SELV_INK_OLD, why);
    free(why);
}

/* "install", or "shared sequence, before install" */
static void section_print(const struct selv_paper *p, json_t *steps, size_t at)
{
    const char *section = text_of(json_array_get(steps, at), "section");
    size_t next = at;
    char head[64];

    while (next < json_array_size(steps) &&
           strcmp(text_of(json_array_get(steps, next), "section"), "shared") ==
               0) {
        next++;
    }
    if (next == at) {
        snprintf(head, sizeof(head), "  %s", section);
    } else if (next < json_array_size(steps)) {
        snprintf(head, sizeof(head), "  shared sequence, before %s",
                 text_of(json_array_get(steps, next), "section"));
    } else {
        snprintf(head, sizeof(head), "  shared sequence");
    }
    head_print(p, head);
}

/* The steps of one run of a section, from at on. */
static size_t run_len(json_t *steps, size_t at)
{
    const char *section = text_of(json_array_get(steps, at), "section");
    size_t len = 0;

    while (at + len < json_array_size(steps) &&
           strcmp(text_of(json_array_get(steps, at + len), "section"),
                  section) == 0) {
        len++;
    }
    return len;
}

/* Two runs of the shared sequence, of len commands each. */
static bool is_same_run(json_t *steps, size_t a, size_t b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!json_equal(json_array_get(steps, a + i),
                        json_array_get(steps, b + i))) {
            return false;
        }
    }
    return true;
}

static void run_print(const struct selv_paper *p, json_t *steps, size_t at,
                      size_t len)
{
    json_t *open = NULL;

    for (size_t i = at; i < at + len; i++) {
        json_t *step = json_array_get(steps, i);

        path_print(p, open, json_object_get(step, "path"));
        step_print(p, step);
        open = json_object_get(step, "path");
    }
}

static void steps_print(const struct selv_paper *p, json_t *steps)
{
    size_t shared = 0; /* where the shared sequence ran last */
    size_t shared_len = 0;
    size_t len;

    for (size_t at = 0; at < json_array_size(steps); at += len) {
        len = run_len(steps, at);
        section_print(p, steps, at);
        if (len == shared_len && is_same_run(steps, shared, at, len)) {
            fprintf(p->f, "        as before: %zu command%s\n", len,
                    len == 1 ? "" : "s");
        } else {
            run_print(p, steps, at, len);
        }
        if (strcmp(text_of(json_array_get(steps, at), "section"), "shared") ==
            0) {
            shared = at;
            shared_len = len;
        }
    }
}

/* ---- the whole ----------------------------------------------------------- */

static void procedure_print(const struct selv_paper *p, json_t *procedure)
{
    const char *result = text_of(procedure, "result");
    bool is_done = strcmp(result, "done") == 0;
    size_t steps = json_array_size(json_object_get(procedure, "steps"));
    char *why = selv_paper_words(json_object_get(procedure, "reason"));
    char head[64];

    snprintf(head, sizeof(head), "%s (profile %s)",
             text_of(procedure, "procedure"), text_of(procedure, "profile"));
    head_print(p, head);
    steps_print(p, json_object_get(procedure, "steps"));
    fprintf(p->f, "\n  %s%s%s",
            selv_paper_ink(p, is_done ? SELV_INK_NEW : SELV_INK_OLD), result,
            selv_paper_ink(p, SELV_INK_PLAIN));
    if (is_done) {
        fprintf(p->f, ", %zu command%s", steps, steps == 1 ? "" : "s");
    } else {
        fprintf(p->f, ": ");
        selv_paper_wrap(p, why, 4 + strlen(result), 4);
    }
    if (number_of(procedure, "reported") > 0) {
        fprintf(p->f,
                is_done ? "; %lld for the report, by their policies (*)\n"
                        : "  %lld for the report, by their policies (*)\n",
                (long long)number_of(procedure, "reported"));
    } else if (is_done) {
        fputc('\n', p->f);
    }
    if (number_of(procedure, "steps_lost") > 0) {
        fprintf(p->f, "  %lld more commands are not told\n",
                (long long)number_of(procedure, "steps_lost"));
    }
    free(why);
}

static void component_print(const struct selv_paper *p, json_t *component)
{
    char *id = selv_paper_words(json_object_get(component, "id"));
    json_t *size = json_object_get(component, "size");
    char *digest = selv_paper_words(json_object_get(component, "digest"));
    bool is_changed = is_set(component, "changed");

    selv_paper_shorten(digest);
    fprintf(p->f, "  %-20s slot %lld  %s%s", id,
            (long long)number_of(component, "slot"),
            selv_paper_ink(p, is_changed ? SELV_INK_NEW : SELV_INK_PLAIN),
            is_changed ? "now     " : "as was  ");
    if (is_set(component, "empty")) {
        fprintf(p->f, "nothing");
    } else {
        if (size != NULL) {
            fprintf(p->f, "%lld bytes, ", (long long)json_integer_value(size));
        }
        fprintf(p->f, "sha-256 %s",
                json_object_get(component, "digest") == NULL ? "not known"
                                                             : digest);
    }
    fprintf(p->f, "%s\n", selv_paper_ink(p, SELV_INK_PLAIN));
    free(id);
    free(digest);
}

static void end_print(const struct selv_paper *p, json_t *story)
{
    json_t *invoked = json_object_get(story, "invoked");
    size_t i;
    json_t *component;

    head_print(p, "afterwards");
    json_array_foreach(json_object_get(story, "state"), i, component)
    {
        component_print(p, component);
    }
    if (json_is_string(invoked)) {
        char *id = selv_paper_words(invoked);

        fprintf(p->f, "  the device runs %s\n", id);
        free(id);
    }
}

char *selv_manifest_simulate_prose(json_t *story, bool has_colours)
{
    struct selv_paper p = {NULL, has_colours};
    json_t *sequence = json_object_get(story, "sequence_number");
    json_t *signer = json_object_get(story, "signed_by");
    char *out = NULL;
    size_t len = 0;
    size_t i;
    json_t *procedure;

    p.f = open_memstream(&out, &len);
    if (p.f == NULL) {
        return NULL;
    }
    if (sequence != NULL) {
        char *number = selv_paper_words(sequence);
        json_t *text = json_sprintf("sequence number %s, sha-256 %s%s%s",
                                    number, text_of(story, "digest"),
                                    signer == NULL ? "" : ", verified with ",
                                    text_of(story, "signed_by"));
        char *words = selv_paper_words(text);

        free(number);
        selv_paper_shorten(words);
        selv_paper_wrap(&p, words, 0, 2);
        free(words);
        json_decref(text);
    }
    if (sequence == NULL) {
        fprintf(p.f, "not verified: nothing in it is believed\n");
    }
    json_array_foreach(json_object_get(story, "procedures"), i, procedure)
    {
        procedure_print(&p, procedure);
    }
    end_print(&p, story);
    return fclose(p.f) == 0 ? out : NULL;
}
