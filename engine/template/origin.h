/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_ORIGIN_H
#define TEMPLATE_ORIGIN_H

/*
 * Where values come from. While a scope has `origins`, evaluation notes a row for each value there;
 * template.h describes the rows. Each function does nothing without `origins`, and returns 0 or
 * -ENOMEM.
 */

#include "entries.h"

/* An attribute in force; `v` NULL: it is known later. `key` as it is spelt in the definition. */
int origin_note(struct scope *s, const struct entry_rules *rules, const char *key,
                const struct attribute *a, const struct value *v);
/* A cluster-init section. */
int origin_note_section(struct scope *s, const struct section *section, struct owner owner,
                        const char *name);
/* A declared parameter with its value. */
int origin_note_parameter(struct scope *s, const struct section *p, const struct value *v);

/* "given", "default, line 12" or "no default". NULL: out of memory. */
json_t *origin_of_parameter(struct scope *s, const struct section *parameter);

#endif
