/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fault/elf.c - ELF for 32-bit Arm, little endian. The file comes from
 * our own linker; what is checked keeps a wrong file from being read astray. */
#include "elf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t word(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

static uint32_t half(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint8_t *file_read(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(4u << 20);
    *len = 0;
    if (f != NULL && bytes != NULL) {
        *len = fread(bytes, 1, 4u << 20, f);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return bytes;
}

static bool is_inside(size_t off, size_t len, size_t size)
{
    return off <= size && len <= size - off;
}

/* What is loaded at its physical address, below ELF_ROM_MAX. */
static bool segments_read(struct elf *elf, const uint8_t *p, size_t len)
{
    uint32_t at = word(p + 28), size = half(p + 42), count = half(p + 44);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_inside(at + i * size, 32, len)) {
            return false;
        }
        const uint8_t *h = p + at + i * size;
        uint32_t off = word(h + 4), to = word(h + 12), n = word(h + 16);
        if (word(h) != 1 || n == 0) {
            continue;
        }
        if (!is_inside(off, n, len) || !is_inside(to, n, ELF_ROM_MAX)) {
            return false;
        }
        memcpy(elf->rom + to, p + off, n);
        if (to + n > elf->rom_len) {
            elf->rom_len = to + n;
        }
    }
    return elf->rom_len >= 64;
}

static int by_address(const void *a, const void *b)
{
    const struct elf_function *x = a, *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

static bool symbols_read(struct elf *elf, const uint8_t *p, size_t len,
                         const uint8_t *table, const uint8_t *names)
{
    uint32_t off = word(table + 16), n = word(table + 20) / 16;
    uint32_t text = word(names + 16), text_len = word(names + 20);
    if (!is_inside(off, n * 16, len) || !is_inside(text, text_len, len)) {
        return false;
    }
    elf->functions = calloc(n, sizeof *elf->functions);
    if (elf->functions == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *s = p + off + i * 16;
        if ((s[12] & 15) == 2 && word(s) < text_len && word(s + 8) != 0) {
            struct elf_function *f = &elf->functions[elf->function_count++];
            f->address = word(s + 4) & ~1u;
            f->len = word(s + 8);
            (void)snprintf(f->name, sizeof f->name, "%.*s",
                           (int)(text_len - word(s)),
                           (const char *)p + text + word(s));
        }
    }
    qsort(elf->functions, elf->function_count, sizeof *elf->functions,
          by_address);
    return true;
}

static bool parse(struct elf *elf, const uint8_t *p, size_t len)
{
    if (len < 52 || memcmp(p, "\177ELF\1\1", 6) != 0 || half(p + 18) != 40 ||
        !segments_read(elf, p, len)) {
        return false;
    }
    uint32_t at = word(p + 32), size = half(p + 46), count = half(p + 48);
    for (uint32_t i = 0; i < count && is_inside(at, (i + 1) * size, len); i++) {
        const uint8_t *h = p + at + i * size;
        uint32_t link = word(h + 24);
        if (word(h + 4) == 2 && link < count) {
            return symbols_read(elf, p, len, h, p + at + link * size);
        }
    }
    return false;
}

bool elf_read(struct elf *elf, const char *path)
{
    size_t len;
    uint8_t *bytes = file_read(path, &len);
    memset(elf, 0, sizeof *elf);
    bool is_good = bytes != NULL && parse(elf, bytes, len);
    if (!is_good) {
        fprintf(stderr, "fault: %s: not a bootloader for the board\n", path);
    }
    free(bytes);
    return is_good;
}

const struct elf_function *elf_find(const struct elf *elf, const char *name)
{
    for (size_t i = 0; i < elf->function_count; i++) {
        if (strcmp(elf->functions[i].name, name) == 0) {
            return &elf->functions[i];
        }
    }
    return NULL;
}

const struct elf_function *elf_at(const struct elf *elf, uint32_t address)
{
    for (size_t i = 0; i < elf->function_count; i++) {
        const struct elf_function *f = &elf->functions[i];
        if (address - f->address < f->len) {
            return f;
        }
    }
    return NULL;
}

void elf_free(struct elf *elf)
{
    free(elf->functions);
    elf->functions = NULL;
}
