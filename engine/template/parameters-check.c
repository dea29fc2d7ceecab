/* SPDX-License-Identifier: MIT */
/* Given values against what the template declares. */
#include "parameter.h"
#include "schema.h"

#include "base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DECLARED_SHOWN 120 /* bytes of names in a hint */

bool template_uses(const struct template *t, const char *name) {
    for (size_t i = 0; i < t->undeclared.len; i++)
        if (text_equal_fold(t->undeclared.items[i], name))
            return true;
    return template_parameter(t, name) != NULL;
}

void template_keep_secret(struct template *t, const char *name) {
    for (size_t i = 0; i < t->parameters.len; i++)
        if (text_equal_fold(t->parameters.items[i]->name, name))
            t->parameters.items[i]->kept_secret = true;
}

bool template_parameter_secret(const struct template *t, const char *name) {
    const struct section *p = template_parameter(t, name);
    return p && parameter_info(p).secret;
}

/* The names of the declared parameters, as many as fit. */
static void put_declared(const struct template *t, struct buf *b) {
    const char *separator = "the template declares ";
    for (size_t i = 0; i < t->parameters.len && b->len <= DECLARED_SHOWN; i++) {
        if (parameter_info(t->parameters.items[i]).text_only)
            continue;
        (void)buf_printf(b, "%s%s", separator, t->parameters.items[i]->name);
        separator = ", ";
    }
    if (b->len > DECLARED_SHOWN)
        (void)buf_puts(b, " ...");
    else if (!b->len)
        (void)buf_puts(b, "it declares none at all");
}

static void check_unknown(const struct template *t, const char *name, struct diagnostics *diags) {
    const char *best = template_suggest_parameter(t, name);
    _cleanup_buf_ struct buf hint = BUF_INIT(2048);
    for (size_t i = 0; i < t->undeclared.len; i++)
        if (text_equal_fold(t->undeclared.items[i], name))
            return;
    if (best)
        (void)buf_printf(&hint, "did you mean %s?", best);
    else
        put_declared(t, &hint);
    const struct finding finding = {SEVERITY_WARNING, CODE_UNDECLARED_VALUE, .hint = hint.data};
    diagnostics_add(diags, &finding, "the template declares no parameter %.200s; it is kept", name);
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
    const struct finding finding = {SEVERITY_WARNING, CODE_OUT_OF_RANGE};
    if ((v->type != VALUE_INTEGER && v->type != VALUE_REAL) ||
        !value_to_number(v, &is_real, &i, &number))
        return;
    if (number_of(p, "Config.MinValue", &limit) && number < limit)
        diagnostics_add(diags, &finding, "parameter %s is %g, the least is %g", p->name, number,
                        limit);
    if (number_of(p, "Config.MaxValue", &limit) && number > limit)
        diagnostics_add(diags, &finding, "parameter %s is %g, the most is %g", p->name, number,
                        limit);
}

/* A choice, or a list of nothing but choices. */
static bool is_choice(const struct section *p, const json_t *choices, const struct value *v) {
    if (v->type != VALUE_LIST)
        return parameter_choice_find(p, choices, v) >= 0;
    for (size_t i = 0; i < v->len; i++)
        if (parameter_choice_find(p, choices, v->items[i]) < 0)
            return false;
    return true;
}

/* A value that the form would not offer is odd, and kept. 0 or -ENOMEM. */
static int check_choice(const struct section *p, const struct value *v, struct diagnostics *diags) {
    _cleanup_buf_ struct buf found = BUF_INIT(VALUE_TEXT_MAX), hint = BUF_INIT(2048);
    if (value_is_empty(v) || !parameter_choices_bind(p))
        return 0;
    json_t *choices = parameter_choices(p);
    if (!choices || value_put_short(v, &found) < 0) {
        json_decref(choices);
        return -ENOMEM;
    }
    if (json_array_size(choices) > 0 && !is_choice(p, choices, v)) {
        char *list = json_dumps(choices, JSON_ENCODE_ANY);
        (void)buf_printf(&hint, "the choices are %.500s", list ? list : "few");
        free(list);
        const struct finding finding = {SEVERITY_WARNING, CODE_NOT_A_CHOICE, .hint = hint.data};
        diagnostics_add(diags, &finding,
                        "parameter %s is %s, which is none of its choices; it is kept", p->name,
                        found.data);
    }
    json_decref(choices);
    return 0;
}

static int check_given(const struct section *p, const json_t *json, struct diagnostics *diags) {
    const struct finding finding = {SEVERITY_ERROR, CODE_INVALID_PARAMETER_VALUE};
    _cleanup_value_ struct value *given = value_from_json(json);
    if (given)
        given = value_mark(given, parameter_info(p).secret);
    _cleanup_value_ struct value *v = given ? parameter_coerce(p, given) : NULL;
    if (!v)
        return -ENOMEM;
    if (v->type == VALUE_ERROR)
        diagnostics_add(diags, &finding, "parameter %s: %s", p->name, v->text);
    if (v->type == VALUE_ERROR || value_is_secret(v))
        return 0;
    check_range(p, v, diags);
    return check_choice(p, v, diags);
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
