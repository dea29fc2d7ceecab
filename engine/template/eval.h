/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_EVAL_H
#define TEMPLATE_EVAL_H

/* Evaluation of one expression. What names mean is up to the caller. */

#include "expr.h"

/*
 * What one evaluation may spend. Work is counted, not timed, so that a template is refused on every
 * machine or on none: one unit is a step of evaluation, VALUE_COST bytes of a value that are looked
 * at, or a step of a regular expression, some 50 ns each.
 */
#define EVAL_WORK_MAX ((size_t)8 << 20)

enum eval_limit {
    EVAL_WITHIN,
    EVAL_TOO_MUCH_WORK,
    EVAL_TOO_LARGE, /* what it makes is over LIMIT_DEFINITION_BYTES */
};

struct eval {
    /* The value of a name: a new reference, undefined if it is not known, NULL: out of memory. */
    struct value *(*lookup)(void *arg, const struct expr *name);
    void *arg;
    bool late;             /* set by lookup: the result depends on what is not known yet */
    bool waits;            /* a text or a list lacks a piece that is not known yet */
    size_t work, kept;     /* spent so far; bytes of the definition so far */
    enum eval_limit limit; /* which is reached: whatever is evaluated from now on is an error */
};

/* Counts work, which may be done already. False if the budget is spent, now or before. */
bool eval_spend(struct eval *ev, size_t work);
/* Counts what becomes part of the definition. False if it is too large, or was before. */
bool eval_keep(struct eval *ev, size_t bytes);

/* A new value (VALUE_ERROR if it fails), NULL: out of memory. */
struct value *eval_expr(struct eval *ev, const struct expr *e);

/* One operator on values. Borrowed arguments; `b` is NULL for unary ones. */
struct value *operator_apply(enum operator op, const struct value *a, const struct value *b);

#endif
