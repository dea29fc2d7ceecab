/* SPDX-License-Identifier: MIT */
#include "scope.h"

#include "origin.h"
#include "parameter.h"

#include "base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HIDDEN_FAILURE "the expression fails (it holds a secret)"
#define PARAMETER_DEPTH_MAX 60u
#define ATTRIBUTE_WORK 16u /* to find one, make it of its type and put it where it belongs */

static struct value *lookup(void *arg, const struct expr *name);
static bool reported_already(struct scope *s, const struct attribute *a);

static struct parameter_value *find_parameter(const struct scope *s, const char *name) {
    for (size_t low = 0, high = s->t->parameters.len; low < high;) {
        size_t middle = low + (high - low) / 2;
        int sign = strcasecmp(name, s->t->parameters_by_name[middle]->name);
        if (sign == 0)
            return &s->parameters[middle];
        if (sign < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static int take_given(struct scope *s, const json_t *parameters) {
    const char *name;
    json_t *json;
    json_object_foreach((json_t *)parameters, name, json) {
        struct value *v = value_from_json(json);
        struct parameter_value *p = find_parameter(s, name);
        if (!v)
            return -ENOMEM;
        if (!p) {
            int r = value_record_set(s->extra, name, v);
            if (r < 0)
                return r;
            continue;
        }
        value_unref(p->given);
        p->given = v;
    }
    return 0;
}

/* What exists only later has a name that is known now. */
static int add_late_names(struct scope *s) {
    const struct section_list *const lists[] = {&s->t->noderefs, &s->t->environments};
    for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
        for (size_t i = 0; i < lists[l]->len; i++)
            if (name_map_add(&s->late, lists[l]->items[i]->name, i) < 0)
                return -ENOMEM;
    return 0;
}

int scope_init(struct scope *s, const struct template *t, const char *cluster_name,
               const json_t *parameters, const json_t *known) {
    *s = (struct scope){.t = t, .ev = {.lookup = lookup, .arg = s}};
    s->cluster_name = value_string(cluster_name);
    s->extra = value_record_new();
    s->parameters = calloc(t->parameters.len + 1, sizeof(*s->parameters));
    if (!s->cluster_name || !s->extra || !s->parameters)
        return -ENOMEM;
    for (size_t i = 0; i < t->parameters.len; i++)
        s->parameters[i].section = t->parameters_by_name[i];
    if (known) {
        s->known = value_from_json(known);
        if (!s->known)
            return -ENOMEM;
    }
    int r = add_late_names(s);
    return r < 0 ? r : take_given(s, parameters);
}

void scope_done(struct scope *s) {
    for (size_t i = 0; s->parameters && i < s->t->parameters.len; i++) {
        value_unref(s->parameters[i].given);
        value_unref(s->parameters[i].raw);
        value_unref(s->parameters[i].value);
    }
    free(s->parameters);
    value_unref(s->cluster_name);
    value_unref(s->extra);
    value_unref(s->known);
    section_list_done(&s->nodes);
    name_map_done(&s->late);
    name_map_done(&s->undeclared);
    attribute_list_done(&s->reported);
    row_list_done(&s->told);
}

/* The first to see that a limit is reached says where. */
static void note_stop(struct scope *s, unsigned line, unsigned column, const char *key) {
    if (s->ev.limit == EVAL_WITHIN || s->stopped.key[0])
        return;
    s->stopped.line = line;
    s->stopped.column = column;
    (void)snprintf(s->stopped.key, sizeof(s->stopped.key), "%s", key);
}

bool scope_spend(struct scope *s, const struct attribute *a, size_t work) {
    bool within = eval_spend(&s->ev, work);
    note_stop(s, a->value_line, a->value_column, a->key);
    return within;
}

bool scope_keep(struct scope *s, const struct attribute *a, size_t bytes) {
    bool within = eval_keep(&s->ev, bytes);
    note_stop(s, a->value_line, a->value_column, a->key);
    return within;
}

void scope_report_limit(struct scope *s) {
    static const struct {
        enum diagnostic_code code;
        const char *what, *hint;
    } limits[] = {
        [EVAL_TOO_MUCH_WORK] = {CODE_TOO_MUCH_WORK,
                                "the template takes too much work to evaluate, about a second",
                                "shorten texts and patterns of regexp and regexps, and what nodes "
                                "inherit: it is evaluated once for each node"},
        [EVAL_TOO_LARGE] = {CODE_DEFINITION_TOO_LARGE,
                            "the definition of the cluster is larger than 4 MiB",
                            "values that nodes inherit count once for each node and nodearray"},
    };
    if (s->ev.limit == EVAL_WITHIN)
        return;
    const char *key = s->stopped.key;
    const struct finding finding = {SEVERITY_ERROR, limits[s->ev.limit].code,
                                    template_place(s->t, s->stopped.line, s->stopped.column),
                                    limits[s->ev.limit].hint};
    diagnostics_add(s->diags, &finding, "%s%s%s%s", limits[s->ev.limit].what, *key ? "; " : "", key,
                    *key ? " is beyond that" : "");
}

static void report_parameter(struct scope *s, const struct section *p, const char *key,
                             const char *text) {
    const struct attribute *a = section_attribute(p, key);
    const struct finding finding = {SEVERITY_ERROR, CODE_INVALID_DEFAULT,
                                    a ? template_value_place(s->t, a)
                                      : template_place(s->t, p->line, p->column)};
    if (s->ev.limit != EVAL_WITHIN)
        note_stop(s, finding.at.line, finding.at.column, p->name);
    else
        diagnostics_add(s->diags, &finding, "Parameter %s: %s", p->name, text);
}

/* A `[[record DefaultValue]]` or one record of a `[[list DefaultValue]]`. */
static struct value *section_record(struct scope *s, const struct section *section) {
    _cleanup_value_ struct value *record = value_record_new();
    for (size_t i = 0; record && i < section->attributes.len; i++) {
        const struct attribute *a = section->attributes.items[i];
        struct value *v = a->expr ? eval_expr(&s->ev, a->expr) : NULL;
        if (a->expr && !v)
            return NULL;
        int r = v ? value_record_set(record, a->key, v) : 0;
        if (r < 0)
            return value_failure(r);
    }
    return TAKE_PTR(record);
}

static struct value *section_records(struct scope *s, const struct section *parameter) {
    _cleanup_value_ struct value *list = value_list_new();
    for (size_t i = 0; list && i < parameter->children.len; i++) {
        const struct section *child = parameter->children.items[i];
        if (child->type != SECTION_LIST || !text_equal_fold(child->name, "DefaultValue"))
            continue;
        struct value *record = section_record(s, child);
        if (record && record->type == VALUE_ERROR)
            return record;
        int r = value_list_append(list, record);
        if (r < 0)
            return value_failure(r);
    }
    return TAKE_PTR(list);
}

/* The default for this provider: the documented place is [[record Config.ProviderDefaults]]. */
static struct value *provider_default(struct scope *s, const struct section *parameter) {
    const struct section *child =
        parameter_child(parameter, SECTION_RECORD, "Config.ProviderDefaults");
    const struct attribute *a = child ? section_attribute(child, "Azure") : NULL;
    return a && a->expr ? eval_expr(&s->ev, a->expr) : value_undefined();
}

static struct value *default_value(struct scope *s, const struct section *parameter) {
    const struct attribute *a = section_attribute(parameter, "DefaultValue");
    const struct section *record = parameter_child(parameter, SECTION_RECORD, "DefaultValue");
    if (a && a->expr) {
        bool text = a->text && want_is_single(parameter_info(parameter).want);
        return eval_expr(&s->ev, text ? a->text : a->expr);
    }
    if (record)
        return section_record(s, record);
    if (parameter_child(parameter, SECTION_LIST, "DefaultValue"))
        return section_records(s, parameter);
    return provider_default(s, parameter);
}

/* True for a plain word of the template where a boolean is wanted. */
static bool is_word_for(const struct expr *e, enum want want) {
    return want == WANT_BOOLEAN && e && e->kind == EXPR_LITERAL;
}

/* A word in the template that is no boolean does not stop it: the attribute is as if not given. */
static void warn_no_boolean(struct scope *s, const struct attribute *a, const char *text) {
    const struct finding finding = {SEVERITY_WARNING, CODE_EVALUATION_FAILED,
                                    template_value_place(s->t, a),
                                    "true, yes and on are true, false, no and off are false"};
    if (!reported_already(s, a))
        diagnostics_add(s->diags, &finding, "%s: %s; it is undefined", a->key, text);
}

/* p->raw says why `v` is no value of the parameter. */
static void report_default(struct scope *s, const struct parameter_value *p,
                           const struct value *v) {
    const struct attribute *a = section_attribute(p->section, "DefaultValue");
    bool hidden = v->type == VALUE_ERROR && (v->secret || p->raw->secret);
    if (a && !p->given && is_word_for(a->expr, parameter_info(p->section).want))
        warn_no_boolean(s, a, p->raw->text);
    else
        report_parameter(s, p->section, "DefaultValue", hidden ? HIDDEN_FAILURE : p->raw->text);
}

/* The value before its conditions. 0 or -ENOMEM. */
static int set_raw(struct scope *s, struct parameter_value *p) {
    p->state = PARAMETER_DEFAULTING;
    _cleanup_value_ struct value *v = p->given ? value_ref(p->given) : default_value(s, p->section);
    if (!v)
        return -ENOMEM;
    p->raw = v->depth > VALUE_NESTING_MAX ? value_failure(-ELOOP) : parameter_coerce(p->section, v);
    if (!p->raw)
        return -ENOMEM;
    if (p->raw->type == VALUE_ERROR) {
        report_default(s, p, v);
        value_unref(p->raw);
        p->raw = value_undefined();
        if (!p->raw)
            return -ENOMEM;
    }
    p->state = PARAMETER_HAS_RAW;
    return 0;
}

int scope_condition(struct scope *s, const struct section *parameter, const char *name) {
    char key[48];
    const char *const keys[] = {key, name};
    (void)snprintf(key, sizeof(key), "Conditions.%s", name);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const struct attribute *a = section_attribute(parameter, keys[i]);
        if (!a || !a->expr)
            continue;
        _cleanup_value_ struct value *v = eval_expr(&s->ev, a->expr);
        if (!v)
            return -ENOMEM;
        if (value_truth(v) == TRUTH_TRUE)
            return 1;
    }
    return 0;
}

/* What Conditions.Value makes of the parameter: undefined if it makes nothing. NULL: no memory. */
static struct value *forced_value(struct scope *s, const struct section *parameter) {
    const struct attribute *a = section_attribute(parameter, "Conditions.Value");
    _cleanup_value_ struct value *v = a && a->expr ? eval_expr(&s->ev, a->expr) : value_undefined();
    _cleanup_value_ struct value *typed = v ? parameter_coerce(parameter, v) : NULL;
    return typed && typed->type == VALUE_ERROR ? value_undefined() : TAKE_PTR(typed);
}

/* The raw value, or undefined where the form would not show it, or what the form would force. */
static struct value *conditioned_value(struct scope *s, const struct parameter_value *p) {
    int excluded = scope_condition(s, p->section, "Excluded");
    if (excluded < 0)
        return NULL;
    if (excluded || section_flag(p->section, "Disabled"))
        return value_undefined();
    _cleanup_value_ struct value *forced = forced_value(s, p->section);
    return !forced || !value_is_undefined(forced) ? TAKE_PTR(forced) : value_ref(p->raw);
}

/* Conditions touch the values that came from the template only, not what a person gave. */
static int set_value(struct scope *s, struct parameter_value *p) {
    p->state = PARAMETER_CONDITIONING;
    p->value = p->given ? value_ref(p->raw) : conditioned_value(s, p);
    p->state = PARAMETER_DONE;
    return p->value ? 0 : -ENOMEM;
}

/* Works out a parameter as far as that can be done now. 0 or -ENOMEM. */
static int resolve(struct scope *s, struct parameter_value *p) {
    bool late = s->ev.late, waits = s->ev.waits;
    int r = 0;
    if (p->state == PARAMETER_DEFAULTING || s->depth >= PARAMETER_DEPTH_MAX) {
        if (p->state == PARAMETER_DEFAULTING || p->state == PARAMETER_NEW)
            report_parameter(s, p->section, "DefaultValue",
                             p->state == PARAMETER_NEW
                                 ? "parameters need each other more than 60 deep"
                                 : "its default depends on itself");
        return 0;
    }
    s->ev.late = s->ev.waits = false;
    s->depth++;
    if (p->state == PARAMETER_NEW)
        r = set_raw(s, p);
    if (r == 0 && p->state == PARAMETER_HAS_RAW)
        r = set_value(s, p);
    s->depth--;
    p->late |= s->ev.late;
    p->waits |= s->ev.waits;
    s->ev.late = late || p->late;
    s->ev.waits = waits || p->waits;
    return r;
}

static struct value *parameter_get(struct scope *s, struct parameter_value *p) {
    if (resolve(s, p) < 0)
        return NULL;
    if (p->value)
        return value_ref(p->value);
    return p->raw ? value_ref(p->raw) : value_undefined();
}

const struct value *scope_parameter(struct scope *s, const struct section *parameter) {
    struct parameter_value *p = find_parameter(s, parameter->name);
    struct value *v = parameter_get(s, p);
    value_unref(v);
    if (v && !p->value && !p->raw)
        p->raw = value_undefined();
    return v ? (p->value ? p->value : p->raw) : NULL;
}

bool scope_parameter_given(const struct scope *s, const struct section *parameter) {
    return find_parameter(s, parameter->name)->given != NULL;
}

bool scope_parameter_muted(const struct scope *s, const struct section *parameter) {
    const struct parameter_value *p = find_parameter(s, parameter->name);
    return p->value && p->raw && value_is_undefined(p->value) && !value_is_undefined(p->raw);
}

/* `$Name` that is nobody's name: it may still be given, and is needed to start. */
static int note_undeclared(struct scope *s, const struct expr *e) {
    if (name_map_find(&s->undeclared, e->name) != SIZE_MAX)
        return 0;
    if (!s->unknown)
        s->unknown = e;
    return name_map_add(&s->undeclared, e->name, s->undeclared.len);
}

/* `$4Name` that is nobody's name. */
static struct value *plain_text(const struct expr *e) {
    _cleanup_free_ char *text = NULL;
    if (asprintf(&text, "$%s", e->name) < 0) {
        text = NULL;
        return NULL;
    }
    return value_string(text);
}

static struct value *lookup(void *arg, const struct expr *e) {
    struct scope *s = arg;
    struct parameter_value *p = find_parameter(s, e->name);
    if (p)
        return parameter_get(s, p);
    struct value *v = value_record_get(s->extra, e->name);
    if (v)
        return value_ref(v);
    if (text_equal_fold(e->name, "ClusterName"))
        return value_ref(s->cluster_name);
    if (name_map_find(&s->late, e->name) != SIZE_MAX) {
        s->ev.late = true;
        v = s->known ? value_record_get(s->known, e->name) : NULL;
        return v ? value_ref(v) : value_undefined();
    }
    if (e->weak)
        return plain_text(e);
    if (!e->strict)
        return value_undefined();
    return note_undeclared(s, e) < 0 ? NULL : value_undefined();
}

static bool reported_already(struct scope *s, const struct attribute *a) {
    for (size_t i = 0; i < s->reported.len; i++)
        if (s->reported.items[i] == a)
            return true;
    if (s->reported.len < DIAGNOSTICS_MAX && s->diags &&
        attribute_list_append(&s->reported, (struct attribute *)a) < 0)
        s->diags->out_of_memory = true;
    return false;
}

static void warn_unknown(struct scope *s, const struct attribute *a, struct owner owner) {
    const char *name = s->unknown->name;
    struct misnamed m = template_misnamed(s->t, a->value_line, s->unknown->column, name);
    const struct finding finding = {SEVERITY_WARNING, CODE_UNDECLARED_PARAMETER, m.at, m.hint,
                                    *m.fix ? m.fix : NULL};
    if (!*m.hint)
        (void)snprintf(m.hint, sizeof(m.hint),
                       "declare it with [[[parameter %.60s]]], or give it a value", name);
    diagnostics_add(s->diags, &finding,
                    "Parameter %s is not known (referenced by %s %s); the cluster starts only if "
                    "it is given",
                    name, owner.kind, owner.name);
}

void scope_report(struct scope *s, const struct attribute *a, struct owner owner,
                  const char *text) {
    const struct finding finding = {SEVERITY_ERROR, CODE_EVALUATION_FAILED,
                                    template_value_place(s->t, a)};
    note_stop(s, a->value_line, a->value_column, a->key);
    if (s->ev.limit != EVAL_WITHIN || reported_already(s, a))
        return;
    diagnostics_add(s->diags, &finding, "%s of %s%s%s %s: %s", a->key, owner.part ? owner.part : "",
                    owner.part ? " of " : "", owner.kind, owner.name, text);
}

/* A value with commas is a text for who wants one. */
static const struct expr *expr_for(const struct attribute *a, enum want want) {
    return a->text && want_is_single(want) ? a->text : a->expr;
}

/* Evaluates; *ret_late as in scope_attribute. */
static struct value *evaluate_now(struct scope *s, const struct attribute *a, const struct expr *e,
                                  struct owner owner, bool *ret_late) {
    s->ev.late = s->ev.waits = false;
    s->unknown = NULL;
    struct value *v = eval_expr(&s->ev, e);
    *ret_late = v && s->ev.late && (!s->known || s->ev.waits || value_is_undefined(v));
    (void)scope_spend(s, a, v ? v->size / VALUE_COST : 0);
    if (s->unknown)
        warn_unknown(s, a, owner);
    return v;
}

struct value *scope_attribute(struct scope *s, const struct attribute *a, enum want want,
                              struct owner owner, bool *ret_late) {
    bool ignored;
    const struct expr *e = expr_for(a, want);
    if (!ret_late)
        ret_late = &ignored;
    *ret_late = false;
    if (!e || !scope_spend(s, a, ATTRIBUTE_WORK))
        return value_undefined();
    _cleanup_value_ struct value *v = evaluate_now(s, a, e, owner, ret_late);
    _cleanup_value_ struct value *typed = v ? value_coerce(v, want) : NULL;
    if (!typed || typed->type != VALUE_ERROR)
        return TAKE_PTR(typed);
    if (*ret_late)
        return value_undefined(); /* half of a value says nothing about the whole */
    const char *why = typed == v && v->secret ? HIDDEN_FAILURE : typed->text;
    if (is_word_for(e, want))
        warn_no_boolean(s, a, why);
    else
        scope_report(s, a, owner, why);
    return value_undefined();
}

struct value *scope_section_name(struct scope *s, const struct section *section,
                                 struct owner owner) {
    const struct attribute name = {
        .key = (char *)"the section name",
        .expr = section->name_expr,
        .value_line = section->line,
        .value_column = section->column,
    };
    struct value *v = scope_attribute(s, &name, WANT_TEXT, owner, NULL);
    if (s->reported.len && s->reported.items[s->reported.len - 1] == &name)
        s->reported.len--;
    if (!v || v->type == VALUE_STRING)
        return v;
    value_unref(v);
    return value_string("");
}

/* What the template does not know, a password whose name was mistyped perhaps, is shown to nobody.
 */
static struct value *shown_extra(const struct scope *s, size_t i) {
    return value_mark(value_ref(s->extra->items[i]), !template_uses(s->t, s->extra->keys[i]));
}

struct value *scope_parameters(struct scope *s) {
    _cleanup_value_ struct value *all = value_record_new();
    for (size_t i = 0; all && i < s->t->parameters.len; i++) {
        const struct section *p = s->t->parameters.items[i];
        const struct value *v = scope_parameter(s, p);
        if (v && !eval_keep(&s->ev, v->size)) {
            note_stop(s, p->line, p->column, p->name);
            break;
        }
        if (!v || value_record_set(all, p->name, value_ref((struct value *)v)) < 0 ||
            origin_note_parameter(s, p, v) < 0)
            return NULL;
    }
    for (size_t i = 0; all && i < s->extra->len && eval_keep(&s->ev, s->extra->items[i]->size); i++)
        if (value_record_set(all, s->extra->keys[i], shown_extra(s, i)) < 0)
            return NULL;
    return TAKE_PTR(all);
}
