/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the enumerators from err.h itself, so that an error added there
 * without words fails here. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/base.h"

/* Parses "    SELV_NAME = 12," into name and value. */
static bool enumerator_parse(const char *line, char name[static 64], int *value)
{
    return sscanf(line, " %63[A-Z0-9_] = %d", name, value) == 2 &&
           strncmp(name, "SELV_", 5) == 0;
}

static void test_base_err_each_has_name_and_words(void **state)
{
    FILE *header = fopen(ERR_H_PATH, "r");
    char line[256];
    char name[64];
    int value;
    int previous = -1;
    int count = 0;

    (void)state;
    assert_non_null(header);
    while (fgets(line, sizeof(line), header) != NULL) {
        if (!enumerator_parse(line, name, &value)) {
            continue;
        }
        const char *words = selv_err_str((enum selv_err)value);
        assert_string_equal(selv_err_name((enum selv_err)value), name);
        assert_true(strlen(words) >= 8);
        assert_true(words[strlen(words) - 1] != '.');
        assert_true(value > previous);
        previous = value;
        count++;
    }
    fclose(header);
    assert_true(count > 80);
}

static void test_base_err_ranges_are_32_wide(void **state)
{
    (void)state;
    for (int value = 0; value < 1024; value++) {
        const char *name = selv_err_name((enum selv_err)value);
        if (strncmp(name, "SELV_ERR_CBOR_", 14) == 0) {
            assert_int_equal(value / 32, 1);
        }
        if (strncmp(name, "SELV_ERR_COSE_", 14) == 0) {
            assert_int_equal(value / 32, 3);
        }
    }
}

static void test_base_err_unknown_is_never_null(void **state)
{
    (void)state;
    assert_non_null(selv_err_str((enum selv_err)31));
    assert_non_null(selv_err_name((enum selv_err)31));
    assert_string_equal(selv_err_name((enum selv_err)31), "SELV_ERR_?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_err_each_has_name_and_words),
        cmocka_unit_test(test_base_err_ranges_are_32_wide),
        cmocka_unit_test(test_base_err_unknown_is_never_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
