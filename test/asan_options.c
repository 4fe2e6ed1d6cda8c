/* SPDX-License-Identifier: Apache-2.0
 *
 * What AddressSanitizer does in every program of ours without being told. */

const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "detect_stack_use_after_return=1";
}
