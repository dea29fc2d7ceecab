/* SPDX-License-Identifier: MIT */
#include "constant.h"

#include "functions.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

static bool is_volatile(const struct function *f) {
    static const char *const names[] = {"time", "random"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (text_equal_fold(f->name, names[i]))
            return true;
    return false;
}

/* Trees are EXPR_DEPTH_MAX deep at most. */
bool expr_is_constant(const struct expr *e) {
    if (e->kind == EXPR_NAME || (e->kind == EXPR_CALL && is_volatile(e->function)))
        return false;
    for (size_t i = 0; i < e->len; i++)
        if (!expr_is_constant(e->args[i]))
            return false;
    return true;
}

static struct value *no_name(void *arg, const struct expr *name) {
    (void)arg;
    (void)name;
    return value_undefined();
}

struct value *expr_constant(const struct expr *e) {
    struct eval ev = {.lookup = no_name};
    return eval_expr(&ev, e);
}

int section_constant(const struct section *s, const char *key, json_t **ret) {
    const struct attribute *a = section_attribute(s, key);
    const struct expr *e = a && a->text ? a->text : a ? a->expr : NULL;
    *ret = NULL;
    if (!e)
        return 0;
    if (!expr_is_constant(e)) {
        *ret = json_pack("{s:s%}", "expr", a->source, a->source_len);
        return *ret ? 0 : -ENOMEM;
    }
    _cleanup_value_ struct value *v = expr_constant(e);
    *ret = v ? value_to_json(v, false) : NULL;
    return *ret ? 0 : -ENOMEM;
}
