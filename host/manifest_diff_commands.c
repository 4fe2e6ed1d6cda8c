/* SPDX-License-Identifier: Apache-2.0
 *
 * Two command sequences as one: commands alike in pairs, by the longest common
 * subsequence weighted by likeness, and what is nested in them the same way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/manifest_diff_int.h"

enum { TABLE_MAX = 1 << 16 }; /* cells of one comparison */

static const char *command_name(json_t *command)
{
    const char *name = json_string_value(json_object_get(command, "command"));

    return name == NULL ? "error" : name;
}

/* What stands behind a command's name: its policy, index or argument. */
static json_t *command_value(json_t *command)
{
    static const char *const members[] = {"policy", "index", "argument",
                                          "error"};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_t *value = json_object_get(command, members[i]);

        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}

/* One line: op is ' ', '-' or '+'. kind says what name is. */
static void line_add(json_t *lines, char op, size_t depth, const char *kind,
                     const char *name, json_t *value)
{
    json_array_append_new(
        lines, json_pack("{s:s#, s:I, s:s, s:o}", "op", &op, (size_t)1, "depth",
                         (json_int_t)depth, kind, name, "value",
                         manifest_diff_or_null(value)));
}

static void alternative_line(json_t *lines, char op, size_t depth,
                             json_t *sequence, size_t number)
{
    char name[32];

    snprintf(name, sizeof(name), "%zu%s", number + 1,
             json_is_null(sequence) ? ": nil" : "");
    line_add(lines, op, depth, "alternative", name, NULL);
}

/* A command with all that is in it. */
static void command_lines(json_t *lines, char op, size_t depth, json_t *command)
{
    const char *name;
    json_t *value;
    json_t *sequence;
    size_t i;
    size_t n;

    line_add(lines, op, depth, "command", command_name(command),
             command_value(command));
    json_object_foreach(json_object_get(command, "parameters"), name, value)
    {
        line_add(lines, op, depth + 1, "parameter", name, value);
    }
    json_array_foreach(json_object_get(command, "sequences"), i, sequence)
    {
        alternative_line(lines, op, depth + 1, sequence, i);
        json_array_foreach(sequence, n, value)
        {
            command_lines(lines, op, depth + 2, value);
        }
    }
}

static void parameters_lines(json_t *lines, size_t depth, json_t *old,
                             json_t *new)
{
    const char *name;
    json_t *value;

    json_object_foreach(old, name, value)
    {
        json_t *other = json_object_get(new, name);

        if (manifest_diff_is_equal(value, other)) {
            line_add(lines, ' ', depth, "parameter", name, value);
            continue;
        }
        line_add(lines, '-', depth, "parameter", name, value);
        if (other != NULL) {
            line_add(lines, '+', depth, "parameter", name, other);
        }
    }
    json_object_foreach(new, name, value)
    {
        if (json_object_get(old, name) == NULL) {
            line_add(lines, '+', depth, "parameter", name, value);
        }
    }
}

/* Of two sequences: commands of the same name, and the same ones, in their
 * first few; so that an alternative that was put before others is seen. */
static int sequences_likeness(json_t *a, json_t *b)
{
    enum { FIRST = 8, LIKE_MAX = 14 };
    int like = 1;

    for (size_t i = 0; i < FIRST && i < json_array_size(a); i++) {
        json_t *left = json_array_get(a, i);
        int most = 0;

        for (size_t j = 0; j < FIRST && j < json_array_size(b); j++) {
            json_t *right = json_array_get(b, j);

            if (strcmp(command_name(left), command_name(right)) == 0) {
                int found = json_equal(left, right) ? 2 : 1;
                most = found > most ? found : most;
            }
        }
        like += most;
    }
    return like < LIKE_MAX ? like : LIKE_MAX;
}

/* How well two elements of a list fit: 0 not at all. Elements are commands, or
 * the sequences of a try-each. */
static int likeness(json_t *a, json_t *b)
{
    json_t *old = json_object_get(a, "parameters");
    json_t *new = json_object_get(b, "parameters");
    const char *name;
    json_t *value;
    int shared = 0;

    if (json_equal(a, b)) {
        return 16;
    }
    if (!json_is_object(a) || !json_is_object(b)) {
        return json_is_null(a) || json_is_null(b) ? 0
                                                  : sequences_likeness(a, b);
    }
    if (strcmp(command_name(a), command_name(b)) != 0) {
        return 0;
    }
    if (old == NULL || new == NULL) {
        return json_object_get(a, "index") == NULL ? 2 : 1;
    }
    json_object_foreach(old, name, value)
    {
        shared += json_object_get(new, name) != NULL && shared < 10;
    }
    return shared;
}

static void pair_lines(json_t *lines, size_t depth, json_t *old, json_t *new);

/* The elements of two lists, those alike in pairs, by the longest common
 * subsequence weighted by likeness. */
static void lists_lines(json_t *lines, size_t depth, json_t *old, json_t *new,
                        void (*emit)(json_t *lines, size_t depth, json_t *old,
                                     json_t *new, size_t i, size_t j))
{
    size_t n = json_array_size(old);
    size_t m = json_array_size(new);
    size_t i = 0;
    size_t j = 0;
    int *best = NULL; /* best[i * (m + 1) + j]: from i and j to the ends */

    if (n == 0 || m == 0 || n + 1 <= TABLE_MAX / (m + 1)) {
        best = calloc((n + 1) * (m + 1), sizeof(*best));
    }
    for (i = n; best != NULL && i-- > 0;) {
        for (j = m; j-- > 0;) {
            int *here = &best[i * (m + 1) + j];
            int like = likeness(json_array_get(old, i), json_array_get(new, j));

            *here = here[1] > here[m + 1] ? here[1] : here[m + 1];
            if (like > 0 && like + here[m + 2] > *here) {
                *here = like + here[m + 2];
            }
        }
    }
    for (i = 0, j = 0; i < n || j < m;) {
        json_t *a = i < n ? json_array_get(old, i) : NULL;
        json_t *b = j < m ? json_array_get(new, j) : NULL;
        const int *here = best == NULL ? NULL : &best[i * (m + 1) + j];

        if (a != NULL && b != NULL &&
            (here == NULL || *here == likeness(a, b) + here[m + 2]) &&
            likeness(a, b) > 0) {
            emit(lines, depth, a, b, i++, j++);
        } else if (a != NULL &&
                   (b == NULL || here == NULL || *here == here[m + 1])) {
            emit(lines, depth, a, NULL, i++, 0);
        } else {
            emit(lines, depth, NULL, b, 0, j++);
        }
    }
    free(best);
}

static void command_emit(json_t *lines, size_t depth, json_t *old, json_t *new,
                         size_t i, size_t j)
{
    (void)i;
    (void)j;
    if (old != NULL && new != NULL) {
        pair_lines(lines, depth, old, new);
    } else {
        command_lines(lines, old != NULL ? '-' : '+', depth,
                      old != NULL ? old : new);
    }
}

static void alternative_emit(json_t *lines, size_t depth, json_t *old,
                             json_t *new, size_t i, size_t j)
{
    size_t n;
    json_t *command;
    json_t *only = old != NULL ? old : new;

    if (old != NULL && new != NULL) {
        alternative_line(lines, ' ', depth, new, j);
        lists_lines(lines, depth + 1, old, new, command_emit);
        return;
    }
    alternative_line(lines, old != NULL ? '-' : '+', depth, only,
                     old != NULL ? i : j);
    json_array_foreach(only, n, command)
    {
        command_lines(lines, old != NULL ? '-' : '+', depth + 1, command);
    }
}

/* Two commands of one name. */
static void pair_lines(json_t *lines, size_t depth, json_t *old, json_t *new)
{
    json_t *value = command_value(new);
    bool is_same = manifest_diff_is_equal(command_value(old), value);

    if (json_equal(old, new)) {
        command_lines(lines, ' ', depth, new);
        return;
    }
    if (!is_same) {
        line_add(lines, '-', depth, "command", command_name(old),
                 command_value(old));
    }
    line_add(lines, is_same ? ' ' : '+', depth, "command", command_name(new),
             value);
    parameters_lines(lines, depth + 1, json_object_get(old, "parameters"),
                     json_object_get(new, "parameters"));
    lists_lines(lines, depth + 1, json_object_get(old, "sequences"),
                json_object_get(new, "sequences"), alternative_emit);
}

json_t *manifest_diff_commands(json_t *old, json_t *new)
{
    json_t *lines = json_array();

    lists_lines(lines, 0, old, new, command_emit);
    return lines;
}
