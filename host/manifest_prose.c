/* SPDX-License-Identifier: Apache-2.0
 *
 * A description as prose: what a device will do, in order, with the draft's
 * command names beside it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/manifest_int.h"
#include "host/text.h"

/* What a command does, for the commands whose argument needs no telling. */
static const struct {
    const char *command;
    const char *sentence;
} sentences[] = {
    {"vendor-identifier", "Stop unless the device is of that vendor."},
    {"class-identifier", "Stop unless the device is of that class."},
    {"device-identifier", "Stop unless it is that very device."},
    {"image-match", "Stop unless the image there has that digest."},
    {"component-slot", "Go on only where the slot is that one."},
    {"check-content", "Stop unless the component holds that content."},
    {"abort", "Stop."},
    {"fetch", "Fetch the image from that URI."},
    {"write", "Write that content."},
    {"copy", "Copy the source component."},
    {"swap", "Swap with the source component."},
    {"invoke", "Run it."},
};

/* How override-parameters tells each parameter. */
static const struct {
    const char *parameter;
    const char *format;
} settings[] = {
    {"vendor-identifier", "the vendor is %s"},
    {"class-identifier", "the class is %s"},
    {"device-identifier", "the device is %s"},
    {"component-slot", "the slot is %s"},
    {"image-digest", "the image is %s"},
    {"image-size", "it has %s bytes"},
    {"uri", "the URI is %s"},
    {"source-component", "the source is component %s"},
    {"content", "the content is h'%s'"},
    {"invoke-args", "the arguments are h'%s'"},
    {"fetch-arguments", "the fetch arguments are h'%s'"},
    {"strict-order", "strict order is %s"},
    {"soft-failure", "soft failure is %s"},
    {"chunk-list", "a list of its chunks is %s"},
};

static void indent(FILE *f, int depth)
{
    fprintf(f, "%*s", depth * 3 + 2, "");
}

/* Text that anybody may have written must not steer the terminal, nor look
 * like a line of ours: control characters [Unicode Cc] become question marks.
 */
static void text_print(FILE *f, const char *text)
{
    while (*text != '\0') {
        size_t len = selv_text_control(text);

        fputc(len > 0 ? '?' : *text, f);
        text += len > 0 ? len : 1;
    }
}

/* A value in words; the result is the caller's to free. */
static char *value_words(json_t *value)
{
    const char *uuid = json_string_value(json_object_get(value, "uuid"));
    const char *from = json_string_value(json_object_get(value, "from"));
    const char *list = json_string_value(json_object_get(value, "sha256"));
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    if (f == NULL) {
        return NULL;
    }
    if (uuid != NULL && from != NULL) {
        fprintf(f, "%s (", uuid);
        text_print(f, from);
        fprintf(f, ")");
    } else if (uuid != NULL) {
        fprintf(f, "%s (no name known for it)", uuid);
    } else if (list != NULL) {
        fprintf(f, "sha-256 %s (%lld bytes)", list,
                (long long)json_integer_value(json_object_get(value, "size")));
    } else if (json_is_string(value)) {
        text_print(f, json_string_value(value));
    } else if (json_is_boolean(value)) {
        fprintf(f, "%s", json_is_true(value) ? "true" : "false");
    } else {
        json_dumpf(value, f, JSON_ENCODE_ANY);
    }
    fclose(f);
    return text;
}

static void parameters_print(FILE *f, json_t *parameters)
{
    const char *name;
    json_t *value;
    bool first = true;

    fprintf(f, "Note: ");
    json_object_foreach(parameters, name, value)
    {
        char *words = value_words(value);
        const char *format = NULL;

        for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
            if (strcmp(settings[i].parameter, name) == 0) {
                format = settings[i].format;
            }
        }
        fprintf(f, "%s", first ? "" : ", ");
        first = false;
        if (format == NULL) {
            fprintf(f, "parameter %s is %s", name, words);
        } else {
            const char *hole = strstr(format, "%s");
            fprintf(f, "%.*s%s%s", (int)(hole - format), format, words,
                    hole + 2);
        }
        free(words);
    }
    fprintf(f, ".");
}

/* "component 0 (app)", "components 0 (app) and 2 (b)", "every component" */
static void index_print(FILE *f, json_t *components, json_t *index)
{
    size_t count = json_is_array(index) ? json_array_size(index) : 1;

    if (json_is_true(index)) {
        fprintf(f, "every component, one after the other");
        return;
    }
    fprintf(f, count == 1 ? "component" : "components");
    for (size_t i = 0; i < count; i++) {
        json_t *number =
            json_is_array(index) ? json_array_get(index, i) : index;
        json_t *name = json_array_get(
            components,
            (size_t)(json_is_integer(number) && json_integer_value(number) >= 0
                         ? json_integer_value(number)
                         : -1));
        char *words = value_words(number);

        fprintf(f, "%s %s",
                i == 0          ? ""
                : i + 1 < count ? ","
                                : " and",
                words == NULL ? "?" : words);
        free(words);
        if (json_is_string(name)) {
            fprintf(f, " (");
            text_print(f, json_string_value(name));
            fprintf(f, ")");
        }
    }
}

static void sequence_print(FILE *f, json_t *components, json_t *sequence,
                           int depth);

static void sequences_print(FILE *f, json_t *components, json_t *sequences,
                            int depth)
{
    size_t i;
    json_t *sequence;

    json_array_foreach(sequences, i, sequence)
    {
        indent(f, depth);
        if (json_is_null(sequence)) {
            fprintf(f, "%c. or else nothing.\n", (char)('a' + i % 26));
            continue;
        }
        fprintf(f, "%c.\n", (char)('a' + i % 26));
        sequence_print(f, components, sequence, depth + 1);
    }
}

static const char *command_sentence(const char *name)
{
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        if (strcmp(sentences[i].command, name) == 0) {
            return sentences[i].sentence;
        }
    }
    return manifest_is_private((int32_t)atol(name))
               ? "A private command: only the device's port knows what it does."
               : "A command that we do not know.";
}

static void command_print(FILE *f, json_t *components, json_t *command,
                          size_t number, int depth)
{
    const char *name = json_string_value(json_object_get(command, "command"));
    const char *error = json_string_value(json_object_get(command, "error"));
    json_t *parameters = json_object_get(command, "parameters");
    json_t *sequences = json_object_get(command, "sequences");
    json_t *index = json_object_get(command, "index");

    indent(f, depth);
    if (error != NULL) {
        fprintf(f, "!! malformed from here on: %s\n", error);
        return;
    }
    fprintf(f, "%zu. ", number);
    if (parameters != NULL) {
        parameters_print(f, parameters);
    } else if (sequences != NULL) {
        fprintf(f, "%s",
                strcmp(name, "try-each") == 0
                    ? "Try these in turn until one succeeds:"
                    : "Do this:");
    } else if (index != NULL) {
        fprintf(f, "From here on, for ");
        index_print(f, components, index);
        fprintf(f, ":");
    } else {
        fprintf(f, "%s", command_sentence(name));
    }
    fprintf(f, "  [%s]\n", name);
    sequences_print(f, components, sequences, depth + 1);
}

static void sequence_print(FILE *f, json_t *components, json_t *sequence,
                           int depth)
{
    size_t i;
    json_t *command;

    json_array_foreach(sequence, i, command)
    {
        command_print(f, components, command, i + 1, depth);
    }
}

static void list_print(FILE *f, const char *label, json_t *list)
{
    size_t i;
    json_t *element;

    if (json_array_size(list) == 0) {
        return;
    }
    fprintf(f, "%-12s", label);
    json_array_foreach(list, i, element)
    {
        char *words = value_words(element);
        fprintf(f, "%s%s", i == 0 ? "" : ", ", words);
        free(words);
    }
    fprintf(f, "\n");
}

static void signatures_print(FILE *f, json_t *signatures)
{
    size_t i;
    json_t *block;

    if (json_array_size(signatures) == 0) {
        fprintf(f, "%-12snobody: every device refuses it until it is signed\n",
                "signed by");
    }
    json_array_foreach(signatures, i, block)
    {
        json_t *alg = json_object_get(block, "algorithm");
        const char *kid = json_string_value(json_object_get(block, "kid"));
        char *words =
            value_words(alg == NULL ? json_object_get(block, "kind") : alg);

        fprintf(f, "%-12s%s, key %s (not checked here: manifest verify does)\n",
                i == 0 ? "signed by" : "and by", words,
                kid == NULL ? "without id" : kid);
        free(words);
    }
}

static void texts_print(FILE *f, json_t *texts, int depth)
{
    const char *name;
    json_t *value;

    json_object_foreach(texts, name, value)
    {
        indent(f, depth);
        if (json_is_object(value)) {
            fprintf(f, "%s:\n", name);
            texts_print(f, value, depth + 1);
        } else {
            fprintf(f, "%s: ", name);
            text_print(f, json_string_value(value));
            fprintf(f, "\n");
        }
    }
}

static void head_print(FILE *f, json_t *d)
{
    json_t *number = json_object_get(d, "sequence_number");
    const char *digest = json_string_value(json_object_get(d, "digest"));
    const char *uri = json_string_value(json_object_get(d, "reference_uri"));
    json_int_t size = json_integer_value(json_object_get(d, "size"));
    json_int_t trailing = json_integer_value(json_object_get(d, "trailing"));

    if (json_is_string(number)) {
        fprintf(f, "%-12s%s\n", "sequence", json_string_value(number));
    } else {
        fprintf(f, "%-12s%lld\n", "sequence",
                (long long)json_integer_value(number));
    }
    fprintf(f, "%-12ssha-256 %s%s\n", "digest", digest,
            json_is_true(json_object_get(d, "digest_is_right"))
                ? ""
                : " as computed: damaged or forged");
    if (!json_is_true(json_object_get(d, "digest_is_right"))) {
        char *words = value_words(json_object_get(d, "digest_claimed"));

        fprintf(f, "%-12s%s, at byte %lld of the envelope\n", "but said is",
                words,
                (long long)json_integer_value(
                    json_object_get(d, "digest_claimed_at")));
        free(words);
    }
    fprintf(f, "%-12s%lld bytes\n", "envelope", (long long)size);
    if (trailing > 0) {
        fprintf(f,
                "%-12s%lld bytes behind the envelope, from byte %lld on: every "
                "device refuses it\n",
                "trailing", (long long)trailing, (long long)(size - trailing));
    }
    signatures_print(f, json_object_get(d, "signatures"));
    list_print(f, "components", json_object_get(d, "components"));
    list_print(f, "severed", json_object_get(d, "severed"));
    list_print(f, "taken out", json_object_get(d, "absent"));
    list_print(f, "unknown keys", json_object_get(d, "unknown_keys"));
    if (uri != NULL) {
        fprintf(f, "%-12s", "reference");
        text_print(f, uri);
        fprintf(f, "\n");
    }
}

/* When each section runs. */
static const struct {
    const char *section;
    const char *title;
} titles[] = {
    {"shared", "Before each of the following [shared sequence]"},
    {"payload-fetch", "To fetch [payload-fetch]"},
    {"install", "To install [install]"},
    {"validate", "To validate, after installing and at every boot [validate]"},
    {"load", "To load [load]"},
    {"invoke", "To run [invoke]"},
};

char *selv_manifest_prose(json_t *description)
{
    json_t *commands = json_object_get(description, "commands");
    json_t *text = json_object_get(description, "text");
    json_t *payloads = json_object_get(description, "payloads");
    const char *language;
    json_t *value;
    char *out = NULL;
    size_t len = 0;
    size_t i;
    FILE *f = open_memstream(&out, &len);

    if (f == NULL) {
        return NULL;
    }
    head_print(f, description);
    for (i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        json_t *sequence = json_object_get(commands, titles[i].section);

        if (sequence != NULL) {
            fprintf(f, "\n%s:\n", titles[i].title);
            sequence_print(f, json_object_get(description, "components"),
                           sequence, 0);
        }
    }
    json_object_foreach(text, language, value)
    {
        fprintf(f, "\nText (");
        text_print(f, language);
        fprintf(f, "), for people only:\n");
        texts_print(f, value, 0);
    }
    if (json_array_size(payloads) > 0) {
        fprintf(f, "\nIntegrated payloads:\n");
    }
    json_array_foreach(payloads, i, value)
    {
        fprintf(f, "  ");
        text_print(f, json_string_value(json_object_get(value, "name")));
        fprintf(f, ", %lld bytes\n",
                (long long)json_integer_value(json_object_get(value, "size")));
    }
    fclose(f);
    return out;
}
