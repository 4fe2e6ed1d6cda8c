/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_simulate_int.h - shared by host/manifest_simulate*.c only.
 *
 *   manifest_simulate.c         the engine's run, step by step, as JSON
 *   manifest_simulate_world.c   the device's components, and how an operation
 *                               on them goes
 *   manifest_simulate_why.c     why a command ended as it did, in words
 *   manifest_simulate_prose.c   the JSON as text */
#ifndef SELV_HOST_MANIFEST_SIMULATE_INT_H
#define SELV_HOST_MANIFEST_SIMULATE_INT_H

#include "host/manifest_simulate.h"
#include "host/manifest_verify.h"

enum { SIMULATE_WORDS_LEN = 512 };

/* ---- the world ---------------------------------------------------------- */

/* What a component holds. At least the digest is known, or nothing. */
struct simulate_image {
    bool is_there;
    bool is_changed; /* since the device file was read */
    bool has_digest; /* else a fetch brought whatever will be asked for */
    bool has_size;
    uint8_t digest[SELV_SHA256_LEN];
    uint32_t size;           /* bytes */
    struct selv_buf content; /* from malloc; p NULL: not known */
};

struct simulate_world {
    const struct selv_simulate_plan *plan;
    struct selv_manifest_device device;
    const char *vendor, *class_name; /* that its ids come from, or NULL */
    struct selv_suit_private private;
    struct selv_suit_component components[SELV_DEVICE_COMPONENTS_MAX];
    struct simulate_image image[SELV_DEVICE_COMPONENTS_MAX];
    struct simulate_image other[SELV_DEVICE_COMPONENTS_MAX]; /* slot */
    uint32_t slot_count[SELV_DEVICE_COMPONENTS_MAX];         /* 1 or 2 */
    uint32_t operation_count[16]; /* so far, by place in the list of names */
    uint32_t fault_hit; /* a bit for each fault of the plan that was reached */
};

/* Read the device file. close also after false. */
bool simulate_world_open(struct simulate_world *w,
                         const struct selv_simulate_plan *plan,
                         struct selv_error *error);
void simulate_world_close(struct simulate_world *w);

/* A boot of a device that was described while it waits for an update looks at
 * the other slot. */
void simulate_world_turn(struct simulate_world *w);

/* Carry out what the engine asks for, answer it, and say how it went; words
 * holds SIMULATE_WORDS_LEN bytes. */
void simulate_world_answer(struct simulate_world *w, struct selv_suit *s,
                           const struct selv_suit_todo *todo, char *words);

/* The state of all components, and the device file as it would be now:
 * digest: of the manifest that was installed, NULL when none was. */
json_t *simulate_world_state(const struct simulate_world *w);
json_t *simulate_world_device(const struct simulate_world *w,
                              const uint8_t *digest, uint64_t sequence_number);

/* ---- parameters and words ----------------------------------------------- */

/* The parameters as the records so far have set them: the engine's own table
 * is ahead of the record that is told. */
enum { SIMULATE_PARAMETERS_MAX = 32 };
struct simulate_parameters {
    struct {
        int32_t code;
        struct selv_bytes item;
    } of[SELV_SUIT_COMPONENTS_MAX][SIMULATE_PARAMETERS_MAX];
    size_t count[SELV_SUIT_COMPONENTS_MAX];
};

/* override-parameters with this argument, an encoded map. */
void simulate_parameters_set(struct simulate_parameters *p, uint8_t component,
                             struct selv_bytes argument);
/* The encoded value; p NULL when unset. */
struct selv_bytes simulate_parameter(const struct simulate_parameters *p,
                                     uint8_t component, int32_t code);

/* A command that has ended. */
struct simulate_ended {
    int32_t code;
    struct selv_bytes argument;
    enum selv_err err;
    uint8_t component;      /* index in the manifest */
    size_t slot;            /* index of the component in the device */
    bool has_failed_inside; /* the last command of its sequences failed */
    const char *note;       /* how the world's part went, NULL: it had none */
};

/* Why it ended so. */
json_t *simulate_why(const struct simulate_world *w,
                     const struct simulate_parameters *p, json_t *components,
                     const struct simulate_ended *ended);

/* {name: words} of what the command read. */
json_t *simulate_consumed(const struct simulate_world *w,
                          const struct simulate_parameters *p,
                          const struct simulate_ended *ended);

/* "sha-256 <64 digits>" */
void simulate_digest_words(const uint8_t digest[static SELV_SHA256_LEN],
                           char *words);

#endif
