/* SPDX-License-Identifier: MIT */
/* The parameters as a JSON Schema. */
#include "schema.h"

#include "base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

/* What the type and the limits of a parameter say. */
static int put_type(json_t *property, const struct section *p, const struct parameter_info *info) {
    int r = set_types(property, info);
    if (r == 0)
        r = set_text(property, "x-parameter-type", info->type);
    if (r == 0 && info->secret)
        r = json_object_set_new(property, "writeOnly", json_true());
    if (r == 0 && info->multiline)
        r = json_object_set_new(property, "x-multiline", json_true());
    if (r == 0)
        r = set_limit(property, p, "Config.MinValue", "minimum");
    if (r == 0)
        r = set_limit(property, p, "Config.MaxValue", "maximum");
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
        r = set_default(property, p, info);
    if (r == 0)
        r = schema_put_choices(property, p);
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
        if (json_object_set_new(properties, p->name, property) < 0 ||
            json_object_set_new(property, "x-order", json_integer((json_int_t)i)) < 0)
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

json_t *template_schema(const struct template *t) {
    json_t *schema = json_pack("{s:s, s:s+, s:s, s:{}, s:[], s:[], s:b}", "$schema",
                               "https://json-schema.org/draft/2020-12/schema", "title",
                               "Parameters of ", t->clusters.items[0]->name, "type", "object",
                               "properties", "required", "x-sections", "additionalProperties", 1);
    json_t *properties = json_object_get(schema, "properties");
    json_t *required = json_object_get(schema, "required");
    if (!schema || add_properties(t, properties, required) < 0 ||
        add_undeclared(t, properties, required) < 0 ||
        schema_put_sections(json_object_get(schema, "x-sections"), t->file) < 0) {
        json_decref(schema);
        return NULL;
    }
    return schema;
}
