/* SPDX-License-Identifier: MIT */
/* Where diagnostics point to, their codes, and that each fix settles what it is for. */
#include "template-fixture.h"

#include "template/diagnostic-codes.h"

/* The first diagnostic with this code, or NULL. */
static const struct diagnostic *with_code(const struct result *r, const char *slug) {
    for (size_t i = 0; i < r->diags.len; i++)
        if (strcmp(diagnostic_kind(r->diags.items[i].code)->slug, slug) == 0)
            return &r->diags.items[i];
    return NULL;
}

static void test_codes_are_unique_and_explained(void **state) {
    (void)state;
    for (int i = 0; i < DIAGNOSTIC_CODES; i++) {
        const struct diagnostic_kind *kind = diagnostic_kind((enum diagnostic_code)i);
        assert_non_null(kind->slug);
        assert_true(strlen(kind->text) > 10);
        assert_int_equal(strspn(kind->slug, "abcdefghijklmnopqrstuvwxyz-"), strlen(kind->slug));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(kind->slug, diagnostic_kind((enum diagnostic_code)j)->slug);
    }
}

static void expect_point(struct diagnostic_point p, unsigned line, unsigned byte,
                         unsigned character, unsigned utf16) {
    assert_int_equal(p.line, line);
    assert_int_equal(p.byte, byte);
    assert_int_equal(p.character, character);
    assert_int_equal(p.utf16, utf16);
}

/* Bytes, characters and UTF-16 units differ: e-acute has 2, 1, 1, the clef 4, 1, 2. */
static void test_columns(void **state) {
    (void)state;
    struct result r = run_template(
        "[cluster c]\n[[node n]]\nX = \xc3\xa9\xf0\x9d\x84\x9e $Cout\r\n[parameter Count]\n", NULL);
    const struct diagnostic *d = with_code(&r, "undeclared-parameter");
    assert_non_null(d);
    expect_point(d->start, 3, 12, 8, 9);
    expect_point(d->end, 3, 17, 13, 14);
    assert_string_equal(d->fix.replacement, "$Count");
    expect_point(d->fix.start, 3, 12, 8, 9);
    expect_point(d->fix.end, 3, 17, 13, 14);
    result_done(&r);
}

static void test_a_diagnostic_without_a_place(void **state) {
    (void)state;
    struct result r = run_template("# nothing\n", NULL);
    const struct diagnostic *d = with_code(&r, "missing-cluster");
    assert_non_null(d);
    expect_point(d->start, 0, 0, 0, 0);
    expect_point(d->end, 0, 0, 0, 0);
    assert_null(d->fix.replacement);
    result_done(&r);
}

/* The text with the fix of a diagnostic applied. */
static char *apply(const char *text, const struct diagnostic *d) {
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 16);
    const char *line = text;
    for (unsigned n = 1; n < d->fix.start.line; n++)
        line = strchr(line, '\n') + 1;
    (void)buf_append(&b, text, (size_t)(line - text) + d->fix.start.byte - 1);
    (void)buf_puts(&b, d->fix.replacement);
    assert_int_equal(buf_puts(&b, line + d->fix.end.byte - 1), 0);
    return buf_take(&b);
}

static void expect_fix(const char *text, const char *code, const char *fixed) {
    struct result r = run_template(text, NULL);
    const struct diagnostic *d = with_code(&r, code);
    if (!d || !d->fix.replacement)
        print_error("%s\n%s", text, r.text);
    assert_non_null(d);
    assert_non_null(d->fix.replacement);
    char *better = apply(text, d);
    assert_string_equal(better, fixed);
    struct result after = run_template(better, NULL);
    assert_null(with_code(&after, code));
    free(better);
    result_done(&r);
    result_done(&after);
}

static void test_fixes_settle(void **state) {
    (void)state;
    static const struct {
        const char *wrong, *code, *right;
    } rows[] = {
        {"[[nod n]]\n", "unknown-section", "[[node n]]\n"},
        {"[[node n]] # x\n[[[volume v]] # x\nSize = 1\n", "uneven-brackets",
         "[[node n]] # x\n[[[volume v]]] # x\nSize = 1\n"},
        {"[[node n]]]\n", "uneven-brackets", "[[node n]]\n"},
        {"  [[node n # x\n", "unclosed-header", "  [[node n]] # x\n"},
        {"; x\n", "semicolon-comment", "# x\n"},
        {"[[node n]]\nMachinType = a\n", "unknown-attribute", "[[node n]]\nMachineType = a\n"},
        {"X = ${strct(\"a\")}\n", "invalid-expression", "X = ${strcat(\"a\")}\n"},
        {"X = a ${1 + 1\n", "unclosed-brace", "X = a ${1 + 1}\n"},
        {"X = \"a\n", "unclosed-quote", "X = \"a\"\n"},
        {"X = undefined\n", "undefined-text", "X := undefined\n"},
        {"X := Cout + 1\n[parameter Count]\n", "unknown-name",
         "X := Count + 1\n[parameter Count]\n"},
        {"X = \"b $Cout\"\n[parameter Count]\n", "undeclared-parameter",
         "X = \"b $Count\"\n[parameter Count]\n"},
        {"[parameter P]\nConditions.Hidden = B\n", "text-condition",
         "[parameter P]\nConditions.Hidden := B\n"},
        {"[[node base]]\n[[node n]]\nExtends = bas\n", "unknown-base",
         "[[node base]]\n[[node n]]\nExtends = base\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        _cleanup_buf_ struct buf wrong = BUF_INIT(4096), right = BUF_INIT(4096);
        (void)buf_printf(&wrong, "[cluster c]\n%s", rows[i].wrong);
        (void)buf_printf(&right, "[cluster c]\n%s", rows[i].right);
        expect_fix(wrong.data, rows[i].code, right.data);
    }
}

/* An escape shifts the columns of what follows: no fix is better than one in the wrong place. */
static void test_no_fix_where_the_place_is_not_known(void **state) {
    (void)state;
    struct result r = run_template("[cluster c]\nX = \"\\\" $Cout\"\n[parameter Count]\n", NULL);
    const struct diagnostic *d = with_code(&r, "undeclared-parameter");
    assert_non_null(d);
    assert_string_equal(d->hint, "did you mean Count?");
    assert_null(d->fix.replacement);
    result_done(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_are_unique_and_explained),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_a_diagnostic_without_a_place),
        cmocka_unit_test(test_fixes_settle),
        cmocka_unit_test(test_no_fix_where_the_place_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
