/* SPDX-License-Identifier: MIT */
/* Lines, values and sections of templates, and what is said about wrong ones. */
#include "template-fixture.h"

#include "base/buf.h"

/* Attributes of the cluster as they come out of one line each. */
struct golden {
    const char *line;
    const char *json;
};

static const char given[] = "{\"Name\":\"Alice\",\"Five\":5,\"None\":null,\"L\":[1,2]}";

static void check_values(const struct golden *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        _cleanup_buf_ struct buf b = BUF_INIT(1 << 16);
        (void)buf_printf(&b, "[cluster c]\n%s\n", rows[i].line);
        struct result r = run_template(b.data, given);
        if (r.evaluated != 0)
            print_error("%s\n%s", rows[i].line, r.text);
        assert_int_equal(r.evaluated, 0);
        char *text = json_dumps(json_at(definition_json(r.d), "cluster/X"), JSON_FLAGS);
        if (strcmp(text ? text : "", rows[i].json) != 0)
            print_error("%s\n", rows[i].line);
        assert_string_equal(text ? text : "", rows[i].json);
        free(text);
        result_done(&r);
    }
}

static void test_values(void **state) {
    (void)state;
    static const struct golden rows[] = {
        {"X = plain text", "\"plain text\""},
        {"   X=8", "8"},
        {"\tX\t=\t+8 ", "8"},
        {"X = -1", "-1"},
        {"X = 0.5", "0.5"},
        {"X = 7.3", "7.3"},
        {"X = 2.10", "\"2.10\""},
        {"X = 1.2.3", "\"1.2.3\""},
        {"X = 0755", "\"0755\""},
        {"X = 99999999999999999999", "\"99999999999999999999\""},
        {"X = TRUE", "true"},
        {"X = \"true\"", "\"true\""},
        {"X = \"8.10\"", "\"8.10\""},
        {"X = \"a, b\"", "\"a, b\""},
        {"X = \"say \\\"hi\\\" \\\\ \\n\"", "\"say \\\"hi\\\" \\\\ \\\\n\""},
        {"X = 'a, \"b\" = c'", "\"a, \\\"b\\\" = c\""},
        {"X = ''", "\"\""},
        {"X = \"\"", "\"\""},
        {"X =", "\"\""},
        {"X = `90s`", "90"},
        {"X = `2h`", "7200"},
        {"X = 10m", "\"10m\""},
        {"X = '''a\n  b # c\n$Name''' # d", "\"a\\n  b # c\\n$Name\""},
        {"X = \"\"\"q\"\"\"", "\"q\""},
        {"X := '''<p>'''", "\"<p>\""},
        {"X = =1+1", "2"},
        {"X := 1+1 # two", "2"},
        {"X = =undefined", ""},
        {"X := undefined", ""},
        {"X = undefined", ""},
        {"X = value # comment", "\"value\""},
        {"X = a#b", "\"a#b\""},
        {"X = \"a # b\" # c", "\"a # b\""},
        {"X = ${strcat(\"#\", \" #x\")} # c", "\"# #x\""},
        {"X = it's # c", "\"it's\""},
        {"X := \"#\" # c", "\"#\""},
        {"X = # only a comment", "\"\""},
        {"X = 5\" disk", "\"5\\\" disk\""},
    };
    check_values(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_lists_and_substitution(void **state) {
    (void)state;
    static const struct golden rows[] = {
        {"X = 1, 2, 3", "[1,2,3]"},
        {"X = a,b , \"c, d\",, 5", "[\"a\",\"b\",\"c, d\",5]"},
        {"X = recipe[a],role[b]", "[\"recipe[a]\",\"role[b]\"]"},
        {"X = ${strcat(Name, \",\")}, x", "[\"Alice,\",\"x\"]"},
        {"X = $Name, $Five", "[\"Alice\",5]"},
        {"X = $Five", "5"},
        {"X = ${Five}", "5"},
        {"X = ${Five + 1}", "6"},
        {"X = $None", ""},
        {"X = $L", "[1,2]"},
        {"X = $Name$Five", "\"Alice5\""},
        {"X = x-${Five}-y", "\"x-5-y\""},
        {"X = 123$FIVE.b", "\"1235.b\""},
        {"X = a${None}b", "\"ab\""},
        {"X = a${Five > 4}b", "\"atrueb\""},
        {"X = \"$Five\"", "\"5\""},
        {"X = '$Five'", "\"$Five\""},
        {"X = costs $ 5", "\"costs $ 5\""},
        {"X = $", "\"$\""},
        {"X = $5", "\"$5\""},
        {"X = a\\$Five", "\"a\\\\5\""},
        {"X = ${ifThenElse(true, {1, \"}\"}, {})}", "[1,\"}\"]"},
        {"X = ${ClusterName}", "\"My Lab\""},
        {"X = $ClusterName", "\"My Lab\""},
        {"X = v${2.10}", "\"v2.10\""},
        {"A.b = 1\nA.C.d = 2\nX := 1", "1"},
        {"X.b = 1\nx.C.d = 2", "{\"C\":{\"d\":2},\"b\":1}"},
        {"X = 1\nx = 2", "2"},
    };
    check_values(rows, sizeof(rows) / sizeof(rows[0]));
}

/* What is said, word by word, about texts that cannot be understood. */
static void test_messages(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"[cluster c]\n[[nod head]]\n",
         "t:2:3: error: unknown section type \"nod\"\n    [[nod head]]\n      ^\n"
         "    hint: did you mean node?\n"},
        {"[cluster c\n", "t:1:1: error: this section header is not closed with ]"},
        {"[[]]\n", "t:1:1: error: this section header has no type"},
        {"[cluster c]\n[[[volume x]]]\n",
         "t:2:1: error: volume cannot stand in cluster\n    [[[volume x]]]\n    ^\n"
         "    hint: volume stands in node or nodearray; check the number of brackets\n"},
        {"[cluster c]\n[[node]]\n", "t:2:1: error: this section needs a name"},
        {"# nothing\n", "t: error: there is no [cluster] section\n"
                        "    hint: a template starts with [cluster NAME]\n"},
        {"[cluster c]\nhello there\n",
         "t:2:1: error: expected \"name = value\", a [section] or a # comment"},
        {"[cluster c]\n = 3\n", "t:2:2: error: there is no name before ="},
        {"[cluster c]\nX = '''open\nmore\n", "t:2:8: error: these triple quotes are not closed"},
        {"[cluster c]\nX = a ${Five\n", "t:2:7: error: this ${ is not closed"},
        {"[cluster c]\n  X := 1 +* 2\n",
         "t:2:11: error: expected a value, found '*'\n    X := 1 +* 2\n            ^\n"},
        {"[cluster c]\nX = ${tolowr(ClusterName)}\n",
         "t:2:7: error: there is no function tolowr\n    X = ${tolowr(ClusterName)}\n          ^\n"
         "    hint: did you mean toLower?\n"},
        {"[cluster c]\nX = ${\"a}\n", "t:2:5: error: this ${ is not closed"},
        {"[cluster c]\nX := \"a\n", "t:2:6: error: this quote is not closed"},
        {"[[[[[[[[[[[[[[[[[cluster c]]]]]]]]]]]]]]]]]\n", "has too many brackets"},
        {"[cluster c]\n[[node a]]\n[[[cluster-init ]]]\n",
         "t:3:1: error: this section needs a name"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct result r = run_template(rows[i].text, NULL);
        assert_int_equal(r.parsed, -EINVAL);
        expect_text(&r, rows[i].message);
        result_done(&r);
    }
}

/* What is odd but has a meaning is a warning, and the template is taken. */
static void test_warnings(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"x\n[cluster c]\n", "t:1:1: warning: this line stands before any section; ignored"},
        {"a = b\n[cluster c]\n", "t:1:1: warning: this line stands before any section; ignored"},
        {"[cluster c]\n; old\n", "t:2:1: warning: taken as a comment"},
        {"[cluster c]]\n", "t:1:1: warning: the numbers of opening and closing brackets differ"},
        {"[cluster c]\nX = 1\nx = 2\n", "t:2:1: warning: X is given again on line 3, which counts"},
        {"[cluster c]\nX = 5\" disk # y\n", "t:2:5: warning: a \" is not closed on this line"},
        {"[cluster c]\nX = undefined\n", "t:2:5: warning: taken as undefined"},
        {"[cluster c]\nX :=\n", "warning: there is no expression here"},
        {"[cluster c]\nX = '''a''' b\n", "t:2:1: warning: the text behind the closing quotes"},
        {"[cluster c] b\n", "t:1:1: warning: the text behind the section header is ignored"},
        {"[cluster c]\n[[node a]]\nMachinTyp = b\n",
         "t:3:1: warning: MachinTyp is not a known attribute of node\n    MachinTyp = b\n    ^\n"
         "    hint: did you mean MachineType?\n"},
        {"[cluster c]\n[parameter P]\nRequied = true\n", "hint: did you mean Required?"},
        {"[cluster c]\n[parameter P]\nConfig.MinValu = 1\n", "hint: did you mean Config.MinValue?"},
        {"[cluster c]\nX = ${Spot == tru}\n[parameter Spot]\n",
         "t:2:15: warning: there is no tru: it is undefined here\n    X = ${Spot == tru}\n"
         "                  ^\n    hint: did you mean true?\n"},
        {"[cluster c]\nX = ${Sport}\n[parameter Spot]\n", "hint: did you mean Spot?"},
        {"[cluster c]\n[parameter P]\nHidden := Spot = true\n",
         "found '='; the attribute is ignored\n    Hidden := Spot = true\n"
         "                   ^\n    hint: write == to compare\n"},
        {"[cluster c]\n[parameter P]\nParameterType = Strings\n",
         "t:3:17: warning: unknown ParameterType \"Strings\""},
        {"[cluster c]\n[parameter P]\nConfig.Filter := a in {\n",
         "warning: expected a value, found the end of the expression; the attribute is ignored"},
        {"[cluster c]\n[parameter P]\n[parameter p]\n",
         "t:2:1: warning: parameter P is declared again on line 3, which counts"},
        {"[cluster c]\n[[parameter P]]\n", "t:2:1: warning: parameter cannot stand in cluster"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct result r = run_template(rows[i].text, NULL);
        if (r.parsed != 0)
            print_error("%s", r.text);
        assert_int_equal(r.parsed, 0);
        expect_text(&r, rows[i].message);
        assert_int_equal(r.diags.errors, 0);
        result_done(&r);
    }
}

/* What looks odd and is not. */
static void test_no_warnings(void **state) {
    (void)state;
    static const char *const texts[] = {
        "[cluster c]\n[[node n]]\nTags.x = 1\nTags.a-b = 2\n",
        "[cluster c]\n[[node n]]\nAzure.Anything = 1\nSomething = 2\n",
        "[cluster c]\nX = ${n.instance.privateip}\n[[node n]]\nY = ${Cluster}\n",
        "[cluster c]\n[parameter P]\nConfig.Filter := Packg in {\"a\"} && Nme is \"b\"\n"
        "Config.Whatever = 1\n[parameter Package]\n[parameter Name]\n",
        "[cluster c]\nX = ${Quite isnt true}\n[parameter Other]\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct result r = run_template(texts[i], NULL);
        assert_int_equal(r.parsed, 0);
        assert_string_equal(r.text, "");
        result_done(&r);
    }
}

/* Everything wrong in a text is found in one pass. */
static void test_all_errors_at_once(void **state) {
    (void)state;
    struct result r =
        run_template("[clustr c]\nX := (\n[cluster c]\n[[nod a]]\njunk\nY := )\n", NULL);
    assert_int_equal(r.diags.errors, 5);
    result_done(&r);
}

/* A text of errors without end gives a list with an end. */
static void test_list_of_diagnostics_is_bounded(void **state) {
    (void)state;
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 16);
    for (int i = 0; i < 300; i++)
        (void)buf_puts(&b, "[x]\n");
    struct result r = run_template(b.data, NULL);
    assert_int_equal(r.diags.len, DIAGNOSTICS_MAX);
    assert_int_equal(r.diags.errors, 301);
    expect_text(&r, "t: 101 more messages are not shown\n");
    result_done(&r);
}

static void test_encodings(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf[cluster c]\r\nX = a\xff\r\n\r\nY = \xc3\xa9\r\n";
    struct result r = run_template(text, NULL);
    expect(&r, "cluster/X", "\"a\xef\xbf\xbd\"");
    expect(&r, "cluster/Y", "\"\xc3\xa9\"");
    result_done(&r);
    struct diagnostics diags = DIAGNOSTICS_INIT;
    struct template *t = NULL;
    assert_int_equal(template_parse("[cluster c]\nX = a\0b\n", 19, &diags, &t), -EINVAL);
    assert_int_equal(diags.items[0].start.line, 2);
    assert_string_equal(diags.items[0].text, "there is a NUL byte in this line");
    diagnostics_done(&diags);
    char *large = calloc(1, LIMIT_DOCUMENT_BYTES + 1);
    assert_non_null(large);
    memset(large, '\n', LIMIT_DOCUMENT_BYTES + 1);
    assert_int_equal(template_parse(large, LIMIT_DOCUMENT_BYTES + 1, NULL, &t), -E2BIG);
    free(large);
}

static void test_clusters(void **state) {
    (void)state;
    struct result r = run_template("[cluster \"A b\"]\nX = 1\n[cluster C]\nX = 2\n", NULL);
    assert_int_equal(template_cluster_count(r.t), 2);
    assert_string_equal(template_cluster_name(r.t, 0), "A b");
    assert_string_equal(template_cluster_name(r.t, 1), "C");
    assert_null(template_cluster_name(r.t, 2));
    expect(&r, "cluster/X", "1");
    struct definition *d = NULL;
    struct diagnostics diags = DIAGNOSTICS_INIT;
    struct evaluation_input input = {.cluster_name = "n", .template_cluster = "c"};
    assert_int_equal(template_evaluate(r.t, &input, &diags, &d), 0);
    expect_json(definition_json(d), "cluster", "{\"Name\":\"n\",\"Template\":\"C\",\"X\":2}");
    definition_free(d);
    input.template_cluster = "other";
    assert_int_equal(template_evaluate(r.t, &input, &diags, &d), -ENOENT);
    assert_string_equal(diags.items[0].hint, "its clusters are: A b, C");
    diagnostics_done(&diags);
    result_done(&r);
}

/* A cluster whose name is that of a [cluster] is that one; otherwise the first that is not
 * abstract. */
static void test_choice_of_cluster(void **state) {
    (void)state;
    static const struct {
        const char *name, *template;
    } rows[] = {{"other", "\"Two\""}, {"three", "\"Three\""}, {"base", "\"Base\""}};
    struct result r =
        run_template("[cluster Base]\nAbstract = true\n[cluster Two]\n[cluster Three]\n", NULL);
    assert_true(template_cluster_abstract(r.t, 0));
    assert_false(template_cluster_abstract(r.t, 1));
    assert_false(template_cluster_abstract(r.t, 3));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct definition *d = NULL;
        const struct evaluation_input input = {.cluster_name = rows[i].name};
        assert_int_equal(template_evaluate(r.t, &input, NULL, &d), 0);
        expect_json(definition_json(d), "cluster/Template", rows[i].template);
        definition_free(d);
    }
    result_done(&r);
}

/* What is wrong besides the errors of the parser. */
static void test_more_errors(void **state) {
    (void)state;
    static const char text[] = "[cluster c]\n[[nod x]]\n[[node n]]\nMaxCount = many\n";
    _cleanup_diagnostics_ struct diagnostics diags = DIAGNOSTICS_INIT;
    const struct evaluation_input input = {.cluster_name = "c"};
    assert_int_equal(template_find_errors(text, strlen(text), &input, &diags), 0);
    assert_int_equal(diags.len, 1);
    assert_int_equal(diags.items[0].start.line, 4);
    assert_int_equal(template_find_errors("[x]", 3, &input, &diags), 0);
    assert_int_equal(diags.len, 1);
    /* what a section was meant to be stands for it */
    static const char guess[] = "[cluster c]\n[[nodearay x]]\nMaxCount = few\n";
    assert_int_equal(template_find_errors(guess, strlen(guess), &input, &diags), 0);
    assert_int_equal(diags.len, 2);
    assert_int_equal(diags.items[1].start.line, 3);
}

/* Only what no later text can repair is refused while a text is still being written. */
static void test_prefix(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int result;
    } rows[] = {
        {"", 0},
        {"[clus", 0},
        {"[clus\n", -EINVAL},
        {"[cluster c]\nX := (((\n", 0},
        {"[cluster c]\nX = '''\n[wrong\n", 0},
        {"[cluster c]\nX = '''\n'''\n[wrong\n", -EINVAL},
        {"[cluster c]\nX = '''\n'''\n[wrong x]\n", -EINVAL},
        {"[cluster c]\njunk\n[[[[node x]\n", 0},
        {"[]\n", -EINVAL},
        {"# [wrong\n", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err = ERROR_INIT;
        if (template_check_prefix(rows[i].text, strlen(rows[i].text), &err) != rows[i].result)
            fail_msg("%s: %s", rows[i].text, err_text(&err));
        err_done(&err);
    }
    struct error err = ERROR_INIT;
    assert_int_equal(template_check_prefix("[cluster c]\n\0", 13, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "NUL"));
    err_done(&err);
    assert_int_equal(template_check_prefix("a\n[nodearay b]\n", 15, &err), -EINVAL);
    assert_string_equal(err_text(&err), "line 2: unknown section type: [nodearay b]");
    err_done(&err);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_lists_and_substitution),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_no_warnings),
        cmocka_unit_test(test_all_errors_at_once),
        cmocka_unit_test(test_list_of_diagnostics_is_bounded),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_clusters),
        cmocka_unit_test(test_choice_of_cluster),
        cmocka_unit_test(test_more_errors),
        cmocka_unit_test(test_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
