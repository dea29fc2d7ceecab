/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_EVAL_H
#define TEMPLATE_EVAL_H

/* Evaluation of one expression. What names mean is up to the caller. */

#include "expr.h"

/* Bounds the work of one definition: steps of evaluation, and bytes of text made. */
#define EVAL_STEPS_MAX 20000000u
#define EVAL_BYTES_MAX ((size_t)128 << 20)

struct eval {
    /* The value of a name: a new reference, undefined if it is not known, NULL: out of memory. */
    struct value *(*lookup)(void *arg, const struct expr *name);
    void *arg;
    bool late;           /* set by lookup: the result depends on what is not known yet */
    bool waits;          /* a text or a list lacks a piece that is not known yet */
    size_t steps, bytes; /* spent so far */
};

/* A new value (VALUE_ERROR if it fails), NULL: out of memory. */
struct value *eval_expr(struct eval *ev, const struct expr *e);

/* One operator on values. Borrowed arguments; `b` is NULL for unary ones. */
struct value *operator_apply(enum operator op, const struct value *a, const struct value *b);

#endif
