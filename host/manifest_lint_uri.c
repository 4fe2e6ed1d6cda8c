/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules about URIs and integrated payloads. */
#include "host/manifest_lint_int.h"

#include <stdlib.h>
#include <strings.h>

#include "host/uri.h"

struct uris {
    struct lint *l;
    const struct manifest_section *section;
    uint8_t *is_fetched; /* of each payload: a URI names it */
    size_t last;         /* the payload named last, count: none yet */
};

/* ---- URIs ---------------------------------------------------------------- */

/* The authority between "//" and the path [RFC 3986 3.2]. */
static struct selv_bytes authority_of(struct selv_bytes uri)
{
    size_t from = 0;
    size_t to;

    while (from + 1 < uri.len &&
           !(uri.p[from] == '/' && uri.p[from + 1] == '/')) {
        if (uri.p[from] == '?' || uri.p[from] == '#' || uri.p[from] == '/') {
            return selv_bytes(NULL, 0);
        }
        from++;
    }
    if (from + 1 >= uri.len) {
        return selv_bytes(NULL, 0);
    }
    from += 2;
    for (to = from; to < uri.len && uri.p[to] != '/' && uri.p[to] != '?' &&
                    uri.p[to] != '#';
         to++) {
    }
    return selv_bytes(uri.p + from, to - from);
}

static bool begins(struct selv_bytes text, const char *with)
{
    size_t len = strlen(with);

    return text.len >= len && strncasecmp((const char *)text.p, with, len) == 0;
}

/* The text, or the text and a port behind it. */
static bool is_host(struct selv_bytes host, const char *name)
{
    size_t len = strlen(name);

    return begins(host, name) && (host.len == len || host.p[len] == ':');
}

static bool is_loopback(struct selv_bytes host)
{
    return is_host(host, "localhost") || begins(host, "127.") ||
           is_host(host, "[::1]") || is_host(host, "0.0.0.0");
}

static void uri_check(struct uris *u, const struct lint_at *at,
                      struct selv_bytes uri)
{
    struct selv_bytes authority = authority_of(uri);
    const char *wrong = selv_uri_wrong(uri);
    const uint8_t *sign =
        authority.len == 0 ? NULL : memchr(authority.p, '@', authority.len);
    struct selv_bytes host = authority;

    if (wrong != NULL) {
        lint_find(u->l, LINT_URI_MALFORMED, at, "the URI %s", wrong);
    }
    if (sign != NULL) {
        lint_find(u->l, LINT_URI_USERINFO, at,
                  "the URI has a user name in it, perhaps a password");
        host = selv_bytes(sign + 1,
                          (size_t)(authority.p + authority.len - (sign + 1)));
    }
    if (is_loopback(host)) {
        lint_find(u->l, LINT_URI_LOOPBACK, at, "%.*s is the device itself",
                  (int)host.len, (const char *)host.p);
    }
    if (uri.len > SELV_SUIT_URI_MAX) {
        lint_find(u->l, LINT_DEVICE_LIMIT, at,
                  "the URI has %zu bytes; devices take %u "
                  "(SELV_SUIT_URI_MAX)",
                  uri.len, (unsigned)SELV_SUIT_URI_MAX);
    }
}

/* ---- payloads ------------------------------------------------------------ */

static void payload_check(struct uris *u, const struct lint_at *at,
                          struct selv_bytes uri)
{
    const struct manifest_list *payloads = &u->l->tree->payloads;

    for (size_t i = 0; i < payloads->count; i++) {
        if (!selv_bytes_equal(payloads->pairs[i].key, uri)) {
            continue;
        }
        if (u->last < payloads->count && i < u->last && !u->is_fetched[i]) {
            lint_find(u->l, LINT_PAYLOAD_ORDER, at,
                      "payload %.*s lies before one that is fetched earlier: "
                      "a device that cannot hold the envelope refuses it",
                      (int)uri.len, (const char *)uri.p);
        }
        if (!u->is_fetched[i]) {
            u->last = i;
        }
        u->is_fetched[i] = 1;
        return;
    }
    if (uri.len > 0 && uri.p[0] == '#') {
        lint_find(u->l, LINT_PAYLOAD_MISSING, at,
                  "the envelope has no payload %.*s", (int)uri.len,
                  (const char *)uri.p);
    }
}

static void parameters_walk(struct uris *u, const struct place *path,
                            const struct manifest_command *command)
{
    struct selv_cbor r;
    uint32_t count;

    selv_cbor_init(&r, command->argument);
    if (selv_cbor_map(&r, &count) != SELV_OK) {
        return;
    }
    for (; count > 0; count--) {
        struct place up = place_member(path, "override-parameters");
        struct place here = place_member(&up, "uri");
        struct lint_at at = {u->section->word->name, &here, r.p};
        struct selv_bytes item;
        struct selv_bytes uri;
        struct selv_cbor value;
        int32_t code;

        if (selv_cbor_int(&r, &code) != SELV_OK ||
            selv_cbor_skip(&r, &item) != SELV_OK) {
            return;
        }
        selv_cbor_init(&value, item);
        if (code == SELV_SUIT_PARAMETER_URI &&
            selv_cbor_tstr(&value, &uri) == SELV_OK) {
            uri_check(u, &at, uri);
            payload_check(u, &at, uri);
        }
    }
}

static void sequence_walk(struct uris *u, const struct place *path,
                          const struct manifest_sequence *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct manifest_command *command = &s->commands[i];
        struct place here = place_element(path, i);
        char number[16];
        struct place named =
            place_member(&here, lint_command_name(command->code, number));

        if (command->code == SELV_SUIT_DIRECTIVE_OVERRIDE_PARAMETERS) {
            parameters_walk(u, &here, command);
        }
        for (size_t k = 0; k < command->nested_count; k++) {
            struct place inner = place_element(&named, k);

            sequence_walk(
                u,
                command->code == SELV_SUIT_DIRECTIVE_TRY_EACH ? &inner : &named,
                &command->nested[k]);
        }
    }
}

static void unused_find(struct uris *u, bool has_absent)
{
    const struct manifest_list *payloads = &u->l->tree->payloads;

    for (size_t i = 0; i < payloads->count && !has_absent; i++) {
        char *name = strndup((const char *)payloads->pairs[i].key.p,
                             payloads->pairs[i].key.len);
        struct place up = place_member(NULL, "payloads");
        struct place path = place_member(&up, name == NULL ? "" : name);
        struct lint_at at = {NULL, &path, payloads->pairs[i].key.p};

        if (!u->is_fetched[i]) {
            lint_find(u->l, LINT_PAYLOAD_UNUSED, &at,
                      "no URI names the payload %s", name == NULL ? "" : name);
        }
        free(name);
    }
}

void lint_uris(struct lint *l)
{
    size_t count = l->tree->payloads.count;
    struct uris u = {.l = l, .is_fetched = calloc(count + 1, 1), .last = count};
    bool has_absent = false;

    if (u.is_fetched == NULL) {
        return;
    }
    for (size_t i = 0; i < MANIFEST_SECTIONS; i++) {
        const struct manifest_section *s = &l->tree->sections[i];
        struct place path = place_member(NULL, s->word->name);

        u.section = s;
        has_absent = has_absent || (s->is_digest && !s->is_commands &&
                                    s->word->code != SELV_SUIT_KEY_TEXT);
        if (s->is_commands) {
            sequence_walk(&u, &path, &s->sequence);
        }
    }
    unused_find(&u, has_absent);
    free(u.is_fetched);
}
