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

/* A port that lies about its sectors is caught before anything is written. */
enum lie { TRUTH, GAP, NO_LENGTH, NO_MULTIPLE, BEYOND, SHORT_LAST, OTHER_END };

static enum lie told;

static struct selv_sector sector_of(void *port, uint32_t off)
{
    const struct selv_vflash *v = port;
    uint32_t len = off < 1024 ? 512 : 1024;
    struct selv_sector s = {off - off % len, len};
    switch (told) {
    case GAP:
        s.off += off >= 1024 ? 8 : 0;
        break;
    case NO_LENGTH:
        s.len = off >= 1024 ? 0 : len;
        break;
    case NO_MULTIPLE:
        s.len = off >= 1024 ? 1000 : len;
        break;
    case BEYOND:
        s.len = off >= 2048 ? UINT32_MAX - 511 : len;
        break;
    case SHORT_LAST:
        s.len = v->flash.size - s.off == 1024 ? 2048 : len;
        break;
    case OTHER_END: /* the start and the end name other sectors */
        s = off % 1024 == 1023 ? (struct selv_sector){off - 511, 512} : s;
        break;
    case TRUTH:
    default:
        break;
    }
    return s;
}

static void test_store_flash_check_sees_through_lies(void **state)
{
    (void)state;
    struct device d;
    device_open(&d, selv_geometry_find("512x8-ff"));
    struct selv_flash f = d.v.flash;
    f.sector_of = sector_of;
    f.size = 8192;
    d.v.flash.size = f.size;
    told = TRUTH;
    assert_int_equal(selv_flash_check(&f), SELV_OK);
    for (told = GAP; told <= OTHER_END; told++) {
        if (selv_flash_check(&f) != SELV_ERR_STORE_LAYOUT) {
            fail_msg("believed lie %d", (int)told);
        }
    }
    device_close(&d);
}

static void test_store_layout_of_unequal_sectors(void **state)
{
    (void)state;
    struct device d;
    device_open(&d, selv_geometry_find("mixed4-ff"));
    struct selv_layout l;
#define REFUSED(change)                                                        \
    do {                                                                       \
        l = d.layout;                                                          \
        change;                                                                \
        assert_int_equal(selv_layout_check(&l, &d.v.flash),                    \
                         SELV_ERR_STORE_LAYOUT);                               \
    } while (0)
    /* In the middle of a longer sector, and up to its middle. */
    REFUSED(l.journal_off[1] += 320);
    REFUSED(l.log_off[0] += 320);
    REFUSED(l.slot[1].image_off += 320);
    REFUSED(l.slot[1].image_len -= 320);
    REFUSED(l.journal_off[0] = d.v.flash.size);
    REFUSED(l.journal_off[0] = UINT32_MAX);
#undef REFUSED
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
    /* A sector that holds only one record. */
    struct selv_flash f = d.v.flash;
    f.sector_len = 256;
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
    r.boot_commands = 0x80909020e;
    r.boot_parameters = 0x20402e;
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

/* Everything that a reader must not take for a record of its format, sealed
 * by a bootloader of another one or bent on the way. */
static void reseal(uint32_t *words, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len / 4 - 1; i++) {
        sum += words[i];
    }
    words[len / 4 - 1] = ~sum;
}

static void test_store_record_refuses_other_formats(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t magic;
        uint16_t version, len;
        size_t sealed_len;
    } cases[] = {
        {"format 1, as it was", SELV_RECORD_MAGIC, 1, 120, 120},
        {"format 2, as it was", SELV_RECORD_MAGIC, 2, 144, 144},
        {"format 2 with this length", SELV_RECORD_MAGIC, 2, 224, 224},
        {"this format with the old length", SELV_RECORD_MAGIC, 3, 144, 144},
        {"a length of nothing", SELV_RECORD_MAGIC, 3, 0, 224},
        {"one word less", SELV_RECORD_MAGIC, 3, 220, 220},
        {"one word more", SELV_RECORD_MAGIC, 3, 228, 224},
        {"no format", SELV_RECORD_MAGIC, 0, 224, 224},
        {"the next format", SELV_RECORD_MAGIC, 4, 224, 224},
        {"another magic", SELV_RECORD_MAGIC ^ 1u, 3, 224, 224},
    };
    union {
        struct selv_boot_record record;
        uint32_t words[sizeof(struct selv_boot_record) / 4];
    } u;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(&u, 0, sizeof u);
        u.record.magic = cases[i].magic;
        u.record.version = cases[i].version;
        u.record.len = cases[i].len;
        reseal(u.words, cases[i].sealed_len);
        if (selv_record_is_valid(&u.record)) {
            fail_msg("accepted: %s", cases[i].why);
        }
    }
    /* The table's way of sealing is the right one. */
    memset(&u, 0, sizeof u);
    u.record.magic = SELV_RECORD_MAGIC;
    u.record.version = 3;
    u.record.len = 224;
    reseal(u.words, sizeof u);
    assert_true(selv_record_is_valid(&u.record));
}

/* Byte for byte as docs/spec/flash.md has it. */
static void test_store_record_lies_as_specified(void **state)
{
    (void)state;
    static const struct {
        size_t off, len;
        uint64_t value;
    } fields[] = {
        {0, 4, SELV_RECORD_MAGIC},
        {4, 2, 3},
        {6, 2, 224},
        {16, 8, 5},
        {24, 8, 6},
        {32, 8, 7},
        {120, 8, UINT64_C(0x1112131415161718)},
        {128, 4, 0x01020304},
        {132, 2, 0x2122},
        {134, 1, 31},
        {135, 1, 32},
        {136, 1, 33},
        {137, 1, 34},
        {138, 1, 35},
        {140, 2, 0x4142},
        {142, 2, 0xfed3}, /* -301 */
        {144, 1, 36},
        {145, 1, 1},
        {146, 2, 0x4344},
        {152, 1, 37},
        {184, 1, 38},
    };
    struct selv_boot_record r;
    memset(&r, 0, sizeof r);
    r.accepted = 5;
    r.floor = 6;
    r.sequence = 7;
    r.boot_parameters = 0x01020304;
    r.boot_commands = UINT64_C(0x1112131415161718);
    r.boot_envelope_max = 0x2122;
    r.boot_sections = 31;
    r.boot_components_max = 32;
    r.boot_depth_max = 33;
    r.boot_signers_max = 34;
    r.facts.decision = 35;
    r.facts.check[0] = (struct selv_boot_check){0x4142, -301, 36, 1};
    r.facts.check[1].err = 0x4344;
    r.facts.measured[0][0] = 37;
    r.facts.measured[1][0] = 38;
    selv_record_seal(&r);
    const uint8_t *p = (const uint8_t *)&r;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        uint64_t value = 0;
        uint16_t two;
        uint32_t four;
        switch (fields[i].len) {
        case 1:
            value = p[fields[i].off];
            break;
        case 2:
            memcpy(&two, p + fields[i].off, 2);
            value = two;
            break;
        case 4:
            memcpy(&four, p + fields[i].off, 4);
            value = four;
            break;
        default:
            memcpy(&value, p + fields[i].off, 8);
            break;
        }
        if (value != fields[i].value) {
            fail_msg("offset %u", (unsigned)fields[i].off);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_flash_check_limits),
        cmocka_unit_test(test_store_flash_check_sees_through_lies),
        cmocka_unit_test(test_store_layout_of_unequal_sectors),
        cmocka_unit_test(test_store_flash_reads_stay_in_range),
        cmocka_unit_test(test_store_layout_default_fits),
        cmocka_unit_test(test_store_layout_refuses_what_does_not_fit),
        cmocka_unit_test(test_store_record_notices_every_flipped_bit),
        cmocka_unit_test(test_store_record_refuses_other_formats),
        cmocka_unit_test(test_store_record_lies_as_specified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
