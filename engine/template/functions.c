/* SPDX-License-Identifier: MIT */
#include "functions.h"

#include "nearest.h"

#include <string.h>
#include <strings.h>

static const struct function_table *const tables[] = {
    &functions_lazy, &functions_text, &functions_regex, &functions_list, &functions_number,
};

const struct function *function_find(const char *name, size_t len) {
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (size_t i = 0; i < tables[t]->len; i++) {
            const struct function *row = &tables[t]->rows[i];
            if (strlen(row->name) == len && strncasecmp(row->name, name, len) == 0)
                return row;
        }
    return NULL;
}

const char *function_suggest(const char *name) {
    struct nearest nearest = nearest_init(name);
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (size_t i = 0; i < tables[t]->len; i++)
            nearest_try(&nearest, tables[t]->rows[i].name);
    return nearest.best;
}

/* ifThenElse(c, a, b): as `c ? a : b`. */
static struct value *if_then_else(struct eval *ev, const struct expr *call) {
    struct expr conditional = *call;
    conditional.kind = EXPR_CONDITIONAL;
    return eval_expr(ev, &conditional);
}

/* ifUndefined(e, v): as `e ?: v`. */
static struct value *if_undefined(struct eval *ev, const struct expr *call) {
    struct expr binary = *call;
    binary.kind = EXPR_BINARY;
    binary.op = OP_DEFAULT;
    return eval_expr(ev, &binary);
}

static const struct function lazy_rows[] = {
    {.name = "ifThenElse", .min_args = 3, .max_args = 3, .lazy = if_then_else},
    {.name = "ifUndefined", .min_args = 2, .max_args = 2, .lazy = if_undefined},
};

const struct function_table functions_lazy = {lazy_rows, ARRAY_SIZE(lazy_rows)};
