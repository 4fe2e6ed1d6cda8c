/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/canary_real.h - the real journal under other names, for canaries whose
 * mistake lies elsewhere. */
#ifndef SELV_SIM_CANARY_REAL_H
#define SELV_SIM_CANARY_REAL_H

#include "store/journal.h"

enum selv_err real_journal_read(const struct selv_flash *flash,
                                const struct selv_layout *layout,
                                struct selv_journal *out);
enum selv_err real_journal_write(const struct selv_flash *flash,
                                 const struct selv_layout *layout,
                                 struct selv_journal *record);
bool real_journal_is_sane(const struct selv_journal *record);

#endif
