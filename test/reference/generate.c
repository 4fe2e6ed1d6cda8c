/* SPDX-License-Identifier: Apache-2.0 */
#include "test/reference/generate.h"

#include <stdlib.h>

#include "cose/cose.h"

#define COMMANDS_MAX 40u /* of a manifest: it must fit the engine's view */

struct generator {
    struct dice *dice;
    int fault_in; /* chances until a fault is put in; negative: never */
    unsigned faults;
    unsigned commands; /* so far */
    size_t components;
    struct generate_known known;
};

/* Where the commands will stand. */
struct spot {
    int section; /* enum selv_suit_section, -1: shared */
    unsigned depth;
    bool is_loose; /* strict-order was likely set to false */
};

/* ---- dice --------------------------------------------------------------- */

struct dice dice_of_seed(uint32_t seed)
{
    struct dice d = {.state = 0x9e3779b97f4a7c15u ^ (uint64_t)seed << 16};
    for (unsigned i = 0; i < 4; i++) {
        (void)dice_roll(&d, 2);
    }
    return d;
}

struct dice dice_of_bytes(const uint8_t *p, size_t len)
{
    return (struct dice){.p = p, .len = len};
}

unsigned dice_roll(struct dice *d, unsigned sides)
{
    if (d->state == 0) {
        return d->at < d->len ? d->p[d->at++] % sides : 0;
    }
    d->state ^= d->state << 13; /* xorshift */
    d->state ^= d->state >> 7;
    d->state ^= d->state << 17;
    return (unsigned)(d->state >> 32) % sides;
}

static unsigned roll(struct generator *g, unsigned sides)
{
    return dice_roll(g->dice, sides);
}

/* True in so many percent of cases; false when the dice have run out. */
static bool chance(struct generator *g, unsigned percent)
{
    return roll(g, 100) >= 100 - percent;
}

/* A content of the pool: most often the same one, so that digests match. */
static unsigned some_content(struct generator *g)
{
    return chance(g, 65) ? 2 : roll(g, WORLD_POOL);
}

/* Is this the place for the fault? */
static bool fault(struct generator *g)
{
    if (g->fault_in < 0 || g->fault_in-- > 0) {
        return false;
    }
    g->faults++;
    g->fault_in = chance(g, 10) ? (int)roll(g, 60) : -1;
    return true;
}

/* ---- odd values --------------------------------------------------------- */

/* An item of a type that is seldom the right one. */
static void put_odd(struct generator *g, struct grown *out)
{
    switch (roll(g, 9)) {
    case 0:
        put_simple(out, CBOR_NULL);
        break;
    case 1:
        put_tstr(out, "x");
        break;
    case 2:
        put_int(out, -1);
        break;
    case 3:
        put_simple(out, CBOR_FALSE);
        break;
    case 4:
        put_head(out, CBOR_ARRAY, 0);
        break;
    case 5:
        put_head(out, CBOR_MAP, 0);
        break;
    case 6:
        put_bstr(out, "", 0);
        break;
    case 7:
        put_head(out, CBOR_TAG, 6);
        put_int(out, 0);
        break;
    default:
        put_head(out, CBOR_UINT, (uint64_t)1 << 32);
        break;
    }
}

static void put_uuid(struct grown *out, unsigned n, size_t len)
{
    uint8_t id[17];
    memset(id, (int)(0x11 * n), sizeof id);
    put_bstr(out, id, len);
}

static void put_pool(struct generator *g, struct grown *out)
{
    struct selv_bytes b = world_pool(some_content(g));
    put_bstr(out, b.p, b.len);
}

/* A SUIT_Digest of bytes, not wrapped. */
static void put_digest(struct generator *g, struct grown *out,
                       struct selv_bytes of)
{
    uint8_t digest[48] = {0};
    size_t len = SELV_SHA256_LEN;
    int64_t algorithm = SELV_SUIT_DIGEST_SHA256;
    uint64_t count = 2;
    sha256(of, digest);
    if (fault(g)) {
        switch (roll(g, 4)) {
        case 0:
            len--;
            break;
        case 1:
            algorithm = -43; /* SHA-384 */
            len = 48;
            break;
        case 2:
            count = 3;
            break;
        default:
            put_odd(g, out);
            return;
        }
    }
    put_head(out, CBOR_ARRAY, count);
    put_int(out, algorithm);
    put_bstr(out, digest, len);
    if (count == 3) {
        put_int(out, 0);
    }
}

/* ---- parameters --------------------------------------------------------- */

/* All of them, in canonical order. */
static const int parameters[] = {1,  2,  3,  5,  12, 13,   14,  18,
                                 21, 22, 23, 24, 25, -257, -300};
#define PARAMETERS (sizeof parameters / sizeof parameters[0])

static void put_image_digest(struct generator *g, struct grown *out, unsigned n)
{
    struct grown digest = {0};
    put_digest(g, &digest, world_pool(n));
    if (fault(g)) {
        grown_add(&digest, "", 1);
    }
    put_bstr(out, digest.p, digest.len);
    free(digest.p);
}

static void put_uri(struct generator *g, struct grown *out, unsigned n)
{
    char uri[SELV_SUIT_URI_MAX + 2];
    memset(uri, 'u', sizeof uri);
    uri[sizeof uri - 1] = '\0';
    if (fault(g)) {
        switch (roll(g, 3)) {
        case 0:
            put_tstr(out, "");
            break;
        case 1:
            put_tstr(out, uri); /* one too long */
            break;
        default:
            put_tstr(out, "u\xff");
            break;
        }
        return;
    }
    static const char *const names[] = {"#a", "#b", "#c", "u\xc3\xb6"};
    if (chance(g, 20)) {
        put_tstr(out, names[roll(g, 4)]);
    } else if (chance(g, 1)) {
        uri[SELV_SUIT_URI_MAX] = '\0';
        put_tstr(out, uri);
    } else {
        uri[1] = (char)('0' + n);
        uri[2] = '\0';
        put_tstr(out, uri);
    }
}

static void put_vendor(struct generator *g, struct grown *out)
{
    static const uint8_t pen[2][3] = {{0x82, 0x37, 0x01}, {0x83, 0x49, 0}};
    bool may_be_pen = (g->known.parameters & 1) != 0 || fault(g);
    if (may_be_pen && chance(g, 15)) {
        unsigned n = chance(g, 25) ? 1 : 0;
        put_head(out, CBOR_TAG, SELV_SUIT_TAG_PEN);
        put_bstr(out, pen[n], n == 0 ? 3 : 2);
    } else {
        put_uuid(out, chance(g, 10) ? 9 : 1,
                 fault(g) ? 15 + 2 * roll(g, 2) : 16);
    }
}

/* An index of a component, or one too high. */
static uint64_t some_index(struct generator *g)
{
    return fault(g) ? g->components + roll(g, 2)
                    : roll(g, (unsigned)g->components);
}

static void put_value(struct generator *g, struct grown *out, int parameter,
                      unsigned n)
{
    if (parameter > 0 && fault(g)) {
        put_odd(g, out);
        return;
    }
    switch (parameter) {
    case SELV_SUIT_PARAMETER_VENDOR_ID:
        put_vendor(g, out);
        break;
    case SELV_SUIT_PARAMETER_CLASS_ID:
    case SELV_SUIT_PARAMETER_DEVICE_ID:
        put_uuid(out, chance(g, 10) ? 9 : 2, fault(g) ? 17 : 16);
        break;
    case SELV_SUIT_PARAMETER_IMAGE_DIGEST:
        put_image_digest(g, out, n);
        break;
    case SELV_SUIT_PARAMETER_COMPONENT_SLOT:
        put_int(out, chance(g, 25) ? 1 : 0);
        break;
    case SELV_SUIT_PARAMETER_STRICT_ORDER:
        put_simple(out, chance(g, 30) ? CBOR_TRUE : CBOR_FALSE);
        break;
    case SELV_SUIT_PARAMETER_SOFT_FAILURE:
        put_simple(out, chance(g, 50) ? CBOR_TRUE : CBOR_FALSE);
        break;
    case SELV_SUIT_PARAMETER_IMAGE_SIZE:
        put_int(out, chance(g, 85)  ? (int64_t)world_pool(n).len
                     : chance(g, 5) ? UINT32_MAX
                                    : roll(g, 16));
        break;
    case SELV_SUIT_PARAMETER_URI:
        put_uri(g, out, n);
        break;
    case SELV_SUIT_PARAMETER_SOURCE_COMPONENT:
        put_head(out, CBOR_UINT, some_index(g));
        break;
    case SELV_SUIT_PARAMETER_CONTENT:
        put_pool(g, out);
        break;
    case SELV_SUIT_PARAMETER_INVOKE_ARGS:
    case SELV_SUIT_PARAMETER_FETCH_ARGUMENTS:
        put_pool(g, out);
        break;
    default: /* private: any item */
        put_odd(g, out);
        break;
    }
}

static bool may_be_set(struct generator *g, const struct spot *spot,
                       int parameter)
{
    if (parameter > 0 && (g->known.parameters >> parameter & 1) == 0) {
        return fault(g);
    }
    if (parameter == SELV_SUIT_PARAMETER_SOFT_FAILURE && spot->depth == 0) {
        return fault(g);
    }
    if (parameter < 0 && (spot->section < 0 || !g->known.has_private)) {
        return fault(g);
    }
    return true;
}

/* A map in another order, with a key twice, or with a key that nobody
 * knows. */
static void put_bad_parameters(struct generator *g, struct grown *out)
{
    static const int unknown[] = {0, 4, 11, 19, 26, 64, -1, -256, -258};
    unsigned kind = roll(g, 5);
    put_head(out, CBOR_MAP, kind < 2 ? 2 : kind < 4 ? 1 : 0);
    if (kind < 2) {
        put_int(out, 14);
        put_int(out, 1);
        put_int(out, kind == 0 ? 5 : 14);
        put_int(out, 1);
    } else if (kind == 2) {
        put_int(out, unknown[roll(g, 9)]);
        put_int(out, 1);
    } else if (kind == 3) {
        put_tstr(out, "5");
        put_int(out, 1);
    }
}

/* override-parameters of those whose bit is set; none: of some. */
static void put_override(struct generator *g, struct grown *out,
                         struct spot *spot, uint64_t wanted, unsigned n)
{
    put_int(out, SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS);
    if (fault(g)) {
        if (chance(g, 20)) {
            put_odd(g, out);
        } else {
            put_bad_parameters(g, out);
        }
        return;
    }
    struct grown map = {0};
    unsigned count = 0;
    for (size_t i = 0; i < PARAMETERS; i++) {
        int p = parameters[i];
        bool is_wanted = wanted != 0 ? p > 0 && (wanted >> p & 1) != 0
                         : p == SELV_SUIT_PARAMETER_STRICT_ORDER
                             ? chance(g, 12)
                             : chance(g, 20);
        if (is_wanted && may_be_set(g, spot, p)) {
            put_int(&map, p);
            put_value(g, &map, p, n);
            spot->is_loose |= p == SELV_SUIT_PARAMETER_STRICT_ORDER;
            count++;
        }
    }
    if (count == 0) {
        put_int(&map, SELV_SUIT_PARAMETER_IMAGE_DIGEST);
        put_value(g, &map, SELV_SUIT_PARAMETER_IMAGE_DIGEST, n);
        count = 1;
    }
    put_head(out, CBOR_MAP, count);
    grown_add(out, map.p, map.len);
    free(map.p);
}

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

static const uint8_t private_sections = 0x1f;

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
static void put_outermost(struct generator *g, struct grown *out, int section)
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

/* ---- manifest ----------------------------------------------------------- */

static void put_component(struct generator *g, struct grown *out,
                          struct selv_bytes id)
{
    if (!fault(g)) {
        grown_add(out, id.p, id.len);
        return;
    }
    switch (roll(g, 3)) {
    case 0: /* one that no device has */
        put_head(out, CBOR_ARRAY, 1);
        put_bstr(out, "\x77", 1);
        break;
    case 1:
        put_head(out, CBOR_ARRAY, 1);
        put_tstr(out, "0");
        break;
    default:
        put_odd(g, out);
        break;
    }
}

/* Some of the device's components, in an order of their own. */
static void put_components(struct generator *g, struct grown *out,
                           const struct generated *made)
{
    size_t count = g->components;
    unsigned first = roll(g, WORLD_COMPONENTS);
    unsigned step = WORLD_COMPONENTS % 2 != 0 && chance(g, 50) ? 2 : 1;
    size_t twin = SIZE_MAX;
    if (fault(g)) {
        switch (roll(g, 3)) {
        case 0:
            count = 0;
            break;
        case 1:
            count = SELV_SUIT_COMPONENTS_MAX + 1;
            break;
        default:
            twin = count - 1;
            break;
        }
    }
    put_head(out, CBOR_ARRAY, count + (twin != SIZE_MAX));
    for (size_t i = 0; i < count; i++) {
        size_t k = (first + i * step) % WORLD_COMPONENTS;
        put_component(g, out, made->components[k].id);
        if (i == twin) {
            put_component(g, out, made->components[k].id);
        }
    }
}

static void put_common(struct generator *g, struct grown *out,
                       const struct generated *made)
{
    struct grown map = {0};
    bool has_shared = chance(g, 75);
    bool has_components = !fault(g);
    unsigned odd = fault(g) ? 1 + 2 * roll(g, 2) : 0; /* an unassigned key */
    put_head(&map, CBOR_MAP,
             (uint64_t)has_shared + has_components + (odd != 0));
    if (odd == 1) {
        put_int(&map, 1);
        put_int(&map, 0);
    }
    if (has_components) {
        put_int(&map, SELV_SUIT_COMMON_COMPONENTS);
        put_components(g, &map, made);
    }
    if (odd == 3) {
        put_int(&map, 3);
        put_int(&map, 0);
    }
    if (has_shared) {
        put_int(&map, SELV_SUIT_COMMON_SHARED_SEQUENCE);
        put_outermost(g, &map, -1);
    }
    put_bstr(out, map.p, map.len);
    free(map.p);
}

#define TEXT (SELV_SUIT_SECTION_INVOKE + 1) /* no section, but severable */

/* Elements of the manifest behind common. */
static const struct {
    int key, section;
    unsigned percent;
    bool is_severable;
} sections[] = {{7, SELV_SUIT_SECTION_VALIDATE, 70, false},
                {8, SELV_SUIT_SECTION_LOAD, 35, false},
                {9, SELV_SUIT_SECTION_INVOKE, 60, false},
                {16, SELV_SUIT_SECTION_PAYLOAD_FETCH, 40, true},
                {20, SELV_SUIT_SECTION_INSTALL, 70, true},
                {23, TEXT, 15, true}};

static void put_text(struct grown *out)
{
    put_bstr(out, "\xa1\x62\x65\x6e\xa1\x01\x61\x78", 8); /* {"en": {1: "x"}} */
}

/* Into the manifest, or as a digest there and as bytes into the envelope. */
static unsigned put_section(struct generator *g, struct grown *map,
                            struct grown *severed, size_t i,
                            unsigned *severed_count)
{
    if (!chance(g, sections[i].percent)) {
        return 0;
    }
    struct grown bytes = {0};
    if (sections[i].section == TEXT) {
        put_text(&bytes);
    } else {
        put_outermost(g, &bytes, sections[i].section);
    }
    put_int(map, sections[i].key);
    bool is_severed = chance(g, 25);
    if ((sections[i].is_severable && is_severed) || (is_severed && fault(g))) {
        put_digest(g, map, selv_bytes(bytes.p, bytes.len));
        if (fault(g)) {
            bytes.p[bytes.len - 1] ^= 1;
        }
        if (!chance(g, 15)) {
            put_int(severed, sections[i].key);
            grown_add(severed, bytes.p, bytes.len);
            (*severed_count)++;
        }
    } else {
        grown_add(map, bytes.p, bytes.len);
        if (fault(g)) { /* in both places */
            put_int(severed, sections[i].key);
            grown_add(severed, bytes.p, bytes.len);
            (*severed_count)++;
        }
    }
    free(bytes.p);
    return 1;
}

/* Version, sequence number, common; one of them missing or odd. */
static unsigned put_required(struct generator *g, struct grown *map,
                             const struct generated *made)
{
    unsigned count = 0;
    uint64_t number = made->device.sequence_min + roll(g, 2);
    if (!fault(g)) {
        put_int(map, SELV_SUIT_KEY_VERSION);
        put_int(map, fault(g) ? 2 : 1);
        count++;
    }
    if (!fault(g)) {
        put_int(map, SELV_SUIT_KEY_SEQUENCE_NUMBER);
        if (fault(g)) {
            put_head(map, CBOR_UINT, made->device.sequence_min - 1);
        } else {
            put_head(map, CBOR_UINT, number);
        }
        count++;
    }
    if (fault(g)) { /* keys twice */
        put_int(map, SELV_SUIT_KEY_SEQUENCE_NUMBER);
        put_head(map, CBOR_UINT, number);
        count++;
    }
    if (!fault(g)) {
        put_int(map, SELV_SUIT_KEY_COMMON);
        put_common(g, map, made);
        count++;
    }
    return count;
}

static void put_manifest(struct generator *g, struct grown *out,
                         struct grown *severed, unsigned *severed_count,
                         const struct generated *made)
{
    static const int unknown[] = {5,  6,  10, 11, 12, 13,
                                  14, 15, 17, 18, 24, -257};
    struct grown map = {0};
    unsigned count = put_required(g, &map, made);
    if (chance(g, 20)) {
        put_int(&map, SELV_SUIT_KEY_REFERENCE_URI);
        if (fault(g)) {
            put_bstr(&map, "x", 1);
        } else {
            put_tstr(&map, "coap://example.org/m");
        }
        count++;
    }
    int odd = fault(g) ? unknown[roll(g, 12)] : 0;
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (odd > 0 && odd < sections[i].key) {
            put_int(&map, odd);
            put_int(&map, 0);
            count++;
            odd = 0;
        }
        count += put_section(g, &map, severed, i, severed_count);
    }
    if (odd != 0) {
        put_int(&map, odd);
        put_int(&map, 0);
        count++;
    } else if (fault(g)) { /* the order */
        put_int(&map, SELV_SUIT_KEY_REFERENCE_URI);
        put_tstr(&map, "x");
        count++;
    }
    put_head(out, CBOR_MAP, count);
    grown_add(out, map.p, map.len);
    free(map.p);
}

/* ---- envelope ----------------------------------------------------------- */

/* [ digest, block ]; the cryptography of these tests believes any
 * signature. */
static void put_wrapper(struct grown *out, struct selv_bytes manifest)
{
    static const uint8_t zeros[SELV_P256_SIGNATURE_LEN] = {0};
    uint8_t hash[SELV_SHA256_LEN];
    struct grown wrapped = {0}, digest = {0}, block = {0}, wrapper = {0};
    put_bstr(&wrapped, manifest.p, manifest.len);
    sha256(selv_bytes(wrapped.p, wrapped.len), hash);
    put_head(&digest, CBOR_ARRAY, 2);
    put_int(&digest, SELV_SUIT_DIGEST_SHA256);
    put_bstr(&digest, hash, sizeof hash);
    put_head(&block, CBOR_TAG, 18); /* COSE_Sign1 [RFC 9052 4.2] */
    put_head(&block, CBOR_ARRAY, 4);
    put_bstr(&block, "\xa1\x01\x28", 3); /* {1: -9} */
    put_head(&block, CBOR_MAP, 0);
    put_simple(&block, CBOR_NULL);
    put_bstr(&block, zeros, sizeof zeros);
    put_head(&wrapper, CBOR_ARRAY, 2);
    put_bstr(&wrapper, digest.p, digest.len);
    put_bstr(&wrapper, block.p, block.len);
    put_bstr(out, wrapper.p, wrapper.len);
    free(wrapped.p);
    free(digest.p);
    free(block.p);
    free(wrapper.p);
}

static unsigned put_payloads(struct generator *g, struct grown *out)
{
    unsigned count = 0;
    if (fault(g)) { /* an element of another specification */
        put_int(out, 24);
        put_bstr(out, "", 0);
        count++;
    }
    static const char *const keys[] = {"#a", "#b", "u1"};
    for (unsigned i = 0; i < 3; i++) {
        if (!chance(g, i < 2 ? 60 : 15)) {
            continue;
        }
        put_tstr(out, keys[i]);
        if (fault(g)) {
            put_tstr(out, "x");
        } else {
            put_pool(g, out);
        }
        count++;
    }
    return count;
}

static void put_envelope(struct generator *g, struct generated *made)
{
    struct grown *out = &made->envelope;
    struct grown manifest = {0}, severed = {0};
    unsigned count = 0;
    put_manifest(g, &manifest, &severed, &count, made);
    count += put_payloads(g, &severed);
    put_head(out, CBOR_TAG, SELV_SUIT_TAG_ENVELOPE);
    put_head(out, CBOR_MAP, 2 + count);
    put_int(out, SELV_SUIT_KEY_AUTHENTICATION);
    put_wrapper(out, selv_bytes(manifest.p, manifest.len));
    put_int(out, SELV_SUIT_KEY_MANIFEST);
    put_bstr(out, manifest.p, manifest.len);
    grown_add(out, severed.p, severed.len);
    free(manifest.p);
    free(severed.p);
}

/* ---- device ------------------------------------------------------------- */

static void make_device(struct generator *g, struct generated *made)
{
    static const struct selv_suit_private_command commands[] = {
        {-300, private_sections, true},
        {-301,
         1u << SELV_SUIT_SECTION_INSTALL | 1u << SELV_SUIT_SECTION_LOAD |
             1u << SELV_SUIT_SECTION_VALIDATE | 1u << SELV_SUIT_SECTION_INVOKE |
             1u << SELV_SUIT_SECTION_PAYLOAD_FETCH,
         false}};
    static const int32_t private_parameters[] = {-257, -300};
    static uint8_t vendor[16], class[16];
    static const uint8_t pen[] = {0xd8, 0x70, 0x43, 0x82, 0x37, 0x01};
    memset(vendor, 0x11, sizeof vendor);
    memset(class, 0x22, sizeof class);
    for (unsigned i = 0; i < WORLD_COMPONENTS; i++) {
        uint8_t id[3] = {0x81, 0x41, (uint8_t)i}; /* [h'<i>'] */
        memcpy(made->ids[i], id, sizeof id);
        made->components[i].id = selv_bytes(made->ids[i], sizeof id);
        made->components[i].slot = chance(g, 25) ? 1 : 0;
        struct selv_bytes content = world_pool(some_content(g));
        memcpy(made->world.content[i], content.p, content.len);
        made->world.content_len[i] = content.len;
    }
    made->private =
        (struct selv_suit_private){commands, 2, private_parameters, 2};
    made->anchor = (struct selv_cose_key){.method = &selv_cose_es256};
    made->device = (struct selv_suit_device){
        .components = made->components,
        .component_count = WORLD_COMPONENTS,
        .vendor_id = chance(g, 3) ? NULL : vendor,
        .class_id = chance(g, 3) ? NULL : class,
        .device_id = chance(g, 20) ? NULL : class,
        .vendor_pen = selv_bytes(pen, chance(g, 10) ? 0 : sizeof pen),
        .anchors = &made->anchor,
        .anchor_count = 1,
        .sequence_min = 1 + roll(g, 3),
        .private = chance(g, 95) ? &made->private : NULL};
}

/* A bootloader that can do much, seldom all. */
static void make_bootloader(struct generator *g, struct generated *made)
{
    static const uint8_t commands[] = {1, 3, 6, 15, 18, 20, 22, 24, 31, 32};
    static const uint32_t some[] = {1,        3, /* PENs; all vendors */
                                    1u << 3,  1u << 5,  1u << 12,
                                    1u << 13, 1u << 18, 1u << 21,
                                    1u << 22, 1u << 23, 1u << 24};
    bool is_weak = chance(g, 50);
    made->boot = (struct selv_suit_capability){
        .commands = UINT64_MAX & ~((uint64_t)is_weak << commands[roll(g, 10)]),
        .parameters = UINT32_MAX & ~(is_weak ? some[roll(g, 11)] : 0),
        .envelope_max = SELV_SUIT_ENVELOPE_MAX,
        .sections = chance(g, 10) ? 0x17 : 0x1f,
        .components_max = chance(g, 10) ? 2 : SELV_SUIT_COMPONENTS_MAX,
        .depth_max = chance(g, 20) ? 1 : SELV_SUIT_DEPTH_MAX,
        .signers_max = SELV_SUIT_SIGNERS_MAX};
    made->device.boot = &made->boot;
    g->known.has_private = g->known.has_private && chance(g, 20);
}

void generate(struct generated *made, struct dice *d,
              const struct generate_known *known)
{
    struct generator g = {.dice = d, .fault_in = -1, .known = *known};
    *made = (struct generated){.faults = 0};
    /* Three in ten get a fault, if they are long enough for its place. */
    if (chance(&g, 30)) {
        g.fault_in = (int)(roll(&g, 256) * (1 + roll(&g, 4)) / 4);
    }
    g.components = 1 + roll(&g, SELV_SUIT_COMPONENTS_MAX);
    make_device(&g, made);
    if (known->has_bootloader && chance(&g, 25)) {
        make_bootloader(&g, made);
    }
    put_envelope(&g, made);
    made->faults = g.faults;
    made->world.envelope = selv_bytes(made->envelope.p, made->envelope.len);
    made->world.mood = roll(&g, 256);
    made->world.fail_in = chance(&g, 40) ? 8 + roll(&g, 12) : 0;
}

void generate_free(struct generated *made)
{
    free(made->envelope.p);
}
