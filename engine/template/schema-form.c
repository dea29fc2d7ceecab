/* SPDX-License-Identifier: MIT */
/* The parts of the schema that a form is drawn from. */
#include "schema.h"

#include "constant.h"

#include "base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* {"value": ...} of what is constant, a plain text too; {"expr": "as written"} of the rest. */
static json_t *condition(const struct attribute *a) {
    if (!a->expr || !expr_is_constant(a->expr))
        return json_pack("{s:s%}", "expr", a->source, a->source_len);
    _cleanup_value_ struct value *v = expr_constant(a->expr);
    return v ? json_pack("{s:o}", "value", value_to_json(v, false)) : NULL;
}

int schema_put_conditions(json_t *object, const char *member, const struct section *s) {
    static const char *const names[] = {"Excluded", "Hidden", "Required", "Disabled", "Value"};
    char key[32];
    json_t *conditions = json_object();
    int r = conditions ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++) {
        (void)snprintf(key, sizeof(key), "Conditions.%s", names[i]);
        const struct attribute *a = section_attribute(s, key);
        if (!a && i + 1 < ARRAY_SIZE(names))
            a = section_attribute(s, names[i]);
        if (a && a->expr)
            r = json_object_set_new(conditions, names[i], condition(a));
    }
    if (r < 0 || json_object_size(conditions) == 0) {
        json_decref(conditions);
        return r;
    }
    return json_object_set_new(object, member, conditions);
}

json_t *schema_path(const struct section *s, bool own) {
    json_t *path = json_array();
    for (s = own ? s : s->parent; path && s && s->type == SECTION_PARAMETERS; s = s->parent)
        if (json_array_insert_new(path, 0, json_string(s->name)) < 0) {
            json_decref(path);
            return NULL;
        }
    return path;
}

const char *schema_control(const struct section *s, const char *key) {
    const char *plugin = section_text(s, key);
    const char *last = plugin ? strrchr(plugin, '.') : NULL;
    return last ? last + 1 : plugin;
}

static int put_control(json_t *property, const struct section *p) {
    const char *control = schema_control(p, "Config.Plugin");
    if (!control)
        control = schema_control(p, "Widget.Plugin");
    return control ? json_object_set_new(property, "x-control", json_string(control)) : 0;
}

static bool is_hidden(const struct section *p) {
    return section_flag(p, "Hidden") || text_equal_fold(parameter_info(p).type, "hidden");
}

/* A default that has to be worked out; a secret one is not shown. */
static int put_default_expression(json_t *property, const struct section *p) {
    const struct attribute *a = section_attribute(p, "DefaultValue");
    if (!a || !a->expression || !a->expr || expr_is_constant(a->expr) || parameter_info(p).secret)
        return 0;
    return json_object_set_new(property, "x-default-expression",
                               json_stringn(a->source, a->source_len));
}

static int put_flag(json_t *property, const char *member, const struct section *p,
                    const char *key) {
    return section_flag(p, key) ? json_object_set_new(property, member, json_true()) : 0;
}

static int put_present(json_t *property, const char *member, const struct section *p,
                       const char *key) {
    return section_attribute(p, key) ? json_object_set_new(property, member, json_true()) : 0;
}

/* As it is written, for who evaluates it. */
static int put_source(json_t *property, const char *member, const struct section *p,
                      const char *key) {
    const struct attribute *a = section_attribute(p, key);
    return a ? json_object_set_new(property, member, json_stringn(a->source, a->source_len)) : 0;
}

static int put_value(json_t *property, const char *member, const struct section *p,
                     const char *key) {
    json_t *value;
    if (section_constant(p, key, &value) < 0)
        return -ENOMEM;
    return value ? json_object_set_new(property, member, value) : 0;
}

static int put_number(json_t *property, const char *member, const struct section *p,
                      const char *key) {
    const struct value *v = section_literal(p, key);
    _cleanup_value_ struct value *number = v ? value_coerce(v, WANT_NUMBER) : NULL;
    if (!number || (number->type != VALUE_INTEGER && number->type != VALUE_REAL))
        return v && !number ? -ENOMEM : 0;
    return json_object_set_new(property, member, value_to_json(number, false));
}

/* What the attributes of a parameter say about how it is drawn. */
static const struct {
    const char *key, *member;
    int (*put)(json_t *property, const char *member, const struct section *p, const char *key);
} rows[] = {
    {"Config.MinValue", "minimum", put_number},
    {"Config.MaxValue", "maximum", put_number},
    {"Config.Increment", "x-step", put_number},
    {"Config.NumLines", "x-lines", put_number},
    {"Config.ReadOnly", "readOnly", put_flag},
    {"HideLabel", "x-hide-label", put_flag},
    {"Config.FreeForm", "x-free", put_flag},
    {"Config.MultiSelect", "x-multiple", put_flag},
    {"AutoSelect", "x-auto-select", put_flag},
    {"Config.AutoSelect", "x-auto-select", put_flag},
    {"Widget.WarnOnCheck", "x-warn-on-check", put_flag},
    {"Config.Label", "x-check-label", put_value},
    {"Widget.Label", "x-check-label", put_value},
    {"Widget.FalseValue", "x-false-value", put_value},
    {"Widget.Warning", "x-warning", put_value},
    {"Config.PlaceholderText", "x-placeholder", put_value},
    {"Config.OS", "x-os", put_value},
    {"Config.Provider", "x-provider", put_value},
    {"Config.SetDefault", "x-set-default", put_value},
    {"Config.Filter", "x-filter", put_source},
    {"Config.Query", "x-query", put_present},
};

/* The control of one entry of a ListBuilder. */
static int put_item(json_t *property, const struct section *p) {
    const char *control = schema_control(p, "Config.ItemWidget.Plugin");
    json_t *item = control ? json_pack("{s:s}", "control", control) : NULL;
    if (!control)
        return 0;
    int r = item ? schema_put_labels(item, p, "Config.ItemWidget.Entries") : -ENOMEM;
    if (r == 0)
        return json_object_set_new(property, "x-item", item);
    json_decref(item);
    return r;
}

int schema_put_form(json_t *property, const struct section *p) {
    int r = json_object_set_new(property, "x-section", schema_path(p, false));
    if (r == 0)
        r = put_control(property, p);
    if (r == 0 && is_hidden(p))
        r = json_object_set_new(property, "x-hidden", json_true());
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rows); i++)
        r = rows[i].put(property, rows[i].member, p, rows[i].key);
    if (r == 0)
        r = put_item(property, p);
    if (r == 0)
        r = put_default_expression(property, p);
    return r < 0 ? r : schema_put_conditions(property, "x-conditions", p);
}
