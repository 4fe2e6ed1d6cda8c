/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/fast.h - functions of the bootloader done by the host: what they
 * compute, for whatever they are given, faulty or not; only what they leave
 * behind in scratch registers and below the stack pointer is other garbage. */
#ifndef SELV_TEST_FAULT_FAST_H
#define SELV_TEST_FAULT_FAST_H

#include "elf.h"

/* Replace what there is in this ELF. False, with a line on stderr, when the
 * curve's functions are not there, without which a run takes too long. */
bool fast_install(const struct elf *elf);

#endif
