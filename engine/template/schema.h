/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_SCHEMA_H
#define TEMPLATE_SCHEMA_H

/*
 * Parts of the JSON Schema of the parameters. What JSON Schema has no word for, but a form needs,
 * stands under names with x-; docs/TEMPLATES.md explains them.
 *
 * Functions return 0 or -ENOMEM (also as -1).
 */

#include "parameter.h"

/* One parameter as a property of the schema, a new object. NULL: out of memory. */
json_t *schema_property(const struct section *parameter);

/* What may be chosen, in order, each once: a new array of values, empty if all is free. NULL: no
 * memory. */
json_t *parameter_choices(const struct section *parameter);
/* True if only the choices are allowed. */
bool parameter_choices_bind(const struct section *parameter);
/* The choice that a value (borrowed) is, as the parameter's type has it; -1 if it is none. */
int parameter_choice_find(const struct section *parameter, const json_t *choices,
                          const struct value *v);

/*
 * The choices: binding as "enum", as "examples" where other values are allowed too, those of a
 * list as "items". `standard`, the default, is one of them: it takes the spelling of its choice.
 */
int schema_put_choices(json_t *property, const struct section *parameter, json_t **standard);
/* The labelled choices below a key ("Config.Entries") as "x-choices", if there are any. */
int schema_put_labels(json_t *object, const struct section *parameter, const char *key);

/* x-section, x-control and what else a form is drawn from. */
int schema_put_form(json_t *property, const struct section *parameter);
/* Conditions.Excluded and the like of a parameter or a section of the form. */
int schema_put_conditions(json_t *object, const char *member, const struct section *s);
/* The control of the form below a key ("Config.Plugin"), without its prefix; NULL: none. */
const char *schema_control(const struct section *s, const char *key);

/* The names of the [parameters] around a section, outermost first; `s` itself with `own`. */
json_t *schema_path(const struct section *s, bool own);
/* The [parameters] sections with their elements into `list`; x-order into the properties. */
int schema_put_sections(json_t *list, const struct template *t, json_t *properties);

#endif
