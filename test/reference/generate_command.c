/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "test/reference/generate_int.h"

#define COMMANDS_MAX 40u /* of a manifest: it must fit the engine's view */

/* ---- other arguments ---------------------------------------------------- */

static void put_policy(struct generator *g, struct grown *out)
{
    if (!fault(g)) {
        put_int(out, roll(g, 16));
    } else if (chance(g, 50)) {
        put_int(out, 16);
    } else {
        put_odd(g, out);
    }
}

static void put_bad_index(struct generator *g, struct grown *out)
{
    switch (roll(g, 4)) {
    case 0:
        put_odd(g, out);
        break;
    case 1:
        put_int(out, (int64_t)g->components);
        break;
    case 2: /* one more than there are */
        put_head(out, CBOR_ARRAY, g->components + 1);
        for (size_t i = 0; i <= g->components; i++) {
            put_int(out, 0);
        }
        break;
    default:
        put_head(out, CBOR_ARRAY, 1);
        put_odd(g, out);
        break;
    }
}

static void put_index(struct generator *g, struct grown *out)
{
    put_int(out, SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX);
    if (fault(g)) {
        put_bad_index(g, out);
        return;
    }
    unsigned kind = roll(g, 10);
    if (kind < 6) {
        put_head(out, CBOR_UINT, some_index(g));
    } else if (kind < 8) {
        put_simple(out, CBOR_TRUE);
    } else {
        unsigned count = 1 + roll(g, (unsigned)g->components);
        put_head(out, CBOR_ARRAY, count);
        for (unsigned i = 0; i < count; i++) {
            put_head(out, CBOR_UINT, some_index(g));
        }
    }
}

static void put_sequence(struct generator *g, struct grown *out,
                         struct spot spot, bool has_index);

static void put_wrapped(struct generator *g, struct grown *out,
                        struct spot spot, bool has_index)
{
    struct grown inner = {0};
    put_sequence(g, &inner, spot, has_index);
    put_bstr(out, inner.p, inner.len);
    free(inner.p);
}

/* Too few alternatives, or a nil where none may be. */
static void put_bad_try_each(struct generator *g, struct grown *out,
                             struct spot spot)
{
    static const char *const kinds[] = {"",   "s",  "sn",  "nss", "ssnn", "sso",
                                        "nn", "so", "sns", "o",   "e"};
    const char *kind = kinds[roll(g, 11)];
    if (*kind == 'e') {
        put_odd(g, out);
        return;
    }
    put_head(out, CBOR_ARRAY, strlen(kind));
    for (; *kind != '\0'; kind++) {
        if (*kind == 's') {
            put_wrapped(g, out, spot, false);
        } else if (*kind == 'n') {
            put_simple(out, CBOR_NULL);
        } else {
            put_odd(g, out);
        }
    }
}

static void put_try_each(struct generator *g, struct grown *out,
                         struct spot spot)
{
    put_int(out, SELV_SUIT_DIRECTIVE_TRY_EACH);
    spot.depth++;
    if (fault(g)) {
        put_bad_try_each(g, out, spot);
        return;
    }
    unsigned count = 2 + roll(g, 2);
    bool has_nil = chance(g, 40);
    put_head(out, CBOR_ARRAY, count + has_nil);
    for (unsigned i = 0; i < count; i++) {
        put_wrapped(g, out, spot, chance(g, 15));
    }
    if (has_nil) {
        put_simple(out, CBOR_NULL);
    }
}

static void put_run_sequence(struct generator *g, struct grown *out,
                             struct spot spot)
{
    put_int(out, SELV_SUIT_DIRECTIVE_RUN_SEQUENCE);
    bool has_index = chance(g, spot.is_loose ? 75 : 25);
    spot.depth++;
    spot.is_loose = false;
    if (fault(g)) {
        put_odd(g, out);
    } else {
        put_wrapped(g, out, spot, has_index);
    }
}

/* ---- commands ----------------------------------------------------------- */

static bool is_known(const struct generator *g, int code)
{
    return code < 0 ? g->known.has_private
                    : (g->known.commands >> code & 1) != 0;
}

static void put_plain(struct generator *g, struct grown *out, int code)
{
    put_int(out, code);
    put_policy(g, out);
}

/* Set what a command needs, then the command. Returns how many commands. */
static unsigned put_prepared(struct generator *g, struct grown *out,
                             struct spot *spot, int code, uint64_t needs)
{
    unsigned percent = spot->depth == 0 ? 90 : 50;
    unsigned count = 1;
    if (!is_known(g, code) && !fault(g)) {
        put_override(g, out, spot, needs, some_content(g));
        return 1;
    }
    if (chance(g, percent)) {
        put_override(g, out, spot, needs, some_content(g));
        count++;
    }
    put_plain(g, out, code);
    return count;
}

#define BIT(parameter) ((uint64_t)1 << SELV_SUIT_PARAMETER_##parameter)

/* Bring something into the component and look at it. */
static unsigned put_transfer(struct generator *g, struct grown *out,
                             struct spot *spot)
{
    static const struct {
        int code;
        uint64_t needs;
    } ways[] = {{SELV_SUIT_DIRECTIVE_FETCH, BIT(URI)},
                {SELV_SUIT_DIRECTIVE_WRITE, BIT(CONTENT)},
                {SELV_SUIT_DIRECTIVE_COPY, BIT(SOURCE_COMPONENT)},
                {SELV_SUIT_DIRECTIVE_SWAP, BIT(SOURCE_COMPONENT)}};
    unsigned way =
        spot->section == SELV_SUIT_SECTION_LOAD ? 1 + roll(g, 3) : roll(g, 4);
    uint64_t needs = ways[way].needs;
    int look = way == 1 ? SELV_SUIT_CONDITION_CHECK_CONTENT
                        : SELV_SUIT_CONDITION_IMAGE_MATCH;
    if (chance(g, 60)) {
        needs |= BIT(IMAGE_DIGEST) | BIT(IMAGE_SIZE);
    }
    unsigned count = put_prepared(g, out, spot, ways[way].code, needs);
    if (way < 2 && is_known(g, look) && chance(g, 50)) {
        put_plain(g, out, look);
        count++;
    }
    return count;
}

static void put_strict_order(struct grown *out, bool is_strict)
{
    put_int(out, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    put_head(out, CBOR_MAP, 1);
    put_int(out, SELV_SUIT_PARAMETER_STRICT_ORDER);
    put_simple(out, is_strict ? CBOR_TRUE : CBOR_FALSE);
}

/* A run-sequence that sets strict-order to false again for itself: what was
 * before it is not forgotten. */
static void put_loose_sequence(struct generator *g, struct grown *out)
{
    struct grown inner = {0};
    put_head(&inner, CBOR_ARRAY, 4);
    put_int(&inner, SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX);
    put_head(&inner, CBOR_UINT, some_index(g));
    put_strict_order(&inner, false);
    put_int(out, SELV_SUIT_DIRECTIVE_RUN_SEQUENCE);
    put_bstr(out, inner.p, inner.len);
    free(inner.p);
}

/* Several transfers while strict-order is false, each with a target and
 * perhaps a source of its own: some of them race. */
static unsigned put_loose_transfers(struct generator *g, struct grown *out,
                                    struct spot *spot)
{
    unsigned transfers = 2 + roll(g, 3);
    unsigned count = 1;
    put_override(g, out, spot,
                 BIT(STRICT_ORDER) | BIT(CONTENT) | BIT(URI) |
                     BIT(SOURCE_COMPONENT),
                 some_content(g));
    for (unsigned i = 0; i < transfers; i++) {
        if (chance(g, 70)) {
            put_int(out, SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX);
            put_head(out, CBOR_UINT, some_index(g));
            count++;
        }
        for (unsigned k = chance(g, 20) ? 2 : 0; k > 0; k--) {
            put_strict_order(out, k == 2); /* what was before is forgotten */
            count++;
        }
        if (spot->depth < SELV_SUIT_DEPTH_MAX && chance(g, 20)) {
            put_loose_sequence(g, out);
            count++;
        }
        count += put_transfer(g, out, spot);
    }
    return count;
}

static unsigned put_condition(struct generator *g, struct grown *out,
                              struct spot *spot)
{
    switch (roll(g, spot->depth == 0 ? 7 : 8)) {
    case 0:
        return put_prepared(g, out, spot, SELV_SUIT_CONDITION_VENDOR_ID,
                            BIT(VENDOR_ID));
    case 1:
        return put_prepared(g, out, spot, SELV_SUIT_CONDITION_CLASS_ID,
                            BIT(CLASS_ID));
    case 2:
        return put_prepared(g, out, spot, SELV_SUIT_CONDITION_DEVICE_ID,
                            BIT(DEVICE_ID));
    case 3:
    case 4:
        return put_prepared(g, out, spot, SELV_SUIT_CONDITION_IMAGE_MATCH,
                            BIT(IMAGE_DIGEST) |
                                (chance(g, 30) ? BIT(IMAGE_SIZE) : 0));
    case 5:
        return put_prepared(g, out, spot, SELV_SUIT_CONDITION_COMPONENT_SLOT,
                            BIT(COMPONENT_SLOT));
    case 6:
        return put_prepared(g, out, spot, SELV_SUIT_CONDITION_CHECK_CONTENT,
                            BIT(CONTENT));
    default:
        return put_prepared(g, out, spot, SELV_SUIT_CONDITION_ABORT,
                            BIT(COMPONENT_SLOT));
    }
}

/* Look at all components, then exchange two: neither may be invoked now. */
static unsigned put_match_and_swap(struct generator *g, struct grown *out,
                                   struct spot *spot)
{
    put_int(out, SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX);
    put_simple(out, CBOR_TRUE);
    put_override(g, out, spot, BIT(IMAGE_DIGEST), 2);
    put_plain(g, out, SELV_SUIT_CONDITION_IMAGE_MATCH);
    put_int(out, SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX);
    put_head(out, CBOR_UINT, some_index(g));
    put_override(g, out, spot, BIT(SOURCE_COMPONENT), 2);
    put_plain(g, out, SELV_SUIT_DIRECTIVE_SWAP);
    return 6;
}

/* A code that nobody knows, or one that may not stand here. */
static void put_bad_command(struct generator *g, struct grown *out,
                            const struct spot *spot)
{
    static const int unknown[] = {0,  4,  7,  8,  9,  10,   11,   13,   16,  17,
                                  19, 25, 29, 30, 33, 1000, -256, -257, -302};
    static const int misplaced[SELV_SUIT_SECTION_COUNT] = {
        SELV_SUIT_DIRECTIVE_INVOKE, SELV_SUIT_DIRECTIVE_INVOKE,
        SELV_SUIT_DIRECTIVE_COPY, SELV_SUIT_DIRECTIVE_FETCH,
        SELV_SUIT_DIRECTIVE_WRITE};
    static const int not_in_shared[] = {SELV_SUIT_DIRECTIVE_FETCH,
                                        SELV_SUIT_DIRECTIVE_COPY,
                                        SELV_SUIT_DIRECTIVE_WRITE,
                                        SELV_SUIT_DIRECTIVE_SWAP,
                                        SELV_SUIT_DIRECTIVE_INVOKE,
                                        -300,
                                        -301};
    if (chance(g, 10)) {
        put_odd(g, out);
    } else if (chance(g, 50)) {
        put_int(out, unknown[roll(g, 19)]);
    } else if (spot->section < 0) {
        put_int(out, not_in_shared[roll(g, 7)]);
    } else {
        put_int(out, misplaced[spot->section]);
    }
    put_int(out, 0);
}

/* One command, or a few that belong together. Returns how many. */
static unsigned put_commands(struct generator *g, struct grown *out,
                             struct spot *spot)
{
    bool is_update = spot->section == SELV_SUIT_SECTION_PAYLOAD_FETCH ||
                     spot->section == SELV_SUIT_SECTION_INSTALL;
    bool may_nest =
        spot->depth < SELV_SUIT_DEPTH_MAX && g->commands < COMMANDS_MAX;
    if (fault(g)) {
        put_bad_command(g, out, spot);
        return 1;
    }
    unsigned what = roll(g, 20);
    if (what < 4) {
        put_override(g, out, spot, 0, some_content(g));
        return 1;
    }
    if (what < 6) {
        put_index(g, out);
        return 1;
    }
    if (what < 9 && may_nest) {
        put_try_each(g, out, *spot);
        return 1;
    }
    if (what < 12 && may_nest &&
        is_known(g, SELV_SUIT_DIRECTIVE_RUN_SEQUENCE)) {
        put_run_sequence(g, out, *spot);
        return 1;
    }
    if (what < 16 && (is_update || spot->section == SELV_SUIT_SECTION_LOAD)) {
        if (spot->section == SELV_SUIT_SECTION_LOAD && spot->depth == 0 &&
            is_known(g, SELV_SUIT_DIRECTIVE_SWAP) && chance(g, 15)) {
            return put_match_and_swap(g, out, spot);
        }
        return chance(g, 15) && g->commands < COMMANDS_MAX
                   ? put_loose_transfers(g, out, spot)
                   : put_transfer(g, out, spot);
    }
    if (what < 14 && spot->depth == 0) {
        put_override(g, out, spot, 0, some_content(g));
        return 1;
    }
    if (what < 16 && spot->section == SELV_SUIT_SECTION_INVOKE) {
        unsigned count = 1;
        if (chance(g, 40)) {
            count += put_prepared(g, out, spot, SELV_SUIT_CONDITION_IMAGE_MATCH,
                                  BIT(IMAGE_DIGEST));
        }
        put_plain(g, out, SELV_SUIT_DIRECTIVE_INVOKE);
        return count;
    }
    if (what == 16 && spot->section >= 0 && g->known.has_private) {
        put_plain(g, out, -300 - (int)roll(g, 2));
        return 1;
    }
    return put_condition(g, out, spot);
}

/* Much that later commands need, for all components. */
static unsigned put_preamble(struct generator *g, struct grown *out,
                             struct spot *spot)
{
    uint64_t some = BIT(VENDOR_ID) | BIT(CLASS_ID) | BIT(IMAGE_DIGEST) |
                    BIT(COMPONENT_SLOT) | BIT(CONTENT) | BIT(URI);
    put_int(out, SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX);
    put_simple(out, CBOR_TRUE);
    put_override(g, out, spot, some, some_content(g));
    put_index(g, out);
    return 3;
}

static void put_sequence(struct generator *g, struct grown *out,
                         struct spot spot, bool has_index)
{
    struct grown items = {0};
    unsigned count = 0;
    unsigned wanted = 1 + roll(g, spot.depth == 0 ? 6 : 3);
    if (spot.depth < SELV_SUIT_DEPTH_MAX && fault(g)) {
        wanted = 0; /* an empty sequence */
        has_index = false;
    }
    if (has_index && !(spot.depth == 0 && fault(g))) {
        put_index(g, &items);
        count++;
    }
    if (spot.depth == 0 && chance(g, spot.section < 0 ? 60 : 20)) {
        count += put_preamble(g, &items, &spot);
        wanted += count;
    }
    while (count < wanted) {
        count += put_commands(g, &items, &spot);
        g->commands++;
    }
    uint64_t pairs = 2 * (uint64_t)count;
    if (fault(g)) { /* a code without its argument */
        pairs++;
        put_int(&items, 3);
    }
    put_head(out, CBOR_ARRAY, pairs);
    grown_add(out, items.p, items.len);
    if (fault(g)) {
        grown_add(out, "", 1);
    }
    free(items.p);
}

/* A sequence nested one level deeper than allowed. */
static void put_too_deep(struct generator *g, struct grown *out)
{
    struct grown inner = {0};
    put_head(&inner, CBOR_ARRAY, 2);
    put_int(&inner, SELV_SUIT_CONDITION_COMPONENT_SLOT);
    put_int(&inner, 0);
    for (unsigned i = 0; i <= SELV_SUIT_DEPTH_MAX; i++) {
        struct grown outer = {0};
        bool is_outermost = i == SELV_SUIT_DEPTH_MAX;
        put_head(&outer, CBOR_ARRAY, is_outermost ? 4 : 2);
        if (is_outermost) {
            put_int(&outer, SELV_SUIT_DIRECTIVE_SET_COMPONENT_INDEX);
            put_int(&outer, 0);
        }
        bool is_run = roll(g, 2) == 0;
        put_int(&outer, is_run ? SELV_SUIT_DIRECTIVE_RUN_SEQUENCE
                               : SELV_SUIT_DIRECTIVE_TRY_EACH);
        if (!is_run) {
            put_head(&outer, CBOR_ARRAY, 2);
            put_bstr(&outer, inner.p, inner.len);
        }
        put_bstr(&outer, inner.p, inner.len);
        free(inner.p);
        inner = outer;
    }
    grown_add(out, inner.p, inner.len);
    free(inner.p);
}

/* A section's or the shared sequence, as a byte string. */
void put_outermost(struct generator *g, struct grown *out, int section)
{
    struct spot spot = {.section = section};
    if (fault(g)) {
        struct grown deep = {0};
        put_too_deep(g, &deep);
        put_bstr(out, deep.p, deep.len);
        free(deep.p);
    } else if (fault(g)) {
        put_odd(g, out);
    } else {
        put_wrapped(g, out, spot, g->components > 1 || chance(g, 20));
    }
}
