/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/stage.h - a bootloader that can be updated: stage 0, frozen, starts one
 * of two slots with stage 1, the bootloader proper, which starts the
 * application. Stage 0 is this library with strategy ab, over a layout
 * ("outer") and a component of its own; stage 1 is this library with any
 * strategy, over its own ("inner"). Neither knows of the other. DESIGN.md,
 * "Stages", says who confirms whom.
 *
 * Calls: in stage 0: 1 selv_factory_decode  2 selv_stage_factory
 *        3 selv_stage_check  4 selv_boot_choose with the outer layout, lock,
 *        jump. In stage 1: as any bootloader, with the inner layout. In the
 *        application: selv_stage_confirm when its own self-test was good; an
 *        update of stage 1 as any other, by a consumer with the outer layout,
 *        stage 0's factory data and its boot record. */
#ifndef SELV_BOOT_STAGE_H
#define SELV_BOOT_STAGE_H

#include "base/base.h"
#include "store/factory.h"
#include "store/flash.h"
#include "store/layout.h"
#include "store/record.h"

/* Turn factory data into those of stage 0: its component is the application's
 * with one more element, h'62', and its seed another, so that no nonce of one
 * stage is one of the other. SELV_ERR_ARG when the identifier gets too long;
 * *factory is as it was then. */
SELV_MUST_CHECK enum selv_err selv_stage_factory(struct selv_factory *factory);

/* SELV_ERR_STORE_LAYOUT when either layout is bad, or they share more than
 * factory data and random counter, each wholly or not at all. */
SELV_MUST_CHECK enum selv_err selv_stage_check(const struct selv_layout *outer,
                                               const struct selv_layout *inner,
                                               const struct selv_flash *flash);

/* For the application: stage 1 is sound, since it brought us here. record: of
 * stage 0, in this boot. Writes the outer update log, once, and only while
 * stage 1 is on trial. SELV_ERR_FLASH_IO. */
SELV_MUST_CHECK enum selv_err
selv_stage_confirm(const struct selv_flash *flash,
                   const struct selv_layout *outer,
                   const struct selv_boot_record *record);

#endif
