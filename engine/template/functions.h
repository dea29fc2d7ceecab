/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_FUNCTIONS_H
#define TEMPLATE_FUNCTIONS_H

/*
 * The functions of the expression language. Each is a row: its name, how many arguments it takes,
 * and what it does. Arguments are evaluated before the call but for the few that are LAZY.
 */

#include "eval.h"

struct function {
    const char *name;
    unsigned min_args, max_args;
    enum {
        FUNCTION_PLAIN = 0,
        FUNCTION_SPREADS = 1 << 0, /* any undefined argument gives undefined, an error that error */
    } flags;
    /* args: max_args or more, `n` given. A new value, NULL: out of memory. */
    struct value *(*call)(struct value **args, size_t n);
    /* Instead of `call`: evaluates what it needs itself. */
    struct value *(*lazy)(struct eval *ev, const struct expr *call);
    /* Instead of `call`: its work is more than to look at its arguments, and it counts that. */
    struct value *(*metered)(struct eval *ev, struct value **args, size_t n);
};

#define ARGS_MANY 1000u

struct function_table {
    const struct function *rows;
    size_t len;
};

extern const struct function_table functions_text, functions_number, functions_list,
    functions_regex, functions_lazy;

/* The row of a name in any case, or NULL. */
const struct function *function_find(const char *name, size_t len);
/* The known name nearest to `name`, NULL if none is near. */
const char *function_suggest(const char *name);

#endif
