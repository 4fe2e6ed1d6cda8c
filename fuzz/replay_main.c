/* SPDX-License-Identifier: Apache-2.0
 *
 * replay_main.c - gives a fuzz target the inputs named on the command line:
 * files, or folders whose files are taken in order of name. Linked instead
 * of libFuzzer's main, so that every corpus is replayed by any compiler.
 *
 * Exit codes: 0 every input was run, 1 a named folder held none, 2 usage,
 * 3 an input could not be read. A target that finds a fault does not return. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The target gets a heap block of exactly the input's size, so that the
 * address sanitizer sees a read one byte past the end. */
static int input_run(const char *path)
{
    static uint8_t whole[INPUT_MAX];
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 3;
    }
    size_t len = fread(whole, 1, sizeof whole, f);
    int bad = ferror(f) || (len == sizeof whole && fgetc(f) != EOF);
    fclose(f);
    uint8_t *exact = bad ? NULL : malloc(len);
    if (bad || (exact == NULL && len > 0)) {
        fprintf(stderr, "%s: cannot be read, or is over 1 MiB\n", path);
        return 3;
    }
    if (len > 0) {
        memcpy(exact, whole, len);
    }
    /* Flushed first: after a crash this line says which input it was. */
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 0;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int folder_run(const char *folder, unsigned *count)
{
    struct dirent **names;
    int n = scandir(folder, &names, is_visible, alphasort);
    if (n < 0) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return 3;
    }
    int status = n == 0;
    if (n == 0) {
        fprintf(stderr, "%s: holds no inputs\n", folder);
    }
    for (int i = 0; i < n; i++) {
        char path[4096];
        int len =
            snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        free(names[i]);
        if (status == 0) {
            status = len < (int)sizeof path ? input_run(path) : 3;
            *count += status == 0;
        }
    }
    free(names);
    return status;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE|FOLDER...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        struct stat st;
        int status;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            status = folder_run(argv[i], &count);
        } else {
            status = input_run(argv[i]);
            count += status == 0;
        }
        if (status != 0) {
            return status;
        }
    }
    printf("%u inputs replayed\n", count);
    return 0;
}
