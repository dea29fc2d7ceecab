/* SPDX-License-Identifier: MIT */
/* The parameters as a JSON Schema. */
#include "schema.h"

#include "constant.h"

#include "base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const list_types[] = {"array", NULL};

/* The JSON types that a parameter takes; null is always one of them. */
static const char *const *json_types(const struct parameter_info *info) {
    static const char *const any[] = {"string", "number", "boolean", "array", "object", NULL};
    static const char *const specs[] = {"string", "array", "object", NULL};
    static const char *const text[] = {"string", NULL}, *const boolean[] = {"boolean", NULL},
                             *const integer[] = {"integer", NULL},
                             *const number[] = {"number", NULL}, *const record[] = {"object", NULL},
                             *const list[] = {"array", "string", NULL};
    static const char *const *const wants[] = {
        [WANT_ANY] = any,         [WANT_TEXT] = text,         [WANT_BOOLEAN] = boolean,
        [WANT_INTEGER] = integer, [WANT_NUMBER] = number,     [WANT_TIME] = text,
        [WANT_LIST] = list,       [WANT_TEXT_OR_LIST] = list, [WANT_RECORD] = record,
    };
    static const char *const *const shapes[] = {
        [SHAPE_ANY] = any,     [SHAPE_TEXT] = text,     [SHAPE_TEXTS] = list,
        [SHAPE_SPECS] = specs, [SHAPE_NUMBER] = number, [SHAPE_RECORD] = record,
    };
    if (info->multiselect && (info->want == WANT_ANY || info->want == WANT_TEXT))
        return list;
    return info->want == WANT_ANY ? shapes[info->shape] : wants[info->want];
}

static int set_types(json_t *property, const char *const *words) {
    json_t *types = json_array();
    int r = types ? 0 : -1;
    for (const char *const *type = words; r == 0 && *type; type++)
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

static bool is_list_builder(const struct section *p) {
    const char *control = schema_control(p, "Config.Plugin");
    return control && text_equal_fold(control, "ListBuilder");
}

/* The expression of a default that the template alone can work out, or NULL. */
static const struct expr *constant_expr(const struct section *p,
                                        const struct parameter_info *info) {
    const struct attribute *a = section_attribute(p, "DefaultValue");
    const struct expr *e = a ? a->expr : NULL;
    if (a && a->text && want_is_single(info->want))
        e = a->text;
    return e && !info->secret && expr_is_constant(e) ? e : NULL;
}

/* The default if it is known here, as the parameter has it: *ret is new, or NULL. 0 or -ENOMEM. */
static int constant_default(const struct section *p, const struct parameter_info *info,
                            json_t **ret) {
    const struct expr *e = constant_expr(p, info);
    *ret = NULL;
    if (!e)
        return 0;
    _cleanup_value_ struct value *given = expr_constant(e);
    _cleanup_value_ struct value *typed = given ? parameter_coerce(p, given) : NULL;
    enum want want = is_list_builder(p) ? WANT_LIST : WANT_ANY;
    _cleanup_value_ struct value *v = typed ? value_coerce(typed, want) : NULL;
    if (!v || v->type == VALUE_ERROR || v->type == VALUE_UNDEFINED)
        return v ? 0 : -ENOMEM;
    *ret = value_to_json(v, false);
    return *ret ? 0 : -ENOMEM;
}

/* What the type of a parameter says. */
static int put_type(json_t *property, const struct section *p, const struct parameter_info *info) {
    int r = set_types(property, is_list_builder(p) ? list_types : json_types(info));
    if (r == 0)
        r = set_text(property, "x-parameter-type", info->type);
    if (r == 0 && info->secret)
        r = json_object_set_new(property, "writeOnly", json_true());
    if (r == 0 && info->multiline)
        r = json_object_set_new(property, "x-multiline", json_true());
    return r;
}

/* The choices and the default that agrees with them. */
static int put_values(json_t *property, const struct section *p,
                      const struct parameter_info *info) {
    json_t *standard;
    int r = constant_default(p, info, &standard);
    if (r == 0)
        r = schema_put_choices(property, p, &standard);
    if (r == 0 && standard)
        return json_object_set_new(property, "default", standard);
    json_decref(standard);
    return r;
}

static json_t *make_property(const struct section *p, const struct parameter_info *info) {
    json_t *property = json_object();
    int r = property ? set_text(property, "title", parameter_label(p)) : -1;
    if (r == 0)
        r = set_text(property, "description", section_text(p, "Description"));
    if (r == 0)
        r = put_type(property, p, info);
    if (r == 0)
        r = put_values(property, p, info);
    if (r == 0)
        r = schema_put_form(property, p);
    if (r < 0) {
        json_decref(property);
        return NULL;
    }
    return property;
}

json_t *schema_property(const struct section *p) {
    struct parameter_info info = parameter_info(p);
    return make_property(p, &info);
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
        json_t *property = make_property(p, &info);
        if (json_object_set_new(properties, p->name, property) < 0)
            return -ENOMEM;
        if (must_be_given(p) && json_array_append_new(required, json_string(p->name)) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* `$Name` that nobody declares: it has to be given like a declared one. */
static int add_undeclared(const struct template *t, json_t *properties, json_t *required) {
    for (size_t i = 0; i < t->undeclared.len; i++) {
        const char *name = t->undeclared.items[i];
        json_t *property = json_pack("{s:s, s:b}", "title", name, "x-undeclared", 1);
        if (json_object_set_new(properties, name, property) < 0 ||
            json_array_append_new(required, json_string(name)) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* What the template says about itself, in a gallery of templates. */
static int put_template(json_t *schema, const struct section *cluster) {
    static const char *const members[][2] = {
        {"Label", "label"},       {"Description", "description"},     {"Category", "category"},
        {"IconUrl", "iconUrl"},   {"CategoryOrder", "categoryOrder"}, {"FormLayout", "formLayout"},
        {"Abstract", "abstract"},
    };
    json_t *about = json_pack("{s:s}", "name", cluster->name), *value;
    int r = about ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++) {
        r = section_constant(cluster, members[i][0], &value);
        if (r == 0 && value)
            r = json_object_set_new(about, members[i][1], value);
    }
    if (r == 0)
        return json_object_set_new(schema, "x-template", about);
    json_decref(about);
    return r;
}

json_t *template_schema(const struct template *t) {
    json_t *schema = json_pack("{s:s, s:s+, s:s, s:{}, s:[], s:[], s:b}", "$schema",
                               "https://json-schema.org/draft/2020-12/schema", "title",
                               "Parameters of ", t->clusters.items[0]->name, "type", "object",
                               "properties", "required", "x-sections", "additionalProperties", 1);
    json_t *properties = json_object_get(schema, "properties");
    json_t *required = json_object_get(schema, "required");
    if (!schema || add_properties(t, properties, required) < 0 ||
        schema_put_sections(json_object_get(schema, "x-sections"), t, properties) < 0 ||
        add_undeclared(t, properties, required) < 0 ||
        put_template(schema, t->clusters.items[0]) < 0) {
        json_decref(schema);
        return NULL;
    }
    return schema;
}
