/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands, their arguments, and sequences of them. */
#include "host/manifest_build_int.h"

enum { POLICY_ALL = 15, POLICY_SOME = 5, POLICY_FAILURE = 2 };

uint64_t manifest_policy_default(enum manifest_shape shape)
{
    return shape == WORD_POLICY_SOME      ? POLICY_SOME
           : shape == WORD_POLICY_FAILURE ? POLICY_FAILURE
                                          : POLICY_ALL;
}

static bool parameter_put(const struct build *b, const struct place *at,
                          const char *key, json_t *value,
                          struct selv_cbor_writer *w)
{
    const struct manifest_word *word;
    int32_t code;

    if (!build_word_find(b, at->up, manifest_parameters, key, "parameter",
                         &code, &word)) {
        return false;
    }
    selv_cbor_put_int(w, code);
    return word == NULL ? private_value_put(b, at, value, w)
                        : parameter_value_put(b, at, word->shape, value, w);
}

static bool parameters_put(const struct build *b, const struct place *at,
                           json_t *object, struct selv_cbor_writer *w)
{
    struct pairs pairs = {NULL, 0, 0};
    bool done;

    if (!json_is_object(object) ||
        (json_object_size(object) == 0 && !b->is_unchecked)) {
        return build_wrong(b, at, "give an object of parameters");
    }
    done = pairs_members_add(b, at, object, parameter_put, &pairs) &&
           pairs_put(b, at, &pairs, w);
    pairs_close(&pairs);
    return done;
}

static bool try_each_put(const struct build *b, const struct place *at,
                         json_t *list, struct selv_cbor_writer *w)
{
    size_t count = json_array_size(list);
    size_t i;
    json_t *sequence;

    if (!json_is_array(list) || (count < 2 && !b->is_unchecked)) {
        return build_wrong(b, at, "give at least two sequences");
    }
    selv_cbor_put_array(w, count);
    json_array_foreach(list, i, sequence)
    {
        struct place here = place_element(at, i);

        if (json_is_null(sequence)) {
            if ((i + 1 < count || count < 3) && !b->is_unchecked) {
                return build_wrong(
                    b, &here, "null may only stand last, behind two sequences");
            }
            selv_cbor_put_null(w);
        } else if (!sequence_put(b, &here, sequence, w)) {
            return false;
        }
    }
    return true;
}

static bool index_one_put(const struct build *b, const struct place *at,
                          json_t *value, struct selv_cbor_writer *w)
{
    size_t count = json_array_size(json_object_get(b->template, "components"));

    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        ((uint64_t)json_integer_value(value) >= count && !b->is_unchecked)) {
        return build_wrong(b, at,
                           "give the number of a component (0 to %zu), a list "
                           "of them, or true",
                           count == 0 ? 0 : count - 1);
    }
    selv_cbor_put_uint(w, (uint64_t)json_integer_value(value));
    return true;
}

static bool index_put(const struct build *b, const struct place *at,
                      json_t *value, struct selv_cbor_writer *w)
{
    size_t i;
    json_t *element;

    if (json_is_true(value)) {
        selv_cbor_put_bool(w, true);
        return true;
    }
    if (!json_is_array(value)) {
        return index_one_put(b, at, value, w);
    }
    if (json_array_size(value) == 0 && !b->is_unchecked) {
        return build_wrong(b, at, "the list names no component");
    }
    selv_cbor_put_array(w, json_array_size(value));
    json_array_foreach(value, i, element)
    {
        struct place here = place_element(at, i);

        if (!index_one_put(b, &here, element, w)) {
            return false;
        }
    }
    return true;
}

static bool policy_put(const struct build *b, const struct place *at,
                       enum manifest_shape shape, json_t *value,
                       struct selv_cbor_writer *w)
{
    uint64_t policy = manifest_policy_default(shape);

    if (value != NULL) {
        if (!json_is_integer(value) || json_integer_value(value) < 0 ||
            json_integer_value(value) > POLICY_ALL) {
            return build_wrong(b, at,
                               "a reporting policy is a number, 0 to 15");
        }
        policy = (uint64_t)json_integer_value(value);
    }
    selv_cbor_put_uint(w, policy);
    return true;
}

/* A command is its name, or an object with its name and argument. */
static bool command_put(const struct build *b, const struct place *up,
                        json_t *command, struct selv_cbor_writer *w)
{
    const char *name = json_string_value(command);
    json_t *value = NULL;
    const struct manifest_word *word;
    struct place at;
    int32_t code;

    if (json_object_size(command) == 1) {
        void *member = json_object_iter(command);
        name = json_object_iter_key(member);
        value = json_object_iter_value(member);
    }
    if (name == NULL) {
        return build_wrong(b, up,
                           "a command is a name, or an object of one member");
    }
    if (!build_word_find(b, up, manifest_commands, name, "command", &code,
                         &word)) {
        return false;
    }
    at = place_member(up, name);
    selv_cbor_put_int(w, code);
    if (value_is_raw(value)) {
        return raw_put(b, &at, value, manifest_is_private(code), w);
    }
    switch (word == NULL ? WORD_POLICY_ALL : word->shape) {
    case WORD_INDEX:
        return index_put(b, &at, value, w);
    case WORD_TRY_EACH:
        return try_each_put(b, &at, value, w);
    case WORD_PARAMETERS:
        return parameters_put(b, &at, value, w);
    case WORD_SEQUENCE:
        return sequence_put(b, &at, value, w);
    default:
        return policy_put(b, &at, word == NULL ? WORD_POLICY_ALL : word->shape,
                          value, w);
    }
}

bool sequence_put(const struct build *b, const struct place *at,
                  json_t *sequence, struct selv_cbor_writer *w)
{
    struct piece piece;
    size_t i;
    json_t *command;
    bool done = true;

    if (value_is_raw(sequence)) {
        return raw_put(b, at, sequence, false, w);
    }
    if (!json_is_array(sequence) ||
        (json_array_size(sequence) == 0 && !b->is_unchecked)) {
        return build_wrong(b, at, "give a list of at least one command");
    }
    if (!piece_open(&piece, PIECE_CAP)) {
        return build_no_memory(b);
    }
    selv_cbor_put_array(&piece.w, json_array_size(sequence) * 2);
    json_array_foreach(sequence, i, command)
    {
        struct place here = place_element(at, i);

        done = done && command_put(b, &here, command, &piece.w);
    }
    if (done && selv_cbor_finish(&piece.w, NULL) != SELV_OK) {
        done = build_wrong(b, at, "%s", selv_err_str(piece.w.err));
    }
    if (done) {
        selv_cbor_put_bstr(w, piece_bytes(&piece));
    }
    piece_close(&piece);
    return done;
}
