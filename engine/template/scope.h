/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_SCOPE_H
#define TEMPLATE_SCOPE_H

/*
 * What names mean while a cluster is evaluated: the parameters with their values, ClusterName, and
 * the nodes, noderefs and environments that are known later. Belongs to one evaluation.
 */

#include "attributes.h"
#include "eval.h"

enum parameter_state {
    PARAMETER_NEW,
    PARAMETER_DEFAULTING, /* its default is being worked out */
    PARAMETER_HAS_RAW,
    PARAMETER_CONDITIONING, /* its conditions are being worked out: `raw` counts */
    PARAMETER_DONE,
};

struct parameter_value {
    const struct section *section;
    struct value *given; /* NULL: not given */
    struct value *raw;   /* given or default */
    struct value *value; /* with its conditions */
    enum parameter_state state;
    bool late, waits; /* as in struct eval */
};

DEFINE_VEC(row_list, const struct attribute_row *);

struct scope {
    const struct template *t;
    struct diagnostics *diags;
    const struct section *cluster;
    struct value *cluster_name;
    struct parameter_value *parameters; /* in the order of t->parameters_by_name */
    struct value *extra;                /* record of given values that nobody declared */
    struct value *known;                /* record of later names; NULL = nothing is known yet */
    json_t *origins; /* object that gets where values come from (origin.h); NULL = not asked for */
    struct section_list nodes; /* of the cluster and its parents; borrowed */
    struct name_map late;      /* names of nodes, noderefs and environments */
    struct eval ev;
    struct {
        unsigned line, column;
        char key[64];
    } stopped;                      /* what was evaluated when a limit was reached */
    unsigned depth;                 /* of parameters that need parameters */
    struct name_map undeclared;     /* `$Name` that is nobody's, as it is met; borrowed */
    const struct expr *unknown;     /* the first of them in the attribute at hand, NULL = none */
    struct attribute_list reported; /* attributes whose error was told already; borrowed */
    struct row_list told;           /* rows that a warning named already */
};

/* `parameters` and `known` as in template.h. 0 or -ENOMEM. scope_done in any case. */
int scope_init(struct scope *s, const struct template *t, const char *cluster_name,
               const json_t *parameters, const json_t *known);
void scope_done(struct scope *s);

/* What an attribute is part of, for messages: "node" "head", or "cluster" "hpc". */
struct owner {
    const char *kind, *name;
    const char *part; /* "volume data", NULL: the whole */
};

/*
 * The value of an attribute as `want`; undefined where it fails, which is reported. *ret_late says
 * whether it has to be evaluated again when more is known (may be NULL). NULL: out of memory.
 */
struct value *scope_attribute(struct scope *s, const struct attribute *a, enum want want,
                              struct owner owner, bool *ret_late);
/* Reports an attribute that cannot be as it is: once, with where it is. */
void scope_report(struct scope *s, const struct attribute *a, struct owner owner, const char *text);
/* Reports the limit that the evaluation has reached, if any: once, at its end. */
void scope_report_limit(struct scope *s);
/* As eval_spend and eval_keep: false when what is left need not be looked at. */
bool scope_spend(struct scope *s, const struct attribute *a, size_t work);
bool scope_keep(struct scope *s, const struct attribute *a, size_t bytes);
/* The same for the name of a section: a text. */
struct value *scope_section_name(struct scope *s, const struct section *section,
                                 struct owner owner);

/* Whether a person gave the parameter a value; whether its conditions took its default away. */
bool scope_parameter_given(const struct scope *s, const struct section *parameter);
bool scope_parameter_muted(const struct scope *s, const struct section *parameter);
/* The value of a declared parameter, borrowed; NULL: out of memory. */
const struct value *scope_parameter(struct scope *s, const struct section *parameter);
/* Whether Conditions.NAME or the plain NAME of a parameter holds. 1, 0 or -ENOMEM. */
int scope_condition(struct scope *s, const struct section *parameter, const char *name);

/* All declared parameters and the extra ones: a new record. NULL: out of memory. */
struct value *scope_parameters(struct scope *s);

#endif
