/* SPDX-License-Identifier: MIT */
/* The expression language, operator by operator and function by function. */
#include "template-fixture.h"

#include "base/buf.h"
#include "template/value.h"

static const char given[] =
    "{\"Five\":5,\"Half\":0.5,\"Name\":\"Alice\",\"Yes\":true,\"No\":false,\"Empty\":\"\","
    "\"None\":null,\"List\":[1,\"b\",null],\"Rec\":{\"Key\":\"v\",\"In\":{\"x\":7}},"
    "\"Word Two\":\"spaced\",\"Text5\":\"5\"}";

struct golden {
    const char *expr;
    const char *json; /* "" = undefined; "!part" = an error that says part */
};

static void check(const struct golden *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        _cleanup_buf_ struct buf b = BUF_INIT(1 << 16);
        (void)buf_printf(&b, "[cluster c]\nX := %s\n", rows[i].expr);
        struct result r = run_template(b.data, given);
        bool error = rows[i].json[0] == '!';
        if ((r.evaluated != 0) != error)
            print_error("%s\n%s", rows[i].expr, r.text);
        assert_int_equal(r.evaluated, error ? -EINVAL : 0);
        if (error) {
            expect_text(&r, rows[i].json + 1);
        } else {
            char *text = json_dumps(
                json_object_get(json_object_get(definition_json(r.d), "cluster"), "X"), JSON_FLAGS);
            if (strcmp(text ? text : "", rows[i].json) != 0)
                print_error("%s\n", rows[i].expr);
            assert_string_equal(text ? text : "", rows[i].json);
            free(text);
        }
        result_done(&r);
    }
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_literals(void **state) {
    (void)state;
    static const struct golden rows[] = {
        {"42", "42"},
        {"-7", "-7"},
        {"1.5", "1.5"},
        {"1e3", "1000.0"},
        {"2.10", "\"2.10\""}, /* a version keeps its spelling */
        {"0755", "\"0755\""},
        {"2.10 + 0", "2.1"},
        {"\"a\\\"b\\\\c\\n\\t\\q\"", "\"a\\\"b\\\\c\\n\\t\\\\q\""},
        {"TRUE", "true"},
        {"False", "false"},
        {"undefined", ""},
        {"null", ""},
        {"undefined()", ""},
        {"error", "!error"},
        {"`10m`", "600"},
        {"`2h` + `1s`", "7201"},
        {"{1, \"b\", {}}", "[1,\"b\",[]]"},
        {"{}", "[]"},
        {"[]", "{}"},
        {"[a=1; b=\"x\";]", "{\"a\":1,\"b\":\"x\"}"},
        {"[a=1, b=2]", "{\"a\":1,\"b\":2}"},
        {"[a.b=1; 'c d'=2; \"e\"=3]", "{\"a\":{\"b\":1},\"c d\":2,\"e\":3}"},
        {"[a=1; A=2]", "{\"a\":2}"},
        {"['a.b'=1; \"c.d\"=2; e.f=3]", "{\"a.b\":1,\"c.d\":2,\"e\":{\"f\":3}}"},
        {"99999999999999999999", "!too large for a whole number"},
        {"\"open", "!this quote is not closed"},
        {"1 +", "!expected a value, found the end"},
        {"{1, 2", "!expected ','"},
        {"a @ b", "!'@' has no meaning"},
        {"1 2", "!expected an operator or the end, found '2'"},
    };
    CHECK(rows);
}

static void test_names(void **state) {
    (void)state;
    static const struct golden rows[] = {
        {"Five", "5"},
        {"fIVE", "5"},
        {"$Five", "5"},
        {"ClusterName", "\"My Lab\""},
        {"'Word Two'", "\"spaced\""},
        {"Nothing", ""},
        {"None", ""},
        {"Rec.Key", "\"v\""},
        {"rec.KEY", "\"v\""},
        {"Rec.In.x", "7"},
        {"Rec.'In'.x", "7"},
        {"Rec[\"key\"]", "\"v\""},
        {"Rec.No", ""},
        {"Rec[None]", ""},
        {"Five.x", ""},
        {"List[1]", "\"b\""},
        {"List[5]", ""},
        {"List[-1]", ""},
        {"[a=Rec; a.Key=9].a.Key", "9"},
        {"[a=Rec; a.Key=9].a.In.x + [b=Rec].b.In.x", "14"},
    };
    CHECK(rows);
}

static void test_logic_has_three_values(void **state) {
    (void)state;
    static const struct golden rows[] = {
        {"true && true", "true"},
        {"true && false", "false"},
        {"false && None", "false"},
        {"None && false", "false"},
        {"true && None", ""},
        {"None && None", ""},
        {"true || None", "true"},
        {"None || true", "true"},
        {"false || None", ""},
        {"false || false", "false"},
        {"!None", ""},
        {"!true", "false"},
        {"!0", "true"},
        {"!\"false\"", "true"},
        {"!Name", "!expected true or false"},
        {"false && Name", "false"},
        {"true && Name", "!expected true or false"},
        {"5 && 1", "true"},
        {"0.0 || 0", "false"},
        {"true || 1/0", "true"},
        {"false && 1/0", "false"},
        {"Yes ? 1 : 2", "1"},
        {"No ? 1/0 : 2", "2"},
        {"None ? 1 : 2", ""},
        {"Name ? 1 : 2", "!a condition must be true or false"},
        {"None ?: 3", "3"},
        {"4 ?: 3", "4"},
        {"Yes ? No ? 1 : 2 : 3", "2"},
    };
    CHECK(rows);
}

static void test_comparison(void **state) {
    (void)state;
    static const struct golden rows[] = {
        {"Name == \"aLICE\"", "true"},
        {"Name != \"alice\"", "false"},
        {"None == 1", ""},
        {"None != None", ""},
        {"5 == 5.0", "true"},
        {"Five == \"5\"", "true"},
        {"Text5 == 5", "true"},
        {"true == \"true\"", "true"},
        {"{1,\"A\"} == {1,\"a\"}", "true"},
        {"{1} == 1", "false"},
        {"[a=1] == [A=1]", "true"},
        {"Name === \"alice\"", "false"},
        {"Name === \"Alice\"", "true"},
        {"5 === 5.0", "false"},
        {"undefined is undefined", "true"},
        {"None =?= undefined", "true"},
        {"None isnt true", "true"},
        {"No isnt true", "true"},
        {"Yes isnt true", "false"},
        {"Yes !== true", "false"},
        {"None =!= 1", "true"},
        {"Five is 5", "true"},
        {"{1,2} is {1,2}", "true"},
        {"{1,2} is {2,1}", "false"},
        {"\"b\" in List", "true"},
        {"\"B\" in List", "false"},
        {"Name in {\"x\", \"Alice\"}", "true"},
        {"1 in None", ""},
        {"Name in \"Alice\"", "true"},
        {"1 < 2", "true"},
        {"2 <= 2.0", "true"},
        {"\"abc\" < \"ABD\"", "true"},
        {"3 > None", ""},
        {"3 >= 4", "false"},
        {"\"10\" > 9", "true"},
        {"Name > 1", "!expected numbers"},
        {"1 < 2 == true", "true"},
        {"`1m` < `2m`", "true"},
    };
    CHECK(rows);
}

static void test_arithmetic(void **state) {
    (void)state;
    static const struct golden rows[] = {
        {"7 / 2", "3"},
        {"-7 / 2", "-3"},
        {"7 / 2.0", "3.5"},
        {"-7 % 3", "-1"},
        {"7.5 % 2", "1.5"},
        {"1 / 0", "!division by zero"},
        {"1 / 0.0", "!division by zero"},
        {"1 % 0", "!division by zero"},
        {"None / 0", ""},
        {"2 + 3 * 4", "14"},
        {"(2 + 3) * 4", "20"},
        {"10 - 4 - 3", "3"},
        {"-Five", "-5"},
        {"+Five", "5"},
        {"-Half", "-0.5"},
        {"~5", "-6"},
        {"6 & 3", "2"},
        {"6 | 3", "7"},
        {"6 ^ 3", "5"},
        {"1 << 4", "16"},
        {"-16 >> 2", "-4"},
        {"-1 >>> 60", "15"},
        {"9223372036854775807 + 1", "!too large"},
        {"-9223372036854775807 - 2", "!too large"},
        {"(-9223372036854775807 - 1) / -1", "!too large"},
        {"(-9223372036854775807 - 1) % -1", "0"},
        {"-(-9223372036854775807 - 1)", "!too large"},
        {"9223372036854775807 * 2", "!too large"},
        {"1e308 * 10", "!not a number"},
        {"\"a\" + \"b\"", "!use strcat"},
        {"\"4\" / 2", "2"},
        {"Yes + 1", "2"},
        {"{} + 1", "!expected numbers"},
    };
    CHECK(rows);
}

static void test_text_functions(void **state) {
    (void)state;
    static const struct golden rows[] = {
        {"strcat(\"a\", 5, true, 2.10)", "\"a5true2.10\""},
        {"strcat(\"a\", None)", ""},
        {"strcat()", "\"\""},
        {"strjoin(\"-\", ClusterName, \"\")", "\"My Lab-\""},
        {"StrJoin(\",\", {1, None, \"b\"})", "\"1,b\""},
        {"join(\",\", \"a\", \"b\")", "\"a,b\""},
        {"substr(ClusterName, -1, 1)", "\"b\""},
        {"substr(\"abcdef\", 2)", "\"cdef\""},
        {"substr(\"abcdef\", 2, 3)", "\"cde\""},
        {"substr(\"abcdef\", 1, -2)", "\"bcd\""},
        {"substr(\"abcdef\", -3, -1)", "\"de\""},
        {"substr(\"abc\", 7, 1)", "\"\""},
        {"substr(\"abc\", -7, 1)", "\"a\""},
        {"substr(\"abc\", 1, -9)", "\"\""},
        {"substr(\"äöü\", 1, 1)", "\"ö\""},
        {"substr(None, 1)", ""},
        {"substr(\"abc\", \"x\")", "!whole numbers"},
        {"toLower(\"AbÄ\")", "\"abÄ\""},
        {"TOUPPER(\"ab\")", "\"AB\""},
        {"size(\"äbc\")", "3"},
        {"Size(List)", "3"},
        {"size(None)", ""},
        {"size(\"\")", "0"},
        {"trim(\"  a b \")", "\"a b\""},
        {"startsWith(\"My\", ClusterName)", "true"},
        {"startsWith(ClusterName, \"My\")", "false"},
        {"endsWith(\"Lab\", ClusterName)", "true"},
        {"contains(\"y L\", ClusterName)", "true"},
        {"contains(\"b\", List)", "true"},
        {"replace(\"aXbX\", \"X\", \"-\")", "\"a-bX\""},
        {"replaceAll(\"aXbX\", \"X\", \"-\")", "\"a-b-\""},
        {"replaceAll(\"abc\", \"\", \"-\")", "\"abc\""},
        {"strcmp(\"a\", \"b\")", "-1"},
        {"strcmp(\"a\", \"A\")", "1"},
        {"stricmp(\"a\", \"A\")", "0"},
        {"versioncmp(\"1.10\", \"1.9\")", "1"},
        {"split(\"a, b,,c\")", "[\"a\",\"b\",\"c\"]"},
        {"split(\"a:b\", \":\")", "[\"a\",\"b\"]"},
        {"split(\"abc\", \"ö\")", "!ASCII"},
    };
    CHECK(rows);
}

static void test_regular_expressions(void **state) {
    (void)state;
    static const struct golden rows[] = {
        {"regexp(\"_H[BC]\", \"Standard_HB120\")", "true"},
        {"regexp(\"^_H\", \"Standard_HB120\")", "false"},
        {"regexp(\"hb\", \"HB\", \"i\")", "true"},
        {"regexp(\"a.c\", None)", ""},
        {"regexp(\"a\", \"ba\", \"f\")", "false"},
        {"regexp(\"(\", \"x\")", "!the pattern \"(\" is wrong"},
        {"regexp(\"a\", \"a\", \"q\")", "!not options"},
        {"regexp(\"(a+)+$\", \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\")",
         "!too much work"},
        {"regexps(\"([^a-zA-Z0-9-])\", \"a b_c\", \"-\")", "\"a-b-c\""},
        {"regexps(\"^([^ ]+) .+$\", \"one two\", \"\\\\1\")", "\"one\""},
        {"regexps(\"(.)(.)\", \"abcd\", \"$2$1\")", "\"badc\""},
        {"regexps(\"x*\", \"abc\", \"-\")", "\"-a-b-c-\""},
        {"regexps(\"b*\", \"äbä\", \"-\")", "\"-ä--ä-\""},
        {"regexps(\"x\", None, \"-\")", ""},
        {"regexps(\"B\", \"abc\", \"\", \"i\")", "\"ac\""},
        {"regexps(\"b\", \"abc\", \"\\\\\\\\\")", "\"a\\\\c\""},
    };
    CHECK(rows);
}

static void test_other_functions(void **state) {
    (void)state;
    static const struct golden rows[] = {
        {"ifThenElse(Yes, 1, 1/0)", "1"},
        {"IfThenElse(0, 1, 2)", "2"},
        {"ifThenElse(None, 1, 2)", ""},
        {"ifUndefined(None, 4)", "4"},
        {"ifUndefined(3, 1/0)", "3"},
        {"isUndefined(None)", "true"},
        {"isError(1/0)", "true"},
        {"isString(Name)", "true"},
        {"isInteger(Five)", "true"},
        {"isReal(Half)", "true"},
        {"isBoolean(5)", "false"},
        {"isList({})", "true"},
        {"isRecord([])", "true"},
        {"isClassAd(Rec)", "true"},
        {"int(3.9)", "3"},
        {"int(\"7\")", "7"},
        {"int(-3.9)", "-3"},
        {"int(1e300)", "!too large"},
        {"int(Name)", "!expected a number"},
        {"real(3)", "3.0"},
        {"string(5)", "\"5\""},
        {"bool(\"TRUE\")", "true"},
        {"floor(-1.5)", "-2"},
        {"ceiling(1.2)", "2"},
        {"round(2.5)", "3"},
        {"pow(2, 10)", "1024"},
        {"pow(2, -1)", "0.5"},
        {"min(3, 1, 2)", "1"},
        {"max({1, 5, 2})", "5"},
        {"max({})", ""},
        {"sum(1, 2, 3.5)", "6.5"},
        {"avg({1, 2})", "1.5"},
        {"avg({})", ""},
        {"min(1, \"x\")", "!expected numbers"},
        {"member(\"ALICE\", {Name})", "true"},
        {"identicalMember(\"ALICE\", {Name})", "false"},
        {"random(1)", "0"},
        {"random() < 1", "true"},
        {"random(0)", "!above 0"},
        {"time() > 1700000000", "true"},
        {"min(None, 1)", ""},
        {"nosuch(1)", "!there is no function nosuch"},
        {"tolowr(\"a\")", "!did you mean toLower?"},
        {"size()", "!size needs 1 argument, found 0"},
        {"substr(\"a\")", "!substr needs 2 to 3 arguments"},
        {"strjoin(\",\")", "!strjoin needs at least 2 arguments"},
    };
    CHECK(rows);
}

/* The chain that the official Slurm template uses for the name of its scheduler. */
static void test_scheduler_name(void **state) {
    (void)state;
#define CHAIN(s)                                                                        \
    "toLower(regexps(\"([^a-zA-Z0-9-])\", ifThenElse(" s "==\"Cluster Prefix\", "       \
    "StrJoin(\"-\", ClusterName, \"scheduler\"), ifThenElse(Size(Trim(" s "))==0 || " s \
    "==\"Generated\", undefined, " s ")), \"-\"))"
    static const struct golden rows[] = {
        {CHAIN("\"Cluster Prefix\""), "\"my-lab-scheduler\""},
        {CHAIN("\"Generated\""), ""},
        {CHAIN("\"  \""), ""},
        {CHAIN("\"Head_1\""), "\"head-1\""},
    };
    CHECK(rows);
}

/* Depth and size are bounded: an answer, not a crash. */
static void test_bounds(void **state) {
    (void)state;
    _cleanup_buf_ struct buf deep = BUF_INIT(1 << 20), chain = BUF_INIT(1 << 20);
    for (int i = 0; i < 5000; i++) {
        (void)buf_putc(&deep, '(');
        (void)buf_puts(&chain, "1+");
    }
    (void)buf_puts(&chain, "1");
    struct result r;
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
    (void)buf_printf(&b, "[cluster c]\nX := %s\nY := %s\nZ := !!!!%s\n", deep.data, chain.data,
                     chain.data);
    r = run_template(b.data, NULL);
    assert_int_equal(r.parsed, -EINVAL);
    expect_text(&r, "t:2:");
    expect_text(&r, "nested too deeply");
    expect_text(&r, "t:3:");
    result_done(&r);
    buf_clear(&b);
    (void)buf_puts(&b, "[cluster c]\nX := P0\n");
    for (int i = 0; i < 30; i++)
        (void)buf_printf(&b, "[parameter P%d]\nDefaultValue := strcat(P%d, P%d)\n", i, i + 1,
                         i + 1);
    (void)buf_puts(&b, "[parameter P30]\nDefaultValue = 0123456789\nParameterType = String\n");
    r = run_template(b.data, NULL);
    assert_int_equal(r.evaluated, -EINVAL);
    expect_text(&r, "longer than 1 MiB");
    result_done(&r);
}

/* Records with many keys find them by a table; it has to say what looking at each would say. */
static void test_large_records(void **state) {
    (void)state;
    _cleanup_value_ struct value *record = value_record_new();
    char key[32];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 200; i++) {
            (void)snprintf(key, sizeof(key), round ? "KEY%d" : "key%d", i);
            assert_int_equal(value_record_set(record, key, value_integer(i + 1000 * round)), 0);
        }
    assert_int_equal(record->len, 200);
    assert_string_equal(record->keys[7], "key7");
    assert_int_equal(value_record_get(record, "Key199")->integer, 1199);
    assert_null(value_record_get(record, "key200"));
    assert_null(value_record_get(record, "key"));
    for (int i = 0; i < 200; i += 2) {
        (void)snprintf(key, sizeof(key), "kEy%d", i);
        value_record_remove(record, key);
    }
    assert_int_equal(record->len, 100);
    assert_null(value_record_get(record, "key4"));
    assert_int_equal(value_record_get(record, "key5")->integer, 1005);
    assert_int_equal(value_record_set_path(record, "key4.a.b", value_integer(1)), 0);
    assert_int_equal(value_record_get_path(record, "KEY4.A.B")->integer, 1);
    assert_null(value_record_get_path(record, "key5.a"));
    assert_int_equal(value_record_get(record, "key199")->integer, 1199);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_logic_has_three_values),
        cmocka_unit_test(test_comparison),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_text_functions),
        cmocka_unit_test(test_regular_expressions),
        cmocka_unit_test(test_other_functions),
        cmocka_unit_test(test_scheduler_name),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_large_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
