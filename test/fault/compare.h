/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/compare.h - whether our machine does what QEMU's does. */
#ifndef SELV_TEST_FAULT_COMPARE_H
#define SELV_TEST_FAULT_COMPARE_H

#include "m3.h"

/* Run m, which was just reset, along QEMU's log (-singlestep -d
 * cpu,exec,nochain with -dfilter ranges: "0x44+0x24,0x68+0x190"), and
 * compare all registers and flags before each instruction in these ranges.
 * Ends where the log ends, or where m leaves ROM or has slept. Returns how many
 * instructions were the same; 0, with a line on stderr, when one was not. */
uint64_t compare_run(struct m3 *m, const char *log, const char *ranges);

#endif
