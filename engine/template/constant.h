/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_CONSTANT_H
#define TEMPLATE_CONSTANT_H

/* Expressions that need nothing of a cluster: what they are can be said from the template alone. */

#include "syntax.h"

/* True if the expression has no names in it and no function of time or chance. */
bool expr_is_constant(const struct expr *e);

/* The value of a constant expression: a new value, VALUE_ERROR if it fails, NULL: out of memory. */
struct value *expr_constant(const struct expr *e);

/*
 * The constant under a key of a section as JSON: a new reference. *ret is NULL if there is no such
 * attribute; {"expr": "as written"} if it is not constant. 0 or -ENOMEM.
 */
int section_constant(const struct section *s, const char *key, json_t **ret);

#endif
