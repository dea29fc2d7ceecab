/* SPDX-License-Identifier: MIT */
#ifndef TEMPLATE_SYNTAX_H
#define TEMPLATE_SYNTAX_H

/* A parsed template: sections and their attributes, as they stand in the text. */

#include "diagnostics.h"
#include "expr.h"
#include "reader.h"
#include "template.h"

#include "base/vec.h"

enum section_type {
    SECTION_FILE, /* the text as a whole */
    SECTION_CLUSTER,
    SECTION_NODE,
    SECTION_NODEARRAY,
    SECTION_CONFIGURATION,
    SECTION_CLUSTER_INIT,
    SECTION_NETWORK_INTERFACE,
    SECTION_VOLUME,
    SECTION_INPUT_ENDPOINT,
    SECTION_PARAMETERS,
    SECTION_PARAMETER,
    SECTION_LIST,
    SECTION_RECORD,
    SECTION_NODEREF,
    SECTION_ENVIRONMENT,
    SECTION_ENVIRONMENTREF,
    SECTION_PROJECT,
    SECTION_BLOBS,
    SECTION_SPEC,
    SECTION_CONFIG,
    SECTION_TYPE_MAX,
    SECTION_INVALID = -1,
};

/* The two kinds of file that are written this way; bits. */
enum language {
    LANGUAGE_TEMPLATE = 1 << 0,
    LANGUAGE_PROJECT = 1 << 1, /* project.ini */
};

/* Brackets that a section header may have; it bounds how deep sections nest. */
#define SECTION_RANK_MAX 16u

struct section;

struct attribute {
    char *key;                     /* as written, dots and all */
    const struct section *section; /* that it stands in; borrowed */
    struct expr *expr;             /* NULL if the value could not be parsed: then it is undefined */
    /* A value with commas is a list, and a text for who wants one: this is the text. */
    struct expr *text;
    bool expression;                   /* written with `:=` or `= =` */
    unsigned line, column;             /* of the key */
    unsigned value_line, value_column; /* of the value */
    const char *source;                /* the value as written, in the text of the template */
    size_t source_len;
};

DEFINE_VEC(attribute_list, struct attribute *);

DEFINE_VEC(section_list, struct section *);

struct section {
    enum section_type type;
    unsigned rank;
    unsigned line, column;
    bool kept_secret;                 /* a parameter whose given value is one (template.h) */
    char *name;                       /* "" if it has none */
    struct expr *name_expr;           /* the name with its substitutions */
    struct section *parent;           /* borrowed */
    struct attribute_list attributes; /* keys differ, in any case */
    struct name_map by_key;           /* where each of them is, if they are many */
    struct section_list children;
};

DEFINE_VEC(name_list, const char *);

struct template {
    unsigned refs;
    char *text; /* the source, for messages; valid UTF-8 */
    size_t len;
    struct section *file;
    struct section_list clusters, noderefs, environments; /* borrowed from `file` */
    struct name_map clusters_by_name;
    struct section_list parameters;      /* each name once, in order; borrowed */
    struct section **parameters_by_name; /* the same, sorted by name in any case */
    struct name_list undeclared;         /* `$Name` that is nothing's name, once each; borrowed */
};

/* What the type of a section allows. */
struct section_row {
    const char *word;
    unsigned parents;     /* bits of section types */
    unsigned languages;   /* bits of enum language; 0 = LANGUAGE_TEMPLATE */
    bool whole_keys;      /* keys are not split at dots and may hold anything */
    bool no_substitution; /* `$` is a plain character outside expressions */
    bool needs_name;
};

const struct section_row *section_row(enum section_type type);
enum section_type section_type_find(struct span word, enum language language);
/* The known type nearest to the word, NULL if none is near. */
const char *section_type_suggest(struct span word, enum language language);

struct section *section_new(enum section_type type, struct section *parent);
void section_free(struct section *s);
/* The attribute with this key in any case, or NULL. */
const struct attribute *section_attribute(const struct section *s, const char *key);
/* Its value if it is a literal, else NULL. */
const struct value *section_literal(const struct section *s, const char *key);
/* Its text if it is a literal text, else NULL. */
const char *section_text(const struct section *s, const char *key);
/* True if it is a literal that means yes. */
bool section_flag(const struct section *s, const char *key);

void attribute_free(struct attribute *a);

struct template *template_ref(struct template *t);
/* The first [cluster] of this name in any case, or NULL. */
const struct section *template_cluster(const struct template *t, const char *name);
/* The declaration of a parameter, or NULL. */
const struct section *template_parameter(const struct template *t, const char *name);
/* The declared parameter whose name is nearest, NULL if none is near. */
const char *template_suggest_parameter(const struct template *t, const char *name);

/* Where in the template something stands, for messages. */
struct diagnostic_place template_place(const struct template *t, unsigned line, unsigned column);

/* The key, or the value on its first line. */
struct diagnostic_place template_key_place(const struct template *t, const struct attribute *a);
struct diagnostic_place template_value_place(const struct template *t, const struct attribute *a);
/* The place before the `=` between them, without width. */
struct diagnostic_place template_equals_place(const struct template *t, const struct attribute *a);
/* `text` where it stands at this column of a line. The width is 0 if something else does, such as
 * an escape, and then nothing can be put in its place. */
struct diagnostic_place template_text_place(const struct template *t, unsigned line,
                                            unsigned column, const char *text);

/* A `$Name` that no parameter has. */
struct misnamed {
    struct diagnostic_place at;
    char hint[128]; /* "did you mean Cores?", "" if no name is near */
    char fix[128];  /* "$Cores", "" if it cannot be put in its place */
};

/* `column` is that of the `$`. */
struct misnamed template_misnamed(const struct template *t, unsigned line, unsigned column,
                                  const char *name);

/* How the right side of an attribute is read. */
struct value_context {
    const struct template *t;
    struct diagnostics *diags;
    bool no_substitution;
    bool ui_only; /* a wrong expression is a warning */
};

/*
 * Reads the right side of an attribute into `a` (expr and text). What is wrong goes into the
 * diagnostics. 0 or -ENOMEM.
 */
int attribute_parse_value(struct attribute *a, const struct item *item,
                          const struct value_context *context);
/* Reads a text with substitutions, such as the name of a section. 0 or -ENOMEM. */
int text_parse(struct span text, const struct value_context *context, struct expr **ret);

/* Looks for what is odd in a parsed template (check.c). 0 or -ENOMEM. */
int template_check(struct template *t, struct diagnostics *diags);

#endif
