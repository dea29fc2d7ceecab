/* SPDX-License-Identifier: MIT */
/* The parameters as a JSON Schema, and values checked against them. */
#include "parameter.h"

#include "base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The JSON types that a parameter takes; null is always one of them. */
static const char *const *json_types(const struct parameter_info *info) {
    static const char *const any[] = {"string", "number", "boolean", "array", "object", NULL};
    static const char *const choice[] = {"string", "array", "object", NULL};
    static const char *const text[] = {"string", NULL}, *const boolean[] = {"boolean", NULL},
                             *const integer[] = {"integer", NULL},
                             *const number[] = {"number", NULL}, *const record[] = {"object", NULL},
                             *const list[] = {"array", "string", NULL};
    static const char *const *const wants[] = {
        [WANT_ANY] = any,         [WANT_TEXT] = text,         [WANT_BOOLEAN] = boolean,
        [WANT_INTEGER] = integer, [WANT_NUMBER] = number,     [WANT_TIME] = text,
        [WANT_LIST] = list,       [WANT_TEXT_OR_LIST] = list, [WANT_RECORD] = record,
    };
    bool picked =
        strncasecmp(info->type, "Cloud.", 6) == 0 || strncasecmp(info->type, "Azure.", 6) == 0;
    return info->want == WANT_ANY && picked ? choice : wants[info->want];
}

static int set_types(json_t *property, const struct parameter_info *info) {
    json_t *types = json_array();
    int r = types ? 0 : -1;
    for (const char *const *type = json_types(info); r == 0 && *type; type++)
        r = json_array_append_new(types, json_string(*type));
    if (r == 0)
        r = json_array_append_new(types, json_string("null"));
    if (r < 0) {
        json_decref(types);
        return -ENOMEM;
    }
    return json_object_set_new(property, "type", types);
}

static int set_text(json_t *property, const char *member, const char *text) {
    return text && *text ? json_object_set_new(property, member, json_string(text)) : 0;
}

static int set_limit(json_t *property, const struct section *p, const char *key,
                     const char *member) {
    const struct value *v = section_literal(p, key);
    _cleanup_value_ struct value *number = v ? value_coerce(v, WANT_NUMBER) : NULL;
    if (!number || (number->type != VALUE_INTEGER && number->type != VALUE_REAL))
        return v && !number ? -ENOMEM : 0;
    return json_object_set_new(property, member, value_to_json(number, false));
}

/* A literal default; expressions are worked out when a cluster is made. */
static int set_default(json_t *property, const struct section *p,
                       const struct parameter_info *info) {
    const struct value *literal = section_literal(p, "DefaultValue");
    const struct attribute *a = section_attribute(p, "DefaultValue");
    bool list = a && a->text && !want_is_single(info->want);
    if (!literal || list || value_is_undefined(literal) || info->secret)
        return 0;
    _cleanup_value_ struct value *v = parameter_coerce(p, literal);
    if (!v || v->type == VALUE_ERROR || v->type == VALUE_UNDEFINED)
        return v ? 0 : -ENOMEM;
    return json_object_set_new(property, "default", value_to_json(v, false));
}

/* The literal under a key of `[Label="A"; Value="a"]`, or NULL. */
static const struct value *entry_member(const struct expr *entry, const char *key) {
    for (size_t i = 0; entry->kind == EXPR_RECORD && i < entry->len; i++) {
        const char *name = entry->keys[i] + (*entry->keys[i] == EXPR_WHOLE_KEY);
        if (text_equal_fold(name, key) && entry->args[i]->kind == EXPR_LITERAL)
            return entry->args[i]->literal;
    }
    return NULL;
}

static int add_choice(json_t *choices, const struct value *v) {
    if (!v)
        return 0;
    return json_array_append_new(choices, value_to_json(v, false));
}

/* Config.Entries as an expression: Value, else Name, else Label. */
static int add_entries(json_t *choices, const struct section *p) {
    static const char *const keys[] = {"Value", "Name", "Label"};
    const struct attribute *a = section_attribute(p, "Config.Entries");
    const struct expr *list = a ? a->expr : NULL;
    for (size_t i = 0; list && list->kind == EXPR_LIST && i < list->len; i++) {
        const struct value *v = NULL;
        for (size_t k = 0; !v && k < ARRAY_SIZE(keys); k++)
            v = entry_member(list->args[i], keys[k]);
        if (add_choice(choices, v) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* [[[[list Config.Entries]]]] */
static int add_entry_sections(json_t *choices, const struct section *p) {
    static const char *const keys[] = {"Value", "Name", "Label"};
    for (size_t i = 0; i < p->children.len; i++) {
        const struct section *child = p->children.items[i];
        const struct value *v = NULL;
        if (child->type != SECTION_LIST || !text_equal_fold(child->name, "Config.Entries"))
            continue;
        for (size_t k = 0; !v && k < ARRAY_SIZE(keys); k++)
            v = section_literal(child, keys[k]);
        if (add_choice(choices, v) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int add_options(json_t *choices, const struct section *p) {
    const struct attribute *a = section_attribute(p, "Config.Options");
    const struct expr *list = a ? a->expr : NULL;
    for (size_t i = 0; list && list->kind == EXPR_LIST && i < list->len; i++)
        if (list->args[i]->kind == EXPR_LITERAL && add_choice(choices, list->args[i]->literal) < 0)
            return -ENOMEM;
    return 0;
}

/* The choices: binding as "enum", as "examples" where other values are allowed too. */
static int set_choices(json_t *property, const struct section *p) {
    json_t *choices = json_array();
    bool others = section_flag(p, "Config.FreeForm") || section_flag(p, "Config.MultiSelect");
    int r = choices ? add_entries(choices, p) : -ENOMEM;
    if (r == 0)
        r = add_entry_sections(choices, p);
    if (r == 0)
        r = add_options(choices, p);
    if (r == 0 && !others && json_array_size(choices) > 0)
        r = json_array_append_new(choices, json_null());
    if (r < 0 || json_array_size(choices) == 0) {
        json_decref(choices);
        return r;
    }
    return json_object_set_new(property, others ? "examples" : "enum", choices);
}

static json_t *make_property(const struct section *p, const struct parameter_info *info) {
    json_t *property = json_object();
    int r = property ? set_text(property, "title", parameter_label(p)) : -1;
    if (r == 0)
        r = set_text(property, "description", section_text(p, "Description"));
    if (r == 0)
        r = set_types(property, info);
    if (r == 0)
        r = set_text(property, "x-parameter-type", info->type);
    if (r == 0 && info->secret)
        r = json_object_set_new(property, "writeOnly", json_true());
    if (r == 0)
        r = set_limit(property, p, "Config.MinValue", "minimum");
    if (r == 0)
        r = set_limit(property, p, "Config.MaxValue", "maximum");
    if (r == 0)
        r = set_default(property, p, info);
    if (r == 0)
        r = set_choices(property, p);
    if (r < 0) {
        json_decref(property);
        return NULL;
    }
    return property;
}

/* What a person must give: Required, no default, and always part of the form. */
static bool must_be_given(const struct section *p) {
    return (section_flag(p, "Required") || section_flag(p, "Conditions.Required")) &&
           !section_attribute(p, "DefaultValue") && !section_attribute(p, "Conditions.Excluded") &&
           !section_attribute(p, "Conditions.Hidden") && p->children.len == 0;
}

static int add_properties(const struct template *t, json_t *properties, json_t *required) {
    for (size_t i = 0; i < t->parameters.len; i++) {
        const struct section *p = t->parameters.items[i];
        struct parameter_info info = parameter_info(p);
        if (info.text_only)
            continue;
        if (json_object_set_new(properties, p->name, make_property(p, &info)) < 0)
            return -ENOMEM;
        if (must_be_given(p) && json_array_append_new(required, json_string(p->name)) < 0)
            return -ENOMEM;
    }
    return 0;
}

json_t *template_schema(const struct template *t) {
    json_t *schema = json_pack("{s:s, s:s+, s:s, s:{}, s:[], s:b}", "$schema",
                               "https://json-schema.org/draft/2020-12/schema", "title",
                               "Parameters of ", t->clusters.items[0]->name, "type", "object",
                               "properties", "required", "additionalProperties", 1);
    if (!schema || add_properties(t, json_object_get(schema, "properties"),
                                  json_object_get(schema, "required")) < 0) {
        json_decref(schema);
        return NULL;
    }
    return schema;
}

bool template_parameter_secret(const struct template *t, const char *name) {
    const struct section *p = template_parameter(t, name);
    return p && parameter_info(p).secret;
}

static void check_unknown(const struct template *t, const char *name, struct diagnostics *diags) {
    const char *best = NULL;
    char hint[128];
    size_t best_distance = 4;
    struct diagnostic_place whole = {0};
    for (size_t i = 0; i < t->parameters.len; i++) {
        size_t d = text_distance(name, t->parameters.items[i]->name, best_distance);
        if (d < best_distance && d < strlen(name)) {
            best_distance = d;
            best = t->parameters.items[i]->name;
        }
    }
    if (best)
        (void)snprintf(hint, sizeof(hint), "did you mean %.100s?", best);
    diagnostics_add(diags, SEVERITY_WARNING, &whole, best ? hint : NULL,
                    "the template declares no parameter %.200s; it is kept", name);
}

static bool number_of(const struct section *p, const char *key, double *ret) {
    bool is_real = false;
    int64_t i = 0;
    const struct value *v = section_literal(p, key);
    if (v && value_to_number(v, &is_real, &i, ret))
        return true;
    if (!v || !value_to_integer(v, &i))
        return false;
    *ret = (double)i;
    return true;
}

static void check_range(const struct section *p, const struct value *v, struct diagnostics *diags) {
    bool is_real = false;
    int64_t i = 0;
    double number = 0, limit = 0;
    struct diagnostic_place whole = {0};
    if ((v->type != VALUE_INTEGER && v->type != VALUE_REAL) ||
        !value_to_number(v, &is_real, &i, &number))
        return;
    if (number_of(p, "Config.MinValue", &limit) && number < limit)
        diagnostics_add(diags, SEVERITY_WARNING, &whole, NULL,
                        "parameter %s is %g, the least is %g", p->name, number, limit);
    if (number_of(p, "Config.MaxValue", &limit) && number > limit)
        diagnostics_add(diags, SEVERITY_WARNING, &whole, NULL, "parameter %s is %g, the most is %g",
                        p->name, number, limit);
}

static int check_given(const struct section *p, const json_t *json, struct diagnostics *diags) {
    struct diagnostic_place whole = {0};
    _cleanup_value_ struct value *given = value_from_json(json);
    if (given)
        given = value_mark(given, parameter_info(p).secret);
    _cleanup_value_ struct value *v = given ? parameter_coerce(p, given) : NULL;
    if (!v)
        return -ENOMEM;
    if (v->type == VALUE_ERROR)
        diagnostics_add(diags, SEVERITY_ERROR, &whole, NULL, "parameter %s: %s", p->name, v->text);
    else if (!value_is_secret(v))
        check_range(p, v, diags);
    return 0;
}

int template_check_parameters(const struct template *t, const json_t *given,
                              struct diagnostics *diags) {
    _cleanup_diagnostics_ struct diagnostics own = DIAGNOSTICS_INIT;
    const char *name;
    json_t *json;
    if (!diags)
        diags = &own;
    size_t errors = diags->errors;
    json_object_foreach((json_t *)given, name, json) {
        const struct section *p = template_parameter(t, name);
        if (!p)
            check_unknown(t, name, diags);
        else if (check_given(p, json, diags) < 0)
            return -ENOMEM;
    }
    if (diags->out_of_memory)
        return -ENOMEM;
    return diags->errors > errors ? -EINVAL : 0;
}
