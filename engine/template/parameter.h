/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_PARAMETER_H
#define TEMPLATE_PARAMETER_H

/* What a [[[parameter]]] declares. */

#include "attributes.h"

/* What a person is expected to give where evaluation takes anything (WANT_ANY). */
enum parameter_shape {
    SHAPE_ANY,
    SHAPE_TEXT,
    SHAPE_TEXTS, /* one or a list */
    SHAPE_SPECS, /* a text, a list or a record of cluster-init specs */
    SHAPE_NUMBER,
    SHAPE_RECORD,
};

struct parameter_info {
    enum want want;
    enum parameter_shape shape;
    bool secret;
    bool multiline;
    bool multiselect;
    bool text_only;   /* a form element without a value */
    const char *type; /* ParameterType as written, "" if none */
    bool known_type;
};

/* The names of the known types, from 0; NULL past the end. */
const char *parameter_type_name(size_t i);

struct parameter_info parameter_info(const struct section *parameter);

/* A value (borrowed) as the parameter's type; as value_coerce. */
struct value *parameter_coerce(const struct section *parameter, const struct value *v);

/* The section `[[record NAME]]` or `[[list NAME]]` in a parameter, or NULL. */
const struct section *parameter_child(const struct section *parameter, enum section_type type,
                                      const char *name);

/* Label, or the name. Borrowed. */
const char *parameter_label(const struct section *parameter);

#endif
