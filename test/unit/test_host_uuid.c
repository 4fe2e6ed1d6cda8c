/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "host/hex.h"
#include "host/uuid.h"

static void test_host_uuid_v5_vectors(void **state)
{
    uint8_t uuid[SELV_UUID_LEN];
    uint8_t class_id[SELV_UUID_LEN];
    char text[SELV_UUID_TEXT_LEN];

    (void)state;
    /* [RFC 9562 A.4] */
    selv_uuid_vendor("www.example.com", uuid);
    selv_uuid_format(uuid, text);
    assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    selv_uuid_vendor("WWW.Example.COM", uuid);
    selv_uuid_format(uuid, text);
    assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    /* The class of a name is its UUIDv5 in the vendor's space. */
    selv_uuid_class(uuid, "gadget", class_id);
    selv_uuid_v5(uuid, selv_bytes("gadget", 6), uuid);
    assert_memory_equal(uuid, class_id, sizeof(uuid));
    assert_int_equal(uuid[6] >> 4, 5);
    assert_int_equal(uuid[8] >> 6, 2);
    selv_uuid_class(uuid, "Gadget", class_id);
    assert_memory_not_equal(uuid, class_id, sizeof(uuid));
}

static void test_host_uuid_text(void **state)
{
    static const char *bad[] = {
        "",
        "2ed6657d-e927-568b-95e1-2665a8aea6a",
        "2ed6657d-e927-568b-95e1-2665a8aea6a22",
        "2ed6657de927-568b-95e1-2665a8aea6a2-",
        "2ed6657d-e927-568b-95e1-2665a8aea6g2",
        "2ed6657d e927 568b 95e1 2665a8aea6a2",
        "{ed6657d-e927-568b-95e1-2665a8aea6a}",
    };
    uint8_t uuid[SELV_UUID_LEN];
    char text[SELV_UUID_TEXT_LEN];

    (void)state;
    assert_true(selv_uuid_parse("2ED6657D-e927-568b-95e1-2665a8aea6a2", uuid));
    selv_uuid_format(uuid, text);
    assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(selv_uuid_parse(bad[i], uuid));
    }
}

static void test_host_hex(void **state)
{
    uint8_t bytes[3];
    char text[7];

    (void)state;
    assert_true(selv_hex_decode("00aBff", bytes, 3));
    selv_hex_encode(selv_bytes(bytes, 3), text);
    assert_string_equal(text, "00abff");
    assert_false(selv_hex_decode("00abf", bytes, 3));
    assert_false(selv_hex_decode("00abfff", bytes, 3));
    assert_false(selv_hex_decode("00abfg", bytes, 3));
    assert_true(selv_hex_decode("", bytes, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_uuid_v5_vectors),
        cmocka_unit_test(test_host_uuid_text),
        cmocka_unit_test(test_host_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
