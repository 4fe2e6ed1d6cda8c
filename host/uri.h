/* SPDX-License-Identifier: Apache-2.0
 *
 * host/uri.h - the shape of a URI reference [RFC 3986 4.1]: its characters and
 * its parts, not what a scheme makes of them. */
#ifndef SELV_HOST_URI_H
#define SELV_HOST_URI_H

#include "base/base.h"

/* What is wrong with it, in words that follow "the URI"; NULL: nothing. An
 * empty reference is one. */
const char *selv_uri_wrong(struct selv_bytes uri);

/* The same for what "/i/..." is put behind: a scheme and an authority, or a
 * path from the root, and neither query nor fragment. */
const char *selv_uri_base_wrong(struct selv_bytes uri);

#endif
