/* SPDX-License-Identifier: MIT */
/* What is odd in a template that can be understood: misspelt names, references to nothing. */
#include "attributes.h"
#include "nearest.h"
#include "parameter.h"

#include "base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UNDECLARED_MAX 40
#define SPELLINGS_MAX 20000 /* of attributes like an unknown one */
#define SEARCHES_MAX 200    /* of names like an unknown one: each looks at all parameters */

struct check {
    struct template *t;
    struct diagnostics *diags;
    const struct attribute *attribute;
    struct name_map globals, nodes; /* of the file, and of the cluster that is looked at */
    size_t searched, spelled;
    bool ui_only; /* the section is part of a form: other names may be known there */
};

/* Misspelt attributes are kept, as CycleCloud keeps them, so this is a warning. */
static void check_spelling(struct check *c, const struct section *s, const struct attribute *a) {
    char hint[96];
    if (attribute_row_find(s->type, a->key) || c->spelled == SPELLINGS_MAX)
        return;
    c->spelled++;
    const char *near = attribute_suggest(s->type, a->key);
    if (!near)
        return;
    (void)snprintf(hint, sizeof(hint), "did you mean %s?", near);
    const struct finding finding = {SEVERITY_WARNING, CODE_UNKNOWN_ATTRIBUTE,
                                    template_key_place(c->t, a), hint, near};
    diagnostics_add(c->diags, &finding, "%s is not a known attribute of %s", a->key,
                    section_row(s->type)->word);
}

static int add_names(struct name_map *names, const struct section_list *sections) {
    for (size_t i = 0; i < sections->len; i++)
        if (name_map_add(names, sections->items[i]->name, i) < 0)
            return -ENOMEM;
    return 0;
}

static bool is_known(const struct check *c, const char *name) {
    if (template_parameter(c->t, name) || text_equal_fold(name, "ClusterName"))
        return true;
    for (size_t i = 0; i < c->t->undeclared.len; i++)
        if (text_equal_fold(c->t->undeclared.items[i], name))
            return true;
    return name_map_find(&c->globals, name) != SIZE_MAX ||
           name_map_find(&c->nodes, name) != SIZE_MAX;
}

/* The parameter or word that a name is nearly like, or NULL. */
static const char *suggest_name(const struct check *c, const char *name) {
    static const char *const words[] = {"true", "false", "undefined", "ClusterName"};
    struct nearest nearest = nearest_init(name);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        nearest_try(&nearest, words[i]);
    for (size_t i = 0; i < c->t->parameters.len; i++)
        nearest_try(&nearest, c->t->parameters.items[i]->name);
    return nearest.best;
}

/* In an expression an unknown name is undefined. That is odd where a known one is near. */
static int check_bare_name(struct check *c, const struct expr *e) {
    char hint[128];
    if (c->ui_only || e->weak || is_known(c, e->name) || c->searched == SEARCHES_MAX)
        return 0;
    c->searched++;
    const char *near = suggest_name(c, e->name);
    if (!near)
        return 0;
    (void)snprintf(hint, sizeof(hint), "did you mean %.100s?", near);
    struct finding finding = {
        SEVERITY_WARNING, CODE_UNKNOWN_NAME,
        template_text_place(c->t, c->attribute->value_line, e->column, e->name), hint};
    finding.fix = finding.at.width ? near : NULL;
    diagnostics_add(c->diags, &finding, "there is no %.100s: it is undefined here", e->name);
    return 0;
}

static int check_name(void *arg, const struct expr *e) {
    struct check *c = arg;
    if (!e->strict)
        return check_bare_name(c, e);
    if (is_known(c, e->name) || c->t->undeclared.len == UNDECLARED_MAX)
        return 0;
    return name_list_append(&c->t->undeclared, e->name);
}

static void check_type(struct check *c, const struct section *s) {
    struct parameter_info info = parameter_info(s);
    if (info.known_type)
        return;
    const struct attribute *a = section_attribute(s, "ParameterType");
    if (!a)
        a = section_attribute(s, "Config.ParameterType");
    const struct finding finding = {SEVERITY_WARNING, CODE_UNKNOWN_PARAMETER_TYPE,
                                    template_value_place(c->t, a)};
    diagnostics_add(c->diags, &finding, "unknown ParameterType \"%.60s\"; any value is taken",
                    info.type);
}

/* `Conditions.Hidden = B` is the text B, never true; meant is what `:=` would make of it. */
static void check_condition(struct check *c, const struct attribute *a) {
    static const char *const names[] = {"Conditions.Excluded",
                                        "Conditions.Hidden",
                                        "Conditions.Required",
                                        "Conditions.Disabled",
                                        "Excluded",
                                        "Hidden",
                                        "Required",
                                        "Disabled"};
    const struct value *v = a->expr && a->expr->kind == EXPR_LITERAL ? a->expr->literal : NULL;
    bool known = false;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        known |= text_equal_fold(a->key, names[i]);
    if (!known || !v || v->type != VALUE_STRING || value_is_empty(v))
        return;
    if (value_truth(v) == TRUTH_TRUE || value_truth(v) == TRUTH_FALSE)
        return;
    const struct finding finding = {SEVERITY_WARNING,
                                    CODE_TEXT_CONDITION,
                                    template_value_place(c->t, a),
                                    "write := for an expression",
                                    ":",
                                    template_equals_place(c->t, a)};
    diagnostics_add(c->diags, &finding, "%s is a text here, which is never true", a->key);
}

/* What concerns parameters and sections of the form alone. */
static void check_parameter(struct check *c, const struct section *s) {
    if (s->type == SECTION_PARAMETER || s->type == SECTION_CONFIG)
        check_type(c, s);
    if (s->type != SECTION_PARAMETER && s->type != SECTION_PARAMETERS)
        return;
    for (size_t i = 0; i < s->attributes.len; i++)
        check_condition(c, s->attributes.items[i]);
}

static bool is_form(const struct section *s) {
    return s->type == SECTION_PARAMETER || s->type == SECTION_PARAMETERS ||
           s->type == SECTION_LIST || s->type == SECTION_RECORD || s->type == SECTION_CONFIG;
}

/* Sections nest 16 deep at most, the parser sees to that. 0 or -ENOMEM. */
static int check_section(struct check *c, const struct section *s) {
    if (s->type == SECTION_CLUSTER) {
        name_map_done(&c->nodes);
        if (add_names(&c->nodes, &s->children) < 0)
            return -ENOMEM;
    }
    check_parameter(c, s);
    for (size_t i = 0; s->type != SECTION_INVALID && i < s->attributes.len; i++) {
        c->attribute = s->attributes.items[i];
        c->ui_only = is_form(s) && !text_equal_fold(c->attribute->key, "DefaultValue");
        check_spelling(c, s, c->attribute);
        if (c->attribute->expr && expr_visit_names(c->attribute->expr, check_name, c) < 0)
            return -ENOMEM;
    }
    for (size_t i = 0; i < s->children.len; i++)
        if (check_section(c, s->children.items[i]) < 0)
            return -ENOMEM;
    return 0;
}

int template_check(struct template *t, struct diagnostics *diags) {
    struct check c = {.t = t, .diags = diags};
    int r = add_names(&c.globals, &t->noderefs);
    if (r == 0)
        r = add_names(&c.globals, &t->environments);
    if (r == 0)
        r = check_section(&c, t->file);
    name_map_done(&c.globals);
    name_map_done(&c.nodes);
    return r;
}
