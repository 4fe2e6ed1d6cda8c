/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames on a serial line: what was sent arrives, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serial/serial.h"

enum { CAP = 64, LINE_MAX = 2 * CAP + 2 };

static size_t frame_make(const uint8_t *body, size_t len, uint8_t *line)
{
    struct selv_serial s;
    uint8_t buffer[CAP];
    size_t n = 0;
    int c;

    selv_serial_init(&s, buffer, sizeof buffer);
    memcpy(buffer, body, len);
    selv_serial_send(&s, len);
    while ((c = selv_serial_poll(&s)) >= 0) {
        assert_true(n < LINE_MAX);
        assert_true(c <= 0xff);
        line[n++] = (uint8_t)c;
    }
    assert_int_equal(selv_serial_poll(&s), -1);
    return n;
}

/* How many bodies come out, all of which must be this one. */
static unsigned feed_all(struct selv_serial *s, const uint8_t *line, size_t n,
                         const uint8_t *body, size_t len)
{
    unsigned count = 0;

    for (size_t i = 0; i < n; i++) {
        if (selv_serial_feed(s, line[i])) {
            assert_int_equal(s->len, len);
            assert_memory_equal(s->p, body, len);
            count++;
        }
    }
    return count;
}

/* The check value of the CRC's catalogue entry. */
static void test_serial_crc_is_the_usual_one(void **state)
{
    (void)state;
    assert_int_equal(selv_serial_crc((const uint8_t *)"123456789", 9),
                     0xcbf43926u);
}

static void test_serial_frame_is_as_specified(void **state)
{
    static const uint8_t body[] = {0x01, 0x07, 0xc0, 0xdb, 0x01};
    uint8_t line[LINE_MAX], crc[4], expected[LINE_MAX];
    size_t n = frame_make(body, sizeof body, line), k = 0;
    static const uint8_t front[] = {0xc0, 0x01, 0x07, 0xdb,
                                    0xdc, 0xdb, 0xdd, 0x01};

    (void)state;
    selv_put_be32(crc, selv_serial_crc(body, sizeof body));
    memcpy(expected, front, sizeof front);
    k = sizeof front;
    for (int i = 0; i < 4; i++) {
        if (crc[i] == 0xc0 || crc[i] == 0xdb) {
            expected[k++] = 0xdb;
            expected[k++] = crc[i] == 0xc0 ? 0xdc : 0xdd;
        } else {
            expected[k++] = crc[i];
        }
    }
    expected[k++] = 0xc0;
    assert_int_equal(n, k);
    assert_memory_equal(line, expected, k);
}

static void test_serial_every_byte_arrives(void **state)
{
    (void)state;
    for (unsigned b = 0; b < 256; b++) {
        for (size_t len = 2; len <= CAP - 4; len += 29) {
            uint8_t body[CAP], buffer[CAP], line[LINE_MAX];
            struct selv_serial s;

            memset(body, (int)b, sizeof body);
            selv_serial_init(&s, buffer, sizeof buffer);
            size_t n = frame_make(body, len, line);
            assert_int_equal(feed_all(&s, line, n, body, len), 1);
            assert_int_equal(feed_all(&s, line, n, body, len), 1);
        }
    }
}

static void test_serial_evil_frames_are_dropped(void **state)
{
    static const uint8_t body[] = {2, 9, 0xc0, 0xdb, 5, 6, 7};
    uint8_t line[LINE_MAX], bad[LINE_MAX], buffer[CAP];
    size_t n = frame_make(body, sizeof body, line);
    struct selv_serial s;

    (void)state;
    selv_serial_init(&s, buffer, sizeof buffer);
    for (size_t i = 0; i < n; i++) {
        /* Every bit flipped, every byte lost, doubled, cut off behind it. */
        for (int bit = 0; bit < 8; bit++) {
            memcpy(bad, line, n);
            bad[i] ^= (uint8_t)(1u << bit);
            (void)feed_all(&s, bad, n, body, sizeof body);
            if (i > 0 && i < n - 1) {
                assert_int_equal(feed_all(&s, line, n, body, sizeof body), 1);
            }
            (void)feed_all(&s, line, n, body, sizeof body);
        }
        (void)feed_all(&s, line, i, body, sizeof body);
        (void)feed_all(&s, line + i + 1, n - i - 1, body, sizeof body);
        /* Of one that only lacks its end, the next one's front is the end. */
        assert_int_equal(feed_all(&s, line, n, body, sizeof body),
                         i == n - 1 ? 2 : 1);
        (void)feed_all(&s, line, i + 1, body, sizeof body);
        (void)feed_all(&s, line + i, n - i, body, sizeof body);
        assert_int_equal(feed_all(&s, line, n, body, sizeof body), 1);
        (void)feed_all(&s, line, i, body, sizeof body);
        assert_int_equal(feed_all(&s, line, n, body, sizeof body),
                         i == n - 1 ? 2 : 1);
    }
}

static void test_serial_limits(void **state)
{
    uint8_t buffer[CAP], line[LINE_MAX], body[CAP] = {1, 2};
    static const uint8_t noise[] = {0xdb, 0xc0, 0xdb, 0xdb, 0xc0, 1,   2,
                                    0xc0, 1,    2,    3,    4,    0xc0};
    struct selv_serial s;
    size_t n;

    (void)state;
    selv_serial_init(&s, buffer, sizeof buffer);
    assert_int_equal(feed_all(&s, noise, sizeof noise, body, 0), 0);
    /* Longer than the buffer: dropped whole, and the next one is taken. */
    assert_false(selv_serial_feed(&s, 0xc0));
    for (int i = 0; i < 3 * CAP; i++) {
        assert_false(selv_serial_feed(&s, 7));
        assert_true(s.at <= CAP);
    }
    n = frame_make(body, CAP - 4, line);
    assert_int_equal(feed_all(&s, line, n, body, CAP - 4), 1);
    /* What comes while something is sent is dropped. */
    selv_serial_send(&s, 2);
    assert_true(selv_serial_is_sending(&s));
    assert_int_equal(feed_all(&s, line, n, body, CAP - 4), 0);
    while (selv_serial_poll(&s) >= 0) {
    }
    assert_false(selv_serial_is_sending(&s));
    assert_int_equal(feed_all(&s, line, n, body, CAP - 4), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serial_crc_is_the_usual_one),
        cmocka_unit_test(test_serial_frame_is_as_specified),
        cmocka_unit_test(test_serial_every_byte_arrives),
        cmocka_unit_test(test_serial_evil_frames_are_dropped),
        cmocka_unit_test(test_serial_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
