/* SPDX-License-Identifier: Apache-2.0
 *
 * store/layout_stages.c - the layouts of a bootloader that can be updated;
 * apart, so that devices without one do not link them. */
#include "store/layout.h"

enum { KIB4 = 4096 };

const struct selv_layout selv_layout_stage_0 = {
    .factory_off = 0,
    .factory_len = KIB4,
    .journal_off = {7 * KIB4, 8 * KIB4},
    .log_off = {9 * KIB4, 10 * KIB4},
    .random_off = {5 * KIB4, 6 * KIB4},
    .slot = {{.envelope_off = 11 * KIB4,
              .envelope_len = KIB4,
              .image_off = 12 * KIB4,
              .image_len = 6 * KIB4},
             {.envelope_off = 18 * KIB4,
              .envelope_len = KIB4,
              .image_off = 19 * KIB4,
              .image_len = 6 * KIB4}},
};

const struct selv_layout selv_layout_stage_1 = {
    .factory_off = 0,
    .factory_len = KIB4,
    .journal_off = {1 * KIB4, 2 * KIB4},
    .log_off = {3 * KIB4, 4 * KIB4},
    .random_off = {5 * KIB4, 6 * KIB4},
    .slot = {{.envelope_off = 25 * KIB4,
              .envelope_len = KIB4,
              .image_off = 26 * KIB4,
              .image_len = 54 * KIB4},
             {.envelope_off = 80 * KIB4,
              .envelope_len = KIB4,
              .image_off = 81 * KIB4,
              .image_len = 54 * KIB4}},
};
