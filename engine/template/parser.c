/* SPDX-License-Identifier: MIT */
/* Text -> tree of sections. */
#include "parser.h"

#include "clean.h"

#include "base/parse.h"
#include "model/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 1024u
#define INDEXED_FROM 16u /* fewer attributes of a section are found as fast one after the other */

struct parser {
    struct template *t;
    struct diagnostics *diags;
    struct section *current;
    enum language language;
    bool no_break; /* a warning was given */
};

static struct diagnostic_place place(const struct parser *p, struct span at) {
    struct diagnostic_place where = template_place(p->t, at.line, at.column);
    where.width = (unsigned)at.len;
    return where;
}

static void report(const struct parser *p, const struct finding *finding, const char *text) {
    diagnostics_add(p->diags, finding, "%s", text);
}

static void warn(const struct parser *p, enum diagnostic_code code, struct span at,
                 const char *text) {
    report(p, &(struct finding){SEVERITY_WARNING, code, place(p, at)}, text);
}

static void refuse(const struct parser *p, enum diagnostic_code code, struct span at,
                   const char *text) {
    report(p, &(struct finding){SEVERITY_ERROR, code, place(p, at)}, text);
}

static void report_unknown_type(const struct parser *p, struct span type) {
    const char *near = section_type_suggest(type, p->language);
    bool project = p->language == LANGUAGE_PROJECT;
    char hint[96] = "the types are cluster, node, nodearray, parameters, parameter ...";
    if (project)
        (void)snprintf(hint, sizeof(hint), "the types are project, spec, blobs and config");
    if (near)
        (void)snprintf(hint, sizeof(hint), "did you mean %s?", near);
    const struct finding finding = {project ? SEVERITY_WARNING : SEVERITY_ERROR,
                                    CODE_UNKNOWN_SECTION, place(p, type), hint, near};
    diagnostics_add(p->diags, &finding, "unknown section type \"%.*s\"",
                    (int)(type.len < 60 ? type.len : 60), type.text);
}

/*
 * Reports an unknown type. What it was most likely meant to be stands for it, so that what is in
 * the section is looked at too; in project.ini it means nothing and is left out.
 */
static enum section_type guess_type(const struct parser *p, struct span type) {
    const char *near = section_type_suggest(type, p->language);
    report_unknown_type(p, type);
    if (!near || p->language == LANGUAGE_PROJECT)
        return SECTION_INVALID;
    return section_type_find((struct span){near, strlen(near), 0, 0}, p->language);
}

/* The words of the sections that `type` may stand in: "node or nodearray". */
static void put_parents(enum section_type type, char *text, size_t size) {
    size_t n = 0;
    for (int parent = 0; parent < SECTION_TYPE_MAX; parent++) {
        if (!(section_row(type)->parents & (1u << parent)) || n >= size)
            continue;
        const char *word = parent == SECTION_FILE ? "the file itself"
                                                  : section_row((enum section_type)parent)->word;
        n += (size_t)snprintf(text + n, size - n, "%s%s", n ? " or " : "", word);
    }
}

/* A list or record with the wrong number of brackets is meant for the parameter before it. */
static struct section *enclosing_parameter(const struct parser *p, struct section *otherwise) {
    struct section *s = p->current;
    while (s && s->type != SECTION_PARAMETER && s->type != SECTION_CONFIG)
        s = s->parent;
    return s ? s : otherwise;
}

/* The section that a new one of this type and rank stands in. Reports what is wrong about it. */
static struct section *find_parent(struct parser *p, enum section_type type,
                                   const struct item *item) {
    struct section *parent = p->current;
    char allowed[96] = "", hint[256];
    while (parent->rank >= item->rank)
        parent = parent->parent;
    if (type == SECTION_INVALID || parent->type == SECTION_INVALID ||
        (section_row(type)->parents & (1u << parent->type)))
        return parent;
    bool global = section_row(type)->parents & (1u << SECTION_FILE);
    const char *in =
        parent->type == SECTION_FILE ? "outside of a section" : section_row(parent->type)->word;
    put_parents(type, allowed, sizeof(allowed));
    (void)snprintf(hint, sizeof(hint), "%s stands in %s; check the number of brackets",
                   section_row(type)->word, allowed);
    bool form = type == SECTION_LIST || type == SECTION_RECORD; /* it does not stop the cluster */
    const struct finding finding = {global || form ? SEVERITY_WARNING : SEVERITY_ERROR,
                                    CODE_MISPLACED_SECTION, place(p, item->whole), hint};
    diagnostics_add(p->diags, &finding, "%s cannot stand %s%s", section_row(type)->word,
                    parent->type == SECTION_FILE ? "" : "in ", in);
    if (form)
        return enclosing_parameter(p, parent);
    return global ? p->t->file : parent;
}

static int set_name(struct parser *p, struct section *s, const struct item *item) {
    const struct value_context context = {
        .t = p->t,
        .diags = p->diags,
        .no_substitution = s->type < 0 || section_row(s->type)->no_substitution,
    };
    if (s->type >= 0 && section_row(s->type)->needs_name && item->name.len == 0)
        refuse(p, CODE_MISSING_NAME, item->whole, "this section needs a name");
    if (item->name.len > NAME_MAX_BYTES)
        refuse(p, CODE_NAME_TOO_LONG, item->name, "this name is longer than 1024 bytes");
    s->name = strndup(item->name.text, item->name.len);
    return s->name ? text_parse(item->name, &context, &s->name_expr) : -ENOMEM;
}

static int index_section(struct template *t, struct section *s) {
    if (s->type == SECTION_CLUSTER) {
        int r = name_map_add(&t->clusters_by_name, s->name, t->clusters.len);
        return r < 0 ? r : section_list_append(&t->clusters, s);
    }
    if (s->type == SECTION_NODEREF)
        return section_list_append(&t->noderefs, s);
    if (s->type == SECTION_ENVIRONMENT || s->type == SECTION_ENVIRONMENTREF)
        return section_list_append(&t->environments, s);
    return 0;
}

/* The fix closes as many brackets as are open. */
static void report_uneven(const struct parser *p, const struct item *item) {
    char brackets[SECTION_RANK_MAX + 1] = "";
    size_t closing = 0;
    while (closing < item->header_len && item->whole.text[item->header_len - 1 - closing] == ']')
        closing++;
    memset(brackets, ']', item->rank);
    const struct finding finding = {
        SEVERITY_WARNING, CODE_UNEVEN_BRACKETS, place(p, item->whole), .fix = brackets,
        .fix_at = place(p, span_part(item->whole, item->header_len - closing, closing))};
    report(p, &finding,
           "the numbers of opening and closing brackets differ; the opening ones count");
}

static int add_section(struct parser *p, const struct item *item) {
    enum section_type type = section_type_find(item->type, p->language);
    if (type == SECTION_INVALID)
        type = guess_type(p, item->type);
    if (item->rank > SECTION_RANK_MAX) {
        refuse(p, CODE_NESTING_TOO_DEEP, item->whole, "this section header has too many brackets");
        return 0;
    }
    if (item->uneven)
        report_uneven(p, item);
    if (item->trailing)
        warn(p, CODE_TRAILING_TEXT, item->whole, "the text behind the section header is ignored");
    struct section *parent = find_parent(p, type, item);
    struct section *s = section_new(type, parent);
    if (!s)
        return -ENOMEM;
    int r = section_list_append(&parent->children, s);
    if (r < 0) {
        section_free(s);
        return r;
    }
    s->rank = item->rank;
    s->line = item->whole.line;
    s->column = item->whole.column;
    p->current = s;
    r = set_name(p, s, item);
    return r < 0 ? r : index_section(p->t, s);
}

/* Attributes of the form: a mistake in one does not stop the cluster. */
static bool is_ui_only(const struct section *s, struct span key) {
    if (s->type == SECTION_PARAMETERS || s->type == SECTION_LIST)
        return true;
    return (s->type == SECTION_PARAMETER || s->type == SECTION_CONFIG) &&
           !span_equal(key, "DefaultValue");
}

/* Whether a line can be an attribute of the section. Reports what is wrong about it. */
static bool check_key(const struct parser *p, const struct item *item) {
    if (p->current->type == SECTION_FILE)
        warn(p, CODE_OUTSIDE_SECTION, item->whole, "this line stands before any section; ignored");
    else if (item->key.len == 0)
        refuse(p, CODE_MISSING_NAME, item->whole, "there is no name before =");
    else if (item->key.len > NAME_MAX_BYTES)
        refuse(p, CODE_NAME_TOO_LONG, item->whole, "this name is longer than 1024 bytes");
    else
        return true;
    return false;
}

static int add_attribute(struct parser *p, const struct item *item) {
    struct section *s = p->current;
    if (!check_key(p, item))
        return 0;
    if (item->unclosed)
        refuse(p, CODE_UNCLOSED_QUOTE, item->value, "these triple quotes are not closed");
    if (item->trailing)
        warn(p, CODE_TRAILING_TEXT, item->whole, "the text behind the closing quotes is ignored");
    struct attribute *a = calloc(1, sizeof(*a));
    if (!a || attribute_list_append(&s->attributes, a) < 0) {
        attribute_free(a);
        return -ENOMEM;
    }
    const struct value_context context = {
        .t = p->t,
        .diags = p->diags,
        .no_substitution = s->type < 0 || section_row(s->type)->no_substitution,
        .ui_only = is_ui_only(s, item->key),
    };
    a->key = strndup(item->key.text, item->key.len);
    a->section = s;
    a->expression = item->expression && !item->triple;
    a->line = item->key.line;
    a->column = item->key.column;
    a->value_line = item->value.line;
    a->value_column = item->value.column;
    a->source = item->value.text;
    a->source_len = item->value.len;
    return a->key ? attribute_parse_value(a, item, &context) : -ENOMEM;
}

static int add_other(struct parser *p, const struct item *item) {
    bool before = p->current->type == SECTION_FILE;
    const struct finding syntax = {SEVERITY_ERROR, CODE_SYNTAX, place(p, item->whole),
                                   "a value on several lines needs '''"};
    const struct finding comment = {SEVERITY_WARNING, CODE_SEMICOLON_COMMENT, place(p, item->whole),
                                    .fix = "#", .fix_at = place(p, span_part(item->whole, 0, 1))};
    if (item->semicolon)
        report(p, &comment, "taken as a comment; comments start with #");
    else if (before)
        warn(p, CODE_OUTSIDE_SECTION, item->whole, "this line stands before any section; ignored");
    else
        report(p, &syntax, "expected \"name = value\", a [section] or a # comment");
    return 0;
}

static int add_broken(struct parser *p, const struct item *item) {
    char brackets[SECTION_RANK_MAX + 1] = "";
    struct finding finding = {SEVERITY_ERROR, CODE_UNCLOSED_HEADER, place(p, item->whole)};
    if (item->type.len > 0 && item->rank <= SECTION_RANK_MAX) {
        memset(brackets, ']', item->rank);
        finding.fix = brackets;
        finding.fix_at = place(p, span_part(item->whole, item->header_len, 0));
    }
    report(p, &finding, item->problem);
    return 0;
}

/* They look like blanks, and most tools take them for letters: one warning for all. */
static void warn_no_break(struct parser *p, const struct item *item) {
    if (!item->no_break || p->no_break)
        return;
    p->no_break = true;
    warn(p, CODE_NO_BREAK_SPACE, item->whole,
         "there are no-break spaces (U+00A0) around this line; they are read as blanks");
}

static int read_items(struct parser *p) {
    static int (*const kinds[])(struct parser *, const struct item *) = {
        [ITEM_HEADER] = add_section,
        [ITEM_ATTRIBUTE] = add_attribute,
        [ITEM_OTHER] = add_other,
        [ITEM_BROKEN_HEADER] = add_broken,
    };
    struct reader reader = {.text = p->t->text, .len = p->t->len, .line = 1};
    for (;;) {
        struct item item;
        reader_next(&reader, &item);
        if (item.kind == ITEM_END)
            return 0;
        warn_no_break(p, &item);
        int r = kinds[item.kind](p, &item);
        if (r < 0)
            return r;
    }
}

static int compare_attributes(const void *x, const void *y) {
    const struct attribute *a = *(struct attribute *const *)x, *b = *(struct attribute *const *)y;
    int sign = strcasecmp(a->key, b->key);
    if (sign == 0)
        sign = a->line < b->line ? -1 : a->line > b->line;
    return sign;
}

static int compare_lines(const void *x, const void *y) {
    const struct attribute *a = *(struct attribute *const *)x, *b = *(struct attribute *const *)y;
    return a->line < b->line ? -1 : a->line > b->line;
}

/* Of an attribute that is given twice in a section the last one counts. */
static void drop_repeats(struct parser *p, struct section *s) {
    struct attribute **items = s->attributes.items;
    size_t n = 0;
    if (s->attributes.len < 2)
        return;
    qsort(items, s->attributes.len, sizeof(struct attribute *), compare_attributes);
    for (size_t i = 0; i < s->attributes.len; i++) {
        bool repeated =
            i + 1 < s->attributes.len && text_equal_fold(items[i]->key, items[i + 1]->key);
        if (!repeated) {
            items[n++] = items[i];
            continue;
        }
        const struct finding finding = {SEVERITY_WARNING, CODE_DUPLICATE_ATTRIBUTE,
                                        template_key_place(p->t, items[i])};
        diagnostics_add(p->diags, &finding, "%.100s is given again on line %u, which counts",
                        items[i]->key, items[i + 1]->line);
        char *spelling = items[i]->key; /* the first one stays */
        items[i]->key = items[i + 1]->key;
        items[i + 1]->key = spelling;
        attribute_free(items[i]);
    }
    s->attributes.len = n;
    qsort(items, n, sizeof(struct attribute *), compare_lines);
}

/* All sections below `s`; they nest SECTION_RANK_MAX deep at most. */
static int finish_section(struct parser *p, struct section *s) {
    drop_repeats(p, s);
    for (size_t i = 0; s->attributes.len > INDEXED_FROM && i < s->attributes.len; i++)
        if (name_map_add(&s->by_key, s->attributes.items[i]->key, i) < 0)
            return -ENOMEM;
    for (size_t i = 0; i < s->children.len; i++) {
        struct section *child = s->children.items[i];
        int r =
            child->type == SECTION_PARAMETER ? section_list_append(&p->t->parameters, child) : 0;
        if (r == 0)
            r = finish_section(p, child);
        if (r < 0)
            return r;
    }
    return 0;
}

static int compare_names(const void *x, const void *y) {
    const struct section *a = *(struct section *const *)x, *b = *(struct section *const *)y;
    return strcasecmp(a->name, b->name);
}

static int compare_sections(const void *x, const void *y) {
    const struct section *a = *(struct section *const *)x, *b = *(struct section *const *)y;
    int sign = strcasecmp(a->name, b->name);
    if (sign == 0)
        sign = a->line < b->line ? -1 : a->line > b->line;
    return sign;
}

/* Puts the `len` sections found in the text into the order of first mention, each name once. */
static int order_parameters(struct template *t, size_t len) {
    _cleanup_free_ bool *placed = calloc(t->parameters.len, sizeof(bool));
    size_t n = 0;
    if (!placed)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
        struct section **found = bsearch(&t->parameters.items[i], t->parameters_by_name,
                                         t->parameters.len, sizeof(*found), compare_names);
        if (!found || placed[found - t->parameters_by_name])
            continue;
        placed[found - t->parameters_by_name] = true;
        t->parameters.items[n++] = *found;
    }
    return 0;
}

/* A parameter given twice keeps its first place and its last text. */
static int index_parameters(struct parser *p) {
    struct template *t = p->t;
    size_t len = t->parameters.len, n = 0;
    if (len == 0)
        return 0;
    t->parameters_by_name = calloc(len, sizeof(struct section *));
    if (!t->parameters_by_name)
        return -ENOMEM;
    memcpy(t->parameters_by_name, t->parameters.items, len * sizeof(struct section *));
    qsort(t->parameters_by_name, len, sizeof(struct section *), compare_sections);
    for (size_t i = 0; i < len; i++) {
        struct section *s = t->parameters_by_name[i];
        if (i + 1 < len && text_equal_fold(s->name, t->parameters_by_name[i + 1]->name)) {
            const struct finding finding = {SEVERITY_WARNING, CODE_DUPLICATE_PARAMETER,
                                            template_place(t, s->line, s->column)};
            diagnostics_add(p->diags, &finding,
                            "parameter %.100s is declared again on line %u, which counts", s->name,
                            t->parameters_by_name[i + 1]->line);
            continue;
        }
        t->parameters_by_name[n++] = s;
    }
    t->parameters.len = n;
    return order_parameters(t, len);
}

static void check_clusters(struct parser *p) {
    const struct finding finding = {SEVERITY_ERROR, CODE_MISSING_CLUSTER,
                                    .hint = "a template starts with [cluster NAME]"};
    if (p->t->clusters.len == 0 && p->language == LANGUAGE_TEMPLATE)
        diagnostics_add(p->diags, &finding, "there is no [cluster] section");
}

static int parse_all(struct parser *p) {
    int r = read_items(p);
    if (r == 0)
        r = finish_section(p, p->t->file);
    if (r == 0)
        r = index_parameters(p);
    check_clusters(p);
    if (r == 0)
        r = template_check(p->t, p->diags);
    return r;
}

static int make_template(const char *text, size_t len, struct diagnostics *diags,
                         struct template **ret) {
    size_t nul;
    _cleanup_(template_freep) struct template *t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->refs = 1;
    t->text = text_clean(text, len, &t->len, &nul);
    t->file = section_new(SECTION_FILE, NULL);
    if (!t->text || !t->file)
        return -ENOMEM;
    t->file->name = strdup("");
    if (!t->file->name)
        return -ENOMEM;
    if (nul < len) {
        unsigned line = 1;
        for (size_t i = 0; i < nul; i++)
            line += text[i] == '\n';
        const struct finding finding = {SEVERITY_ERROR, CODE_NUL_BYTE, template_place(t, line, 0)};
        diagnostics_add(diags, &finding, "there is a NUL byte in this line");
    }
    *ret = TAKE_PTR(t);
    return 0;
}

int parser_read(const char *text, size_t len, enum language language, struct diagnostics *diags,
                struct template **ret) {
    _cleanup_(template_freep) struct template *t = NULL;
    if (len > LIMIT_DOCUMENT_BYTES)
        return -E2BIG;
    int r = make_template(text, len, diags, &t);
    if (r < 0)
        return r;
    struct parser p = {.t = t, .diags = diags, .current = t->file, .language = language};
    r = parse_all(&p);
    if (r < 0 || diags->out_of_memory)
        return r < 0 ? r : -ENOMEM;
    *ret = TAKE_PTR(t);
    return 0;
}

int template_parse(const char *text, size_t len, struct diagnostics *diags, struct template **ret) {
    _cleanup_(template_freep) struct template *t = NULL;
    _cleanup_diagnostics_ struct diagnostics own = DIAGNOSTICS_INIT;
    if (!diags)
        diags = &own;
    size_t errors = diags->errors;
    int r = parser_read(text, len, LANGUAGE_TEMPLATE, diags, &t);
    if (r < 0)
        return r;
    if (diags->errors > errors)
        return -EINVAL;
    *ret = TAKE_PTR(t);
    return 0;
}

int template_find_errors(const char *text, size_t len, const struct evaluation_input *input,
                         struct diagnostics *diags) {
    _cleanup_(template_freep) struct template *t = NULL;
    _cleanup_(definition_freep) struct definition *d = NULL;
    _cleanup_diagnostics_ struct diagnostics known = DIAGNOSTICS_INIT;
    int r = parser_read(text, len, LANGUAGE_TEMPLATE, &known, &t);
    if (r < 0 || t->clusters.len == 0)
        return r;
    r = template_evaluate(t, input, diags, &d);
    return r == -ENOMEM ? r : 0;
}

/* What no later text can repair in one item; NULL if all is well. */
static const char *incurable(const struct item *item) {
    if (item->kind == ITEM_BROKEN_HEADER)
        return item->problem;
    if (item->kind == ITEM_HEADER &&
        section_type_find(item->type, LANGUAGE_TEMPLATE) == SECTION_INVALID)
        return "unknown section type";
    return NULL;
}

int template_check_prefix(const char *text, size_t len, struct error *err) {
    const char *newline = text && len ? memrchr(text, '\n', len) : NULL;
    if (text && memchr(text, '\0', len))
        return err_set(err, -EINVAL, "invalid_template", "there is a NUL byte in the text");
    struct reader reader = {
        .text = text,
        .len = newline ? (size_t)(newline + 1 - text) : 0,
        .line = 1,
    };
    for (;;) {
        struct item item;
        reader_next(&reader, &item);
        if (item.kind == ITEM_END)
            return 0;
        const char *problem = incurable(&item);
        if (problem)
            return err_set(err, -EINVAL, "invalid_template", "line %u: %s: %.*s", item.whole.line,
                           problem, (int)(item.whole.len < 80 ? item.whole.len : 80),
                           item.whole.text);
    }
}
