/* SPDX-License-Identifier: Apache-2.0 */
#include "test/reference/differential.h"

#include <stdlib.h>

#include "test/reference/reference.h"

/* Todos of one procedure, at most; the generator's stay far below. */
#define TODO_MAX 100000u

/* ---- profiles ----------------------------------------------------------- */

/* What the reference is told of each: its tables' numbers, and what follows
 * from the sources that it links. */
static const struct {
    const char *name;
    const struct selv_suit_profile *engine;
    const struct selv_suit_capability *capability; /* NULL: everything */
    bool judges_sequences; /* else the consumer has done so */
    bool has_records, has_private;
} profiles[DIFFERENTIAL_PROFILES] = {
    {"consumer", &selv_suit_profile_consumer, NULL, true, true, true},
    {"boot-select", &selv_suit_profile_boot_select,
     &selv_suit_capability_boot_select, false, false, false},
    {"boot-install", &selv_suit_profile_boot_install,
     &selv_suit_capability_boot_install, true, false, true},
};

const char *differential_profile_name(unsigned profile)
{
    return profiles[profile].name;
}

static struct reference_profile profile_of(unsigned profile)
{
    const struct selv_suit_capability *capability =
        profiles[profile].capability;
    struct reference_profile known = {UINT64_MAX,
                                      UINT32_MAX,
                                      0x1f,
                                      profiles[profile].judges_sequences,
                                      profiles[profile].has_records,
                                      profiles[profile].has_private,
                                      capability == NULL};
    if (capability != NULL) {
        known.commands = capability->commands;
        known.parameters = capability->parameters;
        known.sections = capability->sections;
    }
    return known;
}

void differential_generate(struct generated *made, struct dice *d,
                           unsigned profile)
{
    struct reference_profile of = profile_of(profile);
    struct generate_known known = {of.commands, of.parameters, of.has_private,
                                   of.judges_bootloader};
    generate(made, d, &known);
}

/* ---- the engine's side -------------------------------------------------- */

/* The envelope may come in two parts. A first part that is enough leaves the
 * integrated payloads out, so then begin again with all of it. */
static enum selv_err feed(struct selv_suit *s, const struct generated *made,
                          unsigned profile)
{
    struct selv_bytes view = {made->envelope.p, made->envelope.len};
    struct selv_bytes part = {view.p, view.len * made->world.mood / 256};
    selv_suit_init(s, profiles[profile].engine, &made->device);
    if (made->world.mood % 2 == 0) {
        enum selv_err err = selv_suit_feed_part(s, part, view.len);
        if (err == SELV_OK) {
            selv_suit_init(s, profiles[profile].engine, &made->device);
        } else if (err != SELV_ERR_SUIT_MORE) {
            return err;
        }
    }
    return selv_suit_feed_part(s, view, view.len);
}

static enum selv_err load(struct selv_suit *s, const struct generated *made,
                          unsigned profile)
{
    enum selv_err err = feed(s, made, profile);
    if (err == SELV_OK && !selv_is_good(selv_suit_check(s))) {
        err = selv_suit_failure(s)->err;
    }
    return err;
}

static void answer(struct selv_suit *s, struct world *w,
                   const struct selv_suit_todo *todo)
{
    uint8_t digest[SELV_SHA256_LEN] = {0};
    bool may_invoke =
        todo->kind == SELV_SUIT_INVOKE && selv_is_good(selv_suit_may_invoke(s));
    world_say_todo(w, todo, may_invoke);
    enum selv_err err = world_answer(w, todo, digest);
    if (err == SELV_OK && todo->kind == SELV_SUIT_DIGEST) {
        selv_suit_answer_digest(s, digest);
    } else if (err == SELV_OK && todo->kind == SELV_SUIT_CONTENT) {
        selv_suit_answer_content(s, digest);
    } else {
        selv_suit_answer(s, err);
    }
}

static void say_facts(const struct selv_suit *s, struct world *w)
{
    world_say(w, "sequence number %llu",
              (unsigned long long)selv_suit_sequence_number(s));
    world_say_bytes(w, "digest",
                    selv_bytes(selv_suit_digest(s), SELV_SHA256_LEN));
    for (size_t i = 0; i < selv_suit_component_count(s); i++) {
        world_say_bytes(w, "component", selv_suit_component_id(s, i));
    }
    world_say_bytes(w, "uri", selv_suit_reference_uri(s));
    world_say(w, "\n");
}

static void say_parameter(const struct selv_suit *s, struct world *w,
                          size_t component, int32_t code)
{
    struct selv_bytes value = selv_suit_parameter(s, component, code);
    if (value.len != 0) {
        world_say(w, "component %zu parameter %ld", component, (long)code);
        world_say_bytes(w, "is", value);
        world_say(w, "\n");
    }
}

static void say_parameters(const struct selv_suit *s, struct world *w)
{
    for (size_t i = 0; i < selv_suit_component_count(s); i++) {
        for (int32_t k = 0; k < 32; k++) {
            say_parameter(s, w, i, k);
        }
        const struct selv_suit_private *more = s->device->private;
        for (size_t k = 0; more != NULL && k < more->parameter_count; k++) {
            say_parameter(s, w, i, more->parameters[k]);
        }
    }
}

static void say_end(const struct selv_suit *s, struct world *w,
                    const struct selv_suit_record *records,
                    enum selv_suit_todo_kind kind)
{
    const struct selv_suit_failure *f = selv_suit_failure(s);
    size_t count = selv_suit_record_count(s);
    for (size_t i = 0; i < count && i < WORLD_RECORDS; i++) {
        world_say_record(w, &records[i]);
    }
    world_say(w, "%zu records\n", count);
    if (kind == SELV_SUIT_DONE) {
        world_say(w, "done\n");
    } else {
        world_say_failure(w, f->err, f->section, f->code, f->section_offset,
                          f->component);
    }
}

static void run(struct selv_suit *s, enum selv_suit_procedure p,
                struct world *w, struct differential_counts *counts)
{
    static struct selv_suit_record records[WORLD_RECORDS];
    struct selv_suit_todo todo;
    selv_suit_record_into(s, records, WORLD_RECORDS);
    enum selv_err err = selv_suit_begin(s, p);
    if (err != SELV_OK) {
        world_say(w, "begin %s %d\n", selv_err_name(err),
                  err == SELV_ERR_SUIT_ABSENT ? selv_suit_failure(s)->section
                                              : 0);
        return;
    }
    for (unsigned i = 0; i < TODO_MAX; i++) {
        enum selv_suit_todo_kind kind = selv_suit_poll(s, &todo);
        if (i % 3 == 0 && selv_suit_poll(s, &todo) != kind) {
            world_say(w, "another answer to the same poll\n");
            return;
        }
        counts->of_todo[kind]++;
        if (kind == SELV_SUIT_DONE || kind == SELV_SUIT_FAILED) {
            say_end(s, w, records, kind);
            say_parameters(s, w);
            counts->done += kind == SELV_SUIT_DONE;
            counts->failed += kind == SELV_SUIT_FAILED;
            counts->of_error[selv_suit_failure(s)->err]++;
            return;
        }
        counts->todos++;
        answer(s, w, &todo);
    }
    world_say(w, "does not end\n");
}

/* ---- comparing ---------------------------------------------------------- */

/* The first line in which it differs from the other is marked. */
static void print_side(const char *who, const struct world *w,
                       const struct world *other)
{
    const char *text = (const char *)w->trace.p;
    size_t same = 0;
    while (same < w->trace.len && same < other->trace.len &&
           w->trace.p[same] == other->trace.p[same]) {
        same++;
    }
    fprintf(stderr, "  %s:\n", who);
    for (size_t at = 0; at < w->trace.len;) {
        const char *end = memchr(text + at, '\n', w->trace.len - at);
        size_t len = (size_t)(end - (text + at));
        bool is_first = at <= same && same <= at + len;
        fprintf(stderr, "  %c %.*s\n", is_first ? '>' : ' ', (int)len,
                text + at);
        at += len + 1;
    }
}

static bool is_like(int64_t rule, int64_t is)
{
    return rule == REFERENCE_ANY || rule == is;
}

/* A value of the wrong type, range or shape: by which of these names is no
 * rule. (An array that is too short ends too early, and what stands in the
 * place of a digest's algorithm is not one we know.) */
static bool is_wrong_value(enum selv_err err)
{
    return err == SELV_ERR_CBOR_TYPE || err == SELV_ERR_CBOR_RANGE ||
           err == SELV_ERR_SUIT_ARGUMENT || err == SELV_ERR_CBOR_END ||
           err == SELV_ERR_SUIT_DIGEST_ALG;
}

static bool is_same_error(enum selv_err a, enum selv_err b)
{
    return a == b || (is_wrong_value(a) && is_wrong_value(b));
}

/* Has it faults that the profile must see before it runs anything? */
static bool must_refuse(const struct reference *r)
{
    for (size_t i = 0; i < r->fault_count; i++) {
        if (r->profile.judges_sequences || !r->faults[i].in_sequence) {
            return true;
        }
    }
    return false;
}

/* Is the engine's reason one of those that the reference found? */
static bool is_listed(const struct reference *r,
                      const struct selv_suit_failure *f)
{
    for (size_t i = 0; i < r->fault_count; i++) {
        const struct reference_fault *fault = &r->faults[i];
        if (is_same_error(fault->err, f->err) &&
            is_like(fault->section, f->section) &&
            is_like(fault->code, f->code) &&
            (fault->at == REFERENCE_ANY || (fault->at <= f->section_offset &&
                                            f->section_offset <= fault->end))) {
            return true;
        }
    }
    return false;
}

static void print_number(const char *name, int64_t v)
{
    if (v == REFERENCE_ANY) {
        fprintf(stderr, " %s any", name);
    } else {
        fprintf(stderr, " %s %lld", name, (long long)v);
    }
}

#define FAULTS_SHOWN 16u

static void print_verdicts(const struct reference *r, enum selv_err err,
                           const struct selv_suit_failure *f)
{
    fprintf(stderr, "  engine: %s",
            err == SELV_OK ? "accepts" : selv_err_name(err));
    if (err != SELV_OK) {
        fprintf(stderr, " section %d code %ld at %u (envelope %u)", f->section,
                (long)f->code, f->section_offset, f->offset);
    }
    fprintf(stderr, "\n  reference: %s\n",
            r->fault_count == 0 ? "accepts" : "refuses for one of");
    for (size_t i = 0; i < r->fault_count; i++) {
        if (i == FAULTS_SHOWN) {
            fprintf(stderr, "    and %zu more\n", r->fault_count - i);
            break;
        }
        fprintf(stderr, "    %s", selv_err_name(r->faults[i].err));
        print_number("section", r->faults[i].section);
        print_number("code", r->faults[i].code);
        print_number("at", r->faults[i].at);
        fprintf(stderr, "\n");
    }
}

static bool is_same_content(const struct world *a, const struct world *b)
{
    for (size_t i = 0; i < WORLD_COMPONENTS; i++) {
        if (!selv_bytes_equal(selv_bytes(a->content[i], a->content_len[i]),
                              selv_bytes(b->content[i], b->content_len[i]))) {
            return false;
        }
    }
    return true;
}

/* Run both; when they differ, or when told to, print both traces. */
static bool run_agrees(struct selv_suit *s, const struct reference *r,
                       const struct generated *made, enum selv_suit_procedure p,
                       struct differential_counts *counts, bool is_shown)
{
    struct world engine = made->world, other = made->world;
    say_facts(s, &engine);
    reference_say(r, &other);
    run(s, p, &engine, counts);
    reference_run(r, p, &other);
    /* The reference has no bound on work. */
    bool is_bounded = selv_suit_failure(s)->err == SELV_ERR_SUIT_WORK;
    bool agree =
        is_bounded ||
        (selv_bytes_equal(selv_bytes(engine.trace.p, engine.trace.len),
                          selv_bytes(other.trace.p, other.trace.len)) &&
         is_same_content(&engine, &other));
    if (!agree || is_shown) {
        fprintf(stderr, "%s:\n",
                p == SELV_SUIT_UPDATE ? "update" : "invocation");
        print_side("engine", &engine, &other);
        print_side("reference", &other, &engine);
    }
    free(engine.trace.p);
    free(other.trace.p);
    return agree;
}

static bool procedures_agree(struct selv_suit *s, const struct reference *r,
                             const struct generated *made,
                             struct differential_counts *counts, bool is_shown)
{
    bool agree = true;
    for (unsigned i = 0; i < 2; i++) {
        enum selv_suit_procedure p =
            i == 0 ? SELV_SUIT_UPDATE : SELV_SUIT_INVOCATION;
        agree = run_agrees(s, r, made, p, counts, is_shown) && agree;
    }
    return agree;
}

/* Accepted unseen, though a sequence has faults: it need not go far, but it
 * must come to an end. */
static bool ends(struct selv_suit *s, const struct generated *made,
                 enum selv_suit_procedure p)
{
    static const char never[] = "does not end\n";
    struct differential_counts unused = {0};
    struct world w = made->world;
    run(s, p, &w, &unused);
    size_t len = sizeof never - 1;
    bool is_end = w.trace.len < len ||
                  memcmp(w.trace.p + w.trace.len - len, never, len) != 0;
    free(w.trace.p);
    return is_end;
}

static bool compare(const struct generated *made, unsigned profile,
                    struct differential_counts *counts, bool is_shown)
{
    static struct selv_suit s;
    struct reference r;
    const struct reference_profile known = profile_of(profile);
    enum selv_err err = load(&s, made, profile);
    if (err == SELV_ERR_SUIT_TOO_LARGE &&
        made->envelope.len > SELV_SUIT_ENVELOPE_MAX) {
        counts->skipped++;
        return true;
    }
    reference_read(&r, selv_bytes(made->envelope.p, made->envelope.len),
                   &made->device, &known);
    const struct selv_suit_failure *f = selv_suit_failure(&s);
    bool agree = err == SELV_OK ? !must_refuse(&r) : is_listed(&r, f);
    counts->accepted += err == SELV_OK;
    counts->refused += err != SELV_OK;
    counts->of_error[err]++;
    if (!agree || is_shown) {
        print_verdicts(&r, err, f);
    }
    if (r.fault_count == 0 && !reference_is_reproduced(&r)) {
        fprintf(stderr, "  the manifest is not its decoded form encoded\n");
        agree = false;
    }
    if (agree && err == SELV_OK && r.fault_count == 0) {
        agree = procedures_agree(&s, &r, made, counts, is_shown);
    }
    if (agree && err == SELV_OK && r.fault_count != 0) {
        agree = ends(&s, made, SELV_SUIT_UPDATE) &&
                ends(&s, made, SELV_SUIT_INVOCATION);
    }
    reference_free(&r);
    selv_suit_wipe(&s);
    return agree;
}

/* ---- showing ------------------------------------------------------------ */

static void print_device(const struct generated *made)
{
    const struct selv_suit_device *d = &made->device;
    fprintf(stderr, "device:%s%s%s%s%s%s, sequence number from %llu\n",
            d->vendor_id != NULL ? " vendor" : "",
            d->vendor_pen.len > 0 ? " PEN" : "",
            d->class_id != NULL ? " class" : "",
            d->device_id != NULL ? " id" : "",
            d->private != NULL ? " private" : "",
            d->boot != NULL ? " bootloader" : "",
            (unsigned long long)d->sequence_min);
    for (size_t i = 0; i < WORLD_COMPONENTS; i++) {
        fprintf(stderr, "  component %zu: slot %u, content \"%.*s\"\n", i,
                (unsigned)made->components[i].slot,
                (int)made->world.content_len[i],
                (const char *)made->world.content[i]);
    }
}

static void print_envelope(const struct generated *made)
{
    struct arena a = {NULL};
    enum selv_err err;
    struct tree *t =
        tree_read(&a, selv_bytes(made->envelope.p, made->envelope.len), &err);
    if (t != NULL) {
        tree_print(stderr, t);
        fprintf(stderr, "\n");
    }
    arena_free(&a);
}

void differential_show(const struct generated *made, unsigned profile)
{
    struct differential_counts counts = {0};
    print_device(made);
    print_envelope(made);
    fprintf(stderr, "%s, %u faults on purpose\n", profiles[profile].name,
            made->faults);
    (void)compare(made, profile, &counts, true);
}

bool differential_agree(const struct generated *made, unsigned profile,
                        struct differential_counts *counts)
{
    struct differential_counts own = {0};
    if (compare(made, profile, counts != NULL ? counts : &own, false)) {
        return true;
    }
    print_device(made);
    print_envelope(made);
    return false;
}
