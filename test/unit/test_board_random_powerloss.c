/* SPDX-License-Identifier: Apache-2.0
 *
 * The emulated board's random numbers (ports/mps2-an385/random.c): a boot
 * number never comes twice, wherever the power is cut, twice in a row
 * included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "ports/mps2-an385/random.h"
#include "sim/vflash.h"

#define SECTOR 4096u
#define MARKS 1022u

static const uint32_t sectors[2] = {0, SECTOR};
static const uint8_t seed[SELV_BOARD_SEED_LEN] = {42};

struct device {
    struct selv_vflash v;
    uint8_t *mem;
    uint32_t highest; /* number handed out so far */
};

static void device_open(struct device *d)
{
    d->mem = malloc(selv_vflash_mem_len(2 * SECTOR, SECTOR, 4));
    assert_non_null(d->mem);
    selv_vflash_init(&d->v, d->mem, 2 * SECTOR, SECTOR, 4, 0xff);
    d->highest = 0;
}

static void device_close(struct device *d)
{
    assert_int_equal(d->v.violation_count, 0);
    free(d->mem);
}

/* One boot; a number is handed out only when start succeeds. */
static enum selv_err boot(struct device *d)
{
    struct selv_board_random random;
    enum selv_err err =
        selv_board_random_start(&random, &d->v.flash, sectors, seed);

    if (err == SELV_OK) {
        if (random.boot <= d->highest) {
            fail_msg("boot number %u after %u", (unsigned)random.boot,
                     (unsigned)d->highest);
        }
        d->highest = random.boot;
    }
    return err;
}

static void boot_times(struct device *d, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        selv_vflash_power_on(&d->v);
        assert_int_equal(boot(d), SELV_OK);
    }
}

static void put_sector(struct device *d, uint32_t number, uint32_t used)
{
    static const uint32_t zeros[MARKS];
    uint32_t base = number * MARKS;
    uint32_t header[2] = {base, ~base};
    uint32_t off = sectors[number % 2];

    selv_vflash_poke(&d->v, off, header, sizeof header);
    selv_vflash_poke(&d->v, off + 8, zeros, used * 4);
}

/* The flash after so many boots, without the time that they take. */
static void boots_passed(struct device *d, uint32_t count)
{
    uint32_t number = count == 0 ? 0 : (count - 1) / MARKS;

    if (number > 0) {
        put_sector(d, number - 1, MARKS);
    }
    if (count > 0) {
        put_sector(d, number, count - number * MARKS);
    }
    d->highest = count;
}

static void test_random_counts_over_sectors(void **state)
{
    struct device d;
    struct device shortcut;

    (void)state;
    device_open(&d);
    boot_times(&d, 5 * MARKS + 3);
    assert_int_equal(d.highest, 5 * MARKS + 3);
    /* One erase a sector's worth of boots: the wear that random.h states. */
    assert_int_equal(d.v.erase_count, 6);
    device_open(&shortcut);
    boots_passed(&shortcut, 5 * MARKS + 3);
    assert_memory_equal(d.mem, shortcut.mem, 2 * SECTOR);
    device_close(&shortcut);
    device_close(&d);
}

/* Boots before the cut: a new device, one in the middle of a sector, and the
 * last and first marks of either sector. */
static const uint32_t histories[] = {
    0, 1, 2, 500, MARKS - 1, MARKS, MARKS + 1, 2 * MARKS, 2 * MARKS + 1};

struct cut {
    uint32_t op;
    uint32_t way;
};

static void cut_once(struct device *d, struct cut cut, uint64_t random)
{
    selv_vflash_power_on(&d->v);
    d->v.cut_op = cut.op;
    d->v.cut_way = cut.way;
    d->v.seed = random;
    (void)boot(d);
}

/* Every operation of a boot, before, after and torn, then every one of the
 * next boot, then boots without cuts. */
static void test_random_survives_cuts(void **state)
{
    uint32_t cases = 0;

    (void)state;
    for (size_t h = 0; h < sizeof histories / sizeof histories[0]; h++) {
        for (uint32_t i = 0; i < 3 * 10 * 3 * 10; i++) {
            struct cut first = {i % 3, i / 3 % 10};
            struct cut second = {i / 30 % 3, i / 90};
            struct device d;

            device_open(&d);
            boots_passed(&d, histories[h]);
            cut_once(&d, first, i * 2 + 1);
            cut_once(&d, second, i * 2 + 2);
            boot_times(&d, 3);
            /* At most one number is lost to each cut. */
            assert_in_range(d.highest, histories[h] + 3, histories[h] + 5);
            device_close(&d);
            cases++;
        }
    }
    assert_int_equal(cases, 9 * 900);
}

static void test_random_draws(void **state)
{
    struct selv_board_random random = {{0}, 7, 0};
    uint8_t a[80];
    uint8_t b[80];
    struct selv_sha256 h;
    uint8_t expected[32];

    (void)state;
    memcpy(random.seed, seed, sizeof seed);
    selv_board_random_draw(&random, a, sizeof a);
    selv_board_random_draw(&random, b, sizeof b);
    assert_int_equal(random.draws, 6);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, a + 32, 32);
    /* The second draw as random.h describes it. */
    selv_sha256_init(&h);
    selv_sha256_update(&h, "selvage random", 14);
    selv_sha256_update(&h, seed, sizeof seed);
    selv_sha256_update(&h, "\0\0\0\7\0\0\0\1", 8);
    selv_sha256_finish(&h, expected);
    assert_memory_equal(a + 32, expected, 32);
}

static void test_random_number_used_up(void **state)
{
    struct device d;
    const uint32_t header[2] = {UINT32_MAX - 5u, 5u};
    uint8_t *marks;

    (void)state;
    device_open(&d);
    marks = calloc(MARKS, 4);
    assert_non_null(marks);
    selv_vflash_poke(&d.v, 0, header, sizeof header);
    selv_vflash_poke(&d.v, 8, marks, MARKS * 4);
    assert_int_equal(boot(&d), SELV_ERR_RANDOM);
    free(marks);
    device_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_counts_over_sectors),
        cmocka_unit_test(test_random_survives_cuts),
        cmocka_unit_test(test_random_draws),
        cmocka_unit_test(test_random_number_used_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
