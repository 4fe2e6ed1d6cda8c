/* SPDX-License-Identifier: Apache-2.0
 *
 * An image inside of its manifest's envelope, from a CoAP server
 * [draft-ietf-suit-architecture 2020, figure 3]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/unit/consumer_world.h"

static struct world w;
static struct world_release two;
static uint8_t envelope[8192];

#define REST "verified waiting <waiting reboot trial confirmed <confirmed "
#define UPDATE "notified authorized downloading <downloading " REST
#define QUIET                                                                  \
    "notified authorized downloading verified waiting reboot trial confirmed "

static const char text[] =
    "{1: 1, 2: %n, 3: " MAKER_COMMON(", 15, [<<[20, {5: 0}, 5, 5, 20, {3: "
                                     "<<[-16, h'%A']>>, 14: %a}]>>, "
                                     "<<[20, {5: 1}, 5, 5, 20, {3: <<[-16, "
                                     "h'%B']>>, 14: %b}]>>]") ", 7: "
                                                              "<<[3, 15]>>, 9: "
                                                              "<<[23, 2]>>, "
                                                              "20: <<[20, {21: "
                                                              "\"#b\"}, 21, 2, "
                                                              "3, 15]>>}";

static void expect(const char *what, const char *words)
{
    if (strcmp(w.log, words) != 0) {
        fail_msg("%s:\n got  %s\n want %s", what, w.log, words);
    }
}

/* One more pair behind all others: the image of slot B, of which the byte at
 * bent (> 0) is wrong; and one payload behind it that nobody asks for. */
static void put_inside(uint32_t size, uint32_t bent)
{
    uint8_t *p = envelope;

    assert_true(two.envelope.len + size + 32 <= sizeof envelope);
    memcpy(p, two.envelope.p, two.envelope.len);
    assert_int_equal(p[0], 0xd8);
    assert_int_equal(p[2] & 0xf0, 0xa0);
    p[2] = (uint8_t)(p[2] + 2);
    p += two.envelope.len;
    memcpy(p, "\x62#b", 3);
    p += 3;
    *p++ = size > 255 ? 0x59 : 0x58;
    if (size > 255) {
        *p++ = (uint8_t)(size >> 8);
    }
    *p++ = (uint8_t)size;
    for (uint32_t i = 0; i < size; i++) {
        *p++ = (uint8_t)(two.fill[1] + i * 7u + (i >> 8));
        if (i > 0 && i == bent) {
            p[-1] ^= 1;
        }
    }
    memcpy(p, "\x62#c\x45other", 9);
    p += 9;
    w.raw_manifest = selv_bytes(envelope, (size_t)(p - envelope));
}

static void open_payload(const char *geometry, uint32_t size)
{
    world_open(&w, geometry);
    world_release_custom(&two, 2, size, size, text);
    w.release = &two;
    put_inside(size, 0);
    w.config.poll_interval_s = 3600;
    world_save(&w);
}

static void begin(void)
{
    assert_true(world_boot(&w));
    world_settle(&w);
}

static const struct {
    const char *geometry;
    uint32_t size;
} shapes[] = {
    {"512x8-ff", 2000},   {"512x8-ff", 200},   {"4096x4-ff", 5000},
    {"1024x32-00", 3000}, {"4096x1-ff", 4096}, {"mixed4-ff", 700},
    {"512x16-ff", 1025},
};

static void test_consumer_payload_update(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        for (unsigned is_plain = 0; is_plain < 2; is_plain++) {
            open_payload(shapes[i].geometry, shapes[i].size);
            w.sources[0].is_plain = is_plain != 0;
            begin();
            expect(shapes[i].geometry, is_plain ? QUIET : UPDATE);
            assert_int_equal(w.record.sequence, 2);
            assert_int_equal(w.image_count, 0);
            world_close(&w);
        }
    }
}

/* Packets that are lost, doubled or late, and restarts at every poll: it goes
 * on behind what is on record. */
static void test_consumer_payload_restarts(void **state)
{
    (void)state;
    for (unsigned drop = 0; drop < 4; drop += 3) {
        unsigned ends = 0, resumed = 0;
        open_payload("512x8-ff", 2000);
        w.drop_each = drop;
        w.double_each = drop > 0 ? 4 : 0;
        for (unsigned polls = 0; ends == 0; polls++) {
            world_restore(&w);
            assert_true(world_boot(&w));
            if (world_run(&w, polls) == WORLD_REBOOT) {
                ends = polls;
            }
            begin();
            resumed += strstr(w.log, "resumed@") != NULL;
            if (w.record.sequence != 2) {
                fail_msg("restart at poll %u: %s", polls, w.log);
            }
        }
        assert_true(ends > 20 && resumed > 2);
        world_close(&w);
    }
}

/* Bent, gone, or another one since the manifest was read. */
static void test_consumer_payload_bent(void **state)
{
    (void)state;
    open_payload("512x8-ff", 2000);
    put_inside(2000, 1500);
    begin();
    expect("bent", "notified authorized downloading <downloading "
                   "failed:SELV_ERR_SUIT_IMAGE <failed:SELV_ERR_SUIT_IMAGE ");
    world_restore(&w);
    put_inside(2000, 0);
    assert_true(world_boot(&w));
    while (!strstr(w.log, "<downloading")) {
        assert_int_equal(world_run(&w, 1), WORLD_TIRED);
    }
    w.raw_manifest.len -= 800;
    world_settle(&w);
    assert_non_null(strstr(w.log, "failed:"));
    assert_int_equal(w.record.sequence, 1);
    w.raw_manifest.len += 800;
    world_forget(&w);
    world_next_cycle(&w);
    assert_int_equal(w.record.sequence, 2);
    world_restore(&w);
    assert_true(world_boot(&w));
    while (!strstr(w.log, "<downloading")) {
        assert_int_equal(world_run(&w, 1), WORLD_TIRED);
    }
    w.manifest_mode = WORLD_SILENT;
    world_settle(&w);
    assert_non_null(strstr(w.log, "failed:SELV_ERR_COAP_TIMEOUT"));
    w.manifest_mode = WORLD_GOOD;
    world_next_cycle(&w);
    assert_int_equal(w.record.sequence, 2);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_consumer_payload_update),
        cmocka_unit_test(test_consumer_payload_restarts),
        cmocka_unit_test(test_consumer_payload_bent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
