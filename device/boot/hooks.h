/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/hooks.h - what hardware may have to make a boot safer, each of it
 * optional, and the call that uses it in the right order. A port without any of
 * it calls selv_boot_choose itself and links none of this. */
#ifndef SELV_BOOT_HOOKS_H
#define SELV_BOOT_HOOKS_H

#include "boot/boot.h"

/* Any function may be NULL: the hardware has no such thing. */
struct selv_boot_hooks {
    void *port; /* handed back to the functions below */
    /* A counter that cannot fall (OTP, RPMB, a secure world) and backs the
     * floor: an attacker who puts an old journal back gains nothing. An error
     * of either means that nothing boots. raise is called only with more than
     * read gave. */
    enum selv_err (*counter_read)(void *port, uint64_t *floor);
    enum selv_err (*counter_raise)(void *port, uint64_t floor);
    /* Map the slot to the address that images are linked for. An error means
     * that nothing boots. */
    enum selv_err (*remap)(void *port, uint8_t slot);
    /* Close journal, factory data and, where there is one, the loader's slot
     * until the next reset. Called last, also when nothing boots. An error
     * means that nothing boots. */
    enum selv_err (*lock)(void *port);
};

/* selv_boot_choose with the hardware's help: counter read, choice, counter
 * raised to the floor, slot mapped, all locked. SELV_GOOD: jump now. SELV_BAD
 * as selv_boot_choose, and for a hook's error, with its reason in the record.
 */
SELV_MUST_CHECK enum selv_verdict
selv_boot_run(struct selv_boot *boot, const struct selv_boot_hooks *hooks,
              struct selv_boot_record *record);

#endif
