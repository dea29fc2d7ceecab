/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_SCHEMA_H
#define TEMPLATE_SCHEMA_H

/*
 * Parts of the JSON Schema of the parameters. What JSON Schema has no word for, but a form needs,
 * stands under names with x-:
 *
 *   property: x-parameter-type  ParameterType as written
 *             x-order           its place among all parameters, from 0
 *             x-section         the names of the [parameters] sections around it, outermost first
 *             x-control         the control of the form, without its prefix: "NumberTextBox"
 *             x-multiline, x-hidden  true where it holds
 *             x-choices         [{"label", "value"}] where choices are labelled
 *             x-conditions      {"Excluded": "Spot isnt true"}: expressions, as written
 *             x-default-expression   a default that is worked out for each cluster, as written
 *             x-undeclared      the template uses it and declares it nowhere
 *   schema:   x-sections        [{"path": [names], "order", "label", "description", "conditions"}]
 *
 * Functions return 0 or -ENOMEM (also as -1).
 */

#include "parameter.h"

/* One parameter as a property of the schema, a new object. NULL: out of memory. */
json_t *schema_property(const struct section *parameter);

/* What may be chosen, in order: a new array of values, empty if all is free. NULL: no memory. */
json_t *parameter_choices(const struct section *parameter);
/* True if only the choices are allowed. */
bool parameter_choices_bind(const struct section *parameter);

/* The choices: binding as "enum", as "examples" where other values are allowed too. */
int schema_put_choices(json_t *property, const struct section *parameter);
/* x-section, x-control and what else a form is drawn from. */
int schema_put_form(json_t *property, const struct section *parameter);
/* The [parameters] sections below `top`, outer ones first. */
int schema_put_sections(json_t *list, const struct section *top);

#endif
