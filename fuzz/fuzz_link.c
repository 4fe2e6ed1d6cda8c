/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of a link, a zero byte, then what is done to that link: whatever is
 * understood can be written and read again, runs, and loses nothing without a
 * cause. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t content[70000];

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "fuzz_link: %s\n", what);
        abort();
    }
}

static void check_text(const struct sim_link_config *config)
{
    struct sim_link_config again;
    char text[SIM_LINK_TEXT_LEN];
    char twice[SIM_LINK_TEXT_LEN];
    char why[SIM_LINK_WHY_LEN];
    sim_link_text(config, text);
    must(sim_link_parse(text, &again, why), "its own text is refused");
    sim_link_text(&again, twice);
    must(strcmp(text, twice) == 0, "the text changes when it is read");
}

static void check_sums(const struct sim_link *l)
{
    for (int d = 0; d < 2; d++) {
        const struct sim_link_stats *s =
            sim_link_stats(l, (enum sim_link_direction)d);
        uint64_t lost = 0;
        for (int i = 0; i < SIM_LINK_CAUSE_COUNT; i++) {
            lost += s->lost_count[i];
        }
        must(s->put_count + s->doubled_count ==
                 s->taken_count + s->held_count + lost,
             "a datagram is gone");
        must(s->frame_lost <= s->frame_count, "more lost than sent");
    }
}

/* Each byte: what, and how much. */
static void run(struct sim_link *l, const uint8_t *p, size_t len)
{
    struct sim_link_datagram got;
    uint64_t now = 1;
    for (size_t i = 0; i + 1 < len && i < 400; i += 2) {
        enum sim_link_direction d = (enum sim_link_direction)(p[i] & 1);
        size_t n = (size_t)p[i + 1] * (p[i] & 2 ? 200u : 5u);
        switch (p[i] >> 5) {
        case 0:
        case 1:
        case 2:
            sim_link_put(l, d, p[i + 1], selv_bytes(content, n), now);
            break;
        case 3:
            sim_link_put_to(l, 0, p[i + 1] & 3, selv_bytes(content, n), now);
            break;
        case 4:
            now += p[i + 1] * (p[i] & 2 ? 100000u : 100u);
            break;
        case 5:
            sim_link_rebind(l, now);
            break;
        default: {
            uint64_t next = sim_link_next(l, now);
            must(next >= now, "the next instant is over");
            now = next == UINT64_MAX ? now : next;
            break;
        }
        }
        while (sim_link_take(l, d, now, &got)) {
            must(got.bytes.len == 0 || got.bytes.p != NULL, "no bytes");
        }
        check_sums(l);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sim_link_config config;
    char text[600];
    char why[SIM_LINK_WHY_LEN];
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    size_t n = end != NULL ? (size_t)(end - data) : size;
    if (n >= sizeof text) {
        return 0;
    }
    memcpy(text, data, n);
    text[n] = 0;
    if (!sim_link_parse(text, &config, why)) {
        must(why[0] != 0 && strlen(why) < SIM_LINK_WHY_LEN, "no reason given");
        return 0;
    }
    must(why[0] == 0 && sim_link_check(&config, why), "taken, but wrong");
    check_text(&config);
    struct sim_link *l = sim_link_new(&config, 1, 1);
    must(l != NULL, "a good configuration makes no link");
    if (end != NULL) {
        run(l, end + 1, size - n - 1);
    }
    sim_link_free(l);
    return 0;
}
