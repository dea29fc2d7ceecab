/* SPDX-License-Identifier: MIT */
/* The canonical layout: what it looks like, that it is stable, and that the meaning stays. */
#include "template-files.h"
#include "template-fixture.h"

#include "base/buf.h"

#define FORMATTED_MAX (64u << 20)

static char *format(const char *text, size_t len) {
    _cleanup_buf_ struct buf b = BUF_INIT(FORMATTED_MAX);
    assert_int_equal(template_format(text, len, NULL, &b), 0);
    return buf_take(&b);
}

static void expect_format(const char *text, const char *expected) {
    char *formatted = format(text, strlen(text));
    assert_string_equal(formatted, expected);
    free(formatted);
}

static void test_layout(void **state) {
    (void)state;
    expect_format(
        "[cluster c]\n  A=1\n[[node n]]\nB  =  x\n\t[[[volume v]]]\nSize=3\n[parameters P]\n"
        "[[parameters Q]]\n[[[parameter R]]]\n[[[[list Config.Entries]]]]\nName=a",
        "[cluster c]\nA = 1\n    [[node n]]\n    B = x\n        [[[volume v]]]\n"
        "        Size = 3\n[parameters P]\n    [[parameters Q]]\n"
        "        [[[parameter R]]]\n            [[[[list Config.Entries]]]]\n"
        "            Name = a\n");
    /* ranks may be skipped: the nesting counts */
    expect_format("[parameters P]\n[[[parameter R]]]\nA = 1\n[cluster c]\n",
                  "[parameters P]\n    [[[parameter R]]]\n    A = 1\n[cluster c]\n");
}

static void test_headers(void **state) {
    (void)state;
    expect_format("[ CLUSTER   My Lab ]\n", "[cluster My Lab]\n");
    expect_format("[cluster \"a b\"] # note\n", "[cluster \"a b\"]  # note\n");
    expect_format("[cluster c]\n[[node n]\n", "[cluster c]\n    [[node n]]\n");
    expect_format("[cluster c]\n[[node n]]\n[[[configuration]]]\n[[[configuration \"\"]]]\n",
                  "[cluster c]\n    [[node n]]\n        [[[configuration]]]\n"
                  "        [[[configuration \"\"]]]\n");
}

static void test_values(void **state) {
    (void)state;
    expect_format(
        "[cluster c]\nA := x   +  1\nB = =undefined\nC =# no\nK = \"a  # b\"   # c\nE=\n",
        "[cluster c]\nA := x   +  1\nB := undefined\nC =  # no\nK = \"a  # b\"  # c\nE =\n");
    expect_format("[cluster c]\nA='''x\n   y  \n'''   # end\nB := '''z'''\n",
                  "[cluster c]\nA = '''x\n   y  \n'''  # end\nB = '''z'''\n");
    expect_format("\xef\xbb\xbf[cluster c]\r\nA = 1\r\n", "[cluster c]\nA = 1\n");
}

static void test_comments_and_blank_lines(void **state) {
    (void)state;
    expect_format("\n\n# top\n\n\n[cluster c]\n# of the cluster\n\n\n# of the node\n[[node n]]\n"
                  "A = 1\n  # of A\n\n\n[[node m]]\n# end\n\n",
                  "# top\n\n[cluster c]\n# of the cluster\n\n    # of the node\n    [[node n]]\n"
                  "    A = 1\n    # of A\n\n    [[node m]]\n    # end\n");
    expect_format("; old\nstray\n[cluster c]\n#no newline",
                  "; old\nstray\n[cluster c]\n#no newline\n");
}

static void test_refusals(void **state) {
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(FORMATTED_MAX), small = BUF_INIT(10);
    _cleanup_diagnostics_ struct diagnostics diags = DIAGNOSTICS_INIT;
    const char *wrong = "[cluster c]\nA := (\n", *good = "[cluster c]\nA = 123456\n";
    assert_int_equal(template_format(wrong, strlen(wrong), &diags, &b), -EINVAL);
    assert_int_equal(diags.errors, 1);
    assert_int_equal(b.len, 0);
    assert_int_equal(template_format(good, strlen(good), NULL, &small), -E2BIG);
}

static char *definition_text(const char *text) {
    struct result r = run_template(text, NULL);
    char *json = r.evaluated == 0 ? json_dumps(definition_json(r.d), JSON_FLAGS) : strdup("");
    result_done(&r);
    assert_non_null(json);
    return json;
}

/* format(format(x)) is format(x), and both mean what x means. */
static void check_stable(const char *path, const char *text, size_t len) {
    char *once = format(text, len), *twice = format(once, strlen(once));
    char *before = definition_text(text), *after = definition_text(once);
    if (strcmp(once, twice) != 0 || strcmp(before, after) != 0)
        print_error("%s\n", path);
    assert_string_equal(once, twice);
    assert_string_equal(before, after);
    free(once);
    free(twice);
    free(before);
    free(after);
}

static void test_all_templates_are_stable(void **state) {
    (void)state;
    assert_true(for_each_template(TEMPLATES_DIR, check_stable) >= 7);
    assert_true(for_each_template(DATA_DIR, check_stable) >= 8);
}

static void test_real_templates_are_stable(void **state) {
    (void)state;
    char *directory = shared_templates();
    if (!directory)
        skip();
    assert_true(for_each_template(directory, check_stable) >= 45);
    free(directory);
}

/* The clusters that are shipped have the layout that the formatter gives. */
static void check_canonical(const char *path, const char *text, size_t len) {
    char *formatted = format(text, len);
    if (strcmp(formatted, text) != 0)
        print_error("%s\n", path);
    assert_string_equal(formatted, text);
    free(formatted);
}

static void test_shipped_templates_are_canonical(void **state) {
    (void)state;
    assert_true(for_each_template(TEMPLATES_DIR, check_canonical) >= 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_comments_and_blank_lines),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_all_templates_are_stable),
        cmocka_unit_test(test_real_templates_are_stable),
        cmocka_unit_test(test_shipped_templates_are_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
