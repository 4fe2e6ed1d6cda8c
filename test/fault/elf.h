/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/elf.h - what the linker made: the bytes at address 0, and which
 * function is where. */
#ifndef SELV_TEST_FAULT_ELF_H
#define SELV_TEST_FAULT_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ELF_NAME_MAX = 48, ELF_ROM_MAX = 64 * 1024 };

struct elf_function {
    uint32_t address; /* without the bit for Thumb */
    uint32_t len;
    char name[ELF_NAME_MAX];
};

struct elf {
    uint8_t rom[ELF_ROM_MAX];
    size_t rom_len;
    struct elf_function *functions; /* by address */
    size_t function_count;
};

/* False, with a line on stderr, for a file that is no such ELF. */
bool elf_read(struct elf *elf, const char *path);
/* NULL when there is none of that name. */
const struct elf_function *elf_find(const struct elf *elf, const char *name);
/* The function in which the address lies, or NULL. */
const struct elf_function *elf_at(const struct elf *elf, uint32_t address);
void elf_free(struct elf *elf);

#endif
