/* SPDX-License-Identifier: Apache-2.0
 *
 * Built without libcurl: web servers are refused by name. */
#include <stdio.h>

#include "posix/source.h"

static struct selv_source *none_open(const char *uri,
                                     struct selv_posix_why *why)
{
    snprintf(why->text, sizeof why->text,
             "'%.120s': this program was built without libcurl, which web "
             "servers need",
             uri);
    return NULL;
}

const struct selv_source_kind selv_source_http = {.scheme = "http://",
                                                  .open = none_open};
const struct selv_source_kind selv_source_https = {.scheme = "https://",
                                                   .open = none_open};
