/* SPDX-License-Identifier: Apache-2.0
 *
 * A run that begins at a track's point is the run that begins at the start:
 * the same reads, the same flash in the end, also where bytes change at each
 * read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "crypto/crypto.h"
#include "sim/cut.h"
#include "sim/track.h"

static struct sim_world w;
static struct sim_track before, track;
static struct sim_releases releases;

/* One failed read after this cut: as a whole, and from the track. */
static void assert_same(const struct sim_state *after_cut, uint32_t read,
                        uint8_t *mem, unsigned *noisy)
{
    sim_state_load(after_cut, &w);
    w.bad_read = read;
    enum sim_outcome outcome = sim_world_run(&w, SELV_VFLASH_NO_CUT, 0);
    struct sim_tally end = sim_world_tally(&w);
    memcpy(mem, w.mem, w.mem_len);
    sim_state_load(after_cut, &w);
    assert_int_equal(sim_track_fail(&track), outcome);
    struct sim_tally same = sim_world_tally(&w);
    assert_int_equal(same.boots, end.boots);
    assert_int_equal(same.ops, end.ops);
    assert_int_equal(same.reads, end.reads);
    assert_int_equal(same.noises, end.noises);
    assert_memory_equal(w.mem, mem, w.mem_len);
    /* Where it could be told apart: the track's point is no start. */
    uint32_t i = track.point_count - 1;
    while (i > 0 && track.points[i].at.reads > read) {
        i--;
    }
    *noisy += track.points[i].at.noises > 0;
    w.bad_read = SELV_VFLASH_NO_CUT;
}

static void test_sim_track_fails_as_a_whole_run(void **state)
{
    const struct selv_geometry *g = selv_geometry_find("512x8-ff");
    struct sim_state start = {.mem = NULL}, after_cut = {.mem = NULL};
    unsigned noisy = 0;
    (void)state;
    assert_int_equal(selv_crypto_init(), SELV_OK);
    assert_true(
        sim_cut_releases(sim_cut_strategy("ab"), sim_app_script, g, &releases));
    assert_true(
        sim_world_open(&w, g, SIM_FLOW_UPDATE, sim_app_script, &releases));
    w.v.seed = 1;
    w.v.has_metastable = true;
    w.bad_read = w.bad_op = SELV_VFLASH_NO_CUT;
    uint8_t *mem = malloc(w.mem_len);
    assert_non_null(mem);
    assert_true(sim_state_open(&start, &w) && sim_state_open(&after_cut, &w));
    sim_state_save(&start, &w);
    sim_track_begin(&before, &w, true);
    assert_int_equal(sim_world_run(&w, SELV_VFLASH_NO_CUT, 0), SIM_FIXED_POINT);
    sim_track_end(&before);
    for (uint32_t op = 0; op < before.op_count; op++) {
        for (uint32_t way = 0; way < before.ops[op].ways; way++) {
            assert_int_equal(sim_track_cut(&before, op, way), SIM_CUT);
            sim_state_save(&after_cut, &w);
            sim_track_begin(&track, &w, false);
            (void)sim_world_run(&w, SELV_VFLASH_NO_CUT, 0);
            sim_track_end(&track);
            uint32_t reads = w.v.read_count;
            for (uint32_t i = 0; w.v.noise_count > 0 && i < reads; i += 7) {
                w.v.bad_read_kind =
                    (enum selv_vflash_bad_read)(i / 7 % SELV_VFLASH_READ_COUNT);
                assert_same(&after_cut, i, mem, &noisy);
            }
        }
    }
    printf("%u runs from the middle of what changes at each read\n", noisy);
    assert_true(noisy > 100);
    sim_state_close(&start);
    sim_state_close(&after_cut);
    sim_track_close(&before);
    sim_track_close(&track);
    sim_world_close(&w);
    free(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_track_fails_as_a_whole_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
