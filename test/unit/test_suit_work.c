/* SPDX-License-Identifier: Apache-2.0
 *
 * How much the engine has to do, at most, for a manifest of so many bytes.
 * The unit is a head of CBOR that is read: each step over a sequence reads
 * some, nothing that takes time reads none, and the count is the same with
 * every compiler. Besides, a command looks at no more bytes than its own
 * argument has (a parameter that is set again is compared with its old value),
 * and image digests, fetches and the like are the caller's work.
 *
 * Bounds, with B bytes of envelope, C = SELV_SUIT_COMPONENTS_MAX and
 * D = SELV_SUIT_DEPTH_MAX:
 *
 * check: heads <= CHECK_PER_BYTE * B + CHECK_FIXED
 *
 * Every sequence is entered once, whatever it selects. The code of a command
 * is read once, its argument at most twice, and in its own turn a nested
 * sequence counts as one head. The fixed part is for envelope, wrapper,
 * manifest and component list. Lists of indices come closest.
 *
 * run: heads <= RUN_PER_BYTE * SELV_SUIT_WORK_MAX * B
 *
 * Every command that ends counts with its length b, again for each component
 * and at each level, and the engine stops when the count goes over
 * SELV_SUIT_WORK_MAX * B. One command reads its code (1), its argument at most
 * twice (2b - 2), a parameter (1), code and argument for the record (2), and
 * the component whose turn is next (15 for a list of 4, so 3.75 each). b is 2
 * at least, and what is longer costs less a byte.
 *
 * fetch: a head for each integrated payload of the view, on top of that. Each
 * fetch is asked of the caller, too.
 *
 * Without the limit the work would grow with the power of the depth: a list
 * is never longer than C, but a command below d try-each or run-sequence with
 * lists is executed C^(d+1) times, and 2048 bytes could make the engine execute
 * 932,526 commands between two answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cbor/cbor.h"
#include "test/unit/suit_maker.h"

/* ---- the reader, with a count ------------------------------------------- */

/* This program has an engine of its own, built as for devices, and these
 * instead of the library's readers, of which it has a copy under other
 * names. */
static uint32_t plain_pull(struct selv_cbor *r, enum selv_cbor_type type);
static int32_t plain_pull_int(struct selv_cbor *r);
static void plain_pass(struct selv_cbor *r);

#define selv_cbor_pull_long plain_pull
#define selv_cbor_pull_long_int plain_pull_int
#define selv_cbor_pass plain_pass
#include "cbor/cbor_pull.c"
#undef selv_cbor_pull_long
#undef selv_cbor_pull_long_int
#undef selv_cbor_pass

static unsigned long heads;

uint32_t selv_cbor_pull_long(struct selv_cbor *r, enum selv_cbor_type type)
{
    heads++;
    return plain_pull(r, type);
}

int32_t selv_cbor_pull_long_int(struct selv_cbor *r)
{
    heads++;
    return plain_pull_int(r);
}

/* Counts what it reads by doing it once more, head by head. */
void selv_cbor_pass(struct selv_cbor *r)
{
    struct selv_cbor copy = *r;
    plain_pass(r);
    while (copy.err == SELV_OK && copy.p < r->p) {
        (void)plain_pull(&copy, SELV_CBOR_NONE);
        heads++;
    }
}

/* ---- measuring ---------------------------------------------------------- */

#define LEN(array) (sizeof(array) / sizeof(array)[0])
#define C ((unsigned long)SELV_SUIT_COMPONENTS_MAX)
#define CHECK_PER_BYTE 2ul
#define CHECK_FIXED 100ul
#define RUN_PER_BYTE 5ul

#define FOUR "[[h'00'], [h'01'], [h'02'], [h'03']]"
#define LIST "12, [3, 2, 1, 0], "

static struct maker_bytes envelope;
static struct selv_suit suit;
static char text[MAKER_CAP * 2];

struct work {
    size_t bytes;
    unsigned long check, run; /* heads */
    unsigned long commands;   /* that ended, by the trace's records */
    unsigned long asked;      /* how often the caller had something to do */
};

static unsigned long power(unsigned long base, unsigned exponent)
{
    unsigned long value = 1;
    for (; exponent > 0; exponent--) {
        value *= base;
    }
    return value;
}

static const struct selv_suit_device *device(void)
{
    static const int32_t parameters[] = {-300, -301};
    static const struct selv_suit_private private = {
        .parameters = parameters, .parameter_count = LEN(parameters)};
    struct selv_suit_device *d = maker_device(0);
    d->private = &private;
    return d;
}

/* Check envelope; SELV_OK or why not. */
static enum selv_err check(struct work *work)
{
    memset(work, 0, sizeof *work);
    heads = 0;
    enum selv_err err =
        maker_load(&suit, &selv_suit_profile_consumer_trace, device(),
                   selv_bytes(envelope.p, envelope.len));
    work->bytes = envelope.len;
    work->check = heads;
    return err;
}

/* Run the update to its end, every directive being done at once. SELV_OK, or
 * SELV_ERR_SUIT_WORK; nothing else happens here. */
static enum selv_err run(struct work *work)
{
    struct selv_suit_todo todo;
    heads = 0;
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE), SELV_OK);
    enum selv_suit_todo_kind kind = selv_suit_poll(&suit, &todo);
    while (kind != SELV_SUIT_DONE && kind != SELV_SUIT_FAILED) {
        work->asked++;
        selv_suit_answer(&suit, SELV_OK);
        kind = selv_suit_poll(&suit, &todo);
    }
    work->run = heads;
    work->commands = selv_suit_record_count(&suit);
    if (kind == SELV_SUIT_DONE) {
        return SELV_OK;
    }
    assert_int_equal(selv_suit_failure(&suit)->err, SELV_ERR_SUIT_WORK);
    assert_true(selv_suit_failure(&suit)->offset < envelope.len);
    return SELV_ERR_SUIT_WORK;
}

/* ---- manifests ---------------------------------------------------------- */

/* An install sequence: before, then count times each, then after. */
static void say(const char *before, const char *each, unsigned count,
                const char *after)
{
    size_t len = (size_t)snprintf(text, sizeof text,
                                  "{1: 1, 2: 1, 3: <<{2: " FOUR
                                  ", 4: <<[12, true, 20, {5: 0}]>>}>>,"
                                  " 20: <<[%s",
                                  before);
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", each);
    }
    (void)snprintf(text + len, sizeof text - len, "%s]>>}", after);
}

static void make(const char *before, const char *each, unsigned count,
                 const char *after)
{
    say(before, each, count, after);
    maker_envelope(&(struct maker_spec){.manifest = text}, &envelope);
}

/* Whether it would fit, without signing it: all manifests of 256 bytes and
 * more have as much around them. */
static bool is_fit(const char *before, const char *each, unsigned count,
                   const char *after)
{
    static struct maker_bytes manifest;
    static size_t around;
    if (around == 0) {
        make("12, 0", ", 5, 0", 200, "");
        maker_encode(text, &manifest);
        around = envelope.len - manifest.len;
    }
    say(before, each, count, after);
    maker_encode(text, &manifest);
    return manifest.len + around <= SELV_SUIT_ENVELOPE_MAX;
}

/* As many of each as the largest envelope holds. */
static unsigned fill(const char *before, const char *each, const char *after,
                     unsigned most, struct work *work)
{
    unsigned fits = 1;
    unsigned over = 2;
    most = most != 0 ? most : 1024;
    while (over <= most && is_fit(before, each, over, after)) {
        fits = over;
        over *= 2;
    }
    over = over <= most ? over : most + 1;
    while (over - fits > 1) {
        unsigned middle = fits + (over - fits) / 2;
        if (is_fit(before, each, middle, after)) {
            fits = middle;
        } else {
            over = middle;
        }
    }
    make(before, each, fits, after);
    assert_true(envelope.len <= SELV_SUIT_ENVELOPE_MAX);
    assert_int_equal(check(work), SELV_OK);
    return fits;
}

#define IN_RUN(inner) LIST "32, <<[" inner
#define IN_TRY(inner) LIST "15, [<<[" inner
#define RUN_END "]>>"
#define TRY_END "]>>, <<[14, 0]>>]"

static const struct nest {
    const char *what;
    const char *before, *each, *after;
    unsigned depth; /* try-each and run-sequence around each */
    bool is_listed; /* and a list right before it */
    unsigned most;  /* of each; 0: as many as fit */
} nests[] = {
    {"flat, one component", "12, 0", ", 5, 0", "", 0, false, 0},
    {"flat, a list", LIST "5, 0", ", 5, 0", "", 0, true, 0},
    {"flat, true", "12, true", ", 5, 0", "", 0, true, 0},
    {"one run-sequence", IN_RUN(LIST "5, 0"), ", 5, 0", RUN_END, 1, true, 0},
    {"two", IN_RUN(IN_RUN(LIST "5, 0")), ", 5, 0", RUN_END RUN_END, 2, true, 0},
    {"three", IN_RUN(IN_RUN(IN_RUN(LIST "5, 0"))), ", 5, 0",
     RUN_END RUN_END RUN_END, 3, true, 0},
    {"four: the deepest", IN_RUN(IN_RUN(IN_RUN(IN_RUN(LIST "5, 0")))), ", 5, 0",
     RUN_END RUN_END RUN_END RUN_END, 4, true, 0},
    {"four try-each", IN_TRY(IN_TRY(IN_TRY(IN_TRY(LIST "5, 0")))), ", 5, 0",
     TRY_END TRY_END TRY_END TRY_END, 4, true, 0},
    {"four, of indices", IN_RUN(IN_RUN(IN_RUN(IN_RUN("12, 0")))),
     ", 12, [3, 2, 1, 0]", RUN_END RUN_END RUN_END RUN_END, 4, false, 0},
    {"four, of true", IN_RUN(IN_RUN(IN_RUN(IN_RUN("12, 0")))), ", 12, true",
     RUN_END RUN_END RUN_END RUN_END, 4, false, 0},
    {"four, of small maps", IN_RUN(IN_RUN(IN_RUN(IN_RUN(LIST "5, 0")))),
     ", 20, {5: 0}", RUN_END RUN_END RUN_END RUN_END, 4, true, 0},
    {"four, of large maps", IN_RUN(IN_RUN(IN_RUN(IN_RUN(LIST "5, 0")))),
     ", 20, {5: 0, 12: true, 13: false, 14: 1, 18: h'', 21: \"a\", 22: 0,"
     " 23: h'', 25: h''}",
     RUN_END RUN_END RUN_END RUN_END, 4, true, 0},
    {"four, of digests", IN_RUN(IN_RUN(IN_RUN(IN_RUN(LIST "5, 0")))),
     ", 20, {3: " MAKER_IMAGE_A "}", RUN_END RUN_END RUN_END RUN_END, 4, true,
     0},
    {"three, of try-each whose last alternative is good",
     IN_RUN(IN_RUN(IN_RUN(LIST "5, 0"))),
     ", 15, [<<[14, 0]>>, <<[14, 0]>>, <<[14, 0]>>, <<[5, 0]>>]",
     RUN_END RUN_END RUN_END, 3, true, 0},
    {"three, of try-each with nil", IN_RUN(IN_RUN(IN_RUN(LIST "5, 0"))),
     ", 15, [<<[14, 0]>>, <<[14, 0]>>, <<[14, 0]>>, null]",
     RUN_END RUN_END RUN_END, 3, true, 0},
    {"three, and a try-each of 255, all but the last bad",
     IN_RUN(IN_RUN(IN_RUN(LIST "15, [<<[14, 0]>>"))), ", <<[14, 0]>>",
     ", null]" RUN_END RUN_END RUN_END, 3, true, 253},
    {"three, of run-sequences that fail softly",
     IN_RUN(IN_RUN(IN_RUN(LIST "5, 0"))), ", 32, <<[20, {13: true}, 14, 0]>>",
     RUN_END RUN_END RUN_END, 3, true, 0},
    {"three, of short run-sequences", IN_RUN(IN_RUN(IN_RUN(LIST "5, 0"))),
     ", 32, <<[5, 0]>>", RUN_END RUN_END RUN_END, 3, true, 0},
};

static void test_suit_work_nested(void **state)
{
    (void)state;
    unsigned over = 0;
    for (size_t i = 0; i < LEN(nests); i++) {
        const struct nest *nest = &nests[i];
        struct work work;
        unsigned count =
            fill(nest->before, nest->each, nest->after, nest->most, &work);
        enum selv_err err = run(&work);
        unsigned long times = power(C, nest->depth + nest->is_listed);
        print_message("  %-50s %4lu bytes: check %5lu, run %7lu heads, %6lu"
                      " commands%s\n",
                      nest->what, (unsigned long)work.bytes, work.check,
                      work.run, work.commands, err == SELV_OK ? "" : ", over");
        assert_int_equal(work.asked, 0);
        assert_true(work.check <= CHECK_PER_BYTE * work.bytes + CHECK_FIXED);
        assert_true(work.run <= RUN_PER_BYTE * SELV_SUIT_WORK_MAX * work.bytes);
        if (err == SELV_OK) {
            assert_true(work.run <= RUN_PER_BYTE * work.bytes * times);
            assert_true(work.commands >= count * times);
        }
        /* Two levels of lists pass, whatever is in them. */
        assert_true(err == SELV_OK || times > C * C);
        over += err != SELV_OK;
    }
    assert_true(over >= 10);
}

/* The limit stands where it is said to stand, to the byte: with three nested
 * run-sequences and lists, each further command of two bytes counts 4^4 times,
 * and once in the length of each of the sequences around it. */
static void test_suit_work_limit_is_exact(void **state)
{
    (void)state;
    enum { DEPTH = 3, LIST_LEN = 6, SHARED_LEN = 2 + 4 * 4 };
    static char content[4096], nested[4096];
    static struct maker_bytes bstr;
    unsigned good = 0;
    unsigned bad = 0;
    for (unsigned count = 12; count < 30; count++) {
        struct work work;
        unsigned long bytes = LIST_LEN + C * 2 * (count + 1);
        size_t len = (size_t)snprintf(content, sizeof content, LIST "5, 0");
        for (unsigned i = 0; i < count; i++) {
            len +=
                (size_t)snprintf(content + len, sizeof content - len, ", 5, 0");
        }
        for (unsigned depth = 1; depth <= DEPTH; depth++) {
            (void)snprintf(nested, sizeof nested, "<<[%.3900s]>>", content);
            maker_encode(nested, &bstr);
            /* run-sequence's code has two bytes */
            bytes = LIST_LEN + C * (2 + bstr.len + bytes);
            (void)snprintf(content, sizeof content, LIST "32, %.3900s", nested);
        }
        make(content, "", 0, "");
        assert_int_equal(check(&work), SELV_OK);
        bool is_over = SHARED_LEN + bytes > SELV_SUIT_WORK_MAX * work.bytes;
        assert_int_equal(run(&work), is_over ? SELV_ERR_SUIT_WORK : SELV_OK);
        good += !is_over;
        bad += is_over;
    }
    print_message("  %u within, %u over\n", good, bad);
    assert_true(good > 0 && bad > 0);
}

/* What is dense in heads, for the check: most are passed twice, some three
 * times. */
static const struct dense {
    const char *what;
    const char *before, *each, *after;
    unsigned most;
} denses[] = {
    {"one-byte policies", "12, 0", ", 14, 0", "", 0},
    {"index lists", "12, 0", ", 12, [0, 1, 2, 3]", "", 0},
    {"index true", "12, 0", ", 12, true", "", 0},
    {"small maps", "12, 0", ", 20, {5: 0}", "", 0},
    {"large maps", "12, 0",
     ", 20, {5: 0, 12: true, 14: 1, 18: h'', 22: 0, 23: h'', 25: h''}", "", 0},
    {"private parameters", "12, 0", ", 20, {-300: 0, -301: 0}", "", 0},
    {"one large private parameter", "12, 0, 20, {-300: [0", ", 0", "]}", 0},
    {"nested private parameters", "12, 0", ", 20, {-300: [[[[[[0]]]]]]}", "",
     0},
    {"a try-each of 255", "12, 0, 15, [<<[14, 0]>>", ", <<[14, 0]>>", "]", 253},
    {"try-each of two", "12, 0", ", 15, [<<[14, 0]>>, <<[14, 0]>>]", "", 0},
    {"run-sequences", "12, 0", ", 32, <<[14, 0]>>", "", 0},
    {"run-sequences of four", "12, 0",
     ", 32, <<[32, <<[32, <<[32, <<[14, 0]>>]>>]>>]>>", "", 0},
    {"a list before a nest", IN_RUN(IN_RUN(IN_RUN(IN_RUN(LIST "5, 0")))),
     ", 12, [3, 2, 1, 0]", RUN_END RUN_END RUN_END RUN_END, 0},
};

static void test_suit_work_of_the_check(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(denses); i++) {
        const struct dense *dense = &denses[i];
        struct work work;
        (void)fill(dense->before, dense->each, dense->after, dense->most,
                   &work);
        print_message("  %-30s %4zu bytes: check %5lu heads, %lu.%02lu a"
                      " byte\n",
                      dense->what, work.bytes, work.check,
                      work.check / work.bytes,
                      work.check % work.bytes * 100 / work.bytes);
        assert_true(work.check <= CHECK_PER_BYTE * work.bytes + CHECK_FIXED);
    }
}

/* ---- payloads ----------------------------------------------------------- */

/* Append count pairs "#ab": h'' to the envelope, which has two. */
static void append_payloads(unsigned count)
{
    uint8_t head[4] = {0xb9, (uint8_t)((count + 2) >> 8), (uint8_t)(count + 2)};
    assert_true(count + 2 > 255);
    assert_int_equal(envelope.p[2], 0xa2);
    memmove(envelope.p + 5, envelope.p + 3, envelope.len - 3);
    memcpy(envelope.p + 2, head, 3);
    envelope.len += 2;
    for (unsigned i = 0; i < count; i++) {
        uint8_t pair[5] = {0x63, '#', (uint8_t)('!' + i / 64),
                           (uint8_t)('!' + i % 64), 0x40};
        memcpy(envelope.p + envelope.len, pair, sizeof pair);
        envelope.len += sizeof pair;
    }
}

/* Each fetch goes over all payloads, and each is asked of the caller. */
static void test_suit_work_of_payloads(void **state)
{
    (void)state;
    enum { FETCHES = SELV_SUIT_REQUESTS_MAX, PAYLOADS = 1000 };
    struct work with, without;
    make("12, 0, 20, {21: \"none\"}", ", 21, 0", FETCHES, "");
    assert_int_equal(check(&without), SELV_OK);
    assert_int_equal(run(&without), SELV_OK);
    append_payloads(PAYLOADS);
    assert_int_equal(check(&with), SELV_OK);
    assert_int_equal(run(&with), SELV_OK);
    print_message("  %u fetches, %u payloads: check %lu, run %lu heads;"
                  " without %lu, %lu\n",
                  (unsigned)FETCHES, (unsigned)PAYLOADS, with.check, with.run,
                  without.check, without.run);
    assert_int_equal(with.asked, FETCHES);
    assert_int_equal(without.asked, FETCHES);
    assert_true(with.check - without.check <= 2 * PAYLOADS);
    assert_true(with.run - without.run >= FETCHES * PAYLOADS);
    assert_true(with.run - without.run <= 2 * FETCHES * PAYLOADS);
    assert_true(without.run <= RUN_PER_BYTE * without.bytes);
}

/* What the caller is asked for takes longest, and is counted by itself. */
static void test_suit_work_requests(void **state)
{
    (void)state;
    struct work work;
    for (unsigned fetches = SELV_SUIT_REQUESTS_MAX - 1;
         fetches <= SELV_SUIT_REQUESTS_MAX + 1; fetches++) {
        /* Bare, and each in a sequence of its own. */
        for (int nested = 0; nested < 2; nested++) {
            make("12, 0, 20, {21: \"none\"}",
                 nested ? ", 32, <<[21, 0]>>" : ", 21, 0", fetches, "");
            assert_int_equal(check(&work), SELV_OK);
            bool is_over = fetches > SELV_SUIT_REQUESTS_MAX;
            enum selv_err end = is_over ? SELV_ERR_SUIT_WORK : SELV_OK;
            assert_int_equal(run(&work), end);
            assert_int_equal(work.asked, fetches - is_over);
            /* For each procedure anew. */
            assert_int_equal(run(&work), end);
        }
    }
}

/* The count is the library's: the same manifest, the same number, and a
 * longer one costs more. */
static void test_suit_work_is_counted(void **state)
{
    (void)state;
    struct work first, again, more;
    make("12, 0", ", 5, 0", 10, "");
    assert_int_equal(check(&first), SELV_OK);
    assert_int_equal(run(&first), SELV_OK);
    assert_int_equal(check(&again), SELV_OK);
    assert_int_equal(run(&again), SELV_OK);
    assert_int_equal(first.check, again.check);
    assert_int_equal(first.run, again.run);
    make("12, 0", ", 5, 0", 11, "");
    assert_int_equal(check(&more), SELV_OK);
    assert_int_equal(run(&more), SELV_OK);
    assert_int_equal(more.commands, first.commands + 1);
    assert_true(more.check > first.check + 1);
    assert_true(more.check <= first.check + 2 * CHECK_PER_BYTE);
    assert_true(more.run > first.run + 1);
    assert_true(more.run <= first.run + 2 * RUN_PER_BYTE);
}

/* Polling is no work of the manifest's: a caller may do it as often as it
 * wakes up. */
static void test_suit_work_polls_are_free(void **state)
{
    (void)state;
    struct selv_suit_todo todo;
    struct work work;
    make("12, 0, 20, {21: \"none\"}, 21, 0, 5, 0", "", 0, "");
    assert_int_equal(check(&work), SELV_OK);
    assert_int_equal(selv_suit_begin(&suit, SELV_SUIT_UPDATE), SELV_OK);
    for (unsigned i = 0; i < 100000; i++) {
        assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_FETCH);
    }
    selv_suit_answer(&suit, SELV_OK);
    assert_int_equal(selv_suit_poll(&suit, &todo), SELV_SUIT_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suit_work_is_counted),
        cmocka_unit_test(test_suit_work_nested),
        cmocka_unit_test(test_suit_work_limit_is_exact),
        cmocka_unit_test(test_suit_work_polls_are_free),
        cmocka_unit_test(test_suit_work_of_the_check),
        cmocka_unit_test(test_suit_work_of_payloads),
        cmocka_unit_test(test_suit_work_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
