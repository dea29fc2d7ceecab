/* SPDX-License-Identifier: MIT */
/* What can be chosen for a parameter. */
#include "schema.h"

#include "base/parse.h"

#include <errno.h>
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

/* KEY as an expression: {[Label="A"; Value="a"], ...} */
static int add_entries(json_t *entries, const struct section *p, const char *key) {
    const struct attribute *a = section_attribute(p, key);
    const struct expr *list = a ? a->expr : NULL;
    for (size_t i = 0; list && list->kind == EXPR_LIST && i < list->len; i++)
        if (add_entry(entries, list->args[i], expr_member) < 0)
            return -ENOMEM;
    return 0;
}

/* [[[[list KEY]]]] */
static int add_entry_sections(json_t *entries, const struct section *p, const char *key) {
    for (size_t i = 0; i < p->children.len; i++) {
        const struct section *child = p->children.items[i];
        if (child->type == SECTION_LIST && text_equal_fold(child->name, key) &&
            add_entry(entries, child, section_member) < 0)
            return -ENOMEM;
    }
    return 0;
}

static bool holds(const json_t *choices, const json_t *value) {
    for (size_t i = 0; i < json_array_size(choices); i++)
        if (json_equal(json_array_get(choices, i), value))
            return true;
    return false;
}

/* Steals `value`; NULL: out of memory. */
static int add_choice(json_t *choices, json_t *value) {
    if (!value || holds(choices, value)) {
        json_decref(value);
        return value ? 0 : -ENOMEM;
    }
    return json_array_append_new(choices, value);
}

static int add_option(json_t *choices, const struct expr *e) {
    if (e->kind != EXPR_LITERAL || value_is_undefined(e->literal))
        return 0;
    return add_choice(choices, value_to_json(e->literal, false));
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
static json_t *labelled_choices(const struct section *p, const char *key) {
    json_t *entries = json_array();
    if (!entries || add_entries(entries, p, key) < 0 || add_entry_sections(entries, p, key) < 0) {
        json_decref(entries);
        return NULL;
    }
    return entries;
}

json_t *parameter_choices(const struct section *p) {
    json_t *entries = labelled_choices(p, "Config.Entries"), *choices = json_array();
    int r = entries && choices ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < json_array_size(entries); i++) {
        json_t *value = json_object_get(json_array_get(entries, i), "value");
        r = json_is_null(value) ? 0 : add_choice(choices, json_incref(value));
    }
    if (r == 0)
        r = add_options(choices, p);
    json_decref(entries);
    if (r == 0)
        return choices;
    json_decref(choices);
    return NULL;
}

bool parameter_choices_bind(const struct section *p) {
    return !section_flag(p, "Config.FreeForm");
}

int parameter_choice_find(const struct section *p, const json_t *choices, const struct value *v) {
    for (size_t i = 0; i < json_array_size(choices); i++) {
        _cleanup_value_ struct value *choice = value_from_json(json_array_get(choices, i));
        _cleanup_value_ struct value *typed = choice ? parameter_coerce(p, choice) : NULL;
        if ((typed && value_equal(typed, v) == TRUTH_TRUE) ||
            (choice && value_equal(choice, v) == TRUTH_TRUE))
            return (int)i;
    }
    return -1;
}

/* The default in the spelling of its choice; one that is no choice becomes one. */
static int settle_default(json_t *choices, const struct section *p, json_t **standard) {
    _cleanup_value_ struct value *v = *standard ? value_from_json(*standard) : NULL;
    if (!v)
        return *standard ? -ENOMEM : 0;
    int at = parameter_choice_find(p, choices, v);
    if (at < 0)
        return json_array_append(choices, *standard);
    json_decref(*standard);
    *standard = json_incref(json_array_get(choices, (size_t)at));
    return 0;
}

static const char *json_type_word(const json_t *value) {
    static const char *const words[] = {
        [JSON_OBJECT] = "object",   [JSON_ARRAY] = "array", [JSON_STRING] = "string",
        [JSON_INTEGER] = "integer", [JSON_REAL] = "number", [JSON_TRUE] = "boolean",
        [JSON_FALSE] = "boolean",   [JSON_NULL] = "null",
    };
    return words[json_typeof(value)];
}

/* The types of the choices are those of the property. */
static int put_enum(json_t *property, json_t *choices) {
    json_t *types = json_array();
    int r = types && json_array_append_new(choices, json_null()) == 0 ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < json_array_size(choices); i++)
        r = add_choice(types, json_string(json_type_word(json_array_get(choices, i))));
    if (r == 0)
        r = json_object_set(property, "type", types);
    json_decref(types);
    return r < 0 ? r : json_object_set(property, "enum", choices);
}

/* What the members of a list are: the choices, or texts. */
static int put_items(json_t *property, json_t *choices) {
    json_t *items = json_array_size(choices) ? json_pack("{s:O}", "enum", choices)
                                             : json_pack("{s:s}", "type", "string");
    return json_object_set_new(property, "items", items);
}

static bool is_multiple(const struct section *p) {
    const char *control = schema_control(p, "Config.Plugin");
    return section_flag(p, "Config.MultiSelect") ||
           (control && text_equal_fold(control, "ListBuilder"));
}

static int put_choices(json_t *property, const struct section *p, json_t *choices,
                       json_t **standard) {
    bool bind = parameter_choices_bind(p);
    if (json_array_size(choices) > 0 && !bind)
        return json_object_set(property, "examples", choices);
    if (is_multiple(p))
        return put_items(property, choices);
    if (json_array_size(choices) == 0)
        return 0;
    int r = settle_default(choices, p, standard);
    return r < 0 ? r : put_enum(property, choices);
}

int schema_put_choices(json_t *property, const struct section *p, json_t **standard) {
    json_t *choices = parameter_choices(p);
    int r = choices ? put_choices(property, p, choices, standard) : -ENOMEM;
    json_decref(choices);
    return r < 0 ? r : schema_put_labels(property, p, "Config.Entries");
}

int schema_put_labels(json_t *object, const struct section *p, const char *key) {
    json_t *entries = labelled_choices(p, key);
    if (!entries)
        return -ENOMEM;
    if (json_array_size(entries) > 0)
        return json_object_set_new(object, "x-choices", entries);
    json_decref(entries);
    return 0;
}
