/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "host/file.h"

static char folder[] = "/tmp/test_host_file.XXXXXX";
static char path[256];

static int folder_make(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof(path), "%s/a", folder);
    return 0;
}

static int folder_count(void)
{
    DIR *d = opendir(folder);
    struct dirent *entry;
    int count = 0;

    while ((entry = readdir(d)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(d);
    return count;
}

static int folder_remove(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void test_host_file_round_trip(void **state)
{
    struct selv_error error;
    struct selv_buf in;
    struct stat status;

    (void)state;
    assert_true(selv_file_write(path, selv_bytes("one", 3), 0600, &error));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_true(selv_file_write(path, selv_bytes("twenty", 6), 0644, &error));
    assert_true(selv_file_read(path, 6, &in, &error));
    assert_int_equal(in.len, 6);
    assert_memory_equal(in.p, "twenty", 7); /* and the zero behind it */
    free(in.p);
    assert_true(selv_file_write(path, selv_bytes(NULL, 0), 0644, &error));
    assert_true(selv_file_read(path, 0, &in, &error));
    assert_int_equal(in.len, 0);
    free(in.p);
    assert_int_equal(folder_count(), 1); /* no temporary file stays */
}

static void test_host_file_limits(void **state)
{
    static uint8_t big[100000];
    struct selv_error error;
    struct selv_buf in;
    uint8_t digest[2][32];
    uint64_t len = 0;
    struct selv_sha256 h;

    (void)state;
    memset(big, 0x5a, sizeof(big));
    assert_true(
        selv_file_write(path, selv_bytes(big, sizeof(big)), 0644, &error));
    assert_true(selv_file_read(path, sizeof(big), &in, &error));
    assert_int_equal(in.len, sizeof(big));
    free(in.p);
    assert_false(selv_file_read(path, sizeof(big) - 1, &in, &error));
    assert_int_equal(error.exit, SELV_EXIT_ENVIRONMENT);
    assert_non_null(strstr(error.text, path));
    assert_null(in.p);
    assert_true(selv_file_digest(path, sizeof(big), digest[0], &len, &error));
    assert_int_equal(len, sizeof(big));
    selv_sha256_init(&h);
    selv_sha256_update(&h, big, sizeof(big));
    selv_sha256_finish(&h, digest[1]);
    assert_memory_equal(digest[0], digest[1], 32);
    assert_false(
        selv_file_digest(path, sizeof(big) - 1, digest[0], &len, &error));
}

static void test_host_file_create_never_replaces(void **state)
{
    struct selv_error error;
    struct selv_buf in;

    (void)state;
    assert_true(selv_file_write(path, selv_bytes("old", 3), 0644, &error));
    assert_false(selv_file_create(path, selv_bytes("new", 3), 0644, &error));
    assert_int_equal(error.exit, SELV_EXIT_ENVIRONMENT);
    assert_true(selv_file_read(path, 10, &in, &error));
    assert_memory_equal(in.p, "old", 3);
    free(in.p);
    assert_int_equal(folder_count(), 1);
    unlink(path);
    assert_true(selv_file_create(path, selv_bytes("new", 3), 0644, &error));
}

static void test_host_file_errors_name_the_path(void **state)
{
    struct selv_error error;
    struct selv_buf in;
    char missing[300];

    (void)state;
    snprintf(missing, sizeof(missing), "%s/no/such", folder);
    assert_false(selv_file_read(missing, 10, &in, &error));
    assert_int_equal(error.exit, SELV_EXIT_ENVIRONMENT);
    assert_non_null(strstr(error.text, missing));
    assert_non_null(strstr(error.text, "No such file"));
    assert_false(selv_file_write(missing, selv_bytes("x", 1), 0644, &error));
    assert_non_null(strstr(error.text, missing));
    assert_false(selv_file_write(folder, selv_bytes("x", 1), 0644, &error));
    assert_non_null(strstr(error.text, "folder"));
    assert_false(selv_file_read(folder, 10, &in, &error));
    /* A full disk: nothing is acknowledged. */
    assert_false(
        selv_file_write("/dev/full", selv_bytes("x", 1), 0644, &error));
    assert_non_null(strstr(error.text, "/dev/full"));
    assert_true(selv_file_write("/dev/null", selv_bytes("x", 1), 0644, &error));
}

/* Writing through a link, such as /dev/stdout, keeps the link. */
static void test_host_file_follows_links(void **state)
{
    struct selv_error error;
    struct selv_buf in;
    struct stat status;
    char target[300];
    char name[300];

    (void)state;
    snprintf(target, sizeof(target), "%s/target", folder);
    snprintf(name, sizeof(name), "%s/link", folder);
    assert_true(selv_file_write(target, selv_bytes("old", 3), 0644, &error));
    assert_int_equal(symlink("target", name), 0);
    assert_true(selv_file_write(name, selv_bytes("new", 3), 0644, &error));
    assert_int_equal(lstat(name, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_true(selv_file_read(target, 10, &in, &error));
    assert_string_equal((char *)in.p, "new");
    free(in.p);
    assert_false(selv_file_create(name, selv_bytes("x", 1), 0644, &error));
    unlink(name);
    unlink(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_file_round_trip),
        cmocka_unit_test(test_host_file_limits),
        cmocka_unit_test(test_host_file_create_never_replaces),
        cmocka_unit_test(test_host_file_errors_name_the_path),
        cmocka_unit_test(test_host_file_follows_links),
    };

    if (selv_crypto_init() != SELV_OK) {
        return 1;
    }
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
