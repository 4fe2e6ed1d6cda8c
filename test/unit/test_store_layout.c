/* SPDX-License-Identifier: Apache-2.0
 *
 * Geometry, layout and boot record: what fits and what is refused. */
#include "store_fixture.h"

#include "store/record.h"

static void test_store_flash_check_limits(void **state)
{
    (void)state;
    struct device d;
    device_open(&d, selv_geometry_find("512x8-ff"));
    static const struct {
        const char *why;
        uint32_t size, sector_len;
        uint16_t write_unit;
        uint8_t erased;
    } bad[] = {
        {"no flash", 0, 512, 8, 0xff},
        {"no sector", 8192, 0, 8, 0xff},
        {"size not whole sectors", 8200, 512, 8, 0xff},
        {"no write unit", 8192, 512, 0, 0xff},
        {"unit over the limit", 8192, 512, 64, 0xff},
        {"unit no power of two", 8192 * 3, 768, 12, 0xff},
        {"sector not whole units", 8100, 300, 8, 0xff},
        {"erased value that no flash has", 8192, 512, 8, 0x55},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct selv_flash f = d.v.flash;
        f.size = bad[i].size;
        f.sector_len = bad[i].sector_len;
        f.write_unit = bad[i].write_unit;
        f.erased = bad[i].erased;
        if (selv_flash_check(&f) != SELV_ERR_STORE_LAYOUT) {
            fail_msg("accepted: %s", bad[i].why);
        }
    }
    struct selv_flash f = d.v.flash;
    f.erase = NULL;
    assert_int_equal(selv_flash_check(&f), SELV_ERR_STORE_LAYOUT);
    device_close(&d);
}

static void test_store_flash_reads_stay_in_range(void **state)
{
    (void)state;
    struct device d;
    uint8_t digest[32];
    device_open(&d, selv_geometry_find("512x8-ff"));
    uint32_t size = d.v.flash.size;
    assert_true(selv_flash_is_erased(&d.v.flash, 0, size));
    assert_false(selv_flash_is_erased(&d.v.flash, 0, size + 1));
    assert_false(selv_flash_is_erased(&d.v.flash, UINT32_MAX, 2));
    assert_int_equal(selv_flash_digest(&d.v.flash, size, 1, digest),
                     SELV_ERR_FLASH_RULE);
    assert_int_equal(selv_flash_digest(&d.v.flash, 8, UINT32_MAX, digest),
                     SELV_ERR_FLASH_RULE);
    device_close(&d);
}

static void test_store_layout_default_fits(void **state)
{
    (void)state;
    uint8_t *mem =
        malloc(selv_vflash_mem_len(SELV_LAYOUT_DEFAULT_SIZE, 4096, 4));
    struct selv_vflash v;
    selv_vflash_init(&v, mem, SELV_LAYOUT_DEFAULT_SIZE,
                     SELV_LAYOUT_DEFAULT_SECTOR, 4, 0xff);
    assert_int_equal(selv_layout_check(&selv_layout_default, &v.flash),
                     SELV_OK);
    v.flash.size -= 4096;
    assert_int_equal(selv_layout_check(&selv_layout_default, &v.flash),
                     SELV_ERR_STORE_LAYOUT);
    free(mem);
}

static void test_store_layout_refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct device d;
    device_open(&d, selv_geometry_find("512x8-ff"));
    struct selv_layout l;
#define REFUSED(change)                                                        \
    do {                                                                       \
        l = d.layout;                                                          \
        change;                                                                \
        assert_int_equal(selv_layout_check(&l, &d.v.flash),                    \
                         SELV_ERR_STORE_LAYOUT);                               \
    } while (0)
    REFUSED(l.factory_len = 0);
    REFUSED(l.factory_off = 8);
    REFUSED(l.journal_off[0] = l.journal_off[1]);
    REFUSED(l.journal_off[1] = l.log_off[0]);
    REFUSED(l.log_off[1] += 4);
    REFUSED(l.random_off[1] = l.factory_off);
    REFUSED(l.slot[0].envelope_len = 0);
    REFUSED(l.slot[0].envelope_len += 512);
    REFUSED(l.slot[0].image_len += 8);
    REFUSED(l.slot[0].image_len += 512);
    REFUSED(l.slot[1].image_len += 512);
    REFUSED(l.slot[1].image_off = d.v.flash.size);
    REFUSED(l.slot[1].image_len = 0xfffffe00);
    REFUSED(l.slot[1] = l.slot[0]);
#undef REFUSED
    /* A sector that holds no whole record. */
    struct selv_flash f = d.v.flash;
    f.sector_len = 128;
    assert_int_equal(selv_layout_check(&d.layout, &f), SELV_ERR_STORE_LAYOUT);
    device_close(&d);
}

static void test_store_record_notices_every_flipped_bit(void **state)
{
    (void)state;
    struct selv_boot_record r;
    memset(&r, 0, sizeof r);
    assert_false(selv_record_is_valid(&r));
    r.sequence = 7;
    r.slot = SELV_SLOT_B;
    selv_record_seal(&r);
    assert_true(selv_record_is_valid(&r));
    uint8_t *p = (uint8_t *)&r;
    for (size_t bit = 0; bit < sizeof r * 8; bit++) {
        p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(selv_record_is_valid(&r));
        p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(selv_record_is_valid(&r));
    memset(&r, 0xff, sizeof r);
    assert_false(selv_record_is_valid(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_flash_check_limits),
        cmocka_unit_test(test_store_flash_reads_stay_in_range),
        cmocka_unit_test(test_store_layout_default_fits),
        cmocka_unit_test(test_store_layout_refuses_what_does_not_fit),
        cmocka_unit_test(test_store_record_notices_every_flipped_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
