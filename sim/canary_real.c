/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/canary_real.c - see sim/canary_real.h. The journal's own header, which
 * it includes, declares the other names. */
#define selv_journal_read real_journal_read
#define selv_journal_write real_journal_write
#define selv_journal_is_sane real_journal_is_sane
#define selv_journal_next_serial real_journal_next_serial
#include "../lib/store/journal.c"
