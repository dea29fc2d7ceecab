/* SPDX-License-Identifier: MIT */
#include "effect.h"

#include "base/parse.h"

#include <stdio.h>
#include <strings.h>

/* "volume data of node head" */
static void put_owner(struct buf *b, const struct owner *o) {
    (void)buf_printf(b, "%s%s%s %s", o->part ? o->part : "", o->part ? " of " : "", o->kind,
                     o->name);
}

/* Each attribute is reported once: eight disks with a Mount are one thing to know. */
static bool told_already(struct scope *s, const struct attribute_row *row) {
    for (size_t i = 0; i < s->told.len; i++)
        if (s->told.items[i] == row)
            return true;
    if (row_list_append(&s->told, row) < 0)
        s->diags->out_of_memory = true;
    return false;
}

/* True if the value asks for what happens anyway. */
static bool is_quiet(const struct attribute_row *row, const struct value *v) {
    if (value_is_empty(v))
        return true;
    if (!row->quiet)
        return false;
    _cleanup_value_ struct value *text = value_to_string(v);
    return text && text_equal_fold(text->text, row->quiet);
}

static void report_row(struct scope *s, const struct attribute *a, const struct attribute_row *row,
                       const struct owner *owner) {
    static const char *const words[] = {
        [EFFECT_DONE] = "",
        [EFFECT_SHOWN] = "has no effect yet",
        [EFFECT_NONE] = "has no effect",
        [EFFECT_REFUSED] = "is not supported",
    };
    _cleanup_buf_ struct buf whose = BUF_INIT(1024);
    struct diagnostic_place where = template_place(s->t, a->line, a->column);
    put_owner(&whose, owner);
    if (diagnostics_has(s->diags, &where) ||
        (row->effect != EFFECT_REFUSED && told_already(s, row)))
        return;
    struct finding finding = {.severity = SEVERITY_WARNING, .code = CODE_NO_EFFECT, .at = where};
    if (row->effect == EFFECT_REFUSED) {
        finding.severity = SEVERITY_ERROR;
        finding.code = CODE_NOT_SUPPORTED;
    }
    diagnostics_add(s->diags, &finding, "%s of %s %s: %s", row->name, whose.data,
                    words[row->effect], row->note);
}

/* Written in a [[node]] itself, what only arrays have is a mistake; inherited, it is not. */
static void check_array_only(struct scope *s, const struct entry_rules *rules,
                             const struct attribute *a, const struct attribute_row *row) {
    if (!row->array_only || !text_equal_fold(rules->owner.kind, "node") ||
        !text_equal_fold(a->section->name, rules->owner.name))
        return;
    struct diagnostic_place where = template_place(s->t, a->line, a->column);
    struct finding finding = {.severity = SEVERITY_WARNING, .code = CODE_NO_EFFECT, .at = where};
    if (!diagnostics_has(s->diags, &where))
        diagnostics_add(s->diags, &finding,
                        "%s of node %s has no effect: it applies to a [[nodearray]]", row->name,
                        rules->owner.name);
}

static void check_value(struct scope *s, const struct entry_rules *rules, const struct entry *e,
                        const struct value *v) {
    _cleanup_buf_ struct buf why = BUF_INIT(2048), whose = BUF_INIT(1024);
    const struct attribute *a = e->attribute;
    constraint_check(rules->type, e->key, v, &why);
    if (!why.len)
        return;
    struct diagnostic_place where = template_place(s->t, a->value_line, a->value_column);
    if (diagnostics_has(s->diags, &where))
        return;
    struct finding finding = {.severity = SEVERITY_ERROR, .code = CODE_INVALID_VALUE, .at = where};
    put_owner(&whose, &rules->owner);
    diagnostics_add(s->diags, &finding, "%s of %s: %s", e->key, whose.data, why.data);
}

void effect_check(struct scope *s, const struct entry_rules *rules, const struct entry *e,
                  const struct value *v) {
    const struct attribute_row *row = attribute_row_find(rules->type, e->key);
    if (!s->diags || value_is_undefined(v))
        return;
    if (row && row->effect != EFFECT_DONE && !is_quiet(row, v))
        report_row(s, e->attribute, row, &rules->owner);
    if (row && row->effect == EFFECT_DONE)
        check_array_only(s, rules, e->attribute, row);
    check_value(s, rules, e, v);
}
