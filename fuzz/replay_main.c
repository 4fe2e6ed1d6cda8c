/* SPDX-License-Identifier: Apache-2.0
 *
 * Stands in for libFuzzer's main: runs the target once on each file given, and
 * on each file in each folder given. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_run(const char *path)
{
    FILE *f = fopen(path, "rb");
    static uint8_t data[1 << 20];
    size_t len;
    uint8_t *exact;

    if (f == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    len = fread(data, 1, sizeof(data), f);
    fclose(f);
    /* A block of exactly this size lets the sanitizer see overreads. */
    exact = malloc(len == 0 ? 1 : len);
    if (exact == NULL) {
        return 1;
    }
    memcpy(exact, data, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    int count = 0;

    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        struct dirent *entry;
        char path[4096];

        if (folder == NULL) {
            failed |= file_run(argv[i]);
            count++;
            continue;
        }
        while ((entry = readdir(folder)) != NULL) {
            if (entry->d_name[0] != '.') {
                snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
                failed |= file_run(path);
                count++;
            }
        }
        closedir(folder);
    }
    printf("%d inputs replayed\n", count);
    return failed || count == 0;
}
