/* SPDX-License-Identifier: Apache-2.0
 *
 * test_suit_differential - lib/suit against the reference interpreter, on
 * manifests made from seeds.
 *
 *   test_suit_differential                 what ctest runs
 *   test_suit_differential FIRST COUNT     other seeds
 *   test_suit_differential SEED            one seed, and all about it */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "test/reference/differential.h"

/* Under the sanitizer, which looks for other faults, fewer are enough. */
#if defined(__SANITIZE_ADDRESS__)
#define SEEDS 3000u
#else
#define SEEDS 15000u
#endif
#define SHOWN_MAX 3u /* mismatches of a profile, then it is enough */

static uint32_t first_seed = 1;
static uint32_t seed_count = SEEDS;

static void print_counts(const struct differential_counts *c)
{
    print_message("  accepted %lu, refused %lu, too large %lu; procedures done "
                  "%lu, failed %lu; %lu todos\n",
                  c->accepted, c->refused, c->skipped, c->done, c->failed,
                  c->todos);
    if (getenv("SELVAGE_VERBOSE") == NULL) {
        return;
    }
    for (unsigned i = 1; i < 512; i++) {
        if (c->of_error[i] > 0) {
            print_message("    %s %lu\n", selv_err_name((enum selv_err)i),
                          c->of_error[i]);
        }
    }
    for (unsigned i = 0; i <= SELV_SUIT_PRIVATE; i++) {
        print_message("    todo %u: %lu\n", i, c->of_todo[i]);
    }
}

static void compare_profile(unsigned profile)
{
    struct differential_counts counts = {0};
    unsigned long wrong = 0;
    for (uint32_t i = 0; i < seed_count && wrong < SHOWN_MAX; i++) {
        static struct generated made;
        uint32_t seed = first_seed + i;
        struct dice dice = dice_of_seed(seed);
        differential_generate(&made, &dice, profile);
        if (!differential_agree(&made, profile, &counts)) {
            print_error("%s, seed %lu. Again: test_suit_differential %lu\n",
                        differential_profile_name(profile), (unsigned long)seed,
                        (unsigned long)seed);
            wrong++;
        }
        generate_free(&made);
    }
    print_counts(&counts);
    assert_int_equal(wrong, 0);
    /* A comparison of nothing proves nothing. */
    if (seed_count >= SEEDS) {
        assert_true(counts.accepted > seed_count / 20);
        assert_true(counts.refused > seed_count / 100);
        assert_true(counts.skipped < seed_count / 20);
    }
}

static void test_suit_differential_consumer(void **state)
{
    (void)state;
    compare_profile(0);
}

static void test_suit_differential_boot_select(void **state)
{
    (void)state;
    compare_profile(1);
}

static void test_suit_differential_boot_install(void **state)
{
    (void)state;
    compare_profile(2);
}

static int show(uint32_t seed)
{
    int result = 0;
    for (unsigned profile = 0; profile < DIFFERENTIAL_PROFILES; profile++) {
        static struct generated made;
        struct dice dice = dice_of_seed(seed);
        differential_generate(&made, &dice, profile);
        differential_show(&made, profile);
        result |= !differential_agree(&made, profile, NULL);
        generate_free(&made);
    }
    return result;
}

int main(int argc, char **argv)
{
    if (argc == 2) {
        return show((uint32_t)strtoul(argv[1], NULL, 10));
    }
    if (argc == 3) {
        first_seed = (uint32_t)strtoul(argv[1], NULL, 10);
        seed_count = (uint32_t)strtoul(argv[2], NULL, 10);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suit_differential_consumer),
        cmocka_unit_test(test_suit_differential_boot_select),
        cmocka_unit_test(test_suit_differential_boot_install),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
