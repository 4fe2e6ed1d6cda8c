/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "coap/coap.h"

static struct selv_bytes text(const char *s)
{
    return selv_bytes(s, strlen(s));
}

static void bytes_are(struct selv_bytes got, const char *want)
{
    if (!selv_bytes_equal(got, text(want))) {
        fail_msg("got '%.*s', want '%s'", (int)got.len, (const char *)got.p,
                 want);
    }
}

static void test_coap_uri_good(void **state)
{
    static const struct {
        const char *uri;
        bool is_secure;
        bool is_literal;
        uint16_t port;
        const char *host;
        const char *path;
        const char *query;
    } rows[] = {
        {"coap://h", false, false, 5683, "h", "", ""},
        {"coap://h/", false, false, 5683, "h", "", ""},
        {"COAP://h:1/a", false, false, 1, "h", "a", ""},
        {"coaps://h:/a/b", true, false, 5684, "h", "a/b", ""},
        {"coap://h?q", false, false, 5683, "h", "", "q"},
        {"coap://127.0.0.1:65535/i/00?d=1&n=%20", false, false, 65535,
         "127.0.0.1", "i/00", "d=1&n=%20"},
        {"coap://[::1]:9/x?", false, true, 9, "::1", "x", ""},
        {"coap://[fe80::1]", false, true, 5683, "fe80::1", "", ""},
        {"coap://h/a?b?c/d", false, false, 5683, "h", "a", "b?c/d"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct selv_coap_uri u;
        print_message("%s\n", rows[i].uri);
        assert_int_equal(selv_coap_uri_parse(text(rows[i].uri), &u), SELV_OK);
        assert_int_equal(u.is_secure, rows[i].is_secure);
        assert_int_equal(u.is_literal, rows[i].is_literal);
        assert_int_equal(u.port, rows[i].port);
        bytes_are(u.host, rows[i].host);
        bytes_are(u.path, rows[i].path);
        bytes_are(u.query, rows[i].query);
    }
}

static void test_coap_uri_bad(void **state)
{
    static const char *const rows[] = {
        "",
        "coap",
        "coap:/",
        "coap://",
        "coap:///a",
        "http://h/",
        "coap://:5/",
        "coap://h:0/",
        "coap://h:65536/",
        "coap://h:x/",
        "coap://h:12345678901/",
        "coap://u@h/",
        "coap://[::1",
        "coap://[]/",
        "coap://[::1]x/",
        "coap://h/#f",
        "coap://h/ a",
        "coap://h/\x01",
        "coap://h/\x80",
        "coap://h]/",
        "coap://h/a\"b",
        "coaps+tcp://h/",
        "coap+tcp://h/",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct selv_coap_uri u;
        if (selv_coap_uri_parse(text(rows[i]), &u) != SELV_ERR_ARG) {
            fail_msg("'%s' was taken", rows[i]);
        }
    }
}

/* Every cut of a URI is judged without reading past it. */
static void test_coap_uri_cuts(void **state)
{
    static const char uri[] = "coaps://[2001:db8::1]:61616/a%2fb/c?x=1&y";
    (void)state;
    for (size_t cut = 0; cut < sizeof uri; cut++) {
        char *copy = malloc(cut > 0 ? cut : 1);
        struct selv_coap_uri u;
        assert_non_null(copy);
        memcpy(copy, uri, cut);
        enum selv_err err = selv_coap_uri_parse(selv_bytes(copy, cut), &u);
        assert_true(err == SELV_OK || err == SELV_ERR_ARG);
        free(copy);
    }
}

/* A request with this path and query, parsed back. */
static enum selv_err request(const char *path, const char *query, uint8_t *buf,
                             size_t cap, struct selv_coap_msg *m)
{
    struct selv_coap_writer w;
    size_t len;
    selv_coap_write_begin(&w, buf, cap, SELV_COAP_CON, SELV_COAP_GET, 1,
                          selv_bytes(NULL, 0));
    selv_coap_write_path(&w, text(path));
    selv_coap_write_query(&w, text(query));
    enum selv_err err = selv_coap_write_end(&w, &len);
    if (err) {
        return err;
    }
    return selv_coap_parse(selv_bytes(buf, len), m);
}

static void test_coap_path_match(void **state)
{
    static const struct {
        const char *path;
        const char *pattern;
        bool is_match;
        const char *star;
    } rows[] = {
        {"", "", true, NULL},
        {"a", "", false, NULL},
        {"", "a", false, NULL},
        {"", "*", false, NULL},
        {"a", "a", true, NULL},
        {"a", "b", false, NULL},
        {"ab", "a", false, NULL},
        {"a", "ab", false, NULL},
        {"a/b", "a/b", true, NULL},
        {"a/b", "a", false, NULL},
        {"a", "a/b", false, NULL},
        {"a%2fb", "a/b", false, NULL},
        {"a/b", "ab", false, NULL},
        {"i/1f", "i/*", true, "1f"},
        {"i/1f/x", "i/*", false, NULL},
        {"i", "i/*", false, NULL},
        {"i/1f/x", "i/*/x", true, "1f"},
        {"m/v/c", "m/*/*", true, "c"},
        {"a/", "a", false, NULL},
        {"a/", "a/", true, NULL},
        {"a", "a/", false, NULL},
        {"suit/m", "suit/m", true, NULL},
        {"%73uit/m", "suit/m", true, NULL},
        {".well-known/core", ".well-known/core", true, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t buf[64];
        struct selv_coap_msg m;
        struct selv_bytes star = {NULL, 0};
        assert_int_equal(request(rows[i].path, "", buf, sizeof buf, &m),
                         SELV_OK);
        if (selv_coap_path_match(&m, rows[i].pattern, &star) !=
            rows[i].is_match) {
            fail_msg("'%s' against '%s'", rows[i].path, rows[i].pattern);
        }
        if (rows[i].star != NULL) {
            bytes_are(star, rows[i].star);
        } else {
            assert_null(star.p);
        }
    }
}

static void test_coap_path_bad(void **state)
{
    static char long_piece[300];
    static const char *const rows[] = {"%",  "%4",   "%zz", "a/%g0", ".",
                                       "..", "a/..", "%2e", ".%2E/b"};
    uint8_t buf[512];
    struct selv_coap_msg m;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (request(rows[i], "", buf, sizeof buf, &m) != SELV_ERR_ARG) {
            fail_msg("'%s' was taken", rows[i]);
        }
    }
    memset(long_piece, 'a', 256);
    assert_int_equal(request(long_piece, "", buf, sizeof buf, &m),
                     SELV_ERR_ARG);
    long_piece[255] = '\0';
    assert_int_equal(request(long_piece, "", buf, sizeof buf, &m), SELV_OK);
    assert_int_equal(request("...", "", buf, sizeof buf, &m), SELV_OK);
}

static void test_coap_query(void **state)
{
    uint8_t buf[64];
    struct selv_coap_msg m;
    struct selv_bytes v = {NULL, 0};
    (void)state;
    assert_int_equal(
        request("r", "dd=0&d=7&flag&n=a%26b&e=&d=8", buf, sizeof buf, &m),
        SELV_OK);
    assert_true(selv_coap_query(&m, "d", &v));
    bytes_are(v, "7");
    assert_true(selv_coap_query(&m, "dd", &v));
    bytes_are(v, "0");
    assert_true(selv_coap_query(&m, "n", &v));
    bytes_are(v, "a&b");
    assert_true(selv_coap_query(&m, "flag", &v));
    assert_int_equal(v.len, 0);
    v = text("x");
    assert_true(selv_coap_query(&m, "e", &v));
    assert_int_equal(v.len, 0);
    v = text("x");
    assert_false(selv_coap_query(&m, "fla", &v));
    assert_false(selv_coap_query(&m, "z", &v));
    bytes_are(v, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coap_uri_good),
        cmocka_unit_test(test_coap_uri_bad),
        cmocka_unit_test(test_coap_uri_cuts),
        cmocka_unit_test(test_coap_path_match),
        cmocka_unit_test(test_coap_path_bad),
        cmocka_unit_test(test_coap_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
