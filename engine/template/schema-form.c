/* SPDX-License-Identifier: MIT */
/* The parts of the schema that a form is drawn from. */
#include "schema.h"

#include "base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The literal under a key of `[Label="A"; Value="a"]`, or NULL. */
static const struct value *entry_member(const struct expr *entry, const char *key) {
    for (size_t i = 0; entry->kind == EXPR_RECORD && i < entry->len; i++) {
        const char *name = entry->keys[i] + (*entry->keys[i] == EXPR_WHOLE_KEY);
        if (text_equal_fold(name, key) && entry->args[i]->kind == EXPR_LITERAL)
            return entry->args[i]->literal;
    }
    return NULL;
}

/* How entries of the form call things: the value is the first of these that is there. */
static const char *const value_keys[] = {"Value", "Name", "Label"};
static const char *const label_keys[] = {"Label", "Name", "Value"};

typedef const struct value *(*member_fn)(const void *entry, const char *key);

static const struct value *expr_member(const void *entry, const char *key) {
    return entry_member(entry, key);
}

static const struct value *section_member(const void *entry, const char *key) {
    return section_literal(entry, key);
}

static const struct value *first_member(const void *entry, member_fn member,
                                        const char *const keys[3]) {
    const struct value *v = NULL;
    for (size_t k = 0; !v && k < 3; k++)
        v = member(entry, keys[k]);
    return v;
}

/* {"label", "value"} of one entry. */
static int add_entry(json_t *entries, const void *entry, member_fn member) {
    const struct value *v = first_member(entry, member, value_keys);
    const struct value *label = first_member(entry, member, label_keys);
    if (!v)
        return 0;
    _cleanup_value_ struct value *text = value_to_string(label);
    json_t *item = text ? json_object() : NULL;
    int r = item ? json_object_set_new(item, "label", value_to_json(text, false)) : -1;
    if (r == 0)
        r = json_object_set_new(item, "value", value_to_json(v, false));
    return r < 0 ? (json_decref(item), r) : json_array_append_new(entries, item);
}

/* Config.Entries as an expression: {[Label="A"; Value="a"], ...} */
static int add_entries(json_t *entries, const struct section *p) {
    const struct attribute *a = section_attribute(p, "Config.Entries");
    const struct expr *list = a ? a->expr : NULL;
    for (size_t i = 0; list && list->kind == EXPR_LIST && i < list->len; i++)
        if (add_entry(entries, list->args[i], expr_member) < 0)
            return -ENOMEM;
    return 0;
}

/* [[[[list Config.Entries]]]] */
static int add_entry_sections(json_t *entries, const struct section *p) {
    for (size_t i = 0; i < p->children.len; i++) {
        const struct section *child = p->children.items[i];
        if (child->type == SECTION_LIST && text_equal_fold(child->name, "Config.Entries") &&
            add_entry(entries, child, section_member) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int add_option(json_t *choices, const struct expr *e) {
    if (e->kind != EXPR_LITERAL || value_is_undefined(e->literal))
        return 0;
    return json_array_append_new(choices, value_to_json(e->literal, false));
}

/* Config.Options: a plain list of values, or one. */
static int add_options(json_t *choices, const struct section *p) {
    const struct attribute *a = section_attribute(p, "Config.Options");
    const struct expr *e = a ? a->expr : NULL;
    if (e && e->kind != EXPR_LIST)
        return add_option(choices, e);
    for (size_t i = 0; e && i < e->len; i++)
        if (add_option(choices, e->args[i]) < 0)
            return -ENOMEM;
    return 0;
}

/* The labelled choices: a new array of {"label", "value"}. NULL: out of memory. */
static json_t *labelled_choices(const struct section *p) {
    json_t *entries = json_array();
    if (!entries || add_entries(entries, p) < 0 || add_entry_sections(entries, p) < 0) {
        json_decref(entries);
        return NULL;
    }
    return entries;
}

json_t *parameter_choices(const struct section *p) {
    json_t *entries = labelled_choices(p), *choices = json_array();
    int r = entries && choices ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < json_array_size(entries); i++)
        r = json_array_append(choices, json_object_get(json_array_get(entries, i), "value"));
    if (r == 0)
        r = add_options(choices, p);
    json_decref(entries);
    if (r == 0)
        return choices;
    json_decref(choices);
    return NULL;
}

bool parameter_choices_bind(const struct section *p) {
    return !section_flag(p, "Config.FreeForm") && !section_flag(p, "Config.MultiSelect");
}

int schema_put_choices(json_t *property, const struct section *p) {
    json_t *choices = parameter_choices(p);
    bool bind = parameter_choices_bind(p);
    int r = choices ? 0 : -ENOMEM;
    if (r < 0 || json_array_size(choices) == 0) {
        json_decref(choices);
        return r;
    }
    if (bind)
        r = json_array_append_new(choices, json_null());
    if (r < 0) {
        json_decref(choices);
        return r;
    }
    r = json_object_set_new(property, bind ? "enum" : "examples", choices);
    json_t *entries = r == 0 ? labelled_choices(p) : NULL;
    if (entries && json_array_size(entries) > 0)
        return json_object_set_new(property, "x-choices", entries);
    json_decref(entries);
    return entries ? r : -ENOMEM;
}

/* A true literal, or the expression as it is written. */
static int put_condition(json_t *conditions, const char *name, const struct attribute *a) {
    if (a->expr && a->expr->kind == EXPR_LITERAL)
        return json_object_set_new(conditions, name, value_to_json(a->expr->literal, false));
    return json_object_set_new(conditions, name, json_stringn(a->source, a->source_len));
}

/* Conditions.NAME, and NAME itself where it is short for it. */
static int put_conditions(json_t *object, const char *member, const struct section *s) {
    static const char *const names[] = {"Excluded", "Hidden", "Required", "Disabled", "Value"};
    char key[32];
    json_t *conditions = json_object();
    int r = conditions ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++) {
        (void)snprintf(key, sizeof(key), "Conditions.%s", names[i]);
        const struct attribute *a = section_attribute(s, key);
        if (!a && i + 1 < ARRAY_SIZE(names))
            a = section_attribute(s, names[i]);
        if (a)
            r = put_condition(conditions, names[i], a);
    }
    if (r < 0 || json_object_size(conditions) == 0) {
        json_decref(conditions);
        return r;
    }
    return json_object_set_new(object, member, conditions);
}

/* The names of the [parameters] around a section, outermost first; `s` itself with `own`. */
static json_t *section_path(const struct section *s, bool own) {
    json_t *path = json_array();
    for (s = own ? s : s->parent; path && s && s->type == SECTION_PARAMETERS; s = s->parent)
        if (json_array_insert_new(path, 0, json_string(s->name)) < 0) {
            json_decref(path);
            return NULL;
        }
    return path;
}

static int put_control(json_t *property, const struct section *p) {
    const char *plugin = section_text(p, "Config.Plugin");
    if (!plugin)
        plugin = section_text(p, "Widget.Plugin");
    const char *last = plugin ? strrchr(plugin, '.') : NULL;
    return plugin
               ? json_object_set_new(property, "x-control", json_string(last ? last + 1 : plugin))
               : 0;
}

static bool is_hidden(const struct section *p) {
    return section_flag(p, "Hidden") || text_equal_fold(parameter_info(p).type, "hidden");
}

/* A default that has to be worked out; a secret one is not shown. */
static int put_default_expression(json_t *property, const struct section *p) {
    const struct attribute *a = section_attribute(p, "DefaultValue");
    if (!a || !a->expression || !a->expr || a->expr->kind == EXPR_LITERAL ||
        parameter_info(p).secret)
        return 0;
    return json_object_set_new(property, "x-default-expression",
                               json_stringn(a->source, a->source_len));
}

int schema_put_form(json_t *property, const struct section *p) {
    int r = json_object_set_new(property, "x-section", section_path(p, false));
    if (r == 0)
        r = put_control(property, p);
    if (r == 0 && is_hidden(p))
        r = json_object_set_new(property, "x-hidden", json_true());
    if (r == 0)
        r = put_default_expression(property, p);
    return r < 0 ? r : put_conditions(property, "x-conditions", p);
}

static int put_section(json_t *list, const struct section *s) {
    static const char *const texts[][2] = {{"Label", "label"}, {"Description", "description"}};
    json_t *item = json_object();
    int r = item ? json_object_set_new(item, "path", section_path(s, true)) : -ENOMEM;
    const struct value *order = section_literal(s, "Order");
    if (r == 0 && order)
        r = json_object_set_new(item, "order", value_to_json(order, false));
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++) {
        const char *text = section_text(s, texts[i][0]);
        if (text)
            r = json_object_set_new(item, texts[i][1], json_string(text));
    }
    if (r == 0)
        r = put_conditions(item, "conditions", s);
    if (r == 0)
        return json_array_append_new(list, item);
    json_decref(item);
    return r;
}

int schema_put_sections(json_t *list, const struct section *top) {
    for (size_t i = 0; i < top->children.len; i++) {
        const struct section *child = top->children.items[i];
        if (child->type != SECTION_PARAMETERS)
            continue;
        if (put_section(list, child) < 0 || schema_put_sections(list, child) < 0)
            return -ENOMEM;
    }
    return 0;
}
