/* SPDX-License-Identifier: Apache-2.0
 *
 * host/manifest_lint.h - what the draft says one should not do, and what will
 * hurt, in a manifest that devices may well accept. The rules are listed in
 * docs/spec/manifest-lint.md; their names are stable. */
#ifndef SELV_HOST_MANIFEST_LINT_H
#define SELV_HOST_MANIFEST_LINT_H

#include "host/manifest.h"

enum selv_lint_severity {
    SELV_LINT_NOTE,    /* as well to know */
    SELV_LINT_WARNING, /* should not be, or will hurt on some devices */
    SELV_LINT_ERROR    /* devices refuse it, or it cannot work */
};

/* A rule; the table ends with a NULL name. */
struct selv_lint_rule {
    const char *name;
    enum selv_lint_severity severity;
    const char *clause; /* of the manifest draft, or what else it rests on */
    const char *advice; /* what to do */
};
extern const struct selv_lint_rule selv_lint_rules[];

const char *selv_lint_severity_name(enum selv_lint_severity severity);

struct selv_lint_result {
    json_t *findings; /* a list, in the order of the bytes; each an object
                         with the members of docs/spec/manifest-json.md */
    size_t count[3];  /* by severity */
};

/* is_bare: the envelope comes from a template, so that nobody signed it yet.
 * False with *error when the bytes are no whole envelope. The caller decrefs
 * findings. */
bool selv_manifest_lint(struct selv_bytes envelope, bool is_bare,
                        struct selv_lint_result *result,
                        struct selv_error *error);

/* Keys that may have signed; ids and names as in selv_manifest_blocks. */
struct selv_lint_keys {
    const struct selv_cose_key *keys, *ids;
    const char *const *names;
    size_t count; /* 0: signatures are not verified */
};

/* The same, and what the keys say about the blocks. */
bool selv_manifest_lint_keys(struct selv_bytes envelope, bool is_bare,
                             const struct selv_lint_keys *keys,
                             struct selv_lint_result *result,
                             struct selv_error *error);

#endif
