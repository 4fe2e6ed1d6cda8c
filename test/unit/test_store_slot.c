/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing slots: pieces of every length on every geometry, resume, limits,
 * and that a slot under construction holds no envelope. */
#include "store_fixture.h"

#include "crypto/crypto.h"
#include "store/slot.h"

static uint8_t image[16384];

static void make_image(void)
{
    for (size_t i = 0; i < sizeof image; i++) {
        image[i] = (uint8_t)(i * 31 + (i >> 8) + 1);
    }
}

static void write_in_pieces(struct selv_slot_writer *w, uint32_t from,
                            uint32_t size, uint32_t piece)
{
    for (uint32_t at = from; at < size; at += piece) {
        uint32_t n = size - at < piece ? size - at : piece;
        assert_int_equal(selv_slot_write(w, selv_bytes(image + at, n)),
                         SELV_OK);
    }
    assert_int_equal(selv_slot_end(w), SELV_OK);
}

/* Sectors that hold the first len bytes from off on. */
static uint32_t sector_count(const struct selv_flash *flash, uint32_t off,
                             uint32_t len)
{
    uint32_t count = 0;
    for (uint32_t at = off; at < off + len; count++) {
        struct selv_sector s = selv_flash_sector(flash, at);
        at = s.off + s.len;
    }
    return count;
}

static void test_store_slot_takes_pieces_of_any_length(void **state)
{
    (void)state;
    static const uint32_t pieces[] = {1, 3, 7, 16, 31, 64, 100, 512, 5000};
    for (size_t g = 0; g < selv_geometry_count; g++) {
        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
            struct device d;
            device_open(&d, &selv_geometries[g]);
            const struct selv_slot_place *place = &d.layout.slot[1];
            uint32_t sizes[] = {0,
                                1,
                                d.geometry->sector_len,
                                d.geometry->sector_len + 1,
                                place->image_len - 1,
                                place->image_len};
            for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
                struct selv_slot_writer w;
                uint8_t want[32], got[32];
                struct selv_sha256 hash;
                uint32_t erases = d.v.erase_count;
                assert_int_equal(
                    selv_slot_begin(&w, &d.v.flash, place, sizes[k], 0),
                    SELV_OK);
                write_in_pieces(&w, 0, sizes[k], pieces[i]);
                assert_memory_equal(d.mem + place->image_off, image, sizes[k]);
                /* What fills up the last unit may make its sector whole. */
                assert_true(w.whole ==
                                selv_slot_whole(&d.v.flash, place, sizes[k]) ||
                            (w.whole > sizes[k] &&
                             w.whole - sizes[k] < d.geometry->write_unit));
                /* Wear: one erase a sector of the image, none elsewhere. */
                assert_int_equal(
                    d.v.erase_count - erases,
                    sector_count(&d.v.flash, place->image_off, sizes[k]));
                selv_sha256_init(&hash);
                selv_sha256_update(&hash, image, sizes[k]);
                selv_sha256_finish(&hash, want);
                for (int mapped = 0; mapped < 2; mapped++) {
                    d.v.flash.map = mapped ? d.mem : NULL;
                    assert_int_equal(selv_flash_digest(&d.v.flash,
                                                       place->image_off,
                                                       sizes[k], got),
                                     SELV_OK);
                    assert_memory_equal(got, want, 32);
                }
            }
            device_close(&d);
        }
    }
}

static void test_store_slot_resumes_at_a_sector(void **state)
{
    (void)state;
    for (size_t g = 0; g < selv_geometry_count; g++) {
        struct device d;
        struct selv_slot_writer w;
        device_open(&d, &selv_geometries[g]);
        const struct selv_slot_place *place = &d.layout.slot[0];
        uint32_t sector = selv_flash_sector(&d.v.flash, place->image_off).len;
        uint32_t size = place->image_len - 5;
        assert_int_equal(selv_slot_begin(&w, &d.v.flash, place, size, 0),
                         SELV_OK);
        /* Power goes in the middle of the second sector. */
        assert_int_equal(selv_slot_write(&w, selv_bytes(image, sector + 99)),
                         SELV_OK);
        assert_int_equal(selv_slot_begin(&w, &d.v.flash, place, size, sector),
                         SELV_OK);
        write_in_pieces(&w, sector, size, 77);
        assert_memory_equal(d.mem + place->image_off, image, size);
        device_close(&d);
    }
}

static void test_store_slot_limits(void **state)
{
    (void)state;
    struct device d;
    struct selv_slot_writer w;
    device_open(&d, selv_geometry_find("512x8-ff"));
    const struct selv_slot_place *place = &d.layout.slot[0];
    const struct selv_flash *flash = &d.v.flash;
    uint32_t len = place->image_len;
    assert_int_equal(selv_slot_begin(&w, flash, place, len + 1, 0),
                     SELV_ERR_STORE_FULL);
    assert_int_equal(selv_slot_begin(&w, flash, place, UINT32_MAX, 0),
                     SELV_ERR_STORE_FULL);
    assert_int_equal(selv_slot_begin(&w, flash, place, len, 8), SELV_ERR_ARG);
    assert_int_equal(selv_slot_begin(&w, flash, place, 512, 1024),
                     SELV_ERR_ARG);
    assert_int_equal(d.v.op_count, 0);

    assert_int_equal(selv_slot_begin(&w, flash, place, 100, 0), SELV_OK);
    assert_int_equal(selv_slot_write(&w, selv_bytes(image, 101)),
                     SELV_ERR_UPDATE_SIZE);
    assert_int_equal(selv_slot_write(&w, selv_bytes(image, 99)), SELV_OK);
    assert_int_equal(selv_slot_end(&w), SELV_ERR_UPDATE_SIZE);
    assert_int_equal(selv_slot_write(&w, selv_bytes(image + 99, 2)),
                     SELV_ERR_UPDATE_SIZE);
    assert_int_equal(selv_slot_write(&w, selv_bytes(image + 99, 1)), SELV_OK);
    assert_int_equal(selv_slot_end(&w), SELV_OK);
    device_close(&d);
}

static void test_store_slot_envelope_comes_back(void **state)
{
    (void)state;
    static uint8_t scratch_bytes[8192];
    for (size_t g = 0; g < selv_geometry_count; g++) {
        struct device d;
        struct selv_bytes got;
        device_open(&d, &selv_geometries[g]);
        const struct selv_slot_place *place = &d.layout.slot[1];
        const struct selv_flash *flash = &d.v.flash;
        struct selv_buf scratch = {scratch_bytes, sizeof scratch_bytes, 0};
        assert_int_equal(selv_slot_envelope(flash, place, &scratch, &got),
                         SELV_ERR_STORE_EMPTY);
        uint32_t room = place->envelope_len - 4;
        uint32_t lens[] = {1, 27, 28, 29, 237, room};
        for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
            assert_int_equal(selv_slot_put_envelope(flash, place,
                                                    selv_bytes(image, lens[i])),
                             SELV_OK);
            for (int mapped = 0; mapped < 2; mapped++) {
                d.v.flash.map = mapped ? d.mem : NULL;
                assert_int_equal(
                    selv_slot_envelope(flash, place, &scratch, &got), SELV_OK);
                assert_int_equal(got.len, lens[i]);
                assert_memory_equal(got.p, image, lens[i]);
            }
        }
        assert_int_equal(
            selv_slot_put_envelope(flash, place, selv_bytes(image, room + 1)),
            SELV_ERR_STORE_FULL);
        d.v.flash.map = NULL;
        scratch.cap = room - 1;
        assert_int_equal(selv_slot_envelope(flash, place, &scratch, &got),
                         SELV_ERR_SPACE);
        device_close(&d);
    }
}

static void test_store_slot_envelope_length_is_hostile_evil(void **state)
{
    (void)state;
    static uint8_t scratch_bytes[2048];
    struct device d;
    struct selv_bytes got;
    device_open(&d, selv_geometry_find("512x4-ff"));
    const struct selv_slot_place *place = &d.layout.slot[0];
    struct selv_buf scratch = {scratch_bytes, sizeof scratch_bytes, 0};
    static const struct {
        uint32_t len;
        enum selv_err err;
    } cases[] = {
        {0, SELV_ERR_STORE_EMPTY},
        {1020, SELV_OK},
        {1021, SELV_ERR_STORE_DAMAGED},
        {1024, SELV_ERR_STORE_DAMAGED},
        {0x7fffffff, SELV_ERR_STORE_DAMAGED},
        {0xfffffffe, SELV_ERR_STORE_DAMAGED},
        {0xffffffff, SELV_ERR_STORE_EMPTY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t head[4];
        selv_put_be32(head, cases[i].len);
        selv_vflash_poke(&d.v, place->envelope_off, head, sizeof head);
        for (int mapped = 0; mapped < 2; mapped++) {
            d.v.flash.map = mapped ? d.mem : NULL;
            assert_int_equal(
                selv_slot_envelope(&d.v.flash, place, &scratch, &got),
                cases[i].err);
        }
    }
    device_close(&d);
}

static void test_store_slot_begin_takes_the_envelope_away(void **state)
{
    (void)state;
    struct device d;
    struct selv_slot_writer w;
    struct selv_bytes got;
    device_open(&d, selv_geometry_find("512x8-00"));
    const struct selv_slot_place *place = &d.layout.slot[0];
    const struct selv_flash *flash = &d.v.flash;
    struct selv_buf none = {NULL, 0, 0};
    assert_int_equal(
        selv_slot_put_envelope(flash, place, selv_bytes(image, 900)), SELV_OK);
    assert_int_equal(selv_slot_begin(&w, flash, place, 100, 0), SELV_OK);
    assert_int_equal(selv_slot_envelope(flash, place, &none, &got),
                     SELV_ERR_STORE_EMPTY);
    assert_true(
        selv_flash_is_erased(flash, place->envelope_off, place->envelope_len));
    /* Nothing to take away: no wear. */
    uint32_t erases = d.v.erase_count;
    assert_int_equal(selv_slot_begin(&w, flash, place, 100, 0), SELV_OK);
    assert_int_equal(d.v.erase_count, erases);
    device_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_slot_takes_pieces_of_any_length),
        cmocka_unit_test(test_store_slot_resumes_at_a_sector),
        cmocka_unit_test(test_store_slot_limits),
        cmocka_unit_test(test_store_slot_envelope_comes_back),
        cmocka_unit_test(test_store_slot_envelope_length_is_hostile_evil),
        cmocka_unit_test(test_store_slot_begin_takes_the_envelope_away),
    };
    make_image();
    return selv_crypto_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
