/* SPDX-License-Identifier: MIT */
/*
 * Memory runs out at the n-th allocation, for every n until all goes well: each function must say
 * -ENOMEM (or NULL), never crash, and never take half a result for a whole one. Leaks are for the
 * sanitizer to find.
 */
#include "template-fixture.h"

#include "base/buf.h"
#include "template/project.h"

static long left = -1; /* allocations that still succeed; -1 = all */
static bool failed;

static bool take(void) {
    if (left < 0)
        return true;
    if (left == 0) {
        failed = true;
        return false;
    }
    left--;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);

void *__wrap_malloc(size_t size) {
    return take() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size) {
    return take() ? __real_calloc(n, size) : NULL;
}

void *__wrap_reallocarray(void *p, size_t n, size_t size) {
    return take() ? __real_reallocarray(p, n, size) : NULL;
}

char *__wrap_strdup(const char *text) {
    return take() ? __real_strdup(text) : NULL;
}

char *__wrap_strndup(const char *text, size_t n) {
    return take() ? __real_strndup(text, n) : NULL;
}

static void *json_malloc(size_t size) {
    return take() ? __real_malloc(size) : NULL;
}

static const char text[] =
    "[cluster c]\nAutoscale = $Auto\n[[node defaults]]\nTags = $Tags\nZone = 1, 2\n"
    "[[node a]]\nMachinType = x\nRegion = ${toLower(regexps(\"b\", \"abc\", \"x\"))}-$Auto\n"
    "Extends = base\nDescription = '''a\nb'''\n[[[configuration x.$Auto]]]\na.b = {1}\nb = "
    "${f.instance.x}\n"
    "c = ${split(\"a,b\")}\nrec = =[q = 1; r = {\"s\"}]\n[[[volume v]]]\nSize = ${Size * 2}\n"
    "[[[cluster-init p:s:$Auto]]]\n[[[network-interface]]]\n[[node base]]\nAbstract = true\n"
    "[[nodearray e]]\nMaxCount = \"5\"\nX = $Password\n[noderef f]\n[environment e]\nName = q\n"
    "[parameters P]\nLabel = l\n[[[parameter Auto]]]\nDefaultValue = true\n[[[parameter Size]]]\n"
    "DefaultValue := ifThenElse(Auto, 4, 5)\nConditions.Hidden := !Auto\n"
    "[[[[list Config.Entries]]]]\nValue = 4\n[[[parameter Tags]]]\n[[[[record DefaultValue]]]]\n"
    "a = 1\nb = c, d\n[[[parameter Password]]]\nParameterType = Password\nDefaultValue = s\n";

/* 0, or -ENOMEM; anything else is a mistake. */
static int use(const struct template *t) {
    _cleanup_(definition_freep) struct definition *d = NULL;
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
    const struct evaluation_input input = {.cluster_name = "n"};
    struct node_input again = {.name = "a", .masked = true};
    json_t *origins = NULL, *node = NULL, *schema = template_schema(t);
    json_decref(schema);
    int r = schema ? template_evaluate(t, &input, NULL, &d) : -ENOMEM;
    if (r == 0)
        r = definition_origins(d, &origins);
    if (r == 0)
        r = origins_put(origins, &b);
    again.known = origins;
    if (r == 0)
        r = definition_node_json(d, &again, NULL, &node);
    if (r == 0)
        r = definition_diff(definition_json(d), definition_public_json(d), &b);
    json_decref(origins);
    json_decref(node);
    return r;
}

static int use_template(void) {
    _cleanup_(template_freep) struct template *t = NULL;
    int r = template_parse(text, strlen(text), NULL, &t);
    return r < 0 ? r : use(t);
}

static int use_diagnostics(void) {
    static const char wrong[] =
        "[cluster c]\n[[nod x]]\n[[node y]]\nA = ${f(}\nExtends = z\nB = $C\n";
    _cleanup_diagnostics_ struct diagnostics diags = DIAGNOSTICS_INIT;
    _cleanup_(template_freep) struct template *t = NULL;
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
    const struct evaluation_input input = {.cluster_name = "n"};
    int r = template_parse(wrong, strlen(wrong), &diags, &t);
    if (r != -EINVAL)
        return r;
    r = template_find_errors(wrong, strlen(wrong), &input, &diags);
    return r < 0 ? r : diagnostics_format(&diags, "f", &b);
}

static int use_format(void) {
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 20);
    return template_format(text, strlen(text), NULL, &b);
}

static int use_parameters(void) {
    static const char lines[] = "A = 1\nB = a, b\nC = true\n";
    json_t *values = NULL;
    int r = parameters_parse(lines, strlen(lines), NULL, &values);
    json_decref(values);
    return r;
}

static int use_project(void) {
    static const char project[] = "[project]\nname = x\nversion = 1\n[spec]\nrun_list = a, b\n"
                                  "[config a.b]\nConfig.Options = x, y\n";
    json_t *json = NULL;
    int r = project_parse(project, strlen(project), NULL, &json);
    json_decref(json);
    return r;
}

static struct template *form; /* parsed while there is memory */

static int use_schema(void) {
    json_t *schema = template_schema(form);
    json_decref(schema);
    return schema ? 0 : -ENOMEM;
}

static void run_out(int (*work)(void)) {
    for (long n = 0;; n++) {
        failed = false;
        left = n;
        int r = work();
        left = -1;
        if (!failed) {
            assert_int_equal(r, 0);
            return;
        }
        if (r != -ENOMEM)
            print_error("allocation %ld: %d\n", n, r);
        assert_int_equal(r, -ENOMEM);
    }
}

static void test_template(void **state) {
    (void)state;
    run_out(use_template);
}

static void test_diagnostics(void **state) {
    (void)state;
    run_out(use_diagnostics);
}

static void test_format(void **state) {
    (void)state;
    run_out(use_format);
}

static void test_parameters(void **state) {
    (void)state;
    run_out(use_parameters);
}

static void test_project(void **state) {
    (void)state;
    run_out(use_project);
}

static void test_schema(void **state) {
    (void)state;
    static const char text_of_form[] =
        "[cluster c]\nLabel = L\n[parameters A]\nOrder = 1\n[[parameter N]]\n"
        "Config.Plugin = pico.widget.HtmlTemplateWidget\n"
        "Config.Template := \"<p>a <a href='https://x.org/'>b</a> &lt;\"\n"
        "Conditions.Hidden := !P\n"
        "[[parameter P]]\nConfig.Plugin = pico.form.ListBuilder\nDefaultValue := {\"a\"}\n"
        "Config.ItemWidget.Plugin = pico.form.Dropdown\n"
        "[[[list Config.ItemWidget.Entries]]]\nValue = a\n"
        "[[parameter Q]]\nConfig.Options = 1, 2\nDefaultValue = 2\nConfig.Filter := x > 1\n"
        "[[parameter R]]\nConfig.MultiSelect = true\nConfig.Options = a\nConfig.OS = linux\n";
    assert_int_equal(template_parse(text_of_form, strlen(text_of_form), NULL, &form), 0);
    run_out(use_schema);
    template_free(form);
}

int main(void) {
    json_set_alloc_funcs(json_malloc, free);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template), cmocka_unit_test(test_diagnostics),
        cmocka_unit_test(test_format),   cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_project),  cmocka_unit_test(test_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
