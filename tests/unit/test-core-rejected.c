/* SPDX-License-Identifier: MIT */
#include "core/rejected.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Whatever is wrong with refused parameters, their secrets are masked. */

static const char schema[] = "{\"properties\": {\"Pw\": {\"writeOnly\": true}, \"N\": {},"
                             " \"pw_hint\": {}, \"Key\": {\"writeOnly\": true}}}";

static void expect(const char *text, const char *expected) {
    _cleanup_buf_ struct buf b = BUF_INIT(4096);
    assert_int_equal(rejected_parameters(schema, text, strlen(text), &b), 0);
    assert_string_equal(b.len ? b.data : "", expected);
}

static void test_json(void **state) {
    (void)state;
    expect("{\"Pw\": \"hunter2\", \"N\": x}", "{\"Pw\": \"********\", \"N\": x}");
    expect("{\"N\": x, \"pW\":\n  \"hun\\\"ter2\"}\n", "{\"N\": x, \"pW\":\n  \"********\"}\n");
    expect("{\"Pw\": \"a\", \"Key\": \"b\"", "{\"Pw\": \"********\", \"Key\": \"********\"");
    expect("{\"pw_hint\": \"dog\" \"N\": 1}", "{\"pw_hint\": \"dog\" \"N\": 1}");
    expect("{\"Pw\" \"hunter2\"}", "{\"Pw\" \"********\"}");
}

static void test_what_has_no_end_is_masked_to_the_end(void **state) {
    (void)state;
    expect("{\"Pw\": \"hunter2\n\"N\": 1", "{\"Pw\": \"********\"N\": 1");
    expect("{\"Pw\": \"hunter2", "{\"Pw\": \"********\"");
    expect("{\"Pw\": \"hunter2\\", "{\"Pw\": \"********\"");
    expect("{\"Pw\": hunter2, \"N\": 1}", "{\"Pw\": ********");
    expect("{\"Pw\": [\"a\", \"b\"], \"N\": 1}", "{\"Pw\": ********");
    expect("Pw = '''hunter2\nhunter3\nN = 1\n", "Pw = ********");
    expect("Pw = hunter2 \\\nhunter3\n", "Pw = ********");
    expect("Pw := f(\"hunter2\",\n\"hunter3\")\n", "Pw := ********");
    expect("Pw = \"hunter2\nhunter3\n", "Pw = ********");
    expect("Pw = \"hunter2\"\nN = 1\n", "Pw = ********\nN = 1\n");
}

static void test_lines(void **state) {
    (void)state;
    expect("N = x\nPw = hunter2\nKey=a b c\nN = y\n",
           "N = x\nPw = ********\nKey=********\nN = y\n");
    expect("Pw hunter2\nNPw = 1\nPwN = 2\n", "Pw ********\nNPw = 1\nPwN = 2\n");
    expect("Pw = hunter2", "Pw = ********");
    expect("N = 1\nPw", "N = 1\nPw");
    expect("Pw = ", "Pw = ");
    expect("nonsense\n", "nonsense\n");
    expect("", "");
}

static void test_without_a_template(void **state) {
    (void)state;
    const char *const none[] = {NULL, ""};
    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        _cleanup_buf_ struct buf b = BUF_INIT(4096);
        assert_int_equal(rejected_parameters(none[i], "Pw = hunter2 =", 14, &b), 0);
        assert_null(strstr(b.data, "hunter2"));
        assert_non_null(strstr(b.data, "without a template"));
    }
}

static void test_bounded(void **state) {
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(8);
    assert_int_equal(rejected_parameters(schema, "Pw = hunter2", 12, &b), -E2BIG);
}

/* Of the shortest secrets with the shortest names no text is too long to be kept. */
static void test_growth(void **state) {
    (void)state;
    static const char short_name[] = "{\"properties\": {\"a\": {\"writeOnly\": true}}}";
    static const char *const worst[] = {"a.\n", "{a:\"\"", "a=x\n"};
    for (size_t i = 0; i < ARRAY_SIZE(worst); i++) {
        _cleanup_buf_ struct buf text = BUF_INIT(4096);
        while (buf_puts(&text, worst[i]) == 0)
            ;
        _cleanup_buf_ struct buf b = BUF_INIT(REJECTED_GROWTH * 4096);
        assert_int_equal(rejected_parameters(short_name, text.data, text.len, &b), 0);
        assert_true(b.len > 2 * text.len);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),    cmocka_unit_test(test_what_has_no_end_is_masked_to_the_end),
        cmocka_unit_test(test_lines),   cmocka_unit_test(test_without_a_template),
        cmocka_unit_test(test_bounded), cmocka_unit_test(test_growth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
