/* SPDX-License-Identifier: MIT */
/*
 * The schema of the parameters: what stands in it, and that it tells the truth. Values are made up
 * from it; whatever it allows has to pass the check of parameters and the evaluation.
 */
#include "template-files.h"
#include "template-fixture.h"

#include "base/buf.h"

#define ROUNDS 25

static json_t *schema_of(const char *text) {
    struct result r = run_template(text, NULL);
    assert_int_equal(r.parsed, 0);
    json_t *schema = template_schema(r.t);
    assert_non_null(schema);
    result_done(&r);
    return schema;
}

static void expect_property(const char *attributes, const char *path, const char *expected) {
    _cleanup_buf_ struct buf text = BUF_INIT(4096), whole = BUF_INIT(4096);
    (void)buf_printf(&text, "[cluster c]\n[parameter P]\n%s", attributes);
    (void)buf_printf(&whole, "properties/P%s%s", *path ? "/" : "", path);
    json_t *schema = schema_of(text.data);
    expect_json(schema, whole.data, expected);
    json_decref(schema);
}

static const struct {
    const char *attributes, *path, *expected;
} properties[] = {
    {"Label = A b\n", "title", "\"A b\""},
    {"", "title", "\"P\""},
    {"Description = Sizes, and $Limits\n", "description", "\"Sizes, and $Limits\""},
    {"ParameterType = boolean\n", "type", "[\"boolean\",\"null\"]"},
    {"ParameterType = Integer\n", "type", "[\"integer\",\"null\"]"},
    {"ParameterType = Float\n", "type", "[\"number\",\"null\"]"},
    {"ParameterType = String\n", "type", "[\"string\",\"null\"]"},
    {"ParameterType = Record\n", "type", "[\"object\",\"null\"]"},
    {"ParameterType = Azure.Subnet\n", "type", "[\"string\",\"null\"]"},
    {"ParameterType = Cloud.MachineType\n", "type", "[\"array\",\"string\",\"null\"]"},
    {"ParameterType = Cloud.ClusterInitSpecs\n", "type",
     "[\"string\",\"array\",\"object\",\"null\"]"},
    {"", "type", "[\"string\",\"null\"]"},
    {"DefaultValue = 1.5\n", "type", "[\"number\",\"null\"]"},
    {"DefaultValue = a, b\n", "type", "[\"array\",\"string\",\"null\"]"},
    {"DefaultValue := [a=1]\n", "type", "[\"object\",\"null\"]"},
    {"DefaultValue := Other\n", "type",
     "[\"string\",\"number\",\"boolean\",\"array\",\"object\",\"null\"]"},
    {"Config.Plugin = pico.form.BooleanCheckBox\n", "type", "[\"boolean\",\"null\"]"},
    {"Config.Plugin = pico.form.NumberTextBox\n", "type", "[\"number\",\"null\"]"},
    {"Config.Plugin = pico.form.NumberTextBox\nConfig.IntegerOnly = true\n", "type",
     "[\"integer\",\"null\"]"},
    {"DefaultValue = true\n", "type", "[\"boolean\",\"null\"]"},
    {"ParameterType = Text\n", "x-multiline", "true"},
    {"ParameterType = Password\nDefaultValue = x\n", "writeOnly", "true"},
    {"ParameterType = Password\nDefaultValue = x\n", "default", ""},
    {"ParameterType = Password\nDefaultValue := strcat(\"x\", \"y\")\n", "x-default-expression",
     ""},
    {"ParameterType = hidden\n", "x-hidden", "true"},
    {"Config.MinValue = 1\nConfig.MaxValue = 32,000\n", "minimum", "1"},
    {"Config.MinValue = 1\nConfig.MaxValue = 32,000\n", "maximum", "32000"},
    {"ParameterType = Integer\nDefaultValue = 32,000\n", "default", "32000"},
    {"ParameterType = String\nDefaultValue = 2019\n", "default", "\"2019\""},
    {"DefaultValue = =undefined\n", "default", ""},
    {"DefaultValue := Cores * 2\n", "x-default-expression", "\"Cores * 2\""},
    {"Config.Entries := {[Label=\"A\"; Value=\"a\"], [Label=\"B\"]}\n", "enum",
     "[\"a\",\"B\",null]"},
    {"Config.Entries := {[Label=\"A\"; Value=\"a\"], [Label=\"B\"]}\n", "x-choices",
     "[{\"label\":\"A\",\"value\":\"a\"},{\"label\":\"B\",\"value\":\"B\"}]"},
    {"[[list Config.Entries]]\nName = ssd\nLabel = Fast\n[[list Config.Entries]]\nName = 1\n",
     "enum", "[\"ssd\",1,null]"},
    {"Config.Options = a\n", "enum", "[\"a\",null]"},
    {"Config.Options = a, b\n", "enum", "[\"a\",\"b\",null]"},
    {"Config.Options = a, b\nConfig.FreeForm = true\n", "examples", "[\"a\",\"b\"]"},
    {"Config.Options = a, b\nConfig.Multiselect = true\n", "enum", ""},
    {"Conditions.Excluded := Spot isnt true\nHidden = true\n", "x-conditions",
     "{\"Excluded\":{\"expr\":\"Spot isnt true\"},\"Hidden\":{\"value\":true}}"},
    {"Conditions.Hidden := B\n", "x-conditions", "{\"Hidden\":{\"expr\":\"B\"}}"},
    {"Conditions.Hidden = B\n", "x-conditions", "{\"Hidden\":{\"value\":\"B\"}}"},
    {"Conditions.Value := 1 + 1\n", "x-conditions", "{\"Value\":{\"value\":2}}"},
    {"Config.Label = Yes, do\n", "x-check-label", "\"Yes, do\""},
    {"Widget.Label = Yes\n", "x-check-label", "\"Yes\""},
    {"HideLabel = true\n", "x-hide-label", "true"},
    {"Config.Multiselect = true\n", "x-multiple", "true"},
    {"Config.Multiselect = true\n", "items", "{\"type\":\"string\"}"},
    {"Config.Multiselect = true\nConfig.Options = a, b\n", "items", "{\"enum\":[\"a\",\"b\"]}"},
    {"Config.Multiselect = true\nConfig.Options = a, b\nConfig.FreeForm = true\n", "items", ""},
    {"Config.FreeForm = true\n", "x-free", "true"},
    {"Config.Filter := ComputeType === \"GPU\"\n", "x-filter", "\"ComputeType === \\\"GPU\\\"\""},
    {"Config.OS = linux\n", "x-os", "\"linux\""},
    {"Config.Query = select Name from Cloud.Cluster\n", "x-query", "true"},
    {"Config.SetDefault = false\n", "x-set-default", "false"},
    {"Config.Increment = 64\n", "x-step", "64"},
    {"Widget.FalseValue := undefined\n", "x-false-value", "null"},
    {"Config.PlaceholderText = Choose\n", "x-placeholder", "\"Choose\""},
    {"Config.ReadOnly = true\n", "readOnly", "true"},
    {"Config.NumLines = 4\n", "x-lines", "4"},
    {"AutoSelect = true\n", "x-auto-select", "true"},
    {"Widget.WarnOnCheck = true\nWidget.Warning = Sure?\n", "x-warning", "\"Sure?\""},
    {"Widget.WarnOnCheck = true\n", "x-warn-on-check", "true"},
    {"ParameterType = StringList\nConfig.Plugin = pico.form.ListBuilder\n"
     "Config.ItemWidget.Plugin = pico.form.Dropdown\nDefaultValue = a\n"
     "[[list Config.ItemWidget.Entries]]\nValue = a\nLabel = A\n",
     "x-item", "{\"control\":\"Dropdown\",\"x-choices\":[{\"label\":\"A\",\"value\":\"a\"}]}"},
    {"Config.Plugin = pico.form.ListBuilder\nDefaultValue = a\n", "type", "[\"array\",\"null\"]"},
    {"Config.Plugin = pico.form.ListBuilder\nDefaultValue = a\n", "default", "[\"a\"]"},
    /* types and default agree with the choices */
    {"ParameterType = String\nConfig.Options = 1, 2\nDefaultValue = 2\n", "type",
     "[\"integer\",\"null\"]"},
    {"ParameterType = String\nConfig.Options = 1, 2\nDefaultValue = 2\n", "default", "2"},
    {"Config.Options = true, false\n", "type", "[\"boolean\",\"null\"]"},
    {"Config.Options = a, b\nDefaultValue = c\n", "enum", "[\"a\",\"b\",\"c\",null]"},
    {"Config.Options = a, b, a\n", "enum", "[\"a\",\"b\",null]"},
    /* what needs no names is a value */
    {"DefaultValue := {}\n", "default", "[]"},
    {"DefaultValue := [a=1]\n", "default", "{\"a\":1}"},
    {"DefaultValue := {}\n", "x-default-expression", ""},
    {"DefaultValue := time()\n", "x-default-expression", "\"time()\""},
    {"Config.Plugin = pico.control.AutoCompleteDropdown\n", "x-control",
     "\"AutoCompleteDropdown\""},
    {"Config.Plugin = pico.widget.HtmlTemplateWidget\n", "", ""},
};

static void test_properties(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
        expect_property(properties[i].attributes, properties[i].path, properties[i].expected);
}

static void test_form(void **state) {
    (void)state;
    json_t *schema = schema_of("[cluster c]\n[[node n]]\nRegion = $Given\n"
                               "[parameters Outer]\nOrder = 10\nDescription = All, of it\n"
                               "[[parameters Inner]]\nConditions.Hidden := !Show\n"
                               "[[[parameter Show]]]\nRequired = true\n"
                               "[[[parameter B]]]\nRequired = true\nDefaultValue = 1\n");
    expect_json(
        schema, "x-sections",
        "[{\"description\":\"All, of it\",\"order\":10,\"path\":[\"Outer\"],\"x-elements\":[]},"
        "{\"conditions\":{\"Hidden\":{\"expr\":\"!Show\"}},\"path\":[\"Outer\",\"Inner\"],"
        "\"x-elements\":[{\"parameter\":\"Show\"},{\"parameter\":\"B\"}]}]");
    expect_json(schema, "properties/Show/x-section", "[\"Outer\",\"Inner\"]");
    expect_json(schema, "properties/B/x-order", "1");
    expect_json(schema, "properties/Given", "{\"title\":\"Given\",\"x-undeclared\":true}");
    expect_json(schema, "required", "[\"Show\",\"Given\"]");
    json_decref(schema);
}

/* By Order, without Order last, then by place; notices among the parameters. */
static void test_order(void **state) {
    (void)state;
    json_t *schema = schema_of(
        "[cluster c]\nCategory = Schedulers\nLabel = My, c\nFormLayout = selectionpanel\n"
        "[parameters Last]\n[parameters Second]\nOrder = 2\n[parameters First]\nOrder = 1\n"
        "[[parameter C]]\n[[parameter B]]\nOrder = 20\n[[parameter N]]\nOrder = 10\n"
        "Config.Plugin = pico.widget.HtmlTemplateWidget\nConfig.Template := strcat(\"<p>\", "
        "\"Hi\")\n"
        "HideLabel = true\nConditions.Hidden := B\n"
        "[[parameter M]]\nConfig.Plugin = pico.widget.HtmlTemplateWidget\n"
        "Config.Template := strcat(B, \"x\")\n"
        "[parameter Loose]\n");
    expect_json(schema, "x-sections/0/path", "[]");
    expect_json(schema, "x-sections/0/x-elements", "[{\"parameter\":\"Loose\"}]");
    expect_json(schema, "x-sections/1/x-elements",
                "[{\"conditions\":{\"Hidden\":{\"expr\":\"B\"}},\"name\":\"N\","
                "\"notice\":[\"div\",{},[\"p\",{},\"Hi\"]]},{\"parameter\":\"B\"},"
                "{\"parameter\":\"C\"},"
                "{\"name\":\"M\",\"notice\":{\"expr\":\"strcat(B, \\\"x\\\")\"}}]");
    expect_json(schema, "x-sections/2/path", "[\"Second\"]");
    expect_json(schema, "x-sections/3/path", "[\"Last\"]");
    expect_json(schema, "properties/B/x-order", "1");
    expect_json(schema, "x-template",
                "{\"category\":\"Schedulers\",\"formLayout\":\"selectionpanel\","
                "\"label\":\"My, c\",\"name\":\"c\"}");
    json_decref(schema);
}

static void test_text_conditions_are_warned_of(void **state) {
    (void)state;
    struct result r = run_template(
        "[cluster c]\n[parameters S]\nHidden = Other\n[[parameter P]]\nConditions.Required = X\n"
        "Conditions.Value = a text\nHidden = true\nDisabled = \"false\"\n",
        NULL);
    assert_string_equal(r.text,
                        "t:3:10: warning: Hidden is a text here, which is never true\n"
                        "    Hidden = Other\n             ^\n    hint: write := for an expression\n"
                        "t:5:23: warning: Conditions.Required is a text here, which is never true\n"
                        "    Conditions.Required = X\n                          ^\n"
                        "    hint: write := for an expression\n");
    result_done(&r);
}

/* --- values made up from a schema ----------------------------------------------------------- */

struct dice {
    uint64_t state;
};

static uint64_t roll(struct dice *dice, uint64_t sides) {
    dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
    return (dice->state >> 33) % sides;
}

static json_t *made_up_text(struct dice *dice) {
    static const char *const texts[] = {
        "",         "x",    "Standard_D2s_v5",   "rg/vnet/subnet",
        "10.0.0.4", "a, b", "$ClusterName",      "\"",
        "true",     "7",    "\xc3\xa9t\xc3\xa9", "null",
        "{}",       "a\nb",
    };
    return json_string(texts[roll(dice, sizeof(texts) / sizeof(texts[0]))]);
}

static json_t *made_up_number(const json_t *property, struct dice *dice, bool whole) {
    const json_t *low = json_object_get(property, "minimum");
    const json_t *high = json_object_get(property, "maximum");
    double from = low ? json_number_value(low) : -3, to = high ? json_number_value(high) : from + 9;
    double value = from + (double)(int64_t)((to - from) * (double)roll(dice, 101) / 100);
    return whole ? json_integer((json_int_t)value) : json_real(value);
}

static json_t *made_up(const json_t *property, struct dice *dice);

static json_t *of_type(const char *type, const json_t *property, struct dice *dice) {
    if (strcmp(type, "boolean") == 0)
        return json_boolean(roll(dice, 2));
    if (strcmp(type, "integer") == 0 || strcmp(type, "number") == 0)
        return made_up_number(property, dice, *type == 'i');
    if (strcmp(type, "string") == 0)
        return made_up_text(dice);
    if (strcmp(type, "array") == 0)
        return roll(dice, 3) ? json_pack("[o, o]", made_up_text(dice), made_up_text(dice))
                             : json_array();
    if (strcmp(type, "object") == 0)
        return roll(dice, 3) ? json_pack("{s:o, s:i}", "a b", made_up_text(dice), "Name", 2)
                             : json_object();
    return json_null();
}

static json_t *made_up(const json_t *property, struct dice *dice) {
    const json_t *choices = json_object_get(property, "enum");
    const json_t *types = json_object_get(property, "type");
    if (!choices && roll(dice, 2))
        choices = json_object_get(property, "examples");
    if (json_array_size(choices))
        return json_incref(json_array_get(choices, roll(dice, json_array_size(choices))));
    if (!types)
        return made_up_text(dice);
    size_t i = roll(dice, json_array_size(types));
    return of_type(json_string_value(json_array_get(types, i)), property, dice);
}

static bool is_required(const json_t *schema, const char *name) {
    const json_t *required = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(required); i++)
        if (strcmp(json_string_value(json_array_get(required, i)), name) == 0)
            return true;
    return false;
}

static json_t *made_up_parameters(const json_t *schema, struct dice *dice) {
    json_t *values = json_object(), *property;
    const char *name;
    json_object_foreach(json_object_get(schema, "properties"), name, property) {
        if (is_required(schema, name) || roll(dice, 2))
            assert_int_equal(json_object_set_new(values, name, made_up(property, dice)), 0);
    }
    return values;
}

/* True if all errors are about values that Azure does not take, which no schema knows. */
static bool only_constraints(const struct diagnostics *diags) {
    for (size_t i = 0; i < diags->len; i++)
        if (diags->items[i].severity == SEVERITY_ERROR &&
            !strstr(diags->items[i].text, ": expected "))
            return false;
    return true;
}

static void try_values(const char *path, const char *text, const json_t *schema,
                       struct dice *dice) {
    json_t *values = made_up_parameters(schema, dice);
    char *given = json_dumps(values, JSON_FLAGS);
    struct result r = run_template(text, given);
    assert_int_equal(r.parsed, 0);
    struct diagnostics diags = DIAGNOSTICS_INIT;
    bool good = r.evaluated == 0 || (r.evaluated == -EINVAL && only_constraints(&r.diags));
    if (template_check_parameters(r.t, values, &diags) != 0 || !good)
        print_error("%s\n%s\n%s\n%s\n", path, given, r.text, diags.len ? diags.items[0].text : "");
    assert_int_equal(diags.errors, 0);
    assert_true(good);
    diagnostics_done(&diags);
    result_done(&r);
    json_decref(values);
    free(given);
}

static void check_values(const char *path, const char *text, size_t len) {
    json_t *schema = schema_of(text);
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct dice dice = {seed * 7919 + len};
        try_values(path, text, schema, &dice);
    }
    json_decref(schema);
}

static void test_what_the_schema_allows_evaluates(void **state) {
    (void)state;
    assert_true(for_each_template(TEMPLATES_DIR, check_values) >= 7);
    assert_true(for_each_template(DATA_DIR, check_values) >= 8);
}

static void test_real_templates(void **state) {
    (void)state;
    char *directory = shared_templates();
    if (!directory)
        skip();
    assert_true(for_each_template(directory, check_values) >= 45);
    free(directory);
}

static void test_checks_of_given_values(void **state) {
    (void)state;
    static const char text[] =
        "[cluster c]\n[[node n]]\nRegion = $Loose\n[parameter Disk]\nConfig.Options = ssd, hdd\n"
        "[parameter Free]\nConfig.Options = a\nConfig.FreeForm = true\n"
        "[parameter Cores]\nParameterType = Integer\nConfig.MinValue = 1\nConfig.MaxValue = 9\n"
        "[parameter Key]\nParameterType = Password\nConfig.Options = a\n"
        "[parameter Many]\nConfig.Options = a, b\nConfig.MultiSelect = true\n"
        "[parameter Zone]\nParameterType = String\nConfig.Options = 1, 2\n";
    static const struct {
        const char *given, *message;
    } rows[] = {
        {"{\"Disk\": \"ssd\", \"free\": \"b\", \"CORES\": \"9\", \"Loose\": 1, \"Key\": \"b\"}",
         ""},
        {"{\"Many\": [\"a\", \"b\"], \"Zone\": 2}", ""},
        {"{\"Many\": [\"a\", \"c\"]}",
         "t: warning: parameter Many is a list, which is none of its choices; it is kept\n"
         "    hint: the choices are [\"a\", \"b\"]\n"},
        {"{\"Disk\": null, \"Free\": null, \"Cores\": null}", ""},
        {"{\"Disk\": \"tape\"}",
         "t: warning: parameter Disk is \"tape\", which is none of its choices; it is kept\n"
         "    hint: the choices are [\"ssd\", \"hdd\"]\n"},
        {"{\"Cores\": 0}", "t: warning: parameter Cores is 0, the least is 1\n"},
        {"{\"Cores\": 10}", "t: warning: parameter Cores is 10, the most is 9\n"},
        {"{\"Cores\": \"many\"}",
         "t: error: parameter Cores: expected a whole number, found \"many\"\n"},
        {"{\"Dsk\": 1}", "t: warning: the template declares no parameter Dsk; it is kept\n"
                         "    hint: did you mean Disk?\n"},
        {"{\"Other\": 1}", "t: warning: the template declares no parameter Other; it is kept\n"
                           "    hint: the template declares Disk, Free, Cores, Key, Many, Zone\n"},
    };
    struct result r = run_template(text, "{\"Loose\": 1}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        _cleanup_diagnostics_ struct diagnostics diags = DIAGNOSTICS_INIT;
        _cleanup_buf_ struct buf b = BUF_INIT(1 << 16);
        json_t *given = json_loads(rows[i].given, 0, NULL);
        bool wrong = strstr(rows[i].message, "error:") != NULL;
        assert_int_equal(template_check_parameters(r.t, given, &diags), wrong ? -EINVAL : 0);
        assert_int_equal(diagnostics_format(&diags, "t", &b), 0);
        assert_string_equal(b.data, rows[i].message);
        json_decref(given);
    }
    result_done(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_text_conditions_are_warned_of),
        cmocka_unit_test(test_checks_of_given_values),
        cmocka_unit_test(test_what_the_schema_allows_evaluates),
        cmocka_unit_test(test_real_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
