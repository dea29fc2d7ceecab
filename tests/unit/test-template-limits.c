/* SPDX-License-Identifier: MIT */
/*
 * Templates that are made to cost: nesting that would exhaust the stack, values that double, work
 * that takes minutes. Each is refused in words, at a line where there is one, after a bounded work;
 * what grows only with its size stays within the budget.
 */
#include "template-fixture.h"

#define HEAD                                                        \
    "[cluster S]\n[[node defaults]]\nCredentials = a\nRegion = r\n" \
    "SubnetId = s/s/s\nMachineType = Standard_F2s_v2\n"

/* Text that is made piece by piece. */
static void put_times(struct buf *b, unsigned n, const char *text) {
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(buf_puts(b, text), 0);
}

/* The same with the number of the piece in place of each #. */
static void put_numbered(struct buf *b, unsigned n, const char *piece) {
    for (unsigned i = 0; i < n; i++)
        for (const char *p = piece; *p; p++)
            assert_int_equal(*p == '#' ? buf_printf(b, "%u", i) : buf_putc(b, *p), 0);
}

static struct buf begin(const char *text) {
    struct buf b = BUF_INIT(LIMIT_DOCUMENT_BYTES);
    assert_int_equal(buf_puts(&b, text), 0);
    return b;
}

/* The template must be refused with one error that says `part`, and only with that. */
static void expect_refused(struct buf *b, const char *given, const char *part) {
    struct result r = run_template(b->data, given);
    assert_true(r.parsed == -EINVAL || r.evaluated == -EINVAL);
    expect_text(&r, part);
    assert_int_equal(r.diags.errors, 1);
    result_done(&r);
    buf_done(b);
}

static void expect_accepted(struct buf *b) {
    struct result r = run_template(b->data, NULL);
    if (r.evaluated != 0)
        print_error("%s", r.text);
    assert_int_equal(r.evaluated, 0);
    result_done(&r);
    buf_done(b);
}

/* --- depth ------------------------------------------------------------------------------------ */

static void test_deep_key(void **state) {
    (void)state;
    struct buf b = begin(HEAD "[[nodearray e]]\n[[[configuration a");
    put_times(&b, 100, ".a");
    put_times(&b, 1, "]]]\nb = 1\n");
    expect_refused(&b, NULL,
                   "t:9:5: error: b of nodearray e: lists and records nest more than 100");

    b = begin(HEAD "[[nodearray e]]\n[[[configuration a");
    put_times(&b, 99, ".a");
    put_times(&b, 1, "]]]\nb = 1\n");
    expect_accepted(&b);
}

/* Longer than a name may be: refused, and looked at all the same for what is wrong besides. */
static void test_deep_name(void **state) {
    (void)state;
    const struct evaluation_input input = {.cluster_name = "c"};
    _cleanup_diagnostics_ struct diagnostics diags = DIAGNOSTICS_INIT;
    struct buf b = begin(HEAD "[[nodearray e]]\n[[[configuration a");
    put_times(&b, 150000, ".a");
    put_times(&b, 1, "]]]\nb = 1\n");
    assert_int_equal(template_find_errors(b.data, b.len, &input, &diags), 0);
    assert_int_equal(diags.errors, 1);
    expect_refused(&b, NULL, "this name is longer than 1024 bytes");
}

static void test_deep_expression(void **state) {
    (void)state;
    struct buf b = begin(HEAD "[[nodearray e]]\nX = ${");
    for (unsigned i = 0; i < 120; i++) {
        put_times(&b, 1, "[k");
        put_times(&b, 400, ".k");
        put_times(&b, 1, "=");
    }
    put_times(&b, 1, "1");
    put_times(&b, 120, "]");
    put_times(&b, 1, "}\n");
    expect_refused(&b, NULL, "X of nodearray e: lists and records nest more than 100 deep");
}

static void test_deep_given(void **state) {
    (void)state;
    struct buf b = begin(HEAD "[[nodearray e]]\nX = $P\n[parameters p]\n[[parameter P]]\n");
    struct buf given = begin("{\"P\": ");
    put_times(&given, 1500, "[");
    put_times(&given, 1500, "]");
    put_times(&given, 1, "}");
    expect_refused(&b, given.data, "Parameter P: lists and records nest more than 100 deep");
    buf_done(&given);
}

/* --- size ------------------------------------------------------------------------------------- */

/* Thirty parameters of a few bytes amount to a list of a thousand million items. */
static void test_doubling(void **state) {
    (void)state;
    struct buf b = begin(HEAD "[[nodearray e]]\nX = $P30\n[parameters p]\n[[parameter P0]]\n"
                              "DefaultValue = 1\n");
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(
            buf_printf(&b, "[[parameter P%u]]\nDefaultValue := {P%u, P%u}\n", i + 1, i, i), 0);
    expect_refused(&b, NULL, "the definition of the cluster is larger than 4 MiB; P15");
}

static void test_large_definition(void **state) {
    (void)state;
    struct buf b = begin(HEAD);
    put_numbered(&b, 20000, "A# = xxxxxxxxxxxxxxxxxxxx\n");
    put_numbered(&b, 20, "[[nodearray e#]]\n");
    expect_refused(&b, NULL, "the definition of the cluster is larger than 4 MiB");
}

static void test_large_given(void **state) {
    (void)state;
    struct buf b = begin(HEAD), given = begin("{\"P\": [");
    put_times(&given, 200000, "1,");
    put_times(&given, 1, "1]}");
    json_t *values = json_loads(given.data, 0, NULL);
    _cleanup_diagnostics_ struct diagnostics diags = DIAGNOSTICS_INIT;
    struct template *t = NULL;
    put_times(&b, 1, "[parameters p]\n[[parameter P]]\n");
    assert_int_equal(template_parse(b.data, b.len, NULL, &t), 0);
    assert_int_equal(template_check_parameters(t, values, &diags), -EINVAL);
    assert_non_null(strstr(diags.items[0].text, "the list or record is too large"));
    template_free(t);
    json_decref(values);
    buf_done(&given);
    buf_done(&b);
}

/* A text of many pieces where a list is wanted is too large, not too much for the memory. */
static void test_many_pieces(void **state) {
    (void)state;
    struct buf b = begin(HEAD "[[nodearray e]]\nZone = 1");
    put_times(&b, 120000, ",1");
    put_times(&b, 1, "\n");
    expect_refused(&b, NULL, "Zone of nodearray e: the list or record is too large");
}

/* --- work ------------------------------------------------------------------------------------- */

#define TOO_MUCH "the template takes too much work to evaluate"

/* Each call alone took seconds. */
static void test_regular_expressions(void **state) {
    (void)state;
    static const char *const patterns[] = {
        "a{0,900}a{0,900}b|.",
        ".*+b|.",
        "(?=.*c)a|.",
        "^(a|aa)+$",
    };
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        struct buf b = begin(HEAD "[[nodearray e]]\n");
        for (unsigned n = 0; n < 200; n++)
            assert_int_equal(
                buf_printf(&b, "A%u = ${size(regexps(\"%s\", T, \"x\"))}\n", n, patterns[i]), 0);
        put_times(&b, 1, "[parameters p]\n[[parameter T]]\nDefaultValue = ");
        put_times(&b, 9000, "a");
        put_times(&b, 1, "\n");
        struct result r = run_template(b.data, NULL);
        assert_int_equal(r.evaluated, -EINVAL);
        result_done(&r);
        buf_done(&b);
    }
}

static void test_regular_expression_budget(void **state) {
    (void)state;
    struct buf b = begin(HEAD "[[nodearray e]]\n"
                              "A = ${size(regexps(\"a{0,900}a{0,900}b|.\", T, \"x\"))}\n"
                              "[parameters p]\n[[parameter T]]\nDefaultValue = ");
    put_times(&b, 9000, "a");
    put_times(&b, 1, "\n");
    expect_refused(&b, NULL, "t:8:5: error: " TOO_MUCH);
}

static void test_long_arguments(void **state) {
    (void)state;
    struct buf b = begin(HEAD "[[nodearray e]]\n");
    put_numbered(&b, 2000, "A# = ${size(T)}\n");
    put_times(&b, 1, "[parameters p]\n[[parameter T]]\nDefaultValue = ");
    put_times(&b, 1000000, "a");
    put_times(&b, 1, "\n");
    expect_refused(&b, NULL, TOO_MUCH);
}

/* Thousands of layers of the same section. */
static void test_inherited_again_and_again(void **state) {
    (void)state;
    struct buf b = begin("[cluster S]\n[[node base]]\nAbstract = true\n");
    put_numbered(&b, 20000, "A# = 1\n");
    put_times(&b, 1, "[[nodearray e]]\nMachineType = x\nExtends = base");
    put_times(&b, 900, ",base");
    put_times(&b, 1, "\n");
    expect_refused(&b, NULL, TOO_MUCH);
}

/* Masks that each move what is behind them. */
static void test_masks(void **state) {
    (void)state;
    struct buf b = begin(HEAD "[[node base]]\nAbstract = true\n");
    put_numbered(&b, 20000, "A#.b = 1\n");
    put_times(&b, 1, "[[nodearray e]]\nExtends = base\n");
    put_numbered(&b, 20000, "A# := undefined\n");
    expect_refused(&b, NULL, TOO_MUCH);
}

/* What took a time that grew with the square of its size. */
static void test_many_of_a_kind(void **state) {
    (void)state;
    static const struct {
        const char *head, *piece;
        unsigned n;
    } rows[] = {
        {HEAD "[[nodearray e]]\n", "Tags.t# = 1\n", 15000},
        {HEAD "[[nodearray e]]\n", "[[[cluster-init p#]]]\n", 6000},
        {HEAD "[[nodearray e]]\n", "[[[volume v#]]]\nSize = 1\n", 10000},
        {HEAD "[[nodearray e]]\n", "[[[input-endpoint v#]]]\nPrivatePort = 1\n", 10000},
        {HEAD "[[nodearray e]]\n", "[[[configuration a#]]]\nb = 1\n", 10000},
        {HEAD "[[nodearray e]]\n", "A# = ${n#}\n", 10000},
        {HEAD, "[cluster c#]\n", 30000},
        {HEAD, "[noderef n#]\n", 6000},
        {HEAD, "[[[parameter P#]]]\nRequired = true\n", 20000},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf b = begin(rows[i].head);
        put_numbered(&b, rows[i].n, rows[i].piece);
        expect_accepted(&b);
    }
}

/* A line whose braces never close is read once. */
static void test_open_braces(void **state) {
    (void)state;
    static const char *const pieces[] = {"${", "${,"};
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        struct buf b = begin(HEAD "X = a,");
        put_times(&b, 300000, pieces[i]);
        put_times(&b, 1, "\n");
        struct result r = run_template(b.data, NULL);
        assert_int_equal(r.parsed, -EINVAL);
        expect_text(&r, "this ${ is not closed");
        result_done(&r);
        buf_done(&b);
    }
}

/* Where values come from costs more to tell than to evaluate. */
static void test_origins(void **state) {
    (void)state;
    struct buf b = begin(HEAD);
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(buf_printf(&b, "X%u = ${ifThenElse(true, 1, size({", i), 0);
        put_times(&b, 100, "Y,");
        put_times(&b, 1, "Y}))}\n");
    }
    put_numbered(&b, 150, "[[nodearray e#]]\n");
    struct result r = run_template(b.data, NULL);
    json_t *origins = NULL;
    assert_int_equal(r.evaluated, 0);
    assert_int_equal(definition_origins(r.d, &origins), -E2BIG);
    result_done(&r);
    buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deep_key),
        cmocka_unit_test(test_deep_name),
        cmocka_unit_test(test_deep_expression),
        cmocka_unit_test(test_deep_given),
        cmocka_unit_test(test_doubling),
        cmocka_unit_test(test_large_definition),
        cmocka_unit_test(test_large_given),
        cmocka_unit_test(test_many_pieces),
        cmocka_unit_test(test_regular_expressions),
        cmocka_unit_test(test_regular_expression_budget),
        cmocka_unit_test(test_long_arguments),
        cmocka_unit_test(test_inherited_again_and_again),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_many_of_a_kind),
        cmocka_unit_test(test_open_braces),
        cmocka_unit_test(test_origins),
    };
    return cmocka_run_group_tests_name("template-limits", tests, NULL, NULL);
}
