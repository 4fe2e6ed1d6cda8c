/* SPDX-License-Identifier: Apache-2.0
 *
 * usage: bench_engine [NAME...]
 *
 * Runs the examples (all of them without a name) through bench_measured once
 * and prints a line each: NAME BYTES PROCEDURES. Callgrind counts what
 * bench_measured does. */
#include <stdio.h>

#include "base/base.h"
#include "bench/engine.h"

static bool is_asked(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return true;
        }
    }
    return argc < 2;
}

int main(int argc, char **argv)
{
    int asked = 0;
    for (size_t i = 0; i < bench_example_count; i++) {
        const struct bench_example *example = &bench_examples[i];
        if (!is_asked(example->name, argc, argv)) {
            continue;
        }
        asked++;
        enum selv_err err = bench_prepare(example);
        if (err == SELV_OK) {
            struct bench_result result = bench_measured();
            err = result.err;
            printf("%s %zu %u %s", example->name, example->len,
                   (unsigned)result.todo_count, result.procedures);
            if (err != SELV_OK) {
                printf(", stopped: %s", selv_err_str(err));
            }
            printf("\n");
        }
        if (err != SELV_OK && !example->may_fail) {
            fprintf(stderr, "bench_engine: %s: %s (%s)\n", example->name,
                    selv_err_str(err), selv_err_name(err));
            return 1;
        }
    }
    return asked == 0;
}
