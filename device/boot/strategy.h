/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/strategy.h - where an update is put, who brings it to where it runs,
 * and how one gets back. A product names one strategy in struct selv_boot, so
 * that the linker drops what the others need.
 *
 *   strategy   slot A   slot B   who installs               way back
 *   ab         runs     runs     nobody                     the other slot
 *   remap      runs     runs     nobody; the port maps the  the other slot
 *                                slot to one address
 *   swap       runs     staging  the bootloader exchanges   exchanges again
 *                                the slots
 *   overwrite  runs     staging  the bootloader copies B    none; B still holds
 *                                over A                     what A should
 *   ram        storage  storage  nobody; at each boot the   the other slot
 *                                image is loaded into RAM,
 *                                hashed and run there
 *   loader     runs     loader   the loader, a small firmware   the loader
 *                                consumer, which never changes  fetches again
 *
 * Ram takes manifests with a load section (docs/spec/flash.md, "Loading"), and
 * flash that is not trusted. Swap and overwrite take manifests that say so
 * (docs/spec/flash.md, "Staging") and layouts as selv_layout_in_place: the
 * envelope moves with its image. */
#ifndef SELV_BOOT_STRATEGY_H
#define SELV_BOOT_STRATEGY_H

#include "base/base.h"

struct selv_strategy;

extern const struct selv_strategy selv_strategy_ab;
extern const struct selv_strategy selv_strategy_remap;
extern const struct selv_strategy selv_strategy_swap;
extern const struct selv_strategy selv_strategy_overwrite;
extern const struct selv_strategy selv_strategy_ram;
extern const struct selv_strategy selv_strategy_loader;

#endif
