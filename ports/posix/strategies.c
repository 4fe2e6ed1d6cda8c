/* SPDX-License-Identifier: Apache-2.0 */
#include "posix/strategies.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#define NAME_CAP 16

static const struct selv_posix_strategy all[] = {
    {"ab", &selv_strategy_ab, &selv_layout_default},
    {"swap", &selv_strategy_swap, &selv_layout_in_place},
    {"overwrite", &selv_strategy_overwrite, &selv_layout_in_place},
    {"ram", &selv_strategy_ram, &selv_layout_default},
    {"loader", &selv_strategy_loader, &selv_layout_default},
};

const struct selv_posix_strategy *selv_posix_strategy_find(const char *name)
{
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(all[i].name, name) == 0) {
            return &all[i];
        }
    }
    return NULL;
}

const struct selv_posix_strategy *
selv_posix_strategy_of(const char *state_dir, const char *wanted,
                       struct selv_posix_why *why)
{
    const struct selv_posix_strategy *found = NULL;
    char path[PATH_MAX], name[NAME_CAP] = "";
    FILE *f = NULL;

    if (snprintf(path, sizeof path, "%s/" SELV_POSIX_STRATEGY_NAME, state_dir) <
        (int)sizeof path) {
        f = fopen(path, "re");
    }
    if (f == NULL && errno != EACCES) {
        return selv_posix_strategy_find(wanted != NULL ? wanted : all[0].name);
    }
    if (f != NULL && fgets(name, sizeof name, f) != NULL) {
        name[strcspn(name, "\n")] = '\0';
        found = selv_posix_strategy_find(name);
    }
    if (f != NULL) {
        fclose(f);
    }
    if (found == NULL) {
        snprintf(why->text, sizeof why->text,
                 "%.160s does not name a strategy of the bootloader", path);
    } else if (wanted != NULL && strcmp(wanted, found->name) != 0) {
        snprintf(why->text, sizeof why->text,
                 "%.120s was provisioned for the strategy %s, not for %s",
                 state_dir, found->name, wanted);
        found = NULL;
    }
    return found;
}
