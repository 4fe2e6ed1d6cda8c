/* SPDX-License-Identifier: Apache-2.0
 *
 * Flash in a file: NOR rules, who may write what, one process at a time, and
 * every way in which the folder can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "posix/posix.h"

#define SECTOR SELV_LAYOUT_DEFAULT_SECTOR
#define SIZE SELV_LAYOUT_DEFAULT_SIZE

static char dir[64];
static struct selv_posix_flash f;
static struct selv_posix_why why;

static int open_folder(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/selvage-flash.XXXXXX");
    return mkdtemp(dir) && selv_posix_flash_create(&f, dir, &why) ? 0 : -1;
}

static int close_folder(void **state)
{
    char path[128];

    (void)state;
    selv_posix_flash_close(&f);
    snprintf(path, sizeof path, "%s/%s", dir, SELV_POSIX_FLASH_NAME);
    unlink(path);
    return rmdir(dir);
}

static enum selv_err put(uint32_t off, const void *p, uint32_t len)
{
    return f.flash.write(f.flash.port, off, p, len);
}

static enum selv_err erase(uint32_t off)
{
    return f.flash.erase(f.flash.port, off);
}

static void test_posix_flash_keeps_nor_rules(void **state)
{
    uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t back[8];

    (void)state;
    assert_int_equal(selv_flash_check(&f.flash), SELV_OK);
    assert_int_equal(selv_layout_check(&selv_layout_default, &f.flash),
                     SELV_OK);
    assert_true(selv_flash_is_erased(&f.flash, 0, SIZE));
    assert_int_equal(put(SECTOR, bytes, 8), SELV_OK);
    assert_int_equal(f.flash.read(f.flash.port, SECTOR, back, 8), SELV_OK);
    assert_memory_equal(back, bytes, 8);
    assert_memory_equal(f.flash.map + SECTOR, bytes, 8);
    /* Written is written, even with fewer bits. */
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(put(SECTOR, bytes, 4), SELV_ERR_FLASH_RULE);
    assert_int_equal(put(SECTOR + 4, bytes, 8), SELV_ERR_FLASH_RULE);
    assert_int_equal(put(SECTOR + 9, bytes, 4), SELV_ERR_FLASH_RULE);
    assert_int_equal(put(SECTOR + 8, bytes, 3), SELV_ERR_FLASH_RULE);
    assert_int_equal(put(SIZE - 4, bytes, 8), SELV_ERR_FLASH_RULE);
    assert_int_equal(put(SIZE, bytes, 4), SELV_ERR_FLASH_RULE);
    assert_int_equal(put(UINT32_MAX - 3, bytes, 8), SELV_ERR_FLASH_RULE);
    assert_int_equal(put(SIZE - 4, bytes, 4), SELV_OK);
    assert_int_equal(erase(SECTOR + 4), SELV_ERR_FLASH_RULE);
    assert_int_equal(erase(SIZE), SELV_ERR_FLASH_RULE);
    assert_int_equal(erase(SECTOR), SELV_OK);
    assert_true(selv_flash_is_erased(&f.flash, SECTOR, SECTOR));
    assert_int_equal(f.flash.read(f.flash.port, SIZE - 4, back, 8),
                     SELV_ERR_FLASH_RULE);
}

/* One row a region: its first sector, and who may write it. */
static void test_posix_flash_keeps_roles(void **state)
{
    const struct selv_layout *l = &selv_layout_default;
    const struct {
        uint32_t off;
        bool bootloader, application_of_a, application_of_b;
    } rows[] = {{l->factory_off, false, false, false},
                {l->journal_off[0], true, false, false},
                {l->journal_off[1], true, false, false},
                {l->log_off[0], false, true, true},
                {l->log_off[1], false, true, true},
                {l->random_off[0], true, true, true},
                {l->random_off[1], true, true, true},
                {l->slot[0].envelope_off, false, false, true},
                {l->slot[0].image_off, false, false, true},
                {l->slot[1].envelope_off, false, true, false},
                {l->slot[1].image_off, false, true, false},
                {l->slot[1].image_off + l->slot[1].image_len - SECTOR, false,
                 true, false}};
    const uint8_t bytes[4] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct {
            enum selv_posix_role role;
            uint8_t slot;
            bool may;
        } who[] = {
            {SELV_POSIX_NOBODY, SELV_SLOT_NONE, false},
            {SELV_POSIX_FACTORY, SELV_SLOT_NONE, true},
            {SELV_POSIX_BOOTLOADER, SELV_SLOT_NONE, rows[i].bootloader},
            {SELV_POSIX_APPLICATION, SELV_SLOT_A, rows[i].application_of_a},
            {SELV_POSIX_APPLICATION, SELV_SLOT_B, rows[i].application_of_b}};
        for (size_t k = 0; k < sizeof who / sizeof who[0]; k++) {
            enum selv_err wanted = who[k].may ? SELV_OK : SELV_ERR_FLASH_RULE;
            selv_posix_flash_set_role(&f, who[k].role, who[k].slot);
            assert_int_equal(put(rows[i].off, bytes, 4), wanted);
            assert_int_equal(erase(rows[i].off), wanted);
        }
    }
}

static void test_posix_flash_survives_and_is_locked(void **state)
{
    struct selv_posix_flash other;
    const uint8_t bytes[4] = {1, 2, 3, 4};

    (void)state;
    assert_int_equal(put(8 * SECTOR, bytes, 4), SELV_OK);
    assert_false(selv_posix_flash_open(&other, dir, &why));
    assert_non_null(strstr(why.text, "another process runs this device"));
    assert_false(selv_posix_flash_create(&other, dir, &why));
    assert_non_null(strstr(why.text, "there is a device in it already"));
    selv_posix_flash_close(&f);
    assert_true(selv_posix_flash_open(&f, dir, &why));
    assert_memory_equal(f.flash.map + 8 * SECTOR, bytes, 4);
    /* Opened, nobody may write yet. */
    assert_int_equal(put(9 * SECTOR, bytes, 4), SELV_ERR_FLASH_RULE);
}

static void test_posix_flash_refuses_wrong_folders(void **state)
{
    struct selv_posix_flash other;
    char path[5000];

    (void)state;
    assert_false(selv_posix_flash_open(&other, "/nonexistent", &why));
    assert_non_null(strstr(why.text, "provision a device first"));
    assert_false(selv_posix_flash_open(&other, "/dev/null", &why));
    assert_false(selv_posix_flash_create(&other, "/nonexistent/x", &why));
    assert_non_null(strstr(why.text, "/nonexistent/x"));
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_false(selv_posix_flash_open(&other, path, &why));
    assert_false(selv_posix_flash_create(&other, path, &why));
    selv_posix_flash_close(&other);
}

static void test_posix_random_and_clock(void **state)
{
    uint8_t a[16] = {0}, b[16] = {0};
    uint64_t before_ms = selv_posix_now_ms();

    (void)state;
    assert_int_equal(selv_posix_random(a, sizeof a), SELV_OK);
    assert_int_equal(selv_posix_random(b, sizeof b), SELV_OK);
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(selv_posix_now_ms() >= before_ms);
}

static void test_posix_udp_addresses(void **state)
{
    static const struct {
        const char *uri;
        const char *authority; /* NULL: refused */
        const char *host;
    } cases[] = {{"coap://127.0.0.1", "127.0.0.1", ""},
                 {"coap://127.0.0.1:5683", "127.0.0.1:5683", ""},
                 {"coap://127.0.0.1:5683/", "127.0.0.1:5683", ""},
                 {"coap://[::1]:5683", "[::1]:5683", ""},
                 {"coap://localhost:9", "localhost:9", "localhost"},
                 {"coaps://127.0.0.1", NULL, NULL},
                 {"http://127.0.0.1", NULL, NULL},
                 {"coap://127.0.0.1/path", NULL, NULL},
                 {"coap://127.0.0.1?query", NULL, NULL},
                 {"coap://", NULL, NULL},
                 {"coap://:5683", NULL, NULL},
                 {"coap://127.0.0.1:99999", NULL, NULL},
                 {"", NULL, NULL}};
    struct selv_posix_udp u;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool is_open = selv_posix_udp_open(&u, cases[i].uri, &why);
        if (cases[i].authority == NULL) {
            assert_false(is_open);
            assert_true(strlen(why.text) > 0);
        } else if (!is_open && cases[i].uri[7] == '[') {
            print_message("skip: no IPv6 here: %s\n", why.text);
        } else {
            assert_true(is_open);
            assert_string_equal(u.authority, cases[i].authority);
            assert_string_equal(u.host, cases[i].host);
        }
        selv_posix_udp_close(&u);
    }
}

/* Nobody listens on the discard port of loopback: told, and not blocking. */
static void test_posix_udp_refused(void **state)
{
    struct selv_posix_udp u;
    uint8_t in[16];
    uint64_t began_ms = selv_posix_now_ms();

    (void)state;
    assert_true(selv_posix_udp_open(&u, "coap://127.0.0.1:9", &why));
    selv_posix_udp_send(&u, selv_bytes("x", 1));
    assert_int_equal(selv_posix_udp_receive(&u, began_ms + 5000, in, sizeof in),
                     0);
    assert_true(u.is_refused);
    assert_true(selv_posix_now_ms() - began_ms < 4000);
    selv_posix_udp_close(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_posix_flash_keeps_nor_rules,
                                        open_folder, close_folder),
        cmocka_unit_test_setup_teardown(test_posix_flash_keeps_roles,
                                        open_folder, close_folder),
        cmocka_unit_test_setup_teardown(test_posix_flash_survives_and_is_locked,
                                        open_folder, close_folder),
        cmocka_unit_test_setup_teardown(test_posix_flash_refuses_wrong_folders,
                                        open_folder, close_folder),
        cmocka_unit_test(test_posix_random_and_clock),
        cmocka_unit_test(test_posix_udp_addresses),
        cmocka_unit_test(test_posix_udp_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
