/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "host/error.h"
#include "host/text.h"

static const struct {
    const char *text, *clean;
} cases[] = {
    {"", ""},
    {"1.2.0", "1.2.0"},
    {"Gew\xc3\xa4"
     "chs \xe2\x80\xa6",
     "Gew\xc3\xa4"
     "chs \xe2\x80\xa6"},
    {"a\x1b[2Jb", "a?[2Jb"},
    {"a\r\nselvage: fine", "a??selvage: fine"},
    {"\x7f\x01", "??"},
    {"a\xc2\x9b"
     "2Jb",
     "a?2Jb"},                  /* CSI as one character */
    {"\xc2\x80\xc2\x9f", "??"}, /* the first and the last of C1 */
    {"\xc2\xa0", "\xc2\xa0"},   /* behind them: no-break space */
    {"cut \xc2", "cut \xc2"},
    {"\xe2\x80\x8b\xe2\x80\x8f", "??"}, /* zero width, and marks */
    {"\xe2\x80\xaa\xe2\x80\xae", "??"}, /* embeddings, overrides */
    {"\xe2\x81\xa6\xe2\x81\xa9", "??"}, /* isolates */
    {"\xef\xbb\xbf.", "?."},
    {"\xe2\x80\x8a\xe2\x80\x90\xe2\x80\xa9\xe2\x80\xaf",
     "\xe2\x80\x8a\xe2\x80\x90\xe2\x80\xa9\xe2\x80\xaf"},
    {"\xe2\x81\xa5\xe2\x81\xaa", "\xe2\x81\xa5\xe2\x81\xaa"},
    {"\xef\xbb\xbe", "\xef\xbb\xbe"},
    {"cut \xe2\x80", "cut \xe2\x80"},
    {"cut \xe2", "cut \xe2"},
};

static void test_host_text_is_cleaned(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];

        strcpy(text, cases[i].text);
        selv_text_clean(text);
        assert_string_equal(text, cases[i].clean);
    }
}

/* What a server said in a refusal reaches the terminal in an error. */
static void test_host_text_of_errors_is_cleaned(void **state)
{
    struct selv_error error;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(
            selv_error_set(&error, SELV_EXIT_REFUSED, "%s", cases[i].text));
        assert_string_equal(error.text, cases[i].clean);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_text_is_cleaned),
        cmocka_unit_test(test_host_text_of_errors_is_cleaned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
