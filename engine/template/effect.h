/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_EFFECT_H
#define TEMPLATE_EFFECT_H

/* Honesty about attributes: what this server does not carry out, and what Azure would refuse. */

#include "entries.h"

/*
 * Looks at the value that an attribute has for its owner. An attribute without effect is a
 * warning; one that must not be dropped, or a value that cannot be carried out, is an error. Each
 * line of the template is reported once, however many nodes inherit it.
 */
void effect_check(struct scope *s, const struct entry_rules *rules, const struct entry *e,
                  const struct value *v);

/*
 * Says why Azure refuses a value: appends "expected ..., found ..." to `why`, nothing when the
 * value is fine or the attribute has no constraint. Secret values are not quoted.
 */
void constraint_check(enum section_type type, const char *key, const struct value *v,
                      struct buf *why);

#endif
