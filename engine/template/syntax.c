/* SPDX-License-Identifier: MIT */
#include "syntax.h"

#include "nearest.h"

#include "base/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IN(type) (1u << (type))
#define IN_NODES (IN(SECTION_NODE) | IN(SECTION_NODEARRAY))

#define PROJECT_SECTION(name)                                                       \
    {                                                                               \
        .word = (name), .parents = IN(SECTION_FILE), .languages = LANGUAGE_PROJECT, \
        .no_substitution = true,                                                    \
    }

static const struct section_row rows[SECTION_TYPE_MAX] = {
    [SECTION_FILE] = {""},
    [SECTION_CLUSTER] = {.word = "cluster", .parents = IN(SECTION_FILE), .needs_name = true},
    [SECTION_NODE] = {.word = "node", .parents = IN(SECTION_CLUSTER), .needs_name = true},
    [SECTION_NODEARRAY] = {.word = "nodearray", .parents = IN(SECTION_CLUSTER), .needs_name = true},
    [SECTION_CONFIGURATION] = {.word = "configuration", .parents = IN_NODES | IN(SECTION_NODEREF)},
    [SECTION_CLUSTER_INIT] = {.word = "cluster-init", .parents = IN_NODES, .needs_name = true},
    [SECTION_NETWORK_INTERFACE] = {.word = "network-interface", .parents = IN_NODES},
    [SECTION_VOLUME] = {.word = "volume", .parents = IN_NODES, .needs_name = true},
    [SECTION_INPUT_ENDPOINT] = {.word = "input-endpoint", .parents = IN_NODES, .needs_name = true},
    [SECTION_PARAMETERS] = {.word = "parameters",
                            .parents = IN(SECTION_FILE) | IN(SECTION_PARAMETERS),
                            .no_substitution = true},
    [SECTION_PARAMETER] = {.word = "parameter",
                           .parents = IN(SECTION_FILE) | IN(SECTION_PARAMETERS),
                           .no_substitution = true,
                           .needs_name = true},
    [SECTION_LIST] = {.word = "list",
                      .parents = IN(SECTION_PARAMETER) | IN(SECTION_CONFIG),
                      .languages = LANGUAGE_TEMPLATE | LANGUAGE_PROJECT,
                      .no_substitution = true,
                      .needs_name = true},
    [SECTION_RECORD] = {.word = "record",
                        .parents = IN(SECTION_PARAMETER) | IN(SECTION_CONFIG),
                        .languages = LANGUAGE_TEMPLATE | LANGUAGE_PROJECT,
                        .whole_keys = true,
                        .no_substitution = true,
                        .needs_name = true},
    [SECTION_NODEREF] = {.word = "noderef", .parents = IN(SECTION_FILE), .needs_name = true},
    [SECTION_ENVIRONMENT] = {.word = "environment",
                             .parents = IN(SECTION_FILE),
                             .needs_name = true},
    [SECTION_ENVIRONMENTREF] = {.word = "environmentref",
                                .parents = IN(SECTION_FILE),
                                .needs_name = true},
    [SECTION_PROJECT] = PROJECT_SECTION("project"),
    [SECTION_BLOBS] = PROJECT_SECTION("blobs"),
    [SECTION_SPEC] = PROJECT_SECTION("spec"),
    [SECTION_CONFIG] = {.word = "config",
                        .parents = IN(SECTION_FILE),
                        .languages = LANGUAGE_PROJECT,
                        .no_substitution = true,
                        .needs_name = true},
};

static bool speaks(enum section_type type, enum language language) {
    return (rows[type].languages ? rows[type].languages : LANGUAGE_TEMPLATE) & language;
}

const struct section_row *section_row(enum section_type type) {
    return &rows[type];
}

enum section_type section_type_find(struct span word, enum language language) {
    for (int type = SECTION_CLUSTER; type < SECTION_TYPE_MAX; type++)
        if (speaks((enum section_type)type, language) && span_equal(word, rows[type].word))
            return (enum section_type)type;
    return SECTION_INVALID;
}

const char *section_type_suggest(struct span word, enum language language) {
    char text[32];
    if (word.len >= sizeof(text))
        return NULL;
    memcpy(text, word.text, word.len);
    text[word.len] = '\0';
    struct nearest nearest = nearest_init(text);
    for (int type = SECTION_CLUSTER; type < SECTION_TYPE_MAX; type++)
        if (speaks((enum section_type)type, language))
            nearest_try(&nearest, rows[type].word);
    return nearest.best;
}

struct section *section_new(enum section_type type, struct section *parent) {
    struct section *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->type = type;
    s->parent = parent;
    return s;
}

void attribute_free(struct attribute *a) {
    if (!a)
        return;
    free(a->key);
    expr_free(a->expr);
    expr_free(a->text);
    free(a);
}

/* Sections nest as deep as the text has brackets in a row, so this is a loop, not a recursion. */
void section_free(struct section *top) {
    struct section *s = top;
    while (s) {
        if (s->children.len > 0) {
            s = s->children.items[--s->children.len];
            continue;
        }
        struct section *parent = s == top ? NULL : s->parent;
        for (size_t i = 0; i < s->attributes.len; i++)
            attribute_free(s->attributes.items[i]);
        attribute_list_done(&s->attributes);
        name_map_done(&s->by_key);
        section_list_done(&s->children);
        expr_free(s->name_expr);
        free(s->name);
        free(s);
        s = parent;
    }
}

const struct attribute *section_attribute(const struct section *s, const char *key) {
    if (s->by_key.len) {
        size_t at = name_map_find(&s->by_key, key);
        return at == SIZE_MAX ? NULL : s->attributes.items[at];
    }
    for (size_t i = 0; i < s->attributes.len; i++)
        if (text_equal_fold(s->attributes.items[i]->key, key))
            return s->attributes.items[i];
    return NULL;
}

const struct value *section_literal(const struct section *s, const char *key) {
    const struct attribute *a = section_attribute(s, key);
    const struct expr *e = a ? a->expr : NULL;
    if (e && e->kind != EXPR_LITERAL)
        e = a->text;
    return e && e->kind == EXPR_LITERAL ? e->literal : NULL;
}

const char *section_text(const struct section *s, const char *key) {
    const struct value *v = section_literal(s, key);
    return v && v->text && v->type != VALUE_ERROR ? v->text : NULL;
}

bool section_flag(const struct section *s, const char *key) {
    const struct value *v = section_literal(s, key);
    return v && value_truth(v) == TRUTH_TRUE;
}

struct template *template_ref(struct template *t) {
    (void)__atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
    return t;
}

void template_free(struct template *t) {
    if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    section_free(t->file);
    section_list_done(&t->clusters);
    name_map_done(&t->clusters_by_name);
    section_list_done(&t->noderefs);
    section_list_done(&t->environments);
    section_list_done(&t->parameters);
    name_list_done(&t->undeclared);
    free(t->parameters_by_name);
    free(t->text);
    free(t);
}

const struct section *template_cluster(const struct template *t, const char *name) {
    size_t at = name_map_find(&t->clusters_by_name, name);
    return at == SIZE_MAX ? NULL : t->clusters.items[at];
}

static int compare_name(const void *name, const void *section) {
    return strcasecmp(name, (*(const struct section *const *)section)->name);
}

const struct section *template_parameter(const struct template *t, const char *name) {
    struct section **found = NULL;
    if (t->parameters.len)
        found = bsearch(name, t->parameters_by_name, t->parameters.len,
                        sizeof(*t->parameters_by_name), compare_name);
    return found ? *found : NULL;
}

const char *template_suggest_parameter(const struct template *t, const char *name) {
    struct nearest nearest = nearest_init(name);
    for (size_t i = 0; i < t->parameters.len; i++)
        nearest_try(&nearest, t->parameters.items[i]->name);
    return nearest.best;
}

size_t template_cluster_count(const struct template *t) {
    return t->clusters.len;
}

const char *template_cluster_name(const struct template *t, size_t i) {
    return i < t->clusters.len ? t->clusters.items[i]->name : NULL;
}

bool template_cluster_abstract(const struct template *t, size_t i) {
    return i < t->clusters.len && section_flag(t->clusters.items[i], "Abstract");
}

struct diagnostic_place template_place(const struct template *t, unsigned line, unsigned column) {
    return (struct diagnostic_place){t->text, t->len, line, column};
}

struct diagnostic_place template_key_place(const struct template *t, const struct attribute *a) {
    return (struct diagnostic_place){t->text, t->len, a->line, a->column, (unsigned)strlen(a->key)};
}

struct diagnostic_place template_value_place(const struct template *t, const struct attribute *a) {
    const char *newline = a->source ? memchr(a->source, '\n', a->source_len) : NULL;
    size_t width = newline ? (size_t)(newline - a->source) : a->source_len;
    return (struct diagnostic_place){t->text, t->len, a->value_line, a->value_column,
                                     (unsigned)width};
}

/* Where a line of the text starts; NULL if there is none. */
static const char *find_line(const struct template *t, unsigned line) {
    const char *p = t->text, *end = t->text + t->len;
    for (unsigned n = 1; p && n < line; n++) {
        p = memchr(p, '\n', (size_t)(end - p));
        p = p ? p + 1 : NULL;
    }
    return p;
}

struct diagnostic_place template_equals_place(const struct template *t, const struct attribute *a) {
    struct diagnostic_place place = template_key_place(t, a);
    const char *line = find_line(t, a->line);
    const char *behind = line + place.column - 1 + place.width;
    place.column += place.width;
    place.column += (unsigned)strcspn(behind, "=\n");
    place.width = 0;
    return place;
}

struct diagnostic_place template_text_place(const struct template *t, unsigned line,
                                            unsigned column, const char *text) {
    struct diagnostic_place place = template_place(t, line, column);
    size_t len = strlen(text);
    const char *p = find_line(t, line), *end = t->text + t->len;
    if (p && column && (size_t)(end - p) >= column - 1 + len &&
        memcmp(p + column - 1, text, len) == 0)
        place.width = (unsigned)len;
    return place;
}

struct misnamed template_misnamed(const struct template *t, unsigned line, unsigned column,
                                  const char *name) {
    struct misnamed m = {.at = template_place(t, line, column)};
    const char *near = template_suggest_parameter(t, name);
    char written[128];
    int n = snprintf(written, sizeof(written), "$%s", name);
    if (n > 0 && (size_t)n < sizeof(written))
        m.at = template_text_place(t, line, column, written);
    if (near)
        (void)snprintf(m.hint, sizeof(m.hint), "did you mean %.100s?", near);
    if (near && m.at.width && strlen(near) + 1 < sizeof(m.fix))
        (void)snprintf(m.fix, sizeof(m.fix), "$%s", near);
    return m;
}
